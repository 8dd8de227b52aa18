//! Turns the head of a message into one for the other side: whom it names, and what ends with the hop.
//!
//! What that means for each field stands in [`headers`].

use http::header::{self, HeaderValue};
use http::{Uri, Version, request, response, uri};

use super::origin::Origin;
use super::upstream::Protocol;
use super::{Bodies, Caller, Forwarded, Host, Scheme, Shared, headers};

/// The client's side of one exchange.
pub(super) struct Client {
    version: Version,
    caller: Caller,
    /// The `Host` that it called.
    host: Option<HeaderValue>,
}

impl Client {
    /// Whoever sent this head.
    pub(super) fn of(head: &request::Parts, caller: Caller) -> Client {
        let named = head.uri.authority();
        let named = named.and_then(|name| HeaderValue::from_str(name.as_str()).ok());
        // What an absolute target names counts, and not the Host (RFC 9112 §3.2.2).
        let host = named.or_else(|| headers::first(&head.headers, &header::HOST).cloned());
        Client {
            version: head.version,
            caller,
            host,
        }
    }

    /// The proxy's origin, as the client knows it.
    pub(super) fn origin(&self) -> Option<Origin> {
        let text = self.host.as_ref()?.to_str().ok()?;
        Origin::of_authority(self.caller.scheme, text)
    }
}

impl Shared {
    /// Makes the head of a client's request one for the upstream.
    pub(super) fn prepare(&self, head: &mut request::Parts, client: &Client, protocol: Protocol) {
        let hop = headers::has_hop(&head.headers);
        let chunked = hop && headers::is_chunked(&head.headers);
        let trailers = hop && headers::takes_trailers(&head.headers);
        if hop {
            headers::end_hop(&mut head.headers);
        }
        headers::via(&mut head.headers, client.version);
        let fields = &mut head.headers;
        if self.settings.forwarded == Forwarded::Named {
            let Caller {
                address, scheme, ..
            } = client.caller;
            headers::forwarded(fields, address, client.host.as_ref(), scheme);
        }
        if self.settings.bodies == Bodies::Rewrite {
            fields.insert(
                header::ACCEPT_ENCODING,
                HeaderValue::from_static("identity"),
            );
        }
        if trailers {
            fields.insert(header::TE, HeaderValue::from_static("trailers"));
        }
        let kept = client.host.as_ref();
        let host = kept
            .filter(|_| self.settings.host == Host::Keep)
            .unwrap_or(&self.host);
        let mut parts = uri::Parts::default();
        match protocol {
            Protocol::Http1 => {
                head.version = Version::HTTP_11;
                fields.insert(header::HOST, host.clone());
                headers::join_cookies(fields);
                if trailers {
                    fields.insert(header::CONNECTION, HeaderValue::from_static("te"));
                }
                if chunked {
                    let chunked = HeaderValue::from_static("chunked");
                    fields.insert(header::TRANSFER_ENCODING, chunked);
                }
            }
            Protocol::Http2 => {
                head.version = Version::HTTP_2;
                fields.remove(header::EXPECT);
                parts.scheme = Some(match self.settings.upstream.scheme() {
                    Scheme::Http => uri::Scheme::HTTP,
                    Scheme::Https => uri::Scheme::HTTPS,
                });
                parts.authority = uri::Authority::try_from(host.as_bytes()).ok();
                fields.remove(header::HOST);
            }
        }
        if protocol == Protocol::Http1 && head.uri.authority().is_none() {
            return; // the target is what it has to be, as clients of HTTP/1.1 write it
        }
        parts.path_and_query = head.uri.path_and_query().cloned();
        if let Ok(uri) = Uri::from_parts(parts) {
            head.uri = uri;
        }
    }

    /// Makes the head of the upstream's response one for the client.
    pub(super) fn turn_back(&self, head: &mut response::Parts, client: &Client) {
        headers::end_hop(&mut head.headers);
        headers::via(&mut head.headers, head.version);
        head.version = Version::HTTP_11;
        if headers::may_name_origin(&head.headers)
            && let Some(origin) = client.origin()
        {
            headers::move_origin(&mut head.headers, &self.settings.upstream, &origin);
        }
    }
}
