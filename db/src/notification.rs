//! The outbox: what people are to be told outside RoomM8, written in the transaction that gives the reason and
//! delivered afterwards by a relay.
//!
//! [`enqueue`] writes at most one notification per cause. A relay leases what is due ([`lease`]), delivers it and
//! reports [`sent`] or [`failed`]; a lease that nobody reports on runs out, so a relay that died costs time and
//! at worst a second delivery, never the notification.

mod content;
mod delivery;

pub use content::{Content, Secret};
pub use delivery::{Leased, failed, lease, sent};

use crate::labels::labels;
use crate::tables::notifications;
use crate::{Connection, Error, NotificationId, Result, Time};
use diesel::dsl::{count_star, min};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::time::Duration;

/// How long delivered notifications, and with them their causes, are remembered.
const KEPT_FOR: Duration = Duration::from_hours(30 * 24);

labels! {
    /// What became of a notification.
    State {
        /// Waits to be delivered.
        Pending = "PENDING",
        /// Was delivered.
        Sent = "SENT",
        /// Could not be delivered; nothing tries any more.
        Dead = "DEAD",
    }
}

/// Writes a notification into the outbox, to be delivered once the transaction has committed. Returns whether it
/// is new: of one cause there is at most one.
///
/// `cause` names the reason in ASCII, for example `mention:<message>:<member>`; `recipient` is an e-mail address.
pub(crate) async fn enqueue(
    conn: &mut Connection,
    cause: &str,
    recipient: &str,
    content: &Content,
    now: Time,
) -> Result<bool> {
    let insert = diesel::insert_into(notifications::table).values((
        notifications::id.eq(NotificationId::new()),
        notifications::cause.eq(cause),
        notifications::kind.eq(content.kind()),
        notifications::recipient.eq(recipient),
        notifications::payload.eq(content.to_payload()?),
        notifications::state.eq(State::Pending),
        notifications::attempts.eq(0),
        notifications::next_attempt_at.eq(now),
        notifications::leased_until.eq(now),
        notifications::created_at.eq(now),
    ));
    match run!(conn, |c| insert.execute(c).await) {
        Ok(_) => Ok(true),
        Err(Error::Duplicate) => Ok(false),
        Err(error) => Err(error),
    }
}

/// How the outbox is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Notifications that wait to be delivered.
    pub pending: i64,
    /// When the reason of the oldest of these arose.
    pub oldest_pending: Option<Time>,
    /// Notifications that were given up.
    pub dead: i64,
}

/// How the outbox is doing, for metrics and alarms.
pub async fn backlog(conn: &mut Connection) -> Result<Backlog> {
    let query = notifications::table
        .filter(notifications::state.eq_any([State::Pending, State::Dead]))
        .group_by(notifications::state)
        .select((notifications::state, count_star(), min(notifications::created_at)));
    let rows: Vec<(State, i64, Option<Time>)> = run!(conn, |c| query.load(c).await)?;
    let mut backlog = Backlog::default();
    for (state, count, oldest) in rows {
        match state {
            State::Pending => (backlog.pending, backlog.oldest_pending) = (count, oldest),
            State::Dead => backlog.dead = count,
            State::Sent => {}
        }
    }
    Ok(backlog)
}

/// Forgets notifications that were delivered long ago; returns how many.
pub async fn forget_old(conn: &mut Connection, now: Time) -> Result<usize> {
    let delete = diesel::delete(notifications::table)
        .filter(notifications::state.eq(State::Sent))
        .filter(notifications::created_at.lt(now.before(KEPT_FOR)));
    run!(conn, |c| delete.execute(c).await)
}
