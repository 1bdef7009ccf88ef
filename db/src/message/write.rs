//! Sending, editing and deleting messages.

use super::{Kind, Message, Revision, find, mention};
use crate::access::Permission;
use crate::conversation::{self, Conversation};
use crate::prepared::Prepare as _;
use crate::tables::{households, message_reactions, message_revisions, messages};
use crate::{
    Change, ConversationId, Entry, Error, MessageId, Operation, RefusalCode, Result, Subject as _, Time,
    event, text, throttle, version,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use std::time::Duration;

/// The longest message, in characters.
pub const BODY_LIMIT: usize = 8000;
/// How fast one person may send.
const PACE: throttle::Limit = throttle::Limit { burst: 20, per: Duration::from_secs(10) };

/// Sends a message; whoever speaks has also read what was said before.
#[derive(Debug, Serialize)]
pub struct Send {
    /// Where.
    pub conversation: ConversationId,
    /// What: 1 to [`BODY_LIMIT`] characters.
    pub body: String,
    /// The message it answers, of the same conversation.
    pub reply_to: Option<MessageId>,
    /// The sender's name for the intent, kept with the message so that the sender knows it again.
    pub client_mutation_id: Option<String>,
}

impl Operation for Send {
    type Outcome = Message;
    const NAME: &'static str = "sendMessage";
    const ENTRY: Entry = Entry::Member(Permission::Chat);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Message> {
        let actor = change.actor()?.clone();
        let body = text::lines("body", &self.body, BODY_LIMIT)?;
        change.take(&format!("send:{}", change.user_id()?), PACE).await?;
        let conversation = conversation::find(change.conn(), &actor, self.conversation).await?;
        refuse_foreign_reply(change, &conversation, self.reply_to).await?;
        let message = Message {
            id: MessageId::new(),
            household_id: change.household_id(),
            conversation_id: conversation.id,
            seq: change.next_seq(),
            author_id: actor.id(),
            kind: Kind::User,
            body: Some(body),
            reply_to_id: self.reply_to,
            client_mutation_id: self.client_mutation_id.clone(),
            created_at: change.now(),
            edited_at: None,
            deleted_at: None,
            deleted_by: None,
            version: 1,
        };
        insert(change, &conversation, &message).await?;
        mention::replace(change, &conversation, &message).await?;
        conversation::read_by_speaking(change, conversation.id, message.seq).await?;
        Ok(message)
    }
}

async fn refuse_foreign_reply(
    change: &mut Change<'_>,
    conversation: &Conversation,
    reply_to: Option<MessageId>,
) -> Result<()> {
    let Some(id) = reply_to else { return Ok(()) };
    let actor = change.actor()?.clone();
    match find(change.conn(), &actor, id).await {
        Ok(parent) if parent.conversation_id == conversation.id => Ok(()),
        Ok(_) | Err(Error::NotFound) => {
            let message = "must be a message of the same conversation";
            Err(Error::refused(RefusalCode::InvalidReference, "replyToId", message))
        }
        Err(error) => Err(error),
    }
}

async fn insert(change: &mut Change<'_>, conversation: &Conversation, message: &Message) -> Result<()> {
    let insert = diesel::insert_into(messages::table).values(message);
    run!(change.conn(), |c| insert.execute(c).await)?;
    record(change, event::Kind::MessageSent, conversation, message, &[]).await
}

/// Says in the general conversation what happened to the household.
pub(crate) async fn insert_system(
    change: &mut Change<'_>,
    author: crate::MemberId,
    body: String,
) -> Result<Message> {
    let household = change.household_id();
    let conversation = conversation::general_of(change.conn(), household).await?;
    let message = Message {
        id: MessageId::new(),
        household_id: household,
        conversation_id: conversation.id,
        seq: change.next_seq(),
        author_id: author,
        kind: Kind::System,
        body: Some(body),
        reply_to_id: None,
        client_mutation_id: None,
        created_at: change.now(),
        edited_at: None,
        deleted_at: None,
        deleted_by: None,
        version: 1,
    };
    insert(change, &conversation, &message).await?;
    Ok(message)
}

pub(super) async fn record(
    change: &mut Change<'_>,
    kind: event::Kind,
    conversation: &Conversation,
    message: &Message,
    fields: &'static [&'static str],
) -> Result<()> {
    let audience = conversation::audience(change.conn(), conversation).await?;
    change.record(event::Entry {
        kind,
        subject: message.id.into(),
        version: message.version,
        fields: fields.to_vec(),
        audience,
    });
    Ok(())
}

