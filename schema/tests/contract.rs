//! The schema is a contract: its text is checked in, every element of it says what it is, and the README tells the
//! truth about it.

use async_graphql_parser::types::{TypeDefinition, TypeKind, TypeSystemDefinition};
use roomm8_schema::{CODES, sdl};

const CHECKED_IN: &str = include_str!("../schema.graphql");
const README: &str = include_str!("../../README.md");

#[test]
fn the_checked_in_schema_is_the_present_one() {
    assert!(
        sdl() == CHECKED_IN,
        "the schema changed: run `cargo run -- schema > schema/schema.graphql`, and note a breaking change in schema/CHANGES.md"
    );
}

#[test]
fn every_element_says_what_it_is() {
    let document = async_graphql_parser::parse_schema(sdl()).unwrap();
    let silent: Vec<String> = document
        .definitions
        .iter()
        .flat_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => silent_parts(&definition.node),
            _ => Vec::new(),
        })
        .collect();
    assert_eq!(silent, Vec::<String>::new());
}

/// The parts of a type without a description of some use.
fn silent_parts(definition: &TypeDefinition) -> Vec<String> {
    let name = definition.name.node.to_string();
    let mut parts = vec![(name.clone(), definition.description.as_ref())];
    let fields =
        |list: &[async_graphql_parser::Positioned<async_graphql_parser::types::FieldDefinition>]| {
            let mut parts = Vec::new();
            for field in list {
                let path = format!("{name}.{}", field.node.name.node);
                for argument in &field.node.arguments {
                    parts.push((
                        format!("{path}({})", argument.node.name.node),
                        argument.node.description.clone(),
                    ));
                }
                parts.push((path, field.node.description.clone()));
            }
            parts
        };
    let members: Vec<_> = match &definition.kind {
        TypeKind::Object(object) => fields(&object.fields),
        TypeKind::Interface(interface) => fields(&interface.fields),
        TypeKind::InputObject(input) => input
            .fields
            .iter()
            .map(|field| (format!("{name}.{}", field.node.name.node), field.node.description.clone()))
            .collect(),
        TypeKind::Enum(values) => values
            .values
            .iter()
            .map(|value| (format!("{name}.{}", value.node.value.node), value.node.description.clone()))
            .collect(),
        TypeKind::Scalar | TypeKind::Union(_) => Vec::new(),
    };
    parts.extend(members.iter().map(|(path, description)| (path.clone(), description.as_ref())));
    let says_nothing = |description: &str| description.trim().len() < 8;
    parts
        .into_iter()
        .filter(|(_, description)| description.is_none_or(|text| says_nothing(&text.node)))
        .map(|(path, _)| path)
        .collect()
}

#[test]
fn the_readme_prints_the_permission_matrix() {
    assert!(
        README.contains(&roomm8_db::access::matrix_as_markdown()),
        "print this in README.md:\n{}",
        roomm8_db::access::matrix_as_markdown()
    );
}

#[test]
fn the_readme_lists_the_error_codes() {
    for (code, meaning) in CODES {
        let row = format!("| `{}` | {meaning} |", code.text());
        assert!(README.contains(&row), "README.md lacks the row\n{row}");
    }
}
