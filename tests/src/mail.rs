//! A private mail server, which keeps what it is sent.

use std::{path::PathBuf, sync::Mutex};

use crate::process::{self, Process};

/// A mail server on a port of its own, which does not run until it is started.
pub struct MailServer {
    folder: PathBuf,
    port: u16,
    process: Mutex<Option<Process>>,
}

impl MailServer {
    /// One that is still down.
    pub fn down() -> Self {
        Self { folder: process::folder("mail"), port: process::free_port(), process: Mutex::new(None) }
    }

    /// Starts it.
    pub fn start(&self) {
        let maildir = self.folder.join("maildir").display().to_string();
        self.start_with(&["aiosmtpd.handlers.Mailbox", &maildir]);
    }

    /// Starts one in its place that refuses every recipient, by name.
    pub fn start_refusing(&self) {
        self.start_with(&["refusing.Handler"]);
    }

    fn start_with(&self, handler: &[&str]) {
        let mut command = process::emulator("python");
        command.args(["-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{}", self.port), "-c"]);
        command.args(handler);
        *self.process.lock().unwrap() = Some(Process::start(&mut command, &self.folder.join("log")));
    }

    /// Where it listens, for `SMTP_URL`.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// What it was sent, headers and all, with lines that end as files' do.
    pub fn mails(&self) -> Vec<String> {
        let folder = std::fs::read_dir(self.folder.join("maildir/new"));
        let files = folder.into_iter().flatten().flatten();
        files.map(|file| process::read(&file.path()).replace("\r\n", "\n")).collect()
    }
}
