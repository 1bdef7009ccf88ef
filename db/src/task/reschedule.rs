//! Putting an occurrence off, or bringing it forward: this one only. The rule counts on from the date it was planned for, so
//! that nobody's turn is lost or doubled.

use super::occurrence::{Occurrence, Status, open_with_task, record, save};
use super::recurrence::{due, local_date};
use crate::access::Permission;
use crate::{Change, Date, Entry, Error, OccurrenceId, Operation, RefusalCode, Result, WallTime, version};
use chrono::{Months, NaiveDate};
use serde::Serialize;

/// An occurrence can be put off for so many years from today.
pub const FARTHEST_YEARS: u32 = 5;

/// The local time at which an occurrence is to be due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum DueTime {
    /// As it is.
    Kept,
    /// The end of the day.
    EndOfDay,
    /// This one.
    At(WallTime),
}

/// Has an occurrence be due at another time. Whose it is to do may do so, and others with the right to manage chores.
#[derive(Debug, Serialize)]
pub struct Reschedule {
    /// Which.
    pub occurrence: OccurrenceId,
    /// The local date: today, or up to [`FARTHEST_YEARS`] later.
    pub due_on: Date,
    /// The local time.
    pub due_time: DueTime,
    /// The version of the occurrence that the caller has seen.
    pub expected_version: Option<i32>,
}

impl Operation for Reschedule {
    type Outcome = Occurrence;
    const NAME: &'static str = "rescheduleOccurrence";
    const ENTRY: Entry = Entry::Member(Permission::DoTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Occurrence> {
        const FIELDS: &[&str] = &["dueDate", "dueTime"];
        let (mut occurrence, task) = open_with_task(change, self.occurrence).await?;
        let actor = change.actor()?;
        if occurrence.assignee_id != Some(actor.id()) {
            actor.require(Permission::ManageTasks)?;
        }
        let subject = occurrence.id.into();
        version::settle(change, subject, occurrence.version, self.expected_version, FIELDS).await?;
        let zone = task.zone()?;
        refuse_far(self.due_on.naive(), local_date(change.now(), zone))?;
        let due_time = match self.due_time {
            DueTime::Kept => occurrence.due_time,
            DueTime::EndOfDay => None,
            DueTime::At(time) => Some(time),
        };
        if (occurrence.due_on, occurrence.due_time) == (Some(self.due_on), due_time) {
            return Ok(occurrence);
        }
        occurrence.due_on = Some(self.due_on);
        occurrence.due_time = due_time;
        occurrence.due_at = due(self.due_on.naive(), due_time.map(WallTime::naive), zone);
        occurrence.acts_at = task.acts_again_at(&occurrence)?;
        save(change, &task, &mut occurrence, Status::Open).await?;
        record(change, crate::event::Kind::OccurrenceRescheduled, &occurrence, FIELDS);
        Ok(occurrence)
    }
}

fn refuse_far(date: NaiveDate, today: NaiveDate) -> Result<()> {
    let last = today.checked_add_months(Months::new(12 * FARTHEST_YEARS)).unwrap_or(NaiveDate::MAX);
    if (today..=last).contains(&date) {
        return Ok(());
    }
    let message = format!("must be today or later, but not more than {FARTHEST_YEARS} years");
    Err(Error::refused(RefusalCode::Invalid, "dueDate", message))
}
