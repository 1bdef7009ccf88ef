//! Messages: what is said, to whom it answers, who is mentioned, who reacted.

mod mutation;

pub(crate) use mutation::MessageMutation;

use crate::conversation::Conversation;
use crate::error::{Error, Nullable, Result, nullable, nullable_option};
use crate::id::GlobalId;
use crate::member::{self, Member};
use crate::row::{Ahead, Naming, Plain as _, Row, label};
use crate::scalar::{Cursor, DateTime};
use crate::scope::{Scope, ScopeExt as _};
use async_graphql::parser::types::{Field, SelectionSet};
use async_graphql::{ComplexObject, Context, Enum, ID, Object, SimpleObject};
use roomm8_db::event::Position;
use roomm8_db::message::{self, Kind, Reaction as ReactionRow, Revision};
use roomm8_db::{HouseholdId, MemberId, MessageId};

/// Who speaks in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub(crate) enum MessageKind {
    /// A member.
    User,
    /// The household itself, telling what happened to it.
    System,
}

/// A message, or the tombstone of one that was deleted.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Message {
    /// Its global id.
    pub(crate) id: ID,
    /// Who speaks in it.
    kind: MessageKind,
    /// What it says: plain text, never HTML; escape it when you show it. Null once it is deleted.
    body: Option<String>,
    /// When it was sent. Messages are ordered by their cursors, not by this.
    created_at: DateTime,
    /// When its text last changed; null if it never did.
    edited_at: Option<DateTime>,
    /// When it was deleted; null if it was not.
    deleted_at: Option<DateTime>,
    /// Counts its edits and its deletion, from 1: of two states of a message the one with the higher version holds.
    version: i32,
    /// The `clientMutationId` it was sent with: the sender knows its own message again by it.
    client_mutation_id: Option<String>,
    #[graphql(skip)]
    row: message::Message,
}

impl From<message::Message> for Message {
    fn from(row: message::Message) -> Self {
        Self {
            id: GlobalId::Message(row.household_id, row.id).to_id(),
            kind: row.kind.into(),
            body: row.body.clone(),
            created_at: DateTime(row.created_at),
            edited_at: row.edited_at.map(DateTime),
            deleted_at: row.deleted_at.map(DateTime),
            version: row.version,
            client_mutation_id: row.client_mutation_id.clone(),
            row,
        }
    }
}

impl Row for Message {
    async fn load(rows: &[&Self], fields: &SelectionSet, scope: &Scope, ahead: &mut Ahead) -> Result<()> {
        ahead.members(&PEOPLE, fields, scope, rows.iter().map(|message| &message.row)).await
    }

    fn write(&self, field: &Field, ahead: &Ahead, json: &mut Vec<u8>) -> Option<()> {
        match field.name.node.as_str() {
            "id" => self.id.write(json),
            "kind" => label(self.kind, json),
            "body" => self.body.write(json),
            "createdAt" => self.created_at.write(json),
            "editedAt" => self.edited_at.write(json),
            "deletedAt" => self.deleted_at.write(json),
            "version" => self.version.write(json),
            "clientMutationId" => self.client_mutation_id.write(json),
            _ => ahead.member(&PEOPLE, &self.row, field, json),
        }
    }
}

/// The fields that name members.
const PEOPLE: [Naming<message::Message>; 1] = [("author", |row| Some(row.author_id))];

#[ComplexObject]
impl Message {
    /// Its place in the household's log: the cursor of the event that sent it.
    async fn cursor(&self, ctx: &Context<'_>) -> Result<Cursor> {
        Ok(self.place(ctx.scope()?.epoch(self.row.household_id).await?))
    }

    /// The conversation it was sent in.
    async fn conversation(&self, ctx: &Context<'_>) -> Result<Conversation> {
        let found = ctx.scope()?.loaders().conversations.load(self.row.conversation_id).await?;
        found.map(Conversation::from).ok_or_else(Error::not_found)
    }

    /// Who sent it, a former member perhaps; of a SYSTEM message, who caused it.
    async fn author(&self, ctx: &Context<'_>) -> Result<Member> {
        member::known(ctx, self.row.author_id).await
    }

    /// Who deleted it; null if it was not deleted.
    async fn deleted_by(&self, ctx: &Context<'_>) -> Nullable<Member> {
        nullable_option(async {
            match self.row.deleted_by {
                Some(id) => member::known(ctx, id).await.map(Some),
                None => Ok(None),
            }
        })
        .await
    }

    /// The message it answers, as that is now; null if it answers none, or one from before your time.
    async fn reply_to(&self, ctx: &Context<'_>) -> Nullable<Message> {
        nullable_option(async {
            let Some(parent) = self.row.reply_to_id else { return Ok(None) };
            let scope = ctx.scope()?;
            let parent = scope.loaders().messages.load((self.row.conversation_id, parent)).await?;
            match parent {
                Some(parent) if scope.sees(parent.household_id, parent.seq).await? => Ok(Some(parent.into())),
                _ => Ok(None),
            }
        })
        .await
    }

