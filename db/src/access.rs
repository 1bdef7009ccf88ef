//! Who may do what in a household: the one table of rights, and the proof of membership that every read and
//! change of a household asks for.

use crate::labels::labels;
use crate::tables::{household_streams, households, member_periods, members};
use crate::{Connection, Error, HouseholdId, MemberId, RefusalCode, Result, UserId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

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
    /// See, make and revoke invitations, up to one's own role.
    Invite,
    /// Change the household's name and settings.
    UpdateHousehold,
    /// Delete other people's messages.
    ModerateMessages,
    /// Change roles and remove members, of a lower role than one's own.
    ManageMembers,
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
            Self::Invite => "INVITE",
            Self::UpdateHousehold => "UPDATE_HOUSEHOLD",
            Self::ModerateMessages => "MODERATE_MESSAGES",
            Self::ManageMembers => "MANAGE_MEMBERS",
            Self::ArchiveHousehold => "ARCHIVE_HOUSEHOLD",
        }
    }
}

/// The permission matrix: each right, and the lowest role that has it.
pub const MATRIX: [(Permission, Role); 10] = [
    (Permission::Read, Role::Guest),
    (Permission::Chat, Role::Guest),
    (Permission::Leave, Role::Guest),
    (Permission::CreateConversation, Role::Member),
    (Permission::MentionEveryone, Role::Member),
    (Permission::Invite, Role::Member),
    (Permission::UpdateHousehold, Role::Admin),
    (Permission::ModerateMessages, Role::Admin),
    (Permission::ManageMembers, Role::Admin),
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

/// Proof that a person is an active member of a household, with their role. Only this module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    id: MemberId,
    household_id: HouseholdId,
    user_id: UserId,
    role: Role,
    joined_seq: i64,
    epoch: i32,
    household_is_archived: bool,
    /// Parts of the log they may see, both ends included; `None` is the whole log.
    periods: Option<Vec<(i64, i64)>>,
}

impl Member {
    /// The membership's own id.
    pub fn id(&self) -> MemberId {
        self.id
    }

    /// The household it is a membership of.
    pub fn household_id(&self) -> HouseholdId {
        self.household_id
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

    /// The present epoch of the household's log.
    pub fn epoch(&self) -> i32 {
        self.epoch
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
    pub(crate) fn periods(&self) -> Option<&[(i64, i64)]> {
        self.periods.as_deref()
    }

    /// Fails if the household is archived: it can be read and restored, not changed.
    pub fn refuse_if_archived(&self) -> Result<()> {
        if self.household_is_archived {
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
        .filter(members::status.eq(MemberStatus::Active))
        .select((
            members::id,
            members::role,
            members::joined_seq,
            household_streams::epoch,
            households::history_visibility,
            households::archived_at.is_not_null(),
        ));
    let (id, role, joined_seq, epoch, history, household_is_archived): (
        MemberId,
        Role,
        i64,
        i32,
        HistoryVisibility,
        bool,
    ) = run!(conn, |c| query.first(c).await)?;
    let periods = match history {
        HistoryVisibility::All => None,
        HistoryVisibility::SinceJoining => Some(periods(conn, id).await?),
    };
    Ok(Member {
        id,
        household_id: household,
        user_id: user,
        role,
        joined_seq,
        epoch,
        household_is_archived,
        periods,
    })
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
        .filter(members::ended_at.eq(households::archived_at))
        .select((members::id, members::joined_seq, household_streams::epoch));
    let (id, joined_seq, epoch) = run!(conn, |c| query.first(c).await)?;
    let periods = Some(periods(conn, id).await?);
    Ok(Member {
        id,
        household_id: household,
        user_id: user,
        role: Role::Owner,
        joined_seq,
        epoch,
        household_is_archived: true,
        periods,
    })
}

async fn periods(conn: &mut Connection, member: MemberId) -> Result<Vec<(i64, i64)>> {
    let query = member_periods::table
        .filter(member_periods::member_id.eq(member))
        .order(member_periods::from_seq)
        .select((member_periods::from_seq, member_periods::to_seq));
    let rows: Vec<(i64, Option<i64>)> = run!(conn, |c| query.load(c).await)?;
    Ok(rows.into_iter().map(|(from, to)| (from, to.unwrap_or(i64::MAX))).collect())
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
}
