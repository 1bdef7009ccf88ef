//! What a relay does: it leases what is due, delivers it, and reports.

use super::endpoint::{self, Endpoint};
use super::preference::{self, Channel, Fate, Topic};
use super::{Content, State};
use crate::account::Locale;
use crate::among::among;
use crate::announcement;
use crate::database::Work;
use crate::digest::LATE_AT_MOST;
use crate::grocery::news;
use crate::message::mention;
use crate::prepared::Prepare as _;
use crate::tables::notifications;
use crate::task::reminder;
use crate::{Connection, Database, EndpointId, NotificationId, Result, Time};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::HashMap;
use std::mem;
use std::time::Duration;

/// How long a relay has to deliver what it leased.
pub const LEASE: Duration = Duration::from_secs(30);
/// Tries until a notification is parked for a person to look at: half a day to a day.
const TRIES: i32 = 100;
/// How long what waits for another try keeps what was written later to the same person waiting.
const IN_ORDER_FOR: Duration = Duration::from_hours(1);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_mins(15);

/// A notification to deliver now.
#[derive(Debug)]
pub struct Leased {
    /// Its identifier; equal in every try, so that a receiver can recognise a second delivery.
    pub id: NotificationId,
    /// The e-mail address of whom it is for.
    pub recipient: String,
    /// Where it goes; none for that address.
    pub endpoint: Option<Endpoint>,
    /// In which language to tell it, and by which clocks.
    pub locale: Locale,
    /// What to tell.
    pub content: Content,
    /// Which try this is, from 1.
    pub attempt: i32,
    /// When its reason arose.
    pub created_at: Time,
}

diesel::alias!(notifications as earlier: Earlier);

/// What is due of what waits in this state, and its turn to be delivered: nothing that was written earlier to the same person, or to the
/// same endpoint of theirs, is due or being delivered.
/// Nor does anything of its kind wait for another try; and for what the person can do without, nothing of any kind: a new
/// password does not wait for a mention.
macro_rules! due {
    ($now:expr, $state:expr) => {{
        let before = earlier.field(notifications::created_at).lt(notifications::created_at).or(earlier
            .field(notifications::created_at)
            .eq(notifications::created_at)
            .and(earlier.field(notifications::id).lt(notifications::id)));
        let waits = earlier
            .field(notifications::attempts)
            .gt(0)
            .and(earlier.field(notifications::created_at).gt($now.before(IN_ORDER_FOR)))
            .and(
                earlier
                    .field(notifications::kind)
                    .eq(notifications::kind)
                    .or(among(notifications::kind, Topic::ALL)),
            );
        let goes_there = earlier.field(notifications::endpoint_id).eq(notifications::endpoint_id).or(earlier
            .field(notifications::endpoint_id)
            .is_null()
            .and(notifications::endpoint_id.is_null()));
        let held_up = earlier
            .filter(earlier.field(notifications::recipient).eq(notifications::recipient))
            .filter(goes_there)
            .filter(earlier.field(notifications::state).eq($state))
            .filter(before)
            .filter(earlier.field(notifications::next_attempt_at).le($now).or(waits));
        notifications::table
            .filter(notifications::state.eq($state))
            .filter(notifications::next_attempt_at.le($now))
            .filter(notifications::leased_until.le($now))
            .filter(not(exists(held_up)))
    }};
}

/// Takes up to `limit` notifications that are to be mailed, for 30 seconds; nobody else gets them meanwhile. They are of
/// different people: one person's go one after another, in the order in which their reasons arose, as far as one need not wait
/// for another that cannot be delivered.
pub async fn lease(db: &Database, limit: i64, now: Time) -> Result<Vec<Leased>> {
    take(db, State::Pending, limit, now).await
}

/// As [`lease`], of what endpoints are told, each in order.
pub async fn lease_for_endpoints(db: &Database, limit: i64, now: Time) -> Result<Vec<Leased>> {
    take(db, State::ToTell, limit, now).await
}

