//! The household's log: what happened, in commit order, without a gap.

use crate::among::among;
use crate::labels::labels;
use crate::tables::{household_events, household_streams, members, messages, users};
use crate::{Connection, Error, HouseholdId, MemberId, Result, SubjectId, Time, member, message};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

labels! {
    /// What happened.
    Kind {
        /// The household began.
        HouseholdCreated = "HOUSEHOLD_CREATED",
        /// Its name or settings changed.
        HouseholdUpdated = "HOUSEHOLD_UPDATED",
        /// It was put away.
        HouseholdArchived = "HOUSEHOLD_ARCHIVED",
        /// It was brought back.
        HouseholdRestored = "HOUSEHOLD_RESTORED",
        /// Somebody joined, or came back.
        MemberJoined = "MEMBER_JOINED",
        /// Somebody's role changed.
        MemberRoleChanged = "MEMBER_ROLE_CHANGED",
        /// Somebody was removed.
        MemberRemoved = "MEMBER_REMOVED",
        /// Somebody left.
        MemberLeft = "MEMBER_LEFT",
        /// An invitation was made.
        InvitationCreated = "INVITATION_CREATED",
        /// An invitation was taken back.
        InvitationRevoked = "INVITATION_REVOKED",
        /// A conversation was opened.
        ConversationCreated = "CONVERSATION_CREATED",
        /// A message was sent.
        MessageSent = "MESSAGE_SENT",
        /// A message's text changed.
        MessageEdited = "MESSAGE_EDITED",
        /// A message was deleted; its text is gone.
        MessageDeleted = "MESSAGE_DELETED",
        /// Somebody reacted to a message.
        ReactionAdded = "REACTION_ADDED",
        /// Somebody took a reaction back.
        ReactionRemoved = "REACTION_REMOVED",
        /// A person's read marker or mute level in a conversation changed; told only to that person.
        ConversationStateChanged = "CONVERSATION_STATE_CHANGED",
        /// Something was announced.
        AnnouncementPosted = "ANNOUNCEMENT_POSTED",
        /// An announcement changed.
        AnnouncementEdited = "ANNOUNCEMENT_EDITED",
        /// An announcement was taken back; its words are gone.
        AnnouncementRemoved = "ANNOUNCEMENT_REMOVED",
        /// Somebody said that they know of an announcement.
        AnnouncementAcknowledged = "ANNOUNCEMENT_ACKNOWLEDGED",
        /// A chore was made.
        TaskCreated = "TASK_CREATED",
        /// A chore changed: what it is, when it is due, or who shares it.
        TaskUpdated = "TASK_UPDATED",
        /// A chore was put away, and what was open of it is gone.
        TaskArchived = "TASK_ARCHIVED",
        /// A chore was brought back.
        TaskRestored = "TASK_RESTORED",
        /// A chore is due another time.
        OccurrenceOpened = "OCCURRENCE_OPENED",
        /// It was done, skipped or missed.
        OccurrenceClosed = "OCCURRENCE_CLOSED",
        /// Its closing was taken back.
        OccurrenceReopened = "OCCURRENCE_REOPENED",
        /// It is somebody else's to do, or nobody's.
        OccurrenceAssigned = "OCCURRENCE_ASSIGNED",
        /// It is no longer to be done, and gone.
        OccurrenceCancelled = "OCCURRENCE_CANCELLED",
        /// It is due at another time.
        OccurrenceRescheduled = "OCCURRENCE_RESCHEDULED",
        /// Somebody says that it is done, and somebody else has to agree.
        OccurrenceSubmitted = "OCCURRENCE_SUBMITTED",
        /// Somebody did not agree that it is done: it is open again.
        OccurrenceRejected = "OCCURRENCE_REJECTED",
        /// A part of it was done, or is to be done after all.
        SubtaskChanged = "SUBTASK_CHANGED",
        /// Somebody offers to trade one occurrence for another.
        SwapOffered = "SWAP_OFFERED",
        /// An offer was accepted, declined, taken back or came to nothing.
        SwapClosed = "SWAP_CLOSED",
        /// When a member is away changed.
        AbsenceChanged = "ABSENCE_CHANGED",
        /// A shopping list was made.
        GroceryListCreated = "GROCERY_LIST_CREATED",
        /// A shopping list changed.
        GroceryListUpdated = "GROCERY_LIST_UPDATED",
        /// A shopping list was put away.
        GroceryListArchived = "GROCERY_LIST_ARCHIVED",
        /// A shopping list was brought back.
        GroceryListRestored = "GROCERY_LIST_RESTORED",
        /// Something new is on a shopping list.
        GroceryItemAdded = "GROCERY_ITEM_ADDED",
        /// More is wanted of something on a shopping list.
        GroceryItemMerged = "GROCERY_ITEM_MERGED",
        /// Something on a shopping list changed.
        GroceryItemUpdated = "GROCERY_ITEM_UPDATED",
        /// It was bought, could not be had, was taken off the list, or is wanted after all.
        GroceryItemStateChanged = "GROCERY_ITEM_STATE_CHANGED",
        /// What was bought left its shopping list.
        GroceryTripFinished = "GROCERY_TRIP_FINISHED",
        /// It came back.
        GroceryTripUndone = "GROCERY_TRIP_UNDONE",
        /// What the catalogue remembers of something changed.
        GroceryProductUpdated = "GROCERY_PRODUCT_UPDATED",
        /// The catalogue forgot something, or took it for the same as something else.
        GroceryProductRemoved = "GROCERY_PRODUCT_REMOVED",
        /// A kind of groceries was named.
        GroceryCategoryCreated = "GROCERY_CATEGORY_CREATED",
        /// A kind of groceries changed: its name or its place.
        GroceryCategoryUpdated = "GROCERY_CATEGORY_UPDATED",
        /// A kind of groceries is no more.
        GroceryCategoryRemoved = "GROCERY_CATEGORY_REMOVED",
        /// A store was named.
        GroceryStoreCreated = "GROCERY_STORE_CREATED",
        /// A store changed: its name, or what stands where.
        GroceryStoreUpdated = "GROCERY_STORE_UPDATED",
        /// A store is no more.
        GroceryStoreRemoved = "GROCERY_STORE_REMOVED",
        /// Something puts itself on a shopping list from now on.
        GroceryStapleCreated = "GROCERY_STAPLE_CREATED",
        /// When or how much of it changed.
        GroceryStapleUpdated = "GROCERY_STAPLE_UPDATED",
        /// It no longer does.
        GroceryStapleRemoved = "GROCERY_STAPLE_REMOVED",
    }
}

