//! How each of the two parsers reads a document, in one form to compare: what one validates, the other's reading is run.
//!
//! Not what is in strings, as the planner sees to that: see [`strings`].

use std::collections::HashSet;

use apollo_compiler::Node;
use apollo_compiler::ast::{self, Definition, Document};
use async_graphql::parser::types::{self, ExecutableDocument};
use async_graphql::{Name, Positioned};
use async_graphql_value::{ConstValue, Value as Ours};
use serde_json::{Map, Value, json};

/// As async-graphql reads it.
pub fn ours(document: &ExecutableDocument) -> Value {
    let operation = |(name, operation): (Option<&Name>, &Positioned<types::OperationDefinition>)| {
        let operation = &operation.node;
        let variables = operation.variable_definitions.iter().map(|variable| {
            let variable = &variable.node;
            let default = variable.default_value.as_ref().map(|value| our_constant(&value.node));
            let ty = variable.var_type.node.to_string();
            json!([variable.name.node.as_str(), ty, default, our_directives(&variable.directives)])
        });
        let variables: Vec<_> = variables.collect();
        let directives = our_directives(&operation.directives);
        let selections = our_selections(&operation.selection_set.node);
        let key = name.map(ToString::to_string).unwrap_or_default();
        (key, json!([operation.ty.to_string(), variables, directives, selections]))
    };
    let fragment = |(name, fragment): (&Name, &Positioned<types::FragmentDefinition>)| {
        let fragment = &fragment.node;
        let on = fragment.type_condition.node.on.node.as_str();
        let selections = our_selections(&fragment.selection_set.node);
        (name.to_string(), json!([on, our_directives(&fragment.directives), selections]))
    };
    let operations: Map<_, _> = document.operations.iter().map(operation).collect();
    let fragments: Map<_, _> = document.fragments.iter().map(fragment).collect();
    json!([operations, fragments])
}

fn our_selections(set: &types::SelectionSet) -> Vec<Value> {
    let selection = |selection: &Positioned<types::Selection>| match &selection.node {
        types::Selection::Field(field) => {
            let field = &field.node;
            let alias = field.alias.as_ref().map(|alias| alias.node.as_str());
            let arguments = our_arguments(&field.arguments);
            let selections = our_selections(&field.selection_set.node);
            json!([alias, field.name.node.as_str(), arguments, our_directives(&field.directives), selections])
        }
        types::Selection::FragmentSpread(spread) => {
            json!({ "spread": spread.node.fragment_name.node.as_str(), "directives": our_directives(&spread.node.directives) })
        }
        types::Selection::InlineFragment(inline) => {
            let inline = &inline.node;
            let on = inline.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
            json!({ "on": on, "directives": our_directives(&inline.directives),
                "selections": our_selections(&inline.selection_set.node) })
        }
    };
    set.items.iter().map(selection).collect()
}

fn our_directives(directives: &[Positioned<types::Directive>]) -> Vec<Value> {
    let directive = |directive: &Positioned<types::Directive>| {
        json!([directive.node.name.node.as_str(), our_arguments(&directive.node.arguments)])
    };
    directives.iter().map(directive).collect()
}

fn our_arguments(arguments: &[(Positioned<Name>, Positioned<Ours>)]) -> Vec<Value> {
    arguments.iter().map(|(name, value)| json!([name.node.as_str(), our_value(&value.node)])).collect()
}

fn our_constant(value: &ConstValue) -> Value {
    our_value(&value.clone().into_value())
}

fn our_value(value: &Ours) -> Value {
    match value {
        Ours::Variable(name) => json!({ "variable": name.as_str() }),
        Ours::Null => Value::Null,
        Ours::Number(number) => json!({ "number": number.as_f64() }),
        Ours::String(_) => json!(""),
        Ours::Boolean(is) => json!(is),
        Ours::Enum(name) => json!({ "enum": name.as_str() }),
        Ours::Binary(_) => panic!("no text is read as bytes"),
        Ours::List(items) => items.iter().map(our_value).collect(),
        Ours::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.to_string(), our_value(value)));
            json!({ "object": fields.collect::<Map<_, _>>() })
        }
    }
}

