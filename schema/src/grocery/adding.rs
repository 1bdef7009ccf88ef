//! Adding to shopping lists: one thing, several lines, or what somebody types.

use super::amount::within_amounts;
use super::item::GroceryItem;
use super::line::GroceryLineInput;
use super::report::{GroceryEffect, GroceryItemBefore, GroceryItemResult, results};
use crate::error::{Nullable, Result, nullable};
use crate::id::GlobalId;
use crate::payload::{Outcome, UserError, UserErrorCode, perform};
use crate::scalar::Cursor;
use crate::scope::ScopeExt as _;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use roomm8_db::grocery::{Add, AddMany, LINE_LIMIT, Line, quick};

/// Something to put on a list.
#[derive(Debug, InputObject)]
pub(crate) struct AddGroceryItemInput {
    /// The list.
    list_id: ID,
    /// What to put on it.
    #[graphql(flatten)]
    line: GroceryLineInput,
    /// Your name for this intent, 1 to 64 visible ASCII characters, for example a UUID. Send again with the same one
    /// when the answer was lost: it is added once, and the repeat gets the first answer.
    client_mutation_id: Option<String>,
}

/// Several things to put on a list: `lines`, or `text`.
#[derive(Debug, InputObject)]
pub(crate) struct AddGroceryItemsInput {
    /// The list.
    list_id: ID,
    /// What to put on it: 1 to 100 lines.
    lines: Option<Vec<GroceryLineInput>>,
    /// What to put on it, as people type it: 1 to 100 lines, with commas, semicolons or line feeds between them. `2x milk, 500 g
    /// flour` is two. See `Household.parseGroceries`.
    text: Option<String>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// What came of `addGroceryItem`.
#[derive(Debug, SimpleObject)]
pub(crate) struct AddGroceryItemPayload {
    /// The item as it is now: a new one, or one that was wanted already and became more.
    item: Option<GroceryItem>,
    /// `CREATED` or `MERGED`; null when nothing changed because of `userErrors`.
    effect: Option<GroceryEffect>,
    /// What the item was before; null unless it was `MERGED`. Offer to undo that, or to add it with `forceSeparate`.
    before: Option<GroceryItemBefore>,
    /// The place of this change in the household's log: the event with this cursor is its echo. Null when
    /// nothing changed because of `userErrors`.
    cursor: Option<Cursor>,
    /// Why nothing changed, as far as a person can mend it; empty on success.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

/// What came of `addGroceryItems`.
#[derive(Debug, SimpleObject)]
pub(crate) struct AddGroceryItemsPayload {
    /// What came of each line, in their order: `CREATED` or `MERGED`. Empty when nothing changed because of `userErrors`.
    results: Vec<GroceryItemResult>,
    /// The place of this change in the household's log: the event with this cursor is its last echo. Null when
    /// nothing changed because of `userErrors`.
    cursor: Option<Cursor>,
    /// Why nothing was added, as far as a person can mend it; empty on success. An error of a line has the line's number, from 0,
    /// in its field: `["lines", "3", "name"]`.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

impl AddGroceryItemsInput {
    /// The lines, and the field they were given in.
    fn lines(&self) -> Result<(Vec<Line>, &'static str), UserError> {
        match (&self.lines, &self.text) {
            (Some(lines), None) => Ok((lines.iter().map(Line::from).collect(), "lines")),
            (None, Some(text)) => {
                let message = format!("has too many lines; {LINE_LIMIT} are allowed at once");
                let too_many = || UserError::new(UserErrorCode::Limit, "text", message);
                let parsed = quick::parse(text, LINE_LIMIT).ok_or_else(too_many)?;
                Ok((parsed.into_iter().map(Line::from).collect(), "text"))
            }
            (None, None) => Err(UserError::new(UserErrorCode::Invalid, "lines", "give `lines` or `text`")),
            (Some(_), Some(_)) => {
                Err(UserError::new(UserErrorCode::Invalid, "text", "give `lines` or `text`, not both"))
            }
        }
    }
}

#[derive(Default)]
pub(crate) struct GroceryAddingMutation;

#[Object]
impl GroceryAddingMutation {
    /// Puts something on a list. Something that is still wanted by its name becomes more (`MERGED`), and is looked for again if
    /// it could not be had; what is bought already is bought, and a new one is wanted. Two who add the same at once add to
    /// one item. At most 500 things are on a list: `LIMIT` beyond that. Needs `EDIT_GROCERIES`.
    async fn add_grocery_item(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What, and on which list.")] input: AddGroceryItemInput,
    ) -> Nullable<AddGroceryItemPayload> {
        nullable(async {
            let (household, list) = GlobalId::grocery_list(&input.list_id)?;
            let operation = Add { list, line: Line::from(&input.line) };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            let Outcome { subject, cursor, user_errors, .. } = within_amounts(outcome);
            let treated = subject.map(|report| report.treated).unwrap_or_default();
            let result = results(ctx, household, treated).await?.pop();
            let (effect, before) =
                result.as_ref().map(|result| (result.effect, result.before.clone())).unzip();
            Ok(AddGroceryItemPayload {
                item: result.and_then(|result| result.item),
                effect,
                before: before.flatten(),
                cursor,
                user_errors,
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }

    /// Puts several things on a list, all of them or none, as `addGroceryItem` does one by one. What is wrong with any of them is
    /// said of all at once. Needs `EDIT_GROCERIES`.
    async fn add_grocery_items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What, and on which list.")] input: AddGroceryItemsInput,
    ) -> Nullable<AddGroceryItemsPayload> {
        nullable(async {
            let (household, list) = GlobalId::grocery_list(&input.list_id)?;
            let (mut outcome, field) = match input.lines() {
                Ok((lines, field)) => {
                    let operation = AddMany { list, lines };
                    let key = input.client_mutation_id.as_deref();
                    (perform(ctx, household, key, &operation).await?, field)
                }
                Err(error) => {
                    // Only members are told what is wrong.
                    ctx.scope()?.member(household).await?;
                    (Outcome::refused(error), "lines")
                }
            };
            for error in &mut outcome.user_errors {
                error.rename("lines", field);
            }
            let treated = outcome.subject.map(|report| report.treated).unwrap_or_default();
            Ok(AddGroceryItemsPayload {
                results: results(ctx, household, treated).await?,
                cursor: outcome.cursor,
                user_errors: outcome.user_errors,
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }
}
