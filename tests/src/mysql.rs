//! The MySQL server a system stands on: the one that the environment names, or a MariaDB of this run's own.
//!
//! `ROOMM8_TEST_MYSQL_URL` names a server (its user may create databases; those made here are called `rm8_…`).
//! `ROOMM8_TEST_MYSQL_CTL` names a command that knows `kill`, `start`, `pause` and `resume` for it; without that
//! command, scenarios that need a database to die use a private MariaDB.

use std::{path::PathBuf, process::Command, sync::Arc, time::Duration};

use tokio::sync::{OnceCell, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::{mariadb, mariadb::Mariadb, wait};

/// A server, and the right to use it for as long as this value lives.
#[expect(missing_docs, reason = "the names of the fields say what they are")]
pub enum Mysql {
    /// A server that others use at the same time: not to be harmed.
    Shared { url: String, turn: OwnedRwLockReadGuard<()> },
    /// A server of the environment that is ours alone for now.
    Lent { url: String, control: PathBuf, turn: OwnedRwLockWriteGuard<()> },
    /// A server that lives as long as this value.
    Own(Mariadb),
}

impl Mysql {
    /// The server that most scenarios share.
    pub async fn shared() -> Self {
        static SHARED: OnceCell<Mariadb> = OnceCell::const_new();
        let url = match std::env::var("ROOMM8_TEST_MYSQL_URL") {
            Ok(url) => url,
            Err(_) => SHARED.get_or_init(Mariadb::start).await.url(""),
        };
        Self::Shared { url, turn: turns().read_owned().await }
    }

    /// A server that this scenario may kill and freeze.
    pub async fn killable() -> Self {
        let lent = std::env::var("ROOMM8_TEST_MYSQL_URL").ok().zip(std::env::var_os("ROOMM8_TEST_MYSQL_CTL"));
        match lent {
            Some((url, control)) => {
                Self::Lent { url, control: control.into(), turn: turns().write_owned().await }
            }
            None => Self::Own(Mariadb::start().await),
        }
    }

    /// The URL of a database that nobody has used.
    pub async fn new_database(&self) -> String {
        let name = format!("rm8_{:016x}", rand::random::<u64>());
        let server = self.url();
        mariadb::run(&server, &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).await;
        with_database(&server, &name)
    }

    /// The number of its process, if it is of this run's own.
    pub fn process_id(&self) -> Option<u32> {
        match self {
            Self::Own(server) => Some(server.process_id()),
            Self::Shared { .. } | Self::Lent { .. } => None,
        }
    }

    /// `kill -9`.
    pub fn kill(&self) {
        match self {
            Self::Own(server) => server.kill(),
            Self::Shared { .. } | Self::Lent { .. } => self.control("kill"),
        }
    }

    /// Starts it after a kill and waits until it answers.
    pub async fn restart(&self) {
        if let Self::Own(server) = self {
            return server.restart().await;
        }
        self.control("start");
        let url = self.url();
        wait::until_so(Duration::from_mins(1), "MySQL answered", async || {
            mariadb::connect(&url).await.is_ok()
        })
        .await;
    }

    /// Freezes it: connections stay open and say nothing.
    pub fn pause(&self) {
        match self {
            Self::Own(server) => server.pause(),
            Self::Shared { .. } | Self::Lent { .. } => self.control("pause"),
        }
    }

    /// Lets it go on.
    pub fn resume(&self) {
        match self {
            Self::Own(server) => server.resume(),
            Self::Shared { .. } | Self::Lent { .. } => self.control("resume"),
        }
    }

    /// The server's URL with some database that exists, or none.
    pub fn url(&self) -> String {
        match self {
            Self::Shared { url, .. } | Self::Lent { url, .. } => url.clone(),
            Self::Own(server) => server.url(""),
        }
    }

    fn control(&self, word: &str) {
        let Self::Lent { control, .. } = self else { panic!("a shared database server is not to be harmed") };
        // The suite's own folder for temporary files is not one that the server's user may write to.
        let output = Command::new(control).env_remove("TMPDIR").arg(word).output();
        let output = output.expect("ROOMM8_TEST_MYSQL_CTL can be run");
        assert!(output.status.success(), "{word}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// `host:port` of a database URL.
pub fn address(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest)
}

/// The same database through another `host:port`.
pub fn with_address(url: &str, other: &str) -> String {
    url.replacen(address(url), other, 1)
}

fn with_database(url: &str, name: &str) -> String {
    let address = address(url);
    let end = url.find(address).unwrap_or_default() + address.len();
    let options = url[end..].split_once('?').map(|(_, options)| format!("?{options}")).unwrap_or_default();
    format!("{}/{name}{options}", &url[..end])
}

/// One outside server cannot be harmed by one scenario and used by another at the same time.
fn turns() -> Arc<RwLock<()>> {
    static TURNS: std::sync::LazyLock<Arc<RwLock<()>>> = std::sync::LazyLock::new(Arc::default);
    TURNS.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_pointed_at_another_database_and_address() {
        let url = "mysql://app:secret@db.example.org:3306/app?ssl-mode=disabled";
        assert_eq!(address(url), "db.example.org:3306");
        let other = "mysql://app:secret@db.example.org:3306/rm8_1?ssl-mode=disabled";
        assert_eq!(with_database(url, "rm8_1"), other);
        assert_eq!(with_address("mysql://a:b@h:1/d", "127.0.0.1:9"), "mysql://a:b@127.0.0.1:9/d");
        assert_eq!(with_database("mysql://h:1", "d"), "mysql://h:1/d");
    }
}
