//! How many connections there are, in all and by address.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
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

    /// Counts a connection for as long as its stream lives, unless its address has enough of them.
    pub(super) fn admit<T>(
        self: &Arc<Self>,
        place: Option<OwnedSemaphorePermit>,
        stream: T,
        address: IpAddr,
    ) -> Option<Counted<T>> {
        let address = subscriber(address);
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let count = addresses.entry(address).or_default();
        if self.per_address.is_some_and(|limit| *count >= limit) {
            self.stats.connection_refused();
            return None;
        }
        *count += 1;
        drop(addresses);
        let seat = Seat { connections: Arc::clone(self), address };
        let held = self.stats.hold(Gauge::Connections);
        Some(Counted { stream, _seat: seat, _held: held, _place: place })
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

/// One customer of the internet usually has a whole `IPv6` /64.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

struct Seat {
    connections: Arc<Connections>,
    address: IpAddr,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.leave(self.address);
    }
}

/// A stream that is counted. It goes along when a connection becomes a WebSocket, long after HTTP is done with it.
pub(super) struct Counted<T> {
    stream: T,
    _seat: Seat,
    _held: Held,
    // Last: when everyone has left, everything else of them is gone too.
    _place: Option<OwnedSemaphorePermit>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(task, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(task)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(task, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
