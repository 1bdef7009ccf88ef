//! Pages of lists that are ordered by id, which is the order in which their items were made.

use crate::SubjectId;
use crate::message::End;

/// A stretch of a list: after one id and before another, taken from one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Only what comes after it.
    pub after: Option<SubjectId>,
    /// Only what comes before it.
    pub before: Option<SubjectId>,
    /// At most so many.
    pub limit: i64,
    /// From which end they are taken; they are always returned oldest first.
    pub end: End,
}

impl Window {
    /// The ids just outside of it.
    pub(crate) fn bounds<I: From<SubjectId>>(&self) -> (I, I) {
        let after = self.after.unwrap_or(SubjectId::from_bytes([0; 16]));
        let before = self.before.unwrap_or(SubjectId::from_bytes([0xff; 16]));
        (after.into(), before.into())
    }

    /// What was read from the wanted end, oldest first.
    pub(crate) fn oldest_first<T>(&self, mut items: Vec<T>) -> Vec<T> {
        if self.end == End::Newest {
            items.reverse();
        }
        items
    }
}
