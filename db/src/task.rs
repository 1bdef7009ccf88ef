//! Chores: when they are due, in the module below.

pub mod recurrence;
