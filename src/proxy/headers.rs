//! What an intermediary does to header fields on their way (RFC 9110 §7.6). Pure.
//!
//! Fields that it does not know it leaves alone, in their order.

use std::net::IpAddr;

use http::Version;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::exchange::{HOP_BY_HOP, Headers};

use super::origin::{Origin, Scheme};

/// The fields that say what a message is: `Connection` may name them, and has no power over them.
const UNTOUCHABLE: [&str; 3] = ["host", "content-length", "trailer"];

/// The fields that hold the reference of a resource.
const LOCATIONS: [HeaderName; 2] = [header::LOCATION, header::CONTENT_LOCATION];

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The fields as a tape keeps them.
pub(super) fn recorded(headers: &HeaderMap) -> Headers {
    recorded_in(Headers::new(), headers)
}

/// The same, in the memory of others.
pub(super) fn recorded_in(spare: Headers, headers: &HeaderMap) -> Headers {
    spare.replaced(|| {
        let fields = headers.iter();
        fields.map(|(name, value)| (name.as_str(), value.as_bytes()))
    })
}

/// Whether a request offers to take trailers.
pub(super) fn takes_trailers(headers: &HeaderMap) -> bool {
    members(headers, &header::TE).any(|member| member.eq_ignore_ascii_case("trailers"))
}

/// Whether the content is chunked.
pub(super) fn is_chunked(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
}

/// Whether there is anything that is for one hop only.
pub(super) fn has_hop(headers: &HeaderMap) -> bool {
    headers.keys().any(is_hop)
}

/// The first value of a field that most messages have not, or have at their beginning. To look through the few names
/// of a message takes less than to look for one of them.
pub(super) fn first<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut fields = headers.iter();
    fields
        .find(|(other, _)| *other == name)
        .map(|(_, value)| value)
}

fn is_hop(name: &HeaderName) -> bool {
    HOP_BY_HOP.contains(&name.as_str())
}

/// Removes what is for one hop only.
pub(super) fn end_hop(headers: &mut HeaderMap) {
    if !has_hop(headers) {
        return; // as most messages
    }
    let named: Vec<HeaderName> = members(headers, &header::CONNECTION)
        .filter_map(|member| member.parse().ok())
        .filter(|name: &HeaderName| !UNTOUCHABLE.contains(&name.as_str()))
        .collect();
    let carried = headers.keys().filter(|name| is_hop(name)).cloned();
    let carried: Vec<HeaderName> = carried.collect();
    for name in named.iter().chain(&carried) {
        headers.remove(name);
    }
}

/// Adds the proxy to `Via`, by the name of antiphon (RFC 9110 §7.6.3).
pub(super) fn via(headers: &mut HeaderMap, received: Version) {
    const HTTP_09: HeaderValue = HeaderValue::from_static("0.9 antiphon");
    const HTTP_10: HeaderValue = HeaderValue::from_static("1.0 antiphon");
    const HTTP_2: HeaderValue = HeaderValue::from_static("2.0 antiphon");
    const HTTP_11: HeaderValue = HeaderValue::from_static("1.1 antiphon");
    let value = match received {
        Version::HTTP_09 => HTTP_09,
        Version::HTTP_10 => HTTP_10,
        Version::HTTP_2 => HTTP_2,
        _ => HTTP_11,
    };
    headers.append(header::VIA, value);
}

/// Says for whom the proxy speaks.
pub(super) fn forwarded(
    headers: &mut HeaderMap,
    client: IpAddr,
    host: Option<&HeaderValue>,
    scheme: Scheme,
) {
    let client = client.to_canonical().to_string();
    let before: Vec<&str> = members(headers, &X_FORWARDED_FOR).collect();
    let chain = before.into_iter().chain([client.as_str()]);
    if let Ok(chain) = HeaderValue::from_str(&chain.collect::<Vec<_>>().join(", ")) {
        headers.insert(X_FORWARDED_FOR, chain);
    }
    if let Some(host) = host {
        headers.insert(X_FORWARDED_HOST, host.clone());
    }
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme.name()));
}

/// Joins the cookies that HTTP/2 may carry apart (RFC 9113 §8.2.3).
pub(super) fn join_cookies(headers: &mut HeaderMap) {
    if first(headers, &header::COOKIE).is_none() {
        return;
    }
    let cookies: Vec<&[u8]> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, joined);
    }
}

/// Whether there is a field in which [`move_origin`] may find something.
pub(super) fn may_name_origin(headers: &HeaderMap) -> bool {
    let may = |name| LOCATIONS.contains(name) || *name == header::SET_COOKIE;
    headers.keys().any(may)
}

/// Makes what names the upstream name the proxy: `Location`, `Content-Location`, and the cookies.
pub(super) fn move_origin(headers: &mut HeaderMap, upstream: &Origin, proxy: &Origin) {
    for name in &LOCATIONS {
        move_values(headers, name, |value| upstream.reference(value, proxy));
    }
    move_values(headers, &header::SET_COOKIE, |value| {
        upstream.cookie(value, proxy)
    });
}

fn move_values(
    headers: &mut HeaderMap,
    name: &HeaderName,
    change: impl Fn(&[u8]) -> Option<Vec<u8>>,
) {
    let header::Entry::Occupied(mut values) = headers.entry(name) else {
        return;
    };
    for value in values.iter_mut() {
        let moved = change(value.as_bytes()).and_then(|moved| HeaderValue::from_bytes(&moved).ok());
        if let Some(moved) = moved {
            *value = moved;
        }
    }
}

