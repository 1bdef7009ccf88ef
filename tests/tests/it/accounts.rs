//! Accounts and sessions: registration, sign-in, the life and end of a session.

use std::time::Duration;

use roomm8_tests::{
    Deployment, Heard, Home, Person, Socket, on_both,
    people::{address, password, text},
    server::Server,
    wait,
};
use serde_json::{Value, json};

on_both!(
    registering_a_known_address_answers_as_for_a_new_one,
    a_wrong_password_and_an_unknown_address_answer_alike,
    a_weak_password_is_refused,
    an_anonymous_caller_is_told_to_sign_in,
    a_revoked_session_ends_everywhere_within_a_second,
    signing_out_closes_only_that_device,
    a_new_password_signs_every_other_device_out,
    all_other_sessions_are_revoked_at_once,
    a_password_is_reset_by_letter_once,
    an_address_is_verified_by_letter,
    a_profile_is_changed_and_a_stale_change_refused,
    guessing_a_password_is_slowed_on_every_instance,
    nothing_private_is_logged,
);

const VIEWER: &str = "{ viewer { email emailVerified user { id displayName version }
    sessions { id device isCurrent createdAt expiresAt } } }";

/// How soon a session that was ended must be dead everywhere.
const REVOKED: Duration = Duration::from_secs(1);

async fn registering_a_known_address_answers_as_for_a_new_one(deployment: Deployment) {
    let system = deployment.system().await;
    let known = Person::new(&system, "Aino").await;
    let register = async |email: &str| {
        let input = json!({ "email": email, "password": password(), "displayName": "Somebody" });
        system.b().anonymous().mutate("register", input, "accepted userErrors { code field message }").await
    };
    let again = register(&known.email).await;
    assert_eq!(again, register(&address("new", rand::random())).await);
    assert_eq!(again["accepted"], true);
    // The second registration changed nothing: the first password still opens the account.
    let still = Person::sign_in(system.a(), &known.email, &known.password).await;
    assert_eq!((still.user, still.name), (known.user.clone(), known.name.clone()));
}

async fn a_wrong_password_and_an_unknown_address_answer_alike(deployment: Deployment) {
    let system = deployment.system().await;
    let known = Person::new(&system, "Bo").await;
    let sign_in = async |email: &str| {
        let input = json!({ "email": email, "password": password() });
        let selection = "token viewer { email } userErrors { code field message }";
        system.a().anonymous().mutate("login", input, selection).await
    };
    let wrong = sign_in(&known.email).await;
    assert_eq!(wrong, sign_in(&address("nobody", rand::random())).await);
    assert_eq!(wrong["userErrors"][0]["code"], "WRONG_CREDENTIALS");
    assert_eq!(wrong["token"], Value::Null);
}

async fn a_weak_password_is_refused(deployment: Deployment) {
    let system = deployment.system().await;
    let email = address("weak", rand::random());
    let refused = async |password: &str| {
        let input = json!({ "email": email, "password": password, "displayName": "Weak Willy" });
        system.a().anonymous().user_error("register", input).await
    };
    assert_eq!(refused("fourteen chars").await, "TOO_SHORT");
    assert_eq!(refused(&"long ".repeat(200)).await, "TOO_LONG");
    assert_eq!(refused("passwordpassword").await, "INVALID");
    assert_eq!(refused(&format!("{email} and more")).await, "INVALID");
}

async fn an_anonymous_caller_is_told_to_sign_in(deployment: Deployment) {
    let system = deployment.system().await;
    assert_eq!(system.a().anonymous().refusal(VIEWER, json!({})).await, "UNAUTHENTICATED");
    let input = json!({ "name": "Nowhere", "timeZone": "UTC", "currency": "EUR" });
    assert_eq!(system.a().anonymous().error("createHousehold", input).await, "UNAUTHENTICATED");
}

/// A socket that follows a household of this person on that server.
async fn listening(person: &Person, server: &Server, household: &str) -> Socket {
    let mut socket = Socket::open(&server.address(), Some(&person.token)).await.unwrap();
    let document = "subscription($id: ID!) { householdEvents(householdId: $id) { kind cursor } }";
    socket.subscribe(document, json!({ "id": household })).await;
    let first = socket.next(Duration::from_secs(10)).await;
    assert_eq!(first["householdEvents"]["kind"], "SUBSCRIBED");
    socket
}

/// The socket closes with 4401, after at most one subscription error that says why.
async fn assert_signed_out(socket: &mut Socket) {
    let end = std::time::Instant::now() + REVOKED;
    loop {
        let left = end.saturating_duration_since(std::time::Instant::now());
        match socket.hear_within(left).await {
            Some(Heard::Closed { code: Some(4401), .. }) => return,
            Some(heard) if heard.error_code() == Some("SESSION_ENDED") => {}
            heard => panic!("the socket was to close with 4401 within {REVOKED:?}, but {heard:?}"),
        }
    }
}

