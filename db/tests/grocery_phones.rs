//! Six phones and one shopping list: each is without a network when it likes to be, has a clock that lies by hours, sends its
//! queue again when the answer was lost, and wishes at random. When all are back, every phone shows what the server has, and
//! the server has what a model made of sums and sets says: nothing that was acknowledged is lost, doubled or resurrected.
//!
//! Each run is made from its number alone: `ROOMM8_TEST_SEED` is the first, and there are `ROOMM8_TEST_SCALE` times as many.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod support;

use cast::{home, join, perform, person, proof};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use roomm8_db::access::Role;
use roomm8_db::event::Position;
use roomm8_db::grocery::{
    self, Effect, Item, Line, Place, Product, Queued, State, Sync, Target, Treated, Unit, Update, Wish,
    changes, item, list, trip,
};
use roomm8_db::{
    Database, Error, GroceryItemId, GroceryListId, GroceryTripId, HouseholdId, Time, To, UserId,
};
use std::collections::{BTreeMap, HashMap};
use support::databases;

const PHONES: usize = 6;
const STEPS: usize = 90;
/// Lists in an everyday run, on each database.
const RUNS: u64 = 100;
const NAMES: [&str; 5] = ["Milk", "crème fraîche", "牛奶", "חלב", "Eggs 🥚"];
/// The same names as somebody else would write them.
const OTHERWISE: [&str; 5] =
    ["ＭＩＬＫ ", "CRE\u{300}ME  FRAI\u{302}CHE", " 牛奶", "\u{200f}חלב", "eggs 🥚\u{fe0f}"];
const NOTES: [&str; 3] = ["the blue one", "from the market", "not too many"];

fn number_of(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_phone_comes_to_show_the_same_and_nothing_is_lost_or_resurrected() {
    let (first, runs) = (number_of("ROOMM8_TEST_SEED", 1), RUNS * number_of("ROOMM8_TEST_SCALE", 1));
    for db in databases().await {
        let instances = [(*db).clone(), db.twin().await];
        let flat = Flat::of_six(&db).await;
        let mut tally = Tally::default();
        for seed in first..first + runs {
            let mut run = Run::begin(&flat, &instances, seed).await;
            for _ in 0..STEPS {
                run.step().await;
            }
            run.come_together().await;
            tally.add(&run.tally);
        }
        println!("{tally:?}");
        let all = [
            tally.created,
            tally.merged,
            tally.stale,
            tally.conflicts,
            tally.repeats,
            tally.trips,
            tally.undone,
        ];
        assert!(all.iter().all(|count| *count > runs / 5), "all of it happens: {tally:?}");
    }
}

/// Who lives together.
struct Flat {
    id: HouseholdId,
    users: Vec<UserId>,
}

impl Flat {
    async fn of_six(db: &Database) -> Self {
        let mut users = vec![person(db, "Ada").await];
        let id = home(db, users[0]).await;
        for name in ["Bob", "Cleo", "Dan", "Eve", "Fay"] {
            let user = person(db, name).await;
            join(db, users[0], id, Role::Member, user).await;
            users.push(user);
        }
        Self { id, users }
    }
}

/// How often things happened.
#[derive(Debug, Default)]
struct Tally {
    created: u64,
    merged: u64,
    stale: u64,
    conflicts: u64,
    rejected: u64,
    repeats: u64,
    trips: u64,
    undone: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.created += other.created;
        self.merged += other.merged;
        self.stale += other.stale;
        self.conflicts += other.conflicts;
        self.rejected += other.rejected;
        self.repeats += other.repeats;
        self.trips += other.trips;
        self.undone += other.undone;
    }

    fn count(&mut self, effect: &Effect) {
        match effect {
            Effect::Created => self.created += 1,
            Effect::Merged(_) => self.merged += 1,
            Effect::Stale => self.stale += 1,
            Effect::Conflict => self.conflicts += 1,
            Effect::Rejected(_) => self.rejected += 1,
            Effect::Changed | Effect::Unchanged => {}
        }
    }
}

