//! The last month's groceries: two stores, two lists, and somebody who goes on Wednesdays and Saturdays.

use super::cast::{Each, Who};
use super::chores::LENGTH;
use super::client::Client;
use super::home::Node;
use anyhow::{Context as _, Result};
use chrono::{Datelike as _, Days, NaiveDate, NaiveTime, Weekday};
use chrono_tz::Europe::Berlin;
use roomm8_db::Time;
use roomm8_db::task::recurrence;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// When they are in the store.
const SHOPPING: NaiveTime = NaiveTime::from_hms_opt(18, 0, 0).unwrap();
/// What kinds of things there are, in the household's order, and some of each.
const CATEGORIES: [(&str, &[&str]); 7] = [
    (
        "Obst & Gemüse 🥕",
        &["bananas", "tomatoes", "خيار", "1 kg Kartoffeln", "lemons", "1 bunch coriander", "小白菜"],
    ),
    ("Brot", &["sourdough bread", "rolls"]),
    ("Kühlregal", &["2 l milk", "hummus", "200 g butter", "6 eggs", "сметана"]),
    ("Trockenes", &["500 g spaghetti", "1 kg flour", "3 cans tomatoes, peeled", "दाल 1 kg", "rice 2 kg"]),
    ("Getränke", &["6 bottles water", "oat drink 2 l", "apple juice"]),
    ("Tiefkühl", &["frozen peas", "ice cream (no nuts!)"]),
    ("Haushalt", &["toilet paper", "dish soap", "AA batteries"]),
];
/// The market has these, in this order; the others are hidden.
const AT_THE_MARKET: [usize; 3] = [1, 0, 2];
/// Who lives on it and may not change it is a guest.
const SHOPPERS: [Who; 4] = [Who::Zoe, Who::Marina, Who::Layla, Who::Xiaoyu];

const CATEGORY: &str = "mutation($input: CreateGroceryCategoryInput!) {
    answer: createGroceryCategory(input: $input) { category { id } userErrors { message } }
}";
const STORE: &str = "mutation($input: CreateGroceryStoreInput!) {
    answer: createGroceryStore(input: $input) { store { id } userErrors { message } }
}";
const ORDER: &str = "mutation($input: OrderGrocerySectionsInput!) {
    answer: orderGrocerySections(input: $input) { userErrors { message } }
}";
const HIDE: &str = "mutation($input: HideGrocerySectionInput!) {
    answer: hideGrocerySection(input: $input) { userErrors { message } }
}";
const LIST: &str = "mutation($input: CreateGroceryListInput!) {
    answer: createGroceryList(input: $input) { list { id } userErrors { message } }
}";
const STAPLE: &str = "mutation($input: CreateGroceryStapleInput!) {
    answer: createGroceryStaple(input: $input) { userErrors { message } }
}";
const ADD: &str = "mutation($input: AddGroceryItemsInput!) {
    answer: addGroceryItems(input: $input) { results { item { id product { id category { id } } } } userErrors { message } }
}";
const KNOW: &str = "mutation($input: UpdateGroceryProductInput!) {
    answer: updateGroceryProduct(input: $input) { userErrors { message } }
}";
const TO_BUY: &str = "query($id: ID!) { answer: node(id: $id) { ... on GroceryList {
    items(first: 100, states: [OPEN]) { nodes { id } } } } }";
const TICK: &str = "mutation($input: SetGroceryItemStateInput!) {
    answer: setGroceryItemState(input: $input) { userErrors { message } }
}";
const FINISH: &str = "mutation($input: FinishGroceryTripInput!) {
    answer: finishGroceryTrip(input: $input) { userErrors { message } }
}";

/// The household's groceries, while they are being bought.
pub(super) struct Groceries {
    household: String,
    begins: NaiveDate,
    /// The categories' ids, and the two lists': of the supermarket and of the market.
    shelves: Option<(Vec<String>, [String; 2])>,
    /// The last day that was played.
    day: Option<NaiveDate>,
}

#[derive(Deserialize)]
struct OfCategory {
    category: Node,
}

#[derive(Deserialize)]
struct OfStore {
    store: Node,
}

#[derive(Deserialize)]
struct OfList {
    list: Node,
}

#[derive(Deserialize)]
struct Added {
    results: Vec<OfItem>,
}

#[derive(Deserialize)]
struct OfItem {
    item: AddedItem,
}

#[derive(Deserialize)]
struct AddedItem {
    product: AddedProduct,
}

#[derive(Deserialize)]
struct AddedProduct {
    id: String,
    category: Option<Node>,
}

#[derive(Deserialize)]
struct ToBuy {
    items: Nodes,
}

#[derive(Deserialize)]
struct Nodes {
    nodes: Vec<Node>,
}

impl Groceries {
    pub(super) fn new(household: String, ends: Time) -> Self {
        let begins = recurrence::local_date(ends.before(LENGTH), Berlin);
        Self { household, begins, shelves: None, day: None }
    }

    /// Plays every day that is over by now.
    pub(super) async fn play(&mut self, people: &mut Each<Client>, now: Time) -> Result<()> {
        let today = recurrence::local_date(now, Berlin);
        let mut day = self.day.map_or(self.begins, |last| last + Days::new(1));
        while day < today {
            self.spend(people, day).await?;
            self.day = Some(day);
            day = day + Days::new(1);
        }
        Ok(())
    }

