//! How Amazon's services are reached.

use anyhow::anyhow;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sns::config::SharedHttpClient;
use aws_sdk_sns::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use std::error::Error;

/// Credentials, the region if it is not known, and `AWS_ENDPOINT_URL` for another address than Amazon's are found as by every
/// tool of AWS: environment, profile, the role of the machine.
pub(crate) async fn config(region: Option<String>) -> SdkConfig {
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client());
    match region {
        Some(region) => config.region(Region::new(region)).load().await,
        None => config.load().await,
    }
}

/// What they are asked with.
pub(crate) fn http_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// Why a call failed: what the service said of it, or what kept us from asking. Neither quotes what was sent.
pub(crate) fn reason<E: Error + ProvideErrorMetadata + 'static>(error: &SdkError<E>) -> anyhow::Error {
    match error.as_service_error().and_then(|said| Some((said.code()?, said.message().unwrap_or_default()))) {
        Some((code, message)) => anyhow!("{code}: {message}"),
        None => anyhow!("{}", DisplayErrorContext(error)),
    }
}
