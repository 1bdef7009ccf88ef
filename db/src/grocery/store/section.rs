//! Changing where things stand in a store.

use super::layout::{Shelf, Standing, arranged};
use super::{HOME_LIMIT, Store, in_use, save};
use crate::access::Permission;
use crate::grocery::Place;
use crate::grocery::category::{self, Behind};
use crate::tables::{grocery_homes, grocery_products, grocery_sections};
use crate::{
    Change, Entry, Error, GroceryCategoryId, GroceryProductId, GroceryStoreId, Operation, RefusalCode,
    Result, event,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use std::collections::HashSet;

/// Moves a category in a store, and nothing else. It has a place there from then on, and so has what it stands behind, and
/// what comes before that: what has a place comes before what has none.
#[derive(Debug, Serialize)]
pub struct MoveSection {
    /// The store.
    pub store: GroceryStoreId,
    /// The category.
    pub category: GroceryCategoryId,
    /// Where to.
    pub after: Behind,
}

impl Operation for MoveSection {
    type Outcome = Store;
    const NAME: &'static str = "moveGrocerySection";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Store> {
        let mut store = in_use(change, self.store).await?;
        let mut standings = standings(change, store.id).await?;
        let from = position(&standings, self.category)?;
        let mut moved = standings.remove(from);
        let to = self.after.place(standings.iter().map(|standing| standing.category.id))?;
        if to == from {
            return Ok(store);
        }
        let have_one = standings.iter().filter(|standing| standing.place.is_some()).count();
        standings.truncate(have_one.max(to));
        moved.place = None;
        standings.insert(to, moved);
        let places: Vec<_> = standings.iter().map(|standing| standing.place.clone()).collect();
        for (standing, place) in standings.iter().zip(Place::fill(&places)) {
            put(change, store.id, standing, Some(place)).await?;
        }
        save(change, event::Kind::GroceryStoreUpdated, &mut store, &["sections"]).await?;
        Ok(store)
    }
}

/// Takes over an order of categories as a whole, such as a learned one. They have these places from then on, and no others
/// have any: those follow in the household's order.
#[derive(Debug, Serialize)]
pub struct OrderSections {
    /// The store.
    pub store: GroceryStoreId,
    /// The categories, each once; none is the household's order again.
    pub categories: Vec<GroceryCategoryId>,
}

impl Operation for OrderSections {
    type Outcome = Store;
    const NAME: &'static str = "orderGrocerySections";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Store> {
        let mut store = in_use(change, self.store).await?;
        let mut standings = standings(change, store.id).await?;
        self.refuse_wrong(&standings)?;
        let placed = standings.iter().filter(|standing| standing.place.is_some());
        if placed.map(|standing| &standing.category.id).eq(&self.categories) {
            return Ok(store);
        }
        for (category, place) in self.categories.iter().zip(Place::spread(self.categories.len())) {
            let standing = standings.remove(position(&standings, *category)?);
            put(change, store.id, &standing, Some(place)).await?;
        }
        for standing in &standings {
            put(change, store.id, standing, None).await?;
        }
        save(change, event::Kind::GroceryStoreUpdated, &mut store, &["sections"]).await?;
        Ok(store)
    }
}

impl OrderSections {
    fn refuse_wrong(&self, standings: &[Standing]) -> Result<()> {
        const FIELD: &str = "categoryIds";
        let known: HashSet<_> = standings.iter().map(|standing| standing.category.id).collect();
        if self.categories.iter().any(|category| !known.contains(category)) {
            let message = "must be categories of this household";
            return Err(Error::refused(RefusalCode::InvalidReference, FIELD, message));
        }
        let named: HashSet<_> = self.categories.iter().collect();
        if named.len() < self.categories.len() {
            return Err(Error::refused(RefusalCode::Invalid, FIELD, "must name each category once"));
        }
        Ok(())
    }
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

impl Operation for HideSection {
    type Outcome = Store;
    const NAME: &'static str = "hideGrocerySection";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Store> {
        let mut store = in_use(change, self.store).await?;
        let mut standings = standings(change, store.id).await?;
        let at = position(&standings, self.category)?;
        let standing = standings.swap_remove(at);
        if standing.is_hidden == self.is_hidden {
            return Ok(store);
        }
        let Standing { category, place, .. } = standing;
        write(
            change,
            Shelf { store_id: store.id, category_id: category.id, place, is_hidden: self.is_hidden },
        )
        .await?;
        save(change, event::Kind::GroceryStoreUpdated, &mut store, &["sections"]).await?;
        Ok(store)
    }
}

