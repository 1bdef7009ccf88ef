//! What happens to groceries, live and from any earlier place on.

use super::item::GroceryItem;
use super::{
    GroceryCategory, GroceryList, GroceryProduct, GroceryStaple, GroceryStore, GroceryTrip, known,
    known_category, known_item, known_product, known_staple, known_store, known_trip,
};
use crate::error::{Nullable, Result, nullable_option};
use crate::event::{HouseholdEvent, HouseholdEventKind};
use crate::id::GlobalId;
use crate::live::{self, Item, Topic};
use crate::member::Member;
use crate::scalar::{Cursor, DateTime};
use async_graphql::{ComplexObject, Context, ID, SimpleObject, Subscription};
use futures_util::stream::BoxStream;
use roomm8_db::HouseholdId;
use roomm8_db::SubjectId;
use roomm8_db::event::About;
use roomm8_subscriptions::Delivery;
use std::sync::Arc;

/// Something that happened to a shopping list, to what is on it, or to what the household knows of groceries.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct GroceryEvent {
    /// Its place in the household's log: keep the newest one, and give it as `after` when you subscribe again.
    cursor: Cursor,
    /// What happened: SUBSCRIBED, or one of those that begin with `GROCERY_`.
    kind: HouseholdEventKind,
    /// When. The order of events is that of their cursors, not this.
    occurred_at: DateTime,
    #[graphql(skip)]
    delivery: Option<Arc<Delivery>>,
}

impl GroceryEvent {
    fn new(item: &Item) -> Option<Self> {
        let HouseholdEvent { cursor, kind, occurred_at, delivery } = HouseholdEvent::new(item)?;
        Some(Self { cursor, kind, occurred_at, delivery })
    }

    /// What it is about, if it is about such a thing.
    fn subject(&self, about: About) -> Option<(HouseholdId, SubjectId)> {
        let event = &self.delivery.as_ref()?.detailed.event;
        (event.kind.about() == about).then_some((event.household_id, event.subject_id))
    }
}

#[ComplexObject]
impl GroceryEvent {
    /// Who did it; null when nobody in particular did, as when a staple puts itself on its list.
    async fn actor(&self) -> Option<Member> {
        self.delivery.as_ref()?.detailed.actor.clone().map(Member::from)
    }

    /// The list, as it is now; also of an event about an item, a trip or a staple. Null when the event is about none.
    async fn list(&self, ctx: &Context<'_>) -> Nullable<GroceryList> {
        nullable_option(async {
            if let Some((household, id)) = self.subject(About::GroceryList) {
                known(ctx, household, id.into()).await.map(Some)
            } else if let Some((household, id)) = self.subject(About::GroceryItem) {
                known_item(ctx, household, id.into()).await?.known_list(ctx).await.map(Some)
            } else if let Some((household, id)) = self.subject(About::GroceryTrip) {
                known_trip(ctx, household, id.into()).await?.known_list(ctx).await.map(Some)
            } else if let Some((household, id)) = self.subject(About::GroceryStaple) {
                known_staple(ctx, household, id.into()).await?.known_list(ctx).await.map(Some)
            } else {
                Ok(None)
            }
        })
        .await
    }

    /// The item, as it is now. Null when the event is about something else.
    async fn item(&self, ctx: &Context<'_>) -> Nullable<GroceryItem> {
        nullable_option(async {
            match self.subject(About::GroceryItem) {
                Some((household, id)) => known_item(ctx, household, id.into()).await.map(Some),
                None => Ok(None),
            }
        })
        .await
    }

    /// The trip, as it is now. Null when the event is about something else.
    async fn trip(&self, ctx: &Context<'_>) -> Nullable<GroceryTrip> {
        nullable_option(async {
            match self.subject(About::GroceryTrip) {
                Some((household, id)) => known_trip(ctx, household, id.into()).await.map(Some),
                None => Ok(None),
            }
        })
        .await
    }

    /// The product, as it is now. Null when the event is about something else.
    async fn product(&self, ctx: &Context<'_>) -> Nullable<GroceryProduct> {
        nullable_option(async {
            match self.subject(About::GroceryProduct) {
                Some((household, id)) => known_product(ctx, household, id.into()).await.map(Some),
                None => Ok(None),
            }
        })
        .await
    }

    /// The category, as it is now. Null when the event is about something else.
    async fn category(&self, ctx: &Context<'_>) -> Nullable<GroceryCategory> {
        nullable_option(async {
            match self.subject(About::GroceryCategory) {
                Some((household, id)) => known_category(ctx, household, id.into()).await.map(Some),
                None => Ok(None),
            }
        })
        .await
    }

    /// The store, as it is now. Null when the event is about something else.
    async fn store(&self, ctx: &Context<'_>) -> Nullable<GroceryStore> {
        nullable_option(async {
            match self.subject(About::GroceryStore) {
                Some((household, id)) => known_store(ctx, household, id.into()).await.map(Some),
                None => Ok(None),
            }
        })
        .await
    }

    /// The staple, as it is now. Null when the event is about something else.
    async fn staple(&self, ctx: &Context<'_>) -> Nullable<GroceryStaple> {
        nullable_option(async {
            match self.subject(About::GroceryStaple) {
                Some((household, id)) => known_staple(ctx, household, id.into()).await.map(Some),
                None => Ok(None),
            }
        })
        .await
    }
}

#[derive(Default)]
pub(crate) struct GrocerySubscription;

#[Subscription]
impl GrocerySubscription {
    /// The groceries of a household: lists, what is put on them, ticked, changed, taken off and bought; the catalogue, its
    /// categories, stores and staples. Cursors, order and endings as of `householdEvents`.
    async fn groceries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The household.")] household_id: ID,
        #[graphql(desc = "The cursor of the newest event you know.")] after: Option<Cursor>,
    ) -> Result<BoxStream<'static, GroceryEvent>> {
        let household = GlobalId::household(&household_id)?;
        live::follow(ctx, household, after, Topic::Groceries, GroceryEvent::new).await
    }
}
