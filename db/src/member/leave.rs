//! How people stop being members: by themselves, or removed by others. Their membership is kept, so that what
//! they said keeps an author, and they are the same member if they come back.

use super::absence;
use super::role::{self, has_owner, last_owner, require_rank};
use super::{Profile, of_household, others, record};
use crate::access::{MemberStatus, Permission, Role};
use crate::prepared::Prepare as _;
use crate::tables::{member_periods, members};
use crate::{
    Change, Entry, Error, MemberId, Operation, RefusalCode, Result, event, grocery, household, invitation,
    message, task,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

/// Ends the caller's membership. The last owner names who becomes one; the last member's leave archives the
/// household.
#[derive(Debug, Serialize)]
pub struct Leave {
    /// The member to become an owner; only owners may name one.
    pub transfer_to: Option<MemberId>,
}

impl Operation for Leave {
    type Outcome = Profile;
    const NAME: &'static str = "leaveHousehold";
    const ENTRY: Entry = Entry::MemberOfArchived(Permission::Leave);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Profile> {
        let actor = change.actor()?.id();
        let member = of_household(change, actor).await?;
        let others = others(change, actor).await?;
        let heir = self.heir(&member, &others)?;
        let mut text = format!("{} left the household.", member.display_name);
        if let Some(heir) = heir {
            let heir = of_household(change, heir).await?;
            text = format!("{text} {} is now an owner.", heir.display_name);
            role::set(change, heir, Role::Owner).await?;
        }
        if others.is_empty() {
            household::archive_empty(change).await?;
        }
        let member = end(change, member, MemberStatus::Left).await?;
        message::insert_system(change, actor, text).await?;
        Ok(member)
    }
}

impl Leave {
    /// Who becomes an owner by it.
    fn heir(&self, member: &Profile, others: &[(MemberId, Role)]) -> Result<Option<MemberId>> {
        const FIELD: &str = "transferOwnershipTo";
        let Some(heir) = self.transfer_to else {
            if member.role == Role::Owner && !others.is_empty() && !has_owner(others) {
                return Err(last_owner(FIELD, "say who becomes its owner"));
            }
            return Ok(None);
        };
        if member.role != Role::Owner {
            let message = "only owners can hand their household over";
            return Err(Error::refused(RefusalCode::Invalid, FIELD, message));
        }
        match others.iter().find(|(id, _)| *id == heir) {
            Some((_, Role::Owner)) => Ok(None),
            Some(_) => Ok(Some(heir)),
            None => {
                let message = "must be another current member of this household";
                Err(Error::refused(RefusalCode::InvalidReference, FIELD, message))
            }
        }
    }
}

/// Whether somebody who is removed may be invited again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Return {
    /// With a new invitation.
    Allowed,
    /// Never.
    Banned,
}

/// Ends somebody else's membership. Only owners remove members of their own rank. Who is gone already can still
/// be kept from coming back.
#[derive(Debug, Serialize)]
pub struct Remove {
    /// Whose.
    pub member: MemberId,
    /// Whether they may come back.
    pub may_return: Return,
}

impl Operation for Remove {
    type Outcome = Profile;
    const NAME: &'static str = "removeMember";
    const ENTRY: Entry = Entry::Member(Permission::ManageMembers);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Profile> {
        let actor = change.actor()?.clone();
        if self.member == actor.id() {
            let message = "this is you: leave the household instead";
            return Err(Error::refused(RefusalCode::Invalid, "memberId", message));
        }
        let member = of_household(change, self.member).await?;
        require_rank(actor.role(), member.role)?;
        let was_active = member.is_active();
        let is_banned = self.may_return == Return::Banned && ban(change, member.id).await?;
        if !was_active && !is_banned {
            return Ok(member);
        }
        let member = end(change, member, MemberStatus::Removed).await?;
        if was_active {
            let text = format!("{} was removed from the household.", member.display_name);
            message::insert_system(change, actor.id(), text).await?;
        }
        Ok(member)
    }
}

/// Keeps somebody from coming back; whether that is news.
async fn ban(change: &mut Change<'_>, member: MemberId) -> Result<bool> {
    let update = diesel::update(members::table)
        .filter(members::id.eq(member))
        .filter(members::is_banned.eq(false))
        .set(members::is_banned.eq(true))
        .prepared();
    Ok(run!(change.conn(), |c| update.execute(c).await)? == 1)
}

/// Ends a membership, and with it the invitations they made, their absences and the chores they were to do.
async fn end(change: &mut Change<'_>, mut member: Profile, status: MemberStatus) -> Result<Profile> {
    let seq = change.next_seq();
    member.status = status;
    member.ended_at = member.ended_at.or(Some(change.now()));
    member.version += 1;
    let update = diesel::update(members::table)
        .filter(members::id.eq(member.id))
        .set((
            members::status.eq(member.status),
            members::ended_at.eq(member.ended_at),
            members::version.eq(member.version),
        ))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    let close = diesel::update(member_periods::table)
        .filter(member_periods::member_id.eq(member.id))
        .filter(member_periods::to_seq.is_null())
        .set(member_periods::to_seq.eq(seq))
        .prepared();
    run!(change.conn(), |c| close.execute(c).await)?;
    let kind = match status {
        MemberStatus::Removed => event::Kind::MemberRemoved,
        _ => event::Kind::MemberLeft,
    };
    record(change, kind, member.id, member.version, &["status"]);
    invitation::void_all(change, member.id).await?;
    absence::end_all(change, member.id).await?;
    task::let_go(change, member.id).await?;
    grocery::let_go(change, member.id).await?;
    Ok(member)
}
