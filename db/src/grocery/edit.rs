//! Changing what is wanted: how much of it, its note, who buys it, or what it is at all.

use super::add::{More, checked_amounts, checked_note, merge};
use super::amount::Unit;
use super::fold::Name;
use super::item::{self, Item, MERGES, State};
use super::product::{self, Product};
use super::{category, refuse_stranger};
use crate::access::{Member, Permission};
use crate::tables::grocery_products;
use crate::{
    Change, Entry, Error, GroceryCategoryId, GroceryItemId, GroceryProductId, Json, MemberId, Operation,
    Result, To, event, version,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::HashSet;

/// What is to be done if something is to have the name of something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum SameName {
    /// [`Error::NameTaken`] says which has it.
    Refuse,
    /// The two become one: that which has the name.
    Merge,
}

/// Changes something on a list; what is `None` stays as it is. See [`super::Line`] for what each can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Update {
    /// Which.
    pub item: GroceryItemId,
    /// What it is. Another spelling is remembered for all of that name; another name makes it another thing.
    pub name: Option<String>,
    /// How much of it.
    pub amounts: Option<Vec<(Decimal, Unit)>>,
    /// What else there is to know.
    pub note: Option<To<String>>,
    /// Whether it is urgent.
    pub is_urgent: Option<bool>,
    /// Who is to buy it.
    pub assignee: Option<To<MemberId>>,
    /// What kind of thing it is, on all lists.
    pub category: Option<To<GroceryCategoryId>>,
    /// What is to be done if what has the name already is wanted as well.
    pub same_name: SameName,
    /// The version the caller has seen.
    pub expected_version: Option<i32>,
}

impl Update {
    /// A change of this item that changes nothing yet.
    pub fn of(item: GroceryItemId) -> Self {
        Self {
            item,
            name: None,
            amounts: None,
            note: None,
            is_urgent: None,
            assignee: None,
            category: None,
            same_name: SameName::Refuse,
            expected_version: None,
        }
    }
}

impl Operation for Update {
    type Outcome = Item;
    const NAME: &'static str = "updateGroceryItem";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Item> {
        let (item, _) = item::with_list(change, self.item).await?;
        self.update(change, item, &HashSet::new()).await
    }
}

impl Update {
    /// Changes the item. If that is refused, nothing has changed.
    /// What made one of the versions that are the caller's `own` is no conflict.
    pub(super) async fn update(
        &self,
        change: &mut Change<'_>,
        before: Item,
        own: &HashSet<i32>,
    ) -> Result<Item> {
        before.refuse_if_gone()?;
        let name = self.name.as_deref().map(|name| Name::new("name", name)).transpose()?;
        let mut after = before.clone();
        if let Some(amounts) = &self.amounts {
            after.amounts = Json(checked_amounts(amounts)?);
        }
        after.note = checked_note(To::applied(self.note.as_ref(), before.note.clone()).as_deref())?;
        after.is_urgent = self.is_urgent.unwrap_or(before.is_urgent);
        after.assignee_id = To::applied(self.assignee.as_ref(), before.assignee_id);
        let product = product_of(change, before.product_id).await?;
        let renamed = name.filter(|name| name.fold != product.fold || name.shown != product.name);
        let mut fields = differences(&before, &after);
        fields.extend(renamed.is_some().then_some("name"));
        let (subject, current) = (before.id.into(), before.version);
        if let Some(seen) = self.expected_version
            && version::changed_since(change, subject, current, seen, &fields, own).await?
        {
            return Err(Error::Conflict(subject));
        }
        if fields.contains(&"assignee") {
            refuse_stranger(change, after.assignee_id).await?;
        }
        if let Some(To::Value(category)) = self.category {
            category::refuse_unknown(change, Some(category)).await?;
        }
        let mut product = match renamed {
            None => product,
            Some(name) => match self.rename(change, &after, product, name).await? {
                Named::Product(product) => product,
                Named::Wanted(twin, name) => return self.become_one(change, after, twin, name).await,
            },
        };
        if product.id != before.product_id {
            after.give_up(change).await?;
            after.product_id = product.id;
            after.settle(change).await?;
        }
        let given = self.amounts.as_ref().and_then(|_| after.amounts.as_slice().first());
        let unit = given.map(|amount| amount.unit);
        self.remember(change, &mut product, unit).await?;
        if !fields.is_empty() {
            item::save(change, event::Kind::GroceryItemUpdated, &mut after, &fields).await?;
        }
        Ok(after)
    }

