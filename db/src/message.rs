//! Messages: sending, editing, deleting, reacting, and reading them in order.

use crate::labels::labels;
use crate::tables::messages;
use crate::{Connection, ConversationId, HouseholdId, MemberId, MessageId, Result, SubjectId, Time};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

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
#[diesel(table_name = messages)]
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
