//! The inboxes that somebody follows here, and one subscriber's way through one.

use crate::follower::End;
use roomm8_db::event::Position;
use roomm8_db::notification::inbox::{self, Found};
use roomm8_db::{Database, Result, UserId};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::warn;

/// Changes read at once.
const PAGE: i64 = 50;

/// Where the inboxes are that somebody follows here, as far as it is known.
#[derive(Default)]
pub(crate) struct Inboxes(Mutex<HashMap<UserId, watch::Sender<Known>>>);

/// What is known of an inbox.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// Where the database said that it is.
    position: Position,
    /// How often somebody said since that it has grown.
    hints: u64,
}

impl Inboxes {
    fn followed(&self) -> MutexGuard<'_, HashMap<UserId, watch::Sender<Known>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn watch(&self, user: UserId) -> watch::Receiver<Known> {
        let nowhere = Known { position: Position { epoch: 0, seq: 0 }, hints: 0 };
        self.followed().entry(user).or_insert_with(|| watch::Sender::new(nowhere)).subscribe()
    }

    /// Somebody says that it has come to this number. Not believed, only looked at: a wrong one costs a read.
    pub(crate) fn grew(&self, user: UserId, number: i64) {
        if let Some(known) = self.followed().get(&user) {
            known.send_if_modified(|known| {
                let is_news = known.position.seq < number;
                known.hints += u64::from(is_news);
                is_news
            });
        }
    }

    /// The database said that it is there. In another epoch a backup was restored.
    pub(crate) fn is_at(&self, user: UserId, at: Position) {
        if let Some(known) = self.followed().get(&user) {
            known.send_if_modified(|known| {
                let is_news = known.position != at;
                known.position = at;
                is_news
            });
        }
    }

    /// Whose inbox somebody follows.
    pub(crate) fn open(&self) -> Vec<UserId> {
        let mut followed = self.followed();
        followed.retain(|_, known| known.receiver_count() > 0);
        followed.keys().copied().collect()
    }
}

/// A change of an inbox.
#[derive(Debug, Clone)]
pub struct InboxChange {
    /// The inbox was changed up to here.
    pub cursor: Position,
    /// What changed; none if only how far its reader has looked or read did.
    pub found: Option<Found>,
}

/// Follows a person's inbox: every entry that changes, with its newest change, in the order of the changes.
pub struct InboxFollower {
    database: Database,
    user: UserId,
    known: watch::Receiver<Known>,
    cursor: Position,
    /// What was known when it was last looked and nothing was found.
    looked: Option<Known>,
    taken: VecDeque<Found>,
}

impl InboxFollower {
    pub(crate) fn new(
        database: Database,
        user: UserId,
        known: watch::Receiver<Known>,
        cursor: Position,
    ) -> Self {
        Self { database, user, known, cursor, looked: None, taken: VecDeque::new() }
    }

    /// The position up to which everything was handed out.
    pub fn cursor(&self) -> Position {
        self.cursor
    }

    /// The next change. Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Result<InboxChange, End> {
        loop {
            if let Some(found) = self.taken.pop_front() {
                self.cursor.seq = found.entry.changed_at;
                return Ok(InboxChange { cursor: self.cursor, found: Some(found) });
            }
            let known = *self.known.borrow_and_update();
            if self.looked == Some(known) {
                // Fails only when the hub is gone.
                self.known.changed().await.map_err(|_| End::Resync)?;
                continue;
            }
            // In a box: it is rare, and every idle follower would carry its size.
            let (position, found) = Box::pin(self.read()).await;
            if position.epoch != self.cursor.epoch || position.seq < self.cursor.seq {
                return Err(End::Resync);
            }
            self.taken = found.into();
            if self.taken.is_empty() {
                self.looked = Some(known);
                if position.seq > self.cursor.seq {
                    self.cursor = position;
                    return Ok(InboxChange { cursor: position, found: None });
                }
            }
        }
    }

    /// Where the inbox is, and what has changed, however often the database fails.
    async fn read(&self) -> (Position, Vec<Found>) {
        loop {
            match self.read_once().await {
                Ok(read) => return read,
                Err(error) => {
                    warn!(%error, "an inbox could not be read: trying again");
                    sleep(Duration::from_millis(rand::random_range(100..300))).await;
                }
            }
        }
    }

    async fn read_once(&self) -> Result<(Position, Vec<Found>)> {
        let mut conn = self.database.connection().await?;
        // In this order: what comes in between has a higher number than the position, and is found.
        let position = inbox::position(&mut conn, self.user).await?;
        let found = inbox::changed_since(&mut conn, self.user, self.cursor.seq, PAGE).await?;
        Ok((position, found))
    }
}
