//! Households: founding, settings, roles, invitations, leaving, and who may do what.

use roomm8_tests::{Answer, Deployment, Home, Person, client, on_both, people::text, server::Server};
use serde_json::{Value, json};

on_both!(
    a_household_is_founded_and_shown,
    settings_are_checked,
    a_stale_change_of_the_same_field_is_a_conflict_and_of_another_merges,
    each_role_may_do_what_the_matrix_says,
    the_last_seat_is_taken_by_one_of_two,
    accepting_again_takes_no_seat,
    an_invitation_says_why_it_no_longer_works,
    a_preview_shows_the_name_the_inviter_and_the_end,
    an_invitation_for_an_address_is_for_that_person,
    removing_the_inviter_voids_their_invitations,
    the_last_two_owners_cannot_both_leave,
    a_household_keeps_an_owner,
    somebody_removed_finds_nothing_until_they_come_back,
    somebody_banned_stays_out,
    an_archived_household_is_read_and_restored,
    the_last_member_leaving_archives_the_household,
    a_repeated_creation_makes_one_household,
);

const HOUSEHOLD: &str = "query($id: ID!) { household(id: $id) {
    id name timeZone currency historyVisibility version archivedAt viewerPermissions
    viewerMember { id role status }
    members(first: 50) { nodes { id displayName role status user { id } } }
    generalConversation { id kind } unreadCount mentionCount } }";

async fn household(home: &Home, person: &Person, server: &Server) -> Value {
    person.on(server).query(HOUSEHOLD, json!({ "id": home.id })).await["household"].clone()
}

async fn a_household_is_founded_and_shown(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 3).await;
    let shown = household(&home, &home.people[2], system.b()).await;
    assert_eq!(shown["name"], "Kalliolinna 4 B");
    assert_eq!(shown["timeZone"], "Europe/Helsinki");
    assert_eq!(shown["currency"], "EUR");
    assert_eq!(shown["viewerMember"]["role"], "MEMBER");
    assert_eq!(shown["generalConversation"]["kind"], "GENERAL");
    let members = shown["members"]["nodes"].as_array().unwrap();
    let names: Vec<&str> = members.iter().filter_map(|member| member["displayName"].as_str()).collect();
    assert_eq!(names.len(), 3);
    assert!(home.people.iter().all(|person| names.contains(&person.name.as_str())), "{names:?}");
    // It is among each member's own, also beside another one.
    home.people[2].found(system.b(), "A second home").await;
    let own = home.people[2].on(system.a()).query("{ viewer { households { id name } } }", json!({})).await;
    assert_eq!(own["viewer"]["households"].as_array().map(Vec::len), Some(2));
}

async fn settings_are_checked(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let owner = home.owner().on(system.a());
    let refused = async |field: &str, value: &str| {
        let input = json!({ "householdId": home.id, field: value });
        let payload = owner.mutate("updateHousehold", input, "userErrors { code field }").await;
        assert_eq!(
            payload["userErrors"][0]["field"].as_array().and_then(|path| path.last()),
            Some(&json!(field))
        );
        text(&payload["userErrors"][0]["code"])
    };
    assert_eq!(refused("timeZone", "Mars/Olympus_Mons").await, "INVALID");
    assert_eq!(refused("timeZone", "europe/helsinki ").await, "INVALID");
    assert_eq!(refused("currency", "EURO").await, "INVALID");
    assert_eq!(refused("currency", "eur").await, "INVALID");
    assert!(["INVALID", "TOO_SHORT"].contains(&refused("name", " \u{a0} ").await.as_str()));
    assert_eq!(refused("name", &"x".repeat(500)).await, "TOO_LONG");
    let input = json!({ "householdId": home.id, "timeZone": "Australia/Lord_Howe", "currency": "JPY" });
    let changed = owner.done("updateHousehold", input, "household { name timeZone currency }").await;
    let expected = json!({ "name": "Kalliolinna 4 B", "timeZone": "Australia/Lord_Howe", "currency": "JPY" });
    assert_eq!(changed["household"], expected);
}