async fn assert_no_longer_known(person: &Person, servers: &[Server]) {
    for server in servers {
        let client = person.on(server);
        wait::until_so(REVOKED, "the session was refused", async || {
            client.ask(VIEWER, json!({})).await.is_ok_and(|answer| answer.code() == Some("UNAUTHENTICATED"))
        })
        .await;
    }
}

async fn a_revoked_session_ends_everywhere_within_a_second(deployment: Deployment) {
    let system = deployment.system().await;
    let phone = Person::new(&system, "Chloé").await;
    let household = phone.found(system.a(), "Rue du Four").await;
    let laptop = phone.other_device(system.b()).await;
    let mut on_the_other = listening(&laptop, system.b(), &household).await;
    let mut on_the_same = listening(&laptop, system.a(), &household).await;
    let mut kept = listening(&phone, system.b(), &household).await;

    let sessions = phone.on(system.a()).query(VIEWER, json!({})).await["viewer"]["sessions"].clone();
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let other = sessions.iter().find(|session| session["isCurrent"] == false).unwrap();
    assert_eq!(other["device"], "a test");
    let input = json!({ "sessionId": other["id"] });
    let revoked = phone.on(system.a()).done("revokeSession", input, "revokedSessionId").await;
    assert_eq!(revoked["revokedSessionId"], other["id"]);

    assert_signed_out(&mut on_the_other).await;
    assert_signed_out(&mut on_the_same).await;
    assert_no_longer_known(&laptop, &system.servers).await;
    assert!(Socket::open(&system.b().address(), Some(&laptop.token)).await.is_err());
    // The device that revoked is untouched.
    kept.ping().await;
    assert_eq!(kept.hear_within(Duration::from_secs(5)).await, Some(Heard::Pong));
}

async fn signing_out_closes_only_that_device(deployment: Deployment) {
    let system = deployment.system().await;
    let phone = Person::new(&system, "Gift").await;
    let household = phone.found(system.a(), "Number 9").await;
    let laptop = phone.other_device(system.a()).await;
    let mut laptop_socket = listening(&laptop, system.b(), &household).await;
    let mut phone_socket = listening(&phone, system.b(), &household).await;
    let out = laptop.on(system.a()).mutate("logout", json!({}), "loggedOut").await;
    assert_eq!(out["loggedOut"], true);
    assert_signed_out(&mut laptop_socket).await;
    assert_no_longer_known(&laptop, &system.servers).await;
    phone_socket.ping().await;
    assert_eq!(phone_socket.hear_within(Duration::from_secs(5)).await, Some(Heard::Pong));
}

async fn a_new_password_signs_every_other_device_out(deployment: Deployment) {
    let system = deployment.system().await;
    let phone = Person::new(&system, "Дарья").await;
    let household = phone.found(system.a(), "Дом 7").await;
    let laptop = phone.other_device(system.a()).await;
    let mut laptop_socket = listening(&laptop, system.b(), &household).await;
    let new = password();

    let wrong = json!({ "currentPassword": password(), "newPassword": new });
    assert_eq!(phone.on(system.a()).user_error("changePassword", wrong).await, "WRONG_CREDENTIALS");
    let input = json!({ "currentPassword": phone.password, "newPassword": new });
    let changed = phone.on(system.a()).done("changePassword", input, "token viewer { email }").await;

    assert_signed_out(&mut laptop_socket).await;
    assert_no_longer_known(&laptop, &system.servers).await;
    let token = text(&changed["token"]);
    assert_ne!(token, phone.token);
    let client = roomm8_tests::Client::new(&system.b().address(), Some(&token));
    assert_eq!(client.query(VIEWER, json!({})).await["viewer"]["email"], phone.email.as_str());
    let old = json!({ "email": phone.email, "password": phone.password });
    assert_eq!(system.b().anonymous().user_error("login", old).await, "WRONG_CREDENTIALS");
    Person::sign_in(system.b(), &phone.email, &new).await;
}

async fn all_other_sessions_are_revoked_at_once(deployment: Deployment) {
    let system = deployment.system().await;
    let phone = Person::new(&system, "Eun-ji").await;
    let others = [phone.other_device(system.a()).await, phone.other_device(system.b()).await];
    let revoked = phone.on(system.a()).done("revokeOtherSessions", json!({}), "revokedCount").await;
    assert_eq!(revoked["revokedCount"], 2);
    for other in &others {
        assert_no_longer_known(other, &system.servers).await;
    }
    let left = phone.on(system.b()).query(VIEWER, json!({})).await["viewer"]["sessions"].clone();
    assert_eq!(left.as_array().map(Vec::len), Some(1));
}

