//! A letter, as the topic carries it.

use crate::batch::Record;
use serde::Deserialize;
use std::fmt;

/// The version of the message that is understood.
const SCHEMA: &str = "1";

/// A letter, its words ready to be sent. It has no `Debug`: nothing of it but its id and kind is for a log.
#[derive(Deserialize)]
pub(crate) struct Letter {
    pub(crate) id: Name,
    pub(crate) kind: Name,
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: Option<String>,
    /// The link that ends mail of this kind.
    pub(crate) unsubscribe: Option<Link>,
}

impl Letter {
    /// The letter that a message carries, or why it carries none.
    pub(crate) fn read(record: &Record) -> Result<Self, &'static str> {
        if record.attribute("schema") != Some(SCHEMA) {
            return Err("SchemaUnknown");
        }
        serde_json::from_str(&record.body).map_err(|_| "NoLetter")
    }
}

/// A word that may be a tag of a mail and stand in a log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Name(String);

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let is_name = (1..=64).contains(&word.len()) && word.bytes().all(is_plain);
        if is_name { Ok(Self(word)) } else { Err("not a name") }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A link that can stand in a header between angle brackets.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Link(String);

impl TryFrom<String> for Link {
    type Error = &'static str;

    fn try_from(link: String) -> Result<Self, Self::Error> {
        let is_web = link.starts_with("https://") || link.starts_with("http://");
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b',');
        if is_web && link.bytes().all(is_plain) { Ok(Self(link)) } else { Err("not a link") }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn letter() -> Value {
        json!({ "id": "0198-a", "kind": "MENTION", "to": "ada@example.org", "subject": "Hi", "text": "Hello", "data": {} })
    }

    fn read(body: &str, schema: &str) -> Result<Letter, &'static str> {
        let attributes = json!({ "schema": { "dataType": "String", "stringValue": schema } });
        let record =
            json!({ "messageId": "m", "body": body, "eventSourceARN": "q", "messageAttributes": attributes });
        serde_json::from_value(record).map_err(|_| "no record").and_then(|record| Letter::read(&record))
    }

    #[test]
    fn a_letter_may_lack_html_and_a_link() {
        for (html, link) in
            [(Value::Null, Value::Null), (json!("<p>Hello"), json!("https://example.org/u?t=a"))]
        {
            let mut full = letter();
            full["html"] = html.clone();
            full["unsubscribe"] = link.clone();
            let read =
                read(&full.to_string(), "1").map(|it| (it.html, it.unsubscribe.map(|link| link.to_string())));
            let expected = (html.as_str().map(str::to_owned), link.as_str().map(str::to_owned));
            assert_eq!(read, Ok(expected));
        }
        assert!(read(&letter().to_string(), "1").is_ok());
    }

    #[test]
    fn junk_is_told_from_letters() {
        let with = |field: &str, value: Value| {
            let mut letter = letter();
            letter[field] = value;
            letter.to_string()
        };
        assert_eq!(read(&letter().to_string(), "2").err(), Some("SchemaUnknown"));
        let wrong = [
            "not JSON".to_owned(),
            "{}".to_owned(),
            with("id", Value::Null),
            with("id", json!("")),
            with("id", json!("a".repeat(65))),
            with("kind", json!("a b")),
            with("to", json!(["ada@example.org"])),
            with("unsubscribe", json!("mailto:a@example.org")),
            with("unsubscribe", json!("https://example.org/>\r\nBcc: eve@example.org")),
        ];
        for body in wrong {
            assert_eq!(read(&body, "1").err(), Some("NoLetter"), "{body}");
        }
    }
}
