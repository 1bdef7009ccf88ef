//! Chores: made, done, skipped, taken back, claimed and given away, by people who do so at once.

mod closing;
mod editing;
mod lists;
mod live;
mod races;
mod recurrence;

use roomm8_tests::{Deployment, Home, Person, on_both, people::text, server::Server};
use serde_json::{Value, json};

on_both!(
    a_chore_is_made_done_and_remembered,
    a_chore_that_everybody_does_is_closed_by_each_for_themselves,
    of_two_who_close_one_at_once_the_later_learns_who_was_first,
    a_closing_is_taken_back_as_long_as_nothing_followed,
    what_is_anyones_is_claimed_once_and_let_go_of,
    what_is_given_away_moves_and_a_stale_gift_conflicts,
    a_repeated_intent_makes_one_chore_and_closes_it_once,
    what_cannot_be_is_said_beside_its_field_and_changes_nothing,
);

/// What tests look at of an occurrence.
const OCCURRENCE: &str = "id number dueDate dueAt status note version doneAt closedAt
    assignee { id } ownedBy { id } doneBy { id } closedBy { id }";

/// The input of a chore of every day since New Year, changed by what the test is about.
fn chore(home: &Home, changes: Value) -> Value {
    let mut input = json!({ "householdId": home.id, "title": "Dishes", "strategy": "FIXED",
        "schedule": { "startDate": "2026-01-01", "rule": "FREQ=DAILY" } });
    let Value::Object(changes) = changes else { panic!("changes are fields") };
    input.as_object_mut().unwrap().extend(changes);
    input
}

/// Makes a chore and gives it with what is open of it.
async fn make(home: &Home, server: &Server, changes: Value) -> Value {
    let selection = format!("task {{ id version openOccurrences {{ {OCCURRENCE} }} }}");
    home.owner().on(server).done("createTask", chore(home, changes), &selection).await["task"].clone()
}

/// What is open of a chore.
async fn open(person: &Person, server: &Server, task: &Value) -> Vec<Value> {
    let document = format!("query($id: ID!) {{ task(id: $id) {{ openOccurrences {{ {OCCURRENCE} }} }} }}");
    let answer = person.on(server).query(&document, json!({ "id": task["id"] })).await;
    answer["task"]["openOccurrences"].as_array().unwrap().clone()
}

/// What was closed of a chore, the latest first.
async fn history(person: &Person, server: &Server, task: &Value) -> Vec<Value> {
    let document =
        format!("query($id: ID!) {{ task(id: $id) {{ history {{ nodes {{ {OCCURRENCE} }} }} }} }}");
    let answer = person.on(server).query(&document, json!({ "id": task["id"] })).await;
    answer["task"]["history"]["nodes"].as_array().unwrap().clone()
}

/// Does something to an occurrence that works, and gives it as it is then.
async fn does(person: &Person, server: &Server, what: &str, occurrence: &Value, input: Value) -> Value {
    let mut input = input;
    input["occurrenceId"] = occurrence["id"].clone();
    let selection = format!("occurrence {{ {OCCURRENCE} }} cursor");
    person.on(server).done(what, input, &selection).await["occurrence"].clone()
}

/// Tries to, and gives the payload.
async fn tries(person: &Person, server: &Server, what: &str, occurrence: &Value, input: Value) -> Value {
    let mut input = input;
    input["occurrenceId"] = occurrence["id"].clone();
    let selection = format!("occurrence {{ {OCCURRENCE} }} cursor userErrors {{ code field message }}");
    person.on(server).mutate(what, input, &selection).await
}

