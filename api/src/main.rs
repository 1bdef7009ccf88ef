//! The `roomm8` binary.

fn main() {}
