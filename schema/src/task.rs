//! Chores: what is to be done, when, and by whom; in the modules below the times they are due, lists of both, what can be
//! done to them, and what happens to them.

mod assignment;
mod closing;
mod editing;
mod event;
mod list;
mod mutation;
mod occurrence;
mod pause;
mod recurrence;
mod reminder;
mod reschedule;
mod review;
mod subtask;
mod swap;

pub(crate) use event::{TaskSubscription, occurrence_of, task_of};
pub(crate) use list::{
    OccurrenceFilterInput, OccurrenceOrder, TaskFilterInput, TaskOrder, occurrences, tasks,
};
pub(crate) use occurrence::{Occurrence, find_occurrence};
pub(crate) use recurrence::{RecurrenceInput, RecurrencePreview, preview};
pub(crate) use swap::{SwapOffer, find_swap, swap_of, swap_offers};

use crate::connection::{Connection, PageArguments};
use crate::error::{Error, Nullable, Result, nullable};
use crate::household::Household;
use crate::id::GlobalId;
use crate::member::{self, Member};
use crate::row::{Ahead, Plain as _, Row, label, list, plain, selected};
use crate::scalar::{Cursor, DateTime, LocalDate, LocalTime};
use crate::scope::{Scope, ScopeExt as _};
use async_graphql::parser::types::{Field, SelectionSet};
use async_graphql::{ComplexObject, Context, Enum, ID, MergedObject, Object, SimpleObject};
use pause::TaskPause;
use recurrence::{Overflow, RecurrenceMode};
use reminder::TaskReminders;
use roomm8_db::task::occurrence::OPEN_LIMIT;
use roomm8_db::task::rotation;
use roomm8_db::{HouseholdId, TaskId, task};
use std::collections::HashMap;
use subtask::TaskSubtask;

/// How the member who is to do a chore is found, each time it is due. Ties are broken by the order of the roster; who has
/// left is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rotation::Strategy")]
pub(crate) enum TaskStrategy {
    /// The first of the roster; those behind stand in when the first cannot.
    Fixed,
    /// One after the other, in the order of the roster; a turn lasts `turnLength` occurrences.
    RoundRobin,
    /// Whoever of the roster did it least in the last 90 days, and of several of them who did it longest ago.
    LeastDone,
    /// By lot, but never the same member twice in a row while there is another.
    Random,
    /// Whoever of the roster claims it first: `claimOccurrence`, and `releaseOccurrence` to let go of it.
    Anyone,
    /// Everybody of the roster: each has an occurrence of their own, and closes it for themselves.
    Everyone,
}

/// What it does to the order of a `ROUND_ROBIN` chore when somebody does another's whole turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rotation::Help")]
pub(crate) enum TaskHelp {
    /// Nothing: the turn is over, and the helper's own comes as if nothing had been.
    #[graphql(name = "KEEP_ORDER")]
    KeepsOrder,
    /// The two change places: it was the helper's turn, and the other's comes where the helper's was.
    #[graphql(name = "SWAP_ORDER")]
    SwapsOrder,
}

/// What becomes of an occurrence that nobody closed in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "task::MissedPolicy")]
pub(crate) enum MissedPolicy {
    /// It stays open, overdue, until it is closed; only then is the next one opened.
    StayOverdue,
    /// It is closed as `MISSED`, and the next one opened, at the start of the day on which the rule has the next one. Its turn
    /// is used up.
    RollToNext,
    /// It stays open, and the next one is opened beside it at the start of the day on which the rule has it. Its turn is
    /// used up. At most 50 are open at once, or 50 of each where everybody has their own; then it waits for a later date.
    Accumulate,
}

