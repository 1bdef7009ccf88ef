//! The relay: takes notifications from the outbox and delivers them. One runs in every instance; a notification is
//! leased by one of them at a time.

mod mailbox;
mod smtp;
mod sns;
mod words;

pub(crate) use mailbox::page;
pub use mailbox::{Mailbox, PageKey};
pub use smtp::Smtp;
pub use sns::{Sns, TopicArn};

use crate::protocol::Shutdown;
use crate::secrets::Keys;
use crate::unsubscribe;
use futures_util::{StreamExt as _, stream};
use roomm8_db::notification::{self, Leased, inbox};
use roomm8_db::{Database, Result, Time, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tracing::warn;
use words::Words;

/// Notifications taken at once.
const BATCH: i64 = 8;
/// How many of these are delivered at once. They are of different people: see [`notification::lease`].
const AT_ONCE: usize = 4;
/// How long one may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// How often the outbox is looked at.
const PACE: Duration = Duration::from_millis(500);
/// Due notifications put into inboxes at once.
const DUE: i64 = 50;
/// Evenings' letters about tomorrow written at once.
const DIGESTS: i64 = 50;
/// How often it is looked whether somebody is to be told what is due tomorrow.
const DIGEST_PACE: Duration = Duration::from_secs(2);

/// By which way letters leave.
#[derive(Debug)]
pub enum Channel {
    /// They stay in a file, for a developer to read.
    Log(Mailbox),
    /// They are published to an Amazon SNS topic.
    Sns(Sns),
    /// They are mailed.
    Smtp(Smtp),
}

impl Channel {
    async fn deliver(&self, leased: &Leased, letter: &Letter) -> anyhow::Result<()> {
        match self {
            Self::Log(mailbox) => mailbox.keep(letter).await,
            Self::Sns(topic) => topic.publish(leased, letter).await,
            Self::Smtp(server) => server.send(leased, letter).await,
        }
    }
}

/// Where the links in letters lead.
pub(crate) struct Links {
    pub(crate) public_url: Arc<str>,
    pub(crate) keys: Keys,
}

/// Relays until the process is to end; what is being delivered then is finished first.
pub(crate) async fn relay(database: Database, channel: Arc<Channel>, links: Arc<Links>, shutdown: Shutdown) {
    let mut look_at = Instant::now();
    while !shutdown.has_begun() {
        if look_at <= Instant::now() {
            look_at = Instant::now() + DIGEST_PACE;
            if let Err(error) = digest::tell_due(&database, DIGESTS).await {
                warn!(%error, "who is to be told what is due tomorrow was not: trying again");
            }
        }
        match relay_once(&database, &channel, &links, Time::now, &shutdown).await {
            Ok(0) => pause(PACE.mul_f64(rand::random_range(0.8..1.2)), &shutdown).await,
            Ok(_) => {}
            Err(error) => {
                warn!(%error, "the outbox could not be read: trying again");
                pause(PACE * 4, &shutdown).await;
            }
        }
    }
}

/// Puts what is due into inboxes until the process is to end, whatever becomes of mail.
pub(crate) async fn fill_inboxes(database: Database, shutdown: Shutdown) {
    while !shutdown.has_begun() {
        match inbox::tell_due(&database, DUE).await {
            Ok(count) if i64::try_from(count).is_ok_and(|count| count >= DUE) => {}
            Ok(_) => pause(PACE.mul_f64(rand::random_range(0.8..1.2)), &shutdown).await,
            Err(error) => {
                warn!(%error, "what is due could not be put into inboxes: trying again");
                pause(PACE * 4, &shutdown).await;
            }
        }
    }
}

async fn pause(length: Duration, shutdown: &Shutdown) {
    // Over at once when the end begins.
    let _ = timeout(length, shutdown.begun()).await;
}

/// Delivers a batch of what is due by this clock, and says how many letters that were. What cannot be through before its
/// lease ends, or before the process does, is left to a relay that has the time.
async fn relay_once(
    database: &Database,
    channel: &Channel,
    links: &Links,
    clock: impl Fn() -> Time + Copy,
    shutdown: &Shutdown,
) -> Result<usize> {
    let since = Instant::now();
    let leased = notification::lease(database, BATCH, clock()).await?;
    let count = leased.len();
    let deliveries = stream::iter(leased)
        .map(|letter| async move {
            if shutdown.has_begun() || since.elapsed() + PATIENCE > notification::LEASE {
                return Ok(());
            }
            deliver(database, channel, &letter, links, clock).await
        })
        .buffer_unordered(AT_ONCE);
    let outcomes: Vec<Result<()>> = deliveries.collect().await;
    outcomes.into_iter().collect::<Result<()>>().map(|()| count)
}

async fn deliver(
    database: &Database,
    channel: &Channel,
    leased: &Leased,
    links: &Links,
    clock: impl Fn() -> Time,
) -> Result<()> {
    let delivery = async { channel.deliver(leased, &Letter::new(leased, links, clock())?).await };
    match timeout(PATIENCE, delivery).await.unwrap_or_else(|elapsed| Err(elapsed.into())) {
        Ok(()) => notification::sent(database, leased, clock()).await,
        Err(error) => {
            warn!(notification = %leased.id, attempt = leased.attempt, "a letter was not delivered: {error:#}");
            notification::failed(database, leased, clock()).await.map(|_| ())
        }
    }
}

/// What every channel passes on; in JSON, to whoever subscribes to the topic.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Letter {
    /// The same in each try, so that a receiver knows a second delivery again.
    id: String,
    kind: String,
    to: String,
    /// The tag of the language it is written in.
    #[serde(default)]
    language: String,
    subject: String,
    text: String,
    html: String,
    /// The link that ends letters of this kind.
    unsubscribe: Option<String>,
    data: Value,
}

impl Letter {
    fn new(leased: &Leased, links: &Links, now: Time) -> anyhow::Result<Self> {
        let Leased { id, recipient, content, .. } = leased;
        let path = if content.can_be_refused() { unsubscribe::path(*id, &links.keys) } else { None };
        let unsubscribe = path.map(|path| format!("{}{path}", links.public_url));
        let words = Words::of(leased, &links.public_url, now);
        Ok(Self {
            id: id.to_string(),
            kind: content.kind().to_owned(),
            to: recipient.clone(),
            language: words.language().to_owned(),
            text: words.text(unsubscribe.as_deref()),
            html: words.html(unsubscribe.as_deref())?,
            subject: words.subject().to_owned(),
            unsubscribe,
            data: serde_json::from_str(&content.to_payload()?)?,
        })
    }
}

#[cfg(test)]
mod tests;
