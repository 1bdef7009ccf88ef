//! What has changed on a list: what a phone without network missed.

use super::item::GroceryItem;
use super::page;
use crate::error::{Error, Result};
use crate::id::GlobalId;
use crate::scalar::Cursor;
use crate::scope::ScopeExt as _;
use async_graphql::{Context, ID, SimpleObject};
use roomm8_db::event::Position;
use roomm8_db::grocery::List;

/// What has changed on a list.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct GroceryChanges {
    /// Give it as `since` the next time. What is told is at least as new as this.
    cursor: Cursor,
    /// What is on the list and has changed, at most 1,000 things; all that is on it, if `isWhole`. In no order of use: go by
    /// the items' categories and `rank`.
    items: Vec<GroceryItem>,
    /// What is no longer on the list: take it off yours. Nothing if `isWhole`.
    removed_item_ids: Vec<ID>,
    /// Whether `items` is all that is on the list: whatever else you have on it is gone.
    is_whole: bool,
}

/// The place in the log that changes are wanted since.
pub(super) fn position(since: Option<Cursor>) -> Result<Option<Position>> {
    match since {
        None => Ok(None),
        Some(Cursor::Log(position)) => Ok(Some(position)),
        Some(Cursor::Item(_) | Cursor::Timed(..)) => {
            Err(Error::bad_input("`since` must be the cursor of changes, a household or an event"))
        }
    }
}

/// What has changed on a list since a cursor.
pub(super) async fn changes(ctx: &Context<'_>, list: &List, since: Option<Cursor>) -> Result<GroceryChanges> {
    let since = position(since)?;
    let scope = ctx.scope()?;
    scope.member(list.household_id).await?;
    let loaders = scope.loaders();
    let key = (list.household_id, list.id, since);
    let found = loaders.list_changes.load(key).await?.ok_or_else(Error::not_found)?;
    let removed = |id: &_| GlobalId::GroceryItem(list.household_id, *id).to_id();
    Ok(GroceryChanges {
        cursor: Cursor::Log(found.position),
        items: page::told(&loaders, found.items.clone()).await,
        removed_item_ids: found.gone.iter().map(removed).collect(),
        is_whole: found.is_whole,
    })
}
