//! The times a chore is due: reading them, open ones and history; in the module below, lists of them.

mod list;

pub use list::{Assignee, Filter, OPEN_LIMIT, Order, Place, Window, open_of, page, pages};

use super::recurrence;
use super::reminder;
use super::subtask::Tick;
use super::{Task, swap};
use crate::among::among;
use crate::labels::labels;
use crate::prepared::Prepare as _;
use crate::tables::{occurrences, tasks};
use crate::{
    Change, Connection, Date, Error, HouseholdId, Json, MemberId, OccurrenceId, Result, SubjectId, TaskId,
    Time, WallTime, event,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// The share of an occurrence that is not in anybody's own line.
pub(super) const NOBODYS: MemberId = MemberId::from_bytes([0; 16]);

labels! {
    /// What became of an occurrence.
    Status {
        /// Nothing yet.
        Open = "OPEN",
        /// Somebody says that they did it, and somebody else has to agree.
        Pending = "PENDING",
        /// Somebody did it.
        Done = "DONE",
        /// It was not to be done this time.
        Skipped = "SKIPPED",
        /// It was not done in time.
        Missed = "MISSED",
    }
}

/// One time that a chore is due; once closed, one line of its history.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = occurrences, treat_none_as_default_value = false)]
pub struct Occurrence {
    /// Its identifier.
    pub id: OccurrenceId,
    /// Whose chore's.
    pub household_id: HouseholdId,
    /// The chore.
    pub task_id: TaskId,
    /// Which of its line it is: 1, 2, 3, …
    pub number: i32,
    /// The member of whose own line it is one, or [`NOBODYS`]: see [`Occurrence::share`].
    pub(super) share: MemberId,
    /// The local date that the rule gave it, by which the next is counted; none if it has no date.
    pub planned_on: Option<Date>,
    /// The local date it is due: the same, unless it was put off.
    pub due_on: Option<Date>,
    /// The local time it is due; none is the end of the day.
    pub due_time: Option<WallTime>,
    /// When it is due, [`Time::NEVER`] if it has no date: see [`Occurrence::due`].
    pub due_at: Time,
    /// When the chore's [`super::MissedPolicy`] acts on it.
    pub(super) acts_at: Option<Time>,
    /// What became of it.
    pub status: Status,
    /// Who is to do it, or was; none while it is to be claimed, or nobody can.
    pub assignee_id: Option<MemberId>,
    /// Whose turn it uses up, whoever does it.
    pub holder_id: Option<MemberId>,
    /// Who did it.
    pub done_by: Option<MemberId>,
    /// When they did it, as they say.
    pub done_at: Option<Time>,
    /// Who closed it.
    pub closed_by: Option<MemberId>,
    /// When it was closed.
    pub closed_at: Option<Time>,
    /// What who closed it had to say: of one that was skipped, why.
    pub note: Option<String>,
    /// Who agreed, or did not agree, that it is done.
    pub reviewed_by: Option<MemberId>,
    /// When they said so.
    pub reviewed_at: Option<Time>,
    /// What they had to say.
    pub review_note: Option<String>,
    /// Which of the chore's subtasks are done.
    pub ticks: Json<Vec<Tick>>,
    /// What taking the closing back needs, as JSON.
    pub(super) pre_image: Option<String>,
    /// Counts its changes.
    pub version: i32,
    /// What it weighs: what its chore does while it is open, and did when it was closed.
    pub weight: i32,
}

/// When an occurrence is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) on: Option<Date>,
    pub(super) time: Option<WallTime>,
    pub(super) at: Time,
}

impl Slot {
    /// What the chore's rule says, or some day.
    pub(super) fn of(task: &Task, planned: Option<recurrence::Occurrence>) -> Self {
        match planned {
            Some(planned) => Self { on: Some(planned.date.into()), time: task.due_time, at: planned.due },
            None => Self { on: None, time: None, at: Time::NEVER },
        }
    }
}

impl crate::Subject for Occurrence {
    fn subject_id(&self) -> SubjectId {
        self.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        let query = occurrences::table.filter(occurrences::id.eq(OccurrenceId::from(id)));
        run!(conn, |c| query.select(Self::as_select()).first(c).await)
    }
}

impl Occurrence {
    /// Whether it is still to be done.
    pub fn is_open(&self) -> bool {
        self.status == Status::Open
    }

    /// When it is due, if it has a date.
    pub fn due(&self) -> Option<Time> {
        (self.due_at != Time::NEVER).then_some(self.due_at)
    }

    /// The local date by whose end it is due, if it has no time.
    pub(crate) fn by_end_of(&self) -> Option<Date> {
        self.due_on.filter(|_| self.due_time.is_none())
    }

    /// Whether a later one of this share is in its line: what is nobody's own follows everybody's, and everybody's own
    /// follow what was nobody's.
    pub(super) fn is_followed_by(&self, share: MemberId) -> bool {
        self.share == NOBODYS || [self.share, NOBODYS].contains(&share)
    }

    /// The member of whose own line it is one, where everybody has their own.
    pub fn share(&self) -> Option<MemberId> {
        (self.share != NOBODYS).then_some(self.share)
    }
}

