//! The errors of the protocol itself: their codes, what each means, and the HTTP status it stands for.

use std::fmt::Write as _;

use async_graphql::{ErrorExtensionValues, ServerError, Value};
use http::StatusCode;

/// A code of the protocol layer. There are none but the listed ones: only [`listed`] can make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    text: &'static str,
    status: StatusCode,
    meaning: &'static str,
}

impl Code {
    const fn new(text: &'static str, status: StatusCode, meaning: &'static str) -> Self {
        Self { text, status, meaning }
    }

    /// As `extensions.code` has it.
    pub const fn text(self) -> &'static str {
        self.text
    }

    pub(crate) fn is_of(self, error: &ServerError) -> bool {
        code_of(error) == Some(self.text)
    }
}

/// Constants, each with its meaning, and the list of them all: so that the documentation made of it lacks none.
macro_rules! listed {
    ($vis:vis $all:ident: [$type:ident] { $($name:ident($($field:expr),+): $meaning:literal;)+ }) => {
        $(#[doc = $meaning] $vis const $name: $type = $type::new($($field,)+ $meaning);)+
        /// All of them.
        $vis const $all: &[$type] = &[$($name),+];
    };
}
pub(super) use listed;

listed! { pub CODES: [Code] {
    BAD_REQUEST("BAD_REQUEST", StatusCode::BAD_REQUEST):
        "This is no GraphQL request; the message says what to mend.";
    PARSE_FAILED("GRAPHQL_PARSE_FAILED", StatusCode::BAD_REQUEST):
        "The document is not GraphQL: mend it where `locations` points.";
    VALIDATION_FAILED("GRAPHQL_VALIDATION_FAILED", StatusCode::BAD_REQUEST):
        "The document does not fit the schema: mend it where `locations` points.";
    OPERATION_UNKNOWN("OPERATION_RESOLUTION_FAILURE", StatusCode::BAD_REQUEST):
        "It is not clear which operation to run: send the `operationName` of one in the document.";
    BAD_USER_INPUT("BAD_USER_INPUT", StatusCode::BAD_REQUEST):
        "A variable or an argument has a value that its type does not take; the message says which.";
    LIMIT_EXCEEDED("LIMIT_EXCEEDED", StatusCode::BAD_REQUEST):
        "The operation is larger than may be; the message says the limit and the way out.";
    PERSISTED_QUERY_NOT_FOUND("PERSISTED_QUERY_NOT_FOUND", StatusCode::BAD_REQUEST):
        "No document of this hash is known: send it once with its text.";
    PERSISTED_QUERY_NOT_SUPPORTED("PERSISTED_QUERY_NOT_SUPPORTED", StatusCode::BAD_REQUEST):
        "Documents are not kept by their hash: always send the text.";
    DOCUMENT_UNKNOWN("DOCUMENT_UNKNOWN", StatusCode::BAD_REQUEST):
        "No trusted document has this id: send the text, or have the document added.";
    DOCUMENT_NOT_TRUSTED("DOCUMENT_NOT_TRUSTED", StatusCode::BAD_REQUEST):
        "Only trusted documents are run, and this is none: have it added.";
    SUBSCRIPTION_NEEDS_SOCKET("SUBSCRIPTION_NEEDS_SOCKET", StatusCode::BAD_REQUEST):
        "A subscription needs WebSocket, server-sent events or a multipart answer; a batch has none.";
    UNAUTHENTICATED("UNAUTHENTICATED", StatusCode::UNAUTHORIZED):
        "The token is none, or its session has ended: sign in again.";
    FORBIDDEN("FORBIDDEN", StatusCode::FORBIDDEN):
        "Pages of this origin may open no sockets and streams, unless it is in `ALLOWED_ORIGINS`.";
    INTROSPECTION_OFF("INTROSPECTION_OFF", StatusCode::FORBIDDEN):
        "This server does not tell you its schema; the message says where it can be had.";
    METHOD_NOT_ALLOWED("METHOD_NOT_ALLOWED", StatusCode::METHOD_NOT_ALLOWED):
        "Send it by POST, a query also by GET.";
    NOT_ACCEPTABLE("NOT_ACCEPTABLE", StatusCode::NOT_ACCEPTABLE):
        "Nothing in `Accept` can be served; the message says what can.";
    REQUEST_TIMEOUT("REQUEST_TIMEOUT", StatusCode::REQUEST_TIMEOUT):
        "The request's body did not arrive in time: try again.";
    PAYLOAD_TOO_LARGE("PAYLOAD_TOO_LARGE", StatusCode::PAYLOAD_TOO_LARGE):
        "The request's body is too large: send less at a time.";
    URI_TOO_LONG("URI_TOO_LONG", StatusCode::URI_TOO_LONG):
        "The URL is too long: use POST.";
    UNSUPPORTED_MEDIA_TYPE("UNSUPPORTED_MEDIA_TYPE", StatusCode::UNSUPPORTED_MEDIA_TYPE):
        "The body is not plain `application/json` in UTF-8: send that.";
    RATE_LIMITED("RATE_LIMITED", StatusCode::TOO_MANY_REQUESTS):
        "Too many attempts, or too few points left in the account: wait `extensions.retryAfter` seconds.";
    TOO_MANY_CONNECTIONS("TOO_MANY_CONNECTIONS", StatusCode::TOO_MANY_REQUESTS):
        "The account has as many sockets and streams open as it may: close another.";
    SLOW_CONSUMER("SLOW_CONSUMER", StatusCode::BAD_REQUEST):
        "Ends a stream whose events were not read as fast as they came: subscribe again with the newest cursor.";
    RESPONSE_TOO_LARGE("RESPONSE_TOO_LARGE", StatusCode::INTERNAL_SERVER_ERROR):
        "The answer would be larger than may be: ask for less.";
    INTERNAL("INTERNAL", StatusCode::INTERNAL_SERVER_ERROR):
        "A bug on our side; quote `extensions.requestId` when you report it.";
    UNAVAILABLE("UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE):
        "The server is too busy, or about to stop: try again, after `extensions.retryAfter` seconds if it says so.";
    DEADLINE_EXCEEDED("DEADLINE_EXCEEDED", StatusCode::GATEWAY_TIMEOUT):
        "It took too long and was given up. What it changes may still take effect: repeat it with its `clientMutationId`.";
}}

/// Those of a request that was well-formed HTTP, and of which only the GraphQL was refused.
const ABOUT_THE_DOCUMENT: [Code; 9] = [
    PARSE_FAILED,
    VALIDATION_FAILED,
    OPERATION_UNKNOWN,
    LIMIT_EXCEEDED,
    BAD_USER_INPUT,
    PERSISTED_QUERY_NOT_FOUND,
    PERSISTED_QUERY_NOT_SUPPORTED,
    DOCUMENT_UNKNOWN,
    DOCUMENT_NOT_TRUSTED,
];

/// The codes as the README lists them.
pub fn codes_as_markdown() -> String {
    let mut table = "| `extensions.code` | status | |\n|---|---|---|\n".to_owned();
    for Code { text, status, meaning } in CODES {
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| `{text}` | {} | {meaning} |", status.as_u16());
    }
    table
}

/// An error with its code, as every error that reaches a client must be.
pub fn error(code: Code, message: impl Into<String>) -> ServerError {
    with_code(ServerError::new(message, None), code)
}

pub(crate) fn with_code(mut error: ServerError, code: Code) -> ServerError {
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code.text);
    error
}

pub(crate) fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        Value::Enum(code) => Some(code),
        _ => None,
    }
}

/// Whether a code is about the document alone. Answers in plain `application/json` then have status 200 (GraphQL over
/// HTTP, section 6.4.1).
pub(crate) fn is_about_the_document(code: &str) -> bool {
    ABOUT_THE_DOCUMENT.iter().any(|about| about.text == code)
}

/// The status of an answer without data; the service's own codes are about what the client asked for.
pub(crate) fn status_of(code: &str) -> StatusCode {
    CODES.iter().find(|listed| listed.text == code).map_or(StatusCode::BAD_REQUEST, |listed| listed.status)
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
