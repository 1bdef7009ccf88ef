//! Groceries: shopping lists that several people change at once, from where there is no network. A [`List`] has [`Item`]s,
//! each of a [`Product`] of the household's catalogue, by whose folded name ([`fold`]) it is told apart. What is added by
//! the name of something that is still wanted merges into it; what is bought leaves the list with a [`Trip`].
//!
//! Everything is set and nothing toggled, so that the same wish twice is as once; what was wished before more was added is
//! recognised and dropped. A phone's queue of such wishes is applied by [`Sync`], and [`changes`] says what it missed.

mod add;
pub mod amount;
mod arrange;
pub mod category;
pub mod changes;
mod edit;
pub mod fold;
pub mod item;
pub mod learned;
mod leave;
pub mod list;
pub(crate) mod news;
mod place;
pub mod product;
pub mod quick;
mod report;
pub mod staple;
mod state;
pub mod store;
pub mod suggestion;
mod sync;
pub mod trip;

pub use add::{Add, AddMany, LINE_LIMIT, Line, NOTE_LIMIT};
pub use amount::{Amount, Unit};
pub use arrange::Move;
pub use category::Category;
pub use edit::{SameName, Update};
pub use item::{Item, State};
pub(crate) use leave::let_go;
pub use list::List;
pub use place::Place;
pub use product::Product;
pub use report::{Before, Effect, Rejection, Report, Treated};
pub use staple::Staple;
pub(crate) use staple::follow;
pub use state::SetState;
pub use store::Store;
pub use sync::{QUEUE_ID_LIMIT, QUEUE_LIMIT, Queued, Sync, Target, WISH_ID_LIMIT, Wish};
pub use trip::Trip;

use crate::access::{MemberStatus, Permission, Role};
use crate::among::among;
use crate::tables::members;
use crate::{Change, Error, MemberId, RefusalCode, Result};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::fmt::Display;

/// What something that was removed is told apart by, so that its name is free: its id's text behind a space, as no name
/// folds to what begins with one.
fn freed(id: impl Display) -> String {
    format!(" {id}")
}

/// Fails unless this is a current member who may change groceries; nobody is fine.
async fn refuse_stranger(change: &mut Change<'_>, assignee: Option<MemberId>) -> Result<()> {
    let Some(assignee) = assignee else { return Ok(()) };
    let query = members::table
        .filter(members::household_id.eq(change.household_id()))
        .filter(members::status.eq(MemberStatus::Active))
        .filter(among(members::id, &[assignee]))
        .select(members::role);
    let role: Option<Role> = run!(change.conn(), |c| query.first(c).await.optional())?;
    if role.is_some_and(|role| role.may(Permission::EditGroceries)) {
        return Ok(());
    }
    let message = "must be a current member of this household who may change groceries; guests may not";
    Err(Error::refused(RefusalCode::InvalidReference, "assigneeId", message))
}
