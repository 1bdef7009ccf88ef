//! GraphQL over WebSocket: the `graphql-transport-ws` subprotocol, as npm `graphql-ws` 6 specifies it.
//!
//! One task a socket. It owns everything of its client and waits for all of it at once, so an idle socket is one
//! small future, and a busy stream cannot keep a ping waiting.

mod close;
mod connection;
pub mod message;
mod operations;
mod stream;

use std::sync::Arc;

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request};
use axum::response::{IntoResponse, Response};

use super::error::{BAD_REQUEST, UNAVAILABLE};
use super::http::{Refused, check_origin, credentials, refuse};
use super::{Context, Credentials, Service};
pub use close::{Close, CloseCode, close_codes_as_markdown};
use connection::Connection;

/// The only subprotocol spoken. The older `graphql-ws` of subscriptions-transport-ws is another one.
const SUBPROTOCOL: &str = "graphql-transport-ws";
/// Bytes written at once, as far as there is as much to write: what a burst of events costs is mostly system calls.
const WRITTEN_AT_ONCE: usize = 4 * 1024;
/// Beyond one message: tungstenite refuses to queue more than this.
const WRITE_SLACK: usize = 64 * 1024;

/// Answers the handshake (RFC 6455, 4.2) and leaves the socket to a task of its own.
pub(super) async fn upgrade<S: Service>(
    context: &Arc<Context<S>>,
    request: Request,
    request_id: &str,
) -> Response {
    if let Err(refused) = check_origin(request.headers(), &context.settings.origins) {
        return refuse(refused);
    }
    if context.shutdown.has_begun() {
        return refuse(Refused::new(UNAVAILABLE, "this server is about to stop; connect again"));
    }
    let credentials = match credentials(&request, context.settings.trusted_proxies) {
        Ok(credentials) => credentials,
        Err(refused) => return refuse(refused),
    };
    let (mut parts, _) = request.into_parts();
    let handshake = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(handshake) => configure(handshake, context),
        Err(_) => {
            return refuse(Refused::new(
                BAD_REQUEST,
                "not a WebSocket handshake that this server can answer",
            ));
        }
    };
    let serve = serve(Arc::clone(context), credentials, request_id.into());
    handshake.on_upgrade(serve).into_response()
}

/// Small buffers: with the default of 128 kibibytes to read into, a thousand idle sockets take 128 megabytes.
fn configure<S: Service>(handshake: WebSocketUpgrade, context: &Context<S>) -> WebSocketUpgrade {
    let settings = &context.settings;
    handshake
        .protocols([SUBPROTOCOL])
        .read_buffer_size(settings.sockets.read_buffer_bytes)
        .write_buffer_size(WRITTEN_AT_ONCE)
        .max_write_buffer_size(WRITTEN_AT_ONCE + settings.response_bytes + WRITE_SLACK)
        .max_message_size(settings.body_bytes)
        .max_frame_size(settings.body_bytes)
}

fn serve<S: Service>(
    context: Arc<Context<S>>,
    credentials: Credentials,
    request_id: Box<str>,
) -> impl FnOnce(WebSocket) -> futures_util::future::BoxFuture<'static, ()> {
    move |socket| {
        if socket.protocol().is_none() {
            return Box::pin(close::close(socket, Close::subprotocol()));
        }
        Box::pin(Connection::new(context, socket, credentials, request_id).run())
    }
}
