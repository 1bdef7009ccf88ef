//! Households: the home, what you may do there, and the lists in it.

mod fairness;
mod leave_preview;
mod mutation;
#[cfg(test)]
mod tests;

use fairness::Fairness;
use leave_preview::LeavePreview;
pub(crate) use mutation::HouseholdMutation;

use crate::announcement::{self, Announcement};
use crate::connection::{Connection, PageArguments};
use crate::conversation::Conversation;
use crate::cost::cost;
use crate::error::{Error, Nullable, Result, nullable};
use crate::grocery::{
    self, GroceryCategory, GroceryLine, GroceryList, GroceryProduct, GroceryStaple, GroceryStore, GroceryTrip,
};
use crate::id::GlobalId;
use crate::invitation::Invitation;
use crate::member::Member;
use crate::row::Row;
use crate::scalar::{Cursor, DateTime, LocalDate};
use crate::scope::ScopeExt as _;
use crate::task::{
    self, Occurrence, OccurrenceFilterInput, OccurrenceOrder, RecurrenceInput, RecurrencePreview, SwapOffer,
    Task, TaskFilterInput, TaskOrder,
};
use async_graphql::{ComplexObject, Context, Enum, ID, Object, SimpleObject};
use roomm8_db::conversation::Unread;
use roomm8_db::grocery::list;
use roomm8_db::household::Archived;
use roomm8_db::member::Former;
use roomm8_db::{HouseholdId, access, conversation, household, invitation, member};
use tokio::task::spawn_blocking;

/// How much of the past a new member sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "access::HistoryVisibility")]
pub(crate) enum HistoryVisibility {
    /// Everything that was ever said and done.
    All,
    /// What happened while they were members; who comes back sees what they saw before, too.
    SinceJoining,
}

/// A right that a role has or lacks. Each higher role has every right of the lower ones: `GUEST`, `MEMBER`, `ADMIN`,
/// `OWNER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "access::Permission")]
pub(crate) enum Permission {
    /// See the household, its members, conversations and events. Everybody.
    Read,
    /// Write, edit and delete your own messages, react, mark as read. Everybody.
    Chat,
    /// Leave the household. Everybody.
    Leave,
    /// Open a conversation on a topic. `MEMBER` and higher.
    CreateConversation,
    /// Mention everybody at once with `@all`. `MEMBER` and higher.
    MentionEveryone,
    /// Announce something to everybody, and change or take back your own announcements. `MEMBER` and higher.
    Announce,
    /// See, make and revoke invitations, up to your own role. `MEMBER` and higher.
    Invite,
    /// Do chores: close what is due and take that back for a while, claim it and let go of it. `MEMBER` and higher.
    DoTasks,
    /// Make chores, and give what is due to others. `MEMBER` and higher.
    ManageTasks,
    /// Change shopping lists, what is on them, the catalogue and the stores. `MEMBER` and higher.
    EditGroceries,
    /// Change the household's name and settings. `ADMIN` and higher.
    UpdateHousehold,
    /// Delete other people's messages, and change or take back their announcements. `ADMIN` and higher.
    ModerateMessages,
    /// Change roles and remove members, of a lower role than your own; owners also other owners. `ADMIN` and higher.
    ManageMembers,
    /// Take back what anybody closed, as long as what followed it is open. `ADMIN` and higher.
    UndoTasks,
    /// Archive and restore the household. `OWNER`.
    ArchiveHousehold,
}

/// People who share a home. You only ever see those you are a member of.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Household {
    /// Its global id.
    pub(crate) id: ID,
    /// What its members call it: one line of 1 to 100 characters of plain text.
    name: String,
    /// Its IANA time zone, for example `Europe/Berlin`: by it the days of the household begin and end.
    time_zone: String,
    /// The ISO 4217 code of the currency it reckons in, for example `EUR`.
    currency: String,
    /// How much of the past a new member sees.
    history_visibility: HistoryVisibility,
    /// For how many minutes after they were sent messages can be edited; 0 is never, null is always.
    edit_window_minutes: Option<i32>,
    /// Counts its changes, from 1: pass it as `expectedVersion` when you change it.
    version: i32,
    /// When it began.
    created_at: DateTime,
    /// When it was archived: since then it can be read, left and restored, not changed. Null while it is in use.
    archived_at: Option<DateTime>,
    #[graphql(skip)]
    key: HouseholdId,
    /// Where its log stood when it was read, if that is known.
    #[graphql(skip)]
    position: Option<Cursor>,
}

