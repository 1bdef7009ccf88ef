//! Chores of a household of three.

use super::{home, join, perform, person, proof};
use chrono::{Days, NaiveDate};
use roomm8_db::access::Role;
use roomm8_db::message::End;
use roomm8_db::task::occurrence::{self, Filter, Order, Window};
use roomm8_db::task::recurrence::{Mode, Overflow, local_date};
use roomm8_db::task::reminder::Reminders;
use roomm8_db::task::rotation::{Help, Strategy};
use roomm8_db::task::{Complete, Create, MissedPolicy, Occurrence, Status, Task};
use roomm8_db::{Database, HouseholdId, MemberId, OccurrenceId, Time, UserId};

/// A household of three in Berlin, Ada being its owner, and Bob and Cleo members.
pub(crate) struct Home {
    pub(crate) id: HouseholdId,
    pub(crate) users: [UserId; 3],
    pub(crate) members: [MemberId; 3],
}

pub(crate) async fn home_of_three(db: &Database) -> Home {
    let users = [person(db, "Ada").await, person(db, "Bob").await, person(db, "Cleo").await];
    let id = home(db, users[0]).await;
    let ada = proof(db, users[0], id).await.unwrap().id();
    let bob = join(db, users[0], id, Role::Member, users[1]).await;
    let cleo = join(db, users[0], id, Role::Member, users[2]).await;
    Home { id, users, members: [ada, bob, cleo] }
}

/// The date in so many days where they live.
pub(crate) fn day(ahead: u64) -> NaiveDate {
    local_date(Time::now(), chrono_tz::Europe::Berlin) + Days::new(ahead)
}

/// A chore of every day, from today on.
pub(crate) fn dishes(strategy: Strategy, roster: &[MemberId]) -> Create {
    Create {
        title: "Dishes".into(),
        notes: None,
        weight: 15,
        start_on: Some(day(0).into()),
        due_time: None,
        time_zone: None,
        rule: Some("freq=daily".into()),
        overflow: Overflow::Clamp,
        mode: Mode::Fixed,
        roster: roster.to_vec(),
        strategy,
        turn_length: 1,
        help: Help::KeepsOrder,
        missed_policy: MissedPolicy::StayOverdue,
        labels: Vec::new(),
        subtasks: Vec::new(),
        reminders: Reminders::default(),
        requires_approval: false,
        opens_before: None,
    }
}

pub(crate) fn done(occurrence: OccurrenceId) -> Complete {
    Complete { occurrence, done_by: None, at: None, note: None }
}

impl Home {
    /// All there are, in the order they are due.
    pub(crate) async fn occurrences(&self, db: &Database, filter: Filter) -> Vec<Occurrence> {
        // Whoever of them is still there.
        let mut reader = proof(db, self.users[0], self.id).await;
        if reader.is_err() {
            reader = proof(db, self.users[1], self.id).await;
        }
        let window = Window { order: Order::Due, after: None, before: None, limit: 1000, end: End::Oldest };
        let conn = &mut *db.connection().await.unwrap();
        occurrence::page(conn, &reader.unwrap(), &filter, window).await.unwrap()
    }

    /// Those of a chore.
    pub(crate) async fn all(&self, db: &Database, task: &Task) -> Vec<Occurrence> {
        self.occurrences(db, Filter { task: Some(task.id), ..Filter::default() }).await
    }

    /// Those of a chore that are open.
    pub(crate) async fn open(&self, db: &Database, task: &Task) -> Vec<Occurrence> {
        let filter = Filter { task: Some(task.id), statuses: Some(vec![Status::Open]), ..Filter::default() };
        self.occurrences(db, filter).await
    }

    /// Makes a chore and returns it with its first occurrence.
    pub(crate) async fn make(&self, db: &Database, create: Create) -> (Task, Occurrence) {
        let task = perform(db, self.users[0], self.id, create).await.unwrap();
        let first = self.open(db, &task).await.remove(0);
        (task, first)
    }
}
