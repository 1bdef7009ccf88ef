//! The broker of several instances: one Redis pub/sub channel.
//!
//! Every instance listens to the one channel for as long as it lives, whatever its subscribers follow: there is
//! then no subscribing and unsubscribing to race with, and a wake-up for a household nobody follows here costs one
//! look into a map.

use super::{Broker, BrokerStatistics, INCOMING, RedisServer, Wire};
use futures_util::StreamExt;
use redis::{RedisResult, aio::MultiplexedConnection};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

const CHANNEL: &str = "roomm8";
/// Messages that may wait to be published; beyond that they are dropped, counted, and found by the polls.
const OUTGOING: usize = 1024;
/// Messages sent in one round trip.
const BATCH: usize = 64;
/// How long a call to Redis may take.
const DEADLINE: Duration = Duration::from_millis(500);
/// How long to wait before connecting again: at least, at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Speaks to the other instances through Redis. Losing Redis delays delivery, to the poll's pace, and loses nothing.
pub struct Redis {
    outgoing: mpsc::Sender<Wire>,
    incoming: Mutex<Option<mpsc::Receiver<Wire>>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    statistics: BrokerStatistics,
    is_connected: AtomicBool,
}

impl Redis {
    /// Speaks through this server, and connects to it again whenever it was lost.
    pub fn through(server: &RedisServer) -> Self {
        let (outgoing, to_send) = mpsc::channel(OUTGOING);
        let (received, incoming) = mpsc::channel(INCOMING);
        let shared = Arc::new(Shared::default());
        tokio::spawn(publish_all(server.clone(), to_send, shared.clone()));
        tokio::spawn(listen(server.clone(), received, shared.clone()));
        Self { outgoing, incoming: Mutex::new(Some(incoming)), shared }
    }
}

impl Broker for Redis {
    fn publish(&self, message: Wire) {
        if self.outgoing.try_send(message).is_err() {
            self.shared.statistics.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn incoming(&self) -> Option<mpsc::Receiver<Wire>> {
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_connected(&self) -> bool {
        self.shared.is_connected.load(Ordering::Relaxed)
    }

    fn statistics(&self) -> &BrokerStatistics {
        &self.shared.statistics
    }
}

/// Publishes what is queued until the broker is dropped. A batch that fails is counted and forgotten: it is too
/// old to be of use by the time Redis is back.
async fn publish_all(server: RedisServer, mut outgoing: mpsc::Receiver<Wire>, shared: Arc<Shared>) {
    let mut connection: Option<MultiplexedConnection> = None;
    let mut batch = Vec::with_capacity(BATCH);
    while outgoing.recv_many(&mut batch, BATCH).await > 0 {
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let sent = timeout(DEADLINE, publish(&server, &mut connection, &batch)).await;
        batch.clear();
        if let Ok(Ok(())) = sent {
            shared.statistics.published.fetch_add(count, Ordering::Relaxed);
        } else {
            connection = None;
            shared.statistics.failed.fetch_add(count, Ordering::Relaxed);
        }
    }
}

async fn publish(
    server: &RedisServer,
    connection: &mut Option<MultiplexedConnection>,
    batch: &[Wire],
) -> RedisResult<()> {
    let mut pipeline = redis::pipe();
    for message in batch {
        if let Ok(text) = serde_json::to_string(message) {
            pipeline.publish(CHANNEL, text).ignore();
        }
    }
    if connection.is_none() {
        *connection = Some(server.connect().await?);
    }
    match connection {
        Some(connection) => pipeline.exec_async(connection).await,
        None => Ok(()),
    }
}

/// Listens until the hub is gone; connects again whenever Redis is lost.
async fn listen(server: RedisServer, received: mpsc::Sender<Wire>, shared: Arc<Shared>) {
    let (mut pause, mut is_told) = (BACK_OFF.0, false);
    while !received.is_closed() {
        let heard = hear(&server, &received, &shared).await;
        if shared.is_connected.swap(false, Ordering::Relaxed) {
            (pause, is_told) = (BACK_OFF.0, false);
        }
        // Once an outage.
        if !is_told {
            is_told = true;
            warn!(
                error = heard.err().map(|error| error.to_string()),
                "Redis is lost: messages between instances now take until the next poll"
            );
        }
        sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
        pause = (pause * 2).min(BACK_OFF.1);
    }
}

async fn hear(server: &RedisServer, received: &mpsc::Sender<Wire>, shared: &Shared) -> RedisResult<()> {
    let connecting = timeout(Duration::from_secs(2), server.listen(CHANNEL));
    let Ok(connection) = connecting.await else { return Ok(()) };
    let mut messages = connection?.into_on_message();
    shared.is_connected.store(true, Ordering::Relaxed);
    shared.statistics.connections.fetch_add(1, Ordering::Relaxed);
    info!("listening to the other instances through Redis");
    // What was published while nobody listened is lost: everything followed here is read once.
    if received.send(Wire::Connected).await.is_err() {
        return Ok(());
    }
    while let Some(message) = messages.next().await {
        let Ok(message) = serde_json::from_slice(message.get_payload_bytes()) else {
            shared.statistics.malformed.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        if received.send(message).await.is_err() {
            break;
        }
    }
    Ok(())
}
