//! Endpoints: browsers by web push, and webhooks. What they are told is for them alone, comes once, and ends with what it
//! stands on.

use std::time::Duration;

use roomm8_tests::{Deployment, Home, Person, System, on_both, people::text, receiver::Receiver, wait};
use serde_json::{Value, json};

on_both!(
    what_nobody_else_can_reach_is_no_endpoint,
    a_browser_is_told_what_it_alone_can_read,
    a_browser_is_told_nothing_after_its_session,
    a_webhook_is_told_until_it_takes_it_and_in_order,
    an_endpoint_that_is_gone_is_forgotten,
    what_is_put_on_a_list_is_told_together,
);

/// The longest that something takes that failed twice.
const SOON: Duration = Duration::from_secs(30);
/// What is put on a list is told within a minute.
const TOGETHER: Duration = Duration::from_secs(90);

const ENDPOINTS: &str =
    "{ viewer { notificationEndpoints { id kind url failingSince session { isCurrent } } } }";
const ADDED: &str = "endpoint { id kind }";

/// A key that every process has: what browsers are named with holds for all.
const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgRKDW9N1fLciDqPBshdQOUI4yZTZxobLv87LVLMWVSI6hRANCAARQDyxk7mI6Ju2M_z6hfTyNKNvp_j_eDfClpsNDejDEzXWYzVHzlMSEGxPkA89nubeJqCswoJactF_rMaulcotQ";

/// A household of two whose endpoints may be on this machine.
async fn home(deployment: Deployment) -> (System, Home) {
    let system = deployment.own().with("PRIVATE_ENDPOINTS", "on").with("VAPID_KEY", KEY).start().await;
    let home = Home::new(&system, 2).await;
    (system, home)
}

async fn mention(system: &System, home: &Home, words: &str) -> Value {
    home.say(system.a(), home.owner(), &format!("@{} {words}", home.people[1].name)).await
}

async fn endpoints(person: &Person, system: &System) -> Value {
    person.on(system.b()).query(ENDPOINTS, json!({})).await["viewer"]["notificationEndpoints"].take()
}

async fn add_browser(person: &Person, system: &System, receiver: &Receiver) -> String {
    let added = person.on(system.b()).done("addWebPush", receiver.browser.clone(), ADDED).await;
    assert_eq!(added["endpoint"]["kind"], "WEB_PUSH");
    text(&added["endpoint"]["id"])
}

async fn add_webhook(person: &Person, system: &System, receiver: &mut Receiver) -> String {
    let input = json!({ "url": receiver.webhook });
    let added = person.on(system.b()).done("addWebhook", input, &format!("secret {ADDED}")).await;
    receiver.knows(added["secret"].as_str().unwrap()).await;
    text(&added["endpoint"]["id"])
}

async fn a_browser_is_told_what_it_alone_can_read(deployment: Deployment) {
    let Some(mut receiver) = Receiver::start().await else { return };
    let (system, home) = home(deployment).await;
    let reader = &home.people[1];
    let key = reader.on(system.a()).query("{ viewer { webPushKey } }", json!({})).await;
    let id = add_browser(reader, &system, &receiver).await;
    assert_eq!(add_browser(reader, &system, &receiver).await, id, "a page says it each time that it begins");
    let said = mention(&system, &home, "the bins").await;
    let told = receiver.next(SOON).await;
    assert_eq!((&told["to"], &told["key"]), (&json!("browser"), &key["viewer"]["webPushKey"]));
    let payload = &told["payload"];
    let fact = format!("{} mentioned you in Kalliolinna 4 B", home.owner().name);
    assert_eq!((&payload["kind"], &payload["title"]), (&json!("MENTION"), &json!(fact)));
    assert_eq!((&payload["body"], &payload["subjectId"]), (&json!(format!("{fact}.")), &said["id"]));
    assert!(payload["url"].as_str().unwrap().ends_with(&format!("/open/{}", text(&said["id"]))), "{payload}");

    // What they do not wish there does not come there.
    let input = json!({ "webPush": ["TASK_NUDGE"] });
    reader.on(system.a()).done("setNotificationPreferences", input, "clientMutationId").await;
    mention(&system, &home, "the stairs").await;
    let all = json!({ "webPush": null });
    reader.on(system.a()).done("setNotificationPreferences", all, "clientMutationId").await;
    let last = mention(&system, &home, "the roof").await;
    assert_eq!(receiver.next(SOON).await["payload"]["subjectId"], last["id"]);
}

async fn a_browser_is_told_nothing_after_its_session(deployment: Deployment) {
    let Some(mut receiver) = Receiver::start().await else { return };
    let (system, home) = home(deployment).await;
    let reader = &home.people[1];
    let phone = reader.other_device(system.a()).await;
    add_browser(&phone, &system, &receiver).await;
    let listed = endpoints(reader, &system).await;
    assert_eq!(
        (listed.as_array().unwrap().len(), &listed[0]["session"]),
        (1, &json!({ "isCurrent": false }))
    );
    add_webhook(reader, &system, &mut receiver).await;
    phone.on(system.a()).done("logout", json!({}), "loggedOut").await;
    mention(&system, &home, "the bins").await;
    // The webhook is told in the same moment, and the phone is not.
    assert_eq!(receiver.next(SOON).await["to"], "webhook");
    let listed = endpoints(reader, &system).await;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["kind"]), (1, &json!("WEBHOOK")));
    assert!(receiver.is_quiet(Duration::from_secs(2)).await);
}

