//! An outage of Amazon SNS, by a clock of the test's own.

use super::*;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use percent_encoding::percent_decode_str;
use roomm8_db::account::{self, Credentials, Registration};
use roomm8_db::announcement::{Importance, Post};
use roomm8_db::invitation::{self, Secret};
use roomm8_db::{HouseholdId, Options, Request, Role, UserId, household, notification};
use roomm8_tests::mysql::Mysql;
use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::{fs, mem};
use tokio::net::TcpSocket;

const PEOPLE: usize = 40;
/// How often each asks for a new password before the outage; and once more in its midst.
const RESETS: usize = 4;
/// So many of them live together. The first announces something to the others, whenever all have asked.
const RESIDENTS: usize = 8;
const PASSWORD: &str = "we water the ferns on sundays";
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// How long it is, in seconds.
const OUTAGE: usize = 600;
const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:letters.fifo";

/// What stands in for Amazon SNS: it turns everybody away until it is well.
#[derive(Default)]
struct StandIn {
    is_well: AtomicBool,
    turned_away: AtomicUsize,
    published: Mutex<Vec<Publication>>,
}

/// What it was given.
struct Publication {
    group: String,
    deduplication_id: String,
    letter: Letter,
}

impl StandIn {
    /// Listens from now on.
    fn listen(socket: TcpSocket) -> Arc<Self> {
        let stand_in = Arc::new(Self::default());
        let router = Router::new().route("/", post(publish)).with_state(stand_in.clone());
        let listener = socket.listen(1024).unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        stand_in
    }
}

async fn publish(State(stand_in): State<Arc<StandIn>>, form: String) -> (StatusCode, String) {
    if !stand_in.is_well.load(Ordering::Relaxed) {
        stand_in.turned_away.fetch_add(1, Ordering::Relaxed);
        return (StatusCode::SERVICE_UNAVAILABLE, String::new());
    }
    let fields = fields(&form);
    assert_eq!((fields["Action"].as_str(), fields["TopicArn"].as_str()), ("Publish", TOPIC));
    let publication = Publication {
        group: fields["MessageGroupId"].clone(),
        deduplication_id: fields["MessageDeduplicationId"].clone(),
        letter: serde_json::from_str(&fields["Message"]).unwrap(),
    };
    let answer = format!(
        "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\
         <PublishResult><MessageId>{}</MessageId></PublishResult>\
         <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></PublishResponse>",
        publication.deduplication_id
    );
    stand_in.published.lock().unwrap().push(publication);
    (StatusCode::OK, answer)
}

/// What a form says.
fn fields(form: &str) -> BTreeMap<String, String> {
    let said = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned();
    form.split('&')
        .map(|field| field.split_once('=').unwrap())
        .map(|(name, value)| (said(name), said(value)))
        .collect()
}

/// A household, and who founded it.
struct Home {
    owner: UserId,
    id: HouseholdId,
}

impl Home {
    async fn found(database: &Database) -> Self {
        let home = Self { owner: sign_in(database, 0).await, id: HouseholdId::new() };
        let elm_street = household::Create {
            name: "Elm Street 5".into(),
            time_zone: "Europe/Berlin".into(),
            currency: "EUR".into(),
        };
        database.perform(home.request(), &elm_street).await.unwrap();
        let invitation = invitation::Create {
            role: Role::Member,
            expires_in_hours: None,
            max_uses: Some(100),
            email: None,
        };
        let created = database.perform(home.request(), &invitation).await.unwrap().subject;
        let token = created.secrets.unwrap().token;
        for person in 1..RESIDENTS {
            let user = sign_in(database, person).await;
            invitation::accept(database, user, Secret::Token(&token), None).await.unwrap();
        }
        home
    }

