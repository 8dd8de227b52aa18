//! Content that comes in many tiny frames of HTTP/2.

use super::frames::{DATA, GOAWAY, HEADERS, PREFACE, SETTINGS, frame, literal, request};
use super::harness::{Recording, Upstream, ok};

/// More than hyper's own windows let wait, and fewer than those of the recorder.
const FRAMES: usize = 7_000;

#[test]
fn thousands_of_tiny_frames_at_once_are_no_attack() {
    let upstream = Upstream::answering(|_, content| ok(&content.len().to_string()));
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    let head = [
        request("POST", "/"),
        literal("content-length", &FRAMES.to_string()),
    ];
    let request = [
        PREFACE.to_vec(),
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
