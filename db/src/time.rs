//! Instants: microseconds since 1970-01-01 UTC, stored as an integer so that both databases keep, compare
//! and return exactly the same value.

use chrono::{DateTime, Utc};
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::BigInt;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// How far this process's clock is from the machine's, in microseconds. Zero but while `roomm8 demo` tells a year.
static SHIFT: AtomicI64 = AtomicI64::new(0);

/// An instant, in microseconds since 1970-01-01 UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = BigInt)]
pub struct Time(i64);

impl Time {
    /// Later than everything: when something without a date is due, so that it comes last.
    pub const NEVER: Self = Self(i64::MAX);

    /// This instant by the machine's clock. Never used to order events: their `seq` does that.
    pub fn now() -> Self {
        Self(Utc::now().timestamp_micros().saturating_add(SHIFT.load(Ordering::Relaxed)))
    }

    /// Sets the clock of this whole process: from now on it is `then`, and time passes as ever. For `roomm8 demo`,
    /// which has to write a year of messages in half a minute, and for tests that have a process to themselves.
    pub fn set_clock(then: Self) {
        SHIFT.store(then.0.saturating_sub(Utc::now().timestamp_micros()), Ordering::Relaxed);
    }

    /// Sets the clock of this whole process back to the machine's.
    pub fn reset_clock() {
        SHIFT.store(0, Ordering::Relaxed);
    }

    /// The instant this many microseconds after 1970-01-01 UTC.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01 UTC.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The instant `span` later, or the last one that can be told.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    /// The instant `span` earlier, or the first one that can be told.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }

    /// How long from `earlier` to this instant; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The same instant as a `chrono` date and time.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(DateTime::<Utc>::UNIX_EPOCH)
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

impl<DB: Backend> FromSql<BigInt, DB> for Time
where
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        i64::from_sql(bytes).map(Self)
    }
}

impl<DB: Backend> ToSql<BigInt, DB> for Time
where
    i64: ToSql<BigInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.to_sql(out)
    }
}
