//! Stores: the same list in the order of each, paged, and what the catalogue remembers.

use super::{add, adds, make, make_category, make_store, names, names_of, page, sets};
use roomm8_tests::{Deployment, Home, Person, on_both, server::Server};
use serde_json::{Value, json};

on_both!(
    a_list_is_in_the_order_of_its_store,
    pages_stay_in_place_while_others_add_and_take,
    the_catalogue_remembers_and_no_two_have_one_name,
    staples_are_made_changed_and_removed,
    what_is_learned_from_trips_is_offered,
);

/// Changes a store.
async fn arranges(person: &Person, server: &Server, what: &str, store: &Value, input: Value) -> Value {
    let mut input = input;
    input["storeId"] = store.clone();
    let selection = "store { version sections { isPlaced isHidden category { name } }
        homes { product { name } category { name } } learnedOrder { name } }";
    person.on(server).done(what, input, selection).await["store"].clone()
}

fn order(store: &Value) -> Vec<&str> {
    let sections = store["sections"].as_array().unwrap();
    sections.iter().map(|section| section["category"]["name"].as_str().unwrap()).collect()
}

async fn a_list_is_in_the_order_of_its_store(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let mut categories = Vec::new();
    for name in ["Fruit", "Dairy", "Bread"] {
        categories.push(make_category(&home, system.a(), name).await);
    }
    let [fruit, dairy, bread] = &categories[..] else { panic!("there are three") };
    let (lidl, alepa) =
        (make_store(&home, system.a(), "Lidl").await, make_store(&home, system.a(), "Alepa").await);
    let list = make(&home, system.a(), json!({ "storeId": lidl })).await;
    for (name, category) in
        [("rye", bread), ("milk", dairy), ("apples", fruit), ("bulbs", &Value::Null), ("pears", fruit)]
    {
        adds(aino, system.a(), &list, name, json!({ "categoryId": category })).await;
    }
    assert_eq!(names(bo, system.b(), &list, json!({})).await, ["apples", "pears", "milk", "rye", "bulbs"]);

    let input = json!({ "categoryId": bread });
    let lidl_now = arranges(bo, system.b(), "moveGrocerySection", &lidl, input).await;
    assert_eq!(order(&lidl_now), ["Bread", "Fruit", "Dairy"]);
    assert_eq!(lidl_now["sections"][0]["isPlaced"], true);
    assert_eq!(lidl_now["learnedOrder"], Value::Null);
    let input = json!({ "categoryIds": [dairy, bread] });
    let alepa_now = arranges(bo, system.b(), "orderGrocerySections", &alepa, input).await;
    assert_eq!(order(&alepa_now), ["Dairy", "Bread", "Fruit"]);
    assert_eq!(names(aino, system.a(), &list, json!({})).await, ["rye", "apples", "pears", "milk", "bulbs"]);
    let by_alepa = names(aino, system.a(), &list, json!({ "storeId": alepa })).await;
    assert_eq!(by_alepa, ["milk", "rye", "apples", "pears", "bulbs"]);

    // Alepa has no bread, and the apples by the milk.
    arranges(bo, system.b(), "hideGrocerySection", &alepa, json!({ "categoryId": bread, "isHidden": true }))
        .await;
    let document =
        "query($id: ID!) { household(id: $id) { groceryProducts(begins: \"APP\") { nodes { id name } } } }";
    let found = bo.on(system.b()).query(document, json!({ "id": home.id })).await;
    let apples = &found["household"]["groceryProducts"]["nodes"][0];
    let input = json!({ "productId": apples["id"], "categoryId": dairy });
    let alepa_now = arranges(aino, system.a(), "setGroceryHome", &alepa, input).await;
    assert_eq!(
        alepa_now["homes"],
        json!([{ "product": { "name": "apples" }, "category": { "name": "Dairy" } }])
    );
    let by_alepa = names(bo, system.b(), &list, json!({ "storeId": alepa })).await;
    assert_eq!(by_alepa, ["milk", "apples", "pears", "bulbs"]);
    let all = json!({ "storeId": alepa, "includeHidden": true });
    assert_eq!(names(bo, system.b(), &list, all).await, ["milk", "apples", "rye", "pears", "bulbs"]);
    let document = "query($id: ID!, $store: ID!) { node(id: $id) { ... on GroceryProduct {
        category { name } there: category(storeId: $store) { name } } } }";
    let there = bo.on(system.b()).query(document, json!({ "id": apples["id"], "store": alepa })).await;
    assert_eq!(there["node"], json!({ "category": { "name": "Fruit" }, "there": { "name": "Dairy" } }));
    let elsewhere = Home::new(&system, 1).await;
    let strange = make_store(&elsewhere, system.a(), "Lidl").await;
    let variables = json!({ "id": apples["id"], "store": strange });
    assert_eq!(bo.on(system.b()).refusal(document, variables).await, "NOT_FOUND");

    // Without the store the list is in the household's order, which can be changed, too.
    aino.on(system.a()).done("removeGroceryStore", json!({ "storeId": lidl }), "cursor").await;
    let input = json!({ "categoryId": fruit, "afterId": bread });
    aino.on(system.a()).done("updateGroceryCategory", input, "cursor").await;
    assert_eq!(names(bo, system.b(), &list, json!({})).await, ["milk", "rye", "apples", "pears", "bulbs"]);
    let document =
        "query($id: ID!) { household(id: $id) { groceryCategories { name } groceryStores { name } } }";
    let all = bo.on(system.b()).query(document, json!({ "id": home.id })).await["household"].clone();
    let categories = json!([{ "name": "Dairy" }, { "name": "Bread" }, { "name": "Fruit" }]);
    assert_eq!(all, json!({ "groceryCategories": categories, "groceryStores": [{ "name": "Alepa" }] }));
}

