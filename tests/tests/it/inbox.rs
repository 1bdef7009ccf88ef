//! Inboxes: what one is told comes to all one's devices, on whichever instance they are, and nothing of it is lost.

use std::time::Duration;

use roomm8_tests::{Deployment, Home, Person, Socket, System, on_both, people::text, server::Server, wait};
use serde_json::{Value, json};

on_both!(
    a_mention_comes_to_the_inbox_on_the_other_instance,
    what_is_read_on_one_device_is_read_on_the_other,
    nothing_that_came_while_one_was_away_is_missed,
    a_reminder_comes_to_the_inbox_when_it_is_due,
    what_comes_is_chosen_for_each_household,
);

const SOON: Duration = Duration::from_secs(10);

const EVENTS: &str = "subscription($after: Cursor) { notifications(after: $after) { cursor
    counts { unseen unread }
    notification { id cause count isSeen isRead household { name } actor { displayName }
        subject { __typename ... on Message { body } ... on Occurrence { task { title } } } } } }";

const INBOX: &str = "{ viewer { notificationCounts { unseen unread } notifications(first: 20) {
    edges { cursor node { id cause count isSeen isRead subject { __typename ... on Message { body } } } }
    pageInfo { hasNextPage } } } }";

/// A socket that hears what comes into this person's inbox, and its first event.
async fn following(person: &Person, server: &Server) -> (Socket, Value) {
    let mut socket = person.follow(server, EVENTS, json!({})).await;
    let first = heard(&mut socket).await;
    assert_eq!(first["notification"], Value::Null);
    (socket, first)
}

async fn heard(socket: &mut Socket) -> Value {
    socket.next(SOON).await["notifications"].take()
}

async fn inbox(person: &Person, server: &Server) -> Value {
    person.on(server).query(INBOX, json!({})).await["viewer"].take()
}

/// Ada, who owns a household, and Bob, who lives there.
async fn home_of_two(system: &System) -> (Home, Person) {
    let home = Home::new(system, 2).await;
    let reader = home.people[1].clone();
    (home, reader)
}

async fn mention(home: &Home, server: &Server, person: &Person, words: &str) -> Value {
    home.say(server, home.owner(), &format!("@{} {words}", person.name)).await
}

async fn a_mention_comes_to_the_inbox_on_the_other_instance(deployment: Deployment) {
    let system = deployment.system().await;
    let (home, reader) = home_of_two(&system).await;
    let (mut socket, first) = following(&reader, system.b()).await;
    assert_eq!(first["counts"], json!({ "unseen": 0, "unread": 0 }));
    for (number, words) in ["the bins", "the stairs"].into_iter().enumerate() {
        mention(&home, system.a(), &reader, words).await;
        let event = heard(&mut socket).await;
        let told = &event["notification"];
        assert_eq!((&told["cause"], &told["count"]), (&json!("MENTION"), &json!(number + 1)));
        assert_eq!(told["actor"]["displayName"], home.owner().name);
        assert_eq!(told["subject"]["body"], format!("@{} {words}", reader.name));
        assert_eq!((&told["isSeen"], &told["isRead"]), (&json!(false), &json!(false)));
        assert_eq!(event["counts"], json!({ "unseen": 1, "unread": 1 }), "they are told together");
    }
    let inbox = inbox(&reader, system.a()).await;
    assert_eq!(inbox["notifications"]["edges"].as_array().unwrap().len(), 1);
    let of_owner = home.owner().on(system.a()).query(INBOX, json!({})).await;
    assert_eq!(of_owner["viewer"]["notifications"]["edges"], json!([]), "nobody is told of their own");
}

async fn what_is_read_on_one_device_is_read_on_the_other(deployment: Deployment) {
    let system = deployment.system().await;
    let (home, reader) = home_of_two(&system).await;
    let other = reader.other_device(system.b()).await;
    let sent = mention(&home, system.a(), &reader, "the bins").await;
    let (mut socket, first) = following(&other, system.b()).await;
    assert_eq!(first["counts"], json!({ "unseen": 1, "unread": 1 }));

    let edge = inbox(&reader, system.a()).await["notifications"]["edges"][0].take();
    let seen = json!({ "upTo": edge["cursor"] });
    let payload = "viewer { notificationCounts { unseen unread } }";
    let phone = reader.on(system.a());
    let answer = phone.done("markNotificationsSeen", seen, payload).await;
    let counts = json!({ "unseen": 0, "unread": 1 });
    assert_eq!(answer["viewer"]["notificationCounts"], counts);
    let event = heard(&mut socket).await;
    assert_eq!((&event["notification"], &event["counts"]), (&Value::Null, &counts));

    phone.done("markNotificationsRead", json!({ "notificationIds": [edge["node"]["id"]] }), payload).await;
    let event = heard(&mut socket).await;
    assert_eq!(
        (&event["notification"]["id"], &event["notification"]["isRead"]),
        (&edge["node"]["id"], &json!(true))
    );
    assert_eq!(event["counts"], json!({ "unseen": 0, "unread": 0 }));

    // Reading the message is reading of it.
    let again = mention(&home, system.a(), &reader, "the stairs").await;
    assert_eq!(heard(&mut socket).await["counts"]["unread"], 1);
    let read = json!({ "conversationId": home.general, "upTo": again["cursor"] });
    phone.done("markRead", read, "cursor").await;
    let event = heard(&mut socket).await;
    assert_eq!(event["notification"]["isRead"], true);
    assert_eq!(event["counts"]["unread"], 0);
    phone.done("markUnread", json!({ "messageId": again["id"] }), "cursor").await;
    assert_eq!(heard(&mut socket).await["counts"]["unread"], 1);
    assert_ne!(sent["id"], again["id"]);
}

