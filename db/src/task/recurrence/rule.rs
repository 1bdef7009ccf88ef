//! Rules in the words of RFC 5545 section 3.3.10: what each part may say, read from text and written back.

use crate::{Error, RefusalCode, Result};
use chrono::{NaiveDate, Weekday};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The longest text of a rule, in bytes.
pub const TEXT_LIMIT: usize = 1000;
/// The largest INTERVAL, in days, weeks, months or years.
pub const INTERVAL_LIMIT: u32 = 1000;
/// The largest COUNT.
pub const COUNT_LIMIT: u32 = 1000;
/// The most values in one list, such as BYDAY.
pub const LIST_LIMIT: usize = 31;

/// How RFC 5545 writes a date, such as 20261231.
const DATE: &str = "%Y%m%d";
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Mon),
    ("TU", Weekday::Tue),
    ("WE", Weekday::Wed),
    ("TH", Weekday::Thu),
    ("FR", Weekday::Fri),
    ("SA", Weekday::Sat),
    ("SU", Weekday::Sun),
];

/// A recurrence rule: the parts of RFC 5545's RRULE that tell dates.
///
/// It is made from text, `"FREQ=MONTHLY;BYDAY=-1FR".parse::<Rule>()`, and prints as text that reads as the same rule,
/// of at most [`TEXT_LIMIT`] bytes. The parts are FREQ (DAILY, WEEKLY, MONTHLY or YEARLY), INTERVAL, BYMONTH,
/// BYMONTHDAY, BYDAY, BYSETPOS, WKST, and COUNT or UNTIL. Two parts are narrower than in the RFC: UNTIL is a date,
/// the last local one, and INTERVAL, COUNT and lists have limits. What the RFC forbids to combine is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub(super) frequency: Frequency,
    pub(super) interval: u32,
    pub(super) months: Vec<u32>,
    pub(super) month_days: Vec<i32>,
    pub(super) weekdays: Vec<NthWeekday>,
    pub(super) positions: Vec<i32>,
    pub(super) week_start: Weekday,
    pub(super) end: End,
}

/// FREQ: the period that repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// One value of BYDAY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NthWeekday {
    /// Which one in the month or year, counted from its end when negative; every one if there is none.
    pub(super) nth: Option<i32>,
    pub(super) weekday: Weekday,
}

/// Where the dates end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Never,
    /// UNTIL: the last date there may be.
    Until(NaiveDate),
    /// COUNT: so many dates.
    After(u32),
}

impl Rule {
    /// Whether it names days within its period, or takes those of its start.
    pub(super) fn names_days(&self) -> bool {
        !(self.month_days.is_empty() && self.weekdays.is_empty())
    }

    /// Refuses what RFC 5545 forbids to combine.
    fn check(self) -> Result<Self> {
        let is_within_months = self.frequency == Frequency::Monthly || !self.months.is_empty();
        let most = if is_within_months { 5 } else { 53 };
        let mut ordinals = self.weekdays.iter().filter_map(|day| day.nth).peekable();
        if matches!(self.frequency, Frequency::Daily | Frequency::Weekly) && ordinals.peek().is_some() {
            return Err(refused(
                "BYDAY may number its days, as in -1FR, only with FREQ=MONTHLY or FREQ=YEARLY",
            ));
        }
        if ordinals.any(|nth| nth.abs() > most) {
            return Err(refused(format!(
                "BYDAY must number its days from -{most} to {most} here, without 0"
            )));
        }
        if self.frequency == Frequency::Weekly && !self.month_days.is_empty() {
            return Err(refused("BYMONTHDAY cannot be combined with FREQ=WEEKLY"));
        }
        if !self.positions.is_empty() && self.months.is_empty() && !self.names_days() {
            return Err(refused("BYSETPOS needs BYDAY, BYMONTHDAY or BYMONTH to choose from"));
        }
        Ok(self)
    }
}

impl FromStr for Rule {
    type Err = Error;

