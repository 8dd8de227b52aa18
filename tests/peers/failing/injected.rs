//! Calls of the disk that fail, one after the other and for a while: strace has the system answer so.

use std::process::Command;

use crate::server::Server;

use super::{Caller, Disk, accounted, held, in_gaps, inject, service, shown};

#[test]
fn a_recording_that_cannot_begin_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("full.tape");
    let by = inject("-einject=write:error=ENOSPC:when=1", &tape);
    let output = Command::new(by[0])
        .args(&by[1..])
        .arg(env!("CARGO_BIN_EXE_antiphon"))
        .args([
            "record",
            "--upstream",
            "http://127.0.0.1:1",
            "--listen",
            "127.0.0.1:0",
        ])
        .arg("--output")
        .arg(&tape)
        .output()
        .unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{words}");
    assert!(
        words.contains("full.tape") && words.contains("No space left"),
        "{words}"
    );
}

#[test]
fn a_disk_that_is_full_for_a_moment_loses_nothing() {
    let upstream = service();
    for before in 1..7 {
        let folder = tempfile::tempdir().unwrap();
        let tape = folder.path().join("full.tape");
        let disk = Disk::of(&tape, "ENOSPC");
        let server = Server::record_so(&disk.inject(), &upstream, &tape, &[]);
        let mut caller = Caller::of(&server);
        caller.call(before, 10);
        disk.fails();
        caller.call(3, 10);
        disk.goes_on();
        caller.call(17 - before, 10);
        server.end_well();
        let (document, words) = shown(&tape);
        assert_eq!(held(&document), (0..20).collect::<Vec<u64>>());
        assert_eq!(words, "");
    }
}

