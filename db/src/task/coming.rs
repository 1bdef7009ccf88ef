//! What of all chores somebody has to do on dates to come, or could.

use super::occurrence::Status;
use super::rotation::{DateRange, DateRanges, Rotation};
use super::{from_json, is_asked};
use crate::among::among;
use crate::notification::DigestLine;
use crate::tables::{occurrences, tasks};
use crate::{Connection, Date, HouseholdId, Json, MemberId, Result, Time, WallTime};
use chrono::{NaiveDate, NaiveTime};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::time::Duration;

/// The most occurrences that are looked at.
const LOOKED_AT: i64 = 2000;
const DAY: Duration = Duration::from_hours(24);

/// Somebody's place in a household.
pub(crate) struct Resident {
    pub(crate) member: MemberId,
    pub(crate) household: HouseholdId,
    pub(crate) household_name: String,
    /// Whether they may do what is nobody's.
    pub(crate) may_claim: bool,
    /// When they are away.
    pub(crate) away: DateRanges,
}

/// An open occurrence with what is asked of its chore.
#[derive(Queryable, Selectable)]
#[diesel(table_name = occurrences)]
struct Row {
    household_id: HouseholdId,
    assignee_id: Option<MemberId>,
    due_on: Option<Date>,
    due_time: Option<WallTime>,
    due_at: Time,
    #[diesel(select_expression = tasks::title)]
    title: String,
    #[diesel(select_expression = tasks::time_zone)]
    time_zone: String,
    #[diesel(select_expression = tasks::rotation)]
    rotation: String,
    #[diesel(select_expression = tasks::paused)]
    paused: Json<DateRanges>,
}

/// What is open and due on these days by the chores' calendars, and theirs, or theirs to claim; the earliest first. Not what is
/// due on days on which they are away.
pub(crate) async fn of(
    conn: &mut Connection,
    residents: &[Resident],
    days: DateRange,
) -> Result<Vec<DigestLine>> {
    let households: Vec<_> = residents.iter().map(|resident| resident.household).collect();
    let members: Vec<_> = residents.iter().map(|resident| resident.member).collect();
    let query = occurrences::table
        .inner_join(tasks::table)
        .filter(among(occurrences::household_id, &households))
        .filter(occurrences::status.eq(Status::Open))
        .filter(occurrences::due_on.ge(Date::from(days.first())))
        .filter(occurrences::due_on.le(Date::from(days.last())))
        // What leads into the index: wherever these days are, they begin and end between these.
        .filter(
            occurrences::due_at
                .between(midnight(days.first()).before(DAY), midnight(days.last()).after(2 * DAY)),
        )
        .filter(among(occurrences::assignee_id, &members).or(occurrences::assignee_id.is_null()))
        .filter(tasks::archived_at.is_null())
        .order((occurrences::due_at, occurrences::id))
        .limit(LOOKED_AT);
    let rows: Vec<Row> = run!(conn, |c| query.select(Row::as_select()).load(c).await)?;
    let mut lines = Vec::new();
    for row in rows {
        let resident = residents.iter().find(|resident| resident.household == row.household_id);
        let (Some(resident), Some(date)) = (resident, row.due_on) else { continue };
        let is_off = row.paused.cover(date.naive()) || resident.away.cover(date.naive());
        if is_off || !row.is_for(resident)? {
            continue;
        }
        lines.push(DigestLine {
            title: row.title,
            household_name: resident.household_name.clone(),
            due_at: row.due_at,
            by_end_of: row.due_time.is_none().then_some(date),
            time_zone: row.time_zone,
        });
    }
    Ok(lines)
}

/// When the date begins by UTC.
fn midnight(date: NaiveDate) -> Time {
    Time::from_micros(date.and_time(NaiveTime::MIN).and_utc().timestamp_micros())
}

impl Row {
    fn is_for(&self, resident: &Resident) -> Result<bool> {
        let rotation: Rotation<MemberId> = from_json(&self.rotation)?;
        Ok(is_asked(resident.member, resident.may_claim, self.assignee_id, rotation.order()))
    }
}