    /// Reads a rule, with or without `RRULE:` in front and in any case.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] for the field `rule`, with a sentence that names the part.
    fn from_str(text: &str) -> Result<Self> {
        if text.len() > TEXT_LIMIT {
            let message = format!("has {} bytes; {TEXT_LIMIT} are allowed", text.len());
            return Err(Error::refused(RefusalCode::TooLong, FIELD, message));
        }
        let text = text.trim().to_ascii_uppercase();
        let mut parts = parts(text.strip_prefix("RRULE:").unwrap_or(&text))?;
        let rule = Self {
            frequency: frequency(parts.remove("FREQ"))?,
            interval: parts
                .remove("INTERVAL")
                .map_or(Ok(1), |text| count("INTERVAL", text, INTERVAL_LIMIT))?,
            months: parts.remove("BYMONTH").map_or(Ok(Vec::new()), months)?,
            month_days: numbers("BYMONTHDAY", parts.remove("BYMONTHDAY"), -31..=31)?,
            weekdays: parts.remove("BYDAY").map_or(Ok(Vec::new()), nth_weekdays)?,
            positions: numbers("BYSETPOS", parts.remove("BYSETPOS"), -366..=366)?,
            week_start: parts.remove("WKST").map_or(Ok(Weekday::Mon), week_start)?,
            end: end(parts.remove("COUNT"), parts.remove("UNTIL"))?,
        };
        match parts.keys().next() {
            None => rule.check(),
            Some(_) => Err(refused(
                "has a part that is not known here; FREQ, INTERVAL, BYMONTH, BYMONTHDAY, BYDAY, BYSETPOS, WKST, \
                 COUNT and UNTIL are",
            )),
        }
    }
}

impl Display for Rule {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let frequency = match self.frequency {
            Frequency::Daily => "DAILY",
            Frequency::Weekly => "WEEKLY",
            Frequency::Monthly => "MONTHLY",
            Frequency::Yearly => "YEARLY",
        };
        write!(out, "FREQ={frequency}")?;
        if self.interval != 1 {
            write!(out, ";INTERVAL={}", self.interval)?;
        }
        list(out, "BYMONTH", &self.months)?;
        list(out, "BYMONTHDAY", &self.month_days)?;
        list(out, "BYDAY", &self.weekdays)?;
        list(out, "BYSETPOS", &self.positions)?;
        if self.week_start != Weekday::Mon {
            write!(out, ";WKST={}", code(self.week_start))?;
        }
        match self.end {
            End::Never => Ok(()),
            End::Until(date) => write!(out, ";UNTIL={}", date.format(DATE)),
            End::After(count) => write!(out, ";COUNT={count}"),
        }
    }
}

impl Display for NthWeekday {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self.nth {
            Some(nth) => write!(out, "{nth}{}", code(self.weekday)),
            None => out.write_str(code(self.weekday)),
        }
    }
}

fn list(out: &mut Formatter<'_>, name: &str, values: &[impl Display]) -> fmt::Result {
    for (index, value) in values.iter().enumerate() {
        match index {
            0 => write!(out, ";{name}={value}")?,
            _ => write!(out, ",{value}")?,
        }
    }
    Ok(())
}

fn code(weekday: Weekday) -> &'static str {
    WEEKDAYS.iter().find(|(_, known)| *known == weekday).map_or("", |(code, _)| code)
}

const FIELD: &str = "rule";

pub(super) fn refused(message: impl Into<String>) -> Error {
    Error::refused(RefusalCode::Invalid, FIELD, message)
}

fn parts(text: &str) -> Result<BTreeMap<&str, &str>> {
    let mut parts = BTreeMap::new();
    for part in text.split(';') {
        let (name, value) = part
            .split_once('=')
            .ok_or_else(|| refused("must be parts joined by semicolons, for example FREQ=WEEKLY;BYDAY=MO"))?;
        if parts.insert(name, value).is_some() {
            return Err(refused("has the same part twice"));
        }
    }
    Ok(parts)
}

fn frequency(text: Option<&str>) -> Result<Frequency> {
    match text {
        Some("DAILY") => Ok(Frequency::Daily),
        Some("WEEKLY") => Ok(Frequency::Weekly),
        Some("MONTHLY") => Ok(Frequency::Monthly),
        Some("YEARLY") => Ok(Frequency::Yearly),
        _ => Err(refused("FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY")),
    }
}

