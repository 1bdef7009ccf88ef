//! What it costs to let the dashboard's query in, against async-graphql alone: `cargo bench -p roomm8-api --bench gate`.
//!
//! All contenders take the same request to the same point, where the first resolver would be called. async-graphql alone
//! parses and validates (its own, shorter validation). Ours pass the gate and the planner, with the document in the
//! planner's cache (warm) or not (cold), and then what async-graphql still does to a document that it need not validate.
//!
//! Behind criterion's figures come two tables: ratios of rounds in which the contenders took turns, and the time
//! for each byte of hostile documents, to see that it does not grow with their size.

#![allow(
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::format_collect,
    reason = "a bench may fail loudly, and measures nothing of its own making"
)]

mod rounds;

use std::hint::black_box;
use std::sync::Arc;

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute};
use async_graphql::{Request, Response, ValidationMode, Value, Variables};
use criterion::Criterion;
use futures_util::FutureExt;
use roomm8_api::protocol::plan::Planner;
use roomm8_api::protocol::{Limits, Parameters};
use roomm8_schema::Schema;
use rounds::{Contender, tell, time, turns};

const DASHBOARD: &str = include_str!("dashboard.graphql");
const ROUNDS: usize = 15;
const TIMES: usize = 200;

/// Ends an execution before its first resolver.
struct Stop;

impl ExtensionFactory for Stop {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for Stop {
    async fn execute(&self, _: &ExtensionContext<'_>, _: Option<&str>, _: NextExecute<'_>) -> Response {
        Response::new(Value::from("stopped"))
    }
}

/// An application's request.
fn parameters(query: String) -> Parameters {
    let variables = serde_json::json!({ "household": "SAGiDCeCVnZOoTWj_QRwuAI", "messages": 50 });
    Parameters {
        query,
        document_id: None,
        operation_name: None,
        variables: Variables::from_json(variables),
        extensions: async_graphql::Extensions::default(),
    }
}

struct Contenders {
    strict: Schema,
    fast: Schema,
    planner: Planner,
    texts: std::cell::Cell<usize>,
}

impl Contenders {
    fn new() -> Self {
        let planner = Planner::new(roomm8_schema::sdl(), Limits::default()).expect("the schema is valid");
        let (strict, fast) =
            (Schema::with(ValidationMode::Strict, Stop), Schema::with(ValidationMode::Fast, Stop));
        Self { strict, fast, planner, texts: std::cell::Cell::new(0) }
    }

    fn alone(&self) {
        let Parameters { query, variables, .. } = parameters(DASHBOARD.to_owned());
        stopped(&self.strict, Request::new(query).variables(variables));
    }

    fn warm(&self) {
        self.ours(DASHBOARD.to_owned());
    }

    /// A text that was never seen.
    fn cold(&self) {
        self.texts.set(self.texts.get() + 1);
        self.ours(format!("{DASHBOARD}#{}", self.texts.get()));
    }

