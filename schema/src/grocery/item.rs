//! What is on shopping lists, or was.

use super::amount::GroceryAmount;
use super::{GroceryCategory, GroceryList, GroceryProduct, GroceryTrip, product, trip};
use crate::error::{Error, Nullable, Result, nullable_option};
use crate::id::GlobalId;
use crate::member::{Member, perhaps};
use crate::row::{Ahead, Naming, Plain as _, Row, label, list, selected};
use crate::scalar::{Cursor, DateTime};
use crate::scope::{Scope, ScopeExt as _};
use async_graphql::parser::types::{Field, SelectionSet};
use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use roomm8_db::grocery::{self, item};
use roomm8_db::{GroceryItemId, HouseholdId};

/// What has become of something on a shopping list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "item::State")]
pub(crate) enum GroceryItemState {
    /// It is to be bought.
    Open,
    /// Somebody has bought it; it stays on the list until the trip is finished.
    Bought,
    /// It was looked for in vain. It is still wanted, and looked for again once the trip is finished.
    Unavailable,
    /// It is no longer wanted, and off the list. It can be put back.
    Removed,
}

/// Something on a shopping list, or that was.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct GroceryItem {
    /// Its global id.
    pub(crate) id: ID,
    /// How much of it, at most 16 amounts, which cannot be added up: "2 packs, 500 g". Empty if that was not said.
    amounts: Vec<GroceryAmount>,
    /// What else there is to know: up to 500 characters of plain text. Null if there is nothing.
    note: Option<String>,
    /// Whether it is urgent.
    is_urgent: bool,
    /// What has become of it.
    state: GroceryItemState,
    /// Whether it is on its list: neither taken off nor gone with a trip.
    is_listed: bool,
    /// Where it stands among the others of its category, for who keeps the list themselves: the lower of two, as text, comes
    /// first; of two alike, the one put on the list first. `GroceryList.items` is in order.
    rank: String,
    /// When somebody last added to it.
    added_at: DateTime,
    /// When it was first put on the list.
    created_at: DateTime,
    /// Since when it is in its state, as whoever said so told it.
    state_at: DateTime,
    /// Counts its changes, from 1: pass it as `expectedVersion` or `baseVersion`. Of two states of an item the one with the
    /// higher version holds.
    version: i32,
    #[graphql(skip)]
    row: grocery::Item,
}

impl From<grocery::Item> for GroceryItem {
    fn from(row: grocery::Item) -> Self {
        Self {
            id: GlobalId::GroceryItem(row.household_id, row.id).to_id(),
            amounts: row.amounts.iter().copied().map(GroceryAmount::from).collect(),
            note: row.note.clone(),
            is_urgent: row.is_urgent,
            state: row.state.into(),
            is_listed: row.is_listed,
            rank: row.place.to_string(),
            added_at: DateTime(row.added_at),
            created_at: DateTime(row.created_at),
            state_at: DateTime(row.state_at),
            version: row.version,
            row,
        }
    }
}

impl Row for GroceryItem {
    async fn load(rows: &[&Self], fields: &SelectionSet, scope: &Scope, ahead: &mut Ahead) -> Result<()> {
        if selected(fields, "name").next().is_some() {
            let products = rows.iter().map(|item| (item.row.household_id, item.row.product_id));
            let found = scope.loaders().grocery_products.load_map(products).await?;
            ahead.products.extend(found.into_iter().map(|((_, id), row)| (id, row.into())));
        }
        ahead.members(&PEOPLE, fields, scope, rows.iter().map(|row| &row.row)).await
    }

    fn write(&self, field: &Field, ahead: &Ahead, json: &mut Vec<u8>) -> Option<()> {
        match field.name.node.as_str() {
            "id" => self.id.write(json),
            "name" => ahead.products.get(&self.row.product_id)?.name.write(json),
            "amounts" => list(&self.amounts, &field.selection_set.node, ahead, json),
            "note" => self.note.write(json),
            "isUrgent" => self.is_urgent.write(json),
            "state" => label(self.state, json),
            "isListed" => self.is_listed.write(json),
            "rank" => self.rank.write(json),
            "addedAt" => self.added_at.write(json),
            "createdAt" => self.created_at.write(json),
            "stateAt" => self.state_at.write(json),
            "version" => self.version.write(json),
            _ => ahead.member(&PEOPLE, &self.row, field, json),
        }
    }
}

/// The fields that name members.
const PEOPLE: [Naming<grocery::Item>; 3] =
    [("assignee", |row| row.assignee_id), ("addedBy", |row| row.added_by), ("stateBy", |row| row.state_by)];

#[ComplexObject]
impl GroceryItem {
    /// What it is called, as the catalogue spells it now.
    async fn name(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(self.known_product(ctx).await?.name)
    }

    /// What it is, in the household's catalogue.
    async fn product(&self, ctx: &Context<'_>) -> Result<GroceryProduct> {
        self.known_product(ctx).await
    }

    /// The category it stands in; null if it has none.
    async fn category(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In which store; where the catalogue says, unless said otherwise.")]
        store_id: Option<ID>,
    ) -> Nullable<GroceryCategory> {
        nullable_option(async { self.known_product(ctx).await?.category_in(ctx, store_id.as_ref()).await })
            .await
    }

    /// Who is to buy it; null if nobody in particular is.
    async fn assignee(&self, ctx: &Context<'_>) -> Nullable<Member> {
        perhaps(ctx, self.row.assignee_id).await
    }

    /// Who first put it on the list; null if it put itself there, as a staple.
    async fn added_by(&self, ctx: &Context<'_>) -> Nullable<Member> {
        perhaps(ctx, self.row.added_by).await
    }

    /// Who said that it is in its state: of what is `BOUGHT`, who bought it. Null if nobody has said so since it was added.
    async fn state_by(&self, ctx: &Context<'_>) -> Nullable<Member> {
        perhaps(ctx, self.row.state_by).await
    }

    /// The list it is on, or was.
    async fn list(&self, ctx: &Context<'_>) -> Result<GroceryList> {
        self.known_list(ctx).await
    }

    /// The trip it left the list with; null if it did not.
    async fn trip(&self, ctx: &Context<'_>) -> Nullable<GroceryTrip> {
        nullable_option(async {
            match self.row.trip_id {
                Some(id) => trip::known_trip(ctx, self.row.household_id, id).await.map(Some),
                None => Ok(None),
            }
        })
        .await
    }
}

impl GroceryItem {
    async fn known_product(&self, ctx: &Context<'_>) -> Result<GroceryProduct> {
        product::known_product(ctx, self.row.household_id, self.row.product_id).await
    }

    pub(super) async fn known_list(&self, ctx: &Context<'_>) -> Result<GroceryList> {
        super::known(ctx, self.row.household_id, self.row.list_id).await
    }

    /// Its place in a list of items.
    pub(super) fn place(&self) -> Cursor {
        Cursor::Item(self.row.id.into())
    }
}

/// An item that is named by something the asker may see.
pub(crate) async fn known_item(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: GroceryItemId,
) -> Result<GroceryItem> {
    let found = ctx.scope()?.loaders().grocery_items.load((household, id)).await?;
    found.map(GroceryItem::from).ok_or_else(Error::not_found)
}

/// The item with this id, if the viewer is a member of its household.
pub(crate) async fn find_item(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: GroceryItemId,
) -> Result<GroceryItem> {
    ctx.scope()?.member(household).await?;
    known_item(ctx, household, id).await
}
