//! Header fields: an ordered list, since order and repetition are part of what was said.

use std::fmt;

/// The fields that are for the next hop only (RFC 9110 §7.6.1).
pub const HOP_BY_HOP: [&str; 6] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// The fields that are made for each message anew, beside those for the next hop.
const MADE_ANEW: [&str; 3] = ["content-length", "date", "trailer"];

/// Whether a field of a message that is said again stays away from it: it is for one hop, or made anew.
pub fn is_made_anew(name: &str) -> bool {
    let mut fields = HOP_BY_HOP.iter().chain(&MADE_ANEW);
    fields.any(|other| name.eq_ignore_ascii_case(other))
}

/// The header fields of a message, in order, each name as it was written, duplicates kept.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Option<Box<Fields>>); // never of no fields, and small: most trailers are none

/// All names and values stand one behind the other: to keep each by itself takes more than to copy them, for
/// every message that passes.
#[derive(Clone, Default, PartialEq, Eq)]
struct Fields {
    text: String,
    ends: Ends,
    /// The values that are no text, each with the place of its field. They take no room in the text.
    octets: Vec<(usize, Vec<u8>)>,
}

/// Where the name and the value of each field end. Those of the first stand here: most messages have no more, and
/// memory of their own would take longer than all else.
#[derive(Clone, Default, PartialEq, Eq)]
struct Ends {
    count: usize,
    first: [(usize, usize); FEW],
    more: Vec<(usize, usize)>,
}

/// How many fields most messages have at most.
const FEW: usize = 8;

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// It is UTF-8, as nearly all are.
    Text(&'a str),
    /// It is not.
    Octets(&'a [u8]),
}

/// How long a name and a value are, about, where room is made for those of a message.
const USUAL: usize = 40;

impl Headers {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// These fields, which are gone through twice: they take no more room than they need.
    pub fn exactly<'a, I>(fields: impl Fn() -> I) -> Self
    where
        I: Iterator<Item = (&'a str, &'a [u8])>,
    {
        let (mut count, mut length) = (0, 0);
        for (name, value) in fields() {
            count += 1;
            length += name.len() + value.len();
        }
        if count == 0 {
            return Headers::new();
        }
        let room = Box::new(Fields {
            text: String::with_capacity(length),
            ends: Ends::with_room(count),
            octets: Vec::new(),
        });
        room.filled(fields)
    }

    /// These fields in place of those that stand there, in the same memory.
    #[must_use]
    pub fn replaced<'a, I>(self, fields: impl Fn() -> I) -> Self
    where
        I: Iterator<Item = (&'a str, &'a [u8])>,
    {
        let Some(mut room) = self.0 else {
            return Headers::exactly(fields);
        };
        room.text.clear();
        room.ends.clear();
        room.octets.clear();
        room.filled(fields)
    }

    /// Appends a field line.
    pub fn push(&mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) {
        let fields = self.0.get_or_insert_with(|| Box::new(Fields::with_room(1)));
        fields.push(name.as_ref(), value.as_ref());
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let fields = self.fields();
        let spans = fields.spans();
        spans.map(|span| (fields.name(span), fields.bytes(span)))
    }

    /// The fields in order, each with what its value is.
    pub fn values(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        let fields = self.fields();
        let spans = fields.spans();
        spans.map(|span| (fields.name(span), fields.value(span)))
    }

    /// All names and all values that are text, one behind the other.
    pub fn text(&self) -> &str {
        &self.fields().text
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The value of the first field of this name (names are compared without case, RFC 9110 §5.1).
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let fields = self.fields();
        // Nearly all are told apart by their lengths alone, and most are written in lower case.
        let is = |span: &Span| {
            span.name - span.from == name.len() && {
                let candidate = fields.name(*span);
                candidate == name || candidate.eq_ignore_ascii_case(name)
            }
        };
        let found = fields.spans().find(is)?;
        Some(fields.bytes(found))
    }

    /// How many bytes the names and values have.
    pub fn length(&self) -> usize {
        let fields = self.fields();
        let octets = fields.octets.iter().map(|(_, octets)| octets.len());
        fields.text.len() + octets.sum::<usize>()
    }

    fn fields(&self) -> &Fields {
        static NONE: Fields = Fields {
            text: String::new(),
            ends: Ends {
                count: 0,
                first: [(0, 0); FEW],
                more: Vec::new(),
            },
            octets: Vec::new(),
        };
        self.0.as_deref().unwrap_or(&NONE)
    }
}

/// Where a field stands.
#[derive(Clone, Copy)]
struct Span {
    /// How many are before it.
    place: usize,
    from: usize,
    /// Where its name ends.
    name: usize,
    /// Where its value does.
    end: usize,
}

impl Fields {
    /// Without any yet, and with room for so many usual ones.
    fn with_room(count: usize) -> Fields {
        Fields {
            text: String::with_capacity(count * USUAL),
            ends: Ends::with_room(count),
            octets: Vec::new(),
        }
    }

    /// With these fields, where there are none yet.
    fn filled<'a, I>(mut self: Box<Self>, fields: impl Fn() -> I) -> Headers
    where
        I: Iterator<Item = (&'a str, &'a [u8])>,
    {
        let mut text = std::mem::take(&mut self.text).into_bytes();
        for (name, value) in fields() {
            text.extend_from_slice(name.as_bytes());
            let name = text.len();
            text.extend_from_slice(value);
            self.ends.push((name, text.len()));
        }
        // To look through all of it at once takes less than through each value.
        if text.is_ascii()
            && let Ok(text) = String::from_utf8(text)
        {
            self.text = text;
            return Headers((self.ends.count > 0).then_some(self));
        }
        fields().collect()
    }

    fn push(&mut self, name: &str, value: &[u8]) {
        self.text.push_str(name);
        let name = self.text.len();
        match std::str::from_utf8(value) {
            Ok(value) => self.text.push_str(value),
            Err(_) => self.octets.push((self.ends.count, value.to_vec())),
        }
        self.ends.push((name, self.text.len()));
    }

    fn spans(&self) -> impl Iterator<Item = Span> {
        let mut from = 0;
        let ends = self.ends.iter().enumerate();
        ends.map(move |(place, (name, end))| Span {
            place,
            from: std::mem::replace(&mut from, end),
            name,
            end,
        })
    }

    fn name(&self, span: Span) -> &str {
        self.text.get(span.from..span.name).unwrap_or_default()
    }

    fn value(&self, span: Span) -> Value<'_> {
        match self.octets(span) {
            Some(octets) => Value::Octets(octets),
            None => Value::Text(self.text.get(span.name..span.end).unwrap_or_default()),
        }
    }

    fn bytes(&self, span: Span) -> &[u8] {
        let text = || self.text.as_bytes().get(span.name..span.end);
        (self.octets(span).or_else(text)).unwrap_or_default()
    }

    /// The value, where it is no text.
    fn octets(&self, span: Span) -> Option<&[u8]> {
        let mut octets = self.octets.iter();
        let (_, octets) = octets.find(|(place, _)| *place == span.place)?;
        Some(octets)
    }
}

