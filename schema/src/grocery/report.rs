//! What came of wishes about a list, one by one.

use super::amount::GroceryAmount;
use super::item::{GroceryItem, GroceryItemState};
use crate::error::{Nullable, Result};
use crate::member::{Member, perhaps};
use crate::payload::UserError;
use crate::scope::ScopeExt as _;
use async_graphql::{ComplexObject, Context, Enum, SimpleObject};
use futures_util::future;
use roomm8_db::grocery::{Before, Effect, Rejection, Treated};
use roomm8_db::{HouseholdId, MemberId};

/// What came of a wish about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum GroceryEffect {
    /// It is new on the list.
    Created,
    /// It was added to what was wanted already: `before` says what that was.
    Merged,
    /// It was done.
    Changed,
    /// It was so already.
    Unchanged,
    /// It was dropped: more was added since the version by which it was wished. Look at the item.
    Stale,
    /// It was dropped: the same fields have changed since the version by which it was wished. Look at the item.
    Conflict,
    /// It cannot be done: `error` says why.
    Rejected,
}

/// An item before something was added to it: give these to `updateGroceryItem` to undo that.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct GroceryItemBefore {
    /// Its version then.
    version: i32,
    /// How much was wanted.
    amounts: Vec<GroceryAmount>,
    /// What else there was to know; null if nothing.
    note: Option<String>,
    /// Whether it was urgent.
    is_urgent: bool,
    /// What had become of it.
    state: GroceryItemState,
    #[graphql(skip)]
    assignee: Option<MemberId>,
}

impl From<Before> for GroceryItemBefore {
    fn from(before: Before) -> Self {
        Self {
            version: before.version,
            amounts: before.amounts.into_iter().map(GroceryAmount::from).collect(),
            note: before.note,
            is_urgent: before.is_urgent,
            state: before.state.into(),
            assignee: before.assignee,
        }
    }
}

#[ComplexObject]
impl GroceryItemBefore {
    /// Who was to buy it; null if nobody in particular was.
    async fn assignee(&self, ctx: &Context<'_>) -> Nullable<Member> {
        perhaps(ctx, self.assignee).await
    }
}

/// What came of one line or operation.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct GroceryItemResult {
    /// What came of it.
    pub(super) effect: GroceryEffect,
    /// The item it was about, as it is now, or that has the name it was to have; null if there is none.
    pub(super) item: Option<GroceryItem>,
    /// What the item was before; null unless it was `MERGED`.
    pub(super) before: Option<GroceryItemBefore>,
    /// Why it cannot be done; null unless it was `REJECTED`.
    pub(super) error: Option<UserError>,
}

impl From<Rejection> for UserError {
    fn from(rejection: Rejection) -> Self {
        let mut error = Self::new(rejection.code.into(), &rejection.field, rejection.message);
        error.nest("amounts", &["quantity"]);
        error
    }
}

/// What came of each of these wishes, in their order.
pub(super) async fn results(
    ctx: &Context<'_>,
    household: HouseholdId,
    treated: Vec<Treated>,
) -> Result<Vec<GroceryItemResult>> {
    // All at once, so that their items are loaded in one go.
    future::try_join_all(treated.into_iter().map(|treated| result(ctx, household, treated))).await
}

async fn result(ctx: &Context<'_>, household: HouseholdId, treated: Treated) -> Result<GroceryItemResult> {
    let item = match treated.item {
        Some(id) => ctx.scope()?.loaders().grocery_items.load((household, id)).await?,
        None => None,
    };
    let (effect, before, error) = match treated.effect {
        Effect::Created => (GroceryEffect::Created, None, None),
        Effect::Merged(before) => (GroceryEffect::Merged, Some(before.into()), None),
        Effect::Changed => (GroceryEffect::Changed, None, None),
        Effect::Unchanged => (GroceryEffect::Unchanged, None, None),
        Effect::Stale => (GroceryEffect::Stale, None, None),
        Effect::Conflict => (GroceryEffect::Conflict, None, None),
        Effect::Rejected(rejection) => (GroceryEffect::Rejected, None, Some(rejection.into())),
    };
    Ok(GroceryItemResult { effect, item: item.map(GroceryItem::from), before, error })
}
