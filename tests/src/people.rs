//! Who uses RoomM8: people with an account, and the home they share.

use serde_json::{Value, json};

use crate::{client::Client, deployment::Running, server::Server, socket::Socket};

/// Somebody with an account, signed in on one device.
#[derive(Clone)]
pub struct Person {
    /// Their sign-in.
    pub email: String,
    /// Their password.
    pub password: String,
    /// The name others see.
    pub name: String,
    /// The session token of this device.
    pub token: String,
    /// Their `User` id.
    pub user: String,
    client: Client,
}

impl Person {
    /// Registers somebody nobody knows and signs them in.
    pub async fn new(system: &Running, name: &str) -> Self {
        let number: u64 = rand::random();
        let (email, password) = (address(name, number), password());
        let input = json!({ "email": email, "password": password, "displayName": name });
        system.a().anonymous().done("register", input, "accepted").await;
        Self::sign_in(system.a(), &email, &password).await
    }

    /// Signs in with a known address and password, which makes another session.
    pub async fn sign_in(server: &Server, email: &str, password: &str) -> Self {
        let input = json!({ "email": email, "password": password, "device": "a test" });
        let anonymous = server.anonymous();
        let answer = anonymous.done("login", input, "token viewer { user { id displayName } }").await;
        let token = text(&answer["token"]);
        let user = &answer["viewer"]["user"];
        Self {
            email: email.to_owned(),
            password: password.to_owned(),
            name: text(&user["displayName"]),
            client: Client::new(&server.address(), Some(&token)),
            token,
            user: text(&user["id"]),
        }
    }

    /// The same person on another device, which has a session of its own.
    pub async fn other_device(&self, server: &Server) -> Self {
        Self::sign_in(server, &self.email, &self.password).await
    }

    /// This person as a caller of one server.
    pub fn on(&self, server: &Server) -> Client {
        self.client.at(&server.address())
    }

    /// This person as a caller of the server at `host:port`.
    pub fn at(&self, address: &str) -> Client {
        self.client.at(address)
    }

    /// A socket of this person on which a subscription has been started.
    pub async fn follow(&self, server: &Server, document: &str, variables: Value) -> Socket {
        let mut socket = Socket::open(&server.address(), Some(&self.token)).await.unwrap();
        socket.subscribe(document, variables).await;
        socket
    }

    /// Founds a household and gives its id.
    pub async fn found(&self, server: &Server, name: &str) -> String {
        let input = json!({ "name": name, "timeZone": "Europe/Helsinki", "currency": "EUR" });
        text(&self.on(server).done("createHousehold", input, "household { id }").await["household"]["id"])
    }

    /// Accepts an invitation by its token.
    pub async fn join(&self, server: &Server, token: &str) -> Value {
        let selection = "household { id } member { id } alreadyMember";
        self.on(server).done("acceptInvitation", json!({ "token": token }), selection).await
    }
}

/// A household with its people; the first is the owner.
#[derive(Clone)]
pub struct Home {
    /// The `Household` id.
    pub id: String,
    /// The `Conversation` id of its general conversation.
    pub general: String,
    /// Its members.
    pub people: Vec<Person>,
}

const NAMES: [&str; 8] = ["Aino", "Bo", "Chloé", "Дарья", "Eun-ji", "فاطمة", "Gift", "浩"];

impl Home {
    /// A household of `size` people, all but the owner plain members.
    pub async fn new(system: &Running, size: usize) -> Self {
        let mut people = Vec::new();
        for number in 0..size {
            people.push(Person::new(system, NAMES[number % NAMES.len()]).await);
        }
        Self::of(system, people).await
    }

    /// A household of these people, founded by the first.
    pub async fn of(system: &Running, people: Vec<Person>) -> Self {
        let id = people[0].found(system.a(), "Kalliolinna 4 B").await;
        let document = "query($id: ID!) { household(id: $id) { generalConversation { id } } }";
        let household = people[0].on(system.a()).query(document, json!({ "id": id })).await;
        let general = text(&household["household"]["generalConversation"]["id"]);
        let home = Self { id, general, people };
        if home.people.len() > 1 {
            let token = home.invite(system.a(), "MEMBER", home.people.len() - 1).await;
            for person in &home.people[1..] {
                person.join(system.a(), &token).await;
            }
        }
        home
    }

    /// Its owner.
    pub fn owner(&self) -> &Person {
        &self.people[0]
    }

    /// Has the owner make an invitation and gives its token.
    pub async fn invite(&self, server: &Server, role: &str, uses: usize) -> String {
        let input = json!({ "householdId": self.id, "role": role, "maxUses": uses });
        text(&self.owner().on(server).done("createInvitation", input, "token").await["token"])
    }

    /// Somebody new with this role.
    pub async fn newcomer(&self, system: &Running, name: &str, role: &str) -> Person {
        let token = self.invite(system.a(), role, 1).await;
        let person = Person::new(system, name).await;
        person.join(system.a(), &token).await;
        person
    }

    /// The `Member` id of a person of this household.
    pub async fn member(&self, server: &Server, person: &Person) -> String {
        let document = "query($id: ID!) { household(id: $id) {
            members(first: 100, includeFormer: true) { nodes { id user { id } } } } }";
        let answer = self.owner().on(server).query(document, json!({ "id": self.id })).await;
        let members = answer["household"]["members"]["nodes"].as_array().expect("members are a list");
        let member = members.iter().find(|member| member["user"]["id"] == person.user.as_str());
        text(&member.expect("they are a member")["id"])
    }

    /// Where the household's log is now, as this person sees it.
    pub async fn cursor(&self, server: &Server, person: &Person) -> String {
        let document = "query($id: ID!) { household(id: $id) { cursor } }";
        text(&person.on(server).query(document, json!({ "id": self.id })).await["household"]["cursor"])
    }

    /// Sends a message to the general conversation and gives it.
    pub async fn say(&self, server: &Server, person: &Person, body: &str) -> Value {
        let input = json!({ "conversationId": self.general, "body": body });
        let selection = "message { id body version cursor author { id } } cursor";
        person.on(server).done("sendMessage", input, selection).await["message"].clone()
    }

    /// Removes a member and gives the removal's payload.
    pub async fn remove(&self, server: &Server, member: &str) -> Value {
        let input = json!({ "memberId": member });
        self.owner().on(server).done("removeMember", input, "member { id status }").await
    }
}

/// A string that must be one.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a string")).to_owned()
}

/// An address that nobody has yet.
pub fn address(name: &str, number: u64) -> String {
    let name: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    format!("{}-{number:016x}@example.org", name.to_lowercase())
}

/// A password that no list of common ones has.
pub fn password() -> String {
    format!("brass kettle {:016x}", rand::random::<u64>())
}
