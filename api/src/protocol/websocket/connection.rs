//! One socket: what it hears, what it says, and when it gives up.

mod pump;
mod sign_in;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use super::super::gate::Operation;
use super::super::parameters::Parameters;
use super::super::places::Place;
use super::super::running::Running;
use super::super::stats::{Gauge, Held};
use super::super::{Context, Credentials, Service, Shutdown};
use super::close::{Close, close};
use super::message::{self, Incoming};
use super::operations::Operations;
use super::stream::Named;
use pump::Step;

/// The state of a socket.
pub(super) struct Connection<S: Service> {
    context: Arc<Context<S>>,
    socket: WebSocket,
    request_id: Box<str>,
    /// What the handshake said about the client.
    credentials: Box<Credentials>,
    caller: Option<S::Caller>,
    /// Among the connections of the caller's account.
    place: Option<Place<Box<str>>>,
    operations: Operations,
    started: u64,
    replies: VecDeque<Message>,
    /// Resolves when the socket must end: the session did, or the server will.
    leave: BoxFuture<'static, Close>,
    timer: Pin<Box<Sleep>>,
    opened: Instant,
    heard: Instant,
    next_ping: Instant,
    /// When the client was first pinged since it was last heard.
    pinged: Option<Instant>,
    /// Since when something written has not left.
    stalled: Option<Instant>,
    is_dirty: bool,
    steps: usize,
    _held: Held,
}

/// How a socket's conversation ends.
enum End {
    /// By us, with a reason.
    Close(Close),
    /// By the client, or the network.
    Gone,
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

impl<S: Service> Connection<S> {
    pub(super) fn new(
        context: Arc<Context<S>>,
        socket: WebSocket,
        credentials: Credentials,
        request_id: Box<str>,
    ) -> Self {
        let now = Instant::now();
        let sockets = &context.settings.sockets;
        Self {
            socket,
            request_id,
            credentials: Box::new(credentials),
            caller: None,
            place: None,
            operations: Operations::default(),
            started: 0,
            replies: VecDeque::new(),
            leave: Box::pin(restart(context.shutdown.clone())),
            timer: Box::pin(sleep_until(now + sockets.init_deadline.min(sockets.ping_interval))),
            opened: now,
            heard: now,
            next_ping: now + sockets.ping_interval,
            pinged: None,
            stalled: None,
            is_dirty: false,
            steps: 0,
            _held: context.stats.hold(Gauge::Sockets),
            context,
        }
    }

    /// Serves the socket until it ends.
    pub(super) async fn run(mut self) {
        let end = loop {
            let step = poll_fn(|task| self.poll(task)).await;
            if let Err(end) = self.take(step).await {
                break end;
            }
        };
        let Self { socket, operations, context, .. } = self;
        // Their streams are given back before the farewell, which may take a second.
        drop(operations);
        if let End::Close(reason) = end {
            tracing::debug!(code = reason.code.number(), reason = %reason.reason, "a socket is closed");
            if reason.code == Close::slow_consumer().code {
                context.stats.slow_consumer();
            }
            close(socket, reason).await;
        }
    }

    async fn take(&mut self, step: Step) -> Result<(), End> {
        match step {
            Step::Heard(message) => {
                self.heard = Instant::now();
                self.pinged = None;
                self.hear(message).await
            }
            Step::Leave(reason) => Err(reason.into()),
            Step::Timer => self.look_at_the_clock(),
            Step::Gone => Err(End::Gone),
        }
    }

    async fn hear(&mut self, message: Message) -> Result<(), End> {
        let text = match &message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(Close::bad_message("a message is text, not binary").into()),
            // The socket itself answers a ping, and a close.
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return self.hang_up().await,
        };
        match message::parse(text)? {
            Incoming::Init { payload } => self.init(payload).await?,
            Incoming::Ping { payload } => self.pong(payload).await?,
            Incoming::Pong => {}
            Incoming::Subscribe { id, parameters } => self.subscribe(&id, parameters).await?,
            // The client has lost interest. A query that runs goes on; its answer is not sent.
            Incoming::Complete { id } => self.operations.remove(&id),
        }
        Ok(())
    }

    /// The client closes: its frame has been answered, and reading on sends the answer off.
    async fn hang_up(&mut self) -> Result<(), End> {
        self.operations.clear();
        let until = Instant::now() + self.context.settings.sockets.write_deadline;
        let _ = timeout_at(until, async { while let Some(Ok(_)) = self.socket.next().await {} }).await;
        Err(End::Gone)
    }

    async fn subscribe(&mut self, id: &str, parameters: Parameters) -> Result<(), Close> {
        let caller = self.caller.clone().ok_or_else(Close::not_initialised)?;
        if self.operations.contains(id) {
            return Err(Close::duplicate(id));
        }
        if self.operations.len() >= self.context.settings.sockets.operations {
            return Err(Close::too_many_operations());
        }
        match self.context.admit(parameters).await {
            Ok(operation) => self.start(id, caller, operation),
            Err(errors) => self.replies.push_back(message::error(id, &errors)),
        }
        Ok(())
    }

    fn start(&mut self, id: &str, caller: S::Caller, operation: Operation) {
        self.started += 1;
        let request_id = format!("{}.{}", self.request_id, self.started);
        let running = Running::start(&self.context, caller, operation, request_id);
        self.operations.insert(Named::new(id, running));
    }
}

async fn restart(shutdown: Shutdown) -> Close {
    shutdown.turn().await;
    Close::restart()
}
