//! Starting and stopping: one clear sentence when it cannot start, and nothing lost when it is asked to stop.

use std::{net::TcpListener, process::Output, time::Duration};

use roomm8_tests::client::Client;
use roomm8_tests::{
    Deployment, Heard, Home, Person, Socket,
    mariadb::{self, Mariadb},
    mysql, on_both, on_mysql, process, server, wait,
};
use serde_json::json;

on_both!(
    a_server_asked_to_stop_moves_its_sockets_and_ends_well,
    who_has_not_heard_that_it_stops_is_answered,
    a_port_in_use_is_said_in_one_sentence,
    it_says_when_it_is_alive_and_ready,
    a_restarted_server_remembers,
    graphiql_can_be_left_out,
    the_schema_is_told_to_whom_it_shall_be,
);
on_mysql!(two_servers_starting_at_once_migrate_one_database);

/// Runs `roomm8` to its end, which must come soon.
async fn run(env: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = server::command(&process::folder("start"));
    command.args(arguments).envs(env.iter().copied()).stdin(std::process::Stdio::null());
    let running = tokio::task::spawn_blocking(move || {
        let mut command = tokio::process::Command::from(command);
        command.kill_on_drop(true);
        command
    });
    let mut command = running.await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(30), command.output()).await;
    ended
        .unwrap_or_else(|_| panic!("roomm8 with {env:?} neither listened nor ended"))
        .expect("roomm8 can be run")
}

