//! `expectedVersion`: two people who change different things both succeed, the same thing is a conflict.

use crate::{Change, Error, Result, SubjectId, event};
use std::collections::HashSet;

/// The names of those of these fields that have changed.
pub(crate) fn changed<const N: usize>(fields: [(&'static str, bool); N]) -> Vec<&'static str> {
    fields.into_iter().filter_map(|(field, is_changed)| is_changed.then_some(field)).collect()
}

/// Fails with [`Error::Conflict`] if any of `fields` changed since the version the caller has seen.
pub(crate) async fn settle(
    change: &mut Change<'_>,
    subject: SubjectId,
    current: i32,
    expected: Option<i32>,
    fields: &[&str],
) -> Result<()> {
    let Some(expected) = expected else { return Ok(()) };
    if changed_since(change, subject, current, expected, fields, &HashSet::new()).await? {
        Err(Error::Conflict(subject))
    } else {
        Ok(())
    }
}

/// Whether any of `fields` changed since a version, by a change that made none of the versions that are the caller's own. A
/// version that there was never is taken for one after which everything has changed.
pub(crate) async fn changed_since(
    change: &mut Change<'_>,
    subject: SubjectId,
    current: i32,
    since: i32,
    fields: &[&str],
    own: &HashSet<i32>,
) -> Result<bool> {
    if since >= current {
        return Ok(since > current);
    }
    let household = change.household_id();
    let changes = event::changes_since(change.conn(), household, subject, since).await?;
    let others = changes.iter().filter(|(version, _)| !own.contains(version));
    Ok(others.flat_map(|(_, changed)| changed.split(',')).any(|changed| fields.contains(&changed)))
}
