//! Block strings, as the validator reads them.
//!
//! Of a block string async-graphql-parser 7.0.19 keeps the backslash of `\"""`, and blanks in lines shorter than the
//! indentation (GraphQL specification, 2.9.4). It does not keep which strings were such, so all of a field's are replaced.

use apollo_compiler::ast::{Argument, Value as TheirValue};
use apollo_compiler::executable::{Selection as Their, SelectionSet as TheirSet};
use apollo_compiler::{ExecutableDocument as Typed, Node};
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Positioned};
use async_graphql_value::Value;

/// Gives the arguments of a document's fields the strings of its other reading.
pub(super) fn correct(document: &mut ExecutableDocument, typed: &Typed) {
    match &mut document.operations {
        DocumentOperations::Single(operation) => {
            if let Some(theirs) = &typed.operations.anonymous {
                set(&mut operation.node.selection_set.node, &theirs.selection_set);
            }
        }
        DocumentOperations::Multiple(operations) => {
            for (name, operation) in operations {
                if let Some(theirs) = typed.operations.named.get(name.as_str()) {
                    set(&mut operation.node.selection_set.node, &theirs.selection_set);
                }
            }
        }
    }
    for (name, fragment) in &mut document.fragments {
        if let Some(theirs) = typed.fragments.get(name.as_str()) {
            set(&mut fragment.node.selection_set.node, &theirs.selection_set);
        }
    }
}

fn set(ours: &mut SelectionSet, theirs: &TheirSet) {
    for (ours, theirs) in ours.items.iter_mut().zip(&theirs.selections) {
        match (&mut ours.node, theirs) {
            (Selection::Field(ours), Their::Field(theirs)) => {
                arguments(&mut ours.node.arguments, &theirs.arguments);
                set(&mut ours.node.selection_set.node, &theirs.selection_set);
            }
            (Selection::InlineFragment(ours), Their::InlineFragment(theirs)) => {
                set(&mut ours.node.selection_set.node, &theirs.selection_set);
            }
            _ => {}
        }
    }
}

fn arguments(ours: &mut [(Positioned<Name>, Positioned<Value>)], theirs: &[Node<Argument>]) {
    for ((_, ours), theirs) in ours.iter_mut().zip(theirs) {
        value(&mut ours.node, &theirs.value);
    }
}

fn value(ours: &mut Value, theirs: &TheirValue) {
    match (ours, theirs) {
        (Value::String(ours), TheirValue::String(theirs)) => ours.clone_from(theirs),
        (Value::List(ours), TheirValue::List(theirs)) => {
            ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| value(ours, theirs));
        }
        (Value::Object(ours), TheirValue::Object(theirs)) => {
            for (name, theirs) in theirs {
                if let Some(ours) = ours.get_mut(name.as_str()) {
                    value(ours, theirs);
                }
            }
        }
        _ => {}
    }
}
