//! Amazon's services as an emulator speaks them, with the stack of `deploy/cfn/30-notify.yml` in them and the function as it
//! was built: topic, queue and mapping are the template's own.

use std::{collections::HashMap, process::Command, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use roomm8_tests::{
    Deployment,
    deployment::Plan,
    emulator::{Answer, Emulator},
    process, wait,
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::post::Post;

const TEMPLATE: &str = include_str!("../../../cfn/30-notify.yml");
/// The origin that the intake lets in.
pub(crate) const ORIGIN: &str = "https://app.example.org";
/// Until something is there that is on its way.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// How long things take, in seconds.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    /// When the function is ended.
    pub(crate) function: u32,
    /// When a letter comes again.
    pub(crate) retry: u32,
    /// For how long after its end word of a mail is awaited.
    pub(crate) grace: u32,
}

/// In the proportions of production: what is not known is known before a letter comes again.
pub(crate) const USUAL: Pace = Pace { function: 6, retry: 24, grace: 15 };

/// An emulator of its own.
pub(crate) struct Cloud {
    /// Where the function brings its mail.
    pub(crate) post: Post,
    emulator: Arc<Emulator>,
    outputs: HashMap<String, String>,
    telling: JoinHandle<()>,
}

impl Cloud {
    /// Starts one and makes the stack.
    pub(crate) async fn start(pace: Pace) -> Self {
        let (events, told) = mpsc::unbounded_channel();
        let post = Post::open(events).await;
        let office = format!("http://{}", post.address);
        let env = [("LAMBDA_EXECUTOR", "local"), ("AWS_ENDPOINT_URL_SESV2", office.as_str())];
        let emulator = Arc::new(Emulator::start(&env).await);
        let outputs = make_stack(&emulator, pace).await;
        let telling = tokio::spawn(tell_all(Arc::clone(&emulator), outputs["EventsTopicArn"].clone(), told));
        Self { post, emulator, outputs, telling }
    }

    /// A server that publishes to the topic.
    pub(crate) fn publisher(&self) -> Plan {
        let plan = Deployment::OneProcess.own().with("SNS_TOPIC_ARN", &self.outputs["LettersTopicArn"]);
        self.emulator.env().iter().fold(plan, |plan, (name, value)| plan.with(name, value))
    }

    /// Publishes as the API does.
    pub(crate) async fn publish(&self, letter: &Value, group: &str) {
        // Each publication has a name of its own, as if it came more than five minutes after the one before.
        let name: u64 = rand::random();
        self.publish_text(&letter.to_string(), group, &name.to_string(), "1").await;
    }

    /// Publishes anything.
    pub(crate) async fn publish_text(&self, text: &str, group: &str, name: &str, schema: &str) {
        let topic = self.outputs["LettersTopicArn"].as_str();
        let form = [
            ("TopicArn", topic),
            ("Message", text),
            ("MessageGroupId", group),
            ("MessageDeduplicationId", name),
            ("MessageAttributes.entry.1.Name", "schema"),
            ("MessageAttributes.entry.1.Value.DataType", "String"),
            ("MessageAttributes.entry.1.Value.StringValue", schema),
        ];
        self.emulator.query("sns", "Publish", "2010-03-31", &form).await;
    }

    /// Posts a form to the topic as it is.
    pub(crate) async fn publish_form(&self, form: &str) {
        self.emulator.form("sns", form.to_owned()).await;
    }

    /// Tells an event, as SES does.
    pub(crate) async fn tell(&self, event: &Value) {
        tell(&self.emulator, &self.outputs["EventsTopicArn"], event).await;
    }

    /// Puts a message into the queue of letters past the topic and its filter.
    pub(crate) async fn enqueue(&self, text: &str, group: &str, schema: &str) {
        let name: u64 = rand::random();
        let attribute = json!({ "schema": { "DataType": "String", "StringValue": schema } });
        let message = json!({
            "QueueUrl": self.queue("QueueName"),
            "MessageBody": text,
            "MessageGroupId": group,
            "MessageDeduplicationId": name.to_string(),
            "MessageAttributes": attribute,
        });
        self.emulator.json("sqs", "AmazonSQS.SendMessage", &message).await;
    }

    /// The texts that the queue put aside.
    pub(crate) async fn dead_letters(&self) -> Vec<String> {
        let ask = json!({ "QueueUrl": self.queue("DeadLetterQueueName"), "MaxNumberOfMessages": 10, "VisibilityTimeout": 0 });
        let answer = self.emulator.json("sqs", "AmazonSQS.ReceiveMessage", &ask).await;
        let messages = answer["Messages"].as_array().into_iter().flatten();
        messages.map(|message| message["Body"].as_str().unwrap().to_owned()).collect()
    }

    /// How many messages a queue holds, given out or not.
    pub(crate) async fn held(&self, queue: &str) -> u64 {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let ask = json!({ "QueueUrl": self.queue(queue), "AttributeNames": names });
        let answer = self.emulator.json("sqs", "AmazonSQS.GetQueueAttributes", &ask).await;
        names.iter().map(|name| answer["Attributes"][name].as_str().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// Waits until nothing is on its way any more.
    pub(crate) async fn quiet(&self, limit: Duration) {
        let is_quiet = async || self.held("QueueName").await + self.held("EventsQueueName").await == 0;
        wait::until_so(limit, "all queues were empty", is_quiet).await;
    }

    /// What the table knows of a letter: its state and the code beside it.
    pub(crate) async fn known(&self, letter: &str) -> Option<(String, String)> {
        let ask = json!({ "TableName": self.outputs["TableName"], "Key": { "pk": { "S": format!("letter#{letter}") } } });
        let answer = self.emulator.json("dynamodb", "DynamoDB_20120810.GetItem", &ask).await;
        let text = |name: &str| answer["Item"][name]["S"].as_str().unwrap_or_default().to_owned();
        answer.get("Item").map(|_| (text("state"), text("code")))
    }

    /// Everything in the table.
    pub(crate) async fn table(&self) -> Vec<Value> {
        let ask = json!({ "TableName": self.outputs["TableName"] });
        let answer = self.emulator.json("dynamodb", "DynamoDB_20120810.Scan", &ask).await;
        answer["Items"].as_array().cloned().unwrap_or_default()
    }

    /// The letters that are claimed.
    pub(crate) async fn claimed(&self) -> Vec<String> {
        let table = self.table().await;
        let claimed = table.iter().filter(|item| item["state"]["S"] == "CLAIMED");
        claimed
            .map(|item| item["pk"]["S"].as_str().unwrap().trim_start_matches("letter#").to_owned())
            .collect()
    }

    /// What the function wrote into its log.
    pub(crate) async fn log(&self) -> String {
        let ask = json!({ "logGroupName": "/roomm8/test/notifier", "limit": 10_000 });
        let answer = self.emulator.json("logs", "Logs_20140328.FilterLogEvents", &ask).await;
        let lines = answer["events"].as_array().into_iter().flatten();
        lines.map(|line| line["message"].as_str().unwrap().to_owned() + "\n").collect()
    }

    /// Kills the function's processes as a power cut would, and says how many there were.
    pub(crate) fn kill_function(&self) -> usize {
        let ours = self.emulator.process_id();
        let killed = functions_of(ours).into_iter().filter(|function| {
            let status = Command::new("kill").args(["-s", "KILL", &function.to_string()]).status();
            status.is_ok_and(|status| status.success())
        });
        killed.count()
    }

    /// Asks the intake.
    pub(crate) async fn intake(&self, method: Method, headers: &[(&str, &str)], body: &str) -> Answer {
        let path = format!("/restapis/{}/v1/_user_request_/sns", self.intake_id());
        let mut request = Request::builder().method(method).uri(self.emulator.url(&path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.emulator
            .send(request.body(Full::from(body.to_owned())).unwrap())
            .await
            .expect("the intake answers")
    }

    /// What the intake makes a form of. It has its validator look at bodies, too, which the emulator leaves out of the stack.
    pub(crate) async fn intake_template(&self) -> String {
        let api = format!("/restapis/{}", self.intake_id());
        let resources = self.rest(Method::GET, &format!("{api}/resources"), Value::Null).await;
        let mut resources = resources["item"].as_array().expect("resources").iter();
        let sns = &resources.find(|it| it["path"] == "/sns").expect("the resource is there")["id"];
        let validator = json!({ "name": "bodies", "validateRequestBody": true });
        let validator = self.rest(Method::POST, &format!("{api}/requestvalidators"), validator).await;
        let method = format!("{api}/resources/{}/methods/POST", sns.as_str().unwrap());
        let patch = json!({ "op": "replace", "path": "/requestValidatorId", "value": validator["id"] });
        self.rest(Method::PATCH, &method, json!({ "patchOperations": [patch] })).await;
        let integration = self.rest(Method::GET, &format!("{method}/integration"), Value::Null).await;
        integration["requestTemplates"]["application/json"].as_str().expect("it has a template").to_owned()
    }

    async fn rest(&self, method: Method, path: &str, input: Value) -> Value {
        let body = if input.is_null() { Bytes::new() } else { input.to_string().into() };
        serde_json::from_str(&self.emulator.rest("apigateway", method, path, body).await).unwrap_or_default()
    }

    fn intake_id(&self) -> &str {
        self.outputs["SnsEndpoint"].split(['/', '.']).nth(2).expect("a host")
    }

    fn queue(&self, output: &str) -> String {
        self.emulator.queue(&self.outputs[output])
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.telling.abort();
        // The emulator's children outlive it otherwise until they notice.
        self.kill_function();
    }
}

/// The processes of the function among the children of the emulator.
fn functions_of(emulator: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("there is a /proc").flatten();
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    let is_ours = |process: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // The name in brackets may hold anything; behind it come the state and the parent.
        let Some((name, rest)) = status.rsplit_once(") ") else { return false };
        name.ends_with("(bootstrap") && rest.split(' ').nth(1) == Some(&emulator.to_string())
    };
    processes.filter_map(number).filter(is_ours).collect()
}

/// Brings what the post office tells to the topic of events.
async fn tell_all(emulator: Arc<Emulator>, topic: String, mut told: mpsc::UnboundedReceiver<Value>) {
    while let Some(event) = told.recv().await {
        tell(&emulator, &topic, &event).await;
    }
}

async fn tell(emulator: &Emulator, topic: &str, event: &Value) {
    let form = [("TopicArn", topic), ("Message", &event.to_string())];
    emulator.query("sns", "Publish", "2010-03-31", &form).await;
}

async fn make_stack(emulator: &Emulator, pace: Pace) -> HashMap<String, String> {
    let region = "<LocationConstraint>eu-central-1</LocationConstraint>";
    let bucket = format!("<CreateBucketConfiguration>{region}</CreateBucketConfiguration>");
    emulator.rest("s3", Method::PUT, "/artifacts", bucket.into()).await;
    emulator.rest("s3", Method::PUT, "/artifacts/notifier.zip", zipped_function()).await;
    let key = emulator.json("kms", "TrentService.CreateKey", &json!({})).await;
    // The emulator makes no tokens for DKIM, of which the last outputs are.
    let (template, dkim) =
        TEMPLATE.split_once("  DkimRecord1:").expect("the outputs end with DKIM's records");
    assert_eq!(dkim.matches("    Value:").count(), 3);
    let number = |seconds: u32| seconds.to_string();
    let values = [
        ("Environment", "test".to_owned()),
        ("KeyArn", key["KeyMetadata"]["Arn"].as_str().expect("a key has a name").to_owned()),
        ("ArtifactBucket", "artifacts".to_owned()),
        ("NotifierKey", "notifier.zip".to_owned()),
        ("MailDomain", "example.org".to_owned()),
        ("WebOrigin", ORIGIN.to_owned()),
        ("OperatorTopicArn", "arn:aws:sns:eu-central-1:000000000000:operators".to_owned()),
        ("FunctionSeconds", number(pace.function)),
        ("RetrySeconds", number(pace.retry)),
        ("EventRetrySeconds", number(pace.function)),
        ("GraceSeconds", number(pace.grace)),
    ];
    let mut form = vec![
        ("StackName".to_owned(), "notify"),
        ("TemplateBody".to_owned(), template),
        ("Capabilities.member.1".to_owned(), "CAPABILITY_IAM"),
    ];
    for (place, (name, value)) in values.iter().enumerate() {
        form.push((format!("Parameters.member.{}.ParameterKey", place + 1), name));
        form.push((format!("Parameters.member.{}.ParameterValue", place + 1), value));
    }
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    emulator.query("cloudformation", "CreateStack", "2010-05-15", &form).await;
    let stack = wait::until(SOON, "the stack was made", async || {
        let stack = emulator
            .query("cloudformation", "DescribeStacks", "2010-05-15", &[("StackName", "notify")])
            .await;
        (!stack.contains("_IN_PROGRESS")).then_some(stack)
    })
    .await;
    assert!(stack.contains("<StackStatus>CREATE_COMPLETE</StackStatus>"), "{stack}");
    let outputs = stack.split("<OutputKey>").skip(1).map(|output| {
        let (key, rest) = output.split_once("</OutputKey>").unwrap();
        let value = rest.split_once("<OutputValue>").unwrap().1.split_once("</OutputValue>").unwrap().0;
        (key.to_owned(), value.to_owned())
    });
    outputs.collect()
}

/// What Lambda is given: a `bootstrap` that becomes the one that was built, which is too large to be packed for each test.
fn zipped_function() -> Bytes {
    let folder = process::folder("function");
    let bootstrap = folder.join("bootstrap");
    let script = format!("#!/bin/sh\nexec '{}'\n", env!("CARGO_BIN_EXE_bootstrap"));
    std::fs::write(&bootstrap, script).expect("the folder can be written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&bootstrap, mode).expect("it is ours");
    let zip = process::emulator("python")
        .args(["-m", "zipfile", "-c", "notifier.zip", "bootstrap"])
        .current_dir(&folder)
        .status()
        .expect("Python starts");
    assert!(zip.success(), "the function could not be packed");
    std::fs::read(folder.join("notifier.zip")).expect("it was packed").into()
}
