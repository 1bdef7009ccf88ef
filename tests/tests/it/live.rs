//! Live delivery without faults: following, resuming, being shown out, and the signals that are never stored.

use std::time::{Duration, Instant};

use roomm8_tests::{
    Deployment, Home, Person, Socket, on_both, people::text, server::Server, walk, workload::Workload,
};
use serde_json::{Value, json};

on_both!(
    a_thousand_messages_arrive_once_in_order_at_a_restless_third,
    every_kind_of_event_reaches_a_member_on_the_other_instance,
    a_resumed_subscription_has_no_hole_and_no_repetition,
    a_removed_member_hears_nothing_later,
    a_cursor_that_cannot_be_served_says_resync,
    typing_is_told_to_the_others_and_never_stored,
    presence_follows_connection_activity_and_choice,
);

const SOON: Duration = Duration::from_secs(10);

const EVENTS: &str =
    "subscription($id: ID!, $after: Cursor) { householdEvents(householdId: $id, after: $after) {
    cursor kind occurredAt actor { user { id } } subject { __typename
        ... on Household { householdName: name } ... on Member { role status } ... on Message { body }
        ... on Conversation { title } ... on Invitation { invitationStatus: status } } } }";

async fn open(person: &Person, server: &Server) -> Socket {
    let opened = Socket::open(&server.address(), Some(&person.token)).await;
    opened.unwrap_or_else(|refused| panic!("the socket was refused: {refused}"))
}

/// A socket that hears all events of a household from here on.
async fn following(home: &Home, person: &Person, server: &Server) -> Socket {
    let mut socket = open(person, server).await;
    socket.subscribe(EVENTS, json!({ "id": home.id })).await;
    let first = socket.next(SOON).await;
    assert_eq!(first["householdEvents"]["kind"], "SUBSCRIBED");
    assert!(first["householdEvents"]["cursor"].is_string());
    socket
}

async fn a_thousand_messages_arrive_once_in_order_at_a_restless_third(deployment: Deployment) {
    let system = deployment.own().heavy().start().await;
    let home = Home::new(&system, 3).await;
    let workload = Workload {
        senders: 2,
        subscribers: 3,
        messages_each: Some(500),
        pause: Duration::from_millis(1),
        restlessness: 0.05,
        ..Workload::default()
    };
    let running = workload.start(&home, &system.addresses()).await;
    let report = running.finish_all_sent(Duration::from_mins(3)).await;
    report.assert_kept().assert_caught_up_within(SOON);
    assert_eq!(report.seen.history.len(), 1000);
    assert_eq!(report.seen.heard.len(), 3);
}

async fn every_kind_of_event_reaches_a_member_on_the_other_instance(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let mut socket = following(&home, &home.people[1], system.b()).await;
    let owner = home.owner().on(system.a());

    let id = json!({ "householdId": home.id });
    let rename = json!({ "householdId": home.id, "name": "Renamed" });
    owner.done("updateHousehold", rename, "household { id }").await;
    let invite = json!({ "householdId": home.id, "role": "MEMBER", "maxUses": 2 });
    let made = owner.done("createInvitation", invite, "token invitation { id }").await;
    let newcomer = Person::new(&system, "Newcomer").await;
    newcomer.join(system.a(), made["token"].as_str().unwrap()).await;
    let revoke = json!({ "invitationId": made["invitation"]["id"] });
    owner.done("revokeInvitation", revoke, "invitation { id }").await;
    let member = home.member(system.a(), &newcomer).await;
    owner.done("changeMemberRole", json!({ "memberId": member, "role": "ADMIN" }), "member { id }").await;
    let topic = json!({ "householdId": home.id, "title": "Balcony" });
    owner.done("createConversation", topic, "conversation { id }").await;
    let sent = home.say(system.a(), home.owner(), "hello").await;
    let message = json!({ "messageId": sent["id"] });
    owner.done("editMessage", json!({ "messageId": sent["id"], "body": "hallo" }), "cursor").await;
    let reaction = json!({ "messageId": sent["id"], "emoji": "👋" });
    owner.done("addReaction", reaction.clone(), "cursor").await;
    owner.done("removeReaction", reaction, "cursor").await;
    owner.done("deleteMessage", message, "cursor").await;
    newcomer.on(system.a()).done("leaveHousehold", id.clone(), "householdId").await;
    owner.done("archiveHousehold", id.clone(), "household { id }").await;
    owner.done("restoreHousehold", id, "household { id }").await;

    let is_last = |event: &Value| event["householdEvents"]["kind"] == "HOUSEHOLD_RESTORED";
    let events = socket.next_until(SOON, is_last).await;
    let heard: Vec<&str> =
        events.iter().filter_map(|event| event["householdEvents"]["kind"].as_str()).collect();
    let mut expected = [
        "HOUSEHOLD_UPDATED",
        "INVITATION_CREATED",
        "MEMBER_JOINED",
        "INVITATION_REVOKED",
        "MEMBER_ROLE_CHANGED",
        "CONVERSATION_CREATED",
        "MESSAGE_SENT",
        "MESSAGE_EDITED",
        "REACTION_ADDED",
        "REACTION_REMOVED",
        "MESSAGE_DELETED",
        "MEMBER_LEFT",
        "HOUSEHOLD_ARCHIVED",
        "HOUSEHOLD_RESTORED",
    ]
    .into_iter()
    .peekable();
    // In this order; system messages and read markers may come in between.
    for kind in &heard {
        if expected.peek() == Some(kind) {
            expected.next();
        }
    }
    assert_eq!(expected.next(), None, "{heard:?}");
    let cursors: std::collections::BTreeSet<&str> =
        events.iter().filter_map(|event| event["householdEvents"]["cursor"].as_str()).collect();
    assert_eq!(cursors.len(), events.len(), "each event has a cursor of its own");
}