// Its lists go the ordinary way.
impl Row for Household {}

impl From<household::Household> for Household {
    fn from(row: household::Household) -> Self {
        Self {
            id: GlobalId::Household(row.id).to_id(),
            name: row.name,
            time_zone: row.time_zone,
            currency: row.currency,
            history_visibility: row.history_visibility.into(),
            edit_window_minutes: row.edit_window_minutes,
            version: row.version,
            created_at: DateTime(row.created_at),
            archived_at: row.archived_at.map(DateTime),
            key: row.id,
            position: None,
        }
    }
}

#[ComplexObject]
impl Household {
    /// Where its log stands: subscribe with `after:` this, and apply what comes to what you fetched together with
    /// it. What else is in the answer is at least as new, so an event may tell what you have already; go by
    /// `version`.
    async fn cursor(&self, ctx: &Context<'_>) -> Result<Cursor> {
        match self.position {
            Some(position) => Ok(position),
            None => Ok(Cursor::Log(ctx.scope()?.reader(self.key).await?.head())),
        }
    }

    /// You, as a member of it.
    async fn viewer_member(&self, ctx: &Context<'_>) -> Result<Member> {
        let scope = ctx.scope()?;
        let id = scope.member(self.key).await?.id();
        let found = scope.loaders().members.load(id).await?;
        found.map(Member::from).ok_or_else(Error::not_found)
    }

    /// What you may do here: show no button that is not among them.
    async fn viewer_permissions(&self, ctx: &Context<'_>) -> Result<Vec<Permission>> {
        let member = ctx.scope()?.member(self.key).await?;
        Ok(member.role().permissions().map(Permission::from).collect())
    }

    /// When a chore with this recurrence would be due, before it is made. Nothing is stored.
    #[graphql(directive = cost::apply("20".to_owned()))]
    async fn preview_recurrence(
        &self,
        #[graphql(desc = "When it would be due.")] recurrence: RecurrenceInput,
        #[graphql(default = 10, desc = "At most so many occurrences, the first ones; 1 to 50.")] count: i32,
    ) -> Result<RecurrencePreview> {
        let zone = self.time_zone.clone();
        // A rule that hardly ever has a date keeps a thread busy for a while: not one that others wait for.
        let preview = spawn_blocking(move || task::preview(&recurrence, &zone, count));
        preview.await.map_err(|error| roomm8_db::Error::Internal(error.into()))?
    }

