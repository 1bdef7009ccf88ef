//! The relay: takes notifications from the outbox and delivers them. One runs in every instance; a notification is
//! leased by one of them at a time.

use roomm8_db::notification::{self, Content, DigestLine, Leased, due_in_words};
use roomm8_db::{Database, Result, Time, digest};
use serde_json::json;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::fs::{OpenOptions, create_dir_all};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

/// Notifications taken at once.
const BATCH: i64 = 50;
/// How often the outbox is looked at.
const PACE: Duration = Duration::from_millis(500);
/// How often it is looked whether somebody is to be told what is due tomorrow.
const DIGEST_PACE: Duration = Duration::from_secs(2);

/// The `log` channel: tells that there is a letter, and keeps it in a file that a developer can read.
#[derive(Debug)]
pub struct LogChannel {
    folder: PathBuf,
    public_url: Arc<str>,
}

impl LogChannel {
    /// A channel into `mailbox.jsonl` in this folder, one JSON object a line.
    pub fn new(folder: PathBuf, public_url: Arc<str>) -> Self {
        Self { folder, public_url }
    }

    async fn deliver(&self, letter: &Leased) -> std::io::Result<()> {
        let (subject, text) = words(&letter.content, &self.public_url);
        let data =
            serde_json::from_str::<serde_json::Value>(&letter.content.to_payload().unwrap_or_default())?;
        let line = json!({
            "id": letter.id.to_string(),
            "kind": letter.content.kind(),
            "to": letter.recipient,
            "subject": subject,
            "text": text,
            "data": data,
        });
        create_dir_all(&self.folder).await?;
        let path = self.folder.join("mailbox.jsonl");
        let mut file = OpenOptions::new().create(true).append(true).open(&path).await?;
        // One write a letter: instances that share the file do not mix their lines.
        file.write_all(format!("{line}\n").as_bytes()).await?;
        file.flush().await?;
        info!(notification = %letter.id, kind = letter.content.kind(), mailbox = %path.display(), "a letter is in the development mailbox");
        Ok(())
    }
}

/// Relays for as long as the process lives.
pub async fn relay(database: Database, channel: LogChannel) {
    let mut look_at = Instant::now();
    loop {
        if look_at <= Instant::now() {
            look_at = Instant::now() + DIGEST_PACE;
            if let Err(error) = digest::tell_due(&database, BATCH).await {
                warn!(%error, "who is to be told what is due tomorrow was not: trying again");
            }
        }
        match relay_once(&database, &channel).await {
            Ok(0) => sleep(PACE.mul_f64(rand::random_range(0.8..1.2))).await,
            Ok(_) => {}
            Err(error) => {
                warn!(%error, "the outbox could not be read: trying again");
                sleep(PACE * 4).await;
            }
        }
    }
}

async fn relay_once(database: &Database, channel: &LogChannel) -> Result<usize> {
    let letters = notification::lease(database, BATCH).await?;
    for letter in &letters {
        match channel.deliver(letter).await {
            Ok(()) => notification::sent(database, letter).await?,
            Err(error) => {
                warn!(notification = %letter.id, %error, attempt = letter.attempt, "a letter was not delivered");
                notification::failed(database, letter).await?;
            }
        }
    }
    Ok(letters.len())
}

