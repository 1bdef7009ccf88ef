//! What mutations return, and the one way they are performed.

use crate::error::Result;
use crate::scalar::Cursor;
use crate::scope::ScopeExt as _;
use async_graphql::{Context, Enum, MaybeUndefined, SimpleObject};
use roomm8_db::{
    Error as DbError, HouseholdId, LineRefusal, Operation, Refusal, RefusalCode, Request, Subject as _, To,
};

/// Why an input was refused, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum UserErrorCode {
    /// The value is not one this field takes.
    Invalid,
    /// The value is longer than allowed.
    TooLong,
    /// The value is shorter than allowed.
    TooShort,
    /// The id names nothing in this household.
    InvalidReference,
    /// `expectedVersion` is stale: the payload carries the current state; look at it and try again.
    Conflict,
    /// It was deleted and can no longer be changed.
    Gone,
    /// A household must keep an owner: make somebody else one first.
    LastOwner,
    /// There is no such invitation.
    InvitationInvalid,
    /// The invitation's time is over: ask for a new one.
    InvitationExpired,
    /// The invitation was taken back.
    InvitationRevoked,
    /// Every seat of the invitation is taken: ask for a new one.
    InvitationExhausted,
    /// The invitation is for another e-mail address.
    InvitationEmailMismatch,
    /// You may not come back to this household.
    Banned,
    /// Only its author may do this.
    NotAuthor,
    /// The message is too old to be edited.
    EditWindowClosed,
    /// E-mail and password do not belong together.
    WrongCredentials,
    /// The token is unknown, used or too old: ask for a new one.
    TokenInvalid,
    /// The household is archived: restore it first.
    Archived,
    /// A limit on how many there may be is reached.
    Limit,
    /// Somebody else has closed it already: it comes along, and says by whom, when and how.
    AlreadyClosed,
    /// What followed it was closed, or is gone: take that back first.
    Superseded,
    /// It was closed or finished too long ago for you to take it back.
    UndoWindowClosed,
    /// More was added since the version you have seen: the item comes along as it is wanted now.
    Stale,
    /// Something else has this name: it comes along. Take that, or make the two one.
    NameTaken,
    /// Nothing on the list is bought: tick something first.
    NothingBought,
}

/// What a person can mend: show it beside the field.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct UserError {
    /// Why, for programs. Expect new values.
    code: UserErrorCode,
    /// The path of the input field it is about; empty when it is about no single one.
    field: Vec<String>,
    /// Why and what to do, in English, for people.
    message: String,
}

impl From<RefusalCode> for UserErrorCode {
    fn from(code: RefusalCode) -> Self {
        match code {
            RefusalCode::Invalid => UserErrorCode::Invalid,
            RefusalCode::TooLong => UserErrorCode::TooLong,
            RefusalCode::TooShort => UserErrorCode::TooShort,
            RefusalCode::InvalidReference => UserErrorCode::InvalidReference,
            RefusalCode::Gone => UserErrorCode::Gone,
            RefusalCode::LastOwner => UserErrorCode::LastOwner,
            RefusalCode::InvitationInvalid => UserErrorCode::InvitationInvalid,
            RefusalCode::InvitationExpired => UserErrorCode::InvitationExpired,
            RefusalCode::InvitationRevoked => UserErrorCode::InvitationRevoked,
            RefusalCode::InvitationExhausted => UserErrorCode::InvitationExhausted,
            RefusalCode::InvitationEmailMismatch => UserErrorCode::InvitationEmailMismatch,
            RefusalCode::Banned => UserErrorCode::Banned,
            RefusalCode::NotAuthor => UserErrorCode::NotAuthor,
            RefusalCode::EditWindowClosed => UserErrorCode::EditWindowClosed,
            RefusalCode::WrongCredentials => UserErrorCode::WrongCredentials,
            RefusalCode::TokenInvalid => UserErrorCode::TokenInvalid,
            RefusalCode::Archived => UserErrorCode::Archived,
            RefusalCode::Limit => UserErrorCode::Limit,
            RefusalCode::Superseded => UserErrorCode::Superseded,
            RefusalCode::UndoWindowClosed => UserErrorCode::UndoWindowClosed,
            RefusalCode::NothingBought => UserErrorCode::NothingBought,
            RefusalCode::NameTaken => UserErrorCode::NameTaken,
        }
    }
}

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code.into(), refusal.field, refusal.message)
    }
}

impl From<LineRefusal> for UserError {
    fn from(line: LineRefusal) -> Self {
        let mut error = Self::from(line.refusal);
        error.nest("amounts", &["quantity"]);
        error.field.splice(0..0, ["lines".to_owned(), line.line.to_string()]);
        error
    }
}

impl UserError {
    /// An error about this field, in dots for nesting.
    pub(crate) fn new(code: UserErrorCode, field: &str, message: impl Into<String>) -> Self {
        let field = field.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Self { code, field, message: message.into() }
    }

    pub(crate) fn conflict() -> Self {
        Self {
            code: UserErrorCode::Conflict,
            field: vec!["expectedVersion".to_owned()],
            message: "somebody else changed it meanwhile: this is how it is now".to_owned(),
        }
    }

    /// Says of a conflict what it is about where the input has no `expectedVersion`.
    pub(crate) fn place(&mut self, field: &str) {
        if self.code == UserErrorCode::Conflict {
            self.field = vec![field.to_owned()];
        }
    }

    /// Says of an error about one of `fields` that this is a part of `parent`.
    pub(crate) fn nest(&mut self, parent: &str, fields: &[&str]) {
        if self.field.first().is_some_and(|field| fields.contains(&field.as_str())) {
            self.field.insert(0, parent.to_owned());
        }
    }

