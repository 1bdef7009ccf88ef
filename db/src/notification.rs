//! The outbox: what people are to be told outside RoomM8, written in the transaction that gives the reason and
//! delivered afterwards by a relay.
//!
//! [`enqueue`] writes at most one notification per cause. A relay leases what is due ([`lease`]), delivers it and
//! reports [`sent`] or [`failed`]; a lease that nobody reports on runs out, so a relay that died costs time and
//! at worst a second delivery, never the notification.
//!
//! What is to be told later is written with its own instant and with what it is about ([`plan`]), by which it can be called
//! off ([`call_off`]) until a relay has it: what is being delivered cannot be called back.

mod content;
mod delivery;
pub mod endpoint;
pub mod inbox;
pub mod preference;

pub(crate) use content::TASK_REMINDER;
pub use content::{Content, DigestLine, Secret};
pub use delivery::{LEASE, Leased, failed, gone, lease, lease_for_endpoints, sent};

use crate::among::among;
use crate::labels::labels;
use crate::tables::notifications;
use crate::{Connection, EndpointId, Error, NotificationId, Result, SubjectId, Time};
use diesel::dsl::{case_when, count_star, min};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::time::Duration;

/// How long delivered notifications, and with them their causes, are remembered.
const KEPT_FOR: Duration = Duration::from_hours(30 * 24);

labels! {
    /// What became of a notification.
    State {
        /// Waits to be mailed.
        Pending = "PENDING",
        /// Waits to be told to an endpoint.
        ToTell = "TO_TELL",
        /// Was delivered.
        Sent = "SENT",
        /// Could not be delivered; nothing tries any more.
        Dead = "DEAD",
        /// Is not delivered: its recipient does not want it, needs it no more, has not proven the address, or has named an
        /// endpoint that takes nothing.
        Withheld = "WITHHELD",
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
    let subject = None;
    plan(conn, Plan { cause, recipient, content, at: now, subject }, now).await
}

/// A notification to be delivered at its time.
pub(crate) struct Plan<'a> {
    /// As of [`enqueue`].
    pub(crate) cause: &'a str,
    /// An e-mail address.
    pub(crate) recipient: &'a str,
    pub(crate) content: &'a Content,
    /// When its reason arises: it is not delivered before.
    pub(crate) at: Time,
    /// What it is about, by which it can be called off.
    pub(crate) subject: Option<SubjectId>,
}

/// As [`enqueue`], to be delivered at a time of its own.
pub(crate) async fn plan(conn: &mut Connection, plan: Plan<'_>, now: Time) -> Result<bool> {
    write(conn, plan, State::Pending, None, now).await
}

/// News that [`inbox::tell_due`] tells at their time, of one cause once. What they say, and to whom, is found then; nobody is
/// mailed.
pub(crate) async fn plan_news(
    conn: &mut Connection,
    cause: &str,
    content: &Content,
    at: Time,
    now: Time,
) -> Result<()> {
    let plan = Plan { cause, recipient: "", content, at, subject: None };
    write(conn, plan, State::Withheld, None, now).await.map(|_| ())
}

