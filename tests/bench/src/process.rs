//! What processes use, by proc(5).

use std::time::{Duration, Instant};

/// Clock ticks a second, as `/proc` counts them on Linux.
const TICKS: u32 = 100;

/// Processes whose CPU time is told; several may have one name.
#[derive(Debug, Clone)]
pub(crate) struct Watched(pub(crate) Vec<(&'static str, u32)>);

/// Their CPU time at some moment.
pub(crate) struct Since<'a> {
    watched: &'a Watched,
    spent: Vec<Duration>,
    began: Instant,
}

impl Watched {
    /// From now on.
    pub(crate) fn begin(&self) -> Since<'_> {
        let spent = self.0.iter().map(|(_, process)| cpu(*process)).collect();
        Since { watched: self, spent, began: Instant::now() }
    }
}

impl Since<'_> {
    /// What was spent since, by name, and the time that has passed.
    pub(crate) fn spent(&self) -> (Vec<(&'static str, Duration)>, Duration) {
        let elapsed = self.began.elapsed();
        let mut spent: Vec<(&'static str, Duration)> = Vec::new();
        for ((name, process), before) in self.watched.0.iter().zip(&self.spent) {
            let more = cpu(*process).saturating_sub(*before);
            match spent.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum += more,
                None => spent.push((name, more)),
            }
        }
        (spent, elapsed)
    }
}

/// The CPU time that a process has spent, in the kernel too.
fn cpu(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name may hold anything, in brackets; utime and stime are fields 14 and 15, the state behind the name is field 3.
    let fields = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ')).into_iter().flatten();
    let ticks: u32 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
    Duration::from_secs(ticks.into()) / TICKS
}

/// The memory that a process has in RAM, in bytes.
pub(crate) fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}
