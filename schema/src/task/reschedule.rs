//! Putting one occurrence off, or bringing it forward.

use super::occurrence::Occurrence;
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::{Outcome, perform};
use crate::scalar::{LocalDate, LocalTime};
use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use roomm8_db::task::{self, DueTime, Reschedule};
use roomm8_db::{Date, Error as DbError, WallTime};

/// Another time for an occurrence.
#[derive(Debug, InputObject)]
pub(crate) struct RescheduleOccurrenceInput {
    /// The occurrence; an open one.
    occurrence_id: ID,
    /// The local date it is to be due, in its chore's time zone: today, or up to five years later.
    due_date: LocalDate,
    /// The local time it is to be due at; null is the end of the day. Left out, it stays as it is.
    due_time: MaybeUndefined<LocalTime>,
    /// The version you have seen: if it was put off since, the answer is `CONFLICT` with the occurrence as it is now.
    expected_version: Option<i32>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

impl RescheduleOccurrenceInput {
    fn due_time(&self) -> roomm8_db::Result<DueTime> {
        Ok(match self.due_time {
            MaybeUndefined::Undefined => DueTime::Kept,
            MaybeUndefined::Null => DueTime::EndOfDay,
            MaybeUndefined::Value(LocalTime(time)) => DueTime::At(WallTime::new(time)?),
        })
    }
}

payload! {
    /// What came of `rescheduleOccurrence`.
    RescheduleOccurrencePayload {
        /// The occurrence as it is now, with `CONFLICT` and `ALREADY_CLOSED` too.
        occurrence: Occurrence
    }
}

#[derive(Default)]
pub(crate) struct RescheduleMutation;

#[Object]
impl RescheduleMutation {
    /// Has an occurrence be due at another time. This one only: the rule counts on from its `plannedDate`, so that nobody's
    /// turn is lost or doubled. Needs `DO_TASKS` if it is yours to do, and `MANAGE_TASKS` if not.
    async fn reschedule_occurrence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and to when.")] input: RescheduleOccurrenceInput,
    ) -> Nullable<RescheduleOccurrencePayload> {
        nullable(async {
            let (household, occurrence) = GlobalId::occurrence(&input.occurrence_id)?;
            let outcome: Outcome<task::Occurrence> = match input.due_time() {
                Ok(due_time) => {
                    let operation = Reschedule {
                        occurrence,
                        due_on: Date::from(input.due_date.0),
                        due_time,
                        expected_version: input.expected_version,
                    };
                    perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?
                }
                Err(DbError::Refused(refusal)) => {
                    Outcome::refused(roomm8_db::Refusal { field: "dueTime", ..refusal }.into())
                }
                Err(error) => return Err(error.into()),
            };
            Ok(RescheduleOccurrencePayload::new(outcome.map(Occurrence::from), input.client_mutation_id))
        })
        .await
    }
}
