//! JSON text, checked and gone through token by token (RFC 8259).
//!
//! Tokens stay as they are spelled. What they mean, and what becomes of text that is no JSON, is the business
//! of whoever goes through it.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

/// How deep a text may nest that is gone through: a bit is kept for each level.
const MAX_DEPTH: usize = 128;

/// What stands in a JSON text, without the commas and colons between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// An object or an array begins.
    Open,
    /// The innermost of them ends.
    Close,
    /// The name of a member; its value comes next.
    Name(Text<'a>),
    /// A string that is a value.
    String(Text<'a>),
    /// A number.
    Number(&'a str),
    /// `true`, `false` or `null`.
    Word,
}

/// A string, as it is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// With its quotes.
    quoted: &'a str,
    spelling: Spelling,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    Plain,
    Escaped,
}

/// Goes through the one JSON value that a text begins with. It stops at its end, or where the text is no JSON.
#[derive(Debug)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    max_depth: usize,
    depth: usize,
    /// How deep it was at most.
    deepest: usize,
    /// A bit for each level, the innermost last: whether it is an object.
    objects: u128,
    next: Next,
    space: Space,
}

/// Says of a text that it is one JSON value, with no white space around it or between its tokens. Only a [`Scanner`]
/// that has gone through all of it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compact {
    pub(super) length: usize,
    pub(super) depth: usize,
}

/// White space between the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// There is none.
    None,
    /// There is some.
    Some,
}

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Value,
    /// The first of an array's values, or its end.
    FirstValue,
    Name,
    /// The first of an object's names, or its end.
    FirstName,
    /// A comma, or the end of what is open.
    Behind,
    /// The value is whole.
    Over,
    /// The text is no JSON.
    Damaged,
}

impl<'a> Text<'a> {
    /// What it says; `None` where it escapes half a surrogate pair, which is no character.
    pub fn read(self) -> Option<Cow<'a, str>> {
        match self.spelling {
            Spelling::Plain => {
                let inside = self.quoted.strip_prefix('"')?.strip_suffix('"')?;
                Some(Cow::Borrowed(inside))
            }
            Spelling::Escaped => serde_json::from_str(self.quoted).ok().map(Cow::Owned),
        }
    }
}

impl<'a> Scanner<'a> {
    /// One that takes arrays and objects in one another up to this depth, of at most 128 levels; what nests
    /// deeper is no JSON to it.
    pub fn new(text: &'a str, max_depth: usize) -> Scanner<'a> {
        Scanner {
            text,
            at: 0,
            max_depth: max_depth.min(MAX_DEPTH),
            depth: 0,
            deepest: 0,
            objects: 0,
            next: Next::Value,
            space: Space::None,
        }
    }

    /// How many bytes the value takes, when all of it was gone through.
    pub fn length(&self) -> Option<usize> {
        (self.next == Next::Over).then_some(self.at)
    }

    /// That the text is compact JSON, when all of it was gone through and is.
    pub fn compact(&self) -> Option<Compact> {
        let is_all = self.length() == Some(self.text.len());
        (is_all && self.space == Space::None).then_some(Compact {
            length: self.text.len(),
            depth: self.deepest,
        })
    }

    /// Whether white space stands before or between the tokens that were gone through.
    pub fn space(&self) -> Space {
        self.space
    }

    fn token(&mut self) -> Option<Token<'a>> {
        if matches!(self.next, Next::Over | Next::Damaged) {
            return None;
        }
        let mut first = self.first()?;
        if self.next == Next::Behind {
            if matches!(first, b'}' | b']') {
                return self.close(first);
            }
            self.pass(b',')?;
            self.next = if self.is_in_object() {
                Next::Name
            } else {
                Next::Value
            };
            first = self.first()?;
        }
        match (self.next, first) {
            (Next::FirstName, b'}') | (Next::FirstValue, b']') => self.close(first),
            (Next::FirstName | Next::Name, b'"') => self.name(),
            (Next::FirstValue | Next::Value, _) => self.value(first),
            _ => None,
        }
    }

