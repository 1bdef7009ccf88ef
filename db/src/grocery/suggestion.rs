//! What may be missing on a list: what is bought again and again and is due by now, then what is bought together with what
//! is on it.

mod habit;

use super::Product;
use super::item::State;
use super::list::List;
use crate::access::Member;
use crate::among::among;
use crate::household;
use crate::tables::{grocery_items, grocery_products, households};
use crate::task::recurrence::local_date;
use crate::{Connection, GroceryProductId, GroceryTripId, Result, Time};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use habit::{Purchase, suggested};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// Habits are told from so much of the past,
const REMEMBERED_FOR: Duration = Duration::from_hours(365 * 24);
/// and from so many purchases of it at most, the latest.
const PURCHASE_LIMIT: i64 = 5000;

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
    /// It is bought every so many days (the median), and was not for about as long, or for longer.
    Due {
        /// Days between two times it is bought, at the median.
        every: f64,
    },
    /// It is mostly bought together with this, which is on the list.
    BoughtWith(GroceryProductId),
}

/// The first so many suggestions for a list, the most overdue first. What is on it is not among them, whether it is wanted or
/// bought, nor is what the catalogue has forgotten. A purchase is what has left a list with a trip.
pub async fn of_list(
    conn: &mut Connection,
    member: &Member,
    list: &List,
    limit: usize,
) -> Result<Vec<Suggestion>> {
    let now = Time::now();
    let query =
        households::table.filter(households::id.eq(member.household_id())).select(households::time_zone);
    let zone = household::time_zone(&run!(conn, |c| query.first::<String>(c).await)?)?;
    let purchases = purchases(conn, member, now).await?;
    let purchases: Vec<_> = purchases
        .into_iter()
        .map(|(product, trip, at)| Purchase { product, trip, at, on: local_date(at, zone) })
        .collect();
    let listed = listed(conn, list).await?;
    // It reckons for a while where much was bought.
    let mut found = tokio::task::block_in_place(|| suggested(&purchases, &listed, local_date(now, zone)));
    found.truncate(limit);
    let ids: Vec<_> = found.iter().map(|(product, ..)| *product).collect();
    let query = grocery_products::table.filter(among(grocery_products::id, &ids));
    let products: Vec<Product> = run!(conn, |c| query.select(Product::as_select()).load(c).await)?;
    let mut products: HashMap<_, _> = products.into_iter().map(|product| (product.id, product)).collect();
    let suggestion = |(product, reason, last_bought_at)| {
        Some(Suggestion { product: products.remove(&product)?, reason, last_bought_at })
    };
    Ok(found.into_iter().filter_map(suggestion).collect())
}

/// What was bought and left its list, the newest first. A trip that was undone has nothing.
async fn purchases(
    conn: &mut Connection,
    member: &Member,
    now: Time,
) -> Result<Vec<(GroceryProductId, GroceryTripId, Time)>> {
    let query = grocery_items::table
        .inner_join(grocery_products::table)
        .filter(grocery_items::household_id.eq(member.household_id()))
        .filter(grocery_items::state.eq(State::Bought))
        .filter(grocery_items::state_at.ge(now.before(REMEMBERED_FOR)))
        .filter(grocery_items::trip_id.is_not_null())
        .filter(grocery_products::removed_at.is_null())
        .order(grocery_items::state_at.desc())
        .limit(PURCHASE_LIMIT)
        .select((
            grocery_items::product_id,
            grocery_items::trip_id.assume_not_null(),
            grocery_items::state_at,
        ));
    run!(conn, |c| query.load(c).await)
}

/// What is on the list, and whether it is wanted.
async fn listed(conn: &mut Connection, list: &List) -> Result<HashMap<GroceryProductId, bool>> {
    let query = grocery_items::table
        .filter(grocery_items::list_id.eq(list.id))
        .filter(grocery_items::is_listed.eq(true))
        .select((grocery_items::product_id, grocery_items::state));
    let listed: Vec<(GroceryProductId, State)> = run!(conn, |c| query.load(c).await)?;
    let wanted: HashSet<_> =
        listed.iter().filter(|(_, state)| state.is_wanted()).map(|(product, _)| *product).collect();
    Ok(listed.iter().map(|(product, _)| (*product, wanted.contains(product))).collect())
}
