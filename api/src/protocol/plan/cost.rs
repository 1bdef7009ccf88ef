//! What a plan costs at most, by the schema alone: a point for each object that it may answer with.
//!
//! A list is as long as it may get. One below a field with `first` or `last` (a Relay connection's `edges` and `nodes`)
//! has what they ask for; any other as many items as the longest list among its field's arguments, and else
//! [`LIST`]. A field that is more work than its objects says so by `@cost(weight:)` (GraphQL Cost Directives
//! Specification, section 4.1), which is owed whatever the answer. The shape of it, and the names in which it is told, are those of Shopify's calculated query cost.

use apollo_compiler::Schema;
use apollo_compiler::ast::{FieldDefinition, Type, Value as Literal};
use async_graphql::Value as Answer;
use async_graphql::parser::types::{Field, OperationDefinition, OperationType, Selection, SelectionSet};
use async_graphql_value::Value;

use super::super::gate::is_introspection;

/// Items of a list of which nothing says how long it may be.
const LIST: u64 = 10;
/// Items of a page, where neither the request nor the schema says how many.
const PAGE: u64 = 50;
/// What is said of the schema itself: as much work as a large page, from memory.
const INTROSPECTION: u64 = 100;
/// For each change: a transaction, and what it sends to others.
const MUTATION: u64 = 10;
/// For a subscription: what it costs to keep.
const SUBSCRIPTION: u64 = 5;

/// The cost of an operation, in points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// All of it, at least 1.
    pub total: u64,
    /// The share of it that is no object, and is owed whatever the answer.
    pub fixed: u64,
}

impl Cost {
    /// What it was in the end, with this answer.
    pub(in super::super) fn actual(&self, data: &Answer) -> u64 {
        // The root is no object of its own.
        let objects = objects(data).saturating_sub(1);
        self.fixed.saturating_add(objects).clamp(1, self.total)
    }
}

fn objects(value: &Answer) -> u64 {
    match value {
        Answer::Object(fields) => fields.values().map(objects).fold(1, u64::saturating_add),
        Answer::List(items) => items.iter().map(objects).fold(0, u64::saturating_add),
        _ => 0,
    }
}

/// The cost of a plan, in which every variable is in its place.
pub(super) fn cost(schema: &Schema, plan: &OperationDefinition) -> Cost {
    let definition = &schema.schema_definition;
    let (root, each) = match plan.ty {
        OperationType::Query => (&definition.query, 0),
        OperationType::Mutation => (&definition.mutation, MUTATION),
        OperationType::Subscription => (&definition.subscription, SUBSCRIPTION),
    };
    let roots = plan.selection_set.node.items.iter().map(|selection| match &selection.node {
        root if super::introspects(root) => INTROSPECTION,
        _ => each,
    });
    let root = root.as_ref().map_or("", |root| root.as_str());
    let selected = set(schema, root, &plan.selection_set.node, LIST);
    let fixed = roots.fold(selected.fixed, u64::saturating_add);
    Cost { total: selected.objects.saturating_add(fixed).max(1), fixed }
}

/// What is selected, in points.
#[derive(Clone, Copy, Default)]
struct Points {
    /// One for each object.
    objects: u64,
    /// What is owed whatever the answer.
    fixed: u64,
}

impl Points {
    fn plus(self, other: Self) -> Self {
        Self {
            objects: self.objects.saturating_add(other.objects),
            fixed: self.fixed.saturating_add(other.fixed),
        }
    }

    fn times(self, count: u64) -> Self {
        Self { objects: self.objects.saturating_mul(count), fixed: self.fixed.saturating_mul(count) }
    }

    fn total(self) -> u64 {
        self.objects.saturating_add(self.fixed)
    }
}

/// What is selected of one object; its lists have so many items.
fn set(schema: &Schema, ty: &str, set: &SelectionSet, items: u64) -> Points {
    let (mut fields, mut dearest) = (Points::default(), Points::default());
    for selection in &set.items {
        match &selection.node {
            Selection::Field(selected) => fields = fields.plus(field(schema, ty, &selected.node, items)),
            // In a plan they are for one type each, of which the object has one.
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let ty = condition.map_or(ty, |condition| condition.node.on.node.as_str());
                let other = self::set(schema, ty, &fragment.node.selection_set.node, items);
                dearest = if other.total() > dearest.total() { other } else { dearest };
            }
            Selection::FragmentSpread(_) => {}
        }
    }
    fields.plus(dearest)
}

