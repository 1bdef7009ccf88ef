//! Chores: what is to be done, when, and by whom. A chore ([`Task`]) has a schedule ([`recurrence`]), a roster
//! ([`rotation`]) and, as long as it goes on, an open [`Occurrence`]; closing that opens the next. Reading chores is
//! here; in the modules below how they are made, closed, taken back and passed on.

mod archive;
mod assign;
mod away;
mod close;
pub(crate) mod coming;
mod create;
mod edit;
pub mod fairness;
pub mod list;
mod missed;
mod notice;
pub mod occurrence;
mod pause;
mod plan;
pub mod recurrence;
pub mod reminder;
mod replan;
mod reschedule;
mod review;
pub mod rotation;
mod share;
mod subtask;
pub mod swap;
mod tick;
mod undo;
mod zone;

pub use archive::{Archive, Restore};
pub(crate) use assign::let_go;
pub use assign::{Claim, Reassign, Release};
pub(crate) use away::{Moved, Return, Trip, come_back, go_away};
pub use close::{Complete, NOTE_LIMIT, Skip};
pub use create::{
    Create, NOTES_LIMIT, OPENS_BEFORE_LIMIT, TASK_LIMIT, TITLE_LIMIT, TURN_LIMIT, WEIGHT_LIMIT,
};
pub use edit::{Update, When};
pub use missed::{ACCUMULATED_LIMIT, act_on_missed};
pub use occurrence::{Occurrence, Status};
pub use pause::{Pause, Resume};
pub use plan::LAST_DAY;
pub use reschedule::{DueTime, FARTHEST_YEARS, Reschedule};
pub use review::{Approve, Reject};
pub use subtask::{LABEL_LENGTH_LIMIT, LABEL_LIMIT, SUBTASK_LIMIT, SUBTASK_TITLE_LIMIT, Subtask, Tick};
pub use swap::Swap;
pub use tick::SetDone;
pub use undo::{UNDO_WINDOW, Undo};
pub(crate) use zone::follow;

use crate::access::{Member, MemberStatus, Permission, Role};
use crate::among::among;
use crate::household;
use crate::labels::labels;
use crate::prepared::Prepare as _;
use crate::tables::{members, tasks};
use crate::{
    Change, Connection, Date, Error, HouseholdId, Json, MemberId, RefusalCode, Result, SubjectId, TaskId,
    Time, WallTime, event,
};
use chrono_tz::Tz;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use recurrence::{Mode, Overflow, Schedule};
use reminder::Reminders;
use rotation::{DateRanges, Help, Rotation, Strategy};
use std::num::NonZeroU16;

/// The rule of a chore that is due once.
pub const ONCE: &str = "FREQ=DAILY;COUNT=1";

labels! {
    /// What becomes of an occurrence that nobody closed in time.
    MissedPolicy {
        /// It stays open, overdue, until it is closed.
        StayOverdue = "STAY_OVERDUE",
        /// It is missed, and gives way to the next, when the day comes on which that is due.
        RollToNext = "ROLL_TO_NEXT",
        /// It stays open, and the next is opened beside it, when the day comes on which that is due.
        Accumulate = "ACCUMULATE",
    }
}

