//! Trips: what was bought leaves its list together, and can come back for a while.

use super::Product;
use super::item::{self, Item, State};
use super::{list, store};
use crate::access::{Permission, Reader};
use crate::among::among;
use crate::first_of_each::{FirstOfEach, GROUPS_AT_ONCE};
use crate::message::End;
use crate::page::Window;
use crate::prepared::Prepare as _;
use crate::tables::{grocery_items, grocery_products, grocery_trips};
use crate::{
    Change, Connection, Entry, Error, GroceryItemId, GroceryListId, GroceryStoreId, GroceryTripId,
    HouseholdId, Json, MemberId, Operation, RefusalCode, Result, SubjectId, Time, event,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Duration;

/// How long a trip can be undone.
pub const UNDO_WINDOW: Duration = Duration::from_mins(10);

/// What was bought and left its list together.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = grocery_trips, treat_none_as_default_value = false)]
pub struct Trip {
    /// Its identifier.
    pub id: GroceryTripId,
    /// Whose it was.
    pub household_id: HouseholdId,
    /// The list.
    pub list_id: GroceryListId,
    /// Where.
    pub store_id: Option<GroceryStoreId>,
    /// How many things were bought.
    pub item_count: i32,
    /// Who finished it.
    pub finished_by: MemberId,
    /// When.
    pub finished_at: Time,
    /// When it was undone.
    pub undone_at: Option<Time>,
    /// What had been looked for in vain, and was to be looked for again from then on.
    pub(super) put_back: Json<Vec<PutBack>>,
    /// Counts its changes.
    pub version: i32,
}

/// Something that had been looked for in vain, and who said so, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutBack {
    item: GroceryItemId,
    by: Option<MemberId>,
    at: Time,
}

impl crate::Subject for Trip {
    fn subject_id(&self) -> SubjectId {
        self.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        let query = grocery_trips::table.filter(grocery_trips::id.eq(GroceryTripId::from(id)));
        run!(conn, |c| query.select(Self::as_select()).first(c).await)
    }
}

/// The trips with these ids, of the households named with them. Both are only ever taken from what the asker was allowed to
/// see: events, items, or proofs of membership.
pub async fn known(conn: &mut Connection, ids: &[(HouseholdId, GroceryTripId)]) -> Result<Vec<Trip>> {
    let trips: Vec<GroceryTripId> = ids.iter().map(|(_, id)| *id).collect();
    let query = grocery_trips::table.filter(among(grocery_trips::id, &trips));
    let found: Vec<Trip> = run!(conn, |c| query.select(Trip::as_select()).load(c).await)?;
    Ok(found.into_iter().filter(|found| ids.contains(&(found.household_id, found.id))).collect())
}

/// The trips of the member's household in a window, in the order in which they were finished; undone ones are left out.
pub async fn page(conn: &mut Connection, reader: &Reader, window: Window) -> Result<Vec<Trip>> {
    let (after, before): (GroceryTripId, GroceryTripId) = window.bounds();
    let found = run!(conn, |c| {
        let query = grocery_trips::table
            .select(Trip::as_select())
            .filter(grocery_trips::household_id.eq(reader.household_id()))
            .filter(grocery_trips::undone_at.is_null())
            .filter(grocery_trips::id.gt(after))
            .filter(grocery_trips::id.lt(before))
            .limit(window.limit)
            .into_boxed();
        match window.end {
            End::Oldest => query.order(grocery_trips::id.asc()).load(c).await,
            End::Newest => query.order(grocery_trips::id.desc()).load(c).await,
        }
    })?;
    Ok(window.oldest_first(found))
}

