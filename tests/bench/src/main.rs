//! What RoomM8 costs, beside a floor of hand-written handlers that do the same: see `run` beside this package.

mod crowd;
mod floor;
mod home;
mod load;
mod process;
mod rest;
mod rounds;
mod workload;

use clap::{Parser, Subcommand, ValueEnum};

/// Measures RoomM8 against its floor, on a private MariaDB and a private Redis.
#[derive(Debug, Parser)]
#[command(name = "tests/bench/run", about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// What to measure; everything, unless said otherwise.
    workloads: Vec<Workload>,
    /// How often each contender takes its turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long a turn lasts, in seconds.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Be the floor. The bench starts it.
    #[command(hide = true)]
    Floor { database: String, redis: String },
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// One page of about 300 objects.
    Dashboard,
    /// Messages, sent at once by many.
    Send,
    /// One message to many subscribers.
    FanOut,
    /// The memory of subscribers who hear nothing, and of those who have heard a thousand messages.
    Idle,
    /// As many subscribers as one instance may have sockets.
    Many,
    /// The dashboard, and nothing at all, beside ten to a hundred thousand households at rest.
    Rest,
}

fn main() -> anyhow::Result<()> {
    let Arguments { command, workloads, rounds, seconds } = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some(Command::Floor { database, redis }) = command {
        return runtime.block_on(floor::serve(&database, &redis));
    }
    let bench = workload::Bench::start(runtime, rounds, std::time::Duration::from_secs(seconds))?;
    let is_wanted = |workload| workloads.is_empty() || workloads.contains(&workload);
    // First: what others' crowds had given back, these would take unseen.
    if is_wanted(Workload::Idle) {
        bench.idle()?;
    }
    if is_wanted(Workload::Dashboard) {
        bench.dashboard()?;
    }
    if is_wanted(Workload::Send) {
        bench.send()?;
    }
    if is_wanted(Workload::FanOut) {
        bench.fan_out()?;
    }
    if is_wanted(Workload::Many) {
        bench.many()?;
    }
    if is_wanted(Workload::Rest) {
        bench.rest()?;
    }
    Ok(())
}
