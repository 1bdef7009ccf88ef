//! The year that is played: who does what, and when. The same for everybody, but for the days of the week.

use super::cast::{Place, Who};
use super::script::{Scene, Script, When};
use super::take::Camera;
use chrono::{Datelike as _, Days, NaiveDate};
use rand::Rng as _;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use roomm8_db::Time;
use std::time::Duration;

/// How long the household has lived together: 13 times four weeks.
const DAYS: u32 = 364;
/// How long a device is used before the next: shorter than an idle session lasts.
const DEVICE_DAYS: u32 = 28;
const DAY: Duration = Duration::from_hours(24);
const LENGTH: Duration = DAY.saturating_mul(DAYS);
/// The first evening is for moving in, the last one for the last scene.
const EVENING: Duration = Duration::from_hours(3);
/// When people talk, in hours of UTC: an hour or two later in Berlin.
const HOURS: [u64; 18] = [5, 6, 7, 7, 8, 10, 11, 12, 15, 16, 16, 17, 17, 18, 18, 19, 19, 20];

/// What somebody does.
#[derive(Debug)]
pub(super) struct Act {
    /// How long after the beginning.
    pub(super) at: Duration,
    pub(super) who: Who,
    pub(super) deed: Deed,
}

/// Messages are known by the order in which they are planned.
#[derive(Debug)]
pub(super) enum Deed {
    ChangeDevice { device: &'static str },
    Send { message: usize, place: Place, body: String, answers: Option<usize> },
    Edit { message: usize, body: String },
    Delete { message: usize },
    React { message: usize, emoji: &'static str },
    Read { message: usize, place: Place },
}

impl Deed {
    /// The message it is about.
    pub(super) const fn message(&self) -> Option<usize> {
        match self {
            Self::ChangeDevice { .. } => None,
            Self::Send { message, .. }
            | Self::Edit { message, .. }
            | Self::Delete { message }
            | Self::React { message, .. }
            | Self::Read { message, .. } => Some(*message),
        }
    }
}

/// A year of acts, in order.
pub(super) struct Plan {
    pub(super) begins: Time,
    pub(super) acts: Vec<Act>,
}

impl Plan {
    /// The year of this script that ends now.
    pub(super) fn of(script: &Script, ends: Time) -> Self {
        let begins = ends.before(LENGTH);
        let mut planner = Planner { script, begins, camera: Camera::new(LENGTH), waiting: Vec::new() };
        for day in 0..=DAYS {
            planner.day(day);
        }
        for day in (DEVICE_DAYS..DAYS).step_by(28) {
            planner.change_devices(day);
        }
        planner.last_scene();
        let mut acts = planner.camera.acts;
        acts.sort_by_key(|act| act.at);
        Self { begins, acts }
    }
}

struct Planner<'a> {
    script: &'a Script,
    begins: Time,
    camera: Camera,
    /// Scenes for any day, those not played for longest at the end.
    waiting: Vec<&'a Scene>,
}

impl<'a> Planner<'a> {
    fn day(&mut self, day: u32) {
        let date = self.begins.to_utc().date_naive() + Days::new(day.into());
        let mut scenes: Vec<_> = self.script.scenes.iter().filter(|scene| is_on(scene.when, date)).collect();
        for _ in 0..self.camera.rng.random_range(1..=2) {
            scenes.extend(self.next_scene());
        }
        for scene in scenes {
            let hour = HOURS.choose(&mut self.camera.rng).copied().unwrap_or_default();
            let time = Duration::from_secs(hour * 3600 + self.camera.rng.random_range(0..3600));
            // The year does not begin at midnight, but at the time of day that it is now.
            let at = (DAY * day + time).saturating_sub(self.begins.since(midnight(self.begins)));
            if at > EVENING && at + EVENING < LENGTH {
                self.camera.take(self.script, scene, at);
            }
        }
    }

    fn next_scene(&mut self) -> Option<&'a Scene> {
        if self.waiting.is_empty() {
            self.waiting = self.script.scenes.iter().filter(|scene| scene.when == When::AnyDay).collect();
            self.waiting.shuffle(&mut self.camera.rng);
        }
        self.waiting.pop()
    }

    fn change_devices(&mut self, day: u32) {
        for who in Who::ALL {
            let number = usize::try_from(day / DEVICE_DAYS).unwrap_or_default();
            let device = who.person().devices.iter().copied().cycle().nth(number);
            let act = |device| Act { at: DAY * day, who, deed: Deed::ChangeDevice { device } };
            self.camera.acts.extend(device.map(act));
        }
    }

    /// The year ends with a scene that is over just now.
    fn last_scene(&mut self) {
        let script = self.script;
        for scene in script.scenes.iter().filter(|scene| scene.when == When::Last) {
            self.camera.take(script, scene, LENGTH.saturating_sub(Duration::from_mins(12)));
        }
    }
}

fn is_on(when: When, date: NaiveDate) -> bool {
    match when {
        When::AnyDay | When::Last => false,
        When::Weekday(weekday) => weekday == date.weekday(),
        When::DayOfMonth(day) => day == date.day(),
        When::Date { month, day } => (month, day) == (date.month(), date.day()),
    }
}

fn midnight(time: Time) -> Time {
    let micros = i64::try_from(DAY.as_micros()).unwrap_or(i64::MAX);
    Time::from_micros(time.micros() - time.micros().rem_euclid(micros))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::script;

    /// 17:30 on an ordinary Wednesday.
    const NOW: Time = Time::from_micros(1_763_573_400_000_000);

    #[test]
    fn the_year_is_full_and_over_now() {
        let plan = Plan::of(&script::read().unwrap(), NOW);
        let count =
            |is_wanted: fn(&Deed) -> bool| plan.acts.iter().filter(|act| is_wanted(&act.deed)).count();
        assert!(count(|deed| matches!(deed, Deed::Send { .. })) > 2500);
        assert!(count(|deed| matches!(deed, Deed::React { .. })) > 1000);
        assert!(count(|deed| matches!(deed, Deed::Edit { .. })) > 50);
        assert!(count(|deed| matches!(deed, Deed::Delete { .. })) > 20);
        assert_eq!(count(|deed| matches!(deed, Deed::ChangeDevice { .. })), 12 * 5);
        assert!(plan.acts.iter().all(|act| act.at <= LENGTH));
        assert!(plan.acts.is_sorted_by_key(|act| act.at));
    }

    #[test]
    fn nothing_happens_to_a_message_before_it_is_sent_or_after_it_is_deleted() {
        let plan = Plan::of(&script::read().unwrap(), NOW);
        let (mut sent, mut deleted) = (Vec::new(), Vec::new());
        for act in &plan.acts {
            match &act.deed {
                Deed::ChangeDevice { .. } => {}
                Deed::Send { message, answers, .. } => {
                    assert!(answers.is_none_or(|answered| sent.contains(&answered)));
                    sent.push(*message);
                }
                Deed::Delete { message } => deleted.push(*message),
                Deed::Edit { message, .. } | Deed::React { message, .. } => {
                    assert!(sent.contains(message) && !deleted.contains(message), "{act:?}");
                }
                Deed::Read { message, .. } => assert!(sent.contains(message)),
            }
        }
    }

    #[test]
    fn it_is_the_same_year_every_time() {
        let script = script::read().unwrap();
        let told = || format!("{:?}", Plan::of(&script, NOW).acts);
        assert_eq!(told(), told());
    }
}
