//! The codes that clients meet, and the README, which lists them.

use roomm8_api::protocol::{close_codes_as_markdown, error};

const README: &str = include_str!("../../../README.md");

/// Whatever an error is about, its code must be one that clients can read about.
pub fn is_documented(code: &str) -> bool {
    README.contains(&format!("\n| `{code}` | "))
}

/// With nothing before or after it: a row that is left over would be a lie.
fn assert_lists(table: &str) {
    assert!(README.contains(&format!("\n\n{table}\n")), "print this in README.md:\n{table}");
}

#[test]
fn the_readme_lists_the_error_codes_of_the_edge() {
    assert_lists(&error::codes_as_markdown());
}

#[test]
fn the_readme_lists_the_close_codes() {
    assert_lists(&close_codes_as_markdown());
}

#[test]
fn no_code_is_listed_twice() {
    let mut codes: Vec<_> = error::CODES.iter().map(|code| code.text()).collect();
    codes.sort_unstable();
    let listed = codes.len();
    codes.dedup();
    assert_eq!(codes.len(), listed);
}
