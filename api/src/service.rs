//! The schema as the protocol layer's service: who calls, what runs, when a session ends.

use crate::config::Introspection;
use crate::protocol::answers::{self, View};
use crate::protocol::error::INTROSPECTION_OFF;
use crate::protocol::gate::Kind;
use crate::protocol::listener::subscriber;
use crate::protocol::panics::PanicGuard;
use crate::protocol::{Charge, Credentials, Events, Refused, Service, answer};
use async_graphql::{Request, Response, ServerError, ValidationMode};
use bytes::Bytes;
use roomm8_db::account::session::{self, TokenHash, Viewer};
use roomm8_db::{Error as DbError, HouseholdId, Reader, Replica, SessionId, access, for_request};
use roomm8_schema::{Caller, Live, RateLimit, Schema, Scope, Services, versioned};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long a session is believed without asking the database again.
const BELIEVED_FOR: Duration = Duration::from_secs(5);
/// Sessions believed at once; beyond that the database is asked.
const BELIEVED: usize = 10_000;
/// How long an answer may take that is read on a replica, before the primary is asked.
const READ_WITHIN: Duration = Duration::from_secs(1);
/// Bytes of a rendered event.
const EVENT_BYTES: usize = 1024 * 1024;

/// The replica does not answer, or not as it should.
struct LeftToPrimary;

/// RoomM8's schema behind the protocol layer. Cheap to clone.
#[derive(Clone)]
pub struct RoomM8 {
    schema: Schema,
    /// Made when first needed, which is after a panic.
    guarded: Arc<OnceLock<Schema>>,
    services: Services,
    introspection: Introspection,
    live: Live,
    believed: Arc<Mutex<HashMap<TokenHash, (Viewer, Instant)>>>,
}

impl RoomM8 {
    /// The service of this schema, which it tells to some.
    pub fn new(schema: Schema, services: Services, introspection: Introspection) -> Self {
        let live = Live::new(schema.clone(), services.clone(), render);
        Self { schema, guarded: Arc::default(), services, introspection, live, believed: Arc::default() }
    }

    /// Whether whoever sends these credentials may read the schema.
    pub(crate) async fn may_read_schema(
        &self,
        credentials: Result<Credentials, Refused>,
    ) -> Result<(), Refused> {
        if self.introspection == Introspection::Everybody {
            // A token that has ended is no reason to refuse what needs none.
            return Ok(());
        }
        let caller = self.authenticate(credentials?).await?;
        self.may_introspect(&caller).map_err(|reason| Refused::new(INTROSPECTION_OFF, reason))
    }

    async fn viewer(&self, token: &str) -> Result<Viewer, DbError> {
        let token = TokenHash::of(token).ok_or(DbError::Unauthenticated)?;
        if let Some(viewer) = self.believed(token) {
            return Ok(viewer);
        }
        let viewer = session::viewer(&self.services.database, token).await?;
        self.believe(token, viewer);
        Ok(viewer)
    }

    fn believed(&self, token: TokenHash) -> Option<Viewer> {
        let believed = self.believed.lock().unwrap_or_else(PoisonError::into_inner);
        let (viewer, since) = believed.get(&token)?;
        let is_true = since.elapsed() < BELIEVED_FOR && !self.has_ended(viewer.session_id);
        is_true.then_some(*viewer)
    }

    fn believe(&self, token: TokenHash, viewer: Viewer) {
        let mut believed = self.believed.lock().unwrap_or_else(PoisonError::into_inner);
        if believed.len() >= BELIEVED {
            believed.retain(|_, (_, since)| since.elapsed() < BELIEVED_FOR);
        }
        if believed.len() < BELIEVED {
            believed.insert(token, (viewer, Instant::now()));
        }
    }

    /// The request with what its resolvers ask for.
    fn prepare(&self, caller: Caller, request: Request, charge: Option<Charge>) -> Request {
        let scope = Arc::new(Scope::new(self.services.clone(), caller));
        request.data(scope).data(charge.map(rate_limit))
    }

    /// What [`Service::execute_view`] answers, read on the replica, if that shows this view, and to the end. What fails for
    /// another reason is told by an execution for the caller, which the primary has.
    async fn execute_view_on(
        &self,
        replica: &Replica,
        reader: Reader,
        request: Request,
    ) -> Result<Option<Response>, LeftToPrimary> {
        let snapshot = replica.snapshot(&reader).await.ok_or(LeftToPrimary)?;
        let scope = Arc::new(Scope::of_readers_on(self.services.clone(), reader, snapshot));
        let reading = async {
            let response = for_request(self.schema.execute(request.data(Arc::clone(&scope)))).await;
            (response, scope.take_connection().await)
        };
        let (response, connection) = timeout(READ_WITHIN, reading).await.ok().unzip();
        match (replica.take_back(connection.flatten()).await, response) {
            (true, Some(response)) => Ok((!scope.is_personal()).then_some(response)),
            _ => Err(LeftToPrimary),
        }
    }

