//! The widest query asks the database a fixed number of questions, however much there is to show.

use std::time::Duration;

use chrono::{Days, Utc};
use mysql_async::prelude::Queryable;
use roomm8_tests::{Deployment, Home, Person, Socket, deployment::Plan, on_both, on_mysql, server::Server};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);

on_mysql!(what_is_done_again_is_prepared_already);

on_both!(
    the_dashboard_takes_the_same_statements_for_few_rows_and_many,
    chores_take_the_same_statements_for_few_rows_and_many,
    conversations_take_the_same_statements_for_few_and_many,
    an_inbox_takes_the_same_statements_for_few_entries_and_many,
    who_is_there_takes_the_same_statements_for_few_rows_and_many,
    groceries_take_the_same_statements_for_few_rows_and_many,
    an_event_of_a_chore_is_read_once_for_all_who_follow,
);

const DASHBOARD: &str = "query($id: ID!) { household(id: $id) {
    name unreadCount mentionCount
    members(first: 50) { nodes { displayName role user { displayName } presence } }
    generalConversation { unreadCount
        messages(last: 50) { nodes { body createdAt
            author { displayName user { displayName } } mentions { displayName }
            replyTo { body author { displayName } }
            reactions { emoji count viewerReacted } } } } } }";

const CONVERSATIONS: &str = "query($id: ID!) { household(id: $id) { conversations(first: 20) { nodes {
    title unreadCount muteLevel
    messages(last: 3) { nodes { body author { displayName } readBy { displayName } reactions { emoji count } } } } } } }";

const INBOX: &str = "{ viewer { notificationCounts { unread } notifications(first: 50) { nodes { cause count
    household { name } actor { displayName user { displayName } }
    subject { ... on Message { body author { displayName } } ... on Session { device }
        ... on Occurrence { task { title } assignee { displayName } } } } } } }";

const CHORES: &str = "query($id: ID!) { household(id: $id) {
    tasks(first: 20) { nodes { title household { name }
        roster { displayName user { displayName } } createdBy { displayName }
        openOccurrences { dueDate assignee { displayName } ownedBy { displayName } task { title } } } }
    occurrences(first: 50, orderBy: DUE_DESC) { nodes { status
        task { title household { name } createdBy { displayName } openOccurrences { dueAt } }
        assignee { displayName user { displayName } } doneBy { displayName } closedBy { displayName } } }
    closed: occurrences(first: 20, orderBy: CLOSED_DESC) { nodes { task { roster { displayName } } } } } }";

const HISTORIES: &str = "query($id: ID!) { household(id: $id) { tasks(first: 20) { nodes { title
    history(first: 2) { nodes { number status doneBy { displayName } task { title } } }
    open: occurrences(first: 2, filter: { statuses: [OPEN] }) { nodes { dueAt assignee { displayName } } }
    overdue: occurrences(last: 2, filter: { overdue: true }) { nodes { dueAt } } } } } }";

const PRESENCE: &str = "query($id: ID!) { household(id: $id) {
    members(first: 50) { nodes { displayName absences { from until openChores } } }
    fairness(from: \"2026-01-01\", to: \"2026-12-31\") { parts { share member { displayName user { displayName } } } }
    leavePreview { openCount occurrences { task { title } assignee { displayName } } tasks { title roster { displayName } } } } }";

const GROCERIES: &str = "query($id: ID!, $since: Cursor!) { household(id: $id) {
    groceryCategories { name } groceryStores { name learnedOrder { name } sections { isPlaced category { name } } }
    groceryLists(first: 3) { nodes { name openCount unavailableCount boughtCount store { name }
        assignee { displayName user { displayName } } createdBy { displayName } household { name }
        items(first: 30) { nodes { name note amounts { quantity unit } list { name } category { name }
            product { unit category { name } } assignee { displayName } addedBy { displayName }
            stateBy { displayName } } }
        changes { isWhole items { name product { unit } addedBy { displayName } } removedItemIds }
        changed: changes(since: $since) { isWhole items { name } removedItemIds }
        suggestions(first: 5) { reason product { name category { name } } boughtWith { name } }
        trips(last: 3) { nodes { itemCount store { name } finishedBy { displayName } items(first: 5) { nodes { name } } } } } }
    groceryTrips(first: 10) { nodes { itemCount list { name } store { name } finishedBy { displayName }
        items(first: 10) { nodes { name trip { itemCount } stateBy { displayName } } } } }
    groceryStaples(first: 10) { nodes { list { name } product { name category { name } } createdBy { displayName } } } } }";

/// One process, which keeps no answers: it reads what it is asked.
fn reading(deployment: Deployment) -> Plan {
    deployment.own().servers(1).with("ANSWER_BYTES", "0")
}

