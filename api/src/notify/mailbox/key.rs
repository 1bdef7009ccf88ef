//! Secrets of a laptop, in files. One is the key to the page of the mailbox: who can read it on this machine can read the letters
//! there too.

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fs::{self, File, OpenOptions, create_dir_all};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use subtle::ConstantTimeEq as _;

/// So many random bytes, told in base64url.
const BYTES: usize = 32;
/// Nobody but whose file it is may read it.
const OWN: u32 = 0o600;
/// What others may do with a file.
const OTHERS: u32 = 0o077;

/// What is in a file of this folder that only its owner may read; made if there is none.
///
/// # Errors
/// If the file cannot be made or read, or can be read by others.
pub fn kept_secret(
    folder: &Path,
    name: &str,
    make: impl FnOnce() -> anyhow::Result<String>,
) -> anyhow::Result<String> {
    let path = folder.join(name);
    let shown = path.display();
    create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let secret = make()?;
    match OpenOptions::new().write(true).create_new(true).mode(OWN).open(&path) {
        Ok(mut file) => {
            file.write_all(secret.as_bytes()).with_context(|| format!("{shown} cannot be written"))?;
            Ok(secret)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(&path),
        Err(error) => Err(error).with_context(|| format!("{shown} cannot be made")),
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let mode = fs::metadata(path).with_context(|| format!("{shown} cannot be read"))?.permissions().mode();
    ensure!(mode & OTHERS == 0, "{shown} can be read by others: remove it, and there will be another");
    let mut secret = String::new();
    let file = File::open(path).with_context(|| format!("{shown} cannot be read"))?;
    file.take(1024).read_to_string(&mut secret).with_context(|| format!("{shown} cannot be read"))?;
    Ok(secret)
}

/// A key that is kept in a file, and opens one page.
#[derive(Clone)]
pub struct PageKey(String);

impl PageKey {
    /// The key in this folder, which is made if there is none.
    ///
    /// # Errors
    /// If the file cannot be made or read, holds something else, or can be read by others.
    pub fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        let key = kept_secret(folder, "key", || Ok(URL_SAFE_NO_PAD.encode(rand::random::<[u8; BYTES]>())))?;
        let is_key = URL_SAFE_NO_PAD.decode(&key).is_ok_and(|bytes| bytes.len() == BYTES);
        ensure!(is_key, "{} holds no key: remove it, and there will be one", folder.join("key").display());
        Ok(Self(key))
    }

    /// Where it opens the page, beneath the address of the server.
    pub fn path(&self) -> String {
        format!("/mailbox/{}", self.0)
    }

    /// Whether this is it. How long that takes does not tell how much of it is right.
    pub(super) fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}
