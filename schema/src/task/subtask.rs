//! The parts of chores, and ticking them.

use super::occurrence::Occurrence;
use crate::error::{Nullable, nullable, nullable_option};
use crate::id::GlobalId;
use crate::member::{self, Member};
use crate::payload::perform;
use crate::scalar::DateTime;
use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use roomm8_db::task::{SetDone, Subtask, Tick};

/// A part of a chore, to be ticked anew each time.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct TaskSubtask {
    /// Tells it from the chore's other parts, and stays the same for as long as its title does.
    id: i32,
    /// What is to be done: one line of up to 200 characters of plain text.
    title: String,
}

impl From<&Subtask> for TaskSubtask {
    fn from(subtask: &Subtask) -> Self {
        Self { id: subtask.id, title: subtask.title.clone() }
    }
}

/// A part of what is to be done this time.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct OccurrenceSubtask {
    /// That of the chore's part: the `subtaskId` of `setSubtaskDone`.
    id: i32,
    /// What is to be done, as the chore has it now: one line of up to 200 characters of plain text.
    title: String,
    /// Whether it is done.
    is_done: bool,
    /// When it was; null while it is not.
    done_at: Option<DateTime>,
    #[graphql(skip)]
    tick: Option<Tick>,
}

impl OccurrenceSubtask {
    pub(super) fn new(subtask: &Subtask, ticks: &[Tick]) -> Self {
        let tick = ticks.iter().find(|tick| tick.subtask == subtask.id).cloned();
        Self {
            id: subtask.id,
            title: subtask.title.clone(),
            is_done: tick.is_some(),
            done_at: tick.as_ref().map(|tick| DateTime(tick.at)),
            tick,
        }
    }
}

#[ComplexObject]
impl OccurrenceSubtask {
    /// Who said that it is done; null while it is not.
    async fn done_by(&self, ctx: &Context<'_>) -> Nullable<Member> {
        nullable_option(async {
            match &self.tick {
                Some(tick) => member::known(ctx, tick.by).await.map(Some),
                None => Ok(None),
            }
        })
        .await
    }
}

/// Which part of an occurrence is done, or is not.
#[derive(Debug, InputObject)]
pub(crate) struct SetSubtaskDoneInput {
    /// The occurrence; an open one.
    occurrence_id: ID,
    /// The `id` of one of its `subtasks`.
    subtask_id: i32,
    /// Whether it is done.
    done: bool,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `setSubtaskDone`.
    SetSubtaskDonePayload {
        /// The occurrence as it is now, with `ALREADY_CLOSED` too.
        occurrence: Occurrence
    }
}

#[derive(Default)]
pub(crate) struct SubtaskMutation;

#[Object]
impl SubtaskMutation {
    /// Says that a part of an occurrence is done, or is not. It is set, and not turned round: of two who tick the same part
    /// at once the first is who did it, and it stays done. Needs `DO_TASKS`.
    async fn set_subtask_done(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which part, and whether it is done.")] input: SetSubtaskDoneInput,
    ) -> Nullable<SetSubtaskDonePayload> {
        nullable(async {
            let (household, occurrence) = GlobalId::occurrence(&input.occurrence_id)?;
            let operation = SetDone { occurrence, subtask: input.subtask_id, is_done: input.done };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(SetSubtaskDonePayload::new(outcome.map(Occurrence::from), input.client_mutation_id))
        })
        .await
    }
}
