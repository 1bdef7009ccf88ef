//! The connection to Redis that is made when it is needed, and is not missed.

use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use roomm8_subscriptions::RedisServer;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tracing::{info, warn};

/// How long an operation waits for Redis, before it does without.
const DEADLINE: Duration = Duration::from_millis(200);
/// How long Redis is left alone after it did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// A link that is tried at most once a second while it is broken, and says so at once in between.
pub(super) struct Link {
    server: RedisServer,
    state: Mutex<State>,
    /// Held by the one that connects; the others wait for it.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
enum State {
    Up(MultiplexedConnection),
    /// Not to be tried before this time.
    Down(Instant),
}

impl Link {
    pub(super) fn new(server: RedisServer) -> Self {
        Self {
            server,
            state: Mutex::new(State::Down(Instant::now())),
            connecting: tokio::sync::Mutex::default(),
        }
    }

    /// Asks Redis something. `None`: it did not answer in time, or it is known that it would not.
    pub(super) async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(MultiplexedConnection) -> RedisResult<T>,
    ) -> Option<T> {
        let exchange = timeout(DEADLINE, async {
            match self.connection().await? {
                Some(connection) => question(connection).await.map(Some),
                None => Ok(None),
            }
        });
        let problem = match exchange.await {
            Ok(Ok(answer)) => return answer,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} ms", DEADLINE.as_millis()),
        };
        warn!(problem, "Redis is lost: this instance counts budgets and keeps documents by itself");
        self.set(State::Down(Instant::now() + PAUSE));
        None
    }

    async fn connection(&self) -> RedisResult<Option<MultiplexedConnection>> {
        let mut turn = None;
        loop {
            match self.state() {
                State::Up(connection) => return Ok(Some(connection)),
                State::Down(until) if Instant::now() < until => return Ok(None),
                State::Down(_) if turn.is_some() => break,
                // Somebody may be connecting: then there is a connection when it is this one's turn.
                State::Down(_) => turn = Some(self.connecting.lock().await),
            }
        }
        let connection = self.server.connect().await?;
        info!("budgets and documents are shared through Redis");
        self.set(State::Up(connection.clone()));
        Ok(Some(connection))
    }

    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}