/// The household's categories, in the order of the store.
async fn standings(change: &mut Change<'_>, store: GroceryStoreId) -> Result<Vec<Standing>> {
    let categories = category::in_order(change).await?;
    let query = grocery_sections::table.filter(grocery_sections::store_id.eq(store));
    let shelves = run!(change.conn(), |c| query.select(Shelf::as_select()).load(c).await)?;
    Ok(arranged(&categories, shelves))
}

/// Where among these the category is.
fn position(standings: &[Standing], category: GroceryCategoryId) -> Result<usize> {
    standings.iter().position(|standing| standing.category.id == category).ok_or_else(|| {
        let message = "must be a category of this household";
        Error::refused(RefusalCode::InvalidReference, "categoryId", message)
    })
}

/// Gives a category another place in a store, or takes it away.
async fn put(
    change: &mut Change<'_>,
    store: GroceryStoreId,
    standing: &Standing,
    place: Option<Place>,
) -> Result<()> {
    if standing.place == place {
        return Ok(());
    }
    let Standing { category, is_hidden, .. } = standing;
    write(change, Shelf { store_id: store, category_id: category.id, place, is_hidden: *is_hidden }).await
}

async fn write(change: &mut Change<'_>, shelf: Shelf) -> Result<()> {
    let replace = diesel::replace_into(grocery_sections::table).values(&shelf);
    run!(change.conn(), |c| replace.execute(c).await)?;
    Ok(())
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

impl Operation for SetHome {
    type Outcome = Store;
    const NAME: &'static str = "setGroceryHome";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Store> {
        let mut store = in_use(change, self.store).await?;
        self.refuse_unknown_product(change).await?;
        category::refuse_unknown(change, self.category).await?;
        let query = grocery_homes::table
            .filter(grocery_homes::store_id.eq(store.id))
            .filter(grocery_homes::product_id.eq(self.product))
            .select(grocery_homes::category_id);
        let home: Option<GroceryCategoryId> = run!(change.conn(), |c| query.first(c).await.optional())?;
        if home == self.category {
            return Ok(store);
        }
        if home.is_none() {
            refuse_one_too_many(change, store.id).await?;
        }
        if let Some(category) = self.category {
            let replace = diesel::replace_into(grocery_homes::table).values((
                grocery_homes::store_id.eq(store.id),
                grocery_homes::product_id.eq(self.product),
                grocery_homes::category_id.eq(category),
            ));
            run!(change.conn(), |c| replace.execute(c).await)?;
        } else {
            let delete = diesel::delete(grocery_homes::table)
                .filter(grocery_homes::store_id.eq(store.id))
                .filter(grocery_homes::product_id.eq(self.product));
            run!(change.conn(), |c| delete.execute(c).await)?;
        }
        save(change, event::Kind::GroceryStoreUpdated, &mut store, &["homes"]).await?;
        Ok(store)
    }
}

impl SetHome {
    async fn refuse_unknown_product(&self, change: &mut Change<'_>) -> Result<()> {
        let query = grocery_products::table
            .filter(grocery_products::household_id.eq(change.household_id()))
            .filter(grocery_products::removed_at.is_null())
            .filter(grocery_products::id.eq(self.product))
            .count();
        if run!(change.conn(), |c| query.get_result::<i64>(c).await)? == 1 {
            return Ok(());
        }
        let message = "must be something that the catalogue of this household knows";
        Err(Error::refused(RefusalCode::InvalidReference, "productId", message))
    }
}

async fn refuse_one_too_many(change: &mut Change<'_>, store: GroceryStoreId) -> Result<()> {
    let query = grocery_homes::table.filter(grocery_homes::store_id.eq(store)).count();
    if run!(change.conn(), |c| query.get_result::<i64>(c).await)? < HOME_LIMIT {
        return Ok(());
    }
    let message = format!("{HOME_LIMIT} things stand elsewhere in this store already");
    Err(Error::refused(RefusalCode::Limit, "productId", message))
}
