//! Answers that are kept while nothing changes in their household: they are never out of date, and nobody's but those who may
//! see them.

use futures_util::future::join_all;
use roomm8_tests::{Deployment, Home, Person, deployment::Plan, on_both, people::text, server::Server};
use serde_json::{Value, json};

on_both!(
    what_did_not_change_is_not_read_again,
    whatever_changes_is_seen_at_once_on_every_instance,
    what_is_kept_of_a_household_is_for_its_members_alone,
    what_is_somebodys_own_is_never_anothers,
    a_reader_sees_all_that_was_acknowledged_before,
);

const CHAT: &str = "query($id: ID!) { household(id: $id) { cursor name members { nodes { displayName } }
    generalConversation { messages(last: 100) { nodes { body cursor author { displayName } } } } } }";

/// Whatever a household's version covers.
const EVERYTHING: &str = "id name timeZone currency historyVisibility editWindowMinutes version createdAt archivedAt cursor
    members(first: 20, includeFormer: true) { edges { cursor node { ...Roommate joinedAt endedAt status version } } }
    generalConversation { id kind title version createdAt messages(last: 30) { pageInfo { hasPreviousPage startCursor }
        nodes { ...Told replyTo { ...Told } history { body version } } } }
    tasks(first: 20, filter: { archived: INCLUDED }) { nodes { ...Chore openOccurrences { ...Due }
        history(first: 5) { nodes { ...Due } } createdBy { id } roster { id } } }
    occurrences(first: 50, orderBy: DUE_DESC) { nodes { ...Due task { title } } }
    swapOffers { nodes { id state version offered { id } wanted { id } offeredBy { id } offeredTo { id } } }
    groceryLists(first: 5, includeArchived: true) { nodes { id name isUrgent archivedAt version openCount unavailableCount
        boughtCount store { name } assignee { displayName } items(first: 20, includeHidden: true) { nodes { ...Thing } }
        trips(last: 3) { nodes { itemCount version } } } }
    groceryCategories { id name version } groceryProducts { nodes { id name unit version category { name } } }
    groceryStores { id name version sections { isPlaced isHidden category { name } } homes { product { name } category { name } } }
    groceryTrips { nodes { id itemCount undoneAt version store { name } finishedBy { displayName } items { nodes { name } } } }
    groceryStaples { nodes { id rule version product { name } amounts { quantity unit } } }";

const FRAGMENTS: &str = "
    fragment Roommate on Member { id displayName role user { id displayName } }
    fragment Told on Message { id kind body createdAt editedAt deletedAt version cursor author { ...Roommate }
        deletedBy { id } mentions { id } reactions { emoji count members { id } } }
    fragment Chore on Task { id title notes weight rule strategy labels version archivedAt subtasks { id title }
        pauses { from until } requiresApproval reminders { offsetsMinutes } }
    fragment Due on Occurrence { id number status dueAt dueDate weight note version assignee { displayName } ownedBy { id }
        doneBy { id } closedAt reviewedBy { id } reviewNote subtasks { id isDone doneBy { id } } }
    fragment Thing on GroceryItem { id name note isUrgent state isListed rank version amounts { quantity unit }
        category { name } product { id version } assignee { id } addedBy { displayName } stateBy { id } trip { id } }";

/// A system that keeps answers whatever the suite is run with, and lets a query ask for all of a household.
pub(crate) fn keeping(deployment: Deployment) -> Plan {
    let settings = [("ANSWER_BYTES", "10000000"), ("LIMITS", "cost=100000"), ("COST_BUCKET", "0")];
    settings.into_iter().fold(deployment.own(), |plan, (name, value)| plan.with(name, value))
}

/// So many answers were made in this way.
pub(crate) async fn made(server: &Server, how: &str) -> f64 {
    server.metric(&format!("roomm8_answers_total{{made=\"{how}\"}}")).await
}

async fn chat(home: &Home, person: &Person, server: &Server) -> Value {
    person.on(server).query(CHAT, json!({ "id": home.id })).await["household"].clone()
}

