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

/// All names stand one behind the other, and so do all values: to keep each by itself takes more than to
/// copy them, for every message that passes.
#[derive(Clone, Default, PartialEq, Eq)]
struct Fields {
    names: String,
    values: Vec<u8>,
    /// Where the name and the value of each field end.
    ends: Vec<(usize, usize)>,
}

/// How long a name and a value are, about, where room is made for those of a message.
const USUAL: (usize, usize) = (16, 24);

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
        let (mut count, mut names, mut values) = (0, 0, 0);
        for (name, value) in fields() {
            count += 1;
            names += name.len();
            values += value.len();
        }
        let room = (count > 0).then(|| {
            Box::new(Fields {
                names: String::with_capacity(names),
                values: Vec::with_capacity(values),
                ends: Vec::with_capacity(count),
            })
        });
        let mut headers = Headers(room);
        for (name, value) in fields() {
            headers.push(name, value);
        }
        headers
    }

    /// These fields in place of those that stand there, in the same memory.
    #[must_use]
    pub fn replaced<'a>(self, fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let Some(mut room) = self.0 else {
            return fields.collect();
        };
        room.names.clear();
        room.values.clear();
        room.ends.clear();
        fields.for_each(|(name, value)| room.push(name, value));
        Headers((!room.ends.is_empty()).then_some(room))
    }

    /// Appends a field line.
    pub fn push(&mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) {
        let fields = self.0.get_or_insert_with(|| Box::new(Fields::with_room(1)));
        fields.push(name.as_ref(), value.as_ref());
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().flat_map(|fields| fields.iter())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The value of the first field of this name (names are compared without case, RFC 9110 §5.1).
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let fields = self.0.as_ref()?;
        let mut begin = (0, 0);
        for end in &fields.ends {
            let (from, value) = std::mem::replace(&mut begin, *end);
            // Nearly all are told apart by their lengths alone.
            if end.0 - from == name.len()
                && let Some(candidate) = fields.names.get(from..end.0)
                // Nearly all that are as long are the same to the letter, which is seen in a fraction of the time.
                && (candidate == name || candidate.eq_ignore_ascii_case(name))
            {
                return fields.values.get(value..end.1);
            }
        }
        None
    }

    /// How many bytes the names and values have.
    pub fn length(&self) -> usize {
        let fields = self.0.as_deref();
        fields.map_or(0, |fields| fields.names.len() + fields.values.len())
    }
}

impl Fields {
    /// Without any yet, and with room for so many usual ones.
    fn with_room(count: usize) -> Fields {
        Fields {
            names: String::with_capacity(count * USUAL.0),
            values: Vec::with_capacity(count * USUAL.1),
            ends: Vec::with_capacity(count),
        }
    }

    fn push(&mut self, name: &str, value: &[u8]) {
        self.names.push_str(name);
        self.values.extend_from_slice(value);
        self.ends.push((self.names.len(), self.values.len()));
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut begin = (0, 0);
        self.ends.iter().map(move |end| {
            let (name, value) = std::mem::replace(&mut begin, *end);
            (
                self.names.get(name..end.0).unwrap_or_default(),
                self.values.get(value..end.1).unwrap_or_default(),
            )
        })
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
        Headers((!fields.ends.is_empty()).then(|| Box::new(fields)))
    }
}

#[cfg(test)]
mod tests {
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
            assert_eq!(before.clone().replaced(fields.into_iter()), headers);
            assert!(before.replaced(std::iter::empty()).is_empty());
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
}
