//! The digest: in the evening, at the local time that each person chose, one mail about what is due tomorrow in all
//! their households; in the module below how it is told.
//!
//! A person's row in `digests` says when it is to be told next. Whoever tells it, on whichever instance, locks the row,
//! writes the mail into the outbox and moves the row on, all in one transaction: it is told once for a local date, even
//! across restarts and changes of the time zone, as it is never planned for a date that is not after the last one told.

mod tell;

pub use tell::tell_due;

use crate::change::checked;
use crate::database::Work;
use crate::household::time_zone;
use crate::idempotency::{Key, Receipt};
use crate::prepared::Prepare as _;
use crate::tables::digests;
use crate::task::recurrence::{due, local_date};
use crate::{Connection, Database, Date, Result, SubjectId, Time, UserId, WallTime, account};
use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use std::time::Duration;

/// A digest that could not be told for longer than this is left out: what was tomorrow is nearly over.
pub const LATE_AT_MOST: Duration = Duration::from_hours(6);
/// So many days are looked at for the next time: zones skip one at most.
const DAYS_AHEAD: usize = 7;

/// When somebody is told what is due tomorrow.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = digests)]
pub struct Digest {
    /// The local time it is told at.
    #[diesel(column_name = told_at)]
    pub at: WallTime,
    /// The IANA zone of that.
    pub time_zone: String,
    /// When it is told next.
    pub next_at: Time,
    /// The last local date on which it was told, or would have been if something had been due.
    pub last_on: Option<Date>,
}

/// When this person is told; none if they are not.
pub async fn of_user(conn: &mut Connection, user: UserId) -> Result<Option<Digest>> {
    let query = digests::table.filter(digests::user_id.eq(user));
    run!(conn, |c| query.select(Digest::as_select()).first(c).await.optional())
}

/// When somebody wishes to be told.
#[derive(Debug, Clone, Serialize)]
pub struct Wish {
    /// The local time.
    pub at: WallTime,
    /// The IANA zone of that.
    pub time_zone: String,
}

/// Says when a person is told from now on, or that they are not. Another time or zone does not make it come twice for
/// one local date. A repeat of the same `client_mutation_id` changes nothing and is answered with what is so now.
pub async fn set(
    db: &Database,
    user: UserId,
    wish: Option<&Wish>,
    client_mutation_id: Option<&str>,
) -> Result<Option<Digest>> {
    let zone = wish.map(|wish| time_zone(&wish.time_zone)).transpose()?;
    let key = match client_mutation_id {
        Some(id) => Some(Key::new(user, "set_task_digest", checked(id)?, &wish)?),
        None => None,
    };
    db.transaction(&Set { user, wish: wish.zip(zone), key, now: Time::now() }).await
}

struct Set<'a> {
    user: UserId,
    wish: Option<(&'a Wish, Tz)>,
    key: Option<Key<'a>>,
    now: Time,
}

impl Work for Set<'_> {
    type Output = Option<Digest>;

    async fn run(&self, conn: &mut Connection) -> Result<Option<Digest>> {
        account::lock(conn, self.user).await?;
        let current = of_user(conn, self.user).await?;
        let receipt = match &self.key {
            Some(key) => key.receipt(conn).await?,
            None => None,
        };
        if receipt.is_some() {
            return Ok(current);
        }
        let digest = match self.wish {
            Some((wish, zone)) => Some(self.save(conn, wish, zone, current).await?),
            None => self.erase(conn).await?,
        };
        if let Some(key) = &self.key {
            let subject = SubjectId::from_bytes(*self.user.bytes());
            key.remember(conn, &Receipt { subject, seq: 0, memo: None }, self.now).await?;
        }
        Ok(digest)
    }
}

