//! Who may ask for the schema, whatever the question comes in by.

use roomm8_api::protocol::Settings;
use serde_json::{Value, json};

use crate::server::{Reply, Server};

const ASKING: [&str; 5] = [
    "{ __schema { types { name } } }",
    "{ hello __type(name: \"Query\") { name } }",
    "{ innocent: __type(name: \"Query\") { name } }",
    "{ ...F } fragment F on Query { ... on Query { __schema { queryType { name } } } }",
    "query($yes: Boolean!) { ... @include(if: $yes) { __schema { queryType { name } } } }",
];

async fn post(server: &Server, token: &str, accept: &str, body: &Value) -> Reply {
    let authorization = format!("Bearer {token}");
    let headers =
        [("content-type", "application/json"), ("accept", accept), ("authorization", authorization.as_str())];
    server.send("POST", "/graphql", &headers, &body.to_string()).await
}

fn body(query: &str) -> Value {
    let variables = if query.contains("$yes") { json!({ "yes": true }) } else { json!({}) };
    json!({ "query": query, "variables": variables })
}

#[tokio::test]
async fn a_stranger_is_not_told_the_schema() {
    let server = Server::start();
    for query in ASKING {
        for accept in ["application/graphql-response+json", "application/json"] {
            let refused = post(&server, "stranger", accept, &body(query)).await;
            assert_eq!((refused.status, refused.code().as_str()), (403, "INTROSPECTION_OFF"), "{query}");
            let answer = refused.json();
            assert_eq!(answer["errors"][0]["message"], "ask for the schema elsewhere");
            assert_eq!(answer.get("data"), None, "{query}");
            let told = post(&server, "friend", accept, &body(query)).await.json();
            assert!(told["data"].is_object() && told.get("errors").is_none(), "{query}: {told}");
        }
        let streamed = post(&server, "stranger", "text/event-stream", &body(query)).await;
        assert!(streamed.body.contains("INTROSPECTION_OFF") && !streamed.body.contains("data\":"), "{query}");
    }
}

#[tokio::test]
async fn what_says_nothing_of_the_schema_is_for_strangers_too() {
    let server = Server::start();
    for query in [
        "{ __typename }",
        "{ hello me { __typename } }",
        "mutation { __typename touch }",
        "query($yes: Boolean!) { hello __schema @skip(if: $yes) { queryType { name } } }",
        "query A { hello } query B { __schema { queryType { name } } }",
    ] {
        let mut body = body(query);
        if query.contains("query A") {
            body["operationName"] = json!("A");
        }
        let answer = post(&server, "stranger", "application/json", &body).await.json();
        assert!(answer.get("errors").is_none(), "{query}: {answer}");
    }
}

#[tokio::test]
async fn only_a_root_tells_the_schema() {
    let server = Server::start();
    let below = body("{ me { __schema { queryType { name } } } }");
    let answer = post(&server, "stranger", "application/json", &below).await.json();
    assert!(!answer.to_string().contains("\"Query\""), "{answer}");
}

#[tokio::test]
async fn a_batch_fails_only_where_it_asks() {
    let server = Server::set(Settings { batch: 2, ..Settings::default() });
    let batch = json!([body("{ hello }"), body(ASKING[0])]);
    let answer = post(&server, "stranger", "application/json", &batch).await.json();
    assert_eq!(answer[0]["data"]["hello"], "world");
    assert_eq!(answer[1]["errors"][0]["extensions"]["code"], "INTROSPECTION_OFF");
}

#[tokio::test]
async fn a_strangers_socket_is_not_told_either_and_goes_on() {
    let server = Server::start();
    let mut socket = server.open().await;
    socket.say(&json!({ "type": "connection_init", "payload": { "token": "stranger" } })).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    for query in ASKING {
        socket.say(&json!({ "id": "1", "type": "subscribe", "payload": body(query) })).await;
        let refused = socket.hear().await;
        assert_eq!(refused["type"], "error", "{query}: {refused}");
        assert_eq!(refused["payload"][0]["extensions"]["code"], "INTROSPECTION_OFF");
    }
    socket.subscribe("2", "{ hello __typename }").await;
    assert_eq!(socket.hear().await["payload"]["data"], json!({ "hello": "world", "__typename": "Query" }));
    assert_eq!(socket.hear().await["type"], "complete");
    socket.subscribe("3", "subscription { __schema { queryType { name } } }").await;
    assert_eq!(socket.hear().await["payload"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
}
