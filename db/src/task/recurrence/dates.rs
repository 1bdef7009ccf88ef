//! The dates of a rule: period by period, the days that fit, in order.
//!
//! How long a search can take: the Gregorian calendar, weekdays included, repeats every 400 years, which are 146 097
//! days, 20 871 weeks, 4800 months or 400 years. Periods an INTERVAL apart therefore come back to the same place of
//! that cycle after at most that many steps, whatever the INTERVAL: a rule that found no date for so long finds
//! none ever. Besides, no date lies after [`LAST`], and no day is looked at twice. Months are looked at whole, and the periods
//! before the next day that months and days allow are passed over, or a leap day that is a Monday would take as many looks
//! as there are days in 28 years.

use super::Overflow;
use super::rule::{End, Frequency, NthWeekday, Rule};
use chrono::{Datelike, Days, Months, NaiveDate, Weekday};
use std::collections::VecDeque;
use std::iter;

/// The last date there is: RFC 5545 and RFC 3339 write years in four digits, and the end of the day after it is in the year
/// 10 000.
pub(super) const LAST: NaiveDate = match NaiveDate::from_ymd_opt(9999, 12, 30) {
    Some(date) => date,
    None => NaiveDate::MAX,
};

/// The dates of a rule that starts on `start`, from `from` on.
pub(super) fn dates(
    rule: &Rule,
    start: NaiveDate,
    overflow: Overflow,
    from: NaiveDate,
) -> impl Iterator<Item = NaiveDate> {
    // Counting has to begin at the start.
    let (first, count) = match rule.end {
        End::After(count) => (start, usize::try_from(count).unwrap_or(usize::MAX)),
        End::Never | End::Until(_) => (from.max(start), usize::MAX),
    };
    Dates::new(rule, start, overflow, first).take(count).skip_while(move |date| *date < from)
}

/// `date` and so many of the rule's intervals, for chores that are due again after their completion.
pub(super) fn interval_after(rule: &Rule, overflow: Overflow, date: NaiveDate) -> Option<NaiveDate> {
    let next = match (unit(rule.frequency), overflow) {
        (Unit::Days(days), _) => date.checked_add_days(Days::new(days * u64::from(rule.interval))),
        // chrono takes the last day of a month that is too short.
        (Unit::Months(months), Overflow::Clamp) => {
            date.checked_add_months(Months::new(months * rule.interval))
        }
        (Unit::Months(months), Overflow::Skip) => (1..=cycle(rule.frequency))
            .map_while(|steps| date.checked_add_months(Months::new(months * rule.interval * steps)))
            .find(|next| next.day() == date.day()),
    };
    next.filter(|next| *next <= last(rule))
}

fn last(rule: &Rule) -> NaiveDate {
    match rule.end {
        End::Until(date) => date.min(LAST),
        End::Never | End::After(_) => LAST,
    }
}

/// A period's length.
enum Unit {
    Days(u64),
    Months(u32),
}

fn unit(frequency: Frequency) -> Unit {
    match frequency {
        Frequency::Daily => Unit::Days(1),
        Frequency::Weekly => Unit::Days(7),
        Frequency::Monthly => Unit::Months(1),
        Frequency::Yearly => Unit::Months(12),
    }
}

/// How many periods the calendar has before it repeats.
fn cycle(frequency: Frequency) -> u32 {
    match frequency {
        Frequency::Daily => 146_097,
        Frequency::Weekly => 20_871,
        Frequency::Monthly => 4800,
        Frequency::Yearly => 400,
    }
}

/// The days of a month that are whole weeks after its first.
const EVERY_SEVENTH: u32 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28;

/// The dates that fit a rule, until it finds none for a whole cycle of the calendar.
struct Dates {
    pattern: Pattern,
    from: NaiveDate,
    last: NaiveDate,
    /// The next period to look into; the start's is 0.
    period: u32,
    /// How many periods were looked into, or passed over, since the last date.
    barren: u32,
    /// How many periods were looked into.
    #[cfg(test)]
    looked_into: u32,
    /// There is no date any more.
    is_over: bool,
    found: VecDeque<NaiveDate>,
}

