//! Which languages a sample can still be, and what its disputed escapes mean in them.

/// A language that samples are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Dialect {
    Json = 1,
    Python = 2,
    Json5 = 4,
}

/// The languages that nothing in a sample has ruled out yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialects(u8);

/// How an escape is read whose meaning differs from language to language (`\/`, `\q`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// `\/` is a slash.
    Json,
    /// What is not an escape keeps its backslash, `\/` too.
    Python,
    /// `\/` is a slash, and there are no others.
    Json5,
    /// The sample is no one language: `\/` is a slash (only JSON writers escape it), which is
    /// reported, and others are refused.
    Mixed,
}

impl Dialects {
    pub(super) fn all() -> Self {
        Self(Dialect::Json as u8 | Dialect::Python as u8 | Dialect::Json5 as u8)
    }

    pub(super) fn rule_out(&mut self, dialect: Dialect) {
        self.0 &= !(dialect as u8);
    }

    /// Only Python has what was just read.
    pub(super) fn only_python(&mut self) {
        self.0 &= Dialect::Python as u8;
    }

    pub(super) fn can_be(self, dialect: Dialect) -> bool {
        self.0 & dialect as u8 != 0
    }

    /// Text that is JSON keeps JSON's meaning; else what Python reads has Python's.
    pub(super) fn meaning(self) -> Meaning {
        if self.can_be(Dialect::Json) {
            Meaning::Json
        } else if self.can_be(Dialect::Python) {
            Meaning::Python
        } else if self.can_be(Dialect::Json5) {
            Meaning::Json5
        } else {
            Meaning::Mixed
        }
    }
}
