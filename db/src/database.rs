//! The database: connections, transactions and migrations, for MySQL and SQLite alike.

mod location;
mod pool;
mod replica;

pub use pool::Pooled;
pub use replica::{Reads, Replica};

use crate::connection::Link;
use crate::turn::Turns;
use crate::{Connection, Error, HouseholdId, Result, UserId};
use deadpool::managed::{self, Manager as _, Object, PoolError};
use diesel_async::RunQueryDsl;
use location::Location;
use pool::{Manager, is_welcome_but_many};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, MutexGuard, Notify, broadcast};
use tokio::time::timeout;

/// The setting that says where the database is.
const SETTING: &str = "DATABASE_URL";
/// How often a transaction that lost against another, or whose connection broke, is run again.
const RETRIES: u32 = 3;
/// Commits that a slow listener may be behind before it misses some.
const COMMIT_QUEUE: usize = 1024;
/// How long a transaction is tried again; a caller is told to come back rather than kept waiting.
const RETRIED_FOR: Duration = Duration::from_secs(1);
/// How long a writing transaction waits for its turn on SQLite.
const WRITER_WAIT: Duration = Duration::from_secs(3);
/// How long a caller waits for a connection, trying an idle one and making another included: a frozen server must not
/// cost one deadline after the other.
const ACQUIRED_WITHIN: Duration = Duration::from_millis(1200);
/// How long a caller waits for a free connection before it is told to come back.
const POOL_WAIT: Duration = Duration::from_secs(1);

/// Where the database is and how much of it to use.
#[derive(Debug, Clone)]
pub struct Options {
    /// `mysql://user:password@host:port/database` or `sqlite://path`.
    pub url: String,
    /// The certificates (PEM) of who vouches for the MySQL server: what is sent to it is then encrypted. `None` leaves that to
    /// the URL (`?require_ssl=true`).
    pub ca: Option<PathBuf>,
    /// The most connections to hold open.
    pub connections: usize,
    /// Whether attempts are limited; off only for tests and load drivers.
    pub throttles: bool,
    /// Told when the server refuses the user or the password: whoever hears it looks for others, and has the database
    /// [move](Database::move_to) to them.
    pub stale: Option<Arc<Notify>>,
}

/// What a change made on this instance has made longer.
#[derive(Debug, Clone, Copy)]
pub enum Commit {
    /// A household's log, to this `seq`.
    Log(HouseholdId, i64),
    /// Somebody's inbox, to this number.
    Inbox(UserId, i64),
}

/// What the database was asked to do since the start.
#[derive(Debug, Default)]
pub struct Statistics {
    /// Statements sent, retries included.
    pub statements: AtomicU64,
    /// Of these, those of requests: see [`for_request`](crate::for_request).
    pub of_requests: AtomicU64,
    /// Transactions run again after a deadlock, a lock wait or a lost connection.
    pub retries: AtomicU64,
}

/// The connections of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Those that are open.
    pub open: usize,
    /// Those of them that are on loan.
    pub in_use: usize,
    /// How many wait for one, or for one to be opened.
    pub awaited: usize,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: managed::Pool<Manager>,
    statistics: Arc<Statistics>,
    /// SQLite has one writer: waiting here is fair, waiting in its busy handler is not.
    writer: Option<Arc<Mutex<()>>>,
    commits: broadcast::Sender<Commit>,
    turns: Arc<Turns>,
    throttles: bool,
    ca: Option<PathBuf>,
    /// Held for as long as the database is open, so that a second process cannot open the same file.
    _lock: Option<Arc<File>>,
}

impl Database {
    /// Opens the database, checks that it keeps what it acknowledges, and applies pending migrations.
    ///
    /// Errors are sentences for whoever starts the server.
    pub async fn open(options: &Options) -> anyhow::Result<Self> {
        let location = Location::parse(SETTING, &options.url, options.ca.as_deref())?;
        let lock = location.lock()?.map(Arc::new);
        let writer = matches!(location, Location::Sqlite(_)).then(|| Arc::new(Mutex::new(())));
        let statistics = Arc::new(Statistics::default());
        let first =
            connect(&location, &statistics).await.map_err(|error| location.explain(SETTING, &error))?;
        location.migrate(first).await?;
        let manager = Manager::new(location, statistics.clone(), options.stale.clone());
        let pool = managed::Pool::builder(manager)
            .max_size(options.connections.max(2))
            .runtime(deadpool::Runtime::Tokio1)
            .wait_timeout(Some(POOL_WAIT))
            .create_timeout(Some(Duration::from_secs(3)))
            .build()?;
        let (commits, _) = broadcast::channel(COMMIT_QUEUE);
        let database = Self {
            pool,
            statistics,
            writer,
            commits,
            turns: Arc::default(),
            throttles: options.throttles,
            ca: options.ca.clone(),
            _lock: lock,
        };
        database.refuse_unsafe_settings().await?;
        Ok(database)
    }

