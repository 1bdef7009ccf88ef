//! Where you are told besides mail: browsers that take web push, and webhooks.

use super::{Session, Viewer, current_viewer, settled};
use crate::error::{Error, Nullable, Result, nullable, nullable_option};
use crate::id::GlobalId;
use crate::payload::{UserError, UserErrorCode};
use crate::row::Row;
use crate::scalar::DateTime;
use crate::scope::ScopeExt as _;
use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, SimpleObject};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use roomm8_db::notification::endpoint::{self, Browser, Endpoint};
use roomm8_db::notification::preference::Channel;
use roomm8_db::{EndpointId, SessionId};

/// What browsers hand over is without padding; some libraries add it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// By which way an endpoint is told. Expect new values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum NotificationEndpointKind {
    /// By web push (RFC 8030), in a browser on one of your devices.
    WebPush,
    /// By requests to an address of yours.
    Webhook,
}

/// Where you are told what you can do without, besides mail and inbox.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct NotificationEndpoint {
    /// Its global id: pass it to `removeNotificationEndpoint`.
    pub(crate) id: ID,
    /// By which way it is told.
    kind: NotificationEndpointKind,
    /// The address of a webhook; null of a browser, whose address is a secret of its own.
    url: Option<String>,
    /// When it was named.
    created_at: DateTime,
    /// Since when it takes nothing; null while it does. What it does not take is tried again, each time later, for half a day
    /// to a day; and who takes nothing for five days is removed.
    failing_since: Option<DateTime>,
    #[graphql(skip)]
    session: Option<SessionId>,
}

// Its lists go the ordinary way.
impl Row for NotificationEndpoint {}

impl From<Endpoint> for NotificationEndpoint {
    fn from(row: Endpoint) -> Self {
        let is_webhook = row.channel == Channel::Webhook;
        Self {
            id: GlobalId::Endpoint(row.id).to_id(),
            kind: if is_webhook {
                NotificationEndpointKind::Webhook
            } else {
                NotificationEndpointKind::WebPush
            },
            url: Some(row.url).filter(|_| is_webhook),
            created_at: DateTime(row.created_at),
            failing_since: row.failing_since.map(DateTime),
            session: row.session_id,
        }
    }
}

#[ComplexObject]
impl NotificationEndpoint {
    /// The session that the browser is signed in with: it is told nothing after that ends. Null of a webhook.
    async fn session(&self, ctx: &Context<'_>) -> Nullable<Session> {
        nullable_option(async {
            let Some(session) = self.session else { return Ok(None) };
            let scope = ctx.scope()?;
            let viewer = *scope.viewer()?;
            let found = scope.loaders().sessions.load((viewer.user_id, session)).await?;
            Ok(found.map(|row| Session::new(row, viewer.session_id)))
        })
        .await
    }
}

/// The viewer's endpoints.
pub(super) async fn of_viewer(ctx: &Context<'_>) -> Result<Vec<NotificationEndpoint>> {
    let scope = ctx.scope()?;
    let user = scope.viewer()?.user_id;
    let found = endpoint::of_user(&mut *scope.connection().await?, user).await?;
    Ok(found.into_iter().map(NotificationEndpoint::from).collect())
}

/// One of the viewer's endpoints.
pub(crate) async fn find_endpoint(ctx: &Context<'_>, id: EndpointId) -> Result<NotificationEndpoint> {
    let scope = ctx.scope()?;
    let user = scope.viewer()?.user_id;
    let found = endpoint::of_user(&mut *scope.connection().await?, user).await?;
    let found = found.into_iter().find(|endpoint| endpoint.id == id);
    found.map(NotificationEndpoint::from).ok_or_else(Error::not_found)
}

/// A browser, as `PushSubscription.toJSON()` describes it: subscribe with `viewer.webPushKey` as `applicationServerKey`.
#[derive(InputObject)]
pub(crate) struct AddWebPushInput {
    /// The `endpoint` of the subscription: an https address, at most 1,024 characters.
    endpoint: String,
    /// Its `keys.p256dh`, in base64url.
    #[graphql(name = "p256dh")]
    p256dh: String,
    /// Its `keys.auth`, in base64url.
    auth: String,
    /// Given back in the payload. It needs no remembering: to say it twice is the same as once.
    client_mutation_id: Option<String>,
}

