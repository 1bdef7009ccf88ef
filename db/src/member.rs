//! The members of a household: who they are and how they come; in the modules below how roles change and how
//! people leave.

pub mod absence;
mod leave;
pub mod leave_preview;
mod role;

pub use absence::{Absence, EndAway, OpenChores, SetAway};
pub use leave::{Leave, Remove, Return};
pub use role::ChangeRole;

use crate::access::{MemberStatus, Reader, Role};
use crate::among::among;
use crate::message::End;
use crate::page::Window;
use crate::prepared::Prepare as _;
use crate::tables::{member_periods, members, sessions, users};
use crate::task::reminder;
use crate::{
    Change, Connection, HouseholdId, MemberId, Result, Subject as _, SubjectId, Time, UserId, event,
};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::HashMap;

/// An hour in microseconds.
const HOUR: i64 = 3_600_000_000;

/// A member as others see them; former members too.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = members)]
pub struct Profile {
    /// The membership.
    pub id: MemberId,
    /// Of which household.
    pub household_id: HouseholdId,
    /// Whose.
    pub user_id: UserId,
    /// What they are there; what they were, if they left.
    pub role: Role,
    /// Whether they still belong to it.
    pub status: MemberStatus,
    /// When they last joined.
    pub joined_at: Time,
    /// When they left or were removed.
    pub ended_at: Option<Time>,
    /// Counts the changes of this membership.
    pub version: i32,
    /// The person's name, as it is now.
    #[diesel(select_expression = users::display_name)]
    pub display_name: String,
}

impl crate::Subject for Profile {
    fn subject_id(&self) -> SubjectId {
        self.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        let query = members::table.inner_join(users::table).filter(members::id.eq(MemberId::from(id)));
        run!(conn, |c| query.select(Self::as_select()).first(c).await)
    }
}

impl Profile {
    /// Whether they still belong to the household.
    pub fn is_active(&self) -> bool {
        self.status == MemberStatus::Active
    }
}

/// Whether former members are wanted too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Former {
    /// They are.
    Included,
    /// They are not.
    LeftOut,
}

/// The members of the household in a window, in the order in which they first joined.
pub async fn page(
    conn: &mut Connection,
    reader: &Reader,
    former: Former,
    window: Window,
) -> Result<Vec<Profile>> {
    let (after, before): (MemberId, MemberId) = window.bounds();
    let includes_former = (former == Former::Included).into_sql::<diesel::sql_types::Bool>();
    let query = members::table
        .inner_join(users::table)
        .filter(members::household_id.eq(reader.household_id()))
        .filter(members::status.eq(MemberStatus::Active).or(includes_former))
        .filter(members::id.gt(after))
        .filter(members::id.lt(before))
        .limit(window.limit);
    let found = match window.end {
        End::Oldest => {
            run!(conn, |c| query.order(members::id.asc()).select(Profile::as_select()).load(c).await)
        }
        End::Newest => {
            run!(conn, |c| query.order(members::id.desc()).select(Profile::as_select()).load(c).await)
        }
    };
    Ok(window.oldest_first(found?))
}

/// The members with these ids, current and former. Ids are only ever taken from rows of the same household that
/// the asker was allowed to see: authors, actors, readers.
pub async fn known(conn: &mut Connection, ids: &[MemberId]) -> Result<Vec<Profile>> {
    let query = members::table.inner_join(users::table).filter(among(members::id, ids));
    run!(conn, |c| query.select(Profile::as_select()).load(c).await)
}

/// Those of these members, current and former, whose households this person is a member of.
pub async fn seen_by(conn: &mut Connection, viewer: UserId, ids: &[MemberId]) -> Result<Vec<Profile>> {
    let viewers = diesel::alias!(members as viewers);
    let viewer = viewers.on(viewers
        .field(members::household_id)
        .eq(members::household_id)
        .and(viewers.field(members::user_id).eq(viewer))
        .and(viewers.field(members::status).eq(MemberStatus::Active)));
    let query = members::table.inner_join(users::table).inner_join(viewer).filter(among(members::id, ids));
    run!(conn, |c| query.select(Profile::as_select()).load(c).await)
}

