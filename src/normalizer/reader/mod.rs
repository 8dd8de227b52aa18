//! Reads a sample in one pass and writes compact JSON as it goes: no value tree, no recursion, and
//! nothing is ever evaluated.
//!
//! This file is the machine that walks through brackets, entries and separators; the parts beside it
//! read the tokens. Damage that reaches over whole lines is [`super::veil`]'s, layout is
//! [`super::layout`]'s.

mod ahead;
mod amend;
mod blank;
mod braces;
mod brackets;
mod bytes;
mod closers;
mod escape;
mod keys;
mod number;
mod scan;
mod string;
mod word;

use std::collections::BTreeMap;

use super::dialect::{Dialect, Dialects, Meaning};
use super::finding::{Fault, Finding, Read};
use keys::Member;

/// Room for as many open brackets, and for the members of their objects, as nearly all samples have:
/// growing to it by steps costs more than it does.
const USUAL_DEPTH: usize = 8;
const USUAL_MEMBERS: usize = 64;

/// What one reading gave.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) json: String,
    pub(super) repairs: Vec<Finding>,
    pub(super) notices: Vec<Finding>,
}

/// Reads one sample.
pub(super) fn read(text: &str) -> Read<Reading> {
    let (fault, surplus) = match read_without(text, None) {
        Ok(reading) => return Ok(reading),
        Err((fault, None)) => return Err(fault),
        Err((fault, Some(surplus))) => (fault, surplus),
    };
    read_without(text, Some(surplus)).map_err(|_| {
        if fault.at() == surplus {
            return fault;
        }
        Fault::new(
            surplus,
            "this closing bracket fits nothing: there is one too many or too few",
        )
    })
}

/// Reads a sample without one of its closing brackets, or with all of them; a fault comes with the
/// closing bracket that is likely one too many.
fn read_without(text: &str, surplus: Option<usize>) -> Result<Reading, (Fault, Option<usize>)> {
    let mut reader = Reader::new(text, Meaning::Json, surplus);
    if let Err(fault) = reader.run() {
        let suspect = reader.surplus_closer();
        return Err((fault, suspect));
    }
    let meaning = reader.dialects.meaning();
    if reader.disputed_escape && meaning != Meaning::Json {
        reader = Reader::new(text, meaning, surplus);
        reader.run().map_err(|fault| (fault, None))?;
    }
    reader.finish().map_err(|fault| (fault, None))
}

/// The reading of one sample.
struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    /// The byte that is read next.
    at: usize,
    /// The compact JSON so far.
    out: String,
    /// The open brackets.
    frames: Vec<Frame>,
    /// The members of all open objects.
    members: Vec<Member>,
    dialects: Dialects,
    meaning: Meaning,
    disputed_escape: bool,
    /// The length of `out` just after a high surrogate that stands alone so far.
    lone_high: usize,
    last_string: Option<string::Spot>,
    /// Python syntax that another language's reader would take otherwise: refused in a mixture.
    only_in_python: Option<Fault>,
    structure: Structure,
    /// Where the one bracket was repaired that may be.
    bracket_repair: Option<usize>,
    /// The closing bracket that is left out of this reading.
    surplus: Option<usize>,
    /// The first closing bracket of a wrong kind.
    suspect: Option<usize>,
    /// Where the last bracket was closed.
    closed: usize,
    /// The byte after the last comma outside brackets.
    comma: usize,
    /// Damaged times whose object is still open.
    moments: Vec<keys::PendingMoment>,
    /// Where in `out` strings stand that were bytes, and keys that were numbers or constants.
    no_text: Vec<usize>,
    /// Where the parts of the open set begin and end. No set stands in another.
    parts: Vec<(usize, usize)>,
    repairs: Vec<Finding>,
    notices: Vec<Finding>,
}

/// One open bracket.
struct Frame {
    shape: Shape,
    /// Where it was opened, in the text.
    opened: usize,
    /// Where its JSON begins, in `out`.
    start: usize,
    /// Its first member in [`Reader::members`].
    members: usize,
    /// Its keys that are no strings: what Python compares, with the spelling of the first.
    number_keys: BTreeMap<String, String>,
    holds: Holds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `[…]`
    List,
    /// `(…)` without a comma so far: only a value in parentheses.
    Paren,
    /// `(…, …)`
    Tuple,
    /// `{…` before its first entry tells which.
    Brace,
    Object,
    Set,
    /// `1, 2` without parentheses.
    Bare,
}

/// Whether separators and brackets stand as they must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Structure {
    Sound,
    Repaired,
}

/// What Python lets stand in a bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Anything,
    /// The parts of a set: no list, dict or set.
    Hashable,
}

