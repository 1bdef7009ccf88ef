//! The times a chore is due: open ones, and those that were closed, each with who did it and when.

use super::Task;
use super::subtask::OccurrenceSubtask;
use crate::error::{Error, Nullable, Result};
use crate::id::GlobalId;
use crate::member::{Member, perhaps};
use crate::row::{Ahead, Naming, Plain as _, Row, label};
use crate::scalar::{Cursor, DateTime, LocalDate, LocalTime, Timeline};
use crate::scope::{Scope, ScopeExt as _};
use async_graphql::parser::types::{Field, SelectionSet};
use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use roomm8_db::task::{self, occurrence};
use roomm8_db::{HouseholdId, OccurrenceId};

/// What became of an occurrence. Expect new values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "task::Status")]
pub(crate) enum OccurrenceStatus {
    /// Nothing yet: it is to be done.
    Open,
    /// Somebody says that they did it, and somebody else has to agree.
    Pending,
    /// Somebody did it.
    Done,
    /// It was not to be done this time; `note` says why.
    Skipped,
    /// It was not done in time.
    Missed,
}

/// One time that a chore is due; once closed, a line of its history. Closing it opens the next one.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Occurrence {
    /// Its global id.
    pub(crate) id: ID,
    /// Which one of its chore it is: 1, 2, 3, … Where everybody has their own, each counts for themselves.
    number: i32,
    /// The local date that its chore's rule gave it, from which the rule counts on. Null if it has no date.
    planned_date: Option<LocalDate>,
    /// The local date it is due, in its chore's time zone: the planned one, unless it was put off. Null if it is due at no particular date.
    due_date: Option<LocalDate>,
    /// The local time it is due at, also when clocks change; null if it is due by the end of the day.
    due_time: Option<LocalTime>,
    /// When it is due: at its local time, or at the end of the day. An open one is overdue from then on. Null if
    /// `dueDate` is.
    due_at: Option<DateTime>,
    /// What became of it.
    status: OccurrenceStatus,
    /// When it was done, as `doneBy` said; null unless it was.
    done_at: Option<DateTime>,
    /// When it was closed, or marked as done while it is `PENDING`; null while it is open.
    closed_at: Option<DateTime>,
    /// What it counts in `fairness`: what its chore weighs, and once it is closed what that did then.
    weight: i32,
    /// What who closed it had to say, of one that was skipped why: up to 1,000 characters of plain text.
    note: Option<String>,
    /// When somebody agreed, or did not agree, that it is done. Null as long as nobody has said so, and once what they agreed
    /// on was taken back.
    reviewed_at: Option<DateTime>,
    /// What they had to say: up to 1,000 characters of plain text.
    review_note: Option<String>,
    /// Counts its changes, from 1: pass it as `expectedVersion` when you give it to somebody. Of two states of an
    /// occurrence the one with the higher version holds.
    version: i32,
    #[graphql(skip)]
    row: task::Occurrence,
}

impl From<task::Occurrence> for Occurrence {
    fn from(row: task::Occurrence) -> Self {
        Self {
            id: GlobalId::Occurrence(row.household_id, row.id).to_id(),
            number: row.number,
            planned_date: row.planned_on.map(|date| LocalDate(date.naive())),
            due_date: row.due_on.map(|date| LocalDate(date.naive())),
            due_time: row.due_time.map(|time| LocalTime(time.naive())),
            due_at: row.due().map(DateTime),
            status: row.status.into(),
            done_at: row.done_at.map(DateTime),
            closed_at: row.closed_at.map(DateTime),
            weight: row.weight,
            note: row.note.clone(),
            reviewed_at: row.reviewed_at.map(DateTime),
            review_note: row.review_note.clone(),
            version: row.version,
            row,
        }
    }
}

impl Row for Occurrence {
    async fn load(rows: &[&Self], fields: &SelectionSet, scope: &Scope, ahead: &mut Ahead) -> Result<()> {
        ahead.members(&PEOPLE, fields, scope, rows.iter().map(|row| &row.row)).await
    }

