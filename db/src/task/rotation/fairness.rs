//! How fair it was: what each did in a period, beside what was to be expected of them.

use super::{DateRange, Outcome, Person};
use chrono::NaiveDate;
use std::cmp::Reverse;

/// The whole, in which shares are told: hundredths of a percent.
pub const WHOLE: u32 = 10_000;

/// An occurrence that was closed, of any chore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<M> {
    /// The local date it counts for: the day it was done, or else the day it was due.
    pub on: NaiveDate,
    /// Whose it was.
    pub assignee: Option<M>,
    /// How it ended.
    pub outcome: Outcome<M>,
    /// What it weighs, in minutes or points; the same for all the household's chores.
    pub weight: u32,
}

/// Some occurrences, and what they weigh together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// How many.
    pub occurrences: u32,
    /// What they weigh, in minutes or points.
    pub weight: u64,
}

/// One member's part in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<M> {
    /// Whose.
    pub member: M,
    /// What they did, assigned to them or not.
    pub done: Load,
    /// What was theirs to do, done by whomever or missed. What was skipped was nobody's.
    pub assigned: Load,
    /// What was theirs to do and was not done.
    pub missed: Load,
    /// Their share of the weight of all that was done, of [`WHOLE`]. All shares sum to it, or to zero if nothing of
    /// any weight was done.
    pub share: u32,
    /// Their share of all days on which somebody was there, of [`WHOLE`]. All sum to it, or to zero if nobody was.
    pub expected_share: u32,
    /// On how many days of the period they were there.
    pub presence_days: u32,
}

/// What each did in a period: a part for each of the people, in their order, which also breaks ties between shares;
/// then one for each other who did or had something, as having been there on no day. Former members are passed
/// with their absence since they left, see [`DateRange::since`]. Records of other days are left out.
pub fn fairness<M: Copy + Eq>(
    period: DateRange,
    people: &[Person<M>],
    records: impl IntoIterator<Item = Record<M>>,
) -> Vec<Part<M>> {
    let presence = |person: &Person<M>| period.days().saturating_sub(person.absent.days_within(period));
    let mut parts: Vec<_> = people.iter().map(|person| Part::of(person.id, presence(person))).collect();
    for record in records.into_iter().filter(|record| period.covers(record.on)) {
        let assigned = |part: &mut Part<M>| part.assigned.add(record.weight);
        match record.outcome {
            Outcome::Done { by } => {
                note(&mut parts, Some(by), |part| part.done.add(record.weight));
                note(&mut parts, record.assignee, assigned);
            }
            Outcome::Missed => {
                note(&mut parts, record.assignee, |part| part.missed.add(record.weight));
                note(&mut parts, record.assignee, assigned);
            }
            Outcome::Skipped => {}
        }
    }
    let shares = apportion(WHOLE, parts.iter().map(|part| part.done.weight));
    let expected = apportion(WHOLE, parts.iter().map(|part| part.presence_days.into()));
    for (part, (share, expected_share)) in parts.iter_mut().zip(shares.into_iter().zip(expected)) {
        part.share = share;
        part.expected_share = expected_share;
    }
    parts
}

fn note<M: Copy + Eq>(parts: &mut Vec<Part<M>>, member: Option<M>, what: impl FnOnce(&mut Part<M>)) {
    let Some(member) = member else { return };
    if !parts.iter().any(|part| part.member == member) {
        parts.push(Part::of(member, 0));
    }
    if let Some(part) = parts.iter_mut().find(|part| part.member == member) {
        what(part);
    }
}

impl<M> Part<M> {
    fn of(member: M, presence_days: u32) -> Self {
        let none = Load::default();
        Self { member, done: none, assigned: none, missed: none, share: 0, expected_share: 0, presence_days }
    }
}

impl Load {
    fn add(&mut self, weight: u32) {
        self.occurrences = self.occurrences.saturating_add(1);
        self.weight = self.weight.saturating_add(weight.into());
    }
}

