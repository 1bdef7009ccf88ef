//! Queues of phones that were without network, and what they missed.

use super::{ITEM, add, adds, make, names, sets};
use roomm8_tests::{Deployment, Home, Person, on_both, server::Server};
use serde_json::{Value, json};

on_both!(
    a_queue_is_done_in_its_order_and_once,
    each_operation_stands_for_itself,
    what_has_changed_since_a_cursor_is_told_with_what_is_gone,
    a_queue_of_the_wrong_form_does_nothing,
);

async fn syncs(person: &Person, server: &Server, list: &Value, since: Value, operations: Value) -> Value {
    let input = json!({ "listId": list["id"], "queueId": "phone", "since": since, "operations": operations });
    let selection = format!(
        "results {{ effect item {{ {ITEM} }} before {{ version }} error {{ code field message }} }} list {{ openCount }} cursor
        changes {{ cursor isWhole removedItemIds items {{ {ITEM} }} }} userErrors {{ code field }}"
    );
    person.on(server).mutate("syncGroceryList", input, &selection).await
}

fn effects(payload: &Value) -> Vec<&str> {
    let results = payload["results"].as_array().unwrap();
    results.iter().map(|result| result["effect"].as_str().unwrap()).collect()
}

async fn a_queue_is_done_in_its_order_and_once(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let bo_here = home.member(system.a(), bo).await;
    let list = make(&home, system.a(), json!({})).await;
    let milk = add(aino, system.a(), &list, "milk").await;
    let operations = json!([
        { "id": "1", "add": { "name": "Eggs", "amounts": [{ "quantity": 6 }] } },
        { "id": "2", "add": { "name": "Milk", "amounts": [{ "quantity": 1, "unit": "L" }] } },
        { "id": "3", "setState": { "addedBy": "1", "state": "BOUGHT", "at": "2026-01-01T00:00:00Z" } },
        { "id": "4", "update": { "addedBy": "1", "note": "brown" } },
        { "id": "5", "move": { "addedBy": "1" } },
        { "id": "6", "setState": { "itemId": milk["id"], "state": "BOUGHT", "baseVersion": 1 } },
    ]);
    let first = syncs(bo, system.b(), &list, Value::Null, operations.clone()).await;
    assert_eq!(effects(&first), ["CREATED", "MERGED", "CHANGED", "CHANGED", "CHANGED", "CHANGED"]);
    assert_eq!(first["results"][1]["before"]["version"], 1);
    let eggs = &first["results"][0]["item"];
    assert_eq!((&eggs["note"], &eggs["state"]), (&json!("brown"), &json!("BOUGHT")));
    assert_eq!(eggs["stateBy"]["id"], bo_here.as_str());
    assert_eq!((&first["changes"]["isWhole"], &first["list"]["openCount"]), (&json!(true), &json!(0)));
    assert_eq!(names(aino, system.a(), &list, json!({})).await, ["Eggs", "milk"]);

    // The answer was lost, and meanwhile it went on.
    sets(aino, system.a(), eggs, "OPEN", json!({})).await;
    let cursor = home.cursor(system.a(), aino).await;
    let again = syncs(bo, system.a(), &list, first["changes"]["cursor"].clone(), operations.clone()).await;
    assert_eq!(effects(&again), effects(&first));
    assert_eq!(again["results"][0]["item"]["state"], "OPEN");
    assert_eq!(home.cursor(system.a(), aino).await, cursor, "nothing was done again");
    let told = again["changes"]["items"].as_array().unwrap();
    assert_eq!(told.iter().map(|item| &item["name"]).collect::<Vec<_>>(), ["Eggs"]);
    // A later queue names what an earlier one added; a name that is used for something else is refused.
    let later = json!([
        { "id": "7", "setState": { "addedBy": "1", "state": "REMOVED" } },
        { "id": "1", "add": { "name": "Ham" } },
    ]);
    let later = syncs(bo, system.b(), &list, Value::Null, later).await;
    assert_eq!(effects(&later), ["CHANGED", "REJECTED"]);
    let error = &later["results"][1]["error"];
    assert_eq!((&error["code"], &error["field"]), (&json!("INVALID"), &json!(["operations", "1", "id"])));
}