impl Ends {
    /// None, with room for so many.
    fn with_room(count: usize) -> Ends {
        Ends {
            more: Vec::with_capacity(count.saturating_sub(FEW)),
            ..Ends::default()
        }
    }

    /// None any more, with the room that there is.
    fn clear(&mut self) {
        self.more.clear();
        let more = std::mem::take(&mut self.more);
        *self = Ends {
            more,
            ..Ends::default()
        };
    }

    fn push(&mut self, ends: (usize, usize)) {
        match self.first.get_mut(self.count) {
            Some(place) => *place = ends,
            None => self.more.push(ends),
        }
        self.count += 1;
    }

    fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        let first = self.first.iter().take(self.count);
        first.chain(&self.more).copied()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self
            .iter()
            .map(|(name, value)| (name, String::from_utf8_lossy(value)));
        f.debug_list().entries(shown).finish()
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let lines = fields.into_iter();
        let (count, _) = lines.size_hint();
        let mut fields = Fields::with_room(count);
        lines.for_each(|(name, value)| fields.push(name.as_ref(), value.as_ref()));
        Headers((fields.ends.count > 0).then(|| Box::new(fields)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_keep_their_order_their_spelling_and_their_number() {
        let fields: [(&str, &[u8]); 4] = [
            ("Set-Cookie", b"a=1"),
            ("x", b""),
            ("set-cookie", b"\xff"),
            ("", b"y"),
        ];
        let headers: Headers = fields.into_iter().collect();
        assert!(headers.iter().eq(fields));
        assert_eq!(headers, Headers::exactly(|| fields.into_iter()));
        let others: Headers = [("Host", "here"), ("x", "much longer than that")]
            .into_iter()
            .collect();
        for before in [Headers::new(), others] {
            assert_eq!(before.clone().replaced(|| fields.into_iter()), headers);
            assert!(before.replaced(std::iter::empty).is_empty());
        }
        assert_eq!(headers.get("SET-COOKIE"), Some(b"a=1".as_slice()));
        assert_eq!(headers.get("cookie"), None);
        assert!(!headers.is_empty() && Headers::new().is_empty());
        assert_eq!(headers.length(), 26);
        // What stands in the one stands in the other, in other fields.
        let others: Headers = [("ab", "c"), ("d", "ef")].into_iter().collect();
        let apart: Headers = [("a", "c"), ("bd", "ef")].into_iter().collect();
        assert_ne!(others, apart);
    }

    proptest! {
        #[test]
        fn fields_are_what_a_plain_list_of_them_is(
            fields in prop::collection::vec(
                ("[a-cA-C]{0,2}|é", prop_oneof![
                    "[a-z\"é]{0,9}".prop_map(String::into_bytes),
                    prop::collection::vec(any::<u8>(), 0..4),
                ]),
                0..FEW + 4,
            ),
            sought in "[a-cA-C]{0,2}",
        ) {
            let lines = || fields.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
            let headers = Headers::exactly(lines);
            prop_assert_eq!(&headers, &lines().collect::<Headers>());
            prop_assert!(headers.iter().eq(lines()));
            let mut same = lines().filter(|(name, _)| name.eq_ignore_ascii_case(&sought));
            prop_assert_eq!(headers.get(&sought), same.next().map(|(_, value)| value));
            let length = |(name, value): (&str, &[u8])| name.len() + value.len();
            prop_assert_eq!(headers.length(), lines().map(length).sum::<usize>());
            prop_assert_eq!(headers.is_empty(), fields.is_empty());
            for ((_, value), (_, bytes)) in headers.values().zip(lines()) {
                let expected = std::str::from_utf8(bytes).map_or(Value::Octets(bytes), Value::Text);
                prop_assert_eq!(value, expected);
            }
        }
    }
}
