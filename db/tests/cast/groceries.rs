//! A shopping list of a household of three.

use super::chores::{Home, home_of_three};
use super::{perform, proof};
use roomm8_db::grocery::{
    Add, Effect, Item, Line, Product, Report, SetState, State, Unit, amount, changes, item, list,
};
use roomm8_db::{Changed, Database, GroceryItemId, GroceryListId, Request, Result, UserId};

/// A household of three and its list.
pub(crate) struct Kitchen {
    pub(crate) home: Home,
    pub(crate) list: GroceryListId,
}

pub(crate) async fn kitchen(db: &Database) -> Kitchen {
    let home = home_of_three(db).await;
    let list = perform(db, home.users[0], home.id, new_list("Groceries")).await.unwrap().id;
    Kitchen { home, list }
}

pub(crate) fn new_list(name: &str) -> list::Create {
    list::Create { name: name.into(), store: None, assignee: None, is_urgent: false }
}

/// A line such as quick add makes it.
pub(crate) fn line(text: &str) -> Line {
    roomm8_db::grocery::quick::parse(text, 1).unwrap().remove(0).into()
}

/// How much of it, in words: "2 PIECE, 1.5 KG".
pub(crate) fn told(amounts: &[roomm8_db::grocery::Amount]) -> String {
    let words: Vec<_> =
        amounts.iter().map(|amount| format!("{} {}", amount.quantity, Unit::word(amount.unit))).collect();
    words.join(", ")
}

impl Kitchen {
    /// Adds a line and gives what came of it.
    pub(crate) async fn adds(&self, db: &Database, user: UserId, line: Line) -> Result<(Item, Effect)> {
        let report = perform(db, user, self.home.id, Add { list: self.list, line }).await?;
        Ok(self.one(db, report).await)
    }

    /// Adds what somebody typed.
    pub(crate) async fn types(&self, db: &Database, text: &str) -> Item {
        self.adds(db, self.home.users[0], line(text)).await.unwrap().0
    }

    /// Says what has become of an item.
    pub(crate) async fn ticks(
        &self,
        db: &Database,
        user: UserId,
        item: GroceryItemId,
        state: State,
    ) -> Result<(Item, Effect)> {
        let set = SetState { item, state, at: None, base_version: None };
        let report = perform(db, user, self.home.id, set).await?;
        Ok(self.one(db, report).await)
    }

    async fn one(&self, db: &Database, report: Report) -> (Item, Effect) {
        let [treated] = report.treated.try_into().expect("one wish, one answer");
        (self.item(db, treated.item.unwrap()).await, treated.effect)
    }

    pub(crate) async fn item(&self, db: &Database, id: GroceryItemId) -> Item {
        let ids = [(self.home.id, id)];
        item::known(&mut db.connection().await.unwrap(), &ids).await.unwrap().remove(0)
    }

    /// All that is on the list, in order.
    pub(crate) async fn listed(&self, db: &Database) -> Vec<(Item, Product)> {
        item::listed(&mut db.connection().await.unwrap(), &[self.list]).await.unwrap()
    }

    /// The same in words: "2 PIECE Milk".
    pub(crate) async fn shown(&self, db: &Database) -> Vec<String> {
        let told = |(item, product): &(Item, Product)| format!("{} {}", told(&item.amounts), product.name);
        self.listed(db).await.iter().map(|row| told(row).trim().to_owned()).collect()
    }

    pub(crate) async fn counts(&self, db: &Database) -> list::Counts {
        let counts = list::counts(&mut db.connection().await.unwrap(), &[self.list]).await.unwrap();
        counts.get(&self.list).copied().unwrap_or_default()
    }

    /// What somebody's phone missed since a place in the log.
    pub(crate) async fn missed(
        &self,
        db: &Database,
        user: UserId,
        since: Option<roomm8_db::event::Position>,
    ) -> changes::Changes {
        let member = proof(db, user, self.home.id).await.unwrap();
        let conn = &mut *db.connection().await.unwrap();
        changes::since(conn, &member, &[self.list], since).await.unwrap().remove(&self.list).unwrap()
    }
}

/// Performs it under a name of the intent.
pub(crate) async fn intend<O: roomm8_db::Operation>(
    db: &Database,
    user: UserId,
    kitchen: &Kitchen,
    name: &str,
    operation: &O,
) -> Result<Changed<O::Outcome>> {
    let request = Request { user, household: kitchen.home.id, client_mutation_id: Some(name) };
    db.perform(request, operation).await
}

/// More digits than anybody buys.
pub(crate) fn too_much() -> rust_decimal::Decimal {
    (amount::QUANTITY_LIMIT + 1).into()
}
