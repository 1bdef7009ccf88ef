//! Months that are too short, weekdays counted in months, weeks counted from the start.

use crate::{dates, dates_with};
use roomm8_db::task::recurrence::Overflow::{Clamp, Skip};

#[test]
fn the_31st_is_the_last_day_of_short_months_and_comes_back() {
    let rule = "FREQ=MONTHLY";
    let expected = ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"];
    assert_eq!(dates_with(Clamp, "2026-01-31", rule, 5), expected);
    assert_eq!(dates_with(Clamp, "2026-01-31", "FREQ=MONTHLY;BYMONTHDAY=31", 5), expected);
    let expected = ["2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31", "2026-08-31"];
    assert_eq!(dates_with(Skip, "2026-01-31", rule, 5), expected);
    assert_eq!(dates_with(Clamp, "2028-01-30", rule, 2), ["2028-01-30", "2028-02-29"]);
}

#[test]
fn an_interval_of_months_counts_from_the_original_day_too() {
    let expected = ["2026-08-31", "2026-10-31", "2026-12-31", "2027-02-28", "2027-04-30"];
    assert_eq!(dates("2026-08-31", "FREQ=MONTHLY;INTERVAL=2", 5), expected);
}

#[test]
fn leap_day_is_28_february_in_other_years() {
    let expected = ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"];
    assert_eq!(dates_with(Clamp, "2024-02-29", "FREQ=YEARLY", 5), expected);
    // 2100 is no leap year.
    let expected = ["2092-02-29", "2096-02-29", "2104-02-29"];
    assert_eq!(dates_with(Skip, "2092-02-29", "FREQ=YEARLY", 3), expected);
}

#[test]
fn days_that_clamp_to_the_same_one_are_one() {
    let rule = "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31";
    let expected = ["2026-02-28", "2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31", "2026-04-28"];
    assert_eq!(dates("2026-02-01", rule, 6), expected);
    // As in RFC 7529 section 4.1, weekdays choose among the days after they were clamped: 28 February 2025 is a Friday.
    let rule = "FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=FR";
    assert_eq!(dates("2025-02-01", rule, 2), ["2025-02-28", "2025-10-31"]);
}

#[test]
fn days_from_the_end_follow_the_length_of_the_month() {
    let expected = ["2026-01-31", "2026-02-28", "2026-03-31"];
    assert_eq!(dates("2026-01-01", "FREQ=MONTHLY;BYMONTHDAY=-1", 3), expected);
    for overflow in [Clamp, Skip] {
        let expected = ["2026-01-01", "2026-03-01", "2026-05-01"];
        assert_eq!(dates_with(overflow, "2026-01-01", "FREQ=MONTHLY;BYMONTHDAY=-31", 3), expected);
    }
}

#[test]
fn a_daily_rule_only_chooses_so_nothing_is_clamped() {
    let expected = ["2026-01-31", "2026-03-31", "2026-05-31"];
    assert_eq!(dates_with(Clamp, "2026-01-31", "FREQ=DAILY;BYMONTHDAY=31", 3), expected);
}

#[test]
fn a_fifth_friday_is_not_in_every_month_but_a_last_one_is() {
    for overflow in [Clamp, Skip] {
        let expected = ["2026-01-30", "2026-05-29", "2026-07-31", "2026-10-30"];
        assert_eq!(dates_with(overflow, "2026-01-01", "FREQ=MONTHLY;BYDAY=5FR", 4), expected);
    }
    let expected = ["2026-01-30", "2026-02-27", "2026-03-27", "2026-04-24"];
    assert_eq!(dates("2026-01-01", "FREQ=MONTHLY;BYDAY=-1FR", 4), expected);
}

#[test]
fn numbered_and_plain_weekdays_are_all_meant() {
    let expected = ["2026-06-01", "2026-06-02", "2026-06-08", "2026-06-15"];
    assert_eq!(dates("2026-06-01", "FREQ=MONTHLY;BYDAY=MO,1TU", 4), expected);
}

#[test]
fn the_last_workday_of_the_month() {
    let rule = "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1";
    assert_eq!(dates("2026-01-01", rule, 3), ["2026-01-30", "2026-02-27", "2026-03-31"]);
}

#[test]
fn a_position_counts_days_before_the_start_too() {
    // The first and third day of the week that starts on Monday the 5th, seen from its Wednesday.
    let rule = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH;BYSETPOS=1,3";
    assert_eq!(dates("2026-01-07", rule, 3), ["2026-01-07", "2026-01-12", "2026-01-14"]);
}

#[test]
fn every_second_week_keeps_step_with_its_start() {
    // Rubbish on Tuesday and Friday, from a Friday on: the Tuesday after is in the week between.
    let rule = "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,FR";
    assert_eq!(dates("2026-01-02", rule, 4), ["2026-01-02", "2026-01-13", "2026-01-16", "2026-01-27"]);
}

#[test]
fn which_day_a_week_starts_on_decides_what_every_second_week_is() {
    let rule = "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO";
    let monday_first = ["2026-01-04", "2026-01-12", "2026-01-18"];
    assert_eq!(dates("2026-01-04", rule, 3), monday_first);
    let sunday_first = ["2026-01-04", "2026-01-05", "2026-01-18"];
    assert_eq!(dates("2026-01-04", &format!("{rule};WKST=SU"), 3), sunday_first);
}

#[test]
fn a_start_that_does_not_fit_is_not_a_date() {
    assert_eq!(dates("2026-01-01", "FREQ=WEEKLY;BYDAY=MO;COUNT=2", 9), ["2026-01-05", "2026-01-12"]);
}

#[test]
fn until_is_the_last_day_and_count_the_number_of_dates() {
    assert_eq!(dates("2026-01-01", "FREQ=DAILY;UNTIL=20260103", 9).len(), 3);
    assert_eq!(dates("2026-01-01", "FREQ=DAILY;UNTIL=20260101", 9), ["2026-01-01"]);
    assert_eq!(dates("2026-01-01", "FREQ=DAILY;COUNT=3", 9).len(), 3);
}