/// The trips of each of these lists in a window, as [`page`] gives them. The lists are only ever taken from what the asker was
/// allowed to see.
pub async fn pages(
    conn: &mut Connection,
    lists: &[GroceryListId],
    window: Window,
) -> Result<HashMap<GroceryListId, Vec<Trip>>> {
    let (after, before): (GroceryTripId, GroceryTripId) = window.bounds();
    let mut pages: HashMap<_, Vec<_>> = HashMap::new();
    for lists in lists.chunks(GROUPS_AT_ONCE) {
        let in_page = FirstOfEach {
            table: grocery_trips::table,
            group: grocery_trips::list_id,
            keys: lists.to_vec(),
            at: grocery_trips::id,
            id: grocery_trips::id,
            filter: grocery_trips::undone_at
                .is_null()
                .and(grocery_trips::id.gt(after))
                .and(grocery_trips::id.lt(before)),
            end: window.end,
            limit: window.limit,
        };
        let query = grocery_trips::table.filter(in_page).order(grocery_trips::id);
        let found: Vec<Trip> = run!(conn, |c| query.select(Trip::as_select()).load(c).await)?;
        for trip in found {
            pages.entry(trip.list_id).or_default().push(trip);
        }
    }
    Ok(pages)
}

/// What left its list with these trips, each with what it is, in the order in which it was put on the list. A trip takes at
/// most [`list::ITEM_LIMIT`] things.
pub async fn items(conn: &mut Connection, trips: &[GroceryTripId]) -> Result<Vec<(Item, Product)>> {
    let trips: Vec<_> = trips.iter().copied().map(Some).collect();
    let query = grocery_items::table
        .inner_join(grocery_products::table)
        .filter(among(grocery_items::trip_id, &trips))
        .order(grocery_items::id);
    run!(conn, |c| query.select((Item::as_select(), Product::as_select())).load(c).await)
}

/// Takes what was bought off its list. What was looked for in vain is to be looked for again.
#[derive(Debug, Serialize)]
pub struct Finish {
    /// The list.
    pub list: GroceryListId,
    /// Where it was; that of the list, unless said otherwise.
    pub store: Option<GroceryStoreId>,
}

impl Operation for Finish {
    type Outcome = Trip;
    const NAME: &'static str = "finishGroceryTrip";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Trip> {
        let list = list::in_use(change, self.list).await?;
        store::refuse_unknown(change, self.store).await?;
        let put_back = in_vain(change, list.id).await?;
        let bought = bought(change, list.id).await?;
        if bought.is_empty() {
            let message = "nothing on this list is bought: tick something first";
            return Err(Error::refused(RefusalCode::NothingBought, "listId", message));
        }
        let trip = Trip {
            id: GroceryTripId::new(),
            household_id: change.household_id(),
            list_id: list.id,
            store_id: self.store.or(list.store_id),
            item_count: i32::try_from(bought.len()).unwrap_or(i32::MAX),
            finished_by: change.actor()?.id(),
            finished_at: change.now(),
            undone_at: None,
            put_back: Json(put_back),
            version: 1,
        };
        let insert = diesel::insert_into(grocery_trips::table).values(&trip);
        run!(change.conn(), |c| insert.execute(c).await)?;
        // The event of the trip tells of all of them.
        let seq = change.next_seq();
        let leave = diesel::update(grocery_items::table)
            .filter(among(grocery_items::id, &bought))
            .set((
                grocery_items::is_listed.eq(false),
                grocery_items::trip_id.eq(trip.id),
                grocery_items::version.eq(grocery_items::version + 1),
                grocery_items::changed_seq.eq(seq),
            ))
            .prepared();
        run!(change.conn(), |c| leave.execute(c).await)?;
        look_again(change, &trip.put_back).await?;
        change.record_for_all(event::Kind::GroceryTripFinished, trip.id, trip.version, &[]);
        Ok(trip)
    }
}

async fn bought(change: &mut Change<'_>, list: GroceryListId) -> Result<Vec<GroceryItemId>> {
    let query = grocery_items::table
        .filter(grocery_items::list_id.eq(list))
        .filter(grocery_items::is_listed.eq(true))
        .filter(grocery_items::state.eq(State::Bought))
        .select(grocery_items::id);
    run!(change.conn(), |c| query.load(c).await)
}

async fn in_vain(change: &mut Change<'_>, list: GroceryListId) -> Result<Vec<PutBack>> {
    let query = grocery_items::table
        .filter(grocery_items::list_id.eq(list))
        .filter(grocery_items::is_listed.eq(true))
        .filter(grocery_items::state.eq(State::Unavailable))
        .select((grocery_items::id, grocery_items::state_by, grocery_items::state_at));
    let rows: Vec<(GroceryItemId, Option<MemberId>, Time)> = run!(change.conn(), |c| query.load(c).await)?;
    Ok(rows.into_iter().map(|(item, by, at)| PutBack { item, by, at }).collect())
}

