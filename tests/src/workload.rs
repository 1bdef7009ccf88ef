//! Chat under load: people who send and retry, people who listen and reconnect, all of it recorded.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rand::Rng;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    client::{self, Answer, Client, Unreachable},
    delivery::{Entry, Observations, Sent, Violation, violations},
    people::{Home, Person, text},
    socket::{Heard, Socket},
    wait,
};

/// What a subscriber follows.
const FOLLOW: &str = "subscription($household: ID!, $after: Cursor) {
    messages(householdId: $household, after: $after) { cursor kind message { id kind body } } }";

/// What a sender wants to hear back.
const RECEIPT: &str = "message { id } cursor userErrors { code message }";

/// Who sends and who listens.
#[derive(Clone, Debug)]
pub struct Workload {
    /// How many people send, each one message at a time.
    pub senders: usize,
    /// How many subscribers listen; people of the household in turn.
    pub subscribers: usize,
    /// How long a sender rests after each message, at most.
    pub pause: Duration,
    /// How long a sender waits for an answer before it asks again with the same id.
    pub patience: Duration,
    /// The chance that a subscriber reconnects after a message, by itself.
    pub restlessness: f64,
    /// How long a subscriber bears silence before it asks for a sign of life, and then again before it reconnects.
    pub silence: Duration,
    /// Where senders send, if not straight to the servers.
    pub send_at: Option<Vec<String>>,
    /// Where subscribers listen, if not straight to the servers.
    pub listen_at: Option<Vec<String>>,
    /// A sender stops after this many messages; without it, when the run is finished.
    pub messages_each: Option<usize>,
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            senders: 4,
            subscribers: 6,
            pause: Duration::from_millis(60),
            patience: Duration::from_secs(5),
            restlessness: 0.03,
            silence: Duration::from_secs(2),
            send_at: None,
            listen_at: None,
            messages_each: None,
        }
    }
}

/// A workload under way.
pub struct Running {
    home: Home,
    /// Where history is read.
    addresses: Vec<String>,
    record: Arc<Record>,
    senders: Vec<JoinHandle<()>>,
    subscribers: Vec<JoinHandle<()>>,
}

/// What everybody writes down.
#[derive(Default)]
struct Record {
    sent: Mutex<BTreeMap<String, Vec<Sent>>>,
    heard: Mutex<BTreeMap<String, Vec<(Entry, Instant)>>>,
    acknowledged: Mutex<BTreeMap<String, Acknowledged>>,
    wrong_answers: Mutex<Vec<String>>,
    troubles: Mutex<Vec<Trouble>>,
    is_over: AtomicBool,
    is_heard: AtomicBool,
}

/// How a message came to be acknowledged.
#[derive(Clone, Debug)]
struct Acknowledged {
    first_asked: Instant,
    answered: Instant,
    attempts: usize,
}

/// Something that failed and was tried again.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// When it was asked.
    pub asked: Instant,
    /// When it failed.
    pub failed: Instant,
    /// What was said.
    pub reason: String,
}

/// How a run went besides its delivery.
#[derive(Clone, Debug)]
pub struct Report {
    /// What the checker judges.
    pub seen: Observations,
    /// How long each send took from its first attempt to its acknowledgement, by when it was first tried.
    pub sends: Vec<(Instant, Duration)>,
    /// The most attempts that any message took.
    pub most_attempts: usize,
    /// How long after its acknowledgement each message was heard, by subscriber and message.
    pub deliveries: Vec<(Instant, Duration)>,
    /// What failed and was tried again.
    pub troubles: Vec<Trouble>,
    /// How long the subscribers took to hear everything after the last send.
    pub catch_up: Duration,
}

impl Workload {
    /// Starts it against the servers at these addresses. Subscribers follow from where the log is now.
    pub async fn start(self, home: &Home, addresses: &[String]) -> Running {
        let record = Arc::new(Record::default());
        let start = {
            let document = "query($id: ID!) { household(id: $id) { cursor } }";
            let answer = home.owner().at(&addresses[0]).query(document, json!({ "id": home.id })).await;
            text(&answer["household"]["cursor"])
        };
        let mut subscribers = Vec::new();
        for number in 0..self.subscribers {
            let name = format!("subscriber {number}");
            record.heard.lock().unwrap().insert(name.clone(), Vec::new());
            let subscriber = Subscriber {
                name,
                person: home.people[number % home.people.len()].clone(),
                household: home.id.clone(),
                after: start.clone(),
                addresses: self.listen_at.clone().unwrap_or_else(|| addresses.to_vec()),
                workload: self.clone(),
                record: record.clone(),
            };
            subscribers.push(tokio::spawn(subscriber.follow()));
        }
        let mut senders = Vec::new();
        for number in 0..self.senders {
            let name = format!("sender {number}");
            record.sent.lock().unwrap().insert(name.clone(), Vec::new());
            let sender = Sender {
                name,
                person: home.people[number % home.people.len()].clone(),
                conversation: home.general.clone(),
                addresses: self.send_at.clone().unwrap_or_else(|| addresses.to_vec()),
                workload: self.clone(),
                record: record.clone(),
            };
            senders.push(tokio::spawn(sender.send()));
        }
        Running { home: home.clone(), addresses: addresses.to_vec(), record, senders, subscribers }
    }
}

