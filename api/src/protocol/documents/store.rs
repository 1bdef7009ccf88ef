//! Documents that clients have registered by hash, in memory. What is found neither here nor on the shelf of all instances
//! is sent once more: that costs a client one round trip and no answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::super::settings::Persisted;
use super::hash::Hash;

/// The documents, up to a number and a size.
pub(super) struct Store {
    bounds: Persisted,
    kept: Mutex<Kept>,
}

struct Kept {
    texts: LruCache<Hash, Arc<str>>,
    bytes: usize,
}

impl Store {
    pub(super) fn new(bounds: Persisted) -> Self {
        Self { bounds, kept: Mutex::new(Kept { texts: LruCache::unbounded(), bytes: 0 }) }
    }

    /// Whether anything is kept at all.
    pub(super) fn is_on(&self) -> bool {
        self.bounds.entries > 0
    }

    pub(super) fn find(&self, hash: Hash) -> Option<Arc<str>> {
        self.lock().texts.get(&hash).cloned()
    }

    /// Keeps a document; those that were asked for longest ago make room.
    pub(super) fn keep(&self, hash: Hash, text: &str) {
        if text.len() > self.bounds.bytes {
            return;
        }
        let mut kept = self.lock();
        kept.bytes += text.len();
        if let Some(before) = kept.texts.put(hash, text.into()) {
            kept.bytes -= before.len();
        }
        while kept.texts.len() > self.bounds.entries || kept.bytes > self.bounds.bytes {
            let Some((_, oldest)) = kept.texts.pop_lru() else { break };
            kept.bytes -= oldest.len();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(store: &Store, texts: &[&str]) -> Vec<bool> {
        texts.iter().map(|text| store.find(Hash::of(text)).is_some()).collect()
    }

    fn store(entries: usize, bytes: usize) -> Store {
        let store = Store::new(Persisted { entries, bytes });
        for text in ["{a}", "{b}", "{c}"] {
            store.keep(Hash::of(text), text);
            store.find(Hash::of("{a}"));
        }
        store
    }

    #[test]
    fn what_was_asked_for_longest_ago_makes_room() {
        assert_eq!(kept(&store(2, 100), &["{a}", "{b}", "{c}"]), [true, false, true]);
        assert_eq!(kept(&store(100, 8), &["{a}", "{b}", "{c}"]), [true, false, true]);
        assert_eq!(kept(&store(100, 2), &["{a}", "{b}", "{c}"]), [false; 3]);
    }

    #[test]
    fn a_document_kept_twice_counts_once() {
        let store = store(100, 9);
        store.keep(Hash::of("{c}"), "{c}");
        assert_eq!(kept(&store, &["{a}", "{b}", "{c}"]), [true; 3]);
    }
}
