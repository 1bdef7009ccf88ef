//! The outbox, on every database at hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use roomm8_db::notification::{self, Backlog, Leased, State};
use roomm8_db::{Database, Time, account};
use std::collections::HashSet;
use std::time::Duration;
use support::{HERE, databases, person};

async fn lease(db: &Database) -> Vec<Leased> {
    notification::lease(db, 100, Time::now()).await.unwrap()
}

async fn backlog(db: &Database) -> Backlog {
    notification::backlog(&mut db.connection().await.unwrap(), Time::now()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_is_leased_to_one_relay_at_a_time() {
    for db in databases().await {
        person(&db, "Ada").await;
        for _ in 0..29 {
            account::request_password_reset(&db, "ada@example.org", HERE).await.unwrap();
        }
        // To one person they would go one after another.
        db.tell("UPDATE notifications SET recipient = cause").await;
        let relay = || notification::lease(&db, 7, Time::now());
        let batches = tokio::join!(relay(), relay(), relay(), relay(), relay(), relay());
        let batches: [_; 6] = batches.into();
        let mut leased: Vec<_> = batches.into_iter().flat_map(Result::unwrap).collect();
        leased.extend(lease(&db).await);
        let ids: HashSet<_> = leased.iter().map(|notification| notification.id).collect();
        assert_eq!((leased.len(), ids.len()), (30, 30));
        assert!(leased.iter().all(|notification| notification.attempt == 1));
        assert!(lease(&db).await.is_empty());

        // Their relays died: the leases run out.
        db.tell("UPDATE notifications SET leased_until = 1").await;
        let again = lease(&db).await;
        assert_eq!(again.len(), 30);
        assert!(again.iter().all(|notification| notification.attempt == 2));
    }
}

/// Ada's address is to be verified, and she asked for a new password so often.
async fn ada_asks(db: &Database, resets: usize) {
    person(db, "Ada").await;
    for _ in 0..resets {
        account::request_password_reset(db, "ada@example.org", HERE).await.unwrap();
    }
}

fn kinds(leased: &[Leased]) -> Vec<&'static str> {
    leased.iter().map(|one| one.content.kind()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_to_one_person_are_delivered_one_after_another() {
    for db in databases().await {
        ada_asks(&db, 2).await;
        let first = lease(&db).await;
        assert_eq!(kinds(&first), ["VERIFY_EMAIL"]);
        person(&db, "Bob").await;
        let bobs = lease(&db).await;
        assert_eq!((bobs.len(), bobs[0].recipient.as_str()), (1, "bob@example.org"), "nobody else waits");
        assert!(lease(&db).await.is_empty(), "the first is being delivered");

        // It was not. What is of another kind need not wait for that; of the same kind, the second does.
        notification::failed(&db, &first[0], Time::now()).await.unwrap();
        let reset = lease(&db).await;
        assert_eq!(kinds(&reset), ["PASSWORD_RESET"]);
        assert!(lease(&db).await.is_empty(), "it is being delivered");
        notification::failed(&db, &reset[0], Time::now()).await.unwrap();
        assert!(lease(&db).await.is_empty(), "the second waits for it");

        // All are due again, in the order in which they were written.
        notification::sent(&db, &bobs[0], Time::now()).await.unwrap();
        db.tell("UPDATE notifications SET next_attempt_at = 1, leased_until = 1").await;
        for (kind, attempt) in [("VERIFY_EMAIL", 2), ("PASSWORD_RESET", 2), ("PASSWORD_RESET", 1)] {
            let next = lease(&db).await;
            assert_eq!((kinds(&next), next[0].attempt), (vec![kind], attempt));
            notification::sent(&db, &next[0], Time::now()).await.unwrap();
        }
        assert!(lease(&db).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_delivered_holds_up_its_kind_for_an_hour() {
    for db in databases().await {
        ada_asks(&db, 1).await;
        notification::sent(&db, &lease(&db).await[0], Time::now()).await.unwrap();
        notification::failed(&db, &lease(&db).await[0], Time::now()).await.unwrap();
        account::request_password_reset(&db, "ada@example.org", HERE).await.unwrap();
        assert!(lease(&db).await.is_empty(), "it was written while the first waits");
        let age = |minutes| {
            format!(
                "UPDATE notifications SET created_at = created_at - {minutes} * 60000000 WHERE attempts = 1"
            )
        };
        db.tell(&age(59)).await;
        assert!(lease(&db).await.is_empty());
        db.tell(&age(1)).await;
        assert_eq!(lease(&db).await[0].attempt, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_stays_delivered_and_keeps_no_secret() {
    for db in databases().await {
        let before = Time::now();
        person(&db, "Ada").await;
        let waiting = backlog(&db).await;
        assert_eq!((waiting.pending, waiting.dead), (1, 0));
        assert!(waiting.oldest_pending.unwrap() >= before);

        let first = lease(&db).await.remove(0);
        assert_eq!(first.recipient, "ada@example.org");
        notification::sent(&db, &first, Time::now()).await.unwrap();
        assert_eq!(
            notification::failed(&db, &first, Time::now()).await.unwrap(),
            State::Pending,
            "a report too late"
        );
        assert_eq!(backlog(&db).await, Backlog::default());
        db.tell("UPDATE notifications SET state = 'PENDING', leased_until = 1, next_attempt_at = 1").await;
        let content = lease(&db).await.remove(0).content;
        assert_eq!(content.secret().unwrap().reveal(), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_delivered_is_tried_later_and_at_last_given_up() {
    for db in databases().await {
        person(&db, "Ada").await;
        for attempt in 1..=100 {
            let leased = lease(&db).await.remove(0);
            assert_eq!(leased.attempt, attempt);
            let state = notification::failed(&db, &leased, Time::now()).await.unwrap();
            assert_eq!(state, if attempt < 100 { State::Pending } else { State::Dead });
            assert!(lease(&db).await.is_empty(), "not at once");
            db.tell("UPDATE notifications SET next_attempt_at = 1, leased_until = 1").await;
        }
        assert!(lease(&db).await.is_empty());
        assert_eq!(backlog(&db).await, Backlog { dead: 1, ..Backlog::default() });

        // Somebody mends the channel, and has it tried again.
        db.tell("UPDATE notifications SET state = 'PENDING', attempts = 0").await;
        assert!(lease(&db).await[0].content.secret().unwrap().reveal().starts_with("rm8_"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_opens_nothing_any_more_is_not_mailed() {
    for db in databases().await {
        person(&db, "Ada").await;
        let leased =
            notification::lease(&db, 10, Time::now().after(Duration::from_hours(4 * 24))).await.unwrap();
        assert_eq!(leased.len(), 0);
        assert_eq!(db.number("SELECT COUNT(*) FROM notifications WHERE state = 'WITHHELD'").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_that_no_relay_survives_is_given_up_too() {
    for db in databases().await {
        person(&db, "Ada").await;
        db.tell("UPDATE notifications SET attempts = 100").await;
        assert!(lease(&db).await.is_empty());
        assert_eq!(backlog(&db).await.dead, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_version_wrote_waits_for_it() {
    for db in databases().await {
        person(&db, "Ada").await;
        db.tell("UPDATE notifications SET kind = 'CHORE_DUE', payload = '{\"version\":2}'").await;
        assert!(lease(&db).await.is_empty());
        assert_eq!(backlog(&db).await.pending, 1);
    }
}
