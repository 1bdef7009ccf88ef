//! What is done before one is signed in: registering, signing in, and getting back in.

use super::{Session, Viewer, settled};
use crate::error::{Nullable, Result, nullable};
use crate::payload::UserError;
use crate::scope::ScopeExt as _;
use async_graphql::{Context, InputObject, Object, SimpleObject};
use roomm8_db::account::{self, Credentials, Registration, SignIn, session};

/// An account to make.
#[derive(InputObject)]
pub(crate) struct RegisterInput {
    /// Where to reach you, and what you sign in with; at most 254 characters. Case and spaces around it do not matter.
    email: String,
    /// At least 15 characters, at most 256 bytes; any but control characters. No well-known, repetitive or sequential password, and
    /// without your name or address. Let people paste it.
    password: String,
    /// What others call you: 1 to 100 characters on one line.
    display_name: String,
    /// The language to mail you in, as a BCP 47 tag: what `navigator.language` says is fine. Mails are in German (`de`) for
    /// every form of it, such as `de-AT`, and else in English.
    locale: Option<String>,
    /// The IANA time zone in which mails tell you times: what `Intl.DateTimeFormat().resolvedOptions().timeZone` says.
    time_zone: Option<String>,
    /// Given back in the payload. It is not remembered: registering again is the same as registering a known address.
    client_mutation_id: Option<String>,
}

/// What came of `register`.
#[derive(SimpleObject)]
pub(crate) struct RegisterPayload {
    /// Whether the input was taken. It says nothing about whether the address had an account: look into its mail.
    accepted: bool,
    /// What to mend in the input; empty when it was accepted.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

/// The token out of a verification mail.
#[derive(InputObject)]
pub(crate) struct VerifyEmailInput {
    /// `rm8_v_…`, within 3 days.
    token: String,
    /// Given back in the payload. It is not remembered: verifying again while the token works is fine.
    client_mutation_id: Option<String>,
}

/// What came of `verifyEmail`.
#[derive(SimpleObject)]
pub(crate) struct VerifyEmailPayload {
    /// Whether the address is verified now.
    accepted: bool,
    /// `TOKEN_INVALID` if the token is wrong or too old; empty when it was accepted.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

/// What to sign in with.
#[derive(InputObject)]
pub(crate) struct LoginInput {
    /// The address you registered with.
    email: String,
    /// Your password.
    password: String,
    /// What to call this device in the list of your sessions, at most 100 characters, for example "Ada's phone". Without
    /// it the User-Agent header is taken.
    device: Option<String>,
    /// Given back in the payload. It is not remembered: signing in again makes another session.
    client_mutation_id: Option<String>,
}

/// What came of `login`.
#[derive(SimpleObject)]
pub(crate) struct LoginPayload {
    /// The new session's token, `rm8_s_…`: send it as `Authorization: Bearer …`, over WebSocket in the payload of
    /// `connection_init` as `{"authorization": "Bearer …"}`. It is shown here and never again; keep it secret. Null when
    /// nothing changed because of `userErrors`.
    token: Option<String>,
    /// The new session. Null when nothing changed because of `userErrors`.
    session: Option<Session>,
    /// You. Null when nothing changed because of `userErrors`.
    viewer: Option<Viewer>,
    /// `WRONG_CREDENTIALS` if address and password do not belong together, known address or not; empty on success.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

/// Whose password to reset.
#[derive(InputObject)]
pub(crate) struct RequestPasswordResetInput {
    /// The address of the account.
    email: String,
    /// Given back in the payload. It is not remembered: asking again mails a new token and voids the one before.
    client_mutation_id: Option<String>,
}

/// What came of `requestPasswordReset`.
#[derive(SimpleObject)]
pub(crate) struct RequestPasswordResetPayload {
    /// Whether the input was taken. It says nothing about whether the address has an account: look into its mail.
    accepted: bool,
    /// What to mend in the input; empty when it was accepted.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

/// A new password for whoever has the token out of a reset mail.
#[derive(InputObject)]
pub(crate) struct ResetPasswordInput {
    /// `rm8_r_…`, within 30 minutes; it works once.
    token: String,
    /// At least 15 characters, at most 256 bytes; the same rules as in `register`.
    new_password: String,
    /// Given back in the payload. It is not remembered: the token works once.
    client_mutation_id: Option<String>,
}

/// What came of `resetPassword`.
#[derive(SimpleObject)]
pub(crate) struct ResetPasswordPayload {
    /// Whether the new password holds now: sign in with it.
    accepted: bool,
    /// `TOKEN_INVALID` if the token is wrong, used, too old or not the newest; what is wrong with the password otherwise,
    /// and then the token still works. Empty when it was accepted.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

#[derive(Default)]
pub(crate) struct SignInMutation;

#[Object]
impl SignInMutation {
    /// Makes an account and mails a token to verify the address. An address that has an account gets a mail that says
    /// so, and the answer is the same. Anybody may do this. At most 30 calls a minute from one place and 5 mails an hour
    /// to one address: beyond that `RATE_LIMITED` with `retryAfter`. `UNAVAILABLE` when too many passwords are being
    /// hashed: try again.
    async fn register(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account to make.")] input: RegisterInput,
    ) -> Nullable<RegisterPayload> {
        nullable(async {
            let RegisterInput { email, password, display_name, locale, time_zone, client_mutation_id } =
                input;
            let scope = ctx.scope()?;
            scope.release_connection().await;
            let registration = Registration {
                email: &email,
                password: &password,
                display_name: &display_name,
                locale: locale.as_deref(),
                time_zone: time_zone.as_deref(),
            };
            let address = scope.caller()?.address;
            let done = settled(account::register(scope.database(), registration, address).await)?;
            Ok(RegisterPayload {
                accepted: done.is_ok(),
                user_errors: done.err().into_iter().collect(),
                client_mutation_id,
            })
        })
        .await
    }