/// The counter of statements that requests have sent to the database.
const STATEMENTS: &str = "roomm8_db_request_statements_total";
/// The counter of all statements, those among them that tell events.
const ALL_STATEMENTS: &str = "roomm8_db_statements_total";

async fn the_dashboard_takes_the_same_statements_for_few_rows_and_many(deployment: Deployment) {
    let system = reading(deployment).start().await;
    let server = system.a();
    let few = Home::new(&system, 2).await;
    fill(&system, &few, 2).await;
    let many = Home::new(&system, 8).await;
    fill(&system, &many, 48).await;

    assert_alike(server, DASHBOARD, &few, &many, 16.0).await;
}

async fn conversations_take_the_same_statements_for_few_and_many(deployment: Deployment) {
    let system = reading(deployment).start().await;
    let mut homes = Vec::new();
    for (people, conversations) in [(2, 1), (4, 9)] {
        let home = Home::new(&system, people).await;
        let general = json!({ "conversation": { "id": home.general } });
        let mut made = vec![general];
        for number in 1..conversations {
            let input = json!({ "householdId": home.id, "title": format!("conversation {number}") });
            let owner = home.owner().on(system.a());
            made.push(owner.done("createConversation", input, "conversation { id }").await);
        }
        for (number, conversation) in made.iter().enumerate() {
            let person = home.people[number % home.people.len()].on(system.a());
            let input = json!({ "conversationId": conversation["conversation"]["id"], "body": "hello" });
            person.done("sendMessage", input, "cursor").await;
        }
        homes.push(home);
    }
    assert_alike(system.a(), CONVERSATIONS, &homes[0], &homes[1], 11.0).await;
}

async fn an_inbox_takes_the_same_statements_for_few_entries_and_many(deployment: Deployment) {
    let system = reading(deployment).start().await;
    let mut homes = Vec::new();
    for households in [1, 6] {
        let reader = Person::new(&system, "Reader").await;
        let own = Home::of(&system, vec![reader.clone()]).await;
        for number in 0..households {
            let owner = Person::new(&system, &format!("Owner {number}")).await;
            let home = Home::of(&system, vec![owner, reader.clone()]).await;
            home.say(system.a(), home.owner(), &format!("@{} hello", reader.name)).await;
            let input = json!({ "householdId": home.id, "title": "dishes", "strategy": "FIXED",
                "roster": [home.member(system.a(), &reader).await], "schedule": { "startDate": "2026-01-01" } });
            let owner = home.owner().on(system.a());
            let made = owner.done("createTask", input, "task { openOccurrences { id } }").await;
            let occurrence = json!({ "occurrenceId": made["task"]["openOccurrences"][0]["id"] });
            owner.done("nudgeOccurrence", occurrence, "cursor").await;
            let device = format!("device {number}");
            let input = json!({ "email": reader.email, "password": reader.password, "device": device });
            system.a().anonymous().done("login", input, "token").await;
        }
        homes.push(own);
    }
    assert_alike(system.a(), INBOX, &homes[0], &homes[1], 14.0).await;
}

async fn chores_take_the_same_statements_for_few_rows_and_many(deployment: Deployment) {
    let system = reading(deployment).start().await;
    let few = Home::new(&system, 2).await;
    keep_house(&system, &few, 3).await;
    let many = Home::new(&system, 8).await;
    keep_house(&system, &many, 16).await;
    assert_alike(system.a(), CHORES, &few, &many, 10.0).await;
    assert_alike(system.a(), HISTORIES, &few, &many, 8.0).await;
}

async fn who_is_there_takes_the_same_statements_for_few_rows_and_many(deployment: Deployment) {
    let system = reading(deployment).start().await;
    let mut homes = Vec::new();
    for (people, chores) in [(2, 2), (8, 16)] {
        let home = Home::new(&system, people).await;
        keep_house(&system, &home, chores).await;
        for (number, person) in home.people.iter().enumerate() {
            let day = (Utc::now().date_naive() + Days::new(30 + number as u64)).to_string();
            let input = json!({ "householdId": home.id, "from": day, "until": day, "openChores": "KEEP" });
            person.on(system.a()).done("setAway", input, "cursor").await;
        }
        homes.push(home);
    }
    assert_alike(system.a(), PRESENCE, &homes[0], &homes[1], 19.0).await;
}

async fn groceries_take_the_same_statements_for_few_rows_and_many(deployment: Deployment) {
    let system = reading(deployment).start().await;
    let mut homes = Vec::new();
    for (people, lists, things) in [(2, 1, 2), (8, 3, 24)] {
        let home = Home::new(&system, people).await;
        let since = home.cursor(system.a(), home.owner()).await;
        go_shopping(&system, &home, lists, things).await;
        let variables = json!({ "id": home.id, "since": since });
        homes.push((home, variables));
    }
    let [(few, of_few), (many, of_many)] = &homes[..] else { unreachable!("there are two") };
    assert_alike_with(system.a(), GROCERIES, [(few, of_few), (many, of_many)], 30.0).await;
}

