//! What stands in braces: members of an object, or parts of a set.

use super::ahead::{Kind, parentheses_then_colon};
use super::number::Number;
use super::string::Role;
use super::word::{self, is_curly};
use super::{Dialect, Expect, Fault, Holds, Read, Reader, Shape};

impl Reader<'_> {
    /// Reads a key and its colon.
    #[inline]
    pub(super) fn member(&mut self) -> Read<Expect> {
        let start = self.out.len();
        let at = self.at;
        match self.peek() {
            Some(b'"' | b'\'') => self.string(Role::Key)?,
            _ => self.odd_key()?,
        }
        self.end_of_key(start, at)
    }

    #[inline]
    fn end_of_key(&mut self, start: usize, at: usize) -> Read<Expect> {
        self.push_member(start, at);
        self.blank()?;
        if self.peek() == Some(b':') {
            self.at += 1;
            self.out.push(':');
            return self.quick_value();
        }
        if self.reopen()? {
            self.members.pop();
            return self.end_of_key(start, at);
        }
        self.missing_colon()
    }

    /// Reads the value of a member here and now where it is a string, as most are.
    #[inline]
    fn quick_value(&mut self) -> Read<Expect> {
        self.blank()?;
        if let Some(b'"' | b'\'') = self.peek() {
            self.string(Role::Value)?;
            return Ok(Expect::After);
        }
        Ok(Expect::Value)
    }

    /// Reads the member after a comma where its key is in quotes, as most are.
    #[inline]
    pub(super) fn next_member(&mut self) -> Read<Expect> {
        self.blank()?;
        if let Some(b'"' | b'\'') = self.peek() {
            self.separate();
            return self.member();
        }
        Ok(Expect::EntryAfterComma)
    }

    /// The first entry in braces tells whether they hold an object or a set.
    pub(super) fn first_in_braces(&mut self) -> Read<Expect> {
        let start = self.out.len();
        let at = self.at;
        match self.peek() {
            Some(b'"' | b'\'') => self.first_string(start, at),
            Some(b'0'..=b'9' | b'-' | b'+' | b'.') => {
                let number = self.any_number()?;
                self.blank()?;
                if self.peek() == Some(b':') {
                    self.be_object();
                    self.number_key(&number);
                    return self.end_of_key(start, at);
                }
                self.be_set(at);
                self.out.push_str(&number.json);
                Ok(Expect::After)
            }
            _ if self
                .prefix()
                .is_some_and(|prefix| prefix.kind == Kind::Text)
                || is_curly(self.rest()) =>
            {
                self.first_string(start, at)
            }
            _ if self.prefix().is_some() => {
                self.be_set(at);
                self.value()
            }
            _ if self.key_ahead().is_some() => {
                self.be_object();
                self.member()
            }
            Some(b'[' | b'{') => self.fault(format!(
                "expected a key, found {}: no bracket can be one",
                self.found()
            )),
            Some(b',') => self.fault("expected a key, found `,`"),
            Some(b'(') if parentheses_then_colon(self.bytes, self.at) => {
                self.be_object();
                self.member()
            }
            _ => {
                self.be_set(at);
                self.value()
            }
        }
    }

    fn first_string(&mut self, start: usize, at: usize) -> Read<Expect> {
        if is_curly(self.rest()) {
            self.curly(Role::First)?;
        } else {
            self.string(Role::First)?;
        }
        self.blank()?;
        if let Some(b',' | b'}') = self.peek() {
            self.be_set(at);
            return Ok(Expect::After);
        }
        self.be_object();
        self.end_of_key(start, at)
    }

    fn be_object(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.shape = Shape::Object;
            frame.holds = Holds::Anything;
        }
    }

    fn be_set(&mut self, at: usize) {
        self.parts.clear();
        self.parts.push((at, at));
        self.dialects.only_python();
        if let Some(frame) = self.frames.last_mut() {
            frame.shape = Shape::Set;
            self.out.replace_range(frame.start..=frame.start, "[");
            let opened = frame.opened;
            self.only_in_python.get_or_insert_with(|| {
                Fault::new(
                    opened,
                    "braces without a colon are Python's set, and this is no Python",
                )
            });
        }
    }

    /// A key that is no string in quotes.
    fn odd_key(&mut self) -> Read<()> {
        if let Some(prefix) = self.prefix() {
            if prefix.kind == Kind::Bytes {
                return self.fault("bytes cannot be a key in JSON");
            }
            return self.string(Role::Key);
        }
        if is_curly(self.rest()) {
            return self.curly(Role::Key);
        }
        match self.peek() {
            Some(b'0'..=b'9' | b'-' | b'+' | b'.') => {
                let number = self.any_number()?;
                self.number_key(&number);
                Ok(())
            }
            Some(b'(') => self.key_in_parentheses(),
            _ => match self.key_ahead() {
                Some(key) => {
                    self.bare_key(key);
                    Ok(())
                }
                None => self.no_key(),
            },
        }
    }

    fn no_key(&self) -> Read<()> {
        let name = word::name_at(self.rest());
        if name.is_empty() {
            return self.fault(format!("expected a key, found {}", self.found()));
        }
        self.fault(format!("expected a key and `:`, found `{name}`"))
    }

    /// Reads a key in any number of parentheses, which mean nothing to Python.
    fn key_in_parentheses(&mut self) -> Read<()> {
        let open = self.at;
        let tuple = || Err(Fault::new(open, "a tuple cannot be a key in JSON"));
        self.dialects.only_python();
        let mut depth = 0_usize;
        while self.peek() == Some(b'(') {
            depth += 1;
            self.at += 1;
            self.blank()?;
        }
        if self.peek() == Some(b')') {
            return tuple();
        }
        self.key_inside()?;
        for _ in 0..depth {
            self.blank()?;
            match self.peek() {
                Some(b')') => self.at += 1,
                Some(b',') => return tuple(),
                _ => return self.fault(format!("expected `)`, found {}", self.found())),
            }
        }
        Ok(())
    }

    fn key_inside(&mut self) -> Read<()> {
        let name = word::name_at(self.rest());
        match self.peek() {
            Some(b'"' | b'\'') => self.string(Role::Value),
            _ if self.prefix().is_some_and(|p| p.kind == Kind::Text) => self.string(Role::Value),
            _ if word::python_key(name).is_some() => {
                self.bare_key(word::Key::Name(name));
                Ok(())
            }
            _ => self.odd_key(),
        }
    }

    fn bare_key(&mut self, key: word::Key) {
        let (name, became) = match key {
            word::Key::Name(name) => (name, None),
            word::Key::Wide(name) => (name, Some(format!("\"{name}\""))),
        };
        let at = self.at;
        self.at += name.len();
        if let Some((spelling, identity)) = word::python_key(name) {
            self.dialects.rule_out(Dialect::Json);
            self.only_in_python.get_or_insert_with(|| {
                Fault::new(
                    at,
                    format!("the key `{name}` is one thing to Python and another to JSON5"),
                )
            });
            self.number_key(&Number {
                json: spelling.to_owned(),
                key: spelling.to_owned(),
                identity: identity.to_owned(),
            });
            return;
        }
        if let Some(became) = became {
            self.repair(at, name, &became, "a key with such characters has quotes");
        }
        self.dialects.rule_out(Dialect::Json);
        self.dialects.rule_out(Dialect::Python);
        self.out.push('"');
        self.out.push_str(name);
        self.out.push('"');
    }

    /// Writes a key that is a number or a constant. Those that are equal in Python (`1`, `1.0`,
    /// `True`) are one key, spelled like the first.
    fn number_key(&mut self, number: &Number) {
        self.no_text.push(self.out.len());
        if let Some(frame) = self.frames.last_mut() {
            let spelling = frame
                .number_keys
                .entry(number.identity.clone())
                .or_insert_with(|| number.key.clone());
            self.out.push('"');
            self.out.push_str(spelling);
            self.out.push('"');
        }
        if number.identity != "None" {
            self.dialects.rule_out(Dialect::Json);
            self.dialects.rule_out(Dialect::Json5);
        }
    }
}
