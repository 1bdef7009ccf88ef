//! Chat: whatever comes over Redis goes to every socket as one shared text.

use super::Floor;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures_util::StreamExt as _;
use std::sync::Arc;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

pub(super) const CHANNEL: &str = "floor";

/// A frame of so many bytes, with the body in it where RoomM8's has it.
pub(super) fn frame(body: &str, bytes: usize) -> String {
    let bare =
        format!(r#"{{"id":"","type":"next","payload":{{"data":{{"messages":{{"body":"{body}"}}}}}}}}"#);
    let id = "x".repeat(bytes.saturating_sub(bare.len()));
    bare.replacen(r#""id":"""#, &format!(r#""id":"{id}""#), 1)
}

/// Passes on what is published.
pub(super) async fn relay(
    mut published: redis::aio::PubSub,
    frames: broadcast::Sender<Utf8Bytes>,
) -> anyhow::Result<()> {
    published.subscribe(CHANNEL).await?;
    tokio::spawn(async move {
        let mut published = published.into_on_message();
        while let Some(message) = published.next().await {
            let frame: String = message.get_payload().unwrap_or_default();
            if !frame.is_empty() {
                let _ = frames.send(frame.into());
            }
        }
    });
    Ok(())
}

pub(super) async fn follow(State(floor): State<Arc<Floor>>, upgrade: WebSocketUpgrade) -> Response {
    let frames = floor.frames.subscribe();
    upgrade
        .protocols(["graphql-transport-ws"])
        .read_buffer_size(1024)
        .on_upgrade(|socket| pass_on(socket, frames))
}

async fn pass_on(mut socket: WebSocket, mut frames: broadcast::Receiver<Utf8Bytes>) {
    loop {
        tokio::select! {
            frame = frames.recv() => match frame {
                Ok(frame) => if socket.send(Message::Text(frame)).await.is_err() { return },
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            heard = socket.recv() => match heard {
                // Whoever says anything is acknowledged, as a client of GraphQL expects.
                Some(Ok(Message::Text(_))) => {
                    let ack = Message::Text(Utf8Bytes::from_static(r#"{"type":"connection_ack"}"#));
                    if socket.send(ack).await.is_err() { return }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    }
}
