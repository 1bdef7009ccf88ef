//! Stories about chores that change: their words, dates and sharing, pauses, the drawer they are put in, and their parts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod support;

use cast::chores::{self, Home, day, done, home_of_three};
use cast::{join, log, perform, person, proof, refusal};
use chrono::{Days, NaiveDate};
use roomm8_db::access::Role;
use roomm8_db::event::Kind;
use roomm8_db::household;
use roomm8_db::member::Leave;
use roomm8_db::message::End;
use roomm8_db::task::list;
use roomm8_db::task::recurrence::{Mode, Overflow, due};
use roomm8_db::task::rotation::{DateRange, Strategy};
use roomm8_db::task::{
    self, Approve, Archive, Complete, Create, LAST_DAY, MissedPolicy, Occurrence, Pause, Restore, Resume,
    SetDone, Skip, Status, Task, Undo, Update, When, act_on_missed,
};
use roomm8_db::{Database, Date, Error, MemberId, Operation, RefusalCode, SubjectId, To, WallTime, page};
use support::databases;

/// A chore of every day, from today on, with words and parts.
fn dishes(strategy: Strategy, roster: &[MemberId]) -> Create {
    Create {
        notes: Some("the blue sponge".into()),
        labels: vec!["kitchen".into()],
        subtasks: vec!["wash".into(), "dry".into()],
        ..chores::dishes(strategy, roster)
    }
}

/// Every day from then on, in the household's zone.
fn daily(from: NaiveDate) -> When {
    When {
        start_on: from.into(),
        due_time: None,
        time_zone: None,
        rule: Some("FREQ=DAILY".into()),
        overflow: Overflow::Clamp,
        mode: Mode::Fixed,
    }
}

fn on(when: When, task: &Task) -> Update {
    Update { schedule: Some(To::Value(when)), ..Update::of(task.id) }
}

fn pause(task: &Task, from: u64, until: u64) -> Pause {
    Pause { task: task.id, from: Some(day(from).into()), until: Some(day(until).into()) }
}

impl Home {
    async fn does<O: Operation>(&self, db: &Database, operation: O) -> O::Outcome {
        perform(db, self.users[0], self.id, operation).await.unwrap()
    }

    /// The one that is open.
    async fn current(&self, db: &Database, task: &Task) -> Occurrence {
        let mut open = self.open(db, task).await;
        assert_eq!(open.len(), 1, "{open:?}");
        open.remove(0)
    }

    /// Does the one that is open, and gives the next.
    async fn done(&self, db: &Database, task: &Task) -> Occurrence {
        let open = self.current(db, task).await;
        self.does(db, done(open.id)).await;
        self.current(db, task).await
    }

    async fn task(&self, db: &Database, task: &Task) -> Task {
        let reader = proof(db, self.users[0], self.id).await.unwrap();
        task::find(&mut db.connection().await.unwrap(), &reader, task.id).await.unwrap()
    }

    /// What the log tells of this, from a place on.
    async fn told(&self, db: &Database, from: usize, subject: impl Into<SubjectId>) -> Vec<Kind> {
        let subject = subject.into();
        let events = log(db, self.id).await;
        events[from..].iter().filter(|event| event.subject_id == subject).map(|event| event.kind).collect()
    }
}

fn due_on(occurrence: &Occurrence) -> NaiveDate {
    occurrence.due_on.unwrap().naive()
}

