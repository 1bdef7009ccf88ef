//! Live operations: opened once, then rendered once an event for each group of subscribers that asks the same.
//!
//! async-graphql executes a subscription twice over here. First to open it: the resolver checks the arguments and the
//! caller's right, and leaves a [`Source`] behind instead of a stream. Then, for each event, to render it: the same
//! resolver finds the event in the context and streams just that one. What was rendered is kept with the event, so
//! that a thousand sockets with the same operation cost one execution.

use crate::Schema;
use crate::error::{Code, Error, Result};
use crate::scalar::Cursor;
use crate::scope::{Audience, Caller, Scope, ScopeExt as _, Services};
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Context, Request, Response, ServerError, Variables};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use roomm8_db::event::{About, Kind, Position};
use roomm8_db::{HouseholdId, Member, account};
use roomm8_subscriptions::{
    Attendance, Delivery, End, Follower, InboxChange, InboxFollower, RenderKey, Rendered, Signal,
};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// How a response becomes bytes; the server's edge masks what must not be seen.
pub type Render = fn(Response) -> Bytes;

/// How long to wait before an event is rendered again that could not be: at least, at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// What a subscription delivers.
#[derive(Clone)]
pub(crate) enum Item {
    /// It begins after this position.
    Began(Position),
    /// Something happened, in a log of this epoch.
    Event(i32, Arc<Delivery>),
    /// Something matters now.
    Signal(Signal),
    /// The viewer's inbox changed.
    Inbox(InboxChange),
}

/// What of a household is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Every event.
    Everything,
    /// What happens to messages.
    Messages,
    /// What happens to chores.
    Tasks,
    /// What happens to groceries.
    Groceries,
    /// Who is writing.
    Typing,
    /// Who comes and goes.
    Presence,
}

impl Topic {
    /// Whether it can be resumed.
    fn has_cursors(self) -> bool {
        matches!(self, Self::Everything | Self::Messages | Self::Tasks | Self::Groceries)
    }

    fn includes_event(self, kind: Kind) -> bool {
        match self {
            Self::Everything => true,
            Self::Messages => kind.about() == About::Message,
            Self::Tasks => matches!(kind.about(), About::Task | About::Occurrence | About::Swap),
            Self::Groceries => matches!(
                kind.about(),
                About::GroceryList
                    | About::GroceryItem
                    | About::GroceryTrip
                    | About::GroceryProduct
                    | About::GroceryCategory
                    | About::GroceryStore
                    | About::GroceryStaple
            ),
            Self::Typing | Self::Presence => false,
        }
    }

    fn includes_signal(self, signal: &Signal) -> bool {
        match signal {
            Signal::Typing { .. } => self == Self::Typing,
            Signal::Presence { .. } => self == Self::Presence,
        }
    }
}

/// Where the items of a subscription come from.
enum Source {
    Household(HouseholdSource),
    Inbox(InboxSource),
}

/// A person's inbox, and what is said first, if there was no `after`.
struct InboxSource {
    follower: InboxFollower,
    began: Option<Position>,
}

/// A household's log, or what matters there now.
struct HouseholdSource {
    follower: Follower,
    topic: Topic,
    /// Said first, if there was no `after`.
    began: Option<Position>,
    /// The viewer is present for as long as they follow.
    _attendance: Option<Attendance>,
}

/// Which of its two executions a subscription is in.
enum Stage {
    Opening(Mutex<Option<Box<Source>>>),
    Rendering(Item),
}

/// The body of every subscription field: opens it, or tells what the item at hand is to it.
pub(crate) async fn follow<T: Send + 'static>(
    ctx: &Context<'_>,
    household: HouseholdId,
    after: Option<Cursor>,
    topic: Topic,
    tell: impl FnOnce(&Item) -> Option<T>,
) -> Result<BoxStream<'static, T>> {
    staged(ctx, tell, async { open(ctx, household, after, topic).await.map(Source::Household) }).await
}

