//! Adding: what is wanted already becomes more, several lines are added together or not at all.

use super::{add, adds, make, names, page, sets};
use roomm8_tests::{Deployment, Home, on_both};
use serde_json::{Value, json};

on_both!(
    what_is_wanted_already_becomes_more,
    two_who_add_the_same_at_once_add_to_one,
    what_people_type_becomes_lines,
    several_lines_are_added_together_or_not_at_all,
);

async fn what_is_wanted_already_becomes_more(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let members = [home.member(system.a(), aino).await, home.member(system.a(), bo).await];
    let list = make(&home, system.a(), json!({})).await;
    let line = json!({ "amounts": [{ "quantity": "1.50", "unit": "L" }], "note": "the blue one" });
    let made = adds(aino, system.a(), &list, "Oat Milk ", line).await;
    assert_eq!((&made["effect"], &made["before"]), (&json!("CREATED"), &Value::Null));
    let item = &made["item"];
    assert_eq!(item["amounts"], json!([{ "quantity": "1.5", "unit": "L" }]));
    assert_eq!((&item["state"], &item["addedBy"]["id"]), (&json!("OPEN"), &json!(members[0])));

    let amounts = json!([{ "quantity": 500, "unit": "ML" }, { "quantity": 2, "unit": "PACK" }]);
    let line = json!({ "amounts": amounts, "note": "or oat", "isUrgent": true, "assigneeId": members[1] });
    let merged = adds(bo, system.b(), &list, " oat  MILK", line).await;
    assert_eq!(merged["effect"], "MERGED");
    let before = json!({ "version": 1, "amounts": item["amounts"], "note": "the blue one", "isUrgent": false,
        "state": "OPEN", "assignee": null });
    assert_eq!(merged["before"], before);
    let now = &merged["item"];
    assert_eq!((&now["id"], &now["name"], &now["version"]), (&item["id"], &json!("Oat Milk"), &json!(2)));
    let both = json!([{ "quantity": "2", "unit": "L" }, { "quantity": "2", "unit": "PACK" }]);
    assert_eq!((&now["amounts"], &now["note"]), (&both, &json!("the blue one\nor oat")));
    assert_eq!((&now["isUrgent"], &now["assignee"]["id"]), (&json!(true), &json!(members[1])));

    // It is undone by what it was before.
    let undo = json!({ "itemId": item["id"], "amounts": before["amounts"], "note": before["note"],
        "isUrgent": false, "assigneeId": null, "expectedVersion": 2 });
    let selection = "item { amounts { quantity unit } note }";
    let undone = bo.on(system.b()).done("updateGroceryItem", undo, selection).await;
    assert_eq!(undone["item"], json!({ "amounts": before["amounts"], "note": before["note"] }));

    let apart = adds(bo, system.a(), &list, "oat milk", json!({ "forceSeparate": true })).await;
    assert_eq!(apart["effect"], "CREATED");
    assert_ne!(apart["item"]["id"], item["id"]);
    // What is bought is bought: a new one is wanted.
    sets(aino, system.b(), item, "BOUGHT", json!({})).await;
    let anew = adds(aino, system.a(), &list, "Oat milk", json!({})).await;
    assert_eq!((&anew["effect"], &anew["item"]["amounts"]), (&json!("CREATED"), &json!([])));
    // What could not be had is looked for again.
    sets(aino, system.b(), &anew["item"], "UNAVAILABLE", json!({})).await;
    let again = adds(bo, system.a(), &list, "Oat milk", json!({})).await;
    assert_eq!((&again["effect"], &again["item"]["state"]), (&json!("MERGED"), &json!("OPEN")));
    assert_eq!(again["before"]["state"], "UNAVAILABLE");
    let seen = page(bo, system.b(), &list, json!({})).await;
    let counts = ["openCount", "unavailableCount", "boughtCount"].map(|count| seen[count].clone());
    assert_eq!(counts, [2, 0, 1]);
    let bought = names(aino, system.b(), &list, json!({ "states": ["BOUGHT", "UNAVAILABLE"] })).await;
    assert_eq!(bought, ["Oat Milk"]);
}

async fn two_who_add_the_same_at_once_add_to_one(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let list = make(&home, system.a(), json!({})).await;
    for round in 1..=10 {
        let (name, shouted) = (format!("thing {round}"), format!("THING {round}"));
        let line = json!({ "amounts": [{ "quantity": "0.1", "unit": "KG" }] });
        let (one, other) = tokio::join!(
            adds(aino, system.a(), &list, &name, line.clone()),
            adds(bo, system.b(), &list, &shouted, line.clone())
        );
        let mut effects = [one["effect"].as_str().unwrap(), other["effect"].as_str().unwrap()];
        effects.sort_unstable();
        assert_eq!(effects, ["CREATED", "MERGED"]);
        assert_eq!(one["item"]["id"], other["item"]["id"]);
    }
    let seen = page(bo, system.b(), &list, json!({})).await["items"]["nodes"].clone();
    let seen = seen.as_array().unwrap();
    assert_eq!(seen.len(), 10);
    assert!(seen.iter().all(|item| item["amounts"] == json!([{ "quantity": "0.2", "unit": "KG" }])));
}