/// What events of a kind are about: what their subject is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they say it themselves")]
pub enum About {
    Household,
    Member,
    Invitation,
    Conversation,
    Message,
    Announcement,
    Task,
    Occurrence,
    Swap,
    GroceryList,
    GroceryItem,
    GroceryTrip,
    GroceryProduct,
    GroceryCategory,
    GroceryStore,
    GroceryStaple,
}

impl Kind {
    /// What events of this kind are about.
    pub fn about(self) -> About {
        match self {
            Self::HouseholdCreated
            | Self::HouseholdUpdated
            | Self::HouseholdArchived
            | Self::HouseholdRestored => About::Household,
            Self::MemberJoined
            | Self::MemberRoleChanged
            | Self::MemberRemoved
            | Self::MemberLeft
            | Self::AbsenceChanged => About::Member,
            Self::InvitationCreated | Self::InvitationRevoked => About::Invitation,
            Self::ConversationCreated | Self::ConversationStateChanged => About::Conversation,
            Self::MessageSent
            | Self::MessageEdited
            | Self::MessageDeleted
            | Self::ReactionAdded
            | Self::ReactionRemoved => About::Message,
            Self::AnnouncementPosted
            | Self::AnnouncementEdited
            | Self::AnnouncementRemoved
            | Self::AnnouncementAcknowledged => About::Announcement,
            Self::TaskCreated | Self::TaskUpdated | Self::TaskArchived | Self::TaskRestored => About::Task,
            Self::OccurrenceOpened
            | Self::OccurrenceClosed
            | Self::OccurrenceReopened
            | Self::OccurrenceAssigned
            | Self::OccurrenceCancelled
            | Self::OccurrenceRescheduled
            | Self::OccurrenceSubmitted
            | Self::OccurrenceRejected
            | Self::SubtaskChanged => About::Occurrence,
            Self::SwapOffered | Self::SwapClosed => About::Swap,
            Self::GroceryListCreated
            | Self::GroceryListUpdated
            | Self::GroceryListArchived
            | Self::GroceryListRestored => About::GroceryList,
            Self::GroceryItemAdded
            | Self::GroceryItemMerged
            | Self::GroceryItemUpdated
            | Self::GroceryItemStateChanged => About::GroceryItem,
            Self::GroceryTripFinished | Self::GroceryTripUndone => About::GroceryTrip,
            Self::GroceryProductUpdated | Self::GroceryProductRemoved => About::GroceryProduct,
            Self::GroceryCategoryCreated | Self::GroceryCategoryUpdated | Self::GroceryCategoryRemoved => {
                About::GroceryCategory
            }
            Self::GroceryStoreCreated | Self::GroceryStoreUpdated | Self::GroceryStoreRemoved => {
                About::GroceryStore
            }
            Self::GroceryStapleCreated | Self::GroceryStapleUpdated | Self::GroceryStapleRemoved => {
                About::GroceryStaple
            }
        }
    }
}

/// One entry of a household's log.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = household_events, treat_none_as_default_value = false)]
pub struct Event {
    /// The household it happened in.
    pub household_id: HouseholdId,
    /// Its place in the log: 1, 2, 3, … in commit order, without a gap.
    pub seq: i64,
    /// What happened.
    pub kind: Kind,
    /// The member who did it; none when the system did.
    pub actor_id: Option<MemberId>,
    /// What it happened to.
    pub subject_id: SubjectId,
    /// The subject's version after it.
    pub subject_version: i32,
    /// The subject's fields that changed, with commas between.
    pub fields: String,
    audience: Option<Vec<u8>>,
    /// When, by the clock of the instance that wrote it. Not an order: `seq` is.
    pub occurred_at: Time,
}

