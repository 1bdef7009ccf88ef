//! Phones that lose their network, and servers that are killed while phones speak to them: every wish is granted once, and
//! every phone comes to show what there is.

use futures_util::future::join_all;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use roomm8_tests::{Deployment, Home, Person, Socket, on_both, people::text, scale, wait};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

on_both!(wishes_outlive_lost_answers_and_killed_servers);

/// How many wishes each phone has.
const WISHES: usize = 24;
const NAMES: [&str; 4] = ["milk", "Eggs", "牛奶", "crème fraîche"];
const SOON: Duration = Duration::from_secs(20);

const SYNC: &str = "mutation($input: SyncGroceryListInput!) { syncGroceryList(input: $input) {
    results { effect item { id } error { code } }
    changes { cursor isWhole removedItemIds items { id name version state amounts { quantity unit } } }
    userErrors { code field message } } }";
const LIST: &str =
    "query($id: ID!) { node(id: $id) { ... on GroceryList { openCount unavailableCount boughtCount
    items(first: 100) { nodes { id name version state amounts { quantity unit } } } } } }";
const FOLLOW: &str =
    "subscription($id: ID!, $after: Cursor) { groceries(householdId: $id, after: $after) { kind } }";

/// A phone: what it shows, and what it still has to send.
struct Phone<'a> {
    person: &'a Person,
    addresses: &'a [String],
    list: &'a str,
    rng: StdRng,
    name: String,
    queue: Vec<Value>,
    shown: BTreeMap<String, Value>,
    cursor: Option<Value>,
    /// What came of each wish that was heard of.
    told: BTreeMap<String, Value>,
    added: usize,
    /// How many answers all of them have heard.
    heard: &'a AtomicUsize,
}

