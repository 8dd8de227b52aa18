//! Patterns of names, as people write them.

use std::fmt;
use std::str::FromStr;

use super::bare;

/// The longest pattern of a name: longer than any name that a person gives a field.
const MAX_PATTERN: usize = 200;

/// A name as people choose it: case and punctuation count for nothing, and `*` stands for anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern {
    written: String,
    /// What stands between the stars.
    pieces: Vec<String>,
}

/// A text that is no pattern of names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no pattern of names: expected letters or digits, or `*`, and at most {MAX_PATTERN} bytes")]
pub struct NoPattern;

impl NamePattern {
    /// Whether a field of this name is meant.
    pub fn means(&self, name: &str) -> bool {
        self.fits(&bare(name))
    }

    pub(super) fn fits(&self, bare: &str) -> bool {
        let Some((first, rest)) = self.pieces.split_first() else {
            return false;
        };
        let Some(mut left) = bare.strip_prefix(first.as_str()) else {
            return false;
        };
        let Some((last, between)) = rest.split_last() else {
            return left.is_empty();
        };
        for piece in between {
            match left.split_once(piece.as_str()) {
                Some((_, after)) => left = after,
                None => return false,
            }
        }
        left.ends_with(last.as_str())
    }
}

impl FromStr for NamePattern {
    type Err = NoPattern;

    fn from_str(text: &str) -> Result<Self, NoPattern> {
        let pieces: Vec<String> = text.split('*').map(bare).collect();
        let says = pieces.len() > 1 || pieces.iter().any(|piece| !piece.is_empty());
        if !says || text.len() > MAX_PATTERN || text.chars().any(char::is_control) {
            return Err(NoPattern);
        }
        Ok(NamePattern {
            written: text.to_owned(),
            pieces,
        })
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_something_to_compare() {
        for text in ["", "--", "a\nb"] {
            assert!(text.parse::<NamePattern>().is_err(), "{text:?}");
        }
    }
}
