//! What of the schema a household's version covers ([`roomm8_db::access::Version`]): fields that are the same for every
//! member who sees as much of the past, and change with the log only, or with a name. An answer made of such fields
//! alone holds for as long as the version stands.
//!
//! What is not in the table is not covered: a new field is left out until somebody has thought about it. Left out are what
//! is the viewer's own (what is unread, what they may do), what time changes (suggestions, who is away from now on), and
//! what happens without a trace in the log (presence, receipts, that a staple waits for its next date).

use crate::id::GlobalId;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, Field, OperationType, Selection, SelectionSet, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::{ID, Name, Request};
use async_graphql_value::Value;
use roomm8_db::HouseholdId;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Object types, each with its fields that are covered. Connections, their edges and [`PAGE_INFO`] need no line.
const COVERED: [(&str, &[&str]); 25] = [
    (
        "Household",
        &[
            "id",
            "name",
            "timeZone",
            "currency",
            "historyVisibility",
            "editWindowMinutes",
            "version",
            "createdAt",
            "archivedAt",
            "cursor",
            "members",
            "generalConversation",
            "tasks",
            "occurrences",
            "swapOffers",
            "groceryLists",
            "groceryCategories",
            "groceryStores",
            "groceryProducts",
            "groceryTrips",
            "groceryStaples",
        ],
    ),
    ("User", &["id", "displayName", "createdAt"]),
    ("Member", &["id", "displayName", "role", "status", "joinedAt", "endedAt", "version", "user"]),
    ("Conversation", &["id", "kind", "title", "version", "createdAt", "messages"]),
    (
        "Message",
        &[
            "id",
            "kind",
            "body",
            "createdAt",
            "editedAt",
            "deletedAt",
            "version",
            "clientMutationId",
            "cursor",
            "author",
            "deletedBy",
            "replyTo",
            "mentions",
            "reactions",
            "history",
        ],
    ),
    ("MessageRevision", &["body", "replacedAt", "version"]),
    ("Reaction", &["emoji", "count", "members"]),
    (
        "Task",
        &[
            "id",
            "title",
            "notes",
            "weight",
            "startDate",
            "dueTime",
            "timeZone",
            "rule",
            "overflow",
            "mode",
            "strategy",
            "turnLength",
            "help",
            "missedPolicy",
            "labels",
            "subtasks",
            "pauses",
            "requiresApproval",
            "opensBeforeMinutes",
            "reminders",
            "createdAt",
            "archivedAt",
            "version",
            "household",
            "roster",
            "createdBy",
            "openOccurrences",
            "occurrences",
            "history",
        ],
    ),
    ("TaskSubtask", &["id", "title"]),
    ("TaskPause", &["from", "until"]),
    ("TaskReminders", &["offsetsMinutes", "nag"]),
    ("TaskNag", &["everyMinutes", "atMost"]),
    (
        "Occurrence",
        &[
            "id",
            "number",
            "status",
            "plannedDate",
            "dueDate",
            "dueTime",
            "dueAt",
            "weight",
            "note",
            "doneAt",
            "closedAt",
            "reviewedAt",
            "reviewNote",
            "version",
            "task",
            "assignee",
            "ownedBy",
            "doneBy",
            "closedBy",
            "reviewedBy",
            "subtasks",
        ],
    ),
    ("OccurrenceSubtask", &["id", "title", "isDone", "doneAt", "doneBy"]),
    (
        "SwapOffer",
        &["id", "state", "createdAt", "closedAt", "version", "offered", "wanted", "offeredBy", "offeredTo"],
    ),
    (
        "GroceryList",
        &[
            "id",
            "name",
            "isUrgent",
            "createdAt",
            "archivedAt",
            "version",
            "household",
            "store",
            "assignee",
            "createdBy",
            "openCount",
            "unavailableCount",
            "boughtCount",
            "items",
            "trips",
        ],
    ),
    (
        "GroceryItem",
        &[
            "id",
            "amounts",
            "note",
            "isUrgent",
            "state",
            "isListed",
            "rank",
            "addedAt",
            "createdAt",
            "stateAt",
            "version",
            "name",
            "product",
            "category",
            "assignee",
            "addedBy",
            "stateBy",
            "list",
            "trip",
        ],
    ),
    ("GroceryAmount", &["quantity", "unit"]),
    ("GroceryProduct", &["id", "name", "unit", "createdAt", "removedAt", "version", "category"]),
    ("GroceryCategory", &["id", "name", "createdAt", "removedAt", "version"]),
    ("GroceryStore", &["id", "name", "createdAt", "removedAt", "version", "sections", "homes"]),
    ("GrocerySection", &["category", "isHidden", "isPlaced"]),
    ("GroceryHome", &["product", "category"]),
    (
        "GroceryTrip",
        &["id", "itemCount", "finishedAt", "undoneAt", "version", "list", "store", "finishedBy", "items"],
    ),
    (
        "GroceryStaple",
        &[
            "id",
            "rule",
            "startDate",
            "amounts",
            "createdAt",
            "removedAt",
            "version",
            "list",
            "product",
            "createdBy",
        ],
    ),
];

const PAGE_INFO: &str = "PageInfo";

/// What an object type's fields are, each by its name: the object type it leads to, or none where it is a leaf.
type Fields = HashMap<Name, Option<Name>>;

/// The household whose version covers the answer to this query, if there is one: all its roots are that household, and all
/// it selects there is covered.
pub fn household(request: &mut Request) -> Option<HouseholdId> {
    let document = request.parsed_query().ok()?;
    let (_, operation) = document.operations.iter().next()?;
    if operation.node.ty != OperationType::Query {
        return None;
    }
    let mut household = None;
    for root in fields(&operation.node.selection_set.node)? {
        let found = root_household(root)?;
        if *household.get_or_insert(found) != found || !is_covered("Household", &root.selection_set.node) {
            return None;
        }
    }
    household
}

