//! What runs: one process on SQLite, or two processes on MySQL and Redis.

use std::{fmt::Write, ops::Deref, path::PathBuf, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use crate::{
    mysql::{self, Mysql},
    process,
    proxy::Proxy,
    redis::Redis,
    server::Server,
    wait,
};

/// The two ways in which RoomM8 is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deployment {
    /// One process, SQLite, the in-process broker.
    #[default]
    OneProcess,
    /// Two processes, MySQL, Redis.
    TwoProcesses,
}

impl Deployment {
    /// The system that ordinary scenarios share: they make their own people and households and harm nothing.
    pub async fn system(self) -> System {
        static ONE: OnceCell<Arc<Running>> = OnceCell::const_new();
        static TWO: OnceCell<Arc<Running>> = OnceCell::const_new();
        match self {
            Self::OneProcess => {
                let running = ONE.get_or_init(async || Arc::new(self.own().run(None).await)).await;
                System { running: running.clone(), mysql: None, turn: None }
            }
            Self::TwoProcesses => {
                // Taken first: for as long as this scenario runs, no other may harm the database server.
                let mysql = Mysql::shared().await;
                let running = TWO
                    .get_or_init(async || {
                        let redis = std::env::var("ROOMM8_TEST_REDIS_URL").ok();
                        Arc::new(Plan { redis, ..self.own() }.run(Some(&mysql)).await)
                    })
                    .await;
                for server in &running.servers {
                    server.ready_within(Duration::from_secs(30)).await;
                }
                System { running: running.clone(), mysql: Some(mysql), turn: None }
            }
        }
    }

    /// A system of the scenario's own, described before it is started.
    pub fn own(self) -> Plan {
        let servers = if self == Self::OneProcess { 1 } else { 2 };
        Plan { deployment: self, servers, ..Plan::default() }
    }
}

/// A system to be started.
#[derive(Default)]
pub struct Plan {
    deployment: Deployment,
    servers: usize,
    env: Vec<(String, String)>,
    redis: Option<String>,
    is_harmful: bool,
    is_heavy: bool,
    is_proxied: bool,
    address_space: Option<u64>,
}

impl Plan {
    /// Another number of processes; one on SQLite stays one.
    #[must_use]
    pub fn servers(mut self, servers: usize) -> Self {
        if self.deployment == Deployment::TwoProcesses {
            self.servers = servers;
        }
        self
    }

    /// One environment variable for each process.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The scenario kills, freezes or reconfigures the database server.
    #[must_use]
    pub fn harming_the_database(mut self) -> Self {
        self.is_harmful = true;
        self.heavy()
    }

    /// The scenario keeps the machine busy: few such run at a time.
    #[must_use]
    pub fn heavy(mut self) -> Self {
        self.is_heavy = true;
        self
    }

    /// Each process may have so many bytes of address space, and dies of more.
    #[must_use]
    pub fn within(mut self, address_space: u64) -> Self {
        self.address_space = Some(address_space);
        // glibc reserves 64 MiB for each thread that allocates, and uses next to nothing of it.
        self.with("MALLOC_ARENA_MAX", "2").heavy()
    }

    /// Between the processes and their database and Redis stands a [`Proxy`] each.
    #[must_use]
    pub fn proxied(mut self) -> Self {
        self.is_proxied = true;
        self.heavy()
    }

    /// Starts it and waits until each process listens.
    pub async fn start(self) -> System {
        // Two at a time: they wait more than they compute.
        static HEAVY: std::sync::LazyLock<Arc<Semaphore>> =
            std::sync::LazyLock::new(|| Arc::new(Semaphore::new(2)));
        let turn = if self.is_heavy { HEAVY.clone().acquire_owned().await.ok() } else { None };
        let mysql = match (self.deployment, self.is_harmful) {
            (Deployment::OneProcess, _) => None,
            (Deployment::TwoProcesses, true) => Some(Mysql::killable().await),
            (Deployment::TwoProcesses, false) => Some(Mysql::shared().await),
        };
        let running = Arc::new(self.run(mysql.as_ref()).await);
        System { running, mysql, turn }
    }

