//! The buckets of all accounts in Redis, for all instances.

use crate::protocol::budget::{Ledger, Rates, Taken, Unreachable};
use futures_util::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{Client, RedisResult, Script};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tracing::{info, warn};

/// How long an operation waits for Redis, before the instance's own buckets do.
const DEADLINE: Duration = Duration::from_millis(200);
/// How long Redis is left alone after it did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// A bucket is the time at which it will be full, in microseconds by the clock of Redis: one value, read and written by
/// one script. A full one is not there.
const TAKE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local capacity, restore = tonumber(ARGV[1]), tonumber(ARGV[2])
local least, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local available = math.max(math.floor(capacity - (full_at - now) * restore / 1000000), 0)
if available < least then return {0, available} end
local taken = math.min(available, most)
full_at = full_at + math.ceil(taken * 1000000 / restore)
local left = math.max(math.ceil((full_at - now) / 1000), 1)
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', string.format('%.0f', left))
return {taken, available - taken}
";

/// Keeps the buckets in Redis. When it is lost, it says so at once, and tries again a second later.
pub(crate) struct RedisLedger {
    client: Client,
    script: Script,
    rates: Rates,
    link: Mutex<Link>,
}

#[derive(Clone)]
enum Link {
    Up(MultiplexedConnection),
    /// Not to be tried before this time.
    Down(Instant),
}

impl RedisLedger {
    /// A ledger at this address. It connects when it is first asked.
    pub(crate) fn new(url: &str, rates: Rates) -> RedisResult<Self> {
        let link = Mutex::new(Link::Down(Instant::now()));
        Ok(Self { client: Client::open(url)?, script: Script::new(TAKE), rates, link })
    }

    async fn ask(&self, account: &str, least: u64, most: u64) -> RedisResult<Option<Taken>> {
        let Some(mut connection) = self.connection().await? else { return Ok(None) };
        let Rates { capacity, restore } = self.rates;
        let (points, available) = self
            .script
            .key(format!("roomm8:budget:{account}"))
            .arg(&[capacity, restore, least, most])
            .invoke_async(&mut connection)
            .await?;
        Ok(Some(Taken { points, available }))
    }

    async fn connection(&self) -> RedisResult<Option<MultiplexedConnection>> {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match link {
            Link::Up(connection) => return Ok(Some(connection)),
            Link::Down(until) if Instant::now() < until => return Ok(None),
            Link::Down(_) => {}
        }
        // One operation tries; those that come meanwhile do without.
        self.set(Link::Down(Instant::now() + PAUSE));
        let connection = self.client.get_multiplexed_async_connection().await?;
        info!("accounts' budgets are kept in Redis");
        self.set(Link::Up(connection.clone()));
        Ok(Some(connection))
    }

    fn set(&self, link: Link) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = link;
    }
}

impl Ledger for RedisLedger {
    fn take<'a>(
        &'a self,
        account: &'a str,
        least: u64,
        most: u64,
    ) -> BoxFuture<'a, Result<Taken, Unreachable>> {
        Box::pin(async move {
            let problem = match timeout(DEADLINE, self.ask(account, least, most)).await {
                Ok(Ok(taken)) => return taken.ok_or(Unreachable),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {} ms", DEADLINE.as_millis()),
            };
            warn!(problem, "Redis is lost: each instance keeps its own budgets for the accounts");
            self.set(Link::Down(Instant::now() + PAUSE));
            Err(Unreachable)
        })
    }
}
