//! Lists that are written at once say what the ordinary way says, byte by byte, to whatever is asked of them.

use crate::Schema;
use crate::testing::{Person, System, text};
use async_graphql::{Response, Value as Told};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Documents that are compared, one a seed.
const DOCUMENTS: u64 = 400;

/// What is asked of each type: fields, and the type of those that have fields of their own. Not all of it is what rows write.
const FIELDS: [(&str, &[(&str, &str)]); 21] = [
    (
        "Household",
        &[
            ("id", ""),
            ("members(first: 10, includeFormer: true)", "Members"),
            ("tasks", "Tasks"),
            ("occurrences", "Occurrences"),
            ("groceryLists", "Lists"),
            ("generalConversation", "Conversation"),
        ],
    ),
    ("Members", &[("nodes", "Member"), ("edges", "MemberEdge"), ("pageInfo", "Page")]),
    ("Tasks", &[("nodes", "Task"), ("edges", "TaskEdge"), ("pageInfo", "Page")]),
    ("Occurrences", &[("nodes", "Occurrence"), ("edges", "OccurrenceEdge"), ("pageInfo", "Page")]),
    ("Lists", &[("nodes", "List"), ("edges", "ListEdge")]),
    ("Items", &[("nodes", "Item"), ("edges", "ItemEdge"), ("pageInfo", "Page")]),
    ("Messages", &[("nodes", "Message"), ("edges", "MessageEdge"), ("pageInfo", "Page")]),
    ("MemberEdge", &[("cursor", ""), ("node", "Member")]),
    ("TaskEdge", &[("cursor", ""), ("node", "Task")]),
    ("OccurrenceEdge", &[("cursor", ""), ("node", "Occurrence")]),
    ("ListEdge", &[("cursor", ""), ("node", "List")]),
    ("ItemEdge", &[("cursor", ""), ("node", "Item")]),
    ("MessageEdge", &[("cursor", ""), ("node", "Message")]),
    ("Page", &[("hasNextPage", ""), ("endCursor", "")]),
    ("Conversation", &[("id", ""), ("messages(last: 20)", "Messages")]),
    ("List", &[("name", ""), ("items", "Items")]),
    (
        "Member",
        &[
            ("id", ""),
            ("displayName", ""),
            ("role", ""),
            ("status", ""),
            ("joinedAt", ""),
            ("endedAt", ""),
            ("version", ""),
            ("user { displayName }", ""),
        ],
    ),
    (
        "Task",
        &[
            ("id", ""),
            ("title", ""),
            ("notes", ""),
            ("weight", ""),
            ("startDate", ""),
            ("dueTime", ""),
            ("timeZone", ""),
            ("rule", ""),
            ("overflow", ""),
            ("mode", ""),
            ("strategy", ""),
            ("turnLength", ""),
            ("help", ""),
            ("missedPolicy", ""),
            ("labels", ""),
            ("requiresApproval", ""),
            ("opensBeforeMinutes", ""),
            ("createdAt", ""),
            ("archivedAt", ""),
            ("version", ""),
            ("openOccurrences", "Occurrence"),
            ("createdBy { id }", ""),
        ],
    ),
    (
        "Occurrence",
        &[
            ("id", ""),
            ("number", ""),
            ("plannedDate", ""),
            ("dueDate", ""),
            ("dueTime", ""),
            ("dueAt", ""),
            ("status", ""),
            ("doneAt", ""),
            ("closedAt", ""),
            ("weight", ""),
            ("note", ""),
            ("reviewedAt", ""),
            ("reviewNote", ""),
            ("version", ""),
            ("assignee", "Member"),
            ("ownedBy", "Member"),
            ("doneBy", "Member"),
            ("closedBy", "Member"),
            ("reviewedBy", "Member"),
            ("task { title }", ""),
        ],
    ),
    (
        "Item",
        &[
            ("id", ""),
            ("name", ""),
            ("amounts { unit quantity }", ""),
            ("amounts { user: unit }", ""),
            ("note", ""),
            ("isUrgent", ""),
            ("state", ""),
            ("isListed", ""),
            ("rank", ""),
            ("addedAt", ""),
            ("createdAt", ""),
            ("stateAt", ""),
            ("version", ""),
            ("assignee", "Member"),
            ("addedBy", "Member"),
            ("stateBy", "Member"),
            ("category { name }", ""),
            ("category(storeId: \"none\") { name }", ""),
        ],
    ),
    (
        "Message",
        &[
            ("id", ""),
            ("kind", ""),
            ("body", ""),
            ("createdAt", ""),
            ("editedAt", ""),
            ("deletedAt", ""),
            ("version", ""),
            ("clientMutationId", ""),
            ("author", "Member"),
            ("cursor", ""),
            ("reactions { emoji }", ""),
        ],
    ),
];

/// A selection of fields of this type.
fn selection(rng: &mut StdRng, ty: &str) -> String {
    let (_, fields) = FIELDS.iter().find(|(name, _)| *name == ty).unwrap();
    let mut text = "{".to_owned();
    for key in 0..rng.random_range(1..=5) {
        let (field, child) = fields.choose(rng).unwrap();
        let child = if child.is_empty() { String::new() } else { selection(rng, child) };
        match rng.random_range(0..40) {
            0 => write!(text, " __typename"),
            1 => write!(text, " ... {{ f{key}: {field}{child} }}"),
            2 => write!(text, " f{key}: {field} @include(if: {}) {child}", rng.random_bool(0.5)),
            3 => write!(text, " f{key}: {field}{child} f{key}: {field}{child}"),
            4 if field.starts_with(|first: char| first.is_alphabetic()) && child.is_empty() => {
                write!(text, " f{key}: {field} ...Type f{key}_: __typename")
            }
            _ => write!(text, " f{key}: {field}{child}"),
        }
        .unwrap();
    }
    text.push_str(" }");
    text
}

