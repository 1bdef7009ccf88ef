//! What happens to chores, live and from any earlier place on.

use super::swap::swap_of;
use super::{Occurrence, SwapOffer, Task};
use crate::error::{Nullable, Result, nullable_option};
use crate::event::{HouseholdEvent, HouseholdEventKind};
use crate::id::GlobalId;
use crate::live::{self, Item, Topic};
use crate::member::Member;
use crate::scalar::{Cursor, DateTime};
use crate::scope::ScopeExt as _;
use async_graphql::{ComplexObject, Context, ID, SimpleObject, Subscription};
use futures_util::stream::BoxStream;
use roomm8_db::event::{About, Event};
use roomm8_db::{OccurrenceId, TaskId};
use roomm8_subscriptions::Delivery;
use std::sync::Arc;

/// The chore an event is about, as it is now.
pub(crate) async fn task_of(ctx: &Context<'_>, event: &Event) -> Result<Option<Task>> {
    let key = (event.household_id, TaskId::from(event.subject_id));
    Ok(ctx.scope()?.loaders().tasks.load(key).await?.map(Task::from))
}

/// The occurrence an event is about, as it is now; none once it was cancelled.
pub(crate) async fn occurrence_of(ctx: &Context<'_>, event: &Event) -> Result<Option<Occurrence>> {
    let key = (event.household_id, OccurrenceId::from(event.subject_id));
    Ok(ctx.scope()?.loaders().occurrences.load(key).await?.map(Occurrence::from))
}

/// Something that happened to a chore, to one of the times it is due, or to an offer to trade two of them.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct TaskEvent {
    /// Its place in the household's log: keep the newest one, and give it as `after` when you subscribe again.
    cursor: Cursor,
    /// What happened: SUBSCRIBED, `SUBTASK_CHANGED`, or one of those that begin with `TASK_`, `OCCURRENCE_` or
    /// `SWAP_`.
    kind: HouseholdEventKind,
    /// When. The order of events is that of their cursors, not this.
    occurred_at: DateTime,
    #[graphql(skip)]
    delivery: Option<Arc<Delivery>>,
}

impl TaskEvent {
    fn new(item: &Item) -> Option<Self> {
        let HouseholdEvent { cursor, kind, occurred_at, delivery } = HouseholdEvent::new(item)?;
        Some(Self { cursor, kind, occurred_at, delivery })
    }

    /// The event, and what it is about.
    fn event(&self) -> Option<(&Event, About)> {
        let event = &self.delivery.as_ref()?.detailed.event;
        Some((event, event.kind.about()))
    }

    async fn find_occurrence(&self, ctx: &Context<'_>) -> Result<Option<Occurrence>> {
        match self.event() {
            Some((event, About::Occurrence)) => occurrence_of(ctx, event).await,
            _ => Ok(None),
        }
    }
}

#[ComplexObject]
impl TaskEvent {
    /// Who did it; null when nobody in particular did.
    async fn actor(&self) -> Option<Member> {
        self.delivery.as_ref()?.detailed.actor.clone().map(Member::from)
    }

    /// The chore, as it is now. Null for SUBSCRIBED, of an offer to trade, and of an occurrence that was cancelled since.
    async fn task(&self, ctx: &Context<'_>) -> Nullable<Task> {
        nullable_option(async {
            match self.event() {
                Some((event, About::Task)) => task_of(ctx, event).await,
                _ => match self.find_occurrence(ctx).await? {
                    Some(occurrence) => occurrence.chore(ctx).await.map(Some),
                    None => Ok(None),
                },
            }
        })
        .await
    }

    /// The occurrence, as it is now. Null when the event is about the chore itself or an offer, and once it was cancelled: take the one
    /// with `occurrenceId` off your lists then.
    async fn occurrence(&self, ctx: &Context<'_>) -> Nullable<Occurrence> {
        nullable_option(self.find_occurrence(ctx)).await
    }

    /// The id of the occurrence, also of one that was cancelled. Null when the event is about the chore itself or an
    /// offer.
    async fn occurrence_id(&self) -> Option<ID> {
        let (event, about) = self.event()?;
        let id = GlobalId::Occurrence(event.household_id, event.subject_id.into());
        (about == About::Occurrence).then(|| id.to_id())
    }

    /// The offer to trade, as it is now. Null when the event is about something else.
    async fn swap_offer(&self, ctx: &Context<'_>) -> Nullable<SwapOffer> {
        nullable_option(async {
            match self.event() {
                Some((event, About::Swap)) => swap_of(ctx, event).await,
                _ => Ok(None),
            }
        })
        .await
    }
}

#[derive(Default)]
pub(crate) struct TaskSubscription;

#[Subscription]
impl TaskSubscription {
    /// The chores of a household: made and changed, due, put off, closed, agreed on, taken back, claimed, given away, traded,
    /// cancelled. Cursors, order and endings as of `householdEvents`.
    async fn tasks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The household.")] household_id: ID,
        #[graphql(desc = "The cursor of the newest event you know.")] after: Option<Cursor>,
    ) -> Result<BoxStream<'static, TaskEvent>> {
        let household = GlobalId::household(&household_id)?;
        live::follow(ctx, household, after, Topic::Tasks, TaskEvent::new).await
    }
}
