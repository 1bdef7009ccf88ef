//! Identifiers: one `Copy` newtype per noun, all UUIDv7 in 16 bytes, made here so that a row is whole
//! before it is inserted and rows made together lie together.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Binary;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, AsExpression, FromSqlRow)]
        #[diesel(sql_type = Binary)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier, later in order than those made before it.
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The identifier with these bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes that identify it.
            pub const fn bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl<DB: Backend> FromSql<Binary, DB> for $name
        where
            Vec<u8>: FromSql<Binary, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                let bytes = Vec::<u8>::from_sql(bytes)?;
                Ok(Self(Uuid::from_slice(&bytes)?))
            }
        }

        impl<DB: Backend> ToSql<Binary, DB> for $name
        where
            [u8]: ToSql<Binary, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                <[u8] as ToSql<Binary, DB>>::to_sql(self.0.as_bytes().as_slice(), out)
            }
        }
    )+};
}

ids! {
    /// A person with an account.
    UserId,
    /// One signed-in device of a person.
    SessionId,
    /// A household.
    HouseholdId,
    /// A person's place in one household; kept when they leave, so that their words keep an author.
    MemberId,
    /// An invitation to a household.
    InvitationId,
    /// A conversation of a household.
    ConversationId,
    /// A message in a conversation.
    MessageId,
    /// A notification waiting in the outbox, or sent.
    NotificationId,
    /// Something in somebody's inbox.
    InboxEntryId,
    /// A browser or a webhook where somebody is told.
    EndpointId,
    /// An announcement.
    AnnouncementId,
    /// A chore.
    TaskId,
    /// One time that a chore is due.
    OccurrenceId,
    /// A time that a member is away.
    AbsenceId,
    /// An offer to trade one occurrence for another.
    SwapId,
    /// A shopping list.
    GroceryListId,
    /// Something on a shopping list, or that was.
    GroceryItemId,
    /// What the household's catalogue knows of.
    GroceryProductId,
    /// A kind of groceries.
    GroceryCategoryId,
    /// A store.
    GroceryStoreId,
    /// What was bought together.
    GroceryTripId,
    /// What puts itself on a shopping list by a rule.
    GroceryStapleId,
    /// What an event is about: the id of a household, or of something of one.
    SubjectId,
}

macro_rules! subjects {
    ($($name:ident),+) => {$(
        impl From<$name> for SubjectId {
            fn from(id: $name) -> Self {
                Self(id.0)
            }
        }

        impl From<SubjectId> for $name {
            fn from(id: SubjectId) -> Self {
                Self(id.0)
            }
        }
    )+};
}

subjects!(
    AnnouncementId,
    UserId,
    SessionId,
    HouseholdId,
    MemberId,
    InvitationId,
    ConversationId,
    MessageId,
    TaskId,
    OccurrenceId,
    AbsenceId,
    SwapId,
    GroceryListId,
    GroceryItemId,
    GroceryProductId,
    GroceryCategoryId,
    GroceryStoreId,
    GroceryTripId,
    GroceryStapleId
);
