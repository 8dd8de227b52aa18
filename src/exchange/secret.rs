//! Which names say that their values are secrets: of header fields, cookies, parameters of queries and
//! forms, and members of JSON.
//!
//! It judges by names alone, and by the few values that are none. Where names stand in a message is
//! the business of whoever reads messages.

mod pattern;
mod spread;
mod usual;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

pub use pattern::{NamePattern, NoPattern};
pub use spread::{Spread, Spreading};
use usual::is_usual;

/// How many names are remembered with what was found of them: those of a service's header fields and
/// members come again and again. What comes beyond them is judged each time.
const MAX_JUDGED: usize = 4_096;

/// The longest name that is remembered.
const MAX_REMEMBERED: usize = 64;

/// Which names are those of secrets: the usual ones, more that were added, less some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    added: Vec<NamePattern>,
    exempted: Vec<NamePattern>,
    judged: Judged,
}

/// Names that were judged before.
#[derive(Debug, Default)]
struct Judged(Mutex<HashMap<String, bool, Spreading>>);

impl Names {
    /// The usual names with `added`, without `exempted`, which count more.
    pub fn new(added: Vec<NamePattern>, exempted: Vec<NamePattern>) -> Names {
        let judged = Judged::default();
        Names {
            added,
            exempted,
            judged,
        }
    }

    /// Whether what has this name is a secret.
    pub fn is_secret(&self, name: &str) -> bool {
        self.judged.of(name, || self.judge(name))
    }

    fn judge(&self, name: &str) -> bool {
        let bare = bare(name);
        let named = |patterns: &[NamePattern]| patterns.iter().any(|pattern| pattern.fits(&bare));
        !named(&self.exempted) && (named(&self.added) || is_usual(name, &bare))
    }

    /// Whether no name is exempted.
    pub fn exempts_nothing(&self) -> bool {
        self.exempted.is_empty()
    }

    /// Whether a cookie of this name is a secret: each is, unless it was exempted.
    pub fn is_secret_cookie(&self, name: &str) -> bool {
        !self.is_exempted(name)
    }

    /// Whether the user said that what has this name is no secret.
    pub fn is_exempted(&self, name: &str) -> bool {
        if self.exempted.is_empty() {
            return false;
        }
        let bare = bare(name);
        self.exempted.iter().any(|pattern| pattern.fits(&bare))
    }
}

impl Judged {
    /// What was found of a name before, or is now.
    fn of(&self, name: &str, judge: impl FnOnce() -> bool) -> bool {
        let mut judged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = judged.get(name) {
            return *found;
        }
        let found = judge();
        if name.len() <= MAX_REMEMBERED && judged.len() < MAX_JUDGED {
            judged.insert(name.to_owned(), found);
        }
        found
    }
}

/// A copy finds the same, and remembers for itself.
impl Clone for Judged {
    fn clone(&self) -> Judged {
        Judged::default()
    }
}

/// What is remembered makes no difference to what is found.
impl PartialEq for Judged {
    fn eq(&self, _: &Judged) -> bool {
        true
    }
}

impl Eq for Judged {}

/// Whether a value can be a secret at all: an empty one, `true`, `false`, `null` and a row of stars tell
/// nothing.
pub fn is_value(text: &str) -> bool {
    let text = text.trim();
    let plain = ["true", "false", "null", "none", "undefined"];
    let blank = text.chars().all(|c| "*•…".contains(c));
    !blank && !plain.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether what has this name tells one client from another, as tokens do.
pub fn names_token(name: &str) -> bool {
    // As most names of header fields, of which every request has some.
    if !name.bytes().any(may_be_of_token_word) {
        return false;
    }
    with_bare(name, |name| {
        let mut rest = name.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            for word in token_words(*first) {
                if rest.starts_with(word.as_bytes()) {
                    return true;
                }
            }
            rest = after;
        }
        false
    })
}

/// A name in lower case, without punctuation.
pub fn bare(name: &str) -> String {
    with_bare(name, str::to_owned)
}

/// Looks at a name in lower case, without punctuation. Most names are short and of ASCII, and take no memory
/// for that.
pub fn with_bare<T>(name: &str, look: impl FnOnce(&str) -> T) -> T {
    let mut room = [0; MAX_REMEMBERED];
    if name.is_ascii() && name.len() <= room.len() {
        let mut length = 0;
        for letter in name.bytes().filter(u8::is_ascii_alphanumeric) {
            if let Some(place) = room.get_mut(length) {
                *place = letter.to_ascii_lowercase();
                length += 1;
            }
        }
        if let Some(Ok(bare)) = room.get(..length).map(std::str::from_utf8) {
            return look(bare);
        }
    }
    let plain = name.chars().filter(|c| c.is_alphanumeric());
    look(&plain.flat_map(char::to_lowercase).collect::<String>())
}

/// Whether a byte is one of those of which every one of [`token_words`] has some, and the names of few other
/// fields; or may become one in lower case.
fn may_be_of_token_word(byte: u8) -> bool {
    matches!(byte, b'f' | b'i' | b'k' | b'w' | b'F' | b'I' | b'K' | b'W') || !byte.is_ascii()
}

/// The words in the names of fields whose values tell clients apart, of those that begin with this letter.
fn token_words(first: u8) -> &'static [&'static str] {
    match first {
        b'a' => &["apikey"],
        b'c' => &["csrf"],
        b'j' => &["jwt"],
        b's' => &["session"],
        b't' => &["token", "ticket"],
        b'x' => &["xsrf"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_added_and_exempted_by_patterns() {
        let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let names = Names::new(
            patterns(&["Customer-*", "iban"]),
            patterns(&["custom*number", "sid"]),
        );
        for (name, secret) in [
            ("customerName", true),
            ("customer_number", false),
            ("IBAN", true),
            ("ibans", false),
            ("sid", false),
            ("token", true),
        ] {
            assert_eq!(names.is_secret(name), secret, "{name}");
        }
        assert!(names.is_secret_cookie("theme"));
        assert!(!names.is_secret_cookie("SID"));
        let none = Names::new(Vec::new(), patterns(&["*"]));
        assert!(!none.is_secret("password"));
        assert!(!none.is_secret_cookie("SID"));
    }

    #[test]
    fn a_bare_name_is_the_same_however_long_it_is() {
        for (name, expected) in [
            ("X-CSRF_Token 2", "xcsrftoken2"),
            ("Größe-İ", "größei\u{307}"),
            ("", ""),
        ] {
            assert_eq!(bare(name), expected);
            let long = "-A".repeat(MAX_REMEMBERED);
            assert_eq!(
                bare(&format!("{name}{long}")),
                format!("{expected}{}", "a".repeat(MAX_REMEMBERED))
            );
        }
        assert_eq!(
            bare(&"Ab-".repeat(MAX_REMEMBERED / 3)),
            "ab".repeat(MAX_REMEMBERED / 3)
        );
        for (name, tells) in [
            ("X-Auth-Token", true),
            ("j-w-t", true),
            ("toke", false),
            ("API-Key", true),
            ("CSRF", true),
            ("j-w-t", true),
            ("Session", true),
            ("ticket", true),
            ("x-xsrf", true),
            ("to\u{212a}en", true),
            ("", false),
        ] {
            assert_eq!(names_token(name), tells, "{name}");
        }
    }

    #[test]
    fn what_says_yes_or_no_or_nothing_is_no_secret() {
        for text in ["", " ", "true", "False", "null", "***"] {
            assert!(!is_value(text), "{text:?}");
        }
        assert!(is_value("0"));
    }
}
