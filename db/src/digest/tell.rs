//! Telling people what is due, tomorrow or in a week, each in a transaction of their own.

use super::{Digest, LATE_AT_MOST, date_of, next};
use crate::access::{MemberStatus, Permission, Role};
use crate::among::among;
use crate::database::Work;
use crate::household::time_zone;
use crate::member::absence;
use crate::notification::{self, Content, DigestLine};
use crate::prepared::Prepare as _;
use crate::tables::{absences, digests, households, members, users};
use crate::task::coming::{self, Resident};
use crate::task::rotation::DateRange;
use crate::{Connection, Database, Date, HouseholdId, MemberId, Result, Time, UserId, Weekday};
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// The most chores that a digest names.
const LINES: usize = 50;
/// The most bytes that their titles and households take: a digest fits into a row.
const LINE_BYTES: usize = 40_000;

/// Tells up to `limit` people whose time has come; returns how many rows were looked at. It may be asked on several
/// instances at once: they pass each other by.
pub async fn tell_due(db: &Database, limit: i64) -> Result<usize> {
    let now = Time::now();
    let due = due(&mut *db.connection().await?, limit, now).await?;
    for user in &due {
        // Whoever cannot be told keeps nobody else waiting.
        if let Err(error) = db.transaction(&Tell { user: *user, now }).await {
            tracing::warn!(%error, "what is due was not told to {user}: trying again");
        }
    }
    Ok(due.len())
}

async fn due(conn: &mut Connection, limit: i64, now: Time) -> Result<Vec<UserId>> {
    let query = digests::table
        .filter(digests::next_at.le(now))
        .order(digests::next_at)
        .limit(limit)
        .select(digests::user_id);
    run!(conn, |c| query.load(c).await)
}

struct Tell {
    user: UserId,
    now: Time,
}

impl Work for Tell {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        // Another instance tells them at this moment, or has told them.
        let Some(digest) = self.lock(conn).await? else { return Ok(()) };
        let Digest { at, weekday, time_zone: zone, next_at: planned, last_on } = digest;
        let zone = time_zone(&zone)?;
        let date = date_of(planned, at, zone);
        let is_told = last_on.is_some_and(|last| last.naive() >= date);
        let is_late = self.now.since(planned) > LATE_AT_MOST;
        let last_on = match last_on {
            Some(last) if is_told => last.naive(),
            // Left out, a date is as good as told: its time is past.
            _ => date,
        };
        if !is_told && !is_late {
            self.tell(conn, date, weekday).await?;
        }
        let update = diesel::update(digests::table)
            .filter(digests::user_id.eq(self.user))
            .set((
                digests::last_on.eq(Date::from(last_on)),
                // Not what is past, but what could still be told: that is due at once.
                digests::next_at.eq(next(at, weekday, zone, Some(last_on), self.now.before(LATE_AT_MOST))),
            ))
            .prepared();
        run!(conn, |c| update.execute(c).await).map(|_| ())
    }
}

impl Tell {
    /// Their row, if it is still due and nobody else has it.
    async fn lock(&self, conn: &mut Connection) -> Result<Option<Digest>> {
        let query = digests::table
            .filter(digests::user_id.eq(self.user))
            .filter(digests::next_at.le(self.now))
            .select((
                digests::told_at,
                digests::weekday,
                digests::time_zone,
                digests::next_at,
                digests::last_on,
            ));
        locked!(conn, query, skip_locked, |q, c| q.first(c).await.optional())
    }

    async fn tell(&self, conn: &mut Connection, date: NaiveDate, weekday: Option<Weekday>) -> Result<()> {
        let Some(tomorrow) = date.succ_opt() else { return Ok(()) };
        // Until the next one comes.
        let until = weekday.map(|weekday| weekday.first_from(tomorrow));
        let days = DateRange::new(tomorrow, until.unwrap_or(tomorrow))?;
        let query = users::table
            .filter(users::id.eq(self.user))
            .filter(users::email_verified_at.is_not_null())
            .select((users::email, users::display_name));
        let person: Option<(String, String)> = run!(conn, |c| query.first(c).await.optional())?;
        let Some((email, display_name)) = person else { return Ok(()) };
        let residents = self.present(conn, date, days).await?;
        let mut chores = coming::of(conn, &residents, days).await?;
        if chores.is_empty() {
            return Ok(());
        }
        let count = chores.len();
        chores.truncate(fitting(&chores));
        let more = count - chores.len();
        let until = until.map(Date::from);
        let content = Content::TaskDigest { display_name, date: tomorrow.into(), until, chores, more };
        let cause = format!("digest:{}:{date}", self.user);
        notification::enqueue(conn, &cause, &email, &content, self.now).await.map(|_| ())
    }

    /// Their households in use in which they are there today, and when they are away of these days.
    async fn present(
        &self,
        conn: &mut Connection,
        today: NaiveDate,
        days: DateRange,
    ) -> Result<Vec<Resident>> {
        let query = members::table
            .inner_join(households::table)
            .filter(members::user_id.eq(self.user))
            .filter(members::status.eq(MemberStatus::Active))
            .filter(households::archived_at.is_null())
            .order(households::id)
            .select((members::id, members::household_id, members::role, households::name));
        let rows: Vec<(MemberId, HouseholdId, Role, String)> = run!(conn, |c| query.load(c).await)?;
        let ids: Vec<_> = rows.iter().map(|row| row.0).collect();
        let query = absences::table
            .filter(among(absences::member_id, &ids))
            .filter(absences::first_on.le(Date::from(days.last())))
            .filter(absences::last_on.ge(Date::from(today)))
            .select((absences::member_id, absences::first_on, absences::last_on));
        let away: Vec<(MemberId, Date, Date)> = run!(conn, |c| query.load(c).await)?;
        let mut away = absence::by_member(away)?;
        let residents = rows.into_iter().map(|(member, household, role, household_name)| Resident {
            member,
            household,
            household_name,
            may_claim: role.may(Permission::DoTasks),
            away: away.remove(&member).unwrap_or_default(),
        });
        Ok(residents.filter(|resident| !resident.away.cover(today)).collect())
    }
}

/// How many of these, from the first, a digest names.
fn fitting(chores: &[DigestLine]) -> usize {
    let sizes = chores.iter().take(LINES).scan(0, |bytes, line| {
        *bytes += line.title.len() + line.household_name.len() + line.time_zone.len();
        Some(*bytes)
    });
    sizes.take_while(|bytes| *bytes <= LINE_BYTES).count()
}
