//! What a caller may still spend, as the server's edge counts it.

use crate::scalar::DateTime;
use async_graphql::{Context, Object};
use roomm8_db::Time;
use std::time::Duration;

/// What operations cost you, and how much you may spend on them. You have a bucket of points that fills again steadily.
#[derive(Debug, Clone, Copy)]
pub struct RateLimit {
    /// Points that this operation may cost at most; what its answer has less of is given back.
    pub cost: u64,
    /// Points of a full bucket.
    pub limit: u64,
    /// Points left, this operation paid.
    pub remaining: u64,
    /// Points that come back in a second.
    pub restore_rate: u64,
    /// How long until the bucket is full.
    pub full_after: Duration,
}

/// What operations cost you, and how much you may spend on them. You have a bucket of points, the same on all your
/// devices, that fills again steadily; without enough in it, an operation is refused as `RATE_LIMITED`.
#[Object]
impl RateLimit {
    /// The points this operation may cost at most: one for each object it may answer with, by as many items as its
    /// lists may have; 10 more for each mutation, 5 more for a subscription. What its answer has less of is given back.
    async fn cost(&self) -> i32 {
        points(self.cost)
    }

    /// The points of a full bucket.
    async fn limit(&self) -> i32 {
        points(self.limit)
    }

    /// The points left, with this operation paid.
    async fn remaining(&self) -> i32 {
        points(self.remaining)
    }

    /// The points that come back in a second.
    async fn restore_rate(&self) -> i32 {
        points(self.restore_rate)
    }

    /// When the bucket is full again, if nothing else is spent.
    async fn reset_at(&self) -> DateTime {
        DateTime(Time::now().after(self.full_after))
    }
}

/// GraphQL's `Int` has 32 bits.
fn points(points: u64) -> i32 {
    i32::try_from(points).unwrap_or(i32::MAX)
}

#[derive(Default)]
pub(crate) struct RateLimitQuery;

#[Object]
impl RateLimitQuery {
    /// What this operation costs and what you may spend after it; null where this server counts no cost. `extensions:
    /// {"cost": true}` beside the query says the same in the answer's `extensions.cost`, with what it really cost.
    async fn rate_limit(&self, ctx: &Context<'_>) -> Option<RateLimit> {
        *ctx.data_opt::<Option<RateLimit>>()?
    }
}
