use std::time::{Duration, Instant};

use async_graphql::Variables;
use proptest::prelude::*;
use roomm8_api::protocol::gate::{self, Kind};
use roomm8_api::protocol::limits::{Refusal, Rule};
use roomm8_api::protocol::{Limits, Parameters};

fn parameters(query: &str) -> Parameters {
    Parameters::from_fields(vec![("query".into(), query.into())]).unwrap()
}

fn pass(parameters: &Parameters, limits: &Limits) -> Result<(Kind, Option<String>), Refusal> {
    let document = gate::read(&parameters.query, limits)?;
    gate::select(&document, parameters, limits).map(|selected| (selected.kind, selected.name))
}

fn admit(query: &str) -> Result<Kind, Rule> {
    pass(&parameters(query), &Limits::default()).map(|(kind, _)| kind).map_err(|refusal| refusal.rule)
}

/// As much stack as a worker of tokio has. To overflow it ends the process: no test could report that.
fn on_a_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap()
}

#[test]
fn deep_nests_are_refused_before_the_parser_sees_them() {
    for (open, close) in [("[", "]"), ("{a:", "}"), ("(", ")")] {
        for depth in [1_000, 1_600, 4_000] {
            let query = format!("{{ f(v: {}1{}) }}", open.repeat(depth), close.repeat(depth));
            assert_eq!(on_a_small_stack(move || admit(&query)), Err(Rule::Nesting));
        }
    }
    let fields = format!("{}a{}", "{a".repeat(2_000), "}".repeat(2_000));
    assert_eq!(on_a_small_stack(move || admit(&fields)), Err(Rule::Nesting));
    let types = format!("query($v: {}Int{}) {{ a }}", "[".repeat(2_000), "]".repeat(2_000));
    assert_eq!(on_a_small_stack(move || admit(&types)), Err(Rule::Nesting));
}

#[test]
fn the_deepest_that_is_allowed_is_parsed_at_once() {
    for (open, close) in [("[", "]"), ("{a:", "}")] {
        let query = format!("{{ f(v: {}1{}) }}", open.repeat(30), close.repeat(30));
        let started = Instant::now();
        assert_eq!(on_a_small_stack(move || admit(&query)), Ok(Kind::Query));
        assert!(started.elapsed() < Duration::from_secs(1));
    }
}

#[test]
fn brackets_in_strings_and_comments_do_not_count() {
    let many = "[{(".repeat(50);
    assert_eq!(admit(&format!("{{ f(v: \"{many}\") }}")), Ok(Kind::Query));
    assert_eq!(admit(&format!("{{ f(v: \"\\\"{many}\") }}")), Ok(Kind::Query));
    assert_eq!(admit(&format!("{{ f(v: \"\"\"{many} \\\"\"\" \" {many}\"\"\") }}")), Ok(Kind::Query));
    assert_eq!(admit(&format!("{{ f # {many}\r}}")), Ok(Kind::Query));
    assert_eq!(admit(&format!("{{ f # comment\r (v: {many}")), Err(Rule::Nesting));
}

#[test]
fn a_string_without_an_end_hides_nothing() {
    // The parser would read an empty string, another one, and then brackets without number.
    let brackets = "[".repeat(2_000);
    let query = format!("{{ f(v: [\"\"\"\" {brackets} ]) }}");
    assert_eq!(on_a_small_stack(move || admit(&query)), Err(Rule::Syntax));
    let query = format!("{{ f(v: [\" \n {brackets} ]) }}");
    assert_eq!(on_a_small_stack(move || admit(&query)), Err(Rule::Syntax));
}

