//! What has changed on a list since a place in the household's log: what a phone missed.

use super::Product;
use super::item::{self, Item};
use super::list::List;
use crate::access::Member;
use crate::event::Position;
use crate::tables::{grocery_items, grocery_products};
use crate::{Connection, GroceryItemId, Result};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

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

/// What has changed on a list since a position; the whole list without one, with one that the log cannot serve (it is of
/// before a restored backup, or not yet reached), and where too much has changed.
pub async fn since(
    conn: &mut Connection,
    member: &Member,
    list: &List,
    since: Option<Position>,
) -> Result<Changes> {
    let position = member.head();
    let since = since.filter(|since| crate::event::check(*since, position).is_ok());
    let Some(since) = since else { return whole(conn, list, position).await };
    let query = grocery_items::table
        .inner_join(grocery_products::table)
        .filter(grocery_items::list_id.eq(list.id))
        .filter(grocery_items::changed_seq.gt(since.seq))
        .order(grocery_items::changed_seq)
        .limit(CHANGE_LIMIT + 1);
    let changed: Vec<(Item, Product)> =
        run!(conn, |c| query.select((Item::as_select(), Product::as_select())).load(c).await)?;
    // What they are can have changed without them: its name, its category.
    let query = grocery_items::table
        .inner_join(grocery_products::table)
        .filter(grocery_items::list_id.eq(list.id))
        .filter(grocery_items::is_listed.eq(true))
        .filter(grocery_products::changed_seq.gt(since.seq))
        .filter(grocery_items::changed_seq.le(since.seq));
    let renamed: Vec<(Item, Product)> =
        run!(conn, |c| query.select((Item::as_select(), Product::as_select())).load(c).await)?;
    if i64::try_from(changed.len()).is_ok_and(|count| count > CHANGE_LIMIT) {
        return whole(conn, list, position).await;
    }
    let gone = changed.iter().filter(|(item, _)| !item.is_listed).map(|(item, _)| item.id).collect();
    let items = changed.into_iter().filter(|(item, _)| item.is_listed).chain(renamed).collect();
    Ok(Changes { position, is_whole: false, items, gone })
}

async fn whole(conn: &mut Connection, list: &List, position: Position) -> Result<Changes> {
    let items = item::listed(conn, &[list.id]).await?;
    Ok(Changes { position, is_whole: true, items, gone: Vec::new() })
}
