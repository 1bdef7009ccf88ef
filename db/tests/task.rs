//! Stories about chores: who is to do them, how they are closed once, taken back, and passed on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod support;

use cast::chores::{Home, day, dishes, done, home_of_three};
use cast::{join, kinds, log, perform, person, proof, refusal};
use chrono::NaiveDate;
use roomm8_db::access::{Permission, Role};
use roomm8_db::event::Kind;
use roomm8_db::member::{Leave, Remove, Return};
use roomm8_db::message::End;
use roomm8_db::page;
use roomm8_db::task::list;
use roomm8_db::task::occurrence::{self, Assignee, Filter, Order, Window};
use roomm8_db::task::recurrence::{Mode, Overflow, local_date};
use roomm8_db::task::rotation::{Help, Strategy};
use roomm8_db::task::{
    self, Claim, Complete, Create, Occurrence, Reassign, Release, Skip, Status, Task, Undo,
};
use roomm8_db::{Database, Date, Error, MemberId, OccurrenceId, RefusalCode, Request, Result, Time};
use std::time::Duration;
use support::{Fresh, databases};

fn today() -> NaiveDate {
    day(0)
}

fn all() -> Window {
    Window { order: Order::Due, after: None, before: None, limit: 1000, end: End::Oldest }
}

impl Home {
    async fn history(&self, db: &Database, task: &Task) -> Vec<Occurrence> {
        self.all(db, task).await.into_iter().filter(|occurrence| !occurrence.is_open()).collect()
    }

    async fn task(&self, db: &Database, task: &Task) -> Task {
        let reader = proof(db, self.users[0], self.id).await.unwrap();
        task::find(&mut db.connection().await.unwrap(), &reader, task.id).await.unwrap()
    }

    /// Who is to do the next ones, if each does their own: their places among the members.
    async fn turns(&self, db: &Database, task: &Task, count: usize) -> Vec<usize> {
        let mut turns = Vec::new();
        for _ in 0..count {
            let open = self.open(db, task).await.remove(0);
            let place = self.members.iter().position(|member| Some(*member) == open.assignee_id).unwrap();
            turns.push(place);
            perform(db, self.users[place], self.id, done(open.id)).await.unwrap();
        }
        turns
    }
}

