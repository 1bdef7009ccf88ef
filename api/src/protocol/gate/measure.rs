//! How large a document gets once its fragments are unfolded, in time linear to what was written.
//!
//! Each fragment is measured once and its size is then only added, so a chain of fragments that doubles at each
//! step costs a handful of additions here, and gigabytes in an executor that walks it.

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::parser::types::{
    ExecutableDocument, Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
};

use super::super::limits::{Limits, Refusal, Rule};
use super::{Steps, document_error};

/// The lists through which the schema's graph leads back to itself.
const INTROSPECTION_LISTS: [&str; 4] = ["fields", "interfaces", "possibleTypes", "inputFields"];

/// Refuses a document with anything above its limit, in any operation or unused fragment.
pub(super) fn measure(
    document: &ExecutableDocument,
    limits: &Limits,
    steps: &mut Steps,
) -> Result<(), Refusal> {
    limits.check(Rule::Operations, document.operations.iter().len())?;
    limits.check(Rule::Fragments, document.fragments.len())?;
    let fragments = HashMap::with_capacity(document.fragments.len());
    let mut ruler = Ruler { document, limits, visits: &mut steps.visits, fragments };
    // An executor's checks walk every operation, not only the one to run: it is the sum that costs.
    let mut sum = Size::default();
    for (_, operation) in document.operations.iter() {
        let size = ruler.operation(&operation.node)?;
        limits.check(Rule::RootFields, size.width)?;
        sum.add(&size);
    }
    sum.check(limits)?;
    limits.check(Rule::Depth, sum.depth)?;
    // Those in use were measured on the way. How deep one is depends on where it is spread.
    for (name, fragment) in &document.fragments {
        ruler.fragment(name, &fragment.node, 1)?.check(limits)?;
    }
    Ok(())
}

#[derive(Clone, Copy, Default)]
struct Size {
    fields: usize,
    aliases: usize,
    directives: usize,
    /// Fields at this level.
    width: usize,
    /// Selection sets inside each other.
    levels: usize,
    /// Fields inside each other, outside introspection.
    depth: usize,
    /// Fields inside each other, were this inside introspection.
    introspection_depth: usize,
    introspection_lists: usize,
}

impl Size {
    /// Two selections side by side.
    fn add(&mut self, other: &Self) {
        self.fields = self.fields.saturating_add(other.fields);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.width = self.width.saturating_add(other.width);
        self.levels = self.levels.max(other.levels);
        self.depth = self.depth.max(other.depth);
        self.introspection_depth = self.introspection_depth.max(other.introspection_depth);
        self.introspection_lists = self.introspection_lists.max(other.introspection_lists);
    }

    /// The selection set of a field becomes the field.
    fn wrap(&mut self, field: &Field) {
        let name = field.name.node.as_str();
        self.fields = self.fields.saturating_add(1);
        self.aliases = self.aliases.saturating_add(usize::from(field.alias.is_some()));
        self.directives = self.directives.saturating_add(field.directives.len());
        self.width = 1;
        self.depth = if is_introspection(name) { 1 } else { self.depth + 1 };
        self.introspection_depth += 1;
        self.introspection_lists += usize::from(INTROSPECTION_LISTS.contains(&name));
    }

    fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        limits.check(Rule::Fields, self.fields)?;
        limits.check(Rule::Aliases, self.aliases)?;
        limits.check(Rule::Directives, self.directives)?;
        limits.check(Rule::Nesting, self.levels)
    }
}

/// Whether this field of a query's root tells of the schema.
pub(in super::super) fn is_introspection(field: &str) -> bool {
    matches!(field, "__schema" | "__type")
}

enum Fragment {
    /// Its own selections are being measured; to meet it now means that it contains itself.
    Open,
    Measured(Size),
}

struct Ruler<'a> {
    document: &'a ExecutableDocument,
    limits: &'a Limits,
    visits: &'a mut usize,
    fragments: HashMap<&'a Name, Fragment>,
}

impl<'a> Ruler<'a> {
    fn operation(&mut self, operation: &'a OperationDefinition) -> Result<Size, Refusal> {
        *self.visits += 1 + operation.variable_definitions.len();
        self.limits.check(Rule::Variables, operation.variable_definitions.len())?;
        let mut size = self.selections(&operation.selection_set.node, 1)?;
        size.directives = size.directives.saturating_add(operation.directives.len());
        for variable in &operation.variable_definitions {
            size.directives = size.directives.saturating_add(variable.node.directives.len());
        }
        Ok(size)
    }

    /// `level` bounds this function's own recursion.
    fn selections(&mut self, set: &'a SelectionSet, level: usize) -> Result<Size, Refusal> {
        self.limits.check(Rule::Nesting, level)?;
        let mut sum = Size::default();
        for selection in &set.items {
            sum.add(&self.selection(&selection.node, level)?);
        }
        sum.levels += 1;
        Ok(sum)
    }

    fn selection(&mut self, selection: &'a Selection, level: usize) -> Result<Size, Refusal> {
        *self.visits += 1;
        match selection {
            Selection::Field(field) => self.field(&field.node, level),
            Selection::InlineFragment(inline) => {
                let mut size = self.selections(&inline.node.selection_set.node, level + 1)?;
                size.directives = size.directives.saturating_add(inline.node.directives.len());
                Ok(size)
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                // A fragment that is nowhere defined has no size; validation will say so.
                let mut size = match self.document.fragments.get_key_value(name) {
                    Some((name, fragment)) => self.fragment(name, &fragment.node, level + 1)?,
                    None => Size::default(),
                };
                size.directives = size.directives.saturating_add(spread.node.directives.len());
                Ok(size)
            }
        }
    }

    fn field(&mut self, field: &'a Field, level: usize) -> Result<Size, Refusal> {
        let set = &field.selection_set.node;
        let mut size = if set.items.is_empty() { Size::default() } else { self.selections(set, level + 1)? };
        if is_introspection(field.name.node.as_str()) {
            self.limits.check(Rule::IntrospectionDepth, size.introspection_depth)?;
            self.limits.check(Rule::IntrospectionLists, size.introspection_lists)?;
        }
        size.wrap(field);
        Ok(size)
    }

    fn fragment(
        &mut self,
        name: &'a Name,
        fragment: &'a FragmentDefinition,
        level: usize,
    ) -> Result<Size, Refusal> {
        *self.visits += 1;
        match self.fragments.get(name) {
            Some(Fragment::Measured(size)) => return Ok(*size),
            Some(Fragment::Open) => {
                return Err(document_error("a fragment contains itself", vec![fragment.type_condition.pos]));
            }
            None => {}
        }
        self.fragments.insert(name, Fragment::Open);
        let mut size = self.selections(&fragment.selection_set.node, level)?;
        size.directives = size.directives.saturating_add(fragment.directives.len());
        self.fragments.insert(name, Fragment::Measured(size));
        Ok(size)
    }
}
