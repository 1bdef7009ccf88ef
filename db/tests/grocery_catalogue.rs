//! Stories about the household's catalogue: what it knows, how that is found, changed, forgotten, and made one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod pantry;
mod support;

use cast::chores::{Home, day, home_of_three};
use cast::{join, log, perform, person, proof, refusal};
use pantry::{all, line, renamed};
use roomm8_db::access::Role;
use roomm8_db::event::Kind;
use roomm8_db::grocery::store::SetHome;
use roomm8_db::grocery::{
    Amount, Item, Line, Product, SameName, State, Unit, Update, changes, list, product, staple,
};
use roomm8_db::member::{ChangeRole, Leave, Remove, Return};
use roomm8_db::message::End;
use roomm8_db::page::Window;
use roomm8_db::{Database, Error, MemberId, RefusalCode, Subject, SubjectId, To};
use support::databases;

fn of(quantity: i64, unit: Unit) -> Amount {
    Amount::new(quantity.into(), unit).unwrap()
}

fn so_much(name: &str, quantity: i64, unit: Unit) -> Line {
    Line { amounts: vec![(quantity.into(), unit)], ..line(name) }
}

/// What was told since: of which kind, of what, and which fields.
async fn told(db: &Database, home: &Home, since: usize) -> Vec<(Kind, SubjectId, String)> {
    let events = log(db, home.id).await.split_off(since);
    events.into_iter().map(|event| (event.kind, event.subject_id, event.fields)).collect()
}

