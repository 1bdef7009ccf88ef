//! How passwords are kept and compared: Argon2id, off the threads that serve requests, a few at a time.

use super::policy;
use crate::{Error, RefusalCode, Result};
use argon2::password_hash::{
    self, Decimal, Ident, Output, ParamsString, PasswordHash, PasswordHasher, PasswordVerifier, Salt,
    SaltString,
};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::sync::{Mutex, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit};
use unicode_normalization::UnicodeNormalization;

/// Memory of one hash, in kibibytes; with [`PASSES`] and [`LANES`] OWASP's recommendation.
const MEMORY: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes computed at once in this process: more would take the processor from everybody's chat.
const AT_ONCE: usize = 2;
/// Callers that may wait for their turn; the next one is told to come back later.
const WAITING: usize = 16;

static PLACES: Semaphore = Semaphore::const_new(AT_ONCE + WAITING);
static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

/// What hashes are computed in, as many as are computed at once. Taken from the allocator for each and given back, it was kept
/// there in ever new places: nineteen megabytes for nearly every sign-in.
static MEMORIES: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

/// More than this is not a password anybody types or a password manager makes.
const MOST_BYTES: usize = 256;
const FEWEST_CHARACTERS: usize = 15;

/// A password in the one form that is hashed (NFKC), so that it does not depend on the keyboard it is typed on.
/// It can neither be printed nor compared.
pub(super) struct Password(String);

impl Password {
    /// A password somebody claims to have; none if it cannot be one.
    pub(super) fn typed(text: &str) -> Option<Self> {
        if text.len() > 2 * MOST_BYTES {
            return None;
        }
        let text: String = text.nfkc().collect();
        (text.len() <= MOST_BYTES).then_some(Self(text))
    }

    /// A password somebody wants from now on. `field` is the input it came in.
    pub(super) fn chosen(field: &'static str, text: &str, owner: policy::Owner<'_>) -> Result<Self> {
        let refuse = |code, message: &str| Err(Error::refused(code, field, message));
        let Some(password) = Self::typed(text) else {
            return refuse(RefusalCode::TooLong, "use at most 256 bytes (256 plain letters)");
        };
        if password.0.chars().count() < FEWEST_CHARACTERS {
            return refuse(
                RefusalCode::TooShort,
                "use at least 15 characters: a few unrelated words do well",
            );
        }
        match policy::weakness(&password.0, owner) {
            Some(weakness) => refuse(RefusalCode::Invalid, weakness),
            None => Ok(password),
        }
    }

    /// What is kept of it.
    pub(super) async fn hash(self) -> Result<String> {
        in_turn(move || hash(&self.0)).await
    }

    /// What to keep from now on if this is the password that `stored` was made from: `stored` itself, or a new
    /// hash if `stored` was made with other parameters. Takes as long when there is nothing to compare with.
    pub(super) async fn check(self, stored: Option<String>) -> Result<Option<String>> {
        in_turn(move || {
            let Some(stored) = stored else { return hash(&self.0).map(|_| None) };
            let kept = PasswordHash::new(&stored).map_err(internal)?;
            match InKeptMemory.verify_password(self.0.as_bytes(), &kept) {
                Ok(()) if is_current(&kept) => Ok(Some(stored)),
                Ok(()) => hash(&self.0).map(Some),
                Err(password_hash::Error::Password) => Ok(None),
                Err(error) => Err(internal(error)),
            }
        })
        .await
    }
}

fn hash(password: &str) -> Result<String> {
    let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>()).map_err(internal)?;
    let parameters = Params::new(MEMORY, PASSES, LANES, None).map_err(password_hash::Error::from);
    let (algorithm, version) = (Some(Algorithm::Argon2id.ident()), Some(Version::V0x13.into()));
    let hashed = InKeptMemory.hash_password_customized(
        password.as_bytes(),
        algorithm,
        version,
        parameters.map_err(internal)?,
        &salt,
    );
    Ok(hashed.map_err(internal)?.to_string())
}

/// Argon2 in [`MEMORIES`].
struct InKeptMemory;

impl PasswordHasher for InKeptMemory {
    type Params = Params;

