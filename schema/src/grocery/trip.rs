//! Trips: what was bought leaves its list together, and can come back for a while.

use super::item::GroceryItem;
use super::{GroceryList, GroceryStore, page, store};
use crate::connection::{Connection, PageArguments};
use crate::error::{Error, Nullable, Result, nullable, nullable_option};
use crate::id::GlobalId;
use crate::member::{self, Member};
use crate::payload::perform;
use crate::row::Row;
use crate::scalar::{Cursor, DateTime};
use crate::scope::ScopeExt as _;
use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use roomm8_db::grocery::trip;
use roomm8_db::{GroceryListId, GroceryTripId, HouseholdId};

/// What was bought and left its list together.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct GroceryTrip {
    /// Its global id.
    pub(crate) id: ID,
    /// How many things were bought.
    item_count: i32,
    /// When it was finished.
    finished_at: DateTime,
    /// When it was undone: since then what was bought is on its list again. Null if it was not.
    undone_at: Option<DateTime>,
    /// Counts its changes, from 1.
    version: i32,
    #[graphql(skip)]
    row: trip::Trip,
}

// Its lists go the ordinary way.
impl Row for GroceryTrip {}

impl From<trip::Trip> for GroceryTrip {
    fn from(row: trip::Trip) -> Self {
        Self {
            id: GlobalId::GroceryTrip(row.household_id, row.id).to_id(),
            item_count: row.item_count,
            finished_at: DateTime(row.finished_at),
            undone_at: row.undone_at.map(DateTime),
            version: row.version,
            row,
        }
    }
}

#[ComplexObject]
impl GroceryTrip {
    /// The list.
    async fn list(&self, ctx: &Context<'_>) -> Result<GroceryList> {
        self.known_list(ctx).await
    }

    /// Where it was; null if that was not said.
    async fn store(&self, ctx: &Context<'_>) -> Nullable<GroceryStore> {
        nullable_option(store::perhaps(ctx, self.row.household_id, self.row.store_id)).await
    }

    /// Who finished it, a former member perhaps. Who bought what is in each item's `stateBy`.
    async fn finished_by(&self, ctx: &Context<'_>) -> Result<Member> {
        member::known(ctx, self.row.finished_by).await
    }

    /// What left its list with it, at most 500 things, in the order in which they were put on the list; nothing once it was
    /// undone. The first 50 unless said otherwise.
    async fn items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only items after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "At most so many from the end, or before `before`; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<GroceryItem>> {
        let arguments = PageArguments::new(first, after, last, before, 50)?;
        page::items_of_trip(ctx, &self.row, &arguments).await
    }
}

impl GroceryTrip {
    pub(super) async fn known_list(&self, ctx: &Context<'_>) -> Result<GroceryList> {
        super::known(ctx, self.row.household_id, self.row.list_id).await
    }

    /// Its place in the list of trips.
    fn place(&self) -> Cursor {
        Cursor::Item(self.row.id.into())
    }
}

/// A trip that is named by something the asker may see.
pub(crate) async fn known_trip(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: GroceryTripId,
) -> Result<GroceryTrip> {
    let found = ctx.scope()?.loaders().grocery_trips.load((household, id)).await?;
    found.map(GroceryTrip::from).ok_or_else(Error::not_found)
}

/// The trip with this id, if the viewer is a member of its household.
pub(crate) async fn find_trip(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: GroceryTripId,
) -> Result<GroceryTrip> {
    ctx.scope()?.member(household).await?;
    known_trip(ctx, household, id).await
}

/// A page of a household's trips.
pub(crate) async fn trips(
    ctx: &Context<'_>,
    household: HouseholdId,
    arguments: &PageArguments,
) -> Result<Connection<GroceryTrip>> {
    let scope = ctx.scope()?;
    let reader = scope.reader(household).await?;
    let rows = trip::page(&mut *scope.connection().await?, &reader, arguments.window()?).await?;
    let trips = rows.into_iter().map(GroceryTrip::from).collect();
    Ok(Connection::new(arguments, trips, GroceryTrip::place))
}

/// A page of the trips of a list that the asker may see.
pub(super) async fn trips_of(
    ctx: &Context<'_>,
    list: GroceryListId,
    arguments: &PageArguments,
) -> Result<Connection<GroceryTrip>> {
    let rows = ctx.scope()?.loaders().list_trips.load((list, arguments.window()?)).await?;
    let trips = rows.unwrap_or_default().into_iter().map(GroceryTrip::from).collect();
    Ok(Connection::new(arguments, trips, GroceryTrip::place))
}

/// A trip to finish.
#[derive(Debug, InputObject)]
#[expect(clippy::struct_field_names, reason = "they are all ids")]
pub(crate) struct FinishGroceryTripInput {
    /// The list.
    list_id: ID,
    /// Where it was: the list's store, unless said otherwise.
    store_id: Option<ID>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A trip to undo.
#[derive(Debug, InputObject)]
pub(crate) struct UndoGroceryTripInput {
    /// The trip.
    trip_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `finishGroceryTrip`.
    FinishGroceryTripPayload {
        /// The trip, with what was bought.
        trip: GroceryTrip
    }
}

payload! {
    /// What came of `undoGroceryTrip`.
    UndoGroceryTripPayload {
        /// The trip as it is now.
        trip: GroceryTrip
    }
}

#[derive(Default)]
pub(crate) struct GroceryTripMutation;

#[Object]
impl GroceryTripMutation {
    /// Takes what is `BOUGHT` off a list; what is `UNAVAILABLE` is to be looked for again. Refused with `NOTHING_BOUGHT` if
    /// nothing is. One event tells of it, not one for each item. Needs `EDIT_GROCERIES`.
    async fn finish_grocery_trip(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which list, and where it was.")] input: FinishGroceryTripInput,
    ) -> Nullable<FinishGroceryTripPayload> {
        nullable(async {
            let (household, list) = GlobalId::grocery_list(&input.list_id)?;
            let store = input.store_id.as_ref().map(GlobalId::named_grocery_store);
            let operation = trip::Finish { list, store };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(FinishGroceryTripPayload::new(outcome.map(GroceryTrip::from), input.client_mutation_id))
        })
        .await
    }

    /// Undoes a trip within 10 minutes (`UNDO_WINDOW_CLOSED` after that): all that left its list is back, bought, as it was.
    /// Doing it again changes nothing. Needs `EDIT_GROCERIES`.
    async fn undo_grocery_trip(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which to undo.")] input: UndoGroceryTripInput,
    ) -> Nullable<UndoGroceryTripPayload> {
        nullable(async {
            let (household, trip) = GlobalId::grocery_trip(&input.trip_id)?;
            let operation = trip::Undo { trip };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(UndoGroceryTripPayload::new(outcome.map(GroceryTrip::from), input.client_mutation_id))
        })
        .await
    }
}
