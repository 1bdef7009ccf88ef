//! Messages: sending, changing, paging, reading, and what two people do at once.

use std::collections::BTreeSet;

use roomm8_tests::{Deployment, Home, Person, client, on_both, people::text, server::Server};
use serde_json::{Value, json};

on_both!(
    a_message_is_trimmed_bounded_and_never_blank,
    a_repeated_id_sends_one_message,
    one_id_for_two_messages_is_refused,
    an_edit_keeps_history_and_a_stale_one_conflicts,
    a_deleted_message_leaves_an_empty_place,
    a_reply_quotes_a_message_of_the_same_household,
    a_mention_is_counted_until_it_is_read_or_withdrawn,
    reactions_are_a_set,
    unread_counts_are_exact_for_everybody,
    marking_unread_alone_moves_back,
    history_is_paged_both_ways_and_from_anchors,
    paging_stays_in_place_while_others_write,
    a_direct_conversation_is_between_its_participants,
    a_newcomer_starts_fully_read_and_sees_what_the_household_shows,
);

const MESSAGES: &str = "query($id: ID!, $first: Int, $after: Cursor, $last: Int, $before: Cursor, \
    $anchor: MessageAnchorInput) { conversation(id: $id) {
    messages(first: $first, after: $after, last: $last, before: $before, anchor: $anchor) {
        edges { cursor node { id } }
        nodes { id kind body cursor }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }";

async fn page(home: &Home, person: &Person, server: &Server, mut variables: Value) -> Value {
    variables["id"] = json!(home.general);
    person.on(server).query(MESSAGES, variables).await["conversation"]["messages"].clone()
}

fn bodies(page: &Value) -> Vec<&str> {
    let nodes = page["nodes"].as_array().expect("nodes are a list");
    nodes.iter().filter(|node| node["kind"] == "USER").filter_map(|node| node["body"].as_str()).collect()
}

async fn counts(home: &Home, person: &Person, server: &Server) -> (i64, i64) {
    let document = "query($id: ID!) { conversation(id: $id) { unreadCount mentionCount } }";
    let answer = person.on(server).query(document, json!({ "id": home.general })).await;
    let count = |name: &str| answer["conversation"][name].as_i64().expect("a count");
    (count("unreadCount"), count("mentionCount"))
}

async fn message(person: &Person, server: &Server, id: &Value) -> Value {
    let document = "query($id: ID!) { message(id: $id) {
        id body version editedAt deletedAt deletedBy { id } mentions { id }
        replyTo { id body deletedAt } history { body } reactions { emoji count viewerReacted } } }";
    person.on(server).query(document, json!({ "id": id })).await["message"].clone()
}

async fn a_message_is_trimmed_bounded_and_never_blank(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let sent = home.say(system.a(), home.owner(), "  \n čau, 世界 👋🏽 \n ").await;
    assert_eq!(sent["body"], "čau, 世界 👋🏽");
    let refused = async |body: &str| {
        let input = json!({ "conversationId": home.general, "body": body });
        home.owner().on(system.b()).user_error("sendMessage", input).await
    };
    for blank in ["", " \n\t ", "\u{200b}\u{2060}"] {
        let code = refused(blank).await;
        assert!(["INVALID", "TOO_SHORT"].contains(&code.as_str()), "{blank:?}: {code}");
    }
    assert_eq!(refused(&"x".repeat(8001)).await, "TOO_LONG");
    let longest = "é".repeat(8000);
    assert_eq!(home.say(system.b(), home.owner(), &longest).await["body"], longest.as_str());
}

async fn a_repeated_id_sends_one_message(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let id = format!("{:032x}", rand::random::<u128>());
    let send = async |server: &Server| {
        let input = json!({ "conversationId": home.general, "body": "once", "clientMutationId": id });
        let selection = "message { id body clientMutationId } cursor clientMutationId";
        home.owner().on(server).done("sendMessage", input, selection).await
    };
    // At once on every instance, and again afterwards.
    let (one, other) = tokio::join!(send(system.a()), send(system.b()));
    assert_eq!(one, other);
    assert_eq!(one, send(system.b()).await);
    assert_eq!(one["message"]["clientMutationId"], id.as_str());
    let shown = page(&home, &home.people[1], system.b(), json!({ "last": 50 })).await;
    assert_eq!(bodies(&shown), ["once"]);
}