async fn pages_stay_in_place_while_others_add_and_take(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let list = make(&home, system.a(), json!({})).await;
    let mut items = Vec::new();
    for number in 0..7 {
        items.push(add(aino, system.a(), &list, &format!("{number}")).await);
    }
    let first = page(bo, system.b(), &list, json!({ "first": 3 })).await["items"].clone();
    assert_eq!(names_of(&first["nodes"]), ["0", "1", "2"]);
    assert_eq!(
        (&first["pageInfo"]["hasNextPage"], &first["pageInfo"]["hasPreviousPage"]),
        (&json!(true), &json!(false))
    );
    // The very one that the cursor is of is taken off, and so is one that comes.
    sets(aino, system.a(), &items[2], "REMOVED", json!({})).await;
    sets(aino, system.a(), &items[4], "REMOVED", json!({})).await;
    add(aino, system.a(), &list, "7").await;
    let end = &first["pageInfo"]["endCursor"];
    let next = page(bo, system.b(), &list, json!({ "first": 3, "after": end })).await["items"].clone();
    assert_eq!(names_of(&next["nodes"]), ["3", "5", "6"]);
    let rest = json!({ "first": 3, "after": next["pageInfo"]["endCursor"] });
    let rest = page(bo, system.b(), &list, rest).await["items"].clone();
    assert_eq!(names_of(&rest["nodes"]), ["7"]);
    assert_eq!(rest["pageInfo"]["hasNextPage"], false);
    let back = json!({ "last": 2, "before": next["pageInfo"]["startCursor"] });
    let back = page(bo, system.b(), &list, back).await["items"].clone();
    assert_eq!(names_of(&back["nodes"]), ["0", "1"]);
    // The cursor of an item of another list is none of this one.
    let other = make(&home, system.a(), json!({ "name": "Other" })).await;
    let document =
        "query($id: ID!, $after: Cursor) { groceryList(id: $id) { items(after: $after) { nodes { id } } } }";
    let log = json!(home.cursor(system.a(), aino).await);
    for cursor in [end, &log] {
        let variables = json!({ "id": other["id"], "after": cursor });
        assert_eq!(bo.on(system.b()).refusal(document, variables).await, "BAD_USER_INPUT");
    }
}

