//! Words outside quotes: constants, keys without quotes, placeholders, and the names, calls and
//! operators that are refused. Curly quotes come here too.

use super::ahead::Kind;
use super::escape::Escapes;
use super::string::{Damage, Role, Spot, Stop};
use super::{Dialect, Expect, Fault, Read, Reader};

/// How many words a heading beside a brace may have: "Agent1 Fourth Notification" and some more.
const HEADING_WORDS: usize = 6;

/// Words that make code of the words around them.
const OPERATOR_WORDS: [&str; 12] = [
    "and", "or", "not", "in", "is", "if", "else", "for", "lambda", "await", "yield", "new",
];

/// A key without quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'t> {
    /// As JSON5 allows it.
    Name(&'t str),
    /// With characters such as `-` in it.
    Wide(&'t str),
}

impl<'t> Reader<'t> {
    /// Reads a value that begins with a letter.
    pub(super) fn word(&mut self) -> Read<Expect> {
        match self.prefix().map(|prefix| prefix.kind) {
            Some(Kind::Text | Kind::Formatted) => {
                self.string(Role::Value)?;
                return Ok(Expect::After);
            }
            Some(Kind::Bytes) => {
                self.bytes_literal()?;
                return Ok(Expect::After);
            }
            None => {}
        }
        let rest = self.rest();
        if is_curly(rest) {
            self.curly(Role::Value)?;
            return Ok(Expect::After);
        }
        let name = name_at(rest);
        let json = match name {
            "None" => self.python("null"),
            "True" => self.python("true"),
            "False" => self.python("false"),
            "null" | "true" | "false" => {
                self.dialects.rule_out(Dialect::Python);
                name
            }
            "set" if self.empty_set(name)? => return Ok(Expect::After),
            "" => return self.fault(format!("expected a value, found {}", self.found())),
            _ => return self.strange_word(name),
        };
        self.out.push_str(json);
        self.at += name.len();
        Ok(Expect::After)
    }

    fn python(&mut self, json: &'static str) -> &'static str {
        self.dialects.only_python();
        json
    }

    /// `set()` is how Python writes an empty set; no other call is read.
    fn empty_set(&mut self, name: &str) -> Read<bool> {
        let start = self.at;
        self.at += name.len();
        self.blank()?;
        if self.peek() == Some(b'(') {
            self.at += 1;
            self.blank()?;
            if self.peek() == Some(b')') {
                self.at += 1;
                self.dialects.only_python();
                self.out.push_str("[]");
                return Ok(true);
            }
        }
        self.at = start;
        Ok(false)
    }

    /// A word that stands for nothing: a heading before the sample, a placeholder, or refused.
    fn strange_word(&mut self, name: &str) -> Read<Expect> {
        if self.frames.is_empty() && self.out.is_empty() && self.heading_before() {
            return Ok(Expect::Value);
        }
        if let Some(words) = placeholder(self.rest())
            && !self.frames.is_empty()
        {
            let json = format!("\"{words}\"");
            let why = "words stand where a value belongs; they are kept as a string";
            self.repair(self.at, words, &json, why);
            self.out.push_str(&json);
            self.at += words.len();
            return Ok(Expect::After);
        }
        let full = dotted(self.rest());
        let after = self.rest().get(full.len()..).unwrap_or_default();
        if after.trim_start_matches([' ', '\t']).starts_with('(') {
            return self.fault(format!("`{full}(...)` is a call, and nothing is evaluated"));
        }
        if full != name {
            return self.fault(format!(
                "`{full}` is a name with parts, and names have no value"
            ));
        }
        self.fault(refused_name(name))
    }

    /// Drops a heading that stands before the sample's first bracket.
    fn heading_before(&mut self) -> bool {
        let rest = self.rest();
        let length = rest.find(['{', '[']).unwrap_or(rest.len());
        let text = rest.get(..length).unwrap_or_default();
        if length == rest.len() || !is_heading(text.trim_end()) {
            return false;
        }
        self.repair(
            self.at,
            text.trim_end(),
            "",
            "a heading is no part of the sample",
        );
        self.at += length;
        true
    }

    /// The key without quotes that is read next; `None` where no key is.
    pub(super) fn key_ahead(&self) -> Option<Key<'t>> {
        let rest = self.rest();
        let name = name_at(rest);
        let after = rest.get(name.len()..).unwrap_or_default().trim_start();
        if !name.is_empty() && after.starts_with([':', '"', '\'', '{', '[']) {
            return Some(Key::Name(name));
        }
        let wide = wide_name(rest);
        let after = rest.get(wide.len()..).unwrap_or_default().trim_start();
        (wide.starts_with(|c: char| c.is_alphabetic()) && after.starts_with(':'))
            .then_some(Key::Wide(wide))
    }

    /// Reads a string in curly quotes. It ends at the first closing quote after which a string may
    /// end: an apostrophe within it does not count.
    pub(super) fn curly(&mut self, role: Role) -> Read<()> {
        let source = self.at;
        let rest = self.rest();
        let Some(open) = rest.chars().next() else {
            return Ok(());
        };
        let closing: [char; 3] = match open {
            '“' | '”' => ['”', '“', '"'],
            _ => ['’', '‘', '\''],
        };
        let first = open.len_utf8();
        let end = rest
            .char_indices()
            .take_while(|(_, c)| !matches!(c, '\n' | '\r'))
            .filter(|(place, c)| *place >= first && closing.contains(c))
            .find(|(place, c)| self.may_end_string(source + place + c.len_utf8(), role));
        let Some((length, close)) = end else {
            return self.fault(format!(
                "the string in curly quotes has no closing `{}`",
                closing[0]
            ));
        };
        let out = self.out.len();
        self.out.push('"');
        self.at += first;
        let from = self.at;
        let damage = self.decode(Stop::At(source + length), Escapes::Read)?;
        self.out.push('"');
        self.at = source + length + close.len_utf8();
        self.last_string = Some(Spot {
            source,
            end: self.at,
            out,
            role,
        });
        let was = self.slice(source, self.at);
        let became = self.out.get(out..).unwrap_or_default().to_owned();
        self.repair(
            source,
            was,
            &became,
            "curly quotes stand where straight ones belong",
        );
        if damage == Damage::Possible && role == Role::Value {
            self.mend(from, self.slice(from, source + length), out, role)?;
        }
        Ok(())
    }
}

/// Whether text begins with a curly quote.
pub(super) fn is_curly(text: &str) -> bool {
    text.starts_with(['“', '”', '‘', '’'])
}

/// The name that a text begins with, or nothing.
pub(super) fn name_at(text: &str) -> &str {
    let length = text
        .char_indices()
        .find(|&(place, c)| {
            let fits = c == '_' || c == '$' || c.is_alphabetic();
            !(fits || (place > 0 && c.is_numeric()))
        })
        .map_or(text.len(), |(place, _)| place);
    text.get(..length).unwrap_or_default()
}

/// Why a name is refused.
pub(super) fn refused_name(name: &str) -> String {
    match name {
        "nan" | "NaN" => format!("`{name}` is not a number, and JSON has no word for that"),
        "inf" | "Infinity" | "infinity" => {
            format!("`{name}` is infinite, and JSON has no word for that")
        }
        "None" | "True" | "False" => format!("`{name}` is no number"),
        _ if OPERATOR_WORDS.contains(&name) => {
            format!("`{name}` is an operator, and nothing is evaluated")
        }
        _ => format!("`{name}` is a name, and names have no value: expected a value"),
    }
}

/// What `json.dumps` writes for a constant as a key, and what Python compares it by.
pub(super) fn python_key(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "None" => Some(("null", "None")),
        "True" => Some(("true", "1")),
        "False" => Some(("false", "0")),
        _ => None,
    }
}

