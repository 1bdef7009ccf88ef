//! Closing chores that takes more than one step: approval, windows, putting off, and trades.

use super::{does, make, open, tries};
use roomm8_tests::{Deployment, Home, Socket, on_both, people::text};
use serde_json::{Value, json};
use std::time::Duration;

on_both!(
    what_needs_approval_is_pending_until_another_agrees,
    what_is_put_off_is_due_later_and_planned_as_before,
    two_members_trade_and_who_is_late_sees_what_became_of_it,
);

const SOON: Duration = Duration::from_secs(10);
const OFFER: &str = "swapOffer { id state version closedAt offeredBy { id } offeredTo { id }
    offered { id assignee { id } } wanted { id assignee { id } } }";

async fn what_needs_approval_is_pending_until_another_agrees(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let members = [home.member(system.a(), aino).await, home.member(system.a(), bo).await];
    let changes = json!({ "strategy": "ROUND_ROBIN", "roster": members, "requiresApproval": true });
    let task = make(&home, system.a(), changes).await;
    let first = &task["openOccurrences"][0];
    let pending = does(aino, system.a(), "completeOccurrence", first, json!({})).await;
    assert_eq!(pending["status"], "PENDING");
    assert_eq!(open(bo, system.b(), &task).await, Vec::<Value>::new());
    let own = tries(aino, system.b(), "approveOccurrence", first, json!({})).await;
    assert_eq!(own["userErrors"][0]["code"], "INVALID");
    let again = tries(bo, system.b(), "completeOccurrence", first, json!({})).await;
    assert_eq!((&again["userErrors"][0]["code"], &again["occurrence"]), (&json!("ALREADY_CLOSED"), &pending));
    let rejected = does(bo, system.b(), "rejectOccurrence", first, json!({ "note": "the pans" })).await;
    assert_eq!((&rejected["status"], &rejected["doneAt"]), (&json!("OPEN"), &Value::Null));
    let reviewed = "query($id: ID!) { occurrence(id: $id) { reviewNote reviewedAt reviewedBy { id } } }";
    let reviewed = aino.on(system.a()).query(reviewed, json!({ "id": first["id"] })).await;
    assert_eq!(reviewed["occurrence"]["reviewNote"], "the pans");
    assert_eq!(reviewed["occurrence"]["reviewedBy"]["id"], members[1].as_str());
    assert!(reviewed["occurrence"]["reviewedAt"].is_string());

    let pending = does(aino, system.a(), "completeOccurrence", first, json!({})).await;
    let approved = does(bo, system.b(), "approveOccurrence", first, json!({})).await;
    assert_eq!((&approved["status"], &approved["doneAt"]), (&json!("DONE"), &pending["doneAt"]));
    let second = open(aino, system.a(), &task).await.remove(0);
    assert_eq!(second["assignee"]["id"], members[1].as_str());
}

async fn what_is_put_off_is_due_later_and_planned_as_before(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let owner = home.owner();
    let roster = [home.member(system.a(), owner).await];
    let schedule = json!({ "startDate": "2030-01-01", "time": "18:30", "rule": "FREQ=WEEKLY" });
    let changes = json!({ "roster": roster, "schedule": schedule, "opensBeforeMinutes": 90 });
    let task = make(&home, system.a(), changes).await;
    let first = &task["openOccurrences"][0];
    let early = tries(owner, system.b(), "completeOccurrence", first, json!({})).await;
    assert_eq!((&early["userErrors"][0]["code"], &early["cursor"]), (&json!("INVALID"), &Value::Null));
    let message = text(&early["userErrors"][0]["message"]);
    assert!(message.contains("2030-01-01T17:00:00+02:00"), "{message}");
    let document = "occurrence { plannedDate dueDate dueTime dueAt }";
    let input = json!({ "occurrenceId": first["id"], "dueDate": "2030-01-03", "dueTime": null,
        "expectedVersion": first["version"] });
    let moved = owner.on(system.a()).done("rescheduleOccurrence", input, document).await;
    let expected = json!({ "plannedDate": "2030-01-01", "dueDate": "2030-01-03", "dueTime": null,
        "dueAt": "2030-01-03T22:00:00.000000Z" });
    assert_eq!(moved["occurrence"], expected);
    let past =
        tries(owner, system.a(), "rescheduleOccurrence", first, json!({ "dueDate": "2020-01-01" })).await;
    assert_eq!(past["userErrors"][0]["field"], json!(["dueDate"]));
    does(owner, system.b(), "skipOccurrence", first, json!({ "reason": "we are away" })).await;
    assert_eq!(open(owner, system.a(), &task).await[0]["dueDate"], "2030-01-08");
}

async fn two_members_trade_and_who_is_late_sees_what_became_of_it(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let members = [home.member(system.a(), aino).await, home.member(system.a(), bo).await];
    let one = make(&home, system.a(), json!({ "roster": [members[0]] })).await;
    let other = make(&home, system.a(), json!({ "roster": [members[1]] })).await;
    let (offered, wanted) = (&one["openOccurrences"][0]["id"], &other["openOccurrences"][0]["id"]);
    let mut socket = Socket::open(&system.b().address(), Some(&bo.token)).await.unwrap();
    let document = "subscription($id: ID!) { tasks(householdId: $id) { kind swapOffer { id state } } }";
    socket.subscribe(document, json!({ "id": home.id })).await;
    socket.next(SOON).await;

    let input = json!({ "occurrenceId": offered, "forOccurrenceId": wanted });
    let made = aino.on(system.a()).done("proposeSwap", input, OFFER).await["swapOffer"].clone();
    let told = socket.next(SOON).await["tasks"].clone();
    assert_eq!(told, json!({ "kind": "SWAP_OFFERED", "swapOffer": { "id": made["id"], "state": "OPEN" } }));
    let listed = "query($id: ID!) { household(id: $id) { swapOffers(first: 5) { nodes { id state } } } }";
    let listed = bo.on(system.b()).query(listed, json!({ "id": home.id })).await;
    let expected = json!([{ "id": made["id"], "state": "OPEN" }]);
    assert_eq!(listed["household"]["swapOffers"]["nodes"], expected);

    let swap = json!({ "swapId": made["id"] });
    let accepted = bo.on(system.b()).done("acceptSwap", swap.clone(), OFFER).await["swapOffer"].clone();
    assert_eq!(accepted["state"], "ACCEPTED");
    assert_eq!(
        (&accepted["offered"]["assignee"]["id"], &accepted["wanted"]["assignee"]["id"]),
        (&json!(members[1]), &json!(members[0]))
    );
    let selection = format!("{OFFER} cursor userErrors {{ code field }}");
    let late = aino.on(system.a()).mutate("withdrawSwap", swap, &selection).await;
    assert_eq!(late["userErrors"], json!([{ "code": "GONE", "field": ["swapId"] }]));
    assert_eq!((&late["swapOffer"], &late["cursor"]), (&accepted, &Value::Null));
}
