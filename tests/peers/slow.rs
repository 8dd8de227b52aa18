//! 200 slow clients of slowhttptest, in each of its ways to be slow, while another client goes on as if they
//! were not there.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::server::{PATIENCE, Server};
use crate::wire::{self, Wire};

/// How many there are.
const SLOW: u64 = 200;

/// How long they go on, in seconds: longer than the limits that are set here.
const SECONDS: &str = "8";

/// What a request of the other client may take at most, on a machine that does other things too.
const MOST: Duration = Duration::from_secs(1);

/// Of its requests, all but one in so many take less than [`MEDIAN`].
const MEDIAN: Duration = Duration::from_millis(50);

/// The ways to be slow, and what the recorder counts of those who are.
const MODES: [(&[&str], &str); 3] = [
    (&["-H", "-i", "10"], "slow_heads"),
    (&["-B", "-i", "10"], "slow_bodies"),
    // It takes five bytes a second, through a window of one.
    (
        &["-X", "-w", "1", "-y", "1", "-z", "5", "-n", "6"],
        "slow_readers",
    ),
];

#[test]
fn slow_clients_leave_the_others_alone() {
    let works = Command::new("slowhttptest").arg("-h").output();
    assert!(
        works.is_ok(),
        "this test runs slowhttptest, which is missing: install it"
    );
    let upstream = wire::upstream(|wire| {
        loop {
            let request = wire.head()?;
            wire.digest(request.length)?;
            let length = if request.line.contains("/large") {
                8 << 20
            } else {
                2
            };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            wire.send(head.as_bytes())?;
            wire.send(&vec![b'x'; length])?;
        }
    });
    for (mode, counted) in MODES {
        let folder = tempfile::tempdir().unwrap();
        let limits = [
            "--head-timeout",
            "3",
            "--body-timeout",
            "3",
            "--reader-timeout",
            "3",
        ];
        let recording = Server::record_on(&upstream, &folder.path().join("slow.tape"), &limits);
        let before = recording.peak();
        let url = format!("{}/large", recording.origin);
        let count = SLOW.to_string();
        let mut slow = Command::new("slowhttptest")
            .args(mode)
            .args([
                "-c", &count, "-r", &count, "-l", SECONDS, "-u", &url, "-v", "0",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut times = Vec::new();
        while slow.try_wait().unwrap().is_none() {
            let begin = Instant::now();
            let mut wire = Wire::connect(&recording.origin).unwrap();
            wire.send(b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
                .unwrap();
            let answer = wire.head().unwrap();
            assert!(answer.line.contains(" 200"), "{}", answer.line);
            wire.digest(answer.length).unwrap();
            times.push(begin.elapsed());
            assert!(times.len() < 1_000_000);
        }
        times.sort();
        let (middle, last) = (times[times.len() / 2], times[times.len() - 1]);
        let begin = Instant::now();
        let found = loop {
            let connections = health(&recording);
            let found = connections[counted].as_u64().unwrap();
            if found >= SLOW || begin.elapsed() > PATIENCE {
                break found;
            }
        };
        let grown = recording.peak() - before;
        println!(
            "{mode:?}: {found} {counted}; {} requests beside them, median {middle:?}, slowest {last:?}; {grown} KiB more",
            times.len()
        );
        assert!(found >= SLOW, "{mode:?}: {found} {counted}");
        assert!(
            middle < MEDIAN && last < MOST,
            "{mode:?}: {middle:?}, {last:?}"
        );
        recording.end_well();
    }
}

fn health(recording: &Server) -> serde_json::Value {
    let url = format!("{}/__admin/health", recording.admin);
    let text = ureq::get(&url).call().unwrap().body_mut().read_to_string();
    let health: serde_json::Value = serde_json::from_str(&text.unwrap()).unwrap();
    health["connections"].clone()
}
