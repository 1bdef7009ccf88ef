//! The hub: reads each followed household's log once for everybody who follows it on this instance.

use crate::broker::{Broker, Wire};
use crate::follower::Follower;
use crate::inbox::{InboxFollower, Inboxes};
use crate::log::{Log, RECENT};
use crate::presence::{Activity, Attendance, Presence, Presences};
use crate::sessions::Sessions;
use crate::signal::Signal;
use roomm8_db::event::{self, Position};
use roomm8_db::notification::inbox;
use roomm8_db::{
    Commit, ConversationId, Database, Error, HouseholdId, Member, MemberId, Result, SessionId, UserId,
};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::{OnceCell, Semaphore, broadcast};
use tokio::time::sleep;
use tracing::warn;

/// How often the database is asked for what the broker never told.
const POLL: Duration = Duration::from_secs(1);
/// Events read at once.
pub(crate) const PAGE: i64 = 200;
/// Followers on this instance that may read the database at once.
const CATCH_UPS: usize = 20;
/// Households, or sessions, asked about in one query.
const ASKED_AT_ONCE: usize = 500;
/// For each follower, between a wave of events to all of them and the next. To wake somebody and write to their socket
/// costs nearly the same for one event and for several, and a fifth of this at the most.
const PAUSE_EACH: Duration = Duration::from_micros(50);
/// The shortest pause, of a hundred followers, and the longest: less than people notice.
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(50);
/// The epoch of no log: nobody's cursor has it.
const NO_EPOCH: i32 = -1;
/// How long a log is kept warm after its last follower left.
const KEPT_WARM: Duration = Duration::from_secs(30);

/// Live delivery on this instance. Cheap to clone.
#[derive(Clone)]
pub struct Hub(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) database: Database,
    broker: Box<dyn Broker>,
    logs: Mutex<HashMap<HouseholdId, Arc<OnceCell<Arc<Log>>>>>,
    pub(crate) catch_ups: Semaphore,
    pub(crate) presences: Presences,
    sessions: Sessions,
    inboxes: Inboxes,
    /// When members last signalled that they write.
    signalled: Mutex<HashMap<(MemberId, ConversationId), Instant>>,
    pub(crate) statistics: HubStatistics,
}

/// What the hub did since the start.
#[derive(Debug, Default)]
pub struct HubStatistics {
    /// Events read from the log for followers.
    pub events: AtomicU64,
    /// Pages of the log read, by the hub and by followers that catch up.
    pub reads: AtomicU64,
    /// Reads that failed and were tried again.
    pub failed_reads: AtomicU64,
}

impl Hub {
    /// Starts the hub's tasks on the current runtime. They end with the last clone of the hub.
    pub fn start(database: Database, broker: Box<dyn Broker>) -> Self {
        let incoming = broker.incoming();
        let commits = database.commits();
        let inner = Arc::new(Inner {
            database,
            broker,
            logs: Mutex::default(),
            catch_ups: Semaphore::new(CATCH_UPS),
            presences: Presences::default(),
            sessions: Sessions::default(),
            inboxes: Inboxes::default(),
            signalled: Mutex::default(),
            statistics: HubStatistics::default(),
        });
        if let Some(incoming) = incoming {
            tokio::spawn(receive(Arc::downgrade(&inner), incoming));
        }
        tokio::spawn(tell_others(Arc::downgrade(&inner), commits));
        tokio::spawn(poll(Arc::downgrade(&inner)));
        Self(inner)
    }

    /// Follows a household's log from just after a position, or from now on.
    ///
    /// Fails with [`Error::Resync`] if the log cannot be followed from there.
    pub async fn follow(&self, member: Member, after: Option<Position>) -> Result<Follower> {
        let household = member.household_id();
        let log = self.0.join(household).await?;
        // The follower holds its place in the log from here on, whatever fails below.
        let follower = Follower::new(self.0.clone(), log.clone(), member, log.at());
        let Some(after) = after else { return Ok(follower) };
        if after.seq > log.at().seq {
            // Another instance may have told the client of an event that is not known here yet.
            let mut conn = self.0.database.connection().await?;
            event::check(after, event::head(&mut conn, household).await?)?;
            log.wake.notify_one();
        } else {
            event::check(after, log.at())?;
        }
        follower.from(after)
    }

