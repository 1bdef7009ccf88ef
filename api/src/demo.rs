//! `roomm8 demo`: a household that looks lived in, made through the public API: five people, a year of chat.

mod accounts;
mod cast;
mod chores;
mod client;
mod groceries;
mod home;
mod moment;
mod plan;
mod play;
mod report;
mod script;
mod take;
mod wording;

pub use report::Report;

use crate::config::{Config, Switch};
use crate::server::Server;
use anyhow::{Result, bail};
use cast::Who;
use chores::Chores;
use client::Client;
use groceries::Groceries;
use home::Home;
use plan::Plan;
use play::Stage;
use roomm8_db::Time;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::signal::ctrl_c;

/// What the demo itself signs in as.
const DEVICE: &str = "roomm8 demo";

/// Makes the household, or finds it again, and signs everybody in on all their devices.
///
/// This serves at the configured address while it works, without throttles, as nobody types that fast. Give it a
/// runtime of its own: the server is gone when that is, and not before.
pub async fn fill(config: &Config) -> Result<Report> {
    let server = Server::start(&Config { throttle: Switch::Off, ..config.clone() }).await?;
    let address = reachable(server.address());
    tokio::spawn(server.serve());
    tokio::select! {
        // First: what is under way fails too when the server stops.
        biased;
        _ = ctrl_c() => bail!("stopped half way: the next demo begins another household"),
        report = inhabit(address) => report,
    }
}

async fn inhabit(server: SocketAddr) -> Result<Report> {
    let home = match home::find(server).await? {
        Some(home) => {
            println!("{} is there already: signing everybody in", home.name);
            home
        }
        None => live(server).await?,
    };
    report(server, home).await
}

/// A year passes; in its last month, chores are done and groceries bought.
async fn live(server: SocketAddr) -> Result<Home> {
    let ends = Time::now();
    let plan = Plan::of(&script::read()?, ends);
    println!("Five people move in, and a year passes:");
    Time::set_clock(plan.begins);
    let mut people = accounts::register(server).await?;
    let (mut home, conversations) = home::move_in(&mut people, plan.begins).await?;
    let chores = Chores::new(home.id.clone(), ends);
    let groceries = Groceries::new(home.id.clone(), ends);
    let mut stage = Stage::new(people, conversations, chores, groceries);
    stage.play(&plan).await?;
    Time::reset_clock();
    home::complete(stage.client(Who::Zoe), &mut home).await?;
    stage.sign_out().await?;
    Ok(home)
}

async fn report(server: SocketAddr, home: Home) -> Result<Report> {
    let mut client = Client::connect(server).await?;
    let mut tokens = Vec::new();
    for who in Who::ALL {
        for device in who.person().devices {
            tokens.push((who, *device, accounts::sign_in(&mut client, who, device).await?));
        }
    }
    accounts::sign_in(&mut client, Who::Zoe, DEVICE).await?;
    let code = home::invite(&mut client, &home, "MEMBER").await?;
    accounts::sign_out(&mut client).await?;
    Ok(Report { home, code, tokens })
}

/// An address to connect to: a server that listens everywhere is here, too.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port()),
        _ => address,
    }
}
