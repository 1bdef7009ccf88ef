//! When people are reminded of chores, and how they ask each other to do them.

use super::occurrence::Occurrence;
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::perform;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use roomm8_db::task::reminder::{Nag, Nudge, Reminders};

/// When people are reminded of each occurrence of a chore, in their inbox and by mail, as long as it is open: its assignee; of
/// one that is to be claimed, everybody of the roster, or everybody who may do chores if that is empty. Nobody who is away,
/// or while the chore is paused; and by mail nobody whose address is not proven.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct TaskReminders {
    /// So many minutes after it is due, before if negative; each once, the earliest first.
    offsets_minutes: Vec<i32>,
    /// Again and again from when it is due until it is done; null if not.
    nag: Option<TaskNag>,
}

/// Reminding again and again until it is done.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct TaskNag {
    /// So many minutes lie between two, and between when it is due and the first.
    every_minutes: i32,
    /// At most so often for each occurrence.
    at_most: i32,
}

impl From<&Reminders> for TaskReminders {
    fn from(reminders: &Reminders) -> Self {
        let nag = reminders.nag.map(|nag| TaskNag { every_minutes: nag.every, at_most: nag.at_most });
        Self { offsets_minutes: reminders.offsets.clone(), nag }
    }
}

/// When people are to be reminded of each occurrence. What has no date is due never, and nobody is reminded of it.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct TaskRemindersInput {
    /// So many minutes after it is due, before if negative: at most 5, each within 40,320 minutes (four weeks).
    #[graphql(default)]
    offsets_minutes: Vec<i32>,
    /// Again and again until it is done; not, unless said otherwise.
    nag: Option<TaskNagInput>,
}

/// Reminding again and again until it is done.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct TaskNagInput {
    /// So many minutes lie between two, and between when it is due and the first: 5 to 40,320.
    every_minutes: i32,
    /// At most so often for each occurrence: 1 to 50.
    at_most: i32,
}

impl From<&TaskRemindersInput> for Reminders {
    fn from(input: &TaskRemindersInput) -> Self {
        let nag = input.nag.as_ref().map(|nag| Nag { every: nag.every_minutes, at_most: nag.at_most });
        Self { offsets: input.offsets_minutes.clone(), nag }
    }
}

/// Somebody to be asked to do what they are to do.
#[derive(Debug, InputObject)]
pub(crate) struct NudgeOccurrenceInput {
    /// The occurrence; an open one.
    occurrence_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days asks nobody again.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `nudgeOccurrence`.
    NudgeOccurrencePayload {
        /// The occurrence, as it was; with `ALREADY_CLOSED` as it is now.
        occurrence: Occurrence
    }
}

#[derive(Default)]
pub(crate) struct NudgeMutation;

#[Object]
impl NudgeMutation {
    /// Asks at once, in their inbox and by mail, who is to do an open occurrence, or all who share the chore if it is to be
    /// claimed; never yourself: `INVALID` if there is nobody else, or nobody who would be told, as the chore is paused, or they
    /// are away. Once an hour for each chore, whoever asks: `RATE_LIMITED` with `retryAfter` beyond
    /// that. Needs `DO_TASKS`.
    async fn nudge_occurrence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which occurrence to ask for.")] input: NudgeOccurrenceInput,
    ) -> Nullable<NudgeOccurrencePayload> {
        nullable(async {
            let (household, occurrence) = GlobalId::occurrence(&input.occurrence_id)?;
            let operation = Nudge { occurrence };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(NudgeOccurrencePayload::new(outcome.map(Occurrence::from), input.client_mutation_id))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{PASSWORD, System};
    use serde_json::{Value, json};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_chore_says_when_people_are_reminded_and_people_ask_each_other() {
        let system = System::new().await;
        let input = json!({ "email": "ada@example.org", "password": PASSWORD, "displayName": "Ada" });
        system.mutate(None, "register", input, "accepted").await;
        let input = json!({ "email": "ada@example.org", "password": PASSWORD });
        let token = system.mutate(None, "login", input, "token").await["token"].as_str().unwrap().to_owned();
        let token = Some(token.as_str());
        let home = json!({ "name": "Elm Street 5", "timeZone": "Europe/Berlin", "currency": "EUR" });
        let home = system.mutate(token, "createHousehold", home, "household { id }").await["household"]["id"]
            .clone();
        let selection = "task { reminders { offsetsMinutes nag { everyMinutes atMost } } openOccurrences { id } } userErrors { code field }";
        let creates = async |reminders: Value| {
            let input = json!({ "householdId": home, "title": "Bins", "reminders": reminders });
            system.mutate(token, "createTask", input, selection).await
        };
        let made =
            creates(json!({ "offsetsMinutes": [0, -60, 0], "nag": { "everyMinutes": 30, "atMost": 3 } }))
                .await;
        let expected = json!({ "offsetsMinutes": [-60, 0], "nag": { "everyMinutes": 30, "atMost": 3 } });
        assert_eq!(made["task"]["reminders"], expected);
        let silent = creates(Value::Null).await;
        assert_eq!(silent["task"]["reminders"], json!({ "offsetsMinutes": [], "nag": null }));
        let wrong = creates(json!({ "nag": { "everyMinutes": 1, "atMost": 3 } })).await;
        let field = ["reminders", "nag", "everyMinutes"];
        assert_eq!(wrong["userErrors"], json!([{ "code": "INVALID", "field": field }]));

        let input = json!({ "occurrenceId": made["task"]["openOccurrences"][0]["id"] });
        let nudged = system
            .mutate(token, "nudgeOccurrence", input, "occurrence { id } userErrors { code field }")
            .await;
        let nobody = json!([{ "code": "INVALID", "field": ["occurrenceId"] }]);
        assert_eq!(nudged, json!({ "occurrence": null, "userErrors": nobody }));
    }
}
