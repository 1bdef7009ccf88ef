//! Local dates in ranges: when somebody is away, or a chore is paused.

use crate::{Date, Error, RefusalCode, Result};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// So many ranges a set of them may hold.
pub const RANGE_LIMIT: usize = 100;

/// Days in a row, by the calendar of the household; both ends are part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "(Date, Date)", try_from = "(Date, Date)")]
pub struct DateRange {
    first: NaiveDate,
    last: NaiveDate,
}

impl DateRange {
    /// From one day to another, both included; refused if `last` is before `first`.
    pub fn new(first: NaiveDate, last: NaiveDate) -> Result<Self> {
        if last < first {
            return Err(Error::refused(RefusalCode::Invalid, "last", "must not be before the first day"));
        }
        Ok(Self { first, last })
    }

    /// Every day before this one, for whoever came on it: they were absent until then. On the first day of the
    /// calendar there is none.
    pub fn before(day: NaiveDate) -> Option<Self> {
        day.pred_opt().map(|last| Self { first: NaiveDate::MIN, last })
    }

    /// This day and every later one, for whoever left on it.
    pub fn since(day: NaiveDate) -> Self {
        Self { first: day, last: NaiveDate::MAX }
    }

    /// Its first day.
    pub fn first(self) -> NaiveDate {
        self.first
    }

    /// Its last day.
    pub fn last(self) -> NaiveDate {
        self.last
    }

    /// Whether the day is one of them.
    pub fn covers(self, day: NaiveDate) -> bool {
        (self.first..=self.last).contains(&day)
    }

    /// How many days they are: one or more.
    pub fn days(self) -> u32 {
        let days = self.last.signed_duration_since(self.first).num_days().saturating_add(1);
        u32::try_from(days).unwrap_or(u32::MAX)
    }

    /// The days that both have.
    pub fn common(self, other: Self) -> Option<Self> {
        Self::new(self.first.max(other.first), self.last.min(other.last)).ok()
    }
}

impl From<DateRange> for (Date, Date) {
    fn from(range: DateRange) -> Self {
        (range.first.into(), range.last.into())
    }
}

impl TryFrom<(Date, Date)> for DateRange {
    type Error = Error;

    fn try_from((first, last): (Date, Date)) -> Result<Self> {
        Self::new(first.naive(), last.naive())
    }
}

/// Ranges of which no two have a day in common, in the order of the calendar.
///
/// Those that overlap become one. Those that only touch stay two, so that whoever ends the first early is still
/// away in the second.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DateRanges(Vec<DateRange>);

impl DateRanges {
    /// Adds a range, together with all that it overlaps; refused beyond [`RANGE_LIMIT`] ranges.
    pub fn add(&mut self, range: DateRange) -> Result<()> {
        if self.iter().filter(|other| other.common(range).is_none()).count() >= RANGE_LIMIT {
            let message = format!("there are {RANGE_LIMIT} ranges already: remove some first");
            return Err(Error::refused(RefusalCode::Limit, "", message));
        }
        self.unite(range);
        Ok(())
    }

    fn unite(&mut self, range: DateRange) {
        let (overlapped, mut ranges): (Vec<DateRange>, Vec<DateRange>) =
            self.iter().partition(|other| other.common(range).is_some());
        ranges.push(overlapped.into_iter().fold(range, |all, other| DateRange {
            first: all.first.min(other.first),
            last: all.last.max(other.last),
        }));
        ranges.sort_by_key(|range| range.first);
        self.0 = ranges;
    }

    /// Ends the range that covers `back` early, so that `back` is no longer part of it, and returns the days given
    /// back. None, and nothing changes, if the day is in no range. Later ranges stay.
    pub fn end_early(&mut self, back: NaiveDate) -> Option<DateRange> {
        let range = *self.0.iter().find(|range| range.covers(back))?;
        self.0.retain(|other| *other != range);
        if let Some(rest) = DateRange::before(back).and_then(|before| before.common(range)) {
            self.0.push(rest);
            self.0.sort_by_key(|range| range.first);
        }
        Some(DateRange { first: back, ..range })
    }

    /// Whether the day is in one of the ranges.
    pub fn cover(&self, day: NaiveDate) -> bool {
        self.0.iter().any(|range| range.covers(day))
    }

