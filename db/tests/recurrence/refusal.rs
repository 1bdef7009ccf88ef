//! Rules that are never due, and other things that make no schedule.

use crate::{at, dates_with, day, schedule};
use chrono_tz::Tz;
use roomm8_db::Error;
use roomm8_db::task::recurrence::Overflow::{Clamp, Skip};
use roomm8_db::task::recurrence::{Mode, Overflow, PREVIEW_LIMIT, Schedule};

fn refusal(overflow: Overflow, rule: &str) -> String {
    match schedule("2026-01-31", rule, overflow) {
        Err(Error::Refused(refusal)) => refusal.to_string(),
        other => panic!("{rule} is not refused: {other:?}"),
    }
}

#[test]
fn a_rule_without_a_date_is_refused() {
    for rule in [
        "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2",
        "FREQ=YEARLY;BYMONTHDAY=30,31;BYMONTH=2",
        "FREQ=DAILY;BYMONTHDAY=31;BYMONTH=4,6,9,11",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
        "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=-3",
        "FREQ=DAILY;BYDAY=MO;BYSETPOS=2",
        "FREQ=YEARLY;BYDAY=SU;BYMONTHDAY=8;BYMONTH=2;BYSETPOS=2",
        "FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=8",
        // Every twelve months from January it is never February, every four years from 2026 never a leap year.
        "FREQ=MONTHLY;INTERVAL=12;BYMONTH=2;BYMONTHDAY=1",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29",
        // Its first date is after its last.
        "FREQ=YEARLY;UNTIL=20260301;BYMONTH=5;BYMONTHDAY=1",
    ] {
        let sentence = refusal(Skip, rule);
        assert!(sentence.starts_with("rule: has no date"), "{rule}: {sentence}");
    }
    assert_eq!(refusal(Skip, "FREQ=DAILY;UNTIL=20260130"), "rule: UNTIL must not be before the start date");
}

#[test]
fn clamping_gives_some_of_them_dates() {
    let rule = "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2";
    assert_eq!(dates_with(Clamp, "2026-01-31", rule, 3), ["2026-02-28", "2027-02-28", "2028-02-29"]);
    assert!(refusal(Clamp, "FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2").contains("has no date"));
}

#[test]
fn a_chore_after_completion_names_no_days() {
    for part in ["BYDAY=MO", "BYMONTHDAY=1", "BYMONTH=1"] {
        let rule = format!("FREQ=MONTHLY;{part}").parse().unwrap();
        let made = Schedule::new(day("2026-01-01"), None, Tz::UTC, rule, Clamp, Mode::AfterCompletion);
        assert!(made.unwrap_err().to_string().contains("after its completion"));
    }
}

#[test]
fn starts_and_times_have_limits() {
    for start in ["1899-12-31", "-0001-01-01", "9999-12-31", "+10000-01-01"] {
        assert!(schedule(start, "FREQ=DAILY", Clamp).unwrap_err().to_string().starts_with("startDate: "));
    }
    for time in ["18:30:00.5", "23:59:60"] {
        let rule = "FREQ=DAILY".parse().unwrap();
        let made = Schedule::new(day("2026-01-01"), Some(at(time)), Tz::UTC, rule, Clamp, Mode::Fixed);
        assert!(made.unwrap_err().to_string().starts_with("time: "), "{time}");
    }
}

#[test]
fn a_preview_has_a_limit() {
    let daily = schedule("2026-01-01", "FREQ=DAILY", Clamp).unwrap();
    assert_eq!(daily.preview(PREVIEW_LIMIT).unwrap().len(), PREVIEW_LIMIT);
    for count in [0, PREVIEW_LIMIT + 1, usize::MAX] {
        assert_eq!(daily.preview(count).unwrap_err().to_string(), "count: must be from 1 to 50");
    }
}

#[test]
fn what_is_due_last_is_due_in_a_year_of_four_digits() {
    for mode in [Mode::Fixed, Mode::AfterCompletion] {
        let rule = "FREQ=DAILY".parse().unwrap();
        let made = Schedule::new(day("9999-12-29"), None, Tz::Etc__GMTPlus12, rule, Clamp, mode).unwrap();
        let last = made.preview(9).unwrap().pop().unwrap();
        assert_eq!(
            (last.date, last.due.to_utc().to_rfc3339()),
            (day("9999-12-30"), "9999-12-31T12:00:00+00:00".into())
        );
    }
}
