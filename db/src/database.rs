//! The database: connections, transactions and migrations, for MySQL and SQLite alike.

use crate::connection::Link;
use crate::{Connection, Error, HouseholdId, Result};
use deadpool::managed::{self, Manager as _, Metrics, Object, PoolError, RecycleError, RecycleResult};
use diesel::{Connection as _, ConnectionError, SqliteConnection};
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_async::{AsyncMigrationHarness, AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use mysql_async::OptsBuilder;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, MutexGuard, broadcast};
use tokio::time::timeout;

const MYSQL_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/mysql");
const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// How often a transaction that lost against another, or whose connection broke, is run again.
const RETRIES: u32 = 3;
/// After so long without use a connection is tried before it is handed out.
const QUIET: Duration = Duration::from_secs(1);
/// Commits that a slow listener may be behind before it misses some.
const COMMIT_QUEUE: usize = 1024;
/// How long a transaction is tried again; a caller is told to come back rather than kept waiting.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a caller waits for a free connection before it is told to come back.
const POOL_WAIT: Duration = Duration::from_secs(1);

/// Where the database is and how much of it to use.
#[derive(Debug, Clone)]
pub struct Options {
    /// `mysql://user:password@host:port/database` or `sqlite://path`.
    pub url: String,
    /// The most connections to hold open.
    pub connections: usize,
    /// Whether attempts are limited; off only for tests and load drivers.
    pub throttles: bool,
}

/// A household's log grew to this `seq` by a change made on this instance.
#[derive(Debug, Clone, Copy)]
pub struct Commit {
    /// The household.
    pub household: HouseholdId,
    /// The newest event's number.
    pub seq: i64,
}

/// What the database was asked to do since the start.
#[derive(Debug, Default)]
pub struct Statistics {
    /// Statements sent, retries included.
    pub statements: AtomicU64,
    /// Transactions run again after a deadlock, a lock wait or a lost connection.
    pub retries: AtomicU64,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: managed::Pool<Manager>,
    statistics: Arc<Statistics>,
    /// SQLite has one writer: waiting here is fair, waiting in its busy handler is not.
    writer: Option<Arc<Mutex<()>>>,
    commits: broadcast::Sender<Commit>,
    throttles: bool,
    /// Held for as long as the database is open, so that a second process cannot open the same file.
    _lock: Option<Arc<File>>,
}

impl Database {
    /// Opens the database, checks that it keeps what it acknowledges, and applies pending migrations.
    ///
    /// Errors are sentences for whoever starts the server.
    pub async fn open(options: &Options) -> anyhow::Result<Self> {
        let location = Location::parse(&options.url)?;
        let lock = location.lock()?.map(Arc::new);
        let writer = matches!(location, Location::Sqlite(_)).then(|| Arc::new(Mutex::new(())));
        let statistics = Arc::new(Statistics::default());
        let manager = Manager { location: location.clone(), statistics: statistics.clone() };
        let first = manager.create().await.map_err(|error| location.explain(&error))?;
        location.migrate(first).await?;
        let pool = managed::Pool::builder(manager)
            .max_size(options.connections.max(2))
            .runtime(deadpool::Runtime::Tokio1)
            .wait_timeout(Some(POOL_WAIT))
            .create_timeout(Some(Duration::from_secs(3)))
            .build()?;
        let (commits, _) = broadcast::channel(COMMIT_QUEUE);
        let database = Self { pool, statistics, writer, commits, throttles: options.throttles, _lock: lock };
        database.refuse_unsafe_settings().await?;
        Ok(database)
    }

    /// What was asked of the database since the start.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// What commits on this instance from now on. A receiver that lags misses some: the log itself is the truth.
    pub fn commits(&self) -> broadcast::Receiver<Commit> {
        self.commits.subscribe()
    }

    pub(crate) fn announce(&self, household: HouseholdId, seq: i64) {
        // Nobody listening is fine: then nobody has to be woken.
        let _ = self.commits.send(Commit { household, seq });
    }

    pub(crate) fn throttles(&self) -> bool {
        self.throttles
    }

