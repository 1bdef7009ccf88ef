//! The buckets of all accounts in Redis, for all instances.

use super::Link;
use crate::protocol::budget::{Ledger, Rates, Taken, Unreachable};
use futures_util::future::BoxFuture;
use redis::Script;
use std::sync::Arc;

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

/// Keeps the buckets in Redis.
pub(super) struct RedisLedger {
    link: Arc<Link>,
    script: Script,
    rates: Rates,
}

impl RedisLedger {
    pub(super) fn new(link: Arc<Link>, rates: Rates) -> Self {
        Self { link, script: Script::new(TAKE), rates }
    }
}

impl Ledger for RedisLedger {
    fn take<'a>(
        &'a self,
        account: &'a str,
        least: u64,
        most: u64,
    ) -> BoxFuture<'a, Result<Taken, Unreachable>> {
        let Rates { capacity, restore } = self.rates;
        Box::pin(async move {
            let taken = self.link.ask(async |mut connection| {
                let mut call = self.script.key(format!("roomm8:budget:{account}"));
                call.arg(&[capacity, restore, least, most]).invoke_async(&mut connection).await
            });
            let (points, available) = taken.await.ok_or(Unreachable)?;
            Ok(Taken { points, available })
        })
    }
}
