//! Chores that are changed, paused, put away and ticked part by part.

use super::{does, history, make, open, tries};
use roomm8_tests::{Deployment, Home, on_both, people::text};
use serde_json::{Value, json};

on_both!(
    a_chore_changes_and_what_is_open_follows,
    a_chore_is_paused_put_away_and_brought_back,
    a_part_is_ticked_once_and_stays_whose_it_is,
);

const TASK: &str =
    "task { id title notes labels subtasks { id title } pauses { from until } startDate dueTime rule
    strategy version archivedAt } userErrors { code field }";

async fn a_chore_changes_and_what_is_open_follows(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let made = make(&home, system.a(), json!({ "notes": "daily", "subtasks": ["wash", "dry"] })).await;
    let first = open(bo, system.b(), &made).await.remove(0);
    let update = json!({ "taskId": made["id"], "title": "Pans", "notes": null, "labels": ["kitchen", "late"],
        "subtasks": ["dry", "put away"], "expectedVersion": 1,
        "schedule": { "startDate": "2099-01-05", "time": "18:30", "rule": "FREQ=WEEKLY;BYDAY=MO" } });
    let updated = aino.on(system.a()).done("updateTask", update, TASK).await;
    let task = &updated["task"];
    assert_eq!((&task["title"], &task["notes"], &task["version"]), (&json!("Pans"), &Value::Null, &json!(2)));
    assert_eq!(task["labels"], json!(["kitchen", "late"]));
    assert_eq!(task["subtasks"], json!([{ "id": 2, "title": "dry" }, { "id": 3, "title": "put away" }]));
    let moved = open(bo, system.b(), &made).await.remove(0);
    assert_eq!((&moved["id"], &moved["version"]), (&first["id"], &json!(2)));
    assert_eq!(moved["dueAt"], "2099-01-05T16:30:00.000000Z");

    let stale = json!({ "taskId": made["id"], "title": "Pots", "expectedVersion": 1 });
    let stale = bo.on(system.b()).mutate("updateTask", stale, TASK).await;
    assert_eq!(
        (&stale["userErrors"][0]["code"], &stale["task"]["title"]),
        (&json!("CONFLICT"), &json!("Pans"))
    );
    let wrong = json!({ "taskId": made["id"], "schedule": { "startDate": "2026-01-01", "rule": "daily" } });
    let wrong = aino.on(system.a()).mutate("updateTask", wrong, TASK).await;
    assert_eq!(wrong["userErrors"], json!([{ "code": "INVALID", "field": ["schedule", "rule"] }]));

    let found = "query($id: ID!, $label: String) { household(id: $id) {
        tasks(filter: { label: $label }) { nodes { title } } } }";
    for (label, titles) in [("late", json!([{ "title": "Pans" }])), ("lat", json!([]))] {
        let answer = bo.on(system.b()).query(found, json!({ "id": home.id, "label": label })).await;
        assert_eq!(answer["household"]["tasks"]["nodes"], titles, "{label}");
    }
    let some_day = json!({ "taskId": made["id"], "schedule": null });
    let some_day = aino.on(system.b()).done("updateTask", some_day, TASK).await;
    assert_eq!((&some_day["task"]["startDate"], &some_day["task"]["rule"]), (&Value::Null, &Value::Null));
    let dateless = open(bo, system.a(), &made).await.remove(0);
    assert_eq!((&dateless["id"], &dateless["dueAt"]), (&first["id"], &Value::Null));
}

async fn a_chore_is_paused_put_away_and_brought_back(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let aino = home.owner();
    let changes = json!({ "schedule": { "startDate": "2099-01-05", "rule": "FREQ=WEEKLY" } });
    let made = make(&home, system.a(), changes).await;
    let id = &made["id"];
    let pause = json!({ "taskId": id, "from": "2099-01-01", "until": "2099-01-12" });
    let paused = aino.on(system.a()).done("pauseTask", pause, TASK).await;
    assert_eq!(paused["task"]["pauses"], json!([{ "from": "2099-01-01", "until": "2099-01-12" }]));
    assert_eq!(open(aino, system.b(), &made).await[0]["dueDate"], "2099-01-19");
    let resume = json!({ "taskId": id, "on": "2099-01-12" });
    aino.on(system.b()).done("resumeTask", resume, TASK).await;
    assert_eq!(open(aino, system.a(), &made).await[0]["dueDate"], "2099-01-12");
    let endless = json!({ "taskId": id, "from": "2099-01-12" });
    let endless = aino.on(system.a()).done("pauseTask", endless, TASK).await;
    assert_eq!(endless["task"]["pauses"][0]["until"], "2099-01-11");
    assert_eq!(endless["task"]["pauses"][1]["until"], Value::Null);
    assert_eq!(open(aino, system.b(), &made).await, [] as [Value; 0]);
    aino.on(system.a()).done("resumeTask", json!({ "taskId": id, "on": "2099-01-12" }), TASK).await;
    assert_eq!(open(aino, system.b(), &made).await[0]["dueDate"], "2099-01-12");

    let input = json!({ "taskId": id });
    let archived = aino.on(system.a()).done("archiveTask", input.clone(), TASK).await;
    assert!(archived["task"]["archivedAt"].is_string());
    assert_eq!(open(aino, system.b(), &made).await, [] as [Value; 0]);
    let gone = aino.on(system.b()).mutate("pauseTask", input.clone(), TASK).await;
    assert_eq!(gone["userErrors"], json!([{ "code": "GONE", "field": ["taskId"] }]));
    for _ in 0..2 {
        let restored = aino.on(system.b()).done("restoreTask", input.clone(), TASK).await;
        assert_eq!(restored["task"]["archivedAt"], Value::Null);
    }
    assert_eq!(open(aino, system.a(), &made).await.len(), 1);
}

async fn a_part_is_ticked_once_and_stays_whose_it_is(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let made = make(&home, system.a(), json!({ "subtasks": ["wash", "dry"] })).await;
    let first = open(bo, system.b(), &made).await.remove(0);
    let tick = json!({ "occurrenceId": first["id"], "subtaskId": 2, "done": true });
    let selection = "occurrence { version subtasks { id title isDone doneBy { id } doneAt } }";
    let ticked = bo.on(system.b()).done("setSubtaskDone", tick.clone(), selection).await;
    let parts = ticked["occurrence"]["subtasks"].clone();
    let bo_there = home.member(system.a(), bo).await;
    assert_eq!(
        parts[0],
        json!({ "id": 1, "title": "wash", "isDone": false, "doneBy": null, "doneAt": null })
    );
    assert_eq!((&parts[1]["isDone"], &parts[1]["doneBy"]["id"]), (&json!(true), &json!(bo_there)));
    assert!(text(&parts[1]["doneAt"]).ends_with('Z'));
    let again = aino.on(system.a()).done("setSubtaskDone", tick, selection).await;
    assert_eq!(again["occurrence"], ticked["occurrence"]);

    does(aino, system.a(), "completeOccurrence", &first, json!({})).await;
    assert_eq!(history(bo, system.b(), &made).await.len(), 1);
    let late = tries(bo, system.b(), "setSubtaskDone", &first, json!({ "subtaskId": 1, "done": true })).await;
    assert_eq!(late["userErrors"][0]["code"], "ALREADY_CLOSED");
}
