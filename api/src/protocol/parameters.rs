//! The parameters of a GraphQL request, as every transport carries them.

use async_graphql::{Extensions, Variables};
use serde::Deserialize;
use serde_json::error::Category;

/// A well-formed GraphQL request (GraphQL over HTTP, section 5.1), not yet looked into.
#[derive(Debug, Deserialize)]
#[serde(from = "Wire")]
pub struct Parameters {
    /// The document.
    pub query: String,
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
    query: String,
    operation_name: Option<String>,
    variables: Option<Variables>,
    extensions: Option<Extensions>,
}

impl From<Wire> for Parameters {
    fn from(wire: Wire) -> Self {
        Self {
            query: wire.query,
            operation_name: wire.operation_name,
            variables: wire.variables.unwrap_or_default(),
            extensions: wire.extensions.unwrap_or_default(),
        }
    }
}

impl Parameters {
    /// Reads them from JSON. An error is a sentence that quotes nothing of what was sent.
    pub fn from_json(json: &[u8]) -> Result<Self, &'static str> {
        match json.trim_ascii_start().first() {
            None => return Err("the request has no body: send a JSON object with \"query\""),
            // Also keeps serde from reading an array as the struct.
            Some(b'[') => return Err("batches are not served: send one operation a request"),
            Some(_) => {}
        }
        serde_json::from_slice(json).map_err(|error| match error.classify() {
            Category::Data => MALFORMED,
            Category::Syntax | Category::Eof | Category::Io => "the request's body is not JSON",
        })
    }

    /// Reads them from the fields of a URL's query, where `variables` and `extensions` are JSON.
    pub fn from_fields(fields: Vec<(String, String)>) -> Result<Self, &'static str> {
        let [mut query, mut operation_name, mut variables, mut extensions] = [const { None }; 4];
        for (name, value) in fields {
            let place = match name.as_str() {
                "query" => &mut query,
                "operationName" => &mut operation_name,
                "variables" => &mut variables,
                "extensions" => &mut extensions,
                _ => continue,
            };
            if place.replace(value).is_some() {
                return Err("a parameter was sent twice");
            }
        }
        Ok(Self {
            query: query.ok_or(MALFORMED)?,
            operation_name: operation_name.filter(|name| !name.is_empty()),
            variables: object(variables)?,
            extensions: object(extensions)?,
        })
    }
}

const MALFORMED: &str = "the parameters are not well-formed: \"query\" is a string and required, \"operationName\" a string or null, \
     \"variables\" and \"extensions\" are objects or null";

fn object<T: Default + for<'a> Deserialize<'a>>(json: Option<String>) -> Result<T, &'static str> {
    match json.filter(|json| !json.is_empty()) {
        None => Ok(T::default()),
        Some(json) => {
            serde_json::from_str::<Option<T>>(&json).map(Option::unwrap_or_default).map_err(|_| MALFORMED)
        }
    }
}
