//! Configuration: environment variables and flags, checked at the start.

use crate::protocol::Limits;
use crate::secrets::Setting;
use clap::{Args, ValueEnum};
use roomm8_db::notification::endpoint::address::Reach;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that can be configured. Each flag has an environment variable of the same name, and a default that
/// runs on a fresh machine.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// The database: `sqlite://path`, or `mysql://user:password@host:3306/database` for several instances. Instead of a
    /// secret, here and in other settings that hold one, may stand where it is kept: `{file:PATH}` or
    /// `{secretsmanager:ID}`, with `#FIELD` a field of the JSON there.
    #[arg(
        long,
        env = "DATABASE_URL",
        default_value = "sqlite://data/roomm8.sqlite3",
        hide_env_values = true
    )]
    pub database_url: Setting,
    /// The certificates of who vouches for the MySQL server, in a PEM file: what is sent to it is then encrypted.
    #[arg(long, env = "DATABASE_CA")]
    pub database_ca: Option<PathBuf>,
    /// The most database connections to hold open.
    #[arg(long, env = "DATABASE_CONNECTIONS", default_value_t = 8, value_parser = clap::value_parser!(u16).range(2..=500))]
    pub database_connections: u16,
    /// A replica of the MySQL of `DATABASE_URL`, with as many connections at most: what a household shows is read there where
    /// the replica shows the version that the primary has just shown, and else on the primary, so that nobody is told what is
    /// out of date. Only answers that are kept (`ANSWER_BYTES`) are read there. It has to be read-only.
    #[arg(long, env = "DATABASE_READ_URL", hide_env_values = true)]
    pub database_read_url: Option<Setting>,
    /// Redis, which carries wake-ups between instances: `redis://host:6379`, or `rediss://` for TLS. Unset: this is the only instance.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<Setting>,
    /// The address to listen on.
    #[arg(long, env = "LISTEN_ADDR", default_value = "127.0.0.1:9090")]
    pub listen_addr: SocketAddr,
    /// The address people reach RoomM8 at, for links in mails. Unset: the address listened on.
    #[arg(long, env = "PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Web origins that may call from a page, with commas between: `https://app.example`. Ours is always one.
    #[arg(long, env = "ALLOWED_ORIGINS", value_delimiter = ',')]
    pub allowed_origins: Vec<String>,
    /// Proxies in front whose `X-Forwarded-For` is believed.
    #[arg(long, env = "TRUSTED_PROXIES", default_value_t = 0)]
    pub trusted_proxies: usize,
    /// The most connections from one address; 0 is no limit, for a server behind a proxy.
    #[arg(long, env = "CONNECTIONS_PER_ADDRESS", default_value_t = 256)]
    pub connections_per_address: usize,
    /// Which statuses answers have: those the `graphql-http` audits check, or those of the newer draft.
    #[arg(long, env = "HTTP_STATUS_PROFILE", default_value = "audit")]
    pub http_status_profile: StatusProfile,
    /// The most sockets and streams of one account; 0 is no limit.
    #[arg(long, env = "CONNECTIONS_PER_ACCOUNT", default_value_t = 20)]
    pub connections_per_account: usize,
    /// The most operations at once; beyond that they are refused with 503.
    #[arg(long, env = "OPERATIONS_LIMIT", default_value_t = 1024, value_parser = clap::value_parser!(u16).range(1..))]
    pub operations_limit: u16,
    /// Limits of one operation that are to be others than the defaults, as in `depth=15,fields=2000`.
    #[arg(long, env = "LIMITS", default_value = "", hide_default_value = true)]
    pub limits: Limits,
    /// Points an account may spend at once; 0 counts none.
    #[arg(long, env = "COST_BUCKET", default_value_t = 20_000)]
    pub cost_bucket: u32,
    /// Points that come back to an account in a second.
    #[arg(long, env = "COST_RESTORE", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub cost_restore: u32,
    /// The most operations in a batch, a JSON array of them in one request; 0 is none.
    #[arg(long, env = "BATCH_LIMIT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=10))]
    pub batch_limit: u8,
    /// Bytes of answers that are kept for as long as nothing changes in their household; 0 keeps none.
    #[arg(long, env = "ANSWER_BYTES", default_value_t = 64 * 1024 * 1024)]
    pub answer_bytes: usize,
    /// Whether lists are written at once where they can be; the answers are the same without. `off` is for tests.
    #[arg(long, env = "LISTS_AT_ONCE", default_value = "on")]
    pub lists_at_once: Switch,
    /// The manifest of trusted documents: Apollo's, or the map from ids to texts of Relay and GraphQL Code Generator.
    #[arg(long, env = "TRUSTED_DOCUMENTS")]
    pub trusted_documents: Option<PathBuf>,
    /// What is done about documents that are not in the manifest.
    #[arg(long, env = "TRUSTED_DOCUMENTS_MODE", default_value = "off")]
    pub trusted_documents_mode: TrustMode,
    /// Who may ask for the schema, by introspection and at `/schema.graphql`.
    #[arg(long, env = "INTROSPECTION", default_value = "everybody")]
    pub introspection: Introspection,
    /// Whether GraphiQL is at `/`. Unset: with SQLite, which is one machine's, it is; with MySQL it is not.
    #[arg(long, env = "GRAPHIQL")]
    pub graphiql: Option<Switch>,
    /// The folder that `api/assets/fetch-graphiql` has filled, with what GraphiQL needs. Unset: browsers get it from a CDN.
    #[arg(long, env = "GRAPHIQL_ASSETS")]
    pub graphiql_assets: Option<PathBuf>,
    /// The Amazon SNS topic that letters are published to: `arn:aws:sns:region:account:name`. Without it and `SMTP_URL`
    /// they stay in the development mailbox.
    #[arg(long, env = "SNS_TOPIC_ARN")]
    pub sns_topic_arn: Option<String>,
    /// The mail server that sends letters: `smtps://user:password@mail.example.org`.
    #[arg(long, env = "SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<Setting>,
    /// In whose name letters are mailed: `RoomM8 <letters@example.org>`.
    #[arg(long, env = "MAIL_FROM")]
    pub mail_from: Option<String>,
    /// The keys that sign links in letters: `name:key`, newest first, with commas between; 32 random bytes each, in
    /// base64url. What the first signs is taken back for as long as it is one of them.
    #[arg(long, env = "SIGNING_KEYS", hide_env_values = true)]
    pub signing_keys: Option<Setting>,
    /// Seconds between two looks whether a secret was changed. Who is refused looks at once.
    #[arg(long, env = "SECRETS_SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub secrets_seconds: u64,
    /// The key that push services know this server by, as `roomm8 vapid-key` makes one: browsers that were named with one hear
    /// from no other. Unset: with SQLite one is made, and kept beside the development mailbox; with MySQL no browser is told.
    #[arg(long, env = "VAPID_KEY", hide_env_values = true)]
    pub vapid_key: Option<Setting>,
    /// Whether webhooks and push services may be on this machine or its network, and spoken to by http: for laptops and tests.
    #[arg(long, env = "PRIVATE_ENDPOINTS", default_value = "off")]
    pub private_endpoints: Switch,
    /// The folder of the development mailbox, where letters are kept to be read.
    #[arg(long, env = "MAILBOX_DIR", default_value = "data/mailbox")]
    pub mailbox_dir: PathBuf,
    /// Whether attempts are limited: sign-in, messages, invitations. Off only for tests and load drivers.
    #[arg(long, env = "THROTTLE", default_value = "on")]
    pub throttle: Switch,
    /// Seconds that connections get to finish after SIGTERM.
    #[arg(long, env = "DRAIN_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub drain_seconds: u64,
    /// How logs are written, to standard error.
    #[arg(long, env = "LOG_FORMAT", default_value = "pretty")]
    pub log_format: LogFormat,
    /// What is logged: `info`, `debug`, or a filter such as `info,roomm8_api=debug`.
    #[arg(long, env = "LOG", default_value = "info")]
    pub log: String,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// What is done about documents that are not in the manifest of trusted ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TrustMode {
    /// Nothing: the manifest is not read.
    Off,
    /// They are run, logged and counted.
    Log,
    /// They are refused.
    Only,
}