/// The query takes as many statements for one home as for the other, and no more than so many.
async fn assert_alike(server: &Server, document: &str, few: &Home, many: &Home, limit: f64) {
    let variables = |home: &Home| json!({ "id": home.id });
    assert_alike_with(server, document, [(few, &variables(few)), (many, &variables(many))], limit).await;
}

/// See [`assert_alike`]; with variables for each.
async fn assert_alike_with(server: &Server, document: &str, homes: [(&Home, &Value); 2], limit: f64) {
    let mut counted = Vec::new();
    for (home, variables) in homes {
        let client = home.owner().on(server);
        let mut least = f64::MAX;
        // A branch that hears from the database late may come too late for a batch, too.
        for _ in 0..5 {
            let before = server.metric(STATEMENTS).await;
            client.query(document, variables.clone()).await;
            least = least.min(server.metric(STATEMENTS).await - before);
        }
        counted.push(least);
    }
    let (for_few, for_many) = (counted[0], counted[1]);
    assert!(for_few > 0.0, "the server counts its statements");
    assert!((for_few - for_many).abs() < 0.5, "{for_few} statements for few rows, {for_many} for many");
    assert!(for_many <= limit, "{for_many} statements for one page");
}

/// A statement that is prepared anew each time takes the database two turns instead of one, and more work.
async fn what_is_done_again_is_prepared_already(deployment: Deployment) {
    let system = reading(deployment).with("DATABASE_CONNECTIONS", "2").harming_the_database().start().await;
    let live = async || {
        let home = Home::new(&system, 2).await;
        let owner = home.owner().on(system.a());
        let since = home.cursor(system.a(), home.owner()).await;
        keep_house(&system, &home, 3).await;
        go_shopping(&system, &home, 2, 3).await;
        fill(&system, &home, 4).await;
        for document in [DASHBOARD, CONVERSATIONS, CHORES, HISTORIES] {
            owner.query(document, json!({ "id": home.id })).await;
        }
        owner.query(GROCERIES, json!({ "id": home.id, "since": since })).await;
    };
    // Each connection prepares what it is asked for the first time: sooner or later each has been asked everything.
    let mut counts = asked(&system).await;
    let mut last = (0, 0);
    for _ in 0..8 {
        live().await;
        let (prepared, executed) = asked(&system).await;
        last = (prepared - counts.0, executed - counts.1);
        counts = (prepared, executed);
        assert!(last.1 > 300, "{} statements", last.1);
        if 50 * last.0 < last.1 {
            return;
        }
    }
    panic!("{} of {} statements were prepared anew", last.0, last.1);
}

/// How many statements its database server has prepared, and executed.
async fn asked(system: &roomm8_tests::System) -> (u64, u64) {
    let options = mysql_async::Opts::from_url(&system.database_url).unwrap();
    let mut conn = mysql_async::Conn::new(options).await.unwrap();
    let mut counts = Vec::new();
    for counter in ["Com_stmt_prepare", "Com_stmt_execute"] {
        let query = format!("SHOW GLOBAL STATUS LIKE '{counter}'");
        let row: Option<(String, String)> = conn.query_first(query).await.unwrap();
        counts.push(row.unwrap().1.parse().unwrap());
    }
    conn.disconnect().await.unwrap();
    (counts[0], counts[1])
}

/// The widest that is told of a chore.
const FOLLOWED: &str = "subscription($id: ID!) { tasks(householdId: $id) { cursor kind actor { displayName }
    task { title household { name } roster { displayName user { displayName } } openOccurrences { dueAt } }
    occurrence { status assignee { displayName } closedBy { displayName } } } }";

async fn an_event_of_a_chore_is_read_once_for_all_who_follow(deployment: Deployment) {
    let system = reading(deployment).start().await;
    let (server, home) = (system.a(), Home::new(&system, 4).await);
    let input = json!({ "householdId": home.id, "title": "cat", "schedule": { "startDate": "2026-01-01" } });
    let made = home.owner().on(server).done("createTask", input, "task { openOccurrences { id } }").await;
    let free = json!({ "occurrenceId": made["task"]["openOccurrences"][0]["id"] });
    let mut sockets = Vec::new();
    let mut counted = Vec::new();
    for followers in [1, 12] {
        while sockets.len() < followers {
            let token = &home.people[sockets.len() % home.people.len()].token;
            let mut socket = Socket::open(&server.address(), Some(token)).await.unwrap();
            socket.subscribe(FOLLOWED, json!({ "id": home.id })).await;
            socket.next(SOON).await;
            sockets.push(socket);
        }
        let mut least = f64::MAX;
        for what in ["claimOccurrence", "releaseOccurrence"].repeat(4) {
            let before = server.metric(ALL_STATEMENTS).await;
            home.owner().on(server).done(what, free.clone(), "cursor").await;
            for socket in &mut sockets {
                assert_eq!(socket.next(SOON).await["tasks"]["kind"], "OCCURRENCE_ASSIGNED");
            }
            least = least.min(server.metric(ALL_STATEMENTS).await - before);
        }
        counted.push(least);
    }
    // The polls that fell into the wait for twelve sockets are allowed for; one read for each of eleven more is not.
    assert!(counted[1] < counted[0] + 6.0, "{counted:?} statements for one who follows, and for twelve");
}

