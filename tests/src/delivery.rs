//! The delivery checker: what was sent, what history holds and what each subscriber heard must be one story.
//!
//! It is a pure function over recorded observations, so that it can itself be tested, and so that every fault
//! scenario is judged by the same rules.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// All that was observed of one household's general conversation.
#[derive(Debug, Clone, Default)]
pub struct Observations {
    /// What each sender sent, in the order they sent it. One message at a time: the next after the last was settled.
    pub sent: BTreeMap<String, Vec<Sent>>,
    /// The conversation as it is paged through the API afterwards, oldest first.
    pub history: Vec<Entry>,
    /// What each subscriber heard over all its connections, in the order it heard it.
    pub heard: BTreeMap<String, Vec<Entry>>,
    /// Answers that no fault excuses.
    pub wrong_answers: Vec<String>,
}

/// A message somebody sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its body, unlike that of any other.
    pub body: String,
    /// The id it was acknowledged with, or nothing while its outcome is unknown.
    pub acknowledged: Option<String>,
}

/// A message as the server shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// Its body.
    pub body: String,
    /// The cursor of its event.
    pub cursor: String,
}

/// A broken promise.
#[expect(missing_docs, reason = "the names of the fields say what they are")]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// It was acknowledged and is not in history.
    Lost { sender: String, body: String },
    /// It was sent once and is in history more than once.
    Doubled { body: String, times: usize },
    /// Its outcome stayed unknown although everything works again.
    Unsettled { sender: String, body: String },
    /// It is shown, but nobody sent it.
    Phantom { to: String, body: String },
    /// It is in history, and this subscriber never heard it.
    Missed { subscriber: String, body: String },
    /// This subscriber heard it more than once.
    Repeated { subscriber: String, body: String, times: usize },
    /// This subscriber heard it after one that follows it in history.
    OutOfOrder { subscriber: String, body: String, after: String },
    /// History has it after one that its sender sent later.
    SenderOutOfOrder { sender: String, body: String, after: String },
    /// It was heard or acknowledged under another id or cursor than history has.
    Disagreement { who: String, body: String },
    /// An answer that no fault excuses.
    WrongAnswer(String),
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self:?}")
    }
}

/// Every promise that these observations break, in a stable order.
pub fn violations(seen: &Observations) -> Vec<Violation> {
    let history = History::of(seen);
    let mut found: Vec<Violation> = seen.wrong_answers.iter().cloned().map(Violation::WrongAnswer).collect();
    found.extend(history.doubled());
    found.extend(history.phantoms(seen));
    for (sender, sent) in &seen.sent {
        found.extend(history.lost(sender, sent));
        found.extend(history.sender_order(sender, sent));
    }
    for (subscriber, heard) in &seen.heard {
        found.extend(history.undelivered(subscriber, heard));
        found.extend(history.subscriber_order(subscriber, heard));
    }
    found.sort();
    found
}

/// Panics with the broken promises, if there are any.
pub fn assert_kept(seen: &Observations) {
    let found = violations(seen);
    let some: Vec<String> = found.iter().take(20).map(ToString::to_string).collect();
    assert!(found.is_empty(), "{} broken promises:\n{}", found.len(), some.join("\n"));
}

