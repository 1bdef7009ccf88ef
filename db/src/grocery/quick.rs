//! Quick add: what people type or say, as lines of a shopping list. "2x milk, 500 g flour, eggs" is three.
//!
//! The grammar, in ABNF (RFC 5234); white space between parts is free, words and units are in any case:
//!
//! ```text
//! text      = line *(separator line)
//! separator = "," / ";" / LF             ; not within quotes or brackets; a comma between two digits is a decimal point
//! line      = [bullet] (name [amount] / amount ["of"] name) [note] ["!"]
//!           ; "!" says that it is urgent
//! bullet    = "-" / "*" / "•"
//! amount    = number unit                ; 500 g flour, flour 500g
//!           / number ("x" / "×")         ; 2x milk, milk 2x
//!           / ("x" / "×") number         ; milk x2
//!           / number                     ; 6 eggs; only in front: WD 40 is a name
//! number    = 1*DIGIT [("." / ",") 1*3DIGIT]
//!           / [1*DIGIT] fraction         ; ½ l, 1½ kg
//!           / 1*DIGIT "/" 1*DIGIT        ; 1/2 l, if it has at most three decimals
//! fraction  = "½" / "¼" / "¾" / "⅛"
//! note      = "(" *CHAR ")"              ; chocolate (the dark one)
//! name      = quoted / 1*CHAR
//! quoted    = DQUOTE *CHAR DQUOTE        ; "7 up" is a name, as it stands
//! unit      = one of UNITS, in this file
//! ```
//!
//! What does not fit an amount is part of the name, so that every line is understood in one way.

use super::amount::{SCALE_LIMIT, Unit};
use super::fold::fold;
use rust_decimal::Decimal;

/// What units are called, folded.
const UNITS: [(&str, Unit); 66] = [
    ("pc", Unit::Piece),
    ("pcs", Unit::Piece),
    ("piece", Unit::Piece),
    ("pieces", Unit::Piece),
    ("stk", Unit::Piece),
    ("stück", Unit::Piece),
    ("g", Unit::Gram),
    ("gr", Unit::Gram),
    ("gram", Unit::Gram),
    ("grams", Unit::Gram),
    ("gramm", Unit::Gram),
    ("kg", Unit::Kilogram),
    ("kilo", Unit::Kilogram),
    ("kilos", Unit::Kilogram),
    ("ml", Unit::Millilitre),
    ("cl", Unit::Centilitre),
    ("dl", Unit::Decilitre),
    ("l", Unit::Litre),
    ("litre", Unit::Litre),
    ("litres", Unit::Litre),
    ("liter", Unit::Litre),
    ("liters", Unit::Litre),
    ("oz", Unit::Ounce),
    ("ounce", Unit::Ounce),
    ("ounces", Unit::Ounce),
    ("lb", Unit::Pound),
    ("lbs", Unit::Pound),
    ("pound", Unit::Pound),
    ("pounds", Unit::Pound),
    ("pack", Unit::Pack),
    ("packs", Unit::Pack),
    ("packet", Unit::Pack),
    ("packets", Unit::Pack),
    ("pck", Unit::Pack),
    ("packung", Unit::Pack),
    ("packungen", Unit::Pack),
    ("bag", Unit::Bag),
    ("bags", Unit::Bag),
    ("beutel", Unit::Bag),
    ("tüte", Unit::Bag),
    ("tüten", Unit::Bag),
    ("box", Unit::Box),
    ("boxes", Unit::Box),
    ("kiste", Unit::Box),
    ("kisten", Unit::Box),
    ("bottle", Unit::Bottle),
    ("bottles", Unit::Bottle),
    ("flasche", Unit::Bottle),
    ("flaschen", Unit::Bottle),
    ("can", Unit::Can),
    ("cans", Unit::Can),
    ("tin", Unit::Can),
    ("tins", Unit::Can),
    ("dose", Unit::Can),
    ("dosen", Unit::Can),
    ("jar", Unit::Jar),
    ("jars", Unit::Jar),
    ("glas", Unit::Jar),
    ("gläser", Unit::Jar),
    ("bunch", Unit::Bunch),
    ("bunches", Unit::Bunch),
    ("bund", Unit::Bunch),
    ("bd", Unit::Bunch),
    ("x", Unit::Piece),
    ("×", Unit::Piece),
    ("each", Unit::Piece),
];
const FRACTIONS: [(char, i64); 4] = [('½', 500), ('¼', 250), ('¾', 750), ('⅛', 125)];
/// More digits are no number that anybody means.
const DIGITS: usize = 20;

/// A line that was understood. Nothing is checked yet: the name may be empty, and the quantity too much.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// What.
    pub name: String,
    /// How much, if it says so.
    pub quantity: Option<(Decimal, Unit)>,
    /// What else it says.
    pub note: Option<String>,
    /// Whether it says that it is urgent.
    pub is_urgent: bool,
}

/// The lines of a text, at most so many; empty ones are none. Nothing if there are more.
pub fn parse(text: &str, most: usize) -> Option<Vec<Parsed>> {
    let mut lines = Vec::new();
    for part in split(text) {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        if lines.len() == most {
            return None;
        }
        lines.push(line(part));
    }
    Some(lines)
}

