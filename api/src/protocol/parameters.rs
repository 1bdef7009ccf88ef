//! The parameters of a GraphQL request, as every transport carries them.

use async_graphql::{Extensions, Value, Variables};
use axum::extract::Query;
use http::Uri;
use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;

/// A well-formed GraphQL request (GraphQL over HTTP, section 5.1), not yet looked into.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Wire")]
pub struct Parameters {
    /// The document's text. Empty where only its name was sent, until [`documents`](super::documents) finds it.
    pub query: String,
    /// The name of a trusted document. (That of a persisted query is among the extensions.)
    pub document_id: Option<String>,
    /// Which of its operations to run.
    pub operation_name: Option<String>,
    /// The values of its variables.
    pub variables: Variables,
    /// What client and server have agreed on beside the specification.
    pub extensions: Extensions,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<Variables>,
    extensions: Option<Extensions>,
}

/// Why a request is none. A sentence that quotes nothing of what was sent.
#[derive(Clone, Copy, Debug)]
pub enum Problem {
    /// It is not JSON.
    Unreadable(&'static str),
    /// It is, and has not the form of a GraphQL request.
    Malformed(&'static str),
}

impl Problem {
    /// The sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::Unreadable(text) | Self::Malformed(text) => text,
        }
    }
}

impl TryFrom<Wire> for Parameters {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        let parameters = Self {
            query: String::new(),
            document_id: wire.document_id,
            operation_name: wire.operation_name,
            variables: wire.variables.unwrap_or_default(),
            extensions: wire.extensions.unwrap_or_default(),
        };
        parameters.with(wire.query)
    }
}

impl Parameters {
    /// Reads them from JSON.
    pub fn from_json(json: &[u8]) -> Result<Self, Problem> {
        match json.trim_ascii_start().first() {
            None => {
                let text = "the request has no body: send a JSON object with \"query\"";
                return Err(Problem::Unreadable(text));
            }
            // Also keeps serde from reading an array as the struct.
            Some(b'[') => {
                return Err(Problem::Malformed("batches are not served: send one operation a request"));
            }
            Some(_) => {}
        }
        serde_json::from_slice(json).map_err(|error| match error.classify() {
            Category::Data => Problem::Malformed(MALFORMED),
            Category::Syntax | Category::Eof | Category::Io => {
                Problem::Unreadable("the request's body is not JSON")
            }
        })
    }

    /// Reads several from a JSON array: all, or none and a sentence why.
    pub fn batch_from_json(json: &[u8], limit: usize) -> Result<Vec<Self>, String> {
        let entries: Vec<&RawValue> =
            serde_json::from_slice(json).map_err(|_| "the request's body is not JSON".to_owned())?;
        match entries.len() {
            0 => return Err("the batch is empty: send at least one operation".into()),
            count if count > limit => {
                return Err(format!(
                    "operations in the batch: {count}, and {limit} is the limit; send fewer at a time"
                ));
            }
            _ => {}
        }
        let read = |(place, entry): (usize, &&RawValue)| {
            let json = entry.get();
            if json.starts_with('[') {
                return Err(format!("the batch's entry {place} is a batch itself"));
            }
            Self::from_json(json.as_bytes())
                .map_err(|problem| format!("the batch's entry {place}: {}", problem.text()))
        };
        entries.iter().enumerate().map(read).collect()
    }

    /// Reads them from a URL's query.
    pub fn from_uri(uri: &Uri) -> Result<Self, Problem> {
        let Query(fields) = Query::try_from_uri(uri)
            .map_err(|_| Problem::Unreadable("the URL's query is not application/x-www-form-urlencoded"))?;
        Self::from_fields(fields)
    }

    /// Reads them from the fields of a URL's query, where `variables` and `extensions` are JSON.
    pub fn from_fields(fields: Vec<(String, String)>) -> Result<Self, Problem> {
        let [mut query, mut document_id, mut operation_name, mut variables, mut extensions] =
            [const { None }; 5];
        for (name, value) in fields {
            let place = match name.as_str() {
                "query" => &mut query,
                "documentId" => &mut document_id,
                "operationName" => &mut operation_name,
                "variables" => &mut variables,
                "extensions" => &mut extensions,
                _ => continue,
            };
            if place.replace(value).is_some() {
                return Err(Problem::Malformed("a parameter was sent twice"));
            }
        }
        let parameters = Self {
            query: String::new(),
            document_id: document_id.filter(|id| !id.is_empty()),
            operation_name: operation_name.filter(|name| !name.is_empty()),
            variables: object(variables)?,
            extensions: object(extensions)?,
        };
        parameters.with(query).map_err(Problem::Malformed)
    }

    /// What the client says of a document it names by hash, in the manner of Automatic Persisted Queries.
    pub(super) fn persisted_query(&self) -> Option<&Value> {
        self.extensions.get("persistedQuery").filter(|value| **value != Value::Null)
    }

    /// The text may be missing only where the document has a name.
    fn with(self, query: Option<String>) -> Result<Self, &'static str> {
        let is_named = self.document_id.is_some() || self.persisted_query().is_some();
        match query {
            Some(query) => Ok(Self { query, ..self }),
            None if is_named => Ok(self),
            None => Err(MALFORMED),
        }
    }
}

const MALFORMED: &str = "the parameters are not well-formed: \"query\" is a string and required unless \
     \"documentId\", a string, or \"extensions.persistedQuery\" names the document, \"operationName\" is a string or null, \
     \"variables\" and \"extensions\" are objects or null";

fn object<T: Default + for<'a> Deserialize<'a>>(json: Option<String>) -> Result<T, Problem> {
    match json.filter(|json| !json.is_empty()) {
        None => Ok(T::default()),
        Some(json) => serde_json::from_str::<Option<T>>(&json)
            .map(Option::unwrap_or_default)
            .map_err(|_| Problem::Malformed(MALFORMED)),
    }
}
