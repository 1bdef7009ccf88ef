//! Accounts.

use crate::error::{Error, Result};
use async_graphql::{Context, ID, Object, SimpleObject};
use roomm8_db::{SessionId, UserId};

/// A person.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct User {
    /// Its global id.
    pub id: ID,
}

/// A signed-in device.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Session {
    /// Its global id.
    pub id: ID,
}

pub(crate) async fn find_user(_: &Context<'_>, _: UserId) -> Result<User> {
    Err(Error::not_found())
}

pub(crate) async fn find_session(_: &Context<'_>, _: SessionId) -> Result<Session> {
    Err(Error::not_found())
}

#[derive(Default)]
pub(crate) struct AccountQuery;

#[Object]
impl AccountQuery {
    /// x
    async fn viewer(&self) -> bool {
        true
    }
}

#[derive(Default)]
pub(crate) struct AccountMutation;

#[Object]
impl AccountMutation {
    /// x
    async fn register(&self) -> bool {
        true
    }
}
