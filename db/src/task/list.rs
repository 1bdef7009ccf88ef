//! Lists of chores, in the order in which they were made.

use super::occurrence::{Assignee, Status};
use super::{Task, to_json};
use crate::access::Reader;
use crate::message::End;
use crate::page::Window;
use crate::tables::{occurrences, tasks};
use crate::{Connection, Result, TaskId, Time};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::RunQueryDsl;

#[declare_sql_function]
extern "SQL" {
    /// The place of the first `part` in `text`, from 1 on; 0 if it is not in it.
    fn instr(text: Text, part: Text) -> Integer;
}

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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Whether those that were put away.
    pub archived: Archived,
    /// Those with an open occurrence such as this.
    pub with_open: Option<Open>,
    /// Those with exactly this label.
    pub label: Option<String>,
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
    reader: &Reader,
    filter: Filter,
    window: Window,
) -> Result<Vec<Task>> {
    let (after, before): (TaskId, TaskId) = window.bounds();
    let labelled = filter.label.as_deref().map(parts_with).transpose()?;
    let found = run!(conn, |c| {
        let mut query = tasks::table
            .select(Task::as_select())
            .filter(tasks::household_id.eq(reader.household_id()))
            .filter(tasks::id.gt(after))
            .filter(tasks::id.lt(before))
            .limit(window.limit)
            .into_boxed();
        query = match filter.archived {
            Archived::Excluded => query.filter(tasks::archived_at.is_null()),
            Archived::Included => query,
            Archived::Only => query.filter(tasks::archived_at.is_not_null()),
        };
        if let Some([only, first, middle, last]) = &labelled {
            let has = |part: &String| instr(tasks::labels, part.clone()).gt(0);
            query = query.filter(has(only).or(has(first)).or(has(middle)).or(has(last)));
        }
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

/// What the labels of a chore, as JSON, have in them if this is one of them: it stands between brackets and commas, as a
/// quotation mark alone could also be one within another label.
fn parts_with(label: &str) -> Result<[String; 4]> {
    let label = to_json(&label)?;
    Ok([format!("[{label}]"), format!("[{label},"), format!(",{label},"), format!(",{label}]")])
}
