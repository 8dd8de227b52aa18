//! Sockets: how they are opened, what passes on them, how they end, and what the tape says of it.

mod bayeux;
mod ends;
mod http2;
mod messages;
mod offers;
mod replayed;
mod room;
mod upstream;

use super::*;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A request that offers to open a socket, with these fields more.
pub(super) fn offer(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: front:1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{more}\r\n"
    )
}

/// The answer that opens it, with these fields more.
pub(super) fn agreed(more: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {ACCEPT}\r\n{more}\r\n"
    )
}

/// An upstream that opens every socket that is offered, and then does what a function says.
fn opening(more: &'static str, serve: impl Fn(Client) + Send + Sync + 'static) -> Upstream {
    Upstream::start(move |mut client, _| {
        if is_offer(&client.head()) {
            client.send(&agreed(more));
            serve(client);
        }
    })
}

/// Whether a request offers to open a socket.
fn is_offer(head: &str) -> bool {
    field(head, "upgrade").as_deref() == Some("websocket")
}

/// A socket that is open.
fn open(recording: &Recording) -> Client {
    let mut client = recording.connect();
    client.send(&offer("/chat", ""));
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    client
}

/// A short frame: of the client, with a mask.
pub(super) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [7, 77, 177, 247];
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length < 126);
    let mut bytes = vec![first, 0x80 | length];
    bytes.extend(key);
    bytes.extend(
        payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    bytes
}

/// A short frame: of the service, without.
pub(super) fn bare(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length < 126);
    [&[first, length], payload].concat()
}
