//! The order in which a household walks through a store, learned from the order in which it ticks. It is offered, never
//! applied unasked.

use super::category::Category;
use super::store::{self, Layout};
use crate::access::Member;
use crate::among::among;
use crate::first_of_each::{FirstOfEach, GROUPS_AT_ONCE};
use crate::message::End;
use crate::tables::{grocery_items, grocery_products, grocery_trips};
use crate::{Connection, GroceryCategoryId, GroceryProductId, GroceryStoreId, GroceryTripId, Result, Time};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// An order is offered from so many trips on.
pub const TRIPS_NEEDED: usize = 5;
/// It is learned from so many trips, the latest.
const TRIP_LIMIT: i64 = 50;
/// So many trips are named in one statement.
const TRIPS_AT_ONCE: usize = 1000;
/// What was longer ago was perhaps in another shop.
const REMEMBERED_FOR: Duration = Duration::from_hours(365 * 24);

/// For each of these stores the categories in the order in which they were walked by there, as [`store::OrderSections`] takes
/// them; nothing before [`TRIPS_NEEDED`], or where they are in this order already. Those that nothing was bought of are not
/// among them.
pub async fn orders(
    conn: &mut Connection,
    member: &Member,
    stores: &[GroceryStoreId],
) -> Result<HashMap<GroceryStoreId, Vec<Category>>> {
    let mut trips = trips(conn, member, stores).await?;
    trips.retain(|_, trips| trips.len() >= TRIPS_NEEDED);
    let stores: Vec<_> = trips.keys().copied().map(Some).collect();
    if stores.is_empty() {
        return Ok(HashMap::new());
    }
    let mut layouts = store::layouts(conn, member, &stores).await?;
    let of_all: Vec<_> = trips.values().flatten().copied().collect();
    let ticks = ticks(conn, &of_all).await?;
    let learned = trips.into_iter().filter_map(|(store, trips)| {
        let layout = layouts.remove(&Some(store))?;
        let walks = walks(&layout, &ticks, &trips);
        Some((store, order(layout, &walks)?))
    });
    Ok(learned.collect())
}

/// The order that is learned from these walks, if it is another than that of the store.
fn order(layout: Layout, walks: &[Walk]) -> Option<Vec<Category>> {
    let usual: Vec<_> = layout.sections.iter().map(|section| section.category.id).collect();
    let learned = agreed(walks, &usual);
    if usual.iter().filter(|category| learned.contains(category)).eq(&learned) {
        return None;
    }
    let mut categories: HashMap<_, _> =
        layout.sections.into_iter().map(|section| (section.category.id, section.category)).collect();
    Some(learned.iter().filter_map(|category| categories.remove(category)).collect())
}

/// The latest trips to each store.
async fn trips(
    conn: &mut Connection,
    member: &Member,
    stores: &[GroceryStoreId],
) -> Result<HashMap<GroceryStoreId, Vec<GroceryTripId>>> {
    let mut trips: HashMap<_, Vec<_>> = HashMap::new();
    for stores in stores.chunks(GROUPS_AT_ONCE) {
        let latest = FirstOfEach {
            table: grocery_trips::table,
            group: grocery_trips::store_id,
            keys: stores.iter().copied().map(Some).collect(),
            at: grocery_trips::id,
            id: grocery_trips::id,
            filter: grocery_trips::household_id
                .eq(member.household_id())
                .and(grocery_trips::undone_at.is_null())
                .and(grocery_trips::finished_at.ge(Time::now().before(REMEMBERED_FOR))),
            end: End::Newest,
            limit: TRIP_LIMIT,
        };
        let query = grocery_trips::table
            .filter(latest)
            .select((grocery_trips::store_id.assume_not_null(), grocery_trips::id));
        let found: Vec<(GroceryStoreId, GroceryTripId)> = run!(conn, |c| query.load(c).await)?;
        for (store, trip) in found {
            trips.entry(store).or_default().push(trip);
        }
    }
    Ok(trips)
}

/// When each category was first ticked on a trip.
type Walk = BTreeMap<GroceryCategoryId, Time>;

