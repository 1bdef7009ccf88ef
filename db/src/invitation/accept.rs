//! Looking at an invitation from outside, and accepting it.

use super::{Invitation, Status};
use crate::account::attempts;
use crate::prepared::Prepare as _;
use crate::tables::{households, invitations, members, users};
use crate::{
    Change, Connection, Database, Entry, Error, HouseholdId, InvitationId, Operation, RefusalCode, Request,
    Result, Subject as _, Time, UserId, event, member, secret,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use std::net::IpAddr;

/// What somebody holds of an invitation.
#[derive(Clone, Copy)]
pub enum Secret<'a> {
    /// All of it: they are told why it does not open.
    Token(&'a str),
    /// What can be typed, and guessed: tries are counted, and what does not open was never there.
    Code(&'a str),
}

/// Who looks at an invitation; their tries of codes are counted together.
#[derive(Debug, Clone, Copy)]
pub enum Guest {
    /// Somebody signed in.
    User(UserId),
    /// Anybody who comes from here.
    Place(IpAddr),
}

/// What somebody who holds an invitation may know before they accept it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Where it leads.
    pub household_name: String,
    /// Who made it.
    pub inviter_name: String,
    /// Until when it can be accepted.
    pub expires_at: Time,
}

/// What an invitation leads to, without accepting it.
pub async fn preview(db: &Database, guest: Guest, secret: Secret<'_>) -> Result<Preview> {
    count_try(db, guest, secret).await?;
    let conn = &mut *db.connection().await?;
    let invitation = find(conn, secret).await?;
    refuse_unless_open(&invitation, secret.into(), Time::now())?;
    let query = members::table
        .inner_join(households::table)
        .inner_join(users::table)
        .filter(members::id.eq(invitation.created_by))
        .select((households::name, users::display_name));
    let (household_name, inviter_name) = run!(conn, |c| query.first(c).await)?;
    Ok(Preview { household_name, inviter_name, expires_at: invitation.expires_at })
}

/// Somebody who came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Who they are there.
    pub member: member::Profile,
    /// The place of their coming in the log.
    pub position: event::Position,
    /// Whether they were a member before, so that no seat was taken.
    pub was_member: bool,
}

/// Accepts an invitation: the person becomes a member with its role. A member already stays what they are and
/// takes no seat.
pub async fn accept(
    db: &Database,
    user: UserId,
    secret: Secret<'_>,
    client_mutation_id: Option<&str>,
) -> Result<Accepted> {
    count_try(db, Guest::User(user), secret).await?;
    let invitation = find(&mut *db.connection().await?, secret).await?;
    let household = invitation.household_id;
    let operation = Accept { invitation: invitation.id, shown: secret.into() };
    match db.perform(Request { user, household, client_mutation_id }, &operation).await {
        Ok(changed) => {
            Ok(Accepted { member: changed.subject, position: changed.position, was_member: false })
        }
        Err(Error::Duplicate) => accepted_before(db, user, household).await,
        Err(error) => Err(error),
    }
}

async fn accepted_before(db: &Database, user: UserId, household: HouseholdId) -> Result<Accepted> {
    let conn = &mut *db.connection().await?;
    let member = member::of_user(conn, user, household).await?.ok_or(Error::NotFound)?;
    let position = event::head(conn, household).await?;
    Ok(Accepted { member, position, was_member: true })
}

/// Count before looking: a wrong code counts like a right one.
async fn count_try(db: &Database, guest: Guest, secret: Secret<'_>) -> Result<()> {
    match secret {
        Secret::Token(_) => Ok(()),
        Secret::Code(_) => attempts::code(db, guest).await,
    }
}

async fn find(conn: &mut Connection, secret: Secret<'_>) -> Result<Invitation> {
    let found = match secret {
        Secret::Token(token) => {
            let query = invitations::table.filter(invitations::token_hash.eq(secret::digest(token.trim())));
            run!(conn, |c| query.select(Invitation::as_select()).first(c).await)
        }
        Secret::Code(code) => {
            let query = invitations::table.filter(invitations::code_hash.eq(secret::code_digest(code)));
            run!(conn, |c| query.select(Invitation::as_select()).first(c).await)
        }
    };
    match found {
        Err(Error::NotFound) => Err(refused(secret.into(), RefusalCode::InvitationInvalid)),
        found => found,
    }
}

/// Which secret was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Token,
    Code,
}

impl From<Secret<'_>> for Shown {
    fn from(secret: Secret<'_>) -> Self {
        match secret {
            Secret::Token(_) => Self::Token,
            Secret::Code(_) => Self::Code,
        }
    }
}