impl Dates {
    fn new(rule: &Rule, start: NaiveDate, overflow: Overflow, from: NaiveDate) -> Self {
        let pattern = Pattern::new(rule, start, overflow);
        let period = pattern.period_before(from);
        let is_over = pattern.is_hopeless();
        Self {
            pattern,
            from,
            last: last(rule),
            period,
            barren: 0,
            #[cfg(test)]
            looked_into: 0,
            is_over,
            found: VecDeque::new(),
        }
    }
}

impl Iterator for Dates {
    type Item = NaiveDate;

    fn next(&mut self) -> Option<NaiveDate> {
        // One more than a cycle, as the first period may lie before `from`.
        while self.found.is_empty() && !self.is_over && self.barren <= cycle(self.pattern.frequency) {
            let (first, end) = self.pattern.period(self.period)?;
            if first > self.last {
                return None;
            }
            let Some(possible) = self.pattern.possible(first) else {
                self.is_over = true;
                return None;
            };
            if possible >= end {
                let next = self.pattern.period_before(possible).max(self.period + 1);
                self.barren = self.barren.saturating_add(next - self.period);
                self.period = next;
                continue;
            }
            #[cfg(test)]
            {
                self.looked_into += 1;
            }
            let dates = self.pattern.dates(first, end);
            self.found = dates.filter(|date| (self.from..=self.last).contains(date)).collect();
            self.period += 1;
            self.barren += 1;
        }
        let date = self.found.pop_front()?;
        self.barren = 0;
        Some(date)
    }
}

/// Which days fit a rule, with what its start says for it.
struct Pattern {
    frequency: Frequency,
    interval: u32,
    months: Vec<u32>,
    month_days: Vec<i32>,
    weekdays: Vec<NthWeekday>,
    positions: Vec<i32>,
    /// The first day of the start's period.
    base: NaiveDate,
    overflow: Overflow,
}

impl Pattern {
    fn new(rule: &Rule, start: NaiveDate, overflow: Overflow) -> Self {
        let Rule { frequency, interval, .. } = *rule;
        let mut pattern = Self {
            frequency,
            interval,
            months: rule.months.clone(),
            month_days: rule.month_days.clone(),
            weekdays: rule.weekdays.clone(),
            positions: rule.positions.clone(),
            base: first_of_period(frequency, start, rule.week_start),
            // A day a month does not have can only be missing where BYMONTHDAY makes dates; with DAILY it chooses.
            overflow: if frequency == Frequency::Daily { Overflow::Skip } else { overflow },
        };
        // RFC 5545: what the rule does not say is taken from DTSTART.
        if !rule.names_days() {
            match frequency {
                Frequency::Daily => {}
                Frequency::Weekly => {
                    pattern.weekdays.push(NthWeekday { nth: None, weekday: start.weekday() });
                }
                Frequency::Monthly | Frequency::Yearly => {
                    pattern.month_days.push(start.day().cast_signed());
                    if frequency == Frequency::Yearly && rule.months.is_empty() {
                        pattern.months.push(start.month());
                    }
                }
            }
        }
        pattern
    }

    /// The period that holds `date`, or the last one before it.
    fn period_before(&self, date: NaiveDate) -> u32 {
        let days = u64::try_from(date.signed_duration_since(self.base).num_days()).unwrap_or(0);
        let months = (date.year() - self.base.year()) * 12 + date.month0().cast_signed()
            - self.base.month0().cast_signed();
        let periods = match unit(self.frequency) {
            Unit::Days(length) => days / length,
            Unit::Months(length) => u64::from(u32::try_from(months).unwrap_or(0) / length),
        };
        u32::try_from(periods / u64::from(self.interval)).unwrap_or(u32::MAX)
    }

