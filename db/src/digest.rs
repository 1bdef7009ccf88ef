//! The digest: in the evening, at the local time that each person chose, one mail about what is due tomorrow in all
//! their households; or once a week, on the day they chose, about the week after it. In the module below how it is told.
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
use crate::{Connection, Database, Date, Result, SubjectId, Time, UserId, WallTime, Weekday, account};
use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use std::time::Duration;

/// A digest that could not be told for longer than this is left out: what was tomorrow is nearly over.
pub const LATE_AT_MOST: Duration = Duration::from_hours(6);
/// So many days are looked at for the next time. Each day of the week is among them twice, as the first can be past; and a
/// time on a date that a zone skips is a day later, so that it is none the less to come.
const DAYS_AHEAD: usize = 14;

/// When somebody is told what is due tomorrow, or in a week.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = digests)]
pub struct Digest {
    /// The local time it is told at.
    #[diesel(column_name = told_at)]
    pub at: WallTime,
    /// The local day of the week it is told on; every day if on none.
    pub weekday: Option<Weekday>,
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
    /// The local day of the week, for once a week; every day if none.
    // Left out as before there was any: what a repeat asks for is compared with what was asked for then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekday: Option<Weekday>,
    /// The IANA zone of that.
    pub time_zone: String,
}

/// Says when a person is told from now on, or that they are not. Another time, day or zone does not make it come twice for
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
        let &Wish { at, weekday, .. } = wish;
        let next_at = next(at, weekday, zone, last_on.map(Date::naive), self.now);
        let digest = Digest { at, weekday, time_zone: wish.time_zone.clone(), next_at, last_on };
        if current.is_none() {
            let insert = diesel::insert_into(digests::table).values((
                digests::user_id.eq(self.user),
                digests::told_at.eq(digest.at),
                digests::weekday.eq(digest.weekday),
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
                digests::weekday.eq(digest.weekday),
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

/// The first time after `now` that clocks in `zone` show this wall time, on this day of the week or on any, and on a local
/// date after the last one told. A time that they skip is later by as much, and of one that they show twice it is the first.
fn next(at: WallTime, weekday: Option<Weekday>, zone: Tz, last_on: Option<NaiveDate>, now: Time) -> Time {
    let today = local_date(now, zone);
    // A time of yesterday that was skipped can still be to come.
    let yesterday = today.checked_sub_days(Days::new(1)).unwrap_or(today);
    let first = last_on.and_then(|last| last.succ_opt()).map_or(yesterday, |first| first.max(yesterday));
    let days = first.iter_days().take(DAYS_AHEAD);
    let dates = days.filter(|date| weekday.is_none_or(|weekday| weekday.is_of(*date)));
    let times = dates.map(|date| due(date, Some(at.naive()), zone));
    times.into_iter().find(|time| *time > now).unwrap_or(Time::NEVER)
}

/// The local date for which it is told at an instant that [`next`] gave. Where the zone skips a whole date, the next one is at
/// that instant too: it is for that one, on which it comes, and not again on it.
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
    use crate::Weekday::{Friday, Monday, Saturday, Sunday, Tuesday};
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
        let berlin = |weekday, now| next(night, weekday, Europe::Berlin, None, now);
        assert_eq!(berlin(None, utc(spring, 0, 0)), utc(spring, 1, 30));
        assert_eq!(berlin(None, utc(autumn, 0, 0)), utc(autumn, 0, 30));
        // The second 02:30 is none.
        assert_eq!(berlin(None, utc(autumn, 0, 30)), utc(date(2026, 10, 26), 1, 30));
        // Both are Sundays.
        assert_eq!(berlin(Some(Sunday), utc(date(2027, 3, 21), 12, 0)), utc(spring, 1, 30));
        assert_eq!(date_of(utc(spring, 1, 30), night, Europe::Berlin), spring);
        assert_eq!(berlin(Some(Sunday), utc(spring, 1, 30)), utc(date(2027, 4, 4), 0, 30));
        assert_eq!(berlin(Some(Sunday), utc(date(2026, 10, 18), 12, 0)), utc(autumn, 0, 30));
        assert_eq!(berlin(Some(Sunday), utc(autumn, 0, 30)), utc(date(2026, 11, 1), 1, 30));
        // Lord Howe goes on by half an hour: 02:15 is 02:45 there, by +11.
        let lord_howe = |weekday, now| next(wall(2, 15), weekday, Australia::Lord_Howe, None, now);
        let skipped = utc(date(2026, 10, 3), 15, 45);
        assert_eq!(lord_howe(None, utc(date(2026, 10, 3), 12, 0)), skipped);
        assert_eq!(lord_howe(Some(Sunday), utc(date(2026, 9, 28), 0, 0)), skipped);
        assert_eq!(date_of(skipped, wall(2, 15), Australia::Lord_Howe), date(2026, 10, 4));
        assert_eq!(lord_howe(Some(Sunday), skipped), utc(date(2026, 10, 10), 15, 15));
    }

    #[test]
    fn once_a_week_it_comes_on_its_day() {
        let evening = wall(20, 0);
        let (tuesday, monday) = (date(2026, 11, 24), date(2026, 11, 30));
        let berlin = |weekday, last_on, now| next(evening, Some(weekday), Europe::Berlin, last_on, now);
        assert_eq!(berlin(Monday, None, utc(tuesday, 12, 0)), utc(monday, 19, 0));
        assert_eq!(berlin(Tuesday, None, utc(tuesday, 12, 0)), utc(tuesday, 19, 0));
        assert_eq!(berlin(Tuesday, None, utc(tuesday, 19, 0)), utc(date(2026, 12, 1), 19, 0));
        assert_eq!(date_of(utc(monday, 19, 0), evening, Europe::Berlin), monday);
        // Told for this Monday, at an earlier hour.
        assert_eq!(berlin(Monday, Some(monday), utc(monday, 12, 0)), utc(date(2026, 12, 7), 19, 0));
        // In Honolulu it is the morning of the same Monday.
        let honolulu =
            |weekday| next(evening, Some(weekday), Pacific::Honolulu, Some(monday), utc(monday, 19, 0));
        assert_eq!(honolulu(Monday), utc(date(2026, 12, 8), 6, 0));
        assert_eq!(honolulu(Tuesday), utc(date(2026, 12, 2), 6, 0));
        assert_eq!(date_of(honolulu(Tuesday), evening, Pacific::Honolulu), date(2026, 12, 1));
    }

    #[test]
    fn a_date_that_a_zone_skips_is_told_on_the_next_and_once() {
        let evening = wall(20, 0);
        // Friday, 30 December 2011: after the 29th came the 31st.
        let apia = |weekday, last_on, now| next(evening, weekday, Pacific::Apia, last_on, now);
        let (wednesday, saturday) = (utc(date(2011, 12, 29), 0, 0), date(2011, 12, 31));
        let told = utc(saturday, 6, 0);
        assert_eq!(local_date(told, Pacific::Apia), saturday);
        for weekday in [Friday, Saturday] {
            assert_eq!(apia(Some(weekday), None, wednesday), told);
        }
        assert_eq!(apia(None, Some(date(2011, 12, 29)), wednesday), told);
        assert_eq!(date_of(told, evening, Pacific::Apia), saturday);
        // Nor is it told again on it, whether it is told on Fridays, on Saturdays or every day from then on.
        assert_eq!(apia(Some(Friday), Some(saturday), told), utc(date(2012, 1, 6), 6, 0));
        assert_eq!(apia(Some(Saturday), Some(saturday), told), utc(date(2012, 1, 7), 6, 0));
        assert_eq!(apia(None, Some(saturday), told), utc(date(2012, 1, 1), 6, 0));
        // Who was told on the 30th elsewhere is told of the week after it.
        assert_eq!(apia(Some(Friday), Some(date(2011, 12, 30)), wednesday), utc(date(2012, 1, 6), 6, 0));
    }

    #[test]
    fn it_is_never_planned_for_a_date_that_is_not_after_the_last() {
        let now = utc(date(2026, 11, 24), 19, 0);
        let evening = wall(20, 0);
        // Told in Berlin; in Honolulu the same date is still morning.
        let next = next(evening, None, Pacific::Honolulu, Some(date(2026, 11, 24)), now);
        assert_eq!(local_date(next, Pacific::Honolulu), date(2026, 11, 25));
        assert_eq!(date_of(next, evening, Pacific::Honolulu), date(2026, 11, 25));
    }
}
