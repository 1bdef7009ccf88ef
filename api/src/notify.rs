//! The relay: takes notifications from the outbox and delivers them. One runs in every instance; a notification is
//! leased by one of them at a time.

mod endpoints;
mod mailbox;
mod outbound;
mod smtp;
mod sns;
mod web_push;
mod webhook;
mod words;

pub use endpoints::Endpoints;
pub(crate) use mailbox::page;
pub use mailbox::{Mailbox, PageKey, kept_secret};
pub use outbound::Outbound;
pub use smtp::Smtp;
pub use sns::{Sns, TopicArn};
pub use web_push::Vapid;

use crate::protocol::Shutdown;
use crate::secrets::Keys;
use crate::unsubscribe;
use anyhow::Context as _;
use roomm8_db::notification::{self, Leased, inbox};
use roomm8_db::{Database, Result, Time, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tracing::{debug, error, warn};
use words::Words;

/// How long the delivery of a letter may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
// Or another relay would begin while it still lasts.
const _: () = assert!(2 * PATIENCE.as_secs() < notification::LEASE.as_secs());
/// How long an endpoint may take: it is anybody's, and others wait.
const ENDPOINT_PATIENCE: Duration = Duration::from_secs(5);
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
    /// They are no mail: browsers and webhooks are told.
    Endpoints(Box<Endpoints>),
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Delivered,
    /// Nobody is there, or ever will be again.
    Gone,
}

impl Channel {
    /// How many letters are delivered at once. They are of different people, or for different endpoints: see
    /// [`notification::lease`].
    const fn at_once(&self) -> usize {
        match self {
            Self::Log(_) | Self::Sns(_) | Self::Smtp(_) => 8,
            Self::Endpoints(_) => 32,
        }
    }

    /// How long one may take.
    const fn patience(&self) -> Duration {
        match self {
            Self::Log(_) | Self::Sns(_) | Self::Smtp(_) => PATIENCE,
            Self::Endpoints(_) => ENDPOINT_PATIENCE,
        }
    }

    async fn lease(&self, database: &Database, limit: usize, now: Time) -> Result<Vec<Leased>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        match self {
            Self::Log(_) | Self::Sns(_) | Self::Smtp(_) => notification::lease(database, limit, now).await,
            Self::Endpoints(_) => notification::lease_for_endpoints(database, limit, now).await,
        }
    }

    async fn deliver(&self, leased: &Leased, links: &Links, now: Time) -> anyhow::Result<Outcome> {
        let letter = || Letter::new(leased, links, now);
        match self {
            Self::Log(mailbox) => mailbox.keep(&letter()?).await?,
            Self::Sns(topic) => topic.publish(leased, &letter()?).await?,
            Self::Smtp(server) => server.send(leased, &letter()?).await?,
            Self::Endpoints(endpoints) => {
                let endpoint = leased.endpoint.as_ref().context("it is for no endpoint")?;
                return endpoints.tell(endpoint, leased, links, now).await;
            }
        }
        Ok(Outcome::Delivered)
    }
}

/// Where the links in letters lead.
pub(crate) struct Links {
    pub(crate) public_url: Arc<str>,
    pub(crate) keys: Keys,
}

/// Takes letters from the outbox, and delivers them by a channel.
#[derive(Clone)]
struct Relay<C> {
    database: Database,
    channel: Arc<Channel>,
    links: Arc<Links>,
    clock: C,
}

/// What is being delivered. Each letter is a task of its own: one that notes what became of it has the database's turn to write,
/// and must go on while others are leased.
type UnderWay = JoinSet<Result<()>>;

/// Relays until the process is to end; what is being delivered then is finished first.
pub(crate) async fn relay(database: Database, channel: Arc<Channel>, links: Arc<Links>, shutdown: Shutdown) {
    let relay = Relay { database, channel, links, clock: Time::now };
    let mut under_way = UnderWay::new();
    while !shutdown.has_begun() {
        let rest = match relay.begin(&mut under_way).await {
            Ok(0) => PACE.mul_f64(rand::random_range(0.8..1.2)),
            Ok(_) => Duration::ZERO,
            Err(error) => {
                warn!(%error, "the outbox could not be read: trying again");
                PACE * 4
            }
        };
        tokio::select! {
            Some(delivered) = under_way.join_next() => note(delivered),
            () = pause(rest, &shutdown) => {}
        }
    }
    while let Some(delivered) = under_way.join_next().await {
        note(delivered);
    }
}

/// What became of a letter and could not be written down is found out by another try.
fn note(delivered: Result<Result<()>, JoinError>) {
    match delivered {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            warn!(%error, "what became of a letter could not be noted: it may be delivered again");
        }
        Err(error) => error!(%error, "the delivery of a letter died of a fault: it is tried again"),
    }
}

/// Writes the letters about what is due tomorrow until the process is to end.
pub(crate) async fn write_digests(database: Database, shutdown: Shutdown) {
    while !shutdown.has_begun() {
        if let Err(error) = digest::tell_due(&database, DIGESTS).await {
            warn!(%error, "who is to be told what is due tomorrow was not: trying again");
        }
        pause(DIGEST_PACE, &shutdown).await;
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

impl<C: Fn() -> Time + Clone + Send + Sync + 'static> Relay<C> {
    /// Takes what is due by its clock, as far as there is room for it, and begins to deliver it. Returns how many letters those
    /// were. One that takes long keeps no other waiting.
    async fn begin(&self, under_way: &mut UnderWay) -> Result<usize> {
        let room = self.channel.at_once().saturating_sub(under_way.len());
        // Several at a time: each look costs as much.
        if room * 2 < self.channel.at_once() {
            return Ok(0);
        }
        let leased = self.channel.lease(&self.database, room, (self.clock)()).await?;
        let count = leased.len();
        for letter in leased {
            let relay = self.clone();
            under_way.spawn(async move { relay.deliver(&letter).await });
        }
        Ok(count)
    }

    async fn deliver(&self, leased: &Leased) -> Result<()> {
        let Self { database, channel, links, clock } = self;
        let delivery = timeout(channel.patience(), channel.deliver(leased, links, clock())).await;
        match delivery.unwrap_or_else(|elapsed| Err(elapsed.into())) {
            Ok(Outcome::Delivered) => notification::sent(database, leased, clock()).await,
            Ok(Outcome::Gone) => notification::gone(database, leased, clock()).await,
            Err(error) => {
                let Leased { id, attempt, endpoint, .. } = leased;
                if let Some(endpoint) = endpoint {
                    // It is its owner's affair, and their words.
                    debug!(notification = %id, attempt, "{endpoint:?} was not told: {error:#}");
                } else {
                    warn!(notification = %id, attempt, "a letter was not delivered: {error:#}");
                }
                notification::failed(database, leased, clock()).await.map(|_| ())
            }
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
