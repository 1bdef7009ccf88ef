//! Scalars with a form of their own.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime as ChronoDateTime, NaiveDate, NaiveTime, SecondsFormat, Timelike as _, Utc};
use roomm8_db::event::Position;
use roomm8_db::{SubjectId, Time};
use rust_decimal::Decimal as Exact;

/// An instant, as the schema tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DateTime(pub(crate) Time);

/// An instant in UTC, as RFC 3339 text with microseconds: `2026-11-24T19:30:00.000000Z`. Offsets other than `Z` are
/// accepted as input.
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/date-time")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let instant = ChronoDateTime::parse_from_rfc3339(text)
            .map_err(|_| InputValueError::custom("must be RFC 3339, for example 2026-11-24T19:30:00Z"))?;
        Ok(Self(Time::from_micros(instant.timestamp_micros())))
    }

    fn to_value(&self) -> Value {
        let instant: ChronoDateTime<Utc> = self.0.to_utc();
        Value::String(instant.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

/// A day of the calendar, as the schema tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LocalDate(pub(crate) NaiveDate);

/// A day of the calendar, wherever it is asked for: `2026-11-24`, as RFC 3339 writes a full date.
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/local-date")]
impl ScalarType for LocalDate {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        // chrono also reads signs, and numbers without their zeros.
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|date| date.to_string() == *text);
        date.map(Self).ok_or_else(|| InputValueError::custom("must be a date, for example 2026-11-24"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.format("%Y-%m-%d").to_string())
    }
}

/// A time of the day, as the schema tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LocalTime(pub(crate) NaiveTime);

/// What a clock on the wall says: `18:30`, or `18:30:15`.
#[Scalar]
impl ScalarType for LocalTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let format = if text.len() == 5 { "%H:%M" } else { "%H:%M:%S" };
        let is_as_told =
            |time: &NaiveTime| time.nanosecond() == 0 && time.format(format).to_string() == *text;
        let time = NaiveTime::parse_from_str(text, format).ok().filter(is_as_told);
        time.map(Self).ok_or_else(|| InputValueError::custom("must be a time of the day, for example 18:30"))
    }

    fn to_value(&self) -> Value {
        let format = if self.0.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
        Value::String(self.0.format(format).to_string())
    }
}

/// An exact number, as the schema tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal(pub(crate) Exact);

/// An exact decimal number, as text: `1.5`, without zeros at the end. As input a text or a number; numbers with many digits are
/// safer as text. At most 28 digits.
#[Scalar]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        let found = match &value {
            Value::String(text) => exact(text),
            // Its shortest text is what was written, but for numbers with more digits than a double has.
            Value::Number(number) => {
                let text = number.to_string();
                exact(&text).or_else(|| Exact::from_scientific(&text).ok())
            }
            _ => return Err(InputValueError::expected_type(value)),
        };
        let error =
            || InputValueError::custom("must be a decimal number of at most 28 digits, for example 1.5");
        found.map(Self).ok_or_else(error)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.normalize().to_string())
    }
}

/// A number that is written with digits, and with a point and a minus at most.
fn exact(text: &str) -> Option<Exact> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    // More would be rounded.
    let is_short = text.bytes().filter(u8::is_ascii_digit).count() <= 28;
    (is_number(whole) && is_number(part) && is_short).then(|| Exact::from_str_exact(text).ok()).flatten()
}

/// A place in a list or in a household's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// A place in a household's log.
    Log(Position),
    /// A place in a list ordered by id.
    Item(SubjectId),
    /// A place in a list ordered by an instant, and then by id.
    Timed(Timeline, Time, SubjectId),
}

/// Which instant a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timeline {
    /// When something is due.
    Due,
    /// When it was closed.
    Closed,
}

/// A place in a list or in a household's log: opaque text. Take it from one answer, give it back in another; never
/// make one or look inside.
#[Scalar]
impl ScalarType for Cursor {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        Self::decode(text)
            .ok_or_else(|| InputValueError::custom("is not a cursor: take one from an earlier answer"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.encode())
    }
}

