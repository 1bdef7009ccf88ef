//! When a chore is due once its pauses are taken out of its schedule.

use super::Task;
use super::occurrence::Occurrence;
use super::recurrence::{self, Closed, Mode, Schedule, local_date};
use super::rotation::DateRanges;
use crate::{Date, Result, Time};
use chrono::NaiveDate;
use chrono_tz::Tz;

/// The last date of the calendar: a pause until then lasts until it is ended.
pub const LAST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(9999, 12, 31) {
    Some(date) => date,
    None => NaiveDate::MAX,
};

/// When a chore is due, its pauses passed over.
pub(super) struct Plan<'a> {
    schedule: Schedule,
    /// Whether the calendar says when, and not when it was done, nor that it is due once.
    is_by_calendar: bool,
    /// The number of the first occurrence by the schedule.
    first_number: i32,
    paused: &'a DateRanges,
}

impl Task {
    /// When it is due; nothing if it has no date. Whoever looks for what follows an occurrence asks this, not the schedule.
    pub(super) fn plan(&self) -> Result<Option<Plan<'_>>> {
        let is_by_calendar = self.rule.is_some() && self.mode == Mode::Fixed;
        let first_number = self.first_number.unwrap_or(1);
        let plan = |schedule| Plan { schedule, is_by_calendar, first_number, paused: &self.paused };
        Ok(self.schedule()?.map(plan))
    }
}

impl Plan<'_> {
    /// Where its dates are local.
    pub(super) fn zone(&self) -> Tz {
        self.schedule.zone()
    }

    /// See [`Schedule::first`].
    pub(super) fn first(&self) -> Option<recurrence::Occurrence> {
        self.outside_pauses(self.schedule.first())
    }

    /// What follows an occurrence that was planned for this date, as if it was closed `at` that time. See
    /// [`Schedule::next`].
    pub(super) fn next(
        &self,
        closed: &Occurrence,
        date: NaiveDate,
        at: Time,
        now: Time,
    ) -> Option<recurrence::Occurrence> {
        // By an earlier schedule there may have been as many as this one has.
        let number = u32::try_from(closed.number - self.first_number + 1).unwrap_or(0);
        self.outside_pauses(self.schedule.next(&Closed { date, at, number }, now)?)
    }

    /// See [`Schedule::after`].
    pub(super) fn after(&self, date: NaiveDate) -> Option<recurrence::Occurrence> {
        self.outside_pauses(self.schedule.after(date)?)
    }

    /// See [`Schedule::on`].
    pub(super) fn on(&self, date: NaiveDate) -> recurrence::Occurrence {
        self.schedule.on(date)
    }

    /// The first it could be due on this date or later.
    pub(super) fn not_before(&self, date: NaiveDate) -> Option<recurrence::Occurrence> {
        let date = date.max(self.schedule.first().date);
        let found =
            if self.is_by_calendar { self.schedule.after(date.pred_opt()?)? } else { self.schedule.on(date) };
        self.outside_pauses(found)
    }

    /// The same unless it is in a pause: then the rule's next date after that, or the day after it if the calendar does
    /// not say when. One look at each pause is enough, as they lie in the order of the calendar.
    fn outside_pauses(&self, planned: recurrence::Occurrence) -> Option<recurrence::Occurrence> {
        let mut planned = planned;
        for pause in self.paused.iter() {
            if !pause.covers(planned.date) {
                continue;
            }
            planned = if self.is_by_calendar {
                self.schedule.after(pause.last())?
            } else {
                let day = pause.last().succ_opt().filter(|day| *day < LAST_DAY)?;
                self.schedule.on(day)
            };
        }
        Some(planned)
    }

    /// What follows an occurrence, planned as when that was closed.
    pub(super) fn successor(&self, before: &Occurrence, now: Time) -> Option<recurrence::Occurrence> {
        let today = local_date(now, self.schedule.zone());
        let Some(date) = before.planned_on.map(Date::naive) else { return self.not_before(today) };
        if before.is_open() {
            return self.after(date);
        }
        let closed_at = before.closed_at.or(before.done_at).unwrap_or(now);
        let next = self.next(before, date, before.done_at.unwrap_or(closed_at), closed_at)?;
        // What was closed early goes on from there, but not what was closed before the schedule was this one.
        let is_begun = before.number >= self.first_number;
        if !is_begun && next.date < self.schedule.first().date { self.first() } else { Some(next) }
    }
}
