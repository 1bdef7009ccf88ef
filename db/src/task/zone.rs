//! Moving chores to where their household is now.

use super::occurrence::{Occurrence, Status};
use super::recurrence::due;
use super::{Task, record as record_task, reminder};
use crate::among::among;
use crate::prepared::Prepare as _;
use crate::tables::{occurrences, tasks};
use crate::{Change, OccurrenceId, Result, Time, WallTime, event};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::{BTreeMap, HashMap};

/// Gives the household's new time zone to the chores that have its own. Their dates and times stay what they say: open ones
/// are due when clocks there say so, and closed ones keep when they were due.
pub(crate) async fn follow(change: &mut Change<'_>, zone: &str) -> Result<()> {
    let theirs = tasks::household_id.eq(change.household_id()).and(tasks::has_household_zone.eq(true));
    let update = diesel::update(tasks::table.filter(theirs))
        .set((tasks::time_zone.eq(zone), tasks::version.eq(tasks::version + 1)))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    let query = tasks::table.filter(theirs).filter(tasks::archived_at.is_null()).order(tasks::id);
    let moved: Vec<Task> = run!(change.conn(), |c| query.select(Task::as_select()).load(c).await)?;
    for task in &moved {
        record_task(change, event::Kind::TaskUpdated, task, &["timeZone"]);
    }
    let moved: HashMap<_, _> = moved.into_iter().map(|task| (task.id, task)).collect();

    let query = occurrences::table
        .inner_join(tasks::table)
        .filter(occurrences::household_id.eq(change.household_id()))
        .filter(occurrences::status.eq(Status::Open))
        .filter(occurrences::due_on.is_not_null())
        .filter(tasks::has_household_zone.eq(true))
        .order(occurrences::id);
    let open: Vec<Occurrence> = run!(change.conn(), |c| query.select(Occurrence::as_select()).load(c).await)?;
    // All that is due, and acted on, at the same instants is moved at once.
    let mut groups: BTreeMap<(Time, Option<Time>), Vec<OccurrenceId>> = BTreeMap::new();
    for occurrence in &open {
        let (Some(task), Some(on)) = (moved.get(&occurrence.task_id), occurrence.due_on) else { continue };
        let due_at = due(on.naive(), occurrence.due_time.map(WallTime::naive), task.zone()?);
        let instants = (due_at, task.acts_again_at(occurrence)?);
        if instants == (occurrence.due_at, occurrence.acts_at) {
            continue;
        }
        groups.entry(instants).or_default().push(occurrence.id);
        change.record_for_all(
            event::Kind::OccurrenceRescheduled,
            occurrence.id,
            occurrence.version + 1,
            &["dueAt"],
        );
    }
    for ((due_at, acts_at), ids) in groups {
        for ids in ids.chunks(1000) {
            let update = diesel::update(occurrences::table.filter(among(occurrences::id, ids)))
                .set((
                    occurrences::due_at.eq(due_at),
                    occurrences::acts_at.eq(acts_at),
                    occurrences::version.eq(occurrences::version + 1),
                ))
                .prepared();
            run!(change.conn(), |c| update.execute(c).await)?;
        }
    }
    for task in moved.values().filter(|task| !task.reminders.is_silent()) {
        reminder::schedule_all(change, task).await?;
    }
    Ok(())
}
