//! A crowd of subscribers on raw sockets. They read frames themselves, so that a delivery costs the driver little.

use crate::load::runtime;
use crate::process::Watched;
use crate::rounds::Turn;
use anyhow::{Context as _, bail, ensure};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

/// Where a crowd follows, and what it says there.
#[derive(Clone)]
pub(crate) struct Chat {
    /// `host:port` of each instance.
    pub(crate) addresses: Vec<String>,
    /// The path of the socket.
    pub(crate) path: String,
    /// `connection_init`, as JSON.
    pub(crate) init: String,
    /// `subscribe` without its id, as JSON with `ID` where that goes; socket number n takes the n-th.
    pub(crate) subscribe: Vec<String>,
    /// The body of a POST that says `BODY`, whole, on the first instance.
    pub(crate) say: Vec<u8>,
}

/// How much is said.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// So many messages are under way: the next is sent when one has come to everybody.
    Window(usize),
    /// So many a second, whatever becomes of them.
    Rate(u32),
}

/// A mark that every message begins with, before its number and when it was sent.
const MARK: &[u8] = b"bench:";
/// Digits of the number, and of the microseconds at which it was sent.
const DIGITS: usize = 12;

/// What the sockets of a crowd have heard together.
#[derive(Default)]
struct Heard {
    /// Deliveries of each message, by its number.
    messages: RefCell<Vec<u32>>,
    /// Their numbers in the order in which the first to hear them did.
    order: RefCell<Vec<usize>>,
    latencies: RefCell<Vec<u32>>,
    counts: Cell<bool>,
    faults: Cell<u64>,
}

impl Heard {
    /// Whether everybody hears this message at this position.
    fn is_next(&self, position: usize, number: usize) -> bool {
        let mut order = self.order.borrow_mut();
        if order.len() == position {
            order.push(number);
        }
        order.get(position) == Some(&number)
    }
}

/// Subscribers who are connected, on a thread of their own.
pub(crate) struct Crowd {
    runtime: tokio::runtime::Runtime,
    local: LocalSet,
    chat: Chat,
    size: usize,
    heard: Rc<Heard>,
    came: Rc<Semaphore>,
    began: Instant,
    said: Cell<usize>,
    /// Sockets that are held and not read.
    deaf: RefCell<Vec<TcpStream>>,
}

impl Crowd {
    /// Connects so many, and waits until each follows.
    pub(crate) fn gather(chat: &Chat, size: usize) -> anyhow::Result<Self> {
        let crowd = Self {
            runtime: runtime()?,
            local: LocalSet::new(),
            chat: chat.clone(),
            size,
            heard: Rc::default(),
            came: Rc::new(Semaphore::new(0)),
            began: Instant::now(),
            said: Cell::new(0),
            deaf: RefCell::default(),
        };
        crowd.local.block_on(&crowd.runtime, async {
            let mut connecting = JoinSet::new();
            for number in 0..size {
                // Not all at a time, so that nobody waits in a queue of the kernel.
                if connecting.len() >= 64 {
                    crowd.listen(connecting.join_next().await);
                }
                connecting.spawn_local(connect(crowd.chat.clone(), number));
            }
            while let Some(connected) = connecting.join_next().await {
                crowd.listen(Some(connected));
            }
        });
        ensure!(crowd.heard.faults.get() == 0, "not everybody could connect");
        Ok(crowd)
    }

    /// How many messages were said so far.
    pub(crate) fn said(&self) -> usize {
        self.said.get()
    }

    /// One more subscriber, who never reads.
    pub(crate) fn add_deaf(&self) -> anyhow::Result<()> {
        let chat = self.chat.clone();
        let socket = self.local.block_on(&self.runtime, connect(chat, 0))?;
        self.deaf.borrow_mut().push(socket.stream);
        Ok(())
    }

    fn listen(&self, connected: Option<Result<anyhow::Result<Socket>, tokio::task::JoinError>>) {
        match connected {
            Some(Ok(Ok(socket))) => {
                let (heard, came) = (Rc::clone(&self.heard), Rc::clone(&self.came));
                self.local.spawn_local(listen(socket, heard, came, self.size, self.began));
            }
            Some(Ok(Err(error))) => {
                eprintln!("a subscriber could not connect: {error:#}");
                self.heard.faults.set(self.heard.faults.get() + 1);
            }
            Some(Err(_)) | None => {}
        }
    }

