//! Small words for tests: members are numbers, and days are numbered from an ordinary Monday.

use super::{Assignment, Closing, Credit, DateRange, DateRanges, Help, Occasion, Outcome, Person, PreImage};
use super::{Rotation, Rule, Strategy};
use chrono::{Days, NaiveDate};
use std::num::NonZeroU16;

pub(super) fn day(number: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 5).unwrap() + Days::new(number.into())
}

pub(super) fn range(first: u32, last: u32) -> DateRange {
    DateRange::new(day(first), day(last)).unwrap()
}

pub(super) fn rule(strategy: Strategy, turn_length: u16, help: Help) -> Rule {
    Rule { strategy, turn_length: NonZeroU16::new(turn_length).unwrap(), help }
}

pub(super) fn present(id: u8) -> Person<u8> {
    Person { id, absent: DateRanges::default() }
}

/// A chore of a household, with one occurrence a day that is open until it is closed.
pub(super) struct Chore {
    pub(super) rule: Rule,
    pub(super) rotation: Rotation<u8>,
    pub(super) people: Vec<Person<u8>>,
    pub(super) paused: DateRanges,
    pub(super) credits: Vec<Credit<u8>>,
    pub(super) today: u32,
    pub(super) assigned: Assignment<u8>,
    /// To whom the open occurrence was traded.
    pub(super) traded: Option<u8>,
}

impl Chore {
    pub(super) fn new(rule: Rule, roster: &[u8]) -> Self {
        let mut chore = Self {
            rule,
            rotation: Rotation::new(roster.to_vec()).unwrap(),
            people: roster.iter().copied().map(present).collect(),
            paused: DateRanges::default(),
            credits: Vec::new(),
            today: 0,
            assigned: Assignment::Nobody,
            traded: None,
        };
        chore.assign();
        chore
    }

    pub(super) fn assign(&mut self) {
        let occasion = Occasion {
            due: day(self.today),
            people: &self.people,
            credits: &self.credits,
            paused: &self.paused,
            seed: self.today.into(),
        };
        self.assigned = self.rotation.assign(self.rule, &occasion);
    }

    pub(super) fn able(&self) -> Vec<u8> {
        let able = |member: &u8| {
            self.people.iter().any(|person| person.id == *member && !person.absent.cover(day(self.today)))
        };
        self.rotation.order().iter().copied().filter(able).collect()
    }

    pub(super) fn assignee(&self) -> Option<u8> {
        match self.assigned {
            Assignment::To(member) => self.traded.or(Some(member)),
            _ => None,
        }
    }

    pub(super) fn close(&mut self, outcome: Outcome<u8>) -> Option<PreImage<u8>> {
        let closing = Closing { turn: self.rotation.holder(), assignee: self.assignee(), outcome };
        let before = self.rotation.close(self.rule, closing);
        if let Outcome::Done { by } = outcome {
            self.credits.push(Credit { member: by, on: day(self.today) });
        }
        self.today += 1;
        self.traded = None;
        self.assign();
        before
    }

    /// The assignee, or the one given, does it.
    pub(super) fn done(&mut self, by: Option<u8>) -> Option<PreImage<u8>> {
        by.or(self.assignee()).and_then(|by| self.close(Outcome::Done { by }))
    }

    /// Who does the next occurrences, if everybody does their own.
    pub(super) fn next(&mut self, count: usize) -> Vec<u8> {
        let mut members = Vec::new();
        for _ in 0..count {
            members.extend(self.assignee());
            self.done(None);
        }
        members
    }

    pub(super) fn join(&mut self, member: u8) {
        let mut person = present(member);
        person.absent.add(DateRange::before(day(self.today)).unwrap()).unwrap();
        self.people.retain(|person| person.id != member);
        self.people.push(person);
        self.rotation.join(member).unwrap();
        self.assign();
    }

    pub(super) fn leave(&mut self, member: u8) {
        self.people.retain(|person| person.id != member);
        self.rotation.leave(member);
        self.assign();
    }

    pub(super) fn go_away(&mut self, member: u8, away: DateRange) {
        for person in self.people.iter_mut().filter(|person| person.id == member) {
            person.absent.add(away).unwrap();
        }
        self.assign();
    }

    pub(super) fn come_back(&mut self, member: u8) {
        for person in self.people.iter_mut().filter(|person| person.id == member) {
            person.absent.end_early(day(self.today));
        }
        self.assign();
    }
}
