//! What whoever runs the protocol layer may decide.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::StatusProfile;
use super::budget::{Ledger, Rates};
use super::documents::{Shelf, Trust};
use super::limits::Limits;

/// Settings of the protocol layer, with defaults for a server on the open internet.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bounds of one operation.
    pub limits: Limits,
    /// Web origins, exactly as browsers send them (`https://app.example`), that may call from a page (CORS) and
    /// open sockets and streams. Default none. The server's own origin is no exception: list it to serve a page of its own.
    pub origins: Vec<String>,
    /// Proxies in front whose `X-Forwarded-For` is believed. Default 0: the peer is the client.
    pub trusted_proxies: usize,
    /// Bytes of a request's body and of a socket's message. Default 65,536.
    pub body_bytes: usize,
    /// Bytes of an answer or an event. Default 1,048,576.
    pub response_bytes: usize,
    /// Bytes of a request's target, which holds the query of a GET. Default 16,384.
    pub target_bytes: usize,
    /// How long a body may take to arrive. Default 10 s.
    pub body_deadline: Duration,
    /// How long a client waits for an operation at most. Default 10 s.
    pub operation_deadline: Duration,
    /// How long an operation nobody waits for any more may go on, from its start. Default 30 s.
    pub operation_end: Duration,
    /// Which statuses answers have. Default those of the audits.
    pub status_profile: StatusProfile,
    /// Operations at once in this process, of whatever kind; a subscription counts while it is opened. Beyond, they are
    /// refused. Default 1,024.
    pub operations: usize,
    /// Sockets and streams over HTTP that one account may have open. Default 20; 0 is no limit.
    pub connections_per_account: usize,
    /// How many points accounts may spend on operations. Default a capacity of 0, which counts none.
    pub rates: Rates,
    /// What this instance shares with others. Default nothing.
    pub shared: Shared,
    /// Operations in a batch, a JSON array of them in one request. Default 0: there are no batches.
    pub batch: usize,
    /// Documents kept to be asked for by their hash.
    pub persisted: Persisted,
    /// Bytes of answers that are kept for as long as they hold. Default 0: none are.
    pub answer_bytes: usize,
    /// Which documents are run. Default any.
    pub trust: Trust,
    /// Between the signs of life in a stream over HTTP. Default 12 s.
    pub keep_alive: Duration,
    /// WebSocket connections.
    pub sockets: Sockets,
}

/// Bounds of what is kept for Automatic Persisted Queries; of what was asked for longest ago, the server lets go.
#[derive(Clone, Debug)]
pub struct Persisted {
    /// Documents. Default 1,024; 0 turns it off.
    pub entries: usize,
    /// Bytes of all their text. Default 4,194,304.
    pub bytes: usize,
}

/// What instances share. Each does without what it lacks, and while it cannot be reached.
#[derive(Clone, Default)]
pub struct Shared {
    /// The accounts' buckets.
    pub ledger: Option<Arc<dyn Ledger>>,
    /// Documents registered by their hash.
    pub shelf: Option<Arc<dyn Shelf>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("Shared");
        fields.field("has_ledger", &self.ledger.is_some()).field("has_shelf", &self.shelf.is_some()).finish()
    }
}

/// Settings of each WebSocket connection.
#[derive(Clone, Debug)]
pub struct Sockets {
    /// From the handshake to `connection_init`, sign-in included (close 4408). Default 4 s.
    pub init_deadline: Duration,
    /// Between the server's pings. Default 15 s.
    pub ping_interval: Duration,
    /// Without a sign of life from the client, then it is dropped. Default 30 s, two pings.
    pub silence_deadline: Duration,
    /// For what was written to leave this machine, else the client is a slow consumer (close 4413). Default 5 s.
    pub write_deadline: Duration,
    /// Operations at once (close 4429). Default 50.
    pub operations: usize,
    /// Bytes read from a client at once, in a buffer that each socket keeps. Default 1,024.
    pub read_buffer_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            origins: Vec::new(),
            trusted_proxies: 0,
            body_bytes: 64 * 1024,
            response_bytes: 1024 * 1024,
            target_bytes: 16 * 1024,
            body_deadline: Duration::from_secs(10),
            operation_deadline: Duration::from_secs(10),
            operation_end: Duration::from_secs(30),
            status_profile: StatusProfile::default(),
            operations: 1024,
            connections_per_account: 20,
            rates: Rates { capacity: 0, restore: 1 },
            shared: Shared::default(),
            batch: 0,
            persisted: Persisted::default(),
            answer_bytes: 0,
            trust: Trust::default(),
            keep_alive: Duration::from_secs(12),
            sockets: Sockets::default(),
        }
    }
}

impl Default for Persisted {
    fn default() -> Self {
        Self { entries: 1024, bytes: 4 * 1024 * 1024 }
    }
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            init_deadline: Duration::from_secs(4),
            ping_interval: Duration::from_secs(15),
            silence_deadline: Duration::from_secs(30),
            write_deadline: Duration::from_secs(5),
            operations: 50,
            read_buffer_bytes: 1024,
        }
    }
}
