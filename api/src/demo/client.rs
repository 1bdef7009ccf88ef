//! A GraphQL client over one HTTP connection, as anybody could write it.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// Speaks to the server for one person.
pub(super) struct Client {
    server: SocketAddr,
    connection: SendRequest<Full<Bytes>>,
    token: Option<String>,
}

/// What every operation here is answered with: its one field is called `answer`.
#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    errors: Vec<Told>,
}

#[derive(Deserialize)]
struct Data {
    answer: Value,
}

/// What somebody is told that went wrong.
#[derive(Debug, Deserialize)]
struct Told {
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    #[serde(default)]
    user_errors: Vec<Told>,
}

impl Client {
    /// Connects to the server at this address.
    pub(super) async fn connect(server: SocketAddr) -> Result<Self> {
        Ok(Self { server, connection: connect(server).await?, token: None })
    }

    /// Speaks for whom this token belongs to, or for nobody, from now on.
    pub(super) fn speak_for(&mut self, token: Option<String>) {
        self.token = token;
    }

    /// What the field `answer` of the operation is. An error of any kind is an error here.
    pub(super) async fn ask<T: DeserializeOwned>(&mut self, operation: &str, variables: Value) -> Result<T> {
        let answer = self.answer(operation, variables).await?;
        let Payload { user_errors } = Payload::deserialize(&answer)?;
        if let Some(error) = user_errors.first() {
            bail!("{} was refused: {}", name(operation), error.message);
        }
        serde_json::from_value(answer).with_context(|| format!("the answer to {}", name(operation)))
    }

    /// The same for an operation with one variable, `input`.
    pub(super) async fn tell<T: DeserializeOwned>(&mut self, operation: &str, input: Value) -> Result<T> {
        self.ask(operation, json!({ "input": input })).await
    }

    async fn answer(&mut self, operation: &str, variables: Value) -> Result<Value> {
        let body = json!({ "query": operation, "variables": variables }).to_string();
        let mut request = Request::post("/graphql")
            .header(header::HOST, self.server.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body.into()))?;
        // The server closes connections that nobody uses.
        if self.connection.ready().await.is_err() {
            self.connection = connect(self.server).await?;
        }
        let response = self.connection.send_request(request).await.context("the server went away")?;
        let bytes = response.into_body().collect().await.context("the server went away")?.to_bytes();
        let response: Response =
            serde_json::from_slice(&bytes).context("the server's answer is not GraphQL")?;
        if let Some(error) = response.errors.first() {
            bail!("{} failed: {}", name(operation), error.message);
        }
        response.data.map(|data| data.answer).context("the server's answer has neither data nor errors")
    }
}

async fn connect(server: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(server).await.context("the server cannot be reached")?;
    stream.set_nodelay(true)?;
    let (connection, driver) = handshake(TokioIo::new(stream)).await?;
    // It ends with the connection.
    tokio::spawn(driver);
    Ok(connection)
}

/// The name of an operation's one field, for people.
fn name(operation: &str) -> &str {
    operation
        .split_once("answer: ")
        .and_then(|(_, rest)| rest.split(|letter: char| !letter.is_alphanumeric()).next())
        .unwrap_or("the operation")
}
