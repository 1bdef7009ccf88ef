//! One subscriber's way through a household's log.

use crate::delivery::Delivery;
use crate::hub::{Inner, PAGE};
use crate::log::Log;
use crate::signal::Signal;
use roomm8_db::event::Position;
use roomm8_db::{Error, HouseholdId, Member};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::time::sleep;

/// Events taken from the log at once.
const BATCH: usize = 64;
/// How far behind a follower may be. Further back it is cheaper, and truer, to fetch the present state.
const REACH: i64 = 10_000;

/// Why a subscription cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The member left or was removed.
    MembershipEnded,
    /// The log cannot be followed from here any more: fetch the present state and start from its cursor.
    Resync,
}

/// Follows a household's log: every event the member may see, once, in order.
pub struct Follower {
    way: Way,
    signals: broadcast::Receiver<Signal>,
}

/// Where a follower is in the log.
struct Way {
    hub: Arc<Inner>,
    log: Arc<Log>,
    position: watch::Receiver<Position>,
    member: Member,
    cursor: Position,
    taken: VecDeque<Arc<Delivery>>,
}

impl Drop for Way {
    fn drop(&mut self) {
        self.log.leaves();
    }
}

impl Follower {
    /// A follower from this position on, of a log that already counts it.
    pub(crate) fn new(hub: Arc<Inner>, log: Arc<Log>, member: Member, cursor: Position) -> Self {
        let position = log.position.subscribe();
        let signals = log.signals.subscribe();
        Self { way: Way { hub, log, position, member, cursor, taken: VecDeque::new() }, signals }
    }

    pub(crate) fn from(mut self, after: Position) -> Result<Self, Error> {
        self.way.cursor = after;
        if self.way.is_out_of_reach(self.way.log.at()) { Err(Error::Resync) } else { Ok(self) }
    }

    /// The member who follows.
    pub fn member(&self) -> &Member {
        &self.way.member
    }

    /// The position up to which everything was handed out.
    pub fn cursor(&self) -> Position {
        self.way.cursor
    }

    /// The next event the member may see. Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Result<Arc<Delivery>, End> {
        self.way.next().await
    }

    /// The next signal the member may see; the log is watched meanwhile for the end of the membership.
    pub async fn next_signal(&mut self) -> Result<Signal, End> {
        loop {
            let signal = tokio::select! {
                signal = self.signals.recv() => signal,
                event = self.way.next() => {
                    event?;
                    continue;
                }
            };
            match signal {
                Ok(signal) if self.way.may_see(&signal) => return Ok(signal),
                // What was missed was only worth something then.
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Err(End::Resync),
            }
        }
    }
}

impl Way {
    async fn next(&mut self) -> Result<Arc<Delivery>, End> {
        loop {
            while let Some(delivery) = self.taken.pop_front() {
                if self.pass(&delivery)? {
                    return Ok(delivery);
                }
            }
            self.take_more().await?;
        }
    }

    /// Moves past an event; tells whether the member may see it.
    fn pass(&mut self, delivery: &Delivery) -> Result<bool, End> {
        let event = &delivery.detailed.event;
        debug_assert_eq!(event.seq, self.cursor.seq + 1, "followers see no gap");
        self.cursor.seq = event.seq;
        if event.seq > self.member.joined_seq() && event.ends_membership_of(self.member.id()) {
            return Err(End::MembershipEnded);
        }
        Ok(event.is_for(self.member.id()) && self.member.sees(event.seq))
    }

    fn household(&self) -> HouseholdId {
        self.member.household_id()
    }

    async fn take_more(&mut self) -> Result<(), End> {
        let at = *self.position.borrow_and_update();
        if at.epoch != self.cursor.epoch || self.is_out_of_reach(at) {
            return Err(End::Resync);
        }
        if at.seq <= self.cursor.seq {
            // Fails only when the log is gone, and we hold it.
            let _ = self.position.changed().await;
            return Ok(());
        }
        match self.log.after(self.cursor.seq, BATCH) {
            Some(recent) => self.taken.extend(recent),
            // In a box: it is rare, and every idle follower would carry its size.
            None => Box::pin(self.catch_up()).await,
        }
        Ok(())
    }

    fn is_out_of_reach(&self, at: Position) -> bool {
        at.seq - self.cursor.seq > REACH
    }

    /// Reads what the hub keeps no longer. Few may at once: those who are far behind must not starve the others.
    async fn catch_up(&mut self) {
        let hub = self.hub.clone();
        let log = self.log.clone();
        let (Ok(_turn), Ok(_seat)) = (log.catch_ups.acquire().await, hub.catch_ups.acquire().await) else {
            return;
        };
        if let Ok(events) = hub.page(self.household(), self.cursor.seq, PAGE).await {
            self.taken.extend(events.into_iter().map(|event| Arc::new(Delivery::new(event))));
        } else {
            hub.statistics.failed_reads.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(rand::random_range(100..300))).await;
        }
    }

    fn may_see(&self, signal: &Signal) -> bool {
        match signal {
            Signal::Typing { member, audience, .. } => {
                *member != self.member.id()
                    && audience.as_ref().is_none_or(|members| members.contains(&self.member.id()))
            }
            Signal::Presence { .. } => true,
        }
    }
}