/// The subject and text of a letter.
fn words(content: &Content, public_url: &str) -> (String, String) {
    match content {
        Content::VerifyEmail { display_name, token, .. } => (
            "Confirm your e-mail address".to_owned(),
            format!(
                "Hello {display_name}, confirm your address with the mutation verifyEmail and this token: {}",
                token.reveal()
            ),
        ),
        Content::AlreadyRegistered { display_name } => (
            "You already have an account".to_owned(),
            format!(
                "Hello {display_name}, somebody, perhaps you, tried to register with this address. You have an account already: sign in at {public_url}, or reset your password."
            ),
        ),
        Content::PasswordReset { display_name, token, .. } => (
            "Choose a new password".to_owned(),
            format!(
                "Hello {display_name}, choose a new password with the mutation resetPassword and this token, within 30 minutes: {}",
                token.reveal()
            ),
        ),
        Content::PasswordChanged { display_name, .. } => (
            "Your password was changed".to_owned(),
            format!(
                "Hello {display_name}, your password was changed. If that was not you, reset it at once."
            ),
        ),
        Content::NewDevice { display_name, device, ip_prefix, .. } => (
            "A new device signed in".to_owned(),
            format!(
                "Hello {display_name}, {device} signed in from {ip_prefix}. If that was not you, revoke its session and change your password."
            ),
        ),
        Content::Invitation { household_name, inviter_name, token, .. } => (
            format!("{inviter_name} invites you to {household_name}"),
            format!(
                "{inviter_name} invites you to live in {household_name}: accept with {public_url}/join#{}",
                token.reveal()
            ),
        ),
        Content::Mention { display_name, household_name, author_name, .. } => (
            format!("{author_name} mentioned you in {household_name}"),
            format!(
                "Hello {display_name}, {author_name} mentioned you in {household_name}. Read it at {public_url}."
            ),
        ),
        Content::TaskReminder { .. } | Content::TaskNudge { .. } | Content::TaskDigest { .. } => {
            words_about_chores(content, public_url)
        }
    }
}

/// The subject and text of a letter about chores; empty of another.
fn words_about_chores(content: &Content, public_url: &str) -> (String, String) {
    match content {
        Content::TaskReminder {
            display_name,
            household_name,
            title,
            due_at,
            by_end_of,
            time_zone,
            nag,
            ..
        } => {
            let due = due_in_words(*due_at, *by_end_of, time_zone);
            let subject = match nag {
                Some(_) => format!("Still to be done: {title}"),
                None => format!("Reminder: {title}"),
            };
            let verb = if *due_at < Time::now() { "was" } else { "is" };
            (
                subject,
                format!(
                    "Hello {display_name}, {title} in {household_name} {verb} due {due}. Say that it is done at {public_url}."
                ),
            )
        }
        Content::TaskNudge {
            display_name,
            household_name,
            nudger_name,
            title,
            due_at,
            by_end_of,
            time_zone,
            ..
        } => {
            let due = due_at.map(|due_at| due_in_words(due_at, *by_end_of, time_zone));
            let due = due.map_or_else(String::new, |due| format!(" It is due {due}."));
            (
                format!("{nudger_name} asks for {title}"),
                format!(
                    "Hello {display_name}, {nudger_name} asks you to do {title} in {household_name}.{due} Say that it is done at {public_url}."
                ),
            )
        }
        Content::TaskDigest { display_name, date, chores, more } => {
            let mut text =
                format!("Hello {display_name}, due tomorrow, {}:", date.naive().format("%A %-d %B %Y"));
            for DigestLine { title, household_name, due_at, by_end_of, time_zone } in chores {
                let due = by_end_of.map_or_else(
                    || format!(", due {}", due_in_words(*due_at, None, time_zone)),
                    |_| String::new(),
                );
                let _ = write!(text, "\n- {title} in {household_name}{due}");
            }
            if *more > 0 {
                let _ = write!(text, "\nand {more} more");
            }
            let _ = write!(text, "\nSee all of it at {public_url}.");
            let count = chores.len() + more;
            let subject = if count == 1 {
                "1 chore is due tomorrow".into()
            } else {
                format!("{count} chores are due tomorrow")
            };
            (subject, text)
        }
        _ => Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_names_chores_with_their_households_and_times() {
        let date = chrono::NaiveDate::from_ymd_opt(2026, 11, 24).unwrap_or_default().into();
        let line = |title: &str, by_end_of| DigestLine {
            title: title.into(),
            household_name: "Elm Street 5".into(),
            due_at: Time::from_micros(1_795_541_400_000_000),
            by_end_of,
            time_zone: "Europe/Berlin".into(),
        };
        let chores = vec![line("Bins", Some(date)), line("Dishes", None)];
        let content = Content::TaskDigest { display_name: "Ada".into(), date, chores, more: 2 };
        let (subject, text) = words(&content, "http://localhost");
        assert_eq!(subject, "4 chores are due tomorrow");
        let expected = "Hello Ada, due tomorrow, Tuesday 24 November 2026:
- Bins in Elm Street 5
- Dishes in Elm Street 5, due at 18:30 on Tuesday 24 November 2026 (Europe/Berlin)
and 2 more
See all of it at http://localhost.";
        assert_eq!(text, expected);
    }
}
