//! The body of a POST: read alone or as a batch of one it is the same, and whatever its variables are, the planner
//! has an answer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roomm8_fuzz::protocol::Parameters;
use roomm8_fuzz::{PLANNER, is_json, value};
use serde_json::Value;

/// The most operations that a configuration allows.
const BATCH: usize = 10;

fuzz_target!(|json: &[u8]| {
    let one = read(json);
    assert_eq!(one, read(json));
    if std::str::from_utf8(json).is_ok_and(is_json) {
        let batch = Parameters::batch_from_json(&[b"[", json, b"]"].concat(), 1);
        assert_eq!(one, batch.ok().map(|batch| value(&batch[0])));
    }
    if let Ok(batch) = Parameters::batch_from_json(json, BATCH) {
        assert!((1..=BATCH).contains(&batch.len()));
    }
    if let Ok(parameters) = Parameters::from_json(json)
        && let Err(refusal) = PLANNER.admit(parameters)
    {
        assert!(!refusal.errors.is_empty());
    }
});

fn read(json: &[u8]) -> Option<Value> {
    Parameters::from_json(json).ok().as_ref().map(value)
}
