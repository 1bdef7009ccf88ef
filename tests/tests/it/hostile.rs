//! What nobody sends by accident, to a server that may not grow: it refuses it, lives, and serves the others meanwhile.

#![allow(clippy::format_collect, reason = "a test need not be fast")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use roomm8_tests::client::Client;
use roomm8_tests::{Deployment, wait};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of address space that the server has; it starts with some half of it reserved.
const ADDRESS_SPACE: u64 = 512 << 20;
/// Connections that say little or nothing, if a process may have so many files.
const SILENT: usize = 10_000;
/// Files that a process needs for other things.
const OTHER_FILES: usize = 500;
/// Bytes of a document that is refused before it has arrived.
const LONG: usize = 60_000;
/// How soon somebody ordinary is answered, on a busy machine.
const SOON: Duration = Duration::from_secs(5);

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{{ f(v: {}1{}) }}", open.repeat(depth), close.repeat(depth))
}

fn doubling(fragments: usize, spreads: usize, base: &str) -> String {
    let chain: String = (0..fragments)
        .map(|n| format!("fragment F{n} on Query {{ {} }}\n", format!("...F{} ", n + 1).repeat(spreads)))
        .collect();
    format!("{base}\n{chain} fragment F{fragments} on Query {{ __typename }}")
}

/// Documents that are small to send and large to have.
fn documents() -> Vec<String> {
    let mut documents = vec![
        doubling(30, 2, "{ ...F0 }"),
        doubling(30, 8, "{ ...F0 }"),
        doubling(24, 2, "{ ...F0 ...F1 ...F2 } query Q { ...F0 }"),
        doubling(24, 2, "{ __typename }"),
        "{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }".into(),
        "query($v: [[[[[[[[String]]]]]]]]) { node(id: $v) { id } }".into(),
        format!("{{ {} }}", "a: __typename ".repeat(1_000)),
        format!("{{ {} }}", (0..900).map(|n| format!("a{n}: __typename ")).collect::<String>()),
        format!("{{ __typename {} }}", "@skip(if: false) ".repeat(900)),
        format!("{{ __typename {} }}", "@a".repeat(7_000)),
        format!("query({}) {{ __typename }}", "$a: Int ".repeat(1_500)),
        format!("{{ {} }}", "unknown ".repeat(1_900)),
        "\"\"\"".repeat(5_000),
        format!("{{ node(id: \"{}", "\\u0041".repeat(2_000)),
        format!("{{ node(id: {}) {{ id }} }}", "9".repeat(15_000)),
        format!("{{ {} }}", "__schema { types { name } } ".repeat(400)),
        format!("{{ __schema {}{} }}", "{ types { fields { type ".repeat(20), "} } }".repeat(20)),
        "\u{feff}{ __typename \u{0} \u{202e} }".into(),
    ];
    for (open, close) in [("[", "]"), ("{a:", "}"), ("{a:[", "]}")] {
        documents.extend([1_600, 4_000, 100_000].map(|depth| nested(open, close, depth)));
    }
    documents.extend([1_600, 100_000].map(|depth| format!("{}{}", "{ a ".repeat(depth), "}".repeat(depth))));
    documents.push(format!("query($v: {}Int{}) {{ a }}", "[".repeat(7_000), "]".repeat(7_000)));
    documents
}

