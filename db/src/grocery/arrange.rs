//! Where things stand on a list.

use super::Place;
use super::item::{self, Item};
use crate::access::Permission;
use crate::tables::grocery_items;
use crate::{Change, Entry, Error, GroceryItemId, GroceryListId, Operation, RefusalCode, Result, event};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

/// Moves something to another place on its list. Nothing else moves, so that of two who move two things both have their way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Move {
    /// Which.
    pub item: GroceryItemId,
    /// What it is to stand behind, of the same list; nothing is the front.
    pub after: Option<GroceryItemId>,
}

impl Operation for Move {
    type Outcome = Item;
    const NAME: &'static str = "moveGroceryItem";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Item> {
        let (item, _) = item::with_list(change, self.item).await?;
        self.put(change, item).await
    }
}

type Neighbour<'a> = Option<&'a (GroceryItemId, Place)>;

impl Move {
    /// Moves the item. If that is refused, nothing has changed.
    pub(super) async fn put(&self, change: &mut Change<'_>, mut item: Item) -> Result<Item> {
        item.refuse_if_gone()?;
        let others = others(change, &item).await?;
        let (after, before) = self.neighbours(&others)?;
        let is_there = after.is_none_or(|(id, place)| (place, id) < (&item.place, &item.id))
            && before.is_none_or(|(id, place)| (&item.place, &item.id) < (place, id));
        if is_there {
            return Ok(item);
        }
        let place = |neighbour: Option<&(GroceryItemId, Place)>| neighbour.map(|(_, place)| place.clone());
        item.place = if let Some(place) = Place::between(place(after).as_ref(), place(before).as_ref()) {
            place
        } else {
            spread_out(change, item.list_id).await?;
            (item, _) = item::with_list(change, item.id).await?;
            let others = self::others(change, &item).await?;
            let (after, before) = self.neighbours(&others)?;
            Place::between(place(after).as_ref(), place(before).as_ref())
                .ok_or_else(|| Error::Internal("no place between two that were spread out".into()))?
        };
        item::save(change, event::Kind::GroceryItemUpdated, &mut item, &["place"]).await?;
        Ok(item)
    }

    /// What it will stand between.
    fn neighbours<'a>(&self, others: &'a [(GroceryItemId, Place)]) -> Result<(Neighbour<'a>, Neighbour<'a>)> {
        let Some(after) = self.after else { return Ok((None, others.first())) };
        let message = "must be something else on the same list";
        let at = others.iter().position(|(id, _)| *id == after);
        let at = at.ok_or_else(|| Error::refused(RefusalCode::InvalidReference, "afterId", message))?;
        Ok((others.get(at), others.get(at + 1)))
    }
}

/// What else is on the list, in order.
async fn others(change: &mut Change<'_>, item: &Item) -> Result<Vec<(GroceryItemId, Place)>> {
    let query = grocery_items::table
        .filter(grocery_items::list_id.eq(item.list_id))
        .filter(grocery_items::id.ne(item.id))
        .filter(grocery_items::is_listed.eq(true))
        .order((grocery_items::place, grocery_items::id))
        .select((grocery_items::id, grocery_items::place));
    run!(change.conn(), |c| query.load(c).await)
}

/// Gives all that is on a list a new, short place, in the same order, and returns one behind them. It changes no order, but
/// who keeps the list by places has to know.
pub(super) async fn spread_out(change: &mut Change<'_>, list: GroceryListId) -> Result<Place> {
    let query = grocery_items::table
        .filter(grocery_items::list_id.eq(list))
        .filter(grocery_items::is_listed.eq(true))
        .order((grocery_items::place, grocery_items::id));
    let listed: Vec<Item> = run!(change.conn(), |c| query.select(Item::as_select()).load(c).await)?;
    let mut spread = Place::spread(listed.len() + 1);
    let end = spread.pop().ok_or_else(|| Error::Internal("there is always one place".into()))?;
    for (mut item, place) in listed.into_iter().zip(spread) {
        if item.place != place {
            item.place = place;
            item::save(change, event::Kind::GroceryItemUpdated, &mut item, &["place"]).await?;
        }
    }
    Ok(end)
}