async fn one_id_for_two_messages_is_refused(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let send =
        |body: &str| json!({ "conversationId": home.general, "body": body, "clientMutationId": "one-id" });
    home.owner().on(system.a()).done("sendMessage", send("first"), "cursor").await;
    let code = home.owner().on(system.b()).error("sendMessage", send("second")).await;
    assert_eq!(code, "IDEMPOTENCY_CONFLICT");
    // The id belongs to one person and one operation.
    home.people[1].on(system.b()).done("sendMessage", send("of another"), "cursor").await;
    let input = json!({ "householdId": home.id, "title": "Topic", "clientMutationId": "one-id" });
    home.owner().on(system.b()).done("createConversation", input, "conversation { id }").await;
    let shown = page(&home, home.owner(), system.a(), json!({ "last": 50 })).await;
    assert_eq!(bodies(&shown), ["first", "of another"]);
}

async fn an_edit_keeps_history_and_a_stale_one_conflicts(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let author = home.owner();
    let sent = home.say(system.a(), author, "teh milk").await;
    let edit =
        |body: &str| json!({ "messageId": sent["id"], "body": body, "expectedVersion": sent["version"] });
    let edited = author
        .on(system.a())
        .done("editMessage", edit("the milk"), "message { body editedAt version }")
        .await;
    assert_eq!(edited["message"]["body"], "the milk");
    assert!(edited["message"]["editedAt"].is_string());
    let shown = message(&home.people[1], system.b(), &sent["id"]).await;
    assert_eq!(shown["history"], json!([{ "body": "teh milk" }]));

    let selection = "message { body } userErrors { code }";
    let conflict = author.on(system.b()).mutate("editMessage", edit("teh silk"), selection).await;
    assert_eq!(conflict["userErrors"][0]["code"], "CONFLICT");
    assert_eq!(conflict["message"]["body"], "the milk", "the current state comes with the conflict");

    // The same words again are no edit, and nobody edits for somebody else, whatever their role.
    let same = json!({ "messageId": sent["id"], "body": "the milk" });
    let same = author.on(system.b()).done("editMessage", same, "message { version }").await;
    assert_eq!(same["message"]["version"], edited["message"]["version"]);
    let theirs = home.say(system.b(), &home.people[1], "mine").await;
    let input = json!({ "messageId": theirs["id"], "body": "yours" });
    let document = client::mutation("editMessage", "userErrors { code }");
    let answer = author.on(system.a()).ask(&document, json!({ "input": input })).await.unwrap();
    let is_refused =
        answer.code() == Some("FORBIDDEN") || answer.body["data"]["editMessage"]["userErrors"][0].is_object();
    assert!(is_refused, "{answer:?}");
    assert_eq!(message(author, system.a(), &theirs["id"]).await["body"], "mine");
}

async fn a_deleted_message_leaves_an_empty_place(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let author = &home.people[1];
    let sent = home.say(system.a(), author, "a secret").await;
    let edit = json!({ "messageId": sent["id"], "body": "a better kept secret" });
    author.on(system.a()).done("editMessage", edit, "cursor").await;
    let reaction = json!({ "messageId": sent["id"], "emoji": "👀" });
    author.on(system.a()).done("addReaction", reaction.clone(), "cursor").await;
    let reply = json!({ "conversationId": home.general, "body": "what?", "replyToId": sent["id"] });
    let reply = home.owner().on(system.b()).done("sendMessage", reply, "message { id }").await;

    let delete = json!({ "messageId": sent["id"] });
    // The owner may delete what others wrote; the second time succeeds and changes nothing.
    home.owner().on(system.b()).done("deleteMessage", delete.clone(), "message { deletedAt }").await;
    author.on(system.a()).done("deleteMessage", delete, "message { deletedAt }").await;
    let shown = message(author, system.a(), &sent["id"]).await;
    assert_eq!(shown["body"], Value::Null);
    assert_eq!((&shown["history"], &shown["reactions"]), (&json!([]), &json!([])));
    assert_eq!(shown["deletedBy"]["id"], home.member(system.a(), home.owner()).await.as_str());
    let shown = message(author, system.a(), &reply["message"]["id"]).await;
    assert_eq!((&shown["replyTo"]["id"], &shown["replyTo"]["body"]), (&sent["id"], &Value::Null));
    let edit = json!({ "messageId": sent["id"], "body": "back again" });
    assert_eq!(author.on(system.b()).user_error("editMessage", edit).await, "GONE");
    assert_eq!(author.on(system.b()).user_error("addReaction", reaction).await, "GONE");

    // What was erased is in no event either.
    let mut socket = roomm8_tests::Socket::open(&system.b().address(), Some(&author.token)).await.unwrap();
    let start = page(&home, author, system.a(), json!({ "first": 1 })).await["nodes"][0]["cursor"].clone();
    let document = "subscription($id: ID!, $after: Cursor) { messages(householdId: $id, after: $after) {
        kind message { id body history { body } } } }";
    socket.subscribe(document, json!({ "id": home.id, "after": start })).await;
    let is_deletion = |event: &Value| event["messages"]["kind"] == "MESSAGE_DELETED";
    let events = socket.next_until(std::time::Duration::from_secs(10), is_deletion).await;
    assert!(!json!(events).to_string().contains("secret"), "{events:?}");
}