/// A chore. What is to be done of it now is in `openOccurrences`: close those, not the chore.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Task {
    /// Its global id.
    pub(crate) id: ID,
    /// What is to be done: one line of 1 to 200 characters of plain text.
    title: String,
    /// What else there is to know: up to 4,000 characters of plain text. Null if there is nothing.
    notes: Option<String>,
    /// How much work it is, 0 to 1440: minutes or points, as the household likes. A new one is that of what is open, and of
    /// what comes after it.
    weight: i32,
    /// The local date from which on it is due, or on which, if it is due once. Null if it is due at no particular date.
    start_date: Option<LocalDate>,
    /// The local time it is due at, also when clocks change; null if it is due by the end of the day.
    due_time: Option<LocalTime>,
    /// The IANA time zone of its dates and times.
    time_zone: String,
    /// Its RRULE (RFC 5545) in its shortest form, for example `FREQ=WEEKLY;BYDAY=TU`; null if it is due once.
    rule: Option<String>,
    /// What becomes of a day that a month does not have.
    overflow: Overflow,
    /// What its next date is counted from.
    mode: RecurrenceMode,
    /// How the one to do it is found.
    strategy: TaskStrategy,
    /// How many occurrences make a turn. Only `ROUND_ROBIN` asks: 7 for dishes done every day by turns of a week.
    turn_length: i32,
    /// What doing another's whole turn does to the order. Only `ROUND_ROBIN` asks.
    help: TaskHelp,
    /// What becomes of an occurrence that nobody closed in time.
    missed_policy: MissedPolicy,
    /// What it is sorted by, at most 20.
    labels: Vec<String>,
    /// Its parts, in their order, at most 50: what is done of them this time is in `Occurrence.subtasks`.
    subtasks: Vec<TaskSubtask>,
    /// When it is not due, the earliest first, at most 100: past, present and future. See `pauseTask`.
    pauses: Vec<TaskPause>,
    /// Whether somebody else than the doer has to agree that it is done: until then what was done is `PENDING`.
    requires_approval: bool,
    /// So many minutes before it is due it can be done, and not earlier; null is any time. It can always be skipped.
    opens_before_minutes: Option<i32>,
    /// When people are reminded of it, by mail and in their inbox.
    reminders: TaskReminders,
    /// When it was made.
    created_at: DateTime,
    /// When it was put away: since then it can be read, not done. Null while it is in use.
    archived_at: Option<DateTime>,
    /// Counts its changes, from 1; that the turn passes on is none. Of two states of a chore the one with the higher
    /// version holds.
    version: i32,
    #[graphql(skip)]
    row: task::Task,
}

impl From<task::Task> for Task {
    fn from(row: task::Task) -> Self {
        Self {
            id: GlobalId::Task(row.household_id, row.id).to_id(),
            title: row.title.clone(),
            notes: row.notes.clone(),
            weight: row.weight,
            start_date: row.start_on.map(|date| LocalDate(date.naive())),
            due_time: row.due_time.map(|time| LocalTime(time.naive())),
            time_zone: row.time_zone.clone(),
            rule: row.rule.clone(),
            overflow: row.overflow.into(),
            mode: row.mode.into(),
            strategy: row.strategy.into(),
            turn_length: row.turn_length,
            help: row.help.into(),
            missed_policy: row.missed_policy.into(),
            labels: row.labels.to_vec(),
            subtasks: row.subtasks.iter().map(TaskSubtask::from).collect(),
            pauses: row.paused.iter().map(TaskPause::from).collect(),
            requires_approval: row.requires_approval,
            opens_before_minutes: row.opens_before,
            reminders: (&row.reminders.0).into(),
            created_at: DateTime(row.created_at),
            archived_at: row.archived_at.map(DateTime),
            version: row.version,
            row,
        }
    }
}

impl Row for Task {
    async fn load(rows: &[&Self], fields: &SelectionSet, scope: &Scope, ahead: &mut Ahead) -> Result<()> {
        for field in selected(fields, "openOccurrences") {
            let tasks = rows.iter().map(|task| task.row.id);
            let open = scope.loaders().open_occurrences.load_map(tasks).await?;
            let open: HashMap<_, _> = open.into_iter().map(|(task, rows)| (task, first_open(rows))).collect();
            let occurrences: Vec<_> = open.values().flatten().collect();
            Occurrence::load(&occurrences, &field.selection_set.node, scope, ahead).await?;
            ahead.open_occurrences.extend(open);
        }
        Ok(())
    }

    fn write(&self, field: &Field, ahead: &Ahead, json: &mut Vec<u8>) -> Option<()> {
        match field.name.node.as_str() {
            "id" => self.id.write(json),
            "title" => self.title.write(json),
            "notes" => self.notes.write(json),
            "weight" => self.weight.write(json),
            "startDate" => self.start_date.write(json),
            "dueTime" => self.due_time.write(json),
            "timeZone" => self.time_zone.write(json),
            "rule" => self.rule.write(json),
            "overflow" => label(self.overflow, json),
            "mode" => label(self.mode, json),
            "strategy" => label(self.strategy, json),
            "turnLength" => self.turn_length.write(json),
            "help" => label(self.help, json),
            "missedPolicy" => label(self.missed_policy, json),
            "labels" => plain(&self.labels, json),
            "requiresApproval" => self.requires_approval.write(json),
            "opensBeforeMinutes" => self.opens_before_minutes.write(json),
            "createdAt" => self.created_at.write(json),
            "archivedAt" => self.archived_at.write(json),
            "version" => self.version.write(json),
            "openOccurrences" => {
                let open = ahead.open_occurrences.get(&self.row.id).map(Vec::as_slice).unwrap_or_default();
                list(open, &field.selection_set.node, ahead, json)
            }
            _ => None,
        }
    }
}