async fn each_operation_stands_for_itself(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let elsewhere = Home::new(&system, 1).await;
    let foreign = make(&elsewhere, system.a(), json!({})).await;
    let foreign = add(elsewhere.owner(), system.a(), &foreign, "secret").await;
    let stranger = elsewhere.member(system.a(), elsewhere.owner()).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let list = make(&home, system.a(), json!({})).await;
    let other = make(&home, system.a(), json!({ "name": "Other" })).await;
    let other = add(aino, system.a(), &other, "elsewhere").await;
    let milk = add(aino, system.a(), &list, "milk").await;
    let bread = add(aino, system.a(), &list, "bread").await;
    adds(aino, system.a(), &list, "milk", json!({ "note": "two" })).await;
    let input = json!({ "itemId": bread["id"], "note": "dark" });
    aino.on(system.a()).done("updateGroceryItem", input, "cursor").await;
    let operations = json!([
        { "id": "1", "setState": { "itemId": milk["id"], "state": "REMOVED", "baseVersion": 1 } },
        { "id": "2", "update": { "itemId": bread["id"], "note": "white", "expectedVersion": 1 } },
        { "id": "3", "update": { "itemId": bread["id"], "name": "milk" } },
        { "id": "4", "setState": { "itemId": foreign["id"], "state": "BOUGHT" } },
        { "id": "5", "setState": { "addedBy": "never", "state": "BOUGHT" } },
        { "id": "6", "add": { "name": "x", "amounts": [{ "quantity": "-1" }] } },
        { "id": "7", "add": { "name": "x", "assigneeId": stranger } },
        { "id": "8", "move": { "itemId": milk["id"], "afterId": other["id"] } },
        { "id": "9", "setState": { "itemId": milk["id"], "state": "OPEN" } },
        { "id": "10", "move": { "itemId": milk["id"], "afterId": bread["id"] } },
    ]);
    let done = syncs(bo, system.b(), &list, Value::Null, operations).await;
    let expected = [
        "STALE",
        "CONFLICT",
        "REJECTED",
        "REJECTED",
        "REJECTED",
        "REJECTED",
        "REJECTED",
        "REJECTED",
        "UNCHANGED",
        "CHANGED",
    ];
    assert_eq!(effects(&done), expected);
    let errors: Vec<_> = (2..8)
        .map(|at| {
            let error = &done["results"][at]["error"];
            (error["code"].as_str().unwrap(), error["field"].clone())
        })
        .collect();
    let expected = [
        ("NAME_TAKEN", json!(["operations", "2", "update", "name"])),
        ("INVALID_REFERENCE", json!(["operations", "3", "setState", "itemId"])),
        ("INVALID_REFERENCE", json!(["operations", "4", "setState", "addedBy"])),
        ("INVALID", json!(["operations", "5", "add", "amounts", "quantity"])),
        ("INVALID_REFERENCE", json!(["operations", "6", "add", "assigneeId"])),
    ];
    assert_eq!(errors[..5], expected);
    assert_eq!(errors[5].0, "INVALID_REFERENCE");
    assert_eq!(done["results"][2]["item"]["id"], milk["id"], "which has the name");
    assert!(!done.to_string().contains("secret"));
    assert_eq!(names(aino, system.a(), &list, json!({})).await, ["bread", "milk"]);
}