async fn a_reply_quotes_a_message_of_the_same_household(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let other = Home::of(&system, vec![home.owner().clone()]).await;
    let parent = home.say(system.a(), home.owner(), "who has the drill?").await;
    let input = json!({ "conversationId": home.general, "body": "me", "replyToId": parent["id"] });
    let reply =
        home.people[1].on(system.b()).done("sendMessage", input, "message { replyTo { body } }").await;
    assert_eq!(reply["message"]["replyTo"]["body"], "who has the drill?");
    let input = json!({ "conversationId": other.general, "body": "me", "replyToId": parent["id"] });
    assert_eq!(home.owner().on(system.b()).user_error("sendMessage", input).await, "INVALID_REFERENCE");
}

async fn a_mention_is_counted_until_it_is_read_or_withdrawn(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 3).await;
    let (aino, bo, chloe) = (&home.people[0], &home.people[1], &home.people[2]);
    let sent =
        home.say(system.a(), aino, &format!("@{} your turn, `@{}` is code", bo.name, chloe.name)).await;
    let mentioned = home.member(system.a(), bo).await;
    assert_eq!(message(aino, system.b(), &sent["id"]).await["mentions"], json!([{ "id": mentioned }]));
    assert_eq!(counts(&home, bo, system.b()).await, (1, 1));
    assert_eq!(counts(&home, chloe, system.b()).await, (1, 0));
    // Renaming does not change who was meant; an edit that drops the name does.
    let edit = json!({ "messageId": sent["id"], "body": "never mind" });
    aino.on(system.b()).done("editMessage", edit, "cursor").await;
    assert_eq!(counts(&home, bo, system.a()).await, (1, 0));
    home.say(system.b(), aino, "@all dinner").await;
    assert_eq!(counts(&home, bo, system.a()).await, (2, 1));
    assert_eq!(counts(&home, chloe, system.a()).await, (2, 1));
    let guest = home.newcomer(&system, "Guest", "GUEST").await;
    home.say(system.b(), &guest, "@all hi").await;
    assert_eq!(counts(&home, bo, system.a()).await.1, 1, "a guest cannot mention everybody");
}

async fn reactions_are_a_set(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let sent = home.say(system.a(), home.owner(), "cake").await;
    let react = |emoji: &str| json!({ "messageId": sent["id"], "emoji": emoji });
    let (aino, bo) = (home.people[0].on(system.a()), home.people[1].on(system.b()));
    tokio::join!(
        aino.done("addReaction", react("❤️"), "cursor"),
        bo.done("addReaction", react("❤️"), "cursor")
    );
    // The same heart without its variation selector.
    bo.done("addReaction", react("❤"), "cursor").await;
    let shown = message(&home.people[1], system.a(), &sent["id"]).await["reactions"].clone();
    assert_eq!(shown.as_array().map(Vec::len), Some(1), "{shown}");
    assert_eq!((&shown[0]["count"], &shown[0]["viewerReacted"]), (&json!(2), &json!(true)));
    bo.done("removeReaction", react("❤️"), "cursor").await;
    bo.done("removeReaction", react("❤️"), "cursor").await;
    let shown = message(&home.people[1], system.a(), &sent["id"]).await["reactions"].clone();
    assert_eq!((&shown[0]["count"], &shown[0]["viewerReacted"]), (&json!(1), &json!(false)));
    assert_eq!(aino.user_error("addReaction", react("not an emoji")).await, "INVALID");
}

