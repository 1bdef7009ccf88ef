//! Making, revoking and accepting invitations.

use super::{Invitation, secret};
use crate::error::{Nullable, Result, nullable};
use crate::household::{self, Household};
use crate::id::GlobalId;
use crate::member::{Member, Role};
use crate::payload::{UserError, perform};
use crate::scalar::Cursor;
use crate::scope::ScopeExt as _;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use roomm8_db::Error as DbError;
use roomm8_db::invitation::{self, Accepted, Created};

/// An invitation to make.
#[derive(Debug, InputObject)]
pub(crate) struct CreateInvitationInput {
    /// The household to invite to.
    household_id: ID,
    /// What those who accept it become: at most what you are.
    #[graphql(default_with = "Role::Member")]
    role: Role,
    /// For how many hours it is open: 1 to 720, which is 30 days. A week, if you leave it out.
    expires_in_hours: Option<i32>,
    /// How many people may accept it: 1 to 100. One, if you leave it out.
    max_uses: Option<i32>,
    /// The only e-mail address that may accept it, if it is for somebody in particular. They get the link by mail if
    /// your own address is verified, at most 20 mails a day; otherwise send it yourself.
    email: Option<String>,
    /// Your name for this intent, 1 to 64 visible ASCII characters. A repeat within 7 days gets the same invitation,
    /// but not its token and code: they are not kept. If the answer was lost, revoke it and make another.
    client_mutation_id: Option<String>,
}

/// What came of `createInvitation`.
#[derive(SimpleObject)]
pub(crate) struct CreateInvitationPayload {
    /// The new invitation; null with `userErrors`.
    invitation: Option<Invitation>,
    /// What opens it, `rm8_i_…`. It is shown here and never again: null in the answer to a repeat.
    token: Option<String>,
    /// What opens it too, for typing: 10 characters without I, L, O and U. It is shown here and never again.
    code: Option<String>,
    /// A link with the token in its fragment, to send to who is invited. It is shown here and never again.
    link: Option<String>,
    /// The place of this change in the household's log: the event with this cursor is its echo. Null when nothing
    /// changed because of `userErrors`.
    cursor: Option<Cursor>,
    /// Why nothing changed, as far as a person can mend it; empty on success.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

/// An invitation to revoke.
#[derive(Debug, InputObject)]
pub(crate) struct RevokeInvitationInput {
    /// The invitation.
    invitation_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `revokeInvitation`.
    RevokeInvitationPayload {
        /// The revoked invitation.
        invitation: Invitation
    }
}

/// An invitation to accept.
#[derive(Debug, InputObject)]
pub(crate) struct AcceptInvitationInput {
    /// The token out of the link, `rm8_i_…`. Exactly one of `token` and `code`.
    token: Option<String>,
    /// The code, 10 characters; case, spaces and dashes do not matter.
    code: Option<String>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// What came of `acceptInvitation`.
#[derive(SimpleObject)]
pub(crate) struct AcceptInvitationPayload {
    /// The household you are a member of now; null with `userErrors`.
    household: Option<Household>,
    /// You, as a member of it; null with `userErrors`.
    member: Option<Member>,
    /// Whether you were a member before: then your role stays what it was, and no seat of the invitation was taken.
    already_member: bool,
    /// The place of your coming in the household's log; where the log stands, if you were a member before. Null with
    /// `userErrors`.
    cursor: Option<Cursor>,
    /// Why it does not let you in, at `token` or `code`; empty on success. Who shows a code learns no more than
    /// `INVITATION_INVALID` of one that was revoked, has expired or is used up.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

#[derive(Default)]
pub(crate) struct InvitationMutation;

#[Object]
impl InvitationMutation {
    /// Makes an invitation. Needs `INVITE`; `FORBIDDEN` too for a role above your own. `LIMIT` when the household
    /// has 100 open ones. It ends when you stop being a member.
    async fn create_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "To where, as what, for how long and how many.")] input: CreateInvitationInput,
    ) -> Nullable<CreateInvitationPayload> {
        nullable(async {
            let household = GlobalId::household(&input.household_id)?;
            let operation = invitation::Create {
                role: input.role.into(),
                expires_in_hours: input.expires_in_hours,
                max_uses: input.max_uses,
                email: input.email,
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            let (invitation, secrets) = match outcome.subject {
                Some(Created { invitation, secrets }) => (Some(invitation.into()), secrets),
                None => (None, None),
            };
            let public_url = &ctx.scope()?.services.public_url;
            Ok(CreateInvitationPayload {
                invitation,
                // A fragment stays in the browser: no server's log has it.
                link: secrets.as_ref().map(|secrets| format!("{public_url}/join#{}", secrets.token)),
                code: secrets.as_ref().map(|secrets| secrets.code.clone()),
                token: secrets.map(|secrets| secrets.token),
                cursor: outcome.cursor,
                user_errors: outcome.user_errors,
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }

    /// Takes an invitation back, at once. Doing it again changes nothing. Needs `INVITE`; `FORBIDDEN` too for an
    /// invitation to a role above your own.
    async fn revoke_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which invitation to take back.")] input: RevokeInvitationInput,
    ) -> Nullable<RevokeInvitationPayload> {
        nullable(async {
            let (household, invitation) = GlobalId::invitation(&input.invitation_id)?;
            let operation = invitation::Revoke { invitation };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(RevokeInvitationPayload::new(outcome.map(Invitation::from), input.client_mutation_id))
        })
        .await
    }

    /// Accepts an invitation: you become a member with its role; who was one before is the same member again.
    /// Accepting again takes no second seat. At most 10 codes an hour a person, shared with `invitationPreview`:
    /// beyond that `RATE_LIMITED` with `retryAfter`.
    async fn accept_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token or the code.")] input: AcceptInvitationInput,
    ) -> Nullable<AcceptInvitationPayload> {
        nullable(async {
            let scope = ctx.scope()?;
            let user = scope.viewer()?.user_id;
            let secret = secret(input.token.as_deref(), input.code.as_deref())?;
            scope.release_connection().await;
            scope.forget_what_was_read().await;
            let key = input.client_mutation_id.as_deref();
            match invitation::accept(scope.database(), user, secret, key).await {
                Ok(accepted) => {
                    AcceptInvitationPayload::let_in(ctx, accepted, input.client_mutation_id).await
                }
                Err(DbError::Refused(refusal)) => {
                    Ok(AcceptInvitationPayload::refused(refusal.into(), input.client_mutation_id))
                }
                Err(error) => Err(error.into()),
            }
        })
        .await
    }
}

impl AcceptInvitationPayload {
    async fn let_in(ctx: &Context<'_>, accepted: Accepted, key: Option<String>) -> Result<Self> {
        let cursor = Cursor::Log(accepted.position);
        // A repeat may come after they have left again.
        let household = if accepted.member.is_active() {
            Some(household::find(ctx, accepted.member.household_id).await?.read_at(cursor))
        } else {
            None
        };
        Ok(Self {
            household,
            member: Some(accepted.member.into()),
            already_member: accepted.was_member,
            cursor: Some(cursor),
            user_errors: Vec::new(),
            client_mutation_id: key,
        })
    }

    fn refused(error: UserError, key: Option<String>) -> Self {
        Self {
            household: None,
            member: None,
            already_member: false,
            cursor: None,
            user_errors: vec![error],
            client_mutation_id: key,
        }
    }
}
