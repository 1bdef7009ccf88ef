//! The household's catalogue: what was ever put on a list, with the spelling, category and unit that are remembered of it.

use super::amount::Unit;
use super::fold::Name;
use crate::access::{Member, Permission};
use crate::among::among;
use crate::page::Window;
use crate::tables::grocery_products;
use crate::{
    Change, Connection, Entry, Error, GroceryCategoryId, GroceryProductId, HouseholdId, Operation,
    RefusalCode, Result, SubjectId, Time, To, event,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

/// The most products in a catalogue.
pub const PRODUCT_LIMIT: i64 = 5000;

/// Something the household's catalogue knows of.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = grocery_products)]
pub struct Product {
    /// Its identifier.
    pub id: GroceryProductId,
    /// Whose catalogue it is in.
    pub household_id: HouseholdId,
    /// What it is called.
    pub name: String,
    /// What that folds to; the id's text once it was removed, so that the name is free.
    pub(super) fold: String,
    /// What kind of thing it is.
    pub category_id: Option<GroceryCategoryId>,
    /// The unit it was last asked for in.
    pub unit: Option<Unit>,
    /// Since when it is known.
    pub created_at: Time,
    /// When the catalogue forgot it.
    pub removed_at: Option<Time>,
    /// Counts its changes.
    pub version: i32,
    /// The number of the last event that changed it.
    pub(super) changed_seq: i64,
}

impl crate::Subject for Product {
    fn subject_id(&self) -> SubjectId {
        self.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        let query = grocery_products::table.filter(grocery_products::id.eq(GroceryProductId::from(id)));
        run!(conn, |c| query.select(Self::as_select()).first(c).await)
    }
}

/// The products with these ids, of the households named with them, forgotten or not. Both are only ever taken from what the
/// asker was allowed to see: events, items, staples, or proofs of membership.
pub async fn known(conn: &mut Connection, ids: &[(HouseholdId, GroceryProductId)]) -> Result<Vec<Product>> {
    let products: Vec<GroceryProductId> = ids.iter().map(|(_, id)| *id).collect();
    let query = grocery_products::table.filter(among(grocery_products::id, &products));
    let found: Vec<Product> = run!(conn, |c| query.select(Product::as_select()).load(c).await)?;
    Ok(found.into_iter().filter(|found| ids.contains(&(found.household_id, found.id))).collect())
}

/// The product, if it is one of the member's household; otherwise [`Error::NotFound`].
pub async fn find(conn: &mut Connection, member: &Member, id: GroceryProductId) -> Result<Product> {
    let query = grocery_products::table
        .filter(grocery_products::household_id.eq(member.household_id()))
        .filter(grocery_products::id.eq(id));
    run!(conn, |c| query.select(Product::as_select()).first(c).await)
}

/// The product of this name, if the catalogue of the household being changed has it.
pub(super) async fn by_name(change: &mut Change<'_>, name: &Name) -> Result<Option<Product>> {
    let query = grocery_products::table
        .filter(grocery_products::household_id.eq(change.household_id()))
        .filter(grocery_products::fold.eq(&name.fold));
    run!(change.conn(), |c| query.select(Product::as_select()).first(c).await.optional())
}

/// Takes a new product into the catalogue. That is told by what is made of it.
pub(super) async fn insert(change: &mut Change<'_>, name: Name) -> Result<Product> {
    let query = grocery_products::table
        .filter(grocery_products::household_id.eq(change.household_id()))
        .filter(grocery_products::removed_at.is_null())
        .count();
    if run!(change.conn(), |c| query.get_result::<i64>(c).await)? >= PRODUCT_LIMIT {
        let message = format!("the catalogue knows {PRODUCT_LIMIT} things already: remove some first");
        return Err(Error::refused(RefusalCode::Limit, "name", message));
    }
    let product = Product {
        id: GroceryProductId::new(),
        household_id: change.household_id(),
        name: name.shown,
        fold: name.fold,
        category_id: None,
        unit: None,
        created_at: change.now(),
        removed_at: None,
        version: 1,
        changed_seq: change.next_seq(),
    };
    let insert = diesel::insert_into(grocery_products::table).values(&product);
    run!(change.conn(), |c| insert.execute(c).await)?;
    Ok(product)
}

/// Remembers of a product what was said of it when it was asked for; only what is new is news.
pub(super) async fn remember(
    change: &mut Change<'_>,
    product: &mut Product,
    unit: Option<Unit>,
    category: Option<GroceryCategoryId>,
) -> Result<()> {
    let mut fields = Vec::new();
    if unit.is_some() && product.unit != unit {
        product.unit = unit;
        fields.push("unit");
    }
    if category.is_some() && product.category_id != category {
        product.category_id = category;
        fields.push("category");
    }
    if fields.is_empty() {
        return Ok(());
    }
    save(change, event::Kind::GroceryProductUpdated, product, &fields).await
}

/// Saves what changed of it as its next version, and records it.
pub(super) async fn save(
    change: &mut Change<'_>,
    kind: event::Kind,
    product: &mut Product,
    fields: &[&'static str],
) -> Result<()> {
    product.version += 1;
    product.changed_seq = change.next_seq();
    let update = diesel::update(grocery_products::table).filter(grocery_products::id.eq(product.id)).set((
        grocery_products::name.eq(&product.name),
        grocery_products::fold.eq(&product.fold),
        grocery_products::category_id.eq(product.category_id),
        grocery_products::unit.eq(product.unit),
        grocery_products::removed_at.eq(product.removed_at),
        grocery_products::version.eq(product.version),
        grocery_products::changed_seq.eq(product.changed_seq),
    ));
    run!(change.conn(), |c| update.execute(c).await)?;
    change.record_for_all(kind, product.id, product.version, fields);
    Ok(())
}

/// The products whose name, or a word of it, begins so, in a window; all of them if it begins with nothing. Ordered by id:
/// the oldest known first.
pub async fn page(
    conn: &mut Connection,
    member: &Member,
    begins: &str,
    window: Window,
) -> Result<Vec<Product>> {
    let _ = (conn, member, begins, window);
    Ok(Vec::new())
}

/// Changes what the catalogue remembers of a product; what is `None` stays as it is.
#[derive(Debug, Serialize)]
pub struct Update {
    /// Which.
    pub product: GroceryProductId,
    /// What it is called, on all lists and in the past.
    pub name: Option<String>,
    /// What kind of thing it is.
    pub category: Option<To<GroceryCategoryId>>,
    /// The unit it is mostly asked for in.
    pub unit: Option<To<Unit>>,
    /// What is to be done if another product has this name.
    pub same_name: super::SameName,
    /// The version the caller has seen.
    pub expected_version: Option<i32>,
}

/// Has the catalogue forget a product. What is on lists, and what was bought, stays. Twice is as once.
#[derive(Debug, Serialize)]
pub struct Remove {
    /// Which.
    pub product: GroceryProductId,
}

macro_rules! stub {
    ($t:ty, $n:literal) => {
        impl Operation for $t {
            type Outcome = Product;
            const NAME: &'static str = $n;
            const ENTRY: Entry = Entry::Member(Permission::EditGroceries);
            async fn apply(&self, change: &mut Change<'_>) -> Result<Product> {
                let _ = change.now();
                Err(Error::NotFound)
            }
        }
    };
}
stub!(Update, "updateGroceryProduct");
stub!(Remove, "removeGroceryProduct");
