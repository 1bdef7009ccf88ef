//! What becomes of somebody's open occurrences when they go away, and when they come back early.

use super::assign::{assign_again, by_task, is_by_rule, open_of};
use super::occurrence::{Occurrence, Status, record, save, save_assignee};
use super::recurrence::due;
use super::rotation::{DateRange, DateRanges, Strategy};
use super::{Task, doers, from_json, save_rotation, to_json};
use crate::among::among;
use crate::member::OpenChores;
use crate::tables::{occurrences, tasks};
use crate::{Change, Date, MemberId, OccurrenceId, Result, TaskId, WallTime, event};
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What an absence has moved, so that it can be moved back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Moved {
    passed_on: Vec<PassedOn>,
    postponed: Vec<Postponed>,
}

/// An occurrence that is another's to do, or nobody's, as long as it is so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PassedOn {
    occurrence: OccurrenceId,
    to: Option<MemberId>,
    /// Whether they had it from somebody, and not by the chore's rules: then it is theirs again whatever those say.
    #[serde(default)]
    was_given: bool,
}

/// An occurrence that is due later, as long as it is due then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Postponed {
    occurrence: OccurrenceId,
    from: Date,
    to: Date,
}

impl Moved {
    /// What an absence keeps of it.
    pub(crate) fn from_kept(json: Option<&str>) -> Result<Self> {
        json.map_or_else(|| Ok(Self::default()), from_json)
    }

    /// As an absence keeps it.
    pub(crate) fn to_keep(&self) -> Result<String> {
        to_json(self)
    }

    /// What both have moved.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.passed_on.extend(other.passed_on);
        self.postponed.extend(other.postponed);
        self
    }

    fn passed_on(&mut self, occurrence: &Occurrence, was_given: bool) {
        self.passed_on.retain(|passed| passed.occurrence != occurrence.id);
        self.passed_on.push(PassedOn { occurrence: occurrence.id, to: occurrence.assignee_id, was_given });
    }

    /// When an occurrence was due that is due on a day only as it was put off.
    fn origin(&self, occurrence: OccurrenceId, due_on: Date) -> Option<Date> {
        let is_it = |put_off: &&Postponed| (put_off.occurrence, put_off.to) == (occurrence, due_on);
        self.postponed.iter().find(is_it).map(|put_off| put_off.from)
    }

    /// Of one that is put off again it counts when it was due at first.
    fn postponed(&mut self, occurrence: OccurrenceId, from: Date, to: Date) {
        match self.postponed.iter_mut().find(|postponed| postponed.occurrence == occurrence) {
            Some(known) => known.to = to,
            None => self.postponed.push(Postponed { occurrence, from, to }),
        }
    }
}

/// Somebody's days away.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trip {
    pub(crate) member: MemberId,
    pub(crate) range: DateRange,
    pub(crate) today: NaiveDate,
    /// Only what is due before this day, if there is one.
    pub(crate) due_before: Option<NaiveDate>,
}

impl Trip {
    /// Whether an occurrence is to be done while they are away. What is overdue is to be done now; what has no date can
    /// wait.
    fn concerns(self, occurrence: &Occurrence) -> bool {
        occurrence.due_on.map(Date::naive).is_some_and(|on| {
            self.range.covers(on.max(self.today)) && self.due_before.is_none_or(|day| on < day)
        })
    }
}

/// Moves what they are to do while away, by their choice; `all` are the days of all their absences, and `others` what the
/// others of these have moved. Returns whether it moved anything.
pub(crate) async fn go_away(
    change: &mut Change<'_>,
    trip: Trip,
    all: &DateRanges,
    choice: OpenChores,
    others: &[Moved],
    moved: &mut Moved,
) -> Result<bool> {
    if choice == OpenChores::Keep {
        return Ok(false);
    }
    let mut theirs = open_of(change, trip.member).await?;
    for open in theirs.values_mut() {
        open.retain(|occurrence| trip.concerns(occurrence));
    }
    let mut has_moved = false;
    for (mut task, open) in with_tasks(change, theirs).await? {
        let mut rotation = task.rotation()?;
        for mut occurrence in open {
            let Some(from) = occurrence.due_on else { continue };
            // Nobody else can do one's own for one.
            if choice == OpenChores::PassOn && occurrence.share().is_none() {
                let was_given = !is_by_rule(change, &task, &rotation, &occurrence, trip.member).await?;
                assign_again(change, &task, &mut rotation, &mut occurrence).await?;
                if occurrence.assignee_id == Some(trip.member) {
                    continue;
                }
                save_assignee(change, &task, &mut occurrence).await?;
                moved.passed_on(&occurrence, was_given);
            } else {
                let to = all.first_free(from.naive().max(trip.today));
                // What another absence put off into this one goes back to where it was before both.
                let from = others.iter().find_map(|other| other.origin(occurrence.id, from)).unwrap_or(from);
                // One that was opened while they were away is put off already: what counts is when it was meant to be.
                let from =
                    occurrence.planned_on.filter(|_| occurrence.share().is_some()).unwrap_or(from).min(from);
                put_on(change, &task, &mut occurrence, to).await?;
                moved.postponed(occurrence.id, from, to.into());
            }
            has_moved = true;
        }
        save_rotation(change, &mut task, &rotation).await?;
    }
    Ok(has_moved)
}

/// A return before its day.
pub(crate) struct Return<'a> {
    pub(crate) trip: Trip,
    /// The day of it.
    pub(crate) on: NaiveDate,
    /// When they were to be back.
    pub(crate) free: NaiveDate,
    /// When they are away still.
    pub(crate) rest: &'a DateRanges,
}

