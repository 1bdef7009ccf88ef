//! Shopping lists: making and changing them, and how much is on them.

use super::fold::NAME_LIMIT;
use super::item::State;
use super::{refuse_stranger, store};
use crate::access::{Permission, Reader};
use crate::among::among;
use crate::message::End;
use crate::page::Window;
use crate::prepared::Prepare as _;
use crate::tables::{grocery_items, grocery_lists};
use crate::{
    Change, Connection, Entry, Error, GroceryListId, GroceryStoreId, HouseholdId, MemberId, Operation,
    RefusalCode, Result, SubjectId, Time, To, event, text, version,
};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use std::collections::HashMap;

/// The most lists of a household that are not put away.
pub const LIST_LIMIT: i64 = 100;
/// The most things on a list: those that left it with a trip, or were taken off it, do not count.
pub const ITEM_LIMIT: i64 = 500;

/// A shopping list.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = grocery_lists, treat_none_as_default_value = false)]
pub struct List {
    /// Its identifier.
    pub id: GroceryListId,
    /// Whose it is.
    pub household_id: HouseholdId,
    /// What it is called.
    pub name: String,
    /// The store in whose order it is shown.
    pub store_id: Option<GroceryStoreId>,
    /// Who is to go.
    pub assignee_id: Option<MemberId>,
    /// Whether it is urgent.
    pub is_urgent: bool,
    /// Who made it.
    pub created_by: MemberId,
    /// When it was made.
    pub created_at: Time,
    /// When it was put away.
    pub archived_at: Option<Time>,
    /// Counts its own changes, not those of what is on it.
    pub version: i32,
}

impl crate::Subject for List {
    fn subject_id(&self) -> SubjectId {
        self.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        let query = grocery_lists::table.filter(grocery_lists::id.eq(GroceryListId::from(id)));
        run!(conn, |c| query.select(Self::as_select()).first(c).await)
    }
}

/// How much is on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// What is to be bought.
    pub open: i64,
    /// What could not be had.
    pub unavailable: i64,
    /// What was bought and is still on it.
    pub bought: i64,
}

/// Whether lists that were put away are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Archived {
    /// They are not.
    #[default]
    LeftOut,
    /// They are, beside the others.
    Included,
}

/// The lists with these ids, of the households named with them. Both are only ever taken from what the asker was allowed to
/// see: events, items, trips, or proofs of membership.
pub async fn known(conn: &mut Connection, ids: &[(HouseholdId, GroceryListId)]) -> Result<Vec<List>> {
    let lists: Vec<GroceryListId> = ids.iter().map(|(_, id)| *id).collect();
    let query = grocery_lists::table.filter(among(grocery_lists::id, &lists));
    let found: Vec<List> = run!(conn, |c| query.select(List::as_select()).load(c).await)?;
    Ok(found.into_iter().filter(|found| ids.contains(&(found.household_id, found.id))).collect())
}

/// The lists of the member's household in a window, in the order in which they were made.
pub async fn page(
    conn: &mut Connection,
    reader: &Reader,
    archived: Archived,
    window: Window,
) -> Result<Vec<List>> {
    let (after, before): (GroceryListId, GroceryListId) = window.bounds();
    let found = run!(conn, |c| {
        let mut query = grocery_lists::table
            .select(List::as_select())
            .filter(grocery_lists::household_id.eq(reader.household_id()))
            .filter(grocery_lists::id.gt(after))
            .filter(grocery_lists::id.lt(before))
            .limit(window.limit)
            .into_boxed();
        if archived == Archived::LeftOut {
            query = query.filter(grocery_lists::archived_at.is_null());
        }
        query = match window.end {
            End::Oldest => query.order(grocery_lists::id.asc()),
            End::Newest => query.order(grocery_lists::id.desc()),
        };
        query.load(c).await
    })?;
    Ok(window.oldest_first(found))
}

/// How much is on each of these lists. Counted anew each time, so that it cannot drift.
pub async fn counts(
    conn: &mut Connection,
    lists: &[GroceryListId],
) -> Result<HashMap<GroceryListId, Counts>> {
    let query = grocery_items::table
        .filter(among(grocery_items::list_id, lists))
        .filter(grocery_items::is_listed.eq(true))
        .group_by((grocery_items::list_id, grocery_items::state))
        .select((grocery_items::list_id, grocery_items::state, count_star()));
    let rows: Vec<(GroceryListId, State, i64)> = run!(conn, |c| query.load(c).await)?;
    let mut counts: HashMap<_, Counts> = HashMap::new();
    for (list, state, count) in rows {
        let counts = counts.entry(list).or_default();
        match state {
            State::Open => counts.open = count,
            State::Unavailable => counts.unavailable = count,
            State::Bought => counts.bought = count,
            State::Removed => {}
        }
    }
    Ok(counts)
}

/// Makes a shopping list.
#[derive(Debug, Serialize)]
pub struct Create {
    /// What it is called: 1 to [`NAME_LIMIT`] characters.
    pub name: String,
    /// The store in whose order it is shown.
    pub store: Option<GroceryStoreId>,
    /// Who is to go: a current member who may change groceries.
    pub assignee: Option<MemberId>,
    /// Whether it is urgent.
    pub is_urgent: bool,
}

impl Operation for Create {
    type Outcome = List;
    const NAME: &'static str = "createGroceryList";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<List> {
        let name = text::line("name", &self.name, NAME_LIMIT)?;
        store::refuse_unknown(change, self.store).await?;
        refuse_stranger(change, self.assignee).await?;
        refuse_one_too_many(change).await?;
        let list = List {
            id: GroceryListId::new(),
            household_id: change.household_id(),
            name,
            store_id: self.store,
            assignee_id: self.assignee,
            is_urgent: self.is_urgent,
            created_by: change.actor()?.id(),
            created_at: change.now(),
            archived_at: None,
            version: 1,
        };
        let insert = diesel::insert_into(grocery_lists::table).values(&list);
        run!(change.conn(), |c| insert.execute(c).await)?;
        change.record_for_all(event::Kind::GroceryListCreated, list.id, list.version, &[]);
        Ok(list)
    }
}

