//! A private MariaDB server, for scenarios that kill, freeze or reconfigure their database.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    time::Duration,
};

use mysql_async::{
    Conn, Opts,
    prelude::{FromValue, Queryable},
};
use tokio::sync::OnceCell;

use crate::process::{self, Process};

const USER: &str = "roomm8";

/// A MariaDB server on a port and a data folder of its own, both kept over restarts.
pub struct Mariadb {
    folder: PathBuf,
    port: u16,
    options: Vec<String>,
    process: Mutex<Option<Process>>,
}

impl Mariadb {
    /// Starts a new, empty server and waits until it answers.
    pub async fn start() -> Self {
        Self::start_with(Vec::new()).await
    }

    /// Starts one with these options besides.
    pub async fn start_with(options: Vec<String>) -> Self {
        let folder = process::folder("mariadb");
        let template = template().await;
        shell(Command::new("cp").arg("-a").arg(template).arg(folder.join("data")));
        let server = Self { folder, port: process::free_port(), options, process: Mutex::new(None) };
        server.restart().await;
        server
    }

    /// Starts a replica of another: read-only, and with all that the other has ever had.
    pub async fn start_replica_of(primary: &Self) -> Self {
        let options = ["--server-id=2", "--read-only=ON", "--log-slave-updates=ON"];
        let replica = Self::start_with(options.map(str::to_owned).to_vec()).await;
        let port = primary.port;
        let follow = format!(
            "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, MASTER_USER = '{USER}', \
             MASTER_PASSWORD = '{USER}', MASTER_CONNECT_RETRY = 1, MASTER_USE_GTID = slave_pos"
        );
        run(&replica.url(""), &follow).await;
        run(&replica.url(""), "START SLAVE").await;
        replica
    }

