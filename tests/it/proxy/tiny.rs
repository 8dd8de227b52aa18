//! Content that comes in many tiny frames of HTTP/2.

use super::harness::{Recording, Upstream, ok};

/// Kinds of frames (RFC 9113 §6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

/// More than hyper's own windows let wait, and fewer than those of the recorder.
const FRAMES: usize = 7_000;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// A field as a literal that no table keeps (RFC 7541 §6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}

#[test]
fn thousands_of_tiny_frames_at_once_are_no_attack() {
    let upstream = Upstream::answering(|_, content| ok(&content.len().to_string()));
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    let head = [
        field(":method", "POST"),
        field(":scheme", "http"),
        field(":path", "/"),
        field(":authority", "a"),
        field("content-length", &FRAMES.to_string()),
    ];
    let request = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(SETTINGS, 0, 0, &[]),
        frame(HEADERS, 4, 1, &head.concat()),
        frame(DATA, 0, 1, b"x").repeat(FRAMES),
        frame(DATA, 1, 1, &[]),
    ];
    client.bytes(&request.concat()).unwrap();
    loop {
        let head = client.octets(9);
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let payload = client.octets(length as usize);
        assert_ne!(head[3], GOAWAY, "{}", String::from_utf8_lossy(&payload));
        if head[3] == DATA && !payload.is_empty() {
            assert_eq!(payload, FRAMES.to_string().into_bytes());
            return;
        }
    }
}