    async fn run(self, mysql: Option<&Mysql>) -> Running {
        let folder = process::folder("system");
        let mut env = vec![
            ("MAILBOX_DIR".to_owned(), folder.join("mailbox").display().to_string()),
            ("DRAIN_SECONDS".to_owned(), "3".to_owned()),
            ("LOG_FORMAT".to_owned(), "json".to_owned()),
        ];
        let (mut redis, mut database_proxy, mut redis_proxy) = (None, None, None);
        let mut database_url = format!("sqlite://{}", folder.join("roomm8.sqlite3").display());
        if let Some(mysql) = mysql {
            database_url = mysql.new_database().await;
            let mut redis_url = self.redis.clone();
            if redis_url.is_none() {
                let own = Redis::start().await;
                redis_url = Some(own.url());
                redis = Some(own);
            }
            let mut redis_url = redis_url.unwrap_or_default();
            if self.is_proxied {
                let proxy = Proxy::start(mysql::address(&database_url)).await;
                database_url = mysql::with_address(&database_url, &proxy.address());
                database_proxy = Some(proxy);
                let proxy = Proxy::start(mysql::address(&redis_url)).await;
                redis_url = mysql::with_address(&redis_url, &proxy.address());
                redis_proxy = Some(proxy);
            }
            env.push(("REDIS_URL".to_owned(), redis_url));
        }
        env.push(("DATABASE_URL".to_owned(), database_url.clone()));
        let usual = [
            // A few people stand for a crowd, and one of them uses GraphiQL.
            ("THROTTLE", "off"),
            ("CONNECTIONS_PER_ACCOUNT", "0"),
            ("COST_RESTORE", "1000000"),
            ("GRAPHIQL", "on"),
        ];
        let settings = std::env::var("ROOMM8_TEST_SETTINGS").unwrap_or_default();
        let given = settings.split_whitespace().filter_map(|setting| setting.split_once('='));
        for (name, value) in usual.into_iter().chain(given) {
            if !self.env.iter().any(|(set, _)| set == name) {
                env.push((name.to_owned(), value.to_owned()));
            }
        }
        env.extend(self.env);
        let mut servers = Vec::new();
        for _ in 0..self.servers {
            servers.push(Server::start(&env, self.address_space).await);
        }
        Running { servers, folder, database_url, redis, database_proxy, redis_proxy }
    }
}

/// A running system and this scenario's hold on it. When the scenario fails, the servers' last words are printed.
pub struct System {
    running: Arc<Running>,
    mysql: Option<Mysql>,
    #[expect(dead_code, reason = "held until the scenario ends")]
    turn: Option<OwnedSemaphorePermit>,
}

impl Deref for System {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl System {
    /// Its database server.
    pub fn mysql(&self) -> &Mysql {
        self.mysql.as_ref().expect("a system on MySQL")
    }
}

impl Drop for System {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for server in &self.running.servers {
                let log = server.log();
                let tail: Vec<&str> = log.lines().rev().take(25).collect();
                let mut words = String::new();
                for line in tail.iter().rev() {
                    let line: String = line.chars().take(600).collect();
                    let _ = writeln!(words, "    {line}");
                }
                eprintln!("the server at {} last said:\n{words}", server.address());
            }
        }
    }
}

/// Processes and what they stand on.
pub struct Running {
    /// The server processes.
    pub servers: Vec<Server>,
    /// Where their files are.
    pub folder: PathBuf,
    /// What they were given as `DATABASE_URL`.
    pub database_url: String,
    redis: Option<Redis>,
    database_proxy: Option<Proxy>,
    redis_proxy: Option<Proxy>,
}

impl Running {
    /// The first process.
    pub fn a(&self) -> &Server {
        &self.servers[0]
    }

    /// The last process: another one than [`Self::a`] wherever there are two.
    pub fn b(&self) -> &Server {
        &self.servers[self.servers.len() - 1]
    }

    /// `host:port` of each process.
    pub fn addresses(&self) -> Vec<String> {
        self.servers.iter().map(Server::address).collect()
    }

    /// Its own Redis.
    pub fn redis(&self) -> &Redis {
        self.redis.as_ref().expect("a system with a Redis of its own")
    }

    /// The proxy before its database.
    pub fn database_proxy(&self) -> &Proxy {
        self.database_proxy.as_ref().expect("a proxied system")
    }

    /// The proxy before its Redis.
    pub fn redis_proxy(&self) -> &Proxy {
        self.redis_proxy.as_ref().expect("a proxied system")
    }

    /// The letters that the development mailbox holds for `address`.
    pub fn letters(&self, address: &str) -> Vec<Value> {
        let text = process::read(&self.folder.join("mailbox/mailbox.jsonl"));
        // A last line without its end is still being written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let letters =
            whole.lines().map(|line| serde_json::from_str::<Value>(line).expect("a letter is JSON"));
        letters.filter(|letter| letter["to"] == address).collect()
    }

    /// Waits for a letter of one kind and gives the token in it.
    pub async fn token_in_letter(&self, address: &str, is_it: impl Fn(&Value) -> bool) -> String {
        wait::until(Duration::from_secs(15), &format!("{address} was sent a token"), async || {
            let letter = self.letters(address).into_iter().rev().find(&is_it)?;
            letter["data"]["token"].as_str().map(str::to_owned)
        })
        .await
    }
}