/// A chore.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = tasks, treat_none_as_default_value = false)]
pub struct Task {
    /// Its identifier.
    pub id: TaskId,
    /// Whose it is.
    pub household_id: HouseholdId,
    /// What is to be done, in a few words.
    pub title: String,
    /// What else there is to know.
    pub notes: Option<String>,
    /// How much work it is, in minutes or points, as the household likes.
    pub weight: i32,
    /// The local date from which on it is due; none if it is due once, at no particular time.
    pub start_on: Option<Date>,
    /// The local time it is due at; none is the end of the day.
    pub due_time: Option<WallTime>,
    /// The IANA zone of its dates and times.
    pub time_zone: String,
    /// Whether that is the household's, and changes with it.
    pub has_household_zone: bool,
    /// Its recurrence rule; none if it is due once.
    pub rule: Option<String>,
    /// What it does in months that are too short.
    pub overflow: Overflow,
    /// What its next date is counted from.
    pub mode: Mode,
    /// How the one to do it is found.
    pub strategy: Strategy,
    /// How many occurrences make a turn.
    pub turn_length: i32,
    /// What doing another's whole turn does to the order.
    pub help: Help,
    /// What becomes of an occurrence that nobody closed in time.
    pub missed_policy: MissedPolicy,
    /// The [`Rotation`], as JSON.
    rotation: String,
    /// What it is sorted by: up to [`LABEL_LIMIT`].
    pub labels: Json<Vec<String>>,
    /// Its parts, each to be ticked anew each time.
    pub subtasks: Json<Vec<Subtask>>,
    /// When it is paused, by its local dates: it is not due then.
    pub paused: Json<DateRanges>,
    /// When people are reminded of it.
    pub reminders: Json<Reminders>,
    /// Whether somebody else than the doer has to agree that it is done.
    pub requires_approval: bool,
    /// So many minutes before it is due it can be done; none is any time.
    pub opens_before: Option<i32>,
    /// The number of the first occurrence by its schedule as it is now; none is 1.
    first_number: Option<i32>,
    /// Who made it.
    pub created_by: MemberId,
    /// When it was made.
    pub created_at: Time,
    /// When it was put away.
    pub archived_at: Option<Time>,
    /// Counts its changes, but not how the turn passes on.
    pub version: i32,
}

impl crate::Subject for Task {
    fn subject_id(&self) -> SubjectId {
        self.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        let query = tasks::table.filter(tasks::id.eq(TaskId::from(id)));
        run!(conn, |c| query.select(Self::as_select()).first(c).await)
    }
}

impl Task {
    /// The zone of its dates and times.
    pub fn zone(&self) -> Result<Tz> {
        household::time_zone(&self.time_zone)
    }

    /// When it is due; nothing if it has no date.
    pub fn schedule(&self) -> Result<Option<Schedule>> {
        let Some(start) = self.start_on else { return Ok(None) };
        let rule = self.rule.as_deref().unwrap_or(ONCE).parse()?;
        let time = self.due_time.map(WallTime::naive);
        Schedule::new(start.naive(), time, self.zone()?, rule, self.overflow, self.mode).map(Some)
    }

    /// When the policy for what is missed acts on an occurrence that was planned for one date, and is due on another if it
    /// was moved: at the beginning of the day on which the rule has the next one after both.
    fn acts_at(&self, planned_on: Option<Date>, due_on: Option<Date>) -> Result<Option<Time>> {
        let (Some(date), Some(plan)) = (planned_on.max(due_on), self.plan()?) else { return Ok(None) };
        if self.missed_policy == MissedPolicy::StayOverdue {
            return Ok(None);
        }
        let eve = plan.after(date.naive()).and_then(|next| next.date.pred_opt());
        eve.map(|eve| Ok(recurrence::due(eve, None, self.zone()?))).transpose()
    }

    /// The same of an open occurrence that was moved; of one that its policy has acted on already it stays so.
    fn acts_again_at(&self, moved: &Occurrence) -> Result<Option<Time>> {
        let acts_at = self.acts_at(moved.planned_on, moved.due_on)?;
        Ok(acts_at.filter(|_| moved.acts_at.is_some()))
    }

    /// Its roster in order, current members or not: the rotation passes over who cannot do it.
    pub fn roster(&self) -> Result<Vec<MemberId>> {
        self.rotation().map(|rotation| rotation.order().to_vec())
    }

    /// Fails if it was put away.
    fn refuse_if_archived(&self) -> Result<()> {
        if self.archived_at.is_none() {
            return Ok(());
        }
        Err(Error::refused(RefusalCode::Gone, "occurrenceId", "this chore was put away"))
    }

    /// Whether an occurrence is of the own line of somebody who no longer has one.
    fn has_ended_line_of(&self, occurrence: &Occurrence) -> Result<bool> {
        let roster = self.roster()?;
        let is_gone =
            |own| self.strategy == Strategy::Everyone && !roster.is_empty() && !roster.contains(&own);
        Ok(occurrence.share().is_some_and(is_gone))
    }

    fn rotation(&self) -> Result<Rotation<MemberId>> {
        from_json(&self.rotation)
    }

    /// How it is shared.
    fn sharing(&self) -> Result<rotation::Rule> {
        Ok(rotation::Rule {
            strategy: self.strategy,
            turn_length: turn_length(self.turn_length)?,
            help: self.help,
        })
    }
}

