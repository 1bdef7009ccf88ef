//! What letters say, in plain English: the same words as text and as HTML.

use askama::Template;
use roomm8_db::Time;
use roomm8_db::notification::{Content, DigestLine, due_in_words};
use std::fmt::Write as _;

/// The words of a letter.
#[derive(Default)]
pub(super) struct Words<'a> {
    pub(super) subject: String,
    greets: Option<&'a str>,
    says: String,
    list: Vec<String>,
    /// Where to go next: a label, and where it leads.
    link: Option<(&'static str, String)>,
    adds: &'static str,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Page<'a> {
    words: &'a Words<'a>,
    unsubscribe: Option<&'a str>,
}

impl<'a> Words<'a> {
    /// What is to be said of this. Links lead to pages of the front end, at `public_url`.
    pub(super) fn of(content: &'a Content, public_url: &str) -> Self {
        let home = || public_url.to_owned();
        let page = |name, token| format!("{public_url}/{name}#{token}");
        let words = match content {
            Content::VerifyEmail { token, .. } => {
                Self::new("Confirm your e-mail address", "please confirm that this is your address.")
                    .leads("Confirm it", page("verify-email", token.reveal()))
                    .adds("Did you not sign up? Then there is nothing to do.")
            }
            Content::Welcome { .. } => Self::new(
                "Welcome to RoomM8",
                "your address is confirmed. Found a household, or join one: somebody who lives there invites you.",
            )
            .leads("Open RoomM8", home()),
            Content::AlreadyRegistered { .. } => Self::new(
                "You already have an account",
                "somebody, perhaps you, tried to sign up with this address. You have an account already.",
            )
            .leads("Sign in", home())
            .adds("Did you forget your password? You can ask for a new one there."),
            Content::PasswordReset { token, expires_at, .. } => Self::new(
                "Choose a new password",
                format!("you asked for a new password. This works once, until {}.", instant(*expires_at)),
            )
            .leads("Choose a new password", page("reset-password", token.reveal()))
            .adds("Did you not ask? Then your password stays as it is."),
            Content::PasswordChanged { changed_at, .. } => Self::new(
                "Your password was changed",
                format!("your password was changed at {}.", instant(*changed_at)),
            )
            .leads("Open RoomM8", home())
            .adds("Was that not you? Ask for a new password at once."),
            Content::NewDevice { device, ip_prefix, signed_in_at, .. } => Self::new(
                "A new device signed in",
                format!("{device} signed in from {ip_prefix} at {}.", instant(*signed_in_at)),
            )
            .leads("Look at your sessions", home())
            .adds("Was that not you? Revoke its session and change your password."),
            Content::Invitation { household_name, inviter_name, token, expires_at } => Self::new(
                format!("{inviter_name} invites you to {household_name}"),
                format!(
                    "{inviter_name} invites you to live in {household_name}. You can accept until {}.",
                    instant(*expires_at)
                ),
            )
            .leads("Have a look", page("join", token.reveal())),
            Content::Mention { household_name, author_name, .. } => {
                let fact = format!("{author_name} mentioned you in {household_name}");
                Self::new(fact.clone(), fact + ".").leads("Read it", home())
            }
            Content::Announcement { household_name, author_name, title, requires_ack, .. } => {
                let asks = if *requires_ack { "Please say that you know." } else { "" };
                Self::new(
                    format!("{household_name}: {title}"),
                    format!("{author_name} announced in {household_name}: {title}."),
                )
                .leads("Read it", home())
                .adds(asks)
            }
            Content::TaskReminder { .. } | Content::TaskNudge { .. } | Content::TaskDigest { .. } => {
                Self::of_chores(content).leads("Open RoomM8", home())
            }
        };
        Self { greets: content.display_name(), ..words }
    }

    /// What is to be said of chores; nothing of anything else.
    fn of_chores(content: &Content) -> Self {
        match content {
            Content::TaskReminder { household_name, title, due_at, by_end_of, time_zone, nag, .. } => {
                let due = due_in_words(*due_at, *by_end_of, time_zone);
                let subject = nag.map_or("Reminder", |_| "Still to be done");
                let verb = if *due_at < Time::now() { "was" } else { "is" };
                Self::new(
                    format!("{subject}: {title}"),
                    format!("{title} in {household_name} {verb} due {due}. Is it done? Then say so."),
                )
            }
            Content::TaskNudge {
                household_name, nudger_name, title, due_at, by_end_of, time_zone, ..
            } => {
                let due = due_at.map(|due_at| due_in_words(due_at, *by_end_of, time_zone));
                let due = due.map_or_else(String::new, |due| format!(" It is due {due}."));
                Self::new(
                    format!("{nudger_name} asks for {title}"),
                    format!("{nudger_name} asks you to do {title} in {household_name}.{due}"),
                )
            }
            Content::TaskDigest { date, chores, more, .. } => {
                let count = chores.len() + more;
                let subject = match count {
                    1 => "1 chore is due tomorrow".to_owned(),
                    _ => format!("{count} chores are due tomorrow"),
                };
                let date = date.naive().format("%A %-d %B %Y");
                let mut words = Self::new(subject, format!("this is due tomorrow, {date}:"));
                words.list = chores.iter().map(line).collect();
                if *more > 0 {
                    words.list.push(format!("{more} more"));
                }
                words
            }
            _ => Self::default(),
        }
    }

    fn new(subject: impl Into<String>, says: impl Into<String>) -> Self {
        Self { subject: subject.into(), says: says.into(), ..Self::default() }
    }

    fn leads(self, label: &'static str, url: String) -> Self {
        Self { link: Some((label, url)), ..self }
    }

    fn adds(self, adds: &'static str) -> Self {
        Self { adds, ..self }
    }

    /// The words alone.
    pub(super) fn text(&self, unsubscribe: Option<&str>) -> String {
        let mut text = String::new();
        if let Some(name) = self.greets {
            let _ = write!(text, "Hello {name}, ");
        }
        text.push_str(&self.says);
        for line in &self.list {
            let _ = write!(text, "\n- {line}");
        }
        if let Some((label, url)) = &self.link {
            let _ = write!(text, "\n\n{label}: {url}");
        }
        if !self.adds.is_empty() {
            let _ = write!(text, "\n\n{}", self.adds);
        }
        if let Some(link) = unsubscribe {
            let _ = write!(text, "\n\nNo more of these: {link}");
        }
        text
    }

    /// The words as a page for mail readers that show HTML.
    pub(super) fn html(&self, unsubscribe: Option<&str>) -> anyhow::Result<String> {
        Ok(Page { words: self, unsubscribe }.render()?)
    }
}

fn line(chore: &DigestLine) -> String {
    let DigestLine { title, household_name, due_at, by_end_of, time_zone } = chore;
    match by_end_of {
        Some(_) => format!("{title} in {household_name}"),
        None => format!("{title} in {household_name}, due {}", due_in_words(*due_at, None, time_zone)),
    }
}

fn instant(time: Time) -> String {
    time.to_utc().format("%H:%M UTC on %A %-d %B %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use roomm8_db::notification::Secret;

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
        let words = Words::of(&content, "http://localhost");
        assert_eq!(words.subject, "4 chores are due tomorrow");
        let expected = "Hello Ada, this is due tomorrow, Tuesday 24 November 2026:
- Bins in Elm Street 5
- Dishes in Elm Street 5, due at 18:30 on Tuesday 24 November 2026 (Europe/Berlin)
- 2 more

Open RoomM8: http://localhost

No more of these: http://localhost/u";
        assert_eq!(words.text(Some("http://localhost/u")), expected);
        let html = words.html(Some("http://localhost/u")).unwrap();
        for part in [
            "<p>Hello Ada,</p>",
            "<li>2 more</li>",
            r#"href="http://localhost""#,
            r#"href="http://localhost/u""#,
        ] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
    }

    #[test]
    fn what_people_have_written_is_no_html() {
        let content = Content::Invitation {
            household_name: "<b>Elm</b> & Co".into(),
            inviter_name: "\"Ada\"".into(),
            token: Secret::new("rm8_i_x".into()),
            expires_at: Time::from_micros(1_795_541_400_000_000),
        };
        let words = Words::of(&content, "https://roomm8.example.com");
        assert_eq!(words.subject, "\"Ada\" invites you to <b>Elm</b> & Co");
        assert_eq!(
            words.text(None),
            "\"Ada\" invites you to live in <b>Elm</b> & Co. You can accept until 17:30 UTC on Tuesday 24 November 2026.

Have a look: https://roomm8.example.com/join#rm8_i_x"
        );
        let html = words.html(None).unwrap();
        assert!(html.contains("&#60;b&#62;Elm&#60;/b&#62; &#38; Co"), "{html}");
        assert!(!html.contains("<b>") && !html.contains("No more of these"), "{html}");
    }
}
