//! What happened in a household, live and from any earlier place on.

use crate::announcement::{self, Announcement};
use crate::conversation::Conversation;
use crate::error::{Error, Nullable, Result, nullable_option};
use crate::grocery::{
    self, GroceryCategory, GroceryItem, GroceryList, GroceryProduct, GroceryStaple, GroceryStore, GroceryTrip,
};
use crate::household::Household;
use crate::id::GlobalId;
use crate::invitation::Invitation;
use crate::live::{self, Item, Topic};
use crate::member::Member;
use crate::message::Message;
use crate::scalar::{Cursor, DateTime};
use crate::scope::ScopeExt as _;
use crate::task::{self, Occurrence, SwapOffer, Task};
use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject, Subscription, Union};
use futures_util::stream::BoxStream;
use roomm8_db::event::{About, Event, Kind, Position};
use roomm8_db::{Subject as _, Time};
use roomm8_subscriptions::Delivery;
use std::sync::Arc;

/// What happened. Expect new values: skip those you do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum HouseholdEventKind {
    /// Your subscription began; everything after this cursor will be told.
    Subscribed,
    /// The household began. Subject: Household.
    HouseholdCreated,
    /// Its name or settings changed. Subject: Household.
    HouseholdUpdated,
    /// It was archived. Subject: Household.
    HouseholdArchived,
    /// It was brought back. Subject: Household.
    HouseholdRestored,
    /// Somebody joined or came back. Subject: Member.
    MemberJoined,
    /// Somebody's role changed. Subject: Member.
    MemberRoleChanged,
    /// Somebody was removed. Subject: Member.
    MemberRemoved,
    /// Somebody left. Subject: Member.
    MemberLeft,
    /// An invitation was made. Subject: Invitation, for those with INVITE.
    InvitationCreated,
    /// An invitation was taken back. Subject: Invitation, for those with INVITE.
    InvitationRevoked,
    /// A conversation was opened. Subject: Conversation.
    ConversationCreated,
    /// A message was sent. Subject: Message.
    MessageSent,
    /// A message's text changed. Subject: Message.
    MessageEdited,
    /// A message was deleted. Subject: Message, now a tombstone.
    MessageDeleted,
    /// Somebody reacted to a message. Subject: Message.
    ReactionAdded,
    /// Somebody took a reaction back. Subject: Message.
    ReactionRemoved,
    /// Your read marker or mute level changed, on this or another device. Subject: Conversation. Told only to you.
    ConversationStateChanged,
    /// Something was announced. Subject: Announcement.
    AnnouncementPosted,
    /// An announcement changed. Subject: Announcement.
    AnnouncementEdited,
    /// An announcement was taken back, and its words are gone. Subject: Announcement.
    AnnouncementRemoved,
    /// Somebody said that they know of an announcement. Subject: Announcement.
    AnnouncementAcknowledged,
    /// A chore was made. Subject: Task.
    TaskCreated,
    /// A chore changed: what it is, when it is due, or who shares it. Subject: Task.
    TaskUpdated,
    /// A chore was put away, and what was open of it is gone. Subject: Task.
    TaskArchived,
    /// A chore was brought back. Subject: Task.
    TaskRestored,
    /// A chore is due another time. Subject: Occurrence.
    OccurrenceOpened,
    /// It was done, skipped or missed. Subject: Occurrence.
    OccurrenceClosed,
    /// Its closing was taken back. Subject: Occurrence.
    OccurrenceReopened,
    /// It is somebody else's to do, or nobody's. Subject: Occurrence.
    OccurrenceAssigned,
    /// It is no longer to be done, and gone. Subject: null; `tasks` tells its id.
    OccurrenceCancelled,
    /// It is due at another time. Subject: Occurrence.
    OccurrenceRescheduled,
    /// Somebody says that it is done, and somebody else has to agree. Subject: Occurrence.
    OccurrenceSubmitted,
    /// Somebody did not agree that it is done: it is open again. Subject: Occurrence.
    OccurrenceRejected,
    /// A part of it was done, or is to be done after all. Subject: Occurrence.
    SubtaskChanged,
    /// Somebody offers to trade one occurrence for another. Subject: `SwapOffer`.
    SwapOffered,
    /// An offer to trade was accepted, declined, taken back or came to nothing. Subject: `SwapOffer`.
    SwapClosed,
    /// When a member is away changed. Subject: Member.
    AbsenceChanged,
    /// A shopping list was made. Subject: `GroceryList`.
    GroceryListCreated,
    /// A shopping list changed: its name, its store, who is to go, or whether it is urgent. Subject: `GroceryList`.
    GroceryListUpdated,
    /// A shopping list was put away. Subject: `GroceryList`.
    GroceryListArchived,
    /// A shopping list was brought back, with what was on it. Subject: `GroceryList`.
    GroceryListRestored,
    /// Something new is on a shopping list. Subject: `GroceryItem`.
    GroceryItemAdded,
    /// More is wanted of something on a shopping list. Subject: `GroceryItem`.
    GroceryItemMerged,
    /// Something on a shopping list changed: what it is, how much of it, its note, who buys it, or its place. Subject: `GroceryItem`.
    GroceryItemUpdated,
    /// It was bought, could not be had, was taken off the list, or is wanted after all. Subject: `GroceryItem`.
    GroceryItemStateChanged,
    /// What was bought left its list with a trip, and what could not be had is to be looked for again: fetch `changes` of the list. Subject: `GroceryTrip`.
    GroceryTripFinished,
    /// A trip was undone, and what left its list with it is back: fetch `changes` of the list. Subject: `GroceryTrip`.
    GroceryTripUndone,
    /// What the catalogue remembers of something changed: its name, its category, its unit; or it is known again (`removedAt`).
    /// Subject: `GroceryProduct`.
    GroceryProductUpdated,
    /// The catalogue forgot something, or took it for the same as something else. Subject: `GroceryProduct`.
    GroceryProductRemoved,
    /// A category was made. Subject: `GroceryCategory`.
    GroceryCategoryCreated,
    /// A category's name or place changed. Subject: `GroceryCategory`.
    GroceryCategoryUpdated,
    /// A category was removed: what was of it has none. Subject: `GroceryCategory`.
    GroceryCategoryRemoved,
    /// A store was made. Subject: `GroceryStore`.
    GroceryStoreCreated,
    /// A store changed: its name, its order, or where something stands. Subject: `GroceryStore`.
    GroceryStoreUpdated,
    /// A store was removed: lists that were in its order are in none. Subject: `GroceryStore`.
    GroceryStoreRemoved,
    /// Something puts itself on a shopping list from now on. Subject: `GroceryStaple`.
    GroceryStapleCreated,
    /// When, or how much of it, changed. Subject: `GroceryStaple`.
    GroceryStapleUpdated,
    /// It no longer does. Subject: `GroceryStaple`.
    GroceryStapleRemoved,
}

