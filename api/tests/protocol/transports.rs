//! A document's verdict is the same, whatever it comes in by.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestError, TestRunner};
use roomm8_api::protocol::listener::Listen;
use roomm8_api::protocol::{Limits, Settings};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::server::{Reply, Server, Socket, code};
use crate::sse::{EVENTS, MULTIPART, results, whole};

/// Let in, or its errors.
type Verdict = Result<(), Value>;

const RESPONSE: &str = "application/graphql-response+json";

/// One server, and one socket to it that all documents go through.
struct Transports {
    server: Server,
    socket: Socket,
    asked: usize,
}

impl Transports {
    async fn open() -> Self {
        let listen = Listen { connections_per_address: None, ..Listen::default() };
        let server = Server::with(Settings::default(), listen);
        let socket = server.socket().await;
        Self { server, socket, asked: 0 }
    }

    /// The verdicts on a text. The first to be asked reads it; the others may find it in the cache.
    async fn verdicts(&mut self, text: &str) -> Vec<(&'static str, Verdict)> {
        let body = json!({ "query": text });
        let mut verdicts = vec![
            ("POST", of_response(&self.server.post(RESPONSE, &body).await.json())),
            ("JSON", of_response(&self.server.post("application/json", &body).await.json())),
            ("events", of_events(&self.server.post(EVENTS, &body).await)),
            ("multipart", of_parts(&self.server.post(MULTIPART, &body).await)),
            ("WebSocket", self.over_the_socket(text).await),
        ];
        let target = format!("/graphql?query={}", escaped(text));
        if target.len() <= Settings::default().target_bytes {
            let get = async |accept| self.server.send("GET", &target, &[("accept", accept)], "").await;
            verdicts.push(("GET", of_response(&get(RESPONSE).await.json())));
            verdicts.push(("GET of events", of_events(&get(EVENTS).await)));
        }
        verdicts
    }

    async fn over_the_socket(&mut self, text: &str) -> Verdict {
        self.asked += 1;
        let id = self.asked.to_string();
        self.socket.subscribe(&id, text).await;
        loop {
            // An earlier operation that was let in may have something to say still.
            let said = self.socket.hear().await;
            if said["id"] != id {
                continue;
            }
            return match said["type"].as_str() {
                Some("error") => Err(said["payload"].clone()),
                _ => Ok(()),
            };
        }
    }
}

/// What refuses an operation after it was let in: over this transport it cannot go.
const ELSEWHERE: [&str; 2] = ["SUBSCRIPTION_NEEDS_SOCKET", "METHOD_NOT_ALLOWED"];

fn of_response(response: &Value) -> Verdict {
    let errors = &response["errors"];
    let is_let_in = response.get("data").is_some() || ELSEWHERE.contains(&code(&errors[0]).as_str());
    if is_let_in { Ok(()) } else { Err(errors.clone()) }
}

/// What is refused is told at once, and not in chunks.
fn streamed(reply: &Reply) -> String {
    if reply.header("transfer-encoding").is_some() { whole(reply) } else { reply.body.clone() }
}

fn of_events(reply: &Reply) -> Verdict {
    if !reply.header("content-type").is_some_and(|media| media.starts_with(EVENTS)) {
        return of_response(&reply.json());
    }
    let (results, is_complete) = results(&streamed(reply));
    assert!(is_complete);
    results.first().map_or(Ok(()), of_response)
}

fn of_parts(reply: &Reply) -> Verdict {
    if !reply.header("content-type").is_some_and(|media| media.starts_with("multipart/")) {
        return of_response(&reply.json());
    }
    let body = streamed(reply);
    let part = body.split("\r\n--graphql").nth(1).and_then(|part| part.split_once("\r\n\r\n"));
    let part: Value = part.map_or(Value::Null, |(_, json)| serde_json::from_str(json).unwrap());
    if part["payload"].is_null() && part.get("errors").is_some() {
        return of_response(&json!({ "errors": part["errors"] }));
    }
    of_response(&json!({ "data": part["payload"] }))
}

/// Every byte but letters and digits, as a form would.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// Asks over each transport, and says how many were let in of how many.
fn agree_on(texts: impl Strategy<Value = String>) -> (usize, usize) {
    let runtime = Runtime::new().unwrap();
    let transports = tokio::sync::Mutex::new(runtime.block_on(Transports::open()));
    let counts = std::cell::Cell::new((0, 0));
    let tested =
        TestRunner::new(Config { failure_persistence: None, ..Config::default() }).run(&texts, |text| {
            let verdicts = runtime.block_on(async { transports.lock().await.verdicts(&text).await });
            let (_, expected) = &verdicts[0];
            for (transport, verdict) in &verdicts {
                prop_assert_eq!(verdict, expected, "{}", transport);
            }
            let (let_in, asked) = counts.get();
            counts.set((let_in + usize::from(expected.is_ok()), asked + 1));
            Ok(())
        });
    if let Err(TestError::Fail(reason, text)) = tested {
        panic!("{reason}\nof {text:?}");
    }
    counts.get()
}