async fn refuse_one_too_many(change: &mut Change<'_>) -> Result<()> {
    let query = grocery_lists::table
        .filter(grocery_lists::household_id.eq(change.household_id()))
        .filter(grocery_lists::archived_at.is_null())
        .count();
    if run!(change.conn(), |c| query.get_result::<i64>(c).await)? < LIST_LIMIT {
        return Ok(());
    }
    let message = format!("there are {LIST_LIMIT} lists already: put one away first");
    Err(Error::refused(RefusalCode::Limit, "", message))
}

/// Changes a shopping list; what is `None` stays as it is. See [`Create`] for what each can be.
#[derive(Debug, Serialize)]
pub struct Update {
    /// Which.
    pub list: GroceryListId,
    /// What it is called.
    pub name: Option<String>,
    /// The store in whose order it is shown.
    pub store: Option<To<GroceryStoreId>>,
    /// Who is to go.
    pub assignee: Option<To<MemberId>>,
    /// Whether it is urgent.
    pub is_urgent: Option<bool>,
    /// The version the caller has seen.
    pub expected_version: Option<i32>,
}

impl Operation for Update {
    type Outcome = List;
    const NAME: &'static str = "updateGroceryList";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<List> {
        let before = in_use(change, self.list).await?;
        let mut after = before.clone();
        if let Some(name) = &self.name {
            after.name = text::line("name", name, NAME_LIMIT)?;
        }
        after.store_id = To::applied(self.store.as_ref(), before.store_id);
        after.assignee_id = To::applied(self.assignee.as_ref(), before.assignee_id);
        after.is_urgent = self.is_urgent.unwrap_or(before.is_urgent);
        let fields = version::changed([
            ("name", before.name != after.name),
            ("store", before.store_id != after.store_id),
            ("assignee", before.assignee_id != after.assignee_id),
            ("isUrgent", before.is_urgent != after.is_urgent),
        ]);
        version::settle(change, before.id.into(), before.version, self.expected_version, &fields).await?;
        if fields.contains(&"store") {
            store::refuse_unknown(change, after.store_id).await?;
        }
        if fields.contains(&"assignee") {
            refuse_stranger(change, after.assignee_id).await?;
        }
        if !fields.is_empty() {
            save(change, event::Kind::GroceryListUpdated, &mut after, &fields).await?;
        }
        Ok(after)
    }
}

/// Puts a list away: it can be read, and brought back. Twice is as once.
#[derive(Debug, Serialize)]
pub struct Archive {
    /// Which.
    pub list: GroceryListId,
}

impl Operation for Archive {
    type Outcome = List;
    const NAME: &'static str = "archiveGroceryList";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<List> {
        let mut list = of_household(change, self.list).await?;
        if list.archived_at.is_none() {
            list.archived_at = Some(change.now());
            save(change, event::Kind::GroceryListArchived, &mut list, &["archivedAt"]).await?;
        }
        Ok(list)
    }
}

/// Brings a list back, with what was on it. Twice is as once.
#[derive(Debug, Serialize)]
pub struct Restore {
    /// Which.
    pub list: GroceryListId,
}

impl Operation for Restore {
    type Outcome = List;
    const NAME: &'static str = "restoreGroceryList";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<List> {
        let mut list = of_household(change, self.list).await?;
        if list.archived_at.is_some() {
            refuse_one_too_many(change).await?;
            list.archived_at = None;
            save(change, event::Kind::GroceryListRestored, &mut list, &["archivedAt"]).await?;
        }
        Ok(list)
    }
}

/// A list of the household being changed, put away or not.
async fn of_household(change: &mut Change<'_>, id: GroceryListId) -> Result<List> {
    let query = grocery_lists::table
        .filter(grocery_lists::household_id.eq(change.household_id()))
        .filter(grocery_lists::id.eq(id));
    run!(change.conn(), |c| query.select(List::as_select()).first(c).await)
}

/// A list of the household being changed; refused if it was put away.
pub(super) async fn in_use(change: &mut Change<'_>, id: GroceryListId) -> Result<List> {
    let list = of_household(change, id).await?;
    list.refuse_if_archived("listId")?;
    Ok(list)
}

impl List {
    /// Fails if it was put away.
    pub(super) fn refuse_if_archived(&self, field: &'static str) -> Result<()> {
        if self.archived_at.is_none() {
            return Ok(());
        }
        Err(Error::refused(RefusalCode::Gone, field, "this list was put away: bring it back first"))
    }
}

/// Saves what changed of it as its next version, and records it.
pub(super) async fn save(
    change: &mut Change<'_>,
    kind: event::Kind,
    list: &mut List,
    fields: &[&'static str],
) -> Result<()> {
    list.version += 1;
    let update = diesel::update(grocery_lists::table)
        .filter(grocery_lists::id.eq(list.id))
        .set((
            grocery_lists::name.eq(&list.name),
            grocery_lists::store_id.eq(list.store_id),
            grocery_lists::assignee_id.eq(list.assignee_id),
            grocery_lists::is_urgent.eq(list.is_urgent),
            grocery_lists::archived_at.eq(list.archived_at),
            grocery_lists::version.eq(list.version),
        ))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    change.record_for_all(kind, list.id, list.version, fields);
    Ok(())
}
