//! Endpoints: where people are told besides mail, while nothing of RoomM8 is open there. A browser on one of their devices takes
//! web push (RFC 8030), and a webhook is an address of theirs.
//!
//! What an endpoint is told is a notification of its own in the outbox, so that one that takes nothing keeps no other waiting.

pub mod address;

use super::inbox::News;
use super::preference::{Channel, Preferences, Topic};
use super::{Plan, State, write};
use crate::account;
use crate::among::among;
use crate::database::Work;
use crate::prepared::Prepare as _;
use crate::tables::{notification_endpoints, sessions};
use crate::{Connection, Database, EndpointId, Error, RefusalCode, Result, SessionId, Time, UserId, secret};
use address::Reach;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// The webhooks that one person can have.
pub const WEBHOOKS: usize = 5;
/// How long an endpoint is kept that takes nothing.
const KEPT_FAILING: Duration = Duration::from_hours(5 * 24);
/// Bytes of a browser's public key: an uncompressed point of P-256 (RFC 8291, 3.1).
const PUBLIC_KEY: usize = 65;
/// Bytes of a browser's secret (RFC 8291, 3.2).
const BROWSER_SECRET: usize = 16;

/// Where somebody is told.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = notification_endpoints)]
pub struct Endpoint {
    /// Its identifier.
    pub id: EndpointId,
    /// Whose it is.
    pub user_id: UserId,
    /// By which way it is told: [`Channel::WebPush`] or [`Channel::Webhook`].
    pub channel: Channel,
    /// Where requests go. Of a browser it is a secret: who knows it can fill it.
    pub url: String,
    /// The session that a browser is signed in with: it is told nothing after that.
    pub session_id: Option<SessionId>,
    /// A browser's key, for which it is encrypted what it is told.
    pub public_key: Option<Vec<u8>>,
    /// A browser's secret, or that which signs what a webhook is told.
    pub secret: Vec<u8>,
    /// When it was named.
    pub created_at: Time,
    /// Since when it takes nothing; none if it took what came last.
    pub failing_since: Option<Time>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {}", self.channel, self.id)
    }
}

/// The endpoints that are told: a browser's only while it is signed in.
macro_rules! in_use {
    ($now:expr) => {
        notification_endpoints::table.left_join(sessions::table).filter(
            notification_endpoints::session_id
                .is_null()
                .or(sessions::expires_at.nullable().gt($now).and(sessions::revoked_at.nullable().is_null())),
        )
    };
}

/// The endpoints of this person, the oldest first.
pub async fn of_user(conn: &mut Connection, user: UserId) -> Result<Vec<Endpoint>> {
    let query = in_use!(Time::now())
        .filter(notification_endpoints::user_id.eq(user))
        .order((notification_endpoints::created_at, notification_endpoints::id));
    run!(conn, |c| query.select(Endpoint::as_select()).load(c).await)
}

/// Those of these that are in use.
pub(super) async fn among_those(
    conn: &mut Connection,
    ids: &[EndpointId],
    now: Time,
) -> Result<HashMap<EndpointId, Endpoint>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let query = in_use!(now).filter(among(notification_endpoints::id, ids));
    let found: Vec<Endpoint> = run!(conn, |c| query.select(Endpoint::as_select()).load(c).await)?;
    Ok(found.into_iter().map(|endpoint| (endpoint.id, endpoint)).collect())
}

/// A browser, as it names itself (Push API, `PushSubscription.toJSON`).
#[derive(Debug, Clone, Copy)]
pub struct Browser<'a> {
    /// Where its push service takes messages for it.
    pub url: &'a str,
    /// Its `p256dh`.
    pub public_key: &'a [u8],
    /// Its `auth`.
    pub secret: &'a [u8],
}