/// What a phone shows of something on the list.
#[derive(Debug, Clone)]
struct Shown {
    item: Item,
    name: String,
}

impl PartialEq for Shown {
    /// All but what is told to nobody: which of several of one name takes what is added by it.
    fn eq(&self, other: &Self) -> bool {
        let told = |Shown { item, name }: &Self| {
            let who = (item.assignee_id, item.added_by, item.state_by, item.trip_id);
            let when = (item.created_at, item.added_at, item.state_at);
            let what =
                (item.product_id, name.clone(), item.amounts.clone(), item.note.clone(), item.is_urgent);
            (item.id, item.version, item.state, item.place.clone(), what, who, when)
        };
        told(self) == told(other)
    }
}

/// A phone: what it shows, and what it has not yet heard of being done.
struct Phone {
    user: UserId,
    instance: usize,
    /// By how much its clock is wrong.
    is_ahead_by: i64,
    shown: BTreeMap<GroceryItemId, Shown>,
    cursor: Option<Position>,
    queue: Vec<Queued>,
    /// The names of wishes to add that were never answered with an item.
    added: Vec<String>,
}

/// One list, from its number.
struct Run<'a> {
    seed: u64,
    rng: StdRng,
    flat: &'a Flat,
    instances: &'a [Database; 2],
    list: GroceryListId,
    phones: Vec<Phone>,
    model: Model,
    /// What was told of each wish the first time.
    told: HashMap<String, Treated>,
    trips: Vec<GroceryTripId>,
    wishes: u64,
    tally: Tally,
}

