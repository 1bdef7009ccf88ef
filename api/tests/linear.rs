//! The gate's time is linear to the text, whatever the text: shown by counting what it does, without a clock.
//!
//! It is a test binary of its own because the cap on the parser's calls is one for the whole process.

#![allow(missing_docs, unreachable_pub, reason = "a test is no API")]

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::string::string_regex;
use roomm8_api::protocol::Limits;
use roomm8_api::protocol::gate::{self, Steps};
use roomm8_api::protocol::limits::{Refusal, Rule};

/// Looks at a byte of the text before it is parsed: one to read it, two on the average to see whether a string ends
/// there, and one to say where a string without an end began.
const LOOKS: usize = 4;
/// Visits for each byte: what is come by once takes a byte to write, and what is come by twice takes four.
const VISITS: usize = 1;
/// Calls that the parser may make for each byte. It makes 67 for `{a{a{a`, the most that was found. All of a name or of
/// a number is one call, but each byte of a comment or a string is one, so what goes back over them shows.
const CALLS: usize = 80;

/// Nothing but the bytes and the nesting is limited, so that as much as can be gets as far as can be.
fn limits() -> Limits {
    let many = usize::MAX;
    Limits {
        query_bytes: Limits::QUERY_BYTES_MAX,
        nesting: Limits::NESTING_MAX,
        tokens: many,
        operations: many,
        fragments: many,
        variables: many,
        fields: many,
        aliases: many,
        directives: many,
        depth: many,
        root_fields: many,
        introspection_depth: many,
        introspection_lists: many,
        cost: many,
    }
}

/// What the gate says when the parser may make so many calls.
fn read(text: &str, calls: usize) -> (Result<(), Refusal>, Steps) {
    static PARSER: Mutex<()> = Mutex::new(());
    let _alone = PARSER.lock().unwrap_or_else(PoisonError::into_inner);
    pest::set_call_limit(NonZeroUsize::new(calls));
    let mut steps = Steps::default();
    let verdict = gate::read_counting(text, &limits(), &mut steps).map(drop);
    (verdict, steps)
}

/// That the steps which a text takes are within the bounds.
fn hold(text: &str) -> Result<(), TestCaseError> {
    let size = text.len() + 1;
    let (verdict, steps) = read(text, CALLS * size);
    prop_assert!(steps.looks <= LOOKS * size, "{} looks at {size} bytes", steps.looks);
    prop_assert!(steps.visits <= VISITS * size, "{} visits for {size} bytes", steps.visits);
    // A parser that runs out of calls gives up with a syntax error, and a different one.
    if verdict.as_ref().is_err_and(|refusal| refusal.rule == Rule::Syntax) {
        let (truth, _) = read(text, usize::MAX);
        prop_assert_eq!(format!("{verdict:?}"), format!("{truth:?}"), "more than {} calls", CALLS * size);
    }
    Ok(())
}

/// A few tokens of GraphQL, in any order.
fn scribble(count: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let token = select(vec![
        "{", "}", "(", ")", "[", "]", "\"", "\"\"", "\"\"\"", "\\", "\\\"\"\"", "\\u00e9", "#", "\n", "\r",
        " ", ",", "\u{feff}", "☃", ":", "=", "!", "$", "@", "...", ".", "-", "0", "1", "e", "a", "on",
        "true", "null", "query", "fragment", "F", "Q",
    ]);
    prop::collection::vec(token, count).prop_map(|tokens| tokens.concat())
}

/// Where in a document something may be repeated.
#[derive(Clone, Copy, Debug)]
struct Place {
    opening: &'static str,
    /// What may be inside itself here.
    level: (&'static str, &'static str),
    units: &'static [&'static str],
    closing: &'static str,
}

