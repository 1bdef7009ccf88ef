//! Signals: typing and presence. They have no place in the log, are never stored and may be lost.

use crate::presence::Presence;
use roomm8_db::{ConversationId, HouseholdId, MemberId, SessionId, Time};
use serde::{Deserialize, Serialize};

/// Something that matters only now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// Somebody is writing.
    Typing {
        /// In which household.
        household: HouseholdId,
        /// In which conversation.
        conversation: ConversationId,
        /// Who.
        member: MemberId,
        /// Who may know; `None` is everybody in the household.
        audience: Option<Vec<MemberId>>,
        /// Until when to show it.
        until: Time,
    },
    /// Somebody came, went, or woke up.
    Presence {
        /// In which household.
        household: HouseholdId,
        /// Who.
        member: MemberId,
        /// The session of the device: a person is as present as their most present device.
        device: SessionId,
        /// How present that device is.
        presence: Presence,
        /// Until when that holds unless it is said again.
        until: Time,
    },
}

impl Signal {
    /// The household it is about.
    pub fn household(&self) -> HouseholdId {
        match self {
            Self::Typing { household, .. } | Self::Presence { household, .. } => *household,
        }
    }
}
