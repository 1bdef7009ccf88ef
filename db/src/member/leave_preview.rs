//! What would happen if somebody left or were removed now, before it does.

use super::{Profile, role::has_owner};
use crate::access::{Member, MemberStatus, Permission, Role};
use crate::grocery::State;
use crate::tables::{grocery_items, grocery_lists, invitations, members, occurrences, tasks, users};
use crate::task::{Occurrence, Status, Task};
use crate::{Connection, Error, MemberId, Result, Time};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// So many occurrences and so many chores are listed.
pub const LISTED: i64 = 100;

/// What would happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// What they are to do and others would get, or nobody: the earliest due first, at most [`LISTED`].
    pub occurrences: Vec<Occurrence>,
    /// How many these are.
    pub open_count: i64,
    /// The chores whose rosters they would leave, the oldest first, at most [`LISTED`].
    pub tasks: Vec<Task>,
    /// How many these are.
    pub task_count: i64,
    /// How many shopping lists in use they are to take along: nobody would be.
    pub grocery_list_count: i64,
    /// How many things on lists they are to buy: nobody would be.
    pub grocery_item_count: i64,
    /// How many open invitations of theirs would be void.
    pub invitation_count: i64,
    /// Whether they are the last owner and not alone: they have to name another one to leave.
    pub must_transfer_ownership: bool,
    /// Whether nobody would be left, and the household be archived.
    pub archives_household: bool,
}

/// What would happen if this current member left. For others than oneself it takes the right to manage members.
pub async fn preview(conn: &mut Connection, viewer: &Member, member: MemberId) -> Result<Preview> {
    if member != viewer.id() {
        viewer.require(Permission::ManageMembers)?;
    }
    let query = members::table
        .inner_join(users::table)
        .filter(members::household_id.eq(viewer.household_id()))
        .filter(members::status.eq(MemberStatus::Active));
    let all: Vec<Profile> = run!(conn, |c| query.select(Profile::as_select()).load(c).await)?;
    let leaving = all.iter().find(|profile| profile.id == member).ok_or(Error::NotFound)?;
    let others = all.iter().filter(|profile| profile.id != member);
    let others: Vec<_> = others.map(|profile| (profile.id, profile.role)).collect();
    let mut tasks = rosters_with(conn, viewer, member).await?;
    let task_count = i64::try_from(tasks.len()).unwrap_or(i64::MAX);
    tasks.truncate(usize::try_from(LISTED).unwrap_or(0));
    Ok(Preview {
        occurrences: open(conn, viewer, member).await?,
        open_count: open_count(conn, viewer, member).await?,
        tasks,
        task_count,
        grocery_list_count: grocery_list_count(conn, viewer, member).await?,
        grocery_item_count: grocery_item_count(conn, viewer, member).await?,
        invitation_count: invitation_count(conn, viewer, member).await?,
        must_transfer_ownership: leaving.role == Role::Owner && !others.is_empty() && !has_owner(&others),
        archives_household: others.is_empty(),
    })
}

async fn open(conn: &mut Connection, viewer: &Member, member: MemberId) -> Result<Vec<Occurrence>> {
    let query = occurrences::table
        .filter(occurrences::household_id.eq(viewer.household_id()))
        .filter(occurrences::assignee_id.eq(member))
        .filter(occurrences::status.eq(Status::Open))
        .order((occurrences::due_at, occurrences::id))
        .limit(LISTED);
    run!(conn, |c| query.select(Occurrence::as_select()).load(c).await)
}

async fn open_count(conn: &mut Connection, viewer: &Member, member: MemberId) -> Result<i64> {
    let query = occurrences::table
        .filter(occurrences::household_id.eq(viewer.household_id()))
        .filter(occurrences::assignee_id.eq(member))
        .filter(occurrences::status.eq(Status::Open))
        .count();
    run!(conn, |c| query.get_result(c).await)
}

/// The chores in use whose rosters the member is on.
async fn rosters_with(conn: &mut Connection, viewer: &Member, member: MemberId) -> Result<Vec<Task>> {
    let query = tasks::table
        .filter(tasks::household_id.eq(viewer.household_id()))
        .filter(tasks::archived_at.is_null())
        // They are named there also where they only had a turn; those are left out below.
        .filter(tasks::rotation.like(format!("%{member}%")))
        .order(tasks::id);
    let named: Vec<Task> = run!(conn, |c| query.select(Task::as_select()).load(c).await)?;
    let mut with = Vec::new();
    for task in named {
        if task.roster()?.contains(&member) {
            with.push(task);
        }
    }
    Ok(with)
}

async fn grocery_list_count(conn: &mut Connection, viewer: &Member, member: MemberId) -> Result<i64> {
    let query = grocery_lists::table
        .filter(grocery_lists::household_id.eq(viewer.household_id()))
        .filter(grocery_lists::assignee_id.eq(member))
        .filter(grocery_lists::archived_at.is_null())
        .count();
    run!(conn, |c| query.get_result(c).await)
}

async fn grocery_item_count(conn: &mut Connection, viewer: &Member, member: MemberId) -> Result<i64> {
    let query = grocery_items::table
        .inner_join(grocery_lists::table)
        .filter(grocery_lists::household_id.eq(viewer.household_id()))
        .filter(grocery_lists::archived_at.is_null())
        .filter(grocery_items::assignee_id.eq(member))
        .filter(grocery_items::is_listed.eq(true))
        .filter(grocery_items::state.ne(State::Bought))
        .count();
    run!(conn, |c| query.get_result(c).await)
}

async fn invitation_count(conn: &mut Connection, viewer: &Member, member: MemberId) -> Result<i64> {
    let query = invitations::table
        .filter(invitations::household_id.eq(viewer.household_id()))
        .filter(invitations::created_by.eq(member))
        .filter(invitations::revoked_at.is_null())
        .filter(invitations::expires_at.gt(Time::now()))
        .filter(invitations::uses.lt(invitations::max_uses))
        .count();
    run!(conn, |c| query.get_result(c).await)
}
