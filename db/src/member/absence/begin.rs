//! What becomes of what somebody has left overdue when their absence begins: the clock asks. What is due while they are away
//! was moved when they said that they would be; what was due before could still be done until now.

use super::{Absence, OpenChores, coming, keep, today};
use crate::change::DueWork;
use crate::household::time_zone;
use crate::prepared::Prepare as _;
use crate::tables::{absences, households};
use crate::task::recurrence::local_date;
use crate::task::rotation::DateRanges;
use crate::task::{self, Trip};
use crate::{Change, Connection, Database, Date, HouseholdId, Result, Time};
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::BTreeSet;
use std::time::Duration;

/// So many absences are looked at: those that begin about now.
const LOOKED_AT: i64 = 1000;
const DAY: Duration = Duration::from_hours(24);

/// Begins the absences that have come, in up to `limit` households. One that fails does not stop the others: the first
/// error is returned when all were tried.
pub async fn begin_due(db: &Database, limit: usize) -> Result<()> {
    let households = households_to_begin(&mut *db.connection().await?, Time::now()).await?;
    db.perform_due(households.into_iter().take(limit), &Begin).await
}

async fn households_to_begin(conn: &mut Connection, now: Time) -> Result<BTreeSet<HouseholdId>> {
    // Calendars are at most a day apart from each other.
    let (yesterday, tomorrow) =
        (local_date(now.before(DAY), chrono_tz::UTC), local_date(now.after(DAY), chrono_tz::UTC));
    let query = absences::table
        .inner_join(households::table.on(households::id.eq(absences::household_id)))
        .filter(absences::begun_at.is_null())
        .filter(absences::first_on.le(Date::from(tomorrow)))
        .filter(absences::last_on.ge(Date::from(yesterday)))
        .filter(households::archived_at.is_null())
        .order((absences::first_on, absences::id))
        .limit(LOOKED_AT)
        .select((absences::household_id, absences::first_on, households::time_zone));
    let rows: Vec<(HouseholdId, Date, String)> = run!(conn, |c| query.load(c).await)?;
    let mut begun = BTreeSet::new();
    for (household, first_on, zone) in rows {
        if first_on.naive() <= local_date(now, time_zone(&zone)?) {
            begun.insert(household);
        }
    }
    Ok(begun)
}

/// Moves what those who are away from today on have left overdue, by their choice, once.
struct Begin;

impl DueWork for Begin {
    async fn apply(&self, change: &mut Change<'_>) -> Result<usize> {
        let today = today(change).await?;
        let begun = begun(change, today.into()).await?;
        for absence in &begun {
            begin(change, absence, today).await?;
        }
        Ok(begun.len())
    }
}

async fn begun(change: &mut Change<'_>, today: Date) -> Result<Vec<Absence>> {
    let query = absences::table
        .filter(absences::household_id.eq(change.household_id()))
        .filter(absences::begun_at.is_null())
        .filter(absences::first_on.le(today))
        .order((absences::first_on, absences::id));
    run!(change.conn(), |c| query.select(Absence::as_select()).load(c).await)
}

async fn begin(change: &mut Change<'_>, absence: &Absence, today: NaiveDate) -> Result<()> {
    let update = diesel::update(absences::table)
        .filter(absences::id.eq(absence.id))
        .set(absences::begun_at.eq(Some(change.now())))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    if absence.open_chores == OpenChores::Keep || absence.last_on.naive() < today {
        return Ok(());
    }
    let all = coming(change, absence.member_id, today).await?;
    let others = all.iter().filter(|other| other.id != absence.id);
    let others = others.map(Absence::moved).collect::<Result<Vec<_>>>()?;
    let all = all.iter().map(Absence::range).collect::<Result<DateRanges>>()?;
    let range = absence.range()?;
    let trip = Trip { member: absence.member_id, range, today, due_before: Some(range.first()) };
    let mut moved = absence.moved()?;
    if task::go_away(change, trip, &all, absence.open_chores, &others, &mut moved).await? {
        keep(change, absence.id, &moved).await?;
    }
    Ok(())
}
