//! Who is to do an occurrence: found when it is opened, by the chore's strategy; changed when somebody claims it, lets go
//! of it or gives it away, and found again when they leave.

use super::occurrence::{self, NOBODYS, Occurrence, Slot, Status, open_with_task, save_assignee};
use super::recurrence::{due, local_date};
use super::rotation::Strategy;
use super::rotation::{
    Assignment, Credit, DateRange, DateRanges, LOOK_BACK_DAYS, Occasion, Person, Rotation,
};
use super::{Task, doers, notice, refuse_strangers, reminder, save_rotation, swap};
use crate::access::Permission;
use crate::member::absence;
use crate::tables::{occurrences, tasks};
use crate::{
    Change, Date, Entry, Error, Json, MemberId, OccurrenceId, Operation, RefusalCode, Result, TaskId, Time,
    WallTime, event, version,
};
use chrono::{Days, NaiveDate};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use std::collections::HashMap;
use std::time::Duration;

/// The most credits that are counted: more than one a day for as long as they count.
const CREDIT_LIMIT: i64 = 5000;

/// Opens what is due in `slot`, and assigns it; where everybody has their own line of occurrences, that of `share`, or
/// the first of everybody's. Returns what was opened.
pub(super) async fn open(
    change: &mut Change<'_>,
    task: &Task,
    rotation: &mut Rotation<MemberId>,
    slot: Slot,
    number: i32,
    share: Option<MemberId>,
) -> Result<Vec<OccurrenceId>> {
    let id = OccurrenceId::new();
    let away = away_from_own_lines(change, task).await?;
    let assignment = assign(change, task, rotation, slot.on, id, None).await?;
    let is_nobodys = assignment == Assignment::Nobody;
    let lines = match assignment {
        // The line of who is no longer of the roster ends.
        Assignment::Each(members) => members
            .into_iter()
            .filter(|member| share.is_none_or(|own| own == *member))
            .map(|member| (member, Some(member)))
            .collect(),
        Assignment::To(member) => vec![(NOBODYS, Some(member))],
        Assignment::Claimable(_) | Assignment::Nobody => vec![(share.unwrap_or(NOBODYS), None)],
    };
    let mut opened = Vec::new();
    for (share, assignee_id) in lines {
        let due = match away.get(&share) {
            Some(away) => put_off(task, slot, away, change.now())?,
            None => slot,
        };
        let occurrence = Occurrence {
            id: if opened.is_empty() { id } else { OccurrenceId::new() },
            household_id: task.household_id,
            task_id: task.id,
            number,
            share,
            planned_on: slot.on,
            due_on: due.on,
            due_time: due.time,
            due_at: due.at,
            acts_at: task.acts_at(slot.on, due.on)?,
            status: Status::Open,
            assignee_id,
            holder_id: rotation.holder(),
            done_by: None,
            done_at: None,
            closed_by: None,
            closed_at: None,
            note: None,
            reviewed_by: None,
            reviewed_at: None,
            review_note: None,
            ticks: Json::default(),
            pre_image: None,
            version: 1,
            weight: task.weight,
        };
        let insert = diesel::insert_into(occurrences::table).values(&occurrence);
        run!(change.conn(), |c| insert.execute(c).await)?;
        occurrence::record(change, event::Kind::OccurrenceOpened, &occurrence, &[]);
        reminder::schedule(change, task, &occurrence).await?;
        opened.push(occurrence.id);
    }
    if is_nobodys {
        notice::nobody_can(change, task, slot.on).await?;
    }
    Ok(opened)
}

/// When those are away who each have a line of their own of this chore; nobody's lines know no absence.
async fn away_from_own_lines(change: &mut Change<'_>, task: &Task) -> Result<HashMap<MemberId, DateRanges>> {
    if task.strategy != Strategy::Everyone {
        return Ok(HashMap::new());
    }
    let today = local_date(change.now(), task.zone()?);
    absence::away(change, &task.roster()?, today).await
}

