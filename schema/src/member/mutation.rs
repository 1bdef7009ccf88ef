//! Changing roles, removing members, leaving.

use super::{Member, Role};
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::perform;
use async_graphql::{Context, ID, InputObject, Object};
use roomm8_db::member::{self, Return};

/// Another role for a member.
#[derive(Debug, InputObject)]
pub(crate) struct ChangeMemberRoleInput {
    /// The member.
    member_id: ID,
    /// What they become: at most what you are.
    role: Role,
    /// The version of the member you have seen: if their role changed since, the answer is `CONFLICT` with the
    /// member as they are now.
    expected_version: Option<i32>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A member to remove.
#[derive(Debug, InputObject)]
pub(crate) struct RemoveMemberInput {
    /// The member; not yourself.
    member_id: ID,
    /// Whether they are kept out for good: no invitation lets them in again. Somebody who is gone already can be
    /// banned, too.
    #[graphql(default = false)]
    ban: bool,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A household to leave.
#[derive(Debug, InputObject)]
pub(crate) struct LeaveHouseholdInput {
    /// The household.
    household_id: ID,
    /// The member who becomes an owner by it. The last owner of a household with others in it must name one; who is
    /// no owner cannot.
    transfer_ownership_to: Option<ID>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `changeMemberRole`.
    ChangeMemberRolePayload {
        /// The member as they are now, with a `CONFLICT` too.
        member: Member
    }
}

payload! {
    /// What came of `removeMember`.
    RemoveMemberPayload {
        /// The former member.
        member: Member
    }
}

payload! {
    /// What came of `leaveHousehold`.
    LeaveHouseholdPayload {
        /// The household you left. Who left as its last member can restore it by this id.
        household_id: ID
    }
}

#[derive(Default)]
pub(crate) struct MemberMutation;

#[Object]
impl MemberMutation {
    /// Gives a current member another role. Needs `MANAGE_MEMBERS`; `FORBIDDEN` too for members of your own or a
    /// higher rank, unless you are an owner, and for a role above your own. `LAST_OWNER` if the household would be
    /// left without one. Open invitations they made to more than their new role are revoked.
    async fn change_member_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose, and what they become.")] input: ChangeMemberRoleInput,
    ) -> Nullable<ChangeMemberRolePayload> {
        nullable(async {
            let (household, member) = GlobalId::member(&input.member_id)?;
            let operation = member::ChangeRole {
                member,
                role: input.role.into(),
                expected_version: input.expected_version,
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(ChangeMemberRolePayload::new(outcome.map(Member::from), input.client_mutation_id))
        })
        .await
    }

    /// Removes somebody from the household: their subscriptions end with `MEMBERSHIP_ENDED`, the open invitations
    /// they made are revoked, what they said stays. Removing them again changes nothing. Needs `MANAGE_MEMBERS`;
    /// `FORBIDDEN` too for members of your own or a higher rank, unless you are an owner.
    async fn remove_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom to remove.")] input: RemoveMemberInput,
    ) -> Nullable<RemoveMemberPayload> {
        nullable(async {
            let (household, member) = GlobalId::member(&input.member_id)?;
            let may_return = if input.ban { Return::Banned } else { Return::Allowed };
            let operation = member::Remove { member, may_return };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(RemoveMemberPayload::new(outcome.map(Member::from), input.client_mutation_id))
        })
        .await
    }

    /// Ends your membership: your subscriptions end with `MEMBERSHIP_ENDED`, the open invitations you made are
    /// revoked, what you said stays. Everybody may. `LAST_OWNER` if the household would be left without one: name an
    /// heir. The last member's leave archives the household; for 30 days they can restore it.
    async fn leave_household(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which household to leave.")] input: LeaveHouseholdInput,
    ) -> Nullable<LeaveHouseholdPayload> {
        nullable(async {
            let household = GlobalId::household(&input.household_id)?;
            let operation = member::Leave {
                transfer_to: input.transfer_ownership_to.as_ref().map(GlobalId::named_member),
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(LeaveHouseholdPayload::new(outcome.map(|_| input.household_id), input.client_mutation_id))
        })
        .await
    }
}