    /// Proves that your address is yours, by the token mailed to it. Anybody who has the token may do this. At most 30
    /// calls a minute from one place: beyond that `RATE_LIMITED` with `retryAfter`.
    async fn verify_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token.")] input: VerifyEmailInput,
    ) -> Nullable<VerifyEmailPayload> {
        nullable(async {
            let scope = ctx.scope()?;
            scope.release_connection().await;
            let address = scope.caller()?.address;
            let done = settled(account::verify_email(scope.database(), &input.token, address).await)?;
            Ok(VerifyEmailPayload {
                accepted: done.is_ok(),
                user_errors: done.err().into_iter().collect(),
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }

    /// Signs you in on a device: makes a session with a token. With more than 20 sessions the one unused for longest
    /// ends. Anybody may do this. At most 5 tries a minute and 20 an hour for one address, and 30 a minute from one
    /// place, right or wrong: beyond that `RATE_LIMITED` with `retryAfter`. `UNAVAILABLE` when too many passwords are being
    /// checked: try again.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to sign in with.")] input: LoginInput,
    ) -> Nullable<LoginPayload> {
        nullable(async {
            let LoginInput { email, password, device, client_mutation_id } = input;
            let scope = ctx.scope()?;
            scope.release_connection().await;
            let caller = scope.caller()?;
            let device = device.as_deref().or(caller.user_agent.as_deref()).unwrap_or_default();
            let credentials = Credentials { email: &email, password: &password, device };
            let login = account::login(scope.database(), credentials, caller.address).await;
            let sign_in = match settled(login)? {
                Ok(sign_in) => sign_in,
                Err(error) => {
                    return Ok(LoginPayload {
                        token: None,
                        session: None,
                        viewer: None,
                        user_errors: vec![error],
                        client_mutation_id,
                    });
                }
            };
            let (token, session, viewer) = begun(ctx, sign_in).await?;
            Ok(LoginPayload {
                token: Some(token),
                session: Some(session),
                viewer: Some(viewer),
                user_errors: Vec::new(),
                client_mutation_id,
            })
        })
        .await
    }

    /// Mails a token to choose a new password with, if the address has an account; the answer is the same if not. Tokens
    /// mailed before stop working. Anybody may do this. At most 30 calls a minute from one place and 5 mails an hour to
    /// one address: beyond that `RATE_LIMITED` with `retryAfter`.
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose password.")] input: RequestPasswordResetInput,
    ) -> Nullable<RequestPasswordResetPayload> {
        nullable(async {
            let scope = ctx.scope()?;
            scope.release_connection().await;
            let address = scope.caller()?.address;
            let done = account::request_password_reset(scope.database(), &input.email, address).await;
            let done = settled(done)?;
            Ok(RequestPasswordResetPayload {
                accepted: done.is_ok(),
                user_errors: done.err().into_iter().collect(),
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }

    /// Sets a new password by the token mailed for it, ends all sessions of the account at once on every device, and
    /// proves the address. Anybody who has the token may do this. At most 30 calls a minute from one place: beyond that
    /// `RATE_LIMITED` with `retryAfter`.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token and the new password.")] input: ResetPasswordInput,
    ) -> Nullable<ResetPasswordPayload> {
        nullable(async {
            let ResetPasswordInput { token, new_password, client_mutation_id } = input;
            let scope = ctx.scope()?;
            scope.release_connection().await;
            let address = scope.caller()?.address;
            let done = account::reset_password(scope.database(), &token, &new_password, address).await;
            let user_errors = match settled(done)? {
                Ok(ended) => {
                    scope.hub().end_sessions(ended);
                    Vec::new()
                }
                Err(error) => vec![error],
            };
            Ok(ResetPasswordPayload { accepted: user_errors.is_empty(), user_errors, client_mutation_id })
        })
        .await
    }
}

/// What a session that began is told as. The rest of the answer is made for its person.
pub(super) async fn begun(ctx: &Context<'_>, sign_in: SignIn) -> Result<(String, Session, Viewer)> {
    let SignIn { token, session, user, ended } = sign_in;
    let scope = ctx.scope()?;
    scope.hub().end_sessions(ended);
    scope
        .sign_in(session::Viewer { user_id: user.id, session_id: session.id, expires_at: session.expires_at })
        .await;
    let current = session.id;
    let viewer = Viewer { row: user, session: current };
    Ok((token.reveal().to_owned(), Session::new(session, current), viewer))
}
