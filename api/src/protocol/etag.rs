//! Entity tags (RFC 9110, 8.8.3): names of a body's exact bytes, by which a client asks whether it still has the right
//! ones.

use http::header::{HeaderMap, IF_NONE_MATCH};
use sha2::{Digest, Sha256};

/// The strong tag of these bytes.
pub(crate) fn of(bytes: &[u8]) -> String {
    format!("\"{}\"", hex::encode(Sha256::digest(bytes)))
}

/// Whether the client has the body of this tag already (RFC 9110, 13.1.2). That a proxy made a tag weak is no matter.
pub(crate) fn is_held(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_tag_is_found_however_it_is_given() {
        let tag = of(b"body");
        let other = of(b"another body");
        assert_ne!(tag, other);
        let holds = |given: &[String]| {
            let header = |text: &String| (IF_NONE_MATCH, HeaderValue::from_str(text).unwrap());
            is_held(&given.iter().map(header).collect(), &tag)
        };
        for given in
            [&tag, "*", &format!("W/{tag}"), &format!("{other}, {tag}"), &format!("{other},W/{tag} ")]
        {
            assert!(holds(&[given.to_owned()]), "{given}");
        }
        assert!(holds(&[other.clone(), tag.clone()]));
        for given in ["", &other, tag.trim_matches('"')] {
            assert!(!holds(&[given.to_owned()]), "{given}");
        }
        assert!(!holds(&[]));
    }
}
