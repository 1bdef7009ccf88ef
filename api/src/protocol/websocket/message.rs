//! The messages of graphql-transport-ws.

use axum::extract::ws::Message;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::answer::json;
use super::super::http::bearer;
use super::super::parameters::Parameters;
use super::close::Close;
use async_graphql::ServerError;

/// Of an operation's id, in bytes. Clients number or use UUIDs; each frame repeats it.
const ID_BYTES: usize = 256;

/// What a client says.
#[derive(Debug)]
#[expect(missing_docs, reason = "they are the messages and fields of the protocol")]
pub enum Incoming<'a> {
    Init { payload: Option<&'a RawValue> },
    Ping { payload: Option<&'a RawValue> },
    Pong,
    Subscribe { id: String, parameters: Parameters },
    Complete { id: String },
}

#[derive(Deserialize)]
struct Wire<'a> {
    r#type: String,
    id: Option<String>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

/// Reads a message; one that is not of the protocol closes the socket with 4400.
pub fn parse(text: &str) -> Result<Incoming<'_>, Close> {
    // An array would do for serde, and not for the protocol.
    if !is_object(text) {
        return Err(Close::bad_message("a message is a JSON object"));
    }
    let wire: Wire<'_> = serde_json::from_str(text).map_err(|_| {
        Close::bad_message("a message is JSON with a string \"type\" and, where it has one, \"id\"")
    })?;
    // An absent payload and a null one are the same.
    let payload = wire.payload.filter(|payload| payload.get() != "null");
    match wire.r#type.as_str() {
        "connection_init" => Ok(Incoming::Init { payload: object(payload)? }),
        "ping" => Ok(Incoming::Ping { payload: object(payload)? }),
        "pong" => object(payload).map(|_| Incoming::Pong),
        "subscribe" => Ok(Incoming::Subscribe { id: id(wire.id)?, parameters: parameters(payload)? }),
        "complete" => Ok(Incoming::Complete { id: id(wire.id)? }),
        _ => Err(Close::bad_message("a client sends connection_init, ping, pong, subscribe or complete")),
    }
}

fn id(id: Option<String>) -> Result<String, Close> {
    id.filter(|id| (1..=ID_BYTES).contains(&id.len()))
        .ok_or_else(|| Close::bad_message("an operation has an id, a string of 1 to 256 bytes"))
}

fn parameters(payload: Option<&RawValue>) -> Result<Parameters, Close> {
    let payload = payload.ok_or_else(|| Close::bad_message("subscribe has a payload"))?;
    Parameters::from_json(payload.get().as_bytes()).map_err(|_| {
        Close::bad_message(
            "subscribe needs a payload of query or documentId, operationName, variables, extensions",
        )
    })
}

fn object(payload: Option<&RawValue>) -> Result<Option<&RawValue>, Close> {
    match payload {
        Some(payload) if !is_object(payload.get()) => Err(Close::bad_message("a payload is an object")),
        payload => Ok(payload),
    }
}

fn is_object(json: &str) -> bool {
    json.trim_ascii_start().starts_with('{')
}

/// Where clients put their token in `connection_init`.
#[derive(Deserialize)]
struct Init {
    #[serde(alias = "Authorization")]
    authorization: Option<String>,
    token: Option<String>,
}

/// The token of a `connection_init`, if it has one; an error if what it has cannot be one.
pub fn token(payload: Option<&RawValue>) -> Result<Option<String>, Close> {
    let Some(payload) = payload else { return Ok(None) };
    let init: Init = serde_json::from_str(payload.get()).map_err(|_| unreadable())?;
    match (init.authorization, init.token) {
        (Some(authorization), _) => bearer(&authorization).ok_or_else(unreadable).map(Some),
        (None, Some(token)) => Ok(Some(bearer(&token).unwrap_or(token))),
        (None, None) => Ok(None),
    }
}

/// Where a `ping` has the token of the session that is to follow.
#[derive(Deserialize)]
struct Renewal {
    #[serde(alias = "Authorization")]
    authorization: Option<String>,
}

/// The token of a `ping`, if it has one; an error if what it has cannot be one. All else in it is the client's own.
pub fn renewal(payload: Option<&RawValue>) -> Result<Option<String>, Close> {
    let Some(payload) = payload else { return Ok(None) };
    let renewal: Renewal = serde_json::from_str(payload.get()).map_err(|_| unreadable())?;
    renewal.authorization.map(|authorization| bearer(&authorization).ok_or_else(unreadable)).transpose()
}

fn unreadable() -> Close {
    Close::forbidden("authorization is \"Bearer\" and a token".into())
}

pub(super) fn ack() -> Message {
    Message::text(r#"{"type":"connection_ack"}"#)
}

pub(super) fn pong(payload: Option<&RawValue>) -> Message {
    match payload {
        Some(payload) => Message::text(format!(r#"{{"type":"pong","payload":{}}}"#, payload.get())),
        None => Message::text(r#"{"type":"pong"}"#),
    }
}

/// What every `next` of one operation begins with: all that is this socket's own in it.
pub(super) fn next_head(id: &str) -> Box<[u8]> {
    head(id, "next").into_boxed_slice()
}

/// Puts a rendered response, which many sockets may share, behind its operation's head.
pub(super) fn next(head: &[u8], payload: &[u8]) -> Message {
    text([head, payload, b"}"].concat())
}

pub(super) fn error(id: &str, errors: &[ServerError]) -> Message {
    text([head(id, "error").as_slice(), &json(errors), b"}"].concat())
}

pub(super) fn complete(id: &str) -> Message {
    text([br#"{"id":"#.as_slice(), &json(id), br#","type":"complete"}"#].concat())
}

fn head(id: &str, kind: &str) -> Vec<u8> {
    [br#"{"id":"#.as_slice(), &json(id), br#","type":""#, kind.as_bytes(), br#"","payload":"#].concat()
}

fn text(json: Vec<u8>) -> Message {
    // What comes from the service is only believed to be JSON; a socket must not be sent anything but UTF-8.
    match String::from_utf8(json) {
        Ok(json) => Message::text(json),
        Err(broken) => Message::text(String::from_utf8_lossy(broken.as_bytes()).into_owned()),
    }
}
