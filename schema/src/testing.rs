//! A whole schema on a database of its own, for tests that ask as a client does.

use crate::{Caller, Push, Schema, Scope, Services};
use async_graphql::{Request, Response, Variables};
use roomm8_db::account::session::{self, TokenHash};
use roomm8_db::notification::endpoint::address::Reach;
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
        let options = Options { url, connections: 4, throttles: false, stale: None, ca: None };
        let database = Database::open(&options).await.unwrap();
        let hub = Hub::start(database.clone(), Box::new(InProcess::default()));
        let push = Push { key: Some("key".into()), reach: Reach::Public };
        let services = Services { database, replica: None, hub, public_url: "http://localhost".into(), push };
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
        let mut response = self.response(schema, token, document, variables).await;
        let data: Value = serde_json::from_str(&text(&std::mem::take(&mut response.data))).unwrap();
        let mut answer = serde_json::to_value(response).unwrap();
        answer["data"] = data;
        answer
    }

    /// What a schema on this database says to a document.
    pub(crate) async fn response(
        &self,
        schema: &Schema,
        token: Option<&str>,
        document: &str,
        variables: Value,
    ) -> Response {
        let viewer = match token.and_then(TokenHash::of) {
            Some(hash) => session::viewer(&self.services.database, hash).await.ok(),
            None => None,
        };
        let caller = Caller { viewer, address: [203, 0, 113, 9].into(), user_agent: Some("curl/8".into()) };
        let scope = Arc::new(Scope::new(self.services.clone(), caller));
        let request = Request::new(document).variables(Variables::from_json(variables)).data(scope);
        schema.execute(request).await
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

/// Somebody signed in.
pub(crate) struct Person<'a> {
    pub(crate) system: &'a System,
    pub(crate) token: String,
}

impl<'a> Person<'a> {
    pub(crate) async fn new(system: &'a System, name: &str) -> Self {
        let email = format!("{}@example.org", name.to_lowercase());
        let input = json!({ "email": email, "password": PASSWORD, "displayName": name });
        system.mutate(None, "register", input, "accepted").await;
        let input = json!({ "email": email, "password": PASSWORD });
        let token = system.mutate(None, "login", input, "token").await["token"].as_str().unwrap().to_owned();
        Self { system, token }
    }

    pub(crate) async fn does(&self, name: &str, input: Value, selection: &str) -> Value {
        self.system.mutate(Some(&self.token), name, input, selection).await
    }

    /// The data and the code of the first error.
    pub(crate) async fn asks(&self, document: &str, variables: Value) -> (Value, Value) {
        let answer = self.system.ask(Some(&self.token), document, variables).await;
        (answer["data"].clone(), answer["errors"][0]["extensions"]["code"].clone())
    }

    pub(crate) async fn founds(&self) -> Value {
        let input = json!({ "name": "Elm Street 5", "timeZone": "Europe/Berlin", "currency": "EUR" });
        self.does("createHousehold", input, "household { id }").await["household"]["id"].clone()
    }

    pub(crate) async fn invites(&self, household: &Value, more: Value) -> Value {
        let mut input = json!({ "householdId": household });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let selection = "invitation { id role status email createdBy { displayName } } token code link userErrors { code field }";
        self.does("createInvitation", input, selection).await
    }

    pub(crate) async fn joins(&self, invitation: &Value) -> Value {
        let selection = "household { name cursor viewerMember { role } viewerPermissions } member { id role }
            alreadyMember cursor userErrors { code field }";
        self.does("acceptInvitation", json!({ "token": invitation["token"] }), selection).await
    }
}

/// The JSON of a value, some of which may be written already.
pub(crate) fn text(value: &async_graphql::Value) -> String {
    let joined = |parts: Vec<String>| parts.join(",");
    match value {
        async_graphql::Value::Binary(json) => String::from_utf8(json.to_vec()).unwrap(),
        async_graphql::Value::List(items) => format!("[{}]", joined(items.iter().map(text).collect())),
        async_graphql::Value::Object(fields) => {
            format!(
                "{{{}}}",
                joined(fields.iter().map(|(key, value)| format!("\"{key}\":{}", text(value))).collect())
            )
        }
        plain => serde_json::to_string(plain).unwrap(),
    }
}
