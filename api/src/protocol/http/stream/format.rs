//! What streams look like on the wire: server-sent events, and the parts of a multipart answer.

use async_graphql::ServerError;
use bytes::Bytes;

use super::super::super::answer::{json, render_errors};

/// How the results of an operation are written one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Format {
    /// The distinct connections mode of `graphql-sse`.
    EventStream,
    /// Apollo's multipart protocol for subscriptions, version 1.0.
    Multipart,
}

/// What stands before every part, and after it: clients read a part only when the next begins.
const DELIMITER: &str = "\r\n--graphql";
const PART: &str = "\r\ncontent-type: application/json\r\n\r\n";
/// The data line is empty, and must be there: without it a browser's `EventSource` does not tell of the event.
const COMPLETE: &str = "event: complete\ndata:\n\n";

impl Format {
    pub(in super::super) fn content_type(self) -> &'static str {
        match self {
            Self::EventStream => "text/event-stream; charset=utf-8",
            Self::Multipart => "multipart/mixed;boundary=\"graphql\";subscriptionSpec=\"1.0\"",
        }
    }

    /// What comes first, and at once: there are proxies that keep the headers until something follows.
    pub(super) fn opening(self) -> Bytes {
        match self {
            Self::EventStream => self.heartbeat(),
            Self::Multipart => Bytes::from_static(DELIMITER.as_bytes()),
        }
    }

    /// A sign of life that means nothing else.
    pub(super) fn heartbeat(self) -> Bytes {
        match self {
            Self::EventStream => Bytes::from_static(b":\n\n"),
            Self::Multipart => part(b"{}", "").into(),
        }
    }

    /// A result, as it was rendered.
    pub(super) fn next(self, result: &[u8]) -> Bytes {
        match self {
            Self::EventStream => event(result),
            Self::Multipart => part(&[br#"{"payload":"#, result, b"}"].concat(), ""),
        }
        .into()
    }

    /// The end of an operation that had no more to say.
    pub(super) fn complete(self) -> Bytes {
        match self {
            Self::EventStream => Bytes::from_static(COMPLETE.as_bytes()),
            Self::Multipart => Bytes::from_static(b"--\r\n"),
        }
    }

    /// The end of one that was refused or broke off.
    pub(super) fn failed(self, errors: &[ServerError]) -> Bytes {
        match self {
            Self::EventStream => [&event(&render_errors(errors)), COMPLETE.as_bytes()].concat(),
            Self::Multipart => {
                part(&[br#"{"payload":null,"errors":"#, json(errors).as_slice(), b"}"].concat(), "--\r\n")
            }
        }
        .into()
    }

    /// The end of one that would have gone on, and can somewhere else. A client of server-sent events connects again
    /// by itself if it has not been told `complete`; one of Apollo's has to be told why.
    pub(super) fn interrupted(self, reason: &ServerError) -> Bytes {
        match self {
            Self::EventStream => Bytes::from_static(b": connect again\n\n"),
            Self::Multipart => self.failed(std::slice::from_ref(reason)),
        }
    }
}

/// A `next` event. Our JSON has no line breaks; what comes from the service is only believed to have none.
fn event(result: &[u8]) -> Vec<u8> {
    let mut event = Vec::with_capacity(result.len() + 32);
    event.extend_from_slice(b"event: next\n");
    for line in result.split(|byte| matches!(byte, b'\n' | b'\r')) {
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(line);
        event.push(b'\n');
    }
    event.push(b'\n');
    event
}

fn part(body: &[u8], end: &str) -> Vec<u8> {
    [PART.as_bytes(), body, DELIMITER.as_bytes(), end.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_does_not_end_an_event() {
        let event = Format::EventStream.next(b"{\n\"data\":{}}");
        assert_eq!(event, "event: next\ndata: {\ndata: \"data\":{}}\n\n");
    }
}
