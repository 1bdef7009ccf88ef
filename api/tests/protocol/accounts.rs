use std::time::Duration;

use roomm8_api::protocol::Settings;
use roomm8_api::protocol::listener::Listen;
use serde_json::json;

use crate::server::{Server, Socket, code};

const EVENTS: [(&str, &str); 2] = [("content-type", "application/json"), ("accept", "text/event-stream")];

fn with(connections_per_account: usize, operations: usize) -> Server {
    let settings = Settings { connections_per_account, operations, ..Settings::default() };
    Server::with(settings, Listen::default())
}

async fn signed_in(server: &Server, token: &str) -> Socket {
    let mut socket = server.open().await;
    socket.say(&json!({ "type": "connection_init", "payload": { "token": token } })).await;
    socket
}

#[tokio::test]
async fn an_account_has_so_many_sockets_and_streams() {
    let server = with(2, 10);
    let mut first = signed_in(&server, "ada.1").await;
    assert_eq!(first.hear().await["type"], "connection_ack");
    let mut second = signed_in(&server, "ada.2").await;
    assert_eq!(second.hear().await["type"], "connection_ack");

    let (code, reason) = signed_in(&server, "ada.1").await.closed().await;
    assert_eq!(
        (code, reason.as_str()),
        (4420, "Too many sockets and streams of this account: close another")
    );
    let stream = async |token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [EVENTS[0], EVENTS[1], ("authorization", &bearer)];
        server.send("POST", "/graphql", &headers, r#"{"query":"{ hello }"}"#).await
    };
    let refused = stream("ada.1").await;
    assert_eq!((refused.status, refused.code()), (429, "TOO_MANY_CONNECTIONS".into()));
    assert_eq!(server.sample("account_connections_refused_total", None), 2);
    // Others are not concerned, nor is what does not stay.
    assert_eq!(stream("bob.1").await.status, 200);
    let bearer = ("authorization", "Bearer ada.1");
    let headers = [EVENTS[0], bearer];
    assert_eq!(server.send("POST", "/graphql", &headers, r#"{"query":"{ hello }"}"#).await.status, 200);

    drop(second);
    server.until(|server| server.sample("sockets_open", None) == 1).await;
    assert_eq!(stream("ada.2").await.status, 200);
    assert_eq!(stream("ada.2").await.status, 200);
}

#[tokio::test]
async fn beyond_so_many_operations_others_are_told_to_come_later() {
    let server = with(0, 1);
    let mut socket = server.socket().await;
    socket.subscribe("slow", "{ slow(milliseconds: 300) }").await;
    server.until(|server| server.sample("operations_open", None) == 1).await;

    let refused = server.query("{ hello }").await;
    assert_eq!((refused.status, refused.code()), (503, "UNAVAILABLE".into()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    for operation in ["{ hello }", "subscription { never }"] {
        socket.subscribe("refused", operation).await;
        let message = socket.hear().await;
        assert_eq!((&message["id"], &message["type"]), (&json!("refused"), &json!("error")));
        assert_eq!(code(&message["payload"][0]), "UNAVAILABLE");
    }
    assert_eq!(server.sample("operations_shed_total", None), 3);

    assert_eq!(socket.hear().await["payload"]["data"]["slow"], "x");
    assert_eq!(server.query("{ hello }").await.status, 200);
    // A subscription counts while it is opened, not while it lasts.
    socket.subscribe("quiet", "subscription { never }").await;
    server.until(|server| server.sample("subscriptions_open", None) == 1).await;
    assert_eq!(server.query("{ hello }").await.status, 200);
}

#[tokio::test]
async fn an_operation_keeps_its_place_when_its_client_has_gone() {
    let server = with(0, 1);
    let mut socket = server.socket().await;
    socket.subscribe("left", "mutation { touchSlowly(milliseconds: 300) }").await;
    server.until(|server| server.sample("operations_open", None) == 1).await;
    drop(socket);
    server.until(|server| server.sample("sockets_open", None) == 0).await;
    assert_eq!(server.query("{ hello }").await.status, 503);
    server.until(|server| server.sample("operations_open", None) == 0).await;
    tokio::time::timeout(Duration::from_secs(1), server.query("{ hello }")).await.unwrap();
}
