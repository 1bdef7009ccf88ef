//! A browser with its push service, and a webhook: what is sent there is opened and checked by libraries that are not ours.

use std::{path::Path, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// How long it may take to begin, or to hear.
const PROMPT: Duration = Duration::from_secs(30);

/// A process that takes notifications.
pub struct Receiver {
    /// The browser, as the input of `addWebPush`.
    pub browser: Value,
    /// The address of the webhook.
    pub webhook: String,
    wishes: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Receiver {
    /// Starts it; none where its packages are not installed.
    pub async fn start() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
        if !folder.join("node_modules").exists() {
            eprintln!("left out, as it is not installed: run `npm ci` in tests/clients to include it");
            return None;
        }
        let mut process = Command::new("node")
            .arg("receiver.mjs")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Node runs");
        let wishes = process.stdin.take().expect("it is a pipe");
        let mut said = BufReader::new(process.stdout.take().expect("it is a pipe")).lines();
        let first = line(&mut said, PROMPT).await;
        let webhook = first["webhook"].as_str().expect("it says where").to_owned();
        Some(Self { browser: first["browser"].clone(), webhook, wishes, said, _process: process })
    }

    /// Says by which secret the webhook knows what is ours.
    pub async fn knows(&mut self, secret: &str) {
        self.wish(json!({ "secret": secret })).await;
    }

    /// Says with which statuses the next requests are answered. All others are taken.
    pub async fn answers(&mut self, statuses: &[u16]) {
        self.wish(json!({ "statuses": statuses })).await;
    }

    async fn wish(&mut self, wish: Value) {
        self.wishes.write_all(format!("{wish}\n").as_bytes()).await.expect("it hears");
        assert_eq!(line(&mut self.said, PROMPT).await, json!({ "heard": true }));
    }

    /// What comes next, opened and checked: `to`, `id`, `payload`, and the `status` it was answered with.
    pub async fn next(&mut self, limit: Duration) -> Value {
        let said = line(&mut self.said, limit).await;
        assert_eq!(said["error"], Value::Null, "{said}");
        said
    }

    /// Whether nothing comes for so long.
    pub async fn is_quiet(&mut self, length: Duration) -> bool {
        timeout(length, self.said.next_line()).await.is_err()
    }
}

async fn line(said: &mut Lines<BufReader<ChildStdout>>, limit: Duration) -> Value {
    let line = timeout(limit, said.next_line()).await.expect("it says something").expect("it can be read");
    serde_json::from_str(&line.expect("it still runs")).expect("it is JSON")
}
