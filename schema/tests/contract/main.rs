//! The schema is a contract: its text is checked in, a breaking change of it is noted, every element of it says what it
//! is, and the README tells the truth about it.

#![allow(missing_docs, unreachable_pub, reason = "a test is no API")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

mod breaking;
mod elements;
mod lint;

const CHECKED_IN: &str = include_str!("../../schema.graphql");
const README: &str = include_str!("../../../README.md");

#[test]
fn the_checked_in_schema_is_the_present_one() {
    assert!(
        roomm8_schema::sdl() == CHECKED_IN,
        "the schema changed: run `cargo run -- schema > schema/schema.graphql`"
    );
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
    for (code, meaning) in roomm8_schema::CODES {
        let row = format!("| `{}` | {meaning} |", code.text());
        assert!(README.contains(&row), "README.md lacks the row\n{row}");
    }
}
