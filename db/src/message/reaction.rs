//! Reactions: a set of (member, emoji) on each message.

use super::Message;
use super::write::{living, record};
use crate::access::Permission;
use crate::among::among;
use crate::tables::message_reactions;
use crate::{
    Change, Connection, Entry, Error, MemberId, MessageId, Operation, RefusalCode, Result, Time, event,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

/// The most different emoji on one message.
const EMOJI_LIMIT: usize = 20;

/// That somebody reacted to a message.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = message_reactions, treat_none_as_default_value = false)]
pub struct Reaction {
    /// To what.
    pub message_id: MessageId,
    /// Who.
    pub member_id: MemberId,
    /// How.
    pub emoji: String,
    /// When.
    pub created_at: Time,
}

/// The reactions to these messages, in the order they came.
pub async fn reactions(conn: &mut Connection, ids: &[MessageId]) -> Result<Vec<Reaction>> {
    let query = message_reactions::table
        .filter(among(message_reactions::message_id, ids))
        .order((message_reactions::created_at, message_reactions::member_id));
    run!(conn, |c| query.select(Reaction::as_select()).load(c).await)
}

/// Reacts to a message; a reaction that is there already stays.
#[derive(Debug, Serialize)]
pub struct AddReaction {
    /// To what.
    pub message: MessageId,
    /// One emoji.
    pub emoji: String,
}

impl Operation for AddReaction {
    type Outcome = Message;
    const NAME: &'static str = "addReaction";
    const ENTRY: Entry = Entry::Member(Permission::Chat);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Message> {
        let emoji = one_emoji(&self.emoji)?;
        let (message, conversation) = living(change, self.message).await?;
        let present = reactions(change.conn(), &[message.id]).await?;
        let reaction = Reaction {
            message_id: message.id,
            member_id: change.actor()?.id(),
            emoji: emoji.to_owned(),
            created_at: change.now(),
        };
        if present.iter().any(|other| other.member_id == reaction.member_id && other.emoji == reaction.emoji)
        {
            return Ok(message);
        }
        refuse_another_emoji(&present, emoji)?;
        let insert = diesel::insert_into(message_reactions::table).values(&reaction);
        run!(change.conn(), |c| insert.execute(c).await)?;
        record(change, event::Kind::ReactionAdded, &conversation, &message, &[]).await?;
        Ok(message)
    }
}

/// Takes one's own reaction back; one that is not there is no error.
#[derive(Debug, Serialize)]
pub struct RemoveReaction {
    /// From what.
    pub message: MessageId,
    /// One emoji.
    pub emoji: String,
}

impl Operation for RemoveReaction {
    type Outcome = Message;
    const NAME: &'static str = "removeReaction";
    const ENTRY: Entry = Entry::Member(Permission::Chat);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Message> {
        let emoji = one_emoji(&self.emoji)?;
        let (message, conversation) = living(change, self.message).await?;
        let delete = diesel::delete(message_reactions::table)
            .filter(message_reactions::message_id.eq(message.id))
            .filter(message_reactions::member_id.eq(change.actor()?.id()))
            .filter(message_reactions::emoji.eq(emoji));
        if run!(change.conn(), |c| delete.execute(c).await)? == 1 {
            record(change, event::Kind::ReactionRemoved, &conversation, &message, &[]).await?;
        }
        Ok(message)
    }
}

/// The emoji in its one canonical spelling, whatever variation selectors the keyboard sent.
fn one_emoji(text: &str) -> Result<&'static str> {
    match emojis::get(text.trim()) {
        Some(emoji) => Ok(emoji.as_str()),
        None => Err(Error::refused(RefusalCode::Invalid, "emoji", "must be one emoji, for example 👍")),
    }
}

fn refuse_another_emoji(present: &[Reaction], emoji: &str) -> Result<()> {
    let different: std::collections::HashSet<_> =
        present.iter().map(|reaction| reaction.emoji.as_str()).collect();
    if different.contains(emoji) || different.len() < EMOJI_LIMIT {
        return Ok(());
    }
    let message = format!("this message has {EMOJI_LIMIT} different emoji already: add to one of them");
    Err(Error::refused(RefusalCode::Limit, "emoji", message))
}
