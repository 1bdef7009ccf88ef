//! What people write: cleaned once, where it comes in.

use crate::{Error, RefusalCode, Result};
use unicode_normalization::UnicodeNormalization;

/// One line of text: NFC, trimmed, 1 to `limit` characters.
pub(crate) fn line(field: &'static str, text: &str, limit: usize) -> Result<String> {
    let text: String = text.trim().nfc().collect();
    if text.chars().any(|letter| letter.is_control() || is_bidi_override(letter)) {
        return Err(Error::refused(
            RefusalCode::Invalid,
            field,
            "must be one line without control characters",
        ));
    }
    sized(field, text, limit)
}

/// Several lines of text: NFC, trimmed, 1 to `limit` characters.
pub(crate) fn lines(field: &'static str, text: &str, limit: usize) -> Result<String> {
    let text: String = text.trim().nfc().collect();
    let is_forbidden = |letter: char| {
        (letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')) || is_bidi_override(letter)
    };
    if text.chars().any(is_forbidden) {
        return Err(Error::refused(RefusalCode::Invalid, field, "must not contain control characters"));
    }
    sized(field, text, limit)
}

fn sized(field: &'static str, text: String, limit: usize) -> Result<String> {
    match text.chars().count() {
        0 => Err(Error::refused(RefusalCode::TooShort, field, "must not be empty")),
        count if count > limit => {
            let message = format!("has {count} characters; {limit} are allowed");
            Err(Error::refused(RefusalCode::TooLong, field, message))
        }
        _ => Ok(text),
    }
}

/// Overrides that make text read differently from what it says (Unicode UAX #9); isolates are harmless.
fn is_bidi_override(letter: char) -> bool {
    matches!(letter, '\u{202A}'..='\u{202E}')
}
