//! The server.

pub mod protocol;
