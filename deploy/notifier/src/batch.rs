//! A batch of a queue: what runs in order, what side by side, and what the queue is told has failed.

use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What Lambda takes out of a queue at a time.
#[derive(Deserialize)]
pub(crate) struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

/// One message of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) message_id: String,
    pub(crate) body: String,
    /// The queue that it is from.
    #[serde(rename = "eventSourceARN")]
    pub(crate) queue: String,
    #[serde(default)]
    attributes: Attributes,
    #[serde(default)]
    message_attributes: HashMap<String, Attribute>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    message_group_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attribute {
    string_value: Option<String>,
}

impl Record {
    /// The text of an attribute that the publisher gave.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.message_attributes.get(name)?.string_value.as_deref()
    }
}

/// What is to become of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is done with, and leaves the queue.
    Done,
    /// It is to come again, and everything behind it in its group with it.
    Failed,
    /// Nobody can read it, so that it has no place in any order: it comes again until the queue puts it aside, and what is
    /// behind it in its group goes on. If it held them up, they would be put aside with it, having been received as often.
    Junk,
}

/// What Lambda is told: the messages to be kept in the queue.
#[derive(Serialize, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    batch_item_failures: Vec<Failure>,
}

#[derive(Serialize, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl Batch {
    /// Does the work of each message: those of a group one after another up to the first that fails, and as many groups at
    /// a time as `limit` says.
    pub(crate) async fn work(&self, limit: usize, work: impl AsyncFn(&Record) -> Verdict) -> Answer {
        let work = &work;
        let groups = stream::iter(self.groups()).map(|group| in_order(group, work));
        let failed: Vec<Vec<Failure>> = groups.buffer_unordered(limit).collect().await;
        Answer { batch_item_failures: failed.into_iter().flatten().collect() }
    }

    /// The messages of each group in their order. One that has no group is a group of its own.
    fn groups(&self) -> Vec<Vec<&Record>> {
        let mut places = HashMap::new();
        let mut groups: Vec<Vec<&Record>> = Vec::new();
        for record in &self.records {
            let place = match &record.attributes.message_group_id {
                Some(name) => *places.entry(name).or_insert(groups.len()),
                None => groups.len(),
            };
            match groups.get_mut(place) {
                Some(group) => group.push(record),
                None => groups.push(vec![record]),
            }
        }
        groups
    }
}

async fn in_order(group: Vec<&Record>, work: impl AsyncFn(&Record) -> Verdict) -> Vec<Failure> {
    let (mut failed, mut is_held) = (Vec::new(), false);
    for record in group {
        let verdict = if is_held { Verdict::Failed } else { work(record).await };
        is_held |= verdict == Verdict::Failed;
        if verdict != Verdict::Done {
            failed.push(Failure { item_identifier: record.message_id.clone() });
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::cell::{Cell, RefCell};

    /// A batch of messages as `group:name`, with no group if that is empty.
    fn batch(messages: &[&str]) -> Batch {
        let record = |message: &&str| -> Value {
            let (group, name) = message.split_once(':').unwrap_or_default();
            let attributes = if group.is_empty() { json!({}) } else { json!({ "MessageGroupId": group }) };
            json!({ "messageId": name, "body": name, "eventSourceARN": "arn", "attributes": attributes })
        };
        let records: Vec<Value> = messages.iter().map(record).collect();
        serde_json::from_value(json!({ "Records": records })).unwrap_or(Batch { records: Vec::new() })
    }

    /// What was worked on, and what is reported, when the messages whose names begin so fail or are junk.
    async fn work(messages: &[&str]) -> (Vec<String>, Vec<String>) {
        let seen = RefCell::new(Vec::new());
        let answer = batch(messages)
            .work(2, async |record| {
                seen.borrow_mut().push(record.body.clone());
                tokio::task::yield_now().await;
                match record.body.chars().next() {
                    Some('f') => Verdict::Failed,
                    Some('j') => Verdict::Junk,
                    _ => Verdict::Done,
                }
            })
            .await;
        let mut failed: Vec<_> =
            answer.batch_item_failures.into_iter().map(|it| it.item_identifier).collect();
        failed.sort();
        (seen.into_inner(), failed)
    }

    #[tokio::test]
    async fn a_failure_holds_up_its_group_and_no_other() {
        let (seen, failed) = work(&["ada:1", "bob:2", "ada:f3", "bob:4", "ada:5", "ada:6", "bob:7"]).await;
        assert_eq!(failed, ["5", "6", "f3"]);
        let of = |names: &[&str]| -> Vec<String> {
            seen.iter().filter(|name| names.contains(&name.as_str())).cloned().collect()
        };
        assert_eq!(of(&["1", "f3", "5", "6"]), ["1", "f3"]);
        assert_eq!(of(&["2", "4", "7"]), ["2", "4", "7"]);
    }

    #[tokio::test]
    async fn junk_holds_up_nobody() {
        let (seen, failed) = work(&["ada:1", "ada:j2", "ada:3"]).await;
        assert_eq!((seen, failed), (["1", "j2", "3"].map(str::to_owned).into(), vec!["j2".to_owned()]));
    }

    #[tokio::test]
    async fn what_has_no_group_stands_alone() {
        let (seen, failed) = work(&[":f1", ":2", ":f3", ":4"]).await;
        assert_eq!((seen.len(), failed), (4, vec!["f1".to_owned(), "f3".to_owned()]));
    }

    #[tokio::test]
    async fn no_more_groups_than_the_limit_run_at_a_time() {
        let (running, most) = (Cell::new(0), Cell::new(0));
        batch(&["a:1", "b:2", "c:3", "d:4", "e:5"])
            .work(3, async |_| {
                running.set(running.get() + 1);
                most.set(most.get().max(running.get()));
                tokio::task::yield_now().await;
                running.set(running.get() - 1);
                Verdict::Done
            })
            .await;
        assert_eq!((most.get(), running.get()), (3, 0));
    }

    #[test]
    fn failures_are_written_as_lambda_reads_them() {
        let answer = Answer { batch_item_failures: vec![Failure { item_identifier: "a".into() }] };
        let written = serde_json::to_value(answer).unwrap_or_default();
        assert_eq!(written, json!({ "batchItemFailures": [{ "itemIdentifier": "a" }] }));
    }
}