    /// Follows a person's inbox from just after a position, or from now on.
    ///
    /// Fails with [`Error::Resync`] if it cannot be followed from there.
    pub async fn follow_inbox(&self, user: UserId, after: Option<Position>) -> Result<InboxFollower> {
        // Watched before it is read: what comes in between is not missed.
        let watched = self.0.inboxes.watch(user);
        let position = inbox::position(&mut *self.0.database.connection().await?, user).await?;
        self.0.inboxes.is_at(user, position);
        let cursor = after.unwrap_or(position);
        event::check(cursor, position)?;
        Ok(InboxFollower::new(self.0.database.clone(), user, watched, cursor))
    }

    /// Tells everybody who follows the household something that matters only now.
    pub fn signal(&self, signal: Signal) {
        self.0.broker.publish(Wire::Signal(signal));
    }

    /// Whether a signal may be sent that this member last sent of this conversation at least so long ago.
    pub fn may_signal(&self, of: (MemberId, ConversationId), pace: Duration) -> bool {
        let mut sent = self.0.signalled.lock().unwrap_or_else(PoisonError::into_inner);
        sent.retain(|_, at| at.elapsed() < pace);
        match sent.entry(of) {
            Entry::Occupied(_) => false,
            Entry::Vacant(vacant) => {
                vacant.insert(Instant::now());
                true
            }
        }
    }

    /// Says that a device of a member is there, for as long as the answer is held.
    pub fn attend(&self, household: HouseholdId, member: MemberId, session: SessionId) -> Attendance {
        Attendance::begin(self.clone(), household, member, session)
    }

    /// Says whether the person is at the device that attends.
    pub fn be(&self, household: HouseholdId, member: MemberId, session: SessionId, activity: Activity) {
        self.0.presences.be(self, household, member, session, activity);
    }

    /// How present a member is: as their most present device.
    pub fn presence(&self, household: HouseholdId, member: MemberId) -> Presence {
        self.0.presences.of(household, member)
    }

    /// Tells every instance that these sessions ended.
    pub fn end_sessions(&self, sessions: Vec<SessionId>) {
        if !sessions.is_empty() {
            self.0.sessions.end(&sessions);
            self.0.broker.publish(Wire::Ended(sessions));
        }
    }

    /// Waits until the session ends, wherever that is decided.
    pub fn session_end(&self, session: SessionId) -> impl Future<Output = ()> + Send + 'static {
        self.0.sessions.ended(session)
    }

    /// Whether the session was told to have ended lately.
    pub fn has_session_ended(&self, session: SessionId) -> bool {
        self.0.sessions.has_ended(session)
    }

    /// Whether the broker reaches the other instances.
    pub fn is_connected(&self) -> bool {
        self.0.broker.is_connected()
    }

    /// What the hub did since the start.
    pub fn statistics(&self) -> &HubStatistics {
        &self.0.statistics
    }

    /// What the broker did since the start.
    pub fn broker_statistics(&self) -> &crate::BrokerStatistics {
        self.0.broker.statistics()
    }

    /// Households followed on this instance, and their followers.
    pub fn followed(&self) -> (usize, usize) {
        let logs = self.0.open_logs();
        (logs.len(), logs.iter().map(|(_, log)| log.followers.load(Ordering::Relaxed)).sum())
    }
}

