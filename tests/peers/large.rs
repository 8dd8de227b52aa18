//! A body of a gibibyte each way through the recorder: it arrives as it was sent, and takes no memory. Of
//! how many gibibytes it is, `ANTIPHON_LARGE_GIB` may say.

use std::io::Write as _;
use std::sync::mpsc;

use crate::server::{PATIENCE, Server};
use crate::wire::{self, Wire};

/// How long the body is.
fn length() -> u64 {
    let gibibytes = std::env::var("ANTIPHON_LARGE_GIB");
    gibibytes.map_or(1, |text| text.parse::<u64>().unwrap()) << 30
}

/// How much the recorder's memory may grow by it, in KiB.
const MOST: u64 = 32 << 10;

/// What the body repeats.
#[derive(Clone, Copy, Debug)]
enum Content {
    Zeros,
    Noise,
}

impl Content {
    /// A piece of it, of which there are as many as it takes.
    fn piece(self) -> Vec<u8> {
        let mut piece = vec![0; 1 << 16];
        if let Content::Noise = self {
            blake3::Hasher::new().finalize_xof().fill(&mut piece);
        }
        piece
    }

    fn pieces(self) -> u64 {
        length() / u64::try_from(self.piece().len()).unwrap()
    }

    fn digest(self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        let piece = self.piece();
        for _ in 0..self.pieces() {
            hasher.write_all(&piece).unwrap();
        }
        hasher.finalize()
    }
}

#[test]
fn a_gibibyte_each_way_takes_little_memory() {
    let length = length();
    let (taken, digests) = mpsc::channel();
    let upstream = wire::upstream(move |wire| {
        loop {
            let request = wire.head()?;
            if request.line.starts_with("POST") {
                taken.send(wire.digest(request.length)?).unwrap();
                wire.send(b"HTTP/1.1 204 No Content\r\n\r\n")?;
                continue;
            }
            let content = if request.line.contains("zeros") {
                Content::Zeros
            } else {
                Content::Noise
            };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            wire.send(head.as_bytes())?;
            let piece = content.piece();
            for _ in 0..content.pieces() {
                wire.send(&piece)?;
            }
        }
    });
    for (content, target) in [(Content::Zeros, "/zeros"), (Content::Noise, "/noise")] {
        let folder = tempfile::tempdir().unwrap();
        let recording = Server::record(&upstream, &folder.path().join("large.tape"));
        let mut wire = Wire::connect(&recording.origin).unwrap();
        let before = recording.peak();
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        wire.send(request.as_bytes()).unwrap();
        let answer = wire.head().unwrap();
        let digest = wire.digest(answer.length).unwrap();
        assert_eq!(digest, content.digest());
        let after_down = recording.peak();
        let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        wire.send(head.as_bytes()).unwrap();
        let piece = content.piece();
        for _ in 0..content.pieces() {
            wire.send(&piece).unwrap();
        }
        assert!(wire.head().unwrap().line.contains(" 204"));
        assert_eq!(digests.recv_timeout(PATIENCE).unwrap(), content.digest());
        let after_up = recording.peak();
        println!(
            "{content:?}: {} KiB more after it came down, {} KiB more after it went up",
            after_down - before,
            after_up - before
        );
        assert!(after_up - before < MOST);
        recording.end_well();
    }
}
