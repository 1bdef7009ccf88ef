//! Staples whose day has come: nobody asks for it but the clock. Every instance looks, and under the household's lock one of
//! them finds something to do.

use super::{Staple, beginning, next_from, schedule, zone_of};
use crate::change::DueWork;
use crate::grocery::add::{End, Line};
use crate::grocery::list::List;
use crate::grocery::{Product, item};
use crate::household;
use crate::prepared::Prepare as _;
use crate::tables::{grocery_lists, grocery_products, grocery_staples, households};
use crate::task::recurrence::local_date;
use crate::{Change, Connection, Database, Date, Error, HouseholdId, Result, Time};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::BTreeSet;

/// So many staples are treated in one transaction.
const AT_ONCE: i64 = 50;

/// Puts what is due on its list, in up to `limit` households: what is wanted there already is let be. One that fails does not
/// stop the others: the first error is returned when all were tried.
pub async fn add_due(db: &Database, limit: i64) -> Result<()> {
    let waiting = households_to_look_after(&mut *db.connection().await?, Time::now(), limit).await?;
    // It ends: what was treated is not due again before tomorrow.
    db.perform_due(waiting, &AddDue).await
}

async fn households_to_look_after(conn: &mut Connection, now: Time, limit: i64) -> Result<Vec<HouseholdId>> {
    // What is put away is left alone, and must not be found again and again.
    let query = grocery_staples::table
        .inner_join(grocery_lists::table)
        .inner_join(households::table.on(households::id.eq(grocery_staples::household_id)))
        .filter(grocery_staples::next_at.le(now))
        .filter(grocery_lists::archived_at.is_null())
        .filter(households::archived_at.is_null())
        .select(grocery_staples::household_id)
        .distinct()
        .limit(limit);
    run!(conn, |c| query.load(c).await)
}

/// Puts what is due in a household on its lists.
struct AddDue;

impl DueWork for AddDue {
    async fn apply(&self, change: &mut Change<'_>) -> Result<usize> {
        let due = due_now(change).await?;
        let count = due.len();
        let zone = zone_of(change).await?;
        let today = local_date(change.now(), zone);
        for (mut staple, list, product) in due {
            put(change, &staple, &list, &product).await?;
            // However many dates were missed, they are made up for by this one.
            let schedule = schedule(staple.start_on, staple.rule.parse()?, zone)?;
            let next = today.succ_opt().and_then(|tomorrow| next_from(&schedule, tomorrow));
            staple.waits_for(next, zone);
            wait(change, &staple).await?;
        }
        Ok(count)
    }
}

async fn due_now(change: &mut Change<'_>) -> Result<Vec<(Staple, List, Product)>> {
    let query = grocery_staples::table
        .inner_join(grocery_lists::table)
        .inner_join(grocery_products::table)
        .filter(grocery_staples::household_id.eq(change.household_id()))
        .filter(grocery_staples::next_at.le(change.now()))
        .filter(grocery_lists::archived_at.is_null())
        .order((grocery_staples::next_at, grocery_staples::id))
        .limit(AT_ONCE);
    run!(change.conn(), |c| {
        query.select((Staple::as_select(), List::as_select(), Product::as_select())).load(c).await
    })
}

/// Puts it on its list, unless it is wanted there. A list that is full goes without it this time.
async fn put(change: &mut Change<'_>, staple: &Staple, list: &List, product: &Product) -> Result<()> {
    if item::is_wanted(change, list.id, product.id).await? {
        return Ok(());
    }
    let line = Line {
        name: product.name.clone(),
        amounts: staple.amounts.iter().map(|amount| (amount.quantity, amount.unit)).collect(),
        note: None,
        is_urgent: false,
        assignee: None,
        category: None,
        is_separate: false,
    };
    match End::of(change, list).await?.add(change, &line).await {
        Ok(_) | Err(Error::Refused(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Saves when it is due next. That is no news: what it put on the list is.
async fn wait(change: &mut Change<'_>, staple: &Staple) -> Result<()> {
    let update = diesel::update(grocery_staples::table)
        .filter(grocery_staples::id.eq(staple.id))
        .set((grocery_staples::next_on.eq(staple.next_on), grocery_staples::next_at.eq(staple.next_at)))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    Ok(())
}

/// Staples keep their dates where the household is now, which begin when they do there.
pub(crate) async fn follow(change: &mut Change<'_>, zone: &str) -> Result<()> {
    let zone = household::time_zone(zone)?;
    let query = grocery_staples::table
        .filter(grocery_staples::household_id.eq(change.household_id()))
        .select(grocery_staples::next_on.assume_not_null())
        .filter(grocery_staples::next_on.is_not_null());
    let dates: Vec<Date> = run!(change.conn(), |c| query.load(c).await)?;
    for date in BTreeSet::from_iter(dates) {
        let update = diesel::update(grocery_staples::table)
            .filter(grocery_staples::household_id.eq(change.household_id()))
            .filter(grocery_staples::next_on.eq(date))
            .set(grocery_staples::next_at.eq(beginning(date.naive(), zone)))
            .prepared();
        run!(change.conn(), |c| update.execute(c).await)?;
    }
    Ok(())
}
