//! 200 slow clients of slowhttptest, in each of its ways to be slow, while another client goes on as if they
//! were not there.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::server::{PATIENCE, Server};
use crate::wire::{self, Wire};

/// How many there are.
const SLOW: u64 = 200;

/// How long they go on, in seconds: longer than the limits that are set here.
const SECONDS: &str = "12";

/// What a request of the other client may take beside them, on a machine that does other things too.
const MOST: Duration = Duration::from_secs(5);

/// By how much the middle one may be above what it is without them.
const MORE: Duration = Duration::from_millis(250);

/// How many requests tell what it is without them.
const QUIET: usize = 50;

/// The ways to be slow, and what the recorder counts of those who are: who reads slowly is answered, since the
/// system takes a response of this length off its hands.
const MODES: [(&[&str], &str); 3] = [
    (&["-H", "-i", "10"], "/connections/slow_heads"),
    (&["-B", "-i", "10"], "/connections/slow_bodies"),
    // Five bytes in six seconds, through the smallest window.
    (
        &["-X", "-w", "1", "-y", "1", "-z", "5", "-n", "6"],
        "/answered",
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
                1 << 20
            } else {
                2
            };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            let mut answer = head.into_bytes();
            answer.resize(answer.len() + length, b'x');
            wire.send(&answer)?;
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
            "--max-body",
            "4096",
        ];
        let recording = Server::record_on(&upstream, &folder.path().join("slow.tape"), &limits);
        let mut quiet: Vec<Duration> = (0..QUIET).map(|_| ask(&recording)).collect();
        quiet.sort();
        let quiet = quiet[QUIET / 2];
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
            times.push(ask(&recording));
        }
        times.sort();
        let (middle, last) = (times[times.len() / 2], times[times.len() - 1]);
        let begin = Instant::now();
        let found = loop {
            let health = recording.admin("health");
            let mut found = health.pointer(counted).unwrap().as_u64().unwrap();
            if counted == "/answered" {
                found -= u64::try_from(QUIET + times.len()).unwrap();
            }
            if found >= SLOW || begin.elapsed() > PATIENCE {
                break found;
            }
        };
        let grown = recording.peak() - before;
        println!(
            "{mode:?}: {found} {counted}; {} requests beside them, median {middle:?} (before {quiet:?}), slowest {last:?}; {grown} KiB more",
            times.len()
        );
        assert!(found >= SLOW, "{mode:?}: {found} {counted}");
        assert!(
            middle < quiet + MORE && last < MOST,
            "{mode:?}: {middle:?}, {last:?}"
        );
        recording.end_well();
    }
}

/// A request of another client, on a connection of its own; how long it takes.
fn ask(recording: &Server) -> Duration {
    let begin = Instant::now();
    let mut wire = Wire::connect(&recording.origin).unwrap();
    wire.send(b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let answer = wire.head().unwrap();
    assert!(answer.line.contains(" 200"), "{}", answer.line);
    wire.digest(answer.length).unwrap();
    begin.elapsed()
}
