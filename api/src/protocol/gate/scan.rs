//! Counts brackets and tokens in a query text, in one pass and without recursion.
//!
//! The parser behind it recurses once a bracket and cannot be stopped; a text with a few thousand of them ends the
//! process. So nothing reaches the parser that this has not read, and it must never see fewer brackets than the
//! parser would. Where the two could disagree about what is a string, the text is refused as unreadable.

use super::super::limits::{Limits, Refusal, Rule};
use super::syntax_error;

/// Refuses a text that is too deep, too long in tokens, or has a string without an end.
pub(super) fn scan(text: &str, limits: &Limits) -> Result<(), Refusal> {
    let mut rest = text.as_bytes();
    let mut tokens: usize = 0;
    let mut open: usize = 0;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => {
                rest = tail;
                continue;
            }
            b'#' => {
                rest = after_comment(tail);
                continue;
            }
            b'"' => after_string(rest).ok_or_else(|| unfinished_string(text, rest))?,
            b'(' | b'[' | b'{' => {
                open += 1;
                limits.check(Rule::Nesting, open)?;
                tail
            }
            b')' | b']' | b'}' => {
                open = open.saturating_sub(1);
                tail
            }
            b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => after_word(tail),
            b'.' => tail.strip_prefix(b"..").unwrap_or(tail),
            _ => tail,
        };
        tokens += 1;
        limits.check(Rule::Tokens, tokens)?;
    }
    Ok(())
}

fn after_comment(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    end.and_then(|end| text.get(end..)).unwrap_or_default()
}

fn after_word(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !matches!(byte, b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9'));
    end.and_then(|end| text.get(end..)).unwrap_or_default()
}

/// What follows the string at the start of `text`. Without an end there is none: the parser would then try to read
/// `"""` as an empty string and a new one, and find brackets where this scan sees none.
fn after_string(text: &[u8]) -> Option<&[u8]> {
    if let Some(content) = text.strip_prefix(b"\"\"\"") {
        return after_block_string(content);
    }
    let mut rest = text.strip_prefix(b"\"")?;
    loop {
        let (&byte, tail) = rest.split_first()?;
        rest = match byte {
            b'"' => return Some(tail),
            b'\n' | b'\r' => return None,
            b'\\' => tail.split_first()?.1,
            _ => tail,
        };
    }
}

fn after_block_string(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        if let Some(tail) = rest.strip_prefix(b"\"\"\"") {
            return Some(tail);
        }
        rest = match rest.strip_prefix(b"\\\"\"\"") {
            Some(tail) => tail,
            None => rest.split_first()?.1,
        };
    }
}

fn unfinished_string(text: &str, rest: &[u8]) -> Refusal {
    let before = text.as_bytes().get(..text.len() - rest.len()).unwrap_or_default();
    let line = before.split(|byte| *byte == b'\n').count();
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let column = 1 + String::from_utf8_lossy(before.get(line_start..).unwrap_or_default()).chars().count();
    syntax_error("a string without an end", vec![async_graphql::Pos { line, column }])
}
