//! A batch: several operations in one request, answered in one array, in their order.
//!
//! No draft of the specification has batches; this is what Apollo's clients send. Each operation passes the gate, and
//! fails, by itself. The request is authenticated once. When its client goes away, what runs is finished and what has
//! not begun is not.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use super::super::answer::Rendered;
use super::super::error::{DEADLINE_EXCEEDED, RESPONSE_TOO_LARGE, SUBSCRIPTION_NEEDS_SOCKET};
use super::super::gate::{Kind, Operation};
use super::super::operation::{self, Identity};
use super::super::{Context, Credentials, Parameters, Service};
use super::media::Media;
use super::{Refused, reply};

/// An operation that may be run, or why it may not.
type Entry = Result<Operation, Refused>;
type Answer = Result<Rendered, Refused>;

pub(super) async fn answer<S: Service>(
    context: &Arc<Context<S>>,
    batch: Vec<Parameters>,
    credentials: Result<Credentials, Refused>,
    media: Media,
    request_id: &str,
) -> Result<Response, Refused> {
    let admitted = batch.into_iter().map(|parameters| admit(context, parameters));
    let entries: Vec<Entry> = join_all(admitted).await;
    let operations = entries.iter().filter_map(|entry| entry.as_ref().ok());
    let (any, changes) = operations
        .fold((false, false), |(_, changes), operation| (true, changes || operation.kind == Kind::Mutation));
    let answers = if any {
        let caller = operation::authenticate(context, credentials?, request_id).await?;
        let run = Run { context, caller, request_id, begun: Instant::now() };
        if changes { run.in_turn(entries).await } else { run.at_once(entries).await }
    } else {
        entries.into_iter().filter_map(Result::err).map(Err).collect()
    };
    Ok(reply::data(join(answers, context.settings.response_bytes), media, StatusCode::OK))
}

async fn admit<S: Service>(context: &Context<S>, parameters: Parameters) -> Entry {
    let operation = context.admit(parameters).await?;
    match operation.kind {
        Kind::Query | Kind::Mutation => Ok(operation),
        Kind::Subscription => {
            Err(Refused::new(SUBSCRIPTION_NEEDS_SOCKET, "a batch has no subscriptions: open each by itself"))
        }
    }
}

/// The running of one batch.
struct Run<'a, S: Service> {
    context: &'a Arc<Context<S>>,
    caller: S::Caller,
    request_id: &'a str,
    begun: Instant,
}

impl<S: Service> Run<'_, S> {
    async fn at_once(&self, entries: Vec<Entry>) -> Vec<Answer> {
        join_all(entries.into_iter().enumerate().map(|(place, entry)| self.one(place, entry))).await
    }

    /// Where something is changed, the order is what the client meant.
    async fn in_turn(&self, entries: Vec<Entry>) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(entries.len());
        for (place, entry) in entries.into_iter().enumerate() {
            answers.push(self.one(place, entry).await);
        }
        answers
    }

    async fn one(&self, place: usize, entry: Entry) -> Answer {
        let operation = entry?;
        // Else ten operations could make their client wait for ten deadlines.
        if self.begun.elapsed() >= self.context.settings.operation_deadline {
            let message = "the batch took too long; this operation was not begun";
            return Err(Refused::new(DEADLINE_EXCEEDED, message));
        }
        let request_id = format!("{}.{}", self.request_id, place + 1);
        let identity = Identity::Proven(self.caller.clone());
        Ok(operation::run(self.context, identity, operation, &request_id).await?)
    }
}

/// Puts the answers into an array. Together they are no larger than the answer to one operation may be.
fn join(answers: Vec<Answer>, bytes_max: usize) -> Rendered {
    let mut body = Vec::new();
    let (mut is_partial, mut headers) = (false, HeaderMap::new());
    for answer in answers {
        body.push(if body.is_empty() { b'[' } else { b',' });
        let answer = answer.and_then(|rendered| fit(rendered, bytes_max.saturating_sub(body.len())));
        match answer {
            Ok(rendered) => {
                body.extend_from_slice(&rendered.body);
                is_partial |= rendered.is_partial;
                headers.extend(rendered.headers);
            }
            Err(refused) => {
                body.extend_from_slice(&refused.body());
                is_partial = true;
            }
        }
    }
    body.push(b']');
    Rendered::new(Bytes::from(body), is_partial, headers)
}

fn fit(rendered: Rendered, room: usize) -> Answer {
    if rendered.body.len() <= room {
        return Ok(rendered);
    }
    let message = "the answers of this batch have more bytes than one answer may; send fewer at a time";
    Err(Refused::new(RESPONSE_TOO_LARGE, message))
}
