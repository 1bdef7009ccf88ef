//! The life of an account, as a client sees it.

use crate::testing::{PASSWORD, System};
use roomm8_db::{Time, notification};
use serde_json::{Value, json};

const OTHER_PASSWORD: &str = "seven umbrellas, no rain";

impl System {
    async fn register(&self, name: &str) {
        let email = format!("{}@example.org", name.to_lowercase());
        let input =
            json!({ "email": email, "password": PASSWORD, "displayName": name, "clientMutationId": "r" });
        let selection = "accepted userErrors { code } clientMutationId";
        let payload = self.mutate(None, "register", input, selection).await;
        assert_eq!(payload, json!({ "accepted": true, "userErrors": [], "clientMutationId": "r" }));
    }

    async fn login(&self, password: &str) -> Value {
        let input = json!({ "email": "ada@example.org", "password": password });
        let selection = "token session { id device isCurrent }
            viewer { email emailVerified user { id displayName version } sessions { id isCurrent } households { id } }
            userErrors { code field }";
        self.mutate(None, "login", input, selection).await
    }

    async fn is_signed_in(&self, token: &Value) -> bool {
        let answer = self.ask(token.as_str(), "{ viewer { email } }", json!({})).await;
        if answer.get("errors").is_none() {
            return true;
        }
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{answer}");
        false
    }