    /// Waits until it has all that its primary has now.
    pub async fn has_all_of(&self, primary: &Self) {
        let position: String = value(&primary.url(""), "SELECT @@gtid_binlog_pos").await;
        let waited = format!("SELECT MASTER_GTID_WAIT('{position}', 60)");
        let ended: i64 = value(&self.url(""), &waited).await;
        assert_eq!(ended, 0, "the replica did not come to {position} within a minute");
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("mysql://{USER}:{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// The number of its process.
    pub fn process_id(&self) -> u32 {
        self.process.lock().unwrap().as_ref().expect("it runs").id()
    }

    /// `kill -9`.
    pub fn kill(&self) {
        self.process.lock().unwrap().take().expect("it runs").kill();
    }

    /// Starts it again on the same port and data, and waits until it answers.
    pub async fn restart(&self) {
        let mut command = server(&self.folder.join("data"));
        command
            .arg(format!("--port={}", self.port))
            .arg(format!("--socket={}", self.folder.join("data/socket").display()))
            .arg(format!("--pid-file={}", self.folder.join("data/pid").display()))
            .args([
                "--bind-address=127.0.0.1",
                "--log-bin=changes",
                "--sync-binlog=1",
                "--max-connections=300",
            ])
            .args(&self.options);
        *self.process.lock().unwrap() = Some(Process::start(&mut command, &self.folder.join("log")));
        self.answers().await;
    }

    /// Freezes it: connections stay open and say nothing.
    pub fn pause(&self) {
        self.process.lock().unwrap().as_ref().expect("it runs").signal("STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.process.lock().unwrap().as_ref().expect("it runs").signal("CONT");
    }

    async fn answers(&self) {
        let url = self.url("");
        let what = "MariaDB answered";
        let answer = crate::wait::until(Duration::from_mins(1), what, async || match connect(&url).await {
            Ok(conn) => Some(Ok(conn)),
            Err(error) => {
                let ended = self.process.lock().unwrap().as_mut().and_then(Process::ended);
                ended.map(|status| Err(format!("MariaDB ended with {status}: {error}")))
            }
        });
        let conn = answer.await.unwrap_or_else(|reason| {
            panic!("{reason}\n{}", process::read(&self.folder.join("log")));
        });
        let _ = conn.disconnect().await;
    }
}

/// A connection to the server behind `url`, with a short deadline.
pub async fn connect(url: &str) -> Result<Conn, mysql_async::Error> {
    let opts = Opts::from_url(url)?;
    let deadline = Duration::from_secs(5);
    tokio::time::timeout(deadline, Conn::new(opts)).await.unwrap_or_else(|_| {
        Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer within 5 s").into())
    })
}

/// Runs one statement and reports the rows it touched.
pub async fn run(url: &str, statement: &str) -> u64 {
    let mut conn = connect(url).await.unwrap_or_else(|error| panic!("{error}"));
    conn.query_drop(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    let rows = conn.affected_rows();
    let _ = conn.disconnect().await;
    rows
}

/// The number that a query gives.
pub async fn number(url: &str, query: &str) -> u64 {
    value(url, query).await
}

/// The value that a query gives.
pub async fn value<T: FromValue + Send + 'static>(url: &str, query: &str) -> T {
    let mut conn = connect(url).await.unwrap_or_else(|error| panic!("{error}"));
    let value = conn.query_first(query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
    let _ = conn.disconnect().await;
    value.unwrap_or_else(|| panic!("{query} gives nothing"))
}

/// The values that a query gives, one a row.
pub async fn values<T: FromValue + Send + 'static>(url: &str, query: &str) -> Vec<T> {
    let mut conn = connect(url).await.unwrap_or_else(|error| panic!("{error}"));
    let values = conn.query(query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
    let _ = conn.disconnect().await;
    values
}

/// An installed and empty data folder, made once a run, as installing takes seconds and copying does not.
async fn template() -> &'static Path {
    static TEMPLATE: OnceCell<PathBuf> = OnceCell::const_new();
    TEMPLATE.get_or_init(async || tokio::task::spawn_blocking(install).await.unwrap()).await
}

fn install() -> PathBuf {
    let data = process::folder("mariadb-template").join("data");
    let mut install = Command::new("mariadb-install-db");
    // The server's user may not write to a temporary folder that is ours.
    install.env_remove("TMPDIR");
    install.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
    install.args([
        "--skip-test-db",
        "--auth-root-authentication-method=normal",
        "--innodb-log-file-size=16M",
    ]);
    if process::is_root() {
        install.arg(format!("--user={}", owner()));
    }
    shell(&mut install);
    let mut grant = server(&data);
    let statements = format!(
        "USE mysql;\nFLUSH PRIVILEGES;\nCREATE USER {USER}@'%' IDENTIFIED BY '{USER}';\n\
         GRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION;\n"
    );
    let script = data.with_file_name("grant.sql");
    std::fs::write(&script, statements).expect("the temporary folder can be written");
    let input = std::fs::File::open(&script).expect("it was just written");
    let status = grant.arg("--bootstrap").stdin(input).output().expect("mariadbd starts");
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    data
}

fn server(data: &Path) -> Command {
    let mut command = Command::new("mariadbd");
    command.env_remove("TMPDIR");
    command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
    command.args([
        "--innodb-flush-log-at-trx-commit=1",
        "--innodb-buffer-pool-size=64M",
        "--innodb-log-file-size=16M",
        "--character-set-server=utf8mb4",
        "--skip-name-resolve",
        "--performance-schema=OFF",
    ]);
    if process::is_root() {
        command.arg(format!("--user={}", owner()));
    }
    command
}

/// Whom the server runs as when the suite runs as root: the package's own user, if it has made one.
fn owner() -> &'static str {
    let known = Command::new("id").arg("mysql").output().is_ok_and(|output| output.status.success());
    if known { "mysql" } else { "nobody" }
}

fn shell(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{} does not start: {error}; tests/run installs it", command.get_program().display())
    });
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_committed_is_there_after_a_kill() {
        let server = Mariadb::start().await;
        run(&server.url(""), "CREATE DATABASE kept").await;
        let url = server.url("kept");
        run(&url, "CREATE TABLE words (word VARCHAR(20)) ENGINE=InnoDB").await;
        run(&url, "INSERT INTO words VALUES ('still here')").await;
        server.kill();
        assert!(connect(&url).await.is_err());
        server.restart().await;
        let mut conn = connect(&url).await.unwrap();
        let words: Vec<String> = conn.query("SELECT word FROM words").await.unwrap();
        assert_eq!(words, ["still here"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_paused_server_keeps_its_connections_and_says_nothing() {
        let server = Mariadb::start().await;
        let mut conn = connect(&server.url("")).await.unwrap();
        server.pause();
        let asked = tokio::time::timeout(Duration::from_millis(300), conn.query_first::<u8, _>("SELECT 1"));
        assert!(asked.await.is_err());
        server.resume();
        assert!(connect(&server.url("")).await.is_ok());
    }
}
