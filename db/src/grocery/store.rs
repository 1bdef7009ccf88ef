//! Stores: each has its own order of the categories, may hide some, and may have things stand elsewhere than usual.

use super::category::{Behind, Category};
use super::item::Item;
use super::{Place, Product};
use crate::access::{Member, Permission};
use crate::among::among;
use crate::tables::grocery_stores;
use crate::{
    Change, Connection, Entry, Error, GroceryCategoryId, GroceryProductId, GroceryStoreId, HouseholdId,
    Operation, RefusalCode, Result, SubjectId, Time,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use std::collections::HashMap;

/// The most stores of a household.
pub const STORE_LIMIT: i64 = 50;
/// The most things that stand elsewhere than usual in a store.
pub const HOME_LIMIT: i64 = 500;

/// Where the household shops.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = grocery_stores)]
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

/// The store, if it is one of the member's household; otherwise [`Error::NotFound`].
pub async fn find(conn: &mut Connection, member: &Member, id: GroceryStoreId) -> Result<Store> {
    let query = grocery_stores::table
        .filter(grocery_stores::household_id.eq(member.household_id()))
        .filter(grocery_stores::id.eq(id));
    run!(conn, |c| query.select(Store::as_select()).first(c).await)
}

/// All the household's stores, in the order in which they were made: at most [`STORE_LIMIT`].
pub async fn all(conn: &mut Connection, member: &Member) -> Result<Vec<Store>> {
    let query = grocery_stores::table
        .filter(grocery_stores::household_id.eq(member.household_id()))
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

/// In which order things stand in a store, or in no store in particular.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// The categories in order, those that the store does not have included.
    pub sections: Vec<Section>,
    homes: HashMap<GroceryProductId, GroceryCategoryId>,
}

/// A category in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The category.
    pub category: Category,
    /// Whether the store gave it a place of its own; those without one follow in the household's order.
    pub is_placed: bool,
    /// Whether the store does not have it.
    pub is_hidden: bool,
}

/// The layouts of these stores of the member's household; `None` is that of no store in particular.
pub async fn layouts(
    conn: &mut Connection,
    member: &Member,
    stores: &[Option<GroceryStoreId>],
) -> Result<HashMap<Option<GroceryStoreId>, Layout>> {
    let categories = super::category::all(conn, member).await?;
    let sections: Vec<_> = categories
        .into_iter()
        .map(|category| Section { category, is_placed: false, is_hidden: false })
        .collect();
    Ok(stores
        .iter()
        .map(|store| (*store, Layout { sections: sections.clone(), homes: HashMap::new() }))
        .collect())
}

impl Layout {
    /// The category that something stands in here: the store's own for it, or the catalogue's.
    pub fn category_of(&self, product: &Product) -> Option<GroceryCategoryId> {
        self.homes.get(&product.id).copied().or(product.category_id)
    }

    /// Whether the store does not have its category.
    pub fn hides(&self, product: &Product) -> bool {
        let category = self.category_of(product);
        self.sections.iter().any(|section| section.is_hidden && Some(section.category.id) == category)
    }

    /// By what the order of a list is told: its category's place here, its own, its id. What has no category comes last.
    pub fn key<'a>(&self, item: &'a Item, product: &Product) -> (usize, &'a Place, crate::GroceryItemId) {
        let category = self.category_of(product);
        let section = self.sections.iter().position(|section| Some(section.category.id) == category);
        (section.unwrap_or(usize::MAX), &item.place, item.id)
    }

    /// Puts what is on a list in order.
    pub fn sort(&self, items: &mut [(Item, Product)]) {
        items.sort_by(|(item, product), (other, its)| self.key(item, product).cmp(&self.key(other, its)));
    }
}

/// Makes a store, in the household's order of categories.
#[derive(Debug, Serialize)]
pub struct Create {
    /// What it is called: 1 to [`super::fold::NAME_LIMIT`] characters, and no other is ([`Error::NameTaken`]).
    pub name: String,
}

/// Changes a store's name.
#[derive(Debug, Serialize)]
pub struct Rename {
    /// Which.
    pub store: GroceryStoreId,
    /// What it is called.
    pub name: String,
    /// The version the caller has seen.
    pub expected_version: Option<i32>,
}

/// Removes a store: lists that were in its order are in none from now on; trips to it stay. Twice is as once.
#[derive(Debug, Serialize)]
pub struct Remove {
    /// Which.
    pub store: GroceryStoreId,
}

/// Moves a category in a store, and nothing else.
#[derive(Debug, Serialize)]
pub struct MoveSection {
    /// The store.
    pub store: GroceryStoreId,
    /// The category.
    pub category: GroceryCategoryId,
    /// Where to.
    pub after: Behind,
}

/// Takes over an order of categories as a whole, such as a learned one; those that are not named follow.
#[derive(Debug, Serialize)]
pub struct OrderSections {
    /// The store.
    pub store: GroceryStoreId,
    /// The categories, each once.
    pub categories: Vec<GroceryCategoryId>,
}

/// Says whether a store has a category.
#[derive(Debug, Serialize)]
pub struct HideSection {
    /// The store.
    pub store: GroceryStoreId,
    /// The category.
    pub category: GroceryCategoryId,
    /// Whether the store does not have it.
    pub is_hidden: bool,
}

/// Says in which category something stands in a store.
#[derive(Debug, Serialize)]
pub struct SetHome {
    /// The store.
    pub store: GroceryStoreId,
    /// What.
    pub product: GroceryProductId,
    /// Where it stands; nothing is where the catalogue says.
    pub category: Option<GroceryCategoryId>,
}

macro_rules! stub {
    ($t:ty, $n:literal) => {
        impl Operation for $t {
            type Outcome = Store;
            const NAME: &'static str = $n;
            const ENTRY: Entry = Entry::Member(Permission::EditGroceries);
            async fn apply(&self, change: &mut Change<'_>) -> Result<Store> {
                let _ = change.now();
                Err(Error::NotFound)
            }
        }
    };
}
stub!(Create, "createGroceryStore");
stub!(Rename, "renameGroceryStore");
stub!(Remove, "removeGroceryStore");
stub!(MoveSection, "moveGrocerySection");
stub!(OrderSections, "orderGrocerySections");
stub!(HideSection, "hideGrocerySection");
stub!(SetHome, "setGroceryHome");