impl Cursor {
    fn encode(self) -> String {
        let mut bytes = Vec::with_capacity(25);
        match self {
            Self::Log(position) => {
                bytes.push(b'L');
                bytes.extend(position.epoch.to_be_bytes());
                bytes.extend(position.seq.to_be_bytes());
            }
            Self::Item(id) => {
                bytes.push(b'I');
                bytes.extend(id.bytes());
            }
            Self::Timed(timeline, time, id) => {
                bytes.push(match timeline {
                    Timeline::Due => b'D',
                    Timeline::Closed => b'C',
                });
                bytes.extend(time.micros().to_be_bytes());
                bytes.extend(id.bytes());
            }
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (kind, rest) = bytes.split_first()?;
        match kind {
            b'L' => {
                let (epoch, seq) = rest.split_at_checked(4)?;
                let epoch = i32::from_be_bytes(epoch.try_into().ok()?);
                let seq = i64::from_be_bytes(seq.try_into().ok()?);
                Some(Self::Log(Position { epoch, seq }))
            }
            b'I' => Some(Self::Item(SubjectId::from_bytes(rest.try_into().ok()?))),
            b'D' => Self::timed(Timeline::Due, rest),
            b'C' => Self::timed(Timeline::Closed, rest),
            _ => None,
        }
    }

    fn timed(timeline: Timeline, bytes: &[u8]) -> Option<Self> {
        let (time, id) = bytes.split_at_checked(8)?;
        let time = Time::from_micros(i64::from_be_bytes(time.try_into().ok()?));
        Some(Self::Timed(timeline, time, SubjectId::from_bytes(id.try_into().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_what_it_was() {
        let id = SubjectId::new();
        for cursor in [
            Cursor::Log(Position { epoch: 7, seq: i64::MAX }),
            Cursor::Item(id),
            Cursor::Timed(Timeline::Due, Time::from_micros(i64::MIN), id),
            Cursor::Timed(Timeline::Closed, Time::from_micros(i64::MAX), id),
        ] {
            assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }
        assert_eq!(Cursor::decode("nonsense"), None);
    }

    #[test]
    fn days_and_times_are_read_as_they_are_told() {
        for (told, text) in [("2026-11-24", "2026-11-24"), ("0001-01-01", "0001-01-01")] {
            assert_eq!(LocalDate::parse(Value::from(text)).unwrap().to_value(), Value::from(told));
        }
        for (told, text) in [("18:30", "18:30"), ("18:30", "18:30:00"), ("00:00:59", "00:00:59")] {
            assert_eq!(LocalTime::parse(Value::from(text)).unwrap().to_value(), Value::from(told));
        }
        for wrong in ["2026-2-4", "2026-02-30", "24.11.2026", "2026-11-24T00:00", "", "+2026-1-01"] {
            assert!(LocalDate::parse(Value::from(wrong)).is_err(), "{wrong}");
        }
        for wrong in ["24:00", "7:30", "18.30", "18:30:5", "18:30:60", "18:30:00.5", "", "6pm"] {
            assert!(LocalTime::parse(Value::from(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_decimal_is_exact_whatever_it_was_written_as() {
        let number = |json: &str| Value::Number(serde_json::from_str(json).unwrap());
        for (told, value) in [
            ("1.5", Value::from("1.50")),
            ("1.5", number("1.5")),
            ("0.1", number("0.1")),
            ("2", number("2")),
            ("2", number("2.0")),
            ("-3", number("-3")),
            ("0.0000001", number("1e-7")),
            ("1000000000000000000000", number("1e21")),
            ("9999999999999999999999999999", Value::from("9".repeat(28))),
            ("0.000000000000000000000000001", Value::from("0.000000000000000000000000001")),
        ] {
            assert_eq!(Decimal::parse(value).unwrap().to_value(), Value::from(told));
        }
        for wrong in ["", "-", ".5", "5.", "+1", "1_000", "1,5", "1e3", "0x10", " 1", "NaN", "١"] {
            assert!(Decimal::parse(Value::from(wrong)).is_err(), "{wrong}");
        }
        for wrong in [Value::from("9".repeat(40)), number("1e300"), Value::from(true), Value::Null] {
            assert!(Decimal::parse(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_instant_is_told_to_the_microsecond() {
        let value = DateTime(Time::from_micros(1_500_000)).to_value();
        assert_eq!(value, Value::from("1970-01-01T00:00:01.500000Z"));
        let back = DateTime::parse(Value::from("1970-01-01T01:00:01.5+01:00")).unwrap();
        assert_eq!(back, DateTime(Time::from_micros(1_500_000)));
    }
}