async fn take(db: &Database, state: State, limit: i64, now: Time) -> Result<Vec<Leased>> {
    if !is_anything_due(&mut *db.connection().await?, state, now).await? {
        return Ok(Vec::new());
    }
    let rows = db.transaction(&Lease { state, limit, now }).await?;
    let ids: Vec<EndpointId> = rows.iter().filter_map(|row| row.5).collect();
    let endpoints = match ids.as_slice() {
        [] => HashMap::new(),
        ids => endpoint::among_those(&mut *db.connection().await?, ids, now).await?,
    };
    let mut leased = Vec::with_capacity(rows.len());
    for (id, recipient, payload, attempts, created_at, named) in rows {
        let attempt = attempts + 1;
        let endpoint = named.and_then(|named| endpoints.get(&named).cloned());
        match Content::from_payload(&payload) {
            Ok(content) => {
                let is_nowhere = named.is_some() && endpoint.is_none();
                let locale = Locale::default();
                let letter = Leased { id, recipient, endpoint, locale, content, attempt, created_at };
                if is_nowhere {
                    // It was removed, or its session has ended.
                    end(db, &letter, State::Withheld, now).await?;
                } else if attempt > TRIES {
                    // A relay that dies of it never reports: then the tries run out here.
                    end(db, &letter, letter.given_up(), now).await?;
                    tracing::error!(notification = %id, "{id} was given up: no relay survived it");
                } else {
                    leased.push(letter);
                }
            }
            Err(error) => {
                // Likely written by a newer version during an upgrade: left for an instance that can read it.
                tracing::warn!(notification = %id, %error, "{id} cannot be read by this version");
                postpone(db, Attempt { id, number: attempt, state }, None, now).await?;
            }
        }
    }
    withhold_what_is_over(db, &mut leased, now).await?;
    drop_called_off(db, &mut leased, now).await?;
    withhold_what_is_read(db, &mut leased, now).await?;
    respect_wishes(db, &mut leased, now).await?;
    Ok(leased)
}

/// Nobody is told what has passed: a link that opens nothing any more, or what was tomorrow.
async fn withhold_what_is_over(db: &Database, leased: &mut Vec<Leased>, now: Time) -> Result<()> {
    for letter in mem::take(leased) {
        let ends_at = match &letter.content {
            Content::VerifyEmail { expires_at, .. }
            | Content::PasswordReset { expires_at, .. }
            | Content::Invitation { expires_at, .. } => Some(*expires_at),
            Content::TaskDigest { .. } => Some(letter.created_at.after(LATE_AT_MOST)),
            _ => None,
        };
        if ends_at.is_some_and(|end| end <= now) {
            end(db, &letter, State::Withheld, now).await?;
        } else {
            leased.push(letter);
        }
    }
    Ok(())
}

/// Notes how each is written to; and of what people can do without, withholds what they do not wish to get, and lets rest
/// what comes in their quiet hours.
async fn respect_wishes(db: &Database, leased: &mut Vec<Leased>, now: Time) -> Result<()> {
    let recipients: Vec<&str> = leased.iter().map(|letter| letter.recipient.as_str()).collect();
    if recipients.is_empty() {
        return Ok(());
    }
    let people = preference::of_recipients(&mut *db.connection().await?, &recipients).await?;
    for mut letter in mem::take(leased) {
        let wishes = people.get(&letter.recipient).map(|(wishes, locale)| {
            letter.locale = locale.clone();
            wishes
        });
        let theirs = wishes.zip(Topic::of(&letter.content));
        let household = letter.content.household();
        let channel = letter.endpoint.as_ref().map_or(Channel::Mail, |endpoint| endpoint.channel);
        match theirs.map_or(Fate::Delivered, |(wishes, topic)| wishes.fate(household, channel, topic, now)) {
            Fate::Delivered => leased.push(letter),
            // It stays, so that nobody is told twice of its cause.
            Fate::Dropped => end(db, &letter, State::Withheld, now).await?,
            Fate::Rests(until) => db.transaction(&Rest { attempt: letter.attempt(), until, now }).await?,
        }
    }
    Ok(())
}

/// Nobody is told of what they have read meanwhile, or may see no more; and of announcements and groceries as they are now.
async fn withhold_what_is_read(db: &Database, leased: &mut Vec<Leased>, now: Time) -> Result<()> {
    let (told, announced, mut added) = {
        let mut conn = db.connection().await?;
        let told = mention::worth_telling(&mut conn, leased).await?;
        let announced = announcement::worth_telling(&mut conn, leased, now).await?;
        (told, announced, news::worth_telling(&mut conn, leased).await?)
    };
    for mut letter in mem::take(leased) {
        let is_wanted = match &mut letter.content {
            Content::Mention { message_id, .. } => told.contains(&(letter.recipient.clone(), *message_id)),
            Content::Announcement { announcement_id, title, requires_ack, .. } => {
                let current = announced.get(&(letter.recipient.clone(), *announcement_id));
                if let Some((titled, asks)) = current {
                    title.clone_from(titled);
                    *requires_ack = *asks;
                }
                current.is_some()
            }
            Content::GroceriesAdded { list_id, since, .. } => {
                let current = added.remove(&(letter.recipient.clone(), *list_id, *since));
                let is_wanted = current.is_some();
                letter.content = current.unwrap_or(letter.content);
                is_wanted
            }
            _ => true,
        };
        if is_wanted {
            leased.push(letter);
        } else {
            end(db, &letter, State::Withheld, now).await?;
        }
    }
    Ok(())
}