/// Notes that the browser of this session is told. It is one a session: another takes its place. A browser that somebody else
/// was signed in with is theirs no more.
pub async fn add_browser(
    db: &Database,
    user: UserId,
    session: SessionId,
    browser: Browser<'_>,
    reach: Reach,
) -> Result<Endpoint> {
    let url = address::checked("endpoint", browser.url, reach)?;
    // Whether it is a point of the curve turns out when something is encrypted for it.
    if browser.public_key.len() != PUBLIC_KEY || browser.public_key.first() != Some(&4) {
        let message = "must be the `p256dh` of the browser's subscription, in base64url";
        return Err(Error::refused(RefusalCode::Invalid, "p256dh", message));
    }
    if browser.secret.len() != BROWSER_SECRET {
        let message = "must be the `auth` of the browser's subscription, in base64url";
        return Err(Error::refused(RefusalCode::Invalid, "auth", message));
    }
    let endpoint = Endpoint {
        id: EndpointId::new(),
        user_id: user,
        channel: Channel::WebPush,
        url,
        session_id: Some(session),
        public_key: Some(browser.public_key.to_vec()),
        secret: browser.secret.to_vec(),
        created_at: Time::now(),
        failing_since: None,
    };
    db.transaction(&Add { endpoint }).await
}

/// Notes that this address is told, and makes a secret that signs what it is told. Named again, it gets another.
pub async fn add_webhook(db: &Database, user: UserId, url: &str, reach: Reach) -> Result<Endpoint> {
    let url = address::checked("url", url, reach)?;
    let endpoint = Endpoint {
        id: EndpointId::new(),
        user_id: user,
        channel: Channel::Webhook,
        url,
        session_id: None,
        public_key: None,
        secret: rand::random::<[u8; 32]>().to_vec(),
        created_at: Time::now(),
        failing_since: None,
    };
    db.transaction(&Add { endpoint }).await
}

struct Add {
    endpoint: Endpoint,
}

impl Work for Add {
    type Output = Endpoint;

    async fn run(&self, conn: &mut Connection) -> Result<Endpoint> {
        let new = &self.endpoint;
        account::lock(conn, new.user_id).await?;
        let theirs = of_user(conn, new.user_id).await?;
        let is_browser = new.channel == Channel::WebPush;
        let same = theirs.iter().find(|endpoint| endpoint.channel == new.channel && endpoint.url == new.url);
        if let Some(same) = same {
            let is_as_it_was = same.session_id == new.session_id
                && same.public_key == new.public_key
                && same.secret == new.secret;
            // A page names its browser each time that it is opened.
            if is_as_it_was {
                return Ok(same.clone());
            }
        } else if !is_browser
            && theirs.iter().filter(|endpoint| endpoint.channel == Channel::Webhook).count() >= WEBHOOKS
        {
            let message = format!("is one too many: you can have {WEBHOOKS}. Remove one first");
            return Err(Error::refused(RefusalCode::Limit, "url", message));
        }
        let hash = secret::digest(&new.url);
        let named = diesel::delete(notification_endpoints::table)
            .filter(notification_endpoints::url_hash.eq(&hash))
            .filter(notification_endpoints::channel.eq(new.channel))
            .filter(
                notification_endpoints::user_id
                    .eq(new.user_id)
                    .or(is_browser.into_sql::<diesel::sql_types::Bool>()),
            );
        run!(conn, |c| named.execute(c).await)?;
        let replaced = diesel::delete(notification_endpoints::table)
            .filter(notification_endpoints::session_id.eq(new.session_id));
        run!(conn, |c| replaced.execute(c).await)?;
        let insert = diesel::insert_into(notification_endpoints::table).values((
            notification_endpoints::id.eq(new.id),
            notification_endpoints::user_id.eq(new.user_id),
            notification_endpoints::channel.eq(new.channel),
            notification_endpoints::url.eq(&new.url),
            notification_endpoints::url_hash.eq(hash),
            notification_endpoints::session_id.eq(new.session_id),
            notification_endpoints::public_key.eq(&new.public_key),
            notification_endpoints::secret.eq(&new.secret),
            notification_endpoints::created_at.eq(new.created_at),
        ));
        run!(conn, |c| insert.execute(c).await)?;
        Ok(new.clone())
    }
}

/// Sees to it that one of a person's endpoints is told nothing any more. [`Error::NotFound`] if they have none such.
pub async fn remove(db: &Database, user: UserId, id: EndpointId) -> Result<()> {
    db.transaction(&Remove { id, user: Some(user) }).await
}

