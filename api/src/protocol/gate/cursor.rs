//! A text that is read from front to back, and how often it was looked at.
//!
//! Its fields are private to this file, so that no look at a byte escapes the count.

use async_graphql::Pos;

pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    looks: &'a mut usize,
}

impl<'a> Cursor<'a> {
    /// At the start of the text; every look is added to `looks`.
    pub(super) fn new(text: &'a str, looks: &'a mut usize) -> Self {
        Self { text: text.as_bytes(), at: 0, looks }
    }

    /// Bytes before it.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn next(&mut self) -> Option<u8> {
        let byte = self.look(0)?;
        self.at += 1;
        Some(byte)
    }

    /// Goes past these bytes if they come next, else stays.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> bool {
        for (ahead, byte) in bytes.iter().enumerate() {
            if self.look(ahead) != Some(*byte) {
                return false;
            }
        }
        self.at += bytes.len();
        true
    }

    pub(super) fn pass_while(&mut self, goes_on: impl Fn(u8) -> bool) {
        while self.look(0).is_some_and(&goes_on) {
            self.at += 1;
        }
    }

    /// The place after so many bytes. It reads the text again, so it is for a refusal only.
    pub(super) fn place(mut self, end: usize) -> Pos {
        let (mut line, mut column) = (1, 1);
        self.at = 0;
        while self.at < end {
            match self.next() {
                Some(b'\n') => (line, column) = (line + 1, 1),
                // The bytes of a character after its first.
                Some(0x80..=0xbf) => {}
                _ => column += 1,
            }
        }
        Pos { line, column }
    }

    fn look(&mut self, ahead: usize) -> Option<u8> {
        *self.looks += 1;
        self.text.get(self.at + ahead).copied()
    }
}
