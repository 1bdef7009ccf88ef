//! Groceries: shopping lists that people change at once, in the shop and at home, with and without network.

mod adding;
mod editing;
mod live;
mod phones;
mod stores;
mod sync;
mod ticking;
mod wrong;

use roomm8_tests::{Deployment, Home, Person, on_both, people::text, server::Server};
use serde_json::{Value, json};

on_both!(
    lists_are_made_changed_put_away_and_brought_back,
    guests_read_what_others_want_and_change_nothing,
    everything_is_found_by_its_id,
    a_repeated_intent_makes_one_list_and_adds_once,
);

/// What tests look at of a list.
const LIST: &str = "id name isUrgent archivedAt version store { id } assignee { id } createdBy { id }
    openCount unavailableCount boughtCount";

/// What tests look at of an item.
const ITEM: &str = "id name amounts { quantity unit } note isUrgent state isListed version assignee { id }
    addedBy { id } stateBy { id } category { name } trip { id }";

/// Makes a list, changed by what the test is about.
async fn make(home: &Home, server: &Server, changes: Value) -> Value {
    let mut input = json!({ "householdId": home.id, "name": "Lidl" });
    let Value::Object(changes) = changes else { panic!("changes are fields") };
    input.as_object_mut().unwrap().extend(changes);
    let selection = format!("list {{ {LIST} }} cursor");
    home.owner().on(server).done("createGroceryList", input, &selection).await["list"].clone()
}

/// Puts something on a list, and gives the payload.
async fn adds(person: &Person, server: &Server, list: &Value, name: &str, line: Value) -> Value {
    let mut input = line;
    input["listId"] = list["id"].clone();
    input["name"] = json!(name);
    let selection = format!(
        "item {{ {ITEM} }} effect cursor
        before {{ version amounts {{ quantity unit }} note isUrgent state assignee {{ id }} }}"
    );
    person.on(server).done("addGroceryItem", input, &selection).await
}

/// Puts something on a list, and gives the item.
async fn add(person: &Person, server: &Server, list: &Value, name: &str) -> Value {
    adds(person, server, list, name, json!({})).await["item"].clone()
}

/// Says what has become of an item, and gives the payload.
async fn sets(person: &Person, server: &Server, item: &Value, state: &str, more: Value) -> Value {
    let mut input = more;
    input["itemId"] = item["id"].clone();
    input["state"] = json!(state);
    let selection = format!("item {{ {ITEM} }} changed cursor userErrors {{ code field }}");
    person.on(server).mutate("setGroceryItemState", input, &selection).await
}

