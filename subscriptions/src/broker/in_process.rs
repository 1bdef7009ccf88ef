//! The broker of a single instance.

use super::{Broker, BrokerStatistics, INCOMING, Wire};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc;

/// Hands each message straight back: the embedded default, for one process.
#[derive(Debug)]
pub struct InProcess {
    sender: mpsc::Sender<Wire>,
    receiver: Mutex<Option<mpsc::Receiver<Wire>>>,
    statistics: BrokerStatistics,
}

impl Default for InProcess {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(INCOMING);
        Self { sender, receiver: Mutex::new(Some(receiver)), statistics: BrokerStatistics::default() }
    }
}

impl Broker for InProcess {
    fn publish(&self, message: Wire) {
        let counter = match self.sender.try_send(message) {
            Ok(()) => &self.statistics.published,
            // Full: the hub's poll finds what this would have told.
            Err(_) => &self.statistics.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn incoming(&self) -> Option<mpsc::Receiver<Wire>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_connected(&self) -> bool {
        true
    }

    fn statistics(&self) -> &BrokerStatistics {
        &self.statistics
    }
}