    /// The first day of the n-th period and that of the one after it; none where the calendar ends.
    fn period(&self, n: u32) -> Option<(NaiveDate, NaiveDate)> {
        let units = n.checked_mul(self.interval)?;
        match unit(self.frequency) {
            Unit::Days(length) => {
                let first = self.base.checked_add_days(Days::new(length * u64::from(units)))?;
                Some((first, first.checked_add_days(Days::new(length))?))
            }
            Unit::Months(length) => {
                let first = self.base.checked_add_months(Months::new(length.checked_mul(units)?))?;
                Some((first, first.checked_add_months(Months::new(length))?))
            }
        }
    }

    /// The first day from this one on that months and days allow; whether BYSETPOS chooses it is another question. None if
    /// there is none in a cycle of the calendar, and so none ever.
    fn possible(&self, day: NaiveDate) -> Option<NaiveDate> {
        let (mut year, mut month, mut before) = (day.year(), day.month(), day.day0());
        for _ in 0..=cycle(Frequency::Monthly) {
            if self.is_month(month) {
                let first = NaiveDate::from_ymd_opt(year, month, 1)?;
                let days = self.fitting(first) & (u32::MAX << before);
                if days != 0 {
                    return first.with_day0(days.trailing_zeros());
                }
            }
            before = 0;
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        }
        None
    }

    /// Whether no period can have a date, which is seen without a look at the calendar.
    fn is_hopeless(&self) -> bool {
        match self.frequency {
            // Whole weeks later it is always the same weekday.
            Frequency::Daily if self.interval.is_multiple_of(7) && !self.weekdays.is_empty() => {
                !self.can_choose(1) || !self.weekdays.iter().any(|day| day.weekday == self.base.weekday())
            }
            Frequency::Daily => !self.can_choose(1),
            Frequency::Weekly => !self.can_choose(self.weekdays.len()),
            Frequency::Monthly | Frequency::Yearly => false,
        }
    }

    /// The dates of the period from `first` to before `end`.
    fn dates(&self, first: NaiveDate, end: NaiveDate) -> impl Iterator<Item = NaiveDate> {
        let months = iter::successors(first.with_day(1), |month| month.checked_add_months(Months::new(1)));
        let months = months.take_while(|month| *month < end);
        let months: Vec<_> =
            months.map(|month| (month, self.fitting(month) & days_between(month, first, end))).collect();
        let size = months.iter().map(|(_, days)| days.count_ones() as usize).sum();
        // Seen once, and not for each of them.
        let months = if self.can_choose(size) { months } else { Vec::new() };
        months
            .into_iter()
            .flat_map(|(month, days)| bits(days).map(move |day| (month, day)))
            .enumerate()
            .filter(move |(index, _)| self.is_chosen(*index, size))
            .filter_map(|(_, (month, day))| month.with_day0(day))
    }

    /// BYSETPOS: whether any of so many days can be one of those asked for.
    fn can_choose(&self, size: usize) -> bool {
        let is_within = |position: &i32| position.unsigned_abs() as usize <= size;
        self.positions.is_empty() || self.positions.iter().any(is_within)
    }

    /// BYSETPOS: whether the day at this index among so many is one of those asked for.
    fn is_chosen(&self, index: usize, size: usize) -> bool {
        let is_at = |position: i32| match usize::try_from(position) {
            Ok(from_first) => index + 1 == from_first,
            Err(_) => size - index == position.unsigned_abs() as usize,
        };
        self.positions.is_empty() || self.positions.iter().any(|position| is_at(*position))
    }

    fn is_month(&self, month: u32) -> bool {
        self.months.is_empty() || self.months.contains(&month)
    }

