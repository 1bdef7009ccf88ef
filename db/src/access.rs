//! Who may do what in a household: the one table of rights, and the proof of membership that every read and
//! change of a household asks for.

use crate::among::among;
use crate::event::Position;
use crate::household::{Archived, Household};
use crate::labels::labels;
use crate::tables::{household_streams, households, member_periods, members};
use crate::{Connection, Error, HouseholdId, MemberId, RefusalCode, Result, UserId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

labels! {
    /// What a member is in their household.
    Role {
        /// May do everything; a household always has at least one.
        Owner = "OWNER",
        /// Runs the household, but not its owners.
        Admin = "ADMIN",
        /// Lives there.
        Member = "MEMBER",
        /// Visits: reads and chats.
        Guest = "GUEST",
    }
}

/// A right that a role has or lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See the household, its members, conversations and events.
    Read,
    /// Write, edit and delete one's own messages, react, mark as read.
    Chat,
    /// Leave the household.
    Leave,
    /// Open a conversation on a topic.
    CreateConversation,
    /// Mention everybody at once with `@all`.
    MentionEveryone,
    /// Announce something to everybody, and change or take back one's own announcements.
    Announce,
    /// See, make and revoke invitations, up to one's own role.
    Invite,
    /// Do chores: close occurrences and take that back for a while, claim them and let go of them.
    DoTasks,
    /// Make chores, and give their occurrences to others.
    ManageTasks,
    /// Change shopping lists, what is on them, the catalogue and the stores.
    EditGroceries,
    /// Change the household's name and settings.
    UpdateHousehold,
    /// Delete other people's messages, and change or take back their announcements.
    ModerateMessages,
    /// Change roles and remove members, of a lower role than one's own.
    ManageMembers,
    /// Take back what anybody closed, as long as what followed it is open.
    UndoTasks,
    /// Archive and restore the household.
    ArchiveHousehold,
}

impl Permission {
    /// What it is called outside.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::Chat => "CHAT",
            Self::Leave => "LEAVE",
            Self::CreateConversation => "CREATE_CONVERSATION",
            Self::MentionEveryone => "MENTION_EVERYONE",
            Self::Announce => "ANNOUNCE",
            Self::Invite => "INVITE",
            Self::DoTasks => "DO_TASKS",
            Self::ManageTasks => "MANAGE_TASKS",
            Self::EditGroceries => "EDIT_GROCERIES",
            Self::UpdateHousehold => "UPDATE_HOUSEHOLD",
            Self::ModerateMessages => "MODERATE_MESSAGES",
            Self::ManageMembers => "MANAGE_MEMBERS",
            Self::UndoTasks => "UNDO_TASKS",
            Self::ArchiveHousehold => "ARCHIVE_HOUSEHOLD",
        }
    }
}

/// The permission matrix: each right, and the lowest role that has it.
pub const MATRIX: [(Permission, Role); 15] = [
    (Permission::Read, Role::Guest),
    (Permission::Chat, Role::Guest),
    (Permission::Leave, Role::Guest),
    (Permission::CreateConversation, Role::Member),
    (Permission::MentionEveryone, Role::Member),
    (Permission::Announce, Role::Member),
    (Permission::Invite, Role::Member),
    (Permission::DoTasks, Role::Member),
    (Permission::ManageTasks, Role::Member),
    (Permission::EditGroceries, Role::Member),
    (Permission::UpdateHousehold, Role::Admin),
    (Permission::ModerateMessages, Role::Admin),
    (Permission::ManageMembers, Role::Admin),
    (Permission::UndoTasks, Role::Admin),
    (Permission::ArchiveHousehold, Role::Owner),
];

/// [`MATRIX`] as a table for people: a row for each right, a column for each role.
pub fn matrix_as_markdown() -> String {
    let roles = || Role::ALL.iter().copied();
    let row = |first: &str, cells: Vec<&str>| format!("| {first} | {} |\n", cells.join(" | "));
    let mut table = row("", roles().map(Role::word).collect());
    table.push_str(&row("---", roles().map(|_| ":-:").collect()));
    for (permission, _) in MATRIX {
        let cells = roles().map(|role| if role.may(permission) { "✓" } else { "" }).collect();
        table.push_str(&row(&format!("`{}`", permission.word()), cells));
    }
    table
}

impl Role {
    /// Whether this role has the right, by [`MATRIX`].
    pub fn may(self, permission: Permission) -> bool {
        MATRIX.iter().any(|(right, lowest)| *right == permission && self.rank() >= lowest.rank())
    }

    /// Every right of this role, in the order of [`MATRIX`].
    pub fn permissions(self) -> impl Iterator<Item = Permission> {
        MATRIX.iter().filter(move |(_, lowest)| self.rank() >= lowest.rank()).map(|(right, _)| *right)
    }