    /// Who lives here, in the order in which they first joined; the first 50 unless said otherwise.
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only members after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "At most so many from the end, or before `before`; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only members before this cursor.")] before: Option<Cursor>,
        #[graphql(default = false, desc = "Whether those who left or were removed are among them.")]
        include_former: bool,
    ) -> Result<Connection<Member>> {
        let arguments = PageArguments::new(first, after, last, before, 50)?;
        let former = if include_former { Former::Included } else { Former::LeftOut };
        let scope = ctx.scope()?;
        let reader = scope.reader(self.key).await?;
        let window = arguments.window()?;
        let rows = member::page(&mut *scope.connection().await?, &reader, former, window).await?;
        for row in &rows {
            scope.loaders().members.prime(row.id, row.clone()).await;
        }
        let members = rows.into_iter().map(Member::from).collect();
        Ok(Connection::new(&arguments, members, Member::place))
    }

    /// Its invitations, open and ended, in the order in which they were made; the first 50 unless said otherwise, so
    /// ask for `last` to see the newest. Null with `FORBIDDEN` if you lack `INVITE`.
    async fn invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only invitations after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "At most so many from the end, or before `before`; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only invitations before this cursor.")] before: Option<Cursor>,
    ) -> Nullable<Connection<Invitation>> {
        nullable(async {
            let arguments = PageArguments::new(first, after, last, before, 50)?;
            let scope = ctx.scope()?;
            let viewer = scope.member(self.key).await?;
            let window = arguments.window()?;
            let rows = invitation::page(&mut *scope.connection().await?, &viewer, window).await?;
            let invitations = rows.into_iter().map(Invitation::from).collect();
            Ok(Connection::new(&arguments, invitations, Invitation::place))
        })
        .await
    }

    /// What everybody is to know, in the order in which it was made; the first 50 unless said otherwise, so ask for `last` to
    /// see the newest. What was taken back is left out.
    async fn announcements(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = false, desc = "Whether those that are over are among them.")]
        include_expired: bool,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only announcements after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "At most so many from the end, or before `before`; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only announcements before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<Announcement>> {
        let arguments = PageArguments::new(first, after, last, before, 50)?;
        announcement::page(ctx, self.key, include_expired, &arguments).await
    }

    /// The announcements that stand before all others, the newest first: at most 5.
    async fn pinned_announcements(&self, ctx: &Context<'_>) -> Result<Vec<Announcement>> {
        announcement::pinned(ctx, self.key).await
    }

    /// The conversations you take part in, the oldest first, which is the general one; the first 50 unless said
    /// otherwise.
    async fn conversations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only conversations after this cursor.")] after: Option<Cursor>,
    ) -> Result<Connection<Conversation>> {
        let arguments = PageArguments::new(first, after, None, None, 50)?;
        let scope = ctx.scope()?;
        let viewer = scope.member(self.key).await?;
        let after = arguments.window()?.after.map(roomm8_db::ConversationId::from);
        let conn = &mut *scope.connection().await?;
        let rows = conversation::page(conn, &viewer, after, arguments.probe()).await?;
        let conversations = rows.into_iter().map(Conversation::from).collect();
        Ok(Connection::new(&arguments, conversations, Conversation::place))
    }

    /// The conversation that everybody here takes part in from the start.
    async fn general_conversation(&self, ctx: &Context<'_>) -> Result<Conversation> {
        let scope = ctx.scope()?;
        let reader = scope.reader(self.key).await?;
        Ok(conversation::general(&mut *scope.connection().await?, &reader).await?.into())
    }

    /// Its chores; the first 50 unless said otherwise.
    #[expect(clippy::too_many_arguments, reason = "a filter, an order, and what Relay asks for")]
    async fn tasks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these; those that were not put away, unless said otherwise.")] filter: Option<
            TaskFilterInput,
        >,
        #[graphql(default_with = "TaskOrder::CreatedAsc", desc = "In which order.")] order_by: TaskOrder,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only chores after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "At most so many from the end, or before `before`; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only chores before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<Task>> {
        let arguments = PageArguments::new(first, after, last, before, 50)?;
        task::tasks(ctx, self.key, &filter.unwrap_or_default(), order_by, &arguments).await
    }

    /// Every time its chores are or were due; the first 50 unless said otherwise. An agenda is `filter: { statuses: [OPEN],
    /// mine: true }`, what needs doing now `{ overdue: true }`, what is for the taking `{ statuses: [OPEN], unassigned:
    /// true }`.
    #[expect(clippy::too_many_arguments, reason = "a filter, an order, and what Relay asks for")]
    async fn occurrences(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these.")] filter: Option<OccurrenceFilterInput>,
        #[graphql(default_with = "OccurrenceOrder::DueAsc", desc = "In which order.")]
        order_by: OccurrenceOrder,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only occurrences after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "At most so many from the end, or before `before`; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only occurrences before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<Occurrence>> {
        let arguments = PageArguments::new(first, after, last, before, 50)?;
        task::occurrences(ctx, self.key, &filter.unwrap_or_default(), order_by, &arguments).await
    }

    /// The offers to trade occurrences that are open, in the order in which they were made; the first 50 unless said
    /// otherwise.
    async fn swap_offers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only offers after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "At most so many from the end, or before `before`; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only offers before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<SwapOffer>> {
        let arguments = PageArguments::new(first, after, last, before, 50)?;
        task::swap_offers(ctx, self.key, &arguments).await
    }

    /// Its shopping lists, in the order in which they were made; the first 50 unless said otherwise.
    async fn grocery_lists(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = false, desc = "Whether those that were put away are among them.")]
        include_archived: bool,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only lists after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "At most so many from the end, or before `before`; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only lists before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<GroceryList>> {
        let arguments = PageArguments::new(first, after, last, before, 50)?;
        let archived = if include_archived { list::Archived::Included } else { list::Archived::LeftOut };
        grocery::lists(ctx, self.key, archived, &arguments).await
    }

    /// All its categories of groceries, in its order: at most 100.
    async fn grocery_categories(&self, ctx: &Context<'_>) -> Result<Vec<GroceryCategory>> {
        grocery::categories(ctx, self.key).await
    }

    /// All its stores, in the order in which they were made: at most 50.
    async fn grocery_stores(&self, ctx: &Context<'_>) -> Result<Vec<GroceryStore>> {
        grocery::stores(ctx, self.key).await
    }

    /// Its catalogue: what was ever put on a list, at most 5,000 things, the oldest known first; the first 50 unless said
    /// otherwise.
    async fn grocery_products(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default,
            desc = "Only those whose name, or a word of it, begins so, whatever its case; all, unless said otherwise."
        )]
        begins: String,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only products after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "At most so many from the end, or before `before`; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only products before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<GroceryProduct>> {
        let arguments = PageArguments::new(first, after, last, before, 50)?;
        grocery::products(ctx, self.key, &begins, &arguments).await
    }

    /// Its shopping trips, in the order in which they were finished; undone ones are left out. The first 50 unless said
    /// otherwise, so ask for `last` to see the newest.
    async fn grocery_trips(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only trips after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "At most so many from the end, or before `before`; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only trips before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<GroceryTrip>> {
        let arguments = PageArguments::new(first, after, last, before, 50)?;
        grocery::trips(ctx, self.key, &arguments).await
    }

    /// What puts itself on its shopping lists by a rule, at most 200 things, in the order in which they were made; the first 50
    /// unless said otherwise.
    async fn grocery_staples(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only staples after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "At most so many from the end, or before `before`; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only staples before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<GroceryStaple>> {
        let arguments = PageArguments::new(first, after, last, before, 50)?;
        grocery::staples(ctx, self.key, &arguments).await
    }

    /// What `addGroceryItems` understands of a text, to be shown while it is typed. Nothing is stored. Lines end with commas,
    /// semicolons or line feeds, and have an amount before or after the name (`2x milk`, `flour 500 g`, `1½ l juice`), a note in
    /// brackets, and `!` if they are urgent; what does not fit an amount is part of the name. `BAD_USER_INPUT` beyond 100
    /// lines.
    #[expect(clippy::unused_async, reason = "resolvers are")]
    async fn parse_groceries(
        &self,
        #[graphql(desc = "What somebody typed.")] text: String,
    ) -> Result<Vec<GroceryLine>> {
        grocery::parse(&text)
    }

    /// What each did of its chores from one of its local dates to another, and what was to be expected of them:
    /// `BAD_USER_INPUT` if `to` is before `from`, if these are more than 366 days, or if more than 20,000 occurrences were
    /// closed in that time.
    async fn fairness(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: LocalDate,
        #[graphql(desc = "The last day.")] to: LocalDate,
    ) -> Result<Fairness> {
        fairness::fairness(ctx, self.key, from, to).await
    }

    /// What would happen if you, or another current member, left or were removed now. For another it needs
    /// `MANAGE_MEMBERS`: null with `FORBIDDEN` if you lack it.
    async fn leave_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The member; you, unless said otherwise.")] member_id: Option<ID>,
    ) -> Nullable<LeavePreview> {
        nullable(leave_preview::leave_preview(ctx, self.key, member_id.as_ref())).await
    }

    /// How many messages of others you have not read, in all your conversations here; deleted ones and the
    /// household's own do not count.
    async fn unread_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(self.unread(ctx).await?.messages)
    }

    /// How many of them mention you.
    async fn mention_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(self.unread(ctx).await?.mentions)
    }
}