fn count(name: &str, text: &str, limit: u32) -> Result<u32> {
    let number = text.parse().ok().filter(|number| (1..=limit).contains(number));
    number.ok_or_else(|| refused(format!("{name} must be a whole number from 1 to {limit}")))
}

fn months(text: &str) -> Result<Vec<u32>> {
    let month = |text: &str| text.parse().ok().filter(|month| (1..=12).contains(month));
    let mut months = values(text, month)
        .ok_or_else(|| refused("BYMONTH must be numbers from 1 to 12, joined by commas"))?;
    months.sort_unstable();
    months.dedup();
    Ok(months)
}

fn numbers(name: &str, text: Option<&str>, range: RangeInclusive<i32>) -> Result<Vec<i32>> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let number = |text: &str| text.parse().ok().filter(|number| *number != 0 && range.contains(number));
    let mut numbers = values(text, number).ok_or_else(|| {
        let (least, most) = (range.start(), range.end());
        refused(format!(
            "{name} must be at most {LIST_LIMIT} numbers from {least} to {most}, without 0, joined by commas"
        ))
    })?;
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

fn nth_weekdays(text: &str) -> Result<Vec<NthWeekday>> {
    let mut days = values(text, nth_weekday).ok_or_else(|| {
        refused(format!("BYDAY must be at most {LIST_LIMIT} days such as MO, 1MO or -1FR, joined by commas"))
    })?;
    let order = |day: &NthWeekday| (day.weekday.num_days_from_monday(), day.nth);
    days.sort_unstable_by_key(order);
    days.dedup();
    Ok(days)
}

fn nth_weekday(text: &str) -> Option<NthWeekday> {
    let (nth, code) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let nth = match nth {
        "" => None,
        nth => Some(nth.parse().ok().filter(|nth| (-53..=53).contains(nth) && *nth != 0)?),
    };
    Some(NthWeekday { nth, weekday: weekday(code)? })
}

fn week_start(text: &str) -> Result<Weekday> {
    weekday(text).ok_or_else(|| refused("WKST must be MO, TU, WE, TH, FR, SA or SU"))
}

fn weekday(code: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|(known, _)| *known == code).map(|(_, weekday)| *weekday)
}

fn end(text_of_count: Option<&str>, text_of_until: Option<&str>) -> Result<End> {
    match (text_of_count, text_of_until) {
        (None, None) => Ok(End::Never),
        (Some(text), None) => count("COUNT", text, COUNT_LIMIT).map(End::After),
        (None, Some(text)) => until(text).map(End::Until),
        (Some(_), Some(_)) => Err(refused("may have COUNT or UNTIL, but not both")),
    }
}

fn until(text: &str) -> Result<NaiveDate> {
    // The length first: chrono would read years of more digits.
    let date = Some(text).filter(|text| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()));
    date.and_then(|text| NaiveDate::parse_from_str(text, DATE).ok())
        .ok_or_else(|| refused("UNTIL must be the last local date, without a time, for example 20261231"))
}

