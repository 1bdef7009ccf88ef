//! When chores are due: a rule, the local date it starts on, and what clocks say where the household lives.
//!
//! Everything here is computed from its arguments: there is no database and no clock. What is stored is always
//! local (a date, a wall time and an IANA zone), and instants are derived from it, so that chores do not drift when
//! clocks change; a new zone or rule is a new [`Schedule`], and dates of the past stay as they were stored.
//!
//! Two things differ from RFC 5545, as people expect them to. A day that a month does not have is its last day
//! unless it is to be skipped ([`Overflow`]; RFC 7529's SKIP=BACKWARD and OMIT), always counted from the day that
//! was asked for: 31 January, 28 February, 31 March. And the start is not itself a date of the chore unless it fits
//! the rule.
//!
//! Why not a library: `rrule` 0.14 reads a gap in time as we do, but always skips short months, drops the date of a
//! day that a zone skips, and answers a rule without dates with an empty list after walking its whole calendar.
//! `jiff` clamps months well, but knows no rules, and would be a second library of dates. What is left to do
//! between `chrono`'s calendar and `chrono-tz`'s zones is small, and is the very heart of the product.

mod dates;
mod local;
mod rule;

pub use local::{due, local_date};
pub use rule::{COUNT_LIMIT, INTERVAL_LIMIT, LIST_LIMIT, Rule, TEXT_LIMIT};

use crate::labels::labels;
use crate::{Error, RefusalCode, Result, Time};
use chrono::{Datelike, NaiveDate, NaiveTime, Timelike};
use chrono_tz::Tz;
use rule::{End, refused};
use std::iter;

/// The most dates shown in advance.
pub const PREVIEW_LIMIT: usize = 50;
/// The first year that a schedule can start in; the last is 9999, without its last day, which ends in the year after.
pub const FIRST_YEAR: i32 = 1900;

labels! {
    /// What becomes of a day of the month, such as the 31st, in months that do not have it.
    #[derive(Default)]
    Overflow {
        /// It is the last day of the month (RFC 7529: SKIP=BACKWARD).
        #[default]
        Clamp = "CLAMP",
        /// There is none in that month (RFC 5545; RFC 7529: SKIP=OMIT).
        Skip = "SKIP",
    }
}

labels! {
    /// What the next date is counted from.
    Mode {
        /// The calendar, whenever the chore is done: rubbish is fetched on Tuesdays.
        Fixed = "FIXED",
        /// The day it was done: the filter is changed a month after the last time.
        AfterCompletion = "AFTER_COMPLETION",
    }
}

/// When a chore is due. It has at least one date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    start: NaiveDate,
    time: Option<NaiveTime>,
    zone: Tz,
    rule: Rule,
    overflow: Overflow,
    mode: Mode,
    first: NaiveDate,
}

/// One time that a chore is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// Its local date, by which the rule counts.
    pub date: NaiveDate,
    /// When it is due; of a chore without a time, the end of that local day. See [`due`].
    pub due: Time,
}

/// An occurrence that was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// The local date it was due on.
    pub date: NaiveDate,
    /// When it was done, or skipped.
    pub at: Time,
    /// Which one of the chore's occurrences it was; the first is 1. Only [`Mode::AfterCompletion`] with COUNT asks.
    pub number: u32,
}

impl Schedule {
    /// The schedule of a chore, from the local date `start` on, at the wall time `time` or at the end of the day.
    ///
    /// Takes bounded time, whatever the rule: it looks at the days of at most 400 years.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if `start` is not in 1900 to 9999, or the last day of these, `time` is not in whole seconds, the rule has no date from
    /// its start on, or the mode is [`Mode::AfterCompletion`] and the rule names days or months, which would not
    /// be asked.
    pub fn new(
        start: NaiveDate,
        time: Option<NaiveTime>,
        zone: Tz,
        rule: Rule,
        overflow: Overflow,
        mode: Mode,
    ) -> Result<Self> {
        if start.year() < FIRST_YEAR || start > dates::LAST {
            let message = "must be in the years 1900 to 9999, and not on their last day";
            return Err(Error::refused(RefusalCode::Invalid, "startDate", message));
        }
        if time.is_some_and(|time| time.nanosecond() != 0) {
            let message = "must be in whole seconds, for example 18:30:00";
            return Err(Error::refused(RefusalCode::Invalid, "time", message));
        }
        if matches!(rule.end, End::Until(last) if last < start) {
            return Err(refused("UNTIL must not be before the start date"));
        }
        let first = match mode {
            Mode::Fixed => dates::dates(&rule, start, overflow, start).next(),
            Mode::AfterCompletion if rule.names_days() || !rule.months.is_empty() => {
                return Err(refused(
                    "BYDAY, BYMONTHDAY and BYMONTH do not go with a chore that is due again after its completion",
                ));
            }
            Mode::AfterCompletion => Some(start),
        };
        let first =
            first.ok_or_else(|| refused("has no date between its start and its UNTIL or the year 9999"))?;
        Ok(Self { start, time, zone, rule, overflow, mode, first })
    }

