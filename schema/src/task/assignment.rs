//! Who does an occurrence: claiming it, letting go of it, giving it to somebody.

use super::occurrence::Occurrence;
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::perform;
use async_graphql::{Context, ID, InputObject, Object};
use roomm8_db::task::{Claim, Reassign, Release};

/// An occurrence to claim.
#[derive(Debug, InputObject)]
pub(crate) struct ClaimOccurrenceInput {
    /// The occurrence; an open one that nobody is to do.
    occurrence_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// An occurrence to let go of.
#[derive(Debug, InputObject)]
pub(crate) struct ReleaseOccurrenceInput {
    /// The occurrence, which you claimed.
    occurrence_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// An occurrence to give to somebody.
#[derive(Debug, InputObject)]
pub(crate) struct ReassignOccurrenceInput {
    /// The occurrence; an open one.
    occurrence_id: ID,
    /// To whom: a current member, no guest, of its roster or not. Null for nobody.
    assignee_id: Option<ID>,
    /// The version you have seen: if it was given to somebody since, the answer is `CONFLICT` with the occurrence as it is
    /// now.
    expected_version: Option<i32>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `claimOccurrence`.
    ClaimOccurrencePayload {
        /// The occurrence as it is now; with `CONFLICT` and `ALREADY_CLOSED` too, as somebody else claimed or closed it.
        occurrence: Occurrence
    }
}

payload! {
    /// What came of `releaseOccurrence`.
    ReleaseOccurrencePayload {
        /// The occurrence as it is now, with `ALREADY_CLOSED` too.
        occurrence: Occurrence
    }
}

payload! {
    /// What came of `reassignOccurrence`.
    ReassignOccurrencePayload {
        /// The occurrence as it is now, with `CONFLICT` and `ALREADY_CLOSED` too.
        occurrence: Occurrence
    }
}

#[derive(Default)]
pub(crate) struct AssignmentMutation;

#[Object]
impl AssignmentMutation {
    /// Takes an occurrence that nobody is to do: of a chore for `ANYONE`, only if you are on its roster, or nobody is. The
    /// first claim wins; the others get `CONFLICT` with the occurrence, which says whose it is. Needs `DO_TASKS`.
    async fn claim_occurrence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which to claim.")] input: ClaimOccurrenceInput,
    ) -> Nullable<ClaimOccurrencePayload> {
        nullable(async {
            let (household, occurrence) = GlobalId::occurrence(&input.occurrence_id)?;
            let operation = Claim { occurrence };
            let mut outcome =
                perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            outcome.user_errors.iter_mut().for_each(|error| error.place("occurrenceId"));
            Ok(ClaimOccurrencePayload::new(outcome.map(Occurrence::from), input.client_mutation_id))
        })
        .await
    }

    /// Lets go of an occurrence of a chore for `ANYONE` that you have claimed, so that others can claim it. Needs
    /// `DO_TASKS`.
    async fn release_occurrence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which to let go of.")] input: ReleaseOccurrenceInput,
    ) -> Nullable<ReleaseOccurrencePayload> {
        nullable(async {
            let (household, occurrence) = GlobalId::occurrence(&input.occurrence_id)?;
            let operation = Release { occurrence };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(ReleaseOccurrencePayload::new(outcome.map(Occurrence::from), input.client_mutation_id))
        })
        .await
    }

    /// Gives an occurrence to another member, or to nobody, but not one of a chore that `EVERYONE` does for themselves.
    /// Whose turn it is stays as it is: who does another's turn as a favour has their own when it comes. Needs
    /// `MANAGE_TASKS`.
    async fn reassign_occurrence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and to whom.")] input: ReassignOccurrenceInput,
    ) -> Nullable<ReassignOccurrencePayload> {
        nullable(async {
            let (household, occurrence) = GlobalId::occurrence(&input.occurrence_id)?;
            let operation = Reassign {
                occurrence,
                to: input.assignee_id.as_ref().map(GlobalId::named_member),
                expected_version: input.expected_version,
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(ReassignOccurrencePayload::new(outcome.map(Occurrence::from), input.client_mutation_id))
        })
        .await
    }
}
