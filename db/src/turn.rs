//! Turns: how many changes of one household an instance works on at once.
//!
//! They wait for each other anyway, by the lock of the household's log. Those that wait here instead hold no database
//! connection, so that a busy or blocked household does not take them all from the others.

use crate::{Error, HouseholdId, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Two: while one commits the next is at the lock already.
const AT_ONCE: usize = 2;
/// How long a change waits for its turn before its caller is told to come back.
const PATIENCE: Duration = Duration::from_millis(800);
/// Households remembered before those that nobody changes are forgotten.
const REMEMBERED: usize = 1024;

/// Whose turn it is, household by household.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<HouseholdId, Weak<Semaphore>>>);

impl Turns {
    /// Waits for a turn; it is given back when the permit is dropped.
    pub(crate) async fn take(&self, household: HouseholdId) -> Result<OwnedSemaphorePermit> {
        let waiting = self.of(household).acquire_owned();
        match timeout(PATIENCE, waiting).await {
            Ok(turn) => turn.map_err(|closed| Error::Internal(closed.into())),
            Err(elapsed) => Err(Error::Unavailable(elapsed.into())),
        }
    }

    fn of(&self, household: HouseholdId) -> Arc<Semaphore> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = turns.get(&household).and_then(Weak::upgrade) {
            return semaphore;
        }
        if turns.len() >= REMEMBERED {
            turns.retain(|_, semaphore| semaphore.strong_count() > 0);
        }
        let semaphore = Arc::new(Semaphore::new(AT_ONCE));
        turns.insert(household, Arc::downgrade(&semaphore));
        semaphore
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_household_that_is_stuck_keeps_only_itself_waiting() {
        let turns = Turns::default();
        let (stuck, other) = (HouseholdId::new(), HouseholdId::new());
        let held = (turns.take(stuck).await.unwrap(), turns.take(stuck).await.unwrap());
        assert!(matches!(turns.take(stuck).await, Err(Error::Unavailable(_))));
        assert!(turns.take(other).await.is_ok());
        drop(held);
        assert!(turns.take(stuck).await.is_ok());
    }
}
