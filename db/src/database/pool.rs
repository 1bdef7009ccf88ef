//! Connections to either database, and the pool that keeps them.

use super::Statistics;
use super::location::Location;
use crate::connection::Link;
use crate::{Connection, Error, Result};
use deadpool::managed::{self, Metrics, Object, RecycleError, RecycleResult};
use diesel::{Connection as _, ConnectionError, SqliteConnection};
use diesel_async::AsyncMysqlConnection;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use mysql_async::{Opts, OptsBuilder};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// After so long without use a connection is tried before it is handed out.
const QUIET: Duration = Duration::from_secs(1);

/// A connection on loan from the pool; it goes back when dropped.
pub struct Pooled(pub(super) Object<Manager>);

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

/// Makes connections for the pool and keeps those that are still good.
pub(super) struct Manager {
    location: watch::Sender<Numbered>,
    statistics: Arc<Statistics>,
    /// Told when the server refuses us.
    stale: Option<Arc<Notify>>,
}

/// Where the database is, and for the how-many-th time it was said.
#[derive(Clone)]
struct Numbered {
    location: Location,
    number: u32,
}

impl Manager {
    pub(super) fn new(location: Location, statistics: Arc<Statistics>, stale: Option<Arc<Notify>>) -> Self {
        let location = watch::Sender::new(Numbered { location, number: 0 });
        Self { location, statistics, stale }
    }

    /// Connections are made to there from now on; those that are open end when they are given back.
    pub(super) fn move_to(&self, location: Location) {
        self.location.send_modify(|now| *now = Numbered { location, number: now.number.wrapping_add(1) });
    }

    pub(super) fn location(&self) -> Location {
        self.current().location
    }

    fn current(&self) -> Numbered {
        self.location.borrow().clone()
    }

    async fn connect(&self, to: &Numbered) -> Result<Connection> {
        let link = match &to.location {
            // Boxed, as what it takes to begin TLS would be a part of every future that may need a connection.
            Location::Mysql(options) => {
                Link::Mysql(Box::new(Box::pin(connect_mysql(options.clone())).await?))
            }
            Location::Sqlite(path) => Link::Sqlite(connect_sqlite(path).await?),
        };
        Ok(Connection::new(link, self.statistics.clone(), to.number))
    }
}

/// Whether the server knows the user and the password no more: `ER_ACCESS_DENIED_ERROR`, `ER_DBACCESS_DENIED_ERROR`, and
/// `ER_ACCESS_DENIED_NO_PASSWORD_ERROR`.
fn is_refusal(error: &Error) -> bool {
    is_said(error, &[1044, 1045, 1698])
}

/// Whether the server knows them and has no room for one more of theirs: `ER_TOO_MANY_USER_CONNECTIONS` and
/// `ER_USER_LIMIT_REACHED`.
pub(super) fn is_welcome_but_many(error: &Error) -> bool {
    is_said(error, &[1203, 1226])
}

fn is_said(error: &Error, codes: &[u16]) -> bool {
    let Error::Unavailable(cause) = error else { return false };
    matches!(cause.downcast_ref(), Some(mysql_async::Error::Server(said)) if codes.contains(&said.code))
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = Error;

    async fn create(&self) -> Result<Connection> {
        let here = self.current();
        match (self.connect(&here).await, &self.stale) {
            (Err(error), Some(stale)) if is_refusal(&error) => {
                // The password was changed a moment ago: this waits, as long as its caller does, for the new one.
                let mut location = self.location.subscribe();
                stale.notify_one();
                let moved = location.wait_for(|now| now.number != here.number).await;
                let there = moved.map(|there| there.clone()).map_err(|_| error)?;
                self.connect(&there).await
            }
            (connected, _) => connected,
        }
    }

    async fn recycle(&self, conn: &mut Connection, metrics: &Metrics) -> RecycleResult<Error> {
        if conn.broken {
            return Err(RecycleError::message("the connection broke"));
        }
        if conn.is_in_snapshot {
            return Err(RecycleError::message("whoever had it left it in the past"));
        }
        if conn.location != self.location.borrow().number {
            return Err(RecycleError::message("the password was changed since"));
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

async fn connect_mysql(options: Opts) -> Result<AsyncMysqlConnection> {
    let unavailable = |error: mysql_async::Error| Error::Unavailable(error.into());
    let options = OptsBuilder::from_opts(options)
        .init(MYSQL_SESSION.to_vec())
        .tcp_keepalive(Some(10_000_u32))
        .tcp_nodelay(true)
        .stmt_cache_size(0)
        .client_found_rows(true);
    let connect = async {
        let conn = mysql_async::Conn::new(options).await.map_err(unavailable)?;
        AsyncMysqlConnection::try_from(conn).await.map_err(|error| Error::Unavailable(error.into()))
    };
    timeout(Duration::from_secs(3), connect)
        .await
        .unwrap_or_else(|elapsed| Err(Error::Unavailable(elapsed.into())))
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
