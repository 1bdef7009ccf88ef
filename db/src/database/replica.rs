//! A replica of the database. What a household shows may be read there, where the replica shows the very version that the
//! primary has just shown: nobody is ever told what is older than that.

use super::location::Location;
use super::pool::{Manager, Pooled};
use super::{Connections, Options, Statistics, connections, move_pool};
use crate::access::{Reader, Version};
use crate::event::Position;
use crate::tables::household_streams;
use crate::{Connection, Error, HouseholdId, Result};
use deadpool::managed::{self, Hook, HookError, PoolError, TimeoutType};
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tracing::{info, warn};

/// The setting that says where the replica is.
const SETTING: &str = "DATABASE_READ_URL";
/// How long a caller waits for the replica to show a household, connecting included, before it asks the primary.
const SHOWN_WITHIN: Duration = Duration::from_millis(500);
/// How long it waits for a free connection: the primary has some, too.
const POOL_WAIT: Duration = Duration::from_millis(100);
/// For how long nobody tries a replica that failed. Then one tries, and the others once that went well.
const REST: Duration = Duration::from_secs(5);
/// How long the end of a snapshot may take.
const ENDED_WITHIN: Duration = Duration::from_millis(500);

/// Begins what is read of one moment: by `READ COMMITTED`, which is the session's, each statement would see another.
const BEGIN: &str =
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
/// A server that takes writes may have diverged from the primary, and count its versions like it.
const WRITABLE: &str = "it takes writes, which a replica does not: is it another database, or was it promoted? \
                        A replica has read_only=ON";

/// What became of what might have been read on a replica.
#[derive(Debug, Default)]
pub struct Reads {
    /// Read there.
    pub there: AtomicU64,
    /// Left to the primary, as the replica showed another version.
    pub behind: AtomicU64,
    /// Left to the primary, as all connections were on loan.
    pub busy: AtomicU64,
    /// Left to the primary, as the replica failed, or had a moment ago.
    pub away: AtomicU64,
}

/// A replica of the database. Cheap to clone.
#[derive(Clone)]
pub struct Replica {
    pool: managed::Pool<Manager>,
    statistics: Arc<Statistics>,
    reads: Arc<Reads>,
    rest: Arc<Rest>,
    ca: Option<PathBuf>,
}

/// Why there is no snapshot.
enum Missed {
    Behind,
    Busy,
    Away(String),
}

impl From<Error> for Missed {
    fn from(error: Error) -> Self {
        Self::Away(error.cause())
    }
}

impl Replica {
    /// The replica at this place, of which nothing is asked yet: that it is away is no reason not to start.
    ///
    /// Errors are sentences for whoever starts the server.
    pub fn new(options: &Options) -> anyhow::Result<Self> {
        let location = Location::parse(SETTING, &options.url, options.ca.as_deref())?;
        anyhow::ensure!(
            matches!(location, Location::Mysql(_)),
            "{SETTING} must begin with mysql://, as only a MySQL server has replicas"
        );
        let migration: Arc<str> = Location::newest_migration()?.into();
        let statistics = Arc::new(Statistics::default());
        let manager = Manager::new(location, statistics.clone(), options.stale.clone());
        let check = Hook::async_fn(move |conn, _| {
            let migration = migration.clone();
            Box::pin(async move { check(conn, &migration).await.map_err(HookError::Backend) })
        });
        let pool = managed::Pool::builder(manager)
            .max_size(options.connections.max(2))
            .runtime(deadpool::Runtime::Tokio1)
            .wait_timeout(Some(POOL_WAIT))
            .post_create(check)
            .build()?;
        let (reads, rest, ca) = (Arc::default(), Arc::default(), options.ca.clone());
        Ok(Self { pool, statistics, reads, rest, ca })
    }

    /// Tries the replica, so that what is wrong with it is logged before anybody needs it.
    pub async fn look(&self) {
        if let Err(missed) = soon(async { self.pool.get().await.map_err(missed) }).await {
            self.fails(missed);
        }
    }

