//! One performance of a scene: its words of that day, and the slips, reactions and readers that come with it.

use super::cast::Who;
use super::plan::{Act, Deed};
use super::script::{Line, Scene, Script};
use super::wording::{choose, mistyped, word};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

/// Makes every year the same one.
const SEED: u64 = 8;
/// How often somebody reacts as they do in the script, and somebody as they do not.
const REACTED: f64 = 0.6;
const REACTED_FREELY: f64 = 0.15;
/// How often a message is mistyped, and how often one comes after another that was meant for somebody else.
const MISTYPED: f64 = 0.03;
const MISSENT: f64 = 0.012;
/// How often somebody reads a scene that they did not take part in.
const READ: f64 = 0.25;
const EMOJI: [&str; 14] =
    ["👍", "❤️", "😂", "🙏🏽", "🎉", "👀", "🤝", "💯", "😮", "👍🏿", "🫶", "☕", "👩🏽‍🍳", "🏳️‍🌈"];
const SLIPS: [&str; 6] =
    ["wrong chat, sorry!", "ой, не туда", "发错群了 😅", "خطأ، عفوًا", "ग़लत चैट 🙈", "asdfjkl"];

/// Turns scenes into acts.
pub(super) struct Camera {
    pub(super) rng: StdRng,
    pub(super) acts: Vec<Act>,
    messages: usize,
    /// Nothing happens later than this.
    ends: Duration,
}

impl Camera {
    pub(super) fn new(ends: Duration) -> Self {
        Self { rng: StdRng::seed_from_u64(SEED), acts: Vec::new(), messages: 0, ends }
    }

    /// Plays a scene from this time on.
    pub(super) fn take(&mut self, script: &Script, scene: &Scene, begins: Duration) {
        let choice = choose(&script.words, &mut self.rng);
        let (mut at, mut last) = (begins, None);
        for line in &scene.lines {
            if self.rng.random_bool(MISSENT) {
                at = self.missend(scene, line.who, at);
            }
            let answers = last.filter(|_| line.answers_the_last);
            let message = self.say(scene, line, word(line.text, &choice), answers, at);
            self.react(scene, line, message, at);
            self.correct(line, message, &choice, at);
            last = Some(message);
            at = self.later(at, 5..60);
        }
        if let Some(message) = last {
            self.read(scene, message, at);
        }
    }

    fn act(&mut self, at: Duration, who: Who, deed: Deed) {
        self.acts.push(Act { at: at.min(self.ends), who, deed });
    }

    fn later(&mut self, at: Duration, seconds: Range<u64>) -> Duration {
        at + Duration::from_secs(self.rng.random_range(seconds))
    }

    fn send(&mut self, scene: &Scene, who: Who, body: String, answers: Option<usize>, at: Duration) -> usize {
        let message = self.messages;
        self.messages += 1;
        self.act(at, who, Deed::Send { message, place: scene.place, body, answers });
        message
    }

    fn say(
        &mut self,
        scene: &Scene,
        line: &Line,
        body: String,
        answers: Option<usize>,
        at: Duration,
    ) -> usize {
        let is_plain = line.edited.is_none() && line.deleted_by.is_none();
        let slip =
            if is_plain && self.rng.random_bool(MISTYPED) { mistyped(&body, &mut self.rng) } else { None };
        let Some(slip) = slip else { return self.send(scene, line.who, body, answers, at) };
        let message = self.send(scene, line.who, slip, answers, at);
        let noticed = self.later(at, 4..40);
        self.act(noticed, line.who, Deed::Edit { message, body });
        message
    }

    /// A message that was meant for somebody else; returns when it is gone again.
    fn missend(&mut self, scene: &Scene, who: Who, at: Duration) -> Duration {
        let slip = SLIPS.choose(&mut self.rng).copied().unwrap_or_default();
        let message = self.send(scene, who, slip.to_owned(), None, at);
        let noticed = self.later(at, 5..20);
        self.act(noticed, who, Deed::Delete { message });
        self.later(noticed, 3..20)
    }

    fn react(&mut self, scene: &Scene, line: &Line, message: usize, at: Duration) {
        if line.deleted_by.is_some() {
            return;
        }
        for (who, emoji) in &line.reactions {
            if self.rng.random_bool(REACTED) {
                let at = self.later(at, 5..90);
                self.act(at, *who, Deed::React { message, emoji });
            }
        }
        let others = |who: &Who| *who != line.who && scene.place.includes(*who);
        let others: Vec<_> = Who::ALL.into_iter().filter(others).collect();
        if let (Some(who), Some(emoji)) = (others.choose(&mut self.rng), EMOJI.choose(&mut self.rng))
            && self.rng.random_bool(REACTED_FREELY)
        {
            let at = self.later(at, 20..900);
            self.act(at, *who, Deed::React { message, emoji });
        }
    }

    fn correct(&mut self, line: &Line, message: usize, choice: &HashMap<&str, &str>, at: Duration) {
        if let Some(text) = line.edited {
            let at = self.later(at, 20..60);
            self.act(at, line.who, Deed::Edit { message, body: word(text, choice) });
        }
        if let Some(who) = line.deleted_by {
            let at = self.later(at, 10..40);
            self.act(at, who, Deed::Delete { message });
        }
    }

    fn read(&mut self, scene: &Scene, message: usize, at: Duration) {
        for who in Who::ALL.into_iter().filter(|who| scene.place.includes(*who)) {
            if self.rng.random_bool(READ) {
                let at = self.later(at, 30..3600);
                self.act(at, who, Deed::Read { message, place: scene.place });
            }
        }
    }
}
