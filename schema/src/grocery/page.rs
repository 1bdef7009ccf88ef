//! Pages of what is on a list, or left one with a trip. Lists are short, and their order is each store's own: they are
//! ordered here.

use super::item::GroceryItem;
use super::store;
use crate::connection::{Connection, PageArguments};
use crate::error::{Error, Result};
use crate::loaders::Loaders;
use crate::scalar::Cursor;
use crate::scope::ScopeExt as _;
use async_graphql::Context;
use roomm8_db::grocery::{Item, List, Product, State, Trip};
use roomm8_db::{GroceryItemId, GroceryStoreId};

/// What is wanted of a list.
pub(super) struct Wanted {
    /// In the order of which store; of the list's, if none.
    pub(super) store: Option<GroceryStoreId>,
    /// In which states; in any, if none.
    pub(super) states: Option<Vec<State>>,
    /// What about that which the store does not have.
    pub(super) hidden: Hidden,
}

/// Whether what a store does not have is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hidden {
    /// It is not.
    LeftOut,
    /// It is, beside the rest.
    Included,
}

impl From<bool> for Hidden {
    fn from(is_included: bool) -> Self {
        if is_included { Self::Included } else { Self::LeftOut }
    }
}

/// A page of what is on a list.
pub(super) async fn items(
    ctx: &Context<'_>,
    list: &List,
    wanted: &Wanted,
    arguments: &PageArguments,
) -> Result<Connection<GroceryItem>> {
    let loaders = ctx.scope()?.loaders();
    let layout = store::layout(ctx, list.household_id, wanted.store.or(list.store_id));
    // Both at once, so that those of many lists are loaded together.
    let (layout, listed) = futures_util::future::try_join(layout, loaders.listed_items.load(list.id)).await?;
    let listed = listed.unwrap_or_default();
    let after = placed(ctx, list, &listed, arguments.after).await?;
    let before = placed(ctx, list, &listed, arguments.before).await?;
    let is_wanted = |(item, product): &&(Item, Product)| {
        wanted.states.as_ref().is_none_or(|states| states.contains(&item.state))
            && (wanted.hidden == Hidden::Included || !layout.hides(product))
    };
    let (after, before) = (after.as_ref(), before.as_ref());
    let after = after.map(|(item, product)| layout.key(item, product));
    let before = before.map(|(item, product)| layout.key(item, product));
    let mut keyed: Vec<_> = listed
        .iter()
        .filter(is_wanted)
        .map(|pair| (layout.key(&pair.0, &pair.1), pair))
        .filter(|(key, _)| after.is_none_or(|after| after < *key))
        .filter(|(key, _)| before.is_none_or(|before| *key < before))
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    arguments.cut(&mut keyed);
    let page = keyed.into_iter().map(|(_, pair)| pair.clone()).collect();
    Ok(Connection::new(arguments, told(&loaders, page).await, GroceryItem::place))
}

/// A page of what left its list with a trip, in the order in which it was put there.
pub(super) async fn items_of_trip(
    ctx: &Context<'_>,
    trip: &Trip,
    arguments: &PageArguments,
) -> Result<Connection<GroceryItem>> {
    let loaders = ctx.scope()?.loaders();
    let window = arguments.window()?;
    let (after, before) = (window.after.map(GroceryItemId::from), window.before.map(GroceryItemId::from));
    let items = loaders.trip_items.load(trip.id).await?.unwrap_or_default();
    let mut page: Vec<_> = items
        .iter()
        .filter(|(item, _)| after.is_none_or(|after| after < item.id))
        .filter(|(item, _)| before.is_none_or(|before| item.id < before))
        .cloned()
        .collect();
    arguments.cut(&mut page);
    Ok(Connection::new(arguments, told(&loaders, page).await, GroceryItem::place))
}

/// Items, of which it is known what they are.
pub(super) async fn told(loaders: &Loaders, rows: Vec<(Item, Product)>) -> Vec<GroceryItem> {
    let mut items = Vec::with_capacity(rows.len());
    for (item, product) in rows {
        loaders.grocery_products.prime((product.household_id, product.id), product).await;
        items.push(item.into());
    }
    items
}

/// The item a cursor stands for, with what it is. One that is no longer on the list still has its place there.
async fn placed(
    ctx: &Context<'_>,
    list: &List,
    listed: &[(Item, Product)],
    cursor: Option<Cursor>,
) -> Result<Option<(Item, Product)>> {
    let elsewhere = || Error::bad_input("this cursor is not of this list");
    let id = match cursor {
        None => return Ok(None),
        Some(Cursor::Item(id)) => GroceryItemId::from(id),
        Some(Cursor::Log(_) | Cursor::Timed(..)) => return Err(elsewhere()),
    };
    if let Some(found) = listed.iter().find(|(item, _)| item.id == id) {
        return Ok(Some(found.clone()));
    }
    let loaders = ctx.scope()?.loaders();
    let item = loaders.grocery_items.load((list.household_id, id)).await?;
    let item = item.filter(|item| item.list_id == list.id).ok_or_else(elsewhere)?;
    let product = loaders.grocery_products.load((list.household_id, item.product_id)).await?;
    Ok(Some((item, product.ok_or_else(elsewhere)?)))
}
