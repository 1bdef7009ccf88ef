//! Limits on attempts, shared by all instances through the database: they hold without Redis too.
//!
//! One leaky bucket a row (the generic cell rate algorithm): `full_at` is when the bucket would be empty again,
//! and one conditional `UPDATE` both asks and takes.

use crate::prepared::Prepare as _;
use crate::tables::throttles;
use crate::{Connection, Database, Error, Result, Time};
use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::time::Duration;

/// So many attempts at once, given back evenly over a span.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Attempts that may be made at once.
    pub burst: u32,
    /// How long until all of them are given back.
    pub per: Duration,
}

impl Limit {
    fn interval(self) -> Duration {
        self.per / self.burst.max(1)
    }
}

impl Database {
    /// Takes one attempt from the bucket, or fails with [`Error::Throttled`] and how long to wait.
    /// Count before verifying: a failed attempt counts like a successful one.
    pub async fn take(&self, bucket: &str, limit: Limit) -> Result<()> {
        if !self.throttles() {
            return Ok(());
        }
        take(&mut *self.connection().await?, bucket, limit, Time::now()).await
    }
}

pub(crate) async fn take(conn: &mut Connection, bucket: &str, limit: Limit, now: Time) -> Result<()> {
    // At most three rounds: the row may have to be made, and may be emptied while we make it.
    for _ in 0..3 {
        if try_take(conn, bucket, limit, now).await? {
            return Ok(());
        }
        let insert = diesel::insert_or_ignore_into(throttles::table)
            .values((throttles::bucket.eq(bucket), throttles::full_at.eq(now)));
        if run!(conn, |c| insert.execute(c).await)? == 0 {
            break;
        }
    }
    let query = throttles::table.filter(throttles::bucket.eq(bucket)).select(throttles::full_at);
    let full_at: Option<Time> = run!(conn, |c| query.first(c).await.optional())?;
    let room_at = full_at.unwrap_or(now).before(limit.per).after(limit.interval());
    Err(Error::Throttled(room_at.since(now).max(Duration::from_secs(1))))
}

/// One guarded update, for a bucket that has drained as for one that has not.
async fn try_take(conn: &mut Connection, bucket: &str, limit: Limit, now: Time) -> Result<bool> {
    let interval = i64::try_from(limit.interval().as_micros()).unwrap_or(i64::MAX);
    let fuller = case_when(throttles::full_at.gt(now), throttles::full_at + interval)
        .otherwise(now.after(limit.interval()));
    let update = diesel::update(throttles::table)
        .filter(throttles::bucket.eq(bucket))
        .filter(throttles::full_at.le(now.after(limit.per).before(limit.interval())))
        .set(throttles::full_at.eq(fuller))
        .prepared();
    Ok(run!(conn, |c| update.execute(c).await)? == 1)
}

/// Forgets buckets that have drained; returns how many.
pub(crate) async fn forget_drained(conn: &mut Connection, now: Time) -> Result<usize> {
    let delete = diesel::delete(throttles::table).filter(throttles::full_at.lt(now));
    run!(conn, |c| delete.execute(c).await)
}