/// What was ticked on a trip, when, and what the catalogue says it is.
type Tick = (Time, GroceryProductId, Option<GroceryCategoryId>);

async fn ticks(conn: &mut Connection, trips: &[GroceryTripId]) -> Result<HashMap<GroceryTripId, Vec<Tick>>> {
    let mut ticks: HashMap<_, Vec<_>> = HashMap::new();
    for trips in trips.chunks(TRIPS_AT_ONCE) {
        let trips: Vec<_> = trips.iter().copied().map(Some).collect();
        let query = grocery_items::table
            .inner_join(grocery_products::table)
            .filter(among(grocery_items::trip_id, &trips))
            .select((
                grocery_items::trip_id.assume_not_null(),
                (grocery_items::state_at, grocery_products::id, grocery_products::category_id),
            ));
        let found: Vec<(GroceryTripId, Tick)> = run!(conn, |c| query.load(c).await)?;
        for (trip, tick) in found {
            ticks.entry(trip).or_default().push(tick);
        }
    }
    Ok(ticks)
}

/// The walks through a store on these trips.
fn walks(layout: &Layout, ticks: &HashMap<GroceryTripId, Vec<Tick>>, trips: &[GroceryTripId]) -> Vec<Walk> {
    let homes: HashMap<_, _> = layout.homes().collect();
    let walk = |ticks: &Vec<Tick>| {
        let mut walk = Walk::new();
        for (at, product, category) in ticks {
            if let Some(category) = homes.get(product).copied().or(*category) {
                let first = walk.entry(category).or_insert(*at);
                *first = (*at).min(*first);
            }
        }
        walk
    };
    trips.iter().filter_map(|trip| ticks.get(trip)).map(walk).collect()
}

/// The order that most walks agree on. Of two categories the one that came first more often comes first; what walks agree on
/// most clearly is taken first, and what would contradict that is not taken at all. What is not said comes in the usual order.
fn agreed(walks: &[Walk], usual: &[GroceryCategoryId]) -> Vec<GroceryCategoryId> {
    let known: BTreeSet<_> = walks.iter().flat_map(BTreeMap::keys).collect();
    // By their place in the usual order, by which all that is equal is told apart.
    let walked: Vec<_> = usual.iter().filter(|category| known.contains(category)).copied().collect();
    let mut pairs = Vec::new();
    for (at, one) in walked.iter().enumerate() {
        for (other_at, other) in walked.iter().enumerate().skip(at + 1) {
            let (ahead, behind) = counted(walks, *one, *other);
            let pair = if ahead < behind { (other_at, at) } else { (at, other_at) };
            if ahead != behind {
                pairs.push((Reverse(ahead.abs_diff(behind)), pair));
            }
        }
    }
    pairs.sort_unstable();
    // What comes before each, by all that was taken so far.
    let mut before: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); walked.len()];
    for (_, (first, second)) in pairs {
        take(&mut before, first, second);
    }
    // Whatever comes before another has fewer before it than that.
    let mut order: Vec<_> = before.iter().map(BTreeSet::len).zip(walked).collect();
    order.sort_by_key(|(count, _)| *count);
    order.into_iter().map(|(_, category)| category).collect()
}

/// In how many walks one came before the other, and in how many behind it.
fn counted(walks: &[Walk], one: GroceryCategoryId, other: GroceryCategoryId) -> (usize, usize) {
    let both = || walks.iter().filter_map(|walk| walk.get(&one).zip(walk.get(&other)));
    (both().filter(|(one, other)| one < other).count(), both().filter(|(one, other)| one > other).count())
}

