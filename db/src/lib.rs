//! What RoomM8 remembers, and the rules for changing it.
//!
//! Read in this order: [`Database`] (connections and transactions), [`Operation`] and
//! [`Database::perform`] (the one way to change a household), [`event`] (the household's log), then one
//! module a domain: [`account`], [`household`], [`member`], [`invitation`], [`conversation`], [`message`],
//! [`announcement`], [`task`], [`grocery`], [`digest`].
//!
//! Nothing here knows of GraphQL or HTTP: operations take plain inputs, decide, change, and say why not.

#[macro_use]
mod connection;
pub mod access;
pub mod account;
mod among;
pub mod announcement;
mod change;
pub mod conversation;
mod database;
mod date;
pub mod digest;
mod error;
pub mod event;
mod first_of_each;
pub mod grocery;
pub mod household;
mod id;
mod idempotency;
pub mod invitation;
mod json;
mod labels;
pub mod member;
pub mod message;
pub mod notification;
pub mod page;
mod prepared;
mod secret;
mod tables;
pub mod task;
mod text;
pub mod throttle;
mod time;
mod turn;
mod version;
mod within;

pub use access::{Member, Permission, Reader, Role};
pub use change::{Change, Changed, Entry, Operation, Request, Subject, To};
pub use connection::{Connection, for_request};
pub use database::{Commit, Database, Options, Pooled, Reads, Replica, Statistics};
pub use date::{Date, WallTime, Weekday};
pub use error::{Error, LineRefusal, Refusal, RefusalCode, Result};
pub use event::Event;
pub use id::{
    AbsenceId, AnnouncementId, ConversationId, EndpointId, GroceryCategoryId, GroceryItemId, GroceryListId,
    GroceryProductId, GroceryStapleId, GroceryStoreId, GroceryTripId, HouseholdId, InboxEntryId,
    InvitationId, MemberId, MessageId, NotificationId, OccurrenceId, SessionId, SubjectId, SwapId, TaskId,
    UserId,
};
pub use json::Json;
pub use time::Time;
