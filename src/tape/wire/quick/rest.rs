//! What is left of a line that is read letter by letter: texts, numbers, lists and JSON values are taken from its
//! beginning, each as capture writes it. What they are is not known here.

use crate::tape::wire::body::{MAX_EMBEDDED_BYTES, MAX_EMBEDDED_DEPTH};
use crate::tape::wire::glance::{Content, Likeness};

/// The most digits of a number that surely fits into 64 bits.
const MAX_DIGITS: usize = 19;

/// As many bytes of a string are looked at before the longer way is taken, which is the faster one for long ones.
const SHORT: usize = 32;

/// What is left of a line.
pub(super) struct Rest<'a>(pub(super) &'a str);

impl<'a> Rest<'a> {
    pub(super) fn skip(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    pub(super) fn next(&self) -> Option<u8> {
        self.0.as_bytes().first().copied()
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a str> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A whole number from 0.
    pub(super) fn number(&mut self) -> Option<u64> {
        let (mut digits, mut number) = (0, 0_u64);
        for digit in self.0.bytes().take_while(u8::is_ascii_digit) {
            digits += 1;
            number = number
                .wrapping_mul(10)
                .wrapping_add(u64::from(digit - b'0'));
        }
        if digits == 0 || digits > MAX_DIGITS || (digits > 1 && self.next() == Some(b'0')) {
            return None;
        }
        self.take(digits)?;
        Some(number)
    }

    /// A string in which nothing is escaped, without its quotes.
    pub(super) fn plain(&mut self) -> Option<&'a str> {
        self.skip("\"")?;
        let end = special(self.0.as_bytes())?;
        let text = self.take(end)?;
        self.skip("\"")?;
        Some(text)
    }

    /// The content of a message, if it has any, perhaps the same as one that was read before.
    pub(super) fn content(&mut self, before: Content<'_>) -> Option<(Content<'a>, Likeness)> {
        if self.skip(r#","body":{"json":"#).is_none() {
            return Some((Content::None, Likeness::Unknown));
        }
        let (json, likeness) = match before {
            Content::Json(before) => self.value_like(before)?,
            Content::None | Content::Other => (self.value(0)?, Likeness::Unknown),
        };
        self.skip("}")?;
        (json.len() <= MAX_EMBEDDED_BYTES).then_some((Content::Json(json), likeness))
    }

    /// Header fields whose values are text, as they stand; perhaps the same as some that were read before.
    pub(super) fn fields(&mut self, before: &str) -> Option<(&'a str, Likeness)> {
        if self.0.starts_with(before) {
            return Some((self.take(before.len())?, Likeness::Same));
        }
        let from = self.0;
        self.list(|rest| {
            rest.string()?;
            rest.skip(",")?;
            rest.string()
        })?;
        let fields = from.get(..from.len() - self.0.len())?;
        Some((fields, Likeness::Unknown))
    }

    /// A list of header fields, each read so.
    pub(super) fn list(
        &mut self,
        mut field: impl FnMut(&mut Rest<'a>) -> Option<()>,
    ) -> Option<()> {
        self.skip("[")?;
        if self.skip("]").is_some() {
            return Some(());
        }
        loop {
            self.skip("[")?;
            field(self)?;
            self.skip("]")?;
            if self.skip(",").is_none() {
                return self.skip("]");
            }
        }
    }

    /// A JSON value as it stands, perhaps the same as one that was read before.
    pub(super) fn value_like(&mut self, before: &str) -> Option<(&'a str, Likeness)> {
        // A number might go on where that one ends.
        let ends = before.ends_with(['}', ']', '"']);
        if ends && self.0.starts_with(before) {
            Some((self.take(before.len())?, Likeness::Same))
        } else {
            Some((self.value(0)?, Likeness::Unknown))
        }
    }

    /// A JSON value without white space between its tokens, as it stands.
    pub(super) fn value(&mut self, depth: usize) -> Option<&'a str> {
        let from = self.0;
        match self.next()? {
            b'{' => self.members(depth, "}", |rest| {
                rest.string()?;
                rest.skip(":")
            })?,
            b'[' => self.members(depth, "]", |_| Some(()))?,
            b'"' => self.string()?,
            b't' => self.skip("true")?,
            b'f' => self.skip("false")?,
            b'n' => self.skip("null")?,
            _ => self.decimal()?,
        }
        from.get(..from.len() - self.0.len())
    }

    /// What stands between two brackets, each with what stands before it.
    pub(super) fn members(
        &mut self,
        depth: usize,
        close: &str,
        before: impl Fn(&mut Rest<'a>) -> Option<()>,
    ) -> Option<()> {
        self.take(1)?;
        if depth == MAX_EMBEDDED_DEPTH {
            return None;
        }
        if self.skip(close).is_some() {
            return Some(());
        }
        loop {
            before(self)?;
            self.value(depth + 1)?;
            if self.skip(",").is_none() {
                return self.skip(close);
            }
        }
    }

    /// A string, as RFC 8259 §7 wants it.
    pub(super) fn string(&mut self) -> Option<()> {
        self.skip("\"")?;
        loop {
            let end = special(self.0.as_bytes())?;
            self.take(end)?;
            match *self.0.as_bytes().first_chunk()? {
                [b'"', _] => return self.skip("\""),
                [
                    b'\\',
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                ] => self.take(2)?,
                [b'\\', b'u'] => {
                    let code = self.0.as_bytes().get(2..6)?;
                    code.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                    self.take(6)?
                }
                _ => return None,
            };
        }
    }

    /// A number, as RFC 8259 §6 wants it.
    pub(super) fn decimal(&mut self) -> Option<()> {
        let digits = |rest: &mut Rest<'a>| {
            let count = rest.0.bytes().take_while(u8::is_ascii_digit).count();
            rest.take(count).filter(|digits| !digits.is_empty())
        };
        let _ = self.skip("-");
        let whole = digits(self)?;
        if whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        if self.skip(".").is_some() {
            digits(self)?;
        }
        if self.skip("e").or_else(|| self.skip("E")).is_some() {
            let _ = self.skip("+").or_else(|| self.skip("-"));
            digits(self)?;
        }
        Some(())
    }
}

/// Where the first quote, backslash or control character stands.
fn special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
    let mut at = 0;
    // Eight at a time: the highest bit of a byte is set where a zero would have been borrowed from.
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let eight = u64::from_le_bytes(*eight);
        let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
        let is = |byte: u8| zeros(eight ^ (ONES * u64::from(byte)));
        let below = eight.wrapping_sub(ONES * 0x20) & !eight;
        let found = (is(b'"') | is(b'\\') | below) & HIGHS;
        if found != 0 {
            break;
        }
        at += 8;
        if at == SHORT {
            let Some(end) = memchr::memchr2(b'"', b'\\', bytes.get(at..)?) else {
                break;
            };
            let long = bytes.get(at..at + end)?;
            if long.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < 0x20 {
                break;
            }
            return Some(at + end);
        }
    }
    let rest = bytes.get(at..)?.iter();
    let mut rest = rest.enumerate();
    let (place, _) = rest.find(|(_, byte)| matches!(byte, b'"' | b'\\' | 0..=0x1f))?;
    Some(at + place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_special_byte_is_found(
            plain in proptest::collection::vec(0x23_u8..0x5c, 0..80),
            others in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let bytes = [plain, others].concat();
            let first = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
            prop_assert_eq!(special(&bytes), first);
        }
    }
}