impl Inner {
    fn logs(&self) -> MutexGuard<'_, HashMap<HouseholdId, Arc<OnceCell<Arc<Log>>>>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self, household: HouseholdId) -> Option<Arc<Log>> {
        self.logs().get(&household)?.get().cloned()
    }

    fn open_logs(&self) -> Vec<(HouseholdId, Arc<Log>)> {
        self.logs().iter().filter_map(|(household, cell)| Some((*household, cell.get()?.clone()))).collect()
    }

    /// The household's log with one follower more. Its first follower reads the newest events, once for all.
    async fn join(self: &Arc<Self>, household: HouseholdId) -> Result<Arc<Log>> {
        loop {
            let cell = self.logs().entry(household).or_default().clone();
            let log = cell.get_or_try_init(|| self.open(household)).await?.clone();
            let logs = self.logs();
            // Under the map's lock: a log must not be retired between being found and being joined.
            if logs.get(&household).is_some_and(|present| Arc::ptr_eq(present, &cell)) {
                log.joins();
                return Ok(log);
            }
        }
    }

    async fn open(self: &Arc<Self>, household: HouseholdId) -> Result<Arc<Log>> {
        let mut conn = self.database.connection().await?;
        let head = event::head(&mut conn, household).await?;
        let recent = i64::try_from(RECENT).unwrap_or(i64::MAX);
        let start = Position { seq: (head.seq - recent).max(0), ..head };
        let log = Arc::new(Log::new(start));
        log.extend(self.count(event::page(&mut conn, household, start.seq, recent).await?));
        // What was committed since the page was read told nobody here: read once more.
        log.wake.notify_one();
        tokio::spawn(read_on(Arc::downgrade(self), household, Arc::downgrade(&log)));
        Ok(log)
    }

    fn count(&self, events: Vec<event::Detailed>) -> Vec<event::Detailed> {
        self.statistics.reads.fetch_add(1, Ordering::Relaxed);
        self.statistics.events.fetch_add(u64::try_from(events.len()).unwrap_or(0), Ordering::Relaxed);
        events
    }

    /// One page of the log, for the hub or for a follower that catches up.
    pub(crate) async fn page(
        &self,
        household: HouseholdId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<event::Detailed>> {
        let mut conn = self.database.connection().await?;
        Ok(self.count(event::page(&mut conn, household, after, limit).await?))
    }

    fn grew(&self, household: HouseholdId, seq: i64) {
        // Not believed, only looked at: a forged or doubled number costs at most one read.
        if let Some(log) = self.log(household)
            && log.at().seq < seq
        {
            log.wake.notify_one();
        }
    }

    /// Compares where the database says a log is with where it was here before the database was asked.
    fn compare(&self, household: HouseholdId, log: &Log, before: Position, head: Position) {
        log.trim();
        if head.epoch != before.epoch || head.seq < before.seq {
            // A backup was restored: this log is another one now. Its followers see the epoch change and end.
            log.position.send_modify(|position| position.epoch = NO_EPOCH);
            self.logs().remove(&household);
        } else if head.seq > before.seq {
            log.wake.notify_one();
        }
    }

    /// Drops logs that nobody has followed for a while; their readers end with them.
    fn retire_unfollowed(&self) {
        self.logs().retain(|_, cell| cell.get().is_none_or(|log| !log.is_unfollowed_for(KEPT_WARM)));
    }
}

/// Reads the log whenever it is told to have grown, until the log is dropped. What comes after a pause is read at once;
/// what a crowd is to hear soon after that, together.
async fn read_on(hub: Weak<Inner>, household: HouseholdId, log: Weak<Log>) {
    loop {
        let Some(waiting) = log.upgrade() else { return };
        let is_woken = tokio::time::timeout(KEPT_WARM, waiting.wake.notified()).await.is_ok();
        let pause = pause_after(waiting.followers.load(Ordering::Relaxed));
        drop(waiting);
        if !is_woken {
            continue;
        }
        if read_all(&hub, household, &log).await.is_none() {
            return;
        }
        if let Some(pause) = pause {
            sleep(pause).await;
        }
    }
}

/// The pause between two waves to so many followers. For few it is not worth a timer.
fn pause_after(followers: usize) -> Option<Duration> {
    let followers = u32::try_from(followers).unwrap_or(u32::MAX);
    let pause = PAUSE_EACH.saturating_mul(followers).min(PAUSE_MAX);
    (pause >= PAUSE_MIN).then_some(pause)
}

