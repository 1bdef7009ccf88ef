//! The inbox: what you are told, of all your households, and how far you have looked and read.

use super::{Session, Viewer, current_viewer};
use crate::announcement::{self, Announcement};
use crate::connection::{Connection, PageArguments};
use crate::error::{Error, Nullable, Result, nullable, nullable_option};
use crate::grocery::GroceryList;
use crate::household::{self, Household};
use crate::id::GlobalId;
use crate::live::{self, Item};
use crate::member::{self, Member};
use crate::message::Message;
use crate::payload::UserError;
use crate::row::Row;
use crate::scalar::{Cursor, DateTime};
use crate::scope::ScopeExt as _;
use crate::task::Occurrence;
use async_graphql::{
    ComplexObject, Context, Enum, ID, InputObject, Object, SimpleObject, Subscription, Union,
};
use futures_util::stream::BoxStream;
use roomm8_db::event::{self, Position};
use roomm8_db::household::Archived;
use roomm8_db::notification::inbox::{self, Cause, Found, Which};
use roomm8_db::{ConversationId, HouseholdId, InboxEntryId, UserId};
use roomm8_subscriptions::InboxChange;

/// Entries marked at once.
const MARKED: usize = 100;

/// Why you are told. Expect new values: show those you do not know as "something new".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Cause")]
pub(crate) enum NotificationCause {
    /// Your address is proven, and your account ready.
    Welcome,
    /// Your account was signed in to from a device or a place that it was not before. Subject: Session, which you can end;
    /// null once it has ended.
    NewDevice,
    /// Your password was changed.
    PasswordChanged,
    /// Somebody mentioned you; `count` is how often in this conversation since you last read. Subject: Message, the newest.
    Mention,
    /// Something was announced to everybody. Subject: Announcement.
    Announcement,
    /// A chore that you are to do is due, or soon, or was; `count` is how often you were reminded. Subject: Occurrence.
    TaskReminder,
    /// Somebody asks you to do a chore. Subject: Occurrence.
    TaskNudge,
    /// Somebody put something on a shopping list; `count` is how many things, and it is told a minute later, together. Subject:
    /// `GroceryList`.
    GroceriesAdded,
}

/// Something in your inbox. What is of one cause, such as mentions in one conversation, is one entry while you have not read
/// it: then it counts up, and comes first again.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Notification {
    /// Its global id: pass it to `markNotificationsRead`.
    pub(crate) id: ID,
    /// Why you are told. Say it in your reader's language, with `count`, `actor`, `household` and `subject`.
    cause: NotificationCause,
    /// How often it happened since you last read it; at least 1.
    count: i32,
    /// When it happened the last time.
    happened_at: DateTime,
    /// Whether it was there when you last looked: see `markNotificationsSeen`.
    is_seen: bool,
    /// Whether you have read it: because you said so, because you have read the message, or because there is nothing left to
    /// do, as the chore is done, the message deleted, or nothing left to buy.
    is_read: bool,
    #[graphql(skip)]
    entry: inbox::InboxEntry,
}

// Its lists go the ordinary way.
impl Row for Notification {}

impl From<Found> for Notification {
    fn from(found: Found) -> Self {
        let Found { entry, is_read, is_seen } = found;
        Self {
            id: GlobalId::Notification(entry.id).to_id(),
            cause: entry.cause.into(),
            count: entry.count,
            happened_at: DateTime(entry.happened_at),
            is_seen,
            is_read,
            entry,
        }
    }
}

/// What a notification is about, as it is now.
#[derive(Union)]
#[expect(
    clippy::large_enum_variant,
    reason = "one is made for each entry that is answered, and moved nowhere"
)]
pub(crate) enum NotificationSubject {
    /// The newest message that mentions you.
    Message(Message),
    /// What was announced.
    Announcement(Announcement),
    /// What is to be done.
    Occurrence(Occurrence),
    /// The device that was signed in.
    Session(Session),
    /// The list that something was put on.
    GroceryList(GroceryList),
}

#[ComplexObject]
impl Notification {
    /// The household it is about; null if it is about your account.
    async fn household(&self, ctx: &Context<'_>) -> Nullable<Household> {
        nullable_option(async {
            match self.entry.household_id {
                Some(household) => household::find(ctx, household).await.map(Some),
                None => Ok(None),
            }
        })
        .await
    }

    /// Whose doing it was, the last time; null where it was nobody's in particular.
    async fn actor(&self, ctx: &Context<'_>) -> Nullable<Member> {
        member::perhaps(ctx, self.entry.actor_id).await
    }

    /// What it is about, and where to go from it; null if that is gone, or if there is nothing but the cause.
    async fn subject(&self, ctx: &Context<'_>) -> Nullable<NotificationSubject> {
        nullable_option(subject(ctx, &self.entry)).await
    }
}

async fn subject(ctx: &Context<'_>, entry: &inbox::InboxEntry) -> Result<Option<NotificationSubject>> {
    match entry.household_id {
        Some(household) => subject_in(ctx, household, entry).await,
        None => account_subject(ctx, entry).await,
    }
}

