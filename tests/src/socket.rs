//! `graphql-transport-ws`, spoken by a client that records everything it hears.

use std::{fmt, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderValue, header},
        protocol::WebSocketConfig,
    },
};

/// How long opening a socket may take before it counts as refused.
const OPEN: Duration = Duration::from_secs(10);

/// An open socket that was acknowledged.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    subscriptions: u32,
}

/// Something a socket heard.
#[expect(missing_docs, reason = "the names of the fields say what they are")]
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A result of a subscription.
    Next { id: String, payload: Value },
    /// A subscription ended with errors.
    Error { id: String, errors: Value },
    /// A subscription ended.
    Complete { id: String },
    /// The answer to a ping of ours.
    Pong,
    /// The socket closed; without a code, it was cut.
    Closed { code: Option<u16>, reason: String },
}

impl Heard {
    /// The code of the error that ended a subscription.
    pub fn error_code(&self) -> Option<&str> {
        match self {
            Self::Error { errors, .. } => errors[0]["extensions"]["code"].as_str(),
            _ => None,
        }
    }
}

/// Why a socket could not be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The close code, if it came to that.
    pub code: Option<u16>,
    /// The words.
    pub reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (close code {:?})", self.reason, self.code)
    }
}

impl Socket {
    /// Opens a socket and waits for the acknowledgement.
    pub async fn open(address: &str, token: Option<&str>) -> Result<Self, Refused> {
        let payload = token.map(|token| json!({ "authorization": format!("Bearer {token}") }));
        Self::open_with(address, payload, None).await
    }

    /// Opens a socket whose own receive buffer is so small that it soon stops taking anything.
    pub async fn open_narrow(address: &str, token: &str) -> Result<Self, Refused> {
        Self::open_with(address, Some(json!({ "authorization": format!("Bearer {token}") })), Some(4096))
            .await
    }

    async fn open_with(address: &str, payload: Option<Value>, buffer: Option<u32>) -> Result<Self, Refused> {
        let opening = async {
            let mut socket = Self { stream: upgrade(address, buffer).await?, subscriptions: 0 };
            socket.say(&json!({ "type": "connection_init", "payload": payload })).await?;
            loop {
                match socket.frame().await {
                    Frame::Json(frame) if frame["type"] == "connection_ack" => return Ok(socket),
                    Frame::Json(frame) if frame["type"] == "ping" => {
                        socket.say(&json!({ "type": "pong" })).await?;
                    }
                    Frame::Json(frame) => {
                        return Err(refused(&format!("{frame} before the acknowledgement")));
                    }
                    Frame::Closed { code, reason } => return Err(Refused { code, reason }),
                }
            }
        };
        tokio::time::timeout(OPEN, opening)
            .await
            .unwrap_or_else(|_| Err(refused("no acknowledgement in time")))
    }

    /// Starts a subscription and gives its id.
    pub async fn subscribe(&mut self, document: &str, variables: Value) -> String {
        self.subscriptions += 1;
        let id = self.subscriptions.to_string();
        let payload = json!({ "query": document, "variables": variables });
        // A socket that closes meanwhile says so when it is next listened to.
        let _ = self.say(&json!({ "id": id, "type": "subscribe", "payload": payload })).await;
        id
    }

    /// Ends a subscription from this side.
    pub async fn complete(&mut self, id: &str) {
        let _ = self.say(&json!({ "id": id, "type": "complete" })).await;
    }

    /// Asks the server for a sign of life.
    pub async fn ping(&mut self) {
        let _ = self.say(&json!({ "type": "ping" })).await;
    }

    /// Waits for the next thing it hears; pings are answered on the way.
    pub async fn hear(&mut self) -> Heard {
        loop {
            let frame = match self.frame().await {
                Frame::Json(frame) => frame,
                Frame::Closed { code, reason } => return Heard::Closed { code, reason },
            };
            let id = frame["id"].as_str().unwrap_or_default().to_owned();
            match frame["type"].as_str() {
                Some("next") => return Heard::Next { id, payload: frame["payload"].clone() },
                Some("error") => return Heard::Error { id, errors: frame["payload"].clone() },
                Some("complete") => return Heard::Complete { id },
                Some("pong") => return Heard::Pong,
                Some("ping") => {
                    let _ = self.say(&json!({ "type": "pong" })).await;
                }
                _ => panic!("an unknown frame: {frame}"),
            }
        }
    }

