//! Stories about reminders, nudges and digests, by a clock that the test sets. The clock is the whole process's: one
//! story at a time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod clock;
mod support;

use cast::chores::{self, Home, done};
use cast::{join, perform, person, refusal};
use chrono::{NaiveDate, NaiveTime};
use clock::{Clock, day, instant};
use roomm8_db::access::{Permission, Role};
use roomm8_db::digest::{self, Digest, Wish};
use roomm8_db::member::{ChangeRole, Leave};
use roomm8_db::notification::{self, Content, Leased};
use roomm8_db::task::reminder::{Nag, Nudge, Reminders};
use roomm8_db::task::rotation::Strategy;
use roomm8_db::task::{Claim, Create, Occurrence, Pause, Reassign, Release, Resume, Undo};
use roomm8_db::{
    Database, Date, Error, MemberId, RefusalCode, Request, Time, UserId, WallTime, Weekday, household, task,
};
use support::{Fresh, databases, deliver_letters, throttled_databases};

fn wall(hour: u32, minute: u32) -> WallTime {
    WallTime::new(NaiveTime::from_hms_opt(hour, minute, 0).unwrap()).unwrap()
}

/// A household of three in Berlin, whose addresses are proven.
async fn home_of_three(db: &Fresh) -> Home {
    let home = chores::home_of_three(db).await;
    db.tell("UPDATE users SET email_verified_at = 1").await;
    deliver(db).await;
    home
}

/// A chore of every day at 18:30 in Berlin, from this date on.
fn dishes(start: &str, strategy: Strategy, roster: &[MemberId], reminders: Reminders) -> Create {
    Create {
        start_on: Some(Date::from(day(start))),
        due_time: Some(wall(18, 30)),
        reminders,
        ..chores::dishes(strategy, roster)
    }
}

/// What is due once, by the end of this date, for anybody.
fn once(date: &str) -> Create {
    let anybody = dishes(date, Strategy::Anyone, &[], Reminders::default());
    Create { title: format!("Chore of {date}"), due_time: None, rule: None, ..anybody }
}

fn offsets(offsets: &[i32]) -> Reminders {
    Reminders { offsets: offsets.to_vec(), nag: None }
}

impl Home {
    /// Says that this member is away between two dates.
    async fn away(&self, db: &Fresh, place: usize, first: &str, last: &str) {
        let member = hex(self.members[place].bytes());
        let days = |date| day(date).signed_duration_since(NaiveDate::default()).num_days();
        let (first, last) = (days(first), days(last));
        db.tell(&format!(
            "INSERT INTO absences (id, household_id, member_id, first_on, last_on, open_chores, created_at) \
             SELECT id, household_id, id, {first}, {last}, 'KEEP', 1 FROM members WHERE id = X'{member}'"
        ))
        .await;
    }
}

fn hex(bytes: &[u8]) -> String {
    let bytes = bytes.try_into().expect("an id has 16 bytes");
    format!("{:032x}", u128::from_be_bytes(bytes))
}

fn is_about_chores(letter: &Leased) -> bool {
    matches!(
        letter.content,
        Content::TaskReminder { .. } | Content::TaskNudge { .. } | Content::TaskDigest { .. }
    )
}

/// Delivers what is due, and says who is told what of chores.
async fn deliver(db: &Database) -> Vec<String> {
    let mut told = Vec::new();
    for letter in deliver_letters(db).await {
        if is_about_chores(&letter) {
            let name = letter.recipient.split('@').next().unwrap();
            told.push(match &letter.content {
                Content::TaskReminder { nag: Some(nag), .. } => format!("{name} nag {nag}"),
                Content::TaskReminder { after_minutes, .. } => format!("{name} {after_minutes}"),
                Content::TaskNudge { nudger_name, .. } => format!("{name} by {nudger_name}"),
                Content::TaskDigest { chores, more, .. } => format!("{name} {} + {more}", chores.len()),
                _ => unreachable!("it is about chores"),
            });
        }
    }
    told.sort();
    told
}