    /// Signs in as another, or with another password, from now on. A connection in use is ended when it is given back, so
    /// nobody's work is cut off, and there is never more than one besides the pool's. Nothing changes if nobody can sign in like
    /// that, or if it would be at another place: what is known here of the one would be believed of the other.
    pub async fn move_to(&self, url: &str) -> anyhow::Result<()> {
        let location = Location::parse(SETTING, url, self.ca.as_deref())?;
        move_pool(&self.pool, SETTING, location, &self.statistics).await
    }

    /// What was asked of the database since the start.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// What becomes of the pool's connections at this moment.
    pub fn connections(&self) -> Connections {
        connections(&self.pool)
    }

    /// What commits on this instance from now on. A receiver that lags misses some: the log itself is the truth.
    pub fn commits(&self) -> broadcast::Receiver<Commit> {
        self.commits.subscribe()
    }

    pub(crate) fn announce(&self, household: HouseholdId, seq: i64) {
        // Nobody listening is fine: then nobody has to be woken.
        let _ = self.commits.send(Commit::Log(household, seq));
    }

    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    pub(crate) fn throttles(&self) -> bool {
        self.throttles
    }

    /// Forgets what is kept only for a time: `clientMutationId`s, drained throttles, old letters, and
    /// households that were archived too long ago to be restored.
    pub async fn forget_what_is_old(&self) -> Result<()> {
        let now = crate::Time::now();
        let mut conn = self.connection().await?;
        crate::idempotency::forget_old(&mut conn, now).await?;
        crate::throttle::forget_drained(&mut conn, now).await?;
        crate::notification::forget_old(&mut conn, now).await?;
        crate::notification::inbox::forget_old(&mut conn, now).await?;
        crate::notification::endpoint::forget_ended(&mut conn, now).await?;
        crate::account::forget_ended(&mut conn, now).await?;
        // It takes connections of its own.
        drop(conn);
        crate::household::purge(self, now).await
    }

    /// A connection for reading. Hold it for the shortest block; never across a publish or a subscriber's wait.
    pub async fn connection(&self) -> Result<Pooled> {
        self.pooled().await.map(Pooled)
    }

