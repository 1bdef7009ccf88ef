//! Stories about endpoints: what browsers and webhooks are told, in which order, and what they are told no longer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod pantry;
mod support;

use cast::chores::{self, Home};
use cast::perform;
use pantry::line;
use roomm8_db::account::session;
use roomm8_db::grocery::{Add, AddMany, List, State};
use roomm8_db::member::Leave;
use roomm8_db::message::End;
use roomm8_db::message::Send;
use roomm8_db::notification::endpoint::address::Reach;
use roomm8_db::notification::endpoint::{self, Browser, Endpoint};
use roomm8_db::notification::inbox::{self, Cause, Counts, Page};
use roomm8_db::notification::preference::{self, Channel, Choice, QuietHours};
use roomm8_db::notification::{self, Content, Leased};
use roomm8_db::{Database, Time, UserId, WallTime, conversation};
use support::{Fresh, databases, deliver_letters};

async fn webhook(db: &Database, user: UserId, path: &str) -> Endpoint {
    let url = format!("https://hooks.example.org/{path}");
    endpoint::add_webhook(db, user, &url, Reach::Public).await.unwrap()
}

/// Ada says this to all.
async fn say(db: &Database, home: &Home, body: &str) {
    let ada = cast::proof(db, home.users[0], home.id).await.unwrap();
    let conversation = conversation::general(&mut db.connection().await.unwrap(), &ada).await.unwrap().id;
    let send = Send { conversation, body: body.into(), reply_to: None, client_mutation_id: None };
    home.does(db, send).await.unwrap();
}

async fn lease(db: &Database) -> Vec<Leased> {
    notification::lease_for_endpoints(db, 10, Time::now()).await.unwrap()
}

/// Where this goes.
fn path(letter: &Leased) -> &str {
    letter.endpoint.as_ref().unwrap().url.rsplit_once('/').unwrap().1
}

/// Lets the time pass that what failed waits for another try.
async fn pass(db: &Fresh) {
    db.tell("UPDATE notifications SET next_attempt_at = 1, leased_until = 1 WHERE state = 'TO_TELL'").await;
}

async fn withheld(db: &Fresh) -> i64 {
    db.number("SELECT COUNT(*) FROM notifications WHERE state = 'WITHHELD' AND endpoint_id IS NOT NULL").await
}

