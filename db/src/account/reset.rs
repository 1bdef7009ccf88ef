//! New passwords: chosen by who knows the old one, or by who reads the account's mail.
//!
//! A `clientMutationId` is not remembered by any of these: a reset is asked for by nobody in particular and its
//! token works once, and a change answers with a secret that is not kept.

use super::login::{SignIn, exchange_hash};
use super::password::Password;
use super::session::{self, Session, Viewer};
use super::token::{self, Purpose};
use super::{User, attempts, evenly, find, policy, text};
use crate::database::Work;
use crate::notification::inbox::{self, Cause, News};
use crate::notification::{self, Content, Secret};
use crate::prepared::Prepare as _;
use crate::tables::users;
use crate::{Connection, Database, Error, RefusalCode, Result, SessionId, Time, UserId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::net::IpAddr;
use std::time::Duration;

/// How long the link in the mail works.
const VALID_FOR: Duration = Duration::from_mins(30);

/// Mails a token to choose a new password with, if the address has an account. The answer and its time are the
/// same if it has none.
pub async fn request_password_reset(db: &Database, email: &str, ip: IpAddr) -> Result<()> {
    evenly(db, async {
        let email = text::email("email", email)?;
        attempts::place(db, ip).await?;
        attempts::mail(db, &email).await?;
        db.transaction(&Ask { email, token: Purpose::ResetPassword.token(), now: Time::now() }).await
    })
    .await
}

struct Ask {
    email: String,
    token: String,
    now: Time,
}

impl Work for Ask {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        let query =
            users::table.filter(users::email.eq(&self.email)).select((users::id, users::display_name));
        let account: Option<(UserId, String)> = run!(conn, |c| query.first(c).await.optional())?;
        let Some((user, display_name)) = account else { return Ok(()) };
        let expires_at = self.now.after(VALID_FOR);
        token::keep(conn, user, Purpose::ResetPassword, &self.token, expires_at).await?;
        token::void(conn, user, Purpose::ResetPassword, Some(&self.token), self.now).await?;
        let token = Secret::new(self.token.clone());
        let content = Content::PasswordReset { display_name, token, expires_at };
        let cause = format!("password_reset:{user}:{}", self.now.micros());
        notification::enqueue(conn, &cause, &self.email, &content, self.now).await.map(|_| ())
    }
}

/// Sets the password of whoever the token was mailed to, and ends all their sessions; returns those. It proves
/// the address too: the token was sent there.
pub async fn reset_password(
    db: &Database,
    token: &str,
    new_password: &str,
    ip: IpAddr,
) -> Result<Vec<SessionId>> {
    attempts::place(db, ip).await?;
    let now = Time::now();
    let user = {
        let mut conn = db.connection().await?;
        let owner = token::owner(&mut conn, Purpose::ResetPassword, token, now).await?;
        find(&mut conn, owner).await?
    };
    let owner = policy::Owner { email: &user.email, name: &user.display_name };
    let new_hash = Password::chosen("newPassword", new_password, owner)?.hash().await?;
    db.transaction(&Reset { user, token, new_hash, now }).await
}

struct Reset<'a> {
    user: User,
    token: &'a str,
    new_hash: String,
    now: Time,
}

impl Work for Reset<'_> {
    type Output = Vec<SessionId>;

    async fn run(&self, conn: &mut Connection) -> Result<Vec<SessionId>> {
        let User { id, email_verified_at, .. } = self.user;
        let update = diesel::update(users::table)
            .filter(users::id.eq(id))
            .set((
                users::password_hash.eq(&self.new_hash),
                users::email_verified_at.eq(email_verified_at.unwrap_or(self.now)),
            ))
            .prepared();
        run!(conn, |c| update.execute(c).await)?;
        token::redeem(conn, self.token, self.now).await?;
        token::void(conn, id, Purpose::ResetPassword, None, self.now).await?;
        let ended = session::revoke_all(conn, id, None, self.now).await?;
        let proven = User { email_verified_at: Some(self.now), ..self.user.clone() };
        tell_of_change(conn, &proven, self.now).await?;
        Ok(ended)
    }
}

/// Sets a new password for who knows the old one. Every session ends, the caller's too, and a new one takes its
/// place: whatever had the old token no longer has the account.
pub async fn change_password(
    db: &Database,
    viewer: Viewer,
    current_password: &str,
    new_password: &str,
) -> Result<SignIn> {
    let (user, stored, session) = own_account(db, viewer).await?;
    let owner = policy::Owner { email: &user.email, name: &user.display_name };
    let new = Password::chosen("newPassword", new_password, owner)?;
    attempts::password(db, &user.email).await?;
    let current = Password::typed(current_password).ok_or_else(wrong_current_password)?;
    current.check(Some(stored.clone())).await?.ok_or_else(wrong_current_password)?;
    let new_hash = new.hash().await?;
    let session = Session::begin(user.id, session.device, session.ip_prefix, Time::now());
    let change = Exchange { user, stored, new_hash, session, token: session::token() };
    let ended = db.transaction(&change).await?;
    let Exchange { user, session, token, .. } = change;
    Ok(SignIn { token: Secret::new(token), session, user, ended })
}

async fn own_account(db: &Database, viewer: Viewer) -> Result<(User, String, Session)> {
    let mut conn = db.connection().await?;
    let user = find(&mut conn, viewer.user_id).await?;
    let query = users::table.filter(users::id.eq(viewer.user_id)).select(users::password_hash);
    let stored = run!(&mut conn, |c| query.first(c).await)?;
    let session = session::find(&mut conn, viewer.user_id, viewer.session_id).await;
    let session = session.map_err(|error| match error {
        // It ended since the request came in.
        Error::NotFound => Error::Unauthenticated,
        error => error,
    })?;
    Ok((user, stored, session))
}

fn wrong_current_password() -> Error {
    Error::refused(RefusalCode::WrongCredentials, "currentPassword", "this is not your current password")
}

struct Exchange {
    user: User,
    stored: String,
    new_hash: String,
    session: Session,
    token: String,
}

impl Work for Exchange {
    type Output = Vec<SessionId>;

    async fn run(&self, conn: &mut Connection) -> Result<Vec<SessionId>> {
        let now = self.session.created_at;
        exchange_hash(conn, self.user.id, &self.stored, &self.new_hash).await?;
        session::save(conn, &self.session, &self.token).await?;
        token::void(conn, self.user.id, Purpose::ResetPassword, None, now).await?;
        let ended = session::revoke_all(conn, self.user.id, Some(self.session.id), now).await?;
        tell_of_change(conn, &self.user, now).await?;
        Ok(ended)
    }
}

async fn tell_of_change(conn: &mut Connection, user: &User, now: Time) -> Result<()> {
    let content = Content::PasswordChanged { display_name: user.display_name.clone(), changed_at: now };
    let cause = format!("password_changed:{}:{}", user.id, now.micros());
    // Unproven, the address may be somebody else's.
    if user.email_verified_at.is_none()
        || notification::enqueue(conn, &cause, &user.email, &content, now).await?
    {
        let news = News::of_account(user.id, Cause::PasswordChanged, user.id.into());
        inbox::tell(conn, vec![news], now).await?;
    }
    Ok(())
}