    fn has_ended(&self, session: SessionId) -> bool {
        self.services.hub.has_session_ended(session)
    }
}

impl Service for RoomM8 {
    type Caller = Caller;
    type Subject = HouseholdId;
    type View = Reader;

    fn sdl(&self) -> String {
        roomm8_schema::sdl().to_owned()
    }

    async fn authenticate(&self, credentials: Credentials) -> Result<Caller, ServerError> {
        let Credentials { token, client_address: address, user_agent } = credentials;
        let viewer = match token {
            Some(token) => Some(
                self.viewer(&token)
                    .await
                    .map_err(|error| roomm8_schema::Error::from(error).into_server_error())?,
            ),
            None => None,
        };
        Ok(Caller { viewer, address, user_agent })
    }

    fn account(&self, caller: &Caller) -> String {
        match caller.viewer {
            Some(viewer) => format!("user {}", viewer.user_id),
            None => format!("address {}", subscriber(caller.address)),
        }
    }

    fn payer(&self, caller: &Caller, kind: Kind) -> String {
        let account = self.account(caller);
        // Whoever asks a lot at an address keeps nobody there from signing in; that has throttles of its own.
        if caller.viewer.is_none() && kind == Kind::Mutation { format!("{account} sign-in") } else { account }
    }

    fn may_introspect(&self, caller: &Caller) -> Result<(), &'static str> {
        match self.introspection {
            Introspection::Everybody => Ok(()),
            Introspection::SignedIn if caller.viewer.is_some() => Ok(()),
            Introspection::SignedIn => Err(
                "the schema is told to those who are signed in, here and at /schema.graphql: send a token",
            ),
            Introspection::Off => Err(
                "the schema is not told, here nor at /schema.graphql: ask for it where this server is run",
            ),
        }
    }

    async fn execute(&self, caller: Caller, request: Request, charge: Option<Charge>) -> Response {
        for_request(self.schema.execute(self.prepare(caller, request, charge))).await
    }

    async fn execute_guarded(
        &self,
        caller: Caller,
        request: Request,
        charge: Option<Charge>,
    ) -> Option<Response> {
        let build = || Schema::with(ValidationMode::Fast, PanicGuard);
        let request = self.prepare(caller, request, charge);
        Some(for_request(self.guarded.get_or_init(build).execute(request)).await)
    }

    fn subject(&self, request: &mut Request) -> Option<HouseholdId> {
        versioned::household(request)
    }

    async fn view(&self, caller: &Caller, household: &HouseholdId) -> Option<Reader> {
        let mut conn = self.services.database.connection().await.ok()?;
        let member = for_request(access::member(&mut conn, caller.viewer?.user_id, *household));
        member.await.ok().map(Reader::from)
    }

    async fn execute_view(&self, reader: Reader, mut request: Request) -> Option<Response> {
        if let Some(replica) = &self.services.replica
            && let Some(request) = answers::copy(&mut request)
            && let Ok(made) = self.execute_view_on(replica, reader.clone(), request).await
        {
            return made;
        }
        let scope = Arc::new(Scope::of_readers(self.services.clone(), reader));
        let response = for_request(self.schema.execute(request.data(Arc::clone(&scope)))).await;
        (!scope.is_personal()).then_some(response)
    }

    async fn subscribe(&self, caller: Caller, request: Request) -> Result<Events, Vec<ServerError>> {
        self.live.subscribe(caller, answers::key(&request), request).await
    }

    fn ended(&self, caller: &Caller) -> impl Future<Output = ()> + Send + 'static {
        let end = caller.viewer.map(|viewer| self.services.hub.session_end(viewer.session_id));
        async move {
            match end {
                Some(end) => end.await,
                None => std::future::pending().await,
            }
        }
    }
}

impl View for Reader {
    fn is_version_of(&self, other: &Self) -> bool {
        self.household_id() == other.household_id() && self.periods() == other.periods()
    }

    fn bytes(&self) -> usize {
        let household = self.household();
        let text = household.name.len() + household.time_zone.len() + household.currency.len();
        std::mem::size_of_val(household) + text + std::mem::size_of_val(self.periods().unwrap_or_default())
    }
}

fn rate_limit(charge: Charge) -> RateLimit {
    let Charge { cost, available, rates } = charge;
    let missing = rates.capacity.saturating_sub(available);
    let full_after = rates.filling(missing);
    RateLimit { cost, limit: rates.capacity, remaining: available, restore_rate: rates.restore, full_after }
}

/// An event as its subscribers see it; they have no request id of their own to quote.
fn render(response: Response) -> Bytes {
    match answer::render(response, "event", EVENT_BYTES) {
        Ok(rendered) => rendered.body,
        Err(errors) => answer::render_errors(&errors),
    }
}
