//! Clients that are not ours: the npm packages front ends use, and `TypeScript` made from the schema.

use std::{path::Path, process::Command};

use roomm8_tests::{Deployment, on_both};
use tokio::sync::OnceCell;

on_both!(the_npm_clients_chat_through_a_running_server);

async fn the_npm_clients_chat_through_a_running_server(deployment: Deployment) {
    // Types are generated from the schema and compiled once, whatever the number of deployments.
    static BUILT: OnceCell<()> = OnceCell::const_new();
    if !folder().join("node_modules").exists() {
        // tests/run installs them wherever there is a Node.
        eprintln!("the npm clients are not installed: run `npm ci` in tests/clients to include them");
        return;
    }
    BUILT.get_or_init(async || npm("build", &[]).await).await;
    let system = deployment.system().await;
    let url = |server: &roomm8_tests::server::Server| format!("http://{}", server.address());
    npm("chat", &[("ROOMM8_URL", url(system.a())), ("ROOMM8_OTHER_URL", url(system.b()))]).await;
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/clients"))
}

async fn npm(script: &str, env: &[(&str, String)]) {
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", script]).current_dir(folder());
    npm.envs(env.iter().map(|(name, value)| (name, value)));
    let output = tokio::task::spawn_blocking(move || npm.output()).await.unwrap().expect("npm runs");
    let words = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "npm run {script}:\n{}", String::from_utf8_lossy(&words));
}
