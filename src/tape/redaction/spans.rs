//! Secrets in plain text: the values of `name=value`, the passwords of URLs, signed tokens, and what
//! the rules match.
//!
//! It finds bytes; what is put there is the business of [`super::text`].

use std::ops::Range;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use memchr::memmem::Finder;
use regex::Regex;

use crate::exchange::secret::{Names, is_value};

use super::spelling::Spelling;
use super::{Personal, RuleError, Rules, personal};

/// What a JSON object of a token's header begins with, in base64.
static SIGNED: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("eyJ"));

/// What the authority of a URL stands behind (RFC 3986 §3).
static AUTHORITY: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("://"));

/// A secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) range: Range<usize>,
    /// The name that it has there, if any.
    pub(super) name: Option<String>,
    pub(super) spelling: Spelling,
}

/// A place in JSON, whose steps are names, numbers, or any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer(Vec<Option<String>>);

impl Pointer {
    pub(super) fn new(text: &str) -> Result<Pointer, RuleError> {
        let Some(steps) = text.strip_prefix('/') else {
            return Err(RuleError::Pointer);
        };
        let steps = steps
            .split('/')
            .map(|step| (step != "*").then(|| step.to_owned()));
        Ok(Pointer(steps.collect()))
    }

    /// Whether it names the place of this pointer.
    pub(super) fn fits(&self, pointer: &str) -> bool {
        let mut steps = pointer.split('/').skip(1);
        let fits = self
            .0
            .iter()
            .all(|expected| match (expected, steps.next()) {
                (Some(expected), Some(step)) => expected == step,
                (None, step) => step.is_some(),
                (Some(_), None) => false,
            });
        fits && steps.next().is_none()
    }
}

/// The secrets in a text, in order, none inside another.
pub(super) fn find(rules: &Rules, text: &str) -> Vec<Span> {
    let mut spans = assigned(&rules.names, text);
    spans.extend(passwords(text));
    spans.extend(signed(text));
    for pattern in &rules.patterns {
        spans.extend(matched(pattern, text));
    }
    if rules.personal == Personal::Replaced {
        spans.extend(personal::find(text).map(plain));
    }
    ordered(spans)
}

/// Spans in their order, the longer first, without those that begin inside another.
pub(super) fn ordered(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.range.start, std::cmp::Reverse(span.range.end)));
    let mut end = 0;
    spans.retain(|span| {
        let free = span.range.start >= end && !span.range.is_empty();
        if free {
            end = span.range.end;
        }
        free
    });
    spans
}

fn plain(range: Range<usize>) -> Span {
    Span {
        range,
        name: None,
        spelling: Spelling::Plain,
    }
}

fn matched<'a>(pattern: &'a Regex, text: &'a str) -> impl Iterator<Item = Span> + 'a {
    pattern
        .captures_iter(text)
        .filter_map(|found| found.get(1).or_else(|| found.get(0)))
        .map(|found| plain(found.range()))
}

/// The values that stand behind a secret's name and `=`: in queries, parameters of paths and of header
/// fields, and wherever else people write so.
fn assigned(names: &Names, text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    for (equals, _) in text.match_indices('=') {
        let before = text.get(..equals).unwrap_or_default();
        let name = before
            .rsplit(|c: char| !is_of_name(c))
            .next()
            .unwrap_or_default();
        if name.is_empty() || !names.is_secret(&Spelling::Percent.read(name)) {
            continue;
        }
        let of_path = before.ends_with(&format!(";{name}"));
        let mut value = value_at(text, equals + 1);
        if of_path {
            let written = text.get(value.clone()).unwrap_or_default();
            value.end = value.start + written.find(['/', '?']).unwrap_or(written.len());
        }
        let written = text.get(value.clone()).unwrap_or_default();
        if is_value(written) {
            spans.push(Span {
                range: value,
                name: Some(name.to_owned()),
                spelling: Spelling::Percent,
            });
        }
    }
    spans
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || "_.-$[]%:".contains(c)
}