/// The slot, unless it is on a day of an absence: then the first day after it.
pub(super) fn put_off(task: &Task, slot: Slot, away: &DateRanges, now: Time) -> Result<Slot> {
    let zone = task.zone()?;
    let Some(on) = slot.on.map(|on| on.naive().max(local_date(now, zone))).filter(|on| away.cover(*on))
    else {
        return Ok(slot);
    };
    let back = away.first_free(on);
    Ok(Slot { on: Some(back.into()), at: due(back, slot.time.map(WallTime::naive), zone), ..slot })
}

/// Says who is to do the occurrence that is due on `date`, or some day, as if whoever is named were not away.
async fn assign(
    change: &mut Change<'_>,
    task: &Task,
    rotation: &mut Rotation<MemberId>,
    date: Option<Date>,
    id: OccurrenceId,
    there: Option<MemberId>,
) -> Result<Assignment<MemberId>> {
    let zone = task.zone()?;
    let today = local_date(change.now(), zone);
    let mut away = match task.strategy {
        // One's own line waits for one: see `put_off`.
        Strategy::Everyone => HashMap::new(),
        _ => absence::away(change, rotation.order(), first_that_counts(today)).await?,
    };
    if let Some(there) = there {
        away.remove(&there);
    }
    let people = doers(change, rotation.order()).await?.into_iter().map(|doer| {
        let away = away.get(&doer.id).into_iter().flat_map(DateRanges::iter);
        let absent = DateRange::before(local_date(doer.joined_at, zone)).into_iter().chain(away).collect();
        Person { id: doer.id, absent }
    });
    let people: Vec<_> = people.collect();
    let credits = credits(change, task).await?;
    let occasion = Occasion {
        // What is overdue is done by somebody who is there now, not by who was there then.
        due: date.map(Date::naive).unwrap_or_default().max(today),
        people: &people,
        credits: &credits,
        paused: &task.paused,
        seed: seed(id),
    };
    Ok(rotation.assign(task.sharing()?, &occasion))
}

/// The random end of the id: the same lot whenever the occurrence is assigned.
fn seed(id: OccurrenceId) -> u64 {
    id.bytes().iter().rev().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

/// The first day of which it counts, by any strategy, who did what and who was there.
pub(super) fn first_that_counts(today: NaiveDate) -> NaiveDate {
    let days = u64::try_from(LOOK_BACK_DAYS).unwrap_or(u64::MAX);
    today.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN)
}

/// Who has done the chore when, as far back as it counts.
async fn credits(change: &mut Change<'_>, task: &Task) -> Result<Vec<Credit<MemberId>>> {
    if task.strategy != Strategy::LeastDone {
        return Ok(Vec::new());
    }
    let days = u32::try_from(LOOK_BACK_DAYS).unwrap_or(u32::MAX);
    let since = change.now().before(Duration::from_hours(24).saturating_mul(days));
    let query = occurrences::table
        .filter(occurrences::task_id.eq(task.id))
        .filter(occurrences::status.eq(Status::Done))
        .filter(occurrences::done_at.ge(since))
        .order(occurrences::done_at.desc())
        .limit(CREDIT_LIMIT)
        .select((occurrences::done_by, occurrences::done_at));
    let rows: Vec<(Option<MemberId>, Option<Time>)> = run!(change.conn(), |c| query.load(c).await)?;
    let zone = task.zone()?;
    let credit = |(by, at): (Option<_>, Option<_>)| Some(Credit { member: by?, on: local_date(at?, zone) });
    Ok(rows.into_iter().filter_map(credit).collect())
}

