//! The last month's chores: made on its first day, and done, or not, each evening.

use super::cast::{Each, Who};
use super::client::Client;
use super::home::Node;
use anyhow::{Context as _, Result};
use chrono::{Datelike as _, Days, NaiveDate, NaiveTime};
use chrono_tz::Europe::Berlin;
use roomm8_db::Time;
use roomm8_db::task::recurrence;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use std::time::Duration;

/// How long before the end they are made.
pub(super) const LENGTH: Duration = Duration::from_hours(30 * 24);
/// When they say that they did it.
const EVENING: NaiveTime = NaiveTime::from_hms_opt(21, 30, 0).unwrap();

const VIEWER: &str = "query($id: ID!) { answer: household(id: $id) { viewerMember { id } } }";
const CREATE: &str = "mutation($input: CreateTaskInput!) {
    answer: createTask(input: $input) { task { id } userErrors { message } }
}";
const DUE: &str = "query($id: ID!, $until: LocalDate!) { answer: household(id: $id) {
    occurrences(first: 100, filter: { statuses: [OPEN], dueTo: $until }) {
        nodes { id number task { title } assignee { id } ownedBy { id } }
    }
} }";
const COMPLETE: &str = "mutation($input: CompleteOccurrenceInput!) {
    answer: completeOccurrence(input: $input) { userErrors { message } }
}";
const SKIP: &str = "mutation($input: SkipOccurrenceInput!) {
    answer: skipOccurrence(input: $input) { userErrors { message } }
}";

/// The household's chores, while they are being done.
pub(super) struct Chores {
    household: String,
    begins: NaiveDate,
    /// Those who do chores.
    members: Vec<(Who, String)>,
    /// The last evening that was played.
    evening: Option<NaiveDate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfViewer {
    viewer_member: Node,
}

#[derive(Deserialize)]
struct Due {
    occurrences: Occurrences,
}

#[derive(Deserialize)]
struct Occurrences {
    nodes: Vec<Occurrence>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Occurrence {
    id: String,
    number: u32,
    task: Title,
    assignee: Option<Node>,
    owned_by: Option<Node>,
}

#[derive(Deserialize)]
struct Title {
    title: String,
}

impl Chores {
    pub(super) fn new(household: String, ends: Time) -> Self {
        let begins = recurrence::local_date(ends.before(LENGTH), Berlin);
        Self { household, begins, members: Vec::new(), evening: None }
    }

    /// Plays every evening that is over by now.
    pub(super) async fn play(&mut self, people: &mut Each<Client>, now: Time) -> Result<()> {
        let today = recurrence::local_date(now, Berlin);
        if today < self.begins {
            return Ok(());
        }
        if self.members.is_empty() {
            self.make(people).await?;
        }
        let mut evening = self.evening.map_or(self.begins, |last| last + Days::new(1));
        while evening < today {
            self.spend(people, evening).await?;
            self.evening = Some(evening);
            evening = evening + Days::new(1);
        }
        Ok(())
    }

    async fn make(&mut self, people: &mut Each<Client>) -> Result<()> {
        // Arjun is a guest: they do no chores.
        for who in Who::ALL.into_iter().filter(|who| *who != Who::Arjun) {
            let OfViewer { viewer_member } =
                people.of(who).ask(VIEWER, json!({ "id": self.household })).await?;
            self.members.push((who, viewer_member.id));
        }
        for (by, input) in self.inputs() {
            people.of(by).tell::<IgnoredAny>(CREATE, input).await?;
        }
        Ok(())
    }

