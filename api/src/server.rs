//! Starts everything in order, serves, and stops in order.

use crate::clock::keep_time;
use crate::config::{self, Config, Switch, TrustMode};
use crate::graphiql;
use crate::notify::{
    self, Channel, Endpoints, Links, Mailbox, Outbound, PageKey, Smtp, Sns, Vapid, fill_inboxes, kept_secret,
    relay, write_digests,
};
use crate::operations::{self, Operations};
use crate::protocol::Shared;
use crate::protocol::budget::Rates;
use crate::protocol::documents::{Manifest, Trust};
use crate::protocol::listener::{self, Listen};
use crate::protocol::{Settings, Shutdown, Stats, StatusProfile, router};
use crate::secrets::{Followed, Holder, Keys};
use crate::service::RoomM8;
use crate::shared;
use crate::unsubscribe;
use anyhow::Context as _;
use futures_util::future::join_all;
use roomm8_db::{Database, Options, Replica};
use roomm8_schema::{Push, Schema, Services};
use roomm8_subscriptions::{Broker, Hub, InProcess, Redis, RedisServer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

/// How often what is too old is forgotten.
const HOUSEKEEPING: Duration = Duration::from_hours(1);

/// The part of the drain time for which requests are still taken after SIGTERM: a balancer has to hear of it first.
const NOTICE: f64 = 0.4;

/// How long what died in the background stays dead.
const RESTART: Duration = Duration::from_secs(1);

/// A server that listens and is about to serve.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: axum::Router,
    listen: Listen,
    stats: Arc<Stats>,
    shutdown: Shutdown,
    drain: Duration,
    relays: [JoinHandle<()>; 2],
}

/// Opens the database, and applies pending migrations.
pub async fn open(config: &Config) -> anyhow::Result<Database> {
    let url = Followed::read("DATABASE_URL", &config.database_url).await?;
    database(config, &url).await
}

async fn database(config: &Config, url: &Followed) -> anyhow::Result<Database> {
    Database::open(&options(config, url)).await
}

fn options(config: &Config, url: &Followed) -> Options {
    Options {
        url: url.value().to_owned(),
        ca: config.database_ca.clone(),
        connections: config.database_connections.into(),
        throttles: config.throttle == Switch::On,
        stale: url.stale(),
    }
}

