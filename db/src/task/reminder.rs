//! When people are reminded of what is due. In the modules below how reminders are planned, checked once more when they
//! are to be delivered, and how people ask each other.

mod delivery;
mod nudge;
mod schedule;

pub(crate) use delivery::{freshen, nag_on};
pub use nudge::{NUDGE_EVERY, Nudge};
pub(crate) use schedule::schedule_claimable;
pub(super) use schedule::{call_off, schedule, schedule_all};

use crate::{Error, RefusalCode, Result};
use serde::{Deserialize, Serialize};

/// The most reminders of one occurrence, nagging left aside.
pub const OFFSET_LIMIT: usize = 5;
/// The earliest and the latest reminder, in minutes from when it is due: four weeks.
pub const FARTHEST_OFFSET: i32 = 28 * 24 * 60;
/// The shortest time between two naggings, in minutes.
pub const NAG_EVERY_AT_LEAST: i32 = 5;
/// The most naggings of one occurrence.
pub const NAG_LIMIT: i32 = 50;

/// When people are reminded of an occurrence of a chore.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reminders {
    /// So many minutes after it is due, before if negative: up to [`OFFSET_LIMIT`], each within [`FARTHEST_OFFSET`].
    pub offsets: Vec<i32>,
    /// Again and again from when it is due until it is done.
    pub nag: Option<Nag>,
}

/// Reminding again and again, first so many minutes after it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nag {
    /// So many minutes lie between two: [`NAG_EVERY_AT_LEAST`] to [`FARTHEST_OFFSET`].
    pub every: i32,
    /// At most so often: 1 to [`NAG_LIMIT`].
    pub at_most: i32,
}

impl Reminders {
    /// The same, each offset once, the earliest first.
    pub(super) fn checked(&self) -> Result<Self> {
        let mut offsets = self.offsets.clone();
        if offsets.len() > OFFSET_LIMIT {
            let message = format!("are {}; {OFFSET_LIMIT} are allowed", offsets.len());
            return Err(Error::refused(RefusalCode::Limit, "reminders.offsetsMinutes", message));
        }
        if offsets.iter().any(|offset| !(-FARTHEST_OFFSET..=FARTHEST_OFFSET).contains(offset)) {
            let message =
                format!("must be within {FARTHEST_OFFSET} minutes, which are four weeks, of when it is due");
            return Err(Error::refused(RefusalCode::Invalid, "reminders.offsetsMinutes", message));
        }
        if self.nag.is_some_and(|nag| !(NAG_EVERY_AT_LEAST..=FARTHEST_OFFSET).contains(&nag.every)) {
            let message = format!("must be {NAG_EVERY_AT_LEAST} to {FARTHEST_OFFSET} minutes apart");
            return Err(Error::refused(RefusalCode::Invalid, "reminders.nag.everyMinutes", message));
        }
        if self.nag.is_some_and(|nag| !(1..=NAG_LIMIT).contains(&nag.at_most)) {
            let message = format!("must be 1 to {NAG_LIMIT} times");
            return Err(Error::refused(RefusalCode::Invalid, "reminders.nag.atMost", message));
        }
        offsets.sort_unstable();
        offsets.dedup();
        Ok(Self { offsets, nag: self.nag })
    }
}
