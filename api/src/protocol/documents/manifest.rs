//! The trusted documents: what the authors of the clients say that their clients will ask.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::hash::Hash;

/// A list of documents with their ids.
#[derive(Default)]
pub struct Manifest {
    by_id: HashMap<String, Arc<str>>,
    /// The same by content, so that a client that sends the text is trusted as well.
    by_hash: HashMap<Hash, Arc<str>>,
}

/// As `@apollo/generate-persisted-query-manifest` writes it.
#[derive(Deserialize)]
struct Apollo {
    format: String,
    version: u64,
    operations: Vec<Operation>,
}

#[derive(Deserialize)]
struct Operation {
    id: String,
    body: String,
}

impl Manifest {
    /// Reads Apollo's manifest, or the map from ids to texts that Relay and GraphQL Code Generator write. An error goes
    /// on after "the manifest".
    pub fn read(json: &str) -> Result<Self, String> {
        let mut manifest = Self::default();
        for (id, text) in documents(json)? {
            let text: Arc<str> = text.into();
            manifest.by_hash.insert(Hash::of(&text), Arc::clone(&text));
            if manifest.by_id.insert(id.clone(), text).is_some() {
                return Err(format!("has two documents {id:?}"));
            }
        }
        if manifest.by_id.is_empty() { Err("has no documents".into()) } else { Ok(manifest) }
    }

    /// How many documents there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_id.iter().map(|(id, text)| (id.as_str(), text.as_ref()))
    }

    /// The text of this name, which may be the document's hash whatever the manifest calls it.
    pub(super) fn find(&self, name: &str) -> Option<Arc<str>> {
        let by_hash = || self.by_hash.get(&Hash::parse(name.strip_prefix("sha256:").unwrap_or(name))?);
        self.by_id.get(name).or_else(by_hash).cloned()
    }

    pub(super) fn has(&self, hash: Hash) -> bool {
        self.by_hash.contains_key(&hash)
    }
}

/// The documents are worth a look in their file, not in a log.
impl std::fmt::Debug for Manifest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Manifest").field("len", &self.len()).finish_non_exhaustive()
    }
}

fn documents(json: &str) -> Result<Vec<(String, String)>, String> {
    let value: Value = serde_json::from_str(json).map_err(|error| format!("is not JSON: {error}"))?;
    if !value.get("operations").is_some_and(Value::is_array) {
        let map: HashMap<String, String> = serde_json::from_value(value).map_err(|_| {
            "is neither Apollo's nor a JSON object with the text of a document for each id".to_owned()
        })?;
        return Ok(map.into_iter().collect());
    }
    let apollo: Apollo =
        serde_json::from_value(value).map_err(|error| format!("looks like Apollo's and is not: {error}"))?;
    match (apollo.format.as_str(), apollo.version) {
        ("apollo-persisted-query-manifest", 1) => {
            Ok(apollo.operations.into_iter().map(|operation| (operation.id, operation.body)).collect())
        }
        (format, version) => {
            Err(format!("is of the format {format:?}, version {version}, which is not known here"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: &Value) -> Result<Manifest, String> {
        Manifest::read(&json.to_string())
    }

    fn apollo(operations: &Value) -> Value {
        json!({ "format": "apollo-persisted-query-manifest", "version": 1, "operations": operations })
    }

    #[test]
    fn both_formats_are_read() {
        let text = "query A { a }";
        let apollo = apollo(&json!([{ "id": "one", "name": "A", "type": "query", "body": text }]));
        for manifest in [read(&apollo).unwrap(), read(&json!({ "one": text })).unwrap()] {
            assert_eq!(manifest.len(), 1);
            let hash = Hash::of(text).to_string();
            for name in ["one", &hash, &format!("sha256:{hash}")] {
                assert_eq!(manifest.find(name).as_deref(), Some(text), "{name}");
            }
            assert!(manifest.has(Hash::of(text)));
            assert!(manifest.find("two").is_none());
        }
    }

    #[test]
    fn one_that_cannot_be_served_says_why() {
        let twice = json!([{ "id": "one", "body": "{a}" }, { "id": "one", "body": "{b}" }]);
        let mut later = apollo(&json!([]));
        later["version"] = 2.into();
        for (manifest, says) in [
            (json!({}), "has no documents"),
            (json!([]), "is neither Apollo's nor"),
            (json!({ "one": { "body": "{a}" } }), "is neither Apollo's nor"),
            (apollo(&json!([])), "has no documents"),
            (apollo(&json!([{ "id": "one" }])), "missing field `body`"),
            (apollo(&twice), "has two documents \"one\""),
            (later, "version 2"),
        ] {
            let error = read(&manifest).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        assert!(Manifest::read("{").unwrap_err().starts_with("is not JSON"));
    }
}
