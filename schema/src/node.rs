//! Relay's global object identification: anything with an id, by its id.

use crate::account::{Notification, NotificationEndpoint, Session, User};
use crate::announcement::{self, Announcement};
use crate::conversation::{self, Conversation};
use crate::error::{Error, Nullable, Result, nullable};
use crate::grocery::{
    self, GroceryCategory, GroceryItem, GroceryList, GroceryProduct, GroceryStaple, GroceryStore, GroceryTrip,
};
use crate::household::{self, Household};
use crate::id::GlobalId;
use crate::invitation::{self, Invitation};
use crate::member::{self, Member};
use crate::message::{self, Message};
use crate::task::{self, Occurrence, SwapOffer, Task};
use crate::{account, error::Code};
use async_graphql::{Context, ID, Interface, Object};
use futures_util::future;

/// The most ids in one `nodes`.
const NODES: usize = 100;

/// Anything with a global id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "&ID", desc = "Its global id: opaque, and unique among everything."))]
pub(crate) enum Node {
    User(User),
    Session(Session),
    Notification(Notification),
    NotificationEndpoint(NotificationEndpoint),
    Household(Household),
    Member(Member),
    Invitation(Invitation),
    Conversation(Conversation),
    Message(Message),
    Announcement(Announcement),
    Task(Task),
    Occurrence(Occurrence),
    SwapOffer(SwapOffer),
    GroceryList(GroceryList),
    GroceryItem(GroceryItem),
    GroceryProduct(GroceryProduct),
    GroceryCategory(GroceryCategory),
    GroceryStore(GroceryStore),
    GroceryTrip(GroceryTrip),
    GroceryStaple(GroceryStaple),
}

async fn find(ctx: &Context<'_>, id: &ID) -> Result<Node> {
    match GlobalId::parse(id) {
        Some(GlobalId::User(id)) => Ok(Node::User(account::find_user(ctx, id).await?)),
        Some(GlobalId::Session(id)) => Ok(Node::Session(account::find_session(ctx, id).await?)),
        Some(GlobalId::Notification(id)) => {
            Ok(Node::Notification(account::find_notification(ctx, id).await?))
        }
        Some(GlobalId::Endpoint(id)) => {
            Ok(Node::NotificationEndpoint(account::find_endpoint(ctx, id).await?))
        }
        Some(GlobalId::Household(id)) => Ok(Node::Household(household::find(ctx, id).await?)),
        Some(GlobalId::Member(household, id)) => Ok(Node::Member(member::find(ctx, household, id).await?)),
        Some(GlobalId::Invitation(household, id)) => {
            Ok(Node::Invitation(invitation::find(ctx, household, id).await?))
        }
        Some(GlobalId::Conversation(household, id)) => {
            Ok(Node::Conversation(conversation::find(ctx, household, id).await?))
        }
        Some(GlobalId::Message(household, id)) => Ok(Node::Message(message::find(ctx, household, id).await?)),
        Some(GlobalId::Announcement(household, id)) => {
            Ok(Node::Announcement(announcement::find(ctx, household, id).await?))
        }
        Some(GlobalId::Task(household, id)) => Ok(Node::Task(task::find(ctx, household, id).await?)),
        Some(GlobalId::Occurrence(household, id)) => {
            Ok(Node::Occurrence(task::find_occurrence(ctx, household, id).await?))
        }
        Some(GlobalId::Swap(household, id)) => {
            Ok(Node::SwapOffer(task::find_swap(ctx, household, id).await?))
        }
        Some(GlobalId::GroceryList(household, id)) => {
            Ok(Node::GroceryList(grocery::find(ctx, household, id).await?))
        }
        Some(GlobalId::GroceryItem(household, id)) => {
            Ok(Node::GroceryItem(grocery::find_item(ctx, household, id).await?))
        }
        Some(GlobalId::GroceryProduct(household, id)) => {
            Ok(Node::GroceryProduct(grocery::find_product(ctx, household, id).await?))
        }
        Some(GlobalId::GroceryCategory(household, id)) => {
            Ok(Node::GroceryCategory(grocery::find_category(ctx, household, id).await?))
        }
        Some(GlobalId::GroceryStore(household, id)) => {
            Ok(Node::GroceryStore(grocery::find_store(ctx, household, id).await?))
        }
        Some(GlobalId::GroceryTrip(household, id)) => {
            Ok(Node::GroceryTrip(grocery::find_trip(ctx, household, id).await?))
        }
        Some(GlobalId::GroceryStaple(household, id)) => {
            Ok(Node::GroceryStaple(grocery::find_staple(ctx, household, id).await?))
        }
        None => Err(Error::not_found()),
    }
}

#[derive(Default)]
pub(crate) struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Anything you may see, by its global id. `NOT_FOUND` otherwise.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "Its global id.")] id: ID) -> Nullable<Node> {
        nullable(async { find(ctx, &id).await }).await
    }

    /// Several things at once, in the order of the ids; null where there is nothing you may see. At most 100.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Their global ids, at most 100.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > NODES {
            return Err(Error::new(
                Code::BadUserInput,
                format!("`ids` has {} items; {NODES} are allowed", ids.len()),
            ));
        }
        // All at once, so that what has a loader is loaded in one go.
        let nodes = future::join_all(ids.iter().map(|id| find(ctx, id))).await;
        Ok(nodes.into_iter().map(Result::ok).collect())
    }
}
