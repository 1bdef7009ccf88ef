//! The household of the dashboard: six members, 32 chores, three lists of twenty things, and chat.

use roomm8_tests::Home;
use roomm8_tests::deployment::Running;
use roomm8_tests::people::text;
use serde_json::{Value, json};

/// Messages that were sent, of which the dashboard shows the newest 50.
const MESSAGES: usize = 80;

/// Makes it, through the API alone.
pub(crate) async fn furnished(system: &Running) -> Home {
    let home = Home::new(system, 6).await;
    let mut roster = Vec::new();
    for person in &home.people {
        roster.push(home.member(system.a(), person).await);
    }
    let of =
        |number: usize| home.people.get(number % home.people.len()).unwrap_or(home.owner()).on(system.a());
    for number in 0..32 {
        let input = json!({ "householdId": home.id, "title": format!("chore number {number}"), "roster": roster,
            "strategy": "ROUND_ROBIN", "weight": number, "schedule": { "startDate": "2040-01-01", "rule": "FREQ=WEEKLY" } });
        of(number).done("createTask", input, "task { id }").await;
    }
    for list in 0..3 {
        let input = json!({ "householdId": home.id, "name": format!("list number {list}") });
        let made = of(list).done("createGroceryList", input, "list { id }").await;
        let lines: Vec<_> = (0..20).map(|number| format!("thing {list}-{number}")).collect();
        let input = json!({ "listId": made.pointer("/list/id"), "text": lines.join("\n") });
        of(list).done("addGroceryItems", input, "cursor").await;
    }
    for number in 0..MESSAGES {
        let body =
            format!("message number {number}: who takes the bins down, and has anybody seen the big ladle?");
        let input = json!({ "conversationId": home.general, "body": body });
        of(number).done("sendMessage", input, "cursor").await;
    }
    home
}

/// The 16 bytes of a global id's last part, as a UUID.
pub(crate) fn uuid(id: &Value) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let bytes = URL_SAFE_NO_PAD.decode(text(id)).unwrap_or_default();
    let last = bytes.last_chunk::<16>().copied().unwrap_or_default();
    uuid::Uuid::from_bytes(last).to_string()
}
