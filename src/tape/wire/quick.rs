//! The line of an operation, read letter by letter in the very order in which capture writes it: most lines are
//! so, and there are many.
//!
//! Whatever is written otherwise is none of its business, and read as any JSON is. So it may refuse what is
//! right, and never takes what is wrong.

use std::borrow::Cow;

use super::body::{MAX_EMBEDDED_BYTES, MAX_EMBEDDED_DEPTH};
use super::glance::{Content, Fields, Glance, NO_FIELDS};
use crate::exchange::{Form, Micros, OperationId};

/// The most digits of a number that surely fits into 64 bits.
const MAX_DIGITS: usize = 19;

/// The fields of a message that has none.
const NONE: Fields<'_> = Fields {
    asked: NO_FIELDS,
    given: NO_FIELDS,
    trailers: NO_FIELDS,
};

/// What is left of a line.
struct Rest<'a>(&'a str);

/// As many bytes of a string are looked at before the longer way is taken, which is the faster one for long ones.
const SHORT: usize = 32;

/// Looks at an operation; `None` where its line is not as most are. What is the same as in the one before was
/// read there.
pub(super) fn glance<'a>(line: &'a str, before: Option<&Glance<'_>>) -> Option<Glance<'a>> {
    let before = before.map(|before| (before.fields, before.contents));
    let (fields, [sent, got]) = before.unwrap_or((NONE, [Content::None; 2]));
    let mut rest = Rest(line);
    rest.skip(r#"{"kind":"operation","id":"#)?;
    let id = OperationId(rest.number()?);
    rest.skip(r#","session":"#)?;
    let session = Cow::Borrowed(rest.plain()?);
    rest.skip(r#","at":"#)?;
    let at = Micros(rest.number()?);
    rest.skip(r#","answered":"#)?;
    let answered = Micros(rest.number()?);
    rest.skip(r#","request":{"method":"#)?;
    let method = Cow::Borrowed(rest.plain()?);
    rest.skip(r#","target":"#)?;
    let target = Cow::Borrowed(rest.plain()?);
    rest.skip(r#","headers":"#)?;
    let asked = rest.fields(fields.asked)?;
    let sent = rest.content(sent)?;
    rest.skip(r#"},"response":{"status":"#)?;
    let status = rest
        .number()
        .filter(|status| (100..=599).contains(status))?;
    rest.skip(r#","headers":"#)?;
    let given = rest.fields(fields.given)?;
    let got = rest.content(got)?;
    (rest.0 == "}}").then_some(Glance {
        text: line,
        id,
        session,
        at,
        answered,
        form: Form::Exchange,
        method,
        target,
        fields: Fields {
            asked,
            given,
            trailers: NO_FIELDS,
        },
        status: u16::try_from(status).ok(),
        contents: [sent, got],
    })
}

impl<'a> Rest<'a> {
    fn skip(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    fn next(&self) -> Option<u8> {
        self.0.as_bytes().first().copied()
    }

    fn take(&mut self, length: usize) -> Option<&'a str> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A whole number from 0.
    fn number(&mut self) -> Option<u64> {
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
    fn plain(&mut self) -> Option<&'a str> {
        self.skip("\"")?;
        let end = special(self.0.as_bytes())?;
        let text = self.take(end)?;
        self.skip("\"")?;
        Some(text)
    }

    /// The content of a message, if it has any, perhaps the same as one that was read before.
    fn content(&mut self, before: Content<'_>) -> Option<Content<'a>> {
        if self.skip(r#","body":{"json":"#).is_none() {
            return Some(Content::None);
        }
        let json = match before {
            Content::Json(before) => self.value_like(before)?,
            Content::None | Content::Other => self.value(0)?,
        };
        self.skip("}")?;
        (json.len() <= MAX_EMBEDDED_BYTES).then_some(Content::Json(json))
    }

    /// Header fields whose values are text, as they stand; perhaps the same as some that were read before.
    fn fields(&mut self, before: &str) -> Option<&'a str> {
        if self.0.starts_with(before) {
            return self.take(before.len());
        }
        let from = self.0;
        self.skip("[")?;
        if self.skip("]").is_none() {
            loop {
                self.skip("[")?;
                self.string()?;
                self.skip(",")?;
                self.string()?;
                self.skip("]")?;
                if self.skip(",").is_none() {
                    break self.skip("]")?;
                }
            }
        }
        from.get(..from.len() - self.0.len())
    }

    /// A JSON value as it stands, perhaps the same as one that was read before.
    fn value_like(&mut self, before: &str) -> Option<&'a str> {
        // A number might go on where that one ends.
        let ends = before.ends_with(['}', ']', '"']);
        if ends && self.0.starts_with(before) {
            self.take(before.len())
        } else {
            self.value(0)
        }
    }

    /// A JSON value without white space between its tokens, as it stands.
    fn value(&mut self, depth: usize) -> Option<&'a str> {
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
    fn members(
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
    fn string(&mut self) -> Option<()> {
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
    fn decimal(&mut self) -> Option<()> {
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
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tape::wire::{Entry, read};

    const LINE: &str = r#"{"kind":"operation","id":7,"session":"a","at":0,"answered":12,"request":{"method":"POST","target":"/a?b=1","headers":[["x","y"]],"body":{"json":{"a":[1,-2.5e3,"\u00e9\n",true,null,{}]}}},"response":{"status":200,"headers":[],"body":{"json":"z"}}}"#;

    #[test]
    fn a_line_as_capture_writes_it_is_taken_apart() {
        let glance = glance(LINE, None).unwrap();
        assert_eq!((glance.id.0, glance.at.0, glance.answered.0), (7, 0, 12));
        assert_eq!((&*glance.method, &*glance.target), ("POST", "/a?b=1"));
        assert_eq!(glance.fields.asked, r#"[["x","y"]]"#);
        assert_eq!(glance.contents[1], Content::Json("\"z\""));
    }

    #[test]
    fn header_fields_are_fields() {
        let line = |fields: &str| LINE.replace(r#"[["x","y"]]"#, fields);
        for fields in ["[]", r#"[["x","y"],["x","\u00e9"]]"#] {
            assert_eq!(glance(&line(fields), None).unwrap().fields.asked, fields);
        }
        for fields in [
            "null",
            "{}",
            "[null]",
            r#"[["x"]]"#,
            r#"[["x","y",1]]"#,
            r#"[["x","y"],]"#,
        ] {
            assert!(glance(&line(fields), None).is_none(), "{fields}");
            assert!(Glance::at(&line(fields), None).is_none(), "{fields}");
        }
    }

    proptest! {
        /// Whatever is changed on a line: it is taken only where it can be read as any JSON is, and then it means
        /// the same. What its header fields are is told where they are read.
        #[test]
        fn what_is_taken_can_be_read(
            place in any::<prop::sample::Index>(),
            taken in 0..3_usize,
            put in prop::sample::select(vec![
                "", "\"", "\\", "\\u12", "0", "-", ".", "e", "{", "}", "[", "]", ",", ":", " ", "\u{1}", "é",
                "null", "01", "1.", "[[]]", r#","id":8"#, r#","x":1"#,
            ]),
        ) {
            let place = place.index(LINE.len());
            let end = (place + taken).min(LINE.len());
            let changed = format!("{}{put}{}", &LINE[..place], &LINE[end..]);
            let alone = glance(&changed, None);
            let before = glance(LINE, None);
            let next = glance(&changed, before.as_ref());
            prop_assert_eq!(format!("{alone:?}"), format!("{next:?}"));
            if let Some(glance) = alone {
                prop_assert!(matches!(read(&changed), Ok((_, Entry::Event(_)))), "{}", changed);
                let whole = Glance::by_json(&changed).unwrap();
                prop_assert_eq!(format!("{glance:?}"), format!("{whole:?}"));
            }
        }

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
