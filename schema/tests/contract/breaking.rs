//! The gate for changes of the schema: what breaks a client that works with the released one must be noted.
//!
//! A release copies `schema.graphql` to `released.graphql`, and gives its number to the section of `CHANGES.md` that
//! was called "Unreleased" until then.

use crate::CHECKED_IN;
use crate::elements::{Element, Part, elements, is_optional, read};
use async_graphql_parser::types::{BaseType, InputValueDefinition, Type};
use std::collections::HashMap;
use std::mem::discriminant;

const RELEASED: &str = include_str!("../../released.graphql");
const CHANGES: &str = include_str!("../../CHANGES.md");

/// A difference that breaks clients: where it is, and what it is.
type Breach = (String, String);

#[test]
fn a_breaking_change_is_noted() {
    let notes = unreleased(CHANGES);
    let silent: Vec<String> = breaches(RELEASED, CHECKED_IN)
        .iter()
        .filter(|(at, _)| !is_noted(notes, at))
        .map(|(at, what)| format!("`{at}` {what}"))
        .collect();
    assert!(
        silent.is_empty(),
        "clients of the released schema break. Take it back, or say why under \"Unreleased\" in schema/CHANGES.md, with \
         each place in backticks:\n{}",
        silent.join("\n")
    );
}

/// The notes on what comes with the next release. Older ones excuse nothing.
fn unreleased(changes: &str) -> &str {
    let sections = changes.split_once("\n## ").map_or("", |(_, sections)| sections);
    let topmost = sections.split("\n## ").next().unwrap_or_default();
    topmost.strip_prefix("Unreleased\n").expect("the topmost section of CHANGES.md is \"Unreleased\"")
}

fn is_noted(notes: &str, at: &str) -> bool {
    notes.contains(&format!("`{at}`"))
}

fn breaches(old: &str, new: &str) -> Vec<Breach> {
    let (old, new) = (read(old), read(new));
    let (old, new) = (by_coordinate(elements(&old)), by_coordinate(elements(&new)));
    // Of what is itself gone, or new, the parts say nothing more.
    let is_part_of = |element: &Element, schema: &HashMap<String, Element>| {
        element.owner.as_ref().is_none_or(|owner| schema.contains_key(owner))
    };
    let mut breaches = Vec::new();
    for (at, was) in &old {
        let breach = match new.get(at) {
            None => is_part_of(was, &new).then_some("is gone".to_owned()),
            Some(is) => change(was, is),
        };
        breaches.extend(breach.map(|what| (at.clone(), what)));
    }
    for (at, is) in new.iter().filter(|(at, is)| !old.contains_key(*at) && is_part_of(is, &old)) {
        if let Part::Argument(value) | Part::InputField(value) = &is.part
            && !is_optional(value)
        {
            breaches.push((at.clone(), "is new and required".to_owned()));
        }
    }
    breaches.sort();
    breaches
}

