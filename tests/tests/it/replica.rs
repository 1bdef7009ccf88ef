//! A replica that answers are read from: what it shows is never older than what the primary showed when the request came,
//! whatever becomes of the replica.

use std::{
    sync::Mutex,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use roomm8_tests::{
    Deployment, Home, Person, System,
    mariadb::{self, Mariadb},
    on_mysql,
    people::text,
    process,
    server::Server,
    wait,
};
use serde_json::{Value, json};

use crate::{
    answers::{STEPS, asked_both_ways, assert_no_hole, bodies, filled, keeping},
    secrets::{SecretFile, new_password},
};

on_mysql!(
    whatever_changes_is_read_on_the_replica_and_is_the_same,
    who_has_written_sees_it_while_the_replica_stands_still,
    no_request_fails_when_the_replica_dies,
    a_replica_that_freezes_costs_one_request_a_moment,
    a_reader_sees_all_that_was_acknowledged_before,
    a_server_that_takes_writes_is_not_read_from,
    a_server_starts_without_its_replica,
    a_password_of_the_replica_is_looked_up_at_once,
    without_answers_that_are_kept_nothing_is_read_there,
);

/// How soon a replica that is well again is read from: the pause of the servers, and a machine that is busy.
const BACK: Duration = Duration::from_secs(30);
/// The longest that a request takes while the replica says nothing; the servers' own promise is under 2 s.
const MOMENT: Duration = Duration::from_secs(4);

/// A primary, its replica, and how often something was asked.
struct Pair {
    primary: Mariadb,
    replica: Mariadb,
    asked: AtomicUsize,
}

impl Pair {
    async fn start() -> Self {
        let primary = Mariadb::start().await;
        mariadb::run(&primary.url(""), "CREATE DATABASE home CHARACTER SET utf8mb4").await;
        let replica = Mariadb::start_replica_of(&primary).await;
        replica.has_all_of(&primary).await;
        Self { primary, replica, asked: AtomicUsize::new(0) }
    }

    /// Two instances that read on the replica.
    async fn serve(&self, deployment: Deployment) -> System {
        self.serve_with(deployment, &self.replica.url("home")).await
    }

    async fn serve_with(&self, deployment: Deployment, read_url: &str) -> System {
        let plan = keeping(deployment).with("DATABASE_URL", &self.primary.url("home"));
        let system = plan.with("DATABASE_READ_URL", read_url).heavy().start().await;
        self.catch_up().await;
        system
    }

    async fn catch_up(&self) {
        self.replica.has_all_of(&self.primary).await;
    }

    /// Makes a document another one, so that no answer to it is kept yet.
    fn words(&self) -> String {
        format!("# {}", self.asked.fetch_add(1, Ordering::Relaxed))
    }

    /// All of the household, as it is told to all, which is what is told to this person alone: of that nothing is read on
    /// the replica.
    async fn asks(&self, home: &Home, person: &Person, server: &Server) -> Value {
        let [shared, own] = asked_both_ways(&self.words(), home, person, server).await;
        assert_eq!(shared, own);
        shared
    }

    /// Waits until both instances read this household on the replica, and gives what they told of it.
    async fn is_read_from(&self, system: &System, home: &Home) -> [Value; 2] {
        let told = [system.a(), system.b()].map(async |server| {
            wait::until(BACK, "the replica was read from", async || {
                let before = read(server, "there").await;
                let told = self.asks(home, home.owner(), server).await;
                (read(server, "there").await > before).then_some(told)
            })
            .await
        });
        join_all(told).await.try_into().unwrap()
    }
}

/// How many answers were read there, or were left to the primary for this reason.
async fn read(server: &Server, how: &str) -> u64 {
    // A counter is a whole number.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it counts")]
    let count = server.metric(&format!("roomm8_replica_answers_total{{read=\"{how}\"}}")).await as u64;
    count
}

async fn all_reads(server: &Server) -> [u64; 4] {
    [
        read(server, "there").await,
        read(server, "behind").await,
        read(server, "busy").await,
        read(server, "away").await,
    ]
}

/// A household of three, and what the first steps need to know of it.
async fn home_of_three(system: &System) -> (Home, Value) {
    let home = Home::new(system, 3).await;
    let mut members = Vec::new();
    for person in &home.people {
        members.push(home.member(system.a(), person).await);
    }
    let known = json!({ "household": home.id, "general": home.general, "members": members });
    (home, known)
}

async fn whatever_changes_is_read_on_the_replica_and_is_the_same(deployment: Deployment) {
    let pair = Pair::start().await;
    let system = pair.serve(deployment).await;
    let (home, mut known) = home_of_three(&system).await;
    pair.is_read_from(&system, &home).await;
    for (number, (who, what, input, selection)) in STEPS.iter().enumerate() {
        let (here, there) = if number % 2 == 0 { (system.a(), system.b()) } else { (system.b(), system.a()) };
        known[what] = home.people[*who].on(here).done(what, filled(input, &known), selection).await;
        // Wherever it is read now, the change is in it.
        let told = pair.asks(&home, home.owner(), there).await;
        pair.catch_up().await;
        assert_eq!(pair.is_read_from(&system, &home).await, [told.clone(), told], "after {what}");
    }
    // What is for one alone, and what was asked before, is never asked of the replica.
    let before = all_reads(system.a()).await;
    for _ in 0..5 {
        home.owner().on(system.a()).query("{ viewer { email households { name } } }", json!({})).await;
    }
    assert_eq!(all_reads(system.a()).await, before);
}

async fn who_has_written_sees_it_while_the_replica_stands_still(deployment: Deployment) {
    let pair = Pair::start().await;
    let system = pair.serve(deployment).await;
    let (home, mut known) = home_of_three(&system).await;
    let other = Home::new(&system, 1).await;
    pair.is_read_from(&system, &home).await;
    pair.is_read_from(&system, &other).await;
    mariadb::run(&pair.replica.url(""), "STOP SLAVE SQL_THREAD").await;
    let mut behind = 0;
    for (number, (who, what, input, selection)) in STEPS.iter().enumerate() {
        let here = if number % 2 == 0 { system.a() } else { system.b() };
        known[what] = home.people[*who].on(here).done(what, filled(input, &known), selection).await;
        for server in [system.a(), system.b()] {
            // That the change is in the answer is asked within.
            let before = all_reads(server).await;
            pair.asks(&home, home.owner(), server).await;
            let after = all_reads(server).await;
            assert_eq!(after[0], before[0], "after {what} it was read there");
            assert_eq!(after.iter().sum::<u64>(), before.iter().sum::<u64>() + 1, "after {what}");
            behind += after[1] - before[1];
        }
    }
    // On a machine that is busy the replica may seem to be away for a while.
    assert!(behind >= STEPS.len() as u64, "{behind} answers found the replica behind");
    // A household that has not changed since is read there for all that.
    pair.is_read_from(&system, &other).await;
    mariadb::run(&pair.replica.url(""), "START SLAVE SQL_THREAD").await;
    pair.catch_up().await;
    pair.is_read_from(&system, &home).await;
}

/// Asks on both instances, and gives how long each request took.
async fn times(pair: &Pair, system: &System, home: &Home, count: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for number in 0..count {
        let server = if number % 2 == 0 { system.a() } else { system.b() };
        home.say(server, home.owner(), &format!("still here {number}")).await;
        let begun = Instant::now();
        pair.asks(home, home.owner(), server).await;
        times.push(begun.elapsed());
    }
    times
}

async fn no_request_fails_when_the_replica_dies(deployment: Deployment) {
    let pair = Pair::start().await;
    let system = pair.serve(deployment).await;
    let home = Home::new(&system, 3).await;
    pair.is_read_from(&system, &home).await;
    for _ in 0..2 {
        // Some ask at the very moment when it dies.
        let asking = home.people.iter().map(async |person| {
            for number in 0..40 {
                let server = if number % 2 == 0 { system.a() } else { system.b() };
                pair.asks(&home, person, server).await;
            }
        });
        let killing = async {
            let before = read(system.a(), "there").await;
            wait::until_so(BACK, "some was read there", async || read(system.a(), "there").await > before)
                .await;
            pair.replica.kill();
        };
        futures_util::join!(join_all(asking), killing);
        let before = [read(system.a(), "there").await, read(system.b(), "there").await];
        let times = times(&pair, &system, &home, 30).await;
        assert!(times.iter().all(|time| *time < MOMENT), "{times:?}");
        assert_eq!([read(system.a(), "there").await, read(system.b(), "there").await], before);
        for server in [system.a(), system.b()] {
            assert!(read(server, "away").await > 0);
            server.ready_within(Duration::from_secs(1)).await;
        }
        pair.replica.restart().await;
        pair.catch_up().await;
        pair.is_read_from(&system, &home).await;
    }
    for server in [system.a(), system.b()] {
        let log = server.log();
        let (gone, back) =
            (log.matches("is not read from").count(), log.matches("is read from again").count());
        assert!((2..=6).contains(&gone) && back <= gone, "each is said once: {gone} and {back}");
    }
}

async fn a_replica_that_freezes_costs_one_request_a_moment(deployment: Deployment) {
    let pair = Pair::start().await;
    let system = pair.serve(deployment).await;
    let home = Home::new(&system, 2).await;
    pair.is_read_from(&system, &home).await;
    pair.replica.pause();
    let times = times(&pair, &system, &home, 40).await;
    assert!(times.iter().all(|time| *time < MOMENT), "{times:?}");
    // The pause of the servers is longer than all of this takes, so that each instance has tried once, or twice.
    let waits = times.iter().filter(|time| **time >= Duration::from_millis(500)).count();
    assert!(waits <= 8, "{waits} waited: {times:?}");
    pair.replica.resume();
    pair.catch_up().await;
    pair.is_read_from(&system, &home).await;
}

async fn a_reader_sees_all_that_was_acknowledged_before(deployment: Deployment) {
    let pair = Pair::start().await;
    let system = pair.serve(deployment).await;
    let home = Home::new(&system, 5).await;
    let renamed = AtomicUsize::new(0);
    let (mut answers, first) = (0, [all_reads(system.a()).await, all_reads(system.b()).await]);
    for round in 0..20 * roomm8_tests::scale() {
        // Two write on either instance, one changes their name, two read on both, each by documents that nobody asked
        // before; and each knows what was acknowledged before it read.
        let acknowledged = Mutex::new(Vec::new());
        let writing = home.people[..2].iter().enumerate().map(async |(writer, person)| {
            for number in 0..5 {
                let server = if (writer + number) % 2 == 0 { system.a() } else { system.b() };
                let body = format!("{round} {writer} {number}");
                home.say(server, person, &body).await;
                acknowledged.lock().unwrap().push(body);
            }
        });
        let renaming = async {
            for number in 0..3 {
                let server = if number % 2 == 0 { system.b() } else { system.a() };
                let name = renamed.load(Ordering::Relaxed) + 1;
                let input = json!({ "displayName": format!("Name {name}") });
                home.people[4].on(server).done("updateProfile", input, "clientMutationId").await;
                renamed.store(name, Ordering::Relaxed);
            }
        };
        let reading = home.people[2..4].iter().enumerate().map(async |(reader, person)| {
            for number in 0..15 {
                let server = if (reader + number) % 2 == 0 { system.a() } else { system.b() };
                let before = acknowledged.lock().unwrap().clone();
                let name = renamed.load(Ordering::Relaxed);
                let document = format!("{CHAT} {}", pair.words());
                let seen = person.on(server).query(&document, json!({ "id": home.id })).await;
                let seen = seen["household"].clone();
                let told = bodies(&seen);
                for body in before {
                    assert!(told.contains(&body), "{body} was acknowledged, and is not in {told:?}");
                }
                assert_no_hole(&told);
                let told = newest_name(&seen);
                assert!(told >= name, "the name is {name}, and {told} was told");
            }
            15
        });
        let (_, (), read) = futures_util::join!(join_all(writing), renaming, join_all(reading));
        answers += read.iter().sum::<u64>();
        // Now that nobody writes, what is told to all is what is told to one.
        for server in [system.a(), system.b()] {
            pair.asks(&home, home.owner(), server).await;
            answers += 1;
        }
        pair.catch_up().await;
        for server in [system.a(), system.b()] {
            pair.asks(&home, home.owner(), server).await;
            answers += 1;
        }
    }
    let last = [all_reads(system.a()).await, all_reads(system.b()).await];
    let sum = |reads: &[[u64; 4]; 2], index: usize| reads[0][index] + reads[1][index];
    let [there, behind, busy, away] = [0, 1, 2, 3].map(|index| sum(&last, index) - sum(&first, index));
    eprintln!(
        "of {answers} answers {there} were read on the replica, {behind} not as it was behind, {busy} and {away} otherwise"
    );
    assert!(there >= 40, "{there} of {answers} were read on the replica");
    assert_eq!(there + behind + busy + away, answers, "every answer might have been read there");
}

const CHAT: &str = "query($id: ID!) { household(id: $id) { cursor members { nodes { displayName } }
    generalConversation { messages(last: 100) { nodes { body cursor author { displayName } } } } } }";