impl Server {
    /// Opens the port, the database and the broker. Errors are sentences for whoever starts the server.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let (pace, shutdown) = (Duration::from_secs(config.secrets_seconds), Shutdown::new());
        let (trust, channel) = (trust(config)?, channel(config).await?);
        let replica = replica(config, pace, &shutdown).await?;
        let keys = match config.signing_keys() {
            Some(setting) => {
                let text = Followed::read("SIGNING_KEYS", setting).await?;
                let keys = Keys::parse(text.value(), text.stale())?;
                text.follow(Holder::Keys(keys.clone()), pace, shutdown.clone());
                keys
            }
            None => own_keys(config)?,
        };
        let listener = listener::bind(config.listen_addr).map_err(|error| {
            anyhow::anyhow!(
                "cannot listen on {}: {error}. Set LISTEN_ADDR to a free address",
                config.listen_addr
            )
        })?;
        let address = listener.local_addr().context("the port opened has no address")?;
        let url = Followed::read("DATABASE_URL", &config.database_url).await?;
        let database = database(config, &url).await?;
        url.follow(Holder::Database(database.clone()), pace, shutdown.clone());
        let redis = match config.redis_url() {
            Some(setting) => {
                let url = Followed::read("REDIS_URL", setting).await?;
                let server = RedisServer::open(url.value(), url.stale()).await?;
                url.follow(Holder::Redis(server.clone()), pace, shutdown.clone());
                Some(server)
            }
            None => None,
        };
        let broker: Box<dyn Broker> = match &redis {
            Some(server) => Box::new(Redis::through(server)),
            None => Box::new(InProcess::default()),
        };
        let hub = Hub::start(database.clone(), broker);
        let public_url = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
        let public_url: Arc<str> = public_url.trim_end_matches('/').into();
        let vapid = vapid(config, &public_url).await?;
        let push = Push { key: vapid.as_ref().map(|vapid| vapid.public_key().into()), reach: config.reach() };
        let outbound = Outbound::new(config.reach())
            .inspect_err(|error| warn!("no browser and no webhook is told: {error:#}"));
        let endpoints = Endpoints::new(outbound.ok(), vapid);
        let services =
            Services { database: database.clone(), replica, hub, public_url: public_url.clone(), push };
        let stats = Arc::new(Stats::default());
        let schema = match config.lists_at_once {
            Switch::On => Schema::new(),
            Switch::Off => Schema::ordinary(),
        };
        let service = RoomM8::new(schema, services.clone(), config.introspection);
        let rates = rates(config)?;
        let settings = Settings {
            origins: origins(config, &public_url, address),
            trusted_proxies: config.trusted_proxies,
            trust,
            status_profile: status_profile(config),
            operations: config.operations_limit.into(),
            connections_per_account: config.connections_per_account,
            limits: config.limits.clone(),
            rates,
            shared: redis.map_or_else(Shared::default, |server| shared::through_redis(server, rates)),
            batch: config.batch_limit.into(),
            answer_bytes: config.answer_bytes,
            ..Settings::default()
        };
        let operations = Operations {
            service: service.clone(),
            services,
            stats: stats.clone(),
            shutdown: shutdown.clone(),
            has_broker: config.redis_url().is_some(),
        };
        let mut router = router(service, settings, stats.clone(), shutdown.clone())?
            .merge(operations::router(operations))
            .merge(unsubscribe::router(database.clone(), keys.clone()));
        if config.graphiql() == Switch::On {
            router = router.merge(graphiql::router(config.graphiql_assets.as_deref())?);
        }
        if let Some(page) = mailbox_page(config) {
            router = router.merge(page);
        }
        let channels = [channel, Channel::Endpoints(Box::new(endpoints))];
        let relays = begin_work(&database, channels, Links { public_url, keys }, &shutdown);
        let per_address = Some(config.connections_per_address).filter(|limit| *limit > 0);
        let listen = Listen { connections_per_address: per_address, ..Listen::default() };
        Ok(Self { listener, address, router, listen, stats, shutdown, drain: config.drain(), relays })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until SIGTERM or SIGINT; then tells every socket to go elsewhere, finishes what is under way, and
    /// returns within the drain time.
    pub async fn serve(self) -> anyhow::Result<()> {
        let Self { listener, router, listen, stats, shutdown, drain, relays, .. } = self;
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let end = shutdown.clone();
        tokio::spawn(async move {
            // Who types Ctrl-C leads no requests here that would have to be led elsewhere first.
            let notice = tokio::select! {
                _ = terminate.recv() => drain.mul_f64(NOTICE),
                _ = interrupt.recv() => Duration::ZERO,
            };
            end.begin_with_notice(drain, notice);
            info!(seconds = drain.as_secs(), "stopping: connections are told to go elsewhere");
        });
        listener::serve(listener, router, listen, stats, shutdown).await;
        // What a mail server has taken and is not noted yet would be sent twice.
        let _ = timeout(notify::PATIENCE, join_all(relays)).await;
        info!("stopped");
        Ok(())
    }
}