    /// The first day, from this one on, that is in none of the ranges.
    pub fn first_free(&self, day: NaiveDate) -> NaiveDate {
        // In the order of the calendar: behind one that ends there may be one that begins the day after.
        self.iter().filter_map(|range| Some((range, range.last.succ_opt()?))).fold(
            day,
            |day, (range, after)| {
                if range.covers(day) { after } else { day }
            },
        )
    }

    /// How many days of a period are in the ranges.
    pub fn days_within(&self, period: DateRange) -> u32 {
        self.0.iter().filter_map(|range| range.common(period)).map(DateRange::days).sum()
    }

    /// The ranges, in the order of the calendar.
    pub fn iter(&self) -> impl Iterator<Item = DateRange> {
        self.0.iter().copied()
    }
}

/// All of them, however many: the limit is for whoever adds to them, not for what was kept.
impl FromIterator<DateRange> for DateRanges {
    fn from_iter<I: IntoIterator<Item = DateRange>>(ranges: I) -> Self {
        let mut all = Self::default();
        ranges.into_iter().for_each(|range| all.unite(range));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::rotation::testing::{day, range};
    use proptest::prelude::*;

    fn ranges(all: &[(u32, u32)]) -> DateRanges {
        let mut ranges = DateRanges::default();
        for (first, last) in all {
            ranges.add(range(*first, *last)).unwrap();
        }
        ranges
    }

    #[test]
    fn overlapping_ranges_become_one_and_touching_ones_stay_two() {
        assert_eq!(ranges(&[(10, 12), (1, 3), (3, 5), (4, 11)]), DateRanges(vec![range(1, 12)]));
        assert_eq!(ranges(&[(4, 6), (1, 3)]), DateRanges(vec![range(1, 3), range(4, 6)]));
    }

    #[test]
    fn the_first_free_day_is_behind_all_ranges_that_touch() {
        let away = ranges(&[(1, 3), (4, 6), (8, 9)]);
        let free = [0, 2, 4, 7, 8].map(|number| away.first_free(day(number)));
        assert_eq!(free, [0, 7, 7, 7, 10].map(day));
        let kept: DateRanges = (0..150).map(|number| range(2 * number, 2 * number)).collect();
        assert_eq!(kept.iter().count(), 150);
    }

    #[test]
    fn who_comes_back_early_is_there_from_that_day_on() {
        let mut away = ranges(&[(1, 5), (6, 9)]);
        assert_eq!(away.end_early(day(3)), Some(range(3, 5)));
        assert_eq!(away, ranges(&[(1, 2), (6, 9)]));
        assert_eq!(away.end_early(day(6)), Some(range(6, 9)));
        assert_eq!(away, ranges(&[(1, 2)]));
        assert_eq!(away.end_early(day(3)), None);
    }

    #[test]
    fn a_range_ends_no_sooner_than_it_begins_and_there_are_not_too_many() {
        assert!(DateRange::new(day(2), day(1)).is_err());
        assert_eq!(DateRange::before(NaiveDate::MIN), None);
        let mut away = DateRanges::default();
        for number in 0..100 {
            away.add(range(2 * number, 2 * number)).unwrap();
        }
        assert!(away.add(range(300, 300)).is_err());
        away.add(range(0, 300)).unwrap();
        assert_eq!(away, ranges(&[(0, 300)]));
    }

    proptest! {
        /// Whatever is added in whatever order, a day is covered if and only if some range had it, and each range
        /// begins after the one before it has ended.
        #[test]
        fn a_set_of_ranges_covers_what_they_cover(
            all in prop::collection::vec((0u32..60, 0u32..8), 0..12),
            back in 0u32..60,
        ) {
            let all: Vec<_> = all.into_iter().map(|(first, more)| (first, first + more)).collect();
            let mut set = ranges(&all);
            let covered = |number: &u32| all.iter().any(|(first, last)| (first..=last).contains(&number));
            prop_assert!((0..70).all(|number| set.cover(day(number)) == covered(&number)));
            prop_assert!(set.0.windows(2).all(|pair| pair[0].last < pair[1].first));
            let count = (10..40).filter(covered).count();
            prop_assert_eq!(set.days_within(range(10, 39)) as usize, count);

            let given_back = set.end_early(day(back));
            prop_assert_eq!(given_back.is_some(), covered(&back));
            let is_back = |number| given_back.is_some_and(|range| range.covers(day(number)));
            prop_assert!((0..70).all(|number| set.cover(day(number)) == (covered(&number) && !is_back(number))));
        }
    }
}
