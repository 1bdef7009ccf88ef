//! One operation of a socket, in the messages that carry it.

use std::task::{Context as Task, Poll};

use axum::extract::ws::Message;

use super::super::running::{self, Running};
use super::message;

/// What an operation says, in its message.
pub(super) enum Said {
    /// A response.
    Next(Message),
    /// It has ended, or failed.
    Last(Message),
    /// Its events overflowed, as the socket did not take them.
    Overflow,
}

/// An operation and the id that the client gave it.
pub(super) struct Named {
    id: Box<str>,
    /// What each of its responses begins with.
    head: Box<[u8]>,
    running: Running,
}

impl Named {
    pub(super) fn new(id: &str, running: Running) -> Self {
        Self { id: id.into(), head: message::next_head(id), running }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// What it says next. It must not be polled after its last.
    pub(super) fn poll(&mut self, task: &mut Task<'_>) -> Poll<Said> {
        self.running.poll(task).map(|said| match said {
            running::Said::Next(body) => Said::Next(message::next(&self.head, &body)),
            running::Said::Complete => Said::Last(message::complete(&self.id)),
            running::Said::Failed(errors) => Said::Last(message::error(&self.id, &errors)),
            running::Said::Overflow => Said::Overflow,
        })
    }
}
