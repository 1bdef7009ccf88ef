//! When chores are due: stories of the calendar and of clocks, and the same rules asked of two other evaluators.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod calendar;
mod clocks;
mod completion;
mod dateutil;
mod months;
mod refusal;
mod rfc5545;
mod sample;

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use roomm8_db::task::recurrence::{Mode, Occurrence, Overflow, Schedule};
use roomm8_db::{Result, Time};

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn at(text: &str) -> NaiveTime {
    text.parse().expect("a time")
}

/// The instant of an RFC 3339 text, in any offset.
fn instant(text: &str) -> Time {
    let instant = chrono::DateTime::parse_from_rfc3339(text).expect("an instant");
    Time::from_micros(instant.timestamp_micros())
}

/// A fixed, all-day chore in Berlin.
fn schedule(start: &str, rule: &str, overflow: Overflow) -> Result<Schedule> {
    Schedule::new(day(start), None, Tz::Europe__Berlin, rule.parse()?, overflow, Mode::Fixed)
}

/// The dates of a fixed chore that clamps.
fn dates(start: &str, rule: &str, count: usize) -> Vec<String> {
    dates_with(Overflow::Clamp, start, rule, count)
}

fn dates_with(overflow: Overflow, start: &str, rule: &str, count: usize) -> Vec<String> {
    let schedule = schedule(start, rule, overflow).expect("it has dates");
    words(&schedule.preview(count).expect("it is not too many"))
}

fn words(occurrences: &[Occurrence]) -> Vec<String> {
    occurrences.iter().map(|occurrence| occurrence.date.to_string()).collect()
}

/// When a daily chore is due on `count` days, as clocks there show it.
fn daily(start: &str, time: Option<NaiveTime>, zone: Tz, count: usize) -> Vec<String> {
    let rule = "FREQ=DAILY".parse().expect("a rule");
    let schedule =
        Schedule::new(day(start), time, zone, rule, Overflow::Clamp, Mode::Fixed).expect("it has dates");
    let due = |occurrence: &Occurrence| occurrence.due.to_utc().with_timezone(&zone).to_rfc3339();
    schedule.preview(count).expect("it is not too many").iter().map(due).collect()
}
