//! What leaving a household does to its groceries.

use crate::among::among;
use crate::prepared::Prepare as _;
use crate::tables::{grocery_items, grocery_lists};
use crate::{Change, GroceryItemId, GroceryListId, MemberId, Result, event};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// So many rows are named in one statement.
const AT_ONCE: usize = 1000;

/// Lets go of the lists and items that a member was to buy who leaves, or may change no groceries any more.
pub(crate) async fn let_go(change: &mut Change<'_>, member: MemberId) -> Result<()> {
    let_go_of_lists(change, member).await?;
    let_go_of_items(change, member).await
}

async fn let_go_of_lists(change: &mut Change<'_>, member: MemberId) -> Result<()> {
    let query = grocery_lists::table
        .filter(grocery_lists::household_id.eq(change.household_id()))
        .filter(grocery_lists::assignee_id.eq(member))
        .order(grocery_lists::id)
        .select((grocery_lists::id, grocery_lists::version));
    let lists: Vec<(GroceryListId, i32)> = run!(change.conn(), |c| query.load(c).await)?;
    let none: Option<MemberId> = None;
    for lists in lists.chunks(AT_ONCE) {
        let ids: Vec<_> = lists.iter().map(|(id, _)| *id).collect();
        let update = diesel::update(grocery_lists::table.filter(among(grocery_lists::id, &ids)))
            .set((grocery_lists::assignee_id.eq(none), grocery_lists::version.eq(grocery_lists::version + 1)))
            .prepared();
        run!(change.conn(), |c| update.execute(c).await)?;
        for (list, version) in lists {
            change.record_for_all(event::Kind::GroceryListUpdated, *list, version + 1, &["assignee"]);
        }
    }
    Ok(())
}

/// What is on lists, or was taken off, as that can be put back; who was to buy what has left with a trip is of the past.
async fn let_go_of_items(change: &mut Change<'_>, member: MemberId) -> Result<()> {
    let query = grocery_items::table
        .inner_join(grocery_lists::table)
        .filter(grocery_lists::household_id.eq(change.household_id()))
        .filter(grocery_items::trip_id.is_null())
        .filter(grocery_items::assignee_id.eq(member))
        .order(grocery_items::id)
        .select((grocery_items::id, grocery_items::version));
    let items: Vec<(GroceryItemId, i32)> = run!(change.conn(), |c| query.load(c).await)?;
    let none: Option<MemberId> = None;
    for items in items.chunks(AT_ONCE) {
        let ids: Vec<_> = items.iter().map(|(id, _)| *id).collect();
        // The number of the last of their events: who has heard some of them misses none of the others.
        let seq = change.next_seq() - 1 + i64::try_from(items.len()).unwrap_or(0);
        let update = diesel::update(grocery_items::table.filter(among(grocery_items::id, &ids)))
            .set((
                grocery_items::assignee_id.eq(none),
                grocery_items::version.eq(grocery_items::version + 1),
                grocery_items::changed_seq.eq(seq),
            ))
            .prepared();
        run!(change.conn(), |c| update.execute(c).await)?;
        for (item, version) in items {
            change.record_for_all(event::Kind::GroceryItemUpdated, *item, version + 1, &["assignee"]);
        }
    }
    Ok(())
}
