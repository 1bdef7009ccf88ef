//! Faults under load: whatever dies in between costs time, never an event. One checker judges them all.
//!
//! The sizes are everyday ones, so that the whole suite stays short; `ROOMM8_TEST_SCALE` multiplies them.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, future::join_all};
use mysql_async::prelude::Queryable;
use roomm8_tests::{
    Deployment, Home, Person, Socket, System, client, mariadb, on_both, on_mysql,
    people::text,
    proxy::{Proxy, Way},
    redis, scale, wait,
    workload::{Running, Workload},
};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

on_both!(
    an_instance_is_killed_again_and_again,
    an_instance_freezes_and_thaws,
    every_instance_is_killed_at_once,
    instances_are_restarted_one_after_the_other,
    a_herd_of_subscribers_loses_its_sockets_at_once,
    subscribers_who_never_read_are_cut_off,
    a_member_is_removed_in_the_flood,
    crowds_vanish_with_their_requests_in_flight,
);

on_mysql!(
    the_database_is_killed_and_restarted,
    the_database_freezes,
    the_database_is_slow,
    the_database_resets_connections,
    an_answer_is_lost_after_commit,
    one_household_is_locked_and_others_go_on,
    redis_is_killed_and_returns_empty,
    redis_freezes,
    redis_cuts_its_subscribers,
    redis_output_buffers_overflow,
    redis_refuses_everything,
    redis_carries_poison,
);

/// How long a run may take to send what is asked of it, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// How soon everybody must have caught up once all is well again. The servers' own promise is 3 s; the rest is for
/// a machine that builds and tests at the same time.
const CAUGHT_UP: Duration = Duration::from_secs(8);

async fn workload(system: &System) -> (Home, Running) {
    let home = Home::new(system, 4).await;
    let running = Workload::default().start(&home, &system.addresses()).await;
    running.acknowledged(10, PATIENCE).await;
    (home, running)
}

/// Pages of logs read by all servers, for everybody or for one.
async fn log_reads(system: &System) -> f64 {
    let reads = system.servers.iter().map(|server| server.metric("roomm8_hub_log_reads_total"));
    join_all(reads).await.iter().sum()
}

async fn finish_well(running: Running) -> roomm8_tests::workload::Report {
    running.acknowledged(20, PATIENCE).await;
    let report = running.finish(PATIENCE).await;
    report.assert_kept().assert_caught_up_within(CAUGHT_UP);
    report
}

/// Row 1: `kill -9` of one instance, again and again.
async fn an_instance_is_killed_again_and_again(deployment: Deployment) {
    let system = deployment.own().heavy().start().await;
    let (_, running) = workload(&system).await;
    for round in 0..3 * scale() {
        let server = &system.servers[round % system.servers.len()];
        server.kill();
        if system.servers.len() > 1 {
            running.acknowledged(5, PATIENCE).await;
        }
        server.restart().await;
        running.acknowledged(10, PATIENCE).await;
    }
    finish_well(running).await;
}

/// Row 2: an instance freezes; its subscribers move, and what it says after the thaw repeats nothing.
async fn an_instance_freezes_and_thaws(deployment: Deployment) {
    let system = deployment.own().heavy().start().await;
    let (_, running) = workload(&system).await;
    for _ in 0..scale() {
        system.a().pause();
        // Long enough for those who listen there to lose patience. Nobody is promised to get a word in meanwhile:
        // the household's lock may be in the frozen instance's hands.
        tokio::time::sleep(Duration::from_secs(6)).await;
        system.a().resume();
        running.acknowledged(10, PATIENCE).await;
    }
    finish_well(running).await;
}

/// Row 3: all instances are killed at once.
async fn every_instance_is_killed_at_once(deployment: Deployment) {
    let system = deployment.own().heavy().start().await;
    let (_, running) = workload(&system).await;
    for _ in 0..2 * scale() {
        system.servers.iter().for_each(roomm8_tests::server::Server::kill);
        join_all(system.servers.iter().map(roomm8_tests::server::Server::restart)).await;
        running.acknowledged(20, PATIENCE).await;
    }
    finish_well(running).await;
}

