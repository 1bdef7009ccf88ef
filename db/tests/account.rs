//! Accounts and sessions, on every database at hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod support;

use roomm8_db::access::Role;
use roomm8_db::account::session::{self, TokenHash, Viewer};
use roomm8_db::account::{self, Credentials, Registration, SignIn, Update};
use roomm8_db::notification::Content;
use roomm8_db::{Database, Error, RefusalCode, Result, SessionId};
use support::{HERE, PASSWORD, databases, deliver_letters, person, throttled_databases};

const OTHER_PASSWORD: &str = "seven umbrellas, no rain";

async fn login(db: &Database, email: &str, password: &str) -> Result<SignIn> {
    login_on(db, email, password, "Laptop").await
}

async fn login_on(db: &Database, email: &str, password: &str, device: &str) -> Result<SignIn> {
    account::login(db, Credentials { email, password, device }, HERE).await
}

async fn register(db: &Database, email: &str, display_name: &str) -> Result<()> {
    account::register(
        db,
        Registration { email, password: PASSWORD, display_name, ..Registration::default() },
        HERE,
    )
    .await
}

async fn viewer(db: &Database, sign_in: &SignIn) -> Result<Viewer> {
    session::viewer(db, TokenHash::of(sign_in.token.reveal()).unwrap()).await
}

/// What was written into the outbox since the last look, as (recipient, content).
async fn mails(db: &Database) -> Vec<(String, Content)> {
    deliver_letters(db)
        .await
        .into_iter()
        .map(|notification| (notification.recipient, notification.content))
        .collect()
}

/// The token in the only mail that was written since the last look.
async fn mailed_token(db: &Database) -> String {
    let mails = mails(db).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    mails[0].1.secret().unwrap().reveal().to_owned()
}

