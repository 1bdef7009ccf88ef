//! What people wish of notifications: which they are told by which channel, of which household, and when none is to come.
//!
//! It is about what they can do without. What somebody asked for themselves, and what warns them of others, comes always
//! and at once; and the evening's digest has a time of its own.

use super::State;
use super::content::{Content, TASK_DIGEST};
use crate::account::Locale;
use crate::among::among;
use crate::database::Work;
use crate::household::time_zone;
use crate::labels::labels;
use crate::prepared::Prepare as _;
use crate::tables::{notification_choices, notifications, quiet_hours, users};
use crate::task::recurrence::{due, local_date};
use crate::{
    Connection, Database, Error, HouseholdId, NotificationId, RefusalCode, Result, SubjectId, Time, UserId,
    WallTime, account, digest,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::{HashMap, HashSet};

labels! {
    /// A kind of notification that people can do without.
    Topic {
        /// Somebody mentioned them.
        Mention = "MENTION",
        /// Something was announced to everybody.
        Announcement = "ANNOUNCEMENT",
        /// A chore is due, or soon, or was.
        TaskReminder = "TASK_REMINDER",
        /// Somebody asks them to do a chore.
        TaskNudge = "TASK_NUDGE",
        /// Somebody put something on a shopping list.
        GroceriesAdded = "GROCERIES_ADDED",
    }
}

labels! {
    /// By which way people are told what they can do without.
    Channel {
        /// By mail.
        Mail = "MAIL",
        /// In the inbox.
        Inbox = "INBOX",
        /// In a browser that is not open (RFC 8030).
        WebPush = "WEB_PUSH",
        /// By a request to an address of theirs.
        Webhook = "WEBHOOK",
    }
}

impl Channel {
    /// Whether it tells of this topic at all: nobody is mailed each thing that is put on a list.
    fn tells(self, topic: Topic) -> bool {
        !(self == Self::Mail && topic == Topic::GroceriesAdded)
    }
}

impl Topic {
    /// What a notification is about, if one can do without it.
    pub fn of(content: &Content) -> Option<Self> {
        match content {
            Content::Mention { .. } => Some(Self::Mention),
            Content::Announcement { .. } => Some(Self::Announcement),
            Content::TaskReminder { .. } => Some(Self::TaskReminder),
            Content::TaskNudge { .. } => Some(Self::TaskNudge),
            Content::GroceriesAdded { .. } => Some(Self::GroceriesAdded),
            _ => None,
        }
    }
}

/// When somebody is not to be told outside RoomM8 what can wait.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = quiet_hours, treat_none_as_default_value = false)]
pub struct QuietHours {
    /// The local time from which on nothing comes.
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
                "must be another time than `from`; to be told nothing at all, choose what you are told";
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
    /// When nothing is to come that can wait.
    pub quiet: Option<QuietHours>,
    /// Whether their address is proven: to others no mail goes that one can do without.
    is_proven: bool,
    /// What they do not want by a channel: of a household, or of all for which they did not choose.
    refused: HashMap<(Option<HouseholdId>, Channel), Vec<Topic>>,
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
    /// Whether they want what is of this topic and household by this channel.
    pub fn wants(&self, household: Option<HouseholdId>, channel: Channel, topic: Topic) -> bool {
        let chosen = household.and_then(|household| self.refused.get(&(Some(household), channel)));
        let refused = chosen.or_else(|| self.refused.get(&(None, channel)));
        channel.tells(topic) && refused.is_none_or(|refused| !refused.contains(&topic))
    }

    /// The topics that they want by this channel, of a household or of all for which they did not choose.
    pub fn wanted(&self, household: Option<HouseholdId>, channel: Channel) -> Vec<Topic> {
        Topic::ALL.iter().filter(|topic| self.wants(household, channel, **topic)).copied().collect()
    }

    /// The households for which they chose something of their own.
    pub fn households(&self) -> HashSet<HouseholdId> {
        self.refused.keys().filter_map(|(household, _)| *household).collect()
    }

    pub(super) fn fate(
        &self,
        household: Option<HouseholdId>,
        channel: Channel,
        topic: Topic,
        now: Time,
    ) -> Fate {
        let is_reached = channel != Channel::Mail || self.is_proven;
        if !is_reached || !self.wants(household, channel, topic) {
            return Fate::Dropped;
        }
        self.quiet.as_ref().and_then(|quiet| quiet.end(now)).map_or(Fate::Delivered, Fate::Rests)
    }
}

/// What this person wishes.
pub async fn of_user(conn: &mut Connection, user: UserId) -> Result<Preferences> {
    of_users(conn, &[user]).await?.remove(&user).ok_or(Error::NotFound)
}

/// What these people wish.
pub(super) async fn of_users(
    conn: &mut Connection,
    users: &[UserId],
) -> Result<HashMap<UserId, Preferences>> {
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let query = users::table.left_join(quiet_hours::table).filter(among(users::id, users));
    let people: Vec<Person> = run!(conn, |c| {
        let columns = (users::id, users::email_verified_at, Option::<QuietHours>::as_select());
        query.select(columns).load(c).await
    })?;
    with_choices(conn, people).await
}

/// Who somebody is, when they proved their address, and when they wish to be left alone.
type Person = (UserId, Option<Time>, Option<QuietHours>);

async fn with_choices(conn: &mut Connection, people: Vec<Person>) -> Result<HashMap<UserId, Preferences>> {
    let users: Vec<UserId> = people.iter().map(|(user, ..)| *user).collect();
    let query = notification_choices::table
        .filter(among(notification_choices::user_id, &users))
        // Those of a newer version are passed over.
        .filter(among(notification_choices::channel, Channel::ALL))
        .select((
            notification_choices::user_id,
            notification_choices::scope_id,
            notification_choices::channel,
            notification_choices::refused,
        ));
    let choices: Vec<(UserId, SubjectId, Channel, String)> = run!(conn, |c| query.load(c).await)?;
    let mut found: HashMap<UserId, Preferences> = people
        .into_iter()
        .map(|(user, proven, quiet)| {
            (user, Preferences { quiet, is_proven: proven.is_some(), refused: HashMap::new() })
        })
        .collect();
    for (user, scope, channel, refused) in choices {
        let household = (scope != user.into()).then(|| scope.into());
        found.entry(user).or_default().refused.insert((household, channel), topics(&refused));
    }
    Ok(found)
}

/// What those with these addresses wish, and how they are written to; nothing of who has no account.
pub(super) async fn of_recipients(
    conn: &mut Connection,
    addresses: &[&str],
) -> Result<HashMap<String, (Preferences, Locale)>> {
    let query = users::table.left_join(quiet_hours::table).filter(among(users::email, addresses));
    let found: Vec<(String, Locale, Person)> = run!(conn, |c| {
        let person = (users::id, users::email_verified_at, Option::<QuietHours>::as_select());
        query.select((users::email, Locale::as_select(), person)).load(c).await
    })?;
    let (recipients, people): (Vec<_>, Vec<_>) =
        found.into_iter().map(|(address, locale, person)| ((address, locale, person.0), person)).unzip();
    let mut wishes = with_choices(conn, people).await?;
    let recipients = recipients
        .into_iter()
        .filter_map(|(address, locale, user)| Some((address, (wishes.remove(&user)?, locale))));
    Ok(recipients.collect())
}

/// Who has these addresses.
pub(super) async fn users_at(conn: &mut Connection, addresses: &[&str]) -> Result<HashMap<String, UserId>> {
    if addresses.is_empty() {
        return Ok(HashMap::new());
    }
    let query = users::table.filter(among(users::email, addresses)).select((users::email, users::id));
    let rows: Vec<(String, UserId)> = run!(conn, |c| query.load(c).await)?;
    Ok(rows.into_iter().collect())
}

/// Topics with commas between. Those of a newer version are passed over.
fn topics(words: &str) -> Vec<Topic> {
    Topic::ALL.iter().filter(|topic| words.split(',').any(|word| word == topic.word())).copied().collect()
}

fn words(topics: &[Topic]) -> String {
    let chosen = Topic::ALL.iter().filter(|topic| topics.contains(topic));
    chosen.map(|topic| topic.word()).collect::<Vec<_>>().join(",")
}

/// What somebody chooses for a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// These topics and no others.
    Only(Vec<Topic>),
    /// As for all households for which they did not choose.
    AsElsewhere,
}