    /// Signs in as another, or with another password, from now on, like [`Database::move_to`](super::Database::move_to).
    pub async fn move_to(&self, url: &str) -> anyhow::Result<()> {
        let location = Location::parse(SETTING, url, self.ca.as_deref())?;
        move_pool(&self.pool, SETTING, location, &self.statistics).await
    }

    /// A connection to the replica on which all is as it was when its household was of the version that this proof, just
    /// made by the primary, is of: to be given [back](Self::take_back). `None` leaves the reading to the primary, as the
    /// replica does not show that version, or nothing.
    pub async fn snapshot(&self, of: &Reader) -> Option<Pooled> {
        if !self.rest.is_over() {
            self.reads.away.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        match soon(self.begin(of)).await {
            Ok(conn) => {
                self.works();
                Some(conn)
            }
            Err(missed) => {
                self.fails(missed);
                None
            }
        }
    }

    async fn begin(&self, of: &Reader) -> Result<Pooled, Missed> {
        let mut conn = Pooled(self.pool.get().await.map_err(missed)?);
        conn.batch(BEGIN).await?;
        conn.is_in_snapshot = true;
        let shown = shown(&mut conn, of.household_id()).await?;
        if shown.as_ref().is_some_and(|shown| shown.is_read_only == 0) {
            return Err(Missed::Away(WRITABLE.to_owned()));
        }
        if shown.is_some_and(|shown| shown.version() == of.version()) {
            return Ok(conn);
        }
        end(conn).await;
        Err(Missed::Behind)
    }

    /// Takes the connection of a [snapshot](Self::snapshot) back, and says whether what was read on it is good. `None` is a
    /// reading that did not come to an end.
    pub async fn take_back(&self, conn: Option<Pooled>) -> bool {
        if let Some(conn) = conn.filter(|conn| !conn.is_broken()) {
            end(conn).await;
            self.reads.there.fetch_add(1, Ordering::Relaxed);
            true
        } else {
            self.fails(Missed::Away("it did not answer to the end".to_owned()));
            false
        }
    }

    /// What became of what might have been read here.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// What was asked of the replica since the start.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// What becomes of the pool's connections at this moment.
    pub fn connections(&self) -> Connections {
        connections(&self.pool)
    }

    fn works(&self) {
        if self.rest.ends() {
            info!("the replica of {SETTING} is read from again");
        }
    }

    fn fails(&self, missed: Missed) {
        match missed {
            Missed::Behind => {
                self.works();
                self.reads.behind.fetch_add(1, Ordering::Relaxed);
            }
            Missed::Busy => {
                self.reads.busy.fetch_add(1, Ordering::Relaxed);
            }
            Missed::Away(reason) => {
                self.reads.away.fetch_add(1, Ordering::Relaxed);
                // After one connection broke the idle ones are likely dead too.
                self.pool.retain(|_, _| false);
                if self.rest.begins() {
                    warn!(
                        "the replica of {SETTING} is not read from, and the primary answers for it: {reason}"
                    );
                }
            }
        }
    }
}

/// What the replica answers, unless a caller has to wait too long for it.
async fn soon<T>(answer: impl Future<Output = Result<T, Missed>>) -> Result<T, Missed> {
    timeout(SHOWN_WITHIN, answer).await.unwrap_or_else(|_| {
        Err(Missed::Away(format!("it did not answer within {} ms", SHOWN_WITHIN.as_millis())))
    })
}

fn missed(error: PoolError<Error>) -> Missed {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => Missed::Busy,
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => error.into(),
        other => Missed::Away(other.to_string()),
    }
}

/// Ends what is read of one moment. If that fails, the connection is of no more use, and what was read is what it was.
async fn end(mut conn: Pooled) {
    if let Ok(Ok(())) = timeout(ENDED_WITHIN, conn.batch("COMMIT")).await {
        conn.is_in_snapshot = false;
    }
}

/// For how long a replica that failed is left alone.
#[derive(Default)]
struct Rest(Mutex<Option<Instant>>);

