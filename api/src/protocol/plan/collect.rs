//! `CollectFields` (GraphQL specification, 6.3.2), ahead of the execution.
//!
//! Where a selection is on an interface or union, what is collected depends on the object's type: then each possible
//! type gets a fragment of its own, unless all of them would get the same.

use apollo_compiler::Schema;
use apollo_compiler::schema::ExtendedType;
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, InlineFragment, OperationDefinition, OperationType, Selection,
    SelectionSet, TypeCondition,
};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;
use std::collections::HashSet;

use super::super::error::{self, VALIDATION_FAILED};
use super::super::limits::{Limits, Refusal, Rule};

/// Fields that a plan may have for each that the document may have: those on interfaces are repeated for each type.
const REPEATED: usize = 8;

pub(super) struct Collector<'a> {
    schema: &'a Schema,
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
        document: &'a ExecutableDocument,
        variables: &'a Variables,
        limits: &'a Limits,
    ) -> Self {
        Self { schema, document, variables, limits, fields: 0 }
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
        let possible = self.possible_types(ty);
        let depends_on_type = !possible.is_empty() && sets.iter().any(|set| self.has_conditions(ty, set));
        if !depends_on_type {
            return Ok(SelectionSet { items: self.fields(ty, sets)? });
        }
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

    /// The collected fields of an object type, or of any type on which nothing depends on the object's.
    fn fields(&mut self, ty: &str, sets: &[&'a SelectionSet]) -> Result<Vec<Positioned<Selection>>, Refusal> {
        let mut groups = Groups::new();
        let mut seen = HashSet::new();
        for set in sets {
            self.group(ty, set, &mut groups, &mut seen);
        }
        self.fields += groups.len();
        if self.fields > self.limits.fields.saturating_mul(REPEATED) {
            self.limits.check(Rule::Fields, self.fields)?;
        }
        groups.into_values().map(|group| self.field(ty, &group)).collect()
    }

    fn group(&self, ty: &str, set: &'a SelectionSet, groups: &mut Groups<'a>, seen: &mut HashSet<&'a str>) {
        for selection in &set.items {
            if !self.is_included(selection.node.directives()) {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => {
                    groups.entry(field.node.response_key().node.as_str()).or_default().push(field);
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    if condition.is_none_or(|condition| self.applies(&condition.node, ty)) {
                        self.group(ty, &inline.node.selection_set.node, groups, seen);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let Some(fragment) = self.document.fragments.get(name) else { continue };
                    if seen.insert(name.as_str()) && self.applies(&fragment.node.type_condition.node, ty) {
                        self.group(ty, &fragment.node.selection_set.node, groups, seen);
                    }
                }
            }
        }
    }

    /// The fields of a response key, which validation found to be the same, as one.
    fn field(&mut self, ty: &str, group: &[&'a Positioned<Field>]) -> Result<Positioned<Selection>, Refusal> {
        let Some(first) = group.first() else { return Err(empty()) };
        let field = &first.node;
        let sets: Vec<_> = group.iter().map(|field| &field.node.selection_set.node).collect();
        let selection_set = if sets.iter().all(|set| set.items.is_empty()) {
            SelectionSet::default()
        } else {
            let inner = self.schema.type_field(ty, &field.name.node).map_err(|_| empty())?;
            let inner = inner.ty.inner_named_type().clone();
            self.set(&inner, &sets)?
        };
        let arguments = field.arguments.iter().filter_map(|(name, value)| {
            let pos = value.pos;
            Some((name.clone(), Positioned::new(self.value(&value.node)?, pos)))
        });
        let collected = Field {
            alias: field.alias.clone(),
            name: field.name.clone(),
            arguments: arguments.collect(),
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

    fn is_included(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| {
            let condition = directive.node.get_argument("if").and_then(|value| self.value(&value.node));
            let holds = condition == Some(Value::Boolean(true));
            match directive.node.name.node.as_str() {
                "skip" => !holds,
                "include" => holds,
                _ => true,
            }
        })
    }

    fn applies(&self, condition: &TypeCondition, ty: &str) -> bool {
        let on = condition.on.node.as_str();
        on == ty || self.schema.is_subtype(on, ty)
    }

    /// The object types that an interface or union may turn out to be; none for an object type.
    fn possible_types(&self, ty: &str) -> Vec<&'a str> {
        match self.schema.types.get(ty) {
            Some(ExtendedType::Interface(_)) => self
                .schema
                .types
                .iter()
                .filter(|(_, object)| object.is_object())
                .filter(|(name, _)| self.schema.is_subtype(ty, name))
                .map(|(name, _)| name.as_str())
                .collect(),
            Some(ExtendedType::Union(union)) => {
                union.members.iter().map(|member| member.name.as_str()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether some selection is only for some of the types that this one may turn out to be.
    fn has_conditions(&self, ty: &str, set: &SelectionSet) -> bool {
        set.items.iter().any(|selection| match &selection.node {
            Selection::Field(_) => false,
            Selection::InlineFragment(inline) => {
                let condition = inline.node.type_condition.as_ref();
                condition.is_some_and(|condition| condition.node.on.node != ty)
                    || self.has_conditions(ty, &inline.node.selection_set.node)
            }
            Selection::FragmentSpread(spread) => {
                self.document.fragments.get(&spread.node.fragment_name.node).is_some_and(|fragment| {
                    fragment.node.type_condition.node.on.node != ty
                        || self.has_conditions(ty, &fragment.node.selection_set.node)
                })
            }
        })
    }
}

/// A document that passed validation has no such selection.
fn empty() -> Refusal {
    Refusal::new(Rule::Document, error::error(VALIDATION_FAILED, "a selection selects nothing"))
}
