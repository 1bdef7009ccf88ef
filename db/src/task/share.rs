//! Sharing what is open of a chore anew, when its roster or its strategy changed.

use super::Task;
use super::assign::{assign_again, cancel, open};
use super::occurrence::{Occurrence, Slot, Status, save_assignee};
use super::replan::{in_status, last_of, open_of};
use super::rotation::{Rotation, Strategy};
use crate::tables::occurrences;
use crate::{Change, MemberId, Result};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// Assigns what is open of the chore as it is shared now; where everybody has, or had, their own, that is opened anew. The
/// caller saves the rotation.
pub(super) async fn anew(
    change: &mut Change<'_>,
    before: &Task,
    task: &Task,
    rotation: &mut Rotation<MemberId>,
) -> Result<()> {
    let open = open_of(change, task).await?;
    if task.strategy == Strategy::Everyone && !rotation.order().is_empty() {
        spread(change, before, task, rotation, open).await
    } else if open.iter().any(|occurrence| occurrence.share().is_some()) {
        gather(change, task, rotation, &open).await
    } else {
        for occurrence in open {
            reassign(change, task, before.strategy, rotation, occurrence).await?;
        }
        Ok(())
    }
}

async fn reassign(
    change: &mut Change<'_>,
    task: &Task,
    strategy_before: Strategy,
    rotation: &mut Rotation<MemberId>,
    mut occurrence: Occurrence,
) -> Result<()> {
    let (assignee, holder) = (occurrence.assignee_id, occurrence.holder_id);
    let may_keep = |claimant| rotation.order().is_empty() || rotation.order().contains(&claimant);
    if task.strategy == Strategy::Anyone
        && strategy_before == Strategy::Anyone
        && assignee.is_some_and(may_keep)
    {
        // A claim is the claimant's word, and not the roster's.
        return Ok(());
    }
    assign_again(change, task, rotation, &mut occurrence).await?;
    if (occurrence.assignee_id, occurrence.holder_id) == (assignee, holder) {
        return Ok(());
    }
    save_assignee(change, task, &mut occurrence).await
}

/// Gives everybody of the roster a line of their own, and ends those of who is no longer of it.
async fn spread(
    change: &mut Change<'_>,
    before: &Task,
    task: &Task,
    rotation: &mut Rotation<MemberId>,
    open_now: Vec<Occurrence>,
) -> Result<()> {
    let roster = rotation.order().to_vec();
    let (common, own): (Vec<_>, Vec<_>) =
        open_now.into_iter().partition(|occurrence| occurrence.share().is_none());
    for occurrence in &common {
        cancel(change, occurrence).await?;
    }
    let first = first_free(change, task).await?;
    for (number, occurrence) in numbers(first, &common).zip(&common) {
        open(change, task, rotation, slot(occurrence), number, None).await?;
    }
    for occurrence in
        own.iter().filter(|occurrence| !occurrence.share().is_some_and(|own| roster.contains(&own)))
    {
        cancel(change, occurrence).await?;
    }
    // Who comes to it begins with what the others are at, be it that this waits for somebody to agree that it is done.
    let pending = in_status(change, task, Status::Pending).await?;
    let at_hand = own.iter().chain(&pending).filter(|occurrence| occurrence.share().is_some());
    let latest = at_hand.max_by_key(|occurrence| occurrence.number).filter(|_| common.is_empty());
    let Some(latest) = latest else {
        return Ok(());
    };
    let was_there = before.roster()?;
    for member in roster.iter().filter(|member| !was_there.contains(member)) {
        let last = last_of(change, task, Some(*member)).await?;
        let number = last.map_or(1, |last| last.number + 1).max(latest.number);
        open(change, task, rotation, slot(latest), number, Some(*member)).await?;
    }
    Ok(())
}

/// Makes one line of those that everybody had: it goes on where the farthest of them is, on the date the first is due.
async fn gather(
    change: &mut Change<'_>,
    task: &Task,
    rotation: &mut Rotation<MemberId>,
    open_now: &[Occurrence],
) -> Result<()> {
    for occurrence in open_now {
        cancel(change, occurrence).await?;
    }
    let farthest = open_now.iter().map(|occurrence| occurrence.number).max();
    let Some((first, farthest)) = open_now.iter().min_by_key(|occurrence| occurrence.due_at).zip(farthest)
    else {
        return Ok(());
    };
    let number = first_free(change, task).await?.max(farthest);
    open(change, task, rotation, slot(first), number, None).await?;
    Ok(())
}

/// The first number after all that were closed, in whosever line: with it, no line has a number twice.
async fn first_free(change: &mut Change<'_>, task: &Task) -> Result<i32> {
    let query = occurrences::table
        .filter(occurrences::task_id.eq(task.id))
        .filter(occurrences::status.ne(Status::Open))
        .select(max(occurrences::number));
    let last: Option<i32> = run!(change.conn(), |c| query.first(c).await)?;
    Ok(last.unwrap_or(0) + 1)
}

/// The numbers they have, or later ones if those are not free.
fn numbers(first_free: i32, open_now: &[Occurrence]) -> impl Iterator<Item = i32> {
    let shift = open_now.first().map_or(0, |first| (first_free - first.number).max(0));
    open_now.iter().map(move |occurrence| occurrence.number + shift)
}

/// When another in its place is due.
fn slot(occurrence: &Occurrence) -> Slot {
    Slot { on: occurrence.due_on, time: occurrence.due_time, at: occurrence.due_at }
}