    fn ours(&self, query: String) {
        let operation = self.planner.admit(parameters(query)).map_err(|refusal| refusal.errors);
        stopped(&self.fast, operation.expect("the dashboard is let in").request);
    }
}

fn stopped(schema: &Schema, request: Request) {
    let response = schema.execute(request).now_or_never().expect("nothing is waited for");
    assert!(response.is_ok(), "{:?}", response.errors);
}

fn main() {
    let contenders = Contenders::new();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("dashboard");
    group.bench_function("async-graphql alone", |bench| bench.iter(|| contenders.alone()));
    group.bench_function("ours, cold", |bench| bench.iter(|| contenders.cold()));
    group.bench_function("ours, warm", |bench| bench.iter(|| contenders.warm()));
    group.finish();
    criterion.final_summary();
    // Without it, criterion only tries everything once.
    if std::env::args().any(|argument| argument == "--bench") {
        ratios(&contenders);
        growth();
    }
}

fn ratios(contenders: &Contenders) {
    let turn = |run: &dyn Fn()| time(TIMES, run);
    let contenders: [Contender<'_>; 4] = [
        ("async-graphql alone", &|| turn(&|| contenders.alone())),
        ("async-graphql alone, again", &|| turn(&|| contenders.alone())),
        ("ours, cold", &|| turn(&|| contenders.cold())),
        ("ours, warm", &|| turn(&|| contenders.warm())),
    ];
    let took = turns(&contenders, ROUNDS);
    let alone = took.first().cloned().unwrap_or_default();
    println!("\nTimes that of async-graphql alone: the median of {ROUNDS} rounds (least to most)");
    for ((name, _), took) in contenders.iter().zip(&took) {
        tell(name, took.iter().zip(&alone).map(|(took, alone)| took / alone).collect(), "");
    }
}

/// A document of about so many bytes.
type Shape = (&'static str, fn(usize) -> String);

/// Each is of one thing that a document can have much of. All pass the gate and the planner.
const SHAPES: [Shape; 9] = [
    ("a field again and again", |size| format!("{{ viewer {{ {} }} }}", "email ".repeat(size / 6))),
    ("aliases", |size| {
        format!(
            "{{ viewer {{ {} }} }}",
            (0..size / 14).map(|n| format!("a{n:06}: email ")).collect::<String>()
        )
    }),
    ("objects under one key", |size| format!("{{ {} }}", "viewer { user { id } } ".repeat(size / 23))),
    ("a fragment's spreads", |size| {
        format!("{{ viewer {{ {} }} }} fragment F on Viewer {{ email }}", "...F ".repeat(size / 5))
    }),
    ("fragments in a chain's links", |size| {
        let links = |n| format!("fragment F{n:05} on Viewer {{ email ...G }} ");
        let spreads: String = (0..size / 51).map(|n| format!("...F{n:05} ")).collect();
        let links: String = (0..size / 51).map(links).collect();
        format!("{{ viewer {{ {spreads} }} }} {links} fragment G on Viewer {{ email }}")
    }),
    ("variables", |size| {
        let count = size / 40;
        let defined: String = (0..count).map(|n| format!("$v{n:05}: Boolean! = true ")).collect();
        let used: String = (0..count).map(|n| format!("...@skip(if: $v{n:05}){{id}} ")).collect();
        format!("query({defined}) {{ viewer {{ user {{ id {used} }} }} }}")
    }),
    ("a list", |size| format!("{{ nodes(ids: [{}]) {{ id }} }}", "\"\" ".repeat(size / 3))),
    ("a string", |size| format!("{{ node(id: \"{}\") {{ id }} }}", "x".repeat(size))),
    ("comments", |size| format!("{{ viewer {{ email }} }} {}", "#\n".repeat(size / 2))),
];

/// One, two, four and eight times so many bytes, within what a configuration may allow at most.
const SIZES: [usize; 4] = [6_000, 12_000, 24_000, 48_000];

fn growth() {
    let many = usize::MAX;
    let limits = Limits {
        query_bytes: Limits::QUERY_BYTES_MAX,
        nesting: 32,
        tokens: many,
        operations: many,
        fragments: many,
        variables: many,
        fields: many,
        aliases: many,
        directives: many,
        depth: 12,
        root_fields: many,
        introspection_depth: 24,
        introspection_lists: 2,
        cost: many,
    };
    let planner = Planner::new(roomm8_schema::sdl(), limits.clone()).expect("the schema is valid");
    let gate = |text: &str| drop(black_box(roomm8_api::protocol::gate::read(text, &limits)));
    let whole = |text: &str| {
        let admitted = planner.admit(parameters(text.to_owned()));
        drop(black_box(admitted.map_err(|refusal| refusal.errors).expect("the shape is let in")));
    };
    println!(
        "\nNanoseconds for each byte, of documents of {SIZES:?} bytes, limits lifted; and the last to the first"
    );
    for (name, shape) in SHAPES {
        for (part, run) in [("gate", &gate as &dyn Fn(&str)), ("gate and planner", &whole)] {
            let cost = SIZES.map(|size| {
                let count = std::cell::Cell::new(0);
                let least = (0..5).map(|_| {
                    count.set(count.get() + 1);
                    // Else the planner would know it.
                    let text = format!("{}#{}", shape(size), count.get());
                    time(1, || run(&text)).as_nanos() as f64 / text.len() as f64
                });
                least.fold(f64::INFINITY, f64::min)
            });
            let ratio = cost.last().zip(cost.first()).map_or(0.0, |(last, first)| last / first);
            let [one, two, four, eight] = cost;
            println!("{name:28} {part:16} {one:8.1} {two:8.1} {four:8.1} {eight:8.1} {ratio:6.2}x");
        }
    }
}
