//! Keys that sign what is handed out and comes back, such as links in letters.

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// The shortest key: as long as what it makes (RFC 2104, 3).
const KEY_BYTES: usize = 32;
/// How long it is waited for a key that others may know already; and how long it is not asked for another, so that who makes
/// up names of keys makes nobody look for them again and again.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest name of a key.
const NAME_BYTES: usize = 64;

/// The keys at this moment: the first signs, and what any of them has signed is accepted. Clones are the same keys.
#[derive(Clone)]
pub(crate) struct Keys {
    current: Arc<watch::Sender<Vec<Key>>>,
    /// Told when a key is asked for that is not here.
    stale: Option<Arc<Notify>>,
    asked: Arc<Mutex<Option<Instant>>>,
}

#[derive(Clone)]
struct Key {
    id: String,
    mac: Hmac<Sha256>,
}

impl Keys {
    /// The keys of `SIGNING_KEYS`: `name:key`, with commas between, each key at least 32 bytes in base64url. Somebody who
    /// hears `stale` should look whether there are others, and [`Keys::become_these`].
    pub(crate) fn parse(text: &str, stale: Option<Arc<Notify>>) -> anyhow::Result<Self> {
        Ok(Self::of(parse(text)?, stale))
    }

    /// A key that nobody else has, and that is gone with the process.
    pub(crate) fn of_this_process() -> Self {
        let key = Key::new("here", &rand::random::<[u8; KEY_BYTES]>());
        Self::of(key.into_iter().collect(), None)
    }

    fn of(keys: Vec<Key>, stale: Option<Arc<Notify>>) -> Self {
        Self { current: Arc::new(watch::Sender::new(keys)), stale, asked: Arc::default() }
    }

    /// From now on there are these.
    pub(crate) fn become_these(&self, text: &str) -> anyhow::Result<()> {
        self.current.send_replace(parse(text)?);
        Ok(())
    }

    /// The words, which must have no dot, with the name of the key and what it says of them.
    pub(crate) fn sign(&self, words: &str) -> Option<String> {
        self.current.borrow().first().map(|key| {
            let mac = key.mac.clone().chain_update(words).finalize().into_bytes();
            format!("{words}.{}.{}", key.id, URL_SAFE_NO_PAD.encode(mac))
        })
    }

    /// The words, if one of the keys has signed them. A key that is not known here may be on its way: it is waited for.
    pub(crate) async fn open<'a>(&self, signed: &'a str) -> Option<&'a str> {
        let (words, rest) = signed.split_once('.')?;
        let (id, mac) = rest.split_once('.')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok().filter(|mac| mac.len() == KEY_BYTES && is_name(id))?;
        let is_known = |keys: &Vec<Key>| keys.iter().any(|key| key.id == id);
        let known = is_known(&self.current.borrow());
        if !known {
            let mut keys = self.current.subscribe();
            if timeout(self.ask(), keys.wait_for(is_known)).await.is_ok() {
                *self.asked() = None;
            }
        }
        let keys = self.current.borrow();
        let key = keys.iter().find(|key| key.id == id)?;
        key.mac.clone().chain_update(words).verify_slice(&mac).is_ok().then_some(words)
    }

    fn asked(&self) -> MutexGuard<'_, Option<Instant>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has somebody look for other keys, unless somebody does already; says how long to wait for what they find.
    fn ask(&self) -> Duration {
        let Some(stale) = &self.stale else { return Duration::ZERO };
        let mut asked = self.asked();
        match asked.map(|at| PATIENCE.saturating_sub(at.elapsed())) {
            Some(left) if !left.is_zero() => left,
            _ => {
                *asked = Some(Instant::now());
                stale.notify_one();
                PATIENCE
            }
        }
    }
}

impl Key {
    fn new(id: &str, bytes: &[u8]) -> Option<Self> {
        Some(Self { id: id.to_owned(), mac: Hmac::new_from_slice(bytes).ok()? })
    }
}

/// None of its errors quotes a key.
fn parse(text: &str) -> anyhow::Result<Vec<Key>> {
    let shape = "write SIGNING_KEYS as name:key, newest first, with commas between; a key is 32 random bytes in base64url";
    let keys: Option<Vec<Key>> = text
        .split(',')
        .map(|key| {
            let (id, key) = key.trim().split_once(':')?;
            let bytes = URL_SAFE_NO_PAD.decode(key.trim_end_matches('=')).ok()?;
            (is_name(id) && bytes.len() >= KEY_BYTES).then(|| Key::new(id, &bytes))?
        })
        .collect();
    let keys = keys.context(shape)?;
    let names: HashSet<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    ensure!(names.len() == keys.len(), "SIGNING_KEYS has two keys of one name: each needs a name of its own");
    Ok(keys)
}

fn is_name(id: &str) -> bool {
    (1..=NAME_BYTES).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(names: &[&str]) -> String {
        let keys = names
            .iter()
            .map(|name| format!("{name}:{}", URL_SAFE_NO_PAD.encode([name.bytes().next().unwrap(); 32])));
        keys.collect::<Vec<_>>().join(",")
    }

    #[tokio::test]
    async fn what_the_one_before_has_signed_is_accepted_and_what_none_has_is_not() {
        let keys = Keys::parse(&text(&["a"]), None).unwrap();
        let signed = keys.sign("letter").unwrap();
        assert!(signed.starts_with("letter.a."), "{signed}");
        assert_eq!(keys.open(&signed).await, Some("letter"));
        keys.become_these(&text(&["bb", "a"])).unwrap();
        assert!(keys.sign("letter").unwrap().starts_with("letter.bb."));
        assert_eq!(keys.open(&signed).await, Some("letter"));
        for wrong in [signed.replace("letter", "other"), signed.replace(".a.", ".bb."), "letter".to_owned()] {
            assert_eq!(keys.open(&wrong).await, None, "{wrong}");
        }
        keys.become_these(&text(&["ccc", "bb"])).unwrap();
        assert_eq!(keys.open(&signed).await, None);
    }

    #[tokio::test]
    async fn a_key_that_others_know_already_is_waited_for() {
        let stale = Arc::new(Notify::new());
        let keys = Keys::parse(&text(&["a"]), Some(Arc::clone(&stale))).unwrap();
        let signed = Keys::parse(&text(&["bb"]), None).unwrap().sign("letter").unwrap();
        let rotation = async {
            stale.notified().await;
            keys.become_these(&text(&["bb", "a"])).unwrap();
        };
        assert_eq!(tokio::join!(keys.open(&signed), rotation).0, Some("letter"));
    }

    #[test]
    fn a_wrong_key_is_refused_and_not_told() {
        for wrong in [
            "",
            "a",
            "a:c2hvcnQ",
            ":AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "a.b:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            let error = Keys::parse(wrong, None).err().unwrap().to_string();
            assert!(error.starts_with("write SIGNING_KEYS as"), "{error}");
        }
        let error = Keys::parse(&text(&["a", "a"]), None).err().unwrap().to_string();
        assert!(error.starts_with("SIGNING_KEYS has two keys of one name"), "{error}");
    }
}
