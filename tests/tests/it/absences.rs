//! Who is there: members who go away and come back, how fair the chores were, and what leaving would do.

use chrono::{Days, Utc};
use roomm8_tests::{Deployment, Home, Person, System, on_both, server::Server};
use serde_json::{Value, json};

on_both!(
    who_goes_away_passes_chores_on_and_has_them_back_on_return,
    absences_are_for_oneself_or_for_whom_one_manages,
    fairness_tells_shares_beside_what_was_to_be_expected,
    a_preview_tells_what_leaving_would_do_and_to_whom,
);

/// Today and so many days, where clocks show UTC.
fn day(ahead: u64) -> String {
    (Utc::now().date_naive() + Days::new(ahead)).to_string()
}

/// A household of so many whose clocks show UTC.
async fn home_of(size: usize, system: &System) -> Home {
    let home = Home::new(system, size).await;
    let input = json!({ "householdId": home.id, "timeZone": "UTC" });
    home.owner().on(system.a()).done("updateHousehold", input, "household { id }").await;
    home
}

/// A chore of every day, done by turns in the order of the household's people, and its first occurrence.
async fn dishes(home: &Home, server: &Server) -> (Value, Value) {
    let mut roster = Vec::new();
    for person in &home.people {
        roster.push(home.member(server, person).await);
    }
    let input = json!({ "householdId": home.id, "title": "Dishes", "weight": 15, "strategy": "ROUND_ROBIN",
        "roster": roster, "schedule": { "startDate": day(0), "rule": "FREQ=DAILY" } });
    let made = home.owner().on(server).done("createTask", input, "task { id openOccurrences { id } }").await;
    (made["task"]["id"].clone(), made["task"]["openOccurrences"][0]["id"].clone())
}

/// Who is to do what is open of it, and when.
async fn now(home: &Home, server: &Server, task: &Value) -> Value {
    let document = "query($id: ID!) { task(id: $id) { openOccurrences { dueDate assignee { id } } } }";
    let answer = home.owner().on(server).query(document, json!({ "id": task })).await;
    answer["task"]["openOccurrences"][0].clone()
}

async fn set_away(
    home: &Home,
    person: &Person,
    server: &Server,
    days: (u64, u64),
    open_chores: &str,
) -> Value {
    let input = json!({ "householdId": home.id, "from": day(days.0), "until": day(days.1), "openChores": open_chores });
    let selection = "member { id version absences { from until openChores } } cursor";
    person.on(server).done("setAway", input, selection).await
}

async fn who_goes_away_passes_chores_on_and_has_them_back_on_return(deployment: Deployment) {
    let system = deployment.system().await;
    let home = home_of(3, &system).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let members = [home.member(system.a(), aino).await, home.member(system.a(), bo).await];
    let (task, _) = dishes(&home, system.a()).await;
    let to =
        |place: usize, ahead: u64| json!({ "dueDate": day(ahead), "assignee": { "id": members[place] } });
    assert_eq!(now(&home, system.b(), &task).await, to(0, 0));

    let away = set_away(&home, aino, system.a(), (0, 4), "PASS_ON").await;
    let expected = json!([{ "from": day(0), "until": day(4), "openChores": "PASS_ON" }]);
    assert_eq!(away["member"]["absences"], expected);
    assert_eq!(now(&home, system.b(), &task).await, to(1, 0));
    // Bo too, but what is his waits for him; nobody sees a day of two absences.
    set_away(&home, bo, system.b(), (0, 1), "POSTPONE").await;
    set_away(&home, bo, system.b(), (1, 2), "POSTPONE").await;
    assert_eq!(now(&home, system.a(), &task).await, to(1, 3));
    let document = "query($id: ID!) { household(id: $id) {
        members(first: 10) { nodes { absences { from until openChores } } } } }";
    let seen = home.people[2].on(system.a()).query(document, json!({ "id": home.id })).await;
    let postponed = json!([{ "from": day(0), "until": day(2), "openChores": "POSTPONE" }]);
    let expected = json!([{ "absences": expected }, { "absences": postponed }, { "absences": [] }]);
    assert_eq!(seen["household"]["members"]["nodes"], expected);

    let input = json!({ "householdId": home.id, "on": day(0) });
    let selection = "member { absences { from } }";
    let back = bo.on(system.a()).done("endAway", input.clone(), selection).await;
    assert_eq!(back["member"]["absences"], json!([]));
    assert_eq!(now(&home, system.b(), &task).await, to(1, 0));
    aino.on(system.b()).done("endAway", input.clone(), selection).await;
    assert_eq!(now(&home, system.a(), &task).await, to(0, 0));
    assert_eq!(aino.on(system.b()).user_error("endAway", input).await, "INVALID");
}