/// Row 4: a rolling restart fails no request that is tried once more.
async fn instances_are_restarted_one_after_the_other(deployment: Deployment) {
    let system = deployment.own().heavy().start().await;
    let (_, running) = workload(&system).await;
    for server in &system.servers {
        server.terminate();
        let stopping = Instant::now();
        assert_eq!(server.end_within(Duration::from_secs(10)).await.code(), Some(0), "{}", server.log());
        assert!(stopping.elapsed() < Duration::from_secs(10));
        server.restart().await;
        running.acknowledged(10, PATIENCE).await;
    }
    let report = finish_well(running).await;
    if system.servers.len() > 1 {
        assert!(report.most_attempts <= 2, "a message took {} attempts", report.most_attempts);
    }
}

/// Row 5: `kill -9` of the database.
async fn the_database_is_killed_and_restarted(deployment: Deployment) {
    let system = deployment.own().harming_the_database().start().await;
    let (_, running) = workload(&system).await;
    for _ in 0..2 * scale() {
        system.mysql().kill();
        let client = system.a().anonymous();
        wait::until_so(Duration::from_secs(10), "the server said that it is not ready", async || {
            client.get("/readyz").await.is_ok_and(|(status, _)| status == 503)
        })
        .await;
        let (status, _) = client.get("/livez").await.unwrap();
        assert_eq!(status, 200, "the process itself is alive");
        system.mysql().restart().await;
        let back = Instant::now();
        running.acknowledged(1, Duration::from_secs(10)).await;
        assert!(back.elapsed() < Duration::from_secs(6), "the first write took {:?}", back.elapsed());
        running.acknowledged(20, PATIENCE).await;
    }
    finish_well(running).await;
}

