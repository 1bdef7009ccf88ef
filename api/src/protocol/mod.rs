//! The protocol layer: GraphQL over HTTP, server-sent events, multipart and WebSocket, in front of any [`Service`].
//!
//! It knows what a request, an operation and a socket are, and nothing of what they are about. An operation comes in
//! by [`http`] or [`websocket`], gets its text from [`documents`], passes the [`gate`], becomes a [`plan`], is run by the
//! service and goes out through [`answer`]. [`listener`] owns the connections under both.

#![allow(clippy::result_large_err, reason = "a ServerError has that size, and is the error of all of this")]

pub mod answer;
pub mod answers;
pub mod budget;
pub mod documents;
pub mod error;
pub(crate) mod etag;
pub mod gate;
mod http;
pub mod limits;
pub mod listener;
mod operation;
pub mod panics;
mod parameters;
mod places;
pub mod plan;
mod running;
mod settings;
mod shutdown;
mod stats;
pub mod websocket;

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use async_graphql::{Request, Response, ServerError};
use bytes::Bytes;
use futures_util::stream::BoxStream;

use answers::{Answers, View};
use budget::Budget;
pub use budget::Charge;
use documents::Documents;
use gate::{Kind, Operation};
pub(crate) use http::{Refused, credentials, refuse};
pub use http::{StatusProfile, router};
pub use limits::Limits;
pub use parameters::Parameters;
use places::Places;
pub use plan::Cost;
use plan::Planner;
pub use settings::{Persisted, Settings, Shared, Sockets};
pub use shutdown::Shutdown;
pub use stats::{Latency, Sample, Stats};
pub use websocket::close_codes_as_markdown;

/// What answers the operations that this layer lets through.
///
/// A request that reaches it is within [`Limits`], valid, and already parsed: `request.parsed_query()` costs nothing,
/// and has the fields collected and the variables in their places. So its schema need not validate again
/// ([`async_graphql::ValidationMode::Fast`]). An
/// error needs `extensions.code`; one that has none is logged and shown to the client as `INTERNAL`.
pub trait Service: Clone + Send + Sync + 'static {
    /// A proven identity, or the proof that there is none.
    type Caller: Clone + Send + Sync + 'static;
    /// What the answer to a query can be about, as a whole.
    type Subject: Clone + Send + Sync + 'static;
    /// How a caller sees that. A service that keeps no answers has [`answers::NoView`].
    type View: View;

    /// The schema, in the schema definition language. Asked for once.
    fn sdl(&self) -> String;

    /// Says who sends these credentials. No token at all is for the service to allow or refuse.
    fn authenticate(
        &self,
        credentials: Credentials,
    ) -> impl Future<Output = Result<Self::Caller, ServerError>> + Send;

    /// Whose this caller's connections are: the same text for every session of one person, and no secret. Who is
    /// nobody yet is best known by their address.
    fn account(&self, caller: &Self::Caller) -> String;

    /// From whose budget an operation of this kind is paid. By default it is the account's.
    fn payer(&self, caller: &Self::Caller, kind: Kind) -> String {
        let _ = kind;
        self.account(caller)
    }

    /// Whether this caller may ask for the schema (`__schema`, `__type`). `Err` is the sentence that says no, and where
    /// the schema can be had.
    fn may_introspect(&self, caller: &Self::Caller) -> Result<(), &'static str> {
        let _ = caller;
        Ok(())
    }

    /// Answers a query or a mutation, for which this was paid, if anything is. Runs in a task of its own: a client that
    /// goes away does not stop it.
    fn execute(
        &self,
        caller: Self::Caller,
        request: Request,
        charge: Option<Charge>,
    ) -> impl Future<Output = Response> + Send;

    /// Answers once more a query in which something panicked, by a schema with a [`panics::PanicGuard`], so that a field
    /// is all that fails. `None` is a service that has no such schema: the operation then fails as a whole.
    fn execute_guarded(
        &self,
        caller: Self::Caller,
        request: Request,
        charge: Option<Charge>,
    ) -> impl Future<Output = Option<Response>> + Send {
        drop((caller, request, charge));
        std::future::ready(None)
    }

    /// What the answer to this query is about, if it is the same for all who see that alike, for as long as they do.
    /// Nothing but the request says so, and nothing is waited for.
    fn subject(&self, request: &mut Request) -> Option<Self::Subject> {
        let _ = request;
        None
    }

    /// How this caller sees the subject now; `None` if they may not, or it cannot be said.
    fn view(
        &self,
        caller: &Self::Caller,
        subject: &Self::Subject,
    ) -> impl Future<Output = Option<Self::View>> + Send {
        let _ = (caller, subject);
        std::future::ready(None)
    }

    /// Answers a query for all who have this view. `None` if it turns out to depend on more: it is then always executed for
    /// its caller alone.
    fn execute_view(
        &self,
        view: Self::View,
        request: Request,
    ) -> impl Future<Output = Option<Response>> + Send {
        drop((view, request));
        std::future::ready(None)
    }

    /// Opens a subscription. `Err` refuses it; nothing of it has been sent by then.
    fn subscribe(
        &self,
        caller: Self::Caller,
        request: Request,
    ) -> impl Future<Output = Result<Events, Vec<ServerError>>> + Send;

    /// Resolves when the caller's session is over (revoked, expired). For somebody anonymous it never does.
    fn ended(&self, caller: &Self::Caller) -> impl Future<Output = ()> + Send + 'static;
}

/// What a subscription delivers. Each item is one whole GraphQL response, `{"data":…}`, rendered once (by
/// [`answer::render`]) and shared between clients. An `Err` ends the operation with its error; with the code
/// [`error::SLOW_CONSUMER`], for a stream that overflowed because its reader did not keep up, it also closes a
/// socket (4413).
///
/// The stream is polled only while its client can be written to: what waits meanwhile is the stream's to bound.
pub type Events = BoxStream<'static, Result<Bytes, ServerError>>;

/// What a client says about itself.
#[derive(Clone)]
pub struct Credentials {
    /// The bearer token (RFC 6750), without its scheme.
    pub token: Option<String>,
    /// Where the client connects from, seen through as many proxies as are trusted.
    pub client_address: IpAddr,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("has_token", &self.token.is_some())
            .field("client_address", &self.client_address)
            .field("user_agent", &self.user_agent)
            .finish()
    }
}

/// What every request of one router shares.
struct Context<S: Service> {
    service: S,
    planner: Planner,
    settings: Settings,
    stats: Arc<Stats>,
    shutdown: Shutdown,
    documents: Documents,
    answers: Answers<S::Subject, S::View>,
    /// Sockets, and streams over HTTP, of each account.
    accounts: Arc<Places<Box<str>>>,
    budget: Budget,
}

impl<S: Service> Context<S> {
    /// Lets a request in, on every transport alike.
    async fn admit(&self, mut parameters: Parameters) -> Result<Operation, Vec<ServerError>> {
        if let Some(fetching) = self.documents.fetch(&parameters) {
            fetching.await;
        }
        let found = self.documents.find(&mut parameters, &self.stats).map_err(|error| vec![error])?;
        let operation = self.planner.admit(parameters).map_err(|refusal| {
            self.stats.refusal(refusal.rule);
            refusal.errors
        })?;
        self.documents.note(&found, &operation, &self.stats);
        Ok(operation)
    }
}
