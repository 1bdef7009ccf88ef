//! The newest stretch of one household's log, as this instance has read it: what followers are served from.

use crate::delivery::Delivery;
use crate::signal::Signal;
use roomm8_db::event::{Detailed, Kind, Position};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore, broadcast, watch};

/// Events kept for followers who are a little behind; the others read the database.
pub(crate) const RECENT: usize = 128;
/// How long an event is kept for them.
const RECENT_FOR: Duration = Duration::from_mins(2);
/// Signals a slow follower may be behind before it misses some.
const SIGNALS: usize = 64;
/// Followers of one household that may read the database at once.
const CATCH_UPS: usize = 2;

/// One household's log on this instance.
pub(crate) struct Log {
    recent: Mutex<Recent>,
    /// The position up to which this instance has read; followers wait for it to change.
    pub(crate) position: watch::Sender<Position>,
    /// Asks for a read of the database.
    pub(crate) wake: Notify,
    pub(crate) catch_ups: Semaphore,
    pub(crate) signals: broadcast::Sender<Signal>,
    pub(crate) followers: AtomicUsize,
    pub(crate) unfollowed_since: Mutex<Option<Instant>>,
}

struct Recent {
    /// Contiguous, up to the position's `seq`.
    deliveries: VecDeque<(Instant, Arc<Delivery>)>,
}

impl Log {
    pub(crate) fn new(position: Position) -> Self {
        Self {
            recent: Mutex::new(Recent { deliveries: VecDeque::new() }),
            position: watch::Sender::new(position),
            wake: Notify::new(),
            catch_ups: Semaphore::new(CATCH_UPS),
            signals: broadcast::Sender::new(SIGNALS),
            followers: AtomicUsize::new(0),
            unfollowed_since: Mutex::new(Some(Instant::now())),
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn at(&self) -> Position {
        *self.position.borrow()
    }

    /// Adds events that follow directly on the position, and wakes the followers.
    pub(crate) fn extend(&self, events: Vec<Detailed>) {
        let mut seq = self.at().seq;
        let mut recent = self.recent();
        for detailed in events {
            debug_assert_eq!(detailed.event.seq, seq + 1, "the log has no gap");
            seq = detailed.event.seq;
            recent.forget_old_words(&detailed);
            recent.deliveries.push_back((Instant::now(), Arc::new(Delivery::new(detailed))));
        }
        recent.trim();
        drop(recent);
        self.position.send_if_modified(|position| {
            let grew = position.seq < seq;
            position.seq = seq;
            grew
        });
    }

    /// At most `limit` of the events after `seq`, which are there; `None` if they must be read from the database.
    pub(crate) fn after(&self, seq: i64, limit: usize) -> Option<Vec<Arc<Delivery>>> {
        let recent = self.recent();
        let oldest = recent.deliveries.front()?.1.seq();
        let skip = usize::try_from(seq + 1 - oldest).ok()?;
        Some(recent.deliveries.iter().skip(skip).take(limit).map(|(_, delivery)| delivery.clone()).collect())
    }

    /// Drops events that have been kept long enough.
    pub(crate) fn trim(&self) {
        self.recent().trim();
    }

    pub(crate) fn joins(&self) {
        self.followers.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn leaves(&self) {
        if self.followers.fetch_sub(1, Ordering::Relaxed) == 1 {
            *self.unfollowed_since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    /// Whether nobody has followed for so long.
    pub(crate) fn is_unfollowed_for(&self, span: Duration) -> bool {
        let since = *self.unfollowed_since.lock().unwrap_or_else(PoisonError::into_inner);
        self.followers.load(Ordering::Relaxed) == 0 && since.is_some_and(|since| since.elapsed() > span)
    }
}

impl Recent {
    /// What a message said before it was edited or deleted must not reach anybody from here.
    fn forget_old_words(&mut self, newest: &Detailed) {
        if !matches!(newest.event.kind, Kind::MessageEdited | Kind::MessageDeleted) {
            return;
        }
        for (_, delivery) in &mut self.deliveries {
            if delivery.detailed.event.subject_id == newest.event.subject_id {
                let renewed = Detailed { message: newest.message.clone(), ..delivery.detailed.clone() };
                *delivery = Arc::new(Delivery::new(renewed));
            }
        }
    }

    fn trim(&mut self) {
        let is_old = |(at, _): &(Instant, _)| at.elapsed() > RECENT_FOR;
        while self.deliveries.len() > RECENT || self.deliveries.front().is_some_and(is_old) {
            self.deliveries.pop_front();
        }
    }
}
