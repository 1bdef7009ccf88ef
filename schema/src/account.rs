//! People: who you are, your sessions, and how you come by them.

mod digest;
mod endpoint;
mod inbox;
mod notification;
mod own;
mod sign_in;
#[cfg(test)]
mod tests;

pub(crate) use endpoint::{NotificationEndpoint, find_endpoint};
pub(crate) use inbox::{InboxSubscription, Notification, find_notification};

use crate::connection::{Connection, PageArguments};
use crate::error::{Nullable, Result, nullable, nullable_option};
use crate::household::{self, Household};
use crate::id::GlobalId;
use crate::payload::UserError;
use crate::row::Row;
use crate::scalar::{Cursor, DateTime};
use crate::scope::ScopeExt as _;
use async_graphql::{Context, ID, MergedObject, Object, SimpleObject};
use roomm8_db::account::{self, session};
use roomm8_db::household::Archived;
use roomm8_db::{Error as DbError, SessionId, UserId};

/// A person with an account, as people who share a household with them see them.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct User {
    /// Their global id.
    pub(crate) id: ID,
    /// What they are called: 1 to 100 characters of plain text. It is their own choice and not unique.
    display_name: String,
    /// When they registered.
    created_at: DateTime,
    /// Counts the changes of their profile, from 1: pass it as `expectedVersion` to change yours.
    version: i32,
}

impl From<&account::User> for User {
    fn from(row: &account::User) -> Self {
        Self {
            id: GlobalId::User(row.id).to_id(),
            display_name: row.display_name.clone(),
            created_at: DateTime(row.created_at),
            version: row.version,
        }
    }
}

impl From<account::User> for User {
    fn from(row: account::User) -> Self {
        (&row).into()
    }
}

/// A device you are signed in on.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Session {
    /// Its global id: pass it to `revokeSession` to end it.
    pub(crate) id: ID,
    /// What the device called itself when it signed in.
    device: String,
    /// When it signed in.
    created_at: DateTime,
    /// When it was last used, to the minute.
    last_used_at: DateTime,
    /// When it ends if it is not used again: 30 days after its last use, at most 180 days after it signed in.
    expires_at: DateTime,
    /// The part of the network it signed in from, for example `203.0.113.0/24`.
    ip_prefix: String,
    /// Whether it is the session you are asking with. In the answer to `login` and `changePassword` that is the new
    /// one.
    is_current: bool,
}

// Its lists go the ordinary way.
impl Row for Session {}

impl Session {
    fn new(row: session::Session, current: SessionId) -> Self {
        Self {
            id: GlobalId::Session(row.id).to_id(),
            is_current: row.id == current,
            device: row.device,
            created_at: DateTime(row.created_at),
            last_used_at: DateTime(row.last_used_at),
            expires_at: DateTime(row.expires_at),
            ip_prefix: row.ip_prefix,
        }
    }
}

pub(crate) struct Viewer {
    row: account::User,
    session: SessionId,
}

/// You, the person who is signed in: what only you see of yourself.
#[Object]
impl Viewer {
    /// You as others see you.
    async fn user(&self) -> User {
        (&self.row).into()
    }

    /// The address you sign in with and get mail at; only you see it.
    async fn email(&self) -> &str {
        &self.row.email
    }

    /// Whether you proved that the address is yours, by `verifyEmail` or `resetPassword`. Warnings about new devices
    /// are only mailed to a proven address.
    async fn email_verified(&self) -> bool {
        self.row.email_verified_at.is_some()
    }

