//! What would happen if somebody left.

use crate::error::{Error, Result};
use crate::id::GlobalId;
use crate::scope::ScopeExt as _;
use crate::task::{Occurrence, Task};
use async_graphql::{Context, ID, SimpleObject};
use roomm8_db::HouseholdId;
use roomm8_db::member::leave_preview::{self, Preview};

/// What would happen if a member left or were removed now. Nothing of it has.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct LeavePreview {
    /// What they are to do and others would get, or nobody: the earliest due first, at most 100.
    occurrences: Vec<Occurrence>,
    /// How many these are.
    open_count: i64,
    /// The chores whose rosters they would leave, the oldest first, at most 100.
    tasks: Vec<Task>,
    /// How many these are.
    task_count: i64,
    /// How many shopping lists in use they are the `assignee` of: nobody would be.
    grocery_list_count: i64,
    /// How many things on lists they are to buy: nobody in particular would be.
    grocery_item_count: i64,
    /// How many open invitations they made would be revoked.
    invitation_count: i64,
    /// Whether they are the last owner of a household with others in it: to leave, they have to name an heir.
    must_transfer_ownership: bool,
    /// Whether they are the last member: the household would be archived, and deleted 30 days later.
    archives_household: bool,
}

impl From<Preview> for LeavePreview {
    fn from(preview: Preview) -> Self {
        Self {
            occurrences: preview.occurrences.into_iter().map(Occurrence::from).collect(),
            open_count: preview.open_count,
            tasks: preview.tasks.into_iter().map(Task::from).collect(),
            task_count: preview.task_count,
            grocery_list_count: preview.grocery_list_count,
            grocery_item_count: preview.grocery_item_count,
            invitation_count: preview.invitation_count,
            must_transfer_ownership: preview.must_transfer_ownership,
            archives_household: preview.archives_household,
        }
    }
}

pub(super) async fn leave_preview(
    ctx: &Context<'_>,
    household: HouseholdId,
    member: Option<&ID>,
) -> Result<LeavePreview> {
    let scope = ctx.scope()?;
    let viewer = scope.member(household).await?;
    let member = match member.map(GlobalId::member).transpose()? {
        Some((of, member)) if of == household => member,
        Some(_) => return Err(Error::not_found()),
        None => viewer.id(),
    };
    Ok(leave_preview::preview(&mut *scope.connection().await?, &viewer, member).await?.into())
}
