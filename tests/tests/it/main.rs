//! The end-to-end suite: one set of scenarios, each told on one process with SQLite and on two with MySQL and Redis.

// A scenario is a plain function that two tests call, so the lints do not see that it is one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod absences;
mod accounts;
mod announcements;
mod answers;
mod authorization;
mod budget;
mod clients;
mod delivery;
mod documents;
mod endpoints;
mod faults;
mod groceries;
mod hostile;
mod households;
mod inbox;
mod letters;
mod live;
mod logs;
mod mailbox;
mod messages;
mod replica;
mod secrets;
mod start;
mod statements;
mod tasks;