/// Gives back what was leased and is not to be tried before an instant.
struct Rest {
    attempt: Attempt,
    until: Time,
    now: Time,
}

impl Work for Rest {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        let update = diesel::update(notifications::table.filter(is_latest(self.attempt)))
            .set((
                notifications::attempts.eq(0),
                notifications::next_attempt_at.eq(self.until),
                notifications::leased_until.eq(self.now),
            ))
            .prepared();
        run!(conn, |c| update.execute(c).await).map(|_| ())
    }
}

/// Once more, as reminders were written long before: those that nobody needs any more are not delivered.
async fn drop_called_off(db: &Database, leased: &mut Vec<Leased>, now: Time) -> Result<()> {
    let called_off = reminder::freshen(&mut *db.connection().await?, leased, now).await?;
    if called_off.is_empty() {
        return Ok(());
    }
    let (dropped, kept) = mem::take(leased).into_iter().partition(|letter| called_off.contains(&letter.id));
    *leased = kept;
    for letter in &dropped {
        db.transaction(&CalledOff { letter, now }).await?;
    }
    Ok(())
}

struct CalledOff<'a> {
    letter: &'a Leased,
    now: Time,
}

impl Work for CalledOff<'_> {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        // Who is away for a day is nagged again when they are back.
        reminder::nag_on(conn, &self.letter.content, &self.letter.recipient, self.now).await?;
        let delete = diesel::delete(notifications::table.filter(is_latest(self.letter.attempt())));
        run!(conn, |c| delete.execute(c).await).map(|_| ())
    }
}

/// Relays look often and mostly in vain: that must not cost a turn to write.
async fn is_anything_due(conn: &mut Connection, state: State, now: Time) -> Result<bool> {
    let query = due!(now, state).select(notifications::id);
    let first: Option<NotificationId> = run!(conn, |c| query.first(c).await.optional())?;
    Ok(first.is_some())
}

type Row = (NotificationId, String, String, i32, Time, Option<EndpointId>);

struct Lease {
    state: State,
    limit: i64,
    now: Time,
}

impl Work for Lease {
    type Output = Vec<Row>;

    async fn run(&self, conn: &mut Connection) -> Result<Vec<Row>> {
        let due =
            due!(self.now, self.state).order(notifications::next_attempt_at).limit(self.limit).select((
                notifications::id,
                notifications::recipient,
                notifications::payload,
                notifications::attempts,
                notifications::created_at,
                notifications::endpoint_id,
            ));
        // Relays pass each other by instead of queueing for the same rows.
        let rows: Vec<Row> = locked!(conn, due, skip_locked, |q, c| q.load(c).await)?;
        if rows.is_empty() {
            return Ok(rows);
        }
        let ids: Vec<_> = rows.iter().map(|row| row.0).collect();
        let update = diesel::update(notifications::table.filter(among(notifications::id, &ids)))
            .set((
                notifications::leased_until.eq(self.now.after(LEASE)),
                notifications::attempts.eq(notifications::attempts + 1),
            ))
            .prepared();
        run!(conn, |c| update.execute(c).await)?;
        Ok(rows)
    }
}

/// Which try of which notification a report is about.
#[derive(Clone, Copy)]
struct Attempt {
    id: NotificationId,
    number: i32,
    /// In which state it waits.
    state: State,
}

/// Whether it waits for the report of this try. An older one may not speak for it any more: its lease has run out.
#[diesel::dsl::auto_type(no_type_alias)]
fn is_latest(attempt: Attempt) -> _ {
    let (id, number, state): (NotificationId, i32, State) = (attempt.id, attempt.number, attempt.state);
    notifications::id.eq(id).and(notifications::attempts.eq(number)).and(notifications::state.eq(state))
}

impl Leased {
    fn attempt(&self) -> Attempt {
        let state = if self.endpoint.is_some() { State::ToTell } else { State::Pending };
        Attempt { id: self.id, number: self.attempt, state }
    }

    /// What becomes of it when it is given up. No operator can mend an endpoint.
    fn given_up(&self) -> State {
        if self.endpoint.is_some() { State::Withheld } else { State::Dead }
    }
}

/// Notes that it was delivered. What was secret in it is kept no longer.
pub async fn sent(db: &Database, leased: &Leased, now: Time) -> Result<()> {
    end(db, leased, State::Sent, now).await?;
    match &leased.endpoint {
        Some(endpoint) => endpoint::note(db, endpoint, None).await,
        None => Ok(()),
    }
}

