//! A disk that hangs: strace holds a call of the recorder's for a while.

use std::time::{Duration, Instant};

use crate::server::Server;

use super::{Caller, accounted, held, inject, service, shown};

/// How long the disk hangs, in microseconds.
const HANGS: u64 = 6_000_000;

/// The longest that one request may take where nobody waits longer for the disk than a tenth of a second.
const SOON: Duration = Duration::from_secs(3);

/// Records by a disk that hangs at the fourth write, and calls as many operations as fit before it goes on.
fn hung(arguments: &[&str]) -> (Option<i32>, String, serde_json::Value, u64) {
    let upstream = service();
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("hangs.tape");
    let what = format!("-einject=write:delay_enter={HANGS}:when=4");
    let server = Server::record_so(&inject(&what, &tape), &upstream, &tape, arguments);
    let mut caller = Caller::of(&server);
    caller.call(2, 10);
    let mut told = false;
    for _ in 0..60 {
        let began = Instant::now();
        caller.call(1, 500);
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        told |= server.admin("health")["status"] == "failing";
    }
    assert!(told, "the health never said that the disk hangs");
    let (code, words) = server.end_somehow();
    let (document, _) = shown(&tape);
    (code, words, document, caller.called)
}

#[test]
fn traffic_passes_a_disk_that_hangs_and_is_recorded_when_it_goes_on() {
    let (code, words, document, called) = hung(&["--patience", "0.1"]);
    assert_eq!(code, Some(0), "{words}");
    assert_eq!(held(&document), (0..called).collect::<Vec<u64>>());
}

#[test]
fn what_finds_the_queue_full_is_counted_in_a_gap() {
    for when in ["wait", "drop"] {
        let arguments = [
            "--patience",
            "0.1",
            "--max-queue",
            "16000",
            "--when-behind",
            when,
        ];
        let (code, words, document, called) = hung(&arguments);
        assert_eq!(code, Some(4), "{words}");
        let missing = accounted(&document, called);
        assert!(missing > 10, "{when}: {missing}");
        assert!(words.contains("slower than the traffic"), "{words}");
    }
}
