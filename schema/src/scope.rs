//! One request: who asks, its one database connection, its loaders.

use crate::error::{Code, Error, Result};
use crate::loaders::Loaders;
use async_graphql::Context;
use roomm8_db::account::session::Viewer;
use roomm8_db::household::Archived;
use roomm8_db::notification::endpoint::address::Reach;
use roomm8_db::{Connection, Database, HouseholdId, Member, Pooled, Reader, Replica, Time, access};
use roomm8_subscriptions::Hub;
use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use tokio::sync::{Mutex, MutexGuard};

/// What every request works with.
#[derive(Clone)]
pub struct Services {
    /// What RoomM8 remembers.
    pub database: Database,
    /// Where what a household shows may be read, too.
    pub replica: Option<Replica>,
    /// Live delivery.
    pub hub: Hub,
    /// The address people reach RoomM8 at, for links in answers and mails; without a slash at the end.
    pub public_url: Arc<str>,
    /// How people are told besides mail.
    pub push: Push,
}

/// How people are told besides mail.
#[derive(Debug, Clone)]
pub struct Push {
    /// The public key that browsers subscribe with, in base64url; none if nothing is pushed to them.
    pub key: Option<Arc<str>>,
    /// Which addresses they may name.
    pub reach: Reach,
}

/// Who sends a request, as far as the server's edge has proven it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The person and session, if they are signed in.
    pub viewer: Option<Viewer>,
    /// Where they connect from.
    pub address: IpAddr,
    /// What they say their device is.
    pub user_agent: Option<String>,
}

/// For whom an answer is made.
pub(crate) enum Audience {
    /// Whoever sent the request.
    Caller(Caller),
    /// Every member of a household alike: an event is rendered once for all who follow it.
    Everyone(HouseholdId, i32),
    /// All who read a household as this proof lets them: what they are told is kept for the next of them.
    Readers(Reader),
}

/// One request, or one rendering of an event.
pub struct Scope {
    pub(crate) services: Services,
    /// See [`Self::now`].
    began_at: Time,
    audience: Audience,
    /// Whom this very request signed in: what comes after in its answer is theirs.
    signed_in: OnceLock<Viewer>,
    /// Set when something asked for the viewer, or for what changes without a trace in the log, where the answer is not
    /// one caller's alone.
    is_personal: AtomicBool,
    store: Arc<Store>,
    /// Renewed by every mutation: what was loaded before it may be untrue after it.
    loaders: std::sync::Mutex<Arc<Loaders>>,
}

impl Scope {
    /// The scope of a request by this caller.
    pub fn new(services: Services, caller: Caller) -> Self {
        Self::for_audience(services, Audience::Caller(caller))
    }

    /// The scope of an answer for all who have this proof, and for no caller.
    pub fn of_readers(services: Services, reader: Reader) -> Self {
        Self::for_audience(services, Audience::Readers(reader))
    }

    /// The same, of an answer that is read on this connection alone: no other shows what it shows.
    pub fn of_readers_on(services: Services, reader: Reader, connection: Pooled) -> Self {
        Self::reading_from(Source::Nowhere, services, Audience::Readers(reader), Some(connection))
    }

    pub(crate) fn for_audience(services: Services, audience: Audience) -> Self {
        Self::reading_from(Source::Pool(services.database.clone()), services, audience, None)
    }

    fn reading_from(
        source: Source,
        services: Services,
        audience: Audience,
        connection: Option<Pooled>,
    ) -> Self {
        let store = Arc::new(Store {
            source,
            connection: Mutex::new(connection),
            memberships: Mutex::default(),
            reader: match &audience {
                Audience::Readers(reader) => Some(reader.clone()),
                Audience::Caller(_) | Audience::Everyone(..) => None,
            },
        });
        Self {
            loaders: std::sync::Mutex::new(Arc::new(Loaders::new(&store))),
            services,
            began_at: Time::now(),
            audience,
            signed_in: OnceLock::new(),
            is_personal: AtomicBool::new(false),
            store,
        }
    }

