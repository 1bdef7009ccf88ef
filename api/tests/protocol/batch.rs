use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use roomm8_api::protocol::Settings;
use serde_json::{Value, json};

use crate::server::{Server, code};

const RESPONSE: &str = "application/graphql-response+json";

fn batching() -> Server {
    Server::set(Settings { batch: 3, ..Settings::default() })
}

fn batch(queries: &[&str]) -> Value {
    queries.iter().map(|query| json!({ "query": query })).collect()
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_operations() {
    let server = batching();
    let reply = server.post(RESPONSE, &batch(&["{ slow(milliseconds: 50) }", "{ hello }"])).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, r#"[{"data":{"slow":"x"}},{"data":{"hello":"world"}}]"#);
    assert_eq!(reply.header("content-type"), Some("application/graphql-response+json; charset=utf-8"));
    assert_eq!(
        server.post("application/json", &batch(&["{ hello }"])).await.json()[0]["data"]["hello"],
        "world"
    );
    assert_eq!(server.query("{ hello }").await.body, r#"{"data":{"hello":"world"}}"#);
}

#[tokio::test]
async fn queries_run_at_once() {
    let server = batching();
    let slow = "{ slow(milliseconds: 400) }";
    let started = Instant::now();
    server.post(RESPONSE, &batch(&[slow, slow, slow])).await;
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn with_a_mutation_they_run_in_turn() {
    let server = batching();
    let started = Instant::now();
    let touch = "mutation { touchSlowly(milliseconds: 100) }";
    let reply = server.post(RESPONSE, &batch(&[touch, "{ slow(milliseconds: 100) }", touch])).await;
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(
        reply.body,
        r#"[{"data":{"touchSlowly":"y"}},{"data":{"slow":"x"}},{"data":{"touchSlowly":"y"}}]"#
    );
    assert_eq!(server.stub.seen.touched.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn each_operation_fails_by_itself() {
    let server = batching();
    let reply =
        server.post(RESPONSE, &batch(&["{ hello", "subscription { never }", "mutation { touch }"])).await;
    assert_eq!(reply.status, 200);
    let answers = reply.json();
    assert_eq!(code(&answers[0]["errors"][0]), "GRAPHQL_PARSE_FAILED");
    assert_eq!(code(&answers[1]["errors"][0]), "SUBSCRIPTION_NEEDS_SOCKET");
    assert_eq!(answers[2], json!({ "data": { "touch": "y" } }));

    let answers = server.post(RESPONSE, &batch(&["{ nothing }", "{ panics }", "{ hello }"])).await.json();
    assert_eq!(code(&answers[0]["errors"][0]), "GRAPHQL_VALIDATION_FAILED");
    assert_eq!(code(&answers[1]["errors"][0]), "INTERNAL");
    assert_eq!(answers[2], json!({ "data": { "hello": "world" } }));
}

#[tokio::test]
async fn its_caller_is_one() {
    let server = batching();
    let body = batch(&["{ caller }", "{ caller }"]).to_string();
    let post = async |authorization| {
        let headers = [("content-type", "application/json"), ("authorization", authorization)];
        server.send("POST", "/graphql", &headers, &body).await
    };
    assert_eq!(post("Bearer abc").await.body, r#"[{"data":{"caller":"abc"}},{"data":{"caller":"abc"}}]"#);
    let reply = post("Bearer definitely.not.valid").await;
    assert_eq!((reply.status, reply.code()), (401, "UNAUTHENTICATED".into()));
}

#[tokio::test]
async fn what_is_no_batch_is_refused_whole() {
    let server = batching();
    for (body, says) in [
        ("[]", "empty"),
        ("[{\"query\":\"{hello}\"}", "not JSON"),
        (r#"[{"query":"{hello}"},7]"#, "entry 1: the parameters are not well-formed"),
        (r#"[{"query":"{hello}"},{}]"#, "entry 1: the parameters are not well-formed"),
        (r#"[[{"query":"{hello}"}]]"#, "entry 0 is a batch itself"),
        (r#"["{hello}"]"#, "entry 0: the parameters are not well-formed"),
        ("[1,2,3,4]", "operations in the batch: 4, and 3 is the limit"),
    ] {
        let reply = server.send("POST", "/graphql", &[("content-type", "application/json")], body).await;
        assert_eq!((reply.status, reply.code()), (400, "BAD_REQUEST".into()), "{body}");
        let message = reply.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(says), "{message}");
    }
}

#[tokio::test]
async fn the_answers_have_one_limit_together() {
    let server = Server::set(Settings { batch: 3, response_bytes: 1_000, ..Settings::default() });
    let large = "{ large(bytes: 600) }";
    let answers = server.post(RESPONSE, &batch(&[large, large, "{ hello }"])).await.json();
    assert_eq!(answers[0]["data"]["large"].as_str().unwrap().len(), 600);
    assert_eq!(code(&answers[1]["errors"][0]), "RESPONSE_TOO_LARGE");
    assert_eq!(answers[2]["data"]["hello"], "world");
}

#[tokio::test]
async fn nothing_begins_after_the_deadline() {
    let server = Server::set(Settings {
        batch: 3,
        operation_deadline: Duration::from_millis(300),
        ..Settings::default()
    });
    let slow = "mutation { touchSlowly(milliseconds: 200) }";
    let answers = server.post(RESPONSE, &batch(&[slow, slow, slow])).await.json();
    assert_eq!(answers[1]["data"]["touchSlowly"], "y");
    assert_eq!(code(&answers[2]["errors"][0]), "DEADLINE_EXCEEDED");
    assert_eq!(server.stub.seen.touched.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_batch_may_name_documents() {
    let server = batching();
    let hash = "001c3174e099bd72b729d0c0a529ba9f5a740c446e2a6e1d71b283cb84ec3065";
    let named = json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } });
    let mut sent = named.clone();
    sent["query"] = "{ hello }".into();
    let answers = server.post(RESPONSE, &json!([named, sent, named])).await.json();
    assert_eq!(code(&answers[0]["errors"][0]), "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(answers[1], json!({ "data": { "hello": "world" } }));
    assert_eq!(answers[2], answers[1]);
}
