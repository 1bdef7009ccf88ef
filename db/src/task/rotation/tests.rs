//! What each strategy promises, told as short stories; `history` asks the same of histories nobody thought of.

mod history;

use super::testing::{Chore, day, present, range, rule};
use super::{
    Assignment, Closing, DateRanges, Help, Occasion, Outcome, ROSTER_LIMIT, Rotation, Strategy, Superseded,
};

fn chore(strategy: Strategy, roster: &[u8]) -> Chore {
    Chore::new(rule(strategy, 1, Help::KeepsOrder), roster)
}

fn round_robin(turn_length: u16, help: Help, roster: &[u8]) -> Chore {
    Chore::new(rule(Strategy::RoundRobin, turn_length, help), roster)
}

#[test]
fn fixed_is_the_first_who_can() {
    let mut chore = chore(Strategy::Fixed, &[1, 2]);
    chore.go_away(1, range(1, 1));
    assert_eq!(chore.next(4), [1, 2, 1, 1]);
}

#[test]
fn anyone_may_claim_who_is_there_and_everyone_gets_one_who_is_there() {
    let mut anyone = chore(Strategy::Anyone, &[1, 2, 3]);
    anyone.go_away(2, range(0, 3));
    assert_eq!(anyone.assigned, Assignment::Claimable(vec![1, 3]));
    assert_eq!(anyone.done(Some(1)), None);
    let mut everyone = chore(Strategy::Everyone, &[1, 2, 3]);
    everyone.leave(1);
    assert_eq!(everyone.assigned, Assignment::Each(vec![2, 3]));
}

#[test]
fn nobody_able_leaves_it_unassigned() {
    for strategy in Strategy::ALL {
        let mut chore = chore(*strategy, &[1]);
        chore.go_away(1, range(0, 0));
        assert_eq!(chore.assigned, Assignment::Nobody);
        assert_eq!(chore.close(Outcome::Missed), None);
        chore.leave(1);
        assert_eq!(chore.assigned, Assignment::Nobody);
    }
}

#[test]
fn round_robin_goes_round_and_a_turn_may_be_longer_than_the_period() {
    assert_eq!(round_robin(1, Help::KeepsOrder, &[3, 1, 2]).next(7), [3, 1, 2, 3, 1, 2, 3]);
    assert_eq!(round_robin(2, Help::KeepsOrder, &[3, 1]).next(6), [3, 3, 1, 1, 3, 3]);
}

#[test]
fn a_missed_turn_is_over_and_a_skipped_one_is_still_to_come() {
    let mut chore = round_robin(1, Help::KeepsOrder, &[1, 2, 3]);
    chore.close(Outcome::Missed);
    chore.close(Outcome::Skipped);
    chore.close(Outcome::Skipped);
    assert_eq!(chore.next(3), [2, 3, 1]);
}

#[test]
fn who_comes_back_in_the_same_round_still_has_their_turn_in_it() {
    let mut chore = round_robin(1, Help::KeepsOrder, &[1, 2, 3, 4]);
    chore.go_away(2, range(1, 2));
    assert_eq!(chore.next(9), [1, 3, 4, 2, 1, 2, 3, 4, 1]);
}

#[test]
fn ending_an_absence_early_gives_the_open_occurrence_back() {
    let mut chore = round_robin(1, Help::KeepsOrder, &[1, 2, 3]);
    chore.go_away(1, range(0, 9));
    assert_eq!(chore.assigned, Assignment::To(2));
    chore.come_back(1);
    assert_eq!(chore.next(4), [1, 2, 3, 1]);
}

#[test]
fn a_long_turn_that_is_interrupted_goes_on_later() {
    let mut chore = round_robin(3, Help::KeepsOrder, &[1, 2]);
    chore.go_away(1, range(2, 3));
    assert_eq!(chore.next(9), [1, 1, 2, 2, 2, 1, 2, 2, 2]);
}

#[test]
fn who_had_the_last_turn_of_a_round_has_not_the_first_of_the_next() {
    let mut chore = round_robin(1, Help::KeepsOrder, &[1, 2, 3]);
    chore.go_away(1, range(0, 1));
    assert_eq!(chore.next(7), [2, 3, 1, 2, 1, 3, 1]);
}

#[test]
fn nor_has_who_took_it_over() {
    let mut chore = round_robin(1, Help::SwapsOrder, &[1, 2, 3]);
    chore.go_away(1, range(0, 0));
    assert_eq!(chore.next(1), [2]);
    chore.done(Some(3));
    chore.leave(1);
    assert_eq!(chore.rotation.order(), [3, 2]);
    assert_eq!(chore.next(2), [2, 3]);
}

