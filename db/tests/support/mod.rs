//! Fresh, empty databases for tests: one of every kind that is at hand, gone when dropped.

use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use roomm8_db::account::{self, Credentials, Registration, SignIn};
use roomm8_db::notification::{self, Leased};
use roomm8_db::{Database, Options, Time};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;

/// Names a MySQL or MariaDB server (`mysql://user:password@host:port/`) on which tests may make databases.
const MYSQL: &str = "ROOMM8_TEST_MYSQL_URL";

/// A password that everybody uses here.
pub(crate) const PASSWORD: &str = "violet kettle under 9 stairs";
/// Where everybody is.
pub(crate) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));

/// An empty database, thrown away with all it holds when dropped.
pub(crate) struct Fresh {
    database: Database,
    url: String,
    throttles: bool,
    leftover: Leftover,
}

enum Leftover {
    Folder(PathBuf),
    Schema { server: String, name: String },
}

impl Deref for Fresh {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

impl Fresh {
    /// Runs a statement behind the database's back, to make time pass or break what cannot break.
    #[allow(dead_code, reason = "not every test file asks for it")]
    pub(crate) async fn tell(&self, statement: &str) {
        match &self.leftover {
            Leftover::Folder(folder) => {
                let mut conn = SqliteConnection::establish(&file(folder)).expect("the file opens once more");
                let statement = format!("PRAGMA busy_timeout = 5000; {statement}");
                conn.batch_execute(&statement).expect("SQLite takes the statement");
            }
            Leftover::Schema { server, name } => tell(&format!("{server}/{name}"), statement).await,
        }
    }

    /// What a query for one number says behind the database's back.
    #[allow(dead_code, reason = "not every test file asks for it")]
    pub(crate) async fn number(&self, query: &str) -> i64 {
        match &self.leftover {
            Leftover::Folder(folder) => {
                let mut conn = SqliteConnection::establish(&file(folder)).expect("the file opens once more");
                let query = diesel::dsl::sql::<diesel::sql_types::BigInt>(query);
                query.get_result(&mut conn).expect("SQLite counts")
            }
            Leftover::Schema { .. } => {
                use mysql_async::prelude::Queryable;
                let options = mysql_async::Opts::from_url(&self.url).expect("the schema has a URL");
                let mut conn = mysql_async::Conn::new(options).await.expect("the MySQL server answers");
                let count: Option<i64> = conn.query_first(query).await.expect("MySQL counts");
                conn.disconnect().await.expect("the MySQL server says goodbye");
                count.expect("a count is one row")
            }
        }
    }

    /// Another instance on the same database; on SQLite, which only one process can open, the same one again.
    #[allow(dead_code, reason = "not every test file asks for it")]
    pub(crate) async fn twin(&self) -> Database {
        match &self.leftover {
            Leftover::Folder(_) => self.database.clone(),
            Leftover::Schema { .. } => open(self.url.clone(), self.throttles).await,
        }
    }

    /// Closes the database, and opens it again.
    #[allow(dead_code, reason = "not every test file asks for it")]
    pub(crate) async fn restart(&mut self) {
        if let Leftover::Folder(folder) = &self.leftover {
            // The file is locked until the last handle is gone: another one stands in meanwhile.
            let other = folder.join("other.sqlite3").display().to_string();
            self.database = open(format!("sqlite://{other}"), self.throttles).await;
        }
        self.database = open(self.url.clone(), self.throttles).await;
    }
}

impl Fresh {
    /// The names of its tables.
    #[allow(dead_code, reason = "not every test file asks for it")]
    pub(crate) async fn tables(&self) -> Vec<String> {
        self.ask(match self.leftover {
            Leftover::Folder(_) => "SELECT name AS answer FROM sqlite_master WHERE type = 'table'",
            Leftover::Schema { .. } => {
                "SELECT table_name AS answer FROM information_schema.tables WHERE table_schema = DATABASE()"
            }
        })
        .await
    }

    /// How many rows a table has.
    #[allow(dead_code, reason = "not every test file asks for it")]
    pub(crate) async fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) FROM {table}")).await
    }

    /// What a query behind the database's back answers: its one column, as text.
    async fn ask(&self, query: &str) -> Vec<String> {
        match &self.leftover {
            Leftover::Folder(folder) => {
                let mut conn = SqliteConnection::establish(&file(folder)).expect("the file opens once more");
                let answers: Vec<Answer> =
                    diesel::sql_query(query).load(&mut conn).expect("SQLite takes the query");
                answers.into_iter().map(|row| row.answer).collect()
            }
            Leftover::Schema { server, name } => {
                use mysql_async::prelude::Queryable;
                let options = mysql_async::Opts::from_url(&format!("{server}/{name}")).expect("a URL");
                let mut conn = mysql_async::Conn::new(options).await.expect("the MySQL server answers");
                let answers = conn.query(query).await.expect("MySQL takes the query");
                conn.disconnect().await.expect("the MySQL server says goodbye");
                answers
            }
        }
    }
}

