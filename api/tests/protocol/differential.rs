//! The same questions to graphql-js and to this layer.

use std::path::Path;
use std::process::Command;

use roomm8_api::protocol::listener::Listen;
use roomm8_api::protocol::{Limits, Settings};

use crate::server::Server;

/// Documents asked; more of them with `node tests/clients/differential.mjs URL --seed N --count N`.
const COUNT: &str = "2000";

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_those_of_graphql_js() {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients");
    if !clients.join("node_modules/graphql").exists() {
        eprintln!("left out, as graphql-js is not installed: run `npm ci` in tests/clients to include it");
        return;
    }
    let listen = Listen { connections_per_address: None, ..Listen::default() };
    // Documents made at random may cost more than any person's.
    let limits = Limits { cost: usize::MAX, ..Limits::default() };
    let server = Server::with(Settings { limits, ..Settings::default() }, listen);
    let url = format!("http://{}/graphql", server.address);
    let mut node = Command::new("node");
    node.args(["differential.mjs", &url, "--count", COUNT]).current_dir(clients);
    let output = tokio::task::spawn_blocking(move || node.output()).await.unwrap().unwrap();
    let words = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&words));
}
