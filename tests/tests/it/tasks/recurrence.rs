//! When chores are due, before they are made.

use roomm8_tests::{Deployment, Home, on_both};
use serde_json::{Value, json};

on_both!(a_recurrence_is_previewed_by_the_households_clock, a_wrong_recurrence_is_said_in_a_sentence);

const PREVIEW: &str = "query($id: ID!, $recurrence: RecurrenceInput!, $count: Int) { household(id: $id) {
    previewRecurrence(recurrence: $recurrence, count: $count) {
        occurrences { date dueAt } rule userErrors { code field message } } } }";

async fn preview(home: &Home, system: &roomm8_tests::System, recurrence: &Value, count: i32) -> Value {
    let variables = json!({ "id": home.id, "recurrence": recurrence, "count": count });
    let answer = home.owner().on(system.b()).query(PREVIEW, variables).await;
    answer["household"]["previewRecurrence"].clone()
}

fn times(preview: &Value) -> Vec<&str> {
    let occurrences = preview["occurrences"].as_array().unwrap();
    occurrences.iter().map(|occurrence| occurrence["dueAt"].as_str().unwrap()).collect()
}

async fn a_recurrence_is_previewed_by_the_households_clock(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    // Helsinki's clocks go forward at three in the night of 29 March 2026.
    let nightly = json!({ "startDate": "2026-03-28", "time": "03:30", "rule": "FREQ=DAILY" });
    let previewed = preview(&home, &system, &nightly, 3).await;
    assert_eq!(
        times(&previewed),
        ["2026-03-28T01:30:00.000000Z", "2026-03-29T01:30:00.000000Z", "2026-03-30T00:30:00.000000Z"]
    );
    let fifth_friday = json!({ "startDate": "2026-11-24", "timeZone": "America/New_York", "rule": "rrule:byday=5fr;freq=monthly" });
    let previewed = preview(&home, &system, &fifth_friday, 2).await;
    assert_eq!(previewed["rule"], "FREQ=MONTHLY;BYDAY=5FR");
    // By the end of the day.
    assert_eq!(times(&previewed), ["2027-01-30T05:00:00.000000Z", "2027-05-01T04:00:00.000000Z"]);
    let month_ends = json!({ "startDate": "2027-01-31", "rule": "FREQ=MONTHLY;BYMONTHDAY=31" });
    let dates: Vec<_> = preview(&home, &system, &month_ends, 3).await["occurrences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|occurrence| occurrence["date"].clone())
        .collect();
    assert_eq!(dates, ["2027-01-31", "2027-02-28", "2027-03-31"]);
}

async fn a_wrong_recurrence_is_said_in_a_sentence(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let refused = async |field: &str, change: Value, count: i32| {
        let mut recurrence = json!({ "startDate": "2026-11-24", "rule": "FREQ=DAILY" });
        recurrence.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let previewed = preview(&home, &system, &recurrence, count).await;
        let error = &previewed["userErrors"][0];
        assert_eq!(
            (&error["field"], &previewed["occurrences"]),
            (&json!([field]), &json!([])),
            "{recurrence}"
        );
        assert!(error["message"].as_str().unwrap().len() > 10, "{error}");
    };
    for rule in [
        "",
        "FREQ=HOURLY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31;BYSETPOS=9",
        "every day",
    ] {
        refused("rule", json!({ "rule": rule }), 1).await;
    }
    let never = json!({ "rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "overflow": "SKIP" });
    refused("rule", never, 1).await;
    refused("timeZone", json!({ "timeZone": "Europe/Atlantis" }), 1).await;
    refused("startDate", json!({ "startDate": "1066-10-14" }), 1).await;
    for count in [0, -1, 51] {
        refused("count", json!({}), count).await;
    }
}
