//! Counts brackets and tokens in a query text, in one pass and without recursion.
//!
//! The parser behind it recurses once a bracket and cannot be stopped; a text with a few thousand of them ends the
//! process. So nothing reaches the parser that this has not read, and it must never see fewer brackets than the
//! parser would. Where the two could disagree about what is a string, the text is refused as unreadable.

use super::super::limits::{Limits, Refusal, Rule};
use super::cursor::Cursor;
use super::{Steps, syntax_error};

/// Refuses a text that is too deep, too long in tokens, or has a string without an end.
pub(super) fn scan(text: &str, limits: &Limits, steps: &mut Steps) -> Result<(), Refusal> {
    let mut cursor = Cursor::new(text, &mut steps.looks);
    let mut tokens: usize = 0;
    let mut open: usize = 0;
    loop {
        let start = cursor.at();
        let Some(byte) = cursor.next() else { return Ok(()) };
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => continue,
            b'#' => {
                cursor.pass_while(|byte| !matches!(byte, b'\n' | b'\r'));
                continue;
            }
            b'"' => {
                let Some(()) = pass_string(&mut cursor) else {
                    return Err(syntax_error("a string without an end", vec![cursor.place(start)]));
                };
            }
            b'(' | b'[' | b'{' => {
                open += 1;
                limits.check(Rule::Nesting, open)?;
            }
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b'.' => {
                cursor.pass(b"..");
            }
            byte if is_of_word(byte) => cursor.pass_while(is_of_word),
            _ => {}
        }
        tokens += 1;
        limits.check(Rule::Tokens, tokens)?;
    }
}

fn is_of_word(byte: u8) -> bool {
    matches!(byte, b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9')
}

/// Goes past the rest of a string whose first quote is behind. Without an end there is none: the parser would then try
/// to read `"""` as an empty string and a new one, and find brackets where this scan sees none.
fn pass_string(cursor: &mut Cursor<'_>) -> Option<()> {
    if cursor.pass(b"\"\"") {
        return pass_block_string(cursor);
    }
    loop {
        match cursor.next()? {
            b'"' => return Some(()),
            b'\n' | b'\r' => return None,
            b'\\' => {
                cursor.next()?;
            }
            _ => {}
        }
    }
}

fn pass_block_string(cursor: &mut Cursor<'_>) -> Option<()> {
    loop {
        match cursor.next()? {
            b'"' if cursor.pass(b"\"\"") => return Some(()),
            b'\\' => {
                cursor.pass(b"\"\"\"");
            }
            _ => {}
        }
    }
}
