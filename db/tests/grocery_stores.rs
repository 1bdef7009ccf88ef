//! Stories about categories and stores: the household's order of things, and how each store has its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod pantry;
mod support;

use cast::chores::{Home, home_of_three};
use cast::{join, log, perform, person, proof, refusal};
use pantry::line;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng};
use roomm8_db::access::Role;
use roomm8_db::event::Kind;
use roomm8_db::grocery::category::{self, Behind, CATEGORY_LIMIT, Category};
use roomm8_db::grocery::store::{
    self, HOME_LIMIT, HideSection, MoveSection, OrderSections, Rename, STORE_LIMIT, SetHome, Store,
};
use roomm8_db::grocery::{Product, changes, list, trip};
use roomm8_db::{Database, Error, GroceryCategoryId, RefusalCode, Result, Subject, SubjectId};
use std::fmt::Debug;
use std::sync::atomic::Ordering;
use support::databases;

fn moved(category: GroceryCategoryId, after: Behind) -> category::Update {
    category::Update { category, name: None, after: Some(after), expected_version: None }
}

fn named(category: GroceryCategoryId, name: &str) -> category::Update {
    category::Update { category, name: Some(name.into()), after: None, expected_version: None }
}

fn rename(store: &Store, name: &str) -> Rename {
    Rename { store: store.id, name: name.into(), expected_version: None }
}

/// Which has the name.
fn taken<T: Debug>(result: Result<T>) -> SubjectId {
    match result {
        Err(Error::NameTaken(id)) => id,
        other => panic!("the name should be taken: {other:?}"),
    }
}

/// What was told since: of which kind, of what, which version, which fields.
async fn told(db: &Database, home: &Home, since: usize) -> Vec<(Kind, SubjectId, i32, String)> {
    let events = log(db, home.id).await.split_off(since);
    events
        .into_iter()
        .map(|event| (event.kind, event.subject_id, event.subject_version, event.fields))
        .collect()
}

async fn household(db: &Database, names: &[&str]) -> (Home, Vec<Category>) {
    let home = home_of_three(db).await;
    let mut categories = Vec::new();
    for name in names {
        categories.push(home.category(db, name).await);
    }
    (home, categories)
}

fn ids(categories: &[Category]) -> Vec<GroceryCategoryId> {
    categories.iter().map(|category| category.id).collect()
}