#[test]
fn a_newcomer_is_last_and_who_leaves_is_not_waited_for() {
    let mut chore = round_robin(1, Help::KeepsOrder, &[1, 2, 3]);
    assert_eq!(chore.next(2), [1, 2]);
    chore.join(4);
    chore.leave(3);
    assert_eq!(chore.next(4), [4, 1, 2, 4]);
}

#[test]
fn who_leaves_and_comes_back_in_the_same_round_has_no_second_turn_in_it() {
    let mut chore = round_robin(1, Help::KeepsOrder, &[1, 2, 3]);
    assert_eq!(chore.next(1), [1]);
    chore.leave(1);
    chore.join(1);
    assert_eq!(chore.next(5), [2, 3, 2, 3, 1]);
}

#[test]
fn a_new_order_neither_loses_nor_doubles_a_turn() {
    let mut chore = round_robin(1, Help::KeepsOrder, &[1, 2, 3]);
    assert_eq!(chore.next(1), [1]);
    chore.rotation.reorder(vec![2, 1, 3]).unwrap();
    assert_eq!(chore.next(5), [2, 3, 2, 1, 3]);
    assert!(chore.rotation.reorder(vec![2, 1]).is_err());
    assert!(chore.rotation.reorder(vec![2, 1, 1]).is_err());
    assert!(chore.rotation.reorder(vec![2, 1, 4]).is_err());
}

#[test]
fn doing_anothers_turn_keeps_the_order_or_swaps_places() {
    let mut keeps = round_robin(1, Help::KeepsOrder, &[1, 2, 3, 4]);
    keeps.done(Some(3));
    assert_eq!(keeps.next(4), [2, 3, 4, 1]);
    let mut swaps = round_robin(1, Help::SwapsOrder, &[1, 2, 3, 4]);
    swaps.done(Some(3));
    assert_eq!(swaps.rotation.order(), [3, 2, 1, 4]);
    assert_eq!(swaps.next(7), [2, 1, 4, 3, 2, 1, 4]);
    assert_eq!(swaps.credits[0].member, 3);
}

#[test]
fn places_are_swapped_only_for_a_whole_turn_by_one_whose_own_is_still_to_come() {
    let mut half = round_robin(2, Help::SwapsOrder, &[1, 2, 3]);
    half.done(None);
    half.done(Some(3));
    assert_eq!(half.rotation.order(), [1, 2, 3]);
    half.done(Some(3));
    half.done(Some(3));
    assert_eq!(half.rotation.order(), [1, 3, 2]);
    assert_eq!(half.next(4), [2, 2, 1, 1]);

    let mut late = round_robin(1, Help::SwapsOrder, &[1, 2]);
    late.done(None);
    late.done(Some(1));
    late.done(Some(9));
    assert_eq!(late.rotation.order(), [1, 2]);
    assert_eq!(late.next(2), [2, 1]);
}

#[test]
fn a_trade_touches_neither_roster_nor_pointer() {
    let mut chore = round_robin(1, Help::SwapsOrder, &[1, 2, 3]);
    chore.traded = Some(3);
    chore.done(None);
    assert_eq!(chore.credits[0].member, 3);
    chore.traded = Some(1);
    chore.done(Some(3));
    assert_eq!(chore.rotation.order(), [1, 2, 3]);
    assert_eq!(chore.next(3), [3, 1, 2]);
}

#[test]
fn an_occurrence_left_open_until_later_uses_up_nobodys_turn() {
    let mut chore = round_robin(1, Help::SwapsOrder, &[1, 2]);
    let left_open = Closing { turn: Some(1), assignee: Some(1), outcome: Outcome::Done { by: 1 } };
    chore.done(None);
    assert_eq!(chore.rotation.close(chore.rule, left_open), None);
    assert_eq!(chore.next(3), [2, 1, 2]);
}

#[test]
fn several_that_are_open_at_once_are_all_of_one_turn() {
    let mut chore = round_robin(2, Help::SwapsOrder, &[1, 2]);
    chore.next(4);
    let open = Closing { turn: Some(1), assignee: Some(1), outcome: Outcome::Done { by: 1 } };
    for _ in 0..3 {
        assert!(chore.rotation.close(chore.rule, open).is_some());
    }
    chore.assign();
    assert_eq!(chore.next(3), [2, 2, 1]);
}

#[test]
fn only_the_last_move_can_be_taken_back() {
    let mut chore = round_robin(1, Help::SwapsOrder, &[1, 2, 3]);
    let start = chore.rotation.clone();
    let first = chore.done(Some(2)).unwrap();
    let second = chore.done(None).unwrap();
    assert_eq!(chore.rotation.restore(first.clone()), Err(Superseded));
    chore.rotation.restore(second).unwrap();
    chore.rotation.restore(first.clone()).unwrap();
    assert_eq!(chore.rotation, start);
    assert_eq!(chore.rotation.restore(first), Err(Superseded));
}

