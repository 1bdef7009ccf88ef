//! Households, members and invitations, as clients see them.

use crate::Schema;
use crate::testing::{Person, System};
use async_graphql::ValidationMode;
use async_graphql::extensions::{Extension, ExtensionFactory};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

#[tokio::test(flavor = "multi_thread")]
async fn a_household_is_shown_to_its_members_as_it_is() {
    let system = System::new().await;
    let ada = Person::new(&system, "Ada").await;
    let input = json!({ "name": " Elm Street 5 ", "timeZone": "Europe/Berlin", "currency": "EUR", "clientMutationId": "one" });
    let selection = "household { id cursor } cursor userErrors { code } clientMutationId";
    let first = ada.does("createHousehold", input.clone(), selection).await;
    assert_eq!(ada.does("createHousehold", input, selection).await, first, "a repeat gets the first answer");
    assert_eq!(first["household"]["cursor"], first["cursor"]);
    let document = "query($id: ID!) { household(id: $id) {
        name timeZone currency historyVisibility editWindowMinutes version archivedAt cursor
        viewerMember { displayName role status user { displayName } presence lastSeenAt } viewerPermissions
        members { nodes { displayName } pageInfo { hasNextPage hasPreviousPage } }
        invitations { nodes { id } } conversations { nodes { kind } } generalConversation { kind }
        unreadCount mentionCount } }";
    let (shown, _) = ada.asks(document, json!({ "id": first["household"]["id"] })).await;
    let presence = &shown["household"]["viewerMember"]["presence"];
    let expected = json!({
        "name": "Elm Street 5", "timeZone": "Europe/Berlin", "currency": "EUR", "historyVisibility": "ALL",
        "editWindowMinutes": 1440, "version": 1, "archivedAt": null, "cursor": first["cursor"],
        "viewerMember": { "displayName": "Ada", "role": "OWNER", "status": "ACTIVE", "user": { "displayName": "Ada" },
            "presence": "OFFLINE", "lastSeenAt": shown["household"]["viewerMember"]["lastSeenAt"] },
        "viewerPermissions": ["READ", "CHAT", "LEAVE", "CREATE_CONVERSATION", "MENTION_EVERYONE", "ANNOUNCE", "INVITE",
            "DO_TASKS", "MANAGE_TASKS", "EDIT_GROCERIES", "UPDATE_HOUSEHOLD", "MODERATE_MESSAGES", "MANAGE_MEMBERS", "UNDO_TASKS",
            "ARCHIVE_HOUSEHOLD"],
        "members": { "nodes": [{ "displayName": "Ada" }], "pageInfo": { "hasNextPage": false, "hasPreviousPage": false } },
        "invitations": { "nodes": [] }, "conversations": { "nodes": [{ "kind": "GENERAL" }] },
        "generalConversation": { "kind": "GENERAL" }, "unreadCount": 0, "mentionCount": 0,
    });
    assert_eq!(shown["household"], expected, "{presence}");
    let last_seen = shown["household"]["viewerMember"]["lastSeenAt"].as_str().unwrap();
    assert!(last_seen.ends_with(":00:00.000000Z"), "to the hour: {last_seen}");

    let eve = Person::new(&system, "Eve").await;
    let (nothing, code) = eve.asks(document, json!({ "id": first["household"]["id"] })).await;
    assert_eq!((nothing, code), (json!({ "household": null }), json!("NOT_FOUND")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_window_of_null_is_not_the_same_as_none_given() {
    let system = System::new().await;
    let ada = Person::new(&system, "Ada").await;
    let id = ada.founds().await;
    let selection = "household { name editWindowMinutes version } userErrors { code field }";
    let update = async |more: Value| {
        let mut input = json!({ "householdId": id });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ada.does("updateHousehold", input, selection).await
    };
    let window = |payload: &Value| payload["household"]["editWindowMinutes"].clone();
    assert_eq!(window(&update(json!({ "editWindowMinutes": null })).await), Value::Null);
    assert_eq!(window(&update(json!({ "editWindowMinutes": 0 })).await), json!(0));
    let renamed = update(json!({ "name": "First", "expectedVersion": 3 })).await;
    assert_eq!(renamed["household"], json!({ "name": "First", "editWindowMinutes": 0, "version": 4 }));
    let stale = update(json!({ "name": "Second", "expectedVersion": 3 })).await;
    assert_eq!(stale["userErrors"], json!([{ "code": "CONFLICT", "field": ["expectedVersion"] }]));
    assert_eq!(stale["household"], renamed["household"]);
    let odd = update(json!({ "timeZone": "Mars/Olympus" })).await;
    assert_eq!(
        odd,
        json!({ "household": null, "userErrors": [{ "code": "INVALID", "field": ["timeZone"] }] })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_made_looked_at_and_accepted() {
    let system = System::new().await;
    let (ada, ben) = (Person::new(&system, "Ada").await, Person::new(&system, "Ben").await);
    let id = ada.founds().await;
    let made = ada.invites(&id, json!({ "email": "BEN@example.org" })).await;
    let invitation = json!({ "id": made["invitation"]["id"], "role": "MEMBER", "status": "OPEN",
        "email": "ben@example.org", "createdBy": { "displayName": "Ada" } });
    assert_eq!(made["invitation"], invitation);
    let token = made["token"].as_str().unwrap();
    assert_eq!(made["link"], json!(format!("http://localhost/join#{token}")));

    let document = "query($token: String, $code: String) { invitationPreview(token: $token, code: $code) { householdName inviterName } }";
    let preview = async |variables| system.ask(None, document, variables).await;
    let seen = json!({ "householdName": "Elm Street 5", "inviterName": "Ada" });
    assert_eq!(preview(json!({ "token": token })).await["data"]["invitationPreview"], seen);
    assert_eq!(preview(json!({ "code": made["code"] })).await["data"]["invitationPreview"], seen);
    for neither_nor in [json!({}), json!({ "token": token, "code": made["code"] })] {
        let answer = preview(neither_nor).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    }

    let joined = ben.joins(&made).await;
    let household = json!({ "name": "Elm Street 5", "cursor": joined["cursor"], "viewerMember": { "role": "MEMBER" },
        "viewerPermissions": ["READ", "CHAT", "LEAVE", "CREATE_CONVERSATION", "MENTION_EVERYONE", "ANNOUNCE", "INVITE",
            "DO_TASKS", "MANAGE_TASKS", "EDIT_GROCERIES"] });
    assert_eq!((&joined["household"], &joined["alreadyMember"]), (&household, &json!(false)));
    let again = ben.joins(&made).await;
    assert_eq!((&again["member"], &again["alreadyMember"]), (&joined["member"], &json!(true)));
    let eve = Person::new(&system, "Eve").await;
    let late = eve.joins(&made).await;
    let errors = json!([{ "code": "INVITATION_EXHAUSTED", "field": ["token"] }]);
    assert_eq!(
        late,
        json!({ "household": null, "member": null, "alreadyMember": false, "cursor": null, "userErrors": errors })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_sees_no_invitations_but_the_rest_of_the_page() {
    let system = System::new().await;
    let (ada, ben) = (Person::new(&system, "Ada").await, Person::new(&system, "Ben").await);
    let id = ada.founds().await;
    let made = ada.invites(&id, json!({ "role": "GUEST", "maxUses": 2 })).await;
    ben.joins(&made).await;
    let document = "query($id: ID!, $invitation: ID!) {
        household(id: $id) { name invitations { nodes { id } } } node(id: $invitation) { id } }";
    let variables = json!({ "id": id, "invitation": made["invitation"]["id"] });
    let (seen, _) = ben.asks(document, variables.clone()).await;
    assert_eq!(seen, json!({ "household": { "name": "Elm Street 5", "invitations": null }, "node": null }));
    let (seen, code) = ada.asks(document, variables).await;
    let nodes = json!([{ "id": made["invitation"]["id"] }]);
    assert_eq!(seen["household"]["invitations"]["nodes"], nodes);
    assert_eq!((&seen["node"]["id"], code), (&made["invitation"]["id"], Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn members_change_leave_and_are_found_as_nodes() {
    let system = System::new().await;
    let (ada, ben) = (Person::new(&system, "Ada").await, Person::new(&system, "Ben").await);
    let id = ada.founds().await;
    let member = ben.joins(&ada.invites(&id, json!({})).await).await["member"]["id"].clone();
    let input = json!({ "memberId": member, "role": "ADMIN" });
    let changed = ada.does("changeMemberRole", input, "member { role version } userErrors { code }").await;
    assert_eq!(changed["member"], json!({ "role": "ADMIN", "version": 2 }));
    let selection = "householdId userErrors { code field }";
    let last = ada.does("leaveHousehold", json!({ "householdId": id }), selection).await;
    let errors = json!([{ "code": "LAST_OWNER", "field": ["transferOwnershipTo"] }]);
    assert_eq!(last, json!({ "householdId": null, "userErrors": errors }));
    let odd =
        ada.does("leaveHousehold", json!({ "householdId": id, "transferOwnershipTo": "x" }), selection).await;
    assert_eq!(odd["userErrors"][0]["code"], "INVALID_REFERENCE");
    let input = json!({ "householdId": id, "transferOwnershipTo": member });
    assert_eq!(
        ada.does("leaveHousehold", input, selection).await,
        json!({ "householdId": id, "userErrors": [] })
    );

    let document = "query($id: ID!) { household(id: $id) { members(includeFormer: true, last: 2) {
        nodes { displayName role status presence lastSeenAt } pageInfo { hasPreviousPage } } } }";
    let (seen, _) = ben.asks(document, json!({ "id": id })).await;
    let mut nodes = seen["household"]["members"]["nodes"].clone();
    nodes[1]["lastSeenAt"].take();
    let expected = json!([
        { "displayName": "Ada", "role": "OWNER", "status": "LEFT", "presence": null, "lastSeenAt": null },
        { "displayName": "Ben", "role": "OWNER", "status": "ACTIVE", "presence": "OFFLINE", "lastSeenAt": null },
    ]);
    assert_eq!(nodes, expected);
    let document = "query($id: ID!) { node(id: $id) { ... on Member { displayName } } }";
    let (seen, _) = ben.asks(document, json!({ "id": member })).await;
    assert_eq!(seen, json!({ "node": { "displayName": "Ben" } }));
    let (seen, code) = ada.asks(document, json!({ "id": member })).await;
    assert_eq!((seen, code), (json!({ "node": null }), json!("NOT_FOUND")));
}

#[tokio::test(flavor = "multi_thread")]
async fn households_are_listed_with_as_many_statements_for_many_as_for_few() {
    let system = System::new().await;
    let (ada, ben) = (Person::new(&system, "Ada").await, Person::new(&system, "Ben").await);
    let document = "{ viewer { households { name cursor viewerPermissions viewerMember { role user { displayName } } } } }";
    let statements = async |person: &Person<'_>, households: usize| {
        let before = system.services.database.statistics().statements.load(Ordering::Relaxed);
        let (seen, _) = person.asks(document, json!({})).await;
        assert_eq!(seen["viewer"]["households"].as_array().map(Vec::len), Some(households), "{seen}");
        system.services.database.statistics().statements.load(Ordering::Relaxed) - before
    };
    ada.founds().await;
    for _ in 0..5 {
        ben.founds().await;
    }
    assert_eq!(statements(&ada, 1).await, statements(&ben, 5).await);
}

/// Does nothing but move every field to the path of extensions.
struct Idle;

impl Extension for Idle {}

impl ExtensionFactory for Idle {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_extension_every_answer_is_the_same() {
    let system = System::new().await;
    let ada = Person::new(&system, "Ada").await;
    let household = ada.founds().await;
    let slower = Schema::with(ValidationMode::Fast, Idle);
    let document = "query($id: ID!) {
        __typename __schema { types { name fields { name type { name } } } }
        node(id: $id) { __typename id ... on Household { name } }
        none: node(id: \"SAGiDCeCVnZOoTWj_QRwuAI\") { id }
        household(id: $id) {
            cursor viewerPermissions viewerMember { role user { displayName } }
            members(first: 2) { nodes { __typename displayName } edges { cursor } pageInfo { hasNextPage } }
            generalConversation { kind messages(last: 2) { nodes { body reactions { emoji } } } }
        } }";
    let variables = json!({ "id": household });
    for token in [Some(ada.token.as_str()), None] {
        let answer = system.ask(token, document, variables.clone()).await;
        assert_eq!(system.ask_by(&slower, token, document, variables.clone()).await, answer);
        assert_eq!(answer["data"]["household"].is_object(), token.is_some(), "{answer}");
    }
}