/// How many reminders are planned for this person.
async fn planned_for(db: &Fresh, name: &str) -> i64 {
    let query = "SELECT COUNT(*) FROM notifications WHERE state = 'PENDING' AND kind = 'TASK_REMINDER'";
    db.number(&format!("{query} AND recipient = '{name}@example.org'")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_come_when_they_are_due_and_once() {
    let clock = Clock::at("2027-01-19T12:00:00Z").await;
    for db in databases().await {
        clock.set("2027-01-19T12:00:00Z");
        let home = home_of_three(&db).await;
        let bob = &home.members[1..2];
        home.make(&db, dishes("2027-01-20", Strategy::Fixed, bob, offsets(&[-60, 0, 30]))).await;
        let backlog = notification::backlog(&mut db.connection().await.unwrap(), Time::now()).await.unwrap();
        assert_eq!(backlog.pending, 0, "what is planned is no backlog");
        for (now, expected) in [
            ("2027-01-20T16:29:00Z", None),
            ("2027-01-20T16:30:10Z", Some("bob -60")),
            ("2027-01-20T16:30:20Z", None),
            ("2027-01-20T17:30:10Z", Some("bob 0")),
            ("2027-01-20T18:00:10Z", Some("bob 30")),
            ("2027-01-25T18:00:00Z", None),
        ] {
            clock.set(now);
            assert_eq!(deliver(&db).await, expected.as_slice(), "{now}");
        }
        // What is past when a chore is made is told to nobody.
        clock.set("2027-01-25T17:00:00Z");
        home.make(&db, dishes("2027-01-25", Strategy::Fixed, bob, offsets(&[-60, 0]))).await;
        assert_eq!(planned_for(&db, "bob").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_an_occurrence_its_reminders_follow_in_the_same_transaction() {
    let clock = Clock::at("2027-01-19T12:00:00Z").await;
    for db in databases().await {
        clock.set("2027-01-19T12:00:00Z");
        let home = home_of_three(&db).await;
        let reminders = offsets(&[-60, 0]);
        let create = dishes("2027-01-20", Strategy::RoundRobin, &home.members, reminders);
        let (task, first) = home.make(&db, create).await;
        let planned = async || {
            [planned_for(&db, "ada").await, planned_for(&db, "bob").await, planned_for(&db, "cleo").await]
        };
        assert_eq!(planned().await, [2, 0, 0]);

        db.tell("ALTER TABLE household_events RENAME TO hidden").await;
        assert!(perform(&db, home.users[0], home.id, done(first.id)).await.is_err());
        db.tell("ALTER TABLE hidden RENAME TO household_events").await;
        assert_eq!(planned().await, [2, 0, 0], "nothing happened");

        perform(&db, home.users[0], home.id, done(first.id)).await.unwrap();
        assert_eq!(planned().await, [0, 2, 0], "one is closed, the next is open");
        perform(&db, home.users[0], home.id, Undo { occurrence: first.id }).await.unwrap();
        assert_eq!(planned().await, [2, 0, 0], "one is open again, the next is cancelled");

        let give = |to| Reassign { occurrence: first.id, to, expected_version: None };
        perform(&db, home.users[0], home.id, give(Some(home.members[2]))).await.unwrap();
        assert_eq!(planned().await, [0, 0, 2]);
        // It is due a day later; the next one to save it finds that.
        db.tell("UPDATE occurrences SET due_at = due_at + 86400000000").await;
        perform(&db, home.users[0], home.id, give(Some(home.members[1]))).await.unwrap();
        assert_eq!(planned().await, [0, 2, 0]);
        clock.set("2027-01-20T18:00:00Z");
        assert!(deliver(&db).await.is_empty(), "not yet");
        clock.set("2027-01-21T16:30:10Z");
        assert_eq!(deliver(&db).await, ["bob -60"]);

        perform(&db, home.users[1], home.id, Leave { transfer_to: None }).await.unwrap();
        assert_eq!(planned().await.iter().sum::<i64>(), 1);
        assert_eq!(planned().await[1], 0);
        perform(&db, home.users[0], home.id, done(home.open(&db, &task).await.remove(0).id)).await.unwrap();

        // A household that was put away is silent.
        perform(&db, home.users[0], home.id, household::Archive).await.unwrap();
        clock.set("2027-02-21T16:30:10Z");
        assert!(deliver(&db).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_follow_the_chore_and_the_household() {
    let clock = Clock::at("2027-01-19T12:00:00Z").await;
    for db in databases().await {
        clock.set("2027-01-19T12:00:00Z");
        let home = home_of_three(&db).await;
        let create = dishes("2027-01-20", Strategy::Fixed, &home.members, offsets(&[0]));
        let (task, _) = home.make(&db, create).await;
        let remind = |reminders| task::Update { reminders: Some(reminders), ..task::Update::of(task.id) };
        perform(&db, home.users[0], home.id, remind(offsets(&[-60, -30]))).await.unwrap();
        assert_eq!(planned_for(&db, "ada").await, 2);
        clock.set("2027-01-20T16:30:10Z");
        assert_eq!(deliver(&db).await, ["ada -60"]);

        let moves = household::Update { time_zone: Some("Europe/London".into()), ..Default::default() };
        perform(&db, home.users[0], home.id, moves).await.unwrap();
        clock.set("2027-01-20T17:30:10Z");
        assert_eq!(deliver(&db).await, ["ada -60"], "where they live now it is due an hour later");
        clock.set("2027-01-20T17:59:50Z");
        assert!(deliver(&db).await.is_empty());
        clock.set("2027-01-20T18:00:10Z");
        assert_eq!(deliver(&db).await, ["ada -30"]);

        perform(&db, home.users[0], home.id, remind(offsets(&[0]))).await.unwrap();
        perform(&db, home.users[0], home.id, remind(Reminders::default())).await.unwrap();
        assert_eq!(planned_for(&db, "ada").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_anyones_reminds_all_who_can_claim_it_until_one_does() {
    let clock = Clock::at("2027-01-19T12:00:00Z").await;
    for db in databases().await {
        clock.set("2027-01-19T12:00:00Z");
        let home = home_of_three(&db).await;
        let guest = person(&db, "Gus").await;
        let gus = join(&db, home.users[0], home.id, Role::Guest, guest).await;
        db.tell("UPDATE users SET email_verified_at = 1").await;
        deliver(&db).await;
        let create = |roster| dishes("2027-01-20", Strategy::Anyone, roster, offsets(&[0]));
        let (_, anybodys) = home.make(&db, create(&[])).await;
        home.make(&db, create(&home.members[..2])).await;
        let planned = async || {
            [planned_for(&db, "ada").await, planned_for(&db, "bob").await, planned_for(&db, "cleo").await]
        };
        assert_eq!(planned().await, [2, 2, 1]);
        perform(&db, home.users[1], home.id, Claim { occurrence: anybodys.id }).await.unwrap();
        assert_eq!(planned().await, [1, 2, 0]);
        perform(&db, home.users[1], home.id, Release { occurrence: anybodys.id }).await.unwrap();
        assert_eq!(planned().await, [2, 2, 1]);
        // Who may do chores from now on is reminded too, and who may not is no longer.
        let role = async |role| {
            let change = ChangeRole { member: gus, role, expected_version: None };
            perform(&db, home.users[0], home.id, change).await.unwrap();
        };
        role(Role::Member).await;
        assert_eq!(planned_for(&db, "gus").await, 1);
        role(Role::Guest).await;
        assert_eq!(planned_for(&db, "gus").await, 0);
        // Whose address is no longer proven is not written to.
        db.tell("UPDATE users SET email_verified_at = NULL WHERE email = 'bob@example.org'").await;
        clock.set("2027-01-20T17:30:10Z");
        assert_eq!(deliver(&db).await, ["ada 0", "ada 0", "cleo 0"]);
        assert_eq!(planned().await, [0, 0, 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn naggings_come_until_it_is_done_but_not_for_ever() {
    let clock = Clock::at("2027-01-19T12:00:00Z").await;
    for db in databases().await {
        clock.set("2027-01-19T12:00:00Z");
        let home = home_of_three(&db).await;
        let reminders = Reminders { offsets: Vec::new(), nag: Some(Nag { every: 30, at_most: 4 }) };
        let create = dishes("2027-01-20", Strategy::Fixed, &home.members[1..2], reminders);
        let (task, first) = home.make(&db, create).await;
        let nags = [
            ("2027-01-20T17:59:00Z", None),
            ("2027-01-20T18:00:10Z", Some("bob nag 1")),
            ("2027-01-20T18:00:20Z", None),
            // The server was away at 20:00.
            ("2027-01-20T19:01:00Z", Some("bob nag 2")),
            ("2027-01-20T19:29:00Z", None),
            ("2027-01-20T19:30:10Z", Some("bob nag 4")),
            ("2027-01-21T12:00:00Z", None),
        ];
        for (now, expected) in nags {
            clock.set(now);
            assert_eq!(deliver(&db).await, expected.as_slice(), "{now}");
            assert!(planned_for(&db, "bob").await <= 1, "one after the other");
        }
        perform(&db, home.users[1], home.id, done(first.id)).await.unwrap();
        let second = home.open(&db, &task).await.remove(0);
        clock.set("2027-01-21T18:00:10Z");
        // It is done while the mail about it is on its way.
        let leased = notification::lease(&db, 10, Time::now()).await.unwrap();
        perform(&db, home.users[1], home.id, done(second.id)).await.unwrap();
        notification::sent(&db, &leased[0], Time::now()).await.unwrap();
        clock.set("2027-01-21T18:30:10Z");
        assert!(deliver(&db).await.is_empty(), "no more of it");
        assert_eq!(planned_for(&db, "bob").await, 1, "the first of the third");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_whose_relay_died_comes_again_unless_it_is_done_meanwhile() {
    let clock = Clock::at("2027-01-19T12:00:00Z").await;
    for db in databases().await {
        clock.set("2027-01-19T12:00:00Z");
        let home = home_of_three(&db).await;
        let create = dishes("2027-01-20", Strategy::Fixed, &home.members[1..2], offsets(&[0]));
        let (_, first) = home.make(&db, create).await;
        clock.set("2027-01-20T17:30:10Z");
        assert_eq!(notification::lease(&db, 10, Time::now()).await.unwrap().len(), 1);
        let other = db.twin().await;
        assert!(notification::lease(&other, 10, Time::now()).await.unwrap().is_empty());
        clock.set("2027-01-20T17:30:50Z");
        assert_eq!(notification::lease(&other, 10, Time::now()).await.unwrap()[0].attempt, 2);
        // One that is being delivered cannot be called back.
        perform(&db, home.users[1], home.id, done(first.id)).await.unwrap();
        clock.set("2027-01-20T17:31:50Z");
        assert!(
            notification::lease(&other, 10, Time::now()).await.unwrap().is_empty(),
            "but it is not tried again"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_away_is_left_alone() {
    let clock = Clock::at("2027-01-19T12:00:00Z").await;
    for db in databases().await {
        clock.set("2027-01-19T12:00:00Z");
        let home = home_of_three(&db).await;
        home.away(&db, 1, "2027-01-20", "2027-01-20").await;
        let nag = Some(Nag { every: 60 * 24, at_most: 2 });
        let reminders = Reminders { offsets: vec![-60, 60 * 24], nag };
        home.make(&db, dishes("2027-01-20", Strategy::Anyone, &home.members[..2], reminders)).await;
        clock.set("2027-01-20T16:30:10Z");
        assert_eq!(deliver(&db).await, ["ada -60"]);
        clock.set("2027-01-21T17:30:10Z");
        assert_eq!(deliver(&db).await, ["ada 1440", "ada nag 1", "bob 1440", "bob nag 1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_claim_what_somebody_leaves_behind_is_reminded_of_it() {
    let clock = Clock::at("2027-01-19T12:00:00Z").await;
    for db in databases().await {
        clock.set("2027-01-19T12:00:00Z");
        let home = home_of_three(&db).await;
        let bob = &home.members[1..2];
        home.make(&db, dishes("2027-01-20", Strategy::Anyone, bob, offsets(&[-60]))).await;
        let planned = async || {
            [planned_for(&db, "ada").await, planned_for(&db, "bob").await, planned_for(&db, "cleo").await]
        };
        assert_eq!(planned().await, [0, 1, 0]);
        perform(&db, home.users[1], home.id, Leave { transfer_to: None }).await.unwrap();
        assert_eq!(planned().await, [1, 0, 1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pause_kept_silent_is_told_when_the_chore_goes_on() {
    let clock = Clock::at("2027-01-19T12:00:00Z").await;
    for db in databases().await {
        clock.set("2027-01-19T12:00:00Z");
        let home = home_of_three(&db).await;
        let reminders = offsets(&[-2 * 24 * 60, 0]);
        let create = dishes("2027-01-19", Strategy::Fixed, &home.members[1..2], reminders);
        let weekly = Create { rule: Some("FREQ=WEEKLY".into()), ..create };
        let (task, first) = home.make(&db, weekly).await;
        let date = |text| Some(Date::from(day(text)));
        let pause = Pause { task: task.id, from: date("2027-01-20"), until: date("2027-01-25") };
        perform(&db, home.users[0], home.id, pause).await.unwrap();
        perform(&db, home.users[0], home.id, done(first.id)).await.unwrap();
        assert_eq!(planned_for(&db, "bob").await, 1, "on the 24th it is paused");
        let resume = Resume { task: task.id, on: date("2027-01-20") };
        perform(&db, home.users[0], home.id, resume).await.unwrap();
        assert_eq!(planned_for(&db, "bob").await, 2);
        clock.set("2027-01-24T17:30:10Z");
        assert_eq!(deliver(&db).await, ["bob -2880"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_would_not_be_told_is_not_asked_and_nobody_waits_for_that() {
    let clock = Clock::at("2027-01-19T12:00:00Z").await;
    for db in throttled_databases().await {
        clock.set("2027-01-19T12:00:00Z");
        let home = home_of_three(&db).await;
        let ada = home.users[0];
        let create = dishes("2027-01-20", Strategy::Fixed, &home.members[1..2], Reminders::default());
        let (task, bobs) = home.make(&db, create).await;
        let nudge = async || perform(&db, ada, home.id, Nudge { occurrence: bobs.id }).await;
        let refused = async |why: &str| match nudge().await {
            Err(Error::Refused(refusal)) => {
                assert_eq!((refusal.code, refusal.field), (RefusalCode::Invalid, "occurrenceId"), "{why}");
            }
            other => panic!("{why}: {other:?}"),
        };
        let date = |text| Some(Date::from(day(text)));
        let pause = Pause { task: task.id, from: date("2027-01-19"), until: date("2027-01-19") };
        perform(&db, ada, home.id, pause).await.unwrap();
        refused("paused").await;
        perform(&db, ada, home.id, Resume { task: task.id, on: None }).await.unwrap();
        nudge().await.unwrap();
        assert_eq!(deliver(&db).await, ["bob by Ada"]);
        clock.set("2027-01-19T13:00:10Z");
        home.away(&db, 1, "2027-01-19", "2027-01-19").await;
        refused("away").await;
        clock.set("2027-01-20T12:00:00Z");
        nudge().await.unwrap();

        // Who is there is asked all the same.
        let (_, anybodys) = home.make(&db, once("2027-01-20")).await;
        home.away(&db, 2, "2027-01-20", "2027-01-20").await;
        perform(&db, ada, home.id, Nudge { occurrence: anybodys.id }).await.unwrap();
        assert_eq!(deliver(&db).await, ["bob by Ada", "bob by Ada"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_ask_each_other_once_an_hour_for_each_chore_and_never_themselves() {
    let clock = Clock::at("2027-01-19T12:00:00Z").await;
    for db in throttled_databases().await {
        clock.set("2027-01-19T12:00:00Z");
        let home = home_of_three(&db).await;
        let [ada, bob, cleo] = home.users;
        let create = dishes("2027-01-20", Strategy::Fixed, &home.members[1..2], Reminders::default());
        let (_, bobs) = home.make(&db, create).await;
        let nudge = |occurrence: &Occurrence| Nudge { occurrence: occurrence.id };
        assert_eq!(refusal(perform(&db, bob, home.id, nudge(&bobs)).await), RefusalCode::Invalid);
        let request = Request { user: ada, household: home.id, client_mutation_id: Some("please") };
        db.perform(request, &nudge(&bobs)).await.unwrap();
        assert!(db.perform(request, &nudge(&bobs)).await.unwrap().is_repeat);
        assert_eq!(deliver(&db).await, ["bob by Ada"]);
        clock.set("2027-01-19T12:59:00Z");
        match perform(&db, cleo, home.id, nudge(&bobs)).await {
            Err(Error::Throttled(wait)) => assert!(wait.as_secs() <= 61, "{wait:?}"),
            other => panic!("{other:?}"),
        }
        clock.set("2027-01-19T13:00:10Z");
        perform(&db, cleo, home.id, nudge(&bobs)).await.unwrap();
        assert_eq!(deliver(&db).await, ["bob by Cleo"]);

        let (_, anybodys) = home.make(&db, once("2027-01-20")).await;
        perform(&db, cleo, home.id, nudge(&anybodys)).await.unwrap();
        assert_eq!(deliver(&db).await, ["ada by Cleo", "bob by Cleo"]);
        perform(&db, bob, home.id, done(anybodys.id)).await.unwrap();
        let closed = perform(&db, cleo, home.id, nudge(&anybodys)).await;
        assert!(matches!(closed, Err(Error::AlreadyClosed(_))), "{closed:?}");
        db.tell(&format!("UPDATE members SET role = 'GUEST' WHERE id = X'{}'", hex(home.members[2].bytes())))
            .await;
        let forbidden = perform(&db, cleo, home.id, nudge(&bobs)).await;
        assert!(matches!(forbidden, Err(Error::Forbidden(Permission::DoTasks))), "{forbidden:?}");
    }
}

async fn wish(db: &Database, user: UserId, hour: u32, zone: &str) -> Digest {
    let wish = Wish { at: wall(hour, 0), weekday: None, time_zone: zone.into() };
    digest::set(db, user, Some(&wish), None).await.unwrap().unwrap()
}

/// To be told on Mondays in Berlin.
async fn wish_on_mondays(db: &Database, user: UserId, hour: u32) -> Digest {
    let wish = Wish { at: wall(hour, 0), weekday: Some(Weekday::Monday), time_zone: "Europe/Berlin".into() };
    digest::set(db, user, Some(&wish), None).await.unwrap().unwrap()
}

/// Tells who is to be told at this time, and delivers it.
async fn evening(clock: &Clock, db: &Database, now: &str) -> Vec<String> {
    clock.set(now);
    while digest::tell_due(db, 50).await.unwrap() > 0 {}
    deliver(db).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_comes_once_for_a_date_whoever_tells_it() {
    let clock = Clock::at("2027-01-19T12:00:00Z").await;
    for mut db in databases().await {
        clock.set("2027-01-19T12:00:00Z");
        let home = home_of_three(&db).await;
        for date in ["2027-01-21", "2027-01-21", "2027-01-22", "2027-01-24"] {
            home.make(&db, once(date)).await;
        }
        let create = dishes("2027-01-21", Strategy::Fixed, &home.members[..1], Reminders::default());
        home.make(&db, create).await;
        let ada = home.users[0];
        // The other household has something too; what was put away has not.
        let second = cast::home(&db, home.users[1]).await;
        perform(&db, home.users[1], second, once("2027-01-21")).await.unwrap();
        wish(&db, ada, 20, "Europe/Berlin").await;
        wish(&db, home.users[1], 20, "Europe/Berlin").await;
        wish(&db, home.users[2], 20, "Europe/Berlin").await;
        home.away(&db, 2, "2027-01-21", "2027-01-21").await;

        assert!(evening(&clock, &db, "2027-01-19T19:01:00Z").await.is_empty(), "nothing is due on the 20th");
        assert!(evening(&clock, &db, "2027-01-20T18:59:00Z").await.is_empty(), "not yet");
        clock.set("2027-01-20T19:00:10Z");
        let other = db.twin().await;
        let (one, two) = tokio::join!(digest::tell_due(&db, 50), digest::tell_due(&other, 50));
        one.unwrap();
        two.unwrap();
        // Whoever leased it died.
        assert_eq!(notification::lease(&db, 50, Time::now()).await.unwrap().len(), 2);
        drop(other);
        db.restart().await;
        assert!(evening(&clock, &db, "2027-01-20T19:00:20Z").await.is_empty(), "it is still leased");
        let told = evening(&clock, &db, "2027-01-20T19:01:00Z").await;
        assert_eq!(told, ["ada 3 + 0", "bob 3 + 0"], "and not Cleo, who is away");
        assert!(evening(&clock, &db, "2027-01-20T20:00:00Z").await.is_empty(), "once");
        assert_eq!(
            evening(&clock, &db, "2027-01-21T19:00:10Z").await,
            ["ada 1 + 0", "bob 1 + 0"],
            "and not Cleo, who is not back before tomorrow"
        );
        assert!(evening(&clock, &db, "2027-01-22T19:00:10Z").await.is_empty(), "none if empty");
        // The server was down over the evening of the 23rd.
        assert!(evening(&clock, &db, "2027-01-24T02:00:00Z").await.is_empty(), "none so late");
        home.make(&db, once("2027-01-27")).await;
        // And again for two evenings, but it was back before the second was over.
        assert_eq!(
            evening(&clock, &db, "2027-01-26T22:00:00Z").await,
            ["ada 1 + 0", "bob 1 + 0", "cleo 1 + 0"]
        );

        assert_eq!(digest::set(&db, ada, None, None).await.unwrap(), None);
        assert_eq!(digest::of_user(&mut db.connection().await.unwrap(), ada).await.unwrap(), None);
        let wrong = Wish { at: wall(20, 0), weekday: None, time_zone: "Berlin".into() };
        assert_eq!(refusal(digest::set(&db, ada, Some(&wrong), None).await), RefusalCode::Invalid);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn once_a_week_it_tells_of_the_seven_days_after_it() {
    let clock = Clock::at("2027-01-17T12:00:00Z").await;
    for db in databases().await {
        clock.set("2027-01-17T12:00:00Z");
        let home = home_of_three(&db).await;
        for date in ["2027-01-18", "2027-01-25", "2027-01-19", "2027-01-26"] {
            home.make(&db, once(date)).await;
        }
        for user in home.users {
            let digest = wish_on_mondays(&db, user, 20).await;
            assert_eq!(digest.weekday, Some(Weekday::Monday));
            assert_eq!(digest.next_at, instant("2027-01-18T19:00:00Z"));
        }
        home.away(&db, 1, "2027-01-19", "2027-01-20").await;
        home.away(&db, 2, "2027-01-18", "2027-01-18").await;

        assert!(evening(&clock, &db, "2027-01-17T19:00:10Z").await.is_empty(), "it is Sunday");
        clock.set("2027-01-18T19:00:10Z");
        while digest::tell_due(&db, 50).await.unwrap() > 0 {}
        let letters = deliver_letters(&db).await;
        let mut told: Vec<_> = letters.iter().filter_map(of_week).collect();
        told.sort();
        let week = |titles: &[&str]| {
            let titles = titles.iter().map(|title| (*title).to_owned()).collect::<Vec<_>>();
            (Date::from(day("2027-01-19")), Some(Date::from(day("2027-01-25"))), titles)
        };
        let (tuesdays, mondays) = ("Chore of 2027-01-19", "Chore of 2027-01-25");
        let expected = [
            ("ada@example.org".to_owned(), week(&[tuesdays, mondays])),
            // Who is away on Tuesday; and who is away today is told nothing.
            ("bob@example.org".to_owned(), week(&[mondays])),
        ];
        assert_eq!(told, expected);

        // Whoever is told every day from then on, and once a week again, is not told twice on that Monday.
        let ada = home.users[0];
        assert_eq!(wish(&db, ada, 22, "Europe/Berlin").await.next_at, instant("2027-01-19T21:00:00Z"));
        assert_eq!(wish_on_mondays(&db, ada, 22).await.next_at, instant("2027-01-25T21:00:00Z"));
        assert_eq!(wish_on_mondays(&db, ada, 20).await.next_at, instant("2027-01-25T19:00:00Z"));
        for now in ["2027-01-18T21:00:10Z", "2027-01-19T19:00:10Z", "2027-01-24T19:00:10Z"] {
            assert!(evening(&clock, &db, now).await.is_empty(), "{now}");
        }
        assert_eq!(
            evening(&clock, &db, "2027-01-25T19:00:10Z").await,
            ["ada 1 + 0", "bob 1 + 0", "cleo 1 + 0"],
            "about the 26th"
        );
    }
}

/// From when on and until when a digest tells, and of what.
type Week = (Date, Option<Date>, Vec<String>);

/// Whom a letter tells of a week.
fn of_week(letter: &Leased) -> Option<(String, Week)> {
    let Content::TaskDigest { date, until, chores, more: 0, .. } = &letter.content else { return None };
    let titles = chores.iter().map(|chore| chore.title.clone()).collect();
    Some((letter.recipient.clone(), (*date, *until, titles)))
}

#[tokio::test(flavor = "multi_thread")]
async fn another_zone_does_not_make_it_come_twice_for_one_date() {
    let clock = Clock::at("2027-01-19T12:00:00Z").await;
    for db in databases().await {
        clock.set("2027-01-19T12:00:00Z");
        let home = home_of_three(&db).await;
        for date in ["2027-01-21", "2027-01-22", "2027-01-23", "2027-01-24"] {
            home.make(&db, once(date)).await;
        }
        let ada = home.users[0];
        wish(&db, ada, 20, "Europe/Berlin").await;
        assert_eq!(evening(&clock, &db, "2027-01-20T19:00:10Z").await, ["ada 1 + 0"], "about the 21st");
        // Westwards it is the morning of the same date.
        let west = wish(&db, ada, 20, "Pacific/Honolulu").await;
        assert_eq!(west.next_at, instant("2027-01-22T06:00:00Z"));
        assert!(evening(&clock, &db, "2027-01-21T06:00:10Z").await.is_empty(), "20:00 of the 20th there");
        assert_eq!(evening(&clock, &db, "2027-01-22T06:00:10Z").await, ["ada 1 + 0"], "about the 22nd");
        // Eastwards over midnight it is the evening of the 22nd already.
        let east = wish(&db, ada, 20, "Pacific/Kiritimati").await;
        assert_eq!(east.next_at, instant("2027-01-22T06:00:00Z").after(std::time::Duration::from_hours(24)));
        let now = "2027-01-22T07:00:00Z";
        clock.set(now);
        let berlin = wish(&db, ada, 20, "Europe/Berlin").await;
        assert_eq!(berlin.next_at, instant("2027-01-22T19:00:00Z"));
        assert_eq!(evening(&clock, &db, "2027-01-22T19:00:10Z").await, ["ada 1 + 0"], "about the 23rd");
        // Off and on again is no second time either, nor is an earlier hour in the west.
        digest::set(&db, ada, None, None).await.unwrap();
        wish(&db, ada, 15, "America/New_York").await;
        assert!(evening(&clock, &db, "2027-01-22T20:00:10Z").await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_days_when_clocks_change_it_comes_once_at_its_local_time() {
    let clock = Clock::at("2027-03-26T12:00:00Z").await;
    for db in databases().await {
        clock.set("2027-03-26T12:00:00Z");
        let home = home_of_three(&db).await;
        for date in ["2027-03-28", "2027-03-29", "2027-04-05", "2027-10-04", "2027-11-01"] {
            home.make(&db, once(date)).await;
        }
        let ada = home.users[0];
        let half_past = async |hour, zone: &str| {
            let wish = Wish { at: wall(hour, 30), weekday: None, time_zone: zone.into() };
            digest::set(&db, ada, Some(&wish), None).await.unwrap().unwrap().next_at
        };
        // 02:30 of 28 March is none in Berlin: it is 03:30.
        assert_eq!(half_past(2, "Europe/Berlin").await, instant("2027-03-27T01:30:00Z"));
        assert_eq!(evening(&clock, &db, "2027-03-27T01:30:10Z").await, ["ada 1 + 0"]);
        assert!(evening(&clock, &db, "2027-03-28T01:29:00Z").await.is_empty());
        assert_eq!(evening(&clock, &db, "2027-03-28T01:30:10Z").await, ["ada 1 + 0"]);
        // 02:30 of 31 October is there twice: it is the first.
        clock.set("2027-10-30T12:00:00Z");
        assert_eq!(half_past(2, "Europe/Berlin").await, instant("2027-10-31T00:30:00Z"));
        assert_eq!(evening(&clock, &db, "2027-10-31T00:30:10Z").await, ["ada 1 + 0"]);
        assert!(evening(&clock, &db, "2027-10-31T01:30:10Z").await.is_empty());
    }
    for db in databases().await {
        clock.set("2027-04-03T00:00:00Z");
        let home = home_of_three(&db).await;
        for date in ["2027-04-05", "2027-10-04"] {
            home.make(&db, once(date)).await;
        }
        let ada = home.users[0];
        let set = async |hour, minute| {
            let time_zone = "Australia/Lord_Howe".into();
            let wish = Wish { at: wall(hour, minute), weekday: None, time_zone };
            digest::set(&db, ada, Some(&wish), None).await.unwrap().unwrap().next_at
        };
        // 01:45 of 4 April is there twice, as clocks go back from 02:00 to 01:30.
        clock.set("2027-04-03T00:00:00Z");
        assert_eq!(set(1, 45).await, instant("2027-04-03T14:45:00Z"));
        assert_eq!(evening(&clock, &db, "2027-04-03T14:45:10Z").await, ["ada 1 + 0"]);
        assert!(evening(&clock, &db, "2027-04-03T15:15:10Z").await.is_empty());
        // 02:15 of 3 October is none: it is 02:45.
        clock.set("2027-10-02T00:00:00Z");
        assert_eq!(set(2, 15).await, instant("2027-10-02T15:45:00Z"));
        assert_eq!(evening(&clock, &db, "2027-10-02T15:45:10Z").await, ["ada 1 + 0"]);
    }
}
