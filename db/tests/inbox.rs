//! Stories about inboxes: what people are told, counted together, read elsewhere, and kept from those who left.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod support;

use cast::chores::{self, Home, done};
use cast::{home, join, perform, person};
use chrono::Timelike as _;
use roomm8_db::conversation::{self, MarkRead, MarkUnread};
use roomm8_db::member::Leave;
use roomm8_db::message::{Delete, Edit, End, Message, Send};
use roomm8_db::notification::inbox::{self, Cause, Counts, Found, Page, Which};
use roomm8_db::notification::preference::{self, Channel, Choice, Topic};
use roomm8_db::notification::{self, Content};
use roomm8_db::task::Create;
use roomm8_db::task::reminder::{Nudge, Reminders};
use roomm8_db::task::rotation::Strategy;
use roomm8_db::{Database, Date, HouseholdId, Role, Time, UserId, WallTime, access};
use std::collections::BTreeSet;
use support::{databases, deliver_letters};

async fn say(db: &Database, user: UserId, household: HouseholdId, body: &str) -> Message {
    let conn = &mut *db.connection().await.unwrap();
    let member = access::member(conn, user, household).await.unwrap();
    let conversation = conversation::general(conn, &member).await.unwrap().id;
    let send = Send { conversation, body: body.into(), reply_to: None, client_mutation_id: None };
    perform(db, user, household, send).await.unwrap()
}

async fn edit(db: &Database, user: UserId, household: HouseholdId, message: &Message, body: &str) {
    let edit = Edit { message: message.id, body: body.into(), expected_version: None };
    perform(db, user, household, edit).await.unwrap();
}

async fn page(db: &Database, user: UserId, page: Page) -> Vec<Found> {
    inbox::page(&mut db.connection().await.unwrap(), user, page).await.unwrap()
}

/// All that somebody finds in their inbox, the newest first.
async fn found(db: &Database, user: UserId) -> Vec<Found> {
    page(db, user, Page { after: None, before: None, limit: 100, end: End::Oldest, unread_only: false }).await
}

/// Why somebody is told, how often, and whether they have read it.
async fn told(db: &Database, user: UserId) -> Vec<(Cause, i32, bool)> {
    found(db, user).await.iter().map(|found| (found.entry.cause, found.entry.count, found.is_read)).collect()
}

async fn counts(db: &Database, user: UserId) -> (i64, i64) {
    let Counts { unseen, unread } = inbox::counts(&mut db.connection().await.unwrap(), user).await.unwrap();
    (unseen, unread)
}

async fn backlog(db: &Database) -> i64 {
    notification::backlog(&mut db.connection().await.unwrap(), Time::now()).await.unwrap().pending
}

async fn head(db: &Database, user: UserId) -> i64 {
    inbox::position(&mut db.connection().await.unwrap(), user).await.unwrap().seq
}

