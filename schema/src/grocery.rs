//! Groceries: shopping lists; in the modules below what is on them and is known of it, stores and trips, what can be done to
//! all of these, and what happens to them.

mod adding;
mod amount;
mod category;
mod changes;
mod editing;
mod event;
mod item;
mod line;
mod mutation;
mod page;
mod product;
mod report;
mod staple;
mod store;
mod suggestion;
mod sync;
mod trip;

pub(crate) use category::{GroceryCategory, categories, find_category, known_category};
pub(crate) use event::GrocerySubscription;
pub(crate) use item::{GroceryItem, find_item, known_item};
pub(crate) use line::{GroceryLine, parse};
pub(crate) use product::{GroceryProduct, find_product, known_product, products};
pub(crate) use staple::{GroceryStaple, find_staple, known_staple, staples};
pub(crate) use store::{GroceryStore, find_store, known_store, stores};
pub(crate) use trip::{GroceryTrip, find_trip, known_trip, trips};

use crate::connection::{Connection, PageArguments};
use crate::cost::cost;
use crate::error::{Error, Nullable, Result, nullable, nullable_option};
use crate::household::Household;
use crate::id::GlobalId;
use crate::member::{self, Member};
use crate::row::Row;
use crate::scalar::{Cursor, DateTime};
use crate::scope::ScopeExt as _;
use async_graphql::{ComplexObject, Context, ID, MergedObject, Object, SimpleObject};
use changes::GroceryChanges;
use item::GroceryItemState;
use page::Wanted;
use roomm8_db::grocery::list::{self, Archived, Counts};
use roomm8_db::grocery::{self, State};
use roomm8_db::{GroceryListId, HouseholdId};
use suggestion::GrocerySuggestion;

/// A shopping list. At most 500 things are on it at once; what has left it with a trip does not count.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct GroceryList {
    /// Its global id.
    pub(crate) id: ID,
    /// What it is called: one line of 1 to 100 characters of plain text.
    name: String,
    /// Whether it is urgent.
    is_urgent: bool,
    /// When it was made.
    created_at: DateTime,
    /// When it was put away: since then it can be read, not changed. Null while it is in use.
    archived_at: Option<DateTime>,
    /// Counts its own changes, from 1, not those of what is on it: pass it as `expectedVersion` when you change it.
    version: i32,
    #[graphql(skip)]
    row: grocery::List,
}

// Its lists go the ordinary way.
impl Row for GroceryList {}

impl From<grocery::List> for GroceryList {
    fn from(row: grocery::List) -> Self {
        Self {
            id: GlobalId::GroceryList(row.household_id, row.id).to_id(),
            name: row.name.clone(),
            is_urgent: row.is_urgent,
            created_at: DateTime(row.created_at),
            archived_at: row.archived_at.map(DateTime),
            version: row.version,
            row,
        }
    }
}

#[ComplexObject]
impl GroceryList {
    /// The household whose list it is.
    async fn household(&self, ctx: &Context<'_>) -> Result<Household> {
        let found = ctx.scope()?.loaders().households.load(self.row.household_id).await?;
        found.map(Household::from).ok_or_else(Error::not_found)
    }

    /// The store in whose order it is shown; null for the household's order of categories.
    async fn store(&self, ctx: &Context<'_>) -> Nullable<GroceryStore> {
        nullable_option(store::perhaps(ctx, self.row.household_id, self.row.store_id)).await
    }

    /// Who is to go shopping; null if nobody in particular is.
    async fn assignee(&self, ctx: &Context<'_>) -> Nullable<Member> {
        member::perhaps(ctx, self.row.assignee_id).await
    }