    async fn spend(&mut self, people: &mut Each<Client>, day: NaiveDate) -> Result<()> {
        let (categories, lists) = match self.shelves.take() {
            Some(shelves) => shelves,
            None => self.furnish(people.of(Who::Marina)).await?,
        };
        let number = usize::try_from(day.num_days_from_ce()).unwrap_or(0);
        for wish in 0..2 {
            let mood = number * 5 + wish * 3;
            let (category, (_, things)) =
                CATEGORIES.iter().enumerate().cycle().nth(mood % 23).context("cyclic")?;
            let thing = things.get(mood % things.len()).context("there is some of each kind")?;
            let is_from_market = AT_THE_MARKET.contains(&category) && mood % 2 == 0;
            let list = if is_from_market { &lists[1] } else { &lists[0] };
            let who = shopper(mood);
            add(people.of(who), list, thing, categories.get(category)).await?;
        }
        match day.weekday() {
            Weekday::Wed => {
                shop(people.of(shopper(number)), &lists[0], day, number).await?;
            }
            Weekday::Sat => {
                shop(people.of(Who::Layla), &lists[1], day, number).await?;
                shop(people.of(shopper(number)), &lists[0], day, number + 1).await?;
            }
            _ => {}
        }
        self.shelves = Some((categories, lists));
        Ok(())
    }

    /// The stores, what stands where in them, and a list for each.
    async fn furnish(&self, client: &mut Client) -> Result<(Vec<String>, [String; 2])> {
        let mut categories = Vec::new();
        for (name, _) in CATEGORIES {
            let input = json!({ "householdId": self.household, "name": name });
            categories.push(client.tell::<OfCategory>(CATEGORY, input).await?.category.id);
        }
        let mut lists = Vec::new();
        for (store, list) in [("Supermarkt am Eck", "Einkauf"), ("Wochenmarkt 🌻", "Markt am Samstag")] {
            let input = json!({ "householdId": self.household, "name": store });
            let store = client.tell::<OfStore>(STORE, input).await?.store.id;
            let input = json!({ "householdId": self.household, "name": list, "storeId": store });
            let list = client.tell::<OfList>(LIST, input).await?.list.id;
            lists.push((store, list));
        }
        let [(_, supermarket), (stalls, market)] =
            <[_; 2]>::try_from(lists).map_err(|_| anyhow::anyhow!("there are two stores"))?;
        let order: Vec<_> = AT_THE_MARKET.iter().filter_map(|place| categories.get(*place)).collect();
        client.tell::<IgnoredAny>(ORDER, json!({ "storeId": stalls, "categoryIds": order })).await?;
        for category in categories.iter().filter(|category| !order.contains(category)) {
            let input = json!({ "storeId": stalls, "categoryId": category, "isHidden": true });
            client.tell::<IgnoredAny>(HIDE, input).await?;
        }
        let coffee = json!({ "listId": supermarket, "name": "coffee", "amounts": [{ "quantity": "500", "unit": "G" }],
            "schedule": { "startDate": self.begins.to_string(), "rule": "FREQ=WEEKLY;BYDAY=FR" } });
        client.tell::<IgnoredAny>(STAPLE, coffee).await?;
        Ok((categories, [supermarket, market]))
    }
}

/// Whose turn it is to go.
fn shopper(number: usize) -> Who {
    SHOPPERS.get(number % SHOPPERS.len()).copied().unwrap_or(Who::Zoe)
}

/// Puts something on a list; the first time, it is said what kind of thing it is.
async fn add(client: &mut Client, list: &str, thing: &str, category: Option<&String>) -> Result<()> {
    let added: Added = client.tell(ADD, json!({ "listId": list, "text": thing })).await?;
    for OfItem { item: AddedItem { product } } in added.results {
        if product.category.is_none() {
            let input = json!({ "productId": product.id, "categoryId": category });
            client.tell::<IgnoredAny>(KNOW, input).await?;
        }
    }
    Ok(())
}

/// Goes through a list in the order of its store. Now and then something is not to be had.
async fn shop(client: &mut Client, list: &str, day: NaiveDate, number: usize) -> Result<()> {
    let ToBuy { items } = client.ask(TO_BUY, json!({ "id": list })).await?;
    let Some(count) = items.nodes.len().checked_sub(1) else { return Ok(()) };
    let at = recurrence::due(day, Some(SHOPPING), Berlin).to_utc();
    for (place, item) in items.nodes.iter().enumerate() {
        let is_there = count == 0 || !(number + place).is_multiple_of(11);
        let state = if is_there { "BOUGHT" } else { "UNAVAILABLE" };
        let at = at + chrono::TimeDelta::minutes(i64::try_from(place).unwrap_or(0));
        let input: Value = json!({ "itemId": item.id, "state": state, "at": at.to_rfc3339() });
        client.tell::<IgnoredAny>(TICK, input).await?;
    }
    client.tell::<IgnoredAny>(FINISH, json!({ "listId": list })).await.map(|_| ())
}
