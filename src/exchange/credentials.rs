//! What header fields and queries tell of who speaks: cookies, tokens, and the user of Basic authentication.
//!
//! It reads; whose a credential is, others decide.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memchr;
use percent_encoding::percent_decode_str;

use super::secret::{names_token, with_bare};

/// The longest value that is taken for a credential: signed tokens fit.
pub const MAX_CREDENTIAL: usize = 4_096;

/// How many credentials of one message are read: as many cookies as browsers keep for a site.
const MAX_CREDENTIALS: usize = 180;

/// The names that tokens of a client have in queries, bare; of others, such as those of pages and uploads,
/// nobody is known.
const QUERY_NAMES: &[&str] = &[
    "accesstoken",
    "authtoken",
    "bearertoken",
    "idtoken",
    "jwt",
    "sessiontoken",
    "token",
];

/// Something that one client has and others, as a rule, have not.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Credential {
    /// A cookie's name and value (RFC 6265).
    Cookie(String, String),
    /// The credentials of a scheme other than Basic, or the value of a field for tokens.
    Token(String),
    /// The user of Basic authentication (RFC 7617).
    User(String),
}

impl Credential {
    /// The value of the cookie, the token, or the user.
    pub fn value(&self) -> &str {
        let (Credential::Cookie(_, value) | Credential::Token(value) | Credential::User(value)) =
            self;
        value
    }
}

/// The value is a secret, so that it is not shown.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Credential::Cookie(name, _) => write!(f, "Cookie({name:?}, …)"),
            Credential::Token(_) => f.write_str("Token(…)"),
            Credential::User(user) => write!(f, "User({user:?})"),
        }
    }
}

/// The credentials that a request with these fields shows, in their order.
pub fn shown<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<Credential> {
    let mut found = Vec::new();
    for (name, value) in fields {
        let value = || std::str::from_utf8(value).ok();
        if name.eq_ignore_ascii_case("cookie") {
            let pairs = value().into_iter().flat_map(|value| value.split(';'));
            let pairs = pairs.filter_map(pair);
            found.extend(pairs.map(|(name, value)| Credential::Cookie(name, value)));
        } else if name.eq_ignore_ascii_case("authorization") {
            found.extend(value().and_then(authorization));
        } else if names_token(name) {
            found.extend(value().map(|value| Credential::Token(value.trim().to_owned())));
        }
    }
    found.retain(fits);
    found.truncate(MAX_CREDENTIALS);
    found
}

/// The cookies that a field of a request shows, as names and values, in their order.
pub fn cookies(value: &[u8]) -> impl Iterator<Item = (String, String)> {
    let value = std::str::from_utf8(value).unwrap_or_default();
    value
        .split(';')
        .filter_map(pair)
        .filter(|(_, value)| (1..=MAX_CREDENTIAL).contains(&value.len()))
        .take(MAX_CREDENTIALS)
}

/// The tokens that a target shows in its query, as clients do that cannot set a header field:
/// `EventSource`, and sockets of browsers (RFC 6750 §2.3).
pub fn in_query(target: &str) -> Vec<Credential> {
    let Some(begins) = memchr(b'?', target.as_bytes()) else {
        return Vec::new();
    };
    let query = target.get(begins + 1..).unwrap_or_default();
    let query = query.split('#').next().unwrap_or_default();
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| with_bare(name, |name| QUERY_NAMES.contains(&name)))
        .filter_map(|(_, value)| percent_decode_str(value).decode_utf8().ok())
        .map(|value| Credential::Token(value.into_owned()))
        .filter(fits)
        .take(MAX_CREDENTIALS)
        .collect()
}

/// The cookies that a response with these fields gives, as credentials, in their order. Those that
/// it takes back by an empty value are none.
pub fn given<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<Credential> {
    fields
        .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
        .filter_map(|(_, value)| std::str::from_utf8(value).ok())
        .filter_map(|line| pair(line.split(';').next()?))
        .map(|(name, value)| Credential::Cookie(name, value))
        .filter(fits)
        .take(MAX_CREDENTIALS)
        .collect()
}

fn fits(credential: &Credential) -> bool {
    (1..=MAX_CREDENTIAL).contains(&credential.value().len())
}

/// A cookie's name and value, without the quotes that may stand around the value.
fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.trim().split_once('=')?;
    Some((name.trim().to_owned(), unquoted(value)))
}

/// A value without the quotes that may stand around it.
pub fn unquoted(value: &str) -> String {
    let value = value.trim();
    let inner = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(value).to_owned()
}

fn authorization(value: &str) -> Option<Credential> {
    let (scheme, rest) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Some(Credential::Token(rest.trim().to_owned()));
    }
    basic_user(rest).map(Credential::User)
}

/// The user in the credentials of Basic authentication (RFC 7617).
pub fn basic_user(credentials: &str) -> Option<String> {
    let decoded = STANDARD.decode(credentials.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    text.split_once(':').map(|(user, _)| user.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields<'a>(
        lines: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = (&'a str, &'a [u8])> + 'a {
        lines.iter().map(|(name, value)| (*name, value.as_bytes()))
    }

    #[test]
    fn a_request_shows_cookies_tokens_and_its_user() {
        let lines = [
            ("Cookie", "a=1; b=\"two\"; empty="),
            ("accept", "*/*"),
            ("Authorization", "Basic YWxpY2U6eDp5"),
            ("X-CSRF-TOKEN", " 0d4f "),
            ("authorization", "Bearer eyJh.b2"),
        ];
        let cookie = |name: &str, value: &str| Credential::Cookie(name.into(), value.into());
        assert_eq!(
            shown(fields(&lines)),
            [
                cookie("a", "1"),
                cookie("b", "two"),
                Credential::User("alice".into()),
                Credential::Token("0d4f".into()),
                Credential::Token("eyJh.b2".into()),
            ]
        );
    }

    #[test]
    fn a_target_shows_tokens_in_its_query() {
        let target = "/events?page=2&access_token=eyJh%2Eb2&Token=7f3a&pageToken=99&token=#token=x";
        let token = |value: &str| Credential::Token(value.into());
        assert_eq!(in_query(target), [token("eyJh.b2"), token("7f3a")]);
        assert_eq!(in_query("/events;token=7f3a"), []);
    }

    #[test]
    fn a_response_gives_cookies_and_takes_them_back() {
        let lines = [
            ("Set-Cookie", "SID=7f3a; Path=/; HttpOnly"),
            ("set-cookie", "GONE=; Path=/"),
            ("cookie", "no=no"),
        ];
        let expected = Credential::Cookie("SID".into(), "7f3a".into());
        assert_eq!(given(fields(&lines)), [expected]);
    }

    #[test]
    fn a_secret_is_not_shown_in_a_debug_print() {
        let lines = [("cookie", "SID=7f3a"), ("x-token", "0d4f")];
        assert_eq!(
            format!("{:?}", shown(fields(&lines))),
            r#"[Cookie("SID", …), Token(…)]"#
        );
    }
}