    /// The signed-in person. A rendering for several has none: asking is noted, and the rendering done again for each
    /// viewer.
    pub(crate) fn viewer(&self) -> Result<&Viewer> {
        let viewer = match &self.audience {
            Audience::Caller(caller) => self.signed_in.get().or(caller.viewer.as_ref()),
            Audience::Everyone(..) | Audience::Readers(_) => {
                self.notes_person();
                None
            }
        };
        viewer
            .ok_or_else(|| Error::new(Code::Unauthenticated, "sign in first: send `Authorization: Bearer …`"))
    }

    /// From here on the request is this person's: it has just proven who they are.
    pub(crate) async fn sign_in(&self, viewer: Viewer) {
        self.forget_what_was_read().await;
        // A document that signs in twice stays with the first.
        let _ = self.signed_in.set(viewer);
    }

    /// Whether a rendering for several turned out to depend on the viewer, or on more than their household.
    pub fn is_personal(&self) -> bool {
        self.is_personal.load(Ordering::Relaxed)
    }

    fn notes_person(&self) {
        self.is_personal.store(true, Ordering::Relaxed);
    }

    /// When the request began: all of an answer is of one now. An answer that is kept has none.
    pub(crate) fn now(&self) -> Time {
        if let Audience::Readers(_) = self.audience {
            self.notes_person();
        }
        self.began_at
    }

    /// The caller, who may be anonymous.
    pub(crate) fn caller(&self) -> Result<&Caller> {
        match &self.audience {
            Audience::Caller(caller) => Ok(caller),
            Audience::Everyone(..) | Audience::Readers(_) => {
                self.notes_person();
                Err(Error::new(Code::Internal, "what several are told has no caller"))
            }
        }
    }

    /// The proof that the viewer is a member of this household; what everything inside of it asks for.
    pub(crate) async fn member(&self, household: HouseholdId) -> Result<Member> {
        let user = self.viewer()?.user_id;
        let mut memberships = self.store.memberships.lock().await;
        if let Some(member) = memberships.get(&household) {
            return Ok(member.clone());
        }
        let member = access::member(&mut *self.connection().await?, user, household).await?;
        memberships.insert(household, member.clone());
        Ok(member)
    }

    /// The proof that the viewer may read this household: all that is asked for by what is the same for every member.
    pub(crate) async fn reader(&self, household: HouseholdId) -> Result<Reader> {
        match self.store.shared(household) {
            Some(reader) => Ok(reader.clone()),
            None => self.member(household).await.map(Reader::from),
        }
    }

    /// The proofs of all the viewer's memberships, the oldest household first.
    pub(crate) async fn memberships(&self, archived: Archived) -> Result<Vec<Member>> {
        let user = self.viewer()?.user_id;
        let mut memberships = self.store.memberships.lock().await;
        let proofs = access::memberships(&mut *self.connection().await?, user, archived).await?;
        for proof in &proofs {
            // An earlier proof stays: what was read since is at least as new as its place in the log.
            memberships.entry(proof.household_id()).or_insert_with(|| proof.clone());
        }
        Ok(proofs)
    }

    /// Whether what happened at `seq` is part of the history the asker may see. A rendering for everyone is only made
    /// where everyone sees everything.
    pub(crate) async fn sees(&self, household: HouseholdId, seq: i64) -> Result<bool> {
        match &self.audience {
            Audience::Everyone(own, _) if *own == household => Ok(true),
            _ => Ok(self.reader(household).await?.sees(seq)),
        }
    }

