//! A post office that speaks SES's `SendEmail`: the emulator's own keeps neither headers nor tags of a mail, and tells nobody
//! what became of it. Here people have names that say what happens to their mail.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

/// A mail that was taken, and is on its way to somebody.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    /// The letter's id.
    pub(crate) letter: String,
    /// Who gets it.
    pub(crate) to: String,
    /// All that SES was told.
    pub(crate) request: Value,
}

/// A post office, open until it is dropped.
pub(crate) struct Post {
    /// Where it is.
    pub(crate) address: String,
    state: Arc<State>,
    counter: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    mails: Mutex<Vec<Mail>>,
    /// When each letter was brought, each time.
    brought: Mutex<HashMap<String, Vec<Instant>>>,
}

/// What happens to a mail.
struct Fate {
    /// What is taken goes out, and SES tells of it.
    is_taken: bool,
    answer: Reply,
}

enum Reply {
    Taken,
    Error(u16, &'static str, &'static str),
    /// The line goes dead.
    Silence,
}

impl Post {
    /// Opens one, which tells `events` of every mail it takes as SES does.
    pub(crate) async fn open(events: mpsc::UnboundedSender<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address").to_string();
        let state = Arc::new(State::default());
        let counter = tokio::spawn({
            let state = Arc::clone(&state);
            async move {
                while let Ok((line, _)) = listener.accept().await {
                    let (state, events) = (Arc::clone(&state), events.clone());
                    let service =
                        service_fn(move |request| serve(request, Arc::clone(&state), events.clone()));
                    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(line), service));
                }
            }
        });
        Self { address, state, counter }
    }

    /// Every mail that was taken, in order.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.state.mails.lock().unwrap().clone()
    }

    /// The letters that a person was mailed, in order.
    pub(crate) fn letters_to(&self, person: &str) -> Vec<String> {
        self.mails().into_iter().filter(|mail| mail.to == person).map(|mail| mail.letter).collect()
    }

    /// When a letter was brought, taken or not.
    pub(crate) fn brought(&self, letter: &str) -> Vec<Instant> {
        self.state.brought.lock().unwrap().get(letter).cloned().unwrap_or_default()
    }

    /// How often anything was brought.
    pub(crate) fn times(&self) -> usize {
        self.state.brought.lock().unwrap().values().map(Vec::len).sum()
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.counter.abort();
    }
}

async fn serve(
    request: Request<Incoming>,
    state: Arc<State>,
    events: mpsc::UnboundedSender<Value>,
) -> Result<Response<Full<Bytes>>, Lost> {
    assert_eq!(request.uri().path(), "/v2/email/outbound-emails");
    let body = request.into_body().collect().await.map_err(|_| Lost)?.to_bytes();
    let request: Value = serde_json::from_slice(&body).expect("SES is sent JSON");
    let to = request["Destination"]["ToAddresses"][0].as_str().expect("somebody gets it").to_owned();
    let tags = request["EmailTags"].as_array().expect("a mail has tags");
    let letter =
        tags.iter().find(|tag| tag["Name"] == "letter").expect("one names the letter")["Value"].clone();
    let letter = letter.as_str().expect("it is a text").to_owned();
    let time = {
        let mut brought = state.brought.lock().unwrap();
        let times = brought.entry(letter.clone()).or_default();
        times.push(Instant::now());
        times.len()
    };
    // Whoever dies meanwhile does so before the mail is taken or after.
    pause(80).await;
    if to.starts_with("slow@") {
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    let fate = fate(&to, time);
    if fate.is_taken {
        let tags = json!({ "letter": [letter.clone()] });
        let event =
            json!({ "eventType": "Send", "send": {}, "mail": { "destination": [to.clone()], "tags": tags } });
        state.mails.lock().unwrap().push(Mail { letter, to, request });
        tokio::spawn(async move {
            pause(300).await;
            // Nobody listens any more when the scenario has ended.
            let _ = events.send(event);
        });
    }
    pause(80).await;
    let (status, body) = match fate.answer {
        Reply::Taken => (200, json!({ "MessageId": "m" })),
        Reply::Error(status, code, message) => (status, json!({ "__type": code, "message": message })),
        Reply::Silence => return Err(Lost),
    };
    let response = Response::builder().status(status).header("content-type", "application/json");
    let response = match fate.answer {
        Reply::Error(_, code, _) => response.header("x-amzn-errortype", code),
        _ => response,
    };
    Ok(response.body(Full::from(body.to_string())).expect("a valid response"))
}

/// What happens to a mail for somebody, the first time and later.
fn fate(to: &str, time: usize) -> Fate {
    let (is_taken, answer) = match (to.split('@').next().unwrap_or_default(), time) {
        ("hasty", 1) => {
            (false, Reply::Error(429, "TooManyRequestsException", "Maximum sending rate exceeded."))
        }
        ("nobody", _) => (false, Reply::Error(400, "MessageRejected", "nobody@example.org is no address")),
        ("stranger", 1) => (false, Reply::Error(400, "MessageRejected", "Email address is not verified.")),
        // The mail goes out and the answer does not come.
        ("quiet", _) => (true, Reply::Silence),
        ("broken", _) => (true, Reply::Error(500, "InternalFailure", "")),
        // Neither, once.
        ("lost", 1) => (false, Reply::Silence),
        _ => (true, Reply::Taken),
    };
    Fate { is_taken, answer }
}

async fn pause(most: u64) {
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..most))).await;
}

/// A connection that ends without an answer.
#[derive(Debug)]
struct Lost;

impl std::fmt::Display for Lost {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("lost")
    }
}

impl std::error::Error for Lost {}
