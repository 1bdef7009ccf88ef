//! Staples: what puts itself on a list by a rule.

use super::amount::{GroceryAmount, GroceryAmountInput, given, within_amounts};
use super::{GroceryList, GroceryProduct, product};
use crate::connection::{Connection, PageArguments};
use crate::error::{Error, Nullable, Result, nullable};
use crate::id::GlobalId;
use crate::member::{self, Member};
use crate::payload::{Outcome, perform};
use crate::row::Row;
use crate::scalar::{Cursor, DateTime, LocalDate};
use crate::scope::ScopeExt as _;
use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use roomm8_db::grocery::staple;
use roomm8_db::{Date, GroceryStapleId, HouseholdId};

/// What puts itself on a list by a rule, at the beginning of the household's day. What is wanted on the list already is let be.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct GroceryStaple {
    /// Its global id.
    pub(crate) id: ID,
    /// How much of it, at most 16 amounts. Empty if that was not said.
    amounts: Vec<GroceryAmount>,
    /// The local date from which on it does.
    start_date: LocalDate,
    /// Its RRULE (RFC 5545) in its shortest form, for example `FREQ=WEEKLY;BYDAY=SA`.
    rule: String,
    /// The local date on which it does so next; null once its rule has no further date, or it was removed.
    next_date: Option<LocalDate>,
    /// When it was made.
    created_at: DateTime,
    /// When it was removed; null while it is in use.
    removed_at: Option<DateTime>,
    /// Counts its changes, from 1; that it has put itself on its list is none. Pass it as `expectedVersion` when you change it.
    version: i32,
    #[graphql(skip)]
    row: staple::Staple,
}

// Its lists go the ordinary way.
impl Row for GroceryStaple {}

impl From<staple::Staple> for GroceryStaple {
    fn from(row: staple::Staple) -> Self {
        Self {
            id: GlobalId::GroceryStaple(row.household_id, row.id).to_id(),
            amounts: row.amounts.iter().copied().map(GroceryAmount::from).collect(),
            start_date: LocalDate(row.start_on.naive()),
            rule: row.rule.clone(),
            next_date: row.next_on.map(|date| LocalDate(date.naive())),
            created_at: DateTime(row.created_at),
            removed_at: row.removed_at.map(DateTime),
            version: row.version,
            row,
        }
    }
}

#[ComplexObject]
impl GroceryStaple {
    /// The list it puts itself on.
    async fn list(&self, ctx: &Context<'_>) -> Result<GroceryList> {
        self.known_list(ctx).await
    }

    /// What it is.
    async fn product(&self, ctx: &Context<'_>) -> Result<GroceryProduct> {
        product::known_product(ctx, self.row.household_id, self.row.product_id).await
    }

    /// Who made it, a former member perhaps.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Member> {
        member::known(ctx, self.row.created_by).await
    }
}

impl GroceryStaple {
    pub(super) async fn known_list(&self, ctx: &Context<'_>) -> Result<GroceryList> {
        super::known(ctx, self.row.household_id, self.row.list_id).await
    }

    /// Its place in the list of staples.
    fn place(&self) -> Cursor {
        Cursor::Item(self.row.id.into())
    }
}

/// A staple that is named by something the asker may see.
pub(crate) async fn known_staple(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: GroceryStapleId,
) -> Result<GroceryStaple> {
    let found = ctx.scope()?.loaders().grocery_staples.load((household, id)).await?;
    found.map(GroceryStaple::from).ok_or_else(Error::not_found)
}

/// The staple with this id, if the viewer is a member of its household.
pub(crate) async fn find_staple(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: GroceryStapleId,
) -> Result<GroceryStaple> {
    ctx.scope()?.member(household).await?;
    known_staple(ctx, household, id).await
}

/// A page of a household's staples.
pub(crate) async fn staples(
    ctx: &Context<'_>,
    household: HouseholdId,
    arguments: &PageArguments,
) -> Result<Connection<GroceryStaple>> {
    let scope = ctx.scope()?;
    let reader = scope.reader(household).await?;
    let window = arguments.window()?;
    let rows = staple::page(&mut *scope.connection().await?, &reader, window).await?;
    let staples = rows.into_iter().map(GroceryStaple::from).collect();
    Ok(Connection::new(arguments, staples, GroceryStaple::place))
}

/// When something puts itself on a list.
#[derive(Debug, InputObject)]
pub(crate) struct GroceryScheduleInput {
    /// The local date from which on it does, in the years 1900 to 9999. It does so then only if the rule has that date.
    start_date: LocalDate,
    /// An RRULE of RFC 5545, as of `createTask`: `FREQ=WEEKLY;BYDAY=SA`, `FREQ=DAILY;INTERVAL=10`.
    rule: String,
}

