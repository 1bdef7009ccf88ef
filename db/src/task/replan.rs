//! Planning what is open of a chore anew, when its schedule or its pauses changed.

use super::Task;
use super::assign::{assign_again, cancel, open, put_off};
use super::occurrence::{NOBODYS, Occurrence, Slot, Status, record, save, save_assignee};
use super::plan::Plan;
use super::recurrence::{self, local_date};
use super::rotation::{DateRanges, Rotation, Strategy};
use crate::among::among;
use crate::member::absence;
use crate::prepared::Prepare as _;
use crate::tables::occurrences;
use crate::{Change, Date, MemberId, Result, Time, event};
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// Why open occurrences are planned anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The dates are others: all of them are, and none comes before today.
    Schedule,
    /// The time of the day or the zone is another: none is, but when it is due on its date.
    Clock,
    /// What is done about missed ones is another: none is, but when that acts on them.
    MissedPolicy,
    /// The chore is paused: those that are due in a pause are, and none comes earlier by that.
    Pause,
    /// A pause ended early, on this date: those that were planned for later are, and come no earlier than today.
    Resumption(NaiveDate),
}

impl Cause {
    /// From which date on the occurrence is planned anew; none if it is not.
    fn floor(self, task: &Task, occurrence: &Occurrence, today: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Schedule => Some(today),
            Self::Clock | Self::MissedPolicy => None,
            Self::Pause => occurrence.due_on.map(Date::naive).filter(|due| task.paused.cover(*due)),
            Self::Resumption(back) => {
                // What was put off by hand stays where it was put.
                let planned = occurrence.planned_on.filter(|planned| Some(*planned) == occurrence.due_on);
                planned.map(Date::naive).filter(|due| *due >= back).map(|due| due.min(today))
            }
        }
    }
}

/// The open occurrences of a chore, those of each line in their order.
pub(super) async fn open_of(change: &mut Change<'_>, task: &Task) -> Result<Vec<Occurrence>> {
    in_status(change, task, Status::Open).await
}

/// Those of the chore that are in this status, in their order.
pub(super) async fn in_status(
    change: &mut Change<'_>,
    task: &Task,
    status: Status,
) -> Result<Vec<Occurrence>> {
    let query = occurrences::table
        .filter(occurrences::task_id.eq(task.id))
        .filter(occurrences::status.eq(status))
        .order((occurrences::number, occurrences::share));
    run!(change.conn(), |c| query.select(Occurrence::as_select()).load(c).await)
}

/// Plans what is open of the chore anew. What then has no date any more is cancelled; what comes to be due while they are
/// away to whom it was given is another's, or waits if it is their own. The caller saves the rotation.
pub(super) async fn plan_anew(
    change: &mut Change<'_>,
    task: &Task,
    rotation: &mut Rotation<MemberId>,
    cause: Cause,
) -> Result<()> {
    let plan = task.plan()?;
    let today = local_date(change.now(), task.zone()?);
    let open = open_of(change, task).await?;
    let assignees: Vec<_> = open.iter().filter_map(|occurrence| occurrence.assignee_id).collect();
    let away = absence::away(change, &assignees, today).await?;
    let mut undated: Vec<MemberId> = Vec::new();
    for mut occurrence in open {
        let Some(floor) = cause.floor(task, &occurrence, today) else {
            if let (Cause::Clock, Some(plan), Some(on)) = (cause, &plan, occurrence.due_on) {
                set_clock(change, task, &mut occurrence, plan.on(on.naive())).await?;
                continue;
            }
            let acts_at = match cause {
                Cause::MissedPolicy => task.acts_at(occurrence.planned_on, occurrence.due_on)?,
                _ => task.acts_again_at(&occurrence)?,
            };
            act_at(change, &occurrence, acts_at).await?;
            continue;
        };
        let away = occurrence.assignee_id.and_then(|assignee| away.get(&assignee));
        let slot = match &plan {
            Some(plan) => {
                let planned = planned(change, plan, &occurrence).await?;
                let planned = match planned {
                    Some(planned) if planned.date < floor => plan.not_before(floor),
                    planned => planned,
                };
                planned.map(|planned| Slot::of(task, Some(planned)))
            }
            // Once it has no date, nothing piles up any more.
            None if undated.contains(&occurrence.share) => None,
            None => {
                undated.push(occurrence.share);
                Some(Slot::of(task, None))
            }
        };
        match slot {
            Some(slot) => {
                put(change, task, &mut occurrence, slot, away).await?;
                let due = occurrence.due_on.map(|due| due.naive().max(today));
                if due.zip(away).is_some_and(|(due, away)| away.cover(due)) {
                    assign_again(change, task, rotation, &mut occurrence).await?;
                    save_assignee(change, task, &mut occurrence).await?;
                }
            }
            None => cancel(change, &occurrence).await?,
        }
    }
    Ok(())
}

/// When the occurrence would be due if it had not been planned yet.
async fn planned(
    change: &mut Change<'_>,
    plan: &Plan<'_>,
    occurrence: &Occurrence,
) -> Result<Option<recurrence::Occurrence>> {
    if occurrence.number == 1 {
        return Ok(plan.first());
    }
    let query = occurrences::table
        .filter(occurrences::task_id.eq(occurrence.task_id))
        .filter(occurrences::number.eq(occurrence.number - 1))
        // Of one's own line it is the one's own, unless the line began with one that was nobody's.
        .filter(among(occurrences::share, &[occurrence.share, NOBODYS]))
        .order(occurrences::share.desc());
    let before: Option<Occurrence> =
        run!(change.conn(), |c| query.select(Occurrence::as_select()).first(c).await.optional())?;
    let now = change.now();
    Ok(match before {
        Some(before) => plan.successor(&before, now),
        None => plan.not_before(local_date(now, plan.zone())),
    })
}

