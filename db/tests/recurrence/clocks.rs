//! Clocks that jump, days without a midnight, and dates that never were.

use crate::{at, daily, day, instant};
use chrono_tz::Tz::{
    Africa__Cairo, America__Havana, America__New_York, America__Nuuk, America__Toronto, Asia__Kathmandu,
    Australia__Lord_Howe, Europe__Berlin, Pacific__Apia, Pacific__Kiritimati, Pacific__Kwajalein,
    Pacific__Pago_Pago,
};
use roomm8_db::task::recurrence::{Mode, Overflow, Schedule, due, local_date};

#[test]
fn in_berlin_a_skipped_time_is_an_hour_later_and_a_doubled_one_the_first() {
    assert_eq!(
        daily("2026-03-28", Some(at("02:30:00")), Europe__Berlin, 3),
        ["2026-03-28T02:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"]
    );
    assert_eq!(
        daily("2026-10-24", Some(at("02:30:00")), Europe__Berlin, 3),
        ["2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]
    );
    // The edges: the last minute before, the first of the gap, the first after it; likewise of the overlap.
    let times =
        |date: &str, times: [&str; 4]| times.map(|time| due(day(date), Some(at(time)), Europe__Berlin));
    assert_eq!(
        times("2026-03-29", ["01:59:59", "02:00:00", "02:59:59", "03:00:00"]),
        ["2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", "2026-03-29T01:59:59Z", "2026-03-29T01:00:00Z"]
            .map(instant)
    );
    assert_eq!(
        times("2026-10-25", ["01:59:59", "02:00:00", "02:59:59", "03:00:00"]),
        ["2026-10-24T23:59:59Z", "2026-10-25T00:00:00Z", "2026-10-25T00:59:59Z", "2026-10-25T02:00:00Z"]
            .map(instant)
    );
}

#[test]
fn in_new_york_too() {
    // The example of RFC 5545 section 3.3.5: 02:30 on the second Sunday of March is 03:30.
    assert_eq!(
        daily("2026-03-07", Some(at("02:30:00")), America__New_York, 3),
        ["2026-03-07T02:30:00-05:00", "2026-03-08T03:30:00-04:00", "2026-03-09T02:30:00-04:00"]
    );
    assert_eq!(
        daily("2026-10-31", Some(at("01:30:00")), America__New_York, 3),
        ["2026-10-31T01:30:00-04:00", "2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]
    );
}

#[test]
fn a_chore_at_eight_stays_at_eight_all_year() {
    let dues = daily("2026-03-20", Some(at("20:00:00")), Europe__Berlin, 50);
    assert!(dues.iter().all(|due| due.contains("T20:00:00")), "{dues:?}");
}

#[test]
fn on_lord_howe_clocks_move_by_half_an_hour() {
    assert_eq!(
        daily("2026-10-03", Some(at("02:15:00")), Australia__Lord_Howe, 3),
        ["2026-10-03T02:15:00+10:30", "2026-10-04T02:45:00+11:00", "2026-10-05T02:15:00+11:00"]
    );
    assert_eq!(
        daily("2026-04-04", Some(at("01:45:00")), Australia__Lord_Howe, 3),
        ["2026-04-04T01:45:00+11:00", "2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]
    );
}

#[test]
fn on_both_sides_of_the_date_line_a_day_is_the_one_there() {
    let seven = Some(at("07:00:00"));
    assert_eq!(due(day("2026-01-01"), seven, Pacific__Kiritimati), instant("2025-12-31T17:00:00Z"));
    assert_eq!(due(day("2026-01-01"), seven, Pacific__Pago_Pago), instant("2026-01-01T18:00:00Z"));
    let noon = instant("2026-01-01T10:30:00Z");
    let there = [Pacific__Kiritimati, Europe__Berlin, Pacific__Pago_Pago].map(|zone| local_date(noon, zone));
    assert_eq!(there, [day("2026-01-02"), day("2026-01-01"), day("2025-12-31")]);
}

#[test]
fn samoa_had_no_30_december_2011() {
    // The clocks went from the end of the 29th to the 31st: a gap of 24 hours, by which the time is later.
    assert_eq!(
        daily("2011-12-29", Some(at("09:00:00")), Pacific__Apia, 4),
        [
            "2011-12-29T09:00:00-10:00",
            "2011-12-31T09:00:00+14:00",
            "2011-12-31T09:00:00+14:00",
            "2012-01-01T09:00:00+14:00"
        ]
    );
    // The 30th ends in the instant in which it would have begun.
    assert_eq!(
        daily("2011-12-28", None, Pacific__Apia, 4),
        [
            "2011-12-29T00:00:00-10:00",
            "2011-12-31T00:00:00+14:00",
            "2011-12-31T00:00:00+14:00",
            "2012-01-01T00:00:00+14:00"
        ]
    );
    assert_eq!(due(day("2011-12-30"), None, Pacific__Apia), instant("2011-12-30T10:00:00Z"));
}

#[test]
fn other_islands_crossed_the_line_as_well() {
    assert_eq!(
        due(day("1994-12-31"), Some(at("09:00:00")), Pacific__Kiritimati),
        instant("1995-01-01T09:00:00+14:00")
    );
    assert_eq!(
        due(day("1993-08-21"), Some(at("09:00:00")), Pacific__Kwajalein),
        instant("1993-08-22T09:00:00+12:00")
    );
}

#[test]
fn a_day_ends_where_the_next_begins_even_without_a_midnight() {
    let end = |date: &str, zone| due(day(date), None, zone);
    assert_eq!(end("2026-06-01", Europe__Berlin), instant("2026-06-02T00:00:00+02:00"));
    assert_eq!(end("2026-06-01", Asia__Kathmandu), instant("2026-06-02T00:00:00+05:45"));
    // 23 and 25 hours long.
    assert_eq!(end("2026-03-29", Europe__Berlin), instant("2026-03-29T22:00:00Z"));
    assert_eq!(end("2026-10-25", Europe__Berlin), instant("2026-10-25T23:00:00Z"));
    // Where clocks go from midnight to one o'clock, the next day begins at one.
    assert_eq!(end("2026-03-07", America__Havana), instant("2026-03-08T01:00:00-04:00"));
    assert_eq!(end("2026-04-23", Africa__Cairo), instant("2026-04-24T01:00:00+03:00"));
    // Where midnight comes twice, the first counts; the date does not go back.
    assert_eq!(end("2026-10-31", America__Havana), instant("2026-11-01T00:00:00-04:00"));
    // Where clocks go from 23:30 to 00:30, the next day begins at half past midnight.
    assert_eq!(end("1919-03-30", America__Toronto), instant("1919-03-31T00:30:00-04:00"));
}

#[test]
fn a_time_may_be_shifted_into_the_next_day() {
    // Nuuk's clocks go from Saturday 23:00 to Sunday 00:00.
    let late = due(day("2026-03-28"), Some(at("23:30:00")), America__Nuuk);
    assert_eq!(late, instant("2026-03-29T00:30:00-01:00"));
    assert_eq!(local_date(late, America__Nuuk), day("2026-03-29"));
    assert_eq!(due(day("2026-03-28"), None, America__Nuuk), instant("2026-03-29T00:00:00-01:00"));
}

#[test]
fn another_zone_moves_instants_and_no_dates() {
    let in_zone = |zone| {
        let rule = "FREQ=WEEKLY;BYDAY=TU".parse().unwrap();
        Schedule::new(day("2026-06-02"), Some(at("18:00:00")), zone, rule, Overflow::Clamp, Mode::Fixed)
            .unwrap()
    };
    let (berlin, new_york) = (in_zone(Europe__Berlin), in_zone(America__New_York));
    let open = berlin.first();
    assert_eq!(open.due, instant("2026-06-02T16:00:00Z"));
    assert_eq!(new_york.on(open.date).due, instant("2026-06-02T22:00:00Z"));
    assert_eq!(new_york.after(open.date).unwrap().date, berlin.after(open.date).unwrap().date);
}