/// Whole requests, from their first line on.
fn requests() -> Vec<Vec<u8>> {
    let post = |headers: &str, body: &[u8]| {
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let json = "content-type: application/json\r\n";
    let deep = |open: &str, close: &str, depth: usize| {
        let value = open.repeat(depth) + "1" + &close.repeat(depth);
        format!(r#"{{"query":"query($v: Int) {{ __typename }}","variables":{{"v":{value}}}}}"#).into_bytes()
    };
    vec![
        post(json, &deep("[", "]", 100)),
        post(json, &deep("[", "]", 30_000)),
        post(json, &deep("[", "]", 100_000)),
        post(json, &deep("{\"a\":", "}", 10_000)),
        post(json, "[".repeat(60_000).as_bytes()),
        post(json, format!("[{}]", vec![r#"{"query":"{__typename}"}"#; 2_000].join(",")).as_bytes()),
        post(json, &vec![b' '; 8 << 20]),
        post(json, b"\xff\xfe{"),
        post(&format!("{json}content-encoding: gzip\r\n"), &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]),
        post("content-type: multipart/form-data; boundary=x\r\n", b"--x\r\n\r\n{}\r\n--x--"),
        b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFF\r\n".to_vec(),
        format!("GET /graphql?query={} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "%7B".repeat(20_000)).into_bytes(),
        format!("GET / HTTP/1.1\r\n{}\r\n\r\n", "a: b\r\n".repeat(50_000)).into_bytes(),
        vec![0; 100_000],
    ]
}

/// Somebody ordinary, who asks all the time; the number of answers, once told to stop.
async fn ordinary(client: Client, stop: Arc<AtomicBool>) -> usize {
    let answers = AtomicUsize::new(0);
    while !stop.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let data = client.query("{ __typename }", Value::Null).await;
        assert_eq!(data["__typename"], "Query");
        // This one asks the database.
        let (status, body) = client.get("/readyz").await.unwrap();
        assert_eq!(status, 200, "{body}");
        assert!(asked.elapsed() < SOON, "an ordinary request took {:?}", asked.elapsed());
        answers.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    answers.into_inner()
}

async fn sends(address: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // It may be hung up on half-way; what matters is that the server lives.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(12), stream.read_to_end(&mut answer)).await;
    answer
}

/// How many files this process may have open, and so the server it started.
fn files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap_or(usize::MAX)
}

/// Connections that begin and do not go on: nothing at all, half a request, half a body, half a handshake.
async fn half_open(address: &str) -> Vec<TcpStream> {
    const HANDSHAKE: &str = "GET /graphql HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        sec-websocket-protocol: graphql-transport-ws\r\n\r\n";
    let beginnings = [
        "",
        "POST /graphql HT",
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{",
        HANDSHAKE,
    ];
    let silent = SILENT.min(files().saturating_sub(OTHER_FILES));
    eprintln!("{silent} connections stay half open");
    // Not all in one moment: that would be a test of how fast this machine makes connections.
    let opening = stream::iter(0..silent).map(async |number| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let _ = stream.write_all(beginnings[number % beginnings.len()].as_bytes()).await;
        stream
    });
    opening.buffer_unordered(64).collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_input_costs_the_others_nothing() {
    let plan = Deployment::OneProcess.own().within(ADDRESS_SPACE);
    let system = plan.with("CONNECTIONS_PER_ADDRESS", "0").with("LOG", "warn").start().await;
    let server = system.a();
    let address = server.address();
    let stop = Arc::new(AtomicBool::new(false));
    let customer = tokio::spawn(ordinary(server.anonymous(), stop.clone()));
    let silent = half_open(&address).await;

    for document in documents() {
        let answer = match server.anonymous().ask(&document, json!({})).await {
            Ok(answer) => answer,
            // Hung up on while it was still sending.
            Err(_) if document.len() > LONG => continue,
            Err(error) => panic!("{error}"),
        };
        let shown: String = document.chars().take(60).collect();
        assert!((400..500).contains(&answer.status.as_u16()), "{shown}… was answered {answer:?}");
        assert!(answer.code().is_some(), "{shown}… was refused without a code: {answer:?}");
    }
    let requests = requests();
    let answers = join_all(requests.iter().map(|request| sends(&address, request))).await;
    for (request, answer) in requests.iter().zip(answers) {
        let status = String::from_utf8_lossy(answer.get(9..12).unwrap_or_default()).into_owned();
        let shown = String::from_utf8_lossy(&request[..request.len().min(40)]).into_owned();
        assert!(answer.is_empty() || status.starts_with('4') || status == "200", "{shown:?}: {status}");
    }

    wait::until_so(Duration::from_secs(30), "those who say nothing were hung up on", async || {
        server.metric("roomm8_connections_open").await < 20.0
    })
    .await;
    drop(silent);
    stop.store(true, Ordering::Relaxed);
    assert!(customer.await.unwrap() > 10);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