async fn a_chore_is_made_done_and_remembered(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 3).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let mut members = Vec::new();
    for person in &home.people {
        members.push(home.member(system.a(), person).await);
    }
    let input = chore(
        &home,
        json!({ "title": " Recycling  ", "notes": "glass,\npaper", "weight": 20, "strategy": "ROUND_ROBIN",
            "roster": [members[1], members[0], members[2]], "turnLength": 2, "help": "SWAP_ORDER",
            "missedPolicy": "ACCUMULATE", "schedule": { "startDate": "2026-01-31", "time": "18:30",
                "rule": "rrule:bymonthday=31;freq=monthly", "mode": "FIXED", "overflow": "CLAMP" } }),
    );
    let selection = "task { id title notes weight startDate dueTime timeZone rule overflow mode strategy turnLength
        help missedPolicy roster { id } createdBy { id } createdAt archivedAt version household { id } } cursor";
    let made = aino.on(system.a()).done("createTask", input, selection).await;
    let mut task = made["task"].clone();
    assert!(task["createdAt"].take().is_string());
    let roster = [&members[1], &members[0], &members[2]].map(|id| json!({ "id": id }));
    let expected = json!({ "id": task["id"], "title": "Recycling", "notes": "glass,\npaper", "weight": 20,
        "startDate": "2026-01-31", "dueTime": "18:30", "timeZone": "Europe/Helsinki",
        "rule": "FREQ=MONTHLY;BYMONTHDAY=31", "overflow": "CLAMP", "mode": "FIXED", "strategy": "ROUND_ROBIN",
        "turnLength": 2, "help": "SWAP_ORDER", "missedPolicy": "ACCUMULATE", "roster": roster,
        "createdBy": { "id": members[0] }, "createdAt": null, "archivedAt": null, "version": 1,
        "household": { "id": home.id } });
    assert_eq!(task, expected);

    let first = open(bo, system.b(), &task).await.remove(0);
    assert_eq!(
        (&first["dueDate"], &first["dueAt"]),
        (&json!("2026-01-31"), &json!("2026-01-31T16:30:00.000000Z"))
    );
    assert_eq!((&first["status"], &first["assignee"]["id"]), (&json!("OPEN"), &json!(members[1])));
    // Aino writes down that Bo did it, some days ago.
    let input = json!({ "doneById": members[1], "at": "2026-02-01T10:00:00Z", "note": " late, sorry " });
    let closed = does(aino, system.b(), "completeOccurrence", &first, input).await;
    assert_eq!((&closed["status"], &closed["note"]), (&json!("DONE"), &json!("late, sorry")));
    assert_eq!(closed["doneAt"], "2026-02-01T10:00:00.000000Z");
    assert_eq!(
        (&closed["doneBy"]["id"], &closed["closedBy"]["id"]),
        (&json!(members[1]), &json!(members[0]))
    );
    let second = open(aino, system.a(), &task).await.remove(0);
    let skipped = does(bo, system.a(), "skipOccurrence", &second, json!({ "reason": "it was empty" })).await;
    assert_eq!((&skipped["status"], &skipped["doneBy"]), (&json!("SKIPPED"), &Value::Null));
    assert_eq!(history(bo, system.b(), &task).await, [skipped, closed.clone()]);

    // As nodes, together with what is none.
    let document = format!(
        "query($ids: [ID!]!) {{ nodes(ids: $ids) {{ __typename
        ... on Task {{ title }} ... on Occurrence {{ {OCCURRENCE} task {{ title }} }} }} }}"
    );
    let ids = json!({ "ids": [task["id"], closed["id"], roomm8_tests::walk::ghost(&text(&task["id"]))] });
    let nodes = bo.on(system.a()).query(&document, ids).await["nodes"].clone();
    assert_eq!((&nodes[0]["title"], &nodes[1]["task"]["title"]), (&json!("Recycling"), &json!("Recycling")));
    assert_eq!((&nodes[1]["doneAt"], &nodes[2]), (&closed["doneAt"], &Value::Null));
}

async fn a_chore_that_everybody_does_is_closed_by_each_for_themselves(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) =
        (home.member(system.a(), home.owner()).await, home.member(system.a(), &home.people[1]).await);
    let task = make(&home, system.a(), json!({ "strategy": "EVERYONE", "roster": [aino, bo] })).await;
    let both = open(home.owner(), system.b(), &task).await;
    let owners: Vec<_> = both.iter().map(|occurrence| text(&occurrence["ownedBy"]["id"])).collect();
    assert_eq!(owners, [aino, bo.clone()]);
    does(&home.people[1], system.b(), "completeOccurrence", &both[1], json!({})).await;
    let numbers = open(home.owner(), system.a(), &task).await;
    let numbers: Vec<_> =
        numbers.iter().map(|open| (open["ownedBy"]["id"] == bo.as_str(), open["number"].clone())).collect();
    assert_eq!(numbers, [(false, json!(1)), (true, json!(2))]);
}

