//! Amazon's services as a private emulator speaks them.

use std::{fmt::Write as _, path::PathBuf, process::Command, sync::Mutex, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Method, Request, StatusCode, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

use crate::{
    process::{self, Process},
    wait,
};

/// Until it has started, or answered: it also runs the functions that it is given.
const PATIENCE: Duration = Duration::from_mins(1);

/// An emulator on a port of its own.
pub struct Emulator {
    address: String,
    http: Client<HttpConnector, Full<Bytes>>,
    command: Mutex<Command>,
    log: PathBuf,
    process: Mutex<Option<Process>>,
}

/// What came back.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub text: String,
}

impl Emulator {
    /// Starts one, with these variables besides its own, and waits until it answers.
    pub async fn start(env: &[(&str, &str)]) -> Self {
        Self::run(process::emulator("ministack"), env).await
    }

    /// Starts one whose topics and queues know after [`Emulator::kill`] what they have acknowledged.
    pub async fn start_durable() -> Self {
        let mut command = process::emulator("python");
        command.args(["-m", "durable"]).env("PERSIST_STATE", "1");
        Self::run(command, &[]).await
    }

    async fn run(mut command: Command, env: &[(&str, &str)]) -> Self {
        let (folder, port) = (process::folder("emulator"), process::free_port());
        let address = format!("127.0.0.1:{port}");
        // A function that it runs inherits these, and so finds it.
        command
            .current_dir(&folder)
            .env("TMPDIR", &folder)
            .env("STATE_DIR", folder.join("state"))
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("AWS_ENDPOINT_URL", format!("http://{address}"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(env.iter().copied());
        let http = Client::builder(TokioExecutor::new()).build_http();
        let (command, process) = (Mutex::new(command), Mutex::new(None));
        let emulator = Self { address, http, command, log: folder.join("log"), process };
        emulator.restart().await;
        emulator
    }

    /// Starts it again after its end, and waits until it answers.
    pub async fn restart(&self) {
        let process = Process::start(&mut self.command.lock().unwrap(), &self.log);
        *self.process.lock().unwrap() = Some(process);
        wait::until_so(PATIENCE, "the emulator answered", async || self.is_there().await).await;
    }

    /// `kill -9`.
    pub fn kill(&self) {
        self.process.lock().unwrap().take().expect("it runs").kill();
    }

    fn signal(&self, signal: &str) {
        self.process.lock().unwrap().as_ref().expect("it runs").signal(signal);
    }

    async fn is_there(&self) -> bool {
        let request = Request::builder().uri(self.url("/_ministack/health")).body(Full::default());
        self.send(request.expect("a valid request")).await.is_some_and(|answer| answer.status.is_success())
    }

    /// What a program needs to know to reach it.
    pub fn env(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_REGION", "eu-central-1".to_owned()),
            ("AWS_ENDPOINT_URL", self.url("")),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The URL of a queue.
    pub fn queue(&self, name: &str) -> String {
        self.url(&format!("/000000000000/{name}"))
    }

    /// Freezes it: connections stay open and say nothing.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// The number of its process.
    pub fn process_id(&self) -> u32 {
        self.process.lock().unwrap().as_ref().expect("it runs").id()
    }

    /// Asks a service that takes forms.
    pub async fn query(&self, service: &str, action: &str, version: &str, form: &[(&str, &str)]) -> String {
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in form {
            let _ = write!(body, "&{name}={}", url_encoded(value));
        }
        self.form(service, body).await
    }

    /// Posts a form as it is.
    pub async fn form(&self, service: &str, form: String) -> String {
        let request = request(service, &self.url("/"));
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.done(request.body(Full::from(form)).expect("a valid request")).await
    }

    /// Asks a service that takes JSON.
    pub async fn json(&self, service: &str, target: &str, input: &Value) -> Value {
        self.try_json(service, target, input).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, of what may be refused.
    pub async fn try_json(&self, service: &str, target: &str, input: &Value) -> Result<Value, String> {
        let request = request(service, &self.url("/"))
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.0")
            .header("x-amz-target", target);
        let request = request.body(Full::from(input.to_string())).expect("a valid request");
        let answer = self.send(request).await.ok_or_else(|| format!("{target}: no answer"))?;
        if !answer.status.is_success() {
            return Err(format!("{target}: {} {}", answer.status, answer.text));
        }
        Ok(serde_json::from_str(&answer.text).unwrap_or_default())
    }

    /// Asks a service with paths of its own.
    pub async fn rest(&self, service: &str, method: Method, path: &str, body: Bytes) -> String {
        let request = request(service, &self.url(path)).method(method);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.done(request.body(Full::from(body)).expect("a valid request")).await
    }

    async fn done(&self, request: Request<Full<Bytes>>) -> String {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = self.send(request).await.unwrap_or_else(|| panic!("{what}: no answer"));
        assert!(answer.status.is_success(), "{what}: {} {}", answer.status, answer.text);
        answer.text
    }

    /// Sends any request; nothing, if no answer comes.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Option<Answer> {
        let exchange = async {
            let (head, body) = self.http.request(request).await.ok()?.into_parts();
            let text = String::from_utf8_lossy(&body.collect().await.ok()?.to_bytes()).into_owned();
            Some(Answer { status: head.status, headers: head.headers, text })
        };
        tokio::time::timeout(PATIENCE, exchange).await.ok()?
    }
}

/// A request whose signature is nobody's: the emulator only reads from it which service is meant.
fn request(service: &str, url: &str) -> hyper::http::request::Builder {
    Request::builder().method(Method::POST).uri(url).header(header::AUTHORIZATION, signature(service))
}

/// A signature as it looks.
pub fn signature(service: &str) -> String {
    let scope = format!("test/20261128/eu-central-1/{service}/aws4_request");
    format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")
}

/// As in a form: what is not a letter, a digit or one of `-_.` becomes `%` and a number.
pub fn url_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' => encoded.push(byte.into()),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}
