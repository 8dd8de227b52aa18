//! Opens and closes brackets, and makes the tuple that a comma after the whole value stands for.

use std::collections::BTreeMap;

use super::{Dialect, Expect, Fault, Finding, Frame, Holds, Read, Reader, Shape};

/// How deep brackets may nest. `CPython`'s own parser stops at about 200; 511 leaves room for what
/// other writers nest and keeps the bracket stack small.
const DEPTH_LIMIT: usize = 511;

impl Reader<'_> {
    pub(super) fn open(&mut self, shape: Shape) -> Read<Expect> {
        if self.frames.len() >= DEPTH_LIMIT {
            return self.fault(format!(
                "brackets nest deeper than {DEPTH_LIMIT}, which is the limit"
            ));
        }
        let around = self.frames.last().map_or(Holds::Anything, |f| f.holds);
        if around == Holds::Hashable && shape != Shape::Paren {
            return self.fault(format!(
                "{} cannot be a key or stand in a set",
                self.found()
            ));
        }
        if shape == Shape::Paren {
            self.dialects.only_python();
        }
        self.frames.push(Frame {
            shape,
            opened: self.at,
            start: self.out.len(),
            members: self.members.len(),
            number_keys: BTreeMap::new(),
            holds: if shape == Shape::Brace {
                Holds::Hashable
            } else {
                around
            },
        });
        self.out.push(if shape == Shape::Brace { '{' } else { '[' });
        self.at += 1;
        Ok(Expect::Entry)
    }

    pub(super) fn set_shape(&mut self, shape: Shape) {
        if let Some(frame) = self.frames.last_mut() {
            frame.shape = shape;
        }
    }

    /// Closes the innermost bracket, whose closing mark is read next.
    pub(super) fn close(&mut self) -> Read<Expect> {
        if self.surplus == Some(self.at) {
            return Ok(self.leave_out());
        }
        self.closed = self.at;
        self.at += 1;
        self.close_frame()
    }

    /// Closes the innermost bracket.
    pub(super) fn close_frame(&mut self) -> Read<Expect> {
        let Some(frame) = self.frames.pop() else {
            return Ok(Expect::After);
        };
        match frame.shape {
            Shape::List | Shape::Bare | Shape::Tuple => self.out.push(']'),
            Shape::Object | Shape::Brace => self.close_object(&frame)?,
            Shape::Set => self.close_set(&frame),
            Shape::Paren => self.close_paren(&frame),
        }
        Ok(Expect::After)
    }

    /// `()` is an empty tuple; parentheses around a value are nothing.
    fn close_paren(&mut self, frame: &Frame) {
        if self.out.len() == frame.start + 1 {
            self.out.push(']');
        } else {
            self.out.remove(frame.start);
            self.lone_high = 0;
            for place in &mut self.no_text {
                if *place > frame.start {
                    *place -= 1;
                }
            }
            self.last_string = None;
        }
    }

    /// A comma after the whole value makes a tuple of it, as in Python.
    pub(super) fn open_bare(&mut self) -> Expect {
        self.only_in_python.get_or_insert_with(|| {
            Fault::new(self.at, "expected the end of the sample, found `,`")
        });
        self.out.insert(0, '[');
        self.frames.push(Frame {
            shape: Shape::Bare,
            opened: self.at,
            start: 0,
            members: self.members.len(),
            number_keys: BTreeMap::new(),
            holds: Holds::Anything,
        });
        self.dialects.rule_out(Dialect::Json);
        self.dialects.rule_out(Dialect::Json5);
        self.at += 1;
        self.comma = self.at;
        Expect::EntryAfterComma
    }

    pub(super) fn end_of_bare(&mut self) -> Expect {
        if let Some(frame) = self.frames.pop() {
            self.notices.push(Finding {
                at: frame.opened,
                was: ",".into(),
                became: "[…]".into(),
                why: "a comma after a value makes a tuple of it, as in Python".into(),
            });
        }
        self.out.push(']');
        Expect::Nothing
    }
}