async fn of_two_who_close_one_at_once_the_later_learns_who_was_first(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let members = [home.member(system.a(), aino).await, home.member(system.a(), bo).await];
    let task = make(&home, system.a(), json!({ "roster": members })).await;
    for round in 1..=20 {
        let at_stake = open(aino, system.a(), &task).await.remove(0);
        assert_eq!(at_stake["number"], round);
        let (one, other) = tokio::join!(
            tries(aino, system.a(), "completeOccurrence", &at_stake, json!({ "note": "by Aino" })),
            tries(bo, system.b(), "completeOccurrence", &at_stake, json!({ "note": "by Bo" }))
        );
        let is_ainos = one["cursor"].is_string();
        let (winner, loser) = if is_ainos { (&one, &other) } else { (&other, &one) };
        assert_eq!(winner["userErrors"], json!([]));
        assert_eq!(loser["userErrors"][0]["code"], "ALREADY_CLOSED");
        assert_eq!(loser["userErrors"][0]["field"], json!(["occurrenceId"]));
        assert_eq!(loser["cursor"], Value::Null);
        // What the loser sees is what the winner did: who, when, and in their words.
        assert_eq!(loser["occurrence"], winner["occurrence"]);
        let first = if is_ainos { &members[0] } else { &members[1] };
        assert_eq!(loser["occurrence"]["doneBy"]["id"], first.as_str());
    }
    assert_eq!(history(bo, system.b(), &task).await.len(), 20);
    assert_eq!(open(bo, system.b(), &task).await.len(), 1);
}

async fn a_closing_is_taken_back_as_long_as_nothing_followed(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 3).await;
    let (owner, bo, chloe) = (home.owner(), &home.people[1], &home.people[2]);
    let roster = [home.member(system.a(), bo).await, home.member(system.a(), chloe).await];
    let task = make(&home, system.a(), json!({ "strategy": "ROUND_ROBIN", "roster": roster })).await;
    let first = open(bo, system.a(), &task).await.remove(0);
    let closed = does(bo, system.a(), "completeOccurrence", &first, json!({ "note": "spotless" })).await;
    // It is Bo's to take back, or of those who run the household.
    let undo = json!({ "occurrenceId": first["id"] });
    assert_eq!(chloe.on(system.b()).error("undoOccurrence", undo).await, "FORBIDDEN");
    let reopened = does(bo, system.b(), "undoOccurrence", &first, json!({})).await;
    let mut expected = first.clone();
    expected["version"] = reopened["version"].clone();
    assert_eq!(reopened, expected);
    assert_eq!(open(owner, system.a(), &task).await, [reopened]);
    assert_eq!(history(owner, system.a(), &task).await, Vec::<Value>::new());

    // Closed again, and what followed too: that has to be taken back first.
    does(bo, system.a(), "completeOccurrence", &closed, json!({})).await;
    let second = open(bo, system.a(), &task).await.remove(0);
    assert_eq!(second["assignee"]["id"], roster[1].as_str());
    does(chloe, system.a(), "completeOccurrence", &second, json!({})).await;
    let refused = tries(owner, system.b(), "undoOccurrence", &first, json!({})).await;
    assert_eq!(refused["userErrors"][0]["code"], "SUPERSEDED");
    does(owner, system.b(), "undoOccurrence", &second, json!({})).await;
    does(owner, system.b(), "undoOccurrence", &first, json!({})).await;
    assert_eq!(open(owner, system.a(), &task).await[0]["id"], first["id"]);
}

