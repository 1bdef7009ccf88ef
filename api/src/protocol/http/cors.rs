//! Which pages may call from a browser (the Fetch standard's CORS protocol), by an exact list of origins.

use axum::body::Body;
use axum::response::Response;
use http::header::{self, HeaderMap};
use http::{HeaderValue, StatusCode};

use super::super::error::FORBIDDEN;
use super::{Refused, header};

/// The methods there are.
pub(super) const METHODS: &str = "GET, POST, OPTIONS";
const REQUEST_HEADERS: &str = "authorization, content-type, traceparent, x-request-id";
const RESPONSE_HEADERS: &str = "ratelimit, ratelimit-policy, retry-after, x-request-id";
/// How long a browser may remember the answer.
const SECONDS: HeaderValue = HeaderValue::from_static("600");

/// The request's origin, if it is on the list. `null`, which any sandboxed page can claim, never is.
pub(super) fn allowed(headers: &HeaderMap, origins: &[String]) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    (origin != "null" && is_listed(origin, origins)).then(|| origin.clone())
}

/// Refuses what a page of anywhere can open with no preflight asked, and would hold on to: sockets and streams.
/// Programs send no Origin.
pub(in super::super) fn check(headers: &HeaderMap, origins: &[String]) -> Result<(), Refused> {
    match headers.get(header::ORIGIN) {
        Some(origin) if !is_listed(origin, origins) => {
            Err(Refused::new(FORBIDDEN, "sockets and streams are not open to pages of this origin"))
        }
        _ => Ok(()),
    }
}

fn is_listed(origin: &HeaderValue, origins: &[String]) -> bool {
    origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes())
}

/// Answers OPTIONS. To an origin that is not listed it says nothing, which to a browser is a no.
pub(super) fn preflight(headers: &HeaderMap, is_allowed: bool) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let answer = response.headers_mut();
    answer.insert(header::ALLOW, header(METHODS));
    if is_allowed && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, header("GET, POST"));
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, header(REQUEST_HEADERS));
        answer.insert(header::ACCESS_CONTROL_MAX_AGE, SECONDS);
    }
    response
}

/// Lets the page read the answer. Credentials are not spoken of: there are no cookies.
pub(super) fn permit(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, header(RESPONSE_HEADERS));
}