    fn name(&mut self) -> Option<Token<'a>> {
        let name = self.string()?;
        self.first()?;
        self.pass(b':')?;
        self.next = Next::Value;
        Some(Token::Name(name))
    }

    fn value(&mut self, first: u8) -> Option<Token<'a>> {
        let token = match first {
            b'{' | b'[' => return self.open(first),
            b'"' => Token::String(self.string()?),
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        };
        self.value_ends();
        Some(token)
    }

    fn open(&mut self, bracket: u8) -> Option<Token<'a>> {
        if self.depth == self.max_depth {
            return None;
        }
        self.at += 1;
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        self.objects = self.objects << 1 | u128::from(bracket == b'{');
        self.next = match bracket {
            b'{' => Next::FirstName,
            _ => Next::FirstValue,
        };
        Some(Token::Open)
    }

    fn close(&mut self, bracket: u8) -> Option<Token<'a>> {
        if (bracket == b'}') != self.is_in_object() {
            return None;
        }
        self.at += 1;
        self.depth -= 1;
        self.objects >>= 1;
        self.value_ends();
        Some(Token::Close)
    }

    fn value_ends(&mut self) {
        self.next = match self.depth {
            0 => Next::Over,
            _ => Next::Behind,
        };
    }

    fn word(&mut self, word: &str) -> Option<Token<'a>> {
        self.rest().starts_with(word).then_some(())?;
        self.at += word.len();
        Some(Token::Word)
    }

    fn number(&mut self) -> Option<Token<'a>> {
        let bytes = self.rest().as_bytes();
        let from = |at: usize| bytes.get(at..).unwrap_or_default().iter();
        let digits = |at| from(at).take_while(|byte| byte.is_ascii_digit()).count();
        let one_of = |at: usize, these: &[u8]| {
            usize::from(bytes.get(at).is_some_and(|byte| these.contains(byte)))
        };
        let mut length = one_of(0, b"-");
        let whole = digits(length);
        // No zero stands before other digits.
        if whole == 0 || whole > 1 && one_of(length, b"0") == 1 {
            return None;
        }
        length += whole;
        if one_of(length, b".") == 1 {
            let fraction = digits(length + 1);
            length += 1 + Some(fraction).filter(|digits| *digits > 0)?;
        }
        if one_of(length, b"eE") == 1 {
            let sign = one_of(length + 1, b"+-");
            let exponent = digits(length + 1 + sign);
            length += 1 + sign + Some(exponent).filter(|digits| *digits > 0)?;
        }
        let number = self.rest().get(..length)?;
        self.at += length;
        Some(Token::Number(number))
    }

    fn string(&mut self) -> Option<Text<'a>> {
        let bytes = self.rest().as_bytes();
        let mut spelling = Spelling::Plain;
        let mut end = 1;
        loop {
            end += plain_length(bytes.get(end..)?);
            match bytes.get(end)? {
                b'"' => break,
                b'\\' => {
                    spelling = Spelling::Escaped;
                    end += escape_length(bytes.get(end + 1..)?)?;
                }
                _ => return None, // a control character
            }
        }
        let quoted = self.rest().get(..=end)?;
        self.at += end + 1;
        Some(Text { quoted, spelling })
    }

    /// The first byte behind white space.
    fn first(&mut self) -> Option<u8> {
        loop {
            let first = *self.text.as_bytes().get(self.at)?;
            if !matches!(first, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(first);
            }
            self.space = Space::Some;
            self.at += 1;
        }
    }

    fn pass(&mut self, byte: u8) -> Option<()> {
        (self.text.as_bytes().get(self.at) == Some(&byte)).then_some(())?;
        self.at += 1;
        Some(())
    }

    fn is_in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

impl<'a> Iterator for Scanner<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.token();
        if token.is_none() && self.next != Next::Over {
            self.next = Next::Damaged;
        }
        token
    }
}

/// How many bytes at the front stand in a JSON string as they are (RFC 8259 §7). Names and words end within the first
/// words of eight bytes; of what is longer most has nothing to escape, so whole rows are tried.
pub fn plain_length(bytes: &[u8]) -> usize {
    let (near, far) = bytes.split_at_checked(NEAR).unwrap_or((bytes, &[]));
    let length = in_words(near);
    if length < near.len() {
        return length;
    }
    let (rows, _) = far.as_chunks::<ROW>();
    // All of a row is looked at, and as numbers, so that many bytes are at once.
    let is_plain = |row: &&[u8; ROW]| row.iter().fold(0, |found, byte| found | escapes(*byte)) == 0;
    let whole = ROW * rows.iter().take_while(is_plain).count();
    length + whole + in_words(far.get(whole..).unwrap_or_default())
}

/// How many bytes of [`plain_length`] are looked at as words before rows are, and how many make a row and a word.
const NEAR: usize = 2 * WORD;
const ROW: usize = 64;
const WORD: usize = size_of::<u64>();

/// The same, word by word.
fn in_words(bytes: &[u8]) -> usize {
    let (words, end) = bytes.as_chunks::<WORD>();
    for (place, word) in words.iter().enumerate() {
        if let Some(first) = first_escaped(*word) {
            return place * WORD + first;
        }
    }
    let last = match bytes.last_chunk::<WORD>() {
        _ if end.is_empty() => None,
        // What of it was looked at is plain.
        Some(last) => first_escaped(*last).map(|first| bytes.len() - WORD + first),
        None => end.iter().position(|byte| escapes(*byte) > 0),
    };
    last.unwrap_or(bytes.len())
}

/// How many escapes it takes to say a byte; a character of several bytes stands as it is.
fn escapes(byte: u8) -> u8 {
    u8::from(byte < b' ') | u8::from(byte == b'"') | u8::from(byte == b'\\')
}

/// The place of the first byte of a word that is to be escaped.
fn first_escaped(word: [u8; WORD]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGHS: u64 = ONES << 7;
    let word = u64::from_le_bytes(word);
    // A byte below the limit borrows from its highest bit. So may the byte behind one, but never that before it.
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let found = (below(word, b' ') | is(b'"') | is(b'\\')) & HIGHS;
    let first = usize::try_from(found.trailing_zeros() / 8).unwrap_or(WORD);
    (found != 0).then_some(first)
}

/// The length of an escape, its backslash included, behind which these bytes stand.
fn escape_length(behind: &[u8]) -> Option<usize> {
    match behind.first()? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => {
            let digits = behind.get(1..5)?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(6)
        }
        _ => None,
    }
}
