//! The protocol layer over real connections, in front of a stub.

#![allow(missing_docs, unreachable_pub, reason = "a test is no API")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "a test may fail loudly, and need not be fast"
)]

mod accounts;
mod batch;
mod budget;
mod catalogue;
mod differential;
mod documents;
mod gate;
mod http;
mod introspection;
mod listener;
mod panics;
mod plan;
mod renewal;
mod server;
mod socket;
mod sse;
mod status;
mod stub;
mod transports;
