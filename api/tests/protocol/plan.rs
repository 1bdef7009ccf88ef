//! What is executed of a document, seen from outside: the rules of the specification that async-graphql leaves out.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::server::Server;

async fn ask(server: &Server, query: &str, variables: Value) -> Value {
    let body = json!({ "query": query, "variables": variables });
    server.post("application/graphql-response+json", &body).await.json()
}

#[tokio::test]
async fn a_mutation_selected_twice_runs_once() {
    let server = Server::start();
    let twice = "mutation { touch ...F ... on Mutation { touch } } fragment F on Mutation { touch }";
    assert_eq!(ask(&server, twice, json!({})).await, json!({ "data": { "touch": "y" } }));
    assert_eq!(server.stub.seen.touched.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn nothing_runs_until_all_variables_are_read() {
    let server = Server::start();
    let query = "mutation($v: Int!) { touch touchSlowly(milliseconds: $v) }";
    for variables in [json!({}), json!({ "v": null }), json!({ "v": "1" }), json!({ "v": 3_000_000_000_u32 })]
    {
        let answer = ask(&server, query, variables).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
        assert_eq!(answer.get("data"), None);
    }
    assert_eq!(server.stub.seen.touched.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn fields_that_cannot_be_merged_are_refused_at_any_depth() {
    let server = Server::start();
    let conflict = "{ me { me { x: hello } } me { ...F } } fragment F on Query { me { x: caller } }";
    let answer = ask(&server, conflict, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED", "{answer}");
    let fine = "{ me { me { x: hello } } me { ...F } } fragment F on Query { me { x: hello y: caller } }";
    let merged = json!({ "data": { "me": { "me": { "x": "world", "y": null } } } });
    assert_eq!(ask(&server, fine, json!({})).await, merged);
}

#[tokio::test]
async fn what_is_left_out_is_not_read_and_is_still_validated() {
    let server = Server::start();
    let query = "query($no: Boolean!) { hello fails @skip(if: $no) caller @include(if: $no) }";
    let answer = ask(&server, query, json!({ "no": true })).await;
    assert_eq!(answer, json!({ "data": { "hello": "world", "caller": null } }));
    let unknown = ask(&server, "{ hello @skip(if: true) nothing @skip(if: true) }", json!({})).await;
    assert_eq!(unknown["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
}

#[tokio::test]
async fn an_absent_variable_leaves_the_default_of_its_argument() {
    let server = Server::start();
    let query = "query($bytes: Int) { large(bytes: $bytes) }";
    assert_eq!(ask(&server, query, json!({})).await["data"]["large"], "xxx");
    assert_eq!(ask(&server, query, json!({ "bytes": 1 })).await["data"]["large"], "x");
}

#[tokio::test]
async fn a_subscription_has_one_root_field() {
    let server = Server::start();
    let mut socket = server.socket().await;
    for query in [
        "subscription { count(to: 1) never }",
        "subscription { ...F } fragment F on Subscriptions { count(to: 1) ... on Subscriptions { never } }",
    ] {
        socket.subscribe("1", query).await;
        let refused = socket.hear().await;
        assert_eq!(refused["type"], "error", "{refused}");
        assert_eq!(refused["payload"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
    }
}

#[tokio::test]
async fn a_refusal_suggests_nothing_of_the_schema() {
    let server = Server::start();
    // Each misspelt, and what it was meant to be.
    for (query, meant) in [
        ("{ me }", "hello"),
        ("{ helo }", "hello"),
        ("{ hello { x } }", "me"),
        ("{ large(byte: 1) }", "bytes"),
        ("{ lab { mood(v: HAPY) } }", "HAPPY"),
        ("{ lab { unpacked(v: { label: \"x\", cuont: 1 }) } }", "count"),
        ("{ hello @skp(if: true) }", "skip"),
        ("{ ... on Qery { hello } }", "Query"),
        ("query($v: Sring) { echo(text: $v) }", "String"),
        ("{ __schma { types { name } } }", "__schema"),
    ] {
        let answer = ask(&server, query, json!({})).await;
        let message = answer["errors"][0]["message"].as_str().unwrap_or_else(|| panic!("{query}: {answer}"));
        let words: Vec<_> = message.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        assert!(!message.contains("Did you mean") && !words.contains(&meant), "{query}: {message}");
    }
    let misspelt = ask(&server, "query($v: Mood) { lab { mood(v: $v) } }", json!({ "v": "HAPY" })).await;
    assert!(misspelt["errors"].is_array() && !misspelt.to_string().contains("HAPPY"), "{misspelt}");
}

#[tokio::test]
async fn a_block_string_says_what_the_specification_says() {
    let server = Server::start();
    for (literal, expected) in [
        (r#""""three \""" quotes""""#, r#"three """ quotes"#),
        ("\"\"\"\n    far\n\n  \n      further\n    \"\"\"", "far\n\n\n  further"),
    ] {
        let direct = format!("{{ echo(text: {literal}) }}");
        assert_eq!(ask(&server, &direct, json!({})).await, json!({ "data": { "echo": expected } }));
        let inside = format!(
            "{{ lab {{ ... {{ ...F }} }} }} fragment F on Lab {{ unpacked(v: {{ label: \"a\", inner: {{ label: {literal} }} }}) }}"
        );
        let unpacked = format!("3 a none (3 {expected} none (nothing))");
        assert_eq!(
            ask(&server, &inside, json!({})).await,
            json!({ "data": { "lab": { "unpacked": unpacked } } })
        );
    }
}
