//! What the household is told of its chores in its general conversation.

use super::Task;
use super::rotation::Strategy;
use crate::access::Member;
use crate::{Change, Date, Result, message};

/// Says that nobody of those who share the chore can do it this time. What anyone may take is not given to anybody, so that
/// there is nothing to say.
pub(super) async fn nobody_can(change: &mut Change<'_>, task: &Task, on: Option<Date>) -> Result<()> {
    if task.strategy == Strategy::Anyone {
        return Ok(());
    }
    let when = on.map(|date| format!(", due on {}", date.naive())).unwrap_or_default();
    let text = format!("Nobody can do “{}”{when}: whoever wants can claim it.", task.title);
    // Somebody has to be the author of what the household says: of what nobody did, who made the chore.
    let author = change.actor().map_or(task.created_by, Member::id);
    message::insert_system(change, author, text).await?;
    Ok(())
}
