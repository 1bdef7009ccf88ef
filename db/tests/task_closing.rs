//! Stories about closing chores that is not done in one step: windows, approval, putting off, trades, and what is missed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod support;

use cast::chores::{Home, day, dishes, done, home_of_three};
use cast::{join, kinds, log, perform, person, proof, refusal};
use chrono::{Days, NaiveDate, NaiveTime};
use roomm8_db::access::{Permission, Role};
use roomm8_db::event::Kind;
use roomm8_db::member::{Leave, OpenChores, Remove, Return, SetAway};
use roomm8_db::message::End;
use roomm8_db::page;
use roomm8_db::task::recurrence::due;
use roomm8_db::task::rotation::Strategy;
use roomm8_db::task::swap::{self, OFFER_LIMIT, State, Swap};
use roomm8_db::task::{
    ACCUMULATED_LIMIT, Approve, Claim, Complete, Create, DueTime, MissedPolicy, Occurrence, Reassign, Reject,
    Reschedule, Skip, Status, Undo, act_on_missed,
};
use roomm8_db::{Database, Date, Error, OccurrenceId, RefusalCode, Result, WallTime, household, task};
use std::fmt::Debug;
use std::time::Duration;
use support::databases;

fn today() -> NaiveDate {
    day(0)
}

fn ago(days: u64) -> Date {
    (today() - Days::new(days)).into()
}

fn ahead(days: u64) -> Date {
    (today() + Days::new(days)).into()
}

fn approve(occurrence: OccurrenceId) -> Approve {
    Approve { occurrence, note: None }
}

fn put_off(occurrence: OccurrenceId, due_on: Date) -> Reschedule {
    Reschedule { occurrence, due_on, due_time: DueTime::Kept, expected_version: None }
}

impl Home {
    async fn offers(&self, db: &Database) -> Vec<Swap> {
        let reader = proof(db, self.users[0], self.id).await.unwrap();
        let window = page::Window { after: None, before: None, limit: 100, end: End::Oldest };
        swap::page(&mut db.connection().await.unwrap(), &reader, window).await.unwrap()
    }

    async fn offer(&self, db: &Database, id: &Swap) -> Swap {
        swap::known(&mut db.connection().await.unwrap(), &[(self.id, id.id)]).await.unwrap().remove(0)
    }

    async fn count(&self, db: &Database, kind: Kind) -> usize {
        kinds(db, self.id).await.into_iter().filter(|other| *other == kind).count()
    }
}

fn is_already_closed<T: Debug>(result: &Result<T>, id: OccurrenceId) -> bool {
    matches!(result, Err(Error::AlreadyClosed(subject)) if OccurrenceId::from(*subject) == id)
}

fn field<T: Debug>(result: Result<T>) -> &'static str {
    match result {
        Err(Error::Refused(refusal)) if refusal.code == RefusalCode::Invalid => refusal.field,
        other => panic!("should have been refused as invalid: {other:?}"),
    }
}