fn field(schema: &Schema, ty: &str, field: &Field, items: u64) -> Points {
    let is_leaf = field.selection_set.node.items.is_empty();
    if is_introspection(&field.name.node) {
        return Points::default();
    }
    // It is there: the plan is of a valid document.
    let Ok(definition) = schema.type_field(ty, &field.name.node) else {
        return Points { objects: u64::from(!is_leaf), fixed: 0 };
    };
    let own = Points { objects: 0, fixed: weight(definition) };
    if is_leaf {
        return own;
    }
    let page = page(field, definition);
    let inside = page.unwrap_or(LIST);
    let object = set(schema, definition.ty.inner_named_type(), &field.selection_set.node, inside)
        .plus(Points { objects: 1, fixed: 0 });
    let count = page.or_else(|| longest(field)).unwrap_or(items);
    (0..lists(&definition.ty)).fold(object, |points, _| points.times(count)).plus(own)
}

/// What a field costs whatever it answers, by its `@cost`.
fn weight(definition: &FieldDefinition) -> u64 {
    let directive = definition.directives.get("cost");
    let weight = directive.and_then(|directive| directive.specified_argument_by_name("weight"));
    weight.and_then(|weight| weight.as_str()?.parse().ok()).unwrap_or(0)
}

/// How many items a field is asked for, if it is one that can be.
fn page(field: &Field, definition: &FieldDefinition) -> Option<u64> {
    let mut pages = ["first", "last"].into_iter().filter_map(|name| {
        let default = &definition.argument_by_name(name)?.default_value;
        Some(match field.get_argument(name).map(|value| &value.node) {
            Some(Value::Number(number)) => Some(number.as_u64().unwrap_or(0)),
            _ => match default.as_deref() {
                Some(Literal::Int(number)) => {
                    number.try_to_i32().ok().and_then(|number| number.try_into().ok())
                }
                _ => None,
            },
        })
    });
    let first = pages.next()?;
    let asked = [first, pages.next().flatten()].into_iter().flatten().reduce(u64::saturating_add);
    Some(asked.unwrap_or(PAGE))
}

/// The length of the longest list among the arguments.
fn longest(field: &Field) -> Option<u64> {
    let lists = field.arguments.iter().filter_map(|(_, value)| match &value.node {
        Value::List(items) => u64::try_from(items.len()).ok(),
        _ => None,
    });
    lists.max()
}

