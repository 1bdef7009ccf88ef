//! Pausing chores: while one is paused it is not due, and the time counts for nobody.

use super::assign::first_that_counts;
use super::edit::{in_use, save};
use super::plan::LAST_DAY;
use super::recurrence::local_date;
use super::replan::{Cause, go_on, plan_anew};
use super::rotation::{DateRange, DateRanges};
use super::{Task, reminder, save_rotation};
use crate::access::Permission;
use crate::{Change, Date, Entry, Error, Json, Operation, RefusalCode, Result, TaskId, event};
use chrono::NaiveDate;
use serde::Serialize;

/// Pauses a chore on these local dates, both included, together with the pauses they overlap: up to
/// [`super::rotation::RANGE_LIMIT`]. What is open and due in them is due after them instead.
#[derive(Debug, Serialize)]
pub struct Pause {
    /// Which.
    pub task: TaskId,
    /// The first date; today, unless said otherwise.
    pub from: Option<Date>,
    /// The last date; none lasts until somebody resumes it.
    pub until: Option<Date>,
}

impl Operation for Pause {
    type Outcome = Task;
    const NAME: &'static str = "pauseTask";
    const ENTRY: Entry = Entry::Member(Permission::ManageTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Task> {
        let mut task = in_use(change, self.task).await?;
        let today = local_date(change.now(), task.zone()?);
        let from = self.from.map_or(today, Date::naive);
        let until = self.until.map_or(LAST_DAY, Date::naive).min(LAST_DAY);
        let range = DateRange::new(from, until).map_err(|_| {
            Error::refused(RefusalCode::Invalid, "until", "must not be before the first day of the pause")
        })?;
        let before = task.paused.clone();
        let mut paused = remembered(&before, today)?;
        paused.add(range)?;
        if before.iter().any(|pause| pause.common(range) == Some(range)) {
            return Ok(task);
        }
        task.paused = Json(paused);
        save(change, event::Kind::TaskUpdated, &mut task, &["pauses"]).await?;
        let mut rotation = task.rotation()?;
        plan_anew(change, &task, &mut rotation, Cause::Pause).await?;
        save_rotation(change, &mut task, &rotation).await?;
        Ok(task)
    }
}

/// The pauses that still count: [`super::rotation::Strategy::LeastDone`] looks no farther back.
fn remembered(paused: &DateRanges, today: NaiveDate) -> Result<DateRanges> {
    let oldest = first_that_counts(today);
    let mut kept = DateRanges::default();
    for pause in paused.iter().filter(|pause| pause.last() >= oldest) {
        kept.add(pause)?;
    }
    Ok(kept)
}

/// Ends the pause that a date is in, so that the chore can be due on that date again. What was put off by the pause comes
/// back to its date, or to today. One that is not paused then stays as it is.
#[derive(Debug, Serialize)]
pub struct Resume {
    /// Which.
    pub task: TaskId,
    /// The first date on which it is no longer paused; today, unless said otherwise.
    pub on: Option<Date>,
}

impl Operation for Resume {
    type Outcome = Task;
    const NAME: &'static str = "resumeTask";
    const ENTRY: Entry = Entry::Member(Permission::ManageTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Task> {
        let mut task = in_use(change, self.task).await?;
        let on = match self.on {
            Some(on) => on.naive(),
            None => local_date(change.now(), task.zone()?),
        };
        if task.paused.end_early(on).is_none() {
            return Ok(task);
        }
        save(change, event::Kind::TaskUpdated, &mut task, &["pauses"]).await?;
        let mut rotation = task.rotation()?;
        plan_anew(change, &task, &mut rotation, Cause::Resumption(on)).await?;
        // A pause without an end had left nothing open.
        go_on(change, &task, &mut rotation).await?;
        save_rotation(change, &mut task, &rotation).await?;
        // What stays on its date can have been opened without those that fell into the pause.
        reminder::schedule_all(change, &task).await?;
        Ok(task)
    }
}
