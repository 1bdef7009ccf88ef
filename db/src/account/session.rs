//! Sessions: the devices somebody is signed in on, each with a token of its own of which only a digest is kept.

mod end;

pub use end::{ended_among, revoke, revoke_others};
pub(super) use end::{revoke_all, revoke_surplus};

use crate::database::Work;
use crate::prepared::Prepare as _;
use crate::tables::sessions;
use crate::{Connection, Database, Error, Result, SessionId, Time, UserId, secret};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::time::Duration;

/// A session that is not used for this long ends.
pub const IDLE: Duration = Duration::from_hours(30 * 24);
/// A session ends after this long, however much it is used.
pub const ABSOLUTE: Duration = Duration::from_hours(180 * 24);
/// Sessions one person can have; the least recently used one makes room for the next.
pub const MOST: usize = 20;

const PREFIX: &str = "rm8_s_";
/// How exactly the last use is noted: one write a minute for a session in use.
const TOUCH: Duration = Duration::from_mins(1);
/// How long a session that ended is kept, to tell a new device from a known one.
const KEPT_FOR: Duration = Duration::from_hours(90 * 24);

/// A signed-in device, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct Session {
    /// Its identifier.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// What the device calls itself.
    pub device: String,
    /// The region of the network it signed in from.
    pub ip_prefix: String,
    /// When it signed in.
    pub created_at: Time,
    /// When it was last used, to the minute.
    pub last_used_at: Time,
    /// When it ends, unless it is used before; at most 180 days after sign-in.
    pub expires_at: Time,
}

impl Session {
    pub(super) fn begin(user: UserId, device: String, ip_prefix: String, now: Time) -> Self {
        Self {
            id: SessionId::new(),
            user_id: user,
            device,
            ip_prefix,
            created_at: now,
            last_used_at: now,
            expires_at: now.after(IDLE),
        }
    }
}

/// The digest of a session's token: safe to keep in memory as a key, useless to whoever reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The digest of a token; none if the text is not shaped like one.
    pub fn of(token: &str) -> Option<Self> {
        let body = token.strip_prefix(PREFIX)?;
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if body.len() != 43 || !body.bytes().all(is_base64url) {
            return None;
        }
        secret::digest(token).try_into().ok().map(Self)
    }
}

/// A new token for a session; shown once.
pub(super) fn token() -> String {
    secret::token(PREFIX)
}

/// Proof that a request comes from a signed-in device. Cheap to copy and to keep for some seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewer {
    /// The person.
    pub user_id: UserId,
    /// Their session.
    pub session_id: SessionId,
    /// When the session ends if it is not used again. Use moves it, so ask again before acting on it.
    pub expires_at: Time,
}

/// Who this token belongs to, or [`Error::Unauthenticated`]. Notes that the session is in use.
pub async fn viewer(db: &Database, token: TokenHash) -> Result<Viewer> {
    let now = Time::now();
    let found = living(&mut *db.connection().await?, token, now).await?;
    if now.since(found.last_used_at) < TOUCH {
        return Ok(found.viewer());
    }
    let touch = Touch { session: found.id, now, expires_at: expiry(found.created_at, now) };
    match db.transaction(&touch).await {
        Ok(()) => Ok(Viewer { expires_at: touch.expires_at, ..found.viewer() }),
        // Noting the use is no reason to turn somebody away; the next request tries again.
        Err(error) => {
            tracing::warn!(session = %found.id, %error, "the use of session {} was not noted", found.id);
            Ok(found.viewer())
        }
    }
}

fn expiry(created_at: Time, now: Time) -> Time {
    now.after(IDLE).min(created_at.after(ABSOLUTE))
}

#[derive(Queryable)]
struct Found {
    id: SessionId,
    user_id: UserId,
    created_at: Time,
    last_used_at: Time,
    expires_at: Time,
}

impl Found {
    fn viewer(&self) -> Viewer {
        Viewer { user_id: self.user_id, session_id: self.id, expires_at: self.expires_at }
    }
}