async fn absences_are_for_oneself_or_for_whom_one_manages(deployment: Deployment) {
    let system = deployment.system().await;
    let home = home_of(2, &system).await;
    let bo = home.people[1].on(system.b());
    let of = |member: &str| json!({ "householdId": home.id, "memberId": member, "from": day(1), "until": day(2), "openChores": "KEEP" });
    let (mine, theirs) =
        (home.member(system.a(), home.owner()).await, home.member(system.a(), &home.people[1]).await);
    assert_eq!(bo.error("setAway", of(&mine)).await, "FORBIDDEN");
    let set =
        home.owner().on(system.a()).done("setAway", of(&theirs), "member { id absences { until } }").await;
    assert_eq!(set["member"], json!({ "id": theirs, "absences": [{ "until": day(2) }] }));
    for wrong in [json!({ "from": "2020-01-01" }), json!({ "until": day(0) }), json!({ "until": day(2000) })]
    {
        let mut input = of(&theirs);
        input.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        assert_eq!(bo.user_error("setAway", input).await, "INVALID", "{wrong}");
    }
}

async fn fairness_tells_shares_beside_what_was_to_be_expected(deployment: Deployment) {
    let system = deployment.system().await;
    let home = home_of(3, &system).await;
    let (_, occurrence) = dishes(&home, system.a()).await;
    home.people[1]
        .on(system.b())
        .done("completeOccurrence", json!({ "occurrenceId": occurrence }), "cursor")
        .await;
    set_away(&home, &home.people[2], system.a(), (0, 9), "KEEP").await;
    let document = "query($id: ID!, $from: LocalDate!, $to: LocalDate!) { household(id: $id) {
        fairness(from: $from, to: $to) { parts { member { displayName } done { occurrences weight }
            assigned { occurrences } missed { occurrences } share expectedShare presenceDays } } } }";
    let period = |from: u64, to: u64| json!({ "id": home.id, "from": day(from), "to": day(to) });
    let told = home.owner().on(system.b()).query(document, period(0, 9)).await;
    let part = |place: usize, done: u64, assigned: u64, share: u64, days: u64| {
        json!({ "member": { "displayName": home.people[place].name },
            "done": { "occurrences": done, "weight": done * 15 }, "assigned": { "occurrences": assigned },
            "missed": { "occurrences": 0 }, "share": share, "expectedShare": days * 500, "presenceDays": days })
    };
    let parts = json!([part(0, 0, 1, 0, 10), part(1, 1, 0, 10000, 10), part(2, 0, 0, 0, 0)]);
    assert_eq!(told["household"]["fairness"]["parts"], parts);
    for (from, to) in [(1, 0), (0, 366)] {
        let code = home.owner().on(system.a()).refusal(document, period(from, to)).await;
        assert_eq!(code, "BAD_USER_INPUT");
    }
}

async fn a_preview_tells_what_leaving_would_do_and_to_whom(deployment: Deployment) {
    let system = deployment.system().await;
    let home = home_of(2, &system).await;
    let (task, occurrence) = dishes(&home, system.a()).await;
    let owner = home.member(system.a(), home.owner()).await;
    let week = json!({ "householdId": home.id, "name": "Week", "assigneeId": owner });
    let week = home.owner().on(system.a()).done("createGroceryList", week, "list { id }").await;
    let item = json!({ "listId": week["list"]["id"], "name": "milk", "assigneeId": owner });
    home.owner().on(system.a()).done("addGroceryItem", item, "cursor").await;
    let document = "query($id: ID!, $member: ID) { household(id: $id) { leavePreview(memberId: $member) {
        occurrences { id } openCount tasks { id } taskCount groceryListCount groceryItemCount invitationCount
        mustTransferOwnership archivesHousehold } } }";
    let mine = home.owner().on(system.b()).query(document, json!({ "id": home.id })).await;
    let expected = json!({ "occurrences": [{ "id": occurrence }], "openCount": 1, "tasks": [{ "id": task }],
        "taskCount": 1, "groceryListCount": 1, "groceryItemCount": 1, "invitationCount": 0, "mustTransferOwnership": true, "archivesHousehold": false });
    assert_eq!(mine["household"]["leavePreview"], expected);
    let member = home.member(system.a(), home.owner()).await;
    let of_another = json!({ "id": home.id, "member": member });
    assert_eq!(home.people[1].on(system.a()).refusal(document, of_another).await, "FORBIDDEN");
    let alone = home_of(1, &system).await;
    let last = alone.owner().on(system.a()).query(document, json!({ "id": alone.id })).await;
    assert_eq!(last["household"]["leavePreview"]["archivesHousehold"], true);
}
