//! A TCP proxy that misbehaves on demand: it delays, stalls one way, resets, cuts and refuses.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{broadcast, watch},
    task::JoinHandle,
};

/// One of the two ways through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// A running proxy; dropped, it closes all it holds.
pub struct Proxy {
    address: String,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

struct State {
    target: Mutex<String>,
    delay: AtomicU64,
    is_refusing: AtomicBool,
    up: watch::Sender<bool>,
    down: watch::Sender<bool>,
    /// Ends connections: `true` with a reset, `false` with an ordinary end. Each hears it once.
    ends: broadcast::Sender<(bool, f64)>,
    open: AtomicU64,
}

impl Proxy {
    /// Starts a proxy on a free port before `target`, a `host:port`.
    pub async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address").to_string();
        let state = Arc::new(State {
            target: Mutex::new(target.to_owned()),
            delay: AtomicU64::new(0),
            is_refusing: AtomicBool::new(false),
            up: watch::Sender::new(false),
            down: watch::Sender::new(false),
            ends: broadcast::Sender::new(16),
            open: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(listener, state.clone()));
        Self { address, state, accepting }
    }

    /// Its own `host:port`.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// How many connections it carries.
    pub fn open(&self) -> u64 {
        self.state.open.load(Ordering::Relaxed)
    }

    /// Sends new connections to another `host:port`.
    pub fn point_at(&self, target: &str) {
        target.clone_into(&mut self.state.target.lock().unwrap());
    }

    /// Holds each piece of data back for this long, both ways.
    pub fn delay(&self, delay: Duration) {
        self.state.delay.store(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Lets nothing more through in one direction; connections stay open.
    pub fn stall(&self, way: Way) {
        self.state.stalled(way).send_replace(true);
    }

    /// Lets everything through again.
    pub fn heal(&self) {
        self.state.up.send_replace(false);
        self.state.down.send_replace(false);
        self.state.is_refusing.store(false, Ordering::Relaxed);
        self.delay(Duration::ZERO);
    }

    /// Resets open connections, each with this probability.
    pub fn reset(&self, probability: f64) {
        let _ = self.state.ends.send((true, probability));
    }

    /// Ends all open connections and accepts no more until [`Self::heal`].
    pub fn cut(&self) {
        self.state.is_refusing.store(true, Ordering::Relaxed);
        let _ = self.state.ends.send((false, 1.0));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        let _ = self.state.ends.send((false, 1.0));
    }
}

impl State {
    fn stalled(&self, way: Way) -> &watch::Sender<bool> {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((client, _)) = listener.accept().await {
        if state.is_refusing.load(Ordering::Relaxed) {
            continue;
        }
        let state = state.clone();
        tokio::spawn(async move {
            state.open.fetch_add(1, Ordering::Relaxed);
            carry(client, &state).await;
            state.open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

async fn carry(mut client: TcpStream, state: &State) {
    let mut ends = state.ends.subscribe();
    let target = state.target.lock().unwrap().clone();
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let is_reset = {
        let (client_read, client_write) = client.split();
        let (server_read, server_write) = server.split();
        tokio::select! {
            () = pump(client_read, server_write, Way::Up, state) => false,
            () = pump(server_read, client_write, Way::Down, state) => false,
            is_reset = ended(&mut ends) => is_reset,
        }
    };
    if is_reset {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

async fn ended(ends: &mut broadcast::Receiver<(bool, f64)>) -> bool {
    loop {
        match ends.recv().await {
            Ok((is_reset, probability)) if rand::random::<f64>() < probability => return is_reset,
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return false,
        }
    }
}

async fn pump(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    way: Way,
    state: &State,
) {
    let mut stalled = state.stalled(way).subscribe();
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let delay = state.delay.load(Ordering::Relaxed);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        if stalled.wait_for(|is_stalled| !is_stalled).await.is_err()
            || to.write_all(&buffer[..length]).await.is_err()
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// A server that says everything back.
    async fn echo() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        address
    }

    async fn said_back(stream: &mut TcpStream, word: &[u8]) -> std::io::Result<Vec<u8>> {
        stream.write_all(word).await?;
        let mut answer = vec![0; word.len()];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn it_passes_delays_and_stalls() {
        let proxy = Proxy::start(&echo().await).await;
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said_back(&mut stream, b"hello").await.unwrap(), b"hello");

        proxy.delay(Duration::from_millis(60));
        let start = Instant::now();
        assert_eq!(said_back(&mut stream, b"slow").await.unwrap(), b"slow");
        assert!(start.elapsed() >= Duration::from_millis(120));

        proxy.heal();
        proxy.stall(Way::Down);
        let asked = tokio::time::timeout(Duration::from_millis(200), said_back(&mut stream, b"held"));
        assert!(asked.await.is_err());
        proxy.heal();
        let mut held = [0; 4];
        stream.read_exact(&mut held).await.unwrap();
        assert_eq!(&held, b"held");
    }

    #[tokio::test]
    async fn it_resets_cuts_and_heals() {
        let proxy = Proxy::start(&echo().await).await;
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        said_back(&mut stream, b"hello").await.unwrap();
        proxy.reset(1.0);
        let error = stream.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

        proxy.cut();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(said_back(&mut stream, b"hello").await.is_err());
        proxy.heal();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said_back(&mut stream, b"hello").await.unwrap(), b"hello");
    }
}
