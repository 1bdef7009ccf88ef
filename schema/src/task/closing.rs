//! Closing occurrences, and taking that back.

use super::occurrence::Occurrence;
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::perform;
use crate::scalar::DateTime;
use async_graphql::{Context, ID, InputObject, Object};
use roomm8_db::task::{Complete, Skip, Undo};

/// An occurrence that was done.
#[derive(Debug, InputObject)]
pub(crate) struct CompleteOccurrenceInput {
    /// The occurrence; an open one.
    occurrence_id: ID,
    /// Who did it, and has the credit: a current member, no guest. You, unless said otherwise.
    done_by_id: Option<ID>,
    /// When it was done: not in the future, nor before the one before it was done, nor before it could be done, where its chore
    /// says so. Now, unless said otherwise.
    at: Option<DateTime>,
    /// What else there is to say: 1 to 1,000 characters of plain text.
    note: Option<String>,
    /// Your name for this intent, 1 to 64 visible ASCII characters, for example a UUID. Send again with the same one
    /// when the answer was lost: it is closed once, and the repeat gets the first answer.
    client_mutation_id: Option<String>,
}

/// An occurrence that is not to be done.
#[derive(Debug, InputObject)]
pub(crate) struct SkipOccurrenceInput {
    /// The occurrence; an open one.
    occurrence_id: ID,
    /// Why: 1 to 1,000 characters of plain text.
    reason: String,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A closing to take back.
#[derive(Debug, InputObject)]
pub(crate) struct UndoOccurrenceInput {
    /// The occurrence that was closed.
    occurrence_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `completeOccurrence`.
    CompleteOccurrencePayload {
        /// The occurrence as it is now; with `ALREADY_CLOSED` too, as somebody else closed it.
        occurrence: Occurrence
    }
}

payload! {
    /// What came of `skipOccurrence`.
    SkipOccurrencePayload {
        /// The occurrence as it is now; with `ALREADY_CLOSED` too, as somebody else closed it.
        occurrence: Occurrence
    }
}

payload! {
    /// What came of `undoOccurrence`.
    UndoOccurrencePayload {
        /// The occurrence, open again.
        occurrence: Occurrence
    }
}

#[derive(Default)]
pub(crate) struct ClosingMutation;

#[Object]
impl ClosingMutation {
    /// Says that an occurrence was done, whoever was to do it, and opens the next one. Of several who say so at once the
    /// first wins; the others get `ALREADY_CLOSED` with the occurrence, which says who did it and when.
    /// Where its chore `requiresApproval`, it is `PENDING` until another member has agreed, and the next one is opened then.
    /// Needs `DO_TASKS`.
    async fn complete_occurrence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, by whom and when.")] input: CompleteOccurrenceInput,
    ) -> Nullable<CompleteOccurrencePayload> {
        nullable(async {
            let (household, occurrence) = GlobalId::occurrence(&input.occurrence_id)?;
            let operation = Complete {
                occurrence,
                done_by: input.done_by_id.as_ref().map(GlobalId::named_member),
                at: input.at.map(|DateTime(at)| at),
                note: input.note,
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(CompleteOccurrencePayload::new(outcome.map(Occurrence::from), input.client_mutation_id))
        })
        .await
    }

    /// Says that an occurrence is not to be done this time, and why, and opens the next one. Nobody has credit for it, and
    /// nobody's turn is used up. `ALREADY_CLOSED` as of `completeOccurrence`. Needs `DO_TASKS`.
    async fn skip_occurrence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and why.")] input: SkipOccurrenceInput,
    ) -> Nullable<SkipOccurrencePayload> {
        nullable(async {
            let (household, occurrence) = GlobalId::occurrence(&input.occurrence_id)?;
            let operation = Skip { occurrence, reason: input.reason };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(SkipOccurrencePayload::new(outcome.map(Occurrence::from), input.client_mutation_id))
        })
        .await
    }

    /// Takes back that an occurrence was closed: it is open as it was before, and what followed it is cancelled. Refused with
    /// `SUPERSEDED` once that is closed, too, and with `GONE` if it is of a chore for `EVERYONE` and of somebody who no longer
    /// shares that. What you closed you can take back for 15 minutes (`UNDO_WINDOW_CLOSED`
    /// after that), and so can who agreed that it was done; while it is `PENDING`, you can at any time. That needs `DO_TASKS`.
    /// What anybody closed, or nobody as it was missed, can be taken back at any time with `UNDO_TASKS`. One that is open
    /// stays so.
    async fn undo_occurrence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which closing to take back.")] input: UndoOccurrenceInput,
    ) -> Nullable<UndoOccurrencePayload> {
        nullable(async {
            let (household, occurrence) = GlobalId::occurrence(&input.occurrence_id)?;
            let operation = Undo { occurrence };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(UndoOccurrencePayload::new(outcome.map(Occurrence::from), input.client_mutation_id))
        })
        .await
    }
}
