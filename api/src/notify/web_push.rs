//! Web push: what is sent to a browser is sealed so that it alone can read it (RFC 8291), and says who sent it (VAPID,
//! RFC 8292).

use anyhow::{Context as _, anyhow, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::json;
use std::fmt;
use url::Url;

/// The longest text: with what sealing adds it is the 4,096 bytes that every push service takes (RFC 8291, 4).
pub(super) const TEXT_BYTES: usize = 3_993;
/// What is said of a body's records: the one that there is fits (RFC 8188, 2.1).
const RECORD_BYTES: u32 = 4_096;
/// How the last record ends, before its tag.
const LAST_RECORD: u8 = 2;
/// A public key: an uncompressed point of the curve P-256.
const KEY_BYTES: u8 = 65;
const SALT_BYTES: usize = 16;
/// How long an authorization is good for: services refuse more than 24 hours (RFC 8292, 2).
const GOOD_FOR_SECONDS: i64 = 12 * 60 * 60;

/// The key by which push services know this server again, and whom they may write to about it.
pub struct Vapid {
    key: EcdsaKeyPair,
    public_key: String,
    subject: String,
}

impl fmt::Debug for Vapid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Vapid").field("public_key", &self.public_key).finish_non_exhaustive()
    }
}

impl Vapid {
    /// The key of `VAPID_KEY`, as [`Vapid::generate`] makes one. Services complain of what it sends to this `mailto:` or `https:`
    /// address.
    ///
    /// # Errors
    /// If it is none. It is not quoted.
    pub fn parse(text: &str, subject: String) -> anyhow::Result<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim().trim_end_matches('=')).ok();
        let key = bytes.and_then(|bytes| {
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &bytes, &SystemRandom::new()).ok()
        });
        let key = key
            .context("write VAPID_KEY as a P-256 key: its PKCS #8 form, with its public key, in base64url")?;
        let public_key = URL_SAFE_NO_PAD.encode(key.public_key());
        Ok(Self { key, public_key, subject })
    }

    /// A new key, for `VAPID_KEY`. A browser that has registered with one hears from no other.
    pub fn generate() -> anyhow::Result<String> {
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Ok(URL_SAFE_NO_PAD.encode(key.map_err(|_| anyhow!("a VAPID key could not be made"))?))
    }

    /// What a browser registers with, its `applicationServerKey`, in base64url.
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// The `Authorization` of what is sent to this URL within the next hours.
    pub(super) fn authorization(&self, url: &Url, now_seconds: i64) -> anyhow::Result<String> {
        let claims = json!({
            "aud": url.origin().ascii_serialization(),
            "exp": now_seconds.saturating_add(GOOD_FOR_SECONDS),
            "sub": self.subject,
        });
        let [header, claims] = [json!({ "typ": "JWT", "alg": "ES256" }), claims]
            .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.map_err(|_| anyhow!("an authorization could not be signed"))?;
        Ok(format!("vapid t={signed}.{}, k={}", URL_SAFE_NO_PAD.encode(signature), self.public_key))
    }
}

/// A body that only the browser with these can read, of `Content-Encoding: aes128gcm`.
pub(super) fn seal(p256dh: &[u8], auth: &[u8], text: &[u8]) -> anyhow::Result<Vec<u8>> {
    let length = text.len();
    ensure!(length <= TEXT_BYTES, "{length} bytes are too long for a push message: it takes {TEXT_BYTES}");
    seal_anew(p256dh, auth, text).map_err(|Unspecified| anyhow!("a push message could not be sealed"))
}

/// Each message has a key and a salt of its own: the same text never looks the same.
fn seal_anew(p256dh: &[u8], auth: &[u8], text: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let private = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new())?;
    let sender = private.compute_public_key()?;
    let salt = rand::random();
    agree_ephemeral(private, &UnparsedPublicKey::new(&ECDH_P256, p256dh), |shared| {
        Envelope { shared, sender: sender.as_ref(), receiver: p256dh, auth, salt }.seal(text)
    })?
}

/// What both ends of a message know.
struct Envelope<'a> {
    /// What the two keys agree on.
    shared: &'a [u8],
    /// The public key of this message.
    sender: &'a [u8],
    /// The public key of the browser.
    receiver: &'a [u8],
    auth: &'a [u8],
    salt: [u8; SALT_BYTES],
}

impl Envelope<'_> {
    fn seal(&self, text: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let (key, nonce) = self.key()?;
        let mut record = [text, &[LAST_RECORD]].concat();
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut record)?;
        // The salt, the size of records, and the name of the key (RFC 8188, 2.1).
        Ok([self.salt.as_slice(), &RECORD_BYTES.to_be_bytes(), &[KEY_BYTES], self.sender, &record].concat())
    }

    /// RFC 8291, 3.4.
    fn key(&self) -> Result<(LessSafeKey, Nonce), Unspecified> {
        let agreed = Salt::new(HKDF_SHA256, self.auth).extract(self.shared);
        let secret: [u8; 32] = derive(&agreed, &[b"WebPush: info\0", self.receiver, self.sender])?;
        let salted = Salt::new(HKDF_SHA256, &self.salt).extract(&secret);
        let key: [u8; 16] = derive(&salted, &[b"Content-Encoding: aes128gcm\0"])?;
        let nonce = derive(&salted, &[b"Content-Encoding: nonce\0"])?;
        Ok((LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?), Nonce::assume_unique_for_key(nonce)))
    }
}

