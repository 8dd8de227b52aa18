//! Closing brackets that are missing, of a wrong kind, or one too many. One such fault is repaired where
//! it has one plausible reading.

use super::ahead::{skip_literal, skip_white};
use super::word::name_at;
use super::{Expect, Read, Reader, Shape};

impl Reader<'_> {
    /// The sample ends inside a bracket: one closing mark may be missing.
    pub(super) fn missing_closers(&mut self) -> Read<Expect> {
        let Some(frame) = self.frames.last() else {
            return Ok(Expect::Nothing);
        };
        let mark = closing(frame.shape);
        if self.frames.len() > 1 || self.bracket_repair.is_some() {
            let opened = self.frames.len();
            return self.fault(format!(
                "expected `{mark}`, found the end of the sample: {opened} brackets are still open"
            ));
        }
        let place = self.end_of_last_token();
        self.repair(
            place,
            "",
            &mark.to_string(),
            "the last closing bracket is missing",
        );
        self.bracket_repair = Some(place);
        self.structure_repaired();
        self.close_frame()
    }

    /// A closing mark of another kind: the innermost bracket's own is missing where the mark closes the
    /// one around it.
    pub(super) fn wrong_closer(&mut self) -> Read<Expect> {
        let mut around = self.frames.iter().rev().map(|frame| closing(frame.shape));
        let (own, outer) = (around.next(), around.next());
        let found = self.rest().chars().next();
        if self.surplus == Some(self.at) {
            return Ok(self.leave_out());
        }
        self.suspect.get_or_insert(self.at);
        let mark = own.unwrap_or('}');
        if outer != found || self.bracket_repair.is_some() {
            return self.fault(format!("expected `,` or `{mark}`, found {}", self.found()));
        }
        let place = self.end_of_last_token();
        self.repair(place, "", &mark.to_string(), "a closing bracket is missing");
        self.bracket_repair = Some(place);
        self.structure_repaired();
        self.close_frame()
    }

    /// Passes over the closing bracket that is one too many.
    #[cold]
    pub(super) fn leave_out(&mut self) -> Expect {
        let mark = self.slice(self.at, self.at + 1);
        self.repair(self.at, mark, "", "a closing bracket too many");
        self.bracket_repair = Some(self.at);
        self.structure_repaired();
        self.at += 1;
        Expect::After
    }

    /// After a fault, the closing bracket that is likely one too many: one of a wrong kind that doubles
    /// the bracket before it, or one behind which members follow where none can stand.
    pub(super) fn surplus_closer(&self) -> Option<usize> {
        if self.surplus.is_some() {
            return None;
        }
        let before = |at: usize| self.slice(0, at).trim_end().len().checked_sub(1);
        if let Some(suspect) = self.suspect {
            // `[[1]], 2]` read as a tuple: what closed the sample before its comma was too early.
            let bare = self.frames.first().filter(|f| f.shape == Shape::Bare);
            let (doubled, place) = match bare {
                Some(bare) => (before(bare.opened)?, before(bare.opened)?),
                None => (before(suspect)?, suspect),
            };
            return (self.byte(doubled) == self.byte(suspect)).then_some(place);
        }
        if matches!(self.shape(), Some(Shape::Object | Shape::Brace)) {
            return None;
        }
        let last = self.bracket_repair.unwrap_or(0).max(self.closed);
        let rest = self.text.get(last..)?.strip_prefix('}')?;
        let entry = rest.trim_start().strip_prefix(',')?.trim_start();
        let start = self.text.len() - entry.len();
        let end = match skip_literal(self.bytes, start) {
            Some(end) => end,
            None => start + Some(name_at(entry)).filter(|name| !name.is_empty())?.len(),
        };
        (self.byte(skip_white(self.bytes, end)) == Some(b':')).then_some(last)
    }
}

/// The mark that closes a bracket.
fn closing(shape: Shape) -> char {
    match shape {
        Shape::List => ']',
        Shape::Paren | Shape::Tuple | Shape::Bare => ')',
        Shape::Brace | Shape::Object | Shape::Set => '}',
    }
}

pub(super) fn closing_name(shape: Shape) -> String {
    match shape {
        Shape::Bare => "the end of the sample".into(),
        Shape::List | Shape::Paren | Shape::Tuple | Shape::Brace | Shape::Object | Shape::Set => {
            format!("`{}`", closing(shape))
        }
    }
}
