//! The unit of work: the one way to change what belongs to a household.
//!
//! [`Database::perform`] opens the transaction, takes the lock of the household's log, proves the caller's right,
//! answers repeats from memory, applies the operation, appends its events and commits. Authorization, order,
//! audit and exactly-once retries are therefore decided here and nowhere else.

use crate::access::{self, Member, Permission};
use crate::database::Work;
use crate::idempotency::{Key, Receipt};
use crate::prepared::Prepare as _;
use crate::tables::{household_streams, households};
use crate::{
    Connection, Database, Error, HouseholdId, MemberId, RefusalCode, Result, SubjectId, Time, UserId, event,
    throttle,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

/// Who may come in to perform an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Active members with this right.
    Member(Permission),
    /// Active members with this right, even while the household is archived.
    MemberOfArchived(Permission),
    /// Active members with the right to archive the household, or the owner who left it last.
    Restoration,
    /// Anybody: the operation itself admits them (it holds an invitation).
    Admission,
    /// Anybody: the operation makes the household.
    Founding,
}

/// One thing that can be done to a household: its inputs, and how they change it.
pub trait Operation: Serialize + Sync {
    /// What it changed.
    type Outcome: Subject;
    /// Its name, under which repeats are recognised. Never reused for something else.
    const NAME: &'static str;
    /// Who may do it.
    const ENTRY: Entry;

    /// Decides and changes. It may run more than once; only the last run is kept.
    fn apply(&self, change: &mut Change<'_>) -> impl Future<Output = Result<Self::Outcome>> + Send;
}

/// What is to be done to a household because it is time for it: in nobody's name, so nobody can ask for it.
pub(crate) trait DueWork: Sync {
    /// Does as much of it as one transaction may, and says how much that was: nothing, when nothing is left.
    fn apply(&self, change: &mut Change<'_>) -> impl Future<Output = Result<usize>> + Send;
}

/// What an operation changes and its repeats find again.
pub trait Subject: Sized + Send {
    /// Its identifier.
    fn subject_id(&self) -> SubjectId;
    /// It, as it is now.
    fn find(conn: &mut Connection, id: SubjectId) -> impl Future<Output = Result<Self>> + Send;

    /// What else a repeat is to be told, as the subject cannot say it; kept with the receipt.
    fn memo(&self) -> Result<Option<String>> {
        Ok(None)
    }

    /// It, as the first answer told it.
    fn recall(
        conn: &mut Connection,
        id: SubjectId,
        memo: Option<&str>,
    ) -> impl Future<Output = Result<Self>> + Send {
        let _ = memo;
        Self::find(conn, id)
    }
}

/// What a setting that can be without a value becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum To<T> {
    /// It has none from now on.
    Nothing,
    /// This.
    Value(T),
}

impl<T: Clone> To<T> {
    /// The setting after this change, if there is one.
    pub(crate) fn applied(change: Option<&Self>, before: Option<T>) -> Option<T> {
        match change {
            None => before,
            Some(Self::Nothing) => None,
            Some(Self::Value(value)) => Some(value.clone()),
        }
    }
}

/// Who asks, where, and under which name of the intent.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The person who asks.
    pub user: UserId,
    /// The household to change.
    pub household: HouseholdId,
    /// The client's name for this intent; a repeat gets the first answer.
    pub client_mutation_id: Option<&'a str>,
}

/// What an operation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed<T> {
    /// What it changed, as it is now.
    pub subject: T,
    /// The place of its last event in the log, by which the sender recognises its own echo.
    pub position: event::Position,
    /// Whether this is the answer to an earlier, equal request.
    pub is_repeat: bool,
}

/// A change being made: the transaction, the proof of the caller's right, and the events so far.
pub struct Change<'c> {
    conn: &'c mut Connection,
    household_id: HouseholdId,
    user_id: Option<UserId>,
    actor: Option<Member>,
    head: i64,
    now: Time,
    throttles: bool,
    entries: Vec<event::Entry>,
    /// Set when the actor became a member in this very change.
    admitted: Option<MemberId>,
}

