//! `expectedVersion`: two people who change different things both succeed, the same thing is a conflict.

use crate::{Change, Error, Result, SubjectId, event};

/// Fails with [`Error::Conflict`] if any of `fields` changed since the version the caller has seen.
pub(crate) async fn settle(
    change: &mut Change<'_>,
    subject: SubjectId,
    current: i32,
    expected: Option<i32>,
    fields: &[&str],
) -> Result<()> {
    let Some(expected) = expected.filter(|expected| *expected != current) else { return Ok(()) };
    if expected > current {
        return Err(Error::Conflict(subject));
    }
    let household = change.household_id();
    let changed = event::fields_changed_since(change.conn(), household, subject, expected).await?;
    if changed.iter().any(|field| fields.contains(&field.as_str())) {
        Err(Error::Conflict(subject))
    } else {
        Ok(())
    }
}
