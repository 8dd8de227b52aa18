//! Where the scalars of a JSON text stand: each with its place and its bytes.
//!
//! It reads; what a scalar means, and what may stand there instead, others decide.

use std::ops::Range;

use serde_json::value::RawValue;

use super::json::{MAX_DEPTH, Members, token};

/// A string or a number in a JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Where: a JSON Pointer (RFC 6901).
    pub pointer: String,
    /// What it is.
    pub kind: Kind,
    /// A string without its escapes; a number as it is written.
    pub text: String,
    /// Its bytes in the text: of a string what stands between the quotes.
    pub range: Range<usize>,
}

/// What a [`Leaf`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    String,
    /// A number.
    Number,
}

/// The strings and numbers of a JSON text, in order; none where it is not JSON, or nests beyond the
/// depth to which JSON is read.
pub fn leaves(text: &[u8]) -> Vec<Leaf> {
    let mut found = Vec::new();
    let Ok(raw) = serde_json::from_slice::<&RawValue>(text) else {
        return found;
    };
    let start = text.as_ptr() as usize;
    match walk(raw, start, &mut String::new(), MAX_DEPTH, &mut found) {
        Some(()) => found,
        None => Vec::new(),
    }
}

/// Collects the leaves of a value; `None` where it nests too deep.
fn walk(
    raw: &RawValue,
    start: usize,
    pointer: &mut String,
    depth: usize,
    found: &mut Vec<Leaf>,
) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let text = raw.get();
    let at = (text.as_ptr() as usize).checked_sub(start)?;
    let above = pointer.len();
    let mut leaf = |kind, text: String, range| {
        found.push(Leaf {
            pointer: pointer.clone(),
            kind,
            text,
            range,
        });
    };
    match text.as_bytes().first()? {
        b'n' | b't' | b'f' => {}
        b'"' => {
            let content = serde_json::from_str(text).ok()?;
            leaf(Kind::String, content, at + 1..at + text.len() - 1);
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            for (place, item) in items.into_iter().enumerate() {
                pointer.push_str(&token(&place.to_string()));
                walk(item, start, pointer, depth, found)?;
                pointer.truncate(above);
            }
        }
        b'{' => {
            let Members(pairs) = serde_json::from_str(text).ok()?;
            for (name, value) in pairs {
                pointer.push_str(&token(&name));
                walk(value, start, pointer, depth, found)?;
                pointer.truncate(above);
            }
        }
        _ => leaf(Kind::Number, text.to_owned(), at..at + text.len()),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scalar_has_its_place_and_its_bytes() {
        let text = r#" {"a": ["x\n", -1.50], "b/c": {"d": "é"}, "e": null, "f": true} "#;
        let found: Vec<(String, String, &str)> = leaves(text.as_bytes())
            .into_iter()
            .map(|leaf| (leaf.pointer, leaf.text, &text[leaf.range]))
            .collect();
        let leaf = |pointer: &str, value: &str, bytes| (pointer.into(), value.into(), bytes);
        assert_eq!(
            found,
            [
                leaf("/a/0", "x\n", r"x\n"),
                leaf("/a/1", "-1.50", "-1.50"),
                leaf("/b~1c/d", "é", "é"),
            ]
        );
    }

    #[test]
    fn what_is_no_json_or_nests_too_deep_has_none() {
        for text in ["", "x", "[1", r#"{"a":1"#] {
            assert_eq!(leaves(text.as_bytes()), []);
        }
        let nested = |levels| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(leaves(nested(100).as_bytes()).len(), 1);
        assert_eq!(leaves(nested(200).as_bytes()), []);
    }
}