    /// The days that fit of the month that begins on `first`, a bit each, the lowest for the first.
    fn fitting(&self, first: NaiveDate) -> u32 {
        if !self.is_month(first.month()) {
            return 0;
        }
        let length = u32::from(first.num_days_in_month());
        let all = u32::MAX >> (u32::BITS - length);
        let month_days = self.month_days.iter().filter_map(|n| self.month_day(*n, length));
        let month_days =
            if self.month_days.is_empty() { all } else { month_days.fold(0, |all, day| all | day) };
        let weekdays = self.weekdays.iter().map(|wanted| self.those_weekdays(first, *wanted) & all);
        let weekdays = if self.weekdays.is_empty() { all } else { weekdays.fold(0, |all, days| all | days) };
        month_days & weekdays
    }

    /// BYMONTHDAY. Days counted from the end of a month it does not have are left out in either case.
    fn month_day(&self, n: i32, length: u32) -> Option<u32> {
        let length = length.cast_signed();
        let day = match self.overflow {
            Overflow::Clamp if n > length => length,
            _ if n < 0 => length + 1 + n,
            _ => n,
        };
        (1..=length).contains(&day).then(|| 1 << (day - 1))
    }

    /// BYDAY, in the month that begins on `first` and after it.
    fn those_weekdays(&self, first: NaiveDate, wanted: NthWeekday) -> u32 {
        let all = EVERY_SEVENTH << wanted.weekday.days_since(first.weekday());
        if wanted.nth.is_none() {
            return all;
        }
        let is_nth = |day: &u32| first.with_day0(*day).is_some_and(|day| self.is_weekday(day, wanted));
        bits(all).filter(is_nth).fold(0, |days, day| days | 1 << day)
    }

    /// BYDAY. A number counts within the month, or within the year of a yearly rule without BYMONTH.
    fn is_weekday(&self, day: NaiveDate, wanted: NthWeekday) -> bool {
        let is_within_year = self.frequency == Frequency::Yearly && self.months.is_empty();
        let (index, length) = if is_within_year {
            (day.ordinal0(), if day.leap_year() { 366 } else { 365 })
        } else {
            (day.day0(), u32::from(day.num_days_in_month()))
        };
        let nth = (index / 7 + 1).cast_signed();
        let nth_from_end = -((length - 1 - index) / 7 + 1).cast_signed();
        day.weekday() == wanted.weekday && wanted.nth.is_none_or(|n| n == nth || n == nth_from_end)
    }
}

/// Of the days of the month that begins on `month`, those from `first` to before `end`.
fn days_between(month: NaiveDate, first: NaiveDate, end: NaiveDate) -> u32 {
    let before = u32::try_from(first.signed_duration_since(month).num_days()).unwrap_or(0);
    let until = u32::try_from(end.signed_duration_since(month).num_days()).unwrap_or(0);
    (u32::MAX << before) & u32::MAX.checked_shr(u32::BITS.saturating_sub(until)).unwrap_or(0)
}

/// The places of the bits that are set, the lowest first.
fn bits(of: u32) -> impl Iterator<Item = u32> {
    let rest = |rest: u32| (rest != 0).then_some(rest);
    iter::successors(rest(of), move |all| rest(all & (all - 1))).map(u32::trailing_zeros)
}

