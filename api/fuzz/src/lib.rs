//! What the fuzz targets share: the protocol layer, compiled from its source without the rest of the server, and a
//! planner for the checked-in schema.

#[allow(dead_code, unused_imports, reason = "a server is more than what is fuzzed of it")]
#[path = "../../src/protocol/mod.rs"]
pub mod protocol;
pub mod reading;

use std::sync::LazyLock;

use protocol::plan::Planner;
use protocol::{Limits, Parameters};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Knows RoomM8's schema.
pub static PLANNER: LazyLock<Planner> = LazyLock::new(|| {
    let sdl = include_str!("../../../schema/schema.graphql");
    Planner::new(sdl, Limits::default()).expect("the schema is valid")
});

/// A request for an operation of a document.
pub fn parameters(text: &str, operation_name: Option<String>) -> Parameters {
    Parameters {
        query: text.to_owned(),
        document_id: None,
        operation_name,
        variables: async_graphql::Variables::default(),
        extensions: async_graphql::Extensions::default(),
    }
}

/// Parameters as a value to compare, in which the order of extensions does not matter.
pub fn value(parameters: &Parameters) -> Value {
    let Parameters { query, document_id, operation_name, variables, extensions } = parameters;
    json!([query, document_id, operation_name, variables, extensions.0])
}

/// Whether a text is JSON, also when it is put into other JSON, which may be nested no deeper than 128 levels.
pub fn is_json(text: &str) -> bool {
    let brackets = text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count();
    brackets < 120 && serde_json::from_str::<&RawValue>(text).is_ok()
}