async fn a_stale_change_of_the_same_field_is_a_conflict_and_of_another_merges(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let owner = home.owner();
    let version = household(&home, owner, system.a()).await["version"].clone();
    let change = |field: &str, value: &str| json!({ "householdId": home.id, field: value, "expectedVersion": version });
    owner.on(system.a()).done("updateHousehold", change("name", "First"), "household { id }").await;

    let selection = "household { name version } userErrors { code }";
    let conflict = owner.on(system.b()).mutate("updateHousehold", change("name", "Second"), selection).await;
    assert_eq!(conflict["userErrors"][0]["code"], "CONFLICT");
    assert_eq!(conflict["household"]["name"], "First", "the current state comes with the conflict");

    let selection = "household { name currency }";
    let merged = owner.on(system.b()).done("updateHousehold", change("currency", "KWD"), selection).await;
    assert_eq!(merged["household"], json!({ "name": "First", "currency": "KWD" }));
}

async fn each_role_may_do_what_the_matrix_says(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let target = home.member(system.a(), &home.people[1]).await;
    let message = home.say(system.a(), home.owner(), "the owner's words").await["id"].clone();
    let rights = [
        ("CHAT", "sendMessage", json!({ "conversationId": home.general, "body": "hello" })),
        ("CREATE_CONVERSATION", "createConversation", json!({ "householdId": home.id, "title": "Balcony" })),
        ("INVITE", "createInvitation", json!({ "householdId": home.id, "role": "GUEST" })),
        ("UPDATE_HOUSEHOLD", "updateHousehold", json!({ "householdId": home.id, "name": "Renamed" })),
        ("MODERATE_MESSAGES", "deleteMessage", json!({ "messageId": message })),
        ("MANAGE_MEMBERS", "changeMemberRole", json!({ "memberId": target, "role": "MEMBER" })),
        ("ARCHIVE_HOUSEHOLD", "archiveHousehold", json!({ "householdId": home.id })),
    ];
    let expected = [
        ("GUEST", vec!["CHAT"]),
        ("MEMBER", vec!["CHAT", "CREATE_CONVERSATION", "INVITE"]),
        (
            "ADMIN",
            vec![
                "CHAT",
                "CREATE_CONVERSATION",
                "INVITE",
                "UPDATE_HOUSEHOLD",
                "MODERATE_MESSAGES",
                "MANAGE_MEMBERS",
            ],
        ),
    ];
    for (role, allowed) in &expected {
        let person = home.newcomer(&system, "Matrix", role).await;
        let shown = household(&home, &person, system.b()).await;
        assert_eq!(shown["viewerMember"]["role"], *role);
        for (right, name, input) in &rights {
            let document = client::mutation(name, "userErrors { code message }");
            let answer = person.on(system.b()).ask(&document, json!({ "input": input })).await.unwrap();
            let is_allowed = allowed.contains(right);
            let is_listed = shown["viewerPermissions"].as_array().unwrap().contains(&json!(right));
            assert_eq!(is_allowed, is_listed, "{role} and {right}: {shown}");
            assert_eq!(may(&answer), is_allowed, "{role} and {name}: {answer:?}");
        }
    }
}

/// Whether an action was let through, or forbidden as a whole.
fn may(answer: &Answer) -> bool {
    match answer.code() {
        Some("FORBIDDEN") => false,
        None => true,
        Some(code) => panic!("neither done nor forbidden but {code}: {answer:?}"),
    }
}

/// What accepting an invitation came to: nothing for joining, or the reason why not.
async fn accept(person: &Person, server: &Server, token: &str) -> Option<String> {
    let selection = "household { id } alreadyMember userErrors { code }";
    let payload = person.on(server).mutate("acceptInvitation", json!({ "token": token }), selection).await;
    payload["userErrors"][0]["code"].as_str().map(str::to_owned)
}

async fn the_last_seat_is_taken_by_one_of_two(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let people = [Person::new(&system, "Quick").await, Person::new(&system, "Quicker").await];
    for _ in 0..4 {
        let token = home.invite(system.a(), "MEMBER", 1).await;
        let (one, other) =
            tokio::join!(accept(&people[0], system.a(), &token), accept(&people[1], system.b(), &token),);
        let mut outcomes = [one, other];
        outcomes.sort();
        assert_eq!(outcomes, [None, Some("INVITATION_EXHAUSTED".to_owned())]);
        let members = household(&home, home.owner(), system.a()).await["members"]["nodes"].clone();
        assert_eq!(members.as_array().map(Vec::len), Some(2));
        for member in members.as_array().unwrap().iter().filter(|member| member["role"] == "MEMBER") {
            home.remove(system.a(), member["id"].as_str().unwrap()).await;
        }
    }
}

