//! An event on its way to subscribers, with what it looks like to each group of them.

use bytes::Bytes;
use roomm8_db::event::Detailed;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// Distinct renderings kept with one event; a subscription beyond that renders for itself.
const RENDERINGS: usize = 64;

/// What a group of subscribers has in common: a digest of the operation, its variables and, where the answer
/// depends on the viewer, the viewer.
pub type RenderKey = [u8; 32];

/// An event, rendered at most once for each group of subscribers that asks the same of it.
#[derive(Debug)]
pub struct Delivery {
    /// The event and what it is about.
    pub detailed: Detailed,
    renderings: Mutex<HashMap<RenderKey, Arc<OnceCell<Rendered>>>>,
}

/// What an event looks like to a group.
#[derive(Debug, Clone)]
pub enum Rendered {
    /// The same to everybody in the group.
    Shared(Bytes),
    /// Different to each viewer: ask again with the viewer in the key.
    PerViewer,
}

impl Delivery {
    /// Wraps an event that nobody has rendered yet.
    pub fn new(detailed: Detailed) -> Self {
        Self { detailed, renderings: Mutex::default() }
    }

    /// The event's place in its household's log.
    pub fn seq(&self) -> i64 {
        self.detailed.event.seq
    }

    /// The rendering for this group, if there is one already.
    pub fn ready(&self, key: &RenderKey) -> Option<Rendered> {
        let renderings = self.renderings.lock().unwrap_or_else(PoisonError::into_inner);
        renderings.get(key)?.get().cloned()
    }

    /// The rendering for this group: made by the first who asks, shared by the others. A failed one is not kept.
    pub async fn rendered<E>(
        &self,
        key: RenderKey,
        render: impl Future<Output = Result<Rendered, E>>,
    ) -> Result<Rendered, E> {
        let cell = self.cell(key);
        cell.get_or_try_init(|| render).await.cloned()
    }

    fn cell(&self, key: RenderKey) -> Arc<OnceCell<Rendered>> {
        let mut renderings = self.renderings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = renderings.get(&key) {
            return cell.clone();
        }
        let cell = Arc::new(OnceCell::new());
        if renderings.len() < RENDERINGS {
            renderings.insert(key, cell.clone());
        }
        cell
    }
}
