//! What is known of each letter and of each address, in a table: by it a letter is mailed once, however often it comes.
//!
//! A letter is **claimed** before it is sent and marked **sent** afterwards. Who claims it holds it until a time at which
//! their process is certainly gone and SES has had time to tell whether it sent the mail; only then may another claim it.

use crate::letter::{Letter, Name};
use crate::reason;
use crate::turn::{Turn, now};
use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::timeout;

/// For how long a letter is remembered. The queues keep messages for half of that.
const REMEMBERED: Duration = Duration::from_hours(30 * 24);
/// Within one call to it the table is asked again when it does not answer: each statement may be made twice.
const ONE_TRY: Duration = Duration::from_millis(1500);

const CLAIMED: &str = "CLAIMED";
const SENT: &str = "SENT";

/// The table.
pub(crate) struct Ledger {
    client: Client,
    table: String,
    grace: Duration,
}

/// What came of a claim.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The letter is ours to send.
    Ours,
    /// Somebody is sending it, or was when they died and it is not known yet whether they did.
    Theirs,
    /// There is nothing to do any more.
    Settled,
}

/// How a letter ends that is not sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End<'a> {
    /// SES will never take it, for the reason with this code.
    Refused(&'a str),
    /// Its address gets no mail.
    Suppressed,
}

/// Why the table could not be asked, as a word.
pub(crate) type Away = String;

impl Ledger {
    pub(crate) fn new(config: &SdkConfig, table: String, grace: Duration) -> Self {
        let one_try = TimeoutConfig::builder().operation_attempt_timeout(ONE_TRY).build();
        let client = Client::from_conf(Builder::from(config).timeout_config(one_try).build());
        Self { client, table, grace }
    }

    /// Claims a letter for `owner`, whose own claim it may be already: a statement whose answer was lost is made again.
    pub(crate) async fn claim(&self, letter: &Letter, owner: &str, turn: &Turn) -> Result<Claim, Away> {
        let lease = turn.deadline.saturating_add(millis(self.grace));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", key_of(&letter.id))
            .item("state", text(CLAIMED))
            .item("kind", text(&letter.kind.to_string()))
            .item("owner", text(owner))
            .item("lease", number(lease))
            .item("expires", expires())
            .condition_expression(
                "attribute_not_exists(pk) OR (#state = :claimed AND (#lease < :now OR #owner = :owner))",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#lease", "lease")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":claimed", text(CLAIMED))
            .expression_attribute_values(":now", number(now()))
            .expression_attribute_values(":owner", text(owner))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = async {
            match put.send().await {
                Ok(_) => Ok(Claim::Ours),
                Err(error) => match error.as_service_error() {
                    Some(PutItemError::ConditionalCheckFailedException(held)) => Ok(held_by(held.item())),
                    _ => Err(error),
                },
            }
        };
        within(turn, put).await
    }

    /// Gives up a claim on a letter that was certainly not sent, so that it need not wait.
    pub(crate) async fn release(&self, letter: &Name, owner: &str, turn: &Turn) -> Result<(), Away> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", key_of(letter))
            .condition_expression("#state = :claimed AND #owner = :owner")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":claimed", text(CLAIMED))
            .expression_attribute_values(":owner", text(owner));
        within(turn, delete.send()).await.map(drop)
    }

    /// Notes that a letter was sent, whoever claims it: that is true whatever else was thought of it.
    pub(crate) async fn sent(&self, letter: &Name, turn: &Turn) -> Result<(), Away> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", key_of(letter))
            .update_expression("SET #state = :sent, #expires = :expires REMOVE #lease, #owner")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#expires", "expires")
            .expression_attribute_names("#lease", "lease")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":sent", text(SENT))
            .expression_attribute_values(":expires", expires());
        within(turn, update.send()).await.map(drop)
    }

    /// Notes how a letter that we claimed has ended.
    pub(crate) async fn end(
        &self,
        letter: &Name,
        end: End<'_>,
        owner: &str,
        turn: &Turn,
    ) -> Result<(), Away> {
        let (state, code) = match end {
            End::Refused(code) => ("REFUSED", code),
            End::Suppressed => ("SUPPRESSED", "AddressSuppressed"),
        };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", key_of(letter))
            .update_expression("SET #state = :state, #code = :code REMOVE #lease")
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#code", "code")
            .expression_attribute_names("#lease", "lease")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":state", text(state))
            .expression_attribute_values(":code", text(code))
            .expression_attribute_values(":owner", text(owner));
        within(turn, update.send()).await.map(drop)
    }

    /// Whether an address gets no mail.
    pub(crate) async fn is_suppressed(&self, address: &str, turn: &Turn) -> Result<bool, Away> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", key_of_address(address))
            .projection_expression("pk")
            .consistent_read(true);
        within(turn, get.send()).await.map(|found| found.item.is_some())
    }

    /// Sees to it that an address gets no mail any more. It is not forgotten: an operator may take it back.
    pub(crate) async fn suppress(&self, address: &str, why: &str, turn: &Turn) -> Result<(), Away> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", key_of_address(address))
            .item("why", text(why))
            .item("since", number(now() / 1000));
        within(turn, put.send()).await.map(drop)
    }
}

/// What a call gives, if it does so in time.
async fn within<T, E, R>(
    turn: &Turn,
    call: impl Future<Output = Result<T, SdkError<E, R>>>,
) -> Result<T, Away>
where
    E: ProvideErrorMetadata,
{
    match timeout(turn.call, call).await {
        Ok(answer) => answer.map_err(|error| reason::code(&error)),
        Err(_) => Err("TimeOut".to_owned()),
    }
}

/// What is known of a letter that could not be claimed.
fn held_by(item: Option<&HashMap<String, AttributeValue>>) -> Claim {
    let state = item.and_then(|item| item.get("state")?.as_s().ok());
    if state.is_none_or(|state| state == CLAIMED) { Claim::Theirs } else { Claim::Settled }
}

fn key_of(letter: &Name) -> AttributeValue {
    text(&format!("letter#{letter}"))
}

/// A key in which nobody reads the address.
fn key_of_address(address: &str) -> AttributeValue {
    text(&format!("address#{}", hex::encode(Sha256::digest(address.trim().to_lowercase()))))
}

/// When a letter is forgotten: in seconds, as the table itself reads it.
fn expires() -> AttributeValue {
    number((now() + millis(REMEMBERED)) / 1000)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_claim_is_worth_waiting_for() {
        let held = |state: &str| held_by(Some(&HashMap::from([("state".to_owned(), text(state))])));
        assert_eq!([held(CLAIMED), held_by(None)], [Claim::Theirs, Claim::Theirs]);
        assert_eq!(
            [held(SENT), held("REFUSED"), held("SUPPRESSED")],
            [Claim::Settled, Claim::Settled, Claim::Settled]
        );
    }

    #[test]
    fn an_address_is_known_in_whatever_case_and_not_kept() {
        let key = key_of_address("Ada@Example.org");
        assert_eq!(key, key_of_address(" ada@example.org"));
        assert_ne!(key, key_of_address("bob@example.org"));
        assert!(key.as_s().is_ok_and(|key| key.len() == 8 + 64 && !key.contains("ada")));
    }
}