/// The number in the name of who changes theirs; 0 before the first time.
fn newest_name(household: &Value) -> usize {
    let members = household["members"]["nodes"].as_array().unwrap();
    let names = members.iter().map(|member| text(&member["displayName"]));
    names.filter_map(|name| name.strip_prefix("Name ")?.parse().ok()).max().unwrap_or_default()
}

async fn a_server_that_takes_writes_is_not_read_from(deployment: Deployment) {
    let pair = Pair::start().await;
    let system = pair.serve(deployment).await;
    let home = Home::new(&system, 2).await;
    pair.is_read_from(&system, &home).await;
    // As one that is promoted while connections to it are open.
    mariadb::run(&pair.replica.url(""), "SET GLOBAL read_only = OFF").await;
    let before = [read(system.a(), "there").await, read(system.b(), "there").await];
    for _ in 0..5 {
        for server in [system.a(), system.b()] {
            pair.asks(&home, home.owner(), server).await;
        }
    }
    assert_eq!([read(system.a(), "there").await, read(system.b(), "there").await], before);
    for server in [system.a(), system.b()] {
        assert!(server.log().contains("it takes writes, which a replica does not"), "{}", server.log());
    }
    mariadb::run(&pair.replica.url(""), "SET GLOBAL read_only = ON").await;
    pair.is_read_from(&system, &home).await;
}