impl<'a> Run<'a> {
    async fn begin(flat: &'a Flat, instances: &'a [Database; 2], seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let create =
            list::Create { name: format!("List {seed}"), store: None, assignee: None, is_urgent: false };
        let list = perform(&instances[0], flat.users[0], flat.id, create).await.unwrap().id;
        let phones = flat.users.iter().enumerate().map(|(number, user)| Phone {
            user: *user,
            instance: number % 2,
            is_ahead_by: rng.random_range(-8..=8) * 3_600_000_000,
            shown: BTreeMap::new(),
            cursor: None,
            queue: Vec::new(),
            added: Vec::new(),
        });
        let phones = phones.collect();
        let (model, told, trips, tally) = (Model::default(), HashMap::new(), Vec::new(), Tally::default());
        Self { seed, rng, flat, instances, list, phones, model, told, trips, wishes: 0, tally }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    async fn step(&mut self) {
        let phone = self.rng.random_range(0..PHONES);
        match self.rng.random_range(0..100) {
            0..=47 => self.wish(phone),
            48..=83 => self.sync(phone).await,
            84..=92 => self.finish_trip(phone).await,
            93..=97 => self.undo_trip(phone).await,
            // Whoever moves to another network talks to another instance.
            _ => self.phones[phone].instance ^= 1,
        }
    }

    /// Somebody wishes something, with or without a network.
    fn wish(&mut self, phone: usize) {
        self.wishes += 1;
        let id = format!("{}-{}", self.seed, self.wishes);
        let at = Time::from_micros(Time::now().micros() + self.phones[phone].is_ahead_by);
        let wish = match (self.rng.random_range(0..100), self.target(phone)) {
            (0..=24, _) | (_, None) => {
                self.phones[phone].added.push(id.clone());
                Wish::Add(self.line())
            }
            (25..=74, Some((item, base))) => {
                let states = [State::Open, State::Bought, State::Bought, State::Unavailable, State::Removed];
                let state = states[self.rng.random_range(0..states.len())];
                Wish::SetState { item, state, at: Some(at), base_version: base }
            }
            (75..=92, Some((item, base))) => {
                let mut update = Update::of(GroceryItemId::from_bytes([0; 16]));
                update.expected_version = base;
                match self.rng.random_range(0..4) {
                    0 => update.amounts = Some(vec![(self.rng.random_range(1..9_i64).into(), Unit::Piece)]),
                    1 => update.note = Some(To::Value(NOTES[self.rng.random_range(0..NOTES.len())].into())),
                    2 => update.note = Some(To::Nothing),
                    _ => update.is_urgent = Some(self.rng.random()),
                }
                Wish::Update(item, update)
            }
            (_, Some((item, _))) => {
                let after = self.target(phone).map(|(after, _)| after).filter(|after| *after != item);
                Wish::Move { item, after }
            }
        };
        self.phones[phone].queue.push(Queued { id, wish });
    }

    fn line(&mut self) -> Line {
        let name = self.rng.random_range(0..NAMES.len());
        let unit = [Unit::Piece, Unit::Gram, Unit::Kilogram][self.rng.random_range(0..3)];
        let amounts =
            if self.chance(70) { vec![(self.rng.random_range(1..9_i64).into(), unit)] } else { Vec::new() };
        let note = self.chance(20).then(|| NOTES[self.rng.random_range(0..NOTES.len())].to_owned());
        Line {
            name: if self.chance(50) { NAMES[name] } else { OTHERWISE[name] }.to_owned(),
            amounts,
            note,
            is_urgent: self.chance(10),
            assignee: None,
            category: None,
            is_separate: self.chance(5),
        }
    }

    /// Something that the phone shows, with the version that it has seen, or that it has added itself.
    fn target(&mut self, phone: usize) -> Option<(Target, Option<i32>)> {
        let is_own = self.chance(25);
        let phone = &self.phones[phone];
        if let Some(own) = phone.added.last().filter(|_| is_own) {
            return Some((Target::AddedBy(own.clone()), None));
        }
        if phone.shown.is_empty() {
            return None;
        }
        let at = self.rng.random_range(0..phone.shown.len());
        phone.shown.iter().nth(at).map(|(id, shown)| (Target::Item(*id), Some(shown.item.version)))
    }

    /// The phone sends its queue, or a part of it, and hears the answer, or not.
    async fn sync(&mut self, phone: usize) {
        if self.chance(15) {
            // It never arrives.
            return;
        }
        let most = self.phones[phone].queue.len();
        let count = if self.chance(70) { most } else { self.rng.random_range(0..=most) };
        let is_heard = !self.chance(25);
        self.exchange(phone, count, is_heard).await;
    }

    async fn exchange(&mut self, phone: usize, count: usize, is_heard: bool) {
        let Phone { user, instance, .. } = self.phones[phone];
        let queue = self.phones[phone].queue[..count].to_vec();
        let db = &self.instances[instance];
        let queue_id = format!("phone-{phone}");
        let sync = Sync { list: self.list, queue_id, queue: queue.clone() };
        let report = perform(db, user, self.flat.id, sync).await.unwrap();
        assert_eq!(report.treated.len(), count, "seed {}", self.seed);
        for (queued, treated) in queue.iter().zip(&report.treated) {
            if let Some(first) = self.told.get(&queued.id) {
                assert_eq!(treated, first, "seed {}: a wish is told twice alike", self.seed);
                self.tally.repeats += 1;
                continue;
            }
            self.tally.count(&treated.effect);
            self.model.grant(phone, queued, treated, self.seed);
            self.told.insert(queued.id.clone(), treated.clone());
        }
        self.model.follow(&self.listed().await, self.seed);
        if !is_heard {
            return;
        }
        let changes = self.changes(phone).await;
        let phone = &mut self.phones[phone];
        phone.queue.drain(..count);
        if changes.is_whole {
            phone.shown.clear();
        }
        for id in changes.gone {
            phone.shown.remove(&id);
        }
        for (item, Product { name, .. }) in changes.items {
            phone.shown.insert(item.id, Shown { item, name });
        }
        phone.cursor = Some(changes.position);
    }

    async fn changes(&self, phone: usize) -> changes::Changes {
        let Phone { user, instance, cursor, .. } = self.phones[phone];
        let db = &self.instances[instance];
        let member = proof(db, user, self.flat.id).await.unwrap();
        let conn = &mut db.connection().await.unwrap();
        changes::since(conn, &member, &[self.list], cursor).await.unwrap().remove(&self.list).unwrap()
    }

    async fn finish_trip(&mut self, phone: usize) {
        let Phone { user, instance, .. } = self.phones[phone];
        let finish = trip::Finish { list: self.list, store: None };
        match perform(&self.instances[instance], user, self.flat.id, finish).await {
            Ok(trip) => {
                self.model.finish(trip.id);
                self.trips.push(trip.id);
                self.tally.trips += 1;
            }
            Err(Error::Refused(_)) => assert!(self.model.all(State::Bought).is_empty(), "seed {}", self.seed),
            Err(error) => panic!("seed {}: {error}", self.seed),
        }
    }

    async fn undo_trip(&mut self, phone: usize) {
        let Some(trip) = self.trips.pop() else { return };
        let Phone { user, instance, .. } = self.phones[phone];
        perform(&self.instances[instance], user, self.flat.id, trip::Undo { trip }).await.unwrap();
        self.model.undo(trip);
        self.tally.undone += 1;
    }

    /// All have a network again, send what they have, and fetch what they missed.
    async fn come_together(&mut self) {
        for phone in 0..PHONES {
            let count = self.phones[phone].queue.len();
            self.exchange(phone, count, true).await;
        }
        let mut served: BTreeMap<_, _> = BTreeMap::new();
        for (item, Product { name, .. }) in self.listed().await {
            let now = Time::now();
            assert!(
                item.added_at <= item.state_at.max(item.added_at) && item.state_at <= now,
                "seed {}",
                self.seed
            );
            served.insert(item.id, Shown { item, name });
        }
        for phone in 0..PHONES {
            self.exchange(phone, 0, true).await;
            assert_eq!(
                self.phones[phone].shown, served,
                "seed {}: phone {phone} shows what there is",
                self.seed
            );
        }
        self.model.compare(&served, self.seed);
        let db = &self.instances[0];
        let counts = list::counts(&mut db.connection().await.unwrap(), &[self.list]).await.unwrap();
        let counts = counts.get(&self.list).copied().unwrap_or_default();
        let counted = [State::Open, State::Unavailable, State::Bought]
            .map(|state| served.values().filter(|shown| shown.item.state == state).count());
        let told =
            [counts.open, counts.unavailable, counts.bought].map(|count| usize::try_from(count).unwrap());
        assert_eq!(told, counted, "seed {}", self.seed);
        perform(db, self.flat.users[0], self.flat.id, list::Archive { list: self.list }).await.unwrap();
    }

    async fn listed(&self) -> Vec<(Item, Product)> {
        item::listed(&mut self.instances[1].connection().await.unwrap(), &[self.list]).await.unwrap()
    }
}

/// What has become of everything that was ever on the list, by sums and sets alone.
#[derive(Default)]
struct Model {
    items: HashMap<GroceryItemId, Thing>,
    /// Which item a wish to add came to, by the wish's name.
    added: HashMap<String, (GroceryItemId, i32)>,
    put_back: HashMap<GroceryTripId, Vec<GroceryItemId>>,
}

#[derive(Debug, Clone)]
struct Thing {
    fold: String,
    pieces: i64,
    grams: i64,
    notes: Vec<String>,
    is_urgent: bool,
    state: State,
    trip: Option<GroceryTripId>,
    merges: bool,
    is_separate: bool,
    version: i32,
    place: Option<Place>,
    /// What made each version: which phone's wish, and which fields it changed.
    changes: Vec<(i32, usize, Vec<&'static str>)>,
}

impl Thing {
    fn is_listed(&self) -> bool {
        self.trip.is_none() && self.state != State::Removed
    }

