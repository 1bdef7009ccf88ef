//! Opening, muting and marking conversations.

use super::{Conversation, MuteLevel, place};
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::perform;
use crate::scalar::Cursor;
use crate::scope::ScopeExt as _;
use async_graphql::{Context, ID, InputObject, Object};
use roomm8_db::conversation;

/// What to open a topic conversation with.
#[derive(Debug, InputObject)]
pub(crate) struct CreateConversationInput {
    /// The household.
    household_id: ID,
    /// What it is about: one line of 1 to 100 characters.
    title: String,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// Whom to talk to directly.
#[derive(Debug, InputObject)]
pub(crate) struct OpenDirectConversationInput {
    /// The household.
    household_id: ID,
    /// 1 to 19 other current members of it.
    #[graphql(validator(max_items = 20))]
    member_ids: Vec<ID>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// What of a conversation to be told of.
#[derive(Debug, InputObject)]
pub(crate) struct MuteConversationInput {
    /// The conversation.
    conversation_id: ID,
    /// What to be told of from now on.
    level: MuteLevel,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// Up to where a conversation is read.
#[derive(Debug, InputObject)]
pub(crate) struct MarkReadInput {
    /// The conversation.
    conversation_id: ID,
    /// The cursor of the newest message or event you have seen; later ones than exist are taken for the newest.
    up_to: Cursor,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// From where on a conversation is unread again.
#[derive(Debug, InputObject)]
pub(crate) struct MarkUnreadInput {
    /// The first message to count as unread.
    message_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `createConversation`.
    CreateConversationPayload {
        /// The new conversation.
        conversation: Conversation
    }
}

payload! {
    /// What came of `openDirectConversation`.
    OpenDirectConversationPayload {
        /// The conversation, new or found again.
        conversation: Conversation
    }
}

payload! {
    /// What came of `muteConversation`.
    MuteConversationPayload {
        /// The conversation.
        conversation: Conversation
    }
}

payload! {
    /// What came of `markRead`.
    MarkReadPayload {
        /// The conversation, with its counts as they are now.
        conversation: Conversation
    }
}

payload! {
    /// What came of `markUnread`.
    MarkUnreadPayload {
        /// The conversation, with its counts as they are now.
        conversation: Conversation
    }
}

#[derive(Default)]
pub(crate) struct ConversationMutation;

#[Object]
impl ConversationMutation {
    /// Opens a conversation on a topic, for everybody in the household. Needs `CREATE_CONVERSATION`.
    async fn create_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to open it with.")] input: CreateConversationInput,
    ) -> Nullable<CreateConversationPayload> {
        nullable(async {
            let household = GlobalId::household(&input.household_id)?;
            let operation = conversation::CreateTopic { title: input.title };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(CreateConversationPayload::new(outcome.map(Conversation::from), input.client_mutation_id))
        })
        .await
    }

    /// Opens the direct conversation between you and other members, or finds it again. Needs CHAT.
    async fn open_direct_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom to talk to.")] input: OpenDirectConversationInput,
    ) -> Nullable<OpenDirectConversationPayload> {
        nullable(async {
            let household = GlobalId::household(&input.household_id)?;
            let members = input.member_ids.iter().map(GlobalId::named_member);
            let operation = conversation::OpenDirect { members: members.collect() };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(OpenDirectConversationPayload::new(outcome.map(Conversation::from), input.client_mutation_id))
        })
        .await
    }

    /// Chooses what of a conversation you are told of. Needs CHAT.
    async fn mute_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and how much.")] input: MuteConversationInput,
    ) -> Nullable<MuteConversationPayload> {
        nullable(async {
            let (household, conversation) = GlobalId::conversation(&input.conversation_id)?;
            let operation = conversation::Mute { conversation, level: input.level.into() };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(MuteConversationPayload::new(outcome.map(Conversation::from), input.client_mutation_id))
        })
        .await
    }

    /// Moves your read marker forward; your other devices learn of it by `householdEvents`. Needs CHAT.
    async fn mark_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Up to where.")] input: MarkReadInput,
    ) -> Nullable<MarkReadPayload> {
        nullable(async {
            let (household, conversation) = GlobalId::conversation(&input.conversation_id)?;
            let epoch = ctx.scope()?.epoch(household).await?;
            let operation =
                conversation::MarkRead { conversation, up_to: place(Some(input.up_to), epoch, 0)? };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(MarkReadPayload::new(outcome.map(Conversation::from), input.client_mutation_id))
        })
        .await
    }

    /// Moves your read marker back to just before a message. Needs CHAT.
    async fn mark_unread(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From where on.")] input: MarkUnreadInput,
    ) -> Nullable<MarkUnreadPayload> {
        nullable(async {
            let (household, message) = GlobalId::message(&input.message_id)?;
            let operation = conversation::MarkUnread { message };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(MarkUnreadPayload::new(outcome.map(Conversation::from), input.client_mutation_id))
        })
        .await
    }
}