    /// What has the new name: the product itself, spelled otherwise; another; or something else that is wanted.
    async fn rename(
        &self,
        change: &mut Change<'_>,
        item: &Item,
        mut product: Product,
        name: Name,
    ) -> Result<Named> {
        if name.fold == product.fold && product.removed_at.is_some() {
            return product::taken_up(change, Some(product), name).await.map(Named::Product);
        }
        if name.fold == product.fold {
            product.name = name.shown;
            product::save(change, event::Kind::GroceryProductUpdated, &mut product, &["name"]).await?;
            return Ok(Named::Product(product));
        }
        let known = product::by_name(change, &name).await?;
        if item.apart == MERGES
            && let Some(known) = &known
            && let Some(twin) = item::that_merges(change, item.list_id, known.id).await?
        {
            return Ok(Named::Wanted(twin, name));
        }
        product::taken_up(change, known, name).await.map(Named::Product)
    }

    async fn remember(
        &self,
        change: &mut Change<'_>,
        product: &mut Product,
        unit: Option<Unit>,
    ) -> Result<()> {
        match self.category {
            Some(To::Nothing) if product.category_id.is_some() => {
                product.category_id = None;
                product::save(change, event::Kind::GroceryProductUpdated, product, &["category"]).await?;
                product::remember(change, product, unit, None).await
            }
            Some(To::Value(category)) => product::remember(change, product, unit, Some(category)).await,
            _ => product::remember(change, product, unit, None).await,
        }
    }

    /// Makes it one with what has its new name already.
    async fn become_one(&self, change: &mut Change<'_>, item: Item, twin: Item, name: Name) -> Result<Item> {
        if self.same_name == SameName::Refuse {
            return Err(Error::NameTaken(twin.id.into()));
        }
        let twin = become_one(change, item, twin).await?;
        let product = product_of(change, twin.product_id).await?;
        let mut product = product::taken_up(change, Some(product), name).await?;
        self.remember(change, &mut product, None).await?;
        Ok(twin)
    }
}

/// Adds something to what is wanted of the same name on its list, and takes it off.
pub(super) async fn become_one(change: &mut Change<'_>, mut item: Item, twin: Item) -> Result<Item> {
    let more = More {
        amounts: &item.amounts,
        note: item.note.as_deref(),
        is_urgent: item.is_urgent,
        assignee: twin.assignee_id.or(item.assignee_id),
    };
    let twin = merge(change, &twin, more).await?;
    item.state = State::Removed;
    item.is_listed = false;
    item.state_by = change.actor().ok().map(Member::id);
    item.state_at = change.now();
    item.settle(change).await?;
    item::save(change, event::Kind::GroceryItemStateChanged, &mut item, &["state"]).await?;
    Ok(twin)
}

/// What has a name that something is to have.
enum Named {
    /// This product, and nothing else that is wanted is of it.
    Product(Product),
    /// This is wanted already, by this name.
    Wanted(Item, Name),
}

/// The names of the fields that two states of an item differ in.
pub(super) fn differences(before: &Item, after: &Item) -> Vec<&'static str> {
    version::changed([
        ("amounts", before.amounts != after.amounts),
        ("note", before.note != after.note),
        ("isUrgent", before.is_urgent != after.is_urgent),
        ("assignee", before.assignee_id != after.assignee_id),
        ("state", before.state != after.state),
    ])
}

async fn product_of(change: &mut Change<'_>, product: GroceryProductId) -> Result<Product> {
    let query = grocery_products::table.filter(grocery_products::id.eq(product));
    run!(change.conn(), |c| query.select(Product::as_select()).first(c).await)
}