/// What came of `addWebPush`.
#[derive(SimpleObject)]
pub(crate) struct AddWebPushPayload {
    /// The browser; null with `userErrors`.
    endpoint: Option<NotificationEndpoint>,
    /// Why nothing changed, as far as you can mend it; empty on success.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

/// An address of yours that is told.
#[derive(InputObject)]
pub(crate) struct AddWebhookInput {
    /// An https address that everybody can reach, at its usual port, at most 1,024 characters. It gets a `POST` with JSON for each notification.
    url: String,
    /// Given back in the payload. It is not remembered: a repeat makes another secret.
    client_mutation_id: Option<String>,
}

/// What came of `addWebhook`.
#[derive(SimpleObject)]
pub(crate) struct AddWebhookPayload {
    /// The webhook; null with `userErrors`.
    endpoint: Option<NotificationEndpoint>,
    /// What signs its requests, as Standard Webhooks has it: `whsec_` and base64. Keep it: it is shown this once. Null with
    /// `userErrors`.
    secret: Option<String>,
    /// Why nothing changed, as far as you can mend it; empty on success.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

/// Which endpoint is told no more.
#[derive(InputObject)]
pub(crate) struct RemoveNotificationEndpointInput {
    /// Its global id.
    endpoint_id: ID,
    /// Given back in the payload. It is not remembered: what is removed is `NOT_FOUND` from then on.
    client_mutation_id: Option<String>,
}

/// What came of `removeNotificationEndpoint`.
#[derive(SimpleObject)]
pub(crate) struct RemoveNotificationEndpointPayload {
    /// The global id of what was removed.
    removed_endpoint_id: ID,
    /// You as you are now.
    viewer: Viewer,
    /// Always empty.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

#[derive(Default)]
pub(crate) struct EndpointMutation;

#[Object]
impl EndpointMutation {
    /// Says that the browser you are signed in with takes web push, so that you are told there while no page of yours is open.
    /// It is told for as long as its session lasts; say it each time that your page begins, as browsers change their addresses.
    ///
    /// What it is told is JSON, encrypted for it (RFC 8291): `title` and `body` to show, `url` to open, `kind` as in
    /// `NotificationKind`, and `id`, the same if it should come twice.
    async fn add_web_push(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The browser's subscription.")] input: AddWebPushInput,
    ) -> Nullable<AddWebPushPayload> {
        nullable(async {
            let scope = ctx.scope()?;
            let viewer = *scope.viewer()?;
            let added = match (BASE64.decode(&input.p256dh), BASE64.decode(&input.auth)) {
                _ if scope.push().key.is_none() => {
                    let message = "is of no use here: this server has no key to push with (`viewer.webPushKey` is null)";
                    Err(UserError::new(UserErrorCode::Invalid, "endpoint", message))
                }
                (Ok(public_key), Ok(secret)) => {
                    scope.release_connection().await;
                    let browser = Browser { url: &input.endpoint, public_key: &public_key, secret: &secret };
                    let reach = scope.push().reach;
                    let (user, session) = (viewer.user_id, viewer.session_id);
                    settled(endpoint::add_browser(scope.database(), user, session, browser, reach).await)?
                }
                (Err(_), _) => Err(no_base64("p256dh")),
                (_, Err(_)) => Err(no_base64("auth")),
            };
            let (endpoint, error) = added.map_or_else(|error| (None, Some(error)), |row| (Some(row), None));
            Ok(AddWebPushPayload {
                endpoint: endpoint.map(NotificationEndpoint::from),
                user_errors: error.into_iter().collect(),
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }

    /// Has an address of yours told what you are told. Each request is a `POST` of the same JSON that browsers get, with the
    /// headers `webhook-id` (the same in every try), `webhook-timestamp` and `webhook-signature` of Standard Webhooks. Any
    /// status from 200 to 299 within 5 seconds takes it; 410 removes the webhook; after anything else it is tried again.
    /// You can have 5.
    async fn add_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which address.")] input: AddWebhookInput,
    ) -> Nullable<AddWebhookPayload> {
        nullable(async {
            let scope = ctx.scope()?;
            let user = scope.viewer()?.user_id;
            scope.release_connection().await;
            let reach = scope.push().reach;
            let added = settled(endpoint::add_webhook(scope.database(), user, &input.url, reach).await)?;
            let (endpoint, error) = added.map_or_else(|error| (None, Some(error)), |row| (Some(row), None));
            let secret = endpoint.as_ref().map(|row| format!("whsec_{}", STANDARD.encode(&row.secret)));
            Ok(AddWebhookPayload {
                endpoint: endpoint.map(NotificationEndpoint::from),
                secret,
                user_errors: error.into_iter().collect(),
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }

    /// Sees to it that a browser or a webhook of yours is told no more. `NOT_FOUND` if you have none such.
    async fn remove_notification_endpoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of yours.")] input: RemoveNotificationEndpointInput,
    ) -> Nullable<RemoveNotificationEndpointPayload> {
        nullable(async {
            let scope = ctx.scope()?;
            let user = scope.viewer()?.user_id;
            let id = GlobalId::endpoint(&input.endpoint_id)?;
            scope.release_connection().await;
            endpoint::remove(scope.database(), user, id).await?;
            Ok(RemoveNotificationEndpointPayload {
                removed_endpoint_id: input.endpoint_id,
                viewer: current_viewer(ctx).await?,
                user_errors: Vec::new(),
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }
}

fn no_base64(field: &str) -> UserError {
    UserError::new(UserErrorCode::Invalid, field, "must be base64url, as the browser's subscription has it")
}
