//! URLs that got spaces or line breaks: `http: //10.10.15.212: 9090/api/v2/users/` and the rest on
//! another line.

use super::token::{furniture, is_identifier};
use super::{Mend, Offset};

const SCHEMES: [&str; 4] = ["https", "http", "wss", "ws"];

/// Mends a string that has a damaged URL; `None` where it has none.
pub(super) fn mend(text: &str) -> Option<Mend> {
    memchr::memchr3(b' ', b'\n', b'\t', text.as_bytes())?;
    let trimmed = text.trim_matches('\n');
    if let Some((scheme, rest)) = split_scheme(trimmed)
        && let Some(url) = whole_url(scheme, rest)
    {
        return furniture(text).or_else(|| (url != text).then(|| mended(text, url)));
    }
    if text.contains('\n') {
        return None;
    }
    match within_prose(text) {
        Ok(repaired) => (repaired != text).then(|| mended(text, repaired)),
        Err(Unclear) => Some(Mend::Hopeless {
            offset: Offset::Start,
            message: format!("`{text}` has a damaged URL, and nobody can tell where it ends"),
        }),
    }
}

/// A damaged URL whose end nobody can tell.
struct Unclear;

fn mended(text: &str, url: String) -> Mend {
    if url.trim_end().ends_with("://") {
        return Mend::Hopeless {
            offset: Offset::Start,
            message: format!("`{text}` is a URL without a host"),
        };
    }
    let why = match (has_blanks(text), text.contains('\n')) {
        (true, true) => "a URL has neither spaces nor line breaks",
        (false, true) => "a URL has no line breaks",
        _ => "a URL has no spaces",
    };
    Mend::Mended {
        text: url,
        why: why.into(),
        moment: None,
    }
}

fn has_blanks(text: &str) -> bool {
    memchr::memchr2(b' ', b'\t', text.as_bytes()).is_some()
}

fn is_scheme(word: &str) -> bool {
    SCHEMES
        .iter()
        .any(|scheme| scheme.eq_ignore_ascii_case(word))
}

/// The scheme that a text begins with, and what follows `://`, however far apart these stand.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let length = text.find(|c: char| !c.is_ascii_alphabetic())?;
    let scheme = text.get(..length)?;
    if !is_scheme(scheme) {
        return None;
    }
    let rest = text.get(length..)?.trim_start().strip_prefix(':')?;
    let rest = rest.trim_start().strip_prefix('/')?.trim_start();
    Some((scheme, rest.strip_prefix('/')?.trim_start()))
}

/// The URL that a whole text is, without white space; `None` where it may be more than a URL.
fn whole_url(scheme: &str, rest: &str) -> Option<String> {
    let length = memchr::memchr3(b'/', b'?', b'#', rest.as_bytes()).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(length)?;
    let mut url = String::with_capacity(scheme.len() + "://".len() + rest.len());
    url.push_str(scheme);
    url.push_str("://");
    push_authority(&mut url, authority)?;
    push_path(&mut url, path)?;
    Some(url)
}

/// Writes a host and its port without white space around the colon and without line breaks.
fn push_authority(url: &mut String, authority: &str) -> Option<()> {
    let more_colons = memchr::memchr2(b'@', b'[', authority.as_bytes()).is_some();
    for (index, part) in authority.split(':').enumerate() {
        let part = part.trim();
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        if has_blanks(part) || (index > 0 && !digits && !more_colons) {
            return None;
        }
        if index > 0 {
            url.push(':');
        }
        url.extend(part.split('\n'));
    }
    Some(())
}

/// Writes a path joined at its line breaks, and at a space that stands where a line break did: after a
/// slash and before an identifier.
fn push_path(url: &mut String, path: &str) -> Option<()> {
    for line in path.split('\n') {
        if !has_blanks(line) {
            url.push_str(line);
            continue;
        }
        let pieces = line.split([' ', '\t']).filter(|piece| !piece.is_empty());
        for (index, piece) in pieces.enumerate() {
            let number = piece.bytes().all(|byte| byte.is_ascii_digit());
            if index > 0 && !(url.ends_with('/') && (number || is_identifier(piece))) {
                return None;
            }
            url.push_str(piece);
        }
    }
    Some(())
}

/// Takes the spaces off inside the beginnings of URLs (`http: //host: 9090/`) that stand in other text.
fn within_prose(text: &str) -> Result<String, Unclear> {
    let mut repaired = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(colon) = rest.find(':') {
        let before = rest.get(..colon).unwrap_or_default();
        let after = rest.get(colon + 1..).unwrap_or_default();
        let word = before
            .rfind(|c: char| !c.is_ascii_alphanumeric())
            .map_or(before, |place| before.get(place..).unwrap_or_default());
        let word = word.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        repaired.push_str(before);
        repaired.push(':');
        let slashes = after.trim_start_matches(' ');
        match slashes.strip_prefix("//").filter(|_| is_scheme(word)) {
            Some(url) => {
                let spaced = slashes.len() < after.len();
                repaired.push_str("//");
                let url = if spaced {
                    url.trim_start_matches(' ')
                } else {
                    url
                };
                rest = mend_port(url, spaced, &mut repaired)?;
            }
            None => rest = after,
        }
    }
    repaired.push_str(rest);
    Ok(repaired)
}

/// Copies `host: 9090` without its space where a path or the end follows; gives what is left. A URL that
/// had spaces is unclear where it ends in the middle of a port or at a slash with more text behind it.
fn mend_port<'t>(url: &'t str, spaced: bool, repaired: &mut String) -> Result<&'t str, Unclear> {
    let host_end = url.find([':', '/', ' ']).unwrap_or(url.len());
    let (host, rest) = url.split_at(host_end);
    repaired.push_str(host);
    let port = rest.strip_prefix(':').unwrap_or_default();
    let digits = port.trim_start_matches(' ');
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let end = digits.get(count..).unwrap_or_default();
    let mut left = rest;
    let mut mended = spaced;
    if count > 0 && digits.len() < port.len() {
        if end.is_empty() || end.starts_with('/') {
            repaired.push(':');
            left = digits;
            mended = true;
        } else if spaced {
            return Err(Unclear);
        }
    }
    let length = left.find(' ').unwrap_or(left.len());
    let (own, more) = left.split_at(length);
    if mended && own.ends_with('/') && !more.trim().is_empty() {
        return Err(Unclear);
    }
    Ok(left)
}