    /// Who made it, a former member perhaps.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Member> {
        member::known(ctx, self.row.created_by).await
    }

    /// How many things on it are to be bought and were not looked for in vain.
    async fn open_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(self.counts(ctx).await?.open)
    }

    /// How many things on it could not be had.
    async fn unavailable_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(self.counts(ctx).await?.unavailable)
    }

    /// How many things on it are bought: they leave it with `finishGroceryTrip`.
    async fn bought_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(self.counts(ctx).await?.bought)
    }

    /// What is on it, in the order in which a store is walked through: by category, then by the places that `moveGroceryItem`
    /// gives; what has no category comes last. The first 50 unless said otherwise.
    #[expect(clippy::too_many_arguments, reason = "a store, two filters, and what Relay asks for")]
    async fn items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The store in whose order they are; the list's, unless said otherwise.")]
        store_id: Option<ID>,
        #[graphql(desc = "Only those of which one of these has become.")] states: Option<
            Vec<GroceryItemState>,
        >,
        #[graphql(default = false, desc = "Whether what the store does not have is among them.")]
        include_hidden: bool,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only items after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "At most so many from the end, or before `before`; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<GroceryItem>> {
        let arguments = PageArguments::new(first, after, last, before, 50)?;
        let store = store::of_household(ctx, self.row.household_id, store_id.as_ref()).await?;
        let states = states.map(|states| states.into_iter().map(State::from).collect());
        let wanted = Wanted { store, states, hidden: include_hidden.into() };
        page::items(ctx, &self.row, &wanted, &arguments).await
    }

    /// The trips it was taken on, in the order in which they were finished; undone ones are left out. The first 50 unless said
    /// otherwise, so ask for `last` to see the newest.
    async fn trips(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only trips after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "At most so many from the end, or before `before`; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only trips before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<GroceryTrip>> {
        let arguments = PageArguments::new(first, after, last, before, 50)?;
        trip::trips_of(ctx, self.row.id, &arguments).await
    }

    /// What may be missing on it: what is bought again and again and is due by now, the most overdue first, then what is
    /// mostly bought together with something on it. What is on it is not among them.
    #[graphql(directive = cost::apply("50".to_owned()))]
    async fn suggestions(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 10, desc = "At most so many, the best ones; 1 to 50.")] first: i32,
    ) -> Result<Vec<GrocerySuggestion>> {
        suggestion::suggestions(ctx, &self.row, first).await
    }

    /// What has changed on it: what a phone that was without network fetches to catch up. It is the list as a whole without
    /// `since`, with a cursor that cannot be resumed, and where more than 1,000 things have changed: `isWhole` says so.
    #[graphql(directive = cost::apply("200".to_owned()))]
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The `cursor` of the changes, the household or the event you know.")] since: Option<
            Cursor,
        >,
    ) -> Result<GroceryChanges> {
        changes::changes(ctx, &self.row, since).await
    }
}

impl GroceryList {
    async fn counts(&self, ctx: &Context<'_>) -> Result<Counts> {
        Ok(ctx.scope()?.loaders().list_counts.load(self.row.id).await?.unwrap_or_default())
    }

    /// Its place in the list of lists.
    fn place(&self) -> Cursor {
        Cursor::Item(self.row.id.into())
    }
}

/// A list that is named by something the asker may see.
pub(crate) async fn known(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: GroceryListId,
) -> Result<GroceryList> {
    let found = ctx.scope()?.loaders().grocery_lists.load((household, id)).await?;
    found.map(GroceryList::from).ok_or_else(Error::not_found)
}

/// The list with this id, if the viewer is a member of its household.
pub(crate) async fn find(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: GroceryListId,
) -> Result<GroceryList> {
    ctx.scope()?.member(household).await?;
    known(ctx, household, id).await
}

/// A page of a household's lists.
pub(crate) async fn lists(
    ctx: &Context<'_>,
    household: HouseholdId,
    archived: Archived,
    arguments: &PageArguments,
) -> Result<Connection<GroceryList>> {
    let scope = ctx.scope()?;
    let reader = scope.reader(household).await?;
    let window = arguments.window()?;
    let rows = list::page(&mut *scope.connection().await?, &reader, archived, window).await?;
    for row in &rows {
        scope.loaders().grocery_lists.prime((household, row.id), row.clone()).await;
    }
    let lists = rows.into_iter().map(GroceryList::from).collect();
    Ok(Connection::new(arguments, lists, GroceryList::place))
}

#[derive(Default)]
pub(crate) struct GroceryQuery;

#[Object]
impl GroceryQuery {
    /// A shopping list of a household you are a member of, put away or not. `NOT_FOUND` otherwise.
    async fn grocery_list(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The list's global id.")] id: ID,
    ) -> Nullable<GroceryList> {
        nullable(async {
            let (household, id) = GlobalId::grocery_list(&id)?;
            find(ctx, household, id).await
        })
        .await
    }
}

/// What can be done about groceries.
#[derive(MergedObject, Default)]
pub(crate) struct GroceryMutation(
    mutation::GroceryListMutation,
    adding::GroceryAddingMutation,
    editing::GroceryItemMutation,
    sync::GrocerySyncMutation,
    trip::GroceryTripMutation,
    category::GroceryCategoryMutation,
    product::GroceryProductMutation,
    store::GroceryStoreMutation,
    staple::GroceryStapleMutation,
);
