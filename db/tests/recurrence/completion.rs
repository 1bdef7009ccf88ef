//! What follows an occurrence that was closed: early, in time or late.

use crate::{at, day, instant, words};
use chrono_tz::Tz;
use roomm8_db::Time;
use roomm8_db::task::recurrence::{Closed, Mode, Overflow, Schedule};

fn schedule(mode: Mode, start: &str, rule: &str) -> Schedule {
    let rule = rule.parse().unwrap();
    Schedule::new(day(start), Some(at("18:00:00")), Tz::America__New_York, rule, Overflow::Clamp, mode)
        .unwrap()
}

/// The date that follows if the occurrence of `date` is closed at this instant.
fn next(schedule: &Schedule, date: &str, closed_at: &str) -> Option<String> {
    nth(schedule, 1, date, closed_at)
}

fn nth(schedule: &Schedule, number: u32, date: &str, closed_at: &str) -> Option<String> {
    let at = instant(closed_at);
    let next = schedule.next(&Closed { date: day(date), at, number }, at)?;
    assert_eq!(next, schedule.on(next.date));
    Some(next.date.to_string())
}

#[test]
fn a_fixed_chore_closed_early_is_not_issued_again() {
    let bins = schedule(Mode::Fixed, "2026-06-02", "FREQ=WEEKLY;BYDAY=TU");
    assert_eq!(next(&bins, "2026-06-09", "2026-06-05T12:00:00-04:00").unwrap(), "2026-06-16");
    assert_eq!(next(&bins, "2026-06-09", "2026-06-02T12:00:00-04:00").unwrap(), "2026-06-16");
}

#[test]
fn a_fixed_chore_closed_late_does_not_come_back_in_the_past() {
    let bins = schedule(Mode::Fixed, "2026-06-02", "FREQ=WEEKLY;BYDAY=TU");
    assert_eq!(next(&bins, "2026-06-09", "2026-06-26T12:00:00-04:00").unwrap(), "2026-06-30");
}

#[test]
fn todays_turn_is_not_swallowed() {
    let bins = schedule(Mode::Fixed, "2026-06-02", "FREQ=WEEKLY;BYDAY=TU");
    // Closed on Tuesday the 23rd, an hour before that turn and an hour after it.
    assert_eq!(next(&bins, "2026-06-09", "2026-06-23T17:00:00-04:00").unwrap(), "2026-06-23");
    assert_eq!(next(&bins, "2026-06-09", "2026-06-23T19:00:00-04:00").unwrap(), "2026-06-23");
    // Today is today in New York, where it is 20:00 while UTC has tomorrow.
    let daily = schedule(Mode::Fixed, "2026-06-01", "FREQ=DAILY");
    assert_eq!(next(&daily, "2026-06-22", "2026-06-23T20:00:00-04:00").unwrap(), "2026-06-23");
    assert_eq!(next(&daily, "2026-06-23", "2026-06-23T20:00:00-04:00").unwrap(), "2026-06-24");
}

