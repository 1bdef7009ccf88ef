//! Runs an operation: in a task of its own, with a deadline, with its panics kept to itself.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::{ServerError, Value};
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{Instrument, Span, debug, error, info_span, warn};

use super::answer::{self, Rendered};
use super::answers;
use super::error;
use super::gate::{Kind, Operation};
use super::stats::{Gauge, Held, Outcome};
use super::{Context, Credentials, Events, Service, panics};

/// An operation that takes longer than this is worth a line in the log.
const SLOW: Duration = Duration::from_secs(1);
/// Of an operation's name in the log, in characters: it is the client's to choose.
const NAME_SHOWN: usize = 64;

/// Who asks.
pub(crate) enum Identity<Caller> {
    /// Somebody who has been authenticated before.
    Proven(Caller),
    /// Somebody to authenticate now.
    Claimed(Credentials),
}

/// Answers a query or a mutation. Dropping the future leaves the operation running: the database is not torn out
/// of a transaction because a client went away.
pub(crate) async fn run<S: Service>(
    context: &Arc<Context<S>>,
    identity: Identity<S::Caller>,
    operation: Operation,
    request_id: &str,
) -> Result<Rendered, Vec<ServerError>> {
    let Operation { mut request, kind, name, cost, introspects } = operation;
    let span = span(kind, name.as_deref(), request_id);
    let slot = slot(context, kind)?;
    let tells_cost = request.extensions.get("cost") == Some(&Value::Boolean(true));
    let (own, own_id) = (Arc::clone(context), request_id.to_owned());
    let work = async move {
        let _slot = slot;
        let caller = match identity {
            Identity::Proven(caller) => caller,
            Identity::Claimed(credentials) => {
                own.service.authenticate(credentials).await.map_err(|error| vec![error])?
            }
        };
        if introspects {
            let refused = |reason| vec![error::error(error::INTROSPECTION_OFF, reason)];
            own.service.may_introspect(&caller).map_err(refused)?;
        }
        let account = own.service.payer(&caller, kind);
        let charge = own.budget.charge(&account, cost.total).await.map_err(|error| vec![error])?;
        // What is told of the cost is the caller's own.
        if kind == Kind::Query
            && !tells_cost
            && let Some(mut answer) = answers::answer(&own, &caller, &mut request, &cost).await
        {
            if let Some(charge) = charge {
                own.budget.refund(&account, charge.cost - answer.cost);
                charge.add_headers(&mut answer.rendered.headers);
            }
            return Ok(answer.rendered);
        }
        let mut response = panics::execute(&own, kind, caller, request, charge).await;
        if let Some(charge) = charge {
            // What failed was work too, and nobody knows how much.
            let actual = if response.errors.is_empty() { cost.actual(&response.data) } else { charge.cost };
            own.budget.refund(&account, charge.cost - actual);
            charge.add_headers(&mut response.http_headers);
            if tells_cost {
                response.extensions.insert("cost".into(), charge.told(Some(actual)));
            }
        }
        answer::render(response, &own_id, own.settings.response_bytes)
    };
    let started = Instant::now();
    let answer = settle(context, work, &span, request_id).await;
    let answer = answer.map_err(|errors| answer::refused(errors, request_id));
    span.in_scope(|| note(context, kind, &answer, started.elapsed()));
    answer
}

/// Opens a subscription.
pub(crate) async fn open<S: Service>(
    context: &Arc<Context<S>>,
    caller: S::Caller,
    operation: Operation,
    request_id: &str,
) -> Result<Events, Vec<ServerError>> {
    let Operation { request, kind, name, cost, .. } = operation;
    let span = span(kind, name.as_deref(), request_id);
    let slot = slot(context, kind)?;
    let own = Arc::clone(context);
    let work = async move {
        let _slot = slot;
        let account = own.service.payer(&caller, kind);
        own.budget.charge(&account, cost.total).await.map_err(|error| vec![error])?;
        let opening: BoxFuture<'_, _> = Box::pin(own.service.subscribe(caller, request));
        opening.await
    };
    let started = Instant::now();
    let opened = settle(context, work, &span, request_id).await;
    context.stats.took(kind, started.elapsed());
    let outcome = if opened.is_ok() { Outcome::Complete } else { Outcome::Refused };
    context.stats.operation(kind, outcome);
    opened.map_err(|errors| answer::refused(errors, request_id))
}

/// Authenticates, with the same care.
pub(crate) async fn authenticate<S: Service>(
    context: &Context<S>,
    credentials: Credentials,
    request_id: &str,
) -> Result<S::Caller, ServerError> {
    let service = context.service.clone();
    let work = async move { service.authenticate(credentials).await.map_err(|error| vec![error]) };
    let span = info_span!("authenticate", request_id);
    let proven = settle(context, work, &span, request_id).await;
    let mut errors = match proven {
        Ok(caller) => return Ok(caller),
        Err(errors) => answer::refused(errors, request_id),
    };
    Err(errors.pop().unwrap_or_else(|| answer::internal(request_id)))
}

/// Room for one more operation, which it keeps to its end, longer than its client may wait. Too many at once would
/// all be slow; a refusal is quick, and its client can go to another instance.
fn slot<S: Service>(context: &Context<S>, kind: Kind) -> Result<Held, Vec<ServerError>> {
    context.stats.hold_up_to(Gauge::Operations, context.settings.operations).ok_or_else(|| {
        context.stats.operation_shed();
        context.stats.operation(kind, Outcome::Refused);
        vec![error::later("the server has as many operations under way as it can; try again", 1)]
    })
}

fn span(kind: Kind, name: Option<&str>, request_id: &str) -> Span {
    let name: String = name.unwrap_or_default().chars().take(NAME_SHOWN).collect();
    info_span!("operation", kind = kind.name(), name, request_id)
}

/// Waits for work in its own task.
async fn settle<S: Service, T: Send + 'static>(
    context: &Context<S>,
    work: impl Future<Output = Result<T, Vec<ServerError>>> + Send + 'static,
    span: &Span,
    request_id: &str,
) -> Result<T, Vec<ServerError>> {
    let end = context.settings.operation_end;
    let task: JoinHandle<_> = tokio::spawn(timeout(end, work).instrument(span.clone()));
    match timeout(context.settings.operation_deadline, task).await {
        Ok(Ok(Ok(settled))) => settled,
        Ok(Ok(Err(_))) | Err(_) => {
            span.in_scope(|| warn!("an operation passed its deadline"));
            let message =
                "the operation took too long and was given up; what it changes may still take effect";
            Err(vec![error::error(error::DEADLINE_EXCEEDED, message)])
        }
        Ok(Err(fault)) => {
            context.stats.panic();
            span.in_scope(|| error!(%fault, "an operation panicked"));
            Err(vec![answer::internal(request_id)])
        }
    }
}

fn note<S: Service>(
    context: &Context<S>,
    kind: Kind,
    answer: &Result<Rendered, Vec<ServerError>>,
    elapsed: Duration,
) {
    let outcome = match answer {
        Ok(rendered) if rendered.is_partial => Outcome::Partial,
        Ok(_) => Outcome::Complete,
        Err(_) => Outcome::Refused,
    };
    context.stats.operation(kind, outcome);
    context.stats.took(kind, elapsed);
    let milliseconds = elapsed.as_millis();
    if elapsed > SLOW {
        warn!(?outcome, milliseconds, "a slow operation");
    } else {
        debug!(?outcome, milliseconds, "an operation");
    }
}
