//! A clock that is set to and fro while a recording goes on: libfaketime shows it another wall time for each
//! request.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::server::Server;
use crate::wire::{self, Wire};

/// What the clock shows before each request, beside the time that it is.
const JUMPS: [&str; 6] = ["+0", "-3600", "+86400", "-86400", "+3650d", "-3650d"];

/// How long the service takes for each answer.
const WORK: Duration = Duration::from_millis(50);

/// How long an exchange takes at most on a machine that does other things too, in microseconds; the least
/// jump is an hour.
const MOST: u64 = 600_000_000;

#[test]
fn a_clock_that_jumps_disturbs_neither_order_nor_durations() {
    let upstream = wire::upstream(|wire| {
        loop {
            let request = wire.head()?;
            wire.digest(request.length)?;
            std::thread::sleep(WORK);
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().join("shown");
    fs::write(&shown, "-3650d\n").unwrap();
    let library = format!("LD_PRELOAD={}", library());
    let file = format!("FAKETIME_TIMESTAMP_FILE={}", shown.display());
    let by = [
        "env",
        &library,
        &file,
        "FAKETIME_NO_CACHE=1",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
    ];
    let path = folder.path().join("clock.tape");
    let recording = Server::record_by(&by, &upstream, &path);
    let mut client = Wire::connect(&recording.origin).unwrap();
    for (number, jump) in JUMPS.iter().enumerate() {
        fs::write(&shown, format!("{jump}\n")).unwrap();
        let request = format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n");
        client.send(request.as_bytes()).unwrap();
        let answer = client.head().unwrap();
        client.digest(answer.length).unwrap();
    }
    recording.end_well();
    let tape = fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = tape
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let started = lines[0]["started"].as_str().unwrap();
    let year = |text: &str| text[..4].parse::<u32>().unwrap();
    let now = Command::new("date").arg("+%Y").output().unwrap();
    let now = year(&String::from_utf8(now.stdout).unwrap());
    assert!(year(started) + 9 <= now, "{started}: it saw the real clock");
    let operations = lines.iter().filter(|line| line["kind"] == "operation");
    let mut before = 0;
    let mut found = Vec::new();
    for operation in operations {
        let (at, answered) = (&operation["at"], &operation["answered"]);
        let (at, answered) = (at.as_u64().unwrap(), answered.as_u64().unwrap());
        let work = u64::try_from(WORK.as_micros()).unwrap();
        assert!(at >= before, "{operation}");
        assert!((work..MOST).contains(&(answered - at)), "{operation}");
        assert!(answered < MOST, "{operation}");
        before = answered;
        found.push(operation["request"]["target"].as_str().unwrap().to_owned());
    }
    assert_eq!(found, ["/0", "/1", "/2", "/3", "/4", "/5"]);
}

/// Where libfaketime is: what the program of that name would have loaded.
fn library() -> String {
    let told = Command::new("faketime")
        .args(["-f", "+0", "printenv", "LD_PRELOAD"])
        .output();
    let told = told.expect("this test runs faketime, which is missing: install it");
    let path = String::from_utf8(told.stdout).unwrap().trim().to_owned();
    assert!(!path.is_empty(), "faketime names no library");
    path
}
