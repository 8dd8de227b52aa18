//! Structural repairs: a separator, a bracket or an escape that is missing, and what does not belong
//! to the sample. Each has one plausible reading or is refused.

use super::closers::closing_name;
use super::escape::Escapes;
use super::string::{Role, Stop};
use super::word::{is_curly, is_heading, name_at, operator_at, operator_fault};
use super::{Expect, Fault, Read, Reader, Shape};

/// How far beyond its first quote a string with quotes inside may reach. Each repair looks through that
/// much, and samples may be one long line.
const REOPEN_BYTES: usize = 4096;

impl Reader<'_> {
    /// Something else than a comma or an end stands after a value.
    pub(super) fn unexpected(&mut self) -> Read<Expect> {
        let Some(shape) = self.shape() else {
            return self.after_the_sample();
        };
        if self.reopen()? {
            return Ok(Expect::After);
        }
        if self.elision() {
            return self.skip_elision();
        }
        let rest = self.rest();
        match self.peek() {
            None => return self.missing_closers(),
            Some(b']' | b'}' | b')') => return self.wrong_closer(),
            Some(b'(') => {
                return self.fault("`(` after a value is a call, and nothing is evaluated");
            }
            Some(b'.') => {
                return self
                    .fault("`.` after a value asks for a part of it, and nothing is evaluated");
            }
            Some(b':') if matches!(shape, Shape::Set | Shape::Brace) => {
                return self.fault("expected `,` or `}`, found `:`: a key must be a string, a number or a constant");
            }
            _ => {}
        }
        if let Some(operator) = operator_at(rest) {
            return Err(self.operator(operator));
        }
        if self.comma_is_missing(shape) {
            let place = self.end_of_last_token();
            self.repair(place, "", ",", "a comma is missing between two entries");
            self.structure_repaired();
            return Ok(Expect::Entry);
        }
        let name = name_at(rest);
        let found = if name.is_empty() {
            self.found()
        } else {
            format!("`{name}`")
        };
        self.fault(format!(
            "expected `,` or {}, found {found}",
            closing_name(shape)
        ))
    }

    /// From here on the sample is no longer what any reader would have taken as it is.
    pub(super) fn structure_repaired(&mut self) {
        self.structure = super::Structure::Repaired;
    }

    fn operator(&self, operator: &str) -> Fault {
        let after = self.rest().get(operator.len()..).unwrap_or_default();
        let number: String = after
            .trim_start()
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_'))
            .collect();
        if number.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && number.ends_with(['j', 'J'])
        {
            return Fault::new(
                self.at,
                format!("`{operator}{number}` makes a complex number, which JSON has not"),
            );
        }
        operator_fault(self.at, operator)
    }

    /// Whether the next entry begins here, so that only the comma is missing.
    fn comma_is_missing(&self, shape: Shape) -> bool {
        let rest = self.rest();
        match shape {
            Shape::Object => {
                self.string_then_colon()
                    || is_curly(rest)
                    || matches!(self.key_ahead(), Some(super::word::Key::Name(_)) if self.name_then_colon())
            }
            Shape::List => match self.peek() {
                Some(b'{' | b'[' | b'"' | b'\'') => true,
                Some(b'0'..=b'9' | b'-') => !self.after_number(),
                _ => {
                    is_curly(rest)
                        || matches!(
                            name_at(rest),
                            "None" | "True" | "False" | "null" | "true" | "false"
                        )
                }
            },
            Shape::Brace | Shape::Paren | Shape::Tuple | Shape::Set | Shape::Bare => false,
        }
    }

    fn name_then_colon(&self) -> bool {
        let rest = self.rest();
        rest.get(name_at(rest).len()..)
            .is_some_and(|after| after.trim_start().starts_with(':'))
    }

    /// Two numbers side by side may be one that is broken.
    fn after_number(&self) -> bool {
        self.out.as_bytes().last().is_some_and(u8::is_ascii_digit)
    }

    pub(super) fn end_of_last_token(&self) -> usize {
        self.slice(0, self.at).trim_end().len()
    }

    /// A value stands where the colon after a key belongs.
    pub(super) fn missing_colon(&mut self) -> Read<Expect> {
        let rest = self.rest();
        let value = match self.peek() {
            Some(b'"' | b'\'' | b'{' | b'[' | b'0'..=b'9' | b'-') => true,
            _ => {
                is_curly(rest)
                    || matches!(
                        name_at(rest),
                        "None" | "True" | "False" | "null" | "true" | "false"
                    )
            }
        };
        if !value {
            return self.fault(format!(
                "expected `:` after the key, found {}",
                self.found()
            ));
        }
        let place = self.end_of_last_token();
        self.repair(
            place,
            "",
            ":",
            "a colon is missing between the key and its value",
        );
        self.structure_repaired();
        self.out.push(':');
        Ok(Expect::Value)
    }

    /// Reads the last string again, up to a later quote, where it has quotes inside that are not
    /// escaped. False where nothing speaks for that.
    pub(super) fn reopen(&mut self) -> Read<bool> {
        let Some(spot) = self.last_string else {
            return Ok(false);
        };
        let quote = self.byte(spot.source).unwrap_or_default();
        if spot.end != self.end_of_last_token() || !matches!(quote, b'"' | b'\'') {
            return Ok(false);
        }
        let rest = self.bytes.get(spot.end..).unwrap_or_default();
        let rest = rest.get(..REOPEN_BYTES).unwrap_or(rest);
        let line_length = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = rest.get(..line_length).unwrap_or_default();
        let mut end = spot.end - 1;
        let mut later_quotes = memchr::memchr_iter(quote, line);
        loop {
            if self.looks_like_opening(spot.source, end) {
                return Ok(false);
            }
            let Some(place) = later_quotes.next() else {
                return Ok(false);
            };
            end = spot.end + place;
            if self.may_end_string(end + 1, spot.role) {
                break;
            }
        }
        self.out.truncate(spot.out);
        while self
            .repairs
            .last()
            .is_some_and(|repair| repair.at >= spot.source)
        {
            self.repairs.pop();
        }
        let kept = self.repairs.len();
        self.moments.retain(|moment| moment.repair < kept);
        self.out.push('"');
        self.at = spot.source + 1;
        let damage = self.decode(Stop::At(end), Escapes::Read)?;
        self.out.push('"');
        self.at = end + 1;
        let was = self.slice(spot.source, end + 1);
        if damage.is_likely(spot.role) {
            let inside = self.slice(spot.source + 1, end);
            self.mend(spot.source + 1, inside, spot.out, spot.role)?;
        }
        let became = self.out.get(spot.out..).unwrap_or_default().to_owned();
        self.repair(
            spot.source,
            was,
            &became,
            "quotes inside the string are not escaped",
        );
        self.last_string = None;
        Ok(true)
    }

    /// Whether the quote at `at` follows a separator, as one that opens a string does.
    fn looks_like_opening(&self, from: usize, at: usize) -> bool {
        let before = self.slice(from + 1, at).trim_end_matches([' ', '\t']);
        before.ends_with([',', ':', '{', '[', '('])
    }

    /// Whether a string may end before the byte `at`, by what follows.
    pub(super) fn may_end_string(&self, at: usize, role: Role) -> bool {
        let rest = self.text.get(at..).unwrap_or_default();
        let next = rest.trim_start_matches([' ', '\t']);
        if role != Role::Value {
            return next.starts_with(':');
        }
        match next.chars().next() {
            None | Some('\n' | '\r' | ']' | '}' | ')') => true,
            Some(',') => {
                let entry = next.get(1..).unwrap_or_default();
                let start = entry.trim_start();
                entry
                    .trim_start_matches([' ', '\t'])
                    .starts_with(['\n', '\r'])
                    || start.is_empty()
                    || start.starts_with(['"', '\'', ']', '}', ')'])
                    || is_curly(start)
                    || self.entry_starts(start)
            }
            Some(_) => false,
        }
    }

    fn entry_starts(&self, start: &str) -> bool {
        let name = name_at(start);
        if self.shape() == Some(Shape::Object) {
            let after = start.get(name.len()..).unwrap_or_default();
            return !name.is_empty() && after.trim_start().starts_with(':');
        }
        start.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '{' | '[' | '(' | '-'))
            || matches!(name, "None" | "True" | "False" | "null" | "true" | "false")
    }

    /// Whether dots that leave something out are read next.
    pub(super) fn elision(&self) -> bool {
        self.rest().starts_with("...") || self.rest().starts_with('…')
    }

    /// Drops dots that stand as an entry of their own.
    pub(super) fn skip_elision(&mut self) -> Read<Expect> {
        let rest = self.rest();
        let after = rest.trim_start_matches(['.', '…']);
        let was = rest.get(..rest.len() - after.len()).unwrap_or_default();
        if !matches!(
            self.shape(),
            Some(Shape::Object | Shape::List | Shape::Brace)
        ) {
            return self.fault("expected a value, found `...`");
        }
        let place = self.at;
        self.at += was.len();
        self.blank()?;
        match self.peek() {
            Some(b',') => self.at += 1,
            Some(b':') => {
                return Err(Fault::new(place, "expected a key, found `...`"));
            }
            _ => {}
        }
        self.repair(place, was, "", "dots say that entries are left out here");
        self.structure_repaired();
        Ok(Expect::Entry)
    }

    /// What stands after the sample: one bracket too many or a heading; all else is refused.
    fn after_the_sample(&mut self) -> Read<Expect> {
        let rest = self.rest().trim_end();
        let closed = self.out.ends_with(['}', ']']);
        match rest.chars().next() {
            Some(',') => return Ok(self.after_whole_comma(rest)),
            Some(mark @ ('}' | ']')) if closed && self.bracket_repair.is_none() => {
                self.repair(self.at, &mark.to_string(), "", "a closing bracket too many");
                self.bracket_repair = Some(self.at);
                self.structure_repaired();
                self.at += 1;
                return Ok(Expect::After);
            }
            _ => {}
        }
        if closed && is_heading(rest) {
            self.repair(self.at, rest, "", "a heading is no part of the sample");
            self.at = self.text.len();
            return Ok(Expect::Nothing);
        }
        if !closed && self.reopen()? {
            return Ok(Expect::After);
        }
        if let Some(operator) = operator_at(rest) {
            return Err(self.operator(operator));
        }
        match (rest.chars().next(), name_at(rest)) {
            (Some('('), _) => self.fault("`(` after a value is a call, and nothing is evaluated"),
            (_, "") => self.fault(format!(
                "expected the end of the sample, found {}",
                self.found()
            )),
            (_, name) => self.fault(format!("expected the end of the sample, found `{name}`")),
        }
    }

    /// A comma after the whole value: Python makes a tuple of it; in other text it is one too many.
    fn after_whole_comma(&mut self, rest: &str) -> Expect {
        if rest == "," && !self.dialects.can_be(super::Dialect::Python) {
            self.repair(self.at, ",", "", "a comma stands after the whole sample");
            self.at = self.text.len();
            return Expect::Nothing;
        }
        self.open_bare()
    }
}