async fn the_catalogue_remembers_and_no_two_have_one_name(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let dairy = make_category(&home, system.a(), "Dairy").await;
    let taken = json!({ "householdId": home.id, "name": " DAIRY" });
    let selection = "category { id } userErrors { code field }";
    let taken = bo.on(system.b()).mutate("createGroceryCategory", taken, selection).await;
    let expected =
        json!({ "category": { "id": dairy }, "userErrors": [{ "code": "NAME_TAKEN", "field": ["name"] }] });
    assert_eq!(taken, expected);
    let lidl = make_store(&home, system.a(), "Lidl").await;
    let alepa = make_store(&home, system.a(), "Alepa").await;
    let taken = json!({ "storeId": alepa, "name": "lidl" });
    let selection = "store { id } userErrors { code field }";
    let taken = bo.on(system.b()).mutate("renameGroceryStore", taken, selection).await;
    let expected =
        json!({ "store": { "id": lidl }, "userErrors": [{ "code": "NAME_TAKEN", "field": ["name"] }] });
    assert_eq!(taken, expected);

    let list = make(&home, system.a(), json!({})).await;
    let line = json!({ "categoryId": dairy, "amounts": [{ "quantity": 1, "unit": "L" }] });
    let milk = adds(aino, system.a(), &list, "Milk", line).await["item"].clone();
    sets(aino, system.a(), &milk, "REMOVED", json!({})).await;
    let again = add(bo, system.b(), &list, "milk").await;
    assert_eq!((&again["name"], &again["category"]["name"]), (&json!("Milk"), &json!("Dairy")));
    let document =
        "query($id: ID!, $begins: String!) { household(id: $id) { groceryProducts(begins: $begins) {
        nodes { id name unit category { name } version } } } }";
    let find = async |begins: &str| {
        let variables = json!({ "id": home.id, "begins": begins });
        bo.on(system.b()).query(document, variables).await["household"]["groceryProducts"]["nodes"].clone()
    };
    let found = find("mi").await;
    assert_eq!((&found[0]["unit"], &found[0]["category"]["name"]), (&json!("L"), &json!("Dairy")));
    assert_eq!(find("ilk").await, json!([]));
    let other = add(bo, system.b(), &list, "Mlk").await;
    let misspelt = find("mlk").await[0]["id"].clone();
    let selection = "product { id name unit } userErrors { code field }";
    let rename = json!({ "productId": misspelt, "name": "milk" });
    let taken = bo.on(system.b()).mutate("updateGroceryProduct", rename, selection).await;
    assert_eq!(taken["userErrors"], json!([{ "code": "NAME_TAKEN", "field": ["name"] }]));
    assert_eq!(taken["product"]["id"], found[0]["id"]);
    let merge = json!({ "productId": misspelt, "name": "milk", "mergeIfTaken": true, "unit": null });
    let merged = bo.on(system.b()).mutate("updateGroceryProduct", merge, selection).await;
    assert_eq!((&merged["product"]["id"], &merged["product"]["unit"]), (&found[0]["id"], &Value::Null));
    assert_eq!(names(aino, system.a(), &list, json!({})).await, ["Milk"]);
    assert_ne!(other["id"], again["id"]);
    let forget = json!({ "productId": found[0]["id"] });
    for _ in 0..2 {
        let selection = "product { removedAt }";
        let forgotten = aino.on(system.a()).done("removeGroceryProduct", forget.clone(), selection).await;
        assert!(forgotten["product"]["removedAt"].is_string());
    }
    assert_eq!(find("").await, json!([]));
    assert_eq!(names(aino, system.a(), &list, json!({})).await, ["Milk"], "what is on the list stays");
}

