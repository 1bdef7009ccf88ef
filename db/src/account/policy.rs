//! Which passwords are guessed first, whatever their length.

/// Whose password it is to be.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub email: &'a str,
    pub name: &'a str,
}

/// Long passwords from published lists of common ones, in lower case, letters and digits only.
const COMMON: &[&str] = &[
    "1q2w3e4r5t6y7u8i9o0p",
    "administrator1",
    "administrator123",
    "changemechangeme",
    "changemeplease",
    "correcthorsebatterystaple",
    "donotforgetthis",
    "fuckyoufuckyou",
    "ihatepasswords",
    "iloveyouforever",
    "iloveyousomuch",
    "itsasecretpassword",
    "letmeinletmein",
    "letmeinplease",
    "maythe4thbewithyou",
    "maytheforcebewithyou",
    "mypasswordis",
    "mypasswordispassword",
    "mypasswordissecret",
    "nopasswordneeded",
    "onceuponatime",
    "opensesame",
    "passwordisapassword",
    "passwordispassword",
    "passwordpassword",
    "pleaseletmein",
    "q1w2e3r4t5y6u7i8o9p0",
    "qazwsxedcrfvtgb",
    "qazwsxedcrfvtgbyhnujm",
    "rememberthispassword",
    "secretpassword",
    "supersecretpassword",
    "testpassword",
    "thequickbrownfox",
    "thequickbrownfoxjumpsoverthelazydog",
    "thisisapassword",
    "thisisasecret",
    "thisismypassword",
    "tobeornottobe",
    "tobeornottobethatisthequestion",
    "trustno1trustno1",
    "verysecretpassword",
    "welcometoroomm8",
    "whateverwhatever",
    "yourpasswordhere",
    "1qaz2wsx3edc4rfv",
    "zaq12wsxcde34rfv",
];

/// Rows of keys and other orders that fingers and heads follow.
const SEQUENCES: &[&str] = &[
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
];

/// What makes this password easy to guess, as advice; none if nothing does.
pub(super) fn weakness(password: &str, owner: Owner<'_>) -> Option<&'static str> {
    let plain = folded(password);
    if password.chars().any(char::is_control) {
        Some("leave out control characters such as tabs and line breaks")
    } else if is_common(&plain) {
        Some("this is a well-known password: choose one that nobody else has")
    } else if repeats(&password.to_lowercase()) {
        Some("this repeats itself: choose a few unrelated words instead")
    } else if follows_a_sequence(&plain) {
        Some("this follows the alphabet or the keyboard: choose a few unrelated words instead")
    } else if names(&plain, owner) {
        Some("leave out your name and your e-mail address")
    } else {
        None
    }
}

/// Lower case, letters and digits only: decoration does not make a password another one.
fn folded(text: &str) -> String {
    text.to_lowercase().chars().filter(|letter| letter.is_alphanumeric()).collect()
}

/// Digits before and after do not make a common password a rare one.
fn is_common(plain: &str) -> bool {
    let core = plain.trim_matches(|letter: char| letter.is_ascii_digit());
    COMMON.contains(&plain) || COMMON.contains(&core)
}

/// Few different letters, or a short piece over and over.
fn repeats(password: &str) -> bool {
    let letters: Vec<char> = password.chars().collect();
    let mut different = letters.clone();
    different.sort_unstable();
    different.dedup();
    let is_made_of_pieces =
        |length: &usize| letters.iter().zip(letters.iter().skip(*length)).all(|(a, b)| a == b);
    different.len() < 5 || (1..=letters.len() / 2).any(|length| is_made_of_pieces(&length))
}

/// Whether four of five steps from letter to letter go along a sequence, in either direction.
fn follows_a_sequence(plain: &str) -> bool {
    let letters: Vec<char> = plain.chars().collect();
    let steps = letters.iter().zip(letters.iter().skip(1));
    let total = letters.len().saturating_sub(1);
    let along = steps.filter(|(from, to)| from == to || is_step(**from, **to)).count();
    total > 0 && along * 5 >= total * 4
}

fn is_step(from: char, to: char) -> bool {
    let forth = String::from_iter([from, to]);
    let back = String::from_iter([to, from]);
    SEQUENCES.iter().any(|sequence| sequence.contains(&forth) || sequence.contains(&back))
}

/// Pieces shorter than this are in too many harmless passwords.
const SHORTEST_NAME: usize = 3;
const SHORTEST_WORD: usize = 4;

/// Whether the owner's name, a longer word of it, or the part of their address before the `@` is in it.
fn names(plain: &str, owner: Owner<'_>) -> bool {
    let local = owner.email.split('@').next().unwrap_or_default();
    let contains = |piece: &str, shortest| {
        let piece = folded(piece);
        piece.chars().count() >= shortest && plain.contains(&piece)
    };
    contains(local, SHORTEST_NAME)
        || contains(owner.name, SHORTEST_NAME)
        || owner.name.split_whitespace().any(|word| contains(word, SHORTEST_WORD))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_weak(password: &str) -> bool {
        weakness(password, Owner { email: "countess.a@example.org", name: "Ada Lovelace" }).is_some()
    }

    #[test]
    fn guessable_passwords_are_weak_however_long() {
        for password in [
            "Password Password",
            "123 correct-horse-battery-staple!",
            "aaaaaaaaaaaaaaaaaaaa",
            "abcabcabcabcabcabc",
            "Xk29fPq1 Xk29fPq1 Xk29",
            "abcdefghijklmnop",
            "987654321012345",
            "qwertyuiopasdfghjkl",
            "I am Countess A., really",
            "adalovelace programs",
            "the first LOVELACE ever",
            "a tab\tin the middle",
            "!!!!!!!!!!!!!!!!!!!!",
        ] {
            assert!(is_weak(password), "{password}");
        }
    }

    #[test]
    fn unrelated_words_and_random_letters_are_not() {
        for password in [
            "violet kettle under 9 stairs",
            "T7#kq9!vLz2@mXw4",
            "über grüne Wiesen läuft kein Zug",
            "!\"§$%&/()=?{[]}~",
            "少なくとも十五文字の合言葉を使う",
            "Canada is colder than this",
        ] {
            assert!(!is_weak(password), "{password}");
        }
    }
}
