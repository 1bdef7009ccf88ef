//! Histories of joins, leaves, absences, new orders, trades, help, skips and undos, drawn at random.

use crate::task::rotation::testing::{Chore, day, range, rule};
use crate::task::rotation::turn::Progress;
use crate::task::rotation::{
    Assignment, Closing, DateRanges, Help, Outcome, PreImage, Rotation, Strategy, WINDOW_DAYS,
};
use proptest::prelude::*;
use proptest::strategy::Strategy as Generator;

/// Members there may be.
const MEMBERS: u8 = 7;
/// Those who are there all the time, in histories of [`around_those_who_stay`].
const STAYING: [u8; 3] = [0, 1, 2];

#[derive(Debug, Clone)]
enum Step {
    Join(u8),
    Leave(u8),
    GoAway(u8, u32, u32),
    ComeBack(u8),
    Reorder(Vec<u8>),
    Trade(u8),
    Do,
    Help(u8),
    Skip,
    Miss,
    Undo,
}

fn comings_and_goings() -> impl Generator<Value = Step> {
    prop_oneof![
        4 => Just(Step::Do),
        1 => Just(Step::Miss),
        1 => (3..MEMBERS).prop_map(Step::Join),
        1 => (3..MEMBERS).prop_map(Step::Leave),
    ]
}

/// The others come, go and are away, and nobody does more than their own.
fn around_those_who_stay() -> impl Generator<Value = Step> {
    prop_oneof![
        6 => comings_and_goings(),
        1 => Just(Step::Skip),
        1 => Just(Step::Undo),
        1 => (3..MEMBERS, 0u32..4, 0u32..9).prop_map(|(who, start, more)| Step::GoAway(who, start, more)),
        1 => (3..MEMBERS).prop_map(Step::ComeBack),
    ]
}

fn anything() -> impl Generator<Value = Step> {
    prop_oneof![
        8 => Just(Step::Do),
        2 => (0..MEMBERS).prop_map(Step::Help),
        1 => Just(Step::Miss),
        1 => Just(Step::Skip),
        2 => Just(Step::Undo),
        1 => (0..MEMBERS).prop_map(Step::Trade),
        1 => (0..MEMBERS).prop_map(Step::Join),
        1 => (0..MEMBERS).prop_map(Step::Leave),
        1 => (0..MEMBERS, 0u32..4, 0u32..9).prop_map(|(who, start, more)| Step::GoAway(who, start, more)),
        1 => (0..MEMBERS).prop_map(Step::ComeBack),
        1 => order().prop_map(Step::Reorder),
    ]
}

fn order() -> impl Generator<Value = Vec<u8>> {
    Just((0..MEMBERS).collect::<Vec<u8>>()).prop_shuffle()
}

fn help() -> impl Generator<Value = Help> {
    prop_oneof![Just(Help::KeepsOrder), Just(Help::SwapsOrder)]
}

/// What was just before an occurrence was closed, and what that did.
struct Closed {
    rotation: Rotation<u8>,
    credits: usize,
    today: u32,
    traded: Option<u8>,
    able: Vec<u8>,
    round: usize,
    people_moved: bool,
    before: Option<PreImage<u8>>,
    /// The turn that was over with it: the number of the round, and whose it was.
    turn: Option<(usize, u8)>,
}

/// A chore and what happened to it.
struct History {
    chore: Chore,
    closed: Vec<Closed>,
    round: usize,
    /// Whether people came, left or were put in another order since the last closing.
    people_moved: bool,
}

impl History {
    fn new(strategy: Strategy, turn_length: u16, help: Help) -> Self {
        let chore = Chore::new(rule(strategy, turn_length, help), &STAYING);
        Self { chore, closed: Vec::new(), round: 0, people_moved: false }
    }

    fn of(strategy: Strategy, turn_length: u16, help: Help, steps: Vec<Step>) -> Self {
        let mut history = Self::new(strategy, turn_length, help);
        for step in steps {
            history.take(step);
        }
        history
    }

    fn take(&mut self, step: Step) {
        let chore = &mut self.chore;
        self.people_moved |= matches!(step, Step::Join(_) | Step::Leave(_) | Step::Reorder(_));
        match step {
            Step::Join(who) if chore.rotation.order().contains(&who) => {}
            Step::Join(who) => chore.join(who),
            Step::Leave(who) => chore.leave(who),
            Step::GoAway(who, start, more) => {
                chore.go_away(who, range(chore.today + start, chore.today + start + more));
            }
            Step::ComeBack(who) => chore.come_back(who),
            Step::Reorder(mut order) => {
                order.retain(|who| chore.rotation.order().contains(who));
                chore.rotation.reorder(order).unwrap();
                chore.assign();
            }
            Step::Trade(who) => chore.traded = Some(who),
            Step::Do => match chore.assignee() {
                Some(by) => self.close(Outcome::Done { by }),
                None => self.close(Outcome::Missed),
            },
            Step::Help(by) => self.close(Outcome::Done { by }),
            Step::Skip => self.close(Outcome::Skipped),
            Step::Miss => self.close(Outcome::Missed),
            Step::Undo => self.undo(),
        }
    }