fn first_open(mut rows: Vec<task::Occurrence>) -> Vec<Occurrence> {
    rows.truncate(usize::try_from(OPEN_LIMIT).unwrap_or(0));
    rows.into_iter().map(Occurrence::from).collect()
}

#[ComplexObject]
impl Task {
    /// The household whose chore it is.
    async fn household(&self, ctx: &Context<'_>) -> Result<Household> {
        let found = ctx.scope()?.loaders().households.load(self.row.household_id).await?;
        found.map(Household::from).ok_or_else(Error::not_found)
    }

    /// Who shares it, in order, at most 100; empty if nobody in particular does. A former member has no turns.
    async fn roster(&self, ctx: &Context<'_>) -> Result<Vec<Member>> {
        let members = ctx.scope()?.loaders().members.load_many(self.row.roster()?).await?;
        Ok(members.into_iter().map(Member::from).collect())
    }

    /// Who made it, a former member perhaps.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Member> {
        member::known(ctx, self.row.created_by).await
    }

    /// What is to be done of it now, the earliest due first, at most 100. Empty once it has come to its end. Of many
    /// chores it is read at once, which no list with a filter can be.
    async fn open_occurrences(&self, ctx: &Context<'_>) -> Result<Vec<Occurrence>> {
        let rows = ctx.scope()?.loaders().open_occurrences.load(self.row.id).await?;
        Ok(first_open(rows.unwrap_or_default()))
    }

    /// Every time it is or was due; the first 50 unless said otherwise.
    #[expect(clippy::too_many_arguments, reason = "a filter, an order, and what Relay asks for")]
    async fn occurrences(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these; a `taskId` has to be this chore's.")] filter: Option<
            OccurrenceFilterInput,
        >,
        #[graphql(default_with = "OccurrenceOrder::DueAsc", desc = "In which order.")]
        order_by: OccurrenceOrder,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only occurrences after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "At most so many from the end, or before `before`; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only occurrences before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<Occurrence>> {
        let arguments = PageArguments::new(first, after, last, before, 50)?;
        let filter = filter.unwrap_or_default();
        list::occurrences_of(ctx, &self.row, &filter, order_by, &arguments).await
    }

    /// The occurrences that were closed, or are `PENDING`, the latest closed first; the first 50 unless said otherwise.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only occurrences after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "At most so many from the end, or before `before`; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only occurrences before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<Occurrence>> {
        let arguments = PageArguments::new(first, after, last, before, 50)?;
        let filter = OccurrenceFilterInput::default();
        list::occurrences_of(ctx, &self.row, &filter, OccurrenceOrder::ClosedDesc, &arguments).await
    }
}

impl Task {
    fn parts(&self) -> &[task::Subtask] {
        &self.row.subtasks
    }

    /// Its place in the list of chores.
    fn place(&self) -> Cursor {
        Cursor::Item(self.row.id.into())
    }
}

/// A chore that is named by something the asker may see.
async fn known(ctx: &Context<'_>, household: HouseholdId, id: TaskId) -> Result<Task> {
    let found = ctx.scope()?.loaders().tasks.load((household, id)).await?;
    found.map(Task::from).ok_or_else(Error::not_found)
}

/// The chore with this id, if the viewer is a member of its household.
pub(crate) async fn find(ctx: &Context<'_>, household: HouseholdId, id: TaskId) -> Result<Task> {
    ctx.scope()?.member(household).await?;
    known(ctx, household, id).await
}

#[derive(Default)]
pub(crate) struct TaskQuery;

#[Object]
impl TaskQuery {
    /// A chore of a household you are a member of. `NOT_FOUND` otherwise.
    async fn task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The chore's global id.")] id: ID,
    ) -> Nullable<Task> {
        nullable(async {
            let (household, id) = GlobalId::task(&id)?;
            find(ctx, household, id).await
        })
        .await
    }

    /// One time that a chore of such a household is or was due. `NOT_FOUND` otherwise, and once it was cancelled.
    async fn occurrence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The occurrence's global id.")] id: ID,
    ) -> Nullable<Occurrence> {
        nullable(async {
            let (household, id) = GlobalId::occurrence(&id)?;
            find_occurrence(ctx, household, id).await
        })
        .await
    }
}

/// What can be done about chores.
#[derive(MergedObject, Default)]
pub(crate) struct TaskMutation(
    mutation::CreateTaskMutation,
    closing::ClosingMutation,
    assignment::AssignmentMutation,
    editing::TaskEditingMutation,
    pause::TaskPauseMutation,
    subtask::SubtaskMutation,
    review::ReviewMutation,
    reschedule::RescheduleMutation,
    swap::SwapMutation,
    reminder::NudgeMutation,
);