/// Whether a text is a heading: a few words, the first with a capital.
pub(super) fn is_heading(text: &str) -> bool {
    let words: Vec<&str> = text
        .strip_suffix(':')
        .unwrap_or(text)
        .split_whitespace()
        .collect();
    (1..=HEADING_WORDS).contains(&words.len())
        && text.starts_with(|c: char| c.is_uppercase())
        && words
            .iter()
            .all(|word| word.chars().all(char::is_alphanumeric))
        && !["None", "True", "False", "NaN", "Infinity"].contains(&text)
}

/// The words of a placeholder such as `an integer value above 0`: two words at least, none of them an
/// operator, and a value may end after them.
fn placeholder(text: &str) -> Option<&str> {
    let length = text
        .find([',', '{', '}', '[', ']', '"', '\n', '\r'])
        .unwrap_or(text.len());
    let words = text.get(..length)?.trim_end();
    let fits = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '/' | '\'');
    let mut several = words.split(' ').filter(|word| !word.is_empty());
    (words.chars().all(fits)
        && several.clone().count() >= 2
        && several
            .all(|word| !OPERATOR_WORDS.contains(&word) && word.chars().any(char::is_alphanumeric)))
    .then_some(words)
}

/// A name with the parts that dots join to it.
fn dotted(text: &str) -> &str {
    let length = text
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '.')))
        .unwrap_or(text.len());
    text.get(..length).unwrap_or_default().trim_end_matches('.')
}

fn wide_name(text: &str) -> &str {
    let length = text
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '-')))
        .unwrap_or(text.len());
    text.get(..length).unwrap_or_default()
}

/// An operator that a text begins with.
pub(super) fn operator_at(text: &str) -> Option<&str> {
    let length = text
        .find(|c: char| !"+-*/%@&|^<>=!~".contains(c))
        .unwrap_or(text.len());
    text.get(..length).filter(|operator| !operator.is_empty())
}

/// A fault at an operator.
pub(super) fn operator_fault(at: usize, operator: &str) -> Fault {
    Fault::new(
        at,
        format!(
            "`{operator}` is an operator, and nothing is evaluated: expected `,` or the end of the value"
        ),
    )
}