impl From<Kind> for HouseholdEventKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::HouseholdCreated => Self::HouseholdCreated,
            Kind::HouseholdUpdated => Self::HouseholdUpdated,
            Kind::HouseholdArchived => Self::HouseholdArchived,
            Kind::HouseholdRestored => Self::HouseholdRestored,
            Kind::MemberJoined => Self::MemberJoined,
            Kind::MemberRoleChanged => Self::MemberRoleChanged,
            Kind::MemberRemoved => Self::MemberRemoved,
            Kind::MemberLeft => Self::MemberLeft,
            Kind::InvitationCreated => Self::InvitationCreated,
            Kind::InvitationRevoked => Self::InvitationRevoked,
            Kind::ConversationCreated => Self::ConversationCreated,
            Kind::MessageSent => Self::MessageSent,
            Kind::MessageEdited => Self::MessageEdited,
            Kind::MessageDeleted => Self::MessageDeleted,
            Kind::ReactionAdded => Self::ReactionAdded,
            Kind::ReactionRemoved => Self::ReactionRemoved,
            Kind::ConversationStateChanged => Self::ConversationStateChanged,
            Kind::AnnouncementPosted => Self::AnnouncementPosted,
            Kind::AnnouncementEdited => Self::AnnouncementEdited,
            Kind::AnnouncementRemoved => Self::AnnouncementRemoved,
            Kind::AnnouncementAcknowledged => Self::AnnouncementAcknowledged,
            Kind::TaskCreated => Self::TaskCreated,
            Kind::TaskUpdated => Self::TaskUpdated,
            Kind::OccurrenceOpened => Self::OccurrenceOpened,
            Kind::OccurrenceClosed => Self::OccurrenceClosed,
            Kind::OccurrenceReopened => Self::OccurrenceReopened,
            Kind::OccurrenceAssigned => Self::OccurrenceAssigned,
            Kind::OccurrenceCancelled => Self::OccurrenceCancelled,
            Kind::TaskArchived => Self::TaskArchived,
            Kind::TaskRestored => Self::TaskRestored,
            Kind::OccurrenceRescheduled => Self::OccurrenceRescheduled,
            Kind::OccurrenceSubmitted => Self::OccurrenceSubmitted,
            Kind::OccurrenceRejected => Self::OccurrenceRejected,
            Kind::SubtaskChanged => Self::SubtaskChanged,
            Kind::SwapOffered => Self::SwapOffered,
            Kind::SwapClosed => Self::SwapClosed,
            Kind::AbsenceChanged => Self::AbsenceChanged,
            Kind::GroceryListCreated => Self::GroceryListCreated,
            Kind::GroceryListUpdated => Self::GroceryListUpdated,
            Kind::GroceryListArchived => Self::GroceryListArchived,
            Kind::GroceryListRestored => Self::GroceryListRestored,
            Kind::GroceryItemAdded => Self::GroceryItemAdded,
            Kind::GroceryItemMerged => Self::GroceryItemMerged,
            Kind::GroceryItemUpdated => Self::GroceryItemUpdated,
            Kind::GroceryItemStateChanged => Self::GroceryItemStateChanged,
            Kind::GroceryTripFinished => Self::GroceryTripFinished,
            Kind::GroceryTripUndone => Self::GroceryTripUndone,
            Kind::GroceryProductUpdated => Self::GroceryProductUpdated,
            Kind::GroceryProductRemoved => Self::GroceryProductRemoved,
            Kind::GroceryCategoryCreated => Self::GroceryCategoryCreated,
            Kind::GroceryCategoryUpdated => Self::GroceryCategoryUpdated,
            Kind::GroceryCategoryRemoved => Self::GroceryCategoryRemoved,
            Kind::GroceryStoreCreated => Self::GroceryStoreCreated,
            Kind::GroceryStoreUpdated => Self::GroceryStoreUpdated,
            Kind::GroceryStoreRemoved => Self::GroceryStoreRemoved,
            Kind::GroceryStapleCreated => Self::GroceryStapleCreated,
            Kind::GroceryStapleUpdated => Self::GroceryStapleUpdated,
            Kind::GroceryStapleRemoved => Self::GroceryStapleRemoved,
        }
    }
}

