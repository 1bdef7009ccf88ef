//! Dates, days of the week and wall times as a household's calendar and clocks show them, kept as integers: both databases
//! compare exactly the same value.

use crate::{Error, RefusalCode, Result};
use chrono::{Datelike, NaiveDate, NaiveTime, Timelike};
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{Integer, SmallInt};
use serde::{Deserialize, Serialize};

/// 1970-01-01, counted from the first day of year 1.
const EPOCH: i32 = 719_163;

/// A local date, as days since 1970-01-01.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = Integer)]
pub struct Date(i32);

impl From<NaiveDate> for Date {
    fn from(date: NaiveDate) -> Self {
        Self(date.num_days_from_ce().saturating_sub(EPOCH))
    }
}

impl Date {
    /// The same date as `chrono` has it.
    pub fn naive(self) -> NaiveDate {
        // What was stored had been a date of chrono's.
        NaiveDate::from_num_days_from_ce_opt(self.0.saturating_add(EPOCH)).unwrap_or_default()
    }
}

/// What clocks show, as whole seconds since midnight.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = Integer)]
pub struct WallTime(i32);

impl WallTime {
    /// This wall time.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] for the field `time` if it is not in whole seconds.
    pub fn new(time: NaiveTime) -> Result<Self> {
        match i32::try_from(time.num_seconds_from_midnight()) {
            Ok(seconds) if time.nanosecond() == 0 => Ok(Self(seconds)),
            _ => {
                let message = "must be in whole seconds, for example 18:30:00";
                Err(Error::refused(RefusalCode::Invalid, "time", message))
            }
        }
    }

    /// The same wall time as `chrono` has it.
    pub fn naive(self) -> NaiveTime {
        let seconds = u32::try_from(self.0).unwrap_or(0);
        NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0).unwrap_or_default()
    }
}

macro_rules! stored_as_integer {
    ($($name:ident),+) => {$(
        impl<DB: Backend> FromSql<Integer, DB> for $name
        where
            i32: FromSql<Integer, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                i32::from_sql(bytes).map(Self)
            }
        }

        impl<DB: Backend> ToSql<Integer, DB> for $name
        where
            i32: ToSql<Integer, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                self.0.to_sql(out)
            }
        }
    )+};
}

stored_as_integer!(Date, WallTime);

/// A day of the week, kept as ISO 8601 counts them: 1 is Monday, 7 is Sunday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = SmallInt)]
pub enum Weekday {
    /// The first.
    Monday,
    /// The second.
    Tuesday,
    /// The third.
    Wednesday,
    /// The fourth.
    Thursday,
    /// The fifth.
    Friday,
    /// The sixth.
    Saturday,
    /// The last.
    Sunday,
}

impl Weekday {
    /// Every one, in their order.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    // Borrowed, as that is how it is written.
    const fn number(self) -> &'static i16 {
        match self {
            Self::Monday => &1,
            Self::Tuesday => &2,
            Self::Wednesday => &3,
            Self::Thursday => &4,
            Self::Friday => &5,
            Self::Saturday => &6,
            Self::Sunday => &7,
        }
    }

    /// Whether the date is on one.
    pub fn is_of(self, date: NaiveDate) -> bool {
        i64::from(*self.number()) == i64::from(date.weekday().number_from_monday())
    }

    /// The first date on one, from this date on.
    pub fn first_from(self, date: NaiveDate) -> NaiveDate {
        date.iter_days().take(Self::ALL.len()).find(|date| self.is_of(*date)).unwrap_or(date)
    }
}

impl<DB: Backend> FromSql<SmallInt, DB> for Weekday
where
    i16: FromSql<SmallInt, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let number = i16::from_sql(bytes)?;
        let found = Self::ALL.into_iter().find(|weekday| *weekday.number() == number);
        found.ok_or_else(|| format!("{number} is no day of the week").into())
    }
}

impl<DB: Backend> ToSql<SmallInt, DB> for Weekday
where
    i16: ToSql<SmallInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        <i16 as ToSql<SmallInt, DB>>::to_sql(self.number(), out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_come_back_as_they_went() {
        for date in [NaiveDate::MIN, NaiveDate::default(), NaiveDate::MAX] {
            assert_eq!(Date::from(date).naive(), date);
        }
        assert_eq!(Date::from(NaiveDate::default()), Date(0));
        let time = NaiveTime::from_hms_opt(23, 59, 59).unwrap();
        assert_eq!(WallTime::new(time).unwrap().naive(), time);
        assert!(WallTime::new(time.with_nanosecond(1).unwrap()).is_err());
    }

    #[test]
    fn each_day_is_on_one_day_of_the_week() {
        let tuesday = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
        let week = Weekday::ALL.map(|weekday| weekday.first_from(tuesday).to_string());
        let dates = [
            "2026-11-30",
            "2026-11-24",
            "2026-11-25",
            "2026-11-26",
            "2026-11-27",
            "2026-11-28",
            "2026-11-29",
        ];
        assert_eq!(week, dates);
        assert_eq!(Weekday::ALL.map(|weekday| *weekday.number()), [1, 2, 3, 4, 5, 6, 7]);
    }
}
