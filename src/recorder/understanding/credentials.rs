//! What a request and a response tell of who the client is: cookies, tokens, users, logins.
//!
//! It reads; whom a credential belongs to is the business of [`super::clients`].

mod tokens;

use crate::exchange::SessionBy;
use crate::exchange::credentials::{MAX_CREDENTIAL, basic_user, unquoted};
use crate::exchange::secret::{bare, names_token, with_bare};
use crate::exchange::{Headers, Request, Response};

use super::content::{Part, field};
use super::identifier::{self, has_byte};
use tokens::{Shown, is_token, query_tokens, shown};

/// The longest name of a user; a longer one is no name to show to people.
const MAX_NAME: usize = 64;

/// How many credentials of one message are looked at; browsers keep at most 180 cookies a site.
const MAX_CREDENTIALS: usize = 180;

/// Names of fields for who logs in, in lower case and without punctuation.
const USER_FIELDS: &[&str] = &[
    "username",
    "user",
    "login",
    "loginname",
    "loginid",
    "email",
    "userid",
    "jusername",
    "account",
    "accountname",
    "agent",
    "agentid",
    "name",
    "uid",
];

/// Last segments of paths where clients log in.
const LOGIN_PATHS: &[&str] = &[
    "login",
    "signin",
    "logon",
    "auth",
    "authenticate",
    "session",
    "sessions",
    "jspringsecuritycheck",
    "jsecuritycheck",
];

/// What a request tells of its sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    /// The value that the user chose to tell clients apart.
    pub(super) chosen: Option<String>,
    /// Cookies, as name and value.
    pub(super) cookies: Vec<(String, String)>,
    /// Bearer tokens, and the values of headers for tokens.
    pub(super) tokens: Vec<String>,
    /// The user of Basic or Digest authentication.
    pub(super) user: Option<String>,
    /// The `clientId` of its Bayeux messages.
    pub(super) bayeux: Option<String>,
    /// Who logs in, where the request looks like a login.
    pub(super) login: Option<Login>,
}

/// An attempt to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Login {
    /// The name.
    pub(super) name: String,
    /// How sure it is.
    pub(super) looks: Looks,
}

/// How much a request looks like a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    /// Its path says so too.
    Certain,
    /// There are a name and a password; the response must give something.
    Likely,
}

/// What a response gave to the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    /// Cookies to be kept, as name and value.
    pub(super) cookies: Vec<(String, String)>,
    /// Names of cookies to be thrown away.
    pub(super) taken: Vec<String>,
    /// Tokens in header fields and members.
    pub(super) tokens: Vec<String>,
}