/// As [`follow`], for the viewer's inbox.
pub(crate) async fn follow_inbox<T: Send + 'static>(
    ctx: &Context<'_>,
    after: Option<Cursor>,
    tell: impl FnOnce(&Item) -> Option<T>,
) -> Result<BoxStream<'static, T>> {
    staged(ctx, tell, async {
        let scope = ctx.scope()?;
        let user = scope.viewer()?.user_id;
        let after = position(after)?;
        scope.release_connection().await;
        let follower = scope.hub().follow_inbox(user, after).await?;
        let began = after.is_none().then(|| follower.cursor());
        Ok(Source::Inbox(InboxSource { follower, began }))
    })
    .await
}

/// Does what the stage is for: opens the source, or tells the item at hand.
async fn staged<T: Send + 'static>(
    ctx: &Context<'_>,
    tell: impl FnOnce(&Item) -> Option<T>,
    source: impl Future<Output = Result<Source>>,
) -> Result<BoxStream<'static, T>> {
    let opening = match ctx.data::<Arc<Stage>>().map(AsRef::as_ref) {
        Ok(Stage::Rendering(item)) => return Ok(stream::iter(tell(item)).boxed()),
        Ok(Stage::Opening(opening)) => opening,
        Err(_) => return Err(Error::new(Code::Internal, "something went wrong on our side")),
    };
    let source = source.await?;
    *opening.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(source));
    Ok(stream::empty().boxed())
}

/// The place that a cursor stands for.
fn position(after: Option<Cursor>) -> Result<Option<Position>> {
    match after {
        None => Ok(None),
        Some(Cursor::Log(position)) => Ok(Some(position)),
        Some(Cursor::Item(_) | Cursor::Timed(..)) => {
            Err(Error::bad_input("`after` must be the cursor of an event or message"))
        }
    }
}

async fn open(
    ctx: &Context<'_>,
    household: HouseholdId,
    after: Option<Cursor>,
    topic: Topic,
) -> Result<HouseholdSource> {
    let scope = ctx.scope()?;
    let member = scope.member(household).await?;
    let after = position(after)?;
    let attendance = attend(scope, &member).await?;
    scope.release_connection().await;
    let follower = scope.hub().follow(member, after).await?;
    let began = (after.is_none() && topic.has_cursors()).then(|| follower.cursor());
    Ok(HouseholdSource { follower, topic, began, _attendance: attendance })
}

/// Whoever follows a household is present there, unless they appear offline.
async fn attend(scope: &Scope, member: &Member) -> Result<Option<Attendance>> {
    let viewer = scope.viewer()?;
    if account::find(&mut *scope.connection().await?, viewer.user_id).await?.appears_offline {
        return Ok(None);
    }
    Ok(Some(scope.hub().attend(member.household_id(), member.id(), viewer.session_id)))
}

/// What a subscription tells, one rendered response after another. An error ends it.
pub type Items = BoxStream<'static, Result<Bytes, ServerError>>;

/// Live operations of one schema. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    schema: Schema,
    services: Services,
    render: Render,
    /// The operations somebody follows: sockets that ask the same share one.
    operations: Arc<Mutex<HashMap<RenderKey, Weak<Operation>>>>,
}

impl Live {
    /// Live operations of this schema.
    pub fn new(schema: Schema, services: Services, render: Render) -> Self {
        Self { schema, services, render, operations: Arc::default() }
    }

