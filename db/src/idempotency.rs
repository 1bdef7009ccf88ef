//! `clientMutationId`: an intent that was sent twice happens once.

use crate::tables::idempotency_keys;
use crate::{Connection, Error, Result, SubjectId, Time, UserId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// How long a `clientMutationId` is remembered.
const KEPT_FOR: Duration = Duration::from_hours(7 * 24);

/// A client's name for one intent, with a digest of what it asked for.
pub(crate) struct Key<'a> {
    user_id: UserId,
    operation: &'static str,
    client_mutation_id: &'a str,
    input_hash: [u8; 32],
}

/// What the intent did the first time.
pub(crate) struct Receipt {
    pub subject: SubjectId,
    pub seq: i64,
    /// What the subject cannot say itself.
    pub memo: Option<String>,
}

impl<'a> Key<'a> {
    pub(crate) fn new(
        user_id: UserId,
        operation: &'static str,
        client_mutation_id: &'a str,
        input: &impl Serialize,
    ) -> Result<Self> {
        let input = serde_json::to_vec(input).map_err(|error| Error::Internal(error.into()))?;
        Ok(Self { user_id, operation, client_mutation_id, input_hash: Sha256::digest(input).into() })
    }

    /// What it did the first time, if there was one. The same key with another input is an
    /// [`Error::IdempotencyConflict`].
    pub(crate) async fn receipt(&self, conn: &mut Connection) -> Result<Option<Receipt>> {
        let query = idempotency_keys::table
            .filter(idempotency_keys::user_id.eq(self.user_id))
            .filter(idempotency_keys::operation.eq(self.operation))
            .filter(idempotency_keys::client_mutation_id.eq(self.client_mutation_id))
            .select((
                idempotency_keys::input_hash,
                idempotency_keys::subject_id,
                idempotency_keys::seq,
                idempotency_keys::memo,
            ));
        let row: Option<(Vec<u8>, SubjectId, i64, Option<String>)> =
            run!(conn, |c| query.first(c).await.optional())?;
        match row {
            Some((hash, ..)) if hash != self.input_hash => Err(Error::IdempotencyConflict),
            Some((_, subject, seq, memo)) => Ok(Some(Receipt { subject, seq, memo })),
            None => Ok(None),
        }
    }

    /// What is remembered of an intent of this name, whatever it asked for.
    pub(crate) async fn memo(
        conn: &mut Connection,
        user_id: UserId,
        operation: &'static str,
        client_mutation_id: &str,
    ) -> Result<Option<String>> {
        let query = idempotency_keys::table
            .filter(idempotency_keys::user_id.eq(user_id))
            .filter(idempotency_keys::operation.eq(operation))
            .filter(idempotency_keys::client_mutation_id.eq(client_mutation_id))
            .select(idempotency_keys::memo);
        let memo: Option<Option<String>> = run!(conn, |c| query.first(c).await.optional())?;
        Ok(memo.flatten())
    }

    /// What is remembered of the intents about a subject whose names lie from one to before another.
    pub(crate) async fn memos(
        conn: &mut Connection,
        user_id: UserId,
        operation: &'static str,
        (first, end): (&str, &str),
        subject: SubjectId,
    ) -> Result<Vec<String>> {
        let query = idempotency_keys::table
            .filter(idempotency_keys::user_id.eq(user_id))
            .filter(idempotency_keys::operation.eq(operation))
            .filter(idempotency_keys::client_mutation_id.ge(first))
            .filter(idempotency_keys::client_mutation_id.lt(end))
            .filter(idempotency_keys::subject_id.eq(subject))
            .select(idempotency_keys::memo);
        let memos: Vec<Option<String>> = run!(conn, |c| query.load(c).await)?;
        Ok(memos.into_iter().flatten().collect())
    }

    pub(crate) async fn remember(&self, conn: &mut Connection, receipt: &Receipt, now: Time) -> Result<()> {
        let insert = diesel::insert_into(idempotency_keys::table).values((
            idempotency_keys::user_id.eq(self.user_id),
            idempotency_keys::operation.eq(self.operation),
            idempotency_keys::client_mutation_id.eq(self.client_mutation_id),
            idempotency_keys::input_hash.eq(self.input_hash.to_vec()),
            idempotency_keys::subject_id.eq(receipt.subject),
            idempotency_keys::seq.eq(receipt.seq),
            idempotency_keys::memo.eq(&receipt.memo),
            idempotency_keys::created_at.eq(now),
        ));
        match run!(conn, |c| insert.execute(c).await) {
            // Another request with this key committed in between: run again, and its receipt tells which it was.
            Err(Error::Duplicate) => Err(Error::Contended(diesel::result::Error::RollbackTransaction)),
            result => result.map(|_| ()),
        }
    }
}

/// Forgets keys older than [`KEPT_FOR`]; returns how many.
pub(crate) async fn forget_old(conn: &mut Connection, now: Time) -> Result<usize> {
    let delete =
        diesel::delete(idempotency_keys::table).filter(idempotency_keys::created_at.lt(now.before(KEPT_FOR)));
    run!(conn, |c| delete.execute(c).await)
}
