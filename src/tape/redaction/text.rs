//! Texts of a message, whatever is in them: JSON, forms, lines, and text for people.
//!
//! Each is edited where its secrets stand. Texts stand in texts (JSON in a field of a form, a URL in
//! JSON), up to a depth.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use crate::exchange::secret::is_value;

use super::encoded::MIN_BASE64;
use super::json::{self, At, Leaves};
use super::marks::{LONG, Marks};
use super::markup;
use super::spans::{self, Span};
use super::spelling::Spelling;
use super::walk::{Known, Walk};

/// How deep texts are looked for in texts.
const MAX_DEPTH: usize = 6;

impl Walk<'_> {
    /// A text of which nothing is known but where it stands.
    pub(super) fn text(&mut self, path: &dyn fmt::Display, text: &str) -> Option<String> {
        if self.depth >= MAX_DEPTH {
            return self.rest(text);
        }
        let is_json = begins_json(text);
        let marks = if is_json {
            Marks::NONE
        } else {
            Marks::of(text)
        };
        if !is_json && self.is_plain(text, marks) {
            return self.rest(text);
        }
        self.depth += 1;
        let new = if is_json {
            self.json(path, text)
        } else {
            let call = marks.has(Marks::OPEN).then(|| callback(text)).flatten();
            match call {
                Some(open) => {
                    let (head, json) = text.split_at_checked(open).unwrap_or((text, ""));
                    self.json(path, json).map(|json| format!("{head}{json}"))
                }
                None => self.prose(path, text, marks),
            }
        };
        self.depth -= 1;
        new
    }

    /// Whether nothing is to be looked for in a text that is no JSON but what is known already: it has no parts,
    /// names no secret, and is too short for base64 or has other characters.
    fn is_plain(&self, text: &str, marks: Marks) -> bool {
        let parted = Marks::OPEN | Marks::TAG | Marks::LINE | Marks::SPAN;
        let is_encoded = !marks.has(Marks::OTHER) && text.len() >= MIN_BASE64;
        !marks.has(parted) && !is_encoded && !self.rules.goes_by_looks()
    }

    /// Whether nothing is to be looked for in any segment of a path but what is known already: without marks each is
    /// a plain text where it is too short for base64, and spelled as it is read.
    pub(super) fn is_plain_path(&self, path: &str) -> bool {
        let plain = path.len() < LONG && !Marks::of(path).has(Marks::ALL);
        let mut segments = path.as_bytes().split(|byte| *byte == b'/');
        plain && !self.rules.goes_by_looks() && segments.all(|segment| segment.len() < MIN_BASE64)
    }

    /// Text for people or browsers: markup, lines, or one line.
    fn prose(&mut self, path: &dyn fmt::Display, text: &str, marks: Marks) -> Option<String> {
        if marks.has(Marks::TAG) {
            let spans = spans::ordered(markup::find(self.rules.names(), text));
            if !spans.is_empty() {
                return self.spans(path, text, spans, Between::Prose);
            }
        }
        if marks.has(Marks::LINE) && text.trim_end().contains(['\n', '\r']) {
            self.lines(path, text)
        } else {
            self.line(path, text, marks)
        }
    }

    /// A value that its name or place says is secret.
    pub(super) fn seat(&mut self, path: &dyn fmt::Display, value: &str) -> Option<String> {
        if !is_value(value) {
            return None;
        }
        let at = self.at(path);
        self.edit.secret(at, value)
    }

    /// What has this name: a secret, or any text.
    pub(super) fn named(
        &mut self,
        path: &dyn fmt::Display,
        name: &str,
        text: &str,
    ) -> Option<String> {
        if self.rules.names().is_secret(name) {
            if let Some((scheme, _)) = text.split_once(' ')
                && is_scheme(scheme)
            {
                return self.authorization(path, text);
            }
            return self.seat(path, text);
        }
        self.text(path, text)
    }

    /// JSON, or what is left of it.
    pub(super) fn json(&mut self, path: &dyn fmt::Display, text: &str) -> Option<String> {
        let mut members = Members { walk: self, path };
        json::edit(text, &mut members)
    }

    /// The fields of a form, or the parameters of a query.
    pub(super) fn form(&mut self, path: &dyn fmt::Display, text: &str) -> Option<String> {
        let mut fields = Vec::new();
        let mut changed = false;
        for field in text.split('&') {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            let spelled = Spelling::Form.read(value);
            let read = Spelling::Form.read(name);
            let new = match value {
                "" => None,
                _ => self.read(&spelled, |walk, text| {
                    walk.named(&format_args!("{path}{read}"), &read, text)
                }),
            };
            let new_name = self.read(&read, Walk::rest);
            let new_name = new_name.map(|new| Spelling::Form.write(name, &new));
            changed |= new.is_some() || new_name.as_ref().is_some_and(|new| new != name);
            let name = new_name.map_or(Cow::Borrowed(name), Cow::Owned);
            fields.push(match (new, field.contains('=')) {
                (Some(new), _) => {
                    Cow::Owned(format!("{name}={}", Spelling::Form.write(value, &new)))
                }
                (None, true) if matches!(name, Cow::Borrowed(_)) => Cow::Borrowed(field),
                (None, true) => Cow::Owned(format!("{name}={value}")),
                (None, false) => name,
            });
        }
        changed.then(|| fields.join("&"))
    }

    /// What takes the place of a text in which nothing is to be looked for but what is known already.
    pub(super) fn rest(&mut self, text: &str) -> Option<String> {
        if self.known == Known::Nowhere {
            return None;
        }
        let new = self.edit.other(text.as_bytes())?;
        Some(String::from_utf8_lossy(&new).into_owned())
    }

    /// Lines, each a text of its own: events of a stream, JSON, or prose.
    fn lines(&mut self, path: &dyn fmt::Display, text: &str) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut changed = false;
        for whole in text.split_inclusive(['\n', '\r']) {
            let line = whole.trim_end_matches(['\n', '\r']);
            let end = whole.get(line.len()..).unwrap_or_default();
            let new = self.field_line(path, line);
            changed |= new.is_some();
            out.push_str(new.as_deref().unwrap_or(line));
            out.push_str(end);
        }
        changed.then_some(out)
    }

    /// A line, which may be the field of a server-sent event, or of a header in a text.
    fn field_line(&mut self, path: &dyn fmt::Display, line: &str) -> Option<String> {
        let Some((name, rest)) = line.split_once(':') else {
            return self.text(path, line);
        };
        let value = rest.trim_start();
        let head = line.get(..line.len() - value.len()).unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_ ".contains(c);
        let is_field = !rest.starts_with("//") && name.chars().all(plain);
        if !is_field {
            return self.text(path, line);
        }
        let new = self.named(&format_args!("{path} {}", name.trim()), name, value)?;
        Some(format!("{head}{new}"))
    }

    /// One line of text: what is found in it, and between.
    fn line(&mut self, path: &dyn fmt::Display, text: &str, marks: Marks) -> Option<String> {
        if !marks.has(Marks::OTHER)
            && let Some(new) = self.encoded(path, text)
        {
            return Some(new);
        }
        let spans = if marks.has(Marks::SPAN) || self.rules.goes_by_looks() {
            spans::find(self.rules, text)
        } else {
            Vec::new()
        };
        self.spans(path, text, spans, Between::Rest)
    }

    fn spans(
        &mut self,
        path: &dyn fmt::Display,
        text: &str,
        spans: Vec<Span>,
        between: Between,
    ) -> Option<String> {
        if spans.is_empty() {
            return self.gap(path, text, between);
        }
        let mut out = String::new();
        let mut copied = 0;
        let mut changed = false;
        for Span {
            range,
            name,
            spelling,
        } in spans
        {
            let gap = text.get(copied..range.start).unwrap_or_default();
            let new = self.gap(path, gap, between);
            changed |= new.is_some();
            out.push_str(new.as_deref().unwrap_or(gap));
            let source = text.get(range.clone()).unwrap_or_default();
            let value = spelling.read(source);
            let new = match name {
                Some(name) => self.seat(&format_args!("{path} {name}"), &value),
                None => self.seat(path, &value),
            };
            changed |= new.is_some();
            match new {
                Some(new) => out.push_str(&spelling.write(source, &new)),
                None => out.push_str(source),
            }
            copied = range.end;
        }
        let gap = text.get(copied..).unwrap_or_default();
        let new = self.gap(path, gap, between);
        changed |= new.is_some();
        out.push_str(new.as_deref().unwrap_or(gap));
        changed.then_some(out)
    }

    fn gap(&mut self, path: &dyn fmt::Display, gap: &str, between: Between) -> Option<String> {
        match between {
            Between::Rest => self.rest(gap),
            Between::Prose if gap.trim_end().contains(['\n', '\r']) => self.lines(path, gap),
            Between::Prose => self.line(path, gap, Marks::of(gap)),
        }
    }
}