/// Something to make a staple.
#[derive(Debug, InputObject)]
pub(crate) struct CreateGroceryStapleInput {
    /// The list it puts itself on.
    list_id: ID,
    /// What: one line of 1 to 100 characters; spaces around it are cut.
    name: String,
    /// How much of it: at most 16 amounts; those that can be added up are. Not said, unless given.
    #[graphql(default)]
    amounts: Vec<GroceryAmountInput>,
    /// When it does.
    schedule: GroceryScheduleInput,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// What to change of a staple; leave out what stays as it is, null is the same.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateGroceryStapleInput {
    /// The staple.
    staple_id: ID,
    /// How much of it: at most 16 amounts; none if that is not said.
    amounts: Option<Vec<GroceryAmountInput>>,
    /// When it does, as a whole.
    schedule: Option<GroceryScheduleInput>,
    /// The version you have seen: if any of what you change was changed since, the answer is `CONFLICT` with the staple as
    /// it is now.
    expected_version: Option<i32>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// What is to be a staple no longer.
#[derive(Debug, InputObject)]
pub(crate) struct RemoveGroceryStapleInput {
    /// The staple.
    staple_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `createGroceryStaple`.
    CreateGroceryStaplePayload {
        /// The new staple; that which is one of this name already, with `NAME_TAKEN`.
        staple: GroceryStaple
    }
}

payload! {
    /// What came of `updateGroceryStaple`.
    UpdateGroceryStaplePayload {
        /// The staple as it is now, with `CONFLICT` too.
        staple: GroceryStaple
    }
}

payload! {
    /// What came of `removeGroceryStaple`.
    RemoveGroceryStaplePayload {
        /// The staple as it was last.
        staple: GroceryStaple
    }
}

/// Says of what is wrong with the schedule, or an amount, that it is there.
fn within_schedule(mut outcome: Outcome<staple::Staple>) -> Outcome<staple::Staple> {
    for error in &mut outcome.user_errors {
        error.nest("schedule", &["startDate", "rule"]);
    }
    within_amounts(outcome)
}

#[derive(Default)]
pub(crate) struct GroceryStapleMutation;

#[Object]
impl GroceryStapleMutation {
    /// Makes something a staple of a list. At most 200 of a household: `LIMIT` beyond that. Needs `EDIT_GROCERIES`.
    async fn create_grocery_staple(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: CreateGroceryStapleInput,
    ) -> Nullable<CreateGroceryStaplePayload> {
        nullable(async {
            let (household, list) = GlobalId::grocery_list(&input.list_id)?;
            let operation = staple::Create {
                list,
                name: input.name,
                amounts: given(&input.amounts),
                start_on: Date::from(input.schedule.start_date.0),
                rule: input.schedule.rule,
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            let outcome = within_schedule(outcome).map(GroceryStaple::from);
            Ok(CreateGroceryStaplePayload::new(outcome, input.client_mutation_id))
        })
        .await
    }

    /// Changes how much of a staple is wanted, or when. What it has put on its list stays as it is. Needs `EDIT_GROCERIES`.
    async fn update_grocery_staple(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and what to change.")] input: UpdateGroceryStapleInput,
    ) -> Nullable<UpdateGroceryStaplePayload> {
        nullable(async {
            let (household, staple) = GlobalId::grocery_staple(&input.staple_id)?;
            let schedule = input.schedule.map(|schedule| (Date::from(schedule.start_date.0), schedule.rule));
            let operation = staple::Update {
                staple,
                amounts: input.amounts.as_deref().map(given),
                schedule,
                expected_version: input.expected_version,
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            let outcome = within_schedule(outcome).map(GroceryStaple::from);
            Ok(UpdateGroceryStaplePayload::new(outcome, input.client_mutation_id))
        })
        .await
    }

    /// Makes it a staple no longer; what it has put on its list stays. Doing it again changes nothing. Needs
    /// `EDIT_GROCERIES`.
    async fn remove_grocery_staple(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which to remove.")] input: RemoveGroceryStapleInput,
    ) -> Nullable<RemoveGroceryStaplePayload> {
        nullable(async {
            let (household, staple) = GlobalId::grocery_staple(&input.staple_id)?;
            let operation = staple::Remove { staple };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(RemoveGroceryStaplePayload::new(outcome.map(GroceryStaple::from), input.client_mutation_id))
        })
        .await
    }
}