#[tokio::test(flavor = "multi_thread")]
async fn mentions_in_one_conversation_are_one_entry_until_they_are_read() {
    for db in databases().await {
        let (ada, bob) = (person(&db, "Ada").await, person(&db, "Bob").await);
        let house = home(&db, ada).await;
        let bobs = join(&db, ada, house, Role::Member, bob).await;
        say(&db, ada, house, "hello all of you").await;
        assert_eq!(told(&db, bob).await, []);
        let first = say(&db, ada, house, "@Bob the bins").await;
        say(&db, ada, house, "and @Bob the stairs").await;
        let last = say(&db, ada, house, "@Bob?").await;
        assert_eq!(told(&db, bob).await, [(Cause::Mention, 3, false)]);
        assert_eq!(counts(&db, bob).await, (1, 1));
        let entry = found(&db, bob).await.remove(0).entry;
        assert_eq!(entry.subject_id, last.id.into(), "the newest");
        assert_eq!(entry.household_id, Some(house));
        assert_ne!(entry.actor_id, Some(bobs));

        // Once for each message, however often it is edited.
        edit(&db, ada, house, &first, "the bins").await;
        edit(&db, ada, house, &first, "@Bob the bins!").await;
        assert_eq!(told(&db, bob).await, [(Cause::Mention, 3, false)]);

        // Read with the message, and unread with it again.
        let before = head(&db, bob).await;
        let read = MarkRead { conversation: last.conversation_id, up_to: last.seq };
        perform(&db, bob, house, read).await.unwrap();
        assert_eq!((told(&db, bob).await, counts(&db, bob).await), (vec![(Cause::Mention, 3, true)], (0, 0)));
        assert!(head(&db, bob).await > before, "whoever follows it is told");
        perform(&db, bob, house, MarkUnread { message: last.id }).await.unwrap();
        assert_eq!(counts(&db, bob).await.1, 1);

        // What was read is not counted further.
        say(&db, bob, house, "done").await;
        assert_eq!(counts(&db, bob).await, (0, 0));
        let new = say(&db, ada, house, "thank you @Bob").await;
        assert_eq!(told(&db, bob).await, [(Cause::Mention, 1, false), (Cause::Mention, 3, true)]);
        perform(&db, ada, house, Delete { message: new.id }).await.unwrap();
        assert_eq!(counts(&db, bob).await, (0, 0), "there is nothing to read");
        assert_eq!(told(&db, ada).await, [], "nobody is told of their own");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_takes_back_takes_nothing_of_anothers() {
    for db in databases().await {
        let (ada, bob, eve) = (person(&db, "Ada").await, person(&db, "Bob").await, person(&db, "Eve").await);
        let house = home(&db, ada).await;
        join(&db, ada, house, Role::Member, bob).await;
        join(&db, ada, house, Role::Member, eve).await;
        let old = say(&db, ada, house, "the bins").await;
        say(&db, ada, house, "@Bob the stairs").await;
        let eves = say(&db, eve, house, "@Bob the lamp").await;
        perform(&db, eve, house, Delete { message: eves.id }).await.unwrap();
        assert_eq!(counts(&db, bob).await, (1, 1), "Ada's is still to be read");

        // Named in an older message, which he has read, he is told of that and not led away from the newer one.
        let read = MarkRead { conversation: old.conversation_id, up_to: old.seq };
        perform(&db, bob, house, read).await.unwrap();
        let newest = say(&db, ada, house, "@Bob the door").await;
        edit(&db, ada, house, &old, "@Bob the bins").await;
        assert_eq!(counts(&db, bob).await.1, 1);
        assert_eq!(found(&db, bob).await[0].entry.subject_id, newest.id.into());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_again_is_not_read_with_what_was_shown() {
    for db in databases().await {
        let (ada, bob) = (person(&db, "Ada").await, person(&db, "Bob").await);
        let house = home(&db, ada).await;
        join(&db, ada, house, Role::Member, bob).await;
        say(&db, ada, house, "@Bob the bins").await;
        let shown = found(&db, bob).await.remove(0).entry;
        say(&db, ada, house, "@Bob the stairs").await;
        let ids = [shown.id];
        inbox::mark_read(&db, bob, Which::Entries(&ids, Some(shown.arrived_at))).await.unwrap();
        assert_eq!(counts(&db, bob).await, (1, 1));
        inbox::mark_read(&db, bob, Which::Entries(&ids, Some(head(&db, bob).await))).await.unwrap();
        assert_eq!(counts(&db, bob).await, (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_finds_nothing_of_it_until_they_are_back() {
    for db in databases().await {
        let (ada, bob) = (person(&db, "Ada").await, person(&db, "Bob").await);
        let house = home(&db, ada).await;
        join(&db, ada, house, Role::Member, bob).await;
        say(&db, ada, house, "@Bob hello").await;
        let id = found(&db, bob).await[0].entry.id;
        perform(&db, bob, house, Leave { transfer_to: None }).await.unwrap();
        assert_eq!((told(&db, bob).await, counts(&db, bob).await), (vec![], (0, 0)));
        assert!(inbox::find(&mut db.connection().await.unwrap(), bob, id).await.is_err());
        let changed = inbox::changed_since(&mut db.connection().await.unwrap(), bob, 0, 10).await.unwrap();
        assert_eq!(changed, []);
        join(&db, ada, house, Role::Member, bob).await;
        assert_eq!(told(&db, bob).await, [(Cause::Mention, 1, false)]);
        // Nobody finds another's.
        assert!(inbox::find(&mut db.connection().await.unwrap(), ada, id).await.is_err());
        inbox::mark_read(&db, ada, Which::Entries(&[id], None)).await.unwrap();
        assert_eq!(counts(&db, bob).await, (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_and_read_is_marked_and_never_goes_back() {
    for db in databases().await {
        let (ada, bob) = (person(&db, "Ada").await, person(&db, "Bob").await);
        let mut homes = Vec::new();
        for number in 0..4 {
            let house = home(&db, ada).await;
            join(&db, ada, house, Role::Member, bob).await;
            say(&db, ada, house, &format!("@Bob {number}")).await;
            homes.push(house);
        }
        let entries = found(&db, bob).await;
        let places: Vec<i64> = entries.iter().map(|found| found.entry.arrived_at).collect();
        assert!(places.is_sorted_by(|earlier, later| earlier > later), "the newest first: {places:?}");
        assert_eq!(counts(&db, bob).await, (4, 4));
        inbox::mark_seen(&db, bob, places[1]).await.unwrap();
        assert_eq!(counts(&db, bob).await, (1, 4));
        inbox::mark_seen(&db, bob, places[3]).await.unwrap();
        inbox::mark_seen(&db, bob, i64::MAX).await.unwrap();
        assert_eq!(counts(&db, bob).await, (1, 4), "neither back nor beyond what there is");
        let seen: Vec<bool> = found(&db, bob).await.iter().map(|found| found.is_seen).collect();
        assert_eq!(seen, [false, true, true, true]);

        inbox::mark_read(&db, bob, Which::Entries(&[entries[0].entry.id], None)).await.unwrap();
        inbox::mark_read(&db, bob, Which::UpTo(places[3])).await.unwrap();
        let read: Vec<bool> = found(&db, bob).await.iter().map(|found| found.is_read).collect();
        assert_eq!(read, [true, false, false, true]);
        // What is read and mentions them again begins anew.
        say(&db, ada, homes[3], "@Bob once more").await;
        assert_eq!(found(&db, bob).await.len(), 5);
        inbox::mark_read(&db, bob, Which::UpTo(head(&db, bob).await)).await.unwrap();
        assert_eq!(counts(&db, bob).await, (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hang_together_from_either_end() {
    for db in databases().await {
        let (ada, bob) = (person(&db, "Ada").await, person(&db, "Bob").await);
        for _ in 0..7 {
            let house = home(&db, ada).await;
            join(&db, ada, house, Role::Member, bob).await;
            say(&db, ada, house, "@Bob").await;
        }
        let all: Vec<_> = found(&db, bob).await.into_iter().map(|found| found.entry.arrived_at).collect();
        let places = async |after, before, end| -> Vec<i64> {
            let wanted = Page { after, before, limit: 3, end, unread_only: true };
            page(&db, bob, wanted).await.iter().map(|found| found.entry.arrived_at).collect()
        };
        assert_eq!(places(None, None, End::Oldest).await, all[..3]);
        assert_eq!(places(Some(all[2]), None, End::Oldest).await, all[3..6]);
        assert_eq!(places(None, None, End::Newest).await, all[4..]);
        assert_eq!(places(None, Some(all[4]), End::Newest).await, all[1..4]);
        assert_eq!(places(Some(all[0]), Some(all[3]), End::Oldest).await, all[1..3]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_tell_at_once_tell_in_one_order() {
    for db in databases().await {
        let (ada, bob, eve) = (person(&db, "Ada").await, person(&db, "Bob").await, person(&db, "Eve").await);
        let mut homes = Vec::new();
        for _ in 0..6 {
            let house = home(&db, ada).await;
            join(&db, ada, house, Role::Member, bob).await;
            join(&db, ada, house, Role::Member, eve).await;
            homes.push(house);
        }
        let twin = db.twin().await;
        // Each household tells both, in either order of their names.
        let telling = homes.iter().enumerate().map(async |(number, house)| {
            let (db, body) = if number % 2 == 0 { (&*db, "@Bob @Eve") } else { (&twin, "@Eve @Bob") };
            for _ in 0..5 {
                say(db, ada, *house, body).await;
            }
        });
        futures_util::future::join_all(telling).await;
        for user in [bob, eve] {
            assert_eq!(head(&db, user).await, 30, "each has a number of its own");
            let entries = found(&db, user).await;
            assert_eq!(entries.iter().map(|found| found.entry.count).collect::<Vec<_>>(), [5; 6]);
            let numbers: BTreeSet<_> = entries.iter().map(|found| found.entry.changed_at).collect();
            assert_eq!(numbers.len(), 6);
        }
    }
}

/// What is due once at this instant, for one of them, who is told then.
fn due_at(at: Time, home: &Home, place: usize) -> Create {
    let utc = at.to_utc();
    let dishes = chores::dishes(Strategy::Fixed, &home.members[place..=place]);
    Create {
        start_on: Some(Date::from(utc.date_naive())),
        due_time: Some(WallTime::new(utc.time().with_nanosecond(0).unwrap()).unwrap()),
        time_zone: Some("UTC".to_owned()),
        rule: None,
        reminders: Reminders { offsets: vec![0], nag: None },
        ..dishes
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_and_nudges_come_to_those_without_a_proven_address_too() {
    for db in databases().await {
        let home = chores::home_of_three(&db).await;
        let [ada, bob, _] = home.users;
        let soon = Time::now().after(std::time::Duration::from_hours(1));
        let (_, occurrence) = home.make(&db, due_at(soon, &home, 1)).await;
        assert_eq!(inbox::tell_due(&db, 10).await.unwrap(), 0, "it is not due yet");
        perform(&db, ada, home.id, Nudge { occurrence: occurrence.id }).await.unwrap();
        assert_eq!(told(&db, bob).await, [(Cause::TaskNudge, 1, false)]);

        db.tell("UPDATE notifications SET created_at = 1 WHERE kind = 'TASK_REMINDER'").await;
        let twin = db.twin().await;
        let both = tokio::join!(inbox::tell_due(&db, 10), inbox::tell_due(&twin, 10));
        assert_eq!(both.0.unwrap() + both.1.unwrap(), 1, "one of them tells it");
        assert_eq!(told(&db, bob).await, [(Cause::TaskReminder, 1, false), (Cause::TaskNudge, 1, false)]);
        db.tell("UPDATE notifications SET next_attempt_at = 1").await;
        let mailed: Vec<_> = deliver_letters(&db).await;
        assert!(mailed.iter().all(|letter| letter.content.kind() == "VERIFY_EMAIL"), "{mailed:?}");

        // Done is done, whoever does it.
        perform(&db, ada, home.id, done(occurrence.id)).await.unwrap();
        assert_eq!(counts(&db, bob).await, (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wanted_is_chosen_for_each_household_and_way() {
    for db in databases().await {
        let (ada, bob) = (person(&db, "Ada").await, person(&db, "Bob").await);
        let (quiet, loud) = (home(&db, ada).await, home(&db, ada).await);
        for house in [quiet, loud] {
            join(&db, ada, house, Role::Member, bob).await;
        }
        db.tell("UPDATE users SET email_verified_at = 1").await;
        deliver_letters(&db).await;
        let nothing = || Choice::Only(Vec::new());
        let choose = async |household, choices: &[_]| preference::choose(&db, bob, household, choices).await;
        choose(None, &[(Channel::Mail, nothing())]).await.unwrap();
        choose(Some(quiet), &[(Channel::Inbox, nothing())]).await.unwrap();
        choose(Some(loud), &[(Channel::Mail, Choice::Only(vec![Topic::Mention]))]).await.unwrap();
        let mailed_of = async || -> Vec<HouseholdId> {
            let mut letters = Vec::new();
            // What is withheld holds up what comes after it for one look.
            while backlog(&db).await > 0 {
                letters.extend(deliver_letters(&db).await);
            }
            let households = letters.iter().filter_map(|letter| match letter.content {
                Content::Mention { household_id, .. } => Some(household_id),
                _ => None,
            });
            households.collect()
        };
        for house in [quiet, loud] {
            say(&db, ada, house, "@Bob").await;
        }
        let shown: Vec<_> = found(&db, bob).await.iter().map(|found| found.entry.household_id).collect();
        assert_eq!((mailed_of().await, shown), (vec![loud], vec![Some(loud)]));

        // The link in a mail ends its kind everywhere.
        let letter = {
            say(&db, ada, loud, "@Bob again").await;
            notification::lease(&db, 10, Time::now()).await.unwrap().remove(0)
        };
        preference::unsubscribe(&db, letter.id).await.unwrap();
        notification::sent(&db, &letter, Time::now()).await.unwrap();
        say(&db, ada, loud, "@Bob and again").await;
        assert_eq!(mailed_of().await, []);
        choose(Some(loud), &[(Channel::Mail, Choice::AsElsewhere)]).await.unwrap();
        choose(None, &[(Channel::Mail, Choice::AsElsewhere)]).await.unwrap();
        say(&db, ada, quiet, "@Bob").await;
        assert_eq!(mailed_of().await, [quiet]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_read_it_meanwhile_is_not_mailed() {
    for db in databases().await {
        let (ada, bob) = (person(&db, "Ada").await, person(&db, "Bob").await);
        let house = home(&db, ada).await;
        join(&db, ada, house, Role::Member, bob).await;
        db.tell("UPDATE users SET email_verified_at = 1").await;
        deliver_letters(&db).await;
        let kinds = async || -> Vec<&str> {
            deliver_letters(&db).await.iter().map(|letter| letter.content.kind()).collect()
        };
        say(&db, ada, house, "@Bob the bins").await;
        say(&db, bob, house, "done").await;
        assert_eq!(kinds().await, [""; 0], "he answered");
        let deleted = say(&db, ada, house, "@Bob the stairs").await;
        perform(&db, ada, house, Delete { message: deleted.id }).await.unwrap();
        assert_eq!(kinds().await, [""; 0], "there is nothing to read");
        say(&db, ada, house, "@Bob the lamp").await;
        assert_eq!(kinds().await, ["MENTION"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_told_of_too_and_old_entries_go() {
    for db in databases().await {
        let ada = person(&db, "Ada").await;
        let other = roomm8_db::account::Credentials {
            email: "ada@example.org",
            password: support::PASSWORD,
            device: "Phone",
        };
        let signed_in = roomm8_db::account::login(&db, other, support::HERE).await.unwrap();
        let letter = deliver_letters(&db).await.remove(0);
        let token = letter.content.secret().unwrap().reveal();
        roomm8_db::account::verify_email(&db, token, support::HERE).await.unwrap();
        roomm8_db::account::verify_email(&db, token, support::HERE).await.unwrap();
        assert_eq!(told(&db, ada).await, [(Cause::Welcome, 1, false), (Cause::NewDevice, 1, false)]);
        let device = found(&db, ada).await.remove(1).entry;
        assert_eq!(device.subject_id, signed_in.session.id.into());

        db.tell("UPDATE inbox_entries SET happened_at = happened_at - 7775000000000 WHERE cause = 'WELCOME'")
            .await;
        db.forget_what_is_old().await.unwrap();
        assert_eq!(found(&db, ada).await.len(), 2, "not ninety days");
        db.tell("UPDATE inbox_entries SET happened_at = happened_at - 2000000000 WHERE cause = 'WELCOME'")
            .await;
        db.forget_what_is_old().await.unwrap();
        assert_eq!(told(&db, ada).await, [(Cause::NewDevice, 1, false)]);
    }
}
