//! Opening conversations.

use super::{Conversation, Kind};
use crate::access::{MemberStatus, Permission};
use crate::among::among;
use crate::tables::{conversation_participants, conversations, members};
use crate::{
    Change, Connection, ConversationId, Entry, Error, HouseholdId, MemberId, Operation, RefusalCode, Result,
    event,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The most members in a direct conversation, the one who opens it included.
pub const DIRECT_LIMIT: usize = 20;
/// The longest title, in characters.
pub const TITLE_LIMIT: usize = 100;

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
