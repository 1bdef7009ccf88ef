//! One `roomm8` process.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use crate::{
    client::Client,
    process::{self, Process},
    wait,
};

/// Generous: a first start migrates, and the machine may be busy.
const START: Duration = Duration::from_secs(40);

/// A running server; its port stays the same over restarts.
pub struct Server {
    folder: PathBuf,
    env: Vec<(String, String)>,
    port: AtomicU16,
    address_space: Option<u64>,
    process: Mutex<Option<Process>>,
}

impl Server {
    /// Starts a server with these variables and no others, and waits until it listens. It dies if it needs more bytes
    /// of address space than it may have.
    pub async fn start(env: &[(String, String)], address_space: Option<u64>) -> Self {
        let (folder, env) = (process::folder("server"), env.to_vec());
        let (port, process) = (AtomicU16::new(0), Mutex::new(None));
        let server = Self { folder, env, port, address_space, process };
        server.restart().await;
        server
    }

    /// Starts it again after its end, on the same port, and waits until it listens.
    pub async fn restart(&self) {
        let before = self.log().len();
        self.spawn();
        let port = wait::until(START, "the server listened", async || {
            if let Some(status) = self.process.lock().unwrap().as_mut().and_then(Process::ended) {
                panic!("the server ended with {status}:\n{}", self.log());
            }
            listening_port(&self.log()[before..])
        })
        .await;
        self.port.store(port, Ordering::Relaxed);
    }

    /// Starts it without waiting for anything.
    pub fn spawn(&self) {
        let mut command = match self.address_space {
            Some(bytes) => capped(bytes, &self.folder),
            None => command(&self.folder),
        };
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.env("LISTEN_ADDR", format!("127.0.0.1:{}", self.port.load(Ordering::Relaxed)));
        *self.process.lock().unwrap() = Some(Process::start(&mut command, &self.folder.join("log")));
    }

    /// The number of its process.
    pub fn process_id(&self) -> u32 {
        self.process.lock().unwrap().as_ref().expect("it runs").id()
    }

    /// `kill -9`.
    pub fn kill(&self) {
        self.process.lock().unwrap().take().expect("it runs").kill();
    }

    /// Freezes it: its sockets stay open and say nothing.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// Asks it to drain and end.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Waits for it to end by itself.
    pub async fn end_within(&self, limit: Duration) -> ExitStatus {
        let mut process = self.process.lock().unwrap().take().expect("it runs");
        process.end_within(limit).await
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port.load(Ordering::Relaxed))
    }

    /// A client that says who it is to nobody.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.address(), None)
    }

    /// Everything it has written.
    pub fn log(&self) -> String {
        process::read(&self.folder.join("log"))
    }

    /// The sum of a counter or gauge of `/metrics` over its labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.anonymous().get("/metrics").await.expect("metrics are served");
        metric(&text, name).unwrap_or_else(|| panic!("/metrics has no {name}"))
    }

    /// Waits until `/readyz` answers 200.
    pub async fn ready_within(&self, limit: Duration) {
        let client = self.anonymous();
        wait::until_so(limit, "the server was ready", async || {
            client.get("/readyz").await.is_ok_and(|(status, _)| status == 200)
        })
        .await;
    }

    fn signal(&self, signal: &str) {
        self.process.lock().unwrap().as_ref().expect("it runs").signal(signal);
    }
}

/// The program with an empty environment, in a folder of its own.
pub fn command(folder: &Path) -> Command {
    bare(Command::new(program()), folder)
}

/// The same within so many bytes of address space.
fn capped(bytes: u64, folder: &Path) -> Command {
    let mut command = Command::new("prlimit");
    command.arg(format!("--as={bytes}")).arg("--nofile=8192:8192").arg(program());
    bare(command, folder)
}

fn bare(mut command: Command, folder: &Path) -> Command {
    command.current_dir(folder).env_clear();
    command.envs(["PATH", "HOME", "TMPDIR"].iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.env("RUST_BACKTRACE", "1");
    command
}

/// Where the program under test is: `ROOMM8_TEST_BINARY`, or built now by the cargo that runs this test.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match std::env::var_os("ROOMM8_TEST_BINARY") {
        Some(path) => path.into(),
        None => build(),
    })
}

fn build() -> PathBuf {
    // The whole workspace: its features are those the tests were just built with, so little is built twice.
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "--workspace", "--bin", "roomm8"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(cargo.status().is_ok_and(|status| status.success()), "cargo could not build roomm8");
    let test = std::env::current_exe().expect("a test has a path");
    test.ancestors().nth(2).expect("it lies in target/<profile>/deps").join("roomm8")
}

fn listening_port(output: &str) -> Option<u16> {
    let (_, rest) = output.split_once("listening on http://")?;
    let (line, _) = rest.split_once('\n')?;
    line.trim().rsplit_once(':')?.1.parse().ok()
}

fn metric(text: &str, name: &str) -> Option<f64> {
    let values: Vec<f64> = text
        .lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
        .filter_map(|line| line.rsplit_once(' ')?.1.parse().ok())
        .collect();
    (!values.is_empty()).then(|| values.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_a_whole_line() {
        assert_eq!(listening_port("migrated\nlistening on http://127.0.0.1:41234\n"), Some(41234));
        assert_eq!(listening_port("listening on http://127.0.0.1:412"), None);
    }

    #[test]
    fn a_metric_is_summed_over_its_labels() {
        let text = "# TYPE a counter\na{x=\"1\"} 2\na{x=\"2\"} 3\nab 7\nb 1.5\n";
        assert_eq!(metric(text, "a"), Some(5.0));
        assert_eq!(metric(text, "b"), Some(1.5));
        assert_eq!(metric(text, "c"), None);
    }
}
