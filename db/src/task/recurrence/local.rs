//! From what clocks on the wall show to instants, and back.

use crate::Time;
use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeZone as _, Utc};
use chrono_tz::{GapInfo, Tz};

/// When something is due on the local date `date`.
///
/// With a `time`, when clocks in `zone` show it (RFC 5545 section 3.3.5): a time they skip is read with the offset
/// from before the gap, which puts it later by the length of the gap, and one they show twice is the first. Without
/// one, at the end of the local day: the first instant of the next one, that is, when clocks first show a later
/// date. On a date that a zone skips whole, both that date and the one before end at the same instant.
///
/// Clock changes are known until 2099; later, the offset of then stays.
pub fn due(date: NaiveDate, time: Option<NaiveTime>, zone: Tz) -> Time {
    let due = match time {
        Some(time) => instant(zone, date.and_time(time)),
        None => start_of_day(zone, date.succ_opt().unwrap_or(date)),
    };
    Time::from_micros(due.timestamp_micros())
}

/// The date that calendars in `zone` show at the instant `now`.
pub fn local_date(now: Time, zone: Tz) -> NaiveDate {
    let utc = now.to_utc().naive_utc();
    let offset = zone.offset_from_utc_datetime(&utc).fix();
    utc.checked_add_offset(offset).unwrap_or(utc).date()
}

fn instant(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(only) => only.to_utc(),
        LocalResult::Ambiguous(first, _) => first.to_utc(),
        LocalResult::None => {
            let before = GapInfo::new(&local, &zone).and_then(|gap| gap.begin);
            let offset = before.map(|(_, offset)| offset.fix());
            // Without an offset we are at the end of time, where none matters.
            offset.and_then(|offset| local.checked_sub_offset(offset)).unwrap_or(local).and_utc()
        }
    }
}

/// The first instant of the date: midnight, or the end of the gap that midnight is in.
fn start_of_day(zone: Tz, date: NaiveDate) -> DateTime<Utc> {
    let midnight = date.and_time(NaiveTime::MIN);
    let after_gap = GapInfo::new(&midnight, &zone).and_then(|gap| gap.end);
    after_gap.map_or_else(|| instant(zone, midnight), |end| end.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;
    use chrono_tz::TZ_VARIANTS;

    /// Every half hour of the days on which clocks of this zone changed, or are to change, in the years 2010 to 2019.
    fn around_changes(zone: Tz) -> impl Iterator<Item = DateTime<Utc>> {
        let noon = |n| Utc.with_ymd_and_hms(2010, 1, 1, 12, 0, 0).unwrap() + Duration::days(n);
        let offset = move |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
        (0..10 * 365)
            .map(noon)
            .filter(move |noon| offset(*noon) != offset(*noon + Duration::days(1)))
            .flat_map(|noon| (-6..=54).map(move |half| noon + Duration::minutes(30 * half)))
    }

    #[test]
    fn in_every_zone_an_instant_is_found_by_what_clocks_show_then_or_by_an_earlier_one() {
        for zone in TZ_VARIANTS {
            for at in around_changes(zone) {
                let local = at.with_timezone(&zone).naive_local();
                let found = instant(zone, local);
                assert!(found <= at, "{zone} {at}");
                assert_eq!(found.with_timezone(&zone).naive_local(), local, "{zone} {at}");
            }
        }
    }

    #[test]
    fn in_every_zone_a_day_ends_where_the_date_first_changes() {
        for zone in TZ_VARIANTS {
            for at in around_changes(zone) {
                let date = local_date(Time::from_micros(at.timestamp_micros()), zone);
                let end = due(date, None, zone);
                assert!(local_date(end, zone) > date, "{zone} {at}");
                let before = Time::from_micros(end.micros() - 1);
                assert!(local_date(before, zone) <= date, "{zone} {at}");
            }
        }
    }

    #[test]
    fn the_ends_of_time_are_no_panic() {
        for zone in [Tz::Pacific__Kiritimati, Tz::Pacific__Pago_Pago, Tz::Europe__Berlin] {
            for date in [NaiveDate::MIN, NaiveDate::MAX] {
                due(date, None, zone);
                due(date, Some(NaiveTime::MIN), zone);
            }
            local_date(Time::from_micros(i64::MAX), zone);
            local_date(Time::from_micros(i64::MIN), zone);
            local_date(Time::from_micros(8_210_266_876_799_999_999), zone);
        }
    }
}
