//! Changing chores: their words, when they are due and who shares them. What was closed stays as it was; what is open
//! follows the change.

use super::create::{NOTES_LIMIT, TITLE_LIMIT, no_start, opens_before, weight};
use super::recurrence::{Mode, Overflow};
use super::reminder::{self, Reminders};
use super::replan::{Cause, go_on, next_number, plan_anew};
use super::rotation::{Help, Rotation, Strategy};
use super::subtask::{labels, subtasks};
use super::{
    MissedPolicy, Status, Task, record, refuse_strangers, save_rotation, share, to_json, turn_length,
};
use crate::access::Permission;
use crate::household::{time_zone, time_zone_of};
use crate::prepared::Prepare as _;
use crate::tables::{occurrences, tasks};
use crate::{
    Change, Date, Entry, Error, Json, MemberId, Operation, RefusalCode, Result, TaskId, To, WallTime, event,
    text, version,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

/// The names of what says on which dates it is due.
const DATES: [&str; 4] = ["startDate", "rule", "overflow", "mode"];
/// The names of what says when on these.
const CLOCK: [&str; 2] = ["dueTime", "timeZone"];

/// When a chore is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct When {
    /// The local date from which on it is due.
    pub start_on: Date,
    /// The local time it is due at; none is the end of the day.
    pub due_time: Option<WallTime>,
    /// The IANA zone of its dates and times; none is the household's, also when that moves.
    pub time_zone: Option<String>,
    /// Its recurrence rule; none if it is due once.
    pub rule: Option<String>,
    /// What it does in months that are too short.
    pub overflow: Overflow,
    /// What its next date is counted from.
    pub mode: Mode,
}

/// Changes a chore; what is `None` stays as it is. See [`super::Create`] for what each can be.
#[derive(Debug, Serialize)]
pub struct Update {
    /// Which.
    pub task: TaskId,
    /// What is to be done.
    pub title: Option<String>,
    /// What else there is to know.
    pub notes: Option<To<String>>,
    /// How much work it is.
    pub weight: Option<i32>,
    /// When it is due: what is open is planned anew, for today or later, and cancelled if there is no further date. Where
    /// the dates stay the same, what is open keeps its own.
    pub schedule: Option<To<When>>,
    /// Who shares it, in order: what is open is assigned anew.
    pub roster: Option<Vec<MemberId>>,
    /// How the one to do it is found: a new rotation begins, and what is open is assigned anew.
    pub strategy: Option<Strategy>,
    /// How many occurrences make a turn.
    pub turn_length: Option<i32>,
    /// What doing another's whole turn does to the order.
    pub help: Option<Help>,
    /// What becomes of an occurrence that nobody closed in time.
    pub missed_policy: Option<MissedPolicy>,
    /// What it is sorted by.
    pub labels: Option<Vec<String>>,
    /// The titles of its parts. One that keeps its title keeps whether it is done.
    pub subtasks: Option<Vec<String>>,
    /// When people are reminded of it.
    pub reminders: Option<Reminders>,
    /// Whether somebody else than the doer has to agree that it is done.
    pub requires_approval: Option<bool>,
    /// So many minutes before it is due it can be done.
    pub opens_before: Option<To<i32>>,
    /// The version the caller has seen.
    pub expected_version: Option<i32>,
}

impl Update {
    /// A change of this chore that changes nothing yet.
    pub fn of(task: TaskId) -> Self {
        Self {
            task,
            title: None,
            notes: None,
            weight: None,
            schedule: None,
            roster: None,
            strategy: None,
            turn_length: None,
            help: None,
            missed_policy: None,
            labels: None,
            subtasks: None,
            reminders: None,
            requires_approval: None,
            opens_before: None,
            expected_version: None,
        }
    }
}

