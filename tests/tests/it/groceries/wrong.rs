//! What cannot be is said beside its field, and changes nothing.

use super::{add, make, make_category, make_store, names};
use roomm8_tests::{Deployment, Home, client, on_both};
use serde_json::{Value, json};

on_both!(
    what_cannot_be_is_said_beside_its_field_and_changes_nothing,
    what_is_no_such_value_is_refused_as_a_whole
);

async fn what_cannot_be_is_said_beside_its_field_and_changes_nothing(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let elsewhere = Home::new(&system, 1).await;
    let stranger = elsewhere.member(system.a(), elsewhere.owner()).await;
    let strange_store = make_store(&elsewhere, system.a(), "Lidl").await;
    let strange_category = make_category(&elsewhere, system.a(), "Dairy").await;
    let owner = home.owner();
    let list = make(&home, system.a(), json!({})).await;
    let item = add(owner, system.a(), &list, "milk").await;
    let dairy = make_category(&home, system.a(), "Dairy").await;
    let store = make_store(&home, system.a(), "Lidl").await;
    let before = home.cursor(system.a(), owner).await;

    let (list_id, item_id) = (&list["id"], &item["id"]);
    let line = |changes: Value| {
        let mut input = json!({ "listId": list_id, "name": "eggs" });
        input.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        ("addGroceryItem", input)
    };
    let amount = |quantity: Value| line(json!({ "amounts": [{ "quantity": quantity, "unit": "KG" }] }));
    let many: Vec<_> = (0..17).map(|_| json!({ "quantity": 1 })).collect();
    let quantity = json!(["amounts", "quantity"]);
    for ((what, input), field, code) in [
        (amount(json!(0)), quantity.clone(), "INVALID"),
        (amount(json!("-2")), quantity.clone(), "INVALID"),
        (amount(json!("1.0001")), quantity.clone(), "INVALID"),
        (amount(json!(0.0001)), quantity.clone(), "INVALID"),
        (amount(json!("1000000.1")), quantity.clone(), "LIMIT"),
        (amount(json!("9".repeat(28))), quantity.clone(), "LIMIT"),
        (line(json!({ "amounts": many })), json!(["amounts"]), "LIMIT"),
        (line(json!({ "name": " \u{200b} " })), json!(["name"]), "TOO_SHORT"),
        (line(json!({ "name": "x".repeat(5000) })), json!(["name"]), "TOO_LONG"),
        (line(json!({ "name": "a\u{0}b" })), json!(["name"]), "INVALID"),
        (line(json!({ "name": "a\nb" })), json!(["name"]), "INVALID"),
        (line(json!({ "note": "a\u{7}b" })), json!(["note"]), "INVALID"),
        (line(json!({ "note": "x".repeat(501) })), json!(["note"]), "TOO_LONG"),
        (line(json!({ "assigneeId": stranger })), json!(["assigneeId"]), "INVALID_REFERENCE"),
        (line(json!({ "assigneeId": home.id })), json!(["assigneeId"]), "INVALID_REFERENCE"),
        (line(json!({ "categoryId": strange_category })), json!(["categoryId"]), "INVALID_REFERENCE"),
        (line(json!({ "categoryId": "nonsense" })), json!(["categoryId"]), "INVALID_REFERENCE"),
        (
            ("createGroceryList", json!({ "householdId": home.id, "name": "x", "storeId": strange_store })),
            json!(["storeId"]),
            "INVALID_REFERENCE",
        ),
        (("updateGroceryList", json!({ "listId": list_id, "name": "" })), json!(["name"]), "TOO_SHORT"),
        (
            ("updateGroceryItem", json!({ "itemId": item_id, "amounts": [{ "quantity": 0 }] })),
            quantity.clone(),
            "INVALID",
        ),
        (
            ("moveGroceryItem", json!({ "itemId": item_id, "afterId": list_id })),
            json!(["afterId"]),
            "INVALID_REFERENCE",
        ),
        (
            ("updateGroceryCategory", json!({ "categoryId": dairy, "afterId": strange_category })),
            json!(["afterId"]),
            "INVALID_REFERENCE",
        ),
        (
            ("orderGrocerySections", json!({ "storeId": store, "categoryIds": [dairy, dairy] })),
            json!(["categoryIds"]),
            "INVALID",
        ),
        (
            (
                "hideGrocerySection",
                json!({ "storeId": store, "categoryId": strange_category, "isHidden": true }),
            ),
            json!(["categoryId"]),
            "INVALID_REFERENCE",
        ),
        (
            ("finishGroceryTrip", json!({ "listId": list_id, "storeId": strange_store })),
            json!(["storeId"]),
            "INVALID_REFERENCE",
        ),
    ] {
        let selection = "cursor userErrors { code field message }";
        let payload = owner.on(system.b()).mutate(what, input.clone(), selection).await;
        let error = &payload["userErrors"][0];
        assert_eq!((&error["field"], &error["code"]), (&field, &json!(code)), "{what} {input}: {payload}");
        assert_eq!(payload["cursor"], Value::Null);
    }
    assert_eq!(home.cursor(system.a(), owner).await, before, "something was changed");
    assert_eq!(names(owner, system.b(), &list, json!({})).await, ["milk"]);
}

async fn what_is_no_such_value_is_refused_as_a_whole(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let elsewhere = Home::new(&system, 1).await;
    let foreign = make(&elsewhere, system.a(), json!({})).await;
    let owner = home.owner();
    let list = make(&home, system.a(), json!({})).await;
    let before = home.cursor(system.a(), owner).await;
    let document = client::mutation("addGroceryItem", "cursor");
    let with = |amount: Value| json!({ "listId": list["id"], "name": "eggs", "amounts": [amount] });
    for (input, code) in [
        (with(json!({ "quantity": "9".repeat(40) })), "BAD_USER_INPUT"),
        (with(json!({ "quantity": "a dozen" })), "BAD_USER_INPUT"),
        (with(json!({ "quantity": "1,5" })), "BAD_USER_INPUT"),
        (with(json!({ "quantity": 1e300 })), "BAD_USER_INPUT"),
        (with(json!({ "quantity": null })), "BAD_USER_INPUT"),
        (with(json!({ "quantity": true })), "BAD_USER_INPUT"),
        (with(json!({ "quantity": 1, "unit": "FURLONG" })), "BAD_USER_INPUT"),
        (json!({ "listId": foreign["id"], "name": "eggs" }), "NOT_FOUND"),
        (json!({ "listId": home.id, "name": "eggs" }), "NOT_FOUND"),
    ] {
        let refused = owner.on(system.b()).refusal(&document, json!({ "input": input })).await;
        assert_eq!(refused, code, "{input}");
    }
    let suggestions =
        "query($id: ID!, $first: Int!) { groceryList(id: $id) { suggestions(first: $first) { reason } } }";
    for first in [0, -1, 51] {
        let variables = json!({ "id": list["id"], "first": first });
        assert_eq!(owner.on(system.b()).refusal(suggestions, variables).await, "BAD_USER_INPUT");
    }
    assert_eq!(home.cursor(system.a(), owner).await, before);
}