/// Divides a whole in the ratio of the amounts, by largest remainder: each part is rounded down, and what is then
/// missing goes, one each, to those who lost most by that, the first among equals. If all amounts are zero, so are
/// all parts.
fn apportion(whole: u32, amounts: impl Iterator<Item = u64>) -> Vec<u32> {
    let amounts: Vec<u128> = amounts.map(u128::from).collect();
    let total = amounts.iter().sum::<u128>();
    if total == 0 {
        return amounts.iter().map(|_| 0).collect();
    }
    let exact = |amount: &u128| u128::from(whole) * amount;
    let mut parts: Vec<u128> = amounts.iter().map(|amount| exact(amount) / total).collect();
    let missing = u128::from(whole) - parts.iter().sum::<u128>();
    let mut losers: Vec<_> = parts.iter_mut().zip(&amounts).collect();
    losers.sort_by_key(|(_, amount)| Reverse(exact(amount) % total));
    for (part, _) in losers.into_iter().take(usize::try_from(missing).unwrap_or(usize::MAX)) {
        *part += 1;
    }
    parts.into_iter().map(|part| u32::try_from(part).unwrap_or(whole)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::rotation::testing::{day, present, range};
    use proptest::prelude::*;

    fn record(on: u32, assignee: Option<u8>, outcome: Outcome<u8>, weight: u32) -> Record<u8> {
        Record { on: day(on), assignee, outcome, weight }
    }

    fn load(occurrences: u32, weight: u64) -> Load {
        Load { occurrences, weight }
    }

    #[test]
    fn it_tells_who_did_what_and_what_was_to_be_expected() {
        let mut people = [1, 2, 3].map(present);
        people[1].absent.add(range(5, 30)).unwrap();
        people[2].absent.add(DateRange::since(day(0))).unwrap();
        let records = [
            record(0, Some(1), Outcome::Done { by: 1 }, 30),
            record(1, Some(2), Outcome::Done { by: 1 }, 10),
            record(2, Some(2), Outcome::Missed, 10),
            record(3, Some(2), Outcome::Skipped, 10),
            record(4, None, Outcome::Done { by: 2 }, 15),
            record(9, None, Outcome::Done { by: 9 }, 5),
            record(10, Some(1), Outcome::Done { by: 1 }, 1000),
        ];
        let parts = fairness(range(0, 9), &people, records);
        let [ada, bob, cid, visitor] = [1, 2, 3, 9].map(|member| Part::of(member, 0));
        let expected = [
            Part {
                done: load(2, 40),
                assigned: load(1, 30),
                share: 6667,
                expected_share: 6667,
                presence_days: 10,
                ..ada
            },
            Part {
                done: load(1, 15),
                assigned: load(2, 20),
                missed: load(1, 10),
                share: 2500,
                expected_share: 3333,
                presence_days: 5,
                ..bob
            },
            cid,
            Part { done: load(1, 5), share: 833, ..visitor },
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn equal_parts_of_what_cannot_be_divided_equally_go_by_the_order() {
        assert_eq!(apportion(WHOLE, [1, 1, 1].into_iter()), [3334, 3333, 3333]);
        assert_eq!(apportion(WHOLE, [0, 0].into_iter()), [0, 0]);
        assert_eq!(apportion(WHOLE, [u64::MAX, u64::MAX].into_iter()), [5000, 5000]);
    }

    fn outcome() -> impl Strategy<Value = Outcome<u8>> {
        prop_oneof![
            3 => (0u8..6).prop_map(|by| Outcome::Done { by }),
            1 => Just(Outcome::Missed),
            1 => Just(Outcome::Skipped),
        ]
    }

    proptest! {
        /// Shares sum to the whole, each is less than one hundredth of a percent from the exact one, and nothing
        /// that was done or missed is lost or counted twice.
        #[test]
        fn shares_sum_to_the_whole(
            away in prop::collection::vec(prop::collection::vec((0u32..40, 0u32..40), 0..4), 0..5),
            records in prop::collection::vec(
                (0u32..40, proptest::option::of(0u8..6), outcome(), prop_oneof![Just(0), 0u32..100, any::<u32>()]),
                0..40,
            ),
        ) {
            let mut people: Vec<_> = (0..).take(away.len()).map(present).collect();
            for (person, away) in people.iter_mut().zip(&away) {
                for (first, more) in away {
                    person.absent.add(range(*first, first + more)).unwrap();
                }
            }
            let records = records.into_iter().map(|(on, assignee, outcome, weight)| record(on, assignee, outcome, weight));
            let parts = fairness(range(5, 34), &people, records.clone());

            let done: u64 = parts.iter().map(|part| part.done.weight).sum();
            let presence: u64 = parts.iter().map(|part| u64::from(part.presence_days)).sum();
            let total = |of: u64| if of == 0 { 0 } else { WHOLE };
            prop_assert_eq!(parts.iter().map(|part| part.share).sum::<u32>(), total(done));
            prop_assert_eq!(parts.iter().map(|part| part.expected_share).sum::<u32>(), total(presence));
            let is_near = |share: u32, amount: u64, of: u64| {
                (i128::from(share) * i128::from(of) - i128::from(WHOLE) * i128::from(amount)).abs() < i128::from(of.max(1))
            };
            for part in &parts {
                prop_assert!(is_near(part.share, part.done.weight, done));
                prop_assert!(is_near(part.expected_share, part.presence_days.into(), presence));
                prop_assert!(part.presence_days <= 30);
            }

            let within = records.filter(|record| range(5, 34).covers(record.on));
            let was_done = within.clone().filter(|record| matches!(record.outcome, Outcome::Done { .. }));
            prop_assert_eq!(done, was_done.map(|record| u64::from(record.weight)).sum::<u64>());
            let given = within.filter(|record| record.assignee.is_some() && record.outcome != Outcome::Skipped);
            let assigned: u32 = parts.iter().map(|part| part.assigned.occurrences).sum();
            prop_assert_eq!(assigned as usize, given.clone().count());
            let missed: u32 = parts.iter().map(|part| part.missed.occurrences).sum();
            prop_assert_eq!(missed as usize, given.filter(|record| record.outcome == Outcome::Missed).count());
        }
    }
}
