//! The words of a scene as they are said this time.

use super::cast::Who;
use rand::Rng;
use rand::seq::IndexedRandom as _;
use std::collections::HashMap;

/// What each gap of the scenes stands for, this time.
pub(super) fn choose<'a>(
    words: &HashMap<&'a str, Vec<&'a str>>,
    rng: &mut impl Rng,
) -> HashMap<&'a str, &'a str> {
    // In order of their names: a map's own order is another in every run.
    let mut names: Vec<_> = words.keys().copied().collect();
    names.sort_unstable();
    let choose = |name| Some((name, *words.get(name)?.choose(rng)?));
    names.into_iter().filter_map(choose).collect()
}

/// The text with its gaps filled, its line breaks broken and its mentions spelled out.
pub(super) fn word(text: &str, choice: &HashMap<&str, &str>) -> String {
    let mut worded = text.replace("\\n", "\n");
    for (name, word) in choice {
        worded = worded.replace(&format!("{{{name}}}"), word);
    }
    for person in Who::ALL.map(Who::person) {
        worded = mentioned(&worded, person.letter, person.name);
    }
    worded
}

/// The text with `@z` as `@Zoë`, but not in `@zebra`.
fn mentioned(text: &str, letter: char, name: &str) -> String {
    let mention = format!("@{letter}");
    let mut pieces = text.split(mention.as_str());
    let mut spelled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        spelled.push('@');
        if piece.starts_with(char::is_alphanumeric) {
            spelled.push(letter);
        } else {
            spelled.push_str(name);
        }
        spelled.push_str(piece);
    }
    spelled
}

/// The text with two letters swapped, as it happens; none if it has no plain word, or more than words.
pub(super) fn mistyped(text: &str, rng: &mut impl Rng) -> Option<String> {
    if text.contains(['@', '`', '\n']) {
        return None;
    }
    let mut letters: Vec<char> = text.chars().collect();
    let is_plain = |at: &usize| match letters.get(*at..*at + 3) {
        Some([a, b, c]) => [a, b, c].iter().all(|letter| letter.is_lowercase()) && b != c,
        _ => false,
    };
    let places: Vec<usize> = (0..letters.len()).filter(is_plain).collect();
    let place = *places.choose(rng)?;
    letters.swap(place + 1, place + 2);
    Some(letters.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    #[test]
    fn gaps_breaks_and_mentions_are_spelled_out() {
        let choice = HashMap::from([("dish", "борщ")]);
        assert_eq!(word("@z, @all: {dish}\\n@x @lamp", &choice), "@Zoë, @all: борщ\n@王小雨 @lamp");
    }

    #[test]
    fn a_slip_of_the_finger_swaps_two_letters() {
        let mut rng = StdRng::seed_from_u64(1);
        assert_eq!(mistyped("tea", &mut rng).as_deref(), Some("tae"));
        assert_eq!(mistyped("好的 @Zoë", &mut rng), None);
    }
}