async fn what_is_anyones_is_claimed_once_and_let_go_of(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 3).await;
    let (bo, chloe) = (&home.people[1], &home.people[2]);
    let task = make(&home, system.a(), json!({ "strategy": "ANYONE" })).await;
    let free = open(bo, system.b(), &task).await.remove(0);
    assert_eq!(free["assignee"], Value::Null);
    let (one, other) = tokio::join!(
        tries(bo, system.a(), "claimOccurrence", &free, json!({})),
        tries(chloe, system.b(), "claimOccurrence", &free, json!({}))
    );
    let is_bos = one["cursor"].is_string();
    let (won, lost) = if is_bos { (&one, &other) } else { (&other, &one) };
    assert_eq!((&won["userErrors"], &lost["userErrors"][0]["code"]), (&json!([]), &json!("CONFLICT")));
    assert_eq!(lost["userErrors"][0]["field"], json!(["occurrenceId"]));
    assert_eq!(won["occurrence"], lost["occurrence"], "the loser sees whose it is");
    let (winner, loser) = if is_bos { (bo, chloe) } else { (chloe, bo) };
    let refused = tries(loser, system.a(), "releaseOccurrence", &free, json!({})).await;
    assert_eq!(refused["userErrors"][0]["code"], "INVALID");
    let released = does(winner, system.b(), "releaseOccurrence", &free, json!({})).await;
    assert_eq!(released["assignee"], Value::Null);
    does(loser, system.a(), "claimOccurrence", &free, json!({})).await;
    // Whoever has it, others may do it.
    let loser_id = home.member(system.a(), loser).await;
    let closed = does(winner, system.a(), "completeOccurrence", &free, json!({})).await;
    assert_eq!(closed["assignee"]["id"], loser_id.as_str());
    assert_eq!(closed["doneBy"]["id"], home.member(system.a(), winner).await.as_str());
}

async fn what_is_given_away_moves_and_a_stale_gift_conflicts(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) =
        (home.member(system.a(), home.owner()).await, home.member(system.a(), &home.people[1]).await);
    let task = make(&home, system.a(), json!({ "roster": [aino] })).await;
    let first = &task["openOccurrences"][0];
    let gift = |to: Value| json!({ "assigneeId": to, "expectedVersion": first["version"] });
    let given = does(home.owner(), system.a(), "reassignOccurrence", first, gift(json!(bo))).await;
    assert_eq!(given["assignee"]["id"], bo.as_str());
    let stale = tries(&home.people[1], system.b(), "reassignOccurrence", first, gift(Value::Null)).await;
    assert_eq!((&stale["userErrors"][0]["code"], &stale["occurrence"]), (&json!("CONFLICT"), &given));
    let nobodys = json!({ "assigneeId": null, "expectedVersion": given["version"] });
    let given = does(&home.people[1], system.b(), "reassignOccurrence", first, nobodys).await;
    assert_eq!(given["assignee"], Value::Null);
    let guest = home.newcomer(&system, "Guest", "GUEST").await;
    let input = json!({ "occurrenceId": first["id"], "assigneeId": aino });
    assert_eq!(guest.on(system.a()).error("reassignOccurrence", input).await, "FORBIDDEN");
}

async fn a_repeated_intent_makes_one_chore_and_closes_it_once(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let owner = home.owner();
    let create = chore(&home, json!({ "clientMutationId": "the-dishes" }));
    let (one, other) = tokio::join!(
        async { owner.on(system.a()).done("createTask", create.clone(), "task { id } cursor").await },
        async { owner.on(system.b()).done("createTask", create.clone(), "task { id } cursor").await }
    );
    assert_eq!(one, other);
    let first = open(owner, system.a(), &one["task"]).await.remove(0);
    let input = json!({ "clientMutationId": "done", "note": "once" });
    let closed = does(owner, system.a(), "completeOccurrence", &first, input.clone()).await;
    assert_eq!(does(owner, system.b(), "completeOccurrence", &first, input).await, closed);
    assert_eq!(history(owner, system.b(), &one["task"]).await, [closed]);
    let input = json!({ "occurrenceId": first["id"], "clientMutationId": "done", "note": "twice" });
    assert_eq!(owner.on(system.b()).error("completeOccurrence", input).await, "IDEMPOTENCY_CONFLICT");
}