    /// The token in the newest mail, once all are delivered.
    async fn mailed_token(&self) -> String {
        let (database, mut token) = (&self.services.database, None);
        loop {
            let leased = notification::lease(database, 10, Time::now()).await.unwrap();
            if leased.is_empty() {
                return token.unwrap();
            }
            for mail in &leased {
                notification::sent(database, mail, Time::now()).await.unwrap();
                token = mail.content.secret().map(|secret| secret.reveal().to_owned()).or(token);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_answers_with_who_one_is() {
    let system = System::new().await;
    system.register("Ada").await;
    let wrong = system.login(OTHER_PASSWORD).await;
    assert_eq!(wrong["userErrors"], json!([{ "code": "WRONG_CREDENTIALS", "field": [] }]));
    assert_eq!(
        (&wrong["token"], &wrong["session"], &wrong["viewer"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );

    let right = system.login(PASSWORD).await;
    let session = &right["session"];
    assert_eq!((&session["device"], &session["isCurrent"]), (&json!("curl/8"), &json!(true)));
    let viewer = json!({
        "email": "ada@example.org",
        "emailVerified": false,
        "user": { "id": right["viewer"]["user"]["id"], "displayName": "Ada", "version": 1 },
        "sessions": [{ "id": session["id"], "isCurrent": true }],
        "households": [],
    });
    assert_eq!(right["viewer"], viewer);
    assert!(system.is_signed_in(&right["token"]).await);
    assert!(!system.is_signed_in(&Value::Null).await);

    let token = system.mailed_token().await;
    let accepted = system.mutate(None, "verifyEmail", json!({ "token": token }), "accepted").await;
    assert_eq!(accepted, json!({ "accepted": true }));
    assert_eq!(system.login(PASSWORD).await["viewer"]["emailVerified"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_sessions_are_told_and_gone() {
    let system = System::new().await;
    system.register("Ada").await;
    let [phone, tablet, laptop] =
        [system.login(PASSWORD).await, system.login(PASSWORD).await, system.login(PASSWORD).await];
    let told = system.services.hub.session_end(roomm8_session(&tablet));
    let input = json!({ "sessionId": tablet["session"]["id"] });
    let payload = system.mutate(phone["token"].as_str(), "revokeSession", input, "revokedSessionId").await;
    assert_eq!(payload["revokedSessionId"], tablet["session"]["id"]);
    told.await;
    assert!(!system.is_signed_in(&tablet["token"]).await);

    let others =
        system.mutate(phone["token"].as_str(), "revokeOtherSessions", json!({}), "revokedCount").await;
    assert_eq!(others, json!({ "revokedCount": 1 }));
    assert!(!system.is_signed_in(&laptop["token"]).await);
    let payload =
        system.mutate(phone["token"].as_str(), "logout", json!({}), "loggedOut userErrors { code }").await;
    assert_eq!(payload, json!({ "loggedOut": true, "userErrors": [] }));
    assert!(!system.is_signed_in(&phone["token"]).await);
}

fn roomm8_session(login: &Value) -> roomm8_db::SessionId {
    let id = async_graphql::ID::from(login["session"]["id"].as_str().unwrap());
    crate::id::GlobalId::session(&id).unwrap_or_else(|_| panic!("{id:?} is no session"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_comes_with_a_new_session() {
    let system = System::new().await;
    system.register("Ada").await;
    let old = system.login(PASSWORD).await["token"].clone();
    let selection = "token viewer { sessions { isCurrent } } userErrors { code field }";
    let input = json!({ "currentPassword": OTHER_PASSWORD, "newPassword": OTHER_PASSWORD });
    let wrong = system.mutate(old.as_str(), "changePassword", input, selection).await;
    assert_eq!(wrong["userErrors"], json!([{ "code": "WRONG_CREDENTIALS", "field": ["currentPassword"] }]));
    let input = json!({ "currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD });
    let changed = system.mutate(old.as_str(), "changePassword", input, selection).await;
    assert_eq!(changed["viewer"]["sessions"], json!([{ "isCurrent": true }]));
    assert!(!system.is_signed_in(&old).await);
    assert!(system.is_signed_in(&changed["token"]).await);

    let input = json!({ "email": "Ada@example.org" });
    let payload = system.mutate(None, "requestPasswordReset", input, "accepted").await;
    assert_eq!(payload, json!({ "accepted": true }));
    let token = system.mailed_token().await;
    let input = json!({ "token": token, "newPassword": PASSWORD });
    let selection = "accepted userErrors { code field }";
    let payload = system.mutate(None, "resetPassword", input.clone(), selection).await;
    assert_eq!(payload, json!({ "accepted": true, "userErrors": [] }));
    assert!(!system.is_signed_in(&changed["token"]).await);
    let payload = system.mutate(None, "resetPassword", input, selection).await;
    let user_errors = json!([{ "code": "TOKEN_INVALID", "field": ["token"] }]);
    assert_eq!(payload, json!({ "accepted": false, "userErrors": user_errors }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_profile_is_a_conflict_with_the_current_one() {
    let system = System::new().await;
    system.register("Ada").await;
    let token = system.login(PASSWORD).await["token"].clone();
    let selection = "viewer { user { displayName version } appearsOffline } userErrors { code field }";
    let input = json!({ "displayName": "Ada Lovelace", "expectedVersion": 1, "clientMutationId": "one" });
    let expected =
        json!({ "user": { "displayName": "Ada Lovelace", "version": 2 }, "appearsOffline": false });
    for _ in 0..2 {
        let payload = system.mutate(token.as_str(), "updateProfile", input.clone(), selection).await;
        assert_eq!(payload, json!({ "viewer": expected, "userErrors": [] }));
    }
    let stale = json!({ "appearsOffline": true, "expectedVersion": 1 });
    let payload = system.mutate(token.as_str(), "updateProfile", stale, selection).await;
    let conflict = json!([{ "code": "CONFLICT", "field": ["expectedVersion"] }]);
    assert_eq!(payload, json!({ "viewer": expected, "userErrors": conflict }));
    let blank = json!({ "displayName": " " });
    let payload = system.mutate(token.as_str(), "updateProfile", blank, selection).await;
    let too_short = json!([{ "code": "TOO_SHORT", "field": ["displayName"] }]);
    assert_eq!(payload, json!({ "viewer": null, "userErrors": too_short }));
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_sessions_are_nodes_for_who_may_see_them() {
    let system = System::new().await;
    system.register("Ada").await;
    system.register("Eve").await;
    let ada = system.login(PASSWORD).await;
    let input = json!({ "email": "eve@example.org", "password": PASSWORD });
    let eve = system.mutate(None, "login", input, "token").await["token"].clone();
    let ids = json!([ada["viewer"]["user"]["id"], ada["session"]["id"]]);
    let document = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on User { displayName } ... on Session { isCurrent } } }";
    let own = system.ask(ada["token"].as_str(), document, json!({ "ids": ids })).await;
    let nodes = json!([{ "id": ids[0], "displayName": "Ada" }, { "id": ids[1], "isCurrent": true }]);
    assert_eq!(own["data"]["nodes"], nodes);
    let foreign = system.ask(eve.as_str(), document, json!({ "ids": ids })).await;
    assert_eq!(foreign["data"]["nodes"], json!([null, null]));
}