    fn hash_password_customized<'a>(
        &self,
        password: &[u8],
        algorithm: Option<Ident<'a>>,
        version: Option<Decimal>,
        parameters: Params,
        salt: impl Into<Salt<'a>>,
    ) -> password_hash::Result<PasswordHash<'a>> {
        let algorithm = algorithm.map(Algorithm::try_from).transpose()?.unwrap_or_default();
        let version = version.map(Version::try_from).transpose()?.unwrap_or_default();
        let (salt, mut decoded) = (salt.into(), [0; Salt::MAX_LENGTH]);
        let seed = salt.decode_b64(&mut decoded)?;
        let length = parameters.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let argon2 = Argon2::new(algorithm, version, parameters.clone());
        let kept = MEMORIES.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut memory = kept.unwrap_or_default();
        memory.resize(parameters.block_count(), Block::new());
        let hash = Output::init_with(length, |out| {
            Ok(argon2.hash_password_into_with_memory(password, seed, out, &mut memory)?)
        });
        MEMORIES.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
        Ok(PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: ParamsString::try_from(&parameters)?,
            salt: Some(salt),
            hash: Some(hash?),
        })
    }
}

fn is_current(kept: &PasswordHash<'_>) -> bool {
    let parameters = Params::try_from(kept)
        .map(|parameters| (parameters.m_cost(), parameters.t_cost(), parameters.p_cost()));
    kept.algorithm == Algorithm::Argon2id.ident()
        && kept.version == Some(Version::V0x13.into())
        && parameters == Ok((MEMORY, PASSES, LANES))
}

/// Does the work on a thread for blocking work when it is its turn.
async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let Ok(place) = PLACES.try_acquire() else {
        return Err(Error::Unavailable("too many passwords are being checked at once".into()));
    };
    let turn = TURNS.acquire().await.map_err(|error| Error::Internal(error.into()))?;
    // They go along: a caller that gives up does not let another one in while its work still runs.
    let held: [SemaphorePermit<'static>; 2] = [place, turn];
    let done = tokio::task::spawn_blocking(move || {
        let result = work();
        drop(held);
        result
    });
    done.await.map_err(|error| Error::Internal(error.into()))?
}

fn internal(error: password_hash::Error) -> Error {
    // Its text is about formats and parameters, never the password. The type has no source to keep.
    Error::Internal(error.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: policy::Owner<'_> = policy::Owner { email: "ada@example.org", name: "Ada Lovelace" };
    const TEXT: &str = "violet kettle under 9 stairs";

    fn typed(text: &str) -> Password {
        Password::typed(text).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_the_same_password_matches() {
        let kept = typed(TEXT).hash().await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(typed(TEXT).check(Some(kept.clone())).await.unwrap(), Some(kept.clone()));
        assert_eq!(typed("violet kettle under 8 stairs").check(Some(kept)).await.unwrap(), None);
        assert_eq!(typed(TEXT).check(None).await.unwrap(), None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_hash_with_other_parameters_is_renewed() {
        let salt = SaltString::encode_b64(b"sixteen bytes !!").unwrap();
        let weaker = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).unwrap());
        let old = weaker.hash_password(TEXT.as_bytes(), &salt).unwrap().to_string();
        let renewed = typed(TEXT).check(Some(old.clone())).await.unwrap().unwrap();
        assert_ne!(renewed, old);
        assert_eq!(typed(TEXT).check(Some(renewed.clone())).await.unwrap(), Some(renewed));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn however_many_are_hashed_their_memory_is_that_of_those_at_once() {
        let many = (0..12).map(|_| typed(TEXT).check(None));
        assert!(futures_util::future::join_all(many).await.iter().all(Result::is_ok));
        assert!(MEMORIES.lock().unwrap().len() <= AT_ONCE);
    }

    #[test]
    fn one_password_has_one_form() {
        assert_eq!(typed("ﬁfteen ｌｅｔｔｅｒｓ").0, "fifteen letters");
        assert!(Password::typed(&"é".repeat(129)).is_none());
    }

    #[test]
    fn a_chosen_password_is_long_but_not_endless() {
        let code = |text: &str| match Password::chosen("password", text, OWNER) {
            Err(Error::Refused(refusal)) => Some(refusal.code),
            _ => None,
        };
        assert_eq!(code("short and sweet"), None);
        assert_eq!(code("short and swee"), Some(RefusalCode::TooShort));
        assert_eq!(code(&"a b?c.".repeat(50)), Some(RefusalCode::TooLong));
        assert_eq!(code("passwordpassword"), Some(RefusalCode::Invalid));
    }
}