    /// Says of an error about this field, or a part of it, what the field is called where the caller named it.
    pub(crate) fn rename(&mut self, field: &str, name: &str) {
        if let Some(first) = self.field.first_mut().filter(|first| *first == field) {
            name.clone_into(first);
        }
    }

    /// Whether it is about this field, or a part of it.
    pub(crate) fn is_about(&self, field: &str) -> bool {
        self.field.first().is_some_and(|first| first == field)
    }

    /// Says that it is about a part of what is at this place.
    pub(crate) fn place_under(&mut self, place: &[&str]) {
        self.field.splice(0..0, place.iter().map(|part| (*part).to_owned()));
    }

    fn name_taken() -> Self {
        let message = "something else has this name: take that, or make the two one";
        Self::new(UserErrorCode::NameTaken, "name", message)
    }

    fn over() -> Self {
        Self {
            code: UserErrorCode::Gone,
            field: vec!["swapId".to_owned()],
            message: "this offer is over: look at what became of it".to_owned(),
        }
    }

    fn already_closed() -> Self {
        Self {
            code: UserErrorCode::AlreadyClosed,
            field: vec!["occurrenceId".to_owned()],
            message: "it is closed already: look at who did it, and when".to_owned(),
        }
    }
}

/// What came of a mutation: what changed, or why nothing did.
pub(crate) struct Outcome<T> {
    pub subject: Option<T>,
    pub cursor: Option<Cursor>,
    /// Whether this answers an earlier, equal request.
    pub is_repeat: bool,
    pub user_errors: Vec<UserError>,
}

impl<T> Outcome<T> {
    pub(crate) fn refused(error: UserError) -> Self {
        Self::refused_for(vec![error])
    }

    pub(crate) fn refused_for(user_errors: Vec<UserError>) -> Self {
        Self { subject: None, cursor: None, is_repeat: false, user_errors }
    }

    pub(crate) fn map<U>(self, map: impl FnOnce(T) -> U) -> Outcome<U> {
        let Self { subject, cursor, is_repeat, user_errors } = self;
        Outcome { subject: subject.map(map), cursor, is_repeat, user_errors }
    }
}

/// Performs an operation on a household for the viewer.
pub(crate) async fn perform<O: Operation>(
    ctx: &Context<'_>,
    household: HouseholdId,
    client_mutation_id: Option<&str>,
    operation: &O,
) -> Result<Outcome<O::Outcome>> {
    let scope = ctx.scope()?;
    let request = Request { user: scope.viewer()?.user_id, household, client_mutation_id };
    // The operation takes a connection of its own: this request must not hold two.
    scope.release_connection().await;
    scope.forget_what_was_read().await;
    match scope.database().perform(request, operation).await {
        Ok(changed) => Ok(Outcome {
            subject: Some(changed.subject),
            cursor: Some(Cursor::Log(changed.position)),
            is_repeat: changed.is_repeat,
            user_errors: Vec::new(),
        }),
        Err(DbError::Refused(refusal)) => Ok(Outcome::refused(refusal.into())),
        Err(DbError::Conflict(subject)) => {
            let current = O::Outcome::find(&mut *scope.connection().await?, subject).await?;
            Ok(Outcome { subject: Some(current), ..Outcome::refused(UserError::conflict()) })
        }
        Err(DbError::AlreadyClosed(subject)) => {
            let current = O::Outcome::find(&mut *scope.connection().await?, subject).await?;
            Ok(Outcome { subject: Some(current), ..Outcome::refused(UserError::already_closed()) })
        }
        Err(DbError::Over(subject)) => {
            let current = O::Outcome::find(&mut *scope.connection().await?, subject).await?;
            Ok(Outcome { subject: Some(current), ..Outcome::refused(UserError::over()) })
        }
        Err(DbError::NameTaken(subject)) => {
            let current = O::Outcome::find(&mut *scope.connection().await?, subject).await?;
            Ok(Outcome { subject: Some(current), ..Outcome::refused(UserError::name_taken()) })
        }
        Err(DbError::RefusedLines(lines)) => {
            Ok(Outcome::refused_for(lines.into_iter().map(UserError::from).collect()))
        }
        Err(error) => Err(error.into()),
    }
}

/// What a setting becomes by an input in which null is a value of its own.
pub(crate) fn to<T: Clone>(setting: &MaybeUndefined<T>) -> Option<To<T>> {
    match setting {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(To::Nothing),
        MaybeUndefined::Value(value) => Some(To::Value(value.clone())),
    }
}

/// Declares the payload of a mutation that changes one thing in a household.
macro_rules! payload {
    ($(#[$doc:meta])* $name:ident { $(#[$field_doc:meta])* $field:ident: $type:ty }) => {
        $(#[$doc])*
        #[derive(async_graphql::SimpleObject)]
        pub(crate) struct $name {
            $(#[$field_doc])*
            $field: Option<$type>,
            /// The place of this change in the household's log: the event with this cursor is its echo. Null when
            /// nothing changed because of `userErrors`.
            cursor: Option<$crate::scalar::Cursor>,
            /// Why nothing changed, as far as a person can mend it; empty on success.
            user_errors: Vec<$crate::payload::UserError>,
            /// The `clientMutationId` of the input.
            client_mutation_id: Option<String>,
        }

        impl $name {
            fn new(outcome: $crate::payload::Outcome<$type>, client_mutation_id: Option<String>) -> Self {
                let $crate::payload::Outcome { subject, cursor, user_errors, .. } = outcome;
                Self { $field: subject, cursor, user_errors, client_mutation_id }
            }
        }
    };
}
