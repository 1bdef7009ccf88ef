//! Ticking the parts of what is to be done.

use super::Tick;
use super::occurrence::{Occurrence, Status, open_with_task, record, save};
use crate::access::Permission;
use crate::{Change, Entry, Error, OccurrenceId, Operation, RefusalCode, Result, event};
use serde::Serialize;

/// Says that a part of an open occurrence is done, or is not. Said twice it is as said once: the first keeps who and when.
#[derive(Debug, Serialize)]
pub struct SetDone {
    /// Which occurrence.
    pub occurrence: OccurrenceId,
    /// Which of its chore's subtasks.
    pub subtask: i32,
    /// Whether it is done.
    pub is_done: bool,
}

impl Operation for SetDone {
    type Outcome = Occurrence;
    const NAME: &'static str = "setSubtaskDone";
    const ENTRY: Entry = Entry::Member(Permission::DoTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Occurrence> {
        let (mut occurrence, task) = open_with_task(change, self.occurrence).await?;
        if !task.subtasks.iter().any(|subtask| subtask.id == self.subtask) {
            let message = "is none of this chore's subtasks: perhaps it was changed meanwhile";
            return Err(Error::refused(RefusalCode::InvalidReference, "subtaskId", message));
        }
        let was_done = occurrence.ticks.iter().any(|tick| tick.subtask == self.subtask);
        if was_done == self.is_done {
            return Ok(occurrence);
        }
        if self.is_done {
            let tick = Tick { subtask: self.subtask, by: change.actor()?.id(), at: change.now() };
            occurrence.ticks.push(tick);
        }
        // Those of parts that the chore no longer has go, so that there are never more than it has.
        let is_kept =
            |id| (self.is_done || id != self.subtask) && task.subtasks.iter().any(|part| part.id == id);
        occurrence.ticks.retain(|tick| is_kept(tick.subtask));
        save(change, &task, &mut occurrence, Status::Open).await?;
        record(change, event::Kind::SubtaskChanged, &occurrence, &["subtasks"]);
        Ok(occurrence)
    }
}