/// Numbers and assignees of occurrences.
fn lines(occurrences: &[Occurrence]) -> Vec<(i32, Option<MemberId>)> {
    let mut lines: Vec<_> =
        occurrences.iter().map(|occurrence| (occurrence.number, occurrence.assignee_id)).collect();
    lines.sort_by_key(|(number, member)| (member.map(|member| *member.bytes()), *number));
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_is_told_once_and_what_does_not_is_not() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let made = home.does(&db, dishes(Strategy::Anyone, &home.members)).await;
        let open = home.current(&db, &made).await;
        let from = log(&db, home.id).await.len();
        let update = || Update {
            title: Some(" Pans ".into()),
            notes: Some(To::Nothing),
            weight: Some(30),
            labels: Some(vec!["Kitchen".into(), "kitchen".into(), "evening".into()]),
            subtasks: Some(vec!["soak".into(), "dry".into()]),
            missed_policy: Some(MissedPolicy::RollToNext),
            requires_approval: Some(true),
            opens_before: Some(To::Value(60)),
            roster: Some(home.members.to_vec()),
            strategy: Some(Strategy::Anyone),
            schedule: Some(To::Value(daily(day(0)))),
            ..Update::of(made.id)
        };
        let changed = home.does(&db, update()).await;
        assert_eq!((changed.title.as_str(), changed.notes.as_deref(), changed.weight), ("Pans", None, 30));
        assert_eq!(changed.labels.0, ["Kitchen", "evening"]);
        let parts: Vec<_> = changed.subtasks.iter().map(|part| (part.id, part.title.as_str())).collect();
        assert_eq!(parts, [(3, "soak"), (2, "dry")]);
        assert_eq!((changed.requires_approval, changed.opens_before, changed.version), (true, Some(60), 2));
        assert_eq!(home.task(&db, &made).await, changed);
        assert_eq!(home.does(&db, update()).await, changed, "once more changes nothing");
        let events = log(&db, home.id).await;
        assert_eq!(events.len(), from + 1, "{:?}", &events[from..]);
        assert_eq!(home.told(&db, from, made.id).await, [Kind::TaskUpdated]);
        // When it would be missed changed, and that is nobody's to see.
        assert_eq!(home.current(&db, &made).await.version, open.version);

        let stale = |title: &str| Update {
            title: Some(title.into()),
            expected_version: Some(1),
            ..Update::of(made.id)
        };
        let conflict = perform(&db, home.users[1], home.id, stale("Pots")).await;
        assert!(matches!(conflict, Err(Error::Conflict(id)) if id == made.id.into()), "{conflict:?}");
        let other = Update { turn_length: Some(2), expected_version: Some(1), ..Update::of(made.id) };
        assert_eq!(home.does(&db, other).await.version, 3, "nobody else changed that");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_new_chore_could_not_be_no_chore_becomes() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let made = home.does(&db, dishes(Strategy::Fixed, &home.members)).await;
        let guest = person(&db, "Gus").await;
        let guest_there = join(&db, home.users[0], home.id, Role::Guest, guest).await;
        let before = (log(&db, home.id).await, home.open(&db, &made).await);
        let of = || Update::of(made.id);
        let ends_first = When { rule: Some("FREQ=DAILY;UNTIL=20200101".into()), ..daily(day(0)) };
        let after_days =
            When { rule: Some("FREQ=WEEKLY;BYDAY=TU".into()), mode: Mode::AfterCompletion, ..daily(day(0)) };
        let bad = [
            (Update { title: Some(" ".into()), ..of() }, RefusalCode::TooShort),
            (Update { weight: Some(-1), ..of() }, RefusalCode::Invalid),
            (Update { turn_length: Some(0), ..of() }, RefusalCode::Invalid),
            (Update { opens_before: Some(To::Value(-1)), ..of() }, RefusalCode::Invalid),
            (Update { roster: Some(vec![home.members[0]; 2]), ..of() }, RefusalCode::Invalid),
            (Update { roster: Some(vec![guest_there]), ..of() }, RefusalCode::InvalidReference),
            (Update { subtasks: Some(vec!["x".into(); 51]), ..of() }, RefusalCode::Limit),
            (on(ends_first, &made), RefusalCode::Invalid),
            (on(after_days, &made), RefusalCode::Invalid),
            (on(When { time_zone: Some("Mars".into()), ..daily(day(0)) }, &made), RefusalCode::Invalid),
        ];
        for (update, code) in bad {
            let told = format!("{update:?}");
            assert_eq!(refusal(perform(&db, home.users[0], home.id, update).await), code, "{told}");
        }
        let forbidden = perform(&db, guest, home.id, Update { weight: Some(1), ..of() }).await;
        assert!(matches!(forbidden, Err(Error::Forbidden(_))), "{forbidden:?}");
        let elsewhere = cast::home(&db, home.users[1]).await;
        let foreign = perform(&db, home.users[1], elsewhere, Update { weight: Some(1), ..of() }).await;
        assert!(matches!(foreign, Err(Error::NotFound)), "{foreign:?}");
        assert_eq!((log(&db, home.id).await, home.open(&db, &made).await), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_schedule_moves_what_is_open_and_never_what_was() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let made = home.does(&db, dishes(Strategy::Fixed, &home.members)).await;
        let first = home.current(&db, &made).await;
        let evening = WallTime::new("18:30:00".parse().unwrap()).unwrap();
        let from = log(&db, home.id).await.len();
        let later = When { due_time: Some(evening), ..daily(day(3)) };
        home.does(&db, on(later.clone(), &made)).await;
        let moved = home.current(&db, &made).await;
        assert_eq!((moved.id, moved.number, due_on(&moved)), (first.id, 1, day(3)));
        assert_eq!(moved.due_at, due(day(3), Some(evening.naive()), chrono_tz::Europe::Berlin));
        assert_eq!(home.told(&db, from, first.id).await, [Kind::OccurrenceRescheduled]);

        let second = home.done(&db, &made).await;
        assert_eq!((second.number, due_on(&second)), (2, day(4)));
        let closed = home.all(&db, &made).await.remove(0);
        // Every second day from two days from now on: after the one that was closed, the fourth.
        let alternate = When { rule: Some("FREQ=DAILY;INTERVAL=2".into()), ..daily(day(2)) };
        home.does(&db, on(alternate, &made)).await;
        let second = home.current(&db, &made).await;
        assert_eq!((second.number, due_on(&second), second.due_time), (2, day(4), None));
        home.does(&db, on(daily(day(9)), &made)).await;
        assert_eq!(due_on(&home.current(&db, &made).await), day(9));

        // There is none after the one that was closed: the chore has come to its end, and goes on when it has one again.
        let ended = When { rule: Some("FREQ=DAILY;COUNT=2".into()), ..daily(day(1)) };
        home.does(&db, on(ended, &made)).await;
        assert_eq!(home.open(&db, &made).await, []);
        home.does(&db, on(daily(day(0)), &made)).await;
        let again = home.current(&db, &made).await;
        assert_eq!((again.number, due_on(&again)), (2, day(4)));
        assert_ne!(again.id, second.id);
        let some_day = home.does(&db, Update { schedule: Some(To::Nothing), ..Update::of(made.id) }).await;
        assert_eq!((some_day.start_on, some_day.rule), (None, None));
        let again = home.current(&db, &made).await;
        assert_eq!((again.number, again.due_on, again.due()), (2, None, None));
        assert_eq!(home.all(&db, &made).await[0], closed, "history stays as it was");

        let weekly = When { mode: Mode::AfterCompletion, rule: Some("FREQ=WEEKLY".into()), ..daily(day(0)) };
        home.does(&db, on(weekly, &made)).await;
        assert_eq!(due_on(&home.current(&db, &made).await), day(7), "a week after it was done");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_edit_plans_anew_is_due_today_or_later() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let ago = |days| day(0) - Days::new(days);
        for missed_policy in [MissedPolicy::StayOverdue, MissedPolicy::RollToNext, MissedPolicy::Accumulate] {
            let weekly = Create {
                rule: Some("FREQ=WEEKLY".into()),
                missed_policy,
                ..dishes(Strategy::RoundRobin, &home.members)
            };
            let made = home.does(&db, weekly).await;
            assert_eq!(due_on(&home.done(&db, &made).await), day(7));
            let week = "planned_on = planned_on - 8, due_on = due_on - 8, done_at = done_at - 691200000000";
            db.tell(&format!(
                "UPDATE occurrences SET {week}, closed_at = closed_at - 691200000000 WHERE status = 'DONE'"
            ))
            .await;
            home.does(&db, on(daily(ago(30)), &made)).await;
            act_on_missed(&db, 100).await.unwrap();
            let open = home.current(&db, &made).await;
            assert_eq!((open.number, due_on(&open)), (2, day(0)), "{missed_policy:?}");
        }

        // What is overdue already stays so, unless its dates are others.
        let late = Create { start_on: Some(ago(3).into()), ..dishes(Strategy::Fixed, &home.members) };
        let late = home.does(&db, late).await;
        home.does(&db, Update { title: Some("Pans".into()), ..Update::of(late.id) }).await;
        assert_eq!(due_on(&home.current(&db, &late).await), ago(3));
        let evening = WallTime::new("18:30:00".parse().unwrap()).unwrap();
        home.does(&db, on(When { due_time: Some(evening), ..daily(ago(3)) }, &late)).await;
        let open = home.current(&db, &late).await;
        assert_eq!((due_on(&open), open.due_time), (ago(3), Some(evening)));
        assert_eq!(open.due_at, due(ago(3), Some(evening.naive()), chrono_tz::Europe::Berlin));
        let alternate = When { rule: Some("FREQ=DAILY;INTERVAL=2".into()), ..daily(ago(3)) };
        home.does(&db, on(alternate, &late)).await;
        assert_eq!(due_on(&home.current(&db, &late).await), day(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_schedule_counts_from_its_own_start() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let made = home.does(&db, dishes(Strategy::Fixed, &home.members)).await;
        for _ in 0..5 {
            home.done(&db, &made).await;
        }
        let counted = |from, count: u32| When {
            mode: Mode::AfterCompletion,
            rule: Some(format!("FREQ=DAILY;COUNT={count}")),
            ..daily(day(from))
        };
        let do_all = async || {
            let mut numbers = Vec::new();
            while let Some(open) = home.open(&db, &made).await.pop() {
                numbers.push(open.number);
                home.does(&db, done(open.id)).await;
            }
            numbers
        };
        home.does(&db, on(counted(10, 3), &made)).await;
        let open = home.current(&db, &made).await;
        assert_eq!((open.number, due_on(&open)), (6, day(10)));
        assert_eq!(do_all().await, [6, 7, 8]);
        home.does(&db, on(counted(20, 2), &made)).await;
        let open = home.current(&db, &made).await;
        assert_eq!((open.number, due_on(&open)), (9, day(20)));
        home.done(&db, &made).await;
        // One more, from the same start: what was done counts.
        home.does(&db, on(counted(20, 3), &made)).await;
        assert_eq!(do_all().await, [10, 11]);
        home.does(&db, on(daily(day(0)), &made)).await;
        assert_eq!(home.current(&db, &made).await.number, 12);
        let last = When { mode: Mode::AfterCompletion, ..counted(0, 1) };
        home.does(&db, on(last, &made)).await;
        assert_eq!(do_all().await, [12]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_closed_is_taken_back_as_long_as_what_follows_is_open_whatever_else_changed() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, _] = home.members;
        let strategy = |task: &Task, strategy| Update { strategy: Some(strategy), ..Update::of(task.id) };
        for what in ["least done", "everyone", "archive", "pause", "resume", "undated"] {
            let made = home.does(&db, dishes(Strategy::RoundRobin, &home.members)).await;
            let first = home.current(&db, &made).await;
            assert_eq!(home.done(&db, &made).await.assignee_id, Some(bob));
            let endless = Pause { task: made.id, from: Some(day(1).into()), until: None };
            match what {
                "least done" => drop(home.does(&db, strategy(&made, Strategy::LeastDone)).await),
                "everyone" => drop(home.does(&db, strategy(&made, Strategy::Everyone)).await),
                "archive" => {
                    home.does(&db, Archive { task: made.id }).await;
                    home.does(&db, Restore { task: made.id }).await;
                }
                "pause" => drop(home.does(&db, endless).await),
                "resume" => {
                    home.does(&db, endless).await;
                    home.does(&db, Resume { task: made.id, on: Some(day(1).into()) }).await;
                    home.current(&db, &made).await;
                }
                _ => {
                    home.does(&db, Update { schedule: Some(To::Nothing), ..Update::of(made.id) }).await;
                }
            }
            let undone = home.does(&db, Undo { occurrence: first.id }).await;
            assert_eq!(home.open(&db, &made).await, std::slice::from_ref(&undone), "{what}");
            assert_eq!((undone.number, undone.assignee_id), (1, Some(ada)), "{what}");
            home.does(&db, done(first.id)).await;
            if ["archive", "resume"].contains(&what) {
                assert_eq!(home.current(&db, &made).await.assignee_id, Some(bob), "{what}");
            }
        }
        // What follows is closed.
        let made = home.does(&db, dishes(Strategy::RoundRobin, &home.members)).await;
        let first = home.current(&db, &made).await;
        home.done(&db, &made).await;
        home.done(&db, &made).await;
        home.does(&db, strategy(&made, Strategy::LeastDone)).await;
        let late = perform(&db, home.users[0], home.id, Undo { occurrence: first.id }).await;
        assert_eq!(refusal(late), RefusalCode::Superseded);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_to_a_chore_that_everybody_does_begins_with_what_waits_to_be_agreed_on() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, cleo] = home.members;
        let create = Create { requires_approval: true, ..dishes(Strategy::Everyone, &[ada, bob]) };
        let made = home.does(&db, create).await;
        let open = home.open(&db, &made).await;
        for own in &open {
            home.does(&db, Complete { done_by: own.share(), ..done(own.id) }).await;
        }
        let roster = Update { roster: Some(vec![ada, bob, cleo]), ..Update::of(made.id) };
        home.does(&db, roster).await;
        assert_eq!(lines(&home.open(&db, &made).await), [(1, Some(cleo))]);
        for own in &open {
            let approve = Approve { occurrence: own.id, note: None };
            perform(&db, home.users[2], home.id, approve).await.unwrap();
        }
        let mut expected = vec![(2, Some(ada)), (2, Some(bob)), (1, Some(cleo))];
        expected.sort_by_key(|(_, member)| member.map(|member| *member.bytes()));
        assert_eq!(lines(&home.open(&db, &made).await), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_roster_or_strategy_gives_what_is_open_to_others() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, cleo] = home.members;
        let made = home.does(&db, dishes(Strategy::RoundRobin, &[ada, bob])).await;
        home.done(&db, &made).await;
        let sharing = |roster: &[MemberId]| Update { roster: Some(roster.to_vec()), ..Update::of(made.id) };
        assert_eq!(lines(&home.open(&db, &made).await), [(2, Some(bob))]);
        // Ada had her turn in this round.
        let changed = home.does(&db, sharing(&[ada, cleo])).await;
        assert_eq!((changed.roster().unwrap(), changed.version), (vec![ada, cleo], 2));
        assert_eq!(lines(&home.open(&db, &made).await), [(2, Some(cleo))]);
        home.does(&db, sharing(&[cleo, bob, ada])).await;
        assert_eq!(lines(&home.open(&db, &made).await), [(2, Some(cleo))]);
        let mut turns = Vec::new();
        for _ in 0..4 {
            turns.push(home.done(&db, &made).await.assignee_id.unwrap());
        }
        assert_eq!(turns, [bob, cleo, bob, ada]);

        let strategy = |strategy| Update { strategy: Some(strategy), ..Update::of(made.id) };
        home.does(&db, strategy(Strategy::Fixed)).await;
        assert_eq!(lines(&home.open(&db, &made).await), [(6, Some(cleo))]);
        let one = home.current(&db, &made).await;
        home.does(&db, strategy(Strategy::Everyone)).await;
        let open = home.open(&db, &made).await;
        let mut everybody: Vec<_> = home.members.iter().map(|member| (6, Some(*member))).collect();
        everybody.sort_by_key(|(_, member)| member.map(|member| *member.bytes()));
        assert_eq!(lines(&open), everybody);
        assert!(open.iter().all(|own| own.share() == own.assignee_id && own.due_on == one.due_on));

        // Bob is one ahead; then he is not of it, then he is again, and then it is one for all.
        let own = open.iter().find(|own| own.share() == Some(bob)).unwrap();
        home.does(&db, Complete { occurrence: own.id, done_by: Some(bob), at: None, note: None }).await;
        home.does(&db, sharing(&[cleo, ada])).await;
        assert_eq!(home.open(&db, &made).await.iter().filter(|own| own.share() == Some(bob)).count(), 0);
        home.does(&db, sharing(&[cleo, ada, bob])).await;
        let open = home.open(&db, &made).await;
        let own: Vec<_> = open.iter().filter(|own| own.share() == Some(bob)).map(|own| own.number).collect();
        assert_eq!((own, open.len()), (vec![7], 3));
        home.does(&db, strategy(Strategy::Anyone)).await;
        let free = home.current(&db, &made).await;
        assert_eq!((free.number, free.assignee_id, free.share(), free.due_on), (7, None, None, one.due_on));
        let numbers: Vec<_> = home.all(&db, &made).await.iter().map(|occurrence| occurrence.number).collect();
        assert_eq!(numbers.iter().filter(|number| **number <= 6).count(), 6, "history stays");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_claimed_something_keeps_it_as_long_as_they_share_the_chore() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, cleo] = home.members;
        let made = home.does(&db, dishes(Strategy::Anyone, &home.members)).await;
        let open = home.current(&db, &made).await;
        perform(&db, home.users[1], home.id, task::Claim { occurrence: open.id }).await.unwrap();
        let sharing = |roster: &[MemberId]| Update { roster: Some(roster.to_vec()), ..Update::of(made.id) };
        home.does(&db, sharing(&[bob, ada])).await;
        assert_eq!(home.current(&db, &made).await.assignee_id, Some(bob));
        home.does(&db, sharing(&[cleo, ada])).await;
        assert_eq!(home.current(&db, &made).await.assignee_id, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chore_is_put_away_and_comes_back_with_what_is_due_next() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, _] = home.members;
        let long_ago = Create {
            start_on: Some(Date::from(day(0) - Days::new(30))),
            ..dishes(Strategy::RoundRobin, &home.members)
        };
        let made = home.does(&db, long_ago).await;
        let first = home.current(&db, &made).await;
        home.done(&db, &made).await;
        let from = log(&db, home.id).await.len();
        let archived = home.does(&db, Archive { task: made.id }).await;
        assert!(archived.archived_at.is_some());
        assert_eq!(home.does(&db, Archive { task: made.id }).await, archived);
        assert_eq!(home.told(&db, from, made.id).await, [Kind::TaskArchived]);
        assert_eq!(home.open(&db, &made).await, []);
        for refused in [
            perform(&db, home.users[0], home.id, Update { weight: Some(1), ..Update::of(made.id) }).await,
            perform(&db, home.users[0], home.id, pause(&made, 0, 1)).await,
            perform(&db, home.users[0], home.id, Resume { task: made.id, on: None }).await,
        ] {
            assert_eq!(refusal(refused), RefusalCode::Gone);
        }
        perform(&db, home.users[2], home.id, Leave { transfer_to: None }).await.unwrap();
        let restored = home.does(&db, Restore { task: made.id }).await;
        assert_eq!((restored.archived_at, restored.roster().unwrap()), (None, vec![ada, bob]));
        assert_eq!(home.does(&db, Restore { task: made.id }).await, restored);
        let open = home.current(&db, &made).await;
        assert_eq!((open.number, due_on(&open), open.assignee_id), (2, day(0), Some(bob)));
        let undone = home.does(&db, Undo { occurrence: first.id }).await;
        assert_eq!(home.open(&db, &made).await, [undone], "what followed it is another by now, but open");

        // One that is due once and was not done is due today; one that was done is not due again.
        let once = Create {
            rule: None,
            start_on: Some(Date::from(day(0) - Days::new(3))),
            ..dishes(Strategy::Fixed, &[ada])
        };
        let once = home.does(&db, once).await;
        let lone =
            home.does(&db, Create { start_on: None, rule: None, ..dishes(Strategy::Fixed, &[ada]) }).await;
        for task in [&once, &lone] {
            home.does(&db, Archive { task: task.id }).await;
            home.does(&db, Restore { task: task.id }).await;
        }
        let due = home.current(&db, &once).await;
        assert_eq!((due.number, due_on(&due)), (1, day(0)));
        assert_eq!(home.current(&db, &lone).await.due_on, None);
        for task in [&once, &lone] {
            let occurrence = home.current(&db, task).await.id;
            home.does(&db, Skip { occurrence, reason: "moved out".into() }).await;
            home.does(&db, Archive { task: task.id }).await;
            home.does(&db, Restore { task: task.id }).await;
            assert_eq!(home.open(&db, task).await, []);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_chore_is_due_after_its_pause_and_at_once_when_resumed() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let weekly = Create { rule: Some("FREQ=WEEKLY".into()), ..dishes(Strategy::Fixed, &home.members) };
        let made = home.does(&db, weekly).await;
        let first = home.current(&db, &made).await;
        let paused = home.does(&db, pause(&made, 6, 15)).await;
        assert_eq!(home.current(&db, &made).await, first, "it is due before");
        let second = home.done(&db, &made).await;
        assert_eq!((second.number, due_on(&second)), (2, day(21)), "two dates are passed over");
        assert_eq!(home.does(&db, pause(&made, 7, 8)).await, home.task(&db, &made).await);
        assert_eq!(home.task(&db, &made).await.version, paused.version, "it is paused then already");

        home.does(&db, pause(&made, 15, 21)).await;
        assert_eq!(due_on(&home.current(&db, &made).await), day(28), "what is open is put off");
        let ranges: Vec<_> =
            home.task(&db, &made).await.paused.iter().map(|pause| (pause.first(), pause.last())).collect();
        assert_eq!(ranges, [(day(6), day(21))]);
        let resume = |days| Resume { task: made.id, on: Some(day(days).into()) };
        home.does(&db, resume(14)).await;
        let back = home.current(&db, &made).await;
        assert_eq!((back.id, due_on(&back)), (second.id, day(14)), "it is back on its date");
        let same = home.does(&db, resume(14)).await;
        assert_eq!(same, home.task(&db, &made).await);
        home.does(&db, resume(6)).await;
        assert_eq!(due_on(&home.current(&db, &made).await), day(7));
        assert_eq!(home.task(&db, &made).await.paused.iter().count(), 0);

        // Without an end nothing stays open; then it goes on.
        let from = log(&db, home.id).await.len();
        let endless = home.does(&db, Pause { task: made.id, from: None, until: None }).await;
        assert_eq!(endless.paused.iter().map(DateRange::last).collect::<Vec<_>>(), [LAST_DAY]);
        assert_eq!(home.open(&db, &made).await, []);
        assert_eq!(home.told(&db, from, second.id).await, [Kind::OccurrenceCancelled]);
        home.does(&db, Resume { task: made.id, on: None }).await;
        let again = home.current(&db, &made).await;
        assert_eq!((again.number, due_on(&again)), (2, day(7)));
        let backwards = perform(&db, home.users[0], home.id, pause(&made, 3, 2)).await;
        assert_eq!(refusal(backwards), RefusalCode::Invalid);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_calendar_does_not_rule_is_due_the_day_after_a_pause() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let filter = Create {
            rule: Some("FREQ=WEEKLY".into()),
            mode: Mode::AfterCompletion,
            ..dishes(Strategy::Fixed, &home.members)
        };
        let filter = home.does(&db, filter).await;
        let once = home.does(&db, Create { rule: None, ..dishes(Strategy::Fixed, &home.members) }).await;
        for task in [&filter, &once] {
            home.does(&db, pause(task, 0, 9)).await;
            // They only touch, so that each can be ended alone.
            home.does(&db, pause(task, 10, 12)).await;
            assert_eq!(due_on(&home.current(&db, task).await), day(13));
            home.does(&db, Resume { task: task.id, on: Some(day(10).into()) }).await;
            assert_eq!(due_on(&home.current(&db, task).await), day(10));
            home.does(&db, Resume { task: task.id, on: None }).await;
            assert_eq!(due_on(&home.current(&db, task).await), day(0));
            home.does(&db, pause(task, 5, 9)).await;
        }
        assert_eq!(due_on(&home.done(&db, &filter).await), day(10));
        let occurrence = home.current(&db, &once).await.id;
        home.does(&db, Complete { occurrence, done_by: None, at: None, note: None }).await;
        assert_eq!(home.open(&db, &once).await, []);
        home.does(&db, Resume { task: once.id, on: Some(day(5).into()) }).await;
        assert_eq!(home.open(&db, &once).await, [], "what was done is not due again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_before_its_start_is_put_off_by_a_pause_and_not_until_that_start() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let filter = Create {
            start_on: Some(day(30).into()),
            rule: Some("FREQ=DAILY;INTERVAL=3".into()),
            mode: Mode::AfterCompletion,
            ..dishes(Strategy::Fixed, &home.members)
        };
        let filter = home.does(&db, filter).await;
        assert_eq!(due_on(&home.done(&db, &filter).await), day(3));
        home.does(&db, pause(&filter, 2, 4)).await;
        assert_eq!(due_on(&home.current(&db, &filter).await), day(5));
        home.does(&db, Resume { task: filter.id, on: Some(day(2).into()) }).await;
        assert_eq!(due_on(&home.current(&db, &filter).await), day(3));

        // A new start is one that nothing was done by yet.
        let later = When {
            rule: Some("FREQ=DAILY;INTERVAL=3".into()),
            mode: Mode::AfterCompletion,
            ..daily(day(20))
        };
        home.does(&db, on(later, &filter)).await;
        home.does(&db, pause(&filter, 19, 21)).await;
        assert_eq!(due_on(&home.current(&db, &filter).await), day(22));
        home.does(&db, Resume { task: filter.id, on: Some(day(19).into()) }).await;
        assert_eq!(due_on(&home.current(&db, &filter).await), day(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_not_too_many_pauses() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let made = home.does(&db, dishes(Strategy::Fixed, &home.members)).await;
        for number in 0..100 {
            home.does(&db, pause(&made, 2 * number, 2 * number)).await;
        }
        let one_more = perform(&db, home.users[0], home.id, pause(&made, 300, 300)).await;
        assert_eq!(refusal(one_more), RefusalCode::Limit);
        assert_eq!(due_on(&home.current(&db, &made).await), day(1));
        home.does(&db, pause(&made, 0, 300)).await;
        assert_eq!(due_on(&home.current(&db, &made).await), day(301));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_that_moves_takes_its_open_chores_along() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let evening = WallTime::new("18:30:00".parse().unwrap()).unwrap();
        let own = Create { due_time: Some(evening), ..dishes(Strategy::Everyone, &home.members) };
        let own = home.does(&db, own).await;
        let rolls =
            Create { missed_policy: MissedPolicy::RollToNext, ..dishes(Strategy::Fixed, &home.members) };
        let rolls = home.does(&db, rolls).await;
        let fixed = Create { time_zone: Some("Asia/Tokyo".into()), ..dishes(Strategy::Fixed, &home.members) };
        let fixed = home.does(&db, fixed).await;
        let lone = Create { start_on: None, rule: None, ..dishes(Strategy::Fixed, &home.members) };
        let lone = home.does(&db, lone).await;
        let drawer = home.does(&db, dishes(Strategy::Fixed, &home.members)).await;
        let drawer = home.does(&db, Archive { task: drawer.id }).await;
        home.done(&db, &rolls).await;
        let still =
            async || (home.all(&db, &fixed).await, home.all(&db, &lone).await, home.task(&db, &fixed).await);
        let (before, closed) = (still().await, home.all(&db, &rolls).await.remove(0));
        let from = log(&db, home.id).await.len();

        let move_away =
            || household::Update { time_zone: Some("America/New_York".into()), ..Default::default() };
        home.does(&db, move_away()).await;
        let there = chrono_tz::America::New_York;
        for task in [&own, &rolls, &lone, &drawer] {
            let chore = home.task(&db, task).await;
            assert_eq!((chore.time_zone.as_str(), chore.version), ("America/New_York", task.version + 1));
        }
        let open = home.open(&db, &own).await;
        assert_eq!(open.len(), 3);
        for occurrence in &open {
            assert_eq!((occurrence.due_on, occurrence.version), (own.start_on, 2));
            assert_eq!(occurrence.due_at, due(day(0), Some(evening.naive()), there));
            assert_eq!(home.told(&db, from, occurrence.id).await, [Kind::OccurrenceRescheduled]);
        }
        let next = home.current(&db, &rolls).await;
        assert_eq!((due_on(&next), next.due_at), (day(1), due(day(1), None, there)));
        assert_eq!(home.all(&db, &rolls).await.iter().find(|other| other.id == closed.id), Some(&closed));
        assert_eq!(still().await, before);
        let count = log(&db, home.id).await.len();
        home.does(&db, move_away()).await;
        assert_eq!(log(&db, home.id).await.len(), count, "it lives there already");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_set_done_and_stays_whose_it_is() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let made = home.does(&db, dishes(Strategy::Fixed, &home.members)).await;
        let open = home.current(&db, &made).await;
        let set = |subtask, is_done| SetDone { occurrence: open.id, subtask, is_done };
        let ticked = perform(&db, home.users[1], home.id, set(1, true)).await.unwrap();
        assert_eq!((ticked.ticks[0].subtask, ticked.ticks[0].by), (1, home.members[1]));
        let again = perform(&db, home.users[2], home.id, set(1, true)).await.unwrap();
        assert_eq!(again, ticked, "who was first did it");
        let from = log(&db, home.id).await.len();
        let both = home.does(&db, set(2, true)).await;
        assert_eq!(both.ticks.iter().map(|tick| tick.subtask).collect::<Vec<_>>(), [1, 2]);
        let one = home.does(&db, set(1, false)).await;
        assert_eq!(home.does(&db, set(1, false)).await, one);
        assert_eq!(one.ticks.iter().map(|tick| tick.subtask).collect::<Vec<_>>(), [2]);
        assert_eq!(home.told(&db, from, open.id).await, [Kind::SubtaskChanged; 2]);
        let unknown = perform(&db, home.users[0], home.id, set(9, true)).await;
        assert_eq!(refusal(unknown), RefusalCode::InvalidReference);

        // A part that goes takes its tick along; one that stays keeps it.
        let parts = |titles: &[&str]| Update {
            subtasks: Some(titles.iter().map(|title| (*title).to_owned()).collect()),
            ..Update::of(made.id)
        };
        home.does(&db, parts(&["dry", "put away"])).await;
        let ticked = home.does(&db, set(3, true)).await;
        assert_eq!(ticked.ticks.iter().map(|tick| tick.subtask).collect::<Vec<_>>(), [2, 3]);
        let next = home.done(&db, &made).await;
        assert!(next.ticks.is_empty(), "each time anew");
        let closed = perform(&db, home.users[0], home.id, set(2, false)).await;
        assert!(matches!(closed, Err(Error::AlreadyClosed(id)) if id == open.id.into()), "{closed:?}");
        let history = home.all(&db, &made).await;
        let kept = history.iter().find(|closed| closed.status == Status::Done).unwrap();
        assert_eq!(kept.ticks.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chores_are_found_by_the_whole_label() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        for (title, labels) in [
            ("one", vec!["kitchen"]),
            ("two", vec!["evening", "kitchen"]),
            ("three", vec!["kitchen", "späti"]),
            ("four", vec!["a", "kitchen", "b\\"]),
            ("five", vec!["my \"kitchen\"", "Kitchen", "kitchen sink"]),
        ] {
            let labels = labels.into_iter().map(str::to_owned).collect();
            home.does(&db, Create { title: title.into(), labels, ..dishes(Strategy::Fixed, &[]) }).await;
        }
        let found = async |label: &str| {
            let reader = proof(&db, home.users[0], home.id).await.unwrap();
            let filter = list::Filter { label: Some(label.into()), ..list::Filter::default() };
            let window = page::Window { after: None, before: None, limit: 100, end: End::Oldest };
            let conn = &mut *db.connection().await.unwrap();
            let tasks = list::page(conn, &reader, filter, window).await.unwrap();
            tasks.into_iter().map(|task| task.title).collect::<Vec<_>>()
        };
        assert_eq!(found("kitchen").await, ["one", "two", "three", "four"]);
        assert_eq!(found("my \"kitchen\"").await, ["five"]);
        assert_eq!(
            (found("späti").await, found("b\\").await),
            (vec!["three".to_owned()], vec!["four".to_owned()])
        );
        assert!(found("kit").await.is_empty() && found("%").await.is_empty() && found("").await.is_empty());
    }
}
