//! Conversations: the household's general one, others on a topic, direct ones; and how far the viewer has read.

mod mutation;

pub(crate) use mutation::ConversationMutation;

use crate::connection::{Connection, PAGE_LIMIT, PageArguments, checked};
use crate::error::{Error, Nullable, Result, nullable};
use crate::id::GlobalId;
use crate::member::Member;
use crate::message::Message;
use crate::row::Row;
use crate::scalar::{Cursor, DateTime};
use crate::scope::ScopeExt as _;
use async_graphql::{ComplexObject, Context, Enum, ID, Object, OneofObject, SimpleObject};
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

// Its lists go the ordinary way.
impl Row for Conversation {}

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
        let reader = scope.reader(self.row.household_id).await?;
        let window = Window {
            after: place(arguments.after, reader.epoch(), 0)?,
            before: place(arguments.before, reader.epoch(), i64::MAX)?,
            limit: arguments.probe(),
            end: arguments.end,
        };
        let key = (self.row.household_id, self.row.id, window);
        let found = scope.loaders().conversation_messages.load(key).await?.unwrap_or_default();
        let messages = found.into_iter().map(Message::from).collect();
        Ok(Connection::new(arguments, messages, |message: &Message| message.place(reader.epoch())))
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
        let reader = scope.reader(self.row.household_id).await?;
        let probe = |count: usize| i64::try_from(count).unwrap_or(0) + 1;
        let older = Window { after: 0, before: at, limit: probe(last), end: End::Newest };
        let newer = Window { after: at - 1, before: i64::MAX, limit: probe(first), end: End::Oldest };
        let conn = &mut *scope.connection().await?;
        let mut older = message::page(conn, &reader, &self.row, older).await?;
        let mut newer = message::page(conn, &reader, &self.row, newer).await?;
        let (has_older, has_newer) = (older.len() > last, newer.len() > first);
        older.drain(..older.len().saturating_sub(last));
        newer.truncate(first);
        older.append(&mut newer);
        let messages = older.into_iter().map(Message::from).collect();
        Ok(Connection::with_ends(messages, has_older, has_newer, |message| message.place(reader.epoch())))
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