/// What a change records; the unit of work gives it its place in the log.
pub(crate) struct Entry {
    pub kind: Kind,
    pub subject: SubjectId,
    pub version: i32,
    pub fields: Vec<&'static str>,
    /// The members who may know of it; `None` is everybody in the household.
    pub audience: Option<Vec<MemberId>>,
}

impl Entry {
    pub(crate) fn at(self, household: HouseholdId, seq: i64, actor: Option<MemberId>, now: Time) -> Event {
        Event {
            household_id: household,
            seq,
            kind: self.kind,
            actor_id: actor,
            subject_id: self.subject,
            subject_version: self.version,
            fields: self.fields.join(","),
            audience: self
                .audience
                .map(|members| members.iter().flat_map(MemberId::bytes).copied().collect()),
            occurred_at: now,
        }
    }
}

impl Event {
    /// Whether this member may know of it.
    pub fn is_for(&self, member: MemberId) -> bool {
        let Some(audience) = &self.audience else { return true };
        audience.chunks_exact(16).any(|id| id == member.bytes())
    }

    /// Whether it ended this member's membership.
    pub fn ends_membership_of(&self, member: MemberId) -> bool {
        matches!(self.kind, Kind::MemberRemoved | Kind::MemberLeft)
            && MemberId::from(self.subject_id) == member
    }
}

/// A place in a household's log, which subscribers name to resume from. The epoch changes when a backup is
/// restored, so that places after the backup are not mistaken for places in the log that grew since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// Which life of the log.
    pub epoch: i32,
    /// The event's number.
    pub seq: i64,
}

/// The log's newest position, or [`Error::NotFound`].
pub async fn head(conn: &mut Connection, household: HouseholdId) -> Result<Position> {
    let query = household_streams::table
        .filter(household_streams::household_id.eq(household))
        .select((household_streams::epoch, household_streams::head));
    let (epoch, seq) = run!(conn, |c| query.first(c).await)?;
    Ok(Position { epoch, seq })
}

/// The newest position of each of these households that exists. At most a thousand at a time.
pub async fn heads(
    conn: &mut Connection,
    households: &[HouseholdId],
) -> Result<Vec<(HouseholdId, Position)>> {
    let query = household_streams::table.filter(among(household_streams::household_id, households)).select((
        household_streams::household_id,
        household_streams::epoch,
        household_streams::head,
    ));
    let rows: Vec<(HouseholdId, i32, i64)> = run!(conn, |c| query.load(c).await)?;
    Ok(rows.into_iter().map(|(household, epoch, seq)| (household, Position { epoch, seq })).collect())
}

/// An event with what most subscribers ask of it, so that a page of the log is one query.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Detailed {
    /// The event.
    pub event: Event,
    /// Who did it, as they are now.
    pub actor: Option<member::Profile>,
    /// The message it is about, as it is now: what was deleted since does not come back.
    pub message: Option<message::Message>,
}

/// The events after `after`, oldest first, at most `limit`.
pub async fn page(
    conn: &mut Connection,
    household: HouseholdId,
    after: i64,
    limit: i64,
) -> Result<Vec<Detailed>> {
    let query = household_events::table
        .left_join(members::table.on(household_events::actor_id.eq(members::id.nullable())))
        .left_join(users::table.on(users::id.eq(members::user_id)))
        .left_join(messages::table.on(messages::id.eq(household_events::subject_id)))
        .filter(household_events::household_id.eq(household))
        .filter(household_events::seq.gt(after))
        .order(household_events::seq)
        .limit(limit);
    run!(conn, |c| {
        query
            .select((
                Event::as_select(),
                Option::<member::Profile>::as_select(),
                Option::<message::Message>::as_select(),
            ))
            .load(c)
            .await
    })
}

/// Fails with [`Error::Resync`] unless the log holds everything after `position`.
pub fn check(position: Position, head: Position) -> Result<()> {
    if position.epoch == head.epoch && (0..=head.seq).contains(&position.seq) {
        Ok(())
    } else {
        Err(Error::Resync)
    }
}

pub(crate) async fn append(conn: &mut Connection, events: &[Event]) -> Result<()> {
    for event in events {
        // One at a time: diesel cannot keep a batch insert prepared, and nearly every change is one event.
        let insert = diesel::insert_into(household_events::table).values(event);
        run!(conn, |c| insert.execute(c).await)?;
    }
    Ok(())
}

/// The versions of a subject after `version`, each with the names of the fields that it changed, with commas between.
pub(crate) async fn changes_since(
    conn: &mut Connection,
    household: HouseholdId,
    subject: SubjectId,
    version: i32,
) -> Result<Vec<(i32, String)>> {
    let query = household_events::table
        .filter(household_events::household_id.eq(household))
        .filter(household_events::subject_id.eq(subject))
        .filter(household_events::subject_version.gt(version))
        .select((household_events::subject_version, household_events::fields));
    run!(conn, |c| query.load(c).await)
}