#[test]
fn of_any_bytes() {
    let bytes = prop::collection::vec(any::<u8>(), 0..300);
    agree_on(bytes.prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
}

#[test]
fn of_any_tokens() {
    let tokens = vec![
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "\"",
        "\"\"\"",
        "\\",
        "#",
        "\n",
        "\r",
        "\r\n",
        ":",
        "!",
        "$",
        "$a",
        "@",
        "@skip(if:true)",
        "...",
        "...F",
        " ",
        ",",
        "=",
        "|",
        "&",
        "hello",
        "me{hello}",
        "echo(text:\"\")",
        "on ",
        "fragment F on Query{hello}",
        "query ",
        "mutation ",
        "subscription ",
        "Query",
        "F",
        "1",
        "-",
        "1.5e3",
        "null",
        "☃",
        "\u{feff}",
        "\0",
        "__typename",
        "{hello}",
    ];
    let soup = prop::collection::vec(select(tokens), 0..40).prop_map(|tokens| tokens.concat());
    agree_on(prop_oneof![
        soup.clone(),
        soup.clone().prop_map(|soup| format!("{{ hello {soup} }}")),
        // Beyond a limit, and some beyond what a URL may hold.
        (soup, 0..1_000_usize).prop_map(|(soup, times)| soup.repeat(times).chars().take(20_000).collect()),
    ]);
}

/// Documents that make sense, but for a field that is none, an argument too few and limits that are passed.
fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        6 => select(vec!["hello", "__typename", "caller", "large(bytes:1)", "echo(text:$a)", "fails", "...F"]),
        1 => select(vec!["nothing", "echo", "hello{a}", "me", "...G", "x@skip(if:$b)", "hello(a:1)"]),
    ];
    let selection = leaf.prop_map(str::to_owned).prop_recursive(16, 60, 4, |inner| {
        let set = prop::collection::vec(inner, 1..4).prop_map(|set| format!("{{ {} }}", set.join(" ")));
        (select(vec!["me", "x: me", "y: me", "...", "... on Query", "me @include(if: true)"]), set)
            .prop_map(|(field, set)| format!("{field} {set}"))
    });
    let query = (select(vec!["query", "query Q"]), selection.clone()).prop_map(|(kind, selection)| {
        let uses = |name| selection.contains(name);
        let variables = if uses("$a") { "($a: String! = \"\")" } else { "" };
        let fragment = if uses("...F") { "fragment F on Query { hello z: caller }" } else { "" };
        format!("{kind}{variables} {{ {selection} }} {fragment}")
    });
    let other = select(vec![
        "mutation { touch }",
        "mutation { a: touch b: touch }",
        "mutation { touchSlowly }",
        "subscription { count(to: 2) }",
        "subscription { count(to: 0) }",
        "subscription { count }",
        "subscription { count(to: 1) never }",
        "query A { hello } query B { hello }",
        "query A { hello } query A { caller }",
        "fragment F on Query { ...F } { ...F }",
        "type T { a: Int }",
    ]);
    let repeated = (selection, 1..40_usize, select(vec!["me {", "... {", "... on Query {"])).prop_map(
        |(selection, times, open)| format!("{{ {}{selection}{} }}", open.repeat(times), "}".repeat(times)),
    );
    prop_oneof![5 => query, 1 => other.prop_map(str::to_owned), 2 => repeated]
}

#[test]
fn of_documents() {
    let (let_in, asked) = agree_on(document());
    // Else it would be a test of refusals alone.
    assert!(let_in * 10 > asked && let_in * 10 < asked * 9, "{let_in} of {asked} were let in");
}

/// What the limits are about, all of it at once within them and beyond.
#[test]
fn at_the_limits() {
    let limits = Limits::default();
    let field = |count: usize| (0..count).map(|n| format!("a{n}: hello ")).collect::<String>();
    let fill = |bytes: usize| format!("{{ hello }}{}", " ".repeat(bytes - "{ hello }".len()));
    let edges = [
        fill(limits.query_bytes),
        fill(limits.query_bytes + 1),
        format!("{{ {} }}", field(limits.root_fields)),
        format!("{{ {} }}", field(limits.root_fields + 1)),
        format!("{{ me {{ {} }} }}", field(limits.aliases)),
        format!("{{ me {{ {} }} }}", field(limits.aliases + 1)),
    ];
    let (let_in, asked) = agree_on(select(edges.to_vec()));
    assert!(let_in > 0 && let_in < asked);
}