#[test]
fn fragments_that_double_are_measured_and_not_unfolded() {
    for spreads in [2, 8] {
        let chain: String = (0..30)
            .map(|n| format!("fragment F{n} on Q {{ {} }}\n", format!("...F{} ", n + 1).repeat(spreads)))
            .collect();
        let query = format!("{{ ...F0 }}\n{chain} fragment F30 on Q {{ a }}");
        let limits = Limits { nesting: 64, ..Limits::default() };
        let started = Instant::now();
        let refusal = pass(&parameters(&query), &limits).err().unwrap();
        assert_eq!(refusal.rule, Rule::RootFields);
        assert!(started.elapsed() < Duration::from_secs(1));
        let nested = query.replacen("{ ...F0 }", "{ a { ...F0 } }", 1);
        assert_eq!(pass(&parameters(&nested), &limits).err().unwrap().rule, Rule::Fields);
    }
}

#[test]
fn a_long_chain_of_fragments_needs_little_stack() {
    let limits = Limits { fragments: 1_000, tokens: 20_000, query_bytes: 1 << 16, ..Limits::default() };
    let chain: String = (0..900).map(|n| format!("fragment F{n} on Q {{ ...F{} }} ", n + 1)).collect();
    let query = format!("{{ ...F0 }} {chain} fragment F900 on Q {{ a }}");
    let rule = on_a_small_stack(move || pass(&parameters(&query), &limits).err().unwrap().rule);
    assert_eq!(rule, Rule::Nesting);
}

#[test]
fn a_fragment_within_itself_is_refused() {
    assert_eq!(admit("{ ...F } fragment F on Q { a { ...F ...F } }"), Err(Rule::Document));
    assert_eq!(admit("{ a } fragment F on Q { ...G } fragment G on Q { ...F }"), Err(Rule::Document));
}

#[test]
fn each_limit_is_held() {
    let repeat = |what: &str, times| what.repeat(times);
    let cases = [
        (Rule::QueryBytes, format!("{{ a }} #{}", repeat("x", 1 << 14))),
        (Rule::Tokens, format!("{{ f(v: [{}]) }}", repeat("1 ", 2_000))),
        (Rule::Operations, (0..11).map(|n| format!("query Q{n} {{ a }} ")).collect()),
        (
            Rule::Fragments,
            (0..51).map(|n| format!("fragment F{n} on Q {{ a }} ")).collect::<String>() + "{ a }",
        ),
        (
            Rule::Variables,
            format!("query({}) {{ a }}", (0..51).map(|n| format!("$v{n}: Int ")).collect::<String>()),
        ),
        (Rule::Fields, format!("{{ a {{ {} }} }}", repeat("b ", 1_000))),
        (Rule::Aliases, format!("{{ a {{ {} }} }}", repeat("b: c ", 101))),
        (Rule::Directives, format!("{{ a {} }}", repeat("@d ", 51))),
        (Rule::Depth, format!("{}{}", repeat("{ a ", 13), repeat("}", 13))),
        (Rule::RootFields, format!("{{ {} }}", repeat("a ", 21))),
        (Rule::IntrospectionDepth, format!("{{ __schema {}{} }}", repeat("{ a ", 25), repeat("}", 25))),
        (
            Rule::IntrospectionLists,
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }".into(),
        ),
    ];
    for (rule, query) in cases {
        let refusal = pass(&parameters(&query), &Limits::default()).err().unwrap();
        assert_eq!(refusal.rule, rule);
        let error = &refusal.errors[0];
        let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
        assert_eq!(code, Some(&"LIMIT_EXCEEDED".into()));
        assert!(error.message.contains("is the limit; "), "{}", error.message);
    }
}

#[test]
fn deep_variables_are_refused() {
    let nested = |depth: usize| format!("{{\"v\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    let admit = |depth| {
        let mut parameters = parameters("query($v: X) { a(v: $v) }");
        parameters.variables = serde_json::from_str::<Variables>(&nested(depth)).unwrap();
        pass(&parameters, &Limits::default()).map(|_| ()).map_err(|refusal| refusal.rule)
    };
    assert_eq!(admit(31), Ok(()));
    assert_eq!(admit(32), Err(Rule::VariableNesting));
    assert_eq!(admit(120), Err(Rule::VariableNesting));
}

#[test]
fn the_usual_introspection_query_passes() {
    assert_eq!(admit(include_str!("introspection.graphql")), Ok(Kind::Query));
}

