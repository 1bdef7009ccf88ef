use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use roomm8_api::protocol::Shared;
use roomm8_api::protocol::budget::{Buckets, Ledger, Rates, Taken, Unreachable};
use roomm8_api::protocol::{Limits, Settings};
use serde_json::{Value, json};

use crate::server::{Reply, Server};

/// So slow that nothing comes back during a test.
const RESTORE: u64 = 1;

fn with(capacity: u64, ledger: Option<Arc<dyn Ledger>>) -> Server {
    let rates = Rates { capacity, restore: RESTORE };
    Server::set(Settings { rates, shared: Shared { ledger, shelf: None }, batch: 10, ..Settings::default() })
}

async fn ask(server: &Server, token: &str, body: &Value) -> Reply {
    let bearer = format!("Bearer {token}");
    let headers = [("content-type", "application/json"), ("authorization", &bearer)];
    server.send("POST", "/graphql", &headers, &body.to_string()).await
}

/// Three points, and they are what it costs.
const THREE: &str = "{ me { me { me { hello } } } }";
/// Up to eleven points, of which its answer has two.
const ELEVEN: &str = "{ lab { maybe(to: 1) { __typename id } } }";

#[tokio::test]
async fn an_answer_tells_its_cost_if_asked() {
    let server = with(100, None);
    let reply = ask(&server, "ada", &json!({ "query": ELEVEN, "extensions": { "cost": true } })).await;
    assert_eq!(
        reply.json()["extensions"]["cost"],
        json!({
            "requestedQueryCost": 11,
            "actualQueryCost": 2,
            "throttleStatus": { "maximumAvailable": 100, "currentlyAvailable": 89, "restoreRate": 1 },
        })
    );
    assert_eq!(reply.header("ratelimit-policy"), Some(r#""cost";q=100;w=100"#));
    assert_eq!(reply.header("ratelimit"), Some(r#""cost";r=89;t=11"#));
    let reply = ask(&server, "ada", &json!({ "query": THREE })).await;
    assert_eq!(reply.json().get("extensions"), None);
    // Nine points had come back.
    assert_eq!(reply.header("ratelimit"), Some(r#""cost";r=95;t=5"#));
    assert_eq!(server.sample("cost_points_total", None), 14);
    // Where no cost is counted, none is told.
    let reply = ask(&with(0, None), "ada", &json!({ "query": THREE, "extensions": { "cost": true } })).await;
    assert_eq!((reply.json().get("extensions"), reply.header("ratelimit")), (None, None));
}

#[tokio::test]
async fn who_has_spent_it_all_waits_and_nobody_else_does() {
    let server = with(20, None);
    let touch = json!({ "query": "mutation { touch }" });
    for _ in 0..2 {
        assert_eq!(ask(&server, "ada.1", &touch).await.status, 200);
    }
    let refused = ask(&server, "ada.2", &touch).await;
    assert_eq!((refused.status, refused.code()), (429, "RATE_LIMITED".into()));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    let error = refused.json()["errors"][0].clone();
    assert_eq!(error["extensions"]["retryAfter"], wait);
    assert!((1..=10).contains(&wait), "{wait}");
    assert_eq!(error["extensions"]["cost"]["requestedQueryCost"], 10);
    assert!(error["message"].as_str().unwrap().starts_with("this operation costs 10 points"), "{error}");
    assert_eq!(server.stub.seen.touched.load(Ordering::SeqCst), 2);
    assert_eq!(server.sample("rate_limited_total", None), 1);
    assert_eq!(ask(&server, "bob.1", &touch).await.status, 200);

    let mut socket = server.open().await;
    socket.say(&json!({ "type": "connection_init", "payload": { "token": "ada.3" } })).await;
    socket.hear().await;
    for (id, query) in [("1", "mutation { touch }"), ("2", "subscription { count(to: 1) }")] {
        socket.subscribe(id, query).await;
        let refused = socket.hear().await;
        assert_eq!(refused["type"], "error");
        assert_eq!(refused["payload"][0]["extensions"]["code"], "RATE_LIMITED");
    }
    let batch = json!([{ "query": "{ hello }" }, { "query": "mutation { touch }" }]);
    let answers = ask(&server, "cleo", &batch).await;
    assert_eq!(answers.json()[1]["data"]["touch"], "y");
    assert_eq!(answers.header("ratelimit"), Some(r#""cost";r=9;t=11"#));
}

#[tokio::test]
async fn an_operation_that_could_cost_too_much_is_refused_whatever_is_left() {
    let limits = Limits { cost: 10, ..Limits::default() };
    let server = Server::set(Settings { limits, ..Settings::default() });
    let refused = ask(&server, "ada", &json!({ "query": ELEVEN })).await;
    let error = &refused.json()["errors"][0];
    assert_eq!(error["extensions"]["code"], "LIMIT_EXCEEDED");
    assert_eq!(
        error["message"],
        "points of cost: 11, and 10 is the limit; ask for shorter pages, or nest fewer lists"
    );
    assert_eq!(ask(&server, "ada", &json!({ "query": THREE })).await.status, 200);
}

struct Common(Buckets);

impl Ledger for Common {
    fn take<'a>(
        &'a self,
        account: &'a str,
        least: u64,
        most: u64,
    ) -> BoxFuture<'a, Result<Taken, Unreachable>> {
        async move { Ok(self.0.take(account, least, most)) }.boxed()
    }
}

#[tokio::test]
async fn instances_with_one_ledger_have_one_bucket() {
    let ledger = Arc::new(Common(Buckets::new(Rates { capacity: 200, restore: RESTORE })));
    let servers = [with(200, Some(ledger.clone())), with(200, Some(ledger))];
    let mut answered = 0;
    for round in 0..40 {
        let reply = ask(&servers[round % 2], "ada", &json!({ "query": "mutation { touch }" })).await;
        answered += u64::from(reply.status == 200);
    }
    // What one of them fetched ahead may be left over.
    assert!((19..=20).contains(&answered), "{answered}");
}

struct Lost;

impl Ledger for Lost {
    fn take<'a>(&'a self, _: &'a str, _: u64, _: u64) -> BoxFuture<'a, Result<Taken, Unreachable>> {
        async { Err(Unreachable) }.boxed()
    }
}

#[tokio::test]
async fn without_its_ledger_an_instance_keeps_its_own_buckets() {
    let server = with(20, Some(Arc::new(Lost)));
    let touch = json!({ "query": "mutation { touch }" });
    let statuses = [
        ask(&server, "ada", &touch).await.status,
        ask(&server, "ada", &touch).await.status,
        ask(&server, "ada", &touch).await.status,
    ];
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(server.sample("ledger_unreachable_total", None), 3);
}