/// When these people last used RoomM8, to the hour: enough to wait for them by, too little to watch them by.
pub async fn last_seen(conn: &mut Connection, users: &[UserId]) -> Result<HashMap<UserId, Time>> {
    let query = sessions::table
        .filter(among(sessions::user_id, users))
        .group_by(sessions::user_id)
        .select((sessions::user_id, max(sessions::last_used_at)));
    let rows: Vec<(UserId, Option<Time>)> = run!(conn, |c| query.load(c).await)?;
    Ok(rows.into_iter().filter_map(|(user, last)| Some((user, to_the_hour(last?)))).collect())
}

fn to_the_hour(time: Time) -> Time {
    Time::from_micros(time.micros() - time.micros().rem_euclid(HOUR))
}

/// This person's membership of the household, current or former.
pub(crate) async fn of_user(
    conn: &mut Connection,
    user: UserId,
    household: HouseholdId,
) -> Result<Option<Profile>> {
    let query = members::table
        .inner_join(users::table)
        .filter(members::household_id.eq(household))
        .filter(members::user_id.eq(user));
    run!(conn, |c| query.select(Profile::as_select()).first(c).await.optional())
}

/// A member of the household being changed, current or former.
async fn of_household(change: &mut Change<'_>, id: MemberId) -> Result<Profile> {
    let query = members::table
        .inner_join(users::table)
        .filter(members::household_id.eq(change.household_id()))
        .filter(members::id.eq(id));
    run!(change.conn(), |c| query.select(Profile::as_select()).first(c).await)
}

/// The other current members of the household being changed, with their roles.
async fn others(change: &mut Change<'_>, member: MemberId) -> Result<Vec<(MemberId, Role)>> {
    let query = members::table
        .filter(members::household_id.eq(change.household_id()))
        .filter(members::status.eq(MemberStatus::Active))
        .filter(members::id.ne(member))
        .select((members::id, members::role));
    run!(change.conn(), |c| query.load(c).await)
}

/// Makes the caller a member. Who has been one before is the same member again.
pub(crate) async fn admit(change: &mut Change<'_>, role: Role) -> Result<Profile> {
    let seq = change.next_seq();
    let (household, user) = (change.household_id(), change.user_id()?);
    let (id, version) = match of_user(change.conn(), user, household).await? {
        Some(former) => readmit(change, &former, role).await?,
        None => insert(change, role).await?,
    };
    let insert = diesel::insert_into(member_periods::table)
        .values((member_periods::member_id.eq(id), member_periods::from_seq.eq(seq)));
    run!(change.conn(), |c| insert.execute(c).await)?;
    change.admit(id);
    record(change, event::Kind::MemberJoined, id, version, &["status", "role"]);
    reminder::schedule_claimable(change).await?;
    Profile::find(change.conn(), id.into()).await
}

async fn insert(change: &mut Change<'_>, role: Role) -> Result<(MemberId, i32)> {
    let (id, version) = (MemberId::new(), 1);
    let insert = diesel::insert_into(members::table).values((
        members::id.eq(id),
        members::household_id.eq(change.household_id()),
        members::user_id.eq(change.user_id()?),
        members::role.eq(role),
        members::status.eq(MemberStatus::Active),
        members::is_banned.eq(false),
        members::joined_seq.eq(change.next_seq()),
        members::joined_at.eq(change.now()),
        members::version.eq(version),
    ));
    run!(change.conn(), |c| insert.execute(c).await)?;
    Ok((id, version))
}

async fn readmit(change: &mut Change<'_>, former: &Profile, role: Role) -> Result<(MemberId, i32)> {
    let version = former.version + 1;
    let update = diesel::update(members::table)
        .filter(members::id.eq(former.id))
        .set((
            members::role.eq(role),
            members::status.eq(MemberStatus::Active),
            members::joined_seq.eq(change.next_seq()),
            members::joined_at.eq(change.now()),
            members::ended_at.eq(None::<Time>),
            members::version.eq(version),
        ))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    Ok((former.id, version))
}

/// The owner who restores a household after having left it last is a member again.
pub(crate) async fn return_if_gone(change: &mut Change<'_>) -> Result<()> {
    let actor = change.actor()?.id();
    if of_household(change, actor).await?.is_active() {
        return Ok(());
    }
    admit(change, Role::Owner).await.map(|_| ())
}

fn record(
    change: &mut Change<'_>,
    kind: event::Kind,
    member: MemberId,
    version: i32,
    fields: &[&'static str],
) {
    change.record_for_all(kind, member, version, fields);
}