    /// The next thing it hears within `limit`, or nothing.
    pub async fn hear_within(&mut self, limit: Duration) -> Option<Heard> {
        tokio::time::timeout(limit, self.hear()).await.ok()
    }

    /// The next result, whose `data` must be without errors; panics when none comes in time.
    pub async fn next(&mut self, limit: Duration) -> Value {
        match self.hear_within(limit).await {
            Some(Heard::Next { payload, .. }) if payload.get("errors").is_none() => payload["data"].clone(),
            heard => panic!("a result was due within {limit:?}, but {heard:?}"),
        }
    }

    /// What the next `count` results say of this field, each within `limit`.
    pub async fn next_of(&mut self, field: &str, count: usize, limit: Duration) -> Vec<Value> {
        let mut told = Vec::new();
        for _ in 0..count {
            told.push(self.next(limit).await[field].clone());
        }
        told
    }

    /// Results up to and including the first that `is_it` recognises.
    pub async fn next_until(&mut self, limit: Duration, mut is_it: impl FnMut(&Value) -> bool) -> Vec<Value> {
        let end = tokio::time::Instant::now() + limit;
        let mut results = Vec::new();
        loop {
            let left = end.saturating_duration_since(tokio::time::Instant::now());
            let result = self.next(left).await;
            let found = is_it(&result);
            results.push(result);
            if found {
                return results;
            }
        }
    }

    /// How the subscription or the socket ends; results until then are given too.
    pub async fn end_within(&mut self, limit: Duration) -> (Vec<Value>, Heard) {
        let end = tokio::time::Instant::now() + limit;
        let mut results = Vec::new();
        loop {
            let left = end.saturating_duration_since(tokio::time::Instant::now());
            match self.hear_within(left).await {
                Some(Heard::Next { payload, .. }) => results.push(payload),
                Some(Heard::Pong) => {}
                Some(heard) => return (results, heard),
                None => panic!("the subscription did not end within {limit:?}; it had sent {results:?}"),
            }
        }
    }

    async fn say(&mut self, frame: &Value) -> Result<(), Refused> {
        let sent = self.stream.send(Message::text(frame.to_string())).await;
        sent.map_err(|error| refused(&error.to_string()))
    }

    async fn frame(&mut self) -> Frame {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    let json = serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"));
                    return Frame::Json(json);
                }
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) = match frame {
                        Some(frame) => (Some(u16::from(frame.code)), frame.reason.to_string()),
                        None => (None, "closed without a code".to_owned()),
                    };
                    return Frame::Closed { code, reason };
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Frame::Closed { code: None, reason: error.to_string() },
                None => return Frame::Closed { code: None, reason: "the stream ended".to_owned() },
            }
        }
    }
}

enum Frame {
    Json(Value),
    Closed { code: Option<u16>, reason: String },
}

async fn upgrade(address: &str, buffer: Option<u32>) -> Result<WebSocketStream<TcpStream>, Refused> {
    let mut request =
        format!("ws://{address}/graphql").into_client_request().expect("an address makes a URL");
    let protocol = HeaderValue::from_static("graphql-transport-ws");
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    let stream = connect(address, buffer).await.map_err(|error| refused(&error.to_string()))?;
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(4096);
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((stream, _)) => Ok(stream),
        Err(tungstenite::Error::Http(response)) => Err(refused(&format!("HTTP {}", response.status()))),
        Err(error) => Err(refused(&error.to_string())),
    }
}

async fn connect(address: &str, buffer: Option<u32>) -> std::io::Result<TcpStream> {
    let Some(buffer) = buffer else { return TcpStream::connect(address).await };
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(buffer)?;
    socket.connect(address.parse().map_err(std::io::Error::other)?).await
}

fn refused(reason: &str) -> Refused {
    Refused { code: None, reason: reason.to_owned() }
}