/// The occurrences with these ids, of the households named with them. Both are only ever taken from what the asker was
/// allowed to see: events, chores, or proofs of membership.
pub async fn known(conn: &mut Connection, ids: &[(HouseholdId, OccurrenceId)]) -> Result<Vec<Occurrence>> {
    let occurrences: Vec<OccurrenceId> = ids.iter().map(|(_, id)| *id).collect();
    let query = occurrences::table.filter(among(occurrences::id, &occurrences));
    let found: Vec<Occurrence> = run!(conn, |c| query.select(Occurrence::as_select()).load(c).await)?;
    Ok(found.into_iter().filter(|found| ids.contains(&(found.household_id, found.id))).collect())
}

/// An occurrence of the household being changed, with its chore, which is not put away.
pub(super) async fn with_task(change: &mut Change<'_>, id: OccurrenceId) -> Result<(Occurrence, Task)> {
    let query = occurrences::table
        .inner_join(tasks::table)
        .filter(occurrences::household_id.eq(change.household_id()))
        .filter(occurrences::id.eq(id));
    let (occurrence, task): (Occurrence, Task) = run!(change.conn(), |c| {
        query.select((Occurrence::as_select(), Task::as_select())).first(c).await
    })?;
    task.refuse_if_archived()?;
    Ok((occurrence, task))
}

/// As [`with_task`], of an occurrence that is to be open.
pub(super) async fn open_with_task(change: &mut Change<'_>, id: OccurrenceId) -> Result<(Occurrence, Task)> {
    let (occurrence, task) = with_task(change, id).await?;
    if occurrence.is_open() { Ok((occurrence, task)) } else { Err(Error::AlreadyClosed(id.into())) }
}

/// Saves what changed of it as its next version, if it is `still` what it was. Its reminders follow.
pub(super) async fn save(
    change: &mut Change<'_>,
    task: &Task,
    occurrence: &mut Occurrence,
    still: Status,
) -> Result<()> {
    let seen = occurrence.version;
    occurrence.version += 1;
    let update = diesel::update(occurrences::table)
        .filter(occurrences::id.eq(occurrence.id))
        .filter(occurrences::status.eq(still))
        .filter(occurrences::version.eq(seen))
        .set((
            occurrences::status.eq(occurrence.status),
            occurrences::planned_on.eq(occurrence.planned_on),
            occurrences::due_on.eq(occurrence.due_on),
            occurrences::due_time.eq(occurrence.due_time),
            occurrences::due_at.eq(occurrence.due_at),
            occurrences::acts_at.eq(occurrence.acts_at),
            occurrences::assignee_id.eq(occurrence.assignee_id),
            occurrences::holder_id.eq(occurrence.holder_id),
            occurrences::done_by.eq(occurrence.done_by),
            occurrences::done_at.eq(occurrence.done_at),
            occurrences::closed_by.eq(occurrence.closed_by),
            occurrences::closed_at.eq(occurrence.closed_at),
            occurrences::note.eq(&occurrence.note),
            occurrences::reviewed_by.eq(occurrence.reviewed_by),
            occurrences::reviewed_at.eq(occurrence.reviewed_at),
            occurrences::review_note.eq(&occurrence.review_note),
            occurrences::ticks.eq(&occurrence.ticks),
            occurrences::pre_image.eq(&occurrence.pre_image),
            occurrences::version.eq(occurrence.version),
            occurrences::weight.eq(occurrence.weight),
        ))
        .prepared();
    // The lock of the household's log lets one change in at a time; this holds even if that failed.
    if run!(change.conn(), |c| update.execute(c).await)? != 1 {
        return Err(Error::AlreadyClosed(occurrence.id.into()));
    }
    swap::void_stale(change, occurrence).await?;
    reminder::schedule(change, task, occurrence).await
}

/// Saves that an open one is somebody else's to do, or nobody's, which is news.
pub(super) async fn save_assignee(
    change: &mut Change<'_>,
    task: &Task,
    occurrence: &mut Occurrence,
) -> Result<()> {
    save(change, task, occurrence, Status::Open).await?;
    record(change, event::Kind::OccurrenceAssigned, occurrence, &["assignee"]);
    Ok(())
}

/// Whether the one after it in its line is there already, as it is when this one was left open beside it.
pub(super) async fn has_successor(change: &mut Change<'_>, occurrence: &Occurrence) -> Result<bool> {
    let query = occurrences::table
        .filter(occurrences::task_id.eq(occurrence.task_id))
        .filter(occurrences::number.eq(occurrence.number.saturating_add(1)))
        .select(occurrences::share);
    let shares: Vec<MemberId> = run!(change.conn(), |c| query.load(c).await)?;
    Ok(shares.into_iter().any(|share| occurrence.is_followed_by(share)))
}

pub(super) fn record(
    change: &mut Change<'_>,
    kind: event::Kind,
    occurrence: &Occurrence,
    fields: &[&'static str],
) {
    change.record_for_all(kind, occurrence.id, occurrence.version, fields);
}