async fn a_resumed_subscription_has_no_hole_and_no_repetition(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let reader = &home.people[1];
    let mut cursor = home.cursor(system.a(), reader).await;
    let mut heard = Vec::new();
    for round in 0..6 {
        // Some while nobody listens, some while somebody does.
        for number in 0..3 {
            home.say(system.a(), home.owner(), &format!("{round} away {number}")).await;
        }
        let server = &system.servers[round % system.servers.len()];
        let mut socket = open(reader, server).await;
        socket.subscribe(EVENTS, json!({ "id": home.id, "after": cursor })).await;
        for number in 0..3 {
            home.say(system.b(), home.owner(), &format!("{round} here {number}")).await;
        }
        let last = format!("{round} here 2");
        let is_last = |event: &Value| event["householdEvents"]["subject"]["body"] == last.as_str();
        for event in socket.next_until(SOON, is_last).await {
            cursor = text(&event["householdEvents"]["cursor"]);
            if event["householdEvents"]["kind"] == "MESSAGE_SENT" {
                heard.push(event["householdEvents"]["subject"]["body"].as_str().unwrap().to_owned());
            }
        }
    }
    let expected: Vec<String> = (0..6)
        .flat_map(|round| ["away", "here"].map(|place| (round, place)))
        .flat_map(|(round, place)| (0..3).map(move |number| format!("{round} {place} {number}")))
        .collect();
    assert_eq!(heard, expected);
}

async fn a_removed_member_hears_nothing_later(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 3).await;
    let person = &home.people[2];
    let member = home.member(system.a(), person).await;
    let mut socket = following(&home, person, system.b()).await;
    home.say(system.a(), home.owner(), "for all three").await;
    home.remove(system.a(), &member).await;
    let removed = Instant::now();
    home.say(system.a(), home.owner(), "behind their back").await;

    let (heard, end) = socket.end_within(Duration::from_secs(1)).await;
    assert!(removed.elapsed() < Duration::from_secs(1));
    assert_eq!(end.error_code(), Some("MEMBERSHIP_ENDED"), "{end:?}");
    let heard = json!(heard).to_string();
    assert!(heard.contains("for all three") && !heard.contains("behind their back"), "{heard}");
    // Nor does a new subscription, with or without a cursor, tell them anything.
    let cursor = home.cursor(system.a(), home.owner()).await;
    for variables in [json!({ "id": home.id }), json!({ "id": home.id, "after": cursor })] {
        let mut socket = open(person, system.b()).await;
        socket.subscribe(EVENTS, variables).await;
        let (heard, end) = socket.end_within(SOON).await;
        assert_eq!((heard, end.error_code()), (vec![], Some("NOT_FOUND")));
    }
}

