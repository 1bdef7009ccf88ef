//! Buckets in this process's memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How large a bucket is, and how fast it fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Points of a full bucket.
    pub capacity: u64,
    /// Points a second; at least 1.
    pub restore: u64,
}

impl Rates {
    /// How long so many points take to come back.
    pub fn filling(&self, points: u64) -> Duration {
        Duration::from_micros(points.saturating_mul(1_000_000) / self.restore.max(1))
    }

    /// How many points come back in this time.
    pub(super) fn filled(&self, time: Duration) -> u64 {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        micros.saturating_mul(self.restore.max(1)) / 1_000_000
    }
}

/// What was taken from a bucket, and what is left in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Points taken; 0 if there were not enough.
    pub points: u64,
    /// Points left.
    pub available: u64,
}

/// The buckets of all accounts. A bucket is the time at which it will be full; a full one need not be known.
pub struct Buckets {
    rates: Rates,
    full_at: Mutex<HashMap<Box<str>, Instant>>,
}

impl Buckets {
    /// Full ones.
    pub fn new(rates: Rates) -> Self {
        Self { rates, full_at: Mutex::default() }
    }

    /// Takes as much as there is, between `least` and `most` points, or nothing.
    pub fn take(&self, account: &str, least: u64, most: u64) -> Taken {
        let now = Instant::now();
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() == buckets.capacity() {
            buckets.retain(|_, full_at| *full_at > now);
        }
        let missing = buckets.get(account).map_or(Duration::ZERO, |full_at| full_at.duration_since(now));
        let (missing, taken) = self.rates.take(missing, least, most);
        if taken.points > 0 {
            buckets.insert(account.into(), now + missing);
        }
        taken
    }
}

impl Rates {
    /// From a bucket that will be full after this time.
    fn take(&self, full_after: Duration, least: u64, most: u64) -> (Duration, Taken) {
        // What is missing counts whole: a point that is not all there cannot be spent.
        let capacity = self.filling(self.capacity);
        let available = self.filled(capacity.saturating_sub(full_after)).min(self.capacity);
        if available < least {
            return (full_after, Taken { points: 0, available });
        }
        let points = available.min(most);
        (full_after + self.filling(points), Taken { points, available: available - points })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bucket_gives_what_it_has_and_fills_again() {
        let rates = Rates { capacity: 100, restore: 10 };
        let (full_after, taken) = rates.take(Duration::ZERO, 30, 30);
        assert_eq!((full_after.as_secs(), taken), (3, Taken { points: 30, available: 70 }));
        let (full_after, taken) = rates.take(full_after, 60, 90);
        assert_eq!(taken, Taken { points: 70, available: 0 });
        let (same, taken) = rates.take(full_after, 1, 1);
        assert_eq!((same, taken), (full_after, Taken { points: 0, available: 0 }));
        // Two seconds later.
        let (_, taken) = rates.take(Duration::from_secs(8), 20, 20);
        assert_eq!(taken, Taken { points: 20, available: 0 });
    }

    proptest! {
        #[test]
        fn never_more_is_given_than_was_there_and_came_back(
            capacity in 1..100_000_u64,
            restore in 1..10_000_u64,
            steps in prop::collection::vec((0..5_000_000_u64, 1..50_000_u64, 0..1_000_u64), 1..60),
        ) {
            let rates = Rates { capacity, restore };
            let (mut full_after, mut elapsed, mut given) = (Duration::ZERO, Duration::ZERO, 0);
            for (micros, least, more) in steps {
                let pause = Duration::from_micros(micros);
                (elapsed, full_after) = (elapsed + pause, full_after.saturating_sub(pause));
                let (after, taken) = rates.take(full_after, least, least + more);
                full_after = after;
                given += taken.points;
                prop_assert!(taken.points == 0 || (least..=least + more).contains(&taken.points));
                prop_assert!(taken.points > 0 || taken.available < least);
                prop_assert!(given <= capacity + rates.filled(elapsed) + 1);
            }
        }
    }
}
