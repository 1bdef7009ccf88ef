//! The `endpoints` channel: browsers, by web push, and webhooks.

use super::outbound::Outbound;
use super::web_push::{self, Vapid};
use super::words::Words;
use super::{Links, Outcome, webhook};
use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use chrono::SecondsFormat;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use roomm8_db::Time;
use roomm8_db::notification::Leased;
use roomm8_db::notification::endpoint::Endpoint;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use url::Url;

/// How long a push service keeps a message for a browser that is off: yesterday's is no news.
const KEPT_SECONDS: u32 = 24 * 60 * 60;
/// A topic has at most so many characters (RFC 8030, 5.4).
const TOPIC: usize = 32;
/// What comes after a body that was cut.
const CUT: &str = "…";

/// How endpoints are reached.
#[derive(Debug)]
pub struct Endpoints {
    /// Without it nobody is told.
    outbound: Option<Outbound>,
    /// Without it no browser is told.
    vapid: Option<Vapid>,
}

/// What an endpoint is told, as `addWebPush` and `addWebhook` promise it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    version: u32,
    id: String,
    kind: &'static str,
    title: String,
    body: String,
    url: String,
    language: &'static str,
    happened_at: String,
    subject_id: Option<String>,
}

impl Endpoints {
    /// Endpoints reached like this; browsers only with a key.
    pub fn new(outbound: Option<Outbound>, vapid: Option<Vapid>) -> Self {
        Self { outbound, vapid }
    }

    pub(super) async fn tell(
        &self,
        endpoint: &Endpoint,
        leased: &Leased,
        links: &Links,
        now: Time,
    ) -> anyhow::Result<Outcome> {
        let outbound =
            self.outbound.as_ref().context("this machine has no certificates to know others by")?;
        let url = Url::parse(&endpoint.url).ok().context("the URL of an endpoint is none")?;
        let seconds = now.micros().div_euclid(1_000_000);
        let payload = Payload::of(leased, links, now);
        let (headers, body) = if let Some(key) = &endpoint.public_key {
            let vapid = self.vapid.as_ref().context("a browser cannot be told without VAPID_KEY")?;
            let text = payload.fitting(web_push::TEXT_BYTES)?;
            // Its key is no point of the curve: nobody could ever read what is sent there.
            let Ok(body) = web_push::seal(key, &endpoint.secret, &text) else { return Ok(Outcome::Gone) };
            (push_headers(&payload.topic(), vapid.authorization(&url, seconds)?)?, body)
        } else {
            let body = serde_json::to_vec(&payload)?;
            (webhook_headers(&endpoint.secret, &payload.id, seconds, &body)?, body)
        };
        let status = outbound.post(&url, headers, Bytes::from(body)).await?;
        outcome(endpoint.public_key.is_some(), status)
            .with_context(|| format!("{} answered {status}", url.host_str().unwrap_or("nobody")))
    }
}

/// None if this was no delivery, and another try may be one.
fn outcome(is_browser: bool, status: StatusCode) -> Option<Outcome> {
    match (is_browser, status.as_u16()) {
        (_, 410) | (true, 404) => Some(Outcome::Gone),
        (true, 200 | 201 | 202 | 204) | (false, 200..=299) => Some(Outcome::Delivered),
        _ => None,
    }
}

fn push_headers(topic: &str, authorization: String) -> anyhow::Result<HeaderMap> {
    Ok(HeaderMap::from_iter([
        (HeaderName::from_static("ttl"), HeaderValue::from(KEPT_SECONDS)),
        (HeaderName::from_static("urgency"), HeaderValue::from_static("normal")),
        (HeaderName::from_static("topic"), HeaderValue::from_str(topic)?),
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_ENCODING, HeaderValue::from_static("aes128gcm")),
        (header::AUTHORIZATION, HeaderValue::try_from(authorization)?),
    ]))
}

fn webhook_headers(secret: &[u8], id: &str, seconds: i64, body: &[u8]) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::from_iter(webhook::sign(secret, id, seconds, body)?);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("RoomM8"));
    Ok(headers)
}

