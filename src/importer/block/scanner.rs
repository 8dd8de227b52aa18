//! Counts the brackets of a sample, line by line, and follows its strings through their damage.
//!
//! It tells where the brackets close and nothing else.

use super::form::{is_member, is_quote};

/// Counts brackets outside of strings and comments.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    pub(super) depth: usize,
    opened: Opened,
    string: Option<char>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Opened {
    #[default]
    NotYet,
    Once,
}

impl Scanner {
    /// Reads a line; the byte behind the bracket that closes the sample, if it stands there.
    pub(super) fn scan(&mut self, text: &str) -> Option<usize> {
        // A new member shows that a string of an earlier line has lost its last quote.
        if is_member(text.trim_start()) {
            self.string = None;
        }
        let mut before = None;
        let mut characters = text.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            let behind = text.get(at + c.len_utf8()..).unwrap_or_default();
            if let Some(quote) = self.string {
                if c == '\\' {
                    characters.next();
                } else if closes(quote, c) && ends_string(behind) {
                    self.string = None;
                }
            } else {
                match c {
                    '{' | '[' | '(' => {
                        self.depth += 1;
                        self.opened = Opened::Once;
                    }
                    '}' | ']' | ')' => {
                        self.depth = self.depth.saturating_sub(1);
                        if self.depth == 0 && self.opened == Opened::Once {
                            return Some(at + c.len_utf8());
                        }
                    }
                    '/' if behind.starts_with('/') && before != Some(':') => return None,
                    '#' => return None,
                    // Wiki bold, around a string or a part of one.
                    '\'' if behind.starts_with("''") => {
                        characters.next();
                        characters.next();
                    }
                    c if is_quote(c) && opens(text, at) => self.string = Some(c),
                    _ => {}
                }
            }
            if !c.is_whitespace() {
                before = Some(c);
            }
        }
        None
    }
}

/// Whether a quote at the byte `at` begins a string; behind a word it is an apostrophe.
fn opens(text: &str, at: usize) -> bool {
    let head = text.get(..at).unwrap_or_default();
    let word = head.trim_end_matches(char::is_alphanumeric);
    let prefix = head.get(word.len()..).unwrap_or_default();
    prefix.is_empty() || prefix.chars().all(|c| "ubrUBR".contains(c))
}

fn closes(quote: char, c: char) -> bool {
    match quote {
        '\'' => c == '\'',
        '"' => c == '"',
        '\u{2018}' | '\u{2019}' => matches!(c, '\u{2018}' | '\u{2019}' | '\''),
        _ => matches!(c, '\u{201c}' | '\u{201d}' | '"'),
    }
}

/// Whether what stands behind a quote shows that the string ended there.
fn ends_string(behind: &str) -> bool {
    let behind = behind.trim_start_matches(['\'', ' ', '\t', '\u{a0}']);
    behind.is_empty() || behind.starts_with([',', ':', '}', ']', ')', '|', '/', '#'])
}
