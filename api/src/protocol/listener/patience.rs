//! A connection: counted for as long as it lives, and hung up on if it takes nothing of what is written to it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::super::stats::Stats;
use super::connections::Seat;

/// For a client to close its side too, after this one has.
const LINGER: Duration = Duration::from_secs(2);

/// A stream that fails once a write has waited for too long. hyper itself would wait for ever: the body it sends is
/// not even asked meanwhile, so only here can it be noticed.
///
/// It goes along when a connection becomes a WebSocket, long after HTTP is done with it, and its seat with it.
pub(super) struct Patient {
    stream: TcpStream,
    deadline: Duration,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Runs once all is said, while the client may still be sending.
    lingering: Option<Pin<Box<Sleep>>>,
    stats: Arc<Stats>,
    // Last: when the last seat is free, everything else of its connection is gone too.
    _seat: Seat,
}

impl Patient {
    pub(super) fn new(stream: TcpStream, seat: Seat, deadline: Duration, stats: Arc<Stats>) -> Self {
        Self { stream, deadline, stalled: None, lingering: None, stats, _seat: seat }
    }

    fn watch<R>(&mut self, task: &mut Context<'_>, written: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let deadline = self.deadline;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(deadline)));
        if stalled.as_mut().poll(task).is_pending() {
            return Poll::Pending;
        }
        self.stalled = None;
        self.stats.slow_consumer();
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client did not read in time")))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(task, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(task, bytes);
        self.watch(task, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(task)
    }

    /// Closes in stages (RFC 9112, 9.6): says that nothing more comes, then reads on until the client closes too, for at most
    /// [`LINGER`]. Closed at once, with a refused body still arriving, the kernel would reset the connection, and the client
    /// might never see why.
    fn poll_shutdown(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(task))?;
        }
        let lingering = this.lingering.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut unread = [0; 4096];
        while lingering.as_mut().poll(task).is_pending() {
            let mut unread = ReadBuf::new(&mut unread);
            ready!(Pin::new(&mut this.stream).poll_read(task, &mut unread))?;
            if unread.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(task, bytes);
        self.watch(task, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
