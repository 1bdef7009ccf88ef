//! What carries wake-ups and signals between instances: at most once, in no certain order.

mod in_process;
mod redis;
mod server;

pub use self::in_process::InProcess;
pub use self::redis::Redis;
pub use self::server::RedisServer;

use crate::signal::Signal;
use roomm8_db::{HouseholdId, SessionId, UserId};
use serde::{Deserialize, Serialize};
use std::sync::atomic::AtomicU64;
use tokio::sync::mpsc;

/// What instances tell each other. None of it has to arrive, or is believed without the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wire {
    /// A household's log grew to this `seq`.
    Grew(HouseholdId, i64),
    /// A person's inbox grew to this number.
    InboxGrew(UserId, i64),
    /// These sessions ended.
    Ended(Vec<SessionId>),
    /// Somebody is typing, or came or went.
    Signal(Signal),
    /// The connection to the others is (again) there: what was said in between is lost.
    #[serde(skip)]
    Connected,
}

/// The messages that may wait for a hub that is busy; beyond that the oldest reader catches up by its poll.
pub(crate) const INCOMING: usize = 4096;

/// Carries messages to every instance, this one included; at most once each.
pub trait Broker: Send + Sync + 'static {
    /// Sends without waiting. A failure is counted and otherwise ignored.
    fn publish(&self, message: Wire);

    /// What was sent, by any instance. Taken once, by the hub.
    fn incoming(&self) -> Option<mpsc::Receiver<Wire>>;

    /// Whether the other instances can be reached.
    fn is_connected(&self) -> bool;

    /// What was sent and lost since the start.
    fn statistics(&self) -> &BrokerStatistics;
}

/// What a broker did since the start.
#[derive(Debug, Default)]
pub struct BrokerStatistics {
    /// Messages handed to the other instances.
    pub published: AtomicU64,
    /// Messages that could not be sent.
    pub failed: AtomicU64,
    /// Messages received that were not ours: malformed or of another version.
    pub malformed: AtomicU64,
    /// Connections made, the first one included.
    pub connections: AtomicU64,
}
