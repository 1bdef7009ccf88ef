//! A message on a socket: it is read or closes the socket with 4400, and what it subscribes to is what a POST of its
//! payload would ask for.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roomm8_fuzz::protocol::Parameters;
use roomm8_fuzz::protocol::websocket::message::{Incoming, parse, renewal, token};
use roomm8_fuzz::{is_json, value};

/// A close frame has room for this many bytes of reason (RFC 6455, 5.5).
const REASON_BYTES: usize = 123;

fuzz_target!(|text: &str| {
    match parse(text) {
        Err(close) => assert!(close.code.number() == 4400 && close.reason.len() <= REASON_BYTES),
        Ok(Incoming::Init { payload }) => drop(token(payload)),
        Ok(Incoming::Ping { payload }) => drop(renewal(payload)),
        Ok(Incoming::Subscribe { id, .. } | Incoming::Complete { id }) => {
            assert!((1..=256).contains(&id.len()));
        }
        Ok(Incoming::Pong) => {}
    }
    if is_json(text) {
        let posted = Parameters::from_json(text.as_bytes()).ok().as_ref().map(value);
        let message = format!(r#"{{"id":"1","type":"subscribe","payload":{text}}}"#);
        let subscribed = match parse(&message) {
            Ok(Incoming::Subscribe { parameters, .. }) => Some(value(&parameters)),
            _ => None,
        };
        assert_eq!(subscribed, posted);
    }
});