fn first_of_period(frequency: Frequency, date: NaiveDate, week_start: Weekday) -> NaiveDate {
    let days_in = match frequency {
        Frequency::Daily => 0,
        Frequency::Weekly => date.weekday().days_since(week_start),
        Frequency::Monthly => date.day0(),
        Frequency::Yearly => date.ordinal0(),
    };
    date.checked_sub_days(Days::new(u64::from(days_in))).unwrap_or(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// How many dates a rule has, at most `limit`, and how many periods were looked into in vain after the last.
    fn searched(text: &str, limit: usize) -> (usize, u32) {
        let rule = text.parse().unwrap();
        let start = day("2026-01-31");
        let mut dates = Dates::new(&rule, start, Overflow::Skip, start);
        (dates.by_ref().take(limit).count(), dates.barren)
    }

    #[test]
    fn the_search_for_a_date_ends_after_one_cycle_of_the_calendar() {
        for never in ["BYMONTHDAY=31;BYMONTH=2", "BYMONTHDAY=30;BYMONTH=2;BYDAY=MO", "BYDAY=MO;BYSETPOS=366"]
        {
            for (frequency, most) in [("MONTHLY", 4801), ("YEARLY", 401), ("DAILY", 0)] {
                let (found, steps) = searched(&format!("FREQ={frequency};{never}"), 9);
                assert!(found == 0 && steps <= most, "{frequency};{never}: {steps} periods");
            }
        }
        assert_eq!(searched("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6", 9), (0, 4801));
        for hopeless in [
            "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2",
            "FREQ=DAILY;BYDAY=MO;BYSETPOS=2",
            "FREQ=DAILY;INTERVAL=14;BYDAY=MO",
        ] {
            assert_eq!(searched(hopeless, 9), (0, 0), "{hopeless}");
        }
    }

    #[test]
    fn no_interval_makes_the_search_longer() {
        for interval in 1..=1000 {
            let monthly = format!("FREQ=MONTHLY;INTERVAL={interval};BYMONTHDAY=31;BYMONTH=2");
            let (found, steps) = searched(&monthly, 9);
            assert!(found == 0 && steps <= 4801, "{monthly}: {steps} periods");
            let yearly = format!("FREQ=YEARLY;INTERVAL={interval};BYDAY=MO;BYSETPOS=54");
            let (found, steps) = searched(&yearly, 9);
            assert!(found == 0 && steps <= 401, "{yearly}: {steps} periods");
        }
        for interval in [2, 7, 97, 400, 999, 1000] {
            let daily = format!("FREQ=DAILY;INTERVAL={interval};BYMONTHDAY=31;BYMONTH=2");
            let (found, steps) = searched(&daily, 9);
            assert!(found == 0 && steps <= 146_098, "{daily}: {steps} periods");
        }
    }

    #[test]
    fn a_cycle_is_as_long_as_the_calendar_repeats() {
        let (start, later) = (day("2026-01-01"), day("2426-01-01"));
        let days = later.signed_duration_since(start).num_days();
        assert_eq!(u32::try_from(days), Ok(cycle(Frequency::Daily)));
        assert_eq!(days, i64::from(cycle(Frequency::Weekly)) * 7);
        assert!(start.iter_days().zip(later.iter_days()).take(146_097).all(|(day, later)| {
            (day.month(), day.day(), day.weekday()) == (later.month(), later.day(), later.weekday())
        }));
    }

    #[test]
    fn what_is_rare_is_found_without_a_look_at_every_day() {
        for frequency in ["DAILY", "MONTHLY", "YEARLY"] {
            let rule =
                format!("FREQ={frequency};BYMONTH=2;BYMONTHDAY=29;BYDAY=MO;COUNT=1000").parse().unwrap();
            let start = day("1900-01-01");
            let mut dates = Dates::new(&rule, start, Overflow::Skip, start);
            assert_eq!(dates.by_ref().take(50).last(), Some(day("3216-02-29")), "{frequency}");
            assert!(dates.looked_into <= 50, "{frequency}: {}", dates.looked_into);
        }
    }

    #[test]
    fn the_rarest_dates_are_still_found() {
        // Leap days that are Mondays come every 28 years, and 40 apart around 2100.
        let (found, _) = searched("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO", 50);
        assert_eq!(found, 50);
        let rule = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29".parse().unwrap();
        let start = day("2096-01-01");
        let found: Vec<_> = dates(&rule, start, Overflow::Skip, start).take(3).collect();
        assert_eq!(found, ["2096-02-29", "2104-02-29", "2108-02-29"].map(day));
    }

    #[test]
    fn dates_end_with_the_year_9999() {
        assert_eq!(searched("FREQ=YEARLY;INTERVAL=1000", 50).0, 8);
        assert_eq!(searched("FREQ=WEEKLY;UNTIL=99991231;INTERVAL=1000", 1000).0, 417);
    }
}