impl Rest {
    /// Until when nobody tries it; `None` if there is nothing to wait for.
    fn until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the caller may try it. After a rest only one may: for the others it is prolonged until that went well.
    fn is_over(&self) -> bool {
        let mut until = self.until();
        match *until {
            None => true,
            Some(end) if Instant::now() < end => false,
            Some(_) => {
                *until = Some(Instant::now() + REST);
                true
            }
        }
    }

    /// It failed. Says whether that is new.
    fn begins(&self) -> bool {
        self.until().replace(Instant::now() + REST).is_none()
    }

    /// It did not fail. Says whether that is new.
    fn ends(&self) -> bool {
        self.until().take().is_some()
    }
}

/// What a server shows of a household: its version, and whether it takes no writes itself.
#[derive(Queryable)]
struct Shown {
    epoch: i32,
    seq: i64,
    names: i64,
    is_read_only: i64,
}

impl Shown {
    fn version(&self) -> Version {
        Version { head: Position { epoch: self.epoch, seq: self.seq }, names: self.names }
    }
}

async fn shown(conn: &mut Connection, household: HouseholdId) -> Result<Option<Shown>> {
    let query = household_streams::table.filter(household_streams::household_id.eq(household)).select((
        household_streams::epoch,
        household_streams::head,
        household_streams::names,
        IsReadOnly,
    ));
    run!(conn, |c| query.first(c).await.optional())
}

/// Refuses a database that does not have all migrations of this program: columns would be missing that it reads.
async fn check(conn: &mut Connection, migration: &str) -> Result<()> {
    let query = diesel::sql_query("SELECT MAX(version) AS version FROM __diesel_schema_migrations");
    let newest: Newest = run!(conn, |c| query.get_result(c).await)?;
    if newest.version.as_deref().is_some_and(|newest| newest >= migration) {
        return Ok(());
    }
    Err(Error::Unavailable("it does not have what this version of RoomM8 has added to the database".into()))
}

#[derive(QueryableByName)]
struct Newest {
    #[diesel(sql_type = diesel::sql_types::Nullable<Text>)]
    version: Option<String>,
}

/// Whether the server takes no writes but those of its primary, as a number: text of our own, so that the statement stays
/// prepared, which diesel's fragments of SQL do not.
#[derive(Debug, Clone, Copy)]
struct IsReadOnly;

impl Expression for IsReadOnly {
    type SqlType = BigInt;
}

impl ValidGrouping<()> for IsReadOnly {
    type IsAggregate = is_aggregate::No;
}

impl<T> AppearsOnTable<T> for IsReadOnly {}

impl<T> SelectableExpression<T> for IsReadOnly {}

impl QueryId for IsReadOnly {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<DB: Backend> QueryFragment<DB> for IsReadOnly {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        // Of some versions it is a word, of others a number; and Aurora's replicas are so by InnoDB's.
        out.push_sql(
            "CAST(CONCAT(@@global.read_only) NOT IN ('0', 'OFF') OR @@global.innodb_read_only AS SIGNED)",
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(url: &str) -> anyhow::Result<Replica> {
        let (url, stale, ca) = (url.to_owned(), None, None);
        Replica::new(&Options { url, ca, connections: 2, throttles: false, stale })
    }

    #[test]
    fn only_mysql_has_replicas() {
        let refusal = |url| replica(url).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(
            refusal("sqlite://roomm8.sqlite3"),
            "DATABASE_READ_URL must begin with mysql://, as only a MySQL server has replicas"
        );
        assert!(
            refusal("mysql://ada:secret@replica:3306").starts_with("DATABASE_READ_URL names no database")
        );
    }

    #[test]
    fn after_a_failure_one_tries_first() {
        let rest = Rest::default();
        assert!(rest.is_over() && rest.is_over() && !rest.ends());
        assert!(rest.begins() && !rest.begins(), "only the first failure is news");
        assert!(!rest.is_over());
        *rest.until() = Some(Instant::now());
        assert!(rest.is_over() && !rest.is_over(), "one tries, and the others wait for that");
        assert!(rest.ends() && rest.is_over() && rest.is_over());
    }
}
