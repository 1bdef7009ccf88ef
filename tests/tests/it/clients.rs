//! Clients that are not ours: the npm packages front ends use, and `TypeScript` made from the schema.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use roomm8_tests::{Deployment, System, on_both, process, server::Server};
use tokio::sync::OnceCell;

on_both!(the_npm_clients_chat_through_a_running_server, graphiql_leads_a_newcomer_to_a_live_chat);

async fn the_npm_clients_chat_through_a_running_server(deployment: Deployment) {
    // Types are generated from the schema and compiled once, whatever the number of deployments.
    static BUILT: OnceCell<()> = OnceCell::const_new();
    if !is_installed("clients") {
        return;
    }
    BUILT.get_or_init(async || npm("clients", "build", &[]).await).await;
    npm("clients", "chat", &urls(&deployment.system().await)).await;
}

async fn graphiql_leads_a_newcomer_to_a_live_chat(deployment: Deployment) {
    // It says so itself when there is no browser.
    if is_installed("clients/graphiql") {
        npm("clients/graphiql", "check", &urls(&deployment.system().await)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn graphiql_with_its_files_asks_no_other_host() {
    if !is_installed("clients/graphiql") {
        return;
    }
    let (assets, packages) = (process::folder("assets"), folder("clients/graphiql"));
    let wanted = std::fs::read_to_string(packages.join("package.json")).unwrap();
    let wanted: serde_json::Value = serde_json::from_str(&wanted).unwrap();
    for (name, version) in wanted["dependencies"].as_object().unwrap() {
        let link = assets.join(format!("{name}@{}", version.as_str().unwrap()));
        std::os::unix::fs::symlink(packages.join("node_modules").join(name), link).unwrap();
    }
    let assets = assets.display().to_string();
    let system = Deployment::OneProcess.own().with("GRAPHIQL_ASSETS", &assets).start().await;
    let env = [urls(&system).as_slice(), &[("NO_OTHER_HOST", "yes".to_owned())]].concat();
    npm("clients/graphiql", "check", &env).await;
}

fn urls(system: &System) -> [(&'static str, String); 2] {
    let url = |server: &Server| format!("http://{}", server.address());
    [("ROOMM8_URL", url(system.a())), ("ROOMM8_OTHER_URL", url(system.b()))]
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// tests/run installs the packages wherever there is a Node, and a browser for those that need one.
fn is_installed(name: &str) -> bool {
    let is_there = folder(name).join("node_modules").exists();
    if !is_there {
        eprintln!("left out, as it is not installed: run `npm ci` in tests/{name} to include it");
    }
    is_there
}

async fn npm(name: &str, script: &str, env: &[(&str, String)]) {
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", script]).current_dir(folder(name));
    npm.envs(env.iter().map(|(name, value)| (name, value)));
    let output = tokio::task::spawn_blocking(move || npm.output()).await.unwrap().expect("npm runs");
    let words = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "npm run {script}:\n{}", String::from_utf8_lossy(&words));
}