async fn unread_counts_are_exact_for_everybody(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 3).await;
    let (aino, bo, chloe) = (&home.people[0], &home.people[1], &home.people[2]);
    let send = async |person: &Person, server: &Server| {
        for number in 0..10 {
            home.say(server, person, &format!("{} {number}", person.name)).await;
        }
    };
    tokio::join!(send(aino, system.a()), send(bo, system.b()));
    assert_eq!(counts(&home, chloe, system.a()).await, (20, 0));

    // Sending marks what came before as read; what others send afterwards is unread, one's own is not.
    home.say(system.b(), chloe, "hello").await;
    assert_eq!(counts(&home, chloe, system.a()).await, (0, 0));
    let last = home.say(system.a(), aino, "one").await;
    home.say(system.a(), aino, "two").await;
    assert_eq!(counts(&home, chloe, system.b()).await, (2, 0));
    let mark = |cursor: &Value| json!({ "conversationId": home.general, "upTo": cursor });
    let selection = "conversation { unreadCount }";
    let marked = chloe.on(system.a()).done("markRead", mark(&last["cursor"]), selection).await;
    assert_eq!(marked["conversation"]["unreadCount"], 1);
    // An older mark moves nothing, and another device sees the same.
    let first = page(&home, chloe, system.a(), json!({ "first": 1 })).await["nodes"][0]["cursor"].clone();
    let marked = chloe.on(system.b()).done("markRead", mark(&first), selection).await;
    assert_eq!(marked["conversation"]["unreadCount"], 1);
    assert_eq!(counts(&home, &chloe.other_device(system.b()).await, system.b()).await, (1, 0));
    // A deleted message is not unread.
    let gone = home.say(system.a(), aino, "oops").await;
    assert_eq!(counts(&home, chloe, system.b()).await, (2, 0));
    aino.on(system.a()).done("deleteMessage", json!({ "messageId": gone["id"] }), "cursor").await;
    assert_eq!(counts(&home, chloe, system.b()).await, (1, 0));
    let document = "query($id: ID!) { household(id: $id) { unreadCount mentionCount } }";
    let total = chloe.on(system.a()).query(document, json!({ "id": home.id })).await;
    assert_eq!(total["household"], json!({ "unreadCount": 1, "mentionCount": 0 }));
}

async fn marking_unread_alone_moves_back(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let mut sent = Vec::new();
    for number in 0..5 {
        sent.push(home.say(system.a(), home.owner(), &number.to_string()).await);
    }
    let bo = &home.people[1];
    let read = json!({ "conversationId": home.general, "upTo": sent[4]["cursor"] });
    bo.on(system.b()).done("markRead", read, "conversation { unreadCount }").await;
    let unread = json!({ "messageId": sent[2]["id"] });
    let marked = bo.on(system.b()).done("markUnread", unread, "conversation { unreadCount }").await;
    assert_eq!(marked["conversation"]["unreadCount"], 3);
    let shown = page(&home, bo, system.a(), json!({ "anchor": { "firstUnread": true }, "first": 1 })).await;
    assert!(bodies(&shown).contains(&"2"), "{shown}");
}