/// Forgets an endpoint that says of itself that it is no more.
pub(super) async fn forget(db: &Database, id: EndpointId) -> Result<()> {
    match db.transaction(&Remove { id, user: None }).await {
        Err(Error::NotFound) => Ok(()),
        done => done,
    }
}

struct Remove {
    id: EndpointId,
    user: Option<UserId>,
}

impl Work for Remove {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        let query = notification_endpoints::table
            .filter(notification_endpoints::id.eq(self.id))
            .select(notification_endpoints::user_id);
        let owner: UserId = run!(conn, |c| query.first(c).await)?;
        if self.user.is_some_and(|user| user != owner) {
            return Err(Error::NotFound);
        }
        let delete =
            diesel::delete(notification_endpoints::table).filter(notification_endpoints::id.eq(self.id));
        run!(conn, |c| delete.execute(c).await).map(|_| ())
    }
}

/// Forgets the browsers whose sessions have ended: where they are is a secret.
pub(crate) async fn forget_ended(conn: &mut Connection, now: Time) -> Result<usize> {
    let ended = sessions::table
        .filter(sessions::revoked_at.is_not_null().or(sessions::expires_at.le(now)))
        .select(sessions::id.nullable());
    let delete = diesel::delete(notification_endpoints::table)
        .filter(notification_endpoints::session_id.eq_any(ended));
    run!(conn, |c| delete.execute(c).await)
}

/// Notes that it took nothing; one that has not for [`KEPT_FAILING`] is forgotten.
pub(super) async fn failed(db: &Database, endpoint: &Endpoint, now: Time) -> Result<()> {
    if endpoint.failing_since.is_some_and(|since| now.since(since) > KEPT_FAILING) {
        return forget(db, endpoint.id).await;
    }
    note(db, endpoint, Some(now)).await
}

/// Notes since when it takes nothing, or that it does.
pub(super) async fn note(db: &Database, endpoint: &Endpoint, failing_since: Option<Time>) -> Result<()> {
    if endpoint.failing_since.is_some() == failing_since.is_some() {
        return Ok(());
    }
    db.transaction(&Note { id: endpoint.id, failing_since }).await
}

struct Note {
    id: EndpointId,
    failing_since: Option<Time>,
}

impl Work for Note {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        let update = diesel::update(notification_endpoints::table)
            .filter(notification_endpoints::id.eq(self.id))
            .set(notification_endpoints::failing_since.eq(self.failing_since))
            .prepared();
        run!(conn, |c| update.execute(c).await).map(|_| ())
    }
}

/// Writes into the outbox what endpoints are told of news, as far as people want it there.
pub(super) async fn tell(
    conn: &mut Connection,
    news: &[News],
    wishes: &HashMap<UserId, Preferences>,
    now: Time,
) -> Result<()> {
    let told: Vec<_> = news.iter().filter_map(|one| Some((one, one.letter.as_ref()?))).collect();
    if told.is_empty() {
        return Ok(());
    }
    let users: Vec<UserId> = told.iter().map(|(one, _)| one.user).collect();
    let query = in_use!(now).filter(among(notification_endpoints::user_id, &users)).select((
        notification_endpoints::user_id,
        notification_endpoints::id,
        notification_endpoints::channel,
    ));
    let endpoints: Vec<(UserId, EndpointId, Channel)> = run!(conn, |c| query.load(c).await)?;
    for (one, letter) in told {
        let (household, topic) = (one.place.map(|(household, _)| household), Topic::of(&letter.content));
        for (_, endpoint, channel) in endpoints.iter().filter(|(user, ..)| *user == one.user) {
            let wants = wishes
                .get(&one.user)
                .zip(topic)
                .is_some_and(|(wishes, topic)| wishes.wants(household, *channel, topic));
            if !wants {
                continue;
            }
            let plan = Plan {
                cause: &format!("{}>{endpoint}", letter.cause),
                recipient: &letter.recipient,
                content: &letter.content,
                at: now,
                subject: Some(one.subject),
            };
            write(conn, plan, State::ToTell, Some(*endpoint), now).await?;
        }
    }
    Ok(())
}
