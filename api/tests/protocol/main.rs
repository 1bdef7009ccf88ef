//! The protocol layer over real connections, in front of a stub.

#![allow(missing_docs, unreachable_pub, reason = "a test is no API")]

mod gate;
mod http;
mod listener;
mod server;
mod socket;
mod stub;
