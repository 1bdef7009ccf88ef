//! Why a call did not do what was asked.

use crate::{Permission, SubjectId};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The result of every call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call did not do what was asked. Only [`Error::Unavailable`] and [`Error::Internal`] are about the
/// system; the others are answers.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist, or the caller may not know that it does.
    #[error("there is nothing with this id")]
    NotFound,
    /// The caller is a member, but their role lacks this right.
    #[error("this needs the right {}, which your role does not have", .0.word())]
    Forbidden(Permission),
    /// No session, or one that has ended.
    #[error("sign in first")]
    Unauthenticated,
    /// The person can mend it: say so beside the field.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// `expectedVersion` is stale and the same fields have changed since.
    #[error("it was changed by somebody else: look at the current version and try again")]
    Conflict(SubjectId),
    /// The occurrence is closed: its row says by whom, when and how.
    #[error("it is closed already: look at who did it, and when")]
    AlreadyClosed(SubjectId),
    /// What was offered is no longer to be had: the offer says what became of it.
    #[error("this offer is over: look at what became of it")]
    Over(SubjectId),
    /// Something else has this name already: its row says which. They can be made one.
    #[error("this name is taken: take what has it, or make the two one")]
    NameTaken(SubjectId),
    /// Lines of several were refused, each for its own reason, and nothing was done.
    #[error("{} lines are not right", .0.len())]
    RefusedLines(Vec<LineRefusal>),
    /// The `clientMutationId` was used before with another input.
    #[error("this clientMutationId was already used with a different input: make a new one for a new intent")]
    IdempotencyConflict,
    /// Too many of these in a short time.
    #[error("too many attempts: try again in {} s", .0.as_secs().max(1))]
    Throttled(Duration),
    /// A cursor that the log can no longer, or could never, serve: read afresh and subscribe from there.
    #[error("this cursor cannot be resumed: fetch the current state and subscribe again from its cursor")]
    Resync,
    /// The database did not answer in time or went away; nothing is known to have changed.
    #[error("the database is not available: try again")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A transaction lost against another and may be run again.
    #[error("the database asked to run this transaction again")]
    Contended(#[source] DieselError),
    /// A uniqueness rule of the database spoke; callers turn it into an answer.
    #[error("it already exists")]
    Duplicate,
    /// A bug, or a database that is not what we think it is.
    #[error("something went wrong on our side")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A refusal the person can mend.
    pub fn refused(code: RefusalCode, field: &'static str, message: impl Into<String>) -> Self {
        Self::Refused(Refusal { code, field, message: message.into() })
    }

    /// What was the matter underneath, for whoever runs the server.
    pub(crate) fn cause(&self) -> String {
        std::error::Error::source(self).map_or_else(|| self.to_string(), ToString::to_string)
    }

    /// The unit of work may run the transaction again.
    pub(crate) fn is_worth_another_try(&self) -> bool {
        matches!(self, Self::Contended(_) | Self::Unavailable(_))
    }
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Duplicate,
            DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _) => {
                Self::Unavailable(error.into())
            }
            DieselError::DatabaseError(_, ref information) if is_contention(information.message()) => {
                Self::Contended(error)
            }
            DieselError::DatabaseError(_, ref information) if is_outage(information.message()) => {
                Self::Unavailable(error.into())
            }
            other => Self::Internal(other.into()),
        }
    }
}

/// diesel-async drops MySQL's error numbers, so that 1213 (deadlock), 1205 (lock wait) and SQLite's BUSY can
/// only be told by their texts.
fn is_contention(message: &str) -> bool {
    ["Deadlock found", "Lock wait timeout", "database is locked", "database table is locked"]
        .iter()
        .any(|text| message.starts_with(text))
}

/// Texts of a connection that broke, a server that shuts down (1053) or became read-only (1290, 1836).
fn is_outage(message: &str) -> bool {
    [
        "Input/output error",
        "Driver error",
        "Server shutdown in progress",
        "The MySQL server is running with",
        "The MariaDB server is running with",
        "Running in read-only mode",
        "Connection was killed",
        // On another connection there is room, once those of this one are forgotten.
        "Can't create more than max_prepared_stmt_count statements",
    ]
    .iter()
    .any(|text| message.starts_with(text))
}

/// An answer for a person: what was wrong with which field and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Refusal {
    /// Why, for programs.
    pub code: RefusalCode,
    /// The input field, in dots for nesting; empty when it is about no single one.
    pub field: &'static str,
    /// Why and what to do, for people.
    pub message: String,
}

/// What was wrong with one line of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRefusal {
    /// Which, from 0.
    pub line: usize,
    /// What was wrong with it.
    pub refusal: Refusal,
}

/// Why something was refused, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalCode {
    /// The value is not one this field takes.
    Invalid,
    /// The value is longer than allowed.
    TooLong,
    /// The value is shorter than allowed.
    TooShort,
    /// The id names nothing in this household.
    InvalidReference,
    /// It was deleted and can no longer be changed.
    Gone,
    /// A household must keep an owner.
    LastOwner,
    /// No such invitation.
    InvitationInvalid,
    /// The invitation's time is over.
    InvitationExpired,
    /// The invitation was taken back.
    InvitationRevoked,
    /// Every seat of the invitation is taken.
    InvitationExhausted,
    /// The invitation is for another e-mail address.
    InvitationEmailMismatch,
    /// This person may not come back to this household.
    Banned,
    /// Only its author may do this.
    NotAuthor,
    /// Messages this old can no longer be edited.
    EditWindowClosed,
    /// E-mail and password do not belong together.
    WrongCredentials,
    /// The token is unknown, used or too old.
    TokenInvalid,
    /// The household is archived: restore it first.
    Archived,
    /// A limit on how many there may be is reached.
    Limit,
    /// What followed it was closed, or is gone: take that back first.
    Superseded,
    /// It was closed too long ago to be taken back by who closed it.
    UndoWindowClosed,
    /// Nothing on the list is bought.
    NothingBought,
    /// Something else has this name already.
    NameTaken,
}
