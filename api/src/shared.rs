//! What instances share through Redis besides live delivery, and each does without while Redis is lost: the budgets of
//! accounts, and the documents that clients have registered.

mod ledger;
mod link;
mod shelf;

use crate::protocol::Shared;
use crate::protocol::budget::Rates;
use ledger::RedisLedger;
use link::Link;
use roomm8_subscriptions::RedisServer;
use shelf::RedisShelf;
use std::sync::Arc;

/// What is shared through this server. It connects when it is first needed.
pub(crate) fn through_redis(server: RedisServer, rates: Rates) -> Shared {
    let link = Arc::new(Link::new(server));
    Shared {
        ledger: Some(Arc::new(RedisLedger::new(Arc::clone(&link), rates))),
        shelf: Some(Arc::new(RedisShelf::new(link))),
    }
}