pub(crate) fn bodies(chat: &Value) -> Vec<String> {
    let messages = chat["generalConversation"]["messages"]["nodes"].as_array().unwrap();
    messages.iter().map(|message| text(&message["body"])).collect()
}

async fn what_did_not_change_is_not_read_again(deployment: Deployment) {
    let system = keeping(deployment).servers(1).start().await;
    let server = system.a();
    let home = Home::new(&system, 2).await;
    home.say(server, home.owner(), "hello").await;
    let first = chat(&home, home.owner(), server).await;
    let before = (made(server, "again").await, server.metric("roomm8_db_request_statements_total").await);
    for _ in 0..50 {
        // Another member sees the same.
        assert_eq!(chat(&home, &home.people[1], server).await, first);
    }
    let after = (made(server, "again").await, server.metric("roomm8_db_request_statements_total").await);
    assert!((after.0 - before.0 - 50.0).abs() < 0.1, "it was made anew");
    // One each, that they are a member.
    assert!((after.1 - before.1 - 50.0).abs() < 0.1, "{} statements", after.1 - before.1);
}

/// The household as whoever keeps answers tells it, and as it is read for one caller alone.
pub(crate) async fn both_ways(home: &Home, person: &Person, server: &Server) -> [Value; 2] {
    asked_both_ways("", home, person, server).await
}

/// The same by documents of which these words make others.
pub(crate) async fn asked_both_ways(
    words: &str,
    home: &Home,
    person: &Person,
    server: &Server,
) -> [Value; 2] {
    let kept = format!("query($id: ID!) {{ household(id: $id) {{ {EVERYTHING} }} }} {FRAGMENTS} {words}");
    let own = format!(
        "query($id: ID!) {{ viewer {{ email }} household(id: $id) {{ {EVERYTHING} }} }} {FRAGMENTS} {words}"
    );
    let variables = json!({ "id": home.id });
    let kept = person.on(server).query(&kept, variables.clone()).await;
    let own = person.on(server).query(&own, variables).await;
    [kept["household"].clone(), own["household"].clone()]
}

async fn whatever_changes_is_seen_at_once_on_every_instance(deployment: Deployment) {
    let system = keeping(deployment).start().await;
    let home = Home::new(&system, 3).await;
    let mut members = Vec::new();
    for person in &home.people {
        members.push(home.member(system.a(), person).await);
    }
    // What earlier steps made, by name.
    let mut known = json!({ "household": home.id, "general": home.general, "members": members });
    for (number, (who, what, input, selection)) in STEPS.iter().enumerate() {
        let (here, there) = if number % 2 == 0 { (system.a(), system.b()) } else { (system.b(), system.a()) };
        let input = filled(input, &known);
        let payload = home.people[*who].on(here).done(what, input, selection).await;
        known[what] = payload;
        for server in [there, here] {
            let before = made(server, "for_one").await;
            let [kept, own] = both_ways(&home, home.owner(), server).await;
            assert_eq!(kept, own, "after {what}");
            let again = both_ways(&home, &home.people[1], server).await;
            assert_eq!(again[0], own, "after {what}, for another");
            let own_answers = made(server, "for_one").await - before;
            assert!((own_answers - 2.0).abs() < 0.1, "after {what}, {own_answers} answers were made for one");
        }
    }
}

