//! Queues: what somebody wished while there was no network, applied in their order. Each wish stands for itself: one that
//! cannot be done stops no other, and one that was applied before, as the answer was lost, is told again and not done again.

use super::add::{End, Line};
use super::arrange::Move;
use super::edit::Update;
use super::item::{self, Item, State};
use super::list::{self, List};
use super::news;
use super::report::{Effect, Report, Treated};
use super::state::SetState;
use crate::access::Permission;
use crate::change::is_plain;
use crate::idempotency::{Key, Receipt};
use crate::{
    Change, Entry, Error, GroceryItemId, GroceryListId, Operation, RefusalCode, Result, SubjectId, Time,
    UserId,
};
use serde::Serialize;
use std::collections::HashSet;

/// The most wishes in a queue: send the rest with the next.
pub const QUEUE_LIMIT: usize = 100;
/// Under which name wishes are remembered, whatever they are.
const WISH: &str = "groceryWish";

/// The longest name of a queue, in characters.
pub const QUEUE_ID_LIMIT: usize = 24;
/// The longest name of a wish: a UUID as text.
pub const WISH_ID_LIMIT: usize = 36;

/// Applies a queue of wishes to a list, in their order.
#[derive(Debug, Serialize)]
pub struct Sync {
    /// The list.
    pub list: GroceryListId,
    /// The name of the queue, by which a device is told from the person's others: 1 to [`QUEUE_ID_LIMIT`] visible ASCII
    /// characters. What a queue has done before is not held against what it wishes later.
    pub queue_id: String,
    /// What was wished: up to [`QUEUE_LIMIT`].
    pub queue: Vec<Queued>,
}

/// A wish in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Queued {
    /// Its name in the queue, 1 to [`WISH_ID_LIMIT`] visible ASCII characters: it is never granted twice.
    pub id: String,
    /// What is wished.
    pub wish: Wish,
}

/// What is wished of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Wish {
    /// Something is to be on it.
    Add(Line),
    /// Something has become of an item.
    SetState {
        /// Which.
        item: Target,
        /// What.
        state: State,
        /// Since when, by the client's clock.
        at: Option<Time>,
        /// The version that was seen; without it, that which the wish made that added it, if that is how it is named.
        base_version: Option<i32>,
    },
    /// An item is to be another; the one that this names does not count.
    Update(Target, Update),
    /// An item is to stand elsewhere.
    Move {
        /// Which.
        item: Target,
        /// Behind which; nothing is the front.
        after: Option<Target>,
    },
}

/// An item that a wish is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Target {
    /// The one with this id.
    Item(GroceryItemId),
    /// What the wish of this name put on the list, in this queue or an earlier one.
    AddedBy(String),
}

impl Operation for Sync {
    type Outcome = Report;
    const NAME: &'static str = "syncGroceryList";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Report> {
        if self.queue.len() > QUEUE_LIMIT {
            let message = format!("has {} operations; {QUEUE_LIMIT} are allowed at once", self.queue.len());
            return Err(Error::refused(RefusalCode::Limit, "operations", message));
        }
        refuse_name("queueId", &self.queue_id, QUEUE_ID_LIMIT)?;
        let list = list::in_use(change, self.list).await?;
        let queue = Queue { user: change.user_id()?, id: &self.queue_id, list };
        let mut treated = Vec::with_capacity(self.queue.len());
        for queued in &self.queue {
            treated.push(queue.treat(change, queued).await?);
        }
        news::plan(change, &queue.list, &treated).await?;
        Ok(Report { list: queue.list.id, treated })
    }
}

fn refuse_name(field: &'static str, name: &str, limit: usize) -> Result<()> {
    if is_plain(name, limit) {
        return Ok(());
    }
    let message = format!("must be 1 to {limit} visible ASCII characters");
    Err(Error::refused(RefusalCode::Invalid, field, message))
}

/// Whose wishes are granted, and of which list.
struct Queue<'a> {
    user: UserId,
    id: &'a str,
    list: List,
}

