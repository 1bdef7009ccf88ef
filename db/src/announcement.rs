//! Announcements: what everybody in a household is to know, and who says that they do.

mod edit;
mod post;

pub use edit::{Acknowledge, Edit, Remove};
pub use post::Post;

use crate::access::{MemberStatus, Reader};
use crate::among::among;
use crate::labels::labels;
use crate::message::End;
use crate::notification::inbox::{self, Cause};
use crate::notification::{Content, Leased};
use crate::page::Window;
use crate::tables::{announcement_acks, announcements, households, inbox_entries, members, users};
use crate::throttle::Limit;
use crate::{
    AnnouncementId, Change, Connection, Error, HouseholdId, MemberId, RefusalCode, Result, SubjectId, Time,
};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::HashMap;
use std::time::Duration;

/// The longest title, in characters.
pub const TITLE_LIMIT: usize = 200;
/// The longest text, in characters.
pub const BODY_LIMIT: usize = 4000;
/// The most that can be pinned in a household at once.
pub const PINNED_LIMIT: i64 = 5;

/// How often somebody may tell everybody something.
pub const ANNOUNCED: Limit = Limit { burst: 20, per: Duration::from_hours(1) };

labels! {
    /// How much an announcement matters.
    Importance {
        /// Good to know.
        Normal = "NORMAL",
        /// Nobody should miss it.
        Important = "IMPORTANT",
        /// It cannot wait.
        Urgent = "URGENT",
    }
}

/// What everybody in a household is to know.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = announcements, treat_none_as_default_value = false)]
pub struct Announcement {
    /// Its identifier.
    pub id: AnnouncementId,
    /// Whose it is.
    pub household_id: HouseholdId,
    /// Who made it.
    pub author_id: MemberId,
    /// What it is about; none once it was removed.
    pub title: Option<String>,
    /// What it says; none if the title says it all, or once it was removed.
    pub body: Option<String>,
    /// How much it matters.
    pub importance: Importance,
    /// Whether it stands before all others.
    pub is_pinned: bool,
    /// Whether everybody is asked to say that they know.
    pub requires_ack: bool,
    /// When it is over; none if it never is.
    pub expires_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When its words last changed.
    pub edited_at: Option<Time>,
    /// When it was removed; its words are gone since.
    pub removed_at: Option<Time>,
    /// Counts its changes.
    pub version: i32,
}

impl crate::Subject for Announcement {
    fn subject_id(&self) -> SubjectId {
        self.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        let query = announcements::table.filter(announcements::id.eq(AnnouncementId::from(id)));
        run!(conn, |c| query.select(Self::as_select()).first(c).await)
    }
}

/// Which announcements of a household.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All that were not removed.
    All,
    /// Of these, what is not over at this instant.
    Current(Time),
}

/// Those that were not removed and are not over at this instant.
#[diesel::dsl::auto_type(no_type_alias)]
fn stands(now: Time) -> _ {
    announcements::removed_at
        .is_null()
        .and(announcements::expires_at.is_null().or(announcements::expires_at.gt(now)))
}

/// The announcements with these ids, of the households named with them, removed or not. Both are only ever taken from what
/// the asker was allowed to see: events, entries of an inbox, or proofs of membership.
pub async fn known(
    conn: &mut Connection,
    ids: &[(HouseholdId, AnnouncementId)],
) -> Result<Vec<Announcement>> {
    let wanted: Vec<AnnouncementId> = ids.iter().map(|(_, id)| *id).collect();
    let query = announcements::table.filter(among(announcements::id, &wanted));
    let found: Vec<Announcement> = run!(conn, |c| query.select(Announcement::as_select()).load(c).await)?;
    Ok(found.into_iter().filter(|found| ids.contains(&(found.household_id, found.id))).collect())
}

/// A household's announcements in a window, in the order in which they were made.
pub async fn page(
    conn: &mut Connection,
    reader: &Reader,
    which: Which,
    window: Window,
) -> Result<Vec<Announcement>> {
    let (after, before): (AnnouncementId, AnnouncementId) = window.bounds();
    let now = match which {
        // Nothing is over yet when its household is founded.
        Which::All => reader.household().created_at,
        Which::Current(now) => now,
    };
    let query = announcements::table
        .filter(announcements::household_id.eq(reader.household_id()))
        .filter(stands(now))
        .filter(announcements::id.gt(after))
        .filter(announcements::id.lt(before))
        .limit(window.limit);
    let found = match window.end {
        End::Oldest => {
            run!(conn, |c| query
                .order(announcements::id.asc())
                .select(Announcement::as_select())
                .load(c)
                .await)
        }
        End::Newest => {
            run!(conn, |c| query
                .order(announcements::id.desc())
                .select(Announcement::as_select())
                .load(c)
                .await)
        }
    };
    Ok(window.oldest_first(found?))
}