/// What was looked for in vain is to be looked for again; nobody has said so. The next event tells of it.
async fn look_again(change: &mut Change<'_>, items: &[PutBack]) -> Result<()> {
    let ids: Vec<_> = items.iter().map(|put_back| put_back.item).collect();
    let (nobody, seq): (Option<MemberId>, _) = (None, change.next_seq());
    let update = diesel::update(grocery_items::table)
        .filter(among(grocery_items::id, &ids))
        .set((
            grocery_items::state.eq(State::Open),
            grocery_items::state_by.eq(nobody),
            grocery_items::state_at.eq(change.now()),
            grocery_items::version.eq(grocery_items::version + 1),
            grocery_items::changed_seq.eq(seq),
        ))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    Ok(())
}

/// What is still to be looked for was looked for in vain, as before. The next event tells of it.
async fn give_up_again(change: &mut Change<'_>, items: &[PutBack]) -> Result<()> {
    let seq = change.next_seq();
    for put_back in items {
        let update = diesel::update(grocery_items::table)
            .filter(grocery_items::id.eq(put_back.item))
            .filter(grocery_items::is_listed.eq(true))
            .filter(grocery_items::state.eq(State::Open))
            .set((
                grocery_items::state.eq(State::Unavailable),
                grocery_items::state_by.eq(put_back.by),
                grocery_items::state_at.eq(put_back.at),
                grocery_items::version.eq(grocery_items::version + 1),
                grocery_items::changed_seq.eq(seq),
            ))
            .prepared();
        run!(change.conn(), |c| update.execute(c).await)?;
    }
    Ok(())
}

/// Undoes a trip, for [`UNDO_WINDOW`]: all that left its list is back, bought, as it was. Twice is as once.
#[derive(Debug, Serialize)]
pub struct Undo {
    /// Which.
    pub trip: GroceryTripId,
}

impl Operation for Undo {
    type Outcome = Trip;
    const NAME: &'static str = "undoGroceryTrip";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Trip> {
        let query = grocery_trips::table
            .filter(grocery_trips::household_id.eq(change.household_id()))
            .filter(grocery_trips::id.eq(self.trip));
        let mut trip: Trip = run!(change.conn(), |c| query.select(Trip::as_select()).first(c).await)?;
        list::in_use(change, trip.list_id).await?;
        if trip.undone_at.is_some() {
            return Ok(trip);
        }
        if change.now().since(trip.finished_at) > UNDO_WINDOW {
            let message = "this trip was finished too long ago to be undone";
            return Err(Error::refused(RefusalCode::UndoWindowClosed, "tripId", message));
        }
        let (count, _) = item::end_of(change, trip.list_id).await?;
        item::refuse_one_too_many(count + i64::from(trip.item_count) - 1)?;
        let seq = change.next_seq();
        let none: Option<GroceryTripId> = None;
        let come_back = diesel::update(grocery_items::table)
            .filter(grocery_items::trip_id.eq(trip.id))
            .set((
                grocery_items::is_listed.eq(true),
                grocery_items::trip_id.eq(none),
                grocery_items::version.eq(grocery_items::version + 1),
                grocery_items::changed_seq.eq(seq),
            ))
            .prepared();
        run!(change.conn(), |c| come_back.execute(c).await)?;
        give_up_again(change, &trip.put_back).await?;
        trip.undone_at = Some(change.now());
        trip.version += 1;
        let update = diesel::update(grocery_trips::table)
            .filter(grocery_trips::id.eq(trip.id))
            .set((grocery_trips::undone_at.eq(trip.undone_at), grocery_trips::version.eq(trip.version)))
            .prepared();
        run!(change.conn(), |c| update.execute(c).await)?;
        change.record_for_all(event::Kind::GroceryTripUndone, trip.id, trip.version, &["undoneAt"]);
        Ok(trip)
    }
}
