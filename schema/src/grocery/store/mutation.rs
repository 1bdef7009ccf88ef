//! Making stores, naming and removing them, and saying where things stand in them.

use super::GroceryStore;
use crate::error::{Nullable, nullable};
use crate::grocery::category::behind;
use crate::id::GlobalId;
use crate::payload::perform;
use async_graphql::{Context, ID, InputObject, Object};
use roomm8_db::grocery::store;

/// A store to make.
#[derive(Debug, InputObject)]
pub(crate) struct CreateGroceryStoreInput {
    /// The household.
    household_id: ID,
    /// What to call it: one line of 1 to 100 characters; spaces around it are cut.
    name: String,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A store to rename.
#[derive(Debug, InputObject)]
pub(crate) struct RenameGroceryStoreInput {
    /// The store.
    store_id: ID,
    /// What to call it: one line of 1 to 100 characters; spaces around it are cut.
    name: String,
    /// The version you have seen: if it was renamed since, the answer is `CONFLICT` with the store as it is now.
    expected_version: Option<i32>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A store to remove.
#[derive(Debug, InputObject)]
pub(crate) struct RemoveGroceryStoreInput {
    /// The store.
    store_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A category to move in a store.
#[derive(Debug, InputObject)]
#[expect(clippy::struct_field_names, reason = "they are all ids")]
pub(crate) struct MoveGrocerySectionInput {
    /// The store.
    store_id: ID,
    /// The category.
    category_id: ID,
    /// The category it is to stand behind; the front, unless said otherwise.
    after_id: Option<ID>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// An order of categories for a store.
#[derive(Debug, InputObject)]
pub(crate) struct OrderGrocerySectionsInput {
    /// The store.
    store_id: ID,
    /// The categories in their order, each once; those that are not named follow, in the household's order.
    category_ids: Vec<ID>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// Whether a store has a category.
#[derive(Debug, InputObject)]
pub(crate) struct HideGrocerySectionInput {
    /// The store.
    store_id: ID,
    /// The category.
    category_id: ID,
    /// Whether the store does not have it.
    is_hidden: bool,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// Where something stands in a store.
#[derive(Debug, InputObject)]
#[expect(clippy::struct_field_names, reason = "they are all ids")]
pub(crate) struct SetGroceryHomeInput {
    /// The store.
    store_id: ID,
    /// The product.
    product_id: ID,
    /// The category it stands in there; where the catalogue says, unless said otherwise.
    category_id: Option<ID>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `createGroceryStore`.
    CreateGroceryStorePayload {
        /// The new store; that which has the name, with `NAME_TAKEN`.
        store: GroceryStore
    }
}

payload! {
    /// What came of `renameGroceryStore`.
    RenameGroceryStorePayload {
        /// The store as it is now, with `CONFLICT` too; that which has the name, with `NAME_TAKEN`.
        store: GroceryStore
    }
}

payload! {
    /// What came of `removeGroceryStore`.
    RemoveGroceryStorePayload {
        /// The store as it was last.
        store: GroceryStore
    }
}

payload! {
    /// What came of `moveGrocerySection`.
    MoveGrocerySectionPayload {
        /// The store as it is now.
        store: GroceryStore
    }
}

payload! {
    /// What came of `orderGrocerySections`.
    OrderGrocerySectionsPayload {
        /// The store as it is now.
        store: GroceryStore
    }
}

payload! {
    /// What came of `hideGrocerySection`.
    HideGrocerySectionPayload {
        /// The store as it is now.
        store: GroceryStore
    }
}

payload! {
    /// What came of `setGroceryHome`.
    SetGroceryHomePayload {
        /// The store as it is now.
        store: GroceryStore
    }
}

#[derive(Default)]
pub(crate) struct GroceryStoreMutation;

#[Object]
impl GroceryStoreMutation {
    /// Makes a store, in the household's order of categories. At most 50: `LIMIT` beyond that. Needs `EDIT_GROCERIES`.
    async fn create_grocery_store(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: CreateGroceryStoreInput,
    ) -> Nullable<CreateGroceryStorePayload> {
        nullable(async {
            let household = GlobalId::household(&input.household_id)?;
            let operation = store::Create { name: input.name };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(CreateGroceryStorePayload::new(outcome.map(GroceryStore::from), input.client_mutation_id))
        })
        .await
    }

