//! Errors as GraphQL tells them: a sentence for people, a stable `extensions.code` for programs.

use async_graphql::{ErrorExtensions, ServerError};
use roomm8_db::Error as DbError;
use std::sync::Arc;

/// The codes of top-level errors that resolvers give; the server's edge adds its own for protocol errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Sign in first, or again.
    Unauthenticated,
    /// The caller's role lacks the right.
    Forbidden,
    /// It does not exist, or the caller may not know that it does.
    NotFound,
    /// An argument cannot be what it is.
    BadUserInput,
    /// The `clientMutationId` was used with another input.
    IdempotencyConflict,
    /// Too many attempts; `extensions.retryAfter` says how many seconds to wait.
    RateLimited,
    /// The cursor cannot be resumed: fetch afresh, then subscribe from the new cursor.
    ResyncRequired,
    /// The membership ended while its events were followed.
    MembershipEnded,
    /// The database is away for the moment: try again, after `extensions.retryAfter` seconds.
    Unavailable,
    /// A bug on our side.
    Internal,
}

/// Every code with what it means, for the docs.
pub const CODES: [(Code, &str); 10] = [
    (Code::Unauthenticated, "Sign in first, or again."),
    (Code::Forbidden, "You are a member, but your role lacks the right."),
    (Code::NotFound, "It does not exist, or you may not know that it does."),
    (Code::BadUserInput, "An argument cannot be what it is; the message says what it must be."),
    (Code::IdempotencyConflict, "This clientMutationId was used before with a different input."),
    (Code::RateLimited, "Too many attempts: wait `extensions.retryAfter` seconds."),
    (Code::ResyncRequired, "The cursor cannot be resumed: fetch afresh and subscribe from the new cursor."),
    (Code::MembershipEnded, "You left the household, or were removed, while you followed it."),
    (
        Code::Unavailable,
        "The database is away: try again after `extensions.retryAfter` seconds; nothing is known to have changed.",
    ),
    (Code::Internal, "A bug on our side; quote `extensions.requestId` when you report it."),
];

impl Code {
    /// The text in `extensions.code`.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::IdempotencyConflict => "IDEMPOTENCY_CONFLICT",
            Self::RateLimited => "RATE_LIMITED",
            Self::ResyncRequired => "RESYNC_REQUIRED",
            Self::MembershipEnded => "MEMBERSHIP_ENDED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

/// The error of every resolver.
///
/// It has no `Display` on purpose: async-graphql would use that and lose the code.
#[derive(Debug, Clone)]
pub struct Error(async_graphql::Error);

/// The result of every resolver.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// The result of a field that is null where it fails. `Result<Option<T>>` would null the object around it, as
/// async-graphql carries an error up to the nearest `Option` that it resolves.
pub(crate) type Nullable<T> = Option<Result<T>>;

/// Resolves a nullable field that is only null where it fails.
pub(crate) async fn nullable<T>(resolve: impl Future<Output = Result<T>>) -> Nullable<T> {
    Some(resolve.await)
}

/// Resolves a nullable field that may also be null by itself.
pub(crate) async fn nullable_option<T>(resolve: impl Future<Output = Result<Option<T>>>) -> Nullable<T> {
    resolve.await.transpose()
}

impl Error {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        let error = async_graphql::Error::new(message);
        Self(error.extend_with(|_, extensions| extensions.set("code", code.text())))
    }

    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self::new(Code::BadUserInput, message)
    }

    pub(crate) fn not_found() -> Self {
        DbError::NotFound.into()
    }

    fn retry_after(self, seconds: u64) -> Self {
        Self(self.0.extend_with(|_, extensions| extensions.set("retryAfter", seconds)))
    }

    /// The error as it ends an operation that has no field to stand at.
    pub fn into_server_error(self) -> ServerError {
        // It is about no place in a document.
        ServerError { locations: Vec::new(), ..self.0.into_server_error(async_graphql::Pos::default()) }
    }
}

impl From<Error> for async_graphql::Error {
    fn from(error: Error) -> Self {
        error.0
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        (&error).into()
    }
}

impl From<Arc<DbError>> for Error {
    fn from(error: Arc<DbError>) -> Self {
        (&*error).into()
    }
}

impl From<&DbError> for Error {
    fn from(error: &DbError) -> Self {
        let message = error.to_string();
        match error {
            DbError::NotFound => Self::new(Code::NotFound, message),
            DbError::Forbidden(_) => Self::new(Code::Forbidden, message),
            DbError::Unauthenticated => Self::new(Code::Unauthenticated, message),
            DbError::Refused(_)
            | DbError::Conflict(_)
            | DbError::AlreadyClosed(_)
            | DbError::Over(_)
            | DbError::NameTaken(_)
            | DbError::RefusedLines(_) => Self::new(Code::BadUserInput, message),
            DbError::IdempotencyConflict => Self::new(Code::IdempotencyConflict, message),
            DbError::Throttled(wait) => {
                Self::new(Code::RateLimited, message).retry_after(wait.as_secs().max(1))
            }
            DbError::Resync => Self::new(Code::ResyncRequired, message),
            DbError::Unavailable(cause) => {
                tracing::warn!(%cause, "the database is not available");
                Self::new(Code::Unavailable, message).retry_after(1)
            }
            DbError::Contended(cause) => {
                tracing::warn!(%cause, "a transaction was given up");
                Self::new(Code::Unavailable, message).retry_after(1)
            }
            DbError::Duplicate => {
                tracing::error!("a uniqueness rule spoke where none was expected");
                Self::new(Code::Internal, "something went wrong on our side")
            }
            DbError::Internal(cause) => {
                tracing::error!(%cause, "a database call failed");
                Self::new(Code::Internal, message)
            }
        }
    }
}
