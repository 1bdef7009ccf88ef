//! From what the executor returned to what a client may see: coded, masked, rendered.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use async_graphql::{PathSegment, Response, ServerError, Value};
use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;
use tracing::error;

use super::error::{self, code_of, with_code};
use super::etag;

/// Errors shown of a refused request; a query of a thousand unknown fields is not worth a thousand sentences.
pub(super) const ERRORS_SHOWN: usize = 20;

/// An answer with data, as JSON. Cheap to clone.
#[derive(Clone)]
pub struct Rendered {
    /// `{"data":…}`, with `errors` before it if there are any.
    pub body: Bytes,
    /// Whether there are errors.
    pub is_partial: bool,
    /// Headers that the schema asks to send.
    pub headers: HeaderMap,
    tag: Arc<OnceLock<String>>,
}

impl Rendered {
    /// An answer of these bytes.
    pub(super) fn new(body: Bytes, is_partial: bool, headers: HeaderMap) -> Self {
        Self { body, is_partial, headers, tag: Arc::default() }
    }

    /// The same in memory of its own, of exactly as many bytes.
    pub(super) fn copied(self) -> Self {
        Self { body: Bytes::copy_from_slice(&self.body), ..self }
    }

    /// The entity tag of the body, made once however often the answer is sent.
    pub(super) fn tag(&self) -> &str {
        self.tag.get_or_init(|| etag::of(&self.body))
    }
}

/// Renders a response. `Err` is a request that was refused before anything ran: such an answer has no `data` at
/// all (GraphQL specification, 7.1). Either way each error ends up with a code, and one that came without shows as
/// `INTERNAL` with `request_id` and is logged in full.
pub fn render(
    mut response: Response,
    request_id: &str,
    bytes_max: usize,
) -> Result<Rendered, Vec<ServerError>> {
    let errors = std::mem::take(&mut response.errors);
    let is_refused = response.data == Value::Null
        && !errors.is_empty()
        && errors.iter().all(|error| error.path.is_empty());
    if is_refused {
        return Err(refused(errors, request_id));
    }
    let errors: Vec<_> = errors.into_iter().map(|error| shown(error, request_id)).collect();
    let body = body(&errors, &response.data, &response.extensions);
    if body.len() > bytes_max {
        let message =
            format!("the answer has {} bytes, and {bytes_max} is the limit; ask for less", body.len());
        return Err(vec![error::error(error::RESPONSE_TOO_LARGE, message)]);
    }
    Ok(Rendered::new(body.into(), !errors.is_empty(), response.http_headers))
}

/// The errors of a request that was refused, fit to be shown.
pub fn refused(mut errors: Vec<ServerError>, request_id: &str) -> Vec<ServerError> {
    errors.truncate(ERRORS_SHOWN);
    errors.into_iter().map(|error| shown(error, request_id)).collect()
}

/// The body of an answer without data.
pub fn render_errors(errors: &[ServerError]) -> Bytes {
    json(&Refusal { errors }).into()
}

/// What a client sees of a fault.
pub(crate) fn internal(request_id: &str) -> ServerError {
    let mut error =
        error::error(error::INTERNAL, "something went wrong on our side; quote requestId to report it");
    if let Some(extensions) = &mut error.extensions {
        extensions.set("requestId", request_id);
    }
    error
}

fn shown(error: ServerError, request_id: &str) -> ServerError {
    if code_of(&error).is_some() {
        return error;
    }
    if UNREADABLE_INPUT.iter().any(|start| error.message.starts_with(start)) {
        return with_code(error, error::BAD_USER_INPUT);
    }
    error!(
        request_id,
        message = error.message,
        path = path(&error.path),
        "an error without a code was masked"
    );
    ServerError { locations: error.locations, path: error.path, ..internal(request_id) }
}

// Sentences of async-graphql 7.0.19 that come without a code and are the client's business.
/// A scalar that did not take its value says so only when the resolver reads its argument.
const UNREADABLE_INPUT: [&str; 2] = ["Failed to parse \"", "Expected input type \""];

fn path(path: &[PathSegment]) -> String {
    let segments = path.iter().map(|segment| match segment {
        PathSegment::Field(name) => name.clone(),
        PathSegment::Index(index) => index.to_string(),
    });
    segments.collect::<Vec<_>>().join(".")
}

/// An answer without data.
#[derive(Serialize)]
struct Refusal<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
}

/// An answer with data.
fn body(errors: &[ServerError], data: &Value, extensions: &BTreeMap<String, Value>) -> Vec<u8> {
    let mut body = vec![b'{'];
    if !errors.is_empty() {
        body.extend_from_slice(b"\"errors\":");
        body.extend(json(errors));
        body.push(b',');
    }
    body.extend_from_slice(b"\"data\":");
    write(data, &mut body);
    if !extensions.is_empty() {
        body.extend_from_slice(b",\"extensions\":");
        body.extend(json(extensions));
    }
    body.push(b'}');
    body
}

/// Writes a value as JSON. What is binary is JSON already, from a service that writes some of its answers itself.
fn write(value: &Value, body: &mut Vec<u8>) {
    match value {
        Value::Binary(written) => body.extend_from_slice(written),
        Value::List(items) => {
            body.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    body.push(b',');
                }
                write(item, body);
            }
            body.push(b']');
        }
        Value::Object(fields) => {
            body.push(b'{');
            for (index, (key, field)) in fields.iter().enumerate() {
                if index > 0 {
                    body.push(b',');
                }
                body.extend(json(key.as_str()));
                body.push(b':');
                write(field, body);
            }
            body.push(b'}');
        }
        plain => body.extend(json(plain)),
    }
}

pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    // Neither a GraphQL value nor an error holds anything that JSON has no form for.
    serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec())
}
