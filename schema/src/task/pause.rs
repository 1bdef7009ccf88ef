//! Pausing chores.

use super::Task;
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::perform;
use crate::scalar::LocalDate;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use roomm8_db::Date;
use roomm8_db::task::rotation::DateRange;
use roomm8_db::task::{LAST_DAY, Pause, Resume};

/// Local dates on which a chore is not due.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct TaskPause {
    /// The first.
    from: LocalDate,
    /// The last; null if it lasts until `resumeTask`.
    until: Option<LocalDate>,
}

impl From<DateRange> for TaskPause {
    fn from(range: DateRange) -> Self {
        let until = (range.last() < LAST_DAY).then(|| LocalDate(range.last()));
        Self { from: LocalDate(range.first()), until }
    }
}

/// A chore to pause, and when.
#[derive(Debug, InputObject)]
pub(crate) struct PauseTaskInput {
    /// The chore.
    task_id: ID,
    /// The first local date; today, unless said otherwise.
    from: Option<LocalDate>,
    /// The last local date, itself included; without, the pause lasts until `resumeTask`.
    until: Option<LocalDate>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A chore to go on with.
#[derive(Debug, InputObject)]
pub(crate) struct ResumeTaskInput {
    /// The chore.
    task_id: ID,
    /// The first local date on which it can be due again: one that is in a pause. Today, unless said otherwise.
    on: Option<LocalDate>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `pauseTask`.
    PauseTaskPayload {
        /// The chore as it is now.
        task: Task
    }
}

payload! {
    /// What came of `resumeTask`.
    ResumeTaskPayload {
        /// The chore as it is now.
        task: Task
    }
}

#[derive(Default)]
pub(crate) struct TaskPauseMutation;

#[Object]
impl TaskPauseMutation {
    /// Pauses a chore; a pause that overlaps others becomes one with them. The rule's dates in it are passed over, and what
    /// is due once, or so long after it was done, is due the day after it instead; what is open and due in it, likewise.
    /// Without an end nothing of it stays open. Refused with `LIMIT` beyond 100 pauses. Needs `MANAGE_TASKS`.
    async fn pause_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and when.")] input: PauseTaskInput,
    ) -> Nullable<PauseTaskPayload> {
        nullable(async {
            let (household, task) = GlobalId::task(&input.task_id)?;
            let date = |date: Option<LocalDate>| date.map(|LocalDate(date)| Date::from(date));
            let operation = Pause { task, from: date(input.from), until: date(input.until) };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(PauseTaskPayload::new(outcome.map(Task::from), input.client_mutation_id))
        })
        .await
    }

    /// Ends the pause that a date is in. What the pause put off is due on its date again, or today if that is over. A chore
    /// that is not paused on that date stays as it is. Needs `MANAGE_TASKS`.
    async fn resume_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and from when on.")] input: ResumeTaskInput,
    ) -> Nullable<ResumeTaskPayload> {
        nullable(async {
            let (household, task) = GlobalId::task(&input.task_id)?;
            let operation = Resume { task, on: input.on.map(|LocalDate(date)| Date::from(date)) };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(ResumeTaskPayload::new(outcome.map(Task::from), input.client_mutation_id))
        })
        .await
    }
}