impl Operation for Update {
    type Outcome = Task;
    const NAME: &'static str = "updateTask";
    const ENTRY: Entry = Entry::Member(Permission::ManageTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Task> {
        let before = in_use(change, self.task).await?;
        let mut after = before.clone();
        self.apply_words(&mut after)?;
        self.apply_schedule(change, &mut after).await?;
        let mut rotation = self.apply_sharing(&mut after)?;
        let fields = differences(&before, &after)?;
        version::settle(change, before.id.into(), before.version, self.expected_version, &fields).await?;
        if fields.is_empty() {
            return Ok(before);
        }
        if fields.contains(&"roster") {
            refuse_strangers(change, "roster", rotation.order()).await?;
        }
        if begins_anew(&before, &after) {
            after.first_number = Some(next_number(change, &before).await?);
        }
        save(change, event::Kind::TaskUpdated, &mut after, &fields).await?;
        if fields.contains(&"weight") {
            weigh_anew(change, &after).await?;
        }
        let are_dates_new = fields.iter().any(|field| DATES.contains(field));
        if are_dates_new {
            plan_anew(change, &after, &mut rotation, Cause::Schedule).await?;
        } else if fields.iter().any(|field| CLOCK.contains(field)) {
            plan_anew(change, &after, &mut rotation, Cause::Clock).await?;
        }
        if !are_dates_new && fields.contains(&"missedPolicy") {
            plan_anew(change, &after, &mut rotation, Cause::MissedPolicy).await?;
        }
        if fields.contains(&"roster") || fields.contains(&"strategy") {
            share::anew(change, &before, &after, &mut rotation).await?;
        }
        if are_dates_new {
            // One that had come to its end goes on if the new schedule does.
            go_on(change, &after, &mut rotation).await?;
        }
        save_rotation(change, &mut after, &rotation).await?;
        reminder::schedule_all(change, &after).await?;
        Ok(after)
    }
}

impl Update {
    fn apply_words(&self, task: &mut Task) -> Result<()> {
        if let Some(title) = &self.title {
            task.title = text::line("title", title, TITLE_LIMIT)?;
        }
        match &self.notes {
            Some(To::Value(notes)) => task.notes = Some(text::lines("notes", notes, NOTES_LIMIT)?),
            Some(To::Nothing) => task.notes = None,
            None => {}
        }
        if let Some(new) = self.weight {
            task.weight = weight(new)?;
        }
        if let Some(new) = &self.labels {
            task.labels = Json(labels(new)?);
        }
        if let Some(titles) = &self.subtasks {
            task.subtasks = Json(subtasks(titles, &task.subtasks)?);
        }
        if let Some(reminders) = &self.reminders {
            task.reminders = Json(reminders.checked()?);
        }
        task.missed_policy = self.missed_policy.unwrap_or(task.missed_policy);
        task.requires_approval = self.requires_approval.unwrap_or(task.requires_approval);
        match self.opens_before {
            Some(To::Value(minutes)) => task.opens_before = opens_before(Some(minutes))?,
            Some(To::Nothing) => task.opens_before = None,
            None => {}
        }
        Ok(())
    }

    async fn apply_schedule(&self, change: &mut Change<'_>, task: &mut Task) -> Result<()> {
        match &self.schedule {
            None => {}
            Some(To::Nothing) => {
                task.start_on = None;
                task.due_time = None;
                task.rule = None;
            }
            Some(To::Value(when)) => {
                task.time_zone = match &when.time_zone {
                    Some(zone) => time_zone(zone)?.name().to_owned(),
                    None => time_zone_of(change).await?,
                };
                task.has_household_zone = when.time_zone.is_none();
                task.start_on = Some(when.start_on);
                task.due_time = when.due_time;
                task.rule.clone_from(&when.rule);
                task.overflow = when.overflow;
                task.mode = when.mode;
                let schedule = task.schedule()?.ok_or_else(|| no_start("rule"))?;
                task.rule = when.rule.as_ref().map(|_| schedule.rule().to_string());
            }
        }
        Ok(())
    }

