//! Whose turn it is.

mod dates;
#[cfg(test)]
mod testing;

pub use dates::{DateRange, DateRanges, RANGE_LIMIT};