/// Whether some of it was written at once.
fn is_written(value: &Told) -> bool {
    match value {
        Told::Binary(_) => true,
        Told::List(items) => items.iter().any(is_written),
        Told::Object(fields) => fields.values().any(is_written),
        _ => false,
    }
}

/// A household in which something has happened.
async fn furnish(ada: &Person<'_>) -> Value {
    let household = ada.founds().await;
    let ben = Person::new(ada.system, "Ben").await;
    let invitation = ada.invites(&household, json!({ "role": "MEMBER" })).await;
    let ben_id = ben.joins(&invitation).await["member"]["id"].clone();
    let document =
        "query($id: ID!) { household(id: $id) { viewerMember { id } generalConversation { id } } }";
    let (shown, _) = ada.asks(document, json!({ "id": household })).await;
    let ada_id = &shown["household"]["viewerMember"]["id"];
    let conversation = &shown["household"]["generalConversation"]["id"];
    for (who, body) in
        [(ada, "Who has \"the\" key?\n\t\u{1f511}"), (&ben, "\u{2028} me \\ <b>"), (ada, "gone")]
    {
        let input = json!({ "conversationId": conversation, "body": body, "clientMutationId": body.len().to_string() });
        let sent = who.does("sendMessage", input, "message { id } userErrors { code }").await;
        if body == "gone" {
            who.does("deleteMessage", json!({ "messageId": sent["message"]["id"] }), "userErrors { code }")
                .await;
        }
    }
    for (title, strategy, schedule) in [
        (
            "Dishes",
            "ROUND_ROBIN",
            json!({ "rule": "FREQ=DAILY", "startDate": "2026-01-01", "time": "18:30" }),
        ),
        ("Windows", "EVERYONE", json!({ "rule": "FREQ=MONTHLY;BYDAY=5FR", "startDate": "2026-01-30" })),
        ("Cellar", "ANYONE", Value::Null),
    ] {
        let input = json!({ "householdId": household, "title": title, "notes": "“both” sides", "strategy": strategy,
            "schedule": schedule, "roster": [ada_id, ben_id], "labels": ["kitchen", "é"], "weight": 5 });
        let selection = "task { openOccurrences { id } } userErrors { code field message }";
        let made = ada.does("createTask", input, selection).await;
        let occurrence = &made["task"]["openOccurrences"][0]["id"];
        assert!(occurrence.is_string(), "{made}");
        if title != "Cellar" {
            let input = json!({ "occurrenceId": occurrence, "note": "done" });
            ada.does("completeOccurrence", input, "userErrors { code }").await;
        }
    }
    let input = json!({ "householdId": household, "name": "Market" });
    let list =
        ada.does("createGroceryList", input, "groceryList: list { id }").await["groceryList"]["id"].clone();
    let lines = json!([
        { "name": "Milk", "amounts": [{ "quantity": "1.5", "unit": "L" }, { "quantity": "2" }], "assigneeId": ben_id },
        { "name": "Crème \"fraîche\"", "note": "the small one", "isUrgent": true },
    ]);
    let added = ada
        .does(
            "addGroceryItems",
            json!({ "listId": list, "lines": lines }),
            "results { item { id } } userErrors { code }",
        )
        .await;
    let input = json!({ "itemId": added["results"][0]["item"]["id"], "state": "BOUGHT" });
    ben.does("setGroceryItemState", input, "userErrors { code }").await;
    ben.does("leaveHousehold", json!({ "householdId": household }), "userErrors { code }").await;
    household
}

/// The data, and the errors, whose order says nothing.
fn told(response: &Response) -> (String, Vec<String>) {
    let mut errors: Vec<_> = response.errors.iter().map(|error| json!(error).to_string()).collect();
    errors.sort();
    (text(&response.data), errors)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_at_once_is_what_the_ordinary_way_says() {
    let system = System::new().await;
    let ada = Person::new(&system, "Ada").await;
    let household = furnish(&ada).await;
    let (at_once, ordinary) = (Schema::new(), Schema::ordinary());
    let (mut written, mut failed) = (0, 0);
    for seed in 0..DOCUMENTS {
        let fields = selection(&mut StdRng::seed_from_u64(seed), "Household");
        let document = format!(
            "query($id: ID!) {{ household(id: $id) {fields} }} fragment Type on Node {{ type: __typename }}"
        );
        let variables = json!({ "id": household });
        let fast = system.response(&at_once, Some(&ada.token), &document, variables.clone()).await;
        let slow = system.response(&ordinary, Some(&ada.token), &document, variables).await;
        assert!(!is_written(&slow.data), "this schema writes nothing at once");
        assert_eq!(told(&fast), told(&slow), "seed {seed}: {document}");
        written += u64::from(is_written(&fast.data));
        failed += usize::from(!fast.errors.is_empty());
    }
    assert!(written > DOCUMENTS / 4, "{written} of {DOCUMENTS} had something written at once");
    assert!(failed > 0, "some have errors");
}
