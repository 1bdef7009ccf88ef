//! The same rules to python-dateutil, which skips days that a month does not have.

use crate::sample::{Sample, samples};
use crate::{schedule, words};
use chrono::{Datelike, Days};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use roomm8_db::task::recurrence::Overflow::Skip;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Rules compared; as many others with `ROOMM8_TEST_SEED`.
const RULES: usize = 4000;
/// Dates compared of each rule that has any.
const DATES: usize = 20;
const SEED: u64 = 5545;

/// The Python that has dateutil, if any: the one in use, or the system's, for which apt installs it.
fn python() -> Option<&'static str> {
    let has_dateutil = |python: &&str| {
        let asked = Command::new(python).args(["-c", "import dateutil.rrule"]).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    ["python3", "/usr/bin/python3"].into_iter().find(has_dateutil)
}

/// What dateutil understands otherwise than the RFC, or not at all: numbered and plain days in one BYDAY (it wants
/// both at once) are left out, and BYSETPOS counts the days of a first week from its start, as it does.
fn for_dateutil(mut sample: Sample) -> Option<Sample> {
    let numbered = sample.weekdays.iter().filter(|(nth, _)| *nth != 0).count();
    if numbered != 0 && numbered != sample.weekdays.len() {
        return None;
    }
    if sample.frequency == "WEEKLY" && !sample.positions.is_empty() {
        let days_in = sample.start.weekday().days_since(sample.week_start);
        sample.start = sample.start - Days::new(u64::from(days_in));
    }
    Some(sample)
}

fn sampled(seed: u64) -> Vec<Sample> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = samples();
    let mut sample = || strategy.new_tree(&mut runner).expect("a rule").current();
    std::iter::repeat_with(&mut sample).filter_map(for_dateutil).take(RULES).collect()
}

/// The question to dateutil and our answer. A rule that we refuse is asked for in the years 9570 to 9709, which are
/// those from 1970 on for the calendar: dateutil looks to the year 9999, and so only as far as it has to.
fn question(sample: &Sample) -> (String, String) {
    match schedule(&sample.start.to_string(), &sample.to_string(), Skip) {
        Ok(schedule) => {
            let ours = words(&schedule.preview(DATES).expect("it is not too many")).join(" ");
            (format!("{DATES} {} {sample}", sample.start), ours)
        }
        Err(error) => {
            assert!(error.to_string().contains("has no date"), "{sample}: {error}");
            let sample = sample.clone().later(19);
            (format!("1 {} {sample}", sample.start), String::new())
        }
    }
}

#[test]
fn dates_are_those_of_dateutil() {
    let Some(python) = python() else {
        eprintln!(
            "left out, as python-dateutil is not installed: `pip install python-dateutil` or `apt install python3-dateutil`"
        );
        return;
    };
    let seed = std::env::var("ROOMM8_TEST_SEED").map_or(SEED, |seed| seed.parse().expect("a number"));
    let (questions, ours): (Vec<String>, Vec<String>) = sampled(seed).iter().map(question).unzip();
    let refused = ours.iter().filter(|dates| dates.is_empty()).count();
    println!("seed {seed}: {RULES} rules, {refused} of them without a date");

    let theirs = answers(python, &questions.join("\n"));
    assert_eq!(theirs.len(), questions.len(), "seed {seed}: dateutil answered so many");
    let differences: Vec<String> = questions
        .iter()
        .zip(ours.iter().zip(&theirs))
        .enumerate()
        .filter(|(_, (_, (ours, theirs)))| ours != theirs)
        .map(|(n, (question, (ours, theirs)))| {
            format!("seed {seed}, rule {n}: {question}\n  ours:   {ours}\n  theirs: {theirs}")
        })
        .collect();
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences[..differences.len().min(5)].join("\n")
    );
}

fn answers(python: &str, questions: &str) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recurrence/answers.py");
    let mut asked = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it was there a moment ago");
    let mut input = asked.stdin.take().expect("it is piped");
    // From a thread, as a full pipe of answers would stop the questions.
    let questions = questions.to_owned();
    let writer = std::thread::spawn(move || input.write_all(questions.as_bytes()));
    let output = asked.wait_with_output().expect("it runs");
    writer.join().expect("no panic").expect("it reads all of it");
    assert!(output.status.success(), "dateutil failed: see above");
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}