/// What stands between secrets that were found.
#[derive(Clone, Copy)]
enum Between {
    /// What was searched with them.
    Rest,
    /// Text that was not: between the tags of markup.
    Prose,
}

/// The members of JSON, judged by their names and places.
struct Members<'a, 'w> {
    walk: &'a mut Walk<'w>,
    path: &'a dyn fmt::Display,
}

/// The place of a member: that of the JSON, and the pointer to it there.
struct MemberPath<'a> {
    path: &'a dyn fmt::Display,
    at: &'a At<'a>,
}

impl fmt::Display for MemberPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.to_string();
        // The place of JSON within JSON, or within a field of a form, has its slashes already.
        let gap = if path.contains('/') { "" } else { " " };
        write!(f, "{path}{gap}{}", self.at.pointer())
    }
}

impl Members<'_, '_> {
    fn is_secret(&self, at: &At<'_>) -> bool {
        let rules = self.walk.rules;
        let names = rules.names();
        let Some(name) = at.name() else {
            return rules.points(|| at.pointer());
        };
        let inner = || is_inner(&name) && at.parent().is_some_and(|name| names.is_secret(&name));
        names.is_secret(&name)
            || inner() && !names.is_exempted(&name)
            || rules.points(|| at.pointer())
    }
}

impl Leaves for Members<'_, '_> {
    fn name(&mut self, text: Cow<'_, str>) -> Option<String> {
        self.walk.read(&text, Walk::rest)
    }