    /// Opens a subscription. The key has to be the same for all requests that ask the same, whoever asks, and for no others:
    /// they share what is rendered.
    // Boxed as `Schema::execute` is.
    pub fn subscribe(
        &self,
        caller: Caller,
        key: RenderKey,
        request: Request,
    ) -> BoxFuture<'_, Result<Items, Vec<ServerError>>> {
        Box::pin(self.begin(caller, key, request))
    }

    async fn begin(
        &self,
        caller: Caller,
        key: RenderKey,
        request: Request,
    ) -> Result<Items, Vec<ServerError>> {
        let operation = self.operation(key, request).map_err(|error| vec![error])?;
        let stage = Arc::new(Stage::Opening(Mutex::default()));
        let scope = Scope::new(self.services.clone(), caller.clone());
        let refusal = operation.execute(scope, stage.clone()).await;
        if let Some(errors) = refusal.map(|response| response.errors).filter(|errors| !errors.is_empty()) {
            return Err(errors);
        }
        let source = match &*stage {
            Stage::Opening(source) => source.lock().unwrap_or_else(PoisonError::into_inner).take(),
            Stage::Rendering(_) => None,
        };
        let Some(source) = source else {
            let error = Error::bad_input("the operation subscribes to nothing");
            return Err(vec![error.into_server_error()]);
        };
        let viewer_key = operation.key_for(&caller);
        Ok(Following { operation, caller, viewer_key, source }.into_stream().boxed())
    }

    /// The operation of this request: the one others follow already, if there is one.
    fn operation(&self, key: RenderKey, mut request: Request) -> Result<Arc<Operation>, ServerError> {
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(operation) = operations.get(&key).and_then(Weak::upgrade) {
            return Ok(operation);
        }
        // Swept now and then, so that sweeping costs little however many there are.
        if operations.len().is_power_of_two() {
            operations.retain(|_, operation| operation.strong_count() > 0);
        }
        let document = request.parsed_query()?.clone();
        let operation = Arc::new(Operation {
            schema: self.schema.clone(),
            services: self.services.clone(),
            render: self.render,
            key,
            query: request.query,
            name: request.operation_name,
            variables: request.variables,
            document,
        });
        operations.insert(key, Arc::downgrade(&operation));
        Ok(operation)
    }
}

/// A subscription under way.
struct Following {
    operation: Arc<Operation>,
    caller: Caller,
    /// The operation's key for this viewer alone.
    viewer_key: RenderKey,
    source: Box<Source>,
}

fn told(end: End) -> ServerError {
    let error = match end {
        End::MembershipEnded => {
            Error::new(Code::MembershipEnded, "you are no longer a member of this household")
        }
        End::Resync => Error::from(roomm8_db::Error::Resync),
    };
    error.into_server_error()
}

impl Following {
    /// The rendered items, one after another; after an error there is none.
    fn into_stream(mut self) -> impl Stream<Item = Result<Bytes, ServerError>> + Send + 'static {
        async_stream::stream! {
            loop {
                match self.next().await {
                    Ok(bytes) => yield Ok(bytes),
                    Err(end) => {
                        yield Err(told(end));
                        return;
                    }
                }
            }
        }
    }

    async fn next(&mut self) -> Result<Bytes, End> {
        let item = self.source.next().await?;
        match self.ready(&item) {
            Some(bytes) => Ok(bytes),
            // In a box: one in a group renders, and every idle one would carry its size.
            None => Ok(Box::pin(self.rendered(&item)).await),
        }
    }

    /// What another of the group has rendered already.
    fn ready(&self, item: &Item) -> Option<Bytes> {
        let Item::Event(_, delivery) = item else { return None };
        let shared = self.shares().then(|| delivery.ready(&self.operation.key)).flatten();
        match shared {
            Some(Rendered::Shared(bytes)) => Some(bytes),
            _ => match delivery.ready(&self.viewer_key)? {
                Rendered::Shared(bytes) => Some(bytes),
                Rendered::PerViewer => None,
            },
        }
    }

    /// Only where everyone sees everything can one rendering be for everyone.
    fn shares(&self) -> bool {
        matches!(&*self.source, Source::Household(source) if source.follower.member().sees_everything())
    }

    async fn rendered(&self, item: &Item) -> Bytes {
        let mut pause = BACK_OFF.0;
        // An event that cannot be rendered now is late, not lost.
        loop {
            match self.render(item).await {
                Ok(bytes) => return bytes,
                Err(Away) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(BACK_OFF.1);
        }
    }

    async fn render(&self, item: &Item) -> Result<Bytes, Away> {
        let Item::Event(epoch, delivery) = item else {
            return self.operation.render(self.audience(), item.clone()).await.map(|(bytes, _)| bytes);
        };
        let everyone = Audience::Everyone(delivery.detailed.event.household_id, *epoch);
        if self.shares()
            && let Rendered::Shared(bytes) =
                delivery.rendered(self.operation.key, self.for_everyone(everyone, item)).await?
        {
            return Ok(bytes);
        }
        match delivery.rendered(self.viewer_key, self.for_viewer(item)).await? {
            Rendered::Shared(bytes) => Ok(bytes),
            Rendered::PerViewer => Err(Away),
        }
    }

    fn audience(&self) -> Audience {
        Audience::Caller(self.caller.clone())
    }

    async fn for_everyone(&self, everyone: Audience, item: &Item) -> Result<Rendered, Away> {
        let (bytes, is_personal) = self.operation.render(everyone, item.clone()).await?;
        Ok(if is_personal { Rendered::PerViewer } else { Rendered::Shared(bytes) })
    }

    async fn for_viewer(&self, item: &Item) -> Result<Rendered, Away> {
        let (bytes, _) = self.operation.render(self.audience(), item.clone()).await?;
        Ok(Rendered::Shared(bytes))
    }
}

