//! Amazon's SNS and SQS, as a private emulator speaks them: a FIFO topic for letters, and a queue behind it.

use std::{sync::Mutex, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, header};
use serde_json::{Value, json};

use crate::{
    client::Client,
    process::{self, Process},
    wait,
};

/// The topic for letters.
pub const TOPIC: &str = "arn:aws:sns:eu-central-1:000000000000:letters.fifo";
const QUEUE: &str = "arn:aws:sqs:eu-central-1:000000000000:mail.fifo";

/// An emulator of its own, with a topic and its queue.
pub struct Aws {
    port: u16,
    process: Mutex<Process>,
}

/// A letter that came out of the queue.
#[derive(Debug, Clone)]
pub struct Received {
    /// What was published.
    pub letter: Value,
    /// The attributes it was published with, by which a subscription filters.
    pub attributes: Value,
}

impl Aws {
    /// Starts one, and makes the topic and the queue.
    pub async fn start() -> Self {
        let (folder, port) = (process::folder("aws"), process::free_port());
        let mut command = process::emulator("ministack");
        command.current_dir(&folder).env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
        let aws = Self { port, process: Mutex::new(Process::start(&mut command, &folder.join("log"))) };
        let topic = "Action=CreateTopic&Name=letters.fifo&Attributes.entry.1.key=FifoTopic&Attributes.entry.1.value=true";
        let limit = Duration::from_secs(40);
        wait::until(limit, "the emulator answered", async || aws.sns(topic).await).await;
        aws.sqs("CreateQueue", &json!({ "QueueName": "mail.fifo", "Attributes": { "FifoQueue": "true" } }))
            .await;
        let subscription = format!(
            "Action=Subscribe&TopicArn={TOPIC}&Protocol=sqs&Endpoint={QUEUE}\
             &Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true"
        );
        aws.sns(&subscription).await.expect("the queue subscribes to the topic");
        aws
    }

    /// What a server needs to know to reach it.
    pub fn env(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_REGION", "eu-central-1".to_owned()),
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address())),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// Freezes it: connections stay open and say nothing.
    pub fn pause(&self) {
        self.process.lock().unwrap().signal("STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.process.lock().unwrap().signal("CONT");
    }

    /// Takes what is in the queue, in its order.
    pub async fn receive(&self) -> Vec<Received> {
        let url = format!("http://{}/000000000000/mail.fifo", self.address());
        let ask = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"] });
        let mut received = Vec::new();
        loop {
            let answer = self.sqs("ReceiveMessage", &ask).await;
            let Some(messages) = answer["Messages"].as_array().filter(|some| !some.is_empty()) else {
                return received;
            };
            for message in messages {
                let letter =
                    serde_json::from_str(message["Body"].as_str().unwrap()).expect("a letter is JSON");
                received.push(Received { letter, attributes: message["MessageAttributes"].clone() });
                let which = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
                self.sqs("DeleteMessage", &which).await;
            }
        }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    async fn sns(&self, form: &str) -> Option<()> {
        let request = self.request("sns").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Full::from(format!("{form}&Version=2010-03-31"))).unwrap();
        let (head, text) = Client::new(&self.address(), None).send(request).await.ok()?;
        assert!(head.status.is_success(), "{text}");
        Some(())
    }

    async fn sqs(&self, action: &str, input: &Value) -> Value {
        self.json("sqs", &format!("AmazonSQS.{action}"), input)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Keeps a secret under this name, or another value of it.
    pub async fn keep_secret(&self, name: &str, value: &str) {
        let put = json!({ "SecretId": name, "SecretString": value });
        if self.json("secretsmanager", "secretsmanager.PutSecretValue", &put).await.is_err() {
            let create = json!({ "Name": name, "SecretString": value });
            let created = self.json("secretsmanager", "secretsmanager.CreateSecret", &create).await;
            created.unwrap_or_else(|error| panic!("{error}"));
        }
    }

    async fn json(&self, service: &str, target: &str, input: &Value) -> Result<Value, String> {
        let request = self
            .request(service)
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", target);
        let request: Request<Full<Bytes>> = request.body(Full::from(input.to_string())).unwrap();
        let answer = Client::new(&self.address(), None).send(request).await;
        let (head, text) = answer.expect("the emulator answers");
        if !head.status.is_success() {
            return Err(format!("{target}: {text}"));
        }
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// A request whose signature is nobody's: the emulator only reads from it which service is meant.
    fn request(&self, service: &str) -> hyper::http::request::Builder {
        let scope = format!("test/20261128/eu-central-1/{service}/aws4_request");
        Request::builder().method(Method::POST).uri(format!("http://{}/", self.address())).header(
            header::AUTHORIZATION,
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
        )
    }
}
