//! What came of wishes about a list, one by one. It is kept with the receipt of the request, so that a repeat is told the
//! same.

use super::amount::Amount;
use super::item::{Item, State};
use crate::{
    Connection, Error, GroceryItemId, GroceryListId, MemberId, Refusal, RefusalCode, Result, SubjectId,
};
use serde::{Deserialize, Serialize};

/// What came of a request about a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The list.
    pub list: GroceryListId,
    /// What came of each wish, in their order.
    pub treated: Vec<Treated>,
}

/// What came of one wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Treated {
    /// The item it was about, or that has the name that it was to have; none if there is no such.
    pub item: Option<GroceryItemId>,
    /// The version that it made of the item, if it changed it.
    pub version: Option<i32>,
    /// What came of it.
    pub effect: Effect,
}

/// What came of a wish about an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// It is new on the list.
    Created,
    /// It was added to what was wanted already, which was this.
    Merged(Before),
    /// It was done.
    Changed,
    /// It was so already.
    Unchanged,
    /// It was dropped: more was added since the version by which it was wished.
    Stale,
    /// It was dropped: the same fields have changed since the version by which it was wished.
    Conflict,
    /// It cannot be done.
    Rejected(Rejection),
}

/// An item before something merged into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Its version.
    pub version: i32,
    /// How much was wanted.
    pub amounts: Vec<Amount>,
    /// What else there was to know.
    pub note: Option<String>,
    /// Whether it was urgent.
    pub is_urgent: bool,
    /// Who was to buy it.
    pub assignee: Option<MemberId>,
    /// What had become of it.
    pub state: State,
}

impl From<&Item> for Before {
    fn from(item: &Item) -> Self {
        Self {
            version: item.version,
            amounts: item.amounts.0.clone(),
            note: item.note.clone(),
            is_urgent: item.is_urgent,
            assignee: item.assignee_id,
            state: item.state,
        }
    }
}

/// Why a wish cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Why, for programs.
    pub code: RefusalCode,
    /// The field it is about.
    pub field: String,
    /// Why and what to do, for people.
    pub message: String,
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code, field: refusal.field.to_owned(), message: refusal.message }
    }
}

impl crate::Subject for Report {
    fn subject_id(&self) -> SubjectId {
        self.list.into()
    }

    async fn find(_: &mut Connection, id: SubjectId) -> Result<Self> {
        Ok(Self { list: id.into(), treated: Vec::new() })
    }

    fn memo(&self) -> Result<Option<String>> {
        serde_json::to_string(self).map(Some).map_err(|error| Error::Internal(error.into()))
    }

    async fn recall(_: &mut Connection, _: SubjectId, memo: Option<&str>) -> Result<Self> {
        // A receipt without what was to be remembered is not one of ours.
        let memo = memo.ok_or_else(|| Error::Internal("a report without its memo".into()))?;
        serde_json::from_str(memo).map_err(|error| Error::Internal(error.into()))
    }
}
