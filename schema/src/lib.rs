//! The GraphQL schema: types, resolvers and loaders, one module a domain. Resolvers are thin: they parse input,
//! call one operation of `roomm8-db`, and map its result. Rules and SQL live there.
//!
//! [`Schema`] is built once by [`build`]; each request brings a [`Scope`], which knows the caller and holds the
//! request's one database connection and its loaders. [`Live`] opens subscriptions.

// The types of resolvers are as deep as the schema is wide.
#![recursion_limit = "512"]

#[macro_use]
mod payload;
pub mod account;
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
mod scalar;
mod scope;
mod task;
#[cfg(test)]
mod testing;
pub mod versioned;

pub use error::{CODES, Code, Error};
pub use live::{Live, Render};
pub use rate_limit::RateLimit;
pub use scope::{Caller, Scope, Services};

use async_graphql::extensions::ExtensionFactory;
use async_graphql::{MergedObject, MergedSubscription, SchemaBuilder, ValidationMode};
use std::sync::LazyLock;

/// What can be asked.
#[derive(MergedObject, Default)]
pub struct Query(
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
pub struct Mutation(
    account::AccountMutation,
    household::HouseholdMutation,
    member::MemberMutation,
    member::AbsenceMutation,
    invitation::InvitationMutation,
    conversation::ConversationMutation,
    message::MessageMutation,
    task::TaskMutation,
    grocery::GroceryMutation,
    presence::PresenceMutation,
);

/// What can be followed live.
#[derive(MergedSubscription, Default)]
pub struct Subscription(
    event::EventSubscription,
    task::TaskSubscription,
    grocery::GrocerySubscription,
    presence::PresenceSubscription,
);

/// The schema, ready to execute.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// Builds the schema, for documents that have been validated: the server's edge does, in full.
///
/// No extension is installed: any one of them moves every field to a slower path. The limits on documents stand in
/// front of it, in the server's gate.
pub fn build(services: Services) -> Schema {
    builder(services).finish()
}

/// The same schema with an extension, on the slower path.
pub fn build_with(services: Services, extension: impl ExtensionFactory) -> Schema {
    builder(services).extension(extension).finish()
}

fn builder(services: Services) -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .data(services)
        // Fast: whoever executes has validated already.
        .validation_mode(ValidationMode::Fast)
        .disable_suggestions()
}

/// The schema's text, as checked in at `schema/schema.graphql`.
pub fn sdl() -> &'static str {
    // It is the same for as long as the process lives, and making it builds the whole schema.
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let schema = Schema::build(Query::default(), Mutation::default(), Subscription::default())
            .disable_suggestions()
            .finish();
        let options = async_graphql::SDLExportOptions::new()
            .sorted_fields()
            .sorted_arguments()
            .sorted_enum_items()
            .include_specified_by();
        schema.sdl_with_options(options)
    });
    &TEXT
}
