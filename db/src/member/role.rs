//! What members may be made by whom.

use super::{Profile, of_household, others, record};
use crate::access::{Permission, Role};
use crate::prepared::Prepare as _;
use crate::tables::members;
use crate::task::reminder;
use crate::{
    Change, Entry, Error, MemberId, Operation, RefusalCode, Result, event, grocery, invitation, task, version,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

/// Gives a member another role. Only owners change members of their own rank, nobody gives more than they are,
/// and the household keeps an owner.
#[derive(Debug, Serialize)]
pub struct ChangeRole {
    /// Whose.
    pub member: MemberId,
    /// What they become.
    pub role: Role,
    /// The version of the member that the caller has seen.
    pub expected_version: Option<i32>,
}

impl Operation for ChangeRole {
    type Outcome = Profile;
    const NAME: &'static str = "changeMemberRole";
    const ENTRY: Entry = Entry::Member(Permission::ManageMembers);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Profile> {
        let mine = change.actor()?.role();
        let member = of_household(change, self.member).await?;
        require_rank(mine, member.role)?;
        if self.role.rank() > mine.rank() {
            return Err(Error::Forbidden(Permission::ManageMembers));
        }
        if !member.is_active() {
            let message = "this person is no longer a member";
            return Err(Error::refused(RefusalCode::Gone, "memberId", message));
        }
        if member.role == self.role {
            return Ok(member);
        }
        version::settle(change, member.id.into(), member.version, self.expected_version, &["role"]).await?;
        if member.role == Role::Owner && !has_owner(&others(change, member.id).await?) {
            return Err(last_owner("role", "make somebody else an owner first"));
        }
        set(change, member, self.role).await
    }
}

/// Saves another role. Invitations to more than that are void from then on, and who may do no chores, or
/// change no groceries, is let go of them.
pub(super) async fn set(change: &mut Change<'_>, mut member: Profile, role: Role) -> Result<Profile> {
    let is_demotion = role.rank() < member.role.rank();
    member.role = role;
    member.version += 1;
    let update = diesel::update(members::table)
        .filter(members::id.eq(member.id))
        .set((members::role.eq(role), members::version.eq(member.version)))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    record(change, event::Kind::MemberRoleChanged, member.id, member.version, &["role"]);
    reminder::schedule_claimable(change).await?;
    if is_demotion {
        invitation::void_above(change, member.id, role).await?;
    }
    if is_demotion && !role.may(Permission::DoTasks) {
        task::let_go(change, member.id).await?;
    }
    if is_demotion && !role.may(Permission::EditGroceries) {
        grocery::let_go(change, member.id).await?;
    }
    Ok(member)
}

/// Nobody manages their own or a higher rank, but owners manage owners.
pub(super) fn require_rank(mine: Role, theirs: Role) -> Result<()> {
    if mine == Role::Owner || mine.rank() > theirs.rank() {
        Ok(())
    } else {
        Err(Error::Forbidden(Permission::ManageMembers))
    }
}

pub(super) fn has_owner(members: &[(MemberId, Role)]) -> bool {
    members.iter().any(|(_, role)| *role == Role::Owner)
}

pub(super) fn last_owner(field: &'static str, what_to_do: &str) -> Error {
    let message = format!("a household must keep an owner: {what_to_do}");
    Error::refused(RefusalCode::LastOwner, field, message)
}