/// The household's announcements that are pinned and not over, the newest first: at most [`PINNED_LIMIT`].
pub async fn pinned(conn: &mut Connection, reader: &Reader, now: Time) -> Result<Vec<Announcement>> {
    let query = announcements::table
        .filter(announcements::household_id.eq(reader.household_id()))
        .filter(announcements::is_pinned.eq(true))
        .filter(stands(now))
        .order(announcements::id.desc())
        .limit(PINNED_LIMIT);
    run!(conn, |c| query.select(Announcement::as_select()).load(c).await)
}

/// Who has said that they know of these announcements, and when; who said it first comes first.
pub async fn acknowledgements(
    conn: &mut Connection,
    ids: &[AnnouncementId],
) -> Result<HashMap<AnnouncementId, Vec<(MemberId, Time)>>> {
    let query = announcement_acks::table
        .filter(among(announcement_acks::announcement_id, ids))
        .order((announcement_acks::acked_at, announcement_acks::member_id))
        .select((
            announcement_acks::announcement_id,
            announcement_acks::member_id,
            announcement_acks::acked_at,
        ));
    let rows: Vec<(AnnouncementId, MemberId, Time)> = run!(conn, |c| query.load(c).await)?;
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for (announcement, member, at) in rows {
        found.entry(announcement).or_default().push((member, at));
    }
    Ok(found)
}

/// What those are called now, and whether they ask, that are worth to be delivered still of these letters, by address and
/// announcement: those to members who have neither said that they know nor marked it in their inbox, if it is neither removed
/// nor over, and its household not archived.
pub(crate) async fn worth_telling(
    conn: &mut Connection,
    letters: &[Leased],
    now: Time,
) -> Result<HashMap<(String, AnnouncementId), (String, bool)>> {
    let announced = letters.iter().filter_map(|letter| match &letter.content {
        Content::Announcement { announcement_id, .. } => Some((letter.recipient.as_str(), *announcement_id)),
        _ => None,
    });
    let (addresses, ids): (Vec<&str>, Vec<AnnouncementId>) = announced.unzip();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ack = announcement_acks::table.on(announcement_acks::announcement_id
        .eq(announcements::id)
        .and(announcement_acks::member_id.eq(members::id)));
    let query = announcements::table
        .inner_join(members::table.on(members::household_id.eq(announcements::household_id)))
        .inner_join(users::table.on(users::id.eq(members::user_id)))
        .inner_join(households::table.on(households::id.eq(announcements::household_id)))
        .left_join(ack)
        .filter(among(announcements::id, &ids))
        .filter(stands(now))
        .filter(among(users::email, &addresses))
        .filter(members::status.eq(MemberStatus::Active))
        .filter(announcement_acks::member_id.nullable().is_null())
        .filter(households::archived_at.is_null())
        .filter(
            not(exists(inbox::marked_read(Cause::Announcement).filter(
                inbox_entries::user_id.eq(users::id).and(inbox_entries::group_id.eq(announcements::id)),
            )))
            // It asks again.
            .or(exists(inbox::not_marked_read(Cause::Announcement).filter(
                inbox_entries::user_id.eq(users::id).and(inbox_entries::group_id.eq(announcements::id)),
            ))),
        )
        .select((users::email, announcements::id, announcements::title, announcements::requires_ack));
    let rows: Vec<(String, AnnouncementId, Option<String>, bool)> = run!(conn, |c| query.load(c).await)?;
    let told =
        rows.into_iter().map(|(address, id, title, asks)| ((address, id), (title.unwrap_or_default(), asks)));
    Ok(told.collect())
}

/// Counts that somebody tells everybody something.
async fn take_turn(change: &mut Change<'_>) -> Result<()> {
    let bucket = format!("announce:{}", change.user_id()?);
    change.take(&bucket, ANNOUNCED).await
}

/// An announcement of the household being changed, removed or not.
async fn of_household(change: &mut Change<'_>, id: AnnouncementId) -> Result<Announcement> {
    let query = announcements::table
        .filter(announcements::household_id.eq(change.household_id()))
        .filter(announcements::id.eq(id));
    run!(change.conn(), |c| query.select(Announcement::as_select()).first(c).await)
}

/// Fails if one more cannot be pinned.
async fn refuse_too_many_pinned(change: &mut Change<'_>) -> Result<()> {
    let now = change.now();
    let query = announcements::table
        .filter(announcements::household_id.eq(change.household_id()))
        .filter(announcements::is_pinned.eq(true))
        .filter(stands(now))
        .count();
    if run!(change.conn(), |c| query.get_result::<i64>(c).await)? < PINNED_LIMIT {
        return Ok(());
    }
    let message = format!("{PINNED_LIMIT} announcements are pinned already: take one off first");
    Err(Error::refused(RefusalCode::Limit, "isPinned", message))
}

/// Fails unless this is later than now; none is fine.
fn refuse_past(expires_at: Option<Time>, now: Time) -> Result<()> {
    if expires_at.is_none_or(|at| at > now) {
        return Ok(());
    }
    Err(Error::refused(RefusalCode::Invalid, "expiresAt", "must be later than now"))
}