async fn a_password_is_reset_by_letter_once(deployment: Deployment) {
    let system = deployment.system().await;
    let person = Person::new(&system, "浩").await;
    let ask = async |email: &str| {
        let input = json!({ "email": email });
        system.a().anonymous().mutate("requestPasswordReset", input, "accepted").await
    };
    assert_eq!(ask(&person.email).await, ask(&address("nobody", rand::random())).await);
    let is_reset =
        |letter: &Value| letter["kind"].as_str().is_some_and(|kind| kind.to_lowercase().contains("reset"));
    let token = system.token_in_letter(&person.email, is_reset).await;

    let new = password();
    let input = json!({ "token": token, "newPassword": new });
    system.b().anonymous().done("resetPassword", input.clone(), "accepted").await;
    assert_no_longer_known(&person, &system.servers).await;
    assert_eq!(system.a().anonymous().user_error("resetPassword", input).await, "TOKEN_INVALID");
    Person::sign_in(system.a(), &person.email, &new).await;
}

async fn an_address_is_verified_by_letter(deployment: Deployment) {
    let system = deployment.system().await;
    let person = Person::new(&system, "فاطمة").await;
    let is_verification =
        |letter: &Value| letter["kind"].as_str().is_some_and(|kind| kind.to_lowercase().contains("verif"));
    let token = system.token_in_letter(&person.email, is_verification).await;
    let verified =
        async || person.on(system.a()).query(VIEWER, json!({})).await["viewer"]["emailVerified"].clone();
    assert_eq!(verified().await, false);
    system.b().anonymous().done("verifyEmail", json!({ "token": token }), "accepted").await;
    assert_eq!(verified().await, true);
}

async fn a_profile_is_changed_and_a_stale_change_refused(deployment: Deployment) {
    let system = deployment.system().await;
    let person = Person::new(&system, "Old Name").await;
    let viewer = person.on(system.a()).query(VIEWER, json!({})).await;
    let version = &viewer["viewer"]["user"]["version"];
    let input = json!({ "displayName": "  Ñandú  ", "expectedVersion": version });
    let changed =
        person.on(system.a()).done("updateProfile", input, "viewer { user { displayName version } }").await;
    assert_eq!(changed["viewer"]["user"]["displayName"], "Ñandú");
    let stale = json!({ "displayName": "Too Late", "expectedVersion": version });
    let selection = "viewer { user { displayName } } userErrors { code }";
    let conflict = person.on(system.b()).mutate("updateProfile", stale, selection).await;
    assert_eq!(conflict["userErrors"][0]["code"], "CONFLICT");
    assert_eq!(
        conflict["viewer"]["user"]["displayName"], "Ñandú",
        "the current state comes with the conflict"
    );
}

async fn guessing_a_password_is_slowed_on_every_instance(deployment: Deployment) {
    let system = deployment.own().with("THROTTLE", "on").start().await;
    let person = Person::new(&system, "Aino").await;
    let mut guesses = 0;
    let document = roomm8_tests::client::mutation("login", "token userErrors { code }");
    let attempt = async |password: &str, server: &Server| {
        let input = json!({ "email": person.email, "password": password });
        server.anonymous().ask(&document, json!({ "input": input })).await.unwrap()
    };
    for number in 0..12 {
        let answer = attempt(&password(), &system.servers[number % system.servers.len()]).await;
        if answer.code() == Some("RATE_LIMITED") {
            break;
        }
        assert_eq!(answer.body["data"]["login"]["userErrors"][0]["code"], "WRONG_CREDENTIALS", "{answer:?}");
        guesses += 1;
    }
    assert!((1..=6).contains(&guesses), "{guesses} guesses were let through");
    // Slowed is the account, wherever and with whatever password it is tried.
    for server in &system.servers {
        assert_eq!(attempt(&person.password, server).await.code(), Some("RATE_LIMITED"));
    }
    // Whoever is signed in is not disturbed.
    person.on(system.b()).query(VIEWER, json!({})).await;
}

async fn nothing_private_is_logged(deployment: Deployment) {
    let system = deployment.own().with("LOG", "debug").start().await;
    let home = Home::new(&system, 2).await;
    let person = &home.people[1];
    home.say(system.a(), person, "a-canary-in-a-message").await;
    let mut socket = listening(person, system.b(), &home.id).await;
    socket
        .subscribe("subscription { a-canary-in-a-document }", json!({ "v": "a-canary-in-a-variable" }))
        .await;
    let wrong = json!({ "email": person.email, "password": "a-canary-as-a-password" });
    system.b().anonymous().user_error("login", wrong).await;
    let end = socket.hear_within(Duration::from_secs(5)).await;
    assert_eq!(end.as_ref().and_then(Heard::error_code), Some("GRAPHQL_PARSE_FAILED"), "{end:?}");
    let broken = system.a().anonymous().ask("{ a-canary-in-a-query }", json!({})).await.unwrap();
    assert_eq!(broken.code(), Some("GRAPHQL_PARSE_FAILED"));
    person.on(system.a()).mutate("logout", json!({}), "loggedOut").await;
    assert_signed_out(&mut socket).await;
    for server in &system.servers {
        let log = server.log();
        for secret in ["a-canary", &person.token, &person.password] {
            assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
        }
    }
}
