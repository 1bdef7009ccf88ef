//! An outage, by a clock of the test's own.

use super::*;
use roomm8_db::account::{self, Registration};
use roomm8_db::{Options, notification};
use roomm8_tests::mysql::Mysql;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

const PEOPLE: usize = 40;
/// How often each asks for a new password before the outage; and once more in its midst.
const RESETS: usize = 4;
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const OUTAGE: i64 = 600;

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("roomm8-outage-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

async fn open(url: String) -> Database {
    Database::open(&Options { url, ca: None, connections: 4, throttles: false, stale: None }).await.unwrap()
}

async fn ask_for_resets(database: &Database) {
    for person in 0..PEOPLE {
        let email = format!("person-{person}@example.org");
        account::request_password_reset(database, &email, HERE).await.unwrap();
    }
}

/// Delivers all that is due at an instant; returns how many tries that were.
async fn relay_at(database: &Database, channel: &Channel, links: &Links, clock: &AtomicI64) -> usize {
    let mut tries = 0;
    loop {
        let clock = || Time::from_micros(clock.load(Ordering::Relaxed));
        match relay_once(database, channel, links, clock, &Shutdown::new()).await.unwrap() {
            0 => return tries,
            count => tries += count,
        }
    }
}

/// How many letters wait to be delivered.
async fn waiting(database: &Database, clock: &AtomicI64) -> i64 {
    let now = Time::from_micros(clock.load(Ordering::Relaxed));
    notification::backlog(&mut database.connection().await.unwrap(), now).await.unwrap().pending
}

async fn survive_an_outage(database: &Database, folder: &Path) {
    for person in 0..PEOPLE {
        let email = format!("person-{person}@example.org");
        let (password, display_name) = ("we water the ferns on sundays", "Ada");
        let registration = Registration { email: &email, password, display_name, ..Registration::default() };
        account::register(database, registration, HERE).await.unwrap();
    }
    for _ in 0..RESETS {
        ask_for_resets(database).await;
    }
    // What is no folder takes no letter.
    let mailbox = folder.join("mailbox");
    fs::write(&mailbox, "").unwrap();
    let channel = Channel::Log(Mailbox::in_folder(&mailbox));
    let links = Links { public_url: "http://localhost".into(), keys: Keys::of_this_process() };
    let clock = AtomicI64::new(Time::now().micros());
    let second = async |of_outage: i64| {
        let tries = relay_at(database, &channel, &links, &clock).await;
        clock.fetch_add(1_000_000, Ordering::Relaxed);
        if of_outage == OUTAGE / 2 {
            ask_for_resets(database).await;
        }
        tries
    };

    let mut tries = 0;
    for of_outage in 0..OUTAGE {
        tries += second(of_outage).await;
    }
    // Each person's first letter of both kinds is tried, and nothing that waits for it: after waits of 1 to 2 seconds, 2 to 4
    // and so on, that is 9 or 10 times.
    let heads = 2 * PEOPLE;
    let letters = PEOPLE * (1 + RESETS + 1);
    assert_eq!(usize::try_from(waiting(database, &clock).await), Ok(letters), "operators see all that waits");
    assert!((9 * heads..=10 * heads).contains(&tries), "{tries} tries of {heads} letters");

    fs::remove_file(&mailbox).unwrap();
    let mut delivered = Vec::new();
    // The longest wait is a quarter of an hour.
    for _ in 0..=900 {
        delivered.push(second(0).await);
    }
    let (most, at_first) =
        (delivered.iter().copied().max().unwrap_or_default(), delivered.iter().take(10).sum::<usize>());
    let busy = delivered.iter().filter(|count| **count > 0).count();
    println!(
        "{tries} tries in the outage; of {letters} letters {at_first} within 10 s after it, at most {most} in a second, in {busy} seconds"
    );
    assert_eq!(delivered.iter().sum::<usize>(), letters, "each once");
    assert!(most <= letters / 8 && at_first <= letters / 8, "a herd: {delivered:?}");
    assert_eq!(waiting(database, &clock).await, 0);

    let text = fs::read_to_string(mailbox.join("mailbox.jsonl")).unwrap();
    let kept: Vec<Letter> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(kept.iter().map(|letter| &letter.id).collect::<HashSet<_>>().len(), letters);
    let mut orders: BTreeMap<_, Vec<&String>> = BTreeMap::new();
    for letter in &kept {
        orders.entry((&letter.to, &letter.kind)).or_default().push(&letter.id);
    }
    assert_eq!(orders.len(), heads);
    for ((to, kind), ids) in orders {
        assert!(ids.is_sorted(), "{kind} to {to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_ten_minutes_loses_nothing_and_ends_without_a_herd() {
    let own = folder("sqlite");
    let database = open(format!("sqlite://{}", own.join("roomm8.sqlite3").display())).await;
    survive_an_outage(&database, &own).await;
    fs::remove_dir_all(own).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_ten_minutes_on_mysql_loses_nothing_either() {
    // Which server that may be, the end-to-end suite says.
    if std::env::var_os("ROOMM8_TEST_MYSQL_URL").is_none() {
        return;
    }
    let (own, mysql) = (folder("mysql"), Mysql::shared().await);
    let database = open(mysql.new_database().await).await;
    survive_an_outage(&database, &own).await;
    fs::remove_dir_all(own).unwrap();
}
