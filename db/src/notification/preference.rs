//! What people wish of notifications: which they are mailed, and when none is to come.
//!
//! It is about what they can do without. What somebody asked for themselves, and what warns them of others, comes always
//! and at once; and the evening's digest has a time of its own.

use super::State;
use super::content::{Content, TASK_DIGEST};
use crate::among::among;
use crate::database::Work;
use crate::household::time_zone;
use crate::labels::labels;
use crate::prepared::Prepare as _;
use crate::tables::{notifications, quiet_hours, refused_notifications, users};
use crate::task::recurrence::{due, local_date};
use crate::{
    Connection, Database, Error, NotificationId, RefusalCode, Result, Time, UserId, WallTime, account, digest,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::HashMap;

labels! {
    /// A kind of notification that people can do without.
    Topic {
        /// Somebody mentioned them.
        Mention = "MENTION",
        /// A chore is due, or soon, or was.
        TaskReminder = "TASK_REMINDER",
        /// Somebody asks them to do a chore.
        TaskNudge = "TASK_NUDGE",
    }
}

impl Topic {
    /// What a notification is about, if one can do without it.
    pub fn of(content: &Content) -> Option<Self> {
        match content {
            Content::Mention { .. } => Some(Self::Mention),
            Content::TaskReminder { .. } => Some(Self::TaskReminder),
            Content::TaskNudge { .. } => Some(Self::TaskNudge),
            _ => None,
        }
    }
}

/// When somebody is not to be mailed what can wait.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = quiet_hours, treat_none_as_default_value = false)]
pub struct QuietHours {
    /// The local time from which on no mail comes.
    #[diesel(column_name = from_time)]
    pub from: WallTime,
    /// The local time at which it comes again; earlier than `from`, it is the next day's.
    #[diesel(column_name = until_time)]
    pub until: WallTime,
    /// The IANA zone of both.
    pub time_zone: String,
}

impl QuietHours {
    fn checked(&self) -> Result<()> {
        time_zone(&self.time_zone)?;
        if self.from == self.until {
            let message =
                "must be another time than `from`; to get no mail at all, choose what you are mailed";
            return Err(Error::refused(RefusalCode::Invalid, "until", message));
        }
        Ok(())
    }

    /// When those that it is now end; none if it is not quiet now.
    fn end(&self, now: Time) -> Option<Time> {
        let zone = time_zone(&self.time_zone).ok()?;
        let today = local_date(now, zone);
        // By instants: where clocks go back they show a time twice, and the first is meant.
        let spans = [today.pred_opt()?, today].map(|begins| {
            let ends = if self.from < self.until { Some(begins) } else { begins.succ_opt() };
            let from = due(begins, Some(self.from.naive()), zone);
            ends.map(|ends| (from, due(ends, Some(self.until.naive()), zone)))
        });
        spans.into_iter().flatten().find(|(from, until)| *from <= now && now < *until).map(|(_, until)| until)
    }
}

/// What somebody wishes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preferences {
    /// What they are not to be mailed.
    pub refused: Vec<Topic>,
    /// When nothing is to come that can wait.
    pub quiet: Option<QuietHours>,
}

/// What becomes of a notification by its recipient's wishes.
pub(super) enum Fate {
    /// It is delivered.
    Delivered,
    /// It is not.
    Dropped,
    /// Not before this.
    Rests(Time),
}

impl Preferences {
    pub(super) fn fate(&self, topic: Topic, now: Time) -> Fate {
        if self.refused.contains(&topic) {
            return Fate::Dropped;
        }
        self.quiet.as_ref().and_then(|quiet| quiet.end(now)).map_or(Fate::Delivered, Fate::Rests)
    }
}

/// What this person wishes.
pub async fn of_user(conn: &mut Connection, user: UserId) -> Result<Preferences> {
    let refused = refused_notifications::table
        .filter(refused_notifications::user_id.eq(user))
        .order(refused_notifications::kind)
        .select(refused_notifications::kind);
    let quiet = quiet_hours::table.filter(quiet_hours::user_id.eq(user));
    Ok(Preferences {
        refused: run!(conn, |c| refused.load(c).await)?,
        quiet: run!(conn, |c| quiet.select(QuietHours::as_select()).first(c).await.optional())?,
    })
}

