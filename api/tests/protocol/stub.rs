//! A small schema and service, with something of each kind the protocol layer has to carry.

#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unused_async,
    reason = "resolvers are async, and a test is no API"
)]

#[path = "stub/lab.rs"]
mod lab;
#[path = "stub/traps.rs"]
mod traps;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_graphql::{Object, Request, Response, Schema, ServerError, Subscription, Value};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use roomm8_api::protocol::answers::NoView;
use roomm8_api::protocol::panics::PanicGuard;
use roomm8_api::protocol::{Charge, Credentials, Events, Service, answer, error};
use tokio::sync::watch;

/// What a test can see from outside of what happened inside.
#[derive(Default)]
pub struct Seen {
    pub touched: AtomicUsize,
    pub streams: Arc<AtomicUsize>,
}

#[derive(Clone)]
pub struct Stub {
    schema: Schema<Query, Mutation, Subscriptions>,
    guarded: Schema<Query, Mutation, Subscriptions>,
    pub seen: Arc<Seen>,
    /// The sessions end whose tokens begin with this.
    pub ended: Arc<watch::Sender<Option<&'static str>>>,
}

impl Stub {
    pub fn new() -> Self {
        let seen = Arc::new(Seen::default());
        let build = || {
            Schema::build(Query, Mutation(Arc::clone(&seen)), Subscriptions(Arc::clone(&seen)))
                .validation_mode(async_graphql::ValidationMode::Fast)
        };
        let (schema, guarded) = (build().finish(), build().extension(PanicGuard).finish());
        Self { schema, guarded, seen, ended: Arc::new(watch::Sender::new(None)) }
    }
}

/// Anybody is somebody: the token `panic` panics, `slow` takes for ever, `definitely.not.valid` is refused,
/// `stranger` may not see the schema.
#[derive(Clone, Debug)]
pub struct Caller(pub Option<String>);

impl Service for Stub {
    type Caller = Caller;
    type Subject = ();
    type View = NoView;

    fn sdl(&self) -> String {
        self.schema.sdl()
    }

    async fn authenticate(&self, credentials: Credentials) -> Result<Caller, ServerError> {
        match credentials.token.as_deref() {
            Some("definitely.not.valid") => {
                Err(error::error(error::UNAUTHENTICATED, "the token is not valid"))
            }
            Some("down") => Err(ServerError::new("mysql://root:secret@db is down", None)),
            Some("slow") => std::future::pending().await,
            _ => Ok(Caller(credentials.token)),
        }
    }

    /// `ada.1` and `ada.2` are two sessions of one account.
    fn account(&self, caller: &Caller) -> String {
        let token = caller.0.as_deref().unwrap_or_default();
        token.split('.').next().unwrap_or_default().to_owned()
    }