    /// Changes how it is shared, and returns how far the turn has come by that.
    fn apply_sharing(&self, task: &mut Task) -> Result<Rotation<MemberId>> {
        if let Some(length) = self.turn_length {
            task.turn_length = i32::from(turn_length(length)?.get());
        }
        task.help = self.help.unwrap_or(task.help);
        let mut rotation = task.rotation()?;
        let order = self.roster.clone().unwrap_or_else(|| rotation.order().to_vec());
        let begun = Rotation::new(order.clone())?;
        let strategy = self.strategy.unwrap_or(task.strategy);
        if strategy != task.strategy {
            task.strategy = strategy;
            rotation = begun;
        } else if rotation.order() != order {
            for gone in rotation.order().to_vec() {
                if !order.contains(&gone) {
                    rotation.leave(gone);
                }
            }
            for member in &order {
                rotation.join(*member)?;
            }
            if rotation.order() != order {
                rotation.reorder(order)?;
            }
        }
        task.rotation = to_json(&rotation)?;
        Ok(rotation)
    }
}

/// What is open weighs what the chore does; what is closed stays as it was. The event of the chore tells of it.
async fn weigh_anew(change: &mut Change<'_>, task: &Task) -> Result<()> {
    let update = diesel::update(occurrences::table)
        .filter(occurrences::task_id.eq(task.id))
        .filter(occurrences::status.eq(Status::Open))
        .set(occurrences::weight.eq(task.weight))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    Ok(())
}

/// Whether its schedule is counted from what comes next: from another start or by another mode it is, and where nothing was
/// counted.
fn begins_anew(before: &Task, after: &Task) -> bool {
    let is_counted = before.rule.as_ref().is_some_and(|rule| rule.contains("COUNT="));
    (before.start_on, before.mode) != (after.start_on, after.mode) || before.rule != after.rule && !is_counted
}

fn differences(before: &Task, after: &Task) -> Result<Vec<&'static str>> {
    let is_zone_new =
        before.time_zone != after.time_zone || before.has_household_zone != after.has_household_zone;
    Ok(version::changed([
        ("title", before.title != after.title),
        ("notes", before.notes != after.notes),
        ("weight", before.weight != after.weight),
        ("startDate", before.start_on != after.start_on),
        ("dueTime", before.due_time != after.due_time),
        ("timeZone", is_zone_new),
        ("rule", before.rule != after.rule),
        ("overflow", before.overflow != after.overflow),
        ("mode", before.mode != after.mode),
        ("roster", before.roster()? != after.roster()?),
        ("strategy", before.strategy != after.strategy),
        ("turnLength", before.turn_length != after.turn_length),
        ("help", before.help != after.help),
        ("missedPolicy", before.missed_policy != after.missed_policy),
        ("labels", before.labels != after.labels),
        ("subtasks", before.subtasks != after.subtasks),
        ("reminders", before.reminders != after.reminders),
        ("requiresApproval", before.requires_approval != after.requires_approval),
        ("opensBeforeMinutes", before.opens_before != after.opens_before),
    ]))
}

/// A chore of the household being changed, put away or not.
pub(super) async fn find(change: &mut Change<'_>, id: TaskId) -> Result<Task> {
    let query = tasks::table.filter(tasks::household_id.eq(change.household_id())).filter(tasks::id.eq(id));
    run!(change.conn(), |c| query.select(Task::as_select()).first(c).await)
}

/// A chore of the household being changed; refused if it was put away.
pub(super) async fn in_use(change: &mut Change<'_>, id: TaskId) -> Result<Task> {
    let task = find(change, id).await?;
    if task.archived_at.is_none() {
        return Ok(task);
    }
    Err(Error::refused(RefusalCode::Gone, "taskId", "this chore was put away: bring it back first"))
}

/// Saves what changed of it as its next version, and records it.
pub(super) async fn save(
    change: &mut Change<'_>,
    kind: event::Kind,
    task: &mut Task,
    fields: &[&'static str],
) -> Result<()> {
    task.version += 1;
    let update = diesel::update(tasks::table)
        .filter(tasks::id.eq(task.id))
        .set((
            tasks::title.eq(&task.title),
            tasks::notes.eq(&task.notes),
            tasks::weight.eq(task.weight),
            tasks::start_on.eq(task.start_on),
            tasks::due_time.eq(task.due_time),
            tasks::time_zone.eq(&task.time_zone),
            tasks::has_household_zone.eq(task.has_household_zone),
            tasks::rule.eq(&task.rule),
            tasks::overflow.eq(task.overflow),
            tasks::mode.eq(task.mode),
            tasks::strategy.eq(task.strategy),
            tasks::turn_length.eq(task.turn_length),
            tasks::help.eq(task.help),
            tasks::missed_policy.eq(task.missed_policy),
            tasks::rotation.eq(&task.rotation),
            tasks::labels.eq(&task.labels),
            tasks::subtasks.eq(&task.subtasks),
            tasks::paused.eq(&task.paused),
            tasks::reminders.eq(&task.reminders),
            tasks::requires_approval.eq(task.requires_approval),
            tasks::opens_before.eq(task.opens_before),
            tasks::first_number.eq(task.first_number),
            tasks::archived_at.eq(task.archived_at),
            tasks::version.eq(task.version),
        ))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    record(change, kind, task, fields);
    Ok(())
}
