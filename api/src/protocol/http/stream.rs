//! Operations whose results are streamed over HTTP: `graphql-sse` in its distinct connections mode, and Apollo's
//! multipart subscriptions. One request, one operation, one body that lasts as long as the operation.
//!
//! Nothing is queued here. The body is polled only while the connection takes more, so what waits meanwhile is the
//! subscription's to bound; for a client that takes nothing the connection has a deadline
//! ([`Listen::write_deadline`](super::super::listener::Listen)). A client that goes away drops the body, and
//! everything of the operation with it.
//!
//! There are no event ids and no `Last-Event-ID`: where a stream can be resumed is known to its events (their
//! cursors) and its arguments (`after`), of which this layer knows nothing. A client resumes by those, as it does
//! over WebSocket.

mod format;

use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use async_graphql::ServerError;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::BoxFuture;
use http::header;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::super::error::{self, SLOW_CONSUMER, TOO_MANY_CONNECTIONS, UNAUTHENTICATED, UNAVAILABLE};
use super::super::gate::{Kind, Operation};
use super::super::operation;
use super::super::places::Place;
use super::super::running::{Running, Said};
use super::super::stats::{Gauge, Held, Stats};
use super::super::{Context, Credentials, Service, Shutdown};
use super::{Refused, header};
pub(super) use format::Format;

/// Starts an operation and answers with its stream. What is wrong with the operation is said in the stream; what is
/// wrong with the request, or with who sends it, has a status of its own.
pub(super) async fn open<S: Service>(
    context: &Arc<Context<S>>,
    credentials: Credentials,
    operation: Operation,
    format: Format,
    request_id: &str,
) -> Result<Response, Refused> {
    let caller = operation::authenticate(context, credentials, request_id).await?;
    let place = context.accounts.take(context.service.account(&caller).into()).ok_or_else(|| {
        context.stats.account_connection_refused();
        Refused::new(
            TOO_MANY_CONNECTIONS,
            "this account has too many sockets and streams open; close another",
        )
    })?;
    let leave: BoxFuture<'static, Leave> = match operation.kind {
        Kind::Subscription if context.shutdown.has_begun() => {
            return Err(Refused::new(UNAVAILABLE, "this server is about to stop; connect again"));
        }
        Kind::Subscription => Box::pin(leave(context.service.ended(&caller), context.shutdown.clone())),
        // It is over soon, and its answer is waited for.
        Kind::Query | Kind::Mutation => Box::pin(pending()),
    };
    let running = Running::start(context, caller, operation, request_id.to_owned());
    let frames = Frames {
        format,
        opening: Some(format.opening()),
        running: Some(running),
        leave,
        beat: every(context.settings.keep_alive),
        stats: Arc::clone(&context.stats),
        _held: context.stats.hold(Gauge::Streams),
        _place: place,
    };
    Ok(respond(Body::from_stream(frames), format))
}

fn every(period: Duration) -> Interval {
    // tokio panics at an interval of nothing.
    let period = period.max(Duration::from_millis(1));
    let mut beat = interval_at(Instant::now() + period, period);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat
}

/// The stream of an operation that was refused before it ran.
pub(super) fn refused(errors: &[ServerError], format: Format) -> Response {
    respond(Body::from([format.opening(), format.failed(errors)].concat()), format)
}

fn respond(body: Body, format: Format) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header(format.content_type()));
    // To nginx, and those that follow it: an event is to be passed on when it comes.
    headers.insert("x-accel-buffering", header("no"));
    response
}

/// Why a stream that could go on must end.
enum Leave {
    SessionEnded,
    Restart,
}

async fn leave(ended: impl Future<Output = ()> + Send, shutdown: Shutdown) -> Leave {
    tokio::select! {
        () = ended => Leave::SessionEnded,
        () = shutdown.turn() => Leave::Restart,
    }
}

/// The frames of one body.
struct Frames {
    format: Format,
    opening: Option<Bytes>,
    /// Until its last word.
    running: Option<Running>,
    leave: BoxFuture<'static, Leave>,
    beat: Interval,
    stats: Arc<Stats>,
    _held: Held,
    _place: Place<Box<str>>,
}

impl Stream for Frames {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        self.poll_frame(task).map(|frame| frame.map(Ok))
    }
}

impl Frames {
    fn poll_frame(&mut self, task: &mut Task<'_>) -> Poll<Option<Bytes>> {
        if let Some(opening) = self.opening.take() {
            return Poll::Ready(Some(opening));
        }
        let Some(running) = &mut self.running else { return Poll::Ready(None) };
        // First, as a stream that always has more to say would never let it be asked.
        if let Poll::Ready(leave) = self.leave.as_mut().poll(task) {
            return Poll::Ready(Some(self.end(|format| left(format, &leave))));
        }
        if let Poll::Ready(said) = running.poll(task) {
            return Poll::Ready(Some(self.say(said)));
        }
        self.beat.poll_tick(task).map(|_| Some(self.format.heartbeat()))
    }

    fn say(&mut self, said: Said) -> Bytes {
        match said {
            Said::Next(result) => self.format.next(&result),
            Said::Complete => self.end(Format::complete),
            Said::Failed(errors) => self.end(|format| format.failed(&errors)),
            Said::Overflow => {
                self.stats.slow_consumer();
                let message = "the events were not read as fast as they came; resume after the last one";
                self.end(|format| format.failed(&[error::error(SLOW_CONSUMER, message)]))
            }
        }
    }

    /// The last frame. The operation is given back before it is on its way.
    fn end(&mut self, frame: impl FnOnce(Format) -> Bytes) -> Bytes {
        self.running = None;
        frame(self.format)
    }
}

fn left(format: Format, leave: &Leave) -> Bytes {
    match leave {
        Leave::SessionEnded => format.failed(&[error::error(UNAUTHENTICATED, "the session has ended")]),
        Leave::Restart => {
            format.interrupted(&error::error(UNAVAILABLE, "this server restarts; connect again"))
        }
    }
}
