//! The `log` channel: a development mailbox in a file.

mod key;
pub(crate) mod page;

pub use key::{PageKey, kept_secret};

use super::Letter;
use anyhow::Context as _;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use tokio::fs::{OpenOptions, create_dir_all};
use tokio::io::AsyncWriteExt as _;
use tracing::info;

/// So much of the file, from its end, is looked at for the newest letters.
const NEWEST_BYTES: u64 = 4 * 1024 * 1024;

/// `mailbox.jsonl` in a folder, one letter a line, as JSON.
#[derive(Debug, Clone)]
pub struct Mailbox(PathBuf);

impl Mailbox {
    /// The mailbox in this folder, which is made with the first letter.
    pub fn in_folder(folder: &Path) -> Self {
        Self(folder.join("mailbox.jsonl"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    pub(super) async fn keep(&self, letter: &Letter) -> anyhow::Result<()> {
        if let Some(folder) = self.0.parent() {
            create_dir_all(folder).await?;
        }
        // What is in letters opens accounts: nobody else on this machine may read them.
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.0).await?;
        // One write a letter: instances that share the file do not mix their lines.
        file.write_all(format!("{}\n", serde_json::to_string(letter)?).as_bytes()).await?;
        file.flush().await?;
        info!(notification = letter.id, kind = letter.kind, mailbox = %self.0.display(), "a letter is in the development mailbox");
        Ok(())
    }

    /// Prints its letters for a reader, the newest last; only those to this address, if one is given.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn print(&self, to: Option<&str>, out: &mut impl io::Write) -> anyhow::Result<()> {
        let Some(file) = self.open()? else {
            writeln!(out, "no letter has come yet: they will be in {}", self.0.display())?;
            return Ok(());
        };
        for line in BufReader::new(file).lines() {
            // A last line may still be written.
            let Ok(letter) = serde_json::from_str::<Letter>(&line?) else { continue };
            if to.is_none_or(|to| letter.to.eq_ignore_ascii_case(to)) {
                match out.write_all(page(&letter).as_bytes()) {
                    // Whoever reads has read enough.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                    written => written?,
                }
            }
        }
        Ok(())
    }

    /// Its file, if any letter has come.
    fn open(&self) -> anyhow::Result<Option<File>> {
        match File::open(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            file => file.map(Some).with_context(|| format!("{} cannot be read", self.0.display())),
        }
    }

    /// Up to so many of its newest letters, the newest first.
    fn newest(&self, limit: usize) -> anyhow::Result<Vec<Letter>> {
        let Some(mut file) = self.open()? else { return Ok(Vec::new()) };
        let begin = file.metadata()?.len().saturating_sub(NEWEST_BYTES);
        file.seek(SeekFrom::Start(begin))?;
        let mut bytes = Vec::new();
        file.take(NEWEST_BYTES).read_to_end(&mut bytes)?;
        // A line that is cut off is no letter.
        let lines = bytes.rsplit(|byte| *byte == b'\n');
        Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).take(limit).collect())
    }
}

fn page(letter: &Letter) -> String {
    let Letter { to, subject, text, .. } = letter;
    format!("To:      {to}\nSubject: {subject}\n\n{text}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[tokio::test]
    async fn letters_are_printed_as_they_came() {
        let folder = std::env::temp_dir().join(format!("roomm8-mailbox-{}", std::process::id()));
        let mailbox = Mailbox::in_folder(&folder);
        let printed = |to| {
            let mut out = Vec::new();
            mailbox.print(to, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert!(printed(None).starts_with("no letter has come yet"));
        for (to, subject) in [("ada@example.org", "One"), ("bob@example.org", "Two")] {
            let letter = Letter {
                id: "1".into(),
                kind: "MENTION".into(),
                to: to.into(),
                language: "en".into(),
                subject: subject.into(),
                text: "Hello\nthere".into(),
                html: "<p>Hello".into(),
                unsubscribe: None,
                data: Value::Null,
            };
            mailbox.keep(&letter).await.unwrap();
        }
        let bobs = "To:      bob@example.org\nSubject: Two\n\nHello\nthere\n\n";
        assert_eq!(printed(Some("Bob@example.org")), bobs);
        assert!(printed(None).ends_with(bobs) && printed(None).contains("Subject: One"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
