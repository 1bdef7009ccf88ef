//! GraphQL over HTTP: one URL, GET for queries and POST for queries and mutations, JSON in and out. Whoever
//! prefers a [`stream`] is answered by one, whatever the kind of operation; a subscription is by nothing else.
//!
//! Which statuses answers have, [`StatusProfile`] says.

mod batch;
mod cors;
mod credentials;
mod media;
mod read;
mod reply;
mod status;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use http::header::{HeaderMap, UPGRADE};
use http::{HeaderValue, Method};

use super::answers::Answers;
use super::budget::Budget;
use super::documents::Documents;
use super::error::{METHOD_NOT_ALLOWED, SUBSCRIPTION_NEEDS_SOCKET};
use super::gate::{Kind, Operation};
use super::operation::{self, Identity};
use super::places::Places;
use super::plan::Planner;
use super::{Context, Service, Settings, Shutdown, Stats, websocket};
pub(super) use cors::check as check_origin;
pub(super) use credentials::bearer;
pub(crate) use credentials::credentials;
use media::{Accepted, Media};
use read::Asked;
pub(crate) use reply::Refused;
pub use status::StatusProfile;

/// The routes of the protocol layer: `/graphql` for both HTTP and WebSocket.
///
/// Fails if the service's schema is none, or a document that is to be trusted does not fit it.
pub fn router<S: Service>(
    service: S,
    settings: Settings,
    stats: Arc<Stats>,
    shutdown: Shutdown,
) -> anyhow::Result<Router> {
    let planner = Planner::new(&service.sdl(), settings.limits.clone())?;
    let documents = Documents::new(&settings, &planner)?;
    let accounts = Places::new(settings.connections_per_account);
    let budget = Budget::new(&settings, Arc::clone(&stats));
    let answers = Answers::new(settings.answer_bytes);
    let context =
        Context { service, planner, settings, stats, shutdown, documents, answers, accounts, budget };
    Ok(Router::new().route("/graphql", any(answer::<S>)).with_state(Arc::new(context)))
}

async fn answer<S: Service>(State(context): State<Arc<Context<S>>>, request: Request) -> Response {
    let request_id = request_id(request.headers());
    let origin = cors::allowed(request.headers(), &context.settings.origins);
    let mut response = if request.method() == Method::OPTIONS {
        cors::preflight(request.headers(), origin.is_some())
    } else if is_upgrade(request.headers()) {
        websocket::upgrade(&context, request, &request_id).await
    } else {
        let accepted = Accepted::by(request.headers());
        let profile = context.settings.status_profile;
        match accepted.media() {
            Some(media) => match operate(&context, request, &accepted, media, &request_id).await {
                Ok(response) => response,
                Err(refused) => refused.into_response(media, profile),
            },
            None => Refused::not_acceptable().into_response(Media::Json, profile),
        }
    };
    reply::finish(response.headers_mut(), &request_id, origin);
    response
}

async fn operate<S: Service>(
    context: &Arc<Context<S>>,
    request: Request,
    accepted: &Accepted,
    media: Media,
    request_id: &str,
) -> Result<Response, Refused> {
    let method = request.method().clone();
    let credentials = credentials(&request, context.settings.trusted_proxies);
    let origin = cors::check(request.headers(), &context.settings.origins);
    let get = (method == Method::GET).then(|| request.headers().clone());
    let parameters = match read::asked(request, &context.settings).await? {
        Asked::One(parameters) => parameters,
        // A batch is one array, and no stream.
        Asked::Batch(_) if matches!(media, Media::Stream(_)) => return Err(Refused::not_acceptable()),
        Asked::Batch(batch) => return batch::answer(context, batch, credentials, media, request_id).await,
    };
    // A GET by a document's name has a URL that a cache can hold.
    let cached = get.filter(|_| parameters.query.is_empty());
    let operation = context.admit(parameters).await?;
    let media = suitable(&operation, &method, accepted, media)?;
    // Only now: whoever sends nonsense costs no look at the sessions.
    let credentials = credentials?;
    if let Media::Stream(format) = media {
        origin?;
        return stream::open(context, credentials, operation, format, request_id).await;
    }
    let identity = Identity::Claimed(credentials);
    let rendered = operation::run(context, identity, operation, request_id).await?;
    let status = context.settings.status_profile.data(rendered.is_partial, media);
    Ok(match cached {
        Some(headers) if !rendered.is_partial => reply::cached(rendered, media, &headers),
        _ => reply::data(rendered, media, status),
    })
}

/// How to answer this operation. A page of anywhere can make a browser send a GET: so it may ask, and never change.
fn suitable(
    operation: &Operation,
    method: &Method,
    accepted: &Accepted,
    media: Media,
) -> Result<Media, Refused> {
    match operation.kind {
        Kind::Query => Ok(media),
        Kind::Mutation if method == Method::POST => Ok(media),
        Kind::Mutation => {
            Err(Refused::new(METHOD_NOT_ALLOWED, "mutations are sent by POST").allowing("POST"))
        }
        Kind::Subscription => accepted.stream().map(Media::Stream).ok_or_else(|| {
            let message = "subscriptions are opened at this URL over WebSocket (subprotocol graphql-transport-ws) or \
                           with Accept: text/event-stream or multipart/mixed;subscriptionSpec=1.0";
            Refused::new(SUBSCRIPTION_NEEDS_SOCKET, message)
        }),
    }
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// The id that follows a request through logs and answers: the client's, if it is one that may stand in a log.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(reply::REQUEST_ID).and_then(|value| value.to_str().ok());
    let is_plain = |id: &&str| {
        (1..=128).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    match given.filter(is_plain) {
        Some(id) => id.to_owned(),
        None => uuid::Uuid::now_v7().simple().to_string(),
    }
}

/// The answer to a request of another kind that is refused, such as a handshake.
pub(crate) fn refuse(refused: Refused) -> Response {
    refused.into_response(Media::Json, StatusProfile::Audit)
}

fn header(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or_else(|_| HeaderValue::from_static(""))
}
