//! Clients that are not ours: the npm packages front ends use, and `TypeScript` made from the schema.

use std::{path::Path, process::Command};

use roomm8_tests::{Deployment, on_both};

on_both!(the_npm_clients_chat_through_a_running_server);

async fn the_npm_clients_chat_through_a_running_server(deployment: Deployment) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    if !folder.join("node_modules").exists() {
        // tests/run installs them wherever there is a Node.
        eprintln!("the npm clients are not installed: run `npm ci` in tests/clients to include them");
        return;
    }
    let system = deployment.system().await;
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", "chat"]).current_dir(&folder);
    npm.env("ROOMM8_URL", format!("http://{}", system.a().address()));
    npm.env("ROOMM8_OTHER_URL", format!("http://{}", system.b().address()));
    let output = tokio::task::spawn_blocking(move || npm.output()).await.unwrap().expect("npm runs");
    let words = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&words));
}