/// Says what somebody is told by a channel: of one household, or of all for which they did not choose.
pub async fn choose(
    db: &Database,
    user: UserId,
    household: Option<HouseholdId>,
    choices: &[(Channel, Choice)],
) -> Result<()> {
    db.transaction(&Choose { user, household, choices }).await
}

struct Choose<'a> {
    user: UserId,
    household: Option<HouseholdId>,
    choices: &'a [(Channel, Choice)],
}

impl Work for Choose<'_> {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        account::lock(conn, self.user).await?;
        let scope = self.household.map_or(self.user.into(), SubjectId::from);
        for (channel, choice) in self.choices {
            let refused = match choice {
                Choice::Only(wanted) => {
                    Topic::ALL.iter().filter(|topic| !wanted.contains(topic)).copied().collect()
                }
                // All are wanted where nothing was chosen.
                Choice::AsElsewhere if self.household.is_none() => Vec::new(),
                Choice::AsElsewhere => {
                    forget(conn, self.user, scope, *channel).await?;
                    continue;
                }
            };
            save(conn, self.user, scope, *channel, &refused).await?;
        }
        Ok(())
    }
}

async fn save(
    conn: &mut Connection,
    user: UserId,
    scope: SubjectId,
    channel: Channel,
    refused: &[Topic],
) -> Result<()> {
    forget(conn, user, scope, channel).await?;
    let insert = diesel::insert_into(notification_choices::table).values((
        notification_choices::user_id.eq(user),
        notification_choices::scope_id.eq(scope),
        notification_choices::channel.eq(channel),
        notification_choices::refused.eq(words(refused)),
    ));
    run!(conn, |c| insert.execute(c).await).map(|_| ())
}