fn is_already_closed<T: std::fmt::Debug>(result: &Result<T>, id: OccurrenceId) -> bool {
    matches!(result, Err(Error::AlreadyClosed(subject)) if OccurrenceId::from(*subject) == id)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_close_one_at_once_a_hundred_times_make_one_history() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let (task, mut open) = home.make(&db, dishes(Strategy::RoundRobin, &home.members)).await;
        for number in 1..=100 {
            assert_eq!((open.number, open.status), (number, Status::Open));
            let (one, other) = tokio::join!(
                perform(&db, home.users[1], home.id, done(open.id)),
                perform(&db, home.users[2], home.id, done(open.id)),
            );
            let (winner, won, lost) = match (one, other) {
                (Ok(won), lost) => (home.members[1], won, lost),
                (lost, Ok(won)) => (home.members[2], won, lost),
                neither => panic!("somebody closes it: {neither:?}"),
            };
            assert!(is_already_closed(&lost, open.id), "{lost:?}");
            assert_eq!((won.done_by, won.closed_by), (Some(winner), Some(winner)));
            let mut following = home.open(&db, &task).await;
            assert_eq!(following.len(), 1, "one successor");
            open = following.remove(0);
        }
        let history = home.history(&db, &task).await;
        let numbers: Vec<_> = history.iter().map(|occurrence| occurrence.number).collect();
        assert_eq!(numbers, (1..=100).collect::<Vec<_>>(), "one line of history each");
        let credits = history.iter().filter(|done| done.status == Status::Done && done.done_by.is_some());
        assert_eq!(credits.count(), 100);
        let closed = kinds(&db, home.id).await.into_iter().filter(|kind| *kind == Kind::OccurrenceClosed);
        assert_eq!(closed.count(), 100);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_of_the_same_intent_closes_nothing_more() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let (task, first) = home.make(&db, dishes(Strategy::RoundRobin, &home.members)).await;
        let request = Request { user: home.users[1], household: home.id, client_mutation_id: Some("tick") };
        let once = db.perform(request, &done(first.id)).await.unwrap();
        let again = db.perform(request, &done(first.id)).await.unwrap();
        assert!(!once.is_repeat && again.is_repeat);
        assert_eq!(once.subject, again.subject);
        assert_eq!(home.history(&db, &task).await, [once.subject]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_of_dishes_goes_round_by_turns_of_a_week() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let create = Create { turn_length: 7, ..dishes(Strategy::RoundRobin, &home.members) };
        let (task, first) = home.make(&db, create).await;
        assert_eq!(task.rule.as_deref(), Some("FREQ=DAILY"));
        assert_eq!(first.due_on, Some(Date::from(today())));
        let expected: Vec<_> = (0..31).map(|day| day / 7 % 3).collect();
        assert_eq!(home.turns(&db, &task, 31).await, expected);
        let dates: Vec<_> =
            home.history(&db, &task).await.iter().map(|done| done.due_on.unwrap().naive()).collect();
        assert_eq!(dates, today().iter_days().take(31).collect::<Vec<_>>(), "each day once");
        assert_eq!(home.task(&db, &task).await.version, 1, "a turn that passes on is no change of the chore");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_least_is_next_and_a_helper_has_the_credit() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let (task, first) = home.make(&db, dishes(Strategy::LeastDone, &home.members)).await;
        assert_eq!(first.assignee_id, Some(home.members[0]));
        let helped = Complete { done_by: Some(home.members[2]), ..done(first.id) };
        let helped = perform(&db, home.users[1], home.id, helped).await.unwrap();
        assert_eq!(
            (helped.assignee_id, helped.done_by, helped.closed_by),
            (Some(home.members[0]), Some(home.members[2]), Some(home.members[1]))
        );
        assert_eq!(home.turns(&db, &task, 3).await, [0, 1, 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_restores_exactly_what_was() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        for strategy in Strategy::ALL {
            let create =
                Create { turn_length: 2, help: Help::SwapsOrder, ..dishes(*strategy, &home.members) };
            let (task, first) = home.make(&db, create).await;
            perform(&db, home.users[0], home.id, done(first.id)).await.unwrap();
            for closes in ["done", "helped", "skipped"] {
                let task_before = home.task(&db, &task).await;
                let before = home.open(&db, &task).await;
                let id = before[0].id;
                match closes {
                    "done" => perform(&db, home.users[0], home.id, done(id)).await.unwrap(),
                    "helped" => perform(&db, home.users[2], home.id, done(id)).await.unwrap(),
                    _ => {
                        let skip = Skip { occurrence: id, reason: "nobody was hungry".into() };
                        perform(&db, home.users[0], home.id, skip).await.unwrap()
                    }
                };
                let undone = perform(&db, home.users[0], home.id, Undo { occurrence: id }).await.unwrap();
                assert_eq!(undone.version, before[0].version + 2);
                let mut after = home.open(&db, &task).await;
                for (after, before) in after.iter_mut().zip(&before) {
                    after.version = before.version;
                }
                assert_eq!(after, before, "{strategy:?} {closes}");
                let mut task_after = home.task(&db, &task).await;
                assert!(task_after.version >= task_before.version);
                task_after.version = task_before.version;
                assert_eq!(task_after, task_before, "{strategy:?} {closes}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_last_closing_is_taken_back_by_who_did_it_or_who_may() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, cleo] = home.users;
        let (task, first) = home.make(&db, dishes(Strategy::RoundRobin, &home.members)).await;
        perform(&db, bob, home.id, done(first.id)).await.unwrap();
        let undo = || Undo { occurrence: first.id };
        let stranger = perform(&db, cleo, home.id, undo()).await;
        assert!(matches!(stranger, Err(Error::Forbidden(Permission::UndoTasks))), "{stranger:?}");

        let second = home.open(&db, &task).await.remove(0);
        perform(&db, bob, home.id, done(second.id)).await.unwrap();
        assert_eq!(refusal(perform(&db, ada, home.id, undo()).await), RefusalCode::Superseded);
        perform(&db, bob, home.id, Undo { occurrence: second.id }).await.unwrap();

        make_old(&db).await;
        assert_eq!(refusal(perform(&db, bob, home.id, undo()).await), RefusalCode::UndoWindowClosed);
        assert!(perform(&db, ada, home.id, undo()).await.unwrap().is_open());
        let again = perform(&db, bob, home.id, undo()).await.unwrap();
        assert!(again.is_open(), "what is open stays so");
        let open = home.open(&db, &task).await;
        assert_eq!(open.iter().map(|open| open.id).collect::<Vec<_>>(), [first.id]);
        assert_eq!(home.turns(&db, &task, 4).await, [0, 1, 2, 0]);
    }
}

/// Makes everything that was closed have been closed twenty minutes earlier.
async fn make_old(db: &Fresh) {
    db.tell("UPDATE occurrences SET closed_at = closed_at - 1200000000").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_has_a_line_of_their_own_where_everybody_is_to_do_it() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let (task, _) = home.make(&db, dishes(Strategy::Everyone, &home.members)).await;
        let lines = |open: &[Occurrence]| {
            let line = |member: &MemberId| {
                let own: Vec<_> =
                    open.iter().filter(|occurrence| occurrence.assignee_id == Some(*member)).collect();
                assert!(own.iter().all(|occurrence| occurrence.share() == Some(*member)));
                own.iter().map(|occurrence| occurrence.number).collect::<Vec<_>>()
            };
            home.members.iter().map(line).collect::<Vec<_>>()
        };
        assert_eq!(lines(&home.open(&db, &task).await), [[1], [1], [1]]);
        for _ in 0..2 {
            let open = home.open(&db, &task).await;
            let own = open.iter().find(|open| open.assignee_id == Some(home.members[1])).unwrap();
            perform(&db, home.users[1], home.id, done(own.id)).await.unwrap();
        }
        let open = home.open(&db, &task).await;
        assert_eq!(lines(&open), [[1], [3], [1]]);
        let give = Reassign { occurrence: open[0].id, to: Some(home.members[1]), expected_version: None };
        assert_eq!(refusal(perform(&db, home.users[0], home.id, give).await), RefusalCode::Invalid);

        let leave = Leave { transfer_to: None };
        perform(&db, home.users[1], home.id, leave).await.unwrap();
        assert_eq!(lines(&home.open(&db, &task).await), [vec![1], vec![], vec![1]]);
        assert_eq!(home.history(&db, &task).await.len(), 2, "what was done stays done");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_claim_wins_and_can_be_given_back() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, cleo] = home.users;
        let (task, open) = home.make(&db, dishes(Strategy::Anyone, &home.members[..2])).await;
        assert_eq!(open.assignee_id, None);
        let claim = || Claim { occurrence: open.id };
        let release = || Release { occurrence: open.id };
        assert_eq!(refusal(perform(&db, cleo, home.id, claim()).await), RefusalCode::Invalid);
        let (one, other) =
            tokio::join!(perform(&db, ada, home.id, claim()), perform(&db, bob, home.id, claim()));
        let (winner, loser) = if one.is_ok() { (0, 1) } else { (1, 0) };
        let lost = if one.is_ok() { other } else { one };
        assert!(matches!(lost, Err(Error::Conflict(id)) if id == open.id.into()), "{lost:?}");
        let claimed = home.open(&db, &task).await;
        assert_eq!(claimed[0].assignee_id, Some(home.members[winner]));

        let users = [ada, bob];
        assert_eq!(refusal(perform(&db, users[loser], home.id, release()).await), RefusalCode::Invalid);
        let released = perform(&db, users[winner], home.id, release()).await.unwrap();
        assert_eq!(released.assignee_id, None);
        perform(&db, users[loser], home.id, claim()).await.unwrap();
        perform(&db, users[loser], home.id, done(open.id)).await.unwrap();
        assert!(is_already_closed(&perform(&db, users[winner], home.id, claim()).await, open.id));
        assert_eq!(home.open(&db, &task).await[0].assignee_id, None, "the next is anybody's again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_occurrence_that_is_given_away_moves_nobodys_turn() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let (task, open) = home.make(&db, dishes(Strategy::RoundRobin, &home.members)).await;
        let give = |to| Reassign { occurrence: open.id, to, expected_version: Some(1) };
        let given = perform(&db, home.users[1], home.id, give(Some(home.members[2]))).await.unwrap();
        assert_eq!((given.assignee_id, given.version), (Some(home.members[2]), 2));
        let stale = perform(&db, home.users[1], home.id, give(None)).await;
        assert!(matches!(stale, Err(Error::Conflict(_))), "{stale:?}");
        assert_eq!(home.turns(&db, &task, 4).await, [2, 1, 2, 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_off_every_roster_and_has_nothing_left_to_do() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, cleo] = home.users;
        let [ada_there, bob_there, cleo_there] = home.members;
        let (turns, first) = home.make(&db, dishes(Strategy::RoundRobin, &home.members)).await;
        perform(&db, ada, home.id, done(first.id)).await.unwrap();
        let (claimed, open) = home.make(&db, dishes(Strategy::Anyone, &home.members)).await;
        perform(&db, bob, home.id, Claim { occurrence: open.id }).await.unwrap();
        let (alone, _) = home.make(&db, dishes(Strategy::Fixed, &[bob_there])).await;
        let (others, untouched) = home.make(&db, dishes(Strategy::Fixed, &[cleo_there])).await;

        let remove = Remove { member: bob_there, may_return: Return::Allowed };
        perform(&db, ada, home.id, remove).await.unwrap();
        assert_eq!(home.open(&db, &turns).await[0].assignee_id, Some(cleo_there));
        assert_eq!(home.task(&db, &turns).await.roster().unwrap(), [ada_there, cleo_there]);
        assert_eq!(home.task(&db, &turns).await.version, 2);
        assert_eq!(home.open(&db, &claimed).await[0].assignee_id, None);
        let open = home.open(&db, &alone).await;
        assert_eq!(open[0].assignee_id, None, "nobody else shares it");
        assert_eq!(home.task(&db, &alone).await.roster().unwrap(), []);
        assert_eq!(home.open(&db, &others).await, [untouched]);

        let events = log(&db, home.id).await;
        let removed = events.iter().position(|event| event.kind == Kind::MemberRemoved).unwrap();
        let after = |kind| events[removed..].iter().filter(|event| event.kind == kind).count();
        assert_eq!((after(Kind::OccurrenceAssigned), after(Kind::TaskUpdated)), (3, 3));

        perform(&db, cleo, home.id, Claim { occurrence: open[0].id }).await.unwrap();
        let mut turn = home.open(&db, &turns).await.remove(0);
        for expected in [ada_there, cleo_there, ada_there] {
            perform(&db, ada, home.id, done(turn.id)).await.unwrap();
            turn = home.open(&db, &turns).await.remove(0);
            assert_eq!(turn.assignee_id, Some(expected));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_after_its_assignee_left_is_somebody_elses() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let (task, first) = home.make(&db, dishes(Strategy::RoundRobin, &home.members[1..])).await;
        assert_eq!(first.assignee_id, Some(home.members[1]));
        perform(&db, home.users[0], home.id, done(first.id)).await.unwrap();
        perform(&db, home.users[1], home.id, Leave { transfer_to: None }).await.unwrap();
        let undone = perform(&db, home.users[0], home.id, Undo { occurrence: first.id }).await.unwrap();
        assert_eq!((undone.assignee_id, undone.holder_id), (Some(home.members[2]), Some(home.members[2])));
        assert_eq!(home.open(&db, &task).await, [undone]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_changes_nothing() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, _] = home.users;
        let guest = person(&db, "Gus").await;
        let guest_there = join(&db, ada, home.id, Role::Guest, guest).await;
        let (task, first) = home.make(&db, dishes(Strategy::Fixed, &home.members)).await;
        let before = log(&db, home.id).await;

        let make = || dishes(Strategy::Fixed, &home.members);
        let bad = [
            (Create { title: " ".into(), ..make() }, RefusalCode::TooShort),
            (Create { title: "x".repeat(201), ..make() }, RefusalCode::TooLong),
            (Create { notes: Some("x".repeat(4001)), ..make() }, RefusalCode::TooLong),
            (Create { weight: -1, ..make() }, RefusalCode::Invalid),
            (Create { weight: 1441, ..make() }, RefusalCode::Invalid),
            (Create { turn_length: 0, ..make() }, RefusalCode::Invalid),
            (Create { turn_length: 1001, ..make() }, RefusalCode::Invalid),
            (Create { rule: Some("FREQ=SOMETIMES".into()), ..make() }, RefusalCode::Invalid),
            (
                Create {
                    rule: Some("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30".into()),
                    overflow: Overflow::Skip,
                    ..make()
                },
                RefusalCode::Invalid,
            ),
            (Create { time_zone: Some("Mars/Olympus".into()), ..make() }, RefusalCode::Invalid),
            (Create { start_on: Some(Date::from(NaiveDate::MIN)), ..make() }, RefusalCode::Invalid),
            (Create { roster: vec![MemberId::new()], ..make() }, RefusalCode::InvalidReference),
            (Create { roster: vec![guest_there], ..make() }, RefusalCode::InvalidReference),
            (Create { roster: vec![home.members[0]; 2], ..make() }, RefusalCode::Invalid),
            (Create { roster: (0..101).map(|_| MemberId::new()).collect(), ..make() }, RefusalCode::Limit),
        ];
        for (create, expected) in bad {
            let shown = format!("{create:?}");
            assert_eq!(refusal(perform(&db, bob, home.id, create).await), expected, "{shown}");
        }
        let now = Time::now();
        let bad = [
            (
                Complete { at: Some(now.after(Duration::from_mins(1))), ..done(first.id) },
                RefusalCode::Invalid,
            ),
            (
                Complete { at: Some(now.before(Duration::from_hours(48))), ..done(first.id) },
                RefusalCode::Invalid,
            ),
            (Complete { at: Some(Time::from_micros(i64::MIN)), ..done(first.id) }, RefusalCode::Invalid),
            (Complete { note: Some("x".repeat(1001)), ..done(first.id) }, RefusalCode::TooLong),
            (Complete { done_by: Some(guest_there), ..done(first.id) }, RefusalCode::InvalidReference),
            (Complete { done_by: Some(MemberId::new()), ..done(first.id) }, RefusalCode::InvalidReference),
        ];
        for (complete, expected) in bad {
            assert_eq!(refusal(perform(&db, bob, home.id, complete).await), expected);
        }
        let skip = Skip { occurrence: first.id, reason: String::new() };
        assert_eq!(refusal(perform(&db, bob, home.id, skip).await), RefusalCode::TooShort);
        let give = Reassign { occurrence: first.id, to: Some(guest_there), expected_version: None };
        assert_eq!(refusal(perform(&db, bob, home.id, give).await), RefusalCode::InvalidReference);
        let nothing = perform(&db, bob, home.id, done(OccurrenceId::new())).await;
        assert!(matches!(nothing, Err(Error::NotFound)));

        let forbidden = perform(&db, guest, home.id, done(first.id)).await;
        assert!(matches!(forbidden, Err(Error::Forbidden(Permission::DoTasks))));
        let forbidden = perform(&db, guest, home.id, make()).await;
        assert!(matches!(forbidden, Err(Error::Forbidden(Permission::ManageTasks))));
        let elsewhere = person(&db, "Eve").await;
        let other_home = cast::home(&db, elsewhere).await;
        assert!(matches!(perform(&db, elsewhere, other_home, done(first.id)).await, Err(Error::NotFound)));

        assert_eq!(log(&db, home.id).await, before);
        assert_eq!(home.open(&db, &task).await, [first]);
        let reader = proof(&db, ada, home.id).await.unwrap();
        let window = page::Window { after: None, before: None, limit: 10, end: End::Oldest };
        let conn = &mut *db.connection().await.unwrap();
        assert_eq!(list::page(conn, &reader, list::Filter::default(), window).await.unwrap().len(), 1);
        let stranger = proof(&db, elsewhere, other_home).await.unwrap();
        assert!(matches!(task::find(conn, &stranger, task.id).await, Err(Error::NotFound)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_may_have_been_done_earlier_but_not_before_the_time_before() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let create = Create {
            start_on: Some(Date::from(today() - chrono::Days::new(30))),
            rule: Some("FREQ=DAILY;INTERVAL=10".into()),
            mode: Mode::AfterCompletion,
            ..dishes(Strategy::Fixed, &home.members)
        };
        let (task, first) = home.make(&db, create).await;
        let ago = |days: u64| Time::now().before(Duration::from_hours(24 * days));
        let complete = |id, at| Complete { at: Some(at), ..done(id) };
        let at = ago(5);
        let closed = perform(&db, home.users[1], home.id, complete(first.id, at)).await.unwrap();
        assert_eq!(closed.done_at, Some(at));
        let second = home.open(&db, &task).await.remove(0);
        let berlin = chrono_tz::Europe::Berlin;
        assert_eq!(second.due_on.unwrap().naive(), local_date(at, berlin) + chrono::Days::new(10));
        let too_early = complete(second.id, ago(6));
        assert_eq!(refusal(perform(&db, home.users[1], home.id, too_early).await), RefusalCode::Invalid);
        perform(&db, home.users[1], home.id, complete(second.id, ago(1))).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chore_that_is_due_once_ends_when_it_is_done() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let create = Create { rule: None, ..dishes(Strategy::Fixed, &home.members) };
        let (task, only) = home.make(&db, create).await;
        assert_eq!(task.rule, None);
        perform(&db, home.users[0], home.id, done(only.id)).await.unwrap();
        assert_eq!(home.open(&db, &task).await, []);
        make_old(&db).await;
        perform(&db, home.users[0], home.id, Undo { occurrence: only.id }).await.unwrap();
        assert_eq!(home.open(&db, &task).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_show_what_is_mine_open_overdue_or_between_dates_once_and_in_order() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        for back in [3, 0, 2, 2, 5] {
            let start_on = Some(Date::from(today() - chrono::Days::new(back)));
            let create = Create { start_on, ..dishes(Strategy::RoundRobin, &home.members) };
            home.make(&db, create).await;
        }
        let of = |member| Filter { assignee: Assignee::Is(member), ..Filter::default() };
        assert_eq!(home.occurrences(&db, of(home.members[0])).await.len(), 5);
        assert_eq!(home.occurrences(&db, of(home.members[1])).await, []);
        let nobodys = || Filter { assignee: Assignee::Nobody, ..Filter::default() };
        let now = Time::now();
        let overdue =
            || Filter { statuses: Some(vec![Status::Open]), due_before: Some(now), ..Filter::default() };
        assert_eq!(home.occurrences(&db, overdue()).await.len(), 4);
        let day = |back| today() - chrono::Days::new(back);
        let between = Filter { from: Some(day(3)), to: Some(day(2)), ..Filter::default() };
        let listed = home.occurrences(&db, between).await;
        let dates: Vec<_> = listed.iter().map(|listed| listed.due_on.unwrap().naive()).collect();
        assert_eq!(dates, [day(3), day(2), day(2)]);

        let everything = home.occurrences(&db, Filter::default()).await;
        let reader = proof(&db, home.users[0], home.id).await.unwrap();
        let conn = &mut *db.connection().await.unwrap();
        let place = |occurrence: &Occurrence| occurrence.place(Order::Due).unwrap();
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        loop {
            let window = Window { after: forward.last().map(place), limit: 2, ..all() };
            let page = occurrence::page(conn, &reader, &Filter::default(), window).await.unwrap();
            if page.is_empty() {
                break;
            }
            forward.extend(page);
        }
        loop {
            let window = Window { before: backward.first().map(place), limit: 2, end: End::Newest, ..all() };
            let page = occurrence::page(conn, &reader, &Filter::default(), window).await.unwrap();
            if page.is_empty() {
                break;
            }
            backward.splice(0..0, page);
        }
        assert_eq!(forward, everything);
        assert_eq!(backward, everything);

        // The pages of several chores are those of each.
        let mut tasks: Vec<_> = everything.iter().map(|occurrence| occurrence.task_id).collect();
        tasks.dedup();
        perform(&db, home.users[0], home.id, done(everything[0].id)).await.unwrap();
        for (order, end) in [Order::Due, Order::Closed].into_iter().zip([End::Oldest, End::Newest]) {
            for filter in [Filter::default(), of(home.members[0]), of(home.members[1]), nobodys(), overdue()]
            {
                let window = Window { order, end, limit: 1, ..all() };
                let pages = occurrence::pages(conn, &tasks, &filter, window).await.unwrap();
                for task in &tasks {
                    let filter = Filter { task: Some(*task), ..filter.clone() };
                    let page = occurrence::page(conn, &reader, &filter, window).await.unwrap();
                    assert_eq!(pages.get(task).cloned().unwrap_or_default(), page);
                }
            }
        }
    }
}
