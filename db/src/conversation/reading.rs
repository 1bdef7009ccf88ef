//! How far each member has read, what they want to be told of, and what is left to read.

use super::{Conversation, find};
use crate::access::{Member, Permission};
use crate::among::among;
use crate::labels::labels;
use crate::notification::inbox;
use crate::prepared::Prepare as _;
use crate::tables::{conversation_states, message_mentions, messages};
use crate::{Change, Connection, ConversationId, Entry, Error, MessageId, Operation, Result, event, message};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use std::collections::HashMap;

labels! {
    /// What of a conversation a member wants to be told of.
    MuteLevel {
        /// Every message.
        All = "ALL",
        /// Only messages that mention them.
        Mentions = "MENTIONS",
        /// Nothing.
        None = "NONE",
    }
}

/// How far a member has read in a conversation, and what they want to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The `seq` up to which everything is read.
    pub read_seq: i64,
    /// What they want to be told of.
    pub mute_level: MuteLevel,
}

/// The member's state in each of these conversations. Somebody new has read everything from before they came.
pub async fn states(
    conn: &mut Connection,
    member: &Member,
    conversations: &[ConversationId],
) -> Result<HashMap<ConversationId, State>> {
    let query = conversation_states::table
        .filter(conversation_states::member_id.eq(member.id()))
        .filter(among(conversation_states::conversation_id, conversations))
        .select((
            conversation_states::conversation_id,
            conversation_states::read_seq,
            conversation_states::mute_level,
        ));
    let rows: Vec<(ConversationId, i64, MuteLevel)> = run!(conn, |c| query.load(c).await)?;
    let initial = State { read_seq: member.joined_seq(), mute_level: MuteLevel::All };
    let mut states: HashMap<_, _> = conversations.iter().map(|id| (*id, initial)).collect();
    for (conversation, read_seq, mute_level) in rows {
        let state = State { read_seq: read_seq.max(member.joined_seq()), mute_level };
        states.insert(conversation, state);
    }
    Ok(states)
}

async fn state(conn: &mut Connection, member: &Member, conversation: ConversationId) -> Result<State> {
    states(conn, member, &[conversation]).await?.remove(&conversation).ok_or(Error::NotFound)
}

async fn save_state(change: &mut Change<'_>, conversation: ConversationId, state: State) -> Result<()> {
    let member = change.actor()?.id();
    let update = diesel::update(conversation_states::table)
        .filter(conversation_states::member_id.eq(member))
        .filter(conversation_states::conversation_id.eq(conversation))
        .set((
            conversation_states::read_seq.eq(state.read_seq),
            conversation_states::mute_level.eq(state.mute_level),
        ))
        .prepared();
    if run!(change.conn(), |c| update.execute(c).await)? == 1 {
        return Ok(());
    }
    let insert = diesel::insert_into(conversation_states::table).values((
        conversation_states::member_id.eq(member),
        conversation_states::conversation_id.eq(conversation),
        conversation_states::read_seq.eq(state.read_seq),
        conversation_states::mute_level.eq(state.mute_level),
    ));
    run!(change.conn(), |c| insert.execute(c).await).map(|_| ())
}

/// Whoever speaks has read what was said before.
pub(crate) async fn read_by_speaking(
    change: &mut Change<'_>,
    conversation: ConversationId,
    seq: i64,
) -> Result<()> {
    let member = change.actor()?.id();
    let update = diesel::update(conversation_states::table)
        .filter(conversation_states::member_id.eq(member))
        .filter(conversation_states::conversation_id.eq(conversation))
        .set(conversation_states::read_seq.eq(seq))
        .prepared();
    if run!(change.conn(), |c| update.execute(c).await)? == 0 {
        save_state(change, conversation, State { read_seq: seq, mute_level: MuteLevel::All }).await?;
    }
    Ok(())
}

/// What a member has not read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unread {
    /// Messages of others, without deleted ones and the household's own.
    pub messages: i64,
    /// Those among them that mention the member.
    pub mentions: i64,
}