async fn forget(conn: &mut Connection, user: UserId, scope: SubjectId, channel: Channel) -> Result<()> {
    let delete = diesel::delete(notification_choices::table)
        .filter(notification_choices::user_id.eq(user))
        .filter(notification_choices::scope_id.eq(scope))
        .filter(notification_choices::channel.eq(channel));
    run!(conn, |c| delete.execute(c).await).map(|_| ())
}

/// Sees to it that the recipient of this notification gets no mail of its kind any more, of no household: what its link to
/// unsubscribe does. [`Error::NotFound`] if there is none, or nobody can do without it. Twice is the same as once.
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
    db.transaction(&Unsubscribe { user, topic: *topic }).await
}

struct Unsubscribe {
    user: UserId,
    topic: Topic,
}

impl Work for Unsubscribe {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        account::lock(conn, self.user).await?;
        let wishes = of_user(conn, self.user).await?;
        let chosen = wishes.households().into_iter().map(Some);
        for household in chosen.chain([None]) {
            let refused = wishes.refused.get(&(household, Channel::Mail));
            if refused.is_none() && household.is_some() {
                continue;
            }
            let mut refused = refused.cloned().unwrap_or_default();
            refused.push(self.topic);
            let scope = household.map_or(self.user.into(), SubjectId::from);
            save(conn, self.user, scope, Channel::Mail, &refused).await?;
        }
        Ok(())
    }
}

/// Says when somebody is not told outside RoomM8 what can wait, or that they always are. What rests already is looked at anew.
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
            .filter(among(notifications::state, &[State::Pending, State::ToTell]))
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
    fn what_is_chosen_for_a_household_comes_before_what_is_chosen_for_all() {
        let home = HouseholdId::new();
        let refused = HashMap::from([
            ((None, Channel::Mail), vec![Topic::Mention, Topic::Announcement, Topic::TaskNudge]),
            ((Some(home), Channel::Mail), vec![Topic::TaskReminder]),
        ]);
        let wishes = Preferences { quiet: None, is_proven: true, refused };
        let reminders = vec![Topic::TaskReminder];
        assert_eq!(wishes.wanted(None, Channel::Mail), reminders);
        assert_eq!(wishes.wanted(Some(HouseholdId::new()), Channel::Mail), reminders);
        let others = [Topic::Mention, Topic::Announcement, Topic::TaskNudge];
        assert_eq!(wishes.wanted(Some(home), Channel::Mail), others, "groceries are never mailed");
        assert_eq!(wishes.wanted(Some(home), Channel::Inbox), Topic::ALL);
        assert_eq!(topics(&words(&[Topic::TaskNudge, Topic::Mention])), [Topic::Mention, Topic::TaskNudge]);
        assert_eq!(topics("MENTION,SOMETHING_NEWER"), [Topic::Mention]);
        assert_eq!(topics(""), []);
    }

    #[test]
    fn quiet_hours_have_a_length() {
        assert!(quiet(22, 7).checked().is_ok());
        assert!(matches!(quiet(7, 7).checked(), Err(Error::Refused(_))));
    }
}
