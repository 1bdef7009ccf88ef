//! What is measured, and how contenders are set up for it.

use crate::crowd::{BODY, Chat, Crowd, Pace};
use crate::home::{furnished, uuid};
use crate::load::{self, Target};
use crate::process::{self, Watched};
use crate::rest;
use crate::rounds::{Measure, Rounds, Turn};
use anyhow::{Context as _, ensure};
use roomm8_tests::process::{Process, folder};
use roomm8_tests::server::Server;
use roomm8_tests::{Deployment, Home, System};
use serde_json::json;
use std::process::Command;
use std::time::{Duration, Instant};

const DASHBOARD: &str = include_str!("../dashboard.graphql");
const SEND: &str =
    "mutation Send($input: SendMessageInput!) { sendMessage(input: $input) { message { id } } }";
const FOLLOW: &str =
    "subscription Chat($household: ID!) { messages(householdId: $household) { message { body } } }";

/// Households that send at once, where each has its own.
const HOMES: usize = 64;
const IDLE: usize = 8_000;
/// Subscribers who hear so many messages each.
const LISTENERS: usize = 2_000;
const MESSAGES: usize = 1_000;
/// Sockets of one instance: processes here may have 20,000 files at most, and some are not sockets.
const SOCKETS: usize = 19_000;
/// Households at rest.
const AT_REST: [usize; 4] = [10, 1_000, 10_000, 100_000];
/// How long nobody asks for anything.
const QUIET: Duration = Duration::from_secs(10);

/// What every answer with the page begins with.
const PAGE: &str = r#"{"data":{"household":{"id":"#;

/// The page of hand-written code, of an instance that keeps no answers, and of one that does; and whom to watch meanwhile.
struct Pages {
    raw: Target,
    read: Target,
    kept: Target,
    of_floor: Watched,
    of_forgetful: Watched,
    of_ours: Watched,
}

/// A running system of two instances, and the floor beside it on the same database and Redis.
pub(crate) struct Bench {
    runtime: tokio::runtime::Runtime,
    system: System,
    /// One more instance, which keeps no answers.
    forgetful: Server,
    floor: [Process; 2],
    floor_addresses: [String; 2],
    home: Home,
    rounds: usize,
    length: Duration,
}

