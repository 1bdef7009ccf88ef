//! Connections to either database, and the pool that keeps them.

use super::Statistics;
use super::location::Location;
use crate::connection::Link;
use crate::{Connection, Error, Result};
use deadpool::managed::{self, Metrics, Object, RecycleError, RecycleResult};
use diesel::{Connection as _, ConnectionError, SqliteConnection};
use diesel_async::AsyncMysqlConnection;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use mysql_async::OptsBuilder;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
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
    location: Location,
    statistics: Arc<Statistics>,
}

impl Manager {
    pub(super) fn new(location: Location, statistics: Arc<Statistics>) -> Self {
        Self { location, statistics }
    }
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
