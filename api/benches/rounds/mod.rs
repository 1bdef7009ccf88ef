//! Rounds in which contenders take turns: what differs between them then is not what the machine did meanwhile.

use std::time::{Duration, Instant};

/// A contender's name, and how long its turn took.
pub(crate) type Contender<'a> = (&'a str, &'a dyn Fn() -> Duration);

/// How long the turns of each contender took, round by round.
pub(crate) fn turns(contenders: &[Contender<'_>], rounds: usize) -> Vec<Vec<f64>> {
    let mut took = vec![Vec::new(); contenders.len()];
    for round in 0..rounds {
        // Each begins as often as the others.
        for turn in 0..contenders.len() {
            let at = (round + turn) % contenders.len();
            if let (Some((_, run)), Some(took)) = (contenders.get(at), took.get_mut(at)) {
                took.push(run().as_secs_f64());
            }
        }
    }
    took
}

/// The time that something takes so many times.
pub(crate) fn time(times: usize, run: impl Fn()) -> Duration {
    let started = Instant::now();
    for _ in 0..times {
        run();
    }
    started.elapsed()
}

/// Prints the median of some figures, and the least and the most.
pub(crate) fn tell(name: &str, mut figures: Vec<f64>, unit: &str) {
    figures.sort_by(f64::total_cmp);
    if let ([least, .., most], Some(middle)) = (&figures[..], figures.get(figures.len() / 2)) {
        println!("{name:44} {middle:8.3} ({least:.3} to {most:.3}) {unit}");
    }
}