impl Running {
    /// Waits until this many more messages were acknowledged.
    pub async fn acknowledged(&self, more: usize, limit: Duration) {
        let goal = self.record.acknowledged.lock().unwrap().len() + more;
        let end = Instant::now() + limit;
        while self.record.acknowledged.lock().unwrap().len() < goal {
            assert!(
                Instant::now() < end,
                "{more} messages were not acknowledged within {limit:?}: {}",
                self.last()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The most recent trouble, in words.
    pub fn last(&self) -> String {
        let troubles = self.record.troubles.lock().unwrap();
        let wrong = self.record.wrong_answers.lock().unwrap();
        format!(
            "last trouble {:?}; wrong answers {:?}",
            troubles.last().map(|trouble| &trouble.reason),
            *wrong
        )
    }

    /// Waits until the senders have sent all they were to send, or has them stop; then until everybody has heard
    /// all that history holds, or `limit` has passed.
    pub async fn finish(self, limit: Duration) -> Report {
        self.finish_with(limit, true).await
    }

    /// Like [`Self::finish`], but lets senders with a fixed number of messages come to their end.
    pub async fn finish_all_sent(self, limit: Duration) -> Report {
        self.finish_with(limit, false).await
    }

    async fn finish_with(self, limit: Duration, stop_sending: bool) -> Report {
        let end = Instant::now() + limit;
        if stop_sending {
            self.record.is_over.store(true, Ordering::Relaxed);
        }
        for mut sender in self.senders {
            let left = end.saturating_duration_since(Instant::now());
            if tokio::time::timeout(left, &mut sender).await.is_err() {
                sender.abort();
            }
        }
        self.record.is_over.store(true, Ordering::Relaxed);
        let last_sent = Instant::now();
        let client = self.home.owner().at(&self.addresses[0]);
        let history = history(&client, &self.home.general, end).await;
        let bodies = |entries: &[(Entry, Instant)]| {
            entries.iter().map(|(entry, _)| entry.body.clone()).collect::<std::collections::BTreeSet<_>>()
        };
        let everything: Vec<String> = history.iter().map(|entry| entry.body.clone()).collect();
        while Instant::now() < end {
            let is_heard = {
                let heard = self.record.heard.lock().unwrap();
                heard.values().all(|heard| {
                    let heard = bodies(heard);
                    everything.iter().all(|body| heard.contains(body))
                })
            };
            if is_heard {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let catch_up = last_sent.elapsed();
        // What comes twice or should not come at all may come a little later.
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.record.is_heard.store(true, Ordering::Relaxed);
        for subscriber in self.subscribers {
            subscriber.abort();
            let _ = subscriber.await;
        }
        let report = self.record.report(history, catch_up);
        eprintln!("{report}");
        report
    }
}

impl Record {
    fn trouble(&self, asked: Instant, reason: String) {
        self.troubles.lock().unwrap().push(Trouble { asked, failed: Instant::now(), reason });
    }

    fn wrong(&self, reason: String) {
        self.wrong_answers.lock().unwrap().push(reason);
    }

    fn report(&self, history: Vec<Entry>, catch_up: Duration) -> Report {
        let acknowledged = self.acknowledged.lock().unwrap().clone();
        let heard = self.heard.lock().unwrap().clone();
        let sends = acknowledged.values().map(|it| (it.first_asked, it.answered - it.first_asked)).collect();
        let most_attempts = acknowledged.values().map(|it| it.attempts).max().unwrap_or_default();
        let deliveries = heard.values().flatten().filter_map(|(entry, at)| {
            let it = acknowledged.get(&entry.body)?;
            Some((it.first_asked, at.saturating_duration_since(it.answered)))
        });
        let deliveries = deliveries.collect();
        let without_times =
            |heard: Vec<(Entry, Instant)>| heard.into_iter().map(|(entry, _)| entry).collect();
        Report {
            seen: Observations {
                sent: self.sent.lock().unwrap().clone(),
                history,
                heard: heard.into_iter().map(|(name, heard)| (name, without_times(heard))).collect(),
                wrong_answers: self.wrong_answers.lock().unwrap().clone(),
            },
            sends,
            most_attempts,
            deliveries,
            troubles: self.troubles.lock().unwrap().clone(),
            catch_up,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sends, deliveries) = (self.sends.len(), self.deliveries.len());
        let (retries, catch_up) = (self.troubles.len(), self.catch_up);
        write!(
            out,
            "{sends} messages, {deliveries} deliveries, {retries} times again, caught up in {catch_up:?}"
        )
    }
}

impl Report {
    /// Panics unless every promise was kept.
    pub fn assert_kept(&self) -> &Self {
        crate::delivery::assert_kept(&self.seen);
        self
    }

    /// The broken promises.
    pub fn violations(&self) -> Vec<Violation> {
        violations(&self.seen)
    }

    /// Panics unless subscribers had heard everything this soon after the last send.
    pub fn assert_caught_up_within(&self, limit: Duration) -> &Self {
        assert!(self.catch_up <= limit, "catching up took {:?}, more than {limit:?}", self.catch_up);
        self
    }

    /// How long 99 of 100 sends took at most, of those first tried between two moments.
    pub fn send_p99(&self, from: Instant, to: Instant) -> Duration {
        p99(&self.sends, from, to)
    }

    /// How long after its acknowledgement 99 of 100 deliveries came at most, of messages first sent in between.
    pub fn delivery_p99(&self, from: Instant, to: Instant) -> Duration {
        p99(&self.deliveries, from, to)
    }
}

fn p99(all: &[(Instant, Duration)], from: Instant, to: Instant) -> Duration {
    let between = all.iter().filter(|(at, _)| (from..to).contains(at));
    let mut durations: Vec<Duration> = between.map(|(_, duration)| *duration).collect();
    durations.sort();
    let last = durations.len().checked_sub(1).expect("something happened in between");
    durations[last * 99 / 100]
}

/// The user messages of a conversation, paged oldest first.
pub async fn history(client: &Client, conversation: &str, end: Instant) -> Vec<Entry> {
    let document = "query($id: ID!, $after: Cursor) { conversation(id: $id) {
        messages(first: 100, after: $after) {
            nodes { id kind body cursor } pageInfo { hasNextPage endCursor } } } }";
    let mut entries = Vec::new();
    let mut after = Value::Null;
    loop {
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_secs(5));
        let page = wait::until(left, "history could be read", async || {
            let asked = client.ask(document, json!({ "id": conversation, "after": after })).await.ok()?;
            assert!(asked.is_passing() || asked.body.get("errors").is_none(), "{}", asked.body);
            Some(asked.body["data"]["conversation"]["messages"].clone()).filter(Value::is_object)
        })
        .await;
        for node in page["nodes"].as_array().expect("nodes are a list") {
            if node["kind"] == "USER" {
                entries.push(entry(node, &node["cursor"]));
            }
        }
        if page["pageInfo"]["hasNextPage"] != true {
            return entries;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

fn entry(message: &Value, cursor: &Value) -> Entry {
    let body = message["body"].as_str().unwrap_or("(deleted)").to_owned();
    Entry { id: text(&message["id"]), body, cursor: text(cursor) }
}

struct Sender {
    name: String,
    person: Person,
    conversation: String,
    addresses: Vec<String>,
    workload: Workload,
    record: Arc<Record>,
}

impl Sender {
    async fn send(self) {
        for number in 1.. {
            let is_enough = self.workload.messages_each.is_some_and(|each| number > each);
            if is_enough || self.record.is_over.load(Ordering::Relaxed) {
                return;
            }
            let body = format!("{} says {number} ({:08x})", self.name, rand::random::<u32>());
            let sent = Sent { body: body.clone(), acknowledged: None };
            self.record.sent.lock().unwrap().get_mut(&self.name).expect("it is listed").push(sent);
            if !self.settle(&body).await {
                return;
            }
            let rest = rand::rng().random_range(0.2..1.0);
            tokio::time::sleep(self.workload.pause.mul_f64(rest)).await;
        }
    }

    /// Asks with one id, on any server, until the outcome is known. Whether it is a message.
    async fn settle(&self, body: &str) -> bool {
        let id = format!("{:032x}", rand::random::<u128>());
        let document = client::mutation("sendMessage", RECEIPT);
        let input = json!({ "conversationId": self.conversation, "body": body, "clientMutationId": id });
        let first_asked = Instant::now();
        let first_address = rand::rng().random_range(0..self.addresses.len());
        for attempts in 1.. {
            let asked = Instant::now();
            // Each time on another server, as a load balancer would have it.
            let address = &self.addresses[(first_address + attempts) % self.addresses.len()];
            let client = self.person.at(address).patient_for(self.workload.patience);
            match outcome(client.ask(&document, json!({ "input": input })).await) {
                Outcome::Message(id) => {
                    let mut sent = self.record.sent.lock().unwrap();
                    let last =
                        sent.get_mut(&self.name).and_then(|sent| sent.last_mut()).expect("it is listed");
                    last.acknowledged = Some(id);
                    let it = Acknowledged { first_asked, answered: Instant::now(), attempts };
                    self.record.acknowledged.lock().unwrap().insert(body.to_owned(), it);
                    return true;
                }
                Outcome::Trouble(reason) => self.record.trouble(asked, reason),
                Outcome::Wrong(reason) => {
                    self.record.wrong(reason);
                    return false;
                }
            }
            let jitter = rand::rng().random_range(30..200);
            tokio::time::sleep(Duration::from_millis(jitter)).await;
        }
        false
    }
}

enum Outcome {
    Message(String),
    Trouble(String),
    Wrong(String),
}

fn outcome(answer: Result<Answer, Unreachable>) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(unreachable) => return Outcome::Trouble(unreachable.0),
    };
    if let Some(id) = answer.body["data"]["sendMessage"]["message"]["id"].as_str() {
        return Outcome::Message(id.to_owned());
    }
    let words = format!("{} {}", answer.status, answer.body);
    if answer.is_passing() { Outcome::Trouble(words) } else { Outcome::Wrong(words) }
}

struct Subscriber {
    name: String,
    person: Person,
    household: String,
    after: String,
    addresses: Vec<String>,
    workload: Workload,
    record: Arc<Record>,
}

impl Subscriber {
    async fn follow(mut self) {
        let mut failures: u32 = 0;
        while !self.record.is_heard.load(Ordering::Relaxed) {
            let asked = Instant::now();
            let address = any(&self.addresses).to_owned();
            match Socket::open(&address, Some(&self.person.token)).await {
                Ok(mut socket) => {
                    let before = self.after.clone();
                    if let Some(reason) = self.listen(&mut socket).await {
                        self.record.trouble(asked, reason);
                    }
                    failures = if before == self.after { failures + 1 } else { 0 };
                }
                Err(refused) => {
                    // 4401 and 4403 say that the token is no good, which no fault excuses.
                    if matches!(refused.code, Some(4401 | 4403)) {
                        self.record.wrong(format!("{} was refused: {refused}", self.name));
                        return;
                    }
                    self.record.trouble(asked, refused.to_string());
                    failures += 1;
                }
            }
            let most = 50 * 2_u64.pow(failures.min(4));
            let jitter = rand::rng().random_range(0..most);
            tokio::time::sleep(Duration::from_millis(jitter)).await;
        }
    }

    /// Listens on one socket until it ends, falls silent, or this subscriber gets restless; why, if not the last.
    async fn listen(&mut self, socket: &mut Socket) -> Option<String> {
        socket.subscribe(FOLLOW, json!({ "household": self.household, "after": self.after })).await;
        let mut is_waiting_for_pong = false;
        loop {
            let Some(heard) = socket.hear_within(self.workload.silence).await else {
                if is_waiting_for_pong {
                    return Some("silence".to_owned());
                }
                is_waiting_for_pong = true;
                socket.ping().await;
                continue;
            };
            is_waiting_for_pong = false;
            match &heard {
                Heard::Next { payload, .. } => {
                    if payload.get("errors").is_some() {
                        self.record.wrong(format!("{} heard {payload}", self.name));
                        return None;
                    }
                    self.note(&payload["data"]["messages"]);
                    if rand::random::<f64>() < self.workload.restlessness {
                        return None;
                    }
                }
                Heard::Error { errors, .. } => {
                    let code = heard.error_code().unwrap_or_default();
                    if !matches!(code, "UNAVAILABLE" | "SLOW_CONSUMER" | "RATE_LIMITED") {
                        self.record.wrong(format!("{} was ended with {errors}", self.name));
                        self.record.is_heard.store(true, Ordering::Relaxed);
                    }
                    return Some(errors.to_string());
                }
                Heard::Complete { .. } => return Some("complete".to_owned()),
                Heard::Closed { code, reason } => return Some(format!("closed with {code:?} {reason}")),
                Heard::Pong => {}
            }
        }
    }

    fn note(&mut self, event: &Value) {
        self.after = text(&event["cursor"]);
        if event["kind"] == "MESSAGE_SENT" && event["message"]["kind"] == "USER" {
            let heard = (entry(&event["message"], &event["cursor"]), Instant::now());
            self.record.heard.lock().unwrap().get_mut(&self.name).expect("it is listed").push(heard);
        }
    }
}

fn any(addresses: &[String]) -> &str {
    &addresses[rand::rng().random_range(0..addresses.len())]
}
