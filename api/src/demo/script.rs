//! What is said in the household: scenes, written down in `scenes/`.
//!
//! A file is read line by line:
//!
//! ```text
//! ; a comment
//! @dish: ramen | борщ          what {dish} stands for: one of these, the same throughout a scene
//! # kitchen                    a scene in the kitchen conversation, for any day
//! # general tue                … for every Tuesday; `day 1`: the first of a month; `on 12-31`: that date;
//!                              `last`: the end of the year
//! z Who cooks? @a, you?        Zoë says this, and mentions Arjun
//! a ^ {dish}, at eight         Arjun answers her
//!  + 😋 xm                      小雨 and Марина react to that
//!  = {dish}, at nine           he edits it
//!  - m                         Марина deletes it
//! ```

use super::cast::{Place, Who};
use anyhow::{Context as _, Result, anyhow};
use std::collections::HashMap;

const FILES: [(&str, &str); 7] = [
    ("flat", include_str!("scenes/flat.txt")),
    ("neighbours", include_str!("scenes/neighbours.txt")),
    ("kitchen", include_str!("scenes/kitchen.txt")),
    ("money", include_str!("scenes/money.txt")),
    ("talk", include_str!("scenes/talk.txt")),
    ("private", include_str!("scenes/private.txt")),
    ("feasts", include_str!("scenes/feasts.txt")),
];

/// Every scene, and the words they choose from.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) scenes: Vec<Scene>,
    pub(super) words: HashMap<&'static str, Vec<&'static str>>,
}

/// A short conversation.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) place: Place,
    pub(super) when: When,
    pub(super) lines: Vec<Line>,
}

/// The days of a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    AnyDay,
    Weekday(chrono::Weekday),
    DayOfMonth(u32),
    Date { month: u32, day: u32 },
    Last,
}

/// What somebody says in it, and what becomes of that.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) who: Who,
    pub(super) text: &'static str,
    pub(super) answers_the_last: bool,
    pub(super) reactions: Vec<(Who, &'static str)>,
    pub(super) edited: Option<&'static str>,
    pub(super) deleted_by: Option<Who>,
}

/// Reads the script that is compiled in.
pub(super) fn read() -> Result<Script> {
    let mut script = Script::default();
    for (name, text) in FILES {
        for (number, line) in text.lines().enumerate() {
            script
                .add(line)
                .ok_or_else(|| anyhow!("not a line of a script"))
                .with_context(|| format!("scenes/{name}.txt, line {}: {line}", number + 1))?;
        }
    }
    Ok(script)
}

impl Script {
    /// Adds one line of a file; none if it is not one.
    fn add(&mut self, line: &'static str) -> Option<()> {
        if line.is_empty() || line.starts_with(';') {
            return Some(());
        }
        if let Some(words) = line.strip_prefix('@') {
            let (name, choice) = words.split_once(": ")?;
            self.words.insert(name, choice.split(" | ").collect());
        } else if let Some(head) = line.strip_prefix("# ") {
            let (place, when) = head.split_once(' ').unwrap_or((head, ""));
            let place = Place::ALL.into_iter().find(|known| known.word() == place)?;
            self.scenes.push(Scene { place, when: When::read(when)?, lines: Vec::new() });
        } else if let Some(mark) = line.strip_prefix(' ') {
            self.scenes.last_mut()?.lines.last_mut()?.mark(mark)?;
        } else {
            let scene = self.scenes.last_mut()?;
            scene.lines.push(Line::read(line).filter(|line| scene.place.includes(line.who))?);
        }
        Some(())
    }
}

impl When {
    fn read(text: &str) -> Option<Self> {
        match text.split_once(' ') {
            None if text.is_empty() => Some(Self::AnyDay),
            None if text == "last" => Some(Self::Last),
            None => text.parse().ok().map(Self::Weekday),
            Some(("day", day)) => day.parse().ok().map(Self::DayOfMonth),
            Some(("on", date)) => {
                let (month, day) = date.split_once('-')?;
                Some(Self::Date { month: month.parse().ok()?, day: day.parse().ok()? })
            }
            Some(_) => None,
        }
    }
}

impl Line {
    fn read(line: &'static str) -> Option<Self> {
        let (letter, text) = line.split_once(' ')?;
        let answer = text.strip_prefix("^ ");
        Some(Self {
            who: whom(letter)?,
            text: answer.unwrap_or(text),
            answers_the_last: answer.is_some(),
            reactions: Vec::new(),
            edited: None,
            deleted_by: None,
        })
    }

    fn mark(&mut self, mark: &'static str) -> Option<()> {
        match mark.split_once(' ')? {
            ("+", reaction) => {
                let (emoji, letters) = reaction.split_once(' ')?;
                for letter in letters.chars() {
                    self.reactions.push((Who::of_letter(letter)?, emoji));
                }
            }
            ("=", text) => self.edited = Some(text),
            ("-", letter) => self.deleted_by = Some(whom(letter)?),
            _ => return None,
        }
        Some(())
    }
}

fn whom(letter: &str) -> Option<Who> {
    letter.parse().ok().and_then(Who::of_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_can_be_read_and_every_gap_filled() {
        let script = read().unwrap();
        assert!(script.scenes.iter().all(|scene| !scene.lines.is_empty()));
        let lines = script.scenes.iter().flat_map(|scene| &scene.lines);
        for text in lines.flat_map(|line| [Some(line.text), line.edited]).flatten() {
            for gap in text.split('{').skip(1).map(|gap| gap.split('}').next().unwrap()) {
                assert!(script.words.contains_key(gap), "{gap} in {text}");
            }
        }
    }

    #[test]
    fn what_is_no_line_is_refused() {
        let mut script = Script::default();
        for line in ["z Nobody is here yet", "# cellar", "# general someday", "?", " + 😂 z"] {
            assert!(script.add(line).is_none(), "{line}");
        }
        script.add("# zoe-arjun").unwrap();
        assert!(script.add("m I do not take part").is_none());
    }
}