/// Begins what is done in the background; returns the relays of these channels.
fn begin_work<const CHANNELS: usize>(
    database: &Database,
    channels: [Channel; CHANNELS],
    links: Links,
    shutdown: &Shutdown,
) -> [JoinHandle<()>; CHANNELS] {
    let links = Arc::new(links);
    let relays = channels.map(|channel| {
        let (channel, links) = (Arc::new(channel), links.clone());
        let (db, end) = (database.clone(), shutdown.clone());
        kept_up("a relay", move || relay(db.clone(), channel.clone(), links.clone(), end.clone()))
    });
    let (db, end) = (database.clone(), shutdown.clone());
    kept_up("the writing of digests", move || write_digests(db.clone(), end.clone()));
    let (db, end) = (database.clone(), shutdown.clone());
    kept_up("the filling of inboxes", move || fill_inboxes(db.clone(), end.clone()));
    let (db, end) = (database.clone(), shutdown.clone());
    kept_up("the clock", move || keep_time(db.clone(), end.clone()));
    let db = database.clone();
    kept_up("housekeeping", move || keep_house(db.clone()));
    relays
}

/// Does this in the background until it comes to its end. If it dies of a fault it begins again: an instance whose letters
/// lie about would look well from outside.
fn kept_up<F>(what: &'static str, work: impl Fn() -> F + Send + 'static) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        while tokio::spawn(work()).await.is_err() {
            error!("{what} died of a fault and begins again");
            sleep(RESTART).await;
        }
    })
}

/// The replica of the database, if there is one and it is of use. Whether it answers is of no matter here.
async fn replica(config: &Config, pace: Duration, shutdown: &Shutdown) -> anyhow::Result<Option<Replica>> {
    let Some(setting) = config.database_read_url() else { return Ok(None) };
    anyhow::ensure!(
        !config.is_on_sqlite(),
        "DATABASE_READ_URL is the replica of a MySQL server, and DATABASE_URL names an SQLite file: leave it unset"
    );
    let url = Followed::read("DATABASE_READ_URL", setting).await?;
    let replica = Replica::new(&options(config, &url))?;
    if config.answer_bytes == 0 {
        warn!(
            "nothing is read from DATABASE_READ_URL: what is read there are answers that are kept, and ANSWER_BYTES is 0"
        );
        return Ok(None);
    }
    url.follow(Holder::Replica(replica.clone()), pace, shutdown.clone());
    let looking = replica.clone();
    tokio::spawn(async move { looking.look().await });
    Ok(Some(replica))
}

/// The page of the development mailbox, where letters may be shown.
fn mailbox_page(config: &Config) -> Option<axum::Router> {
    if !config.shows_letters() {
        return None;
    }
    match PageKey::in_folder(&config.mailbox_dir) {
        Ok(key) => Some(notify::page::router(Mailbox::in_folder(&config.mailbox_dir), key)),
        Err(error) => {
            warn!("there is no page of the development mailbox: {error:#}");
            None
        }
    }
}

/// The key that push services know this server by, if it has one.
async fn vapid(config: &Config, public_url: &str) -> anyhow::Result<Option<Vapid>> {
    // Where they complain of what it sends (RFC 8292, 2.1).
    let is_reached = public_url.starts_with("https://");
    let contact = if is_reached { public_url.to_owned() } else { "mailto:roomm8@localhost".to_owned() };
    if let Some(setting) = config.vapid_key() {
        let key = setting.read().await.context("VAPID_KEY")?;
        return Vapid::parse(&key, contact).map(Some);
    }
    if !config.is_on_sqlite() {
        return Ok(None);
    }
    let kept = kept_secret(&config.mailbox_dir, "vapid", Vapid::generate);
    match kept.and_then(|key| Vapid::parse(&key, contact)) {
        Ok(vapid) => Ok(Some(vapid)),
        Err(error) => {
            warn!("no browser is told: {error:#}");
            Ok(None)
        }
    }
}

/// A key of this process alone. Of letters that leave, the links must last longer, and be good on other instances.
fn own_keys(config: &Config) -> anyhow::Result<Keys> {
    anyhow::ensure!(
        config.keeps_letters(),
        "SIGNING_KEYS is needed for the links in letters: set it to a name and 32 random bytes,          as in key-1:$(openssl rand -base64 32 | tr +/ -_), on every instance the same"
    );
    Ok(Keys::of_this_process())
}

