//! Shopping lists, stores and categories of a household of three.
#![allow(dead_code, reason = "not every story needs everything")]

use crate::cast::chores::Home;
use crate::cast::{perform, proof};
use roomm8_db::grocery::{
    self, Add, Category, Item, Line, List, Product, SetState, State, Store, Trip, category, item, list,
    product, store, trip,
};
use roomm8_db::message::End;
use roomm8_db::page::Window;
use roomm8_db::{Database, GroceryCategoryId, Operation, Result, Subject};

/// Everything, from the beginning.
pub(crate) fn all() -> Window {
    Window { after: None, before: None, limit: 1000, end: End::Oldest }
}

/// Something to put on a list, without a word more.
pub(crate) fn line(name: &str) -> Line {
    Line {
        name: name.into(),
        amounts: Vec::new(),
        note: None,
        is_urgent: false,
        assignee: None,
        category: None,
        is_separate: false,
    }
}

impl Home {
    /// Ada does it.
    pub(crate) async fn does<O: Operation>(&self, db: &Database, operation: O) -> Result<O::Outcome> {
        perform(db, self.users[0], self.id, operation).await
    }

    pub(crate) async fn category(&self, db: &Database, name: &str) -> Category {
        self.does(db, category::Create { name: name.into() }).await.unwrap()
    }

    /// The household's categories, in its order.
    pub(crate) async fn categories(&self, db: &Database) -> Vec<Category> {
        let reader = proof(db, self.users[0], self.id).await.unwrap();
        category::all(&mut db.connection().await.unwrap(), &reader).await.unwrap()
    }

    pub(crate) async fn store(&self, db: &Database, name: &str) -> Store {
        self.does(db, store::Create { name: name.into() }).await.unwrap()
    }

    pub(crate) async fn layout(&self, db: &Database, store: &Store) -> store::Layout {
        let reader = proof(db, self.users[0], self.id).await.unwrap();
        let conn = &mut *db.connection().await.unwrap();
        let mut layouts = store::layouts(conn, &reader, &[Some(store.id)]).await.unwrap();
        layouts.remove(&Some(store.id)).unwrap()
    }

    /// The categories in the order of a store, by their ids.
    pub(crate) async fn order(&self, db: &Database, store: &Store) -> Vec<GroceryCategoryId> {
        self.layout(db, store).await.sections.iter().map(|section| section.category.id).collect()
    }

    pub(crate) async fn list(&self, db: &Database, name: &str) -> List {
        let create = list::Create { name: name.into(), store: None, assignee: None, is_urgent: false };
        self.does(db, create).await.unwrap()
    }

    /// Puts it on a list.
    pub(crate) async fn put(&self, db: &Database, list: &List, line: Line) -> Item {
        let report = self.does(db, Add { list: list.id, line }).await.unwrap();
        let item = report.treated[0].item.unwrap();
        self.item(db, item.into()).await
    }

    pub(crate) async fn item(&self, db: &Database, id: roomm8_db::SubjectId) -> Item {
        Item::find(&mut db.connection().await.unwrap(), id).await.unwrap()
    }

    /// What is on a list, in the order of its places.
    pub(crate) async fn listed(&self, db: &Database, list: &List) -> Vec<(Item, Product)> {
        item::listed(&mut db.connection().await.unwrap(), &[list.id]).await.unwrap()
    }

    /// What is on a list, by name.
    pub(crate) async fn names(&self, db: &Database, list: &List) -> Vec<String> {
        self.listed(db, list).await.into_iter().map(|(_, product)| product.name).collect()
    }

    pub(crate) async fn product(&self, db: &Database, item: &Item) -> Product {
        Product::find(&mut db.connection().await.unwrap(), item.product_id.into()).await.unwrap()
    }

    /// What the catalogue knows of that begins so, by name.
    pub(crate) async fn known(&self, db: &Database, begins: &str) -> Vec<String> {
        let reader = proof(db, self.users[0], self.id).await.unwrap();
        let conn = &mut *db.connection().await.unwrap();
        let found = product::page(conn, &reader, begins, all()).await.unwrap();
        found.into_iter().map(|product| product.name).collect()
    }

    pub(crate) async fn set(&self, db: &Database, item: &Item, state: State) -> Item {
        let set = SetState { item: item.id, state, at: None, base_version: None };
        self.does(db, set).await.unwrap();
        self.item(db, item.id.into()).await
    }

    /// Buys these things, which are on the list by then, and leaves with them.
    pub(crate) async fn shop(
        &self,
        db: &Database,
        list: &List,
        store: Option<&Store>,
        names: &[&str],
    ) -> Trip {
        for name in names {
            let item = self.put(db, list, line(name)).await;
            self.set(db, &item, State::Bought).await;
        }
        let finish = trip::Finish { list: list.id, store: store.map(|store| store.id) };
        self.does(db, finish).await.unwrap()
    }

    pub(crate) async fn of_category(&self, db: &Database, item: &Item, category: &Category) -> Product {
        let update = product::Update {
            category: Some(roomm8_db::To::Value(category.id)),
            ..renamed(item, None, grocery::SameName::Refuse)
        };
        self.does(db, update).await.unwrap()
    }
}

/// What an item is, under another name.
pub(crate) fn renamed(item: &Item, name: Option<&str>, same_name: grocery::SameName) -> product::Update {
    product::Update {
        product: item.product_id,
        name: name.map(str::to_owned),
        category: None,
        unit: None,
        same_name,
        expected_version: None,
    }
}