    /// Changes the name of a store. Needs `EDIT_GROCERIES`.
    async fn rename_grocery_store(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and its name.")] input: RenameGroceryStoreInput,
    ) -> Nullable<RenameGroceryStorePayload> {
        nullable(async {
            let (household, store) = GlobalId::grocery_store(&input.store_id)?;
            let operation =
                store::Rename { store, name: input.name, expected_version: input.expected_version };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(RenameGroceryStorePayload::new(outcome.map(GroceryStore::from), input.client_mutation_id))
        })
        .await
    }

    /// Removes a store: lists that were in its order are in none from now on, and trips to it stay. Doing it again changes
    /// nothing. Needs `EDIT_GROCERIES`.
    async fn remove_grocery_store(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which to remove.")] input: RemoveGroceryStoreInput,
    ) -> Nullable<RemoveGroceryStorePayload> {
        nullable(async {
            let (household, store) = GlobalId::grocery_store(&input.store_id)?;
            let operation = store::Remove { store };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(RemoveGroceryStorePayload::new(outcome.map(GroceryStore::from), input.client_mutation_id))
        })
        .await
    }

    /// Moves a category in a store, and no other: of two who move two categories at once both have their way. It has a place of
    /// its own there from then on, and so have those before it. Needs
    /// `EDIT_GROCERIES`.
    async fn move_grocery_section(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and where to.")] input: MoveGrocerySectionInput,
    ) -> Nullable<MoveGrocerySectionPayload> {
        nullable(async {
            let (household, store) = GlobalId::grocery_store(&input.store_id)?;
            let category = GlobalId::named_grocery_category(&input.category_id);
            let operation = store::MoveSection { store, category, after: behind(input.after_id.as_ref()) };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(MoveGrocerySectionPayload::new(outcome.map(GroceryStore::from), input.client_mutation_id))
        })
        .await
    }

    /// Takes over an order of categories as a whole, such as the store's `learnedOrder`. Needs `EDIT_GROCERIES`.
    async fn order_grocery_sections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In which store, and the order.")] input: OrderGrocerySectionsInput,
    ) -> Nullable<OrderGrocerySectionsPayload> {
        nullable(async {
            let (household, store) = GlobalId::grocery_store(&input.store_id)?;
            let categories = input.category_ids.iter().map(GlobalId::named_grocery_category).collect();
            let operation = store::OrderSections { store, categories };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(OrderGrocerySectionsPayload::new(outcome.map(GroceryStore::from), input.client_mutation_id))
        })
        .await
    }

    /// Says whether a store has a category. What is of one that it does not have is left out of lists in its order, unless
    /// they are asked for with `includeHidden`. Needs `EDIT_GROCERIES`.
    async fn hide_grocery_section(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and whether it is hidden.")] input: HideGrocerySectionInput,
    ) -> Nullable<HideGrocerySectionPayload> {
        nullable(async {
            let (household, store) = GlobalId::grocery_store(&input.store_id)?;
            let category = GlobalId::named_grocery_category(&input.category_id);
            let operation = store::HideSection { store, category, is_hidden: input.is_hidden };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(HideGrocerySectionPayload::new(outcome.map(GroceryStore::from), input.client_mutation_id))
        })
        .await
    }

    /// Says in which category something stands in a store, if that is not where the catalogue says. At most 500 things stand
    /// elsewhere in a store: `LIMIT` beyond that. Needs `EDIT_GROCERIES`.
    async fn set_grocery_home(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What, and where it stands.")] input: SetGroceryHomeInput,
    ) -> Nullable<SetGroceryHomePayload> {
        nullable(async {
            let (household, store) = GlobalId::grocery_store(&input.store_id)?;
            let product = GlobalId::named_grocery_product(&input.product_id);
            let category = input.category_id.as_ref().map(GlobalId::named_grocery_category);
            let operation = store::SetHome { store, product, category };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(SetGroceryHomePayload::new(outcome.map(GroceryStore::from), input.client_mutation_id))
        })
        .await
    }
}