/// What an event is about, as it is now; it may have changed since the event.
#[derive(Union)]
pub(crate) enum EventSubject {
    /// The household itself.
    Household(Household),
    /// One of its members.
    Member(Member),
    /// One of its invitations.
    Invitation(Invitation),
    /// One of its conversations.
    Conversation(Conversation),
    /// One of its messages.
    Message(Message),
    /// One of its announcements.
    Announcement(Announcement),
    /// One of its chores.
    Task(Task),
    /// One time that such a chore is due.
    Occurrence(Occurrence),
    /// An offer to trade two such times.
    SwapOffer(SwapOffer),
    /// One of its shopping lists.
    GroceryList(GroceryList),
    /// Something on such a list, or that was.
    GroceryItem(GroceryItem),
    /// What was bought and left such a list together.
    GroceryTrip(GroceryTrip),
    /// Something in its catalogue of groceries.
    GroceryProduct(GroceryProduct),
    /// One of its categories of groceries.
    GroceryCategory(GroceryCategory),
    /// One of its stores.
    GroceryStore(GroceryStore),
    /// What puts itself on such a list by a rule.
    GroceryStaple(GroceryStaple),
}

/// One entry of a household's log. Every member gets each event they may see once, in order, without a hole, from
/// the cursor they name on, whatever breaks in between.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct HouseholdEvent {
    /// Its place in the log: keep the newest one, and give it as `after` when you subscribe again.
    pub(crate) cursor: Cursor,
    /// What happened.
    pub(crate) kind: HouseholdEventKind,
    /// When. The order of events is that of their cursors, not this.
    pub(crate) occurred_at: DateTime,
    #[graphql(skip)]
    pub(crate) delivery: Option<Arc<Delivery>>,
}

