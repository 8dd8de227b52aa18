//! By which name a value stands in the text of an event, as a tape writes it.
//!
//! A name is a value's own or none: that of a neighbour says nothing of it, and those that the tape gives its own
//! members are no names of messages.

use std::ops::Range;

/// A text with values in it that may have names.
pub(super) struct Named<'a> {
    text: &'a str,
    /// Where header fields stand in it, and bodies that are JSON, in order.
    parts: Vec<(Part, Range<usize>)>,
}

/// What stands in a part of an event's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Fields,
    Json,
}

/// What stands before a part.
const MARKS: [(&str, Part); 4] = [
    ("\"headers\":[", Part::Fields),
    ("\"trailers\":[", Part::Fields),
    ("\"body\":{\"json\":", Part::Json),
    ("\"data\":{\"json\":", Part::Json),
];

impl<'a> Named<'a> {
    /// The text of an event.
    pub(super) fn event(text: &'a str) -> Named<'a> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some((begin, part)) = next_mark(text, at) {
            let end = begin + value_length(text.get(begin..).unwrap_or_default());
            parts.push((part, begin..end));
            at = end;
        }
        Named { text, parts }
    }

    /// A text that stands alone.
    pub(super) fn alone(text: &'a str) -> Named<'a> {
        let parts = Vec::new();
        Named { text, parts }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The name of the value in whose middle a place is, where a message has that name: of a header field, or of a
    /// member of its JSON, also of such that stands as text.
    pub(super) fn name(&self, at: usize) -> Option<&'a str> {
        let before = self.text.get(..at)?;
        let (left, _) = before.rsplit_once('"')?;
        // The name must stand there, too.
        match self.part(left.len().checked_sub(1)?) {
            Some(Part::Fields) => return field(left),
            // In JSON that stands as text, quotes have a backslash.
            None if !left.ends_with('\\') => return None,
            Some(Part::Json) | None => {}
        }
        let named = left.trim_end_matches('\\').trim_end().strip_suffix(':')?;
        let named = named.trim_end().strip_suffix('"')?;
        let (_, name) = named.trim_end_matches('\\').rsplit_once('"')?;
        Some(name)
    }

    fn part(&self, at: usize) -> Option<Part> {
        let found = self.parts.iter().find(|(_, range)| range.contains(&at));
        found.map(|(part, _)| *part)
    }
}

/// Where the next part begins, and what stands in it.
fn next_mark(text: &str, at: usize) -> Option<(usize, Part)> {
    let rest = text.get(at..)?;
    let marks = MARKS.iter().filter_map(|(mark, part)| {
        let found = at + rest.find(mark)?;
        // That of the fields belongs to the value.
        let opened = usize::from(*part == Part::Fields);
        Some((found + mark.len() - opened, *part))
    });
    marks.min_by_key(|(begin, _)| *begin)
}

/// How long the JSON value is that a text begins with: all of the text, where that is a part of one.
fn value_length(text: &str) -> usize {
    let (mut depth, mut is_string, mut is_escaped) = (0_usize, false, false);
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_string,
            b'"' => is_string = !is_string,
            b'{' | b'[' if !is_string => depth += 1,
            b'}' | b']' | b',' if !is_string && depth == 0 => return place,
            b'}' | b']' if !is_string => {
                depth -= 1;
                if depth == 0 {
                    return place + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// The name of the header field whose value begins behind this.
fn field(left: &str) -> Option<&str> {
    let (pair, name) = left.strip_suffix("\",")?.rsplit_once('"')?;
    pair.ends_with('[').then_some(name)
}