/// The same, but for how often it was changed.
fn as_of(mut occurrence: Occurrence, version: i32) -> Occurrence {
    occurrence.version = version;
    occurrence
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_a_window_is_done_in_it_and_skipped_any_time() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let windowed = Create {
            start_on: Some(ahead(10)),
            opens_before: Some(60),
            ..dishes(Strategy::Fixed, &home.members)
        };
        let (task, first) = home.make(&db, windowed).await;
        let early = perform(&db, home.users[0], home.id, done(first.id)).await;
        assert!(early.as_ref().unwrap_err().to_string().contains("T23:00:00"), "{early:?}");
        assert_eq!(field(early), "occurrenceId");
        let skip = Skip { occurrence: first.id, reason: "we are away".into() };
        perform(&db, home.users[0], home.id, skip).await.unwrap();
        assert_eq!(home.open(&db, &task).await[0].due_on, Some(ahead(11)));

        let windowed = Create {
            start_on: Some(ago(1)),
            opens_before: Some(60),
            ..dishes(Strategy::Fixed, &home.members)
        };
        let (_, first) = home.make(&db, windowed).await;
        let at = |minutes| Complete {
            at: Some(first.due_at.before(Duration::from_mins(minutes))),
            ..done(first.id)
        };
        assert_eq!(field(perform(&db, home.users[0], home.id, at(180)).await), "at");
        assert_eq!(perform(&db, home.users[0], home.id, at(30)).await.unwrap().status, Status::Done);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_approval_is_pending_until_somebody_else_has_looked() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, cleo] = home.users;
        let create = Create { requires_approval: true, ..dishes(Strategy::RoundRobin, &home.members) };
        let (task, first) = home.make(&db, create).await;
        assert_eq!(field(perform(&db, bob, home.id, approve(first.id)).await), "occurrenceId");

        // Bob says that Ada did it.
        let marked = Complete { done_by: Some(home.members[0]), note: Some("all".into()), ..done(first.id) };
        let pending = perform(&db, bob, home.id, marked).await.unwrap();
        assert_eq!(
            (pending.status, pending.done_by, pending.closed_by),
            (Status::Pending, Some(home.members[0]), Some(home.members[1]))
        );
        assert_eq!(home.all(&db, &task).await, std::slice::from_ref(&pending), "nothing follows yet");
        assert!(is_already_closed(&perform(&db, cleo, home.id, done(first.id)).await, first.id));
        let skip = Skip { occurrence: first.id, reason: "no".into() };
        assert!(is_already_closed(&perform(&db, cleo, home.id, skip).await, first.id));
        let claim = Claim { occurrence: first.id };
        assert!(is_already_closed(&perform(&db, cleo, home.id, claim).await, first.id));
        assert_eq!(field(perform(&db, ada, home.id, approve(first.id)).await), "occurrenceId");
        let reject = |note: &str| Reject { occurrence: first.id, note: note.into() };
        assert_eq!(field(perform(&db, ada, home.id, reject("me")).await), "occurrenceId");

        let rejected = perform(&db, cleo, home.id, reject("the pans")).await.unwrap();
        let mut expected = as_of(first.clone(), rejected.version);
        expected.reviewed_by = Some(home.members[2]);
        expected.reviewed_at = rejected.reviewed_at;
        expected.review_note = Some("the pans".into());
        assert_eq!(rejected, expected);

        // Taken back by who marked it, not by another; then once more, and agreed.
        perform(&db, bob, home.id, Complete { done_by: Some(home.members[0]), ..done(first.id) })
            .await
            .unwrap();
        let undo = || Undo { occurrence: first.id };
        let stranger = perform(&db, cleo, home.id, undo()).await;
        assert!(matches!(stranger, Err(Error::Forbidden(Permission::UndoTasks))), "{stranger:?}");
        let reopened = perform(&db, bob, home.id, undo()).await.unwrap();
        assert_eq!(as_of(reopened, rejected.version), rejected);
        let pending = perform(&db, ada, home.id, done(first.id)).await.unwrap();
        let agreed = Approve { occurrence: first.id, note: Some("shiny".into()) };
        let approved = perform(&db, cleo, home.id, agreed).await.unwrap();
        assert_eq!((approved.status, approved.done_at), (Status::Done, pending.done_at));
        assert_eq!(
            (approved.reviewed_by, approved.review_note.as_deref(), approved.closed_by),
            (Some(home.members[2]), Some("shiny"), Some(home.members[0]))
        );
        let second = home.open(&db, &task).await.remove(0);
        assert_eq!((second.number, second.assignee_id), (2, Some(home.members[1])));
        assert!(is_already_closed(&perform(&db, bob, home.id, approve(first.id)).await, first.id));

        // Who agreed may take that back, and it is as it was before anybody did anything.
        let undone = perform(&db, cleo, home.id, undo()).await.unwrap();
        assert_eq!(home.all(&db, &task).await, std::slice::from_ref(&undone));
        assert_eq!(as_of(undone, 1), first);
        let counted = [
            (Kind::OccurrenceSubmitted, 3),
            (Kind::OccurrenceRejected, 1),
            (Kind::OccurrenceClosed, 1),
            (Kind::OccurrenceReopened, 2),
        ];
        for (kind, count) in counted {
            assert_eq!(home.count(&db, kind).await, count, "{kind:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_with_something_pending_keeps_the_credit() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let create = Create { requires_approval: true, ..dishes(Strategy::RoundRobin, &home.members[1..]) };
        let (task, first) = home.make(&db, create).await;
        perform(&db, home.users[1], home.id, done(first.id)).await.unwrap();
        perform(&db, home.users[1], home.id, Leave { transfer_to: None }).await.unwrap();
        let approved = perform(&db, home.users[0], home.id, approve(first.id)).await.unwrap();
        assert_eq!((approved.status, approved.done_by), (Status::Done, Some(home.members[1])));
        assert_eq!(home.open(&db, &task).await[0].assignee_id, Some(home.members[2]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_off_loses_nobody_a_turn() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let guest = person(&db, "Gus").await;
        join(&db, home.users[0], home.id, Role::Guest, guest).await;
        let create = Create {
            rule: Some("FREQ=DAILY;INTERVAL=7".into()),
            missed_policy: MissedPolicy::RollToNext,
            ..dishes(Strategy::RoundRobin, &home.members)
        };
        let (task, first) = home.make(&db, create).await;
        let bob = home.users[1];
        let evening = WallTime::new(NaiveTime::from_hms_opt(20, 0, 0).unwrap()).unwrap();
        let later = Reschedule { due_time: DueTime::At(evening), ..put_off(first.id, ahead(10)) };
        let moved = perform(&db, bob, home.id, later).await.unwrap();
        assert_eq!((moved.planned_on, moved.due_on), (Some(today().into()), Some(ahead(10))));
        let at = due(ahead(10).naive(), Some(evening.naive()), chrono_tz::Europe::Berlin);
        assert_eq!((moved.due_at, moved.due_time, moved.version), (at, Some(evening), 2));
        let stale = Reschedule { expected_version: Some(1), ..put_off(first.id, ahead(3)) };
        assert!(matches!(perform(&db, bob, home.id, stale).await, Err(Error::Conflict(_))));
        let kept = perform(&db, bob, home.id, put_off(first.id, ahead(9))).await.unwrap();
        assert_eq!((kept.due_on, kept.due_time), (Some(ahead(9)), Some(evening)));
        for bad in [ago(1), ahead(365 * 5 + 3), Date::from(NaiveDate::MAX), Date::from(NaiveDate::MIN)] {
            assert_eq!(field(perform(&db, bob, home.id, put_off(first.id, bad)).await), "dueDate");
        }
        let guests = perform(&db, guest, home.id, put_off(first.id, ahead(1))).await;
        assert!(matches!(guests, Err(Error::Forbidden(_))), "{guests:?}");

        // The rule counts on from the date it was planned for; what is taken back is due when it was due then.
        perform(&db, home.users[0], home.id, done(first.id)).await.unwrap();
        let second = home.open(&db, &task).await.remove(0);
        assert_eq!((second.due_on, second.assignee_id), (Some(ahead(7)), Some(home.members[1])));
        let undone = perform(&db, home.users[0], home.id, Undo { occurrence: first.id }).await.unwrap();
        assert_eq!(as_of(undone, kept.version), kept);
        assert_eq!(home.count(&db, Kind::OccurrenceRescheduled).await, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_off_is_not_missed_before_it_is_due() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let create = Create {
            start_on: Some(ago(3)),
            missed_policy: MissedPolicy::RollToNext,
            ..dishes(Strategy::RoundRobin, &home.members)
        };
        let (task, first) = home.make(&db, create).await;
        let moved = perform(&db, home.users[0], home.id, put_off(first.id, ahead(2))).await.unwrap();
        act_on_missed(&db, 100).await.unwrap();
        assert_eq!(home.all(&db, &task).await, [moved]);

        let elsewhere =
            household::Update { time_zone: Some("America/New_York".into()), ..household::Update::default() };
        perform(&db, home.users[0], home.id, elsewhere).await.unwrap();
        act_on_missed(&db, 100).await.unwrap();
        assert_eq!(home.all(&db, &task).await.len(), 1, "not by another zone");
        for policy in [MissedPolicy::StayOverdue, MissedPolicy::Accumulate] {
            let other = task::Update { missed_policy: Some(policy), ..task::Update::of(task.id) };
            perform(&db, home.users[0], home.id, other).await.unwrap();
            act_on_missed(&db, 100).await.unwrap();
            assert_eq!(home.all(&db, &task).await.len(), 1, "nor by another policy");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trade_changes_hands_and_no_roster() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, cleo] = home.users;
        let [ada_there, bob_there, cleo_there] = home.members;
        let (one, adas) = home.make(&db, dishes(Strategy::RoundRobin, &home.members)).await;
        let turned = [bob_there, cleo_there, ada_there];
        let (_, bobs) = home.make(&db, dishes(Strategy::RoundRobin, &turned)).await;
        let propose = |offered: &Occurrence, wanted: &Occurrence| swap::Propose {
            offered: offered.id,
            wanted: wanted.id,
        };
        assert_eq!(field(perform(&db, cleo, home.id, propose(&adas, &bobs)).await), "occurrenceId");
        assert_eq!(field(perform(&db, ada, home.id, propose(&adas, &adas)).await), "forOccurrenceId");
        let nothing = swap::Propose { offered: adas.id, wanted: OccurrenceId::new() };
        assert_eq!(refusal(perform(&db, ada, home.id, nothing).await), RefusalCode::InvalidReference);
        let (_, own) = home.make(&db, dishes(Strategy::Everyone, &[bob_there])).await;
        assert_eq!(field(perform(&db, ada, home.id, propose(&adas, &own)).await), "forOccurrenceId");

        let offer = perform(&db, ada, home.id, propose(&adas, &bobs)).await.unwrap();
        assert_eq!(perform(&db, ada, home.id, propose(&adas, &bobs)).await.unwrap(), offer);
        let back = perform(&db, bob, home.id, propose(&bobs, &adas)).await.unwrap();
        assert_eq!(home.offers(&db).await, [offer.clone(), back.clone()]);
        let accept = || swap::Accept { swap: offer.id };
        assert_eq!(field(perform(&db, cleo, home.id, accept()).await), "swapId");
        let accepted = perform(&db, bob, home.id, accept()).await.unwrap();
        assert_eq!((accepted.state, accepted.version), (State::Accepted, 2));
        assert_eq!(home.offer(&db, &back).await.state, State::Void, "it was of what they had before");
        assert_eq!(home.offers(&db).await, []);
        let late = perform(&db, bob, home.id, accept()).await;
        assert!(matches!(late, Err(Error::Over(id)) if id == offer.id.into()), "{late:?}");

        let adas = home.open(&db, &one).await.remove(0);
        assert_eq!((adas.assignee_id, adas.holder_id), (Some(bob_there), Some(ada_there)));
        perform(&db, bob, home.id, done(adas.id)).await.unwrap();
        assert_eq!(home.open(&db, &one).await[0].assignee_id, Some(bob_there), "it was Ada's turn");
        let told = |kind| home.count(&db, kind);
        assert_eq!((told(Kind::SwapOffered).await, told(Kind::SwapClosed).await), (2, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_is_void_as_soon_as_either_is_not_what_was_offered() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, _] = home.users;
        for what in ["closed", "given", "left", "declined", "withdrawn", "put off"] {
            let (_, mine) = home.make(&db, dishes(Strategy::Fixed, &home.members[..1])).await;
            let (_, theirs) = home.make(&db, dishes(Strategy::Fixed, &home.members[1..])).await;
            let propose = swap::Propose { offered: mine.id, wanted: theirs.id };
            let offer = perform(&db, ada, home.id, propose).await.unwrap();
            let expected = match what {
                "closed" => {
                    perform(&db, bob, home.id, done(mine.id)).await.unwrap();
                    State::Void
                }
                "given" => {
                    let to = Some(home.members[2]);
                    let give = Reassign { occurrence: theirs.id, to, expected_version: None };
                    perform(&db, ada, home.id, give).await.unwrap();
                    State::Void
                }
                "declined" => {
                    perform(&db, bob, home.id, swap::Decline { swap: offer.id }).await.unwrap();
                    State::Declined
                }
                "withdrawn" => {
                    let refused = perform(&db, bob, home.id, swap::Withdraw { swap: offer.id }).await;
                    assert_eq!(field(refused), "swapId");
                    perform(&db, ada, home.id, swap::Withdraw { swap: offer.id }).await.unwrap();
                    State::Withdrawn
                }
                "put off" => {
                    perform(&db, ada, home.id, put_off(mine.id, ahead(1))).await.unwrap();
                    State::Open
                }
                _ => {
                    // Of another, who leaves.
                    let dora = person(&db, "Dora").await;
                    let dora_there = join(&db, ada, home.id, Role::Member, dora).await;
                    let (_, doras) = home.make(&db, dishes(Strategy::Fixed, &[dora_there])).await;
                    let propose = swap::Propose { offered: doras.id, wanted: theirs.id };
                    let hers = perform(&db, dora, home.id, propose).await.unwrap();
                    let remove = Remove { member: dora_there, may_return: Return::Allowed };
                    perform(&db, ada, home.id, remove).await.unwrap();
                    assert_eq!(home.offer(&db, &hers).await.state, State::Void);
                    State::Open
                }
            };
            let after = home.offer(&db, &offer).await;
            assert_eq!(
                (after.state, after.closed_at.is_some()),
                (expected, expected != State::Open),
                "{what}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_offers_are_open_at_once() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let (_, mine) = home.make(&db, dishes(Strategy::Fixed, &home.members[..1])).await;
        for number in 0..=OFFER_LIMIT {
            let (_, theirs) = home.make(&db, dishes(Strategy::Fixed, &home.members[1..])).await;
            let propose = swap::Propose { offered: mine.id, wanted: theirs.id };
            let proposed = perform(&db, home.users[0], home.id, propose).await;
            if number < OFFER_LIMIT {
                proposed.unwrap();
            } else {
                assert_eq!(refusal(proposed), RefusalCode::Limit);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rolls_over_is_missed_once_however_long_nobody_looked() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, _] = home.users;
        let create = Create {
            start_on: Some(ago(9)),
            missed_policy: MissedPolicy::RollToNext,
            ..dishes(Strategy::RoundRobin, &home.members)
        };
        let (task, first) = home.make(&db, create).await;
        // Two instances at once.
        let (one, other) = tokio::join!(act_on_missed(&db, 100), act_on_missed(&db, 100));
        one.and(other).unwrap();
        let all = home.all(&db, &task).await;
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].status, all[0].closed_by, all[0].done_by), (Status::Missed, None, None));
        assert_eq!((all[1].number, all[1].due_on), (2, Some(today().into())));
        assert_eq!(all[1].assignee_id, Some(home.members[1]), "the turn is used up all the same");
        let events = log(&db, home.id).await;
        let closed = events.iter().find(|event| event.kind == Kind::OccurrenceClosed).unwrap();
        assert_eq!(closed.actor_id, None);

        let forbidden = perform(&db, bob, home.id, Undo { occurrence: first.id }).await;
        assert!(matches!(forbidden, Err(Error::Forbidden(Permission::UndoTasks))), "{forbidden:?}");
        let undone = perform(&db, ada, home.id, Undo { occurrence: first.id }).await.unwrap();
        assert_eq!((undone.assignee_id, undone.holder_id), (first.assignee_id, first.holder_id));
        // What was said not to be missed is not missed again a moment later, nor when the household moves.
        act_on_missed(&db, 100).await.unwrap();
        assert_eq!(home.all(&db, &task).await, [undone]);
        let elsewhere =
            household::Update { time_zone: Some("Europe/London".into()), ..household::Update::default() };
        perform(&db, ada, home.id, elsewhere).await.unwrap();
        act_on_missed(&db, 100).await.unwrap();
        assert_eq!(home.all(&db, &task).await.len(), 1);
        perform(&db, ada, home.id, done(first.id)).await.unwrap();
        assert_eq!(home.open(&db, &task).await[0].assignee_id, Some(home.members[1]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_piles_up_stays_open_beside_the_next_and_is_closed_in_any_order() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let ada = home.users[0];
        let create = Create {
            start_on: Some(ago(3)),
            missed_policy: MissedPolicy::Accumulate,
            ..dishes(Strategy::RoundRobin, &home.members)
        };
        let (task, first) = home.make(&db, create).await;
        act_on_missed(&db, 100).await.unwrap();
        let piled = home.open(&db, &task).await;
        let [a, b, c] = home.members;
        let shown: Vec<_> =
            piled.iter().map(|open| (open.number, open.due_on.unwrap(), open.assignee_id.unwrap())).collect();
        assert_eq!(shown, [(1, ago(3), a), (2, ago(2), b), (3, ago(1), c), (4, ago(0), a)]);
        act_on_missed(&db, 100).await.unwrap();
        assert_eq!(home.open(&db, &task).await, piled, "there is nothing more to do");

        // The older ones open nothing more, and neither closing nor taking back moves a turn.
        for id in [piled[1].id, first.id] {
            perform(&db, ada, home.id, done(id)).await.unwrap();
            assert_eq!(home.open(&db, &task).await.last(), piled.last());
        }
        let undone = perform(&db, ada, home.id, Undo { occurrence: first.id }).await.unwrap();
        assert_eq!(as_of(undone, piled[0].version), piled[0]);
        perform(&db, ada, home.id, done(piled[3].id)).await.unwrap();
        let last = home.open(&db, &task).await.pop().unwrap();
        assert_eq!((last.number, last.due_on, last.assignee_id), (5, Some(ahead(1)), Some(b)));
        perform(&db, ada, home.id, Undo { occurrence: piled[3].id }).await.unwrap();
        assert_eq!(home.open(&db, &task).await.iter().map(|open| open.number).collect::<Vec<_>>(), [1, 3, 4]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_closed_before_others_piled_up_stays_closed() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let ada = home.users[0];
        let create = Create {
            start_on: Some(ago(3)),
            missed_policy: MissedPolicy::Accumulate,
            ..dishes(Strategy::Anyone, &home.members)
        };
        let (task, first) = home.make(&db, create).await;
        perform(&db, ada, home.id, done(first.id)).await.unwrap();
        db.tell("UPDATE occurrences SET acts_at = 0, planned_on = planned_on - 1 WHERE status = 'OPEN'")
            .await;
        act_on_missed(&db, 100).await.unwrap();
        assert_eq!(home.open(&db, &task).await.len(), 2);
        let undone = perform(&db, ada, home.id, Undo { occurrence: first.id }).await;
        assert_eq!(refusal(undone), RefusalCode::Superseded);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_pile_up_and_then_it_waits() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let limit = usize::try_from(ACCUMULATED_LIMIT).unwrap();
        let create = Create {
            start_on: Some(ago(400)),
            missed_policy: MissedPolicy::Accumulate,
            ..dishes(Strategy::Anyone, &[])
        };
        let (task, _) = home.make(&db, create).await;
        act_on_missed(&db, 100).await.unwrap();
        let piled = home.open(&db, &task).await;
        assert_eq!(piled.len(), limit);
        act_on_missed(&db, 100).await.unwrap();
        assert_eq!(home.open(&db, &task).await, piled);
        // On a later date it is looked at again. That it waits on is no event, so it is no new version either.
        db.tell("UPDATE occurrences SET acts_at = 0 WHERE status = 'OPEN' AND acts_at IS NOT NULL").await;
        act_on_missed(&db, 100).await.unwrap();
        let versions = |open: &[Occurrence]| open.iter().map(|open| open.version).collect::<Vec<_>>();
        assert_eq!(versions(&home.open(&db, &task).await), versions(&piled));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_who_closes_it_and_the_clock_one_wins() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        for _ in 0..10 {
            let create = Create {
                start_on: Some(ago(3)),
                missed_policy: MissedPolicy::RollToNext,
                ..dishes(Strategy::RoundRobin, &home.members)
            };
            let (task, first) = home.make(&db, create).await;
            let (closed, acted) =
                tokio::join!(perform(&db, home.users[1], home.id, done(first.id)), act_on_missed(&db, 100));
            acted.unwrap();
            let all = home.all(&db, &task).await;
            assert_eq!(all.len(), 2, "one line of history, one successor");
            if closed.is_ok() {
                assert_eq!(all[0].status, Status::Done);
            } else {
                assert!(is_already_closed(&closed, first.id), "{closed:?}");
                assert_eq!(all[0].status, Status::Missed);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_overdue_is_left_alone() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let create = Create { start_on: Some(ago(30)), ..dishes(Strategy::RoundRobin, &home.members) };
        let (task, first) = home.make(&db, create).await;
        db.tell("UPDATE occurrences SET acts_at = 0").await;
        act_on_missed(&db, 100).await.unwrap();
        let all = home.all(&db, &task).await;
        assert_eq!((all.len(), all[0].id, all[0].status), (1, first.id, Status::Open));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_household_is_told_once_that_nobody_can_do_it() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let (_, _) = home.make(&db, dishes(Strategy::Anyone, &[])).await;
        assert_eq!(home.count(&db, Kind::MessageSent).await, 0);
        let (task, _) = home.make(&db, dishes(Strategy::Fixed, &home.members[1..2])).await;
        let before = home.count(&db, Kind::MessageSent).await;
        let remove = Remove { member: home.members[1], may_return: Return::Allowed };
        perform(&db, home.users[0], home.id, remove).await.unwrap();
        let open = home.open(&db, &task).await.remove(0);
        assert_eq!(open.assignee_id, None);
        // That they were removed, and that nobody can do it.
        assert_eq!(home.count(&db, Kind::MessageSent).await, before + 2);
        perform(&db, home.users[2], home.id, Claim { occurrence: open.id }).await.unwrap();
        perform(&db, home.users[2], home.id, done(open.id)).await.unwrap();
        assert_eq!(home.count(&db, Kind::MessageSent).await, before + 3, "the next is another");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_one_that_is_given_to_another_moves_no_turn() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, cleo] = home.users;
        let create = Create {
            start_on: Some(ago(8)),
            rule: Some("FREQ=WEEKLY".into()),
            missed_policy: MissedPolicy::Accumulate,
            ..dishes(Strategy::RoundRobin, &home.members)
        };
        let (task, first) = home.make(&db, create).await;
        act_on_missed(&db, 100).await.unwrap();
        let second = home.open(&db, &task).await.remove(1);
        perform(&db, bob, home.id, done(second.id)).await.unwrap();
        let third = home.open(&db, &task).await.remove(1);
        assert_eq!((third.number, third.assignee_id), (3, Some(home.members[2])));
        let away = |open_chores| SetAway { member: None, first_on: ago(0), last_on: ahead(1), open_chores };
        perform(&db, cleo, home.id, away(OpenChores::Keep)).await.unwrap();
        perform(&db, ada, home.id, away(OpenChores::PassOn)).await.unwrap();
        let open = home.open(&db, &task).await;
        assert_eq!((open[0].id, open[0].assignee_id), (first.id, Some(home.members[1])));
        perform(&db, cleo, home.id, done(third.id)).await.unwrap();
        let fourth = home.open(&db, &task).await.pop().unwrap();
        assert_eq!((fourth.number, fourth.assignee_id), (4, Some(home.members[0])));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_who_left_says_they_did_does_not_open_their_line_again() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, _] = home.users;
        let create = Create { requires_approval: true, ..dishes(Strategy::Everyone, &home.members) };
        let (task, _) = home.make(&db, create).await;
        let open = home.open(&db, &task).await;
        let own = open.iter().find(|own| own.share() == Some(home.members[1])).unwrap();
        perform(&db, bob, home.id, done(own.id)).await.unwrap();
        perform(&db, bob, home.id, Leave { transfer_to: None }).await.unwrap();
        let reject = Reject { occurrence: own.id, note: "the pans".into() };
        let closed = perform(&db, ada, home.id, reject).await.unwrap();
        assert_eq!((closed.status, closed.done_by), (Status::Skipped, None));
        assert_eq!(
            (closed.reviewed_by, closed.review_note.as_deref()),
            (Some(home.members[0]), Some("the pans"))
        );
        let lines: Vec<_> = home.open(&db, &task).await.iter().map(Occurrence::share).collect();
        assert!(lines.len() == 2 && !lines.contains(&Some(home.members[1])), "{lines:?}");
        let events = kinds(&db, home.id).await;
        assert_eq!(events.last(), Some(&Kind::OccurrenceClosed));
        let undone = perform(&db, ada, home.id, Undo { occurrence: own.id }).await;
        assert_eq!(refusal(undone), RefusalCode::Gone);
        assert!(is_already_closed(&perform(&db, ada, home.id, approve(own.id)).await, own.id));
    }
}