#[derive(diesel::QueryableByName)]
struct Answer {
    #[diesel(sql_type = diesel::sql_types::Text)]
    answer: String,
}

/// A new person, signed in; their address is their name in lower case at example.org.
#[allow(dead_code, reason = "not every test file asks for it")]
pub(crate) async fn person(db: &Database, name: &str) -> SignIn {
    let email = format!("{}@example.org", name.to_lowercase());
    let registration =
        Registration { email: &email, password: PASSWORD, display_name: name, ..Registration::default() };
    account::register(db, registration, HERE).await.expect("a new person may register");
    let credentials = Credentials { email: &email, password: PASSWORD, device: "Laptop" };
    account::login(db, credentials, HERE).await.expect("who registered may sign in")
}

/// An SQLite database, and a MySQL one if a server is named. Attempts are not limited.
pub(crate) async fn databases() -> Vec<Fresh> {
    with_throttles(false).await
}

/// As [`databases`], with attempts limited as in production.
#[allow(dead_code, reason = "not every test file asks for it")]
pub(crate) async fn throttled_databases() -> Vec<Fresh> {
    with_throttles(true).await
}

async fn with_throttles(throttles: bool) -> Vec<Fresh> {
    let name = format!("roomm8_test_{:016x}", rand::random::<u64>());
    let mut fresh = vec![sqlite(&name, throttles).await];
    if let Ok(server) = std::env::var(MYSQL) {
        fresh.push(mysql(server, name, throttles).await);
    }
    fresh
}

async fn sqlite(name: &str, throttles: bool) -> Fresh {
    let folder = std::env::temp_dir().join(name);
    let url = format!("sqlite://{}", file(&folder));
    let database = open(url.clone(), throttles).await;
    Fresh { database, url, throttles, leftover: Leftover::Folder(folder) }
}

fn file(folder: &Path) -> String {
    folder.join("db.sqlite3").display().to_string()
}

async fn mysql(server: String, name: String, throttles: bool) -> Fresh {
    // The server may itself name a database: only what comes before it matters.
    let server = match server.rsplit_once('/') {
        Some((server, _)) if !server.ends_with('/') => server.to_owned(),
        _ => server,
    };
    tell(&server, &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).await;
    let url = format!("{server}/{name}");
    let database = open(url.clone(), throttles).await;
    Fresh { database, url, throttles, leftover: Leftover::Schema { server, name } }
}

async fn open(url: String, throttles: bool) -> Database {
    Database::open(&Options { url, connections: 8, throttles, stale: None, ca: None })
        .await
        .expect("a fresh database opens")
}

async fn tell(server: &str, statement: &str) {
    use mysql_async::prelude::Queryable;
    let options = mysql_async::Opts::from_url(server).expect("ROOMM8_TEST_MYSQL_URL is a URL");
    let mut conn = mysql_async::Conn::new(options).await.expect("the MySQL server for tests answers");
    conn.query_drop(statement).await.expect("the test user may make and drop databases");
    conn.disconnect().await.expect("the MySQL server for tests says goodbye");
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Kept, and named, so that the failure can be looked into.
            match &self.leftover {
                Leftover::Folder(folder) => eprintln!("failed on SQLite in {}", folder.display()),
                Leftover::Schema { name, .. } => eprintln!("failed on MySQL in {name}"),
            }
            return;
        }
        match &self.leftover {
            Leftover::Folder(folder) => std::fs::remove_dir_all(folder).expect("the test's folder goes away"),
            Leftover::Schema { server, name } => {
                let statement = format!("DROP DATABASE {name}");
                let dropped = tell(server, &statement);
                tokio::task::block_in_place(|| Handle::current().block_on(dropped));
            }
        }
    }
}

/// Delivers all letters that are due, each person's one after another, and gives them.
#[allow(dead_code, reason = "not every story has letters")]
pub(crate) async fn deliver_letters(db: &Database) -> Vec<Leased> {
    let mut delivered = Vec::new();
    loop {
        let leased = notification::lease(db, 100, Time::now()).await.expect("letters can be leased");
        if leased.is_empty() {
            return delivered;
        }
        for letter in &leased {
            notification::sent(db, letter, Time::now()).await.expect("it is noted that it was delivered");
        }
        delivered.extend(leased);
    }
}
