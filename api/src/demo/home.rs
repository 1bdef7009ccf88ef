//! The household: moving in, and finding it again.

use super::accounts;
use super::cast::{Each, Opening, Place, Who};
use super::client::Client;
use anyhow::Result;
use roomm8_db::Time;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

const NAME: &str = "Weserstraße 40";
/// Its name until everything is in it: one that an interrupted demo leaves is not taken for the whole.
const NAME_WHILE_MOVING: &str = "Weserstraße 40 (moving in)";
/// From one step of moving in to the next.
const WHILE: Duration = Duration::from_mins(3);

const CREATE: &str = "mutation($input: CreateHouseholdInput!) {
    answer: createHousehold(input: $input) {
        household { id name generalConversation { id } } userErrors { message }
    }
}";
const RENAME: &str = "mutation($input: UpdateHouseholdInput!) {
    answer: updateHousehold(input: $input) { userErrors { message } }
}";
const INVITE: &str = "mutation($input: CreateInvitationInput!) {
    answer: createInvitation(input: $input) { code userErrors { message } }
}";
const ACCEPT: &str = "mutation($input: AcceptInvitationInput!) {
    answer: acceptInvitation(input: $input) { member { id } userErrors { message } }
}";
const OPEN_TOPIC: &str = "mutation($input: CreateConversationInput!) {
    answer: createConversation(input: $input) { conversation { id } userErrors { message } }
}";
const OPEN_DIRECT: &str = "mutation($input: OpenDirectConversationInput!) {
    answer: openDirectConversation(input: $input) { conversation { id } userErrors { message } }
}";
const HOUSEHOLDS: &str = "query {
    answer: viewer { households { id name generalConversation { id } } }
}";

/// Where the household and its general conversation are.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Home {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) general_conversation: Node,
}

/// Something with an id.
#[derive(Debug, Deserialize)]
pub(super) struct Node {
    pub(super) id: String,
}

#[derive(Deserialize)]
struct Viewer {
    households: Vec<Home>,
}

#[derive(Deserialize)]
struct Created {
    household: Home,
}

#[derive(Deserialize)]
struct Invited {
    code: String,
}

#[derive(Deserialize)]
struct Joined {
    member: Node,
}

#[derive(Deserialize)]
struct Opened {
    conversation: Node,
}

/// The household, if it is there already.
pub(super) async fn find(server: SocketAddr) -> Result<Option<Home>> {
    let mut client = Client::connect(server).await?;
    if accounts::try_sign_in(&mut client, Who::Zoe, super::DEVICE).await?.is_none() {
        return Ok(None);
    }
    let Viewer { households } = client.ask(HOUSEHOLDS, json!({})).await?;
    accounts::sign_out(&mut client).await?;
    Ok(households.into_iter().find(|home| home.name == NAME))
}

/// Everybody moves in, from this time on; returns the household and its conversations.
pub(super) async fn move_in(
    people: &mut Each<Client>,
    begins: Time,
) -> Result<(Home, HashMap<Place, String>)> {
    let mut clock = Clock(begins);
    let input = json!({ "name": NAME_WHILE_MOVING, "timeZone": "Europe/Berlin", "currency": "EUR" });
    let Created { household: home } = people.of(Who::Zoe).tell(CREATE, input).await?;
    let members = join(people, &home, &mut clock).await?;
    let mut conversations = HashMap::from([(Place::General, home.general_conversation.id.clone())]);
    for place in Place::ALL {
        clock.pass();
        if let Some(conversation) = open(people, &home, &members, place).await? {
            conversations.insert(place, conversation);
        }
    }
    Ok((home, conversations))
}

/// What the clock says while they move in.
struct Clock(Time);

impl Clock {
    /// A few minutes pass.
    fn pass(&mut self) {
        self.0 = self.0.after(WHILE);
        Time::set_clock(self.0);
    }
}

/// Zoë invites the others, and they come; returns the ids of their memberships.
async fn join(people: &mut Each<Client>, home: &Home, clock: &mut Clock) -> Result<Vec<(Who, String)>> {
    let mut members = Vec::new();
    for who in Who::ALL.into_iter().filter(|who| *who != Who::Zoe) {
        clock.pass();
        let code = invite(people.of(Who::Zoe), home, who.person().role).await?;
        clock.pass();
        let Joined { member } = people.of(who).tell(ACCEPT, json!({ "code": code })).await?;
        members.push((who, member.id));
    }
    Ok(members)
}

/// A code to join with.
pub(super) async fn invite(client: &mut Client, home: &Home, role: &str) -> Result<String> {
    let Invited { code } = client.tell(INVITE, json!({ "householdId": home.id, "role": role })).await?;
    Ok(code)
}

async fn open(
    people: &mut Each<Client>,
    home: &Home,
    members: &[(Who, String)],
    place: Place,
) -> Result<Option<String>> {
    let (opener, operation, input) = match place.opening() {
        Opening::WithHousehold => return Ok(None),
        Opening::Topic(opener, title) => {
            (opener, OPEN_TOPIC, json!({ "householdId": home.id, "title": title }))
        }
        Opening::Direct(opener, others) => {
            let invited = members.iter().filter(|(who, _)| others.contains(who));
            let ids: Value = invited.map(|(_, id)| id.as_str()).collect();
            (opener, OPEN_DIRECT, json!({ "householdId": home.id, "memberIds": ids }))
        }
    };
    let Opened { conversation } = people.of(opener).tell(operation, input).await?;
    Ok(Some(conversation.id))
}

/// Gives the household its name, once everything is in it.
pub(super) async fn complete(client: &mut Client, home: &mut Home) -> Result<()> {
    client.tell::<IgnoredAny>(RENAME, json!({ "householdId": home.id, "name": NAME })).await?;
    NAME.clone_into(&mut home.name);
    Ok(())
}
