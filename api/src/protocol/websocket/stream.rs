//! One operation of a socket, as a stream of what it has to say.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};

use async_graphql::ServerError;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{Stream, StreamExt};

use super::super::gate::{Kind, Operation};
use super::super::operation::{self, Identity};
use super::super::stats::{Gauge, Held, Stats};
use super::super::{Context, Events, Service, answer};

/// What an operation says, and which one says it.
pub(super) struct Said {
    pub(super) id: Arc<str>,
    pub(super) what: What,
}

pub(super) enum What {
    /// A response.
    Next(Bytes),
    /// It failed, and has ended.
    Failed(Vec<ServerError>),
    /// It has ended.
    Complete,
}

/// An operation under way. It is boxed only where it waits, so that a quiet subscription is its events and no more.
pub(super) struct Running {
    id: Arc<str>,
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
    Over,
}

impl Running {
    pub(super) fn start<S: Service>(
        id: Arc<str>,
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
        Self { id, request_id: own, stage, stats }
    }

    fn advance(&mut self, task: &mut Task<'_>) -> Poll<Option<What>> {
        loop {
            match &mut self.stage {
                Stage::Executing(answer) => {
                    let what = match ready!(answer.as_mut().poll(task)) {
                        Ok(body) => What::Next(body),
                        Err(errors) => return self.fail(errors),
                    };
                    self.stage = Stage::Completing;
                    return Poll::Ready(Some(what));
                }
                Stage::Opening(opening) => match ready!(opening.as_mut().poll(task)) {
                    Ok(events) => {
                        self.stage = Stage::Streaming(events, self.stats.hold(Gauge::Subscriptions));
                    }
                    Err(errors) => return self.fail(errors),
                },
                Stage::Streaming(events, _) => match ready!(events.poll_next_unpin(task)) {
                    Some(Ok(body)) => return Poll::Ready(Some(What::Next(body))),
                    Some(Err(error)) => {
                        let errors = answer::refused(vec![error], &self.request_id);
                        return self.fail(errors);
                    }
                    None => self.stage = Stage::Completing,
                },
                Stage::Completing => {
                    self.stage = Stage::Over;
                    return Poll::Ready(Some(What::Complete));
                }
                Stage::Over => return Poll::Ready(None),
            }
        }
    }

    fn fail(&mut self, errors: Vec<ServerError>) -> Poll<Option<What>> {
        self.stage = Stage::Over;
        Poll::Ready(Some(What::Failed(errors)))
    }
}

impl Stream for Running {
    type Item = Said;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Said>> {
        // The streams of a socket share its task: without this, one that panics would take the others with it.
        let polled = catch_unwind(AssertUnwindSafe(|| self.advance(task)));
        let polled = polled.unwrap_or_else(|_| {
            self.stats.panic();
            let errors = vec![answer::internal(&self.request_id)];
            tracing::error!(request_id = %self.request_id, "a subscription panicked");
            self.fail(errors)
        });
        polled.map(|what| what.map(|what| Said { id: Arc::clone(&self.id), what }))
    }
}
