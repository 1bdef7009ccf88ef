//! Chores as they happen: every step is told to everybody, once, in order, and after a break from where it was.

use super::{OCCURRENCE, chore, does, make, open};
use roomm8_tests::{Deployment, Home, Socket, on_both, people::text};
use serde_json::{Value, json};
use std::time::Duration;

on_both!(every_step_of_a_chore_is_told_once_in_order, an_event_of_a_chore_says_what_it_is_about);

const SOON: Duration = Duration::from_secs(10);

const TASKS: &str = "subscription($id: ID!, $after: Cursor) { tasks(householdId: $id, after: $after) {
    cursor kind occurredAt actor { id } task { id title } occurrence { id number status } occurrenceId } }";

async fn every_step_of_a_chore_is_told_once_in_order(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let members = [home.member(system.a(), aino).await, home.member(system.a(), bo).await];
    let start = home.cursor(system.a(), bo).await;
    let mut socket = bo.follow(system.b(), TASKS, json!({ "id": home.id })).await;
    let first = socket.next_of("tasks", 1, SOON).await.remove(0);
    let nothing = ["task", "occurrence", "occurrenceId", "actor"].map(|field| first[field] == Value::Null);
    assert_eq!((&first["kind"], nothing), (&json!("SUBSCRIBED"), [true; 4]));

    let task = make(&home, system.a(), json!({ "strategy": "ANYONE" })).await;
    let occurrence = &task["openOccurrences"][0];
    home.say(system.a(), aino, "not of chores").await;
    does(bo, system.b(), "claimOccurrence", occurrence, json!({})).await;
    does(bo, system.a(), "releaseOccurrence", occurrence, json!({})).await;
    does(aino, system.b(), "reassignOccurrence", occurrence, json!({ "assigneeId": members[1] })).await;
    does(bo, system.a(), "completeOccurrence", occurrence, json!({})).await;
    let successor = open(aino, system.a(), &task).await.remove(0);
    does(bo, system.b(), "undoOccurrence", occurrence, json!({})).await;
    does(aino, system.a(), "skipOccurrence", occurrence, json!({ "reason": "guests did it" })).await;

    let told = socket.next_of("tasks", 11, SOON).await;
    let kinds: Vec<_> = told.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    let expected = [
        "TASK_CREATED",
        "OCCURRENCE_OPENED",
        "OCCURRENCE_ASSIGNED",
        "OCCURRENCE_ASSIGNED",
        "OCCURRENCE_ASSIGNED",
        "OCCURRENCE_CLOSED",
        "OCCURRENCE_OPENED",
        "OCCURRENCE_CANCELLED",
        "OCCURRENCE_REOPENED",
        "OCCURRENCE_CLOSED",
        "OCCURRENCE_OPENED",
    ];
    assert_eq!(kinds, expected);
    let actors: Vec<_> = told.iter().map(|event| text(&event["actor"]["id"]) == members[0]).collect();
    let [a, b] = [true, false];
    assert_eq!(actors, [a, a, b, b, a, b, b, b, b, a, a]);
    assert!(told[0]["occurrence"].is_null() && told[0]["occurrenceId"].is_null());
    assert_eq!(told[0]["task"], json!({ "id": task["id"], "title": "Dishes" }));
    // Of the one that is gone there is its id, to take it off a list by.
    assert_eq!(told[7]["occurrenceId"], successor["id"]);
    assert!(told[7]["occurrence"].is_null() && told[7]["task"].is_null());
    for event in [&told[1], &told[2], &told[5], &told[8], &told[9]] {
        assert_eq!((&event["occurrenceId"], &event["task"]["id"]), (&occurrence["id"], &task["id"]));
    }

    // From the beginning, and from the middle, on the other instance: the same, as it is now.
    let mut socket = aino.follow(system.a(), TASKS, json!({ "id": home.id, "after": start })).await;
    let again = socket.next_of("tasks", 11, SOON).await;
    let places = |events: &[Value]| -> Vec<_> {
        events
            .iter()
            .map(|event| [&event["cursor"], &event["kind"], &event["occurrenceId"]].map(Clone::clone))
            .collect()
    };
    assert_eq!(places(&again), places(&told));
    assert_eq!(again[1]["occurrence"]["status"], "SKIPPED");
    let middle = json!({ "id": home.id, "after": told[4]["cursor"] });
    let mut socket = bo.follow(system.a(), TASKS, middle).await;
    assert_eq!(places(&socket.next_of("tasks", 6, SOON).await), places(&told[5..]));
    assert_eq!(socket.hear_within(Duration::from_millis(300)).await, None);
}

async fn an_event_of_a_chore_says_what_it_is_about(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let document = format!(
        "subscription($id: ID!) {{ householdEvents(householdId: $id) {{ kind subject {{
        ... on Task {{ title }} ... on Occurrence {{ {OCCURRENCE} task {{ title }} }} }} }} }}"
    );
    let mut socket = home.people[1].follow(system.b(), &document, json!({ "id": home.id })).await;
    socket.next(SOON).await;
    let input = chore(&home, json!({ "title": "Windows" }));
    home.owner().on(system.a()).done("createTask", input, "cursor").await;
    let subject = async |socket: &mut Socket| socket.next(SOON).await["householdEvents"]["subject"].clone();
    assert_eq!(subject(&mut socket).await, json!({ "title": "Windows" }));
    let opened = subject(&mut socket).await;
    assert_eq!((&opened["status"], &opened["task"]["title"]), (&json!("OPEN"), &json!("Windows")));
}