async fn endpoints(db: &Database, user: UserId) -> Vec<Endpoint> {
    endpoint::of_user(&mut db.connection().await.unwrap(), user).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_endpoint_has_an_order_of_its_own() {
    for db in databases().await {
        let home = chores::home_of_three(&db).await;
        let bob = home.users[1];
        webhook(&db, bob, "a").await;
        webhook(&db, bob, "b").await;
        db.tell("UPDATE users SET email_verified_at = 1").await;
        deliver_letters(&db).await;
        for words in ["@Bob the bins", "@Bob the stairs"] {
            say(&db, &home, words).await;
        }
        let mut first = lease(&db).await;
        first.sort_by(|one, other| path(one).cmp(path(other)));
        assert_eq!(first.iter().map(path).collect::<Vec<_>>(), ["a", "b"], "of each the first");
        assert_eq!(lease(&db).await.len(), 0, "the others wait for them");
        notification::failed(&db, &first[0], Time::now()).await.unwrap();
        notification::sent(&db, &first[1], Time::now()).await.unwrap();
        assert_eq!(deliver_letters(&db).await.len(), 2, "mail waits for none of them");

        let second = lease(&db).await;
        assert_eq!(second.iter().map(path).collect::<Vec<_>>(), ["b"], "a's waits for what failed");
        notification::sent(&db, &second[0], Time::now()).await.unwrap();
        let failing: Vec<_> =
            endpoints(&db, bob).await.iter().map(|one| one.failing_since.is_some()).collect();
        assert_eq!(failing, [true, false]);
        let backlog = notification::backlog(&mut db.connection().await.unwrap(), Time::now()).await.unwrap();
        assert_eq!((backlog.pending, backlog.dead), (0, 0), "it is no operator's affair");

        pass(&db).await;
        let again = lease(&db).await;
        assert_eq!((again.len(), again[0].id, again[0].attempt), (1, first[0].id, 2));
        notification::sent(&db, &again[0], Time::now()).await.unwrap();
        assert_eq!(endpoints(&db, bob).await[0].failing_since, None);
        let last = lease(&db).await;
        assert_eq!(last.iter().map(path).collect::<Vec<_>>(), ["a"]);
        assert!(last[0].created_at > again[0].created_at);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_told_while_its_session_lasts_and_is_one_persons() {
    for db in databases().await {
        let home = chores::home_of_three(&db).await;
        let [_, bob, cleo] = home.users;
        let key = [&[4], [7; 64].as_slice()].concat();
        let browser = Browser { url: "https://push.example.org/1", public_key: &key, secret: &[9; 16] };
        let add = async |name: &str| {
            let signed_in = support::person(&db, name).await;
            let (user, session) = (signed_in.user.id, signed_in.session.id);
            (endpoint::add_browser(&db, user, session, browser, Reach::Public).await.unwrap(), session)
        };
        let (bobs, session) = add("Bob").await;
        let again = endpoint::add_browser(&db, bob, session, browser, Reach::Public).await.unwrap();
        assert_eq!((bobs.channel, again.id), (Channel::WebPush, bobs.id), "a page says it each time");

        say(&db, &home, "@Bob the bins").await;
        session::revoke(&db, bob, session).await.unwrap();
        assert_eq!((lease(&db).await.len(), withheld(&db).await), (0, 1));
        assert_eq!(endpoints(&db, bob).await, []);
        say(&db, &home, "@Bob the stairs").await;
        assert_eq!(lease(&db).await.len(), 0);

        // The same browser, and somebody else.
        let (_, bobs) = add("Bob").await;
        add("Cleo").await;
        assert_eq!((endpoints(&db, bob).await.len(), endpoints(&db, cleo).await.len()), (0, 1));
        session::revoke(&db, bob, bobs).await.unwrap();
        say(&db, &home, "@Cleo the roof").await;
        assert_eq!(lease(&db).await.len(), 1);
        db.tell("UPDATE sessions SET expires_at = 1").await;
        assert_eq!(db.count("notification_endpoints").await, 1);
        db.forget_what_is_old().await.unwrap();
        assert_eq!(db.count("notification_endpoints").await, 0, "its address is a secret");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_takes_nothing_is_forgotten_in_the_end() {
    for db in databases().await {
        let home = chores::home_of_three(&db).await;
        let bob = home.users[1];
        let hook = webhook(&db, bob, "a").await;
        say(&db, &home, "@Bob the bins").await;
        for left in [1, 0] {
            let letter = lease(&db).await.remove(0);
            notification::failed(&db, &letter, Time::now()).await.unwrap();
            assert_eq!(endpoints(&db, bob).await.len(), left);
            db.tell("UPDATE notification_endpoints SET failing_since = 1").await;
            pass(&db).await;
        }
        assert_eq!((lease(&db).await.len(), withheld(&db).await), (0, 1));

        let other = webhook(&db, bob, "a").await;
        assert_ne!((other.id, &other.secret), (hook.id, &hook.secret));
        say(&db, &home, "@Bob the stairs").await;
        let letter = lease(&db).await.remove(0);
        notification::gone(&db, &letter, Time::now()).await.unwrap();
        assert_eq!((endpoints(&db, bob).await.len(), withheld(&db).await), (0, 2));
        assert!(matches!(endpoint::remove(&db, bob, other.id).await, Err(roomm8_db::Error::NotFound)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_there_is_chosen_and_rests_at_night() {
    for db in databases().await {
        let home = chores::home_of_three(&db).await;
        let bob = home.users[1];
        webhook(&db, bob, "a").await;
        let choose = async |choice| {
            preference::choose(&db, bob, Some(home.id), &[(Channel::Webhook, choice)]).await.unwrap();
        };
        choose(Choice::Only(Vec::new())).await;
        say(&db, &home, "@Bob the bins").await;
        assert_eq!(db.number("SELECT COUNT(*) FROM notifications WHERE endpoint_id IS NOT NULL").await, 0);
        choose(Choice::AsElsewhere).await;
        say(&db, &home, "@Bob the stairs").await;
        choose(Choice::Only(Vec::new())).await;
        assert_eq!((lease(&db).await.len(), withheld(&db).await), (0, 1), "they have changed their mind");
        choose(Choice::AsElsewhere).await;

        // All of today but the minute that ended an hour ago.
        let now = Time::now().before(std::time::Duration::from_hours(1)).to_utc().time();
        let wall = |minutes| {
            let time = now.overflowing_add_signed(chrono::Duration::minutes(minutes)).0;
            WallTime::new(
                chrono::NaiveTime::from_hms_opt(
                    chrono::Timelike::hour(&time),
                    chrono::Timelike::minute(&time),
                    0,
                )
                .unwrap(),
            )
            .unwrap()
        };
        let quiet = QuietHours { from: wall(0), until: wall(-1), time_zone: "UTC".into() };
        preference::set_quiet_hours(&db, bob, Some(&quiet)).await.unwrap();
        say(&db, &home, "@Bob the roof").await;
        assert_eq!((lease(&db).await.len(), withheld(&db).await), (0, 1), "it rests");
        preference::set_quiet_hours(&db, bob, None).await.unwrap();
        assert_eq!(lease(&db).await.len(), 1);
    }
}

/// Lets the minute pass in which something was put on a list, and tells it.
async fn tell_groceries(db: &Fresh) -> usize {
    db.tell("UPDATE notifications SET created_at = 1 WHERE kind = 'GROCERIES_ADDED' AND is_shown = FALSE")
        .await;
    inbox::tell_due(db, 10).await.unwrap()
}

async fn add(db: &Database, home: &Home, user: usize, list: &List, names: &[&str]) {
    let lines = names.iter().map(|name| line(name)).collect();
    perform(db, home.users[user], home.id, AddMany { list: list.id, lines }).await.unwrap();
}

/// Why somebody is told, and how often; and how much they have not read.
async fn told(db: &Database, user: UserId) -> (Vec<(Cause, i32)>, i64) {
    let conn = &mut *db.connection().await.unwrap();
    let page = Page { after: None, before: None, limit: 100, end: End::Oldest, unread_only: false };
    let found = inbox::page(conn, user, page).await.unwrap();
    let Counts { unread, .. } = inbox::counts(conn, user).await.unwrap();
    (found.iter().map(|found| (found.entry.cause, found.entry.count)).collect(), unread)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_on_a_list_is_told_together_and_is_read_when_it_is_bought() {
    for db in databases().await {
        let home = chores::home_of_three(&db).await;
        let [ada, bob, _] = home.users;
        let list = home.list(&db, "Lidl").await;
        add(&db, &home, 0, &list, &["milk", "eggs"]).await;
        add(&db, &home, 0, &list, &["bread", "milk"]).await;
        assert_eq!(inbox::tell_due(&db, 10).await.unwrap(), 0, "it is not a minute yet");
        assert!((1..=2).contains(&tell_groceries(&db).await));
        let added = |count| (Cause::GroceriesAdded, count);
        assert_eq!(told(&db, bob).await, (vec![added(3)], 1));
        assert_eq!(told(&db, ada).await, (vec![], 0), "nobody is told of their own");

        for (item, _) in home.listed(&db, &list).await {
            home.set(&db, &item, State::Bought).await;
        }
        assert_eq!(told(&db, bob).await, (vec![added(3)], 0));
        let line = line("tea");
        perform(&db, bob, home.id, Add { list: list.id, line }).await.unwrap();
        assert_eq!(told(&db, bob).await.1, 0, "what they add themselves is no news");
        // In another minute.
        db.tell("DELETE FROM notifications WHERE kind = 'GROCERIES_ADDED' AND is_shown").await;
        add(&db, &home, 0, &list, &["rice", "beans"]).await;
        assert!(tell_groceries(&db).await >= 2);
        assert_eq!(told(&db, bob).await, (vec![added(2), added(3)], 1));
        assert_eq!(told(&db, ada).await, (vec![added(1)], 1));
        let archive = roomm8_db::grocery::list::Archive { list: list.id };
        home.does(&db, archive).await.unwrap();
        assert_eq!(told(&db, bob).await.1, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groceries_are_told_to_endpoints_as_they_are_when_they_are() {
    for db in databases().await {
        let home = chores::home_of_three(&db).await;
        let [_, bob, cleo] = home.users;
        for user in [bob, cleo] {
            webhook(&db, user, "a").await;
        }
        let list = home.list(&db, "Lidl").await;
        add(&db, &home, 0, &list, &["milk", "eggs"]).await;
        assert!(tell_groceries(&db).await >= 1);
        perform(&db, cleo, home.id, Leave { transfer_to: None }).await.unwrap();
        let milk = home.listed(&db, &list).await.remove(0).0;
        home.set(&db, &milk, State::Bought).await;
        let letters = lease(&db).await;
        assert_eq!((letters.len(), withheld(&db).await), (1, 1), "who has left is told nothing");
        let Content::GroceriesAdded { count, list_name, author_name, .. } = &letters[0].content else {
            panic!("{letters:?}")
        };
        assert_eq!((*count, list_name.as_str(), author_name.as_str()), (1, "Lidl", "Ada"));
        assert_eq!(deliver_letters(&db).await.iter().filter(|letter| letter.recipient.is_empty()).count(), 0);
    }
}
