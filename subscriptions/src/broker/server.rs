//! How Redis is reached.

use redis::aio::{MultiplexedConnection, PubSub};
use redis::{Client, ErrorKind, RedisError, RedisResult};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// How long a first connection may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// A Redis, and how to sign in there, which may change. Clones are the same one.
#[derive(Debug, Clone)]
pub struct RedisServer {
    client: Arc<Mutex<Client>>,
    /// Told when it refuses us.
    stale: Option<Arc<Notify>>,
}

impl RedisServer {
    /// The server of this URL, once one connection could be made. Whoever hears `stale` should look for another password,
    /// and [`RedisServer::move_to`] it.
    ///
    /// # Errors
    /// A sentence about `REDIS_URL`, for whoever starts the server.
    pub async fn open(url: &str, stale: Option<Arc<Notify>>) -> anyhow::Result<Self> {
        let client = Arc::new(Mutex::new(tried(url).await?));
        Ok(Self { client, stale })
    }

    /// Connects in this way from now on. What is connected stays so. Nothing changes if no connection can be made.
    pub async fn move_to(&self, url: &str) -> anyhow::Result<()> {
        let client = tried(url).await?;
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = client;
        Ok(())
    }

    /// A connection for commands.
    pub async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        self.heed(connect(&self.client()).await)
    }

    /// A connection that hears what is published on a channel.
    pub(super) async fn listen(&self, channel: &str) -> RedisResult<PubSub> {
        let client = self.client();
        let listening = async {
            let mut connection = client.get_async_pubsub().await?;
            connection.subscribe(channel).await?;
            Ok(connection)
        };
        self.heed(listening.await)
    }

    fn client(&self) -> Client {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn heed<T>(&self, connected: RedisResult<T>) -> RedisResult<T> {
        if let Some(stale) = &self.stale
            && connected.as_ref().err().is_some_and(is_refusal)
        {
            stale.notify_one();
        }
        connected
    }
}

/// Whether it knows us no more: the password is another, or there was none.
fn is_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed || matches!(error.code(), Some("NOAUTH" | "WRONGPASS"))
}

/// A connection that was used: without a password, a server that wants one refuses the first command only.
async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    let mut connection = client.get_multiplexed_async_connection().await?;
    redis::cmd("PING").exec_async(&mut connection).await?;
    Ok(connection)
}

/// A client with which a connection could be made.
async fn tried(url: &str) -> anyhow::Result<Client> {
    let client = Client::open(url).map_err(|error| {
        anyhow::anyhow!("REDIS_URL is not a Redis URL ({error}): write redis://host:6379")
    })?;
    let cause = match timeout(PATIENCE, connect(&client)).await {
        Ok(Ok(_)) => return Ok(client),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    anyhow::bail!("REDIS_URL: cannot reach Redis at {}: {cause}", client.get_connection_info().addr())
}
