//! Lines: what is put on a list, one thing each, and quick add, which reads them from text.

use super::amount::{GroceryAmount, GroceryAmountInput, given};
use crate::error::{Error, Result};
use crate::id::GlobalId;
use async_graphql::{ID, InputObject, SimpleObject};
use roomm8_db::grocery::quick::{self, Parsed};
use roomm8_db::grocery::{LINE_LIMIT, Line};

/// Something to put on a list.
#[derive(Debug, Clone, InputObject)]
pub(crate) struct GroceryLineInput {
    /// What: one line of 1 to 100 characters; spaces around it are cut. Something that is still wanted by this name, whatever its
    /// case and spaces, becomes more; anything else is new on the list.
    name: String,
    /// How much of it: at most 16 amounts; those that can be added up are. Not said, unless given.
    #[graphql(default)]
    amounts: Vec<GroceryAmountInput>,
    /// What else there is to know: 1 to 500 characters of plain text. Another than the one that is there is put below it.
    note: Option<String>,
    /// Whether it is urgent.
    #[graphql(default = false)]
    is_urgent: bool,
    /// Who is to buy it: a current member, no guest. Nobody in particular, unless said otherwise.
    assignee_id: Option<ID>,
    /// The category it stands in; the catalogue remembers it for the next time.
    category_id: Option<ID>,
    /// Whether it is something of its own, even if the same is on the list. Nothing is ever added to it.
    #[graphql(default = false)]
    force_separate: bool,
}

impl From<&GroceryLineInput> for Line {
    fn from(input: &GroceryLineInput) -> Self {
        Self {
            name: input.name.clone(),
            amounts: given(&input.amounts),
            note: input.note.clone(),
            is_urgent: input.is_urgent,
            assignee: input.assignee_id.as_ref().map(GlobalId::named_member),
            category: input.category_id.as_ref().map(GlobalId::named_grocery_category),
            is_separate: input.force_separate,
        }
    }
}

/// A line that quick add understood. Nothing is checked yet.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct GroceryLine {
    /// What it is.
    name: String,
    /// How much of it, at most one amount. Empty if it does not say.
    amounts: Vec<GroceryAmount>,
    /// What else it says, in brackets; null if nothing.
    note: Option<String>,
    /// Whether it says that it is urgent, by an exclamation mark at its end.
    is_urgent: bool,
}

impl From<Parsed> for GroceryLine {
    fn from(parsed: Parsed) -> Self {
        Self {
            name: parsed.name,
            amounts: parsed.quantity.into_iter().map(GroceryAmount::from).collect(),
            note: parsed.note,
            is_urgent: parsed.is_urgent,
        }
    }
}

/// What quick add understands.
pub(crate) fn parse(text: &str) -> Result<Vec<GroceryLine>> {
    let too_many = || Error::bad_input(format!("`text` has more than {LINE_LIMIT} lines"));
    let lines = quick::parse(text, LINE_LIMIT).ok_or_else(too_many)?;
    Ok(lines.into_iter().map(GroceryLine::from).collect())
}