impl Phone<'_> {
    fn wish(&mut self, number: usize) {
        let id = format!("wish-{number}");
        let seen = self.shown.len();
        let wish = if seen == 0 || self.rng.random_range(0..10) < 5 {
            self.added += 1;
            let name = NAMES[self.rng.random_range(0..NAMES.len())];
            json!({ "id": id, "add": { "name": name, "amounts": [{ "quantity": "1", "unit": "PIECE" }] } })
        } else {
            let item = self.shown.values().nth(self.rng.random_range(0..seen)).expect("it is shown");
            let state = ["OPEN", "BOUGHT", "UNAVAILABLE"][self.rng.random_range(0..3)];
            let set = json!({ "itemId": item["id"], "state": state, "baseVersion": item["version"] });
            json!({ "id": id, "setState": set })
        };
        self.queue.push(wish);
    }

    /// Sends all it has to some server. Nothing is known of what came of it if nobody answers.
    async fn sync(&mut self) -> bool {
        let address = &self.addresses[self.rng.random_range(0..self.addresses.len())];
        let input = json!({ "listId": self.list, "queueId": self.name, "since": self.cursor,
            "operations": self.queue });
        let client = self.person.at(address).patient_for(Duration::from_secs(5));
        let Ok(answer) = client.ask(SYNC, json!({ "input": input })).await else { return false };
        if answer.is_passing() {
            return false;
        }
        let payload = &answer.body["data"]["syncGroceryList"];
        assert_eq!(payload["userErrors"], json!([]), "{}", answer.body);
        // One in four answers is lost on its way.
        if self.rng.random_range(0..4) == 0 {
            return false;
        }
        for (wish, result) in self.queue.iter().zip(payload["results"].as_array().expect("a result for each"))
        {
            assert_ne!(result["effect"], "REJECTED", "{wish}: {result}");
            self.told.insert(text(&wish["id"]), result["effect"].clone());
        }
        self.queue.clear();
        self.hear(&payload["changes"]);
        self.heard.fetch_add(1, Ordering::Relaxed);
        true
    }

    fn hear(&mut self, changes: &Value) {
        if changes["isWhole"] == true {
            self.shown.clear();
        }
        for gone in changes["removedItemIds"].as_array().expect("a list") {
            self.shown.remove(&text(gone));
        }
        for item in changes["items"].as_array().expect("a list") {
            self.shown.insert(text(&item["id"]), item.clone());
        }
        self.cursor = Some(changes["cursor"].clone());
    }

    /// Wishes and sends, now and then, until all was heard of.
    async fn live(&mut self) {
        for number in 0..WISHES {
            self.wish(number);
            if self.rng.random_range(0..3) == 0 {
                self.sync().await;
            }
        }
        for _ in 0..200 {
            if self.queue.is_empty() {
                return;
            }
            if !self.sync().await {
                // A server that was killed is back in a moment.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        panic!("{} could not send all it had", self.name);
    }
}

async fn wishes_outlive_lost_answers_and_killed_servers(deployment: Deployment) {
    let system = deployment.own().heavy().start().await;
    let home = Home::new(&system, 6).await;
    let addresses = system.addresses();
    for round in 0..scale() {
        let input = json!({ "householdId": home.id, "name": "Groceries" });
        let list = home.owner().on(system.a()).done("createGroceryList", input, "list { id }").await;
        let list = text(&list["list"]["id"]);
        let start = home.cursor(system.a(), home.owner()).await;
        let heard = AtomicUsize::new(0);
        let mut phones: Vec<_> = home
            .people
            .iter()
            .enumerate()
            .map(|(number, person)| Phone {
                person,
                addresses: &addresses,
                list: &list,
                rng: StdRng::seed_from_u64((round * 100 + number) as u64),
                name: format!("phone-{round}-{number}"),
                queue: Vec::new(),
                shown: BTreeMap::new(),
                cursor: None,
                told: BTreeMap::new(),
                added: 0,
                heard: &heard,
            })
            .collect();
        let killing = async {
            for (number, server) in system.servers.iter().enumerate() {
                let enough = 4 * (number + 1);
                wait::until_so(SOON, "phones are heard", async || heard.load(Ordering::Relaxed) >= enough)
                    .await;
                server.kill();
                server.restart().await;
            }
        };
        tokio::join!(killing, join_all(phones.iter_mut().map(Phone::live)));

        let served = home.owner().on(system.a()).query(LIST, json!({ "id": list })).await["node"].clone();
        let items = served["items"]["nodes"].as_array().expect("items are a list").clone();
        let there: BTreeMap<_, _> = items.iter().map(|item| (text(&item["id"]), item.clone())).collect();
        for phone in &mut phones {
            // Twice, as an answer can be lost once more.
            while !phone.sync().await {}
            assert_eq!(phone.shown, there, "{} shows what there is", phone.name);
            assert_eq!(phone.told.len(), WISHES);
        }
        let added: usize = phones.iter().map(|phone| phone.added).sum();
        let pieces: u64 =
            items.iter().map(|item| text(&item["amounts"][0]["quantity"]).parse::<u64>().unwrap()).sum();
        assert_eq!(pieces, added as u64, "each was added once");
        for (state, count) in
            [("OPEN", "openCount"), ("UNAVAILABLE", "unavailableCount"), ("BOUGHT", "boughtCount")]
        {
            let counted = items.iter().filter(|item| item["state"] == state).count();
            assert_eq!(served[count], counted, "{count}");
        }
        // And each was told once.
        let input = json!({ "listId": list, "isUrgent": true });
        home.owner().on(system.a()).done("updateGroceryList", input, "cursor").await;
        let mut follower =
            Socket::open(&system.servers[0].address(), Some(&home.owner().token)).await.expect("a socket");
        follower.subscribe(FOLLOW, json!({ "id": home.id, "after": start })).await;
        let told =
            follower.next_until(SOON, |event| event["groceries"]["kind"] == "GROCERY_LIST_UPDATED").await;
        let is_addition = |event: &&Value| {
            ["GROCERY_ITEM_ADDED", "GROCERY_ITEM_MERGED"]
                .iter()
                .any(|kind| event["groceries"]["kind"] == **kind)
        };
        assert_eq!(told.iter().filter(is_addition).count(), added);
    }
}
