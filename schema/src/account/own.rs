//! What people do about their own account while they are signed in.

use super::sign_in::begun;
use super::{Viewer, current_viewer, settled};
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::UserError;
use crate::scope::ScopeExt as _;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use roomm8_db::Error as DbError;
use roomm8_db::account::{self, Update, session};

/// Signing out needs no particulars.
#[derive(InputObject)]
pub(crate) struct LogoutInput {
    /// Given back in the payload. It is not remembered: who signed out is `UNAUTHENTICATED` from then on.
    client_mutation_id: Option<String>,
}

/// What came of `logout`.
#[derive(SimpleObject)]
pub(crate) struct LogoutPayload {
    /// Always true: the session has ended.
    logged_out: bool,
    /// Always empty.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

/// What to change of your profile; leave out, or give null for, what stays as it is.
#[derive(InputObject)]
pub(crate) struct UpdateProfileInput {
    /// What others call you: 1 to 100 characters on one line; spaces around it are cut.
    display_name: Option<String>,
    /// Whether others always see you as offline. While they do, you see nobody's presence.
    appears_offline: Option<bool>,
    /// Whether others see what you have read. While they do not, you do not see what others have.
    sends_read_receipts: Option<bool>,
    /// The language to mail you in, as a BCP 47 tag: what `navigator.language` says is fine. Mails are in German (`de`) for
    /// every form of it, such as `de-AT`, and else in English.
    locale: Option<String>,
    /// The IANA time zone in which mails tell you times: what `Intl.DateTimeFormat().resolvedOptions().timeZone` says.
    time_zone: Option<String>,
    /// The `User.version` you have seen: if your profile changed since, the answer is `CONFLICT` with it as it is now.
    expected_version: Option<i32>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days changes nothing more.
    client_mutation_id: Option<String>,
}

/// What came of `updateProfile`.
#[derive(SimpleObject)]
pub(crate) struct UpdateProfilePayload {
    /// You as you are now, with a `CONFLICT` too; null with other `userErrors`.
    viewer: Option<Viewer>,
    /// Why nothing changed, as far as you can mend it; empty on success.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

/// A new password, and the old one to prove that it is you.
#[derive(InputObject)]
pub(crate) struct ChangePasswordInput {
    /// Your password until now.
    current_password: String,
    /// At least 15 characters, at most 256 bytes; the same rules as in `register`.
    new_password: String,
    /// Given back in the payload. It is not remembered: the answer has a secret that is not kept. If it was lost, sign in
    /// with the new password.
    client_mutation_id: Option<String>,
}

/// What came of `changePassword`.
#[derive(SimpleObject)]
pub(crate) struct ChangePasswordPayload {
    /// The token of the session that takes the place of yours, `rm8_s_…`: the one you asked with no longer works. It is
    /// shown here and never again. Null when nothing changed because of `userErrors`.
    token: Option<String>,
    /// You. Null when nothing changed because of `userErrors`.
    viewer: Option<Viewer>,
    /// `WRONG_CREDENTIALS` at `currentPassword`, or what is wrong with the new one; empty on success.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

/// The session to end.
#[derive(InputObject)]
pub(crate) struct RevokeSessionInput {
    /// One of your own, also the current one.
    session_id: ID,
    /// Given back in the payload. It needs no remembering: ending a session twice is the same as once.
    client_mutation_id: Option<String>,
}

/// What came of `revokeSession`.
#[derive(SimpleObject)]
pub(crate) struct RevokeSessionPayload {
    /// The session that has ended.
    revoked_session_id: ID,
    /// Always empty.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

/// Ending the others needs no particulars.
#[derive(InputObject)]
pub(crate) struct RevokeOtherSessionsInput {
    /// Given back in the payload. It is not remembered: a repeat finds no others to end.
    client_mutation_id: Option<String>,
}

/// What came of `revokeOtherSessions`.
#[derive(SimpleObject)]
pub(crate) struct RevokeOtherSessionsPayload {
    /// How many sessions ended by it.
    revoked_count: usize,
    /// Always empty.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

#[derive(Default)]
pub(crate) struct OwnMutation;

#[Object]
impl OwnMutation {
    /// Signs you out on this device: its token stops working, and its sockets close with 4401, on every instance.
    async fn logout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Nothing in particular.")] input: LogoutInput,
    ) -> Nullable<LogoutPayload> {
        nullable(async {
            let scope = ctx.scope()?;
            let viewer = *scope.viewer()?;
            scope.release_connection().await;
            session::revoke(scope.database(), viewer.user_id, viewer.session_id).await?;
            scope.hub().end_sessions(vec![viewer.session_id]);
            Ok(LogoutPayload {
                logged_out: true,
                user_errors: Vec::new(),
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }

    /// Changes your profile. Others see a new name at once, on old messages too.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateProfileInput,
    ) -> Nullable<UpdateProfilePayload> {
        nullable(async {
            let UpdateProfileInput {
                display_name,
                appears_offline,
                sends_read_receipts,
                locale,
                time_zone,
                expected_version,
                ..
            } = input;
            let scope = ctx.scope()?;
            let viewer = *scope.viewer()?;
            scope.release_connection().await;
            let update = Update {
                display_name,
                appears_offline,
                sends_read_receipts,
                locale,
                time_zone,
                expected_version,
            };
            let id = input.client_mutation_id.as_deref();
            let (viewer, error) = match account::update_profile(scope.database(), viewer.user_id, &update, id)
                .await
            {
                Ok(row) => (Some(Viewer { row, session: viewer.session_id }), None),
                Err(DbError::Conflict(_)) => (Some(current_viewer(ctx).await?), Some(UserError::conflict())),
                Err(error) => (None, settled::<()>(Err(error))?.err()),
            };
            Ok(UpdateProfilePayload {
                viewer,
                user_errors: error.into_iter().collect(),
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }

    /// Changes your password. All your sessions end at once on every device, this one too, and their sockets close with
    /// 4401; go on with the token in the answer. You are told by mail. At most 5 tries a minute and 20 an hour, shared
    /// with `login`: beyond that `RATE_LIMITED` with `retryAfter`. `UNAVAILABLE` when too many passwords are being
    /// checked: try again.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The old and the new password.")] input: ChangePasswordInput,
    ) -> Nullable<ChangePasswordPayload> {
        nullable(async {
            let ChangePasswordInput { current_password, new_password, client_mutation_id } = input;
            let scope = ctx.scope()?;
            let viewer = *scope.viewer()?;
            scope.release_connection().await;
            let changed =
                account::change_password(scope.database(), viewer, &current_password, &new_password).await;
            Ok(match settled(changed)? {
                Ok(sign_in) => {
                    let (token, _, viewer) = begun(ctx, sign_in).await?;
                    ChangePasswordPayload {
                        token: Some(token),
                        viewer: Some(viewer),
                        user_errors: Vec::new(),
                        client_mutation_id,
                    }
                }
                Err(error) => ChangePasswordPayload {
                    token: None,
                    viewer: None,
                    user_errors: vec![error],
                    client_mutation_id,
                },
            })
        })
        .await
    }

    /// Signs you out on one of your devices: its token stops working, and its sockets close with 4401, on every instance.
    /// `NOT_FOUND` if the session was never yours.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session to end.")] input: RevokeSessionInput,
    ) -> Nullable<RevokeSessionPayload> {
        nullable(async {
            let scope = ctx.scope()?;
            let viewer = *scope.viewer()?;
            let session = GlobalId::session(&input.session_id)?;
            scope.release_connection().await;
            session::revoke(scope.database(), viewer.user_id, session).await?;
            scope.hub().end_sessions(vec![session]);
            Ok(RevokeSessionPayload {
                revoked_session_id: input.session_id,
                user_errors: Vec::new(),
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }

    /// Signs you out on all your devices but this one.
    async fn revoke_other_sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Nothing in particular.")] input: RevokeOtherSessionsInput,
    ) -> Nullable<RevokeOtherSessionsPayload> {
        nullable(async {
            let scope = ctx.scope()?;
            let viewer = *scope.viewer()?;
            scope.release_connection().await;
            let ended = session::revoke_others(scope.database(), viewer.user_id, viewer.session_id).await?;
            let revoked_count = ended.len();
            scope.hub().end_sessions(ended);
            Ok(RevokeOtherSessionsPayload {
                revoked_count,
                user_errors: Vec::new(),
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }
}