async fn product(db: &Database, id: SubjectId) -> Product {
    Product::find(&mut db.connection().await.unwrap(), id).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn things_are_found_by_how_a_word_of_them_begins_however_it_is_written() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let list = home.list(&db, "Week").await;
        let names = [
            "Brown Sugar",
            "Oat milk",
            "Milk",
            "100% juice",
            "100 nails",
            "snow_peas",
            "snow peas",
            "Straße!",
        ];
        for name in names {
            home.put(&db, &list, line(name)).await;
        }
        for (begins, found) in [
            ("", &names[..]),
            ("  ", &names),
            ("mil", &["Oat milk", "Milk"]),
            ("ＭＩＬＫ", &["Oat milk", "Milk"]),
            ("ilk", &[]),
            ("oat  m", &["Oat milk"]),
            ("BROWN", &["Brown Sugar"]),
            ("100%", &["100% juice"]),
            ("100", &["100% juice", "100 nails"]),
            ("snow_", &["snow_peas"]),
            ("snow", &["snow_peas", "snow peas"]),
            ("strasse!", &["Straße!"]),
            ("!", &[]),
            ("\\", &[]),
            ("%", &[]),
        ] {
            assert_eq!(home.known(&db, begins).await, found, "{begins:?}");
        }
        assert_eq!(home.known(&db, &"milk".repeat(20_000)).await, [""; 0]);

        let reader = proof(&db, home.users[0], home.id).await.unwrap();
        let conn = &mut *db.connection().await.unwrap();
        let newest = Window { limit: 1, end: End::Newest, ..all() };
        let found = product::page(conn, &reader, "mil", newest).await.unwrap().remove(0);
        assert_eq!(found.name, "Milk");
        let before = Window { before: Some(found.id.into()), ..all() };
        let before = product::page(conn, &reader, "mil", before).await.unwrap();
        assert_eq!(before.iter().map(|product| product.name.as_str()).collect::<Vec<_>>(), ["Oat milk"]);

        // What is forgotten is not found, nor what is another household's.
        home.does(&db, product::Remove { product: found.id }).await.unwrap();
        assert_eq!(home.known(&db, "mil").await, ["Oat milk"]);
        let elsewhere = cast::home(&db, home.users[0]).await;
        let reader = proof(&db, home.users[0], elsewhere).await.unwrap();
        assert_eq!(product::page(conn, &reader, "", all()).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_remembered_can_be_changed() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let (list, dairy) = (home.list(&db, "Week").await, home.category(&db, "Dairy").await);
        let milk = home.put(&db, &list, line("milk")).await;
        let before = log(&db, home.id).await.len();
        let update = || renamed(&milk, Some("MILK"), SameName::Refuse);
        let spelt = home.does(&db, update()).await.unwrap();
        assert_eq!((spelt.name.as_str(), spelt.version), ("MILK", 2));
        assert_eq!(home.does(&db, update()).await.unwrap(), spelt, "it is so already");
        let update = product::Update {
            name: Some("Whole milk".into()),
            category: Some(To::Value(dairy.id)),
            unit: Some(To::Value(Unit::Litre)),
            expected_version: Some(2),
            ..update()
        };
        let named = home.does(&db, update).await.unwrap();
        assert_eq!((named.id, named.category_id, named.unit), (spelt.id, Some(dairy.id), Some(Unit::Litre)));
        assert_eq!(home.names(&db, &list).await, ["Whole milk"]);
        let kind = Kind::GroceryProductUpdated;
        let events =
            [(kind, spelt.id.into(), "name".into()), (kind, spelt.id.into(), "category,unit,name".into())];
        assert_eq!(told(&db, &home, before).await, events);
        assert_ne!(
            home.put(&db, &list, line("milk")).await.product_id,
            spelt.id,
            "that is something else now"
        );

        let bare = product::Update {
            category: Some(To::Nothing),
            unit: Some(To::Nothing),
            expected_version: Some(2),
            ..renamed(&milk, None, SameName::Refuse)
        };
        let late = home.does(&db, bare).await;
        assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
        let unknown = product::Update {
            category: Some(To::Value(roomm8_db::GroceryCategoryId::new())),
            ..renamed(&milk, None, SameName::Refuse)
        };
        assert_eq!(refusal(home.does(&db, unknown).await), RefusalCode::InvalidReference);
        let empty = home.does(&db, renamed(&milk, Some(" "), SameName::Refuse)).await;
        assert_eq!(refusal(empty), RefusalCode::TooShort);
        let elsewhere = cast::home(&db, home.users[0]).await;
        let stranger =
            perform(&db, home.users[0], elsewhere, renamed(&milk, Some("Ours"), SameName::Refuse)).await;
        assert!(matches!(stranger, Err(Error::NotFound)), "{stranger:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_catalogue_forgets_stays_on_lists_and_is_known_again_by_its_name() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let (list, shop) = (home.list(&db, "Week").await, home.store(&db, "Corner").await);
        let dairy = home.category(&db, "Dairy").await;
        let item = home.put(&db, &list, line("Milk")).await;
        let set = SetHome { store: shop.id, product: item.product_id, category: Some(dairy.id) };
        home.does(&db, set).await.unwrap();
        let weekly = staple::Create {
            list: list.id,
            name: "Milk".into(),
            amounts: Vec::new(),
            start_on: day(3).into(),
            rule: "FREQ=WEEKLY".into(),
        };
        let staple = home.does(&db, weekly).await.unwrap();
        let before = log(&db, home.id).await.len();
        let remove = || product::Remove { product: item.product_id };
        let removed = home.does(&db, remove()).await.unwrap();
        assert!(removed.removed_at.is_some());
        assert_eq!(home.does(&db, remove()).await.unwrap(), removed, "twice is as once");
        let events = [
            (Kind::GroceryStapleRemoved, staple.id.into(), "removedAt".into()),
            (Kind::GroceryProductRemoved, removed.id.into(), "removedAt".into()),
        ];
        assert_eq!(told(&db, &home, before).await, events);
        assert_eq!(db.count("grocery_homes").await, 0);
        assert_eq!(home.names(&db, &list).await, ["Milk"]);
        assert_eq!(
            refusal(home.does(&db, renamed(&item, Some("Cream"), SameName::Merge)).await),
            RefusalCode::Gone
        );

        // What more of it is wanted merges into what is; and it is known again, as something new.
        let before = log(&db, home.id).await.len();
        let again = home.put(&db, &list, line("milk")).await;
        assert_eq!((again.id, again.product_id), (item.id, item.product_id));
        let events = [
            (Kind::GroceryProductUpdated, removed.id.into(), "removedAt,name".into()),
            (Kind::GroceryItemMerged, item.id.into(), "added".into()),
        ];
        assert_eq!(told(&db, &home, before).await, events);
        assert_eq!(home.names(&db, &list).await, ["milk"]);
        assert_eq!(home.known(&db, "mil").await, ["milk"]);
        let known = product(&db, item.product_id.into()).await;
        assert_eq!((known.category_id, known.unit, known.removed_at), (None, None, None));

        // A name that was forgotten is taken while something of it is wanted, and free after that.
        home.does(&db, remove()).await.unwrap();
        let cream = home.put(&db, &list, line("Cream")).await;
        let taken = home.does(&db, renamed(&cream, Some("MILK"), SameName::Refuse)).await;
        assert!(matches!(taken, Err(Error::NameTaken(by)) if by == item.product_id.into()), "{taken:?}");
        home.set(&db, &again, State::Bought).await;
        home.does(&db, renamed(&cream, Some("MILK"), SameName::Refuse)).await.unwrap();
        assert_eq!(home.known(&db, "").await, ["MILK"]);
        assert_eq!(home.item(&db, cream.id.into()).await.product_id, cream.product_id);

        // An item that gets the name of what is forgotten brings it back as well, be it its own or another's.
        home.does(&db, product::Remove { product: cream.product_id }).await.unwrap();
        let called = |item: &Item, name: &str, same_name| Update {
            name: Some(name.into()),
            same_name,
            ..Update::of(item.id)
        };
        home.does(&db, called(&cream, "Milk", SameName::Refuse)).await.unwrap();
        assert_eq!(home.known(&db, "").await, ["Milk"]);
        home.does(&db, product::Remove { product: cream.product_id }).await.unwrap();
        let oats = home.put(&db, &list, line("Oats")).await;
        home.does(&db, called(&oats, "milk", SameName::Merge)).await.unwrap();
        assert_eq!(home.known(&db, "mi").await, ["milk"]);
        assert_eq!(home.item(&db, oats.id.into()).await.state, State::Removed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_another_has_is_refused_or_the_two_become_one() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [week, party, attic] =
            [home.list(&db, "Week").await, home.list(&db, "Party").await, home.list(&db, "Attic").await];
        let (corner, market) = (home.store(&db, "Corner").await, home.store(&db, "Market").await);
        let (dairy, drinks) = (home.category(&db, "Dairy").await, home.category(&db, "Drinks").await);
        // Wanted of both; of one; bought, and gone with a trip, or taken off.
        let trip = home.shop(&db, &week, None, &["Millk"]).await;
        let note =
            |name, note: &str| Line { note: Some(note.into()), ..so_much(name, 500, Unit::Millilitre) };
        let wrong = home.put(&db, &week, note("Millk", "the blue one")).await;
        let right =
            home.put(&db, &week, Line { note: Some("cold".into()), ..so_much("Milk", 1, Unit::Litre) }).await;
        let alone = home.put(&db, &party, line("millk")).await;
        let bought = home.put(&db, &attic, line("Millk")).await;
        let bought = home.set(&db, &bought, State::Bought).await;
        let apart = home.put(&db, &week, Line { is_separate: true, ..line("Millk") }).await;
        let others = home.put(&db, &week, line("Bread")).await;
        home.of_category(&db, &wrong, &dairy).await;
        for (store, item, category) in
            [(&corner, &wrong, &drinks), (&market, &wrong, &drinks), (&market, &right, &dairy)]
        {
            let set = SetHome { store: store.id, product: item.product_id, category: Some(category.id) };
            home.does(&db, set).await.unwrap();
        }
        let mut staples = Vec::new();
        for (list, name) in [(&week, "Millk"), (&party, "Millk"), (&week, "Milk")] {
            let create = staple::Create {
                list: list.id,
                name: name.into(),
                amounts: Vec::new(),
                start_on: day(3).into(),
                rule: "FREQ=WEEKLY".into(),
            };
            staples.push(home.does(&db, create).await.unwrap().id);
        }

        let before = log(&db, home.id).await.len();
        let refused = home.does(&db, renamed(&wrong, Some(" MILK "), SameName::Refuse)).await;
        assert!(matches!(refused, Err(Error::NameTaken(id)) if id == right.product_id.into()), "{refused:?}");
        assert_eq!(log(&db, home.id).await.len(), before);
        let merged = home.does(&db, renamed(&wrong, Some(" MILK "), SameName::Merge)).await.unwrap();
        assert_eq!((merged.id, merged.name.as_str()), (right.product_id, "Milk"));
        assert_eq!(
            (merged.category_id, merged.unit),
            (Some(dairy.id), Some(Unit::Litre)),
            "what one knew both do"
        );
        let events = [
            (Kind::GroceryProductUpdated, merged.id.into(), "category".to_owned()),
            (Kind::GroceryItemMerged, right.id.into(), "added,amounts,note".to_owned()),
            (Kind::GroceryItemStateChanged, wrong.id.into(), "state".to_owned()),
            (Kind::GroceryStapleRemoved, staples[0].into(), "removedAt".to_owned()),
            (Kind::GroceryStapleUpdated, staples[1].into(), "product".to_owned()),
            (Kind::GroceryProductRemoved, wrong.product_id.into(), "removedAt".to_owned()),
        ];
        assert_eq!(told(&db, &home, before).await, events);

        let one = home.item(&db, right.id.into()).await;
        assert_eq!(one.amounts.0, [Amount::new("1.5".parse().unwrap(), Unit::Litre).unwrap()]);
        assert_eq!(one.note.as_deref(), Some("cold\nthe blue one"));
        let gone = home.item(&db, wrong.id.into()).await;
        assert_eq!((gone.state, gone.is_listed, gone.product_id), (State::Removed, false, merged.id));
        for (was, list) in [(&alone, &party), (&bought, &attic)] {
            let is = home.item(&db, was.id.into()).await;
            assert_eq!((is.product_id, is.version, is.state), (merged.id, was.version + 1, was.state));
            assert_eq!(home.names(&db, list).await, ["Milk"]);
        }
        assert_eq!(home.names(&db, &week).await, ["Milk", "Milk", "Bread"], "what is apart stays so");
        assert_eq!(home.item(&db, apart.id.into()).await.product_id, merged.id);
        assert_eq!(home.item(&db, others.id.into()).await, others);
        let conn = &mut *db.connection().await.unwrap();
        let past = roomm8_db::grocery::trip::items(conn, &[trip.id]).await.unwrap();
        assert_eq!(past[0].1, merged);
        let homes: Vec<_> = home.layout(&db, &corner).await.homes().collect();
        assert_eq!(homes, [(merged.id, drinks.id)]);
        let homes: Vec<_> = home.layout(&db, &market).await.homes().collect();
        assert_eq!(homes, [(merged.id, dairy.id)], "what was said of the other stands");
        let reader = proof(&db, home.users[0], home.id).await.unwrap();
        let left = staple::page(conn, &reader, all()).await.unwrap();
        let left: Vec<_> = left.iter().map(|staple| (staple.id, staple.product_id)).collect();
        assert_eq!(left, [(staples[1], merged.id), (staples[2], merged.id)]);

        // Phones that ask what they missed are told all of it.
        let position = roomm8_db::event::Position { seq: i64::try_from(before).unwrap(), ..reader.head() };
        let mut missed = changes::since(conn, &reader, &[party.id], Some(position)).await.unwrap();
        let missed = missed.remove(&party.id).unwrap();
        assert_eq!(
            missed.items.iter().map(|(item, product)| (item.id, product.id)).collect::<Vec<_>>(),
            [(alone.id, merged.id)]
        );

        // What more is wanted merges into what is wanted; and by the old name it is something else again.
        let more = home.put(&db, &party, line("Milk")).await;
        assert_eq!(more.id, alone.id);
        assert!(product(&db, wrong.product_id.into()).await.removed_at.is_some());
        let again = home.put(&db, &week, line("Millk")).await;
        assert_eq!((again.product_id, again.version), (wrong.product_id, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_too_much_together_does_not_become_one() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let list = home.list(&db, "Week").await;
        let one = home.put(&db, &list, so_much("Rice", 600_000, Unit::Kilogram)).await;
        let other = home.put(&db, &list, so_much("Basmati", 600_000, Unit::Kilogram)).await;
        let before = log(&db, home.id).await.len();
        let merge = home.does(&db, renamed(&other, Some("Rice"), SameName::Merge)).await;
        assert_eq!(refusal(merge), RefusalCode::Limit);
        assert_eq!(log(&db, home.id).await.len(), before);
        let amounts = |item: Item| item.amounts.0;
        assert_eq!(amounts(home.item(&db, one.id.into()).await), [of(600_000, Unit::Kilogram)]);
        assert_eq!(home.names(&db, &list).await, ["Rice", "Basmati"]);
    }
}

/// A list and an item on it that somebody is to buy.
async fn errand(db: &Database, home: &Home, buyer: MemberId) -> (list::List, Item, Item) {
    let create = list::Create { name: "Week".into(), store: None, assignee: Some(buyer), is_urgent: false };
    let list = home.does(db, create).await.unwrap();
    let theirs = home.put(db, &list, Line { assignee: Some(buyer), ..line("Milk") }).await;
    let others = home.put(db, &list, Line { assignee: Some(home.members[0]), ..line("Bread") }).await;
    (list, theirs, others)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_or_is_removed_or_becomes_a_guest_has_nothing_left_to_buy() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let [ada, bob, cleo] = home.users;
        let dan = person(&db, "Dan").await;
        let dan_there = join(&db, ada, home.id, Role::Member, dan).await;
        for (place, who) in [(0, home.members[1]), (1, home.members[2]), (2, dan_there)] {
            let (list, theirs, others) = errand(&db, &home, who).await;
            home.does(&db, list::Archive { list: list.id }).await.unwrap();
            home.does(&db, list::Restore { list: list.id }).await.unwrap();
            home.shop(&db, &list, None, &["Oats"]).await;
            let before = log(&db, home.id).await.len();
            match place {
                0 => drop(perform(&db, bob, home.id, Leave { transfer_to: None }).await.unwrap()),
                1 => {
                    let remove = Remove { member: who, may_return: Return::Allowed };
                    drop(perform(&db, ada, home.id, remove).await.unwrap());
                }
                _ => {
                    let demote = ChangeRole { member: who, role: Role::Guest, expected_version: None };
                    drop(perform(&db, ada, home.id, demote).await.unwrap());
                }
            }
            let conn = &mut *db.connection().await.unwrap();
            let after = list::List::find(conn, list.id.into()).await.unwrap();
            assert_eq!((after.assignee_id, after.version), (None, 4));
            let item = home.item(&db, theirs.id.into()).await;
            assert_eq!((item.assignee_id, item.version), (None, theirs.version + 1));
            assert_eq!(home.item(&db, others.id.into()).await, others);
            let news: Vec<_> = told(&db, &home, before).await;
            let assignee = "assignee".to_owned();
            assert!(news.contains(&(Kind::GroceryListUpdated, list.id.into(), assignee.clone())), "{news:?}");
            let of_items: Vec<_> =
                news.into_iter().filter(|(kind, ..)| *kind == Kind::GroceryItemUpdated).collect();
            assert_eq!(of_items, [(Kind::GroceryItemUpdated, theirs.id.into(), assignee)]);
            let reader = proof(&db, ada, home.id).await.unwrap();
            let position =
                roomm8_db::event::Position { seq: i64::try_from(before).unwrap(), ..reader.head() };
            let mut missed = changes::since(conn, &reader, &[after.id], Some(position)).await.unwrap();
            let missed = missed.remove(&after.id).unwrap();
            assert_eq!(missed.items.iter().map(|(item, _)| item.id).collect::<Vec<_>>(), [theirs.id]);
        }
        assert!(matches!(proof(&db, cleo, home.id).await, Err(Error::NotFound)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_on_many_lists_is_what_did_on_each() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        let lists =
            [home.list(&db, "Week").await, home.list(&db, "Party").await, home.list(&db, "Quiet").await];
        let milk = home.put(&db, &lists[0], line("Milk")).await;
        let gin = home.put(&db, &lists[1], line("Gin")).await;
        let then = proof(&db, home.users[0], home.id).await.unwrap().head();
        home.put(&db, &lists[0], line("Rye")).await;
        home.set(&db, &milk, State::Removed).await;
        home.does(&db, renamed(&gin, Some("Old gin"), SameName::Refuse)).await.unwrap();
        let reader = proof(&db, home.users[0], home.id).await.unwrap();
        let conn = &mut *db.connection().await.unwrap();
        let ids: Vec<_> = lists.iter().map(|list| list.id).collect();
        for (since, sizes) in [(None, [1, 1, 0]), (Some(then), [1, 1, 0]), (Some(reader.head()), [0, 0, 0])] {
            let all = changes::since(conn, &reader, &ids, since).await.unwrap();
            assert_eq!(ids.iter().map(|id| all[id].items.len()).collect::<Vec<_>>(), sizes);
            for id in &ids {
                let alone = changes::since(conn, &reader, &[*id], since).await.unwrap();
                assert_eq!(all[id], alone[id]);
                let gone = usize::from(since == Some(then) && *id == lists[0].id);
                assert_eq!((all[id].is_whole, all[id].gone.len()), (since.is_none(), gone));
            }
        }
    }
}
