//! The `roomm8` binary: reads the command line, and does what it says.

use clap::{Parser, Subcommand};
use roomm8_api::config::{Config, LogFormat, Switch};
use roomm8_api::demo;
use roomm8_api::notify::{Mailbox, PageKey, Vapid};
use roomm8_api::server::{Server, open};
use std::io::{IsTerminal as _, Write as _};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::spawn_blocking;
use tracing_subscriber::EnvFilter;

/// RoomM8: one GraphQL endpoint for people who share a home.
#[derive(Debug, Parser)]
#[command(name = "roomm8", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    config: Config,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve GraphQL (the default).
    Serve(Box<Config>),
    /// Apply pending migrations to the database, and stop.
    Migrate(Box<Config>),
    /// Print the schema in GraphQL's schema definition language.
    Schema,
    /// Make a household of five with a year of chat, print tokens and queries to paste, and serve it. The passwords
    /// are known: not for a database with anything else in it.
    Demo(Box<Config>),
    /// Print the letters of the development mailbox, the newest last, and the address of a page that shows them.
    Mailbox {
        /// Only those to this address.
        #[arg(long)]
        to: Option<String>,
        #[command(flatten)]
        config: Box<Config>,
    },
    /// Print a new key for `VAPID_KEY`, by which push services know a server.
    VapidKey,
    /// Print the effective configuration, passwords masked.
    Config(Box<Config>),
}

/// Deep answers recurse; a stack of this size holds the deepest that the gate lets through.
const STACK: usize = 8 * 1024 * 1024;
/// How long blocking work is waited for at the end: none of it is a write that matters.
const LAST_READS: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let Arguments { command, config } = Arguments::parse();
    let command = command.unwrap_or(Command::Serve(Box::new(config)));
    let done = runtime().and_then(|runtime| {
        let done = runtime.block_on(run(command));
        // A read of a file that hangs is not waited for.
        runtime.shutdown_timeout(LAST_READS);
        done
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("roomm8: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn runtime() -> anyhow::Result<Runtime> {
    Ok(Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build()?)
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(config) => serve(&config).await,
        Command::Migrate(config) => {
            log(&config)?;
            open(&config).await?;
            println!("the database is up to date");
            Ok(())
        }
        Command::Schema => {
            print!("{}", roomm8_schema::sdl());
            Ok(())
        }
        Command::Demo(config) => demonstrate(*config).await,
        Command::Mailbox { to, config } => print_letters(&config, to.as_deref()),
        Command::VapidKey => {
            println!("{}", Vapid::generate()?);
            Ok(())
        }
        Command::Config(config) => {
            print!("{}", config.describe());
            Ok(())
        }
    }
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    log(config)?;
    let server = Server::start(config).await?;
    let url = format!("http://{}", server.address());
    println!("RoomM8 is listening on {url}");
    if config.graphiql() == Switch::On {
        println!("  GraphiQL  {url}/");
    }
    println!("  endpoint  {url}/graphql");
    if config.shows_letters() {
        println!("  letters   run roomm8 mailbox: it prints them, and the address of a page that shows them");
    } else if config.keeps_letters() {
        println!("  letters   {}", Mailbox::in_folder(&config.mailbox_dir).path().display());
    }
    println!("Send this to begin:");
    println!(
        r#"  mutation {{ register(input: {{ email: "ada@example.org", displayName: "Ada", password: "we water the ferns on sundays" }}) {{ accepted userErrors {{ message }} }} }}"#
    );
    server.serve().await
}

fn print_letters(config: &Config, to: Option<&str>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    Mailbox::in_folder(&config.mailbox_dir).print(to, &mut out)?;
    if config.shows_letters() {
        let key = PageKey::in_folder(&config.mailbox_dir)?;
        let mut address = config.listen_addr;
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        // Whoever reads has read enough.
        let _ = writeln!(out, "As a page, while RoomM8 runs: http://{address}{}", key.path());
    }
    Ok(())
}

async fn demonstrate(config: Config) -> anyhow::Result<()> {
    log(&config)?;
    let filling = config.clone();
    // In a runtime of its own: with that goes all of the server that was filled, and its lock on the database.
    let filled = spawn_blocking(move || runtime()?.block_on(demo::fill(&filling))).await??;
    let server = Server::start(&config).await?;
    let url = format!("http://{}", server.address());
    println!("{}", filled.tell(&url));
    println!("RoomM8 is listening on {url}");
    server.serve().await
}

fn log(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log).map_err(|error| {
        anyhow::anyhow!("LOG is not a filter ({error}): write info, or info,roomm8_api=debug")
    })?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        // If nobody reads what is written any more, to say so there would panic in the midst of something else.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Pretty => subscriber.init(),
        LogFormat::Json => subscriber.json().init(),
    }
    Ok(())
}
