//! Streams over HTTP: server-sent events and Apollo's multipart.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use roomm8_api::protocol::Settings;
use roomm8_api::protocol::listener::Listen;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::server::{PATIENCE, Reply, Server, assert_one_by_one, code};

pub const EVENTS: &str = "text/event-stream";
pub const MULTIPART: &str =
    r#"multipart/mixed;boundary="graphql";subscriptionSpec="1.0", application/json;q=0.9"#;
const COMPLETE: &str = "event: complete\ndata:\n\n";

/// The body of an answer that was sent in chunks.
pub fn whole(reply: &Reply) -> String {
    assert_eq!(reply.header("transfer-encoding"), Some("chunked"));
    let (mut rest, mut body) = (reply.body.as_str(), String::new());
    loop {
        let (length, chunk) = rest.split_once("\r\n").expect("the body ends as it should");
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return body;
        }
        body += &chunk[..length];
        rest = &chunk[length + 2..];
    }
}

/// The data of each `next` event, and whether `complete` came last.
pub fn results(body: &str) -> (Vec<Value>, bool) {
    let next = |event: &str| event.strip_prefix("event: next\ndata: ").map(str::to_owned);
    let results = body.split("\n\n").filter_map(next);
    (results.map(|data| serde_json::from_str(&data).unwrap()).collect(), body.ends_with(COMPLETE))
}

/// A stream that goes on.
struct Open {
    stream: TcpStream,
    heard: String,
}

impl Open {
    async fn request(server: &Server, accept: &str, token: Option<&str>, query: &str) -> Self {
        let mut stream = server.connect().await;
        let body = json!({ "query": query }).to_string();
        let authorization = token.map_or(String::new(), |token| format!("authorization: Bearer {token}\r\n"));
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: stub\r\ncontent-type: application/json\r\naccept: {accept}\r\n\
             {authorization}content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).await.unwrap();
        Self { stream, heard: String::new() }
    }

    async fn until(&mut self, text: &str) {
        while !self.heard.contains(text) {
            assert!(self.more().await, "it ended before {text:?}: {}", self.heard);
        }
    }

    async fn ended(&mut self) {
        while !self.heard.ends_with("\r\n0\r\n\r\n") {
            assert!(self.more().await, "it broke off: {}", self.heard);
        }
    }

    async fn more(&mut self) -> bool {
        let mut bytes = [0; 1024];
        let read = timeout(PATIENCE, self.stream.read(&mut bytes)).await.expect("something should be said");
        let read = read.unwrap_or(0);
        self.heard += std::str::from_utf8(&bytes[..read]).unwrap();
        read > 0
    }
}

#[tokio::test]
async fn a_query_is_one_result_and_complete() {
    let server = Server::start();
    let reply = server.post(EVENTS, &json!({ "query": "{ hello }" })).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("x-accel-buffering"), Some("no"));
    assert_eq!(
        whole(&reply),
        format!(":\n\nevent: next\ndata: {{\"data\":{{\"hello\":\"world\"}}}}\n\n{COMPLETE}")
    );
}

#[tokio::test]
async fn a_subscription_is_its_results_and_complete() {
    let server = Server::start();
    let reply = server.post(EVENTS, &json!({ "query": "subscription { count(to: 3) }" })).await;
    let (results, is_complete) = results(&whole(&reply));
    let expected = json!([{"data": {"count": 0}}, {"data": {"count": 1}}, {"data": {"count": 2}}]);
    assert_eq!(Value::from(results), expected);
    assert!(is_complete);
    assert_eq!(server.sample("subscriptions_open", None) + server.sample("streams_open", None), 0);
}

#[tokio::test]
async fn an_event_source_may_ask_and_not_change() {
    let server = Server::start();
    let get = async |query: &str| {
        server.send("GET", &format!("/graphql?query={query}"), &[("accept", EVENTS)], "").await
    };
    let (found, is_complete) = results(&whole(&get("{hello}").await));
    assert_eq!((found, is_complete), (vec![json!({ "data": { "hello": "world" } })], true));
    let (counted, _) = results(&whole(&get("subscription{count(to:2)}").await));
    assert_eq!(counted.len(), 2);

    let refused = get("mutation{touch}").await;
    assert_eq!(
        (refused.status, refused.code(), refused.header("allow")),
        (405, "METHOD_NOT_ALLOWED".into(), Some("post"))
    );
    assert_eq!(server.stub.seen.touched.load(Ordering::SeqCst), 0);

    let (touched, _) = results(&whole(&server.post(EVENTS, &json!({ "query": "mutation { touch }" })).await));
    assert_eq!(touched, [json!({ "data": { "touch": "y" } })]);
}

