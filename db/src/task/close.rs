//! Closing occurrences, each once: whoever closes one that is open makes one line of history, and opens what follows.

use super::assign::open;
use super::occurrence::{NOBODYS, Occurrence, Slot, Status, open_with_task, record, save};
use super::recurrence::{self, Closed, due};
use super::rotation::{Closing, Outcome, PreImage};
use super::{Task, refuse_strangers, save_rotation, to_json};
use crate::access::Permission;
use crate::among::among;
use crate::tables::occurrences;
use crate::{
    Change, Entry, Error, MemberId, OccurrenceId, Operation, RefusalCode, Result, Time, event, text,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};

/// The longest note, in characters.
pub const NOTE_LIMIT: usize = 1000;

/// What taking a closing back needs, beyond what the closed occurrence still says itself: its dates and its assignee.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Before {
    /// How far the turn had come.
    pub(super) rotation: Option<PreImage<MemberId>>,
    /// What was opened by it.
    pub(super) successors: Vec<OccurrenceId>,
}

/// Says that an occurrence was done: its doer has the credit, and the next one is opened. Of several who say so at once
/// the first wins; the others get [`Error::AlreadyClosed`].
#[derive(Debug, Serialize)]
pub struct Complete {
    /// Which.
    pub occurrence: OccurrenceId,
    /// Who did it: a current member who may do chores; the caller, unless said otherwise.
    pub done_by: Option<MemberId>,
    /// When: not in the future, nor before the one before it was closed. Now, unless said otherwise.
    pub at: Option<Time>,
    /// What else there is to say: 1 to [`NOTE_LIMIT`] characters, or nothing.
    pub note: Option<String>,
}

impl Operation for Complete {
    type Outcome = Occurrence;
    const NAME: &'static str = "completeOccurrence";
    const ENTRY: Entry = Entry::Member(Permission::DoTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Occurrence> {
        let note = self.note.as_deref().map(|note| text::lines("note", note, NOTE_LIMIT)).transpose()?;
        let (mut occurrence, task) = open_with_task(change, self.occurrence).await?;
        let by = self.done_by.unwrap_or(change.actor()?.id());
        refuse_strangers(change, "doneById", &[by]).await?;
        if let Some(at) = self.at {
            refuse_untimely(change, &task, &occurrence, at).await?;
        }
        let at = self.at.unwrap_or(change.now());
        occurrence.status = Status::Done;
        occurrence.done_by = Some(by);
        occurrence.done_at = Some(at);
        occurrence.note = note;
        close(change, task, occurrence, Outcome::Done { by }, at).await
    }
}

/// Says that an occurrence is not to be done this time, and why. It gives nobody credit and uses up nobody's turn.
#[derive(Debug, Serialize)]
pub struct Skip {
    /// Which.
    pub occurrence: OccurrenceId,
    /// Why: 1 to [`NOTE_LIMIT`] characters.
    pub reason: String,
}

impl Operation for Skip {
    type Outcome = Occurrence;
    const NAME: &'static str = "skipOccurrence";
    const ENTRY: Entry = Entry::Member(Permission::DoTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Occurrence> {
        let reason = text::lines("reason", &self.reason, NOTE_LIMIT)?;
        let (mut occurrence, task) = open_with_task(change, self.occurrence).await?;
        occurrence.status = Status::Skipped;
        occurrence.note = Some(reason);
        let now = change.now();
        close(change, task, occurrence, Outcome::Skipped, now).await
    }
}

/// Closes the occurrence, whose status says how, lets the turn pass on and opens what follows.
async fn close(
    change: &mut Change<'_>,
    mut task: Task,
    mut occurrence: Occurrence,
    outcome: Outcome<MemberId>,
    at: Time,
) -> Result<Occurrence> {
    occurrence.closed_by = Some(change.actor()?.id());
    occurrence.closed_at = Some(change.now());
    // First, so that who is next is found by a history that has this one in it.
    save(change, &mut occurrence, Status::Open).await?;
    record(change, event::Kind::OccurrenceClosed, &occurrence, &["status"]);
    let mut rotation = task.rotation()?;
    let closing = Closing { turn: occurrence.holder_id, assignee: occurrence.assignee_id, outcome };
    let before = rotation.close(task.sharing()?, closing);
    let successors = match next(&task, &occurrence, at, change.now())? {
        Some(next) => {
            let slot = Slot::of(&task, Some(next));
            open(change, &task, &mut rotation, slot, occurrence.number + 1, occurrence.share()).await?
        }
        None => Vec::new(),
    };
    save_rotation(change, &mut task, &rotation).await?;
    occurrence.pre_image = Some(to_json(&Before { rotation: before, successors })?);
    let keep = diesel::update(occurrences::table)
        .filter(occurrences::id.eq(occurrence.id))
        .set(occurrences::pre_image.eq(&occurrence.pre_image));
    run!(change.conn(), |c| keep.execute(c).await)?;
    Ok(occurrence)
}

/// What the rule has after an occurrence that was closed, as if `at` that time.
fn next(task: &Task, occurrence: &Occurrence, at: Time, now: Time) -> Result<Option<recurrence::Occurrence>> {
    let (Some(date), Some(plan)) = (occurrence.planned_on, task.plan()?) else { return Ok(None) };
    let number = u32::try_from(occurrence.number).unwrap_or(u32::MAX);
    Ok(plan.next(&Closed { date: date.naive(), at, number }, now))
}

async fn refuse_untimely(
    change: &mut Change<'_>,
    task: &Task,
    occurrence: &Occurrence,
    at: Time,
) -> Result<()> {
    if at > change.now() {
        return Err(Error::refused(RefusalCode::Invalid, "at", "must not be in the future"));
    }
    let earliest = match closed_before(change, occurrence).await? {
        Some(closed) => closed,
        // Who writes down an old chore may say when it was last done, but not that this was before it began.
        None => match task.start_on.and_then(|start| start.naive().pred_opt()) {
            Some(eve) => due(eve, None, task.zone()?).min(task.created_at),
            None => task.created_at,
        },
    };
    if at < earliest {
        let message = "must not be before the chore began, or was done the time before";
        return Err(Error::refused(RefusalCode::Invalid, "at", message));
    }
    Ok(())
}

/// When the one before it in its line was done, or else closed.
async fn closed_before(change: &mut Change<'_>, occurrence: &Occurrence) -> Result<Option<Time>> {
    let query = occurrences::table
        .filter(occurrences::task_id.eq(occurrence.task_id))
        .filter(occurrences::number.eq(occurrence.number - 1))
        // Of one's own line it is the last one's own, unless the line began with one that was nobody's.
        .filter(among(occurrences::share, &[occurrence.share, NOBODYS]))
        .order(occurrences::share.desc())
        .select((occurrences::done_at, occurrences::closed_at));
    let row: Option<(Option<Time>, Option<Time>)> = run!(change.conn(), |c| query.first(c).await.optional())?;
    Ok(row.and_then(|(done, closed)| done.or(closed)))
}