async fn write(
    conn: &mut Connection,
    plan: Plan<'_>,
    state: State,
    endpoint: Option<EndpointId>,
    now: Time,
) -> Result<bool> {
    let Plan { cause, recipient, content, at, subject } = plan;
    let insert = diesel::insert_into(notifications::table).values((
        notifications::id.eq(NotificationId::new()),
        notifications::cause.eq(cause),
        notifications::kind.eq(content.kind()),
        notifications::recipient.eq(recipient),
        notifications::payload.eq(content.to_payload()?),
        notifications::state.eq(state),
        notifications::attempts.eq(0),
        notifications::next_attempt_at.eq(at),
        notifications::leased_until.eq(now),
        notifications::created_at.eq(at),
        notifications::subject_id.eq(subject),
        // What is told at once is put into the inbox by who tells it.
        notifications::is_shown.eq(at <= now),
        notifications::endpoint_id.eq(endpoint),
    ));
    match run!(conn, |c| insert.execute(c).await) {
        Ok(_) => Ok(true),
        Err(Error::Duplicate) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Calls off all about a subject that waits to be delivered. What a relay has leased is on its way, and stays.
pub(crate) async fn call_off(conn: &mut Connection, subject: SubjectId, now: Time) -> Result<()> {
    let delete = diesel::delete(notifications::table)
        .filter(notifications::subject_id.eq(subject))
        .filter(among(notifications::state, &[State::Pending, State::ToTell]))
        .filter(waits(now));
    run!(conn, |c| delete.execute(c).await).map(|_| ())
}

/// Calls off some of what waits to be delivered, as [`call_off`].
pub(crate) async fn call_off_these(conn: &mut Connection, ids: &[NotificationId], now: Time) -> Result<()> {
    let delete = diesel::delete(notifications::table)
        .filter(among(notifications::id, ids))
        .filter(notifications::state.eq(State::Pending))
        .filter(waits(now));
    run!(conn, |c| delete.execute(c).await).map(|_| ())
}

/// What of this kind is to be mailed about a subject, on its way or not.
pub(crate) async fn planned(
    conn: &mut Connection,
    subject: SubjectId,
    kind: &'static str,
) -> Result<Vec<(NotificationId, Option<Content>)>> {
    let query = notifications::table
        .filter(notifications::subject_id.eq(subject))
        .filter(notifications::state.eq(State::Pending))
        .filter(notifications::kind.eq(kind))
        .select((notifications::id, notifications::payload));
    let rows: Vec<(NotificationId, String)> = run!(conn, |c| query.load(c).await)?;
    Ok(rows.into_iter().map(|(id, payload)| (id, Content::from_payload(&payload).ok())).collect())
}

/// Whether no relay has it now: it is leased from when it is due on, and waits for another try under its lease too.
#[diesel::dsl::auto_type(no_type_alias)]
fn waits(now: Time) -> _ {
    let now_again: Time = now;
    notifications::leased_until.le(now).or(notifications::next_attempt_at.gt(now_again))
}

/// How the outbox is doing with mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Notifications that wait to be delivered.
    pub pending: i64,
    /// When the oldest of these could first have been delivered.
    pub oldest_pending: Option<Time>,
    /// Notifications that were given up.
    pub dead: i64,
}

/// How the outbox is doing with mail, for metrics and alarms.
pub async fn backlog(conn: &mut Connection, now: Time) -> Result<Backlog> {
    let query = notifications::table
        .filter(among(notifications::state, &[State::Pending, State::Dead]))
        // What is planned for later, or rests until quiet hours end, is no backlog; what waits for another that failed is.
        .filter(
            notifications::attempts
                .gt(0)
                .or(notifications::next_attempt_at.le(now))
                .or(notifications::leased_until.gt(now)),
        )
        .group_by(notifications::state)
        .select((
            notifications::state,
            count_star(),
            // What rested is due since then.
            min(case_when(
                notifications::attempts.gt(0).or(notifications::next_attempt_at.gt(now)),
                notifications::created_at,
            )
            .otherwise(notifications::next_attempt_at)),
        ));
    let rows: Vec<(State, i64, Option<Time>)> = run!(conn, |c| query.load(c).await)?;
    let mut backlog = Backlog::default();
    for (state, count, oldest) in rows {
        match state {
            State::Pending => (backlog.pending, backlog.oldest_pending) = (count, oldest),
            State::Dead => backlog.dead = count,
            State::ToTell | State::Sent | State::Withheld => {}
        }
    }
    Ok(backlog)
}

/// Forgets notifications that were delivered, or withheld, long ago; returns how many.
pub async fn forget_old(conn: &mut Connection, now: Time) -> Result<usize> {
    let delete = diesel::delete(notifications::table)
        .filter(among(notifications::state, &[State::Sent, State::Withheld]))
        .filter(notifications::created_at.lt(now.before(KEPT_FOR)));
    run!(conn, |c| delete.execute(c).await)
}
