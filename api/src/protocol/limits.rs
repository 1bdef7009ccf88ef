//! How large an operation may be, whatever it comes in by.

use std::fmt;
use std::str::FromStr;

use async_graphql::{Pos, ServerError};

use super::error;

/// The bounds of one operation. Each has a default; each refusal names the bound, the value and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the query text. Default 16,384, at most [`Limits::QUERY_BYTES_MAX`].
    pub query_bytes: usize,
    /// Brackets of any kind open at once, in the query and (counted apart) in the variables; also the levels of
    /// selection sets with fragments unfolded. Default 32, at most [`Limits::NESTING_MAX`]: the parser and the executor
    /// recurse once a level.
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
    /// Points that the operation may cost: an object each, by as many items as its lists may have. Default 10,000.
    pub cost: usize,
}

impl Limits {
    /// The largest query text that a configuration may allow.
    pub const QUERY_BYTES_MAX: usize = 64 * 1024;
    /// The deepest nesting that a configuration may allow.
    pub const NESTING_MAX: usize = 64;

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

    /// The rules that are limits of their own, with what each counts, as a table in Markdown.
    pub fn as_markdown(&self) -> String {
        let rows = Rule::ALL.into_iter().filter(|rule| rule.is_limit());
        let row = |rule: Rule| format!("| `{}` | {} | {} |\n", rule.name(), self.of(rule), rule.words().0);
        "| limit | default | of |\n|---|---|---|\n".to_owned() + &rows.map(row).collect::<String>()
    }

    fn of(&self, rule: Rule) -> usize {
        match rule {
            Rule::QueryBytes => self.query_bytes,
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
            Rule::Cost => self.cost,
            Rule::Syntax | Rule::Document => usize::MAX,
        }
    }

    fn of_mut(&mut self, rule: Rule) -> Option<&mut usize> {
        Some(match rule {
            Rule::QueryBytes => &mut self.query_bytes,
            Rule::Nesting | Rule::VariableNesting => &mut self.nesting,
            Rule::Tokens => &mut self.tokens,
            Rule::Operations => &mut self.operations,
            Rule::Fragments => &mut self.fragments,
            Rule::Variables => &mut self.variables,
            Rule::Fields => &mut self.fields,
            Rule::Aliases => &mut self.aliases,
            Rule::Directives => &mut self.directives,
            Rule::Depth => &mut self.depth,
            Rule::RootFields => &mut self.root_fields,
            Rule::IntrospectionDepth => &mut self.introspection_depth,
            Rule::IntrospectionLists => &mut self.introspection_lists,
            Rule::Cost => &mut self.cost,
            Rule::Syntax | Rule::Document => return None,
        })
    }
}

/// As in `depth=15,fields=2000`; what is not named has its default. The error is a sentence for who wrote it.
impl FromStr for Limits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut limits = Self::default();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(format!("{pair} is no name=value"))?;
            let rule = Rule::ALL.into_iter().find(|rule| rule.is_limit() && rule.name() == name);
            let limit =
                rule.and_then(|rule| limits.of_mut(rule)).ok_or(format!("there is no limit {name}"))?;
            *limit = value.parse().map_err(|_| format!("{name} is a whole number, and {value} is none"))?;
        }
        for (name, value, most) in [
            ("query_bytes", limits.query_bytes, Self::QUERY_BYTES_MAX),
            ("nesting", limits.nesting, Self::NESTING_MAX),
        ] {
            if value > most {
                return Err(format!("{name} is {most} at most"));
            }
        }
        Ok(limits)
    }
}

/// As they are read.
impl fmt::Display for Limits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = Rule::ALL.into_iter().filter(|rule| rule.is_limit());
        let pairs: Vec<_> = limits.map(|rule| format!("{}={}", rule.name(), self.of(rule))).collect();
        formatter.write_str(&pairs.join(","))
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
            cost: 10_000,
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
    Cost,
    Syntax,
    Document,
}

impl Rule {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 17] = [
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
        Self::Cost,
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
            Self::Cost => "cost",
            Self::Syntax => "syntax",
            Self::Document => "document",
        }
    }

    /// Whether it can be set: those of documents that are wrong cannot, and that of variables is that of the query.
    fn is_limit(self) -> bool {
        !matches!(self, Self::VariableNesting | Self::Syntax | Self::Document)
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
            Self::Cost => ("points of cost", "ask for shorter pages, or nest fewer lists"),
            Self::Syntax | Self::Document => ("", ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_they_are_written() {
        let limits: Limits = "depth=15, fields=2000,".parse().unwrap();
        assert_eq!(limits, Limits { depth: 15, fields: 2_000, ..Limits::default() });
        assert_eq!(limits.to_string().parse(), Ok(limits));
        assert_eq!("".parse(), Ok(Limits::default()));
    }

    #[test]
    fn a_wrong_limit_is_said_in_a_sentence() {
        let problem = |text: &str| text.parse::<Limits>().unwrap_err();
        assert_eq!(problem("depht=15"), "there is no limit depht");
        assert_eq!(problem("syntax=1"), "there is no limit syntax");
        assert_eq!(problem("depth"), "depth is no name=value");
        assert_eq!(problem("depth=-1"), "depth is a whole number, and -1 is none");
        assert_eq!(problem("nesting=65"), "nesting is 64 at most");
        assert_eq!(problem("query_bytes=65537"), "query_bytes is 65536 at most");
    }

    #[test]
    fn the_readme_lists_the_limits() {
        let table = Limits::default().as_markdown();
        assert!(include_str!("../../../README.md").contains(&table), "README.md lacks the table\n{table}");
    }
}
