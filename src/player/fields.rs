//! The header fields of a replay: what they tell of a client, and those of each kind of response.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode, Version};

use crate::exchange::coding;
use crate::exchange::credentials::{self, Credential};
use crate::exchange::{self, Headers};

use super::body::ReplayBody;
use super::cast::Identity;
use super::copies::{CopyId, Mark};
use super::refusal::Refusal;

/// The header by which a client asks for a session.
const SESSION_HEADER: &str = "antiphon-session";

/// The cookie by which Bayeux servers know a browser.
const BROWSER_COOKIE: &str = "BAYEUX_BROWSER";

/// The header by which a client says in which copy of the conversation it is.
const COPY_HEADER: &str = "antiphon-copy";

/// The cookie that tells it so.
const COPY_COOKIE: &str = "ANTIPHON_COPY";

/// The values that most responses have. They are not kept for each, nor need anybody count who has them.
const USUAL_VALUES: &[&str] = &[
    "application/json",
    "application/json;charset=UTF-8",
    "application/json;charset=utf-8",
    "application/json; charset=UTF-8",
    "application/json; charset=utf-8",
    "no-cache",
    "no-store",
];

/// The field that announces trailers (RFC 9110 §6.6.2).
const TRAILER: &str = "trailer";

/// Whether a client takes trailers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// It does, as every client of HTTP/2.
    Trailers,
    /// It said so over HTTP/1.1 (RFC 9110 §10.1.4), where they are announced.
    Announced,
    /// It did not say so (RFC 9110 §6.5.1).
    None,
}

/// The fields that nearly all requests have, and that tell nothing of their sender.
const OF_NOBODY: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "connection",
    "content-length",
    "content-type",
    "host",
    "user-agent",
];

/// By what the sender of a request can be recognized.
pub(super) fn identity(headers: &HeaderMap, target: &str) -> Identity {
    // Most requests show nothing, and that is seen at a glance.
    let mut names = headers.keys();
    if names.all(|name| OF_NOBODY.contains(&name.as_str())) {
        return Identity {
            shown: credentials::in_query(target),
            ..Identity::default()
        };
    }
    identity_of_all(headers, target)
}

/// The same of fields that may tell something.
fn identity_of_all(headers: &HeaderMap, target: &str) -> Identity {
    let fields = lines(headers);
    // Going through the few fields of a request is less work than to look a name up.
    let first = |wanted: &str| {
        let mut fields = headers.iter();
        let found = fields.find(|(name, _)| name.as_str() == wanted);
        found.map(|(_, value)| value)
    };
    let session = first(SESSION_HEADER);
    let session = session.and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    let copy = first(COPY_HEADER);
    let copy = copy.and_then(|value| value.to_str().ok());
    let mut identity = Identity {
        session: session.map(str::to_owned),
        copy: copy.map(|name| Mark::Name(name.to_owned())),
        ..Identity::default()
    };
    // Its own header and cookies are no credentials of the recorded service.
    for credential in credentials::shown(fields.filter(|(name, _)| *name != SESSION_HEADER)) {
        match &credential {
            Credential::Cookie(name, value) if name == COPY_COOKIE => {
                let number = value.parse().ok().map(Mark::Number);
                identity.copy = identity.copy.or(number);
                continue;
            }
            Credential::Cookie(name, value) if name == BROWSER_COOKIE => {
                identity.browser.get_or_insert_with(|| value.clone());
            }
            Credential::User(user) => {
                identity.user.get_or_insert_with(|| user.clone());
            }
            Credential::Cookie(..) | Credential::Token(_) => {}
        }
        identity.shown.push(credential);
    }
    identity.shown.extend(credentials::in_query(target));
    identity
}

/// Tells a client in which copy of the conversation it is.
pub(super) fn mark(response: &mut Response<ReplayBody>, CopyId(number): CopyId) {
    let cookie = format!("{COPY_COOKIE}={}; Path=/; HttpOnly", number + 1);
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// The header fields of a live request.
pub(super) fn sent(headers: &HeaderMap) -> Headers {
    lines(headers).collect()
}

/// The lines of header fields.
pub(super) fn lines(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    let fields = headers.iter();
    fields.map(|(name, value)| (name.as_str(), value.as_bytes()))
}

/// Whether the client that sent this head takes the trailers of this response.
pub(super) fn takes(head: &http::request::Parts, recorded: &exchange::Response) -> Takes {
    if recorded.trailers.is_empty() {
        return Takes::None;
    }
    let lines = head.headers.get_all(header::TE).into_iter();
    let mut codings = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    match head.version {
        Version::HTTP_2 => Takes::Trailers,
        Version::HTTP_11 if codings.any(|one| one.trim().eq_ignore_ascii_case("trailers")) => {
            Takes::Announced
        }
        _ => Takes::None,
    }
}

/// The trailers of a recorded response, as a client gets them: none at all where it has none on the
/// tape, and an empty section where the client takes none.
pub(super) fn trailers(recorded: &exchange::Response, takes: Takes) -> Option<HeaderMap> {
    if recorded.trailers.is_empty() {
        return None;
    }
    Some(match takes {
        Takes::Trailers | Takes::Announced => sendable(&recorded.trailers),
        Takes::None => HeaderMap::new(),
    })
}

/// A response with content codings as a client with these header fields takes it: with those, or without any.
pub(super) fn acceptable<'a>(
    response: &'a exchange::Response,
    headers: &HeaderMap,
) -> Cow<'a, exchange::Response> {
    let lines = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    let accept: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    if coding::is_accepted(&accept, &response.headers) {
        Cow::Borrowed(response)
    } else {
        Cow::Owned(coding::plain(response))
    }
}

