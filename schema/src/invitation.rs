//! Invitations: the ways into a household.

mod mutation;

pub(crate) use mutation::InvitationMutation;

use crate::error::{Error, Nullable, Result, nullable};
use crate::id::GlobalId;
use crate::member::{Member, Role};
use crate::row::Row;
use crate::scalar::{Cursor, DateTime};
use crate::scope::ScopeExt as _;
use async_graphql::{ComplexObject, Context, Enum, ID, Object, SimpleObject};
use roomm8_db::invitation::{self, Guest, Secret, Status};
use roomm8_db::{HouseholdId, InvitationId, Time};

/// Whether an invitation can be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub(crate) enum InvitationStatus {
    /// It can be accepted.
    Open,
    /// Everybody it was for has accepted it.
    Exhausted,
    /// Its time is over.
    Expired,
    /// It was revoked, or who made it is no longer a member or may no longer invite to its role.
    Revoked,
}

/// A way into a household, seen by those with `INVITE`. What opens it, its token and code, was shown once, to who
/// made it.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Invitation {
    /// Its global id: pass it to `revokeInvitation`. It opens nothing.
    pub(crate) id: ID,
    /// What those who accept it become.
    role: Role,
    /// When it was made.
    created_at: DateTime,
    /// Until when it can be accepted.
    expires_at: DateTime,
    /// How many people may accept it.
    max_uses: i32,
    /// How many have.
    uses: i32,
    /// When it was revoked; null if it was not.
    revoked_at: Option<DateTime>,
    /// The only e-mail address that may accept it, in lower case; null if anybody may.
    email: Option<String>,
    /// Whether it can be accepted now.
    status: InvitationStatus,
    /// Counts its changes, from 1.
    version: i32,
    #[graphql(skip)]
    row: invitation::Invitation,
}

// Its lists go the ordinary way.
impl Row for Invitation {}

impl From<invitation::Invitation> for Invitation {
    fn from(row: invitation::Invitation) -> Self {
        Self {
            id: GlobalId::Invitation(row.household_id, row.id).to_id(),
            role: row.role.into(),
            created_at: DateTime(row.created_at),
            expires_at: DateTime(row.expires_at),
            max_uses: row.max_uses,
            uses: row.uses,
            revoked_at: row.revoked_at.map(DateTime),
            email: row.email.clone(),
            status: row.status(Time::now()).into(),
            version: row.version,
            row,
        }
    }
}

#[ComplexObject]
impl Invitation {
    /// Who made it.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Member> {
        let found = ctx.scope()?.loaders().members.load(self.row.created_by).await?;
        found.map(Member::from).ok_or_else(Error::not_found)
    }
}

impl Invitation {
    /// Its place in the list of invitations.
    pub(crate) fn place(&self) -> Cursor {
        Cursor::Item(self.row.id.into())
    }
}

/// What an invitation leads to, for somebody who holds it and has not accepted it yet.
#[derive(Debug, SimpleObject)]
pub(crate) struct InvitationPreview {
    /// What the household is called.
    household_name: String,
    /// What the member who made it is called.
    inviter_name: String,
    /// Until when it can be accepted.
    expires_at: DateTime,
}

impl From<invitation::Preview> for InvitationPreview {
    fn from(preview: invitation::Preview) -> Self {
        let invitation::Preview { household_name, inviter_name, expires_at } = preview;
        Self { household_name, inviter_name, expires_at: DateTime(expires_at) }
    }
}

/// What of an invitation somebody shows: exactly one.
fn secret<'a>(token: Option<&'a str>, code: Option<&'a str>) -> Result<Secret<'a>> {
    match (token, code) {
        (Some(token), None) => Ok(Secret::Token(token)),
        (None, Some(code)) => Ok(Secret::Code(code)),
        _ => Err(Error::bad_input("give `token` or `code`, exactly one of them")),
    }
}

/// The invitation with this id, if the viewer may invite to its household.
pub(crate) async fn find(ctx: &Context<'_>, household: HouseholdId, id: InvitationId) -> Result<Invitation> {
    let scope = ctx.scope()?;
    let viewer = scope.viewer()?.user_id;
    let found = invitation::seen_by(&mut *scope.connection().await?, viewer, &[id]).await?;
    let found = found.into_iter().find(|row| row.household_id == household);
    found.map(Invitation::from).ok_or_else(Error::not_found)
}

#[derive(Default)]
pub(crate) struct InvitationQuery;

#[Object]
impl InvitationQuery {
    /// What an invitation leads to, before you accept it; no sign-in needed. Null, with `BAD_USER_INPUT` and a
    /// sentence to show, if it cannot be accepted. Who holds only the code is not told why. At most 10 codes an
    /// hour, shared with `acceptInvitation` by who is signed in: beyond that `RATE_LIMITED` with `retryAfter`.
    async fn invitation_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token out of the link, `rm8_i_…`. Exactly one of `token` and `code`.")]
        token: Option<String>,
        #[graphql(desc = "The code, 10 characters; case, spaces and dashes do not matter.")] code: Option<
            String,
        >,
    ) -> Nullable<InvitationPreview> {
        nullable(async {
            let secret = secret(token.as_deref(), code.as_deref())?;
            let scope = ctx.scope()?;
            let caller = scope.caller()?;
            let guest = match &caller.viewer {
                Some(viewer) => Guest::User(viewer.user_id),
                None => Guest::Place(caller.address),
            };
            scope.release_connection().await;
            Ok(invitation::preview(scope.database(), guest, secret).await?.into())
        })
        .await
    }
}
