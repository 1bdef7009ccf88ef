//! How long operations took, in buckets that are the same for ever: what clients choose, as names, is no label.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the buckets, in microseconds, and in seconds as they are exported. The last one takes the rest:
/// no client waits longer than the deadline of operations.
const BOUNDS: [(u64, &str); 14] = [
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (10_000_000, "10"),
    (u64::MAX, "+Inf"),
];

/// The counters of one kind of operation.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BOUNDS.len()],
    microseconds: AtomicU64,
}

/// A histogram to be exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latency {
    /// The kind of operation.
    pub kind: &'static str,
    /// Upper bounds in seconds, and how many operations took no longer. The last bound is `+Inf`: it counts all.
    pub buckets: [(&'static str, u64); BOUNDS.len()],
    /// What they took together.
    pub sum: Duration,
}

impl Histogram {
    pub(super) fn note(&self, elapsed: Duration) {
        let microseconds = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().zip(&self.buckets).find(|((bound, _), _)| microseconds <= *bound);
        if let Some((_, count)) = bucket {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    pub(super) fn export(&self, kind: &'static str) -> Latency {
        let (mut buckets, mut total) = (BOUNDS.iter().zip(&self.buckets), 0);
        let buckets = array::from_fn(|_| {
            let Some(((_, bound), count)) = buckets.next() else { return ("+Inf", total) };
            total += count.load(Ordering::Relaxed);
            (*bound, total)
        });
        Latency { kind, buckets, sum: Duration::from_micros(self.microseconds.load(Ordering::Relaxed)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_counts_all_that_took_no_longer() {
        let histogram = Histogram::default();
        for microseconds in [500, 501, 30_000, 60_000_000] {
            histogram.note(Duration::from_micros(microseconds));
        }
        let latency = histogram.export("query");
        let counts: Vec<u64> = latency.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4]);
        assert_eq!(latency.buckets.last(), Some(&("+Inf", 4)));
        assert_eq!(latency.sum, Duration::from_micros(60_031_001));
    }
}