const PLACES: [Place; 9] = [
    Place {
        opening: "",
        level: ("", ""),
        units: &["{a}", "query{a}", "query Q{a}", "fragment F on Q{a}", "{a}#\n"],
        closing: "",
    },
    Place {
        opening: "{",
        level: ("a{", "}"),
        units: &["a ", "x: a ", "a{b}", "...F ", "...{a}", "... on Q{a}", "a#\n", "a,\r\n", "a {...F}"],
        closing: "} fragment F on Q { a b c ...G ...G } fragment G on Q { a b c }",
    },
    Place { opening: "{a ", level: ("", ""), units: &["@d", "@d ", "@d(a: 1) ", "@d#\n"], closing: "}" },
    Place {
        opening: "{a(",
        level: ("", ""),
        units: &["b: 1 ", "b: [] ", "b: $v ", "b#\n:c "],
        closing: ")}",
    },
    Place {
        opening: "{a(b:",
        level: ("[", "]"),
        units: &[
            "a ",
            "[]",
            "{}",
            "\"\" ",
            "\"\"\"\"\"\"",
            "1.1e1 ",
            "12345678",
            "-0 ",
            "$v ",
            "true ",
            ",",
            "#\n",
        ],
        closing: ")}",
    },
    Place {
        opening: "{a(b:",
        level: ("{a:", "}"),
        units: &["{a:1}", "{a:{b:[]}}", "1", "1.2", ","],
        closing: ")}",
    },
    Place {
        opening: "{a(b:\"",
        level: ("", ""),
        units: &["x", "\\\\", "\\\"", "\\u00e9", "\u{2603}", "#", "{"],
        closing: "\")}",
    },
    Place {
        opening: "{a(b:\"\"\"",
        level: ("", ""),
        units: &["x", "\\", "x\"", "x\"\"", "\\\"\"\"", "\n ", "\r\n\t", "#", "{"],
        closing: "x\"\"\")}",
    },
    Place {
        opening: "query(",
        level: ("", ""),
        units: &["$v: Q ", "$v: Q = 1 ", "$v: [[Q!]!]! @d ", "$v#\n:#\nQ "],
        closing: "){a}",
    },
];

/// One thing many times, then another: what reads the first again for each of the second is quadratic.
fn repeated() -> impl Strategy<Value = String> {
    let many = |place: Place| {
        let unit = prop_oneof![4 => select(place.units).prop_map(str::to_owned), 1 => scribble(1..6)];
        // By bytes and not by count, as a unit has one to some twenty of them; most often few, to be quick.
        let bytes = (0u32..=15).prop_flat_map(|power| 0..=1usize << power);
        (unit, bytes).prop_map(|(unit, bytes)| unit.repeat(bytes / unit.len()))
    };
    let noise = || prop_oneof![4 => Just(String::new()), 1 => scribble(1..4)];
    select(&PLACES[..]).prop_flat_map(move |place| {
        let text =
            (noise(), 0..Limits::NESTING_MAX, many(place), noise(), many(place), any::<bool>(), noise());
        text.prop_map(move |(before, depth, first, between, second, is_closed, after)| {
            let (open, close) = place.level;
            let mut text = before + place.opening + &open.repeat(depth) + &first + &between + &second;
            if is_closed {
                text += &(close.repeat(depth) + place.closing);
            }
            text += &after;
            text.truncate(text.floor_char_boundary(Limits::QUERY_BYTES_MAX));
            text
        })
    })
}

/// Operations and fragments that spread later ones, each as often as it likes.
fn document() -> impl Strategy<Value = String> {
    let selections = prop::collection::vec(0usize..8, 1..12);
    prop::collection::vec(selections, 1..14).prop_map(|parts| {
        let mut text = String::new();
        for (part, picks) in parts.iter().enumerate() {
            let _ = match part {
                0 => write!(text, "query A($v: Int = 1) @d {{ "),
                1 => write!(text, "query B {{ "),
                _ => write!(text, "fragment F{part} on Q {{ "),
            };
            for pick in picks {
                let later = part.max(1) + 1 + pick % 3;
                let _ = match pick {
                    0..6 if later < parts.len() => write!(text, "...F{later} "),
                    0..3 => write!(text, "a "),
                    3..6 => write!(text, "x: b(v: $v) @d {{ c }} "),
                    _ => write!(text, "... on Q {{ a }} "),
                };
            }
            text.push_str("}\n");
        }
        text
    })
}

#[test]
fn a_parser_that_runs_out_of_calls_is_noticed() {
    let (capped, _) = read("{ a }", 1);
    assert!(capped.is_err_and(|refusal| refusal.rule == Rule::Syntax));
    assert!(read("{ a }", usize::MAX).0.is_ok());
}

proptest! {
    #[test]
    fn any_text_takes_steps_linear_to_its_length(text in string_regex("(?s).{0,1000}").expect("an expression")) {
        hold(&text)?;
    }

    #[test]
    fn any_tokens_take_steps_linear_to_their_length(text in scribble(0..300)) {
        hold(&text)?;
        hold(&format!("{{ f(v: [{text}]) }}"))?;
    }

    #[test]
    fn what_is_repeated_takes_steps_linear_to_its_length(text in repeated()) {
        hold(&text)?;
    }

    #[test]
    fn a_document_takes_steps_linear_to_its_length(text in document()) {
        hold(&text)?;
    }
}
