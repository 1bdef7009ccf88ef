//! Stories about who is there: members who go away and come back, how fair it was, who leaves, and what is left of a
//! household in the end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod pantry;
mod support;

use cast::chores::{Home, day, dishes, done, home_of_three};
use cast::{invite, join, kinds, log, perform, proof, refusal, ticket};
use chrono::Days;
use pantry::line;
use roomm8_db::access::{Permission, Role};
use roomm8_db::event::Kind;
use roomm8_db::grocery::{AddMany, category, staple, store, trip};
use roomm8_db::household::{Archive, Restore};
use roomm8_db::member::leave_preview::{self, Preview};
use roomm8_db::member::{ChangeRole, EndAway, Leave, OpenChores, Remove, Return, SetAway, absence};
use roomm8_db::task::fairness::{DAY_LIMIT, of_household};
use roomm8_db::task::occurrence::Filter;
use roomm8_db::task::reminder::Reminders;
use roomm8_db::task::rotation::{Load, Strategy, WHOLE};
use roomm8_db::task::swap::{Accept, Propose};
use roomm8_db::task::{Claim, Create, Pause, Reassign, Task, Undo, Update};
use roomm8_db::{Database, Date, Error, MemberId, RefusalCode, announcement, message};
use support::databases;

#[expect(clippy::unnecessary_wraps, reason = "as occurrences have their dates")]
fn on(ahead: u64) -> Option<Date> {
    Some(day(ahead).into())
}

fn away(first: u64, last: u64, open_chores: OpenChores) -> SetAway {
    SetAway { member: None, first_on: day(first).into(), last_on: day(last).into(), open_chores }
}

fn back(ahead: u64) -> EndAway {
    EndAway { member: None, on: day(ahead).into() }
}

impl Home {
    /// The occurrence that is now open of the chore, whose it is told by their place among the members.
    async fn now(&self, db: &Database, task: &Task) -> (Option<usize>, Option<Date>) {
        let open = self.open(db, task).await.remove(0);
        (self.place(open.assignee_id), open.due_on)
    }

    fn place(&self, member: Option<MemberId>) -> Option<usize> {
        self.members.iter().position(|other| Some(*other) == member)
    }

    /// Who is to do the next ones, if each does their own.
    async fn turns(&self, db: &Database, task: &Task, count: usize) -> Vec<usize> {
        let mut turns = Vec::new();
        for _ in 0..count {
            let open = self.open(db, task).await.remove(0);
            let place = self.place(open.assignee_id).unwrap();
            turns.push(place);
            perform(db, self.users[place], self.id, done(open.id)).await.unwrap();
        }
        turns
    }

    /// When a member is away, told in days from today.
    async fn absences(&self, db: &Database, place: usize) -> Vec<(i64, i64)> {
        let conn = &mut *db.connection().await.unwrap();
        let found = absence::known(conn, &[self.members[place]]).await.unwrap();
        let ahead = |date: Date| date.naive().signed_duration_since(day(0)).num_days();
        found.into_iter().map(|absence| (ahead(absence.first_on), ahead(absence.last_on))).collect()
    }

