//! Bayeux exchanges among what passes: they are known by what they carry, wherever they go.
//!
//! It reads single exchanges; what they mean for the conversation is worked out by
//! [`super::Understanding`].

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::bayeux::{Message, message};
use crate::exchange::Request;

use super::{content, identifier};

/// The channel of handshakes.
pub(super) const HANDSHAKE: &str = "/meta/handshake";
/// The channel of polls.
pub(super) const CONNECT: &str = "/meta/connect";
/// The channel of subscriptions.
pub(super) const SUBSCRIBE: &str = "/meta/subscribe";
/// The channel of their ends.
pub(super) const UNSUBSCRIBE: &str = "/meta/unsubscribe";
/// The channel of farewells.
pub(super) const DISCONNECT: &str = "/meta/disconnect";

/// What every message says.
pub(super) static CHANNEL: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("channel"));

/// What clients append to the endpoint's path, as `cometd.js` does.
const SUFFIXES: &[&str] = &["/handshake", "/connect", "/disconnect"];

/// The Bayeux messages of a request, whose content has no coding any more, where it carries any: at least one
/// is on a meta channel, or by a client that is known to have shaken hands.
pub(super) fn messages(
    request: &Request,
    content: &[u8],
    knows: impl Fn(&str) -> bool,
) -> Option<Vec<Message>> {
    let messages = match request.method.as_str() {
        "POST" | "PUT" => {
            CHANNEL.find(content)?;
            message::read(content::field(&request.headers, "content-type"), content).ok()?
        }
        "GET" => {
            let (_, query) = request.target.split_once('?')?;
            query.contains("message=").then_some(())?;
            message::read(Some("application/x-www-form-urlencoded"), query.as_bytes()).ok()?
        }
        _ => return None,
    };
    let channels = messages
        .iter()
        .all(|message| message.channel.starts_with('/'));
    let speaks = messages
        .iter()
        .any(|message| message.is_meta() || message.client_id.as_deref().is_some_and(&knows));
    (channels && speaks).then_some(messages)
}

/// The path of the endpoint that a request went to.
pub(super) fn endpoint(target: &str) -> &str {
    let path = identifier::path_of(target);
    let path = path.strip_suffix('/').unwrap_or(path);
    let bare = SUFFIXES.iter().find_map(|suffix| path.strip_suffix(suffix));
    let path = bare.unwrap_or(path);
    if path.is_empty() { "/" } else { path }
}

#[cfg(test)]
mod tests {
    use crate::exchange::{Body, Headers};

    use super::*;

    fn request(method: &str, target: &str, headers: Headers, body: &str) -> Request {
        Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body: Body::new(body.to_owned()),
            trailers: Headers::new(),
        }
    }

    #[test]
    fn bayeux_is_known_by_its_messages_on_any_path() {
        let handshake = r#"[{"channel":"/meta/handshake","version":"1.0"}]"#;
        let publish = r#"[{"channel":"/service/a","clientId":"known","data":{}}]"#;
        let stranger = r#"[{"channel":"/service/a","clientId":"other","data":{}}]"#;
        let form: Headers = [("Content-Type", "application/x-www-form-urlencoded")]
            .into_iter()
            .collect();
        let fields: String = form_urlencoded::byte_serialize(handshake.as_bytes()).collect();
        let fields = format!("message={fields}");
        for (method, target, headers, body, expected) in [
            ("POST", "/any", Headers::new(), handshake, true),
            (
                "POST",
                "/any",
                Headers::new(),
                &handshake[1..handshake.len() - 1],
                true,
            ),
            ("POST", "/any", form, fields.as_str(), true),
            (
                "GET",
                &format!("/any?jsonp=f&{fields}"),
                Headers::new(),
                "",
                true,
            ),
            ("POST", "/any", Headers::new(), publish, true),
            ("POST", "/any", Headers::new(), stranger, false),
            (
                "POST",
                "/any",
                Headers::new(),
                r#"{"channel":"sales"}"#,
                false,
            ),
            ("GET", "/any?message=hello", Headers::new(), "", false),
        ] {
            let request = request(method, target, headers, body);
            let content = request.body.bytes();
            let found = messages(&request, content, |id| id == "known").is_some();
            assert_eq!(found, expected, "{method} {target} {body}");
        }
    }

    #[test]
    fn the_endpoint_is_what_all_its_requests_share() {
        for (target, expected) in [
            ("/api/v2/notifications", "/api/v2/notifications"),
            ("/api/v2/notifications/", "/api/v2/notifications"),
            ("/api/v2/notifications/connect", "/api/v2/notifications"),
            ("/faye?jsonp=x", "/faye"),
            ("/handshake", "/"),
        ] {
            assert_eq!(endpoint(target), expected);
        }
    }
}
