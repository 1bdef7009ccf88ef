//! Queues: what somebody wished while there was no network, applied in its order.

use super::GroceryList;
use super::changes::{GroceryChanges, changes, position};
use super::editing::GroceryItemChangesInput;
use super::item::GroceryItemState;
use super::line::GroceryLineInput;
use super::report::{GroceryItemResult, results};
use crate::error::{Nullable, Result, nullable};
use crate::id::GlobalId;
use crate::payload::{Outcome, UserError, UserErrorCode, perform};
use crate::scalar::{Cursor, DateTime};
use crate::scope::ScopeExt as _;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use roomm8_db::grocery::{Line, Queued, Report, Sync, Target, Wish};
use roomm8_db::{GroceryItemId, HouseholdId};

/// A queue of operations on a list.
#[derive(Debug, InputObject)]
pub(crate) struct SyncGroceryListInput {
    /// The list.
    list_id: ID,
    /// Your name for this device's queue, 1 to 24 visible ASCII characters: make it once, and keep it. What a queue has done
    /// before is not held against the versions that it names later.
    queue_id: String,
    /// The `cursor` of the changes, the household or the event you know: what has changed since then is told, yours included.
    /// Without it, the list as a whole is.
    since: Option<Cursor>,
    /// What to do, in this order: at most 100 operations. Send the rest with the next queue.
    operations: Vec<GroceryOperationInput>,
    /// Your name for this intent, 1 to 64 visible ASCII characters. It is not needed: no operation is done twice.
    client_mutation_id: Option<String>,
}

/// One operation of a queue: exactly one of `add`, `setState`, `update` and `move`.
#[derive(Debug, InputObject)]
pub(crate) struct GroceryOperationInput {
    /// Your name for it, 1 to 36 visible ASCII characters, for example a UUID, given when it was made. It is done once: a repeat
    /// within 7 days, of the same queue, is told what came of it the first time.
    id: String,
    /// Something is to be on the list.
    add: Option<GroceryLineInput>,
    /// Something has become of an item.
    set_state: Option<GroceryStateOperationInput>,
    /// An item is to change.
    update: Option<GroceryUpdateOperationInput>,
    /// An item is to stand elsewhere.
    #[graphql(name = "move")]
    put: Option<GroceryMoveOperationInput>,
}

/// What has become of an item: exactly one of `itemId` and `addedBy` says of which.
#[derive(Debug, InputObject)]
pub(crate) struct GroceryStateOperationInput {
    /// The item of this list.
    item_id: Option<ID>,
    /// The `id` of the operation of this queue that added it, now or earlier.
    added_by: Option<String>,
    /// What has become of it.
    state: GroceryItemState,
    /// Since when, by your clock: what is in the future is now, what is before it was last added is then.
    at: Option<DateTime>,
    /// The version you have seen: if others added more since, it is dropped as `STALE`. With `addedBy` it is what that operation
    /// made, unless said otherwise.
    base_version: Option<i32>,
}

/// A change of an item: exactly one of `itemId` and `addedBy` says of which. Leave out what stays as it is. Null is the same, but for
/// `note`, `assigneeId` and `categoryId`.
#[derive(Debug, InputObject)]
pub(crate) struct GroceryUpdateOperationInput {
    /// The item of this list.
    item_id: Option<ID>,
    /// The `id` of the operation of this queue that added it, now or earlier.
    added_by: Option<String>,
    /// What to change.
    #[graphql(flatten)]
    changes: GroceryItemChangesInput,
}

/// A move of an item: exactly one of `itemId` and `addedBy` says of which.
#[derive(Debug, InputObject)]
pub(crate) struct GroceryMoveOperationInput {
    /// The item of this list.
    item_id: Option<ID>,
    /// The `id` of the operation of this queue that added it, now or earlier.
    added_by: Option<String>,
    /// The item that it is to stand right behind; the front, if neither this nor `afterAddedBy` is given.
    after_id: Option<ID>,
    /// The `id` of the operation that added the item that it is to stand right behind.
    after_added_by: Option<String>,
}

/// What came of `syncGroceryList`.
#[derive(Debug, SimpleObject)]
pub(crate) struct SyncGroceryListPayload {
    /// What came of each operation, in their order; those that cannot be done stop no others. Empty when nothing was done
    /// because of `userErrors`.
    results: Vec<GroceryItemResult>,
    /// The list as it is now. Null when nothing was done because of `userErrors`.
    list: Option<GroceryList>,
    /// What has changed on the list since `since`, read after the operations were done: apply it instead of them. Null when nothing
    /// was done because of `userErrors`.
    changes: Option<GroceryChanges>,
    /// The place of the last of these changes in the household's log. Null when nothing was done because of `userErrors`.
    cursor: Option<Cursor>,
    /// Why nothing was done, as far as it can be mended; empty on success. An error of an operation has its number, from 0, in its
    /// field: `["operations", "3", "add"]`.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

impl GroceryOperationInput {
    fn queued(&self) -> Result<Queued, UserError> {
        let wish = match (&self.add, &self.set_state, &self.update, &self.put) {
            (Some(line), None, None, None) => Wish::Add(Line::from(line)),
            (None, Some(set), None, None) => Wish::SetState {
                item: target("setState", set.item_id.as_ref(), set.added_by.as_ref())?,
                state: set.state.into(),
                at: set.at.map(|DateTime(at)| at),
                base_version: set.base_version,
            },
            (None, None, Some(update), None) => {
                let item = target("update", update.item_id.as_ref(), update.added_by.as_ref())?;
                Wish::Update(item, update.changes.operation(GroceryItemId::from_bytes([0; 16])))
            }
            (None, None, None, Some(put)) => Wish::Move {
                item: target("move", put.item_id.as_ref(), put.added_by.as_ref())?,
                after: match (&put.after_id, &put.after_added_by) {
                    (None, None) => None,
                    (Some(_), Some(_)) => {
                        let message = "give `afterId` or `afterAddedBy`, not both";
                        return Err(UserError::new(UserErrorCode::Invalid, "move.afterAddedBy", message));
                    }
                    (id, wish) => Some(target("move", id.as_ref(), wish.as_ref())?),
                },
            },
            _ => {
                let message = "give exactly one of `add`, `setState`, `update` and `move`";
                return Err(UserError::new(UserErrorCode::Invalid, "", message));
            }
        };
        Ok(Queued { id: self.id.clone(), wish })
    }

