//! Recognizes what people and other tools put where a secret stood, such as `***` or `[REDACTED]`, and
//! tells kinds of secrets by the names of their fields.
//!
//! It reads texts; what comes of them is decided in [`super`].

use std::ops::Range;

use crate::exchange::secret;

/// The fewest equal signs, such as stars, that are taken for a placeholder.
const MIN_SIGNS: usize = 3;

/// What a secret is covered with, sign by sign.
const SIGNS: &[char] = &['*', 'x', 'X', '•', '●', '█', '#', '.', '-', '_', '?'];

/// What stands in brackets, or alone, for what was taken away.
const WORDS: &[&str] = &[
    "anonymized",
    "censored",
    "confidential",
    "filtered",
    "hidden",
    "masked",
    "obfuscated",
    "omitted",
    "protected",
    "redacted",
    "removed",
    "sanitized",
    "scrubbed",
    "secret",
    "stripped",
];

/// Those of them that stand alone in capitals for nothing else: `HIDDEN` and `REMOVED` are states, too.
const UNMISTAKABLE: &[&str] = &[
    "ANONYMIZED",
    "CENSORED",
    "OBFUSCATED",
    "REDACTED",
    "SANITIZED",
    "SCRUBBED",
];

/// Pairs of marks in which such words stand.
const BRACKETS: &[(&str, &str)] = &[
    ("{{", "}}"),
    ("${", "}"),
    ("[", "]"),
    ("<", ">"),
    ("{", "}"),
    ("(", ")"),
    ("__", "__"),
    ("--", "--"),
    ("**", "**"),
    ("%", "%"),
];

/// The pairs of them that templates put around the name of a variable.
const TEMPLATES: usize = 2;

/// The longest text that is looked at: a placeholder is for reading.
const MAX_PLACEHOLDER: usize = 64;

/// What the name of a secret contains that a person knows, in lower case and without punctuation.
const KNOWN_BY_HEART: &[&str] = &["pass", "pwd"];

/// What such a name may end with.
const SHORT_AND_KNOWN: &[&str] = &["pin", "otp"];

/// How sure it is that a text is a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Certainty {
    /// Only where a name tells of a secret: it is a word like others, and names resources.
    Word,
    /// Only where a secret is to be expected: people write stars for other reasons too.
    Perhaps,
    /// Wherever it stands.
    Surely,
}

/// Of which kind a secret is, by the name of its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A token against forged requests.
    Forgery,
    /// The identifier of a session.
    Session,
    /// Anything else that lets its holder in.
    Access,
    /// What a person knows.
    Password,
}

/// Where the placeholder stands in a text, if one does: the whole of it, or what follows the name of
/// an authentication scheme.
pub(super) fn find(text: &str) -> Option<(Range<usize>, Certainty)> {
    if let Some(certainty) = certainty(text) {
        return Some((0..text.len(), certainty));
    }
    let (scheme, rest) = text.split_once(' ')?;
    let named = ["bearer", "basic", "token", "digest", "apikey"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    let certainty = certainty(rest).filter(|_| named)?;
    Some((text.len() - rest.len()..text.len(), certainty))
}

/// How long words are that may stand for what was taken away, and the names of authentication schemes.
const WORD_LENGTHS: std::ops::RangeInclusive<usize> = 6..=12;
const MAX_SCHEME: usize = 6;

/// Whether a text may be or hold a placeholder, as far as its first letters and its length tell: quick, and
/// never wrong where it says no.
pub(super) fn may_be_one(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() > MAX_SCHEME + 1 + MAX_PLACEHOLDER {
        return false;
    }
    match bytes {
        [] => false,
        [b'x' | b'X', second, ..] if !matches!(second, b'x' | b'X') => false,
        [b'x' | b'X', _, ..] => true,
        [first, ..] if first.is_ascii_digit() => false,
        [first, ..] if first.is_ascii_alphabetic() => {
            let word = WORD_LENGTHS.contains(&bytes.len()) && is_word(text);
            let scheme = bytes.iter().take(MAX_SCHEME + 1).any(|byte| *byte == b' ');
            word || (scheme && find(text).is_some())
        }
        _ => find(text).is_some(),
    }
}

/// Whether a whole text is a placeholder.
fn certainty(text: &str) -> Option<Certainty> {
    if text.len() > MAX_PLACEHOLDER {
        return None;
    }
    let first = text.chars().next()?;
    if SIGNS.contains(&first) && text.chars().all(|sign| sign == first) {
        return (text.chars().count() >= MIN_SIGNS).then_some(Certainty::Perhaps);
    }
    if is_word(text) {
        return Some(if UNMISTAKABLE.contains(&text) {
            Certainty::Surely
        } else {
            Certainty::Word
        });
    }
    let bracketed = BRACKETS
        .iter()
        .enumerate()
        .find_map(|(place, (open, close))| {
            let inner = text.strip_prefix(open)?.strip_suffix(close)?;
            Some((place, inner.trim()))
        });
    let (place, inner) = bracketed?;
    let name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | '$');
    let named = !inner.is_empty() && inner.chars().all(name);
    let begins = inner.split([' ', ':', '-', '_']).next().unwrap_or_default();
    match (place < TEMPLATES && named, is_word(begins)) {
        (true, _) | (_, true) => Some(Certainty::Surely),
        (false, false) if named && classify(inner).is_some() => Some(Certainty::Perhaps),
        (false, false) => None,
    }
}

