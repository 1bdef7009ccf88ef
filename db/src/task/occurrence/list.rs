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
        let due = (occurrences::due_at, occurrences::closed_at);
        query = match window.order {
            Order::Due => query
                .filter(due.0.gt(after.at).or(due.0.eq(after.at).and(occurrences::id.gt(after.id))))
                .filter(due.0.lt(before.at).or(due.0.eq(before.at).and(occurrences::id.lt(before.id)))),
            Order::Closed => query
                .filter(due.1.gt(after.at).or(due.1.eq(after.at).and(occurrences::id.gt(after.id))))
                .filter(due.1.lt(before.at).or(due.1.eq(before.at).and(occurrences::id.lt(before.id)))),
        };
        query = match (window.order, window.end) {
            (Order::Due, End::Oldest) => query.order((due.0.asc(), occurrences::id.asc())),
            (Order::Due, End::Newest) => query.order((due.0.desc(), occurrences::id.desc())),
            (Order::Closed, End::Oldest) => query.order((due.1.asc(), occurrences::id.asc())),
            (Order::Closed, End::Newest) => query.order((due.1.desc(), occurrences::id.desc())),
        };
        query.load(c).await
    })?;
    if window.end == End::Newest {
        found.reverse();
    }
    Ok(found)
}

/// The open occurrences of these chores, in the order they are due. Ids are only ever taken from chores that the asker
/// was allowed to see.
pub async fn open_of(conn: &mut Connection, tasks: &[TaskId]) -> Result<Vec<Occurrence>> {
    let query = occurrences::table
        .filter(among(occurrences::task_id, tasks))
        .filter(occurrences::status.eq(Status::Open))
        .order((occurrences::due_at, occurrences::id));
    run!(conn, |c| query.select(Occurrence::as_select()).load(c).await)
}
