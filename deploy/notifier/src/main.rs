//! The `bootstrap` binary: the function that mails what the API publishes to its topic of letters, each letter once.
//!
//! Read in this order: [`batch`] (what runs in order and what side by side), [`notifier`] (the steps of one letter),
//! [`letter`] and [`feedback`] (what comes in), [`ledger`] (what is known of each letter) and [`mail`] (what goes out).

mod batch;
mod feedback;
mod ledger;
mod letter;
mod mail;
mod notifier;
mod reason;
mod settings;
mod turn;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use lambda_runtime::{LambdaEvent, service_fn};
use notifier::Notifier;
use serde_json::Value;
use settings::Settings;
use std::process::ExitCode;
use std::time::Duration;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("notifier: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    log();
    let settings = Settings::from_environment(|name| std::env::var(name).ok())?;
    let notifier = Notifier::new(&connections().await, settings);
    let answer = service_fn(async |event: LambdaEvent<Value>| notifier.answer(event).await);
    lambda_runtime::run(answer).await.map_err(anyhow::Error::from_boxed)
}

/// Lines of JSON, of this crate only: libraries are not trusted to keep letters out of what they say.
fn log() {
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .log_internal_errors(false)
        .with_writer(std::io::stdout);
    let ours = Targets::new().with_target(env!("CARGO_CRATE_NAME"), Level::INFO);
    tracing_subscriber::registry().with(lines).with(ours).init();
}

async fn connections() -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        // A function is frozen between two batches, and its connections may die of it unseen. A letter that is lost on a
        // dead one would be a letter of which nobody knows whether it was sent.
        .pool_idle_timeout(Duration::from_secs(3))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await
}
