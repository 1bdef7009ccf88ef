//! The protocol layer in front of a stub: `cargo run --example protocol_stub -- 127.0.0.1:4199`.
//!
//! For running outside conformance suites of GraphQL over HTTP, graphql-sse and graphql-transport-ws against it, as
//! `tests/conformance` does. It prints where it listens: with port 0, the system chooses.

#[expect(dead_code, reason = "shared with the tests, which look at more of it")]
#[path = "../tests/protocol/stub.rs"]
mod stub;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use roomm8_api::protocol::listener::{self, Listen};
use roomm8_api::protocol::{Settings, Shutdown, Stats, router};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).init();
    let address = std::env::args().nth(1).context("say where to listen, as 127.0.0.1:4199")?;
    let address: SocketAddr = address.parse().context("the address is not one")?;
    let (stats, shutdown) = (Arc::new(Stats::default()), Shutdown::new());
    let router = router(stub::Stub::new(), Settings::default(), Arc::clone(&stats), shutdown.clone())?;
    let settings = Listen { connections_per_address: None, ..Listen::default() };
    let end = shutdown.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            end.begin(Duration::from_secs(5));
        }
    });
    let listener = listener::bind(address)?;
    println!("{}", listener.local_addr()?);
    listener::serve(listener, router, settings, stats, shutdown).await;
    Ok(())
}
