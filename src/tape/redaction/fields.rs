//! Header fields: credentials, cookies, challenges, and those that are secret by name.
//!
//! What stands in other fields is text like any other.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::exchange::Headers;

use super::seen::{Outcome, Piece};
use super::walk::Walk;

/// The parameters of credentials (RFC 7616 §3.4, and signatures alike) that are no secrets.
const TELLING: &[&str] = &[
    "username",
    "username*",
    "realm",
    "uri",
    "qop",
    "algorithm",
    "nc",
    "userhash",
    "charset",
    "domain",
    "stale",
    "signedheaders",
    "headers",
    "keyid",
    "oauth_consumer_key",
    "oauth_signature_method",
    "oauth_version",
    "oauth_timestamp",
    "version",
    "created",
    "expires",
];

/// The parameters of a challenge that come back in credentials.
const CHALLENGING: &[&str] = &["nonce", "opaque", "nextnonce", "rspauth", "cnonce"];

/// The fields that carry credentials (RFC 9110 §11.6.2, §11.7.2).
const CREDENTIALS: &[&str] = &["authorization", "proxy-authorization"];

/// The fields that challenge, and that answer credentials (RFC 9110 §11.6.1, §11.6.3, §11.7.1).
const CHALLENGES: &[&str] = &[
    "www-authenticate",
    "proxy-authenticate",
    "authentication-info",
];

/// The name of a field in lower case.
struct Lower<'a>(&'a str);

impl fmt::Display for Lower<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut letters = self.0.chars().map(|c| c.to_ascii_lowercase());
        letters.try_for_each(|c| f.write_char(c))
    }
}

