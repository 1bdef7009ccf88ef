//! Putting chores away, and bringing them back.

use super::create::refuse_one_too_many;
use super::edit::{find, save};
use super::replan::{go_on, open_of};
use super::{Task, assign, doers, save_rotation};
use crate::access::Permission;
use crate::{Change, Entry, Operation, Result, TaskId, event};
use serde::Serialize;

/// Puts a chore away: what is open of it is cancelled, its history stays. Twice is as once.
#[derive(Debug, Serialize)]
pub struct Archive {
    /// Which.
    pub task: TaskId,
}

impl Operation for Archive {
    type Outcome = Task;
    const NAME: &'static str = "archiveTask";
    const ENTRY: Entry = Entry::Member(Permission::ManageTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Task> {
        let mut task = find(change, self.task).await?;
        if task.archived_at.is_some() {
            return Ok(task);
        }
        for occurrence in open_of(change, &task).await? {
            assign::cancel(change, &occurrence).await?;
        }
        task.archived_at = Some(change.now());
        save(change, event::Kind::TaskArchived, &mut task, &["archivedAt"]).await?;
        Ok(task)
    }
}

/// Brings a chore back, and opens what is due of it next: today or later. Twice is as once.
#[derive(Debug, Serialize)]
pub struct Restore {
    /// Which.
    pub task: TaskId,
}

impl Operation for Restore {
    type Outcome = Task;
    const NAME: &'static str = "restoreTask";
    const ENTRY: Entry = Entry::Member(Permission::ManageTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Task> {
        let mut task = find(change, self.task).await?;
        if task.archived_at.is_none() {
            return Ok(task);
        }
        refuse_one_too_many(change).await?;
        task.archived_at = None;
        save(change, event::Kind::TaskRestored, &mut task, &["archivedAt"]).await?;
        let mut rotation = task.rotation()?;
        // Who left meanwhile was not taken off the roster of what lay in the drawer.
        let here = doers(change, rotation.order()).await?;
        for member in rotation.order().to_vec() {
            if !here.iter().any(|doer| doer.id == member) {
                rotation.leave(member);
            }
        }
        go_on(change, &task, &mut rotation).await?;
        save_rotation(change, &mut task, &rotation).await?;
        Ok(task)
    }
}