/// The values of a list of 1 to [`LIST_LIMIT`].
fn values<T>(text: &str, value: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let values: Option<Vec<T>> = text.split(',').take(LIST_LIMIT + 1).map(value).collect();
    values.filter(|values| values.len() <= LIST_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        text.parse::<Rule>().unwrap().to_string()
    }

    fn refusal(text: &str) -> String {
        text.parse::<Rule>().unwrap_err().to_string()
    }

    #[test]
    fn a_rule_prints_as_it_was_read() {
        for text in [
            "FREQ=MONTHLY;BYDAY=-1FR",
            "FREQ=DAILY;INTERVAL=3;BYMONTH=6,7;BYMONTHDAY=-1,1;BYDAY=MO,FR;BYSETPOS=-1;WKST=SU;COUNT=7",
            "FREQ=YEARLY;BYDAY=MO,-1MO,53MO,20TU;UNTIL=20261231",
            "FREQ=WEEKLY;WKST=SA",
        ] {
            assert_eq!(printed(text), text);
        }
    }

    #[test]
    fn one_rule_has_one_text() {
        assert_eq!(
            printed(" rrule:wkst=mo;byday=fr,+1mo,mo,fr;interval=01;freq=monthly "),
            "FREQ=MONTHLY;BYDAY=MO,1MO,FR"
        );
        assert_eq!(
            printed("BYMONTHDAY=31,-1,7,31;BYMONTH=12,1;FREQ=YEARLY"),
            "FREQ=YEARLY;BYMONTH=1,12;BYMONTHDAY=-1,7,31"
        );
    }

    #[test]
    fn the_longest_rule_prints_within_the_limit() {
        let list = |value: &dyn Fn(usize) -> String| (0..LIST_LIMIT).map(value).collect::<Vec<_>>().join(",");
        let text = format!(
            "FREQ=YEARLY;INTERVAL=1000;BYMONTHDAY={};BYDAY={};BYSETPOS={};BYMONTH={};WKST=SU;UNTIL=99991231",
            list(&|n| format!("-{}", n + 1)),
            list(&|n| format!("-{}{}", n / 7 + 1, WEEKDAYS[n % 7].0)),
            list(&|n| format!("-{}", 366 - n)),
            list(&|n| format!("{}", n % 12 + 1)),
        );
        assert!(text.len() <= TEXT_LIMIT && printed(&text).len() <= TEXT_LIMIT);
    }

    #[test]
    fn a_refusal_names_the_part() {
        for (text, part) in [
            ("", "parts joined by semicolons"),
            ("FREQ=DAILY;", "parts joined by semicolons"),
            ("INTERVAL=2", "FREQ"),
            ("FREQ=HOURLY", "FREQ"),
            ("FREQ=DAILY;FREQ=DAILY", "the same part twice"),
            ("FREQ=DAILY;BYHOUR=9", "not known here"),
            ("FREQ=YEARLY;BYWEEKNO=20", "not known here"),
            ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
            ("FREQ=DAILY;INTERVAL=1001", "INTERVAL"),
            ("FREQ=DAILY;INTERVAL=99999999999999999999", "INTERVAL"),
            ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"),
            ("FREQ=YEARLY;BYMONTH=0", "BYMONTH"),
            ("FREQ=YEARLY;BYMONTH=13", "BYMONTH"),
            ("FREQ=YEARLY;BYMONTH=", "BYMONTH"),
            ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY"),
            ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
            ("FREQ=MONTHLY;BYMONTHDAY=1,,2", "BYMONTHDAY"),
            ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"),
            ("FREQ=WEEKLY;BYDAY=XX", "BYDAY"),
            ("FREQ=WEEKLY;BYDAY=Ü", "BYDAY"),
            ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY"),
            ("FREQ=DAILY;BYDAY=-1MO", "BYDAY"),
            ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY"),
            ("FREQ=MONTHLY;BYDAY=6MO", "BYDAY"),
            ("FREQ=YEARLY;BYMONTH=3;BYDAY=6MO", "BYDAY"),
            ("FREQ=YEARLY;BYDAY=54MO", "BYDAY"),
            ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS"),
            ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=367", "BYSETPOS"),
            ("FREQ=WEEKLY;WKST=MON", "WKST"),
            ("FREQ=DAILY;COUNT=0", "COUNT"),
            ("FREQ=DAILY;COUNT=1001", "COUNT"),
            ("FREQ=DAILY;COUNT=3;UNTIL=20261231", "COUNT or UNTIL"),
            ("FREQ=DAILY;UNTIL=20260230", "UNTIL"),
            ("FREQ=DAILY;UNTIL=20261231T235959Z", "UNTIL"),
            ("FREQ=DAILY;UNTIL=-9991231", "UNTIL"),
        ] {
            let sentence = refusal(text);
            assert!(sentence.starts_with("rule: ") && sentence.contains(part), "{text}: {sentence}");
        }
    }

    #[test]
    fn a_rule_too_large_to_read_is_not_read() {
        assert!(refusal(&"FREQ=DAILY;".repeat(1000)).contains("1000 are allowed"));
        let days = vec!["1"; LIST_LIMIT + 1].join(",");
        assert!(refusal(&format!("FREQ=MONTHLY;BYMONTHDAY={days}")).contains("at most 31"));
    }
}