/// Assigns an open occurrence afresh, as if it had never been; the caller saves it and the rotation. The turn of one that
/// was left open beside the next was used up: whoever does it now, the turn stays where it is.
pub(super) async fn assign_again(
    change: &mut Change<'_>,
    task: &Task,
    rotation: &mut Rotation<MemberId>,
    occurrence: &mut Occurrence,
) -> Result<()> {
    let is_left = occurrence::has_successor(change, occurrence).await?;
    let mut aside = rotation.clone();
    let rotation = if is_left { &mut aside } else { rotation };
    let assignment = assign(change, task, rotation, occurrence.due_on, occurrence.id, None).await?;
    // If it was nobody's before, the household knows.
    if assignment == Assignment::Nobody && occurrence.assignee_id.is_some() {
        notice::nobody_can(change, task, occurrence.due_on).await?;
    }
    occurrence.assignee_id = match assignment {
        Assignment::To(member) => Some(member),
        Assignment::Each(members) => occurrence.share().filter(|own| members.contains(own)),
        Assignment::Claimable(_) | Assignment::Nobody => None,
    };
    occurrence.holder_id = rotation.holder().filter(|_| !is_left);
    Ok(())
}

/// Whether the chore's rules would give it to this member if they were not away, so that nobody else did.
pub(super) async fn is_by_rule(
    change: &mut Change<'_>,
    task: &Task,
    rotation: &Rotation<MemberId>,
    occurrence: &Occurrence,
    member: MemberId,
) -> Result<bool> {
    let mut aside = rotation.clone();
    let (date, id) = (occurrence.due_on, occurrence.id);
    let assignment = assign(change, task, &mut aside, date, id, Some(member)).await?;
    Ok(assignment == Assignment::To(member))
}

/// Makes it another's to do, which is news if it changes anything.
pub(super) async fn give(
    change: &mut Change<'_>,
    task: &Task,
    mut occurrence: Occurrence,
    to: Option<MemberId>,
) -> Result<Occurrence> {
    if occurrence.assignee_id == to {
        return Ok(occurrence);
    }
    occurrence.assignee_id = to;
    save_assignee(change, task, &mut occurrence).await?;
    Ok(occurrence)
}

/// Takes an occurrence that is nobody's. The first claim wins; the others get the occurrence as it is.
#[derive(Debug, Serialize)]
pub struct Claim {
    /// Which.
    pub occurrence: OccurrenceId,
}

