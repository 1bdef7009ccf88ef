//! Closing occurrences, each once: whoever closes one that is open makes one line of history, and opens what follows.
//! Where somebody else has to agree, they do so in [`super::review`].

use super::assign::open;
use super::occurrence::{NOBODYS, Occurrence, Slot, Status, has_successor, open_with_task, record, save};
use super::recurrence::{self, due};
use super::review::submit;
use super::rotation::{Closing, Outcome, PreImage};
use super::{Task, refuse_strangers, save_rotation, to_json};
use crate::access::{Member, Permission};
use crate::among::among;
use crate::prepared::Prepare as _;
use crate::tables::occurrences;
use crate::{
    Change, Entry, Error, MemberId, OccurrenceId, Operation, RefusalCode, Result, Time, event, text,
};
use chrono::SecondsFormat;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest note, in characters.
pub const NOTE_LIMIT: usize = 1000;

/// What taking a closing back needs, beyond what the closed occurrence still says itself: its dates and its assignee.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Before {
    /// How far the turn had come.
    pub(super) rotation: Option<PreImage<MemberId>>,
    /// What was opened by it.
    pub(super) successors: Vec<OccurrenceId>,
    /// Whether what follows it was there before; not yet told by what was closed long ago.
    #[serde(default)]
    pub(super) was_left: Option<bool>,
}

/// Says that an occurrence was done: its doer has the credit, and the next one is opened. Of several who say so at once
/// the first wins; the others get [`Error::AlreadyClosed`]. Of a chore that requires approval it is pending until somebody
/// else has agreed, and that is when the next one is opened.
#[derive(Debug, Serialize)]
pub struct Complete {
    /// Which.
    pub occurrence: OccurrenceId,
    /// Who did it: a current member who may do chores; the caller, unless said otherwise.
    pub done_by: Option<MemberId>,
    /// When: not in the future, nor before the one before it was closed, nor before it could be done. Now, unless said
    /// otherwise.
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
        refuse_early(&task, &occurrence, "occurrenceId", change.now())?;
        if let Some(at) = self.at {
            refuse_early(&task, &occurrence, "at", at)?;
            refuse_untimely(change, &task, &occurrence, at).await?;
        }
        let at = self.at.unwrap_or(change.now());
        occurrence.done_by = Some(by);
        occurrence.done_at = Some(at);
        occurrence.note = note;
        sign(change, &mut occurrence);
        if task.requires_approval {
            return submit(change, &task, occurrence).await;
        }
        occurrence.status = Status::Done;
        close(change, task, occurrence, Status::Open, Outcome::Done { by }, at).await
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
        sign(change, &mut occurrence);
        let now = change.now();
        close(change, task, occurrence, Status::Open, Outcome::Skipped, now).await
    }
}

/// Says that it is closed now, by whoever asked, or nobody.
pub(super) fn sign(change: &Change<'_>, occurrence: &mut Occurrence) {
    occurrence.closed_by = change.actor().ok().map(Member::id);
    occurrence.closed_at = Some(change.now());
}

/// Closes the occurrence, which was `still` that, as its status says; lets the turn pass on and opens what follows, unless
/// that was opened before it was closed.
pub(super) async fn close(
    change: &mut Change<'_>,
    mut task: Task,
    mut occurrence: Occurrence,
    still: Status,
    outcome: Outcome<MemberId>,
    at: Time,
) -> Result<Occurrence> {
    // First, so that who is next is found by a history that has this one in it.
    save(change, &task, &mut occurrence, still).await?;
    record(change, event::Kind::OccurrenceClosed, &occurrence, &["status"]);
    let mut rotation = task.rotation()?;
    let closing = Closing { turn: occurrence.holder_id, assignee: occurrence.assignee_id, outcome };
    let before = rotation.close(task.sharing()?, closing);
    let was_left = has_successor(change, &occurrence).await?;
    let successors = match next(&task, &occurrence, at, change.now())? {
        Some(next) if !was_left => {
            let slot = Slot::of(&task, Some(next));
            open(change, &task, &mut rotation, slot, occurrence.number + 1, occurrence.share()).await?
        }
        _ => Vec::new(),
    };
    save_rotation(change, &mut task, &rotation).await?;
    occurrence.pre_image = Some(to_json(&Before { rotation: before, successors, was_left: Some(was_left) })?);
    let keep = diesel::update(occurrences::table)
        .filter(occurrences::id.eq(occurrence.id))
        .set(occurrences::pre_image.eq(&occurrence.pre_image))
        .prepared();
    run!(change.conn(), |c| keep.execute(c).await)?;
    Ok(occurrence)
}

/// What the rule has after an occurrence that was closed, as if `at` that time.
fn next(task: &Task, occurrence: &Occurrence, at: Time, now: Time) -> Result<Option<recurrence::Occurrence>> {
    let (Some(date), Some(plan)) = (occurrence.planned_on, task.plan()?) else { return Ok(None) };
    Ok(plan.next(occurrence, date.naive(), at, now))
}

/// Fails if it could not yet be done at that time.
fn refuse_early(task: &Task, occurrence: &Occurrence, field: &'static str, at: Time) -> Result<()> {
    let (Some(minutes), Some(due)) = (task.opens_before, occurrence.due()) else { return Ok(()) };
    let opens = due.before(Duration::from_mins(u64::try_from(minutes).unwrap_or(0)));
    if at >= opens {
        return Ok(());
    }
    let local = opens.to_utc().with_timezone(&task.zone()?).to_rfc3339_opts(SecondsFormat::Secs, false);
    let message = match field {
        "at" => format!("must not be before {local}, from when on it can be done"),
        _ => format!("cannot be done before {local}"),
    };
    Err(Error::refused(RefusalCode::Invalid, field, message))
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