async fn accepting_again_takes_no_seat(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let token = home.invite(system.a(), "MEMBER", 2).await;
    let (first, second) = (Person::new(&system, "First").await, Person::new(&system, "Second").await);
    let joined = first.join(system.a(), &token).await;
    assert_eq!(joined["alreadyMember"], false);
    let again = first.join(system.b(), &token).await;
    assert_eq!(again["alreadyMember"], true);
    assert_eq!(again["member"], joined["member"]);
    assert_eq!(accept(&second, system.b(), &token).await, None);
}

async fn an_invitation_says_why_it_no_longer_works(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let late = Person::new(&system, "Late").await;
    let owner = home.owner().on(system.a());
    let create = json!({ "householdId": home.id, "role": "MEMBER" });

    let made =
        owner.done("createInvitation", create.clone(), "token invitation { id status uses maxUses }").await;
    assert_eq!(made["invitation"]["status"], "OPEN");
    let revoke = json!({ "invitationId": made["invitation"]["id"] });
    owner.done("revokeInvitation", revoke, "invitation { status }").await;
    let reason = accept(&late, system.b(), &text(&made["token"])).await;
    assert_eq!(reason.as_deref(), Some("INVITATION_REVOKED"));

    let token = home.invite(system.a(), "MEMBER", 1).await;
    home_of_one_more(&system, &token).await;
    assert_eq!(accept(&late, system.b(), &token).await.as_deref(), Some("INVITATION_EXHAUSTED"));

    let wrong = token.chars().rev().collect::<String>();
    assert_eq!(accept(&late, system.b(), &wrong).await.as_deref(), Some("INVITATION_INVALID"));
    for (uses, hours) in [(0, 24), (1, 0), (1, 24 * 31)] {
        let input =
            json!({ "householdId": home.id, "role": "MEMBER", "maxUses": uses, "expiresInHours": hours });
        assert_eq!(
            owner.user_error("createInvitation", input).await,
            "INVALID",
            "{uses} uses, {hours} hours"
        );
    }
}

async fn home_of_one_more(system: &roomm8_tests::System, token: &str) {
    Person::new(system, "Earlier").await.join(system.a(), token).await;
}

async fn a_preview_shows_the_name_the_inviter_and_the_end(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let stranger = Person::new(&system, "Stranger").await;
    let input = json!({ "householdId": home.id, "role": "MEMBER" });
    let made = home
        .owner()
        .on(system.a())
        .done("createInvitation", input, "token code invitation { expiresAt }")
        .await;
    let document = "query($token: String, $code: String) {
        invitationPreview(token: $token, code: $code) { householdName inviterName expiresAt } }";
    let preview = async |variables: Value| stranger.on(system.b()).query(document, variables).await;
    let expected = json!({ "householdName": "Kalliolinna 4 B", "inviterName": home.owner().name,
        "expiresAt": made["invitation"]["expiresAt"] });
    assert_eq!(preview(json!({ "token": made["token"] })).await["invitationPreview"], expected);
    // A code is typed by people: in small letters, with or without its separator.
    let code = text(&made["code"]);
    assert!(code.chars().filter(char::is_ascii_alphanumeric).count() >= 8, "{code}");
    assert_eq!(preview(json!({ "code": code })).await["invitationPreview"], expected);
    let typed: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    assert_eq!(preview(json!({ "code": typed.to_lowercase() })).await["invitationPreview"], expected);
    let payload =
        stranger.on(system.b()).done("acceptInvitation", json!({ "code": code }), "household { id }").await;
    assert_eq!(payload["household"]["id"], home.id.as_str());
}

