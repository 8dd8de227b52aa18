//! Header fields: an ordered list, since order and repetition are part of what was said.

use std::fmt;
use std::ops::Range;

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
pub struct Headers(Option<Box<Fields>>);

/// One field or more. They stand one behind the other, so that they are made and dropped at once and not
/// name by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Fields {
    names: String,
    values: Vec<u8>,
    /// Where each name ends, and each value.
    ends: Vec<(usize, usize)>,
}

static NONE: Fields = Fields {
    names: String::new(),
    values: Vec::new(),
    ends: Vec::new(),
};

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

    /// Appends a field line.
    pub fn push(&mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) {
        let fields = self.0.get_or_insert_default();
        fields.names.push_str(name.as_ref());
        fields.values.extend_from_slice(value.as_ref());
        let ends = (fields.names.len(), fields.values.len());
        fields.ends.push(ends);
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let fields = self.fields();
        let places = fields.places();
        places.map(|place| (fields.name(&place), fields.value(&place)))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The value of the first field of this name (names are compared without case, RFC 9110 §5.1).
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let fields = self.fields();
        // Most names differ in their length, and are not looked at.
        let mut places = (fields.places()).filter(|place| place.name.len() == name.len());
        let place = places.find(|place| fields.name(place).eq_ignore_ascii_case(name))?;
        Some(fields.value(&place))
    }

    /// How many bytes the names and values have.
    pub fn length(&self) -> usize {
        let fields = self.fields();
        fields.names.len() + fields.values.len()
    }

    fn fields(&self) -> &Fields {
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl Fields {
    fn places(&self) -> impl Iterator<Item = Place> {
        let (mut name, mut value) = (0, 0);
        self.ends.iter().map(move |(name_end, value_end)| Place {
            name: std::mem::replace(&mut name, *name_end)..*name_end,
            value: std::mem::replace(&mut value, *value_end)..*value_end,
        })
    }

    fn name(&self, place: &Place) -> &str {
        self.names.get(place.name.clone()).unwrap_or_default()
    }

    fn value(&self, place: &Place) -> &[u8] {
        self.values.get(place.value.clone()).unwrap_or_default()
    }
}

/// Where a field stands.
struct Place {
    name: Range<usize>,
    value: Range<usize>,
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
        let mut headers = Headers::new();
        for (name, value) in fields {
            headers.push(name, value);
        }
        headers
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