/// A turn's length that can be had.
fn turn_length(length: i32) -> Result<NonZeroU16> {
    let within_limit = (1..=TURN_LIMIT).contains(&length).then_some(length);
    within_limit.and_then(|length| u16::try_from(length).ok()).and_then(NonZeroU16::new).ok_or_else(|| {
        let message = format!("must be 1 to {TURN_LIMIT} occurrences");
        Error::refused(RefusalCode::Invalid, "turnLength", message)
    })
}

fn to_json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Internal(error.into()))
}

fn from_json<T: serde::de::DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| Error::Internal(error.into()))
}

/// The chore, if it is one of the member's household; otherwise [`Error::NotFound`].
pub async fn find(conn: &mut Connection, member: &Member, id: TaskId) -> Result<Task> {
    let query = tasks::table.filter(tasks::household_id.eq(member.household_id())).filter(tasks::id.eq(id));
    run!(conn, |c| query.select(Task::as_select()).first(c).await)
}

/// The chores with these ids, of the households named with them. Both are only ever taken from what the asker was
/// allowed to see: events, occurrences, or proofs of membership.
pub async fn known(conn: &mut Connection, ids: &[(HouseholdId, TaskId)]) -> Result<Vec<Task>> {
    let tasks: Vec<TaskId> = ids.iter().map(|(_, id)| *id).collect();
    let query = tasks::table.filter(among(tasks::id, &tasks));
    let found: Vec<Task> = run!(conn, |c| query.select(Task::as_select()).load(c).await)?;
    Ok(found.into_iter().filter(|found| ids.contains(&(found.household_id, found.id))).collect())
}

/// Whether an occurrence is this member's to do: it is theirs, or nobody's, and then for those who share the chore, or for
/// everybody who may do chores if nobody in particular does.
fn is_asked(member: MemberId, may_do: bool, assignee: Option<MemberId>, roster: &[MemberId]) -> bool {
    match assignee {
        Some(assignee) => assignee == member,
        None => may_do && (roster.is_empty() || roster.contains(&member)),
    }
}

/// A member who may do chores.
struct Doer {
    id: MemberId,
    joined_at: Time,
}

/// Those of these members who belong to the household being changed, and may do chores.
async fn doers(change: &mut Change<'_>, ids: &[MemberId]) -> Result<Vec<Doer>> {
    let query = members::table
        .filter(members::household_id.eq(change.household_id()))
        .filter(members::status.eq(MemberStatus::Active))
        .filter(among(members::id, ids))
        .select((members::id, members::role, members::joined_at));
    let rows: Vec<(MemberId, Role, Time)> = run!(change.conn(), |c| query.load(c).await)?;
    let doers = rows.into_iter().filter(|(_, role, _)| role.may(Permission::DoTasks));
    Ok(doers.map(|(id, _, joined_at)| Doer { id, joined_at }).collect())
}

/// Fails unless all of these are current members who may do chores.
async fn refuse_strangers(change: &mut Change<'_>, field: &'static str, ids: &[MemberId]) -> Result<()> {
    let doers = doers(change, ids).await?;
    if ids.iter().all(|id| doers.iter().any(|doer| doer.id == *id)) {
        return Ok(());
    }
    let message = "must be current members of this household who may do chores; guests do none";
    Err(Error::refused(RefusalCode::InvalidReference, field, message))
}

/// Keeps how far the turn has come. That is not news, as the occurrences tell it; another roster is.
async fn save_rotation(
    change: &mut Change<'_>,
    task: &mut Task,
    rotation: &Rotation<MemberId>,
) -> Result<()> {
    let is_news = task.rotation()?.order() != rotation.order();
    task.rotation = to_json(rotation)?;
    task.version += i32::from(is_news);
    let update = diesel::update(tasks::table)
        .filter(tasks::id.eq(task.id))
        .set((tasks::rotation.eq(&task.rotation), tasks::version.eq(task.version)))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    if is_news {
        record(change, event::Kind::TaskUpdated, task, &["roster"]);
    }
    Ok(())
}

fn record(change: &mut Change<'_>, kind: event::Kind, task: &Task, fields: &[&'static str]) {
    change.record_for_all(kind, task.id, task.version, fields);
}
