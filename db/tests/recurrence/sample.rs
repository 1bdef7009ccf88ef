//! Rules made at random, as data: for other evaluators to read and for ours as text.

use crate::day;
use chrono::{Datelike, Days, Months, NaiveDate, Weekday};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use std::fmt::{self, Display, Formatter};

/// A start and the parts of a rule.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) start: NaiveDate,
    pub(crate) frequency: &'static str,
    pub(crate) interval: u32,
    pub(crate) months: Vec<u32>,
    pub(crate) month_days: Vec<i32>,
    /// Number, 0 for none, and day.
    pub(crate) weekdays: Vec<(i32, Weekday)>,
    pub(crate) positions: Vec<i32>,
    pub(crate) week_start: Weekday,
    pub(crate) end: End,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Never,
    Until(NaiveDate),
    Count(usize),
}

impl Sample {
    /// The same a multiple of 400 years later, where the calendar is the same.
    pub(crate) fn later(mut self, cycles: u32) -> Self {
        let later = |date: NaiveDate| date + Months::new(cycles * 4800);
        self.start = later(self.start);
        if let End::Until(date) = self.end {
            self.end = End::Until(later(date));
        }
        self
    }
}

impl Display for Sample {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let code = |day: Weekday| day.to_string()[..2].to_uppercase();
        let weekday = |(nth, day): &(i32, Weekday)| match nth {
            0 => code(*day),
            nth => format!("{nth}{}", code(*day)),
        };
        write!(out, "FREQ={};INTERVAL={}", self.frequency, self.interval)?;
        for (name, values) in [
            ("BYMONTH", words(&self.months, ToString::to_string)),
            ("BYMONTHDAY", words(&self.month_days, ToString::to_string)),
            ("BYDAY", words(&self.weekdays, weekday)),
            ("BYSETPOS", words(&self.positions, ToString::to_string)),
        ] {
            if !values.is_empty() {
                write!(out, ";{name}={values}")?;
            }
        }
        write!(out, ";WKST={}", code(self.week_start))?;
        match self.end {
            End::Never => Ok(()),
            End::Until(date) => write!(out, ";UNTIL={}", date.format("%Y%m%d")),
            End::Count(count) => write!(out, ";COUNT={count}"),
        }
    }
}

fn words<T>(values: &[T], word: impl Fn(&T) -> String) -> String {
    values.iter().map(word).collect::<Vec<_>>().join(",")
}

/// Rules that keep what RFC 5545 asks for, many of them with few dates or none.
pub(crate) fn samples() -> impl Strategy<Value = Sample> {
    let frequency = select(vec!["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]);
    (frequency, starts()).prop_flat_map(|(frequency, start)| {
        (parts(frequency), ends(start)).prop_map(move |(sample, end)| Sample { start, end, ..sample })
    })
}

fn parts(frequency: &'static str) -> impl Strategy<Value = Sample> {
    (
        prop_oneof![8 => 1u32..=4, 1 => 5u32..=60, 1 => 61u32..=1000],
        list(0.3, 1u32..=12, 4),
        list(0.35, prop_oneof![1i32..=31, -31i32..=-1], 5),
        list(0.45, weekdays(frequency), 4),
        list(0.25, positions(frequency), 2),
        weekday(),
    )
        .prop_map(move |(interval, months, mut month_days, mut weekdays, mut positions, week_start)| {
            if frequency == "WEEKLY" {
                month_days.clear();
            }
            if frequency == "MONTHLY" || !months.is_empty() {
                weekdays.retain(|(nth, _)| nth.abs() <= 5);
            }
            if months.is_empty() && month_days.is_empty() && weekdays.is_empty() {
                positions.clear();
            }
            let (start, end) = (day("2000-01-01"), End::Never);
            Sample { start, frequency, interval, months, month_days, weekdays, positions, week_start, end }
        })
}

/// At times a list of 1 to `most` values, else an empty one.
fn list<T: fmt::Debug>(
    chance: f64,
    value: impl Strategy<Value = T>,
    most: usize,
) -> impl Strategy<Value = Vec<T>> {
    weighted(chance, vec(value, 1..=most)).prop_map(Option::unwrap_or_default)
}

fn weekday() -> impl Strategy<Value = Weekday> {
    (0u8..7).prop_map(|n| Weekday::try_from(n).expect("a day"))
}

fn weekdays(frequency: &'static str) -> impl Strategy<Value = (i32, Weekday)> {
    let nth = match frequency {
        "MONTHLY" => prop_oneof![2 => Just(0), 3 => 1..=5, 3 => -5..=-1].boxed(),
        "YEARLY" => prop_oneof![2 => Just(0), 3 => -5..=5, 1 => -53..=53].boxed(),
        _ => Just(0).boxed(),
    };
    (nth, weekday())
}

/// Mostly of sets that have so many days: those that never fit cost the other evaluators the most.
fn positions(frequency: &'static str) -> impl Strategy<Value = i32> {
    let most = match frequency {
        "DAILY" => 1,
        "WEEKLY" => 4,
        _ => 8,
    };
    prop_oneof![12 => 1..=most, 12 => -most..=-1, 1 => 1..=366, 1 => -366..=-1]
}

/// Days from 1970 to 2109, the ends of months and leap days more often than others.
fn starts() -> impl Strategy<Value = NaiveDate> {
    let any = (0u64..51_000).prop_map(|days| day("1970-01-01") + Days::new(days));
    let last = any.clone().prop_map(|day| day.with_day(1).expect("a first") + Months::new(1) - Days::new(1));
    let leap = any.clone().prop_map(|day| NaiveDate::from_ymd_opt(day.year() / 4 * 4, 2, 29).unwrap_or(day));
    prop_oneof![4 => any, 2 => last, 1 => leap]
}

fn ends(start: NaiveDate) -> impl Strategy<Value = End> {
    prop_oneof![
        4 => Just(End::Never),
        1 => (0u64..2500).prop_map(move |days| End::Until(start + Days::new(days))),
        1 => (1usize..=30).prop_map(End::Count),
    ]
}