    /// Talks for so long, and waits until everybody has heard everything.
    pub(crate) fn talk(&self, pace: Pace, length: Duration, watched: &Watched) -> anyhow::Result<Turn> {
        self.local.block_on(&self.runtime, async {
            // What came before is not this turn's.
            self.came.forget_permits(usize::MAX >> 4);
            let already = self.said.get();
            self.heard.latencies.borrow_mut().clear();
            self.heard.counts.set(true);
            let since = watched.begin();
            match pace {
                Pace::Window(window) => self.in_window(window, length).await?,
                Pace::Rate(rate) => self.at_rate(rate, length).await?,
            }
            let (cpu, elapsed) = since.spent();
            self.heard.counts.set(false);
            ensure!(self.heard.faults.get() == 0, "a message was lost, doubled or out of order");
            let mut latencies = self.heard.latencies.take();
            latencies.sort_unstable();
            let count = u64::try_from((self.said.get() - already) * self.size)?;
            Ok(Turn { count, elapsed, latencies, cpu })
        })
    }

    async fn in_window(&self, window: usize, length: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + length;
        let mut speaking = JoinSet::new();
        for _ in 0..window {
            speaking.spawn_local(self.speaker());
        }
        let mut idle = Vec::new();
        while let Some(speaker) = speaking.join_next().await {
            idle.push(speaker??);
        }
        let mut under_way = JoinSet::new();
        loop {
            while Instant::now() < end
                && let Some(speaker) = idle.pop()
            {
                under_way.spawn_local(speaker.say(self.message()));
            }
            if under_way.is_empty() {
                return Ok(());
            }
            while let Some(said) = under_way.join_next().await {
                idle.push(said??);
            }
            // A message is done with when everybody has it.
            let wait = self.came.acquire_many(u32::try_from(idle.len())?);
            tokio::time::timeout(Duration::from_secs(20), wait).await.context("messages are lost")??.forget();
        }
    }

    async fn at_rate(&self, rate: u32, length: Duration) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        let end = Instant::now() + length;
        let (mut idle, mut saying, mut count) = (Vec::new(), JoinSet::new(), 0);
        while Instant::now() < end {
            ticks.tick().await;
            while let Some(said) = saying.try_join_next() {
                idle.push(said??);
            }
            let speaker = match idle.pop() {
                Some(speaker) => speaker,
                None => self.speaker().await?,
            };
            saying.spawn_local(speaker.say(self.message()));
            count += 1;
        }
        while let Some(said) = saying.join_next().await {
            said??;
        }
        let wait = self.came.acquire_many(count);
        tokio::time::timeout(Duration::from_secs(20), wait).await.context("messages are lost")??.forget();
        Ok(())
    }

    fn speaker(&self) -> impl Future<Output = anyhow::Result<Speaker>> + use<> {
        let address = self.chat.addresses.first().cloned().unwrap_or_default();
        async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Speaker { stream })
        }
    }

    /// The next message, as a request.
    fn message(&self) -> Vec<u8> {
        let number = self.said.replace(self.said.get() + 1);
        self.heard.messages.borrow_mut().push(0);
        let body = format!("bench:{number:0DIGITS$}{:0DIGITS$}", self.began.elapsed().as_micros());
        replaced(&self.chat.say, b"BODY", body.as_bytes())
    }
}

/// A message of the form of [`Crowd::message`] has so many characters.
pub(crate) const BODY: usize = MARK.len() + 2 * DIGITS;

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    match position(text, from) {
        Some(at) => [text.get(..at), Some(to), text.get(at + from.len()..)]
            .into_iter()
            .flatten()
            .flatten()
            .copied()
            .collect(),
        None => text.to_vec(),
    }
}

fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|bytes| bytes == part)
}

struct Speaker {
    stream: TcpStream,
}

impl Speaker {
    async fn say(mut self, request: Vec<u8>) -> anyhow::Result<Self> {
        self.stream.write_all(&request).await?;
        let mut answer = Vec::with_capacity(1024);
        loop {
            ensure!(self.stream.read_buf(&mut answer).await? > 0, "the server hung up");
            // Answers are small: they end with their JSON.
            if position(&answer, b"\r\n\r\n").is_some() && answer.ends_with(b"}") {
                let text = String::from_utf8_lossy(&answer);
                ensure!(text.starts_with("HTTP/1.1 200") && !text.contains("\"errors\""), "{text}");
                return Ok(self);
            }
        }
    }
}

/// A WebSocket after its handshake.
struct Socket {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Up to where the buffer has been read.
    read: usize,
}

