//! Conversations: the household's general one, others on a topic, and direct ones between members; and how far
//! each member has read in them.

use crate::access::{Member, MemberStatus, Permission};
use crate::among::among;
use crate::labels::labels;
use crate::tables::{
    conversation_participants, conversation_states, conversations, members, message_mentions, messages,
};
use crate::{
    Change, Connection, ConversationId, Entry, Error, HouseholdId, MemberId, MessageId, Operation,
    RefusalCode, Result, SubjectId, Time, event, message,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// The most members in a direct conversation, the one who opens it included.
pub const DIRECT_LIMIT: usize = 20;
/// The longest title, in characters.
pub const TITLE_LIMIT: usize = 100;

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

/// A conversation of a household.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = conversations)]
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
pub async fn general(conn: &mut Connection, member: &Member) -> Result<Conversation> {
    general_of(conn, member.household_id()).await
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

/// Opens the general conversation of a household that is being made.
pub(crate) async fn insert_general(change: &mut Change<'_>) -> Result<Conversation> {
    insert(change, Kind::General, None, None, None).await
}

async fn insert(
    change: &mut Change<'_>,
    kind: Kind,
    title: Option<String>,
    direct_key: Option<Vec<u8>>,
    audience: Option<Vec<MemberId>>,
) -> Result<Conversation> {
    let conversation = Conversation {
        id: ConversationId::new(),
        household_id: change.household_id(),
        kind,
        title,
        direct_key,
        version: 1,
        created_at: change.now(),
    };
    let insert = diesel::insert_into(conversations::table).values(&conversation);
    run!(change.conn(), |c| insert.execute(c).await)?;
    change.record(event::Entry {
        kind: event::Kind::ConversationCreated,
        subject: conversation.id.into(),
        version: conversation.version,
        fields: Vec::new(),
        audience,
    });
    Ok(conversation)
}

/// Opens a conversation on a topic, for everybody in the household.
#[derive(Debug, Serialize)]
pub struct CreateTopic {
    /// What it is about: 1 to [`TITLE_LIMIT`] characters.
    pub title: String,
}

impl Operation for CreateTopic {
    type Outcome = Conversation;
    const NAME: &'static str = "createConversation";
    const ENTRY: Entry = Entry::Member(Permission::CreateConversation);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Conversation> {
        let title = crate::text::line("title", &self.title, TITLE_LIMIT)?;
        insert(change, Kind::Topic, Some(title), None, None).await
    }
}

/// Opens, or finds again, the direct conversation between the caller and these members.
#[derive(Debug, Serialize)]
pub struct OpenDirect {
    /// The others; the caller may be among them.
    pub members: Vec<MemberId>,
}

impl Operation for OpenDirect {
    type Outcome = Conversation;
    const NAME: &'static str = "openDirectConversation";
    const ENTRY: Entry = Entry::Member(Permission::Chat);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Conversation> {
        let household = change.household_id();
        let mut members = self.members.clone();
        members.push(change.actor()?.id());
        members.sort_unstable();
        members.dedup();
        if !(2..=DIRECT_LIMIT).contains(&members.len()) {
            let message = format!("must name 1 to {} other members", DIRECT_LIMIT - 1);
            return Err(Error::refused(RefusalCode::Invalid, "memberIds", message));
        }
        let active = active_among(change.conn(), household, &members).await?;
        if active.len() != members.len() {
            let message = "must all be current members of this household";
            return Err(Error::refused(RefusalCode::InvalidReference, "memberIds", message));
        }
        let key = direct_key(household, &members);
        if let Some(existing) = by_direct_key(change.conn(), &key).await? {
            return Ok(existing);
        }
        let conversation = insert(change, Kind::Direct, None, Some(key), Some(members.clone())).await?;
        for member in members {
            let insert = diesel::insert_into(conversation_participants::table).values((
                conversation_participants::conversation_id.eq(conversation.id),
                conversation_participants::member_id.eq(member),
            ));
            run!(change.conn(), |c| insert.execute(c).await)?;
        }
        Ok(conversation)
    }
}

async fn active_among(
    conn: &mut Connection,
    household: HouseholdId,
    ids: &[MemberId],
) -> Result<Vec<MemberId>> {
    let query = members::table
        .filter(members::household_id.eq(household))
        .filter(members::status.eq(MemberStatus::Active))
        .filter(among(members::id, ids))
        .select(members::id);
    run!(conn, |c| query.load(c).await)
}

fn direct_key(household: HouseholdId, members: &[MemberId]) -> Vec<u8> {
    let mut digest = Sha256::new_with_prefix(household.bytes());
    for member in members {
        digest.update(member.bytes());
    }
    digest.finalize().to_vec()
}

async fn by_direct_key(conn: &mut Connection, key: &[u8]) -> Result<Option<Conversation>> {
    let query = conversations::table.filter(conversations::direct_key.eq(key));
    run!(conn, |c| query.select(Conversation::as_select()).first(c).await.optional())
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
        ));
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
        .set(conversation_states::read_seq.eq(seq));
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
