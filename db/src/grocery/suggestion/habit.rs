//! What a household is used to buy, told from what it bought. There is no database and no clock here.

use super::Reason;
use crate::{GroceryProductId, GroceryTripId, Time};
use chrono::NaiveDate;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What was bought on so many days is bought again and again.
const DAYS_NEEDED: usize = 3;
/// What is due in a tenth of its time is due now: tomorrow nobody may go.
const NEARLY: f64 = 0.9;
/// What was bought on so many trips with something is bought together with it,
const TRIPS_NEEDED: usize = 3;
/// if it was on at least every so manieth of the trips on which that was bought.
const SHARE_NEEDED: usize = 2;

/// Something that was bought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purchase {
    pub(super) product: GroceryProductId,
    pub(super) trip: GroceryTripId,
    pub(super) at: Time,
    /// The local date of that.
    pub(super) on: NaiveDate,
}

/// What is suggested, why, and when it was last bought.
type Suggested = (GroceryProductId, Reason, Time);

/// What may be missing on a list with these things, of which some are wanted: first what is due, the most overdue first; then
/// what is bought with what is wanted, the surest first. All that is equal comes in the order of ids.
pub(super) fn suggested(
    purchases: &[Purchase],
    listed: &HashMap<GroceryProductId, bool>,
    today: NaiveDate,
) -> Vec<Suggested> {
    let mut last: HashMap<_, Time> = HashMap::new();
    for purchase in purchases {
        let last = last.entry(purchase.product).or_insert(purchase.at);
        *last = purchase.at.max(*last);
    }
    let mut found = due(purchases, today);
    let known: HashSet<_> = found.iter().map(|(product, _)| *product).collect();
    let wanted = listed.iter().filter(|(_, is_wanted)| **is_wanted).map(|(product, _)| *product);
    let with = bought_with(purchases, &wanted.collect());
    found.extend(with.into_iter().filter(|(product, _)| !known.contains(product)));
    found
        .into_iter()
        .filter(|(product, _)| !listed.contains_key(product))
        .filter_map(|(product, reason)| Some((product, reason, *last.get(&product)?)))
        .collect()
}

/// What is bought every so many days and was not for as long, the most overdue first.
fn due(purchases: &[Purchase], today: NaiveDate) -> Vec<(GroceryProductId, Reason)> {
    let mut days: BTreeMap<_, BTreeSet<NaiveDate>> = BTreeMap::new();
    for purchase in purchases {
        days.entry(purchase.product).or_default().insert(purchase.on);
    }
    let mut due: Vec<_> = days
        .into_iter()
        .filter(|(_, days)| days.len() >= DAYS_NEEDED)
        .filter_map(|(product, days)| {
            let every = median_gap(&days)?;
            let overdue = gap(*days.last()?, today) / every;
            (overdue >= NEARLY).then_some((overdue, product, Reason::Due { every }))
        })
        .collect();
    // It is stable, and the ids are in order.
    due.sort_by(|(one, ..), (other, ..)| other.total_cmp(one));
    due.into_iter().map(|(_, product, reason)| (product, reason)).collect()
}

/// Days between two neighbours of these, at the median.
fn median_gap(days: &BTreeSet<NaiveDate>) -> Option<f64> {
    let mut gaps: Vec<_> = days.iter().zip(days.iter().skip(1)).map(|(day, next)| gap(*day, *next)).collect();
    gaps.sort_by(f64::total_cmp);
    let middle = gaps.len() / 2;
    let upper = gaps.get(middle)?;
    if gaps.len() % 2 == 1 {
        return Some(*upper);
    }
    let lower = gaps.get(middle.checked_sub(1)?)?;
    Some(f64::midpoint(*lower, *upper))
}

fn gap(day: NaiveDate, next: NaiveDate) -> f64 {
    let days = next.signed_duration_since(day).num_days();
    // Whoever's clock was wrong bought it today.
    i32::try_from(days.max(0)).map_or(f64::MAX, f64::from)
}

/// How sure it is that something is bought with something that is wanted.
struct Company {
    with: GroceryProductId,
    /// On so many trips both were bought,
    common: usize,
    /// of so many on which that was.
    of: usize,
}

