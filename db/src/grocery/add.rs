//! Adding to shopping lists: what is wanted already becomes more, what is not is put at the end.

use super::amount::{self, Amount, Unit};
use super::edit::differences;
use super::fold::Name;
use super::item::{self, Item, MERGES, State};
use super::list::{self, List};
use super::report::{Before, Effect, Report, Treated};
use super::{Place, arrange, category, news, product, refuse_stranger};
use crate::access::{Member, Permission};
use crate::{
    Change, Entry, Error, GroceryCategoryId, GroceryItemId, GroceryListId, GroceryProductId, Json,
    LineRefusal, MemberId, Operation, RefusalCode, Result, Time, event, text,
};
use rust_decimal::Decimal;
use serde::Serialize;

/// The longest note, in characters.
pub const NOTE_LIMIT: usize = 500;
/// The most lines that are added at once.
pub const LINE_LIMIT: usize = 100;
/// The most different amounts of one thing, as many as there are classes of units.
const PART_LIMIT: usize = 16;

/// Something to put on a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What: 1 to [`super::fold::NAME_LIMIT`] characters.
    pub name: String,
    /// How much of it; nothing if that is not said.
    pub amounts: Vec<(Decimal, Unit)>,
    /// What else there is to know: 1 to [`NOTE_LIMIT`] characters, or nothing.
    pub note: Option<String>,
    /// Whether it is urgent.
    pub is_urgent: bool,
    /// Who is to buy it: a current member who may change groceries.
    pub assignee: Option<MemberId>,
    /// What kind of thing it is; the catalogue remembers.
    pub category: Option<GroceryCategoryId>,
    /// Whether it is something of its own, even if the same is on the list.
    pub is_separate: bool,
}

impl From<super::quick::Parsed> for Line {
    fn from(parsed: super::quick::Parsed) -> Self {
        Self {
            name: parsed.name,
            amounts: parsed.quantity.into_iter().collect(),
            note: parsed.note,
            is_urgent: parsed.is_urgent,
            assignee: None,
            category: None,
            is_separate: false,
        }
    }
}

/// Adds a line to a list.
#[derive(Debug, Serialize)]
pub struct Add {
    /// Which list.
    pub list: GroceryListId,
    /// What.
    pub line: Line,
}

impl Operation for Add {
    type Outcome = Report;
    const NAME: &'static str = "addGroceryItem";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Report> {
        let list = list::in_use(change, self.list).await?;
        let mut end = End::of(change, &list).await?;
        let treated = vec![end.add(change, &self.line).await?];
        news::plan(change, &list, &treated).await?;
        Ok(Report { list: list.id, treated })
    }
}

/// Adds several lines to a list, all of them or none: [`Error::RefusedLines`] says of each that is not right why.
#[derive(Debug, Serialize)]
pub struct AddMany {
    /// Which list.
    pub list: GroceryListId,
    /// What: 1 to [`LINE_LIMIT`] lines.
    pub lines: Vec<Line>,
}

impl Operation for AddMany {
    type Outcome = Report;
    const NAME: &'static str = "addGroceryItems";
    const ENTRY: Entry = Entry::Member(Permission::EditGroceries);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Report> {
        if self.lines.is_empty() {
            return Err(Error::refused(RefusalCode::TooShort, "lines", "must be at least one line"));
        }
        if self.lines.len() > LINE_LIMIT {
            let message = format!("has {} lines; {LINE_LIMIT} are allowed at once", self.lines.len());
            return Err(Error::refused(RefusalCode::Limit, "lines", message));
        }
        let list = list::in_use(change, self.list).await?;
        let mut end = End::of(change, &list).await?;
        let (mut treated, mut refused) = (Vec::new(), Vec::new());
        for (line, wanted) in self.lines.iter().enumerate() {
            match end.add(change, wanted).await {
                Ok(done) => treated.push(done),
                Err(Error::Refused(refusal)) => refused.push(LineRefusal { line, refusal }),
                Err(error) => return Err(error),
            }
        }
        // What was added before one that is refused goes with the transaction.
        if !refused.is_empty() {
            return Err(Error::RefusedLines(refused));
        }
        news::plan(change, &list, &treated).await?;
        Ok(Report { list: list.id, treated })
    }
}

/// The end of a list, where new things are put.
pub(super) struct End {
    list: GroceryListId,
    count: i64,
    last: Option<Place>,
}

/// A line that is right.
struct Checked {
    name: Name,
    amounts: Vec<Amount>,
    note: Option<String>,
}

impl Line {
    async fn checked(&self, change: &mut Change<'_>) -> Result<Checked> {
        let name = Name::new("name", &self.name)?;
        let amounts = checked_amounts(&self.amounts)?;
        let note = checked_note(self.note.as_deref())?;
        category::refuse_unknown(change, self.category).await?;
        refuse_stranger(change, self.assignee).await?;
        Ok(Checked { name, amounts, note })
    }
}

pub(super) fn checked_amounts(amounts: &[(Decimal, Unit)]) -> Result<Vec<Amount>> {
    if amounts.len() > PART_LIMIT {
        let message = format!("has {} parts; {PART_LIMIT} are allowed", amounts.len());
        return Err(Error::refused(RefusalCode::Limit, "amounts", message));
    }
    let parts: Vec<Amount> =
        amounts.iter().map(|(quantity, unit)| Amount::new(*quantity, *unit)).collect::<Result<_>>()?;
    amount::sum(&parts)
}

