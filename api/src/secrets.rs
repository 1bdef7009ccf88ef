//! Settings that name secrets instead of holding them.

mod keys;
mod rotation;

pub(crate) use keys::Keys;
pub(crate) use rotation::{Followed, Holder};

use crate::aws;
use anyhow::{Context as _, anyhow, bail, ensure};
use aws_sdk_secretsmanager::Client;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use tokio::time::timeout;

/// How long the places where secrets are kept may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// What stands for itself anywhere in a URL (RFC 3986, 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The value of a setting, or where its secret parts are kept:
/// `mysql://{secretsmanager:roomm8/app#username}:{secretsmanager:roomm8/app#password}@db:3306/roomm8`.
///
/// `{file:PATH}` is the content of a file, `{secretsmanager:ID}` the current value of a secret in AWS Secrets Manager; with
/// `#FIELD` it is a field of the JSON object there. What stands within a URL is percent-encoded.
#[derive(Clone, PartialEq, Eq)]
pub struct Setting(Vec<Piece>);

#[derive(Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Secret { place: Place, field: Option<String> },
}

/// Where a secret is kept.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Place {
    File(PathBuf),
    SecretsManager(String),
}

impl FromStr for Setting {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((before, secret, after)) = next_secret(rest) {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(secret);
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }
}

/// The first secret that is named, and what stands before and after it. Other braces are text.
fn next_secret(text: &str) -> Option<(&str, Piece, &str)> {
    text.match_indices('{').find_map(|(start, _)| {
        let (before, from_here) = text.split_at_checked(start)?;
        let (inside, after) = from_here.strip_prefix('{')?.split_once('}')?;
        let (kind, name) = inside.split_once(':')?;
        let (name, field) = match name.split_once('#') {
            Some((name, field)) => (name, Some(field.to_owned())),
            None => (name, None),
        };
        let place = match kind {
            "file" => Place::File(name.into()),
            "secretsmanager" => Place::SecretsManager(name.to_owned()),
            _ => return None,
        };
        Some((before, Piece::Secret { place, field }, after))
    })
}

impl fmt::Display for Piece {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Secret { place, field } => {
                match place {
                    Place::File(path) => write!(formatter, "{{file:{}", path.display())?,
                    Place::SecretsManager(id) => write!(formatter, "{{secretsmanager:{id}")?,
                }
                if let Some(field) = field {
                    write!(formatter, "#{field}")?;
                }
                formatter.write_str("}")
            }
        }
    }
}

impl Setting {
    /// What it begins with, as far as it is written out: which kind of thing a URL names.
    pub(crate) fn starts_with(&self, scheme: &str) -> bool {
        matches!(self.0.first(), Some(Piece::Text(text)) if text.starts_with(scheme))
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it names a secret, which may become another.
    pub(crate) fn names_secrets(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Secret { .. }))
    }

    /// As it may be shown: with stars for the password of a URL. What only names a secret is shown.
    pub(crate) fn masked(&self) -> String {
        let (mut url, mut names) = (String::new(), Vec::new());
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => url.push_str(text),
                Piece::Secret { .. } => {
                    url.push(NAMED);
                    names.push(piece.to_string());
                }
            }
        }
        let masked = without_secrets(&url);
        names.iter().fold(masked, |masked, name| masked.replacen(NAMED, name, 1))
    }

    /// The value, as its secrets are now.
    ///
    /// # Errors
    /// A sentence that says which secret could not be read, and nothing of what is in it.
    pub(crate) async fn read(&self) -> anyhow::Result<String> {
        let is_url = matches!(self.0.first(), Some(Piece::Text(text)) if text.contains("://"));
        // Fields of one secret are of one version of it.
        let mut read: HashMap<&Place, String> = HashMap::new();
        let mut value = String::new();
        for piece in &self.0 {
            let (place, field) = match piece {
                Piece::Text(text) => {
                    // Misspelt, it would be taken for a password.
                    ensure!(
                        !text.contains('{'),
                        "a brace begins {{file:PATH}} or {{secretsmanager:ID}}; of a URL it is written as %7B"
                    );
                    value.push_str(text);
                    continue;
                }
                Piece::Secret { place, field } => (place, field),
            };
            let kept = match read.get(place) {
                Some(kept) => kept.clone(),
                None => place.fetch().await.with_context(|| format!("{piece} cannot be read"))?,
            };
            let part = match field {
                Some(field) => field_of(&kept, field).with_context(|| format!("{piece} is not there"))?,
                None => kept.clone(),
            };
            // A file that is being written is empty for a moment; and without a password, some servers let in anybody.
            ensure!(!part.is_empty(), "{piece} is empty");
            if is_url {
                value.extend(utf8_percent_encode(&part, UNRESERVED));
            } else {
                value.push_str(&part);
            }
            read.insert(place, kept);
        }
        Ok(value)
    }
}

/// Stands for a secret that is only named: no URL has it.
const NAMED: char = '\u{1}';