/// It ended badly, and said why in a line or two that hold `word`, not in a backtrace.
fn assert_one_sentence(output: &Output, word: &str) {
    assert!(!output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    assert!((1..=3).contains(&lines.len()), "it said:\n{said}");
    assert!(said.to_lowercase().contains(&word.to_lowercase()), "{word} was to be named in:\n{said}");
    let noise = ["panicked", "stack backtrace", "RUST_BACKTRACE", "Os {", "Error {"];
    assert!(!noise.iter().any(|noise| said.contains(noise)), "it said:\n{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_database_url_is_said_in_one_sentence() {
    for url in ["postgres://localhost/roomm8", "nonsense", "mysql://", "sqlite:///dev/null/roomm8.sqlite3"] {
        let output = run(&[("DATABASE_URL", url), ("LISTEN_ADDR", "127.0.0.1:0")], &["serve"]).await;
        assert_one_sentence(&output, "DATABASE_URL");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_cannot_be_one_is_said_in_one_sentence() {
    let mysql = "mysql://roomm8:secret@127.0.0.1:3306/home";
    for (database, replica) in [
        ("sqlite://roomm8.sqlite3", mysql),
        (mysql, "sqlite://roomm8.sqlite3"),
        (mysql, "mysql://roomm8:secret@127.0.0.1:3306"),
        (mysql, "mysql://roomm8:{file:/nowhere}@127.0.0.1:3306/home"),
    ] {
        let env =
            [("DATABASE_URL", database), ("DATABASE_READ_URL", replica), ("LISTEN_ADDR", "127.0.0.1:0")];
        let output = run(&env, &["serve"]).await;
        assert_one_sentence(&output, "DATABASE_READ_URL");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("secret"));
    }
    let shown = run(&[("DATABASE_READ_URL", mysql)], &["config"]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("DATABASE_READ_URL=mysql://roomm8:***@127.0.0.1:3306/home"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_to_the_database_can_be_encrypted() {
    let folder = process::folder("certificates");
    let file = |name: &str, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let certificate = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let stranger = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let ca = file("server.pem", &certificate.cert.pem());
    let stranger = file("stranger.pem", &stranger.cert.pem());
    let key = file("server.key", &certificate.signing_key.serialize_pem());
    let database = Mariadb::start_with(vec![format!("--ssl-cert={ca}"), format!("--ssl-key={key}")]).await;
    let operator = database.url("");
    for statement in [
        "CREATE DATABASE home CHARACTER SET utf8mb4",
        "CREATE USER careful@'%' IDENTIFIED BY 'word' REQUIRE SSL",
        "GRANT ALL ON home.* TO careful@'%'",
    ] {
        mariadb::run(&operator, statement).await;
    }
    let url = format!("mysql://careful:word@{}/home", mysql::address(&operator));
    let migrate = async |ca: &str| run(&[("DATABASE_URL", &url), ("DATABASE_CA", ca)], &["migrate"]).await;
    let output = migrate(&ca).await;
    assert!(output.status.success(), "{output:?}");
    assert_one_sentence(&migrate(&stranger).await, "certificate");
    assert_one_sentence(&migrate("/nowhere.pem").await, "DATABASE_CA");
    assert_one_sentence(&run(&[("DATABASE_URL", &url)], &["migrate"]).await, "Access denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_mysql_is_said_in_one_sentence() {
    let port = process::free_port().to_string();
    let url = format!("mysql://roomm8:a-secret-word@127.0.0.1:{port}/roomm8");
    let output = run(&[("DATABASE_URL", &url), ("LISTEN_ADDR", "127.0.0.1:0")], &["serve"]).await;
    assert_one_sentence(&output, &port);
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(!said.contains("a-secret-word"), "a password was printed: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mysql_that_refuses_the_password_is_said_in_one_sentence() {
    let mysql = Mariadb::start().await;
    let url = mysql.url("nothing").replacen("roomm8:roomm8", "roomm8:wrong-password", 1);
    let output = run(&[("DATABASE_URL", &url), ("LISTEN_ADDR", "127.0.0.1:0")], &["serve"]).await;
    assert_one_sentence(&output, "denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_redis_is_said_in_one_sentence() {
    let folder = process::folder("sqlite");
    let database = format!("sqlite://{}", folder.join("roomm8.sqlite3").display());
    let port = process::free_port().to_string();
    let redis = format!("redis://127.0.0.1:{port}");
    let env = [("DATABASE_URL", database.as_str()), ("REDIS_URL", &redis), ("LISTEN_ADDR", "127.0.0.1:0")];
    assert_one_sentence(&run(&env, &["serve"]).await, "redis");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_way_for_letters_is_said_in_one_sentence() {
    const TOPIC: (&str, &str) = ("SNS_TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:letters");
    const SERVER: (&str, &str) = ("SMTP_URL", "smtps://user:a-secret-word@mail.example.org");
    const FROM: (&str, &str) = ("MAIL_FROM", "RoomM8 <letters@example.org>");
    for (settings, word) in [
        (vec![("SNS_TOPIC_ARN", "letters")], "arn:aws:sns:"),
        (vec![TOPIC], "PUBLIC_URL"),
        (vec![TOPIC, SERVER, FROM], "one of them"),
        (vec![SERVER, ("MAIL_FROM", "")], "MAIL_FROM"),
        (vec![SERVER, FROM], "PUBLIC_URL"),
        (vec![SERVER, ("MAIL_FROM", "nobody")], "letters@example.org"),
        (vec![("SMTP_URL", "mail.example.org"), FROM], "smtps://"),
        (vec![("SMTP_URL", "smtp://user:a-secret-word@mail.example.org"), FROM], "?tls=required"),
    ] {
        let database = format!("sqlite://{}", process::folder("sqlite").join("roomm8.sqlite3").display());
        let always = [("DATABASE_URL", database.as_str()), ("LISTEN_ADDR", "127.0.0.1:0")];
        let output = run(&[&always[..], &settings].concat(), &["serve"]).await;
        assert_one_sentence(&output, word);
        assert!(!String::from_utf8_lossy(&output.stderr).contains("a-secret-word"), "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_one_sqlite_file_refuses_to_start() {
    let system = Deployment::OneProcess.own().start().await;
    let env = [("DATABASE_URL", system.database_url.as_str()), ("LISTEN_ADDR", "127.0.0.1:0")];
    let start = std::time::Instant::now();
    let output = run(&env, &["serve"]).await;
    assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
    assert_one_sentence(&output, "process");
    // The first is not disturbed.
    Home::new(&system, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_is_a_command_of_its_own() {
    let folder = process::folder("migrate");
    let database = format!("sqlite://{}", folder.join("roomm8.sqlite3").display());
    for _ in 0..2 {
        let output = run(&[("DATABASE_URL", &database)], &["migrate"]).await;
        assert!(output.status.success(), "{output:?}");
    }
    assert!(folder.join("roomm8.sqlite3").exists());
}

async fn a_port_in_use_is_said_in_one_sentence(deployment: Deployment) {
    let system = deployment.own().servers(1).start().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = process::folder("sqlite");
    // A database of its own, so that the port is all there is to complain about.
    let database = match deployment {
        Deployment::OneProcess => format!("sqlite://{}", folder.join("roomm8.sqlite3").display()),
        Deployment::TwoProcesses => system.database_url.clone(),
    };
    let output = run(&[("DATABASE_URL", &database), ("LISTEN_ADDR", &address)], &["serve"]).await;
    assert_one_sentence(&output, &address);
}

async fn it_says_when_it_is_alive_and_ready(deployment: Deployment) {
    let system = deployment.system().await;
    for server in &system.servers {
        let client = server.anonymous();
        for path in ["/livez", "/readyz", "/schema.graphql", "/metrics", "/"] {
            let (status, body) = client.get(path).await.unwrap();
            assert_eq!(status, 200, "{path}: {body}");
        }
        let (_, sdl) = client.get("/schema.graphql").await.unwrap();
        assert!(sdl.contains("type Household implements Node"), "{sdl}");
        assert_eq!(client.get("/no/such/page").await.unwrap().0, 404);
    }
}

async fn graphiql_can_be_left_out(deployment: Deployment) {
    let system = deployment.own().servers(1).with("GRAPHIQL", "off").start().await;
    for path in ["/", "/graphiql.js", "/graphiql.css"] {
        assert_eq!(system.a().anonymous().get(path).await.unwrap().0, 404, "{path}");
    }
}

async fn the_schema_is_told_to_whom_it_shall_be(deployment: Deployment) {
    const QUERY: &str = "{ __schema { queryType { name } } }";
    for (who, may_strangers, may_members) in
        [("everybody", true, true), ("signed-in", false, true), ("off", false, false)]
    {
        let system = deployment.own().servers(1).with("INTROSPECTION", who).start().await;
        let home = Home::new(&system, 1).await;
        for (client, may) in
            [(system.a().anonymous(), may_strangers), (home.owner().on(system.a()), may_members)]
        {
            let (status, text) = client.get("/schema.graphql").await.unwrap();
            let answer = client.ask(QUERY, json!({})).await.unwrap();
            if may {
                assert_eq!((status.as_u16(), answer.code()), (200, None), "{who}: {text}");
            } else {
                assert_eq!(
                    (status.as_u16(), answer.code()),
                    (403, Some("INTROSPECTION_OFF")),
                    "{who}: {text}"
                );
                assert!(text.contains("INTROSPECTION_OFF"), "{text}");
            }
        }
    }
}

async fn a_server_asked_to_stop_moves_its_sockets_and_ends_well(deployment: Deployment) {
    let system = deployment.own().start().await;
    let home = Home::new(&system, 1).await;
    let server = system.a();
    let mut sockets = Vec::new();
    for _ in 0..5 {
        let mut socket = Socket::open(&server.address(), Some(&home.owner().token)).await.unwrap();
        let document = "subscription($id: ID!) { messages(householdId: $id) { kind } }";
        socket.subscribe(document, json!({ "id": home.id })).await;
        socket.next(Duration::from_secs(10)).await;
        sockets.push(socket);
    }
    server.terminate();
    for mut socket in sockets {
        let mut end = socket.end_within(Duration::from_secs(10)).await.1;
        // A subscription may be completed before its socket closes.
        while !matches!(end, Heard::Closed { .. }) {
            end = socket.end_within(Duration::from_secs(10)).await.1;
        }
        assert!(matches!(end, Heard::Closed { code: Some(1012), .. }), "{end:?}");
    }
    let status = server.end_within(Duration::from_secs(12)).await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
}

async fn who_has_not_heard_that_it_stops_is_answered(deployment: Deployment) {
    let system = deployment.own().with("DRAIN_SECONDS", "10").start().await;
    let ada = Person::new(&system, "Ada").await;
    let server = system.a();
    // Over a connection that is open and idle, and over new ones.
    let idle = ada.on(server);
    let ask = async |client: &Client| {
        let answer = client.ask("{ viewer { email } }", json!({})).await.expect("it is answered");
        assert_eq!(answer.code(), None);
    };
    ask(&idle).await;
    server.terminate();
    wait::until_so(Duration::from_secs(3), "it was about to stop", async || {
        server.anonymous().get("/readyz").await.expect("it is answered").0 == 503
    })
    .await;
    ask(&idle).await;
    ask(&Client::new(&server.address(), Some(&ada.token))).await;
    assert_eq!(server.end_within(Duration::from_secs(12)).await.code(), Some(0), "{}", server.log());
}

async fn a_restarted_server_remembers(deployment: Deployment) {
    let system = deployment.own().start().await;
    let home = Home::new(&system, 1).await;
    home.say(system.a(), home.owner(), "remember me").await;
    let cursor = home.cursor(system.a(), home.owner()).await;
    for server in &system.servers {
        server.terminate();
        server.end_within(Duration::from_secs(12)).await;
        server.restart().await;
    }
    assert_eq!(home.cursor(system.b(), home.owner()).await, cursor, "a cursor outlives the process");
}

async fn two_servers_starting_at_once_migrate_one_database(_: Deployment) {
    let mysql = roomm8_tests::mysql::Mysql::shared().await;
    let url = mysql.new_database().await;
    let env = [("DATABASE_URL", url.as_str())];
    let (one, other) = tokio::join!(run(&env, &["migrate"]), run(&env, &["migrate"]));
    assert!(one.status.success() && other.status.success(), "{one:?} {other:?}");
}

/// Whoever kept the log has died: that stops neither the letters nor the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_log_nobody_reads_still_stops_when_asked() {
    let folder = process::folder("unread");
    let address = format!("127.0.0.1:{}", process::free_port());
    let mut command = server::command(&folder);
    let database = format!("sqlite://{}", folder.join("roomm8.sqlite3").display());
    command.arg("serve").env("DATABASE_URL", database).env("LISTEN_ADDR", &address);
    let piped = std::process::Stdio::piped;
    let mut running = command.stdout(piped()).stderr(piped()).spawn().unwrap();
    wait::until_so(Duration::from_secs(30), "the server served", async || {
        Client::new(&address, None).get("/livez").await.is_ok()
    })
    .await;
    drop((running.stdout.take(), running.stderr.take()));
    let ended =
        std::process::Command::new("kill").args(["-TERM", &running.id().to_string()]).status().unwrap();
    assert!(ended.success());
    let mut code = None;
    wait::until_so(Duration::from_secs(20), "the server stopped", async || {
        code = running.try_wait().unwrap();
        code.is_some()
    })
    .await;
    assert_eq!(code.and_then(|code| code.code()), Some(0));
}