    /// The local date it starts on.
    pub fn start(&self) -> NaiveDate {
        self.start
    }

    /// The wall time it is due at; none is the end of the day.
    pub fn time(&self) -> Option<NaiveTime> {
        self.time
    }

    /// Where its dates and times are local.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// Its rule.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// What it does in months that are too short.
    pub fn overflow(&self) -> Overflow {
        self.overflow
    }

    /// What its next date is counted from.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Its first occurrence.
    pub fn first(&self) -> Occurrence {
        self.on(self.first)
    }

    /// Its first `count` occurrences, or fewer if it ends before; of a chore that is due again after its completion,
    /// those there would be if each were done on its date.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if `count` is not 1 to [`PREVIEW_LIMIT`].
    pub fn preview(&self, count: usize) -> Result<Vec<Occurrence>> {
        if !(1..=PREVIEW_LIMIT).contains(&count) {
            let message = format!("must be from 1 to {PREVIEW_LIMIT}");
            return Err(Error::refused(RefusalCode::Invalid, "count", message));
        }
        Ok(match self.mode {
            Mode::Fixed => self.dates(self.start).take(count).map(|date| self.on(date)).collect(),
            Mode::AfterCompletion => {
                let dates = iter::successors(Some(self.first), |date| self.interval_after(*date));
                dates.take(count.min(self.count())).map(|date| self.on(date)).collect()
            }
        })
    }

    /// What follows an occurrence that was closed; nothing if it was the last.
    ///
    /// [`Mode::Fixed`]: the rule's first date after the closed one that is not before today (by `now`): one that was
    /// closed early is not issued again, one that was closed late does not come back in the past, and today's turn is
    /// not swallowed. [`Mode::AfterCompletion`]: the local date on which it was closed and one interval, at the same
    /// local time.
    pub fn next(&self, closed: &Closed, now: Time) -> Option<Occurrence> {
        let date = match self.mode {
            Mode::Fixed => {
                let today = local_date(now, self.zone);
                self.dates(closed.date.succ_opt()?.max(today)).next()
            }
            Mode::AfterCompletion if usize::try_from(closed.number).is_ok_and(|n| n >= self.count()) => None,
            Mode::AfterCompletion => self.interval_after(local_date(closed.at, self.zone)),
        };
        date.map(|date| self.on(date))
    }

    /// The rule's first occurrence after `date`, in the past or not, for chores whose missed occurrences pile up or give
    /// way to the next; nothing for a chore that is due again only after its completion.
    pub fn after(&self, date: NaiveDate) -> Option<Occurrence> {
        match self.mode {
            Mode::Fixed => self.dates(date.succ_opt()?).next().map(|date| self.on(date)),
            Mode::AfterCompletion => None,
        }
    }

    /// The occurrence on a date, whether or not the rule has it: open ones keep theirs when the time or zone changes.
    pub fn on(&self, date: NaiveDate) -> Occurrence {
        Occurrence { date, due: due(date, self.time, self.zone) }
    }

    fn dates(&self, from: NaiveDate) -> impl Iterator<Item = NaiveDate> {
        dates::dates(&self.rule, self.start, self.overflow, from)
    }

    fn interval_after(&self, date: NaiveDate) -> Option<NaiveDate> {
        dates::interval_after(&self.rule, self.overflow, date)
    }

    /// How many occurrences there may be.
    fn count(&self) -> usize {
        match self.rule.end {
            End::After(count) => usize::try_from(count).unwrap_or(usize::MAX),
            End::Never | End::Until(_) => usize::MAX,
        }
    }
}