async fn nothing_that_came_while_one_was_away_is_missed(deployment: Deployment) {
    let system = deployment.system().await;
    let reader = Person::new(&system, "Reader").await;
    let mut homes = Vec::new();
    for _ in 0..3 {
        let owner = Person::new(&system, "Owner").await;
        homes.push(Home::of(&system, vec![owner, reader.clone()]).await);
    }
    let (socket, mut event) = following(&reader, system.a()).await;
    drop(socket);
    for round in 0..4 {
        for home in &homes {
            mention(home, system.a(), &reader, &format!("away {round}")).await;
        }
        let server = &system.servers[round % system.servers.len()];
        let mut socket = reader.follow(server, EVENTS, json!({ "after": event["cursor"] })).await;
        for home in &homes {
            mention(home, system.b(), &reader, &format!("here {round}")).await;
        }
        // Whatever was told while it changed once more: in the end each is as it is.
        let last = format!("@{} here {round}", reader.name);
        let mut newest = std::collections::HashMap::new();
        while newest.len() < homes.len() || newest.values().any(|body: &String| *body != last) {
            event = heard(&mut socket).await;
            let told = &event["notification"];
            newest.insert(text(&told["id"]), text(&told["subject"]["body"]));
        }
        let up_to = json!({ "upTo": event["cursor"] });
        reader.on(system.a()).done("markNotificationsRead", up_to, "viewer { email }").await;
        event = heard(&mut socket).await;
        assert_eq!((&event["notification"], &event["counts"]["unread"]), (&Value::Null, &json!(0)));
    }
    let all = inbox(&reader, system.b()).await;
    let counted: i64 = all["notifications"]["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| edge["node"]["count"].as_i64().unwrap())
        .sum();
    assert_eq!(counted, 4 * 2 * 3, "each mention is counted once");
    let far = json!({ "after": home_cursor(&homes[0], &system).await });
    let mut refused = reader.follow(system.a(), EVENTS, far).await;
    let (_, end) = refused.end_within(SOON).await;
    assert_eq!(end.error_code(), Some("RESYNC_REQUIRED"), "it is a cursor of something else");
}

async fn home_cursor(home: &Home, system: &System) -> String {
    home.cursor(system.a(), home.owner()).await
}

async fn a_reminder_comes_to_the_inbox_when_it_is_due(deployment: Deployment) {
    let system = deployment.system().await;
    let (home, reader) = home_of_two(&system).await;
    let (mut socket, _) = following(&reader, system.b()).await;
    let owner = home.owner().on(system.a());
    let now = chrono::Utc::now() + chrono::TimeDelta::seconds(3);
    let member = home.member(system.a(), &reader).await;
    let chore = json!({
        "householdId": home.id, "title": "water the plants", "strategy": "FIXED", "roster": [member],
        "schedule": { "startDate": now.date_naive().to_string(), "time": now.format("%H:%M:%S").to_string(), "timeZone": "UTC" },
        "reminders": { "offsetsMinutes": [0] },
    });
    let made = owner.done("createTask", chore, "task { openOccurrences { id } }").await;
    let told = heard(&mut socket).await["notification"].take();
    assert_eq!((&told["cause"], &told["actor"]), (&json!("TASK_REMINDER"), &Value::Null));
    assert_eq!(told["subject"]["task"]["title"], "water the plants");
    let occurrence = json!({ "occurrenceId": made["task"]["openOccurrences"][0]["id"] });
    owner.done("completeOccurrence", occurrence, "cursor").await;
    wait::until_so(SOON, "it is read, as it is done", async || {
        inbox(&reader, system.b()).await["notificationCounts"]["unread"] == 0
    })
    .await;
}

async fn what_comes_is_chosen_for_each_household(deployment: Deployment) {
    let system = deployment.system().await;
    let reader = Person::new(&system, "Reader").await;
    let mut homes = Vec::new();
    for _ in 0..2 {
        let owner = Person::new(&system, "Owner").await;
        homes.push(Home::of(&system, vec![owner, reader.clone()]).await);
    }
    let selection = "viewer { notificationPreferences { inApp mailed
        households { household { id } inApp mailed } } }";
    let device = reader.on(system.a());
    let input = json!({ "householdId": homes[0].id, "inApp": ["TASK_NUDGE"] });
    let answer = device.done("setNotificationPreferences", input, selection).await;
    let mailed = json!(["MENTION", "ANNOUNCEMENT", "TASK_REMINDER", "TASK_NUDGE"]);
    let all = json!(["MENTION", "ANNOUNCEMENT", "TASK_REMINDER", "TASK_NUDGE", "GROCERIES_ADDED"]);
    let chosen = json!({ "household": { "id": homes[0].id }, "inApp": ["TASK_NUDGE"], "mailed": mailed });
    let expected = json!({ "inApp": all, "mailed": mailed, "households": [chosen] });
    assert_eq!(answer["viewer"]["notificationPreferences"], expected);
    for home in &homes {
        mention(home, system.b(), &reader, "hello").await;
    }
    assert_eq!(inbox(&reader, system.a()).await["notificationCounts"]["unread"], 1);

    let input = json!({ "householdId": homes[0].id, "inApp": null });
    let answer = device.done("setNotificationPreferences", input, selection).await;
    assert_eq!(answer["viewer"]["notificationPreferences"]["households"], json!([]));
    let stranger = Person::new(&system, "Stranger").await;
    let input = json!({ "householdId": homes[0].id, "inApp": [] });
    assert_eq!(stranger.on(system.a()).error("setNotificationPreferences", input).await, "NOT_FOUND");
}
