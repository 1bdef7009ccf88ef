//! Whose turn it is, from what the caller knows: nothing here reads a database, a clock or a source of chance.
//!
//! A chore has a [`Rule`] and a [`Rotation`]: the order of its roster, and how far the turn has come in it. For each
//! occurrence [`Rotation::assign`] says who is to do it, and may be asked again while it is open, when people leave,
//! go away or come back early. [`Rotation::close`] lets the turn pass on, and [`Rotation::restore`] takes that back.
//! Below: the days people are away, the count by which the one who did least is found, and [`fairness()`].

mod dates;
mod fairness;
mod least_done;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod turn;

pub use dates::{DateRange, DateRanges, RANGE_LIMIT};
pub use fairness::{Load, Part, Record, WHOLE, fairness};
pub use least_done::{Credit, LOOK_BACK_DAYS, WINDOW_DAYS};
pub use turn::{Closing, Outcome, PreImage, Superseded};

use crate::labels::labels;
use crate::{Error, RefusalCode, Result};
use chrono::NaiveDate;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU16;
use turn::Turn;

/// So many members a roster may hold.
pub const ROSTER_LIMIT: usize = 100;

labels! {
    /// How the one to do an occurrence is found. All ties are broken by the order of the roster.
    Strategy {
        /// The first of the roster; those behind stand in when the first cannot.
        Fixed = "FIXED",
        /// One after the other, in the order of the roster.
        RoundRobin = "ROUND_ROBIN",
        /// Whoever did it least in the last [`WINDOW_DAYS`] days, and of several of them who did it longest ago.
        LeastDone = "LEAST_DONE",
        /// By lot, but never the same twice in a row while there is another.
        Random = "RANDOM",
        /// Whoever claims it first.
        Anyone = "ANYONE",
        /// Everybody, each with an occurrence of their own.
        Everyone = "EVERYONE",
    }
}

labels! {
    /// What it does to the order of a [`Strategy::RoundRobin`] when somebody does another's whole turn.
    Help {
        /// Nothing: the turn is over, and the helper's own comes as if nothing had been.
        KeepsOrder = "KEEP_ORDER",
        /// The two change places: it was the helper's turn, and the other's comes where the helper's was.
        SwapsOrder = "SWAP_ORDER",
    }
}

/// How a chore is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// How the one to do it is found.
    pub strategy: Strategy,
    /// So many occurrences make a turn of [`Strategy::RoundRobin`]: seven for dishes done every day by turns of a week.
    pub turn_length: NonZeroU16,
    /// What doing another's turn does to the order.
    pub help: Help,
}

/// A member who may be given turns. Who has left, or may not have this chore, is not among those passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person<M> {
    /// Who.
    pub id: M,
    /// When they get no turns: while away, and before they came, see [`DateRange::before`].
    pub absent: DateRanges,
}

/// What is known when an occurrence is to be given to somebody.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a, M> {
    /// The local date it is due.
    pub due: NaiveDate,
    /// Those who may have it, in any order; only those on the roster count.
    pub people: &'a [Person<M>],
    /// Who has done the chore when, as its history tells; only [`Strategy::LeastDone`] looks at it.
    pub credits: &'a [Credit<M>],
    /// When the chore was paused.
    pub paused: &'a DateRanges,
    /// Decides a [`Strategy::Random`]: the same seed draws the same lot. Make one for each occurrence and keep it.
    pub seed: u64,
}

/// To whom an occurrence is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignment<M> {
    /// Nobody can: it stays unassigned, and the household is told.
    Nobody,
    /// This member.
    To(M),
    /// The first of these to claim it.
    Claimable(Vec<M>),
    /// Each of these, with an occurrence of their own.
    Each(Vec<M>),
}

/// Who shares a chore, in which order, and how far the turn has come.
///
/// It is stored whole, as its `serde` form: an index into the order would lose or double somebody's turn as soon as
/// the order changes, so what is kept is who has the turn and who had one in this round. Whoever changes a chore's
/// strategy begins a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation<M> {
    order: Vec<M>,
    /// How often the order was set by hand.
    reorders: u64,
    turn: Turn<M>,
}

