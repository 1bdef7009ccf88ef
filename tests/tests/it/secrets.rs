//! Passwords and keys that are changed while everything runs.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mysql_async::prelude::Queryable as _;
use redis::cmd;
use roomm8_tests::{
    Deployment, Home, System,
    aws::Aws,
    client::mutation,
    mariadb::{self, Mariadb},
    mysql::{self, Mysql},
    on_both, on_mysql,
    people::text,
    process,
    redis::{Redis, connect},
    server::Server,
    wait,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::letters::{home_with_mail, mention_second, until_mentioned};

on_both!(a_link_holds_while_the_keys_that_sign_are_changed);
on_mysql!(
    passwords_of_the_database_are_changed_under_load,
    a_password_that_is_refused_is_looked_up_at_once,
    a_password_of_redis_is_looked_up_at_once,
);

/// Changes in a row.
const ROTATIONS: usize = 20;
/// Within which a new secret is in use.
const SOON: Duration = Duration::from_secs(5);
/// Longer than any scenario: nobody looks by the clock.
const NEVER: &str = "86400";

pub(crate) fn new_password() -> String {
    // What is special in URLs is in passwords, too.
    format!("{:016x}/@:#?%", rand::random::<u64>())
}

/// A file with a secret, whose content is another from one moment to the next.
pub(crate) struct SecretFile(PathBuf);

impl SecretFile {
    pub(crate) fn with(content: &str) -> Self {
        let file = Self(process::folder("secret").join("secret"));
        file.becomes(content);
        file
    }

    pub(crate) fn becomes(&self, content: &str) {
        let new = self.0.with_extension("new");
        std::fs::write(&new, format!("{content}\n")).unwrap();
        std::fs::rename(new, &self.0).unwrap();
    }

    /// How a setting names it, or a field of it.
    pub(crate) fn named(&self, field: Option<&str>) -> String {
        let field = field.map_or_else(String::new, |field| format!("#{field}"));
        format!("{{file:{}{field}}}", self.0.display())
    }
}

/// A database, and two users who take turns.
struct Rotated {
    server: String,
    database: String,
    users: [String; 2],
    _mysql: Mysql,
}

impl Rotated {
    /// Of the server that the environment names, if its user may let others in; of a MariaDB of its own otherwise.
    async fn start() -> Self {
        let shared = Mysql::shared().await;
        let grants: String = mariadb::value(&shared.url(), "SHOW GRANTS").await;
        let mysql =
            if grants.contains("WITH GRANT OPTION") { shared } else { Mysql::Own(Mariadb::start().await) };
        let (server, name) = (mysql.url(), format!("rm8_{:08x}", rand::random::<u32>()));
        let users = ["one", "two"].map(|which| format!("{name}_{which}"));
        let rotated = Self { server, database: name, users, _mysql: mysql };
        rotated.run(&format!("CREATE DATABASE {} CHARACTER SET utf8mb4", rotated.database)).await;
        for user in &rotated.users {
            rotated.run(&format!("CREATE USER {user}@'%' IDENTIFIED BY '{}'", new_password())).await;
            rotated.run(&format!("GRANT ALL ON {}.* TO {user}@'%'", rotated.database)).await;
        }
        rotated
    }

    async fn run(&self, statement: &str) {
        mariadb::run(&self.server, statement).await;
    }

    /// Gives the user another password; returns what a secret holds of it.
    async fn change(&self, user: &str) -> String {
        let password = new_password();
        self.run(&format!("ALTER USER {user}@'%' IDENTIFIED BY '{password}'")).await;
        json!({ "username": user, "password": password, "engine": "mysql" }).to_string()
    }

    /// `DATABASE_URL`, with the places of the user and the password.
    fn url(&self, secret: impl Fn(&str) -> String) -> String {
        let (address, database) = (mysql::address(&self.server), &self.database);
        format!("mysql://{}:{}@{address}/{database}", secret("username"), secret("password"))
    }

    /// The connections of this user, by their numbers.
    async fn connections(&self, user: &str) -> Vec<u64> {
        let query = format!("SELECT id FROM information_schema.processlist WHERE user = '{user}'");
        mariadb::values(&self.server, &query).await
    }

    /// Ends the connections of this user.
    async fn disconnect(&self, user: &str) {
        let mut conn = mariadb::connect(&self.server).await.unwrap();
        for connection in self.connections(user).await {
            // One may be gone by itself meanwhile.
            let _ = conn.query_drop(format!("KILL {connection}")).await;
        }
    }
}

/// People who do not stop reading and writing, and no request of whom may fail.
struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    people: JoinSet<()>,
}

impl Load {
    async fn start(system: &System) -> Self {
        let home = Arc::new(Home::new(system, 4).await);
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut people = JoinSet::new();
        for (index, person) in home.people.iter().enumerate() {
            let clients: Vec<_> = system.servers.iter().map(|server| person.on(server)).collect();
            let (stop, done, conversation) = (stop.clone(), done.clone(), home.general.clone());
            people.spawn(async move {
                for (number, client) in clients.iter().cycle().enumerate() {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let input =
                        json!({ "conversationId": conversation, "body": format!("{index}: {number}") });
                    client.done("sendMessage", input, "message { id }").await;
                    client.query("{ viewer { email households { id name } } }", json!({})).await;
                    done.fetch_add(2, Ordering::Relaxed);
                }
            });
        }
        Self { stop, done, people }
    }

    /// Waits for more of what they do.
    async fn goes_on(&self) {
        let before = self.done.load(Ordering::Relaxed);
        wait::until_so(SOON, "people went on", async || self.done.load(Ordering::Relaxed) > before + 8).await;
    }