/// Makes chores that everybody shares, of which each is done once.
async fn keep_house(system: &roomm8_tests::System, home: &Home, chores: usize) {
    let mut roster = Vec::new();
    for person in &home.people {
        roster.push(home.member(system.a(), person).await);
    }
    for number in 0..chores {
        let strategy = ["EVERYONE", "ROUND_ROBIN", "ANYONE"][number % 3];
        let person = home.people[number % home.people.len()].on(system.a());
        let input = json!({ "householdId": home.id, "title": format!("chore {number}"), "roster": roster,
            "strategy": strategy, "schedule": { "startDate": "2026-01-01", "rule": "FREQ=WEEKLY" } });
        let made = person.done("createTask", input, "task { openOccurrences { id } }").await;
        for open in made["task"]["openOccurrences"].as_array().unwrap() {
            person.done("completeOccurrence", json!({ "occurrenceId": open["id"] }), "cursor").await;
        }
    }
}

/// Makes lists, each in a store of its own, with so many things on each, of which some were bought before.
async fn go_shopping(system: &roomm8_tests::System, home: &Home, lists: usize, things: usize) {
    let mut members = Vec::new();
    for person in &home.people {
        members.push(home.member(system.a(), person).await);
    }
    let owner = home.owner().on(system.a());
    for number in 0..lists {
        let input = json!({ "householdId": home.id, "name": format!("category {number}") });
        let category = owner.done("createGroceryCategory", input, "category { id }").await;
        let category = &category["category"]["id"];
        let input = json!({ "householdId": home.id, "name": format!("store {number}") });
        let store = owner.done("createGroceryStore", input, "store { id }").await["store"]["id"].clone();
        let input = json!({ "storeId": store, "categoryId": category });
        owner.done("moveGrocerySection", input, "cursor").await;
        let input = json!({ "householdId": home.id, "name": format!("list {number}"), "storeId": store,
            "assigneeId": members[0] });
        let list = owner.done("createGroceryList", input, "list { id }").await["list"]["id"].clone();
        for is_bought in [true, false] {
            let line = |thing: usize| {
                json!({ "name": format!("thing {number} {thing}"), "categoryId": category,
                    "assigneeId": members[thing % members.len()], "amounts": [{ "quantity": thing + 1 }] })
            };
            let lines: Vec<_> = (0..things).map(line).collect();
            let input = json!({ "listId": list, "lines": lines });
            let added = owner.done("addGroceryItems", input, "results { item { id } }").await;
            let results = added["results"].as_array().unwrap();
            for (at, result) in results.iter().enumerate().filter(|(at, _)| is_bought || at % 2 == 0) {
                let person = home.people[at % home.people.len()].on(system.a());
                let input = json!({ "itemId": result["item"]["id"], "state": "BOUGHT" });
                person.done("setGroceryItemState", input, "changed").await;
            }
            if is_bought {
                owner.done("finishGroceryTrip", json!({ "listId": list }), "cursor").await;
            }
        }
        let input = json!({ "listId": list, "name": format!("staple {number}"),
            "schedule": { "startDate": "2099-01-01", "rule": "FREQ=WEEKLY" } });
        owner.done("createGroceryStaple", input, "cursor").await;
    }
}

async fn fill(system: &roomm8_tests::System, home: &Home, messages: usize) {
    let mut parent = None;
    for number in 0..messages {
        let person = &home.people[number % home.people.len()];
        let named = &home.people[(number + 1) % home.people.len()];
        let body = format!("{number} @{}", named.name);
        let input = json!({ "conversationId": home.general, "body": body, "replyToId": parent });
        let sent = person.on(system.a()).done("sendMessage", input, "message { id }").await;
        for emoji in ["👍", "🎉"] {
            let input = json!({ "messageId": sent["message"]["id"], "emoji": emoji });
            person.on(system.a()).done("addReaction", input, "cursor").await;
        }
        parent = Some(sent["message"]["id"].clone());
    }
}
