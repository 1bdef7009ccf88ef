//! Changing what is on a list: beside ticks and each other, into something else, and to another place.

use super::{ITEM, add, adds, make, names, sets};
use roomm8_tests::{Deployment, Home, Person, on_both, server::Server};
use serde_json::{Value, json};

on_both!(
    edits_stand_beside_ticks_and_other_fields_and_conflict_on_the_same,
    a_name_that_is_taken_says_by_what_and_the_two_become_one,
    moving_one_thing_moves_no_other,
);

async fn edits(person: &Person, server: &Server, item: &Value, changes: Value) -> Value {
    let mut input = changes;
    input["itemId"] = item["id"].clone();
    let selection = format!("item {{ {ITEM} }} userErrors {{ code field }}");
    person.on(server).mutate("updateGroceryItem", input, &selection).await
}

async fn edits_stand_beside_ticks_and_other_fields_and_conflict_on_the_same(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let list = make(&home, system.a(), json!({})).await;
    let item = add(aino, system.a(), &list, "milk").await;
    sets(bo, system.b(), &item, "BOUGHT", json!({})).await;
    let note = edits(aino, system.a(), &item, json!({ "note": "lactose free", "expectedVersion": 1 })).await;
    assert_eq!((&note["item"]["state"], &note["item"]["note"]), (&json!("BOUGHT"), &json!("lactose free")));
    let amounts = json!([{ "quantity": "1.5", "unit": "L" }, { "quantity": 500, "unit": "ML" }]);
    let amounts = edits(bo, system.b(), &item, json!({ "amounts": amounts, "expectedVersion": 1 })).await;
    assert_eq!(amounts["userErrors"], json!([]));
    assert_eq!(amounts["item"]["amounts"], json!([{ "quantity": "2", "unit": "L" }]));
    let stale = edits(bo, system.b(), &item, json!({ "note": "any", "expectedVersion": 1 })).await;
    assert_eq!(stale["userErrors"], json!([{ "code": "CONFLICT", "field": ["expectedVersion"] }]));
    assert_eq!(stale["item"], amounts["item"]);
    let bare = edits(bo, system.b(), &item, json!({ "note": null, "amounts": [] })).await["item"].clone();
    assert_eq!((&bare["note"], &bare["amounts"]), (&Value::Null, &json!([])));
    // What is so already changes nothing.
    let same = edits(bo, system.b(), &item, json!({ "note": null, "name": "milk" })).await["item"].clone();
    assert_eq!(same["version"], bare["version"]);
}

async fn a_name_that_is_taken_says_by_what_and_the_two_become_one(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let owner = home.owner();
    let list = make(&home, system.a(), json!({})).await;
    let amounts = |quantity: i32| json!({ "amounts": [{ "quantity": quantity, "unit": "L" }] });
    let milk = adds(owner, system.a(), &list, "Milk", amounts(1)).await["item"].clone();
    let mlik = adds(owner, system.a(), &list, "Mlik", amounts(2)).await["item"].clone();
    let taken = edits(owner, system.b(), &mlik, json!({ "name": "milk" })).await;
    assert_eq!(taken["userErrors"], json!([{ "code": "NAME_TAKEN", "field": ["name"] }]));
    assert_eq!(taken["item"], milk);
    let merged = edits(owner, system.b(), &mlik, json!({ "name": "milk", "mergeIfTaken": true })).await;
    assert_eq!((&merged["item"]["id"], &merged["userErrors"]), (&milk["id"], &json!([])));
    assert_eq!(merged["item"]["amounts"], json!([{ "quantity": "3", "unit": "L" }]));
    assert_eq!(names(owner, system.a(), &list, json!({})).await, ["Milk"]);
    // Another spelling is remembered for all of the name.
    let spelt = edits(owner, system.a(), &milk, json!({ "name": "MILK" })).await;
    assert_eq!(spelt["item"]["name"], "MILK");
}

async fn moving_one_thing_moves_no_other(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let list = make(&home, system.a(), json!({})).await;
    let mut items = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        items.push(add(aino, system.a(), &list, name).await);
    }
    let moves = async |person: &Person, server: &Server, item: &Value, after: Value| {
        let input = json!({ "itemId": item["id"], "afterId": after });
        person.on(server).mutate("moveGroceryItem", input, "item { name } userErrors { code field }").await
    };
    let (one, other) = tokio::join!(
        moves(aino, system.a(), &items[0], items[2]["id"].clone()),
        moves(bo, system.b(), &items[4], Value::Null)
    );
    assert_eq!((&one["userErrors"], &other["userErrors"]), (&json!([]), &json!([])));
    assert_eq!(names(bo, system.b(), &list, json!({})).await, ["e", "b", "c", "a", "d"]);
    let itself = moves(aino, system.a(), &items[1], items[1]["id"].clone()).await;
    assert_eq!(itself["userErrors"], json!([{ "code": "INVALID_REFERENCE", "field": ["afterId"] }]));
}