/// By which way letters leave: one that was configured, or the development mailbox.
async fn channel(config: &Config) -> anyhow::Result<Channel> {
    let channel = match (config.sns_topic_arn(), config.smtp_url(), &config.mail_from) {
        (None, None, _) => {
            if !config.is_on_sqlite() {
                warn!(
                    "letters stay in {}: set SNS_TOPIC_ARN or SMTP_URL, and people get them",
                    config.mailbox_dir.display()
                );
            }
            return Ok(Channel::Log(Mailbox::in_folder(&config.mailbox_dir)));
        }
        (Some(_), Some(_), _) => {
            anyhow::bail!("SNS_TOPIC_ARN and SMTP_URL are both set: letters leave by one of them")
        }
        (Some(topic), None, _) => {
            Channel::Sns(Sns::new(topic.parse().context("SNS_TOPIC_ARN is no topic")?).await)
        }
        (None, Some(url), Some(from)) => {
            Channel::Smtp(Smtp::new(&url.read().await.context("SMTP_URL")?, from)?)
        }
        (None, Some(_), None) => {
            anyhow::bail!("SMTP_URL needs MAIL_FROM, in whose name to mail: RoomM8 <letters@example.org>")
        }
    };
    anyhow::ensure!(
        config.public_url.is_some(),
        "PUBLIC_URL is needed for the links in letters: where people reach RoomM8"
    );
    Ok(channel)
}

/// The origins whose pages may call: those configured, and our own.
fn origins(config: &Config, public_url: &str, address: SocketAddr) -> Vec<String> {
    let mut origins = config.allowed_origins.clone();
    origins.push(public_url.to_owned());
    if address.ip().is_loopback() || address.ip().is_unspecified() {
        origins.extend([
            format!("http://localhost:{}", address.port()),
            format!("http://127.0.0.1:{}", address.port()),
        ]);
    }
    origins
}

fn status_profile(config: &Config) -> StatusProfile {
    match config.http_status_profile {
        config::StatusProfile::Audit => StatusProfile::Audit,
        config::StatusProfile::Draft => StatusProfile::Draft,
    }
}

/// What accounts may spend.
fn rates(config: &Config) -> anyhow::Result<Rates> {
    let (capacity, dearest) = (config.cost_bucket, config.limits.cost);
    if (1..dearest).contains(&(capacity as usize)) {
        anyhow::bail!(
            "COST_BUCKET is {capacity}, and an operation may cost {dearest}: no account could pay for it. \
             Lower cost in LIMITS, or raise COST_BUCKET"
        );
    }
    Ok(Rates { capacity: capacity.into(), restore: config.cost_restore.into() })
}

/// Reads the manifest of trusted documents, if it is to be used.
fn trust(config: &Config) -> anyhow::Result<Trust> {
    let mode = match config.trusted_documents_mode {
        TrustMode::Off => return Ok(Trust::Any),
        TrustMode::Log => Trust::Log,
        TrustMode::Only => Trust::Only,
    };
    let path = config.trusted_documents.as_ref().context(
        "TRUSTED_DOCUMENTS_MODE needs a manifest: set TRUSTED_DOCUMENTS to its path, or the mode to off",
    )?;
    let path_shown = path.display();
    let json = std::fs::read_to_string(path).map_err(|error| {
        anyhow::anyhow!("cannot read the manifest {path_shown}: {error}. Set TRUSTED_DOCUMENTS to its path")
    })?;
    let manifest = Manifest::read(&json)
        .map_err(|problem| anyhow::anyhow!("the manifest of TRUSTED_DOCUMENTS, {path_shown}, {problem}"))?;
    info!(documents = manifest.len(), "trusted documents are known");
    Ok(mode(Arc::new(manifest)))
}

async fn keep_house(database: Database) {
    loop {
        if let Err(error) = database.forget_what_is_old().await {
            warn!(%error, "what is old could not be forgotten: trying again later");
        }
        sleep(HOUSEKEEPING).await;
    }
}
