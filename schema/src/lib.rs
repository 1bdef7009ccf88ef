//! The GraphQL schema: types, resolvers and loaders, one module a domain. Resolvers are thin: they parse input,
//! call one operation of `roomm8-db`, and map its result. Rules and SQL live there.
//!
//! [`Schema`] is made once; each request brings a [`Scope`], which knows the caller and holds the request's one database
//! connection and its loaders. [`Live`] opens subscriptions.

// The types of resolvers are as deep as the schema is wide.
#![recursion_limit = "512"]

#[macro_use]
mod payload;
pub mod account;
mod announcement;
mod connection;
mod conversation;
mod cost;
mod error;
mod event;
mod grocery;
mod household;
mod id;
mod invitation;
mod live;
mod loader;
mod loaders;
mod member;
mod message;
mod node;
mod presence;
mod rate_limit;
mod row;
mod scalar;
mod scope;
mod task;
#[cfg(test)]
mod testing;
pub mod versioned;

pub use error::{CODES, Code, Error};
pub use id::subject_of;
pub use live::{Items, Live, Render};
pub use rate_limit::RateLimit;
pub use scope::{Caller, Push, Scope, Services};

use async_graphql::extensions::ExtensionFactory;
use async_graphql::{MergedObject, MergedSubscription, Request, Response, SchemaBuilder, ValidationMode};
use futures_util::Stream;
use futures_util::future::BoxFuture;
use std::sync::LazyLock;

/// What can be asked.
#[derive(MergedObject, Default)]
struct Query(
    account::AccountQuery,
    household::HouseholdQuery,
    invitation::InvitationQuery,
    conversation::ConversationQuery,
    message::MessageQuery,
    task::TaskQuery,
    grocery::GroceryQuery,
    node::NodeQuery,
    rate_limit::RateLimitQuery,
);

/// What can be done. Mutations are verbs; each takes one `input` and returns what changed, with `userErrors` for
/// what a person can mend. A repeated `clientMutationId` gets the first answer and changes nothing more.
// One object a domain: each of those merged in a row is called by the one after it, and takes its share of the stack.
#[derive(MergedObject, Default)]
struct Mutation(
    account::AccountMutation,
    household::HouseholdMutation,
    member::MemberMutation,
    member::AbsenceMutation,
    invitation::InvitationMutation,
    conversation::ConversationMutation,
    message::MessageMutation,
    announcement::AnnouncementMutation,
    task::TaskMutation,
    grocery::GroceryMutation,
    presence::PresenceMutation,
);

/// What can be followed live.
#[derive(MergedSubscription, Default)]
struct Subscription(
    account::InboxSubscription,
    event::EventSubscription,
    task::TaskSubscription,
    grocery::GrocerySubscription,
    presence::PresenceSubscription,
);

/// The schema, ready to execute. Cheap to clone.
#[derive(Clone)]
pub struct Schema(async_graphql::Schema<Query, Mutation, Subscription>);

impl Default for Schema {
    fn default() -> Self {
        Self::new()
    }
}

impl Schema {
    /// The schema, for documents that have been validated: the server's edge does, in full.
    ///
    /// No extension is installed: any one of them moves every field to a slower path. The limits on documents stand in
    /// front of it, in the server's gate.
    pub fn new() -> Self {
        Self(builder().data(row::WritesRows).finish())
    }

    /// The same schema, which writes no list at once: every field of every item is resolved by async-graphql.
    pub fn ordinary() -> Self {
        Self(builder().finish())
    }

    /// The same schema with an extension, on the slower path, and with a validation of async-graphql's own. Extensions are
    /// told of every field, so no list is written at once.
    pub fn with(validation: ValidationMode, extension: impl ExtensionFactory) -> Self {
        Self(builder().validation_mode(validation).extension(extension).finish())
    }

    /// Executes a query or mutation. The request's data hold its [`Scope`]. A `Value::Binary` in the answer is JSON that is
    /// written already.
    // Boxed in this crate: who awaits a future of another crate compiles it, and this one is all resolvers.
    pub fn execute(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(self.0.execute(request))
    }

    fn execute_stream(&self, request: Request) -> impl Stream<Item = Response> + Send + Unpin + use<> {
        self.0.execute_stream(request)
    }
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    async_graphql::Schema::build(Query::default(), Mutation::default(), Subscription::default())
        // Fast: whoever executes has validated already.
        .validation_mode(ValidationMode::Fast)
        .disable_suggestions()
}

/// The schema's text, as checked in at `schema/schema.graphql`.
pub fn sdl() -> &'static str {
    // It is the same for as long as the process lives, and making it builds the whole schema.
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let options = async_graphql::SDLExportOptions::new()
            .sorted_fields()
            .sorted_arguments()
            .sorted_enum_items()
            .include_specified_by();
        builder().finish().sdl_with_options(options)
    });
    &TEXT
}
