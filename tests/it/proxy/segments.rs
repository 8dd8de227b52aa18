//! Recordings in segments: rotated by size, by time and by SIGHUP, pruned, killed, and read as one tape.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use super::*;

/// How many operations a client calls in one go: enough for some segments of the smallest size.
const CALLS: usize = 12;

fn service() -> Upstream {
    Upstream::answering(|_, content| ok(&format!(r#"{{"said":{content}}}"#)))
}

/// Calls operations one after the other, and has each answer whole.
fn call(recording: &Recording, from: usize, count: usize) {
    let mut client = recording.connect();
    for number in from..from + count {
        let content = format!(r#"{{"number":{number}}}"#);
        let length = content.len();
        client.send(&format!(
            "POST /calls/{number} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{content}"
        ));
        assert_eq!(client.message().1, format!(r#"{{"said":{content}}}"#));
    }
}

fn antiphon(arguments: &[&str], tape: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
    command.args(arguments).arg(tape).output().unwrap()
}

/// What a command prints about a tape; it must be content with it, and say this often that it is not quite.
fn content(arguments: &[&str], tape: &Path, notices: usize) -> String {
    let output = antiphon(arguments, tape);
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{words}");
    assert_eq!(words.matches("notice: ").count(), notices, "{words}");
    String::from_utf8(output.stdout).unwrap()
}

/// The targets of the operations on a tape.
fn targets(tape: &Path, notices: usize) -> Vec<String> {
    let shown = content(&["show", "--json"], tape, notices);
    let document: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let operations = document["operations"].as_array().unwrap().iter();
    let targets = operations.map(|operation| operation["target"].as_str().unwrap().to_owned());
    targets.collect()
}

fn called(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    let numbers = numbers.into_iter();
    numbers.map(|number| format!("/calls/{number}")).collect()
}

/// The segments in a folder, in their order.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut tapes: Vec<PathBuf> = paths
        .filter(|path| path.to_str().unwrap().contains("/0"))
        .collect();
    tapes.sort();
    tapes
}

fn await_segments(folder: &Path, count: usize) {
    let began = Instant::now();
    while segments(folder).len() < count {
        assert!(began.elapsed() < PATIENCE, "{:?}", segments(folder));
        thread::yield_now();
    }
}

#[test]
fn segments_play_as_the_one_tape_of_the_same_traffic() {
    let service = service();
    let mut whole = Recording::start(service.address, &[]);
    call(&whole, 0, CALLS);
    assert_eq!(whole.end(), Some(0));
    let mut parts = Recording::start(service.address, &["--rotate", "1KiB"]);
    call(&parts, 0, CALLS);
    assert_eq!(parts.end(), Some(0));
    assert!(segments(&parts.tape()).len() > 3);
    let digest = content(&["verify"], &whole.tape(), 0);
    assert!(digest.starts_with("blake3:"), "{digest}");
    assert_eq!(content(&["verify"], &parts.tape(), 0), digest);
    assert_eq!(targets(&parts.tape(), 0), called(0..CALLS));
    content(&["format", "--lines", "--check"], &parts.tape(), 0);
    content(&["format"], &parts.tape(), 0);
    assert_eq!(
        antiphon(&["format", "--lines", "--check"], &parts.tape())
            .status
            .code(),
        Some(1)
    );
    assert_eq!(content(&["verify"], &parts.tape(), 0), digest);
}

#[test]
fn compressed_segments_play_the_same_and_outlive_a_kill() {
    let service = service();
    let mut whole = Recording::start(service.address, &[]);
    call(&whole, 0, CALLS);
    assert_eq!(whole.end(), Some(0));
    let mut whole = whole.again(service.address, &["--append"]);
    call(&whole, CALLS, CALLS);
    assert_eq!(whole.end(), Some(0));
    let digest = content(&["verify"], &whole.tape(), 0);
    for rotate in [&["--rotate", "1KiB"][..], &[]] {
        let arguments = [rotate, &["--compress"]].concat();
        let mut recording = Recording::start(service.address, &arguments);
        let tape = recording.tape();
        call(&recording, 0, CALLS);
        recording.kill();
        let shown = antiphon(&["show", "--json"], &tape);
        let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        assert_eq!(shown["operations"].as_array().unwrap().len(), CALLS);
        let arguments = [rotate, &["--compress", "--append"]].concat();
        let mut recording = recording.again(service.address, &arguments);
        call(&recording, CALLS, CALLS);
        assert_eq!(recording.end(), Some(0));
        assert_eq!(targets(&recording.tape(), 0), called(0..2 * CALLS));
        assert_eq!(content(&["verify"], &recording.tape(), 0), digest);
    }
}

#[test]
fn a_recording_in_segments_goes_on() {
    let service = service();
    let mut recording = Recording::start(service.address, &["--rotate", "1KiB"]);
    call(&recording, 0, CALLS);
    assert_eq!(recording.end(), Some(0));
    for from in [CALLS, 2 * CALLS] {
        recording = recording.again(service.address, &["--rotate", "1KiB", "--append"]);
        call(&recording, from, CALLS);
        assert_eq!(recording.end(), Some(0));
    }
    assert_eq!(targets(&recording.tape(), 0), called(0..3 * CALLS));
}

#[test]
fn time_turns_a_recording_that_nobody_uses() {
    let service = service();
    let mut recording = Recording::start(service.address, &["--rotate", "200ms"]);
    let folder = recording.tape();
    call(&recording, 0, 1);
    await_segments(&folder, 2);
    // One that holds nothing yet stays: there is no row of empty ones.
    call(&recording, 1, 1);
    await_segments(&folder, 3);
    assert_eq!(recording.end(), Some(0));
    assert_eq!(segments(&folder).len(), 3);
    assert_eq!(targets(&folder, 0), called(0..2));
}

#[test]
fn the_oldest_segments_go_and_nothing_else_does() {
    let service = service();
    let keep = ["--rotate", "1KiB", "--keep", "3"];
    let mut recording = Recording::start(service.address, &keep);
    let folder = recording.tape();
    let notes = folder.join("notes.txt");
    fs::write(&notes, "mine").unwrap();
    call(&recording, 0, 3 * CALLS);
    assert_eq!(recording.end(), Some(0));
    assert_eq!(segments(&folder).len(), 3);
    assert!(notes.exists());
    let kept = targets(&folder, 1);
    assert_eq!(kept, called(3 * CALLS - kept.len()..3 * CALLS));
    content(&["verify"], &folder, 1);
    let words = antiphon(&["show"], &folder).stderr;
    let words = String::from_utf8(words).unwrap();
    assert!(words.contains("it begins with segment "), "{words}");
}

#[test]
fn old_segments_go_by_their_age_and_by_their_size() {
    let service = service();
    let mut recording = Recording::start(service.address, &["--rotate", "1KiB"]);
    let folder = recording.tape();
    call(&recording, 0, CALLS);
    assert_eq!(recording.end(), Some(0));
    let before = segments(&folder);
    let old = fs::File::options().write(true).open(&before[0]).unwrap();
    let hours = std::time::SystemTime::now() - Duration::from_secs(3 * 3_600);
    old.set_modified(hours).unwrap();
    let mut recording = recording.again(
        service.address,
        &["--rotate", "1KiB", "--append", "--keep", "2h"],
    );
    call(&recording, CALLS, CALLS);
    assert_eq!(recording.end(), Some(0));
    assert!(!before[0].exists() && before[1].exists());
    let mut recording = recording.again(
        service.address,
        &["--rotate", "1KiB", "--append", "--keep", "6KiB"],
    );
    call(&recording, 2 * CALLS, CALLS);
    assert_eq!(recording.end(), Some(0));
    let sizes = segments(&folder).into_iter();
    let sizes: Vec<u64> = sizes
        .map(|path| fs::metadata(path).unwrap().len())
        .collect();
    assert!(
        sizes.len() > 2 && sizes[1..].iter().sum::<u64>() <= 6 << 10,
        "{sizes:?}"
    );
}

#[test]
fn a_segment_that_is_a_stranger_is_not_deleted() {
    let service = service();
    let keep = ["--rotate", "1KiB", "--keep", "1"];
    let mut recording = Recording::start(service.address, &keep);
    let folder = recording.tape();
    let stranger = folder.join("000000.tape");
    fs::write(&stranger, "{}").unwrap();
    call(&recording, 0, CALLS);
    assert!(stranger.exists() && segments(&folder).len() > 3);
    recording.kill();
    assert_eq!(antiphon(&["show"], &folder).status.code(), Some(3));
}

#[test]
fn a_hangup_turns_a_folder_and_reopens_a_file() {
    let service = service();
    let mut recording = Recording::start(service.address, &["--rotate", "1h"]);
    let folder = recording.tape();
    call(&recording, 0, 1);
    recording.signal("-HUP");
    await_segments(&folder, 2);
    call(&recording, 1, 1);
    assert_eq!(recording.end(), Some(0));
    assert_eq!(targets(&folder, 0), called(0..2));

    let mut recording = Recording::start(service.address, &[]);
    let tape = recording.tape();
    let rotated = tape.with_file_name("t.tape.1");
    call(&recording, 0, 1);
    fs::rename(&tape, &rotated).unwrap();
    recording.signal("-HUP");
    let began = Instant::now();
    while !tape.exists() {
        assert!(began.elapsed() < PATIENCE);
        thread::yield_now();
    }
    call(&recording, 1, 1);
    assert_eq!(recording.end(), Some(0));
    assert_eq!(targets(&rotated, 0), called(0..1));
    assert_eq!(targets(&tape, 1), called(1..2));
}

#[test]
fn a_recorder_that_is_killed_while_it_turns_loses_nothing() {
    let service = service();
    let arguments = ["--rotate", "1KiB", "--append"];
    let mut recording = Recording::start(service.address, &arguments);
    let mut from = 0;
    for count in 1..CALLS {
        call(&recording, from, count);
        from += count;
        recording.kill();
        recording = recording.again(service.address, &arguments);
    }
    assert_eq!(recording.end(), Some(0));
    let shown = antiphon(&["show", "--json"], &recording.tape());
    let document: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(document["operations"].as_array().unwrap().len(), from);
}

#[test]
fn what_is_no_recording_in_segments_is_refused() {
    let service = service();
    let mut first = Recording::start(service.address, &["--rotate", "1KiB"]);
    call(&first, 0, CALLS);
    assert_eq!(first.end(), Some(0));
    let mut second = Recording::start(service.address, &["--rotate", "1KiB"]);
    call(&second, 0, CALLS);
    assert_eq!(second.end(), Some(0));
    let refused = |folder: &Path, why: &str| {
        let output = antiphon(&["show"], folder);
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{words}");
        assert!(words.contains(why), "{words}");
    };
    let (ours, theirs) = (first.tape(), second.tape());
    fs::remove_file(ours.join("000002.tape")).unwrap();
    let hole = antiphon(&["show"], &ours);
    let words = String::from_utf8(hole.stderr).unwrap();
    assert!(
        hole.status.success() && words.contains("segment 2 is missing"),
        "{words}"
    );
    fs::copy(theirs.join("000001.tape"), ours.join("000002.tape")).unwrap();
    refused(&ours, "it says that it is segment 1");
    fs::copy(theirs.join("000002.tape"), ours.join("000002.tape")).unwrap();
    refused(&ours, "of another recording");
    fs::remove_file(ours.join("000002.tape")).unwrap();
    fs::write(ours.join("chat.tape"), "").unwrap();
    refused(&ours, "it is no segment");
    let empty = tempfile::tempdir().unwrap();
    refused(empty.path(), "has no segments");
}
