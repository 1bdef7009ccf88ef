//! Stories about messages: what is said, read, mentioned and forgotten.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod support;

use cast::{home, join, perform, person, proof, refusal};
use roomm8_db::conversation::{self, MarkRead, MuteLevel, OpenDirect, Unread};
use roomm8_db::message::{self, AddReaction, Delete, Edit, End, Message, Send, Window};
use roomm8_db::notification::inbox;
use roomm8_db::{ConversationId, Database, HouseholdId, RefusalCode, Role, UserId, account};
use support::deliver_letters;

async fn general(db: &Database, user: UserId, household: HouseholdId) -> ConversationId {
    let member = proof(db, user, household).await.expect("a member");
    conversation::general(&mut db.connection().await.expect("a connection"), &member)
        .await
        .expect("it exists")
        .id
}

async fn say(db: &Database, user: UserId, household: HouseholdId, body: &str) -> Message {
    let conversation = general(db, user, household).await;
    let send = Send { conversation, body: body.into(), reply_to: None, client_mutation_id: None };
    perform(db, user, household, send).await.expect("it is sent")
}

async fn unread(db: &Database, user: UserId, household: HouseholdId) -> Unread {
    let conversation = general(db, user, household).await;
    let member = proof(db, user, household).await.expect("a member");
    let conn = &mut *db.connection().await.expect("a connection");
    let counts = conversation::unread(conn, &member, &[conversation]).await.expect("it is counted");
    counts.get(&conversation).copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_say_is_unread_until_it_is_read_or_answered() {
    for db in support::databases().await {
        let (ada, bob) = (person(&db, "Ada").await, person(&db, "Bob").await);
        let house = home(&db, ada).await;
        say(&db, ada, house, "before Bob came").await;
        join(&db, ada, house, Role::Member, bob).await;
        assert_eq!(unread(&db, bob, house).await, Unread::default());

        let first = say(&db, ada, house, "hello @Bob").await;
        let second = say(&db, ada, house, "and again").await;
        assert_eq!(unread(&db, bob, house).await, Unread { messages: 2, mentions: 1 });
        assert_eq!(unread(&db, ada, house).await, Unread::default());

        perform(&db, ada, house, Delete { message: second.id }).await.expect("it is deleted");
        assert_eq!(unread(&db, bob, house).await, Unread { messages: 1, mentions: 1 });
        let edit = Edit { message: first.id, body: "hello all of you".into(), expected_version: None };
        perform(&db, ada, house, edit).await.expect("it is edited");
        assert_eq!(unread(&db, bob, house).await, Unread { messages: 1, mentions: 0 });

        say(&db, bob, house, "hi").await;
        assert_eq!(unread(&db, bob, house).await, Unread::default());
        assert_eq!(unread(&db, ada, house).await, Unread { messages: 1, mentions: 0 });
        let all = MarkRead { conversation: first.conversation_id, up_to: i64::MAX };
        perform(&db, ada, house, all).await.expect("it is read");
        assert_eq!(unread(&db, ada, house).await, Unread::default());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paging_from_either_end_visits_every_message_once_in_order() {
    for db in support::databases().await {
        let ada = person(&db, "Ada").await;
        let house = home(&db, ada).await;
        let mut sent = Vec::new();
        for number in 0..23 {
            sent.push(say(&db, ada, house, &format!("number {number}")).await.id);
        }
        let member = proof(&db, ada, house).await.expect("a member");
        let conn = &mut *db.connection().await.expect("a connection");
        let conversation = conversation::general(conn, &member).await.expect("it exists");
        for limit in [1, 2, 5, 23, 40] {
            let mut forward = Vec::new();
            let mut backward = Vec::new();
            let (mut after, mut before) = (0, i64::MAX);
            loop {
                let window = Window { after, before: i64::MAX, limit, end: End::Oldest };
                let page = message::page(conn, &member, &conversation, window).await.expect("a page");
                let Some(last) = page.last() else { break };
                after = last.seq;
                forward
                    .extend(page.iter().filter(|message| message.kind == message::Kind::User).map(|m| m.id));
            }
            loop {
                let window = Window { after: 0, before, limit, end: End::Newest };
                let page = message::page(conn, &member, &conversation, window).await.expect("a page");
                let Some(first) = page.first() else { break };
                before = first.seq;
                let page = page.iter().filter(|message| message.kind == message::Kind::User).map(|m| m.id);
                backward.splice(0..0, page);
            }
            assert_eq!(forward, sent, "limit {limit}");
            assert_eq!(backward, sent, "limit {limit}");
        }

        // The pages of several conversations are those of each.
        let mut conversations = vec![conversation];
        for number in 0..5 {
            let title = format!("topic {number}");
            let topic = perform(&db, ada, house, conversation::CreateTopic { title }).await.expect("a topic");
            for _ in 0..number {
                let hello = Send {
                    conversation: topic.id,
                    body: "hello".into(),
                    reply_to: None,
                    client_mutation_id: None,
                };
                perform(&db, ada, house, hello).await.expect("it is sent");
            }
            conversations.push(topic);
        }
        let ids: Vec<_> = conversations.iter().map(|conversation| conversation.id).collect();
        for end in [End::Oldest, End::Newest] {
            let window = Window { after: 3, before: i64::MAX, limit: 3, end };
            let pages = message::pages(conn, &member, &ids, window).await.expect("pages");
            for conversation in &conversations {
                let page = message::page(conn, &member, conversation, window).await.expect("a page");
                assert_eq!(pages.get(&conversation.id).cloned().unwrap_or_default(), page);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_message_leaves_nothing_of_what_it_said() {
    for db in support::databases().await {
        let (ada, bob) = (person(&db, "Ada").await, person(&db, "Bob").await);
        let house = home(&db, ada).await;
        join(&db, ada, house, Role::Member, bob).await;
        let message = say(&db, ada, house, "the code is 1234").await;
        let edit = Edit { message: message.id, body: "the code is 4321".into(), expected_version: Some(1) };
        perform(&db, ada, house, edit).await.expect("it is edited");
        perform(&db, bob, house, AddReaction { message: message.id, emoji: "👍".into() })
            .await
            .expect("he reacts");

        let tombstone =
            perform(&db, ada, house, Delete { message: message.id }).await.expect("it is deleted");
        assert_eq!((tombstone.body, tombstone.version), (None, 3));
        let conn = &mut *db.connection().await.expect("a connection");
        assert_eq!(message::history(conn, &[message.id]).await.expect("read"), []);
        assert_eq!(message::reactions(conn, &[message.id]).await.expect("read"), []);
        let again = perform(&db, ada, house, Delete { message: message.id }).await.expect("twice is as once");
        assert_eq!(again.version, 3);
        let react = AddReaction { message: message.id, emoji: "👍".into() };
        assert_eq!(refusal(perform(&db, bob, house, react).await), RefusalCode::Gone);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_conversation_is_found_again_and_hidden_from_others() {
    for db in support::databases().await {
        let (ada, bob, eve) = (person(&db, "Ada").await, person(&db, "Bob").await, person(&db, "Eve").await);
        let house = home(&db, ada).await;
        let bob_there = join(&db, ada, house, Role::Member, bob).await;
        join(&db, ada, house, Role::Admin, eve).await;
        let open = || OpenDirect { members: vec![bob_there] };
        let first = perform(&db, ada, house, open()).await.expect("it is opened");
        let again = perform(&db, ada, house, open()).await.expect("it is found");
        assert_eq!(first.id, again.id);
        let send =
            Send { conversation: first.id, body: "psst".into(), reply_to: None, client_mutation_id: None };
        let secret = perform(&db, ada, house, send).await.expect("it is sent");

        let stranger = proof(&db, eve, house).await.expect("a member");
        let conn = &mut *db.connection().await.expect("a connection");
        assert!(conversation::find(conn, &stranger, first.id).await.is_err());
        assert!(message::find(conn, &stranger, secret.id).await.is_err());
        let listed = conversation::page(conn, &stranger, None, 100).await.expect("a page");
        assert!(listed.iter().all(|conversation| conversation.id != first.id));
        let friend = proof(&db, bob, house).await.expect("a member");
        assert_eq!(message::find(conn, &friend, secret.id).await.expect("he may see it").id, secret.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_mentioned_is_written_to_once_and_only_if_they_want() {
    for db in support::databases().await {
        let (ada, bob, eve) = (person(&db, "Ada").await, person(&db, "Bob").await, person(&db, "Eve").await);
        let house = home(&db, ada).await;
        join(&db, ada, house, Role::Member, bob).await;
        join(&db, ada, house, Role::Member, eve).await;
        confirm_addresses(&db).await;
        let general = general(&db, eve, house).await;
        let mute = conversation::Mute { conversation: general, level: MuteLevel::None };
        perform(&db, eve, house, mute).await.expect("she mutes it");

        let message = say(&db, ada, house, "@Bob @Eve @Ada the bins").await;
        let edit =
            Edit { message: message.id, body: "@Bob and @Eve: the bins!".into(), expected_version: None };
        perform(&db, ada, house, edit).await.expect("it is edited");
        let letters = deliver_letters(&db).await;
        let told: Vec<_> = letters.iter().filter(|letter| letter.content.kind() == "MENTION").collect();
        assert_eq!(
            told.iter().map(|letter| letter.recipient.as_str()).collect::<Vec<_>>(),
            ["bob@example.org"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_that_was_taken_back_or_seen_elsewhere_is_not_mailed() {
    for db in support::databases().await {
        let (ada, bob) = (person(&db, "Ada").await, person(&db, "Bob").await);
        let house = home(&db, ada).await;
        join(&db, ada, house, Role::Member, bob).await;
        confirm_addresses(&db).await;
        deliver_letters(&db).await;
        let mailed = async || {
            let letters = deliver_letters(&db).await;
            letters.iter().filter(|letter| letter.content.kind() == "MENTION").count()
        };

        let wrong = say(&db, ada, house, "@Bob is to blame").await;
        let edit = Edit { message: wrong.id, body: "I am to blame".into(), expected_version: None };
        perform(&db, ada, house, edit).await.unwrap();
        assert_eq!(mailed().await, 0, "it names him no more");

        say(&db, ada, house, "@Bob the bins").await;
        let shown = inbox::position(&mut db.connection().await.unwrap(), bob).await.unwrap().seq;
        inbox::mark_read(&db, bob, inbox::Which::UpTo(shown)).await.unwrap();
        assert_eq!(mailed().await, 0, "he marked it in his inbox");

        let general = general(&db, bob, house).await;
        say(&db, ada, house, "@Bob the stairs").await;
        let mute = |level| conversation::Mute { conversation: general, level };
        perform(&db, bob, house, mute(MuteLevel::None)).await.unwrap();
        assert_eq!(mailed().await, 0, "he muted it since");

        perform(&db, bob, house, mute(MuteLevel::All)).await.unwrap();
        say(&db, ada, house, "@Bob the lamp").await;
        assert_eq!(mailed().await, 1);
    }
}

/// Confirms every address that a letter waits for.
async fn confirm_addresses(db: &Database) {
    for letter in deliver_letters(db).await {
        let token = letter.content.secret().expect("only confirmations so far").reveal();
        account::verify_email(db, token, [127, 0, 0, 1].into()).await.expect("it is confirmed");
    }
}