/// Whether the content that these fields describe is a text whose URLs can be moved: JSON or text,
/// whole, not compressed, and no stream of events, which is not to be held up.
pub(super) fn is_text(headers: &HeaderMap) -> bool {
    let value = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let plain = value(header::CONTENT_ENCODING)
        .is_none_or(|coding| coding.trim().eq_ignore_ascii_case("identity"));
    let kind = value(header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    let text = match kind.split_once('/') {
        Some(("text", sub)) => sub != "event-stream",
        Some(("application", sub)) => {
            matches!(sub, "json" | "javascript" | "xml")
                || sub.ends_with("+json")
                || sub.ends_with("+xml")
        }
        _ => false,
    };
    plain && text && !headers.contains_key(header::CONTENT_RANGE)
}

/// Fields that describe bytes which are no longer the upstream's.
pub(super) fn forget_digests(headers: &mut HeaderMap) {
    for name in ["content-md5", "digest", "content-digest", "repr-digest"] {
        headers.remove(name);
    }
}

/// The members of a comma-separated field.
fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn a_hop_ends() {
        let mut map = headers(&[
            ("Connection", "close, X-One"),
            ("Connection", "x-two, host, content-length, bad name"),
            ("Keep-Alive", "timeout=5"),
            ("TE", "trailers;q=1, trailers"),
            ("Transfer-Encoding", "chunked"),
            ("Upgrade", "h2c"),
            ("Proxy-Connection", "close"),
            ("X-One", "1"),
            ("X-Two", "2"),
            ("X-Three", "3"),
            ("Host", "a"),
            ("Content-Length", "0"),
            ("Trailer", "t"),
        ]);
        assert!(takes_trailers(&map));
        assert!(is_chunked(&map));
        end_hop(&mut map);
        let left = headers(&[
            ("x-three", "3"),
            ("host", "a"),
            ("content-length", "0"),
            ("trailer", "t"),
        ]);
        assert_eq!(map, left);
    }

    #[test]
    fn the_proxy_signs_after_those_before_it() {
        let mut map = headers(&[("Via", "1.0 fred")]);
        via(&mut map, Version::HTTP_11);
        via(&mut map, Version::HTTP_2);
        let all: Vec<_> = map.get_all("via").iter().collect();
        assert_eq!(all, ["1.0 fred", "1.1 antiphon", "2.0 antiphon"]);
    }

    #[test]
    fn for_whom_the_proxy_speaks() {
        let mut map = headers(&[
            ("X-Forwarded-For", "10.0.0.1"),
            ("X-Forwarded-For", "10.0.0.2,10.0.0.3"),
            ("X-Forwarded-Proto", "https"),
        ]);
        let host = HeaderValue::from_static("a:1");
        let client = "::ffff:127.0.0.1".parse().unwrap();
        forwarded(&mut map, client, Some(&host), Scheme::Http);
        assert_eq!(
            map["x-forwarded-for"],
            "10.0.0.1, 10.0.0.2, 10.0.0.3, 127.0.0.1"
        );
        assert_eq!(map["x-forwarded-host"], "a:1");
        assert_eq!(map["x-forwarded-proto"], "http");
        forwarded(&mut map, client, Some(&host), Scheme::Https);
        assert_eq!(map["x-forwarded-proto"], "https");
    }

    #[test]
    fn what_names_the_upstream_names_the_proxy() {
        let upstream: Origin = "http://up:9090".parse().unwrap();
        let proxy: Origin = "http://localhost:8080".parse().unwrap();
        let mut map = headers(&[
            ("Location", "http://up:9090/a"),
            ("Content-Location", "/b"),
            ("Set-Cookie", "a=1; Domain=up"),
            ("Set-Cookie", "b=2; Secure; Path=/"),
            ("Link", "<http://up:9090/c>"),
        ]);
        move_origin(&mut map, &upstream, &proxy);
        assert_eq!(map["location"], "http://localhost:8080/a");
        assert_eq!(map["content-location"], "/b");
        let cookies: Vec<_> = map.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2; Path=/"]);
        assert_eq!(map["link"], "<http://up:9090/c>");
    }

    #[test]
    fn which_content_is_text() {
        let cases = [
            ("application/json;charset=utf-8", "", true),
            ("Application/Problem+JSON", "identity", true),
            ("text/html", "", true),
            ("text/event-stream", "", false),
            ("application/json", "gzip", false),
            ("image/png", "", false),
            ("", "", false),
        ];
        for (kind, coding, text) in cases {
            let mut map = headers(&[("content-type", kind)]);
            if !coding.is_empty() {
                map.insert("content-encoding", coding.parse().unwrap());
            }
            assert_eq!(is_text(&map), text, "{kind} {coding}");
        }
    }

    #[test]
    fn cookies_that_came_apart_are_joined() {
        let mut map = headers(&[("cookie", "a=1"), ("cookie", "b=2")]);
        join_cookies(&mut map);
        assert_eq!(
            map.get_all("cookie").iter().collect::<Vec<_>>(),
            ["a=1; b=2"]
        );
    }
}
