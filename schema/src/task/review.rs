//! Agreeing that an occurrence was done, or not.

use super::occurrence::Occurrence;
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::perform;
use async_graphql::{Context, ID, InputObject, Object};
use roomm8_db::task::{Approve, Reject};

/// An occurrence that was done, as you can see.
#[derive(Debug, InputObject)]
pub(crate) struct ApproveOccurrenceInput {
    /// The occurrence; a `PENDING` one that somebody else did.
    occurrence_id: ID,
    /// What there is to say: 1 to 1,000 characters of plain text.
    note: Option<String>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// An occurrence that was not done, or not well enough.
#[derive(Debug, InputObject)]
pub(crate) struct RejectOccurrenceInput {
    /// The occurrence; a `PENDING` one that somebody else did.
    occurrence_id: ID,
    /// Why: 1 to 1,000 characters of plain text.
    note: String,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `approveOccurrence`.
    ApproveOccurrencePayload {
        /// The occurrence as it is now, with `ALREADY_CLOSED` too.
        occurrence: Occurrence
    }
}

payload! {
    /// What came of `rejectOccurrence`.
    RejectOccurrencePayload {
        /// The occurrence, open again; with `ALREADY_CLOSED` as it is now.
        occurrence: Occurrence
    }
}

#[derive(Default)]
pub(crate) struct ReviewMutation;

#[Object]
impl ReviewMutation {
    /// Agrees that a `PENDING` occurrence is done. That closes it: its doer has the credit as of when it was done, even if
    /// they have left since, and the next one is opened. Its doer cannot do this. Needs `DO_TASKS`.
    async fn approve_occurrence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which occurrence to agree to.")] input: ApproveOccurrenceInput,
    ) -> Nullable<ApproveOccurrencePayload> {
        nullable(async {
            let (household, occurrence) = GlobalId::occurrence(&input.occurrence_id)?;
            let operation = Approve { occurrence, note: input.note };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(ApproveOccurrencePayload::new(outcome.map(Occurrence::from), input.client_mutation_id))
        })
        .await
    }

    /// Does not agree that a `PENDING` occurrence is done: it is open again as it was before, and `reviewNote` says why. Of a
    /// chore for `EVERYONE`, one of somebody who no longer shares it is `SKIPPED` instead, as nobody could do it. Its doer
    /// cannot do this: they take it back with `undoOccurrence`. Needs `DO_TASKS`.
    async fn reject_occurrence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and why.")] input: RejectOccurrenceInput,
    ) -> Nullable<RejectOccurrencePayload> {
        nullable(async {
            let (household, occurrence) = GlobalId::occurrence(&input.occurrence_id)?;
            let operation = Reject { occurrence, note: input.note };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(RejectOccurrencePayload::new(outcome.map(Occurrence::from), input.client_mutation_id))
        })
        .await
    }
}
