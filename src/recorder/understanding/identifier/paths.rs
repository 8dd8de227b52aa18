//! Targets, paths and channels, and the segments in them.
//!
//! Which of them identify something is the business of [`super::of_path`].

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memchr2};

/// A target without its query and fragment.
pub(in crate::recorder::understanding) fn path_of(target: &str) -> &str {
    let end = memchr2(b'?', b'#', target.as_bytes());
    end.map_or(target, |end| target.get(..end).unwrap_or_default())
}

/// The query of a target, with the fragment behind it.
pub(in crate::recorder::understanding) fn query_of(target: &str) -> &str {
    let begins = memchr(b'?', target.as_bytes());
    let query = begins.and_then(|begins| target.get(begins + 1..));
    query.unwrap_or_default()
}

/// The last segment of a path that says anything.
pub(in crate::recorder::understanding) fn last_segment(path: &str) -> Option<&str> {
    segments_back(path).find(|segment| !segment.is_empty())
}

/// Whether a segment of a path may say what it is about.
pub(in crate::recorder::understanding) fn is_word(segment: &str) -> bool {
    !segment.is_empty() && !segment.bytes().any(|byte| byte.is_ascii_digit())
}

/// The path of a URL; a path as it is.
pub(super) fn without_origin(url: &str) -> &str {
    let after = |colon: usize| url.get(colon..)?.strip_prefix("://");
    let Some(rest) = memchr_iter(b':', url.as_bytes()).find_map(after) else {
        return url;
    };
    let path = memchr(b'/', rest.as_bytes()).and_then(|slash| rest.get(slash + 1..));
    path.unwrap_or_default()
}

/// What stands between the separators of a path and a query.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> {
    let separates = |byte| matches!(byte, b'/' | b'?' | b'&' | b'=' | b'#' | b';');
    let mut rest = Some(path);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.bytes().position(separates);
        rest = end.and_then(|end| text.get(end + 1..));
        end.map_or(Some(text), |end| text.get(..end))
    })
}

/// What stands between the slashes of a path, the last first.
pub(super) fn segments_back(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(path);
    std::iter::from_fn(move || {
        let text = rest?;
        let begin = text.bytes().rposition(|byte| byte == b'/');
        rest = begin.and_then(|begin| text.get(..begin));
        begin.map_or(Some(text), |begin| text.get(begin + 1..))
    })
}

/// The segment without percent encoding (RFC 3986 §2.1).
pub(super) fn unescaped(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%');
        let code = code.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = code.and_then(|_| after.get(2..)).unwrap_or(after);
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(segment), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_path_is_taken_apart_as_by_patterns(
            path in "(http|:|://|/|[a-z0-9]{1,3}|[?&=#;%é. ]){0,12}",
        ) {
            let separates = |c| matches!(c, '/' | '?' | '&' | '=' | '#' | ';');
            prop_assert!(segments(&path).eq(path.split(separates)));
            prop_assert!(segments_back(&path).eq(path.rsplit('/')));
            let ends = path.split(['?', '#']).next();
            prop_assert_eq!(Some(path_of(&path)), ends);
            let query = path.split_once('?').map_or("", |(_, query)| query);
            prop_assert_eq!(query_of(&path), query);
            let behind = path.split_once("://").map_or(path.as_str(), |(_, rest)| {
                rest.split_once('/').map_or("", |(_, path)| path)
            });
            prop_assert_eq!(without_origin(&path), behind);
        }
    }
}