    /// A higher rank has every right of a lower one.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Guest => 0,
            Self::Member => 1,
            Self::Admin => 2,
            Self::Owner => 3,
        }
    }
}

labels! {
    /// Whether somebody still belongs to the household.
    MemberStatus {
        /// Lives there.
        Active = "ACTIVE",
        /// Left by themselves.
        Left = "LEFT",
        /// Was removed.
        Removed = "REMOVED",
    }
}

labels! {
    /// How much of the past a new member sees.
    HistoryVisibility {
        /// Everything.
        All = "ALL",
        /// What happened while they were members.
        SinceJoining = "SINCE_JOINING",
    }
}

/// Proof that somebody may read a household, whoever they are: what it shows is the same for all who see as much of the
/// past. It comes from a [`Member`], and names no person, so that whoever is given only this can read nothing that is one
/// member's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    household: Arc<Household>,
    version: Version,
    /// Parts of the log they may see, both ends included; `None` is the whole log.
    periods: Option<Vec<(i64, i64)>>,
}

/// The version of all that a household shows of itself: it is another one whenever anything of that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version {
    /// The newest position of its log.
    pub head: Position,
    /// How often its people's names have changed, which is no event of its log.
    pub names: i64,
}

impl Reader {
    /// The household that may be read.
    pub fn household_id(&self) -> HouseholdId {
        self.household.id
    }

    /// It, as it was when this proof was made.
    pub fn household(&self) -> &Household {
        &self.household
    }

    /// The household's version when this proof was made: what is read afterwards is at least as new.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The newest position of the household's log when this proof was made: what is read afterwards is at least as
    /// new.
    pub fn head(&self) -> Position {
        self.version.head
    }

    /// The epoch of the household's log when this proof was made.
    pub fn epoch(&self) -> i32 {
        self.head().epoch
    }

    /// Whether what happened at `seq` is part of the history they may see.
    pub fn sees(&self, seq: i64) -> bool {
        self.periods
            .as_ref()
            .is_none_or(|periods| periods.iter().any(|(from, to)| (*from..=*to).contains(&seq)))
    }

    /// Whether the whole of the log is part of it.
    pub fn sees_everything(&self) -> bool {
        self.periods.is_none()
    }

    /// The parts of the log they may see, both ends included; `None` is the whole log.
    pub fn periods(&self) -> Option<&[(i64, i64)]> {
        self.periods.as_deref()
    }
}

/// Proof that a person is an active member of a household, with their role. Only this module makes one. Whatever asks for
/// a [`Reader`] takes it as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    id: MemberId,
    user_id: UserId,
    role: Role,
    joined_seq: i64,
    reader: Reader,
}

impl Deref for Member {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl From<Member> for Reader {
    fn from(member: Member) -> Self {
        member.reader
    }
}

impl Member {
    /// The membership's own id.
    pub fn id(&self) -> MemberId {
        self.id
    }

    /// The person.
    pub fn user_id(&self) -> UserId {
        self.user_id
    }

    /// Their role when this proof was made.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The `seq` of the event by which they last became a member.
    pub fn joined_seq(&self) -> i64 {
        self.joined_seq
    }

    /// Fails if the household is archived: it can be read and restored, not changed.
    pub fn refuse_if_archived(&self) -> Result<()> {
        if self.household().is_archived() {
            return Err(Error::refused(
                RefusalCode::Archived,
                "",
                "this household is archived: restore it first",
            ));
        }
        Ok(())
    }

    /// Fails with [`Error::Forbidden`] unless their role has the right.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.role.may(permission) { Ok(()) } else { Err(Error::Forbidden(permission)) }
    }
}

/// The proof of membership, or [`Error::NotFound`]: for outsiders a household that exists and one that does not
/// are the same.
pub async fn member(conn: &mut Connection, user: UserId, household: HouseholdId) -> Result<Member> {
    let query = members::table
        .inner_join(households::table)
        .inner_join(household_streams::table.on(household_streams::household_id.eq(members::household_id)))
        .filter(members::household_id.eq(household))
        .filter(members::user_id.eq(user))
        .filter(members::status.eq(MemberStatus::Active));
    let row = run!(conn, |c| query.select(Membership::as_select()).first(c).await)?;
    proofs(conn, vec![row]).await?.pop().ok_or(Error::NotFound)
}

