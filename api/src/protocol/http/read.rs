//! Reads the parameters from a request, by the rules of GraphQL over HTTP, section 5.

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use super::super::error::{
    BAD_REQUEST, METHOD_NOT_ALLOWED, PAYLOAD_TOO_LARGE, REQUEST_TIMEOUT, UNSUPPORTED_MEDIA_TYPE, URI_TOO_LONG,
};
use super::super::{Parameters, Settings};
use super::Refused;
use super::cors::METHODS;
use super::media::is_utf8;

/// What a request asks for.
pub(super) enum Asked {
    One(Parameters),
    /// Several operations, at least one.
    Batch(Vec<Parameters>),
}

pub(super) async fn asked(request: Request, settings: &Settings) -> Result<Asked, Refused> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > settings.target_bytes {
        let message =
            format!("the URL has {target} bytes, and {} is the limit; use POST", settings.target_bytes);
        return Err(Refused::new(URI_TOO_LONG, message));
    }
    let asked = match parts.method {
        Method::GET => Parameters::from_uri(&parts.uri).map(Asked::One),
        Method::POST => {
            is_json(&parts.headers)?;
            let body = collect(&parts.headers, body, settings).await?;
            if settings.batch > 0 && body.trim_ascii_start().starts_with(b"[") {
                return Parameters::batch_from_json(&body, settings.batch)
                    .map(Asked::Batch)
                    .map_err(|problem| Refused::new(BAD_REQUEST, problem));
            }
            Parameters::from_json(&body).map(Asked::One)
        }
        _ => {
            return Err(
                Refused::new(METHOD_NOT_ALLOWED, "GraphQL is served by GET and POST").allowing(METHODS)
            );
        }
    };
    asked.map_err(Refused::bad_request)
}

/// No other type will do: those that a form can send need no preflight, so any page could make a browser send one.
fn is_json(headers: &HeaderMap) -> Result<(), Refused> {
    let refused =
        || Refused::new(UNSUPPORTED_MEDIA_TYPE, "send application/json in UTF-8, without Content-Encoding");
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).ok_or_else(refused)?;
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    let is_readable = parts
        .filter_map(|part| part.split_once('='))
        .all(|(key, value)| !key.trim().eq_ignore_ascii_case("charset") || is_utf8(value));
    let is_plain = headers.get(CONTENT_ENCODING).is_none_or(|value| value == "identity");
    if is_json && is_readable && is_plain { Ok(()) } else { Err(refused()) }
}

async fn collect(headers: &HeaderMap, body: Body, settings: &Settings) -> Result<Bytes, Refused> {
    let limit = settings.body_bytes;
    let too_large = || {
        let message =
            format!("the request's body has more than {limit} bytes, the limit; send less at a time");
        Refused::new(PAYLOAD_TOO_LARGE, message)
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    match timeout(settings.body_deadline, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refused::new(BAD_REQUEST, "the request's body broke off")),
        Err(_) => Err(Refused::new(REQUEST_TIMEOUT, "the request's body did not arrive in time")),
    }
}