async fn living(conn: &mut Connection, token: TokenHash, now: Time) -> Result<Found> {
    let query = sessions::table
        .filter(sessions::token_hash.eq(token.0.to_vec()))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .select((
            sessions::id,
            sessions::user_id,
            sessions::created_at,
            sessions::last_used_at,
            sessions::expires_at,
        ));
    let found: Option<Found> = run!(conn, |c| query.first(c).await.optional())?;
    found.ok_or(Error::Unauthenticated)
}

struct Touch {
    session: SessionId,
    now: Time,
    expires_at: Time,
}

impl Work for Touch {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        let update = diesel::update(sessions::table)
            .filter(sessions::id.eq(self.session))
            .filter(sessions::last_used_at.le(self.now.before(TOUCH)))
            .set((sessions::last_used_at.eq(self.now), sessions::expires_at.eq(self.expires_at)))
            .prepared();
        run!(conn, |c| update.execute(c).await).map(|_| ())
    }
}

/// The sessions a person is signed in with, most recently used first.
pub async fn of_user(conn: &mut Connection, user: UserId) -> Result<Vec<Session>> {
    let query = sessions::table
        .filter(sessions::user_id.eq(user))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(Time::now()))
        .order((sessions::last_used_at.desc(), sessions::id.desc()));
    run!(conn, |c| query.select(Session::as_select()).load(c).await)
}

/// One of a person's sessions, or [`Error::NotFound`] if it ended or is not theirs.
pub async fn find(conn: &mut Connection, user: UserId, session: SessionId) -> Result<Session> {
    let query = sessions::table
        .filter(sessions::id.eq(session))
        .filter(sessions::user_id.eq(user))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(Time::now()));
    run!(conn, |c| query.select(Session::as_select()).first(c).await)
}

/// Saves a session that begins. Returns whether it is new: an earlier run of the same transaction may have
/// committed without saying so.
pub(super) async fn save(conn: &mut Connection, session: &Session, token: &str) -> Result<bool> {
    let insert = diesel::insert_into(sessions::table).values((
        sessions::id.eq(session.id),
        sessions::user_id.eq(session.user_id),
        sessions::token_hash.eq(secret::digest(token)),
        sessions::device.eq(&session.device),
        sessions::ip_prefix.eq(&session.ip_prefix),
        sessions::created_at.eq(session.created_at),
        sessions::last_used_at.eq(session.last_used_at),
        sessions::expires_at.eq(session.expires_at),
    ));
    match run!(conn, |c| insert.execute(c).await) {
        Ok(_) => Ok(true),
        Err(Error::Duplicate) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether somebody signed in before, and whether from this device in this region.
pub(super) async fn familiarity(conn: &mut Connection, session: &Session) -> Result<Familiarity> {
    let query = sessions::table
        .filter(sessions::user_id.eq(session.user_id))
        .filter(sessions::id.ne(session.id))
        .select((sessions::device, sessions::ip_prefix));
    let earlier: Vec<(String, String)> = run!(conn, |c| query.load(c).await)?;
    let is_known =
        |(device, ip_prefix): &(String, String)| *device == session.device && *ip_prefix == session.ip_prefix;
    Ok(match earlier.as_slice() {
        [] => Familiarity::First,
        sessions if sessions.iter().any(is_known) => Familiarity::Known,
        _ => Familiarity::New,
    })
}

/// How well a device that signs in is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Familiarity {
    /// It is the person's first.
    First,
    /// It signed in before.
    Known,
    /// Others did, it did not.
    New,
}

/// Forgets sessions that ended long ago; returns how many.
pub(super) async fn forget_ended(conn: &mut Connection, now: Time) -> Result<usize> {
    let delete = diesel::delete(sessions::table).filter(sessions::expires_at.lt(now.before(KEPT_FOR)));
    run!(conn, |c| delete.execute(c).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_we_hand_out_can_be_a_token() {
        assert!(TokenHash::of(&token()).is_some());
        for text in ["", "rm8_s_", "rm8_r_AAAA", &token().replace("rm8_s", "rm8_x"), &(token() + "A")] {
            assert!(TokenHash::of(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn use_prolongs_a_session_up_to_its_last_day() {
        let began = Time::from_micros(0);
        let day = |number: u64| began.after(Duration::from_hours(number * 24));
        assert_eq!(expiry(began, day(10)), day(40));
        assert_eq!(expiry(began, day(170)), day(180));
    }
}