/// Who may ask for the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Introspection {
    /// Anybody. It is no secret: what a caller may do, each field decides.
    Everybody,
    /// Who has a token.
    SignedIn,
    /// Nobody.
    Off,
}

/// By which text of GraphQL over HTTP statuses are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusProfile {
    /// As the audits check it.
    Audit,
    /// As the draft says.
    Draft,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line, for machines.
    Json,
}

impl Config {
    /// How long connections get to finish.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    /// Whether GraphiQL is served. What runs on MySQL may be in production, and SQLite cannot be for many.
    pub fn graphiql(&self) -> Switch {
        self.graphiql.unwrap_or(if self.is_on_sqlite() { Switch::On } else { Switch::Off })
    }

    /// Whether the database is a file, which is one machine's.
    pub fn is_on_sqlite(&self) -> bool {
        self.database_url.starts_with("sqlite:")
    }

    /// Where a replica of the database is, if there is one. Empty is unset, here and below, as compose files cannot leave out a
    /// setting.
    pub fn database_read_url(&self) -> Option<&Setting> {
        self.database_read_url.as_ref().filter(|url| !url.is_empty())
    }

    /// Where Redis is, if there is one.
    pub fn redis_url(&self) -> Option<&Setting> {
        self.redis_url.as_ref().filter(|url| !url.is_empty())
    }