    fn bump(&mut self, phone: usize, fields: &[&'static str]) {
        self.version += 1;
        self.changes.push((self.version, phone, fields.to_vec()));
    }

    /// Whether another phone changed one of these since that version.
    fn was_changed_since(&self, version: i32, phone: usize, fields: &[&'static str]) -> bool {
        let others = self.changes.iter().filter(|(made, by, _)| *made > version && *by != phone);
        others.flat_map(|(_, _, changed)| changed).any(|field| fields.contains(field))
    }

    fn take(&mut self, line: &Line) {
        for (quantity, unit) in &line.amounts {
            let quantity = i64::try_from(*quantity).unwrap();
            match unit {
                Unit::Piece => self.pieces += quantity,
                Unit::Gram => self.grams += quantity,
                _ => self.grams += 1000 * quantity,
            }
        }
        self.notes.extend(line.note.clone().filter(|note| !self.notes.contains(note)));
        self.is_urgent |= line.is_urgent;
    }
}

impl Model {
    /// Does what a wish that arrived for the first time wishes, and compares with what the server says of it.
    fn grant(&mut self, phone: usize, queued: &Queued, told: &Treated, seed: u64) {
        let expected = match &queued.wish {
            Wish::Add(line) => {
                let said = self.add(phone, line, told);
                let id = told.item.expect("what is added is an item");
                self.added.insert(queued.id.clone(), (id, self.items[&id].version));
                said
            }
            Wish::SetState { item, state, base_version, .. } => match self.find(item) {
                Some((thing, base)) => {
                    let said = set(thing, phone, *state, base_version.or(base));
                    if said == "changed" {
                        self.settle(self.id_of(item).expect("it was found by it"));
                    }
                    said
                }
                None => "rejected",
            },
            Wish::Update(item, update) => match self.find(item) {
                Some((thing, base)) => edit(thing, phone, update, update.expected_version.or(base)),
                None => "rejected",
            },
            // Where it stands is the server's to say; that it is said alike to all is compared in the end.
            Wish::Move { item, after } => {
                let is_there = |model: &mut Self, target: &Target| {
                    model.find(target).is_some_and(|(thing, _)| thing.is_listed())
                };
                let is_possible =
                    is_there(self, item) && after.as_ref().is_none_or(|after| is_there(self, after));
                let is_itself = after.as_ref().is_some_and(|after| self.id_of(after) == self.id_of(item));
                if let (Effect::Changed, Some((thing, _))) = (&told.effect, self.find(item)) {
                    thing.bump(phone, &[]);
                }
                if is_possible && !is_itself { "moved" } else { "rejected" }
            }
        };
        let is_as_expected = match &told.effect {
            Effect::Created => expected == "created",
            Effect::Merged(_) => expected == "merged",
            Effect::Changed => expected == "changed" || expected == "moved",
            Effect::Unchanged => expected == "unchanged" || expected == "moved",
            Effect::Stale => expected == "stale",
            Effect::Conflict => expected == "conflict",
            Effect::Rejected(_) => expected == "rejected",
        };
        assert!(is_as_expected, "seed {seed}: {queued:?} is {expected}, told {told:?}");
    }

    fn id_of(&self, target: &Target) -> Option<GroceryItemId> {
        match target {
            Target::Item(id) => Some(*id),
            Target::AddedBy(wish) => self.added.get(wish).map(|(id, _)| *id),
        }
    }

    /// The thing, and in which version the wish has seen it that added it.
    fn find(&mut self, target: &Target) -> Option<(&mut Thing, Option<i32>)> {
        let id = self.id_of(target)?;
        let base = match target {
            Target::Item(_) => None,
            Target::AddedBy(wish) => self.added.get(wish).map(|(_, version)| *version),
        };
        self.items.get_mut(&id).map(|thing| (thing, base))
    }

    fn add(&mut self, phone: usize, line: &Line, told: &Treated) -> &'static str {
        let fold = grocery::fold::fold(&line.name);
        let found =
            self.items.iter_mut().find(|(_, thing)| thing.merges && thing.fold == fold && !line.is_separate);
        if let Some((id, thing)) = found {
            assert_eq!(Some(*id), told.item, "it merges into what is wanted by that name");
            let before = thing.clone();
            thing.take(line);
            thing.state = State::Open;
            let fields: Vec<_> = [
                ("added", true),
                ("amounts", (before.pieces, before.grams) != (thing.pieces, thing.grams)),
                ("note", before.notes != thing.notes),
                ("isUrgent", before.is_urgent != thing.is_urgent),
                ("state", before.state != thing.state),
            ]
            .into_iter()
            .filter_map(|(field, is_changed)| is_changed.then_some(field))
            .collect();
            thing.bump(phone, &fields);
            return "merged";
        }
        let mut thing = Thing {
            fold,
            pieces: 0,
            grams: 0,
            notes: Vec::new(),
            is_urgent: false,
            state: State::Open,
            trip: None,
            merges: !line.is_separate,
            is_separate: line.is_separate,
            version: 1,
            place: None,
            changes: Vec::new(),
        };
        thing.take(line);
        let is_new = self.items.insert(told.item.unwrap(), thing).is_none();
        assert!(is_new, "what is new has an id of its own");
        "created"
    }

    /// What is wanted takes what is added by its name, if nothing else does; what is not leaves that to what was put on the
    /// list first of the others.
    fn settle(&mut self, id: GroceryItemId) {
        let thing = self.items[&id].clone();
        let takes = |other: &Thing| other.fold == thing.fold && other.is_listed() && !other.is_separate;
        let is_wanted = thing.is_listed() && thing.state.is_wanted();
        let is_taken = self.items.values().any(|other| other.merges && other.fold == thing.fold);
        if is_wanted && !thing.is_separate && !is_taken {
            self.items.get_mut(&id).unwrap().merges = true;
        } else if !is_wanted && thing.merges {
            self.items.get_mut(&id).unwrap().merges = false;
            let others = self.items.iter_mut().filter(|(other, thing)| **other != id && takes(thing));
            let wanted = others.filter(|(_, thing)| thing.state.is_wanted());
            if let Some((_, heir)) = wanted.min_by_key(|(id, _)| **id) {
                heir.merges = true;
            }
        }
    }

    fn all(&self, state: State) -> Vec<GroceryItemId> {
        let there = self.items.iter().filter(|(_, thing)| thing.is_listed() && thing.state == state);
        there.map(|(id, _)| *id).collect()
    }

    fn finish(&mut self, trip: GroceryTripId) {
        let put_back = self.all(State::Unavailable);
        for id in self.all(State::Bought) {
            let thing = self.items.get_mut(&id).unwrap();
            thing.trip = Some(trip);
            thing.version += 1;
        }
        for id in &put_back {
            let thing = self.items.get_mut(id).unwrap();
            thing.state = State::Open;
            thing.version += 1;
        }
        self.put_back.insert(trip, put_back);
    }

    fn undo(&mut self, trip: GroceryTripId) {
        for thing in self.items.values_mut().filter(|thing| thing.trip == Some(trip)) {
            thing.trip = None;
            thing.version += 1;
        }
        for id in self.put_back.remove(&trip).unwrap() {
            let thing = self.items.get_mut(&id).unwrap();
            if thing.is_listed() && thing.state == State::Open {
                thing.state = State::Unavailable;
                thing.version += 1;
            }
        }
    }

    /// Where things stand is the server's to say, and now and then it makes all places anew, which is a version of each.
    fn follow(&mut self, listed: &[(Item, Product)], seed: u64) {
        for (item, _) in listed {
            let thing = self.items.get_mut(&item.id).expect("what is listed was added");
            assert!(item.version >= thing.version, "seed {seed}: {item:?} {thing:?}");
            if thing.place.replace(item.place.clone()).as_ref() != Some(&item.place) {
                thing.version = item.version;
            }
        }
    }

    /// The list is what the model says.
    fn compare(&self, served: &BTreeMap<GroceryItemId, Shown>, seed: u64) {
        let listed = self.items.iter().filter(|(_, thing)| thing.is_listed());
        let ids: BTreeMap<_, _> =
            listed.clone().map(|(id, thing)| (*id, (thing.state, thing.is_urgent))).collect();
        let theirs: BTreeMap<_, _> =
            served.iter().map(|(id, shown)| (*id, (shown.item.state, shown.item.is_urgent))).collect();
        assert_eq!(theirs, ids, "seed {seed}: what is on the list");
        for (id, thing) in listed {
            let Shown { item, name } = &served[id];
            assert_eq!(grocery::fold::fold(name), thing.fold, "seed {seed}");
            assert_eq!(
                (pieces(item), grams(item)),
                (thing.pieces, thing.grams),
                "seed {seed}: {item:?} {thing:?}"
            );
            let notes: Vec<_> = item.note.iter().flat_map(|note| note.lines()).collect();
            assert_eq!(notes, thing.notes, "seed {seed}");
            assert_eq!(item.version, thing.version, "seed {seed}: {item:?} {thing:?}");
        }
    }
}

fn set(thing: &mut Thing, phone: usize, state: State, base: Option<i32>) -> &'static str {
    if thing.state == state {
        return "unchanged";
    }
    if base.is_some_and(|base| thing.was_changed_since(base, phone, &["added"])) {
        return "stale";
    }
    if thing.trip.is_some() {
        return "rejected";
    }
    let was_removed = thing.state == State::Removed;
    thing.state = state;
    thing.bump(phone, if was_removed { &["state", "added"] } else { &["state"] });
    "changed"
}

fn edit(thing: &mut Thing, phone: usize, update: &Update, base: Option<i32>) -> &'static str {
    if !thing.is_listed() {
        return "rejected";
    }
    let (mut after, mut fields) = (thing.clone(), Vec::new());
    if let Some(amounts) = &update.amounts {
        after.pieces = i64::try_from(amounts[0].0).unwrap();
        after.grams = 0;
        if (after.pieces, after.grams) != (thing.pieces, thing.grams) {
            fields.push("amounts");
        }
    }
    match &update.note {
        Some(To::Value(note)) => after.notes = vec![note.clone()],
        Some(To::Nothing) => after.notes.clear(),
        None => {}
    }
    if after.notes != thing.notes {
        fields.push("note");
    }
    after.is_urgent = update.is_urgent.unwrap_or(thing.is_urgent);
    if after.is_urgent != thing.is_urgent {
        fields.push("isUrgent");
    }
    if base.is_some_and(|base| thing.was_changed_since(base, phone, &fields)) {
        return "conflict";
    }
    if fields.is_empty() {
        return "unchanged";
    }
    after.bump(phone, &fields);
    *thing = after;
    "changed"
}

fn pieces(item: &Item) -> i64 {
    let pieces = item.amounts.iter().filter(|amount| amount.unit == Unit::Piece);
    pieces.map(|amount| i64::try_from(amount.quantity).unwrap()).sum()
}

fn grams(item: &Item) -> i64 {
    let grams = |amount: &grocery::Amount| match amount.unit {
        Unit::Gram => i64::try_from(amount.quantity).unwrap(),
        Unit::Kilogram => i64::try_from(amount.quantity * rust_decimal::Decimal::from(1000)).unwrap(),
        _ => 0,
    };
    item.amounts.iter().map(grams).sum()
}