    /// Forgets what is kept only for a time: `clientMutationId`s, drained throttles, old letters.
    pub async fn forget_what_is_old(&self) -> Result<()> {
        let now = crate::Time::now();
        let mut conn = self.connection().await?;
        crate::idempotency::forget_old(&mut conn, now).await?;
        crate::throttle::forget_drained(&mut conn, now).await?;
        crate::notification::forget_old(&mut conn, now).await?;
        crate::account::forget_ended(&mut conn, now).await?;
        Ok(())
    }

    /// A connection for reading. Hold it for the shortest block; never across a publish or a subscriber's wait.
    pub async fn connection(&self) -> Result<Pooled> {
        self.pooled().await.map(Pooled)
    }

    async fn pooled(&self) -> Result<Object<Manager>> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            other => Error::Unavailable(other.into()),
        })
    }

    /// Runs the work in a transaction: all of it happens or nothing. Work that lost against another transaction,
    /// or whose connection broke, is run again a bounded number of times, from its start.
    pub(crate) async fn transaction<W: Work>(&self, work: &W) -> Result<W::Output> {
        let mut attempt = 0;
        let begun = Instant::now();
        loop {
            match self.attempt(work).await {
                Err(error)
                    if error.is_worth_another_try() && attempt < RETRIES && begun.elapsed() < PATIENCE =>
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
        // Broken until it is closed: a transaction dropped half-way must not go back to the pool open.
        let mut transaction = Transaction { conn, is_open: true };
        let result = work.run(&mut transaction.conn).await;
        let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
        if !transaction.conn.broken {
            let ended = transaction.conn.batch(end).await;
            transaction.is_open = ended.is_err();
            if result.is_ok() {
                ended?;
            }
        }
        result
    }

    async fn writer_turn(&self) -> Result<Option<MutexGuard<'_, ()>>> {
        let Some(writer) = &self.writer else { return Ok(None) };
        match timeout(PATIENCE, writer.lock()).await {
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

/// A connection on loan from the pool; it goes back when dropped.
pub struct Pooled(Object<Manager>);

impl std::ops::Deref for Pooled {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl std::ops::DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
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

/// Where `DATABASE_URL` points.
#[derive(Clone)]
enum Location {
    Mysql(String),
    Sqlite(PathBuf),
}

impl Location {
    fn parse(url: &str) -> anyhow::Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            anyhow::ensure!(
                !path.is_empty(),
                "DATABASE_URL names no file: write sqlite://path/to/file.sqlite3"
            );
            return Ok(Self::Sqlite(path.into()));
        }
        anyhow::ensure!(
            url.starts_with("mysql://"),
            "DATABASE_URL must begin with mysql:// or sqlite://, for example sqlite://data/roomm8.sqlite3"
        );
        let options = mysql_async::Opts::from_url(url).map_err(|error| {
            anyhow::anyhow!(
                "DATABASE_URL is not a MySQL URL ({error}): write mysql://user:password@host:3306/database"
            )
        })?;
        anyhow::ensure!(
            options.db_name().is_some(),
            "DATABASE_URL names no database: write mysql://user:password@host:3306/database"
        );
        Ok(Self::Mysql(url.to_owned()))
    }

    /// Takes the side lock of an SQLite file: one process a file.
    fn lock(&self) -> anyhow::Result<Option<File>> {
        let Self::Sqlite(path) = self else { return Ok(None) };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| {
                anyhow::anyhow!("DATABASE_URL: cannot make the folder {} ({error})", folder.display())
            })?;
        }
        let side = path.with_extension("lock");
        let file = File::create(&side)
            .map_err(|error| anyhow::anyhow!("DATABASE_URL: cannot write {} ({error})", side.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => anyhow::bail!(
                "{} is in use by another roomm8 process: stop it, or use MySQL to run several instances",
                path.display()
            ),
            Err(TryLockError::Error(error)) => anyhow::bail!("cannot lock {}: {error}", side.display()),
        }
    }

    fn explain(&self, error: &Error) -> anyhow::Error {
        let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        match self {
            Self::Mysql(url) => {
                anyhow::anyhow!("DATABASE_URL: cannot reach MySQL at {}: {cause}", without_password(url))
            }
            Self::Sqlite(path) => anyhow::anyhow!("DATABASE_URL: cannot open {}: {cause}", path.display()),
        }
    }

    async fn migrate(&self, conn: Connection) -> anyhow::Result<()> {
        let failed = |error| anyhow::anyhow!("the database could not be migrated: {error}");
        match conn.link {
            Link::Mysql(mut link) => {
                // Two instances that start together must not migrate together.
                link.batch_execute("SELECT GET_LOCK('roomm8_migrate', 60)").await?;
                let mut harness = AsyncMigrationHarness::new(*link);
                harness.run_pending_migrations(MYSQL_MIGRATIONS).map_err(failed)?;
                Ok(harness.into_inner().batch_execute("SELECT RELEASE_LOCK('roomm8_migrate')").await?)
            }
            Link::Sqlite(mut link) => {
                let run = |conn: &mut SqliteConnection| {
                    conn.run_pending_migrations(SQLITE_MIGRATIONS)
                        .map(|_| ())
                        .map_err(diesel::result::Error::QueryBuilderError)
                };
                link.spawn_blocking(run).await.map_err(|error| failed(error.into()))
            }
        }
    }
}

fn without_password(url: &str) -> String {
    let address = url.rsplit_once('@').map_or(url, |(_, address)| address);
    format!("mysql://…@{}", address.trim_start_matches("mysql://"))
}

/// Makes connections for the pool and keeps those that are still good.
struct Manager {
    location: Location,
    statistics: Arc<Statistics>,
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = Error;

    async fn create(&self) -> Result<Connection> {
        let link = match &self.location {
            Location::Mysql(url) => Link::Mysql(Box::new(connect_mysql(url).await?)),
            Location::Sqlite(path) => Link::Sqlite(connect_sqlite(path).await?),
        };
        Ok(Connection::new(link, self.statistics.clone()))
    }

    async fn recycle(&self, conn: &mut Connection, metrics: &Metrics) -> RecycleResult<Error> {
        if conn.broken {
            return Err(RecycleError::message("the connection broke"));
        }
        // A server that restarted meanwhile is found out here and not by the caller's first query.
        if conn.is_mysql() && metrics.last_used() > QUIET {
            conn.batch("DO 0").await?;
        }
        Ok(())
    }
}

/// READ COMMITTED: what is read after the household's lock is what others have committed, not a snapshot from
/// before the wait.
const MYSQL_SESSION: [&str; 6] = [
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY,ERROR_FOR_DIVISION_BY_ZERO'",
    "SET SESSION innodb_lock_wait_timeout = 1",
    // An instance that freezes inside a transaction must not hold a household's lock for ever. MySQL can only be told
    // to hang up on what is idle; MariaDB can be told of transactions.
    "SET SESSION wait_timeout = 30 /*M! , SESSION idle_write_transaction_timeout = 5 */",
    "SET time_zone = '+00:00'",
    "SET NAMES utf8mb4",
];

async fn connect_mysql(url: &str) -> Result<AsyncMysqlConnection> {
    let unavailable = |error: mysql_async::Error| Error::Unavailable(error.into());
    let options = mysql_async::Opts::from_url(url).map_err(|error| Error::Internal(error.into()))?;
    let options = OptsBuilder::from_opts(options)
        .init(MYSQL_SESSION.to_vec())
        .tcp_keepalive(Some(10_000_u32))
        .tcp_nodelay(true)
        .stmt_cache_size(0)
        .client_found_rows(true);
    let connect = async { mysql_async::Conn::new(options).await.map_err(unavailable) };
    let conn = match timeout(Duration::from_secs(3), connect).await {
        Ok(conn) => conn?,
        Err(elapsed) => return Err(Error::Unavailable(elapsed.into())),
    };
    AsyncMysqlConnection::try_from(conn).await.map_err(|error| Error::Unavailable(error.into()))
}

async fn connect_sqlite(path: &Path) -> Result<SyncConnectionWrapper<SqliteConnection>> {
    let path = path.to_string_lossy().into_owned();
    let open = move || -> Result<SqliteConnection, ConnectionError> {
        let mut conn = SqliteConnection::establish(&path)?;
        // FULL: a commit that was acknowledged survives the loss of power.
        diesel::connection::SimpleConnection::batch_execute(
            &mut conn,
            "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
        )
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(conn)
    };
    let conn = tokio::task::spawn_blocking(open).await.map_err(|error| Error::Internal(error.into()))?;
    Ok(SyncConnectionWrapper::new(conn.map_err(|error| Error::Unavailable(error.into()))?))
}
