//! Decides who may use an admin port: whoever holds the token, where there is one, and no web page of
//! another place, whether it asks itself or has its name lead here (DNS rebinding).
//!
//! What the port does is not known here. It opens nothing to other origins: there are no CORS fields.

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use thiserror::Error;

/// The shortest token: one that cannot be guessed over a network.
const SHORTEST: usize = 16;

/// What a browser says of the page that asks (Fetch Metadata Request Headers §2.3); no page can change
/// it.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A text that cannot be a token.
#[derive(Debug, Error)]
pub enum TokenError {
    /// It is too easily guessed.
    #[error("the token has {0} characters: it needs {SHORTEST} or more")]
    Short(usize),
    /// A header field could not carry it.
    #[error("the token holds a character that no header field can carry")]
    Unsayable,
}

/// What a client must show. It is kept as a digest, so that it cannot be told from memory, a log, or the
/// time that comparing takes.
#[derive(Clone)]
pub struct Token(blake3::Hash);

/// Who is let in.
#[derive(Clone, Debug)]
pub struct Admission {
    token: Option<Token>,
    hosts: Vec<String>,
}

impl Token {
    /// A token of 16 characters or more.
    pub fn new(text: &str) -> Result<Token, TokenError> {
        if text.len() < SHORTEST {
            return Err(TokenError::Short(text.len()));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Unsayable);
        }
        Ok(Token::of(text.as_bytes()))
    }

    fn of(text: &[u8]) -> Token {
        Token(blake3::hash(text))
    }

    /// Whether this is it, in the same time for each that is not.
    fn is(&self, text: &[u8]) -> bool {
        self.0 == blake3::hash(text)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Admission {
    /// Those with the token, if one is wanted, who call the port by an address or by one of these names.
    pub fn new(token: Option<Token>, hosts: &[&str]) -> Admission {
        let plain = |host: &&str| host.trim_end_matches('.').to_ascii_lowercase();
        Admission {
            token,
            hosts: hosts.iter().map(plain).collect(),
        }
    }

    /// Whether a client must show a token.
    pub fn wants_token(&self) -> bool {
        self.token.is_some()
    }

    /// Why a request is refused, if it is.
    pub fn refusal<B>(&self, request: &Request<B>) -> Option<Response<Full<Bytes>>> {
        let headers = request.headers();
        let authority = request.uri().authority().map(http::uri::Authority::as_str);
        let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
        let host = host.or(authority.map(str::as_bytes)).unwrap_or_default();
        let host = String::from_utf8_lossy(host);
        if !self.knows(&host) {
            let message = format!(
                "the admin port is not called {host:?}: call it by its address, or allow the name by \
                 --admin-host"
            );
            return Some(refused(StatusCode::FORBIDDEN, "host", &message));
        }
        if let Some(page) = foreign(headers, &host) {
            let message = format!("the admin port is not for web pages of another place: {page}");
            return Some(refused(StatusCode::FORBIDDEN, "origin", &message));
        }
        let token = self.token.as_ref()?;
        if bearer(headers).is_some_and(|shown| token.is(shown)) {
            return None;
        }
        let message = "the admin port wants Authorization: Bearer with its token";
        let mut response = refused(StatusCode::UNAUTHORIZED, "token", message);
        let scheme = HeaderValue::from_static("Bearer");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, scheme);
        Some(response)
    }

    /// Whether the port may be called so. A name of somebody else can be made to lead anywhere; an address
    /// leads where it says. One beyond this machine is good only where a token is wanted.
    fn knows(&self, host: &str) -> bool {
        let name = name(host).trim_end_matches('.').to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']');
        match address.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback() || self.wants_token(),
            Err(_) => name == "localhost" || self.hosts.contains(&name),
        }
    }
}

/// A host without its port.
fn name(host: &str) -> &str {
    let end = match host.rfind(']') {
        Some(bracket) => bracket + 1,
        None => host.find(':').unwrap_or(host.len()),
    };
    host.get(..end).unwrap_or(host)
}

