//! Batched loads: `dataloader` with an error channel and without its traps.

use crate::error::{Code, Error, Result};
use crate::scope::Store;
use dataloader::{BatchFn, cached};
use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

/// Keys loaded at once. The crate's default of 200 makes serial batches of what one query can do.
const BATCH: usize = 1000;
/// How often a load is tried whose batch was lost: the batch runs inside one caller's future, and goes with it.
const TRIES: usize = 3;

/// How many keys of one kind are loaded in one query.
pub(crate) trait Batch: Send + Sync + 'static {
    type Key: Eq + Hash + Clone + Debug + Send + Sync + 'static;
    type Value: Clone + Send + Sync + 'static;

    /// What is found; keys that are not there are left out.
    fn load(
        store: &Store,
        keys: &[Self::Key],
    ) -> impl Future<Output = roomm8_db::Result<HashMap<Self::Key, Self::Value>>> + Send;
}

type Loaded<V> = std::result::Result<Option<V>, Arc<roomm8_db::Error>>;

/// Loads by key, in batches, and remembers for as long as the request lives.
pub(crate) struct Loader<B: Batch>(cached::Loader<B::Key, Loaded<B::Value>, Batcher<B>>);

struct Batcher<B>(Arc<Store>, PhantomData<B>);

impl<B: Batch> BatchFn<B::Key, Loaded<B::Value>> for Batcher<B> {
    async fn load(&mut self, keys: &[B::Key]) -> HashMap<B::Key, Loaded<B::Value>> {
        // Every key gets an answer: one without would count as lost.
        match B::load(&self.0, keys).await {
            Ok(mut found) => keys.iter().map(|key| (key.clone(), Ok(found.remove(key)))).collect(),
            Err(error) => {
                let error = Arc::new(error);
                keys.iter().map(|key| (key.clone(), Err(error.clone()))).collect()
            }
        }
    }
}

impl<B: Batch> Loader<B> {
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        let loader = cached::Loader::new(Batcher(store.clone(), PhantomData));
        // Enough to gather a level of the query whichever of its branches hears from the database first: after one yield some
        // were left to a statement of their own now and then. It is still a third of the polls of the default.
        Self(loader.with_yield_count(3).with_max_batch_size(BATCH))
    }

    /// The value, or `None` if there is none.
    pub(crate) async fn load(&self, key: B::Key) -> Result<Option<B::Value>> {
        for _ in 0..TRIES {
            if let Ok(loaded) = self.0.try_load(key.clone()).await {
                return Ok(loaded?);
            }
        }
        Err(lost())
    }

    /// The values that exist, in the order of their keys.
    pub(crate) async fn load_many(&self, keys: impl IntoIterator<Item = B::Key>) -> Result<Vec<B::Value>> {
        let loads = keys.into_iter().map(|key| self.load(key));
        Ok(futures_util::future::try_join_all(loads).await?.into_iter().flatten().collect())
    }

    /// The values that exist, by their keys.
    pub(crate) async fn load_map(
        &self,
        keys: impl IntoIterator<Item = B::Key>,
    ) -> Result<HashMap<B::Key, B::Value>> {
        let keys: HashSet<_> = keys.into_iter().collect();
        for _ in 0..TRIES {
            if let Ok(loaded) = self.0.try_load_many(keys.iter().cloned().collect()).await {
                let found = loaded.into_iter().map(|(key, value)| Ok(value?.map(|value| (key, value))));
                return found.filter_map(Result::transpose).collect();
            }
        }
        Err(lost())
    }

    /// Takes note of a value that is known already.
    pub(crate) async fn prime(&self, key: B::Key, value: B::Value) {
        self.0.prime(key, Ok(Some(value))).await;
    }
}

fn lost() -> Error {
    Error::new(Code::Internal, "something went wrong on our side")
}
