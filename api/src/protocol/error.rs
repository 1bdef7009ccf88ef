//! The errors of the protocol itself: their codes, and the HTTP status each stands for.

use async_graphql::{ErrorExtensionValues, ServerError, Value};
use http::StatusCode;

/// The request is not a well-formed GraphQL request (GraphQL over HTTP, section 5.4).
pub const BAD_REQUEST: &str = "BAD_REQUEST";
/// An argument or a variable has a value its type does not take.
pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
/// The query text is not GraphQL.
pub const PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
/// The query is GraphQL, but does not fit the schema.
pub const VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";
/// The document has no operation of the name asked for, or several and no name was given.
pub const OPERATION_UNKNOWN: &str = "OPERATION_RESOLUTION_FAILURE";
/// A limit of the gate was passed; the message names it.
pub const LIMIT_EXCEEDED: &str = "LIMIT_EXCEEDED";
/// The answer would be larger than the server sends.
pub const RESPONSE_TOO_LARGE: &str = "RESPONSE_TOO_LARGE";
/// The operation took too long. What it changes may still take effect.
pub const DEADLINE_EXCEEDED: &str = "DEADLINE_EXCEEDED";
/// Something failed that the client cannot mend. The message says nothing more; the log does, under the request id.
pub const INTERNAL: &str = "INTERNAL";
/// No valid token.
pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
/// A valid token that may not do this.
pub const FORBIDDEN: &str = "FORBIDDEN";
/// Too many requests; `extensions.retryAfter` says for how many seconds to wait.
pub const RATE_LIMITED: &str = "RATE_LIMITED";
/// The account has as many connections open as one may.
pub const TOO_MANY_CONNECTIONS: &str = "TOO_MANY_CONNECTIONS";
/// The server cannot answer right now, later it will.
pub const UNAVAILABLE: &str = "UNAVAILABLE";
/// A subscription's reader did not keep up with its events.
pub const SLOW_CONSUMER: &str = "SLOW_CONSUMER";
/// This kind of operation needs another transport or HTTP method.
pub const METHOD_NOT_ALLOWED: &str = "METHOD_NOT_ALLOWED";
/// A subscription needs WebSocket, server-sent events or a multipart answer. The code is older than the last two.
pub const SUBSCRIPTION_NEEDS_SOCKET: &str = "SUBSCRIPTION_NEEDS_SOCKET";
/// The server knows no document of this hash (Automatic Persisted Queries); send it once with its text.
pub const PERSISTED_QUERY_NOT_FOUND: &str = "PERSISTED_QUERY_NOT_FOUND";
/// The server keeps no documents by their hash; send the text.
pub const PERSISTED_QUERY_NOT_SUPPORTED: &str = "PERSISTED_QUERY_NOT_SUPPORTED";
/// No trusted document has this id.
pub const DOCUMENT_UNKNOWN: &str = "DOCUMENT_UNKNOWN";
/// The server runs trusted documents only, and this is none.
pub const DOCUMENT_NOT_TRUSTED: &str = "DOCUMENT_NOT_TRUSTED";
/// The request's `Content-Type` is not `application/json`.
pub const UNSUPPORTED_MEDIA_TYPE: &str = "UNSUPPORTED_MEDIA_TYPE";
/// Nothing in `Accept` can be served.
pub const NOT_ACCEPTABLE: &str = "NOT_ACCEPTABLE";
/// The request's body is too large.
pub const PAYLOAD_TOO_LARGE: &str = "PAYLOAD_TOO_LARGE";
/// The request's target is too long.
pub const URI_TOO_LONG: &str = "URI_TOO_LONG";
/// The request's body did not arrive in time.
pub const REQUEST_TIMEOUT: &str = "REQUEST_TIMEOUT";

/// An error with its code, as every error that reaches a client must be.
pub fn error(code: &str, message: impl Into<String>) -> ServerError {
    with_code(ServerError::new(message, None), code)
}

pub(crate) fn with_code(mut error: ServerError, code: &str) -> ServerError {
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code);
    error
}

pub(crate) fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        Value::Enum(code) => Some(code),
        _ => None,
    }
}

/// Whether the request was well-formed HTTP, and only its GraphQL was refused. Answers in plain
/// `application/json` then have status 200 (GraphQL over HTTP, section 6.4.1).
pub(crate) fn is_about_the_document(code: &str) -> bool {
    matches!(
        code,
        PARSE_FAILED
            | VALIDATION_FAILED
            | OPERATION_UNKNOWN
            | LIMIT_EXCEEDED
            | BAD_USER_INPUT
            | PERSISTED_QUERY_NOT_FOUND
            | PERSISTED_QUERY_NOT_SUPPORTED
            | DOCUMENT_UNKNOWN
            | DOCUMENT_NOT_TRUSTED
    )
}

/// The status of an answer without data.
pub(crate) fn status_of(code: &str) -> StatusCode {
    match code {
        UNAUTHENTICATED => StatusCode::UNAUTHORIZED,
        FORBIDDEN => StatusCode::FORBIDDEN,
        METHOD_NOT_ALLOWED => StatusCode::METHOD_NOT_ALLOWED,
        NOT_ACCEPTABLE => StatusCode::NOT_ACCEPTABLE,
        REQUEST_TIMEOUT => StatusCode::REQUEST_TIMEOUT,
        PAYLOAD_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        URI_TOO_LONG => StatusCode::URI_TOO_LONG,
        UNSUPPORTED_MEDIA_TYPE => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        RATE_LIMITED | TOO_MANY_CONNECTIONS => StatusCode::TOO_MANY_REQUESTS,
        INTERNAL | RESPONSE_TOO_LARGE => StatusCode::INTERNAL_SERVER_ERROR,
        UNAVAILABLE => StatusCode::SERVICE_UNAVAILABLE,
        DEADLINE_EXCEEDED => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// The error of one that would be answered, were it sent in `seconds`.
pub(crate) fn later(message: &str, seconds: u64) -> ServerError {
    let mut error = error(UNAVAILABLE, message);
    error.extensions.get_or_insert_default().set("retryAfter", seconds);
    error
}

/// The seconds to wait that a service put on its error.
pub(crate) fn retry_after(error: &ServerError) -> Option<u64> {
    match error.extensions.as_ref()?.get("retryAfter")? {
        Value::Number(seconds) => seconds.as_u64(),
        _ => None,
    }
}
