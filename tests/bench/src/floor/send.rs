//! One message, in a transaction of the statements that `sendMessage` takes: the lock of the household's log, the right to
//! write, the message, what its author has read, the event, and the log's new head. Then it is published.

use super::{Place, chat};
use anyhow::Context as _;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Pool, TxOpts};
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// What is sent.
#[derive(Deserialize)]
pub(super) struct Said {
    body: String,
    /// How many bytes the frame has that everybody is sent; nobody is sent any if 0.
    #[serde(default)]
    frame_bytes: usize,
}

/// A membership: its id, role, first place in the log, what it sees of the past, since when the household is archived.
type Member = (Vec<u8>, String, i64, String, Option<i64>);

#[derive(Serialize)]
struct Sent {
    data: Receipt,
}

#[derive(Serialize)]
struct Receipt {
    id: Uuid,
    seq: i64,
}

pub(super) async fn send(
    pool: &Pool,
    mut redis: MultiplexedConnection,
    place: Place,
    said: Said,
) -> anyhow::Result<Vec<u8>> {
    let (household, user) = (place.household.as_bytes(), place.user.as_bytes());
    let conversation = place.conversation.context("a message has its conversation")?;
    let (id, now) =
        (Uuid::now_v7(), i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?);
    let mut conn = pool.get_conn().await?;
    let mut transaction = conn.start_transaction(TxOpts::default()).await?;
    let head: Option<(i32, i64)> = transaction
        .exec_first(
            "SELECT epoch, head FROM household_streams WHERE household_id = ? FOR UPDATE",
            (household,),
        )
        .await?;
    let (_, head) = head.context("the household has a log")?;
    let member: Option<Member> = transaction
        .exec_first(
            "SELECT m.id, m.role, m.joined_seq, h.history_visibility, h.archived_at FROM members m \
             JOIN households h ON h.id = m.household_id JOIN household_streams s ON s.household_id = h.id \
             WHERE m.household_id = ? AND m.user_id = ? AND m.status = 'ACTIVE'",
            (household, user),
        )
        .await?;
    let (member, ..) = member.context("they are no member")?;
    let found: Option<(String, Option<Vec<u8>>)> = transaction
        .exec_first(
            "SELECT kind, direct_key FROM conversations WHERE id = ? AND household_id = ?",
            (conversation.as_bytes(), household),
        )
        .await?;
    found.context("there is no such conversation")?;
    let seq = head + 1;
    transaction
        .exec_drop(
            "INSERT INTO messages (id, household_id, conversation_id, seq, author_id, kind, body, created_at, version) \
             VALUES (?, ?, ?, ?, ?, 'USER', ?, ?, 1)",
            (id.as_bytes(), household, conversation.as_bytes(), seq, &member, &said.body, now),
        )
        .await?;
    transaction
        .exec_drop(
            "UPDATE conversation_states SET read_seq = ? WHERE member_id = ? AND conversation_id = ?",
            (seq, &member, conversation.as_bytes()),
        )
        .await?;
    transaction
        .exec_drop(
            "INSERT INTO household_events (household_id, seq, kind, actor_id, subject_id, subject_version, fields, \
             occurred_at) VALUES (?, ?, 'MESSAGE_SENT', ?, ?, 1, '', ?)",
            (household, seq, &member, id.as_bytes(), now),
        )
        .await?;
    transaction
        .exec_drop("UPDATE household_streams SET head = ? WHERE household_id = ?", (seq, household))
        .await?;
    transaction.commit().await?;
    let frame = if said.frame_bytes == 0 { String::new() } else { chat::frame(&said.body, said.frame_bytes) };
    redis::cmd("PUBLISH").arg(chat::CHANNEL).arg(frame).query_async::<()>(&mut redis).await?;
    Ok(serde_json::to_vec(&Sent { data: Receipt { id, seq } })?)
}
