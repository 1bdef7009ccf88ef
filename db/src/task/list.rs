//! Lists of chores, in the order in which they were made.

use super::Task;
use super::occurrence::{Assignee, Status};
use crate::access::Member;
use crate::message::End;
use crate::page::Window;
use crate::tables::{occurrences, tasks};
use crate::{Connection, Result, TaskId, Time};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;

/// Whether chores that were put away are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Archived {
    /// They are not.
    #[default]
    Excluded,
    /// They are, beside the others.
    Included,
    /// Nothing else is.
    Only,
}

/// Which chores are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter {
    /// Whether those that were put away.
    pub archived: Archived,
    /// Those with an open occurrence such as this.
    pub with_open: Option<Open>,
}

/// An open occurrence that a chore is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Open {
    /// Whose it is.
    pub assignee: Assignee,
    /// It is due before this instant.
    pub due_before: Option<Time>,
}

/// The chores of the member's household in a window, in the order in which they were made.
pub async fn page(
    conn: &mut Connection,
    member: &Member,
    filter: Filter,
    window: Window,
) -> Result<Vec<Task>> {
    let (after, before): (TaskId, TaskId) = window.bounds();
    let found = run!(conn, |c| {
        let mut query = tasks::table
            .select(Task::as_select())
            .filter(tasks::household_id.eq(member.household_id()))
            .filter(tasks::id.gt(after))
            .filter(tasks::id.lt(before))
            .limit(window.limit)
            .into_boxed();
        query = match filter.archived {
            Archived::Excluded => query.filter(tasks::archived_at.is_null()),
            Archived::Included => query,
            Archived::Only => query.filter(tasks::archived_at.is_not_null()),
        };
        if let Some(open) = filter.with_open {
            let is_due = occurrences::due_at
                .lt(open.due_before.unwrap_or(Time::from_micros(0)))
                .or(open.due_before.is_none().into_sql::<Bool>());
            let theirs = occurrences::table
                .filter(occurrences::task_id.eq(tasks::id))
                .filter(occurrences::status.eq(Status::Open))
                .filter(is_due);
            query = match open.assignee {
                Assignee::Any => query.filter(exists(theirs)),
                Assignee::Is(member) => {
                    query.filter(exists(theirs.filter(occurrences::assignee_id.eq(member))))
                }
                Assignee::Nobody => query.filter(exists(theirs.filter(occurrences::assignee_id.is_null()))),
            };
        }
        query = match window.end {
            End::Oldest => query.order(tasks::id.asc()),
            End::Newest => query.order(tasks::id.desc()),
        };
        query.load(c).await
    })?;
    Ok(window.oldest_first(found))
}
