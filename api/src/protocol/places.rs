//! How many of something each account, or each address, has now.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// The places that are taken, by whose they are.
pub(super) struct Places<K> {
    /// Places of one owner at most, if there is a limit.
    limit: Option<usize>,
    counts: Mutex<HashMap<K, usize>>,
}

impl<K: Eq + Hash + Clone> Places<K> {
    /// Where 0 is no limit.
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit: Some(limit).filter(|limit| *limit > 0), counts: Mutex::default() })
    }

    /// Takes a place for as long as it lives, unless its owner has enough of them.
    pub(super) fn take(self: &Arc<Self>, owner: K) -> Option<Place<K>> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&owner).copied().unwrap_or(0);
        if self.limit.is_some_and(|limit| count >= limit) {
            return None;
        }
        counts.insert(owner.clone(), count + 1);
        drop(counts);
        Some(Place { places: Arc::clone(self), owner })
    }
}

/// One place; free again when it is dropped.
pub(super) struct Place<K: Eq + Hash> {
    places: Arc<Places<K>>,
    owner: K,
}

impl<K: Eq + Hash> Place<K> {
    pub(super) fn owner(&self) -> &K {
        &self.owner
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut counts = self.places.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_when_it_is_left() {
        let accounts = Places::new(2);
        let places = [accounts.take("ada"), accounts.take("ada")];
        assert!(places.iter().all(Option::is_some) && accounts.take("ada").is_none());
        assert!(accounts.take("bob").is_some());
        drop(places);
        assert!(accounts.counts.lock().unwrap().is_empty());
        assert!(accounts.take("ada").is_some());
    }
}
