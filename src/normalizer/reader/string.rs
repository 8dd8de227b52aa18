//! String literals: every quote style, adjacent ones joined, and what is broken in them sent to be
//! mended. Escapes are in [`super::escape`], bytes in [`super::bytes`].

use super::ahead::{Kind, Prefix, ends_line, has_colon, prefix_at, skip_literal, skip_white};
use super::escape::Escapes;
use super::scan;
use super::{Dialect, Fault, Finding, Read, Reader, Shape, keys};
use crate::normalizer::damage::{self, Mend};
use crate::normalizer::json::push_escaped;

/// What a string is in its bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Key,
    /// The first entry in braces: a key or a part of a set.
    First,
    Value,
}

/// Where the last string stands, for the case that it turns out to end later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    /// Its opening quote in the text.
    pub(super) source: usize,
    /// The byte after its closing quote.
    pub(super) end: usize,
    /// Its opening quote in `out`.
    pub(super) out: usize,
    pub(super) role: Role,
}

/// Whether a string must be looked at again once it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Damage {
    Unlikely,
    /// It has a colon, as URLs and times have.
    Possible,
    /// It has a line break, which stands in `out` as it is.
    Broken,
}

impl Damage {
    /// Whether it is: of a key nobody makes a URL or a time.
    pub(super) fn is_likely(self, role: Role) -> bool {
        self == Damage::Broken || (self == Damage::Possible && role == Role::Value)
    }
}

/// Where a string ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Quote(u8),
    Triple(u8),
    /// At this byte, whatever stands before it.
    At(usize),
}

