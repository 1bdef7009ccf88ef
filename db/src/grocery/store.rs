//! Stores: each has its own order of the categories, may hide some, and may have things stand elsewhere than usual.

mod layout;
mod section;

pub use layout::{Layout, Section, layouts};
pub use section::{HideSection, MoveSection, OrderSections, SetHome};

use super::fold::Name;
use super::freed;
use crate::access::{Permission, Reader};
use crate::among::among;
use crate::prepared::Prepare as _;
use crate::tables::{grocery_homes, grocery_lists, grocery_sections, grocery_stores};
use crate::{
    Change, Connection, Entry, Error, GroceryListId, GroceryStoreId, HouseholdId, Operation, RefusalCode,
    Result, SubjectId, Time, event, version,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

/// The most stores of a household.
pub const STORE_LIMIT: i64 = 50;
/// The most things that stand elsewhere than usual in a store.
pub const HOME_LIMIT: i64 = 500;

/// Where the household shops.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = grocery_stores, treat_none_as_default_value = false)]
pub struct Store {
    /// Its identifier.
    pub id: GroceryStoreId,
    /// Whose it is.
    pub household_id: HouseholdId,
    /// What it is called.
    pub name: String,
    /// What that folds to; the id's text once it was removed, so that the name is free.
    pub(super) fold: String,
    /// When it was made.
    pub created_at: Time,
    /// When it was removed.
    pub removed_at: Option<Time>,
    /// Counts its changes, those of its order and of what stands elsewhere included.
    pub version: i32,
}

impl crate::Subject for Store {
    fn subject_id(&self) -> SubjectId {
        self.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        let query = grocery_stores::table.filter(grocery_stores::id.eq(GroceryStoreId::from(id)));
        run!(conn, |c| query.select(Self::as_select()).first(c).await)
    }
}

/// The stores with these ids, of the households named with them, removed or not. Both are only ever taken from what the
/// asker was allowed to see: events, lists, trips, or proofs of membership.
pub async fn known(conn: &mut Connection, ids: &[(HouseholdId, GroceryStoreId)]) -> Result<Vec<Store>> {
    let stores: Vec<GroceryStoreId> = ids.iter().map(|(_, id)| *id).collect();
    let query = grocery_stores::table.filter(among(grocery_stores::id, &stores));
    let found: Vec<Store> = run!(conn, |c| query.select(Store::as_select()).load(c).await)?;
    Ok(found.into_iter().filter(|found| ids.contains(&(found.household_id, found.id))).collect())
}

/// All the household's stores, in the order in which they were made: at most [`STORE_LIMIT`].
pub async fn all(conn: &mut Connection, reader: &Reader) -> Result<Vec<Store>> {
    let query = grocery_stores::table
        .filter(grocery_stores::household_id.eq(reader.household_id()))
        .filter(grocery_stores::removed_at.is_null())
        .order(grocery_stores::id);
    run!(conn, |c| query.select(Store::as_select()).load(c).await)
}

/// Fails unless this is one of the household's stores; none is fine.
pub(super) async fn refuse_unknown(change: &mut Change<'_>, store: Option<GroceryStoreId>) -> Result<()> {
    let Some(store) = store else { return Ok(()) };
    let query = grocery_stores::table
        .filter(grocery_stores::household_id.eq(change.household_id()))
        .filter(grocery_stores::removed_at.is_null())
        .filter(grocery_stores::id.eq(store))
        .count();
    if run!(change.conn(), |c| query.get_result::<i64>(c).await)? == 1 {
        return Ok(());
    }
    Err(Error::refused(RefusalCode::InvalidReference, "storeId", "must be a store of this household"))
}

/// All stores of the household being changed.
async fn of_household(change: &mut Change<'_>) -> Result<Vec<Store>> {
    let query = grocery_stores::table
        .filter(grocery_stores::household_id.eq(change.household_id()))
        .filter(grocery_stores::removed_at.is_null())
        .order(grocery_stores::id);
    run!(change.conn(), |c| query.select(Store::as_select()).load(c).await)
}

/// A store of the household being changed, removed or not.
async fn once_of_household(change: &mut Change<'_>, id: GroceryStoreId) -> Result<Store> {
    let query = grocery_stores::table
        .filter(grocery_stores::household_id.eq(change.household_id()))
        .filter(grocery_stores::id.eq(id));
    run!(change.conn(), |c| query.select(Store::as_select()).first(c).await)
}

/// A store of the household being changed; refused if it was removed.
async fn in_use(change: &mut Change<'_>, id: GroceryStoreId) -> Result<Store> {
    let store = once_of_household(change, id).await?;
    if store.removed_at.is_some() {
        let message = "this store was removed: make a new one";
        return Err(Error::refused(RefusalCode::Gone, "storeId", message));
    }
    Ok(store)
}

fn refuse_taken(others: &[Store], name: &Name) -> Result<()> {
    match others.iter().find(|other| other.fold == name.fold) {
        Some(other) => Err(Error::NameTaken(other.id.into())),
        None => Ok(()),
    }
}

/// Makes a store, in the household's order of categories.
#[derive(Debug, Serialize)]
pub struct Create {
    /// What it is called: 1 to [`super::fold::NAME_LIMIT`] characters, and no other is ([`Error::NameTaken`]).
    pub name: String,
}

impl Operation for Create {
    type Outcome = Store;
    const NAME: &'static str = "createGroceryStore";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Store> {
        let name = Name::new("name", &self.name)?;
        let others = of_household(change).await?;
        refuse_taken(&others, &name)?;
        if i64::try_from(others.len()).is_ok_and(|count| count >= STORE_LIMIT) {
            let message = format!("there are {STORE_LIMIT} stores already: remove one first");
            return Err(Error::refused(RefusalCode::Limit, "", message));
        }
        let store = Store {
            id: GroceryStoreId::new(),
            household_id: change.household_id(),
            name: name.shown,
            fold: name.fold,
            created_at: change.now(),
            removed_at: None,
            version: 1,
        };
        let insert = diesel::insert_into(grocery_stores::table).values(&store);
        run!(change.conn(), |c| insert.execute(c).await)?;
        change.record_for_all(event::Kind::GroceryStoreCreated, store.id, store.version, &[]);
        Ok(store)
    }
}

