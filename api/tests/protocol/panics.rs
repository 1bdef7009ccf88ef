use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::server::{Server, code};

/// The data and the paths of the errors, of which each is masked.
async fn asked(server: &Server, query: &str) -> (Value, Vec<Value>) {
    let reply = server.query(query).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(!reply.body.contains("a resolver that panics"), "{}", reply.body);
    let answer = reply.json();
    let errors = answer["errors"].as_array().unwrap();
    for error in errors {
        assert_eq!(code(error), "INTERNAL");
        assert!(
            error["extensions"]["requestId"].is_string() && error["locations"][0]["line"] == 1,
            "{error}"
        );
    }
    (answer["data"].clone(), errors.iter().map(|error| error["path"].clone()).collect())
}

#[tokio::test]
async fn a_field_that_panics_fails_alone() {
    let server = Server::start();
    let (data, paths) = asked(&server, "{ hello traps { safe maybe late } again: hello }").await;
    let traps = json!({ "safe": 7, "maybe": null, "late": null });
    assert_eq!(data, json!({ "hello": "world", "traps": traps, "again": "world" }));
    assert_eq!(paths, [json!(["traps", "maybe"]), json!(["traps", "late"])]);
    assert_eq!(server.sample("operation_panics_total", None), 1);
    assert_eq!(server.sample("operations_total", Some("partial")), 1);
}

#[tokio::test]
async fn one_that_must_not_be_null_takes_what_it_is_part_of_along() {
    let server = Server::start();
    let (data, paths) = asked(&server, "{ hello traps { sure safe } }").await;
    assert_eq!(data, json!({ "hello": "world", "traps": null }));
    assert_eq!(paths, [json!(["traps", "sure"])]);
    let (data, paths) = asked(&server, "{ hello panics }").await;
    assert_eq!((data, paths), (Value::Null, vec![json!(["panics"])]));
}

#[tokio::test]
async fn in_a_list_it_is_known_which() {
    let server = Server::start();
    let (data, paths) = asked(&server, "{ traps { safe all { number } any { number } } }").await;
    let any = json!([null, { "number": 0 }, null]);
    assert_eq!(data, json!({ "traps": { "safe": 7, "all": null, "any": any } }));
    assert_eq!(paths, [json!(["traps", "all", 1, "number"]), json!(["traps", "any", 0, "number"])]);
}

#[tokio::test]
async fn variables_and_names_are_those_of_the_first_run() {
    let server = Server::start();
    let query = "query A { hello } query B($text: String!) { echo(text: $text) traps { maybe } }";
    let body = json!({ "query": query, "operationName": "B", "variables": { "text": "hi" } });
    let reply = server.post("application/graphql-response+json", &body).await;
    assert_eq!(reply.json()["data"], json!({ "echo": "hi", "traps": { "maybe": null } }));
}

#[tokio::test]
async fn what_changes_something_is_not_done_twice() {
    let server = Server::start();
    let reply = server.query("mutation { touch touchAndPanic }").await;
    assert_eq!((reply.status, reply.code()), (500, "INTERNAL".into()));
    assert_eq!(server.stub.seen.touched.load(Ordering::SeqCst), 2);
    assert_eq!(server.sample("operation_panics_total", None), 1);
}