    /// Stops it; whatever failed fails here.
    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.people.join_all().await;
    }
}

async fn passwords_of_the_database_are_changed_under_load(deployment: Deployment) {
    let (database, aws) = (Rotated::start().await, Aws::start().await);
    aws.keep_secret("roomm8/app", &database.change(&database.users[0]).await).await;
    let url = database.url(|field| format!("{{secretsmanager:roomm8/app#{field}}}"));
    let plan = aws.env().iter().fold(deployment.own(), |plan, (name, value)| plan.with(name, value));
    let system = plan.with("DATABASE_URL", &url).with("SECRETS_SECONDS", "1").heavy().start().await;
    let load = Load::start(&system).await;
    for rotation in 1..=ROTATIONS {
        let (new, old) = (&database.users[rotation % 2], &database.users[(rotation + 1) % 2]);
        load.goes_on().await;
        aws.keep_secret("roomm8/app", &database.change(new).await).await;
        wait::until_so(SOON, &format!("{new} had taken over"), async || {
            !database.connections(new).await.is_empty() && database.connections(old).await.is_empty()
        })
        .await;
    }
    load.goes_on().await;
    load.end().await;
    for server in &system.servers {
        assert_eq!(server.log().matches("DATABASE_URL is taken up anew").count(), ROTATIONS);
    }
}

async fn a_password_that_is_refused_is_looked_up_at_once(deployment: Deployment) {
    let database = Rotated::start().await;
    let user = &database.users[0];
    let secret = SecretFile::with(&database.change(user).await);
    let url = database.url(|field| secret.named(Some(field)));
    let system = deployment.own().with("DATABASE_URL", &url).with("SECRETS_SECONDS", NEVER).start().await;
    let home = Home::new(&system, 2).await;
    for round in 1..=2 {
        secret.becomes(&database.change(user).await);
        // Those that are signed in would stay so.
        database.disconnect(user).await;
        for server in &system.servers {
            let document = mutation("sendMessage", "message { id }");
            let input = json!({ "input": { "conversationId": home.general, "body": "still here" } });
            wait::until_so(SOON, "a message could be sent", async || {
                let sent = home.owner().on(server).ask(&document, input.clone()).await;
                sent.is_ok_and(|answer| answer.code().is_none())
            })
            .await;
            assert_eq!(server.log().matches("DATABASE_URL is taken up anew").count(), round);
        }
    }
}

async fn a_password_of_redis_is_looked_up_at_once(deployment: Deployment) {
    let redis = Redis::start().await;
    redis.ask::<()>(&["CONFIG", "SET", "requirepass", "first"]).await.unwrap();
    let secret = SecretFile::with("first");
    let url = format!("redis://:{}@{}/0", secret.named(None), redis.address());
    let system = deployment.own().with("REDIS_URL", &url).with("SECRETS_SECONDS", NEVER).start().await;
    let connections = async |server: &Server| server.metric("roomm8_broker_connections_total").await;
    for server in &system.servers {
        wait::until_so(SOON, "it was connected", async || connections(server).await >= 1.0).await;
    }
    let operator = format!("redis://:first@{}/0", redis.address());
    let mut operator = connect(&operator).await.unwrap();
    cmd("CONFIG").arg(&["SET", "requirepass", "second"]).exec_async(&mut operator).await.unwrap();
    secret.becomes("second");
    for kind in ["normal", "pubsub"] {
        cmd("CLIENT").arg(&["KILL", "TYPE", kind]).exec_async(&mut operator).await.unwrap();
    }
    for server in &system.servers {
        wait::until_so(SOON, "it was connected again", async || connections(server).await >= 2.0).await;
        assert_eq!(server.log().matches("REDIS_URL is taken up anew").count(), 1);
    }
}

/// `SIGNING_KEYS` with keys of these numbers.
fn keys(numbers: &[usize]) -> String {
    let keys = numbers.iter().map(|number| {
        let byte = u8::try_from(*number).unwrap();
        format!("key-{number}:{}", URL_SAFE_NO_PAD.encode([byte; 32]))
    });
    keys.collect::<Vec<_>>().join(",")
}

async fn a_link_holds_while_the_keys_that_sign_are_changed(deployment: Deployment) {
    let secret = SecretFile::with(&keys(&[0]));
    let plan = deployment.own().with("SIGNING_KEYS", &secret.named(None)).with("SECRETS_SECONDS", "1");
    let system = plan.start().await;
    let home = home_with_mail(&system).await;
    let (mut links, mut letters) = (Vec::new(), 0);
    for key in 0..=ROTATIONS {
        if key > 0 {
            secret.becomes(&keys(&[key, key - 1]));
        }
        // Each instance has it soon; the link of one that has is good on one that has not yet.
        let link = wait::until(SOON, "a link was signed with the new key", async || {
            mention_second(&system, &home).await;
            letters += 1;
            let link = text(&until_mentioned(&system, &home, letters).await[letters - 1]["unsubscribe"]);
            link.contains(&format!(".key-{key}.")).then_some(link)
        })
        .await;
        links.push(link[link.find("/unsubscribe/").unwrap()..].to_owned());
        for server in &system.servers {
            for link in links.iter().rev().take(2) {
                assert_eq!(server.anonymous().post(link).await.unwrap().0, 200);
            }
        }
        let input = json!({ "mailed": ["MENTION"] });
        home.people[1].on(system.b()).done("setMailedNotifications", input, "clientMutationId").await;
    }
    assert_eq!(system.a().anonymous().post(&links[0]).await.unwrap().0, 404, "it is of a key that is gone");
}