/// The parts between separators.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut parts = Vec::new();
    let (mut start, mut is_quoted, mut is_bracketed) = (0, false, false);
    let mut before = None;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let is_digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
        let is_end = match letter {
            // Whatever was opened ends with the line: one quotation mark too many does not swallow the rest.
            '\n' | '\r' => {
                (is_quoted, is_bracketed) = (false, false);
                true
            }
            _ if is_quoted || is_bracketed => false,
            ';' => true,
            ',' => !(is_digit(before) && is_digit(letters.peek().map(|(_, next)| *next))),
            _ => false,
        };
        match letter {
            '"' if !is_bracketed => is_quoted = !is_quoted,
            '(' if !is_quoted => is_bracketed = true,
            ')' if !is_quoted => is_bracketed = false,
            _ => {}
        }
        if is_end {
            parts.extend(text.get(start..at));
            start = at + letter.len_utf8();
        }
        before = Some(letter);
    }
    parts.extend(text.get(start..));
    parts.into_iter()
}

fn line(text: &str) -> Parsed {
    let mut rest = text.strip_prefix(['-', '*', '•']).unwrap_or(text).trim();
    let mut parsed = Parsed::default();
    while let Some(shorter) = rest.strip_suffix('!') {
        parsed.is_urgent = true;
        rest = shorter.trim_end();
    }
    if let Some((before, note)) = rest.strip_suffix(')').and_then(|rest| rest.rsplit_once('('))
        && !before.trim().is_empty()
        && !note.trim().is_empty()
    {
        parsed.note = Some(note.trim().to_owned());
        rest = before.trim_end();
    }
    let (quantity, name) = leading(rest)
        .or_else(|| trailing(rest))
        .map_or((None, rest), |(quantity, name)| (Some(quantity), name));
    parsed.quantity = quantity;
    unquoted(name).clone_into(&mut parsed.name);
    parsed
}

fn unquoted(name: &str) -> &str {
    let inner = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    inner.map(str::trim).filter(|inner| !inner.is_empty() && !inner.contains('"')).unwrap_or(name)
}

/// The amount in front of a name.
fn leading(text: &str) -> Option<((Decimal, Unit), &str)> {
    let (quantity, rest) = number(text)?;
    let is_attached = !rest.starts_with(char::is_whitespace);
    let (word, after) = word(rest.trim_start());
    if let Some(unit) = unit(word) {
        let after = after.trim_start();
        let name = match self::word(after) {
            (of, name) if fold(of) == "of" => name.trim_start(),
            _ => after,
        };
        return (!name.is_empty()).then_some(((quantity, unit), name));
    }
    // 7up is a name, and so is 3-in-1 oil.
    (!is_attached && !rest.trim().is_empty()).then(|| ((quantity, Unit::Piece), rest.trim()))
}

/// The amount behind a name: it has to have a unit, or an x.
fn trailing(text: &str) -> Option<((Decimal, Unit), &str)> {
    let (before, last) = text.rsplit_once(char::is_whitespace)?;
    let before = before.trim_end();
    if let Some(quantity) = last.strip_prefix(['x', 'X', '×']).and_then(whole) {
        return Some(((quantity, Unit::Piece), before));
    }
    if let Some((quantity, word)) = number(last) {
        let unit = unit(word)?;
        return Some(((quantity, unit), before));
    }
    let unit = unit(last)?;
    let (name, quantity) = before.rsplit_once(char::is_whitespace)?;
    let name = name.trim_end();
    (!name.is_empty()).then_some(((whole(quantity)?, unit), name))
}

/// A number that is all of a word.
fn whole(word: &str) -> Option<Decimal> {
    number(word).filter(|(_, rest)| rest.is_empty()).map(|(quantity, _)| quantity)
}

/// The letters up to the first that is none, and what comes after them.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !letter.is_alphabetic() && letter != '×').unwrap_or(text.len());
    // "kg." and "l." are units as well.
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    match rest.strip_prefix('.') {
        Some(rest) => (word, rest),
        // "l-carnitine" and "g's" are words of their own.
        None if rest.starts_with(char::is_whitespace) || rest.is_empty() => (word, rest),
        None => ("", text),
    }
}

fn unit(word: &str) -> Option<Unit> {
    let word = fold(word);
    let word = word.strip_suffix('.').unwrap_or(&word);
    UNITS.iter().find(|(name, _)| *name == word).map(|(_, unit)| *unit)
}

