//! What letters say, in their reader's language: the same words as text and as HTML.
//!
//! A language is a file: see [`english`], and [`OFFERED`], which names it. One that does not say every kind of letter does
//! not compile. What all of them say is in `words/*.txt`, for people to read and for a test to compare.

mod english;
mod german;

use askama::Template;
use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;
use roomm8_db::account::Locale;
use roomm8_db::notification::{Content, Leased};
use roomm8_db::{Date, Time};
use std::fmt::Write as _;

/// A language that letters are written in.
struct Language {
    /// Its tag: it is for whoever has said it, or a form of it, such as `de-AT`.
    tag: &'static str,
    hello: &'static str,
    /// What leads to no more letters of a kind.
    no_more: &'static str,
    says: fn(&Content, &Clock) -> Said,
}

/// The languages there are. The first is for those whose language is none of them.
const OFFERED: [&Language; 2] = [&english::LANGUAGE, &german::LANGUAGE];

/// What is said in a letter, without the greeting.
struct Said {
    subject: String,
    says: String,
    list: Vec<String>,
    /// What is written on the way to [`url`].
    label: &'static str,
    adds: &'static str,
}

impl Said {
    fn new(subject: impl Into<String>, says: impl Into<String>, label: &'static str) -> Self {
        Self { subject: subject.into(), says: says.into(), list: Vec::new(), label, adds: "" }
    }

    fn adds(self, adds: &'static str) -> Self {
        Self { adds, ..self }
    }

    fn lists(self, list: Vec<String>) -> Self {
        Self { list, ..self }
    }
}

/// By which clocks a reader is told times.
struct Clock {
    /// Their own, if they have said so.
    zone: Option<Tz>,
    /// When they are told.
    now: Time,
}

impl Clock {
    /// What the reader's clocks show at an instant; if those are not known, the ones of what it is about, or else UTC.
    fn local(&self, time: Time, zone_of_it: Option<&str>) -> DateTime<Tz> {
        let zone = self.zone.or_else(|| zone_of_it?.parse().ok()).unwrap_or(Tz::UTC);
        time.to_utc().with_timezone(&zone)
    }

    fn is_past(&self, time: Time) -> bool {
        time < self.now
    }
}

/// When a chore is due.
enum Due {
    At(DateTime<Tz>),
    ByEndOf(NaiveDate),
}

impl Due {
    fn of(due_at: Time, by_end_of: Option<Date>, time_zone: &str, clock: &Clock) -> Self {
        match by_end_of {
            Some(date) => Self::ByEndOf(date.naive()),
            None => Self::At(clock.local(due_at, Some(time_zone))),
        }
    }
}

/// The words of a letter.
pub(super) struct Words {
    language: &'static Language,
    greeting: Option<String>,
    said: Said,
    url: String,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Page<'a> {
    words: &'a Words,
    unsubscribe: Option<&'a str>,
}

impl Words {
    /// What is to be said of this, in the recipient's language. Links lead to pages of the front end, at `public_url`.
    pub(super) fn of(leased: &Leased, public_url: &str, now: Time) -> Self {
        let Leased { content, locale: Locale { tag, time_zone }, .. } = leased;
        let inviters = match content {
            Content::Invitation { locale, .. } => locale.as_ref(),
            _ => None,
        };
        let language = language(tag.as_ref().or(inviters).map(String::as_str));
        let clock = Clock { zone: time_zone.as_ref().and_then(|zone| zone.parse().ok()), now };
        Self {
            language,
            greeting: greeting(content, language),
            said: (language.says)(content, &clock),
            url: url(content, public_url),
        }
    }

    /// The tag of the language they are in.
    pub(super) fn language(&self) -> &'static str {
        self.language.tag
    }

    pub(super) fn subject(&self) -> &str {
        &self.said.subject
    }

    /// The words without greeting, list and link.
    pub(super) fn body(&self) -> &str {
        &self.said.says
    }

    /// Where they lead.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The words alone.
    pub(super) fn text(&self, unsubscribe: Option<&str>) -> String {
        let Said { says, list, label, adds, .. } = &self.said;
        let mut text = String::new();
        if let Some(greeting) = &self.greeting {
            let _ = write!(text, "{greeting} ");
        }
        text.push_str(says);
        for line in list {
            let _ = write!(text, "\n- {line}");
        }
        let _ = write!(text, "\n\n{label}: {}", self.url);
        if !adds.is_empty() {
            let _ = write!(text, "\n\n{adds}");
        }
        if let Some(link) = unsubscribe {
            let _ = write!(text, "\n\n{}: {link}", self.language.no_more);
        }
        text
    }

    /// The words as a page for mail readers that show HTML.
    pub(super) fn html(&self, unsubscribe: Option<&str>) -> anyhow::Result<String> {
        Ok(Page { words: self, unsubscribe }.render()?)
    }
}

/// How it begins. By no name where the address may not be theirs who chose that: a name can be a message, too.
fn greeting(content: &Content, language: &Language) -> Option<String> {
    let name = content.display_name()?;
    Some(match content {
        Content::VerifyEmail { .. } | Content::AlreadyRegistered { .. } | Content::PasswordReset { .. } => {
            format!("{},", language.hello)
        }
        _ => format!("{} {name},", language.hello),
    })
}

/// The language of this tag, of which only the first part counts so far.
fn language(tag: Option<&str>) -> &'static Language {
    let wanted = tag.and_then(|tag| tag.split('-').next()).unwrap_or_default();
    OFFERED.into_iter().find(|offered| offered.tag.eq_ignore_ascii_case(wanted)).unwrap_or(&english::LANGUAGE)
}

/// Where it leads.
fn url(content: &Content, public_url: &str) -> String {
    match content {
        Content::VerifyEmail { token, .. } => format!("{public_url}/verify-email#{}", token.reveal()),
        Content::PasswordReset { token, .. } => format!("{public_url}/reset-password#{}", token.reveal()),
        Content::Invitation { token, .. } => format!("{public_url}/join#{}", token.reveal()),
        // Whoever opens it is signed in there, and sees only what they may.
        _ => match roomm8_schema::subject_of(content) {
            Some(id) => format!("{public_url}/open/{id}"),
            None => public_url.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests;