#[test]
fn closing_a_date_that_is_not_of_the_rule_any_more_goes_on_with_the_rule() {
    let bins = schedule(Mode::Fixed, "2026-06-02", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU");
    assert_eq!(next(&bins, "2026-06-11", "2026-06-11T12:00:00-04:00").unwrap(), "2026-06-16");
}

#[test]
fn the_31st_comes_back_after_a_february() {
    let rent = schedule(Mode::Fixed, "2026-01-31", "FREQ=MONTHLY");
    assert_eq!(next(&rent, "2026-02-28", "2026-02-28T12:00:00-05:00").unwrap(), "2026-03-31");
}

#[test]
fn the_number_of_dates_includes_those_that_were_passed_over() {
    let course = schedule(Mode::Fixed, "2026-06-01", "FREQ=DAILY;COUNT=5");
    assert_eq!(next(&course, "2026-06-01", "2026-06-04T12:00:00-04:00").unwrap(), "2026-06-04");
    assert_eq!(next(&course, "2026-06-04", "2026-06-04T13:00:00-04:00").unwrap(), "2026-06-05");
    assert_eq!(next(&course, "2026-06-05", "2026-06-05T13:00:00-04:00"), None);
    assert_eq!(next(&course, "2026-06-01", "2026-07-01T12:00:00-04:00"), None);
    let course = schedule(Mode::Fixed, "2026-06-01", "FREQ=DAILY;UNTIL=20260605");
    assert_eq!(next(&course, "2026-06-05", "2026-06-05T13:00:00-04:00"), None);
}

#[test]
fn missed_occurrences_are_known_one_by_one() {
    let bins = schedule(Mode::Fixed, "2026-06-02", "FREQ=WEEKLY;BYDAY=TU");
    assert_eq!(bins.after(day("2026-06-02")).unwrap().date, day("2026-06-09"));
    assert_eq!(bins.after(day("2026-06-08")).unwrap().date, day("2026-06-09"));
    assert_eq!(bins.after(day("2020-01-01")).unwrap(), bins.first());
    let filter = schedule(Mode::AfterCompletion, "2026-06-02", "FREQ=WEEKLY");
    assert_eq!(filter.after(day("2026-06-02")), None);
}

#[test]
fn a_chore_after_completion_waits_its_interval_from_the_local_day_it_was_done() {
    let filter = schedule(Mode::AfterCompletion, "2026-06-02", "FREQ=DAILY;INTERVAL=10");
    assert_eq!(filter.first().due, instant("2026-06-02T18:00:00-04:00"));
    // Early, late, and on an evening in New York on which it is tomorrow in UTC.
    assert_eq!(next(&filter, "2026-06-02", "2026-05-30T09:00:00-04:00").unwrap(), "2026-06-09");
    assert_eq!(next(&filter, "2026-06-02", "2026-06-20T09:00:00-04:00").unwrap(), "2026-06-30");
    assert_eq!(next(&filter, "2026-06-02", "2026-06-03T20:30:00-04:00").unwrap(), "2026-06-13");
}

#[test]
fn a_chore_after_completion_keeps_its_wall_time_over_a_change_of_clocks() {
    let filter = schedule(Mode::AfterCompletion, "2026-03-01", "FREQ=WEEKLY");
    let at = instant("2026-03-04T12:00:00-05:00");
    let next = filter.next(&Closed { date: day("2026-03-01"), at, number: 1 }, at).unwrap();
    assert_eq!(next.due, instant("2026-03-11T18:00:00-04:00"));
}

#[test]
fn a_chore_done_last_month_is_due_in_the_month_it_was_done_plus_one() {
    // Told late: it counts from when it was done, not from when that was said.
    let filter = schedule(Mode::AfterCompletion, "2026-01-31", "FREQ=MONTHLY");
    let closed = Closed { date: day("2026-01-31"), at: instant("2026-02-01T12:00:00-05:00"), number: 1 };
    let next = filter.next(&closed, instant("2026-02-20T12:00:00-05:00")).unwrap();
    assert_eq!(next.date, day("2026-03-01"));
}

#[test]
fn months_after_a_31st_clamp_or_wait_for_the_next_31st() {
    let done = "2026-01-31T12:00:00-05:00";
    let clamped = schedule(Mode::AfterCompletion, "2026-01-31", "FREQ=MONTHLY");
    assert_eq!(next(&clamped, "2026-01-31", done).unwrap(), "2026-02-28");
    let with = |start: &str, rule: &str, overflow| {
        let rule = rule.parse().unwrap();
        Schedule::new(day(start), None, Tz::America__New_York, rule, overflow, Mode::AfterCompletion).unwrap()
    };
    let skipping = with("2026-01-31", "FREQ=MONTHLY", Overflow::Skip);
    assert_eq!(next(&skipping, "2026-01-31", done).unwrap(), "2026-03-31");
    let skipping = with("2096-02-29", "FREQ=YEARLY", Overflow::Skip);
    assert_eq!(next(&skipping, "2096-02-29", "2096-02-29T12:00:00-05:00").unwrap(), "2104-02-29");
}

#[test]
fn a_chore_after_completion_ends_too() {
    let thrice = schedule(Mode::AfterCompletion, "2026-06-01", "FREQ=DAILY;COUNT=3");
    assert_eq!(nth(&thrice, 2, "2026-06-05", "2026-06-05T12:00:00-04:00").unwrap(), "2026-06-06");
    assert_eq!(nth(&thrice, 3, "2026-06-06", "2026-06-06T12:00:00-04:00"), None);
    let until = schedule(Mode::AfterCompletion, "2026-06-01", "FREQ=WEEKLY;UNTIL=20260610");
    assert_eq!(next(&until, "2026-06-01", "2026-06-03T12:00:00-04:00").unwrap(), "2026-06-10");
    assert_eq!(next(&until, "2026-06-01", "2026-06-04T12:00:00-04:00"), None);
}

#[test]
fn its_preview_is_that_of_somebody_punctual() {
    let filter = schedule(Mode::AfterCompletion, "2026-01-31", "FREQ=MONTHLY;COUNT=3");
    assert_eq!(words(&filter.preview(50).unwrap()), ["2026-01-31", "2026-02-28", "2026-03-28"]);
}

#[test]
fn the_ends_of_time_have_no_next() {
    let last = Closed { date: chrono::NaiveDate::MAX, at: Time::from_micros(i64::MAX), number: u32::MAX };
    for mode in [Mode::Fixed, Mode::AfterCompletion] {
        let chore = schedule(mode, "9999-12-30", "FREQ=YEARLY;INTERVAL=1000");
        assert_eq!(chore.preview(50).unwrap().len(), 1);
        let late = Closed { date: day("9999-12-30"), at: instant("9999-12-30T12:00:00Z"), number: 1 };
        assert_eq!(chore.next(&late, late.at), None);
    }
    assert_eq!(schedule(Mode::Fixed, "2026-01-01", "FREQ=DAILY").next(&last, last.at), None);
}
