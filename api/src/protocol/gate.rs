//! The gate: what a request passes before anything else looks at it, on every transport alike.
//!
//! Every step costs time linear to the text, and none recurses further than a limit.

mod cursor;
mod measure;
mod scan;

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType};
use async_graphql::parser::{Error as ParseError, parse_query};
use async_graphql::{Pos, Positioned, Request, Value};

pub(super) use measure::is_introspection;

use super::error::{self, OPERATION_UNKNOWN, PARSE_FAILED, VALIDATION_FAILED};
use super::limits::{Limits, Refusal, Rule};
use super::parameters::Parameters;
use super::plan::Cost;

/// An operation that may be run.
pub struct Operation {
    /// The request, with its parsed document in it.
    pub request: Request,
    /// What the selected operation is.
    pub kind: Kind,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// What it may cost.
    pub cost: Cost,
    /// Whether it asks for the schema itself.
    pub introspects: bool,
}

/// The kinds of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they say it themselves")]
pub enum Kind {
    Query,
    Mutation,
    Subscription,
}

impl Kind {
    /// As GraphQL spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Mutation => "mutation",
            Self::Subscription => "subscription",
        }
    }
}

/// The operation of a document that a request asks for.
pub struct Selected<'a> {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// Its definition.
    pub operation: &'a Positioned<OperationDefinition>,
}

/// What reading a document took, the parser's own work aside. It is counted where the work is done, so that a test can
/// hold it against the text's length without a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Looks at a byte of the text, before it is parsed.
    pub looks: usize,
    /// Operations, variables, selections and fragments come by while measuring, each as often as that happens.
    pub visits: usize,
}

/// Reads a document, or says why it is not let in. Nothing of the text is looked at before its size is known.
pub fn read(text: &str, limits: &Limits) -> Result<ExecutableDocument, Refusal> {
    read_counting(text, limits, &mut Steps::default())
}

/// As [`read`], adding up what it takes.
pub fn read_counting(text: &str, limits: &Limits, steps: &mut Steps) -> Result<ExecutableDocument, Refusal> {
    limits.check(Rule::QueryBytes, text.len())?;
    scan::scan(text, limits, steps)?;
    let document = parse_query(text).map_err(|error| unreadable(&error))?;
    measure::measure(&document, limits, steps)?;
    Ok(document)
}

/// Finds the operation that a request asks for, and looks at the size of its variables.
pub fn select<'a>(
    document: &'a ExecutableDocument,
    parameters: &Parameters,
    limits: &Limits,
) -> Result<Selected<'a>, Refusal> {
    for value in parameters.variables.values() {
        // The variables are an object themselves: one level.
        check_nesting(value, 2, limits)?;
    }
    let (name, operation) = find(document, parameters.operation_name.as_deref())?;
    Ok(Selected { name, kind: kind_of(&operation.node), operation })
}

/// A request of these parameters that runs this document.
pub(super) fn operation(
    parameters: Parameters,
    document: ExecutableDocument,
    kind: Kind,
    name: Option<String>,
    cost: Cost,
    introspects: bool,
) -> Operation {
    let mut request = Request::new(parameters.query).variables(parameters.variables);
    request.operation_name = parameters.operation_name;
    request.extensions = parameters.extensions;
    request.set_parsed_query(document);
    Operation { request, kind, name, cost, introspects }
}

/// `GetOperation` of the GraphQL specification, 6.1.
fn find<'a>(
    document: &'a ExecutableDocument,
    wanted: Option<&str>,
) -> Result<(Option<String>, &'a Positioned<OperationDefinition>), Refusal> {
    let mut operations = document.operations.iter();
    let selected = match wanted {
        Some(wanted) => operations.find(|(name, _)| name.is_some_and(|name| name.as_str() == wanted)),
        None => operations.next().filter(|_| operations.next().is_none()),
    };
    let (name, operation) = selected.ok_or_else(|| unknown(wanted))?;
    Ok((name.map(ToString::to_string), operation))
}

fn kind_of(operation: &OperationDefinition) -> Kind {
    match operation.ty {
        OperationType::Query => Kind::Query,
        OperationType::Mutation => Kind::Mutation,
        OperationType::Subscription => Kind::Subscription,
    }
}

fn check_nesting(value: &Value, level: usize, limits: &Limits) -> Result<(), Refusal> {
    match value {
        Value::List(values) => {
            limits.check(Rule::VariableNesting, level)?;
            values.iter().try_for_each(|value| check_nesting(value, level + 1, limits))
        }
        Value::Object(fields) => {
            limits.check(Rule::VariableNesting, level)?;
            fields.values().try_for_each(|value| check_nesting(value, level + 1, limits))
        }
        _ => Ok(()),
    }
}

fn unknown(wanted: Option<&str>) -> Refusal {
    let message = match wanted {
        Some(_) => "the document has no operation of the name in operationName",
        None => "the document has several operations: say which to run in operationName",
    };
    Refusal::new(Rule::Document, error::error(OPERATION_UNKNOWN, message))
}

/// The parser's own text quotes the query; only what it expected is passed on.
fn unreadable(problem: &ParseError) -> Refusal {
    let places = problem.positions().collect();
    match problem {
        ParseError::Syntax { message, .. } => match message.rsplit_once(" = ") {
            Some((_, expected)) if expected.starts_with("expected ") => syntax_error(expected.trim(), places),
            _ => syntax_error("the query cannot be read here", places),
        },
        ParseError::MissingOperation => syntax_error("the document has no operation", places),
        ParseError::RecursionLimitExceeded => syntax_error("the query is nested too deep", places),
        ParseError::MultipleOperations { .. } => {
            document_error("an operation without a name must be the document's only one", places)
        }
        ParseError::OperationDuplicated { .. } => document_error("two operations have the same name", places),
        ParseError::FragmentDuplicated { .. } => document_error("two fragments have the same name", places),
        _ => syntax_error("the query cannot be read", places),
    }
}

fn syntax_error(problem: &str, places: Vec<Pos>) -> Refusal {
    Refusal::at(Rule::Syntax, places, error::error(PARSE_FAILED, format!("syntax error: {problem}")))
}

fn document_error(problem: &str, places: Vec<Pos>) -> Refusal {
    Refusal::at(Rule::Document, places, error::error(VALIDATION_FAILED, problem))
}
