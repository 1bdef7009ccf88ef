//! An operation under way, whatever it came in by, and what it has to say.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};

use async_graphql::ServerError;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::StreamExt;

use super::error::SLOW_CONSUMER;
use super::gate::{Kind, Operation};
use super::operation::{self, Identity};
use super::stats::{Gauge, Held, Stats};
use super::{Context, Events, Service, answer};

/// What an operation says.
pub(super) enum Said {
    /// A response.
    Next(Bytes),
    /// Its last: there is no more.
    Complete,
    /// Its last: it was refused, or broke off.
    Failed(Vec<ServerError>),
    /// Its last: its events overflowed, as the client did not take them.
    Overflow,
}

/// An operation under way. It is boxed only where it waits, so that a quiet subscription is its events and no more.
pub(super) struct Running {
    request_id: Box<str>,
    stage: Stage,
    stats: Arc<Stats>,
}

enum Stage {
    /// A query or a mutation, before its answer.
    Executing(BoxFuture<'static, Result<Bytes, Vec<ServerError>>>),
    /// A subscription, before its stream.
    Opening(BoxFuture<'static, Result<Events, Vec<ServerError>>>),
    Streaming(Events, #[expect(dead_code, reason = "counts by being there")] Held),
    Completing,
}

impl Running {
    pub(super) fn start<S: Service>(
        context: &Arc<Context<S>>,
        caller: S::Caller,
        operation: Operation,
        request_id: String,
    ) -> Self {
        let (stats, own) = (Arc::clone(&context.stats), request_id.clone().into_boxed_str());
        let context = Arc::clone(context);
        let stage = match operation.kind {
            Kind::Subscription => Stage::Opening(Box::pin(async move {
                operation::open(&context, caller, operation, &request_id).await
            })),
            Kind::Query | Kind::Mutation => Stage::Executing(Box::pin(async move {
                let identity = Identity::Proven(caller);
                let rendered = operation::run(&context, identity, operation, &request_id).await?;
                Ok(rendered.body)
            })),
        };
        Self { request_id: own, stage, stats }
    }

    /// What it says next. It must not be polled after its last.
    pub(super) fn poll(&mut self, task: &mut Task<'_>) -> Poll<Said> {
        // The operations of a socket share its task: without this, one that panics would take the others with it.
        catch_unwind(AssertUnwindSafe(|| self.advance(task))).unwrap_or_else(|_| {
            self.stats.panic();
            tracing::error!(request_id = %self.request_id, "a subscription panicked");
            Poll::Ready(Said::Failed(vec![answer::internal(&self.request_id)]))
        })
    }

    fn advance(&mut self, task: &mut Task<'_>) -> Poll<Said> {
        loop {
            match &mut self.stage {
                Stage::Executing(answer) => {
                    let answer = ready!(answer.as_mut().poll(task));
                    self.stage = Stage::Completing;
                    return Poll::Ready(answer.map_or_else(failed, Said::Next));
                }
                Stage::Opening(opening) => match ready!(opening.as_mut().poll(task)) {
                    Ok(events) => {
                        self.stage = Stage::Streaming(events, self.stats.hold(Gauge::Subscriptions));
                    }
                    Err(errors) => return Poll::Ready(failed(errors)),
                },
                Stage::Streaming(events, _) => {
                    return Poll::Ready(match ready!(events.poll_next_unpin(task)) {
                        Some(Ok(body)) => Said::Next(body),
                        Some(Err(error)) => failed(answer::refused(vec![error], &self.request_id)),
                        None => Said::Complete,
                    });
                }
                Stage::Completing => return Poll::Ready(Said::Complete),
            }
        }
    }
}

fn failed(errors: Vec<ServerError>) -> Said {
    if errors.iter().any(|error| SLOW_CONSUMER.is_of(error)) {
        return Said::Overflow;
    }
    Said::Failed(errors)
}