fn root_household(root: &Field) -> Option<HouseholdId> {
    if root.name.node != "household" {
        return None;
    }
    match &root.get_argument("id")?.node {
        Value::String(id) => GlobalId::household(&ID::from(id.clone())).ok(),
        _ => None,
    }
}

/// The fields of a selection; nothing where it goes on behind the types of an interface.
fn fields(set: &SelectionSet) -> Option<Vec<&Field>> {
    let fields = set.items.iter().map(|selection| match &selection.node {
        Selection::Field(field) => Some(&field.node),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
    });
    fields.collect()
}

fn is_covered(ty: &str, set: &SelectionSet) -> bool {
    static TYPES: LazyLock<HashMap<Name, Fields>> = LazyLock::new(covered);
    let (Some(known), Some(selected)) = (TYPES.get(ty), fields(set)) else { return false };
    selected.iter().all(|field| match known.get(&field.name.node) {
        Some(Some(inner)) => is_covered(inner, &field.selection_set.node),
        Some(None) => true,
        None => field.name.node == "__typename",
    })
}

/// [`COVERED`], and the pages of lists, with what each field leads to.
fn covered() -> HashMap<Name, Fields> {
    let objects = objects();
    let is_page = |name: &str| name.ends_with("Connection") || name.ends_with("Edge") || name == PAGE_INFO;
    let covers = |ty: &str, field: &str| {
        is_page(ty) || COVERED.iter().any(|(name, fields)| *name == ty && fields.contains(&field))
    };
    let covered = objects.iter().map(|(ty, fields)| {
        let fields = fields.iter().filter(|(field, _)| covers(ty, field));
        let leads = |target: &Name| objects.contains_key(target).then(|| target.clone());
        (ty.clone(), fields.map(|(field, target)| (field.clone(), leads(target))).collect())
    });
    covered.collect()
}

/// The schema's object types, each with its fields and the types they are of, lists and nulls aside.
fn objects() -> HashMap<Name, HashMap<Name, Name>> {
    let mut objects = HashMap::new();
    for definition in parse_schema(crate::sdl()).map(|schema| schema.definitions).unwrap_or_default() {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let (name, kind) = (definition.node.name.node, definition.node.kind);
        let fields = match kind {
            TypeKind::Object(object) => object.fields,
            // Of what kind it turns out to be is not known beforehand: it leads nowhere that is covered.
            TypeKind::Interface(_) | TypeKind::Union(_) => Vec::new(),
            TypeKind::Scalar | TypeKind::Enum(_) | TypeKind::InputObject(_) => continue,
        };
        let fields = fields.into_iter().map(|field| (field.node.name.node, named(field.node.ty.node)));
        objects.insert(name, fields.collect());
    }
    objects
}

fn named(ty: Type) -> Name {
    match ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(*inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_covered_field_is_one_of_the_schema_and_leads_to_others() {
        let (objects, covered) = (objects(), covered());
        for (ty, fields) in COVERED {
            for field in fields {
                let target = objects.get(ty).and_then(|fields| fields.get(*field));
                let target = target.unwrap_or_else(|| panic!("there is no {ty}.{field}"));
                let leads_on = covered.get(target).is_none_or(|fields| !fields.is_empty());
                assert!(leads_on, "nothing of {target} is covered, to which {ty}.{field} leads");
            }
        }
    }

    fn covers(selection: &str) -> bool {
        let id = GlobalId::Household(HouseholdId::from_bytes([7; 16])).to_id();
        let mut request = Request::new(format!("{{ household(id: \"{}\") {{ {selection} }} }}", id.as_str()));
        household(&mut request) == Some(HouseholdId::from_bytes([7; 16]))
    }

    #[test]
    fn what_is_the_viewers_own_or_changes_by_itself_is_not_covered() {
        assert!(covers("name __typename members(first: 3) { nodes { role user { displayName } } }"));
        assert!(covers(
            "tasks { edges { node { title openOccurrences { assignee { id } } } } pageInfo { endCursor } }"
        ));
        for own in [
            "unreadCount",
            "viewerMember { id }",
            "members { nodes { presence } }",
            "members { nodes { user { version } } }",
            "generalConversation { messages { nodes { readBy { id } } } }",
            "groceryStaples { nodes { nextDate } }",
            "groceryLists { nodes { suggestions { reason } } }",
            "conversations { nodes { title } }",
        ] {
            assert!(!covers(&format!("name {own}")), "{own}");
        }
    }

    #[test]
    fn an_answer_is_about_one_household() {
        let ids = [1, 2].map(|id| GlobalId::Household(HouseholdId::from_bytes([id; 16])).to_id());
        let [one, other] = ids.each_ref().map(|id| id.as_str());
        let about = |query: String| household(&mut Request::new(query));
        assert!(
            about(format!(
                "{{ a: household(id: \"{one}\") {{ id }} b: household(id: \"{one}\") {{ name }} }}"
            ))
            .is_some()
        );
        assert_eq!(
            about(format!(
                "{{ a: household(id: \"{one}\") {{ id }} b: household(id: \"{other}\") {{ id }} }}"
            )),
            None
        );
        assert_eq!(about(format!("{{ household(id: \"{one}\") {{ id }} viewer {{ email }} }}")), None);
        assert_eq!(about("{ household(id: \"nonsense\") { id } }".to_owned()), None);
        assert_eq!(about(format!("mutation {{ household(id: \"{one}\") {{ id }} }}")), None);
    }
}
