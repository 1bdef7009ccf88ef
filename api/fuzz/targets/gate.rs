//! A document: the gate and the planner come to one verdict, what they let in is within the limits, and both parsers read
//! it alike.

#![no_main]

use std::collections::HashSet;

use async_graphql::Positioned;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql_value::Value;
use libfuzzer_sys::fuzz_target;
use roomm8_fuzz::protocol::{Limits, gate};
use roomm8_fuzz::{PLANNER, parameters, reading};

/// Selections that an unfolding may take; what is let in takes far fewer.
const STEPS: usize = 20_000;

fuzz_target!(|text: &str| {
    let limits = Limits::default();
    let Ok(document) = gate::read(text, &limits) else {
        let refused =
            PLANNER.admit(parameters(text, None)).err().expect("what the gate refuses stays outside");
        assert!(!refused.errors.is_empty());
        return;
    };
    assert!(text.len() <= limits.query_bytes);
    let mut is_let_in = false;
    for (name, _) in document.operations.iter() {
        let name = name.map(ToString::to_string);
        let verdict = admit(text, name.clone());
        // The second comes from the cache, if the first was let in.
        assert_eq!(verdict, admit(text, name));
        is_let_in |= verdict.is_ok();
    }
    if is_let_in {
        assert_eq!(reading::ours(&document), reading::theirs(text));
    }
    match measure(&document) {
        Some(sum) => sum.check(&limits),
        // Fragments that nowhere end have no fields; they double for the validator to refuse.
        None => assert!(!is_let_in),
    }
});

/// The plan, or the refusal, as text.
fn admit(text: &str, name: Option<String>) -> Result<String, String> {
    let mut operation = PLANNER.admit(parameters(text, name)).map_err(|refusal| format!("{refusal:?}"))?;
    let plan = operation.request.parsed_query().expect("it is parsed already");
    assert!(plan.fragments.is_empty());
    let strings = reading::strings(text);
    for (_, operation) in plan.operations.iter() {
        assert!(operation.node.variable_definitions.is_empty());
        is_planned(&operation.node.selection_set.node, &strings);
    }
    Ok(format!("{:?} {:?} {plan:?}", operation.kind, operation.name))
}

/// Nothing is left for the executor to decide: no condition, no variable, and each response key once.
fn is_planned(set: &SelectionSet, strings: &HashSet<String>) {
    let mut keys = HashSet::new();
    for selection in &set.items {
        assert!(selection.node.directives().is_empty());
        match &selection.node {
            Selection::Field(field) => {
                assert!(keys.insert(&field.node.response_key().node));
                assert!(field.node.arguments.iter().all(|(_, value)| is_constant(&value.node, strings)));
                is_planned(&field.node.selection_set.node, strings);
            }
            Selection::InlineFragment(inline) => is_planned(&inline.node.selection_set.node, strings),
            Selection::FragmentSpread(_) => panic!("a spread in a plan"),
        }
    }
}

/// With each string as the validator reads it.
fn is_constant(value: &Value, strings: &HashSet<String>) -> bool {
    match value {
        Value::Variable(_) => false,
        Value::String(text) => strings.contains(text),
        Value::List(items) => items.iter().all(|item| is_constant(item, strings)),
        Value::Object(fields) => fields.values().all(|value| is_constant(value, strings)),
        _ => true,
    }
}

/// What there is of a document with all fragments unfolded, counted one by one.
#[derive(Default)]
struct Sum<'a> {
    document: Option<&'a ExecutableDocument>,
    steps: usize,
    fields: usize,
    aliases: usize,
    directives: usize,
    levels: usize,
    depth: usize,
    root_fields: usize,
    variables: usize,
}

fn measure(document: &ExecutableDocument) -> Option<Sum<'_>> {
    let mut sum = Sum { document: Some(document), ..Sum::default() };
    for (_, operation) in document.operations.iter() {
        let Positioned { node: operation, .. } = operation;
        sum.directives += operation.directives.len();
        for variable in &operation.variable_definitions {
            sum.directives += variable.node.directives.len();
        }
        sum.variables = sum.variables.max(operation.variable_definitions.len());
        let width = sum.unfold(&operation.selection_set.node, 1, Some(0))?;
        sum.root_fields = sum.root_fields.max(width);
    }
    Some(sum)
}

impl<'a> Sum<'a> {
    /// The fields at this level. `depth` is that of the fields around it, and none inside introspection.
    fn unfold(&mut self, set: &'a SelectionSet, level: usize, depth: Option<usize>) -> Option<usize> {
        self.levels = self.levels.max(level);
        let mut width = 0;
        for selection in &set.items {
            self.steps += 1;
            if self.steps > STEPS {
                return None;
            }
            self.directives += selection.node.directives().len();
            width += match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let own = depth.map(|depth| depth + 1);
                    self.depth = self.depth.max(own.unwrap_or(0));
                    self.fields += 1;
                    self.aliases += usize::from(field.alias.is_some());
                    let inner = own.filter(|_| !matches!(field.name.node.as_str(), "__schema" | "__type"));
                    if !field.selection_set.node.items.is_empty() {
                        self.unfold(&field.selection_set.node, level + 1, inner)?;
                    }
                    1
                }
                Selection::InlineFragment(inline) => {
                    self.unfold(&inline.node.selection_set.node, level + 1, depth)?
                }
                Selection::FragmentSpread(spread) => {
                    let fragments = &self.document?.fragments;
                    match fragments.get(&spread.node.fragment_name.node) {
                        Some(fragment) => {
                            self.directives += fragment.node.directives.len();
                            self.unfold(&fragment.node.selection_set.node, level + 1, depth)?
                        }
                        None => 0,
                    }
                }
            };
        }
        Some(width)
    }

    fn check(&self, limits: &Limits) {
        assert!(self.fields <= limits.fields);
        assert!(self.aliases <= limits.aliases);
        assert!(self.directives <= limits.directives);
        assert!(self.levels <= limits.nesting);
        assert!(self.depth <= limits.depth);
        assert!(self.root_fields <= limits.root_fields);
        assert!(self.variables <= limits.variables);
    }
}