    fn write(&self, field: &Field, ahead: &Ahead, json: &mut Vec<u8>) -> Option<()> {
        match field.name.node.as_str() {
            "id" => self.id.write(json),
            "number" => self.number.write(json),
            "plannedDate" => self.planned_date.write(json),
            "dueDate" => self.due_date.write(json),
            "dueTime" => self.due_time.write(json),
            "dueAt" => self.due_at.write(json),
            "status" => label(self.status, json),
            "doneAt" => self.done_at.write(json),
            "closedAt" => self.closed_at.write(json),
            "weight" => self.weight.write(json),
            "note" => self.note.write(json),
            "reviewedAt" => self.reviewed_at.write(json),
            "reviewNote" => self.review_note.write(json),
            "version" => self.version.write(json),
            _ => ahead.member(&PEOPLE, &self.row, field, json),
        }
    }
}

/// The fields that name members.
const PEOPLE: [Naming<task::Occurrence>; 5] = [
    ("assignee", |row| row.assignee_id),
    ("ownedBy", task::Occurrence::share),
    ("doneBy", |row| row.done_by),
    ("closedBy", |row| row.closed_by),
    ("reviewedBy", |row| row.reviewed_by),
];

#[ComplexObject]
impl Occurrence {
    /// The chore.
    async fn task(&self, ctx: &Context<'_>) -> Result<Task> {
        self.chore(ctx).await
    }

    /// Who is to do it, or was. Null while it is to be claimed, and where nobody can do it.
    async fn assignee(&self, ctx: &Context<'_>) -> Nullable<Member> {
        perhaps(ctx, self.row.assignee_id).await
    }

    /// Of a chore that is `EVERYONE`'s, the member whose own it is. Null of others.
    async fn owned_by(&self, ctx: &Context<'_>) -> Nullable<Member> {
        perhaps(ctx, self.row.share()).await
    }

    /// Who did it, and has the credit; null unless it was done.
    async fn done_by(&self, ctx: &Context<'_>) -> Nullable<Member> {
        perhaps(ctx, self.row.done_by).await
    }

    /// Who closed it, or marked it as done: not always who did it. Null while it is open, and where nobody did: it was missed.
    async fn closed_by(&self, ctx: &Context<'_>) -> Nullable<Member> {
        perhaps(ctx, self.row.closed_by).await
    }

    /// The parts of its chore, as it has them now, and which of them are done this time, at most 50.
    async fn subtasks(&self, ctx: &Context<'_>) -> Result<Vec<OccurrenceSubtask>> {
        let chore = self.chore(ctx).await?;
        let part = |subtask| OccurrenceSubtask::new(subtask, &self.row.ticks);
        Ok(chore.parts().iter().map(part).collect())
    }

    /// Who agreed, or did not agree, that it is done. Null as `reviewedAt` is.
    async fn reviewed_by(&self, ctx: &Context<'_>) -> Nullable<Member> {
        perhaps(ctx, self.row.reviewed_by).await
    }
}

impl Occurrence {
    pub(super) async fn chore(&self, ctx: &Context<'_>) -> Result<Task> {
        super::known(ctx, self.row.household_id, self.row.task_id).await
    }

    /// Its place in lists that are ordered by this; what is not in them has a place before all.
    pub(super) fn place(&self, timeline: Timeline) -> Cursor {
        let order = match timeline {
            Timeline::Due => occurrence::Order::Due,
            Timeline::Closed => occurrence::Order::Closed,
        };
        match self.row.place(order) {
            Some(place) => Cursor::Timed(timeline, place.at, place.id.into()),
            None => Cursor::Item(self.row.id.into()),
        }
    }
}

/// The occurrence with this id, if the viewer is a member of its household.
pub(crate) async fn find_occurrence(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: OccurrenceId,
) -> Result<Occurrence> {
    let scope = ctx.scope()?;
    scope.member(household).await?;
    let found = scope.loaders().occurrences.load((household, id)).await?;
    found.map(Occurrence::from).ok_or_else(Error::not_found)
}
