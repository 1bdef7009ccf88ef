//! What an account may spend: a leaky bucket of points that fills again at a steady rate.
//!
//! An operation pays what it may cost at most before it runs, and gets back what its answer did not have. The bucket is
//! the same on every instance where a [`Ledger`] is shared; if that cannot be reached, each instance keeps its own. What
//! an account got back, and a little that is fetched ahead, stays with the instance as its credit for a while, so that
//! most operations ask no ledger.

mod bucket;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_graphql::{ServerError, Value, value};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Settings;
use super::error::{self, RATE_LIMITED};
use super::stats::Stats;
pub use bucket::{Buckets, Rates, Taken};

/// The share of a bucket that is taken ahead.
const AHEAD: u64 = 100;

/// Where the buckets are.
pub trait Ledger: Send + Sync + 'static {
    /// Takes as much as there is from an account's bucket, between `least` and `most` points, or nothing. Fails when the
    /// ledger cannot say within some hundred milliseconds.
    fn take<'a>(
        &'a self,
        account: &'a str,
        least: u64,
        most: u64,
    ) -> BoxFuture<'a, Result<Taken, Unreachable>>;
}

/// The ledger cannot be asked just now.
#[derive(Debug)]
pub struct Unreachable;

/// What was paid for an operation.
#[derive(Clone, Copy, Debug)]
pub struct Charge {
    /// For this operation, in points.
    pub cost: u64,
    /// Left in the account's bucket then.
    pub available: u64,
    /// The bucket.
    pub rates: Rates,
}

/// The budgets of all accounts, as this instance knows them.
pub(super) struct Budget {
    rates: Rates,
    shared: Option<Arc<dyn Ledger>>,
    own: Buckets,
    credits: Mutex<HashMap<Box<str>, Credit>>,
    stats: Arc<Stats>,
}

/// Points of an account that have left its bucket and are not spent.
struct Credit {
    points: u64,
    /// What was left in the bucket when it was last asked, and when that was.
    available: u64,
    asked: Instant,
    /// By then the bucket would have filled up anyway.
    lapses: Instant,
}

impl Budget {
    pub(super) fn new(settings: &Settings, stats: Arc<Stats>) -> Self {
        let rates = settings.rates;
        Self {
            rates,
            shared: settings.shared.ledger.clone(),
            own: Buckets::new(rates),
            credits: Mutex::default(),
            stats,
        }
    }

    /// Pays for an operation, or says when there will be enough. Nothing is charged where no bucket is kept.
    pub(super) async fn charge(&self, account: &str, cost: u64) -> Result<Option<Charge>, ServerError> {
        if self.rates.capacity == 0 {
            return Ok(None);
        }
        let owed = match self.spend(account, cost) {
            Ok(available) => return Ok(Some(self.charged(cost, available))),
            Err(owed) => owed,
        };
        let most = owed.max(self.rates.capacity / AHEAD);
        let taken = self.take(account, owed, most).await;
        if taken.points < owed {
            self.credit(account, cost - owed, None);
            self.stats.rate_limited();
            return Err(self.refused(cost, owed, taken.available));
        }
        let available = self.credit(account, taken.points - owed, Some(taken.available));
        Ok(Some(self.charged(cost, available)))
    }

    /// Gives back what an operation was charged and did not cost.
    pub(super) fn refund(&self, account: &str, points: u64) {
        if points > 0 {
            self.credit(account, points, None);
        }
    }

    async fn take(&self, account: &str, least: u64, most: u64) -> Taken {
        if let Some(ledger) = &self.shared {
            if let Ok(taken) = ledger.take(account, least, most).await {
                return taken;
            }
            self.stats.ledger_unreachable();
        }
        self.own.take(account, least, most)
    }

    fn charged(&self, cost: u64, available: u64) -> Charge {
        self.stats.charged(cost);
        Charge { cost, available, rates: self.rates }
    }

    /// Pays from the account's credit: with what is left to the account then, or with what is still owed.
    fn spend(&self, account: &str, cost: u64) -> Result<u64, u64> {
        let mut credits = self.credits.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(credit) = credits.get_mut(account) else { return Err(cost) };
        if credit.lapses <= Instant::now() {
            credits.remove(account);
            return Err(cost);
        }
        let paid = credit.points.min(cost);
        credit.points -= paid;
        if paid < cost { Err(cost - paid) } else { Ok(credit.left(self.rates)) }
    }

    /// Adds to the account's credit, and says what is left to the account.
    fn credit(&self, account: &str, points: u64, in_bucket: Option<u64>) -> u64 {
        let now = Instant::now();
        let lapses = now + self.rates.filling(self.rates.capacity);
        let mut credits = self.credits.lock().unwrap_or_else(PoisonError::into_inner);
        if credits.len() == credits.capacity() {
            credits.retain(|_, credit| credit.lapses > now);
        }
        let credit =
            credits.entry(account.into()).or_insert(Credit { points: 0, available: 0, asked: now, lapses });
        credit.points = credit.points.saturating_add(points).min(self.rates.capacity);
        if let Some(available) = in_bucket {
            (credit.available, credit.asked) = (available, now);
        }
        credit.left(self.rates)
    }

    fn refused(&self, cost: u64, owed: u64, available: u64) -> ServerError {
        let wait = self.rates.filling(owed.saturating_sub(available));
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let message = format!(
            "this operation costs {cost} points and the account has {available} left; wait {seconds} s, or ask for less"
        );
        let mut error = error::error(RATE_LIMITED, message);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("retryAfter", seconds.max(1));
        extensions.set("cost", Charge { cost, available, rates: self.rates }.told(None));
        error
    }
}

impl Credit {
    /// What is left to the account here, with what has come back to its bucket meanwhile.
    fn left(&self, rates: Rates) -> u64 {
        let bucket = self.available.saturating_add(rates.filled(self.asked.elapsed()));
        bucket.saturating_add(self.points).min(rates.capacity)
    }
}

impl Charge {
    /// As `extensions.cost`. What it turned out to cost is known once there is an answer.
    pub(super) fn told(&self, actual: Option<u64>) -> Value {
        value!({
            "requestedQueryCost": self.cost,
            "actualQueryCost": actual,
            "throttleStatus": {
                "maximumAvailable": self.rates.capacity,
                "currentlyAvailable": self.available,
                "restoreRate": self.rates.restore,
            },
        })
    }

    /// The header fields of `draft-ietf-httpapi-ratelimit-headers-10`: the bucket, and what is left in it.
    pub(super) fn add_headers(&self, headers: &mut HeaderMap) {
        let seconds = |points| self.rates.filling(points).as_secs_f64().ceil();
        let Rates { capacity, .. } = self.rates;
        let policy = format!("\"cost\";q={capacity};w={}", seconds(capacity));
        let missing = capacity.saturating_sub(self.available);
        let state = format!("\"cost\";r={};t={}", self.available, seconds(missing));
        for (name, text) in [(POLICY, policy), (STATE, state)] {
            if let Ok(text) = HeaderValue::try_from(text) {
                headers.insert(name, text);
            }
        }
    }
}

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");
