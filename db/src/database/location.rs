//! Where a database is: understanding `DATABASE_URL` and its like, and bringing what is there up to date.

use crate::connection::Link;
use crate::{Connection, Error};
use diesel::SqliteConnection;
use diesel::migration::MigrationSource;
use diesel::mysql::Mysql;
use diesel_async::{AsyncMigrationHarness, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use mysql_async::{Opts, OptsBuilder, SslOpts};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

const MYSQL_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/mysql");
const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Where a setting such as `DATABASE_URL` points.
#[derive(Clone)]
pub(super) enum Location {
    Mysql(Opts),
    Sqlite(PathBuf),
}

impl Location {
    /// Understands the URL of this setting; with `ca`, a MySQL is spoken to by TLS alone, and has to have a certificate of
    /// this authority.
    pub(super) fn parse(setting: &str, url: &str, ca: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            anyhow::ensure!(!path.is_empty(), "{setting} names no file: write sqlite://path/to/file.sqlite3");
            return Ok(Self::Sqlite(path.into()));
        }
        anyhow::ensure!(
            url.starts_with("mysql://"),
            "{setting} must begin with mysql:// or sqlite://, for example sqlite://data/roomm8.sqlite3"
        );
        // What is wrong with it would quote a part of it.
        let options = Opts::from_url(url).map_err(|_| {
            anyhow::anyhow!("{setting} is not a MySQL URL: write mysql://user:password@host:3306/database")
        })?;
        anyhow::ensure!(
            options.db_name().is_some(),
            "{setting} names no database: write mysql://user:password@host:3306/database"
        );
        let Some(ca) = ca else { return Ok(Self::Mysql(options)) };
        std::fs::metadata(ca)
            .map_err(|error| anyhow::anyhow!("DATABASE_CA: cannot read {} ({error})", ca.display()))?;
        let tls =
            SslOpts::default().with_root_certs(vec![ca.to_owned().into()]).with_disable_built_in_roots(true);
        Ok(Self::Mysql(OptsBuilder::from_opts(options).ssl_opts(tls).into()))
    }

    /// Whether it is the same database of the same server, whoever signs in there.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        let place = |options: &Opts| {
            (options.ip_or_hostname().to_owned(), options.tcp_port(), options.db_name().map(str::to_owned))
        };
        match (self, other) {
            (Self::Mysql(one), Self::Mysql(two)) => place(one) == place(two),
            _ => false,
        }
    }

    /// Takes the side lock of an SQLite file: one process a file.
    pub(super) fn lock(&self) -> anyhow::Result<Option<File>> {
        let Self::Sqlite(path) = self else { return Ok(None) };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| {
                anyhow::anyhow!("DATABASE_URL: cannot make the folder {} ({error})", folder.display())
            })?;
        }
        let side = path.with_extension("lock");
        let file = File::create(&side)
            .map_err(|error| anyhow::anyhow!("DATABASE_URL: cannot write {} ({error})", side.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => anyhow::bail!(
                "{} is in use by another roomm8 process: stop it, or use MySQL to run several instances",
                path.display()
            ),
            Err(TryLockError::Error(error)) => anyhow::bail!("cannot lock {}: {error}", side.display()),
        }
    }

    pub(super) fn explain(&self, setting: &str, error: &Error) -> anyhow::Error {
        let cause = error.cause();
        match self {
            Self::Mysql(options) => anyhow::anyhow!(
                "{setting}: cannot reach MySQL at {}:{}: {cause}",
                options.ip_or_hostname(),
                options.tcp_port()
            ),
            Self::Sqlite(path) => anyhow::anyhow!("{setting}: cannot open {}: {cause}", path.display()),
        }
    }

    /// The newest migration that this program knows for MySQL.
    pub(super) fn newest_migration() -> anyhow::Result<String> {
        let migrations = MigrationSource::<Mysql>::migrations(&MYSQL_MIGRATIONS);
        let migrations =
            migrations.map_err(|error| anyhow::anyhow!("the migrations cannot be read: {error}"))?;
        let versions = migrations.iter().map(|migration| migration.name().version().to_string());
        versions.max().ok_or_else(|| anyhow::anyhow!("there are no migrations"))
    }

    pub(super) async fn migrate(&self, conn: Connection) -> anyhow::Result<()> {
        let failed = |error| anyhow::anyhow!("the database could not be migrated: {error}");
        match conn.link {
            Link::Mysql(mut link) => {
                // Two instances that start together must not migrate together.
                link.batch_execute("SELECT GET_LOCK('roomm8_migrate', 60)").await?;
                let mut harness = AsyncMigrationHarness::new(*link);
                harness.run_pending_migrations(MYSQL_MIGRATIONS).map_err(failed)?;
                Ok(harness.into_inner().batch_execute("SELECT RELEASE_LOCK('roomm8_migrate')").await?)
            }
            Link::Sqlite(mut link) => {
                let run = |conn: &mut SqliteConnection| {
                    conn.run_pending_migrations(SQLITE_MIGRATIONS)
                        .map(|_| ())
                        .map_err(diesel::result::Error::QueryBuilderError)
                };
                link.spawn_blocking(run).await.map_err(|error| failed(error.into()))
            }
        }
    }
}
