//! Stories about shopping lists: what is added, ticked, changed and bought, and what two who do it at once get.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod support;

use cast::groceries::{Kitchen, intend, kitchen, line, new_list, told, too_much};
use cast::{home, join, kinds, log, perform, person, refusal};
use futures_util::future::join_all;
use roomm8_db::access::Role;
use roomm8_db::event::Kind;
use roomm8_db::grocery::list::{Archive, Counts, ITEM_LIMIT, Restore};
use roomm8_db::grocery::trip::{Finish, Undo};
use roomm8_db::grocery::{
    Add, AddMany, Effect, LINE_LIMIT, Line, Move, Queued, SameName, SetState, State, Sync, Target, Unit,
    Update, Wish, list,
};
use roomm8_db::{Error, GroceryItemId, Permission, RefusalCode, Time, To};
use std::time::Duration;
use support::databases;

fn effect<T>(result: (T, Effect)) -> Effect {
    result.1
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wanted_already_becomes_more() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let [ada, bob, _] = kitchen.home.users;
        let wanted = Line { is_urgent: true, ..line("2 brown sugar (fair trade)") };
        let (first, created) = kitchen.adds(&db, ada, wanted).await.unwrap();
        assert_eq!(created, Effect::Created);
        let more =
            Line { assignee: Some(kitchen.home.members[2]), ..line("500 g BROWN  sugar (the dark one)") };
        let (merged, Effect::Merged(before)) = kitchen.adds(&db, bob, more).await.unwrap() else {
            panic!("it should merge")
        };
        assert_eq!((merged.id, told(&merged.amounts).as_str()), (first.id, "2 PIECE, 500 G"));
        assert_eq!(merged.note.as_deref(), Some("fair trade\nthe dark one"));
        assert_eq!((merged.is_urgent, merged.assignee_id), (true, Some(kitchen.home.members[2])));
        assert_eq!((before.version, told(&before.amounts).as_str()), (1, "2 PIECE"));
        assert_eq!(
            (before.note.as_deref(), before.assignee, before.state),
            (Some("fair trade"), None, State::Open)
        );
        kitchen.adds(&db, ada, line("1 kg Brown Sugar (fair trade)")).await.unwrap();
        kitchen.adds(&db, ada, line("brown sugar")).await.unwrap();
        let merged = kitchen.item(&db, first.id).await;
        assert_eq!(told(&merged.amounts), "2 PIECE, 1.5 KG", "what has no amount adds none");
        assert_eq!(merged.note.as_deref(), Some("fair trade\nthe dark one"), "the same note is said once");
        assert_eq!(kitchen.shown(&db).await, ["2 PIECE, 1.5 KG brown sugar"], "as it was first spelled");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_apart_is() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let [ada, bob, _] = kitchen.home.users;
        kitchen.types(&db, "2 milk").await;
        let own = Line { is_separate: true, ..line("milk (for the cat)") };
        assert_eq!(effect(kitchen.adds(&db, bob, own).await.unwrap()), Effect::Created);
        let (_, merged) = kitchen.adds(&db, ada, line("1 milk")).await.unwrap();
        assert!(matches!(merged, Effect::Merged(_)));
        assert_eq!(kitchen.shown(&db).await, ["3 PIECE milk", "milk"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_bought_is_asked_for_anew() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let [ada, bob, _] = kitchen.home.users;
        let bought = kitchen.types(&db, "2 milk").await;
        kitchen.ticks(&db, bob, bought.id, State::Bought).await.unwrap();
        let (anew, created) = kitchen.adds(&db, ada, line("1 milk")).await.unwrap();
        assert_eq!(created, Effect::Created);
        // Un-ticked, the first is wanted beside it, and what is added still goes to one of them.
        kitchen.ticks(&db, bob, bought.id, State::Open).await.unwrap();
        let (more, _) = kitchen.adds(&db, ada, line("1 milk")).await.unwrap();
        assert_eq!(
            (more.id, kitchen.shown(&db).await),
            (anew.id, vec!["2 PIECE milk".into(), "2 PIECE milk".into()])
        );
        // What could not be had is looked for again when somebody asks for more.
        kitchen.ticks(&db, bob, anew.id, State::Unavailable).await.unwrap();
        let (more, merged) = kitchen.adds(&db, ada, line("1 milk")).await.unwrap();
        assert!(matches!(merged, Effect::Merged(before) if before.state == State::Unavailable));
        assert_eq!((more.id, more.state, more.state_by), (anew.id, State::Open, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_add_one_name_at_once_add_one_thing() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let instances = [(*db).clone(), db.twin().await];
        let names = ["Milk", "milk", "ＭＩＬＫ", "MILK "];
        let adds = (0..20).map(|number| {
            let (db, user) = (&instances[number % 2], kitchen.home.users[number % 3]);
            kitchen.adds(db, user, Line { amounts: vec![(1.into(), Unit::Piece)], ..line(names[number % 4]) })
        });
        let effects: Vec<_> = join_all(adds).await.into_iter().map(|added| effect(added.unwrap())).collect();
        assert_eq!(effects.iter().filter(|effect| **effect == Effect::Created).count(), 1);
        let [(item, _)] = kitchen.listed(&db).await.try_into().expect("one thing");
        assert_eq!(told(&item.amounts), "20 PIECE");
        assert_eq!(item.version, 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_buyer_stands_and_the_same_tick_agrees() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let instances = [(*db).clone(), db.twin().await];
        for _ in 0..10 {
            let item = kitchen.types(&db, "1 bread").await;
            let ticks = (0..6).map(|number| {
                kitchen.ticks(&instances[number % 2], kitchen.home.users[number % 3], item.id, State::Bought)
            });
            let ticked: Vec<_> = join_all(ticks).await.into_iter().map(Result::unwrap).collect();
            let changed: Vec<_> = ticked.iter().filter(|(_, effect)| *effect == Effect::Changed).collect();
            assert_eq!((changed.len(), ticked.len()), (1, 6));
            let first = kitchen.item(&db, item.id).await;
            assert!(ticked.iter().all(|(item, _)| *item == first), "all agree on who bought it, and when");
            assert_eq!(first.version, 2);
        }
        assert_eq!(kitchen.counts(&db).await, Counts { open: 0, unavailable: 0, bought: 10 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_tick_does_not_buy_what_was_added_since() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let [ada, bob, _] = kitchen.home.users;
        let set = |item, state, base| SetState { item, state, at: None, base_version: Some(base) };
        let item = kitchen.types(&db, "1 milk").await;
        let urgent = Update { is_urgent: Some(true), ..Update::of(item.id) };
        perform(&db, ada, kitchen.home.id, urgent).await.unwrap();
        kitchen.types(&db, "2 milk").await;
        for state in [State::Bought, State::Removed, State::Unavailable] {
            let report = perform(&db, bob, kitchen.home.id, set(item.id, state, 2)).await.unwrap();
            assert_eq!(report.treated[0].effect, Effect::Stale);
        }
        let now = kitchen.item(&db, item.id).await;
        assert_eq!((now.state, now.version, told(&now.amounts).as_str()), (State::Open, 3, "3 PIECE"));
        // Who has seen all that was added may; that its note changed since is no reason.
        let noted = Update { note: Some(To::Value("fresh".into())), ..Update::of(item.id) };
        perform(&db, ada, kitchen.home.id, noted).await.unwrap();
        let report = perform(&db, bob, kitchen.home.id, set(item.id, State::Removed, 3)).await.unwrap();
        assert_eq!(report.treated[0].effect, Effect::Changed);
        // Put back, it was added anew: what was wished before is stale.
        kitchen.ticks(&db, ada, item.id, State::Open).await.unwrap();
        let report = perform(&db, bob, kitchen.home.id, set(item.id, State::Removed, 4)).await.unwrap();
        assert_eq!(report.treated[0].effect, Effect::Stale);
        let never = perform(&db, bob, kitchen.home.id, set(item.id, State::Removed, 99)).await.unwrap();
        assert_eq!(never.treated[0].effect, Effect::Stale, "nobody has seen such a version");
        // Of different things that are said, the last one stands.
        kitchen.ticks(&db, ada, item.id, State::Unavailable).await.unwrap();
        let (bought, _) = kitchen.ticks(&db, bob, item.id, State::Bought).await.unwrap();
        assert_eq!((bought.state, bought.state_by), (State::Bought, Some(kitchen.home.members[1])));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_lie_are_not_believed() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let ada = kitchen.home.users[0];
        let item = kitchen.types(&db, "1 milk").await;
        let hours = Duration::from_hours(5);
        let set = |state, at| SetState { item: item.id, state, at: Some(at), base_version: None };
        perform(&db, ada, kitchen.home.id, set(State::Bought, Time::now().after(hours))).await.unwrap();
        assert!(kitchen.item(&db, item.id).await.state_at <= Time::now(), "nothing is bought in the future");
        perform(&db, ada, kitchen.home.id, set(State::Open, Time::now().before(hours))).await.unwrap();
        let now = kitchen.item(&db, item.id).await;
        assert_eq!(now.state_at, now.added_at, "nor before it was wanted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_merge_with_ticks_and_conflict_with_edits() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let [ada, bob, cleo] = kitchen.home.users;
        let item = kitchen.types(&db, "1 milk").await;
        kitchen.ticks(&db, bob, item.id, State::Bought).await.unwrap();
        let three = Update {
            amounts: Some(vec![("1.50".parse().unwrap(), Unit::Litre), (500.into(), Unit::Millilitre)]),
            expected_version: Some(1),
            ..Update::of(item.id)
        };
        let after = perform(&db, ada, kitchen.home.id, three.clone()).await.unwrap();
        assert_eq!((after.state, told(&after.amounts).as_str()), (State::Bought, "2 L"));
        let conflict =
            perform(&db, cleo, kitchen.home.id, Update { amounts: Some(vec![]), ..three.clone() }).await;
        assert!(matches!(conflict, Err(Error::Conflict(id)) if GroceryItemId::from(id) == item.id));
        let before = log(&db, kitchen.home.id).await.len();
        let same = perform(&db, cleo, kitchen.home.id, three).await.unwrap();
        assert_eq!(
            (same, log(&db, kitchen.home.id).await.len()),
            (after, before),
            "what is so already is no news"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_is_another_thing_and_may_be_one_with_what_has_it() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let ada = kitchen.home.users[0];
        let (mlik, milk) = (kitchen.types(&db, "2 mlik (blue)").await, kitchen.types(&db, "1 milk").await);
        let rename =
            |item, name: &str, same_name| Update { name: Some(name.into()), same_name, ..Update::of(item) };
        let taken = perform(&db, ada, kitchen.home.id, rename(mlik.id, "Milk", SameName::Refuse)).await;
        assert!(matches!(taken, Err(Error::NameTaken(id)) if GroceryItemId::from(id) == milk.id));
        let one = perform(&db, ada, kitchen.home.id, rename(mlik.id, "Milk", SameName::Merge)).await.unwrap();
        assert_eq!(
            (one.id, told(&one.amounts).as_str(), one.note.as_deref()),
            (milk.id, "3 PIECE", Some("blue"))
        );
        assert_eq!(kitchen.item(&db, mlik.id).await.state, State::Removed);
        perform(&db, ada, kitchen.home.id, rename(milk.id, "MILK", SameName::Refuse)).await.unwrap();
        assert_eq!(kitchen.shown(&db).await, ["3 PIECE MILK"], "another spelling of the same");
        let oat =
            perform(&db, ada, kitchen.home.id, rename(milk.id, "Oat drink", SameName::Refuse)).await.unwrap();
        assert_ne!(oat.product_id, milk.product_id);
        kitchen.types(&db, "1 milk").await;
        assert_eq!(
            kitchen.shown(&db).await,
            ["3 PIECE Oat drink", "1 PIECE MILK"],
            "the catalogue remembers"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_lines_are_added_all_or_none() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let ada = kitchen.home.users[0];
        kitchen.types(&db, "1 milk").await;
        let lines = |text: &str| -> Vec<Line> {
            roomm8_db::grocery::quick::parse(text, 200).unwrap().into_iter().map(Line::from).collect()
        };
        let add = |text: &str| AddMany { list: kitchen.list, lines: lines(text) };
        let report = perform(&db, ada, kitchen.home.id, add("2 milk, eggs, 500g flour, EGGS")).await.unwrap();
        let effects: Vec<_> =
            report.treated.iter().map(|treated| matches!(treated.effect, Effect::Created)).collect();
        assert_eq!(effects, [false, true, true, false]);
        let all = ["3 PIECE milk", "eggs", "500 G flour"];
        assert_eq!(kitchen.shown(&db).await, all);
        let before = log(&db, kitchen.home.id).await.len();
        let wrong = Line { amounts: vec![(too_much(), Unit::Gram)], ..line("x") };
        let long = Line { name: "long ".repeat(40), ..line("x") };
        let all_wrong = AddMany { list: kitchen.list, lines: vec![line("butter"), wrong, line("jam"), long] };
        let Err(Error::RefusedLines(refused)) = perform(&db, ada, kitchen.home.id, all_wrong).await else {
            panic!("two lines are wrong")
        };
        let told: Vec<_> =
            refused.iter().map(|line| (line.line, line.refusal.field, line.refusal.code)).collect();
        assert_eq!(told, [(1, "quantity", RefusalCode::Limit), (3, "name", RefusalCode::TooLong)]);
        for text in ["", &"a\n".repeat(LINE_LIMIT + 1)] {
            refusal(perform(&db, ada, kitchen.home.id, add(text)).await);
        }
        assert_eq!(kitchen.shown(&db).await, all);
        assert_eq!(log(&db, kitchen.home.id).await.len(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_wishes_are_refused_and_change_nothing() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let [ada, bob, _] = kitchen.home.users;
        let dan = person(&db, "Dan").await;
        let guest = join(&db, ada, kitchen.home.id, Role::Guest, dan).await;
        let elsewhere = home(&db, bob).await;
        let foreign = perform(&db, bob, elsewhere, new_list("Others")).await.unwrap().id;
        let milk = kitchen.types(&db, "1 milk").await;
        let before = (log(&db, kitchen.home.id).await.len(), kitchen.listed(&db).await);
        for (wrong, code) in [
            (Line { amounts: vec![((-1).into(), Unit::Gram)], ..line("x") }, RefusalCode::Invalid),
            (Line { amounts: vec![(0.into(), Unit::Gram)], ..line("x") }, RefusalCode::Invalid),
            (
                Line { amounts: vec![("0.0001".parse().unwrap(), Unit::Gram)], ..line("x") },
                RefusalCode::Invalid,
            ),
            (Line { amounts: vec![(too_much(), Unit::Gram)], ..line("x") }, RefusalCode::Limit),
            (Line { amounts: vec![(1.into(), Unit::Gram); 17], ..line("x") }, RefusalCode::Limit),
            (
                Line {
                    amounts: vec![((too_much() - rust_decimal::Decimal::ONE), Unit::Piece)],
                    ..line("milk")
                },
                RefusalCode::Limit,
            ),
            (Line { name: " \u{200b} ".into(), ..line("x") }, RefusalCode::TooShort),
            (Line { name: "x".repeat(5000), ..line("x") }, RefusalCode::TooLong),
            (Line { name: "a\u{7}b".into(), ..line("x") }, RefusalCode::Invalid),
            (Line { note: Some("y".repeat(501)), ..line("x") }, RefusalCode::TooLong),
            (Line { assignee: Some(guest), ..line("x") }, RefusalCode::InvalidReference),
            (Line { assignee: Some(roomm8_db::MemberId::new()), ..line("x") }, RefusalCode::InvalidReference),
            (
                Line { category: Some(roomm8_db::GroceryCategoryId::new()), ..line("x") },
                RefusalCode::InvalidReference,
            ),
        ] {
            assert_eq!(refusal(kitchen.adds(&db, ada, wrong.clone()).await), code, "{wrong:?}");
        }
        let add = |list| Add { list, line: line("x") };
        assert!(matches!(perform(&db, ada, kitchen.home.id, add(foreign)).await, Err(Error::NotFound)));
        assert!(matches!(perform(&db, ada, elsewhere, add(foreign)).await, Err(Error::NotFound)));
        let set = SetState { item: milk.id, state: State::Bought, at: None, base_version: None };
        assert!(matches!(perform(&db, bob, elsewhere, set.clone()).await, Err(Error::NotFound)));
        for forbidden in [
            perform(&db, dan, kitchen.home.id, set).await.map(|_| ()),
            perform(&db, dan, kitchen.home.id, add(kitchen.list)).await.map(|_| ()),
        ] {
            assert!(matches!(forbidden, Err(Error::Forbidden(Permission::EditGroceries))));
        }
        let behind = Move { item: milk.id, after: Some(milk.id) };
        assert_eq!(refusal(perform(&db, ada, kitchen.home.id, behind).await), RefusalCode::InvalidReference);
        let finish = Finish { list: kitchen.list, store: None };
        assert_eq!(refusal(perform(&db, ada, kitchen.home.id, finish).await), RefusalCode::NothingBought);
        assert_eq!((log(&db, kitchen.home.id).await.len(), kitchen.listed(&db).await), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_list_takes_only_more_of_what_is_on_it() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let ada = kitchen.home.users[0];
        let count = usize::try_from(ITEM_LIMIT).unwrap();
        for part in (0..count).collect::<Vec<_>>().chunks(LINE_LIMIT) {
            let lines = part.iter().map(|number| line(&format!("thing-{number}"))).collect();
            perform(&db, ada, kitchen.home.id, AddMany { list: kitchen.list, lines }).await.unwrap();
        }
        assert_eq!(refusal(kitchen.adds(&db, ada, line("one more")).await), RefusalCode::Limit);
        let (more, _) = kitchen.adds(&db, ada, line("thing-7")).await.unwrap();
        kitchen.ticks(&db, ada, more.id, State::Removed).await.unwrap();
        kitchen.adds(&db, ada, line("one more")).await.unwrap();
        assert_eq!(refusal(kitchen.ticks(&db, ada, more.id, State::Open).await), RefusalCode::Limit);
        let places: Vec<_> = kitchen.listed(&db).await.into_iter().map(|(item, _)| item.place).collect();
        assert!(places.is_sorted() && places.len() == count);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_moves_two_things_at_once_both_have_their_way() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let [ada, bob, _] = kitchen.home.users;
        let mut ids = Vec::new();
        for name in ["a", "b", "c", "d", "e"] {
            ids.push(kitchen.types(&db, name).await.id);
        }
        let to = |item: usize, after: Option<usize>| Move { item: ids[item], after: after.map(|at| ids[at]) };
        let (one, other) = tokio::join!(
            perform(&db, ada, kitchen.home.id, to(4, None)),
            perform(&db, bob, kitchen.home.id, to(0, Some(2)))
        );
        one.unwrap();
        other.unwrap();
        assert_eq!(kitchen.shown(&db).await, ["e", "b", "c", "a", "d"]);
        let before = log(&db, kitchen.home.id).await.len();
        perform(&db, ada, kitchen.home.id, to(1, Some(4))).await.unwrap();
        assert_eq!(log(&db, kitchen.home.id).await.len(), before, "it stands there already");
        // So often between the same two that their places have to be made anew.
        for _ in 0..300 {
            perform(&db, ada, kitchen.home.id, to(1, Some(4))).await.unwrap();
            perform(&db, ada, kitchen.home.id, to(2, Some(4))).await.unwrap();
        }
        assert_eq!(kitchen.shown(&db).await, ["e", "c", "b", "a", "d"]);
        assert!(kitchen.listed(&db).await.iter().all(|(item, _)| item.place.to_string().len() <= 128));
    }
}

async fn finish(db: &roomm8_db::Database, kitchen: &Kitchen) -> roomm8_db::grocery::Trip {
    let finish = Finish { list: kitchen.list, store: None };
    perform(db, kitchen.home.users[1], kitchen.home.id, finish).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trip_takes_what_was_bought_and_can_be_undone_for_a_while() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let [ada, bob, _] = kitchen.home.users;
        let [milk, eggs, saffron, bread] = [
            kitchen.types(&db, "2 milk").await.id,
            kitchen.types(&db, "6 eggs").await.id,
            kitchen.types(&db, "saffron").await.id,
            kitchen.types(&db, "bread").await.id,
        ];
        for (user, item, state) in
            [(ada, milk, State::Bought), (bob, eggs, State::Bought), (bob, saffron, State::Unavailable)]
        {
            kitchen.ticks(&db, user, item, state).await.unwrap();
        }
        let cursor = kitchen.missed(&db, ada, None).await.position;
        let trip = finish(&db, &kitchen).await;
        assert_eq!(trip.item_count, 2);
        assert_eq!(kitchen.counts(&db).await, Counts { open: 2, unavailable: 0, bought: 0 });
        let missed = kitchen.missed(&db, ada, Some(cursor)).await;
        assert_eq!((missed.is_whole, missed.gone), (false, vec![milk, eggs]));
        assert_eq!(missed.items.iter().map(|(item, _)| item.id).collect::<Vec<_>>(), [saffron]);
        let taken =
            roomm8_db::grocery::trip::items(&mut db.connection().await.unwrap(), &[trip.id]).await.unwrap();
        let buyers: Vec<_> = taken.iter().map(|(item, _)| (item.id, item.state_by)).collect();
        let [a, b, _] = kitchen.home.members.map(Some);
        assert_eq!(buyers, [(milk, a), (eggs, b)], "who bought what is remembered");
        // What has left is changed no more.
        assert_eq!(refusal(kitchen.ticks(&db, ada, milk, State::Open).await), RefusalCode::Gone);
        assert_eq!(effect(kitchen.ticks(&db, ada, milk, State::Bought).await.unwrap()), Effect::Unchanged);
        let edit = Update { is_urgent: Some(true), ..Update::of(milk) };
        assert_eq!(refusal(perform(&db, ada, kitchen.home.id, edit).await), RefusalCode::Gone);

        kitchen.types(&db, "1 milk").await;
        kitchen.ticks(&db, ada, bread, State::Bought).await.unwrap();
        let undone = perform(&db, ada, kitchen.home.id, Undo { trip: trip.id }).await.unwrap();
        assert!(undone.undone_at.is_some());
        let again = perform(&db, bob, kitchen.home.id, Undo { trip: trip.id }).await.unwrap();
        assert_eq!(again, undone);
        assert_eq!(kitchen.counts(&db).await, Counts { open: 1, unavailable: 1, bought: 3 });
        assert_eq!(kitchen.item(&db, milk).await.state_by, a);
        assert_eq!(
            kinds(&db, kitchen.home.id).await.iter().rev().take(4).rev().copied().collect::<Vec<_>>(),
            [
                Kind::GroceryTripFinished,
                Kind::GroceryItemAdded,
                Kind::GroceryItemStateChanged,
                Kind::GroceryTripUndone
            ]
        );

        let late = finish(&db, &kitchen).await;
        let long_ago = Time::now().before(Duration::from_mins(11)).micros();
        db.tell(&format!("UPDATE grocery_trips SET finished_at = {long_ago} WHERE undone_at IS NULL")).await;
        let undo = perform(&db, ada, kitchen.home.id, Undo { trip: late.id }).await;
        assert_eq!(refusal(undo), RefusalCode::UndoWindowClosed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_finish_at_once_finish_one_trip() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let twin = db.twin().await;
        let [ada, bob, _] = kitchen.home.users;
        let milk = kitchen.types(&db, "1 milk").await;
        kitchen.ticks(&db, ada, milk.id, State::Bought).await.unwrap();
        let finish = || Finish { list: kitchen.list, store: None };
        let (one, other) = tokio::join!(
            perform(&db, ada, kitchen.home.id, finish()),
            perform(&twin, bob, kitchen.home.id, finish())
        );
        let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
        assert_eq!((won.unwrap().item_count, refusal(lost)), (1, RefusalCode::NothingBought));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_are_told_what_the_first_was() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let ada = kitchen.home.users[0];
        kitchen.types(&db, "1 milk").await;
        let add = Add { list: kitchen.list, line: line("2 milk") };
        let first = intend(&db, ada, &kitchen, "more", &add).await.unwrap();
        kitchen.types(&db, "4 milk").await;
        let again = intend(&db, ada, &kitchen, "more", &add).await.unwrap();
        assert_eq!((again.subject, again.position, again.is_repeat), (first.subject, first.position, true));
        assert_eq!(kitchen.shown(&db).await, ["7 PIECE milk"]);
        let other = Add { list: kitchen.list, line: line("3 milk") };
        assert!(matches!(intend(&db, ada, &kitchen, "more", &other).await, Err(Error::IdempotencyConflict)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_is_granted_in_order_wish_by_wish() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let [ada, bob, _] = kitchen.home.users;
        let milk = kitchen.types(&db, "1 milk").await;
        let own = |wish: &str| Target::AddedBy(wish.into());
        let set = |item, state, base_version| Wish::SetState { item, state, at: None, base_version };
        let much = Line { amounts: vec![(too_much(), Unit::Gram)], ..line("x") };
        let wishes = [
            ("1", Wish::Add(line("2 milk"))),
            ("2", set(Target::Item(milk.id), State::Bought, Some(1))),
            ("3", Wish::Add(line("tea"))),
            ("4", Wish::Update(own("3"), Update { is_urgent: Some(true), ..Update::of(milk.id) })),
            ("5", Wish::Add(much)),
            ("6", set(own("5"), State::Bought, None)),
            ("7", Wish::Move { item: own("3"), after: None }),
            ("1", Wish::Add(line("other milk"))),
            ("8", set(own("3"), State::Removed, None)),
        ];
        let queue: Vec<_> = wishes.into_iter().map(|(id, wish)| Queued { id: id.into(), wish }).collect();
        let sync =
            |queue: &[Queued]| Sync { list: kitchen.list, queue_id: "phone".into(), queue: queue.to_vec() };
        let report = perform(&db, ada, kitchen.home.id, sync(&queue[..4])).await.unwrap();
        let effects = |report: &roomm8_db::grocery::Report| -> Vec<&'static str> {
            let word = |effect: &Effect| match effect {
                Effect::Created => "created",
                Effect::Merged(_) => "merged",
                Effect::Changed => "changed",
                Effect::Unchanged => "unchanged",
                Effect::Stale => "stale",
                Effect::Conflict => "conflict",
                Effect::Rejected(_) => "rejected",
            };
            report.treated.iter().map(|treated| word(&treated.effect)).collect()
        };
        // The milk that it ticks had more added since, but by the same queue.
        assert_eq!(effects(&report), ["merged", "changed", "created", "changed"]);
        // The answer was lost; meanwhile somebody wants more tea.
        let bobs =
            perform(&db, bob, kitchen.home.id, Add { list: kitchen.list, line: line("tea") }).await.unwrap();
        let again = perform(&db, ada, kitchen.home.id, sync(&queue)).await.unwrap();
        assert_eq!(again.treated[..4], report.treated);
        assert_eq!(effects(&again)[4..], ["rejected", "rejected", "changed", "rejected", "stale"]);
        let tea = kitchen.item(&db, bobs.treated[0].item.unwrap()).await;
        assert_eq!(
            (tea.state, tea.is_urgent),
            (State::Open, true),
            "the tea that was added since is not wished away"
        );
        // The same wish of another device is another wish.
        let tablet = Sync { queue_id: "tablet".into(), ..sync(&queue[..1]) };
        let report = perform(&db, ada, kitchen.home.id, tablet).await.unwrap();
        assert_eq!(effects(&report), ["created"]);
        for wrong in ["", "x y", &"q".repeat(25)] {
            let sync = Sync { queue_id: wrong.into(), ..sync(&[]) };
            assert_eq!(refusal(perform(&db, ada, kitchen.home.id, sync).await), RefusalCode::Invalid);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_phone_missed_is_told_from_where_it_was() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let [ada, bob, _] = kitchen.home.users;
        let [milk, eggs, tea] = [
            kitchen.types(&db, "1 milk").await,
            kitchen.types(&db, "6 eggs").await,
            kitchen.types(&db, "tea").await,
        ];
        let start = kitchen.missed(&db, bob, None).await;
        assert!(start.is_whole && start.items.len() == 3);
        assert!(kitchen.missed(&db, bob, Some(start.position)).await.items.is_empty());
        kitchen.ticks(&db, ada, milk.id, State::Removed).await.unwrap();
        kitchen.types(&db, "2 tea").await;
        // Another spelling changes what it is called, and not the item itself.
        let respell = Update { name: Some("EGGS".into()), ..Update::of(eggs.id) };
        perform(&db, ada, kitchen.home.id, respell).await.unwrap();
        let missed = kitchen.missed(&db, bob, Some(start.position)).await;
        assert_eq!((missed.is_whole, missed.gone), (false, vec![milk.id]));
        let mut told: Vec<_> =
            missed.items.iter().map(|(item, product)| (item.id, product.name.as_str())).collect();
        told.sort_unstable();
        assert_eq!(told, [(eggs.id, "EGGS"), (tea.id, "tea")]);
        // A place that is not of this log: the list as a whole.
        let other = roomm8_db::event::Position { epoch: start.position.epoch ^ 1, ..start.position };
        assert!(kitchen.missed(&db, bob, Some(other)).await.is_whole);
        let ahead = roomm8_db::event::Position { seq: start.position.seq + 1000, ..start.position };
        assert!(kitchen.missed(&db, bob, Some(ahead)).await.is_whole);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_was_put_away_is_read_and_not_changed() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let ada = kitchen.home.users[0];
        let milk = kitchen.types(&db, "1 milk").await;
        let list = kitchen.list;
        let put_away = perform(&db, ada, kitchen.home.id, Archive { list }).await.unwrap();
        assert_eq!(perform(&db, ada, kitchen.home.id, Archive { list }).await.unwrap(), put_away);
        assert_eq!(refusal(kitchen.adds(&db, ada, line("x")).await), RefusalCode::Gone);
        assert_eq!(refusal(kitchen.ticks(&db, ada, milk.id, State::Bought).await), RefusalCode::Gone);
        let rename = list::Update {
            list,
            name: Some("x".into()),
            store: None,
            assignee: None,
            is_urgent: None,
            expected_version: None,
        };
        assert_eq!(refusal(perform(&db, ada, kitchen.home.id, rename).await), RefusalCode::Gone);
        assert_eq!(kitchen.shown(&db).await, ["1 PIECE milk"]);
        perform(&db, ada, kitchen.home.id, Restore { list }).await.unwrap();
        kitchen.ticks(&db, ada, milk.id, State::Bought).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_an_amount_can_be_given_back() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let ada = kitchen.home.users[0];
        kitchen.types(&db, "1 lb ham").await;
        let ham = kitchen.types(&db, "1 oz ham").await;
        let given = ham.amounts.iter().map(|amount| (amount.quantity, amount.unit)).collect();
        let back = Update { amounts: Some(given), ..Update::of(ham.id) };
        assert_eq!(told(&perform(&db, ada, kitchen.home.id, back).await.unwrap().amounts), "17 OZ");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_of_a_name_always_takes_what_is_added() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let ada = kitchen.home.users[0];
        let first = kitchen.types(&db, "1 milk").await;
        for (away, back) in [(State::Bought, State::Open), (State::Removed, State::Unavailable)] {
            kitchen.ticks(&db, ada, first.id, away).await.unwrap();
            let second = kitchen.types(&db, "1 milk").await;
            kitchen.ticks(&db, ada, first.id, back).await.unwrap();
            kitchen.ticks(&db, ada, second.id, away).await.unwrap();
            let (more, merged) = kitchen.adds(&db, ada, line("1 milk")).await.unwrap();
            assert!(matches!(merged, Effect::Merged(_)), "{merged:?}");
            assert_eq!(more.id, first.id);
        }
        // What was to be apart stays so, whatever becomes of it.
        let own = Line { is_separate: true, ..line("tea") };
        let (own, _) = kitchen.adds(&db, ada, own).await.unwrap();
        for state in [State::Bought, State::Open, State::Unavailable] {
            kitchen.ticks(&db, ada, own.id, state).await.unwrap();
        }
        assert_eq!(effect(kitchen.adds(&db, ada, line("tea")).await.unwrap()), Effect::Created);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_conflicts_with_edits_of_what_it_changed_alone() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let [ada, bob, _] = kitchen.home.users;
        let noted = |text: &str| Line { note: Some("two\nlines".into()), ..line(text) };
        let (leek, _) = kitchen.adds(&db, ada, noted("leek")).await.unwrap();
        kitchen.adds(&db, bob, noted("1 leek")).await.unwrap();
        let edit = |note: &str| Update {
            note: Some(To::Value(note.into())),
            expected_version: Some(1),
            ..Update::of(leek.id)
        };
        let noted = perform(&db, ada, kitchen.home.id, edit("organic")).await.unwrap();
        assert_eq!((noted.version, noted.note.as_deref()), (3, Some("organic")));
        kitchen.adds(&db, bob, line("leek (long)")).await.unwrap();
        let conflict = perform(&db, ada, kitchen.home.id, edit("short")).await;
        assert!(matches!(conflict, Err(Error::Conflict(_))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trip_comes_back_only_to_a_list_that_has_room() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let ada = kitchen.home.users[0];
        let tick = |item| SetState { item, state: State::Bought, at: None, base_version: None };
        for _ in 0..2 {
            let item = kitchen.types(&db, "milk").await;
            perform(&db, ada, kitchen.home.id, tick(item.id)).await.unwrap();
        }
        let trip = finish(&db, &kitchen).await;
        for part in (0..ITEM_LIMIT - 1).collect::<Vec<_>>().chunks(LINE_LIMIT) {
            let lines = part.iter().map(|number| line(&format!("thing-{number}"))).collect();
            perform(&db, ada, kitchen.home.id, AddMany { list: kitchen.list, lines }).await.unwrap();
        }
        let undo = || Undo { trip: trip.id };
        assert_eq!(refusal(perform(&db, ada, kitchen.home.id, undo()).await), RefusalCode::Limit);
        let (last, _) = kitchen.listed(&db).await.pop().unwrap();
        kitchen.ticks(&db, ada, last.id, State::Removed).await.unwrap();
        perform(&db, ada, kitchen.home.id, undo()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_heard_a_part_of_what_leaving_does_misses_nothing_of_the_rest() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let [ada, bob, _] = kitchen.home.users;
        let assignee = Some(kitchen.home.members[1]);
        for name in ["milk", "tea", "jam"] {
            kitchen.adds(&db, ada, Line { assignee, ..line(name) }).await.unwrap();
        }
        let position = kitchen.missed(&db, ada, None).await.position;
        perform(&db, bob, kitchen.home.id, roomm8_db::member::Leave { transfer_to: None }).await.unwrap();
        let log = log(&db, kitchen.home.id).await;
        let told = log.iter().filter(|event| event.kind == Kind::GroceryItemUpdated).map(|event| event.seq);
        for (heard, seq) in std::iter::once(position.seq).chain(told).enumerate().take(3) {
            let since = roomm8_db::event::Position { seq, ..position };
            let missed = kitchen.missed(&db, ada, Some(since)).await;
            assert!(missed.items.len() >= 3 - heard, "{heard} heard, {} missed", missed.items.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_queues_and_wishes_do_not_run_into_each_other() {
    for db in databases().await {
        let kitchen = kitchen(&db).await;
        let ada = kitchen.home.users[0];
        for (queue, wish) in [("q", "x:1"), ("q:x", "1"), ("q:", "x:1")] {
            let queue = Sync {
                list: kitchen.list,
                queue_id: queue.into(),
                queue: vec![Queued { id: wish.into(), wish: Wish::Add(line("1 milk")) }],
            };
            perform(&db, ada, kitchen.home.id, queue).await.unwrap();
        }
        assert_eq!(kitchen.shown(&db).await, ["3 PIECE milk"]);
    }
}
