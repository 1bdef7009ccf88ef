//! `CollectFields` (GraphQL specification, 6.3.2), ahead of the execution.
//!
//! Where a selection is on an interface or union, what is collected depends on the object's type: each possible type
//! gets a fragment of its own.

use apollo_compiler::Schema;
use apollo_compiler::ast::Type;
use apollo_compiler::schema::ExtendedType;
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, InlineFragment, OperationDefinition, OperationType, Selection,
    SelectionSet, TypeCondition,
};
use async_graphql::{Name, Pos, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;
use std::collections::{HashMap, HashSet};

use super::super::error::{self, BAD_USER_INPUT, VALIDATION_FAILED};
use super::super::limits::{Limits, Refusal, Rule};

/// Fields that a plan may have for each that the document may have: those on interfaces are repeated for each type.
const REPEATED: usize = 8;

/// The object types that each interface and union may turn out to be.
pub(super) type PossibleTypes = HashMap<String, Vec<String>>;

/// To look for them needs a walk through the whole schema.
pub(super) fn possible_types(schema: &Schema) -> PossibleTypes {
    let objects = |ty: &str| {
        let objects = schema.types.iter().filter(|(_, object)| object.is_object());
        objects.filter(|(name, _)| schema.is_subtype(ty, name)).map(|(name, _)| name.to_string()).collect()
    };
    let abstracts = schema.types.iter().filter(|(_, ty)| ty.is_interface() || ty.is_union());
    abstracts.map(|(name, _)| (name.to_string(), objects(name))).collect()
}

pub(super) struct Collector<'a> {
    schema: &'a Schema,
    possible_types: &'a PossibleTypes,
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    limits: &'a Limits,
    fields: usize,
}

/// The fields of one response key, in the order of their selection.
type Groups<'a> = IndexMap<&'a str, Vec<&'a Positioned<Field>>>;

impl<'a> Collector<'a> {
    pub(super) fn new(
        schema: &'a Schema,
        possible_types: &'a PossibleTypes,
        document: &'a ExecutableDocument,
        variables: &'a Variables,
        limits: &'a Limits,
    ) -> Self {
        Self { schema, possible_types, document, variables, limits, fields: 0 }
    }

    /// What is selected of the operation's root.
    pub(super) fn collect(
        mut self,
        operation: &'a Positioned<OperationDefinition>,
    ) -> Result<Positioned<SelectionSet>, Refusal> {
        let root = match operation.node.ty {
            OperationType::Query => &self.schema.schema_definition.query,
            OperationType::Mutation => &self.schema.schema_definition.mutation,
            OperationType::Subscription => &self.schema.schema_definition.subscription,
        };
        let root = root.as_ref().map_or("", |root| root.as_str());
        let set = &operation.node.selection_set;
        Ok(Positioned::new(self.set(root, &[&set.node])?, set.pos))
    }

