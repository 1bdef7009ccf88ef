//! When members are away: days by the household's calendar on which they get no turns, and what becomes of the open
//! chores they leave behind.

mod begin;

pub use begin::begin_due;

use super::{Profile, of_household, record};
use crate::access::Permission;
use crate::among::among;
use crate::household::{time_zone, time_zone_of};
use crate::labels::labels;
use crate::prepared::Prepare as _;
use crate::tables::{absences, households, members};
use crate::task::recurrence::local_date;
use crate::task::rotation::{DateRange, DateRanges, RANGE_LIMIT};
use crate::task::{self, Moved, Trip};
use crate::{
    AbsenceId, Change, Connection, Date, Entry, Error, HouseholdId, MemberId, Operation, RefusalCode, Result,
    Time, event,
};
use chrono::{Days, NaiveDate};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use std::collections::HashMap;

/// So many absences, current and to come, a member may have.
pub const ABSENCE_LIMIT: usize = RANGE_LIMIT;
/// So many days ahead an absence may end: three years.
pub const AHEAD_LIMIT: u64 = 3 * 366;

labels! {
    /// What becomes of the open occurrences that somebody who goes away was to do in that time, and of what they have left
    /// overdue when it begins.
    OpenChores {
        /// Others do them, by each chore's strategy; one's own line of a chore that everybody does is put off.
        PassOn = "PASS_ON",
        /// They stay whose they are, and when.
        Keep = "KEEP",
        /// They are due on the day after the return, at the same time of the day.
        Postpone = "POSTPONE",
    }
}

/// Days in a row on which a member is away.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = absences, treat_none_as_default_value = false)]
pub struct Absence {
    /// Its identifier.
    pub id: AbsenceId,
    /// By whose calendar.
    pub household_id: HouseholdId,
    /// Who is away.
    pub member_id: MemberId,
    /// The first day.
    pub first_on: Date,
    /// The last day.
    pub last_on: Date,
    /// What became of their open chores when it was last set.
    pub open_chores: OpenChores,
    /// When it was set first.
    pub created_at: Time,
    /// What of their chores it has moved, as JSON.
    moved: Option<String>,
    /// Since when what they have left overdue was looked at; none until it begins.
    begun_at: Option<Time>,
}

impl Absence {
    /// Its days.
    fn range(&self) -> Result<DateRange> {
        DateRange::new(self.first_on.naive(), self.last_on.naive())
    }

    fn moved(&self) -> Result<Moved> {
        Moved::from_kept(self.moved.as_deref())
    }
}

/// Says that a member is away. What overlaps with it becomes one absence with it.
#[derive(Debug, Serialize)]
pub struct SetAway {
    /// Who: the caller, unless said otherwise; others need the right to manage members.
    pub member: Option<MemberId>,
    /// The first day: today or later.
    pub first_on: Date,
    /// The last day: not before the first, at most [`AHEAD_LIMIT`] days ahead.
    pub last_on: Date,
    /// What becomes of what they were to do in that time.
    pub open_chores: OpenChores,
}

impl Operation for SetAway {
    type Outcome = Profile;
    const NAME: &'static str = "setAway";
    const ENTRY: Entry = Entry::Member(Permission::Read);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Profile> {
        let member = traveller(change, self.member).await?;
        let today = today(change).await?;
        let range = self.range(today)?;
        let (overlapped, others) = overlapping(coming(change, member.id, today).await?, range)?;
        if others.len() >= ABSENCE_LIMIT {
            let message = format!("there are {ABSENCE_LIMIT} absences to come already: end some first");
            return Err(Error::refused(RefusalCode::Limit, "from", message));
        }
        let absence = self.merged(change, &member, range, &overlapped, today)?;
        let is_same = |one: &Absence| Absence { begun_at: absence.begun_at, ..one.clone() } == absence;
        let was_so = matches!(&*overlapped, [one] if is_same(one));
        replace(change, &overlapped, &absence).await?;

        let mut moved = absence.moved()?;
        let all = others.iter().chain([&absence]).map(Absence::range).collect::<Result<DateRanges>>()?;
        let trip = Trip { member: member.id, range: absence.range()?, today, due_before: None };
        let others = others.iter().map(Absence::moved).collect::<Result<Vec<_>>>()?;
        let has_moved = task::go_away(change, trip, &all, self.open_chores, &others, &mut moved).await?;
        if was_so && !has_moved {
            return Ok(member);
        }
        keep(change, absence.id, &moved).await?;
        tell(change, member).await
    }
}

impl SetAway {
    fn range(&self, today: NaiveDate) -> Result<DateRange> {
        let (first, last) = (self.first_on.naive(), self.last_on.naive());
        let invalid = |field, message: &str| Error::refused(RefusalCode::Invalid, field, message);
        if first < today {
            return Err(invalid("from", "must not be before today, by the household's calendar"));
        }
        if today.checked_add_days(Days::new(AHEAD_LIMIT)).is_some_and(|limit| last > limit) {
            return Err(invalid("until", "must be at most three years ahead"));
        }
        DateRange::new(first, last).map_err(|_| invalid("until", "must not be before `from`"))
    }

