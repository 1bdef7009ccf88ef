//! What has changed on a list since a place in the household's log: what a phone missed.

use super::Product;
use super::item::{self, Item};
use crate::access::Member;
use crate::among::among;
use crate::event::Position;
use crate::tables::{grocery_items, grocery_products};
use crate::{Connection, GroceryItemId, GroceryListId, Result};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::HashMap;

/// More changes than this are told as the list as a whole.
const CHANGE_LIMIT: i64 = 1000;

/// What has changed on a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Where the log stood at least when this was read.
    pub position: Position,
    /// Whether this is all that is on the list: whatever else was known to be on it is not.
    pub is_whole: bool,
    /// What is on the list and has changed, each with what it is.
    pub items: Vec<(Item, Product)>,
    /// What is no longer on it.
    pub gone: Vec<GroceryItemId>,
}

/// What has changed on lists of the member's household since a position; a whole list without one, with one that the log
/// cannot serve (it is of before a restored backup, or not yet reached), and where too much has changed. A list on which
/// nothing has changed is told as well.
pub async fn since(
    conn: &mut Connection,
    member: &Member,
    lists: &[GroceryListId],
    since: Option<Position>,
) -> Result<HashMap<GroceryListId, Changes>> {
    let position = member.head();
    let since = since.filter(|since| crate::event::check(*since, position).is_ok());
    let (whole, partly): (Vec<_>, Vec<_>) = match since {
        None => (lists.to_vec(), Vec::new()),
        Some(since) => {
            let query = grocery_items::table
                .filter(among(grocery_items::list_id, lists))
                .filter(grocery_items::changed_seq.gt(since.seq))
                .group_by(grocery_items::list_id)
                .select((grocery_items::list_id, count_star()));
            let counts: Vec<(GroceryListId, i64)> = run!(conn, |c| query.load(c).await)?;
            let counts: HashMap<_, _> = counts.into_iter().collect();
            lists.iter().partition(|list| counts.get(list).is_some_and(|count| *count > CHANGE_LIMIT))
        }
    };
    let nothing = |is_whole| Changes { position, is_whole, items: Vec::new(), gone: Vec::new() };
    let mut found: HashMap<_, _> = whole.iter().map(|list| (*list, nothing(true))).collect();
    found.extend(partly.iter().map(|list| (*list, nothing(false))));
    let mut rows = Vec::new();
    if !whole.is_empty() {
        rows.extend(item::listed(conn, &whole).await?);
    }
    if let Some(since) = since {
        rows.extend(changed(conn, &partly, since.seq).await?);
    }
    for (item, product) in rows {
        let Some(changes) = found.get_mut(&item.list_id) else { continue };
        if item.is_listed { changes.items.push((item, product)) } else { changes.gone.push(item.id) }
    }
    Ok(found)
}

/// What has changed on lists since then, what left them too, the oldest change first; then that which is as it was, and is
/// of something that has changed: its name, its category.
async fn changed(conn: &mut Connection, lists: &[GroceryListId], since: i64) -> Result<Vec<(Item, Product)>> {
    let query = grocery_items::table
        .inner_join(grocery_products::table)
        .filter(among(grocery_items::list_id, lists))
        .filter(grocery_items::changed_seq.gt(since))
        .order(grocery_items::changed_seq);
    let mut changed: Vec<(Item, Product)> =
        run!(conn, |c| query.select((Item::as_select(), Product::as_select())).load(c).await)?;
    let query = grocery_items::table
        .inner_join(grocery_products::table)
        .filter(among(grocery_items::list_id, lists))
        .filter(grocery_items::is_listed.eq(true))
        .filter(grocery_products::changed_seq.gt(since))
        .filter(grocery_items::changed_seq.le(since));
    let renamed: Vec<(Item, Product)> =
        run!(conn, |c| query.select((Item::as_select(), Product::as_select())).load(c).await)?;
    changed.extend(renamed);
    Ok(changed)
}