impl HouseholdEvent {
    pub(crate) fn new(item: &Item) -> Option<Self> {
        match item {
            Item::Began(position) => Some(Self {
                cursor: Cursor::Log(*position),
                kind: HouseholdEventKind::Subscribed,
                occurred_at: DateTime(Time::now()),
                delivery: None,
            }),
            Item::Event(epoch, delivery) => {
                let event = &delivery.detailed.event;
                Some(Self {
                    cursor: Cursor::Log(Position { epoch: *epoch, seq: event.seq }),
                    kind: event.kind.into(),
                    occurred_at: DateTime(event.occurred_at),
                    delivery: Some(delivery.clone()),
                })
            }
            Item::Signal(_) | Item::Inbox(_) => None,
        }
    }
}

#[ComplexObject]
impl HouseholdEvent {
    /// Who did it; null when nobody in particular did.
    async fn actor(&self) -> Option<Member> {
        self.delivery.as_ref()?.detailed.actor.clone().map(Member::from)
    }

    /// What it is about; null for SUBSCRIBED, for an invitation if you lack INVITE, and for an occurrence that was
    /// cancelled since.
    async fn subject(&self, ctx: &Context<'_>) -> Nullable<EventSubject> {
        nullable_option(async {
            match &self.delivery {
                Some(delivery) => subject(ctx, delivery).await,
                None => Ok(None),
            }
        })
        .await
    }
}

async fn subject(ctx: &Context<'_>, delivery: &Delivery) -> Result<Option<EventSubject>> {
    let event: &Event = &delivery.detailed.event;
    let scope = ctx.scope()?;
    let household = event.household_id;
    Ok(Some(match event.kind.about() {
        About::Household => {
            let row =
                roomm8_db::household::Household::find(&mut *scope.connection().await?, event.subject_id)
                    .await?;
            EventSubject::Household(row.into())
        }
        About::Member => {
            let row = scope.loaders().members.load(event.subject_id.into()).await?;
            EventSubject::Member(row.ok_or_else(Error::not_found)?.into())
        }
        About::Invitation => {
            let member = scope.member(event.household_id).await?;
            if !member.role().may(roomm8_db::Permission::Invite) {
                return Ok(None);
            }
            let row =
                roomm8_db::invitation::Invitation::find(&mut *scope.connection().await?, event.subject_id)
                    .await?;
            EventSubject::Invitation(row.into())
        }
        About::Conversation => {
            let row = scope.loaders().conversations.load(event.subject_id.into()).await?;
            EventSubject::Conversation(row.ok_or_else(Error::not_found)?.into())
        }
        About::Message => match &delivery.detailed.message {
            Some(row) => EventSubject::Message(row.clone().into()),
            None => return Ok(None),
        },
        About::Announcement => {
            let found = announcement::known(ctx, household, event.subject_id.into()).await?;
            return Ok(found.map(EventSubject::Announcement));
        }
        About::Task => return Ok(task::task_of(ctx, event).await?.map(EventSubject::Task)),
        About::Occurrence => {
            return Ok(task::occurrence_of(ctx, event).await?.map(EventSubject::Occurrence));
        }
        About::Swap => return Ok(task::swap_of(ctx, event).await?.map(EventSubject::SwapOffer)),
        About::GroceryList => {
            EventSubject::GroceryList(grocery::known(ctx, household, event.subject_id.into()).await?)
        }
        About::GroceryItem => {
            EventSubject::GroceryItem(grocery::known_item(ctx, household, event.subject_id.into()).await?)
        }
        About::GroceryProduct => EventSubject::GroceryProduct(
            grocery::known_product(ctx, household, event.subject_id.into()).await?,
        ),
        About::GroceryCategory => EventSubject::GroceryCategory(
            grocery::known_category(ctx, household, event.subject_id.into()).await?,
        ),
        About::GroceryStore => {
            EventSubject::GroceryStore(grocery::known_store(ctx, household, event.subject_id.into()).await?)
        }
        About::GroceryTrip => {
            EventSubject::GroceryTrip(grocery::known_trip(ctx, household, event.subject_id.into()).await?)
        }
        About::GroceryStaple => {
            EventSubject::GroceryStaple(grocery::known_staple(ctx, household, event.subject_id.into()).await?)
        }
    }))
}