impl Household {
    /// The same, known to be at least as new as this place in its log.
    pub(crate) fn read_at(self, position: Cursor) -> Self {
        Self { position: Some(position), ..self }
    }

    async fn unread(&self, ctx: &Context<'_>) -> Result<Unread> {
        let scope = ctx.scope()?;
        scope.member(self.key).await?;
        Ok(scope.loaders().household_unread.load(self.key).await?.unwrap_or_default())
    }
}

/// The household with this id, if the viewer is a member of it.
pub(crate) async fn find(ctx: &Context<'_>, id: HouseholdId) -> Result<Household> {
    Ok(ctx.scope()?.reader(id).await?.household().clone().into())
}

/// The households the viewer is a member of, the oldest first.
pub(crate) async fn of_viewer(ctx: &Context<'_>, archived: Archived) -> Result<Vec<Household>> {
    let proofs = ctx.scope()?.memberships(archived).await?;
    Ok(proofs.iter().map(|proof| proof.household().clone().into()).collect())
}

#[derive(Default)]
pub(crate) struct HouseholdQuery;

#[Object]
impl HouseholdQuery {
    /// A household you are a member of, archived or not. `NOT_FOUND` otherwise.
    async fn household(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The household's global id.")] id: ID,
    ) -> Nullable<Household> {
        nullable(async { find(ctx, GlobalId::household(&id)?).await }).await
    }
}