impl Reader<'_> {
    /// Reads a string, and those that Python would join to it, from its quote or prefix on.
    #[inline]
    pub(super) fn string(&mut self, role: Role) -> Read<()> {
        let source = self.at;
        let out = self.out.len();
        let mut damage = if let Some(damage) = self.plain_literal() {
            damage
        } else {
            self.out.push('"');
            let damage = self.literal()?;
            self.out.push('"');
            damage
        };
        let mut end = self.at;
        if !matches!(self.peek(), Some(b',' | b':' | b'}' | b']')) {
            self.join_adjacent(role, &mut damage, &mut end)?;
        }
        self.last_string = Some(Spot {
            source,
            end,
            out,
            role,
        });
        if damage.is_likely(role) {
            let (at, was) = inside_quotes(self.slice(source, end), source);
            self.mend(at, was, out, role)?;
        }
        Ok(())
    }

    /// The prefix of the string that is read next; `None` where no string is.
    pub(super) fn prefix(&self) -> Option<Prefix> {
        prefix_at(self.bytes, self.at)
    }

    /// Copies a literal that has no prefix and nothing to decode, as most are; `None` where it is another.
    #[inline]
    fn plain_literal(&mut self) -> Option<Damage> {
        let quote = self.peek().filter(|byte| matches!(byte, b'"' | b'\''))?;
        let from = self.at + 1;
        let rest = self.bytes.get(from..).unwrap_or_default();
        let (length, damage) = scan::plain(rest, quote);
        let ends = rest.get(length) == Some(&quote);
        if !ends || (length == 0 && rest.get(1) == Some(&quote)) {
            return None;
        }
        if quote == b'\'' {
            self.dialects.rule_out(Dialect::Json);
        }
        self.out.push('"');
        self.out.push_str(self.slice(from, from + length));
        self.out.push('"');
        self.at = from + length + 1;
        Some(damage)
    }

    /// Reads one literal of text and writes what it holds.
    fn literal(&mut self) -> Read<Damage> {
        let Some(prefix) = self.prefix() else {
            return self.fault(format!("expected a string, found {}", self.found()));
        };
        if prefix.kind == Kind::Formatted {
            return self.fault("a formatted string (`f'...'`) is code, which is never carried out");
        }
        self.at += prefix.length;
        let quote = self.peek().unwrap_or(b'"');
        if prefix.length > 0 {
            self.dialects.only_python();
        } else if quote == b'\'' {
            self.dialects.rule_out(Dialect::Json);
        }
        let stop = self.opening(quote);
        self.decode(stop, prefix.escapes)
    }

    /// Passes over the opening quote or quotes.
    pub(super) fn opening(&mut self, quote: u8) -> Stop {
        let triple = [quote; 3];
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.starts_with(&triple) {
            let place = self.at;
            self.dialects.only_python();
            self.only_in_python.get_or_insert_with(|| {
                Fault::new(
                    place,
                    "a triple-quoted string is Python's, and this is no Python",
                )
            });
            self.at += 3;
            Stop::Triple(quote)
        } else {
            self.at += 1;
            Stop::Quote(quote)
        }
    }

    /// Reads up to the end of a string and writes it with JSON's escapes, but a line break that may
    /// not stand there as it is.
    pub(super) fn decode(&mut self, stop: Stop, escapes: Escapes) -> Read<Damage> {
        let open = self.at;
        let (limit, quote) = match stop {
            Stop::At(end) => (end, b'"'),
            Stop::Quote(quote) | Stop::Triple(quote) => (self.text.len(), quote),
        };
        let mut damage = Damage::Unlikely;
        loop {
            let rest = self.bytes.get(self.at..limit).unwrap_or_default();
            let (length, found) = scan::plain(rest, quote);
            damage = damage.max(found);
            self.out.push_str(self.slice(self.at, self.at + length));
            self.at += length;
            if self.at >= limit {
                return match stop {
                    Stop::At(_) => Ok(damage),
                    Stop::Quote(quote) | Stop::Triple(quote) => Err(Fault::new(
                        open.saturating_sub(1),
                        format!("the string has no closing {}", char::from(quote)),
                    )),
                };
            }
            match (self.peek().unwrap_or_default(), stop) {
                (byte, Stop::Quote(quote)) if byte == quote => {
                    self.at += 1;
                    return Ok(damage);
                }
                (byte, Stop::Triple(quote)) if self.closes_triple(byte, quote) => {
                    self.at += 3;
                    return Ok(damage);
                }
                (b'\\', _) => self.escape(escapes)?,
                (b'"', _) => self.push_and_pass("\\\""),
                (b'\'', _) => self.push_and_pass("'"),
                (b'\r', Stop::Triple(_)) if self.byte(self.at + 1) == Some(b'\n') => self.at += 1,
                (b'\n' | b'\r', Stop::Triple(_)) => self.push_and_pass("\\n"),
                (control, _) => damage = damage.max(self.control(control, stop)),
            }
        }
    }

    fn push_and_pass(&mut self, json: &str) {
        self.out.push_str(json);
        self.at += 1;
    }

    fn closes_triple(&self, byte: u8, quote: u8) -> bool {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        byte == quote && rest.starts_with(&[quote; 3])
    }

    /// A control character: a break with all the white space around it, or itself.
    fn control(&mut self, control: u8, stop: Stop) -> Damage {
        let rest = self.rest();
        let after = rest.trim_start().len();
        let white = rest.get(..rest.len() - after).unwrap_or_default();
        if !matches!(stop, Stop::Triple(_)) && white.contains(['\n', '\r']) {
            self.out.push('\n');
            self.at += white.len();
            return Damage::Broken;
        }
        self.dialects.rule_out(Dialect::Json);
        if control == 0 {
            self.dialects.rule_out(Dialect::Python);
        }
        push_escaped(&mut self.out, char::from(control));
        self.at += 1;
        let found = if is_odd_control(char::from(control)) {
            Damage::Possible
        } else {
            Damage::Unlikely
        };
        // The rest of a long run of white space is looked through once, not from each of its characters.
        if let Some(rest) = white.get(1..) {
            for c in rest.chars() {
                push_escaped(&mut self.out, c);
            }
            self.at += rest.len();
        }
        found
    }

    /// Joins the strings that follow without a comma, as Python does.
    fn join_adjacent(&mut self, role: Role, damage: &mut Damage, end: &mut usize) -> Read<()> {
        let mut chain_is_key = None;
        loop {
            self.blank()?;
            let Some(prefix) = self.prefix() else {
                return Ok(());
            };
            let new_line = ends_line(self.slice(*end, self.at));
            if prefix.kind != Kind::Text || (self.frames.is_empty() && new_line) {
                return Ok(());
            }
            let joins = match role {
                Role::Value if self.shape() == Some(Shape::Object) => !self.string_then_colon(),
                Role::Value => true,
                Role::Key | Role::First => {
                    *chain_is_key.get_or_insert_with(|| self.chain_joins(role))
                }
            };
            if !joins {
                return Ok(());
            }
            let place = self.at;
            self.dialects.only_python();
            self.only_in_python.get_or_insert_with(|| {
                Fault::new(
                    place,
                    "two strings stand side by side: expected `,` between them",
                )
            });
            if new_line {
                self.notices.push(Finding {
                    at: *end,
                    was: self.slice(*end, place).into(),
                    became: String::new(),
                    why: "strings side by side are one, as in Python, also on two lines".into(),
                });
            }
            self.out.pop();
            *damage = self.literal()?.max(*damage);
            self.out.push('"');
            *end = self.at;
        }
    }

    /// Whether one string and a colon are read next: a member whose comma is missing before it.
    pub(super) fn string_then_colon(&self) -> bool {
        skip_literal(self.bytes, self.at)
            .is_some_and(|end| self.bytes.get(skip_white(self.bytes, end)) == Some(&b':'))
    }

    /// Whether strings side by side at the start of an entry in braces are one: a key, or a part of
    /// a set.
    fn chain_joins(&self, role: Role) -> bool {
        let mut at = self.at;
        while let Some(end) = skip_literal(self.bytes, at) {
            at = skip_white(self.bytes, end);
        }
        if self.bytes.get(at) == Some(&b':') {
            return true;
        }
        let opened = self.frames.last().map_or(0, |frame| frame.opened);
        role == Role::First && !has_colon(self.bytes, opened)
    }

    /// Looks at a written string again and mends it, or refuses it. What it holds stands at `at` in the
    /// text as `was`.
    pub(super) fn mend(&mut self, at: usize, was: &str, out: usize, role: Role) -> Read<()> {
        let written = self
            .out
            .get(out + 1..self.out.len() - 1)
            .unwrap_or_default();
        let part = match role {
            Role::Value => damage::Part::Value,
            Role::Key | Role::First => damage::Part::Key,
        };
        let verdict = match part {
            damage::Part::Value if was.contains(is_odd_control) => {
                judged_with_controls(written, was)
            }
            damage::Part::Key | damage::Part::Value => damage::mend(written, part),
        };
        match verdict {
            Mend::Sound => {}
            Mend::Mended { text, why, moment } => {
                if let Some(moment) = moment {
                    self.moments.push(keys::PendingMoment {
                        depth: self.frames.len(),
                        repair: self.repairs.len(),
                        key: self.members.last().map_or(0, |member| member.start),
                        moment,
                    });
                }
                self.out.truncate(out + 1);
                self.out.push_str(&text);
                self.out.push('"');
                self.repairs.push(Finding {
                    at,
                    was: was.into(),
                    became: text,
                    why,
                });
            }
            Mend::Hopeless { offset, message } => {
                let place = match offset {
                    damage::Offset::Start => at,
                    damage::Offset::FirstBreak => at + was.find(['\n', '\r']).unwrap_or(0),
                    damage::Offset::Line(number) => at + start_of_line(was, number),
                };
                return Err(Fault::new(place, message));
            }
        }
        Ok(())
    }
}

