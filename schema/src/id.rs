//! Global ids: opaque to clients. An id of something in a household names that household too, so that every lookup
//! begins with the caller's membership of it.

use crate::error::{Error, Result};
use async_graphql::ID;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use roomm8_db::notification::Content;
use roomm8_db::{
    AnnouncementId, ConversationId, EndpointId, GroceryCategoryId, GroceryItemId, GroceryListId,
    GroceryProductId, GroceryStapleId, GroceryStoreId, GroceryTripId, HouseholdId, InboxEntryId,
    InvitationId, MemberId, MessageId, OccurrenceId, SessionId, SwapId, TaskId, UserId,
};

/// The global id of what a notification is about, for a link to it; none if that is no one thing.
pub fn subject_of(content: &Content) -> Option<String> {
    let subject = match content {
        Content::Mention { household_id, message_id, .. } => GlobalId::Message(*household_id, *message_id),
        Content::Announcement { household_id, announcement_id, .. } => {
            GlobalId::Announcement(*household_id, *announcement_id)
        }
        Content::TaskReminder { household_id, occurrence_id, .. }
        | Content::TaskNudge { household_id, occurrence_id, .. } => {
            GlobalId::Occurrence(*household_id, *occurrence_id)
        }
        Content::GroceriesAdded { household_id, list_id, .. } => {
            GlobalId::GroceryList(*household_id, *list_id)
        }
        _ => return None,
    };
    Some(subject.to_id().to_string())
}

/// What a global id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GlobalId {
    User(UserId),
    Session(SessionId),
    Notification(InboxEntryId),
    Endpoint(EndpointId),
    Household(HouseholdId),
    Member(HouseholdId, MemberId),
    Invitation(HouseholdId, InvitationId),
    Conversation(HouseholdId, ConversationId),
    Message(HouseholdId, MessageId),
    Announcement(HouseholdId, AnnouncementId),
    Task(HouseholdId, TaskId),
    Occurrence(HouseholdId, OccurrenceId),
    Swap(HouseholdId, SwapId),
    GroceryList(HouseholdId, GroceryListId),
    GroceryItem(HouseholdId, GroceryItemId),
    GroceryProduct(HouseholdId, GroceryProductId),
    GroceryCategory(HouseholdId, GroceryCategoryId),
    GroceryStore(HouseholdId, GroceryStoreId),
    GroceryTrip(HouseholdId, GroceryTripId),
    GroceryStaple(HouseholdId, GroceryStapleId),
}

impl GlobalId {
    pub(crate) fn to_id(self) -> ID {
        let (kind, household, id): (u8, Option<HouseholdId>, [u8; 16]) = match self {
            Self::User(id) => (b'U', None, *id.bytes()),
            Self::Session(id) => (b'S', None, *id.bytes()),
            Self::Notification(id) => (b'N', None, *id.bytes()),
            Self::Endpoint(id) => (b'E', None, *id.bytes()),
            Self::Household(id) => (b'H', None, *id.bytes()),
            Self::Member(household, id) => (b'M', Some(household), *id.bytes()),
            Self::Invitation(household, id) => (b'I', Some(household), *id.bytes()),
            Self::Conversation(household, id) => (b'C', Some(household), *id.bytes()),
            Self::Message(household, id) => (b'T', Some(household), *id.bytes()),
            Self::Announcement(household, id) => (b'B', Some(household), *id.bytes()),
            Self::Task(household, id) => (b'K', Some(household), *id.bytes()),
            Self::Occurrence(household, id) => (b'O', Some(household), *id.bytes()),
            Self::Swap(household, id) => (b'X', Some(household), *id.bytes()),
            Self::GroceryList(household, id) => (b'L', Some(household), *id.bytes()),
            Self::GroceryItem(household, id) => (b'G', Some(household), *id.bytes()),
            Self::GroceryProduct(household, id) => (b'P', Some(household), *id.bytes()),
            Self::GroceryCategory(household, id) => (b'A', Some(household), *id.bytes()),
            Self::GroceryStore(household, id) => (b'R', Some(household), *id.bytes()),
            Self::GroceryTrip(household, id) => (b'J', Some(household), *id.bytes()),
            Self::GroceryStaple(household, id) => (b'Y', Some(household), *id.bytes()),
        };
        let mut bytes = Vec::with_capacity(33);
        bytes.push(kind);
        if let Some(household) = household {
            bytes.extend_from_slice(household.bytes());
        }
        bytes.extend_from_slice(&id);
        URL_SAFE_NO_PAD.encode(bytes).into()
    }

