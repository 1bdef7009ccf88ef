//! Reminders are planned as notifications of the outbox, in the transaction that opens, changes or closes an occurrence:
//! what is no longer right is called off with it, and what is missing is added. Of all naggings only the next one is
//! there; the one after it is planned when that was delivered.

use super::{Nag, Reminders};
use crate::access::{MemberStatus, Permission, Role};
use crate::notification::{self, Content, Plan, TASK_REMINDER};
use crate::tables::{households, members, occurrences, tasks, users};
use crate::task::recurrence::local_date;
use crate::task::replan::open_of;
use crate::task::rotation::DateRanges;
use crate::task::{Occurrence, Status, Task, is_asked};
use crate::{Change, Connection, HouseholdId, MemberId, OccurrenceId, Result, Time, UserId};
use chrono_tz::Tz;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::time::Duration;

/// Somebody to be told of an occurrence.
pub(super) struct Recipient {
    pub(super) member: MemberId,
    pub(super) user: UserId,
    pub(super) email: String,
    pub(super) display_name: String,
    pub(super) household_name: String,
}

/// One time that somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// So many minutes after it is due.
    pub(super) after: i32,
    /// Which nagging it is.
    pub(super) nag: Option<i32>,
}

impl Moment {
    pub(super) fn at(self, due: Time) -> Time {
        let span = Duration::from_secs(u64::from(self.after.unsigned_abs()) * 60);
        if self.after < 0 { due.before(span) } else { due.after(span) }
    }

    /// Names who is told of what, when: nobody is told twice of the same.
    pub(super) fn cause(self, occurrence: OccurrenceId, member: MemberId, due: Time) -> String {
        let Self { after, nag } = self;
        match nag {
            Some(nag) => format!("nag:{occurrence}:{member}:{nag}:{after}:{}", due.micros()),
            None => format!("reminder:{occurrence}:{member}:{after}:{}", due.micros()),
        }
    }
}

impl Nag {
    /// The next nagging after this one that is neither past nor on a day on which the chore is paused.
    pub(super) fn next(self, last: i32, due: Time, now: Time, pause: &Pause<'_>) -> Option<Moment> {
        (last + 1..=self.at_most)
            .map(|nag| Moment { after: nag.saturating_mul(self.every), nag: Some(nag) })
            .find(|moment| moment.at(due) > now && !pause.covers(moment.at(due)))
    }
}

impl Reminders {
    pub(in crate::task) fn is_silent(&self) -> bool {
        self.offsets.is_empty() && self.nag.is_none()
    }

    fn has(&self, moment: Moment) -> bool {
        match moment.nag {
            None => self.offsets.contains(&moment.after),
            Some(nag) => self.nag.is_some_and(|rule| {
                (1..=rule.at_most).contains(&nag) && nag.saturating_mul(rule.every) == moment.after
            }),
        }
    }
}

/// When a chore is paused, by its own calendar.
pub(super) struct Pause<'a> {
    pub(super) dates: &'a DateRanges,
    pub(super) zone: Tz,
}

impl Pause<'_> {
    pub(super) fn covers(&self, at: Time) -> bool {
        self.dates.cover(local_date(at, self.zone))
    }
}

/// Plans the reminders of an occurrence as it is now, and calls off those that are no longer right. What is being
/// delivered at this very moment cannot be called back.
pub(in crate::task) async fn schedule(
    change: &mut Change<'_>,
    task: &Task,
    occurrence: &Occurrence,
) -> Result<()> {
    if !occurrence.is_open() || task.archived_at.is_some() {
        return call_off(change, occurrence.id).await;
    }
    let now = change.now();
    let planned = notification::planned(change.conn(), occurrence.id.into(), TASK_REMINDER).await?;
    let due = occurrence.due_at;
    let is_silent = occurrence.due().is_none() || task.reminders.is_silent();
    let recipients = if is_silent { Vec::new() } else { recipients(change.conn(), task, occurrence).await? };
    let (mut kept, mut wrong) = (Vec::new(), Vec::new());
    for (id, content) in planned {
        match content {
            Some(Content::TaskReminder { member_id, due_at, after_minutes, nag, .. })
                if due_at == due
                    && task.reminders.has(Moment { after: after_minutes, nag })
                    && recipients.iter().any(|recipient| recipient.member == member_id) =>
            {
                kept.push((member_id, Moment { after: after_minutes, nag }));
            }
            _ => wrong.push(id),
        }
    }
    if !wrong.is_empty() {
        notification::call_off_these(change.conn(), &wrong, now).await?;
    }
    let pause = Pause { dates: &task.paused, zone: task.zone()? };
    for recipient in &recipients {
        let is_nagged =
            kept.iter().any(|(member, moment)| *member == recipient.member && moment.nag.is_some());
        let nag = task.reminders.nag.filter(|_| !is_nagged);
        let offsets = task.reminders.offsets.iter().map(|offset| Moment { after: *offset, nag: None });
        let moments = offsets
            .filter(|moment| moment.at(due) > now && !pause.covers(moment.at(due)))
            .filter(|moment| !kept.contains(&(recipient.member, *moment)))
            .chain(nag.and_then(|nag| nag.next(0, due, now, &pause)));
        for moment in moments {
            let content = reminder(task, occurrence, due, recipient, moment);
            let plan = Plan {
                cause: &moment.cause(occurrence.id, recipient.member, due),
                recipient: &recipient.email,
                content: &content,
                at: moment.at(due),
                subject: Some(occurrence.id.into()),
            };
            notification::plan(change.conn(), plan, now).await?;
        }
    }
    Ok(())
}

