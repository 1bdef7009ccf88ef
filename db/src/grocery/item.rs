//! What is on shopping lists, and was.

use super::amount::Amount;
use super::list::{ITEM_LIMIT, List};
use super::{Place, Product};
use crate::among::among;
use crate::labels::labels;
use crate::prepared::Prepare as _;
use crate::tables::{grocery_items, grocery_lists, grocery_products};
use crate::{
    Change, Connection, Error, GroceryItemId, GroceryListId, GroceryProductId, GroceryTripId, HouseholdId,
    Json, MemberId, RefusalCode, Result, SubjectId, Time, event,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// What an event says has changed when more of something is wanted: who has not seen it cannot wish it away.
pub(super) const ADDED: &str = "added";
/// What `apart` says of what is added merges into.
pub(super) const MERGES: GroceryItemId = GroceryItemId::from_bytes([0; 16]);

labels! {
    /// What has become of something on a list.
    State {
        /// It is to be bought.
        Open = "OPEN",
        /// Somebody has bought it.
        Bought = "BOUGHT",
        /// It was looked for in vain; it is still wanted.
        Unavailable = "UNAVAILABLE",
        /// It is no longer wanted.
        Removed = "REMOVED",
    }
}

impl State {
    /// Whether it is still to be bought.
    pub fn is_wanted(self) -> bool {
        matches!(self, Self::Open | Self::Unavailable)
    }
}

/// Something on a shopping list, or that was.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = grocery_items, treat_none_as_default_value = false)]
pub struct Item {
    /// Its identifier.
    pub id: GroceryItemId,
    /// Whose it is.
    pub household_id: HouseholdId,
    /// The list it is on, or was.
    pub list_id: GroceryListId,
    /// What it is.
    pub product_id: GroceryProductId,
    /// [`MERGES`] while what is added by its name merges into it, else its own id.
    pub(super) apart: GroceryItemId,
    /// Whether it was to be something of its own: nothing is ever added to it.
    pub is_separate: bool,
    /// How much of it, by classes of units; nothing if that was not said.
    pub amounts: Json<Vec<Amount>>,
    /// What else there is to know.
    pub note: Option<String>,
    /// Whether it is urgent.
    pub is_urgent: bool,
    /// Who is to buy it.
    pub assignee_id: Option<MemberId>,
    /// What has become of it.
    pub state: State,
    /// Whether it is on its list: neither taken off nor gone with a trip.
    pub is_listed: bool,
    /// Where it stands among the others of its kind.
    pub place: Place,
    /// Who put it on the list; none if a rule did.
    pub added_by: Option<MemberId>,
    /// When it was first put on the list.
    pub created_at: Time,
    /// When somebody last added to it.
    pub added_at: Time,
    /// Who said that it is in this state: of what was bought, who bought it.
    pub state_by: Option<MemberId>,
    /// Since when it is in this state, as they say.
    pub state_at: Time,
    /// The trip it left its list with.
    pub trip_id: Option<GroceryTripId>,
    /// Counts its changes.
    pub version: i32,
    /// The number of the last event that changed it.
    pub(super) changed_seq: i64,
}

impl crate::Subject for Item {
    fn subject_id(&self) -> SubjectId {
        self.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        let query = grocery_items::table.filter(grocery_items::id.eq(GroceryItemId::from(id)));
        run!(conn, |c| query.select(Self::as_select()).first(c).await)
    }
}

/// The items with these ids, of the households named with them, on a list or not. Both are only ever taken from what the
/// asker was allowed to see: events, reports, trips, or proofs of membership.
pub async fn known(conn: &mut Connection, ids: &[(HouseholdId, GroceryItemId)]) -> Result<Vec<Item>> {
    let items: Vec<GroceryItemId> = ids.iter().map(|(_, id)| *id).collect();
    let query = grocery_items::table.filter(among(grocery_items::id, &items));
    let found: Vec<Item> = run!(conn, |c| query.select(Item::as_select()).load(c).await)?;
    Ok(found.into_iter().filter(|found| ids.contains(&(found.household_id, found.id))).collect())
}

/// All that is on these lists, each with what it is, in the order of their places. See [`super::store::Layout`] for that of a
/// store.
pub async fn listed(conn: &mut Connection, lists: &[GroceryListId]) -> Result<Vec<(Item, Product)>> {
    let query = grocery_items::table
        .inner_join(grocery_products::table)
        .filter(among(grocery_items::list_id, lists))
        .filter(grocery_items::is_listed.eq(true))
        .order((grocery_items::place, grocery_items::id));
    run!(conn, |c| query.select((Item::as_select(), Product::as_select())).load(c).await)
}

/// An item of the household being changed, with its list, which is not put away.
pub(super) async fn with_list(change: &mut Change<'_>, id: GroceryItemId) -> Result<(Item, List)> {
    let query = grocery_items::table
        .inner_join(grocery_lists::table)
        .filter(grocery_items::household_id.eq(change.household_id()))
        .filter(grocery_items::id.eq(id));
    let (item, list): (Item, List) =
        run!(change.conn(), |c| query.select((Item::as_select(), List::as_select())).first(c).await)?;
    list.refuse_if_archived("itemId")?;
    Ok((item, list))
}

/// What is added to a list by the name of this product merges into this, if there is something.
pub(super) async fn that_merges(
    change: &mut Change<'_>,
    list: GroceryListId,
    product: GroceryProductId,
) -> Result<Option<Item>> {
    let query = grocery_items::table
        .filter(grocery_items::list_id.eq(list))
        .filter(grocery_items::product_id.eq(product))
        .filter(grocery_items::apart.eq(MERGES));
    run!(change.conn(), |c| query.select(Item::as_select()).first(c).await.optional())
}

impl Item {
    /// Fails if it is no longer on its list.
    pub(super) fn refuse_if_gone(&self) -> Result<()> {
        let message = match (self.is_listed, self.trip_id) {
            (true, _) => return Ok(()),
            (false, Some(_)) => "it left the list with a trip: undo that, or add it anew",
            (false, None) => "it was taken off the list: put it back first, or add it anew",
        };
        Err(Error::refused(RefusalCode::Gone, "itemId", message))
    }

    /// After its state has changed: gives up merging what is added by its name where it is no longer wanted, to something else
    /// of it that is; and begins to where it is wanted again, unless something else does by now.
    pub(super) async fn settle(&mut self, change: &mut Change<'_>) -> Result<()> {
        if !self.state.is_wanted() {
            return self.give_up(change).await;
        }
        if !self.is_separate && that_merges(change, self.list_id, self.product_id).await?.is_none() {
            self.apart = MERGES;
        }
        Ok(())
    }

    /// From now on another that is wanted of the same merges what is added by its name, if there is one.
    pub(super) async fn give_up(&mut self, change: &mut Change<'_>) -> Result<()> {
        if self.apart != MERGES {
            return Ok(());
        }
        self.apart = self.id;
        let query = grocery_items::table
            .filter(grocery_items::list_id.eq(self.list_id))
            .filter(grocery_items::product_id.eq(self.product_id))
            .filter(grocery_items::is_listed.eq(true))
            .filter(grocery_items::is_separate.eq(false))
            .filter(grocery_items::state.ne(State::Bought))
            .filter(grocery_items::id.ne(self.id))
            .order(grocery_items::id)
            .select(grocery_items::id);
        let heir: Option<GroceryItemId> = run!(change.conn(), |c| query.first(c).await.optional())?;
        let Some(heir) = heir else { return Ok(()) };
        // In this order, as there is one of them at a time.
        for (item, apart) in [(self.id, self.apart), (heir, MERGES)] {
            let update = diesel::update(grocery_items::table)
                .filter(grocery_items::id.eq(item))
                .set(grocery_items::apart.eq(apart))
                .prepared();
            run!(change.conn(), |c| update.execute(c).await)?;
        }
        Ok(())
    }
}

/// Whether something of this product is wanted on a list, apart or not.
pub(super) async fn is_wanted(
    change: &mut Change<'_>,
    list: GroceryListId,
    product: GroceryProductId,
) -> Result<bool> {
    let query = grocery_items::table
        .filter(grocery_items::list_id.eq(list))
        .filter(grocery_items::product_id.eq(product))
        .filter(grocery_items::is_listed.eq(true))
        .filter(grocery_items::state.ne(State::Bought))
        .count();
    Ok(run!(change.conn(), |c| query.get_result::<i64>(c).await)? > 0)
}

/// How much is on a list, and where its end is.
pub(super) async fn end_of(change: &mut Change<'_>, list: GroceryListId) -> Result<(i64, Option<Place>)> {
    let listed = || {
        grocery_items::table.filter(grocery_items::list_id.eq(list)).filter(grocery_items::is_listed.eq(true))
    };
    let count = listed().count();
    let count: i64 = run!(change.conn(), |c| count.get_result(c).await)?;
    let end = listed().order(grocery_items::place.desc()).select(grocery_items::place);
    let end: Option<Place> = run!(change.conn(), |c| end.first(c).await.optional())?;
    Ok((count, end))
}

/// Fails if a list with so many things on it takes no more.
pub(super) fn refuse_one_too_many(count: i64) -> Result<()> {
    if count < ITEM_LIMIT {
        return Ok(());
    }
    let message =
        format!("there are {ITEM_LIMIT} things on this list already: finish a trip, or begin another list");
    Err(Error::refused(RefusalCode::Limit, "listId", message))
}

pub(super) async fn insert(change: &mut Change<'_>, item: &mut Item, kind: event::Kind) -> Result<()> {
    item.changed_seq = change.next_seq();
    let row = &*item;
    let insert = diesel::insert_into(grocery_items::table).values(row);
    run!(change.conn(), |c| insert.execute(c).await)?;
    change.record_for_all(kind, item.id, item.version, &[]);
    Ok(())
}

/// Saves what changed of it as its next version, and records it.
pub(super) async fn save(
    change: &mut Change<'_>,
    kind: event::Kind,
    item: &mut Item,
    fields: &[&'static str],
) -> Result<()> {
    item.version += 1;
    item.changed_seq = change.next_seq();
    let update = diesel::update(grocery_items::table)
        .filter(grocery_items::id.eq(item.id))
        .set((
            grocery_items::product_id.eq(item.product_id),
            grocery_items::apart.eq(item.apart),
            grocery_items::amounts.eq(&item.amounts),
            grocery_items::note.eq(&item.note),
            grocery_items::is_urgent.eq(item.is_urgent),
            grocery_items::assignee_id.eq(item.assignee_id),
            grocery_items::state.eq(item.state),
            grocery_items::is_listed.eq(item.is_listed),
            grocery_items::place.eq(&item.place),
            grocery_items::added_at.eq(item.added_at),
            grocery_items::state_by.eq(item.state_by),
            grocery_items::state_at.eq(item.state_at),
            grocery_items::version.eq(item.version),
            grocery_items::changed_seq.eq(item.changed_seq),
        ))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    change.record_for_all(kind, item.id, item.version, fields);
    Ok(())
}