impl Change<'_> {
    /// The transaction's connection.
    pub(crate) fn conn(&mut self) -> &mut Connection {
        self.conn
    }

    /// The household being changed.
    pub fn household_id(&self) -> HouseholdId {
        self.household_id
    }

    /// The person who asked.
    pub fn user_id(&self) -> Result<UserId> {
        self.user_id.ok_or(Error::NotFound)
    }

    /// The member who asked.
    pub fn actor(&self) -> Result<&Member> {
        self.actor.as_ref().ok_or(Error::NotFound)
    }

    /// One instant for everything in this change.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Takes one attempt from a bucket; given back if the change comes to nothing.
    pub(crate) async fn take(&mut self, bucket: &str, limit: throttle::Limit) -> Result<()> {
        if !self.throttles {
            return Ok(());
        }
        throttle::take(self.conn, bucket, limit, self.now).await
    }

    /// The `seq` that the next recorded event will have.
    pub(crate) fn next_seq(&self) -> i64 {
        self.head + 1 + i64::try_from(self.entries.len()).unwrap_or(i64::MAX)
    }

    /// Records what happened; it becomes visible, and told to subscribers, with the commit.
    pub(crate) fn record(&mut self, entry: event::Entry) {
        self.entries.push(entry);
    }

    /// Records what happened to something that everybody in the household may know of.
    pub(crate) fn record_for_all(
        &mut self,
        kind: event::Kind,
        subject: impl Into<SubjectId>,
        version: i32,
        fields: &[&'static str],
    ) {
        let (subject, fields) = (subject.into(), fields.to_vec());
        self.record(event::Entry { kind, subject, version, fields, audience: None });
    }

    /// From here on the events are this new member's.
    pub(crate) fn admit(&mut self, member: MemberId) {
        self.admitted = Some(member);
    }
}

impl Database {
    /// Performs an operation on a household: all of it, once, by someone who may, or nothing at all.
    pub async fn perform<O: Operation>(
        &self,
        request: Request<'_>,
        operation: &O,
    ) -> Result<Changed<O::Outcome>> {
        let key = match request.client_mutation_id {
            Some(id) => Some(key(request, operation, checked(id)?)?),
            None => None,
        };
        let _turn = self.turns().take(request.household).await?;
        let changed =
            self.transaction(&Performance { request, operation, key, throttles: self.throttles() }).await?;
        if !changed.is_repeat {
            self.announce(request.household, changed.position.seq);
        }
        Ok(changed)
    }
}

impl Database {
    /// Does what has become due in these households, in each until nothing is left. One that fails does not stop the others:
    /// the first error is returned when all were tried. Several instances may do it at once: under the lock it is decided
    /// whether there is still something to do.
    pub(crate) async fn perform_due<W: DueWork>(
        &self,
        households: impl IntoIterator<Item = HouseholdId>,
        work: &W,
    ) -> Result<()> {
        let mut first_error = None;
        for household in households {
            if let Err(error) = self.perform_due_in(household, work).await {
                first_error.get_or_insert(error);
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    async fn perform_due_in<W: DueWork>(&self, household: HouseholdId, work: &W) -> Result<()> {
        loop {
            let _turn = self.turns().take(household).await?;
            match self.transaction(&Due { household, work }).await? {
                Some((count, seq)) if count > 0 => self.announce(household, seq),
                _ => return Ok(()),
            }
        }
    }
}

struct Due<'a, W> {
    household: HouseholdId,
    work: &'a W,
}

impl<W: DueWork> Work for Due<'_, W> {
    /// How much was done, and the log's head after it; nothing is done while the household is archived.
    type Output = Option<(usize, i64)>;

    async fn run(&self, conn: &mut Connection) -> Result<Self::Output> {
        let head = lock(conn, self.household).await?;
        let archived = households::table
            .filter(households::id.eq(self.household))
            .filter(households::archived_at.is_not_null())
            .count();
        if run!(conn, |c| archived.get_result::<i64>(c).await)? > 0 {
            return Ok(None);
        }
        let mut change = Change {
            conn,
            household_id: self.household,
            user_id: None,
            actor: None,
            head: head.seq,
            now: Time::now(),
            throttles: false,
            entries: Vec::new(),
            admitted: None,
        };
        let count = self.work.apply(&mut change).await?;
        let seq = finish(change).await?;
        Ok(Some((count, seq)))
    }
}

/// What the intent is about: its household, unless each try would make another one.
fn key<'a, O: Operation>(request: Request<'a>, operation: &O, id: &'a str) -> Result<Key<'a>> {
    let household = (O::ENTRY != Entry::Founding).then_some(request.household);
    Key::new(request.user, O::NAME, id, &(household, operation))
}

/// A `clientMutationId` that can be remembered.
pub(crate) fn checked(client_mutation_id: &str) -> Result<&str> {
    if is_plain(client_mutation_id, 64) {
        return Ok(client_mutation_id);
    }
    let message = "must be 1 to 64 visible ASCII characters, for example a UUID";
    Err(Error::refused(RefusalCode::Invalid, "clientMutationId", message))
}

/// Whether a client's name for something is 1 to so many visible ASCII characters.
pub(crate) fn is_plain(name: &str, limit: usize) -> bool {
    (1..=limit).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

struct Performance<'a, O> {
    request: Request<'a>,
    operation: &'a O,
    key: Option<Key<'a>>,
    throttles: bool,
}

impl<O: Operation> Work for Performance<'_, O> {
    type Output = Changed<O::Outcome>;

