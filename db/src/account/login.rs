//! Signing in.
//!
//! A `clientMutationId` is not remembered here: whoever asks is nobody yet, and what is answered is a secret of
//! which only a digest is kept. Signing in twice is two sessions; the one whose token was lost ends unused.

use super::password::Password;
use super::session::{self, Familiarity, Session};
use super::{User, attempts, find, text};
use crate::among::among;
use crate::database::Work;
use crate::notification::inbox::{self, Cause, News};
use crate::notification::{self, Content, Secret};
use crate::prepared::Prepare as _;
use crate::tables::users;
use crate::{Connection, Database, Error, RefusalCode, Result, SessionId, Time, UserId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::net::IpAddr;

/// What somebody signs in with.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The address they registered with.
    pub email: &'a str,
    /// Their password.
    pub password: &'a str,
    /// What the device calls itself, for the list of sessions.
    pub device: &'a str,
}

/// A session that began.
#[derive(Debug)]
pub struct SignIn {
    /// The session's token. It is told here and never again.
    pub token: Secret,
    /// The session.
    pub session: Session,
    /// Who signed in.
    pub user: User,
    /// Sessions that ended by it: tell those who hold streams open for them.
    pub ended: Vec<SessionId>,
}

/// Signs somebody in on a device. Unknown address and wrong password are the same refusal after the same time.
pub async fn login(db: &Database, credentials: Credentials<'_>, ip: IpAddr) -> Result<SignIn> {
    attempts::place(db, ip).await?;
    let email = text::email("email", credentials.email).map_err(|_| wrong_credentials())?;
    attempts::password(db, &email).await?;
    let account = account(db, &email).await?;
    let (user, stored) = account.unzip();
    let password = Password::typed(credentials.password).ok_or_else(wrong_credentials)?;
    let renewed = password.check(stored.clone()).await?;
    let (Some(user), Some(stored), Some(renewed)) = (user, stored, renewed) else {
        return Err(wrong_credentials());
    };
    let session = Session::begin(user, text::device(credentials.device), attempts::region(ip), Time::now());
    let token = session::token();
    let start = Start { session, token, stored, renewed };
    let (user, ended) = db.transaction(&start).await?;
    Ok(SignIn { token: Secret::new(start.token), session: start.session, user, ended })
}

async fn account(db: &Database, email: &str) -> Result<Option<(UserId, String)>> {
    let mut conn = db.connection().await?;
    let query = users::table.filter(users::email.eq(email)).select((users::id, users::password_hash));
    run!(&mut conn, |c| query.first(c).await.optional())
}

pub(super) fn wrong_credentials() -> Error {
    let message = "this e-mail address and password do not belong together";
    Error::refused(RefusalCode::WrongCredentials, "", message)
}

struct Start {
    session: Session,
    token: String,
    /// The hash that the password was checked against, and what to keep instead.
    stored: String,
    renewed: String,
}

impl Work for Start {
    type Output = (User, Vec<SessionId>);

    async fn run(&self, conn: &mut Connection) -> Result<Self::Output> {
        let Session { user_id, created_at: now, .. } = self.session;
        exchange_hash(conn, user_id, &self.stored, &self.renewed).await?;
        let user = find(conn, user_id).await?;
        if !session::save(conn, &self.session, &self.token).await? {
            return Ok((user, Vec::new()));
        }
        let familiarity = session::familiarity(conn, &self.session).await?;
        if familiarity == Familiarity::New {
            self.tell_of_new_device(conn, &user).await?;
        }
        let ended = session::revoke_surplus(conn, user_id, now).await?;
        Ok((user, ended))
    }
}

impl Start {
    async fn tell_of_new_device(&self, conn: &mut Connection, user: &User) -> Result<()> {
        let content = Content::NewDevice {
            display_name: user.display_name.clone(),
            device: self.session.device.clone(),
            ip_prefix: self.session.ip_prefix.clone(),
            signed_in_at: self.session.created_at,
        };
        let cause = format!("new_device:{}", self.session.id);
        let now = self.session.created_at;
        if user.email_verified_at.is_some() {
            notification::enqueue(conn, &cause, &user.email, &content, now).await?;
        }
        let news = News::of_account(user.id, Cause::NewDevice, self.session.id.into());
        inbox::tell(conn, vec![news], now).await
    }
}

/// Replaces the hash a password was checked against, and with it locks the account until the commit. Refused if
/// the password was changed in between: what was right a moment ago no longer is.
pub(super) async fn exchange_hash(
    conn: &mut Connection,
    user: UserId,
    stored: &str,
    new: &str,
) -> Result<()> {
    let update = diesel::update(users::table)
        .filter(users::id.eq(user))
        // Already the new one: an earlier run of this transaction committed without saying so.
        .filter(among(users::password_hash, &[stored, new]))
        .set(users::password_hash.eq(new))
        .prepared();
    match run!(conn, |c| update.execute(c).await)? {
        0 => Err(wrong_credentials()),
        _ => Ok(()),
    }
}