fn derive<const BYTES: usize>(from: &Prk, info: &[&[u8]]) -> Result<[u8; BYTES], Unspecified> {
    let mut derived = [0; BYTES];
    from.expand(info, Length(BYTES))?.fill(&mut derived)?;
    Ok(derived)
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey as Verifier};
    use serde_json::Value;

    /// What a browser shares with those who may write to it.
    const AUTH_BYTES: usize = 16;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    fn vapid() -> Vapid {
        Vapid::parse(&Vapid::generate().unwrap(), "mailto:letters@example.org".to_owned()).unwrap()
    }

    #[test]
    fn the_example_of_rfc_8291_is_sealed_as_there() {
        let envelope = Envelope {
            shared: &bytes("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs"),
            sender: &bytes(
                "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
            ),
            receiver: &bytes(
                "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            ),
            auth: &bytes("BTBZMqHH6r4Tts7J_aSIgg"),
            salt: bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap(),
        };
        let body = envelope.seal(b"When I grow up, I want to be a watermelon").unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(body),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w\
             EqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn a_browser_reads_what_was_sealed_for_it() {
        let browser = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).unwrap();
        let (p256dh, auth) = (browser.compute_public_key().unwrap(), [7; AUTH_BYTES]);
        let body = seal(p256dh.as_ref(), &auth, b"The dishes are yours").unwrap();
        let (salt, sender) = (body[..16].try_into().unwrap(), &body[21..86]);
        let mut record = body[86..].to_vec();
        let opened = agree_ephemeral(browser, &UnparsedPublicKey::new(&ECDH_P256, sender), |shared| {
            let envelope = Envelope { shared, sender, receiver: p256dh.as_ref(), auth: &auth, salt };
            let (key, nonce) = envelope.key().unwrap();
            key.open_in_place(nonce, Aad::empty(), &mut record).unwrap().to_vec()
        });
        assert_eq!(opened.unwrap(), b"The dishes are yours\x02");
    }

    #[test]
    fn the_longest_text_makes_the_longest_body() {
        let key = bytes(vapid().public_key());
        let auth = [7; AUTH_BYTES];
        assert_eq!(seal(&key, &auth, &[b'a'; TEXT_BYTES]).unwrap().len(), 4_096);
        let error = seal(&key, &auth, &[b'a'; TEXT_BYTES + 1]).unwrap_err().to_string();
        assert_eq!(error, "3994 bytes are too long for a push message: it takes 3993");
    }

    #[test]
    fn a_key_is_a_point_of_the_curve() {
        let key = bytes(vapid().public_key());
        let auth = [7; AUTH_BYTES];
        let mut beside = key.clone();
        beside[64] ^= 1;
        let compressed = [&[2], &key[1..33]].concat();
        for wrong in [&beside, &compressed, &key[..64].to_vec(), &[0; 65].to_vec(), &Vec::new()] {
            assert!(seal(wrong, &auth, b"").is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_authorization_is_for_one_service_and_half_a_day() {
        let vapid = vapid();
        let url = Url::parse("https://push.example.org:8443/send/secret?a=b").unwrap();
        let authorization = vapid.authorization(&url, 1_000).unwrap();
        let (token, key) = authorization.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(key, vapid.public_key());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        Verifier::new(&ECDSA_P256_SHA256_FIXED, bytes(key))
            .verify(signed.as_bytes(), &bytes(signature))
            .unwrap();
        let parts = signed.split('.').map(|part| serde_json::from_slice(&bytes(part)).unwrap());
        assert_eq!(
            parts.collect::<Vec<Value>>(),
            [
                json!({ "typ": "JWT", "alg": "ES256" }),
                json!({ "aud": "https://push.example.org:8443", "exp": 44_200, "sub": "mailto:letters@example.org" }),
            ]
        );
    }

    #[test]
    fn a_wrong_key_is_refused_and_no_key_is_told() {
        let key = Vapid::generate().unwrap();
        for wrong in ["", "AAAA", &key[..100], &"A".repeat(key.len())] {
            let error = Vapid::parse(wrong, "mailto:letters@example.org".to_owned()).unwrap_err().to_string();
            assert!(error.starts_with("write VAPID_KEY as"), "{error}");
        }
        let vapid = Vapid::parse(&key, "https://example.org/contact".to_owned()).unwrap();
        assert_eq!(format!("{vapid:?}"), format!("Vapid {{ public_key: {:?}, .. }}", vapid.public_key()));
    }
}
