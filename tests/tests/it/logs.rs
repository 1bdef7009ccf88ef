//! What is in the logs, and what never is.

use std::time::Duration;

use roomm8_tests::{
    Deployment, Person, Socket, client::Client, mail::MailServer, on_both, server::Server, wait,
};
use serde_json::json;

on_both!(nothing_secret_or_personal_is_logged);

/// Everything that we say, and of others what an operator is told.
const TALKATIVE: &str =
    "info,roomm8=trace,roomm8_api=trace,roomm8_schema=trace,roomm8_subscriptions=trace,roomm8_db=trace";

async fn nothing_secret_or_personal_is_logged(deployment: Deployment) {
    // Whatever is secret or somebody's own has one of these words in it: names have the one, and passwords, which may not
    // hold names, the other. Tokens, which the server makes, are looked for one by one.
    let [hush, mum] = ["hush", "mum"].map(|word| format!("{word}{:016x}", rand::random::<u64>()));
    let key = format!("key-1:{hush}{}", "A".repeat(43));
    let mail = MailServer::down();
    mail.start_refusing();
    let kept = deployment.own().with("LOG", TALKATIVE).with("SIGNING_KEYS", &key).start().await;
    let mailing = deployment
        .own()
        .with("LOG", TALKATIVE)
        .with("SIGNING_KEYS", &key)
        .with("SMTP_URL", &mail.url())
        .with("MAIL_FROM", &format!("RoomM8 <{hush}@example.com>"))
        .with("PUBLIC_URL", "https://roomm8.example.com")
        .start()
        .await;
    let mut tokens = Vec::new();
    for system in [&kept, &mailing] {
        for server in &system.servers {
            tokens.extend(live(server, &hush, &mum).await);
        }
    }
    // What is mailed, and what is kept to be read.
    let refused = async || mailing.servers.iter().any(|server| server.log().contains("answered 550"));
    wait::until_so(Duration::from_mins(1), "a letter was refused", refused).await;
    let a = kept.a();
    let (email, password) = (format!("{hush}.late@example.org"), format!("{mum} by the river"));
    let input = json!({ "email": email, "password": password, "displayName": hush });
    a.anonymous().done("register", input, "accepted").await;
    let proof = kept.token_in_letter(&email, |letter| letter["kind"] == "VERIFY_EMAIL").await;
    a.anonymous().done("verifyEmail", json!({ "token": proof }), "accepted").await;
    a.anonymous().done("requestPasswordReset", json!({ "email": email }), "accepted").await;
    let reset = kept.token_in_letter(&email, |letter| letter["kind"] == "PASSWORD_RESET").await;
    let input = json!({ "token": reset, "newPassword": format!("{mum} by the sea") });
    a.anonymous().mutate("resetPassword", input, "userErrors { code }").await;
    tokens.extend([proof, reset]);

    for server in kept.servers.iter().chain(&mailing.servers) {
        let log = server.log();
        assert!(log.lines().count() > 10, "it was talkative: {log}");
        for secret in tokens.iter().chain([&hush, &mum]) {
            let line = log.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(line, None, "{secret} is logged");
        }
    }
}

/// A day of people on one server, with all that goes wrong in it; gives the tokens that they were given.
async fn live(server: &Server, hush: &str, mum: &str) -> Vec<String> {
    let anybody = server.anonymous();
    let (email, password) =
        (format!("{hush}.{}@example.org", rand::random::<u64>()), format!("{mum} in the garden"));
    let input = json!({ "email": email, "password": password, "displayName": hush });
    for _ in 0..2 {
        anybody.done("register", input.clone(), "accepted").await;
    }
    let wrong = json!({ "email": email, "password": format!("{mum} in the cellar") });
    assert_eq!(anybody.user_error("login", wrong).await, "WRONG_CREDENTIALS");
    anybody.user_error("verifyEmail", json!({ "token": format!("rm8_v_{hush}") })).await;
    anybody
        .user_error("resetPassword", json!({ "token": format!("rm8_r_{hush}"), "newPassword": password }))
        .await;
    let ada = Person::sign_in(server, &email, &password).await;
    let home = ada.found(server, hush).await;
    let invitation = json!({ "householdId": home, "email": format!("{hush}@example.org") });
    let invitation = ada.on(server).done("createInvitation", invitation, "token code").await;
    let tokens = ["token", "code"].iter().filter_map(|part| Some(invitation[part].as_str()?.to_owned()));
    let mut tokens: Vec<String> = tokens.collect();
    tokens.push(ada.token.clone());
    assert_eq!(tokens.len(), 3);

    let document =
        "query($id: ID!) { household(id: $id) { generalConversation { id } viewerMember { id } } }";
    let household = ada.on(server).query(document, json!({ "id": home })).await;
    let general = household["household"]["generalConversation"]["id"].clone();
    let mut socket = Socket::open(&server.address(), Some(&ada.token)).await.unwrap();
    socket
        .subscribe(
            "subscription($id: ID!) { householdEvents(householdId: $id) { cursor } }",
            json!({ "id": home }),
        )
        .await;
    let said = json!({ "conversationId": general, "body": format!("{hush}, @{hush}") });
    let message = ada.on(server).done("sendMessage", said, "message { id }").await;
    let edited = json!({ "messageId": message["message"]["id"], "body": format!("{hush}!") });
    ada.on(server).mutate("editMessage", edited, "userErrors { code }").await;
    let announced = json!({ "householdId": home, "title": hush, "body": hush });
    ada.on(server).done("postAnnouncement", announced, "cursor").await;
    let member = &household["household"]["viewerMember"]["id"];
    let chore = json!({ "householdId": home, "title": hush, "notes": hush, "roster": [member],
        "schedule": { "startDate": "2099-01-01" } });
    ada.on(server).done("createTask", chore, "cursor").await;
    let list = json!({ "householdId": home, "name": hush });
    let list = ada.on(server).done("createGroceryList", list, "list { id }").await["list"]["id"].clone();
    let bought = json!({ "listId": list, "text": hush });
    ada.on(server).done("addGroceryItems", bought, "cursor").await;
    let inbox = "{ viewer { notifications(first: 5) { nodes { cause } } } }";
    ada.on(server).query(inbox, json!({})).await;
    let profile = json!({ "displayName": format!("{hush} the second") });
    ada.on(server).done("updateProfile", profile, "clientMutationId").await;

    // What is refused is not told to the log either.
    let stranger = Client::new(&server.address(), Some(hush));
    for (document, variables) in [
        (format!("{{ {hush} }}"), json!({})),
        (format!("{{ viewer {{ email(a: \"{hush}\") "), json!({})),
        (format!("{{ household(id: \"{hush}\") {{ id }} }}"), json!({})),
        (document.to_owned(), json!({ "id": { hush: hush } })),
    ] {
        for client in [&anybody, &stranger, &ada.on(server)] {
            assert!(client.ask(&document, variables.clone()).await.unwrap().code().is_some(), "{document}");
        }
    }
    for path in [
        format!("/graphql?query={hush}"),
        format!("/{hush}"),
        format!("/unsubscribe/{hush}"),
        format!("/unsubscribe/{hush}.key-1.{hush}"),
    ] {
        stranger.get(&path).await.unwrap();
        stranger.post(&path).await.unwrap();
    }
    let _ = Socket::open(&server.address(), Some(hush)).await;
    tokens
}
