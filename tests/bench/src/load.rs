//! HTTP load in a closed loop: each connection asks again as soon as it is answered. It speaks to sockets directly, so that
//! the driver takes as little as possible of the cores it shares with what it measures.

use crate::process::Watched;
use crate::rounds::Turn;
use anyhow::{Context as _, bail, ensure};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Somebody who is asked.
#[derive(Clone)]
pub(crate) struct Target {
    /// `host:port`.
    pub(crate) address: String,
    /// Whole HTTP requests; connection number n sends the n-th.
    pub(crate) requests: Arc<[Vec<u8>]>,
    /// What every answer begins with.
    pub(crate) begins: &'static str,
}

/// A GET.
pub(crate) fn get(address: &str, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    request("GET", address, path, headers, "")
}

/// A POST of JSON.
pub(crate) fn post(address: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let length = body.len().to_string();
    let mut all = vec![("content-type", "application/json"), ("content-length", &length)];
    all.extend(headers);
    request("POST", address, path, &all, body)
}

fn request(method: &str, address: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n{headers}\r\n{body}").into_bytes()
}

/// One answer to one request of a target.
pub(crate) fn once(target: &Target) -> anyhow::Result<String> {
    runtime()?.block_on(async {
        let mut connection = Connection::open(&target.address).await?;
        let request = target.requests.first().context("there is a request")?;
        let body = connection.ask(request).await?.to_vec();
        Ok(String::from_utf8(body)?)
    })
}

/// Asks for so long over so many connections.
pub(crate) fn drive(
    target: &Target,
    connections: usize,
    length: Duration,
    watched: &Watched,
) -> anyhow::Result<Turn> {
    runtime()?.block_on(async {
        let mut asking = JoinSet::new();
        let mut opened = Vec::new();
        for number in 0..connections {
            let request = target.requests.get(number % target.requests.len()).cloned();
            opened.push((Connection::open(&target.address).await?, request.context("there is a request")?));
        }
        let since = watched.begin();
        let end = Instant::now() + length;
        for (connection, request) in opened {
            asking.spawn(ask_until(end, connection, request, target.begins));
        }
        let mut latencies = Vec::new();
        while let Some(asked) = asking.join_next().await {
            latencies.extend(asked??);
        }
        let (cpu, elapsed) = since.spent();
        latencies.sort_unstable();
        Ok(Turn { count: u64::try_from(latencies.len())?, elapsed, latencies, cpu })
    })
}

/// The driver's: one thread, of the cores it shares with what it measures.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

async fn ask_until(
    end: Instant,
    mut connection: Connection,
    request: Vec<u8>,
    begins: &'static str,
) -> anyhow::Result<Vec<u32>> {
    let mut latencies = Vec::new();
    while Instant::now() < end {
        let asked = Instant::now();
        let body = connection.ask(&request).await?;
        ensure!(body.starts_with(begins.as_bytes()), "answered {}", String::from_utf8_lossy(body));
        latencies.push(u32::try_from(asked.elapsed().as_micros())?);
    }
    Ok(latencies)
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 * 1024) })
    }

    /// The body of the answer, which must be 200 with its length.
    async fn ask(&mut self, request: &[u8]) -> anyhow::Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let mut whole = None;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server hung up");
            }
            if whole.is_none() {
                whole = whole_length(&self.buffer)?;
            }
            match whole {
                Some((head, length)) if self.buffer.len() >= length => {
                    return Ok(self.buffer.get(head..).unwrap_or_default());
                }
                _ => {}
            }
        }
    }
}

/// How long the head is, and head and body together, once the head is there.
fn whole_length(answer: &[u8]) -> anyhow::Result<Option<(usize, usize)>> {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(answer.get(..end).unwrap_or_default())?;
    ensure!(head.starts_with("HTTP/1.1 200"), "{head}");
    let length = head.lines().filter_map(|line| line.split_once(": "));
    let mut length =
        length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value);
    let length: usize = length.next().context("the answer says its length")?.parse()?;
    Ok(Some((end + 4, end + 4 + length)))
}
