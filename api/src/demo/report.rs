//! What a developer is told: who lives there, their tokens, and what to paste.

use super::cast::{PASSWORD, Who};
use super::home::Home;
use std::fmt::Write as _;

/// What to paste, with gaps for what is known only now.
const PASTE: &str = include_str!("paste.txt");

/// A household that is ready to be tried.
pub struct Report {
    pub(super) home: Home,
    /// A code to join with.
    pub(super) code: String,
    /// A token for every device.
    pub(super) tokens: Vec<(Who, &'static str, String)>,
}

impl Report {
    /// What to know and what to paste, for a server at this URL.
    pub fn tell(&self, url: &str) -> String {
        let Home { id, name, general_conversation, .. } = &self.home;
        let mut text =
            format!("\n{name}: five people, a year of chat, a month of chores and of groceries.\n\n");
        for (who, device, token) in &self.tokens {
            let person = who.person();
            // Writing to a String cannot fail. What is written in any script comes last: it has no width to rely on.
            let _ = writeln!(text, "  {token}  {:<6}  {}, {device}", person.role, person.name);
        }
        let token = self.tokens.first().map(|(_, _, token)| token.as_str()).unwrap_or_default();
        let facts = [
            ("household", id.as_str()),
            ("general conversation", &general_conversation.id),
            ("invitation code", &self.code),
            ("password of all five", PASSWORD),
        ];
        for (what, fact) in facts {
            let _ = write!(text, "\n  {what:<22}{fact}");
        }
        let gaps = [
            ("<url>", url),
            ("<token>", token),
            ("<household>", id),
            ("<conversation>", &general_conversation.id),
        ];
        gaps.iter().fold(text + PASTE, |text, (gap, filling)| text.replace(gap, filling))
    }
}