/// Recorded fields as they are sent.
pub(super) fn sendable(recorded: &Headers) -> HeaderMap {
    sent_again(HeaderMap::new(), &checked(recorded))
}

/// Recorded fields that can be sent, as often as need be.
pub(super) fn checked(recorded: &Headers) -> Vec<(HeaderName, HeaderValue)> {
    let live = recorded
        .iter()
        .filter(|(name, _)| !exchange::is_made_anew(name));
    let checked = |(name, value)| Some((HeaderName::try_from(name).ok()?, sendable_value(value)?));
    live.filter_map(checked).collect()
}

/// A recorded value as it is sent.
fn sendable_value(value: &[u8]) -> Option<HeaderValue> {
    let mut usual = USUAL_VALUES.iter();
    match usual.find(|usual| usual.as_bytes() == value) {
        Some(usual) => Some(HeaderValue::from_static(usual)),
        None => HeaderValue::from_bytes(value).ok(),
    }
}

/// These fields once more, in a map whose own fields are needed no more. They are added one by one, since the server
/// takes the map for the next request, and one that is as small as it can be would have to grow for that.
pub(super) fn sent_again(mut map: HeaderMap, fields: &[(HeaderName, HeaderValue)]) -> HeaderMap {
    map.clear();
    for (name, value) in fields {
        map.append(name.clone(), value.clone());
    }
    map
}

/// A recorded response with its own status and these of its fields, of which trailers are announced as its client
/// takes them.
pub(super) fn recorded(
    recorded: &exchange::Response,
    fields: HeaderMap,
    takes: Takes,
    body: ReplayBody,
) -> Response<ReplayBody> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(recorded.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    *headers = fields;
    if recorded.trailers.is_empty() {
        return response;
    }
    match takes {
        Takes::Trailers => {
            let fields = recorded.headers.iter();
            let announced = fields.filter(|(name, _)| name.eq_ignore_ascii_case(TRAILER));
            let values = announced.filter_map(|(_, value)| HeaderValue::from_bytes(value).ok());
            values.for_each(|value| _ = headers.append(header::TRAILER, value));
        }
        Takes::Announced => {
            let mut names: Vec<String> = Vec::new();
            for (name, _) in recorded.trailers.iter() {
                if !names.iter().any(|other| name.eq_ignore_ascii_case(other)) {
                    names.push(name.to_owned());
                }
            }
            if let Ok(names) = HeaderValue::try_from(names.join(", ")) {
                headers.insert(header::TRAILER, names);
            }
        }
        Takes::None => {}
    }
    response
}

/// A refusal as a response.
pub(super) fn refused(refusal: &Refusal) -> Response<ReplayBody> {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::NOT_FOUND);
    json(status, refusal.document.clone())
}

/// A JSON document as a response.
pub(super) fn json(status: StatusCode, document: Bytes) -> Response<ReplayBody> {
    let mut response = Response::new(ReplayBody::whole(document));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// The answer to a Bayeux request, with the cookie that ties its client to a session.
pub(super) fn bayeux(
    kind: &'static str,
    content: Bytes,
    cookie: Option<String>,
) -> Response<ReplayBody> {
    let mut response = Response::new(ReplayBody::whole(content));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-store"),
    );
    // For all paths, so that the client's operations are known by it too.
    let cookie = cookie.map(|value| format!("{BROWSER_COOKIE}={value}; Path=/; HttpOnly"));
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) {
        headers.insert(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn field() -> impl Strategy<Value = (&'static str, &'static str)> {
        let telling = [
            "antiphon-session",
            "antiphon-copy",
            "authorization",
            "cookie",
            "x-csrf-token",
            "x-other",
        ];
        let values = [
            "",
            "a=1; BAYEUX_BROWSER=b; ANTIPHON_COPY=2",
            "Basic YTpi",
            "Bearer t",
        ];
        let names = OF_NOBODY.iter().copied().chain(telling).collect::<Vec<_>>();
        (select(names), select(values.to_vec()))
    }

    proptest! {
        #[test]
        fn who_is_recognized_at_a_glance_is_recognized_by_all_fields(
            fields in proptest::collection::vec(field(), 0..4),
            target in select(vec!["/a", "/a?token=t", "/a?b=1"]),
        ) {
            let mut map = HeaderMap::new();
            for (name, value) in fields {
                map.append(name, HeaderValue::from_static(value));
            }
            prop_assert_eq!(identity(&map, target), identity_of_all(&map, target));
        }
    }

    #[test]
    fn what_is_usual_is_sent_as_it_was_recorded() {
        for value in USUAL_VALUES.iter().chain(&["Application/JSON", ""]) {
            let same = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            assert_eq!(sendable_value(value.as_bytes()), Some(same));
        }
        assert_eq!(sendable_value(b"no\n"), None);
    }

    #[test]
    fn fields_that_are_sent_again_leave_nothing_of_those_that_stood_in_the_map() {
        let mut used = HeaderMap::new();
        used.append("host", HeaderValue::from_static("here"));
        used.append("x-a", HeaderValue::from_static("1"));
        used.append("x-a", HeaderValue::from_static("2"));
        let recorded: Headers = [("x-b", "3"), ("X-A", "4"), ("x-b", "5")]
            .into_iter()
            .collect();
        assert_eq!(sent_again(used, &checked(&recorded)), sendable(&recorded));
    }
}
