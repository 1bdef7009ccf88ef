//! What may be missing on a list: what is bought again and again and is due by now, then what is bought together with what
//! is on it.

mod habit;

use super::Product;
use super::item::State;
use crate::access::Member;
use crate::among::among;
use crate::household;
use crate::tables::{grocery_items, grocery_products, households};
use crate::task::recurrence::local_date;
use crate::{Connection, GroceryListId, GroceryProductId, GroceryTripId, Result, Time};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use habit::{Purchase, suggested};
use std::collections::{BTreeSet, HashMap};
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

/// What may be missing on lists of the member's household, for each the best so many, the most overdue first. What is on a
/// list is not among its suggestions, whether it is wanted or bought, nor is what the catalogue has forgotten. A purchase is
/// what has left a list with a trip.
pub async fn of_lists(
    conn: &mut Connection,
    member: &Member,
    lists: &[GroceryListId],
    limit: usize,
) -> Result<HashMap<GroceryListId, Vec<Suggestion>>> {
    let now = Time::now();
    let query =
        households::table.filter(households::id.eq(member.household_id())).select(households::time_zone);
    let zone = household::time_zone(&run!(conn, |c| query.first::<String>(c).await)?)?;
    let purchases = purchases(conn, member, now).await?;
    let purchases: Vec<_> = purchases
        .into_iter()
        .map(|(product, trip, at)| Purchase { product, trip, at, on: local_date(at, zone) })
        .collect();
    let listed = listed(conn, lists).await?;
    let nothing = HashMap::new();
    let best = |list| {
        let mut best = suggested(&purchases, listed.get(list).unwrap_or(&nothing), local_date(now, zone));
        best.truncate(limit);
        (*list, best)
    };
    // It reckons for a while where much was bought.
    let best: Vec<_> = tokio::task::block_in_place(|| lists.iter().map(best).collect());
    let products: BTreeSet<_> =
        best.iter().flat_map(|(_, best)| best).map(|(product, ..)| *product).collect();
    let products = named(conn, &products).await?;
    let told = |(product, reason, last_bought_at): &(_, _, _)| {
        let product = products.get(product)?.clone();
        Some(Suggestion { product, reason: *reason, last_bought_at: *last_bought_at })
    };
    Ok(best.iter().map(|(list, best)| (*list, best.iter().filter_map(told).collect())).collect())
}

async fn named(
    conn: &mut Connection,
    ids: &BTreeSet<GroceryProductId>,
) -> Result<HashMap<GroceryProductId, Product>> {
    let ids: Vec<_> = ids.iter().copied().collect();
    let query = grocery_products::table.filter(among(grocery_products::id, &ids));
    let found: Vec<Product> = run!(conn, |c| query.select(Product::as_select()).load(c).await)?;
    Ok(found.into_iter().map(|product| (product.id, product)).collect())
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

/// What is on lists, and whether it is wanted there.
async fn listed(
    conn: &mut Connection,
    lists: &[GroceryListId],
) -> Result<HashMap<GroceryListId, HashMap<GroceryProductId, bool>>> {
    let query = grocery_items::table
        .filter(among(grocery_items::list_id, lists))
        .filter(grocery_items::is_listed.eq(true))
        .select((grocery_items::list_id, grocery_items::product_id, grocery_items::state));
    let rows: Vec<(GroceryListId, GroceryProductId, State)> = run!(conn, |c| query.load(c).await)?;
    let mut listed: HashMap<_, HashMap<_, bool>> = HashMap::new();
    for (list, product, state) in rows {
        *listed.entry(list).or_default().entry(product).or_default() |= state.is_wanted();
    }
    Ok(listed)
}
