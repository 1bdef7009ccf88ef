//! How far the turn has come, how it passes on when an occurrence is closed, and how that is taken back.

use super::{Help, Rotation, Rule, Strategy};
use serde::{Deserialize, Serialize};

/// Where a rotation stands. Members who have left are in it until the round is over, so that who comes back in the
/// same round has no second turn in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Turn<M> {
    /// Whose turn it is: the pointer.
    pub(super) holder: Option<M>,
    /// Whose turn was last used up, in whole or in part.
    pub(super) last: Option<M>,
    /// Who has begun or had their turn in this round, each once.
    pub(super) round: Vec<(M, Progress<M>)>,
    /// Everybody able has had theirs, and the holder's is the first of the next round. It begins when theirs is
    /// closed, as until then somebody may come back for whom this round is not over.
    pub(super) opens_round: bool,
    /// How often it was moved on: a pre-image is good for the last move only.
    moves: u64,
}

/// What somebody has had of their turn in this round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Progress<M> {
    /// So many of its occurrences, all of them done by this one helper, if there is one.
    Begun(u16, Option<M>),
    /// All of it.
    Had,
}

impl<M: Copy + Eq> Turn<M> {
    pub(super) fn new() -> Self {
        Self { holder: None, last: None, round: Vec::new(), opens_round: false, moves: 0 }
    }

    /// Passes the turn on, by round robin, among the able in the order of the roster: to who is in the middle of
    /// theirs, or else the first who has not had one in this round, or else the first of the next round.
    pub(super) fn pass(&mut self, able: &[M]) -> Option<M> {
        let begun = |member: &M| matches!(self.progress(*member), Some(Progress::Begun(..)));
        let goes_on = self.last.filter(|last| able.contains(last) && begun(last));
        let waits = || able.iter().copied().find(|member| self.progress(*member) != Some(Progress::Had));
        // Who came back late has the last turn of a round, and could have the first of the next as well.
        let begins = || able.iter().copied().find(|member| Some(*member) != self.last);
        let in_this_round = goes_on.or_else(waits);
        self.holder = in_this_round.or_else(begins).or(able.first().copied());
        self.opens_round = in_this_round.is_none();
        self.holder
    }

    fn progress(&self, member: M) -> Option<Progress<M>> {
        self.round.iter().find(|(other, _)| *other == member).map(|(_, progress)| *progress)
    }

    fn set_progress(&mut self, member: M, progress: Option<Progress<M>>) {
        self.round.retain(|(other, _)| *other != member);
        self.round.extend(progress.map(|progress| (member, progress)));
    }
}

/// How an occurrence came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<M> {
    /// Somebody did it, and has the credit for it, whoever it was assigned to.
    Done {
        /// Who.
        by: M,
    },
    /// It was not to be done this time. It gives no credit, uses up nobody's turn and is held against nobody.
    Skipped,
    /// It was not done. The turn is used up all the same, or who never does it would stop the rotation.
    Missed,
}

/// An occurrence that is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing<M> {
    /// [`Rotation::holder`] after the occurrence was last assigned by [`Rotation::assign`].
    pub turn: Option<M>,
    /// Whose it was in the end: another than `turn` if it was traded or given away by hand. Who then does it does
    /// what they promised, so that the order stays.
    pub assignee: Option<M>,
    /// How it ended.
    pub outcome: Outcome<M>,
}

/// What a rotation was before an occurrence was closed; stored with the occurrence, as its `serde` form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreImage<M> {
    turn: Turn<M>,
    exchange: Option<Exchange<M>>,
}

/// The order of a roster before two of it changed places, and how often it had been set by hand by then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Exchange<M> {
    before: Vec<M>,
    reorders: u64,
}

/// The pre-image is not that of the last move: an occurrence closed later has to be taken back first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an occurrence of this chore was closed later: undo that first")]
pub struct Superseded;

impl<M: Copy + Eq> Rotation<M> {
    /// Uses up the turn of an occurrence that is closed, and returns what [`Rotation::restore`] needs; none if it
    /// moves nothing here: it was nobody's turn, or no longer theirs when the occurrence was left open meanwhile.
    ///
    /// The next occurrence is assigned afterwards. Credits are not kept here: they are the history's rows.
    pub fn close(&mut self, rule: Rule, closing: Closing<M>) -> Option<PreImage<M>> {
        let holder = closing.turn.filter(|turn| self.turn.holder == Some(*turn))?;
        let turn = self.turn.clone();
        self.turn.moves = turn.moves.saturating_add(1);
        let exchange = match (rule.strategy, closing.outcome) {
            (Strategy::RoundRobin, Outcome::Skipped) => None,
            (Strategy::RoundRobin, _) => self.use_up(rule, holder, closing),
            _ => {
                self.turn.last = Some(holder);
                None
            }
        };
        Some(PreImage { turn, exchange })
    }

    /// Takes back the last closing, exactly. Who joined or left since has done so, and an order that was set since
    /// stays. The occurrence is open again with the assignee it had: if they can no longer do it, assign it again.
    pub fn restore(&mut self, before: PreImage<M>) -> Result<(), Superseded> {
        if self.turn.moves != before.turn.moves.saturating_add(1) {
            return Err(Superseded);
        }
        if let Some(exchange) = before.exchange {
            self.change_back(exchange);
        }
        self.turn = before.turn;
        Ok(())
    }

    fn use_up(&mut self, rule: Rule, holder: M, closing: Closing<M>) -> Option<Exchange<M>> {
        let turn = &mut self.turn;
        if turn.opens_round {
            turn.opens_round = false;
            turn.round.clear();
        }
        turn.last = Some(holder);
        let helper = match closing.outcome {
            Outcome::Done { by } if by != holder && closing.assignee == Some(holder) => Some(by),
            _ => None,
        };
        let (used, helper) = match turn.progress(holder) {
            None => (1, helper),
            Some(Progress::Begun(used, so_far)) => {
                (used.saturating_add(1), so_far.filter(|so_far| helper == Some(*so_far)))
            }
            Some(Progress::Had) => return None,
        };
        if used < rule.turn_length.get() {
            turn.set_progress(holder, Some(Progress::Begun(used, helper)));
            return None;
        }
        turn.set_progress(holder, Some(Progress::Had));
        // Who has begun their own turn in this round has no place left in it to give in exchange.
        let helper = helper.filter(|helper| turn.progress(*helper).is_none())?;
        if rule.help == Help::SwapsOrder { self.change_places(holder, helper) } else { None }
    }

    /// Makes it the helper's turn that was used up; nothing if either is not on the roster.
    fn change_places(&mut self, holder: M, helper: M) -> Option<Exchange<M>> {
        let place = |member| self.order.iter().position(|other| *other == member);
        let (one, other) = (place(holder)?, place(helper)?);
        let before = self.order.clone();
        self.order.swap(one, other);
        self.turn.set_progress(holder, None);
        self.turn.set_progress(helper, Some(Progress::Had));
        self.turn.last = Some(helper);
        Some(Exchange { before, reorders: self.reorders })
    }

    fn change_back(&mut self, Exchange { mut before, reorders }: Exchange<M>) {
        // Else somebody has put them in another order since, which is what they want.
        if self.reorders == reorders {
            let joined: Vec<M> =
                self.order.iter().copied().filter(|member| !before.contains(member)).collect();
            before.retain(|member| self.order.contains(member));
            self.order = [before, joined].concat();
        }
    }
}