    fn set(&mut self, ty: &str, sets: &[&'a SelectionSet]) -> Result<SelectionSet, Refusal> {
        // An object type is not among them.
        let Some(possible) = self.possible_types.get(ty).filter(|possible| !possible.is_empty()) else {
            return Ok(SelectionSet { items: self.fields(ty, sets)? });
        };
        let mut items = Vec::with_capacity(possible.len());
        for object in possible {
            let fields = self.fields(object, sets)?;
            let Some(pos) = fields.first().map(|field| field.pos) else { continue };
            let condition = TypeCondition { on: Positioned::new(Name::new(object), pos) };
            let fragment = InlineFragment {
                type_condition: Some(Positioned::new(condition, pos)),
                directives: Vec::new(),
                selection_set: Positioned::new(SelectionSet { items: fields }, pos),
            };
            items.push(Positioned::new(Selection::InlineFragment(Positioned::new(fragment, pos)), pos));
        }
        Ok(SelectionSet { items })
    }

    /// The collected fields of an object type.
    fn fields(&mut self, ty: &str, sets: &[&'a SelectionSet]) -> Result<Vec<Positioned<Selection>>, Refusal> {
        let mut groups = Groups::new();
        let mut seen = HashSet::new();
        for set in sets {
            self.group(ty, set, &mut groups, &mut seen)?;
        }
        self.fields += groups.len();
        if self.fields > self.limits.fields.saturating_mul(REPEATED) {
            self.limits.check(Rule::Fields, self.fields)?;
        }
        groups.into_values().map(|group| self.field(ty, &group)).collect()
    }

    fn group(
        &self,
        ty: &str,
        set: &'a SelectionSet,
        groups: &mut Groups<'a>,
        seen: &mut HashSet<&'a str>,
    ) -> Result<(), Refusal> {
        for selection in &set.items {
            if !self.is_included(selection.node.directives())? {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => {
                    groups.entry(field.node.response_key().node.as_str()).or_default().push(field);
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    if condition.is_none_or(|condition| self.applies(&condition.node, ty)) {
                        self.group(ty, &inline.node.selection_set.node, groups, seen)?;
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let Some(fragment) = self.document.fragments.get(name) else { continue };
                    if seen.insert(name.as_str()) && self.applies(&fragment.node.type_condition.node, ty) {
                        self.group(ty, &fragment.node.selection_set.node, groups, seen)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The fields of a response key, as one.
    fn field(&mut self, ty: &str, group: &[&'a Positioned<Field>]) -> Result<Positioned<Selection>, Refusal> {
        let Some(first) = group.first() else { return Err(empty()) };
        let field = &first.node;
        if let Some(other) = group.iter().find(|other| !is_same(field, &other.node)) {
            // Validation sees to this; but of lists apollo-compiler 1.33 compares only the common length.
            return Err(conflict(field, other.pos));
        }
        let definition = self.schema.type_field(ty, &field.name.node).map_err(|_| empty())?;
        let sets: Vec<_> = group.iter().map(|field| &field.node.selection_set.node).collect();
        let selection_set = if sets.iter().all(|set| set.items.is_empty()) {
            SelectionSet::default()
        } else {
            self.set(definition.ty.inner_named_type(), &sets)?
        };
        let mut arguments = Vec::with_capacity(field.arguments.len());
        for (name, value) in &field.arguments {
            let Some(given) = self.value(&value.node) else { continue };
            if let Some(argument) = definition.argument_by_name(&name.node)
                && self.has_null(&argument.ty, &given)
            {
                return Err(null_argument(&name.node, value.pos));
            }
            arguments.push((name.clone(), Positioned::new(given, value.pos)));
        }
        let collected = Field {
            alias: field.alias.clone(),
            name: field.name.clone(),
            arguments,
            directives: Vec::new(),
            selection_set: Positioned::new(selection_set, field.selection_set.pos),
        };
        Ok(Positioned::new(Selection::Field(Positioned::new(collected, first.pos)), first.pos))
    }

    /// A value with its variables in their places; none for a variable that has none (6.4.1).
    fn value(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Variable(name) => self.variables.get(name).cloned().map(ConstValue::into_value),
            // An absent variable in a list is null: a list has no absent items.
            Value::List(items) => {
                Some(Value::List(items.iter().map(|item| self.value(item).unwrap_or(Value::Null)).collect()))
            }
            Value::Object(fields) => Some(Value::Object(
                fields.iter().filter_map(|(name, value)| Some((name.clone(), self.value(value)?))).collect(),
            )),
            constant => Some(constant.clone()),
        }
    }

    /// Whether there is null in a value where its type has none.
    fn has_null(&self, ty: &Type, value: &Value) -> bool {
        match value {
            Value::Null => ty.is_non_null(),
            Value::List(items) if ty.is_list() => {
                items.iter().any(|item| self.has_null(ty.item_type(), item))
            }
            Value::Object(given) => match self.schema.types.get(ty.inner_named_type()) {
                Some(ExtendedType::InputObject(input)) => given.iter().any(|(name, value)| {
                    input.fields.get(name.as_str()).is_some_and(|field| self.has_null(&field.ty, value))
                }),
                _ => false,
            },
            _ => false,
        }
    }

    fn is_included(&self, directives: &[Positioned<Directive>]) -> Result<bool, Refusal> {
        for directive in directives {
            let wanted = match directive.node.name.node.as_str() {
                "skip" => false,
                "include" => true,
                _ => continue,
            };
            let condition = directive.node.get_argument("if").and_then(|value| self.value(&value.node));
            let Some(Value::Boolean(condition)) = condition else { return Err(null_condition(directive)) };
            if condition != wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn applies(&self, condition: &TypeCondition, ty: &str) -> bool {
        let on = condition.on.node.as_str();
        on == ty || self.schema.is_subtype(on, ty)
    }
}

// A variable of a nullable type with a default passes validation, and null may still be given for it (5.8.5). The
// specification has an error at the field then; here nothing runs.

fn null_condition(directive: &Positioned<Directive>) -> Refusal {
    null(&format!("the condition of @{}", directive.node.name.node), directive.pos)
}

fn null_argument(name: &str, pos: Pos) -> Refusal {
    null(&format!("the argument `{name}`"), pos)
}

fn null(place: &str, pos: Pos) -> Refusal {
    let message = format!("null stands where null may not be, in {place}");
    Refusal::at(Rule::Document, vec![pos], error::error(BAD_USER_INPUT, message))
}

fn is_same(one: &Field, other: &Field) -> bool {
    one.name.node == other.name.node
        && one.arguments.len() == other.arguments.len()
        && one.arguments.iter().all(|(name, value)| {
            other.get_argument(&name.node).is_some_and(|theirs| theirs.node == value.node)
        })
}

fn conflict(field: &Field, pos: Pos) -> Refusal {
    let key = field.response_key();
    let message = format!("the same name `{}` stands for different fields or arguments", key.node);
    Refusal::at(Rule::Document, vec![key.pos, pos], error::error(VALIDATION_FAILED, message))
}

/// A document that passed validation has no such selection.
fn empty() -> Refusal {
    Refusal::new(Rule::Document, error::error(VALIDATION_FAILED, "a selection selects nothing"))
}