    fn close(&mut self, outcome: Outcome<u8>) {
        let chore = &mut self.chore;
        let mut closed = Closed {
            rotation: chore.rotation.clone(),
            credits: chore.credits.len(),
            today: chore.today,
            traded: chore.traded,
            able: chore.able(),
            round: self.round,
            people_moved: self.people_moved,
            before: None,
            turn: None,
        };
        let begins_round = closed.opens_round() && outcome != Outcome::Skipped;
        self.round += usize::from(begins_round);
        let had_before = if begins_round { Vec::new() } else { had(&chore.rotation) };
        closed.before = chore.close(outcome);
        let over = had(&chore.rotation).into_iter().find(|who| !had_before.contains(who));
        closed.turn = over.map(|who| (self.round, who));
        self.closed.push(closed);
        self.people_moved = false;
    }

    fn undo(&mut self) {
        let Some(closed) = self.closed.pop() else { return };
        let chore = &mut self.chore;
        if let Some(before) = closed.before {
            chore.rotation.restore(before).unwrap();
            assert_eq!(chore.rotation.turn, closed.rotation.turn);
            assert!(self.people_moved || chore.rotation == closed.rotation);
        }
        chore.credits.truncate(closed.credits);
        chore.today = closed.today;
        chore.traded = closed.traded;
        // Whoever was to do it may have left or gone away since.
        chore.assign();
        self.round = closed.round;
        self.people_moved |= closed.people_moved;
    }

    fn turns(&self) -> Vec<(usize, u8)> {
        self.closed.iter().filter_map(|closed| closed.turn).collect()
    }

    /// How often somebody did it in the days that count.
    fn count(&self, who: u8) -> usize {
        let since = self.chore.credits.iter().rev().take_while(|credit| {
            let days = day(self.chore.today) - credit.on;
            days.num_days() < i64::try_from(WINDOW_DAYS).unwrap()
        });
        since.filter(|credit| credit.member == who).count()
    }
}

impl Closed {
    fn opens_round(&self) -> bool {
        self.rotation.turn.opens_round && self.rotation.holder().is_some()
    }
}

