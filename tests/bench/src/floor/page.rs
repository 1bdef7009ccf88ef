//! The dashboard, read over one connection into structs, which serde writes.

use super::Place;
use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, NaiveDate, SecondsFormat};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Pool};
use serde::Serialize;
use std::collections::HashMap;

type Id = Vec<u8>;
/// The chore, the occurrence, when it is due, its status, whose it is.
type Due = (Id, Id, Option<i32>, String, Option<Id>);

#[derive(Serialize)]
struct Answer {
    data: Data,
}

#[derive(Serialize)]
struct Data {
    household: Household,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Household {
    id: String,
    name: String,
    members: Nodes<Member>,
    tasks: Nodes<Task>,
    grocery_lists: Nodes<List>,
    general_conversation: Conversation,
}

#[derive(Serialize)]
struct Nodes<T> {
    nodes: Vec<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    id: String,
    display_name: String,
    role: String,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Person {
    id: String,
    display_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Task {
    id: String,
    title: String,
    weight: i32,
    open_occurrences: Vec<Occurrence>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Occurrence {
    id: String,
    due_date: Option<String>,
    status: String,
    assignee: Option<Person>,
}

#[derive(Serialize)]
struct List {
    id: String,
    name: String,
    items: Nodes<Item>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    id: String,
    name: String,
    state: String,
    is_urgent: bool,
}

#[derive(Serialize)]
struct Conversation {
    id: String,
    messages: Nodes<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    id: String,
    body: Option<String>,
    created_at: String,
    author: Person,
}

/// What every page begins with: that the user is a member, what the household is called, and its general conversation.
pub(super) async fn membership(pool: &Pool, place: Place) -> anyhow::Result<(Conn, String, Id)> {
    let mut conn = pool.get_conn().await?;
    let found: Option<(String, Id, i64)> = conn
        .exec_first(
            "SELECT h.name, c.id, s.head FROM members m JOIN households h ON h.id = m.household_id \
             JOIN household_streams s ON s.household_id = h.id \
             JOIN conversations c ON c.household_id = h.id AND c.kind = 'GENERAL' \
             WHERE m.household_id = ? AND m.user_id = ? AND m.status = 'ACTIVE'",
            (place.household.as_bytes(), place.user.as_bytes()),
        )
        .await?;
    let (name, conversation, _) = found.context("they are no member")?;
    Ok((conn, name, conversation))
}

pub(super) async fn page(pool: &Pool, place: Place) -> anyhow::Result<Vec<u8>> {
    let (mut conn, name, conversation) = membership(pool, place).await?;
    let household = place.household.as_bytes();
    let members: Vec<(Id, String, String)> = conn
        .exec(
            "SELECT m.id, u.display_name, m.role FROM members m JOIN users u ON u.id = m.user_id \
             WHERE m.household_id = ? AND m.status = 'ACTIVE' ORDER BY m.id LIMIT 51",
            (household,),
        )
        .await?;
    let tasks: Vec<(Id, String, i32)> = conn
        .exec(
            "SELECT id, title, weight FROM tasks WHERE household_id = ? AND archived_at IS NULL ORDER BY id LIMIT 51",
            (household,),
        )
        .await?;
    let occurrences: Vec<Due> = conn
        .exec(
            "SELECT task_id, id, due_on, status, assignee_id FROM occurrences \
             WHERE household_id = ? AND status = 'OPEN' ORDER BY due_at, id",
            (household,),
        )
        .await?;
    let lists: Vec<(Id, String)> = conn
        .exec(
            "SELECT id, name FROM grocery_lists WHERE household_id = ? AND archived_at IS NULL ORDER BY id LIMIT 11",
            (household,),
        )
        .await?;
    let items: Vec<(Id, Id, String, String, bool)> = conn
        .exec(
            "SELECT i.list_id, i.id, p.name, i.state, i.is_urgent FROM grocery_lists l \
             JOIN grocery_items i ON i.list_id = l.id JOIN grocery_products p ON p.id = i.product_id \
             WHERE l.household_id = ? AND i.is_listed = 1 ORDER BY i.place, i.id",
            (household,),
        )
        .await?;
    let mut messages: Vec<(Id, Option<String>, i64, Id)> = conn
        .exec(
            "SELECT id, body, created_at, author_id FROM messages WHERE conversation_id = ? ORDER BY seq DESC LIMIT 51",
            (&conversation,),
        )
        .await?;
    drop(conn);
    messages.truncate(50);
    messages.reverse();

    let id = |kind: u8, id: &[u8]| global(kind, household, id);
    let people: HashMap<&[u8], Person> = members
        .iter()
        .map(|(key, name, _)| (key.as_slice(), Person { id: id(b'M', key), display_name: name.clone() }))
        .collect();
    let mut open: HashMap<Id, Vec<Occurrence>> = HashMap::new();
    for (task, key, due_on, status, assignee) in occurrences {
        open.entry(task).or_default().push(Occurrence {
            id: id(b'O', &key),
            due_date: due_on.map(date),
            status,
            assignee: assignee.and_then(|key| people.get(key.as_slice()).cloned()),
        });
    }
    let mut listed: HashMap<Id, Vec<Item>> = HashMap::new();
    for (list, key, name, state, is_urgent) in items {
        listed.entry(list).or_default().push(Item { id: id(b'G', &key), name, state, is_urgent });
    }
    let mut told = Vec::with_capacity(messages.len());
    for (key, body, sent, author) in messages {
        let author = people.get(author.as_slice()).cloned().context("a message has an author")?;
        told.push(Message { id: id(b'T', &key), body, created_at: instant(sent), author });
    }
    let tasks = tasks.into_iter().map(|(key, title, weight)| Task {
        id: id(b'K', &key),
        title,
        weight,
        open_occurrences: open.remove(&key).unwrap_or_default(),
    });
    let lists = lists.into_iter().map(|(key, name)| List {
        id: id(b'L', &key),
        name,
        items: Nodes { nodes: listed.remove(&key).unwrap_or_default() },
    });
    let (tasks, lists) = (tasks.collect(), lists.collect());
    let members = members.iter().map(|(key, name, role)| Member {
        id: id(b'M', key),
        display_name: name.clone(),
        role: role.clone(),
    });
    let household = Household {
        id: URL_SAFE_NO_PAD.encode([b"H", household.as_slice()].concat()),
        name,
        members: Nodes { nodes: members.collect() },
        tasks: Nodes { nodes: tasks },
        grocery_lists: Nodes { nodes: lists },
        general_conversation: Conversation { id: id(b'C', &conversation), messages: Nodes { nodes: told } },
    };
    Ok(serde_json::to_vec(&Answer { data: Data { household } })?)
}

/// The global id of something in a household.
fn global(kind: u8, household: &[u8], id: &[u8]) -> String {
    let mut bytes = [0; 33];
    let parts = [kind].into_iter().chain(household.iter().copied()).chain(id.iter().copied());
    bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn date(days: i32) -> String {
    let date = NaiveDate::from_epoch_days(days).unwrap_or_default();
    date.format("%Y-%m-%d").to_string()
}

fn instant(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Micros, true)
}
