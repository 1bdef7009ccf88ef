//! Invitations.

use crate::error::{Error, Result};
use crate::id::GlobalId;
use async_graphql::{Context, ID, Object, SimpleObject};
use roomm8_db::{HouseholdId, InvitationId, invitation};

/// An invitation.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Invitation {
    /// Its global id.
    pub(crate) id: ID,
}

impl From<invitation::Invitation> for Invitation {
    fn from(row: invitation::Invitation) -> Self {
        Self { id: GlobalId::Invitation(row.household_id, row.id).to_id() }
    }
}

pub(crate) async fn find(_: &Context<'_>, _: HouseholdId, _: InvitationId) -> Result<Invitation> {
    Err(Error::not_found())
}

#[derive(Default)]
pub(crate) struct InvitationQuery;

#[Object]
impl InvitationQuery {
    /// x
    async fn invitation_preview(&self) -> bool {
        true
    }
}

#[derive(Default)]
pub(crate) struct InvitationMutation;

#[Object]
impl InvitationMutation {
    /// x
    async fn create_invitation(&self) -> bool {
        true
    }
}
