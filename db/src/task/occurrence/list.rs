//! Lists of occurrences: filtered, in one order or the other, page by page. A page begins after a place, not after a
//! number of items, so that it stays where it is while others come and go.

use super::{NOBODYS, Occurrence, Status};
use crate::access::Member;
use crate::among::among;
use crate::message::End;
use crate::tables::occurrences;
use crate::{Connection, Date, MemberId, OccurrenceId, Result, TaskId, Time};
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;

/// The most open occurrences of one chore that are read with it.
pub const OPEN_LIMIT: i64 = 100;
/// The most that are read in one go for many chores.
const OPEN_AT_ONCE: i64 = 2000;

/// Whose occurrences are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Assignee {
    /// Everybody's, and nobody's.
    #[default]
    Any,
    /// Those that this member is, or was, to do.
    Is(MemberId),
    /// Those that nobody is to do: they can be claimed.
    Nobody,
}

/// Which occurrences are wanted; what is `None` does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Those of this chore.
    pub task: Option<TaskId>,
    /// Those of which one of these became.
    pub statuses: Option<Vec<Status>>,
    /// Those of this member, or of nobody.
    pub assignee: Assignee,
    /// Those that this member did.
    pub done_by: Option<MemberId>,
    /// Those due before this instant: with [`Status::Open`] and now, what is overdue.
    pub due_before: Option<Time>,
    /// Those due on this local date or later.
    pub from: Option<NaiveDate>,
    /// Those due on this local date or earlier.
    pub to: Option<NaiveDate>,
}

/// What the order of a list goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// When they are due, the earliest first.
    Due,
    /// When they were closed, the earliest first; those that are open are not in the list.
    Closed,
}

/// An occurrence's place in a list: by its instant, and then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// When it is due, or was closed: what the list is ordered by.
    pub at: Time,
    /// Which it is.
    pub id: OccurrenceId,
}

/// A stretch of a list of occurrences: after one place and before another, taken from one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// What the order goes by.
    pub order: Order,
    /// Only what comes after it.
    pub after: Option<Place>,
    /// Only what comes before it.
    pub before: Option<Place>,
    /// At most so many.
    pub limit: i64,
    /// From which end they are taken; they are always returned in the order, the earliest first.
    pub end: End,
}

impl Occurrence {
    /// Its place in lists of this order; none if it is in none of them.
    pub fn place(&self, order: Order) -> Option<Place> {
        let at = match order {
            Order::Due => Some(self.due_at),
            Order::Closed => self.closed_at,
        };
        at.map(|at| Place { at, id: self.id })
    }
}

/// The occurrences of the member's household in a window.
pub async fn page(
    conn: &mut Connection,
    member: &Member,
    filter: &Filter,
    window: Window,
) -> Result<Vec<Occurrence>> {
    let first = Place { at: Time::from_micros(i64::MIN), id: OccurrenceId::from_bytes([0; 16]) };
    let last = Place { at: Time::from_micros(i64::MAX), id: OccurrenceId::from_bytes([0xff; 16]) };
    let (after, before) = (window.after.unwrap_or(first), window.before.unwrap_or(last));
    let statuses = filter.statuses.as_deref().unwrap_or(Status::ALL);
    let any = |filter: bool| (!filter).into_sql::<Bool>();
    // What leads into an index is in the text only where it is asked for. The rest is in every text, so that there are
    // few of them to keep prepared.
    let mut found: Vec<Occurrence> = run!(conn, |c| {
        let mut query = occurrences::table
            .select(Occurrence::as_select())
            .filter(occurrences::household_id.eq(member.household_id()))
            .filter(among(occurrences::status, statuses))
            .filter(
                occurrences::done_by.eq(filter.done_by.unwrap_or(NOBODYS)).or(any(filter.done_by.is_some())),
            )
            .filter(
                occurrences::due_at
                    .lt(filter.due_before.unwrap_or(Time::from_micros(0)))
                    .or(any(filter.due_before.is_some())),
            )
            .filter(
                occurrences::due_on
                    .ge(Date::from(filter.from.unwrap_or_default()))
                    .or(any(filter.from.is_some())),
            )
            .filter(
                occurrences::due_on
                    .le(Date::from(filter.to.unwrap_or_default()))
                    .or(any(filter.to.is_some())),
            )
            .limit(window.limit)
            .into_boxed();
        if let Some(task) = filter.task {
            query = query.filter(occurrences::task_id.eq(task));
        }
        query = match filter.assignee {
            Assignee::Any => query,
            Assignee::Is(member) => query.filter(occurrences::assignee_id.eq(member)),
            Assignee::Nobody => query.filter(occurrences::assignee_id.is_null()),
        };
        let (due, closed, id) = (occurrences::due_at, occurrences::closed_at, occurrences::id);
        // The bounds by the instant alone are what an index can begin and end at.
        query = match window.order {
            Order::Due => query
                .filter(due.ge(after.at))
                .filter(due.le(before.at))
                .filter(due.gt(after.at).or(id.gt(after.id)))
                .filter(due.lt(before.at).or(id.lt(before.id))),
            Order::Closed => query
                .filter(closed.ge(after.at))
                .filter(closed.le(before.at))
                .filter(closed.gt(after.at).or(id.gt(after.id)))
                .filter(closed.lt(before.at).or(id.lt(before.id))),
        };
        query = match (window.order, window.end) {
            (Order::Due, End::Oldest) => query.order((due.asc(), id.asc())),
            (Order::Due, End::Newest) => query.order((due.desc(), id.desc())),
            (Order::Closed, End::Oldest) => query.order((closed.asc(), id.asc())),
            (Order::Closed, End::Newest) => query.order((closed.desc(), id.desc())),
        };
        query.load(c).await
    })?;
    if window.end == End::Newest {
        found.reverse();
    }
    Ok(found)
}

/// The open occurrences of these chores, at most [`OPEN_LIMIT`] of each, in the order they are due. Ids are only ever taken
/// from chores that the asker was allowed to see.
pub async fn open_of(conn: &mut Connection, tasks: &[TaskId]) -> Result<Vec<Occurrence>> {
    let found = first_open(conn, tasks, OPEN_AT_ONCE).await?;
    if i64::try_from(found.len()).unwrap_or(i64::MAX) < OPEN_AT_ONCE {
        return Ok(found);
    }
    // So many are open that some chores' are cut off: those of each by itself.
    let mut found = Vec::new();
    for task in tasks {
        found.extend(first_open(conn, &[*task], OPEN_LIMIT).await?);
    }
    Ok(found)
}

async fn first_open(conn: &mut Connection, tasks: &[TaskId], limit: i64) -> Result<Vec<Occurrence>> {
    let query = occurrences::table
        .filter(among(occurrences::task_id, tasks))
        .filter(occurrences::status.eq(Status::Open))
        .order((occurrences::due_at, occurrences::id))
        .limit(limit);
    run!(conn, |c| query.select(Occurrence::as_select()).load(c).await)
}
