//! Chores: when they are due, and whose turn they are, in the modules below.

pub mod recurrence;
pub mod rotation;
