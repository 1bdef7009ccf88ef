//! Households: founding one, its settings, putting it away and bringing it back.

mod currency;
mod purge;

pub(crate) use purge::purge;

use crate::access::{HistoryVisibility, Member, Permission, Role};
use crate::among::among;
use crate::conversation::{self, Unread};
use crate::prepared::Prepare as _;
use crate::tables::{
    conversation_participants, conversation_states, conversations, households, message_mentions, messages,
};
use crate::{
    Change, Connection, Entry, Error, HouseholdId, Operation, RefusalCode, Result, SubjectId, Time, event,
    grocery, member, message, task, text, version,
};
use chrono_tz::{TZ_VARIANTS, Tz};
use diesel::dsl::count;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use std::time::Duration;

/// The longest name, in characters.
pub const NAME_LIMIT: usize = 100;
/// The longest time after which messages can still be edited, in minutes: a year.
pub const EDIT_WINDOW_LIMIT: i32 = 525_600;
/// How long after its archiving a household can be brought back.
pub const RESTORABLE_FOR: Duration = Duration::from_hours(30 * 24);
/// A day, in minutes.
const DEFAULT_EDIT_WINDOW: i32 = 24 * 60;

/// People who share a home, and their settings.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = households, treat_none_as_default_value = false)]
pub struct Household {
    /// Its identifier.
    pub id: HouseholdId,
    /// What its members call it.
    pub name: String,
    /// Its IANA time zone, by which its days begin and end.
    pub time_zone: String,
    /// The ISO 4217 code of the currency it reckons in.
    pub currency: String,
    /// How much of the past a new member sees.
    pub history_visibility: HistoryVisibility,
    /// How long messages can be edited, in minutes: 0 is never, none is always.
    pub edit_window_minutes: Option<i32>,
    /// Counts its changes.
    pub version: i32,
    /// When it began.
    pub created_at: Time,
    /// When it was put away: since then it can be read and restored, not changed.
    pub archived_at: Option<Time>,
}

impl crate::Subject for Household {
    fn subject_id(&self) -> SubjectId {
        self.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        let query = households::table.filter(households::id.eq(HouseholdId::from(id)));
        run!(conn, |c| query.select(Self::as_select()).first(c).await)
    }
}

impl Household {
    /// Whether it is put away.
    pub fn is_archived(&self) -> bool {
        self.archived_at.is_some()
    }
}

/// Whether archived households are wanted too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archived {
    /// They are.
    Included,
    /// They are not.
    LeftOut,
}

/// The households with these ids. Ids are only ever taken from what the asker was allowed to see.
pub async fn known(conn: &mut Connection, ids: &[HouseholdId]) -> Result<Vec<Household>> {
    let query = households::table.filter(among(households::id, ids));
    run!(conn, |c| query.select(Household::as_select()).load(c).await)
}

/// What the member has not read in all conversations of the household that they take part in.
pub async fn unread(conn: &mut Connection, member: &Member) -> Result<Unread> {
    let participation = conversation_participants::table.on(conversation_participants::conversation_id
        .eq(conversations::id)
        .and(conversation_participants::member_id.eq(member.id())));
    let read = conversation_states::table.on(conversation_states::conversation_id
        .eq(conversations::id)
        .and(conversation_states::member_id.eq(member.id())));
    let mention = message_mentions::table
        .on(message_mentions::message_id.eq(messages::id).and(message_mentions::member_id.eq(member.id())));
    let query = messages::table
        .inner_join(conversations::table)
        .left_join(participation)
        .left_join(read)
        .left_join(mention)
        .filter(conversations::household_id.eq(member.household_id()))
        .filter(
            conversations::kind
                .ne(conversation::Kind::Direct)
                .or(conversation_participants::member_id.is_not_null()),
        )
        .filter(messages::seq.gt(member.joined_seq()))
        .filter(
            conversation_states::read_seq
                .nullable()
                .is_null()
                .or(messages::seq.nullable().gt(conversation_states::read_seq.nullable())),
        )
        .filter(messages::author_id.ne(member.id()))
        .filter(messages::kind.eq(message::Kind::User))
        .filter(messages::deleted_at.is_null())
        .select((count(messages::id), count(message_mentions::member_id.nullable())));
    let (messages, mentions) = run!(conn, |c| query.first(c).await)?;
    Ok(Unread { messages, mentions })
}

/// The time zone of the household being changed.
pub(crate) async fn time_zone_of(change: &mut Change<'_>) -> Result<String> {
    let query =
        households::table.filter(households::id.eq(change.household_id())).select(households::time_zone);
    run!(change.conn(), |c| query.first(c).await)
}

async fn current(change: &mut Change<'_>) -> Result<Household> {
    let id = change.household_id();
    <Household as crate::Subject>::find(change.conn(), id.into()).await
}

