//! People: registering, signing in, their sessions, passwords and profiles.
//!
//! What is asked without a session (registering, signing in, resetting a password) tells nobody whether an
//! address has an account, neither by its answer nor by its time.

pub(crate) mod attempts;
pub(crate) mod locale;
mod login;
mod password;
mod policy;
mod profile;
mod registration;
mod reset;
pub mod session;
pub(crate) mod text;
mod token;

pub use locale::Locale;
pub use login::{Credentials, SignIn, login};
pub use profile::{Update, update_profile};
pub use registration::{Registration, register, verify_email};
pub use reset::{change_password, request_password_reset, reset_password};

use crate::access::MemberStatus;
use crate::among::among;
use crate::tables::{members, users};
use crate::{Connection, Database, Result, Time, UserId};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::time::Duration;
use tokio::time::Instant;

/// A person with an account, as they see themselves. What of it others see is for the reader to choose.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub struct User {
    /// Their identifier.
    pub id: UserId,
    /// Where their mail goes, and what they sign in with: lower case.
    pub email: String,
    /// What others call them.
    pub display_name: String,
    /// When they proved that the address is theirs.
    pub email_verified_at: Option<Time>,
    /// Whether others see them as offline always.
    pub appears_offline: bool,
    /// Whether others see what they have read.
    pub sends_read_receipts: bool,
    /// In which language they are written to, and by which clocks.
    #[diesel(embed)]
    pub locale: Locale,
    /// Counts the changes of the profile.
    pub version: i32,
    /// When they registered.
    pub created_at: Time,
}

/// The user with this id, or [`crate::Error::NotFound`].
pub async fn find(conn: &mut Connection, user: UserId) -> Result<User> {
    let query = users::table.filter(users::id.eq(user));
    run!(conn, |c| query.select(User::as_select()).first(c).await)
}

/// The users with these ids, in no order. Ids are only ever taken from rows that the asker was allowed to see.
pub async fn known(conn: &mut Connection, ids: &[UserId]) -> Result<Vec<User>> {
    let query = users::table.filter(among(users::id, ids));
    run!(conn, |c| query.select(User::as_select()).load(c).await)
}

/// The user with this id, if it is the viewer or is or was a member of a household that the viewer is a member of;
/// [`crate::Error::NotFound`] otherwise.
pub async fn seen_by(conn: &mut Connection, viewer: UserId, user: UserId) -> Result<User> {
    let viewers = diesel::alias!(members as viewers);
    let shared = members::table
        .inner_join(viewers.on(viewers.field(members::household_id).eq(members::household_id)))
        .filter(members::user_id.eq(user))
        .filter(viewers.field(members::user_id).eq(viewer))
        .filter(viewers.field(members::status).eq(MemberStatus::Active));
    let query = users::table.filter(users::id.eq(user)).filter(users::id.eq(viewer).or(exists(shared)));
    run!(conn, |c| query.select(User::as_select()).first(c).await)
}

/// Lets one wish of a person in at a time.
pub(crate) async fn lock(conn: &mut Connection, user: UserId) -> Result<()> {
    let query = users::table.filter(users::id.eq(user)).select(users::id);
    locked!(conn, query, |q, c| q.first::<UserId>(c).await).map(|_| ())
}

/// Answers come at full steps of this, so that a write more or less does not show.
const STEP: Duration = Duration::from_millis(200);

/// Lets an answer take the same time whatever was found, where attempts are limited. Where they are not, for
/// tests and load drivers, it comes as soon as it is there.
async fn evenly<T>(db: &Database, answer: impl Future<Output = Result<T>>) -> Result<T> {
    let start = Instant::now();
    let result = answer.await;
    if db.throttles() {
        let steps = start.elapsed().as_millis() / STEP.as_millis() + 1;
        tokio::time::sleep_until(start + STEP * u32::try_from(steps).unwrap_or(1)).await;
    }
    result
}

/// Forgets sessions and tokens that ended long ago; returns how many.
pub async fn forget_ended(conn: &mut Connection, now: Time) -> Result<usize> {
    Ok(session::forget_ended(conn, now).await? + token::forget_expired(conn, now).await?)
}
