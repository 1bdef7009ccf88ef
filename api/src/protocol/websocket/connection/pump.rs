//! What drives a socket: everything it waits for, in one poll, and the clock.

use std::pin::Pin;
use std::task::{Context as Task, Poll};

use axum::extract::ws::Message;
use futures_util::{Sink, Stream};
use tokio::time::Instant;

use super::super::super::Service;
use super::super::close::Close;
use super::super::stream::Said;
use super::{Connection, End};

/// Answers that may wait for the socket; while this many do, nothing more is read from the client.
const REPLIES: usize = 64;
/// Steps between two flushes, so that neither the kernel nor the socket's neighbours wait long.
const STEPS: usize = 32;

/// What a socket has to deal with next.
pub(super) enum Step {
    Heard(Message),
    Leave(Close),
    Timer,
    Gone,
}

impl<S: Service> Connection<S> {
    /// Finds the next step. What is ready is written without a flush until nothing is, or for [`STEPS`] steps.
    pub(super) fn poll(&mut self, task: &mut Task<'_>) -> Poll<Step> {
        // First what the client said, then the clock: after a halt of this process the answer to a ping is there.
        if self.steps < STEPS
            && let Poll::Ready(step) = self.poll_conversation(task)
        {
            self.steps += 1;
            return Poll::Ready(step);
        }
        if let Poll::Ready(reason) = self.leave.as_mut().poll(task) {
            return Poll::Ready(Step::Leave(reason));
        }
        if self.timer.as_mut().poll(task).is_ready() {
            return Poll::Ready(Step::Timer);
        }
        if self.poll_flush(task).is_err() {
            return Poll::Ready(Step::Gone);
        }
        if std::mem::take(&mut self.steps) >= STEPS {
            // There may be more. The neighbours on this thread come first.
            task.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Hears the client out, then lets the operations speak while the socket takes what they say.
    fn poll_conversation(&mut self, task: &mut Task<'_>) -> Poll<Step> {
        let Ok(mut is_writable) = self.poll_replies(task) else { return Poll::Ready(Step::Gone) };
        if self.replies.len() < REPLIES {
            match Pin::new(&mut self.socket).poll_next(task) {
                Poll::Ready(Some(Ok(message))) => return Poll::Ready(Step::Heard(message)),
                Poll::Ready(Some(Err(problem))) => return Poll::Ready(broken(&problem)),
                Poll::Ready(None) => return Poll::Ready(Step::Gone),
                Poll::Pending => {}
            }
        }
        while is_writable
            && self.steps < STEPS
            && let Poll::Ready(said) = self.operations.poll_said(task)
        {
            self.steps += 1;
            let (Said::Next(message) | Said::Last(message)) = said else {
                return Poll::Ready(Step::Leave(Close::slow_consumer()));
            };
            self.replies.push_back(message);
            let Ok(takes_more) = self.poll_replies(task) else { return Poll::Ready(Step::Gone) };
            is_writable = takes_more;
        }
        Poll::Pending
    }

    /// Writes the replies that wait; says whether the socket takes more.
    fn poll_replies(&mut self, task: &mut Task<'_>) -> Result<bool, axum::Error> {
        loop {
            match Pin::new(&mut self.socket).poll_ready(task)? {
                Poll::Pending => {
                    self.stall();
                    return Ok(false);
                }
                Poll::Ready(()) => self.stalled = None,
            }
            let Some(reply) = self.replies.pop_front() else { return Ok(true) };
            self.is_dirty = true;
            Pin::new(&mut self.socket).start_send(reply)?;
        }
    }

    fn poll_flush(&mut self, task: &mut Task<'_>) -> Result<(), axum::Error> {
        if !self.is_dirty {
            return Ok(());
        }
        match Pin::new(&mut self.socket).poll_flush(task)? {
            Poll::Ready(()) => {
                self.is_dirty = false;
                self.stalled = None;
            }
            Poll::Pending => self.stall(),
        }
        Ok(())
    }

    fn stall(&mut self) {
        if self.stalled.is_none() {
            let now = Instant::now();
            self.stalled = Some(now);
            let deadline = now + self.context.settings.sockets.write_deadline;
            if self.timer.deadline() > deadline {
                self.timer.as_mut().reset(deadline);
            }
        }
    }

    pub(super) fn look_at_the_clock(&mut self) -> Result<(), End> {
        let now = Instant::now();
        let sockets = &self.context.settings.sockets;
        if self.stalled.is_some_and(|since| now >= since + sockets.write_deadline) {
            return Err(Close::slow_consumer().into());
        }
        if self.caller.is_none() && now >= self.opened + sockets.init_deadline {
            return Err(Close::init_timeout().into());
        }
        if self.silent_at().is_some_and(|at| now >= at) {
            return Err(Close::silent().into());
        }
        if now >= self.next_ping {
            self.next_ping = now + sockets.ping_interval;
            self.pinged.get_or_insert(now);
            self.replies.push_back(Message::Ping(bytes::Bytes::new()));
        }
        let wake = self.next_wake();
        self.timer.as_mut().reset(wake);
        Ok(())
    }

    /// When the client counts as gone. It has had time to answer a ping by then: were this process held up and the
    /// clock alone asked, every client would look silent.
    fn silent_at(&self) -> Option<Instant> {
        let sockets = &self.context.settings.sockets;
        let time_to_answer = sockets.silence_deadline.saturating_sub(sockets.ping_interval);
        self.pinged.map(|pinged| (pinged + time_to_answer).max(self.heard + sockets.silence_deadline))
    }

    /// When there is next something to look at. What was heard since the timer was set only makes it early.
    fn next_wake(&self) -> Instant {
        let sockets = &self.context.settings.sockets;
        let mut wake = self.next_ping;
        if let Some(at) = self.silent_at() {
            wake = wake.min(at);
        }
        if self.caller.is_none() {
            wake = wake.min(self.opened + sockets.init_deadline);
        }
        if let Some(since) = self.stalled {
            wake = wake.min(since + sockets.write_deadline);
        }
        wake
    }
}

/// The message of a socket error is all that axum shows of it.
fn broken(problem: &axum::Error) -> Step {
    let problem = problem.to_string();
    if problem.contains("too long") || problem.contains("too big") {
        return Step::Leave(Close::too_big());
    }
    if problem.to_ascii_lowercase().contains("utf-8") {
        return Step::Leave(Close::not_text());
    }
    Step::Gone
}
