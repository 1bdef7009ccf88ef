//! How often each did a chore, counted so that it is fair to those who were not there all the time.

use super::{Occasion, Person};
use chrono::NaiveDate;

/// How many days count: the day an occurrence is due and those before it, without days the chore was paused.
pub const WINDOW_DAYS: usize = 90;
/// How many days back they are looked for: after a longer pause everybody starts anew.
pub const LOOK_BACK_DAYS: usize = 730;

/// That somebody did a chore once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit<M> {
    /// Who did it.
    pub member: M,
    /// The local date they did it.
    pub on: NaiveDate,
}

/// Who of the able did it least: of those with the least count who did it longest ago, of these the first. By count and
/// order alone, a chore of every month would always be for the first of the roster, as the window forgets them again
/// before it is the last one's turn.
pub(super) fn least<M: Copy + Eq>(able: &[M], order: &[M], occasion: &Occasion<'_, M>) -> Option<M> {
    let counts = counts(order, occasion);
    let count = |member: &M| counts.iter().find(|(other, _)| other == member).map(|(_, count)| *count);
    let last = |member: &M| credits_of(*member, occasion.credits.iter()).map(|credit| credit.on).max();
    able.iter().copied().min_by_key(|member| (count(member), last(member)))
}

/// A credit in the parts that are counted, as the absent get fractions of one.
const ONE: u64 = 1_000_000;

/// How often each of the roster did it, on the day the occurrence is due.
///
/// Who was there for the whole window has the number of their credits in it. Being away neither gains nor loses: the
/// absent get what those who were there did on average, to whole ones at the end. A newcomer, and who was away since
/// before the window, begins at the roster's median, which one who does far more than the others does not move.
fn counts<M: Copy + Eq>(order: &[M], occasion: &Occasion<'_, M>) -> Vec<(M, u64)> {
    let people = order.iter().filter_map(|id| occasion.people.iter().find(|person| person.id == *id));
    let mut standings: Vec<_> = people.map(|person| Standing { person, has_come: false, count: 0 }).collect();
    for day in window(occasion) {
        let median = median(&standings);
        let credits = || occasion.credits.iter().filter(|credit| credit.on == day);
        let done =
            |standing: &Standing<'_, M>| credits_of(standing.person.id, credits()).map(|_| ONE).sum::<u64>();
        let there = || standings.iter().filter(|standing| standing.is_there(day));
        let average = there().map(done).sum::<u64>().checked_div(there().map(|_| 1).sum()).unwrap_or(0);
        for standing in &mut standings {
            let is_there = standing.is_there(day);
            if is_there && !standing.has_come {
                standing.has_come = true;
                standing.count += median;
            }
            standing.count += done(standing);
            if !is_there && standing.has_come {
                standing.count += average;
            }
        }
    }
    standings.iter().map(|standing| (standing.person.id, (standing.count + ONE / 2) / ONE)).collect()
}

/// What somebody has done up to a day.
struct Standing<'a, M> {
    person: &'a Person<M>,
    /// They were there on a day of the window.
    has_come: bool,
    count: u64,
}

impl<M> Standing<'_, M> {
    fn is_there(&self, day: NaiveDate) -> bool {
        !self.person.absent.cover(day)
    }
}

fn credits_of<'a, M: Copy + Eq + 'a>(
    member: M,
    credits: impl Iterator<Item = &'a Credit<M>>,
) -> impl Iterator<Item = &'a Credit<M>> {
    credits.filter(move |credit| credit.member == member)
}

/// The days that count, in the order of the calendar; the last is the day the occurrence is due.
fn window<M>(occasion: &Occasion<'_, M>) -> impl Iterator<Item = NaiveDate> {
    let days = std::iter::successors(Some(occasion.due), NaiveDate::pred_opt).take(LOOK_BACK_DAYS);
    let counts = |day: &NaiveDate| *day == occasion.due || !occasion.paused.cover(*day);
    let days: Vec<_> = days.filter(counts).take(WINDOW_DAYS).collect();
    days.into_iter().rev()
}

/// Of the counts of those who have come, the one in the middle, or of two the lower.
fn median<M>(standings: &[Standing<'_, M>]) -> u64 {
    let come = standings.iter().filter(|standing| standing.has_come);
    let mut counts: Vec<_> = come.map(|standing| standing.count).collect();
    counts.sort_unstable();
    counts.get(counts.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}