/// The proofs of all of a person's memberships, the oldest household first.
pub async fn memberships(conn: &mut Connection, user: UserId, archived: Archived) -> Result<Vec<Member>> {
    let includes_archived = (archived == Archived::Included).into_sql::<diesel::sql_types::Bool>();
    let query = members::table
        .inner_join(households::table)
        .inner_join(household_streams::table.on(household_streams::household_id.eq(members::household_id)))
        .filter(members::user_id.eq(user))
        .filter(members::status.eq(MemberStatus::Active))
        .filter(households::archived_at.is_null().or(includes_archived))
        .order(households::id);
    let rows = run!(conn, |c| query.select(Membership::as_select()).load(c).await)?;
    proofs(conn, rows).await
}

/// The proof for restoring a household: that of an owner, or, where nobody is left, of the owner who left last,
/// which archived it.
pub(crate) async fn restorer(conn: &mut Connection, user: UserId, household: HouseholdId) -> Result<Member> {
    match member(conn, user, household).await {
        Err(Error::NotFound) => last_owner(conn, user, household).await,
        Err(error) => Err(error),
        Ok(member) => member.require(Permission::ArchiveHousehold).map(|()| member),
    }
}

async fn last_owner(conn: &mut Connection, user: UserId, household: HouseholdId) -> Result<Member> {
    let query = members::table
        .inner_join(households::table)
        .inner_join(household_streams::table.on(household_streams::household_id.eq(members::household_id)))
        .filter(members::household_id.eq(household))
        .filter(members::user_id.eq(user))
        .filter(members::status.eq(MemberStatus::Left))
        .filter(members::role.eq(Role::Owner))
        .filter(members::ended_at.eq(households::archived_at));
    let row = run!(conn, |c| query.select(Membership::as_select()).first(c).await)?;
    proofs(conn, vec![row]).await?.pop().ok_or(Error::NotFound)
}

/// What proofs are made of.
#[derive(Queryable, Selectable)]
#[diesel(table_name = members)]
struct Membership {
    id: MemberId,
    user_id: UserId,
    role: Role,
    joined_seq: i64,
    #[diesel(embed)]
    household: Household,
    #[diesel(select_expression = household_streams::epoch)]
    epoch: i32,
    #[diesel(select_expression = household_streams::head)]
    head: i64,
    #[diesel(select_expression = household_streams::names)]
    names: i64,
}

async fn proofs(conn: &mut Connection, rows: Vec<Membership>) -> Result<Vec<Member>> {
    let is_limited = |row: &&Membership| row.household.history_visibility == HistoryVisibility::SinceJoining;
    let limited = rows.iter().filter(is_limited);
    let limited: Vec<_> = limited.map(|row| row.id).collect();
    let mut periods = periods(conn, &limited).await?;
    let proofs = rows.into_iter().map(|row| Member {
        id: row.id,
        user_id: row.user_id,
        role: row.role,
        joined_seq: row.joined_seq,
        reader: Reader {
            version: Version { head: Position { epoch: row.epoch, seq: row.head }, names: row.names },
            periods: match row.household.history_visibility {
                HistoryVisibility::All => None,
                HistoryVisibility::SinceJoining => Some(periods.remove(&row.id).unwrap_or_default()),
            },
            household: Arc::new(row.household),
        },
    });
    Ok(proofs.collect())
}

async fn periods(conn: &mut Connection, members: &[MemberId]) -> Result<HashMap<MemberId, Vec<(i64, i64)>>> {
    let mut periods: HashMap<_, Vec<_>> = HashMap::new();
    if members.is_empty() {
        return Ok(periods);
    }
    let query = member_periods::table
        .filter(among(member_periods::member_id, members))
        .order((member_periods::member_id, member_periods::from_seq))
        .select((member_periods::member_id, member_periods::from_seq, member_periods::to_seq));
    let rows: Vec<(MemberId, i64, Option<i64>)> = run!(conn, |c| query.load(c).await)?;
    for (member, from, to) in rows {
        periods.entry(member).or_default().push((from, to.unwrap_or(i64::MAX)));
    }
    Ok(periods)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_role_has_every_right_of_a_lower_one() {
        let ladder = [Role::Guest, Role::Member, Role::Admin, Role::Owner];
        for (lower, higher) in ladder.iter().zip(&ladder[1..]) {
            assert!(lower.permissions().all(|right| higher.may(right)));
        }
        assert_eq!(Role::Owner.permissions().count(), MATRIX.len());
        assert!(!Role::Guest.may(Permission::Invite));
    }

    #[test]
    fn the_matrix_can_be_read() {
        let table = matrix_as_markdown();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), MATRIX.len() + 2);
        assert_eq!(lines[0], "|  | OWNER | ADMIN | MEMBER | GUEST |");
        assert_eq!(lines[8], "| `INVITE` | ✓ | ✓ | ✓ |  |");
    }
}
