//! What it costs to execute the dashboard and to write it as JSON, beside structs that serde writes in the same bytes; and
//! what an event costs that is told to many: `cargo bench -p roomm8-api --bench execute`.
//!
//! All read from SQLite. What reading takes is measured by itself, by the same functions of `roomm8-db` on one connection,
//! and taken off.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench may fail loudly, and measures nothing of its own making"
)]

mod rounds;

use async_graphql::{Request, Response, Variables};
use bytes::Bytes;
use criterion::Criterion;
use futures_util::StreamExt as _;
use roomm8_api::protocol::answer::{Rendered, render};
use roomm8_api::protocol::plan::Planner;
use roomm8_api::protocol::{Limits, Parameters};
use roomm8_db::account::session::{self, TokenHash, Viewer};
use roomm8_db::grocery::{item, list, store};
use roomm8_db::message::{self, End};
use roomm8_db::notification::endpoint::address::Reach;
use roomm8_db::page::Window;
use roomm8_db::task::{self, occurrence};
use roomm8_db::{Database, HouseholdId, Options, Reader, access, conversation, member};
use roomm8_schema::{Caller, Live, Push, Schema, Scope, Services};
use roomm8_subscriptions::{Hub, InProcess};
use rounds::{Contender, tell, time, turns};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::runtime::Runtime;

const DASHBOARD: &str = include_str!("../../tests/bench/dashboard.graphql");
const FOLLOW: &str = "subscription($household: ID!) { messages(householdId: $household) { message { id body author { displayName } } } }";
const PASSWORD: &str = "violet kettle under 9 stairs";
const ROUNDS: usize = 15;
const TIMES: usize = 50;
const EVENTS: usize = 100;
const FOLLOWERS: usize = 1_000;
const BYTES_MAX: usize = 1 << 20;

/// The answer, as structs.
#[derive(Serialize, Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Serialize, Deserialize)]
struct Data {
    household: Household,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Household {
    id: String,
    name: String,
    members: Nodes<Member>,
    tasks: Nodes<Task>,
    grocery_lists: Nodes<List>,
    general_conversation: Conversation,
}

#[derive(Serialize, Deserialize)]
struct Nodes<T> {
    nodes: Vec<T>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    id: String,
    display_name: String,
    role: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    id: String,
    display_name: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Task {
    id: String,
    title: String,
    weight: i32,
    open_occurrences: Vec<Occurrence>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Occurrence {
    id: String,
    due_date: Option<String>,
    status: String,
    assignee: Option<Person>,
}

#[derive(Serialize, Deserialize)]
struct List {
    id: String,
    name: String,
    items: Nodes<Item>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    id: String,
    name: String,
    state: String,
    is_urgent: bool,
}

#[derive(Serialize, Deserialize)]
struct Conversation {
    id: String,
    messages: Nodes<Message>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    id: String,
    body: Option<String>,
    created_at: String,
    author: Person,
}

/// A household in a file that goes when this does, and somebody in it.
struct Home {
    runtime: Runtime,
    planner: Planner,
    rows: Schema,
    ordinary: Schema,
    services: Services,
    folder: PathBuf,
    viewer: Viewer,
    id: String,
    general: String,
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Somebody who asks a schema.
struct Asker<'a> {
    schema: &'a Schema,
    services: &'a Services,
    viewer: Option<Viewer>,
}

impl Asker<'_> {
    /// The payload of a mutation.
    async fn does(&self, name: &str, input: Value, selection: &str) -> Value {
        let kind = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
        let document = format!("mutation($input: {kind}!) {{ {name}(input: $input) {{ {selection} }} }}");
        let variables = Variables::from_json(json!({ "input": input }));
        let request = Request::new(document).variables(variables).data(scope(self.services, self.viewer));
        let response = self.schema.execute(request).await;
        assert!(response.is_ok(), "{name}: {:?}", response.errors);
        let told = rendered(response).body;
        serde_json::from_slice::<Value>(&told).expect("it is JSON")["data"][name].clone()
    }
}

fn scope(services: &Services, viewer: Option<Viewer>) -> Arc<Scope> {
    Arc::new(Scope::new(services.clone(), caller(viewer)))
}

fn caller(viewer: Option<Viewer>) -> Caller {
    Caller { viewer, address: [203, 0, 113, 9].into(), user_agent: None }
}

fn rendered(response: Response) -> Rendered {
    render(response, "bench", BYTES_MAX).map_err(|errors| format!("{errors:?}")).expect("it is an answer")
}

fn body(response: Response) -> Bytes {
    rendered(response).body
}

impl Home {
    /// Six members, 32 chores, three lists of 20 things, 50 messages.
    fn furnished() -> Self {
        let runtime = Runtime::new().expect("there are threads");
        let folder = std::env::temp_dir().join(format!("roomm8-bench-{}", std::process::id()));
        let (rows, ordinary) = (Schema::new(), Schema::ordinary());
        let planner = Planner::new(roomm8_schema::sdl(), Limits::default()).expect("the schema is valid");
        let (services, viewer, id, general) = runtime.block_on(async {
            let url = format!("sqlite://{}", folder.join("db.sqlite3").display());
            let options = Options { url, connections: 4, throttles: false, stale: None, ca: None };
            let database = Database::open(&options).await.expect("the database opens");
            let hub = Hub::start(database.clone(), Box::new(InProcess::default()));
            let push = Push { key: None, reach: Reach::Public };
            let services =
                Services { database, replica: None, hub, public_url: "http://localhost".into(), push };
            let nobody = Asker { schema: &rows, services: &services, viewer: None };
            let mut people = Vec::new();
            for name in ["Ada", "Bob", "Cem", "Dan", "Eve", "Fay"] {
                let email = format!("{name}@example.org");
                let input = json!({ "email": email, "password": PASSWORD, "displayName": name });
                nobody.does("register", input, "accepted").await;
                let input = json!({ "email": email, "password": PASSWORD });
                let token = nobody.does("login", input, "token").await["token"].clone();
                let hash = token.as_str().and_then(TokenHash::of).expect("it is a token");
                let viewer = session::viewer(&services.database, hash).await.expect("they are signed in");
                people.push(Asker { viewer: Some(viewer), ..nobody });
            }
            let ada = &people[0];
            let input = json!({ "name": "Elm Street 5", "timeZone": "Europe/Berlin", "currency": "EUR" });
            let made = ada.does("createHousehold", input, "household { id generalConversation { id } }").await;
            let (id, general) = (&made["household"]["id"], &made["household"]["generalConversation"]["id"]);
            let mut roster = Vec::new();
            for (number, person) in people.iter().enumerate() {
                if number > 0 {
                    let invited = ada.does("createInvitation", json!({ "householdId": id }), "token").await;
                    let input = json!({ "token": invited["token"] });
                    let joined = person.does("acceptInvitation", input, "member { id }").await;
                    roster.push(joined["member"]["id"].clone());
                }
            }
            for number in 0..32 {
                let input = json!({ "householdId": id, "title": format!("chore number {number}"), "roster": roster,
                    "schedule": { "startDate": "2040-01-01", "rule": "FREQ=WEEKLY" } });
                ada.does("createTask", input, "cursor").await;
            }
            for number in 0..3 {
                let input = json!({ "householdId": id, "name": format!("list number {number}") });
                let list = ada.does("createGroceryList", input, "list { id }").await["list"]["id"].clone();
                let things: Vec<_> = (0..20).map(|thing| format!("thing {number}-{thing}")).collect();
                let input = json!({ "listId": list, "text": things.join("\n") });
                ada.does("addGroceryItems", input, "cursor").await;
            }
            for number in 0..50 {
                let said = format!("message number {number}: who takes the bins down, and has anybody seen the ladle?");
                people[number % people.len()]
                    .does("sendMessage", json!({ "conversationId": general, "body": said }), "cursor")
                    .await;
            }
            let text = |id: &Value| id.as_str().unwrap_or_default().to_owned();
            let (viewer, id, general) = (ada.viewer.expect("they are signed in"), text(id), text(general));
            (services, viewer, id, general)
        });
        Self { runtime, planner, rows, ordinary, services, folder, viewer, id, general }
    }