/// The number that a text begins with, and what comes after it.
fn number(text: &str) -> Option<(Decimal, &str)> {
    let (whole, rest) = digits(text);
    if let Some((fraction, rest)) = fraction(rest) {
        let whole = if whole.is_empty() { Decimal::ZERO } else { decimal(whole)? };
        return Some((whole + fraction, rest));
    }
    if whole.is_empty() {
        return None;
    }
    if let Some(rest) = rest.strip_prefix(['.', ',']) {
        let (decimals, after) = digits(rest);
        if !decimals.is_empty() && decimals.len() <= usize::try_from(SCALE_LIMIT).unwrap_or(0) {
            return Some((decimal(&format!("{whole}.{decimals}"))?, after));
        }
    }
    if let Some(rest) = rest.strip_prefix('/') {
        let (below, after) = digits(rest);
        let exact = decimal(whole)?.checked_div(decimal(below)?)?.normalize();
        return (exact.scale() <= SCALE_LIMIT).then_some((exact, after));
    }
    Some((decimal(whole)?, rest))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn decimal(digits: &str) -> Option<Decimal> {
    (digits.len() <= DIGITS).then(|| digits.parse().ok()).flatten()
}

fn fraction(text: &str) -> Option<(Decimal, &str)> {
    let letter = text.chars().next()?;
    let (_, thousandths) = FRACTIONS.iter().find(|(fraction, _)| *fraction == letter)?;
    Some((Decimal::new(*thousandths, 3).normalize(), text.strip_prefix(letter)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Lines as `quantity unit name (note)!`.
    fn told(text: &str) -> Vec<String> {
        let lines = parse(text, 100).unwrap();
        let tell = |line: &Parsed| {
            let amount = line.quantity.map(|(quantity, unit)| format!("{quantity} {} ", unit.word()));
            let note = line.note.as_ref().map(|note| format!(" ({note})"));
            let mark = if line.is_urgent { "!" } else { "" };
            format!("{}{}{}{mark}", amount.unwrap_or_default(), line.name, note.unwrap_or_default())
        };
        lines.iter().map(tell).collect()
    }

    #[test]
    fn what_people_type_is_understood() {
        for (text, lines) in [
            ("2x milk, 500 g flour, eggs", &["2 PIECE milk", "500 G flour", "eggs"][..]),
            ("2 x milk;milk 2x;milk x2", &["2 PIECE milk"; 3]),
            ("milk 2 l, 2l milk, 2 L. milk", &["2 L milk"; 3]),
            ("1,5 l milk, 1.5l milk, 1½ l milk", &["1.5 L milk"; 3]),
            ("½ kg quark, 1/2 kg quark", &["0.5 KG quark"; 2]),
            ("6 eggs", &["6 PIECE eggs"]),
            ("2 cans of tomatoes\n3 Flaschen Bier\n", &["2 CAN tomatoes", "3 BOTTLE Bier"]),
            ("- bread\n* butter\n\n• jam!", &["bread", "butter", "jam!"]),
            ("chocolate (the dark one, 70%) !", &["chocolate (the dark one, 70%)!"]),
            ("\"salt, pepper\", 2x \"7 up\"", &["salt, pepper", "2 PIECE 7 up"]),
            ("牛奶 2 l, חלב 1 l, 500 г", &["2 L 牛奶", "1 L חלב", "500 PIECE г"]),
        ] {
            assert_eq!(told(text), lines, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_an_amount_is_a_name() {
        for name in [
            "7up",
            "3-in-1 oil",
            "WD 40",
            "milk 3.5%",
            "l-carnitine",
            "x",
            "500 g",
            "1/3 cake",
            "vitamin b12",
            "½",
            "()",
            "\"\"",
            "a\"b",
        ] {
            assert_eq!(told(name), [name]);
        }
        assert_eq!(told("cola, 1,2345 l"), ["cola", "1,2345 l"], "too many decimals for a number");
        assert_eq!(told(&format!("{} eggs", "9".repeat(40))), [format!("{} eggs", "9".repeat(40))]);
    }

    #[test]
    fn more_lines_than_may_be_are_none() {
        assert_eq!(parse(&"a,".repeat(100), 100).map(|lines| lines.len()), Some(100));
        assert_eq!(parse(&"a,".repeat(101), 100), None);
        assert_eq!(parse(" , ;\n", 100), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn every_text_is_understood(text in "[ -~½¼×\n,;!()\"0-9xglkm.é牛\u{200f}]{0,80}") {
            for line in parse(&text, 100).unwrap() {
                prop_assert!(text.contains(&line.name), "{line:?} has a name of {text:?}");
                prop_assert!(line.quantity.is_none_or(|(quantity, _)| quantity.scale() <= SCALE_LIMIT));
            }
        }

        #[test]
        fn what_is_written_by_the_grammar_is_read_by_it(
            quantity in (1..1_000_000_i64, 0..=SCALE_LIMIT),
            unit in 0..UNITS.len(),
            name in "[a-zé牛]{1,12}( [a-zé牛]{2,12})?",
            is_behind: bool,
            is_attached: bool,
        ) {
            let (word, unit) = UNITS[unit];
            let first = name.split(' ').next().unwrap();
            prop_assume!(fold(first) != "of" && name.split(' ').all(|word| self::unit(word).is_none()));
            let quantity = Decimal::new(quantity.0, quantity.1).normalize();
            let gap = if is_attached { "" } else { " " };
            let text = if is_behind { format!("{name} {quantity}{gap}{word}") } else { format!("{quantity}{gap}{word} {name}") };
            let expected = Parsed { name, quantity: Some((quantity, unit)), ..Parsed::default() };
            prop_assert_eq!(parse(&text, 1), Some(vec![expected]));
        }
    }
}
