//! Making chores.

use super::assign::open;
use super::occurrence::Slot;
use super::recurrence::{Mode, Overflow, Schedule};
use super::reminder::Reminders;
use super::rotation::{Help, Rotation, Strategy};
use super::subtask::{labels, subtasks};
use super::{MissedPolicy, Task, record, refuse_strangers, save_rotation, to_json, turn_length};
use crate::access::Permission;
use crate::household::{time_zone, time_zone_of};
use crate::tables::tasks;
use crate::{
    Change, Date, Entry, Error, Json, MemberId, Operation, RefusalCode, Result, TaskId, WallTime, event, text,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

/// The longest title, in characters.
pub const TITLE_LIMIT: usize = 200;
/// The longest notes, in characters.
pub const NOTES_LIMIT: usize = 4000;
/// The heaviest chore: the minutes of a day.
pub const WEIGHT_LIMIT: i32 = 1440;
/// The longest turn, in occurrences.
pub const TURN_LIMIT: i32 = 1000;
/// The longest time before it is due in which a chore can be done, in minutes: a year.
pub const OPENS_BEFORE_LIMIT: i32 = 366 * 24 * 60;
/// The most chores of a household that are not put away.
pub const TASK_LIMIT: i64 = 1000;

/// Makes a chore, and opens its first occurrence.
#[derive(Debug, Serialize)]
pub struct Create {
    /// What is to be done: 1 to [`TITLE_LIMIT`] characters.
    pub title: String,
    /// What else there is to know: 1 to [`NOTES_LIMIT`] characters, or nothing.
    pub notes: Option<String>,
    /// How much work it is, in minutes or points: 0 to [`WEIGHT_LIMIT`].
    pub weight: i32,
    /// The local date from which on it is due; the date of a chore that is due once, which may have none.
    pub start_on: Option<Date>,
    /// The local time it is due at; none is the end of the day.
    pub due_time: Option<WallTime>,
    /// The IANA zone of its dates and times; none is the household's, as it is now.
    pub time_zone: Option<String>,
    /// Its recurrence rule (see [`super::recurrence::Rule`]); none if it is due once.
    pub rule: Option<String>,
    /// What it does in months that are too short.
    pub overflow: Overflow,
    /// What its next date is counted from.
    pub mode: Mode,
    /// Who shares it, in order: up to [`super::rotation::ROSTER_LIMIT`] members who may do chores, or nobody.
    pub roster: Vec<MemberId>,
    /// How the one to do it is found.
    pub strategy: Strategy,
    /// How many occurrences make a turn: 1 to [`TURN_LIMIT`]. Only [`Strategy::RoundRobin`] asks.
    pub turn_length: i32,
    /// What doing another's whole turn does to the order. Only [`Strategy::RoundRobin`] asks.
    pub help: Help,
    /// What becomes of an occurrence that nobody closed in time.
    pub missed_policy: MissedPolicy,
    /// What it is sorted by: up to [`super::LABEL_LIMIT`] of up to [`super::LABEL_LENGTH_LIMIT`] characters.
    pub labels: Vec<String>,
    /// The titles of its parts: up to [`super::SUBTASK_LIMIT`] of up to [`super::SUBTASK_TITLE_LIMIT`] characters.
    pub subtasks: Vec<String>,
    /// When people are reminded of it.
    pub reminders: Reminders,
    /// Whether somebody else than the doer has to agree that it is done.
    pub requires_approval: bool,
    /// So many minutes before it is due it can be done, 0 to [`OPENS_BEFORE_LIMIT`]; none is any time.
    pub opens_before: Option<i32>,
}

impl Operation for Create {
    type Outcome = Task;
    const NAME: &'static str = "createTask";
    const ENTRY: Entry = Entry::Member(Permission::ManageTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Task> {
        let mut rotation = Rotation::new(self.roster.clone())?;
        let mut task = self.task(change, &rotation).await?;
        let schedule = task.schedule()?;
        task.rule = match (&schedule, &self.rule) {
            (Some(schedule), Some(_)) => Some(schedule.rule().to_string()),
            (None, Some(_)) => return Err(no_start("rule")),
            (None, None) if self.due_time.is_some() => return Err(no_start("time")),
            (_, None) => None,
        };
        refuse_strangers(change, "roster", &self.roster).await?;
        refuse_one_too_many(change).await?;
        let insert = diesel::insert_into(tasks::table).values(&task);
        run!(change.conn(), |c| insert.execute(c).await)?;
        record(change, event::Kind::TaskCreated, &task, &[]);
        let first = schedule.as_ref().map(Schedule::first);
        open(change, &task, &mut rotation, Slot::of(&task, first), 1, None).await?;
        save_rotation(change, &mut task, &rotation).await?;
        Ok(task)
    }
}

impl Create {
    async fn task(&self, change: &mut Change<'_>, rotation: &Rotation<MemberId>) -> Result<Task> {
        Ok(Task {
            id: TaskId::new(),
            household_id: change.household_id(),
            title: text::line("title", &self.title, TITLE_LIMIT)?,
            notes: self.notes.as_deref().map(|notes| text::lines("notes", notes, NOTES_LIMIT)).transpose()?,
            weight: weight(self.weight)?,
            start_on: self.start_on,
            due_time: self.due_time,
            time_zone: match &self.time_zone {
                Some(zone) => time_zone(zone)?.name().to_owned(),
                None => time_zone_of(change).await?,
            },
            has_household_zone: self.time_zone.is_none(),
            rule: self.rule.clone(),
            overflow: self.overflow,
            mode: self.mode,
            strategy: self.strategy,
            turn_length: i32::from(turn_length(self.turn_length)?.get()),
            help: self.help,
            missed_policy: self.missed_policy,
            rotation: to_json(rotation)?,
            labels: Json(labels(&self.labels)?),
            subtasks: Json(subtasks(&self.subtasks, &[])?),
            paused: Json::default(),
            reminders: Json(self.reminders.checked()?),
            requires_approval: self.requires_approval,
            opens_before: opens_before(self.opens_before)?,
            first_number: None,
            created_by: change.actor()?.id(),
            created_at: change.now(),
            archived_at: None,
            version: 1,
        })
    }
}

pub(super) fn weight(weight: i32) -> Result<i32> {
    if (0..=WEIGHT_LIMIT).contains(&weight) {
        return Ok(weight);
    }
    Err(Error::refused(RefusalCode::Invalid, "weight", format!("must be 0 to {WEIGHT_LIMIT}")))
}

pub(super) fn opens_before(minutes: Option<i32>) -> Result<Option<i32>> {
    if minutes.is_none_or(|minutes| (0..=OPENS_BEFORE_LIMIT).contains(&minutes)) {
        return Ok(minutes);
    }
    let message = format!("must be 0 to {OPENS_BEFORE_LIMIT} minutes");
    Err(Error::refused(RefusalCode::Invalid, "opensBeforeMinutes", message))
}

pub(super) fn no_start(field: &'static str) -> Error {
    Error::refused(RefusalCode::Invalid, field, "needs a start date")
}

pub(super) async fn refuse_one_too_many(change: &mut Change<'_>) -> Result<()> {
    let query = tasks::table
        .filter(tasks::household_id.eq(change.household_id()))
        .filter(tasks::archived_at.is_null())
        .count();
    let count: i64 = run!(change.conn(), |c| query.get_result(c).await)?;
    if count < TASK_LIMIT {
        return Ok(());
    }
    let message = format!("this household has {TASK_LIMIT} chores already: put some away first");
    Err(Error::refused(RefusalCode::Limit, "", message))
}
