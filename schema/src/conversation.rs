//! Conversations: the household's general one, others on a topic, direct ones; and how far the viewer has read.

use crate::connection::{Connection, PAGE_LIMIT, PageArguments, checked};
use crate::error::{Error, Nullable, Result, nullable};
use crate::id::GlobalId;
use crate::member::Member;
use crate::message::Message;
use crate::payload::perform;
use crate::scalar::{Cursor, DateTime};
use crate::scope::ScopeExt as _;
use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, OneofObject, SimpleObject};
use roomm8_db::conversation::{self, Kind, State, Unread};
use roomm8_db::event::Position;
use roomm8_db::message::{self, End, Window};
use roomm8_db::{ConversationId, HouseholdId};

/// Who a conversation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub(crate) enum ConversationKind {
    /// Everybody in the household; each household has exactly one.
    General,
    /// Everybody in the household, on a topic.
    Topic,
    /// Only the members it was opened with.
    Direct,
}

/// What of a conversation you want to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "conversation::MuteLevel")]
pub(crate) enum MuteLevel {
    /// Every message.
    All,
    /// Only messages that mention you.
    Mentions,
    /// Nothing.
    None,
}

/// Where to open a conversation. Exactly one must be given.
#[derive(Debug, OneofObject)]
pub(crate) enum MessageAnchorInput {
    /// At a message of this conversation.
    Message(ID),
    /// At a place in the log: the `cursor` of a message or event.
    Cursor(Cursor),
    /// At the first message sent at or after this instant.
    Date(DateTime),
    /// At the first message you have not read; at the end if you have read everything. The value must be true.
    FirstUnread(bool),
    /// At the end. The value must be true.
    Newest(bool),
}

/// A conversation of a household. You only ever see those you take part in.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Conversation {
    /// Its global id.
    pub(crate) id: ID,
    /// Who it is for.
    kind: ConversationKind,
    /// What a topic conversation is about; null for the others: name them after their participants.
    title: Option<String>,
    /// Counts its changes.
    version: i32,
    /// When it was opened.
    created_at: DateTime,
    #[graphql(skip)]
    row: conversation::Conversation,
}

impl From<conversation::Conversation> for Conversation {
    fn from(row: conversation::Conversation) -> Self {
        Self {
            id: GlobalId::Conversation(row.household_id, row.id).to_id(),
            kind: row.kind.into(),
            title: row.title.clone(),
            version: row.version,
            created_at: DateTime(row.created_at),
            row,
        }
    }
}

#[ComplexObject]
impl Conversation {
    /// Who takes part: of a direct conversation the members it was opened with, those who left included; of the
    /// others nobody is listed, as everybody in the household takes part.
    async fn participants(&self, ctx: &Context<'_>) -> Result<Vec<Member>> {
        if self.row.kind != Kind::Direct {
            return Ok(Vec::new());
        }
        let loaders = ctx.scope()?.loaders();
        let participants = loaders.participants.load(self.row.id).await?.unwrap_or_default();
        Ok(loaders.members.load_many(participants).await?.into_iter().map(Member::from).collect())
    }

    /// The messages, oldest first, deleted ones as tombstones. Ordered by the log, stable while others write.
    ///
    /// Without arguments the newest 50. With `first`/`after` or `last`/`before` a page as in any connection. With
    /// `anchor` a window around a place: up to `last` messages before it and up to `first` from it on (25 each
    /// unless said otherwise); go on from there with `startCursor` and `endCursor`.
    async fn messages(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "At most so many from the start, or after `after`, or from the anchor on; 0 to 100."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only messages after this cursor.")] after: Option<Cursor>,
        #[graphql(
            desc = "At most so many from the end, or before `before`, or before the anchor; 0 to 100."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only messages before this cursor.")] before: Option<Cursor>,
        #[graphql(desc = "Open the conversation at a place; not together with `after` or `before`.")] anchor: Option<
            MessageAnchorInput,
        >,
    ) -> Result<Connection<Message>> {
        match anchor {
            Some(_) if after.is_some() || before.is_some() => {
                Err(Error::bad_input("give `anchor`, or `after` and `before`, not both"))
            }
            Some(anchor) => self.around(ctx, anchor, first, last).await,
            None => {
                let last = if first.is_none() { last.or(Some(50)) } else { last };
                self.page(ctx, &PageArguments::new(first, after, last, before, PAGE_LIMIT)?).await
            }
        }
    }

    /// How many messages of others you have not read; deleted ones and the household's own do not count.
    async fn unread_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(self.unread(ctx).await?.messages)
    }

    /// How many of them mention you.
    async fn mention_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(self.unread(ctx).await?.mentions)
    }

    /// Up to where you have read: pass it to compare with a message's cursor, never to guess a count.
    async fn read_cursor(&self, ctx: &Context<'_>) -> Result<Cursor> {
        let epoch = ctx.scope()?.epoch(self.row.household_id).await?;
        Ok(Cursor::Log(Position { epoch, seq: self.state(ctx).await?.read_seq }))
    }

    /// What of it you want to be told of.
    async fn mute_level(&self, ctx: &Context<'_>) -> Result<MuteLevel> {
        Ok(self.state(ctx).await?.mute_level.into())
    }
}

