use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use roomm8_api::protocol::documents::{Manifest, Shelf, Trust};
use roomm8_api::protocol::{Persisted, Settings, Shared, Shutdown, Stats, router};
use serde_json::{Value, json};

use crate::server::{Reply, Server, code};
use crate::stub::Stub;

const RESPONSE: &str = "application/graphql-response+json";
/// The SHA-256 of `{ hello }`.
const HELLO: &str = "001c3174e099bd72b729d0c0a529ba9f5a740c446e2a6e1d71b283cb84ec3065";
/// Of `mutation { touch }`.
const TOUCH: &str = "c38ec8e1ebab5561c7e1f9c55abd8c6af041c082aaa18c5d44e553513f23e71d";
/// Of `{ hello`, which is no document.
const BROKEN: &str = "68824a8c228d810dac21d9b245e44fc7752788f3b6d4b70f4f9e36ecad76b4c2";
/// Of `subscription { count(to: 1) }`.
const COUNT: &str = "e7096164bec5ab3d1b5da6dab7647bf16a4651d4c98d129211eaf7d16b12fb9a";

fn hashed(hash: &str) -> Value {
    json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } })
}

fn with_text(hash: &str, query: &str) -> Value {
    let mut body = hashed(hash);
    body["query"] = query.into();
    body
}

async fn get(server: &Server, hash: &str) -> Reply {
    get_unless(server, hash, "").await
}

async fn get_unless(server: &Server, hash: &str, tag: &str) -> Reply {
    let target = format!(
        "/graphql?extensions=%7B%22persistedQuery%22%3A%7B%22version%22%3A1%2C%22sha256Hash%22%3A%22{hash}%22%7D%7D"
    );
    server.send("GET", &target, &[("accept", RESPONSE), ("if-none-match", tag)], "").await
}

async fn refusal(server: &Server, body: &Value) -> String {
    let reply = server.post(RESPONSE, body).await;
    assert_eq!(reply.status, 400, "{body}");
    reply.code()
}

fn trusting(trust: fn(Arc<Manifest>) -> Trust) -> Server {
    let manifest = json!({
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": [
            { "id": "hello", "name": "", "type": "query", "body": "{ hello }" },
            { "id": "count", "name": "", "type": "subscription", "body": "subscription { count(to: 1) }" },
            { "id": "echo", "name": "E", "type": "query", "body": "query E($t: String!) { echo(text: $t) }" },
        ],
    });
    let manifest = Manifest::read(&manifest.to_string()).unwrap();
    Server::set(Settings { trust: trust(Arc::new(manifest)), ..Settings::default() })
}

#[tokio::test]
async fn a_hash_is_enough_once_the_text_was_sent_with_it() {
    let server = Server::start();
    let reply = server.post(RESPONSE, &hashed(HELLO)).await;
    assert_eq!((reply.status, reply.code()), (400, "PERSISTED_QUERY_NOT_FOUND".into()));
    assert_eq!(reply.json()["errors"][0]["message"], "PersistedQueryNotFound");
    // Who wants plain JSON sees 200, as for all that is wrong with a document.
    let reply = server.post("application/json", &hashed(HELLO)).await;
    assert_eq!((reply.status, reply.code()), (200, "PERSISTED_QUERY_NOT_FOUND".into()));

    let answer = r#"{"data":{"hello":"world"}}"#;
    assert_eq!(server.post(RESPONSE, &with_text(HELLO, "{ hello }")).await.body, answer);
    assert_eq!(server.post(RESPONSE, &hashed(HELLO)).await.body, answer);
    assert_eq!(server.post(RESPONSE, &with_text(HELLO, "")).await.body, answer);
    assert_eq!(server.post(RESPONSE, &hashed(&HELLO.to_uppercase())).await.body, answer);
    assert_eq!(get(&server, HELLO).await.body, answer);
    for (source, count) in [("missing", 2), ("registered", 1), ("persisted", 4), ("trusted", 0)] {
        assert_eq!(server.sample("documents_total", Some(source)), count, "{source}");
    }
}

#[tokio::test]
async fn a_get_by_hash_is_for_the_clients_own_cache() {
    let server = Server::start();
    // Nothing is to be kept of a refusal.
    let missing = get(&server, HELLO).await;
    assert_eq!((missing.header("cache-control"), missing.header("etag")), (Some("no-store"), None));
    server.post(RESPONSE, &with_text(HELLO, "{ hello }")).await;
    let whole = get(&server, HELLO).await;
    let tag = whole.header("etag").unwrap();
    let kept = get_unless(&server, HELLO, tag).await;
    assert_eq!((kept.status, kept.body.as_str()), (304, ""));
    for reply in [&whole, &kept] {
        assert_eq!(reply.header("cache-control"), Some("private, no-cache"));
        assert_eq!(reply.header("vary"), Some("accept, authorization, origin"));
        assert_eq!(reply.header("etag"), Some(tag));
    }
    assert_eq!(get_unless(&server, HELLO, "\"another\"").await.body, whole.body);
    // A text in the URL is no name, and a POST no GET.
    let by_text = server.send("GET", "/graphql?query=%7Bhello%7D", &[("accept", RESPONSE)], "").await;
    for reply in [by_text, server.post(RESPONSE, &hashed(HELLO)).await] {
        assert_eq!((reply.header("cache-control"), reply.header("etag")), (Some("no-store"), None));
    }
}

