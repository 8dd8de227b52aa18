//! The characters in a text without which nothing is to be searched for in it.
//!
//! What is searched for is the business of [`super::text`].

use memchr::{memchr, memchr2, memchr3};

/// From which length on a text is searched for one kind of character after the other, many bytes at once.
pub(super) const LONG: usize = 256;

/// The marks of each byte.
static KINDS: [u8; 256] = kinds();

/// The kinds of characters in a text: without those that it takes, nothing is searched for.
#[derive(Clone, Copy)]
pub(super) struct Marks(u8);

impl Marks {
    /// What the arguments of a call stand behind.
    pub(super) const OPEN: u8 = 1;
    /// What a tag begins with.
    pub(super) const TAG: u8 = 2;
    /// What ends a line.
    pub(super) const LINE: u8 = 4;
    /// What stands before a secret (`name=`, `://`), or in a signed token (`eyJ`).
    pub(super) const SPAN: u8 = 8;
    /// What is no character of base64 (RFC 4648 §4, §5). It is not looked for in a long text, whose beginning
    /// tells as much.
    pub(super) const OTHER: u8 = 16;

    /// Any of them.
    pub(super) const ALL: u8 = !0;
    /// Those of a text that nobody looked at.
    pub(super) const NONE: Marks = Marks(0);

    pub(super) fn of(text: &str) -> Marks {
        let bytes = text.as_bytes();
        if bytes.len() < LONG {
            return Marks(bytes.iter().fold(0, |all, byte| all | kind(*byte)));
        }
        let marked = |found: Option<usize>, mark| found.map_or(0, |_| mark);
        Marks(
            marked(memchr(b'(', bytes), Marks::OPEN)
                | marked(memchr(b'<', bytes), Marks::TAG)
                | marked(memchr2(b'\n', b'\r', bytes), Marks::LINE)
                | marked(memchr3(b'=', b':', b'J', bytes), Marks::SPAN),
        )
    }

    pub(super) fn has(self, mark: u8) -> bool {
        self.0 & mark != 0
    }
}

fn kind(byte: u8) -> u8 {
    KINDS.get(usize::from(byte)).copied().unwrap_or_default()
}

const fn kinds() -> [u8; 256] {
    let mut kinds = [Marks::OTHER; 256];
    let mut rest: &mut [u8] = &mut kinds;
    let mut byte = 0_u8;
    while let Some((first, after)) = rest.split_first_mut() {
        *first = match byte {
            b'=' | b'J' => Marks::SPAN,
            b'+' | b'/' | b'-' | b'_' => 0,
            _ if byte.is_ascii_alphanumeric() => 0,
            b':' => Marks::SPAN | Marks::OTHER,
            b'(' => Marks::OPEN | Marks::OTHER,
            b'<' => Marks::TAG | Marks::OTHER,
            b'\n' | b'\r' => Marks::LINE | Marks::OTHER,
            _ => Marks::OTHER,
        };
        byte = byte.wrapping_add(1);
        rest = after;
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marks_of_a_text_are_those_of_its_characters() {
        for c in (0..=0x17f_u32).filter_map(char::from_u32) {
            let marks = Marks::of(&format!("ab{c}cd"));
            let long = Marks::of(&format!("{c}{}", "a".repeat(LONG)));
            assert_eq!(long.0, marks.0 & !Marks::OTHER, "{c:?}");
            for (mark, expected) in [
                (Marks::OPEN, c == '('),
                (Marks::TAG, c == '<'),
                (Marks::LINE, c == '\n' || c == '\r'),
                (Marks::SPAN, "=:J".contains(c)),
                (
                    Marks::OTHER,
                    !c.is_ascii_alphanumeric() && !"+/-_=".contains(c),
                ),
            ] {
                assert_eq!(marks.has(mark), expected, "{c:?} {mark}");
            }
        }
        assert!(!Marks::of("").has(!0));
    }
}
