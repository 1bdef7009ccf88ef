//! One connection to either database, and `run!`, which compiles a query once for each.

use crate::database::Statistics;
use crate::{Error, Result, UserId};
use diesel::SqliteConnection;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_async::{AsyncMysqlConnection, SimpleAsyncConnection};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long one call to the database may take. Neither client library has a read time-out of its own.
const DEADLINE: Duration = Duration::from_secs(3);

/// A connection to MySQL or SQLite. Made and kept by [`crate::Database`]; used through `run!`.
pub struct Connection {
    pub(crate) link: Link,
    /// A call failed or was dropped half-way: what the server will say next is not known.
    pub(crate) broken: bool,
    pub(crate) statistics: Arc<Statistics>,
    /// Which of the pool's locations it was made to.
    pub(crate) location: u32,
    /// What is read is of one moment, until the end of the transaction that was begun for that.
    pub(crate) is_in_snapshot: bool,
    /// The inboxes that the transaction under way has changed, and their newest numbers.
    inboxes: Vec<(UserId, i64)>,
}

pub(crate) enum Link {
    Mysql(Box<AsyncMysqlConnection>),
    Sqlite(SyncConnectionWrapper<SqliteConnection>),
}

tokio::task_local! {
    static IS_FOR_REQUEST: ();
}

/// Counts what this asks of a database as asked by a request, and so apart from what the server asks by itself.
pub fn for_request<F: Future>(work: F) -> impl Future<Output = F::Output> {
    IS_FOR_REQUEST.scope((), work)
}

/// Runs a query on whichever database is connected: `run!(conn, |c| query.load(c).await)`.
///
/// The body is compiled once for each back end, so diesel checks every query against both. It counts as one
/// statement and ends at the deadline.
macro_rules! run {
    ($conn:expr, |$c:ident| $body:expr) => {{
        let conn: &mut $crate::Connection = $conn;
        conn.starts_call();
        let result = match &mut conn.link {
            $crate::connection::Link::Mysql($c) => {
                let $c = &mut **$c;
                $crate::connection::within_deadline(async { $body }).await
            }
            $crate::connection::Link::Sqlite($c) => {
                $crate::connection::within_deadline(async { $body }).await
            }
        };
        conn.ends_call(result)
    }};
}

/// Reads rows that nobody else changes until the transaction ends: `locked!(conn, query, |q, c| q.first(c).await)`.
///
/// Whoever comes second waits; with `skip_locked` after the query, they pass by what is taken. SQLite needs no more words:
/// `BEGIN IMMEDIATE` holds the lock of the whole file already.
macro_rules! locked {
    ($conn:expr, $query:expr, |$q:ident, $c:ident| $body:expr) => {
        locked!(@ $conn, $query, [for_update], |$q, $c| $body)
    };
    ($conn:expr, $query:expr, skip_locked, |$q:ident, $c:ident| $body:expr) => {
        locked!(@ $conn, $query, [for_update skip_locked], |$q, $c| $body)
    };
    (@ $conn:expr, $query:expr, [$($lock:ident)+], |$q:ident, $c:ident| $body:expr) => {{
        let conn: &mut $crate::Connection = $conn;
        let $q = $query;
        conn.starts_call();
        let result = match &mut conn.link {
            $crate::connection::Link::Mysql($c) => {
                let ($q, $c) = ($q$(.$lock())+, &mut **$c);
                $crate::connection::within_deadline(async { $body }).await
            }
            $crate::connection::Link::Sqlite($c) => {
                $crate::connection::within_deadline(async { $body }).await
            }
        };
        conn.ends_call(result)
    }};
}

/// Ends a database call that takes too long.
pub(crate) async fn within_deadline<T>(call: impl Future<Output = diesel::QueryResult<T>>) -> Result<T> {
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(result) => result.map_err(Error::from),
        Err(elapsed) => Err(Error::Unavailable(elapsed.into())),
    }
}

impl Connection {
    pub(crate) fn new(link: Link, statistics: Arc<Statistics>, location: u32) -> Self {
        Self { link, broken: false, statistics, location, is_in_snapshot: false, inboxes: Vec::new() }
    }

    /// Notes that the transaction under way changes this inbox: whoever follows it is told with the commit.
    pub(crate) fn notes_inbox(&mut self, user: UserId, head: i64) {
        self.inboxes.push((user, head));
    }

    /// The inboxes changed since this was asked last.
    pub(crate) fn take_inboxes(&mut self) -> Vec<(UserId, i64)> {
        std::mem::take(&mut self.inboxes)
    }

    /// Until the call ends, the connection counts as broken: a future that is dropped here never ends it.
    pub(crate) fn starts_call(&mut self) {
        self.broken = true;
        self.statistics.statements.fetch_add(1, Ordering::Relaxed);
        if IS_FOR_REQUEST.try_with(|()| ()).is_ok() {
            self.statistics.of_requests.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn ends_call<T>(&mut self, result: Result<T>) -> Result<T> {
        self.broken = matches!(result, Err(Error::Unavailable(_)));
        result
    }

    /// Whether a call failed or was dropped half-way; such a connection is of no more use.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether the other end is MySQL or MariaDB.
    pub(crate) fn is_mysql(&self) -> bool {
        matches!(self.link, Link::Mysql(_))
    }

    /// Statements without arguments or rows.
    pub(crate) async fn batch(&mut self, statements: &str) -> Result<()> {
        run!(self, |c| c.batch_execute(statements).await)
    }
}