impl Payload {
    fn of(leased: &Leased, links: &Links, now: Time) -> Self {
        let words = Words::of(leased, &links.public_url, now);
        Self {
            version: 1,
            id: leased.id.to_string(),
            kind: leased.content.kind(),
            title: words.subject().to_owned(),
            body: words.body().to_owned(),
            url: words.url().to_owned(),
            language: words.language(),
            happened_at: leased.created_at.to_utc().to_rfc3339_opts(SecondsFormat::Micros, true),
            subject_id: roomm8_schema::subject_of(&leased.content),
        }
    }

    /// A name for what this is about in which a push service reads nothing. Of two of one name that wait for a browser, it
    /// is told the newer one (RFC 8030, 5.4).
    fn topic(&self) -> String {
        // What was added later does not stand for what was added before.
        let subject =
            self.subject_id.as_deref().filter(|_| self.kind != "GROCERIES_ADDED").unwrap_or(&self.id);
        let hash = Sha256::digest(format!("{} {subject}", self.kind));
        URL_SAFE_NO_PAD.encode(hash).chars().take(TOPIC).collect()
    }

    /// As JSON of at most this many bytes, for which its body is cut.
    fn fitting(&self, limit: usize) -> anyhow::Result<Vec<u8>> {
        let whole = serde_json::to_vec(self)?;
        if whole.len() <= limit {
            return Ok(whole);
        }
        // Each letter by how long it is in JSON, without the quotes around it.
        let around = whole.len() - (serde_json::to_string(&self.body)?.len() - 2);
        let Some(mut room) = limit.checked_sub(around + CUT.len()) else {
            bail!("a message is too long for a browser even without its body");
        };
        let mut body = String::new();
        for letter in self.body.chars() {
            let Some(left) = room.checked_sub(serde_json::to_string(&letter)?.len() - 2) else { break };
            room = left;
            body.push(letter);
        }
        body.push_str(CUT);
        Ok(serde_json::to_vec(&Self { body, ..self.clone() })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(body: &str) -> Payload {
        Payload {
            version: 1,
            id: "id".to_owned(),
            kind: "MENTION",
            title: "Ada mentioned you".to_owned(),
            body: body.to_owned(),
            url: "https://roomm8.example/m".to_owned(),
            language: "en",
            happened_at: "2026-11-24T05:55:53.327211Z".to_owned(),
            subject_id: Some("message".to_owned()),
        }
    }

    #[test]
    fn a_long_body_is_cut_to_fit() {
        for letter in ["a", "\"", "\n", "\u{1}", "ä", "🍽"] {
            let long = letter.repeat(2_000);
            for limit in 300..320 {
                let json = payload(&long).fitting(limit).unwrap();
                let told: serde_json::Value = serde_json::from_slice(&json).unwrap();
                let body = told["body"].as_str().unwrap().strip_suffix(CUT).unwrap();
                assert!(long.starts_with(body) && json.len() <= limit, "{letter:?} {limit}");
                let next = payload(&format!("{body}{letter}{CUT}")).fitting(usize::MAX).unwrap();
                assert!(next.len() > limit, "{letter:?} {limit}");
            }
        }
        let short = payload("short");
        assert_eq!(short.fitting(300).unwrap(), serde_json::to_vec(&short).unwrap());
        assert!(short.fitting(100).is_err());
    }

    #[test]
    fn a_topic_may_be_one() {
        let topic = payload("").topic();
        assert_eq!(topic.len(), TOPIC);
        assert_eq!(topic, payload("other").topic());
        assert_ne!(topic, Payload { subject_id: Some("dishes".to_owned()), ..payload("") }.topic());
    }

    #[test]
    fn an_answer_says_what_became_of_it() {
        for (status, by_browser, by_webhook) in [
            (200, Some(Outcome::Delivered), Some(Outcome::Delivered)),
            (201, Some(Outcome::Delivered), Some(Outcome::Delivered)),
            (206, None, Some(Outcome::Delivered)),
            (307, None, None),
            (404, Some(Outcome::Gone), None),
            (410, Some(Outcome::Gone), Some(Outcome::Gone)),
            (429, None, None),
            (500, None, None),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!((outcome(true, status), outcome(false, status)), (by_browser, by_webhook), "{status}");
        }
    }
}
