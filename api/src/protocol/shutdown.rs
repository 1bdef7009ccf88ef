//! How the process tells its connections that it is about to stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// A handle on the coming end. Clones are the same end.
#[derive(Clone, Debug)]
pub struct Shutdown {
    end: Arc<watch::Sender<Option<End>>>,
}

#[derive(Clone, Copy, Debug)]
struct End {
    grace: Duration,
    notice: Duration,
}

impl Shutdown {
    /// Nothing has begun.
    pub fn new() -> Self {
        Self { end: Arc::new(watch::Sender::new(None)) }
    }

    /// Tells everyone that in `grace` from now the process stops. The first call counts.
    pub fn begin(&self, grace: Duration) {
        self.begin_with_notice(grace, Duration::ZERO);
    }

    /// The same, and for the first part of the grace period requests are still taken, as whoever leads them here has not
    /// heard yet.
    pub fn begin_with_notice(&self, grace: Duration, notice: Duration) {
        self.end.send_if_modified(|told| {
            let is_first = told.is_none();
            told.get_or_insert(End { grace, notice: notice.min(grace) });
            is_first
        });
    }

    /// For how long after the beginning requests are still taken.
    pub(crate) fn notice(&self) -> Duration {
        self.end.borrow().map_or(Duration::ZERO, |end| end.notice)
    }

    /// Whether it has begun: a readiness probe fails from here on.
    pub fn has_begun(&self) -> bool {
        self.end.borrow().is_some()
    }

    /// Waits for the beginning; returns the time from then to the end.
    pub fn begun(&self) -> impl Future<Output = Duration> + Send + 'static {
        let mut told = self.end.subscribe();
        // The future owns a handle: with every sender gone the wait would end.
        let handle = self.clone();
        async move {
            let grace = told.wait_for(Option::is_some).await.ok().and_then(|end| end.map(|end| end.grace));
            drop(handle);
            grace.unwrap_or_default()
        }
    }

    /// Waits until it is a connection's turn to go, if it could go on for ever: each has another moment of the first
    /// part of the grace period, so that their clients do not all connect to the next instance at once.
    pub(crate) async fn turn(self) {
        let grace = self.begun().await;
        let moment = rand::random_range(0.0..0.7);
        tokio::time::sleep(grace.mul_f64(moment).max(Duration::from_millis(1))).await;
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}
