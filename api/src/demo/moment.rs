//! What can happen at once.

use super::cast::Who;
use super::plan::{Act, Deed};
use std::time::Duration;

/// Acts further apart than this are never at once.
const LONGEST: Duration = Duration::from_mins(10);

/// The next acts that can happen at once, and those after them: each by somebody else, at most one of them sends,
/// and none is about what that one sends. The last of them tells the time.
pub(super) fn next(acts: &[Act]) -> Option<(&[Act], &[Act])> {
    let first = acts.first()?;
    let (mut busy, mut sent): (Vec<Who>, _) = (Vec::new(), None);
    let fits = |act: &&Act| {
        let sends = matches!(act.deed, Deed::Send { .. });
        let is_free = !busy.contains(&act.who) && act.at < first.at + LONGEST;
        if !is_free || sent.is_some() && (sends || sent == Some(act.deed.message())) {
            return false;
        }
        if sends {
            sent = Some(act.deed.message());
        }
        busy.push(act.who);
        true
    };
    let count = acts.iter().take_while(fits).count();
    acts.split_at_checked(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::cast::Place;

    fn act(second: u64, who: Who, deed: Deed) -> Act {
        Act { at: Duration::from_secs(second), who, deed }
    }

    fn send(message: usize) -> Deed {
        Deed::Send { message, place: Place::General, body: "tea?".to_owned(), answers: None }
    }

    fn react(message: usize) -> Deed {
        Deed::React { message, emoji: "☕" }
    }

    #[test]
    fn only_what_does_not_need_the_other_is_at_once() {
        let acts = [
            act(0, Who::Zoe, send(0)),
            act(1, Who::Layla, send(1)),
            act(2, Who::Marina, react(0)),
            act(3, Who::Arjun, react(1)),
            act(4, Who::Marina, react(1)),
            act(5, Who::Marina, react(0)),
            act(6, Who::Zoe, react(1)),
            act(900, Who::Layla, react(0)),
        ];
        let (mut rest, mut sizes) = (acts.as_slice(), Vec::new());
        while let Some((now, later)) = next(rest) {
            sizes.push(now.len());
            rest = later;
        }
        assert_eq!(sizes, [1, 2, 2, 2, 1]);
    }
}