/// Lists inside each other.
fn lists(ty: &Type) -> u32 {
    match ty {
        Type::Named(_) | Type::NonNullNamed(_) => 0,
        Type::List(item) | Type::NonNullList(item) => lists(item) + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Limits, Parameters};
    use super::super::Planner;
    use super::Cost;
    use serde_json::{Value, json};

    const SDL: &str = "
        directive @cost(weight: String!) on FIELD_DEFINITION
        type Query { me: Person, node(id: ID!): Node, nodes(ids: [ID!]!): [Node]!, word: String, words: [String!]! }
        type Mutation { change(text: String): Person }
        type Subscription { changes: Person! }
        interface Node { id: ID! }
        type Person implements Node { id: ID!, friends(first: Int, last: Int): People!, pets: [Pet!]!,
            few(first: Int = 3): [Pet!]!, grid: [[Pet!]!]!,
            dear: Pet @cost(weight: \"30\"), number: Int @cost(weight: \"7\") }
        type People { edges: [Edge!]!, nodes: [Person!]!, pageInfo: PageInfo! }
        type Edge { cursor: ID!, node: Person! }
        type PageInfo { hasNextPage: Boolean! }
        type Pet implements Node { id: ID!, owner: Person! }
    ";

    fn cost(query: &str, variables: &Value) -> Cost {
        let limits = Limits { cost: usize::MAX, ..Limits::default() };
        let planner = Planner::new(SDL, limits).unwrap();
        let request = json!({ "query": query, "variables": variables }).to_string();
        let Ok(parameters) = Parameters::from_json(request.as_bytes()) else { panic!("{request}") };
        planner.admit(parameters).unwrap().cost
    }

    fn total(query: &str) -> u64 {
        cost(query, &json!({})).total
    }

    #[test]
    fn an_object_is_a_point_and_a_leaf_is_none() {
        assert_eq!(total("{ word words __typename }"), 1);
        assert_eq!(total("{ me { id } word }"), 1);
        assert_eq!(total("{ me { id } again: me { id } }"), 2);
        // Selected twice, it is still one.
        assert_eq!(total("{ me { id } ...F } fragment F on Query { me { id __typename } }"), 1);
    }

    #[test]
    fn a_connection_has_as_many_items_as_it_is_asked_for() {
        let friends = |page: &str| total(&format!("{{ me {{ friends{page} {{ nodes {{ id }} }} }} }}"));
        assert_eq!(friends("(first: 7)"), 2 + 7);
        assert_eq!(friends("(first: 7, last: 2)"), 2 + 9);
        assert_eq!(friends(""), 2 + 50);
        assert_eq!(friends("(first: null)"), 2 + 50);
        assert_eq!(friends("(first: -7)"), 2);
        assert_eq!(
            total("{ me { friends(first: 7) { pageInfo { hasNextPage } edges { cursor node { id } } } } }"),
            3 + 14
        );
        let query = "query($n: Int = 4) { me { friends(first: $n) { nodes { friends(last: $n) { nodes { id } } } } } }";
        assert_eq!(cost(query, &json!({})).total, 2 + 4 * (2 + 4));
        assert_eq!(cost(query, &json!({ "n": 10 })).total, 2 + 10 * (2 + 10));
        let deep = "{ me { friends(first: 2147483647) { nodes { friends(first: 2147483647) { nodes { friends(first: 2147483647) { nodes { id } } } } } } } }";
        assert_eq!(total(deep), u64::MAX);
    }

    #[test]
    fn other_lists_are_as_long_as_their_arguments_or_ten() {
        assert_eq!(total("{ me { pets { id owner { id } } } }"), 1 + 10 * 2);
        assert_eq!(total("{ me { grid { id } } }"), 1 + 10 * 10);
        assert_eq!(total("{ me { few { id } } }"), 1 + 3);
        assert_eq!(total("{ me { few(first: 5) { id } } }"), 1 + 5);
        assert_eq!(total(r#"{ nodes(ids: ["a", "b"]) { id } }"#), 2);
    }

    #[test]
    fn of_possible_types_the_dearest_counts() {
        let query = r#"{ node(id: "a") { id ... on Person { pets { id } } ... on Pet { owner { id } } } }"#;
        assert_eq!(total(query), 1 + 10);
    }

    #[test]
    fn what_is_no_object_is_owed_whatever_the_answer() {
        let none = json!({});
        assert_eq!(
            cost("mutation { change { id } again: change { id } }", &none),
            Cost { total: 22, fixed: 20 }
        );
        assert_eq!(cost("subscription { changes { id } }", &none), Cost { total: 6, fixed: 5 });
        assert_eq!(cost("{ me { dear { id } number } }", &none), Cost { total: 2 + 37, fixed: 37 });
        let many = "{ me { friends(first: 4) { nodes { number } } } }";
        assert_eq!(cost(many, &none), Cost { total: 2 + 4 + 4 * 7, fixed: 4 * 7 });
        let introspection = "{ __schema { types { name } } __type(name: \"Pet\") { name } }";
        assert_eq!(cost(introspection, &none), Cost { total: 200, fixed: 200 });
    }

    #[test]
    fn the_answer_says_what_it_was() {
        let charged = Cost { total: 22, fixed: 10 };
        let actual = |answer: Value| charged.actual(&async_graphql::Value::from_json(answer).unwrap());
        assert_eq!(actual(json!({ "change": { "id": 1, "pets": [{ "id": 1 }, { "id": 2 }] } })), 13);
        assert_eq!(actual(json!(null)), 10);
        let many: Vec<_> = (0..100).map(|id| json!({ "id": id })).collect();
        assert_eq!(actual(json!({ "all": many })), 22);
    }
}
