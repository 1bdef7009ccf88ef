//! Conversations: the household's general one, others on a topic, and direct ones between members. How they are
//! opened, and how far each member has read in them, is in the modules below.

mod open;
mod reading;

pub(crate) use open::insert_general;
pub use open::{CreateTopic, DIRECT_LIMIT, OpenDirect, TITLE_LIMIT};
pub(crate) use reading::read_by_speaking;
pub use reading::{MarkRead, MarkUnread, Mute, MuteLevel, State, Unread, states, unread};

use crate::access::{Member, Reader};
use crate::among::among;
use crate::labels::labels;
use crate::tables::{conversation_participants, conversations};
use crate::{Connection, ConversationId, Error, HouseholdId, MemberId, Result, SubjectId, Time};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::HashMap;

labels! {
    /// Who a conversation is for.
    Kind {
        /// Everybody in the household; each household has exactly one.
        General = "GENERAL",
        /// Everybody in the household, on a topic.
        Topic = "TOPIC",
        /// Only the members it was opened with.
        Direct = "DIRECT",
    }
}

/// A conversation of a household.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = conversations, treat_none_as_default_value = false)]
pub struct Conversation {
    /// Its identifier.
    pub id: ConversationId,
    /// The household it belongs to.
    pub household_id: HouseholdId,
    /// Who it is for.
    pub kind: Kind,
    /// What a topic conversation is about.
    pub title: Option<String>,
    /// A digest of the members of a direct one, by which it is found again.
    direct_key: Option<Vec<u8>>,
    /// Counts its changes.
    pub version: i32,
    /// When it was opened.
    pub created_at: Time,
}

impl crate::Subject for Conversation {
    fn subject_id(&self) -> SubjectId {
        self.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        let query = conversations::table.filter(conversations::id.eq(ConversationId::from(id)));
        run!(conn, |c| query.select(Self::as_select()).first(c).await)
    }
}

/// The conversation, if this member takes part in it; otherwise [`Error::NotFound`].
pub async fn find(conn: &mut Connection, member: &Member, id: ConversationId) -> Result<Conversation> {
    let query = conversations::table
        .filter(conversations::id.eq(id))
        .filter(conversations::household_id.eq(member.household_id()));
    let conversation: Conversation = run!(conn, |c| query.select(Conversation::as_select()).first(c).await)?;
    match audience(conn, &conversation).await? {
        Some(participants) if !participants.contains(&member.id()) => Err(Error::NotFound),
        _ => Ok(conversation),
    }
}

/// Those of these conversations that the member takes part in.
pub async fn among_ids(
    conn: &mut Connection,
    member: &Member,
    ids: &[ConversationId],
) -> Result<Vec<Conversation>> {
    let query = conversations::table
        .left_join(participation(member.id()))
        .filter(conversations::household_id.eq(member.household_id()))
        .filter(among(conversations::id, ids))
        .filter(conversations::kind.ne(Kind::Direct).or(conversation_participants::member_id.is_not_null()));
    run!(conn, |c| query.select(Conversation::as_select()).load(c).await)
}

/// The conversations with these ids. Ids are only ever taken from messages and events the asker was allowed to see.
pub async fn known(conn: &mut Connection, ids: &[ConversationId]) -> Result<Vec<Conversation>> {
    let query = conversations::table.filter(among(conversations::id, ids));
    run!(conn, |c| query.select(Conversation::as_select()).load(c).await)
}

/// The conversations the member takes part in after `after`, oldest first, at most `limit`.
pub async fn page(
    conn: &mut Connection,
    member: &Member,
    after: Option<ConversationId>,
    limit: i64,
) -> Result<Vec<Conversation>> {
    let query = conversations::table
        .left_join(participation(member.id()))
        .filter(conversations::household_id.eq(member.household_id()))
        .filter(conversations::id.gt(after.unwrap_or(ConversationId::from_bytes([0; 16]))))
        .filter(conversations::kind.ne(Kind::Direct).or(conversation_participants::member_id.is_not_null()))
        .order(conversations::id)
        .limit(limit);
    run!(conn, |c| query.select(Conversation::as_select()).load(c).await)
}

type Participation = diesel::dsl::On<
    conversation_participants::table,
    diesel::dsl::And<
        diesel::dsl::Eq<conversation_participants::conversation_id, conversations::id>,
        diesel::dsl::Eq<conversation_participants::member_id, MemberId>,
    >,
>;

fn participation(member: MemberId) -> Participation {
    conversation_participants::table.on(conversation_participants::conversation_id
        .eq(conversations::id)
        .and(conversation_participants::member_id.eq(member)))
}

/// The household's general conversation.
pub async fn general(conn: &mut Connection, reader: &Reader) -> Result<Conversation> {
    general_of(conn, reader.household_id()).await
}

pub(crate) async fn general_of(conn: &mut Connection, household: HouseholdId) -> Result<Conversation> {
    let query = conversations::table
        .filter(conversations::household_id.eq(household))
        .filter(conversations::kind.eq(Kind::General));
    run!(conn, |c| query.select(Conversation::as_select()).first(c).await)
}

/// Who takes part in these direct conversations.
pub async fn participants(
    conn: &mut Connection,
    conversations: &[ConversationId],
) -> Result<HashMap<ConversationId, Vec<MemberId>>> {
    let query = conversation_participants::table
        .filter(among(conversation_participants::conversation_id, conversations))
        .order(conversation_participants::member_id)
        .select((conversation_participants::conversation_id, conversation_participants::member_id));
    let rows: Vec<(ConversationId, MemberId)> = run!(conn, |c| query.load(c).await)?;
    let mut participants: HashMap<_, Vec<_>> = HashMap::new();
    for (conversation, member) in rows {
        participants.entry(conversation).or_default().push(member);
    }
    Ok(participants)
}

/// Who may know what is said in it; `None` is everybody in the household.
pub async fn audience(conn: &mut Connection, conversation: &Conversation) -> Result<Option<Vec<MemberId>>> {
    if conversation.kind != Kind::Direct {
        return Ok(None);
    }
    Ok(Some(participants(conn, &[conversation.id]).await?.remove(&conversation.id).unwrap_or_default()))
}