/// Who does what, with which input, and what of the payload later steps need. `$step/path` is what an earlier step answered.
pub(crate) const STEPS: &[(usize, &str, &str, &str)] = &[
    (0, "updateHousehold", r#"{"householdId":"$household","name":"Another name"}"#, "cursor"),
    (1, "updateProfile", r#"{"displayName":"Somebody else"}"#, "clientMutationId"),
    (1, "sendMessage", r#"{"conversationId":"$general","body":"hello"}"#, "message { id }"),
    (
        0,
        "sendMessage",
        r#"{"conversationId":"$general","body":"hi","replyToId":"$sendMessage/message/id"}"#,
        "message { id }",
    ),
    (2, "addReaction", r#"{"messageId":"$sendMessage/message/id","emoji":"👍"}"#, "cursor"),
    (2, "removeReaction", r#"{"messageId":"$sendMessage/message/id","emoji":"👍"}"#, "cursor"),
    (0, "editMessage", r#"{"messageId":"$sendMessage/message/id","body":"hi you"}"#, "cursor"),
    (0, "deleteMessage", r#"{"messageId":"$sendMessage/message/id"}"#, "cursor"),
    (0, "changeMemberRole", r#"{"memberId":"$members/1","role":"ADMIN"}"#, "cursor"),
    (
        0,
        "createTask",
        r#"{"householdId":"$household","title":"Dishes","strategy":"ROUND_ROBIN","weight":5,"subtasks":["rinse"],
            "roster":["$members/0","$members/1"],"requiresApproval":true,"schedule":{"startDate":"2040-01-01","rule":"FREQ=DAILY"}}"#,
        "task { id openOccurrences { id } subtasks { id } }",
    ),
    (1, "updateTask", r#"{"taskId":"$createTask/task/id","title":"All dishes","weight":7}"#, "cursor"),
    (
        1,
        "setSubtaskDone",
        r#"{"occurrenceId":"$createTask/task/openOccurrences/0/id","subtaskId":"$createTask/task/subtasks/0/id","done":true}"#,
        "cursor",
    ),
    (
        1,
        "completeOccurrence",
        r#"{"occurrenceId":"$createTask/task/openOccurrences/0/id","note":"done"}"#,
        "cursor",
    ),
    (0, "approveOccurrence", r#"{"occurrenceId":"$createTask/task/openOccurrences/0/id"}"#, "cursor"),
    (0, "undoOccurrence", r#"{"occurrenceId":"$createTask/task/openOccurrences/0/id"}"#, "cursor"),
    (
        0,
        "skipOccurrence",
        r#"{"occurrenceId":"$createTask/task/openOccurrences/0/id","reason":"away"}"#,
        "cursor",
    ),
    (
        0,
        "pauseTask",
        r#"{"taskId":"$createTask/task/id","from":"2041-01-01","until":"2041-01-31"}"#,
        "cursor",
    ),
    (0, "archiveTask", r#"{"taskId":"$createTask/task/id"}"#, "cursor"),
    (0, "restoreTask", r#"{"taskId":"$createTask/task/id"}"#, "cursor"),
    (2, "createGroceryCategory", r#"{"householdId":"$household","name":"Dairy"}"#, "category { id }"),
    (2, "createGroceryStore", r#"{"householdId":"$household","name":"Corner shop"}"#, "store { id }"),
    (2, "createGroceryList", r#"{"householdId":"$household","name":"Weekly"}"#, "list { id }"),
    (
        1,
        "addGroceryItem",
        r#"{"listId":"$createGroceryList/list/id","name":"milk","categoryId":"$createGroceryCategory/category/id"}"#,
        "item { id product { id } }",
    ),
    (
        1,
        "addGroceryItem",
        r#"{"listId":"$createGroceryList/list/id","name":"Milk","amounts":[{"quantity":"2","unit":"L"}]}"#,
        "item { id product { id } }",
    ),
    (
        0,
        "updateGroceryItem",
        r#"{"itemId":"$addGroceryItem/item/id","note":"the blue one","isUrgent":true}"#,
        "cursor",
    ),
    (0, "setGroceryItemState", r#"{"itemId":"$addGroceryItem/item/id","state":"BOUGHT"}"#, "cursor"),
    (
        0,
        "orderGrocerySections",
        r#"{"storeId":"$createGroceryStore/store/id","categoryIds":["$createGroceryCategory/category/id"]}"#,
        "cursor",
    ),
    (
        0,
        "hideGrocerySection",
        r#"{"storeId":"$createGroceryStore/store/id","categoryId":"$createGroceryCategory/category/id","isHidden":true}"#,
        "cursor",
    ),
    (
        0,
        "updateGroceryList",
        r#"{"listId":"$createGroceryList/list/id","storeId":"$createGroceryStore/store/id","isUrgent":true}"#,
        "cursor",
    ),
    (
        1,
        "finishGroceryTrip",
        r#"{"listId":"$createGroceryList/list/id","storeId":"$createGroceryStore/store/id"}"#,
        "trip { id }",
    ),
    (1, "undoGroceryTrip", r#"{"tripId":"$finishGroceryTrip/trip/id"}"#, "cursor"),
    (
        1,
        "updateGroceryProduct",
        r#"{"productId":"$addGroceryItem/item/product/id","name":"oat milk"}"#,
        "cursor",
    ),
    (
        1,
        "setGroceryHome",
        r#"{"productId":"$addGroceryItem/item/product/id","storeId":"$createGroceryStore/store/id","categoryId":"$createGroceryCategory/category/id"}"#,
        "cursor",
    ),
    (
        0,
        "createGroceryStaple",
        r#"{"listId":"$createGroceryList/list/id","name":"coffee","schedule":{"startDate":"2040-01-01","rule":"FREQ=WEEKLY"}}"#,
        "staple { id }",
    ),
    (0, "removeGroceryStaple", r#"{"stapleId":"$createGroceryStaple/staple/id"}"#, "cursor"),
    (0, "renameGroceryStore", r#"{"storeId":"$createGroceryStore/store/id","name":"The corner"}"#, "cursor"),
    (0, "removeGroceryCategory", r#"{"categoryId":"$createGroceryCategory/category/id"}"#, "cursor"),
    (0, "archiveGroceryList", r#"{"listId":"$createGroceryList/list/id"}"#, "cursor"),
    (2, "leaveHousehold", r#"{"householdId":"$household"}"#, "cursor"),
    (2, "updateProfile", r#"{"displayName":"Who has left"}"#, "clientMutationId"),
];

/// The input of a step, with what earlier steps answered.
pub(crate) fn filled(input: &str, known: &Value) -> Value {
    fn fill(value: &mut Value, known: &Value) {
        match value {
            Value::String(name) if name.starts_with('$') => {
                let path = name.replacen('$', "/", 1);
                *value = known.pointer(&path).unwrap_or_else(|| panic!("no step answered {path}")).clone();
            }
            Value::Array(values) => values.iter_mut().for_each(|value| fill(value, known)),
            Value::Object(fields) => fields.values_mut().for_each(|value| fill(value, known)),
            _ => {}
        }
    }
    let mut input = serde_json::from_str(input).unwrap();
    fill(&mut input, known);
    input
}

async fn what_is_kept_of_a_household_is_for_its_members_alone(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 3).await;
    let stranger = Person::new(&system, "Nobody").await;
    home.say(system.a(), home.owner(), "before").await;
    let variables = json!({ "id": home.id });
    for server in [system.a(), system.b()] {
        assert_eq!(bodies(&chat(&home, home.owner(), server).await).last().unwrap(), "before");
        assert_eq!(stranger.on(server).refusal(CHAT, variables.clone()).await, "NOT_FOUND");
        assert_eq!(server.anonymous().refusal(CHAT, variables.clone()).await, "UNAUTHENTICATED");
    }
    // Who is removed sees nothing from then on, on either instance.
    let removed = &home.people[2];
    let member = home.member(system.a(), removed).await;
    chat(&home, removed, system.b()).await;
    home.remove(system.a(), &member).await;
    for server in [system.b(), system.a()] {
        chat(&home, home.owner(), server).await;
        assert_eq!(removed.on(server).refusal(CHAT, variables.clone()).await, "NOT_FOUND");
    }
    // Who sees less of the past is not told what others are.
    let input = json!({ "householdId": home.id, "historyVisibility": "SINCE_JOINING" });
    home.owner().on(system.a()).done("updateHousehold", input, "cursor").await;
    let newcomer = home.newcomer(&system, "New", "MEMBER").await;
    home.say(system.a(), home.owner(), "after").await;
    for server in [system.a(), system.b()] {
        let (old, new) = (chat(&home, home.owner(), server).await, chat(&home, &newcomer, server).await);
        assert!(bodies(&old).contains(&"before".to_owned()));
        assert!(!bodies(&new).contains(&"before".to_owned()), "{new}");
        assert_eq!(bodies(&new).last().unwrap(), "after");
    }
}

async fn what_is_somebodys_own_is_never_anothers(deployment: Deployment) {
    const OWN: &str =
        "query($id: ID!) { household(id: $id) { name unreadCount viewerMember { id } viewerPermissions
        tasks(filter: { mine: true }) { nodes { title } } occurrences(filter: { mine: true }) { nodes { id } }
        generalConversation { unreadCount messages { nodes { reactions { viewerReacted } } } } } }";
    const MINE: &str =
        "query($id: ID!) { household(id: $id) { tasks(filter: { mine: true }) { nodes { title } } } }";
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let sent = home.say(system.a(), home.owner(), "hello").await;
    let input = json!({ "messageId": sent["id"], "emoji": "👍" });
    home.owner().on(system.a()).done("addReaction", input, "cursor").await;
    let owner = home.member(system.a(), home.owner()).await;
    let input = json!({ "householdId": home.id, "title": "Only the owner's", "strategy": "FIXED", "roster": [owner] });
    home.owner().on(system.a()).done("createTask", input, "cursor").await;
    let variables = json!({ "id": home.id });
    for _ in 0..3 {
        for (number, person) in home.people.iter().enumerate() {
            let is_owner = number == 0;
            for server in [system.a(), system.b()] {
                let own = person.on(server).query(OWN, variables.clone()).await["household"].clone();
                assert_eq!(own["viewerMember"]["id"] == owner.as_str(), is_owner);
                assert_eq!(own["unreadCount"] == 0, is_owner);
                assert_eq!(own["tasks"]["nodes"].as_array().unwrap().len(), usize::from(is_owner));
                let reactions =
                    own.pointer("/generalConversation/messages/nodes").unwrap().as_array().unwrap();
                let reacted =
                    reactions.iter().any(|message| message["reactions"][0]["viewerReacted"] == true);
                assert_eq!(reacted, is_owner);
                let mine = person.on(server).query(MINE, variables.clone()).await["household"].clone();
                assert_eq!(mine["tasks"]["nodes"].as_array().unwrap().len(), usize::from(is_owner));
            }
        }
    }
}

async fn a_reader_sees_all_that_was_acknowledged_before(deployment: Deployment) {
    let system = keeping(deployment).heavy().start().await;
    let home = Home::new(&system, 4).await;
    for round in 0..20 {
        // Two write on either instance while two read on both, and each knows what was acknowledged before it read.
        let acknowledged = std::sync::Mutex::new(Vec::new());
        let writing = home.people[..2].iter().enumerate().map(async |(writer, person)| {
            for number in 0..5 {
                let server = if (writer + number) % 2 == 0 { system.a() } else { system.b() };
                let body = format!("{round} {writer} {number}");
                home.say(server, person, &body).await;
                acknowledged.lock().unwrap().push(body);
            }
        });
        let reading = home.people[2..].iter().enumerate().map(async |(reader, person)| {
            for number in 0..15 {
                let server = if (reader + number) % 2 == 0 { system.a() } else { system.b() };
                let before = acknowledged.lock().unwrap().clone();
                let seen = chat(&home, person, server).await;
                let told = bodies(&seen);
                for body in before {
                    assert!(told.contains(&body), "{body} was acknowledged, and is not in {told:?}");
                }
                assert_no_hole(&told);
            }
        });
        futures_util::join!(join_all(writing), join_all(reading));
        // Now that nobody writes, an answer that is kept is the one that is read.
        for server in [system.a(), system.b()] {
            let [kept, own] = both_ways(&home, home.owner(), server).await;
            assert_eq!(kept, own);
        }
    }
    assert!(made(system.a(), "again").await > 0.0);
}

/// Each writer's messages are there in their order, none left out before the last one seen.
pub(crate) fn assert_no_hole(told: &[String]) {
    let Some(round) = told.last().and_then(|last| last.split(' ').next()) else { return };
    for writer in ["0", "1"] {
        let start = format!("{round} {writer} ");
        let numbers: Vec<usize> =
            told.iter().filter_map(|body| body.strip_prefix(&start)?.parse().ok()).collect();
        assert!(numbers.iter().copied().eq(0..numbers.len()), "{told:?}");
    }
}
