//! Ticking: what has become of something is set, never toggled, so that two who say the same agree.

use super::item::{self, Item, State};
use super::report::{Effect, Report, Treated};
use crate::access::{Member, Permission};
use crate::{Change, Entry, GroceryItemId, Operation, Result, Time, event, version};
use serde::Serialize;
use std::collections::HashSet;

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
        let treated = self.set(change, item, &HashSet::new()).await?;
        Ok(Report { list: list.id, treated: vec![treated] })
    }
}

impl SetState {
    /// Sets it. If that is refused, nothing has changed. What made one of the versions that are the caller's `own` is not held
    /// against them.
    pub(super) async fn set(
        &self,
        change: &mut Change<'_>,
        mut item: Item,
        own: &HashSet<i32>,
    ) -> Result<Treated> {
        if item.state == self.state {
            return Ok(Treated { item: Some(item.id), version: None, effect: Effect::Unchanged });
        }
        let (subject, current) = (item.id.into(), item.version);
        if let Some(seen) = self.base_version
            && version::changed_since(change, subject, current, seen, &[item::ADDED], own).await?
        {
            return Ok(Treated { item: Some(item.id), version: None, effect: Effect::Stale });
        }
        let mut fields = vec!["state"];
        // What was taken off can be put back; what has left with a trip has not.
        if item.trip_id.is_some() {
            item.refuse_if_gone()?;
        }
        if item.state == State::Removed {
            let (count, _) = item::end_of(change, item.list_id).await?;
            item::refuse_one_too_many(count)?;
            // It is added anew: whoever wished it away before does not now.
            fields.push(item::ADDED);
            item.added_at = change.now();
        }
        item.state = self.state;
        item.is_listed = self.state != State::Removed;
        item.state_by = change.actor().ok().map(Member::id);
        item.state_at = self.at.unwrap_or(change.now()).clamp(item.added_at.min(change.now()), change.now());
        item.settle(change).await?;
        item::save(change, event::Kind::GroceryItemStateChanged, &mut item, &fields).await?;
        Ok(Treated { item: Some(item.id), version: Some(item.version), effect: Effect::Changed })
    }
}
