//! Amazon's SNS, SQS and Secrets Manager, in an emulator: a FIFO topic for letters, a queue behind it, and secrets.

use std::ops::Deref;

use serde_json::{Value, json};

use crate::emulator::Emulator;

/// The topic for letters.
pub const TOPIC: &str = "arn:aws:sns:eu-central-1:000000000000:letters.fifo";
const QUEUE: &str = "arn:aws:sqs:eu-central-1:000000000000:mail.fifo";

/// An emulator of its own, with the topic and its queue.
pub struct Aws(Emulator);

/// A letter that came out of the queue.
#[derive(Debug, Clone)]
pub struct Received {
    /// What was published.
    pub letter: Value,
    /// The attributes it was published with, by which a subscription filters.
    pub attributes: Value,
}

impl Deref for Aws {
    type Target = Emulator;

    fn deref(&self) -> &Emulator {
        &self.0
    }
}

impl Aws {
    /// Starts one, and makes the topic and the queue.
    pub async fn start() -> Self {
        let emulator = Emulator::start_durable().await;
        let sns = async |action: &str, form: &[(&str, &str)]| {
            emulator.query("sns", action, "2010-03-31", form).await;
        };
        sns(
            "CreateTopic",
            &[
                ("Name", "letters.fifo"),
                ("Attributes.entry.1.key", "FifoTopic"),
                ("Attributes.entry.1.value", "true"),
            ],
        )
        .await;
        let queue = json!({ "QueueName": "mail.fifo", "Attributes": { "FifoQueue": "true" } });
        emulator.json("sqs", "AmazonSQS.CreateQueue", &queue).await;
        sns(
            "Subscribe",
            &[
                ("TopicArn", TOPIC),
                ("Protocol", "sqs"),
                ("Endpoint", QUEUE),
                ("Attributes.entry.1.key", "RawMessageDelivery"),
                ("Attributes.entry.1.value", "true"),
            ],
        )
        .await;
        Self(emulator)
    }

    /// Takes what is in the queue, in its order.
    pub async fn receive(&self) -> Vec<Received> {
        let url = self.queue("mail.fifo");
        let ask = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"] });
        let mut received = Vec::new();
        loop {
            let answer = self.json("sqs", "AmazonSQS.ReceiveMessage", &ask).await;
            let Some(messages) = answer["Messages"].as_array().filter(|some| !some.is_empty()) else {
                return received;
            };
            for message in messages {
                let letter =
                    serde_json::from_str(message["Body"].as_str().unwrap()).expect("a letter is JSON");
                received.push(Received { letter, attributes: message["MessageAttributes"].clone() });
                let which = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
                self.json("sqs", "AmazonSQS.DeleteMessage", &which).await;
            }
        }
    }

    /// Keeps a secret under this name, or another value of it.
    pub async fn keep_secret(&self, name: &str, value: &str) {
        let put = json!({ "SecretId": name, "SecretString": value });
        if self.try_json("secretsmanager", "secretsmanager.PutSecretValue", &put).await.is_err() {
            let create = json!({ "Name": name, "SecretString": value });
            self.json("secretsmanager", "secretsmanager.CreateSecret", &create).await;
        }
    }
}
