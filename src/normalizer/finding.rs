//! What a reading finds out about a sample: repairs, notices and the fault that ends it, each at a
//! byte of the text, and where that byte stands as line and column.

use super::{Repair, Unreadable};

/// One change that the reader made, at a byte of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) at: usize,
    pub(super) was: String,
    pub(super) became: String,
    pub(super) why: String,
}

/// Why the reading stopped, at a byte of the text. It is boxed because every step of the reader returns
/// room for one, and most are small steps that succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault(Box<Place>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    at: usize,
    message: String,
}

/// The outcome of reading a part of a sample.
pub(super) type Read<T> = Result<T, Fault>;

impl Fault {
    /// A fault at the byte `at`.
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self(Box::new(Place {
            at,
            message: message.into(),
        }))
    }

    /// The byte at which it stands.
    pub(super) fn at(&self) -> usize {
        self.0.at
    }

    pub(super) fn into_unreadable(self, text: &str) -> Unreadable {
        let Place { at, message } = *self.0;
        let (line, column) = Places::new(text).of(at);
        Unreadable {
            line,
            column,
            message,
        }
    }
}

/// Puts findings in order of place and counts their lines and columns, in one pass over the text.
pub(super) fn into_repairs(mut findings: Vec<Finding>, text: &str) -> Vec<Repair> {
    findings.sort_by_key(|finding| finding.at);
    let mut places = Places::new(text);
    findings
        .into_iter()
        .map(|finding| {
            let (line, column) = places.of(finding.at);
            Repair {
                line,
                column,
                was: finding.was,
                became: finding.became,
                why: finding.why,
            }
        })
        .collect()
}

/// Counts lines and columns forward through a text.
struct Places<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    column: usize,
}

impl<'t> Places<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
            column: 1,
        }
    }

    /// The line and column of a byte that is not before the last one asked for.
    fn of(&mut self, at: usize) -> (usize, usize) {
        let passed = self.text.get(self.at..at).unwrap_or_default();
        self.at += passed.len();
        match memchr::memrchr(b'\n', passed.as_bytes()) {
            None => self.column += passed.chars().count(),
            Some(last) => {
                self.line += memchr::memchr_iter(b'\n', passed.as_bytes()).count();
                let rest = passed.get(last + 1..).unwrap_or_default();
                self.column = rest.chars().count() + 1;
            }
        }
        (self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_and_not_bytes() {
        let text = "aé\n\nüb\r\nc";
        let mut places = Places::new(text);
        assert_eq!(places.of(0), (1, 1));
        assert_eq!(places.of(3), (1, 3));
        assert_eq!(places.of(text.find('b').unwrap()), (3, 2));
        assert_eq!(places.of(text.len()), (4, 2));
    }

    #[test]
    fn repairs_come_in_order_of_place() {
        let finding = |at| Finding {
            at,
            was: String::new(),
            became: String::new(),
            why: String::new(),
        };
        let repairs = into_repairs(vec![finding(4), finding(1)], "ab\ncd");
        let places: Vec<_> = repairs.iter().map(|r| (r.line, r.column)).collect();
        assert_eq!(places, [(1, 2), (2, 2)]);
    }
}