    /// The request's loaders.
    pub(crate) fn loaders(&self) -> Arc<Loaders> {
        self.loaders.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets what a mutation may have made untrue: proofs of membership, and what was loaded.
    pub(crate) async fn forget_what_was_read(&self) {
        self.store.memberships.lock().await.clear();
        *self.loaders.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(Loaders::new(&self.store));
    }

    /// The epoch of a household's log, for cursors.
    pub(crate) async fn epoch(&self, household: HouseholdId) -> Result<i32> {
        match &self.audience {
            Audience::Everyone(own, epoch) if *own == household => Ok(*epoch),
            _ => Ok(self.reader(household).await?.epoch()),
        }
    }

    /// The request's one connection: whoever else wants it waits.
    pub(crate) async fn connection(&self) -> Result<OnLoan<'_>> {
        Ok(self.store.connection().await?)
    }

    /// Gives the connection back before something takes one of its own.
    pub(crate) async fn release_connection(&self) {
        drop(self.take_connection().await);
    }

    /// The request's connection, of which the request has no more need.
    pub async fn take_connection(&self) -> Option<Pooled> {
        self.store.connection.lock().await.take()
    }

    pub(crate) fn database(&self) -> &Database {
        self.notes_person();
        &self.services.database
    }

    pub(crate) fn push(&self) -> &Push {
        &self.services.push
    }

    pub(crate) fn hub(&self) -> &Hub {
        self.notes_person();
        &self.services.hub
    }
}

/// Where a request that has no connection, or whose connection broke, gets one.
enum Source {
    /// From the database.
    Pool(Database),
    /// Nowhere: it was given the one that it needs.
    Nowhere,
}

/// The request's connection, shared with its loaders.
pub(crate) struct Store {
    source: Source,
    connection: Mutex<Option<Pooled>>,
    /// The proofs made so far.
    memberships: Mutex<HashMap<HouseholdId, Member>>,
    /// The proof of all for whom the answer is, where it is for several.
    reader: Option<Reader>,
}

impl Store {
    /// The proof that [`Scope::member`] made before anything of this household was loaded.
    pub(crate) async fn proof(&self, household: HouseholdId) -> roomm8_db::Result<Member> {
        self.memberships.lock().await.get(&household).cloned().ok_or(roomm8_db::Error::NotFound)
    }

    /// The proof that [`Scope::reader`] found before anything of this household was loaded.
    pub(crate) async fn reader(&self, household: HouseholdId) -> roomm8_db::Result<Reader> {
        match self.shared(household) {
            Some(reader) => Ok(reader.clone()),
            None => self.proof(household).await.map(Reader::from),
        }
    }

    /// The proof of all for whom the answer is, if it is one of this household.
    fn shared(&self, household: HouseholdId) -> Option<&Reader> {
        self.reader.as_ref().filter(|reader| reader.household_id() == household)
    }

    /// Fails where the answer is for several: what is loaded depends on who asks, or when.
    pub(crate) fn refuse_several(&self) -> roomm8_db::Result<()> {
        if self.reader.is_some() { Err(roomm8_db::Error::NotFound) } else { Ok(()) }
    }

    pub(crate) async fn connection(&self) -> roomm8_db::Result<OnLoan<'_>> {
        let mut connection = self.connection.lock().await;
        if connection.as_ref().is_none_or(|connection| connection.is_broken()) {
            *connection = None;
            if let Source::Pool(database) = &self.source {
                *connection = Some(database.connection().await?);
            }
        }
        MutexGuard::try_map(connection, Option::as_mut)
            .map(OnLoan)
            .map_err(|_| roomm8_db::Error::Unavailable("no connection".into()))
    }
}

/// The request's connection, while somebody uses it.
pub(crate) struct OnLoan<'a>(tokio::sync::MappedMutexGuard<'a, Pooled>);

impl Deref for OnLoan<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for OnLoan<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

/// The scope out of a resolver's context.
pub(crate) trait ScopeExt {
    fn scope(&self) -> Result<&Scope>;
}

impl ScopeExt for Context<'_> {
    fn scope(&self) -> Result<&Scope> {
        let scope = self.data::<Arc<Scope>>().map(AsRef::as_ref);
        scope.map_err(|_| Error::new(Code::Internal, "something went wrong on our side"))
    }
}
