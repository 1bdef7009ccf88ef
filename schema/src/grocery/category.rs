//! Categories: the kinds of things there are, in the household's order.

use crate::error::{Error, Nullable, Result, nullable};
use crate::id::GlobalId;
use crate::payload::perform;
use crate::scalar::DateTime;
use crate::scope::ScopeExt as _;
use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use roomm8_db::grocery::category::{self, Behind};
use roomm8_db::{GroceryCategoryId, HouseholdId};

/// A kind of groceries, such as vegetables, in all stores. No two of a household have one name.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct GroceryCategory {
    /// Its global id.
    pub(crate) id: ID,
    /// What it is called: one line of 1 to 100 characters of plain text.
    name: String,
    /// When it was made.
    created_at: DateTime,
    /// When it was removed; null while it is in use.
    removed_at: Option<DateTime>,
    /// Counts its changes, from 1: pass it as `expectedVersion` when you change it.
    version: i32,
}

impl From<category::Category> for GroceryCategory {
    fn from(row: category::Category) -> Self {
        Self {
            id: GlobalId::GroceryCategory(row.household_id, row.id).to_id(),
            name: row.name,
            created_at: DateTime(row.created_at),
            removed_at: row.removed_at.map(DateTime),
            version: row.version,
        }
    }
}

/// A category that is named by something the asker may see.
pub(crate) async fn known_category(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: GroceryCategoryId,
) -> Result<GroceryCategory> {
    let found = ctx.scope()?.loaders().grocery_categories.load((household, id)).await?;
    found.map(GroceryCategory::from).ok_or_else(Error::not_found)
}

/// The category with this id, if the viewer is a member of its household.
pub(crate) async fn find_category(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: GroceryCategoryId,
) -> Result<GroceryCategory> {
    ctx.scope()?.member(household).await?;
    known_category(ctx, household, id).await
}

/// All categories of a household, in its order.
pub(crate) async fn categories(ctx: &Context<'_>, household: HouseholdId) -> Result<Vec<GroceryCategory>> {
    let scope = ctx.scope()?;
    let reader = scope.reader(household).await?;
    let rows = category::all(&mut *scope.connection().await?, &reader).await?;
    Ok(rows.into_iter().map(GroceryCategory::from).collect())
}

/// A category to make.
#[derive(Debug, InputObject)]
pub(crate) struct CreateGroceryCategoryInput {
    /// The household.
    household_id: ID,
    /// What to call it: one line of 1 to 100 characters; spaces around it are cut.
    name: String,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// What to change of a category; leave out what stays as it is.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateGroceryCategoryInput {
    /// The category.
    category_id: ID,
    /// What to call it: one line of 1 to 100 characters; spaces around it are cut.
    name: Option<String>,
    /// The category it is to stand behind in the household's order. Null for the front.
    after_id: MaybeUndefined<ID>,
    /// The version you have seen: if any of what you change was changed since, the answer is `CONFLICT` with the category as
    /// it is now.
    expected_version: Option<i32>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A category to remove.
#[derive(Debug, InputObject)]
pub(crate) struct RemoveGroceryCategoryInput {
    /// The category.
    category_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `createGroceryCategory`.
    CreateGroceryCategoryPayload {
        /// The new category; that which has the name, with `NAME_TAKEN`.
        category: GroceryCategory
    }
}

payload! {
    /// What came of `updateGroceryCategory`.
    UpdateGroceryCategoryPayload {
        /// The category as it is now, with `CONFLICT` too; that which has the name, with `NAME_TAKEN`.
        category: GroceryCategory
    }
}

payload! {
    /// What came of `removeGroceryCategory`.
    RemoveGroceryCategoryPayload {
        /// The category as it was last.
        category: GroceryCategory
    }
}

/// Behind which category one is put; the front, if none is named.
pub(super) fn behind(after: Option<&ID>) -> Behind {
    after.map_or(Behind::Nothing, |id| Behind::Category(GlobalId::named_grocery_category(id)))
}

#[derive(Default)]
pub(crate) struct GroceryCategoryMutation;

#[Object]
impl GroceryCategoryMutation {
    /// Makes a category, behind the others. At most 100: `LIMIT` beyond that. Needs `EDIT_GROCERIES`.
    async fn create_grocery_category(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: CreateGroceryCategoryInput,
    ) -> Nullable<CreateGroceryCategoryPayload> {
        nullable(async {
            let household = GlobalId::household(&input.household_id)?;
            let operation = category::Create { name: input.name };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            let outcome = outcome.map(GroceryCategory::from);
            Ok(CreateGroceryCategoryPayload::new(outcome, input.client_mutation_id))
        })
        .await
    }

    /// Changes the name of a category, or its place in the household's order. Needs `EDIT_GROCERIES`.
    async fn update_grocery_category(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and what to change.")] input: UpdateGroceryCategoryInput,
    ) -> Nullable<UpdateGroceryCategoryPayload> {
        nullable(async {
            let (household, category) = GlobalId::grocery_category(&input.category_id)?;
            let after = match &input.after_id {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(behind(None)),
                MaybeUndefined::Value(id) => Some(behind(Some(id))),
            };
            let operation = category::Update {
                category,
                name: input.name,
                after,
                expected_version: input.expected_version,
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            let outcome = outcome.map(GroceryCategory::from);
            Ok(UpdateGroceryCategoryPayload::new(outcome, input.client_mutation_id))
        })
        .await
    }

    /// Removes a category: what is of it has none from now on. Doing it again changes nothing. Needs `EDIT_GROCERIES`.
    async fn remove_grocery_category(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which to remove.")] input: RemoveGroceryCategoryInput,
    ) -> Nullable<RemoveGroceryCategoryPayload> {
        nullable(async {
            let (household, category) = GlobalId::grocery_category(&input.category_id)?;
            let operation = category::Remove { category };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            let outcome = outcome.map(GroceryCategory::from);
            Ok(RemoveGroceryCategoryPayload::new(outcome, input.client_mutation_id))
        })
        .await
    }
}