impl Operation for Claim {
    type Outcome = Occurrence;
    const NAME: &'static str = "claimOccurrence";
    const ENTRY: Entry = Entry::Member(Permission::DoTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Occurrence> {
        let actor = change.actor()?.id();
        let (occurrence, task) = open_with_task(change, self.occurrence).await?;
        if occurrence.assignee_id.is_some_and(|assignee| assignee != actor) {
            return Err(Error::Conflict(occurrence.id.into()));
        }
        let roster = task.roster()?;
        if task.strategy == Strategy::Anyone && !roster.is_empty() && !roster.contains(&actor) {
            return Err(invalid("is for those who share this chore: you are not one of them"));
        }
        give(change, &task, occurrence, Some(actor)).await
    }
}

/// Lets go of an occurrence that one has claimed, so that others can claim it.
#[derive(Debug, Serialize)]
pub struct Release {
    /// Which.
    pub occurrence: OccurrenceId,
}

impl Operation for Release {
    type Outcome = Occurrence;
    const NAME: &'static str = "releaseOccurrence";
    const ENTRY: Entry = Entry::Member(Permission::DoTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Occurrence> {
        let actor = change.actor()?.id();
        let (occurrence, task) = open_with_task(change, self.occurrence).await?;
        if task.strategy != Strategy::Anyone {
            return Err(invalid("was given to you by the chore's rules: give it to somebody else instead"));
        }
        if occurrence.assignee_id.is_some_and(|assignee| assignee != actor) {
            return Err(invalid("is claimed by somebody else"));
        }
        give(change, &task, occurrence, None).await
    }
}

/// Gives an occurrence to another member, or to nobody. Whose turn it is stays as it is: who does another's turn as a
/// favour has their own when it comes.
#[derive(Debug, Serialize)]
pub struct Reassign {
    /// Which.
    pub occurrence: OccurrenceId,
    /// To whom: a current member who may do chores, of its roster or not.
    pub to: Option<MemberId>,
    /// The version of the occurrence that the caller has seen.
    pub expected_version: Option<i32>,
}

impl Operation for Reassign {
    type Outcome = Occurrence;
    const NAME: &'static str = "reassignOccurrence";
    const ENTRY: Entry = Entry::Member(Permission::ManageTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Occurrence> {
        let (occurrence, task) = open_with_task(change, self.occurrence).await?;
        if task.strategy == Strategy::Everyone {
            return Err(invalid("is of a chore that everybody does for themselves"));
        }
        if let Some(to) = self.to {
            refuse_strangers(change, "assigneeId", &[to]).await?;
        }
        let subject = occurrence.id.into();
        version::settle(change, subject, occurrence.version, self.expected_version, &["assignee"]).await?;
        give(change, &task, occurrence, self.to).await
    }
}

fn invalid(message: &'static str) -> Error {
    Error::refused(RefusalCode::Invalid, "occurrenceId", message)
}

/// Takes somebody who is no longer a member off every roster, and gives what they were to do to others: by the chore's
/// strategy, or to nobody where it is to be claimed or nobody else can. Their own line of a chore that everybody does
/// for themselves ends.
pub(crate) async fn let_go(change: &mut Change<'_>, member: MemberId) -> Result<()> {
    let mut theirs = open_of(change, member).await?;
    for mut task in living(change).await? {
        let mut rotation = task.rotation()?;
        let open = theirs.remove(&task.id).unwrap_or_default();
        if open.is_empty() && !rotation.order().contains(&member) {
            continue;
        }
        rotation.leave(member);
        for mut occurrence in open {
            if occurrence.share().is_some() && !rotation.order().is_empty() {
                cancel(change, &occurrence).await?;
                continue;
            }
            assign_again(change, &task, &mut rotation, &mut occurrence).await?;
            save_assignee(change, &task, &mut occurrence).await?;
        }
        save_rotation(change, &mut task, &rotation).await?;
        // Of a roster that is empty now, everybody can claim what is nobody's.
        if !task.reminders.is_silent() {
            reminder::schedule_all(change, &task).await?;
        }
    }
    Ok(())
}

/// The chores of the household being changed that are not put away.
async fn living(change: &mut Change<'_>) -> Result<Vec<Task>> {
    let query = tasks::table
        .filter(tasks::household_id.eq(change.household_id()))
        .filter(tasks::archived_at.is_null())
        .order(tasks::id);
    run!(change.conn(), |c| query.select(Task::as_select()).load(c).await)
}

/// The open occurrences that this member is to do, by chore.
pub(super) async fn open_of(
    change: &mut Change<'_>,
    member: MemberId,
) -> Result<HashMap<TaskId, Vec<Occurrence>>> {
    let query = occurrences::table
        .filter(occurrences::household_id.eq(change.household_id()))
        .filter(occurrences::status.eq(Status::Open))
        .filter(occurrences::assignee_id.eq(member))
        .order((occurrences::due_at, occurrences::id));
    let rows: Vec<Occurrence> = run!(change.conn(), |c| query.select(Occurrence::as_select()).load(c).await)?;
    Ok(by_task(rows))
}

/// Whose chores' these are.
pub(super) fn by_task(occurrences: Vec<Occurrence>) -> HashMap<TaskId, Vec<Occurrence>> {
    let mut by_task: HashMap<_, Vec<_>> = HashMap::new();
    for occurrence in occurrences {
        by_task.entry(occurrence.task_id).or_default().push(occurrence);
    }
    by_task
}

/// Takes an open occurrence out of the world. Its line can then have another of its number.
pub(super) async fn cancel(change: &mut Change<'_>, occurrence: &Occurrence) -> Result<()> {
    let delete = diesel::delete(occurrences::table)
        .filter(occurrences::id.eq(occurrence.id))
        .filter(occurrences::status.eq(Status::Open));
    if run!(change.conn(), |c| delete.execute(c).await)? != 1 {
        return Err(Error::AlreadyClosed(occurrence.id.into()));
    }
    swap::void_all(change, occurrence).await?;
    reminder::call_off(change, occurrence.id).await?;
    change.record_for_all(event::Kind::OccurrenceCancelled, occurrence.id, occurrence.version + 1, &[]);
    Ok(())
}