#[test]
fn the_selected_operation_has_its_kind() {
    let document = "query A { a } mutation B { b } subscription C { c }";
    let select = |name: Option<&str>| {
        let mut parameters = parameters(document);
        parameters.operation_name = name.map(Into::into);
        pass(&parameters, &Limits::default()).ok()
    };
    assert_eq!(select(Some("A")), Some((Kind::Query, Some("A".into()))));
    assert_eq!(select(Some("B")), Some((Kind::Mutation, Some("B".into()))));
    assert_eq!(select(Some("C")), Some((Kind::Subscription, Some("C".into()))));
    assert_eq!(select(Some("D")), None);
    assert_eq!(select(None), None);
}

#[test]
fn a_syntax_error_does_not_quote_the_query() {
    let refusal = pass(&parameters("{ me(password: \"hunter2\") { "), &Limits::default()).err().unwrap();
    assert_eq!(refusal.rule, Rule::Syntax);
    let error = &refusal.errors[0];
    assert!(error.message.starts_with("syntax error: expected "), "{}", error.message);
    assert!(!error.message.contains("hunter2") && !error.locations.is_empty());
}

/// Documents that are mostly nonsense, of the characters that mean something.
fn scribble() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{", "}", "(", ")", "[", "]", "\"", "\"\"\"", "\\", "\\\"\"\"", "#", "\n", "\r", ":", "!", "$", "@",
        "...", " ", ",", "a", "on", "fragment", "query", "F", "1", "-", ".", "☃", "\u{feff}",
    ]);
    prop::collection::vec(token, 0..200).prop_map(|tokens| tokens.concat())
}

/// Documents that make sense: an operation and fragments that spread later ones.
fn document() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::collection::vec(0usize..8, 1..4), 1..5).prop_map(|fragments| {
        let count = fragments.len();
        let selection = |at: usize, picks: &[usize]| {
            let picks = picks.iter().map(|pick| match at + 1 + pick {
                next if next < count => format!("...F{next} "),
                _ if pick % 2 == 0 => "a ".to_owned(),
                _ => "x: b { c } ".to_owned(),
            });
            picks.collect::<String>()
        };
        let fragments = fragments.iter().enumerate().map(|(at, picks)| {
            let selection = selection(at, picks);
            if at == 0 {
                format!("{{ {selection} }} ")
            } else {
                format!("fragment F{at} on Q {{ {selection} }} ")
            }
        });
        fragments.collect::<String>()
    })
}

/// What an executor would do: unfold everything.
fn unfolded(document: &str, part: &str) -> usize {
    let mut fields = 0;
    for word in part.split_whitespace() {
        if let Some(name) = word.strip_prefix("...") {
            let start = document.find(&format!("fragment {name} ")).unwrap();
            let body = document[start..].split_once('{').unwrap().1;
            fields += unfolded(document, body.split("fragment").next().unwrap());
        } else if matches!(word, "a" | "b" | "c") {
            fields += 1;
        }
    }
    fields
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in ".{0,300}") {
        let _ = admit(&text);
    }

    #[test]
    fn no_scribble_makes_it_panic(text in scribble()) {
        let _ = admit(&text);
        let _ = admit(&format!("{{ f(v: [{text}]) }}"));
    }

    #[test]
    fn what_it_measures_is_what_unfolds(document in document()) {
        let operation = document.split("fragment").next().unwrap();
        let fields = unfolded(&document, operation);
        let fits = |limit| {
            let limits = Limits { fields: limit, root_fields: 1_000, aliases: 1_000, ..Limits::default() };
            // Fragments nobody spreads are measured too.
            let used: Vec<_> = (1..5).filter(|n| document.contains(&format!("...F{n} "))).collect();
            prop_assume!((1..5).all(|n| !document.contains(&format!("fragment F{n} ")) || used.contains(&n)));
            Ok::<_, TestCaseError>(pass(&parameters(&document), &limits).is_ok())
        };
        prop_assert!(fits(fields)?);
        prop_assert!(!fits(fields - 1)?);
    }
}
