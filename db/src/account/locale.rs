//! In which language people are written to, and by which clocks.

use crate::household::time_zone;
use crate::tables::users;
use crate::{Error, RefusalCode, Result};
use diesel::prelude::*;

/// The longest tag: that many characters RFC 5646 (4.4.1) wants to be kept.
const LONGEST_TAG: usize = 35;

/// In which language somebody is written to, and by which clocks, as far as they said so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Queryable, Selectable, Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub struct Locale {
    /// Their BCP 47 language tag.
    #[diesel(column_name = locale)]
    pub tag: Option<String>,
    /// Their IANA time zone.
    pub time_zone: Option<String>,
}

impl Locale {
    /// The same in the form it is kept. A tag need only be well formed: in which languages letters are written is
    /// decided where they are, and what is none of them today can be one tomorrow.
    pub(super) fn checked(tag: Option<&str>, zone: Option<&str>) -> Result<Self> {
        let tag = tag.map(checked_tag).transpose()?;
        let time_zone = zone.map(|zone| time_zone(zone).map(|zone| zone.name().to_owned())).transpose()?;
        Ok(Self { tag, time_zone })
    }
}

fn checked_tag(text: &str) -> Result<String> {
    let tag = text.trim().replace('_', "-");
    let is_subtag =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let language = tag.split('-').next().unwrap_or_default();
    let is_language =
        (2..=8).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
    if tag.len() <= LONGEST_TAG && is_language && tag.split('-').all(is_subtag) {
        return Ok(tag);
    }
    let message = "must be a BCP 47 language tag, for example de or en-GB";
    Err(Error::refused(RefusalCode::Invalid, "locale", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_well_formed_whatever_it_means() {
        for (text, kept) in
            [("de", "de"), (" de-AT ", "de-AT"), ("en_US", "en-US"), ("zh-Hant-TW", "zh-Hant-TW")]
        {
            assert_eq!(checked_tag(text).unwrap(), kept);
        }
        let long = "de-1234-1234-1234-1234-1234-1234-123";
        for wrong in ["", "d", "d1", "de-", "-de", "de AT", "de-österreich", "deutschland-de", "<de>", long]
        {
            assert!(checked_tag(wrong).is_err(), "{wrong:?}");
        }
    }
}
