//! Groceries as they happen: told to everybody, once, in order, and after a break from where it was.

use super::{add, adds, make, make_category, make_store, sets};
use roomm8_tests::{Deployment, Home, on_both, people::text};
use serde_json::{Value, json};
use std::time::Duration;

on_both!(everything_about_groceries_is_told_once_in_order, an_event_of_groceries_says_what_it_is_about,);

const SOON: Duration = Duration::from_secs(10);

const GROCERIES: &str = "subscription($id: ID!, $after: Cursor) { groceries(householdId: $id, after: $after) {
    cursor kind occurredAt actor { id } list { id name openCount } item { id name state category { name } } trip { id itemCount }
    product { id name } category { id name } store { id name } staple { id rule } } }";

async fn everything_about_groceries_is_told_once_in_order(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let members = [home.member(system.a(), aino).await, home.member(system.a(), bo).await];
    let start = home.cursor(system.a(), bo).await;
    let mut socket = bo.follow(system.b(), GROCERIES, json!({ "id": home.id })).await;
    let first = socket.next_of("groceries", 1, SOON).await.remove(0);
    let nothing = ["list", "item", "trip", "actor"].map(|field| first[field] == Value::Null);
    assert_eq!((&first["kind"], nothing), (&json!("SUBSCRIBED"), [true; 4]));

    let list = make(&home, system.a(), json!({})).await;
    let item = add(aino, system.b(), &list, "milk").await;
    home.say(system.a(), aino, "not of groceries").await;
    adds(bo, system.a(), &list, "Milk", json!({ "note": "two" })).await;
    sets(bo, system.b(), &item, "BOUGHT", json!({})).await;
    sets(aino, system.a(), &item, "BOUGHT", json!({})).await;
    let finish = json!({ "listId": list["id"] });
    let trip = &aino.on(system.a()).done("finishGroceryTrip", finish, "trip { id }").await["trip"]["id"];
    aino.on(system.b()).done("undoGroceryTrip", json!({ "tripId": trip }), "cursor").await;
    let category = make_category(&home, system.a(), "Dairy").await;
    let update = json!({ "itemId": item["id"], "categoryId": category, "isUrgent": true });
    bo.on(system.b()).done("updateGroceryItem", update, "cursor").await;
    let store = make_store(&home, system.a(), "Lidl").await;
    let input = json!({ "listId": list["id"], "name": "milk",
        "schedule": { "startDate": "2099-01-01", "rule": "FREQ=DAILY" } });
    let staple =
        &aino.on(system.a()).done("createGroceryStaple", input, "staple { id }").await["staple"]["id"];
    aino.on(system.a()).done("archiveGroceryList", json!({ "listId": list["id"] }), "cursor").await;

    let told = socket.next_of("groceries", 12, SOON).await;
    let kinds: Vec<_> = told.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    let expected = [
        "GROCERY_LIST_CREATED",
        "GROCERY_ITEM_ADDED",
        "GROCERY_ITEM_MERGED",
        "GROCERY_ITEM_STATE_CHANGED",
        "GROCERY_TRIP_FINISHED",
        "GROCERY_TRIP_UNDONE",
        "GROCERY_CATEGORY_CREATED",
        "GROCERY_PRODUCT_UPDATED",
        "GROCERY_ITEM_UPDATED",
        "GROCERY_STORE_CREATED",
        "GROCERY_STAPLE_CREATED",
        "GROCERY_LIST_ARCHIVED",
    ];
    assert_eq!(kinds, expected);
    let [a, b] = [true, false];
    let actors: Vec<_> = told.iter().map(|event| text(&event["actor"]["id"]) == members[0]).collect();
    assert_eq!(actors, [a, a, b, b, a, a, a, b, b, a, a, a]);
    for at in [0, 1, 2, 3, 4, 5, 8, 10, 11] {
        assert_eq!(told[at]["list"]["id"], list["id"], "{at}");
    }
    for at in [1, 2, 3, 8] {
        assert_eq!(told[at]["item"]["id"], item["id"], "{at}");
    }
    assert_eq!((&told[4]["trip"]["id"], &told[4]["item"]), (trip, &Value::Null));
    assert_eq!((&told[6]["category"]["id"], &told[6]["list"]), (&category, &Value::Null));
    assert_eq!((&told[7]["product"]["name"], &told[9]["store"]["id"]), (&json!("milk"), &store));
    assert_eq!(&told[10]["staple"]["id"], staple);

    // From the beginning, and from the middle, on the other instance: the same, as it is now.
    let mut socket = aino.follow(system.a(), GROCERIES, json!({ "id": home.id, "after": start })).await;
    let again = socket.next_of("groceries", 12, SOON).await;
    let places = |events: &[Value]| -> Vec<_> {
        events.iter().map(|event| [&event["cursor"], &event["kind"]].map(Clone::clone)).collect()
    };
    assert_eq!(places(&again), places(&told));
    let now = json!({ "id": item["id"], "name": "milk", "state": "BOUGHT", "category": { "name": "Dairy" } });
    assert_eq!(again[1]["item"], now);
    let middle = json!({ "id": home.id, "after": told[4]["cursor"] });
    let mut socket = bo.follow(system.a(), GROCERIES, middle).await;
    assert_eq!(places(&socket.next_of("groceries", 7, SOON).await), places(&told[5..]));
    assert_eq!(socket.hear_within(Duration::from_millis(300)).await, None);
}

async fn an_event_of_groceries_says_what_it_is_about(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let document = "subscription($id: ID!) { householdEvents(householdId: $id) { kind subject { __typename
        ... on GroceryList { name items { nodes { name } } } ... on GroceryItem { itemName: name } } } }";
    let mut socket = home.people[1].follow(system.b(), document, json!({ "id": home.id })).await;
    socket.next(SOON).await;
    let list = make(&home, system.a(), json!({})).await;
    let told = socket.next(SOON).await["householdEvents"]["subject"].clone();
    assert_eq!((&told["__typename"], &told["name"]), (&json!("GroceryList"), &json!("Lidl")));
    add(home.owner(), system.a(), &list, "milk").await;
    let told = socket.next(SOON).await["householdEvents"]["subject"].clone();
    assert_eq!(told, json!({ "__typename": "GroceryItem", "itemName": "milk" }));
}
