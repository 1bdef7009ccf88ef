//! A whole schema on a database of its own, for tests that ask as a client does.

use crate::{Caller, Schema, Scope, Services};
use async_graphql::{Request, Variables};
use roomm8_db::account::session::{self, TokenHash};
use roomm8_db::{Database, Options};
use roomm8_subscriptions::{Hub, InProcess};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) const PASSWORD: &str = "violet kettle under 9 stairs";

/// A system of its own, with a file that goes when it does.
pub(crate) struct System {
    schema: Schema,
    pub(crate) services: Services,
    folder: PathBuf,
}

impl Drop for System {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl System {
    pub(crate) async fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("roomm8_schema_{}", roomm8_db::SessionId::new()));
        let url = format!("sqlite://{}", folder.join("db.sqlite3").display());
        let options = Options { url, connections: 4, throttles: false };
        let database = Database::open(&options).await.unwrap();
        let hub = Hub::start(database.clone(), Box::new(InProcess::default()));
        let services = Services { database, hub, public_url: "http://localhost".into() };
        Self { schema: Schema::new(), services, folder }
    }

    /// The whole answer to a document, asked with this session's token.
    pub(crate) async fn ask(&self, token: Option<&str>, document: &str, variables: Value) -> Value {
        self.ask_by(&self.schema, token, document, variables).await
    }

    /// The same of another schema on this database.
    pub(crate) async fn ask_by(
        &self,
        schema: &Schema,
        token: Option<&str>,
        document: &str,
        variables: Value,
    ) -> Value {
        let viewer = match token.and_then(TokenHash::of) {
            Some(hash) => session::viewer(&self.services.database, hash).await.ok(),
            None => None,
        };
        let caller = Caller { viewer, address: [203, 0, 113, 9].into(), user_agent: Some("curl/8".into()) };
        let scope = Arc::new(Scope::new(self.services.clone(), caller));
        let request = Request::new(document).variables(Variables::from_json(variables)).data(scope);
        serde_json::to_value(schema.execute(request).await).unwrap()
    }

    /// The payload of a mutation.
    pub(crate) async fn mutate(
        &self,
        token: Option<&str>,
        name: &str,
        input: Value,
        selection: &str,
    ) -> Value {
        let kind = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
        let document =
            format!("mutation($input: {kind}!) {{ payload: {name}(input: $input) {{ {selection} }} }}");
        let answer = self.ask(token, &document, json!({ "input": input })).await;
        assert_eq!(answer.get("errors"), None, "{answer}");
        answer["data"]["payload"].clone()
    }
}