async fn connect(chat: Chat, number: usize) -> anyhow::Result<Socket> {
    let address = chat.addresses.get(number % chat.addresses.len().max(1)).context("there is an instance")?;
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut socket = Socket { stream, buffer: Vec::with_capacity(1024), read: 0 };
    let upgrade = format!(
        "GET {} HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n",
        chat.path
    );
    socket.stream.write_all(upgrade.as_bytes()).await?;
    loop {
        ensure!(socket.stream.read_buf(&mut socket.buffer).await? > 0, "the server hung up");
        if let Some(end) = position(&socket.buffer, b"\r\n\r\n") {
            ensure!(
                socket.buffer.starts_with(b"HTTP/1.1 101"),
                "{}",
                String::from_utf8_lossy(&socket.buffer)
            );
            socket.read = end + 4;
            break;
        }
    }
    socket.say(chat.init.as_bytes()).await?;
    loop {
        let (_, text) = socket.frame().await?;
        let text = String::from_utf8_lossy(text).into_owned();
        if text.contains("connection_ack") {
            break;
        }
        ensure!(text.contains("\"ping\""), "{text}");
    }
    let subscribe =
        chat.subscribe.get(number % chat.subscribe.len().max(1)).context("there is a document")?;
    let id = uuid::Uuid::from_u128(rand::random()).to_string();
    socket.say(subscribe.replacen("ID", &id, 1).as_bytes()).await?;
    // The first answer says that it follows: the event with which each begins, or the floor's second acknowledgement.
    let (_, text) = socket.frame().await?;
    let text = String::from_utf8_lossy(text).into_owned();
    ensure!(!text.contains("error"), "{text}");
    Ok(socket)
}

impl Socket {
    async fn say(&mut self, text: &[u8]) -> anyhow::Result<()> {
        self.send(0x81, text).await
    }

    /// A frame (RFC 6455, 5.2), masked with zeros, which leave it as it is.
    async fn send(&mut self, head: u8, text: &[u8]) -> anyhow::Result<()> {
        let mut frame = vec![head];
        match u16::try_from(text.len()) {
            Ok(length) if length < 126 => frame.push(0x80 | u8::try_from(length)?),
            Ok(length) => {
                frame.push(0xfe);
                frame.extend(length.to_be_bytes());
            }
            Err(_) => bail!("nothing so long is said"),
        }
        frame.extend([0; 4]);
        frame.extend(text);
        Ok(self.stream.write_all(&frame).await?)
    }

    /// The next frame: its opcode and its payload.
    async fn frame(&mut self) -> anyhow::Result<(u8, &[u8])> {
        loop {
            if let Some((opcode, from, to)) = whole_frame(self.buffer.get(self.read..).unwrap_or_default()) {
                let (from, to) = (self.read + from, self.read + to);
                self.read = to;
                return Ok((opcode, self.buffer.get(from..to).unwrap_or_default()));
            }
            self.buffer.drain(..self.read);
            self.read = 0;
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server hung up");
        }
    }
}

/// The first frame of what a server sent, if it is whole: its opcode, and where its payload begins and ends.
fn whole_frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (opcode, length) = (bytes.first()? & 0x0f, *bytes.get(1)? & 0x7f);
    let (from, length) = match length {
        126 => (4, usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)).ok()?),
        length => (2, usize::from(length)),
    };
    (bytes.len() >= from + length).then_some((opcode, from, from + length))
}

async fn listen(mut socket: Socket, heard: Rc<Heard>, came: Rc<Semaphore>, size: usize, began: Instant) {
    let mut position = 0;
    let fault = |what: &str| {
        eprintln!("{what}");
        heard.faults.set(heard.faults.get() + 1);
    };
    loop {
        let (number, sent) = match socket.frame().await {
            Ok((1, text)) => match self::position(text, MARK).map(|at| marked(text, at + MARK.len())) {
                Some(Some(marked)) => marked,
                Some(None) => return fault("a message is garbled"),
                None if self::position(text, b"\"ping\"").is_some() => {
                    if socket.say(br#"{"type":"pong"}"#).await.is_err() {
                        return;
                    }
                    continue;
                }
                None => continue,
            },
            Ok((9, payload)) => {
                let payload = payload.to_vec();
                if socket.send(0x8a, &payload).await.is_err() {
                    return;
                }
                continue;
            }
            Ok((8, reason)) => return fault(&format!("closed: {}", String::from_utf8_lossy(reason))),
            Ok(_) => continue,
            Err(error) => return fault(&format!("{error:#}")),
        };
        if !heard.is_next(position, number) {
            return fault("a message was lost, doubled or out of order");
        }
        position += 1;
        let now = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        if heard.counts.get() {
            heard.latencies.borrow_mut().push(u32::try_from(now.saturating_sub(sent)).unwrap_or(u32::MAX));
        }
        let mut messages = heard.messages.borrow_mut();
        let Some(deliveries) = messages.get_mut(number) else { return fault("nobody said this") };
        *deliveries += 1;
        if usize::try_from(*deliveries) == Ok(size) {
            came.add_permits(1);
        }
    }
}

/// The number of a message, and when it was sent.
fn marked(text: &[u8], at: usize) -> Option<(usize, u64)> {
    let digits = std::str::from_utf8(text.get(at..at + 2 * DIGITS)?).ok()?;
    let (number, sent) = digits.split_at(DIGITS);
    Some((number.parse().ok()?, sent.parse().ok()?))
}
