//! Another evaluator, written for these tests alone: it walks the calendar day by day and asks of each day whether
//! RFC 5545 section 3.3.10 makes it a date of the rule. It shares nothing with the engine, counts on its fingers
//! and is as slow as that.

use crate::sample::{End, Sample, samples};
use crate::schedule;
use chrono::{Datelike, Days, NaiveDate};
use proptest::prelude::*;
use roomm8_db::task::recurrence::{Overflow, Rule};
use std::iter;

/// How far the walk goes, in days.
const YEARS_12: u64 = 4383;

fn next(day: NaiveDate) -> NaiveDate {
    day.succ_opt().expect("a day")
}

fn before(day: NaiveDate) -> NaiveDate {
    day.pred_opt().expect("a day")
}

struct Walk<'s> {
    sample: &'s Sample,
    overflow: Overflow,
}

impl Walk<'_> {
    /// The dates of the rule on the days from its start to `last`.
    fn dates(&self, last: NaiveDate) -> Vec<NaiveDate> {
        let mut dates = Vec::new();
        let mut period = 0;
        let mut today = self.sample.start;
        while today <= last {
            let is_over = match self.sample.end {
                End::Never => false,
                End::Until(last) => today > last,
                End::Count(count) => dates.len() == count,
            };
            if is_over {
                break;
            }
            if period % self.sample.interval == 0 && self.fits(today) && self.is_at_a_position(today) {
                dates.push(today);
            }
            today = next(today);
            if self.begins_a_period(today) {
                period += 1;
            }
        }
        dates
    }

    fn begins_a_period(&self, day: NaiveDate) -> bool {
        match self.sample.frequency {
            "DAILY" => true,
            "WEEKLY" => day.weekday() == self.sample.week_start,
            "MONTHLY" => day.day() == 1,
            _ => day.day() == 1 && day.month() == 1,
        }
    }

    fn fits(&self, day: NaiveDate) -> bool {
        let Sample { frequency, months, month_days, weekdays, start, .. } = self.sample;
        let names_days = !month_days.is_empty() || !weekdays.is_empty();
        let fits_month = match months.as_slice() {
            [] => *frequency != "YEARLY" || names_days || day.month() == start.month(),
            months => months.contains(&day.month()),
        };
        let fits_day = match (*frequency, names_days) {
            ("DAILY", false) => true,
            ("WEEKLY", false) => day.weekday() == start.weekday(),
            (_, false) => self.is_day_of_month(day, i32::try_from(start.day()).expect("small")),
            (_, true) => {
                (month_days.is_empty() || month_days.iter().any(|n| self.is_day_of_month(day, *n)))
                    && (weekdays.is_empty()
                        || weekdays
                            .iter()
                            .any(|(nth, weekday)| day.weekday() == *weekday && self.is_nth(day, *nth)))
            }
        };
        fits_month && fits_day
    }

    fn is_day_of_month(&self, day: NaiveDate, n: i32) -> bool {
        let days_left = iter::successors(Some(day), |day| Some(next(*day)))
            .take_while(|later| later.month() == day.month())
            .count();
        let date = i32::try_from(day.day()).expect("small");
        let from_end = -i32::try_from(days_left).expect("small");
        // Asked for a day after the last of the month, which is today.
        let is_clamped = self.overflow == Overflow::Clamp && days_left == 1 && n > date;
        n == date || n == from_end || (is_clamped && self.sample.frequency != "DAILY")
    }

    fn is_nth(&self, day: NaiveDate, nth: i32) -> bool {
        let is_same_span = |other: &NaiveDate| {
            let is_by_year = self.sample.frequency == "YEARLY" && self.sample.months.is_empty();
            other.year() == day.year() && (is_by_year || other.month() == day.month())
        };
        let count = |step: fn(NaiveDate) -> NaiveDate| {
            let days = iter::successors(Some(day), |day| Some(step(*day))).take_while(is_same_span);
            i32::try_from(days.filter(|other| other.weekday() == day.weekday()).count()).expect("small")
        };
        nth == 0 || nth == count(before) || nth == -count(next)
    }

    fn is_at_a_position(&self, day: NaiveDate) -> bool {
        if self.sample.positions.is_empty() {
            return true;
        }
        let up_to_today = {
            let mut days = Vec::new();
            let mut other = day;
            loop {
                days.push(other);
                if self.begins_a_period(other) {
                    break days;
                }
                other = before(other);
            }
        };
        let from_today = iter::once(day).chain(
            iter::successors(Some(next(day)), |day| Some(next(*day)))
                .take_while(|day| !self.begins_a_period(*day)),
        );
        let place = up_to_today.into_iter().filter(|day| self.fits(*day)).count();
        let from_end = from_today.filter(|day| self.fits(*day)).count();
        let place = i32::try_from(place).expect("small");
        let from_end = -i32::try_from(from_end).expect("small");
        self.sample.positions.iter().any(|position| [place, from_end].contains(position))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_has_the_dates_that_a_walk_through_the_calendar_finds(sample in samples(), clamps: bool) {
        let overflow = if clamps { Overflow::Clamp } else { Overflow::Skip };
        let last = sample.start + Days::new(YEARS_12);
        let walked = Walk { sample: &sample, overflow }.dates(last);
        let Ok(schedule) = schedule(&sample.start.to_string(), &sample.to_string(), overflow) else {
            prop_assert!(walked.is_empty(), "{sample} from {} is refused, but has {:?}", sample.start, walked.first());
            return Ok(());
        };
        // Each date is asked for by the one before it, so that this is also a test of where a search begins.
        let dates: Vec<NaiveDate> = iter::successors(Some(schedule.first()), |last| schedule.after(last.date))
            .map(|occurrence| occurrence.date)
            .take_while(|date| *date <= last)
            .collect();
        prop_assert_eq!(&dates, &walked, "{} from {}", sample, sample.start);
        let shown = schedule.preview(50).unwrap();
        let shown: Vec<NaiveDate> = shown.iter().map(|occurrence| occurrence.date).take_while(|date| *date <= last).collect();
        prop_assert_eq!(&shown, &walked[..walked.len().min(50)], "{} from {}", sample, sample.start);
    }

    #[test]
    fn a_rule_is_its_text(sample in samples()) {
        let rule: Rule = sample.to_string().parse().unwrap();
        prop_assert_eq!(rule.to_string().parse::<Rule>().unwrap(), rule);
    }
}