/// As apollo-compiler reads it.
pub fn theirs(text: &str) -> Value {
    let document = Document::parse(text, "query.graphql").expect("what was validated can be read");
    let (mut operations, mut fragments) = (Map::new(), Map::new());
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                let variables = operation.variables.iter().map(|variable| {
                    let default = variable.default_value.as_ref().map(|value| their_value(value));
                    let directives = their_directives(&variable.directives);
                    json!([variable.name.as_str(), variable.ty.to_string(), default, directives])
                });
                let variables: Vec<_> = variables.collect();
                let directives = their_directives(&operation.directives);
                let selections = their_selections(&operation.selection_set);
                let key = operation.name.as_ref().map(ToString::to_string).unwrap_or_default();
                let ty = operation.operation_type.name();
                operations.insert(key, json!([ty, variables, directives, selections]));
            }
            Definition::FragmentDefinition(fragment) => {
                let directives = their_directives(&fragment.directives);
                let selections = their_selections(&fragment.selection_set);
                let on = fragment.type_condition.as_str();
                fragments.insert(fragment.name.to_string(), json!([on, directives, selections]));
            }
            _ => panic!("a definition that cannot be executed was let in"),
        }
    }
    json!([operations, fragments])
}

fn their_selections(selections: &[ast::Selection]) -> Vec<Value> {
    let selection = |selection: &ast::Selection| match selection {
        ast::Selection::Field(field) => {
            let alias = field.alias.as_ref().map(|alias| alias.as_str());
            let arguments = their_arguments(&field.arguments);
            let selections = their_selections(&field.selection_set);
            json!([alias, field.name.as_str(), arguments, their_directives(&field.directives), selections])
        }
        ast::Selection::FragmentSpread(spread) => {
            json!({ "spread": spread.fragment_name.as_str(), "directives": their_directives(&spread.directives) })
        }
        ast::Selection::InlineFragment(inline) => {
            let on = inline.type_condition.as_ref().map(|condition| condition.as_str());
            json!({ "on": on, "directives": their_directives(&inline.directives),
                "selections": their_selections(&inline.selection_set) })
        }
    };
    selections.iter().map(selection).collect()
}

fn their_directives(directives: &ast::DirectiveList) -> Vec<Value> {
    let directive = |directive: &Node<ast::Directive>| {
        json!([directive.name.as_str(), their_arguments(&directive.arguments)])
    };
    directives.iter().map(directive).collect()
}

fn their_arguments(arguments: &[Node<ast::Argument>]) -> Vec<Value> {
    arguments.iter().map(|argument| json!([argument.name.as_str(), their_value(&argument.value)])).collect()
}

fn their_value(value: &ast::Value) -> Value {
    match value {
        ast::Value::Variable(name) => json!({ "variable": name.as_str() }),
        ast::Value::Null => Value::Null,
        ast::Value::Int(number) => json!({ "number": number.as_str().parse::<f64>().ok() }),
        ast::Value::Float(number) => json!({ "number": number.as_str().parse::<f64>().ok() }),
        ast::Value::String(_) => json!(""),
        ast::Value::Boolean(is) => json!(is),
        ast::Value::Enum(name) => json!({ "enum": name.as_str() }),
        ast::Value::List(items) => items.iter().map(|item| their_value(item)).collect(),
        ast::Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.to_string(), their_value(value)));
            json!({ "object": fields.collect::<Map<_, _>>() })
        }
    }
}

/// Each string in the arguments of a document, as apollo-compiler reads it.
pub fn strings(text: &str) -> HashSet<String> {
    let document = Document::parse(text, "query.graphql").expect("what was validated can be read");
    let mut found = HashSet::new();
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                operation
                    .variables
                    .iter()
                    .filter_map(|variable| variable.default_value.as_ref())
                    .for_each(|value| gather(value, &mut found));
                gather_all(&operation.selection_set, &mut found);
            }
            Definition::FragmentDefinition(fragment) => gather_all(&fragment.selection_set, &mut found),
            _ => {}
        }
    }
    found
}

fn gather_all(selections: &[ast::Selection], found: &mut HashSet<String>) {
    for selection in selections {
        match selection {
            ast::Selection::Field(field) => {
                field.arguments.iter().for_each(|argument| gather(&argument.value, found));
                gather_all(&field.selection_set, found);
            }
            ast::Selection::InlineFragment(inline) => gather_all(&inline.selection_set, found),
            ast::Selection::FragmentSpread(_) => {}
        }
    }
}

fn gather(value: &ast::Value, found: &mut HashSet<String>) {
    match value {
        ast::Value::String(text) => drop(found.insert(text.clone())),
        ast::Value::List(items) => items.iter().for_each(|item| gather(item, found)),
        ast::Value::Object(fields) => fields.iter().for_each(|(_, value)| gather(value, found)),
        _ => {}
    }
}
