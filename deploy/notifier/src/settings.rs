//! What the function is told by its environment.

use anyhow::{Context as _, ensure};
use std::time::Duration;

/// The settings, each with the name of its variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `TABLE_NAME`: the table of letters and of addresses that get no mail.
    pub(crate) table: String,
    /// `MAIL_FROM`: whom mail is from.
    pub(crate) from: String,
    /// `CONFIGURATION_SET`: by it SES knows whom to tell what became of a mail.
    pub(crate) configuration_set: String,
    /// `EVENTS_QUEUE_ARN`: what comes from this queue is what SES tells. All other queues hold letters.
    pub(crate) events_queue: String,
    /// `GRACE_SECONDS`: for how long after an invocation has ended SES may still tell that it sent something.
    pub(crate) grace: Duration,
}

impl Settings {
    pub(crate) fn from_environment(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let text = |name: &str, what: &str| {
            variable(name)
                .filter(|text| !text.is_empty())
                .with_context(|| format!("{name} is not set: it is {what}"))
        };
        let from = text("MAIL_FROM", "the address that mail is from")?;
        ensure!(from.contains('@'), "MAIL_FROM is no address: write it as letters@example.org");
        let grace = text("GRACE_SECONDS", "how long to wait for word of a mail that may have been sent")?;
        Ok(Self {
            table: text("TABLE_NAME", "the DynamoDB table of letters")?,
            from,
            configuration_set: text("CONFIGURATION_SET", "the SES configuration set that mail is sent with")?,
            events_queue: text("EVENTS_QUEUE_ARN", "the queue of what SES tells")?,
            grace: grace.parse().map(Duration::from_secs).context("GRACE_SECONDS is no number of seconds")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 5] = [
        ("TABLE_NAME", "letters"),
        ("MAIL_FROM", "RoomM8 <letters@example.org>"),
        ("CONFIGURATION_SET", "letters"),
        ("EVENTS_QUEUE_ARN", "arn:aws:sqs:eu-central-1:123456789012:events"),
        ("GRACE_SECONDS", "120"),
    ];

    fn read(but: (&str, &str)) -> anyhow::Result<Settings> {
        Settings::from_environment(|name| {
            let value = COMPLETE.iter().find(|(other, _)| *other == name)?.1;
            Some(if name == but.0 { but.1 } else { value }.to_owned())
        })
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(read(("", "")).map(|settings| settings.grace).ok(), Some(Duration::from_mins(2)));
        for (name, _) in COMPLETE {
            let sentence = read((name, "")).map_err(|error| error.to_string());
            assert!(sentence.is_err_and(|it| it.starts_with(&format!("{name} is not set: "))), "{name}");
        }
        assert!(read(("GRACE_SECONDS", "soon")).is_err() && read(("MAIL_FROM", "letters")).is_err());
    }
}