    pub(crate) fn parse(id: &ID) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(id.as_str()).ok()?;
        let (kind, rest) = bytes.split_first()?;
        let (household, id) = rest.split_at_checked(rest.len().checked_sub(16)?)?;
        let id: [u8; 16] = id.try_into().ok()?;
        let Ok(household) = <[u8; 16]>::try_from(household) else {
            return match (kind, household) {
                (b'U', []) => Some(Self::User(UserId::from_bytes(id))),
                (b'S', []) => Some(Self::Session(SessionId::from_bytes(id))),
                (b'N', []) => Some(Self::Notification(InboxEntryId::from_bytes(id))),
                (b'E', []) => Some(Self::Endpoint(EndpointId::from_bytes(id))),
                (b'H', []) => Some(Self::Household(HouseholdId::from_bytes(id))),
                _ => None,
            };
        };
        let household = HouseholdId::from_bytes(household);
        match kind {
            b'M' => Some(Self::Member(household, MemberId::from_bytes(id))),
            b'I' => Some(Self::Invitation(household, InvitationId::from_bytes(id))),
            b'C' => Some(Self::Conversation(household, ConversationId::from_bytes(id))),
            b'T' => Some(Self::Message(household, MessageId::from_bytes(id))),
            b'B' => Some(Self::Announcement(household, AnnouncementId::from_bytes(id))),
            b'K' => Some(Self::Task(household, TaskId::from_bytes(id))),
            b'O' => Some(Self::Occurrence(household, OccurrenceId::from_bytes(id))),
            b'X' => Some(Self::Swap(household, SwapId::from_bytes(id))),
            b'L' => Some(Self::GroceryList(household, GroceryListId::from_bytes(id))),
            b'G' => Some(Self::GroceryItem(household, GroceryItemId::from_bytes(id))),
            b'P' => Some(Self::GroceryProduct(household, GroceryProductId::from_bytes(id))),
            b'A' => Some(Self::GroceryCategory(household, GroceryCategoryId::from_bytes(id))),
            b'R' => Some(Self::GroceryStore(household, GroceryStoreId::from_bytes(id))),
            b'J' => Some(Self::GroceryTrip(household, GroceryTripId::from_bytes(id))),
            b'Y' => Some(Self::GroceryStaple(household, GroceryStapleId::from_bytes(id))),
            _ => None,
        }
    }

    /// The household's id; anything else is the id of nothing.
    pub(crate) fn household(id: &ID) -> Result<HouseholdId> {
        match Self::parse(id) {
            Some(Self::Household(household)) => Ok(household),
            _ => Err(Error::not_found()),
        }
    }

    /// The member's household and id; anything else is the id of nothing.
    pub(crate) fn member(id: &ID) -> Result<(HouseholdId, MemberId)> {
        match Self::parse(id) {
            Some(Self::Member(household, member)) => Ok((household, member)),
            _ => Err(Error::not_found()),
        }
    }

    /// The id of a member named in an input. What is no member's id becomes the id of nobody: it matches nothing, and is
    /// refused beside its field where somebody is to be named.
    pub(crate) fn named_member(id: &ID) -> MemberId {
        Self::member(id).map_or(MemberId::from_bytes([0; 16]), |(_, member)| member)
    }

    /// The invitation's household and id; anything else is the id of nothing.
    pub(crate) fn invitation(id: &ID) -> Result<(HouseholdId, InvitationId)> {
        match Self::parse(id) {
            Some(Self::Invitation(household, invitation)) => Ok((household, invitation)),
            _ => Err(Error::not_found()),
        }
    }

    /// The conversation's household and id; anything else is the id of nothing.
    pub(crate) fn conversation(id: &ID) -> Result<(HouseholdId, ConversationId)> {
        match Self::parse(id) {
            Some(Self::Conversation(household, conversation)) => Ok((household, conversation)),
            _ => Err(Error::not_found()),
        }
    }

    /// The message's household and id; anything else is the id of nothing.
    pub(crate) fn message(id: &ID) -> Result<(HouseholdId, MessageId)> {
        match Self::parse(id) {
            Some(Self::Message(household, message)) => Ok((household, message)),
            _ => Err(Error::not_found()),
        }
    }

    /// The chore's household and id; anything else is the id of nothing.
    pub(crate) fn task(id: &ID) -> Result<(HouseholdId, TaskId)> {
        match Self::parse(id) {
            Some(Self::Task(household, task)) => Ok((household, task)),
            _ => Err(Error::not_found()),
        }
    }

    /// The occurrence's household and id; anything else is the id of nothing.
    pub(crate) fn occurrence(id: &ID) -> Result<(HouseholdId, OccurrenceId)> {
        match Self::parse(id) {
            Some(Self::Occurrence(household, occurrence)) => Ok((household, occurrence)),
            _ => Err(Error::not_found()),
        }
    }

    /// The offer's household and id; anything else is the id of nothing.
    pub(crate) fn swap(id: &ID) -> Result<(HouseholdId, SwapId)> {
        match Self::parse(id) {
            Some(Self::Swap(household, swap)) => Ok((household, swap)),
            _ => Err(Error::not_found()),
        }
    }

    /// The shopping list's household and id; anything else is the id of nothing.
    pub(crate) fn grocery_list(id: &ID) -> Result<(HouseholdId, GroceryListId)> {
        match Self::parse(id) {
            Some(Self::GroceryList(household, id)) => Ok((household, id)),
            _ => Err(Error::not_found()),
        }
    }

    /// The item's household and id; anything else is the id of nothing.
    pub(crate) fn grocery_item(id: &ID) -> Result<(HouseholdId, GroceryItemId)> {
        match Self::parse(id) {
            Some(Self::GroceryItem(household, id)) => Ok((household, id)),
            _ => Err(Error::not_found()),
        }
    }

    /// The product's household and id; anything else is the id of nothing.
    pub(crate) fn grocery_product(id: &ID) -> Result<(HouseholdId, GroceryProductId)> {
        match Self::parse(id) {
            Some(Self::GroceryProduct(household, id)) => Ok((household, id)),
            _ => Err(Error::not_found()),
        }
    }

    /// The category's household and id; anything else is the id of nothing.
    pub(crate) fn grocery_category(id: &ID) -> Result<(HouseholdId, GroceryCategoryId)> {
        match Self::parse(id) {
            Some(Self::GroceryCategory(household, id)) => Ok((household, id)),
            _ => Err(Error::not_found()),
        }
    }

    /// The announcement's household and id; anything else is the id of nothing.
    pub(crate) fn announcement(id: &ID) -> Result<(HouseholdId, AnnouncementId)> {
        match Self::parse(id) {
            Some(Self::Announcement(household, id)) => Ok((household, id)),
            _ => Err(Error::not_found()),
        }
    }

    /// The store's household and id; anything else is the id of nothing.
    pub(crate) fn grocery_store(id: &ID) -> Result<(HouseholdId, GroceryStoreId)> {
        match Self::parse(id) {
            Some(Self::GroceryStore(household, id)) => Ok((household, id)),
            _ => Err(Error::not_found()),
        }
    }

    /// The trip's household and id; anything else is the id of nothing.
    pub(crate) fn grocery_trip(id: &ID) -> Result<(HouseholdId, GroceryTripId)> {
        match Self::parse(id) {
            Some(Self::GroceryTrip(household, id)) => Ok((household, id)),
            _ => Err(Error::not_found()),
        }
    }

    /// The staple's household and id; anything else is the id of nothing.
    pub(crate) fn grocery_staple(id: &ID) -> Result<(HouseholdId, GroceryStapleId)> {
        match Self::parse(id) {
            Some(Self::GroceryStaple(household, id)) => Ok((household, id)),
            _ => Err(Error::not_found()),
        }
    }

    /// The id of an item named in an input, as of [`Self::named_member`].
    pub(crate) fn named_grocery_item(id: &ID) -> GroceryItemId {
        Self::grocery_item(id).map_or(GroceryItemId::from_bytes([0; 16]), |(_, id)| id)
    }

    /// The id of a product named in an input, as of [`Self::named_member`].
    pub(crate) fn named_grocery_product(id: &ID) -> GroceryProductId {
        Self::grocery_product(id).map_or(GroceryProductId::from_bytes([0; 16]), |(_, id)| id)
    }

    /// The id of a category named in an input, as of [`Self::named_member`].
    pub(crate) fn named_grocery_category(id: &ID) -> GroceryCategoryId {
        Self::grocery_category(id).map_or(GroceryCategoryId::from_bytes([0; 16]), |(_, id)| id)
    }

    /// The id of a store named in an input, as of [`Self::named_member`].
    pub(crate) fn named_grocery_store(id: &ID) -> GroceryStoreId {
        Self::grocery_store(id).map_or(GroceryStoreId::from_bytes([0; 16]), |(_, id)| id)
    }

    /// The session's id; anything else is the id of nothing.
    pub(crate) fn session(id: &ID) -> Result<SessionId> {
        match Self::parse(id) {
            Some(Self::Session(session)) => Ok(session),
            _ => Err(Error::not_found()),
        }
    }

    /// The id of an entry of an inbox; anything else is the id of nothing.
    pub(crate) fn notification(id: &ID) -> Result<InboxEntryId> {
        match Self::parse(id) {
            Some(Self::Notification(entry)) => Ok(entry),
            _ => Err(Error::not_found()),
        }
    }

    /// The id of an endpoint; anything else is the id of nothing.
    pub(crate) fn endpoint(id: &ID) -> Result<EndpointId> {
        match Self::parse(id) {
            Some(Self::Endpoint(endpoint)) => Ok(endpoint),
            _ => Err(Error::not_found()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_as_what_it_was() {
        let household = HouseholdId::new();
        for id in [
            GlobalId::User(UserId::new()),
            GlobalId::Session(SessionId::new()),
            GlobalId::Household(household),
            GlobalId::Member(household, MemberId::new()),
            GlobalId::Invitation(household, InvitationId::new()),
            GlobalId::Conversation(household, ConversationId::new()),
            GlobalId::Message(household, MessageId::new()),
            GlobalId::Task(household, TaskId::new()),
            GlobalId::Occurrence(household, OccurrenceId::new()),
            GlobalId::Swap(household, SwapId::new()),
            GlobalId::GroceryList(household, GroceryListId::new()),
            GlobalId::GroceryItem(household, GroceryItemId::new()),
            GlobalId::GroceryProduct(household, GroceryProductId::new()),
            GlobalId::GroceryCategory(household, GroceryCategoryId::new()),
            GlobalId::GroceryStore(household, GroceryStoreId::new()),
            GlobalId::GroceryTrip(household, GroceryTripId::new()),
            GlobalId::GroceryStaple(household, GroceryStapleId::new()),
        ] {
            assert_eq!(GlobalId::parse(&id.to_id()), Some(id));
        }
    }

    #[test]
    fn anything_else_is_no_id() {
        for text in ["", "U", "!", "VQ", "1", &"A".repeat(500)] {
            assert_eq!(GlobalId::parse(&ID::from(text)), None);
        }
    }
}
