//! Tokens sent by mail: each proves that whoever hands it back reads the mail of that address.

use crate::labels::labels;
use crate::prepared::Prepare as _;
use crate::tables::user_tokens;
use crate::{Connection, Error, RefusalCode, Result, Time, UserId, secret};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

labels! {
    /// What a token is good for.
    Purpose {
        /// Proving that an e-mail address is theirs.
        VerifyEmail = "VERIFY_EMAIL",
        /// Choosing a new password.
        ResetPassword = "RESET_PASSWORD",
    }
}

impl Purpose {
    fn prefix(self) -> &'static str {
        match self {
            Self::VerifyEmail => "rm8_v_",
            Self::ResetPassword => "rm8_r_",
        }
    }

    /// A new token for this purpose.
    pub(super) fn token(self) -> String {
        secret::token(self.prefix())
    }
}

/// Keeps the token's digest. Kept twice it is kept once: its transaction had committed without saying so.
pub(super) async fn keep(
    conn: &mut Connection,
    user: UserId,
    purpose: Purpose,
    token: &str,
    expires_at: Time,
) -> Result<()> {
    let insert = diesel::insert_into(user_tokens::table).values((
        user_tokens::token_hash.eq(secret::digest(token)),
        user_tokens::user_id.eq(user),
        user_tokens::purpose.eq(purpose),
        user_tokens::expires_at.eq(expires_at),
    ));
    match run!(conn, |c| insert.execute(c).await) {
        Err(Error::Duplicate) => Ok(()),
        result => result.map(|_| ()),
    }
}

/// Whose token this is; refused unless it is for this purpose and still good.
pub(super) async fn owner(conn: &mut Connection, purpose: Purpose, token: &str, now: Time) -> Result<UserId> {
    let query = user_tokens::table
        .filter(user_tokens::token_hash.eq(secret::digest(token)))
        .filter(user_tokens::purpose.eq(purpose))
        .filter(user_tokens::expires_at.gt(now))
        // Used at this very instant: by an earlier run of the same transaction that committed without saying so.
        .filter(user_tokens::used_at.is_null().or(user_tokens::used_at.eq(now)))
        .select(user_tokens::user_id);
    run!(conn, |c| query.first(c).await).map_err(|error| match error {
        Error::NotFound => invalid(),
        error => error,
    })
}

/// Uses the token up; refused if it was used by somebody else in between.
pub(super) async fn redeem(conn: &mut Connection, token: &str, now: Time) -> Result<()> {
    let update = diesel::update(user_tokens::table)
        .filter(user_tokens::token_hash.eq(secret::digest(token)))
        .filter(user_tokens::used_at.is_null().or(user_tokens::used_at.eq(now)))
        .set(user_tokens::used_at.eq(now))
        .prepared();
    match run!(conn, |c| update.execute(c).await)? {
        0 => Err(invalid()),
        _ => Ok(()),
    }
}

/// Voids their tokens for this purpose, but for `except`.
pub(super) async fn void(
    conn: &mut Connection,
    user: UserId,
    purpose: Purpose,
    except: Option<&str>,
    now: Time,
) -> Result<()> {
    let except = except.map(secret::digest).unwrap_or_default();
    let update = diesel::update(user_tokens::table)
        .filter(user_tokens::user_id.eq(user))
        .filter(user_tokens::purpose.eq(purpose))
        .filter(user_tokens::used_at.is_null())
        .filter(user_tokens::token_hash.ne(except))
        .set(user_tokens::used_at.eq(now))
        .prepared();
    run!(conn, |c| update.execute(c).await).map(|_| ())
}

fn invalid() -> Error {
    let message = "this link is wrong, used or too old: ask for a new one";
    Error::refused(RefusalCode::TokenInvalid, "token", message)
}

/// Forgets tokens that are no longer good; returns how many.
pub(super) async fn forget_expired(conn: &mut Connection, now: Time) -> Result<usize> {
    let delete = diesel::delete(user_tokens::table).filter(user_tokens::expires_at.lt(now));
    run!(conn, |c| delete.execute(c).await)
}
