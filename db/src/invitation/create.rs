//! Making invitations and taking them back.

use super::{Invitation, record};
use crate::access::{Permission, Role};
use crate::account::{attempts, text};
use crate::notification::{self, Content, Plan};
use crate::tables::{households, invitations, members, users};
use crate::throttle::Limit;
use crate::{
    Change, Connection, Entry, Error, InvitationId, Operation, RefusalCode, Result, Subject, SubjectId,
    event, secret,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use std::time::Duration;

/// The longest an invitation can be open, in hours: 30 days.
pub const MAX_HOURS: i32 = 30 * 24;
/// The most people one invitation lets in.
pub const MAX_USES: i32 = 100;
/// The most open invitations of a household.
pub const OPEN_LIMIT: i64 = 100;
/// How many invitations one person may have mailed.
const MAILS: Limit = Limit { burst: 20, per: Duration::from_hours(24) };
/// A week, in hours.
const DEFAULT_HOURS: i32 = 7 * 24;
/// What secret scanners know the token by.
const TOKEN_PREFIX: &str = "rm8_i_";

/// Makes an invitation.
#[derive(Debug, Serialize)]
pub struct Create {
    /// What those who accept it become: at most what its maker is.
    pub role: Role,
    /// For how many hours it is open: 1 to [`MAX_HOURS`], or seven days.
    pub expires_in_hours: Option<i32>,
    /// How many may accept it: 1 to [`MAX_USES`], or one.
    pub max_uses: Option<i32>,
    /// The only address that may accept it. It is written to if the maker's own address is verified.
    pub email: Option<String>,
}

/// An invitation that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The invitation.
    pub invitation: Invitation,
    /// What opens it. Only the first answer has it: a repeat of the same intent cannot, as it is not kept.
    pub secrets: Option<Secrets>,
}

/// What opens an invitation.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// For links.
    pub token: String,
    /// For typing.
    pub code: String,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secrets(…)")
    }
}

impl Subject for Created {
    fn subject_id(&self) -> SubjectId {
        self.invitation.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        Ok(Self { invitation: Invitation::find(conn, id).await?, secrets: None })
    }
}

impl Operation for Create {
    type Outcome = Created;
    const NAME: &'static str = "createInvitation";
    const ENTRY: Entry = Entry::Member(Permission::Invite);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Created> {
        let actor = change.actor()?.clone();
        if self.role.rank() > actor.role().rank() {
            return Err(Error::Forbidden(Permission::Invite));
        }
        refuse_too_many(change).await?;
        let invitation = Invitation {
            id: InvitationId::new(),
            household_id: change.household_id(),
            role: self.role,
            email: self.email.as_deref().map(|email| text::email("email", email)).transpose()?,
            created_by: actor.id(),
            created_at: change.now(),
            expires_at: change.now().after(self.lifetime()?),
            max_uses: self.uses()?,
            uses: 0,
            revoked_at: None,
            version: 1,
        };
        let secrets = Secrets { token: secret::token(TOKEN_PREFIX), code: secret::code() };
        let insert = diesel::insert_into(invitations::table).values((
            &invitation,
            invitations::token_hash.eq(secret::digest(&secrets.token)),
            invitations::code_hash.eq(secret::code_digest(&secrets.code)),
        ));
        run!(change.conn(), |c| insert.execute(c).await)?;
        record(change, event::Kind::InvitationCreated, &invitation, &[]);
        write_to_guest(change, &invitation, &secrets).await?;
        Ok(Created { invitation, secrets: Some(secrets) })
    }
}

impl Create {
    fn lifetime(&self) -> Result<Duration> {
        let hours = self.expires_in_hours.unwrap_or(DEFAULT_HOURS);
        if (1..=MAX_HOURS).contains(&hours) {
            return Ok(Duration::from_hours(hours.unsigned_abs().into()));
        }
        let message = format!("must be 1 to {MAX_HOURS} hours");
        Err(Error::refused(RefusalCode::Invalid, "expiresInHours", message))
    }

    fn uses(&self) -> Result<i32> {
        let uses = self.max_uses.unwrap_or(1);
        if (1..=MAX_USES).contains(&uses) {
            return Ok(uses);
        }
        Err(Error::refused(RefusalCode::Invalid, "maxUses", format!("must be 1 to {MAX_USES}")))
    }
}

async fn refuse_too_many(change: &mut Change<'_>) -> Result<()> {
    let query = invitations::table
        .filter(invitations::household_id.eq(change.household_id()))
        .filter(invitations::revoked_at.is_null())
        .filter(invitations::expires_at.gt(change.now()))
        .filter(invitations::uses.lt(invitations::max_uses))
        .count();
    let open: i64 = run!(change.conn(), |c| query.get_result(c).await)?;
    if open < OPEN_LIMIT {
        return Ok(());
    }
    let message = format!("this household has {OPEN_LIMIT} open invitations: revoke some first");
    Err(Error::refused(RefusalCode::Limit, "", message))
}

/// Writes to the address an invitation is for. Nobody sends mail through us from an address that is not theirs.
async fn write_to_guest(change: &mut Change<'_>, invitation: &Invitation, secrets: &Secrets) -> Result<()> {
    let Some(email) = &invitation.email else { return Ok(()) };
    let query = members::table
        .inner_join(households::table)
        .inner_join(users::table)
        .filter(members::id.eq(invitation.created_by))
        .filter(users::email_verified_at.is_not_null())
        .select((households::name, households::time_zone, users::display_name, users::locale));
    let known: Option<(String, String, String, Option<String>)> =
        run!(change.conn(), |c| query.first(c).await.optional())?;
    let Some((household_name, time_zone, inviter_name, locale)) = known else { return Ok(()) };
    change.take(&format!("invitation-mail:{}", change.user_id()?), MAILS).await?;
    let (bucket, limit) = attempts::mails_to(email);
    change.take(&bucket, limit).await?;
    let token = notification::Secret::new(secrets.token.clone());
    let (expires_at, time_zone) = (invitation.expires_at, Some(time_zone));
    let content = Content::Invitation { household_name, inviter_name, token, expires_at, time_zone, locale };
    let now = change.now();
    let plan = Plan {
        cause: &format!("invitation:{}", invitation.id),
        recipient: email,
        content: &content,
        at: now,
        subject: Some(invitation.id.into()),
    };
    notification::plan(change.conn(), plan, now).await.map(|_| ())
}

/// Takes an invitation back, from this instant on. Twice is as once.
#[derive(Debug, Serialize)]
pub struct Revoke {
    /// Which; at most to one's own role.
    pub invitation: InvitationId,
}

impl Operation for Revoke {
    type Outcome = Invitation;
    const NAME: &'static str = "revokeInvitation";
    const ENTRY: Entry = Entry::Member(Permission::Invite);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Invitation> {
        let rank = change.actor()?.role().rank();
        let invitation = Invitation::find(change.conn(), self.invitation.into()).await?;
        if invitation.household_id != change.household_id() {
            return Err(Error::NotFound);
        }
        if invitation.role.rank() > rank {
            return Err(Error::Forbidden(Permission::Invite));
        }
        if invitation.revoked_at.is_some() {
            return Ok(invitation);
        }
        super::revoke(change, invitation).await
    }
}
