//! WebSocket frames: what is seen is the same however the bytes arrive, ends with the first fault, and keeps
//! no more than was asked for.
//!
//! The first byte is how long a piece is, the second says who sends and what was agreed on.

#![no_main]

use antiphon::exchange::{Kind, Side};
use antiphon::websocket::{Agreement, Decoder, Seen, Takeover};
use libfuzzer_sys::fuzz_target;

/// How much of a message is kept.
const KEEP: usize = 1_000;

fuzz_target!(|data: &[u8]| {
    let [piece, how, stream @ ..] = data else {
        return;
    };
    let piece = usize::from(*piece % 32) + 1;
    let sender = if how & 1 == 0 {
        Side::Client
    } else {
        Side::Service
    };
    let deflate = |takeover| Agreement::Deflate {
        client: takeover,
        service: takeover,
    };
    let agreement = match how >> 1 & 3 {
        0 => Agreement::Plain,
        1 => deflate(Takeover::Yes),
        2 => deflate(Takeover::No),
        _ => Agreement::Unknown("x".to_owned()),
    };
    let whole = see(sender, &agreement, stream, stream.len().max(1));
    assert_eq!(see(sender, &agreement, stream, piece), whole);
});

/// What is seen, and whether it ended in a fault. Which one it is may depend on the pieces, where content is
/// neither text nor deflated.
fn see(sender: Side, agreement: &Agreement, stream: &[u8], piece: usize) -> (Vec<Seen>, bool) {
    let mut decoder = Decoder::new(sender, agreement, KEEP);
    let mut all = Vec::new();
    let mut faulty = false;
    for mut piece in stream.chunks(piece) {
        while let Some(seen) = decoder.next(&mut piece) {
            assert!(!faulty, "{seen:?} behind a fault");
            match seen {
                Seen::Fault(_) => faulty = true,
                seen => {
                    check(&seen);
                    all.push(seen);
                }
            }
        }
        assert!(piece.is_empty(), "bytes are left over");
        assert!(decoder.held() <= KEEP);
    }
    let torn = decoder.end().is_some();
    assert!(!(torn && faulty), "a second fault");
    (all, faulty)
}

fn check(seen: &Seen) {
    match seen {
        Seen::Message(message) => {
            let bytes = message.data.bytes();
            assert!(bytes.len() <= KEEP);
            if message.kind == Kind::Text {
                assert!(std::str::from_utf8(bytes).is_ok());
            }
        }
        Seen::Ping(payload) | Seen::Pong(payload) => assert!(payload.len() <= 125),
        Seen::Close(close) => assert!(close.reason.len() <= 123),
        Seen::Fault(_) => {}
    }
}
