//! Registering, and proving that an e-mail address is one's own.
//!
//! Nobody learns here whether an address has an account: the answer and its time are the same, the truth goes to
//! the address. A `clientMutationId` is not remembered: there is nobody yet to remember it for, and registering
//! twice is the same as registering an address that is known.

use super::token::{self, Purpose};
use super::{Locale, User, attempts, evenly, password::Password, policy, text};
use crate::database::Work;
use crate::notification::inbox::{self, Cause, News};
use crate::notification::{self, Content, Secret};
use crate::prepared::Prepare as _;
use crate::tables::users;
use crate::{Connection, Database, Error, Result, Time, UserId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::net::IpAddr;
use std::time::Duration;

/// How long the link in the mail works.
const VALID_FOR: Duration = Duration::from_hours(3 * 24);
const DAY: Duration = Duration::from_hours(24);

/// What somebody registers with.
#[derive(Clone, Copy, Default)]
pub struct Registration<'a> {
    /// Where their mail goes, and what they sign in with.
    pub email: &'a str,
    /// At least 15 characters, at most 256 bytes, and hard to guess.
    pub password: &'a str,
    /// What others call them; 1 to 100 characters.
    pub display_name: &'a str,
    /// The BCP 47 tag of the language they are written to in.
    pub locale: Option<&'a str>,
    /// The IANA zone of the clocks by which they are told times.
    pub time_zone: Option<&'a str>,
}

/// Makes an account and mails a token to verify its address. An address that has an account gets a mail that says
/// so instead; the caller gets the same answer.
pub async fn register(db: &Database, registration: Registration<'_>, ip: IpAddr) -> Result<()> {
    evenly(db, async {
        let email = text::email("email", registration.email)?;
        let display_name = text::display_name(registration.display_name)?;
        let locale = Locale::checked(registration.locale, registration.time_zone)?;
        let owner = policy::Owner { email: &email, name: &display_name };
        let password = Password::chosen("password", registration.password, owner)?;
        attempts::place(db, ip).await?;
        attempts::mail(db, &email).await?;
        let now = Time::now();
        let password_hash = password.hash().await?;
        let user = User {
            id: UserId::new(),
            email,
            display_name,
            email_verified_at: None,
            appears_offline: false,
            sends_read_receipts: true,
            locale,
            version: 1,
            created_at: now,
        };
        let token = Purpose::VerifyEmail.token();
        db.transaction(&Register { user, password_hash, token }).await
    })
    .await
}

struct Register {
    user: User,
    password_hash: String,
    token: String,
}

impl Work for Register {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        let insert = diesel::insert_into(users::table)
            .values((&self.user, users::password_hash.eq(&self.password_hash)));
        match run!(conn, |c| insert.execute(c).await) {
            Ok(_) => self.ask_to_verify(conn).await,
            Err(Error::Duplicate) => self.tell_they_have_an_account(conn).await,
            Err(error) => Err(error),
        }
    }
}

impl Register {
    async fn ask_to_verify(&self, conn: &mut Connection) -> Result<()> {
        let now = self.user.created_at;
        let expires_at = now.after(VALID_FOR);
        token::keep(conn, self.user.id, Purpose::VerifyEmail, &self.token, expires_at).await?;
        let content = Content::VerifyEmail {
            display_name: self.user.display_name.clone(),
            token: Secret::new(self.token.clone()),
            expires_at,
        };
        let cause = format!("verify_email:{}", self.user.id);
        notification::enqueue(conn, &cause, &self.user.email, &content, now).await.map(|_| ())
    }

    async fn tell_they_have_an_account(&self, conn: &mut Connection) -> Result<()> {
        let now = self.user.created_at;
        let query =
            users::table.filter(users::email.eq(&self.user.email)).select((users::id, users::display_name));
        let (id, display_name): (UserId, String) = run!(conn, |c| query.first(c).await)?;
        if id == self.user.id {
            // An earlier run of this transaction committed without saying so.
            return Ok(());
        }
        let content = Content::AlreadyRegistered { display_name };
        // One a day, however often somebody tries.
        let day = now.micros() / i64::try_from(DAY.as_micros()).unwrap_or(i64::MAX);
        let cause = format!("already_registered:{id}:{day}");
        notification::enqueue(conn, &cause, &self.user.email, &content, now).await.map(|_| ())
    }
}

/// Takes a token from a verification mail as proof that the address is theirs. Doing it again is fine while the
/// token works: mail scanners follow links before people do.
pub async fn verify_email(db: &Database, token: &str, ip: IpAddr) -> Result<()> {
    attempts::place(db, ip).await?;
    db.transaction(&Verify { token, now: Time::now() }).await
}

struct Verify<'a> {
    token: &'a str,
    now: Time,
}

impl Work for Verify<'_> {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        let user = token::owner(conn, Purpose::VerifyEmail, self.token, self.now).await?;
        let update = diesel::update(users::table)
            .filter(users::id.eq(user))
            .filter(users::email_verified_at.is_null())
            .set(users::email_verified_at.eq(self.now))
            .prepared();
        if run!(conn, |c| update.execute(c).await)? == 0 {
            return Ok(());
        }
        let query = users::table.find(user).select((users::email, users::display_name));
        let (email, display_name): (String, String) = run!(conn, |c| query.first(c).await)?;
        let welcome = Content::Welcome { display_name };
        if notification::enqueue(conn, &format!("welcome:{user}"), &email, &welcome, self.now).await? {
            inbox::tell(conn, vec![News::of_account(user, Cause::Welcome, user.into())], self.now).await?;
        }
        Ok(())
    }
}