    /// What is given in it, as the schema calls it.
    fn kind(&self) -> &'static str {
        match self {
            Self { add: Some(_), .. } => "add",
            Self { set_state: Some(_), .. } => "setState",
            Self { update: Some(_), .. } => "update",
            _ => "move",
        }
    }

    fn names_item_by_wish(&self) -> bool {
        let by_wish = [
            self.set_state.as_ref().and_then(|set| set.added_by.as_ref()),
            self.update.as_ref().and_then(|update| update.added_by.as_ref()),
            self.put.as_ref().and_then(|put| put.added_by.as_ref()),
        ];
        by_wish.iter().any(Option::is_some)
    }

    /// Says of what was wrong with it where that is in the input.
    fn place(&self, number: &str, error: &mut UserError) {
        let named = if self.names_item_by_wish() { "addedBy" } else { "itemId" };
        error.rename("item", named);
        error.rename("itemId", named);
        if self.put.as_ref().is_some_and(|put| put.after_added_by.is_some()) {
            error.rename("afterId", "afterAddedBy");
        }
        error.rename("clientMutationId", "id");
        if error.is_about("listId") {
            return;
        }
        if !error.is_about("id") {
            error.place_under(&[self.kind()]);
        }
        error.place_under(&["operations", number]);
    }
}

/// The item that an operation is about, by exactly one of its names.
fn target(kind: &str, item: Option<&ID>, added_by: Option<&String>) -> Result<Target, UserError> {
    match (item, added_by) {
        (Some(id), None) => Ok(Target::Item(GlobalId::named_grocery_item(id))),
        (None, Some(wish)) => Ok(Target::AddedBy(wish.clone())),
        _ => {
            let message = "give `itemId` or `addedBy`, and not both";
            Err(UserError::new(UserErrorCode::Invalid, &format!("{kind}.itemId"), message))
        }
    }
}

impl SyncGroceryListInput {
    /// The operations, or what is wrong with the form of any of them.
    fn queue(&self) -> Result<Vec<Queued>, Vec<UserError>> {
        let (mut queue, mut errors) = (Vec::new(), Vec::new());
        for (number, operation) in self.operations.iter().enumerate() {
            match operation.queued() {
                Ok(queued) => queue.push(queued),
                Err(mut error) => {
                    error.place_under(&["operations", &number.to_string()]);
                    errors.push(error);
                }
            }
        }
        if errors.is_empty() { Ok(queue) } else { Err(errors) }
    }

    /// What came of each operation, with errors beside their fields.
    async fn results(
        &self,
        ctx: &Context<'_>,
        household: HouseholdId,
        report: Report,
    ) -> Result<Vec<GroceryItemResult>> {
        let mut results = results(ctx, household, report.treated).await?;
        for (number, (result, operation)) in results.iter_mut().zip(&self.operations).enumerate() {
            if let Some(error) = &mut result.error {
                operation.place(&number.to_string(), error);
            }
        }
        Ok(results)
    }
}

#[derive(Default)]
pub(crate) struct GrocerySyncMutation;

#[Object]
impl GrocerySyncMutation {
    /// Applies what was done to a list while there was no network, and tells what has changed there meanwhile. Each operation
    /// stands for itself, and none is done twice: send the whole queue again when the answer was lost. Needs `EDIT_GROCERIES`.
    async fn sync_grocery_list(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which list, and what was done to it.")] input: SyncGroceryListInput,
    ) -> Nullable<SyncGroceryListPayload> {
        // In a box: it is larger than most.
        nullable(Box::pin(async {
            let (household, list) = GlobalId::grocery_list(&input.list_id)?;
            position(input.since)?;
            let outcome = match input.queue() {
                Ok(queue) => {
                    let operation = Sync { list, queue_id: input.queue_id.clone(), queue };
                    perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?
                }
                Err(errors) => {
                    // Only members are told what is wrong.
                    ctx.scope()?.member(household).await?;
                    Outcome::refused_for(errors)
                }
            };
            let mut payload = SyncGroceryListPayload {
                results: Vec::new(),
                list: None,
                changes: None,
                cursor: outcome.cursor,
                user_errors: outcome.user_errors,
                client_mutation_id: input.client_mutation_id.clone(),
            };
            if let Some(report) = outcome.subject {
                payload.results = input.results(ctx, household, report).await?;
                let list = super::find(ctx, household, list).await?;
                payload.changes = Some(changes(ctx, &list.row, input.since).await?);
                payload.list = Some(list);
            }
            Ok(payload)
        }))
        .await
    }
}