async fn what_has_changed_since_a_cursor_is_told_with_what_is_gone(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let list = make(&home, system.a(), json!({})).await;
    let mut items = Vec::new();
    for name in ["milk", "eggs", "bread", "tea"] {
        items.push(add(aino, system.a(), &list, name).await);
    }
    let document = "query($id: ID!, $since: Cursor) { groceryList(id: $id) { changes(since: $since) {
        cursor isWhole removedItemIds items { id name state } } } }";
    let changes = async |person: &Person, server: &Server, since: &Value| {
        let variables = json!({ "id": list["id"], "since": since });
        person.on(server).query(document, variables).await["groceryList"]["changes"].clone()
    };
    let whole = changes(bo, system.b(), &Value::Null).await;
    assert_eq!((&whole["isWhole"], whole["items"].as_array().map(Vec::len)), (&json!(true), Some(4)));
    let nothing = changes(bo, system.a(), &whole["cursor"]).await;
    let expected = json!({ "cursor": whole["cursor"], "isWhole": false, "removedItemIds": [], "items": [] });
    assert_eq!(nothing, expected);
    sets(aino, system.a(), &items[0], "BOUGHT", json!({})).await;
    sets(aino, system.a(), &items[1], "REMOVED", json!({})).await;
    let rename = json!({ "itemId": items[2]["id"], "name": "Bread" });
    aino.on(system.a()).done("updateGroceryItem", rename, "cursor").await;
    let some = changes(bo, system.b(), &whole["cursor"]).await;
    assert_eq!((&some["isWhole"], &some["removedItemIds"]), (&json!(false), &json!([items[1]["id"]])));
    let milk = json!({ "id": items[0]["id"], "name": "milk", "state": "BOUGHT" });
    let bread = json!({ "id": items[2]["id"], "name": "Bread", "state": "OPEN" });
    assert_eq!(some["items"], json!([milk, bread]));
    let finish = json!({ "listId": list["id"] });
    aino.on(system.a()).done("finishGroceryTrip", finish, "cursor").await;
    let gone = changes(bo, system.b(), &some["cursor"]).await;
    assert_eq!((&gone["removedItemIds"], &gone["items"]), (&json!([items[0]["id"]]), &json!([])));
    // A cursor of another household is one that cannot be resumed.
    let elsewhere = Home::new(&system, 1).await;
    let strange = json!(elsewhere.cursor(system.a(), elsewhere.owner()).await);
    assert_eq!(changes(bo, system.b(), &strange).await["isWhole"], true);
    let page = super::page(bo, system.b(), &list, json!({})).await;
    let variables = json!({ "id": list["id"], "since": page["items"]["pageInfo"]["endCursor"] });
    assert_eq!(bo.on(system.b()).refusal(document, variables).await, "BAD_USER_INPUT");
}

async fn a_queue_of_the_wrong_form_does_nothing(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let owner = home.owner();
    let list = make(&home, system.a(), json!({})).await;
    let milk = add(owner, system.a(), &list, "milk").await;
    let before = home.cursor(system.a(), owner).await;
    let good = json!({ "id": "good", "add": { "name": "eggs" } });
    let state = json!({ "itemId": milk["id"], "state": "BOUGHT" });
    for (operation, field) in [
        (json!({ "id": "1" }), json!(["operations", "1"])),
        (json!({ "id": "1", "add": { "name": "x" }, "setState": state }), json!(["operations", "1"])),
        (
            json!({ "id": "1", "setState": { "state": "OPEN" } }),
            json!(["operations", "1", "setState", "itemId"]),
        ),
        (
            json!({ "id": "1", "move": { "itemId": milk["id"], "afterId": milk["id"], "afterAddedBy": "0" } }),
            json!(["operations", "1", "move", "afterAddedBy"]),
        ),
    ] {
        let wrong = syncs(owner, system.b(), &list, Value::Null, json!([good, operation])).await;
        assert_eq!(wrong["userErrors"], json!([{ "code": "INVALID", "field": field }]), "{operation}");
        assert_eq!((&wrong["results"], &wrong["changes"]), (&json!([]), &Value::Null));
    }
    let many = vec![good.clone(); 101];
    let many = syncs(owner, system.b(), &list, Value::Null, json!(many)).await;
    assert_eq!(many["userErrors"], json!([{ "code": "LIMIT", "field": ["operations"] }]));
    let input = json!({ "listId": list["id"], "queueId": "a b", "operations": [good] });
    let unnamed = owner.on(system.a()).mutate("syncGroceryList", input, "userErrors { code field }").await;
    assert_eq!(unnamed["userErrors"], json!([{ "code": "INVALID", "field": ["queueId"] }]));
    assert_eq!(home.cursor(system.a(), owner).await, before);
}