/// The value that begins here: up to the quote where one opens it, else up to what ends it.
fn value_at(text: &str, start: usize) -> Range<usize> {
    let rest = text.get(start..).unwrap_or_default();
    if let Some(quote @ ('"' | '\'')) = rest.chars().next() {
        let inside = rest.get(1..).unwrap_or_default();
        let length = inside.find(quote).unwrap_or(inside.len());
        return start + 1..start + 1 + length;
    }
    let ends = |c: char| c.is_whitespace() || c.is_control() || "&;\"'<>#,)}]".contains(c);
    start..start + rest.find(ends).unwrap_or(rest.len())
}

/// The passwords in the authorities of URLs (RFC 3986 §3.2.1).
fn passwords(text: &str) -> impl Iterator<Item = Span> + '_ {
    AUTHORITY
        .find_iter(text.as_bytes())
        .filter_map(move |place| {
            let start = place + AUTHORITY.needle().len();
            let rest = text.get(start..)?;
            let end = rest.find(|c: char| c.is_whitespace() || "/?#\"'<>\\".contains(c));
            let authority = rest.get(..end.unwrap_or(rest.len()))?;
            let (userinfo, _) = authority.rsplit_once('@')?;
            let (user, password) = userinfo.split_once(':')?;
            let start = start + user.len() + 1;
            is_value(password).then(|| Span {
                range: start..start + password.len(),
                name: Some("password".into()),
                spelling: Spelling::Percent,
            })
        })
}

/// The JSON Web Tokens (RFC 7519) in a text.
fn signed(text: &str) -> impl Iterator<Item = Span> + '_ {
    let mut past = 0;
    SIGNED.find_iter(text.as_bytes()).filter_map(move |place| {
        let inside = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let before = text.get(..place)?.chars().next_back();
        if place < past || before.is_some_and(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            return None;
        }
        let rest = text.get(place..)?;
        let length = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        let token = rest.get(..length)?.trim_end_matches('.');
        let fields = token.split('.').count();
        let (header, _) = token.split_once('.')?;
        let decoded = URL_SAFE_NO_PAD.decode(header).ok()?;
        let json = std::str::from_utf8(&decoded).ok()?.trim();
        past = place + token.len();
        ((2..=5).contains(&fields) && json.starts_with('{') && json.ends_with('}'))
            .then(|| plain(place..past))
    })
}

#[cfg(test)]
mod tests {
    use super::super::Redaction;
    use super::*;

    fn found(redaction: &Redaction, text: &str) -> Vec<String> {
        let spans = find(&Rules::new(redaction).unwrap(), text);
        let found = spans.into_iter().map(|span| text[span.range].to_owned());
        found.collect()
    }

    #[test]
    fn secrets_are_found_where_their_names_stand() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln";
        for (text, expected) in [
            (
                "/a;jsessionid=7F3A/b?x=1&token=a%20b&y#access_token=c",
                &["7F3A", "a%20b", "c"][..],
            ),
            ("https://u:p%40ss@h:8080/x, http://h/@b:c", &["p%40ss"]),
            (
                "realm=\"r\", signature=\"a, b\", password='c d' pwd=e;",
                &["a, b", "c d", "e"],
            ),
            (
                "user[password]=x&user%5Btoken%5D=y&csrf=&sid=true",
                &["x", "y"],
            ),
            ("token_type=bearer&key=a&state=b", &[]),
            (
                &format!("x {jwt}. xeyJhbGciOiJIUzI1NiJ9.a eyJx.b eyJhbGciOiJIUzI1NiJ9"),
                &[jwt],
            ),
        ] {
            assert_eq!(found(&Redaction::default(), text), expected, "{text}");
        }
    }

    #[test]
    fn patterns_find_what_they_match_or_their_first_group() {
        let redaction = Redaction {
            patterns: vec!["CUST-[0-9]+".into(), "name: ([a-z]+)".into()],
            ..Redaction::default()
        };
        assert_eq!(
            found(&redaction, "CUST-17 name: bob CUST-"),
            ["CUST-17", "bob"]
        );
    }

    #[test]
    fn a_pointer_fits_its_place_alone() {
        let pointer = Pointer::new("/a/*/b~1c").unwrap();
        for (place, fits) in [
            ("/a/0/b~1c", true),
            ("/a/x/b~1c", true),
            ("/a/b~1c", false),
            ("/a/0/b~1c/d", false),
            ("/a/0", false),
        ] {
            assert_eq!(pointer.fits(place), fits, "{place}");
        }
        assert!(Pointer::new("a/b").is_err());
    }
}
