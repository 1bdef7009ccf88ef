//! When a chore is due: as it is written, and what would come of it.

use crate::error::Result;
use crate::payload::UserError;
use crate::scalar::{DateTime, LocalDate, LocalTime};
use async_graphql::{Enum, InputObject, SimpleObject};
use roomm8_db::task::recurrence::{self, Rule, Schedule};
use roomm8_db::{Error as DbError, household};

/// What becomes of a day of the month, such as the 31st, in months that do not have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "recurrence::Overflow")]
pub(crate) enum Overflow {
    /// It is the last day of the month; in the next one it is the day that was meant again.
    Clamp,
    /// There is none in that month.
    Skip,
}

/// What a chore's next date is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "recurrence::Mode")]
pub(crate) enum RecurrenceMode {
    /// The calendar, whenever the chore is done: rubbish is fetched on Tuesdays.
    Fixed,
    /// The day it was done: the filter is changed a month after the last time. The rule then has a `FREQ`, an
    /// `INTERVAL` and an end at most.
    AfterCompletion,
}

/// When a chore is due: once, or again and again.
#[derive(Debug, InputObject)]
pub(crate) struct RecurrenceInput {
    /// The local date from which on it is due, in the years 1900 to 9999, but not the last day of these. It is a date
    /// of the chore only if the rule has it.
    pub(super) start_date: LocalDate,
    /// The local time it is due at, also when clocks change; without, it is due by the end of the day.
    pub(super) time: Option<LocalTime>,
    /// The IANA time zone of its dates and times; the household's, unless said otherwise.
    pub(super) time_zone: Option<String>,
    /// An RRULE of RFC 5545 with FREQ (DAILY to YEARLY), INTERVAL, BYMONTH, BYMONTHDAY, BYDAY, BYSETPOS, WKST and either
    /// COUNT or UNTIL: `FREQ=WEEKLY;BYDAY=TU`, `FREQ=MONTHLY;BYDAY=5FR`. Without, it is due once, on `startDate`.
    pub(super) rule: Option<String>,
    /// What becomes of a day that a month does not have.
    #[graphql(default_with = "Overflow::Clamp")]
    pub(super) overflow: Overflow,
    /// What the next date is counted from.
    #[graphql(default_with = "RecurrenceMode::Fixed")]
    pub(super) mode: RecurrenceMode,
}

impl RecurrenceInput {
    /// Fails for the household's time zone unless the input has one of its own.
    fn schedule(&self, home: &str) -> roomm8_db::Result<Schedule> {
        let zone = household::time_zone(self.time_zone.as_deref().unwrap_or(home))?;
        let rule: Rule = self.rule.as_deref().unwrap_or(roomm8_db::task::ONCE).parse()?;
        let time = self.time.map(|LocalTime(time)| time);
        Schedule::new(self.start_date.0, time, zone, rule, self.overflow.into(), self.mode.into())
    }
}

/// One time that a chore would be due.
#[derive(Debug, SimpleObject)]
pub(crate) struct PlannedOccurrence {
    /// Its local date.
    date: LocalDate,
    /// When it is due: at the chore's local time, or at the end of the day. A time that clocks jump over is later by the
    /// jump; of one that comes twice it is the first.
    due_at: DateTime,
}

/// When a chore would be due.
#[derive(Debug, SimpleObject)]
pub(crate) struct RecurrencePreview {
    /// The first occurrences; those there would be if each were done on its date. Fewer than asked for if it ends before.
    occurrences: Vec<PlannedOccurrence>,
    /// The rule as it was understood, in its shortest form; null if it was not, and if there is none.
    rule: Option<String>,
    /// What a person can mend of the recurrence; empty if all is well.
    user_errors: Vec<UserError>,
}

/// What a household by this zone would see of the recurrence.
pub(crate) fn preview(input: &RecurrenceInput, home: &str, count: i32) -> Result<RecurrencePreview> {
    let previewed = input.schedule(home).and_then(|schedule| {
        // A negative count is as wrong as none.
        let occurrences = schedule.preview(usize::try_from(count).unwrap_or(0))?;
        Ok((input.rule.as_ref().map(|_| schedule.rule().to_string()), occurrences))
    });
    match previewed {
        Ok((rule, occurrences)) => Ok(RecurrencePreview {
            occurrences: occurrences.into_iter().map(PlannedOccurrence::from).collect(),
            rule,
            user_errors: Vec::new(),
        }),
        Err(DbError::Refused(refusal)) => Ok(RecurrencePreview {
            occurrences: Vec::new(),
            rule: None,
            user_errors: vec![UserError::from(refusal)],
        }),
        Err(error) => Err(error.into()),
    }
}

impl From<recurrence::Occurrence> for PlannedOccurrence {
    fn from(occurrence: recurrence::Occurrence) -> Self {
        Self { date: LocalDate(occurrence.date), due_at: DateTime(occurrence.due) }
    }
}
