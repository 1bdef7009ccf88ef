//! How many connections there are, in all and by address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::stats::{Gauge, Held, Stats};
use super::Listen;

/// The connections of a listener.
pub(super) struct Connections {
    places: Arc<Semaphore>,
    total: u32,
    per_address: Option<usize>,
    addresses: Mutex<HashMap<IpAddr, usize>>,
    stats: Arc<Stats>,
}

impl Connections {
    pub(super) fn new(settings: &Listen, stats: Arc<Stats>) -> Self {
        let total = u32::try_from(settings.connections).unwrap_or(u32::MAX).max(1);
        Self {
            places: Arc::new(Semaphore::new(total as usize)),
            total,
            per_address: settings.connections_per_address,
            addresses: Mutex::default(),
            stats,
        }
    }

    /// Waits for room for one more.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed; without a permit the connection would only go uncounted.
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Waits until there is no connection left.
    pub(super) async fn done(&self) {
        let _ = self.places.acquire_many(self.total).await;
    }

    /// Counts a connection for as long as its seat is held, unless its address has enough of them.
    pub(super) fn admit(
        self: &Arc<Self>,
        place: Option<OwnedSemaphorePermit>,
        address: IpAddr,
    ) -> Option<Seat> {
        let address = subscriber(address);
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let count = addresses.entry(address).or_default();
        if self.per_address.is_some_and(|limit| *count >= limit) {
            self.stats.connection_refused();
            return None;
        }
        *count += 1;
        drop(addresses);
        let held = self.stats.hold(Gauge::Connections);
        Some(Seat { connections: Arc::clone(self), address, _held: held, _place: place })
    }

    fn leave(&self, address: IpAddr) {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&address);
            }
        }
    }
}

/// Whose address this is: one customer of the internet usually has a whole `IPv6` /64.
pub(crate) fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

/// A connection's share of the numbers; given back when it is dropped.
pub(super) struct Seat {
    connections: Arc<Connections>,
    address: IpAddr,
    _held: Held,
    // Last: when everyone has left, everything else of them is gone too.
    _place: Option<OwnedSemaphorePermit>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.leave(self.address);
    }
}
