use std::time::{Duration, Instant};

use roomm8_api::protocol::Settings;
use roomm8_api::protocol::listener::Listen;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::server::{PATIENCE, Reply, Server};

const ASK: &str = "GET /graphql?query=%7Bhello%7D HTTP/1.1\r\nhost: stub\r\n\r\n";

/// Whether the server hangs up, rather than waits.
async fn is_hung_up(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    matches!(timeout(PATIENCE, stream.read(&mut byte)).await, Ok(Ok(0) | Err(_)))
}

#[tokio::test]
async fn headers_have_a_deadline() {
    let listen = Listen { header_deadline: Duration::from_millis(100), ..Listen::default() };
    let server = Server::with(Settings::default(), listen);
    let mut silent = server.connect().await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /graphql HTTP/1.1\r\nhost:").await.unwrap();
    assert!(is_hung_up(&mut silent).await && is_hung_up(&mut slow).await);
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_a_socket_is_one() {
    let listen = Listen { connections_per_address: Some(2), ..Listen::default() };
    let server = Server::with(Settings::default(), listen);
    let socket = server.socket().await;
    let second = server.connect().await;
    server.until(|server| server.sample("connections_open", None) == 2).await;
    assert!(is_hung_up(&mut server.connect().await).await);
    assert_eq!(server.sample("connections_refused_total", None), 1);
    drop((socket, second));
    server.until(|server| server.sample("connections_open", None) == 0).await;
    server.socket().await;
}

#[tokio::test]
async fn more_connections_than_there_is_room_for_wait() {
    let listen = Listen { connections: 1, ..Listen::default() };
    let server = Server::with(Settings::default(), listen);
    let first = server.connect().await;
    server.until(|server| server.sample("connections_open", None) == 1).await;
    let mut second = server.connect().await;
    second.write_all(ASK.as_bytes()).await.unwrap();
    let mut byte = [0];
    assert!(timeout(Duration::from_millis(100), second.read(&mut byte)).await.is_err());
    drop(first);
    assert_eq!(timeout(PATIENCE, second.read(&mut byte)).await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let server = Server::start();
    let mut stream = server.connect().await;
    let body = r#"{"query":"{hello}"}"#;
    let head = "POST /graphql HTTP/1.1\r\nhost: stub\r\ncontent-type: application/json";
    let post = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    for ask in [ASK, &post, &post, ASK] {
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut buffer = [0; 4096];
        let length = timeout(PATIENCE, stream.read(&mut buffer)).await.unwrap().unwrap();
        assert!(String::from_utf8_lossy(&buffer[..length]).ends_with(r#"{"data":{"hello":"world"}}"#));
    }
}

#[tokio::test]
async fn what_is_under_way_is_finished_before_the_end() {
    let server = Server::start();
    let mut idle = server.connect().await;
    let mut busy = server.connect().await;
    busy.write_all(ASK.replace("hello", "slow").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    server.shutdown.begin(Duration::from_secs(5));
    assert_eq!(Reply::read(&mut busy).await.status, 200);
    assert!(is_hung_up(&mut idle).await);
    drop(idle);
    timeout(PATIENCE, server.serving).await.unwrap().unwrap();
    assert!(started.elapsed() < Duration::from_secs(3));
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn the_end_does_not_wait_longer_than_the_grace() {
    let server = Server::start();
    let mut busy = server.connect().await;
    busy.write_all(ASK.replace("hello", "slow(milliseconds:8000)").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.shutdown.begin(Duration::from_millis(200));
    timeout(Duration::from_secs(2), server.serving).await.unwrap().unwrap();
}