/// Begins a household: the caller becomes its owner, and its general conversation is opened.
#[derive(Debug, Serialize)]
pub struct Create {
    /// Its name: 1 to [`NAME_LIMIT`] characters.
    pub name: String,
    /// Its IANA time zone.
    pub time_zone: String,
    /// The ISO 4217 code of its currency.
    pub currency: String,
}

impl Operation for Create {
    type Outcome = Household;
    const NAME: &'static str = "createHousehold";
    const ENTRY: Entry = Entry::Founding;

    async fn apply(&self, change: &mut Change<'_>) -> Result<Household> {
        let household = Household {
            id: change.household_id(),
            name: name(&self.name)?,
            time_zone: time_zone(&self.time_zone)?.name().to_owned(),
            currency: currency(&self.currency)?,
            history_visibility: HistoryVisibility::All,
            edit_window_minutes: Some(DEFAULT_EDIT_WINDOW),
            version: 1,
            created_at: change.now(),
            archived_at: None,
        };
        let insert = diesel::insert_into(households::table).values(&household);
        run!(change.conn(), |c| insert.execute(c).await)?;
        record(change, event::Kind::HouseholdCreated, &household, &[]);
        member::admit(change, Role::Owner).await?;
        conversation::insert_general(change).await?;
        Ok(household)
    }
}

/// How long messages can be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum EditWindow {
    /// For ever.
    Always,
    /// So many minutes after they were sent: 0, which is never, to [`EDIT_WINDOW_LIMIT`].
    Minutes(i32),
}

/// Changes a household's name and settings; what is `None` stays as it is.
#[derive(Debug, Default, Serialize)]
pub struct Update {
    /// Its name: 1 to [`NAME_LIMIT`] characters.
    pub name: Option<String>,
    /// Its IANA time zone.
    pub time_zone: Option<String>,
    /// The ISO 4217 code of its currency.
    pub currency: Option<String>,
    /// How much of the past a new member sees.
    pub history_visibility: Option<HistoryVisibility>,
    /// How long messages can be edited.
    pub edit_window: Option<EditWindow>,
    /// The version the caller has seen.
    pub expected_version: Option<i32>,
}

impl Operation for Update {
    type Outcome = Household;
    const NAME: &'static str = "updateHousehold";
    const ENTRY: Entry = Entry::Member(Permission::UpdateHousehold);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Household> {
        let before = current(change).await?;
        let after = self.applied_to(&before)?;
        let fields = differences(&before, &after);
        version::settle(change, before.id.into(), before.version, self.expected_version, &fields).await?;
        if fields.is_empty() {
            return Ok(before);
        }
        let is_elsewhere = before.time_zone != after.time_zone;
        let after = save(change, event::Kind::HouseholdUpdated, after, &fields).await?;
        if is_elsewhere {
            task::follow(change, &after.time_zone).await?;
            grocery::follow(change, &after.time_zone).await?;
        }
        Ok(after)
    }
}

impl Update {
    fn applied_to(&self, before: &Household) -> Result<Household> {
        let mut after = before.clone();
        if let Some(new) = &self.name {
            after.name = name(new)?;
        }
        if let Some(new) = &self.time_zone {
            after.time_zone = time_zone(new)?.to_string();
        }
        if let Some(new) = &self.currency {
            after.currency = currency(new)?;
        }
        if let Some(new) = self.history_visibility {
            after.history_visibility = new;
        }
        if let Some(new) = self.edit_window {
            after.edit_window_minutes = minutes(new)?;
        }
        Ok(after)
    }
}

fn differences(before: &Household, after: &Household) -> Vec<&'static str> {
    version::changed([
        ("name", before.name != after.name),
        ("timeZone", before.time_zone != after.time_zone),
        ("currency", before.currency != after.currency),
        ("historyVisibility", before.history_visibility != after.history_visibility),
        ("editWindowMinutes", before.edit_window_minutes != after.edit_window_minutes),
    ])
}

/// Puts a household away: it can be read, restored and left, not changed. Twice is as once.
#[derive(Debug, Serialize)]
pub struct Archive;

impl Operation for Archive {
    type Outcome = Household;
    const NAME: &'static str = "archiveHousehold";
    const ENTRY: Entry = Entry::MemberOfArchived(Permission::ArchiveHousehold);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Household> {
        let household = current(change).await?;
        if household.is_archived() {
            return Ok(household);
        }
        let archived = Household { archived_at: Some(change.now()), ..household };
        save(change, event::Kind::HouseholdArchived, archived, &["archivedAt"]).await
    }
}

/// Puts away a household that nobody is left in; its last owner has [`RESTORABLE_FOR`] to come back.
pub(crate) async fn archive_empty(change: &mut Change<'_>) -> Result<()> {
    let household = current(change).await?;
    // One that was archived before too: the last owner is known by having left at this very instant.
    let archived = Household { archived_at: Some(change.now()), ..household };
    save(change, event::Kind::HouseholdArchived, archived, &["archivedAt"]).await.map(|_| ())
}