/// What the machine reads next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Value,
    /// An entry of the innermost bracket, or its end.
    Entry,
    /// The same after a comma.
    EntryAfterComma,
    /// A comma or the end of the innermost bracket.
    After,
    /// Nothing: the sample has been read.
    Nothing,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, meaning: Meaning, surplus: Option<usize>) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            out: String::with_capacity(text.len()),
            frames: Vec::with_capacity(USUAL_DEPTH),
            members: Vec::with_capacity(USUAL_MEMBERS),
            dialects: Dialects::all(),
            meaning,
            disputed_escape: false,
            lone_high: 0,
            last_string: None,
            only_in_python: None,
            structure: Structure::Sound,
            bracket_repair: None,
            surplus,
            suspect: None,
            closed: 0,
            comma: 0,
            moments: Vec::new(),
            no_text: Vec::new(),
            parts: Vec::new(),
            repairs: Vec::new(),
            notices: Vec::new(),
        }
    }

    fn run(&mut self) -> Read<()> {
        let mut expect = Expect::Value;
        loop {
            self.blank()?;
            expect = match expect {
                Expect::Value => self.value()?,
                Expect::Entry => self.entry()?,
                Expect::EntryAfterComma => self.entry_after_comma()?,
                Expect::After => self.after()?,
                Expect::Nothing => return Ok(()),
            };
        }
    }

    /// Checks what only the whole sample can tell.
    fn finish(self) -> Read<Reading> {
        if let Some(fault) = self.only_in_python
            && (!self.dialects.can_be(Dialect::Python) || self.structure == Structure::Repaired)
        {
            return Err(fault);
        }
        Ok(Reading {
            json: self.out,
            repairs: self.repairs,
            notices: self.notices,
        })
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    fn slice(&self, from: usize, to: usize) -> &'t str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn shape(&self) -> Option<Shape> {
        self.frames.last().map(|frame| frame.shape)
    }

    /// A fault at the byte that is read next.
    fn fault<T>(&self, message: impl Into<String>) -> Read<T> {
        Err(Fault::new(self.at, message))
    }

    /// What stands at the byte that is read next, for a message.
    fn found(&self) -> String {
        match self.rest().chars().next() {
            None => "the end of the sample".into(),
            Some(c) => format!("`{}`", c.escape_debug()),
        }
    }

    fn repair(&mut self, at: usize, was: &str, became: &str, why: impl Into<String>) {
        self.repairs.push(Finding {
            at,
            was: was.into(),
            became: became.into(),
            why: why.into(),
        });
    }

    fn value(&mut self) -> Read<Expect> {
        match self.peek() {
            Some(b'"' | b'\'') => self.string(string::Role::Value)?,
            Some(b'{') => return self.open(Shape::Brace),
            Some(b'[') => return self.open(Shape::List),
            Some(b'(') => return self.open(Shape::Paren),
            Some(b'0'..=b'9' | b'-' | b'+') => self.number()?,
            Some(b'.') if matches!(self.byte(self.at + 1), Some(b'0'..=b'9')) => self.number()?,
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | 0x80..) => return self.word(),
            Some(_) | None => return self.no_value(),
        }
        Ok(Expect::After)
    }

    fn no_value(&self) -> Read<Expect> {
        if self.text.trim().is_empty() {
            return self.fault("nothing to read: expected a value");
        }
        if self.rest().starts_with("...") {
            return self.fault("expected a value, found `...`: what it leaves out is not known");
        }
        self.fault(format!("expected a value, found {}", self.found()))
    }

    /// Writes the comma before an entry, where one is due.
    #[inline]
    fn separate(&mut self) {
        if !matches!(self.out.as_bytes().last(), Some(b'[' | b'{')) {
            self.out.push(',');
        }
    }

    fn entry(&mut self) -> Read<Expect> {
        let Some(shape) = self.shape() else {
            return self.value();
        };
        match (self.peek(), shape) {
            (Some(b']'), Shape::List)
            | (Some(b')'), Shape::Paren | Shape::Tuple)
            | (Some(b'}'), Shape::Brace | Shape::Object | Shape::Set) => return self.close(),
            (Some(b'.' | 0xe2), _) if self.elision() => return self.skip_elision(),
            _ => {}
        }
        match shape {
            Shape::Object => {
                self.separate();
                self.member()
            }
            Shape::Brace => self.first_in_braces(),
            Shape::Set => {
                self.parts.push((self.at, self.at));
                self.separate();
                self.value()
            }
            Shape::List | Shape::Paren | Shape::Tuple | Shape::Bare => {
                self.separate();
                self.value()
            }
        }
    }

    fn entry_after_comma(&mut self) -> Read<Expect> {
        match (self.peek(), self.shape()) {
            (Some(b']' | b'}' | b')'), _) => self.dialects.rule_out(Dialect::Json),
            (None, Some(Shape::Bare)) => return Ok(self.end_of_bare()),
            (_, Some(Shape::Bare)) if self.line_broken_before() => {
                return self.fault("expected the end of the sample, found another value");
            }
            (Some(b','), _) => {
                return self.fault("expected an entry, found a second `,`");
            }
            (None, Some(_)) => {
                return self.fault("expected an entry, found the end of the sample");
            }
            _ => {}
        }
        self.entry()
    }

    #[inline]
    fn after(&mut self) -> Read<Expect> {
        match (self.peek(), self.shape()) {
            (Some(b','), Some(shape)) => {
                self.at += 1;
                if shape == Shape::Object {
                    return self.next_member();
                }
                match shape {
                    Shape::Paren => self.set_shape(Shape::Tuple),
                    Shape::Set => self.end_part(self.at - 1),
                    Shape::Bare => self.comma = self.at,
                    Shape::List | Shape::Tuple | Shape::Brace | Shape::Object => {}
                }
                Ok(Expect::EntryAfterComma)
            }
            (Some(b']'), Some(Shape::List))
            | (Some(b'}'), Some(Shape::Object | Shape::Set))
            | (Some(b')'), Some(Shape::Paren | Shape::Tuple)) => self.close(),
            (None, None) => Ok(Expect::Nothing),
            (None, Some(Shape::Bare)) => Ok(self.end_of_bare()),
            _ => self.unexpected(),
        }
    }

    /// Whether a line ends between the comma outside brackets and the next token.
    fn line_broken_before(&self) -> bool {
        ahead::ends_line(self.slice(self.comma, self.at))
    }
}
