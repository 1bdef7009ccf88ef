//! Taking a closing back: the occurrence is open again, as it was, and what followed it is gone.

use super::assign::{assign_again, cancel};
use super::close::Before;
use super::occurrence::{Occurrence, Status, record, save, with_task};
use super::{doers, from_json, save_rotation};
use crate::access::{Member, Permission};
use crate::among::among;
use crate::tables::occurrences;
use crate::{Change, Entry, Error, OccurrenceId, Operation, RefusalCode, Result, Time, event};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use std::time::Duration;

/// For how long who closed an occurrence can take that back.
pub const UNDO_WINDOW: Duration = Duration::from_mins(15);

/// Takes back that an occurrence was closed: for [`UNDO_WINDOW`] by who closed it, and any time with the right to, as long
/// as what followed it is still open. One that is open stays so.
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
        let Some(before) = occurrence.pre_image.take() else { return Err(superseded()) };
        let before: Before = from_json(&before)?;
        let mut rotation = task.rotation()?;
        if let Some(turn) = before.rotation {
            rotation.restore(turn).map_err(|_| superseded())?;
        }
        let closed_as = occurrence.status;
        occurrence.status = Status::Open;
        occurrence.done_by = None;
        occurrence.done_at = None;
        occurrence.closed_by = None;
        occurrence.closed_at = None;
        occurrence.note = None;
        cancel_all(change, &before.successors).await?;
        if let Some(assignee) = occurrence.assignee_id
            && doers(change, &[assignee]).await?.is_empty()
        {
            assign_again(change, &task, &mut rotation, &mut occurrence).await?;
        }
        save(change, &mut occurrence, closed_as).await?;
        record(change, event::Kind::OccurrenceReopened, &occurrence, &["status", "assignee"]);
        save_rotation(change, &mut task, &rotation).await?;
        Ok(occurrence)
    }
}

fn refuse_late(actor: &Member, occurrence: &Occurrence, now: Time) -> Result<()> {
    if actor.role().may(Permission::UndoTasks) {
        return Ok(());
    }
    if occurrence.closed_by != Some(actor.id()) {
        return Err(Error::Forbidden(Permission::UndoTasks));
    }
    match occurrence.closed_at {
        Some(closed_at) if now.since(closed_at) <= UNDO_WINDOW => Ok(()),
        _ => {
            let message = "was closed more than 15 minutes ago: ask somebody who runs the household";
            Err(Error::refused(RefusalCode::UndoWindowClosed, "occurrenceId", message))
        }
    }
}

/// Cancels what the closing opened, if all of it is still open.
async fn cancel_all(change: &mut Change<'_>, ids: &[OccurrenceId]) -> Result<()> {
    let query = occurrences::table
        .filter(among(occurrences::id, ids))
        .filter(occurrences::status.eq(Status::Open))
        .order(occurrences::id);
    let open: Vec<Occurrence> = run!(change.conn(), |c| query.select(Occurrence::as_select()).load(c).await)?;
    if open.len() != ids.len() {
        return Err(superseded());
    }
    for occurrence in &open {
        cancel(change, occurrence).await?;
    }
    Ok(())
}

fn superseded() -> Error {
    let message = "was followed by one that is closed, or gone: take that back first";
    Error::refused(RefusalCode::Superseded, "occurrenceId", message)
}
