use roomm8_api::protocol::listener::Listen;
use roomm8_api::protocol::{Settings, Sockets};
use serde_json::{Value, json};
use std::time::Duration;

use crate::server::{Server, Socket};

async fn signed_in(server: &Server, token: &str) -> Socket {
    let mut socket = server.open().await;
    socket.say(&json!({ "type": "connection_init", "payload": { "token": token } })).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    socket
}

async fn renew(socket: &mut Socket, authorization: Value) {
    socket.say(&json!({ "type": "ping", "payload": { "authorization": authorization } })).await;
}

async fn caller(socket: &mut Socket) -> Value {
    socket.subscribe("who", "{ caller }").await;
    let caller = socket.hear().await["payload"]["data"]["caller"].clone();
    assert_eq!(socket.hear().await["type"], "complete");
    caller
}

#[tokio::test]
async fn another_session_of_the_account_takes_over() {
    let server = Server::start();
    let mut socket = signed_in(&server, "ada.1").await;
    socket.subscribe("quiet", "subscription { never }").await;
    renew(&mut socket, json!("Bearer ada.2")).await;
    // Without the token in it.
    assert_eq!(socket.hear().await, json!({ "type": "pong" }));
    assert_eq!(caller(&mut socket).await, "ada.2");

    server.stub.ended.send_replace(Some("ada.1"));
    assert_eq!(caller(&mut socket).await, "ada.2");
    assert_eq!(server.sample("subscriptions_open", None), 1);
    server.stub.ended.send_replace(Some("ada.2"));
    assert_eq!(socket.closed().await, (4401, "session ended".into()));
}

#[tokio::test]
async fn what_is_sent_after_the_token_is_the_new_sessions_already() {
    let server = Server::start();
    let mut socket = signed_in(&server, "ada.1").await;
    renew(&mut socket, json!("bearer ada.2")).await;
    socket.subscribe("who", "{ caller }").await;
    assert_eq!(socket.hear().await["type"], "pong");
    assert_eq!(socket.hear().await["payload"]["data"]["caller"], "ada.2");
}

#[tokio::test]
async fn no_other_token_will_do() {
    let server = Server::start();
    for (authorization, reason) in [
        (json!("Bearer definitely.not.valid"), "the token is not valid"),
        (json!("Bearer bob.1"), "the token is of another account"),
        (json!("Basic ada.2"), "authorization is \"Bearer\" and a token"),
        (json!(7), "authorization is \"Bearer\" and a token"),
    ] {
        let mut socket = signed_in(&server, "ada.1").await;
        renew(&mut socket, authorization).await;
        assert_eq!(socket.closed().await, (4403, reason.into()));
    }
    let mut anonymous = server.socket().await;
    renew(&mut anonymous, json!("Bearer ada.1")).await;
    assert_eq!(anonymous.closed().await.0, 4403);
}

#[tokio::test]
async fn a_fault_of_ours_does_not_send_anybody_to_sign_in() {
    let sockets = Sockets { init_deadline: Duration::from_millis(300), ..Sockets::default() };
    let server = Server::with(Settings { sockets, ..Settings::default() }, Listen::default());
    // It cannot be said whose token it is, or not in time.
    for token in ["Bearer down", "Bearer slow"] {
        let mut socket = signed_in(&server, "ada.1").await;
        renew(&mut socket, json!(token)).await;
        assert_eq!(socket.closed().await.0, 1013);
    }
}

#[tokio::test]
async fn any_other_ping_is_a_ping() {
    let server = Server::start();
    let mut socket = server.open().await;
    let early = json!({ "authorization": "Bearer ada.2" });
    socket.say(&json!({ "type": "ping", "payload": early })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong", "payload": early }));
    socket.say(&json!({ "type": "connection_init", "payload": { "token": "ada.1" } })).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    for payload in [json!({ "token": 5 }), json!({ "authorization": null, "n": 1 })] {
        socket.say(&json!({ "type": "ping", "payload": payload })).await;
        assert_eq!(socket.hear().await, json!({ "type": "pong", "payload": payload }));
    }
    assert_eq!(caller(&mut socket).await, "ada.1");
}