/// Notes that its endpoint is no more.
pub async fn gone(db: &Database, leased: &Leased, now: Time) -> Result<()> {
    if let Some(endpoint) = &leased.endpoint {
        endpoint::forget(db, endpoint.id).await?;
    }
    end(db, leased, State::Withheld, now).await
}

/// Notes that it could not be delivered: it is tried again later, each time later, and parked after the last try. What is
/// parked keeps its secret, or whoever has it tried again would send links that open nothing.
/// Returns what became of it.
pub async fn failed(db: &Database, leased: &Leased, now: Time) -> Result<State> {
    if let Some(endpoint) = &leased.endpoint {
        endpoint::failed(db, endpoint, now).await?;
    }
    if leased.attempt >= TRIES {
        let state = leased.given_up();
        end(db, leased, state, now).await?;
        return Ok(state);
    }
    postpone(db, leased.attempt(), Some(leased), now).await?;
    Ok(State::Pending)
}

async fn end(db: &Database, letter: &Leased, state: State, now: Time) -> Result<()> {
    let payload = match state {
        State::Dead => letter.content.without_words().to_payload()?,
        _ => letter.content.without_secret().to_payload()?,
    };
    db.transaction(&End { letter, state, payload, now }).await
}

struct End<'a> {
    letter: &'a Leased,
    state: State,
    payload: String,
    now: Time,
}

impl Work for End<'_> {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        reminder::nag_on(conn, &self.letter.content, &self.letter.recipient, self.now).await?;
        // Delivered is final, whatever a slower relay says about an earlier try.
        let update = diesel::update(notifications::table)
            .filter(notifications::id.eq(self.letter.id))
            .filter(notifications::state.ne(State::Sent))
            .set((notifications::state.eq(self.state), notifications::payload.eq(&self.payload)))
            .prepared();
        run!(conn, |c| update.execute(c).await).map(|_| ())
    }
}

async fn postpone(db: &Database, attempt: Attempt, letter: Option<&Leased>, now: Time) -> Result<()> {
    let next_attempt_at = now.after(wait(attempt.number).mul_f64(rand::random_range(0.5..1.0)));
    db.transaction(&Postpone { attempt, letter, next_attempt_at, now }).await
}

/// How long to wait after this try, before the jitter that keeps failures from coming back together.
fn wait(attempt: i32) -> Duration {
    let doublings = u32::try_from(attempt).unwrap_or(0).min(16);
    Duration::from_secs(1 << doublings).min(LONGEST_WAIT)
}

struct Postpone<'a> {
    attempt: Attempt,
    /// It, if it can be read.
    letter: Option<&'a Leased>,
    next_attempt_at: Time,
    now: Time,
}

impl Work for Postpone<'_> {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        let update = diesel::update(notifications::table.filter(is_latest(self.attempt)))
            .set((
                notifications::next_attempt_at.eq(self.next_attempt_at),
                notifications::leased_until.eq(self.next_attempt_at),
            ))
            .prepared();
        run!(conn, |c| update.execute(c).await)?;
        let Some(Leased { recipient, endpoint, content, .. }) = self.letter else { return Ok(()) };
        if let Some(endpoint) = endpoint {
            let update = diesel::update(notifications::table)
                .filter(notifications::endpoint_id.eq(endpoint.id))
                .filter(notifications::state.eq(State::ToTell))
                .filter(notifications::attempts.eq(0))
                .filter(notifications::next_attempt_at.lt(self.next_attempt_at))
                .set((
                    notifications::next_attempt_at.eq(self.next_attempt_at),
                    notifications::leased_until.eq(self.next_attempt_at),
                ))
                .prepared();
            return run!(conn, |c| update.execute(c).await).map(|_| ());
        }
        // What has to wait for it is not looked at until then. In an outage that is nearly everything.
        let update = diesel::update(notifications::table)
            .filter(notifications::recipient.eq(recipient))
            .filter(notifications::state.eq(State::Pending))
            .filter(notifications::attempts.eq(0))
            .filter(notifications::created_at.le(self.now))
            .filter(notifications::next_attempt_at.lt(self.next_attempt_at))
            .filter(notifications::kind.eq(content.kind()).or(among(notifications::kind, Topic::ALL)))
            .set((
                notifications::next_attempt_at.eq(self.next_attempt_at),
                notifications::leased_until.eq(self.next_attempt_at),
            ))
            .prepared();
        run!(conn, |c| update.execute(c).await).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let waits: Vec<_> = (1..=11).map(|attempt| wait(attempt).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        let all: u64 = (1..TRIES).map(|attempt| wait(attempt).as_secs()).sum();
        assert!((20..24).contains(&(all / 3600)), "{all} s, and half of it at the least");
    }
}
