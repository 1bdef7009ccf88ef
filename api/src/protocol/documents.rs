//! Which document a request is about: it may send the text, or only name it.
//!
//! A name is the SHA-256 of a text that was sent before (Automatic Persisted Queries, as Apollo's clients do it), or
//! the id of a trusted document, one of the [`Manifest`]. Wherever it comes from, the text passes the gate.

mod hash;
mod manifest;
mod store;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{ServerError, Value};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tracing::info;

use super::error::{
    BAD_REQUEST, DOCUMENT_NOT_TRUSTED, DOCUMENT_UNKNOWN, PERSISTED_QUERY_NOT_FOUND,
    PERSISTED_QUERY_NOT_SUPPORTED, error,
};
use super::gate::Operation;
use super::plan::Planner;
use super::stats::{Source, Stats};
use super::{Parameters, Settings};
use hash::Hash;
pub use manifest::Manifest;
use store::Store;

/// Untrusted documents that are logged, each once; of more it is only known how often they were sent.
const LOGGED: usize = 1024;

/// Which documents are run.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Any.
    #[default]
    Any,
    /// Any; those that are not in the manifest are logged and counted, to see whether it is whole.
    Log(Arc<Manifest>),
    /// Those in the manifest.
    Only(Arc<Manifest>),
}

impl Trust {
    fn manifest(&self) -> Option<&Manifest> {
        match self {
            Self::Any => None,
            Self::Log(manifest) | Self::Only(manifest) => Some(manifest),
        }
    }
}

/// The documents that need not be sent.
pub(super) struct Documents {
    trust: Trust,
    store: Store,
    shelf: Option<Arc<dyn Shelf>>,
    /// Untrusted ones that are in the log already.
    logged: Mutex<HashSet<Hash>>,
}

/// Where instances leave documents for each other, by the hexadecimal SHA-256 of their text. Nothing that is found
/// there is believed.
pub trait Shelf: Send + Sync + 'static {
    /// Leaves a document there, without waiting. It may get lost.
    fn put(&self, hash: &str, text: &str);

    /// Looks for one, for some hundred milliseconds at most.
    fn find<'a>(&'a self, hash: &'a str) -> BoxFuture<'a, Option<String>>;
}

/// How a request names its document.
enum Name {
    Id(String),
    Hash(String),
}

/// What is to be done about a document once the gate has let it in.
pub(super) struct Found {
    keep: Option<Hash>,
    standing: Standing,
}

/// What the manifest says of a document.
#[derive(PartialEq)]
enum Standing {
    NoManifest,
    Trusted,
    Untrusted(Hash),
}

impl Documents {
    /// Fails if a trusted document is refused: better that the start fails than that every call of some client does.
    pub(super) fn new(settings: &Settings, planner: &Planner) -> anyhow::Result<Self> {
        let trust = settings.trust.clone();
        for (id, text) in trust.manifest().into_iter().flat_map(Manifest::iter) {
            planner.check(text).map_err(|refusal| {
                let reason = refusal.errors.first().map_or("it cannot be read", |error| &error.message);
                anyhow::anyhow!("the trusted document {id:?} is refused, mend or remove it: {reason}")
            })?;
        }
        let (store, shelf) = (Store::new(settings.persisted.clone()), settings.shared.shelf.clone());
        Ok(Self { trust, store, shelf, logged: Mutex::default() })
    }