impl Queue<'_> {
    /// The name under which a wish is remembered.
    fn key(&self, wish: &str) -> String {
        // Neither has a space in it.
        format!("{} {wish}", self.id)
    }

    async fn treat(&self, change: &mut Change<'_>, queued: &Queued) -> Result<Treated> {
        if let Err(error) = refuse_name("id", &queued.id, WISH_ID_LIMIT) {
            return rejected(error, None);
        }
        let id = self.key(&queued.id);
        let key = Key::new(self.user, WISH, &id, &(self.list.id, &queued.wish))?;
        match key.receipt(change.conn()).await {
            Ok(None) => {}
            Ok(Some(receipt)) => return told(receipt.memo.as_deref()),
            Err(Error::IdempotencyConflict) => {
                let message = "was used before for another wish: make a new one for each";
                return rejected(Error::refused(RefusalCode::Invalid, "id", message), None);
            }
            Err(error) => return Err(error),
        }
        let treated = match self.grant(change, &queued.wish).await {
            Ok(treated) => treated,
            Err(error) => rejected(error, None)?,
        };
        // What it was about, so that later wishes can name it; the list, if there is nothing.
        let subject = treated.item.map_or(SubjectId::from(self.list.id), SubjectId::from);
        let memo = serde_json::to_string(&treated).map_err(|error| Error::Internal(error.into()))?;
        let receipt = Receipt { subject, seq: change.next_seq() - 1, memo: Some(memo) };
        let now = change.now();
        key.remember(change.conn(), &receipt, now).await?;
        Ok(treated)
    }

    async fn grant(&self, change: &mut Change<'_>, wish: &Wish) -> Result<Treated> {
        let target = match wish {
            Wish::Add(line) => return End::of(change, &self.list).await?.add(change, line).await,
            Wish::SetState { item, .. } | Wish::Update(item, _) | Wish::Move { item, .. } => item,
        };
        let (item, seen) = self.find(change, target).await?;
        let id = item.id;
        match self.grant_to(change, wish, item, seen).await {
            Ok(treated) => Ok(treated),
            Err(error) => rejected(error, Some(id)),
        }
    }

    /// Grants a wish about an item, which the wish that added it has `seen` in this version.
    async fn grant_to(
        &self,
        change: &mut Change<'_>,
        wish: &Wish,
        item: Item,
        seen: Option<i32>,
    ) -> Result<Treated> {
        let (id, version) = (item.id, item.version);
        let own = |seen: Option<i32>| seen.is_some_and(|seen| seen < version);
        let after = match wish {
            Wish::Add(_) => item,
            Wish::SetState { state, at, base_version, .. } => {
                let base_version = base_version.or(seen);
                let own = if own(base_version) { self.own(change, id).await? } else { HashSet::new() };
                let set = SetState { item: id, state: *state, at: *at, base_version };
                return set.set(change, item, &own).await;
            }
            Wish::Update(_, update) => {
                let expected_version = update.expected_version.or(seen);
                let own = if own(expected_version) { self.own(change, id).await? } else { HashSet::new() };
                Update { expected_version, ..update.clone() }.update(change, item, &own).await?
            }
            Wish::Move { after, .. } => {
                let after = match after {
                    Some(after) => Some(self.find(change, after).await?.0.id),
                    None => None,
                };
                Move { item: id, after }.put(change, item).await?
            }
        };
        let is_same = (after.id, after.version) == (id, version);
        let effect = if is_same { Effect::Unchanged } else { Effect::Changed };
        Ok(Treated { item: Some(after.id), version: (!is_same).then_some(after.version), effect })
    }

    /// The item, which is on this list or once was, and its version as the wish made it that has added it.
    async fn find(&self, change: &mut Change<'_>, target: &Target) -> Result<(Item, Option<i32>)> {
        let (id, seen) = match target {
            Target::Item(id) => (*id, None),
            Target::AddedBy(wish) => {
                let memo = Key::memo(change.conn(), self.user, WISH, &self.key(wish)).await?;
                let treated = told(Some(&memo.ok_or(Error::NotFound)?))?;
                (treated.item.ok_or(Error::NotFound)?, treated.version)
            }
        };
        let (item, list) = item::with_list(change, id).await?;
        if list.id == self.list.id { Ok((item, seen)) } else { Err(Error::NotFound) }
    }

    /// The versions of an item that this queue made.
    async fn own(&self, change: &mut Change<'_>, item: GroceryItemId) -> Result<HashSet<i32>> {
        // "!" is what comes after the space.
        let (first, end) = (format!("{} ", self.id), format!("{}!", self.id));
        let memos = Key::memos(change.conn(), self.user, WISH, (&first, &end), item.into()).await?;
        let treated: Vec<Treated> = memos.iter().map(|memo| told(Some(memo))).collect::<Result<_>>()?;
        Ok(treated.into_iter().filter_map(|treated| treated.version).collect())
    }
}

/// What came of a wish the first time.
fn told(memo: Option<&str>) -> Result<Treated> {
    let memo = memo.ok_or_else(|| Error::Internal("a wish without its memo".into()))?;
    serde_json::from_str(memo).map_err(|error| Error::Internal(error.into()))
}

/// What is told of a wish that cannot be done; what is wrong with the system is wrong with all of them.
fn rejected(error: Error, item: Option<GroceryItemId>) -> Result<Treated> {
    match error {
        Error::Refused(refusal) => {
            Ok(Treated { item, version: None, effect: Effect::Rejected(refusal.into()) })
        }
        Error::NotFound => {
            let message = "is nothing on this list";
            rejected(Error::refused(RefusalCode::InvalidReference, "item", message), item)
        }
        Error::Conflict(subject) => {
            Ok(Treated { item: Some(subject.into()), version: None, effect: Effect::Conflict })
        }
        Error::NameTaken(subject) => {
            let message = "this name is taken by something that is wanted as well: merge the two";
            rejected(Error::refused(RefusalCode::NameTaken, "name", message), Some(subject.into()))
        }
        error => Err(error),
    }
}