async fn a_cursor_that_cannot_be_served_says_resync(deployment: Deployment) {
    let system = deployment.system().await;
    let (home, other) = tokio::join!(Home::new(&system, 1), Home::new(&system, 1));
    for number in 0..30 {
        other.say(system.a(), other.owner(), &number.to_string()).await;
    }
    let here = home.cursor(system.a(), home.owner()).await;
    // Ahead of this household's log, and not even one of ours.
    let ahead = other.cursor(system.a(), other.owner()).await;
    for cursor in [ahead, walk::ghost(&here), "nonsense".to_owned()] {
        let mut socket = open(home.owner(), system.b()).await;
        socket.subscribe(EVENTS, json!({ "id": home.id, "after": cursor })).await;
        let (heard, end) = socket.end_within(SOON).await;
        let code = end.error_code().unwrap_or_default();
        assert_eq!(heard, Vec::<Value>::new(), "{cursor}");
        assert!(
            code == "RESYNC_REQUIRED" || code == "BAD_USER_INPUT" && cursor == "nonsense",
            "{cursor}: {end:?}"
        );
    }
}

async fn typing_is_told_to_the_others_and_never_stored(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let document = "subscription($id: ID!) { typing(householdId: $id) {
        conversation { id } member { user { id } } expiresAt } }";
    let (mut own, mut other) =
        (open(home.owner(), system.a()).await, open(&home.people[1], system.b()).await);
    own.subscribe(document, json!({ "id": home.id })).await;
    other.subscribe(document, json!({ "id": home.id })).await;
    let before = home.cursor(system.a(), home.owner()).await;

    // A signal may be lost, above all while the subscription is still on its way: it is sent again.
    let owner = home.owner().on(system.a());
    let input = json!({ "conversationId": home.general });
    let mut heard = None;
    for _ in 0..5 {
        let accepted = owner.mutate("setTyping", input.clone(), "accepted").await;
        assert!(accepted["accepted"].is_boolean());
        heard = other.hear_within(Duration::from_secs(4)).await;
        if heard.is_some() {
            break;
        }
    }
    let Some(roomm8_tests::Heard::Next { payload, .. }) = heard else {
        panic!("no typing signal came: {heard:?}")
    };
    let signal = &payload["data"]["typing"];
    assert_eq!(signal["member"]["user"]["id"], home.owner().user.as_str());
    assert_eq!(signal["conversation"]["id"], home.general.as_str());
    assert_eq!(own.hear_within(Duration::from_millis(300)).await, None, "nobody hears of their own typing");
    assert_eq!(home.cursor(system.b(), home.owner()).await, before, "a signal is no event");
}

async fn presence_follows_connection_activity_and_choice(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner(), &home.people[1]);
    let document =
        "query($id: ID!) { household(id: $id) { members { nodes { user { id } presence lastSeenAt } } } }";
    let presence = async |of: &Person, by: &Person, server: &Server| {
        let answer = by.on(server).query(document, json!({ "id": home.id })).await;
        let members = answer["household"]["members"]["nodes"].as_array().unwrap();
        let member = members.iter().find(|member| member["user"]["id"] == of.user.as_str()).unwrap();
        member["presence"].as_str().unwrap_or("(none)").to_owned()
    };
    let becomes = async |expected: &str| {
        let what = format!("Bo was {expected} for Aino");
        roomm8_tests::wait::until_so(SOON, &what, async || presence(bo, aino, system.a()).await == expected)
            .await;
    };
    becomes("OFFLINE").await;
    let socket = following(&home, bo, system.b()).await;
    let activity = json!({ "householdId": home.id, "activity": "ACTIVE" });
    bo.on(system.b()).mutate("setActivity", activity, "accepted").await;
    becomes("ACTIVE").await;
    let idle = json!({ "householdId": home.id, "activity": "IDLE" });
    bo.on(system.b()).mutate("setActivity", idle, "accepted").await;
    becomes("IDLE").await;
    // Who appears offline is seen by nobody and sees nobody.
    bo.on(system.b())
        .done("updateProfile", json!({ "appearsOffline": true }), "viewer { appearsOffline }")
        .await;
    becomes("OFFLINE").await;
    let seen = presence(aino, bo, system.b()).await;
    assert!(["(none)", "OFFLINE"].contains(&seen.as_str()), "{seen}");
    drop(socket);
}
