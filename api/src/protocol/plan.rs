//! The plan: what is to be executed of a document, worked out before anything runs.
//!
//! async-graphql runs a field twice that is selected twice, reads variables only where they are used, and compares
//! overlapping fields one level deep. So it is handed a document in which none of that can matter: validated in full
//! (GraphQL specification, 5), with its variables coerced (6.1.2) and put in their places, and with its fields
//! collected (6.3.2), each response key once.

mod collect;
mod cost;
mod strings;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apollo_compiler::ast::VariableDefinition;
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::request::{RequestError, coerce_variable_values};
use apollo_compiler::response::JsonMap;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::{DiagnosticList, Valid, WithErrors};
use apollo_compiler::{ExecutableDocument as Typed, Node, Schema};
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, Selection};
use async_graphql::{Pos, Positioned, Variables};
use lru::LruCache;

use super::answer::ERRORS_SHOWN;
use super::error::{self, BAD_USER_INPUT, VALIDATION_FAILED};
use super::gate::{self, Operation, Selected};
use super::limits::{Limits, Refusal, Rule};
use super::parameters::Parameters;
use collect::{Collector, PossibleTypes};
pub use cost::Cost;

/// Documents kept in mind: an application has tens of them, rarely hundreds.
const DOCUMENTS: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();
/// Longer ones are read anew each time, so that what is kept has a bound in bytes as well.
const DOCUMENT_BYTES: usize = 16 * 1024;

/// What a block string begins and ends with.
const BLOCK_STRING: &str = "\"\"\"";

/// Makes plans for the documents of one schema, and remembers the documents.
pub struct Planner {
    schema: Valid<Schema>,
    possible_types: PossibleTypes,
    limits: Limits,
    /// Read, measured and validated before, by their text. A document's verdict depends on nothing else.
    known: Mutex<LruCache<Box<str>, Arc<Document>>>,
}

/// A document that may be run.
struct Document {
    parsed: ExecutableDocument,
    typed: Valid<Typed>,
}

impl Planner {
    /// A planner for this schema, or why it is none.
    pub fn new(sdl: &str, limits: Limits) -> anyhow::Result<Self> {
        let invalid = |problems: WithErrors<Schema>| anyhow::anyhow!("the schema is not valid: {problems}");
        let mut schema = Schema::parse(sdl, "schema.graphql").map_err(invalid)?;
        add_newer_introspection(&mut schema).map_err(|problems| invalid(*problems))?;
        let schema = schema.validate().map_err(invalid)?;
        let possible_types = collect::possible_types(&schema);
        Ok(Self { schema, possible_types, limits, known: Mutex::new(LruCache::new(DOCUMENTS)) })
    }

    /// Lets a request in as an operation that is ready to be executed, or says why not.
    pub fn admit(&self, parameters: Parameters) -> Result<Operation, Refusal> {
        let document = self.document(&parameters.query)?;
        let Selected { name, kind, operation } = gate::select(&document.parsed, &parameters, &self.limits)?;
        let variables = self.coerce(&document, name.as_deref(), &parameters.variables)?;
        let collector =
            Collector::new(&self.schema, &self.possible_types, &document.parsed, &variables, &self.limits);
        let selection_set = collector.collect(operation)?;
        let plan = OperationDefinition {
            ty: operation.node.ty,
            variable_definitions: Vec::new(),
            directives: Vec::new(),
            selection_set,
        };
        let cost = cost::cost(&self.schema, &plan);
        self.limits.check(Rule::Cost, usize::try_from(cost.total).unwrap_or(usize::MAX))?;
        let introspects = plan.selection_set.node.items.iter().any(|root| introspects(&root.node));
        let plan = Positioned::new(plan, operation.pos);
        let operations = match &parameters.operation_name {
            Some(name) => DocumentOperations::Multiple([(async_graphql::Name::new(name), plan)].into()),
            None => DocumentOperations::Single(plan),
        };
        let plan = ExecutableDocument { operations, fragments: std::collections::HashMap::new() };
        Ok(gate::operation(Parameters { variables, ..parameters }, plan, kind, name, cost, introspects))
    }

    /// Whether this document may be run at all.
    pub(super) fn check(&self, text: &str) -> Result<(), Refusal> {
        self.document(text).map(drop)
    }

