//! Which names say that their values are secrets: of header fields, cookies, parameters of queries and
//! forms, and members of JSON.
//!
//! It judges by names alone, and by the few values that are none. Where names stand in a message is
//! the business of whoever reads messages.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// The longest pattern of a name: longer than any name that a person gives a field.
const MAX_PATTERN: usize = 200;

/// How many names are remembered with what was found of them: those of a service's header fields and
/// members come again and again. What comes beyond them is judged each time.
const MAX_JUDGED: usize = 4_096;

/// The longest name that is remembered.
const MAX_REMEMBERED: usize = 64;

/// What a secret's name may contain, in lower case and without punctuation.
const WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "passwort",
    "secret",
    "token",
    "credential",
    "csrf",
    "xsrf",
    "jwt",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "signingkey",
    "sessionkey",
    "encryptionkey",
    "masterkey",
    "sharedkey",
    "authkey",
    "accountkey",
    "subscriptionkey",
    "consumerkey",
    "licensekey",
    "sessionid",
    "sessid",
    "samlresponse",
    "codeverifier",
    "authorization",
];

/// What a secret's name may be, or have as its last word.
const LAST_WORDS: &[&str] = &[
    "pwd",
    "pass",
    "pin",
    "otp",
    "totp",
    "sid",
    "sig",
    "signature",
    "bearer",
    "assertion",
];

/// What a secret's name may be.
const WHOLE: &[&str] = &[
    "auth",
    "cookie",
    "setcookie",
    "oauth",
    "samlart",
    "xfunctionskey",
    "authticket",
    "sessionticket",
];

/// Last words of names that tell *about* a secret.
const ABOUT: &[&str] = &[
    "age",
    "algorithm",
    "at",
    "attempts",
    "count",
    "created",
    "date",
    "enabled",
    "endpoint",
    "exp",
    "expiration",
    "expired",
    "expires",
    "expiry",
    "field",
    "format",
    "header",
    "hint",
    "id",
    "in",
    "issued",
    "issuer",
    "kind",
    "label",
    "lastchanged",
    "length",
    "lifetime",
    "limit",
    "link",
    "location",
    "method",
    "methods",
    "min",
    "max",
    "mode",
    "name",
    "names",
    "param",
    "parameter",
    "path",
    "policy",
    "prefix",
    "required",
    "rule",
    "rules",
    "scheme",
    "scope",
    "size",
    "state",
    "status",
    "strength",
    "supported",
    "time",
    "timeout",
    "ttl",
    "type",
    "types",
    "uri",
    "url",
    "used",
    "version",
];

/// Words that end in `id` as names of secrets do: they are no telling about one.
const SECRET_IDS: &[&str] = &["sessionid", "sessid", "accesskeyid"];

/// First words of names that ask about a secret, or count what else is called a token.
const ASKING: &[&str] = &[
    "allow",
    "can",
    "completion",
    "cached",
    "has",
    "is",
    "input",
    "max",
    "min",
    "must",
    "needs",
    "num",
    "output",
    "prompt",
    "reasoning",
    "require",
    "requires",
    "show",
    "total",
    "use",
    "uses",
    "used",
];

/// Which names are those of secrets: the usual ones, more that were added, less some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    added: Vec<NamePattern>,
    exempted: Vec<NamePattern>,
    judged: Judged,
}

/// Names that were judged before.
#[derive(Debug, Default)]
struct Judged(Mutex<HashMap<String, bool>>);

/// A name as people choose it: case and punctuation count for nothing, and `*` stands for anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern {
    written: String,
    /// What stands between the stars.
    pieces: Vec<String>,
}

/// A text that is no pattern of names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no pattern of names: expected letters or digits, or `*`, and at most {MAX_PATTERN} bytes"
)]
pub struct NoPattern(String);

impl Names {
    /// The usual names with `added`, without `exempted`, which count more.
    pub fn new(added: Vec<NamePattern>, exempted: Vec<NamePattern>) -> Names {
        let judged = Judged::default();
        Names {
            added,
            exempted,
            judged,
        }
    }

    /// Whether what has this name is a secret.
    pub fn is_secret(&self, name: &str) -> bool {
        self.judged.of(name, || self.judge(name))
    }

    fn judge(&self, name: &str) -> bool {
        let bare = bare(name);
        let named = |patterns: &[NamePattern]| patterns.iter().any(|pattern| pattern.fits(&bare));
        !named(&self.exempted) && (named(&self.added) || is_usual(name, &bare))
    }

    /// Whether a cookie of this name is a secret: each is, unless it was exempted.
    pub fn is_secret_cookie(&self, name: &str) -> bool {
        !self.is_exempted(name)
    }

