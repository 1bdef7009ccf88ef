//! Registering the five, and signing them in and out.

use super::cast::{Each, PASSWORD, Who};
use super::client::Client;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use std::net::SocketAddr;

const REGISTER: &str = "mutation($input: RegisterInput!) {
    answer: register(input: $input) { accepted userErrors { message } }
}";
const LOGIN: &str = "mutation($input: LoginInput!) { answer: login(input: $input) { token } }";
const LOGOUT: &str = "mutation { answer: logout(input: {}) { loggedOut } }";

#[derive(Deserialize)]
struct SignedIn {
    token: Option<String>,
}

/// Makes an account for everybody who has none, and signs them in on their first device.
pub(super) async fn register(server: SocketAddr) -> Result<Each<Client>> {
    let connect = || Client::connect(server);
    let mut people =
        Each([connect().await?, connect().await?, connect().await?, connect().await?, connect().await?]);
    for who in Who::ALL {
        let person = who.person();
        let input = json!({ "email": person.email, "password": PASSWORD, "displayName": person.name });
        people.of(who).tell::<IgnoredAny>(REGISTER, input).await?;
        let device = person.devices.first().copied().unwrap_or_default();
        sign_in(people.of(who), who, device).await?;
    }
    Ok(people)
}

/// Signs somebody in on a device, and returns the token.
pub(super) async fn sign_in(client: &mut Client, who: Who, device: &str) -> Result<String> {
    let email = who.person().email;
    try_sign_in(client, who, device).await?.with_context(|| {
        format!("{email} has another password here: give the demo a database of its own, with DATABASE_URL")
    })
}

/// The same; none if they have no account, or another password.
pub(super) async fn try_sign_in(client: &mut Client, who: Who, device: &str) -> Result<Option<String>> {
    let input = json!({ "email": who.person().email, "password": PASSWORD, "device": device });
    client.speak_for(None);
    let SignedIn { token } = client.tell(LOGIN, input).await?;
    client.speak_for(token.clone());
    Ok(token)
}

/// Signs somebody out on the device they use.
pub(super) async fn sign_out(client: &mut Client) -> Result<()> {
    client.ask::<IgnoredAny>(LOGOUT, json!({})).await.map(|_| ())
}