/// A message that is still there, with its conversation.
pub(super) async fn living(change: &mut Change<'_>, id: MessageId) -> Result<(Message, Conversation)> {
    let actor = change.actor()?.clone();
    let message = find(change.conn(), &actor, id).await?;
    if message.is_deleted() {
        return Err(Error::refused(RefusalCode::Gone, "messageId", "this message was deleted"));
    }
    let conversation = Conversation::find(change.conn(), message.conversation_id.into()).await?;
    Ok((message, conversation))
}

/// Changes what one's own message says; what it said before goes to its history.
#[derive(Debug, Serialize)]
pub struct Edit {
    /// Which.
    pub message: MessageId,
    /// What it says from now on: 1 to [`BODY_LIMIT`] characters.
    pub body: String,
    /// The version the author has seen.
    pub expected_version: Option<i32>,
}

impl Operation for Edit {
    type Outcome = Message;
    const NAME: &'static str = "editMessage";
    const ENTRY: Entry = Entry::Member(Permission::Chat);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Message> {
        let body = text::lines("body", &self.body, BODY_LIMIT)?;
        let (mut message, conversation) = living(change, self.message).await?;
        if message.author_id != change.actor()?.id() || message.kind != Kind::User {
            return Err(Error::refused(
                RefusalCode::NotAuthor,
                "messageId",
                "only its author can edit a message",
            ));
        }
        version::settle(change, message.id.into(), message.version, self.expected_version, &["body"]).await?;
        let Some(before) = message.body.replace(body).filter(|before| message.body.as_ref() != Some(before))
        else {
            return Ok(message);
        };
        refuse_closed_window(change, message.created_at).await?;
        keep(change, &message, before).await?;
        message.edited_at = Some(change.now());
        message.version += 1;
        save(change, &message).await?;
        mention::replace(change, &conversation, &message).await?;
        record(change, event::Kind::MessageEdited, &conversation, &message, &["body"]).await?;
        Ok(message)
    }
}

async fn refuse_closed_window(change: &mut Change<'_>, sent: Time) -> Result<()> {
    let query = households::table
        .filter(households::id.eq(change.household_id()))
        .select(households::edit_window_minutes);
    let minutes: Option<i32> = run!(change.conn(), |c| query.first(c).await)?;
    let Some(minutes) = minutes else { return Ok(()) };
    let window = Duration::from_secs(60 * u64::try_from(minutes).unwrap_or(0));
    if change.now().since(sent) < window {
        return Ok(());
    }
    let message =
        format!("can no longer be edited: this household allows it for {minutes} min after sending");
    Err(Error::refused(RefusalCode::EditWindowClosed, "messageId", message))
}

async fn keep(change: &mut Change<'_>, message: &Message, body: String) -> Result<()> {
    let revision =
        Revision { message_id: message.id, version: message.version, body, replaced_at: change.now() };
    let insert = diesel::insert_into(message_revisions::table).values(&revision);
    run!(change.conn(), |c| insert.execute(c).await).map(|_| ())
}

async fn save(change: &mut Change<'_>, message: &Message) -> Result<()> {
    let update = diesel::update(messages::table)
        .filter(messages::id.eq(message.id))
        .set((
            messages::body.eq(&message.body),
            messages::edited_at.eq(message.edited_at),
            messages::deleted_at.eq(message.deleted_at),
            messages::deleted_by.eq(message.deleted_by),
            messages::version.eq(message.version),
        ))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await).map(|_| ())
}

/// Deletes a message: one's own, or another's with the right to moderate. Only its place, author and times stay.
#[derive(Debug, Serialize)]
pub struct Delete {
    /// Which.
    pub message: MessageId,
}

impl Operation for Delete {
    type Outcome = Message;
    const NAME: &'static str = "deleteMessage";
    const ENTRY: Entry = Entry::Member(Permission::Chat);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Message> {
        let actor = change.actor()?.clone();
        let mut message = find(change.conn(), &actor, self.message).await?;
        if message.author_id != actor.id() || message.kind != Kind::User {
            actor.require(Permission::ModerateMessages)?;
        }
        if message.is_deleted() {
            return Ok(message);
        }
        let conversation = Conversation::find(change.conn(), message.conversation_id.into()).await?;
        message.body = None;
        message.deleted_at = Some(change.now());
        message.deleted_by = Some(actor.id());
        message.version += 1;
        save(change, &message).await?;
        erase(change, message.id).await?;
        record(change, event::Kind::MessageDeleted, &conversation, &message, &["body"]).await?;
        Ok(message)
    }
}

async fn erase(change: &mut Change<'_>, message: MessageId) -> Result<()> {
    let history = diesel::delete(message_revisions::table).filter(message_revisions::message_id.eq(message));
    run!(change.conn(), |c| history.execute(c).await)?;
    let reactions =
        diesel::delete(message_reactions::table).filter(message_reactions::message_id.eq(message));
    run!(change.conn(), |c| reactions.execute(c).await)?;
    mention::erase(change, message).await
}