async fn subject_in(
    ctx: &Context<'_>,
    household: HouseholdId,
    entry: &inbox::InboxEntry,
) -> Result<Option<NotificationSubject>> {
    let scope = ctx.scope()?;
    let member = scope.member(household).await?;
    Ok(match entry.cause {
        Cause::Mention => {
            let key = (ConversationId::from(entry.group_id), entry.subject_id.into());
            let found = scope.loaders().messages.load(key).await?.filter(|row| member.sees(row.seq));
            found.map(|row| NotificationSubject::Message(row.into()))
        }
        Cause::Announcement => announcement::known(ctx, household, entry.subject_id.into())
            .await?
            .map(NotificationSubject::Announcement),
        Cause::TaskReminder | Cause::TaskNudge => {
            let found = scope.loaders().occurrences.load((household, entry.subject_id.into())).await?;
            found.map(|row| NotificationSubject::Occurrence(row.into()))
        }
        Cause::GroceriesAdded => {
            let found = scope.loaders().grocery_lists.load((household, entry.subject_id.into())).await?;
            found.map(|row| NotificationSubject::GroceryList(row.into()))
        }
        Cause::Welcome | Cause::NewDevice | Cause::PasswordChanged => None,
    })
}

async fn account_subject(
    ctx: &Context<'_>,
    entry: &inbox::InboxEntry,
) -> Result<Option<NotificationSubject>> {
    if entry.cause != Cause::NewDevice {
        return Ok(None);
    }
    let scope = ctx.scope()?;
    let current = scope.viewer()?.session_id;
    let found = scope.loaders().sessions.load((entry.user_id, entry.subject_id.into())).await?;
    Ok(found.map(|row| NotificationSubject::Session(Session::new(row, current))))
}

/// How much in your inbox you have not read.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub(crate) struct NotificationCounts {
    /// Of these, those that came since you last looked: the number on the bell.
    unseen: i32,
    /// All that you have not read.
    unread: i32,
}

/// How much the viewer has not read.
pub(super) async fn counts(ctx: &Context<'_>) -> Result<NotificationCounts> {
    let scope = ctx.scope()?;
    let user = scope.viewer()?.user_id;
    let counts = inbox::counts(&mut *scope.connection().await?, user).await?;
    let whole = |count| i32::try_from(count).unwrap_or(i32::MAX);
    Ok(NotificationCounts { unseen: whole(counts.unseen), unread: whole(counts.unread) })
}

/// A page of the viewer's inbox.
pub(super) async fn page(
    ctx: &Context<'_>,
    user: UserId,
    unread_only: bool,
    arguments: &PageArguments,
) -> Result<Connection<Notification>> {
    let scope = ctx.scope()?;
    let (epoch, found) = {
        let mut conn = scope.connection().await?;
        let position = inbox::position(&mut conn, user).await?;
        let page = inbox::Page {
            after: arguments.after.map(|cursor| place(cursor, position)).transpose()?,
            before: arguments.before.map(|cursor| place(cursor, position)).transpose()?,
            limit: arguments.probe(),
            end: arguments.end,
            unread_only,
        };
        (position.epoch, inbox::page(&mut conn, user, page).await?)
    };
    if found.iter().any(|found| found.entry.household_id.is_some()) {
        // All at once, however many households the page is about.
        scope.memberships(Archived::Included).await?;
    }
    let cursor =
        |notification: &Notification| Cursor::Log(Position { epoch, seq: notification.entry.arrived_at });
    Ok(Connection::new(arguments, found.into_iter().map(Notification::from).collect(), cursor))
}

/// The place that a cursor stands for in an inbox that is there: one of before a backup was restored stands for none, nor does
/// one of something else.
fn place(cursor: Cursor, inbox: Position) -> Result<i64> {
    match cursor {
        Cursor::Log(position) => {
            event::check(position, inbox)?;
            Ok(position.seq)
        }
        Cursor::Item(_) | Cursor::Timed(..) => Err(Error::bad_input("this cursor is not of your inbox")),
    }
}

/// The place in the viewer's inbox that a cursor stands for.
async fn place_of_viewer(ctx: &Context<'_>, user: UserId, cursor: Cursor) -> Result<i64> {
    let position = inbox::position(&mut *ctx.scope()?.connection().await?, user).await?;
    place(cursor, position)
}

/// Something in the viewer's inbox.
pub(crate) async fn find_notification(ctx: &Context<'_>, id: InboxEntryId) -> Result<Notification> {
    let scope = ctx.scope()?;
    let user = scope.viewer()?.user_id;
    Ok(inbox::find(&mut *scope.connection().await?, user, id).await?.into())
}

/// How far you have looked.
#[derive(InputObject)]
pub(crate) struct MarkNotificationsSeenInput {
    /// The cursor of the newest entry or event that you showed.
    up_to: Cursor,
    /// Given back in the payload. It needs no remembering: to say it twice is the same as once.
    client_mutation_id: Option<String>,
}