fn is_word(text: &str) -> bool {
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Of which kind of secret a field of this name is; `None` for none.
pub(super) fn classify(name: &str) -> Option<Kind> {
    let bare = secret::bare(name);
    if !secret::Names::default().is_secret(name) && bare != "session" {
        return None;
    }
    let has = |parts: &[&str]| parts.iter().any(|part| bare.contains(part));
    Some(if has(&["csrf", "xsrf"]) {
        Kind::Forgery
    } else if has(KNOWN_BY_HEART) || SHORT_AND_KNOWN.iter().any(|end| bare.ends_with(end)) {
        Kind::Password
    } else if has(&["sess"]) || bare.ends_with("sid") {
        Kind::Session
    } else {
        Kind::Access
    })
}

/// A name as it is compared with others: `X-CSRF-TOKEN`, `csrfToken` and `csrf_token` are one.
pub(super) fn squeezed(name: &str) -> String {
    let prefix = name.get(..2).unwrap_or_default();
    let header = prefix.eq_ignore_ascii_case("x-") || prefix.eq_ignore_ascii_case("x_");
    let rest = name.get(2..).filter(|_| header);
    secret::bare(rest.unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_values() {
        for (text, expected) in [
            ("***", Some(Certainty::Perhaps)),
            ("xxxxx", Some(Certainty::Perhaps)),
            ("redacted", Some(Certainty::Word)),
            ("secret", Some(Certainty::Word)),
            ("REMOVED", Some(Certainty::Word)),
            ("<password>", Some(Certainty::Perhaps)),
            ("REDACTED", Some(Certainty::Surely)),
            ("[redacted]", Some(Certainty::Surely)),
            ("[REDACTED: email]", Some(Certainty::Surely)),
            ("<hidden>", Some(Certainty::Surely)),
            ("[FILTERED]", Some(Certainty::Surely)),
            ("{{token}}", Some(Certainty::Surely)),
            ("${ACCESS_TOKEN}", Some(Certainty::Surely)),
            ("**", None),
            ("xx", None),
            ("", None),
            ("hidden door", None),
            ("<name>", None),
            ("[1, 2]", None),
            ("{\"a\":1}", None),
            ("aaaa0000aaaa", None),
        ] {
            assert_eq!(
                find(text).map(|(_, certainty)| certainty),
                expected,
                "{text}"
            );
        }
        assert_eq!(find("Bearer ***"), Some((7..10, Certainty::Perhaps)));
        assert_eq!(find("Dear ***"), None);
    }

    #[test]
    fn whatever_is_a_placeholder_may_be_one() {
        let signs = SIGNS.iter().map(|sign| sign.to_string().repeat(MIN_SIGNS));
        let words = WORDS.iter().map(|word| word.to_ascii_uppercase());
        let brackets = BRACKETS.iter().flat_map(|(open, close)| {
            ["token", "secret", "x"].map(|inner| format!("{open}{inner}{close}"))
        });
        let all: Vec<String> = signs.chain(words).chain(brackets).collect();
        let behind = |scheme: &str| {
            all.iter()
                .map(move |text| format!("{scheme} {text}"))
                .collect::<Vec<_>>()
        };
        for text in all.iter().chain(&behind("Bearer")).chain(&behind("apikey")) {
            assert!(find(text).is_none() || may_be_one(text), "{text}");
        }
        for text in ["", "x", "SendMessage", "text", "42", "operation one"] {
            assert!(!may_be_one(text), "{text}");
        }
    }

    #[test]
    fn names_tell_what_kind_of_secret_a_field_holds() {
        for (name, expected) in [
            ("X-CSRF-TOKEN", Some(Kind::Forgery)),
            ("XSRF-TOKEN", Some(Kind::Forgery)),
            ("password", Some(Kind::Password)),
            ("newPassword", Some(Kind::Password)),
            ("user_pwd", Some(Kind::Password)),
            ("JSESSIONID", Some(Kind::Session)),
            ("sid", Some(Kind::Session)),
            ("access_token", Some(Kind::Access)),
            ("Authorization", Some(Kind::Access)),
            ("x-api-key", Some(Kind::Access)),
            ("session", Some(Kind::Session)),
            ("connect.sid", Some(Kind::Session)),
            ("X-CSRF-HEADER", None),
            ("tokenType", None),
            ("sessionName", None),
            ("text", None),
            ("keyboard", None),
            ("side", None),
        ] {
            assert_eq!(classify(name), expected, "{name}");
        }
        assert_eq!(squeezed("X-CSRF-TOKEN"), squeezed("csrfToken"));
        assert_ne!(squeezed("xsrf"), squeezed("srf"));
    }
}