impl Set<'_> {
    async fn save(
        &self,
        conn: &mut Connection,
        wish: &Wish,
        zone: Tz,
        current: Option<Digest>,
    ) -> Result<Digest> {
        let last_on = current.as_ref().and_then(|current| current.last_on);
        let next_at = next(wish.at, zone, last_on.map(Date::naive), self.now);
        let digest = Digest { at: wish.at, time_zone: wish.time_zone.clone(), next_at, last_on };
        if current.is_none() {
            let insert = diesel::insert_into(digests::table).values((
                digests::user_id.eq(self.user),
                digests::told_at.eq(digest.at),
                digests::time_zone.eq(&digest.time_zone),
                digests::next_at.eq(digest.next_at),
                digests::last_on.eq(digest.last_on),
            ));
            run!(conn, |c| insert.execute(c).await)?;
            return Ok(digest);
        }
        // Not last_on: it may be told at this very moment.
        let update = diesel::update(digests::table)
            .filter(digests::user_id.eq(self.user))
            .set((
                digests::told_at.eq(digest.at),
                digests::time_zone.eq(&digest.time_zone),
                digests::next_at.eq(digest.next_at),
            ))
            .prepared();
        run!(conn, |c| update.execute(c).await)?;
        Ok(digest)
    }

    async fn erase(&self, conn: &mut Connection) -> Result<Option<Digest>> {
        let delete = diesel::delete(digests::table).filter(digests::user_id.eq(self.user));
        run!(conn, |c| delete.execute(c).await).map(|_| None)
    }
}

/// The first time after `now` that clocks in `zone` show this wall time, on a local date after the last one told. A time
/// that they skip is later by as much, and of one that they show twice it is the first.
fn next(at: WallTime, zone: Tz, last_on: Option<NaiveDate>, now: Time) -> Time {
    let today = local_date(now, zone);
    // A time of yesterday that was skipped can still be to come.
    let yesterday = today.checked_sub_days(Days::new(1)).unwrap_or(today);
    let first = last_on.and_then(|last| last.succ_opt()).map_or(yesterday, |first| first.max(yesterday));
    let times = first.iter_days().take(DAYS_AHEAD).map(|date| due(date, Some(at.naive()), zone));
    times.into_iter().find(|time| *time > now).unwrap_or(Time::NEVER)
}

/// The local date for which it is told at an instant that [`next`] gave.
fn date_of(told: Time, at: WallTime, zone: Tz) -> NaiveDate {
    let date = local_date(told, zone);
    match date.pred_opt() {
        Some(eve)
            if due(date, Some(at.naive()), zone) != told && due(eve, Some(at.naive()), zone) == told =>
        {
            eve
        }
        _ => date,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{NaiveTime, TimeZone as _, Utc};
    use chrono_tz::{Australia, Europe, Pacific};

    fn wall(hour: u32, minute: u32) -> WallTime {
        WallTime::new(NaiveTime::from_hms_opt(hour, minute, 0).unwrap()).unwrap()
    }

    fn date(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    fn utc(day: NaiveDate, hour: u32, minute: u32) -> Time {
        Time::from_micros(
            Utc.from_utc_datetime(&day.and_hms_opt(hour, minute, 0).unwrap()).timestamp_micros(),
        )
    }

    #[test]
    fn skipped_times_are_later_and_doubled_ones_are_first() {
        let night = wall(2, 30);
        let (spring, autumn) = (date(2027, 3, 28), date(2026, 10, 25));
        assert_eq!(next(night, Europe::Berlin, None, utc(spring, 0, 0)), utc(spring, 1, 30));
        assert_eq!(next(night, Europe::Berlin, None, utc(autumn, 0, 0)), utc(autumn, 0, 30));
        // The second 02:30 is none.
        assert_eq!(next(night, Europe::Berlin, None, utc(autumn, 0, 30)), utc(date(2026, 10, 26), 1, 30));
        // Lord Howe goes on by half an hour: 02:15 is 02:45 there, by +11.
        let lord_howe = next(wall(2, 15), Australia::Lord_Howe, None, utc(date(2026, 10, 3), 12, 0));
        assert_eq!(lord_howe, utc(date(2026, 10, 3), 15, 45));
    }

    #[test]
    fn it_is_never_planned_for_a_date_that_is_not_after_the_last() {
        let now = utc(date(2026, 11, 24), 19, 0);
        let evening = wall(20, 0);
        // Told in Berlin; in Honolulu the same date is still morning.
        let next = next(evening, Pacific::Honolulu, Some(date(2026, 11, 24)), now);
        assert_eq!(local_date(next, Pacific::Honolulu), date(2026, 11, 25));
        assert_eq!(date_of(next, evening, Pacific::Honolulu), date(2026, 11, 25));
    }
}