/// Brings an archived household back, for [`RESTORABLE_FOR`] after it was archived. The owner who left it last
/// becomes a member again.
#[derive(Debug, Serialize)]
pub struct Restore;

impl Operation for Restore {
    type Outcome = Household;
    const NAME: &'static str = "restoreHousehold";
    const ENTRY: Entry = Entry::Restoration;

    async fn apply(&self, change: &mut Change<'_>) -> Result<Household> {
        let household = current(change).await?;
        let Some(archived_at) = household.archived_at else { return Ok(household) };
        if change.now().since(archived_at) > RESTORABLE_FOR {
            let message = "this household was archived more than 30 days ago and can no longer be restored";
            return Err(Error::refused(RefusalCode::Gone, "householdId", message));
        }
        let restored = Household { archived_at: None, ..household };
        let restored = save(change, event::Kind::HouseholdRestored, restored, &["archivedAt"]).await?;
        member::return_if_gone(change).await?;
        Ok(restored)
    }
}

/// Saves what changed, as the next version, and records it.
async fn save(
    change: &mut Change<'_>,
    kind: event::Kind,
    mut household: Household,
    fields: &[&'static str],
) -> Result<Household> {
    household.version += 1;
    let update = diesel::update(households::table)
        .filter(households::id.eq(household.id))
        .set((
            households::name.eq(&household.name),
            households::time_zone.eq(&household.time_zone),
            households::currency.eq(&household.currency),
            households::history_visibility.eq(household.history_visibility),
            households::edit_window_minutes.eq(household.edit_window_minutes),
            households::archived_at.eq(household.archived_at),
            households::version.eq(household.version),
        ))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    record(change, kind, &household, fields);
    Ok(household)
}

fn record(change: &mut Change<'_>, kind: event::Kind, household: &Household, fields: &[&'static str]) {
    change.record_for_all(kind, household.id, household.version, fields);
}

fn name(name: &str) -> Result<String> {
    text::line("name", name, NAME_LIMIT)
}

/// Reads an IANA time zone, as a field `timeZone` has it.
///
/// # Errors
///
/// [`Error::Refused`] for anything else, with an example.
pub fn time_zone(zone: &str) -> Result<Tz> {
    if let Ok(zone) = zone.parse() {
        return Ok(zone);
    }
    // Zones are told by their exact names everywhere else too; a near miss is worth a hint.
    let near =
        TZ_VARIANTS.iter().map(|known| known.name()).find(|known| known.eq_ignore_ascii_case(zone.trim()));
    let example = near.unwrap_or("Europe/Berlin");
    let message = format!("must be an IANA time zone, for example {example}");
    Err(Error::refused(RefusalCode::Invalid, "timeZone", message))
}

fn currency(code: &str) -> Result<String> {
    if currency::is_known(code) {
        return Ok(code.to_owned());
    }
    let message = "must be an ISO 4217 currency code, for example EUR";
    Err(Error::refused(RefusalCode::Invalid, "currency", message))
}

fn minutes(window: EditWindow) -> Result<Option<i32>> {
    match window {
        EditWindow::Always => Ok(None),
        EditWindow::Minutes(minutes) if (0..=EDIT_WINDOW_LIMIT).contains(&minutes) => Ok(Some(minutes)),
        EditWindow::Minutes(_) => {
            let message = "must be 0 (never) to 525600 minutes (a year), or null for always";
            Err(Error::refused(RefusalCode::Invalid, "editWindowMinutes", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_and_currencies_are_told_by_their_exact_names() {
        assert_eq!(
            time_zone("America/Argentina/Buenos_Aires").unwrap().name(),
            "America/Argentina/Buenos_Aires"
        );
        for nowhere in ["", "Mars/Olympus", "Europe/Berlin\0", "GMT+25", " Europe/Berlin"] {
            assert!(time_zone(nowhere).is_err(), "{nowhere}");
        }
        let hint = time_zone("asia/TOKYO ").unwrap_err().to_string();
        assert!(hint.contains("Asia/Tokyo"), "{hint}");
        assert_eq!(currency("EUR").unwrap(), "EUR");
        assert!(currency("eur").is_err());
    }

    #[test]
    fn an_edit_window_is_never_always_or_up_to_a_year() {
        assert_eq!(minutes(EditWindow::Always).unwrap(), None);
        assert_eq!(minutes(EditWindow::Minutes(0)).unwrap(), Some(0));
        assert!(minutes(EditWindow::Minutes(-1)).is_err());
        assert!(minutes(EditWindow::Minutes(EDIT_WINDOW_LIMIT + 1)).is_err());
    }
}