#[test]
fn what_is_stored_is_read_back_the_same() {
    let mut chore = round_robin(2, Help::SwapsOrder, &[1, 2, 3]);
    chore.done(Some(2));
    let before = chore.done(Some(2)).unwrap();
    let rotation = serde_json::to_string(&chore.rotation).unwrap();
    assert_eq!(serde_json::from_str::<Rotation<u8>>(&rotation).unwrap(), chore.rotation);
    let stored = serde_json::to_string(&before).unwrap();
    chore.rotation.restore(serde_json::from_str(&stored).unwrap()).unwrap();
    assert_eq!(chore.rotation.order(), [1, 2, 3]);
}

#[test]
fn a_roster_names_nobody_twice_and_not_too_many() {
    assert!(Rotation::new(vec![1, 2, 1]).is_err());
    let mut full = Rotation::new((0..ROSTER_LIMIT).collect()).unwrap();
    full.join(0).unwrap();
    assert!(full.join(ROSTER_LIMIT).is_err());
}

#[test]
fn lots_fall_on_everybody_and_the_same_seed_draws_the_same() {
    let assigned = |seed| {
        let mut rotation = Rotation::new(vec![0, 1, 2]).unwrap();
        let people = [0, 1, 2].map(present);
        let paused = DateRanges::default();
        let occasion = Occasion { due: day(0), people: &people, credits: &[], paused: &paused, seed };
        match rotation.assign(rule(Strategy::Random, 1, Help::KeepsOrder), &occasion) {
            Assignment::To(member) => usize::from(member),
            other => panic!("{other:?}"),
        }
    };
    let mut lots = [0; 3];
    for seed in 0..3000 {
        assert_eq!(assigned(seed), assigned(seed));
        lots[assigned(seed)] += 1;
    }
    assert!(lots.iter().all(|times| (900..1100).contains(times)), "{lots:?}");
}

#[test]
fn least_done_gives_it_to_who_did_it_least_or_longest_ago_or_is_first() {
    let mut chore = chore(Strategy::LeastDone, &[2, 1, 3]);
    assert_eq!(chore.next(4), [2, 1, 3, 2]);
    chore.done(Some(3));
    chore.done(Some(3));
    assert_eq!(chore.next(6), [1, 2, 1, 3, 2, 1]);
}

#[test]
fn what_comes_up_too_seldom_to_be_counted_goes_round_all_the_same() {
    let mut chore = chore(Strategy::LeastDone, &[1, 2, 3, 4, 5]);
    let mut doers = Vec::new();
    for _ in 0..15 {
        doers.extend(chore.next(1));
        chore.today += 29;
        chore.assign();
    }
    assert_eq!(doers, [1, 2, 3, 4, 5].repeat(3));
}

#[test]
fn a_newcomer_and_who_comes_back_do_not_get_every_chore_for_a_month() {
    let mut chore = chore(Strategy::LeastDone, &[1, 2, 3]);
    chore.go_away(3, range(3, 29));
    chore.next(30);
    chore.join(4);
    assert_eq!(chore.next(8), [2, 4, 3, 1, 2, 4, 3, 1]);
}

#[test]
fn being_away_neither_gains_nor_loses() {
    let mut chore = chore(Strategy::LeastDone, &[1, 2, 3]);
    chore.done(Some(3));
    chore.done(Some(3));
    chore.done(Some(3));
    chore.go_away(3, range(3, 20));
    chore.next(18);
    assert_eq!(chore.next(7), [1, 2, 1, 2, 1, 2, 3]);
}

#[test]
fn who_is_ahead_stays_so_when_two_are_away_in_turn() {
    let mut chore = chore(Strategy::LeastDone, &[1, 2]);
    for _ in 0..4 {
        chore.done(Some(1));
    }
    chore.go_away(1, range(4, 8));
    chore.go_away(2, range(9, 13));
    assert_eq!(chore.next(15), [2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 2, 2, 2, 2, 1]);
}

#[test]
fn a_newcomer_does_not_pay_for_one_who_does_everything() {
    let mut chore = chore(Strategy::LeastDone, &[1, 2, 3]);
    for _ in 0..30 {
        chore.done(Some(1));
    }
    chore.join(4);
    assert_eq!(chore.next(6), [2, 3, 4, 2, 3, 4]);
}

#[test]
fn a_pause_is_not_time_that_is_forgotten() {
    let mut chore = chore(Strategy::LeastDone, &[1, 2]);
    chore.done(Some(1));
    chore.done(Some(1));
    chore.done(Some(2));
    chore.today = 200;
    chore.assign();
    assert_eq!(chore.assigned, Assignment::To(1));
    chore.paused.add(range(3, 199)).unwrap();
    chore.assign();
    assert_eq!(chore.assigned, Assignment::To(2));
}