/// With stars for the password of a URL, and for all that is no URL. What is only named stays.
fn without_secrets(value: &str) -> String {
    let stars = |secret: &str| {
        let named: String = secret.chars().filter(|letter| *letter == NAMED).collect();
        if secret.chars().all(|letter| matches!(letter, NAMED | ':' | ',')) {
            secret.to_owned()
        } else {
            format!("***{named}")
        }
    };
    let Some((scheme, rest)) = value.split_once("://") else { return stars(value) };
    let credentials = rest.rsplit_once('@').and_then(|(credentials, address)| {
        let (user, password) = credentials.split_once(':')?;
        Some(format!("{scheme}://{user}:{}@{address}", stars(password)))
    });
    credentials.unwrap_or_else(|| value.to_owned())
}

impl fmt::Debug for Setting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.masked())
    }
}

impl Place {
    async fn fetch(&self) -> anyhow::Result<String> {
        let reading = async {
            match self {
                Self::File(path) => {
                    // A pipe would be waited for without an end.
                    ensure!(tokio::fs::metadata(path).await?.is_file(), "it is no file");
                    let text = tokio::fs::read_to_string(path).await?;
                    let line = text.strip_suffix('\n').unwrap_or(&text);
                    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
                }
                Self::SecretsManager(id) => fetch_from_aws(id).await,
            }
        };
        timeout(PATIENCE, reading).await?
    }
}

async fn fetch_from_aws(id: &str) -> anyhow::Result<String> {
    // The name of a secret in full says where it is.
    let region = match *id.split(':').collect::<Vec<_>>() {
        ["arn", _, "secretsmanager", region, ..] => Some(region.to_owned()),
        _ => None,
    };
    let client = Client::new(&aws::config(region).await);
    let secret = client.get_secret_value().secret_id(id).send().await;
    let secret = secret.map_err(|error| aws::reason(&error))?;
    secret.secret_string.ok_or_else(|| anyhow!("it is not a text"))
}

/// A field of a JSON object, as text.
fn field_of(json: &str, field: &str) -> anyhow::Result<String> {
    // Its errors would quote it.
    let Ok(object) = serde_json::from_str::<Value>(json) else { bail!("what is kept there is no JSON") };
    match object.get(field) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        _ => bail!("the JSON there has no such text or number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(text: &str) -> Setting {
        text.parse().unwrap()
    }

    #[test]
    fn a_password_is_masked_and_nothing_else() {
        for (url, masked) in [
            ("mysql://ada:p@ss:word@db:3306/home", "mysql://ada:***@db:3306/home"),
            ("redis://:secret@cache:6379", "redis://:***@cache:6379"),
            ("sqlite://data/roomm8.sqlite3", "sqlite://data/roomm8.sqlite3"),
            ("key-1:r99R1A85,key-0:jIv0", "***"),
            ("key-2:r99R1A85,{file:/keys}", "***{file:/keys}"),
            (
                "{secretsmanager:a#newest}:{secretsmanager:a#keys}",
                "{secretsmanager:a#newest}:{secretsmanager:a#keys}",
            ),
            (
                "mysql://{file:/db#user}:{file:/db#word}@db/home",
                "mysql://{file:/db#user}:{file:/db#word}@db/home",
            ),
            (
                "mysql://ada:pass{file:/db}@{secretsmanager:a}/home",
                "mysql://ada:***{file:/db}@{secretsmanager:a}/home",
            ),
        ] {
            assert_eq!(setting(url).masked(), masked);
            assert_eq!(format!("{:?}", setting(url)), masked);
        }
    }

    #[tokio::test]
    async fn secrets_stand_in_their_places() {
        let file = std::env::temp_dir().join(format!("roomm8-secret-{}", std::process::id()));
        std::fs::write(&file, r#"{ "username": "ada", "password": "a/b c", "port": 3306 }"#).unwrap();
        let path = file.display();
        let url =
            format!("mysql://{{file:{path}#username}}:{{file:{path}#password}}@db:{{file:{path}#port}}/home");
        let read = async |text: &str| setting(text).read().await;
        assert_eq!(read(&url).await.unwrap(), "mysql://ada:a%2Fb%20c@db:3306/home");
        assert_eq!(read(&format!("{{file:{path}#password}}")).await.unwrap(), "a/b c");
        let list = format!("{{file:{path}#username}}:{{file:{path}#password}}");
        assert_eq!(read(&list).await.unwrap(), "ada:a/b c");
        for wrong in
            [format!("{{file:{path}#host}}"), "{file:/nowhere}".to_owned(), "{file:/dev/null}".to_owned()]
        {
            let error = format!("{:#}", read(&wrong).await.unwrap_err());
            assert!(error.starts_with(&wrong) && !error.contains("a/b c"), "{error}");
        }
        for wrong in ["mysql://{secretsmanger:a#user}@db/home", "{file:/keys"] {
            assert!(read(wrong).await.unwrap_err().to_string().starts_with("a brace begins"));
        }
        std::fs::write(&file, "").unwrap();
        assert!(read(&format!("{{file:{path}}}")).await.unwrap_err().to_string().ends_with("is empty"));
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn what_names_secrets_says_so() {
        assert!(setting("{secretsmanager:roomm8/keys}").names_secrets());
        assert!(!setting("mysql://ada:{word}@db/home").names_secrets());
        assert!(setting("sqlite://data").starts_with("sqlite:") && setting("").is_empty());
    }
}
