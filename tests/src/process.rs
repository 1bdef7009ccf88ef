//! A process of the system under test: started with its output in a file, stopped, frozen and killed on demand.

use std::{
    fs::{File, OpenOptions},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{reaper, wait};

/// A child process; dropped, it is killed.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with both its outputs appended to `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let output = OpenOptions::new().create(true).append(true).open(log).expect("the log can be written");
        let errors = output.try_clone().expect("the log can be shared");
        let child =
            command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn().unwrap_or_else(|error| {
                panic!("{} does not start: {error}", command.get_program().display())
            });
        reaper::watch(child.id());
        Self { child, log: log.to_owned() }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.end();
    }

    /// Sends a signal: `STOP`, `CONT`, `TERM`.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "SIG{signal} could not be sent");
        if signal == "STOP" {
            self.wait_until_stopped();
        }
    }

    /// The signal is sent before it is obeyed: threads on another core may still answer for a moment.
    fn wait_until_stopped(&self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while !self.is_stopped() {
            assert!(Instant::now() < deadline, "the process did not stop");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Whether every thread is in state T of proc(5).
    fn is_stopped(&self) -> bool {
        let Ok(threads) = std::fs::read_dir(format!("/proc/{}/task", self.child.id())) else { return true };
        threads.flatten().all(|thread| {
            let status = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            // The name before it may hold anything, in brackets.
            status.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
        })
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// Waits for it to end by itself.
    pub async fn end_within(&mut self, limit: Duration) -> ExitStatus {
        wait::until(limit, "the process ended", async || self.ended()).await
    }

    /// What it has written so far.
    pub fn output(&self) -> String {
        read(&self.log)
    }

    fn end(&mut self) {
        // A stopped process dies of SIGKILL as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        reaper::forget(self.child.id());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A program of the Python environment that `tests/run` makes for the emulators.
pub fn emulator(program: &str) -> Command {
    const EMULATORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/emulators");
    let program = format!("{EMULATORS}/.venv/bin/{program}");
    assert!(
        Path::new(&program).exists(),
        "{program} is not there: tests/run installs what tests/emulators/requirements.txt names"
    );
    let mut command = Command::new(program);
    command.env("PYTHONPATH", EMULATORS).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The text of a file that a process may be writing, empty while there is none.
pub fn read(path: &Path) -> String {
    std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// A new folder of this run's own, removed when the run ends; other users may enter it.
pub fn folder(name: &str) -> PathBuf {
    static RUN: LazyLock<PathBuf> = LazyLock::new(|| {
        let run = std::env::temp_dir().join(format!("roomm8-tests-{}", std::process::id()));
        std::fs::create_dir_all(&run).expect("the temporary folder can be written");
        File::open(&run).and_then(|folder| folder.set_permissions(permissions(0o755))).expect("it is ours");
        reaper::remove(&run);
        run
    });
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let folder = RUN.join(format!("{name}-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    folder
}

fn permissions(mode: u32) -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(mode)
}

/// A port that nobody listens on at the moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

/// Whether this process runs as root, whom database servers refuse to run as.
pub fn is_root() -> bool {
    static ROOT: LazyLock<bool> = LazyLock::new(|| {
        Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
    });
    *ROOT
}