/// Something that happened to a message.
#[derive(SimpleObject)]
pub(crate) struct MessageEvent {
    /// Its place in the household's log: keep the newest one, and give it as `after` when you subscribe again.
    cursor: Cursor,
    /// What happened: SUBSCRIBED, `MESSAGE_SENT`, `MESSAGE_EDITED`, `MESSAGE_DELETED`, `REACTION_ADDED` or `REACTION_REMOVED`.
    kind: HouseholdEventKind,
    /// When. The order of events is that of their cursors, not this.
    occurred_at: DateTime,
    /// The message as it is now; null for SUBSCRIBED.
    message: Option<Message>,
}

impl MessageEvent {
    fn new(item: &Item) -> Option<Self> {
        let HouseholdEvent { cursor, kind, occurred_at, delivery } = HouseholdEvent::new(item)?;
        let message = delivery.and_then(|delivery| delivery.detailed.message.clone()).map(Message::from);
        Some(Self { cursor, kind, occurred_at, message })
    }
}

#[derive(Default)]
pub(crate) struct EventSubscription;

#[Subscription]
impl EventSubscription {
    /// Everything that happens in a household you are a member of, each event once, in order, without a hole.
    ///
    /// With `after` everything later than that cursor, then live. Without it from now on, beginning with a
    /// SUBSCRIBED event that says where. Order of work for a client: subscribe, query, apply. Keep the cursor of the
    /// newest event you applied, and subscribe again with it after a break.
    ///
    /// Ends with `RESYNC_REQUIRED` when the cursor cannot be resumed (fetch afresh), with `MEMBERSHIP_ENDED` when you
    /// leave or are removed; UNAVAILABLE or a closed socket is worth another try with the same cursor.
    async fn household_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The household.")] household_id: ID,
        #[graphql(desc = "The cursor of the newest event you know.")] after: Option<Cursor>,
    ) -> Result<BoxStream<'static, HouseholdEvent>> {
        let household = GlobalId::household(&household_id)?;
        live::follow(ctx, household, after, Topic::Everything, HouseholdEvent::new).await
    }

    /// The messages of a household's conversations you take part in: sent, edited, deleted, reacted to. Cursors,
    /// order and endings as of `householdEvents`.
    async fn messages(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The household.")] household_id: ID,
        #[graphql(desc = "The cursor of the newest event you know.")] after: Option<Cursor>,
    ) -> Result<BoxStream<'static, MessageEvent>> {
        let household = GlobalId::household(&household_id)?;
        live::follow(ctx, household, after, Topic::Messages, MessageEvent::new).await
    }
}
