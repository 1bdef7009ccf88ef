//! The household's catalogue: what was ever put on a list, with the spelling, category and unit that are remembered of it.

mod merge;

use super::amount::Unit;
use super::fold::{NAME_LIMIT, Name, fold};
use super::{SameName, State, category, freed, staple};
use crate::access::{Permission, Reader};
use crate::among::among;
use crate::message::End;
use crate::page::Window;
use crate::prepared::Prepare as _;
use crate::tables::{grocery_homes, grocery_items, grocery_products};
use crate::{
    Change, Connection, Entry, Error, GroceryCategoryId, GroceryProductId, HouseholdId, Operation,
    RefusalCode, Result, SubjectId, Time, To, event, version,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

/// The most products in a catalogue.
pub const PRODUCT_LIMIT: i64 = 5000;

/// Something the household's catalogue knows of.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = grocery_products, treat_none_as_default_value = false)]
pub struct Product {
    /// Its identifier.
    pub id: GroceryProductId,
    /// Whose catalogue it is in.
    pub household_id: HouseholdId,
    /// What it is called.
    pub name: String,
    /// What that folds to. It stays its own when the catalogue forgets it, until another is called so; then it is the id's
    /// text.
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

/// The product of this name in the household being changed, forgotten or not.
pub(super) async fn by_name(change: &mut Change<'_>, name: &Name) -> Result<Option<Product>> {
    let query = grocery_products::table
        .filter(grocery_products::household_id.eq(change.household_id()))
        .filter(grocery_products::fold.eq(&name.fold));
    run!(change.conn(), |c| query.select(Product::as_select()).first(c).await.optional())
}

/// What something is made of that is called so, where `known` is what [`by_name`] found: that; or a new product, of which is
/// told by what is made of it. One that was forgotten is known again, so that there are never two of one name.
pub(super) async fn taken_up(change: &mut Change<'_>, known: Option<Product>, name: Name) -> Result<Product> {
    match known {
        Some(product) if product.removed_at.is_none() => Ok(product),
        Some(product) => {
            refuse_one_too_many(change).await?;
            known_again(change, product, name).await
        }
        None => insert(change, name).await,
    }
}

/// Has the catalogue know a product again that it forgot: by its new spelling, and as nothing else.
async fn known_again(change: &mut Change<'_>, before: Product, name: Name) -> Result<Product> {
    let mut product =
        Product { name: name.shown, category_id: None, unit: None, removed_at: None, ..before.clone() };
    let mut fields = vec!["removedAt"];
    fields.extend((before.name != product.name).then_some("name"));
    fields.extend(differences(&before, &product));
    save(change, event::Kind::GroceryProductUpdated, &mut product, &fields).await?;
    Ok(product)
}

async fn refuse_one_too_many(change: &mut Change<'_>) -> Result<()> {
    let query = grocery_products::table
        .filter(grocery_products::household_id.eq(change.household_id()))
        .filter(grocery_products::removed_at.is_null())
        .count();
    if run!(change.conn(), |c| query.get_result::<i64>(c).await)? < PRODUCT_LIMIT {
        return Ok(());
    }
    let message = format!("the catalogue knows {PRODUCT_LIMIT} things already: remove some first");
    Err(Error::refused(RefusalCode::Limit, "name", message))
}

async fn insert(change: &mut Change<'_>, name: Name) -> Result<Product> {
    refuse_one_too_many(change).await?;
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
    let update = diesel::update(grocery_products::table)
        .filter(grocery_products::id.eq(product.id))
        .set((
            grocery_products::name.eq(&product.name),
            grocery_products::fold.eq(&product.fold),
            grocery_products::category_id.eq(product.category_id),
            grocery_products::unit.eq(product.unit),
            grocery_products::removed_at.eq(product.removed_at),
            grocery_products::version.eq(product.version),
            grocery_products::changed_seq.eq(product.changed_seq),
        ))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    change.record_for_all(kind, product.id, product.version, fields);
    Ok(())
}

/// The products whose name, or a word of it, begins so, in a window; all of them if it begins with nothing. Ordered by id:
/// the oldest known first. Forgotten ones are left out.
pub async fn page(
    conn: &mut Connection,
    reader: &Reader,
    begins: &str,
    window: Window,
) -> Result<Vec<Product>> {
    let begins = fold(begins);
    // Letters can unfold to many, but no name to so many; and databases take no pattern of any length.
    if begins.chars().count() > 2 * NAME_LIMIT {
        return Ok(Vec::new());
    }
    let begins = escaped(&begins);
    let (after, before): (GroceryProductId, GroceryProductId) = window.bounds();
    let found = run!(conn, |c| {
        let mut query = grocery_products::table
            .select(Product::as_select())
            .filter(grocery_products::household_id.eq(reader.household_id()))
            .filter(grocery_products::removed_at.is_null())
            .filter(grocery_products::id.gt(after))
            .filter(grocery_products::id.lt(before))
            .limit(window.limit)
            .into_boxed();
        if !begins.is_empty() {
            let name = grocery_products::fold.like(format!("{begins}%")).escape(ESCAPE);
            let word = grocery_products::fold.like(format!("% {begins}%")).escape(ESCAPE);
            query = query.filter(name.or(word));
        }
        query = match window.end {
            End::Oldest => query.order(grocery_products::id.asc()),
            End::Newest => query.order(grocery_products::id.desc()),
        };
        query.load(c).await
    })?;
    Ok(window.oldest_first(found))
}

/// Not a backslash, which itself is read differently by each database.
const ESCAPE: char = '!';

/// The text as part of a pattern in which it stands for itself.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | ESCAPE) {
            escaped.push(ESCAPE);
        }
        escaped.push(letter);
    }
    escaped
}

