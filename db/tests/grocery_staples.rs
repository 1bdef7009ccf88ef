//! Stories about what a household needs again and again: staples, and what is learned from what it bought. They are told by a
//! clock that the test sets, which is the whole process's: one story at a time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod clock;
mod pantry;
mod support;

use cast::chores::{Home, home_of_three};
use cast::{log, perform, proof, refusal};
use chrono::{Datelike, Days, NaiveDate};
use clock::{Clock, day};
use pantry::{all, line};
use roomm8_db::event::Kind;
use roomm8_db::grocery::staple::{self, Create, STAPLE_LIMIT, Staple, add_due};
use roomm8_db::grocery::store::{OrderSections, SetHome};
use roomm8_db::grocery::suggestion::{self, Reason};
use roomm8_db::grocery::{Amount, Line, List, State, Store, Unit, learned, list, product, trip};
use roomm8_db::household::{self, Archive, Restore};
use roomm8_db::{Database, Date, Error, RefusalCode, Subject};
use support::{Fresh, databases};

fn weekly(list: &List, name: &str, start: &str) -> Create {
    Create {
        list: list.id,
        name: name.into(),
        amounts: vec![(2.into(), Unit::Litre)],
        start_on: day(start).into(),
        rule: "freq=weekly".into(),
    }
}

async fn now_of(db: &Database, staple: &Staple) -> Staple {
    Staple::find(&mut db.connection().await.unwrap(), staple.id.into()).await.unwrap()
}

fn next(staple: &Staple) -> Option<NaiveDate> {
    staple.next_on.map(Date::naive)
}