    /// Looks where another instance may have left the document of a request, if it is not known here.
    pub(super) fn fetch<'a>(&'a self, parameters: &Parameters) -> Option<BoxFuture<'a, ()>> {
        let others = self.shelf.as_deref().filter(|_| parameters.query.is_empty())?;
        let Ok(Some(Name::Hash(digits))) = name(parameters) else { return None };
        let hash = Hash::parse(&digits)?;
        let is_needed =
            self.store.is_on() && !matches!(self.trust, Trust::Only(_)) && self.store.find(hash).is_none();
        is_needed.then(|| {
            let fetching = async move {
                if let Some(text) = others.find(&hash.to_string()).await
                    && Hash::of(&text) == hash
                {
                    self.store.keep(hash, &text);
                }
            };
            fetching.boxed()
        })
    }

    /// Puts the text of the document where the gate looks for it.
    pub(super) fn find(&self, parameters: &mut Parameters, stats: &Stats) -> Result<Found, ServerError> {
        let mut keep = None;
        match name(parameters)? {
            None => {}
            Some(name) if parameters.query.is_empty() => {
                parameters.query = self.named(&name, stats)?.to_string();
            }
            Some(Name::Id(_)) => {
                return Err(error(BAD_REQUEST, "send \"query\" or \"documentId\", and not both"));
            }
            Some(Name::Hash(digits)) => keep = Some(verified(&digits, &parameters.query)?),
        }
        let standing = self.standing(&parameters.query, keep);
        match (&self.trust, &standing) {
            (Trust::Only(_), Standing::Untrusted(_)) => Err(refused(stats)),
            _ => Ok(Found { keep, standing }),
        }
    }

    /// The text of a document of which only the name was sent.
    fn named(&self, name: &Name, stats: &Stats) -> Result<Arc<str>, ServerError> {
        let (Name::Id(id) | Name::Hash(id)) = name;
        if let Some(text) = self.trust.manifest().and_then(|manifest| manifest.find(id)) {
            return Ok(text);
        }
        if let Trust::Only(_) = self.trust {
            return Err(refused(stats));
        }
        let kept = match name {
            Name::Hash(digits) => Hash::parse(digits).and_then(|hash| self.store.find(hash)),
            Name::Id(_) => None,
        };
        if let Some(text) = kept {
            stats.document(Source::Persisted);
            return Ok(text);
        }
        stats.document(Source::Missing);
        // The sentences, too, are what Apollo's clients look for.
        Err(match name {
            Name::Id(_) => error(DOCUMENT_UNKNOWN, "no trusted document has this documentId; send \"query\""),
            Name::Hash(_) if self.store.is_on() => error(PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound"),
            Name::Hash(_) => error(PERSISTED_QUERY_NOT_SUPPORTED, "PersistedQueryNotSupported"),
        })
    }

    /// `hash` is the text's, if it was made already.
    fn standing(&self, text: &str, hash: Option<Hash>) -> Standing {
        let Some(manifest) = self.trust.manifest() else { return Standing::NoManifest };
        let hash = hash.unwrap_or_else(|| Hash::of(text));
        if manifest.has(hash) { Standing::Trusted } else { Standing::Untrusted(hash) }
    }

    /// Keeps, counts and logs. Nothing of that before the gate: what it refuses would only be refused again.
    pub(super) fn note(&self, found: &Found, operation: &Operation, stats: &Stats) {
        let text = &operation.request.query;
        match found.standing {
            Standing::Trusted => stats.document(Source::Trusted),
            Standing::Untrusted(hash) => {
                stats.document(Source::Untrusted);
                if self.is_news(hash) {
                    let name = operation.name.as_deref().unwrap_or_default();
                    info!(%hash, name, bytes = text.len(), "an operation is not among the trusted documents");
                }
            }
            Standing::NoManifest => {}
        }
        if let Some(hash) = found.keep
            && found.standing != Standing::Trusted
            && self.store.is_on()
        {
            stats.document(Source::Registered);
            self.store.keep(hash, text);
            if let Some(shelf) = &self.shelf {
                shelf.put(&hash.to_string(), text);
            }
        }
    }

    /// Whether this document is not in the log yet, and the log not full of them.
    fn is_news(&self, hash: Hash) -> bool {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        logged.len() < LOGGED && logged.insert(hash)
    }
}

fn verified(digits: &str, text: &str) -> Result<Hash, ServerError> {
    let hash = Hash::of(text);
    if Hash::parse(digits) == Some(hash) {
        return Ok(hash);
    }
    Err(error(BAD_REQUEST, "sha256Hash is not the SHA-256 of the query sent with it"))
}

fn refused(stats: &Stats) -> ServerError {
    stats.document(Source::Untrusted);
    error(
        DOCUMENT_NOT_TRUSTED,
        "this server runs trusted documents only: name one by \"documentId\", or have this one added to the \
         server's manifest (TRUSTED_DOCUMENTS)",
    )
}

fn name(parameters: &Parameters) -> Result<Option<Name>, ServerError> {
    match (&parameters.document_id, parameters.persisted_query()) {
        (None, None) => Ok(None),
        (Some(id), None) => Ok(Some(Name::Id(id.clone()))),
        (None, Some(persisted)) => persisted_query(persisted).map(Some),
        (Some(_), Some(_)) => {
            Err(error(BAD_REQUEST, "name the document by documentId or by persistedQuery, and not both"))
        }
    }
}

fn persisted_query(persisted: &Value) -> Result<Name, ServerError> {
    let field = |name| match persisted {
        Value::Object(fields) => fields.get(name),
        _ => None,
    };
    match (field("version"), field("sha256Hash")) {
        (Some(Value::Number(version)), Some(Value::String(digits))) if version.as_u64() == Some(1) => {
            Ok(Name::Hash(digits.clone()))
        }
        _ => Err(error(BAD_REQUEST, "extensions.persistedQuery is {\"version\": 1, \"sha256Hash\": \"…\"}")),
    }
}
