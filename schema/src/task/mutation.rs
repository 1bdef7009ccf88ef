//! Making chores.

use super::recurrence::{Overflow, RecurrenceInput, RecurrenceMode};
use super::reminder::TaskRemindersInput;
use super::{MissedPolicy, Task, TaskHelp, TaskStrategy};
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::{Outcome, perform};
use crate::scalar::LocalTime;
use async_graphql::{Context, ID, InputObject, Object};
use roomm8_db::task::reminder::Reminders;
use roomm8_db::task::{self, Create};
use roomm8_db::{Date, Error as DbError, WallTime};

/// A chore to make.
#[derive(Debug, InputObject)]
pub(crate) struct CreateTaskInput {
    /// The household.
    household_id: ID,
    /// What is to be done: one line of 1 to 200 characters; spaces around it are cut.
    title: String,
    /// What else there is to know: 1 to 4,000 characters of plain text.
    notes: Option<String>,
    /// How much work it is, 0 to 1440: minutes or points, as the household likes.
    #[graphql(default = 0)]
    weight: i32,
    /// When it is due; leave it out for what is to be done once, at no particular date.
    schedule: Option<RecurrenceInput>,
    /// Who shares it, in order: at most 100 current members, each once; guests do no chores. Nobody in particular, unless
    /// said otherwise.
    #[graphql(default)]
    roster: Vec<ID>,
    /// How the one to do it is found.
    #[graphql(default_with = "TaskStrategy::Anyone")]
    strategy: TaskStrategy,
    /// How many occurrences make a turn of a `ROUND_ROBIN` chore, 1 to 1000.
    #[graphql(default = 1)]
    turn_length: i32,
    /// What doing another's whole turn of a `ROUND_ROBIN` chore does to the order.
    #[graphql(default_with = "TaskHelp::KeepsOrder")]
    help: TaskHelp,
    /// What becomes of an occurrence that nobody closed in time.
    #[graphql(default_with = "MissedPolicy::StayOverdue")]
    missed_policy: MissedPolicy,
    /// Whether somebody else than the doer has to agree that it is done.
    #[graphql(default = false)]
    requires_approval: bool,
    /// So many minutes before it is due it can be done, and not earlier, 0 to 527,040; any time, unless said otherwise.
    opens_before_minutes: Option<i32>,
    /// What it is sorted by: at most 20, each one line of up to 50 characters, and there once whatever its case.
    #[graphql(default)]
    labels: Vec<String>,
    /// Its parts, to be ticked anew each time: at most 50, each one line of up to 200 characters.
    #[graphql(default)]
    subtasks: Vec<String>,
    /// When people are reminded of it, by mail and in their inbox. Never, unless said otherwise.
    reminders: Option<TaskRemindersInput>,
    /// Your name for this intent, 1 to 64 visible ASCII characters, for example a UUID. Send again with the same one
    /// when the answer was lost: one chore is made, and the repeat gets it again.
    client_mutation_id: Option<String>,
}

impl CreateTaskInput {
    fn operation(&self) -> roomm8_db::Result<Create> {
        let schedule = self.schedule.as_ref();
        Ok(Create {
            title: self.title.clone(),
            notes: self.notes.clone(),
            weight: self.weight,
            start_on: schedule.map(|schedule| Date::from(schedule.start_date.0)),
            due_time: schedule
                .and_then(|schedule| schedule.time)
                .map(|LocalTime(time)| WallTime::new(time))
                .transpose()?,
            time_zone: schedule.and_then(|schedule| schedule.time_zone.clone()),
            rule: schedule.and_then(|schedule| schedule.rule.clone()),
            overflow: schedule.map_or(Overflow::Clamp, |schedule| schedule.overflow).into(),
            mode: schedule.map_or(RecurrenceMode::Fixed, |schedule| schedule.mode).into(),
            roster: self.roster.iter().map(GlobalId::named_member).collect(),
            strategy: self.strategy.into(),
            turn_length: self.turn_length,
            help: self.help.into(),
            missed_policy: self.missed_policy.into(),
            labels: self.labels.clone(),
            subtasks: self.subtasks.clone(),
            reminders: self.reminders.as_ref().map(Reminders::from).unwrap_or_default(),
            requires_approval: self.requires_approval,
            opens_before: self.opens_before_minutes,
        })
    }
}

payload! {
    /// What came of `createTask`.
    CreateTaskPayload {
        /// The new chore, with its first occurrence opened.
        task: Task
    }
}

#[derive(Default)]
pub(crate) struct CreateTaskMutation;

#[Object]
impl CreateTaskMutation {
    /// Makes a chore, and opens its first occurrence, assigned by the chore's strategy. At most 1,000 chores a household
    /// are in use: `LIMIT` beyond that. Needs `MANAGE_TASKS`.
    async fn create_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: CreateTaskInput,
    ) -> Nullable<CreateTaskPayload> {
        nullable(async {
            let household = GlobalId::household(&input.household_id)?;
            let outcome = match input.operation() {
                Ok(operation) => {
                    perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?
                }
                Err(DbError::Refused(refusal)) => Outcome::refused(refusal.into()),
                Err(error) => return Err(error.into()),
            };
            let outcome = within_schedule(outcome).map(Task::from);
            Ok(CreateTaskPayload::new(outcome, input.client_mutation_id))
        })
        .await
    }
}

/// Says of what is wrong with the schedule that it is there.
pub(super) fn within_schedule(mut outcome: Outcome<task::Task>) -> Outcome<task::Task> {
    for error in &mut outcome.user_errors {
        error.nest("schedule", &["startDate", "time", "timeZone", "rule"]);
    }
    outcome
}
