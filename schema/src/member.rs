//! Members: who lives in a household, and how present they are.

mod absence;
mod mutation;

pub(crate) use absence::AbsenceMutation;
pub(crate) use mutation::MemberMutation;

use crate::account::User;
use crate::error::{Error, Nullable, Result, nullable_option};
use crate::id::GlobalId;
use crate::presence::Presence;
use crate::row::{Ahead, Plain as _, Row, label};
use crate::scalar::{Cursor, DateTime};
use crate::scope::ScopeExt as _;
use absence::Absence;
use async_graphql::parser::types::Field;
use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use roomm8_db::member::{self, Profile};
use roomm8_db::{HouseholdId, MemberId, access};

/// What a member is in their household. Each higher role may do everything a lower one may; the field
/// `viewerPermissions` lists what that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "access::Role")]
pub(crate) enum Role {
    /// May do everything; a household always has at least one.
    Owner,
    /// Runs the household, but not its owners.
    Admin,
    /// Lives there.
    Member,
    /// Visits: reads and chats.
    Guest,
}

/// Whether somebody still belongs to the household.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "access::MemberStatus")]
pub(crate) enum MemberStatus {
    /// Lives there.
    Active,
    /// Left by themselves.
    Left,
    /// Was removed.
    Removed,
}

/// A person's place in one household. It is kept when they leave, so that what they said keeps an author, and is the
/// same again when they come back.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Member {
    /// Its global id. The same person has another one in each household.
    pub(crate) id: ID,
    /// What they are called now: 1 to 100 characters of plain text, not unique.
    display_name: String,
    /// What they are there; of former members, what they were.
    role: Role,
    /// Whether they still belong to the household.
    status: MemberStatus,
    /// When they joined; the last time, if they came back.
    joined_at: DateTime,
    /// When they left or were removed; null of current members.
    ended_at: Option<DateTime>,
    /// Counts the changes of their membership, from 1: pass it as `expectedVersion` when you change their role.
    version: i32,
    #[graphql(skip)]
    row: Profile,
}

impl From<Profile> for Member {
    fn from(row: Profile) -> Self {
        Self {
            id: GlobalId::Member(row.household_id, row.id).to_id(),
            display_name: row.display_name.clone(),
            role: row.role.into(),
            status: row.status.into(),
            joined_at: DateTime(row.joined_at),
            ended_at: row.ended_at.map(DateTime),
            version: row.version,
            row,
        }
    }
}

impl Row for Member {
    fn write(&self, field: &Field, _: &Ahead, json: &mut Vec<u8>) -> Option<()> {
        match field.name.node.as_str() {
            "id" => self.id.write(json),
            "displayName" => self.display_name.write(json),
            "role" => label(self.role, json),
            "status" => label(self.status, json),
            "joinedAt" => self.joined_at.write(json),
            "endedAt" => self.ended_at.write(json),
            "version" => self.version.write(json),
            _ => None,
        }
    }
}

#[ComplexObject]
impl Member {
    /// The person: the same in all their households.
    async fn user(&self, ctx: &Context<'_>) -> Result<User> {
        let found = ctx.scope()?.loaders().users.load(self.row.user_id).await?;
        found.map(User::from).ok_or_else(Error::not_found)
    }

    /// When they are away, from now on: at most 100 absences, of which no two have a day in common, the earliest first.
    async fn absences(&self, ctx: &Context<'_>) -> Result<Vec<Absence>> {
        let found = ctx.scope()?.loaders().absences.load(self.row.id).await?.unwrap_or_default();
        Ok(found.into_iter().map(Absence::from).collect())
    }

    /// How present they are, on their most present device. Null of former members, and for you of everybody while
    /// you appear offline.
    async fn presence(&self, ctx: &Context<'_>) -> Nullable<Presence> {
        nullable_option(async {
            Ok(match self.sight(ctx).await? {
                Sight::None => None,
                Sight::Hidden => Some(Presence::Offline),
                Sight::Clear => Some(self.presence_now(ctx)?),
            })
        })
        .await
    }

    /// When they last used RoomM8, to the hour. Null while they are present, when it is not known, and where
    /// `presence` is null or they appear offline.
    async fn last_seen_at(&self, ctx: &Context<'_>) -> Nullable<DateTime> {
        nullable_option(async {
            match self.sight(ctx).await? {
                Sight::Clear if self.presence_now(ctx)? == Presence::Offline => {
                    let last = ctx.scope()?.loaders().last_seen.load(self.row.user_id).await?;
                    Ok(last.map(DateTime))
                }
                _ => Ok(None),
            }
        })
        .await
    }
}

/// How much of somebody's presence the viewer sees.
enum Sight {
    /// Nothing.
    None,
    /// Only what they pretend: that they are offline.
    Hidden,
    /// How it is.
    Clear,
}

impl Member {
    /// Their place in the list of members.
    pub(crate) fn place(&self) -> Cursor {
        Cursor::Item(self.row.id.into())
    }

    async fn sight(&self, ctx: &Context<'_>) -> Result<Sight> {
        if !self.row.is_active() {
            return Ok(Sight::None);
        }
        let scope = ctx.scope()?;
        let loaders = scope.loaders();
        let users = &loaders.users;
        // Both at once, so that the viewer does not cost a query of their own.
        let viewer = users.load(scope.viewer()?.user_id);
        let (viewer, them) = futures_util::future::try_join(viewer, users.load(self.row.user_id)).await?;
        Ok(match (viewer, them) {
            (Some(viewer), _) if viewer.appears_offline => Sight::None,
            (Some(_), Some(them)) if them.appears_offline => Sight::Hidden,
            (Some(_), Some(_)) => Sight::Clear,
            _ => Sight::None,
        })
    }

    fn presence_now(&self, ctx: &Context<'_>) -> Result<Presence> {
        Ok(ctx.scope()?.hub().presence(self.row.household_id, self.row.id).into())
    }
}

/// A member, current or former, who is named by something the asker may see.
pub(crate) async fn known(ctx: &Context<'_>, id: MemberId) -> Result<Member> {
    let found = ctx.scope()?.loaders().members.load(id).await?;
    found.map(Member::from).ok_or_else(Error::not_found)
}

/// As [`known`], where there may be none.
pub(crate) async fn perhaps(ctx: &Context<'_>, id: Option<MemberId>) -> Nullable<Member> {
    nullable_option(async {
        match id {
            Some(id) => known(ctx, id).await.map(Some),
            None => Ok(None),
        }
    })
    .await
}

/// The member with this id, current or former, if the viewer is a member of the household.
pub(crate) async fn find(ctx: &Context<'_>, household: HouseholdId, id: MemberId) -> Result<Member> {
    let scope = ctx.scope()?;
    let viewer = scope.viewer()?.user_id;
    let found = member::seen_by(&mut *scope.connection().await?, viewer, &[id]).await?;
    let found = found.into_iter().find(|row| row.household_id == household);
    found.map(Member::from).ok_or_else(Error::not_found)
}
