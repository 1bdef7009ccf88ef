//! Categories: the kinds of things there are, in the household's order.

use super::fold::Name;
use super::{Place, freed};
use crate::access::{Permission, Reader};
use crate::among::among;
use crate::prepared::Prepare as _;
use crate::tables::{grocery_categories, grocery_homes, grocery_products, grocery_sections};
use crate::{
    Change, Connection, Entry, Error, GroceryCategoryId, HouseholdId, Operation, RefusalCode, Result,
    SubjectId, Time, event, version,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

/// The most categories of a household.
pub const CATEGORY_LIMIT: i64 = 100;

/// A kind of things, such as vegetables.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = grocery_categories, treat_none_as_default_value = false)]
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

/// All the household's categories, in its order: at most [`CATEGORY_LIMIT`].
pub async fn all(conn: &mut Connection, reader: &Reader) -> Result<Vec<Category>> {
    let query = grocery_categories::table
        .filter(grocery_categories::household_id.eq(reader.household_id()))
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

/// All categories of the household being changed, in its order.
pub(super) async fn in_order(change: &mut Change<'_>) -> Result<Vec<Category>> {
    let query = grocery_categories::table
        .filter(grocery_categories::household_id.eq(change.household_id()))
        .filter(grocery_categories::removed_at.is_null())
        .order((grocery_categories::place, grocery_categories::id));
    run!(change.conn(), |c| query.select(Category::as_select()).load(c).await)
}

/// A category of the household being changed, removed or not.
async fn of_household(change: &mut Change<'_>, id: GroceryCategoryId) -> Result<Category> {
    let query = grocery_categories::table
        .filter(grocery_categories::household_id.eq(change.household_id()))
        .filter(grocery_categories::id.eq(id));
    run!(change.conn(), |c| query.select(Category::as_select()).first(c).await)
}

fn refuse_taken(others: &[Category], name: &Name) -> Result<()> {
    match others.iter().find(|other| other.fold == name.fold) {
        Some(other) => Err(Error::NameTaken(other.id.into())),
        None => Ok(()),
    }
}

/// Makes a category, after the others.
#[derive(Debug, Serialize)]
pub struct Create {
    /// What it is called: 1 to [`super::fold::NAME_LIMIT`] characters, and no other is ([`Error::NameTaken`]).
    pub name: String,
}

impl Operation for Create {
    type Outcome = Category;
    const NAME: &'static str = "createGroceryCategory";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Category> {
        let name = Name::new("name", &self.name)?;
        let others = in_order(change).await?;
        refuse_taken(&others, &name)?;
        if i64::try_from(others.len()).is_ok_and(|count| count >= CATEGORY_LIMIT) {
            let message = format!("there are {CATEGORY_LIMIT} categories already: remove one first");
            return Err(Error::refused(RefusalCode::Limit, "", message));
        }
        let category = Category {
            id: GroceryCategoryId::new(),
            household_id: change.household_id(),
            name: name.shown,
            fold: name.fold,
            place: place_among(change, &others, others.len()).await?,
            created_at: change.now(),
            removed_at: None,
            version: 1,
        };
        let insert = diesel::insert_into(grocery_categories::table).values(&category);
        run!(change.conn(), |c| insert.execute(c).await)?;
        change.record_for_all(event::Kind::GroceryCategoryCreated, category.id, category.version, &[]);
        Ok(category)
    }
}

/// A place for one more behind so many of the others. Where there is no room all get new ones; that is no news, as it changes
/// no order.
async fn place_among(change: &mut Change<'_>, others: &[Category], at: usize) -> Result<Place> {
    let mut places: Vec<_> = others.iter().map(|other| Some(other.place.clone())).collect();
    places.insert(at.min(others.len()), None);
    let mut filled = Place::fill(&places);
    let place = filled.remove(at.min(others.len()));
    for (other, place) in others.iter().zip(filled) {
        if other.place == place {
            continue;
        }
        let update = diesel::update(grocery_categories::table)
            .filter(grocery_categories::id.eq(other.id))
            .set(grocery_categories::place.eq(place))
            .prepared();
        run!(change.conn(), |c| update.execute(c).await)?;
    }
    Ok(place)
}

/// Changes a category's name or place; what is `None` stays as it is.
#[derive(Debug, Serialize)]
pub struct Update {
    /// Which.
    pub category: GroceryCategoryId,
    /// What it is called: another spelling, or a name that no other has ([`Error::NameTaken`]).
    pub name: Option<String>,
    /// What it is to stand behind. Nothing else moves.
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

impl Behind {
    /// How many of these others it comes behind.
    pub(super) fn place(self, others: impl IntoIterator<Item = GroceryCategoryId>) -> Result<usize> {
        let Self::Category(wanted) = self else { return Ok(0) };
        let at = others.into_iter().position(|other| other == wanted).ok_or_else(|| {
            let message = "must be another category of this household";
            Error::refused(RefusalCode::InvalidReference, "afterId", message)
        })?;
        Ok(at + 1)
    }
}

impl Operation for Update {
    type Outcome = Category;
    const NAME: &'static str = "updateGroceryCategory";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Category> {
        let mut category = of_household(change, self.category).await?;
        category.refuse_if_removed()?;
        let mut others = in_order(change).await?;
        others.retain(|other| other.id != category.id);
        let name = self.name.as_deref().map(|name| Name::new("name", name)).transpose()?;
        let name = name.filter(|name| name.shown != category.name);
        let stands_before = |other: &&Category| (&other.place, other.id) < (&category.place, category.id);
        let from = others.iter().take_while(stands_before).count();
        let to = self.after.map(|after| after.place(others.iter().map(|other| other.id))).transpose()?;
        let to = to.filter(|to| *to != from);
        let fields = version::changed([("name", name.is_some()), ("place", to.is_some())]);
        let (id, version) = (category.id.into(), category.version);
        version::settle(change, id, version, self.expected_version, &fields).await?;
        if let Some(name) = name {
            refuse_taken(&others, &name)?;
            (category.name, category.fold) = (name.shown, name.fold);
        }
        if let Some(to) = to {
            category.place = place_among(change, &others, to).await?;
        }
        if !fields.is_empty() {
            save(change, event::Kind::GroceryCategoryUpdated, &mut category, &fields).await?;
        }
        Ok(category)
    }
}

impl Category {
    fn refuse_if_removed(&self) -> Result<()> {
        if self.removed_at.is_none() {
            return Ok(());
        }
        Err(Error::refused(RefusalCode::Gone, "categoryId", "this category was removed: make a new one"))
    }
}

/// Removes a category: what is of it has none from now on, in the catalogue and in stores. Twice is as once.
#[derive(Debug, Serialize)]
pub struct Remove {
    /// Which.
    pub category: GroceryCategoryId,
}

impl Operation for Remove {
    type Outcome = Category;
    const NAME: &'static str = "removeGroceryCategory";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Category> {
        let mut category = of_household(change, self.category).await?;
        if category.removed_at.is_some() {
            return Ok(category);
        }
        // The event of the category tells of what was of it.
        let (seq, none) = (change.next_seq(), None::<GroceryCategoryId>);
        let let_go = diesel::update(grocery_products::table)
            .filter(grocery_products::category_id.eq(category.id))
            .set((
                grocery_products::category_id.eq(none),
                grocery_products::version.eq(grocery_products::version + 1),
                grocery_products::changed_seq.eq(seq),
            ))
            .prepared();
        run!(change.conn(), |c| let_go.execute(c).await)?;
        let delete =
            diesel::delete(grocery_sections::table).filter(grocery_sections::category_id.eq(category.id));
        run!(change.conn(), |c| delete.execute(c).await)?;
        let delete = diesel::delete(grocery_homes::table).filter(grocery_homes::category_id.eq(category.id));
        run!(change.conn(), |c| delete.execute(c).await)?;
        category.removed_at = Some(change.now());
        category.fold = freed(category.id);
        save(change, event::Kind::GroceryCategoryRemoved, &mut category, &["removedAt"]).await?;
        Ok(category)
    }
}

/// Saves what changed of it as its next version, and records it.
async fn save(
    change: &mut Change<'_>,
    kind: event::Kind,
    category: &mut Category,
    fields: &[&'static str],
) -> Result<()> {
    category.version += 1;
    let update = diesel::update(grocery_categories::table)
        .filter(grocery_categories::id.eq(category.id))
        .set((
            grocery_categories::name.eq(&category.name),
            grocery_categories::fold.eq(&category.fold),
            grocery_categories::place.eq(&category.place),
            grocery_categories::removed_at.eq(category.removed_at),
            grocery_categories::version.eq(category.version),
        ))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    change.record_for_all(kind, category.id, category.version, fields);
    Ok(())
}