    /// The devices you are signed in on, at most 20, most recently used first.
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
        let rows = session::of_user(&mut *ctx.scope()?.connection().await?, self.row.id).await?;
        Ok(rows.into_iter().map(|row| Session::new(row, self.session)).collect())
    }

    /// The households you are a member of, the oldest first.
    async fn households(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = false, desc = "Whether archived households are among them.")]
        include_archived: bool,
    ) -> Result<Vec<Household>> {
        let archived = if include_archived { Archived::Included } else { Archived::LeftOut };
        household::of_viewer(ctx, archived).await
    }

    /// Whether others always see you as offline. While they do, you see nobody's presence.
    async fn appears_offline(&self) -> bool {
        self.row.appears_offline
    }

    /// Whether others see what you have read. While they do not, you do not see what others have.
    async fn sends_read_receipts(&self) -> bool {
        self.row.sends_read_receipts
    }

    /// The language you are mailed in, as a BCP 47 tag such as `de-AT`, as you said it; null if you have not said. Mails are
    /// in German (`de`) for every form of it, and else in English. `updateProfile` changes it.
    async fn locale(&self) -> Option<&str> {
        self.row.locale.tag.as_deref()
    }

    /// The IANA time zone in which mails tell you times, such as `Europe/Berlin`; null if you have not said: then it is that
    /// of the chore or household a mail is about, or UTC. They always name it. `updateProfile` changes it.
    async fn time_zone(&self) -> Option<&str> {
        self.row.locale.time_zone.as_deref()
    }

    /// When you are told, by mail, what is due tomorrow or in a week; null if you are not. `setTaskDigest` changes it.
    async fn task_digest(&self, ctx: &Context<'_>) -> Nullable<digest::TaskDigest> {
        nullable_option(digest::of_viewer(ctx, self.row.id)).await
    }

    /// What you are told, of what you can do without, by which way, and when not. `setNotificationPreferences` and
    /// `setQuietHours` change it.
    async fn notification_preferences(
        &self,
        ctx: &Context<'_>,
    ) -> Result<notification::NotificationPreferences> {
        notification::of_viewer(ctx, self.row.id).await
    }

    /// Where you are told besides mail and inbox, the oldest first: the browsers of your sessions, and up to 5 webhooks.
    async fn notification_endpoints(&self, ctx: &Context<'_>) -> Result<Vec<endpoint::NotificationEndpoint>> {
        endpoint::of_viewer(ctx).await
    }

    /// The public key that browsers are to subscribe with, in base64url: pass it to `pushManager.subscribe` as
    /// `applicationServerKey` (RFC 8292), and what that returns to `addWebPush`. Null if this server pushes nothing.
    async fn web_push_key(&self, ctx: &Context<'_>) -> Nullable<String> {
        nullable_option(async { Ok(ctx.scope()?.push().key.as_deref().map(str::to_owned)) }).await
    }

    /// What you are told, of all your households and your account, the newest first; the first 50 unless said otherwise.
    /// It is kept for 90 days. The subscription `notifications` tells what comes.
    async fn notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = false, desc = "Only what you have not read.")] unread_only: bool,
        #[graphql(desc = "At most so many from the start, or after `after`; 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor: older ones.")] after: Option<Cursor>,
        #[graphql(desc = "At most so many from the end, or before `before`; 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor: newer ones.")] before: Option<Cursor>,
    ) -> Result<Connection<Notification>> {
        let arguments = PageArguments::new(first, after, last, before, 50)?;
        inbox::page(ctx, self.row.id, unread_only, &arguments).await
    }

    /// How much of what you are told you have not read.
    async fn notification_counts(&self, ctx: &Context<'_>) -> Result<inbox::NotificationCounts> {
        inbox::counts(ctx).await
    }
}

/// You, or somebody who is or was a member of a household you are a member of.
pub(crate) async fn find_user(ctx: &Context<'_>, id: UserId) -> Result<User> {
    let scope = ctx.scope()?;
    let viewer = scope.viewer()?.user_id;
    Ok(account::seen_by(&mut *scope.connection().await?, viewer, id).await?.into())
}

/// One of your own sessions.
pub(crate) async fn find_session(ctx: &Context<'_>, id: SessionId) -> Result<Session> {
    let scope = ctx.scope()?;
    let viewer = scope.viewer()?;
    let row = session::find(&mut *scope.connection().await?, viewer.user_id, id).await?;
    Ok(Session::new(row, viewer.session_id))
}

async fn current_viewer(ctx: &Context<'_>) -> Result<Viewer> {
    let scope = ctx.scope()?;
    let viewer = scope.viewer()?;
    let row = account::find(&mut *scope.connection().await?, viewer.user_id).await?;
    Ok(Viewer { row, session: viewer.session_id })
}

#[derive(Default)]
pub(crate) struct AccountQuery;

#[Object]
impl AccountQuery {
    /// You. `UNAUTHENTICATED` if you are not signed in.
    async fn viewer(&self, ctx: &Context<'_>) -> Nullable<Viewer> {
        nullable(current_viewer(ctx)).await
    }
}

/// What can be done about accounts.
#[derive(MergedObject, Default)]
pub(crate) struct AccountMutation(
    sign_in::SignInMutation,
    own::OwnMutation,
    digest::DigestMutation,
    notification::NotificationMutation,
    inbox::InboxMutation,
    endpoint::EndpointMutation,
);

/// Parts what a person can mend, which goes into the payload, from what they cannot.
fn settled<T>(result: roomm8_db::Result<T>) -> Result<Result<T, UserError>> {
    match result {
        Ok(done) => Ok(Ok(done)),
        Err(DbError::Refused(refusal)) => Ok(Err(refusal.into())),
        Err(error) => Err(error.into()),
    }
}
