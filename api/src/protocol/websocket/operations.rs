//! The operations of one socket. They share its task, and each is polled only when it was itself woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as Task, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

use super::stream::{Named, Said};

/// Few enough to be looked through: see [`Sockets::operations`](super::super::Sockets::operations).
#[derive(Default)]
pub(super) struct Operations {
    entries: Vec<Entry>,
    /// Who was heard last.
    turn: usize,
    task: Arc<AtomicWaker>,
}

struct Entry {
    operation: Named,
    wake: Arc<WakeOne>,
    waker: Waker,
}

/// Notes which operation it was, and wakes the socket's task.
struct WakeOne {
    is_woken: AtomicBool,
    task: Arc<AtomicWaker>,
}

impl Wake for WakeOne {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Operations {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.entries.iter().any(|entry| entry.operation.id() == id)
    }

    /// Adds one, to be polled at once.
    pub(super) fn insert(&mut self, operation: Named) {
        let wake = Arc::new(WakeOne { is_woken: AtomicBool::new(true), task: Arc::clone(&self.task) });
        let waker = Arc::clone(&wake).into();
        self.entries.push(Entry { operation, wake, waker });
    }

    /// Drops one, if it is there.
    pub(super) fn remove(&mut self, id: &str) {
        self.entries.retain(|entry| entry.operation.id() != id);
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// What one of them says next, each in its turn; one that has said its last is dropped.
    pub(super) fn poll_said(&mut self, task: &Task<'_>) -> Poll<Said> {
        self.task.register(task.waker());
        let count = self.entries.len();
        for _ in 0..count {
            self.turn = (self.turn + 1) % count;
            let Some(entry) = self.entries.get_mut(self.turn) else { break };
            if !entry.wake.is_woken.swap(false, Ordering::Acquire) {
                continue;
            }
            if let Poll::Ready(said) = entry.operation.poll(&mut Task::from_waker(&entry.waker)) {
                // It may have more to say.
                entry.wake.is_woken.store(true, Ordering::Release);
                if matches!(said, Said::Last(_)) {
                    self.entries.swap_remove(self.turn);
                }
                return Poll::Ready(said);
            }
        }
        Poll::Pending
    }
}
