//! Names that are the same to people: one is compared with another by what both fold to.

use crate::text;
use crate::{Error, RefusalCode, Result};
use caseless::Caseless as _;
use unicode_normalization::UnicodeNormalization as _;

/// The longest name of a thing, kind of things, store or list, in characters.
pub const NAME_LIMIT: usize = 100;
/// The longest folded name, in characters: single letters can unfold to many.
const FOLD_LIMIT: usize = 200;

/// A name as people wrote it, and what it is told apart from others by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// As it is shown.
    pub(super) shown: String,
    /// As it is compared.
    pub(super) fold: String,
}

impl Name {
    /// A name of one line: 1 to [`NAME_LIMIT`] characters.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] for this field.
    pub(super) fn new(field: &'static str, text: &str) -> Result<Self> {
        let shown = text::line(field, text, NAME_LIMIT)?;
        let fold = fold(&shown);
        if fold.chars().count() > FOLD_LIMIT {
            let message = "is too long: some of its letters stand for many";
            return Err(Error::refused(RefusalCode::TooLong, field, message));
        }
        Ok(Self { shown, fold })
    }
}

/// What a name is compared by: compatibility forms are one (NFKC, Unicode Standard Annex #15), as are upper and lower case
/// (full case folding, Unicode 3.13); what takes no room is left out, and space between words is one space. It is close to
/// Unicode's `NFKC_Casefold`. Accents tell apart: pâte is not pate.
pub fn fold(name: &str) -> String {
    let seen = |letter: &char| letter.is_whitespace() || !text::is_invisible(*letter);
    // Twice, as folding can take apart what was composed.
    let folded: String = name.nfkc().filter(seen).default_case_fold().nfkc().collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_take_for_one_name_is_one() {
        for (one, other) in [
            ("Brown Sugar", "brown  sugar"),
            ("ＭＩＬＫ", "milk"),
            ("Straße", "STRASSE"),
            ("café", "Cafe\u{301}"),
            ("ﬁsh", "FISH"),
            ("½ l", "1⁄2 L"),
            ("Ｔｏｆｕ\u{3000}毛豆", "tofu 毛豆"),
            ("❤\u{fe0f} beans", "❤ beans"),
            ("\u{200f}חלב", "חלב"),
            ("می\u{200c}خواهم", "میخواهم"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("ｶﾞﾑ", "ガム"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} and {other}");
        }
    }

    #[test]
    fn what_is_not_the_same_stays_apart() {
        for (one, other) in [("pâte", "pate"), ("milk", "milks"), ("🍎", "🍏"), ("сыр", "cыр"), ("ß", "s")]
        {
            assert_ne!(fold(one), fold(other), "{one} and {other}");
        }
    }

    #[test]
    fn a_letter_that_unfolds_to_a_sentence_is_refused_where_it_would_not_fit() {
        assert!(Name::new("name", &"ﷺ".repeat(10)).is_ok());
        assert!(Name::new("name", &"ﷺ".repeat(12)).is_err());
        assert!(Name::new("name", "\u{200b}").is_err());
    }

    proptest! {
        #[test]
        fn folding_again_changes_nothing(name in ".{0,60}") {
            prop_assert_eq!(fold(&fold(&name)), fold(&name));
        }

        #[test]
        fn case_and_width_do_not_matter(name in "[a-zà-þа-я0-9 ]{1,40}") {
            prop_assert_eq!(fold(&name.to_uppercase()), fold(&name));
            let wide: String = name.chars().map(|letter| match letter {
                '!'..='~' => char::from_u32(u32::from(letter) + 0xFEE0).unwrap(),
                other => other,
            }).collect();
            prop_assert_eq!(fold(&wide), fold(&name));
        }
    }
}
