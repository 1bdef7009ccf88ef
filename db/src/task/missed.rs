//! What becomes of occurrences that nobody closed in time: nobody asks for it but the clock. Every instance looks, and under
//! the household's lock one of them finds something to do; who closes such an occurrence at the same time comes before or
//! after, never between.

use super::assign::open;
use super::close::{close, sign};
use super::occurrence::{Occurrence, Slot, Status, has_successor, open_with_task, save};
use super::recurrence::local_date;
use super::replan::act_at;
use super::rotation::{Closing, Outcome};
use super::{MissedPolicy, Task, save_rotation};
use crate::change::DueWork;
use crate::tables::{households, occurrences, tasks};
use crate::{Change, Connection, Database, Date, HouseholdId, OccurrenceId, Result, Time};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// So many open occurrences pile up of one chore, or in one member's own line of it, by [`MissedPolicy::Accumulate`]. Beyond
/// that it is tried again on each later date of its rule.
pub const ACCUMULATED_LIMIT: i64 = 50;
/// So many occurrences are treated in one transaction.
const AT_ONCE: i64 = 50;

/// Acts on all that was missed in up to `limit` households. One that fails does not stop the others: the first error is
/// returned when all were tried.
pub async fn act_on_missed(db: &Database, limit: i64) -> Result<()> {
    let late = households_to_act_on(&mut *db.connection().await?, Time::now(), limit).await?;
    // It ends: each one treated is closed, is followed by another of at most so many, or is not to be treated again before
    // tomorrow. What was opened may be late as well.
    db.perform_due(late, &ActOnMissed).await
}

async fn households_to_act_on(conn: &mut Connection, now: Time, limit: i64) -> Result<Vec<HouseholdId>> {
    // What is archived is left alone, and must not be found again and again.
    let query = occurrences::table
        .inner_join(tasks::table)
        .inner_join(households::table.on(households::id.eq(occurrences::household_id)))
        .filter(occurrences::status.eq(Status::Open))
        .filter(occurrences::acts_at.le(now))
        .filter(tasks::archived_at.is_null())
        .filter(households::archived_at.is_null())
        .select(occurrences::household_id)
        .distinct()
        .limit(limit);
    run!(conn, |c| query.load(c).await)
}

/// Acts on what was missed in a household.
struct ActOnMissed;

impl DueWork for ActOnMissed {
    async fn apply(&self, change: &mut Change<'_>) -> Result<usize> {
        let ids = to_act_on(change).await?;
        for id in &ids {
            // Read one by one, as each may move the turn of the chore of the next.
            let (occurrence, task) = open_with_task(change, *id).await?;
            match task.missed_policy {
                // The policy was another when it was opened.
                MissedPolicy::StayOverdue => act_at(change, &occurrence, None).await?,
                MissedPolicy::RollToNext => roll(change, task, occurrence).await?,
                MissedPolicy::Accumulate => accumulate(change, task, occurrence).await?,
            }
        }
        Ok(ids.len())
    }
}

async fn to_act_on(change: &mut Change<'_>) -> Result<Vec<OccurrenceId>> {
    let query = occurrences::table
        .inner_join(tasks::table)
        .filter(occurrences::household_id.eq(change.household_id()))
        .filter(occurrences::status.eq(Status::Open))
        .filter(occurrences::acts_at.le(change.now()))
        .filter(tasks::archived_at.is_null())
        .order((occurrences::acts_at, occurrences::id))
        .limit(AT_ONCE)
        .select(occurrences::id);
    run!(change.conn(), |c| query.load(c).await)
}

/// Closes it as missed. It gives way to the rule's next that is not before today, however many were missed meanwhile.
async fn roll(change: &mut Change<'_>, task: Task, mut occurrence: Occurrence) -> Result<()> {
    occurrence.status = Status::Missed;
    sign(change, &mut occurrence);
    let now = change.now();
    close(change, task, occurrence, Status::Open, Outcome::Missed, now).await?;
    Ok(())
}

/// Leaves it open, but uses up its turn, and opens the next one beside it. If that is late too, it is treated next.
async fn accumulate(change: &mut Change<'_>, mut task: Task, mut occurrence: Occurrence) -> Result<()> {
    let planned = occurrence.planned_on.map(Date::naive);
    let next = task.plan()?.zip(planned).and_then(|(plan, date)| plan.after(date));
    let Some(next) = next else { return act_at(change, &occurrence, None).await };
    if has_successor(change, &occurrence).await? {
        return act_at(change, &occurrence, None).await;
    }
    if open_in_line(change, &occurrence).await? >= ACCUMULATED_LIMIT {
        let today = local_date(change.now(), task.zone()?);
        return act_at(change, &occurrence, task.acts_at(Some(today.into()), None)?).await;
    }
    let mut rotation = task.rotation()?;
    let closing =
        Closing { turn: occurrence.holder_id, assignee: occurrence.assignee_id, outcome: Outcome::Missed };
    rotation.close(task.sharing()?, closing);
    // Whoever does it later does it late: whose turn it was is over.
    occurrence.holder_id = None;
    occurrence.acts_at = None;
    save(change, &task, &mut occurrence, Status::Open).await?;
    let slot = Slot::of(&task, Some(next));
    open(change, &task, &mut rotation, slot, occurrence.number + 1, occurrence.share()).await?;
    save_rotation(change, &mut task, &rotation).await
}

async fn open_in_line(change: &mut Change<'_>, occurrence: &Occurrence) -> Result<i64> {
    let query = occurrences::table
        .filter(occurrences::task_id.eq(occurrence.task_id))
        .filter(occurrences::share.eq(occurrence.share))
        .filter(occurrences::status.eq(Status::Open))
        .count();
    run!(change.conn(), |c| query.get_result(c).await)
}
