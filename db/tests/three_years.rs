//! Three years of a household of five, day by day, by a clock of its own: chores done early, late, by others and not at
//! all, taken back; people who travel, who leave and come back; holidays on which everything rests. After each day what
//! must always hold is asked of a model that knows nothing of how it is done.
//!
//! `ROOMM8_TEST_SEED` makes another three years. It does not decide everything: lots are drawn by the ids of what is due.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod support;

use cast::chores::{self, done};
use cast::{home, join, perform, person, proof};
use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone as _};
use chrono_tz::Europe::Berlin;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng as _, SeedableRng};
use roomm8_db::access::Role;
use roomm8_db::member::{Leave, OpenChores, SetAway};
use roomm8_db::message::End;
use roomm8_db::task::occurrence::{self, Filter, Order, Window};
use roomm8_db::task::recurrence::Mode;
use roomm8_db::task::rotation::Strategy;
use roomm8_db::task::{
    self, Complete, Create, MissedPolicy, Occurrence, Pause, Skip, Status, Task, Undo, act_on_missed,
};
use roomm8_db::{Database, Error, HouseholdId, MemberId, Time, UserId, WallTime};
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use support::databases;

const FIRST: NaiveDate = NaiveDate::from_ymd_opt(2025, 1, 1).unwrap();
const DAYS: usize = 3 * 365;
/// So many days count for who did a chore least.
const COUNTED_DAYS: usize = 90;

/// Whether a rule has a date.
type IsDate = fn(NaiveDate) -> bool;

/// A chore, and what the model knows of it.
struct Chore {
    task: Task,
    /// Whether the rule has this date; of a chore that is due after its completion, nothing.
    is_date: Option<IsDate>,
    /// Turns that were used up since somebody came or went, the newest last.
    turns: Vec<MemberId>,
}

struct Home {
    id: HouseholdId,
    users: Vec<UserId>,
    members: Vec<MemberId>,
    is_in: Vec<bool>,
    /// When each was or will be away last.
    away: Vec<Option<RangeInclusive<NaiveDate>>>,
    /// When everything rests.
    holidays: Vec<RangeInclusive<NaiveDate>>,
    chores: Vec<Chore>,
    /// Rounds of turns that were looked at.
    rounds: usize,
    /// Counts of least done that were looked at.
    counts: usize,
    /// Occurrences that were missed.
    missed: usize,
    rng: StdRng,
    today: NaiveDate,
    /// Since when nobody came, went or was away.
    changed_on: NaiveDate,
}

fn at(date: NaiveDate, hour: u32) -> Time {
    let local = date.and_hms_opt(hour, 0, 0).unwrap();
    Time::from_micros(Berlin.from_local_datetime(&local).earliest().unwrap().timestamp_micros())
}

fn wall((hour, minute): (u32, u32)) -> WallTime {
    WallTime::new(NaiveTime::from_hms_opt(hour, minute, 0).unwrap()).unwrap()
}

fn is_last_of_month(date: NaiveDate) -> bool {
    date.succ_opt().unwrap().month() != date.month()
}

impl Home {
    async fn begin(db: &Database, seed: u64) -> Self {
        Time::set_clock(at(FIRST, 9));
        let mut users = Vec::new();
        for name in ["Ada", "Bob", "Cleo", "Dan", "Eve"] {
            users.push(person(db, name).await);
        }
        let id = home(db, users[0]).await;
        let mut members = vec![proof(db, users[0], id).await.unwrap().id()];
        for user in &users[1..] {
            members.push(join(db, users[0], id, Role::Member, *user).await);
        }
        let mut home = Self {
            id,
            users,
            is_in: vec![true; members.len()],
            away: vec![None; members.len()],
            holidays: Vec::new(),
            members,
            chores: Vec::new(),
            rounds: 0,
            counts: 0,
            missed: 0,
            rng: StdRng::seed_from_u64(seed),
            today: FIRST,
            changed_on: FIRST,
        };
        home.make_chores(db).await;
        home
    }