fn by_coordinate(elements: Vec<Element<'_>>) -> HashMap<String, Element<'_>> {
    elements.into_iter().map(|element| (element.at.clone(), element)).collect()
}

/// How an element changed, if that breaks anybody.
fn change(was: &Element, is: &Element) -> Option<String> {
    match (&was.part, &is.part) {
        (Part::Type(old), Part::Type(new)) => {
            if discriminant(*old) != discriminant(*new) {
                return Some("is another kind of type".to_owned());
            }
            let became_one_of = was.directive("oneOf").is_none() && is.directive("oneOf").is_some();
            became_one_of.then(|| "takes exactly one of its fields".to_owned())
        }
        (Part::Field(old), Part::Field(new)) => {
            let (old, new) = (&old.ty.node, &new.ty.node);
            (!promises(new, old)).then(|| format!("was {old} and is {new}"))
        }
        (Part::Argument(old), Part::Argument(new)) | (Part::InputField(old), Part::InputField(new)) => {
            input_change(old, new)
        }
        _ => None,
    }
}

fn input_change(old: &InputValueDefinition, new: &InputValueDefinition) -> Option<String> {
    let (was, is) = (&old.ty.node, &new.ty.node);
    // What could be given may still be given: that is the same promise, in the other direction. A default that was
    // there keeps standing for null left out.
    if !promises(was, is) {
        return Some(format!("was {was} and is {is}"));
    }
    let default = |value: &InputValueDefinition| {
        value.default_value.as_ref().map_or("none".to_owned(), |default| default.node.to_string())
    };
    let (was, is) = (default(old), default(new));
    // Nobody could leave out what was required, so its first default changes nothing.
    (is_optional(old) && was != is).then(|| format!("had the default {was} and has {is}"))
}

/// Whether every value of one type is a value of another. Another name is another type, as a client's fragments and
/// variables name it.
fn promises(one: &Type, other: &Type) -> bool {
    let has_base = match (&one.base, &other.base) {
        (BaseType::Named(one), BaseType::Named(other)) => one == other,
        (BaseType::List(one), BaseType::List(other)) => promises(one, other),
        _ => false,
    };
    has_base && (other.nullable || !one.nullable)
}

/// What breaks between two small schemas.
fn found(old: &str, new: &str) -> Vec<String> {
    breaches(old, new).into_iter().map(|(at, what)| format!("{at} {what}")).collect()
}

#[test]
fn what_is_gone_breaks() {
    let old = "type A implements N { a: Int b(c: Int): Int } interface N { a: Int } union U = A | B
               type B { b: Int } enum E { V W } input I { i: Int j: Int } scalar S";
    let new = "type A { a: Int b: Int } interface N { a: Int } union U = A type B { b: Int } enum E { W } input I { i: Int }";
    let gone = ["A implements N", "A.b(c:)", "E.V", "I.j", "S", "U.B"].map(|at| format!("{at} is gone"));
    assert_eq!(found(old, new), gone);
    assert_eq!(found("type A { a: Int b(c: Int): Int }", "type A { a: Int }"), ["A.b is gone"]);
    assert_eq!(found("type A { a(b: Int): Int } type B { c: Int }", "type B { c: Int }"), ["A is gone"]);
}

#[test]
fn what_is_added_does_not() {
    let old = "type A { a: Int } interface N { a: Int } union U = A type B { b: Int } enum E { V } input I { i: Int }";
    let new = "type A implements N { a(b: Int, c: Int! = 1): Int d(e: Int!): Int } interface N { a: Int } union U = A | B
               type B { b: Int } enum E { V W } input I { i: Int j: Int k: Int! = 1 } input J { i: Int! } scalar S";
    assert_eq!(found(old, new), Vec::<String>::new());
}

#[test]
fn a_new_input_that_is_required_breaks() {
    let (old, new) =
        ("type A { a: Int } input I { i: Int }", "type A { a(b: Int!): Int } input I { i: Int j: Int! }");
    assert_eq!(found(old, new), ["A.a(b:) is new and required", "I.j is new and required"]);
}

#[test]
fn an_output_may_promise_more_and_never_less() {
    let field = |ty: &str| format!("type A {{ a: {ty} }}");
    for (was, is) in
        [("Int!", "Int"), ("[Int!]", "[Int]"), ("Int", "Float"), ("Int", "[Int]"), ("[Int]!", "[Int]")]
    {
        assert_eq!(found(&field(was), &field(is)), [format!("A.a was {was} and is {is}")]);
    }
    for (was, is) in [("Int", "Int!"), ("[Int]", "[Int!]!"), ("Int!", "Int!")] {
        assert_eq!(found(&field(was), &field(is)), Vec::<String>::new());
    }
}

#[test]
fn an_input_may_take_more_and_never_less() {
    let argument = |ty: &str| format!("type A {{ a(b: {ty}): Int }} input I {{ i: {ty} }}");
    for (was, is) in [("Int", "Int!"), ("[Int]", "[Int!]"), ("Int", "Float"), ("[Int]", "Int")] {
        let breaks = ["A.a(b:)", "I.i"].map(|at| format!("{at} was {was} and is {is}"));
        assert_eq!(found(&argument(was), &argument(is)), breaks);
    }
    for (was, is) in [("Int!", "Int"), ("[Int!]!", "[Int]"), ("Int!", "Int! = 3")] {
        assert_eq!(found(&argument(was), &argument(is)), Vec::<String>::new());
    }
}

#[test]
fn another_default_breaks() {
    let argument = |default: &str| format!("type A {{ a(b: Int{default}): Int }}");
    for (was, is, what) in [
        (" = 1", " = 2", "A.a(b:) had the default 1 and has 2"),
        (" = 1", "", "A.a(b:) had the default 1 and has none"),
        ("", " = 1", "A.a(b:) had the default none and has 1"),
        ("! = 1", "!", "A.a(b:) had the default 1 and has none"),
    ] {
        assert_eq!(found(&argument(was), &argument(is)), [what]);
    }
}

#[test]
fn another_kind_of_type_breaks() {
    assert_eq!(found("scalar S", "enum S { V }"), ["S is another kind of type"]);
    let (plain, one_of) = ("input I { i: Int j: Int }", "input I @oneOf { i: Int j: Int }");
    assert_eq!(found(plain, one_of), ["I takes exactly one of its fields"]);
    assert_eq!(found(one_of, plain), Vec::<String>::new());
}

#[test]
fn only_a_note_of_the_next_release_counts_and_it_names_the_place() {
    let changes = "# Changes\n\n## Unreleased\n\n- `A.a` goes: nobody asks.\n\n## 0.1.0\n\n- `B.b` went.\n";
    let notes = unreleased(changes);
    assert!(is_noted(notes, "A.a"));
    assert!(!is_noted(notes, "A"));
    assert!(!is_noted(notes, "B.b"));
}
