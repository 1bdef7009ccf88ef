//! Presence: who is there. Soft state with a time limit; never stored, never part of the log.

use crate::hub::Hub;
use crate::signal::Signal;
use roomm8_db::{HouseholdId, MemberId, SessionId, Time};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long what an instance said of a device holds; an instance that died is silent for longer.
const HOLDS: Duration = Duration::from_mins(1);
/// How often it is said again.
const RENEWED: Duration = Duration::from_secs(20);
/// How long after the last input somebody counts as active.
const ACTIVE_FOR: Duration = Duration::from_mins(2);

/// How present somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Presence {
    /// No device is connected.
    Offline,
    /// Connected, without input for two minutes.
    Idle,
    /// Gave input in the last two minutes.
    Active,
}

/// What a person does at a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Gives input.
    Active,
    /// Gives none.
    Idle,
}

type Person = (HouseholdId, MemberId);

/// What is known of everybody's devices.
#[derive(Default)]
pub(crate) struct Presences(Mutex<State>);

#[derive(Default)]
struct State {
    /// What any instance said of each device, and until when it holds.
    devices: HashMap<Person, HashMap<SessionId, (Presence, Time)>>,
    /// The devices that attend here.
    local: HashMap<(Person, SessionId), Local>,
}

struct Local {
    attendances: usize,
    active_until: Option<Instant>,
    said: Instant,
}

impl Local {
    fn presence(&self) -> Presence {
        if self.active_until.is_some_and(|until| until > Instant::now()) {
            Presence::Active
        } else {
            Presence::Idle
        }
    }
}

/// A device that attends a household, for as long as this is held.
pub struct Attendance {
    hub: Hub,
    person: Person,
    session: SessionId,
}

impl Attendance {
    pub(crate) fn begin(hub: Hub, household: HouseholdId, member: MemberId, session: SessionId) -> Self {
        let person = (household, member);
        let is_first = {
            let mut state = hub.0.presences.state();
            let local = state.local.entry((person, session)).or_insert(Local {
                attendances: 0,
                active_until: None,
                said: Instant::now(),
            });
            local.attendances += 1;
            local.attendances == 1
        };
        if is_first {
            say(&hub, person, session, Presence::Idle);
        }
        Self { hub, person, session }
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        let is_last = {
            let mut state = self.hub.0.presences.state();
            let key = (self.person, self.session);
            let left = state.local.get_mut(&key).map_or(0, |local| {
                local.attendances = local.attendances.saturating_sub(1);
                local.attendances
            });
            left == 0 && state.local.remove(&key).is_some()
        };
        if is_last {
            say(&self.hub, self.person, self.session, Presence::Offline);
        }
    }
}

fn say(hub: &Hub, (household, member): Person, device: SessionId, presence: Presence) {
    hub.signal(Signal::Presence { household, member, device, presence, until: Time::now().after(HOLDS) });
}

impl Presences {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn be(
        &self,
        hub: &Hub,
        household: HouseholdId,
        member: MemberId,
        session: SessionId,
        activity: Activity,
    ) {
        let person = (household, member);
        let presence = {
            let mut state = self.state();
            let Some(local) = state.local.get_mut(&(person, session)) else { return };
            local.active_until = (activity == Activity::Active).then(|| Instant::now() + ACTIVE_FOR);
            local.presence()
        };
        say(hub, person, session, presence);
    }

    pub(crate) fn of(&self, household: HouseholdId, member: MemberId) -> Presence {
        self.state().of((household, member))
    }

    /// Takes note of a device; passes the signal on only if the person's presence changed with it.
    pub(crate) fn digest(&self, signal: Signal) -> Option<Signal> {
        let Signal::Presence { household, member, device, presence, until } = signal else {
            return Some(signal);
        };
        let mut state = self.state();
        let person = (household, member);
        let before = state.of(person);
        let devices = state.devices.entry(person).or_default();
        if presence == Presence::Offline {
            devices.remove(&device);
        } else {
            devices.insert(device, (presence, until));
        }
        let after = state.of(person);
        (after != before).then_some(Signal::Presence { household, member, device, presence: after, until })
    }

    /// Says again what holds here.
    pub(crate) fn renew(&self, hub: &Hub) {
        let mut due = Vec::new();
        for ((person, session), local) in &mut self.state().local {
            let has_gone_idle = local.active_until.is_some_and(|until| until <= Instant::now());
            if has_gone_idle || local.said.elapsed() >= RENEWED {
                local.said = Instant::now();
                local.active_until = local.active_until.filter(|_| !has_gone_idle);
                due.push((*person, *session, local.presence()));
            }
        }
        for (person, session, presence) in due {
            say(hub, person, session, presence);
        }
    }

    /// Forgets devices nobody spoke of in time; returns the people whose presence changed with it.
    pub(crate) fn expired(&self) -> Vec<Signal> {
        let now = Time::now();
        let mut state = self.state();
        let mut changed = Vec::new();
        state.devices.retain(|(household, member), devices| {
            let before = most_present(devices);
            let gone = devices.iter().find(|(_, (_, until))| *until <= now).map(|(device, _)| *device);
            devices.retain(|_, (_, until)| *until > now);
            let presence = most_present(devices);
            if let Some(device) = gone.filter(|_| presence != before) {
                changed.push(Signal::Presence {
                    household: *household,
                    member: *member,
                    device,
                    presence,
                    until: now,
                });
            }
            !devices.is_empty()
        });
        changed
    }
}

impl State {
    fn of(&self, person: Person) -> Presence {
        self.devices.get(&person).map_or(Presence::Offline, most_present)
    }
}

fn most_present(devices: &HashMap<SessionId, (Presence, Time)>) -> Presence {
    devices.values().map(|(presence, _)| *presence).max().unwrap_or(Presence::Offline)
}
