//! The sessions with an open socket here, and those that ended lately.

use roomm8_db::SessionId;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long an ended session is remembered: longer than any cache of sessions.
const REMEMBERED: Duration = Duration::from_mins(1);

#[derive(Default)]
pub(crate) struct Sessions(Mutex<State>);

#[derive(Default)]
struct State {
    open: HashMap<SessionId, watch::Sender<bool>>,
    ended: HashMap<SessionId, Instant>,
}

impl Sessions {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the session is told to have ended.
    pub(crate) fn ended(&self, session: SessionId) -> impl Future<Output = ()> + Send + 'static {
        let mut state = self.state();
        let has_ended = state.ended.contains_key(&session);
        let sender = state.open.entry(session).or_insert_with(|| watch::Sender::new(has_ended));
        let mut receiver = sender.subscribe();
        async move {
            // The sender is only dropped when nobody waits.
            let _ = receiver.wait_for(|has_ended| *has_ended).await;
        }
    }

    pub(crate) fn has_ended(&self, session: SessionId) -> bool {
        self.state().ended.contains_key(&session)
    }

    pub(crate) fn end(&self, sessions: &[SessionId]) {
        let mut state = self.state();
        for session in sessions {
            state.ended.insert(*session, Instant::now());
            if let Some(sender) = state.open.get(session) {
                sender.send_replace(true);
            }
        }
    }

    /// The sessions somebody waits for.
    pub(crate) fn open(&self) -> Vec<SessionId> {
        let mut state = self.state();
        state.open.retain(|_, sender| sender.receiver_count() > 0);
        state.ended.retain(|_, at| at.elapsed() < REMEMBERED);
        state.open.iter().filter(|(_, sender)| !*sender.borrow()).map(|(session, _)| *session).collect()
    }
}