/// How a random move changes an order: what moves, behind what, and what it is then.
fn any_move(
    rng: &mut StdRng,
    order: &[GroceryCategoryId],
) -> (GroceryCategoryId, Behind, Vec<GroceryCategoryId>) {
    let mut order = order.to_vec();
    let moved = order.remove(rng.random_range(0..order.len()));
    let to = rng.random_range(0..=order.len());
    let after = if to == 0 { Behind::Nothing } else { Behind::Category(order[to - 1]) };
    order.insert(to, moved);
    (moved, after, order)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_has_a_name_of_its_own_and_stands_behind_the_others() {
    for db in databases().await {
        let (home, made) = household(&db, &["Vegetables", "Straße & Co", "Dairy"]).await;
        assert_eq!(home.categories(&db).await, made);
        let again = home.does(&db, category::Create { name: " STRASSE  & co".into() }).await;
        assert_eq!(taken(again), made[1].id.into());
        let onto = home.does(&db, named(made[0].id, "dairy")).await;
        assert_eq!(taken(onto), made[2].id.into());
        let empty = home.does(&db, category::Create { name: " \u{200b}".into() }).await;
        assert_eq!(refusal(empty), RefusalCode::TooShort);

        let before = log(&db, home.id).await.len();
        let spelt = home.does(&db, named(made[2].id, "DAIRY")).await.unwrap();
        assert_eq!((spelt.name.as_str(), spelt.version), ("DAIRY", 2));
        assert_eq!(home.does(&db, named(made[2].id, "DAIRY")).await.unwrap(), spelt, "it is so already");
        let event = (Kind::GroceryCategoryUpdated, made[2].id.into(), 2, "name".to_owned());
        assert_eq!(told(&db, &home, before).await, [event]);

        // Another household has the same names.
        let other = cast::home(&db, home.users[0]).await;
        perform(&db, home.users[0], other, category::Create { name: "Dairy".into() }).await.unwrap();
        let stranger = perform(&db, home.users[0], other, named(made[0].id, "Greens")).await;
        assert!(matches!(stranger, Err(Error::NotFound)), "{stranger:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn moving_a_category_moves_no_other() {
    let mut rng = StdRng::seed_from_u64(15);
    for db in databases().await {
        let (home, made) = household(&db, &["A", "B", "C", "D", "E"]).await;
        let mut order = ids(&made);
        for _ in 0..60 {
            let before = home.categories(&db).await;
            let since = log(&db, home.id).await.len();
            let (category, after, then) = any_move(&mut rng, &order);
            let result = home.does(&db, moved(category, after)).await.unwrap();
            let now = home.categories(&db).await;
            assert_eq!(ids(&now), then);
            for was in &before {
                let is = now.iter().find(|is| is.id == was.id).unwrap();
                assert_eq!(is == was, was.id != category || then == order, "{was:?} {is:?}");
            }
            let event = (Kind::GroceryCategoryUpdated, category.into(), result.version, "place".to_owned());
            let news = if then == order { vec![] } else { vec![event] };
            assert_eq!(told(&db, &home, since).await, news);
            order = then;
        }
        let itself = home.does(&db, moved(order[0], Behind::Category(order[0]))).await;
        assert_eq!(refusal(itself), RefusalCode::InvalidReference);
        let nowhere = home.does(&db, moved(order[0], Behind::Category(GroceryCategoryId::new()))).await;
        assert_eq!(refusal(nowhere), RefusalCode::InvalidReference);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_room_all_get_new_places_and_nobody_hears_of_it() {
    for db in databases().await {
        let (home, made) = household(&db, &["A", "B", "C"]).await;
        let [a, b, c] = ids(&made).try_into().unwrap();
        // A subquery of its own, as MySQL reads no table that it is changing.
        let first = "(SELECT place FROM (SELECT place FROM grocery_categories WHERE name = 'A') AS first)";
        db.tell(&format!("UPDATE grocery_categories SET place = {first} WHERE name = 'B'")).await;
        let since = log(&db, home.id).await.len();
        home.does(&db, moved(c, Behind::Category(a))).await.unwrap();
        assert_eq!(told(&db, &home, since).await.len(), 1);
        let after = home.categories(&db).await;
        assert_eq!(ids(&after), [a, c, b]);
        assert!(after.is_sorted_by(|one, next| one.place < next.place), "{after:?}");
        assert_eq!(after.iter().map(|category| category.version).collect::<Vec<_>>(), [1, 2, 1]);

        // The same in a store.
        let shop = home.store(&db, "Corner").await;
        home.does(&db, OrderSections { store: shop.id, categories: vec![a, b] }).await.unwrap();
        db.tell(&format!("UPDATE grocery_sections SET place = {first}")).await;
        let between = MoveSection { store: shop.id, category: c, after: Behind::Category(a) };
        home.does(&db, between).await.unwrap();
        assert_eq!(home.order(&db, &shop).await, [a, c, b]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_change_a_category_at_once_both_have_their_way_unless_it_is_the_same() {
    for db in databases().await {
        let (home, made) = household(&db, &["A", "B"]).await;
        let seen = Some(made[1].version);
        let moved = category::Update { expected_version: seen, ..moved(made[1].id, Behind::Nothing) };
        home.does(&db, moved).await.unwrap();
        let named = || category::Update { expected_version: seen, ..named(made[1].id, "Bread") };
        let both = home.does(&db, named()).await.unwrap();
        assert_eq!((both.name.as_str(), both.version), ("Bread", 3));
        assert_eq!(ids(&home.categories(&db).await), [made[1].id, made[0].id]);
        let late = category::Update { name: Some("Buns".into()), ..named() };
        let late = home.does(&db, late).await;
        assert!(matches!(late, Err(Error::Conflict(id)) if id == made[1].id.into()), "{late:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_of_a_removed_category_has_none() {
    for db in databases().await {
        let (home, made) = household(&db, &["Vegetables", "Dairy"]).await;
        let (list, shop) = (home.list(&db, "Week").await, home.store(&db, "Corner").await);
        let milk = home.put(&db, &list, line("Milk")).await;
        let leek = home.put(&db, &list, line("Leek")).await;
        let milk = home.of_category(&db, &milk, &made[1]).await;
        let leek = home.of_category(&db, &leek, &made[0]).await;
        let hide = HideSection { store: shop.id, category: made[1].id, is_hidden: true };
        home.does(&db, hide).await.unwrap();
        let elsewhere = SetHome { store: shop.id, product: leek.id, category: Some(made[1].id) };
        home.does(&db, elsewhere).await.unwrap();

        let before = log(&db, home.id).await.len();
        let remove = || category::Remove { category: made[1].id };
        let removed = home.does(&db, remove()).await.unwrap();
        assert!(removed.removed_at.is_some());
        assert_eq!(home.does(&db, remove()).await.unwrap(), removed, "twice is as once");
        let event = (Kind::GroceryCategoryRemoved, made[1].id.into(), 2, "removedAt".to_owned());
        assert_eq!(told(&db, &home, before).await, [event]);
        assert_eq!(ids(&home.categories(&db).await), [made[0].id]);

        let conn = &mut *db.connection().await.unwrap();
        let bare = Product::find(conn, milk.id.into()).await.unwrap();
        assert_eq!((bare.category_id, bare.version), (None, milk.version + 1));
        assert_eq!(Product::find(conn, leek.id.into()).await.unwrap(), leek, "it is of another");
        let layout = home.layout(&db, &shop).await;
        assert_eq!((layout.sections.len(), layout.category_of(&leek)), (1, Some(made[0].id)));
        assert_eq!(layout.homes().count(), 0);
        assert_eq!(db.count("grocery_sections").await + db.count("grocery_homes").await, 0);

        // Phones that ask what they missed are told of what it was of.
        let reader = proof(&db, home.users[0], home.id).await.unwrap();
        let position = roomm8_db::event::Position { seq: i64::try_from(before).unwrap(), ..reader.head() };
        let mut missed = changes::since(conn, &reader, &[list.id], Some(position)).await.unwrap();
        let missed = missed.remove(&list.id).unwrap();
        let missed: Vec<_> = missed.items.iter().map(|(_, product)| product.name.as_str()).collect();
        assert_eq!(missed, ["Milk"]);

        assert_eq!(refusal(home.does(&db, named(made[1].id, "Milk things")).await), RefusalCode::Gone);
        let behind = home.does(&db, moved(made[0].id, Behind::Category(made[1].id))).await;
        assert_eq!(refusal(behind), RefusalCode::InvalidReference);
        let again = home.category(&db, "dairy").await;
        assert_ne!(again.id, made[1].id, "the name is free");
        // And not the id's text either.
        home.category(&db, &made[1].id.to_string()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_limits() {
    for db in databases().await {
        let home = home_of_three(&db).await;
        for number in 0..CATEGORY_LIMIT {
            home.category(&db, &format!("Category {number}")).await;
        }
        let one_more = home.does(&db, category::Create { name: "One more".into() }).await;
        assert_eq!(refusal(one_more), RefusalCode::Limit);
        let first = home.categories(&db).await.remove(0);
        home.does(&db, category::Remove { category: first.id }).await.unwrap();
        home.category(&db, "One more").await;

        for number in 0..STORE_LIMIT {
            home.store(&db, &format!("Store {number}")).await;
        }
        let one_more = home.does(&db, store::Create { name: "One more".into() }).await;
        assert_eq!(refusal(one_more), RefusalCode::Limit);

        let (list, dairy) = (home.list(&db, "Week").await, home.categories(&db).await.remove(0));
        let reader = proof(&db, home.users[0], home.id).await.unwrap();
        let shop = store::all(&mut db.connection().await.unwrap(), &reader).await.unwrap().remove(0);
        let mut homes = Vec::new();
        for number in 0..2 {
            homes.push(home.put(&db, &list, line(&format!("Thing {number}"))).await.product_id);
        }
        db.tell(&format!(
            "INSERT INTO grocery_products SELECT {}, household_id, name, {}, category_id, unit, created_at, \
             removed_at, version, changed_seq FROM grocery_products WHERE fold = 'thing 0'",
            "X'00000000000000000000000000000001'", "'x'"
        ))
        .await;
        let set = |product| SetHome { store: shop.id, product, category: Some(dairy.id) };
        home.does(&db, set(homes[0])).await.unwrap();
        for number in 1..HOME_LIMIT {
            let id = format!("X'{number:031x}f'");
            db.tell(&format!(
                "INSERT INTO grocery_products SELECT {id}, household_id, name, 'f{number}', category_id, unit, \
                 created_at, removed_at, version, changed_seq FROM grocery_products WHERE fold = 'thing 0'; \
                 INSERT INTO grocery_homes SELECT store_id, {id}, category_id FROM grocery_homes LIMIT 1"
            ))
            .await;
        }
        assert_eq!(refusal(home.does(&db, set(homes[1])).await), RefusalCode::Limit);
        home.does(&db, SetHome { category: None, ..set(homes[0]) }).await.unwrap();
        home.does(&db, set(homes[1])).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_has_its_own_order_and_what_it_does_not_say_follows_the_household() {
    let mut rng = StdRng::seed_from_u64(22);
    for db in databases().await {
        let (home, made) = household(&db, &["A", "B", "C", "D", "E", "F"]).await;
        let (corner, market) = (home.store(&db, "Corner").await, home.store(&db, "Market").await);
        assert_eq!(home.order(&db, &corner).await, ids(&made));
        let (mut version, mut order) = (1, ids(&made));
        for _ in 0..60 {
            let since = log(&db, home.id).await.len();
            let (category, after, then) = any_move(&mut rng, &order);
            let store = home.does(&db, MoveSection { store: corner.id, category, after }).await.unwrap();
            assert_eq!(home.order(&db, &corner).await, then, "{category} {after:?} in {order:?}");
            version += i32::from(then != order);
            assert_eq!(store.version, version);
            let event = (Kind::GroceryStoreUpdated, corner.id.into(), version, "sections".to_owned());
            let news = if then == order { vec![] } else { vec![event] };
            assert_eq!(told(&db, &home, since).await, news);
            order = then;
            let sections = home.layout(&db, &corner).await.sections;
            assert!(sections.is_sorted_by_key(|section| !section.is_placed), "{sections:?}");
        }
        assert_eq!(home.order(&db, &market).await, ids(&made), "the other store is as it was");
        assert_eq!(home.categories(&db).await, made, "and so is the household");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::many_single_char_names, reason = "these are their names")]
async fn only_what_was_moved_and_what_stands_before_it_has_a_place() {
    for db in databases().await {
        let (home, made) = household(&db, &["A", "B", "C", "D", "E"]).await;
        let [a, b, c, d, e] = ids(&made).try_into().unwrap();
        let shop = home.store(&db, "Corner").await;
        let placed = async || {
            let sections = home.layout(&db, &shop).await.sections;
            sections
                .iter()
                .filter(|section| section.is_placed)
                .map(|section| section.category.id)
                .collect::<Vec<_>>()
        };
        let go = |category, after| MoveSection { store: shop.id, category, after };
        home.does(&db, go(d, Behind::Nothing)).await.unwrap();
        assert_eq!((placed().await, home.order(&db, &shop).await), (vec![d], vec![d, a, b, c, e]));
        // What has no place follows the household.
        home.does(&db, moved(e, Behind::Nothing)).await.unwrap();
        assert_eq!(home.order(&db, &shop).await, [d, e, a, b, c]);
        home.does(&db, go(c, Behind::Category(e))).await.unwrap();
        assert_eq!((placed().await, home.order(&db, &shop).await), (vec![d, e, c], vec![d, e, c, a, b]));
        home.does(&db, moved(e, Behind::Category(d))).await.unwrap();
        assert_eq!(home.order(&db, &shop).await, [d, e, c, a, b]);
        let new = home.category(&db, "New").await;
        assert_eq!(home.order(&db, &shop).await.last(), Some(&new.id));

        let wrong = |categories: &[_]| OrderSections { store: shop.id, categories: categories.to_vec() };
        assert_eq!(refusal(home.does(&db, wrong(&[a, a])).await), RefusalCode::Invalid);
        let unknown = home.does(&db, wrong(&[GroceryCategoryId::new()])).await;
        assert_eq!(refusal(unknown), RefusalCode::InvalidReference);
        let order = |categories: &[_]| OrderSections { store: shop.id, categories: categories.to_vec() };
        let ordered = home.does(&db, order(&[b, new.id])).await.unwrap();
        assert_eq!((placed().await, ordered.version), (vec![b, new.id], 4));
        assert_eq!(home.order(&db, &shop).await, [b, new.id, a, c, d, e]);
        assert_eq!(home.does(&db, order(&[b, new.id])).await.unwrap(), ordered, "it is so already");
        home.does(&db, order(&[])).await.unwrap();
        assert_eq!((placed().await, home.order(&db, &shop).await), (vec![], vec![a, b, c, d, e, new.id]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_shown_in_the_order_of_its_store() {
    for db in databases().await {
        let (home, made) = household(&db, &["Vegetables", "Dairy", "Frozen"]).await;
        let (list, shop) = (home.list(&db, "Week").await, home.store(&db, "Corner").await);
        let mut of = std::collections::HashMap::new();
        for (name, category) in
            [("Milk", Some(1)), ("Rope", None), ("Leek", Some(0)), ("Peas", Some(2)), ("Oats", Some(1))]
        {
            let item = home.put(&db, &list, line(name)).await;
            if let Some(category) = category {
                home.of_category(&db, &item, &made[category]).await;
            }
            of.insert(name, item.product_id);
        }
        let shown = async |store: Option<&Store>| {
            let mut items = home.listed(&db, &list).await;
            let reader = proof(&db, home.users[0], home.id).await.unwrap();
            let (conn, store) = (&mut *db.connection().await.unwrap(), store.map(|store| store.id));
            let mut layouts = store::layouts(conn, &reader, &[store]).await.unwrap();
            layouts.remove(&store).unwrap().sort(&mut items);
            items.into_iter().map(|(_, product)| product.name).collect::<Vec<_>>()
        };
        assert_eq!(shown(None).await, ["Leek", "Milk", "Oats", "Peas", "Rope"]);
        let frozen_first = MoveSection { store: shop.id, category: made[2].id, after: Behind::Nothing };
        home.does(&db, frozen_first).await.unwrap();
        assert_eq!(shown(Some(&shop)).await, ["Peas", "Leek", "Milk", "Oats", "Rope"]);

        // Oats are among the vegetables there, and rope with what is frozen.
        let before = log(&db, home.id).await.len();
        let set = |product, category: Option<&Category>| SetHome {
            store: shop.id,
            product,
            category: category.map(|category| category.id),
        };
        home.does(&db, set(of["Oats"], Some(&made[0]))).await.unwrap();
        home.does(&db, set(of["Rope"], Some(&made[2]))).await.unwrap();
        let there = home.does(&db, set(of["Oats"], Some(&made[0]))).await.unwrap();
        assert_eq!((there.version, log(&db, home.id).await.len()), (4, before + 2), "it is so already");
        assert_eq!(shown(Some(&shop)).await, ["Rope", "Peas", "Leek", "Oats", "Milk"]);
        assert_eq!(shown(None).await, ["Leek", "Milk", "Oats", "Peas", "Rope"]);
        let homes: Vec<_> = home.layout(&db, &shop).await.homes().collect();
        assert_eq!(homes, [(of["Rope"], made[2].id), (of["Oats"], made[0].id)]);
        home.does(&db, set(of["Oats"], None)).await.unwrap();
        assert_eq!(shown(Some(&shop)).await, ["Rope", "Peas", "Leek", "Milk", "Oats"]);
        let fields: Vec<_> = told(&db, &home, before).await.into_iter().map(|(.., fields)| fields).collect();
        assert_eq!(fields, ["homes", "homes", "homes"]);

        let unknown = home.does(&db, set(roomm8_db::GroceryProductId::new(), None)).await;
        assert_eq!(refusal(unknown), RefusalCode::InvalidReference);
        let unknown = SetHome { category: Some(GroceryCategoryId::new()), ..set(of["Milk"], None) };
        assert_eq!(refusal(home.does(&db, unknown).await), RefusalCode::InvalidReference);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_store_does_not_have_is_told() {
    for db in databases().await {
        let (home, made) = household(&db, &["Vegetables", "Dairy"]).await;
        let (list, shop) = (home.list(&db, "Week").await, home.store(&db, "Corner").await);
        let milk = home.put(&db, &list, line("Milk")).await;
        let milk = home.of_category(&db, &milk, &made[1]).await;
        let hide = |is_hidden| HideSection { store: shop.id, category: made[1].id, is_hidden };
        assert_eq!(home.does(&db, hide(false)).await.unwrap(), shop, "it is so already");
        let hidden = home.does(&db, hide(true)).await.unwrap();
        assert_eq!(hidden.version, 2);
        assert_eq!(home.does(&db, hide(true)).await.unwrap(), hidden);
        assert!(home.layout(&db, &shop).await.hides(&milk));
        // It keeps being hidden wherever it stands.
        let first = MoveSection { store: shop.id, category: made[1].id, after: Behind::Nothing };
        home.does(&db, first).await.unwrap();
        let layout = home.layout(&db, &shop).await;
        assert_eq!(layout.sections[0].category.id, made[1].id);
        assert!(layout.sections[0].is_hidden && layout.sections[0].is_placed && layout.hides(&milk));
        home.does(&db, hide(false)).await.unwrap();
        let layout = home.layout(&db, &shop).await;
        assert!(!layout.hides(&milk) && layout.sections[0].is_placed);
        let unknown = HideSection { category: GroceryCategoryId::new(), ..hide(true) };
        assert_eq!(refusal(home.does(&db, unknown).await), RefusalCode::InvalidReference);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_a_removed_store_are_in_no_order_and_trips_to_it_stay() {
    for db in databases().await {
        let (home, made) = household(&db, &["Vegetables", "Dairy"]).await;
        let (shop, other) = (home.store(&db, "Corner").await, home.store(&db, "Market").await);
        assert_eq!(taken(home.does(&db, store::Create { name: "CORNER".into() }).await), shop.id.into());
        assert_eq!(taken(home.does(&db, rename(&other, "corner")).await), shop.id.into());
        let create = |store| list::Create { name: "Week".into(), store, assignee: None, is_urgent: false };
        let week = home.does(&db, create(Some(shop.id))).await.unwrap();
        let away = home.does(&db, create(Some(shop.id))).await.unwrap();
        home.does(&db, create(Some(other.id))).await.unwrap();
        let away = home.does(&db, list::Archive { list: away.id }).await.unwrap();
        let trip = home.shop(&db, &week, None, &["Milk"]).await;
        assert_eq!(trip.store_id, Some(shop.id));
        home.does(&db, OrderSections { store: shop.id, categories: vec![made[1].id] }).await.unwrap();

        let before = log(&db, home.id).await.len();
        let removed = home.does(&db, store::Remove { store: shop.id }).await.unwrap();
        assert_eq!(home.does(&db, store::Remove { store: shop.id }).await.unwrap(), removed);
        let list = (Kind::GroceryListUpdated, week.id.into(), 2, "store".to_owned());
        let store = (Kind::GroceryStoreRemoved, shop.id.into(), 3, "removedAt".to_owned());
        assert_eq!(told(&db, &home, before).await, [list, store]);
        let conn = &mut *db.connection().await.unwrap();
        assert_eq!(list::List::find(conn, week.id.into()).await.unwrap().store_id, None);
        let away = list::List { store_id: None, version: away.version + 1, ..away };
        assert_eq!(list::List::find(conn, away.id.into()).await.unwrap(), away);
        assert_eq!(trip::Trip::find(conn, trip.id.into()).await.unwrap(), trip);
        let reader = proof(&db, home.users[0], home.id).await.unwrap();
        assert_eq!(store::all(conn, &reader).await.unwrap(), std::slice::from_ref(&other));
        assert_eq!(store::known(conn, &[(home.id, shop.id)]).await.unwrap(), [removed]);
        assert_eq!(home.order(&db, &shop).await, ids(&made));
        assert_eq!(db.count("grocery_sections").await, 0);

        assert_eq!(refusal(home.does(&db, rename(&shop, "Kiosk")).await), RefusalCode::Gone);
        let hide = HideSection { store: shop.id, category: made[0].id, is_hidden: true };
        assert_eq!(refusal(home.does(&db, hide).await), RefusalCode::Gone);
        let again = home.does(&db, rename(&other, "Corner")).await.unwrap();
        assert_eq!((again.name.as_str(), again.version), ("Corner", 2), "the name is free");
        let late = Rename { expected_version: Some(1), ..rename(&other, "Kiosk") };
        let late = home.does(&db, late).await;
        assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn layouts_are_read_in_as_many_statements_however_many_they_are_and_only_by_their_own() {
    for db in databases().await {
        let (home, made) = household(&db, &["Vegetables", "Dairy"]).await;
        let mut stores = vec![None];
        for number in 0..5 {
            let store = home.store(&db, &format!("Store {number}")).await;
            let first = MoveSection { store: store.id, category: made[1].id, after: Behind::Nothing };
            home.does(&db, first).await.unwrap();
            stores.push(Some(store.id));
        }
        let reader = proof(&db, home.users[0], home.id).await.unwrap();
        let conn = &mut *db.connection().await.unwrap();
        let sent = || db.statistics().statements.load(Ordering::Relaxed);
        let before = sent();
        store::layouts(conn, &reader, &stores[..2]).await.unwrap();
        let two = sent() - before;
        let layouts = store::layouts(conn, &reader, &stores).await.unwrap();
        assert_eq!((sent() - before, layouts.len()), (2 * two, 6));
        assert!(two <= 3, "{two} statements");

        // Who is of another household sees nothing of it.
        let dan = person(&db, "Dan").await;
        let elsewhere = cast::home(&db, dan).await;
        let reader = proof(&db, dan, elsewhere).await.unwrap();
        let theirs = store::layouts(conn, &reader, &stores).await.unwrap();
        assert!(theirs.values().all(|layout| *layout == store::Layout::default()), "{theirs:?}");
        let guest = join(&db, home.users[0], home.id, Role::Guest, dan).await;
        let refused = perform(&db, dan, home.id, category::Create { name: "Wine".into() }).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{guest} {refused:?}");
    }
}
