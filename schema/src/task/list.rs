//! Lists of chores and of the times they are due, filtered and ordered.

use super::Task;
use super::occurrence::{Occurrence, OccurrenceStatus};
use crate::connection::{Connection, PageArguments};
use crate::error::{Error, Result};
use crate::id::GlobalId;
use crate::scalar::{Cursor, LocalDate, Timeline};
use crate::scope::{Scope, ScopeExt as _};
use async_graphql::{Context, Enum, ID, InputObject};
use roomm8_db::message::End;
use roomm8_db::task::occurrence::{self, Assignee, Order, Place};
use roomm8_db::task::{self, Status, list};
use roomm8_db::{HouseholdId, TaskId};

/// Whether chores that were put away are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "list::Archived")]
pub(crate) enum ArchivedFilter {
    /// They are not.
    Excluded,
    /// They are, beside the others.
    Included,
    /// Nothing else is.
    Only,
}

/// The order of a list of chores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum TaskOrder {
    /// The oldest first.
    CreatedAsc,
    /// The newest first.
    CreatedDesc,
}

/// The order of a list of occurrences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum OccurrenceOrder {
    /// The earliest due first; what is due at no particular date comes last.
    DueAsc,
    /// The latest due first; what is due at no particular date comes before that.
    DueDesc,
    /// The latest closed first. Those that are open are not in the list.
    ClosedDesc,
}

/// Which chores are wanted: those of which everything given holds. An id that is none of this household's matches
/// nothing.
#[derive(Debug, InputObject)]
pub(crate) struct TaskFilterInput {
    /// Whether those that were put away are.
    #[graphql(default_with = "ArchivedFilter::Excluded")]
    archived: ArchivedFilter,
    /// Those with an open occurrence that this member is to do.
    assignee_id: Option<ID>,
    /// Whether only those with an open occurrence that you are to do.
    #[graphql(default = false)]
    mine: bool,
    /// Whether only those with an open occurrence that nobody is to do.
    #[graphql(default = false)]
    unassigned: bool,
    /// Whether only those with an open occurrence that is overdue; together with the others, with one of which all holds.
    #[graphql(default = false)]
    overdue: bool,
    /// Those with exactly this label.
    label: Option<String>,
}

/// Which occurrences are wanted: those of which everything given holds. An id that is none of this household's matches
/// nothing.
#[derive(Debug, Default, InputObject)]
pub(crate) struct OccurrenceFilterInput {
    /// Those of this chore.
    task_id: Option<ID>,
    /// Those of which one of these became.
    statuses: Option<Vec<OccurrenceStatus>>,
    /// Those that this member is, or was, to do.
    assignee_id: Option<ID>,
    /// Whether only those that you are, or were, to do.
    #[graphql(default = false)]
    mine: bool,
    /// Whether only those that nobody is to do. Open ones can be claimed.
    #[graphql(default = false)]
    unassigned: bool,
    /// Whether only those that are overdue: open, and due before now.
    #[graphql(default = false)]
    overdue: bool,
    /// Those due on this local date of their chore, or later.
    due_from: Option<LocalDate>,
    /// Those due on this local date of their chore, or earlier.
    due_to: Option<LocalDate>,
    /// Those that this member did.
    done_by_id: Option<ID>,
}

impl Default for TaskFilterInput {
    fn default() -> Self {
        Self {
            archived: ArchivedFilter::Excluded,
            assignee_id: None,
            mine: false,
            unassigned: false,
            overdue: false,
            label: None,
        }
    }
}

impl TaskFilterInput {
    async fn of(&self, scope: &Scope, household: HouseholdId) -> Result<list::Filter> {
        let named = self.assignee_id.as_ref();
        let assignee = assignee(scope, household, named, self.mine, self.unassigned).await?;
        let due_before = self.overdue.then(|| scope.now());
        let with_open =
            (assignee != Assignee::Any || self.overdue).then_some(list::Open { assignee, due_before });
        Ok(list::Filter { archived: self.archived.into(), with_open, label: self.label.clone() })
    }
}

impl OccurrenceFilterInput {
    async fn of(&self, scope: &Scope, household: HouseholdId) -> Result<occurrence::Filter> {
        let named = self.assignee_id.as_ref();
        let mut statuses: Option<Vec<Status>> =
            self.statuses.as_ref().map(|statuses| statuses.iter().copied().map(Status::from).collect());
        if self.overdue {
            let is_asked_for = statuses.is_none_or(|statuses| statuses.contains(&Status::Open));
            statuses = Some(if is_asked_for { vec![Status::Open] } else { Vec::new() });
        }
        Ok(occurrence::Filter {
            task: self.task_id.as_ref().map(task),
            // Each once, however often they are named.
            statuses: statuses
                .map(|named| Status::ALL.iter().copied().filter(|status| named.contains(status)).collect()),
            assignee: assignee(scope, household, named, self.mine, self.unassigned).await?,
            done_by: self.done_by_id.as_ref().map(GlobalId::named_member),
            due_before: self.overdue.then(|| scope.now()),
            from: self.due_from.map(|LocalDate(date)| date),
            to: self.due_to.map(|LocalDate(date)| date),
        })
    }
}