    /// The topic that letters are published to.
    pub fn sns_topic_arn(&self) -> Option<&str> {
        self.sns_topic_arn.as_deref().filter(|arn| !arn.is_empty())
    }

    /// The mail server that sends letters.
    pub fn smtp_url(&self) -> Option<&Setting> {
        self.smtp_url.as_ref().filter(|url| !url.is_empty())
    }

    /// The keys that sign links in letters.
    pub fn signing_keys(&self) -> Option<&Setting> {
        self.signing_keys.as_ref().filter(|keys| !keys.is_empty())
    }

    /// The key that push services know this server by.
    pub fn vapid_key(&self) -> Option<&Setting> {
        self.vapid_key.as_ref().filter(|key| !key.is_empty())
    }

    /// Which addresses people may have called.
    pub fn reach(&self) -> Reach {
        if self.private_endpoints == Switch::On { Reach::Anywhere } else { Reach::Public }
    }

    /// Whether letters stay in the development mailbox, as they have no way to leave.
    pub fn keeps_letters(&self) -> bool {
        self.sns_topic_arn().is_none() && self.smtp_url().is_none()
    }

    /// Whether the development mailbox has a page: on a laptop, which is where the database is a file.
    pub fn shows_letters(&self) -> bool {
        self.keeps_letters() && self.is_on_sqlite()
    }

