use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::SinkExt;
use roomm8_api::protocol::{Settings, Sockets};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::server::{Server, Socket, assert_one_by_one, code};

fn quick(sockets: Sockets) -> Server {
    Server::set(Settings { sockets, ..Settings::default() })
}

async fn says_and_is_closed(server: &Server, message: &str) -> u16 {
    let mut socket = server.socket().await;
    socket.0.send(Message::text(message)).await.unwrap();
    socket.closed().await.0
}

#[tokio::test]
async fn another_subprotocol_is_refused() {
    let server = Server::start();
    let mut socket = server.handshake(&[]).await.unwrap();
    assert_eq!(socket.closed().await.0, 4406);
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused() {
    let settings = Settings { origins: vec!["https://app.example".into()], ..Settings::default() };
    let server = Server::set(settings);
    let open = async |origin| {
        let headers = [("sec-websocket-protocol", "graphql-transport-ws"), ("origin", origin)];
        server.handshake(&headers).await.map(|_| ())
    };
    assert_eq!(open("https://app.example").await, Ok(()));
    assert_eq!(open("https://evil.example").await, Err(403));
    assert_eq!(open("null").await, Err(403));
}

#[tokio::test]
async fn the_first_message_has_a_deadline_that_pings_do_not_move() {
    let server = quick(Sockets { init_deadline: Duration::from_millis(200), ..Sockets::default() });
    let mut socket = server.open().await;
    let started = Instant::now();
    for _ in 0..3 {
        socket.say(&json!({ "type": "ping" })).await;
        assert_eq!(socket.hear().await, json!({ "type": "pong" }));
    }
    assert_eq!(socket.closed().await, (4408, "Connection initialisation timeout".into()));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn an_authentication_that_hangs_is_an_initialisation_that_does() {
    let server = quick(Sockets { init_deadline: Duration::from_millis(200), ..Sockets::default() });
    let mut socket = server.open().await;
    socket.say(&json!({ "type": "connection_init", "payload": { "token": "slow" } })).await;
    assert_eq!(socket.closed().await.0, 4408);
}

#[tokio::test]
async fn the_token_comes_in_the_first_message_or_the_handshake() {
    let server = Server::start();
    for payload in [
        json!({ "authorization": "Bearer abc" }),
        json!({ "Authorization": "bearer abc" }),
        json!({ "token": "abc" }),
    ] {
        let mut socket = server.open().await;
        socket.say(&json!({ "type": "connection_init", "payload": payload })).await;
        socket.hear().await;
        socket.subscribe("1", "{ caller }").await;
        assert_eq!(socket.hear().await["payload"]["data"]["caller"], "abc");
    }
    let headers = [("sec-websocket-protocol", "graphql-transport-ws"), ("authorization", "Bearer xyz")];
    let mut socket = server.handshake(&headers).await.unwrap();
    socket.say(&json!({ "type": "connection_init" })).await;
    socket.hear().await;
    socket.subscribe("1", "{ caller }").await;
    assert_eq!(socket.hear().await["payload"]["data"]["caller"], "xyz");
}

#[tokio::test]
async fn a_refused_token_and_a_fault_of_ours_are_told_apart() {
    let server = Server::start();
    for (payload, expected) in [
        (json!({ "token": "definitely.not.valid" }), 4403),
        (json!({ "authorization": "Basic abc" }), 4403),
        (json!({ "token": "down" }), 1013),
    ] {
        let mut socket = server.open().await;
        socket.say(&json!({ "type": "connection_init", "payload": payload })).await;
        let (code, reason) = socket.closed().await;
        assert_eq!(code, expected);
        assert!(!reason.contains("secret"));
    }
}

#[tokio::test]
async fn what_is_not_the_protocol_closes_the_socket() {
    let server = Server::start();
    for message in [
        "this is not json",
        "[]",
        "\"x\"",
        "5",
        "null",
        "{}",
        r#"{"type":7}"#,
        r#"{"type":"start","id":"1"}"#,
        r#"["connection_init"]"#,
        r#"{"type":"subscribe","payload":{"query":"{hello}"}}"#,
        r#"{"type":"subscribe","id":"1"}"#,
        r#"{"type":"subscribe","id":"","payload":{"query":"{hello}"}}"#,
        r#"{"type":"subscribe","id":5,"payload":{"query":"{hello}"}}"#,
        r#"{"type":"subscribe","id":"1","payload":{}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{hello}","variables":[1]}}"#,
        r#"{"type":"complete"}"#,
        r#"{"type":"ping","payload":"x"}"#,
        r#"{"type":"next","id":"1","payload":{"data":{}}}"#,
    ] {
        assert_eq!(says_and_is_closed(&server, message).await, 4400, "{message}");
    }
    let mut socket = server.socket().await;
    socket.0.send(Message::binary(&b"{\"type\":\"ping\"}"[..])).await.unwrap();
    assert_eq!(socket.closed().await.0, 4400);
}

#[tokio::test]
async fn order_is_kept() {
    let server = Server::start();
    let mut early = server.open().await;
    early.subscribe("1", "{ hello }").await;
    assert_eq!(early.closed().await, (4401, "Unauthorized".into()));
    assert_eq!(says_and_is_closed(&server, r#"{"type":"connection_init"}"#).await, 4429);
}

#[tokio::test]
async fn a_message_that_is_too_big_closes_the_socket() {
    let server = Server::start();
    let message = json!({ "type": "ping", "payload": { "x": "x".repeat(70_000) } });
    let mut socket = server.socket().await;
    let _ = socket.0.send(Message::text(message.to_string())).await;
    assert_eq!(socket.closed().await.0, 1009);
}

#[tokio::test]
async fn a_ping_is_echoed() {
    let server = Server::start();
    let mut socket = server.open().await;
    socket.say(&json!({ "type": "ping", "payload": { "a": [1, 2] } })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong", "payload": { "a": [1, 2] } }));
}

#[tokio::test]
async fn queries_mutations_and_subscriptions_are_answered() {
    let server = Server::start();
    let mut socket = server.socket().await;
    for operation in ["{ hello }", "mutation { touch }"] {
        socket.subscribe("1", operation).await;
        assert_eq!(socket.hear().await["type"], "next");
        assert_eq!(socket.hear().await, json!({ "id": "1", "type": "complete" }));
    }
    socket.subscribe("\"☃", "subscription { count(to: 2) }").await;
    for number in 0..2 {
        let expected = json!({ "id": "\"☃", "type": "next", "payload": { "data": { "count": number } } });
        assert_eq!(socket.hear().await, expected);
    }
    assert_eq!(socket.hear().await, json!({ "id": "\"☃", "type": "complete" }));
    server.until(|server| server.sample("subscriptions_open", None) == 0).await;
}

#[tokio::test]
async fn a_refused_operation_is_one_error_and_nothing_more() {
    let server = Server::start();
    let mut socket = server.socket().await;
    let bomb = format!("{{ f(v: {}", "[".repeat(2_000));
    for (operation, expected) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        (bomb.as_str(), "LIMIT_EXCEEDED"),
        ("subscription { count(to: 1) never }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        socket.subscribe("1", operation).await;
        let message = socket.hear().await;
        assert_eq!(
            (message["type"].as_str(), code(&message["payload"][0])),
            (Some("error"), expected.into())
        );
    }
    // The id is free, and nothing came after the errors.
    socket.subscribe("1", "{ hello }").await;
    assert_eq!(socket.hear().await["payload"]["data"]["hello"], "world");
}

#[tokio::test]
async fn an_id_is_used_once_at_a_time() {
    let server = Server::start();
    for second in ["subscription { never }", "{ hello }"] {
        let mut socket = server.socket().await;
        socket.subscribe("x", "subscription { never }").await;
        socket.subscribe("x", second).await;
        assert_eq!(socket.closed().await, (4409, "Subscriber for x already exists".into()));
    }
}

#[tokio::test]
async fn a_completed_operation_is_over() {
    let server = Server::start();
    let mut socket = server.socket().await;
    socket.subscribe("x", "subscription { never }").await;
    server.until(|server| server.stub.seen.streams.load(Ordering::SeqCst) == 1).await;
    socket.say(&json!({ "id": "x", "type": "complete" })).await;
    server.until(|server| server.stub.seen.streams.load(Ordering::SeqCst) == 0).await;
    socket.subscribe("slow", "{ slow(milliseconds: 100) }").await;
    socket.say(&json!({ "id": "slow", "type": "complete" })).await;
    socket.say(&json!({ "id": "unknown", "type": "complete" })).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    socket.subscribe("x", "{ hello }").await;
    assert_eq!(socket.hear().await["id"], "x");
}

#[tokio::test]
async fn a_vanished_client_leaves_nothing_behind() {
    let server = Server::start();
    let mut socket = server.socket().await;
    socket.subscribe("x", "subscription { never }").await;
    server.until(|server| server.sample("subscriptions_open", None) == 1).await;
    drop(socket);
    server.until(|server| server.stub.seen.streams.load(Ordering::SeqCst) == 0).await;
    server.until(|server| server.sample("sockets_open", None) == 0).await;
    assert_eq!(server.sample("subscriptions_open", None), 0);
}

#[tokio::test]
async fn operations_have_a_limit() {
    let server = Server::start();
    let mut socket = server.socket().await;
    for number in 0..51 {
        socket.subscribe(&number.to_string(), "subscription { never }").await;
    }
    assert_eq!(socket.closed().await, (4429, "Too many operations on this socket".into()));
}

#[tokio::test]
async fn a_panic_ends_its_operation_alone() {
    let server = Server::start();
    let mut socket = server.socket().await;
    socket.subscribe("quiet", "subscription { never }").await;
    socket.subscribe("stream", "subscription { panics }").await;
    assert_eq!(socket.hear().await["payload"]["data"]["panics"], 0);
    assert_eq!(socket.hear().await["payload"]["data"]["panics"], 1);
    let message = socket.hear().await;
    assert_eq!((message["type"].as_str(), code(&message["payload"][0])), (Some("error"), "INTERNAL".into()));
    socket.subscribe("mutation", "mutation { touchAndPanic }").await;
    let message = socket.hear().await;
    assert_eq!((message["type"].as_str(), code(&message["payload"][0])), (Some("error"), "INTERNAL".into()));
    assert_eq!(server.sample("subscriptions_open", None), 1);
}

#[tokio::test]
async fn a_busy_stream_lets_others_speak() {
    let server = Server::start();
    let mut socket = server.socket().await;
    socket.subscribe("busy", "subscription { busy }").await;
    assert_eq!(socket.hear().await["id"], "busy");
    socket.subscribe("query", "{ hello }").await;
    socket.say(&json!({ "type": "ping" })).await;
    let (mut has_answer, mut has_pong) = (false, false);
    let started = Instant::now();
    while !(has_answer && has_pong) {
        let message = socket.hear().await;
        has_answer |= message["id"] == "query";
        has_pong |= message["type"] == "pong";
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn who_does_not_read_is_cut_off() {
    let server = quick(Sockets { write_deadline: Duration::from_millis(300), ..Sockets::default() });
    let mut socket = server.socket().await;
    socket.subscribe("busy", "subscription { busy }").await;
    server.until(|server| server.sample("slow_consumers_closed_total", None) == 1).await;
    server.until(|server| server.sample("sockets_open", None) == 0).await;
}

#[tokio::test]
async fn a_stream_that_overflowed_closes_the_socket() {
    let server = Server::start();
    let mut socket = server.socket().await;
    socket.subscribe("x", "subscription { overflows }").await;
    assert_eq!(socket.closed().await, (4413, "slow consumer".into()));
    assert_eq!(server.sample("slow_consumers_closed_total", None), 1);
}

#[tokio::test]
async fn the_server_pings_and_drops_who_is_silent() {
    let server = quick(Sockets {
        ping_interval: Duration::from_millis(100),
        silence_deadline: Duration::from_millis(250),
        ..Sockets::default()
    });
    let mut alive = server.socket().await;
    let silent = server.socket().await;
    // To read is to answer pings.
    let reading = async {
        let mut pings = 0;
        while pings < 6 {
            let message = alive.next().await.expect("the socket is open").unwrap();
            pings += usize::from(matches!(message, Message::Ping(_)));
        }
    };
    let dropped = server.until(|server| server.sample("sockets_open", None) == 1);
    tokio::join!(reading, dropped);
    assert_eq!(server.sample("sockets_open", None), 1);
    drop(silent);
}

#[tokio::test]
async fn a_session_that_ends_takes_its_sockets_along() {
    let server = Server::start();
    let mut anonymous = server.socket().await;
    let mut socket = server.open().await;
    socket.say(&json!({ "type": "connection_init", "payload": { "token": "abc" } })).await;
    socket.hear().await;
    server.stub.ended.send_replace(Some(""));
    assert_eq!(socket.closed().await, (4401, "session ended".into()));
    anonymous.subscribe("1", "{ hello }").await;
    assert_eq!(anonymous.hear().await["type"], "next");
}

#[tokio::test]
async fn before_the_end_sockets_are_closed_one_by_one() {
    let server = Server::start();
    let mut sockets: Vec<Socket> = Vec::new();
    for _ in 0..20 {
        sockets.push(server.socket().await);
    }
    let begun = Instant::now();
    server.shutdown.begin(Duration::from_secs(1));
    let closed = futures_util::future::join_all(sockets.iter_mut().map(async |socket| {
        assert_eq!(socket.closed().await.0, 1012);
        begun.elapsed()
    }))
    .await;
    assert_one_by_one(&closed);
    server.serving.await.unwrap();
}

#[tokio::test]
async fn the_client_may_close() {
    let server = Server::start();
    let mut socket = server.socket().await;
    socket.subscribe("x", "subscription { never }").await;
    socket.0.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    server.until(|server| server.sample("sockets_open", None) == 0).await;
}
