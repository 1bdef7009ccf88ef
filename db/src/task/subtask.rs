//! Parts of a chore, to be ticked each time it is done, and the labels it is sorted by.

use crate::{Error, MemberId, RefusalCode, Result, Time, text};
use serde::{Deserialize, Serialize};

/// The most subtasks of a chore.
pub const SUBTASK_LIMIT: usize = 50;
/// The longest title of a subtask, in characters.
pub const SUBTASK_TITLE_LIMIT: usize = 200;
/// The most labels of a chore.
pub const LABEL_LIMIT: usize = 20;
/// The longest label, in characters.
pub const LABEL_LENGTH_LIMIT: usize = 50;

/// A part of a chore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subtask {
    /// Tells it from the chore's other subtasks, whatever they are called and in whichever order they are.
    pub id: i32,
    /// What is to be done.
    pub title: String,
}

/// That a subtask is done, this time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// Which.
    pub subtask: i32,
    /// Who did it.
    pub by: MemberId,
    /// When.
    pub at: Time,
}

/// Labels as they are kept: each once, whatever their case, in the order given.
pub(super) fn labels(labels: &[String]) -> Result<Vec<String>> {
    refuse_too_many("labels", labels.len(), LABEL_LIMIT)?;
    let mut kept: Vec<String> = Vec::new();
    for label in labels {
        let label = text::line("labels", label, LABEL_LENGTH_LIMIT)?;
        if !kept.iter().any(|other| other.to_lowercase() == label.to_lowercase()) {
            kept.push(label);
        }
    }
    Ok(kept)
}

/// Subtasks of these titles, in their order. One that was there `before` under its title stays the same.
pub(super) fn subtasks(titles: &[String], before: &[Subtask]) -> Result<Vec<Subtask>> {
    refuse_too_many("subtasks", titles.len(), SUBTASK_LIMIT)?;
    let mut free: Vec<&Subtask> = before.iter().collect();
    let mut next = before.iter().map(|subtask| subtask.id).max().unwrap_or(0);
    let mut subtasks = Vec::with_capacity(titles.len());
    for title in titles {
        let title = text::line("subtasks", title, SUBTASK_TITLE_LIMIT)?;
        let known = free.iter().position(|subtask| subtask.title == title).map(|place| free.remove(place).id);
        let id = known.unwrap_or_else(|| {
            next += 1;
            next
        });
        subtasks.push(Subtask { id, title });
    }
    Ok(subtasks)
}

fn refuse_too_many(field: &'static str, count: usize, limit: usize) -> Result<()> {
    if count <= limit {
        return Ok(());
    }
    let message = format!("are {count}; {limit} are allowed");
    Err(Error::refused(RefusalCode::Limit, field, message))
}
