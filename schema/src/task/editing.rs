//! Changing chores, putting them away and bringing them back.

use super::mutation::within_schedule;
use super::recurrence::RecurrenceInput;
use super::reminder::TaskRemindersInput;
use super::{MissedPolicy, Task, TaskHelp, TaskStrategy};
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::{Outcome, perform, to};
use crate::scalar::LocalTime;
use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use roomm8_db::To;
use roomm8_db::task::reminder::Reminders;
use roomm8_db::task::{Archive, Restore, Update, When};
use roomm8_db::{Date, Error as DbError, TaskId, WallTime};

/// What to change of a chore; leave out what stays as it is. Null is the same, but for `notes`, `schedule` and
/// `opensBeforeMinutes`.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateTaskInput {
    /// The chore.
    task_id: ID,
    /// What is to be done: one line of 1 to 200 characters; spaces around it are cut.
    title: Option<String>,
    /// What else there is to know: 1 to 4,000 characters of plain text. Null for nothing.
    notes: MaybeUndefined<String>,
    /// How much work it is, 0 to 1440: minutes or points, as the household likes.
    weight: Option<i32>,
    /// When it is due, as a whole: what is left out of it is what it is in `createTask`. Null if it is to be done once, at
    /// no particular date. What is open is planned anew: the first one as of a new chore, others by when the one before
    /// was closed, but for today or later; where only `time` and `timeZone` are others, it keeps its date. A `COUNT` after
    /// completion counts from here on, unless `startDate` stays and there was one. What has no further date is cancelled,
    /// and a chore that had come to its end goes on if it has one.
    schedule: MaybeUndefined<RecurrenceInput>,
    /// Who shares it, in order: at most 100 current members, each once. Who had their turn in this round is not asked
    /// again in it. What is open is assigned anew, but who claimed something keeps it.
    roster: Option<Vec<ID>>,
    /// How the one to do it is found. The turns begin anew, and what is open is assigned anew; from or to `EVERYONE` other
    /// occurrences take its place.
    strategy: Option<TaskStrategy>,
    /// How many occurrences make a turn of a `ROUND_ROBIN` chore, 1 to 1000.
    turn_length: Option<i32>,
    /// What doing another's whole turn of a `ROUND_ROBIN` chore does to the order.
    help: Option<TaskHelp>,
    /// What becomes of an occurrence that nobody closed in time.
    missed_policy: Option<MissedPolicy>,
    /// When people are reminded of it, by mail and in their inbox; what was planned before is called off.
    reminders: Option<TaskRemindersInput>,
    /// What it is sorted by: at most 20, each one line of up to 50 characters, and there once whatever its case.
    labels: Option<Vec<String>>,
    /// The titles of its parts: at most 50, each one line of up to 200 characters. A part that keeps its title keeps its id,
    /// and whether it is done.
    subtasks: Option<Vec<String>>,
    /// Whether somebody else than the doer has to agree that it is done.
    requires_approval: Option<bool>,
    /// So many minutes before it is due it can be done, 0 to 527040. Null for any time.
    opens_before_minutes: MaybeUndefined<i32>,
    /// The version you have seen: if any of what you change was changed since, the answer is `CONFLICT` with the chore as
    /// it is now.
    expected_version: Option<i32>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

impl UpdateTaskInput {
    fn operation(&self, task: TaskId) -> roomm8_db::Result<Update> {
        Ok(Update {
            task,
            title: self.title.clone(),
            notes: to(&self.notes),
            weight: self.weight,
            schedule: match &self.schedule {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(To::Nothing),
                MaybeUndefined::Value(schedule) => Some(To::Value(when(schedule)?)),
            },
            roster: self.roster.as_ref().map(|roster| roster.iter().map(GlobalId::named_member).collect()),
            strategy: self.strategy.map(Into::into),
            turn_length: self.turn_length,
            help: self.help.map(Into::into),
            missed_policy: self.missed_policy.map(Into::into),
            labels: self.labels.clone(),
            subtasks: self.subtasks.clone(),
            reminders: self.reminders.as_ref().map(Reminders::from),
            requires_approval: self.requires_approval,
            opens_before: to(&self.opens_before_minutes),
            expected_version: self.expected_version,
        })
    }
}

fn when(schedule: &RecurrenceInput) -> roomm8_db::Result<When> {
    Ok(When {
        start_on: Date::from(schedule.start_date.0),
        due_time: schedule.time.map(|LocalTime(time)| WallTime::new(time)).transpose()?,
        time_zone: schedule.time_zone.clone(),
        rule: schedule.rule.clone(),
        overflow: schedule.overflow.into(),
        mode: schedule.mode.into(),
    })
}

/// A chore to put away.
#[derive(Debug, InputObject)]
pub(crate) struct ArchiveTaskInput {
    /// The chore.
    task_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A chore to bring back.
#[derive(Debug, InputObject)]
pub(crate) struct RestoreTaskInput {
    /// The chore.
    task_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `updateTask`.
    UpdateTaskPayload {
        /// The chore as it is now, with `CONFLICT` too.
        task: Task
    }
}

payload! {
    /// What came of `archiveTask`.
    ArchiveTaskPayload {
        /// The chore as it is now.
        task: Task
    }
}

payload! {
    /// What came of `restoreTask`.
    RestoreTaskPayload {
        /// The chore as it is now.
        task: Task
    }
}

#[derive(Default)]
pub(crate) struct TaskEditingMutation;

#[Object]
impl TaskEditingMutation {
    /// Changes a chore, and what is open of it accordingly; what was closed stays as it was. What equals its present value
    /// changes nothing. Refused with `GONE` while it is put away. Needs `MANAGE_TASKS`.
    async fn update_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and what to change.")] input: UpdateTaskInput,
    ) -> Nullable<UpdateTaskPayload> {
        nullable(async {
            let (household, task) = GlobalId::task(&input.task_id)?;
            let outcome = match input.operation(task) {
                Ok(operation) => {
                    perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?
                }
                Err(DbError::Refused(refusal)) => Outcome::refused(refusal.into()),
                Err(error) => return Err(error.into()),
            };
            let outcome = within_schedule(outcome).map(Task::from);
            Ok(UpdateTaskPayload::new(outcome, input.client_mutation_id))
        })
        .await
    }

    /// Puts a chore away: what is open of it is cancelled, and its history stays. Doing it again changes nothing. Needs
    /// `MANAGE_TASKS`.
    async fn archive_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which to put away.")] input: ArchiveTaskInput,
    ) -> Nullable<ArchiveTaskPayload> {
        nullable(async {
            let (household, task) = GlobalId::task(&input.task_id)?;
            let operation = Archive { task };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(ArchiveTaskPayload::new(outcome.map(Task::from), input.client_mutation_id))
        })
        .await
    }

    /// Brings a chore back that was put away, and opens what is due of it next: today or later. Who left meanwhile is taken
    /// off its roster. Doing it again changes nothing. Refused with `LIMIT` while 1,000 chores are in use. Needs
    /// `MANAGE_TASKS`.
    async fn restore_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which to bring back.")] input: RestoreTaskInput,
    ) -> Nullable<RestoreTaskPayload> {
        nullable(async {
            let (household, task) = GlobalId::task(&input.task_id)?;
            let operation = Restore { task };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(RestoreTaskPayload::new(outcome.map(Task::from), input.client_mutation_id))
        })
        .await
    }
}