    async fn run(&self, conn: &mut Connection) -> Result<Self::Output> {
        let Request { user, household, .. } = self.request;
        let (head, receipt) = match O::ENTRY {
            Entry::Founding => match self.receipt(conn).await? {
                Some(receipt) => return repeat_of_founding(conn, user, &receipt).await,
                None => (found(conn, household).await?, None),
            },
            _ => (lock(conn, household).await?, self.receipt(conn).await?),
        };
        let is_repeat_of_leaving =
            receipt.is_some() && O::ENTRY == Entry::MemberOfArchived(Permission::Leave);
        let actor = match admitted(conn, user, household, O::ENTRY).await {
            // Who has left may still learn that they did.
            Err(Error::NotFound) if is_repeat_of_leaving => None,
            result => result?,
        };
        if let Some(receipt) = receipt {
            let subject = O::Outcome::recall(conn, receipt.subject, receipt.memo.as_deref()).await?;
            let position = event::Position { epoch: head.epoch, seq: receipt.seq };
            return Ok(Changed { subject, position, is_repeat: true });
        }
        if let (Some(actor), Entry::Member(_)) = (&actor, O::ENTRY) {
            actor.refuse_if_archived()?;
        }
        let mut change = Change {
            conn,
            household_id: household,
            user_id: Some(user),
            actor,
            head: head.seq,
            now: Time::now(),
            throttles: self.throttles,
            entries: Vec::new(),
            admitted: None,
        };
        let subject = self.operation.apply(&mut change).await?;
        let seq = finish(change).await?;
        if let Some(key) = &self.key {
            let receipt = Receipt { subject: subject.subject_id(), seq, memo: subject.memo()? };
            key.remember(conn, &receipt, Time::now()).await?;
        }
        Ok(Changed { subject, position: event::Position { epoch: head.epoch, seq }, is_repeat: false })
    }
}

impl<O: Operation> Performance<'_, O> {
    /// What the intent did the first time, if this is not the first.
    async fn receipt(&self, conn: &mut Connection) -> Result<Option<Receipt>> {
        match &self.key {
            Some(key) => key.receipt(conn).await,
            None => Ok(None),
        }
    }
}

/// The household that the intent made the first time. Two that come at once are told apart by the key's
/// uniqueness: the later one is run again, and finds the receipt of the first.
async fn repeat_of_founding<T: Subject>(
    conn: &mut Connection,
    user: UserId,
    receipt: &Receipt,
) -> Result<Changed<T>> {
    let household = receipt.subject.into();
    access::member(conn, user, household).await?;
    let subject = T::find(conn, receipt.subject).await?;
    let epoch = event::head(conn, household).await?.epoch;
    Ok(Changed { subject, position: event::Position { epoch, seq: receipt.seq }, is_repeat: true })
}

/// Takes the lock of the household's log. Everything that changes the household waits here, so that `seq` order
/// is commit order and what is read afterwards is true until the commit.
pub(crate) async fn lock(conn: &mut Connection, household: HouseholdId) -> Result<event::Position> {
    let query = household_streams::table
        .filter(household_streams::household_id.eq(household))
        .select((household_streams::epoch, household_streams::head));
    let (epoch, seq) = locked!(conn, query, |q, c| q.first(c).await)?;
    Ok(event::Position { epoch, seq })
}

/// Starts the log of a new household, under a random epoch: a cursor of one household fits no other.
async fn found(conn: &mut Connection, household: HouseholdId) -> Result<event::Position> {
    let head = event::Position { epoch: rand::random_range(1..i32::MAX), seq: 0 };
    let insert = diesel::insert_into(household_streams::table).values((
        household_streams::household_id.eq(household),
        household_streams::epoch.eq(head.epoch),
        household_streams::head.eq(head.seq),
    ));
    run!(conn, |c| insert.execute(c).await)?;
    Ok(head)
}

async fn admitted(
    conn: &mut Connection,
    user: UserId,
    household: HouseholdId,
    entry: Entry,
) -> Result<Option<Member>> {
    match entry {
        Entry::Member(permission) | Entry::MemberOfArchived(permission) => {
            let member = access::member(conn, user, household).await?;
            member.require(permission)?;
            Ok(Some(member))
        }
        Entry::Restoration => access::restorer(conn, user, household).await.map(Some),
        Entry::Admission | Entry::Founding => Ok(None),
        // Time passes for everybody; it is nobody's to ask for.
    }
}

/// Appends the recorded events and moves the head; returns the last `seq`.
async fn finish(change: Change<'_>) -> Result<i64> {
    let Change { conn, household_id, actor, head, now, entries, admitted, .. } = change;
    let actor = admitted.or(actor.as_ref().map(Member::id));
    let events: Vec<_> =
        (head + 1..).zip(entries).map(|(seq, entry)| entry.at(household_id, seq, actor, now)).collect();
    let Some(last) = events.last().map(|event| event.seq) else { return Ok(head) };
    event::append(conn, &events).await?;
    let update = diesel::update(household_streams::table)
        .filter(household_streams::household_id.eq(household_id))
        .set(household_streams::head.eq(last))
        .prepared();
    run!(conn, |c| update.execute(c).await)?;
    Ok(last)
}
