//! What was planned long before is looked at once more when it is to be delivered, and told in today's words.

use super::schedule::{Moment, Pause};
use super::{Nag, Reminders};
use crate::access::{MemberStatus, Permission, Role};
use crate::among::among;
use crate::member::absence::by_member;
use crate::notification::{self, Content, Leased, Plan};
use crate::tables::{absences, households, members, occurrences, tasks, users};
use crate::task::recurrence::local_date;
use crate::task::rotation::{DateRanges, Rotation};
use crate::task::{Status, from_json, is_asked};
use crate::{
    Connection, Date, Json, MemberId, NotificationId, OccurrenceId, Result, TaskId, Time, WallTime, household,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::HashMap;
use std::time::Duration;

/// An open occurrence and a member, as they are now.
#[derive(Queryable, Selectable)]
#[diesel(table_name = occurrences)]
struct Now {
    id: OccurrenceId,
    due_on: Option<Date>,
    due_time: Option<WallTime>,
    due_at: Time,
    assignee_id: Option<MemberId>,
    #[diesel(select_expression = tasks::title)]
    title: String,
    #[diesel(select_expression = tasks::time_zone)]
    time_zone: String,
    #[diesel(select_expression = tasks::rotation)]
    rotation: String,
    #[diesel(select_expression = tasks::paused)]
    paused: Json<DateRanges>,
    #[diesel(select_expression = households::name)]
    household_name: String,
    #[diesel(select_expression = households::time_zone)]
    household_zone: String,
    #[diesel(select_expression = members::id)]
    member_id: MemberId,
    #[diesel(select_expression = members::role)]
    role: Role,
    #[diesel(select_expression = users::display_name)]
    display_name: String,
}

/// Puts what reminders and nudges say as it is now, and returns those that are not to be delivered: their occurrence is
/// closed, due at another time, or somebody else's; whom they are for has left, or is away today; chore or household are put
/// away, or the chore is paused. Two queries, however many letters.
pub(crate) async fn freshen(
    conn: &mut Connection,
    letters: &mut [Leased],
    now: Time,
) -> Result<Vec<NotificationId>> {
    let subjects: Vec<_> = letters.iter().filter_map(|letter| subject(&letter.content)).collect();
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    let (ids, people): (Vec<OccurrenceId>, Vec<MemberId>) = subjects.into_iter().unzip();
    let rows = as_they_are(conn, &ids, &people).await?;
    let away = absences_of(conn, &people, now).await?;
    let mut called_off = Vec::new();
    for letter in letters {
        let Some(subject) = subject(&letter.content) else { continue };
        let fresh = match rows.get(&subject) {
            Some(row) if row.is_told(&away, now)? => row.fresh(&letter.content),
            _ => None,
        };
        match fresh {
            Some(content) => letter.content = content,
            None => called_off.push(letter.id),
        }
    }
    Ok(called_off)
}

/// Those of these people who would be told now of an open occurrence.
pub(super) async fn within_reach(
    conn: &mut Connection,
    occurrence: OccurrenceId,
    people: &[MemberId],
    now: Time,
) -> Result<Vec<MemberId>> {
    let rows = as_they_are(conn, &[occurrence], people).await?;
    let away = absences_of(conn, people, now).await?;
    let mut within_reach = Vec::new();
    for row in rows.into_values() {
        if row.is_told(&away, now)? {
            within_reach.push(row.member_id);
        }
    }
    Ok(within_reach)
}

fn subject(content: &Content) -> Option<(OccurrenceId, MemberId)> {
    match content {
        Content::TaskReminder { occurrence_id, member_id, .. }
        | Content::TaskNudge { occurrence_id, member_id, .. } => Some((*occurrence_id, *member_id)),
        _ => None,
    }
}

async fn as_they_are(
    conn: &mut Connection,
    ids: &[OccurrenceId],
    people: &[MemberId],
) -> Result<HashMap<(OccurrenceId, MemberId), Now>> {
    let query = occurrences::table
        .inner_join(tasks::table)
        .inner_join(members::table.on(members::household_id.eq(occurrences::household_id)))
        .inner_join(users::table.on(users::id.eq(members::user_id)))
        .inner_join(households::table.on(households::id.eq(occurrences::household_id)))
        .filter(among(occurrences::id, ids))
        .filter(occurrences::status.eq(Status::Open))
        .filter(tasks::archived_at.is_null())
        .filter(households::archived_at.is_null())
        .filter(among(members::id, people))
        .filter(members::status.eq(MemberStatus::Active));
    let rows: Vec<Now> = run!(conn, |c| query.select(Now::as_select()).load(c).await)?;
    Ok(rows.into_iter().map(|row| ((row.id, row.member_id), row)).collect())
}

/// When these people are away about now, by their households' calendars.
async fn absences_of(
    conn: &mut Connection,
    people: &[MemberId],
    now: Time,
) -> Result<HashMap<MemberId, DateRanges>> {
    let day = Duration::from_hours(24);
    // Calendars are at most a day apart from each other.
    let from = Date::from(now.before(day).to_utc().date_naive());
    let to = Date::from(now.after(day).to_utc().date_naive());
    let query = absences::table
        .filter(among(absences::member_id, people))
        .filter(absences::first_on.le(to))
        .filter(absences::last_on.ge(from))
        .select((absences::member_id, absences::first_on, absences::last_on));
    let rows: Vec<(MemberId, Date, Date)> = run!(conn, |c| query.load(c).await)?;
    by_member(rows)
}

impl Now {
    fn is_told(&self, away: &HashMap<MemberId, DateRanges>, now: Time) -> Result<bool> {
        Ok(self.is_asked()? && !self.is_away(away, now)? && !self.is_paused(now)?)
    }

    fn is_asked(&self) -> Result<bool> {
        let rotation: Rotation<MemberId> = from_json(&self.rotation)?;
        Ok(is_asked(self.member_id, self.role.may(Permission::DoTasks), self.assignee_id, rotation.order()))
    }

    fn is_away(&self, away: &HashMap<MemberId, DateRanges>, now: Time) -> Result<bool> {
        let today = local_date(now, household::time_zone(&self.household_zone)?);
        Ok(away.get(&self.member_id).is_some_and(|away| away.cover(today)))
    }

    fn is_paused(&self, now: Time) -> Result<bool> {
        let zone = household::time_zone(&self.time_zone)?;
        Ok(Pause { dates: &self.paused, zone }.covers(now))
    }

    /// The same as it is now; nothing if that is about another time.
    fn fresh(&self, content: &Content) -> Option<Content> {
        let mut content = content.clone();
        let is_right = match &mut content {
            Content::TaskReminder {
                display_name,
                household_name,
                title,
                due_at,
                by_end_of,
                time_zone,
                ..
            } => {
                self.rename(display_name, household_name, title, time_zone);
                *by_end_of = self.by_end_of();
                *due_at == self.due_at
            }
            Content::TaskNudge {
                display_name, household_name, title, due_at, by_end_of, time_zone, ..
            } => {
                self.rename(display_name, household_name, title, time_zone);
                *by_end_of = self.by_end_of();
                *due_at = (self.due_at != Time::NEVER).then_some(self.due_at);
                true
            }
            _ => false,
        };
        is_right.then_some(content)
    }

    fn rename(&self, person: &mut String, home: &mut String, title: &mut String, zone: &mut String) {
        person.clone_from(&self.display_name);
        home.clone_from(&self.household_name);
        title.clone_from(&self.title);
        zone.clone_from(&self.time_zone);
    }

    fn by_end_of(&self) -> Option<Date> {
        self.due_on.filter(|_| self.due_time.is_none())
    }
}

/// Plans the nagging that follows one that is over, as long as the occurrence is open, due at the same time, and theirs.
/// It waits for whoever closes the occurrence at this moment: what they call off does not come back.
pub(crate) async fn nag_on(
    conn: &mut Connection,
    content: &Content,
    recipient: &str,
    now: Time,
) -> Result<()> {
    let Content::TaskReminder { occurrence_id, member_id, due_at, nag: Some(last), .. } = content else {
        return Ok(());
    };
    let query = occurrences::table
        .filter(occurrences::id.eq(*occurrence_id))
        .filter(occurrences::status.eq(Status::Open))
        .filter(occurrences::due_at.eq(*due_at))
        .select((occurrences::task_id, occurrences::assignee_id));
    let row: Option<(TaskId, Option<MemberId>)> = locked!(conn, query, |q, c| q.first(c).await.optional())?;
    let Some((task, assignee)) = row else { return Ok(()) };
    if assignee.is_some_and(|assignee| assignee != *member_id) {
        return Ok(());
    }
    let Some((rule, dates, time_zone)) = rule(conn, task).await? else { return Ok(()) };
    let pause = Pause { dates: &dates, zone: household::time_zone(&time_zone)? };
    let Some(next) = rule.next(*last, *due_at, now, &pause) else { return Ok(()) };
    plan(conn, content, recipient, next, now).await
}

/// How a chore nags, and when it does not.
async fn rule(conn: &mut Connection, task: TaskId) -> Result<Option<(Nag, DateRanges, String)>> {
    let query = tasks::table.filter(tasks::id.eq(task)).filter(tasks::archived_at.is_null()).select((
        tasks::reminders,
        tasks::paused,
        tasks::time_zone,
    ));
    let row: Option<(Json<Reminders>, Json<DateRanges>, String)> =
        run!(conn, |c| query.first(c).await.optional())?;
    Ok(row.and_then(|(reminders, paused, time_zone)| Some((reminders.0.nag?, paused.0, time_zone))))
}

async fn plan(
    conn: &mut Connection,
    content: &Content,
    recipient: &str,
    moment: Moment,
    now: Time,
) -> Result<()> {
    let mut content = content.clone();
    if let Content::TaskReminder { occurrence_id, member_id, due_at, after_minutes, nag, .. } = &mut content {
        (*after_minutes, *nag) = (moment.after, moment.nag);
        let cause = moment.cause(*occurrence_id, *member_id, *due_at);
        let (at, subject) = (moment.at(*due_at), Some((*occurrence_id).into()));
        let plan = Plan { cause: &cause, recipient, content: &content, at, subject };
        notification::plan(conn, plan, now).await?;
    }
    Ok(())
}
