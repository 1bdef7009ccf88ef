//! The ways a socket ends: codes of graphql-transport-ws (4400 to 4499) and of RFC 6455 (1000 to 1015).

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;

use super::super::error::listed;

/// The code of a close frame. There are none but the listed ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseCode {
    number: u16,
    meaning: &'static str,
}

impl CloseCode {
    const fn new(number: u16, meaning: &'static str) -> Self {
        Self { number, meaning }
    }

    /// As the frame has it.
    pub fn number(self) -> u16 {
        self.number
    }
}

listed! { CLOSE_CODES: [CloseCode] {
    GOING_AWAY(1001): "Nothing was heard of the client, not even an answer to a ping: connect again.";
    NOT_TEXT(1007): "A message was not UTF-8.";
    TOO_BIG(1009): "A message was larger than may be: send less at a time.";
    RESTART(1012): "This server restarts: connect again, and subscribe with your newest cursor.";
    TRY_AGAIN(1013): "The token could not be looked at now: connect again a little later.";
    BAD_MESSAGE(4400): "A message was not of the protocol; the reason says how. A bug in the client.";
    UNAUTHORIZED(4401): "An operation before `connection_init`, or the session has ended: sign in, and connect again.";
    FORBIDDEN(4403): "The token is none, or on renewal another account's: sign in, and connect again.";
    SUBPROTOCOL(4406): "The handshake did not offer `graphql-transport-ws`.";
    INIT_TIMEOUT(4408): "No `connection_init` in time: connect again.";
    DUPLICATE(4409): "An operation has the id of another that still runs. A bug in the client.";
    SLOW_CONSUMER(4413): "Events were not read as fast as they came: connect again, and subscribe with your newest cursor.";
    TOO_MANY_CONNECTIONS(4420): "The account has as many sockets and streams open as it may: close another.";
    TOO_MANY(4429): "A second `connection_init`, or more operations at once than may be; the reason says which.";
}}

/// The codes as the README lists them.
pub fn close_codes_as_markdown() -> String {
    let row = |CloseCode { number, meaning }: &CloseCode| format!("| {number} | {meaning} |\n");
    let rows: Vec<_> = CLOSE_CODES.iter().map(row).collect();
    format!("| close | |\n|---|---|\n{}", rows.concat())
}

/// A close frame has room for this many bytes of reason (RFC 6455, 5.5).
const REASON_BYTES: usize = 123;
/// For the close frame to leave and the client's to arrive. To hang up at once would make the kernel throw away
/// what is on its way, the reason included.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a socket is closed.
#[derive(Debug)]
pub struct Close {
    /// The code of the close frame.
    pub code: CloseCode,
    /// What is wrong, for a person. The frame has it as far as it fits.
    pub reason: Cow<'static, str>,
}

impl Close {
    fn new(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// The client said something that is not the protocol.
    pub(super) fn bad_message(problem: &'static str) -> Self {
        Self::new(BAD_MESSAGE, problem)
    }

    pub(super) fn not_initialised() -> Self {
        Self::new(UNAUTHORIZED, "Unauthorized")
    }

    pub(super) fn session_ended() -> Self {
        Self::new(UNAUTHORIZED, "session ended")
    }

    pub(super) fn forbidden(message: String) -> Self {
        Self::new(FORBIDDEN, message)
    }

    pub(super) fn subprotocol() -> Self {
        Self::new(SUBPROTOCOL, "Subprotocol not acceptable: use graphql-transport-ws")
    }

    pub(super) fn init_timeout() -> Self {
        Self::new(INIT_TIMEOUT, "Connection initialisation timeout")
    }

    pub(super) fn duplicate(id: &str) -> Self {
        Self::new(DUPLICATE, format!("Subscriber for {id} already exists"))
    }

    /// Private to this server. The client may connect again and resume.
    pub(super) fn slow_consumer() -> Self {
        Self::new(SLOW_CONSUMER, "slow consumer")
    }

    /// Private to this server, as 4429 says two other things already.
    pub(super) fn too_many_connections() -> Self {
        Self::new(TOO_MANY_CONNECTIONS, "Too many sockets and streams of this account: close another")
    }

    pub(super) fn initialised_twice() -> Self {
        Self::new(TOO_MANY, "Too many initialisation requests")
    }

    pub(super) fn too_many_operations() -> Self {
        Self::new(TOO_MANY, "Too many operations on this socket")
    }

    pub(super) fn silent() -> Self {
        Self::new(GOING_AWAY, "no sign of life")
    }

    pub(super) fn not_text() -> Self {
        Self::new(NOT_TEXT, "text must be UTF-8")
    }

    pub(super) fn too_big() -> Self {
        Self::new(TOO_BIG, "message too big")
    }

    pub(super) fn restart() -> Self {
        Self::new(RESTART, "this server restarts; connect again")
    }

    pub(super) fn try_again() -> Self {
        Self::new(TRY_AGAIN, "try again later")
    }

    fn frame(self) -> CloseFrame {
        let mut end = self.reason.len().min(REASON_BYTES);
        while !self.reason.is_char_boundary(end) {
            end -= 1;
        }
        let reason = self.reason.get(..end).unwrap_or_default();
        CloseFrame { code: self.code.number, reason: reason.into() }
    }
}

/// Sends the close frame, waits a moment for the client's, hangs up.
pub(super) async fn close(mut socket: WebSocket, close: Close) {
    let farewell = async {
        if socket.send(Message::Close(Some(close.frame()))).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
            // What a client goes on sending would turn our hanging up into a reset.
            tokio::time::sleep(FAREWELL / 4).await;
        }
        let _ = SinkExt::close(&mut socket).await;
    };
    let _ = timeout(FAREWELL, farewell).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_always_fits_its_frame() {
        let frame = Close::duplicate(&"☃".repeat(100)).frame();
        assert!(frame.reason.len() <= REASON_BYTES);
        assert!(frame.reason.starts_with("Subscriber for ☃"));
    }
}