pub(super) fn checked_note(note: Option<&str>) -> Result<Option<String>> {
    note.map(|note| text::lines("note", note, NOTE_LIMIT)).transpose()
}

impl End {
    pub(super) async fn of(change: &mut Change<'_>, list: &List) -> Result<Self> {
        let (count, end) = item::end_of(change, list.id).await?;
        Ok(Self { list: list.id, count, last: end })
    }

    /// Adds a line. One that is refused has changed nothing.
    pub(super) async fn add(&mut self, change: &mut Change<'_>, line: &Line) -> Result<Treated> {
        let checked = line.checked(change).await?;
        let known = product::by_name(change, &checked.name).await?;
        let found = match &known {
            Some(product) if !line.is_separate => item::that_merges(change, self.list, product.id).await?,
            _ => None,
        };
        let unit = checked.amounts.first().map(|amount| amount.unit);
        if let Some(found) = found {
            let more = More {
                amounts: &checked.amounts,
                note: checked.note.as_deref(),
                is_urgent: line.is_urgent,
                assignee: line.assignee,
            };
            let item = grown(&found, more, change.now())?;
            let mut product = product::taken_up(change, known, checked.name).await?;
            product::remember(change, &mut product, unit, line.category).await?;
            let item = save_grown(change, &found, item).await?;
            let effect = Effect::Merged(Before::from(&found));
            return Ok(Treated { item: Some(item.id), version: Some(item.version), effect });
        }
        item::refuse_one_too_many(self.count)?;
        let mut product = product::taken_up(change, known, checked.name.clone()).await?;
        product::remember(change, &mut product, unit, line.category).await?;
        let item = self.put(change, product.id, &checked, line).await?;
        Ok(Treated { item: Some(item.id), version: Some(item.version), effect: Effect::Created })
    }

    async fn put(
        &mut self,
        change: &mut Change<'_>,
        product: GroceryProductId,
        checked: &Checked,
        line: &Line,
    ) -> Result<Item> {
        let place = match Place::between(self.last.as_ref(), None) {
            Some(place) => place,
            None => arrange::spread_out(change, self.list).await?,
        };
        let id = GroceryItemId::new();
        let now = change.now();
        let mut item = Item {
            id,
            household_id: change.household_id(),
            list_id: self.list,
            product_id: product,
            apart: if line.is_separate { id } else { MERGES },
            is_separate: line.is_separate,
            amounts: Json(checked.amounts.clone()),
            note: checked.note.clone(),
            is_urgent: line.is_urgent,
            assignee_id: line.assignee,
            state: State::Open,
            is_listed: true,
            place: place.clone(),
            added_by: change.actor().ok().map(Member::id),
            created_at: now,
            added_at: now,
            state_by: None,
            state_at: now,
            trip_id: None,
            version: 1,
            changed_seq: 0,
        };
        item::insert(change, &mut item, event::Kind::GroceryItemAdded).await?;
        (self.count, self.last) = (self.count + 1, Some(place));
        Ok(item)
    }
}

/// What is added to what is wanted already.
#[derive(Clone, Copy)]
pub(super) struct More<'a> {
    pub(super) amounts: &'a [Amount],
    pub(super) note: Option<&'a str>,
    pub(super) is_urgent: bool,
    pub(super) assignee: Option<MemberId>,
}

/// What is wanted already, with more of it. What could not be had is looked for again.
fn grown(item: &Item, more: More<'_>, now: Time) -> Result<Item> {
    let mut after = item.clone();
    for amount in more.amounts {
        amount::add(&mut after.amounts, *amount)?;
    }
    after.note = joined(after.note.take(), more.note)?;
    after.is_urgent |= more.is_urgent;
    after.assignee_id = more.assignee.or(item.assignee_id);
    if item.state != State::Open {
        after.state = State::Open;
        after.state_by = None;
        after.state_at = now;
    }
    after.added_at = now;
    Ok(after)
}

async fn save_grown(change: &mut Change<'_>, before: &Item, mut after: Item) -> Result<Item> {
    let mut fields = vec![item::ADDED];
    fields.extend(differences(before, &after));
    item::save(change, event::Kind::GroceryItemMerged, &mut after, &fields).await?;
    Ok(after)
}

/// Adds more to what is wanted already.
pub(super) async fn merge(change: &mut Change<'_>, item: &Item, more: More<'_>) -> Result<Item> {
    let after = grown(item, more, change.now())?;
    save_grown(change, item, after).await
}

/// Both notes, each on its line; once if they are the same.
fn joined(note: Option<String>, more: Option<&str>) -> Result<Option<String>> {
    match (note, more) {
        (Some(note), Some(more)) if !format!("\n{note}\n").contains(&format!("\n{more}\n")) => {
            text::lines("note", &format!("{note}\n{more}"), NOTE_LIMIT).map(Some)
        }
        (None, Some(more)) => Ok(Some(more.to_owned())),
        (note, _) => Ok(note),
    }
}
