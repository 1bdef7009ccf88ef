//! Messages: reading them in order here, and in the modules below writing, mentioning and reacting.

pub(crate) mod mention;
mod reaction;
mod write;

pub use mention::mentions;
pub use reaction::{AddReaction, Reaction, RemoveReaction, reactions};
pub(crate) use write::insert_system;
pub use write::{BODY_LIMIT, Delete, Edit, Send};

use crate::access::{Member, Reader};
use crate::among::among;
use crate::first_of_each::{FirstOfEach, GROUPS_AT_ONCE};
use crate::labels::labels;
use crate::tables::{
    conversation_participants, conversation_states, conversations, members, message_revisions, messages,
    users,
};
use crate::within::Within;
use crate::{
    Connection, ConversationId, Error, HouseholdId, MemberId, MessageId, Result, SubjectId, Time,
    conversation,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::HashMap;

labels! {
    /// Who speaks in a message.
    Kind {
        /// A member.
        User = "USER",
        /// The household itself, telling what happened.
        System = "SYSTEM",
    }
}

/// A message, or what is left of one that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = messages, treat_none_as_default_value = false)]
pub struct Message {
    /// Its identifier.
    pub id: MessageId,
    /// The household it was sent in.
    pub household_id: HouseholdId,
    /// The conversation it was sent in.
    pub conversation_id: ConversationId,
    /// The event that sent it; the order of messages.
    pub seq: i64,
    /// Who sent it; of a system message, who caused it.
    pub author_id: MemberId,
    /// Who speaks in it.
    pub kind: Kind,
    /// What it says; none once it is deleted.
    pub body: Option<String>,
    /// The message it answers.
    pub reply_to_id: Option<MessageId>,
    /// The sender's name for the intent to send it.
    pub client_mutation_id: Option<String>,
    /// When it was sent.
    pub created_at: Time,
    /// When its text last changed.
    pub edited_at: Option<Time>,
    /// When it was deleted.
    pub deleted_at: Option<Time>,
    /// Who deleted it.
    pub deleted_by: Option<MemberId>,
    /// Counts its edits and its deletion.
    pub version: i32,
}

impl crate::Subject for Message {
    fn subject_id(&self) -> SubjectId {
        self.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        let query = messages::table.filter(messages::id.eq(MessageId::from(id)));
        run!(conn, |c| query.select(Self::as_select()).first(c).await)
    }
}

impl Message {
    /// Whether only its place in the conversation is left.
    pub fn is_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }
}

/// The message, if this member may see it; otherwise [`Error::NotFound`].
pub async fn find(conn: &mut Connection, member: &Member, id: MessageId) -> Result<Message> {
    among_ids(conn, member, &[id]).await?.pop().ok_or(Error::NotFound)
}

/// Those of these messages that the member may see.
pub async fn among_ids(conn: &mut Connection, member: &Member, ids: &[MessageId]) -> Result<Vec<Message>> {
    let participation = conversation_participants::table.on(conversation_participants::conversation_id
        .eq(conversations::id)
        .and(conversation_participants::member_id.eq(member.id())));
    let query = messages::table
        .inner_join(conversations::table.left_join(participation))
        .filter(conversations::household_id.eq(member.household_id()))
        .filter(among(messages::id, ids))
        .filter(
            conversations::kind
                .ne(conversation::Kind::Direct)
                .or(conversation_participants::member_id.is_not_null()),
        );
    let messages: Vec<Message> = run!(conn, |c| query.select(Message::as_select()).load(c).await)?;
    Ok(messages.into_iter().filter(|message| member.sees(message.seq)).collect())
}

/// The messages with these ids, of the conversations named with them. Both are only ever taken from messages the
/// asker was allowed to see: what they answer.
pub async fn known(conn: &mut Connection, ids: &[(ConversationId, MessageId)]) -> Result<Vec<Message>> {
    let messages: Vec<MessageId> = ids.iter().map(|(_, message)| *message).collect();
    let query = messages::table.filter(among(messages::id, &messages));
    let found: Vec<Message> = run!(conn, |c| query.select(Message::as_select()).load(c).await)?;
    Ok(found.into_iter().filter(|message| ids.contains(&(message.conversation_id, message.id))).collect())
}

/// A stretch of a conversation: after one `seq` and before another, read from one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Only messages with a higher `seq`.
    pub after: i64,
    /// Only messages with a lower `seq`.
    pub before: i64,
    /// At most so many.
    pub limit: i64,
    /// From which end they are taken.
    pub end: End,
}

/// Which part of the log a page is taken from, both ends of everything included.
struct Range {
    /// From the first to the last: what an index can begin and end at.
    whole: (i64, i64),
    /// The stretches within it that may be seen, in order.
    stretches: Vec<(i64, i64)>,
}

impl Window {
    /// What of it the member may see, if that is anything.
    fn visible_to(&self, reader: &Reader) -> Option<Range> {
        let everything = [(0, i64::MAX)];
        let periods = reader.periods().unwrap_or(&everything).iter();
        let (first, last) = (self.after.saturating_add(1), self.before.saturating_sub(1));
        let stretches: Vec<_> = periods
            .map(|(from, to)| (*from.max(&first), *to.min(&last)))
            .filter(|(from, to)| from <= to)
            .collect();
        let whole = (stretches.as_slice().first()?.0, stretches.last()?.1);
        Some(Range { whole, stretches })
    }
}

