//! Answers: status, headers and body, an error always as GraphQL's JSON.

use async_graphql::ServerError;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{HeaderValue, StatusCode};

use super::super::answer::{Rendered, render_errors};
use super::super::error::{self, Code, code_of, is_about_the_document, retry_after};
use super::super::etag;
use super::super::parameters::Problem;
use super::media::Media;
use super::{StatusProfile, cors, header, stream};

/// The header with the id of a request.
pub(super) const REQUEST_ID: &str = "x-request-id";

/// A request that gets no data.
#[derive(Debug)]
pub(crate) struct Refused {
    errors: Vec<ServerError>,
    allow: Option<&'static str>,
    /// Whether the request could be read, and is no GraphQL request.
    is_malformed: bool,
}

impl Refused {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        error::error(code, message).into()
    }

    pub(super) fn not_acceptable() -> Self {
        let message = "answers are application/graphql-response+json, application/json, text/event-stream or \
                       multipart/mixed;subscriptionSpec=1.0, in UTF-8";
        Self::new(error::NOT_ACCEPTABLE, message)
    }

    pub(super) fn bad_request(problem: Problem) -> Self {
        let is_malformed = matches!(problem, Problem::Malformed(_));
        Self { is_malformed, ..Self::new(error::BAD_REQUEST, problem.text()) }
    }

    /// Says by which methods it would have worked.
    pub(super) fn allowing(self, methods: &'static str) -> Self {
        Self { allow: Some(methods), ..self }
    }

    /// The answer in a batch, where it has no status of its own.
    pub(super) fn body(&self) -> Bytes {
        render_errors(&self.errors)
    }

    pub(super) fn into_response(self, media: Media, profile: StatusProfile) -> Response {
        let first = self.errors.first();
        let code = first.and_then(code_of).unwrap_or(error::INTERNAL.text());
        let (status, media) = match media {
            Media::Stream(format) if is_about_the_document(code) => {
                return stream::refused(&self.errors, format);
            }
            // What is wrong with a request is for programs that read statuses, and for people: JSON will do.
            Media::Stream(_) => profile.refused(code, self.is_malformed, Media::Json),
            Media::Json | Media::GraphQLResponse => profile.refused(code, self.is_malformed, media),
        };
        let mut response = respond(status, media, render_errors(&self.errors));
        let headers = response.headers_mut();
        if let Some(methods) = self.allow {
            headers.insert(header::ALLOW, header(methods));
        }
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110, 15.5.2: a 401 names the scheme to use.
            headers.insert(header::WWW_AUTHENTICATE, header("Bearer"));
        }
        if let Some(seconds) = first.and_then(retry_after) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<ServerError> for Refused {
    fn from(error: ServerError) -> Self {
        vec![error].into()
    }
}

impl From<Vec<ServerError>> for Refused {
    fn from(errors: Vec<ServerError>) -> Self {
        Self { errors, allow: None, is_malformed: false }
    }
}

pub(super) fn data(rendered: Rendered, media: Media, status: StatusCode) -> Response {
    let mut response = respond(status, media, rendered.body);
    response.headers_mut().extend(rendered.headers);
    response
}

/// An answer that its client's own cache may keep, and has to ask about each time: it may be another by then, and is for
/// nobody else. If it is still the same, no body is sent.
pub(super) fn cached(rendered: Rendered, media: Media, request: &HeaderMap) -> Response {
    let tag = rendered.tag().to_owned();
    let mut response = if etag::is_held(request, &tag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().extend(rendered.headers);
        response
    } else {
        data(rendered, media, StatusCode::OK)
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, header(&tag));
    headers.insert(header::CACHE_CONTROL, header("private, no-cache"));
    headers.insert(header::VARY, header("Accept, Authorization, Origin"));
    response
}

fn respond(status: StatusCode, media: Media, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header(media.content_type()));
    response
}

/// What every answer has.
pub(super) fn finish(headers: &mut HeaderMap, request_id: &str, origin: Option<HeaderValue>) {
    headers.insert(REQUEST_ID, header(request_id));
    headers.entry(header::VARY).or_insert_with(|| header("Accept, Origin"));
    // An answer is about its caller, and what is not asked for by a document's name is too large to be a cache's key.
    headers.entry(header::CACHE_CONTROL).or_insert_with(|| header("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header("nosniff"));
    if let Some(origin) = origin {
        cors::permit(headers, origin);
    }
}