impl Walk<'_> {
    /// The fields of a message, edited; `None` where all stay.
    pub(super) fn headers(&mut self, headers: &Headers) -> Option<Headers> {
        let knowledge = (!headers.is_empty())
            .then(|| self.edit.knowledge())
            .flatten();
        if let Some(knowledge) = knowledge
            && let Some(outcome) = self.edit.seen_head(headers, knowledge)
        {
            return match outcome {
                Outcome::Stays => None,
                Outcome::Becomes(new) => Some(new.clone()),
            };
        }
        let new = self.each(headers);
        if let Some(knowledge) = knowledge
            && self.edit.knowledge() == Some(knowledge)
        {
            self.edit.note_head(headers, new.as_ref(), knowledge);
        }
        new
    }

    /// The same, field by field.
    fn each(&mut self, headers: &Headers) -> Option<Headers> {
        let mut edits = Vec::new();
        for (place, (name, value)) in headers.iter().enumerate() {
            if let Some(new) = self.field(name, value) {
                edits.push((place, new));
            }
        }
        let edited = || {
            let mut edits = edits.iter().peekable();
            let fields = headers.iter().enumerate();
            fields.map(move |(place, (name, value))| {
                let edit = edits.next_if(|(edited, _)| *edited == place);
                (name, edit.map_or(value, |(_, new)| new))
            })
        };
        (!edits.is_empty()).then(|| Headers::exactly(edited))
    }

    fn field(&mut self, name: &str, value: &[u8]) -> Option<Vec<u8>> {
        let piece = Piece::Field { name, value };
        self.again(piece, |walk| walk.looked(name, value))
    }

    /// A field, looked through.
    fn looked(&mut self, name: &str, value: &[u8]) -> Option<Vec<u8>> {
        let Ok(text) = std::str::from_utf8(value) else {
            // As HTTP had it before UTF-8, an octet is a character.
            let text: String = value.iter().copied().map(char::from).collect();
            let new = self.field_text(name, &text)?;
            return Some(
                new.chars()
                    .map(|c| u8::try_from(c).unwrap_or(b'?'))
                    .collect(),
            );
        };
        let new = self.whole(text, |walk| walk.field_text(name, text));
        new.map(String::into_bytes)
    }

    fn field_text(&mut self, name: &str, text: &str) -> Option<String> {
        let path = format_args!("header {}", Lower(name));
        let is = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
        if self.rules.names().is_exempted(name) {
            self.text(&path, text)
        } else if is(CREDENTIALS) {
            self.authorization(&path, text)
        } else if is(CHALLENGES) {
            self.parameters(&path, text, |name| CHALLENGING.contains(&name))
        } else if is(&["cookie"]) {
            self.cookies(text)
        } else if is(&["set-cookie"]) {
            let (pair, attributes) = text
                .split_once(';')
                .map_or((text, None), |(pair, rest)| (pair, Some(rest)));
            let new = self.cookies(pair)?;
            Some(match attributes {
                Some(attributes) => format!("{new};{attributes}"),
                None => new,
            })
        } else {
            self.named(&path, name, text)
        }
    }

    /// Cookies with their names (RFC 6265 §4.2.1).
    fn cookies(&mut self, text: &str) -> Option<String> {
        let mut pairs = Vec::new();
        let mut changed = false;
        for pair in text.split(';') {
            let new = self.cookie(pair);
            changed |= new.is_some();
            pairs.push(new.unwrap_or_else(|| pair.to_owned()));
        }
        changed.then(|| pairs.join(";"))
    }

    fn cookie(&mut self, pair: &str) -> Option<String> {
        let (name, written) = pair.split_once('=')?;
        let value = written.trim();
        let value = value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(value);
        if !self.rules.names().is_secret_cookie(name.trim()) {
            return None;
        }
        let spelling = super::spelling::Spelling::Percent;
        let path = format_args!("cookie {}", name.trim());
        let new = self.seat(&path, &spelling.read(value))?;
        let new = spelling.write(value, &new);
        let (before, after) = written.split_once(value)?;
        Some(format!("{name}={before}{new}{after}"))
    }

    /// Credentials with their scheme (RFC 9110 §11.4). The user of the Basic scheme stays.
    pub(super) fn authorization(&mut self, path: &dyn fmt::Display, text: &str) -> Option<String> {
        let trimmed = text.trim();
        let Some((scheme, credentials)) = trimmed.split_once(' ') else {
            let new = self.seat(path, trimmed)?;
            return text
                .contains(trimmed)
                .then(|| text.replacen(trimmed, &new, 1));
        };
        let credentials = credentials.trim();
        let new = if scheme.eq_ignore_ascii_case("basic") {
            self.basic(path, credentials)
        } else if credentials.contains('=') && credentials.trim_end_matches('=').contains('=') {
            self.parameters(path, credentials, |name| !TELLING.contains(&name))
        } else {
            self.seat(path, credentials)
        }?;
        let start = text.find(credentials)?;
        let (before, after) = (text.get(..start)?, text.get(start + credentials.len()..)?);
        Some(format!("{before}{new}{after}"))
    }

    /// The credentials of the Basic scheme (RFC 7617 §2).
    fn basic(&mut self, path: &dyn fmt::Display, credentials: &str) -> Option<String> {
        let Ok(octets) = STANDARD.decode(credentials) else {
            return self.seat(path, credentials);
        };
        let (text, is_utf8) = match String::from_utf8(octets) {
            Ok(text) => (text, true),
            Err(error) => (
                error.into_bytes().into_iter().map(char::from).collect(),
                false,
            ),
        };
        let Some((user, password)) = text.split_once(':') else {
            let new = self.seat(path, &text)?;
            return Some(STANDARD.encode(new));
        };
        let known = self.apart(|walk| walk.rest(user));
        let new = self.seat(&format_args!("{path} password"), password);
        if known.is_none() && new.is_none() {
            return None;
        }
        let user = known.as_deref().unwrap_or(user);
        let text = format!("{user}:{}", new.as_deref().unwrap_or(password));
        Some(if is_utf8 {
            STANDARD.encode(text)
        } else {
            let octets: Vec<u8> = text
                .chars()
                .map(|c| u8::try_from(c).unwrap_or(b'?'))
                .collect();
            STANDARD.encode(octets)
        })
    }

    /// Parameters, `name=value` or `name="value"`, with commas between (RFC 9110 §11.2).
    fn parameters(
        &mut self,
        path: &dyn fmt::Display,
        text: &str,
        is_secret: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let mut out = String::new();
        let mut copied = 0;
        for (equals, _) in text.match_indices('=') {
            if equals < copied {
                continue;
            }
            let before = text.get(copied..equals)?;
            let name = before
                .trim_end()
                .rsplit([',', ' ', '\t'])
                .next()
                .unwrap_or_default();
            let rest = text.get(equals + 1..)?;
            let blank = rest.len() - rest.trim_start().len();
            let quoted = rest.trim_start().starts_with('"');
            let start = equals + 1 + blank + usize::from(quoted);
            let inside = text.get(start..)?;
            let length = if quoted {
                inside.find('"')
            } else {
                inside.find([',', ' '])
            };
            let value = inside.get(..length.unwrap_or(inside.len()))?;
            let lower = name.to_ascii_lowercase();
            let new = if lower.is_empty() || !is_secret(&lower) {
                None
            } else {
                self.seat(&format_args!("{path} {lower}"), value)
            };
            out.push_str(text.get(copied..start)?);
            out.push_str(new.as_deref().unwrap_or(value));
            copied = start + value.len();
        }
        out.push_str(text.get(copied..)?);
        (out != text).then_some(out)
    }
}