/// Where each body stands in history.
struct History<'a> {
    entries: &'a [Entry],
    places: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> History<'a> {
    fn of(seen: &'a Observations) -> Self {
        let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, entry) in seen.history.iter().enumerate() {
            places.entry(&entry.body).or_default().push(place);
        }
        Self { entries: &seen.history, places }
    }

    fn place(&self, body: &str) -> Option<usize> {
        self.places.get(body).map(|places| places[0])
    }

    fn doubled(&self) -> Vec<Violation> {
        let doubled = self.places.iter().filter(|(_, places)| places.len() > 1);
        doubled
            .map(|(body, places)| Violation::Doubled { body: (*body).to_owned(), times: places.len() })
            .collect()
    }

    fn phantoms(&self, seen: &Observations) -> Vec<Violation> {
        let sent: BTreeSet<&str> = seen.sent.values().flatten().map(|sent| sent.body.as_str()).collect();
        let shown = seen.heard.iter().map(|(who, heard)| (who.as_str(), heard.as_slice()));
        let mut found = Vec::new();
        for (to, entries) in shown.chain([("history", self.entries)]) {
            for entry in entries {
                let is_real =
                    sent.contains(entry.body.as_str()) && self.places.contains_key(entry.body.as_str());
                if !is_real {
                    found.push(Violation::Phantom { to: to.to_owned(), body: entry.body.clone() });
                }
            }
        }
        found
    }

    fn lost(&self, sender: &str, sent: &[Sent]) -> Vec<Violation> {
        let mut found = Vec::new();
        for message in sent {
            let (sender, body) = (sender.to_owned(), message.body.clone());
            let place = self.place(&body);
            match (&message.acknowledged, place) {
                (None, _) => found.push(Violation::Unsettled { sender, body }),
                (Some(_), None) => found.push(Violation::Lost { sender, body }),
                (Some(id), Some(place)) if self.entries[place].id != *id => {
                    found.push(Violation::Disagreement { who: sender, body });
                }
                (Some(_), Some(_)) => {}
            }
        }
        found
    }

    fn sender_order(&self, sender: &str, sent: &[Sent]) -> Vec<Violation> {
        let bodies = sent.iter().map(|sent| sent.body.as_str());
        self.order(bodies)
            .into_iter()
            .map(|(body, after)| Violation::SenderOutOfOrder { sender: sender.to_owned(), body, after })
            .collect()
    }

    fn undelivered(&self, subscriber: &str, heard: &[Entry]) -> Vec<Violation> {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        let mut found = Vec::new();
        for entry in heard {
            *times.entry(&entry.body).or_default() += 1;
            if self.place(&entry.body).is_some_and(|place| self.entries[place] != *entry) {
                found.push(Violation::Disagreement { who: subscriber.to_owned(), body: entry.body.clone() });
            }
        }
        for body in self.places.keys() {
            let (subscriber, body) = (subscriber.to_owned(), (*body).to_owned());
            match times.get(body.as_str()).copied().unwrap_or_default() {
                0 => found.push(Violation::Missed { subscriber, body }),
                1 => {}
                times => found.push(Violation::Repeated { subscriber, body, times }),
            }
        }
        found
    }

    fn subscriber_order(&self, subscriber: &str, heard: &[Entry]) -> Vec<Violation> {
        // Of a message heard twice only the first hearing counts here: the second is a repetition, not disorder.
        let mut known = BTreeSet::new();
        let firsts = heard.iter().map(|entry| entry.body.as_str()).filter(move |body| known.insert(*body));
        self.order(firsts)
            .into_iter()
            .map(|(body, after)| Violation::OutOfOrder { subscriber: subscriber.to_owned(), body, after })
            .collect()
    }

    /// Bodies that come after one that history has later, each with that one.
    fn order<'b>(&self, bodies: impl Iterator<Item = &'b str>) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut last: Option<(usize, &str)> = None;
        for body in bodies {
            let Some(place) = self.place(body) else { continue };
            match last {
                Some((later, after)) if later > place => found.push((body.to_owned(), after.to_owned())),
                _ => last = Some((place, body)),
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(body: &str) -> Entry {
        Entry { id: format!("id of {body}"), body: body.to_owned(), cursor: format!("cursor of {body}") }
    }

    fn entries(bodies: &[&str]) -> Vec<Entry> {
        bodies.iter().map(|body| entry(body)).collect()
    }

    fn sent(bodies: &[&str]) -> Vec<Sent> {
        let acknowledged = |body: &str| Some(entry(body).id);
        bodies
            .iter()
            .map(|body| Sent { body: (*body).to_owned(), acknowledged: acknowledged(body) })
            .collect()
    }

    /// Two senders, two subscribers, nothing wrong.
    fn good() -> Observations {
        let all = entries(&["a1", "b1", "a2", "b2"]);
        Observations {
            sent: [("a".into(), sent(&["a1", "a2"])), ("b".into(), sent(&["b1", "b2"]))].into(),
            history: all.clone(),
            heard: [("x".into(), all.clone()), ("y".into(), all)].into(),
            wrong_answers: Vec::new(),
        }
    }

    #[test]
    fn a_good_run_breaks_nothing() {
        assert_eq!(violations(&good()), []);
    }

    #[test]
    fn an_acknowledged_message_that_history_lacks_is_lost() {
        let mut seen = good();
        seen.history.remove(1);
        for heard in seen.heard.values_mut() {
            heard.remove(1);
        }
        assert_eq!(violations(&seen), [Violation::Lost { sender: "b".into(), body: "b1".into() }]);
    }

    #[test]
    fn a_message_that_was_delivered_and_then_lost_is_a_phantom_too() {
        let mut seen = good();
        seen.history.remove(3);
        let phantom = |to: &str| Violation::Phantom { to: to.into(), body: "b2".into() };
        assert_eq!(
            violations(&seen),
            [Violation::Lost { sender: "b".into(), body: "b2".into() }, phantom("x"), phantom("y")]
        );
    }

    #[test]
    fn a_retry_that_made_a_second_message_is_a_double() {
        let mut seen = good();
        let second = Entry { id: "another".into(), cursor: "another".into(), ..entry("a1") };
        seen.history.push(second.clone());
        for heard in seen.heard.values_mut() {
            heard.push(second.clone());
        }
        let found = violations(&seen);
        assert_eq!(found[0], Violation::Doubled { body: "a1".into(), times: 2 });
        assert!(found.contains(&Violation::Repeated { subscriber: "x".into(), body: "a1".into(), times: 2 }));
    }

    #[test]
    fn a_gap_a_repetition_and_disorder_are_told_apart() {
        let mut seen = good();
        seen.heard.insert("gap".into(), entries(&["a1", "b1", "b2"]));
        seen.heard.insert("twice".into(), entries(&["a1", "b1", "a2", "b1", "a2", "b2"]));
        seen.heard.insert("swapped".into(), entries(&["a1", "a2", "b1", "b2"]));
        let repeated =
            |body: &str| Violation::Repeated { subscriber: "twice".into(), body: body.into(), times: 2 };
        assert_eq!(
            violations(&seen),
            [
                Violation::Missed { subscriber: "gap".into(), body: "a2".into() },
                repeated("a2"),
                repeated("b1"),
                Violation::OutOfOrder { subscriber: "swapped".into(), body: "b1".into(), after: "a2".into() },
            ]
        );
    }

    #[test]
    fn a_sender_overtaking_themselves_is_seen() {
        let mut seen = good();
        seen.sent.insert("a".into(), sent(&["a2", "a1"]));
        assert_eq!(
            violations(&seen),
            [Violation::SenderOutOfOrder { sender: "a".into(), body: "a1".into(), after: "a2".into() }]
        );
    }

    #[test]
    fn unknown_outcomes_and_wrong_answers_are_broken_promises() {
        let mut seen = good();
        seen.sent.get_mut("a").unwrap()[1].acknowledged = None;
        seen.wrong_answers.push("500".into());
        assert_eq!(
            violations(&seen),
            [
                Violation::Unsettled { sender: "a".into(), body: "a2".into() },
                Violation::WrongAnswer("500".into()),
            ]
        );
    }

    #[test]
    fn a_body_nobody_sent_is_a_phantom() {
        let mut seen = good();
        seen.history.push(entry("ghost"));
        seen.heard.clear();
        assert_eq!(violations(&seen), [Violation::Phantom { to: "history".into(), body: "ghost".into() }]);
    }

    #[test]
    fn an_event_under_another_cursor_or_id_is_a_disagreement() {
        let mut seen = good();
        seen.heard.get_mut("x").unwrap()[0].cursor = "other".into();
        seen.sent.get_mut("b").unwrap()[0].acknowledged = Some("other".into());
        let disagreement =
            |who: &str, body: &str| Violation::Disagreement { who: who.into(), body: body.into() };
        assert_eq!(violations(&seen), [disagreement("b", "b1"), disagreement("x", "a1")]);
    }
}
