//! The promise of the log, under many writers: events are numbered 1, 2, 3, … in commit order, and whoever has
//! read up to a number never finds a lower one later. On every database at hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod support;

use cast::{home, perform, person, proof, ticket};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use roomm8_db::access::Permission;
use roomm8_db::household::{Household, Update};
use roomm8_db::{
    Change, Database, Entry, Error, HouseholdId, Operation, RefusalCode, Request, Result, UserId,
    conversation, event, message,
};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use support::databases;

const HOUSEHOLDS: usize = 3;
const WRITERS: u64 = 5;
const STEPS: usize = 40;
/// Short, so that a page often ends where something is being written.
const PAGE: i64 = 7;
/// What founding a household records.
const FOUNDING: i64 = 3;

/// A household that is written to, and what its log must come to.
struct Home {
    id: HouseholdId,
    owner: UserId,
    general: roomm8_db::ConversationId,
    /// Events of changes that were acknowledged.
    acknowledged: AtomicI64,
    /// Events of changes that nobody heard of again; they may or may not be there.
    unknown: AtomicI64,
}

/// Renames a household and opens a conversation: two events, or none if it then thinks better of it.
#[derive(Serialize)]
struct Two {
    name: String,
    ends_well: bool,
}

impl Operation for Two {
    type Outcome = Household;
    const NAME: &'static str = "two";
    const ENTRY: Entry = Entry::Member(Permission::UpdateHousehold);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Household> {
        let household = renamed(&self.name).apply(change).await?;
        conversation::CreateTopic { title: self.name.clone() }.apply(change).await?;
        if self.ends_well { Ok(household) } else { Err(Error::refused(RefusalCode::Limit, "", "no")) }
    }
}

fn renamed(name: &str) -> Update {
    Update { name: Some(name.into()), ..Update::default() }
}

async fn homes(db: &Database) -> Vec<Home> {
    let owner = person(db, "Ada").await;
    let mut homes = Vec::new();
    for _ in 0..HOUSEHOLDS {
        let id = home(db, owner).await;
        let member = proof(db, owner, id).await.unwrap();
        let conn = &mut *db.connection().await.unwrap();
        let general = conversation::general(conn, &member).await.unwrap().id;
        let (acknowledged, unknown) = (AtomicI64::new(FOUNDING), AtomicI64::new(0));
        homes.push(Home { id, owner, general, acknowledged, unknown });
    }
    homes
}

/// Does one thing at random; what it should come to is told by how many events it has.
async fn step(db: &Database, home: &Home, stranger: UserId, random: &mut StdRng) {
    let name = format!("{:016x}", random.random::<u64>());
    match random.random_range(0..9) {
        0 | 1 => count(home, 1, perform(db, home.owner, home.id, renamed(&name)).await),
        2 | 3 => {
            let (conversation, body) = (home.general, name);
            let said = message::Send { conversation, body, reply_to: None, client_mutation_id: None };
            count(home, 1, perform(db, home.owner, home.id, said).await);
        }
        4 => {
            let invitation = ticket(roomm8_db::Role::Guest);
            count(home, 1, perform(db, home.owner, home.id, invitation).await);
        }
        5 => count(home, 2, perform(db, home.owner, home.id, Two { name, ends_well: true }).await),
        6 => count(home, 0, perform(db, home.owner, home.id, Two { name, ends_well: false }).await),
        7 => count(home, 0, perform(db, stranger, home.id, renamed(&name)).await),
        _ => {
            // Hangs up in the middle, as a client does.
            let patience = Duration::from_micros(random.random_range(0..6000));
            let request = Request { user: home.owner, household: home.id, client_mutation_id: None };
            let two = Two { name, ends_well: true };
            match tokio::time::timeout(patience, db.perform(request, &two)).await {
                Ok(result) => count(home, 2, result),
                Err(_) => drop(home.unknown.fetch_add(2, Ordering::Relaxed)),
            }
        }
    }
}

fn count<T: std::fmt::Debug>(home: &Home, events: i64, result: Result<T>) {
    match result {
        Ok(_) => {
            assert!(events > 0, "this should not have been done");
            home.acknowledged.fetch_add(events, Ordering::Relaxed);
        }
        Err(Error::Unavailable(_)) => drop(home.unknown.fetch_add(events, Ordering::Relaxed)),
        Err(Error::Refused(_) | Error::NotFound) if events == 0 => {}
        Err(error) => panic!("{error:?}"),
    }
}

/// Reads on and on from where it is; what it reads must begin right there. Returns the last number it saw.
async fn follow(db: &Database, home: &Home, is_over: &AtomicBool) -> i64 {
    let mut last = 0;
    loop {
        // Before the read, so that the last read comes after the last write.
        let was_over = is_over.load(Ordering::Acquire);
        let conn = &mut *db.connection().await.unwrap();
        let head = event::head(conn, home.id).await.unwrap().seq;
        let before = last;
        let page = event::page(conn, home.id, last, PAGE).await.unwrap();
        for event in page {
            assert_eq!(event.event.seq, last + 1, "a hole, or a number below one already passed");
            last += 1;
        }
        assert!(last >= head.min(before + PAGE), "the head is ahead of what can be read");
        if was_over && last >= event::head(conn, home.id).await.unwrap().seq {
            return last;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_are_numbered_in_commit_order_without_a_gap() {
    for db in databases().await {
        let seed: u64 = rand::random();
        eprintln!("seed {seed}");
        let stranger = person(&db, "Eve").await;
        let homes = homes(&db).await;
        let is_over = AtomicBool::new(false);
        let writing = async {
            let writers = (0..WRITERS).map(|writer| write(&db, &homes, stranger, seed ^ writer));
            futures_util::future::join_all(writers).await;
            is_over.store(true, Ordering::Release);
        };
        let following = futures_util::future::join_all(homes.iter().map(|home| follow(&db, home, &is_over)));
        let ((), ends) = tokio::join!(writing, following);
        for (home, last) in homes.iter().zip(ends) {
            let log = cast::log(&db, home.id).await;
            assert!(log.iter().map(|event| event.seq).eq(1..=last));
            let (acknowledged, unknown) =
                (home.acknowledged.load(Ordering::Relaxed), home.unknown.load(Ordering::Relaxed));
            assert!(
                (acknowledged..=acknowledged + unknown).contains(&last),
                "{acknowledged} {unknown} {last}"
            );
            assert_whole(&log);
        }
    }
}

async fn write(db: &Database, homes: &[Home], stranger: UserId, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..STEPS {
        let home = &homes[random.random_range(0..homes.len())];
        step(db, home, stranger, &mut random).await;
    }
}

/// Versions of each subject rise by one from event to event: no change is missing and none is there twice.
fn assert_whole(log: &[event::Event]) {
    let mut versions = HashMap::new();
    for event in log {
        let version = versions.entry(event.subject_id).or_insert(0);
        *version += 1;
        assert_eq!(event.subject_version, *version, "{event:?}");
    }
}