    /// The absence that it makes, together with those it overlaps.
    fn merged(
        &self,
        change: &Change<'_>,
        member: &Profile,
        range: DateRange,
        overlapped: &[Absence],
        today: NaiveDate,
    ) -> Result<Absence> {
        let ranges = overlapped.iter().map(Absence::range).collect::<Result<Vec<_>>>()?;
        let united: DateRanges = ranges.into_iter().chain([range]).collect();
        let united = united.iter().next().unwrap_or(range);
        let moved = overlapped.iter().map(Absence::moved).collect::<Result<Vec<_>>>()?;
        Ok(Absence {
            id: overlapped.first().map_or_else(AbsenceId::new, |absence| absence.id),
            household_id: change.household_id(),
            member_id: member.id,
            first_on: united.first().into(),
            last_on: united.last().into(),
            open_chores: self.open_chores,
            created_at: overlapped.first().map_or(change.now(), |absence| absence.created_at),
            moved: moved.into_iter().reduce(Moved::and).map(|moved| moved.to_keep()).transpose()?,
            // From today on, all that is overdue is looked at by whoever says so.
            begun_at: (united.first() <= today).then_some(change.now()),
        })
    }
}

/// Says that a member is back on a day of an absence: it ends the day before. One that has not begun goes by its first
/// day.
#[derive(Debug, Serialize)]
pub struct EndAway {
    /// Who: the caller, unless said otherwise; others need the right to manage members.
    pub member: Option<MemberId>,
    /// The day on which they are back: today or later, and a day of an absence.
    pub on: Date,
}

impl Operation for EndAway {
    type Outcome = Profile;
    const NAME: &'static str = "endAway";
    const ENTRY: Entry = Entry::Member(Permission::Read);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Profile> {
        let member = traveller(change, self.member).await?;
        let today = today(change).await?;
        let on = self.on.naive();
        if on < today {
            let message = "must not be before today, by the household's calendar";
            return Err(Error::refused(RefusalCode::Invalid, "on", message));
        }
        let coming = coming(change, member.id, today).await?;
        let mut rest = coming.iter().map(Absence::range).collect::<Result<DateRanges>>()?;
        let (mut covering, others): (Vec<_>, Vec<_>) =
            coming.into_iter().partition(|absence| absence.first_on <= self.on && self.on <= absence.last_on);
        let Some(absence) = covering.pop() else {
            return Err(Error::refused(RefusalCode::Invalid, "on", "must be a day of an absence"));
        };
        let range = absence.range()?;
        let free = rest.first_free(range.last());
        rest.end_early(on);
        let mut moved = absence.moved()?;
        let mut moved_by_others = others.iter().map(Absence::moved).collect::<Result<Vec<_>>>()?;
        shorten(change, &absence, on).await?;
        let trip = Trip { member: member.id, range, today, due_before: None };
        let back = task::Return { trip, on, free, rest: &rest };
        task::come_back(change, back, &mut moved, &mut moved_by_others).await?;
        keep(change, absence.id, &moved).await?;
        for (other, moved) in others.iter().zip(&moved_by_others) {
            keep(change, other.id, moved).await?;
        }
        tell(change, member).await
    }
}

/// Whose absence is meant: the caller's, or that of another member by whom may manage them.
async fn traveller(change: &mut Change<'_>, member: Option<MemberId>) -> Result<Profile> {
    let actor = change.actor()?;
    let id = member.unwrap_or(actor.id());
    if id != actor.id() {
        actor.require(Permission::ManageMembers)?;
    }
    match of_household(change, id).await {
        Ok(member) if member.is_active() => Ok(member),
        Ok(_) | Err(Error::NotFound) => {
            let message = "must be a current member of this household";
            Err(Error::refused(RefusalCode::InvalidReference, "memberId", message))
        }
        Err(error) => Err(error),
    }
}

/// The date by the household's calendar.
async fn today(change: &mut Change<'_>) -> Result<NaiveDate> {
    let zone = time_zone_of(change).await?;
    Ok(local_date(change.now(), time_zone(&zone)?))
}

/// Their absences that are not over, in the order of the calendar.
async fn coming(change: &mut Change<'_>, member: MemberId, today: NaiveDate) -> Result<Vec<Absence>> {
    let query = absences::table
        .filter(absences::household_id.eq(change.household_id()))
        .filter(absences::member_id.eq(member))
        .filter(absences::last_on.ge(Date::from(today)))
        .order(absences::first_on);
    run!(change.conn(), |c| query.select(Absence::as_select()).load(c).await)
}