/// Documents that were left by an instance, or by who knows whom.
#[derive(Default)]
struct Table(Mutex<HashMap<String, String>>);

impl Shelf for Table {
    fn put(&self, hash: &str, text: &str) {
        self.0.lock().unwrap().insert(hash.into(), text.into());
    }

    fn find<'a>(&'a self, hash: &'a str) -> BoxFuture<'a, Option<String>> {
        async move { self.0.lock().unwrap().get(hash).cloned() }.boxed()
    }
}

#[tokio::test]
async fn what_one_instance_was_sent_another_finds() {
    let table = Arc::new(Table::default());
    let instance = || {
        let shared = Shared { shelf: Some(table.clone()), ledger: None };
        Server::set(Settings { shared, batch: 2, ..Settings::default() })
    };
    let (one, other) = (instance(), instance());
    assert_eq!(refusal(&other, &hashed(HELLO)).await, "PERSISTED_QUERY_NOT_FOUND");
    one.post(RESPONSE, &with_text(HELLO, "{ hello }")).await;
    let answer = r#"{"data":{"hello":"world"}}"#;
    assert_eq!(other.post(RESPONSE, &hashed(HELLO)).await.body, answer);
    // From then on it knows by itself.
    table.0.lock().unwrap().clear();
    assert_eq!(get(&other, HELLO).await.body, answer);

    one.post(RESPONSE, &with_text(COUNT, "subscription { count(to: 1) }")).await;
    let third = instance();
    let mut socket = third.socket().await;
    let payload = hashed(COUNT);
    socket.say(&json!({ "type": "subscribe", "id": "1", "payload": payload })).await;
    assert_eq!(socket.hear().await["payload"]["data"]["count"], 0);

    // What lies there is not believed.
    table.put(HELLO, "mutation { touch }");
    table.put(BROKEN, "{ hello");
    assert_eq!(refusal(&third, &hashed(HELLO)).await, "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(refusal(&third, &hashed(BROKEN)).await, "GRAPHQL_PARSE_FAILED");
    assert_eq!(third.stub.seen.touched.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_hash_names_its_own_text_only() {
    let server = Server::start();
    assert_eq!(refusal(&server, &with_text(HELLO, "{ caller }")).await, "BAD_REQUEST");
    assert_eq!(refusal(&server, &with_text("7", "{ hello }")).await, "BAD_REQUEST");
    assert_eq!(refusal(&server, &hashed(HELLO)).await, "PERSISTED_QUERY_NOT_FOUND");
    for persisted in [
        json!({ "version": 2, "sha256Hash": HELLO }),
        json!({ "version": 1 }),
        json!({ "sha256Hash": HELLO }),
        json!([1, HELLO]),
        json!(HELLO),
    ] {
        let body = json!({ "query": "{ hello }", "extensions": { "persistedQuery": persisted } });
        assert_eq!(refusal(&server, &body).await, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn only_what_passes_the_gate_is_kept() {
    let server = Server::start();
    assert_eq!(refusal(&server, &with_text(BROKEN, "{ hello")).await, "GRAPHQL_PARSE_FAILED");
    assert_eq!(refusal(&server, &hashed(BROKEN)).await, "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(server.sample("documents_total", Some("registered")), 0);
}

#[tokio::test]
async fn a_get_by_hash_does_not_change_anything() {
    let server = Server::start();
    assert_eq!(server.post(RESPONSE, &with_text(TOUCH, "mutation { touch }")).await.status, 200);
    assert_eq!(server.post(RESPONSE, &hashed(TOUCH)).await.status, 200);
    assert_eq!(get(&server, TOUCH).await.status, 405);
    assert_eq!(server.stub.seen.touched.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_server_that_keeps_nothing_says_so() {
    let server =
        Server::set(Settings { persisted: Persisted { entries: 0, bytes: 0 }, ..Settings::default() });
    assert_eq!(refusal(&server, &hashed(HELLO)).await, "PERSISTED_QUERY_NOT_SUPPORTED");
    assert_eq!(server.post(RESPONSE, &with_text(HELLO, "{ hello }")).await.status, 200);
    assert_eq!(refusal(&server, &hashed(HELLO)).await, "PERSISTED_QUERY_NOT_SUPPORTED");
}

#[tokio::test]
async fn a_socket_names_documents_too() {
    let server = trusting(Trust::Log);
    let mut socket = server.socket().await;
    let next = json!({ "id": "1", "type": "next", "payload": { "data": { "count": 0 } } });
    for payload in
        [json!({ "documentId": "count" }), hashed(COUNT), with_text(COUNT, "subscription { count(to: 1) }")]
    {
        socket.say(&json!({ "id": "1", "type": "subscribe", "payload": payload })).await;
        assert_eq!(socket.hear().await, next);
        assert_eq!(socket.hear().await["type"], "complete");
    }
    socket
        .say(&json!({ "id": "1", "type": "subscribe", "payload": hashed(HELLO.replace('0', "1").as_str()) }))
        .await;
    let error = socket.hear().await;
    assert_eq!(
        (&error["type"], code(&error["payload"][0])),
        (&json!("error"), "PERSISTED_QUERY_NOT_FOUND".into())
    );
    socket.say(&json!({ "id": "1", "type": "subscribe", "payload": {} })).await;
    assert_eq!(socket.closed().await.0, 4400);
}

#[tokio::test]
async fn a_trusted_document_has_an_id() {
    for trust in [Trust::Log, Trust::Only] {
        let server = trusting(trust);
        let hello = r#"{"data":{"hello":"world"}}"#;
        for body in [
            json!({ "documentId": "hello" }),
            json!({ "documentId": format!("sha256:{HELLO}") }),
            json!({ "documentId": "hello", "query": null }),
            json!({ "query": "{ hello }" }),
            hashed("hello"),
            hashed(HELLO),
            with_text(HELLO, "{ hello }"),
        ] {
            assert_eq!(server.post(RESPONSE, &body).await.body, hello, "{body}");
        }
        assert_eq!(server.sample("documents_total", Some("trusted")), 7);
        assert_eq!(server.sample("documents_total", Some("registered")), 0);
        let reply = server.send("GET", "/graphql?documentId=hello", &[], "").await;
        assert_eq!(reply.body, hello);
        let reply = server
            .post(
                RESPONSE,
                &json!({ "documentId": "echo", "operationName": "E", "variables": { "t": "hi" } }),
            )
            .await;
        assert_eq!(reply.body, r#"{"data":{"echo":"hi"}}"#);
        assert_eq!(refusal(&server, &json!({ "documentId": "echo" })).await, "BAD_USER_INPUT");
        // Which of two is meant is not for the server to guess.
        let both = json!({ "documentId": "hello", "query": "{ hello }" });
        assert_eq!(refusal(&server, &both).await, "BAD_REQUEST");
        let mut both = hashed(HELLO);
        both["documentId"] = "hello".into();
        assert_eq!(refusal(&server, &both).await, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn without_a_manifest_no_id_is_known() {
    let server = Server::start();
    assert_eq!(refusal(&server, &json!({ "documentId": "hello" })).await, "DOCUMENT_UNKNOWN");
    assert_eq!(refusal(&server, &json!({ "documentId": "" })).await, "DOCUMENT_UNKNOWN");
    assert_eq!(refusal(&server, &json!({ "documentId": null })).await, "BAD_REQUEST");
    assert_eq!(refusal(&server, &json!({ "documentId": 7 })).await, "BAD_REQUEST");
}

#[tokio::test]
async fn others_are_counted_in_the_one_mode() {
    let server = trusting(Trust::Log);
    assert_eq!(server.query("{ caller }").await.status, 200);
    assert_eq!(server.sample("documents_total", Some("untrusted")), 1);
    assert_eq!(refusal(&server, &json!({ "documentId": "caller" })).await, "DOCUMENT_UNKNOWN");
}

#[tokio::test]
async fn others_are_refused_in_the_other_mode() {
    let server = trusting(Trust::Only);
    let touch = "mutation { touch }";
    for body in [
        json!({ "query": touch }),
        // A space more makes another text.
        json!({ "query": "{ hello  }" }),
        json!({ "documentId": "touch" }),
        hashed(TOUCH),
        with_text(TOUCH, touch),
        hashed(TOUCH),
    ] {
        let reply = server.post(RESPONSE, &body).await;
        assert_eq!((reply.status, reply.code()), (400, "DOCUMENT_NOT_TRUSTED".into()), "{body}");
        let message = reply.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("documentId"), "{message}");
    }
    assert_eq!(server.sample("documents_total", Some("untrusted")), 6);
    assert_eq!(server.stub.seen.touched.load(Ordering::SeqCst), 0);
    let mut socket = server.socket().await;
    socket.subscribe("1", "subscription { never }").await;
    assert_eq!(code(&socket.hear().await["payload"][0]), "DOCUMENT_NOT_TRUSTED");
}

#[tokio::test]
async fn a_manifest_that_does_not_fit_the_schema_stops_the_start() {
    for (text, says) in [
        ("{ hello", "syntax error"),
        ("{ nothing }", "nothing"),
        ("subscription { never busy }", "root"),
        (&format!("{{ {} }}", "hello ".repeat(2_500)), "2000 is the limit"),
    ] {
        let manifest = Manifest::read(&json!({ "one": text }).to_string()).unwrap();
        let settings = Settings { trust: Trust::Only(Arc::new(manifest)), ..Settings::default() };
        let stopped = router(Stub::new(), settings, Arc::new(Stats::default()), Shutdown::new()).unwrap_err();
        let message = stopped.to_string();
        assert!(
            message.starts_with("the trusted document \"one\" is refused") && message.contains(says),
            "{message}"
        );
    }
}