    async fn pooled(&self) -> Result<Object<Manager>> {
        match timeout(ACQUIRED_WITHIN, self.pool.get()).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(PoolError::Backend(error))) => Err(error),
            Ok(Err(other)) => Err(Error::Unavailable(other.into())),
            Err(elapsed) => Err(Error::Unavailable(elapsed.into())),
        }
    }

    /// Runs the work in a transaction: all of it happens or nothing. Work that lost against another transaction,
    /// or whose connection broke, is run again a bounded number of times, from its start.
    pub(crate) async fn transaction<W: Work>(&self, work: &W) -> Result<W::Output> {
        let mut attempt = 0;
        let begun = Instant::now();
        loop {
            match self.attempt(work).await {
                Err(error)
                    if error.is_worth_another_try() && attempt < RETRIES && begun.elapsed() < RETRIED_FOR =>
                {
                    attempt += 1;
                    self.statistics.retries.fetch_add(1, Ordering::Relaxed);
                    if matches!(error, Error::Unavailable(_)) {
                        self.forget_idle_connections();
                    }
                    tokio::time::sleep(jitter(attempt)).await;
                }
                Err(Error::Contended(error)) => return Err(Error::Unavailable(error.into())),
                result => return result,
            }
        }
    }

    async fn attempt<W: Work>(&self, work: &W) -> Result<W::Output> {
        let _turn = self.writer_turn().await?;
        let mut conn = self.pooled().await?;
        // IMMEDIATE: a plain BEGIN that reads and then writes fails instead of waiting for its turn.
        let begin = if conn.is_mysql() { "BEGIN" } else { "BEGIN IMMEDIATE" };
        conn.batch(begin).await?;
        // Of a transaction that came to nothing.
        conn.take_inboxes();
        // Broken until it is closed: a transaction dropped half-way must not go back to the pool open.
        let mut transaction = Transaction { conn, is_open: true };
        let result = work.run(&mut transaction.conn).await;
        let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
        if !transaction.conn.broken {
            let ended = transaction.conn.batch(end).await;
            transaction.is_open = ended.is_err();
            if result.is_ok() {
                ended?;
                for (user, number) in transaction.conn.take_inboxes() {
                    let _ = self.commits.send(Commit::Inbox(user, number));
                }
            }
        }
        result
    }

    async fn writer_turn(&self) -> Result<Option<MutexGuard<'_, ()>>> {
        let Some(writer) = &self.writer else { return Ok(None) };
        match timeout(WRITER_WAIT, writer.lock()).await {
            Ok(turn) => Ok(Some(turn)),
            Err(elapsed) => Err(Error::Unavailable(elapsed.into())),
        }
    }

    /// After one connection broke the idle ones are likely dead too.
    fn forget_idle_connections(&self) {
        self.pool.retain(|_, _| false);
    }

    /// Refuses a MySQL server whose settings can lose a write it has acknowledged.
    async fn refuse_unsafe_settings(&self) -> anyhow::Result<()> {
        let mut conn = self.pooled().await?;
        if !conn.is_mysql() {
            return Ok(());
        }
        let flush: Setting = setting(&mut conn, "innodb_flush_log_at_trx_commit").await?;
        anyhow::ensure!(
            flush.value == "1",
            "MySQL's innodb_flush_log_at_trx_commit is {}: an acknowledged message could be lost. Set it to 1",
            flush.value
        );
        let binary_log = setting(&mut conn, "log_bin").await?;
        let sync = setting(&mut conn, "sync_binlog").await?;
        if binary_log.value == "ON" && sync.value != "1" {
            tracing::warn!(sync_binlog = %sync.value, "MySQL's sync_binlog is not 1: replicas can miss what a crash of the primary interrupts");
        }
        Ok(())
    }
}

/// Has the pool sign in as another, at the same place, from now on.
async fn move_pool(
    pool: &managed::Pool<Manager>,
    setting: &str,
    location: Location,
    statistics: &Arc<Statistics>,
) -> anyhow::Result<()> {
    anyhow::ensure!(
        pool.manager().location().is_beside(&location),
        "{setting} names another place, and only user and password may change: restart to go there"
    );
    match connect(&location, statistics).await {
        Err(error) if !is_welcome_but_many(&error) => return Err(location.explain(setting, &error)),
        _ => pool.manager().move_to(location),
    }
    pool.retain(|_, _| false);
    Ok(())
}

fn connections(pool: &managed::Pool<Manager>) -> Connections {
    let status = pool.status();
    Connections {
        open: status.size,
        in_use: status.size.saturating_sub(status.available),
        awaited: status.waiting,
    }
}

/// A connection outside of the pool: whether one can be made.
async fn connect(location: &Location, statistics: &Arc<Statistics>) -> Result<Connection> {
    Manager::new(location.clone(), statistics.clone(), None).create().await
}

/// What runs inside a transaction; it may run more than once.
pub(crate) trait Work: Sync {
    type Output: Send;
    fn run(&self, conn: &mut Connection) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// An open transaction's connection: thrown away when dropped before its end.
struct Transaction {
    conn: Object<Manager>,
    is_open: bool,
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.conn.broken |= self.is_open;
    }
}

fn jitter(attempt: u32) -> Duration {
    Duration::from_millis(rand::random_range(0..20) * u64::from(attempt))
}

#[derive(diesel::QueryableByName)]
struct Setting {
    #[diesel(sql_type = diesel::sql_types::Text, column_name = "Value")]
    value: String,
}

async fn setting(conn: &mut Connection, name: &str) -> Result<Setting> {
    let query = diesel::sql_query(format!("SHOW VARIABLES LIKE '{name}'"));
    match &mut conn.link {
        Link::Mysql(link) => Ok(query.get_result(&mut **link).await?),
        Link::Sqlite(_) => Err(Error::NotFound),
    }
}