    /// Whether the user said that what has this name is no secret.
    pub fn is_exempted(&self, name: &str) -> bool {
        if self.exempted.is_empty() {
            return false;
        }
        let bare = bare(name);
        self.exempted.iter().any(|pattern| pattern.fits(&bare))
    }
}

impl Judged {
    /// What was found of a name before, or is now.
    fn of(&self, name: &str, judge: impl FnOnce() -> bool) -> bool {
        let mut judged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = judged.get(name) {
            return *found;
        }
        let found = judge();
        if name.len() <= MAX_REMEMBERED && judged.len() < MAX_JUDGED {
            judged.insert(name.to_owned(), found);
        }
        found
    }
}

/// A copy finds the same, and remembers for itself.
impl Clone for Judged {
    fn clone(&self) -> Judged {
        Judged::default()
    }
}

/// What is remembered makes no difference to what is found.
impl PartialEq for Judged {
    fn eq(&self, _: &Judged) -> bool {
        true
    }
}

impl Eq for Judged {}

impl NamePattern {
    fn fits(&self, bare: &str) -> bool {
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
            return Err(NoPattern(text.to_owned()));
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

/// Whether a value can be a secret at all: an empty one, `true`, `false`, `null` and a row of stars tell
/// nothing.
pub fn is_value(text: &str) -> bool {
    let text = text.trim();
    let plain = ["true", "false", "null", "none", "undefined"];
    let blank = text.chars().all(|c| "*•…".contains(c));
    !blank && !plain.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether what has this name tells one client from another, as tokens do.
pub fn names_token(name: &str) -> bool {
    with_bare(name, |name| {
        let mut rest = name.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            for word in token_words(*first) {
                if rest.starts_with(word.as_bytes()) {
                    return true;
                }
            }
            rest = after;
        }
        false
    })
}

/// A name in lower case, without punctuation.
pub fn bare(name: &str) -> String {
    with_bare(name, str::to_owned)
}

/// Looks at a name in lower case, without punctuation. Most names are short and of ASCII, and take no memory
/// for that.
pub fn with_bare<T>(name: &str, look: impl FnOnce(&str) -> T) -> T {
    let mut room = [0; MAX_REMEMBERED];
    if name.is_ascii() && name.len() <= room.len() {
        let mut length = 0;
        for letter in name.bytes().filter(u8::is_ascii_alphanumeric) {
            if let Some(place) = room.get_mut(length) {
                *place = letter.to_ascii_lowercase();
                length += 1;
            }
        }
        if let Some(Ok(bare)) = room.get(..length).map(std::str::from_utf8) {
            return look(bare);
        }
    }
    let plain = name.chars().filter(|c| c.is_alphanumeric());
    look(&plain.flat_map(char::to_lowercase).collect::<String>())
}

/// The words in the names of fields whose values tell clients apart, of those that begin with this letter.
fn token_words(first: u8) -> &'static [&'static str] {
    match first {
        b'a' => &["apikey"],
        b'c' => &["csrf"],
        b'j' => &["jwt"],
        b's' => &["session"],
        b't' => &["token", "ticket"],
        b'x' => &["xsrf"],
        _ => &[],
    }
}

fn is_usual(name: &str, bare: &str) -> bool {
    if WHOLE.contains(&bare) {
        return true;
    }
    let words = words(name);
    let is = |list: &[&str], word: Option<&String>| {
        word.is_some_and(|word| list.contains(&word.as_str()))
    };
    if is(LAST_WORDS, words.last()) {
        return !is(ASKING, words.first());
    }
    if !WORDS.iter().any(|word| bare.contains(word)) || words.len() > 1 && is(ASKING, words.first())
    {
        return false;
    }
    if SECRET_IDS.iter().any(|end| bare.ends_with(end)) {
        return true;
    }
    !(words.len() > 1 && is(ABOUT, words.last()) || tells_about(bare))
}

/// As for names of several words, for one that is written as a single one: `tokentype`.
fn tells_about(bare: &str) -> bool {
    let about = [
        "type",
        "header",
        "param",
        "policy",
        "expires",
        "expiresin",
        "length",
        "name",
        "url",
    ];
    WORDS.iter().any(|word| {
        bare.rsplit_once(word)
            .is_some_and(|(_, rest)| about.contains(&rest))
    })
}

/// The words of a name, in lower case: parted by punctuation, and where small letters turn into a
/// capital.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = None;
    for c in name.chars() {
        let part = !c.is_alphanumeric();
        let turn = c.is_uppercase() && before.is_some_and(|before: char| !before.is_uppercase());
        if part || turn {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut()
            && !part
        {
            word.extend(c.to_lowercase());
        }
        before = Some(c);
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_of_secrets_are_known_however_they_are_written() {
        let names = Names::default();
        for name in [
            "Authorization",
            "Proxy-Authorization",
            "Cookie",
            "Set-Cookie",
            "X-CSRF-TOKEN",
            "x-xsrf-token",
            "_csrf",
            "csrfmiddlewaretoken",
            "password",
            "userPassword",
            "new_password",
            "PASSWORD2",
            "passwordConfirm",
            "Passwd",
            "pwd",
            "passphrase",
            "pin",
            "user-pin",
            "passcode",
            "token",
            "access_token",
            "id_token",
            "refreshToken",
            "accesstoken",
            "X-Auth-Token",
            "tokens",
            "jwt",
            "bearer",
            "assertion",
            "client_assertion",
            "SAMLResponse",
            "code_verifier",
            "secret",
            "client_secret",
            "clientSecret",
            "secrets",
            "apiKey",
            "api_key",
            "X-API-Key",
            "apikey",
            "secretKey",
            "privateKey",
            "accessKey",
            "AWSAccessKeyId",
            "signingKey",
            "sessionKey",
            "credentials",
            "X-Amz-Credential",
            "X-Amz-Signature",
            "sig",
            "signature",
            "jsessionid",
            "JSESSIONID",
            "sessionId",
            "PHPSESSID",
            "sid",
            "connect.sid",
            "Ocp-Apim-Subscription-Key",
            "otp",
            "x-amz-security-token",
        ] {
            assert!(names.is_secret(name), "{name}");
        }
    }

    #[test]
    fn names_that_tell_about_a_secret_or_of_something_else_are_none() {
        let names = Names::default();
        for name in [
            "tokenType",
            "token_type",
            "tokentype",
            "token_expires_in",
            "tokenExpiresAt",
            "passwordPolicy",
            "hasPassword",
            "isTokenValid",
            "X-CSRF-HEADER",
            "X-CSRF-PARAM",
            "csrfHeaderName",
            "csrf_param",
            "client_assertion_type",
            "passwordLength",
            "token_endpoint",
            "tokenUrl",
            "max_tokens",
            "total_tokens",
            "completionTokens",
            "key",
            "keys",
            "publicKey",
            "Idempotency-Key",
            "Sec-WebSocket-Key",
            "id",
            "name",
            "session",
            "userName",
            "passenger",
            "compass",
            "spin",
            "shipping",
            "inside",
            "design",
            "code",
            "state",
            "",
        ] {
            assert!(!names.is_secret(name), "{name}");
        }
    }

    #[test]
    fn names_are_added_and_exempted_by_patterns() {
        let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let names = Names::new(
            patterns(&["Customer-*", "iban"]),
            patterns(&["custom*number", "sid"]),
        );
        for (name, secret) in [
            ("customerName", true),
            ("customer_number", false),
            ("IBAN", true),
            ("ibans", false),
            ("sid", false),
            ("token", true),
        ] {
            assert_eq!(names.is_secret(name), secret, "{name}");
        }
        assert!(names.is_secret_cookie("theme"));
        assert!(!names.is_secret_cookie("SID"));
        let none = Names::new(Vec::new(), patterns(&["*"]));
        assert!(!none.is_secret("password"));
        assert!(!none.is_secret_cookie("SID"));
    }

    #[test]
    fn a_bare_name_is_the_same_however_long_it_is() {
        for (name, expected) in [
            ("X-CSRF_Token 2", "xcsrftoken2"),
            ("Größe-İ", "größei\u{307}"),
            ("", ""),
        ] {
            assert_eq!(bare(name), expected);
            let long = "-A".repeat(MAX_REMEMBERED);
            assert_eq!(
                bare(&format!("{name}{long}")),
                format!("{expected}{}", "a".repeat(MAX_REMEMBERED))
            );
        }
        assert_eq!(
            bare(&"Ab-".repeat(MAX_REMEMBERED / 3)),
            "ab".repeat(MAX_REMEMBERED / 3)
        );
        for (name, tells) in [
            ("X-Auth-Token", true),
            ("j-w-t", true),
            ("toke", false),
            ("", false),
        ] {
            assert_eq!(names_token(name), tells, "{name}");
        }
    }

    #[test]
    fn a_pattern_has_something_to_compare() {
        for text in ["", "--", "a\nb"] {
            assert!(text.parse::<NamePattern>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_says_yes_or_no_or_nothing_is_no_secret() {
        for text in ["", " ", "true", "False", "null", "***"] {
            assert!(!is_value(text), "{text:?}");
        }
        assert!(is_value("0"));
    }
}
