//! Lists of chores and occurrences: what is in them, in which order, and that paging misses and repeats nothing.

use super::{does, make};
use roomm8_tests::{Deployment, Home, Person, System, on_both, people::text, server::Server, walk};
use serde_json::{Value, json};

on_both!(
    filters_show_what_is_mine_free_overdue_done_or_between_dates,
    occurrences_are_paged_both_ways_in_every_order,
    a_page_stays_in_place_while_others_make_and_close,
    a_cursor_of_another_list_is_refused,
);

const OCCURRENCES: &str = "query($id: ID!, $filter: OccurrenceFilterInput, $orderBy: OccurrenceOrder! = DUE_ASC,
    $first: Int, $after: Cursor, $last: Int, $before: Cursor) { household(id: $id) {
    occurrences(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
        nodes { id task { title } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }";

const TASKS: &str = "query($id: ID!, $filter: TaskFilterInput, $orderBy: TaskOrder! = CREATED_ASC,
    $first: Int, $after: Cursor, $last: Int, $before: Cursor) { household(id: $id) {
    tasks(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
        nodes { id title }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }";

async fn occurrences(home: &Home, person: &Person, server: &Server, mut variables: Value) -> Value {
    variables["id"] = json!(home.id);
    person.on(server).query(OCCURRENCES, variables).await["household"]["occurrences"].clone()
}

async fn tasks(home: &Home, person: &Person, server: &Server, mut variables: Value) -> Value {
    variables["id"] = json!(home.id);
    person.on(server).query(TASKS, variables).await["household"]["tasks"].clone()
}

/// The titles of the chores, or of the occurrences' chores.
fn titles(page: &Value) -> Vec<&str> {
    let nodes = page["nodes"].as_array().unwrap();
    nodes.iter().map(|node| node["title"].as_str().or(node["task"]["title"].as_str()).unwrap()).collect()
}

/// A chore that is due once.
async fn once(
    home: &Home,
    server: &Server,
    title: &str,
    date: &str,
    strategy: &str,
    roster: &[&str],
) -> Value {
    let changes =
        json!({ "title": title, "schedule": { "startDate": date }, "strategy": strategy, "roster": roster });
    make(home, server, changes).await
}

/// Two people; Aino's of January 3rd and of 2099, Bo's of January 1st, one that is anyone's of January 2nd, and two
/// that Bo did.
async fn busy_home(system: &System) -> (Home, [String; 2]) {
    let home = Home::new(system, 2).await;
    let members =
        [home.member(system.a(), home.owner()).await, home.member(system.a(), &home.people[1]).await];
    let (aino, bo) = (members[0].as_str(), members[1].as_str());
    once(&home, system.a(), "attic", "2026-01-03", "FIXED", &[aino]).await;
    once(&home, system.a(), "bath", "2026-01-01", "FIXED", &[bo]).await;
    once(&home, system.a(), "cat", "2026-01-02", "ANYONE", &[]).await;
    once(&home, system.a(), "drains", "2099-01-01", "FIXED", &[aino]).await;
    for (title, date) in [("eggs", "2026-01-05"), ("floor", "2026-01-04")] {
        let task = once(&home, system.a(), title, date, "FIXED", &[aino]).await;
        does(&home.people[1], system.b(), "completeOccurrence", &task["openOccurrences"][0], json!({})).await;
    }
    (home, members)
}

async fn filters_show_what_is_mine_free_overdue_done_or_between_dates(deployment: Deployment) {
    let system = deployment.system().await;
    let (home, [aino, bo]) = busy_home(&system).await;
    let elsewhere = Home::new(&system, 1).await;
    let stranger = elsewhere.member(system.a(), elsewhere.owner()).await;
    for (filter, expected) in [
        (json!({}), &["bath", "cat", "attic", "floor", "eggs", "drains"][..]),
        (json!({ "statuses": ["OPEN"] }), &["bath", "cat", "attic", "drains"]),
        (json!({ "statuses": ["DONE", "SKIPPED", "DONE"] }), &["floor", "eggs"]),
        (json!({ "statuses": [] }), &[]),
        (json!({ "mine": true, "statuses": ["OPEN"] }), &["attic", "drains"]),
        (json!({ "assigneeId": bo }), &["bath"]),
        (json!({ "unassigned": true }), &["cat"]),
        (json!({ "overdue": true }), &["bath", "cat", "attic"]),
        (json!({ "overdue": true, "mine": true }), &["attic"]),
        (json!({ "overdue": true, "statuses": ["DONE"] }), &[]),
        (json!({ "doneById": bo }), &["floor", "eggs"]),
        (json!({ "doneById": aino }), &[]),
        (json!({ "dueFrom": "2026-01-02", "dueTo": "2026-01-04" }), &["cat", "attic", "floor"]),
        // What is another household's is nothing here, just as what does not exist, or is no member at all.
        (json!({ "assigneeId": stranger }), &[]),
        (json!({ "assigneeId": walk::ghost(&bo) }), &[]),
        (json!({ "doneById": home.id, "taskId": aino }), &[]),
    ] {
        let page = occurrences(&home, home.owner(), system.b(), json!({ "filter": filter })).await;
        assert_eq!(titles(&page), expected, "{filter}");
    }
    for (filter, expected) in [
        (json!({}), &["attic", "bath", "cat", "drains", "eggs", "floor"][..]),
        (json!({ "mine": true }), &["attic", "drains"]),
        (json!({ "assigneeId": bo }), &["bath"]),
        (json!({ "unassigned": true }), &["cat"]),
        (json!({ "overdue": true }), &["attic", "bath", "cat"]),
        (json!({ "overdue": true, "mine": true }), &["attic"]),
        (json!({ "archived": "INCLUDED", "mine": true }), &["attic", "drains"]),
        (json!({ "archived": "ONLY" }), &[]),
        (json!({ "assigneeId": stranger }), &[]),
    ] {
        let page = tasks(&home, home.owner(), system.b(), json!({ "filter": filter })).await;
        assert_eq!(titles(&page), expected, "{filter}");
    }
    let newest = json!({ "orderBy": "CREATED_DESC", "first": 2 });
    let page = tasks(&home, home.owner(), system.a(), newest).await;
    assert_eq!(titles(&page), ["floor", "eggs"]);
    let older = json!({ "orderBy": "CREATED_DESC", "first": 2, "after": page["pageInfo"]["endCursor"] });
    assert_eq!(titles(&tasks(&home, home.owner(), system.a(), older).await), ["drains", "cat"]);
    let floor = tasks(&home, home.owner(), system.a(), json!({ "last": 1 })).await["nodes"][0]["id"].clone();
    home.owner().on(system.a()).done("archiveTask", json!({ "taskId": floor }), "cursor").await;
    let drawer = json!({ "filter": { "archived": "ONLY" } });
    assert_eq!(titles(&tasks(&home, home.owner(), system.b(), drawer).await), ["floor"]);
    let both = json!({ "id": home.id, "filter": { "mine": true, "unassigned": true } });
    assert_eq!(home.owner().on(system.a()).refusal(OCCURRENCES, both).await, "BAD_USER_INPUT");
}

/// All titles of a list, page by page from one end.
async fn walked(home: &Home, server: &Server, order: &str, is_forward: bool) -> Vec<String> {
    let mut all = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let (size, from) = if is_forward { ("first", "after") } else { ("last", "before") };
        let page =
            occurrences(home, home.owner(), server, json!({ "orderBy": order, size: 2, from: cursor })).await;
        let titles: Vec<String> = titles(&page).into_iter().map(str::to_owned).collect();
        let (has_more, end) =
            if is_forward { ("hasNextPage", "endCursor") } else { ("hasPreviousPage", "startCursor") };
        if is_forward {
            all.extend(titles);
        } else {
            drop(all.splice(0..0, titles));
        }
        if page["pageInfo"][has_more] == false {
            return all;
        }
        cursor = page["pageInfo"][end].clone();
    }
}

async fn occurrences_are_paged_both_ways_in_every_order(deployment: Deployment) {
    let system = deployment.system().await;
    let (home, _) = busy_home(&system).await;
    // Two that are due at the same instant have an order, too.
    for title in ["gutter", "hall"] {
        once(&home, system.a(), title, "2026-01-03", "ANYONE", &[]).await;
    }
    let due = ["bath", "cat", "attic", "gutter", "hall", "floor", "eggs", "drains"];
    for is_forward in [true, false] {
        assert_eq!(walked(&home, system.b(), "DUE_ASC", is_forward).await, due);
        let mut latest_first = due;
        latest_first.reverse();
        assert_eq!(walked(&home, system.b(), "DUE_DESC", is_forward).await, latest_first);
        assert_eq!(walked(&home, system.b(), "CLOSED_DESC", is_forward).await, ["floor", "eggs"]);
    }
}

async fn a_page_stays_in_place_while_others_make_and_close(deployment: Deployment) {
    let system = deployment.system().await;
    let (home, [aino, _]) = busy_home(&system).await;
    let filter = json!({ "statuses": ["OPEN"] });
    let page = occurrences(&home, home.owner(), system.a(), json!({ "filter": filter, "first": 2 })).await;
    assert_eq!(titles(&page), ["bath", "cat"]);
    // One comes before the place, one after it; and the very one that the cursor is of is closed.
    once(&home, system.b(), "yard", "2025-12-31", "FIXED", &[&aino]).await;
    once(&home, system.b(), "zoo", "2026-01-04", "FIXED", &[&aino]).await;
    does(home.owner(), system.b(), "completeOccurrence", &page["nodes"][1], json!({})).await;
    let end = &page["pageInfo"]["endCursor"];
    let next = json!({ "filter": filter, "first": 2, "after": end });
    let next = occurrences(&home, home.owner(), system.a(), next).await;
    assert_eq!(titles(&next), ["attic", "zoo"]);
    let back = json!({ "filter": filter, "last": 5, "before": next["pageInfo"]["startCursor"] });
    assert_eq!(titles(&occurrences(&home, home.owner(), system.b(), back).await), ["yard", "bath"]);
}

async fn a_cursor_of_another_list_is_refused(deployment: Deployment) {
    let system = deployment.system().await;
    let (home, _) = busy_home(&system).await;
    let owner = home.owner().on(system.a());
    let closed = occurrences(&home, home.owner(), system.a(), json!({ "orderBy": "CLOSED_DESC" })).await;
    let due = occurrences(&home, home.owner(), system.a(), json!({})).await;
    let made = tasks(&home, home.owner(), system.a(), json!({})).await;
    let [closed, due, made] = [closed, due, made].map(|page| text(&page["pageInfo"]["endCursor"]));
    let log = home.cursor(system.a(), home.owner()).await;
    let variables = |order: &str, after: &str| json!({ "id": home.id, "orderBy": order, "after": after });
    for (document, order, cursor) in [
        (OCCURRENCES, "DUE_ASC", &closed),
        (OCCURRENCES, "DUE_DESC", &made),
        (OCCURRENCES, "CLOSED_DESC", &due),
        (OCCURRENCES, "DUE_ASC", &log),
        (TASKS, "CREATED_ASC", &due),
        (TASKS, "CREATED_DESC", &log),
    ] {
        assert_eq!(owner.refusal(document, variables(order, cursor)).await, "BAD_USER_INPUT", "{order}");
    }
    let input = json!({ "id": home.id, "after": due });
    let mut socket = roomm8_tests::Socket::open(&system.a().address(), owner.token()).await.unwrap();
    socket
        .subscribe(
            "subscription($id: ID!, $after: Cursor) { tasks(householdId: $id, after: $after) { kind } }",
            input,
        )
        .await;
    let (_, end) = socket.end_within(std::time::Duration::from_secs(10)).await;
    assert_eq!(end.error_code(), Some("BAD_USER_INPUT"));
}
