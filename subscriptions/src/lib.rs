//! Live delivery: a subscriber gets every event of its household once, in order, with no hole, from the cursor it
//! names; whatever dies in between costs time, never an event.
//!
//! The log in the database is the truth. A [`Broker`] only carries wake-ups between instances, and signals that
//! may be lost. The [`Hub`] reads the log once for all who follow a household here; a [`Follower`] is one of them.
//! An [`InboxFollower`] follows what one person is told, in all their households.

mod broker;
mod delivery;
mod follower;
mod hub;
mod inbox;
mod log;
mod presence;
mod sessions;
mod signal;

pub use broker::{Broker, BrokerStatistics, InProcess, Redis, RedisServer, Wire};
pub use delivery::{Delivery, RenderKey, Rendered};
pub use follower::{End, Follower};
pub use hub::{Hub, HubStatistics};
pub use inbox::{InboxChange, InboxFollower};
pub use presence::{Activity, Attendance, Presence};
pub use signal::Signal;