    async fn make_chores(&mut self, db: &Database) {
        use Strategy::{Anyone, Everyone, Fixed, LeastDone, Random, RoundRobin};
        let everybody = self.members.clone();
        let make = |title: &str, rule: &str, time: Option<(u32, u32)>, strategy| Create {
            title: title.into(),
            rule: Some(rule.into()),
            due_time: time.map(wall),
            ..chores::dishes(strategy, &everybody)
        };
        let rolling = Create {
            missed_policy: MissedPolicy::RollToNext,
            ..make("Recycling", "FREQ=DAILY;INTERVAL=2", Some((18, 0)), RoundRobin)
        };
        let after = Create {
            mode: Mode::AfterCompletion,
            ..make("Change the filter", "FREQ=MONTHLY;INTERVAL=3", Some((10, 0)), RoundRobin)
        };
        let chores: Vec<(Create, Option<IsDate>)> = vec![
            (
                Create { turn_length: 7, ..make("Dishes", "FREQ=DAILY", Some((21, 30)), RoundRobin) },
                Some(|_| true),
            ),
            (
                make("Bins", "FREQ=WEEKLY;BYDAY=TU", Some((7, 0)), RoundRobin),
                Some(|date| date.weekday().num_days_from_monday() == 1),
            ),
            // On the nights in which clocks change it is not half past two, or is so twice.
            (
                make("Feed the sourdough", "FREQ=WEEKLY;BYDAY=SU", Some((2, 30)), RoundRobin),
                Some(|date| date.weekday().num_days_from_monday() == 6),
            ),
            (
                make("Bathroom", "FREQ=WEEKLY;BYDAY=SA", None, LeastDone),
                Some(|date| date.weekday().num_days_from_monday() == 5),
            ),
            (
                make("Own room", "FREQ=WEEKLY;INTERVAL=2;BYDAY=WE", None, Everyone),
                Some(|date| {
                    let monday = FIRST - Days::new(FIRST.weekday().num_days_from_monday().into());
                    date.weekday().num_days_from_monday() == 2 && (date - monday).num_days() / 7 % 2 == 0
                }),
            ),
            (
                make("Oven", "FREQ=MONTHLY;BYDAY=5FR", None, RoundRobin),
                Some(|date| date.weekday().num_days_from_monday() == 4 && date.day() > 28),
            ),
            (make("Rent", "FREQ=MONTHLY;BYMONTHDAY=31", Some((12, 0)), Anyone), Some(is_last_of_month)),
            (
                make("Plants", "FREQ=DAILY;INTERVAL=3", None, Random),
                Some(|date| (date - FIRST).num_days() % 3 == 0),
            ),
            (
                make("Boiler", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", None, Fixed),
                Some(|date| date.month() == 2 && is_last_of_month(date)),
            ),
            (rolling, Some(|date| (date - FIRST).num_days() % 2 == 0)),
            (after, None),
        ];
        for (create, is_date) in chores {
            let task = perform(db, self.users[0], self.id, create).await.unwrap();
            self.chores.push(Chore { task, is_date, turns: Vec::new() });
        }
    }

    async fn open(&self, db: &Database) -> Vec<Occurrence> {
        self.occurrences(db, Filter { statuses: Some(vec![Status::Open]), ..Filter::default() }).await
    }

    async fn occurrences(&self, db: &Database, filter: Filter) -> Vec<Occurrence> {
        let reader = proof(db, self.users[0], self.id).await.unwrap();
        let window = Window { order: Order::Due, after: None, before: None, limit: 1000, end: End::Newest };
        occurrence::page(&mut db.connection().await.unwrap(), &reader, &filter, window).await.unwrap()
    }

    /// The rule's first date from this one on, holidays passed over.
    fn next_date(&self, is_date: IsDate, from: NaiveDate) -> NaiveDate {
        from.iter_days().find(|date| is_date(*date) && !self.is_holiday(*date)).unwrap()
    }

    fn is_holiday(&self, date: NaiveDate) -> bool {
        self.holidays.iter().any(|days| days.contains(&date))
    }

    fn is_away(&self, who: usize, on: NaiveDate) -> bool {
        self.away[who].as_ref().is_some_and(|days| days.contains(&on))
    }

    fn chore(&mut self, occurrence: &Occurrence) -> &mut Chore {
        self.chores.iter_mut().find(|chore| chore.task.id == occurrence.task_id).unwrap()
    }

    fn who(&self, member: MemberId) -> usize {
        self.members.iter().position(|other| *other == member).unwrap()
    }

    /// Somebody who is there.
    fn anybody(&mut self) -> usize {
        let is_there = |who: &usize| self.is_in[*who] && !self.is_away(*who, self.today);
        let there: Vec<_> = (0..self.users.len()).filter(is_there).collect();
        *there.choose(&mut self.rng).unwrap()
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    /// What was not done in time is missed where the chore says so, and nothing else.
    async fn miss(&mut self, db: &Database) {
        let before = self.open(db).await;
        act_on_missed(db, 10).await.unwrap();
        let after = self.open(db).await;
        for occurrence in before {
            let (today, chore) = (self.today, self.chore(&occurrence));
            let title = chore.task.title.clone();
            let (rolls, is_date) = (chore.task.missed_policy == MissedPolicy::RollToNext, chore.is_date);
            let last = occurrence.due_on.max(occurrence.planned_on).unwrap().naive();
            let is_over =
                is_date.is_some_and(|is_date| self.next_date(is_date, last.succ_opt().unwrap()) <= today);
            let is_gone = !after.iter().any(|open| open.id == occurrence.id);
            assert_eq!(is_gone, rolls && is_over, "{title} of {last} on {today}");
            if is_gone {
                self.missed += 1;
                self.check_successor(db, &occurrence).await;
                self.used_up(&occurrence);
            }
        }
    }

    fn used_up(&mut self, occurrence: &Occurrence) {
        if self.today > self.changed_on {
            self.chore(occurrence).turns.extend(occurrence.holder_id);
        }
    }

    /// Does what is due, or some of it, and by whomever.
    async fn live_a_day(&mut self, db: &Database) {
        for occurrence in self.open(db).await {
            let due = occurrence.due_on.unwrap().naive();
            let likely = match (due - self.today).num_days() {
                ..0 => 45,
                0 => 70,
                1 => 8,
                _ => 0,
            };
            let assignee = occurrence.assignee_id.map(|assignee| self.who(assignee));
            let is_away = assignee.is_some_and(|who| self.is_away(who, self.today));
            if !self.chance(likely) || is_away && occurrence.share().is_some() {
                continue;
            }
            let is_counted = self.chore(&occurrence).task.strategy == Strategy::LeastDone;
            let doer = match assignee {
                // Whoever helps would have to be counted by a model as clever as what it is to judge.
                Some(assignee) if !is_away && (is_counted || self.chance(85)) => assignee,
                _ => self.anybody(),
            };
            if self.chance(3) && !is_counted {
                let skip = Skip { occurrence: occurrence.id, reason: "not this time".into() };
                let closed = perform(db, self.users[doer], self.id, skip).await.unwrap();
                self.check_successor(db, &closed).await;
                continue;
            }
            self.complete(db, &occurrence, doer).await;
            if self.chance(4) && !is_away {
                self.take_back(db, &occurrence, doer).await;
                self.complete(db, &occurrence, doer).await;
            }
            self.used_up(&occurrence);
        }
    }

    async fn complete(&mut self, db: &Database, occurrence: &Occurrence, doer: usize) {
        let done_by =
            if occurrence.share().is_some() { occurrence.share() } else { Some(self.members[doer]) };
        let an_hour_ago = self.chance(10).then(|| Time::now().before(std::time::Duration::from_hours(1)));
        let complete = |at| Complete { occurrence: occurrence.id, done_by, at, note: None };
        let mut result = perform(db, self.users[doer], self.id, complete(an_hour_ago)).await;
        if matches!(result, Err(Error::Refused(_))) {
            // The one before it was closed within the hour.
            result = perform(db, self.users[doer], self.id, complete(None)).await;
        }
        let closed = result.unwrap();
        let again = perform(db, self.users[0], self.id, done(occurrence.id)).await;
        assert!(matches!(again, Err(Error::AlreadyClosed(_))), "{again:?} of {closed:?}");
        self.check_successor(db, &closed).await;
    }

    async fn take_back(&mut self, db: &Database, before: &Occurrence, doer: usize) {
        let undone = perform(db, self.users[doer], self.id, Undo { occurrence: before.id }).await.unwrap();
        let mut expected = before.clone();
        expected.version = undone.version;
        assert_eq!(undone, expected, "on {}", self.today);
    }

    /// What follows is the rule's first date after the closed one that is not before today, or three months after it
    /// was done; of who is away then, their own is due when they are back.
    async fn check_successor(&mut self, db: &Database, closed: &Occurrence) {
        let (today, open) = (self.today, self.open(db).await);
        let chore = self.chore(closed);
        let (title, is_date, strategy) = (chore.task.title.clone(), chore.is_date, chore.task.strategy);
        let followers: Vec<_> = open
            .iter()
            .filter(|open| open.task_id == closed.task_id && open.number == closed.number + 1)
            .filter(|open| open.share() == closed.share())
            .collect();
        let [successor] = followers[..] else {
            panic!("{title} has these successors on {today}: {followers:?}");
        };
        let planned = if let Some(is_date) = is_date {
            self.next_date(is_date, closed.planned_on.unwrap().naive().succ_opt().unwrap().max(today))
        } else {
            let done = closed.done_at.or(closed.closed_at).unwrap().to_utc().with_timezone(&Berlin);
            let planned = done.date_naive() + Months::new(3);
            planned.iter_days().find(|date| !self.is_holiday(*date)).unwrap()
        };
        assert_eq!(successor.planned_on.unwrap().naive(), planned, "{title} on {today}");
        let away = successor.share().and_then(|own| self.away[self.who(own)].as_ref());
        let due =
            away.filter(|away| away.contains(&planned)).map_or(planned, |away| *away.end() + Days::new(1));
        assert_eq!(successor.due_on.unwrap().naive(), due, "{title} on {today}");
        if strategy == Strategy::LeastDone {
            self.check_least_done(db, successor).await;
        }
    }

    /// Everything rests from the day after tomorrow on.
    async fn go_on_holiday(&mut self, db: &Database, days: u64) {
        let first = self.today + Days::new(2);
        let last = first + Days::new(days - 1);
        for chore in &self.chores {
            let pause = Pause { task: chore.task.id, from: Some(first.into()), until: Some(last.into()) };
            perform(db, self.users[0], self.id, pause).await.unwrap();
        }
        self.holidays.push(first..=last);
    }

    /// Somebody leaves, comes back, or goes on a journey, the first of them aside.
    async fn come_and_go(&mut self, db: &Database) {
        let who = self.rng.random_range(1..self.users.len());
        if self.is_in[who] && self.chance(70) {
            self.travel(db, who).await;
        } else if self.is_in[who] {
            let leave = Leave { transfer_to: None };
            perform(db, self.users[who], self.id, leave).await.unwrap();
            self.is_in[who] = false;
            self.away[who] = None;
        } else {
            let member = join(db, self.users[0], self.id, Role::Member, self.users[who]).await;
            assert_eq!(member, self.members[who]);
            self.put_on_rosters(db, member).await;
            self.is_in[who] = true;
        }
        self.changed_on = self.changed_on.max(self.today);
        for chore in &mut self.chores {
            chore.turns.clear();
        }
    }

    /// What overlaps with a journey that is known becomes one with it.
    async fn travel(&mut self, db: &Database, who: usize) {
        let mut first = self.today + Days::new(self.rng.random_range(0..3));
        let mut last = first + Days::new(self.rng.random_range(0..14));
        let open_chores = *[OpenChores::PassOn, OpenChores::Postpone].choose(&mut self.rng).unwrap();
        if let Some(known) = &self.away[who]
            && *known.end() >= self.today
        {
            if first <= *known.end() && *known.start() <= last {
                (first, last) = (first.min(*known.start()), last.max(*known.end()));
            } else {
                return;
            }
        }
        let from = first.max(self.today);
        let away = SetAway { member: None, first_on: from.into(), last_on: last.into(), open_chores };
        perform(db, self.users[who], self.id, away).await.unwrap();
        self.away[who] = Some(first..=last);
        self.changed_on = self.changed_on.max(last);
    }

    async fn put_on_rosters(&mut self, db: &Database, member: MemberId) {
        for chore in &self.chores {
            let reader = proof(db, self.users[0], self.id).await.unwrap();
            let task = task::find(&mut db.connection().await.unwrap(), &reader, chore.task.id).await.unwrap();
            let mut roster = task.roster().unwrap();
            roster.push(member);
            let update = task::Update { roster: Some(roster), ..task::Update::of(task.id) };
            perform(db, self.users[0], self.id, update).await.unwrap();
        }
    }

    /// One is open of each chore, or of each line; it is somebody's who is in; and it is due when clocks show its time.
    async fn check_open(&mut self, db: &Database) {
        let open = self.open(db).await;
        let mut by_chore: BTreeMap<String, Vec<&Occurrence>> = BTreeMap::new();
        for occurrence in &open {
            let task = self.chore(occurrence).task.clone();
            check_instant(occurrence, &task);
            if let Some(assignee) = occurrence.assignee_id {
                let (who, due) = (self.who(assignee), occurrence.due_on.unwrap().naive());
                assert!(self.is_in[who], "{} is with somebody who left", task.title);
                assert!(
                    due < self.today || !self.is_away(who, due),
                    "{} of {due} is with somebody away on {}",
                    task.title,
                    self.today
                );
            }
            assert!(!self.is_holiday(occurrence.due_on.unwrap().naive()), "{} on {}", task.title, self.today);
            assert_eq!(occurrence.assignee_id.is_none(), task.strategy == Strategy::Anyone, "{}", task.title);
            by_chore.entry(task.title).or_default().push(occurrence);
        }
        assert_eq!(by_chore.len(), self.chores.len(), "a chore has nothing open on {}", self.today);
        for (title, occurrences) in by_chore {
            if title != "Own room" {
                assert_eq!(occurrences.len(), 1, "{title} on {}: {occurrences:?}", self.today);
                continue;
            }
            let mut lines: Vec<_> = occurrences.iter().map(|line| self.who(line.share().unwrap())).collect();
            lines.sort_unstable();
            let there: Vec<_> = (0..self.users.len()).filter(|who| self.is_in[*who]).collect();
            assert_eq!(lines, there, "{title} on {}", self.today);
        }
    }

    /// Once a round has passed since somebody came or went, everybody has one turn in each: none is lost or doubled.
    fn check_turns(&mut self) {
        let there = self.is_in.iter().filter(|is_in| **is_in).count();
        for chore in &self.chores {
            if chore.task.strategy != Strategy::RoundRobin {
                continue;
            }
            let length = usize::try_from(chore.task.turn_length).unwrap();
            let round = there * length;
            if chore.turns.len() < 2 * round {
                continue;
            }
            let mut turns: HashMap<MemberId, usize> = HashMap::new();
            for holder in &chore.turns[chore.turns.len() - round..] {
                *turns.entry(*holder).or_default() += 1;
            }
            let is_fair = turns.len() == there && turns.values().all(|count| *count == length);
            assert!(is_fair, "{} on {}: {turns:?}", chore.task.title, self.today);
            self.rounds += 1;
        }
    }

    /// What is to be done next is given to who did it least in the last 90 days that were no holidays; and until
    /// somebody came or went, nobody did it two times more often than another.
    async fn check_least_done(&mut self, db: &Database, next: &Occurrence) {
        let due = next.due_on.unwrap().naive();
        let days = std::iter::successors(Some(due), NaiveDate::pred_opt);
        let first = days.filter(|day| !self.is_holiday(*day)).take(COUNTED_DAYS).last().unwrap();
        if first <= self.changed_on && self.changed_on != FIRST {
            return;
        }
        let filter = Filter {
            task: Some(next.task_id),
            statuses: Some(vec![Status::Done]),
            from: Some(first - Days::new(30)),
            ..Filter::default()
        };
        let mut counts: BTreeMap<MemberId, usize> = self
            .members
            .iter()
            .zip(&self.is_in)
            .filter(|(_, is_in)| **is_in)
            .map(|(id, _)| (*id, 0))
            .collect();
        for occurrence in self.occurrences(db, filter).await {
            let on = occurrence.done_at.unwrap().to_utc().with_timezone(&Berlin).date_naive();
            if on >= first && !self.is_holiday(on) {
                *counts.get_mut(&occurrence.done_by.unwrap()).unwrap() += 1;
            }
        }
        let (least, most) = (counts.values().min().unwrap(), counts.values().max().unwrap());
        assert_eq!(counts[&next.assignee_id.unwrap()], *least, "{counts:?} on {}", self.today);
        // Once one stood in for another, what is forgotten of one may be twice what is forgotten of another.
        if self.changed_on == FIRST {
            assert!(most - least <= 1, "{counts:?} on {}", self.today);
        }
        self.counts += 1;
    }
}

/// It is due when clocks first show its time on its date; a time that they skip is as much later as they skip. Without a
/// time it is due when the date ends.
fn check_instant(occurrence: &Occurrence, task: &Task) {
    let (date, due) = (occurrence.due_on.unwrap().naive(), occurrence.due().unwrap().to_utc());
    let shown = |instant: chrono::DateTime<chrono::Utc>| instant.with_timezone(&Berlin).naive_local();
    let Some(time) = task.due_time.map(WallTime::naive) else {
        assert_eq!(shown(due).date(), date + Days::new(1), "{}", task.title);
        assert_eq!(shown(due - TimeDelta::seconds(1)).date(), date, "{}", task.title);
        return;
    };
    let wanted = date.and_time(time);
    if Berlin.from_local_datetime(&wanted).earliest().is_none() {
        assert_eq!(shown(due), wanted + TimeDelta::hours(1), "{}", task.title);
        return;
    }
    assert_eq!(shown(due), wanted, "{}", task.title);
    assert_ne!(shown(due - TimeDelta::hours(1)), wanted, "{} is due the second time", task.title);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_always_hold_holds_for_three_years() {
    let seed = std::env::var("ROOMM8_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for db in databases().await {
        let mut home = Home::begin(&db, seed).await;
        for today in FIRST.iter_days().take(DAYS) {
            home.today = today;
            Time::set_clock(at(today, 12));
            home.miss(&db).await;
            match (today.month(), today.day()) {
                (8, 1) => home.go_on_holiday(&db, 14).await,
                (12, 22) => home.go_on_holiday(&db, 10).await,
                _ => {}
            }
            // For most of each year nobody comes or goes, so that rounds and counts can be looked at.
            if (240..300).contains(&today.ordinal()) && home.chance(15) {
                home.come_and_go(&db).await;
            }
            if !home.is_holiday(today) {
                home.live_a_day(&db).await;
            }
            home.check_open(&db).await;
            home.check_turns();
        }
        let passed = [home.rounds, home.counts, home.missed];
        assert!(
            passed[0] > 1000 && passed[1] > 60 && passed[2] > 40,
            "rounds, counts and misses: {passed:?}"
        );
    }
}
