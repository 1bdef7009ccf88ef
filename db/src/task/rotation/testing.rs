//! Small words for tests: days are numbered from an ordinary Monday.

use super::DateRange;
use chrono::{Days, NaiveDate};

pub(super) fn day(number: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 5).unwrap() + Days::new(number.into())
}

pub(super) fn range(first: u32, last: u32) -> DateRange {
    DateRange::new(day(first), day(last)).unwrap()
}