#[tokio::test]
async fn what_is_wrong_with_an_operation_is_said_in_the_stream() {
    let server = Server::start();
    for (query, expected) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { overflows }", "SLOW_CONSUMER"),
    ] {
        let reply = server.post(EVENTS, &json!({ "query": query })).await;
        assert_eq!((reply.status, reply.header("x-accel-buffering")), (200, Some("no")), "{query}");
        let body = if reply.header("transfer-encoding").is_some() { whole(&reply) } else { reply.body };
        let (results, is_complete) = results(&body);
        assert_eq!((results.len(), is_complete), (1, true), "{body}");
        assert_eq!(code(&results[0]["errors"][0]), expected);
        assert!(results[0].get("data").is_none());
    }
    assert_eq!(server.sample("slow_consumers_closed_total", None), 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_has_a_status() {
    let server = Server::start();
    let send = async |headers: &[(&str, &str)], body: &str| {
        let reply = server.send("POST", "/graphql", &[&[("accept", EVENTS)], headers].concat(), body).await;
        assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
        (reply.status, reply.code())
    };
    let json = ("content-type", "application/json");
    let hello = r#"{"query":"{hello}"}"#;
    assert_eq!(send(&[json], "{").await, (400, "BAD_REQUEST".into()));
    assert_eq!(send(&[("content-type", "text/plain")], hello).await, (415, "UNSUPPORTED_MEDIA_TYPE".into()));
    let invalid = ("authorization", "Bearer definitely.not.valid");
    assert_eq!(send(&[json, invalid], hello).await, (401, "UNAUTHENTICATED".into()));
    let origin = ("origin", "https://evil.example");
    assert_eq!(send(&[json, origin], hello).await, (403, "FORBIDDEN".into()));
}

#[tokio::test]
async fn a_listed_origin_may_open_a_stream() {
    let settings = Settings { origins: vec!["https://app.example".into()], ..Settings::default() };
    let server = Server::set(settings);
    let headers = [("accept", EVENTS), ("origin", "https://app.example")];
    let reply = server.send("GET", "/graphql?query={hello}", &headers, "").await;
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"));
    assert!(results(&whole(&reply)).1);
}

#[tokio::test]
async fn who_accepts_a_stream_at_all_gets_one_for_a_subscription() {
    let server = Server::start();
    let accept = "application/json, text/event-stream;q=0.1";
    let reply = server.post(accept, &json!({ "query": "subscription { count(to: 1) }" })).await;
    assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let reply = server.post(accept, &json!({ "query": "{ hello }" })).await;
    assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
}

#[tokio::test]
async fn a_silent_stream_opens_at_once_and_shows_signs_of_life() {
    let settings = Settings { keep_alive: Duration::from_millis(50), ..Settings::default() };
    let server = Server::set(settings);
    let mut events = Open::request(&server, EVENTS, None, "subscription { never }").await;
    events.until("3\r\n:\n\n\r\n3\r\n:\n\n\r\n3\r\n:\n\n\r\n").await;
    let mut parts = Open::request(&server, MULTIPART, None, "subscription { never }").await;
    parts.until("\r\n\r\n{}\r\n--graphql\r\n").await;
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let server = Server::start();
    let mut stream = Open::request(&server, EVENTS, None, "subscription { never }").await;
    stream.until(":\n\n").await;
    server.until(|server| server.stub.seen.streams.load(Ordering::SeqCst) == 1).await;
    server.until(|server| server.sample("subscriptions_open", None) == 1).await;
    assert_eq!(server.sample("streams_open", None), 1);
    drop(stream);
    server.until(|server| server.stub.seen.streams.load(Ordering::SeqCst) == 0).await;
    server.until(|server| server.sample("connections_open", None) == 0).await;
    assert_eq!(server.sample("subscriptions_open", None) + server.sample("streams_open", None), 0);
}

#[tokio::test]
async fn who_does_not_read_is_cut_off() {
    let listen = Listen { write_deadline: Duration::from_millis(300), ..Listen::default() };
    let server = Server::with(Settings::default(), listen);
    let mut stream = Open::request(&server, EVENTS, None, "subscription { busy }").await;
    stream.until("event: next").await;
    server.until(|server| server.sample("slow_consumers_closed_total", None) == 1).await;
    server.until(|server| server.sample("connections_open", None) == 0).await;
    assert_eq!(server.sample("streams_open", None), 0);
}

#[tokio::test]
async fn a_session_that_ends_takes_its_streams_along() {
    let server = Server::start();
    let mut anonymous = Open::request(&server, EVENTS, None, "subscription { never }").await;
    let mut events = Open::request(&server, EVENTS, Some("abc"), "subscription { never }").await;
    let mut busy = Open::request(&server, EVENTS, Some("abc"), "subscription { busy }").await;
    let mut parts = Open::request(&server, MULTIPART, Some("abc"), "subscription { never }").await;
    server.until(|server| server.sample("subscriptions_open", None) == 4).await;
    server.stub.ended.send_replace(Some(""));
    for stream in [&mut events, &mut busy] {
        stream.ended().await;
        let (_, end) = stream.heard.rsplit_once("event: next\ndata: ").unwrap();
        assert!(end.contains("UNAUTHENTICATED") && end.contains(COMPLETE), "{end}");
    }
    parts.ended().await;
    assert!(parts.heard.contains(r#"{"payload":null,"errors":[{"message":"the session has ended""#));
    anonymous.until(":\n\n").await;
    assert_eq!(server.sample("streams_open", None), 1);
}

#[tokio::test]
async fn before_the_end_streams_are_closed_one_by_one() {
    let server = Server::start();
    let mut streams = Vec::new();
    for number in 0..20 {
        let accept = if number % 2 == 0 { EVENTS } else { MULTIPART };
        streams.push(Open::request(&server, accept, None, "subscription { never }").await);
    }
    server.until(|server| server.sample("subscriptions_open", None) == 20).await;
    let begun = Instant::now();
    server.shutdown.begin(Duration::from_secs(1));
    let closed = futures_util::future::join_all(streams.iter_mut().map(async |stream| {
        stream.ended().await;
        begun.elapsed()
    }))
    .await;
    assert_one_by_one(&closed);
    // A client that was not told `complete` connects again.
    assert!(!streams[0].heard.contains("complete"));
    assert!(streams[1].heard.contains("UNAVAILABLE"));
    server.serving.await.unwrap();
}

#[tokio::test]
async fn before_the_end_an_answer_is_waited_for() {
    let server = Server::start();
    let query = "mutation { touchSlowly(milliseconds: 300) }";
    let mut stream = Open::request(&server, EVENTS, None, query).await;
    server.until(|server| server.sample("streams_open", None) == 1).await;
    server.shutdown.begin(Duration::from_secs(1));
    stream.ended().await;
    assert!(stream.heard.contains(r#"{"data":{"touchSlowly":"y"}}"#) && stream.heard.contains(COMPLETE));
}

#[tokio::test]
async fn a_panic_ends_its_stream_alone() {
    let server = Server::start();
    let reply = server.post(EVENTS, &json!({ "query": "subscription { panics }" })).await;
    let (results, is_complete) = results(&whole(&reply));
    assert_eq!((results.len(), is_complete), (3, true));
    assert_eq!(code(&results[2]["errors"][0]), "INTERNAL");
    assert_eq!(server.sample("operation_panics_total", None), 1);
    assert_eq!(server.sample("streams_open", None), 0);
}

#[tokio::test]
async fn apollo_gets_its_parts() {
    let server = Server::start();
    let reply = server.post(MULTIPART, &json!({ "query": "subscription { count(to: 2) }" })).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("content-type"),
        Some(r#"multipart/mixed;boundary="graphql";subscriptionspec="1.0""#)
    );
    assert_eq!(
        whole(&reply),
        "\r\n--graphql\r\ncontent-type: application/json\r\n\r\n{\"payload\":{\"data\":{\"count\":0}}}\
         \r\n--graphql\r\ncontent-type: application/json\r\n\r\n{\"payload\":{\"data\":{\"count\":1}}}\
         \r\n--graphql--\r\n"
    );
}

#[tokio::test]
async fn an_error_ends_apollos_parts() {
    let server = Server::start();
    let reply = server.post(MULTIPART, &json!({ "query": "subscription { overflows }" })).await;
    let body = whole(&reply);
    let part = body.strip_prefix("\r\n--graphql\r\ncontent-type: application/json\r\n\r\n").unwrap();
    let part: Value = serde_json::from_str(part.strip_suffix("\r\n--graphql--\r\n").unwrap()).unwrap();
    assert_eq!(part["payload"], Value::Null);
    assert_eq!(code(&part["errors"][0]), "SLOW_CONSUMER");

    // So does what is refused before there is a stream.
    let reply = server.post(MULTIPART, &json!({ "query": "subscription { nope }" })).await;
    assert!(reply.body.contains(r#""payload":null,"errors":"#), "{}", reply.body);
    assert!(reply.body.contains("GRAPHQL_VALIDATION_FAILED"));
}