/// A product of the household being changed, forgotten or not.
async fn of_household(change: &mut Change<'_>, id: GroceryProductId) -> Result<Product> {
    let query = grocery_products::table
        .filter(grocery_products::household_id.eq(change.household_id()))
        .filter(grocery_products::id.eq(id));
    run!(change.conn(), |c| query.select(Product::as_select()).first(c).await)
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
    /// What is to be done if another product has this name. If the two become one, that is the other, and what else is
    /// changed is changed of that.
    pub same_name: SameName,
    /// The version the caller has seen.
    pub expected_version: Option<i32>,
}

impl Operation for Update {
    type Outcome = Product;
    const NAME: &'static str = "updateGroceryProduct";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Product> {
        let before = of_household(change, self.product).await?;
        before.refuse_if_forgotten()?;
        let name = self.name.as_deref().map(|name| Name::new("name", name)).transpose()?;
        let name = name.filter(|name| name.shown != before.name);
        let mut after = before.clone();
        self.set(&mut after);
        let mut fields = differences(&before, &after);
        fields.extend(name.is_some().then_some("name"));
        let (id, version) = (before.id.into(), before.version);
        version::settle(change, id, version, self.expected_version, &fields).await?;
        if fields.contains(&"category")
            && let Some(To::Value(category)) = self.category
        {
            category::refuse_unknown(change, Some(category)).await?;
        }
        if let Some(name) = name {
            let other = by_name(change, &name).await?.filter(|other| other.id != before.id);
            if let Some(other) = other {
                if other.removed_at.is_none() || is_wanted(change, other.id).await? {
                    return self.become_one(change, before, other, name).await;
                }
                give_up_name(change, other.id).await?;
            }
            (after.name, after.fold) = (name.shown, name.fold);
        }
        if !fields.is_empty() {
            save(change, event::Kind::GroceryProductUpdated, &mut after, &fields).await?;
        }
        Ok(after)
    }
}

impl Update {
    fn set(&self, product: &mut Product) {
        product.category_id = To::applied(self.category.as_ref(), product.category_id);
        product.unit = To::applied(self.unit.as_ref(), product.unit);
    }

    async fn become_one(
        &self,
        change: &mut Change<'_>,
        product: Product,
        other: Product,
        name: Name,
    ) -> Result<Product> {
        if self.same_name == SameName::Refuse {
            return Err(Error::NameTaken(other.id.into()));
        }
        let mut other =
            if other.removed_at.is_some() { known_again(change, other, name).await? } else { other };
        let before = other.clone();
        // What only one of the two is known for is remembered.
        other.category_id = other.category_id.or(product.category_id);
        other.unit = other.unit.or(product.unit);
        self.set(&mut other);
        let fields = differences(&before, &other);
        if !fields.is_empty() {
            save(change, event::Kind::GroceryProductUpdated, &mut other, &fields).await?;
        }
        merge::take_over(change, product, &other).await?;
        Ok(other)
    }
}

/// Which of what is remembered differs, its name aside.
fn differences(before: &Product, after: &Product) -> Vec<&'static str> {
    version::changed([
        ("category", before.category_id != after.category_id),
        ("unit", before.unit != after.unit),
    ])
}

impl Product {
    fn refuse_if_forgotten(&self) -> Result<()> {
        if self.removed_at.is_none() {
            return Ok(());
        }
        let message = "the catalogue has forgotten this: add it by its name, and it is known again";
        Err(Error::refused(RefusalCode::Gone, "productId", message))
    }
}

/// Has the catalogue forget a product: it is not found any more, nor suggested, until something is added by its name. What is
/// on lists, and what was bought, stays; it is a staple no longer, and stands nowhere in particular. Twice is as once.
#[derive(Debug, Serialize)]
pub struct Remove {
    /// Which.
    pub product: GroceryProductId,
}

impl Operation for Remove {
    type Outcome = Product;
    const NAME: &'static str = "removeGroceryProduct";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Product> {
        let mut product = of_household(change, self.product).await?;
        if product.removed_at.is_none() {
            for staple in staple::of_product(change, product.id).await? {
                staple::end(change, staple).await?;
            }
            let delete =
                diesel::delete(grocery_homes::table).filter(grocery_homes::product_id.eq(product.id));
            run!(change.conn(), |c| delete.execute(c).await)?;
            forget(change, &mut product).await?;
        }
        Ok(product)
    }
}

/// Whether anything of a product is wanted on a list.
async fn is_wanted(change: &mut Change<'_>, product: GroceryProductId) -> Result<bool> {
    let query = grocery_items::table
        .filter(grocery_items::product_id.eq(product))
        .filter(grocery_items::is_listed.eq(true))
        .filter(grocery_items::state.ne(State::Bought))
        .count();
    Ok(run!(change.conn(), |c| query.get_result::<i64>(c).await)? > 0)
}

/// Another product is to have the name of one that is forgotten, and of which nothing is wanted.
async fn give_up_name(change: &mut Change<'_>, product: GroceryProductId) -> Result<()> {
    let update = diesel::update(grocery_products::table)
        .filter(grocery_products::id.eq(product))
        .set(grocery_products::fold.eq(freed(product)))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    Ok(())
}

/// Takes it out of the catalogue.
async fn forget(change: &mut Change<'_>, product: &mut Product) -> Result<()> {
    product.removed_at = Some(change.now());
    save(change, event::Kind::GroceryProductRemoved, product, &["removedAt"]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_for_stands_for_itself() {
        assert_eq!(escaped("100% oat_milk!"), "100!% oat!_milk!!");
        assert_eq!(escaped("müsli \\ 'x'"), "müsli \\ 'x'");
    }
}