fn had(rotation: &Rotation<u8>) -> Vec<u8> {
    let had = rotation.turn.round.iter().filter(|(_, progress)| *progress == Progress::Had);
    had.map(|(who, _)| *who).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Nobody has two turns in a round, and a round ends only when everybody who can has had theirs.
    #[test]
    fn a_round_gives_everybody_their_turn_once(
        turn_length in 1u16..4,
        help in help(),
        steps in prop::collection::vec(anything(), 0..120),
    ) {
        let history = History::of(Strategy::RoundRobin, turn_length, help, steps);
        let turns = history.turns();
        for (place, turn) in turns.iter().enumerate() {
            prop_assert!(!turns[..place].contains(turn), "{:?} is there twice in {:?}", turn, turns);
        }
        for closed in history.closed.iter().filter(|closed| closed.opens_round()) {
            let without = closed.able.iter().find(|who| !turns.contains(&(closed.round, **who)));
            prop_assert!(without.is_none(), "{:?} had none in round {}: {:?}", without, closed.round, turns);
        }
    }

    /// Whose turn is over is not the next, wherever the rounds end, while anybody else can.
    #[test]
    fn nobody_has_two_turns_in_a_row(help in help(), steps in prop::collection::vec(anything(), 0..120)) {
        let history = History::of(Strategy::RoundRobin, 1, help, steps);
        let with_turns: Vec<_> = history.closed.iter().filter(|closed| closed.turn.is_some()).collect();
        for pair in with_turns.windows(2) {
            let last = pair[0].turn.map(|(_, who)| who);
            prop_assert!(pair[1].rotation.holder() != last || pair[1].able.len() == 1);
        }
    }

    /// However many come and leave, those who stay have their turns one after the other.
    #[test]
    fn joins_and_leaves_neither_lose_nor_double_a_turn(
        turn_length in 1u16..4,
        steps in prop::collection::vec(comings_and_goings(), 0..120),
    ) {
        let turns = History::of(Strategy::RoundRobin, turn_length, Help::KeepsOrder, steps).turns();
        let of_staying = turns.iter().map(|(_, who)| who).filter(|who| STAYING.contains(who));
        for (who, expected) in of_staying.zip(STAYING.iter().cycle()) {
            prop_assert_eq!(who, expected, "{:?}", turns);
        }
    }

    /// Taking all back, one by one, leads through every state there was to the first.
    #[test]
    fn undoing_everything_leads_back_to_the_start(
        random in any::<bool>(),
        turn_length in 1u16..4,
        help in help(),
        steps in prop::collection::vec(anything(), 0..60),
    ) {
        let strategy = if random { Strategy::Random } else { Strategy::RoundRobin };
        let moves_people = |step: &Step| matches!(step, Step::Join(_) | Step::Leave(_) | Step::Reorder(_));
        let steps = steps.into_iter().filter(|step| !moves_people(step)).collect();
        let mut history = History::of(strategy, turn_length, help, steps);
        while !history.closed.is_empty() {
            history.undo();
        }
        for person in &mut history.chore.people {
            person.absent = DateRanges::default();
        }
        history.chore.assign();
        let start = History::new(strategy, turn_length, help).chore;
        prop_assert_eq!(history.chore.rotation, start.rotation);
        prop_assert_eq!(history.chore.credits, start.credits);
    }

    /// Who came, left or was put elsewhere since the closing that is taken back has done so.
    #[test]
    fn undo_leaves_later_changes_of_the_roster_alone(
        turn_length in 1u16..3,
        help in help(),
        steps in prop::collection::vec(anything(), 0..40),
        by in 0..MEMBERS,
        leaving in prop::collection::vec(0..MEMBERS, 0..3),
        joining in prop::collection::vec(MEMBERS..MEMBERS + 3, 0..3),
        order in proptest::option::of(Just((0..MEMBERS + 3).collect::<Vec<u8>>()).prop_shuffle()),
    ) {
        let history = History::of(Strategy::RoundRobin, turn_length, help, steps);
        let mut never_closed = history.chore.rotation;
        let mut undone = never_closed.clone();
        let closing = Closing {
            turn: undone.holder(),
            assignee: undone.holder(),
            outcome: Outcome::Done { by },
        };
        let Some(before) = undone.close(history.chore.rule, closing) else { return Ok(()) };
        for rotation in [&mut undone, &mut never_closed] {
            for who in &leaving {
                rotation.leave(*who);
            }
            for who in &joining {
                rotation.join(*who).unwrap();
            }
            if let Some(order) = &order {
                let new: Vec<_> = order.iter().copied().filter(|who| rotation.order().contains(who)).collect();
                rotation.reorder(new).unwrap();
            }
        }
        undone.restore(before).unwrap();
        prop_assert_eq!(undone, never_closed);
    }

    /// By lot, nobody is chosen twice in a row while another can.
    #[test]
    fn lots_do_not_repeat(steps in prop::collection::vec(anything(), 0..120)) {
        let history = History::of(Strategy::Random, 1, Help::KeepsOrder, steps);
        let mut last = None;
        for closed in &history.closed {
            let holder = closed.rotation.holder();
            prop_assert_eq!(holder.is_some(), !closed.able.is_empty());
            prop_assert!(holder.is_none() || holder != last || closed.able.len() == 1);
            last = holder.or(last);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// If all do their own, those who are there all the time have done it equally often, but for one turn.
    #[test]
    fn least_done_keeps_those_who_stay_within_one_turn(
        steps in prop::collection::vec(around_those_who_stay(), 0..WINDOW_DAYS),
    ) {
        let mut history = History::new(Strategy::LeastDone, 1, Help::KeepsOrder);
        for step in steps {
            history.take(step);
            let counts = STAYING.map(|who| history.count(who));
            prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{:?}", counts);
        }
    }

    /// A newcomer begins in the middle: they get about as many as the others, and not all of them.
    #[test]
    fn least_done_does_not_overwhelm_a_newcomer(
        steps in prop::collection::vec(around_those_who_stay(), 0..60),
    ) {
        let mut chore = History::of(Strategy::LeastDone, 1, Help::KeepsOrder, steps).chore;
        chore.join(MEMBERS);
        let mut times = [0; MEMBERS as usize + 1];
        for who in chore.next(20) {
            times[usize::from(who)] += 1;
        }
        let fewest = STAYING.map(|who| times[usize::from(who)]).into_iter().min().unwrap();
        prop_assert!(times[usize::from(MEMBERS)] <= fewest + 2, "{:?}", times);
    }

    /// Whatever else they did, of those who are there all the time the one with the least is chosen, of equals
    /// who did it longest ago, of these the first of the roster.
    #[test]
    fn least_done_chooses_who_did_least(
        steps in prop::collection::vec(
            prop_oneof![3 => around_those_who_stay(), 1 => (0..MEMBERS).prop_map(Step::Help)],
            0..200,
        ),
    ) {
        let mut history = History::new(Strategy::LeastDone, 1, Help::KeepsOrder);
        for step in steps {
            history.take(step);
            let Assignment::To(chosen) = history.chore.assigned else { continue };
            let last = |who| history.chore.credits.iter().rposition(|credit| credit.member == who);
            let place = |who| (history.count(who), last(who), who);
            if STAYING.contains(&chosen) {
                prop_assert_eq!(STAYING.map(place).into_iter().min(), Some(place(chosen)));
            }
        }
    }
}
