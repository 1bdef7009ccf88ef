//! A clock that the test sets, which is the whole process's: one story at a time.
#![allow(dead_code, reason = "not every story needs everything")]

use chrono::{DateTime, NaiveDate, TimeZone as _};
use chrono_tz::Europe::Berlin;
use roomm8_db::Time;
use tokio::sync::{Mutex, MutexGuard};

static CLOCK: Mutex<()> = Mutex::const_new(());

/// The clock, which is nobody else's as long as this is held.
pub(crate) struct Clock(#[allow(dead_code, reason = "it is held")] MutexGuard<'static, ()>);

impl Drop for Clock {
    fn drop(&mut self) {
        Time::reset_clock();
    }
}

impl Clock {
    /// The clock, once nobody else has it, at this time.
    pub(crate) async fn at(now: &str) -> Self {
        let clock = Self(CLOCK.lock().await);
        clock.set(now);
        clock
    }

    /// Now it is this time.
    #[allow(clippy::unused_self, reason = "who has no clock sets none")]
    pub(crate) fn set(&self, now: &str) {
        Time::set_clock(instant(now));
    }

    /// It is noon of this day in Berlin.
    #[allow(clippy::unused_self, reason = "who has no clock sets none")]
    pub(crate) fn noon(&self, day: NaiveDate) {
        let noon = Berlin.from_local_datetime(&day.and_hms_opt(12, 0, 0).unwrap()).unwrap();
        Time::set_clock(Time::from_micros(noon.timestamp_micros()));
    }
}

/// This time, by RFC 3339.
pub(crate) fn instant(text: &str) -> Time {
    Time::from_micros(DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros())
}

/// This date.
pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}