    async fn preview(&self, db: &Database, viewer: usize, whose: usize) -> roomm8_db::Result<Preview> {
        let viewer = proof(db, self.users[viewer], self.id).await.unwrap();
        leave_preview::preview(&mut *db.connection().await?, &viewer, self.members[whose]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_away_gets_no_turn_by_any_strategy() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        perform(&db, home.users[0], home.id, away(0, 9, OpenChores::Keep)).await.unwrap();
        for strategy in [Strategy::Fixed, Strategy::RoundRobin, Strategy::LeastDone, Strategy::Random] {
            let (task, _) = home.make(&db, dishes(strategy, &home.members)).await;
            let turns = home.turns(&db, &task, 10).await;
            assert!(!turns.contains(&0), "{strategy:?}: {turns:?}");
        }
        let (alone, _) = home.make(&db, dishes(Strategy::Fixed, &home.members[..1])).await;
        assert_eq!(home.now(&db, &alone).await, (None, on(0)));
        let late = Create { start_on: on(10), ..dishes(Strategy::Fixed, &home.members) };
        let (late, _) = home.make(&db, late).await;
        assert_eq!(home.now(&db, &late).await, (Some(0), on(10)), "they are back then");
        // Each has their own: theirs waits for them.
        let (each, _) = home.make(&db, dishes(Strategy::Everyone, &home.members)).await;
        let open = home.open(&db, &each).await;
        let own: Vec<_> =
            open.iter().map(|own| (home.place(own.share()), own.planned_on, own.due_on)).collect();
        assert_eq!(own[2], (Some(0), on(0), on(10)));
        assert!(own[..2].iter().all(|(_, planned, due)| (*planned, *due) == (on(0), on(0))), "{own:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_passed_on_comes_back_with_who_comes_back_early() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let (task, _) = home.make(&db, dishes(Strategy::RoundRobin, &home.members)).await;
        let (given, other) = home.make(&db, dishes(Strategy::RoundRobin, &home.members)).await;
        let (claimed, claim) = home.make(&db, dishes(Strategy::Anyone, &[])).await;
        perform(&db, home.users[0], home.id, Claim { occurrence: claim.id }).await.unwrap();
        let later = Create { start_on: on(5), ..dishes(Strategy::Fixed, &home.members) };
        let (later, _) = home.make(&db, later).await;
        let before = log(&db, home.id).await.len();

        let ada = perform(&db, home.users[0], home.id, away(0, 3, OpenChores::PassOn)).await.unwrap();
        assert_eq!(home.now(&db, &task).await, (Some(1), on(0)));
        assert_eq!(home.now(&db, &claimed).await, (None, on(0)));
        assert_eq!(home.now(&db, &later).await, (Some(0), on(5)), "it is due when they are back");
        let told: Vec<_> = log(&db, home.id).await.split_off(before);
        let told: Vec<_> = told.iter().map(|event| (event.kind, event.fields.as_str())).collect();
        let assigned = (Kind::OccurrenceAssigned, "assignee");
        assert_eq!(told, [assigned, assigned, assigned, (Kind::AbsenceChanged, "absences")]);
        assert_eq!((ada.id, home.absences(&db, 0).await), (home.members[0], vec![(0, 3)]));

        let reassign = Reassign { occurrence: other.id, to: Some(home.members[2]), expected_version: None };
        perform(&db, home.users[0], home.id, reassign).await.unwrap();
        perform(&db, home.users[0], home.id, back(0)).await.unwrap();
        assert_eq!(home.absences(&db, 0).await, []);
        assert_eq!(home.now(&db, &given).await, (Some(2), on(0)), "what was given away since stays so");
        assert_eq!(home.now(&db, &claimed).await, (Some(0), on(0)));
        assert_eq!(home.turns(&db, &task, 4).await, [0, 1, 2, 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postponed_chore_is_due_after_the_return_and_the_rule_counts_on_as_planned() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let create =
            Create { rule: Some("freq=daily;interval=3".into()), ..dishes(Strategy::Fixed, &home.members) };
        let (task, first) = home.make(&db, create).await;
        perform(&db, home.users[0], home.id, away(0, 4, OpenChores::Postpone)).await.unwrap();
        let postponed = home.open(&db, &task).await.remove(0);
        assert_eq!((postponed.due_on, postponed.planned_on), (on(5), on(0)));
        assert_eq!(postponed.assignee_id, first.assignee_id);
        assert!(kinds(&db, home.id).await.contains(&Kind::OccurrenceRescheduled));

        // What overlaps is one with it; what touches is not.
        perform(&db, home.users[0], home.id, away(3, 7, OpenChores::Postpone)).await.unwrap();
        perform(&db, home.users[0], home.id, away(8, 8, OpenChores::Keep)).await.unwrap();
        assert_eq!(home.absences(&db, 0).await, [(0, 7), (8, 8)]);
        assert_eq!(home.now(&db, &task).await, (Some(0), on(8)));
        perform(&db, home.users[0], home.id, back(2)).await.unwrap();
        assert_eq!(home.absences(&db, 0).await, [(0, 1), (8, 8)]);
        assert_eq!(home.now(&db, &task).await, (Some(0), on(2)));
        perform(&db, home.users[0], home.id, back(0)).await.unwrap();
        perform(&db, home.users[0], home.id, back(8)).await.unwrap();
        assert_eq!(home.absences(&db, 0).await, []);
        let restored = home.open(&db, &task).await.remove(0);
        assert_eq!((restored.due_on, restored.due_at), (first.due_on, first.due_at));
        perform(&db, home.users[0], home.id, done(restored.id)).await.unwrap();
        assert_eq!(home.now(&db, &task).await, (Some(0), on(3)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_put_off_twice_comes_back_to_its_day_in_whatever_order_the_absences_end() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        for (ends, between) in [([1, 4], 2), ([4, 1], 4)] {
            let create = Create { start_on: on(2), ..dishes(Strategy::Fixed, &home.members) };
            let (task, _) = home.make(&db, create).await;
            for (first, last, due) in [(1, 3, 4), (4, 6, 7)] {
                perform(&db, home.users[0], home.id, away(first, last, OpenChores::Postpone)).await.unwrap();
                assert_eq!(home.now(&db, &task).await, (Some(0), on(due)));
            }
            for (end, due) in ends.into_iter().zip([between, 2]) {
                perform(&db, home.users[0], home.id, back(end)).await.unwrap();
                assert_eq!(home.now(&db, &task).await, (Some(0), on(due)), "{ends:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_traded_or_given_comes_back_to_who_had_it() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, _] = home.users;
        for strategy in [Strategy::Fixed, Strategy::RoundRobin, Strategy::LeastDone] {
            let (offered, adas) = home.make(&db, dishes(strategy, &home.members)).await;
            let turned = [home.members[1], home.members[0]];
            let (wanted, bobs) = home.make(&db, dishes(strategy, &turned)).await;
            let swap = Propose { offered: adas.id, wanted: bobs.id };
            let swap = perform(&db, ada, home.id, swap).await.unwrap();
            perform(&db, bob, home.id, Accept { swap: swap.id }).await.unwrap();
            let (given, other) = home.make(&db, dishes(strategy, &home.members)).await;
            let give = Reassign { occurrence: other.id, to: Some(home.members[1]), expected_version: None };
            perform(&db, ada, home.id, give).await.unwrap();

            perform(&db, bob, home.id, away(0, 3, OpenChores::PassOn)).await.unwrap();
            for task in [&offered, &wanted, &given] {
                assert_eq!(home.now(&db, task).await.0, Some(0), "{strategy:?}");
            }
            perform(&db, bob, home.id, back(0)).await.unwrap();
            for (task, whose) in [(&offered, 1), (&wanted, 0), (&given, 1)] {
                assert_eq!(home.now(&db, task).await.0, Some(whose), "{strategy:?}");
            }
        }
        // What one only had as the other was away goes to whose turn it is.
        let (task, _) = home.make(&db, dishes(Strategy::RoundRobin, &home.members)).await;
        for place in [0, 1] {
            perform(&db, home.users[place], home.id, away(0, 3, OpenChores::PassOn)).await.unwrap();
        }
        for place in [0, 1] {
            assert_eq!(home.now(&db, &task).await.0, Some(2));
            perform(&db, home.users[place], home.id, back(0)).await.unwrap();
        }
        assert_eq!(home.now(&db, &task).await.0, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_overdue_when_an_absence_begins_is_moved_then() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let yesterday = Some(Date::from(day(0) - Days::new(1)));
        for (choice, begun, ended) in [
            (OpenChores::Keep, (Some(0), yesterday), (Some(0), yesterday)),
            (OpenChores::PassOn, (Some(1), yesterday), (Some(0), yesterday)),
            (OpenChores::Postpone, (Some(0), on(3)), (Some(0), on(0))),
        ] {
            let create = Create { start_on: yesterday, ..dishes(Strategy::RoundRobin, &home.members) };
            let (task, _) = home.make(&db, create).await;
            perform(&db, home.users[0], home.id, away(1, 3, choice)).await.unwrap();
            absence::begin_due(&db, 100).await.unwrap();
            assert_eq!(home.now(&db, &task).await, (Some(0), yesterday), "{choice:?}: they are still there");
            db.tell("UPDATE absences SET first_on = first_on - 1, last_on = last_on - 1").await;
            let (one, other) = tokio::join!(absence::begin_due(&db, 100), absence::begin_due(&db, 100));
            one.and(other).unwrap();
            assert_eq!(home.now(&db, &task).await, begun, "{choice:?}");
            // What they are given since is not passed on again.
            let given = home.open(&db, &task).await.remove(0);
            let give = |to| Reassign { occurrence: given.id, to, expected_version: None };
            perform(&db, home.users[0], home.id, give(Some(home.members[0]))).await.unwrap();
            let before = log(&db, home.id).await.len();
            absence::begin_due(&db, 100).await.unwrap();
            assert_eq!(log(&db, home.id).await.len(), before, "{choice:?}");
            perform(&db, home.users[0], home.id, give(given.assignee_id)).await.unwrap();
            perform(&db, home.users[0], home.id, back(0)).await.unwrap();
            assert_eq!(home.now(&db, &task).await, ended, "{choice:?}");
            perform(&db, home.users[0], home.id, roomm8_db::task::Archive { task: task.id }).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_does_anothers_own_and_a_line_goes_on_after_the_return() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let (task, _) = home.make(&db, dishes(Strategy::Everyone, &home.members)).await;
        let own = async |place: usize| {
            let open = home.open(&db, &task).await;
            let own: Vec<_> = open.into_iter().filter(|own| home.place(own.share()) == Some(place)).collect();
            assert_eq!(own.len(), 1, "each has one");
            own[0].clone()
        };
        perform(&db, home.users[0], home.id, away(0, 1, OpenChores::PassOn)).await.unwrap();
        perform(&db, home.users[1], home.id, away(1, 3, OpenChores::Keep)).await.unwrap();
        assert_eq!((own(0).await.due_on, own(1).await.due_on, own(2).await.due_on), (on(2), on(0), on(0)));
        perform(&db, home.users[1], home.id, done(own(1).await.id)).await.unwrap();
        assert_eq!((own(1).await.planned_on, own(1).await.due_on), (on(1), on(4)));
        perform(&db, home.users[1], home.id, back(1)).await.unwrap();
        assert_eq!((own(1).await.planned_on, own(1).await.due_on), (on(1), on(1)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planned_anew_into_an_absence_waits_or_is_anothers() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        perform(&db, home.users[0], home.id, away(2, 4, OpenChores::Keep)).await.unwrap();
        let (task, _) = home.make(&db, dishes(Strategy::Fixed, &home.members)).await;
        let (own, _) = home.make(&db, dishes(Strategy::Everyone, &home.members)).await;
        let pause = |task: &Task, last| Pause { task: task.id, from: on(0), until: on(last) };
        for task in [&task, &own] {
            perform(&db, home.users[0], home.id, pause(task, 1)).await.unwrap();
        }
        assert_eq!(home.now(&db, &task).await, (Some(1), on(2)));
        let lines = home.open(&db, &own).await;
        let due: Vec<_> = lines.iter().map(|line| (home.place(line.share()), line.due_on)).collect();
        assert_eq!(due, [(Some(1), on(2)), (Some(2), on(2)), (Some(0), on(5))]);
        perform(&db, home.users[0], home.id, pause(&task, 4)).await.unwrap();
        assert_eq!(home.now(&db, &task).await, (Some(1), on(5)), "what was given to another stays theirs");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_changes_nothing() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, _] = home.users;
        perform(&db, bob, home.id, away(2, 4, OpenChores::Keep)).await.unwrap();
        let before = log(&db, home.id).await;
        let yesterday = SetAway { first_on: (day(0) - Days::new(1)).into(), ..away(0, 2, OpenChores::Keep) };
        assert_eq!(refusal(perform(&db, bob, home.id, yesterday).await), RefusalCode::Invalid);
        for (first, last) in [(3, 2), (0, 1200)] {
            let wrong = perform(&db, bob, home.id, away(first, last, OpenChores::Keep)).await;
            assert_eq!(refusal(wrong), RefusalCode::Invalid);
        }
        for ahead in [0, 1, 5] {
            assert_eq!(refusal(perform(&db, bob, home.id, back(ahead)).await), RefusalCode::Invalid);
        }
        let of = |member| SetAway { member: Some(member), ..away(0, 2, OpenChores::Keep) };
        let forbidden = perform(&db, bob, home.id, of(home.members[0])).await;
        assert!(matches!(forbidden, Err(Error::Forbidden(Permission::ManageMembers))), "{forbidden:?}");
        let nobody = perform(&db, ada, home.id, of(MemberId::new())).await;
        assert_eq!(refusal(nobody), RefusalCode::InvalidReference);
        perform(&db, bob, home.id, away(2, 4, OpenChores::Keep)).await.unwrap();
        assert_eq!(log(&db, home.id).await, before, "the same again is no news");
        perform(&db, ada, home.id, SetAway { member: Some(home.members[1]), ..away(6, 6, OpenChores::Keep) })
            .await
            .unwrap();
        assert_eq!(home.absences(&db, 1).await, [(2, 4), (6, 6)]);
        for number in 0..98 {
            let ahead = 10 + 2 * number;
            perform(&db, bob, home.id, away(ahead, ahead, OpenChores::Keep)).await.unwrap();
        }
        let one_more = perform(&db, bob, home.id, away(300, 300, OpenChores::Keep)).await;
        assert_eq!(refusal(one_more), RefusalCode::Limit);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_lets_go_of_everything_at_once_and_a_preview_says_so() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, _] = home.users;
        let (task, _) =
            home.make(&db, dishes(Strategy::RoundRobin, &[home.members[1], home.members[2]])).await;
        let (claimed, claim) = home.make(&db, dishes(Strategy::Anyone, &[])).await;
        perform(&db, bob, home.id, Claim { occurrence: claim.id }).await.unwrap();
        invite(&db, bob, home.id, ticket(Role::Member)).await;
        perform(&db, bob, home.id, away(5, 9, OpenChores::Keep)).await.unwrap();

        let seen = home.preview(&db, 0, 1).await.unwrap();
        assert_eq!(seen, home.preview(&db, 1, 1).await.unwrap());
        assert_eq!(seen.occurrences.len(), 2);
        assert_eq!((seen.open_count, seen.task_count, seen.invitation_count), (2, 1, 1));
        assert_eq!(seen.tasks.iter().map(|task| task.id).collect::<Vec<_>>(), [task.id]);
        assert_eq!((seen.must_transfer_ownership, seen.archives_household), (false, false));
        assert!(home.preview(&db, 0, 0).await.unwrap().must_transfer_ownership);
        let forbidden = home.preview(&db, 1, 2).await;
        assert!(matches!(forbidden, Err(Error::Forbidden(Permission::ManageMembers))), "{forbidden:?}");

        let before = log(&db, home.id).await.len();
        perform(&db, bob, home.id, Leave { transfer_to: None }).await.unwrap();
        let told = log(&db, home.id).await.split_off(before);
        assert!(told.iter().all(|event| event.occurred_at == told[0].occurred_at), "it is one change");
        let told: Vec<_> = told.into_iter().map(|event| event.kind).collect();
        let assigned = [Kind::OccurrenceAssigned; 2];
        let expected = [
            Kind::MemberLeft,
            Kind::InvitationRevoked,
            assigned[0],
            Kind::TaskUpdated,
            assigned[1],
            Kind::MessageSent,
        ];
        assert_eq!(told, expected);
        assert_eq!(home.absences(&db, 1).await, []);
        assert_eq!(home.now(&db, &task).await.0, Some(2));
        assert_eq!(home.now(&db, &claimed).await.0, None);
        assert!(matches!(home.preview(&db, 0, 1).await, Err(Error::NotFound)));

        // A guest does no chores.
        let demote = ChangeRole { member: home.members[2], role: Role::Guest, expected_version: None };
        perform(&db, ada, home.id, demote).await.unwrap();
        assert_eq!(home.now(&db, &task).await.0, None);
        let conn = &mut *db.connection().await.unwrap();
        let reader = proof(&db, ada, home.id).await.unwrap();
        let task = roomm8_db::task::find(conn, &reader, task.id).await.unwrap();
        assert_eq!(task.roster().unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_how_fair_it_was() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, cleo] = home.users;
        let (task, first) = home.make(&db, dishes(Strategy::Fixed, &home.members)).await;
        perform(&db, bob, home.id, done(first.id)).await.unwrap();
        for status in ["MISSED", "PENDING", "SKIPPED", "DONE"] {
            let open = home.open(&db, &task).await.remove(0);
            perform(&db, ada, home.id, done(open.id)).await.unwrap();
            db.tell(&format!("UPDATE occurrences SET status = '{status}' WHERE number = {}", open.number))
                .await;
        }
        perform(&db, cleo, home.id, away(0, 9, OpenChores::Keep)).await.unwrap();
        let reader = proof(&db, ada, home.id).await.unwrap();
        let conn = &mut *db.connection().await.unwrap();
        let parts = of_household(conn, &reader, day(0), day(9)).await.unwrap();
        let one = Load { occurrences: 1, weight: 15 };
        let none = Load::default();
        let told: Vec<_> =
            parts.iter().map(|part| (part.member, part.done, part.missed, part.presence_days)).collect();
        let [a, b, c] = home.members;
        assert_eq!(told, [(a, one, one, 10), (b, one, none, 10), (c, none, none, 0)]);
        assert_eq!(parts[0].assigned, Load { occurrences: 3, weight: 45 });
        let shares: Vec<_> = parts.iter().map(|part| (part.share, part.expected_share)).collect();
        assert_eq!(shares, [(WHOLE / 2, WHOLE / 2), (WHOLE / 2, WHOLE / 2), (0, 0)]);

        // A new weight is that of what is open, and not of what is closed, unless that is opened again.
        perform(&db, ada, home.id, Update { weight: Some(40), ..Update::of(task.id) }).await.unwrap();
        let weights = async || -> Vec<i32> {
            let all = home.occurrences(&db, Filter::default()).await;
            all.iter().map(|occurrence| occurrence.weight).collect()
        };
        assert_eq!(weights().await, [15, 15, 15, 15, 15, 40]);
        assert_eq!(of_household(conn, &reader, day(0), day(9)).await.unwrap(), parts);

        let days = u64::from(DAY_LIMIT);
        for (from, to) in [(1, 0), (0, days)] {
            let refused = of_household(conn, &reader, day(from), day(to)).await;
            assert_eq!(refusal(refused), RefusalCode::Invalid);
        }
        of_household(conn, &reader, day(0), day(days - 1)).await.unwrap();

        // Who is gone did what they did; who did nothing and was not there is not asked about.
        let remove = |member| Remove { member, may_return: Return::Allowed };
        perform(&db, ada, home.id, remove(b)).await.unwrap();
        perform(&db, ada, home.id, remove(c)).await.unwrap();
        let parts = of_household(conn, &reader, day(0), day(9)).await.unwrap();
        let told: Vec<_> = parts.iter().map(|part| (part.member, part.share, part.presence_days)).collect();
        assert_eq!(told, [(a, WHOLE / 2, 10), (b, WHOLE / 2, 0)]);
        join(&db, ada, home.id, Role::Member, cleo).await;
        let parts = of_household(conn, &reader, day(0), day(9)).await.unwrap();
        assert_eq!(parts.iter().map(|part| part.presence_days).sum::<u32>(), 20, "the same day there again");

        let all = home.occurrences(&db, Filter::default()).await;
        perform(&db, ada, home.id, Undo { occurrence: all[4].id }).await.unwrap();
        assert_eq!(weights().await, [15, 15, 15, 15, 40]);
    }
}

/// Everything there can be in a household.
async fn live_in(db: &Database, home: &Home) {
    let [ada, bob, _] = home.users;
    let create = |strategy, roster| Create {
        reminders: Reminders { offsets: vec![0], nag: None },
        ..dishes(strategy, roster)
    };
    let (_, first) = home.make(db, create(Strategy::RoundRobin, &home.members)).await;
    perform(db, ada, home.id, done(first.id)).await.unwrap();
    let (_, offered) = home.make(db, create(Strategy::RoundRobin, &home.members)).await;
    let (_, wanted) = home.make(db, create(Strategy::Fixed, &home.members[1..2])).await;
    perform(db, ada, home.id, Propose { offered: offered.id, wanted: wanted.id }).await.unwrap();
    perform(db, bob, home.id, away(0, 9, OpenChores::PassOn)).await.unwrap();
    shop_in(db, home).await;
    let post = announcement::Post {
        title: "The water is off".into(),
        body: None,
        importance: announcement::Importance::Normal,
        is_pinned: true,
        requires_ack: true,
        expires_at: None,
    };
    let announced = perform(db, ada, home.id, post).await.unwrap();
    perform(db, bob, home.id, announcement::Acknowledge { announcement: announced.id }).await.unwrap();
    let reader = proof(db, ada, home.id).await.unwrap();
    let general =
        roomm8_db::conversation::general(&mut db.connection().await.unwrap(), &reader).await.unwrap().id;
    let send = || message::Send {
        conversation: general,
        body: "@Bob, look".into(),
        reply_to: None,
        client_mutation_id: None,
    };
    // More than are deleted at once.
    for _ in 0..600 {
        perform(db, ada, home.id, send()).await.unwrap();
    }
}

/// All that shopping leaves behind.
async fn shop_in(db: &Database, home: &Home) {
    let (dairy, bread) = (home.category(db, "Dairy").await, home.category(db, "Bread").await);
    let (shop, list) = (home.store(db, "Corner").await, home.list(db, "Week").await);
    let milk = home.put(db, &list, line("Milk")).await;
    home.of_category(db, &milk, &dairy).await;
    let set = store::SetHome { store: shop.id, product: milk.product_id, category: Some(bread.id) };
    home.does(db, set).await.unwrap();
    let order = store::OrderSections { store: shop.id, categories: vec![bread.id, dairy.id] };
    home.does(db, order).await.unwrap();
    home.does(db, category::Remove { category: home.category(db, "Wine").await.id }).await.unwrap();
    let weekly = staple::Create {
        list: list.id,
        name: "Milk".into(),
        amounts: Vec::new(),
        start_on: day(0).into(),
        rule: "FREQ=WEEKLY".into(),
    };
    home.does(db, weekly).await.unwrap();
    // More than are deleted at once.
    for trip in 0..6 {
        let list = home.list(db, "Party").await;
        let lines = (0..100).map(|number| line(&format!("Thing {trip} {number}"))).collect();
        home.does(db, AddMany { list: list.id, lines }).await.unwrap();
        home.shop(db, &list, Some(&shop), &["Bread"]).await;
        let undone = home.shop(db, &list, None, &["Wine"]).await;
        home.does(db, trip::Undo { trip: undone.id }).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_household_that_nobody_restored_in_time() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let ada = home.users[0];
        live_in(&db, &home).await;
        let a_month = "UPDATE households SET archived_at = archived_at - 30 * 86400000000";
        // In time, it stays.
        perform(&db, ada, home.id, Archive).await.unwrap();
        db.tell(&format!("{a_month} + 60000000")).await;
        db.forget_what_is_old().await.unwrap();
        perform(&db, ada, home.id, Restore).await.unwrap();
        let before = log(&db, home.id).await.len();
        assert!(before > 600);
        assert_eq!(db.count("swaps").await, 1);
        for table in db.tables().await {
            assert!(!table.starts_with("grocery_") || db.count(&table).await > 0, "{table}");
        }
        let letters = |kind| format!("SELECT COUNT(*) FROM notifications WHERE kind = '{kind}'");
        let of_chores = letters("TASK_REMINDER");
        let of_announcements = letters("ANNOUNCEMENT");
        for letters in [&of_chores, &of_announcements] {
            assert!(db.number(letters).await > 0, "{letters}");
        }

        let other = cast::home(&db, ada).await;
        perform(&db, ada, home.id, Archive).await.unwrap();
        perform(&db, ada, other, Archive).await.unwrap();
        db.tell(&format!("{a_month} - 60000000")).await;
        perform(&db, ada, other, Restore).await.unwrap_err();
        db.forget_what_is_old().await.unwrap();
        let of_people = [
            "users",
            "sessions",
            "user_tokens",
            "throttles",
            "digests",
            "notifications",
            "inboxes",
            "idempotency_keys",
        ];
        let mut looked_into = 0;
        for table in db.tables().await {
            if of_people.contains(&&*table) || table.starts_with("__diesel") || table.starts_with("sqlite_") {
                continue;
            }
            assert_eq!(db.count(&table).await, 0, "{table}");
            looked_into += 1;
        }
        assert!(looked_into > 15, "{looked_into} tables");
        assert_eq!(db.count("users").await, 3);
        for letters in [&of_chores, &of_announcements] {
            assert_eq!(db.number(letters).await, 0, "nobody is told of what is gone: {letters}");
        }
        assert!(matches!(proof(&db, ada, home.id).await, Err(Error::NotFound)));
        db.forget_what_is_old().await.unwrap();
    }
}