    fn string(&mut self, at: &At<'_>, text: Cow<'_, str>) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        let path = MemberPath {
            path: self.path,
            at,
        };
        let is_secret = self.is_secret(at);
        self.walk.read(&text, |walk, text| {
            if !is_secret {
                return walk.text(&path, text);
            }
            match text.split_once(' ') {
                Some((scheme, _)) if is_scheme(scheme) => walk.authorization(&path, text),
                _ => walk.seat(&path, text),
            }
        })
    }

    fn number(&mut self, at: &At<'_>, text: &str) -> Option<String> {
        if self.is_secret(at) {
            let path = MemberPath {
                path: self.path,
                at,
            };
            return self.walk.seat(&path, text);
        }
        self.walk.rest(text)
    }
}

/// Whether a member of an object that has a secret's name is the secret itself.
fn is_inner(name: &str) -> bool {
    matches!(name, "value" | "raw" | "data")
}

/// Whether a word is a scheme of authentication that stands before credentials.
fn is_scheme(word: &str) -> bool {
    let schemes = [
        "basic",
        "bearer",
        "digest",
        "token",
        "apikey",
        "negotiate",
        "ntlm",
        "hoba",
    ];
    schemes
        .iter()
        .any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// Whether a text begins as an object, an array or a string of JSON does.
fn begins_json(text: &str) -> bool {
    let begins = |byte: u8| matches!(byte, b'{' | b'[' | b'"');
    match text.as_bytes().first() {
        // Nearly all texts begin so, and need no look at what is a space in Unicode.
        Some(first) if first.is_ascii_graphic() => begins(*first),
        _ => text.trim_start().bytes().next().is_some_and(begins),
    }
}

/// Where the JSON begins that a call of a function carries (JSONP).
fn callback(text: &str) -> Option<usize> {
    let (before, after) = text.split_once('(')?;
    let name = before.trim_start_matches("/**/").trim();
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || "_.$[]".contains(c));
    let json = after.trim_start().starts_with(['{', '[', '"']);
    (is_name && json).then_some(before.len() + 1)
}
