//! What every element of the schema keeps to: it says what it is, has a name of its kind, and goes only after a date.

use crate::CHECKED_IN;
use crate::elements::{Element, Part, elements, named, read};
use async_graphql_parser::types::TypeKind;

#[test]
fn every_element_says_what_it_is() {
    assert_eq!(offenders(CHECKED_IN, says_nothing), Vec::<String>::new());
    let silent = offenders("type A { \"What it is good for.\" a(b: Int): Int } enum E { V }", says_nothing);
    assert_eq!(silent, ["A", "A.a(b:)", "E", "E.V"]);
}

#[test]
fn every_name_is_of_its_kind() {
    assert_eq!(offenders(CHECKED_IN, is_misnamed), Vec::<String>::new());
    let misnamed = "type a_b { A(B: Int): Int snake_case: Int } enum E { lower Mixed UPPER_CASE TWO__BARS }
                    input Make { Name: Int } type MakeInput { a: Int } type Mutation { make(input: Make!): Made! }";
    assert_eq!(
        offenders(misnamed, is_misnamed),
        [
            "a_b",
            "a_b.A(B:)",
            "a_b.A",
            "a_b.snake_case",
            "E.lower",
            "E.Mixed",
            "E.TWO__BARS",
            "Make",
            "Make.Name",
            "MakeInput",
            "Mutation.make"
        ]
    );
}

#[test]
fn what_is_deprecated_says_when_it_goes() {
    assert_eq!(offenders(CHECKED_IN, goes_without_a_date), Vec::<String>::new());
    let deprecated = "type A { a: Int @deprecated b: Int @deprecated(reason: \"Use `c`.\")
                      c: Int @deprecated(reason: \"Use `d`. It goes on 2027-03-01.\") d(e: Int @deprecated): Int }";
    assert_eq!(offenders(deprecated, goes_without_a_date), ["A.a", "A.b", "A.d(e:)"]);
}

fn offenders(sdl: &str, offends: fn(&Element) -> bool) -> Vec<String> {
    let document = read(sdl);
    elements(&document).into_iter().filter(offends).map(|element| element.at).collect()
}

/// Whether it has no description of some use.
fn says_nothing(element: &Element) -> bool {
    let is_described = element.description.is_some_and(|text| text.trim().len() >= 8);
    !is_described && !matches!(element.part, Part::Mention)
}

fn is_misnamed(element: &Element) -> bool {
    let name = element.name;
    match &element.part {
        Part::Type(kind) => {
            let is_input = matches!(kind, TypeKind::InputObject(_));
            !is_cased(name, char::is_ascii_uppercase) || name.ends_with("Input") != is_input
        }
        Part::Field(field) if element.owner.as_deref() == Some("Mutation") => {
            let payload = named(&field.ty.node).strip_suffix("Payload");
            !is_cased(name, char::is_ascii_lowercase)
                || !payload.is_some_and(|payload| payload.eq_ignore_ascii_case(name))
        }
        Part::Field(_) | Part::Argument(_) | Part::InputField(_) => !is_cased(name, char::is_ascii_lowercase),
        Part::EnumValue => !is_screaming(name),
        Part::Mention => false,
    }
}

/// `camelCase` or `PascalCase`, by what its first letter is.
fn is_cased(name: &str, begins: fn(&char) -> bool) -> bool {
    name.starts_with(|first| begins(&first)) && name.chars().all(|letter| letter.is_ascii_alphanumeric())
}

/// `SCREAMING_SNAKE_CASE`.
fn is_screaming(name: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    name.split('_').all(is_word)
}

fn goes_without_a_date(element: &Element) -> bool {
    let Some(deprecated) = element.directive("deprecated") else { return false };
    let reason = deprecated.get_argument("reason").map(|reason| reason.node.to_string());
    !reason.is_some_and(|reason| has_date(&reason))
}

/// Whether there is a day in it, as `2027-03-01`.
fn has_date(text: &str) -> bool {
    let has_form = |word: &[u8]| {
        word.iter().enumerate().all(|(place, byte)| match place {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
    };
    text.as_bytes().windows(10).any(has_form)
}