    fn request(&self) -> Request<'static> {
        Request { user: self.owner, household: self.id, client_mutation_id: None }
    }

    async fn announce(&self, database: &Database) {
        let post = Post {
            title: "The water is off on Tuesday".into(),
            body: None,
            importance: Importance::Normal,
            is_pinned: false,
            requires_ack: false,
            expires_at: None,
        };
        database.perform(self.request(), &post).await.unwrap();
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("roomm8-outage-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

async fn open(url: String) -> Database {
    Database::open(&Options { url, ca: None, connections: 4, throttles: false, stale: None }).await.unwrap()
}

fn email_of(person: usize) -> String {
    format!("person-{person}@example.org")
}

async fn sign_in(database: &Database, person: usize) -> UserId {
    let email = email_of(person);
    let credentials = Credentials { email: &email, password: PASSWORD, device: "Laptop" };
    account::login(database, credentials, HERE).await.unwrap().user.id
}

/// Follows the link of each letter that has one: nobody is announced anything at an address that is not proven.
async fn prove_addresses(database: &Database) {
    let letters = notification::lease(database, 100, Time::now()).await.unwrap();
    assert_eq!(letters.len(), PEOPLE);
    for letter in letters {
        notification::sent(database, &letter, Time::now()).await.unwrap();
        let token = letter.content.secret().unwrap().reveal();
        account::verify_email(database, token, HERE).await.unwrap();
    }
}

async fn ask_for_resets(database: &Database) {
    for person in 0..PEOPLE {
        account::request_password_reset(database, &email_of(person), HERE).await.unwrap();
    }
}

/// Delivers all that is due at an instant; returns how many tries that were.
async fn all_due<C: Fn() -> Time + Clone + Send + Sync + 'static>(relay: &Relay<C>) -> usize {
    let (mut tries, mut under_way) = (0, UnderWay::new());
    loop {
        match relay.begin(&mut under_way).await.unwrap() {
            0 => return tries,
            count => tries += count,
        }
        while let Some(delivered) = under_way.join_next().await {
            delivered.unwrap().unwrap();
        }
    }
}

/// How many letters wait to be delivered, and how many were given up.
async fn backlog(database: &Database, clock: &AtomicI64) -> (i64, i64) {
    let now = Time::from_micros(clock.load(Ordering::Relaxed));
    let backlog = notification::backlog(&mut database.connection().await.unwrap(), now).await.unwrap();
    (backlog.pending, backlog.dead)
}

async fn survive_an_outage(database: &Database) {
    for person in 0..PEOPLE {
        let email = email_of(person);
        let registration = Registration {
            email: &email,
            password: PASSWORD,
            display_name: "Ada",
            ..Registration::default()
        };
        account::register(database, registration, HERE).await.unwrap();
    }
    let home = Home::found(database).await;
    prove_addresses(database).await;
    for _ in 0..RESETS {
        ask_for_resets(database).await;
    }
    home.announce(database).await;
    // A port of ours on which nobody listens so far.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(HERE, 0)).unwrap();
    let endpoint = format!("http://{}", socket.local_addr().unwrap());
    let channel = Arc::new(Channel::Sns(Sns::at(&endpoint, TOPIC.parse().unwrap())));
    let links = Arc::new(Links { public_url: "http://localhost".into(), keys: Keys::of_this_process() });
    let clock = Arc::new(AtomicI64::new(Time::now().micros()));
    let hand = clock.clone();
    let reads = move || Time::from_micros(hand.load(Ordering::Relaxed));
    let relay = Relay { database: database.clone(), channel, links, clock: reads };
    let second = async || {
        let tries = all_due(&relay).await;
        clock.fetch_add(1_000_000, Ordering::Relaxed);
        tries
    };

    let (mut refused, mut turned_away) = (0, 0);
    for _ in 0..OUTAGE / 2 {
        refused += second().await;
    }
    ask_for_resets(database).await;
    home.announce(database).await;
    let stand_in = StandIn::listen(socket);
    for _ in OUTAGE / 2..OUTAGE {
        turned_away += second().await;
    }
    assert_eq!(stand_in.turned_away.load(Ordering::Relaxed), turned_away, "a try is one request");
    // Each person's first letter of both kinds is tried, and nothing that waits for it: after waits of 1 to 2 seconds, 2 to 4
    // and so on, that is 9 or 10 times.
    let tries = refused + turned_away;
    let heads = 2 * PEOPLE;
    let letters = PEOPLE * (1 + RESETS + 1) + 2 * (RESIDENTS - 1);
    let all = i64::try_from(letters).unwrap();
    assert_eq!(backlog(database, &clock).await, (all, 0), "operators see all that waits");
    assert!((9 * heads..=10 * heads).contains(&tries), "{tries} tries of {heads} letters");

    stand_in.is_well.store(true, Ordering::Relaxed);
    let mut delivered = Vec::new();
    // The longest wait is a quarter of an hour.
    for _ in 0..=900 {
        delivered.push(second().await);
    }
    let (most, at_first) =
        (delivered.iter().copied().max().unwrap_or_default(), delivered.iter().take(10).sum::<usize>());
    let busy = delivered.iter().filter(|count| **count > 0).count();
    println!(
        "{refused} tries that nobody heard and {turned_away} that were turned away; of {letters} letters {at_first} within 10 s \
         after it, at most {most} in a second, in {busy} seconds"
    );
    assert_eq!(delivered.iter().sum::<usize>(), letters, "each once");
    assert!(most <= letters / 8 && at_first <= letters / 8, "a herd: {delivered:?}");
    assert_eq!(backlog(database, &clock).await, (0, 0));

    let published = mem::take(&mut *stand_in.published.lock().unwrap());
    assert_eq!(published.len(), letters);
    let ids: HashSet<_> = published.iter().map(|publication| &publication.deduplication_id).collect();
    assert_eq!(ids.len(), letters);
    let mut groups: BTreeMap<_, Vec<&Letter>> = BTreeMap::new();
    for Publication { group, deduplication_id, letter } in &published {
        assert_eq!(*deduplication_id, letter.id);
        groups.entry(group).or_default().push(letter);
    }
    assert_eq!(groups.len(), PEOPLE);
    for letters in groups.values() {
        assert_in_order(letters);
    }
}

/// A group is one person's. What they get of a kind came in the order in which it was written, and what they can do without
/// after all that was written before it.
fn assert_in_order(letters: &[&Letter]) {
    for (place, letter) in letters.iter().enumerate() {
        assert_eq!(letter.to, letters[0].to);
        for later in &letters[place..] {
            let is_waited_for = later.kind == letter.kind || letter.kind == "ANNOUNCEMENT";
            let is_overtaken = is_waited_for && later.id < letter.id;
            assert!(!is_overtaken, "{} to {} before {}", letter.kind, letter.to, later.kind);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_ten_minutes_loses_nothing_and_ends_without_a_herd() {
    let own = folder("sqlite");
    let database = open(format!("sqlite://{}", own.join("roomm8.sqlite3").display())).await;
    survive_an_outage(&database).await;
    fs::remove_dir_all(own).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_ten_minutes_on_mysql_loses_nothing_either() {
    // Which server that may be, the end-to-end suite says.
    if std::env::var_os("ROOMM8_TEST_MYSQL_URL").is_none() {
        return;
    }
    let mysql = Mysql::shared().await;
    let database = open(mysql.new_database().await).await;
    survive_an_outage(&database).await;
}