    /// The members it mentions, resolved when it was written: `@name`, or `@all` by those who may.
    async fn mentions(&self, ctx: &Context<'_>) -> Result<Vec<Member>> {
        let loaders = ctx.scope()?.loaders();
        let mentioned = loaders.mentions.load(self.row.id).await?.unwrap_or_default();
        Ok(loaders.members.load_many(mentioned).await?.into_iter().map(Member::from).collect())
    }

    /// The reactions, one entry an emoji, at most 20, in the order in which the emoji first came.
    async fn reactions(&self, ctx: &Context<'_>) -> Result<Vec<Reaction>> {
        let rows = ctx.scope()?.loaders().reactions.load(self.row.id).await?.unwrap_or_default();
        Ok(Reaction::grouped(self.row.household_id, rows))
    }

    /// What it said before its edits, oldest first; empty once it is deleted.
    async fn history(&self, ctx: &Context<'_>) -> Result<Vec<MessageRevision>> {
        let revisions = ctx.scope()?.loaders().revisions.load(self.row.id).await?.unwrap_or_default();
        Ok(revisions.into_iter().map(MessageRevision::from).collect())
    }

    /// The current members who have read it, without its author. Who turned receipts off is not listed and sees
    /// none.
    async fn read_by(&self, ctx: &Context<'_>) -> Result<Vec<Member>> {
        let scope = ctx.scope()?;
        scope.member(self.row.household_id).await?;
        let loaders = scope.loaders();
        let key = (self.row.household_id, self.row.conversation_id);
        let receipts = loaders.receipts.load(key).await?.unwrap_or_default();
        let readers = receipts.iter().filter(|(_, read_seq)| *read_seq >= self.row.seq);
        let readers = readers.map(|(reader, _)| *reader).filter(|reader| *reader != self.row.author_id);
        Ok(loaders.members.load_many(readers).await?.into_iter().map(Member::from).collect())
    }
}

impl Message {
    pub(crate) fn place(&self, epoch: i32) -> Cursor {
        Cursor::Log(Position { epoch, seq: self.row.seq })
    }
}

/// One emoji on a message, and who put it there.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Reaction {
    /// The emoji, in its fully qualified spelling.
    emoji: String,
    /// How many members reacted with it.
    count: usize,
    #[graphql(skip)]
    household: HouseholdId,
    #[graphql(skip)]
    members: Vec<MemberId>,
}

impl Reaction {
    fn grouped(household: HouseholdId, rows: Vec<ReactionRow>) -> Vec<Self> {
        let mut reactions: Vec<Self> = Vec::new();
        for row in rows {
            match reactions.iter_mut().find(|reaction| reaction.emoji == row.emoji) {
                Some(reaction) => {
                    reaction.count += 1;
                    reaction.members.push(row.member_id);
                }
                None => reactions.push(Self {
                    emoji: row.emoji,
                    count: 1,
                    household,
                    members: vec![row.member_id],
                }),
            }
        }
        reactions
    }
}

#[ComplexObject]
impl Reaction {
    /// Whether you are one of them.
    async fn viewer_reacted(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.members.contains(&ctx.scope()?.member(self.household).await?.id()))
    }

    /// Who reacted with it, in the order in which they did.
    async fn members(&self, ctx: &Context<'_>) -> Result<Vec<Member>> {
        let members = ctx.scope()?.loaders().members.load_many(self.members.iter().copied()).await?;
        Ok(members.into_iter().map(Member::from).collect())
    }
}

/// What a message said before an edit.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct MessageRevision {
    /// The version of the message that said this.
    version: i32,
    /// What it said.
    body: String,
    /// When it was replaced.
    replaced_at: DateTime,
}

impl From<Revision> for MessageRevision {
    fn from(revision: Revision) -> Self {
        Self { version: revision.version, body: revision.body, replaced_at: DateTime(revision.replaced_at) }
    }
}

/// The message with this id, if the viewer may see it.
pub(crate) async fn find(ctx: &Context<'_>, household: HouseholdId, id: MessageId) -> Result<Message> {
    let scope = ctx.scope()?;
    let member = scope.member(household).await?;
    Ok(message::find(&mut *scope.connection().await?, &member, id).await?.into())
}

#[derive(Default)]
pub(crate) struct MessageQuery;

#[Object]
impl MessageQuery {
    /// A message of a conversation you take part in. `NOT_FOUND` otherwise.
    async fn message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The message's global id.")] id: ID,
    ) -> Nullable<Message> {
        nullable(async {
            let (household, id) = GlobalId::message(&id)?;
            find(ctx, household, id).await
        })
        .await
    }
}