async fn a_server_starts_without_its_replica(deployment: Deployment) {
    let pair = Pair::start().await;
    mariadb::run(&pair.replica.url(""), "CREATE DATABASE other").await;
    let nowhere = format!("mysql://roomm8:roomm8@127.0.0.1:{}/home", process::free_port());
    for (url, said) in [
        (nowhere, "is not read from, and the primary answers for it"),
        (pair.replica.url("other"), "__diesel_schema_migrations' doesn't exist"),
        (pair.primary.url("home"), "it takes writes, which a replica does not"),
    ] {
        let system = pair.serve_with(deployment, &url).await;
        for server in [system.a(), system.b()] {
            server.ready_within(Duration::from_secs(2)).await;
        }
        let home = Home::new(&system, 2).await;
        for server in [system.a(), system.b()] {
            pair.asks(&home, home.owner(), server).await;
            assert_eq!(read(server, "there").await, 0);
            assert!(read(server, "away").await > 0);
            wait::until_so(BACK, "it was said", async || server.log().contains(said)).await;
        }
    }
}

async fn a_password_of_the_replica_is_looked_up_at_once(deployment: Deployment) {
    let pair = Pair::start().await;
    let operator = pair.primary.url("");
    let first = new_password();
    mariadb::run(&operator, &format!("CREATE USER reader@'%' IDENTIFIED BY '{first}'")).await;
    mariadb::run(&operator, "GRANT SELECT ON home.* TO reader@'%'").await;
    let secret = SecretFile::with(&first);
    let address = roomm8_tests::mysql::address(&pair.replica.url("")).to_owned();
    let url = format!("mysql://reader:{}@{address}/home", secret.named(None));
    let system = pair.serve_with(deployment, &url).await;
    let home = Home::new(&system, 2).await;
    pair.is_read_from(&system, &home).await;
    let second = new_password();
    mariadb::run(&operator, &format!("ALTER USER reader@'%' IDENTIFIED BY '{second}'")).await;
    pair.catch_up().await;
    secret.becomes(&second);
    // Those that are signed in would stay so.
    mariadb::run(&pair.replica.url(""), "KILL USER reader").await;
    pair.is_read_from(&system, &home).await;
    for server in [system.a(), system.b()] {
        assert_eq!(server.log().matches("DATABASE_READ_URL is taken up anew").count(), 1);
        assert!(!server.log().contains(&second[..16]));
    }
}

async fn without_answers_that_are_kept_nothing_is_read_there(deployment: Deployment) {
    let pair = Pair::start().await;
    let plan = deployment.own().servers(1).with("DATABASE_URL", &pair.primary.url("home"));
    let plan = plan.with("DATABASE_READ_URL", &pair.replica.url("home")).with("ANSWER_BYTES", "0");
    let system = plan.with("LIMITS", "cost=100000").with("COST_BUCKET", "0").start().await;
    assert!(system.a().log().contains("nothing is read from DATABASE_READ_URL"), "{}", system.a().log());
    let home = Home::new(&system, 2).await;
    pair.asks(&home, home.owner(), system.a()).await;
    let (_, metrics) = system.a().anonymous().get("/metrics").await.unwrap();
    assert!(!metrics.contains("roomm8_replica"));
}