/// What a request tells of its sender.
pub(super) fn evidence(request: &Request, parts: &[Part<'_>], by: Option<&SessionBy>) -> Evidence {
    let Shown {
        cookies,
        authorization,
        mut tokens,
    } = shown(&request.headers);
    let authorization = authorization.and_then(|value| std::str::from_utf8(value).ok());
    let authorization = authorization.and_then(|value| value.split_once(' '));
    let (scheme, rest) = authorization.unwrap_or_default();
    tokens.extend(query_tokens(&request.target));
    let user = if scheme.is_empty() {
        None
    } else if scheme.eq_ignore_ascii_case("basic") {
        basic_user(rest)
    } else if scheme.eq_ignore_ascii_case("digest") {
        digest_user(rest)
    } else {
        tokens.push(rest.trim().to_owned());
        None
    };
    tokens.retain(|token| (1..=MAX_CREDENTIAL).contains(&token.len()));
    Evidence {
        chosen: by.and_then(|by| by.value(&request.headers, |name| named(parts, name))),
        cookies,
        tokens,
        user: user.filter(|user| is_name(user)),
        bayeux: None,
        login: login(request, parts),
    }
}

/// What a response gave.
pub(super) fn given(response: &Response, parts: &[Part<'_>]) -> Given {
    let mut given = Given {
        tokens: shown(&response.headers).tokens,
        ..Given::default()
    };
    for line in lines(&response.headers, "set-cookie").take(MAX_CREDENTIALS) {
        let mut fields = line.split(';').map(str::trim);
        let Some((name, value)) = fields.next().and_then(|pair| pair.split_once('=')) else {
            continue;
        };
        let old = |field: &str| {
            let (name, value) = field.split_once('=').unwrap_or_default();
            name.eq_ignore_ascii_case("max-age") && value.trim().starts_with(['0', '-'])
                || name.eq_ignore_ascii_case("expires") && value.contains(" 1970 ")
                || name.eq_ignore_ascii_case("expires") && value.contains("-1970 ")
        };
        if value.is_empty() || fields.any(old) {
            given.taken.push(name.trim().to_owned());
        } else if value.len() <= MAX_CREDENTIAL {
            given
                .cookies
                .push((name.trim().to_owned(), unquoted(value)));
        }
    }
    let tokens = parts
        .iter()
        .filter(|part| part.text.len() >= identifier::MIN_MINTED)
        .filter(|part| names_token(part.key()) && is_token(&part.text));
    given
        .tokens
        .extend(tokens.map(|part| part.text.to_string()));
    given
        .tokens
        .retain(|token| (1..=MAX_CREDENTIAL).contains(&token.len()));
    given
}

/// Whether a login was let in, as far as the response tells: no error status, no way back to the
/// form, no `statusCode` but 0 in the content.
pub(super) fn let_in(response: &Response, parts: &[Part<'_>]) -> bool {
    let back = field(&response.headers, "location").is_some_and(|location| {
        let location = location.to_ascii_lowercase();
        ["error", "fail", "denied"]
            .iter()
            .any(|word| location.contains(word))
    });
    let refused = |part: &Part<'_>| part.place == "statusCode" && part.text != "0";
    (200..400).contains(&response.status) && !back && !parts.iter().any(refused)
}

/// Whether a text can be the name of a session, to be read by people.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |c: char| !c.is_control() && !c.is_whitespace();
    (1..=MAX_NAME).contains(&text.len()) && text.chars().all(plain)
}

/// The part of this name or place.
fn named(parts: &[Part<'_>], name: &str) -> Option<String> {
    let mut parts = parts.iter();
    let part = parts.find(|part| part.place == name || part.key() == name)?;
    Some(part.text.to_string())
}

fn lines<'a>(headers: &'a Headers, name: &'static str) -> impl Iterator<Item = &'a str> {
    headers
        .iter()
        .filter(move |(candidate, _)| candidate.eq_ignore_ascii_case(name))
        .filter_map(|(_, value)| std::str::from_utf8(value).ok())
}

fn digest_user(fields: &str) -> Option<String> {
    let mut fields = fields
        .split(',')
        .filter_map(|field| field.trim().split_once('='));
    let (_, value) = fields.find(|(name, _)| name.eq_ignore_ascii_case("username"))?;
    Some(unquoted(value))
}

/// Who logs in: a name beside a password, or a name sent to where one logs in.
fn login(request: &Request, parts: &[Part<'_>]) -> Option<Login> {
    if !matches!(request.method.as_str(), "POST" | "PUT") {
        return None;
    }
    let path = identifier::path_of(&request.target);
    let last = identifier::last_segment(path).unwrap_or_default();
    let is_login = |last: &str| LOGIN_PATHS.contains(&last);
    let certain = identifier::is_word(last) && with_bare(last, is_login);
    if !certain && !parts.iter().any(|part| names_password(part.key())) {
        return None;
    }
    let name = USER_FIELDS.iter().find_map(|field| {
        let part = parts.iter().find(|part| bare(part.key()) == *field);
        part.map(|part| part.text.trim())
            .filter(|text| is_name(text))
    })?;
    Some(Login {
        name: name.to_owned(),
        looks: if certain {
            Looks::Certain
        } else {
            Looks::Likely
        },
    })
}

/// Whether what has this name is a password.
fn names_password(name: &str) -> bool {
    // Most names can be told from all of them by a letter.
    let first = name.bytes().find(u8::is_ascii_alphanumeric);
    if !matches!(first, Some(b'p' | b'P' | b's' | b'S'))
        && !has_byte(name.as_bytes(), |it| {
            it.eq_ignore_ascii_case(&b'w') || !it.is_ascii()
        })
    {
        return false;
    }
    with_bare(name, |name| {
        name.contains("passw") || matches!(name, "pwd" | "pass" | "pin" | "secret")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::exchange::Body;
    use crate::recorder::understanding::content;

    use super::*;

    fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
        Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers.iter().copied().collect(),
            body: Body::new(body.to_owned()),
            trailers: Headers::new(),
        }
    }

    fn told(request: &Request, by: Option<&SessionBy>) -> Evidence {
        evidence(
            request,
            &content::read(&request.headers, &request.body.bytes().as_ref().into()).0,
            by,
        )
    }

    #[test]
    fn a_login_is_known_by_its_fields_and_path() {
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        for (target, headers, body, expected) in [
            (
                "/login",
                &form[..],
                "user=alice&password=x",
                Some(("alice", Looks::Certain)),
            ),
            (
                "/auth",
                &[][..],
                r#"{"userName":"bob"}"#,
                Some(("bob", Looks::Certain)),
            ),
            (
                "/api/me",
                &[][..],
                r#"{"credentials":{"email":"a@b.c","Password":"x"}}"#,
                Some(("a@b.c", Looks::Likely)),
            ),
            ("/api/users", &[][..], r#"{"userName":"bob"}"#, None),
            ("/login", &form[..], "user=two+words&password=x", None),
        ] {
            let login = told(&request("POST", target, headers, body), None).login;
            let login = login
                .as_ref()
                .map(|login| (login.name.as_str(), login.looks));
            assert_eq!(login, expected, "{target} {body}");
        }
    }

    proptest! {
        #[test]
        fn a_password_is_known_by_its_bare_name(
            name in "[-_.éA]{0,2}(pass|PassW|pwd|pin|Secret|wo|n){0,2}[-_W]?",
        ) {
            let bare = bare(&name);
            let words = ["pwd", "pass", "pin", "secret"];
            let expected = bare.contains("passw") || words.contains(&bare.as_str());
            prop_assert_eq!(names_password(&name), expected);
        }
    }

    #[test]
    fn credentials_are_found_in_headers() {
        let sent = request(
            "GET",
            "/",
            &[
                ("Cookie", "a=1; b=\"two\""),
                ("Cookie", "c=3"),
                ("Authorization", "Basic YWxpY2U6eDp5"),
                ("X-CSRF-TOKEN", "0d4f8a27b1"),
                ("X-CSRF-HEADER", "X-CSRF-TOKEN"),
            ],
            "",
        );
        let told = told(&sent, Some(&SessionBy::Cookie("b".to_owned())));
        let cookies: Vec<_> = told
            .cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        assert_eq!(cookies, ["a=1", "b=two", "c=3"]);
        assert_eq!(told.user.as_deref(), Some("alice"));
        assert_eq!(told.tokens, ["0d4f8a27b1"]);
        assert_eq!(told.chosen.as_deref(), Some("two"));
        let bearer = request("GET", "/", &[("authorization", "Bearer eyJh.b2")], "");
        assert_eq!(super::evidence(&bearer, &[], None).tokens, ["eyJh.b2"]);
        let digest = [("authorization", "Digest realm=\"r\", username=\"bob\"")];
        assert_eq!(
            super::evidence(&request("GET", "/", &digest, ""), &[], None)
                .user
                .as_deref(),
            Some("bob")
        );
    }

    #[test]
    fn a_response_gives_and_takes_cookies() {
        let response = Response {
            status: 302,
            headers: [
                ("Set-Cookie", "SID=7f3a; Path=/; HttpOnly"),
                ("Set-Cookie", "OLD=x; Max-Age=0"),
                ("Set-Cookie", "GONE=; Path=/"),
                ("Location", "/"),
            ]
            .into_iter()
            .collect(),
            body: Body::default(),
            trailers: Headers::new(),
        };
        let parts = content::json_parts(br#"{"access_token":"0d4f8a27b1","token_type":"bearer"}"#);
        let given = given(&response, &parts);
        assert_eq!(given.cookies, [("SID".to_owned(), "7f3a".to_owned())]);
        assert_eq!(given.taken, ["OLD", "GONE"]);
        assert_eq!(given.tokens, ["0d4f8a27b1"]);
        assert!(let_in(&response, &[]));
        assert!(!let_in(
            &response,
            &content::json_parts(br#"{"statusCode":20}"#)
        ));
    }
}
