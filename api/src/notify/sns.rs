//! The `sns` channel: an Amazon SNS topic, behind which something else sends the mail.

use super::Letter;
use crate::aws;
use anyhow::bail;
use aws_sdk_sns::Client;
use aws_sdk_sns::config::Builder;
use aws_sdk_sns::config::retry::RetryConfig;
use aws_sdk_sns::types::MessageAttributeValue;
use roomm8_db::notification::Leased;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// The version of what is published. A subscriber filters by it, and by the kind.
const SCHEMA: &str = "1";

/// The name of a topic: `arn:aws:sns:eu-central-1:123456789012:letters`.
///
/// Of one whose name ends with `.fifo`, SNS itself keeps the order of one person's letters and drops what is published a
/// second time within five minutes (Amazon SNS FIFO topics).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicArn {
    arn: String,
    region: String,
}

impl FromStr for TopicArn {
    type Err = anyhow::Error;

    fn from_str(arn: &str) -> anyhow::Result<Self> {
        let parts: Vec<_> = arn.split(':').collect();
        match *parts.as_slice() {
            ["arn", partition, "sns", region, account, name]
                if [partition, region, account, name].iter().all(|part| !part.is_empty()) =>
            {
                Ok(Self { arn: arn.to_owned(), region: region.to_owned() })
            }
            _ => bail!("write it as arn:aws:sns:eu-central-1:123456789012:letters"),
        }
    }
}

impl fmt::Display for TopicArn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.arn)
    }
}

impl TopicArn {
    fn is_fifo(&self) -> bool {
        self.arn.strip_suffix(".fifo").is_some()
    }
}

/// A topic, and how it is reached.
#[derive(Debug)]
pub struct Sns {
    client: Client,
    topic: TopicArn,
}

impl Sns {
    /// A channel to this topic, in its own region.
    pub async fn new(topic: TopicArn) -> Self {
        let config = aws::config(Some(topic.region.clone())).await;
        Self::reached_by(Builder::from(&config), topic)
    }

    /// A channel to this topic at another address than Amazon's, where everybody is let in.
    #[cfg(test)]
    pub(super) fn at(endpoint: &str, topic: TopicArn) -> Self {
        use aws_sdk_sns::config::{BehaviorVersion, Credentials, Region};
        let config = aws_sdk_sns::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(topic.region.clone()))
            .credentials_provider(Credentials::new("nobody", "secret", None, None, "test"))
            .endpoint_url(endpoint)
            .http_client(aws::http_client());
        Self::reached_by(config, topic)
    }

    fn reached_by(config: Builder, topic: TopicArn) -> Self {
        // One request a try: the outbox tries again, later each time, and lets others go before. Amazon's client would ask
        // thrice and sleep in between, with the letter leased, a place among those delivered at once taken, and an outage
        // met by three times the requests.
        let config = config.retry_config(RetryConfig::disabled()).build();
        Self { client: Client::from_conf(config), topic }
    }

    pub(super) async fn publish(&self, leased: &Leased, letter: &Letter) -> anyhow::Result<()> {
        let mut publication = self
            .client
            .publish()
            .topic_arn(&self.topic.arn)
            .message(serde_json::to_string(letter)?)
            .message_attributes("kind", word(leased.content.kind())?)
            .message_attributes("recipient", word(&pseudonym(&leased.recipient))?)
            .message_attributes("schema", word(SCHEMA)?);
        if self.topic.is_fifo() {
            publication = publication
                .message_group_id(pseudonym(&leased.recipient))
                .message_deduplication_id(leased.id.to_string());
        }
        publication.send().await.map(|_| ()).map_err(|error| aws::reason(&error))
    }
}

fn word(text: &str) -> anyhow::Result<MessageAttributeValue> {
    Ok(MessageAttributeValue::builder().data_type("String").string_value(text).build()?)
}

/// A name for a person in which nobody reads their address: SNS encrypts messages, and not what it sorts them by.
fn pseudonym(recipient: &str) -> String {
    hex::encode(Sha256::digest(recipient))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_says_its_region() {
        let topic: TopicArn = "arn:aws:sns:eu-central-1:123456789012:letters.fifo".parse().unwrap();
        assert_eq!((topic.region.as_str(), topic.is_fifo()), ("eu-central-1", true));
        for wrong in ["letters", "arn:aws:sqs:eu-central-1:123456789012:letters", "arn:aws:sns::1:letters"] {
            assert!(wrong.parse::<TopicArn>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pseudonym_may_name_a_group() {
        let name = pseudonym("ada@example.org");
        assert!(name.len() <= 128 && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