/// Those that have a day of the range, and the others.
fn overlapping(all: Vec<Absence>, range: DateRange) -> Result<(Vec<Absence>, Vec<Absence>)> {
    let (mut overlapped, mut others) = (Vec::new(), Vec::new());
    for absence in all {
        let has_common_days = absence.range()?.common(range).is_some();
        if has_common_days { overlapped.push(absence) } else { others.push(absence) }
    }
    Ok((overlapped, others))
}

async fn replace(change: &mut Change<'_>, old: &[Absence], new: &Absence) -> Result<()> {
    let old: Vec<_> = old.iter().map(|absence| absence.id).collect();
    let delete = diesel::delete(absences::table).filter(among(absences::id, &old));
    run!(change.conn(), |c| delete.execute(c).await)?;
    let insert = diesel::insert_into(absences::table).values(new);
    run!(change.conn(), |c| insert.execute(c).await)?;
    Ok(())
}

/// Ends it the day before `on`; what is then left of nothing is gone.
async fn shorten(change: &mut Change<'_>, absence: &Absence, on: NaiveDate) -> Result<()> {
    let rest = DateRange::before(on).and_then(|before| before.common(absence.range().ok()?));
    if let Some(rest) = rest {
        let update = diesel::update(absences::table)
            .filter(absences::id.eq(absence.id))
            .set(absences::last_on.eq(Date::from(rest.last())))
            .prepared();
        run!(change.conn(), |c| update.execute(c).await)?;
    } else {
        let delete = diesel::delete(absences::table).filter(absences::id.eq(absence.id));
        run!(change.conn(), |c| delete.execute(c).await)?;
    }
    Ok(())
}

async fn keep(change: &mut Change<'_>, absence: AbsenceId, moved: &Moved) -> Result<()> {
    let update = diesel::update(absences::table)
        .filter(absences::id.eq(absence))
        .set(absences::moved.eq(Some(moved.to_keep()?)))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    Ok(())
}

/// When somebody is away is part of what a member is.
async fn tell(change: &mut Change<'_>, mut member: Profile) -> Result<Profile> {
    member.version += 1;
    let update = diesel::update(members::table)
        .filter(members::id.eq(member.id))
        .set(members::version.eq(member.version))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    record(change, event::Kind::AbsenceChanged, member.id, member.version, &["absences"]);
    Ok(member)
}

/// Ends all absences of somebody who is no longer a member. The days they were away before stay true: they count where
/// it is asked how fair it was.
pub(crate) async fn end_all(change: &mut Change<'_>, member: MemberId) -> Result<()> {
    let today = today(change).await?;
    for absence in coming(change, member, today).await? {
        shorten(change, &absence, today).await?;
    }
    Ok(())
}

/// When these members of the household being changed are away, from a day on.
pub(crate) async fn away(
    change: &mut Change<'_>,
    members: &[MemberId],
    since: NaiveDate,
) -> Result<HashMap<MemberId, DateRanges>> {
    let query = absences::table
        .filter(absences::household_id.eq(change.household_id()))
        .filter(among(absences::member_id, members))
        .filter(absences::last_on.ge(Date::from(since)))
        .select((absences::member_id, absences::first_on, absences::last_on));
    let rows: Vec<(MemberId, Date, Date)> = run!(change.conn(), |c| query.load(c).await)?;
    by_member(rows)
}

/// Whose days these are.
pub(crate) fn by_member(rows: Vec<(MemberId, Date, Date)>) -> Result<HashMap<MemberId, DateRanges>> {
    let mut away: HashMap<_, Vec<_>> = HashMap::new();
    for (member, first, last) in rows {
        away.entry(member).or_default().push(DateRange::new(first.naive(), last.naive())?);
    }
    Ok(away.into_iter().map(|(member, ranges)| (member, ranges.into_iter().collect())).collect())
}

/// The absences of these members that are not over, in the order of the calendar. Ids are only ever taken from what the
/// asker was allowed to see.
pub async fn known(conn: &mut Connection, members: &[MemberId]) -> Result<Vec<Absence>> {
    let now = Time::now();
    // Nowhere is it more than a day earlier than by UTC; what is over in its own zone is left out below.
    let earliest = local_date(now, chrono_tz::UTC).pred_opt().unwrap_or(NaiveDate::MIN);
    let query = absences::table
        .inner_join(households::table.on(households::id.eq(absences::household_id)))
        .filter(among(absences::member_id, members))
        .filter(absences::last_on.ge(Date::from(earliest)))
        .order((absences::first_on, absences::id));
    let rows: Vec<(Absence, String)> =
        run!(conn, |c| query.select((Absence::as_select(), households::time_zone)).load(c).await)?;
    let mut coming = Vec::new();
    for (absence, zone) in rows {
        if absence.last_on.naive() >= local_date(now, time_zone(&zone)?) {
            coming.push(absence);
        }
    }
    Ok(coming)
}
