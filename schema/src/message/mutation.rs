//! Sending, editing, deleting and reacting.

use super::Message;
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::perform;
use async_graphql::{Context, ID, InputObject, Object};
use roomm8_db::{MessageId, message};

/// A message to send.
#[derive(Debug, InputObject)]
pub(crate) struct SendMessageInput {
    /// Where to send it.
    conversation_id: ID,
    /// What it says: 1 to 8,000 characters of plain text; spaces around it are cut.
    body: String,
    /// The message it answers, of the same conversation.
    reply_to_id: Option<ID>,
    /// Your name for this intent, 1 to 64 visible ASCII characters, for example a UUID. Send again with the same one
    /// when the answer was lost: the message is sent once, and the repeat gets the first answer.
    client_mutation_id: Option<String>,
}

/// A new text for a message.
#[derive(Debug, InputObject)]
pub(crate) struct EditMessageInput {
    /// The message; your own.
    message_id: ID,
    /// What it says from now on: 1 to 8,000 characters of plain text.
    body: String,
    /// The version you have seen: if it changed since, the answer is CONFLICT with the message as it is now.
    expected_version: Option<i32>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A message to delete.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteMessageInput {
    /// The message; your own, or with `MODERATE_MESSAGES` anybody's.
    message_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A reaction to put on a message.
#[derive(Debug, InputObject)]
pub(crate) struct AddReactionInput {
    /// The message.
    message_id: ID,
    /// One emoji.
    emoji: String,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A reaction to take back.
#[derive(Debug, InputObject)]
pub(crate) struct RemoveReactionInput {
    /// The message.
    message_id: ID,
    /// The emoji you reacted with.
    emoji: String,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `sendMessage`.
    SendMessagePayload {
        /// The message as it was sent.
        message: Message
    }
}

payload! {
    /// What came of `editMessage`.
    EditMessagePayload {
        /// The message as it is now, with a CONFLICT too.
        message: Message
    }
}

payload! {
    /// What came of `deleteMessage`.
    DeleteMessagePayload {
        /// What is left of the message.
        message: Message
    }
}

payload! {
    /// What came of `addReaction`.
    AddReactionPayload {
        /// The message with its reactions.
        message: Message
    }
}

payload! {
    /// What came of `removeReaction`.
    RemoveReactionPayload {
        /// The message with its reactions.
        message: Message
    }
}

#[derive(Default)]
pub(crate) struct MessageMutation;

#[Object]
impl MessageMutation {
    /// Sends a message; everybody in the conversation sees it at once, on every device. Marks what was said before
    /// as read by you. Needs CHAT. At most 20 in 10 s a person: beyond that `RATE_LIMITED` with `retryAfter`.
    async fn send_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to send, and where.")] input: SendMessageInput,
    ) -> Nullable<SendMessagePayload> {
        nullable(async {
            let (household, conversation) = GlobalId::conversation(&input.conversation_id)?;
            let operation = message::Send {
                conversation,
                body: input.body,
                reply_to: input.reply_to_id.as_ref().map(reference),
                client_mutation_id: input.client_mutation_id.clone(),
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(SendMessagePayload::new(outcome.map(Message::from), input.client_mutation_id))
        })
        .await
    }

    /// Changes what your own message says, within the household's edit window; the old text goes to `history`. The
    /// same text again changes nothing. Needs CHAT.
    async fn edit_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and the new text.")] input: EditMessageInput,
    ) -> Nullable<EditMessagePayload> {
        nullable(async {
            let (household, message) = GlobalId::message(&input.message_id)?;
            let operation =
                message::Edit { message, body: input.body, expected_version: input.expected_version };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(EditMessagePayload::new(outcome.map(Message::from), input.client_mutation_id))
        })
        .await
    }

    /// Deletes a message: its text, history and reactions are gone for good, a tombstone stays. Deleting it again
    /// changes nothing. Your own needs CHAT, somebody else's `MODERATE_MESSAGES`.
    async fn delete_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which message to delete.")] input: DeleteMessageInput,
    ) -> Nullable<DeleteMessagePayload> {
        nullable(async {
            let (household, message) = GlobalId::message(&input.message_id)?;
            let operation = message::Delete { message };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(DeleteMessagePayload::new(outcome.map(Message::from), input.client_mutation_id))
        })
        .await
    }

    /// Reacts to a message; a reaction you gave already stays. At most 20 different emoji a message. Needs CHAT.
    async fn add_reaction(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "To which, and how.")] input: AddReactionInput,
    ) -> Nullable<AddReactionPayload> {
        nullable(async {
            let (household, message) = GlobalId::message(&input.message_id)?;
            let operation = message::AddReaction { message, emoji: input.emoji };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(AddReactionPayload::new(outcome.map(Message::from), input.client_mutation_id))
        })
        .await
    }

    /// Takes your reaction back; one that is not there is no error. Needs CHAT.
    async fn remove_reaction(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From which, and which.")] input: RemoveReactionInput,
    ) -> Nullable<RemoveReactionPayload> {
        nullable(async {
            let (household, message) = GlobalId::message(&input.message_id)?;
            let operation = message::RemoveReaction { message, emoji: input.emoji };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(RemoveReactionPayload::new(outcome.map(Message::from), input.client_mutation_id))
        })
        .await
    }
}

/// A message named in an input. What is no message's id becomes the id of nothing, and is refused beside its field.
fn reference(id: &ID) -> MessageId {
    GlobalId::message(id).map_or(MessageId::from_bytes([0; 16]), |(_, message)| message)
}