/// What those with these addresses wish, as far as they wish something.
pub(super) async fn of_recipients(
    conn: &mut Connection,
    addresses: &[&str],
) -> Result<HashMap<String, Preferences>> {
    let mut found: HashMap<String, Preferences> = HashMap::new();
    let refused = refused_notifications::table
        .inner_join(users::table)
        .filter(among(users::email, addresses))
        .select((users::email, refused_notifications::kind));
    let rows: Vec<(String, Topic)> = run!(conn, |c| refused.load(c).await)?;
    for (address, topic) in rows {
        found.entry(address).or_default().refused.push(topic);
    }
    let quiet = quiet_hours::table.inner_join(users::table).filter(among(users::email, addresses));
    let rows: Vec<(String, QuietHours)> =
        run!(conn, |c| quiet.select((users::email, QuietHours::as_select())).load(c).await)?;
    for (address, quiet) in rows {
        found.entry(address).or_default().quiet = Some(quiet);
    }
    Ok(found)
}

/// Says which of what people can do without somebody is not mailed from now on; all else of it, they are.
pub async fn refuse(db: &Database, user: UserId, topics: &[Topic]) -> Result<()> {
    db.transaction(&Refuse { user, topics, others: Others::Wanted }).await
}

/// Sees to it that the recipient of this notification gets none of its kind any more: what its link to unsubscribe does.
/// [`Error::NotFound`] if there is none, or nobody can do without it. Twice is the same as once.
pub async fn unsubscribe(db: &Database, notification: NotificationId) -> Result<()> {
    let (user, kind) = {
        let mut conn = db.connection().await?;
        let query = notifications::table
            .filter(notifications::id.eq(notification))
            .select((notifications::recipient, notifications::kind));
        let (address, kind): (String, String) = run!(&mut conn, |c| query.first(c).await)?;
        let query = users::table.filter(users::email.eq(address)).select(users::id);
        (run!(&mut conn, |c| query.first(c).await)?, kind)
    };
    if kind == TASK_DIGEST {
        return digest::set(db, user, None, None).await.map(|_| ());
    }
    let topic = Topic::ALL.iter().find(|topic| topic.word() == kind).ok_or(Error::NotFound)?;
    db.transaction(&Refuse { user, topics: &[*topic], others: Others::AsBefore }).await
}

/// What becomes of the topics that are not named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    /// They are mailed.
    Wanted,
    /// They stay as they are.
    AsBefore,
}

struct Refuse<'a> {
    user: UserId,
    topics: &'a [Topic],
    others: Others,
}

