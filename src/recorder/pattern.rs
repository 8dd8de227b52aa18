//! Patterns of paths: `*` stands for any part of one segment, `**` for anything.
//!
//! It decodes nothing: a path is matched as it was sent.

use std::fmt;
use std::str::FromStr;

/// A pattern of paths, such as `/api/*/chats` or `/api/**`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern(String);

/// A text that is no pattern of paths.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no path: expected one such as /api/**, without query")]
pub struct PathPatternError(String);

impl FromStr for PathPattern {
    type Err = PathPatternError;

    fn from_str(text: &str) -> Result<Self, PathPatternError> {
        if text.starts_with('/') && !text.contains(['?', '#']) {
            Ok(PathPattern(text.to_owned()))
        } else {
            Err(PathPatternError(text.to_owned()))
        }
    }
}

impl PathPattern {
    /// Whether a path, without its query, is as the pattern says.
    pub fn matches(&self, path: &str) -> bool {
        matches(&self.0, path)
    }

    /// Whether it stands for every path.
    pub(super) fn is_every(&self) -> bool {
        let rest = self.0.strip_prefix('/').unwrap_or(&self.0);
        rest.starts_with("**") && rest.bytes().all(|byte| byte == b'*')
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `text` is as `pattern` says. It takes time in proportion to their product, whatever
/// stands in them.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    // Which beginnings of the text, by length, the pattern so far stands for.
    let mut ends = vec![false; text.len() + 1];
    if let Some(first) = ends.first_mut() {
        *first = true;
    }
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("**") {
            ends = stretched(&ends, text, |_| true);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('*') {
            ends = stretched(&ends, text, |byte| byte != b'/');
            rest = after;
        } else {
            let (one, after) = rest.split_at(c.len_utf8());
            let step = |(end, there): (usize, &bool)| {
                let fits = text.get(end..).is_some_and(|text| text.starts_with(one));
                (*there && fits).then_some(end + one.len())
            };
            let reached: Vec<usize> = ends.iter().enumerate().filter_map(step).collect();
            ends.fill(false);
            for end in reached {
                if let Some(there) = ends.get_mut(end) {
                    *there = true;
                }
            }
            rest = after;
        }
    }
    ends.last() == Some(&true)
}

/// The beginnings that come of those in `ends` by adding any bytes that `wild` stands for.
fn stretched(ends: &[bool], text: &str, wild: impl Fn(u8) -> bool) -> Vec<bool> {
    let mut open = false;
    let bytes = std::iter::once(None).chain(text.bytes().map(Some));
    ends.iter()
        .zip(bytes)
        .map(|(there, byte)| {
            open = *there || (open && byte.is_some_and(&wild));
            open
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_segments_and_for_anything() {
        for (pattern, text, expected) in [
            ("/api", "/api", true),
            ("/api", "/api/", false),
            ("/api/*", "/api/me", true),
            ("/api/*", "/api/me/chats", false),
            ("/api/*/chats", "/api/me/chats", true),
            ("/api/**", "/api/me/chats", true),
            ("/api/**", "/api", false),
            ("/**/chats", "/api/v2/me/chats", true),
            ("/a*c", "/abbbc", true),
            ("/a*c", "/ab/c", false),
            ("**", "", true),
            ("/é*", "/éa", true),
            ("/*", "/é", true),
            ("image/*", "image/svg+xml", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_longer_than_another() {
        let pattern = "/*a".repeat(300);
        let text = "/aaaaaaaaaa".repeat(300);
        assert!(!matches(&pattern, &format!("{text}b")));
    }
}
