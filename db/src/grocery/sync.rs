//! Queues: what somebody wished while there was no network, applied in their order. Each wish stands for itself: one that
//! cannot be done stops no other, and one that was applied before, as the answer was lost, is told again and not done again.

use super::add::{End, Line};
use super::arrange::Move;
use super::edit::Update;
use super::item::{self, State};
use super::list::{self, List};
use super::report::{Effect, Report, Treated};
use super::state::SetState;
use crate::access::Permission;
use crate::change::checked;
use crate::idempotency::{Key, Receipt};
use crate::{
    Change, Entry, Error, GroceryItemId, GroceryListId, Operation, RefusalCode, Result, SubjectId, Time,
};
use serde::Serialize;

/// The most wishes in a queue: send the rest with the next.
pub const QUEUE_LIMIT: usize = 100;
/// Under which name wishes are remembered, whatever they are.
const WISH: &str = "groceryWish";

/// Applies a queue of wishes to a list, in their order.
#[derive(Debug, Serialize)]
pub struct Sync {
    /// The list.
    pub list: GroceryListId,
    /// What was wished: up to [`QUEUE_LIMIT`].
    pub queue: Vec<Queued>,
}

/// A wish in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Queued {
    /// The client's name for it, as of a `clientMutationId`: it is never applied twice.
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
        /// The version the client has seen.
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
        let list = list::in_use(change, self.list).await?;
        let mut treated = Vec::with_capacity(self.queue.len());
        for queued in &self.queue {
            treated.push(queued.treat(change, &list).await?);
        }
        Ok(Report { list: list.id, treated })
    }
}

impl Queued {
    async fn treat(&self, change: &mut Change<'_>, list: &List) -> Result<Treated> {
        if let Err(error) = checked(&self.id) {
            return rejected(error, None);
        }
        let user = change.user_id()?;
        let key = Key::new(user, WISH, &self.id, &(list.id, &self.wish))?;
        match key.receipt(change.conn()).await {
            Ok(None) => {}
            Ok(Some(receipt)) => return told(&receipt),
            Err(Error::IdempotencyConflict) => {
                let message = "was used before for another wish: make a new one for each";
                return rejected(Error::refused(RefusalCode::Invalid, "id", message), None);
            }
            Err(error) => return Err(error),
        }
        let treated = match self.wish.grant(change, list).await {
            Ok(treated) => treated,
            Err(error) => rejected(error, None)?,
        };
        // What it was about, so that later wishes can name it; the list, if there is nothing.
        let subject = treated.item.map_or(SubjectId::from(list.id), SubjectId::from);
        let memo = serde_json::to_string(&treated).map_err(|error| Error::Internal(error.into()))?;
        let receipt = Receipt { subject, seq: change.next_seq() - 1, memo: Some(memo) };
        let now = change.now();
        key.remember(change.conn(), &receipt, now).await?;
        Ok(treated)
    }
}

/// What came of it the first time.
fn told(receipt: &Receipt) -> Result<Treated> {
    let memo = receipt.memo.as_deref().ok_or_else(|| Error::Internal("a wish without its memo".into()))?;
    serde_json::from_str(memo).map_err(|error| Error::Internal(error.into()))
}

/// What is told of a wish that cannot be done; what is wrong with the system is wrong with all of them.
fn rejected(error: Error, item: Option<GroceryItemId>) -> Result<Treated> {
    match error {
        Error::Refused(refusal) => Ok(Treated { item, effect: Effect::Rejected(refusal.into()) }),
        Error::NotFound => {
            let message = "is nothing on this list";
            rejected(Error::refused(RefusalCode::InvalidReference, "item", message), item)
        }
        Error::Conflict(subject) => Ok(Treated { item: Some(subject.into()), effect: Effect::Conflict }),
        Error::NameTaken(subject) => {
            let message = "this name is taken by something that is wanted as well: merge the two";
            rejected(Error::refused(RefusalCode::Invalid, "name", message), Some(subject.into()))
        }
        error => Err(error),
    }
}

impl Wish {
    async fn grant(&self, change: &mut Change<'_>, list: &List) -> Result<Treated> {
        match self {
            Self::Add(line) => {
                let mut end = End::of(change, list).await?;
                end.add(change, line).await
            }
            Self::SetState { item, state, at, base_version } => {
                let id = item.find(change, list).await?;
                let set = SetState { item: id, state: *state, at: *at, base_version: *base_version };
                let (item, _) = item::with_list(change, id).await?;
                match set.set(change, item).await {
                    Ok(effect) => Ok(Treated { item: Some(id), effect }),
                    Err(error) => rejected(error, Some(id)),
                }
            }
            Self::Update(target, update) => {
                let id = target.find(change, list).await?;
                let before = match item::on_list(change, id).await {
                    Ok(before) => before,
                    Err(error) => return rejected(error, Some(id)),
                };
                let version = before.version;
                match update.update(change, before).await {
                    Ok(after) => {
                        let is_same = after.id == id && after.version == version;
                        let effect = if is_same { Effect::Unchanged } else { Effect::Changed };
                        Ok(Treated { item: Some(after.id), effect })
                    }
                    Err(error) => rejected(error, Some(id)),
                }
            }
            Self::Move { item, after } => {
                let id = item.find(change, list).await?;
                let after = match after {
                    Some(after) => Some(after.find(change, list).await?),
                    None => None,
                };
                match (Move { item: id, after }).apply(change).await {
                    Ok(_) => Ok(Treated { item: Some(id), effect: Effect::Changed }),
                    Err(error) => rejected(error, Some(id)),
                }
            }
        }
    }
}

impl Target {
    /// The item on, or once on, this list.
    async fn find(&self, change: &mut Change<'_>, list: &List) -> Result<GroceryItemId> {
        let id = match self {
            Self::Item(id) => *id,
            Self::AddedBy(wish) => {
                let user = change.user_id()?;
                Key::subject(change.conn(), user, WISH, wish).await?.ok_or(Error::NotFound)?.into()
            }
        };
        let (item, of) = item::with_list(change, id).await?;
        if of.id == list.id { Ok(item.id) } else { Err(Error::NotFound) }
    }
}