    fn document(&self, text: &str) -> Result<Arc<Document>, Refusal> {
        if let Some(document) = self.known().get(text) {
            return Ok(Arc::clone(document));
        }
        let mut parsed = gate::read(text, &self.limits)?;
        let typed = self.validate(text).map_err(|problems| invalid(&problems.errors))?;
        if text.contains(BLOCK_STRING) {
            strings::correct(&mut parsed, &typed);
        }
        let document = Arc::new(Document { parsed, typed });
        if text.len() <= DOCUMENT_BYTES {
            self.known().put(text.into(), Arc::clone(&document));
        }
        Ok(document)
    }

    fn known(&self) -> MutexGuard<'_, LruCache<Box<str>, Arc<Document>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn validate(&self, text: &str) -> Result<Valid<Typed>, Box<WithErrors<Typed>>> {
        let typed = Typed::parse(&self.schema, text, "query.graphql")?;
        // A default of null allows no variable where null is not allowed (5.8.5); apollo-compiler 1.33 believes so.
        if typed.operations.iter().flat_map(|operation| &operation.variables).any(defaults_to_null) {
            let mut without = typed.clone();
            let operations =
                without.operations.anonymous.iter_mut().chain(without.operations.named.values_mut());
            for operation in operations {
                for variable in &mut operation.make_mut().variables {
                    if defaults_to_null(variable) {
                        variable.make_mut().default_value = None;
                    }
                }
            }
            without.validate(&self.schema)?;
        }
        Ok(typed.validate(&self.schema)?)
    }

    /// `CoerceVariableValues`; what is neither given nor has a default stays absent.
    fn coerce(
        &self,
        document: &Document,
        operation: Option<&str>,
        given: &Variables,
    ) -> Result<Variables, Refusal> {
        let unreadable = |problem: &RequestError| {
            let places = place(problem.location(), &document.typed);
            Refusal::at(Rule::Document, places, error::error(BAD_USER_INPUT, problem.message().to_string()))
        };
        let operation = document.typed.operations.get(operation).map_err(|problem| unreadable(&problem))?;
        if operation.variables.is_empty() {
            return Ok(Variables::default());
        }
        let no_json =
            |_| Refusal::new(Rule::Document, error::error(BAD_USER_INPUT, "the variables cannot be read"));
        let given = serde_json_bytes::to_value(given).map_err(no_json)?;
        let given: JsonMap = given.as_object().cloned().unwrap_or_default();
        let coerced = coerce_variable_values(&self.schema, operation, &given)
            .map_err(|problem| unreadable(&problem))?;
        serde_json_bytes::from_value(coerced.into_inner().into()).map_err(no_json)
    }
}

/// Fields of the introspection types (there with `__` before their names) that the validator does not know: they came
/// with the specification's edition of September 2025.
const NEWER_INTROSPECTION: &str = "
    type Type { isOneOf: Boolean }
    type Directive { args(includeDeprecated: Boolean = false): [__InputValue!]! }
    type Field { args(includeDeprecated: Boolean = false): [__InputValue!]! }
    type InputValue { isDeprecated: Boolean! deprecationReason: String }
";

fn add_newer_introspection(schema: &mut Schema) -> Result<(), Box<WithErrors<Schema>>> {
    let newer = Schema::parse(NEWER_INTROSPECTION, "introspection.graphql")?;
    for (name, ty) in &newer.types {
        let ours = schema.types.get_mut(format!("__{name}").as_str());
        if let (ExtendedType::Object(newer), Some(ExtendedType::Object(ours))) = (ty, ours) {
            let fields = newer.fields.iter().map(|(name, field)| (name.clone(), field.clone()));
            ours.make_mut().fields.extend(fields);
        }
    }
    Ok(())
}

/// Whether this root asks for the schema. A plan's roots have no fragments any more.
fn introspects(root: &Selection) -> bool {
    matches!(root, Selection::Field(field) if gate::is_introspection(&field.node.name.node))
}

fn defaults_to_null(variable: &Node<VariableDefinition>) -> bool {
    variable.default_value.as_ref().is_some_and(|value| value.is_null())
}

fn invalid(problems: &DiagnosticList) -> Refusal {
    let errors = problems
        .iter()
        .take(ERRORS_SHOWN)
        .map(|problem| {
            let mut error = error::error(VALIDATION_FAILED, problem.error.to_string());
            error.locations = problem.line_column_range().map(|range| pos(range.start)).into_iter().collect();
            error
        })
        .collect();
    Refusal { rule: Rule::Document, errors }
}

fn place(span: Option<SourceSpan>, document: &Typed) -> Vec<Pos> {
    span.and_then(|span| span.line_column(&document.sources)).map(pos).into_iter().collect()
}

fn pos(place: apollo_compiler::parser::LineColumn) -> Pos {
    Pos { line: place.line, column: place.column }
}
