//! Ticking: what has become of something is set, never toggled, so that two who say the same agree.

use super::item::{self, Item, State};
use super::report::{Effect, Report, Treated};
use crate::access::{Member, Permission};
use crate::{Change, Entry, GroceryItemId, Operation, Result, Time, event};
use serde::Serialize;

/// Says what has become of something on a list. Of several who say the same the first stands; of several who say different
/// things the last. What was said by a version before more was added is dropped as [`Effect::Stale`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetState {
    /// Which.
    pub item: GroceryItemId,
    /// What has become of it.
    pub state: State,
    /// Since when; what is in the future is now, what is before it was last added is then. Now, unless said otherwise.
    pub at: Option<Time>,
    /// The version the caller has seen; without it, it is set whatever was added.
    pub base_version: Option<i32>,
}

impl Operation for SetState {
    type Outcome = Report;
    const NAME: &'static str = "setGroceryItemState";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Report> {
        let (item, list) = item::with_list(change, self.item).await?;
        let effect = self.set(change, item).await?;
        Ok(Report { list: list.id, treated: vec![Treated { item: Some(self.item), effect }] })
    }
}

impl SetState {
    pub(super) async fn set(&self, change: &mut Change<'_>, mut item: Item) -> Result<Effect> {
        if item.state == self.state {
            return Ok(Effect::Unchanged);
        }
        if self.base_version.is_some_and(|seen| seen < item.added_version) {
            return Ok(Effect::Stale);
        }
        // What was taken off can be put back; what has left with a trip has not.
        if item.trip_id.is_some() {
            item.refuse_if_gone()?;
        }
        if item.state == State::Removed {
            let (count, _) = item::end_of(change, item.list_id).await?;
            item::refuse_one_too_many(count)?;
            // It is added anew: whoever wished it away before does not now.
            item.added_version = item.version + 1;
            item.added_at = change.now();
        }
        item.state = self.state;
        item.is_listed = self.state != State::Removed;
        item.state_by = change.actor().ok().map(Member::id);
        item.state_at = self.at.unwrap_or(change.now()).clamp(item.added_at.min(change.now()), change.now());
        item.settle(change).await?;
        item::save(change, event::Kind::GroceryItemStateChanged, &mut item, &["state"]).await?;
        Ok(Effect::Changed)
    }
}