/// A page of a list's items, with how many there are.
async fn page(person: &Person, server: &Server, list: &Value, mut variables: Value) -> Value {
    let document = format!(
        "query($id: ID!, $storeId: ID, $states: [GroceryItemState!], $includeHidden: Boolean! = false,
            $first: Int, $after: Cursor, $last: Int, $before: Cursor) {{ groceryList(id: $id) {{
            openCount unavailableCount boughtCount
            items(storeId: $storeId, states: $states, includeHidden: $includeHidden,
                first: $first, after: $after, last: $last, before: $before) {{
                nodes {{ {ITEM} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }} }}"
    );
    variables["id"] = list["id"].clone();
    person.on(server).query(&document, variables).await["groceryList"].clone()
}

/// The names of what is on a list, in its order.
async fn names(person: &Person, server: &Server, list: &Value, variables: Value) -> Vec<String> {
    names_of(&page(person, server, list, variables).await["items"]["nodes"])
}

fn names_of(items: &Value) -> Vec<String> {
    items.as_array().unwrap().iter().map(|item| text(&item["name"])).collect()
}

async fn make_category(home: &Home, server: &Server, name: &str) -> Value {
    let input = json!({ "householdId": home.id, "name": name });
    home.owner().on(server).done("createGroceryCategory", input, "category { id }").await["category"]["id"]
        .clone()
}

async fn make_store(home: &Home, server: &Server, name: &str) -> Value {
    let input = json!({ "householdId": home.id, "name": name });
    home.owner().on(server).done("createGroceryStore", input, "store { id }").await["store"]["id"].clone()
}

async fn lists_are_made_changed_put_away_and_brought_back(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let members = [home.member(system.a(), aino).await, home.member(system.a(), bo).await];
    let store = make_store(&home, system.a(), "Lidl Kallio").await;
    let changes =
        json!({ "name": " Saturday  ", "assigneeId": members[1], "isUrgent": true, "storeId": store });
    let list = make(&home, system.a(), changes).await;
    let expected = json!({ "id": list["id"], "name": "Saturday", "isUrgent": true, "archivedAt": null, "version": 1,
        "store": { "id": store }, "assignee": { "id": members[1] }, "createdBy": { "id": members[0] },
        "openCount": 0, "unavailableCount": 0, "boughtCount": 0 });
    assert_eq!(list, expected);

    let selection = format!("list {{ {LIST} }} userErrors {{ code field }}");
    let update = json!({ "listId": list["id"], "name": "Sunday", "assigneeId": null, "expectedVersion": 1 });
    let updated = bo.on(system.b()).done("updateGroceryList", update, &selection).await["list"].clone();
    assert_eq!((&updated["name"], &updated["assignee"]), (&json!("Sunday"), &Value::Null));
    assert_eq!((&updated["store"]["id"], &updated["version"]), (&store, &json!(2)));
    // Another field is no conflict, the same one is.
    let update = json!({ "listId": list["id"], "isUrgent": false, "expectedVersion": 1 });
    aino.on(system.a()).done("updateGroceryList", update, &selection).await;
    let stale = json!({ "listId": list["id"], "name": "Monday", "expectedVersion": 1 });
    let stale = aino.on(system.a()).mutate("updateGroceryList", stale, &selection).await;
    assert_eq!(stale["userErrors"], json!([{ "code": "CONFLICT", "field": ["expectedVersion"] }]));
    assert_eq!(stale["list"]["name"], "Sunday");

    add(bo, system.b(), &list, "Milk").await;
    let input = json!({ "listId": list["id"] });
    for _ in 0..2 {
        let archived = aino.on(system.a()).done("archiveGroceryList", input.clone(), &selection).await;
        assert!(archived["list"]["archivedAt"].is_string());
    }
    let lists = "query($id: ID!, $all: Boolean! = false) { household(id: $id) {
        groceryLists(includeArchived: $all) { nodes { name openCount } } } }";
    let seen = async |all: bool| {
        let variables = json!({ "id": home.id, "all": all });
        bo.on(system.b()).query(lists, variables).await["household"]["groceryLists"]["nodes"].clone()
    };
    assert_eq!(seen(false).await, json!([]));
    assert_eq!(seen(true).await, json!([{ "name": "Sunday", "openCount": 1 }]));
    let late = json!({ "listId": list["id"], "name": "Bread" });
    let late = bo.on(system.b()).mutate("addGroceryItem", late, "userErrors { code field }").await;
    assert_eq!(late["userErrors"], json!([{ "code": "GONE", "field": ["listId"] }]));
    bo.on(system.b()).done("restoreGroceryList", input, &selection).await;
    assert_eq!(seen(false).await, json!([{ "name": "Sunday", "openCount": 1 }]));
}

async fn guests_read_what_others_want_and_change_nothing(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let list = make(&home, system.a(), json!({})).await;
    let item = add(home.owner(), system.a(), &list, "Milk").await;
    let guest = home.newcomer(&system, "Guest", "GUEST").await;
    assert_eq!(names(&guest, system.b(), &list, json!({})).await, ["Milk"]);
    let (list, item) = (&list["id"], &item["id"]);
    for (what, input) in [
        ("createGroceryList", json!({ "householdId": home.id, "name": "Mine" })),
        ("archiveGroceryList", json!({ "listId": list })),
        ("addGroceryItem", json!({ "listId": list, "name": "Wine" })),
        ("addGroceryItems", json!({ "listId": list, "text": "wine" })),
        ("setGroceryItemState", json!({ "itemId": item, "state": "BOUGHT" })),
        ("updateGroceryItem", json!({ "itemId": item, "name": "Wine" })),
        ("moveGroceryItem", json!({ "itemId": item })),
        ("syncGroceryList", json!({ "listId": list, "queueId": "phone", "operations": [] })),
        ("finishGroceryTrip", json!({ "listId": list })),
        ("createGroceryCategory", json!({ "householdId": home.id, "name": "Wine" })),
        ("createGroceryStore", json!({ "householdId": home.id, "name": "Alko" })),
    ] {
        assert_eq!(guest.on(system.b()).error(what, input).await, "FORBIDDEN", "{what}");
    }
    let guest_here = home.member(system.a(), &guest).await;
    let input = json!({ "itemId": item, "assigneeId": guest_here });
    assert_eq!(home.owner().on(system.a()).user_error("updateGroceryItem", input).await, "INVALID_REFERENCE");
}

async fn everything_is_found_by_its_id(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let owner = home.owner();
    let store = make_store(&home, system.a(), "Lidl").await;
    let category = make_category(&home, system.a(), "Dairy").await;
    let list = make(&home, system.a(), json!({ "storeId": store })).await;
    let item =
        adds(owner, system.a(), &list, "Milk", json!({ "categoryId": category })).await["item"].clone();
    sets(owner, system.a(), &item, "BOUGHT", json!({})).await;
    let finish = json!({ "listId": list["id"] });
    let selection =
        "trip { id itemCount store { id } finishedBy { displayName } items { nodes { name trip { id } } } }";
    let trip = owner.on(system.a()).done("finishGroceryTrip", finish, selection).await["trip"].clone();
    assert_eq!(trip["items"]["nodes"], json!([{ "name": "Milk", "trip": { "id": trip["id"] } }]));
    let input = json!({ "listId": list["id"], "name": "milk", "amounts": [{ "quantity": "2", "unit": "L" }],
        "schedule": { "startDate": "2099-01-03", "rule": "freq=weekly" } });
    let selection =
        "staple { id rule startDate nextDate amounts { quantity unit } product { id name } list { id } }";
    let staple = owner.on(system.a()).done("createGroceryStaple", input, selection).await["staple"].clone();
    assert_eq!((&staple["rule"], &staple["nextDate"]), (&json!("FREQ=WEEKLY"), &json!("2099-01-03")));
    assert_eq!(staple["product"]["name"], "Milk");
    let document = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";
    let ids =
        [&list["id"], &item["id"], &staple["product"]["id"], &category, &store, &trip["id"], &staple["id"]];
    let nodes = owner.on(system.b()).query(document, json!({ "ids": ids })).await["nodes"].clone();
    let kinds = [
        "GroceryList",
        "GroceryItem",
        "GroceryProduct",
        "GroceryCategory",
        "GroceryStore",
        "GroceryTrip",
        "GroceryStaple",
    ];
    for ((node, kind), id) in nodes.as_array().unwrap().iter().zip(kinds).zip(ids) {
        assert_eq!(node, &json!({ "__typename": kind, "id": id }));
    }
}

async fn a_repeated_intent_makes_one_list_and_adds_once(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let owner = home.owner();
    let create = json!({ "householdId": home.id, "name": "Lidl", "clientMutationId": "the-list" });
    let (one, other) = tokio::join!(
        async { owner.on(system.a()).done("createGroceryList", create.clone(), "list { id } cursor").await },
        async { owner.on(system.b()).done("createGroceryList", create.clone(), "list { id } cursor").await }
    );
    assert_eq!(one, other);
    let list = &one["list"];
    add(owner, system.a(), list, "milk").await;
    let amounts = json!([{ "quantity": 2, "unit": "L" }]);
    let line = json!({ "amounts": amounts, "clientMutationId": "the-milk" });
    let (one, other) = tokio::join!(
        adds(owner, system.a(), list, "Milk", line.clone()),
        adds(owner, system.b(), list, "Milk", line.clone())
    );
    assert_eq!(one, other);
    assert_eq!((&one["effect"], &one["before"]["amounts"]), (&json!("MERGED"), &json!([])));
    let input = json!({ "listId": list["id"], "name": "Bread", "clientMutationId": "the-milk" });
    assert_eq!(owner.on(system.b()).error("addGroceryItem", input).await, "IDEMPOTENCY_CONFLICT");
    assert_eq!(names(owner, system.b(), list, json!({})).await, ["milk"]);
}
