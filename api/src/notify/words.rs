//! What letters say, in plain English.

use roomm8_db::Time;
use roomm8_db::notification::{Content, DigestLine, due_in_words};
use std::fmt::Write as _;

/// The subject and text of a letter.
pub(super) fn words(content: &Content, public_url: &str) -> (String, String) {
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
