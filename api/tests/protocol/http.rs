use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use roomm8_api::protocol::Settings;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::server::{PATIENCE, Reply, Server};

const RESPONSE: &str = "application/graphql-response+json";
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_query_is_answered() {
    let server = Server::start();
    let reply = server.query("{ b: hello a: hello }").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, r#"{"data":{"b":"world","a":"world"}}"#);
    assert_eq!(reply.header("content-type"), Some("application/graphql-response+json; charset=utf-8"));
    assert_eq!(reply.header("vary"), Some("accept, origin"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(server.sample("operations_total", Some("complete")), 1);
}

#[tokio::test]
async fn a_get_asks_and_does_not_change() {
    let server = Server::start();
    let query = "/graphql?query=query%20Q(%24t%3AString!)%7Becho(text%3A%24t)%7D%20query%20R%7Bhello%7D\
                 &operationName=Q&variables=%7B%22t%22%3A%22hi%22%7D&extensions=";
    let reply = server.send("GET", query, &[], "").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"data":{"echo":"hi"}}"#));

    let reply = server.send("GET", "/graphql?query=mutation%7Btouch%7D", &[], "").await;
    assert_eq!(
        (reply.status, reply.header("allow"), reply.code()),
        (405, Some("post"), "METHOD_NOT_ALLOWED".into())
    );
    assert_eq!(server.stub.seen.touched.load(Ordering::SeqCst), 0);

    let twice = server.send("GET", "/graphql?query=%7Bhello%7D&query=%7Bhello%7D", &[], "").await;
    assert_eq!((twice.status, twice.code()), (400, "BAD_REQUEST".into()));
}

#[tokio::test]
async fn other_methods_are_named_what_is_allowed() {
    let server = Server::start();
    for method in ["PUT", "DELETE", "PATCH"] {
        let reply = server.send(method, "/graphql", &[JSON], "{}").await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some("get, post, options")));
    }
}