async fn assignee(
    scope: &Scope,
    household: HouseholdId,
    id: Option<&ID>,
    is_mine: bool,
    is_nobodys: bool,
) -> Result<Assignee> {
    match (id, is_mine, is_nobodys) {
        (None, false, false) => Ok(Assignee::Any),
        (Some(id), false, false) => Ok(Assignee::Is(GlobalId::named_member(id))),
        (None, true, false) => Ok(Assignee::Is(scope.member(household).await?.id())),
        (None, false, true) => Ok(Assignee::Nobody),
        _ => Err(Error::bad_input("give `assigneeId`, `mine` or `unassigned`, not several of them")),
    }
}

/// A chore named in a filter. What is no chore's id becomes the id of nothing, and what is another household's is nothing
/// in this one.
fn task(id: &ID) -> TaskId {
    GlobalId::task(id).map_or(TaskId::from_bytes([0; 16]), |(_, task)| task)
}

/// The same page, as it lies in the list that begins at the other end.
fn turned(arguments: &PageArguments) -> PageArguments {
    PageArguments {
        after: arguments.before,
        before: arguments.after,
        limit: arguments.limit,
        end: match arguments.end {
            End::Oldest => End::Newest,
            End::Newest => End::Oldest,
        },
    }
}

/// A page of a household's chores.
pub(crate) async fn tasks(
    ctx: &Context<'_>,
    household: HouseholdId,
    filter: &TaskFilterInput,
    order: TaskOrder,
    arguments: &PageArguments,
) -> Result<Connection<Task>> {
    let scope = ctx.scope()?;
    let reader = scope.reader(household).await?;
    let filter = filter.of(scope, household).await?;
    let is_turned = order == TaskOrder::CreatedDesc;
    let window = if is_turned { turned(arguments).window()? } else { arguments.window()? };
    let mut rows = list::page(&mut *scope.connection().await?, &reader, filter, window).await?;
    if is_turned {
        rows.reverse();
    }
    for row in &rows {
        scope.loaders().tasks.prime((household, row.id), row.clone()).await;
    }
    let tasks = rows.into_iter().map(Task::from).collect();
    Ok(Connection::new(arguments, tasks, Task::place))
}

/// A page of a household's occurrences.
pub(crate) async fn occurrences(
    ctx: &Context<'_>,
    household: HouseholdId,
    filter: &OccurrenceFilterInput,
    order: OccurrenceOrder,
    arguments: &PageArguments,
) -> Result<Connection<Occurrence>> {
    let scope = ctx.scope()?;
    let reader = scope.reader(household).await?;
    let (filter, window) = (filter.of(scope, household).await?, order.window(arguments)?);
    let rows = occurrence::page(&mut *scope.connection().await?, &reader, &filter, window).await?;
    Ok(order.page(arguments, rows))
}

/// A page of a chore's occurrences.
pub(super) async fn occurrences_of(
    ctx: &Context<'_>,
    task: &task::Task,
    filter: &OccurrenceFilterInput,
    order: OccurrenceOrder,
    arguments: &PageArguments,
) -> Result<Connection<Occurrence>> {
    let scope = ctx.scope()?;
    let (mut filter, window) = (filter.of(scope, task.household_id).await?, order.window(arguments)?);
    if filter.task.take().is_some_and(|named| named != task.id) {
        return Ok(order.page(arguments, Vec::new()));
    }
    let rows = scope.loaders().task_occurrences.load((task.id, filter, window)).await?;
    Ok(order.page(arguments, rows.unwrap_or_default()))
}

impl OccurrenceOrder {
    /// What the order goes by, and whether it is the other way round than in the database.
    fn timeline(self) -> (Timeline, Order, bool) {
        match self {
            Self::DueAsc => (Timeline::Due, Order::Due, false),
            Self::DueDesc => (Timeline::Due, Order::Due, true),
            Self::ClosedDesc => (Timeline::Closed, Order::Closed, true),
        }
    }

    fn window(self, arguments: &PageArguments) -> Result<occurrence::Window> {
        let (timeline, order, is_turned) = self.timeline();
        let stretch = if is_turned { turned(arguments) } else { *arguments };
        Ok(occurrence::Window {
            order,
            after: place(stretch.after, timeline)?,
            before: place(stretch.before, timeline)?,
            limit: stretch.probe(),
            end: stretch.end,
        })
    }

    fn page(
        self,
        arguments: &PageArguments,
        mut rows: Vec<occurrence::Occurrence>,
    ) -> Connection<Occurrence> {
        let (timeline, _, is_turned) = self.timeline();
        if is_turned {
            rows.reverse();
        }
        let occurrences = rows.into_iter().map(Occurrence::from).collect();
        Connection::new(arguments, occurrences, |occurrence: &Occurrence| occurrence.place(timeline))
    }
}

/// The place a cursor stands for.
fn place(cursor: Option<Cursor>, timeline: Timeline) -> Result<Option<Place>> {
    match cursor {
        None => Ok(None),
        Some(Cursor::Timed(of, at, id)) if of == timeline => Ok(Some(Place { at, id: id.into() })),
        Some(_) => Err(Error::bad_input("this cursor is not of a list in this order")),
    }
}
