//! The SHA-256 of a document's text, its name in Automatic Persisted Queries.

use std::fmt;

use sha2::{Digest, Sha256};

/// Some document's hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Hash([u8; 32]);

impl Hash {
    pub(super) fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Reads 64 hexadecimal digits.
    pub(super) fn parse(digits: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_as_it_is_written() {
        // The example that Apollo's documentation of the protocol gives.
        let digits = "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38";
        let hash = Hash::of("{__typename}");
        assert_eq!(hash.to_string(), digits);
        assert!(Hash::parse(digits) == Some(hash));
        assert!(Hash::parse(&digits.to_uppercase()) == Some(hash));
        for wrong in ["", "ecf4", &digits.replace('e', "+"), &digits.replace("ec", "é")] {
            assert!(Hash::parse(wrong).is_none(), "{wrong}");
        }
    }
}
