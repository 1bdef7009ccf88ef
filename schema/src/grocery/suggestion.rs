//! What may be missing on a list.

use super::GroceryProduct;
use super::product::known_product;
use crate::error::{Error, Nullable, Result, nullable_option};
use crate::loaders::SUGGESTION_LIMIT;
use crate::scalar::DateTime;
use crate::scope::ScopeExt as _;
use async_graphql::{ComplexObject, Context, Enum, SimpleObject};
use roomm8_db::grocery::List;
use roomm8_db::grocery::suggestion::{Reason, Suggestion};
use roomm8_db::{GroceryProductId, HouseholdId};

/// Why something may be missing. Expect new values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum GrocerySuggestionReason {
    /// It is bought again and again, and was not for about as long as it mostly takes, or for longer.
    Due,
    /// It is mostly bought together with something that is on the list.
    BoughtWith,
}

/// Something that may be missing on a list.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct GrocerySuggestion {
    /// What it is.
    product: GroceryProduct,
    /// Why it may be.
    reason: GrocerySuggestionReason,
    /// Days between two times it is bought, at the median; null unless it is `DUE`.
    every_days: Option<f64>,
    /// When it was last bought.
    last_bought_at: DateTime,
    #[graphql(skip)]
    with: Option<(HouseholdId, GroceryProductId)>,
}

impl From<Suggestion> for GrocerySuggestion {
    fn from(suggestion: Suggestion) -> Self {
        let household = suggestion.product.household_id;
        let (reason, every_days, with) = match suggestion.reason {
            Reason::Due { every } => (GrocerySuggestionReason::Due, Some(every), None),
            Reason::BoughtWith(other) => {
                (GrocerySuggestionReason::BoughtWith, None, Some((household, other)))
            }
        };
        Self {
            product: suggestion.product.into(),
            reason,
            every_days,
            last_bought_at: DateTime(suggestion.last_bought_at),
            with,
        }
    }
}

#[ComplexObject]
impl GrocerySuggestion {
    /// What on the list it is mostly bought together with; null unless it is `BOUGHT_WITH` that.
    async fn bought_with(&self, ctx: &Context<'_>) -> Nullable<GroceryProduct> {
        nullable_option(async {
            match self.with {
                Some((household, id)) => known_product(ctx, household, id).await.map(Some),
                None => Ok(None),
            }
        })
        .await
    }
}

/// The first so many suggestions for a list.
pub(super) async fn suggestions(
    ctx: &Context<'_>,
    list: &List,
    first: i32,
) -> Result<Vec<GrocerySuggestion>> {
    let limit = usize::try_from(first).ok().filter(|first| (1..=SUGGESTION_LIMIT).contains(first));
    let limit = limit
        .ok_or_else(|| Error::bad_input(format!("`first` is {first}; it must be 1 to {SUGGESTION_LIMIT}")))?;
    let scope = ctx.scope()?;
    scope.member(list.household_id).await?;
    let best = scope.loaders().list_suggestions.load((list.household_id, list.id)).await?.unwrap_or_default();
    Ok(best.iter().take(limit).cloned().map(GrocerySuggestion::from).collect())
}
