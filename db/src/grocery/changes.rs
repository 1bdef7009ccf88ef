//! What has changed on a list since a place in the household's log: what a phone missed.

use super::Product;
use super::item::{self, Item};
use crate::access::Member;
use crate::among::among;
use crate::event::Position;
use crate::first_of_each::{FirstOfEach, GROUPS_AT_ONCE};
use crate::message::End;
use crate::tables::{grocery_items, grocery_products};
use crate::{Connection, GroceryItemId, GroceryListId, Result};
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
    let mut news = match since {
        None => HashMap::new(),
        Some(since) => changed(conn, lists, since.seq).await?,
    };
    let is_whole = |rows: &Vec<_>| i64::try_from(rows.len()).is_ok_and(|count| count > CHANGE_LIMIT);
    let (whole, partly): (Vec<_>, Vec<_>) =
        lists.iter().partition(|list| since.is_none() || news.get(list).is_some_and(is_whole));
    news.retain(|list, _| partly.contains(list));
    let mut rows: Vec<_> = news.into_values().flatten().collect();
    if let Some(since) = since {
        rows.extend(renamed(conn, &partly, since.seq).await?);
    }
    if !whole.is_empty() {
        rows.extend(item::listed(conn, &whole).await?);
    }
    let nothing = |is_whole| Changes { position, is_whole, items: Vec::new(), gone: Vec::new() };
    let mut found: HashMap<_, _> = whole.iter().map(|list| (*list, nothing(true))).collect();
    found.extend(partly.iter().map(|list| (*list, nothing(false))));
    for (item, product) in rows {
        let Some(changes) = found.get_mut(&item.list_id) else { continue };
        if item.is_listed { changes.items.push((item, product)) } else { changes.gone.push(item.id) }
    }
    Ok(found)
}

/// What has changed on each of these lists since then, what left it too, the oldest change first; of each no more than tells
/// that it is too much.
async fn changed(
    conn: &mut Connection,
    lists: &[GroceryListId],
    since: i64,
) -> Result<HashMap<GroceryListId, Vec<(Item, Product)>>> {
    let mut changed: HashMap<_, Vec<_>> = HashMap::new();
    for lists in lists.chunks(GROUPS_AT_ONCE) {
        let first = FirstOfEach {
            table: grocery_items::table,
            group: grocery_items::list_id,
            keys: lists.to_vec(),
            at: grocery_items::changed_seq,
            id: grocery_items::id,
            filter: grocery_items::changed_seq.gt(since),
            end: End::Oldest,
            limit: CHANGE_LIMIT + 1,
        };
        let query = grocery_items::table
            .inner_join(grocery_products::table)
            .filter(first)
            .order(grocery_items::changed_seq);
        let found: Vec<(Item, Product)> =
            run!(conn, |c| query.select((Item::as_select(), Product::as_select())).load(c).await)?;
        for (item, product) in found {
            changed.entry(item.list_id).or_default().push((item, product));
        }
    }
    Ok(changed)
}

/// What is on these lists and is as it was, and is of something that has changed since then: its name, its category.
async fn renamed(conn: &mut Connection, lists: &[GroceryListId], since: i64) -> Result<Vec<(Item, Product)>> {
    let query = grocery_items::table
        .inner_join(grocery_products::table)
        .filter(among(grocery_items::list_id, lists))
        .filter(grocery_items::is_listed.eq(true))
        .filter(grocery_products::changed_seq.gt(since))
        .filter(grocery_items::changed_seq.le(since));
    run!(conn, |c| query.select((Item::as_select(), Product::as_select())).load(c).await)
}
