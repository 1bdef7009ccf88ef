//! Secrets that are handed out once and kept only as digests.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Crockford's base 32: no I, L, O or U, which people misread.
const CODE_ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Ten characters are 50 bits: enough where tries are counted.
const CODE_LENGTH: usize = 10;

/// A new secret of 256 random bits behind a prefix that secret scanners know.
pub(crate) fn token(prefix: &str) -> String {
    let bytes: [u8; 32] = rand::random();
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// A new code that people can type.
pub(crate) fn code() -> String {
    (0..CODE_LENGTH)
        .filter_map(|_| CODE_ALPHABET.get(rand::random_range(0..32)).copied())
        .map(char::from)
        .collect()
}

/// What is kept of a secret. It has enough randomness to need no salt and no slow hash.
pub(crate) fn digest(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// What is kept of a typed code: case, spaces and dashes do not matter, and misread letters are mended.
pub(crate) fn code_digest(code: &str) -> Vec<u8> {
    let plain: String = code
        .chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '-')
        .map(|letter| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    digest(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_code_is_found_however_it_was_typed() {
        assert_eq!(code_digest("lOab-cdef 0o"), code_digest("10ABCDEF00"));
        assert_ne!(code_digest("10ABCDEF01"), code_digest("10ABCDEF00"));
    }
}
