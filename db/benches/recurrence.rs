//! What recurrence rules cost: `cargo bench -p roomm8-db --bench recurrence`.
//!
//! A chore's next date is asked for whenever an occurrence is closed; a preview is what people see while they make up a rule.
//! The last rules are those that take the longest to look for: a date in 28 years, and none at all.

#![allow(clippy::expect_used, reason = "a bench may fail loudly")]

use chrono::NaiveDate;
use chrono_tz::Europe::Helsinki;
use criterion::Criterion;
use roomm8_db::task::recurrence::{Mode, Overflow, Rule, Schedule};
use std::hint::black_box;

const RULES: [&str; 5] = [
    "FREQ=DAILY",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,FR",
    "FREQ=MONTHLY;BYDAY=-1FR",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO",
    "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let start = NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date");
    for text in RULES {
        let schedule = || {
            let rule: Rule = black_box(text).parse().expect("a rule");
            Schedule::new(start, None, Helsinki, rule, Overflow::Skip, Mode::Fixed)
        };
        criterion.bench_function(&format!("made from text/{text}"), |bench| bench.iter(schedule));
        let Ok(schedule) = schedule() else { continue };
        criterion.bench_function(&format!("the next/{text}"), |bench| {
            bench.iter(|| schedule.after(black_box(start)));
        });
        criterion.bench_function(&format!("a preview of ten/{text}"), |bench| {
            bench.iter(|| schedule.preview(black_box(10)));
        });
    }
    criterion.final_summary();
}
