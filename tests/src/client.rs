//! GraphQL over HTTP, as a front end would speak it.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode, header, http::response};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

/// One caller of one server.
#[derive(Clone)]
pub struct Client {
    address: String,
    token: Option<String>,
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    patience: Duration,
}

/// No answer: refused, cut, or nothing within the caller's patience. The outcome is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable(pub String);

impl fmt::Display for Unreachable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Client {
    /// A client of the server at `host:port`, with a token or anonymous.
    pub fn new(address: &str, token: Option<&str>) -> Self {
        let http = legacy::Client::builder(TokioExecutor::new()).build_http();
        let patience = Duration::from_secs(30);
        Self { address: address.to_owned(), token: token.map(str::to_owned), http, patience }
    }

    /// The same caller, who gives up sooner or later than others.
    #[must_use]
    pub fn patient_for(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The same caller on another server.
    #[must_use]
    pub fn at(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    /// `host:port` of its server.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its token.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Runs a document and gives whatever came back.
    pub async fn ask(&self, document: &str, variables: Value) -> Result<Answer, Unreachable> {
        let body = json!({ "query": document, "variables": variables }).to_string();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("http://{}/graphql", self.address))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json, application/json;q=0.9");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let (head, text) = self.send(request.body(Full::from(body)).expect("a valid request")).await?;
        let body = serde_json::from_str(&text).unwrap_or_else(|_| json!({ "notJson": text }));
        assert_documented(&body);
        Ok(Answer { status: head.status, says_when: head.headers.contains_key(header::RETRY_AFTER), body })
    }

    /// Runs a document that is expected to work and gives its `data`.
    pub async fn query(&self, document: &str, variables: Value) -> Value {
        let answer = self.ask(document, variables.clone()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{error}: {document}"));
        assert!(answer.body.get("errors").is_none(), "{document}\nwith {variables}\nfailed: {}", answer.body);
        answer.body["data"].clone()
    }

    /// Runs a document that is expected to be refused and gives the first error's code.
    pub async fn refusal(&self, document: &str, variables: Value) -> String {
        let answer =
            self.ask(document, variables).await.unwrap_or_else(|error| panic!("{error}: {document}"));
        answer.code().unwrap_or_else(|| panic!("{document} was not refused: {}", answer.body)).to_owned()
    }

    /// Runs one mutation and gives its payload, which may hold user errors.
    pub async fn mutate(&self, name: &str, input: Value, selection: &str) -> Value {
        self.query(&mutation(name, selection), json!({ "input": input })).await[name].clone()
    }

    /// Runs one mutation that must succeed.
    pub async fn done(&self, name: &str, input: Value, selection: &str) -> Value {
        let payload =
            self.mutate(name, input, &format!("{selection} userErrors {{ code field message }}")).await;
        assert_eq!(payload["userErrors"], json!([]), "{name}");
        payload
    }

    /// Runs one mutation that must end in a user error and gives its code.
    pub async fn user_error(&self, name: &str, input: Value) -> String {
        let payload = self.mutate(name, input, "userErrors { code field message }").await;
        let code = payload["userErrors"][0]["code"].as_str();
        code.unwrap_or_else(|| panic!("{name} was not refused: {payload}")).to_owned()
    }

    /// Runs one mutation that must be refused as a whole and gives the error's code.
    pub async fn error(&self, name: &str, input: Value) -> String {
        self.refusal(&mutation(name, "__typename"), json!({ "input": input })).await
    }

    /// Fetches a path that is not GraphQL.
    pub async fn get(&self, path: &str) -> Result<(StatusCode, String), Unreachable> {
        self.fetch(Method::GET, path).await
    }

    /// Posts nothing to a path that is not GraphQL.
    pub async fn post(&self, path: &str) -> Result<(StatusCode, String), Unreachable> {
        self.fetch(Method::POST, path).await
    }

    async fn fetch(&self, method: Method, path: &str) -> Result<(StatusCode, String), Unreachable> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let (head, text) = self.send(request.body(Full::default()).expect("a valid request")).await?;
        Ok((head.status, text))
    }

    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(response::Parts, String), Unreachable> {
        let exchange = async {
            let response = self.http.request(request).await.map_err(|error| Unreachable(sources(&error)))?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| Unreachable(sources(&error)))?;
            Ok((head, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
        };
        let late = || Unreachable(format!("no answer within {:?}", self.patience));
        tokio::time::timeout(self.patience, exchange).await.unwrap_or_else(|_| Err(late()))
    }
}

/// Whatever an answer has errors about, their codes are among those that clients can read about.
fn assert_documented(answer: &Value) {
    const README: &str = include_str!("../../README.md");
    for error in answer["errors"].as_array().into_iter().flatten() {
        let code = error["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no code in {error}"));
        assert!(README.contains(&format!("\n| `{code}` | ")), "README.md says nothing of {code}");
    }
}

/// The document of one mutation.
pub fn mutation(name: &str, selection: &str) -> String {
    let (first, rest) = name.split_at(1);
    let input = format!("{}{rest}Input", first.to_uppercase());
    format!("mutation($input: {input}!) {{ {name}(input: $input) {{ {selection} }} }}")
}

fn sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// What a server said.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// Whether it says when to try again.
    pub says_when: bool,
    /// The whole response.
    pub body: Value,
}

impl Answer {
    /// The code of the first top-level error.
    pub fn code(&self) -> Option<&str> {
        self.body["errors"][0]["extensions"]["code"].as_str()
    }

    /// Whether the same request, with the same id, may well succeed a little later.
    pub fn is_passing(&self) -> bool {
        let is_known = matches!(self.code(), Some("UNAVAILABLE" | "RATE_LIMITED"));
        is_known && (self.status != StatusCode::SERVICE_UNAVAILABLE || self.says_when)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutation_is_written_out() {
        assert_eq!(
            mutation("sendMessage", "cursor"),
            "mutation($input: SendMessageInput!) { sendMessage(input: $input) { cursor } }"
        );
    }

    #[tokio::test]
    async fn a_closed_port_is_unreachable() {
        let address = format!("127.0.0.1:{}", crate::process::free_port());
        let answer = Client::new(&address, None).ask("{ __typename }", Value::Null).await;
        assert!(answer.unwrap_err().0.contains("refused"));
    }
}