/// Row 6: the database freezes: calls fail in time, and everything comes back by itself.
async fn the_database_freezes(deployment: Deployment) {
    let system = deployment.own().harming_the_database().start().await;
    let (home, running) = workload(&system).await;
    system.mysql().pause();
    let frozen = Instant::now();
    let document = "query($id: ID!) { household(id: $id) { name } }";
    let client = home.owner().on(system.a());
    let mut slowest = Duration::ZERO;
    while frozen.elapsed() < Duration::from_secs(7) * u32::try_from(scale()).unwrap() {
        let asked = Instant::now();
        let answer = client.ask(document, json!({ "id": home.id })).await;
        let answer =
            answer.unwrap_or_else(|error| panic!("a frozen database left a call unanswered: {error}"));
        assert!(answer.is_passing(), "{answer:?}");
        slowest = slowest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    system.mysql().resume();
    let back = Instant::now();
    assert!(slowest < Duration::from_millis(4500), "a call took {slowest:?}");
    running.acknowledged(1, Duration::from_secs(10)).await;
    assert!(back.elapsed() < Duration::from_secs(5), "the first write took {:?}", back.elapsed());
    finish_well(running).await;
    system.a().ready_within(Duration::from_secs(5)).await;
}

/// Row 7: the database is slow: everything works, slower, and sockets stay alive.
async fn the_database_is_slow(deployment: Deployment) {
    let system = deployment.own().proxied().start().await;
    let home = Home::new(&system, 2).await;
    let workload = Workload { senders: 1, subscribers: 3, ..Workload::default() };
    let running = workload.start(&home, &system.addresses()).await;
    running.acknowledged(5, PATIENCE).await;
    let slow = Instant::now();
    system.database_proxy().delay(Duration::from_millis(40));
    running.acknowledged(15 * scale(), PATIENCE).await;
    let mut socket = Socket::open(&system.a().address(), Some(&home.owner().token)).await.unwrap();
    for _ in 0..5 {
        let asked = Instant::now();
        socket.ping().await;
        assert_eq!(socket.hear_within(Duration::from_secs(1)).await, Some(roomm8_tests::Heard::Pong));
        assert!(asked.elapsed() < Duration::from_millis(300), "a ping took {:?}", asked.elapsed());
    }
    let end = Instant::now();
    system.database_proxy().heal();
    let report = finish_well(running).await;
    let p99 = report.send_p99(slow, end);
    assert!(p99 < Duration::from_secs(3), "99 of 100 sends took up to {p99:?}");
}

/// Row 8: connections to the database are reset again and again.
async fn the_database_resets_connections(deployment: Deployment) {
    let system = deployment.own().proxied().start().await;
    let (_, running) = workload(&system).await;
    for _ in 0..6 * scale() {
        system.database_proxy().reset(0.3);
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    running.acknowledged(20, PATIENCE).await;
    finish_well(running).await;
}

/// Row 9: the database commits and its answer is lost: the retry finds the message and makes no second one.
async fn an_answer_is_lost_after_commit(deployment: Deployment) {
    let system = deployment.own().proxied().start().await;
    let (_, running) = workload(&system).await;
    // Shorter than the servers wait for their database, and longer.
    for seconds in [1, 5].repeat(scale()) {
        system.database_proxy().stall(Way::Down);
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        system.database_proxy().reset(1.0);
        system.database_proxy().heal();
        running.acknowledged(20, PATIENCE).await;
    }
    finish_well(running).await;
}

/// Row 10: one household is locked from outside; the others do not notice. The one scenario that knows a table.
async fn one_household_is_locked_and_others_go_on(deployment: Deployment) {
    let system = deployment.own().heavy().start().await;
    let locked = Home::new(&system, 2).await;
    let mut conn = mariadb::connect(&system.database_url).await.unwrap();
    // Without gap locks, so that only households that exist by now are locked.
    conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await.unwrap();
    conn.query_drop("BEGIN").await.unwrap();
    conn.query_drop("SELECT head FROM household_streams FOR UPDATE").await.unwrap();
    let (_, running) = workload(&system).await;
    let start = Instant::now();
    let blocked = join_all((0..12).map(async |number| {
        let asked = Instant::now();
        let input = json!({ "conversationId": locked.general, "body": format!("blocked {number}") });
        let document = client::mutation("sendMessage", "cursor");
        let person = &locked.people[number % 2];
        let answer = person.on(&system.servers[number % 2]).ask(&document, json!({ "input": input })).await;
        (answer.unwrap(), asked.elapsed())
    }));
    let others = running.acknowledged(30, PATIENCE);
    let (blocked, ()) = tokio::join!(blocked, others);
    for (answer, took) in &blocked {
        assert!(answer.is_passing(), "{answer:?}");
        // Those at the lock are let go by InnoDB's own clock, which ticks once a second.
        assert!(*took < Duration::from_secs(3), "a blocked send took {took:?}");
    }
    let mut waits: Vec<_> = blocked.iter().map(|(_, took)| *took).collect();
    waits.sort();
    assert!(waits[4] < Duration::from_millis(1500), "most blocked sends wait for no lock: {waits:?}");
    let end = Instant::now();
    conn.query_drop("ROLLBACK").await.unwrap();
    wait::until_so(Duration::from_secs(5), "the lock was let go", async || {
        let input = json!({ "conversationId": locked.general, "body": "free again" });
        let document = client::mutation("sendMessage", "cursor");
        let answer = locked.owner().on(system.a()).ask(&document, json!({ "input": input })).await;
        answer.is_ok_and(|answer| answer.code().is_none())
    })
    .await;
    let report = finish_well(running).await;
    let p99 = report.send_p99(start, end);
    assert!(p99 < Duration::from_secs(1), "99 of 100 sends to other households took up to {p99:?}");
}

/// Row 17: Redis is killed: chat goes on by polling, throttles still hold, and it heals by itself.
async fn redis_is_killed_and_returns_empty(deployment: Deployment) {
    let system = deployment.own().with("THROTTLE", "on").heavy().start().await;
    // With throttles on, people may send twenty messages in ten seconds.
    let home = Home::new(&system, 6).await;
    let workload = Workload { senders: 6, pause: Duration::from_millis(900), ..Workload::default() };
    let running = workload.start(&home, &system.addresses()).await;
    running.acknowledged(10, PATIENCE).await;
    system.redis().kill();
    let dead = Instant::now();
    running.acknowledged(30 * scale(), PATIENCE).await;
    assert_guesses_are_slowed(&system, home.owner()).await;
    let back = Instant::now();
    system.redis().restart().await;
    running.acknowledged(10, PATIENCE).await;
    // Three seconds after its return it is used again.
    tokio::time::sleep(Duration::from_secs(3).saturating_sub(back.elapsed())).await;
    let healed = Instant::now();
    running.acknowledged(20, PATIENCE).await;
    let end = Instant::now();
    let report = finish_well(running).await;
    let by_poll = report.delivery_p99(dead, back);
    assert!(by_poll < Duration::from_millis(2500), "99 of 100 deliveries by polling took up to {by_poll:?}");
    let by_redis = report.delivery_p99(healed, end);
    assert!(
        by_redis < Duration::from_millis(900),
        "99 of 100 deliveries took up to {by_redis:?} after its return"
    );
}

async fn assert_guesses_are_slowed(system: &System, person: &Person) {
    let document = client::mutation("login", "token userErrors { code }");
    let mut guesses = 0;
    for number in 0..16 {
        let input = json!({ "email": person.email, "password": format!("a wrong guess, number {number}") });
        let server = &system.servers[number % system.servers.len()];
        let answer = server.anonymous().ask(&document, json!({ "input": input })).await.unwrap();
        guesses += usize::from(answer.code() != Some("RATE_LIMITED"));
    }
    assert!(guesses <= 8, "{guesses} of 16 guesses were let through without Redis");
}

/// Row 18: Redis freezes: sending does not wait for it.
async fn redis_freezes(deployment: Deployment) {
    let system = deployment.own().heavy().start().await;
    let (_, running) = workload(&system).await;
    system.redis().pause();
    let frozen = Instant::now();
    running.acknowledged(60 * scale(), PATIENCE).await;
    tokio::time::sleep(Duration::from_secs(4).saturating_sub(frozen.elapsed())).await;
    let end = Instant::now();
    system.redis().resume();
    let report = finish_well(running).await;
    let p99 = report.send_p99(frozen, end);
    assert!(p99 < Duration::from_millis(1500), "99 of 100 sends took up to {p99:?} while Redis was frozen");
}

/// Row 19: Redis cuts its subscribers again and again: each return is followed by a read.
async fn redis_cuts_its_subscribers(deployment: Deployment) {
    let system = deployment.own().heavy().start().await;
    let (_, running) = workload(&system).await;
    for _ in 0..5 * scale() {
        let _: i64 = system.redis().ask(&["CLIENT", "KILL", "TYPE", "pubsub"]).await.unwrap();
        running.acknowledged(10, PATIENCE).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    finish_well(running).await;
}

/// The channels that the servers listen on.
async fn channels(system: &System) -> Vec<String> {
    wait::until(Duration::from_secs(10), "the servers listened on Redis", async || {
        let channels: Vec<String> = system.redis().ask(&["PUBSUB", "CHANNELS", "*"]).await.ok()?;
        (!channels.is_empty()).then_some(channels)
    })
    .await
}

/// Row 20: an instance that does not read is cut off by Redis, and catches up when it does.
async fn redis_output_buffers_overflow(deployment: Deployment) {
    let system = deployment.own().heavy().start().await;
    let limit = ["CONFIG", "SET", "client-output-buffer-limit", "pubsub 256kb 128kb 1"];
    let _: () = system.redis().ask(&limit).await.unwrap();
    let (_, running) = workload(&system).await;
    let channel = channels(&system).await.swap_remove(0);
    system.a().pause();
    let load = "x".repeat(64 * 1024);
    for _ in 0..200 * scale() {
        let _: i64 = system.redis().ask(&["PUBLISH", &channel, &load]).await.unwrap();
    }
    wait::until_so(PATIENCE, "Redis cut the instance that does not read", async || {
        let statistics: String = system.redis().ask(&["INFO", "stats"]).await.unwrap();
        !statistics.contains("client_output_buffer_limit_disconnections:0")
    })
    .await;
    system.a().resume();
    finish_well(running).await;
}

/// Row 21: Redis is out of memory, closed to this user, out of clients: all as good as dead.
async fn redis_refuses_everything(deployment: Deployment) {
    let system = deployment.own().with("THROTTLE", "on").heavy().start().await;
    let home = Home::new(&system, 6).await;
    let workload = Workload { senders: 6, pause: Duration::from_millis(900), ..Workload::default() };
    let running = workload.start(&home, &system.addresses()).await;
    running.acknowledged(6, PATIENCE).await;
    // Each harm, and how it is undone, on one connection that is open beforehand.
    let harms: [(&[&str], &[&str]); 3] = [
        (&["CONFIG", "SET", "maxmemory", "1"], &["CONFIG", "SET", "maxmemory", "0"]),
        (
            &["ACL", "SETUSER", "default", "-publish", "-subscribe", "resetchannels"],
            &["ACL", "SETUSER", "default", "+@all", "allchannels"],
        ),
        (&["CONFIG", "SET", "maxclients", "1"], &["CONFIG", "SET", "maxclients", "10000"]),
    ];
    let mut conn = redis::connect(&system.redis().url()).await.unwrap();
    for (harm, cure) in harms {
        let mut run = async |words: &[&str]| {
            let mut command = ::redis::cmd(words[0]);
            command.arg(&words[1..]);
            command.query_async::<()>(&mut conn).await.unwrap();
        };
        run(harm).await;
        run(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
        running.acknowledged(12 * scale(), PATIENCE).await;
        run(cure).await;
    }
    assert_guesses_are_slowed(&system, home.owner()).await;
    finish_well(running).await;
}

/// Row 22: nonsense and lies on the channels cost at most a read.
async fn redis_carries_poison(deployment: Deployment) {
    let system = deployment.own().heavy().start().await;
    let client = ::redis::Client::open(system.redis().url()).unwrap();
    let mut listening = client.get_async_pubsub().await.unwrap();
    listening.psubscribe("*").await.unwrap();
    let mut messages = listening.into_on_message();
    let (_, running) = workload(&system).await;
    // A genuine wake-up, from which lies are made.
    let genuine = tokio::time::timeout(PATIENCE, messages.next()).await.unwrap().unwrap();
    let genuine = String::from_utf8_lossy(genuine.get_payload_bytes()).into_owned();
    let lies: Vec<String> = vec![
        String::new(),
        "nonsense".into(),
        "{}".into(),
        "[[[[[[[[[[".into(),
        "\u{0}\u{1}\u{2}".into(),
        "9".repeat(400),
        far_future(&genuine),
        genuine.replace(|digit: char| digit.is_ascii_digit(), "0"),
        genuine.chars().take(genuine.chars().count() / 2).collect(),
        "x".repeat(1024 * 1024),
    ];
    for channel in channels(&system).await {
        for lie in &lies {
            let _: i64 = system.redis().ask(&["PUBLISH", &channel, lie]).await.unwrap();
        }
    }
    finish_well(running).await;
    for server in &system.servers {
        assert!(!server.log().contains("panicked"), "{}", server.log());
    }
}

/// The same payload with its last number far in the future.
fn far_future(genuine: &str) -> String {
    let end = genuine.rfind(|digit: char| digit.is_ascii_digit()).map_or(0, |at| at + 1);
    let start = genuine[..end].rfind(|other: char| !other.is_ascii_digit()).map_or(0, |at| at + 1);
    format!("{}999999999999{}", &genuine[..start], &genuine[end..])
}

/// Row 25: all sockets are cut at once, and all return within their jitter.
async fn a_herd_of_subscribers_loses_its_sockets_at_once(deployment: Deployment) {
    let system = deployment.own().with("CONNECTIONS_PER_ADDRESS", "0").heavy().start().await;
    let home = Home::new(&system, 4).await;
    let proxies = join_all(system.addresses().iter().map(async |address| Proxy::start(address).await)).await;
    let size = 150 * scale();
    let workload = Workload {
        senders: 2,
        subscribers: size,
        listen_at: Some(proxies.iter().map(Proxy::address).collect()),
        pause: Duration::from_millis(300),
        restlessness: 0.0,
        silence: Duration::from_secs(5),
        ..Workload::default()
    };
    let running = workload.start(&home, &system.addresses()).await;
    let carried = || proxies.iter().map(Proxy::open).sum::<u64>();
    let everybody = u64::try_from(size).unwrap();
    wait::until_so(PATIENCE, "everybody listened", async || carried() >= everybody).await;
    running.acknowledged(5, PATIENCE).await;
    proxies.iter().for_each(Proxy::cut);
    wait::until_so(PATIENCE, "nobody listened", async || carried() == 0).await;
    running.acknowledged(5, PATIENCE).await;
    let reads_before = log_reads(&system).await;
    proxies.iter().for_each(Proxy::heal);
    let healed = Instant::now();
    wait::until_so(PATIENCE, "everybody listened again", async || carried() >= everybody).await;
    assert!(healed.elapsed() < Duration::from_secs(10), "the herd returned in {:?}", healed.elapsed());
    running.acknowledged(5, PATIENCE).await;
    // What is sent meanwhile is read as well, once by each instance; the herd's own return must not show.
    let reads = log_reads(&system).await - reads_before;
    assert!(reads < f64::from(u32::try_from(size).unwrap()) / 2.0, "{size} subscribers cost {reads} reads");
    finish_well(running).await;
}

/// Row 26: those who never read are cut off, and the others do not notice.
async fn subscribers_who_never_read_are_cut_off(deployment: Deployment) {
    let system = deployment.own().heavy().start().await;
    let home = Home::new(&system, 4).await;
    let slow = 10 * scale();
    let document = "subscription($id: ID!) { messages(householdId: $id) { message { id body } } }";
    let mut deaf = Vec::new();
    for number in 0..slow {
        let address = system.servers[number % system.servers.len()].address();
        let mut socket = Socket::open_narrow(&address, &home.people[3].token).await.unwrap();
        socket.subscribe(document, json!({ "id": home.id })).await;
        deaf.push(socket);
    }
    let workload = Workload { senders: 2, subscribers: 4, ..Workload::default() };
    let other = Home::of(&system, home.people[..3].to_vec()).await;
    let running = workload.start(&other, &system.addresses()).await;
    let start = Instant::now();
    // What fills the deaf sockets' buffers: as long as messages may be, in characters of four bytes.
    let long = "🧀".repeat(8000);
    let mut sent = 0;
    let is_cut = async || {
        let mut gone = 0.0;
        for server in &system.servers {
            gone += server.metric("roomm8_slow_consumers_closed_total").await;
        }
        gone >= f64::from(u32::try_from(slow).unwrap())
    };
    while !is_cut().await {
        assert!(start.elapsed() < Duration::from_mins(1), "they were not cut off after {sent} long messages");
        home.say(system.b(), home.owner(), &long).await;
        sent += 1;
    }
    let end = Instant::now();
    // Each heard why: the end of its subscription, or of the socket.
    drop(deaf);
    running.acknowledged(10, PATIENCE).await;
    let report = finish_well(running).await;
    let p99 = report.delivery_p99(start, end);
    assert!(p99 < Duration::from_secs(2), "99 of 100 deliveries to the others took up to {p99:?}");
}

/// Row 33: a member is removed and returns again and again while everybody writes.
async fn a_member_is_removed_in_the_flood(deployment: Deployment) {
    let system = deployment.own().heavy().start().await;
    let (home, running) = workload(&system).await;
    let person = home.newcomer(&system, "Revolving", "MEMBER").await;
    let member = home.member(system.a(), &person).await;
    let document =
        "subscription($id: ID!, $after: Cursor) { householdEvents(householdId: $id, after: $after) {
        cursor kind subject { ... on Member { id } } } }";
    for round in 0..5 * scale() {
        // What the owner hears is the whole log; what the removed member hears must end at the removal.
        let start = home.cursor(system.a(), home.owner()).await;
        let variables = json!({ "id": home.id, "after": start });
        let mut theirs = Socket::open(&system.b().address(), Some(&person.token)).await.unwrap();
        let mut whole = Socket::open(&system.a().address(), Some(&home.owner().token)).await.unwrap();
        theirs.subscribe(document, variables.clone()).await;
        whole.subscribe(document, variables).await;
        running.acknowledged(5, PATIENCE).await;
        home.remove(&system.servers[round % system.servers.len()], &member).await;
        let removed = Instant::now();
        let (heard, end) = theirs.end_within(Duration::from_secs(3)).await;
        assert!(removed.elapsed() < Duration::from_secs(1), "it took {:?}", removed.elapsed());
        assert_eq!(end.error_code(), Some("MEMBERSHIP_ENDED"), "{end:?}");
        let is_removal = |event: &Value| event["householdEvents"]["kind"] == "MEMBER_REMOVED";
        let log = whole.next_until(Duration::from_secs(10), is_removal).await;
        let log: Vec<String> = log.iter().map(|event| text(&event["householdEvents"]["cursor"])).collect();
        let heard: Vec<String> =
            heard.iter().map(|payload| text(&payload["data"]["householdEvents"]["cursor"])).collect();
        assert!(heard.len() <= log.len(), "they heard more than happened up to their removal");
        assert_eq!(heard, log[..heard.len()], "they heard something else than the log up to their removal");
        let token = home.invite(system.a(), "MEMBER", 1).await;
        person.join(system.b(), &token).await;
    }
    finish_well(running).await;
}

/// Row 34: a hundred times, everybody is gone before they are answered. Pools of connections have hung for good after that.
async fn crowds_vanish_with_their_requests_in_flight(deployment: Deployment) {
    const CROWDS: u64 = 100;
    const CROWD: usize = 64;
    // All of a crowd come from one address here, and its connections may be counted for a moment after it is gone.
    let system = deployment.own().with("CONNECTIONS_PER_ADDRESS", "0").heavy().start().await;
    let home = Home::new(&system, 4).await;
    let read =
        "query($id: ID!) { household(id: $id) { members { nodes { displayName } } tasks { nodes { title } }
        generalConversation { unreadCount messages { nodes { body author { displayName } } } } } }";
    let write = "mutation($input: SendMessageInput!) { sendMessage(input: $input) { cursor } }";
    let of_reader = json!({ "query": read, "variables": { "id": home.id } }).to_string();
    let input = json!({ "conversationId": home.general, "body": "are you there?" });
    let of_writer = json!({ "query": write, "variables": { "input": input } }).to_string();
    for crowd in 0..CROWDS {
        let sent = (0..CROWD).map(async |number| {
            let server = &system.servers[number % system.servers.len()];
            let token = &home.people[number % home.people.len()].token;
            let body = if number % 8 == 0 { &of_writer } else { &of_reader };
            let mut stream = TcpStream::connect(server.address()).await.unwrap();
            let head = format!(
                "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                 authorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            stream
        });
        let crowd_of = join_all(sent).await;
        // Not to wait for anything: from crowd to crowd they vanish later in their requests.
        tokio::time::sleep(Duration::from_micros(crowd * 100)).await;
        drop(crowd_of);
    }
    for server in &system.servers {
        wait::until_so(Duration::from_secs(10), "every connection was back", async || {
            server.metric("roomm8_db_connections_in_use").await == 0.0
                && server.metric("roomm8_db_connections_awaited").await == 0.0
        })
        .await;
        let asked = (0..CROWD).map(async |number| {
            let person = &home.people[number % home.people.len()];
            person.on(server).query(read, json!({ "id": home.id })).await
        });
        join_all(asked).await;
    }
    home.say(system.a(), home.owner(), "yes").await;
}