async fn a_webhook_is_told_until_it_takes_it_and_in_order(deployment: Deployment) {
    let Some(mut receiver) = Receiver::start().await else { return };
    let (system, home) = home(deployment).await;
    let reader = &home.people[1];
    add_webhook(reader, &system, &mut receiver).await;
    receiver.answers(&[500, 307]).await;
    let first = mention(&system, &home, "the bins").await;
    let refused = receiver.next(SOON).await;
    assert_eq!((&refused["payload"]["subjectId"], &refused["status"]), (&first["id"], &json!(500)));
    let second = mention(&system, &home, "the stairs").await;
    let again = [receiver.next(SOON).await, receiver.next(SOON).await];
    for (told, status) in again.iter().zip([307, 201]) {
        assert_eq!((&told["id"], &told["status"]), (&refused["id"], &json!(status)), "it is the same");
    }
    let next = receiver.next(SOON).await;
    assert_eq!(next["payload"]["subjectId"], second["id"], "it waited for the first");
    wait::until_so(SOON, "the webhook failed no more", async || {
        endpoints(reader, &system).await[0]["failingSince"] == Value::Null
    })
    .await;
    assert!(receiver.is_quiet(Duration::from_secs(2)).await, "each comes once");
}

async fn an_endpoint_that_is_gone_is_forgotten(deployment: Deployment) {
    let Some(mut receiver) = Receiver::start().await else { return };
    let (system, home) = home(deployment).await;
    let reader = &home.people[1];
    let webhook = add_webhook(reader, &system, &mut receiver).await;
    receiver.answers(&[410]).await;
    mention(&system, &home, "the bins").await;
    assert_eq!(receiver.next(SOON).await["status"], 410);
    wait::until_so(SOON, "the webhook was forgotten", async || endpoints(reader, &system).await == json!([]))
        .await;
    // It is theirs no more, and never was another's to remove.
    let browser = add_browser(reader, &system, &receiver).await;
    for (person, id) in [(reader, &webhook), (home.owner(), &browser)] {
        let input = json!({ "endpointId": id });
        assert_eq!(person.on(system.a()).error("removeNotificationEndpoint", input).await, "NOT_FOUND");
    }
    let removed = json!({ "endpointId": browser });
    reader.on(system.a()).done("removeNotificationEndpoint", removed, "removedEndpointId").await;
    mention(&system, &home, "the stairs").await;
    assert!(receiver.is_quiet(Duration::from_secs(2)).await);
}

async fn what_is_put_on_a_list_is_told_together(deployment: Deployment) {
    let Some(mut receiver) = Receiver::start().await else { return };
    let (system, home) = home(deployment).await;
    let reader = &home.people[1];
    add_browser(reader, &system, &receiver).await;
    let owner = home.owner().on(system.a());
    let list = json!({ "householdId": home.id, "name": "Lidl" });
    let list = owner.done("createGroceryList", list, "list { id }").await["list"]["id"].take();
    let add = json!({ "listId": list, "text": "milk, eggs, bread" });
    owner.done("addGroceryItems", add, "clientMutationId").await;
    let told = receiver.next(TOGETHER).await;
    let payload = &told["payload"];
    let fact = format!("{} added 3 things to Lidl", home.owner().name);
    assert_eq!((&payload["kind"], &payload["title"]), (&json!("GROCERIES_ADDED"), &json!(fact)));
    assert_eq!(payload["subjectId"], list);
    let inbox = "{ viewer { notifications(first: 5) { nodes { cause count isRead actor { displayName }
        subject { ... on GroceryList { name } } } } } }";
    let found = reader.on(system.b()).query(inbox, json!({})).await;
    let entry = json!({ "cause": "GROCERIES_ADDED", "count": 3, "isRead": false,
        "actor": { "displayName": home.owner().name }, "subject": { "name": "Lidl" } });
    assert_eq!(found["viewer"]["notifications"]["nodes"], json!([entry]));
    assert_eq!(owner.query(inbox, json!({})).await["viewer"]["notifications"]["nodes"], json!([]));
}

async fn what_nobody_else_can_reach_is_no_endpoint(deployment: Deployment) {
    let system = deployment.own().with("VAPID_KEY", KEY).start().await;
    let ada = Person::new(&system, "Ada").await;
    let client = ada.on(system.a());
    for url in
        ["https://127.0.0.1/", "https://169.254.169.254/latest", "http://example.org/", "https://printer/"]
    {
        let refused =
            client.mutate("addWebhook", json!({ "url": url }), "secret userErrors { code field }").await;
        let error = json!({ "code": "INVALID", "field": ["url"] });
        assert_eq!(refused, json!({ "secret": null, "userErrors": [error] }), "{url}");
    }
    for number in 0..6 {
        let url = json!({ "url": format!("https://hooks.example.org/{}", number % 5) });
        client.done("addWebhook", url, "secret").await;
    }
    assert_eq!(
        client.user_error("addWebhook", json!({ "url": "https://hooks.example.org/5" })).await,
        "LIMIT"
    );
    assert_eq!(endpoints(&ada, &system).await.as_array().unwrap().len(), 5);

    // The `auth` of a browser has 16 bytes, and its key 65.
    let (p256dh, auth) = (format!("BA{}", "A".repeat(85)), "A".repeat(22));
    let browser =
        |url: &str, p256dh: &str, auth: &str| json!({ "endpoint": url, "p256dh": p256dh, "auth": auth });
    let push = "https://push.example.org/1";
    for (input, field) in [
        (browser("https://[::1]/", &p256dh, &auth), "endpoint"),
        (browser(push, "BAAA", &auth), "p256dh"),
        (browser(push, "no base64", &auth), "p256dh"),
        (browser(push, &p256dh, "AAAA"), "auth"),
    ] {
        let refused = client.mutate("addWebPush", input, "userErrors { code field }").await;
        assert_eq!(refused["userErrors"], json!([{ "code": "INVALID", "field": [field] }]));
    }
    client.done("addWebPush", browser(push, &p256dh, &auth), ADDED).await;
}