async fn staples_are_made_changed_and_removed(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let list = make(&home, system.a(), json!({})).await;
    let selection =
        "staple { id rule startDate nextDate version removedAt amounts { quantity unit } product { name }
        createdBy { displayName } } userErrors { code field }";
    let staple = |schedule: Value| json!({ "listId": list["id"], "name": "Coffee", "schedule": schedule });
    let create = staple(json!({ "startDate": "2099-01-05", "rule": "freq=weekly;byday=mo" }));
    let made =
        aino.on(system.a()).done("createGroceryStaple", create.clone(), selection).await["staple"].clone();
    assert_eq!((&made["rule"], &made["nextDate"]), (&json!("FREQ=WEEKLY;BYDAY=MO"), &json!("2099-01-05")));
    let taken = bo.on(system.b()).mutate("createGroceryStaple", create, selection).await;
    assert_eq!(taken["userErrors"], json!([{ "code": "NAME_TAKEN", "field": ["name"] }]));
    assert_eq!(taken["staple"]["id"], made["id"]);
    for (schedule, field) in [
        (json!({ "startDate": "2099-01-05", "rule": "now and then" }), "rule"),
        (json!({ "startDate": "1066-10-14", "rule": "FREQ=DAILY" }), "startDate"),
    ] {
        let wrong = bo.on(system.b()).mutate("createGroceryStaple", staple(schedule), selection).await;
        assert_eq!(wrong["userErrors"], json!([{ "code": "INVALID", "field": ["schedule", field] }]));
    }
    let update = json!({ "stapleId": made["id"], "amounts": [{ "quantity": 500, "unit": "G" }],
        "schedule": { "startDate": "2099-02-01", "rule": "FREQ=MONTHLY" }, "expectedVersion": 1 });
    let updated = bo.on(system.b()).done("updateGroceryStaple", update, selection).await["staple"].clone();
    assert_eq!((&updated["nextDate"], &updated["version"]), (&json!("2099-02-01"), &json!(2)));
    let late = json!({ "stapleId": made["id"], "amounts": [], "expectedVersion": 1 });
    assert_eq!(aino.on(system.a()).user_error("updateGroceryStaple", late).await, "CONFLICT");
    let document = "query($id: ID!) { household(id: $id) { groceryStaples { nodes { product { name } } } } }";
    let all = async || {
        let household =
            bo.on(system.b()).query(document, json!({ "id": home.id })).await["household"].clone();
        household["groceryStaples"]["nodes"].clone()
    };
    assert_eq!(all().await, json!([{ "product": { "name": "Coffee" } }]));
    let remove = json!({ "stapleId": made["id"] });
    let removed = aino.on(system.a()).done("removeGroceryStaple", remove, selection).await["staple"].clone();
    assert!(removed["removedAt"].is_string() && removed["nextDate"].is_null());
    assert_eq!(all().await, json!([]));
    let suggestions = "query($id: ID!) { groceryList(id: $id) { suggestions(first: 5) { reason everyDays
        lastBoughtAt product { name } boughtWith { name } } } }";
    let suggested = bo.on(system.b()).query(suggestions, json!({ "id": list["id"] })).await;
    assert_eq!(suggested["groceryList"]["suggestions"], json!([]));
}

async fn what_is_learned_from_trips_is_offered(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let fruit = make_category(&home, system.a(), "Fruit").await;
    let bread = make_category(&home, system.a(), "Bread").await;
    let store = make_store(&home, system.a(), "Lidl").await;
    let list = make(&home, system.a(), json!({ "storeId": store })).await;
    // Five times bread is ticked before fruit, which is the other way round than the household's order.
    for _ in 0..5 {
        let apples = adds(aino, system.a(), &list, "apples", json!({ "categoryId": fruit })).await;
        let rye = adds(bo, system.b(), &list, "rye", json!({ "categoryId": bread })).await;
        for item in [&rye["item"], &apples["item"]] {
            sets(bo, system.b(), item, "BOUGHT", json!({})).await;
        }
        aino.on(system.a()).done("finishGroceryTrip", json!({ "listId": list["id"] }), "cursor").await;
    }
    let learned = "query($id: ID!) { household(id: $id) {
        groceryStores { learnedOrder { id name } sections { category { name } } } } }";
    let stores = async |person: &Person, server: &Server| {
        let told = person.on(server).query(learned, json!({ "id": home.id })).await;
        told["household"]["groceryStores"][0].clone()
    };
    let offered = stores(bo, system.a()).await;
    assert_eq!(order(&offered), ["Fruit", "Bread"], "it is offered, and not applied");
    let expected = json!([{ "id": bread, "name": "Bread" }, { "id": fruit, "name": "Fruit" }]);
    assert_eq!(offered["learnedOrder"], expected);
    arranges(aino, system.b(), "orderGrocerySections", &store, json!({ "categoryIds": [bread, fruit] }))
        .await;
    let taken = stores(bo, system.a()).await;
    assert_eq!((order(&taken), &taken["learnedOrder"]), (vec!["Bread", "Fruit"], &Value::Null));

    // One of what is bought together is wanted: the other may be missing.
    add(bo, system.b(), &list, "rye").await;
    let suggestions = "query($id: ID!) { groceryList(id: $id) { suggestions {
        reason everyDays product { name } boughtWith { name } } } }";
    let suggested = aino.on(system.a()).query(suggestions, json!({ "id": list["id"] })).await;
    let apples = json!({ "reason": "BOUGHT_WITH", "everyDays": null, "product": { "name": "apples" },
        "boughtWith": { "name": "rye" } });
    assert_eq!(suggested["groceryList"]["suggestions"], json!([apples]));
}