fn refusal<T>(result: Result<T>) -> Option<RefusalCode> {
    match result {
        Err(Error::Refused(refusal)) => Some(refusal.code),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailed_token_proves_the_address() {
    for db in databases().await {
        let ada = person(&db, "Ada").await;
        assert_eq!(ada.user.email_verified_at, None);
        let token = mailed_token(&db).await;
        account::verify_email(&db, &token, HERE).await.unwrap();
        account::verify_email(&db, &token, HERE).await.expect("a scanner may have followed the link before");
        let user = account::find(&mut db.connection().await.unwrap(), ada.user.id).await.unwrap();
        assert!(user.email_verified_at.is_some());
        let welcome = Content::Welcome { display_name: "Ada".into() };
        assert_eq!(mails(&db).await, [("ada@example.org".to_owned(), welcome)], "once");

        db.tell("UPDATE user_tokens SET expires_at = 1").await;
        let late = account::verify_email(&db, &token, HERE).await;
        assert_eq!(refusal(late), Some(RefusalCode::TokenInvalid));
        let forged = account::reset_password(&db, &token, OTHER_PASSWORD, HERE).await;
        assert_eq!(refusal(forged), Some(RefusalCode::TokenInvalid), "it is no token for a reset");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_a_known_address_changes_nothing_and_tells_only_the_address() {
    for db in databases().await {
        let ada = person(&db, "Ada").await;
        mails(&db).await;
        register(&db, " ADA@example.org ", "Mallory").await.expect("the answer is that of a new address");
        register(&db, "ada@example.org", "Mallory").await.unwrap();
        let content = Content::AlreadyRegistered { display_name: "Ada".into() };
        assert_eq!(mails(&db).await, [("ada@example.org".to_owned(), content)], "one a day");
        let user = account::find(&mut db.connection().await.unwrap(), ada.user.id).await.unwrap();
        assert_eq!(user, ada.user);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_address_are_the_same() {
    for db in databases().await {
        person(&db, "Ada").await;
        let wrong = login(&db, "ada@example.org", OTHER_PASSWORD).await.unwrap_err();
        let unknown = login(&db, "bob@example.org", PASSWORD).await.unwrap_err();
        let nonsense = login(&db, "bob", PASSWORD).await.unwrap_err();
        assert!(matches!(&wrong, Error::Refused(refusal) if refusal.code == RefusalCode::WrongCredentials));
        assert_eq!(wrong.to_string(), unknown.to_string());
        assert_eq!(wrong.to_string(), nonsense.to_string());
        login(&db, "Ada@Example.org", PASSWORD).await.expect("case does not matter in addresses");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_count_before_they_are_judged() {
    for db in throttled_databases().await {
        register(&db, "ada@example.org", "Ada").await.unwrap();
        for email in ["ada@example.org", "bob@example.org"] {
            for _ in 0..5 {
                let wrong = login(&db, email, OTHER_PASSWORD).await;
                assert_eq!(refusal(wrong), Some(RefusalCode::WrongCredentials));
            }
            let right = login(&db, email, PASSWORD).await;
            assert!(matches!(right, Err(Error::Throttled(wait)) if (1..=12).contains(&wait.as_secs())));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_reset_is_limited_for_unknown_addresses_too() {
    for db in throttled_databases().await {
        register(&db, "ada@example.org", "Ada").await.unwrap();
        for (email, allowed) in [("ada@example.org", 4), ("bob@example.org", 5)] {
            for _ in 0..allowed {
                account::request_password_reset(&db, email, HERE).await.unwrap();
            }
            let one_more = account::request_password_reset(&db, email, HERE).await;
            assert!(matches!(one_more, Err(Error::Throttled(_))), "{email}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_until_its_session_ends() {
    for db in databases().await {
        let (ada, bob) = (person(&db, "Ada").await, person(&db, "Bob").await);
        let seen = viewer(&db, &ada).await.unwrap();
        assert_eq!((seen.user_id, seen.session_id), (ada.user.id, ada.session.id));
        let unknown = SessionId::new();
        let asked = [ada.session.id, unknown, bob.session.id];
        let mut conn = db.connection().await.unwrap();
        assert_eq!(session::ended_among(&mut conn, &asked).await.unwrap(), [unknown]);

        let foreign = session::revoke(&db, bob.user.id, ada.session.id).await;
        assert!(matches!(foreign, Err(Error::NotFound)));
        session::revoke(&db, ada.user.id, ada.session.id).await.unwrap();
        session::revoke(&db, ada.user.id, ada.session.id).await.expect("ending it twice is fine");
        db.tell("UPDATE sessions SET expires_at = 1 WHERE revoked_at IS NULL").await;
        for ended in [&ada, &bob] {
            assert!(matches!(viewer(&db, ended).await, Err(Error::Unauthenticated)));
        }
        assert_eq!(session::ended_among(&mut conn, &asked).await.unwrap(), asked);
        assert_eq!(session::of_user(&mut conn, bob.user.id).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn use_prolongs_a_session_and_is_noted_once_a_minute() {
    for db in databases().await {
        let ada = person(&db, "Ada").await;
        assert_eq!(viewer(&db, &ada).await.unwrap().expires_at, ada.session.expires_at);
        let sessions =
            async || session::of_user(&mut db.connection().await.unwrap(), ada.user.id).await.unwrap();
        let untouched = std::slice::from_ref(&ada.session);
        assert_eq!(sessions().await, untouched, "nothing to note in the first minute");

        db.tell("UPDATE sessions SET last_used_at = last_used_at - 61000000").await;
        let expires_at = viewer(&db, &ada).await.unwrap().expires_at;
        assert!(expires_at > ada.session.expires_at);
        let noted = sessions().await.remove(0);
        assert!(noted.last_used_at > ada.session.last_used_at);
        assert_eq!(noted.expires_at, expires_at);
        viewer(&db, &ada).await.unwrap();
        assert_eq!(sessions().await, [noted], "nor in the next");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_twenty_first_device_takes_the_place_of_the_one_unused_for_longest() {
    for db in databases().await {
        let first = person(&db, "Ada").await;
        let mut latest = None;
        for _ in 0..20 {
            latest = Some(login(&db, "ada@example.org", PASSWORD).await.unwrap());
        }
        assert_eq!(latest.unwrap().ended, [first.session.id]);
        let sessions = session::of_user(&mut db.connection().await.unwrap(), first.user.id).await.unwrap();
        assert_eq!(sessions.len(), 20);
        assert!(matches!(viewer(&db, &first).await, Err(Error::Unauthenticated)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_other_sessions_can_be_ended_at_once() {
    for db in databases().await {
        let (ada, bob) = (person(&db, "Ada").await, person(&db, "Bob").await);
        let phone = login_on(&db, "ada@example.org", PASSWORD, "Phone").await.unwrap();
        let ended = session::revoke_others(&db, ada.user.id, phone.session.id).await.unwrap();
        assert_eq!(ended, [ada.session.id]);
        viewer(&db, &phone).await.unwrap();
        viewer(&db, &bob).await.unwrap();
        assert!(viewer(&db, &ada).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_device_of_a_verified_person_is_told_of() {
    for db in databases().await {
        person(&db, "Ada").await;
        let token = mailed_token(&db).await;
        login_on(&db, "ada@example.org", PASSWORD, "Phone").await.unwrap();
        assert_eq!(mails(&db).await, [], "the address may be somebody else's");
        account::verify_email(&db, &token, HERE).await.unwrap();
        assert_eq!(mails(&db).await.len(), 1, "they are welcomed");
        login_on(&db, "ada@example.org", PASSWORD, "Phone").await.unwrap();
        assert_eq!(mails(&db).await, [], "it is known");
        let tablet = login_on(&db, "ada@example.org", PASSWORD, "Tablet").await.unwrap();
        let content = Content::NewDevice {
            display_name: "Ada".into(),
            device: "Tablet".into(),
            ip_prefix: "203.0.113.0/24".into(),
            signed_in_at: tablet.session.created_at,
        };
        assert_eq!(mails(&db).await, [("ada@example.org".to_owned(), content)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_every_session_and_begins_one() {
    for db in databases().await {
        let (ada, phone) = (person(&db, "Ada").await, login(&db, "ada@example.org", PASSWORD).await.unwrap());
        account::request_password_reset(&db, "ada@example.org", HERE).await.unwrap();
        let reset = mails(&db).await.remove(1).1.secret().unwrap().reveal().to_owned();
        let proof = viewer(&db, &ada).await.unwrap();
        let wrong = account::change_password(&db, proof, OTHER_PASSWORD, OTHER_PASSWORD).await;
        assert_eq!(refusal(wrong), Some(RefusalCode::WrongCredentials));
        let weak = account::change_password(&db, proof, PASSWORD, "ada@example.org is me").await;
        assert_eq!(refusal(weak), Some(RefusalCode::Invalid));

        db.tell("UPDATE users SET email_verified_at = 1").await;
        let new = account::change_password(&db, proof, PASSWORD, OTHER_PASSWORD).await.unwrap();
        let mut ended = new.ended.clone();
        ended.sort();
        assert_eq!(ended, [ada.session.id, phone.session.id]);
        assert_eq!(new.session.device, ada.session.device);
        assert!(viewer(&db, &ada).await.is_err() && viewer(&db, &phone).await.is_err());
        assert_eq!(viewer(&db, &new).await.unwrap().session_id, new.session.id);
        assert_eq!(
            refusal(login(&db, "ada@example.org", PASSWORD).await),
            Some(RefusalCode::WrongCredentials)
        );
        login(&db, "ada@example.org", OTHER_PASSWORD).await.unwrap();
        let late = account::reset_password(&db, &reset, PASSWORD, HERE).await;
        assert_eq!(refusal(late), Some(RefusalCode::TokenInvalid), "links from before are void");
        assert!(matches!(mails(&db).await[..], [(_, Content::PasswordChanged { .. })]));

        db.tell("UPDATE users SET email_verified_at = NULL").await;
        let proof = viewer(&db, &new).await.unwrap();
        account::change_password(&db, proof, OTHER_PASSWORD, PASSWORD).await.unwrap();
        assert_eq!(mails(&db).await, [], "the address may be somebody else's");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_with_the_old_password_does_not_outlive_its_change() {
    for db in databases().await {
        let mut ada = person(&db, "Ada").await;
        let (mut current, mut next) = (PASSWORD, OTHER_PASSWORD);
        for _ in 0..8 {
            let proof = viewer(&db, &ada).await.unwrap();
            let (change, _) = tokio::join!(
                account::change_password(&db, proof, current, next),
                login(&db, "ada@example.org", current)
            );
            ada = change.unwrap();
            let sessions = session::of_user(&mut db.connection().await.unwrap(), ada.user.id).await.unwrap();
            assert_eq!(sessions, [ada.session.clone()]);
            (current, next) = (next, current);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_link_works_once_for_half_an_hour_and_only_the_newest() {
    for db in databases().await {
        let ada = person(&db, "Ada").await;
        mails(&db).await;
        let mut tokens = Vec::new();
        for _ in 0..3 {
            account::request_password_reset(&db, "ADA@example.org", HERE).await.unwrap();
            tokens.push(mailed_token(&db).await);
        }
        let reset = async |token: &str| account::reset_password(&db, token, OTHER_PASSWORD, HERE).await;
        assert_eq!(refusal(reset(&tokens[0]).await), Some(RefusalCode::TokenInvalid));
        assert_eq!(refusal(reset("rm8_r_unknown").await), Some(RefusalCode::TokenInvalid));
        let short = account::reset_password(&db, &tokens[2], "short", HERE).await;
        assert_eq!(refusal(short), Some(RefusalCode::TooShort), "a refused password does not use it up");
        assert_eq!(reset(&tokens[2]).await.unwrap(), [ada.session.id]);
        assert_eq!(refusal(reset(&tokens[2]).await), Some(RefusalCode::TokenInvalid));

        assert!(viewer(&db, &ada).await.is_err());
        let again = login(&db, "ada@example.org", OTHER_PASSWORD).await.unwrap();
        assert!(again.user.email_verified_at.is_some(), "whoever used it reads the mail of the address");
        mails(&db).await;
        account::request_password_reset(&db, "ada@example.org", HERE).await.unwrap();
        let token = mailed_token(&db).await;
        db.tell("UPDATE user_tokens SET expires_at = expires_at - 1800000000").await;
        assert_eq!(refusal(reset(&token).await), Some(RefusalCode::TokenInvalid));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_use_one_reset_link_at_once_do_not_both_succeed() {
    for db in databases().await {
        person(&db, "Ada").await;
        mails(&db).await;
        account::request_password_reset(&db, "ada@example.org", HERE).await.unwrap();
        let token = mailed_token(&db).await;
        let (one, other) = tokio::join!(
            account::reset_password(&db, &token, "one of two umbrellas", HERE),
            account::reset_password(&db, &token, "the other umbrella of two", HERE)
        );
        assert_ne!(one.is_ok(), other.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_for_an_unknown_address_is_answered_and_mails_nobody() {
    for db in databases().await {
        account::request_password_reset(&db, "nobody@example.org", HERE).await.unwrap();
        assert_eq!(mails(&db).await, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_changes_by_version_and_intent() {
    for db in databases().await {
        let ada = person(&db, "Ada").await.user;
        let update = Update {
            display_name: Some(" Ada  Lovelace ".into()),
            appears_offline: Some(true),
            expected_version: Some(1),
            ..Update::default()
        };
        let change = async |update: &Update, id| account::update_profile(&db, ada.id, update, id).await;
        let changed = change(&update, Some("one")).await.unwrap();
        let expected = account::User {
            display_name: "Ada  Lovelace".into(),
            appears_offline: true,
            version: 2,
            ..ada.clone()
        };
        assert_eq!(changed, expected);
        assert_eq!(change(&update, Some("one")).await.unwrap(), expected, "a repeat is answered, not done");
        let stale = change(&update, Some("two")).await;
        assert!(matches!(stale, Err(Error::Conflict(_))));
        let other = Update { sends_read_receipts: Some(false), ..Update::default() };
        let reused = change(&other, Some("one")).await;
        assert!(matches!(reused, Err(Error::IdempotencyConflict)));
        let same = Update { appears_offline: Some(true), ..Update::default() };
        assert_eq!(change(&same, None).await.unwrap(), expected, "nothing changed, so the version stays");
        let found = account::known(&mut db.connection().await.unwrap(), &[ada.id]).await.unwrap();
        assert_eq!(found, [expected]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_people_of_a_shared_household_are_seen() {
    for db in databases().await {
        let [ada, bob, eve] =
            [person(&db, "Ada").await.user, person(&db, "Bob").await.user, person(&db, "Eve").await.user];
        let household = cast::home(&db, ada.id).await;
        cast::join(&db, ada.id, household, Role::Guest, bob.id).await;
        cast::home(&db, eve.id).await;
        let mut conn = db.connection().await.unwrap();
        for (viewer, user, is_seen) in [
            (&ada, &ada, true),
            (&ada, &bob, true),
            (&bob, &ada, true),
            (&eve, &eve, true),
            (&eve, &ada, false),
            (&bob, &eve, false),
        ] {
            let seen = account::seen_by(&mut conn, viewer.id, user.id).await;
            assert_eq!(seen.ok().as_ref(), is_seen.then_some(user));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_long_ago_is_forgotten() {
    for db in databases().await {
        let ada = person(&db, "Ada").await;
        login(&db, "ada@example.org", PASSWORD).await.unwrap();
        let id = ada.session.id.to_string().replace('-', "");
        db.tell(&format!("UPDATE sessions SET expires_at = 1 WHERE id = x'{id}'")).await;
        let mut conn = db.connection().await.unwrap();
        let now = roomm8_db::Time::now();
        assert_eq!(account::forget_ended(&mut conn, now).await.unwrap(), 1);
        assert_eq!(account::forget_ended(&mut conn, now).await.unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn how_somebody_is_written_to_is_said_at_first_and_changed_later() {
    for db in databases().await {
        let registration = Registration {
            email: "ida@example.org",
            password: PASSWORD,
            display_name: "Ida",
            locale: Some(" de-AT "),
            time_zone: Some("Europe/Vienna"),
        };
        account::register(&db, registration, HERE).await.unwrap();
        let letters = deliver_letters(&db).await;
        let locale = |tag: &str, zone: &str| account::Locale {
            tag: Some(tag.to_owned()),
            time_zone: Some(zone.to_owned()),
        };
        assert_eq!(letters[0].locale, locale("de-AT", "Europe/Vienna"));

        // What waits is written as they wish when it is delivered.
        account::request_password_reset(&db, "ida@example.org", HERE).await.unwrap();
        let ida = login(&db, "ida@example.org", PASSWORD).await.unwrap().user;
        let update = Update { locale: Some("en".into()), ..Update::default() };
        let changed = account::update_profile(&db, ida.id, &update, None).await.unwrap();
        assert_eq!((&changed.locale, changed.version), (&locale("en", "Europe/Vienna"), ida.version + 1));
        let letters = deliver_letters(&db).await;
        assert!(!letters.is_empty());
        assert!(letters.iter().all(|letter| letter.locale == changed.locale));

        let wrong = Update { time_zone: Some("Vienna".into()), ..Update::default() };
        let refused = account::update_profile(&db, ida.id, &wrong, None).await;
        assert!(matches!(refused, Err(Error::Refused(_))));
    }
}

#[test]
fn an_intent_of_somebody_who_says_no_locale_is_what_it_always_was() {
    let update = Update { display_name: Some("Ada".into()), ..Update::default() };
    let text =
        r#"{"display_name":"Ada","appears_offline":null,"sends_read_receipts":null,"expected_version":null}"#;
    assert_eq!(serde_json::to_string(&update).unwrap(), text);
}
