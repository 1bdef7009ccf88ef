//! Rounds: contenders take turns, and only ratios within a round count. Rates move from minute to minute, with the machine;
//! who is faster than whom does not.

use std::fmt::Write as _;
use std::time::Duration;

/// What one contender did in its turn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turn {
    /// How many answers or deliveries there were.
    pub(crate) count: u64,
    /// In what time.
    pub(crate) elapsed: Duration,
    /// How long each took, in microseconds, the shortest first.
    pub(crate) latencies: Vec<u32>,
    /// CPU time that processes spent meanwhile, by their names.
    pub(crate) cpu: Vec<(&'static str, Duration)>,
}

impl Turn {
    /// So many a second.
    pub(crate) fn rate(&self) -> f64 {
        per(self.count, self.elapsed.as_secs_f64())
    }

    /// The latency that so large a part of all do not exceed, in microseconds.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get(quantile_index(last, part)).copied().map_or(f64::NAN, f64::from)
    }

    /// CPU time of a process for each, in microseconds.
    fn cpu_each(&self, name: &str) -> f64 {
        let spent = self.cpu.iter().filter(|(of, _)| *of == name).map(|(_, spent)| spent.as_secs_f64());
        spent.sum::<f64>() * 1e6 / per(self.count, 1.0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a bench are small")]
fn per(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index, times a part of one"
)]
fn quantile_index(last: usize, part: f64) -> usize {
    (last as f64 * part) as usize
}

/// Contenders with a turn each for every round.
pub(crate) struct Rounds {
    names: Vec<&'static str>,
    turns: Vec<Vec<Turn>>,
}

/// What of a turn is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// How many a second.
    Rate,
    /// The latency that one in a hundred exceeds.
    Slowest,
}

impl Measure {
    fn of(self, turn: &Turn) -> f64 {
        match self {
            Self::Rate => turn.rate(),
            Self::Slowest => turn.quantile(0.99),
        }
    }
}

impl Rounds {
    /// Rounds of these contenders; the second is the first again, and tells how much of a difference is chance.
    pub(crate) fn of(names: Vec<&'static str>) -> Self {
        let turns = names.iter().map(|_| Vec::new()).collect();
        Self { names, turns }
    }

    /// Whose turn it is, one after another, in this round: each begins as often as the others.
    pub(crate) fn order(&self, round: usize) -> impl Iterator<Item = usize> + use<> {
        let count = self.names.len();
        (0..count).map(move |turn| (round + turn) % count)
    }

    /// Notes a contender's turn.
    pub(crate) fn note(&mut self, contender: usize, turn: Turn) {
        if let Some(turns) = self.turns.get_mut(contender) {
            turns.push(turn);
        }
    }

    /// The least, the middle and the most of a contender's ratios to another, round by round.
    pub(crate) fn ratio(&self, contender: usize, base: usize, measure: Measure) -> [f64; 3] {
        let (own, base) = (self.turns.get(contender), self.turns.get(base));
        let pairs = own.into_iter().flatten().zip(base.into_iter().flatten());
        spread(pairs.map(|(own, base)| measure.of(own) / measure.of(base)).collect())
    }

    /// A table: of each contender its middle rate and latencies, what CPU it took, and its ratios to the first.
    pub(crate) fn table(&self, title: &str, measure: Measure) -> String {
        let mut text = format!("\n{title}\n");
        let processes: Vec<&str> = self
            .turns
            .first()
            .and_then(|turns| turns.first())
            .map(|turn| turn.cpu.iter().map(|(name, _)| *name).collect())
            .unwrap_or_default();
        let _ = write!(text, "{:30} {:>9} {:>9} {:>9}", "", "a second", "p50 µs", "p99 µs");
        for process in &processes {
            let _ = write!(text, " {:>11}", format!("µs {process}"));
        }
        let _ = writeln!(text, "   ratio to the first (least to most)");
        for (contender, name) in self.names.iter().enumerate() {
            let turns = self.turns.get(contender).map_or(&[][..], Vec::as_slice);
            let middle = |of: &dyn Fn(&Turn) -> f64| spread(turns.iter().map(of).collect())[1];
            let _ = write!(
                text,
                "{name:30} {:>9.0} {:>9.0} {:>9.0}",
                middle(&Turn::rate),
                middle(&|turn| turn.quantile(0.5)),
                middle(&|turn| turn.quantile(0.99)),
            );
            for process in &processes {
                let _ = write!(text, " {:>11.1}", middle(&|turn| turn.cpu_each(process)));
            }
            let [least, ratio, most] = self.ratio(contender, 0, measure);
            let _ = writeln!(text, "   {ratio:5.2} ({least:.2} to {most:.2})");
        }
        text
    }
}

/// The least, the middle and the most.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    [at(0), at(values.len() / 2), at(values.len().saturating_sub(1))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(count: u64) -> Turn {
        Turn { count, elapsed: Duration::from_secs(1), ..Turn::default() }
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let mut rounds = Rounds::of(vec!["floor", "ours"]);
        // The machine is slower each round, and ours half as fast as the floor in all but one.
        for (floor, ours) in [(1000, 500), (100, 50), (10, 9)] {
            rounds.note(0, turn(floor));
            rounds.note(1, turn(ours));
        }
        let told = rounds.ratio(1, 0, Measure::Rate).map(|ratio| format!("{ratio:.1}"));
        assert_eq!(told, ["0.5", "0.5", "0.9"]);
    }

    #[test]
    fn everybody_begins_as_often_as_the_others() {
        let rounds = Rounds::of(vec!["a", "b", "c"]);
        let first: Vec<_> = (0..6).filter_map(|round| rounds.order(round).next()).collect();
        assert_eq!(first, [0, 1, 2, 0, 1, 2]);
        assert_eq!(rounds.order(1).collect::<Vec<_>>(), [1, 2, 0]);
    }
}