fn reminder(
    task: &Task,
    occurrence: &Occurrence,
    due: Time,
    recipient: &Recipient,
    moment: Moment,
) -> Content {
    Content::TaskReminder {
        display_name: recipient.display_name.clone(),
        household_name: recipient.household_name.clone(),
        title: task.title.clone(),
        due_at: due,
        by_end_of: occurrence.by_end_of(),
        time_zone: task.time_zone.clone(),
        household_id: occurrence.household_id,
        occurrence_id: occurrence.id,
        member_id: recipient.member,
        after_minutes: moment.after,
        nag: moment.nag,
    }
}

/// As [`schedule`], of all that is open of a chore: for whatever changes its reminders, who shares it, its pauses or its
/// zone.
pub(in crate::task) async fn schedule_all(change: &mut Change<'_>, task: &Task) -> Result<()> {
    for occurrence in &open_of(change, task).await? {
        schedule(change, task, occurrence).await?;
    }
    Ok(())
}

/// As [`schedule`], of all in the household that is open and nobody's: for whoever may do chores from now on.
pub(crate) async fn schedule_claimable(change: &mut Change<'_>) -> Result<()> {
    let query = occurrences::table
        .inner_join(tasks::table)
        .filter(occurrences::household_id.eq(change.household_id()))
        .filter(occurrences::status.eq(Status::Open))
        .filter(occurrences::assignee_id.is_null())
        .order(occurrences::id);
    let rows: Vec<(Occurrence, Task)> = run!(change.conn(), |c| {
        query.select((Occurrence::as_select(), Task::as_select())).load(c).await
    })?;
    for (occurrence, task) in rows.iter().filter(|(_, task)| !task.reminders.is_silent()) {
        schedule(change, task, occurrence).await?;
    }
    Ok(())
}

/// Calls off whatever is to be told of an occurrence: it is closed, or gone.
pub(in crate::task) async fn call_off(change: &mut Change<'_>, occurrence: OccurrenceId) -> Result<()> {
    let now = change.now();
    notification::call_off(change.conn(), occurrence.into(), now).await
}

/// Who is to be told of an occurrence: its assignee; of one that is nobody's, who shares the chore, or everybody who
/// may do chores if nobody in particular does. Whether their addresses are proven is asked when they are told.
pub(super) async fn recipients(
    conn: &mut Connection,
    task: &Task,
    occurrence: &Occurrence,
) -> Result<Vec<Recipient>> {
    let roster = task.roster()?;
    let people = active(conn, task.household_id).await?;
    let asked = people.into_iter().filter(|(role, person)| {
        is_asked(person.member, role.may(Permission::DoTasks), occurrence.assignee_id, &roster)
    });
    Ok(asked.map(|(_, person)| person).collect())
}

async fn active(conn: &mut Connection, household: HouseholdId) -> Result<Vec<(Role, Recipient)>> {
    let query = members::table
        .inner_join(users::table)
        .inner_join(households::table)
        .filter(members::household_id.eq(household))
        .filter(members::status.eq(MemberStatus::Active))
        .order(members::id)
        .select((members::id, members::role, users::id, users::email, users::display_name, households::name));
    let rows: Vec<(MemberId, Role, UserId, String, String, String)> = run!(conn, |c| query.load(c).await)?;
    let person = |(member, role, user, email, display_name, household_name)| {
        (role, Recipient { member, user, email, display_name, household_name })
    };
    Ok(rows.into_iter().map(person).collect())
}
