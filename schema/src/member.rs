//! Members.

use crate::error::{Error, Result};
use crate::id::GlobalId;
use async_graphql::{Context, ID, Object, SimpleObject};
use roomm8_db::member::Profile;
use roomm8_db::{HouseholdId, MemberId};

/// A member.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Member {
    /// Its global id.
    pub(crate) id: ID,
}

impl From<Profile> for Member {
    fn from(row: Profile) -> Self {
        Self { id: GlobalId::Member(row.household_id, row.id).to_id() }
    }
}

pub(crate) async fn find(_: &Context<'_>, _: HouseholdId, _: MemberId) -> Result<Member> {
    Err(Error::not_found())
}

#[derive(Default)]
pub(crate) struct MemberMutation;

#[Object]
impl MemberMutation {
    /// x
    async fn change_member_role(&self) -> bool {
        true
    }
}
