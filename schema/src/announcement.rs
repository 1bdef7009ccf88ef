//! Announcements: what everybody in a household is to know, and who knows.

mod mutation;

pub(crate) use mutation::AnnouncementMutation;

use crate::connection::{Connection, PageArguments};
use crate::error::{Error, Nullable, Result};
use crate::id::GlobalId;
use crate::member::{self, Member};
use crate::row::Row;
use crate::scalar::{Cursor, DateTime};
use crate::scope::ScopeExt as _;
use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use roomm8_db::announcement::{self, Which};
use roomm8_db::{AnnouncementId, HouseholdId, MemberId};

/// How much an announcement matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "announcement::Importance")]
pub(crate) enum AnnouncementImportance {
    /// Good to know.
    Normal,
    /// Nobody should miss it.
    Important,
    /// It cannot wait.
    Urgent,
}

/// What everybody in the household is to know, such as that the water is off on Tuesday.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Announcement {
    /// Its global id.
    pub(crate) id: ID,
    /// What it is about: one line of 1 to 200 characters of plain text. Null once it was taken back.
    title: Option<String>,
    /// What it says: up to 4,000 characters of plain text. Null if the title says it all, and once it was taken back.
    body: Option<String>,
    /// How much it matters: show it accordingly.
    importance: AnnouncementImportance,
    /// Whether it stands before all others.
    is_pinned: bool,
    /// Whether everybody is asked to say that they know, by `acknowledgeAnnouncement`.
    requires_ack: bool,
    /// When it is over; null if it never is.
    expires_at: Option<DateTime>,
    /// When it was made.
    created_at: DateTime,
    /// When its words last changed; null if they never did.
    edited_at: Option<DateTime>,
    /// When it was taken back: its words are gone since. Null while it stands.
    removed_at: Option<DateTime>,
    /// Counts its changes, from 1: pass it as `expectedVersion` when you change it.
    version: i32,
    #[graphql(skip)]
    row: announcement::Announcement,
}

// Its lists go the ordinary way.
impl Row for Announcement {}

impl From<announcement::Announcement> for Announcement {
    fn from(row: announcement::Announcement) -> Self {
        Self {
            id: GlobalId::Announcement(row.household_id, row.id).to_id(),
            title: row.title.clone(),
            body: row.body.clone(),
            importance: row.importance.into(),
            is_pinned: row.is_pinned,
            requires_ack: row.requires_ack,
            expires_at: row.expires_at.map(DateTime),
            created_at: DateTime(row.created_at),
            edited_at: row.edited_at.map(DateTime),
            removed_at: row.removed_at.map(DateTime),
            version: row.version,
            row,
        }
    }
}

/// That somebody knows of an announcement.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct AnnouncementAcknowledgement {
    /// When they said so.
    acknowledged_at: DateTime,
    #[graphql(skip)]
    member: MemberId,
}

#[ComplexObject]
impl AnnouncementAcknowledgement {
    /// Who knows.
    async fn member(&self, ctx: &Context<'_>) -> Result<Member> {
        member::known(ctx, self.member).await
    }
}

#[ComplexObject]
impl Announcement {
    /// Who made it.
    async fn author(&self, ctx: &Context<'_>) -> Result<Member> {
        member::known(ctx, self.row.author_id).await
    }

    /// Who has said that they know, the first one first; each member at most once.
    async fn acknowledgements(&self, ctx: &Context<'_>) -> Result<Vec<AnnouncementAcknowledgement>> {
        let found = acknowledgements(ctx, self.row.id).await?;
        let acknowledgement =
            |(member, at)| AnnouncementAcknowledgement { acknowledged_at: DateTime(at), member };
        Ok(found.into_iter().map(acknowledgement).collect())
    }

    /// When you said that you know; null if you did not, or were asked again since.
    async fn viewer_acknowledged_at(&self, ctx: &Context<'_>) -> Nullable<DateTime> {
        crate::error::nullable_option(async {
            let viewer = ctx.scope()?.member(self.row.household_id).await?.id();
            let found = acknowledgements(ctx, self.row.id).await?;
            Ok(found.into_iter().find(|(member, _)| *member == viewer).map(|(_, at)| DateTime(at)))
        })
        .await
    }
}

async fn acknowledgements(ctx: &Context<'_>, id: AnnouncementId) -> Result<Vec<(MemberId, roomm8_db::Time)>> {
    Ok(ctx.scope()?.loaders().acknowledgements.load(id).await?.unwrap_or_default())
}

impl Announcement {
    fn place(&self) -> Cursor {
        Cursor::Item(self.row.id.into())
    }
}

/// A page of a household's announcements.
pub(crate) async fn page(
    ctx: &Context<'_>,
    household: HouseholdId,
    includes_expired: bool,
    arguments: &PageArguments,
) -> Result<Connection<Announcement>> {
    let scope = ctx.scope()?;
    let reader = scope.reader(household).await?;
    let which = if includes_expired { Which::All } else { Which::Current(scope.now()) };
    let window = arguments.window()?;
    let rows = announcement::page(&mut *scope.connection().await?, &reader, which, window).await?;
    let announcements = rows.into_iter().map(Announcement::from).collect();
    Ok(Connection::new(arguments, announcements, Announcement::place))
}

/// A household's pinned announcements.
pub(crate) async fn pinned(ctx: &Context<'_>, household: HouseholdId) -> Result<Vec<Announcement>> {
    let scope = ctx.scope()?;
    let reader = scope.reader(household).await?;
    let now = scope.now();
    let rows = announcement::pinned(&mut *scope.connection().await?, &reader, now).await?;
    Ok(rows.into_iter().map(Announcement::from).collect())
}

/// An announcement that is named by something the asker may see.
pub(crate) async fn known(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: AnnouncementId,
) -> Result<Option<Announcement>> {
    Ok(ctx.scope()?.loaders().announcements.load((household, id)).await?.map(Announcement::from))
}

/// The announcement with this id, if the viewer is a member of its household.
pub(crate) async fn find(
    ctx: &Context<'_>,
    household: HouseholdId,
    id: AnnouncementId,
) -> Result<Announcement> {
    ctx.scope()?.member(household).await?;
    known(ctx, household, id).await?.ok_or_else(Error::not_found)
}