async fn an_invitation_for_an_address_is_for_that_person(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let (meant, other) = (Person::new(&system, "Meant").await, Person::new(&system, "Other").await);
    let is_verification =
        |letter: &Value| letter["kind"].as_str().is_some_and(|kind| kind.to_lowercase().contains("verif"));
    for person in [home.owner(), &meant] {
        let token = system.token_in_letter(&person.email, is_verification).await;
        system.a().anonymous().done("verifyEmail", json!({ "token": token }), "accepted").await;
    }
    let input = json!({ "householdId": home.id, "role": "MEMBER", "email": meant.email.to_uppercase() });
    let made = home.owner().on(system.a()).done("createInvitation", input, "token").await;
    let token = text(&made["token"]);
    assert_eq!(accept(&other, system.b(), &token).await.as_deref(), Some("INVITATION_EMAIL_MISMATCH"));
    assert_eq!(accept(&meant, system.b(), &token).await, None);
}

async fn removing_the_inviter_voids_their_invitations(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let late = Person::new(&system, "Late").await;
    let input = json!({ "householdId": home.id, "role": "MEMBER" });
    let made = home.people[1].on(system.b()).done("createInvitation", input, "token").await;
    let above = json!({ "householdId": home.id, "role": "ADMIN" });
    let document = client::mutation("createInvitation", "userErrors { code }");
    let answer = home.people[1].on(system.b()).ask(&document, json!({ "input": above })).await.unwrap();
    let is_refused = answer.code() == Some("FORBIDDEN")
        || answer.body["data"]["createInvitation"]["userErrors"][0]["code"].is_string();
    assert!(is_refused, "a member may not invite above their own role: {answer:?}");

    let member = home.member(system.a(), &home.people[1]).await;
    home.remove(system.a(), &member).await;
    let reason = accept(&late, system.b(), &text(&made["token"])).await;
    assert_eq!(reason.as_deref(), Some("INVITATION_REVOKED"));
}

async fn the_last_two_owners_cannot_both_leave(deployment: Deployment) {
    let system = deployment.system().await;
    for _ in 0..3 {
        let home = Home::new(&system, 3).await;
        let second = home.member(system.a(), &home.people[1]).await;
        let promote = json!({ "memberId": second, "role": "OWNER" });
        home.owner().on(system.a()).done("changeMemberRole", promote, "member { role }").await;
        let leave = async |person: &Person, server: &Server| {
            let input = json!({ "householdId": home.id });
            let payload = person.on(server).mutate("leaveHousehold", input, "userErrors { code }").await;
            payload["userErrors"][0]["code"].as_str().map(str::to_owned)
        };
        let (one, other) =
            tokio::join!(leave(&home.people[0], system.a()), leave(&home.people[1], system.b()));
        let mut outcomes = [one, other];
        outcomes.sort();
        assert_eq!(outcomes, [None, Some("LAST_OWNER".to_owned())]);
        let shown = household(&home, &home.people[2], system.b()).await;
        let members = shown["members"]["nodes"].as_array().unwrap();
        assert_eq!(members.iter().filter(|member| member["role"] == "OWNER").count(), 1);
    }
}

async fn a_household_keeps_an_owner(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let owner = home.owner().on(system.a());
    let own = home.member(system.a(), home.owner()).await;
    let heir = home.member(system.a(), &home.people[1]).await;
    let leave = json!({ "householdId": home.id });
    assert_eq!(owner.user_error("leaveHousehold", leave).await, "LAST_OWNER");
    let demote = json!({ "memberId": own, "role": "ADMIN" });
    assert_eq!(owner.user_error("changeMemberRole", demote).await, "LAST_OWNER");
    let leave = json!({ "householdId": home.id, "transferOwnershipTo": heir });
    owner.done("leaveHousehold", leave, "householdId").await;
    let shown = household(&home, &home.people[1], system.b()).await;
    assert_eq!(shown["viewerMember"]["role"], "OWNER");
    assert_eq!(owner.refusal(HOUSEHOLD, json!({ "id": home.id })).await, "NOT_FOUND");
}

