//! What people type about themselves, made whole: e-mail addresses, names, devices.

use crate::{Error, RefusalCode, Result};
use unicode_normalization::UnicodeNormalization;

const LONGEST_EMAIL: usize = 254;
const LONGEST_NAME: usize = 100;
const LONGEST_DEVICE: usize = 100;

/// An e-mail address in the one form it is kept, compared and invited in: trimmed, NFKC, lower case.
///
/// This asks only whether it looks like an address; that it is theirs is proven by what was sent to it.
pub(crate) fn email(field: &'static str, text: &str) -> Result<String> {
    if text.len() > 4 * LONGEST_EMAIL {
        return Err(Error::refused(RefusalCode::TooLong, field, "use at most 254 characters"));
    }
    let address: String = text.trim().nfkc().collect::<String>().to_lowercase();
    if address.len() > LONGEST_EMAIL {
        return Err(Error::refused(RefusalCode::TooLong, field, "use at most 254 characters"));
    }
    match address.split_once('@') {
        Some((local, domain)) if is_local_part(local) && is_domain(domain) => Ok(address),
        _ => {
            let message = "write an address such as ada@example.org";
            Err(Error::refused(RefusalCode::Invalid, field, message))
        }
    }
}

fn is_local_part(local: &str) -> bool {
    let is_plain = |letter: char| is_word(letter) || "!#$%&'*+-/=?^_`{|}~.".contains(letter);
    (1..=64).contains(&local.len()) && local.chars().all(is_plain)
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        let is_inside = |letter: char| is_word(letter) || letter == '-';
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(is_inside)
    };
    domain.contains('.') && domain.split('.').all(is_label)
}

/// Digits and letters, in any script with its accents.
fn is_word(letter: char) -> bool {
    if letter.is_ascii() {
        return letter.is_ascii_alphanumeric();
    }
    !letter.is_whitespace() && !letter.is_control() && !is_invisible(letter)
}

/// A person's name: trimmed, NFC, 1 to 100 characters, none of which hides or reorders others.
pub(super) fn display_name(text: &str) -> Result<String> {
    const FIELD: &str = "displayName";
    if text.len() > 16 * LONGEST_NAME {
        return Err(Error::refused(RefusalCode::TooLong, FIELD, "use at most 100 characters"));
    }
    let name: String = text.trim().nfc().collect();
    if name.chars().all(|letter| letter.is_whitespace() || is_invisible(letter)) {
        return Err(Error::refused(RefusalCode::TooShort, FIELD, "write at least one visible character"));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(Error::refused(RefusalCode::TooLong, FIELD, "use at most 100 characters"));
    }
    if name.chars().any(|letter| letter.is_control() || is_reordering(letter)) {
        let message = "leave out line breaks, control characters and direction marks";
        return Err(Error::refused(RefusalCode::Invalid, FIELD, message));
    }
    Ok(name)
}

/// What a client calls its device: cleaned rather than refused, since no person typed it.
pub(super) fn device(text: &str) -> String {
    let is_shown = |letter: &char| !letter.is_control() && !is_reordering(*letter);
    let label: String = text.nfc().filter(is_shown).take(LONGEST_DEVICE).collect();
    match label.trim() {
        "" => "Unknown device".to_owned(),
        label => label.to_owned(),
    }
}

/// Letters that nobody sees. Joiners are among them, so they may be in a name but not be all of it.
fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}' | '\u{2800}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// Letters that change the direction of those around them: with them one name can look like another.
fn is_reordering(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form() {
        assert_eq!(
            email("email", "  Ada.Lovelace+home@Example.ORG ").unwrap(),
            "ada.lovelace+home@example.org"
        );
        assert_eq!(email("email", "ａｄａ@example.org").unwrap(), "ada@example.org");
    }

    #[test]
    fn an_address_may_be_in_any_script() {
        assert_eq!(email("email", "हिन्दी@उदाहरण.भारत").unwrap(), "हिन्दी@उदाहरण.भारत");
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        let long = format!("a@{}.org", "a".repeat(250));
        for text in [
            "",
            "ada",
            "ada@",
            "@example.org",
            "ada@example",
            "ada@example..org",
            "a@b@example.org",
            "ada lovelace@example.org",
            "ada@exam ple.org",
            "ada@example.org\nBcc: x@example.org",
            "<ada@example.org>",
            "ad\u{200b}a@example.org",
            "ada@-example.org",
            &long,
        ] {
            assert!(email("email", text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_is_one_visible_line() {
        assert_eq!(display_name("  Zoe\u{308} ").unwrap(), "Zoë");
        assert_eq!(display_name("👩‍🚀").unwrap(), "👩‍🚀");
        assert!(display_name(&"é".repeat(100)).is_ok());
        for text in ["", "   ", "\u{200b}\u{2060}", "Ada\nLovelace", "Ada \u{202e}ecalevoL", &"é".repeat(101)]
        {
            assert!(display_name(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_device_has_a_label_whatever_was_sent() {
        assert_eq!(device(" Firefox\u{7}\non Linux "), "Firefoxon Linux");
        assert_eq!(device("\u{202e}"), "Unknown device");
        assert_eq!(device(&"x".repeat(300)).len(), 100);
    }
}
