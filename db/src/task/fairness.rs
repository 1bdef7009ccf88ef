//! How fair the chores of a household were in a period: who was there, and what became of whose occurrences.

use super::Status;
use super::recurrence::{due, local_date};
use super::rotation::{DateRange, DateRanges, Outcome, Part, Person, Record, fairness};
use crate::access::{Member, MemberStatus, Permission, Role};
use crate::household::time_zone;
use crate::member::absence;
use crate::tables::{absences, household_events, households, member_periods, members, occurrences};
use crate::{Connection, Date, Error, HouseholdId, MemberId, RefusalCode, Result, Time};
use chrono::NaiveDate;
use chrono_tz::Tz;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// The longest period, in days.
pub const DAY_LIMIT: u32 = 366;
/// So many occurrences at most are counted at once.
pub const RECORD_LIMIT: i64 = 20_000;
/// No two zones' clocks are further apart.
const ZONES: Duration = Duration::from_hours(48);

/// What each member of the household did from one of its days to another, both included, and what was to be expected of
/// them: current members who may do chores, and former ones who were there or did something, in the order in which they
/// first joined.
///
/// # Errors
///
/// [`Error::Refused`] if the period ends before it begins, is longer than [`DAY_LIMIT`] days, or more than
/// [`RECORD_LIMIT`] occurrences are of it.
pub async fn of_household(
    conn: &mut Connection,
    member: &Member,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<Part<MemberId>>> {
    let household = member.household_id();
    let period = period(from, to)?;
    let query = households::table.filter(households::id.eq(household)).select(households::time_zone);
    let zone: String = run!(conn, |c| query.first(c).await)?;
    let zone = time_zone(&zone)?;
    let mut records = done(conn, household, period, zone).await?;
    records.extend(missed(conn, household, period).await?);
    if i64::try_from(records.len()).unwrap_or(i64::MAX) > RECORD_LIMIT {
        let message = format!("is a period of more than {RECORD_LIMIT} occurrences: ask for a shorter one");
        return Err(Error::refused(RefusalCode::Limit, "to", message));
    }
    let people = people(conn, household, period, zone).await?;
    Ok(fairness(period, &people, records))
}

fn period(from: NaiveDate, to: NaiveDate) -> Result<DateRange> {
    let invalid = |message: String| Error::refused(RefusalCode::Invalid, "to", message);
    let period = DateRange::new(from, to).map_err(|_| invalid("must not be before `from`".to_owned()))?;
    if period.days() > DAY_LIMIT {
        return Err(invalid(format!("must be at most {DAY_LIMIT} days, `from` included")));
    }
    Ok(period)
}

/// Who did it and when, whose it was, and what it weighs.
type Done = (Option<MemberId>, Option<Time>, Option<MemberId>, i32);

/// What was done in the period, by the household's calendar.
async fn done(
    conn: &mut Connection,
    household: HouseholdId,
    period: DateRange,
    zone: Tz,
) -> Result<Vec<Record<MemberId>>> {
    let begins = period.first().pred_opt().map_or(Time::from_micros(i64::MIN), |eve| due(eve, None, zone));
    let ends = due(period.last(), None, zone);
    let query = occurrences::table
        .filter(occurrences::household_id.eq(household))
        .filter(occurrences::status.eq(Status::Done))
        // Nothing is closed before it is done; of this there is an index.
        .filter(occurrences::closed_at.ge(begins))
        .filter(occurrences::done_at.ge(begins))
        .filter(occurrences::done_at.lt(ends))
        .limit(RECORD_LIMIT + 1)
        .select((occurrences::done_by, occurrences::done_at, occurrences::assignee_id, occurrences::weight));
    let rows: Vec<Done> = run!(conn, |c| query.load(c).await)?;
    let records = rows.into_iter().filter_map(|(by, at, assignee, weight)| {
        let outcome = Outcome::Done { by: by? };
        Some(Record {
            on: local_date(at?, zone),
            assignee,
            outcome,
            weight: u32::try_from(weight).unwrap_or(0),
        })
    });
    Ok(records.collect())
}

/// What was due in the period, by each chore's own calendar, and missed.
async fn missed(
    conn: &mut Connection,
    household: HouseholdId,
    period: DateRange,
) -> Result<Vec<Record<MemberId>>> {
    let at = |day| due(day, None, chrono_tz::UTC);
    let query = occurrences::table
        .filter(occurrences::household_id.eq(household))
        .filter(occurrences::status.eq(Status::Missed))
        // Wide enough for every zone; of this there is an index.
        .filter(occurrences::due_at.ge(at(period.first()).before(ZONES)))
        .filter(occurrences::due_at.le(at(period.last()).after(ZONES)))
        .filter(occurrences::due_on.ge(Date::from(period.first())))
        .filter(occurrences::due_on.le(Date::from(period.last())))
        .limit(RECORD_LIMIT + 1)
        .select((occurrences::due_on, occurrences::assignee_id, occurrences::weight));
    let rows: Vec<(Option<Date>, Option<MemberId>, i32)> = run!(conn, |c| query.load(c).await)?;
    let records = rows.into_iter().filter_map(|(on, assignee, weight)| {
        let weight = u32::try_from(weight).unwrap_or(0);
        Some(Record { on: on?.naive(), assignee, outcome: Outcome::Missed, weight })
    });
    Ok(records.collect())
}

/// One time that somebody was a member: who, whether they are now, and as what, since when, until when.
type Stay = (MemberId, MemberStatus, Role, Time, Option<Time>);

/// Those of whom something was to be expected in the period.
async fn people(
    conn: &mut Connection,
    household: HouseholdId,
    period: DateRange,
    zone: Tz,
) -> Result<Vec<Person<MemberId>>> {
    let mut away = away(conn, household, period).await?;
    let mut stays: BTreeMap<MemberId, Vec<Stay>> = BTreeMap::new();
    for stay in stays_in(conn, household).await? {
        stays.entry(stay.0).or_default().push(stay);
    }
    let people = stays.into_iter().filter_map(|(id, stays)| {
        let is_current = stays.iter().any(|(_, status, ..)| *status == MemberStatus::Active);
        let may = stays.iter().any(|(_, _, role, ..)| role.may(Permission::DoTasks));
        let away = away.remove(&id).unwrap_or_default();
        let absent: DateRanges = gaps(&stays, zone).into_iter().chain(away.iter()).collect();
        let was_there = absent.days_within(period) < period.days();
        (may && (is_current || was_there)).then_some(Person { id, absent })
    });
    Ok(people.collect())
}

/// The days on which somebody was no member, given when they were, the earliest time first.
fn gaps(stays: &[Stay], zone: Tz) -> Vec<DateRange> {
    let mut gaps = Vec::new();
    // Until they first joined, they were as if they had left at the beginning of time.
    let mut left = Some(NaiveDate::MIN);
    for (.., joined_at, ended_at) in stays {
        let until_joined = DateRange::before(local_date(*joined_at, zone));
        gaps.extend(left.and_then(|left| DateRange::since(left).common(until_joined?)));
        left = ended_at.map(|at| local_date(at, zone));
    }
    gaps.extend(left.map(DateRange::since));
    gaps
}

async fn stays_in(conn: &mut Connection, household: HouseholdId) -> Result<Vec<Stay>> {
    let (begins, ends) = diesel::alias!(household_events as begins, household_events as ends);
    let begin = begins.on(begins
        .field(household_events::household_id)
        .eq(members::household_id)
        .and(begins.field(household_events::seq).eq(member_periods::from_seq)));
    let end = ends.on(ends
        .field(household_events::household_id)
        .eq(members::household_id)
        .and(ends.field(household_events::seq).nullable().eq(member_periods::to_seq)));
    let query = member_periods::table
        .inner_join(members::table.on(members::id.eq(member_periods::member_id)))
        .inner_join(begin)
        .left_join(end)
        .filter(members::household_id.eq(household))
        .order((member_periods::member_id, member_periods::from_seq))
        .select((
            members::id,
            members::status,
            members::role,
            begins.field(household_events::occurred_at),
            ends.field(household_events::occurred_at).nullable(),
        ));
    run!(conn, |c| query.load(c).await)
}

async fn away(
    conn: &mut Connection,
    household: HouseholdId,
    period: DateRange,
) -> Result<HashMap<MemberId, DateRanges>> {
    let query = absences::table
        .filter(absences::household_id.eq(household))
        .filter(absences::last_on.ge(Date::from(period.first())))
        .filter(absences::first_on.le(Date::from(period.last())))
        .select((absences::member_id, absences::first_on, absences::last_on));
    let rows: Vec<(MemberId, Date, Date)> = run!(conn, |c| query.load(c).await)?;
    absence::by_member(rows)
}