/// From now on one comes before another, and what comes before that before all that comes behind this; unless it comes behind.
fn take(before: &mut [BTreeSet<usize>], first: usize, second: usize) {
    let Some(mut ahead) = before.get(first).cloned() else { return };
    if ahead.contains(&second) {
        return;
    }
    ahead.insert(first);
    for (at, before) in before.iter_mut().enumerate() {
        if at == second || before.contains(&second) {
            before.extend(&ahead);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn category(number: u8) -> GroceryCategoryId {
        GroceryCategoryId::from_bytes([number; 16])
    }

    /// A walk by these categories, one a minute.
    fn walk(categories: &[u8]) -> Walk {
        (0..).zip(categories).map(|(minute, number)| (category(*number), Time::from_micros(minute))).collect()
    }

    fn learned(walks: &[&[u8]], usual: &[u8]) -> Vec<u8> {
        let walks: Vec<_> = walks.iter().map(|categories| walk(categories)).collect();
        let usual: Vec<_> = usual.iter().copied().map(category).collect();
        agreed(&walks, &usual).iter().map(|category| category.bytes()[0]).collect()
    }

    #[test]
    fn the_majority_says_which_comes_first() {
        assert_eq!(learned(&[&[1, 2], &[2, 1], &[2, 1]], &[1, 2]), [2, 1]);
        assert_eq!(learned(&[&[1, 2], &[2, 1]], &[2, 1]), [2, 1], "as usual, where there is none");
        assert_eq!(learned(&[], &[1, 2]), [0; 0]);
    }

    #[test]
    fn many_trips_for_two_things_do_not_hide_what_one_trip_says_of_others() {
        let mut walks: Vec<&[u8]> = vec![&[1, 2]; 10];
        walks.extend(vec![&[3, 4][..]; 10]);
        walks.push(&[2, 3]);
        assert_eq!(learned(&walks, &[4, 3, 2, 1]), [1, 2, 3, 4]);
    }

    #[test]
    fn of_a_circle_the_weakest_link_is_not_taken() {
        let mut walks: Vec<&[u8]> = vec![&[1, 2]; 4];
        walks.extend(vec![&[2, 3][..]; 3]);
        walks.extend(vec![&[3, 1][..]; 2]);
        assert_eq!(learned(&walks, &[3, 2, 1]), [1, 2, 3]);
    }

    #[test]
    fn what_was_ticked_at_once_says_nothing() {
        let at_once: Walk = [1, 2].map(|number| (category(number), Time::from_micros(0))).into();
        assert_eq!(agreed(&vec![at_once; 5], &[category(2), category(1)]), [category(2), category(1)]);
    }

    proptest! {
        #[test]
        fn whoever_always_walks_one_way_is_understood(
            way in Just((0..12_u8).collect::<Vec<_>>()).prop_shuffle(),
            usual in Just((0..12_u8).collect::<Vec<_>>()).prop_shuffle(),
            trips in prop::collection::vec(prop::collection::btree_set(0..12_u8, 0..6), 1..30),
        ) {
            let trips: Vec<Vec<u8>> = trips
                .iter()
                .map(|trip| way.iter().copied().filter(|category| trip.contains(category)).collect())
                .collect();
            let walks: Vec<&[u8]> = trips.iter().map(Vec::as_slice).collect();
            let order = learned(&walks, &usual);
            let at = |category: &u8| order.iter().position(|other| other == category).unwrap();
            for trip in &trips {
                prop_assert!(trip.is_sorted_by_key(at), "{trip:?} in {order:?}");
            }
            let walked: BTreeSet<_> = trips.iter().flatten().copied().collect();
            prop_assert_eq!(order.iter().copied().collect::<BTreeSet<_>>(), walked);
        }

        #[test]
        fn however_they_walk_each_category_is_there_once_and_trips_count_alike(
            trips in prop::collection::vec(Just((0..8_u8).collect::<Vec<_>>()).prop_shuffle(), 1..20),
        ) {
            let usual: Vec<u8> = (0..8).collect();
            let walks: Vec<&[u8]> = trips.iter().map(Vec::as_slice).collect();
            let order = learned(&walks, &usual);
            let backwards: Vec<_> = walks.iter().rev().copied().collect();
            prop_assert_eq!(&learned(&backwards, &usual), &order);
            let mut sorted = order;
            sorted.sort_unstable();
            prop_assert_eq!(sorted, usual);
        }
    }
}