fn refuse_unless_open(invitation: &Invitation, shown: Shown, now: Time) -> Result<()> {
    let code = match invitation.status(now) {
        Status::Open => return Ok(()),
        _ if shown == Shown::Code => RefusalCode::InvitationInvalid,
        Status::Exhausted => RefusalCode::InvitationExhausted,
        Status::Expired => RefusalCode::InvitationExpired,
        Status::Revoked => RefusalCode::InvitationRevoked,
    };
    Err(refused(shown, code))
}

fn refused(shown: Shown, code: RefusalCode) -> Error {
    let message = match code {
        RefusalCode::InvitationExhausted => {
            "everybody this invitation was for has accepted it: ask for a new one"
        }
        RefusalCode::InvitationExpired => "this invitation has expired: ask for a new one",
        RefusalCode::InvitationRevoked => "this invitation was taken back: ask for a new one",
        RefusalCode::InvitationEmailMismatch => {
            "this invitation is for another e-mail address: sign in with that one, or ask for a new invitation"
        }
        RefusalCode::Banned => "you cannot come back to this household",
        RefusalCode::Archived => "this household is archived: ask its owner to restore it first",
        _ => "this is no invitation that is open: check it, or ask for a new one",
    };
    let field = match shown {
        Shown::Token => "token",
        Shown::Code => "code",
    };
    Error::refused(code, field, message)
}

/// Comes in by an invitation. Fails with [`Error::Duplicate`] for who is in already.
#[derive(Debug, Serialize)]
struct Accept {
    invitation: InvitationId,
    #[serde(skip)]
    shown: Shown,
}

impl Operation for Accept {
    type Outcome = member::Profile;
    const NAME: &'static str = "acceptInvitation";
    const ENTRY: Entry = Entry::Admission;

    async fn apply(&self, change: &mut Change<'_>) -> Result<member::Profile> {
        let (user, household) = (change.user_id()?, change.household_id());
        let former = member::of_user(change.conn(), user, household).await?;
        if former.is_some_and(|former| former.is_active()) {
            return Err(Error::Duplicate);
        }
        let invitation = Invitation::find(change.conn(), self.invitation.into()).await?;
        refuse_unless_open(&invitation, self.shown, change.now())?;
        self.refuse_stranger(change, &invitation).await?;
        self.take_seat(change).await?;
        member::admit(change, invitation.role).await
    }
}

impl Accept {
    /// Fails for those whom even an open invitation does not let in.
    async fn refuse_stranger(&self, change: &mut Change<'_>, invitation: &Invitation) -> Result<()> {
        let (user, household) = (change.user_id()?, change.household_id());
        if is_banned(change.conn(), user, household).await? {
            return Err(refused(self.shown, RefusalCode::Banned));
        }
        if is_archived(change.conn(), household).await? {
            return Err(refused(self.shown, RefusalCode::Archived));
        }
        let Some(email) = &invitation.email else { return Ok(()) };
        if *email == email_of(change.conn(), user).await? {
            return Ok(());
        }
        Err(refused(self.shown, RefusalCode::InvitationEmailMismatch))
    }

    /// The household's lock has settled the order; the condition settles it once more where it counts.
    async fn take_seat(&self, change: &mut Change<'_>) -> Result<()> {
        let update = diesel::update(invitations::table)
            .filter(invitations::id.eq(self.invitation))
            .filter(invitations::revoked_at.is_null())
            .filter(invitations::uses.lt(invitations::max_uses))
            .set((
                invitations::uses.eq(invitations::uses + 1),
                invitations::version.eq(invitations::version + 1),
            ))
            .prepared();
        match run!(change.conn(), |c| update.execute(c).await)? {
            1 => Ok(()),
            _ => Err(refused(self.shown, RefusalCode::InvitationInvalid)),
        }
    }
}

async fn is_banned(conn: &mut Connection, user: UserId, household: HouseholdId) -> Result<bool> {
    let query = members::table
        .filter(members::household_id.eq(household))
        .filter(members::user_id.eq(user))
        .select(members::is_banned);
    let is_banned: Option<bool> = run!(conn, |c| query.first(c).await.optional())?;
    Ok(is_banned.unwrap_or(false))
}

async fn is_archived(conn: &mut Connection, household: HouseholdId) -> Result<bool> {
    let query =
        households::table.filter(households::id.eq(household)).select(households::archived_at.is_not_null());
    run!(conn, |c| query.first(c).await)
}

async fn email_of(conn: &mut Connection, user: UserId) -> Result<String> {
    let query = users::table.filter(users::id.eq(user)).select(users::email);
    run!(conn, |c| query.first(c).await)
}