async fn history_is_paged_both_ways_and_from_anchors(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let mut sent = Vec::new();
    for number in 0..45 {
        sent.push(
            home.say(&system.servers[number % system.servers.len()], home.owner(), &number.to_string()).await,
        );
    }
    let expected: Vec<String> = (0..45).map(|number| number.to_string()).collect();
    let bo = &home.people[1];

    let mut forward = Vec::new();
    let mut after = Value::Null;
    loop {
        let shown = page(&home, bo, system.b(), json!({ "first": 10, "after": after })).await;
        forward.extend(bodies(&shown).into_iter().map(str::to_owned));
        after = shown["pageInfo"]["endCursor"].clone();
        if shown["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(forward, expected);

    let mut backward: Vec<String> = Vec::new();
    let mut before = Value::Null;
    loop {
        let shown = page(&home, bo, system.a(), json!({ "last": 7, "before": before })).await;
        let found = bodies(&shown);
        backward.splice(0..0, found.into_iter().map(str::to_owned));
        before = shown["pageInfo"]["startCursor"].clone();
        if shown["pageInfo"]["hasPreviousPage"] == false {
            break;
        }
    }
    assert_eq!(backward, expected);

    // From an anchor, in both directions.
    let anchor = json!({ "message": sent[20]["id"] });
    let shown = page(&home, bo, system.a(), json!({ "anchor": anchor, "first": 3, "last": 3 })).await;
    assert!(bodies(&shown).contains(&"20"), "{shown}");
    assert_eq!(shown["pageInfo"]["hasNextPage"], true);
    assert_eq!(shown["pageInfo"]["hasPreviousPage"], true);
    let next = shown["pageInfo"]["endCursor"].clone();
    let following = page(&home, bo, system.b(), json!({ "first": 2, "after": next })).await;
    let last: usize = bodies(&shown).last().unwrap().parse().unwrap();
    assert_eq!(bodies(&following), [(last + 1).to_string(), (last + 2).to_string()]);
    let shown = page(&home, bo, system.a(), json!({ "anchor": { "newest": true }, "last": 3 })).await;
    assert_eq!(bodies(&shown), ["42", "43", "44"]);

    for wrong in [json!({ "first": 101 }), json!({ "first": -1 }), json!({ "first": 1, "after": "nonsense" })]
    {
        let mut variables = wrong.clone();
        variables["id"] = json!(home.general);
        let code = bo.on(system.a()).refusal(MESSAGES, variables).await;
        assert!(["BAD_USER_INPUT", "LIMIT_EXCEEDED"].contains(&code.as_str()), "{wrong}: {code}");
    }
}

async fn paging_stays_in_place_while_others_write(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    for number in 0..20 {
        home.say(system.a(), home.owner(), &format!("old {number}")).await;
    }
    let mut seen = Vec::new();
    let mut before = Value::Null;
    for round in 0.. {
        let shown = page(&home, &home.people[1], system.b(), json!({ "last": 5, "before": before })).await;
        seen.extend(bodies(&shown).into_iter().map(str::to_owned));
        before = shown["pageInfo"]["startCursor"].clone();
        if shown["pageInfo"]["hasPreviousPage"] == false {
            break;
        }
        home.say(system.a(), home.owner(), &format!("new {round}")).await;
    }
    assert_eq!(seen.len(), 20);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 20);
    assert!(seen.iter().all(|body| body.starts_with("old")));
}

async fn a_direct_conversation_is_between_its_participants(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 3).await;
    let (aino, bo, chloe) = (&home.people[0], &home.people[1], &home.people[2]);
    let with = home.member(system.a(), bo).await;
    let open = json!({ "householdId": home.id, "memberIds": [with] });
    let selection = "conversation { id kind }";
    let opened = aino.on(system.a()).done("openDirectConversation", open.clone(), selection).await;
    assert_eq!(opened["conversation"]["kind"], "DIRECT");
    let again = aino.on(system.b()).done("openDirectConversation", open, selection).await;
    assert_eq!(again, opened, "there is one conversation between the same people");
    let id = text(&opened["conversation"]["id"]);

    let mut socket = roomm8_tests::Socket::open(&system.b().address(), Some(&chloe.token)).await.unwrap();
    let document = "subscription($id: ID!) { messages(householdId: $id) { kind message { body } } }";
    socket.subscribe(document, json!({ "id": home.id })).await;
    socket.next(std::time::Duration::from_secs(10)).await;

    let input = json!({ "conversationId": id, "body": "a surprise for Chloé" });
    aino.on(system.a()).done("sendMessage", input.clone(), "message { id }").await;
    let document = "query($id: ID!) { conversation(id: $id) { messages(last: 5) { nodes { body } } } }";
    let shown = bo.on(system.b()).query(document, json!({ "id": id })).await;
    assert_eq!(shown["conversation"]["messages"]["nodes"][0]["body"], "a surprise for Chloé");
    assert_eq!(chloe.on(system.b()).refusal(document, json!({ "id": id })).await, "NOT_FOUND");
    assert_eq!(chloe.on(system.b()).error("sendMessage", input).await, "NOT_FOUND");

    // What everybody may hear comes through; what is private never did.
    home.say(system.a(), aino, "dinner?").await;
    let event = socket.next(std::time::Duration::from_secs(10)).await;
    assert_eq!(event["messages"]["message"]["body"], "dinner?");
}

async fn a_newcomer_starts_fully_read_and_sees_what_the_household_shows(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    home.say(system.a(), home.owner(), "long ago").await;
    let newcomer = home.newcomer(&system, "Newcomer", "MEMBER").await;
    assert_eq!(counts(&home, &newcomer, system.b()).await, (0, 0));
    let shown = page(&home, &newcomer, system.b(), json!({ "last": 50 })).await;
    assert!(bodies(&shown).contains(&"long ago"));

    let input = json!({ "householdId": home.id, "historyVisibility": "SINCE_JOINING" });
    home.owner().on(system.a()).done("updateHousehold", input, "household { historyVisibility }").await;
    let later = home.newcomer(&system, "Later", "MEMBER").await;
    home.say(system.a(), home.owner(), "just now").await;
    let shown = page(&home, &later, system.b(), json!({ "last": 50 })).await;
    assert_eq!(bodies(&shown), ["just now"]);
}