#[test]
fn what_a_full_disk_loses_is_a_gap_and_all_else_is_there() {
    let upstream = service();
    let mut missing = 0;
    for (before, error) in [
        (1, "ENOSPC"),
        (2, "EIO"),
        (4, "ENOSPC"),
        (8, "EIO"),
        (16, "ENOSPC"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let tape = folder.path().join("full.tape");
        let disk = Disk::of(&tape, error);
        let arguments = ["--max-queue", "4000"];
        let server = Server::record_so(&disk.inject(), &upstream, &tape, &arguments);
        let mut caller = Caller::of(&server);
        caller.call(before, 200);
        disk.fails();
        caller.call(20, 200);
        disk.goes_on();
        caller.call(80 - before, 200);
        let health = server.admin("health");
        assert_eq!(health["status"], "incomplete", "{health}");
        let events = health["missed"]["events"].as_u64().unwrap();
        let metrics = server.admin_text("metrics");
        let line = format!("antiphon_lost_events_total {events}");
        assert!(metrics.lines().any(|found| found == line), "{metrics}");
        let (code, words) = server.end_somehow();
        assert_eq!(code, Some(4), "{words}");
        let (document, notices) = shown(&tape);
        assert!(notices.contains("the recording has"), "{notices}");
        assert!(!notices.contains("trailer"), "{notices}");
        assert_eq!(accounted(&document, 100), events);
        missing += events;
    }
    assert!(missing > 20, "{missing}");
}

#[test]
fn a_disk_that_takes_nothing_any_more_leaves_what_it_took() {
    let upstream = service();
    for (before, error) in [(1, "EIO"), (3, "ENOSPC"), (10, "EIO")] {
        let folder = tempfile::tempdir().unwrap();
        let tape = folder.path().join("full.tape");
        let disk = Disk::of(&tape, error);
        let server = Server::record_so(&disk.inject(), &upstream, &tape, &[]);
        let mut caller = Caller::of(&server);
        caller.call(before, 10);
        disk.fails();
        caller.call(30 - before, 10);
        let health = server.admin("health");
        assert_eq!(health["status"], "failing", "{health}");
        assert!(
            health["trouble"]["why"]
                .as_str()
                .unwrap()
                .contains("os error")
        );
        let (code, words) = server.end_somehow();
        assert_eq!(code, Some(4), "{words}");
        disk.goes_on();
        let (document, notices) = shown(&tape);
        assert!(notices.contains("there is no trailer"), "{notices}");
        // Each operation of one caller has a write of its own.
        assert_eq!(held(&document), (0..before).collect::<Vec<u64>>());
        let lost = format!("missing: {} events", 30 - before);
        assert!(words.contains(&lost), "{words}");
    }
}

#[test]
fn a_failed_sync_is_not_tried_again_and_the_next_segment_says_what_is_uncertain() {
    let upstream = service();
    for failing in [1, 2, 7] {
        let folder = tempfile::tempdir().unwrap();
        let tape = folder.path().join("sync.tape");
        let what = format!("-einject=fdatasync:error=EIO:when={failing}");
        let arguments = ["--durability", "synced"];
        let server = Server::record_so(&inject(&what, &tape), &upstream, &tape, &arguments);
        let mut caller = Caller::of(&server);
        caller.call(12, 10);
        let (code, words) = server.end_somehow();
        assert_eq!(code, Some(4), "{words}");
        assert!(folder.path().join("sync.000002.tape").is_file());
        let (document, notices) = shown(&tape);
        assert_eq!(held(&document), (0..12).collect::<Vec<u64>>());
        assert_eq!(in_gaps(&document, "uncertain"), 1, "{document}");
        assert!(notices.contains("would not say"), "{notices}");
        assert!(words.contains("uncertain: 1 event"), "{words}");
    }
}

#[test]
fn what_the_disk_does_not_take_while_more_comes_is_uncertain() {
    let upstream = service();
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("long.tape");
    // It is asked by a thread of its own each time.
    let by = inject("-einject=fdatasync:error=EIO:when=1", &tape);
    let server = Server::record_so(&by, &upstream, &tape, &[]);
    let mut caller = Caller::of(&server);
    let next = folder.path().join("long.000002.tape");
    while !next.is_file() {
        assert!(caller.called < 200, "the disk was never asked");
        caller.call(1, 500_000);
    }
    let before = caller.called;
    caller.call(2, 10);
    let (code, words) = server.end_somehow();
    assert_eq!(code, Some(4), "{words}");
    let (document, notices) = shown(&tape);
    assert_eq!(held(&document), (0..before + 2).collect::<Vec<u64>>());
    let uncertain = in_gaps(&document, "uncertain");
    assert!((1..=before).contains(&uncertain), "{uncertain} of {before}");
    assert!(notices.contains("would not say"), "{notices}");
    let events = format!("uncertain: {uncertain} events");
    assert!(words.contains(&events), "{words}");
}

#[test]
fn stop_lets_nothing_in_that_cannot_be_recorded() {
    let upstream = service();
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("stop.tape");
    let disk = Disk::of(&tape, "ENOSPC");
    let arguments = ["--on-failure", "stop"];
    let server = Server::record_so(&disk.inject(), &upstream, &tape, &arguments);
    let mut caller = Caller::of(&server);
    caller.call(2, 10);
    disk.fails();
    caller.call(1, 10); // it finds the disk full, and was under way
    let (status, content) = caller.ask(10).unwrap();
    assert_eq!(
        (status, content["error"].as_str()),
        (503, Some("not-recording"))
    );
    assert!(
        content["trouble"].as_str().unwrap().contains("os error"),
        "{content}"
    );
    disk.goes_on();
    // Nothing was lost: when the disk takes it, requests are let in again.
    while caller.ask(10).unwrap().0 == 503 {
        std::thread::yield_now();
    }
    caller.called += 1;
    caller.call(2, 10);
    server.end_well();
    let (document, _) = shown(&tape);
    assert_eq!(held(&document), (0..6).collect::<Vec<u64>>());
}

#[test]
fn stop_lets_nothing_in_any_more_once_something_is_lost() {
    let upstream = service();
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("stop.tape");
    let disk = Disk::of(&tape, "EIO");
    // Room for the second operation in the queue, and not for it in the file that takes nothing.
    let arguments = ["--on-failure", "stop", "--max-queue", "2500"];
    let server = Server::record_so(&disk.inject(), &upstream, &tape, &arguments);
    let mut caller = Caller::of(&server);
    caller.call(1, 10);
    disk.fails();
    caller.call(1, 3000);
    disk.goes_on();
    for _ in 0..3 {
        let (status, content) = caller.ask(10).unwrap();
        assert_eq!(status, 503, "{content}");
        assert!(
            content["message"]
                .as_str()
                .unwrap()
                .contains("begin another")
        );
    }
    let (code, words) = server.end_somehow();
    assert_eq!(code, Some(4), "{words}");
    let (document, _) = shown(&tape);
    assert_eq!(accounted(&document, 2), 1);
}