/// How often something was put on a list since, by nobody.
async fn additions(db: &Database, home: &Home, since: usize) -> usize {
    let events = log(db, home.id).await.split_off(since);
    let added = |event: &&roomm8_db::Event| event.kind == Kind::GroceryItemAdded && event.actor_id.is_none();
    events.iter().filter(added).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staple_puts_itself_on_its_list_when_its_day_begins_where_the_household_lives() {
    for db in databases().await {
        // A Thursday.
        let clock = Clock::at("2026-11-26T12:00:00Z").await;
        let home = home_of_three(&db).await;
        let list = home.list(&db, "Week").await;
        let milk = home.does(&db, weekly(&list, "Milk", "2026-11-28")).await.unwrap();
        assert_eq!((milk.rule.as_str(), next(&milk)), ("FREQ=WEEKLY", Some(day("2026-11-28"))));
        let before = log(&db, home.id).await.len();
        clock.set("2026-11-27T22:59:59Z");
        add_due(&db, 100).await.unwrap();
        assert_eq!(home.names(&db, &list).await, [""; 0]);
        clock.set("2026-11-27T23:00:00Z");
        let twin = db.twin().await;
        let (one, other) = tokio::join!(add_due(&db, 100), add_due(&twin, 100));
        one.and(other).unwrap();
        add_due(&db, 100).await.unwrap();
        assert_eq!(additions(&db, &home, before).await, 1, "once, however many instances look");
        let (item, product) = home.listed(&db, &list).await.remove(0);
        let two = Amount::new(2.into(), Unit::Litre).unwrap();
        assert_eq!((item.added_by, item.amounts.0, product.id), (None, vec![two], milk.product_id));
        let waits = now_of(&db, &milk).await;
        assert_eq!((next(&waits), waits.version), (Some(day("2026-12-05")), 1), "that is no change of it");

        // What is wanted still is let be; what is bought is wanted anew.
        clock.set("2026-12-05T12:00:00Z");
        add_due(&db, 100).await.unwrap();
        let (same, _) = home.listed(&db, &list).await.remove(0);
        assert_eq!((same.amounts.0.clone(), same.version), (vec![two], 1));
        assert_eq!(next(&now_of(&db, &milk).await), Some(day("2026-12-12")));
        home.set(&db, &same, State::Bought).await;
        // Three dates were missed: they are one.
        clock.set("2026-12-28T12:00:00Z");
        add_due(&db, 100).await.unwrap();
        assert_eq!(additions(&db, &home, before).await, 2);
        let states: Vec<_> = home.listed(&db, &list).await.into_iter().map(|(item, _)| item.state).collect();
        assert_eq!(states, [State::Bought, State::Open]);
        assert_eq!(next(&now_of(&db, &milk).await), Some(day("2027-01-02")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_without_the_day_has_its_last_and_a_rule_ends() {
    for db in databases().await {
        let clock = Clock::at("2026-01-31T10:00:00Z").await;
        let home = home_of_three(&db).await;
        let list = home.list(&db, "Week").await;
        let rule = |rule: &str| Create { rule: rule.into(), ..weekly(&list, "Salt", "2026-01-31") };
        let salt = home.does(&db, rule("FREQ=MONTHLY;COUNT=3")).await.unwrap();
        let mut dates = vec![next(&salt)];
        for today in day("2026-01-31").iter_days().take(100) {
            clock.noon(today);
            add_due(&db, 100).await.unwrap();
            let date = next(&now_of(&db, &salt).await);
            if dates.last() != Some(&date) {
                dates.push(date);
            }
        }
        let expected = ["2026-01-31", "2026-02-28", "2026-03-31"].map(|date| Some(day(date)));
        assert_eq!(dates, [&expected[..], &[None]].concat());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_without_a_date_to_come_is_refused_and_says_why() {
    for db in databases().await {
        let _clock = Clock::at("2026-11-26T12:00:00Z").await;
        let home = home_of_three(&db).await;
        let list = home.list(&db, "Week").await;
        for (start, rule, says) in [
            ("2026-11-26", "weekly", "FREQ"),
            ("2026-11-26", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;UNTIL=20270101", "no date"),
            ("2026-11-01", "FREQ=WEEKLY;UNTIL=20261120", "no date from today on"),
            ("2026-10-01", "FREQ=DAILY;COUNT=3", "no date from today on"),
            ("1811-10-01", "FREQ=DAILY", "1900"),
        ] {
            let create = Create { rule: rule.into(), ..weekly(&list, "Salt", start) };
            match home.does(&db, create).await {
                Err(Error::Refused(refusal)) => assert!(refusal.message.contains(says), "{refusal}"),
                other => panic!("{rule} should have been refused: {other:?}"),
            }
        }
        assert_eq!(home.known(&db, "salt").await, [""; 0], "what is refused leaves nothing behind");
        // Today's date counts, if the rule began long ago as well.
        let today = home.does(&db, weekly(&list, "Oats", "2026-11-19")).await.unwrap();
        assert_eq!(next(&today), Some(day("2026-11-26")));
        let later = home.does(&db, weekly(&list, "Tea", "2027-11-19")).await.unwrap();
        assert_eq!(next(&later), Some(day("2027-11-19")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn something_is_once_a_staple_of_a_list() {
    for db in databases().await {
        let clock = Clock::at("2026-11-26T12:00:00Z").await;
        let home = home_of_three(&db).await;
        let [week, party] = [home.list(&db, "Week").await, home.list(&db, "Party").await];
        let milk = home.does(&db, weekly(&week, "Milk", "2026-11-28")).await.unwrap();
        let again = home.does(&db, weekly(&week, "MILK ", "2026-11-28")).await;
        assert!(matches!(again, Err(Error::NameTaken(id)) if id == milk.id.into()), "{again:?}");
        home.does(&db, weekly(&party, "Milk", "2026-11-28")).await.unwrap();
        let remove = || staple::Remove { staple: milk.id };
        let removed = home.does(&db, remove()).await.unwrap();
        assert_eq!((removed.removed_at.is_some(), removed.next_on, removed.version), (true, None, 2));
        assert_eq!(home.does(&db, remove()).await.unwrap(), removed, "twice is as once");
        let update =
            staple::Update { staple: milk.id, amounts: Some(vec![]), schedule: None, expected_version: None };
        assert_eq!(refusal(home.does(&db, update).await), RefusalCode::Gone);
        home.does(&db, weekly(&week, "Milk", "2026-11-29")).await.unwrap();
        clock.set("2026-11-28T12:00:00Z");
        add_due(&db, 100).await.unwrap();
        assert_eq!(home.names(&db, &week).await, [""; 0]);
        assert_eq!(home.names(&db, &party).await, ["Milk"]);

        let reader = proof(&db, home.users[0], home.id).await.unwrap();
        let conn = &mut *db.connection().await.unwrap();
        let count = i64::try_from(staple::page(conn, &reader, all()).await.unwrap().len()).unwrap();
        for number in count..STAPLE_LIMIT {
            home.does(&db, weekly(&week, &format!("Thing {number}"), "2026-12-01")).await.unwrap();
        }
        let one_more = home.does(&db, weekly(&week, "One more", "2026-12-01")).await;
        assert_eq!(refusal(one_more), RefusalCode::Limit);
        // All at once are more than are treated in one transaction.
        clock.set("2026-12-01T12:00:00Z");
        add_due(&db, 100).await.unwrap();
        assert_eq!(home.names(&db, &week).await.len(), 199);
        assert_eq!(db.number("SELECT COUNT(*) FROM grocery_staples WHERE next_on IS NULL").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staple_can_be_changed() {
    for db in databases().await {
        let clock = Clock::at("2026-11-26T12:00:00Z").await;
        let home = home_of_three(&db).await;
        let list = home.list(&db, "Week").await;
        let milk = home.does(&db, weekly(&list, "Milk", "2026-11-28")).await.unwrap();
        let update = |schedule: Option<(&str, &str)>, expected_version| staple::Update {
            staple: milk.id,
            amounts: None,
            schedule: schedule.map(|(start, rule)| (day(start).into(), rule.to_owned())),
            expected_version,
        };
        let same =
            home.does(&db, update(Some(("2026-11-28", "FREQ=WEEKLY;INTERVAL=1")), None)).await.unwrap();
        assert_eq!(same, milk, "it is so already");
        let daily = home.does(&db, update(Some(("2026-11-01", "FREQ=DAILY")), Some(1))).await.unwrap();
        assert_eq!((next(&daily), daily.version), (Some(day("2026-11-26")), 2));
        // Another schedule by who has seen the old one is half of each.
        let late = home.does(&db, update(Some(("2026-12-24", "FREQ=DAILY")), Some(1))).await;
        assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
        let more = staple::Update { amounts: Some(vec![(3.into(), Unit::Litre)]), ..update(None, Some(1)) };
        let more = home.does(&db, more).await.unwrap();
        assert_eq!((more.version, next(&more)), (3, next(&daily)));
        let never = home.does(&db, update(Some(("2026-11-01", "FREQ=DAILY;UNTIL=20261125")), None)).await;
        assert_eq!(refusal(never), RefusalCode::Invalid);
        let fields: Vec<_> = log(&db, home.id)
            .await
            .into_iter()
            .filter(|event| event.kind == Kind::GroceryStapleUpdated)
            .map(|event| event.fields)
            .collect();
        assert_eq!(fields, ["startDate,rule", "amounts"]);
        clock.set("2026-11-27T12:00:00Z");
        add_due(&db, 100).await.unwrap();
        let three = Amount::new(3.into(), Unit::Litre).unwrap();
        assert_eq!(home.listed(&db, &list).await[0].0.amounts.0, [three]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_full_or_put_away_keeps_no_other_waiting() {
    for db in databases().await {
        let clock = Clock::at("2026-11-26T12:00:00Z").await;
        let home = home_of_three(&db).await;
        let [full, away, week] =
            [home.list(&db, "Full").await, home.list(&db, "Away").await, home.list(&db, "Week").await];
        let one = home.put(&db, &full, line("Nails")).await;
        let mut staples = Vec::new();
        for list in [&full, &away, &week] {
            staples.push(home.does(&db, weekly(list, "Milk", "2026-11-28")).await.unwrap());
        }
        home.does(&db, list::Archive { list: away.id }).await.unwrap();
        // Five hundred things.
        for half in 0..5 {
            let lines =
                (0..100 - i32::from(half == 0)).map(|n| Line { is_separate: true, ..line(&format!("{n}")) });
            let add = roomm8_db::grocery::AddMany { list: full.id, lines: lines.collect() };
            home.does(&db, add).await.unwrap();
        }
        clock.set("2026-11-28T12:00:00Z");
        add_due(&db, 100).await.unwrap();
        assert_eq!((home.names(&db, &full).await.len(), home.names(&db, &week).await.len()), (500, 1));
        let dates = async || {
            let mut dates = Vec::new();
            for staple in &staples {
                dates.push(next(&now_of(&db, staple).await).unwrap().day());
            }
            dates
        };
        assert_eq!(dates().await, [5, 28, 5], "the full list goes without it once; the other waits");
        let statements = db.statistics().statements.load(std::sync::atomic::Ordering::Relaxed);
        add_due(&db, 100).await.unwrap();
        let asked = db.statistics().statements.load(std::sync::atomic::Ordering::Relaxed) - statements;
        assert_eq!(asked, 1, "what waits is not looked at again and again");

        home.does(&db, list::Restore { list: away.id }).await.unwrap();
        home.set(&db, &one, State::Removed).await;
        add_due(&db, 100).await.unwrap();
        assert_eq!(home.names(&db, &away).await, ["Milk"]);
        clock.set("2026-12-05T12:00:00Z");
        add_due(&db, 100).await.unwrap();
        assert_eq!(home.names(&db, &full).await.last().map(String::as_str), Some("Milk"));

        // A household that is put away is left alone, and makes up for it later.
        perform(&db, home.users[0], home.id, Archive).await.unwrap();
        clock.set("2026-12-12T12:00:00Z");
        add_due(&db, 100).await.unwrap();
        assert_eq!(dates().await, [12, 12, 12]);
        perform(&db, home.users[0], home.id, Restore).await.unwrap();
        add_due(&db, 100).await.unwrap();
        assert_eq!(dates().await, [19, 19, 19]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn staples_follow_the_household_to_where_it_moves() {
    for db in databases().await {
        let clock = Clock::at("2026-11-26T12:00:00Z").await;
        let home = home_of_three(&db).await;
        let list = home.list(&db, "Week").await;
        for (name, start) in [("Milk", "2026-11-28"), ("Oats", "2026-11-29")] {
            home.does(&db, weekly(&list, name, start)).await.unwrap();
        }
        let go =
            |zone: &str| household::Update { time_zone: Some(zone.into()), ..household::Update::default() };
        home.does(&db, go("Asia/Tokyo")).await.unwrap();
        clock.set("2026-11-27T14:59:59Z");
        add_due(&db, 100).await.unwrap();
        assert_eq!(home.names(&db, &list).await, [""; 0]);
        clock.set("2026-11-27T15:00:00Z");
        add_due(&db, 100).await.unwrap();
        assert_eq!(home.names(&db, &list).await, ["Milk"]);
        home.does(&db, go("America/Los_Angeles")).await.unwrap();
        clock.set("2026-11-29T07:59:59Z");
        add_due(&db, 100).await.unwrap();
        assert_eq!(home.names(&db, &list).await, ["Milk"]);
        clock.set("2026-11-29T08:00:00Z");
        add_due(&db, 100).await.unwrap();
        assert_eq!(home.names(&db, &list).await, ["Milk", "Oats"]);
    }
}

/// Things of these kinds, which are known from then on.
async fn stock(db: &Database, home: &Home, list: &List, things: &[(&str, &str)]) {
    for (name, kind) in things {
        let categories = home.categories(db).await;
        let category = match categories.into_iter().find(|category| category.name == *kind) {
            Some(category) => category,
            None => home.category(db, kind).await,
        };
        let item = home.put(db, list, line(name)).await;
        home.of_category(db, &item, &category).await;
        home.set(db, &item, State::Removed).await;
    }
}

async fn learned_in(db: &Fresh, home: &Home, store: &Store) -> Option<Vec<String>> {
    let reader = proof(db, home.users[0], home.id).await.unwrap();
    let conn = &mut *db.connection().await.unwrap();
    let learned = learned::orders(conn, &reader, &[store.id]).await.unwrap().remove(&store.id);
    learned.map(|categories| categories.into_iter().map(|category| category.name).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stores_order_is_learned_from_how_it_is_walked_and_only_offered() {
    for db in databases().await {
        let clock = Clock::at("2026-01-05T10:00:00Z").await;
        let home = home_of_three(&db).await;
        let list = home.list(&db, "Week").await;
        let (corner, market) = (home.store(&db, "Corner").await, home.store(&db, "Market").await);
        let things = [
            ("Leek", "Vegetables"),
            ("Milk", "Dairy"),
            ("Bread", "Bakery"),
            ("Wine", "Drinks"),
            ("Rope", "Other"),
        ];
        stock(&db, &home, &list, &things).await;
        let walk = async |number: u64, store: &Store, names: &[&str]| {
            clock.noon(day("2026-01-05") + Days::new(number));
            home.shop(&db, &list, Some(store), names).await
        };
        for number in 0..4 {
            walk(number, &corner, &["Bread", "Leek", "Milk"]).await;
        }
        assert_eq!(learned_in(&db, &home, &corner).await, None, "four trips are not enough");
        let undone = walk(4, &corner, &["Leek", "Milk"]).await;
        home.does(&db, trip::Undo { trip: undone.id }).await.unwrap();
        assert_eq!(learned_in(&db, &home, &corner).await, None, "nor is one that was undone");
        for (item, _) in home.listed(&db, &list).await {
            home.set(&db, &item, State::Removed).await;
        }
        let latest = walk(5, &corner, &["Milk", "Wine", "Bread"]).await;
        let learned = || ["Bakery", "Vegetables", "Dairy", "Drinks"].map(str::to_owned).to_vec();
        assert_eq!(learned_in(&db, &home, &corner).await, Some(learned()), "most of them say so");
        assert_eq!(learned_in(&db, &home, &market).await, None, "another store is another");
        let as_usual: Vec<_> = home.categories(&db).await.iter().map(|category| category.id).collect();
        assert_eq!(home.order(&db, &corner).await, as_usual, "it is offered, not applied");

        // What stands elsewhere there says where that is.
        let wine =
            roomm8_db::grocery::trip::items(&mut db.connection().await.unwrap(), &[latest.id]).await.unwrap();
        let wine = wine.iter().find(|(_, product)| product.name == "Wine").unwrap().1.id;
        let set = |category| SetHome { store: corner.id, product: wine, category };
        home.does(&db, set(Some(as_usual[0]))).await.unwrap();
        let without: Vec<_> = learned().into_iter().filter(|name| name != "Drinks").collect();
        assert_eq!(learned_in(&db, &home, &corner).await, Some(without));
        home.does(&db, set(None)).await.unwrap();

        // Once it is taken over there is nothing to offer.
        let categories = home.categories(&db).await;
        let of = |name: &String| categories.iter().find(|category| category.name == *name).unwrap().id;
        let order = OrderSections { store: corner.id, categories: learned().iter().map(of).collect() };
        home.does(&db, order).await.unwrap();
        assert_eq!(learned_in(&db, &home, &corner).await, None);
        home.does(&db, OrderSections { store: corner.id, categories: Vec::new() }).await.unwrap();
        assert!(learned_in(&db, &home, &corner).await.is_some());
        clock.noon(day("2027-01-07"));
        assert_eq!(learned_in(&db, &home, &corner).await, None, "what is too long ago does not count");
    }
}

async fn suggested(db: &Fresh, home: &Home, list: &List, limit: usize) -> Vec<(String, String)> {
    let reader = proof(db, home.users[0], home.id).await.unwrap();
    let conn = &mut *db.connection().await.unwrap();
    let mut suggestions = suggestion::of_lists(conn, &reader, &[list.id], limit).await.unwrap();
    let mut told = Vec::new();
    for suggestion in suggestions.remove(&list.id).unwrap() {
        let reason = match suggestion.reason {
            Reason::Due { every } => format!("every {every}"),
            Reason::BoughtWith(id) => {
                let with = product::known(conn, &[(home.id, id)]).await.unwrap().remove(0);
                format!("with {}", with.name)
            }
        };
        told.push((suggestion.product.name, reason));
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_by_habit_is_suggested_and_then_what_goes_with_what_is_wanted() {
    for db in databases().await {
        let clock = Clock::at("2026-03-01T10:00:00Z").await;
        let home = home_of_three(&db).await;
        let [week, party] = [home.list(&db, "Week").await, home.list(&db, "Party").await];
        let first = day("2026-03-01");
        for number in 0..5 {
            clock.noon(first + Days::new(7 * number));
            home.shop(&db, &week, None, &["Milk"]).await;
            if number % 2 == 0 {
                home.shop(&db, &week, None, &["Coffee"]).await;
                home.shop(&db, &party, None, &["Gin", "Tonic"]).await;
            }
        }
        let undone = home.shop(&db, &week, None, &["Coffee"]).await;
        home.does(&db, trip::Undo { trip: undone.id }).await.unwrap();
        let (left, _) = home.listed(&db, &week).await.remove(0);
        home.set(&db, &left, State::Removed).await;
        let told = |told: &[(&str, &str)]| {
            told.iter().map(|(name, why)| ((*name).to_owned(), (*why).to_owned())).collect::<Vec<_>>()
        };
        // Milk was bought 28 days after the first time, last on the 29th.
        clock.noon(first + Days::new(28 + 6));
        assert_eq!(suggested(&db, &home, &week, 10).await, []);
        clock.noon(first + Days::new(28 + 7));
        assert_eq!(suggested(&db, &home, &week, 10).await, told(&[("Milk", "every 7")]));
        let gin = home.put(&db, &week, line("Gin")).await;
        let both = told(&[("Milk", "every 7"), ("Tonic", "with Gin")]);
        assert_eq!(suggested(&db, &home, &week, 10).await, both);
        assert_eq!(suggested(&db, &home, &week, 1).await, both[..1]);
        assert_eq!(suggested(&db, &home, &party, 10).await, both[..1], "nothing is wanted there");
        home.set(&db, &gin, State::Unavailable).await;
        assert_eq!(suggested(&db, &home, &week, 10).await, both, "it is wanted still");
        home.set(&db, &gin, State::Bought).await;
        assert_eq!(suggested(&db, &home, &week, 10).await, both[..1], "it is bought");

        // What is on the list is not suggested, be it wanted or bought, nor what is forgotten.
        let milk = home.put(&db, &week, line("Milk")).await;
        assert_eq!(suggested(&db, &home, &week, 10).await, []);
        home.set(&db, &milk, State::Bought).await;
        assert_eq!(suggested(&db, &home, &week, 10).await, []);
        clock.noon(first + Days::new(28 + 20));
        let coffee = told(&[("Coffee", "every 14"), ("Tonic", "every 14")]);
        assert_eq!(suggested(&db, &home, &week, 10).await, coffee);
        home.does(&db, product::Remove { product: left.product_id }).await.unwrap();
        assert_eq!(suggested(&db, &home, &week, 10).await, coffee[1..]);

        let other = cast::home(&db, home.users[0]).await;
        let elsewhere = proof(&db, home.users[0], other).await.unwrap();
        let conn = &mut *db.connection().await.unwrap();
        let found = suggestion::of_lists(conn, &elsewhere, &[week.id], 10).await.unwrap();
        assert_eq!(found[&week.id], []);
        clock.noon(first + Days::new(28 + 366));
        assert_eq!(suggested(&db, &home, &party, 10).await, [], "what is too long ago is no habit");
    }
}
