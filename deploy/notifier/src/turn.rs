//! How much time an invocation has, and what may still be begun in it.

use std::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// No call to AWS takes longer, however much time there is.
const LONGEST_CALL: Duration = Duration::from_secs(5);
/// However little time an invocation has, it is enough for this many calls one after another.
const CALLS: u32 = 6;

/// One invocation's time.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    /// Its name, which no other has.
    pub(crate) name: String,
    /// How long one call may take.
    pub(crate) call: Duration,
    /// When Lambda ends this process, in milliseconds since 1970: by then nothing that was begun here goes on.
    pub(crate) deadline: u64,
    end: Instant,
}

impl Turn {
    pub(crate) fn new(name: String, deadline: u64) -> Self {
        let left = Duration::from_millis(deadline.saturating_sub(now()));
        Self { name, call: LONGEST_CALL.min(left / CALLS), deadline, end: Instant::now() + left }
    }

    /// Whether this many calls can be made one after another and an answer given before the end, be they slow.
    pub(crate) fn has_time_for(&self, calls: u32) -> bool {
        self.end.saturating_duration_since(Instant::now()) >= self.call * calls + self.call / 2
    }
}

/// The time in milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nothing_is_begun_that_could_not_be_ended() {
        let turn = Turn::new("a".into(), now() + 31_000);
        assert_eq!(turn.call, LONGEST_CALL);
        assert!(turn.has_time_for(5) && !turn.has_time_for(6));
        tokio::time::advance(Duration::from_secs(12)).await;
        assert!(turn.has_time_for(3) && !turn.has_time_for(4));
        tokio::time::advance(Duration::from_mins(1)).await;
        assert!(!turn.has_time_for(1));
        let short = Turn::new("b".into(), now() + 6_000);
        assert!(short.call <= Duration::from_secs(1) && short.has_time_for(5));
    }
}