/// What came of `markNotificationsSeen`.
#[derive(SimpleObject)]
pub(crate) struct MarkNotificationsSeenPayload {
    /// You as you are now.
    viewer: Viewer,
    /// Always empty.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

/// What you have read: some entries, or all up to one. At least one of `notificationIds` and `upTo`; with both, those of the
/// entries that have not come again since.
#[derive(InputObject)]
pub(crate) struct MarkNotificationsReadInput {
    /// The global ids of entries, at most 100. Those that are not in your inbox are passed over.
    notification_ids: Option<Vec<ID>>,
    /// The cursor of the newest entry or event that you showed: what came later stays unread.
    up_to: Option<Cursor>,
    /// Given back in the payload. It needs no remembering: to say it twice is the same as once.
    client_mutation_id: Option<String>,
}

/// What came of `markNotificationsRead`.
#[derive(SimpleObject)]
pub(crate) struct MarkNotificationsReadPayload {
    /// You as you are now.
    viewer: Viewer,
    /// Always empty.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

#[derive(Default)]
pub(crate) struct InboxMutation;

#[Object]
impl InboxMutation {
    /// Says that you looked at your inbox: what came up to here is no longer counted as unseen, on any of your devices.
    async fn mark_notifications_seen(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How far you have looked.")] input: MarkNotificationsSeenInput,
    ) -> Nullable<MarkNotificationsSeenPayload> {
        nullable(async {
            let scope = ctx.scope()?;
            let user = scope.viewer()?.user_id;
            let up_to = place_of_viewer(ctx, user, input.up_to).await?;
            scope.release_connection().await;
            inbox::mark_seen(scope.database(), user, up_to).await?;
            Ok(MarkNotificationsSeenPayload {
                viewer: current_viewer(ctx).await?,
                user_errors: Vec::new(),
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }

    /// Says that you have read entries of your inbox, on all your devices. What you do elsewhere says it too: a mention is
    /// read with its message, and a reminder when the chore is done.
    async fn mark_notifications_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which entries.")] input: MarkNotificationsReadInput,
    ) -> Nullable<MarkNotificationsReadPayload> {
        nullable(async {
            let scope = ctx.scope()?;
            let user = scope.viewer()?.user_id;
            let up_to = match input.up_to {
                Some(cursor) => Some(place_of_viewer(ctx, user, cursor).await?),
                None => None,
            };
            scope.release_connection().await;
            match (&input.notification_ids, up_to) {
                (Some(ids), up_to) if ids.len() <= MARKED => {
                    // What is no id of an entry is in nobody's inbox.
                    let ids: Vec<_> = ids.iter().filter_map(|id| GlobalId::notification(id).ok()).collect();
                    inbox::mark_read(scope.database(), user, Which::Entries(&ids, up_to)).await?;
                }
                (None, Some(up_to)) => {
                    inbox::mark_read(scope.database(), user, Which::UpTo(up_to)).await?;
                }
                (Some(ids), _) => {
                    let message = format!("`notificationIds` has {} items; {MARKED} are allowed", ids.len());
                    return Err(Error::bad_input(message));
                }
                (None, None) => return Err(Error::bad_input("give `notificationIds`, `upTo`, or both")),
            }
            Ok(MarkNotificationsReadPayload {
                viewer: current_viewer(ctx).await?,
                user_errors: Vec::new(),
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }
}

/// A change of your inbox.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct NotificationEvent {
    /// How far the inbox is told: keep the newest one, and give it as `after` when you subscribe again.
    cursor: Cursor,
    /// The entry that is new or has changed, as it is now: replace the one with its id. Null in the first event, and where you
    /// looked or read on another device: then ask for the entries you show again.
    notification: Option<Notification>,
}

#[ComplexObject]
impl NotificationEvent {
    /// How much you have not read by now.
    async fn counts(&self, ctx: &Context<'_>) -> Result<NotificationCounts> {
        counts(ctx).await
    }
}

impl NotificationEvent {
    fn new(item: &Item) -> Option<Self> {
        let Item::Inbox(InboxChange { cursor, found }) = item else { return None };
        let notification = found.clone().map(Notification::from);
        Some(Self { cursor: Cursor::Log(*cursor), notification })
    }
}

#[derive(Default)]
pub(crate) struct InboxSubscription;

#[Subscription]
impl InboxSubscription {
    /// What comes into your inbox, of all your households and your account, and what changes in it on your other devices.
    ///
    /// With `after` everything that changed since that cursor, then live; an entry that changed several times comes once, as
    /// it is now. Without it from now on. Begins, without `after`, with an event that has no notification and says where
    /// and how much. Order of work for a client: subscribe, query `viewer.notifications`, apply.
    ///
    /// That you read a message by answering it, or that a chore is done, changes `isRead` without an event here:
    /// `householdEvents` tells it. Ends with `RESYNC_REQUIRED` when the cursor cannot be resumed (fetch afresh);
    /// UNAVAILABLE or a closed socket is worth another try with the same cursor.
    async fn notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cursor of the newest event you know.")] after: Option<Cursor>,
    ) -> Result<BoxStream<'static, NotificationEvent>> {
        live::follow_inbox(ctx, after, NotificationEvent::new).await
    }
}
