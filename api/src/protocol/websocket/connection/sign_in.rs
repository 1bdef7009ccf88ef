//! Who a socket's client is: said once at the beginning, and again when the session is to be another.

use async_graphql::ServerError;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use super::super::super::error::{Code, DEADLINE_EXCEEDED, INTERNAL, RATE_LIMITED, UNAVAILABLE};
use super::super::super::{Credentials, Service, Shutdown, operation};
use super::super::close::Close;
use super::super::message;
use super::{Connection, restart};

impl<S: Service> Connection<S> {
    pub(super) async fn init(&mut self, payload: Option<&RawValue>) -> Result<(), Close> {
        if self.caller.is_some() {
            return Err(Close::initialised_twice());
        }
        let handshake = self.credentials.token.take();
        let token = message::token(payload)?.or(handshake);
        let deadline = self.opened + self.context.settings.sockets.init_deadline;
        let caller = self.authenticate(token, deadline).await?.ok_or_else(Close::init_timeout)?;
        let Some(place) = self.context.accounts.take(self.context.service.account(&caller).into()) else {
            self.context.stats.account_connection_refused();
            return Err(Close::too_many_connections());
        };
        self.place = Some(place);
        self.be(caller);
        self.replies.push_back(message::ack());
        Ok(())
    }

    /// Answers a ping. One with a token renews the socket: operations that are started from then on are this
    /// session's, and the socket ends with it. Those under way stay what they are, as it is the same account. The
    /// token is not sent back, so the answer says that it was taken.
    pub(super) async fn pong(&mut self, payload: Option<&RawValue>) -> Result<(), Close> {
        // Before `connection_init` there is nothing to renew.
        let token = if self.caller.is_some() { message::renewal(payload)? } else { None };
        if token.is_none() {
            self.replies.push_back(message::pong(payload));
            return Ok(());
        }
        let deadline = Instant::now() + self.context.settings.sockets.init_deadline;
        let caller = self.authenticate(token, deadline).await?.ok_or_else(Close::try_again)?;
        let account = self.context.service.account(&caller);
        if self.place.as_ref().is_none_or(|place| **place.owner() != *account) {
            return Err(Close::forbidden("the token is of another account".into()));
        }
        self.be(caller);
        self.replies.push_back(message::pong(None));
        Ok(())
    }

    /// Who sends this token; nobody, if it could not be found out in time.
    async fn authenticate(
        &mut self,
        token: Option<String>,
        deadline: Instant,
    ) -> Result<Option<S::Caller>, Close> {
        let credentials = Credentials { token, ..(*self.credentials).clone() };
        // In a box: this is done once or twice, and the socket's future is kept for hours.
        let authentication = Box::pin(operation::authenticate(&self.context, credentials, &self.request_id));
        match timeout_at(deadline, authentication).await {
            Ok(Ok(caller)) => Ok(Some(caller)),
            Ok(Err(error)) => Err(refused(error)),
            Err(_) => Ok(None),
        }
    }

    /// From here on the socket is this caller's.
    fn be(&mut self, caller: S::Caller) {
        self.leave = Box::pin(leave(self.context.service.ended(&caller), self.context.shutdown.clone()));
        self.caller = Some(caller);
    }
}

/// What a later attempt may mend.
const PASSING: [Code; 4] = [INTERNAL, UNAVAILABLE, DEADLINE_EXCEEDED, RATE_LIMITED];

/// 4403 tells the client to sign in again; what is not its fault must not.
fn refused(error: ServerError) -> Close {
    if PASSING.iter().any(|code| code.is_of(&error)) {
        return Close::try_again();
    }
    Close::forbidden(error.message)
}

async fn leave(ended: impl Future<Output = ()> + Send, shutdown: Shutdown) -> Close {
    tokio::select! {
        () = ended => Close::session_ended(),
        reason = restart(shutdown) => reason,
    }
}
