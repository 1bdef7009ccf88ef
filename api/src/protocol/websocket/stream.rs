//! One operation of a socket, and what it has to say.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};

use async_graphql::ServerError;
use axum::extract::ws::Message;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::StreamExt;

use super::super::error::{SLOW_CONSUMER, code_of};
use super::super::gate::{Kind, Operation};
use super::super::operation::{self, Identity};
use super::super::stats::{Gauge, Held, Stats};
use super::super::{Context, Events, Service, answer};
use super::message;

/// What an operation says, in its message.
pub(super) enum Said {
    /// A response.
    Next(Message),
    /// It has ended, or failed.
    Last(Message),
    /// Its events overflowed, as the socket did not take them.
    Overflow,
}

/// An operation under way. It is boxed only where it waits, so that a quiet subscription is its events and no more.
pub(super) struct Running {
    id: Box<str>,
    /// What each of its responses begins with.
    head: Box<[u8]>,
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
        id: &str,
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
        Self { id: id.into(), head: message::next_head(id), request_id: own, stage, stats }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// What it says next. It must not be polled after its last.
    pub(super) fn poll(&mut self, task: &mut Task<'_>) -> Poll<Said> {
        // The operations of a socket share its task: without this, one that panics would take the others with it.
        catch_unwind(AssertUnwindSafe(|| self.advance(task))).unwrap_or_else(|_| {
            self.stats.panic();
            tracing::error!(request_id = %self.request_id, "a subscription panicked");
            Poll::Ready(self.fail(&[answer::internal(&self.request_id)]))
        })
    }

    fn advance(&mut self, task: &mut Task<'_>) -> Poll<Said> {
        loop {
            match &mut self.stage {
                Stage::Executing(answer) => {
                    let said = match ready!(answer.as_mut().poll(task)) {
                        Ok(body) => self.next(&body),
                        Err(errors) => return Poll::Ready(self.fail(&errors)),
                    };
                    self.stage = Stage::Completing;
                    return Poll::Ready(said);
                }
                Stage::Opening(opening) => match ready!(opening.as_mut().poll(task)) {
                    Ok(events) => {
                        self.stage = Stage::Streaming(events, self.stats.hold(Gauge::Subscriptions));
                    }
                    Err(errors) => return Poll::Ready(self.fail(&errors)),
                },
                Stage::Streaming(events, _) => {
                    return Poll::Ready(match ready!(events.poll_next_unpin(task)) {
                        Some(Ok(body)) => self.next(&body),
                        Some(Err(error)) => self.fail(&answer::refused(vec![error], &self.request_id)),
                        None => self.complete(),
                    });
                }
                Stage::Completing => return Poll::Ready(self.complete()),
            }
        }
    }

    fn next(&self, body: &Bytes) -> Said {
        Said::Next(message::next(&self.head, body))
    }

    fn fail(&self, errors: &[ServerError]) -> Said {
        if errors.iter().any(|error| code_of(error) == Some(SLOW_CONSUMER)) {
            return Said::Overflow;
        }
        Said::Last(message::error(&self.id, errors))
    }

    fn complete(&self) -> Said {
        Said::Last(message::complete(&self.id))
    }
}