#[tokio::test]
async fn only_json_is_read() {
    let server = Server::start();
    let body = r#"{"query":"mutation{touch}"}"#;
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json; charset=latin1",
    ] {
        let reply = server.send("POST", "/graphql", &[("content-type", content_type)], body).await;
        assert_eq!((reply.status, reply.code()), (415, "UNSUPPORTED_MEDIA_TYPE".into()), "{content_type}");
    }
    assert_eq!(server.send("POST", "/graphql", &[], body).await.status, 415);
    assert_eq!(
        server.send("POST", "/graphql", &[JSON, ("content-encoding", "gzip")], body).await.status,
        415
    );
    assert_eq!(server.stub.seen.touched.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn malformed_requests_are_told_what_is_wrong() {
    let server = Server::start();
    for (body, says) in [
        ("", "no body"),
        ("{ \"not", "not JSON"),
        ("{}", "not well-formed"),
        (r#"{"query":7}"#, "not well-formed"),
        (r#"{"query":"{hello}","variables":[7]}"#, "not well-formed"),
        (r#"[{"query":"{hello}"}]"#, "batches"),
        (r#"["{hello}"]"#, "batches"),
    ] {
        let reply = server.send("POST", "/graphql", &[JSON], body).await;
        assert_eq!((reply.status, reply.code()), (400, "BAD_REQUEST".into()), "{body}");
        let message = reply.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(says), "{message}");
    }
}

#[tokio::test]
async fn sizes_have_limits() {
    let server = Server::start();
    let reply = server
        .post(RESPONSE, &json!({ "query": "{hello}", "extensions": { "x": "x".repeat(70_000) } }))
        .await;
    assert_eq!((reply.status, reply.code()), (413, "PAYLOAD_TOO_LARGE".into()));

    let reply = server.send("GET", &format!("/graphql?query={}", "x".repeat(17_000)), &[], "").await;
    assert_eq!((reply.status, reply.code()), (414, "URI_TOO_LONG".into()));

    let reply = server.query(&format!("{{ hello }} #{}", "x".repeat(17_000))).await;
    assert_eq!((reply.status, reply.code()), (400, "LIMIT_EXCEEDED".into()));
    assert_eq!(server.sample("gate_refusals_total", Some("query_bytes")), 1);

    let reply = server.query("{ large(bytes: 2000000) }").await;
    assert_eq!((reply.status, reply.code()), (500, "RESPONSE_TOO_LARGE".into()));
}

#[tokio::test]
async fn a_refusal_is_heard_by_who_is_still_sending() {
    let server = Server::start();
    let megabytes = " ".repeat(8_000_000);
    let too_large = server.send("POST", "/graphql", &[JSON], &megabytes).await;
    assert_eq!((too_large.status, too_large.code()), (413, "PAYLOAD_TOO_LARGE".into()));
    let mistyped = server.send("POST", "/graphql", &[("content-type", "text/plain")], &megabytes).await;
    assert_eq!(mistyped.status, 415);
    let lost = server.send("POST", "/lost", &[JSON], &megabytes).await;
    assert_eq!(lost.status, 404);
}

#[tokio::test]
async fn who_never_ends_is_hung_up_on_after_a_refusal() {
    let server = Server::start();
    let mut stream = server.connect().await;
    let head = "POST /graphql HTTP/1.1\r\nhost: stub\r\ncontent-type: text/plain\r\ncontent-length: 1000000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let reply = Reply::read(&mut stream).await;
    // Else the client would send its next request into a connection that is about to close.
    assert_eq!((reply.status, reply.header("connection")), (415, Some("close")));
    let sending = async { while stream.write_all(&[b' '; 4096]).await.is_ok() {} };
    timeout(PATIENCE, sending).await.expect("it is refused at last");
    server.until(|server| server.sample("connections_open", None) == 0).await;
}

#[tokio::test]
async fn a_chunked_body_is_bounded_too() {
    let server = Server::start();
    let mut stream = server.connect().await;
    let head = "POST /graphql HTTP/1.1\r\nhost: stub\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
    for _ in 0..6 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    let reply = Reply::read(&mut stream).await;
    assert_eq!((reply.status, reply.code()), (413, "PAYLOAD_TOO_LARGE".into()));
}

#[tokio::test]
async fn the_answer_is_in_the_media_type_asked_for() {
    let server = Server::start();
    let typed = async |accept: &str| {
        let reply = server.post(accept, &json!({ "query": "{hello}" })).await;
        (reply.status, reply.header("content-type").unwrap_or_default().to_owned())
    };
    let json = (200, "application/json; charset=utf-8".to_owned());
    assert_eq!(typed("*/*").await, json);
    assert_eq!(typed("application/json").await, json);
    assert_eq!(typed("application/graphql-response+json;q=0.5, application/json").await, json);
    assert_eq!(
        typed("application/json;q=0.5, application/graphql-response+json").await.1,
        format!("{RESPONSE}; charset=utf-8")
    );
    assert_eq!(typed("image/png").await, (406, json.1));
}

#[tokio::test]
async fn a_refused_document_has_a_status_by_media_type_and_no_data() {
    let server = Server::start();
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { hello } query B { hello }", "OPERATION_RESOLUTION_FAILURE"),
        ("{ nested(lists: \"x\") }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($t: String!) { echo(text: $t) }", "BAD_USER_INPUT"),
    ] {
        for (accept, status) in [(RESPONSE, 400), ("application/json", 200)] {
            let reply = server.post(accept, &json!({ "query": query })).await;
            assert_eq!((reply.status, reply.code()), (status, code.into()), "{query}: {}", reply.body);
            assert!(!reply.body.contains("\"data\""), "{}", reply.body);
        }
    }
}

#[tokio::test]
async fn a_thousand_mistakes_are_not_worth_a_thousand_errors() {
    let server = Server::start();
    let reply = server
        .query(&format!("{{ me {{ {} }} }}", (0..500).map(|n| format!("x{n} ")).collect::<String>()))
        .await;
    assert_eq!(reply.json()["errors"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn an_error_keeps_its_code_or_is_masked() {
    let server = Server::start();
    let reply = server.query("{ hello leaks }").await;
    assert_eq!(reply.status, 200);
    let body = reply.json();
    assert_eq!(body["data"], json!({ "hello": "world", "leaks": null }));
    let error = &body["errors"][0];
    assert_eq!(error["extensions"]["code"], "INTERNAL");
    assert_eq!(error["extensions"]["requestId"].as_str(), reply.header("x-request-id"));
    assert_eq!(error["path"], json!(["leaks"]));
    assert!(!reply.body.contains("secrets"));

    let reply = server.query("{ fails }").await;
    assert_eq!(
        (reply.status, reply.json()["data"].clone(), reply.code()),
        (200, Value::Null, "NOT_FOUND".into())
    );
    assert!(reply.body.contains("\"data\":null"));
    assert_eq!(server.sample("operations_total", Some("partial")), 2);
}

#[tokio::test]
async fn a_panic_costs_one_answer() {
    let server = Server::start();
    let reply = server.query("mutation { touchAndPanic }").await;
    assert_eq!((reply.status, reply.code()), (500, "INTERNAL".into()));
    assert!(!reply.body.contains("a resolver that panics"));
    assert_eq!(server.query("{ hello }").await.status, 200);
    assert_eq!(server.sample("operation_panics_total", None), 1);
}

#[tokio::test]
async fn the_token_is_a_bearer_token() {
    let server = Server::start();
    let ask = async |authorization: &str| {
        let headers = [JSON, ("authorization", authorization)];
        server.send("POST", "/graphql", &headers, r#"{"query":"{caller}"}"#).await
    };
    assert_eq!(ask("Bearer abc").await.json()["data"]["caller"], "abc");
    assert_eq!(ask("bearer abc").await.json()["data"]["caller"], "abc");
    for refused in ["Bearer definitely.not.valid", "Basic abc", "Bearer"] {
        let reply = ask(refused).await;
        assert_eq!(
            (reply.status, reply.code(), reply.header("www-authenticate")),
            (401, "UNAUTHENTICATED".into(), Some("bearer"))
        );
    }
    let reply = ask("Bearer down").await;
    assert_eq!((reply.status, reply.code()), (500, "INTERNAL".into()));
    assert!(!reply.body.contains("secret"));
}

#[tokio::test]
async fn a_subscription_is_told_where_to_go() {
    let server = Server::start();
    let reply = server.query("subscription { never }").await;
    assert_eq!((reply.status, reply.code()), (400, "SUBSCRIPTION_NEEDS_SOCKET".into()));
    for way in ["graphql-transport-ws", "text/event-stream", "multipart/mixed;subscriptionSpec=1.0"] {
        assert!(reply.body.contains(way), "{}", reply.body);
    }
}

#[tokio::test]
async fn a_request_id_is_kept_or_made() {
    let server = Server::start();
    let ask = async |id: &str| {
        let reply =
            server.send("POST", "/graphql", &[JSON, ("x-request-id", id)], r#"{"query":"{hello}"}"#).await;
        reply.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(ask("a-1_b.c").await, "a-1_b.c");
    for bad in ["a b", "a\"b", &"x".repeat(129), ""] {
        assert_eq!(ask(bad).await.len(), 32);
    }
}

#[tokio::test]
async fn only_listed_origins_may_call_from_a_page() {
    let settings = Settings { origins: vec!["https://app.example".into()], ..Settings::default() };
    let server = Server::set(settings);
    let preflight = async |origin: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        server.send("OPTIONS", "/graphql", &headers, "").await
    };
    let reply = preflight("https://app.example").await;
    assert_eq!(reply.status, 204);
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(reply.header("access-control-allow-methods"), Some("get, post"));
    assert!(reply.header("access-control-allow-headers").unwrap().contains("authorization"));
    assert_eq!(reply.header("access-control-allow-credentials"), None);
    for origin in ["https://evil.example", "https://app.example.evil", "http://app.example", "null"] {
        let reply = preflight(origin).await;
        assert_eq!(reply.header("access-control-allow-origin"), None);
        assert_eq!(reply.header("vary"), Some("accept, origin"));
    }
    let headers = [JSON, ("origin", "https://app.example")];
    let reply = server.send("POST", "/graphql", &headers, r#"{"query":"{"}"#).await;
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"));
}

#[tokio::test]
async fn an_operation_outlives_its_client() {
    let server = Server::start();
    let mut stream = server.connect().await;
    let body = r#"{"query":"mutation{touchSlowly(milliseconds:150)}"}"#;
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: stub\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(stream);
    server.until(|server| server.stub.seen.touched.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn how_long_operations_take_is_counted_by_kind() {
    let server = Server::start();
    server.query("{ hello }").await;
    server.query("{ slow(milliseconds: 60) }").await;
    server.query("mutation { touch }").await;
    let [queries, mutations, subscriptions] = server.stats.latencies();
    let counts = [&queries, &mutations, &subscriptions].map(|latency| latency.buckets.last().unwrap().1);
    assert_eq!(counts, [2, 1, 0]);
    let (_, quick) = queries.buckets.iter().find(|(bound, _)| *bound == "0.05").unwrap();
    assert!(*quick < 2 && queries.sum >= Duration::from_millis(60), "{queries:?}");
}

#[tokio::test]
async fn an_operation_has_a_deadline() {
    let settings = Settings { operation_deadline: Duration::from_millis(100), ..Settings::default() };
    let server = Server::set(settings);
    let started = Instant::now();
    let reply = server.query("{ slow(milliseconds: 5000) }").await;
    assert_eq!((reply.status, reply.code()), (504, "DEADLINE_EXCEEDED".into()));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_body_has_a_deadline() {
    let settings = Settings { body_deadline: Duration::from_millis(100), ..Settings::default() };
    let server = Server::set(settings);
    let mut stream = server.connect().await;
    let head = "POST /graphql HTTP/1.1\r\nhost: stub\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let reply = crate::server::Reply::read(&mut stream).await;
    assert_eq!((reply.status, reply.code()), (408, "REQUEST_TIMEOUT".into()));
}
