//! Planted mutants: a server made faulty from outside, to prove that the delivery checker catches such a server.
//!
//! Each stands between the workload and a good server and spoils one thing the real server does right.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, body::Incoming, header, service::service_fn};
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioIo},
};
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{
    accept_hdr_async, client_async,
    tungstenite::{
        Message,
        client::IntoClientRequest,
        handshake::server::{ErrorResponse, Request as Upgrade, Response as Upgraded},
        http::HeaderValue,
    },
};

const PROTOCOL: HeaderValue = HeaderValue::from_static("graphql-transport-ws");

/// What a mutant does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: the control.
    None,
    /// Sends some events twice, as a server would that joins backlog and live without comparing numbers.
    RepeatsEvents,
    /// Ignores `after`, so that what happened between two connections is lost.
    IgnoresAfter,
    /// Ignores `clientMutationId`, so that a retry makes a second message. Every third answer gets lost.
    IgnoresIds,
}

/// A running mutant; dropped, it accepts nothing more.
pub struct Mutant {
    address: String,
    accepting: JoinHandle<()>,
}

impl Mutant {
    /// Starts a mutant of the server at `target`. It speaks WebSocket, or HTTP if its fault is in sending.
    pub async fn start(target: &str, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address").to_string();
        let target = target.to_owned();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let target = target.clone();
                tokio::spawn(async move {
                    if fault == Fault::IgnoresIds {
                        relay_requests(stream, target).await;
                    } else {
                        relay_frames(stream, &target, fault).await;
                    }
                });
            }
        });
        Self { address, accepting }
    }

    /// Its own `host:port`.
    pub fn address(&self) -> String {
        self.address.clone()
    }
}

impl Drop for Mutant {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[expect(clippy::result_large_err, clippy::unnecessary_wraps, reason = "the shape of the library's callback")]
fn accept_protocol(_: &Upgrade, mut response: Upgraded) -> Result<Upgraded, ErrorResponse> {
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
    Ok(response)
}

async fn relay_frames(stream: TcpStream, target: &str, fault: Fault) {
    let Ok(mut client) = accept_hdr_async(stream, accept_protocol).await else { return };
    let mut request = format!("ws://{target}/graphql").into_client_request().expect("an address makes a URL");
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
    let Ok(stream) = TcpStream::connect(target).await else { return };
    let Ok((mut server, _)) = client_async(request, stream).await else { return };
    let mut events = 0;
    loop {
        tokio::select! {
            said = client.next() => {
                let Some(Ok(message)) = said else { return };
                let message = if fault == Fault::IgnoresAfter { without_after(message) } else { message };
                if server.send(message).await.is_err() { return }
            }
            said = server.next() => {
                let Some(Ok(message)) = said else { return };
                let is_event = matches!(&message, Message::Text(text) if text.contains("MESSAGE_SENT"));
                events += u32::from(is_event);
                if fault == Fault::RepeatsEvents && is_event && events % 5 == 0
                    && client.send(message.clone()).await.is_err() { return }
                if client.send(message).await.is_err() { return }
            }
        }
    }
}

fn without_after(message: Message) -> Message {
    let Message::Text(text) = &message else { return message };
    let Ok(mut frame) = serde_json::from_str::<Value>(text) else { return message };
    match frame.pointer_mut("/payload/variables/after") {
        Some(after) => *after = Value::Null,
        None => return message,
    }
    Message::text(frame.to_string())
}

async fn relay_requests(stream: TcpStream, target: String) {
    let answered = std::sync::atomic::AtomicU32::new(1);
    let service = service_fn(async |request: Request<Incoming>| {
        let answer = forward(request, &target).await;
        let number = answered.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // An error ends the connection: the server did the work and the client never hears of it.
        match answer {
            Some(answer) if !number.is_multiple_of(3) => Ok(answer),
            _ => Err(std::io::Error::other("lost on the way")),
        }
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn forward(request: Request<Incoming>, target: &str) -> Option<Response<Full<Bytes>>> {
    let http = legacy::Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let (head, body) = request.into_parts();
    let mut body: Value = serde_json::from_slice(&body.collect().await.ok()?.to_bytes()).ok()?;
    if let Some(input) = body.pointer_mut("/variables/input").and_then(Value::as_object_mut) {
        input.remove("clientMutationId");
    }
    let mut request = Request::builder().method(Method::POST).uri(format!("http://{target}/graphql"));
    for name in [header::CONTENT_TYPE, header::ACCEPT, header::AUTHORIZATION] {
        request = request.header(&name, head.headers.get(&name)?);
    }
    let answer = http.request(request.body(Full::from(body.to_string())).ok()?).await.ok()?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = head.status;
    Some(response)
}
