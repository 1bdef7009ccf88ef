//! Taking a closing back: the occurrence is open again, as it was, and what followed it is gone.

use super::assign::{assign_again, cancel};
use super::close::Before;
use super::occurrence::{Occurrence, Status, record, save, with_task};
use super::rotation::Rotation;
use super::{Task, doers, from_json, save_rotation};
use crate::access::{Member, Permission};
use crate::tables::occurrences;
use crate::{Change, Entry, Error, MemberId, OccurrenceId, Operation, RefusalCode, Result, Time, event};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use std::time::Duration;

/// For how long who closed an occurrence can take that back.
pub const UNDO_WINDOW: Duration = Duration::from_mins(15);
/// So many that follow are looked at: more than two of each of the longest roster.
const FOLLOWING: i64 = 201;

/// Takes back that an occurrence was closed: for [`UNDO_WINDOW`] by who closed it, or agreed that it was done, and any time
/// with the right to, as long as what followed it is still open. That it was done can be taken back as long as nobody has
/// agreed. One that is open stays so; one of who no longer shares a chore that everybody does for themselves cannot be open again.
#[derive(Debug, Serialize)]
pub struct Undo {
    /// Which.
    pub occurrence: OccurrenceId,
}

impl Operation for Undo {
    type Outcome = Occurrence;
    const NAME: &'static str = "undoOccurrence";
    const ENTRY: Entry = Entry::Member(Permission::DoTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Occurrence> {
        let (mut occurrence, mut task) = with_task(change, self.occurrence).await?;
        if occurrence.is_open() {
            return Ok(occurrence);
        }
        refuse_late(change.actor()?, &occurrence, change.now())?;
        if task.has_ended_line_of(&occurrence)? {
            let message = "is of somebody who no longer shares this chore: nobody could do it";
            return Err(Error::refused(RefusalCode::Gone, "occurrenceId", message));
        }
        let closed_as = occurrence.status;
        let mut rotation = task.rotation()?;
        // What waits to be agreed on has neither moved the turn nor opened anything.
        if closed_as != Status::Pending {
            let Some(before) = occurrence.pre_image.take() else { return Err(superseded()) };
            let before: Before = from_json(&before)?;
            if !before.was_left.unwrap_or(before.successors.is_empty()) {
                cancel_next(change, &occurrence).await?;
            }
            // With what follows still open, nobody's turn was used up since: if it does not fit, the chore is shared in
            // another way by now, and the turn is where that has it.
            if let Some(turn) = before.rotation {
                rotation.restore(turn).unwrap_or_default();
            }
            (occurrence.reviewed_by, occurrence.reviewed_at, occurrence.review_note) = (None, None, None);
        }
        if closed_as == Status::Missed {
            // Or it would be missed again at once.
            occurrence.acts_at = None;
        }
        reopen(change, &task, &mut rotation, &mut occurrence).await?;
        save(change, &task, &mut occurrence, closed_as).await?;
        record(change, event::Kind::OccurrenceReopened, &occurrence, &["status", "assignee"]);
        save_rotation(change, &mut task, &rotation).await?;
        Ok(occurrence)
    }
}

/// Makes it open as it was before it was closed; somebody else's to do, if who was to do it no longer can. The caller saves
/// it and the rotation.
pub(super) async fn reopen(
    change: &mut Change<'_>,
    task: &Task,
    rotation: &mut Rotation<MemberId>,
    occurrence: &mut Occurrence,
) -> Result<()> {
    occurrence.status = Status::Open;
    (occurrence.done_by, occurrence.done_at) = (None, None);
    (occurrence.closed_by, occurrence.closed_at) = (None, None);
    occurrence.note = None;
    occurrence.weight = task.weight;
    if let Some(assignee) = occurrence.assignee_id
        && doers(change, &[assignee]).await?.is_empty()
    {
        assign_again(change, task, rotation, occurrence).await?;
    }
    Ok(())
}

fn refuse_late(actor: &Member, occurrence: &Occurrence, now: Time) -> Result<()> {
    if actor.role().may(Permission::UndoTasks) {
        return Ok(());
    }
    let own = [
        (occurrence.closed_by, occurrence.closed_at),
        // Who has agreed that it was done closed it as much as who said so.
        (occurrence.reviewed_by, occurrence.reviewed_at.filter(|_| occurrence.status == Status::Done)),
    ];
    let mut own = own.into_iter().filter(|(by, _)| *by == Some(actor.id())).peekable();
    if own.peek().is_none()
        || occurrence.status == Status::Pending && occurrence.closed_by != Some(actor.id())
    {
        return Err(Error::Forbidden(Permission::UndoTasks));
    }
    let is_recent = |at: Option<Time>| at.is_some_and(|at| now.since(at) <= UNDO_WINDOW);
    if occurrence.status == Status::Pending || own.any(|(_, at)| is_recent(at)) {
        return Ok(());
    }
    let message = "was closed more than 15 minutes ago: ask somebody who runs the household";
    Err(Error::refused(RefusalCode::UndoWindowClosed, "occurrenceId", message))
}

/// Cancels what now follows in its line, if all of it is open and nothing follows that. It need not be what the closing has
/// opened: that may have been cancelled, and have come back as another, by whatever became of the chore meanwhile.
async fn cancel_next(change: &mut Change<'_>, closed: &Occurrence) -> Result<()> {
    let query = occurrences::table
        .filter(occurrences::task_id.eq(closed.task_id))
        .filter(occurrences::number.gt(closed.number))
        .order((occurrences::number, occurrences::id))
        .limit(FOLLOWING);
    let mut next: Vec<Occurrence> =
        run!(change.conn(), |c| query.select(Occurrence::as_select()).load(c).await)?;
    next.retain(|next| closed.is_followed_by(next.share));
    let number = next.iter().map(|next| next.number).next();
    if next.iter().any(|next| !next.is_open() || Some(next.number) != number) {
        return Err(superseded());
    }
    for occurrence in &next {
        cancel(change, occurrence).await?;
    }
    Ok(())
}

fn superseded() -> Error {
    let message = "was followed by one that is closed, or gone: take that back first";
    Error::refused(RefusalCode::Superseded, "occurrenceId", message)
}
