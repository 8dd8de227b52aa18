//! URLs that got spaces or line breaks: `http: //10.10.15.212: 9090/api/v2/users/` and the rest on
//! another line.

use super::token::is_identifier;
use super::{Mend, Offset};

const SCHEMES: [&str; 4] = ["https", "http", "wss", "ws"];

/// Mends a string that has a damaged URL; `None` where it has none.
pub(super) fn mend(text: &str) -> Option<Mend> {
    memchr::memchr3(b' ', b'\n', b'\t', text.as_bytes())?;
    let trimmed = text.trim_matches('\n');
    if let Some((scheme, rest)) = split_scheme(trimmed)
        && let Some(url) = whole_url(scheme, rest)
    {
        return (url != text).then(|| mended(text, url));
    }
    if text.contains('\n') {
        return None;
    }
    let repaired = within_prose(text);
    (repaired != text).then(|| mended(text, repaired))
}

fn mended(text: &str, url: String) -> Mend {
    if url.trim_end().ends_with("://") {
        return Mend::Hopeless {
            offset: Offset::Start,
            message: format!("`{text}` is a URL without a host"),
        };
    }
    let why = match (text.contains([' ', '\t']), text.contains('\n')) {
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
    let more_colons = authority.contains(['@', '[']);
    for (index, part) in authority.split(':').enumerate() {
        let part = part.trim();
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        if part.contains([' ', '\t']) || (index > 0 && !digits && !more_colons) {
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
fn within_prose(text: &str) -> String {
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
            Some(url) if slashes.len() < after.len() => {
                repaired.push_str("//");
                rest = mend_port(url.trim_start_matches(' '), &mut repaired);
            }
            _ => rest = after,
        }
    }
    repaired.push_str(rest);
    repaired
}

/// Copies `host: 9090` without its space where a path or the end follows; gives what is left.
fn mend_port<'t>(url: &'t str, repaired: &mut String) -> &'t str {
    let host_end = url.find([':', '/', ' ']).unwrap_or(url.len());
    let (host, rest) = url.split_at(host_end);
    repaired.push_str(host);
    let Some(after) = rest.strip_prefix(':') else {
        return rest;
    };
    let port = after.trim_start_matches(' ');
    let digits = port.bytes().take_while(u8::is_ascii_digit).count();
    let end = port.get(digits..).unwrap_or_default();
    if digits > 0 && port.len() < after.len() && (end.is_empty() || end.starts_with('/')) {
        repaired.push(':');
        return port;
    }
    rest
}
