//! Two products that become one: what was said of the one holds for the other from then on.

use super::{Product, forget};
use crate::grocery::item::{Item, MERGES};
use crate::grocery::{edit, staple};
use crate::prepared::Prepare as _;
use crate::tables::{grocery_homes, grocery_items};
use crate::{Change, GroceryCategoryId, GroceryProductId, GroceryStoreId, Result, event};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// What is of a product is of the other from now on, and the catalogue forgets it. The event of that tells of all that only
/// is of another product since; what changed besides has events of its own.
pub(super) async fn take_over(change: &mut Change<'_>, mut product: Product, other: &Product) -> Result<()> {
    join_items(change, product.id, other.id).await?;
    move_staples(change, product.id, other.id).await?;
    move_homes(change, product.id, other.id).await?;
    let seq = change.next_seq();
    let of_product = grocery_items::table.filter(grocery_items::product_id.eq(product.id));
    let listed = diesel::update(of_product.filter(grocery_items::is_listed.eq(true)))
        .set((
            grocery_items::product_id.eq(other.id),
            grocery_items::version.eq(grocery_items::version + 1),
            grocery_items::changed_seq.eq(seq),
        ))
        .prepared();
    run!(change.conn(), |c| listed.execute(c).await)?;
    // What is on no list is nothing that clients wait for news of.
    let gone = diesel::update(of_product).set(grocery_items::product_id.eq(other.id)).prepared();
    run!(change.conn(), |c| gone.execute(c).await)?;
    forget(change, &mut product).await
}

/// What is wanted of both on one list is one.
async fn join_items(
    change: &mut Change<'_>,
    product: GroceryProductId,
    other: GroceryProductId,
) -> Result<()> {
    let items = that_merge(change, product).await?;
    let mut twins = that_merge(change, other).await?;
    for item in items {
        if let Some(at) = twins.iter().position(|twin| twin.list_id == item.list_id) {
            edit::become_one(change, item, twins.swap_remove(at)).await?;
        }
    }
    Ok(())
}

/// What more of it merges into, on all lists.
async fn that_merge(change: &mut Change<'_>, product: GroceryProductId) -> Result<Vec<Item>> {
    let query = grocery_items::table
        .filter(grocery_items::product_id.eq(product))
        .filter(grocery_items::apart.eq(MERGES))
        .order(grocery_items::id);
    run!(change.conn(), |c| query.select(Item::as_select()).load(c).await)
}

/// Staples of it are staples of the other, unless that is one of the same list already.
async fn move_staples(
    change: &mut Change<'_>,
    product: GroceryProductId,
    other: GroceryProductId,
) -> Result<()> {
    let others = staple::of_product(change, other).await?;
    for mut staple in staple::of_product(change, product).await? {
        if others.iter().any(|other| other.list_id == staple.list_id) {
            staple::end(change, staple).await?;
        } else {
            staple.product_id = other;
            staple::save(change, event::Kind::GroceryStapleUpdated, &mut staple, &["product"]).await?;
        }
    }
    Ok(())
}

/// Where it stands the other does, unless a store says otherwise of that.
async fn move_homes(
    change: &mut Change<'_>,
    product: GroceryProductId,
    other: GroceryProductId,
) -> Result<()> {
    let of_product = grocery_homes::table.filter(grocery_homes::product_id.eq(product));
    let query = of_product.select((grocery_homes::store_id, grocery_homes::category_id));
    let homes: Vec<(GroceryStoreId, GroceryCategoryId)> = run!(change.conn(), |c| query.load(c).await)?;
    let delete = diesel::delete(of_product);
    run!(change.conn(), |c| delete.execute(c).await)?;
    for (store, category) in homes {
        let insert = diesel::insert_or_ignore_into(grocery_homes::table).values((
            grocery_homes::store_id.eq(store),
            grocery_homes::product_id.eq(other),
            grocery_homes::category_id.eq(category),
        ));
        run!(change.conn(), |c| insert.execute(c).await)?;
    }
    Ok(())
}
