//! Lists of occurrences: filtered, in one order or the other, page by page. A page begins after a place, not after a
//! number of items, so that it stays where it is while others come and go.

use super::{NOBODYS, Occurrence, Status};
use crate::access::Reader;
use crate::among::among;
use crate::first_of_each::{FirstOfEach, GROUPS_AT_ONCE};
use crate::message::End;
use crate::tables::occurrences;
use crate::{Connection, Date, MemberId, OccurrenceId, Result, TaskId, Time};
use chrono::NaiveDate;
use diesel::dsl::AsExprOf;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use std::collections::HashMap;

/// The most open occurrences of one chore that are read with it.
pub const OPEN_LIMIT: i64 = 100;
/// The most that are read in one go for many chores.
const OPEN_AT_ONCE: i64 = 2000;

/// Whose occurrences are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
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
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// When they are due, the earliest first.
    Due,
    /// When they were closed, the earliest first; those that are open are not in the list.
    Closed,
}

/// An occurrence's place in a list: by its instant, and then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// When it is due, or was closed: what the list is ordered by.
    pub at: Time,
    /// Which it is.
    pub id: OccurrenceId,
}

/// A stretch of a list of occurrences: after one place and before another, taken from one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

impl Window {
    /// The places just outside of it.
    fn bounds(&self) -> (Place, Place) {
        let first = Place { at: Time::from_micros(i64::MIN), id: OccurrenceId::from_bytes([0; 16]) };
        let last = Place { at: Time::from_micros(i64::MAX), id: OccurrenceId::from_bytes([0xff; 16]) };
        (self.after.unwrap_or(first), self.before.unwrap_or(last))
    }
}

/// What a filter asks for besides the chore and the assignee. It is in every text whether it is asked for or not, so that
/// there are few of them to keep prepared.
macro_rules! wanted {
    ($filter:expr) => {
        among(occurrences::status, $filter.statuses.as_deref().unwrap_or(Status::ALL))
            .and(
                occurrences::done_by
                    .eq($filter.done_by.unwrap_or(NOBODYS))
                    .or(any($filter.done_by.is_none())),
            )
            .and(
                occurrences::due_at
                    .lt($filter.due_before.unwrap_or(Time::from_micros(0)))
                    .or(any($filter.due_before.is_none())),
            )
            .and(
                occurrences::due_on
                    .ge(Date::from($filter.from.unwrap_or_default()))
                    .or(any($filter.from.is_none())),
            )
            .and(
                occurrences::due_on
                    .le(Date::from($filter.to.unwrap_or_default()))
                    .or(any($filter.to.is_none())),
            )
    };
}

/// Whether all are wanted.
fn any(all: bool) -> AsExprOf<bool, Bool> {
    all.into_sql::<Bool>()
}

/// Whether something is between two places. The bounds by the instant alone are what an index can begin and end at.
macro_rules! between {
    ($at:expr, $bounds:expr) => {{
        let (after, before) = $bounds;
        $at.ge(after.at)
            .and($at.le(before.at))
            .and($at.gt(after.at).or(occurrences::id.gt(after.id)))
            .and($at.lt(before.at).or(occurrences::id.lt(before.id)))
    }};
}

/// The first of each of some chores in a window, in the order of this column.
macro_rules! firsts {
    ($conn:ident, $tasks:ident, $filter:ident, $window:ident, $at:expr) => {{
        let (is, nobody) = match $filter.assignee {
            Assignee::Any => (None, false),
            Assignee::Is(member) => (Some(member), false),
            Assignee::Nobody => (None, true),
        };
        let in_page = FirstOfEach {
            table: occurrences::table,
            group: occurrences::task_id,
            keys: $tasks.to_vec(),
            at: $at,
            id: occurrences::id,
            filter: wanted!($filter)
                .and(occurrences::assignee_id.eq(is.unwrap_or(NOBODYS)).or(any(is.is_none())))
                .and(occurrences::assignee_id.is_null().or(any(!nobody)))
                .and(between!($at, $window.bounds())),
            end: $window.end,
            limit: $window.limit,
        };
        let query = occurrences::table.filter(in_page).order(($at, occurrences::id));
        let found: Vec<Occurrence> = run!($conn, |c| query.select(Occurrence::as_select()).load(c).await)?;
        found
    }};
}

/// The occurrences of the member's household in a window.
pub async fn page(
    conn: &mut Connection,
    reader: &Reader,
    filter: &Filter,
    window: Window,
) -> Result<Vec<Occurrence>> {
    let mut found: Vec<Occurrence> = run!(conn, |c| {
        let mut query = occurrences::table
            .select(Occurrence::as_select())
            .filter(occurrences::household_id.eq(reader.household_id()))
            .filter(wanted!(filter))
            .limit(window.limit)
            .into_boxed();
        // What leads into an index is in the text only where it is asked for.
        if let Some(task) = filter.task {
            query = query.filter(occurrences::task_id.eq(task));
        }
        query = match filter.assignee {
            Assignee::Any => query,
            Assignee::Is(member) => query.filter(occurrences::assignee_id.eq(member)),
            Assignee::Nobody => query.filter(occurrences::assignee_id.is_null()),
        };
        let (due, closed, id) = (occurrences::due_at, occurrences::closed_at, occurrences::id);
        query = match window.order {
            Order::Due => query.filter(between!(due, window.bounds())),
            Order::Closed => query.filter(between!(closed, window.bounds())),
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

/// The occurrences of each of these chores in a window, as [`page`] gives them where the filter names the chore. Chores are
/// only ever taken from what the asker was allowed to see.
pub async fn pages(
    conn: &mut Connection,
    tasks: &[TaskId],
    filter: &Filter,
    window: Window,
) -> Result<HashMap<TaskId, Vec<Occurrence>>> {
    let mut pages: HashMap<_, Vec<_>> = HashMap::new();
    for tasks in tasks.chunks(GROUPS_AT_ONCE) {
        let found = match window.order {
            Order::Due => firsts!(conn, tasks, filter, window, occurrences::due_at),
            Order::Closed => firsts!(conn, tasks, filter, window, occurrences::closed_at),
        };
        for occurrence in found {
            pages.entry(occurrence.task_id).or_default().push(occurrence);
        }
    }
    Ok(pages)
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
