//! Waiting for a condition instead of for a time.

use std::time::{Duration, Instant};

/// Asks again and again until `ask` gives a value; panics with `what` when `limit` has passed.
pub async fn until<T>(limit: Duration, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = ask().await {
            return value;
        }
        assert!(Instant::now() < end, "within {limit:?} it never came true that {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until `is_so` holds; panics with `what` when `limit` has passed.
pub async fn until_so(limit: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    until(limit, what, async || is_so().await.then_some(())).await;
}