async fn what_cannot_be_is_said_beside_its_field_and_changes_nothing(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let elsewhere = Home::new(&system, 1).await;
    let stranger = elsewhere.member(system.a(), elsewhere.owner()).await;
    let guest = home.newcomer(&system, "Guest", "GUEST").await;
    let guest = home.member(system.a(), &guest).await;
    let bo = home.member(system.a(), &home.people[1]).await;
    let task = make(&home, system.a(), json!({ "roster": [bo] })).await;
    let first = task["openOccurrences"][0].clone();
    does(home.owner(), system.a(), "completeOccurrence", &first, json!({})).await;
    let second = open(home.owner(), system.a(), &task).await.remove(0);
    let before = home.cursor(system.a(), home.owner()).await;

    let schedule = |changes: Value| {
        let mut schedule = json!({ "startDate": "2026-01-01" });
        schedule.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        json!({ "schedule": schedule })
    };
    let never = schedule(json!({ "rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "overflow": "SKIP" }));
    for (changes, field, code) in [
        (json!({ "title": " " }), json!(["title"]), "TOO_SHORT"),
        (json!({ "title": "x".repeat(201) }), json!(["title"]), "TOO_LONG"),
        (json!({ "notes": "x".repeat(4001) }), json!(["notes"]), "TOO_LONG"),
        (json!({ "weight": -1 }), json!(["weight"]), "INVALID"),
        (json!({ "turnLength": 0 }), json!(["turnLength"]), "INVALID"),
        (json!({ "roster": [stranger] }), json!(["roster"]), "INVALID_REFERENCE"),
        (json!({ "roster": [bo, guest] }), json!(["roster"]), "INVALID_REFERENCE"),
        (json!({ "roster": [home.id] }), json!(["roster"]), "INVALID_REFERENCE"),
        (json!({ "roster": [bo, bo] }), json!(["roster"]), "INVALID"),
        (json!({ "roster": vec![bo.as_str(); 500] }), json!(["roster"]), "INVALID"),
        (json!({ "labels": vec!["x"; 10_000] }), json!(["labels"]), "LIMIT"),
        (never, json!(["schedule", "rule"]), "INVALID"),
        (schedule(json!({ "rule": "now and then" })), json!(["schedule", "rule"]), "INVALID"),
        (schedule(json!({ "timeZone": "Europe/Atlantis" })), json!(["schedule", "timeZone"]), "INVALID"),
        (schedule(json!({ "startDate": "1066-10-14" })), json!(["schedule", "startDate"]), "INVALID"),
        (schedule(json!({ "rule": "x".repeat(30_000) })), json!(["schedule", "rule"]), "TOO_LONG"),
    ] {
        let input = chore(&home, changes.clone());
        let selection = "task { id } cursor userErrors { code field message }";
        let payload = home.owner().on(system.b()).mutate("createTask", input, selection).await;
        let error = &payload["userErrors"][0];
        assert_eq!((&error["field"], &error["code"]), (&field, &json!(code)), "{changes}: {payload}");
        assert_eq!((&payload["task"], &payload["cursor"]), (&Value::Null, &Value::Null));
    }
    for (what, input, field, code) in [
        ("completeOccurrence", json!({ "at": "2099-01-01T00:00:00Z" }), "at", "INVALID"),
        // Before the one before it was done.
        ("completeOccurrence", json!({ "at": "2026-01-02T00:00:00Z" }), "at", "INVALID"),
        ("completeOccurrence", json!({ "doneById": stranger }), "doneById", "INVALID_REFERENCE"),
        ("completeOccurrence", json!({ "doneById": guest }), "doneById", "INVALID_REFERENCE"),
        ("completeOccurrence", json!({ "note": "x".repeat(1001) }), "note", "TOO_LONG"),
        ("skipOccurrence", json!({ "reason": "" }), "reason", "TOO_SHORT"),
        ("reassignOccurrence", json!({ "assigneeId": stranger }), "assigneeId", "INVALID_REFERENCE"),
        ("releaseOccurrence", json!({}), "occurrenceId", "INVALID"),
    ] {
        let payload = tries(home.owner(), system.b(), what, &second, input.clone()).await;
        let error = &payload["userErrors"][0];
        assert_eq!(
            (&error["field"], &error["code"]),
            (&json!([field]), &json!(code)),
            "{what} {input}: {payload}"
        );
    }
    assert_eq!(home.cursor(system.a(), home.owner()).await, before, "something was changed");
    assert_eq!(open(home.owner(), system.b(), &task).await, [second]);
}
