//! A server of its own for each test, and what speaks to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use roomm8_api::protocol::listener::{self, Listen};
use roomm8_api::protocol::{Settings, Shutdown, Stats, router};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::catalogue::is_documented;
use crate::stub::Stub;

/// Nothing here takes this long unless it is broken.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub struct Server {
    pub address: SocketAddr,
    pub stub: Stub,
    pub stats: Arc<Stats>,
    pub shutdown: Shutdown,
    pub serving: JoinHandle<()>,
}

impl Server {
    pub fn start() -> Self {
        Self::set(Settings::default())
    }

    pub fn set(settings: Settings) -> Self {
        Self::with(settings, Listen::default())
    }

    pub fn with(settings: Settings, listen: Listen) -> Self {
        let (stub, stats, shutdown) = (Stub::new(), Arc::new(Stats::default()), Shutdown::new());
        let router = router(stub.clone(), settings, Arc::clone(&stats), shutdown.clone()).unwrap();
        let listener = listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let serving = listener::serve(listener, router, listen, Arc::clone(&stats), shutdown.clone());
        Self { address, stub, stats, shutdown, serving: tokio::spawn(serving) }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends one request and reads the answer to its end.
    pub async fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut stream = self.connect().await;
        let mut request = format!("{method} {target} HTTP/1.1\r\nhost: stub\r\nconnection: close\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("content-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.unwrap();
        Reply::read(&mut stream).await
    }

    pub async fn post(&self, accept: &str, body: &Value) -> Reply {
        let headers = [("content-type", "application/json"), ("accept", accept)];
        self.send("POST", "/graphql", &headers, &body.to_string()).await
    }

    pub async fn query(&self, query: &str) -> Reply {
        self.post("application/graphql-response+json", &json!({ "query": query })).await
    }

    pub async fn handshake(&self, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
        let mut request = format!("ws://{}/graphql", self.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match tokio_tungstenite::client_async(request, self.connect().await).await {
            Ok((socket, _)) => Ok(Socket(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn open(&self) -> Socket {
        self.handshake(&[("sec-websocket-protocol", "graphql-transport-ws")]).await.unwrap()
    }

    pub async fn socket(&self) -> Socket {
        let mut socket = self.open().await;
        socket.say(&json!({ "type": "connection_init" })).await;
        assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
        socket
    }

    pub fn sample(&self, name: &str, label: Option<&str>) -> u64 {
        let has = |labels: &[(&str, &str)]| {
            label.is_none_or(|label| labels.iter().any(|(_, value)| *value == label))
        };
        let samples = self.stats.samples();
        samples
            .iter()
            .filter(|sample| sample.name == name && has(&sample.labels))
            .map(|sample| sample.value)
            .sum()
    }

    /// Waits until a claim about the server holds.
    pub async fn until(&self, claim: impl Fn(&Self) -> bool) {
        let holds = async {
            while !claim(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, holds).await.expect("it should have come true");
    }
}

/// At different moments of the first part of a grace period of one second.
pub fn assert_one_by_one(closed: &[Duration]) {
    let (first, last) = (closed.iter().min().unwrap(), closed.iter().max().unwrap());
    assert!(
        last.saturating_sub(*first) > Duration::from_millis(100) && *last < Duration::from_millis(1_500),
        "{closed:?}"
    );
}

pub struct Reply {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Reply {
    pub async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the answer should end");
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    pub fn code(&self) -> String {
        code(&self.json()["errors"][0])
    }
}

pub fn code(error: &Value) -> String {
    let Some(code) = error["extensions"]["code"].as_str() else { return "none".to_owned() };
    assert!(is_documented(code), "README.md says nothing of {code}");
    code.to_owned()
}

pub struct Socket(pub WebSocketStream<TcpStream>);

impl Socket {
    pub async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(&json!({ "id": id, "type": "subscribe", "payload": { "query": query } })).await;
    }

    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        timeout(PATIENCE, self.0.next()).await.expect("something should be said")
    }

    /// The next message of the protocol.
    pub async fn hear(&mut self) -> Value {
        loop {
            match self.next().await.expect("the socket is open").expect("the socket is sound") {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => panic!("not a message: {other:?}"),
            }
        }
    }

    /// The close frame; what is said before it is passed over.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.next().await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("no close frame, but {other:?}"),
            }
        }
    }
}