/// Moves back what is as the absence left it: what was passed on, as far as it is to be done on the day of the return or
/// later, and what was put off, to the first day from its own on that is free now. That may have been put off further by
/// what the `others` have moved, the other absences.
pub(crate) async fn come_back(
    change: &mut Change<'_>,
    back: Return<'_>,
    moved: &mut Moved,
    others: &mut [Moved],
) -> Result<()> {
    let Return { trip, on, free, rest } = back;
    let ids = moved.passed_on.iter().map(|passed| passed.occurrence);
    let ids: Vec<_> = ids.chain(moved.postponed.iter().map(|postponed| postponed.occurrence)).collect();
    let mut open = still_open(change, &ids).await?;
    put_off_while_away(&mut open, open_of(change, trip.member).await?, free, moved);
    let may_do = !doers(change, &[trip.member]).await?.is_empty();
    for (mut task, open) in with_tasks(change, open).await? {
        let mut rotation = task.rotation()?;
        for mut occurrence in open {
            let id = occurrence.id;
            let all = std::iter::once(&mut *moved).chain(others.iter_mut());
            let put_off = all
                .flat_map(|moved| moved.postponed.iter_mut())
                .find(|put_off| put_off.occurrence == id && occurrence.due_on == Some(put_off.to));
            if let Some(put_off) = put_off {
                let to = rest.first_free(put_off.from.naive().max(trip.today));
                if put_off.to != to.into() {
                    put_on(change, &task, &mut occurrence, to).await?;
                    put_off.to = to.into();
                }
            }
            let is_due_later = occurrence.due_on.is_some_and(|due| due.naive().max(trip.today) >= on);
            let was_passed_on = moved.passed_on.iter().position(|passed| {
                is_due_later && passed.occurrence == id && passed.to == occurrence.assignee_id
            });
            if let Some(place) = was_passed_on {
                let passed = moved.passed_on.swap_remove(place);
                assign_again(change, &task, &mut rotation, &mut occurrence).await?;
                // Else they had claimed it, and nobody has since; or they had it from somebody.
                let is_theirs =
                    if task.strategy == Strategy::Anyone { passed.to.is_none() } else { passed.was_given };
                if is_theirs && may_do {
                    occurrence.assignee_id = Some(trip.member);
                } else if task.strategy == Strategy::Anyone {
                    occurrence.assignee_id = passed.to;
                }
                if occurrence.assignee_id != passed.to {
                    save_assignee(change, &task, &mut occurrence).await?;
                }
            }
        }
        save_rotation(change, &mut task, &rotation).await?;
    }
    Ok(())
}

/// Those of their own lines that were opened while they were away were put off from the start.
fn put_off_while_away(
    open: &mut HashMap<TaskId, Vec<Occurrence>>,
    theirs: HashMap<TaskId, Vec<Occurrence>>,
    free: NaiveDate,
    moved: &mut Moved,
) {
    for occurrence in theirs.into_values().flatten() {
        let is_known = moved.postponed.iter().any(|postponed| postponed.occurrence == occurrence.id);
        if let (Some(planned), Some(due)) = (occurrence.planned_on, occurrence.due_on)
            && occurrence.share().is_some()
            && planned < due
            && due == free.into()
            && !is_known
        {
            moved.postponed(occurrence.id, planned, due);
            open.entry(occurrence.task_id).or_default().push(occurrence);
        }
    }
}

/// Those of these occurrences that are open, by chore.
async fn still_open(
    change: &mut Change<'_>,
    ids: &[OccurrenceId],
) -> Result<HashMap<TaskId, Vec<Occurrence>>> {
    let query = occurrences::table
        .filter(occurrences::household_id.eq(change.household_id()))
        .filter(among(occurrences::id, ids))
        .filter(occurrences::status.eq(Status::Open))
        .order((occurrences::due_at, occurrences::id));
    let rows: Vec<Occurrence> = run!(change.conn(), |c| query.select(Occurrence::as_select()).load(c).await)?;
    Ok(by_task(rows))
}

/// Their chores, the oldest first, each with its occurrences; without those that were put away.
async fn with_tasks(
    change: &mut Change<'_>,
    mut by_task: HashMap<TaskId, Vec<Occurrence>>,
) -> Result<Vec<(Task, Vec<Occurrence>)>> {
    by_task.retain(|_, occurrences| !occurrences.is_empty());
    let ids: Vec<_> = by_task.keys().copied().collect();
    let query = tasks::table
        .filter(tasks::household_id.eq(change.household_id()))
        .filter(among(tasks::id, &ids))
        .filter(tasks::archived_at.is_null())
        .order(tasks::id);
    let tasks: Vec<Task> = run!(change.conn(), |c| query.select(Task::as_select()).load(c).await)?;
    let with_occurrences = tasks.into_iter().map(|task| {
        let occurrences = by_task.remove(&task.id).unwrap_or_default();
        (task, occurrences)
    });
    Ok(with_occurrences.collect())
}

/// Makes it due on another day, at the same time of the day. The rule counts on from the day it gave.
async fn put_on(
    change: &mut Change<'_>,
    task: &Task,
    occurrence: &mut Occurrence,
    day: NaiveDate,
) -> Result<()> {
    occurrence.due_on = Some(day.into());
    occurrence.due_at = due(day, occurrence.due_time.map(WallTime::naive), task.zone()?);
    occurrence.acts_at = task.acts_again_at(occurrence)?;
    save(change, task, occurrence, Status::Open).await?;
    record(change, event::Kind::OccurrenceRescheduled, occurrence, &["dueDate", "dueAt"]);
    Ok(())
}