async fn what_people_type_becomes_lines(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let owner = home.owner();
    let list = make(&home, system.a(), json!({})).await;
    let typed = "2x milk, 1½ kg flour; bread (the dark one)!\n\"7 up\"";
    let document = "query($id: ID!, $text: String!) { household(id: $id) {
        parseGroceries(text: $text) { name amounts { quantity unit } note isUrgent } } }";
    let variables = json!({ "id": home.id, "text": typed });
    let understood = owner.on(system.a()).query(document, variables).await;
    let line = |name: &str, amounts: Value, note: Value, is_urgent: bool| json!({ "name": name, "amounts": amounts, "note": note, "isUrgent": is_urgent });
    let expected = json!([
        line("milk", json!([{ "quantity": "2", "unit": "PIECE" }]), Value::Null, false),
        line("flour", json!([{ "quantity": "1.5", "unit": "KG" }]), Value::Null, false),
        line("bread", json!([]), json!("the dark one"), true),
        line("7 up", json!([]), Value::Null, false),
    ]);
    assert_eq!(understood["household"]["parseGroceries"], expected);
    add(owner, system.a(), &list, "Milk").await;
    let input = json!({ "listId": list["id"], "text": typed });
    let selection = "results { effect item { name note isUrgent amounts { quantity unit } } before { version } error { code } }";
    let added = owner.on(system.b()).done("addGroceryItems", input, selection).await["results"].clone();
    let effects: Vec<_> = added.as_array().unwrap().iter().map(|result| result["effect"].clone()).collect();
    assert_eq!(effects, ["MERGED", "CREATED", "CREATED", "CREATED"]);
    assert_eq!(added[0]["before"]["version"], 1);
    assert_eq!(added[2]["item"], line("bread", json!([]), json!("the dark one"), true));

    let many = vec!["x"; 101].join(",");
    let variables = json!({ "id": home.id, "text": many });
    assert_eq!(owner.on(system.a()).refusal(document, variables).await, "BAD_USER_INPUT");
    let wrong = "results { effect } cursor userErrors { code field }";
    for (text, code, field) in [
        (many, "LIMIT", json!(["text"])),
        ("x,".repeat(30_000), "LIMIT", json!(["text"])),
        (" , ;\n".to_owned(), "TOO_SHORT", json!(["text"])),
        (format!("bread, {}", "x".repeat(101)), "TOO_LONG", json!(["text", "1", "name"])),
        ("0 eggs, ham".to_owned(), "INVALID", json!(["text", "0", "amounts", "quantity"])),
    ] {
        let input = json!({ "listId": list["id"], "text": text });
        let refused = owner.on(system.b()).mutate("addGroceryItems", input, wrong).await;
        let expected =
            json!({ "results": [], "cursor": null, "userErrors": [{ "code": code, "field": field }] });
        assert_eq!(refused, expected);
    }
    let input = json!({ "listId": list["id"], "text": "x,".repeat(100_000) });
    assert_eq!(owner.on(system.a()).error("addGroceryItems", input).await, "PAYLOAD_TOO_LARGE");
    assert_eq!(names(owner, system.a(), &list, json!({})).await, ["Milk", "flour", "bread", "7 up"]);
}

async fn several_lines_are_added_together_or_not_at_all(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let elsewhere = Home::new(&system, 1).await;
    let stranger = elsewhere.member(system.a(), elsewhere.owner()).await;
    let strange = super::make_category(&elsewhere, system.a(), "Dairy").await;
    let owner = home.owner().on(system.a());
    let list = make(&home, system.a(), json!({})).await;
    let before = home.cursor(system.b(), home.owner()).await;
    let lines = json!([
        { "name": "milk" },
        { "name": " " },
        { "name": "eggs", "amounts": [{ "quantity": 1 }, { "quantity": "1.2345", "unit": "KG" }] },
        { "name": "jam", "note": "x".repeat(501) },
        { "name": "ham", "assigneeId": stranger },
        { "name": "tea", "categoryId": strange },
    ]);
    let wrong = "results { effect } cursor userErrors { code field }";
    let input = json!({ "listId": list["id"], "lines": lines });
    let refused = owner.mutate("addGroceryItems", input, wrong).await;
    let error = |code: &str, field: &[&str]| json!({ "code": code, "field": field });
    let expected = [
        error("TOO_SHORT", &["lines", "1", "name"]),
        error("INVALID", &["lines", "2", "amounts", "quantity"]),
        error("TOO_LONG", &["lines", "3", "note"]),
        error("INVALID_REFERENCE", &["lines", "4", "assigneeId"]),
        error("INVALID_REFERENCE", &["lines", "5", "categoryId"]),
    ];
    assert_eq!(refused, json!({ "results": [], "cursor": null, "userErrors": expected }));
    for (input, error) in [
        (json!({ "lines": vec![json!({ "name": "milk" }); 101] }), error("LIMIT", &["lines"])),
        (json!({ "lines": [] }), error("TOO_SHORT", &["lines"])),
        (json!({}), error("INVALID", &["lines"])),
        (json!({ "lines": [{ "name": "milk" }], "text": "milk" }), error("INVALID", &["text"])),
    ] {
        let mut input = input;
        input["listId"] = list["id"].clone();
        assert_eq!(owner.mutate("addGroceryItems", input, wrong).await["userErrors"], json!([error]));
    }
    assert_eq!(home.cursor(system.b(), home.owner()).await, before);

    let lines = json!([{ "name": "milk" }, { "name": "eggs" }, { "name": "Milk" }]);
    let input = json!({ "listId": list["id"], "lines": lines, "clientMutationId": "three" });
    let selection = "results { effect item { id name } } cursor";
    let added = owner.done("addGroceryItems", input.clone(), selection).await;
    let effects: Vec<_> =
        added["results"].as_array().unwrap().iter().map(|result| result["effect"].clone()).collect();
    assert_eq!(effects, ["CREATED", "CREATED", "MERGED"]);
    assert_eq!(home.people[0].on(system.b()).done("addGroceryItems", input, selection).await, added);
    assert_eq!(names(&home.people[1], system.b(), &list, json!({})).await, ["milk", "eggs"]);
}
