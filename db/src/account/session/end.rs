//! How sessions end: by their owner, by a new password, or by too many others.

use super::{MOST, of_user};
use crate::among::among;
use crate::database::Work;
use crate::prepared::Prepare as _;
use crate::tables::sessions;
use crate::{Connection, Database, Result, SessionId, Time, UserId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// Sessions asked about in one statement.
const CHUNK: usize = 1000;

/// Ends one of a person's sessions; ending it twice is fine. [`Error::NotFound`] if it was never theirs.
pub async fn revoke(db: &Database, user: UserId, session: SessionId) -> Result<()> {
    db.transaction(&Revoke { user, session, now: Time::now() }).await
}

struct Revoke {
    user: UserId,
    session: SessionId,
    now: Time,
}

impl Work for Revoke {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        let theirs = sessions::table
            .filter(sessions::id.eq(self.session))
            .filter(sessions::user_id.eq(self.user))
            .select(sessions::id);
        let _: SessionId = run!(conn, |c| theirs.first(c).await)?;
        let update = diesel::update(sessions::table)
            .filter(sessions::id.eq(self.session))
            .filter(sessions::revoked_at.is_null())
            .set(sessions::revoked_at.eq(self.now))
            .prepared();
        run!(conn, |c| update.execute(c).await).map(|_| ())
    }
}

/// Ends every session of a person but this one; returns those that ended by it.
pub async fn revoke_others(db: &Database, user: UserId, keep: SessionId) -> Result<Vec<SessionId>> {
    db.transaction(&RevokeOthers { user, keep, now: Time::now() }).await
}

struct RevokeOthers {
    user: UserId,
    keep: SessionId,
    now: Time,
}

impl Work for RevokeOthers {
    type Output = Vec<SessionId>;

    async fn run(&self, conn: &mut Connection) -> Result<Vec<SessionId>> {
        revoke_all(conn, self.user, Some(self.keep), self.now).await
    }
}

/// Ends every session of a person but `keep`; returns those that ended at `now`, also by an earlier run of the
/// same transaction that committed without saying so.
pub(in crate::account) async fn revoke_all(
    conn: &mut Connection,
    user: UserId,
    keep: Option<SessionId>,
    now: Time,
) -> Result<Vec<SessionId>> {
    // No session has the identifier of all zeros.
    let keep = keep.unwrap_or(SessionId::from_bytes([0; 16]));
    let update = diesel::update(sessions::table)
        .filter(sessions::user_id.eq(user))
        .filter(sessions::id.ne(keep))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .set(sessions::revoked_at.eq(now))
        .prepared();
    run!(conn, |c| update.execute(c).await)?;
    let revoked = sessions::table
        .filter(sessions::user_id.eq(user))
        .filter(sessions::revoked_at.eq(now))
        .select(sessions::id);
    run!(conn, |c| revoked.load(c).await)
}

/// Ends the sessions beyond [`MOST`], least recently used first; returns them.
pub(in crate::account) async fn revoke_surplus(
    conn: &mut Connection,
    user: UserId,
    now: Time,
) -> Result<Vec<SessionId>> {
    let surplus: Vec<_> =
        of_user(conn, user).await?.into_iter().skip(MOST).map(|session| session.id).collect();
    if surplus.is_empty() {
        return Ok(surplus);
    }
    let update = diesel::update(sessions::table.filter(among(sessions::id, &surplus)))
        .set(sessions::revoked_at.eq(now))
        .prepared();
    run!(conn, |c| update.execute(c).await)?;
    Ok(surplus)
}

/// Which of these sessions have ended: revoked, expired or unknown. For those who hold streams open.
pub async fn ended_among(conn: &mut Connection, ids: &[SessionId]) -> Result<Vec<SessionId>> {
    let now = Time::now();
    let mut ended = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let query = sessions::table
            .filter(among(sessions::id, chunk))
            .filter(sessions::revoked_at.is_null())
            .filter(sessions::expires_at.gt(now))
            .select(sessions::id);
        let living: Vec<SessionId> = run!(conn, |c| query.load(c).await)?;
        ended.extend(chunk.iter().filter(|id| !living.contains(id)));
    }
    Ok(ended)
}
