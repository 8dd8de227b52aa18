//! Texts of a message, whatever is in them: JSON, forms, lines, and text for people.
//!
//! Each is edited where its secrets stand. Texts stand in texts (JSON in a field of a form, a URL in
//! JSON), up to a depth.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::exchange::secret::is_value;

use super::json::{self, At, Leaves};
use super::markup;
use super::spans::{self, Span};
use super::spelling::Spelling;
use super::walk::Walk;

/// How deep texts are looked for in texts.
const MAX_DEPTH: usize = 6;

/// The shortest base64 in which text is looked for; shorter may say some by chance.
const MIN_BASE64: usize = 12;

/// Members of an object that has a secret's name that are the secret itself.
const INNER: &[&str] = &["value", "raw", "data"];

impl Walk<'_> {
    /// A text of which nothing is known but where it stands.
    pub(super) fn text(&mut self, path: &str, text: &str) -> Option<String> {
        if self.depth >= MAX_DEPTH {
            return self.rest(text);
        }
        self.depth += 1;
        let begins = text.trim_start();
        let new = if begins.starts_with(['{', '[', '"']) {
            self.json(path, text)
        } else if let Some(open) = callback(text) {
            let (head, json) = text.split_at_checked(open).unwrap_or((text, ""));
            self.json(path, json).map(|json| format!("{head}{json}"))
        } else {
            self.prose(path, text)
        };
        self.depth -= 1;
        new
    }

    /// Text for people or browsers: markup, lines, or one line.
    fn prose(&mut self, path: &str, text: &str) -> Option<String> {
        if text.contains('<') {
            let spans = spans::ordered(markup::find(self.rules.names(), text));
            if !spans.is_empty() {
                return self.spans(path, text, spans, Between::Prose);
            }
        }
        if text.trim_end().contains(['\n', '\r']) {
            self.lines(path, text)
        } else {
            self.line(path, text)
        }
    }

    /// A value that its name or place says is secret.
    pub(super) fn seat(&mut self, path: &str, value: &str) -> Option<String> {
        if !is_value(value) {
            return None;
        }
        let place = self.place(path);
        self.edit.secret(&place, value)
    }

    /// What has this name: a secret, or any text.
    pub(super) fn named(&mut self, path: &str, name: &str, text: &str) -> Option<String> {
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
    pub(super) fn json(&mut self, path: &str, text: &str) -> Option<String> {
        let mut members = Members { walk: self, path };
        json::edit(text, &mut members)
    }

    /// The fields of a form, or the parameters of a query.
    pub(super) fn form(&mut self, path: &str, text: &str) -> Option<String> {
        let mut fields = Vec::new();
        let mut changed = false;
        for field in text.split('&') {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            let spelled = Spelling::Form.read(value);
            let read = Spelling::Form.read(name);
            let place = format!("{path}{read}");
            let new = match value {
                "" => None,
                _ => self.named(&place, &read, &spelled),
            };
            let name = match self.rest(&read) {
                Some(new) => Spelling::Form.write(name, &new),
                None => name.to_owned(),
            };
            changed |= new.is_some() || name != field.split('=').next().unwrap_or_default();
            fields.push(match (new, field.contains('=')) {
                (Some(new), _) => format!("{name}={}", Spelling::Form.write(value, &new)),
                (None, true) => format!("{name}={value}"),
                (None, false) => name,
            });
        }
        changed.then(|| fields.join("&"))
    }

    /// What takes the place of a text in which nothing is to be looked for but what is known already.
    pub(super) fn rest(&mut self, text: &str) -> Option<String> {
        let new = self.edit.other(text.as_bytes())?;
        Some(String::from_utf8_lossy(&new).into_owned())
    }

    /// Lines, each a text of its own: events of a stream, JSON, or prose.
    fn lines(&mut self, path: &str, text: &str) -> Option<String> {
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
    fn field_line(&mut self, path: &str, line: &str) -> Option<String> {
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
        let new = self.named(&format!("{path} {}", name.trim()), name, value)?;
        Some(format!("{head}{new}"))
    }

    /// One line of text: what is found in it, and between.
    fn line(&mut self, path: &str, text: &str) -> Option<String> {
        if let Some(new) = self.encoded(path, text) {
            return Some(new);
        }
        let spans = spans::find(self.rules, text);
        self.spans(path, text, spans, Between::Rest)
    }

    /// Text that stands in base64, where something in it is to be changed.
    fn encoded(&mut self, path: &str, text: &str) -> Option<String> {
        if text.len() < MIN_BASE64 {
            return None;
        }
        let padded = STANDARD.decode(text).map(|octets| (octets, true));
        let decoded =
            padded.or_else(|_| URL_SAFE_NO_PAD.decode(text).map(|octets| (octets, false)));
        let (octets, is_padded) = decoded.ok()?;
        let said = String::from_utf8(octets).ok()?;
        if said.chars().any(|c| c.is_control() && !c.is_whitespace()) {
            return None;
        }
        let new = self.text(path, &said)?;
        Some(if is_padded {
            STANDARD.encode(new)
        } else {
            URL_SAFE_NO_PAD.encode(new)
        })
    }

    fn spans(
        &mut self,
        path: &str,
        text: &str,
        spans: Vec<Span>,
        between: Between,
    ) -> Option<String> {
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
            let path = name.map_or(path.to_owned(), |name| format!("{path} {name}"));
            let new = self.seat(&path, &spelling.read(source));
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

    fn gap(&mut self, path: &str, gap: &str, between: Between) -> Option<String> {
        match between {
            Between::Rest => self.rest(gap),
            Between::Prose if gap.trim_end().contains(['\n', '\r']) => self.lines(path, gap),
            Between::Prose => self.line(path, gap),
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
    path: &'a str,
}

impl Members<'_, '_> {
    fn is_secret(&self, at: &At<'_>) -> bool {
        let rules = self.walk.rules;
        let names = rules.names();
        let Some(name) = at.name() else {
            return rules.points(|| at.pointer());
        };
        let inner = || {
            INNER.contains(&name.as_str()) && at.parent().is_some_and(|name| names.is_secret(&name))
        };
        names.is_secret(&name)
            || inner() && !names.is_exempted(&name)
            || rules.points(|| at.pointer())
    }

    fn path(&self, at: &At<'_>) -> String {
        match self.path.split_once('/') {
            // The place of JSON within JSON, or within a field of a form.
            Some(_) => format!("{}{}", self.path, at.pointer()),
            None => format!("{} {}", self.path, at.pointer()),
        }
    }
}

impl Leaves for Members<'_, '_> {
    fn name(&mut self, text: &str) -> Option<String> {
        self.walk.rest(text)
    }

    fn string(&mut self, at: &At<'_>, text: &str) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        if !self.is_secret(at) {
            let path = self.path(at);
            return self.walk.text(&path, text);
        }
        let path = self.path(at);
        match text.split_once(' ') {
            Some((scheme, _)) if is_scheme(scheme) => self.walk.authorization(&path, text),
            _ => self.walk.seat(&path, text),
        }
    }

    fn number(&mut self, at: &At<'_>, text: &str) -> Option<String> {
        if self.is_secret(at) {
            let path = self.path(at);
            return self.walk.seat(&path, text);
        }
        self.walk.rest(text)
    }
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