impl Work for Refuse<'_> {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        account::lock(conn, self.user).await?;
        let before = of_user(conn, self.user).await?.refused;
        for topic in Topic::ALL {
            match (self.topics.contains(topic), before.contains(topic)) {
                (true, false) => {
                    let insert = diesel::insert_into(refused_notifications::table).values((
                        refused_notifications::user_id.eq(self.user),
                        refused_notifications::kind.eq(topic),
                    ));
                    run!(conn, |c| insert.execute(c).await)?;
                }
                (false, true) if self.others == Others::Wanted => {
                    let delete = diesel::delete(refused_notifications::table)
                        .filter(refused_notifications::user_id.eq(self.user))
                        .filter(refused_notifications::kind.eq(topic));
                    run!(conn, |c| delete.execute(c).await)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Says when somebody is not mailed what can wait, or that they always are. What rests already is looked at anew.
pub async fn set_quiet_hours(db: &Database, user: UserId, quiet: Option<&QuietHours>) -> Result<()> {
    quiet.map_or(Ok(()), QuietHours::checked)?;
    db.transaction(&SetQuietHours { user, quiet, now: Time::now() }).await
}

struct SetQuietHours<'a> {
    user: UserId,
    quiet: Option<&'a QuietHours>,
    now: Time,
}

impl Work for SetQuietHours<'_> {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        account::lock(conn, self.user).await?;
        let address = account::find(conn, self.user).await?.email;
        let update = diesel::update(notifications::table)
            .filter(notifications::recipient.eq(address))
            .filter(notifications::state.eq(State::Pending))
            .filter(notifications::created_at.le(self.now))
            .filter(notifications::attempts.eq(0))
            .set((notifications::next_attempt_at.eq(self.now), notifications::leased_until.eq(self.now)))
            .prepared();
        run!(conn, |c| update.execute(c).await)?;
        let delete = diesel::delete(quiet_hours::table).filter(quiet_hours::user_id.eq(self.user));
        run!(conn, |c| delete.execute(c).await)?;
        let Some(quiet) = self.quiet else { return Ok(()) };
        let insert =
            diesel::insert_into(quiet_hours::table).values((quiet_hours::user_id.eq(self.user), quiet));
        run!(conn, |c| insert.execute(c).await).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{NaiveTime, TimeZone as _, Utc};

    fn quiet(from: u32, until: u32) -> QuietHours {
        let wall = |hour| WallTime::new(NaiveTime::from_hms_opt(hour, 0, 0).unwrap()).unwrap();
        QuietHours { from: wall(from), until: wall(until), time_zone: "Europe/Berlin".to_owned() }
    }

    fn at(day: u32, hour: u32, minute: u32) -> Time {
        Time::from_micros(Utc.with_ymd_and_hms(2026, 10, day, hour, minute, 0).unwrap().timestamp_micros())
    }

    #[test]
    fn a_night_is_quiet_over_midnight_and_when_clocks_change() {
        let night = quiet(22, 7);
        assert_eq!(night.end(at(20, 19, 59)), None);
        assert_eq!(night.end(at(20, 20, 0)), Some(at(21, 5, 0)));
        assert_eq!(night.end(at(21, 4, 59)), Some(at(21, 5, 0)));
        assert_eq!(night.end(at(21, 5, 0)), None);
        // On the 25th clocks go back: seven is an hour later.
        assert_eq!(night.end(at(24, 20, 30)), Some(at(25, 6, 0)));
    }

    #[test]
    fn quiet_hours_end_at_the_first_of_two_equal_times_and_after_a_skipped_one() {
        let mut night = quiet(22, 2);
        night.until = WallTime::new(NaiveTime::from_hms_opt(2, 30, 0).unwrap()).unwrap();
        // On 25 October 02:30 comes at 00:30 UTC, and once more an hour later.
        assert_eq!(night.end(at(25, 0, 29)), Some(at(25, 0, 30)));
        assert_eq!(night.end(at(25, 0, 30)), None);
        assert_eq!(night.end(at(25, 1, 10)), None, "clocks show 02:10 again");
        // On 28 March it is skipped, and clocks show 03:30 instead.
        let march = |day, hour, minute| {
            Time::from_micros(Utc.with_ymd_and_hms(2027, 3, day, hour, minute, 0).unwrap().timestamp_micros())
        };
        assert_eq!(night.end(march(28, 0, 59)), Some(march(28, 1, 30)));
        assert_eq!(night.end(march(28, 1, 10)), Some(march(28, 1, 30)));
        assert_eq!(night.end(march(28, 1, 30)), None);
    }

    #[test]
    fn noon_is_quiet_within_a_day() {
        let noon = quiet(12, 14);
        assert_eq!(noon.end(at(20, 9, 59)), None);
        assert_eq!(noon.end(at(20, 10, 0)), Some(at(20, 12, 0)));
        assert_eq!(noon.end(at(20, 12, 0)), None);
    }

    #[test]
    fn quiet_hours_have_a_length() {
        assert!(quiet(22, 7).checked().is_ok());
        assert!(matches!(quiet(7, 7).checked(), Err(Error::Refused(_))));
    }
}
