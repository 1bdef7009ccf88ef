//! Ticking: it is set and not turned round, and what was bought leaves with a trip.

use super::{add, adds, make, names, page, sets};
use roomm8_tests::{Deployment, Home, on_both};
use serde_json::{Value, json};

on_both!(
    two_who_tick_the_same_agree_and_the_first_is_who_bought_it,
    a_tick_from_before_more_was_added_is_stale,
    what_is_bought_leaves_with_a_trip_and_comes_back,
);

async fn two_who_tick_the_same_agree_and_the_first_is_who_bought_it(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let members = [home.member(system.a(), aino).await, home.member(system.a(), bo).await];
    let list = make(&home, system.a(), json!({})).await;
    for round in 1..=10 {
        let item = add(aino, system.a(), &list, &format!("thing {round}")).await;
        let (one, other) = tokio::join!(
            sets(aino, system.a(), &item, "BOUGHT", json!({ "baseVersion": 1 })),
            sets(bo, system.b(), &item, "BOUGHT", json!({ "baseVersion": 1 }))
        );
        assert_eq!((&one["userErrors"], &other["userErrors"]), (&json!([]), &json!([])));
        let is_ainos = one["changed"] == true;
        assert_ne!(one["changed"], other["changed"], "one of the two bought it");
        let buyer = if is_ainos { &members[0] } else { &members[1] };
        for payload in [&one, &other] {
            assert_eq!(payload["item"]["stateBy"]["id"], buyer.as_str());
            assert_eq!(
                (&payload["item"]["state"], &payload["item"]["version"]),
                (&json!("BOUGHT"), &json!(2))
            );
        }
    }
    // Of several who say different things the last stands, and taking it back is one of them.
    let item = add(aino, system.a(), &list, "bread").await;
    sets(aino, system.a(), &item, "BOUGHT", json!({})).await;
    let vain = sets(bo, system.b(), &item, "UNAVAILABLE", json!({})).await;
    assert_eq!(vain["item"]["stateBy"]["id"], members[1].as_str());
    let open = sets(aino, system.a(), &item, "OPEN", json!({})).await;
    assert_eq!((&open["changed"], &open["item"]["state"]), (&json!(true), &json!("OPEN")));
    let gone = sets(aino, system.a(), &item, "REMOVED", json!({})).await;
    assert_eq!(gone["item"]["isListed"], false);
    assert!(!names(bo, system.b(), &list, json!({ "first": 100 })).await.contains(&"bread".to_owned()));
    let back = sets(bo, system.b(), &item, "OPEN", json!({})).await;
    assert_eq!((&back["changed"], &back["item"]["isListed"]), (&json!(true), &json!(true)));
}

async fn a_tick_from_before_more_was_added_is_stale(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let list = make(&home, system.a(), json!({})).await;
    let item = add(aino, system.a(), &list, "milk").await;
    let more = json!({ "amounts": [{ "quantity": 2, "unit": "L" }] });
    let more = adds(bo, system.b(), &list, "milk", more).await["item"].clone();
    for state in ["BOUGHT", "REMOVED"] {
        let stale = sets(aino, system.a(), &item, state, json!({ "baseVersion": 1 })).await;
        let errors = json!([{ "code": "STALE", "field": ["baseVersion"] }]);
        let expected = json!({ "item": more, "changed": false, "cursor": null, "userErrors": errors });
        assert_eq!(stale, expected);
    }
    // By who has seen what is wanted now it is bought, and by who does not say what they have seen, too.
    let seen = sets(aino, system.a(), &item, "BOUGHT", json!({ "baseVersion": 2 })).await;
    assert_eq!(seen["changed"], true);
    assert_eq!(sets(bo, system.b(), &item, "OPEN", json!({})).await["changed"], true);
    // Other changes than more being added are no reason to drop it.
    let urgent = json!({ "itemId": item["id"], "isUrgent": true });
    bo.on(system.b()).done("updateGroceryItem", urgent, "cursor").await;
    let bought = sets(aino, system.a(), &item, "BOUGHT", json!({ "baseVersion": 4 })).await;
    assert_eq!((&bought["changed"], &bought["item"]["isUrgent"]), (&json!(true), &json!(true)));
}