/// Reads until there is no more, however often the database fails; `None` if the log is not needed any longer.
async fn read_all(hub: &Weak<Inner>, household: HouseholdId, log: &Weak<Log>) -> Option<()> {
    loop {
        let (hub, log) = (hub.upgrade()?, log.upgrade()?);
        match hub.page(household, log.at().seq, PAGE).await {
            Ok(events) => {
                let is_last = events.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
                log.extend(events);
                if is_last {
                    return Some(());
                }
            }
            Err(error) => {
                hub.statistics.failed_reads.fetch_add(1, Ordering::Relaxed);
                warn!(%household, %error, "the log could not be read: trying again");
                sleep(Duration::from_millis(rand::random_range(100..300))).await;
            }
        }
    }
}

/// Passes on what the broker brings, until the hub is dropped.
async fn receive(hub: Weak<Inner>, mut incoming: tokio::sync::mpsc::Receiver<Wire>) {
    while let Some(message) = incoming.recv().await {
        let Some(hub) = hub.upgrade() else { return };
        match message {
            Wire::Grew(household, seq) => hub.grew(household, seq),
            Wire::InboxGrew(user, number) => hub.inboxes.grew(user, number),
            Wire::Ended(sessions) => hub.sessions.end(&sessions),
            Wire::Signal(signal) => {
                // Presence is noted whether or not somebody follows here: it may be asked for by a query.
                if let Some(signal) = hub.presences.digest(signal)
                    && let Some(log) = hub.log(signal.household())
                {
                    // Nobody listens to signals: nobody misses this one.
                    let _ = log.signals.send(signal);
                }
            }
            // Inboxes wait for the poll: they are few words for one person.
            Wire::Connected => hub.open_logs().iter().for_each(|(_, log)| log.wake.notify_one()),
        }
    }
}

/// Wakes this instance's followers, and the other instances, after every commit.
async fn tell_others(hub: Weak<Inner>, mut commits: broadcast::Receiver<Commit>) {
    loop {
        let commit = commits.recv().await;
        let Some(hub) = hub.upgrade() else { return };
        match commit {
            Ok(Commit::Log(household, seq)) => {
                hub.grew(household, seq);
                hub.broker.publish(Wire::Grew(household, seq));
            }
            Ok(Commit::Inbox(user, number)) => {
                hub.inboxes.grew(user, number);
                hub.broker.publish(Wire::InboxGrew(user, number));
            }
            // The poll of each instance finds what was missed here.
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// Finds what the broker never told: new events, and sessions that ended elsewhere.
async fn poll(hub: Weak<Inner>) {
    loop {
        sleep(POLL.mul_f64(rand::random_range(0.8..1.2))).await;
        let Some(hub) = hub.upgrade() else { return };
        if let Err(error) = poll_once(&hub).await {
            warn!(%error, "the poll failed: trying again");
        }
        hub.retire_unfollowed();
        Hub(hub).pass_presences_on();
    }
}

async fn poll_once(hub: &Inner) -> Result<(), Error> {
    // Where each log stood before the question: it may grow while the answer is on its way.
    let logs: HashMap<_, _> =
        hub.open_logs().into_iter().map(|(household, log)| (household, (log.at(), log))).collect();
    let households: Vec<_> = logs.keys().copied().collect();
    for some in households.chunks(ASKED_AT_ONCE) {
        let heads = event::heads(&mut *hub.database.connection().await?, some).await?;
        for (household, head) in heads {
            let Some((before, log)) = logs.get(&household) else { continue };
            hub.compare(household, log, *before, head);
        }
    }
    let users = hub.inboxes.open();
    for some in users.chunks(ASKED_AT_ONCE) {
        let positions = inbox::positions(&mut *hub.database.connection().await?, some).await?;
        for (user, position) in positions {
            hub.inboxes.is_at(user, position);
        }
    }
    let sessions = hub.sessions.open();
    for some in sessions.chunks(ASKED_AT_ONCE) {
        let ended =
            roomm8_db::account::session::ended_among(&mut *hub.database.connection().await?, some).await?;
        hub.sessions.end(&ended);
    }
    Ok(())
}

impl Hub {
    fn pass_presences_on(&self) {
        self.0.presences.renew(self);
        for signal in self.0.presences.expired() {
            if let Some(log) = self.0.log(signal.household()) {
                let _ = log.signals.send(signal);
            }
        }
    }
}

#[cfg(test)]
mod tests;
