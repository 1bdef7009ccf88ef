//! Staples: what puts itself on a list by a rule, at the beginning of the household's day.

mod due;

pub use due::add_due;
pub(crate) use due::follow;

use super::add::checked_amounts;
use super::amount::{Amount, Unit};
use super::fold::Name;
use super::{list, product};
use crate::access::{Permission, Reader};
use crate::among::among;
use crate::message::End;
use crate::page::Window;
use crate::prepared::Prepare as _;
use crate::tables::grocery_staples;
use crate::task::recurrence::{Mode, Overflow, Rule, Schedule, due, local_date};
use crate::{
    Change, Connection, Date, Entry, Error, GroceryListId, GroceryProductId, GroceryStapleId, HouseholdId,
    Json, MemberId, Operation, RefusalCode, Result, SubjectId, Time, event, household, version,
};
use chrono::NaiveDate;
use chrono_tz::Tz;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use rust_decimal::Decimal;
use serde::Serialize;

/// The most staples of a household.
pub const STAPLE_LIMIT: i64 = 200;

/// What `apart` says of what is in use.
const IN_USE: GroceryStapleId = GroceryStapleId::from_bytes([0; 16]);

/// What puts itself on a list by a rule.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = grocery_staples, treat_none_as_default_value = false)]
pub struct Staple {
    /// Its identifier.
    pub id: GroceryStapleId,
    /// Whose it is.
    pub household_id: HouseholdId,
    /// The list it puts itself on.
    pub list_id: GroceryListId,
    /// What.
    pub product_id: GroceryProductId,
    /// [`IN_USE`], or its own id once it was removed.
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

/// The staples with these ids, of the households named with them, removed or not. Both are only ever taken from what the
/// asker was allowed to see: events, or proofs of membership.
pub async fn known(conn: &mut Connection, ids: &[(HouseholdId, GroceryStapleId)]) -> Result<Vec<Staple>> {
    let staples: Vec<GroceryStapleId> = ids.iter().map(|(_, id)| *id).collect();
    let query = grocery_staples::table.filter(among(grocery_staples::id, &staples));
    let found: Vec<Staple> = run!(conn, |c| query.select(Staple::as_select()).load(c).await)?;
    Ok(found.into_iter().filter(|found| ids.contains(&(found.household_id, found.id))).collect())
}

/// The staples of the member's household in a window, in the order in which they were made; removed ones are left out.
pub async fn page(conn: &mut Connection, reader: &Reader, window: Window) -> Result<Vec<Staple>> {
    let (after, before): (GroceryStapleId, GroceryStapleId) = window.bounds();
    let found = run!(conn, |c| {
        let query = grocery_staples::table
            .select(Staple::as_select())
            .filter(grocery_staples::household_id.eq(reader.household_id()))
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

/// The staples in use that are of a product.
pub(super) async fn of_product(change: &mut Change<'_>, product: GroceryProductId) -> Result<Vec<Staple>> {
    let query = grocery_staples::table
        .filter(grocery_staples::product_id.eq(product))
        .filter(grocery_staples::removed_at.is_null())
        .order(grocery_staples::id);
    run!(change.conn(), |c| query.select(Staple::as_select()).load(c).await)
}

/// A staple of the household being changed, removed or not.
async fn of_household(change: &mut Change<'_>, id: GroceryStapleId) -> Result<Staple> {
    let query = grocery_staples::table
        .filter(grocery_staples::household_id.eq(change.household_id()))
        .filter(grocery_staples::id.eq(id));
    run!(change.conn(), |c| query.select(Staple::as_select()).first(c).await)
}

/// The dates of a rule, where the household lives. Nothing is due at a time of the day.
fn schedule(start_on: Date, rule: Rule, zone: Tz) -> Result<Schedule> {
    Schedule::new(start_on.naive(), None, zone, rule, Overflow::Clamp, Mode::Fixed)
}

/// The rule's first date on this day or later.
fn next_from(schedule: &Schedule, day: NaiveDate) -> Option<NaiveDate> {
    schedule.after(day.pred_opt()?).map(|occurrence| occurrence.date)
}

/// When the date begins: when the one before it ends.
fn beginning(date: NaiveDate, zone: Tz) -> Time {
    due(date.pred_opt().unwrap_or(date), None, zone)
}

async fn zone_of(change: &mut Change<'_>) -> Result<Tz> {
    household::time_zone(&household::time_zone_of(change).await?)
}

impl Staple {
    /// It puts itself on its list next on this date, or never again.
    fn waits_for(&mut self, next: Option<NaiveDate>, zone: Tz) {
        self.next_on = next.map(Date::from);
        self.next_at = next.map(|next| beginning(next, zone));
    }

    /// From now on it follows this rule: from today on, if it starts earlier.
    fn follow(&mut self, schedule: &Schedule, now: Time) -> Result<()> {
        let today = local_date(now, schedule.zone());
        let Some(next) = next_from(schedule, today.max(schedule.start())) else {
            let message =
                "has no date from today on: choose a later UNTIL, or a start from which COUNT lasts";
            return Err(Error::refused(RefusalCode::Invalid, "rule", message));
        };
        self.start_on = schedule.start().into();
        self.rule = schedule.rule().to_string();
        self.waits_for(Some(next), schedule.zone());
        Ok(())
    }
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

impl Operation for Create {
    type Outcome = Staple;
    const NAME: &'static str = "createGroceryStaple";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Staple> {
        let list = list::in_use(change, self.list).await?;
        let name = Name::new("name", &self.name)?;
        let amounts = checked_amounts(&self.amounts)?;
        let schedule = schedule(self.start_on, self.rule.parse()?, zone_of(change).await?)?;
        let known = product::by_name(change, &name).await?;
        let product = product::taken_up(change, known, name).await?;
        let others = of_product(change, product.id).await?;
        if let Some(other) = others.iter().find(|other| other.list_id == list.id) {
            return Err(Error::NameTaken(other.id.into()));
        }
        refuse_one_too_many(change).await?;
        let mut staple = Staple {
            id: GroceryStapleId::new(),
            household_id: change.household_id(),
            list_id: list.id,
            product_id: product.id,
            apart: IN_USE,
            amounts: Json(amounts),
            start_on: self.start_on,
            rule: String::new(),
            next_on: None,
            next_at: None,
            created_by: change.actor()?.id(),
            created_at: change.now(),
            removed_at: None,
            version: 1,
        };
        staple.follow(&schedule, change.now())?;
        let insert = diesel::insert_into(grocery_staples::table).values(&staple);
        run!(change.conn(), |c| insert.execute(c).await)?;
        change.record_for_all(event::Kind::GroceryStapleCreated, staple.id, staple.version, &[]);
        Ok(staple)
    }
}

async fn refuse_one_too_many(change: &mut Change<'_>) -> Result<()> {
    let query = grocery_staples::table
        .filter(grocery_staples::household_id.eq(change.household_id()))
        .filter(grocery_staples::removed_at.is_null())
        .count();
    if run!(change.conn(), |c| query.get_result::<i64>(c).await)? < STAPLE_LIMIT {
        return Ok(());
    }
    let message = format!("there are {STAPLE_LIMIT} staples already: remove one first");
    Err(Error::refused(RefusalCode::Limit, "", message))
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

impl Operation for Update {
    type Outcome = Staple;
    const NAME: &'static str = "updateGroceryStaple";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Staple> {
        let before = of_household(change, self.staple).await?;
        if before.removed_at.is_some() {
            let message = "this staple was removed: make a new one";
            return Err(Error::refused(RefusalCode::Gone, "stapleId", message));
        }
        let mut after = before.clone();
        if let Some(amounts) = &self.amounts {
            after.amounts = Json(checked_amounts(amounts)?);
        }
        if let Some((start_on, rule)) = &self.schedule {
            let rule: Rule = rule.parse()?;
            if (*start_on, rule.to_string()) != (before.start_on, before.rule.clone()) {
                let schedule = schedule(*start_on, rule, zone_of(change).await?)?;
                after.follow(&schedule, change.now())?;
            }
        }
        let fields = version::changed([
            ("amounts", before.amounts != after.amounts),
            ("startDate", before.start_on != after.start_on),
            ("rule", before.rule != after.rule),
        ]);
        // Half a schedule of one and half of another is nobody's wish.
        let mut contested = fields.clone();
        if fields.contains(&"startDate") || fields.contains(&"rule") {
            contested.extend(["startDate", "rule"]);
        }
        version::settle(change, before.id.into(), before.version, self.expected_version, &contested).await?;
        if !fields.is_empty() {
            save(change, event::Kind::GroceryStapleUpdated, &mut after, &fields).await?;
        }
        Ok(after)
    }
}

/// Makes it a staple no longer; what it has put on the list stays. Twice is as once.
#[derive(Debug, Serialize)]
pub struct Remove {
    /// Which.
    pub staple: GroceryStapleId,
}

impl Operation for Remove {
    type Outcome = Staple;
    const NAME: &'static str = "removeGroceryStaple";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Staple> {
        let staple = of_household(change, self.staple).await?;
        if staple.removed_at.is_some() { Ok(staple) } else { end(change, staple).await }
    }
}

/// It puts itself on no list any more.
pub(super) async fn end(change: &mut Change<'_>, mut staple: Staple) -> Result<Staple> {
    staple.removed_at = Some(change.now());
    staple.apart = staple.id;
    (staple.next_on, staple.next_at) = (None, None);
    save(change, event::Kind::GroceryStapleRemoved, &mut staple, &["removedAt"]).await?;
    Ok(staple)
}

/// Saves what changed of it as its next version, and records it.
pub(super) async fn save(
    change: &mut Change<'_>,
    kind: event::Kind,
    staple: &mut Staple,
    fields: &[&'static str],
) -> Result<()> {
    staple.version += 1;
    let update = diesel::update(grocery_staples::table)
        .filter(grocery_staples::id.eq(staple.id))
        .set((
            grocery_staples::product_id.eq(staple.product_id),
            grocery_staples::apart.eq(staple.apart),
            grocery_staples::amounts.eq(&staple.amounts),
            grocery_staples::start_on.eq(staple.start_on),
            grocery_staples::rule.eq(&staple.rule),
            grocery_staples::next_on.eq(staple.next_on),
            grocery_staples::next_at.eq(staple.next_at),
            grocery_staples::removed_at.eq(staple.removed_at),
            grocery_staples::version.eq(staple.version),
        ))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    change.record_for_all(kind, staple.id, staple.version, fields);
    Ok(())
}