impl Bench {
    /// Starts everything.
    pub(crate) fn start(
        runtime: tokio::runtime::Runtime,
        rounds: usize,
        length: Duration,
    ) -> anyhow::Result<Self> {
        let (system, home, forgetful) = runtime.block_on(async {
            let system = Deployment::TwoProcesses
                .own()
                .harming_the_database()
                .with("CONNECTIONS_PER_ADDRESS", "0")
                .with("COST_BUCKET", "0")
                .with("LOG", "warn")
                .start()
                .await;
            let home = furnished(&system).await;
            let env = [
                ("DATABASE_URL", system.database_url.clone()),
                ("REDIS_URL", system.redis().url()),
                ("MAILBOX_DIR", system.folder.join("mailbox").display().to_string()),
                ("COST_BUCKET", "0".to_owned()),
                ("LOG", "warn".to_owned()),
                ("ANSWER_BYTES", "0".to_owned()),
            ];
            let env = env.map(|(name, value)| (name.to_owned(), value));
            (system, home, Server::start(&env, None).await)
        });
        let (redis, program) = (system.redis().url(), std::env::current_exe()?);
        let start = || -> anyhow::Result<(Process, String)> {
            let log = folder("floor").join("log");
            let mut command = Command::new(&program);
            command.args(["floor", &system.database_url, &redis]);
            let process = Process::start(&mut command, &log);
            for _ in 0..100 {
                let output = process.output();
                if let Some((_, address)) = output.split_once("http://")
                    && let Some((address, _)) = address.split_once('\n')
                {
                    return Ok((process, address.to_owned()));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            anyhow::bail!("the floor did not start: {}", process.output())
        };
        let ((one, one_address), (other, other_address)) = (start()?, start()?);
        let floor_addresses = [one_address, other_address];
        Ok(Self { runtime, system, forgetful, floor: [one, other], floor_addresses, home, rounds, length })
    }

    fn ours(&self) -> Vec<(&'static str, u32)> {
        self.system.servers.iter().map(|server| ("server", server.process_id())).collect()
    }

    fn floors(&self) -> Vec<(&'static str, u32)> {
        self.floor.iter().map(|floor| ("server", floor.id())).collect()
    }

    fn watched(&self, servers: Vec<(&'static str, u32)>) -> Watched {
        let database = self.system.mysql().process_id().map(|process| ("database", process));
        Watched(servers.into_iter().chain(database).chain([("driver", std::process::id())]).collect())
    }

    /// Turns of contenders, round by round, and their table.
    fn compare(
        &self,
        title: &str,
        measure: Measure,
        contenders: &[(&'static str, &dyn Fn() -> anyhow::Result<Turn>)],
    ) -> anyhow::Result<()> {
        let mut rounds = Rounds::of(contenders.iter().map(|(name, _)| *name).collect());
        for round in 0..self.rounds {
            for at in rounds.order(round) {
                let (name, take) = contenders.get(at).context("it is a contender")?;
                rounds.note(at, take().with_context(|| format!("{title}: {name}"))?);
            }
        }
        print!("{}", rounds.table(title, measure));
        let [_, null, _] = rounds.ratio(1, 0, measure);
        if !(0.95..=1.05).contains(&null) {
            println!("  (void: the first against itself is {null:.2}; something else was busy)");
        }
        Ok(())
    }

    /// One page: GraphQL against a handler that reads the same and writes the same bytes.
    pub(crate) fn dashboard(&self) -> anyhow::Result<()> {
        let pages = self.pages()?;
        let (unread, point) = (self.page_of_floor("static"), self.page_of_floor("point"));
        for connections in [1, 16, 64] {
            let take =
                |target: &Target, watched: &Watched| load::drive(target, connections, self.length, watched);
            self.compare(
                &format!("dashboard, {connections} connections"),
                Measure::Rate,
                &[
                    ("raw", &|| take(&pages.raw, &pages.of_floor)),
                    ("raw, again", &|| take(&pages.raw, &pages.of_floor)),
                    ("static bytes", &|| take(&unread, &pages.of_floor)),
                    ("point read, static bytes", &|| take(&point, &pages.of_floor)),
                    ("GraphQL, nothing kept", &|| take(&pages.read, &pages.of_forgetful)),
                    ("GraphQL, nothing changed", &|| take(&pages.kept, &pages.of_ours)),
                ],
            )?;
        }
        Ok(())
    }

    fn page_of_floor(&self, what: &str) -> Target {
        let (household, user) = (uuid(&json!(self.home.id)), uuid(&json!(self.home.owner().user)));
        let [floor, _] = &self.floor_addresses;
        Target {
            address: floor.clone(),
            requests: [load::get(floor, &format!("/bench/{what}?household={household}&user={user}"), &[])]
                .into(),
            begins: PAGE,
        }
    }

    /// Whoever shows the page, once it is known that all show the same.
    fn pages(&self) -> anyhow::Result<Pages> {
        let body = json!({ "query": DASHBOARD, "variables": { "household": self.home.id } }).to_string();
        let of_server = |server: &Server| {
            let address = server.address();
            let request = graphql(&address, &self.home.owner().token, &body);
            Target { requests: [request].into(), address, begins: PAGE }
        };
        let (raw, read, kept) =
            (self.page_of_floor("raw"), of_server(&self.forgetful), of_server(self.system.a()));
        let (told, by_hand) = (load::once(&read)?, load::once(&raw)?);
        ensure!(told == by_hand, "the floor answers something else:\n{told}\n{by_hand}");
        ensure!(told == load::once(&kept)?, "what is kept is something else");
        let before = self.statements();
        load::once(&read)?;
        let statements = self.statements() - before;
        println!("\nThe dashboard: {} bytes, {statements} statements", told.len());
        let forgetful = vec![("server", self.forgetful.process_id())];
        let (of_floor, of_forgetful, of_ours) =
            (self.watched(self.floors()), self.watched(forgetful), self.watched(self.ours()));
        Ok(Pages { raw, read, kept, of_floor, of_forgetful, of_ours })
    }

    fn statements(&self) -> f64 {
        self.runtime.block_on(self.forgetful.metric("roomm8_db_request_statements_total"))
    }

    /// Messages: `sendMessage` against a transaction of the same statements.
    pub(crate) fn send(&self) -> anyhow::Result<()> {
        let homes = self.runtime.block_on(async {
            let mut homes = Vec::new();
            for _ in 0..HOMES {
                homes.push(Home::new(&self.system, 1).await);
            }
            homes
        });
        let (one, [floor, _], address) =
            (homes.get(..1).unwrap_or_default(), &self.floor_addresses, self.system.a().address());
        for (what, homes) in [("of one household", one), ("of a household each", &homes)] {
            let by_hand = homes.iter().map(|home| {
                load::post(floor, &send_path(home), &[], r#"{"body":"who takes the bins down?"}"#)
            });
            let raw = Target { address: floor.clone(), requests: by_hand.collect(), begins: r#"{"data":{"# };
            let sent = homes.iter().map(|home| {
                let input = json!({ "conversationId": home.general, "body": "who takes the bins down?" });
                let body = json!({ "query": SEND, "variables": { "input": input } }).to_string();
                graphql(&address, &home.owner().token, &body)
            });
            let begins = r#"{"data":{"sendMessage":{"message":{"id":"#;
            let ours = Target { address: address.clone(), requests: sent.collect(), begins };
            let watched = [self.watched(self.floors()), self.watched(self.ours())];
            let [of_floor, of_ours] = &watched;
            for connections in [1, 16, 64] {
                let take = |target: &Target, watched: &Watched| {
                    load::drive(target, connections, self.length, watched)
                };
                self.compare(
                    &format!("sendMessage, {connections} connections {what}"),
                    Measure::Rate,
                    &[
                        ("raw transaction", &|| take(&raw, of_floor)),
                        ("raw transaction, again", &|| take(&raw, of_floor)),
                        ("GraphQL", &|| take(&ours, of_ours)),
                    ],
                )?;
            }
        }
        Ok(())
    }

    /// Chat: subscriptions against a broadcast of the same bytes, each behind the same transaction.
    pub(crate) fn fan_out(&self) -> anyhow::Result<()> {
        // Each crowd in a household of its own: none hears another.
        let homes = self.runtime.block_on(async {
            [
                Home::new(&self.system, 1).await,
                Home::new(&self.system, 1).await,
                Home::new(&self.system, 1).await,
            ]
        });
        let [ours, for_ten, beside_one] = &homes;
        let ours = self.chat(ours, 1);
        let bytes = format!(
            r#"{{"id":"{}","type":"next","payload":{{"data":{{"messages":{{"message":{{"body":"{}"}}}}}}}}}}"#,
            uuid::Uuid::nil(),
            "x".repeat(BODY)
        );
        let floor = self.floor_chat(bytes.len());
        let (of_floor, of_ours) = (self.watched(self.floors()), self.watched(self.ours()));
        for size in [500, 2_000] {
            let crowds = [Crowd::gather(&floor, size)?, Crowd::gather(&ours, size)?];
            let [by_hand, graphql] = &crowds;
            self.fan_out_at(
                "four under way",
                Measure::Rate,
                Pace::Window(4),
                size,
                (by_hand, &of_floor),
                (graphql, &of_ours),
            )?;
            if size == 2_000 {
                let pace = Pace::Rate(10);
                self.fan_out_at(
                    "ten a second",
                    Measure::Slowest,
                    pace,
                    size,
                    (by_hand, &of_floor),
                    (graphql, &of_ours),
                )?;
                let varied = Crowd::gather(&self.chat(for_ten, 10), size)?;
                self.compare(
                    &format!("fan-out to {size}, four under way, by how many documents they follow with"),
                    Measure::Rate,
                    &[
                        ("GraphQL, one", &|| graphql.talk(Pace::Window(4), self.length, &of_ours)),
                        ("GraphQL, one, again", &|| graphql.talk(Pace::Window(4), self.length, &of_ours)),
                        ("GraphQL, ten", &|| varied.talk(Pace::Window(4), self.length, &of_ours)),
                    ],
                )?;
                drop(varied);
                let beside = Crowd::gather(&self.chat(beside_one, 1), size)?;
                beside.add_deaf()?;
                self.compare(
                    &format!("fan-out to {size}, ten a second, one of whom stops reading"),
                    Measure::Slowest,
                    &[
                        ("GraphQL, all read", &|| graphql.talk(pace, self.length, &of_ours)),
                        ("GraphQL, all read, again", &|| graphql.talk(pace, self.length, &of_ours)),
                        ("GraphQL, one does not", &|| beside.talk(pace, self.length, &of_ours)),
                    ],
                )?;
            }
        }
        Ok(())
    }

    fn fan_out_at(
        &self,
        what: &str,
        measure: Measure,
        pace: Pace,
        size: usize,
        (by_hand, of_floor): (&Crowd, &Watched),
        (graphql, of_ours): (&Crowd, &Watched),
    ) -> anyhow::Result<()> {
        self.compare(
            &format!("fan-out to {size}, {what}"),
            measure,
            &[
                ("raw broadcast", &|| by_hand.talk(pace, self.length, of_floor)),
                ("raw broadcast, again", &|| by_hand.talk(pace, self.length, of_floor)),
                ("GraphQL", &|| graphql.talk(pace, self.length, of_ours)),
            ],
        )
    }

    /// Following a household, with so many documents that differ.
    fn chat(&self, home: &Home, documents: usize) -> Chat {
        let owner = home.owner();
        let bearer = format!("Bearer {}", owner.token);
        let subscribe = (0..documents).map(|number| {
            let document = FOLLOW.replace("Chat", &format!("Chat{number}"));
            let payload = json!({ "query": document, "variables": { "household": home.id } });
            json!({ "id": "ID", "type": "subscribe", "payload": payload }).to_string()
        });
        let input = json!({ "conversationId": home.general, "body": "BODY" });
        let body = json!({ "query": SEND, "variables": { "input": input } }).to_string();
        let address = self.system.a().address();
        Chat {
            path: "/graphql".to_owned(),
            init: json!({ "type": "connection_init", "payload": { "authorization": bearer } }).to_string(),
            subscribe: subscribe.collect(),
            say: padded(&body, |body| graphql(&address, &owner.token, body)),
            addresses: self.system.addresses(),
        }
    }

    fn floor_chat(&self, frame_bytes: usize) -> Chat {
        let path = send_path(&self.home);
        let body = json!({ "body": "BODY", "frame_bytes": frame_bytes }).to_string();
        let [address, _] = &self.floor_addresses;
        Chat {
            path: "/bench/follow".to_owned(),
            init: "{}".to_owned(),
            subscribe: vec![json!({ "id": "ID" }).to_string()],
            say: padded(&body, |body| load::post(address, &path, &[], body)),
            addresses: self.floor_addresses.to_vec(),
        }
    }

    /// The memory that subscribers take.
    pub(crate) fn idle(&self) -> anyhow::Result<()> {
        println!(
            "\nBytes of memory for each of {IDLE} idle subscribers, and of {LISTENERS} who have heard {MESSAGES} messages"
        );
        // Each crowd in a household of its own, and nobody leaves: what one gave back, the next would take unseen.
        let homes = self.runtime.block_on(async {
            [
                Home::new(&self.system, 1).await,
                Home::new(&self.system, 1).await,
                Home::new(&self.system, 1).await,
            ]
        });
        for (name, chats, processes) in [
            ("raw broadcast", homes.each_ref().map(|_| self.floor_chat(200)), self.floors()),
            ("GraphQL", homes.each_ref().map(|home| self.chat(home, 1)), self.ours()),
        ] {
            let [few, talking, quiet] = &chats;
            let talk = |crowd: &Crowd| crowd.talk(Pace::Window(4), self.length, &Watched(Vec::new()));
            // What servers need for any.
            let few = Crowd::gather(few, IDLE / 250)?;
            talk(&few)?;
            let before = resident(&processes);
            let listeners = Crowd::gather(talking, LISTENERS)?;
            while listeners.said() < MESSAGES {
                talk(&listeners)?;
            }
            let used = resident(&processes).saturating_sub(before) / u64::try_from(LISTENERS)?;
            let (_quiet, idle) = gathered(quiet, IDLE, &processes)?;
            println!("{name:30} {idle:>9} {used:>9}");
        }
        Ok(())
    }

    /// One instance with as many sockets as it may have.
    pub(crate) fn many(&self) -> anyhow::Result<()> {
        println!("\n{SOCKETS} subscribers of one instance");
        println!(
            "{:30} {:>9} {:>9} {:>12} {:>12} {:>12}",
            "", "connect/s", "bytes", "p50 µs", "p99 µs", "last µs"
        );
        for (name, mut chat, processes) in [
            ("raw broadcast", self.floor_chat(200), self.floors()),
            ("GraphQL", self.chat(&self.home, 1), self.ours()),
        ] {
            chat.addresses.truncate(1);
            let since = Instant::now();
            let (crowd, bytes) = gathered(&chat, SOCKETS, &processes)?;
            let pace = u128::try_from(SOCKETS)? * 1000 / since.elapsed().as_millis().max(1);
            let turn = crowd.talk(Pace::Rate(1), 5 * self.length, &Watched(Vec::new()))?;
            let [middle, slow, last] = [0.5, 0.99, 1.0].map(|part| turn.quantile(part));
            println!("{name:30} {pace:>9} {bytes:>9} {middle:>12.0} {slow:>12.0} {last:>12.0}");
        }
        Ok(())
    }

    /// What households cost in which nothing happens.
    pub(crate) fn rest(&self) -> anyhow::Result<()> {
        let model = self.runtime.block_on(async {
            let home = Home::new(&self.system, 1).await;
            let member = home.member(self.system.a(), home.owner()).await;
            let input = json!({ "householdId": home.id, "title": "the bins", "roster": [member],
                "schedule": { "startDate": "2040-01-01", "rule": "FREQ=WEEKLY" } });
            home.owner().on(self.system.a()).done("createTask", input, "task { id }").await;
            home
        });
        let model = uuid(&json!(model.id)).parse()?;
        let pages = self.pages()?;
        let mut next = 1;
        for households in AT_REST {
            self.runtime.block_on(rest::copy(&self.system.database_url, model, next..=households))?;
            next = households + 1;
            // The database has pages to write yet.
            std::thread::sleep(QUIET);
            let since = pages.of_ours.begin();
            std::thread::sleep(QUIET);
            let (cpu, elapsed) = since.spent();
            println!("\n{households} households at rest: CPU, in thousandths of a core, while nobody asks");
            for (name, spent) in cpu {
                println!("{name:30} {:>9.1}", spent.as_secs_f64() / elapsed.as_secs_f64() * 1e3);
            }
            println!("{:30} {:>9}", "bytes of two instances", resident(&self.ours()));
            let take = |target: &Target, watched: &Watched| load::drive(target, 16, self.length, watched);
            self.compare(
                &format!("dashboard, 16 connections, beside {households} households"),
                Measure::Rate,
                &[
                    ("raw", &|| take(&pages.raw, &pages.of_floor)),
                    ("raw, again", &|| take(&pages.raw, &pages.of_floor)),
                    ("GraphQL, nothing kept", &|| take(&pages.read, &pages.of_forgetful)),
                    ("GraphQL, nothing changed", &|| take(&pages.kept, &pages.of_ours)),
                ],
            )?;
        }
        Ok(())
    }
}

/// The memory of processes together, in bytes.
fn resident(processes: &[(&str, u32)]) -> u64 {
    processes.iter().map(|(_, process)| process::resident(*process)).sum()
}

/// A crowd, and what each of it takes of the memory of processes, in bytes.
fn gathered(chat: &Chat, size: usize, processes: &[(&str, u32)]) -> anyhow::Result<(Crowd, u64)> {
    let before = resident(processes);
    let crowd = Crowd::gather(chat, size)?;
    let each = resident(processes).saturating_sub(before) / u64::try_from(size)?;
    Ok((crowd, each))
}

/// A request of GraphQL by whoever has this token.
fn graphql(address: &str, token: &str, body: &str) -> Vec<u8> {
    load::post(address, "/graphql", &[("authorization", &format!("Bearer {token}"))], body)
}

/// Where the floor takes messages of a home's owner.
fn send_path(home: &Home) -> String {
    let ids = [&home.id, &home.owner().user, &home.general].map(|id| uuid(&json!(id)));
    let [household, user, conversation] = ids;
    format!("/bench/send?household={household}&user={user}&conversation={conversation}")
}

/// A request that stays right when `BODY` in it becomes as long as messages are.
fn padded(body: &str, request: impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
    let long = body.replacen("BODY", &"x".repeat(BODY), 1);
    let whole = String::from_utf8_lossy(&request(&long)).into_owned();
    whole.replacen(&"x".repeat(BODY), "BODY", 1).into_bytes()
}