async fn somebody_removed_finds_nothing_until_they_come_back(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 3).await;
    let person = &home.people[1];
    let member = home.member(system.a(), person).await;
    home.say(system.b(), person, "I was here").await;
    home.remove(system.a(), &member).await;

    assert_eq!(person.on(system.b()).refusal(HOUSEHOLD, json!({ "id": home.id })).await, "NOT_FOUND");
    let input = json!({ "conversationId": home.general, "body": "still here?" });
    assert_eq!(person.on(system.b()).error("sendMessage", input).await, "NOT_FOUND");
    let own = person
        .on(system.b())
        .query("{ viewer { households(includeArchived: true) { id } } }", json!({}))
        .await;
    assert_eq!(own["viewer"]["households"], json!([]));

    // Their words keep their author, and when they come back they are the same member.
    let document = "query($id: ID!) { conversation(id: $id) {
        messages(last: 5) { nodes { body author { id status } } } } }";
    let shown = home.people[2].on(system.b()).query(document, json!({ "id": home.general })).await;
    let messages = shown["conversation"]["messages"]["nodes"].as_array().unwrap();
    let words = messages.iter().find(|message| message["body"] == "I was here").unwrap();
    assert_eq!(words["author"], json!({ "id": member, "status": "REMOVED" }));
    let token = home.invite(system.a(), "MEMBER", 1).await;
    assert_eq!(person.join(system.b(), &token).await["member"]["id"], member.as_str());
}

async fn somebody_banned_stays_out(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    let member = home.member(system.a(), &home.people[1]).await;
    let input = json!({ "memberId": member, "ban": true });
    home.owner().on(system.a()).done("removeMember", input, "member { status }").await;
    let token = home.invite(system.a(), "MEMBER", 1).await;
    assert_eq!(accept(&home.people[1], system.b(), &token).await.as_deref(), Some("BANNED"));
}

async fn an_archived_household_is_read_and_restored(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 2).await;
    home.say(system.a(), home.owner(), "before").await;
    let owner = home.owner().on(system.a());
    let id = json!({ "householdId": home.id });
    let archived = owner.done("archiveHousehold", id.clone(), "household { archivedAt }").await;
    assert!(archived["household"]["archivedAt"].is_string());
    let listed = async |arguments: &str| {
        let document = format!("{{ viewer {{ households{arguments} {{ id }} }} }}");
        let answer = home.people[1].on(system.b()).query(&document, json!({})).await;
        answer["viewer"]["households"].as_array().unwrap().len()
    };
    assert_eq!(listed("").await, 0);
    assert_eq!(listed("(includeArchived: true)").await, 1);
    household(&home, &home.people[1], system.b()).await;
    let input = json!({ "conversationId": home.general, "body": "after" });
    assert_eq!(home.people[1].on(system.b()).user_error("sendMessage", input).await, "ARCHIVED");
    let restored = owner.done("restoreHousehold", id, "household { archivedAt }").await;
    assert_eq!(restored["household"]["archivedAt"], Value::Null);
    home.say(system.b(), &home.people[1], "after").await;
}

async fn the_last_member_leaving_archives_the_household(deployment: Deployment) {
    let system = deployment.system().await;
    let home = Home::new(&system, 1).await;
    let input = json!({ "householdId": home.id });
    home.owner().on(system.a()).done("leaveHousehold", input, "householdId").await;
    let answer = home.owner().on(system.b()).refusal(HOUSEHOLD, json!({ "id": home.id })).await;
    assert_eq!(answer, "NOT_FOUND");
}

async fn a_repeated_creation_makes_one_household(deployment: Deployment) {
    let system = deployment.system().await;
    let person = Person::new(&system, "Twice").await;
    let id = format!("{:032x}", rand::random::<u128>());
    let create = async |server: &Server, name: &str| {
        let input = json!({ "name": name, "timeZone": "UTC", "currency": "EUR", "clientMutationId": id });
        let document =
            client::mutation("createHousehold", "household { id } clientMutationId userErrors { code }");
        person.on(server).ask(&document, json!({ "input": input })).await.unwrap()
    };
    let (one, other) = tokio::join!(create(system.a(), "One"), create(system.b(), "One"));
    assert_eq!(one.body, other.body);
    assert_eq!(one.body["data"]["createHousehold"]["clientMutationId"], id.as_str());
    assert_eq!(create(system.b(), "Two").await.code(), Some("IDEMPOTENCY_CONFLICT"));
    let own = person.on(system.a()).query("{ viewer { households { name } } }", json!({})).await;
    assert_eq!(own["viewer"]["households"], json!([{ "name": "One" }]));
}
