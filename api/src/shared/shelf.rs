//! Registered documents in Redis, for all instances.

use super::Link;
use crate::protocol::documents::Shelf;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use redis::AsyncCommands;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How long a document lies there that nobody asks for: a day.
const KEPT_SECONDS: u64 = 24 * 60 * 60;
/// Digits of a hash that say where its document lies. There are 4,096 places, each for the document that came last, so
/// that whoever makes up documents fills no more than that many.
const PLACE: usize = 3;
/// Documents on their way to Redis; more at once are not taken there.
const UNDER_WAY: usize = 16;

/// Keeps the documents in Redis.
pub(super) struct RedisShelf {
    link: Arc<Link>,
    under_way: Arc<Semaphore>,
}

impl RedisShelf {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self { link, under_way: Arc::new(Semaphore::new(UNDER_WAY)) }
    }
}

impl Shelf for RedisShelf {
    fn put(&self, hash: &str, text: &str) {
        let Ok(permit) = Arc::clone(&self.under_way).try_acquire_owned() else { return };
        let (link, key, text) = (Arc::clone(&self.link), key(hash), text.to_owned());
        tokio::spawn(async move {
            let _permit = permit;
            link.ask(async |mut connection| connection.set_ex::<_, _, ()>(key, text, KEPT_SECONDS).await)
                .await
        });
    }

    fn find<'a>(&'a self, hash: &'a str) -> BoxFuture<'a, Option<String>> {
        let expiry = redis::Expiry::EX(KEPT_SECONDS);
        let finding = async move {
            self.link.ask(async |mut connection| connection.get_ex(key(hash), expiry).await).await.flatten()
        };
        finding.boxed()
    }
}

fn key(hash: &str) -> String {
    format!("roomm8:document:{}", hash.get(..PLACE).unwrap_or(hash))
}
