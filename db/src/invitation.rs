//! Invitations: who may let whom in, and for how long.

mod accept;
mod create;

pub use accept::{Accepted, Guest, Preview, Secret, accept, preview};
pub use create::{Create, Created, MAX_HOURS, MAX_USES, OPEN_LIMIT, Revoke, Secrets};

use crate::access::{Member, Permission, Role};
use crate::among::among;
use crate::message::End;
use crate::notification;
use crate::page::Window;
use crate::prepared::Prepare as _;
use crate::tables::{invitations, members};
use crate::{
    Change, Connection, HouseholdId, InvitationId, MemberId, Result, SubjectId, Time, UserId, access, event,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// A way into a household. Its token and code are not part of it: only their digests are kept.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = invitations, treat_none_as_default_value = false)]
pub struct Invitation {
    /// Its identifier.
    pub id: InvitationId,
    /// The household it leads to.
    pub household_id: HouseholdId,
    /// What those who accept it become.
    pub role: Role,
    /// The only address that may accept it, folded.
    pub email: Option<String>,
    /// Who made it.
    pub created_by: MemberId,
    /// When it was made.
    pub created_at: Time,
    /// Until when it can be accepted.
    pub expires_at: Time,
    /// How many may accept it.
    pub max_uses: i32,
    /// How many have.
    pub uses: i32,
    /// When it was taken back, or its maker stopped being a member.
    pub revoked_at: Option<Time>,
    /// Counts its changes.
    pub version: i32,
}

/// Whether an invitation can be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It can.
    Open,
    /// Every seat is taken.
    Exhausted,
    /// Its time is over.
    Expired,
    /// It was taken back, or its maker stopped being a member.
    Revoked,
}

impl crate::Subject for Invitation {
    fn subject_id(&self) -> SubjectId {
        self.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        let query = invitations::table.filter(invitations::id.eq(InvitationId::from(id)));
        run!(conn, |c| query.select(Self::as_select()).first(c).await)
    }
}

impl Invitation {
    /// Whether it can be accepted at this instant.
    pub fn status(&self, now: Time) -> Status {
        if self.revoked_at.is_some() {
            Status::Revoked
        } else if self.uses >= self.max_uses {
            Status::Exhausted
        } else if self.expires_at <= now {
            Status::Expired
        } else {
            Status::Open
        }
    }
}

/// The household's invitations in a window, in the order in which they were made, for those who may invite.
pub async fn page(conn: &mut Connection, member: &Member, window: Window) -> Result<Vec<Invitation>> {
    member.require(Permission::Invite)?;
    let (after, before): (InvitationId, InvitationId) = window.bounds();
    let query = invitations::table
        .filter(invitations::household_id.eq(member.household_id()))
        .filter(invitations::id.gt(after))
        .filter(invitations::id.lt(before))
        .limit(window.limit);
    let found = match window.end {
        End::Oldest => {
            run!(conn, |c| query.order(invitations::id.asc()).select(Invitation::as_select()).load(c).await)
        }
        End::Newest => {
            run!(conn, |c| query.order(invitations::id.desc()).select(Invitation::as_select()).load(c).await)
        }
    };
    Ok(window.oldest_first(found?))
}

/// Those of these invitations whose households this person is a member of, with the right to invite.
pub async fn seen_by(conn: &mut Connection, viewer: UserId, ids: &[InvitationId]) -> Result<Vec<Invitation>> {
    let viewer_is_member = members::table.on(members::household_id
        .eq(invitations::household_id)
        .and(members::user_id.eq(viewer))
        .and(members::status.eq(access::MemberStatus::Active)));
    let query = invitations::table.inner_join(viewer_is_member).filter(among(invitations::id, ids));
    let found: Vec<(Invitation, Role)> =
        run!(conn, |c| query.select((Invitation::as_select(), members::role)).load(c).await)?;
    let seen = found.into_iter().filter(|(_, role)| role.may(Permission::Invite));
    Ok(seen.map(|(invitation, _)| invitation).collect())
}

/// Takes back the open invitations that this member made.
pub(crate) async fn void_all(change: &mut Change<'_>, maker: MemberId) -> Result<()> {
    for invitation in open_of(change, maker).await? {
        revoke(change, invitation).await?;
    }
    Ok(())
}

/// Takes back the open invitations that this member made to a higher role than this one.
pub(crate) async fn void_above(change: &mut Change<'_>, maker: MemberId, role: Role) -> Result<()> {
    for invitation in open_of(change, maker).await? {
        if invitation.role.rank() > role.rank() {
            revoke(change, invitation).await?;
        }
    }
    Ok(())
}

async fn open_of(change: &mut Change<'_>, maker: MemberId) -> Result<Vec<Invitation>> {
    let query = invitations::table
        .filter(invitations::household_id.eq(change.household_id()))
        .filter(invitations::created_by.eq(maker))
        .filter(invitations::revoked_at.is_null())
        .filter(invitations::expires_at.gt(change.now()))
        .filter(invitations::uses.lt(invitations::max_uses))
        .order(invitations::id);
    run!(change.conn(), |c| query.select(Invitation::as_select()).load(c).await)
}

async fn revoke(change: &mut Change<'_>, mut invitation: Invitation) -> Result<Invitation> {
    invitation.revoked_at = Some(change.now());
    invitation.version += 1;
    let update = diesel::update(invitations::table)
        .filter(invitations::id.eq(invitation.id))
        .set((invitations::revoked_at.eq(invitation.revoked_at), invitations::version.eq(invitation.version)))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    let now = change.now();
    notification::call_off(change.conn(), invitation.id.into(), now).await?;
    record(change, event::Kind::InvitationRevoked, &invitation, &["revokedAt"]);
    Ok(invitation)
}

fn record(change: &mut Change<'_>, kind: event::Kind, invitation: &Invitation, fields: &[&'static str]) {
    change.record_for_all(kind, invitation.id, invitation.version, fields);
}
