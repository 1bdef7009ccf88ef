//! Beginning a household, changing it, putting it away and bringing it back.

use super::{HistoryVisibility, Household};
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::{Outcome, perform};
use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use roomm8_db::HouseholdId;
use roomm8_db::household::{self, EditWindow};

/// A household to begin.
#[derive(Debug, InputObject)]
pub(crate) struct CreateHouseholdInput {
    /// What to call it: one line of 1 to 100 characters; spaces around it are cut.
    name: String,
    /// Its IANA time zone in its exact spelling, for example `Europe/Berlin`.
    time_zone: String,
    /// The ISO 4217 code of its currency in capitals, for example `EUR`.
    currency: String,
    /// Your name for this intent, 1 to 64 visible ASCII characters, for example a UUID. Send again with the same one
    /// when the answer was lost: one household begins, and the repeat gets it again.
    client_mutation_id: Option<String>,
}

/// What to change of a household; leave out, or but for `editWindowMinutes` give null for, what stays as it is.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateHouseholdInput {
    /// The household.
    household_id: ID,
    /// What to call it: one line of 1 to 100 characters; spaces around it are cut.
    name: Option<String>,
    /// Its IANA time zone in its exact spelling, for example `Europe/Berlin`.
    time_zone: Option<String>,
    /// The ISO 4217 code of its currency in capitals, for example `EUR`.
    currency: Option<String>,
    /// How much of the past a new member sees. It holds at once for those who are members already, too.
    history_visibility: Option<HistoryVisibility>,
    /// For how many minutes messages can be edited: 0 (never) to 525600 (a year); null for always.
    edit_window_minutes: MaybeUndefined<i32>,
    /// The version you have seen. If what you change was changed since, the answer is `CONFLICT` with the household
    /// as it is now; changes of other fields are merged.
    expected_version: Option<i32>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A household to archive.
#[derive(Debug, InputObject)]
pub(crate) struct ArchiveHouseholdInput {
    /// The household.
    household_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A household to restore.
#[derive(Debug, InputObject)]
pub(crate) struct RestoreHouseholdInput {
    /// The household.
    household_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `createHousehold`.
    CreateHouseholdPayload {
        /// The new household, of which you are the owner.
        household: Household
    }
}

payload! {
    /// What came of `updateHousehold`.
    UpdateHouseholdPayload {
        /// The household as it is now, with a `CONFLICT` too.
        household: Household
    }
}

payload! {
    /// What came of `archiveHousehold`.
    ArchiveHouseholdPayload {
        /// The archived household.
        household: Household
    }
}

payload! {
    /// What came of `restoreHousehold`.
    RestoreHouseholdPayload {
        /// The household, in use again.
        household: Household
    }
}

#[derive(Default)]
pub(crate) struct HouseholdMutation;

#[Object]
impl HouseholdMutation {
    /// Begins a household: you become its owner, and its general conversation is opened. Anybody signed in may.
    async fn create_household(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to begin.")] input: CreateHouseholdInput,
    ) -> Nullable<CreateHouseholdPayload> {
        nullable(async {
            let CreateHouseholdInput { name, time_zone, currency, client_mutation_id } = input;
            let operation = household::Create { name, time_zone, currency };
            let outcome = perform(ctx, HouseholdId::new(), client_mutation_id.as_deref(), &operation).await?;
            Ok(CreateHouseholdPayload::new(read_at_its_place(outcome), client_mutation_id))
        })
        .await
    }

    /// Changes a household's name and settings. What equals its present value changes nothing. Needs
    /// `UPDATE_HOUSEHOLD`. Refused with `ARCHIVED` while it is archived.
    async fn update_household(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and what to change.")] input: UpdateHouseholdInput,
    ) -> Nullable<UpdateHouseholdPayload> {
        nullable(async {
            let household = GlobalId::household(&input.household_id)?;
            let operation = household::Update {
                name: input.name,
                time_zone: input.time_zone,
                currency: input.currency,
                history_visibility: input.history_visibility.map(Into::into),
                edit_window: match input.edit_window_minutes {
                    MaybeUndefined::Undefined => None,
                    MaybeUndefined::Null => Some(EditWindow::Always),
                    MaybeUndefined::Value(minutes) => Some(EditWindow::Minutes(minutes)),
                },
                expected_version: input.expected_version,
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(UpdateHouseholdPayload::new(read_at_its_place(outcome), input.client_mutation_id))
        })
        .await
    }

    /// Puts a household away: it can be read, left and restored, not changed. Doing it again changes nothing. Needs
    /// `ARCHIVE_HOUSEHOLD`.
    async fn archive_household(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which household to put away.")] input: ArchiveHouseholdInput,
    ) -> Nullable<ArchiveHouseholdPayload> {
        nullable(async {
            let household = GlobalId::household(&input.household_id)?;
            let key = input.client_mutation_id.as_deref();
            let outcome = perform(ctx, household, key, &household::Archive).await?;
            Ok(ArchiveHouseholdPayload::new(read_at_its_place(outcome), input.client_mutation_id))
        })
        .await
    }

    /// Brings an archived household back, up to 30 days after it was archived; `GONE` afterwards. Doing it again
    /// changes nothing. Needs `ARCHIVE_HOUSEHOLD`. An owner who left as the last member may too, and is its owner
    /// again.
    async fn restore_household(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which household to bring back.")] input: RestoreHouseholdInput,
    ) -> Nullable<RestoreHouseholdPayload> {
        nullable(async {
            let household = GlobalId::household(&input.household_id)?;
            let key = input.client_mutation_id.as_deref();
            let outcome = perform(ctx, household, key, &household::Restore).await?;
            Ok(RestoreHouseholdPayload::new(read_at_its_place(outcome), input.client_mutation_id))
        })
        .await
    }
}

/// What was changed is as new as the change: a client that subscribes from there misses nothing.
fn read_at_its_place(outcome: Outcome<household::Household>) -> Outcome<Household> {
    let cursor = outcome.cursor;
    outcome.map(|row| match cursor {
        Some(cursor) => Household::from(row).read_at(cursor),
        None => row.into(),
    })
}