/// The page that asks, where it is not one of the port itself.
fn foreign(headers: &HeaderMap, host: &str) -> Option<String> {
    let shown = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    for origin in headers.get_all(header::ORIGIN) {
        let origin = shown(origin);
        let own = origin.split_once("://").map(|(_, rest)| rest);
        if !own.is_some_and(|own| own.eq_ignore_ascii_case(host)) {
            return Some(origin);
        }
    }
    let site = headers.get(SITE).map(shown)?;
    // What a person typed has no page behind it.
    (!matches!(site.as_str(), "same-origin" | "none")).then_some(site)
}

/// What a request shows as its token (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?.as_bytes(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

fn refused(status: StatusCode, error: &str, message: &str) -> Response<Full<Bytes>> {
    let document = serde_json::json!({ "error": error, "message": message });
    let mut response = Response::new(Full::from(document.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(admission: &Admission, fields: &[(&str, &str)]) -> Option<u16> {
        let mut request = Request::builder().uri("/__admin/health");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let refusal = admission.refusal(&request.body(()).unwrap());
        refusal.map(|refusal| {
            assert!(
                !refusal
                    .headers()
                    .keys()
                    .any(|name| name.as_str().starts_with("access-control"))
            );
            refusal.status().as_u16()
        })
    }

    #[test]
    fn which_hosts_are_known() {
        let open = Admission::new(None, &["Desk.Example"]);
        let token = Token::new("0123456789abcdef").unwrap();
        let closed = Admission::new(Some(token), &[]);
        for (host, with_names, with_token) in [
            ("127.0.0.1:8081", true, true),
            ("127.9.9.9", true, true),
            ("[::1]:8081", true, true),
            ("[::ffff:127.0.0.1]", true, true),
            ("LocalHost:1", true, true),
            ("localhost.:1", true, true),
            ("desk.example:80", true, false),
            ("192.0.2.1:8081", false, true),
            ("[2001:db8::1]:8081", false, true),
            ("evil.example", false, false),
            ("localhost.evil.example", false, false),
            ("127.0.0.1.evil.example", false, false),
            ("evil.example:127.0.0.1", false, false),
            ("", false, false),
        ] {
            assert_eq!(open.knows(host), with_names, "{host}");
            assert_eq!(closed.knows(host), with_token, "{host}");
        }
    }

    #[test]
    fn pages_of_other_places_are_refused() {
        let admission = Admission::new(None, &[]);
        let host = ("host", "127.0.0.1:8081");
        for (field, refused) in [
            (("origin", "http://127.0.0.1:8081"), None),
            (("origin", "http://127.0.0.1:8080"), Some(403)),
            (("origin", "http://evil.example"), Some(403)),
            (("origin", "null"), Some(403)),
            (("origin", ""), Some(403)),
            (("sec-fetch-site", "none"), None),
            (("sec-fetch-site", "same-origin"), None),
            (("sec-fetch-site", "same-site"), Some(403)),
            (("sec-fetch-site", "cross-site"), Some(403)),
            (("accept", "*/*"), None),
        ] {
            assert_eq!(status(&admission, &[host, field]), refused, "{field:?}");
        }
        assert_eq!(status(&admission, &[]), Some(403), "no Host at all");
        assert_eq!(
            status(&admission, &[("host", "rebound.example")]),
            Some(403)
        );
    }

    #[test]
    fn the_token_is_wanted_whole_and_once() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert_eq!(format!("{token:?}"), "Token");
        let admission = Admission::new(Some(token), &[]);
        let host = ("host", "192.0.2.1:8081");
        for (value, refused) in [
            ("Bearer 0123456789abcdef", None),
            ("bearer  0123456789abcdef", None),
            ("Bearer 0123456789abcde", Some(401)),
            ("Bearer 0123456789abcdef0", Some(401)),
            ("Bearer 0123456789ABCDEF", Some(401)),
            ("Bearer ", Some(401)),
            ("Basic 0123456789abcdef", Some(401)),
            ("0123456789abcdef", Some(401)),
        ] {
            let fields = [host, ("authorization", value)];
            assert_eq!(status(&admission, &fields), refused, "{value}");
        }
        let good = ("authorization", "Bearer 0123456789abcdef");
        assert_eq!(status(&admission, &[host, good, good]), Some(401));
        assert_eq!(status(&admission, &[host]), Some(401));
        assert!(matches!(Token::new("short"), Err(TokenError::Short(5))));
        let sent = Token::new("0123456789abcdef\n");
        assert!(matches!(sent, Err(TokenError::Unsayable)));
    }
}
