//! A thousand races for a thousand occurrences, between two people on two instances.

use super::make;
use roomm8_tests::{Client, Deployment, Home, on_both, people::text};
use serde_json::{Value, json};
use std::collections::HashMap;

on_both!(a_thousand_races_make_a_thousand_lines_of_history);

const RACES: usize = 1000;

const CLOSED: &str =
    "occurrence { id number status doneAt note doneBy { id } task { openOccurrences { id number } } }
    userErrors { code }";

async fn close(client: &Client, occurrence: &str, note: &str) -> Value {
    let input = json!({ "occurrenceId": occurrence, "note": note });
    client.mutate("completeOccurrence", input, CLOSED).await
}

async fn a_thousand_races_make_a_thousand_lines_of_history(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let (aino, bo) = (home.owner().on(system.a()), home.people[1].on(system.b()));
    let members =
        [home.member(system.a(), home.owner()).await, home.member(system.a(), &home.people[1]).await];
    let task = make(&home, system.a(), json!({ "strategy": "LEAST_DONE", "roster": members })).await;

    let mut at_stake = text(&task["openOccurrences"][0]["id"]);
    let mut wins: HashMap<String, usize> = HashMap::new();
    for number in 1..=RACES {
        let (one, other) =
            tokio::join!(close(&aino, &at_stake, "Aino was first"), close(&bo, &at_stake, "Bo was first"));
        let is_ainos = one["userErrors"] == json!([]);
        let (won, lost) = if is_ainos { (&one, &other) } else { (&other, &one) };
        assert_eq!(won["userErrors"], json!([]), "nobody won {number}: {one} {other}");
        assert_eq!(lost["userErrors"], json!([{ "code": "ALREADY_CLOSED" }]), "both won {number}");
        let first = &won["occurrence"];
        for field in ["id", "number", "status", "doneAt", "note", "doneBy"] {
            assert_eq!(
                lost["occurrence"][field], first[field],
                "the loser of {number} was told another {field}"
            );
        }
        let winner = if is_ainos { &members[0] } else { &members[1] };
        assert_eq!((&first["number"], &first["doneBy"]["id"]), (&json!(number), &json!(winner)));
        *wins.entry(winner.clone()).or_default() += 1;
        let successors = first["task"]["openOccurrences"].as_array().unwrap();
        assert_eq!(successors.len(), 1, "{number} has these successors: {successors:?}");
        assert_eq!(successors[0]["number"], number + 1);
        at_stake = text(&successors[0]["id"]);
    }

    let mut credits: HashMap<String, usize> = HashMap::new();
    let mut numbers = Vec::new();
    let mut after = Value::Null;
    loop {
        let document =
            "query($id: ID!, $after: Cursor) { task(id: $id) { history(first: 100, after: $after) {
            nodes { number doneBy { id } } pageInfo { hasNextPage endCursor } } } }";
        let page = aino.query(document, json!({ "id": task["id"], "after": after })).await;
        let history = &page["task"]["history"];
        for line in history["nodes"].as_array().unwrap() {
            numbers.push(line["number"].as_u64().unwrap());
            *credits.entry(text(&line["doneBy"]["id"])).or_default() += 1;
        }
        if history["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = history["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(numbers, (1..=RACES as u64).rev().collect::<Vec<_>>());
    assert_eq!(credits, wins);
}
