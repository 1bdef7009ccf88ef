//! Stores: where the household shops, and in which order things stand there.

mod mutation;

pub(crate) use mutation::GroceryStoreMutation;

use super::{GroceryCategory, GroceryProduct, known_category, known_product};
use crate::cost::cost;
use crate::error::{Error, Nullable, Result, nullable_option};
use crate::id::GlobalId;
use crate::scalar::DateTime;
use crate::scope::ScopeExt as _;
use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use roomm8_db::grocery::store::{self, Layout, Section};
use roomm8_db::{GroceryCategoryId, GroceryProductId, GroceryStoreId, HouseholdId};
use std::sync::Arc;

/// Where the household shops. No two of a household have one name.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct GroceryStore {
    /// Its global id.
    pub(crate) id: ID,
    /// What it is called: one line of 1 to 100 characters of plain text.
    name: String,
    /// When it was made.
    created_at: DateTime,
    /// When it was removed; null while it is in use.
    removed_at: Option<DateTime>,
    /// Counts its changes, from 1, those of its order included: pass it as `expectedVersion` when you rename it.
    version: i32,
    #[graphql(skip)]
    row: store::Store,
}

impl From<store::Store> for GroceryStore {
    fn from(row: store::Store) -> Self {
        Self {
            id: GlobalId::GroceryStore(row.household_id, row.id).to_id(),
            name: row.name.clone(),
            created_at: DateTime(row.created_at),
            removed_at: row.removed_at.map(DateTime),
            version: row.version,
            row,
        }
    }
}

/// A category in a store.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct GrocerySection {
    /// The category.
    category: GroceryCategory,
    /// Whether it has a place of its own here; those without one follow, in the household's order.
    is_placed: bool,
    /// Whether the store does not have it: what is of it is left out of lists in the store's order.
    is_hidden: bool,
}

impl From<&Section> for GrocerySection {
    fn from(section: &Section) -> Self {
        Self {
            category: section.category.clone().into(),
            is_placed: section.is_placed,
            is_hidden: section.is_hidden,
        }
    }
}

#[ComplexObject]
impl GroceryStore {
    /// All categories in the order in which they stand here, at most 100, those that the store does not have included.
    async fn sections(&self, ctx: &Context<'_>) -> Result<Vec<GrocerySection>> {
        let layout = layout(ctx, self.row.household_id, Some(self.row.id)).await?;
        Ok(layout.sections.iter().map(GrocerySection::from).collect())
    }

    /// What stands elsewhere here than the catalogue says, at most 500 things, those known longest first. See `setGroceryHome`.
    async fn homes(&self, ctx: &Context<'_>) -> Result<Vec<GroceryHome>> {
        let household = self.row.household_id;
        let layout = layout(ctx, household, Some(self.row.id)).await?;
        Ok(layout.homes().map(|(product, category)| GroceryHome { household, product, category }).collect())
    }

    /// The order in which the household walks through the store, learned from the order in which it ticks on the last trips:
    /// offer it, and take it over with `orderGrocerySections`. Null before 5 trips, and where it is the store's order already.
    #[graphql(directive = cost::apply("20".to_owned()))]
    async fn learned_order(&self, ctx: &Context<'_>) -> Nullable<Vec<GroceryCategory>> {
        nullable_option(async {
            let scope = ctx.scope()?;
            scope.member(self.row.household_id).await?;
            let order = scope.loaders().learned_orders.load((self.row.household_id, self.row.id)).await?;
            Ok(order.map(|order| order.into_iter().map(GroceryCategory::from).collect()))
        })
        .await
    }
}

/// Something that stands elsewhere in a store than the catalogue says.
struct GroceryHome {
    household: HouseholdId,
    product: GroceryProductId,
    category: GroceryCategoryId,
}

/// Something that stands elsewhere in a store than the catalogue says.
#[Object]
impl GroceryHome {
    /// What it is.
    async fn product(&self, ctx: &Context<'_>) -> Result<GroceryProduct> {
        known_product(ctx, self.household, self.product).await
    }

    /// The category that it stands in there.
    async fn category(&self, ctx: &Context<'_>) -> Result<GroceryCategory> {
        known_category(ctx, self.household, self.category).await
    }
}

/// A store that is named by something the asker may see.
pub(crate) async fn known_store(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: GroceryStoreId,
) -> Result<GroceryStore> {
    let found = ctx.scope()?.loaders().grocery_stores.load((household, id)).await?;
    found.map(GroceryStore::from).ok_or_else(Error::not_found)
}

/// As [`known_store`], where there may be none.
pub(super) async fn perhaps(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: Option<GroceryStoreId>,
) -> Result<Option<GroceryStore>> {
    match id {
        Some(id) => known_store(ctx, household, id).await.map(Some),
        None => Ok(None),
    }
}

/// The store with this id, if the viewer is a member of its household.
pub(crate) async fn find_store(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: GroceryStoreId,
) -> Result<GroceryStore> {
    ctx.scope()?.reader(household).await?;
    known_store(ctx, household, id).await
}

/// The store of this household with this id, if one is named.
pub(super) async fn of_household(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: Option<&ID>,
) -> Result<Option<GroceryStoreId>> {
    let Some(id) = id else { return Ok(None) };
    match GlobalId::grocery_store(id)? {
        (of, store) if of == household => {
            find_store(ctx, household, store).await?;
            Ok(Some(store))
        }
        _ => Err(Error::not_found()),
    }
}

/// All stores of a household, in the order in which they were made.
pub(crate) async fn stores(ctx: &Context<'_>, household: HouseholdId) -> Result<Vec<GroceryStore>> {
    let scope = ctx.scope()?;
    let reader = scope.reader(household).await?;
    let rows = store::all(&mut *scope.connection().await?, &reader).await?;
    for row in &rows {
        scope.loaders().grocery_stores.prime((household, row.id), row.clone()).await;
    }
    Ok(rows.into_iter().map(GroceryStore::from).collect())
}

/// In which order things stand in a store of the household, or in none in particular.
pub(super) async fn layout(
    ctx: &Context<'_>,
    household: HouseholdId,
    store: Option<GroceryStoreId>,
) -> Result<Arc<Layout>> {
    let scope = ctx.scope()?;
    scope.reader(household).await?;
    let loaders = scope.loaders();
    let layout = loaders.grocery_layouts.load((household, store)).await?.ok_or_else(Error::not_found)?;
    for section in &layout.sections {
        let category = &section.category;
        loaders.grocery_categories.prime((household, category.id), category.clone()).await;
    }
    Ok(layout)
}