impl<M: Copy + Eq> Rotation<M> {
    /// A rotation in which nobody has had a turn; refused if a member is named twice or there are more than
    /// [`ROSTER_LIMIT`].
    pub fn new(order: Vec<M>) -> Result<Self> {
        let mut rotation = Self { order: Vec::new(), reorders: 0, turn: Turn::new() };
        for member in order {
            if rotation.order.contains(&member) {
                return Err(Error::refused(RefusalCode::Invalid, "roster", "must not name a member twice"));
            }
            rotation.join(member)?;
        }
        Ok(rotation)
    }

    /// The roster, in its order.
    pub fn order(&self) -> &[M] {
        &self.order
    }

    /// Whose turn it is by round robin or by lot; the other strategies have no turns.
    pub fn holder(&self) -> Option<M> {
        self.turn.holder
    }

    /// Puts a member at the end, so that they come last in the round; nothing if they are there. Who comes back in
    /// the round in which they had their turn has had it. Refused beyond [`ROSTER_LIMIT`] members.
    pub fn join(&mut self, member: M) -> Result<()> {
        if self.order.contains(&member) {
            return Ok(());
        }
        if self.order.len() >= ROSTER_LIMIT {
            let message = format!("must not name more than {ROSTER_LIMIT} members");
            return Err(Error::refused(RefusalCode::Limit, "roster", message));
        }
        self.order.push(member);
        Ok(())
    }

    /// Takes a member out; the others keep their order, and the turn passes to the next at the next assignment.
    /// Open occurrences of theirs are assigned again by the caller.
    pub fn leave(&mut self, member: M) {
        self.order.retain(|other| *other != member);
    }

    /// Puts the roster into another order; refused unless it names the same members, each once. Who had their turn
    /// in this round is not asked again in it, wherever they now stand.
    pub fn reorder(&mut self, order: Vec<M>) -> Result<()> {
        // As long, and with everybody in it, it has nobody twice and nobody else.
        if order.len() != self.order.len() || !self.order.iter().all(|member| order.contains(member)) {
            let message = "must name everybody who is on it now, each once";
            return Err(Error::refused(RefusalCode::Invalid, "roster", message));
        }
        self.order = order;
        self.reorders = self.reorders.saturating_add(1);
        Ok(())
    }

    /// Says who is to do an occurrence. Asked again for one that is still open it answers afresh, as if it had never
    /// been assigned: who ends their absence early has their turn back.
    pub fn assign(&mut self, rule: Rule, occasion: &Occasion<'_, M>) -> Assignment<M> {
        let able = self.able(occasion);
        self.turn.holder = None;
        if able.is_empty() {
            return Assignment::Nobody;
        }
        let chosen = match rule.strategy {
            Strategy::Fixed => able.first().copied(),
            Strategy::RoundRobin => self.turn.pass(&able),
            Strategy::LeastDone => least_done::least(&able, &self.order, occasion),
            Strategy::Random => {
                self.turn.holder = draw(&able, self.turn.last, occasion.seed);
                self.turn.holder
            }
            Strategy::Anyone => return Assignment::Claimable(able),
            Strategy::Everyone => return Assignment::Each(able),
        };
        chosen.map_or(Assignment::Nobody, Assignment::To)
    }

    /// Those of the roster who can do it that day, in its order.
    fn able(&self, occasion: &Occasion<'_, M>) -> Vec<M> {
        let is_able = |member: &M| {
            let person = occasion.people.iter().find(|person| person.id == *member);
            person.is_some_and(|person| !person.absent.cover(occasion.due))
        };
        self.order.iter().copied().filter(is_able).collect()
    }
}

/// Draws a lot among the able, without the one who had the last if there is another.
fn draw<M: Copy + Eq>(able: &[M], last: Option<M>, seed: u64) -> Option<M> {
    let others: Vec<M> = able.iter().copied().filter(|member| Some(*member) != last).collect();
    let lots = if others.is_empty() { able } else { &others };
    lots.choose(&mut StdRng::seed_from_u64(seed)).copied()
}