impl Conversation {
    /// Its place in the list of conversations.
    pub(crate) fn place(&self) -> Cursor {
        Cursor::Item(self.row.id.into())
    }

    async fn state(&self, ctx: &Context<'_>) -> Result<State> {
        let scope = ctx.scope()?;
        scope.member(self.row.household_id).await?;
        let state = scope.loaders().states.load((self.row.household_id, self.row.id)).await?;
        state.ok_or_else(Error::not_found)
    }

    async fn unread(&self, ctx: &Context<'_>) -> Result<Unread> {
        let scope = ctx.scope()?;
        scope.member(self.row.household_id).await?;
        Ok(scope.loaders().unread.load((self.row.household_id, self.row.id)).await?.unwrap_or_default())
    }

    async fn page(&self, ctx: &Context<'_>, arguments: &PageArguments) -> Result<Connection<Message>> {
        let scope = ctx.scope()?;
        let member = scope.member(self.row.household_id).await?;
        let window = Window {
            after: place(arguments.after, member.epoch(), 0)?,
            before: place(arguments.before, member.epoch(), i64::MAX)?,
            limit: arguments.probe(),
            end: arguments.end,
        };
        let found = message::page(&mut *scope.connection().await?, &member, &self.row, window).await?;
        let messages = found.into_iter().map(Message::from).collect();
        Ok(Connection::new(arguments, messages, |message: &Message| message.place(member.epoch())))
    }

    async fn around(
        &self,
        ctx: &Context<'_>,
        anchor: MessageAnchorInput,
        first: Option<i32>,
        last: Option<i32>,
    ) -> Result<Connection<Message>> {
        let (first, last) = (checked("first", first.unwrap_or(25))?, checked("last", last.unwrap_or(25))?);
        let at = self.anchored(ctx, anchor).await?;
        let scope = ctx.scope()?;
        let member = scope.member(self.row.household_id).await?;
        let probe = |count: usize| i64::try_from(count).unwrap_or(0) + 1;
        let older = Window { after: 0, before: at, limit: probe(last), end: End::Newest };
        let newer = Window { after: at - 1, before: i64::MAX, limit: probe(first), end: End::Oldest };
        let conn = &mut *scope.connection().await?;
        let mut older = message::page(conn, &member, &self.row, older).await?;
        let mut newer = message::page(conn, &member, &self.row, newer).await?;
        let (has_older, has_newer) = (older.len() > last, newer.len() > first);
        older.drain(..older.len().saturating_sub(last));
        newer.truncate(first);
        older.append(&mut newer);
        let messages = older.into_iter().map(Message::from).collect();
        Ok(Connection::with_ends(messages, has_older, has_newer, |message| message.place(member.epoch())))
    }

    /// The `seq` of the first message from the anchor on.
    async fn anchored(&self, ctx: &Context<'_>, anchor: MessageAnchorInput) -> Result<i64> {
        let scope = ctx.scope()?;
        let member = scope.member(self.row.household_id).await?;
        match anchor {
            MessageAnchorInput::Message(id) => {
                let (_, id) = GlobalId::message(&id)?;
                let message = message::find(&mut *scope.connection().await?, &member, id).await?;
                if message.conversation_id == self.row.id { Ok(message.seq) } else { Err(Error::not_found()) }
            }
            MessageAnchorInput::Cursor(cursor) => place(Some(cursor), member.epoch(), 0),
            MessageAnchorInput::Date(date) => {
                let first = message::first_since(&mut *scope.connection().await?, &self.row, date.0).await?;
                Ok(first.unwrap_or(i64::MAX))
            }
            MessageAnchorInput::FirstUnread(true) => Ok(self.state(ctx).await?.read_seq.saturating_add(1)),
            MessageAnchorInput::Newest(true) => Ok(i64::MAX),
            MessageAnchorInput::FirstUnread(false) | MessageAnchorInput::Newest(false) => {
                Err(Error::bad_input("the value of this anchor must be true"))
            }
        }
    }
}

/// The `seq` a cursor stands for.
fn place(cursor: Option<Cursor>, epoch: i32, none: i64) -> Result<i64> {
    match cursor {
        None => Ok(none),
        Some(Cursor::Log(position)) if position.epoch == epoch => Ok(position.seq),
        Some(_) => Err(Error::bad_input("this cursor is not of this household's log")),
    }
}

/// The conversation with this id, if the viewer takes part in it.
pub(crate) async fn find(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: ConversationId,
) -> Result<Conversation> {
    let scope = ctx.scope()?;
    let member = scope.member(household).await?;
    Ok(conversation::find(&mut *scope.connection().await?, &member, id).await?.into())
}

#[derive(Default)]
pub(crate) struct ConversationQuery;

#[Object]
impl ConversationQuery {
    /// A conversation you take part in. `NOT_FOUND` otherwise.
    async fn conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation's global id.")] id: ID,
    ) -> Nullable<Conversation> {
        nullable(async {
            let (household, id) = GlobalId::conversation(&id)?;
            find(ctx, household, id).await
        })
        .await
    }
}

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
            let members = input.member_ids.iter().map(|id| match GlobalId::parse(id) {
                Some(GlobalId::Member(_, member)) => member,
                // The id of nothing: refused with the other references that are none.
                _ => roomm8_db::MemberId::from_bytes([0; 16]),
            });
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
