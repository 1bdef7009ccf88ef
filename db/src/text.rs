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
    if text.chars().all(is_invisible) {
        return Err(Error::refused(RefusalCode::TooShort, field, "must not be empty"));
    }
    match text.chars().count() {
        count if count > limit => {
            let message = format!("has {count} characters; {limit} are allowed");
            Err(Error::refused(RefusalCode::TooLong, field, message))
        }
        _ => Ok(text),
    }
}

/// White space, and what takes no space at all: joiners, marks of direction, fillers (Unicode's
/// `Default_Ignorable_Code_Point`, as far as keyboards and copied text have it).
pub(crate) fn is_invisible(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(letter, '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}')
        || matches!(letter, '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{206F}' | '\u{3164}')
        || matches!(letter, '\u{2800}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Overrides that make text read differently from what it says (Unicode UAX #9); isolates are harmless.
fn is_bidi_override(letter: char) -> bool {
    matches!(letter, '\u{202A}'..='\u{202E}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_empty() {
        for nothing in ["", "  \n", "\u{200b}\u{2060}", "\u{3164}", "\u{feff} \u{200d}"] {
            assert!(lines("body", nothing, 10).is_err(), "{nothing:?}");
        }
        assert_eq!(lines("body", " 👨\u{200d}👩 ", 10).unwrap(), "👨\u{200d}👩");
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(lines("body", &"字".repeat(10), 10).is_ok());
        assert!(lines("body", &"字".repeat(11), 10).is_err());
        assert!(line("name", "two\nlines", 100).is_err());
    }
}