async fn what_is_bought_leaves_with_a_trip_and_comes_back(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let bo_here = home.member(system.a(), bo).await;
    let list = make(&home, system.a(), json!({})).await;
    let finish = json!({ "listId": list["id"] });
    let selection = "userErrors { code field }";
    let nothing = aino.on(system.a()).mutate("finishGroceryTrip", finish.clone(), selection).await;
    assert_eq!(nothing["userErrors"], json!([{ "code": "NOTHING_BOUGHT", "field": ["listId"] }]));
    let milk = add(aino, system.a(), &list, "milk").await;
    let eggs = add(aino, system.a(), &list, "eggs").await;
    let saffron = add(aino, system.a(), &list, "saffron").await;
    add(aino, system.a(), &list, "tea").await;
    for (item, state) in [(&eggs, "BOUGHT"), (&milk, "BOUGHT"), (&saffron, "UNAVAILABLE")] {
        sets(bo, system.b(), item, state, json!({})).await;
    }
    let selection = "trip { id itemCount undoneAt version finishedBy { id } list { id openCount boughtCount }
        items { nodes { name isListed state stateBy { id } } } }";
    let finished = aino.on(system.a()).done("finishGroceryTrip", finish, selection).await["trip"].clone();
    let bought = |name: &str| json!({ "name": name, "isListed": false, "state": "BOUGHT", "stateBy": { "id": bo_here } });
    assert_eq!(finished["items"]["nodes"], json!([bought("milk"), bought("eggs")]));
    assert_eq!((&finished["itemCount"], &finished["list"]["openCount"]), (&json!(2), &json!(2)));
    assert_eq!(names(bo, system.b(), &list, json!({})).await, ["saffron", "tea"]);
    let paged = "query($id: ID!, $after: Cursor) { household(id: $id) { groceryTrips(last: 1) { nodes { id
        items(first: 1, after: $after) { nodes { name } pageInfo { hasNextPage endCursor } } } } } }";
    let mut variables = json!({ "id": home.id });
    for (name, has_next) in [("milk", true), ("eggs", false)] {
        let seen = bo.on(system.b()).query(paged, variables.clone()).await;
        let items = &seen["household"]["groceryTrips"]["nodes"][0]["items"];
        assert_eq!(
            (&items["nodes"][0]["name"], &items["pageInfo"]["hasNextPage"]),
            (&json!(name), &json!(has_next))
        );
        variables["after"] = items["pageInfo"]["endCursor"].clone();
    }
    let edit = json!({ "itemId": milk["id"], "note": "too late" });
    assert_eq!(bo.on(system.b()).user_error("updateGroceryItem", edit).await, "GONE");

    let undo = json!({ "tripId": finished["id"] });
    for _ in 0..2 {
        let undone = bo.on(system.b()).done("undoGroceryTrip", undo.clone(), selection).await["trip"].clone();
        assert!(undone["undoneAt"].is_string());
        assert_eq!((&undone["version"], &undone["items"]["nodes"]), (&json!(2), &json!([])));
    }
    let seen = page(aino, system.a(), &list, json!({})).await;
    let counts = ["openCount", "unavailableCount", "boughtCount"].map(|count| seen[count].clone());
    assert_eq!(counts, [1, 1, 2]);
    let trips = "query($id: ID!) { groceryList(id: $id) { trips { nodes { id } } } }";
    let trips = aino.on(system.a()).query(trips, json!({ "id": list["id"] })).await;
    assert_eq!(trips["groceryList"]["trips"]["nodes"], Value::Array(Vec::new()));
}
