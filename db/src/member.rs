//! The members of a household: who they are, how roles change, how people leave.

use crate::access::{MemberStatus, Role};
use crate::tables::{members, users};
use crate::{Connection, HouseholdId, MemberId, Result, SubjectId, Time, UserId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

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
