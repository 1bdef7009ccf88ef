//! How many connections there are, in all and by address.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::places::{Place, Places};
use super::super::stats::{Gauge, Held, Stats};
use super::Listen;

/// The connections of a listener.
pub(super) struct Connections {
    room: Arc<Semaphore>,
    total: u32,
    addresses: Arc<Places<IpAddr>>,
    stats: Arc<Stats>,
}

impl Connections {
    pub(super) fn new(settings: &Listen, stats: Arc<Stats>) -> Self {
        let total = u32::try_from(settings.connections).unwrap_or(u32::MAX).max(1);
        Self {
            room: Arc::new(Semaphore::new(total as usize)),
            total,
            addresses: Places::new(settings.connections_per_address.unwrap_or(0)),
            stats,
        }
    }

    /// Waits for room for one more.
    pub(super) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed; without a permit the connection would only go uncounted.
        Arc::clone(&self.room).acquire_owned().await.ok()
    }

    /// Waits until there is no connection left.
    pub(super) async fn done(&self) {
        let _ = self.room.acquire_many(self.total).await;
    }

    /// Counts a connection for as long as its seat is held, unless its address has enough of them.
    pub(super) fn admit(&self, room: Option<OwnedSemaphorePermit>, address: IpAddr) -> Option<Seat> {
        let Some(place) = self.addresses.take(subscriber(address)) else {
            self.stats.connection_refused();
            return None;
        };
        Some(Seat { _place: place, _held: self.stats.hold(Gauge::Connections), _room: room })
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
    _place: Place<IpAddr>,
    _held: Held,
    // Last: when everyone has left, everything else of them is gone too.
    _room: Option<OwnedSemaphorePermit>,
}
