//! Categories: the kinds of things there are, in the household's order.

use super::Place;
use super::fold::Name;
use crate::access::{Member, Permission};
use crate::among::among;
use crate::tables::grocery_categories;
use crate::{
    Change, Connection, Entry, Error, GroceryCategoryId, HouseholdId, Operation, RefusalCode, Result,
    SubjectId, Time, event,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

/// The most categories of a household.
pub const CATEGORY_LIMIT: i64 = 100;

/// A kind of things, such as vegetables.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = grocery_categories)]
pub struct Category {
    /// Its identifier.
    pub id: GroceryCategoryId,
    /// Whose it is.
    pub household_id: HouseholdId,
    /// What it is called.
    pub name: String,
    /// What that folds to; the id's text once it was removed, so that the name is free.
    pub(super) fold: String,
    /// Where it stands among the others.
    pub place: Place,
    /// When it was made.
    pub created_at: Time,
    /// When it was removed.
    pub removed_at: Option<Time>,
    /// Counts its changes.
    pub version: i32,
}

impl crate::Subject for Category {
    fn subject_id(&self) -> SubjectId {
        self.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        let query = grocery_categories::table.filter(grocery_categories::id.eq(GroceryCategoryId::from(id)));
        run!(conn, |c| query.select(Self::as_select()).first(c).await)
    }
}

/// The categories with these ids, of the households named with them, removed or not. Both are only ever taken from what the
/// asker was allowed to see: events, products, or proofs of membership.
pub async fn known(conn: &mut Connection, ids: &[(HouseholdId, GroceryCategoryId)]) -> Result<Vec<Category>> {
    let categories: Vec<GroceryCategoryId> = ids.iter().map(|(_, id)| *id).collect();
    let query = grocery_categories::table.filter(among(grocery_categories::id, &categories));
    let found: Vec<Category> = run!(conn, |c| query.select(Category::as_select()).load(c).await)?;
    Ok(found.into_iter().filter(|found| ids.contains(&(found.household_id, found.id))).collect())
}

/// The category, if it is one of the member's household; otherwise [`Error::NotFound`].
pub async fn find(conn: &mut Connection, member: &Member, id: GroceryCategoryId) -> Result<Category> {
    let query = grocery_categories::table
        .filter(grocery_categories::household_id.eq(member.household_id()))
        .filter(grocery_categories::id.eq(id));
    run!(conn, |c| query.select(Category::as_select()).first(c).await)
}

/// All the household's categories, in its order: at most [`CATEGORY_LIMIT`].
pub async fn all(conn: &mut Connection, member: &Member) -> Result<Vec<Category>> {
    let query = grocery_categories::table
        .filter(grocery_categories::household_id.eq(member.household_id()))
        .filter(grocery_categories::removed_at.is_null())
        .order((grocery_categories::place, grocery_categories::id));
    run!(conn, |c| query.select(Category::as_select()).load(c).await)
}

/// Fails unless this is one of the household's categories; none is fine.
pub(super) async fn refuse_unknown(
    change: &mut Change<'_>,
    category: Option<GroceryCategoryId>,
) -> Result<()> {
    let Some(category) = category else { return Ok(()) };
    let query = grocery_categories::table
        .filter(grocery_categories::household_id.eq(change.household_id()))
        .filter(grocery_categories::removed_at.is_null())
        .filter(grocery_categories::id.eq(category))
        .count();
    if run!(change.conn(), |c| query.get_result::<i64>(c).await)? == 1 {
        return Ok(());
    }
    let message = "must be a category of this household";
    Err(Error::refused(RefusalCode::InvalidReference, "categoryId", message))
}

/// Makes a category, after the others.
#[derive(Debug, Serialize)]
pub struct Create {
    /// What it is called: 1 to [`super::fold::NAME_LIMIT`] characters, and no other is ([`Error::NameTaken`]).
    pub name: String,
}

/// Changes a category's name or place; what is `None` stays as it is.
#[derive(Debug, Serialize)]
pub struct Update {
    /// Which.
    pub category: GroceryCategoryId,
    /// What it is called.
    pub name: Option<String>,
    /// What it is to stand behind; the front, if nothing.
    pub after: Option<Behind>,
    /// The version the caller has seen.
    pub expected_version: Option<i32>,
}

/// Where a category is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Behind {
    /// Before all others.
    Nothing,
    /// Right behind this one.
    Category(GroceryCategoryId),
}

/// Removes a category: what is of it has none from now on. Twice is as once.
#[derive(Debug, Serialize)]
pub struct Remove {
    /// Which.
    pub category: GroceryCategoryId,
}

macro_rules! stub {
    ($t:ty, $o:ty, $n:literal) => {
        impl Operation for $t {
            type Outcome = $o;
            const NAME: &'static str = $n;
            const ENTRY: Entry = Entry::Member(Permission::EditGroceries);
            async fn apply(&self, change: &mut Change<'_>) -> Result<$o> {
                let _ = (change.now(), Name::new("name", "x"), event::Kind::GroceryCategoryCreated);
                Err(Error::NotFound)
            }
        }
    };
}
stub!(Create, Category, "createGroceryCategory");
stub!(Update, Category, "updateGroceryCategory");
stub!(Remove, Category, "removeGroceryCategory");