    /// The dashboard's request, as the server's edge lets it in.
    fn request(&self) -> Request {
        let parameters = Parameters {
            query: DASHBOARD.to_owned(),
            document_id: None,
            operation_name: None,
            variables: Variables::from_json(json!({ "household": self.id })),
            extensions: async_graphql::Extensions::default(),
        };
        let admitted = self.planner.admit(parameters).map_err(|refusal| refusal.errors);
        admitted.expect("the dashboard is let in").request.data(scope(&self.services, Some(self.viewer)))
    }

    fn answer(&self, schema: &Schema) -> Bytes {
        let request = self.request();
        self.runtime.block_on(async { body(schema.execute(request).await) })
    }

    /// What the dashboard reads, and nothing else.
    fn read(&self) {
        self.runtime.block_on(async {
            let conn = &mut *self.services.database.connection().await.expect("there is a connection");
            let household = household(&self.id);
            let member =
                access::member(conn, self.viewer.user_id, household).await.expect("they are a member");
            let reader = Reader::from(member.clone());
            let window = |limit| Window { after: None, before: None, limit, end: End::Oldest };
            black_box(member::page(conn, &reader, member::Former::LeftOut, window(51)).await.expect("read"));
            let tasks = task::list::page(conn, &reader, task::list::Filter::default(), window(51)).await;
            let tasks: Vec<_> = tasks.expect("read").into_iter().map(|task| task.id).collect();
            black_box(occurrence::open_of(conn, &tasks).await.expect("read"));
            let lists = list::page(conn, &reader, list::Archived::LeftOut, window(11)).await;
            let lists: Vec<_> = lists.expect("read").into_iter().map(|list| list.id).collect();
            black_box(store::layouts(conn, &member, &[None]).await.expect("read"));
            black_box(item::listed(conn, &lists).await.expect("read"));
            let general = conversation::general(conn, &reader).await.expect("read");
            let window = message::Window { after: 0, before: i64::MAX, limit: 51, end: End::Newest };
            black_box(message::page(conn, &reader, &general, window).await.expect("read"));
        });
    }

