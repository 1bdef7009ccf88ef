//! Ticking what is on a list, changing it, and moving it.

use super::amount::{GroceryAmountInput, given, within_amounts};
use super::item::{GroceryItem, GroceryItemState, known_item};
use super::product::same_name;
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::{Outcome, UserError, UserErrorCode, perform, to};
use crate::scalar::{Cursor, DateTime};
use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use roomm8_db::GroceryItemId;
use roomm8_db::grocery::{Effect, Move, SetState, Update};

/// What has become of an item.
#[derive(Debug, InputObject)]
pub(crate) struct SetGroceryItemStateInput {
    /// The item.
    item_id: ID,
    /// What has become of it.
    state: GroceryItemState,
    /// Since when: what is in the future is now, what is before it was last added is then. Now, unless said otherwise.
    at: Option<DateTime>,
    /// The version you have seen: if more was added since, nothing changes, and the answer is `STALE` with the item as it is
    /// wanted now. Without it, the state is set whatever was added.
    base_version: Option<i32>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// What to change of an item; leave out what stays as it is. Null is the same, but for `note`, `assigneeId` and `categoryId`.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct GroceryItemChangesInput {
    /// What it is: one line of 1 to 100 characters; spaces around it are cut. Another spelling is remembered for all of that
    /// name; another name makes it another thing.
    name: Option<String>,
    /// How much of it: at most 16 amounts; none if that is not said.
    amounts: Option<Vec<GroceryAmountInput>>,
    /// What else there is to know: 1 to 500 characters of plain text. Null for nothing.
    note: MaybeUndefined<String>,
    /// Whether it is urgent.
    is_urgent: Option<bool>,
    /// Who is to buy it: a current member, no guest. Null for nobody in particular.
    assignee_id: MaybeUndefined<ID>,
    /// The category it stands in, on all lists; the catalogue remembers. Null for none.
    category_id: MaybeUndefined<ID>,
    /// Whether the two become one if what has the name is wanted on the list as well: that which has it. Otherwise the answer
    /// is `NAME_TAKEN` with that item.
    #[graphql(default = false)]
    merge_if_taken: bool,
    /// The version you have seen: if any of what you change was changed since, the answer is `CONFLICT` with the item as it is
    /// now. Other changes, ticks among them, stand beside yours. It does not guard the category, nor another spelling of the same
    /// name: those are the catalogue's, and `updateGroceryProduct` guards them.
    expected_version: Option<i32>,
}

impl GroceryItemChangesInput {
    pub(super) fn operation(&self, item: GroceryItemId) -> Update {
        let assignee = self.assignee_id.clone().map_value(|id| GlobalId::named_member(&id));
        let category = self.category_id.clone().map_value(|id| GlobalId::named_grocery_category(&id));
        Update {
            item,
            name: self.name.clone(),
            amounts: self.amounts.as_deref().map(given),
            note: to(&self.note),
            is_urgent: self.is_urgent,
            assignee: to(&assignee),
            category: to(&category),
            same_name: same_name(self.merge_if_taken),
            expected_version: self.expected_version,
        }
    }
}

/// What to change of an item; leave out what stays as it is. Null is the same, but for `note`, `assigneeId` and `categoryId`.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateGroceryItemInput {
    /// The item; one that is on its list.
    item_id: ID,
    /// What to change.
    #[graphql(flatten)]
    changes: GroceryItemChangesInput,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// An item to move.
#[derive(Debug, InputObject)]
#[expect(clippy::struct_field_names, reason = "they are all ids")]
pub(crate) struct MoveGroceryItemInput {
    /// The item; one that is on its list.
    item_id: ID,
    /// The item of the same list that it is to stand right behind; the front, unless said otherwise.
    after_id: Option<ID>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// What came of `setGroceryItemState`.
#[derive(Debug, SimpleObject)]
pub(crate) struct SetGroceryItemStatePayload {
    /// The item as it is now, with `STALE` too.
    item: Option<GroceryItem>,
    /// Whether this changed it. Of several who say the same the first stands, and is in `stateBy`; for the others it was so
    /// already.
    changed: bool,
    /// The place of this change in the household's log: the event with this cursor is its echo. Null when
    /// nothing changed because of `userErrors`.
    cursor: Option<Cursor>,
    /// Why nothing changed, as far as a person can mend it; empty on success.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `updateGroceryItem`.
    UpdateGroceryItemPayload {
        /// The item as it is now, with `CONFLICT` too; that which has the name, with `NAME_TAKEN` and where the two became one.
        item: GroceryItem
    }
}

payload! {
    /// What came of `moveGroceryItem`.
    MoveGroceryItemPayload {
        /// The item as it is now.
        item: GroceryItem
    }
}

#[derive(Default)]
pub(crate) struct GroceryItemMutation;

#[Object]
impl GroceryItemMutation {
    /// Says what has become of something on a list: it is set, and not turned round, so that two who say the same agree. Of
    /// several who say different things the last stands. What is `REMOVED` is off the list, and back with any other state. Needs
    /// `EDIT_GROCERIES`.
    async fn set_grocery_item_state(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and what has become of it.")] input: SetGroceryItemStateInput,
    ) -> Nullable<SetGroceryItemStatePayload> {
        nullable(async {
            let (household, item) = GlobalId::grocery_item(&input.item_id)?;
            let operation = SetState {
                item,
                state: input.state.into(),
                at: input.at.map(|DateTime(at)| at),
                base_version: input.base_version,
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            let Outcome { subject, cursor, mut user_errors, .. } = outcome;
            let effect = subject.and_then(|report| report.treated.into_iter().next()).map(|one| one.effect);
            let is_stale = effect == Some(Effect::Stale);
            if is_stale {
                let message = "more of it was added since: look at what is wanted now";
                user_errors.push(UserError::new(UserErrorCode::Stale, "baseVersion", message));
            }
            Ok(SetGroceryItemStatePayload {
                item: match &effect {
                    Some(_) => Some(known_item(ctx, household, item).await?),
                    None => None,
                },
                changed: effect == Some(Effect::Changed),
                cursor: cursor.filter(|_| !is_stale),
                user_errors,
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }

    /// Changes something on a list: how much of it, its note, who buys it, or what it is at all. What equals its present value
    /// changes nothing. Refused with `GONE` once it is no longer on its list. Needs `EDIT_GROCERIES`.
    async fn update_grocery_item(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and what to change.")] input: UpdateGroceryItemInput,
    ) -> Nullable<UpdateGroceryItemPayload> {
        nullable(async {
            let (household, item) = GlobalId::grocery_item(&input.item_id)?;
            let operation = input.changes.operation(item);
            let id = input.client_mutation_id.as_deref();
            // In a box: it is the larger part of the future.
            let outcome = Box::pin(perform(ctx, household, id, &operation)).await?;
            let outcome = within_amounts(outcome).map(GroceryItem::from);
            Ok(UpdateGroceryItemPayload::new(outcome, input.client_mutation_id))
        })
        .await
    }

    /// Moves something to another place among those of its category, and nothing else: of two who move two things at once both
    /// have their way. Needs `EDIT_GROCERIES`.
    async fn move_grocery_item(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and where to.")] input: MoveGroceryItemInput,
    ) -> Nullable<MoveGroceryItemPayload> {
        nullable(async {
            let (household, item) = GlobalId::grocery_item(&input.item_id)?;
            let operation = Move { item, after: input.after_id.as_ref().map(GlobalId::named_grocery_item) };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(MoveGroceryItemPayload::new(outcome.map(GroceryItem::from), input.client_mutation_id))
        })
        .await
    }
}