/// Whether a character is one that no text has, such as a form feed.
fn is_odd_control(c: char) -> bool {
    c < ' ' && !matches!(c, '\n' | '\r' | '\t')
}

/// Judges a value with control characters in it. In a URL they are breaks; other text keeps them.
fn judged_with_controls(written: &str, was: &str) -> Mend {
    let mut broken = written.to_owned();
    // An escape that was spelled out is no character that a page left there.
    let raw = ('\0'..' ').filter(|c| is_odd_control(*c) && !was.contains('\\'));
    for c in raw.filter(|c| was.contains(*c)) {
        let mut escaped = String::new();
        push_escaped(&mut escaped, c);
        broken = broken.replace(&escaped, "\n");
    }
    match damage::mend_url(&broken) {
        Mend::Sound => damage::mend(written, damage::Part::Value),
        verdict @ (Mend::Mended { .. } | Mend::Hopeless { .. }) => verdict,
    }
}

/// Where a line of a string begins, by its number without empty lines.
fn start_of_line(text: &str, number: usize) -> usize {
    let mut start = 0;
    let mut filled = 0;
    for line in text.split(|c: char| c < ' ' && c != '\t') {
        if !line.trim().is_empty() {
            if filled == number {
                return start + line.len() - line.trim_start().len();
            }
            filled += 1;
        }
        start += line.len() + 1;
    }
    0
}

/// What stands between the quotes of a literal, and where it begins.
fn inside_quotes(literal: &str, source: usize) -> (usize, &str) {
    let quotes = literal.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let triple = quotes.starts_with("'''") || quotes.starts_with("\"\"\"");
    let width = if triple { 3 } else { 1 };
    let start = literal.len() - quotes.len() + width;
    let inner = literal.get(start..literal.len() - width);
    (source + start, inner.unwrap_or_default())
}
