//! Making shopping lists, changing them, putting them away and bringing them back.

use super::GroceryList;
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::{perform, to};
use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use roomm8_db::grocery::list::{Archive, Create, Restore, Update};

/// A shopping list to make.
#[derive(Debug, InputObject)]
pub(crate) struct CreateGroceryListInput {
    /// The household.
    household_id: ID,
    /// What to call it: one line of 1 to 100 characters; spaces around it are cut.
    name: String,
    /// The store in whose order it is shown; the household's order, unless said otherwise.
    store_id: Option<ID>,
    /// Who is to go shopping: a current member, no guest. Nobody in particular, unless said otherwise.
    assignee_id: Option<ID>,
    /// Whether it is urgent.
    #[graphql(default = false)]
    is_urgent: bool,
    /// Your name for this intent, 1 to 64 visible ASCII characters, for example a UUID. Send again with the same one
    /// when the answer was lost: one list is made, and the repeat gets it again.
    client_mutation_id: Option<String>,
}

/// What to change of a shopping list; leave out what stays as it is. Null is the same, but for `storeId` and `assigneeId`.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateGroceryListInput {
    /// The list.
    list_id: ID,
    /// What to call it: one line of 1 to 100 characters; spaces around it are cut.
    name: Option<String>,
    /// The store in whose order it is shown. Null for the household's order.
    store_id: MaybeUndefined<ID>,
    /// Who is to go shopping: a current member, no guest. Null for nobody in particular.
    assignee_id: MaybeUndefined<ID>,
    /// Whether it is urgent.
    is_urgent: Option<bool>,
    /// The version you have seen: if any of what you change was changed since, the answer is `CONFLICT` with the list as it is
    /// now.
    expected_version: Option<i32>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A shopping list to put away.
#[derive(Debug, InputObject)]
pub(crate) struct ArchiveGroceryListInput {
    /// The list.
    list_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A shopping list to bring back.
#[derive(Debug, InputObject)]
pub(crate) struct RestoreGroceryListInput {
    /// The list.
    list_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `createGroceryList`.
    CreateGroceryListPayload {
        /// The new list.
        list: GroceryList
    }
}

payload! {
    /// What came of `updateGroceryList`.
    UpdateGroceryListPayload {
        /// The list as it is now, with `CONFLICT` too.
        list: GroceryList
    }
}

payload! {
    /// What came of `archiveGroceryList`.
    ArchiveGroceryListPayload {
        /// The list as it is now.
        list: GroceryList
    }
}

payload! {
    /// What came of `restoreGroceryList`.
    RestoreGroceryListPayload {
        /// The list as it is now.
        list: GroceryList
    }
}

#[derive(Default)]
pub(crate) struct GroceryListMutation;

#[Object]
impl GroceryListMutation {
    /// Makes a shopping list. At most 100 of a household are in use: `LIMIT` beyond that. Needs `EDIT_GROCERIES`.
    async fn create_grocery_list(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: CreateGroceryListInput,
    ) -> Nullable<CreateGroceryListPayload> {
        nullable(async {
            let household = GlobalId::household(&input.household_id)?;
            let operation = Create {
                name: input.name,
                store: input.store_id.as_ref().map(GlobalId::named_grocery_store),
                assignee: input.assignee_id.as_ref().map(GlobalId::named_member),
                is_urgent: input.is_urgent,
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(CreateGroceryListPayload::new(outcome.map(GroceryList::from), input.client_mutation_id))
        })
        .await
    }

    /// Changes a shopping list, not what is on it. What equals its present value changes nothing. Refused with `GONE` while it
    /// is put away. Needs `EDIT_GROCERIES`.
    async fn update_grocery_list(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and what to change.")] input: UpdateGroceryListInput,
    ) -> Nullable<UpdateGroceryListPayload> {
        nullable(async {
            let (household, list) = GlobalId::grocery_list(&input.list_id)?;
            let operation = Update {
                list,
                name: input.name,
                store: to(&input.store_id.map_value(|id| GlobalId::named_grocery_store(&id))),
                assignee: to(&input.assignee_id.map_value(|id| GlobalId::named_member(&id))),
                is_urgent: input.is_urgent,
                expected_version: input.expected_version,
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(UpdateGroceryListPayload::new(outcome.map(GroceryList::from), input.client_mutation_id))
        })
        .await
    }

    /// Puts a shopping list away, with what is on it. Doing it again changes nothing. Needs `EDIT_GROCERIES`.
    async fn archive_grocery_list(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which to put away.")] input: ArchiveGroceryListInput,
    ) -> Nullable<ArchiveGroceryListPayload> {
        nullable(async {
            let (household, list) = GlobalId::grocery_list(&input.list_id)?;
            let operation = Archive { list };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(ArchiveGroceryListPayload::new(outcome.map(GroceryList::from), input.client_mutation_id))
        })
        .await
    }

    /// Brings a shopping list back that was put away, with what was on it. Doing it again changes nothing. Refused with `LIMIT`
    /// while 100 lists are in use. Needs `EDIT_GROCERIES`.
    async fn restore_grocery_list(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which to bring back.")] input: RestoreGroceryListInput,
    ) -> Nullable<RestoreGroceryListPayload> {
        nullable(async {
            let (household, list) = GlobalId::grocery_list(&input.list_id)?;
            let operation = Restore { list };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(RestoreGroceryListPayload::new(outcome.map(GroceryList::from), input.client_mutation_id))
        })
        .await
    }
}