/// Makes it due at the chore's time of that date, which is the one it has.
async fn set_clock(
    change: &mut Change<'_>,
    task: &Task,
    occurrence: &mut Occurrence,
    due: recurrence::Occurrence,
) -> Result<()> {
    let before = (occurrence.due_time, occurrence.due_at);
    (occurrence.due_time, occurrence.due_at) = (task.due_time, due.due);
    let acts_at = task.acts_again_at(occurrence)?;
    if (occurrence.due_time, occurrence.due_at) == before {
        return act_at(change, occurrence, acts_at).await;
    }
    occurrence.acts_at = acts_at;
    save(change, task, occurrence, Status::Open).await?;
    record(change, event::Kind::OccurrenceRescheduled, occurrence, &["dueTime", "dueAt"]);
    Ok(())
}

/// Makes it due then, or after the absence of whose own it is, which is news if it was not.
async fn put(
    change: &mut Change<'_>,
    task: &Task,
    occurrence: &mut Occurrence,
    slot: Slot,
    away: Option<&DateRanges>,
) -> Result<()> {
    let before = occurrence.clone();
    let due = match away.filter(|_| occurrence.share().is_some()) {
        Some(away) => put_off(task, slot, away, change.now())?,
        None => slot,
    };
    occurrence.planned_on = slot.on;
    occurrence.due_on = due.on;
    occurrence.due_time = due.time;
    occurrence.due_at = due.at;
    let acts_at = task.acts_at(slot.on, due.on)?;
    if *occurrence == before {
        return act_at(change, occurrence, acts_at).await;
    }
    occurrence.acts_at = acts_at;
    save(change, task, occurrence, Status::Open).await?;
    record(change, event::Kind::OccurrenceRescheduled, occurrence, &["dueDate", "dueTime", "dueAt"]);
    Ok(())
}

/// Keeps when the policy for what is missed acts on it. Nobody sees that, so it is no new version.
pub(super) async fn act_at(
    change: &mut Change<'_>,
    occurrence: &Occurrence,
    acts_at: Option<Time>,
) -> Result<()> {
    if acts_at == occurrence.acts_at {
        return Ok(());
    }
    let update = diesel::update(occurrences::table)
        .filter(occurrences::id.eq(occurrence.id))
        .set(occurrences::acts_at.eq(acts_at))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    Ok(())
}

/// Opens what is due next of each line of the chore that has nothing open, as if its last one had been closed just now, but
/// nothing that would be overdue at once.
pub(super) async fn go_on(
    change: &mut Change<'_>,
    task: &Task,
    rotation: &mut Rotation<MemberId>,
) -> Result<()> {
    let now = change.now();
    let today = local_date(now, task.zone()?);
    let plan = task.plan()?;
    for share in lines(task, rotation) {
        let last = last_of(change, task, share).await?;
        // Approving one that is pending opens what follows it.
        if last.as_ref().is_some_and(|last| matches!(last.status, Status::Open | Status::Pending)) {
            continue;
        }
        let planned = match (&plan, &last) {
            (Some(plan), Some(last)) => plan
                .successor(last, now)
                .and_then(|next| if next.date < today { plan.not_before(today) } else { Some(next) }),
            (Some(plan), None) => plan.not_before(today),
            (None, _) => None,
        };
        // What has no date is due once.
        if planned.is_none() && (plan.is_some() || last.is_some()) {
            continue;
        }
        let number = last.map_or(1, |last| last.number + 1);
        open(change, task, rotation, Slot::of(task, planned), number, share).await?;
    }
    Ok(())
}

/// The number of what comes next of the chore, open or not. Where everybody has their own, it is that of who is farthest.
pub(super) async fn next_number(change: &mut Change<'_>, task: &Task) -> Result<i32> {
    let mut next = None;
    let mut seen: Vec<MemberId> = Vec::new();
    // In each line the first that is open comes next.
    for occurrence in open_of(change, task).await? {
        if !seen.contains(&occurrence.share) {
            seen.push(occurrence.share);
            next = next.max(Some(occurrence.number));
        }
    }
    match next {
        Some(next) => Ok(next),
        None => Ok(last_of(change, task, None).await?.map_or(1, |last| last.number + 1)),
    }
}

/// Whose own lines of occurrences it has; one that is nobody's where not everybody has their own.
fn lines(task: &Task, rotation: &Rotation<MemberId>) -> Vec<Option<MemberId>> {
    if task.strategy == Strategy::Everyone && !rotation.order().is_empty() {
        rotation.order().iter().copied().map(Some).collect()
    } else {
        vec![None]
    }
}

/// The last occurrence of a line, open or closed.
pub(super) async fn last_of(
    change: &mut Change<'_>,
    task: &Task,
    share: Option<MemberId>,
) -> Result<Option<Occurrence>> {
    let shares = share.map(|own| [own, NOBODYS]);
    let found = run!(change.conn(), |c| {
        let mut query = occurrences::table
            .select(Occurrence::as_select())
            .filter(occurrences::task_id.eq(task.id))
            .order((occurrences::number.desc(), occurrences::share.desc()))
            .into_boxed();
        if let Some(shares) = &shares {
            query = query.filter(among(occurrences::share, shares));
        }
        query.first(c).await.optional()
    })?;
    Ok(found)
}