/// An end of a stretch of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// The oldest messages first.
    Oldest,
    /// The newest messages; they are still returned oldest first.
    Newest,
}

/// The messages of a conversation in a window, oldest first, as far as the member may see them.
pub async fn page(
    conn: &mut Connection,
    reader: &Reader,
    conversation: &conversation::Conversation,
    window: Window,
) -> Result<Vec<Message>> {
    page_of(conn, reader, conversation.id, window).await
}

async fn page_of(
    conn: &mut Connection,
    reader: &Reader,
    conversation: ConversationId,
    window: Window,
) -> Result<Vec<Message>> {
    let Some(Range { whole: (from, to), stretches }) = window.visible_to(reader) else {
        return Ok(Vec::new());
    };
    let query = messages::table
        .filter(messages::conversation_id.eq(conversation))
        .filter(messages::seq.between(from, to))
        .filter(Within { column: messages::seq, stretches })
        .limit(window.limit);
    match window.end {
        End::Oldest => {
            run!(conn, |c| query.order(messages::seq.asc()).select(Message::as_select()).load(c).await)
        }
        End::Newest => {
            let mut found: Vec<_> =
                run!(conn, |c| query.order(messages::seq.desc()).select(Message::as_select()).load(c).await)?;
            found.reverse();
            Ok(found)
        }
    }
}

/// The messages of each of these conversations in a window, as [`page`] gives them. Conversations are only ever taken from
/// those that the member takes part in.
pub async fn pages(
    conn: &mut Connection,
    reader: &Reader,
    conversations: &[ConversationId],
    window: Window,
) -> Result<HashMap<ConversationId, Vec<Message>>> {
    // One alone needs no query inside of another, which takes MariaDB longer.
    if let [conversation] = conversations {
        let page = page_of(conn, reader, *conversation, window).await?;
        return Ok(HashMap::from([(*conversation, page)]));
    }
    let mut pages: HashMap<_, Vec<_>> = HashMap::new();
    let Some(Range { whole: (from, to), stretches }) = window.visible_to(reader) else { return Ok(pages) };
    for conversations in conversations.chunks(GROUPS_AT_ONCE) {
        let in_page = FirstOfEach {
            table: messages::table,
            group: messages::conversation_id,
            keys: conversations.to_vec(),
            at: messages::seq,
            id: messages::id,
            filter: messages::seq
                .between(from, to)
                .and(Within { column: messages::seq, stretches: stretches.clone() }),
            end: window.end,
            limit: window.limit,
        };
        let query = messages::table.filter(in_page).order(messages::seq);
        let found: Vec<Message> = run!(conn, |c| query.select(Message::as_select()).load(c).await)?;
        for message in found {
            pages.entry(message.conversation_id).or_default().push(message);
        }
    }
    Ok(pages)
}

/// The `seq` of the first message sent at or after an instant, if there is one.
pub async fn first_since(
    conn: &mut Connection,
    conversation: &conversation::Conversation,
    since: Time,
) -> Result<Option<i64>> {
    let query = messages::table
        .filter(messages::conversation_id.eq(conversation.id))
        .filter(messages::created_at.ge(since))
        .order(messages::seq)
        .select(messages::seq);
    run!(conn, |c| query.first(c).await.optional())
}

/// What a message said before an edit.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = message_revisions, treat_none_as_default_value = false)]
pub struct Revision {
    /// The message.
    pub message_id: MessageId,
    /// The version that said this.
    pub version: i32,
    /// What it said.
    pub body: String,
    /// When it was replaced.
    pub replaced_at: Time,
}

/// What these messages said before, oldest first.
pub async fn history(conn: &mut Connection, ids: &[MessageId]) -> Result<Vec<Revision>> {
    let query = message_revisions::table
        .filter(among(message_revisions::message_id, ids))
        .order((message_revisions::message_id, message_revisions::version));
    run!(conn, |c| query.select(Revision::as_select()).load(c).await)
}

/// How far each current member has read these conversations, as far as they and the asker show receipts: nobody's, where the
/// asker shows none.
pub async fn receipts(
    conn: &mut Connection,
    member: &Member,
    conversations: &[ConversationId],
) -> Result<HashMap<ConversationId, Vec<(MemberId, i64)>>> {
    let own = users::table.filter(users::id.eq(member.user_id())).select(users::sends_read_receipts);
    if !run!(conn, |c| own.first(c).await)? {
        return Ok(HashMap::new());
    }
    let query = conversation_states::table
        .inner_join(members::table.on(members::id.eq(conversation_states::member_id)))
        .inner_join(users::table.on(users::id.eq(members::user_id)))
        .filter(among(conversation_states::conversation_id, conversations))
        .filter(members::status.eq(crate::access::MemberStatus::Active))
        .filter(users::sends_read_receipts)
        .order(members::id)
        .select((conversation_states::conversation_id, members::id, conversation_states::read_seq));
    let rows: Vec<(ConversationId, MemberId, i64)> = run!(conn, |c| query.load(c).await)?;
    let mut receipts: HashMap<_, Vec<_>> = HashMap::new();
    for (conversation, reader, read_seq) in rows {
        receipts.entry(conversation).or_default().push((reader, read_seq));
    }
    Ok(receipts)
}