    fn inputs(&self) -> Vec<(Who, Value)> {
        let begins = self.begins;
        let everybody: Value = self.members.iter().map(|(_, id)| id.as_str()).collect();
        let task = |title, weight, strategy, schedule: Value, more: Value| {
            let mut input = json!({ "householdId": self.household, "title": title, "weight": weight,
                "strategy": strategy, "roster": everybody, "schedule": schedule });
            if let (Some(input), Value::Object(more)) = (input.as_object_mut(), more) {
                input.extend(more);
            }
            input
        };
        let every = |rule| json!({ "startDate": begins.to_string(), "rule": rule });
        let at = |time, rule| json!({ "startDate": begins.to_string(), "rule": rule, "time": time });
        let after = json!({ "startDate": (begins + Days::new(6)).to_string(), "rule": "FREQ=DAILY;INTERVAL=10", "mode": "AFTER_COMPLETION" });
        vec![
            (
                Who::Zoe,
                task(
                    "Dishes 🍽️",
                    20,
                    "ROUND_ROBIN",
                    at("21:00", "FREQ=DAILY"),
                    json!({ "turnLength": 7, "labels": ["kitchen"] }),
                ),
            ),
            (
                Who::Marina,
                task(
                    "Мусор вынести",
                    5,
                    "LEAST_DONE",
                    at("07:00", "FREQ=WEEKLY;BYDAY=TU"),
                    json!({ "notes": "Gelb und Papier im Wechsel.", "missedPolicy": "ROLL_TO_NEXT" }),
                ),
            ),
            (
                Who::Zoe,
                task(
                    "Bathroom",
                    40,
                    "ROUND_ROBIN",
                    every("FREQ=WEEKLY;BYDAY=SA"),
                    json!({ "subtasks": ["Sink", "Shower", "Floor"], "help": "SWAP_ORDER" }),
                ),
            ),
            (
                Who::Marina,
                task(
                    "Deep clean of the kitchen",
                    90,
                    "RANDOM",
                    every("FREQ=MONTHLY;BYDAY=5FR"),
                    json!({ "labels": ["kitchen"] }),
                ),
            ),
            (
                Who::Layla,
                task(
                    "تغيير فلتر الماء",
                    10,
                    "FIXED",
                    after,
                    json!({ "notes": "Ten days after the last time." }),
                ),
            ),
            (Who::Zoe, task("Tidy your own room", 15, "EVERYONE", every("FREQ=WEEKLY;BYDAY=SU"), json!({}))),
            (Who::Xiaoyu, task("浇花", 5, "ANYONE", every("FREQ=DAILY;INTERVAL=3"), json!({}))),
            (
                Who::Marina,
                task(
                    "Rent",
                    5,
                    "FIXED",
                    at("12:00", "FREQ=MONTHLY;BYMONTHDAY=31"),
                    json!({ "roster": self.members.iter().take(1).map(|(_, id)| id.as_str()).collect::<Vec<_>>() }),
                ),
            ),
            (Who::Layla, json!({ "householdId": self.household, "title": "Find a lamp for the hallway" })),
        ]
    }

    /// What was due by then is done by whoever was to do it, mostly.
    async fn spend(&self, people: &mut Each<Client>, evening: NaiveDate) -> Result<()> {
        let due: Due = people
            .of(Who::Zoe)
            .ask(DUE, json!({ "id": self.household, "until": evening.to_string() }))
            .await?;
        let at = recurrence::due(evening, Some(EVENING), Berlin).to_utc().to_rfc3339();
        for (place, occurrence) in due.occurrences.nodes.iter().enumerate() {
            let mood = mood(evening, place);
            let doer = match &occurrence.assignee {
                Some(assignee) => self.members.iter().find(|(_, id)| *id == assignee.id),
                None => self.members.get(mood % self.members.len()),
            };
            let (who, _) = doer.context("somebody unknown is to do it")?;
            let client = people.of(*who);
            match mood {
                // It is left for another day.
                0..=2 => {}
                3 if occurrence.number > 1 => {
                    let reason = format!("{} can wait until next time", occurrence.task.title);
                    client
                        .tell::<IgnoredAny>(SKIP, json!({ "occurrenceId": occurrence.id, "reason": reason }))
                        .await?;
                }
                // A favour.
                4 if occurrence.owned_by.is_none() => {
                    let (other, _) =
                        self.members.get(place % self.members.len()).context("nobody is there")?;
                    let input =
                        json!({ "occurrenceId": occurrence.id, "at": at, "note": "I was up early 🙂" });
                    people.of(*other).tell::<IgnoredAny>(COMPLETE, input).await?;
                }
                _ => {
                    let input = json!({ "occurrenceId": occurrence.id, "at": at });
                    client.tell::<IgnoredAny>(COMPLETE, input).await?;
                }
            }
        }
        Ok(())
    }
}

/// 0 to 18, different from evening to evening and from chore to chore, but the same each time.
fn mood(evening: NaiveDate, place: usize) -> usize {
    let day = usize::try_from(evening.num_days_from_ce()).unwrap_or(0);
    (day * 7 + place * 5) % 19
}