    /// The effective configuration, one `NAME=value` a line, passwords masked.
    pub fn describe(&self) -> String {
        let unset = || "(unset)".to_owned();
        let path = |path: Option<&PathBuf>| path.map_or_else(unset, |path| path.display().to_string());
        let secret = |secret: Option<&Setting>| secret.map_or_else(unset, Setting::masked);
        let lines = [
            ("DATABASE_URL", self.database_url.masked()),
            ("DATABASE_CA", path(self.database_ca.as_ref())),
            ("DATABASE_CONNECTIONS", self.database_connections.to_string()),
            ("DATABASE_READ_URL", secret(self.database_read_url.as_ref())),
            ("REDIS_URL", secret(self.redis_url.as_ref())),
            ("LISTEN_ADDR", self.listen_addr.to_string()),
            ("PUBLIC_URL", self.public_url.clone().unwrap_or_else(unset)),
            ("ALLOWED_ORIGINS", self.allowed_origins.join(",")),
            ("TRUSTED_PROXIES", self.trusted_proxies.to_string()),
            ("CONNECTIONS_PER_ADDRESS", self.connections_per_address.to_string()),
            ("HTTP_STATUS_PROFILE", word(&self.http_status_profile)),
            ("CONNECTIONS_PER_ACCOUNT", self.connections_per_account.to_string()),
            ("OPERATIONS_LIMIT", self.operations_limit.to_string()),
            ("LIMITS", self.limits.to_string()),
            ("COST_BUCKET", self.cost_bucket.to_string()),
            ("COST_RESTORE", self.cost_restore.to_string()),
            ("BATCH_LIMIT", self.batch_limit.to_string()),
            ("ANSWER_BYTES", self.answer_bytes.to_string()),
            ("LISTS_AT_ONCE", word(&self.lists_at_once)),
            ("TRUSTED_DOCUMENTS", path(self.trusted_documents.as_ref())),
            ("TRUSTED_DOCUMENTS_MODE", word(&self.trusted_documents_mode)),
            ("INTROSPECTION", word(&self.introspection)),
            ("GRAPHIQL", word(&self.graphiql())),
            ("GRAPHIQL_ASSETS", path(self.graphiql_assets.as_ref())),
            ("SNS_TOPIC_ARN", self.sns_topic_arn.clone().unwrap_or_else(unset)),
            ("SMTP_URL", secret(self.smtp_url.as_ref())),
            ("MAIL_FROM", self.mail_from.clone().unwrap_or_else(unset)),
            ("SIGNING_KEYS", secret(self.signing_keys.as_ref())),
            ("VAPID_KEY", secret(self.vapid_key.as_ref())),
            ("PRIVATE_ENDPOINTS", word(&self.private_endpoints)),
            ("SECRETS_SECONDS", self.secrets_seconds.to_string()),
            ("MAILBOX_DIR", self.mailbox_dir.display().to_string()),
            ("THROTTLE", word(&self.throttle)),
            ("DRAIN_SECONDS", self.drain_seconds.to_string()),
            ("LOG_FORMAT", word(&self.log_format)),
            ("LOG", self.log.clone()),
        ];
        lines.map(|(name, value)| format!("{name}={value}\n")).concat()
    }
}

fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory as _, Parser};

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        config: Config,
    }

    fn config(arguments: &[&str]) -> Config {
        Arguments::parse_from([&["roomm8"], arguments].concat()).config
    }

    #[test]
    fn graphiql_is_not_in_production_unless_it_is_wanted() {
        let mysql = ["--database-url", "mysql://roomm8:word@db:3306/roomm8"];
        assert_eq!(config(&["--database-url", "sqlite://data/roomm8.sqlite3"]).graphiql(), Switch::On);
        assert_eq!(config(&mysql).graphiql(), Switch::Off);
        assert_eq!(config(&[&mysql[..], &["--graphiql", "on"]].concat()).graphiql(), Switch::On);
        assert_eq!(config(&["--database-url", "sqlite://x", "--graphiql", "off"]).graphiql(), Switch::Off);
    }

    #[test]
    fn the_readme_and_the_config_command_know_every_variable() {
        let readme = include_str!("../../README.md");
        let described = config(&[]).describe();
        let command = Arguments::command();
        let variables: Vec<_> = command.get_arguments().filter_map(|argument| argument.get_env()).collect();
        assert!(variables.len() > 10);
        for variable in variables.into_iter().map(|variable| variable.to_string_lossy()) {
            assert!(described.contains(&format!("{variable}=")), "roomm8 config does not print {variable}");
            assert!(readme.contains(&format!("\n| `{variable}` | ")), "README.md lacks a row for {variable}");
        }
    }

    #[test]
    fn letters_are_shown_only_where_they_stay_on_a_laptop() {
        let laptop = ["--database-url", "sqlite://x"];
        assert!(config(&laptop).shows_letters());
        assert!(!config(&[&laptop[..], &["--smtp-url", "smtp://localhost"]].concat()).shows_letters());
        assert!(!config(&["--database-url", "mysql://db/roomm8"]).shows_letters());
    }

    #[test]
    fn a_channel_that_is_empty_is_unset() {
        assert!(config(&["--smtp-url", "", "--sns-topic-arn", ""]).keeps_letters());
        assert!(!config(&["--smtp-url", "smtp://localhost"]).keeps_letters());
    }
}
