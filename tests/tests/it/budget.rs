//! What an account may spend on operations, and that it is the same bucket wherever it is spent.

use std::time::Duration;

use roomm8_tests::{Deployment, Person, System, on_both, on_mysql, wait};
use serde_json::json;

on_both!(an_account_has_one_bucket_on_all_its_devices_and_instances);
on_mysql!(redis_is_lost_and_instances_count_by_themselves);

const BUCKET: usize = 1_000;
/// It costs a hundred points, whatever the answer.
const HUNDRED: &str = "{ __schema { queryType { name } } }";

/// Nothing to speak of comes back during a scenario.
async fn system(deployment: Deployment) -> System {
    let limit = format!("cost={BUCKET}");
    let plan = deployment.own().with("COST_BUCKET", &BUCKET.to_string()).with("LIMITS", &limit);
    plan.with("COST_RESTORE", "1").start().await
}

/// How many operations of a hundred points are answered before one is refused by each server.
async fn spend(system: &System, person: &Person) -> usize {
    let mut answered = 0;
    for server in &system.servers {
        loop {
            let answer = person.on(server).ask(HUNDRED, json!({})).await.unwrap();
            match answer.code() {
                None => answered += 1,
                Some("RATE_LIMITED") => {
                    assert_eq!((answer.status.as_u16(), answer.says_when), (429, true));
                    break;
                }
                Some(other) => panic!("{other}"),
            }
        }
    }
    answered
}

async fn an_account_has_one_bucket_on_all_its_devices_and_instances(deployment: Deployment) {
    let system = system(deployment).await;
    let (ada, bob) = (Person::new(&system, "Ada").await, Person::new(&system, "Bob").await);
    let ask = "{ rateLimit { cost limit remaining restoreRate resetAt } viewer { user { id } } }";
    let said = ada.on(system.a()).query(ask, json!({})).await;
    let limit = &said["rateLimit"];
    assert_eq!(
        (&limit["cost"], &limit["limit"], &limit["restoreRate"]),
        (&json!(3), &json!(BUCKET), &json!(1))
    );
    assert!(limit["remaining"].as_i64().unwrap() >= 990, "{limit}");
    assert!(limit["resetAt"].is_string());

    // Signing in on another device is an expense of the address, not of the account.
    let device = ada.other_device(system.b()).await;
    let answered = spend(&system, &ada).await;
    assert!((8..=9).contains(&answered), "{answered} times a hundred points of {BUCKET}");
    assert_eq!(device.on(system.a()).refusal(HUNDRED, json!({})).await, "RATE_LIMITED");
    assert_eq!(spend(&system, &bob).await, 10);
}

async fn redis_is_lost_and_instances_count_by_themselves(deployment: Deployment) {
    let system = system(deployment).await;
    let ada = Person::new(&system, "Ada").await;
    assert_eq!(spend(&system, &ada).await, 10);
    system.redis().kill();
    // Each has a bucket for her, full, as it knows nothing else.
    assert_eq!(spend(&system, &ada).await, 20);
    for server in &system.servers {
        assert!(server.metric("roomm8_ledger_unreachable_total").await > 0.0);
    }
    // A Redis that starts anew knows of no bucket either.
    system.redis().restart().await;
    wait::until_so(Duration::from_secs(20), "an instance asked Redis again", async || {
        ada.on(system.a()).ask(HUNDRED, json!({})).await.unwrap().code().is_none()
    })
    .await;
    let keys: Vec<String> = system.redis().ask(&["KEYS", "roomm8:budget:*"]).await.unwrap();
    assert_eq!(keys.len(), 1, "{keys:?}");
}
