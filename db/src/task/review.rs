//! Agreeing that an occurrence was done, or not, where a chore asks for that: what its doer, or somebody in their name, says
//! is pending until another member has looked.

use super::close::{NOTE_LIMIT, close};
use super::occurrence::{Occurrence, Status, record, save, with_task};
use super::rotation::Outcome;
use super::undo::reopen;
use super::{Task, save_rotation};
use crate::access::Permission;
use crate::{Change, Entry, Error, OccurrenceId, Operation, RefusalCode, Result, event, text};
use serde::Serialize;

/// Leaves it to somebody else to agree that the occurrence is done. Until then it uses up no turn and opens nothing.
pub(super) async fn submit(
    change: &mut Change<'_>,
    task: &Task,
    mut occurrence: Occurrence,
) -> Result<Occurrence> {
    occurrence.status = Status::Pending;
    save(change, task, &mut occurrence, Status::Open).await?;
    record(change, event::Kind::OccurrenceSubmitted, &occurrence, &["status"]);
    Ok(occurrence)
}

/// Agrees that an occurrence is done, which closes it as of when it was done. Anybody may, but its doer; who marked it as
/// done for another may as well. Whoever did it has the credit, even if they have left since.
#[derive(Debug, Serialize)]
pub struct Approve {
    /// Which.
    pub occurrence: OccurrenceId,
    /// What there is to say: 1 to [`NOTE_LIMIT`] characters, or nothing.
    pub note: Option<String>,
}

impl Operation for Approve {
    type Outcome = Occurrence;
    const NAME: &'static str = "approveOccurrence";
    const ENTRY: Entry = Entry::Member(Permission::DoTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Occurrence> {
        let note = self.note.as_deref().map(|note| text::lines("note", note, NOTE_LIMIT)).transpose()?;
        let (mut occurrence, task) = pending_with_task(change, self.occurrence).await?;
        let (Some(by), Some(at)) = (occurrence.done_by, occurrence.done_at) else {
            return Err(not_pending());
        };
        occurrence.status = Status::Done;
        sign(change, &mut occurrence, note)?;
        close(change, task, occurrence, Status::Pending, Outcome::Done { by }, at).await
    }
}

/// Does not agree that an occurrence is done: it is open again as it was, and says why. One of who no longer shares a chore
/// that everybody does for themselves is skipped instead, as nobody else does it for them.
#[derive(Debug, Serialize)]
pub struct Reject {
    /// Which.
    pub occurrence: OccurrenceId,
    /// Why: 1 to [`NOTE_LIMIT`] characters.
    pub note: String,
}

impl Operation for Reject {
    type Outcome = Occurrence;
    const NAME: &'static str = "rejectOccurrence";
    const ENTRY: Entry = Entry::Member(Permission::DoTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Occurrence> {
        let note = text::lines("note", &self.note, NOTE_LIMIT)?;
        let (mut occurrence, mut task) = pending_with_task(change, self.occurrence).await?;
        sign(change, &mut occurrence, Some(note))?;
        if task.has_ended_line_of(&occurrence)? {
            // Rare, and large: it would make every rejection larger.
            return Box::pin(close_for_good(change, task, occurrence)).await;
        }
        let mut rotation = task.rotation()?;
        reopen(change, &task, &mut rotation, &mut occurrence).await?;
        save(change, &task, &mut occurrence, Status::Pending).await?;
        record(change, event::Kind::OccurrenceRejected, &occurrence, &["status", "assignee"]);
        save_rotation(change, &mut task, &rotation).await?;
        Ok(occurrence)
    }
}

async fn close_for_good(
    change: &mut Change<'_>,
    task: Task,
    mut occurrence: Occurrence,
) -> Result<Occurrence> {
    occurrence.status = Status::Skipped;
    (occurrence.done_by, occurrence.done_at) = (None, None);
    super::close::sign(change, &mut occurrence);
    let now = change.now();
    close(change, task, occurrence, Status::Pending, Outcome::Skipped, now).await
}

/// Says who has looked at it, and that this was somebody else than its doer.
fn sign(change: &Change<'_>, occurrence: &mut Occurrence, note: Option<String>) -> Result<()> {
    let actor = change.actor()?.id();
    if occurrence.done_by == Some(actor) {
        return Err(invalid("was done by you: somebody else has to look at it"));
    }
    occurrence.reviewed_by = Some(actor);
    occurrence.reviewed_at = Some(change.now());
    occurrence.review_note = note;
    Ok(())
}

/// An occurrence that waits for somebody to agree that it is done, with its chore.
async fn pending_with_task(change: &mut Change<'_>, id: OccurrenceId) -> Result<(Occurrence, Task)> {
    let (occurrence, task) = with_task(change, id).await?;
    match occurrence.status {
        Status::Pending => Ok((occurrence, task)),
        Status::Open => Err(not_pending()),
        Status::Done | Status::Skipped | Status::Missed => Err(Error::AlreadyClosed(id.into())),
    }
}

fn not_pending() -> Error {
    invalid("is to be done first: there is nothing to look at yet")
}

fn invalid(message: &'static str) -> Error {
    Error::refused(RefusalCode::Invalid, "occurrenceId", message)
}