/// What the member has not read in each of these conversations.
pub async fn unread(
    conn: &mut Connection,
    member: &Member,
    conversations: &[ConversationId],
) -> Result<HashMap<ConversationId, Unread>> {
    let read = conversation_states::table.on(conversation_states::conversation_id
        .eq(messages::conversation_id)
        .and(conversation_states::member_id.eq(member.id())));
    let mention = message_mentions::table
        .on(message_mentions::message_id.eq(messages::id).and(message_mentions::member_id.eq(member.id())));
    let query = messages::table
        .left_join(read)
        .left_join(mention)
        .filter(among(messages::conversation_id, conversations))
        .filter(messages::seq.gt(member.joined_seq()))
        .filter(
            conversation_states::read_seq
                .is_null()
                .or(messages::seq.nullable().gt(conversation_states::read_seq.nullable())),
        )
        .filter(messages::author_id.ne(member.id()))
        .filter(messages::kind.eq(message::Kind::User))
        .filter(messages::deleted_at.is_null())
        .group_by(messages::conversation_id)
        .select((
            messages::conversation_id,
            diesel::dsl::count(messages::id),
            diesel::dsl::count(message_mentions::member_id.nullable()),
        ));
    let rows: Vec<(ConversationId, i64, i64)> = run!(conn, |c| query.load(c).await)?;
    Ok(rows.into_iter().map(|(id, messages, mentions)| (id, Unread { messages, mentions })).collect())
}

/// Moves the caller's read marker forward; never back, never past the newest event.
#[derive(Debug, Serialize)]
pub struct MarkRead {
    /// Where.
    pub conversation: ConversationId,
    /// The `seq` up to which everything is read.
    pub up_to: i64,
}

impl Operation for MarkRead {
    type Outcome = Conversation;
    const NAME: &'static str = "markRead";
    const ENTRY: Entry = Entry::Member(Permission::Chat);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Conversation> {
        let up_to = self.up_to.min(change.next_seq() - 1);
        move_marker(change, self.conversation, |state| State { read_seq: state.read_seq.max(up_to), ..state })
            .await
    }
}

/// Moves the caller's read marker back to just before a message.
#[derive(Debug, Serialize)]
pub struct MarkUnread {
    /// The first message to count as unread.
    pub message: MessageId,
}

impl Operation for MarkUnread {
    type Outcome = Conversation;
    const NAME: &'static str = "markUnread";
    const ENTRY: Entry = Entry::Member(Permission::Chat);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Conversation> {
        let actor = change.actor()?.clone();
        let message = message::find(change.conn(), &actor, self.message).await?;
        let before = message.seq - 1;
        move_marker(change, message.conversation_id, |state| State {
            read_seq: state.read_seq.min(before),
            ..state
        })
        .await
    }
}

/// Chooses what of a conversation the caller wants to be told of.
#[derive(Debug, Serialize)]
pub struct Mute {
    /// Which.
    pub conversation: ConversationId,
    /// What to be told of.
    pub level: MuteLevel,
}

impl Operation for Mute {
    type Outcome = Conversation;
    const NAME: &'static str = "muteConversation";
    const ENTRY: Entry = Entry::Member(Permission::Chat);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Conversation> {
        move_marker(change, self.conversation, |state| State { mute_level: self.level, ..state }).await
    }
}

async fn move_marker(
    change: &mut Change<'_>,
    conversation: ConversationId,
    set: impl Fn(State) -> State,
) -> Result<Conversation> {
    let actor = change.actor()?.clone();
    let conversation = find(change.conn(), &actor, conversation).await?;
    let before = state(change.conn(), &actor, conversation.id).await?;
    let after = set(before);
    if after != before {
        save_state(change, conversation.id, after).await?;
        let moved = (before.read_seq, after.read_seq);
        inbox::marker_moved(change.conn(), actor.user_id(), conversation.id, moved).await?;
        change.record(event::Entry {
            kind: event::Kind::ConversationStateChanged,
            subject: conversation.id.into(),
            version: conversation.version,
            fields: Vec::new(),
            audience: Some(vec![actor.id()]),
        });
    }
    Ok(conversation)
}
