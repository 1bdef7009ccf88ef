//! In which order things stand in a store: its own places first, then what the household says.

use crate::access::Reader;
use crate::among::among;
use crate::grocery::category::{self, Category};
use crate::grocery::{Item, Place, Product};
use crate::tables::{grocery_homes, grocery_sections};
use crate::{Connection, GroceryCategoryId, GroceryItemId, GroceryProductId, GroceryStoreId, Result};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::{BTreeMap, HashMap};

/// In which order things stand in a store, or in no store in particular.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// The categories in order, those that the store does not have included.
    pub sections: Vec<Section>,
    homes: BTreeMap<GroceryProductId, GroceryCategoryId>,
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

/// What a store says of a category.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = grocery_sections, treat_none_as_default_value = false)]
pub(super) struct Shelf {
    pub(super) store_id: GroceryStoreId,
    pub(super) category_id: GroceryCategoryId,
    /// Where it stands; none is after those that have one, in the household's order.
    pub(super) place: Option<Place>,
    /// Whether the store does not have it.
    pub(super) is_hidden: bool,
}

/// That a product stands in a category of its own in a store.
type Home = (GroceryStoreId, GroceryProductId, GroceryCategoryId);

/// A category, and what a store says of it.
pub(super) struct Standing {
    pub(super) category: Category,
    pub(super) place: Option<Place>,
    pub(super) is_hidden: bool,
}

/// These categories, which are in the household's order, in that of the store with these shelves.
pub(super) fn arranged(categories: &[Category], shelves: Vec<Shelf>) -> Vec<Standing> {
    let mut shelves: HashMap<_, _> = shelves.into_iter().map(|shelf| (shelf.category_id, shelf)).collect();
    let mut standings: Vec<_> = categories
        .iter()
        .map(|category| match shelves.remove(&category.id) {
            Some(Shelf { place, is_hidden, .. }) => Standing { category: category.clone(), place, is_hidden },
            None => Standing { category: category.clone(), place: None, is_hidden: false },
        })
        .collect();
    // It is stable: what has no place stays as it was.
    standings.sort_by(|one, other| match (&one.place, &other.place) {
        (Some(one), Some(other)) => one.cmp(other),
        (one, other) => other.is_some().cmp(&one.is_some()),
    });
    standings
}

/// The layouts of these stores of the member's household, in as many statements however many there are; `None` is that of no
/// store in particular, which removed ones have as well.
pub async fn layouts(
    conn: &mut Connection,
    reader: &Reader,
    stores: &[Option<GroceryStoreId>],
) -> Result<HashMap<Option<GroceryStoreId>, Layout>> {
    let categories = category::all(conn, reader).await?;
    let named: Vec<_> = stores.iter().flatten().copied().collect();
    let mut shelves: HashMap<_, Vec<Shelf>> = HashMap::new();
    for shelf in shelves_of(conn, &named).await? {
        shelves.entry(shelf.store_id).or_default().push(shelf);
    }
    let mut homes: HashMap<_, BTreeMap<_, _>> = HashMap::new();
    for (store, product, category) in homes_of(conn, &named).await? {
        // Stores of other households have none of this one's categories.
        if categories.iter().any(|known| known.id == category) {
            homes.entry(store).or_default().insert(product, category);
        }
    }
    let layout = |store: &Option<GroceryStoreId>| {
        let shelves = store.and_then(|store| shelves.remove(&store)).unwrap_or_default();
        let homes = store.and_then(|store| homes.remove(&store)).unwrap_or_default();
        (*store, Layout { sections: sections(&categories, shelves), homes })
    };
    let mut stores = stores.to_vec();
    stores.sort_unstable();
    stores.dedup();
    Ok(stores.iter().map(layout).collect())
}

async fn shelves_of(conn: &mut Connection, stores: &[GroceryStoreId]) -> Result<Vec<Shelf>> {
    if stores.is_empty() {
        return Ok(Vec::new());
    }
    let query = grocery_sections::table.filter(among(grocery_sections::store_id, stores));
    run!(conn, |c| query.select(Shelf::as_select()).load(c).await)
}

/// What stands elsewhere in these stores than the catalogue says, and where.
async fn homes_of(conn: &mut Connection, stores: &[GroceryStoreId]) -> Result<Vec<Home>> {
    if stores.is_empty() {
        return Ok(Vec::new());
    }
    let query = grocery_homes::table.filter(among(grocery_homes::store_id, stores)).select((
        grocery_homes::store_id,
        grocery_homes::product_id,
        grocery_homes::category_id,
    ));
    run!(conn, |c| query.load(c).await)
}

fn sections(categories: &[Category], shelves: Vec<Shelf>) -> Vec<Section> {
    let section = |standing: Standing| Section {
        category: standing.category,
        is_placed: standing.place.is_some(),
        is_hidden: standing.is_hidden,
    };
    arranged(categories, shelves).into_iter().map(section).collect()
}

impl Layout {
    /// What stands elsewhere here than the catalogue says, and where, in the order of ids.
    pub fn homes(&self) -> impl Iterator<Item = (GroceryProductId, GroceryCategoryId)> {
        self.homes.iter().map(|(product, category)| (*product, *category))
    }

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
    pub fn key<'a>(&self, item: &'a Item, product: &Product) -> (usize, &'a Place, GroceryItemId) {
        let category = self.category_of(product);
        let section = self.sections.iter().position(|section| Some(section.category.id) == category);
        (section.unwrap_or(usize::MAX), &item.place, item.id)
    }

    /// Puts what is on a list in order.
    pub fn sort(&self, items: &mut [(Item, Product)]) {
        items.sort_by_cached_key(|(item, product)| {
            let (section, place, id) = self.key(item, product);
            (section, place.clone(), id)
        });
    }
}
