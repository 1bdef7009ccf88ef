//! Announcements through GraphQL: live, in the inbox, and known.

use std::time::Duration;

use roomm8_tests::{Deployment, Home, on_both};
use serde_json::{Value, json};

on_both!(an_announcement_is_told_live_and_in_the_inbox_and_known);

const SOON: Duration = Duration::from_secs(10);

const EVENTS: &str = "subscription($id: ID!) { householdEvents(householdId: $id) { kind actor { displayName }
    subject { __typename ... on Announcement { id announced: title requiresAck
        acknowledgements { member { displayName } } } } } }";

const INBOX: &str = "subscription { notifications { counts { unread }
    notification { cause subject { __typename ... on Announcement { title author { displayName } } } } } }";

const LISTED: &str = "query($id: ID!) { household(id: $id) { pinnedAnnouncements { title }
    announcements(last: 10) { nodes { title body importance isPinned viewerAcknowledgedAt
        author { displayName } acknowledgements { acknowledgedAt member { displayName } } } } } }";

async fn an_announcement_is_told_live_and_in_the_inbox_and_known(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (owner, reader) = (home.owner(), &home.people[1]);
    let mut live = reader.follow(system.b(), EVENTS, json!({ "id": home.id })).await;
    let mut inbox = reader.follow(system.b(), INBOX, json!({})).await;
    assert_eq!(live.next(SOON).await["householdEvents"]["kind"], "SUBSCRIBED");
    assert_eq!(inbox.next(SOON).await["notifications"]["counts"]["unread"], 0);

    let post = json!({ "householdId": home.id, "title": "The water is off", "body": "On Tuesday.",
        "importance": "URGENT", "isPinned": true, "requiresAck": true });
    let made = owner.on(system.a()).done("postAnnouncement", post, "announcement { id version }").await;
    let event = live.next(SOON).await["householdEvents"].take();
    assert_eq!(
        (&event["kind"], &event["actor"]["displayName"]),
        (&json!("ANNOUNCEMENT_POSTED"), &json!(owner.name))
    );
    assert_eq!(event["subject"]["announced"], "The water is off");
    let told = inbox.next(SOON).await["notifications"].take();
    let subject = json!({ "__typename": "Announcement", "title": "The water is off", "author": { "displayName": owner.name } });
    assert_eq!(told["notification"], json!({ "cause": "ANNOUNCEMENT", "subject": subject }));

    let id = json!({ "announcementId": made["announcement"]["id"] });
    let selection = "announcement { viewerAcknowledgedAt version } cursor";
    let known = reader.on(system.b()).done("acknowledgeAnnouncement", id.clone(), selection).await;
    assert!(known["announcement"]["viewerAcknowledgedAt"].is_string());
    let event = live.next(SOON).await["householdEvents"].take();
    assert_eq!(event["kind"], "ANNOUNCEMENT_ACKNOWLEDGED");
    assert_eq!(inbox.next(SOON).await["notifications"]["counts"]["unread"], 0, "it is read with it");

    let shown = owner.on(system.a()).query(LISTED, json!({ "id": home.id })).await;
    let listed = &shown["household"]["announcements"]["nodes"][0];
    assert_eq!(shown["household"]["pinnedAnnouncements"], json!([{ "title": "The water is off" }]));
    assert_eq!((&listed["importance"], &listed["viewerAcknowledgedAt"]), (&json!("URGENT"), &Value::Null));
    assert_eq!(listed["acknowledgements"][0]["member"]["displayName"], reader.name);
    assert_eq!(reader.on(system.a()).user_error("removeAnnouncement", id.clone()).await, "NOT_AUTHOR");
    owner.on(system.a()).done("removeAnnouncement", id, "announcement { title removedAt }").await;
    let event = live.next(SOON).await["householdEvents"].take();
    assert_eq!(
        (&event["kind"], &event["subject"]["announced"]),
        (&json!("ANNOUNCEMENT_REMOVED"), &Value::Null)
    );
}