/// Changes a store's name.
#[derive(Debug, Serialize)]
pub struct Rename {
    /// Which.
    pub store: GroceryStoreId,
    /// What it is called: another spelling, or a name that no other has ([`Error::NameTaken`]).
    pub name: String,
    /// The version the caller has seen.
    pub expected_version: Option<i32>,
}

impl Operation for Rename {
    type Outcome = Store;
    const NAME: &'static str = "renameGroceryStore";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Store> {
        let mut store = in_use(change, self.store).await?;
        let name = Name::new("name", &self.name)?;
        if name.shown == store.name {
            return Ok(store);
        }
        let (id, version) = (store.id.into(), store.version);
        version::settle(change, id, version, self.expected_version, &["name"]).await?;
        let mut others = of_household(change).await?;
        others.retain(|other| other.id != store.id);
        refuse_taken(&others, &name)?;
        (store.name, store.fold) = (name.shown, name.fold);
        save(change, event::Kind::GroceryStoreUpdated, &mut store, &["name"]).await?;
        Ok(store)
    }
}

/// Removes a store: lists that were in its order are in none from now on; trips to it stay. Twice is as once.
#[derive(Debug, Serialize)]
pub struct Remove {
    /// Which.
    pub store: GroceryStoreId,
}

impl Operation for Remove {
    type Outcome = Store;
    const NAME: &'static str = "removeGroceryStore";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Store> {
        let mut store = once_of_household(change, self.store).await?;
        if store.removed_at.is_some() {
            return Ok(store);
        }
        leave_lists(change, store.id).await?;
        let delete = diesel::delete(grocery_sections::table).filter(grocery_sections::store_id.eq(store.id));
        run!(change.conn(), |c| delete.execute(c).await)?;
        let delete = diesel::delete(grocery_homes::table).filter(grocery_homes::store_id.eq(store.id));
        run!(change.conn(), |c| delete.execute(c).await)?;
        store.removed_at = Some(change.now());
        store.fold = freed(store.id);
        save(change, event::Kind::GroceryStoreRemoved, &mut store, &["removedAt"]).await?;
        Ok(store)
    }
}

/// Lists in its order are in no store's. Of those that were put away, of which there may be many, no event tells.
async fn leave_lists(change: &mut Change<'_>, store: GroceryStoreId) -> Result<()> {
    let query = grocery_lists::table
        .filter(grocery_lists::household_id.eq(change.household_id()))
        .filter(grocery_lists::store_id.eq(store))
        .filter(grocery_lists::archived_at.is_null())
        .order(grocery_lists::id)
        .select((grocery_lists::id, grocery_lists::version));
    let lists: Vec<(GroceryListId, i32)> = run!(change.conn(), |c| query.load(c).await)?;
    let none: Option<GroceryStoreId> = None;
    let update = diesel::update(grocery_lists::table)
        .filter(grocery_lists::household_id.eq(change.household_id()))
        .filter(grocery_lists::store_id.eq(store))
        .set((grocery_lists::store_id.eq(none), grocery_lists::version.eq(grocery_lists::version + 1)))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    for (list, version) in lists {
        change.record_for_all(event::Kind::GroceryListUpdated, list, version + 1, &["store"]);
    }
    Ok(())
}

/// Saves what changed of it as its next version, and records it.
async fn save(
    change: &mut Change<'_>,
    kind: event::Kind,
    store: &mut Store,
    fields: &[&'static str],
) -> Result<()> {
    store.version += 1;
    let update = diesel::update(grocery_stores::table)
        .filter(grocery_stores::id.eq(store.id))
        .set((
            grocery_stores::name.eq(&store.name),
            grocery_stores::fold.eq(&store.fold),
            grocery_stores::removed_at.eq(store.removed_at),
            grocery_stores::version.eq(store.version),
        ))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    change.record_for_all(kind, store.id, store.version, fields);
    Ok(())
}
