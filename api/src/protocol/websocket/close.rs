//! The ways a socket ends: codes of graphql-transport-ws (4400 to 4499) and of RFC 6455 (1000 to 1015).

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;

/// A close frame has room for this many bytes of reason (RFC 6455, 5.5).
const REASON_BYTES: usize = 123;
/// For the close frame to leave and the client's to arrive. To hang up at once would make the kernel throw away
/// what is on its way, the reason included.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a socket is closed.
#[derive(Debug)]
pub(super) struct Close {
    pub(super) code: u16,
    pub(super) reason: Cow<'static, str>,
}

impl Close {
    fn new(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// The client said something that is not the protocol.
    pub(super) fn bad_message(problem: &'static str) -> Self {
        Self::new(4400, problem)
    }

    pub(super) fn not_initialised() -> Self {
        Self::new(4401, "Unauthorized")
    }

    pub(super) fn session_ended() -> Self {
        Self::new(4401, "session ended")
    }

    pub(super) fn forbidden(message: String) -> Self {
        Self::new(4403, message)
    }

    pub(super) fn subprotocol() -> Self {
        Self::new(4406, "Subprotocol not acceptable: use graphql-transport-ws")
    }

    pub(super) fn init_timeout() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }

    pub(super) fn duplicate(id: &str) -> Self {
        Self::new(4409, format!("Subscriber for {id} already exists"))
    }

    /// Private to this server. The client may connect again and resume.
    pub(super) fn slow_consumer() -> Self {
        Self::new(4413, "slow consumer")
    }

    /// Private to this server, as 4429 says two other things already.
    pub(super) fn too_many_connections() -> Self {
        Self::new(4420, "Too many sockets and streams of this account: close another")
    }

    pub(super) fn initialised_twice() -> Self {
        Self::new(4429, "Too many initialisation requests")
    }

    pub(super) fn too_many_operations() -> Self {
        Self::new(4429, "Too many operations on this socket")
    }

    pub(super) fn silent() -> Self {
        Self::new(1001, "no sign of life")
    }

    pub(super) fn not_text() -> Self {
        Self::new(1007, "text must be UTF-8")
    }

    pub(super) fn too_big() -> Self {
        Self::new(1009, "message too big")
    }

    pub(super) fn restart() -> Self {
        Self::new(1012, "this server restarts; connect again")
    }

    pub(super) fn try_again() -> Self {
        Self::new(1013, "try again later")
    }

    fn frame(self) -> CloseFrame {
        let mut end = self.reason.len().min(REASON_BYTES);
        while !self.reason.is_char_boundary(end) {
            end -= 1;
        }
        let reason = self.reason.get(..end).unwrap_or_default();
        CloseFrame { code: self.code, reason: reason.into() }
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