    fn statements(&self, run: impl Fn()) -> u64 {
        let statements = || self.services.database.statistics().statements.load(Ordering::Relaxed);
        let before = statements();
        run();
        statements() - before
    }
}

/// The household of this global id.
fn household(id: &str) -> HouseholdId {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(id).expect("it is an id");
    HouseholdId::from_bytes(*bytes.last_chunk().expect("an id ends in 16 bytes"))
}

fn main() {
    let home = Home::furnished();
    let told = home.answer(&home.rows);
    assert_eq!(told, home.answer(&home.ordinary), "both ways tell the same");
    let structs: Answer = serde_json::from_slice(&told).expect("the structs are the dashboard's");
    let written = || serde_json::to_vec(black_box(&structs)).expect("it is JSON");
    assert_eq!(told, written(), "structs tell the same");
    let statements = home.statements(|| drop(home.answer(&home.rows)));
    assert_eq!(statements, home.statements(|| home.read()), "what is read is what an answer reads");

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("execute");
    group.bench_function("read", |bench| bench.iter(|| home.read()));
    group.bench_function("read, execute, write rows", |bench| bench.iter(|| home.answer(&home.rows)));
    group.bench_function("read, execute, write", |bench| bench.iter(|| home.answer(&home.ordinary)));
    group.bench_function("write structs", |bench| bench.iter(written));
    group.finish();
    criterion.final_summary();
    // Without it, criterion only tries everything once.
    if std::env::args().any(|argument| argument == "--bench") {
        println!("\n{} bytes in {statements} statements", told.len());
        ratios(&home, &written);
        events(&home);
    }
}

fn ratios(home: &Home, written: &dyn Fn() -> Vec<u8>) {
    let contenders: [Contender<'_>; 5] = [
        ("structs", &|| time(TIMES, || drop(written()))),
        ("structs, again", &|| time(TIMES, || drop(written()))),
        ("read", &|| time(TIMES, || home.read())),
        ("rows", &|| time(TIMES, || drop(home.answer(&home.rows)))),
        ("ordinary", &|| time(TIMES, || drop(home.answer(&home.ordinary)))),
    ];
    let took = turns(&contenders, ROUNDS);
    let [structs, again, read, rows, ordinary] = &took[..] else { unreachable!("five took their turns") };
    println!("\nTimes structs that serde writes: the median of {ROUNDS} rounds (least to most)");
    let over = |took: &[f64], less: &[f64]| {
        structs.iter().zip(took).zip(less).map(|((structs, took), less)| (took - less) / structs).collect()
    };
    let nothing = vec![0.0; ROUNDS];
    tell("structs, again", over(again, &nothing), "");
    tell("reading", over(read, &nothing), "");
    tell("let in, execute and write, rows at once", over(rows, read), "");
    tell("let in, execute and write, field by field", over(ordinary, read), "");
    tell("structs", structs.iter().map(|took| took * 1e6 / TIMES as f64).collect(), "µs");
}

/// Messages are sent, and then heard: by one follower, and by many who ask the same.
fn events(home: &Home) {
    let turn = |followers: usize| {
        home.runtime.block_on(async {
            let live = Live::new(home.rows.clone(), home.services.clone(), body);
            let mut following = Vec::new();
            for _ in 0..followers {
                let request =
                    Request::new(FOLLOW).variables(Variables::from_json(json!({ "household": home.id })));
                let items = live.subscribe(caller(Some(home.viewer)), [7; 32], request).await;
                let mut items = items.map_err(|errors| format!("{errors:?}")).expect("they may follow");
                // The event with which each begins.
                items.next().await;
                following.push(items);
            }
            let asker = Asker { schema: &home.rows, services: &home.services, viewer: Some(home.viewer) };
            for _ in 0..EVENTS {
                let input = json!({ "conversationId": home.general, "body": "who takes the bins down?" });
                asker.does("sendMessage", input, "cursor").await;
            }
            let since = Instant::now();
            for items in &mut following {
                for _ in 0..EVENTS {
                    items.next().await.expect("it goes on").expect("it is told");
                }
            }
            since.elapsed()
        })
    };
    let (one, many) = (|| turn(1), || turn(1 + FOLLOWERS));
    let contenders: [Contender<'_>; 2] = [("one", &one), ("many", &many)];
    let took = turns(&contenders, ROUNDS / 3);
    let [one, many] = &took[..] else { unreachable!("two took their turns") };
    println!("\nAn event of a message: the median of {} rounds (least to most)", ROUNDS / 3);
    tell(
        "rendered, for the first who follows",
        one.iter().map(|took| took * 1e6 / EVENTS as f64).collect(),
        "µs",
    );
    let more = one.iter().zip(many).map(|(one, many)| (many - one) * 1e6 / (EVENTS * FOLLOWERS) as f64);
    tell("passed on, to each one more", more.collect(), "µs");
}