    fn may_introspect(&self, caller: &Caller) -> Result<(), &'static str> {
        if caller.0.as_deref() == Some("stranger") { Err("ask for the schema elsewhere") } else { Ok(()) }
    }

    async fn execute(&self, caller: Caller, request: Request, charge: Option<Charge>) -> Response {
        self.schema.execute(request.data(caller).data(charge)).await
    }

    async fn execute_guarded(
        &self,
        caller: Caller,
        request: Request,
        charge: Option<Charge>,
    ) -> Option<Response> {
        Some(self.guarded.execute(request.data(caller).data(charge)).await)
    }

    async fn subscribe(&self, caller: Caller, request: Request) -> Result<Events, Vec<ServerError>> {
        let mut responses = self.schema.execute_stream(request.data(caller)).boxed();
        // The first one tells whether the operation is valid; the source that cannot be made says so there.
        let first = futures_util::poll!(responses.next());
        match first {
            std::task::Poll::Ready(Some(response)) => {
                let first = rendered(response).map_err(|error| vec![error]);
                Ok(stream::iter([first.map_err(|mut errors| errors.remove(0))])
                    .chain(responses.map(rendered))
                    .boxed())
            }
            std::task::Poll::Ready(None) => Ok(stream::empty().boxed()),
            std::task::Poll::Pending => Ok(responses.map(rendered).boxed()),
        }
    }

    fn ended(&self, caller: &Caller) -> impl Future<Output = ()> + Send + 'static {
        let mut ended = self.ended.subscribe();
        let token = caller.0.clone();
        async move {
            let over = ended.wait_for(|start| match (&token, start) {
                (Some(token), Some(start)) => token.starts_with(start),
                _ => false,
            });
            if over.await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

fn rendered(mut response: Response) -> Result<Bytes, ServerError> {
    if response.errors.iter().any(|error| error.message == "too slow") {
        return Err(response.errors.remove(0));
    }
    let rendered = answer::render(response, "event", 1 << 20);
    rendered.map(|rendered| rendered.body).map_err(|mut errors| errors.remove(0))
}

pub struct Query;
#[Object]
impl Query {
    async fn hello(&self) -> &str {
        "world"
    }

    async fn echo(&self, text: String) -> String {
        text
    }

    async fn nested(&self, lists: Vec<Vec<Vec<i32>>>) -> usize {
        lists.len()
    }

    async fn me(&self) -> &Query {
        self
    }

    async fn lab(&self) -> lab::Lab {
        lab::Lab
    }

    async fn traps(&self) -> Option<traps::Traps> {
        Some(traps::Traps)
    }

    async fn caller(&self, ctx: &async_graphql::Context<'_>) -> Option<String> {
        ctx.data_unchecked::<Caller>().0.clone()
    }

    async fn slow(&self, milliseconds: Option<u64>) -> &str {
        tokio::time::sleep(Duration::from_millis(milliseconds.unwrap_or(500))).await;
        "x"
    }

    async fn large(&self, #[graphql(default = 3)] bytes: i32) -> String {
        "x".repeat(usize::try_from(bytes).unwrap_or(0))
    }

    /// Fails as a careless resolver would.
    async fn leaks(&self) -> Option<async_graphql::Result<i32>> {
        Some(Err("SELECT * FROM secrets".into()))
    }

    async fn fails(&self) -> async_graphql::Result<i32> {
        Err(async_graphql::Error::new("there is none").extend_with("NOT_FOUND"))
    }

    async fn panics(&self) -> i32 {
        assert!(std::hint::black_box(false), "a resolver that panics");
        0
    }
}

trait Coded {
    fn extend_with(self, code: &str) -> Self;
}

impl Coded for async_graphql::Error {
    fn extend_with(mut self, code: &str) -> Self {
        self.extensions.get_or_insert_default().set("code", Value::from(code));
        self
    }
}

pub struct Mutation(Arc<Seen>);

#[Object]
impl Mutation {
    async fn touch(&self) -> &str {
        self.0.touched.fetch_add(1, Ordering::SeqCst);
        "y"
    }

    async fn touch_and_panic(&self) -> Option<i32> {
        self.0.touched.fetch_add(1, Ordering::SeqCst);
        Some(traps::snap())
    }

    async fn touch_slowly(&self, milliseconds: u64) -> &str {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        self.0.touched.fetch_add(1, Ordering::SeqCst);
        "y"
    }
}

pub struct Subscriptions(Arc<Seen>);

/// Counts a stream for as long as it lives.
struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[Subscription]
impl Subscriptions {
    async fn count(&self, to: i32) -> impl Stream<Item = i32> {
        stream::iter(0..to).then(|number| async move {
            tokio::time::sleep(Duration::from_millis(2)).await;
            number
        })
    }

    async fn never(&self) -> BoxStream<'static, i32> {
        self.0.streams.fetch_add(1, Ordering::SeqCst);
        let alive = Alive(Arc::clone(&self.0.streams));
        stream::pending()
            .inspect(move |_: &i32| {
                let _ = &alive;
            })
            .boxed()
    }

    async fn busy(&self) -> impl Stream<Item = String> {
        stream::repeat_with(|| "x".repeat(64))
    }

    async fn fails(&self) -> async_graphql::Result<BoxStream<'static, i32>> {
        Err(async_graphql::Error::new("cannot subscribe").extend_with("NOT_FOUND"))
    }

    async fn panics(&self) -> impl Stream<Item = i32> {
        stream::iter(0..3).inspect(|number| assert!(*number < 2, "a stream that panics"))
    }

    async fn overflows(&self) -> async_graphql::Result<BoxStream<'static, i32>> {
        Err(async_graphql::Error::new("too slow").extend_with(error::SLOW_CONSUMER.text()))
    }
}
