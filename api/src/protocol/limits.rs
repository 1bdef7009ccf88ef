//! How large an operation may be, whatever it comes in by.

use async_graphql::{Pos, ServerError};

use super::error;

/// The bounds of one operation. Each has a default; each refusal names the bound, the value and the way out.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of the query text. Default 16,384, at most [`Limits::QUERY_BYTES_MAX`].
    pub query_bytes: usize,
    /// Brackets of any kind open at once, in the query and (counted apart) in the variables; also the levels of
    /// selection sets with fragments unfolded. Default 32. The parser and the executor recurse once a level.
    pub nesting: usize,
    /// Lexical tokens of the query text. Default 2,000.
    pub tokens: usize,
    /// Operations in the document. Default 10.
    pub operations: usize,
    /// Fragment definitions in the document. Default 50.
    pub fragments: usize,
    /// Variable definitions of an operation. Default 50.
    pub variables: usize,
    /// Fields with all fragments unfolded, over all operations. Default 1,000.
    pub fields: usize,
    /// Aliases with all fragments unfolded. Default 100.
    pub aliases: usize,
    /// Directives with all fragments unfolded. Default 50.
    pub directives: usize,
    /// Fields inside fields. Default 12. What is below `__schema` and `__type` counts towards
    /// `introspection_depth`.
    pub depth: usize,
    /// Fields at the root of an operation. Default 20.
    pub root_fields: usize,
    /// Fields inside `__schema` and `__type`. Default 24: the usual introspection query needs 13 to 17.
    pub introspection_depth: usize,
    /// Lists of the schema's own graph (`fields`, `interfaces`, `possibleTypes`, `inputFields`) inside each other
    /// under `__schema` and `__type`. Default 2: each further one multiplies the answer by the schema's size.
    pub introspection_lists: usize,
}

impl Limits {
    /// The largest query text that a configuration may allow.
    pub const QUERY_BYTES_MAX: usize = 64 * 1024;

    pub(crate) fn check(&self, rule: Rule, value: usize) -> Result<(), Refusal> {
        let limit = self.of(rule);
        if value <= limit {
            return Ok(());
        }
        let (what, way_out) = rule.words();
        Err(Refusal::new(
            rule,
            error::error(
                error::LIMIT_EXCEEDED,
                format!("{what}: {value}, and {limit} is the limit; {way_out}"),
            ),
        ))
    }

    fn of(&self, rule: Rule) -> usize {
        match rule {
            Rule::QueryBytes => self.query_bytes.min(Self::QUERY_BYTES_MAX),
            Rule::Nesting | Rule::VariableNesting => self.nesting,
            Rule::Tokens => self.tokens,
            Rule::Operations => self.operations,
            Rule::Fragments => self.fragments,
            Rule::Variables => self.variables,
            Rule::Fields => self.fields,
            Rule::Aliases => self.aliases,
            Rule::Directives => self.directives,
            Rule::Depth => self.depth,
            Rule::RootFields => self.root_fields,
            Rule::IntrospectionDepth => self.introspection_depth,
            Rule::IntrospectionLists => self.introspection_lists,
            Rule::Syntax | Rule::Document => usize::MAX,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            query_bytes: 16 * 1024,
            nesting: 32,
            tokens: 2_000,
            operations: 10,
            fragments: 50,
            variables: 50,
            fields: 1_000,
            aliases: 100,
            directives: 50,
            depth: 12,
            root_fields: 20,
            introspection_depth: 24,
            introspection_lists: 2,
        }
    }
}

/// Why the gate let something not pass.
#[derive(Debug)]
pub struct Refusal {
    /// The rule, for counting.
    pub rule: Rule,
    /// What to tell the client; never nothing.
    pub errors: Vec<ServerError>,
}

impl Refusal {
    pub(crate) fn new(rule: Rule, error: ServerError) -> Self {
        Self { rule, errors: vec![error] }
    }

    /// With the places in the document that it is about.
    pub(crate) fn at(rule: Rule, places: Vec<Pos>, error: ServerError) -> Self {
        Self::new(rule, ServerError { locations: places, ..error })
    }
}

/// What the gate looks at. All but the last two are limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the fields of Limits")]
pub enum Rule {
    QueryBytes,
    Nesting,
    Tokens,
    Operations,
    Fragments,
    Variables,
    VariableNesting,
    Fields,
    Aliases,
    Directives,
    Depth,
    RootFields,
    IntrospectionDepth,
    IntrospectionLists,
    Syntax,
    Document,
}

impl Rule {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 16] = [
        Self::QueryBytes,
        Self::Nesting,
        Self::Tokens,
        Self::Operations,
        Self::Fragments,
        Self::Variables,
        Self::VariableNesting,
        Self::Fields,
        Self::Aliases,
        Self::Directives,
        Self::Depth,
        Self::RootFields,
        Self::IntrospectionDepth,
        Self::IntrospectionLists,
        Self::Syntax,
        Self::Document,
    ];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::QueryBytes => "query_bytes",
            Self::Nesting => "nesting",
            Self::Tokens => "tokens",
            Self::Operations => "operations",
            Self::Fragments => "fragments",
            Self::Variables => "variables",
            Self::VariableNesting => "variable_nesting",
            Self::Fields => "fields",
            Self::Aliases => "aliases",
            Self::Directives => "directives",
            Self::Depth => "depth",
            Self::RootFields => "root_fields",
            Self::IntrospectionDepth => "introspection_depth",
            Self::IntrospectionLists => "introspection_lists",
            Self::Syntax => "syntax",
            Self::Document => "document",
        }
    }

    /// What was counted, and what its author can do.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::QueryBytes => ("bytes in the query", "move values into variables or split the query"),
            Self::Nesting => ("levels of brackets or selections", "nest less"),
            Self::Tokens => ("tokens in the query", "move values into variables or split the query"),
            Self::Operations => ("operations in the document", "send only the one to run"),
            Self::Fragments => ("fragments in the document", "send only those in use"),
            Self::Variables => ("variables of the operation", "group them in input objects"),
            Self::VariableNesting => ("levels in the variables", "nest them less"),
            Self::Fields => ("fields with fragments unfolded", "ask for less or split the query"),
            Self::Aliases => ("aliases with fragments unfolded", "use list fields or split the query"),
            Self::Directives => ("directives with fragments unfolded", "use fewer"),
            Self::Depth => ("fields inside each other", "ask for less deep data"),
            Self::RootFields => ("fields at the root", "split the query"),
            Self::IntrospectionDepth => ("fields inside introspection", "ask for less deep data"),
            Self::IntrospectionLists => ("introspection lists inside each other", "use ofType and names"),
            Self::Syntax | Self::Document => ("", ""),
        }
    }
}
