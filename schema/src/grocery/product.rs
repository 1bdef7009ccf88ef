//! The household's catalogue: what was ever put on a list.

use super::amount::GroceryUnit;
use super::{GroceryCategory, category, store};
use crate::connection::{Connection, PageArguments};
use crate::error::{Error, Nullable, Result, nullable, nullable_option};
use crate::id::GlobalId;
use crate::payload::{perform, to};
use crate::row::Row;
use crate::scalar::{Cursor, DateTime};
use crate::scope::ScopeExt as _;
use async_graphql::{ComplexObject, Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use roomm8_db::grocery::{self, SameName, Unit, product};
use roomm8_db::{GroceryProductId, HouseholdId};

/// Something the household's catalogue knows of: what was ever put on a list, by its name. Upper and lower case, width and
/// spaces tell no two apart, accents do.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct GroceryProduct {
    /// Its global id.
    pub(crate) id: ID,
    /// What it is called: one line of 1 to 100 characters of plain text.
    pub(super) name: String,
    /// The unit it was last asked for in; null if that was never said.
    unit: Option<GroceryUnit>,
    /// Since when it is known.
    created_at: DateTime,
    /// When the catalogue forgot it: it is known again when something is added by its name. Null while it is known.
    removed_at: Option<DateTime>,
    /// Counts its changes, from 1: pass it as `expectedVersion` when you change it.
    version: i32,
    #[graphql(skip)]
    row: grocery::Product,
}

// Its lists go the ordinary way.
impl Row for GroceryProduct {}

impl From<grocery::Product> for GroceryProduct {
    fn from(row: grocery::Product) -> Self {
        Self {
            id: GlobalId::GroceryProduct(row.household_id, row.id).to_id(),
            name: row.name.clone(),
            unit: row.unit.map(GroceryUnit::from),
            created_at: DateTime(row.created_at),
            removed_at: row.removed_at.map(DateTime),
            version: row.version,
            row,
        }
    }
}

#[ComplexObject]
impl GroceryProduct {
    /// The category it stands in; null if it has none.
    async fn category(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In which store; where the catalogue says, unless said otherwise.")]
        store_id: Option<ID>,
    ) -> Nullable<GroceryCategory> {
        nullable_option(self.category_in(ctx, store_id.as_ref())).await
    }
}

impl GroceryProduct {
    /// The category it stands in, in this store of its household or where the catalogue says.
    pub(super) async fn category_in(
        &self,
        ctx: &Context<'_>,
        store: Option<&ID>,
    ) -> Result<Option<GroceryCategory>> {
        let household = self.row.household_id;
        let id = match store::of_household(ctx, household, store).await? {
            None => self.row.category_id,
            store => store::layout(ctx, household, store).await?.category_of(&self.row),
        };
        match id {
            Some(id) => category::known_category(ctx, household, id).await.map(Some),
            None => Ok(None),
        }
    }

    /// Its place in the catalogue.
    fn place(&self) -> Cursor {
        Cursor::Item(self.row.id.into())
    }
}

/// A product that is named by something the asker may see.
pub(crate) async fn known_product(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: GroceryProductId,
) -> Result<GroceryProduct> {
    let found = ctx.scope()?.loaders().grocery_products.load((household, id)).await?;
    found.map(GroceryProduct::from).ok_or_else(Error::not_found)
}

/// The product with this id, if the viewer is a member of its household.
pub(crate) async fn find_product(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: GroceryProductId,
) -> Result<GroceryProduct> {
    ctx.scope()?.member(household).await?;
    known_product(ctx, household, id).await
}

/// A page of a household's catalogue.
pub(crate) async fn products(
    ctx: &Context<'_>,
    household: HouseholdId,
    begins: &str,
    arguments: &PageArguments,
) -> Result<Connection<GroceryProduct>> {
    let scope = ctx.scope()?;
    let reader = scope.reader(household).await?;
    let window = arguments.window()?;
    let rows = product::page(&mut *scope.connection().await?, &reader, begins, window).await?;
    let products = rows.into_iter().map(GroceryProduct::from).collect();
    Ok(Connection::new(arguments, products, GroceryProduct::place))
}

/// What to change of a product; leave out what stays as it is. Null is the same, but for `categoryId` and `unit`.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateGroceryProductInput {
    /// The product.
    product_id: ID,
    /// What it is called, on all lists and in the past: one line of 1 to 100 characters; spaces around it are cut.
    name: Option<String>,
    /// The category it stands in. Null for none.
    category_id: MaybeUndefined<ID>,
    /// The unit it is mostly asked for in. Null for none.
    unit: MaybeUndefined<GroceryUnit>,
    /// Whether the two become one if another product has the name: that which has it. Otherwise the answer is `NAME_TAKEN`
    /// with that product.
    #[graphql(default = false)]
    merge_if_taken: bool,
    /// The version you have seen: if any of what you change was changed since, the answer is `CONFLICT` with the product as
    /// it is now.
    expected_version: Option<i32>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A product to forget.
#[derive(Debug, InputObject)]
pub(crate) struct RemoveGroceryProductInput {
    /// The product.
    product_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `updateGroceryProduct`.
    UpdateGroceryProductPayload {
        /// The product as it is now, with `CONFLICT` too; that which has the name, with `NAME_TAKEN` and where the two became
        /// one.
        product: GroceryProduct
    }
}

payload! {
    /// What came of `removeGroceryProduct`.
    RemoveGroceryProductPayload {
        /// The product as it was last known.
        product: GroceryProduct
    }
}

/// What is to be done if the name is taken.
pub(super) fn same_name(merge_if_taken: bool) -> SameName {
    if merge_if_taken { SameName::Merge } else { SameName::Refuse }
}

#[derive(Default)]
pub(crate) struct GroceryProductMutation;

#[Object]
impl GroceryProductMutation {
    /// Changes what the catalogue remembers of a product: on all lists, and of what was bought. Needs `EDIT_GROCERIES`.
    async fn update_grocery_product(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and what to change.")] input: UpdateGroceryProductInput,
    ) -> Nullable<UpdateGroceryProductPayload> {
        nullable(async {
            let (household, product) = GlobalId::grocery_product(&input.product_id)?;
            let category = input.category_id.map_value(|id| GlobalId::named_grocery_category(&id));
            let operation = product::Update {
                product,
                name: input.name,
                category: to(&category),
                unit: to(&input.unit.map_value(Unit::from)),
                same_name: same_name(input.merge_if_taken),
                expected_version: input.expected_version,
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            let outcome = outcome.map(GroceryProduct::from);
            Ok(UpdateGroceryProductPayload::new(outcome, input.client_mutation_id))
        })
        .await
    }

    /// Has the catalogue forget a product: it is not found any more, nor suggested, until something is added by its name. What
    /// is on lists, and what was bought, stays; it is a staple no longer. Doing it again changes nothing. Needs
    /// `EDIT_GROCERIES`.
    async fn remove_grocery_product(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which to forget.")] input: RemoveGroceryProductInput,
    ) -> Nullable<RemoveGroceryProductPayload> {
        nullable(async {
            let (household, product) = GlobalId::grocery_product(&input.product_id)?;
            let operation = product::Remove { product };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            let outcome = outcome.map(GroceryProduct::from);
            Ok(RemoveGroceryProductPayload::new(outcome, input.client_mutation_id))
        })
        .await
    }
}