impl Company {
    /// By the share of trips, exactly; then by their number.
    fn cmp(&self, other: &Self) -> Ordering {
        (self.common * other.of).cmp(&(other.common * self.of)).then(self.common.cmp(&other.common))
    }
}

/// What is bought with what is wanted, the surest first.
fn bought_with(
    purchases: &[Purchase],
    wanted: &BTreeSet<GroceryProductId>,
) -> Vec<(GroceryProductId, Reason)> {
    let mut trips: BTreeMap<GroceryTripId, BTreeSet<GroceryProductId>> = BTreeMap::new();
    for purchase in purchases {
        trips.entry(purchase.trip).or_default().insert(purchase.product);
    }
    let mut best: BTreeMap<GroceryProductId, Company> = BTreeMap::new();
    for with in wanted {
        let theirs: Vec<_> = trips.values().filter(|trip| trip.contains(with)).collect();
        let mut common: BTreeMap<GroceryProductId, usize> = BTreeMap::new();
        for product in theirs.iter().copied().flatten().filter(|product| *product != with) {
            *common.entry(*product).or_default() += 1;
        }
        for (product, common) in common {
            if common < TRIPS_NEEDED || common * SHARE_NEEDED < theirs.len() {
                continue;
            }
            let company = Company { with: *with, common, of: theirs.len() };
            match best.get_mut(&product) {
                Some(known) if company.cmp(known).is_le() => {}
                Some(known) => *known = company,
                None => drop(best.insert(product, company)),
            }
        }
    }
    let mut best: Vec<_> = best.into_iter().collect();
    best.sort_by(|(_, one), (_, other)| other.cmp(one));
    best.into_iter().map(|(product, company)| (product, Reason::BoughtWith(company.with))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Days;
    use proptest::prelude::*;

    fn product(number: u8) -> GroceryProductId {
        GroceryProductId::from_bytes([number; 16])
    }

    fn day(number: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + Days::new(number.into())
    }

    /// One trip on each of these days, each for these things.
    fn trips(days: &[(u32, &[u8])]) -> Vec<Purchase> {
        days.iter()
            .enumerate()
            .flat_map(|(trip, (on, bought))| {
                bought.iter().map(move |number| Purchase {
                    product: product(*number),
                    trip: GroceryTripId::from_bytes(u128::try_from(trip).unwrap().to_be_bytes()),
                    at: Time::from_micros(i64::from(*on)),
                    on: day(*on),
                })
            })
            .collect()
    }

    /// What is suggested on a day for a list on which this is wanted, by numbers: every so many days, or with what.
    fn suggestions(purchases: &[Purchase], wanted: &[u8], today: u32) -> Vec<(u8, Result<f64, u8>)> {
        let listed = wanted.iter().map(|number| (product(*number), true)).collect();
        suggested(purchases, &listed, day(today))
            .into_iter()
            .map(|(product, reason, _)| match reason {
                Reason::Due { every } => (product.bytes()[0], Ok(every)),
                Reason::BoughtWith(with) => (product.bytes()[0], Err(with.bytes()[0])),
            })
            .collect()
    }

    #[test]
    fn what_is_bought_every_week_is_due_after_one() {
        let purchases = trips(&[(0, &[1]), (7, &[1]), (14, &[1])]);
        for (today, is_due) in [(14, false), (19, false), (20, false), (21, true), (40, true)] {
            assert_eq!(suggestions(&purchases, &[], today).len(), usize::from(is_due), "on day {today}");
        }
        assert_eq!(suggestions(&purchases, &[], 21), [(1, Ok(7.0))]);
        assert_eq!(suggestions(&purchases, &[1], 21), [], "it is on the list");
        assert_eq!(suggestions(&trips(&[(0, &[1]), (7, &[1])]), &[], 21), [], "twice is no habit");
        let thrice_in_two_days = trips(&[(0, &[1]), (7, &[1]), (7, &[1])]);
        assert_eq!(suggestions(&thrice_in_two_days, &[], 21), []);
    }

    #[test]
    fn one_long_holiday_does_not_change_the_median() {
        let purchases = trips(&[(0, &[1]), (2, &[1]), (4, &[1]), (40, &[1]), (43, &[1])]);
        assert_eq!(suggestions(&purchases, &[], 50), [(1, Ok(2.5))]);
    }

    #[test]
    fn the_most_overdue_comes_first_and_of_equals_the_older_in_the_catalogue() {
        let weekly: &[u8] = &[3, 1];
        let daily: &[u8] = &[2];
        let purchases =
            trips(&[(0, weekly), (7, weekly), (14, weekly), (15, daily), (16, daily), (17, daily)]);
        let order: Vec<_> = suggestions(&purchases, &[], 22).into_iter().map(|(number, _)| number).collect();
        assert_eq!(order, [2, 1, 3]);
    }

    #[test]
    fn what_is_mostly_bought_with_something_wanted_comes_after_what_is_due() {
        let rare = trips(&[(0, &[1, 2]), (1, &[1, 2, 3]), (2, &[1, 2, 3]), (3, &[1, 3, 4]), (4, &[1, 4])]);
        // 2 and 3 are three of five, 4 is two of five; all of them are due as well once days have passed.
        assert_eq!(suggestions(&rare, &[1], 2)[..], [(2, Err(1)), (3, Err(1))]);
        assert_eq!(suggestions(&rare, &[], 3)[..], [(2, Ok(1.0))], "nobody asked for what goes with it");
        assert_eq!(suggestions(&rare, &[1], 3)[..], [(2, Ok(1.0)), (3, Err(1))]);
    }

    #[test]
    fn the_surest_company_is_named() {
        let purchases = trips(&[
            (0, &[1, 2, 9]),
            (0, &[1, 2, 9]),
            (0, &[1, 2, 9]),
            (0, &[1, 8]),
            (0, &[1, 8]),
            (0, &[1, 8]),
        ]);
        // 9 is on half of the trips for 1, and on each for 2; 8 on half of those for 1.
        assert_eq!(suggestions(&purchases, &[1, 2], 0), [(9, Err(2)), (8, Err(1))]);
    }

    proptest! {
        #[test]
        fn whatever_was_bought_nothing_is_told_twice_nor_depends_on_the_order(
            bought in prop::collection::vec((0..60_u32, prop::collection::btree_set(0..9_u8, 1..5)), 0..40),
            wanted in prop::collection::btree_set(0..9_u8, 0..4),
        ) {
            let bought: Vec<(u32, Vec<u8>)> =
                bought.into_iter().map(|(on, what)| (on, what.into_iter().collect())).collect();
            let days: Vec<(u32, &[u8])> = bought.iter().map(|(on, what)| (*on, what.as_slice())).collect();
            let mut purchases = trips(&days);
            let wanted: Vec<u8> = wanted.into_iter().collect();
            let told = suggestions(&purchases, &wanted, 61);
            purchases.reverse();
            prop_assert_eq!(&suggestions(&purchases, &wanted, 61), &told);
            let numbers: BTreeSet<_> = told.iter().map(|(number, _)| *number).collect();
            prop_assert_eq!(numbers.len(), told.len());
            prop_assert!(wanted.iter().all(|wanted| !numbers.contains(wanted)));
            let is_due = |(_, reason): &(u8, Result<f64, u8>)| reason.is_ok();
            prop_assert!(told.is_sorted_by_key(|told| !is_due(told)), "what is due comes first");
            for (number, reason) in &told {
                let on: BTreeSet<_> =
                    days.iter().filter(|(_, what)| what.contains(number)).map(|(on, _)| *on).collect();
                match reason {
                    Ok(every) => {
                        let since = f64::from(61 - on.last().unwrap());
                        prop_assert!(on.len() >= 3 && since >= 0.9 * every);
                    }
                    Err(with) => {
                        let of = days.iter().filter(|(_, what)| what.contains(with));
                        let common = of.clone().filter(|(_, what)| what.contains(number)).count();
                        prop_assert!(wanted.contains(with) && common >= 3 && 2 * common >= of.count());
                    }
                }
            }
        }
    }
}