impl Source {
    async fn next(&mut self) -> Result<Item, End> {
        match self {
            Self::Household(source) => source.next().await,
            Self::Inbox(source) => source.next().await,
        }
    }
}

impl InboxSource {
    async fn next(&mut self) -> Result<Item, End> {
        match self.began.take() {
            Some(cursor) => Ok(Item::Inbox(InboxChange { cursor, found: None })),
            None => self.follower.next().await.map(Item::Inbox),
        }
    }
}

impl HouseholdSource {
    async fn next(&mut self) -> Result<Item, End> {
        if let Some(position) = self.began.take() {
            return Ok(Item::Began(position));
        }
        loop {
            match self.topic {
                Topic::Everything | Topic::Messages | Topic::Tasks | Topic::Groceries => {
                    let delivery = self.follower.next().await?;
                    if self.topic.includes_event(delivery.detailed.event.kind) {
                        return Ok(Item::Event(self.follower.cursor().epoch, delivery));
                    }
                }
                Topic::Typing | Topic::Presence => {
                    let signal = self.follower.next_signal().await?;
                    if self.topic.includes_signal(&signal) {
                        return Ok(Item::Signal(signal));
                    }
                }
            }
        }
    }
}

/// What is executed anew for every item.
struct Operation {
    schema: Schema,
    services: Services,
    render: Render,
    key: RenderKey,
    query: String,
    name: Option<String>,
    variables: Variables,
    document: ExecutableDocument,
}

/// The database was away while an event was rendered.
struct Away;

impl Operation {
    fn key_for(&self, caller: &Caller) -> RenderKey {
        let mut digest = Sha256::new_with_prefix(self.key);
        if let Some(viewer) = &caller.viewer {
            digest.update(viewer.user_id.bytes());
        }
        digest.finalize().into()
    }

    async fn render(&self, audience: Audience, item: Item) -> Result<(Bytes, bool), Away> {
        let scope = Arc::new(Scope::for_audience(self.services.clone(), audience));
        prime(&scope, &item).await;
        let response = self.execute(scope.clone(), Arc::new(Stage::Rendering(item))).await.ok_or(Away)?;
        if response.errors.iter().any(is_unavailable) {
            return Err(Away);
        }
        Ok(((self.render)(response), scope.is_personal()))
    }

    async fn execute(&self, scope: impl Into<Arc<Scope>>, stage: Arc<Stage>) -> Option<Response> {
        let mut request = Request::new(self.query.clone()).variables(self.variables.clone());
        request.operation_name.clone_from(&self.name);
        request.set_parsed_query(self.document.clone());
        let request = request.data(scope.into()).data(stage);
        self.schema.execute_stream(request).next().await
    }
}

/// What came with the event need not be loaded again.
async fn prime(scope: &Scope, item: &Item) {
    let Item::Event(_, delivery) = item else { return };
    if let Some(actor) = &delivery.detailed.actor {
        scope.loaders().members.prime(actor.id, actor.clone()).await;
    }
}

fn is_unavailable(error: &ServerError) -> bool {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    code.is_some_and(|code| *code == async_graphql::Value::from(Code::Unavailable.text()))
}
